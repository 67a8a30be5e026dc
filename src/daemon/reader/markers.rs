//! Markers that readings have shown, and what was read before and after each of them.
//!
//! Owns which markers are new, and the order in which the folders of one reading are told. A marker says that what was written
//! before it is complete: so all of that must be told before it, or with it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use bstr::BString;

use crate::core::event::FolderScan;
use crate::model::Identity;

/// The markers of each folder, as they were last seen.
#[derive(Debug, Default)]
pub(super) struct Markers(BTreeMap<Arc<Path>, BTreeMap<BString, Identity>>);

impl Markers {
    /// A reading of `dir` showed these markers. Whether any of them is new, or another file than before.
    pub(super) fn learn<'a>(
        &mut self,
        dir: &Arc<Path>,
        markers: impl Iterator<Item = &'a (BString, Identity)>,
    ) -> bool {
        let known = self.0.entry(Arc::clone(dir)).or_default();
        markers.fold(false, |new, (name, identity)| known.insert(name.clone(), *identity) != Some(*identity) || new)
    }

    /// A folder is gone; what is there later is another one.
    pub(super) fn forget(&mut self, dir: &Path) {
        self.0.remove(dir);
    }
}

/// What may have been read too early for a new marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpokenFor {
    /// The folders below its own.
    Below,
    /// Its own folder too.
    Folder,
}

/// What one reading has shown so far, in the order in which it was read.
#[derive(Debug, Default)]
pub(super) struct Scans {
    scans: Vec<FolderScan>,
    /// Folders with new markers, and how many scans there were when they were seen.
    marked: VecDeque<(Arc<Path>, usize, SpokenFor)>,
}

impl Scans {
    pub(super) fn push(&mut self, scan: FolderScan) {
        self.scans.push(scan);
    }

    /// The reading that comes next shows a new marker in `dir`.
    pub(super) fn mark(&mut self, dir: &Arc<Path>, spoken_for: SpokenFor) {
        self.marked.push_back((Arc::clone(dir), self.scans.len(), spoken_for));
    }

    /// The next folder with a new marker, and how many scans there were when it was seen.
    pub(super) fn next_marked(&mut self) -> Option<(Arc<Path>, usize, SpokenFor)> {
        self.marked.pop_front()
    }

    /// The folders that were read as a whole after the scan with this index.
    pub(super) fn listed_after(&self, at: usize) -> HashSet<Arc<Path>> {
        self.scans.iter().skip(at + 1).filter(|scan| is_whole(scan)).map(|scan| Arc::clone(&scan.dir)).collect()
    }

    pub(super) fn dirs(&self) -> impl Iterator<Item = Arc<Path>> {
        self.scans.iter().map(|scan| Arc::clone(&scan.dir))
    }

    /// As they are to be told: folders before those above them, since a marker also speaks for what is below its folder, and
    /// of a folder that was read as a whole once more not what it showed before. Other scans of one folder keep their order.
    pub(super) fn in_order(self) -> Vec<FolderScan> {
        let mut scans = self.scans;
        scans.sort_by(|a, b| b.dir.cmp(&a.dir));
        // From the last to the first: whether the scan that is told next is a whole one of the same folder.
        let mut next: Option<(Arc<Path>, bool)> = None;
        let mut is_outdated: VecDeque<bool> = VecDeque::with_capacity(scans.len());
        for scan in scans.iter().rev() {
            let is_followed = next.as_ref().is_some_and(|(dir, is_whole)| *dir == scan.dir && *is_whole);
            // The first reading has claims, and says which files are old.
            is_outdated.push_front(is_followed && !scan.is_first && matches!(scan.outcome, Some(Ok(_))));
            next = Some((Arc::clone(&scan.dir), is_whole(scan)));
        }
        scans.retain(|_| is_outdated.pop_front() != Some(true));
        scans
    }
}

fn is_whole(scan: &FolderScan) -> bool {
    matches!(&scan.outcome, Some(Ok(listing)) if listing.complete)
}
