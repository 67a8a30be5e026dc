//! What an encoder was fed, picture by picture, for whoever compares the file with it, also while both grow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::frame::signature::Signature;

/// The signatures of pictures, in order. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Pictures(Arc<Mutex<Vec<Signature>>>);

impl Pictures {
    /// One more, behind those before.
    pub(super) fn push(&self, picture: Signature) {
        self.lock().push(picture);
    }

    /// That of picture `index`, from 0, if it was fed already.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<Signature> {
        usize::try_from(index).ok().and_then(|index| self.lock().get(index).cloned())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Signature>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
