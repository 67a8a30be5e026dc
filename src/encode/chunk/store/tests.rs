use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use rustix::fs::mkfifoat;

use super::*;

use crate::error::Explain as _;

fn open(dir: &Path) -> ChunkStore {
    ChunkStore::open(dir).unwrap()
}

fn written(store: &ChunkStore, label: &str, content: &str) -> TempChunk {
    let part = store.reserve(label).unwrap();
    fs::write(part.path(), content).unwrap();
    part
}

fn kept(store: &ChunkStore, label: &str, content: &str) -> PathBuf {
    written(store, label, content).keep().unwrap()
}

fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_folder_is_made_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("state/chunks");
    let store = open(&dir);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let part = store.reserve("7").unwrap();
    assert_eq!(mode(part.path()), 0o600);
    // One that is there already is as its owner wants it.
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(open(&dir), store);
    assert_eq!(mode(&dir), 0o750);
}

#[test]
fn a_folder_that_went_away_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("chunks"));
    fs::remove_dir(store.dir()).unwrap();
    assert_eq!(store.sweep(&[], &|_| false).unwrap(), 0);
    fs::remove_dir(store.dir()).unwrap();
    assert!(kept(&store, "7", "chunk").exists());
}

#[test]
fn a_chunk_is_the_very_file_that_was_written_under_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut part = written(&store, "7-240", "chunk");
    let own = format!("reeld-7-240.chunk.{}.part", std::process::id());
    assert_eq!(part.path(), folder.path().join(own));
    let ino = fs::metadata(part.path()).unwrap().ino();
    let path = part.keep().unwrap();
    assert_eq!(path, folder.path().join("reeld-7-240.chunk.mp4"));
    assert_eq!(part.keep().unwrap(), path, "there is nothing left to do");
    assert_eq!(part.path(), path);
    drop(part);
    assert_eq!(names_in(folder.path()), ["reeld-7-240.chunk.mp4"]);
    assert_eq!((fs::metadata(&path).unwrap().ino(), fs::read(&path).unwrap()), (ino, b"chunk".to_vec()));
}

#[test]
fn a_file_that_is_not_kept_goes_when_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (first, second) = (written(&store, "7", "half"), written(&store, "7", "half"));
    assert_ne!(first.path(), second.path());
    drop((first, second));
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn dropping_a_kept_one_spares_the_next_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut first = written(&store, "7", "first");
    let path = first.keep().unwrap();
    let second = written(&store, "7", "second");
    drop(first);
    assert!(second.path().exists() && path.exists());
}

#[test]
fn no_file_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    symlink("nowhere", folder.path().join("reeld-7-2.chunk.mp4")).unwrap();
    let (first, third) = (kept(&store, "7", "first"), kept(&store, "7", "third"));
    assert_eq!(third, folder.path().join("reeld-7-3.chunk.mp4"));
    assert_eq!((fs::read(first).unwrap(), fs::read(third).unwrap()), (b"first".to_vec(), b"third".to_vec()));
    let left = format!("reeld-8.chunk.{}.part", std::process::id());
    fs::write(folder.path().join(&left), "of a killed one").unwrap();
    drop(written(&store, "8", "new"));
    assert_eq!(fs::read(folder.path().join(&left)).unwrap(), b"of a killed one");
}

#[test]
fn an_empty_or_replaced_file_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut empty = store.reserve("7").unwrap();
    let mut replaced = written(&store, "8", "chunk");
    fs::write(folder.path().join("other"), "chunk").unwrap();
    fs::rename(folder.path().join("other"), replaced.path()).unwrap();
    for part in [&mut empty, &mut replaced] {
        let error = part.keep().unwrap_err();
        assert!(matches!(error, StoreError::NotReserved { .. }) && error.hint().is_some(), "{error}");
    }
    let mut gone = written(&store, "9", "chunk");
    fs::remove_file(gone.path()).unwrap();
    assert!(matches!(gone.keep(), Err(StoreError::Io { .. })));
    drop((empty, replaced, gone));
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn only_stems_that_a_sweep_knows_again_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for label in ["", "a/b", "..", "a.b", "a b", "ä", "a\0"] {
        let error = store.reserve(label).unwrap_err();
        assert!(matches!(error, StoreError::Label { .. }), "{error}");
    }
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn only_chunks_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("chunks"));
    let chunk = kept(&store, "7", "chunk");
    let part = written(&store, "8", "half");
    let (theirs, link) = (store.dir().join("clip.mp4"), store.dir().join("reeld-9.chunk.mp4"));
    fs::write(&theirs, "theirs").unwrap();
    symlink(&theirs, &link).unwrap();
    for path in [part.path(), &theirs, &link, &store.dir().join("reeld-6.chunk.mp4"), Path::new("/")] {
        assert!(!store.remove(path).unwrap(), "{}", path.display());
    }
    assert!(store.remove(&chunk).unwrap());
    assert!(!store.remove(&chunk).unwrap());
    assert!(part.path().exists() && theirs.exists() && link.is_symlink());
    // One that was kept before `chunk_dir` was set to another folder.
    let before = kept(&open(&folder.path().join("before")), "7", "chunk");
    assert!(store.remove(&before).unwrap() && !before.exists());
}

