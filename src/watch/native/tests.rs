use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bstr::{BString, ByteSlice as _};
use crossbeam_channel::{Receiver, unbounded};
use globset::GlobSet;

use super::*;
use crate::model::Identity;
use crate::watch::limits::InotifyLimits;
use crate::watch::scan::{read_folder, read_names, walk};

/// Far beyond what any machine needs; a test that waits as long has failed.
const LONG: Duration = Duration::from_secs(20);

struct Fixture {
    root: Arc<Path>,
    woken: Receiver<Urgency>,
    watcher: Watcher,
    drained: AtomicUsize,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// An empty watched folder.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root: Arc<Path> = Arc::from(dir.path().canonicalize().unwrap());
        let (wake, woken) = unbounded();
        let waker = move |urgency| {
            let _ = wake.send(urgency);
        };
        let watcher = Watcher::new(|name| name == b"urgent", waker).unwrap();
        watcher.watch(&root).unwrap();
        Self { root, woken, watcher, drained: AtomicUsize::new(0), _dir: dir }
    }

    /// What was dirty until `enough` was.
    fn until(&self, enough: impl Fn(&BTreeMap<Arc<Path>, Dirty>) -> bool) -> BTreeMap<Arc<Path>, Dirty> {
        let mut seen: BTreeMap<Arc<Path>, Dirty> = BTreeMap::new();
        let end = Instant::now() + LONG;
        loop {
            for (dir, dirty) in self.watcher.take_dirty() {
                match (seen.get_mut(&dir), dirty) {
                    (Some(Dirty::Names(names)), Dirty::Names(more)) => names.extend(more),
                    (_, dirty) => drop(seen.insert(dir, dirty)),
                }
            }
            if enough(&seen) {
                return seen;
            }
            self.woken.recv_deadline(end).unwrap_or_else(|_| panic!("no event in {LONG:?}: {seen:?}"));
        }
    }

    /// Waits until everything that happened so far was seen, by the event of a hidden folder, and returns the rest.
    fn drain(&self) -> BTreeMap<Arc<Path>, Dirty> {
        let name = format!(".drained-{}", self.drained.fetch_add(1, Ordering::Relaxed));
        // A folder, because that raises one event and no more.
        fs::create_dir(self.root.join(&name)).unwrap();
        let mut seen = self.until(|seen| has(seen, &self.root, &name));
        if let Some(Dirty::Names(names)) = seen.get_mut(&self.root) {
            names.remove(&BString::from(name));
        }
        seen
    }
}

fn has(seen: &BTreeMap<Arc<Path>, Dirty>, dir: &Path, name: &str) -> bool {
    match seen.get(dir) {
        Some(Dirty::Names(names)) => names.contains(&BString::from(name)),
        Some(Dirty::All) => true,
        None => false,
    }
}

#[test]
fn one_call_tells_of_many_changes_and_an_urgent_one_comes_on_top() {
    let fixture = Fixture::new();
    for number in 0..20 {
        fs::write(fixture.root.join(format!("{number}.png")), "x").unwrap();
    }
    assert_eq!(fixture.woken.recv_timeout(LONG).unwrap(), Urgency::Soon);
    fs::write(fixture.root.join("urgent"), "").unwrap();
    assert_eq!(fixture.woken.recv_timeout(LONG).unwrap(), Urgency::Now);
}

#[test]
fn every_way_a_file_comes_or_goes_is_seen_by_name() {
    let it = Fixture::new();
    let outside = tempfile::tempdir_in(it.root.parent().unwrap()).unwrap();
    let other = outside.path().join("other.png");
    fs::write(&other, "x").unwrap();
    fs::write(it.root.join("written.png"), "x").unwrap();
    fs::hard_link(&other, it.root.join("linked.png")).unwrap();
    fs::rename(&other, it.root.join("moved-in.png")).unwrap();
    fs::write(it.root.join("a.png"), "x").unwrap();
    it.drain();
    fs::rename(it.root.join("a.png"), it.root.join("b.png")).unwrap();
    fs::remove_file(it.root.join("written.png")).unwrap();
    fs::rename(it.root.join("linked.png"), outside.path().join("out.png")).unwrap();
    fs::File::options().append(true).open(it.root.join("moved-in.png")).unwrap().write_all(b"y").unwrap();
    let seen = it.drain();
    let expected = ["a.png", "b.png", "linked.png", "moved-in.png", "written.png"];
    assert_eq!(seen[&it.root], Dirty::Names(expected.into_iter().map(BString::from).collect()));
}

