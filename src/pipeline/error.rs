//! Why a batch does not become a video. What follows from that is in `pipeline::consequence`.

use std::path::PathBuf;

use thiserror::Error;

use crate::deliver::cleanup::CleanupError;
use crate::deliver::publish::PublishError;
use crate::encode::EncodeError;
use crate::encode::chunk::store::StoreError;
use crate::encode::recipe::RecipeError;
use crate::error::{Explain, chain};
use crate::frame::FrameError;
use crate::journal::JournalError;
use crate::pipeline::consequence::Consequence;
use crate::text::printable::Show as _;

/// Why a batch did not become a video. Its frames are untouched.
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
    OutcomeUnknown(Box<JobError>),
    /// The journal still has the batch as one that is being worked on.
    #[error("{}; that cannot be recorded", chain(error))]
    NotRecorded { error: Box<JobError>, source: JournalError },
    #[error("stopped")]
    Stopped,
    #[error("reeld itself failed: {0}")]
    Panicked(String),
}

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
            Self::OutcomeUnknown(error) => error.hint(),
            Self::NotRecorded { error, source } => source.hint().or_else(|| error.hint()),
            Self::Stopped => None,
            Self::Panicked(_) => Some("this is a bug in reeld; the frames are untouched".to_owned()),
        }
    }

    fn retryable(&self) -> bool {
        self.consequence() != Consequence::GiveUp
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
