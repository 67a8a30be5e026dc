//! What people are told of, in the log and wherever else. Plain data; `daemon::log` has the words.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::core::command::Trouble;
use crate::core::event::{Failure, RootStatus};
use crate::journal::BatchId;
use crate::pipeline::consequence::Consequence;
use crate::pipeline::job::Job;
use crate::pipeline::run::Delivered;
use crate::sequence::group::LeftAlone;
use crate::sequence::tracker::ExistingCount;
use crate::sequence::{Batch, Pattern};

/// What to do about a batch that waits because its folder is not watched any more.
pub(crate) const NOT_WATCHED_HINT: &str = "watch its folder again, or `reeld encode` it";

/// What to do about a wrong file beside the frames.
pub(crate) const MEND_FILE: &str =
    "mend the file, or remove it; `folder_config = false` in the config has such files ignored";

/// Something that people want to know.
#[derive(Debug)]
pub(crate) enum News {
    /// All roots were read once.
    Ready { roots: usize },
    /// A root is there, or is not. `known` says whether something was told of it before.
    Root { root: Arc<Path>, status: RootStatus, known: bool },
    /// A root could not be read, for a reason that nobody expected.
    ScanLost { root: Arc<Path>, failure: Failure },
    /// What a newly watched root holds already and nobody asked for.
    FoundExisting { root: Arc<Path>, count: ExistingCount },
    /// A folder cannot be read.
    Unreadable { dir: Arc<Path>, failure: Failure },
    /// A file beside the frames says these keys of the videos of its folder, or says nothing any more.
    FolderFile { dir: Arc<Path>, keys: Option<String> },
    /// Such a file is wrong, and its folder waits.
    FolderFileRefused { dir: Arc<Path>, failure: Failure },
    /// A sequence is finished, with these frames.
    Finished(Batch),
    /// Images of a folder are in no sequence.
    LeftAlone { dir: Arc<Path>, why: LeftAlone, count: usize, example: BString },
    /// Something about a sequence; a warning where there is a hint.
    Sequence { dir: Arc<Path>, pattern: Pattern, text: String, hint: Option<String> },
    /// A job begins.
    Encoding(Arc<Job>),
    /// A batch waits in the journal for its folder to be watched again.
    NotWatched { id: BatchId, sequence: String },
    /// A video is there.
    Delivered { job: Arc<Job>, delivered: Box<Delivered> },
    /// A job made no video.
    Failed { job: Arc<Job>, failure: Failure, consequence: Consequence },
    /// A video had its name already when its job ended.
    RecordedLate(PathBuf),
    /// The journal cannot be used; it is tried again.
    JournalFailed { failure: Failure, again: Duration },
    /// The config that was read again is in force.
    Reloaded { roots: usize },
    /// The config that was read again is wrong, and the one before it stays in force.
    Refused(Failure),
    /// No video can be made by the settings of a root.
    Trouble(Trouble),
    /// Videos can be made by its settings again.
    TroubleOver { root: String },
    /// The recipes could not be tried, for a reason that nobody expected.
    TrialLost(Failure),
    /// The daemon stops.
    Stopping { running: usize },
}