#[test]
fn a_sweep_leaves_what_is_known_what_is_in_use_and_what_is_not_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let at = |name: &str| folder.path().join(name);
    let known = kept(&store, "1", "known");
    kept(&store, "2", "nobody's");
    let mut held = written(&store, "3", "kept, and not yet recorded");
    let half = written(&store, "4", "in the making");
    held.keep().unwrap();
    // Of killed ones: with a pid that nobody has, one that somebody has, and our own, as in a container.
    for pid in [u32::MAX, 1, std::process::id()] {
        fs::write(at(&format!("reeld-5.chunk.{pid}.part")), "half").unwrap();
    }
    let theirs = ["clip.mp4", "theirs.chunk.mp4", ".reeld-1.2.part", "reeld-6.part", "reeld-6.chunk.mp4.bak"];
    for name in theirs {
        fs::write(at(name), "theirs").unwrap();
    }
    symlink(&known, at("reeld-7.chunk.mp4")).unwrap();
    fs::create_dir(at("reeld-8.chunk.mp4")).unwrap();
    mkfifoat(CWD, at("reeld-9.chunk.mp4"), Mode::RUSR | Mode::WUSR).unwrap();
    // The same folder by another path.
    let known_as = folder.path().join("../by/another/way").join(known.file_name().unwrap());

    assert_eq!(store.sweep(std::slice::from_ref(&known_as), &|_| false).unwrap(), 4);
    let mut left: Vec<String> = theirs.map(String::from).into();
    left.extend(["reeld-7.chunk.mp4", "reeld-8.chunk.mp4", "reeld-9.chunk.mp4"].map(String::from));
    for path in [&known, held.path(), half.path()] {
        left.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    left.sort();
    assert_eq!(names_in(folder.path()), left);

    // Nobody holds them any more, but for a child that is just being started.
    let inherited = held.file.try_clone().unwrap();
    drop((held, half));
    assert_eq!(store.sweep(&[known_as], &|_| false).unwrap(), 1);
    assert!(known.exists());
    assert_eq!(store.sweep(&[], &|_| false).unwrap(), 1);
    drop(inherited);
}

#[test]
fn a_chunk_that_is_recorded_while_a_sweep_looks_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut part = written(&store, "7", "chunk");
    let path = part.keep().unwrap();
    // The list of the journal is read, then the chunk is recorded and let go of, then the sweep comes to its file.
    drop(part);
    assert_eq!(store.sweep(&[], &|name| Some(name) == path.file_name()).unwrap(), 0);
    assert!(path.exists());
    assert_eq!(store.sweep(&[], &|_| false).unwrap(), 1);
}

#[test]
fn a_reserved_file_that_a_sweep_gets_hold_of_first_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reeld-7.chunk.1.part");
    let made = File::create_new(&path).unwrap();
    assert!(lock_new(&made).unwrap());
    flock(&made, FlockOperation::Unlock).unwrap();
    let swept = File::open(&path).unwrap();
    flock(&swept, FlockOperation::NonBlockingLockExclusive).unwrap();
    let new = File::open(&path).unwrap();
    assert!(!lock_new(&new).unwrap(), "it is about to be removed");
    fs::remove_file(&path).unwrap();
    drop(swept);
    assert!(!lock_new(&new).unwrap(), "it was removed");
}

#[test]
fn one_file_that_cannot_be_swept_does_not_keep_the_others() {
    // A mount point or an immutable file cannot be made here, and root may write everywhere: so without its power.
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // So many that some come before others in whatever order the folder lists them.
    for number in 0..8 {
        kept(&store, &format!("free-{number}"), "chunk");
        let locked = kept(&store, &format!("locked-{number}"), "chunk");
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let none = CapabilitySet::empty();
    let powerless = CapabilitySets { effective: none, permitted: none, inheritable: none };
    let sweep = || {
        set_capabilities(None, powerless).unwrap();
        store.sweep(&[], &|_| false)
    };
    let error = std::thread::scope(|scope| scope.spawn(sweep).join().unwrap()).unwrap_err();
    assert!(error.to_string().contains("reeld-locked-"), "{error}");
    assert!(error.hint().unwrap().contains("chunk_dir"), "{error}");
    let left = names_in(folder.path());
    assert!(left.len() == 8 && left.iter().all(|name| name.starts_with("reeld-locked-")), "{left:?}");
}

#[test]
fn errors_say_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = ChunkStore::open(&file).unwrap_err();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
    assert!(error.hint().unwrap().contains("in the way"), "{:?}", error.hint());

    let full = StoreError::new(&file, io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error()));
    assert!(matches!(&full, StoreError::Full { source, .. } if source.kind() == ErrorKind::StorageFull), "{full}");
    assert!(full.hint().unwrap().contains("`chunk_dir`"));
}
