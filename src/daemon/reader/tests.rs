use std::fs;

use tempfile::TempDir;

use super::*;
use crate::config::Config;
use crate::journal::Lock;
use crate::sequence::existing::ExistingFiles;

struct Scene {
    folder: TempDir,
    reader: RootReader,
    _lock: Lock,
}

impl Scene {
    /// A root that is read from time to time: no event tells of anything.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        Self::at(folder)
    }

    fn at(folder: TempDir) -> Self {
        Self::with(folder, "")
    }

    /// With these settings of the root.
    fn with(folder: TempDir, settings: &str) -> Self {
        let lock = Lock::acquire(&folder.path().join("state")).unwrap();
        let (journal, _) = Journal::open(&lock).unwrap();
        let watching =
            Watching { native: false, poll: Some(POLL_UNWATCHED), fs_type: "nfs".to_owned(), why: "a test".to_owned() };
        let watcher = Arc::new(Watcher::new(|_| false, |_| ()).unwrap());
        let text = format!("[[watch]]\npath = \"{}\"\n{settings}", folder.path().join("root").display());
        let root = Config::parse(&text, &folder.path().join("reeld.toml")).unwrap().roots.remove(0);
        let reader = RootReader::new(ReaderId::of(1), root, watching, watcher, journal);
        Self { folder, reader, _lock: lock }
    }

    /// The daemon ends, and the next one starts.
    fn restart(self) -> Self {
        self.restart_with("")
    }

    /// The same with other settings of the root.
    fn restart_with(self, settings: &str) -> Self {
        let Self { folder, reader, _lock: lock } = self;
        drop((reader, lock));
        Self::with(folder, settings)
    }

    /// Which files were there before, of those that a reading of everything shows.
    fn existing(&self) -> Vec<String> {
        existing(&self.reader.read(ReadRequest::Everything))
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
fn told(report: &ScanReport) -> Vec<(Arc<Path>, Option<usize>)> {
    assert_eq!(report.status, RootStatus::There);
    let files = |reading: &FolderScan| reading.outcome.as_ref().map(|outcome| outcome.as_ref().unwrap().files.len());
    report.scans.iter().map(|reading| (Arc::clone(&reading.dir), files(reading))).collect()
}

#[test]
fn folders_that_no_event_tells_of_are_found_gone() {
    let scene = Scene::new();
    let (gone, stays) = (scene.make("a/b"), scene.make("c"));
    assert_eq!(scene.reader.read(ReadRequest::Everything).scans.len(), 4);
    fs::remove_dir_all(scene.dir("a")).unwrap();
    let told = told(&scene.reader.read(ReadRequest::Everything));
    assert!(told.contains(&(scene.dir("a"), None)) && told.contains(&(gone, None)), "{told:?}");
    assert!(told.contains(&(stays, Some(1))), "{told:?}");
    assert_eq!(scene.reader.read(ReadRequest::Everything).scans.len(), 2, "it is said once");
}

#[test]
fn listing_a_folder_again_tells_what_became_of_it_and_what_is_new_below() {
    let scene = Scene::new();
    let shot = scene.make("shot");
    scene.reader.read(ReadRequest::Everything);
    let deep = scene.make("shot/new/deep");
    let report = scene.reader.relist(&shot, |report| report);
    assert!(report.has_listed(&shot));
    // From here on these folders are known, and nobody reads them without a reason.
    assert!(told(&report).contains(&(deep, Some(1))), "{report:?}");
    fs::remove_dir_all(&shot).unwrap();
    let report = scene.reader.relist(&shot, |report| report);
    assert!(!report.has_listed(&shot));
    assert!(told(&report).contains(&(shot, None)), "{report:?}");
}

#[test]
fn batch_folders_are_told_before_the_folder_whose_marker_speaks_for_them() {
    let scene = Scene::new();
    let batch = scene.make("job/batch_0001");
    fs::write(scene.dir("job").join(".done"), "").unwrap();
    let told = told(&scene.reader.read(ReadRequest::Everything));
    let place = |dir: &Path| told.iter().position(|(told, _)| **told == *dir).unwrap();
    assert!(place(&batch) < place(&scene.dir("job")), "{told:?}");
}

/// The names that a report shows of a folder, if it shows any.
fn names_in<'a>(report: &'a ScanReport, dir: &Path) -> Option<BTreeSet<&'a [u8]>> {
    let scans = report.scans.iter().filter(|scan| *scan.dir == *dir).filter_map(|scan| scan.outcome.as_ref());
    let mut shown =
        scans.map(|outcome| outcome.as_ref().unwrap().files.iter().map(|(name, _)| name.as_slice()).collect());
    shown.next_back()
}

