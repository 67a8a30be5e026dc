//! What was there before.

use super::*;
use crate::config::{Config, Root, Selection};
use crate::sequence::existing::FileSet;
use crate::watch::roots::RootMarks;

fn root(marks: &[&str]) -> RootMarks {
    RootMarks { path: "/srv".into(), marks: marks.iter().map(ToString::to_string).collect() }
}

fn files(names: &[&str]) -> FileSet {
    let identity = Identity { dev: 1, ino: 1, size: 1, mtime_ns: 1 };
    FileSet::of(names.iter().map(|name| (name.as_bytes(), &identity)))
}

fn selection() -> Selection {
    Root::with_defaults("/srv".into()).selection
}

fn reading(dir: &str, ino: u64, files: Option<FileSet>) -> FirstReading {
    FirstReading { dir: dir.into(), ino: Some(ino), files }
}

#[test]
fn a_root_is_watched_from_its_first_reading_on() {
    let scene = Scene::new();
    assert!(!scene.journal.has_watched(&root(&["disk 1", "folder 1"])).unwrap());
    scene.journal.watch(&root(&["disk 1", "folder 1"]), &selection(), &[], NOW).unwrap();
    let scene = scene.restart();
    for known in [&["disk 1", "folder 1"][..], &["disk 1", "folder 2"], &["disk 2", "folder 1"], &["disk 1"]] {
        assert!(scene.journal.has_watched(&root(known)).unwrap(), "{known:?}");
    }
    assert!(!scene.journal.has_watched(&root(&["disk 2", "folder 2"])).unwrap());
    let elsewhere = RootMarks { path: "/srv/a".into(), ..root(&["disk 1"]) };
    assert!(!scene.journal.has_watched(&elsewhere).unwrap());
}

#[test]
fn old_files_are_known_by_folder_and_a_renamed_folder_takes_them_along() {
    let scene = Scene::new();
    let readings = [
        reading("/srv/a", 7, Some(files(&["1.png", "2.png"]))),
        reading("/srv/b", 8, Some(files(&["3.png"]))),
        reading("/srv/empty", 9, Some(files(&[]))),
        reading("/srv/closed", 10, None),
    ];
    scene.journal.watch(&root(&["disk"]), &selection(), &readings, NOW).unwrap();
    let scene = scene.restart();
    let in_ = |dir: &str, ino| scene.journal.existing_in(Path::new(dir), ino).unwrap();
    assert_eq!(in_("/srv/a", Some(7)), files(&["1.png", "2.png"]));
    assert_eq!(in_("/srv/a", None), files(&["1.png", "2.png"]));
    assert_eq!(in_("/srv/c", Some(8)), files(&["3.png"]));
    assert_eq!(in_("/srv/a", Some(8)), files(&["1.png", "2.png", "3.png"]));
    for (dir, ino) in [("/srv/c", 11), ("/srv/empty", 9), ("/srv/closed", 10)] {
        assert!(in_(dir, Some(ino)).is_empty(), "{dir}");
    }
    assert_eq!(scene.journal.unread_below(Path::new("/srv")).unwrap(), [Path::new("/srv/closed")]);
    assert!(scene.journal.unread_below(Path::new("/mnt")).unwrap().is_empty());

    let readings = [reading("/srv/closed", 10, Some(files(&["4.png"])))];
    scene.journal.watch(&root(&["disk"]), &selection(), &readings, NOW).unwrap();
    assert!(scene.journal.unread_below(Path::new("/srv")).unwrap().is_empty());
    assert_eq!(scene.journal.existing_in(Path::new("/srv/closed"), None).unwrap(), files(&["4.png"]));
    let each = ["/srv/closed", "/srv/elsewhere"].map(|dir| (Arc::from(Path::new(dir)), None));
    let known = scene.journal.existing_in_each(&each).unwrap();
    assert_eq!(known, (vec![files(&["4.png"]), FileSet::default()], false));
}

#[test]
fn forgotten_files_are_no_longer_old() {
    let scene = Scene::new();
    let batch = batch("/srv/a", &[1, 2]);
    let named = |numbers: &[usize]| {
        let frames: Vec<_> = numbers.iter().map(|index| &batch.frames[*index]).collect();
        let names: Vec<_> = frames.iter().map(|frame| frame.file_name(&batch.pattern)).collect();
        FileSet::of(names.iter().zip(&frames).map(|(name, frame)| (name.as_slice(), &frame.identity)))
    };
    let old = named(&[0, 1]).union(files(&["still"]));
    scene.journal.watch(&root(&["disk"]), &selection(), &[reading("/srv/a", 7, Some(old))], NOW).unwrap();
    scene.begin_batch(&batch);
    scene.journal.forget(Path::new("/srv")).unwrap();
    assert_eq!(scene.journal.existing_in(Path::new("/srv/a"), None).unwrap(), files(&["still"]));
}

