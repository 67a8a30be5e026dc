//! What follows from a failure: whether a batch is tried again, waits, or is given up.
//!
//! Owns that decision for every error that a job can end with. How long the pauses are between two attempts is in
//! `journal::backoff`.

use std::io;
use std::time::Duration;

use crate::encode::{EncodeError, FailureKind};
use crate::error::Explain as _;
use crate::pipeline::error::JobError;

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
    Wait(Duration),
    /// Nothing is decided: what became of it is looked at when this much time has passed, as at a start.
    Recover(Duration),
    /// Trying again would certainly fail again, until the files or the settings change.
    GiveUp,
}

/// Time between two looks at an output folder that is full, missing or read-only.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

impl JobError {
    pub(crate) fn consequence(&self) -> Consequence {
        match self {
            Self::Stopped => Consequence::LaterAgain,
            Self::FramesChanged(_) => Consequence::Stale,
            Self::OutcomeUnknown(_) | Self::NotRecorded { .. } => Consequence::Recover(LOOK_AGAIN),
            Self::FolderGone { .. } | Self::Away { .. } => Consequence::Wait(LOOK_AGAIN),
            Self::Publish(error) if error.retryable() => Consequence::Wait(LOOK_AGAIN),
            Self::Encode(error) if is_disk_full(error) => Consequence::Wait(LOOK_AGAIN),
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

fn is_disk_full(error: &EncodeError) -> bool {
    match error {
        EncodeError::Failed(failure) => failure.kind == FailureKind::DiskFull,
        EncodeError::Io { source, .. } => source.kind() == io::ErrorKind::StorageFull,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