/// No event of a frame has been heard when the marker is seen.
#[test]
fn what_is_below_a_new_marker_is_read_after_it_and_told_before_it() {
    let named = |name: &str| Dirty::Names([BString::from(name)].into());
    // A marker that is noticed by its event, and one that is seen because its folder is read for another reason.
    for dirty in [named(".done"), Dirty::All] {
        for (settings, below) in [("", "job/batch_0001"), ("group = \"tree\"", "job/a/b")] {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("root")).unwrap();
            let scene = Scene::with(folder, settings);
            let (job, below) = (scene.dir("job"), scene.make(below));
            scene.make("job/other");
            scene.reader.read(ReadRequest::Everything);
            fs::write(below.join("f_0002.png"), "x").unwrap();
            fs::write(job.join(".done"), "").unwrap();
            let report = scene.reader.read(ReadRequest::Folders(vec![(Arc::clone(&job), dirty.clone())]));
            let frames = names_in(&report, &below).unwrap_or_default();
            assert!(frames.contains(&b"f_0002.png"[..]), "{settings} {dirty:?}: {report:?}");
            let place = |dir: &Path| report.scans.iter().position(|scan| *scan.dir == *dir).unwrap();
            assert!(place(&below) < place(&job), "{report:?}");
            assert!(names_in(&report, &job).unwrap().contains(&b".done"[..]));
            if settings.is_empty() {
                assert_eq!(names_in(&report, &scene.dir("job/other")), None, "the marker does not speak for it");
                // A marker that is known says nothing more.
                let report = scene.reader.read(ReadRequest::Folders(vec![(Arc::clone(&job), dirty.clone())]));
                assert_eq!(names_in(&report, &below), None, "{report:?}");
            }
            fs::write(job.join(".done"), "again").unwrap();
            let report = scene.reader.read(ReadRequest::Folders(vec![(Arc::clone(&job), dirty.clone())]));
            assert!(names_in(&report, &below).is_some(), "it is another marker now: {report:?}");
        }
    }
}

/// One scan of a folder, whole or not, with these files.
fn scan_of(dir: &str, is_first: bool, complete: bool, names: &[&str]) -> FolderScan {
    let files = names.iter().map(|name| (BString::from(*name), IDENTITY)).collect();
    let listing = Listing { complete, files, ..Listing::default() };
    FolderScan { dir: Arc::from(Path::new(dir)), is_first, claims: Vec::new(), outcome: Some(Ok(listing)), file: None }
}

#[test]
fn a_folder_that_was_read_once_more_is_told_as_it_was_then() {
    let mut scans = Scans::default();
    let gone = FolderScan { outcome: None, ..scan_of("/r/b", false, true, &[]) };
    scans.push(scan_of("/r", true, true, &["1"]));
    scans.push(scan_of("/r/a", false, true, &["1", ".done"]));
    scans.push(gone);
    scans.push(scan_of("/r/b", true, true, &["5"]));
    scans.push(scan_of("/r/a", false, true, &["1", "2", ".done"]));
    scans.push(scan_of("/r", false, true, &["1", "3"]));
    scans.push(scan_of("/r/a", false, false, &["4"]));
    let told: Vec<_> =
        scans.in_order().into_iter().map(|scan| (scan.dir, scan.outcome.map(|out| out.unwrap().files.len()))).collect();
    let expected =
        [("/r/b", None), ("/r/b", Some(1)), ("/r/a", Some(3)), ("/r/a", Some(1)), ("/r", Some(1)), ("/r", Some(2))];
    assert_eq!(told, expected.map(|(dir, files)| (Arc::from(Path::new(dir)), files)));
}

/// A frame can come into a part of its own folder that had been read when the marker was seen.
#[test]
fn a_folder_with_a_new_marker_is_read_once_more() {
    let scene = Scene::new();
    let shot = scene.make("shot");
    scene.reader.read(ReadRequest::Everything);
    fs::write(shot.join(".done"), "").unwrap();
    let mut scans = Scans::default();
    scene.reader.read_tree(Arc::clone(&shot), &mut scans);
    fs::write(shot.join("f_0002.png"), "x").unwrap();
    scene.reader.read_after_markers(&mut scans);
    let told: Vec<_> = scans.in_order();
    assert_eq!(told.len(), 1, "{told:?}");
    let Some(Ok(listing)) = &told[0].outcome else { panic!("{told:?}") };
    assert_eq!(listing.files.len(), 3, "{told:?}");
}

