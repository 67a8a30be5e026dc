use std::fs;

use tempfile::TempDir;

use super::*;
use crate::journal::Lock;

struct Scene {
    folder: TempDir,
    reader: RootReader,
    _lock: Lock,
}

impl Scene {
    /// A root that is read from time to time: no event tells of anything.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        let lock = Lock::acquire(&folder.path().join("state")).unwrap();
        let (journal, _) = Journal::open(&lock).unwrap();
        let watching =
            Watching { native: false, poll: Some(POLL_UNWATCHED), fs_type: "nfs".to_owned(), why: "a test".to_owned() };
        let watcher = Arc::new(Watcher::new(|_| false, |_| ()).unwrap());
        let reader = RootReader::new(Root::with_defaults(root), watching, watcher, journal);
        Self { folder, reader, _lock: lock }
    }

    fn dir(&self, name: &str) -> Arc<Path> {
        Arc::from(self.folder.path().join("root").join(name))
    }

    fn make(&self, name: &str) -> Arc<Path> {
        let dir = self.dir(name);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("f_0001.png"), "x").unwrap();
        dir
    }
}

/// The folders of a report, each with the number of its files, or `None` where it is gone.
fn told(report: &Report) -> Vec<(Arc<Path>, Option<usize>)> {
    assert_eq!(report.standing, Standing::There);
    let files = |reading: &Reading| reading.outcome.as_ref().map(|outcome| outcome.as_ref().unwrap().files.len());
    report.readings.iter().map(|reading| (Arc::clone(&reading.dir), files(reading))).collect()
}

#[test]
fn folders_that_no_event_tells_of_are_found_gone() {
    let scene = Scene::new();
    let (gone, stays) = (scene.make("a/b"), scene.make("c"));
    assert_eq!(scene.reader.read(Wants::Everything).readings.len(), 4);
    fs::remove_dir_all(scene.dir("a")).unwrap();
    let told = told(&scene.reader.read(Wants::Everything));
    assert!(told.contains(&(scene.dir("a"), None)) && told.contains(&(gone, None)), "{told:?}");
    assert!(told.contains(&(stays, Some(1))), "{told:?}");
    assert_eq!(scene.reader.read(Wants::Everything).readings.len(), 2, "it is said once");
}

#[test]
fn listing_a_folder_again_tells_what_became_of_it_and_what_is_new_below() {
    let scene = Scene::new();
    let shot = scene.make("shot");
    scene.reader.read(Wants::Everything);
    let deep = scene.make("shot/new/deep");
    let report = scene.reader.relist(&shot);
    assert!(report.has_listed(&shot));
    // From here on these folders are known, and nobody reads them without a reason.
    assert!(told(&report).contains(&(deep, Some(1))), "{report:?}");
    fs::remove_dir_all(&shot).unwrap();
    let report = scene.reader.relist(&shot);
    assert!(!report.has_listed(&shot));
    assert!(told(&report).contains(&(shot, None)), "{report:?}");
}

#[test]
fn batch_folders_are_told_before_the_folder_whose_marker_speaks_for_them() {
    let scene = Scene::new();
    let batch = scene.make("job/batch_0001");
    fs::write(scene.dir("job").join(".done"), "").unwrap();
    let told = told(&scene.reader.read(Wants::Everything));
    let place = |dir: &Path| told.iter().position(|(told, _)| **told == *dir).unwrap();
    assert!(place(&batch) < place(&scene.dir("job")), "{told:?}");
}