#[test]
fn reading_a_file_is_no_change() {
    let it = Fixture::new();
    fs::write(it.root.join("1.png"), "x").unwrap();
    it.drain();
    fs::read(it.root.join("1.png")).unwrap();
    assert!(!has(&it.drain(), &it.root, "1.png"));
}

#[test]
fn a_file_that_is_still_written_raises_one_event_when_closed() {
    let it = Fixture::new();
    let mut file = fs::File::create(it.root.join("1.png")).unwrap();
    it.drain();
    file.write_all(&[0; 4096]).unwrap();
    assert!(!has(&it.drain(), &it.root, "1.png"), "writing is not news");
    drop(file);
    it.until(|seen| has(seen, &it.root, "1.png"));
}

#[test]
fn a_flood_of_names_means_read_all() {
    let it = Fixture::new();
    for number in 0..400 {
        fs::write(it.root.join(format!("{number}.png")), "x").unwrap();
    }
    // Nothing was taken while they were written, so that the names pile up.
    fs::create_dir(it.root.join("last")).unwrap();
    let end = Instant::now() + LONG;
    while lock(&it.watcher.shared.dirty).is_all(&it.root) != Some(true) {
        assert!(Instant::now() < end, "400 names were held");
        thread::yield_now();
    }
    assert_eq!(it.watcher.take_dirty(), [(Arc::clone(&it.root), Dirty::All)]);
}

#[test]
fn lost_events_dirty_every_watched_folder() {
    let it = Fixture::new();
    let sub: Arc<Path> = Arc::from(it.root.join("sub"));
    fs::create_dir(&sub).unwrap();
    it.watcher.watch(&sub).unwrap();
    it.drain();
    let overflow = || it.watcher.shared.take_in(-1, ReadFlags::QUEUE_OVERFLOW, None, &|_| false);
    assert_eq!(overflow(), Some(Urgency::Now));
    assert_eq!(it.watcher.take_dirty(), [(Arc::clone(&it.root), Dirty::All), (sub, Dirty::All)]);
    assert_eq!(record(&it.watcher.shared.dirty, News::Lost, &|_| false), Some(Urgency::Now), "a reading failed");
    assert_eq!(it.watcher.take_dirty().len(), 2);
}

#[test]
fn an_overflow_of_the_kernels_queue_dirties_every_watched_folder() {
    let limit = InotifyLimits::read().unwrap().max_queued_events;
    let dir = tempfile::tempdir().unwrap();
    let folder = |name: &str| -> Arc<Path> {
        let path = dir.path().canonicalize().unwrap().join(name);
        fs::create_dir(&path).unwrap();
        Arc::from(path)
    };
    let (busy, quiet) = (folder("busy"), folder("quiet"));
    let (wake, woken) = unbounded();
    let (release, released) = unbounded::<()>();
    // The waker holds the thread up, so that nobody reads the queue.
    let waker = move |urgency| {
        let _ = wake.send(urgency);
        let _ = released.recv_timeout(LONG);
    };
    let watcher = Watcher::new(|_| false, waker).unwrap();
    watcher.watch(&busy).unwrap();
    watcher.watch(&quiet).unwrap();
    fs::write(busy.join("first"), "").unwrap();
    woken.recv_timeout(LONG).unwrap();
    for number in 0..=limit / 2 {
        let link = busy.join(number.to_string());
        fs::hard_link(busy.join("first"), &link).unwrap();
        fs::remove_file(link).unwrap();
    }
    drop(release);
    let mut seen: BTreeMap<_, _> = watcher.take_dirty().into_iter().collect();
    while !seen.contains_key(&quiet) {
        woken.recv_timeout(LONG).unwrap();
        seen.extend(watcher.take_dirty());
    }
    assert_eq!((&seen[&busy], &seen[&quiet]), (&Dirty::All, &Dirty::All));
}

