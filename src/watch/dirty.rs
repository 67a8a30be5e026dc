//! The set of folders that changed since somebody last looked.
//!
//! Owns the promise that no flood of events needs more than a fixed amount of memory: only watched folders are in the
//! set, names beyond a limit turn into "read all of it", and nothing is queued. It performs no I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use bstr::BString;

/// Changed names of one folder beyond which the whole folder is read: about what a reading of names alone costs less.
pub const MAX_NAMES: usize = 256;

/// Changed names of all folders together beyond which whole folders are read, so that ten thousand busy folders need
/// no more memory than one hundred.
pub const MAX_NAMES_TOTAL: usize = 16_384;

/// What is to be looked at in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dirty {
    /// Files or folders of these names were made, written, moved or removed. At most [`MAX_NAMES`].
    Names(BTreeSet<BString>),
    /// Anything may have changed, the folder's own place among them: watch it again, then read all of it.
    All,
}

/// What kind of change a file event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The contents of a file.
    Content,
    /// Permissions or times of a file or folder.
    Metadata,
    /// A name appeared or disappeared.
    Entry,
}

/// The watched folders and what changed in them.
#[derive(Debug, Default)]
pub struct DirtySet {
    folders: BTreeSet<Arc<Path>>,
    dirty: BTreeMap<Arc<Path>, Dirty>,
    names: usize,
}

impl DirtySet {
    /// Takes a folder in; changes elsewhere are not recorded. Returns whether it is new.
    pub fn insert(&mut self, dir: &Arc<Path>) -> bool {
        self.folders.insert(Arc::clone(dir))
    }

    /// Lets go of a folder and of what is known to have changed in it.
    pub fn remove(&mut self, dir: &Path) -> bool {
        if let Some(Dirty::Names(names)) = self.dirty.remove(dir) {
            self.names -= names.len();
        }
        self.folders.remove(dir)
    }

