//! What an encoder was fed, picture by picture, for whoever compares the file with it, also while both grow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::look::Look;

/// What pictures look like, in order. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Pictures(Arc<Mutex<Vec<Look>>>);

impl Pictures {
    /// One more, behind those before.
    pub(super) fn push(&self, picture: Look) {
        self.lock().push(picture);
    }

    /// That of picture `index`, from 0, if it was fed already.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<Look> {
        usize::try_from(index).ok().and_then(|index| self.lock().get(index).cloned())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