/// Keeps up with a root as the daemon does, until `count` files are known.
fn follow(it: &Fixture, count: usize) -> BTreeSet<PathBuf> {
    fn take_in(
        it: &Fixture,
        known: &mut BTreeSet<PathBuf>,
        dir: &Path,
        files: Vec<(BString, Identity)>,
        below: &[BString],
    ) {
        known.extend(files.into_iter().map(|(name, _)| dir.join(name.to_str().unwrap())));
        for name in below {
            let start: Arc<Path> = Arc::from(dir.join(name.to_str().unwrap()));
            walk(&it.root, &start, true, &GlobSet::empty(), &mut |folder| {
                it.watcher.watch(folder).unwrap();
                let scan = read_folder(folder, &|_| true).unwrap();
                known.extend(scan.files.iter().map(|(name, _)| folder.join(name.to_str().unwrap())));
                scan.folders
            });
        }
    }
    let mut known = BTreeSet::new();
    let end = Instant::now() + LONG;
    while known.len() < count {
        for (dir, dirty) in it.watcher.take_dirty() {
            match dirty {
                Dirty::Names(names) => {
                    let scan = read_names(&dir, &names, &|_| true).unwrap();
                    take_in(it, &mut known, &dir, scan.files, &scan.folders);
                }
                Dirty::All => {
                    it.watcher.watch(&dir).unwrap();
                    let scan = read_folder(&dir, &|_| true).unwrap();
                    take_in(it, &mut known, &dir, scan.files, &scan.folders);
                }
            }
        }
        if known.len() < count {
            it.woken.recv_deadline(end).unwrap_or_else(|_| panic!("{} of {count} files in {LONG:?}", known.len()));
        }
    }
    known
}

#[test]
fn folders_that_are_filled_at_once_are_found_with_all_their_files() {
    let it = Fixture::new();
    let root = Arc::clone(&it.root);
    let writer = thread::spawn(move || {
        for dir in 0..60 {
            let dir = root.join(format!("batch_{dir:04}/left"));
            fs::create_dir_all(&dir).unwrap();
            for file in 0..10 {
                fs::write(dir.join(format!("{file}.png")), "x").unwrap();
            }
        }
    });
    follow(&it, 600);
    writer.join().unwrap();
}

#[test]
fn a_folder_that_is_moved_in_is_found_with_all_its_files() {
    let it = Fixture::new();
    let outside = tempfile::tempdir_in(it.root.parent().unwrap()).unwrap();
    let full = outside.path().join("full");
    fs::create_dir_all(full.join("deep")).unwrap();
    fs::write(full.join("1.png"), "x").unwrap();
    fs::write(full.join("deep/2.png"), "x").unwrap();
    fs::rename(&full, it.root.join("full")).unwrap();
    assert_eq!(follow(&it, 2), BTreeSet::from([it.root.join("full/1.png"), it.root.join("full/deep/2.png")]));
}

#[test]
fn a_watched_folder_that_is_made_anew_asks_for_a_new_watch_and_gets_it() {
    let it = Fixture::new();
    let sub: Arc<Path> = Arc::from(it.root.join("sub"));
    let deep: Arc<Path> = Arc::from(it.root.join("sub/deep"));
    for round in 0..6 {
        fs::create_dir_all(&deep).unwrap();
        it.watcher.watch(&sub).unwrap();
        it.watcher.watch(&deep).unwrap();
        it.drain();
        if round % 2 == 0 {
            fs::remove_dir_all(&sub).unwrap();
        } else {
            fs::rename(&sub, it.root.join(format!("away{round}"))).unwrap();
        }
        fs::create_dir_all(&deep).unwrap();
        // Watched before the removal was heard of: the late event drops the new watch, and says so.
        it.watcher.watch(&deep).unwrap();
        let seen = it.drain();
        assert_eq!((&seen[&sub], &seen[&deep]), (&Dirty::All, &Dirty::All));
        it.watcher.watch(&sub).unwrap();
        it.watcher.watch(&deep).unwrap();
        it.drain();
        fs::write(deep.join("1.png"), "x").unwrap();
        it.until(|seen| has(seen, &deep, "1.png"));
        fs::remove_dir_all(&sub).unwrap();
        it.drain();
    }
}

