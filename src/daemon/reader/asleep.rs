//! Which folders nobody remembers the files of, and whether they are still as they were.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bstr::BString;

use crate::core::roots::ListingFingerprint;
use crate::model::Identity;

/// The folders of a root that sleep.
#[derive(Debug, Default)]
pub(super) struct Asleep {
    /// What each held when it fell asleep; `None` where its next reading counts whatever it shows.
    folders: BTreeMap<Arc<Path>, Option<ListingFingerprint>>,
}

impl Asleep {
    pub(super) fn add(&mut self, dir: &Arc<Path>, seen: ListingFingerprint) {
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

    /// A folder was read, and holds these files. Whether it sleeps on; otherwise it is awake now.
    pub(super) fn stays(&mut self, dir: &Path, files: &[(BString, Identity)]) -> bool {
        let Some(seen) = self.folders.get(dir) else { return false };
        let stays = *seen == Some(ListingFingerprint::of(files));
        if !stays {
            self.folders.remove(dir);
        }
        stays
    }

    pub(super) fn forget(&mut self, dir: &Path) {
        self.folders.remove(dir);
    }
}