    /// How many folders are in the set.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.folders.len()
    }

    /// Records a change of the file or folder `path`. Returns whether the set was clean before and is dirty now.
    pub fn changed(&mut self, path: &Path, change: Change) -> bool {
        let was_clean = self.dirty.is_empty();
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name())
            && let Some(dir) = self.folders.get(parent).cloned()
        {
            self.add_name(dir, BString::from(name.as_bytes()));
        }
        match change {
            Change::Content => {}
            Change::Metadata => {
                if let Some(dir) = self.folders.get(path).cloned() {
                    self.mark_all(dir);
                }
            }
            // A folder that moves takes the folders below it along, and each of their watches with it. The component
            // order of paths keeps a folder and what is below it side by side.
            Change::Entry => {
                let from = (Bound::Included(path), Bound::Unbounded);
                let below = self.folders.range::<Path, _>(from).take_while(|dir| dir.starts_with(path));
                let moved: Vec<_> = below.cloned().collect();
                for dir in moved {
                    self.mark_all(dir);
                }
            }
        }
        was_clean && !self.dirty.is_empty()
    }

    /// Events were lost: every folder is to be read. Returns whether the set was clean before and is dirty now.
    pub fn lost(&mut self) -> bool {
        let was_clean = self.dirty.is_empty();
        self.names = 0;
        self.dirty = self.folders.iter().map(|dir| (Arc::clone(dir), Dirty::All)).collect();
        was_clean && !self.dirty.is_empty()
    }

    /// Whether all of `dir` is to be read; `None` where nothing changed.
    #[cfg(test)]
    pub(crate) fn is_all(&self, dir: &Path) -> Option<bool> {
        self.dirty.get(dir).map(|dirty| *dirty == Dirty::All)
    }

    /// Hands over what changed, and starts anew.
    pub fn take(&mut self) -> Vec<(Arc<Path>, Dirty)> {
        self.names = 0;
        mem::take(&mut self.dirty).into_iter().collect()
    }

    fn add_name(&mut self, dir: Arc<Path>, name: BString) {
        let full = self.names >= MAX_NAMES_TOTAL;
        let dirty = self.dirty.entry(Arc::clone(&dir)).or_insert_with(|| Dirty::Names(BTreeSet::new()));
        let Dirty::Names(names) = dirty else { return };
        if names.contains(&name) {
            return;
        }
        if full || names.len() >= MAX_NAMES {
            self.mark_all(dir);
        } else {
            names.insert(name);
            self.names += 1;
        }
    }

    fn mark_all(&mut self, dir: Arc<Path>) {
        if let Some(Dirty::Names(names)) = self.dirty.insert(dir, Dirty::All) {
            self.names -= names.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set_of(folders: &[&str]) -> DirtySet {
        let mut set = DirtySet::default();
        for dir in folders {
            assert!(set.insert(&Arc::from(Path::new(dir))));
        }
        set
    }

    fn names(list: &[&str]) -> Dirty {
        Dirty::Names(list.iter().map(|name| BString::from(*name)).collect())
    }

    fn taken(set: &mut DirtySet) -> Vec<(String, Dirty)> {
        set.take().into_iter().map(|(dir, dirty)| (dir.display().to_string(), dirty)).collect()
    }

    #[test]
    fn a_written_file_dirties_its_folder_by_name() {
        let mut set = set_of(&["/r", "/r/a"]);
        assert!(set.changed(Path::new("/r/a/1.png"), Change::Content), "the first change wakes");
        assert!(!set.changed(Path::new("/r/a/2.png"), Change::Content), "the second does not");
        assert_eq!(taken(&mut set), [("/r/a".to_owned(), names(&["1.png", "2.png"]))]);
        assert!(set.changed(Path::new("/r/a/2.png"), Change::Content), "after a look it wakes again");
    }

    #[test]
    fn unwatched_folders_leave_no_trace() {
        let mut set = set_of(&["/r"]);
        assert!(!set.changed(Path::new("/other/1.png"), Change::Entry));
        assert!(!set.changed(Path::new("/r/deep/1.png"), Change::Content));
        assert_eq!(taken(&mut set), []);
    }

    #[test]
    fn too_many_names_mean_all() {
        let mut set = set_of(&["/r"]);
        for number in 0..MAX_NAMES {
            set.changed(&Path::new("/r").join(number.to_string()), Change::Content);
        }
        assert!(matches!(&set.dirty[Path::new("/r")], Dirty::Names(names) if names.len() == MAX_NAMES));
        set.changed(Path::new("/r/0"), Change::Content);
        assert!(matches!(&set.dirty[Path::new("/r")], Dirty::Names(_)), "a known name costs nothing");
        set.changed(Path::new("/r/one-more"), Change::Content);
        assert_eq!(taken(&mut set), [("/r".to_owned(), Dirty::All)]);
    }

    #[test]
    fn a_moved_folder_takes_the_folders_below_it_along() {
        let mut set = set_of(&["/r", "/r/a", "/r/a/b", "/r/a.b", "/r/ab"]);
        set.changed(Path::new("/r/a"), Change::Entry);
        let expected = [("/r", names(&["a"])), ("/r/a", Dirty::All), ("/r/a/b", Dirty::All)];
        assert_eq!(taken(&mut set), expected.map(|(dir, dirty)| (dir.to_owned(), dirty)));
    }

    #[test]
    fn permissions_of_a_folder_concern_that_folder_only() {
        let mut set = set_of(&["/r", "/r/a", "/r/a/b"]);
        set.changed(Path::new("/r/a"), Change::Metadata);
        let expected = [("/r", names(&["a"])), ("/r/a", Dirty::All)];
        assert_eq!(taken(&mut set), expected.map(|(dir, dirty)| (dir.to_owned(), dirty)));
    }

    #[test]
    fn lost_events_dirty_every_folder() {
        let mut set = set_of(&["/r", "/r/a"]);
        set.changed(Path::new("/r/1"), Change::Content);
        assert!(!set.lost());
        assert_eq!(taken(&mut set), [("/r".to_owned(), Dirty::All), ("/r/a".to_owned(), Dirty::All)]);
        assert!(set.lost());
        assert!(!DirtySet::default().lost(), "nothing is watched, nothing is dirty");
    }

    #[test]
    fn a_removed_folder_is_forgotten() {
        let mut set = set_of(&["/r", "/q"]);
        set.changed(Path::new("/r/1"), Change::Content);
        assert!(set.remove(Path::new("/r")));
        assert!(!set.remove(Path::new("/r")));
        assert_eq!((set.len(), set.names), (1, 0));
        assert_eq!(taken(&mut set), []);
    }

    proptest! {
        /// Whatever happens, the set holds watched folders only, stays under both limits, and loses no change: a changed
        /// file of a watched folder is there by name or by `All`.
        #[test]
        fn bounded_and_lossless(steps in prop::collection::vec((0..80_u32, 0..400_u32, 0..12_u8), 1..3000)) {
            let mut set = DirtySet::default();
            let mut pending: BTreeSet<(u32, u32)> = BTreeSet::new();
            for (dir, file, action) in steps {
                let folder: Arc<Path> = Arc::from(Path::new("/r").join(format!("d{dir}")));
                let path = folder.join(file.to_string());
                match action {
                    0 => {
                        set.remove(&folder);
                        pending.retain(|(d, _)| *d != dir);
                    }
                    1 => {
                        for (folder, dirty) in set.take() {
                            if let Dirty::Names(names) = dirty {
                                let dir: u32 = folder.display().to_string()["/r/d".len()..].parse().unwrap();
                                let seen: BTreeSet<_> = pending.iter().filter(|(d, _)| *d == dir).map(|(_, f)| BString::from(f.to_string())).collect();
                                prop_assert_eq!(names, seen);
                            }
                        }
                        pending.clear();
                    }
                    2..6 => { set.insert(&folder); }
                    _ => {
                        set.changed(&path, Change::Content);
                        if set.folders.contains(&folder) {
                            pending.insert((dir, file));
                        }
                    }
                }
                let held: usize = set.dirty.values().map(|dirty| if let Dirty::Names(names) = dirty { names.len() } else { 0 }).sum();
                prop_assert_eq!(held, set.names);
                prop_assert!(held <= MAX_NAMES_TOTAL);
                prop_assert!(set.dirty.keys().all(|dir| set.folders.contains(dir)));
            }
            for (dir, _) in pending {
                let folder = Path::new("/r").join(format!("d{dir}"));
                prop_assert!(set.dirty.contains_key(folder.as_path()));
            }
        }
    }

    #[test]
    fn many_busy_folders_stay_under_the_total() {
        let mut set = DirtySet::default();
        for dir in 0..200 {
            let folder: Arc<Path> = Arc::from(Path::new("/r").join(format!("d{dir}")));
            set.insert(&folder);
            for file in 0..200 {
                set.changed(&folder.join(file.to_string()), Change::Content);
            }
        }
        assert!(set.names <= MAX_NAMES_TOTAL);
        assert_eq!(set.take().len(), 200, "every folder is there, some by name and the others whole");
    }
}
