//! What an encoder was fed, by its fingerprints, for whoever compares the file with it, also while both grow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Fingerprint;

/// The fingerprints of pictures, in order. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Fingerprints(Arc<Mutex<Vec<Fingerprint>>>);

impl Fingerprints {
    /// One more, after those before.
    pub(in crate::encode) fn push(&self, picture: Fingerprint) {
        self.lock().push(picture);
    }

    /// That of picture `index`, from 0, if it was fed already.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<Fingerprint> {
        usize::try_from(index).ok().and_then(|index| self.lock().get(index).cloned())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fingerprint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
