//! Versions of programs.

use super::*;

#[test]
fn a_version_holds_for_the_same_file_for_a_day() {
    let Scene { journal, folder: _folder, lock: _lock } = Scene::new();
    let path = Path::new("/usr/bin/ffmpeg");
    let file = Identity { dev: u64::MAX, ino: 7, size: 1, mtime_ns: -1 };
    let day = 24 * 60 * 60 * 1000;
    assert_eq!(journal.version_of(path, &file, NOW).unwrap(), None);

    journal.keep_version(path, &file, "5.1.9", NOW).unwrap();
    assert_eq!(journal.version_of(path, &file, NOW + day).unwrap().as_deref(), Some("5.1.9"));
    assert_eq!(journal.version_of(path, &file, NOW + day + 1).unwrap(), None, "a launcher may start another by now");
    assert_eq!(journal.version_of(path, &file, NOW - 1).unwrap(), None, "the clock was set back");
    assert_eq!(journal.version_of(Path::new("/opt/ffmpeg"), &file, NOW).unwrap(), None);
    let others = [
        Identity { dev: 1, ..file },
        Identity { ino: 8, ..file },
        Identity { size: 2, ..file },
        Identity { mtime_ns: 0, ..file },
    ];
    for other in others {
        assert_eq!(journal.version_of(path, &other, NOW).unwrap(), None, "{other:?}");
    }

    journal.keep_version(path, &others[0], "9.0.2", NOW).unwrap();
    assert_eq!(journal.version_of(path, &others[0], NOW).unwrap().as_deref(), Some("9.0.2"));
    assert_eq!(journal.version_of(path, &file, NOW).unwrap(), None, "one answer for a path");
}

#[test]
fn a_journal_from_before_there_were_versions_is_kept() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let first_version = "ALTER TABLE batches DROP COLUMN stays; ALTER TABLE batches DROP COLUMN due_boot; \
                         ALTER TABLE batches DROP COLUMN due_boot_ms; DROP TABLE places; ALTER TABLE batches DROP COLUMN root_seen; \
                         ALTER TABLE batches DROP COLUMN reel_seen; ALTER TABLE frames DROP COLUMN changed_ns; ALTER TABLE frames DROP COLUMN digest; \
                         ALTER TABLE chunks DROP COLUMN contents; ALTER TABLE batches DROP COLUMN reel_digest; \
                         ALTER TABLE batches DROP COLUMN worker; ALTER TABLE chunks DROP COLUMN worker; DROP TABLE litter; \
                         ALTER TABLE batches DROP COLUMN taken_for; ALTER TABLE batches DROP COLUMN rewritten; DROP TABLE watched; DROP TABLE existing; \
                         ALTER TABLE frames DROP COLUMN name; DROP TABLE programs";
    scene.take_back(12, first_version);
    scene.journal.with(|connection| connection.pragma_update(None, "user_version", 1)).unwrap();
    let read = Journal::open_to_read(scene.lock.state_dir()).unwrap().unwrap();
    assert_eq!(read.find(id).unwrap().unwrap().id, id);

    let scene = scene.restart();
    assert_eq!(scene.journal.find(id).unwrap().unwrap().id, id);
    let file = Identity { dev: 1, ino: 1, size: 1, mtime_ns: 1 };
    scene.journal.keep_version(Path::new("/usr/bin/ffmpeg"), &file, "5.1.9", NOW).unwrap();
}
