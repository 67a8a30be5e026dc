//! Everything that can happen to a running daemon. Plain data.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{FolderFile, Settings};
use crate::core::command::{Command, Trouble};
use crate::core::effect::{Asker, Inspection, RecipeKey};
use crate::core::live::LiveEvent;
use crate::core::recent::Stuck;
use crate::core::roots::{ListingFingerprint, ReaderId};
use crate::error::{Explain, chain};
use crate::journal::BatchId;
use crate::model::Identity;
use crate::pipeline::consequence::Consequence;
use crate::pipeline::error::JobError;
use crate::pipeline::job::Queued;
use crate::pipeline::run::Delivered;
use crate::sequence::Batch;
use crate::sequence::tracker::{InspectionResult, Listing};
use crate::watch::dirty::Dirty;
use crate::watch::native::Urgency;

/// Files of a folder, by identity.
pub(crate) type Files = (PathBuf, Vec<Identity>);

/// The one event type.
#[derive(Debug)]
pub(crate) enum Event {
    /// Time passed.
    Tick,
    /// Watched folders changed.
    Changed(Urgency),
    /// The answer to `TakeDirty`: which folders changed.
    Dirty(Vec<(Arc<Path>, Dirty)>),
    /// Folders of a root were read.
    Scanned(ScanReport),
    /// A folder was read again, and what is new below it, because a sequence in it is being inspected.
    Rescanned(ScanReport),
    /// What was read of a root is not known: its reader failed in a way that nobody expected.
    ScanLost {
        /// The root.
        root: Arc<Path>,
        /// Who read it.
        reader: ReaderId,
        /// What went wrong.
        failure: Failure,
    },
    /// The files of a finished sequence were looked at by this reader.
    Inspected {
        /// Who looked.
        reader: ReaderId,
        /// At what.
        inspection: Inspection,
        /// What was found.
        result: InspectionResult,
    },
    /// A batch is in the journal and may be encoded.
    Begun(Queued),
    /// A sealed batch could not be put into the journal.
    NotBegun {
        /// The batch.
        batch: Box<Batch>,
        /// Why not.
        failure: Failure,
    },
    /// Something about a sequence that is encoded before it is finished.
    Live(LiveEvent),
    /// Whether other programs keep the machine busy.
    Load {
        /// They do.
        busy: bool,
    },
    /// A job came to its end; the journal knows already.
    Ended {
        /// Which.
        id: BatchId,
        /// How.
        outcome: Result<Box<Delivered>, JobFailure>,
    },
    /// What the journal was asked for.
    DueWork(Result<DueWork, Failure>),
    /// Somebody changed the journal: there may be work.
    JournalChanged,
    /// The state directory is not the one that the daemon began with.
    StateGone,
    /// Something was mounted or unmounted.
    MountsChanged,
    /// Failed batches may be tried again.
    Retried {
        /// Who asked for it.
        asker: Asker,
        /// Which batches.
        outcome: Result<Vec<BatchId>, Failure>,
    },
    /// The batches of a folder were forgotten.
    Forgotten {
        /// The folder.
        dir: PathBuf,
        /// The files that they held are free again.
        outcome: Result<Vec<Files>, Failure>,
    },
    /// The config was read again.
    Reloaded(Result<Fresh, Failure>),
    /// The recipes of the roots were tried; what came of it is not known where that failed itself.
    Tried(Result<Tried, Failure>),
    /// How far the running jobs are.
    Measured(Vec<(BatchId, Progress)>),
    /// A client asks.
    Asked(Command, Asker),
    /// SIGTERM, SIGINT: stop gracefully.
    Stop,
    /// SIGHUP: read the config again.
    Reload,
    /// SIGUSR1: log the whole state.
    Report,
}

/// What went wrong, in words: what an error of any type says, as plain data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// With all causes, on one line.
    pub(crate) line: String,
    /// The same in lines.
    pub(crate) lines: String,
    /// What to do about it; empty where nothing is known.
    pub(crate) hint: String,
}

impl Failure {
    pub(crate) fn of<E: Explain + 'static>(error: &E) -> Self {
        let chain = chain(error);
        Self { line: chain.to_string(), lines: chain.in_lines(), hint: error.hint().unwrap_or_default() }
    }
}