#[test]
fn a_million_old_files_are_eight_megabytes() {
    let scene = Scene::new();
    let identity = Identity { dev: 1, ino: 1, size: 1, mtime_ns: 1 };
    let names: Vec<String> = (0..1_000_000).map(|number| format!("IMG_{number:07}.jpg")).collect();
    let old = FileSet::of(names.iter().map(|name| (name.as_bytes(), &identity)));
    scene.journal.watch(&root(&["disk"]), &selection(), &[reading("/srv/a", 7, Some(old))], NOW).unwrap();
    let scene = scene.restart();
    scene.journal.with(|connection| connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")).unwrap();
    let bytes = fs::metadata(scene.lock.state_dir().join("journal.db")).unwrap().len();
    assert!(bytes < 8_500_000, "{bytes}");
}

#[test]
fn previews_of_a_batch_count_as_old_from_its_first_record_on() {
    let scene = Scene::new();
    let identity = Identity { dev: 1, ino: 1, size: 1, mtime_ns: 1 };
    let previews = |name: &str| vec![(name.into(), identity)];
    scene.begin_batch(&Batch { previews: previews("1.jpg"), ..batch("/srv/a", &[1]) });
    let readings = [reading("/srv/b", 8, Some(files(&["old"]))), reading("/srv/closed", 9, None)];
    scene.journal.watch(&root(&["disk"]), &selection(), &readings, NOW).unwrap();
    scene.begin_batch(&Batch { previews: previews("2.jpg"), ..batch("/srv/b", &[2]) });
    scene.begin_batch(&Batch { previews: previews("3.jpg"), ..batch("/srv/closed", &[3]) });
    scene.begin_batch(&batch("/srv/none", &[4]));
    scene.journal.keep_previews(Path::new("/srv/b"), &previews("late.jpg")).unwrap();
    let scene = scene.restart();
    let in_ = |dir: &str| scene.journal.existing_in(Path::new(dir), None).unwrap();
    assert_eq!(in_("/srv/a"), files(&["1.jpg"]));
    assert_eq!(in_("/srv/b"), files(&["old", "2.jpg", "late.jpg"]));
    assert_eq!(scene.journal.unread_below(Path::new("/srv")).unwrap(), [Path::new("/srv/closed")]);
    assert!(in_("/srv/closed").is_empty() && in_("/srv/none").is_empty());
}

#[test]
fn the_selection_of_a_root_is_that_of_its_last_reading() {
    let scene = Scene::new();
    let text = "[[watch]]\npath = \"/srv\"\nrecursive = false\ninclude = [\"*.exr\"]\nexclude = [\"old\"]";
    let narrow = Config::parse(text, Path::new("/etc/reeld.toml")).unwrap().roots.remove(0).selection;
    assert_ne!(narrow, selection());
    assert_eq!(scene.journal.selection_of(&root(&["disk", "folder"])).unwrap(), None);
    for wanted in [selection(), narrow.clone()] {
        scene.journal.watch(&root(&["disk", "folder"]), &wanted, &[], NOW).unwrap();
        for known in [&["disk"][..], &["folder"], &["other", "folder"]] {
            assert_eq!(scene.journal.selection_of(&root(known)).unwrap(), Some(wanted.clone()), "{known:?}");
        }
    }
    // A disk that was there before does not know what was looked at on another one.
    scene.journal.watch(&root(&["other"]), &selection(), &[], NOW).unwrap();
    assert_eq!(scene.journal.selection_of(&root(&["disk"])).unwrap(), Some(narrow));
    scene.journal.with(|connection| connection.execute("UPDATE watched SET selection = NULL", [])).unwrap();
    assert_eq!(scene.journal.selection_of(&root(&["disk"])).unwrap(), None, "as an earlier reeld left it");
}

#[test]
fn files_of_folders_that_follow_each_other_are_freed_in_their_folders() {
    let scene = Scene::new();
    let readings =
        [reading("/srv/a/1", 7, Some(files(&["1.png", "2.png"]))), reading("/srv/a/2", 8, Some(files(&["1.png"])))];
    scene.journal.watch(&root(&["disk"]), &selection(), &readings, NOW).unwrap();
    let identity = Identity { dev: 1, ino: 1, size: 1, mtime_ns: 1 };
    let named = ["1/1.png", "2/1.png"].map(|name| (BString::from(name), identity));
    scene.journal.with(|connection| crate::journal::existing::free(connection, Path::new("/srv/a"), &named)).unwrap();
    let in_ = |dir: &str| scene.journal.existing_in(Path::new(dir), None).unwrap();
    assert_eq!((in_("/srv/a/1"), in_("/srv/a/2")), (files(&["2.png"]), files(&[])));
    let preview = [(BString::from("2/9.png"), identity)];
    scene.journal.with(|connection| crate::journal::existing::add(connection, Path::new("/srv/a"), &preview)).unwrap();
    assert_eq!((in_("/srv/a/1"), in_("/srv/a/2")), (files(&["2.png"]), files(&["9.png"])));
}