const IDENTITY: Identity = Identity { dev: 1, ino: 2, size: 1, mtime_ns: 4 };

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// The files of a report that were there before, as paths below the root.
fn existing(report: &ScanReport) -> Vec<String> {
    assert_eq!(report.status, RootStatus::There);
    let mut found = Vec::new();
    for reading in &report.scans {
        let Some(Ok(listing)) = &reading.outcome else { continue };
        let folder = reading.dir.strip_prefix(&report.root).unwrap().display();
        let old = listing.files.iter().filter(|(name, identity)| listing.existing.contains(name, identity));
        found.extend(old.map(|(name, _)| format!("{folder}/{name}")));
    }
    found.sort();
    found
}

#[test]
fn the_first_reading_of_a_root_finds_what_was_there_before() {
    let scene = Scene::new();
    let shot = scene.make("shot");
    let report = scene.reader.read(ReadRequest::Everything);
    assert!(report.found_existing);
    assert_eq!(existing(&report), ["shot/f_0001.png"]);
    fs::write(shot.join("f_0002.png"), "x").unwrap();
    scene.make("new");
    let report = scene.reader.read(ReadRequest::Everything);
    assert!(!report.found_existing && existing(&report).is_empty());

    // What came while no daemon ran is new, also a folder that was written again.
    let scene = scene.restart();
    fs::write(shot.join("f_0003.png"), "x").unwrap();
    scene.make("later");
    let report = scene.reader.read(ReadRequest::Everything);
    assert!(!report.found_existing);
    assert_eq!(existing(&report), ["shot/f_0001.png"]);
    let scene = scene.restart();
    fs::write(shot.join("f_0001.png"), "written again").unwrap();
    assert!(scene.existing().is_empty());
}

#[test]
fn a_folder_that_is_renamed_takes_its_past_along() {
    let scene = Scene::new();
    let shot = scene.make("shot");
    scene.reader.read(ReadRequest::Everything);
    fs::rename(&shot, scene.dir("moved")).unwrap();
    assert_eq!(scene.existing(), ["moved/f_0001.png"]);
    assert_eq!(scene.restart().existing(), ["moved/f_0001.png"]);
}

#[test]
fn a_root_that_was_made_meanwhile_holds_nothing_old() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::at(folder);
    assert!(matches!(scene.reader.read(ReadRequest::Everything).status, RootStatus::Away { .. }));
    scene.make("shot");
    let report = scene.reader.read(ReadRequest::Everything);
    assert!(!report.found_existing && existing(&report).is_empty());
    assert_eq!(told(&report).len(), 2);
    assert!(scene.restart().existing().is_empty());
}

#[test]
fn a_root_that_was_brought_from_elsewhere_was_there_before() {
    let scene = Scene::at(tempfile::tempdir().unwrap());
    let elsewhere = scene.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("f_0001.png"), "x").unwrap();
    // Its birth must be seen to be before the look: the kernel's clock for files runs in ticks.
    let born = fs::metadata(&elsewhere).unwrap().created().unwrap();
    while born.elapsed().is_ok_and(|age| age < Duration::from_millis(50)) {
        thread::yield_now();
    }
    assert!(matches!(scene.reader.read(ReadRequest::Everything).status, RootStatus::Away { .. }));
    fs::rename(&elsewhere, scene.dir("")).unwrap();
    assert_eq!(scene.existing(), ["/f_0001.png"]);
}

#[test]
fn a_folder_that_cannot_be_read_keeps_its_past_until_it_can() {
    let scene = Scene::new();
    scene.make("shot");
    // Root may read everything, so that this tells of a folder that could not be read.
    let closed = scene.make("closed/below");
    let closed = closed.parent().unwrap();
    let mut first = FirstReadings::of(&scene.reader.root, marks(&scene), false, &scene.reader.journal).unwrap();
    let nothing = Listing { complete: true, ..Listing::default() };
    for (dir, listing) in [(&**scene.reader.path(), Some(&nothing)), (closed, None)] {
        first.read(&scene.reader.root, dir, None, listing, None, &scene.reader.journal).unwrap();
    }
    assert!(first.record(&scene.reader.root, &scene.reader.journal).unwrap());
    // `shot` was not there at the first reading, what is in `closed` may have been.
    let scene = scene.restart();
    assert_eq!(scene.existing(), ["closed/below/f_0001.png"]);
    // From here on it is a folder like any other.
    scene.make("closed/later");
    let scene = scene.restart();
    assert_eq!(scene.existing(), ["closed/below/f_0001.png"]);
}