#[test]
fn a_moved_root_is_let_go_when_its_place_is_watched_anew() {
    // Nobody watches the folder above, so that only the root itself tells that it moved.
    let it = Fixture::new();
    let above = it.root.join("above");
    let root: Arc<Path> = Arc::from(above.join("root"));
    let away = above.join("away");
    fs::create_dir_all(&root).unwrap();
    it.watcher.watch(&root).unwrap();
    fs::rename(&root, &away).unwrap();
    fs::create_dir(&root).unwrap();
    assert_eq!(it.drain().get(&root), Some(&Dirty::All));
    it.watcher.watch(&root).unwrap();
    fs::write(away.join("old.png"), "x").unwrap();
    fs::create_dir(root.join("new")).unwrap();
    assert_eq!(it.drain().get(&root), Some(&Dirty::Names(BTreeSet::from([BString::from("new")]))));
}

#[test]
fn a_folder_that_moved_keeps_its_watch_when_its_old_path_is_let_go() {
    let it = Fixture::new();
    let (before, after): (Arc<Path>, Arc<Path>) = (Arc::from(it.root.join("a")), Arc::from(it.root.join("b")));
    fs::create_dir(&before).unwrap();
    it.watcher.watch(&before).unwrap();
    fs::rename(&before, &after).unwrap();
    it.watcher.watch(&after).unwrap();
    it.watcher.unwatch(&before);
    it.drain();
    fs::write(after.join("1.png"), "x").unwrap();
    it.until(|seen| has(seen, &after, "1.png"));
}

#[test]
fn unwatched_folders_are_silent() {
    let it = Fixture::new();
    let sub: Arc<Path> = Arc::from(it.root.join("sub"));
    fs::create_dir(&sub).unwrap();
    it.watcher.watch(&sub).unwrap();
    assert_eq!(it.watcher.watched(), 2);
    fs::write(sub.join("1.png"), "x").unwrap();
    it.watcher.unwatch(&sub);
    it.watcher.unwatch(&sub);
    assert_eq!(it.watcher.watched(), 1);
    fs::write(sub.join("2.png"), "x").unwrap();
    assert!(!it.drain().contains_key(&sub));
}

#[test]
fn what_is_no_folder_is_not_watched() {
    let it = Fixture::new();
    let path = |name: &str| -> Arc<Path> { Arc::from(it.root.join(name)) };
    fs::write(path("file"), "").unwrap();
    std::os::unix::fs::symlink(&it.root, path("link")).unwrap();
    assert!(matches!(it.watcher.watch(&path("file")), Err(WatchError::NotAFolder { .. })));
    assert!(matches!(it.watcher.watch(&path("link")), Err(WatchError::NotAFolder { .. })));
    assert!(matches!(it.watcher.watch(&path("none")), Err(WatchError::Missing { .. })));
    assert_eq!(it.watcher.watched(), 1);
}

#[test]
fn limits_of_the_kernel_become_errors_with_the_sysctl_in_the_hint() {
    let of = |errno| WatchError::of_errno(Path::new("/r"), errno);
    let limit = of(Errno::NOSPC);
    assert!(matches!(&limit, WatchError::WatchLimit { path } if path == Path::new("/r")));
    assert!(limit.can_be_polled());
    assert!(limit.hint().unwrap().contains("sysctl -w fs.inotify.max_user_watches="));
    let instances = WatchError::start(Errno::MFILE);
    assert!(matches!(instances, WatchError::InstanceLimit));
    assert!(instances.hint().unwrap().contains("fs.inotify.max_user_instances"));
    let denied = of(Errno::ACCESS);
    assert!(matches!(denied, WatchError::Denied { .. }));
    assert!(!denied.can_be_polled());
    assert!(matches!(WatchError::start(Errno::NOSYS), WatchError::Unavailable { .. }));
    assert!(matches!(of(Errno::IO), WatchError::Io { .. }));
}
