//! Why a batch does not become a video, and what follows from that.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::deliver::cleanup::CleanupError;
use crate::deliver::publish::PublishError;
use crate::encode::recipe::RecipeError;
use crate::encode::store::StoreError;
use crate::encode::{EncodeError, FailureKind};
use crate::error::{Explain, chain};
use crate::frame::FrameError;
use crate::journal::JournalError;
use crate::text::printable::Show as _;

/// Why a batch did not become a reel. Its frames are untouched.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum JobError {
    #[error("the frames changed since the sequence was finished")]
    FramesChanged(#[source] FrameError),
    #[error("{dir} is not there", dir = dir.shown())]
    FolderGone { dir: PathBuf },
    #[error("no frame of {dir} can be read", dir = dir.shown())]
    NoFrames { dir: PathBuf },
    #[error("the sequence in {dir} is not complete: {what}", dir = dir.shown())]
    Incomplete { dir: PathBuf, what: String },
    #[error("the sequence in {dir} changes its size: {what}", dir = dir.shown())]
    SizeChanges { dir: PathBuf, what: String },
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error(transparent)]
    Encode(EncodeError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Cleanup(#[from] CleanupError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{path}: {why}", path = path.shown())]
    Away { path: PathBuf, why: String, hint: Option<String> },
    /// Past the point of no return: the video may have its name.
    #[error("{}; whether the video has its name is looked at again", chain(.0))]
    Unsettled(Box<JobError>),
    /// The journal still has the batch as one that is being worked on.
    #[error("{}; that cannot be recorded", chain(error))]
    NotRecorded { error: Box<JobError>, source: JournalError },
    #[error("stopped")]
    Stopped,
    #[error("reeld itself failed: {0}")]
    Panicked(String),
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// The same batch is done at the next start.
    LaterAgain,
    /// The batch as it was frozen exists no more: its files are looked at afresh.
    Stale,
    /// Tried again after the usual pauses, which grow, for ever.
    BackOff,
    /// Something outside must change first, such as a full disk: tried again this much later, without counting.
    Hold(Duration),
    /// Nothing is decided: what became of it is looked at when this much time has passed, as at a start.
    Settle(Duration),
    /// Trying again would certainly fail again, until the files or the settings change.
    GiveUp,
}

/// Time between two looks at an output folder that is full, missing or read-only.
const HOLD: Duration = Duration::from_secs(60);

impl Explain for JobError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::FramesChanged(error) => error.hint(),
            Self::FolderGone { .. } => {
                Some("if it is on a disk that is not mounted, mount it; the batch waits".to_owned())
            }
            Self::NoFrames { .. } => Some("`reeld scan` says what is wrong with each file".to_owned()),
            Self::Incomplete { .. } => Some(
                "render what is missing, or set `missing_frames = \"skip\"` or `\"hold\"`; then `reeld retry`"
                    .to_owned(),
            ),
            Self::SizeChanges { .. } => {
                Some("remove the odd one out, or set `size_change = \"fit\"`; then `reeld retry`".to_owned())
            }
            Self::Recipe(error) => error.hint(),
            Self::Encode(error) => error.hint(),
            // What could not be recorded says itself what to do.
            Self::Publish(PublishError::NotRecorded { source, .. }) => {
                source.downcast_ref::<JournalError>().and_then(Explain::hint)
            }
            Self::Publish(error) => error.hint(),
            Self::Cleanup(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Journal(error) => error.hint(),
            Self::Away { hint, .. } => hint.clone(),
            Self::Unsettled(error) => error.hint(),
            Self::NotRecorded { error, source } => source.hint().or_else(|| error.hint()),
            Self::Stopped => None,
            Self::Panicked(_) => Some("this is a bug in reeld; the frames are untouched".to_owned()),
        }
    }

    fn retryable(&self) -> bool {
        self.consequence() != Consequence::GiveUp
    }
}

impl JobError {
    pub(crate) fn consequence(&self) -> Consequence {
        match self {
            Self::Stopped => Consequence::LaterAgain,
            Self::FramesChanged(_) => Consequence::Stale,
            Self::Unsettled(_) | Self::NotRecorded { .. } => Consequence::Settle(HOLD),
            Self::FolderGone { .. } | Self::Away { .. } => Consequence::Hold(HOLD),
            Self::Publish(error) if error.retryable() => Consequence::Hold(HOLD),
            Self::Encode(error) if is_disk_full(error) => Consequence::Hold(HOLD),
            Self::Encode(error) if !error.retryable() => Consequence::GiveUp,
            Self::Encode(_)
            | Self::Store(_)
            | Self::Journal(_)
            | Self::Panicked(_)
            | Self::Publish(_)
            | Self::Cleanup(_) => Consequence::BackOff,
            Self::NoFrames { .. } | Self::Incomplete { .. } | Self::SizeChanges { .. } | Self::Recipe(_) => {
                Consequence::GiveUp
            }
        }
    }
}

impl From<EncodeError> for JobError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Stopped => Self::Stopped,
            EncodeError::FrameChanged(error) => Self::FramesChanged(error),
            error => Self::Encode(error),
        }
    }
}

fn is_disk_full(error: &EncodeError) -> bool {
    match error {
        EncodeError::Failed(failure) => failure.kind == FailureKind::DiskFull,
        EncodeError::Io { source, .. } => source.kind() == io::ErrorKind::StorageFull,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