fn marks(scene: &Scene) -> crate::watch::roots::RootMarks {
    let mut guard = RootGuard::new(scene.reader.path());
    assert!(matches!(guard.state(), RootState::Present));
    guard.marks().unwrap()
}

#[test]
fn a_first_reading_that_is_not_recorded_counts_for_nothing() {
    let scene = Scene::new();
    scene.make("shot");
    let mut first = FirstReadings::of(&scene.reader.root, marks(&scene), false, &scene.reader.journal).unwrap();
    assert_eq!(
        first.read(&scene.reader.root, &scene.dir("shot"), None, None, None, &scene.reader.journal).unwrap(),
        ExistingFiles::All
    );
    // Killed here: the next daemon reads for the first time.
    drop(first);
    let report = scene.restart().reader.read(ReadRequest::Everything);
    assert!(report.found_existing);
    assert_eq!(existing(&report), ["shot/f_0001.png"]);
}

#[test]
fn another_disk_at_the_same_place_was_never_watched() {
    let scene = Scene::new();
    let shot = scene.make("shot");
    scene.reader.read(ReadRequest::Everything);
    let mut other = marks(&scene);
    assert!(scene.reader.journal.has_watched(&other).unwrap());
    for mark in &mut other.marks {
        mark.push('0');
    }
    let mut first = FirstReadings::of(&scene.reader.root, other, false, &scene.reader.journal).unwrap();
    assert_eq!(
        first.read(&scene.reader.root, &shot, None, None, None, &scene.reader.journal).unwrap(),
        ExistingFiles::All
    );
}

#[test]
fn a_part_of_a_folder_is_not_read_before_the_whole() {
    let scene = Scene::new();
    let shot = scene.make("shot");
    scene.reader.read(ReadRequest::Everything);
    let scene = scene.restart();
    // An event comes before the first reading has got through.
    scene.reader.lock().known.insert(Arc::clone(scene.reader.path()));
    let names = Dirty::Names(std::iter::once("f_0001.png".into()).collect());
    let report = scene.reader.read(ReadRequest::Folders(vec![(shot, names)]));
    assert_eq!(existing(&report), ["shot/f_0001.png"]);
}

#[test]
fn what_an_earlier_selection_hid_was_there_before() {
    for (narrow, wide, hidden) in [
        ("recursive = false", "", &["a/b/f_0001.png", "a/f_0001.png", "c/f_0001.png"][..]),
        ("exclude = [\"a\"]", "exclude = [\"a/b\"]", &["a/f_0001.png"]),
        ("include = [\"c/*\"]", "include = [\"c/*\", \"b/*.png\", \"a/b/f*\"]", &["a/b/f_0001.png"]),
    ] {
        let scene = Scene::new().restart_with(narrow);
        scene.reader.read(ReadRequest::Everything);
        let restart = |scene: Scene, settings: &str| {
            let scene = scene.restart_with(settings);
            let report = scene.reader.read(ReadRequest::Everything);
            (scene, existing(&report), report.found_existing)
        };
        for folder in ["", "a", "a/b", "c"] {
            scene.make(folder);
        }
        let (scene, found, is_told) = restart(scene, narrow);
        assert!(found.is_empty() && !is_told, "{narrow}: {found:?}");
        let (scene, found, is_told) = restart(scene, wide);
        assert_eq!((&found[..], is_told), (&owned(hidden)[..], true), "{narrow} -> {wide}");
        // What comes into those folders from now on is new, also after a restart.
        scene.make("a/later");
        fs::write(scene.dir("a/f_0002.png"), "x").unwrap();
        assert!(existing(&scene.reader.read(ReadRequest::Everything)).is_empty(), "it is told once");
        let (_, found, is_told) = restart(scene, wide);
        assert_eq!((&found[..], is_told), (&owned(hidden)[..], false), "{narrow} -> {wide}");
    }
}

#[test]
fn a_wider_selection_that_is_not_recorded_counts_for_nothing() {
    let scene = Scene::new().restart_with("recursive = false");
    scene.reader.read(ReadRequest::Everything);
    let shot = scene.make("shot");
    let scene = scene.restart();
    let mut first = FirstReadings::of(&scene.reader.root, marks(&scene), false, &scene.reader.journal).unwrap();
    let listing = Listing { complete: true, files: vec![("f_0001.png".into(), IDENTITY)], ..Listing::default() };
    let found = first.read(&scene.reader.root, &shot, None, Some(&listing), None, &scene.reader.journal).unwrap();
    assert!(found.contains(b"f_0001.png", &IDENTITY));
    // Killed here.
    drop(first);
    assert_eq!(scene.restart().existing(), ["shot/f_0001.png"]);
}

