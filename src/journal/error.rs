//! What can go wrong with the journal.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use super::BatchId;
use crate::error::{Explain, place};
use crate::text::printable::Show as _;

/// What can go wrong with the journal. Losing the journal costs work, never a frame.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "every field is the path or the cause that its message shows")]
pub enum JournalError {
    /// Another process has the lock.
    #[error(
        "{} is in use by another reeld{}",
        state_dir.shown(),
        pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
    )]
    Locked { state_dir: PathBuf, pid: Option<u32> },
    /// The state directory or a file in it cannot be used.
    #[error("cannot use {}", path.shown())]
    StateDir { path: PathBuf, source: io::Error },
    /// A later reeld wrote it.
    #[error("{} was written by a later reeld: version {found}, this one knows {known}", path.shown())]
    Newer { path: PathBuf, found: i64, known: i64 },
    /// SQLite refused.
    #[error("cannot use the journal {}", path.shown())]
    Sql { path: PathBuf, source: rusqlite::Error },
    /// A batch is not there, or not in a state for this step.
    #[error("batch {id} is not in the journal, or not in a state to be {step}")]
    OutOfStep { id: BatchId, step: &'static str },
}

impl Explain for JournalError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Locked { .. } => {
                Some("stop the other one, or give this one another `state_dir` or $STATE_DIRECTORY".to_owned())
            }
            Self::StateDir { path, source } => Some(place::hint(path, source, "`state_dir`")),
            Self::Newer { path, .. } => Some(format!("use the later reeld, or move {} away", path.shown())),
            Self::Sql { path, source } => match source.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => Some(format!("free some space for {}", path.shown())),
                Some(ErrorCode::ReadOnly) => Some(format!("make {} writable", path.shown())),
                Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Some(format!(
                    "let the user that reeld runs as read and write {} and its folder, or set `state_dir` elsewhere",
                    path.shown()
                )),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    Some(format!("end the other program that has {} open", path.shown()))
                }
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    Some("start reeld again: it sets a damaged journal aside and begins a new one".to_owned())
                }
                Some(ErrorCode::SystemIoFailure) => Some(format!("look at the disk of {}", path.shown())),
                _ => None,
            },
            Self::OutOfStep { .. } => None,
        }
    }
}
