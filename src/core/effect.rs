//! Everything that the core wants done. Plain data; the daemon carries it out.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::config::{Root, Settings};
use crate::core::command::{Reply, RetryTarget};
use crate::core::event::ReadRequest;
use crate::core::live::live_encode::Serial;
use crate::core::live::{Era, Key, MakerId};
use crate::core::news::News;
use crate::core::roots::{ListingFingerprint, ReaderId};
use crate::core::snapshot::Snapshot;
use crate::encode::recipe::ChunkPosition;
use crate::frame::Layer;
use crate::journal::{BatchId, ChunkId};
use crate::model::Identity;
use crate::pipeline::job::Job;
use crate::sequence::generator::Generator;
use crate::sequence::rate::RateEvidence;
use crate::sequence::sizes::SizeChange;
use crate::sequence::{Batch, Frame, FrameNumber, Pattern};

/// A client that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asker(pub(crate) u64);

/// An FFmpeg and a recipe, in words: equal ones need one trial.
pub(crate) type RecipeKey = String;

/// One thing to do. Those with an answer name its event; the answer comes whatever happens.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Begin to watch a root.
    OpenRoot { reader: ReaderId, root: Box<Root> },
    /// Watch it no more: what its reader still reads says nothing.
    CloseRoot(Arc<Path>),
    /// Note which disks the folders of the roots are on.
    LearnPlaces,
    /// Read folders of a root. Answer: `Scanned` or `ScanLost`.
    Read { root: Arc<Path>, reader: ReaderId, request: ReadRequest },
    /// Which watched folders changed since this was last asked? Answer: `Dirty`.
    TakeDirty,
    /// Nobody remembers the files of this folder, which was last read as `seen`, until it is other than that.
    Sleep { root: Arc<Path>, dir: Arc<Path>, seen: ListingFingerprint },
    /// The next reading of a folder counts, also where nothing changed in it.
    Wake { root: Arc<Path>, dir: Arc<Path> },
    /// Much memory is free: give it back to the system.
    GiveBackMemory,
    /// Read the folder once more (`Rescanned`), and look at the files of a sequence. Answer: `Inspected`.
    Inspect { root: Arc<Path>, reader: ReaderId, inspection: Inspection },
    /// Put a sealed batch into the journal. Answer: `Begun` or `NotBegun`.
    Begin { batch: Box<Batch>, root: Box<Root> },
    /// Keep previews that came when the batch of their frames was recorded already.
    KeepPreviews { dir: Arc<Path>, files: Vec<(BString, Identity)> },
    /// Ask the journal for batches to run and frames to remove. Answer: `DueWork`, or `StateGone` before anything else.
    AskJournal(JournalQuestion),
    /// Run a job. Answer: `Ended`.
    Start(Arc<Job>),
    /// End a running job early. It answers as always.
    Cancel(BatchId),
    /// How far are the running jobs? Answer: `Measured`.
    Measure,
    /// Let failed batches be tried again. Answer: `Retried`.
    Retry { asker: Asker, target: RetryTarget, unknown_outcomes: Vec<(BatchId, String)> },
    /// Forget the batches of a folder. Answer: `Forgotten`.
    Forget(PathBuf),
    /// Something about a sequence that is encoded before it is finished.
    Live(LiveEffect),
    /// Do other programs keep the machine busy? Answer: `Load`.
    LookAtLoad,
    /// Read the config again. Answer: `Reloaded`.
    ReadConfig,
    /// These settings are in force from now on.
    Adopt { settings: Arc<Settings>, program: PathBuf },
    /// Try the recipes of the roots, but for the good ones. Answer: `Tried`.
    TryRecipes { good: HashSet<RecipeKey> },
    /// End the trial that is under way. It answers as always.
    StopTrials,
    /// Answer a client.
    Reply(Asker, Reply),
    /// Tell people.
    Tell(Box<News>),
    /// Tell the service manager.
    Notify(Notice),
    /// Log everything that is known.
    Report(Box<Snapshot>),
}

/// One thing to do for a sequence that is encoded before it is finished.
#[derive(Debug)]
pub(crate) enum LiveEffect {
    /// Find out how the frames are encoded that are like this one, and which chunks there are. `evidence` is what was said of
    /// their rate. Answer: `Prepared`.
    Prepare { era: Era, key: Key, maker: MakerId, first: Frame, root: Box<Root>, evidence: RateEvidence },
    /// See whether these files are whole. Answer: `Checked`.
    /// `generator` is who made them, and `layer` which layer of theirs is the picture, where the config says so.
    Check { era: Era, key: Key, frames: Vec<Frame>, generator: Option<Generator>, layer: Option<Layer> },
    /// Start an encoder. Answers: `Drained` whenever it has taken all that it was fed, `Encoded` when it has ended, `Closed`
    /// when its chunk is proved.
    Open { key: Key, serial: Serial, position: ChunkPosition, maker: MakerId },
    /// Feed it these frames, after those before.
    Push { key: Key, serial: Serial, frames: Vec<Frame> },
    /// It gets no more frames.
    End(Serial),
    /// It is not wanted any more. It answers as always.
    Abort(Serial),
    /// These chunks are of no use any more.
    Discard(Vec<ChunkId>),
    /// Write a preview of these chunks.
    Preview { maker: MakerId, chunks: Vec<ChunkId> },
    /// There is no preview of this sequence any more.
    EndPreview(Key),
    /// Nothing more is made by this one.
    Drop(MakerId),
}

/// Which files to look at.
#[derive(Debug, Clone)]
pub(crate) struct Inspection {
    /// The folder.
    pub(crate) dir: Arc<Path>,
    /// The sequence.
    pub(crate) pattern: Pattern,
    /// Its frames, ascending.
    pub(crate) frames: Vec<Frame>,
    /// Whether to gather what speaks for a film, and from which number on.
    pub(crate) weigh: Option<FrameNumber>,
    /// What a change of size means.
    pub(crate) size_change: SizeChange,
    /// Who made the frames, where the config says so.
    pub(crate) generator: Option<Generator>,
    /// Which layer of EXR frames is the picture.
    pub(crate) layer: Option<Layer>,
}

/// What the journal is told and asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JournalQuestion {
    /// Batches that nobody works on, with what went wrong.
    pub(crate) unknown_outcomes: Vec<(BatchId, String)>,
    /// Batches that have their jobs, whatever the journal says.
    pub(crate) busy: Vec<BatchId>,
    /// The config may be another one than before: what waits because of it is looked at afresh.
    pub(crate) reconsider: bool,
}

/// What the service manager is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    Ready,
    Reloading,
    Stopping,
    /// It is alive.
    Ping,
    /// It needs this much more time to stop.
    Extend(Duration),
    /// One line on what goes on.
    Status(String),
}