#[test]
fn what_cannot_be_read_under_a_wider_selection_was_there_before() {
    let scene = Scene::new().restart_with("recursive = false");
    scene.reader.read(ReadRequest::Everything);
    let shot = scene.make("shot");
    let scene = scene.restart();
    let mut first = FirstReadings::of(&scene.reader.root, marks(&scene), false, &scene.reader.journal).unwrap();
    first.read(&scene.reader.root, &shot, None, None, None, &scene.reader.journal).unwrap();
    first.record(&scene.reader.root, &scene.reader.journal).unwrap();
    assert_eq!(scene.restart().existing(), ["shot/f_0001.png"]);
}

#[test]
fn nobody_reads_before_a_reading_is_told() {
    let scene = Scene::new();
    let shot = scene.make("shot");
    scene.reader.tell(ReadRequest::Everything, |report| {
        assert!(report.has_listed(&shot));
        assert!(scene.reader.telling.try_lock().is_err());
    });
    scene.reader.relist(&shot, |_| assert!(scene.reader.telling.try_lock().is_err()));
    assert!(scene.reader.telling.try_lock().is_ok());
}

#[test]
fn a_folder_that_sleeps_is_told_when_it_changes_or_when_somebody_asks() {
    let scene = Scene::new();
    let shot = scene.make("shot");
    let other = scene.make("other");
    let report = scene.reader.read(ReadRequest::Everything);
    for reading in &report.scans {
        let Some(Ok(listing)) = &reading.outcome else { panic!("{reading:?}") };
        assert!(reading.is_first);
        scene.reader.sleep(&reading.dir, ListingFingerprint::of(&listing.files));
    }
    let report = scene.reader.read(ReadRequest::Everything);
    assert!(report.is_everything && report.scans.is_empty(), "{report:?}");

    // What changes is told with what was there before, whether an event names a file or nobody says anything.
    fs::write(shot.join("f_0002.png"), "x").unwrap();
    let names = Dirty::Names(std::iter::once("f_0002.png".into()).collect());
    let report = scene.reader.read(ReadRequest::Folders(vec![(Arc::clone(&shot), names)]));
    assert_eq!((told(&report), report.scans[0].is_first), (vec![(Arc::clone(&shot), Some(2))], true));
    assert_eq!(existing(&report), ["shot/f_0001.png"]);
    fs::write(other.join("f_0002.png"), "x").unwrap();
    let report = scene.reader.read(ReadRequest::Everything);
    assert_eq!(existing(&report), ["other/f_0001.png"], "the one that is awake is told as always");

    // One that changes and is as it was is told as well if somebody asks.
    scene.reader.sleep(&shot, ListingFingerprint::of(&[]));
    scene.reader.wake(&shot);
    assert_eq!(scene.reader.relist(&shot, |report| existing(&report)), ["shot/f_0001.png"]);

    // One that is gone is gone.
    let report = scene.reader.read(ReadRequest::Everything);
    let reading = report.scans.iter().find(|reading| reading.dir == other).unwrap();
    scene.reader.sleep(&other, ListingFingerprint::of(&reading.outcome.as_ref().unwrap().as_ref().unwrap().files));
    fs::remove_dir_all(&other).unwrap();
    assert!(told(&scene.reader.read(ReadRequest::Everything)).contains(&(other, None)));
}

/// A reader that panics told nobody what it had read, and which batches hold it.
#[test]
fn what_nobody_heard_of_is_read_as_if_for_the_first_time() {
    let scene = Scene::new();
    let is_first = |report: &ScanReport| report.scans.iter().map(|scan| scan.is_first).collect::<Vec<_>>();
    assert!(is_first(&scene.reader.read(ReadRequest::Everything)).into_iter().all(|first| first));
    assert!(is_first(&scene.reader.read(ReadRequest::Everything)).into_iter().all(|first| !first));
    let lost = || scene.reader.tell(ReadRequest::Everything, |_| -> () { panic!("a worker fails") });
    catch_unwind(AssertUnwindSafe(lost)).unwrap_err();
    let again = is_first(&scene.reader.read(ReadRequest::Everything));
    assert!(!again.is_empty() && again.into_iter().all(|first| first));
}
