//! The journal as the commands beside the daemon open it.

use std::path::Path;

use super::error::CliError;
use super::out;
use crate::journal::{Journal, JournalError, Lock};
use crate::pipeline::clock::now_ms;
use crate::text::printable::Show as _;

/// An open journal, with the lock where nobody else has it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) journal: Journal,
    /// Held for as long as this lives, so that no second process puts the journal in order at the same time.
    lock: Option<Lock>,
}

impl State {
    /// Whether no daemon uses the state directory.
    pub(crate) fn is_alone(&self) -> bool {
        self.lock.is_some()
    }
}

/// Opens the journal of `state_dir`: as its only user, or beside the daemon that runs.
pub(crate) fn open(state_dir: &Path) -> Result<State, CliError> {
    match Lock::try_acquire(state_dir) {
        Ok(lock) => {
            let (journal, set_aside) = Journal::open(&lock)?;
            if let Some(path) = set_aside {
                out::say(&format!("warning: the journal was damaged and is set aside as {}", path.shown()));
            }
            journal.recover(now_ms())?;
            Ok(State { journal, lock: Some(lock) })
        }
        Err(JournalError::Locked { .. }) => Ok(State { journal: Journal::open_beside(state_dir)?, lock: None }),
        Err(error) => Err(error.into()),
    }
}
