//! Which folders nobody remembers the files of, and whether they are still as they were.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;

use crate::sequence::tracker::Listing;

/// All that a folder holds, in sixteen bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    files: usize,
    /// Does not depend on the order in which the file system lists them.
    sum: u64,
}

impl Fingerprint {
    /// How many files there are.
    pub(crate) fn files(self) -> usize {
        self.files
    }

    /// That of a complete listing.
    pub(crate) fn of(listing: &Listing) -> Self {
        let hash = |(name, identity): &(bstr::BString, crate::model::Identity)| {
            let mut hasher = DefaultHasher::new();
            (name, identity).hash(&mut hasher);
            hasher.finish()
        };
        let sum = listing.files.iter().map(hash).fold(0, u64::wrapping_add);
        Self { files: listing.files.len(), sum }
    }
}

/// The folders of a root that sleep.
#[derive(Debug, Default)]
pub(super) struct Asleep {
    /// What each held when it fell asleep; `None` where its next reading counts whatever it shows.
    folders: BTreeMap<Arc<Path>, Option<Fingerprint>>,
}

impl Asleep {
    pub(super) fn add(&mut self, dir: &Arc<Path>, seen: Fingerprint) {
        self.folders.insert(Arc::clone(dir), Some(seen));
    }

    pub(super) fn wake(&mut self, dir: &Path) {
        if let Some(seen) = self.folders.get_mut(dir) {
            *seen = None;
        }
    }

    pub(super) fn contains(&self, dir: &Path) -> bool {
        self.folders.contains_key(dir)
    }

    /// A folder was read. Whether it sleeps on; otherwise it is awake now.
    pub(super) fn stays(&mut self, dir: &Path, listing: &Listing) -> bool {
        let Some(seen) = self.folders.get(dir) else { return false };
        let stays = *seen == Some(Fingerprint::of(listing));
        if !stays {
            self.folders.remove(dir);
        }
        stays
    }

    pub(super) fn forget(&mut self, dir: &Path) {
        self.folders.remove(dir);
    }
}
