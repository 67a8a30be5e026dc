//! Everything that can happen to a running daemon.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::daemon::batches::DueWork;
use crate::daemon::command::{Command, Reply};
use crate::daemon::error::ReloadError;
use crate::daemon::ground::Ground;
use crate::daemon::live::LiveEvent;
use crate::daemon::reader::{ReaderId, Report};
use crate::daemon::reload::Fresh;
use crate::daemon::signals::Signal;
use crate::daemon::trials::Tried;
use crate::journal::JournalError;
use crate::model::Identity;
use crate::pipeline::error::JobError;
use crate::pipeline::job::{Job, Queued};
use crate::pipeline::run::Delivered;
use crate::sequence::Batch;
use crate::sequence::tracker;

/// Files of a folder, by identity.
pub(crate) type Files = (PathBuf, Vec<Identity>);

/// The one event type of the one loop.
#[derive(Debug)]
pub(crate) enum Event {
    /// Folders of a root were read.
    Read(Report),
    /// A folder was read again, and what is new below it, because a sequence in it is being looked at.
    Relisted(Report),
    /// The files of a finished sequence were looked at by this reader: the tracker's answer.
    Inspected(ReaderId, tracker::Event),
    /// Batches are in the journal and may be encoded.
    Enqueue(Vec<Queued>),
    /// Something about a sequence that is encoded before it is finished.
    Live(LiveEvent),
    /// A job came to its end.
    Ended {
        /// Which.
        job: Arc<Job>,
        /// How.
        outcome: Result<Delivered, JobError>,
    },
    /// A sealed batch could not be put into the journal.
    NotBegun {
        /// The batch.
        batch: Box<Batch>,
        /// Why not.
        error: JournalError,
    },
    /// What the journal was asked for.
    DueWork(Result<DueWork, JobError>),
    /// Somebody changed the journal: there may be work.
    JournalChanged,
    /// The journal could not be changed.
    JournalFailed(JournalError),
    /// The batches of a folder were forgotten.
    Forgotten {
        /// The folder.
        dir: PathBuf,
        /// The files that they held are free again.
        released: Result<Vec<Files>, JournalError>,
    },
    /// The config was read again.
    Reloaded(Result<Box<Fresh>, ReloadError>),
    /// The recipes of the roots were tried.
    Tried(Tried),
    /// A client asks.
    Asked(Command, oneshot::Sender<Reply>),
    /// The operating system asks.
    Signal(Signal),
    /// Mounts or the state directory changed.
    Ground(Ground),
}