/// Why a job did not make a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobFailure {
    /// In words.
    pub(crate) failure: Failure,
    /// What follows from it.
    pub(crate) consequence: Consequence,
}

impl From<JobError> for JobFailure {
    fn from(error: JobError) -> Self {
        Self { failure: Failure::of(&error), consequence: error.consequence() }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Pictures that are encoded.
    pub(crate) frames: u64,
    /// All that are to be.
    pub(crate) total: u64,
}

/// What the journal wants done.
#[derive(Debug, Default)]
pub(crate) struct DueWork {
    /// Batches to encode.
    pub(crate) jobs: Vec<Queued>,
    /// Batches that it was told nobody works on.
    pub(crate) told: Vec<BatchId>,
    /// Videos that had their names already when their jobs ended.
    pub(crate) published: Vec<(PathBuf, Identity)>,
    /// Batches that failed or wait for something; the newest first, and not all where they are many.
    pub(crate) stuck: Vec<Stuck>,
    /// In how long it wants to be asked again.
    pub(crate) next: Option<Duration>,
}

/// A config that was read again, with what follows from it.
#[derive(Debug)]
pub(crate) struct Fresh {
    /// What holds.
    pub(crate) settings: Arc<Settings>,
    /// The FFmpeg that it means.
    pub(crate) program: PathBuf,
}

/// What a trial of all recipes came to.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// What made a video.
    pub(crate) good: HashSet<RecipeKey>,
    /// The roots whose settings made none.
    pub(crate) troubles: Vec<Trouble>,
}

/// What to read of a root.
#[derive(Debug, Clone)]
pub(crate) enum ReadRequest {
    /// Every folder below the root.
    Everything,
    /// These folders, or only some of their names.
    Folders(Vec<(Arc<Path>, Dirty)>),
}

/// What was read of a root.
#[derive(Debug)]
pub(crate) struct ScanReport {
    /// Who read it. What a reader with earlier settings saw is not what is to be seen now.
    pub(crate) reader: ReaderId,
    /// The root.
    pub(crate) root: Arc<Path>,
    /// Whether the root is there. The scans are empty otherwise.
    pub(crate) status: RootStatus,
    /// Whether every folder was read; those that sleep on are not among the scans.
    pub(crate) is_everything: bool,
    /// The folders, those below before those above them.
    pub(crate) scans: Vec<FolderScan>,
    /// Whether files were found that were there before the root was first watched, or that it did not show until now.
    pub(crate) found_existing: bool,
    /// How changes are noticed, as a phrase.
    pub(crate) how: Arc<str>,
    /// How often everything is to be read, where events do not tell all.
    pub(crate) poll: Option<Duration>,
}

impl ScanReport {
    /// Whether all of `dir` was read.
    pub(crate) fn has_listed(&self, dir: &Path) -> bool {
        self.scans.iter().any(|scan| *scan.dir == *dir && matches!(scan.outcome, Some(Ok(_))))
    }

    /// The folders that it shows as a whole.
    pub(crate) fn listed(&self) -> Vec<(Arc<Path>, ListingFingerprint)> {
        let whole = self.scans.iter().filter_map(|scan| match &scan.outcome {
            Some(Ok(listing)) if listing.complete => {
                Some((Arc::clone(&scan.dir), ListingFingerprint::of(&listing.files)))
            }
            _ => None,
        });
        whole.collect()
    }
}

/// Whether a root is the folder that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RootStatus {
    /// It is there.
    There,
    /// It is not, or is another: why, and what to do about it.
    Away { why: String, hint: String },
}

/// What one folder holds.
#[derive(Debug)]
pub(crate) struct FolderScan {
    /// The folder.
    pub(crate) dir: Arc<Path>,
    /// Whether it is read for the first time since the root is there, or since it was put to sleep.
    pub(crate) is_first: bool,
    /// Files in it that batches hold, when the folder is read for the first time.
    pub(crate) claims: Vec<Identity>,
    /// Its files, or why they cannot be known; `None` when the folder is gone.
    pub(crate) outcome: Option<Result<Listing, Failure>>,
    /// What it says of its own videos; `None` where that was not looked at.
    pub(crate) file: Option<FolderWord>,
}

/// The file with settings that a folder has, if it has one, or why that cannot be read.
pub(crate) type FolderWord = Result<Option<FolderFile>, Failure>;
