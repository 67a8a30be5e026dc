use std::thread;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn a_second_daemon_is_refused_and_told_by_whom() {
    let scene = Scene::new();
    let error = Lock::try_acquire(scene.lock.state_dir()).unwrap_err();
    assert!(matches!(error, JournalError::Locked { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    assert!(error.to_string().contains("in use by another reeld (pid "), "{error}");
    let state_dir = scene.lock.state_dir().to_path_buf();
    drop(scene.lock);
    Lock::try_acquire(&state_dir).unwrap();
}

#[test]
fn a_daemon_that_is_still_dying_is_waited_for() {
    const DYING: Duration = Duration::from_millis(300);
    let scene = Scene::new();
    let state_dir = scene.lock.state_dir().to_path_buf();
    thread::scope(|scope| {
        let started = Instant::now();
        let held = scene.lock;
        scope.spawn(move || {
            thread::sleep(DYING);
            drop(held);
        });
        let taken = Lock::acquire(&state_dir).unwrap();
        assert!(started.elapsed() >= DYING, "{:?}", started.elapsed());
        // One that does not go away is not waited for for ever.
        let started = Instant::now();
        assert!(matches!(Lock::acquire(&state_dir), Err(JournalError::Locked { .. })));
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        drop(taken);
    });
}

#[test]
fn a_damaged_journal_is_set_aside() {
    let spoils: [fn(&Path); 4] = [
        |path| fs::write(path, "this is no database, however long one looks at it".repeat(100)).unwrap(),
        |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[100..].fill(0x5A);
            fs::write(path, bytes).unwrap();
        },
        |path| Connection::open(path).unwrap().execute_batch("DROP TABLE frames").unwrap(),
        |path| Connection::open(path).unwrap().execute_batch("DROP TABLE chunks").unwrap(),
    ];
    for spoil in spoils {
        let scene = Scene::new();
        scene.begin("/srv/a");
        let path = scene.lock.state_dir().join("journal.db");
        drop(scene.journal);
        spoil(&path);
        for number in 1..=2 {
            let (journal, set_aside) = Journal::open(&scene.lock).unwrap();
            let aside = scene.lock.state_dir().join(format!("journal.db.corrupt-{number}"));
            assert_eq!(set_aside, Some(aside.clone()));
            assert!(aside.exists() && journal.list(10).unwrap().is_empty());
            drop(journal);
            spoil(&path);
        }
    }
}

#[test]
fn a_journal_of_a_later_version_is_left_alone() {
    let scene = Scene::new();
    scene.begin("/srv/a");
    drop(scene.journal);
    let path = scene.lock.state_dir().join("journal.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for error in [
        Journal::open(&scene.lock).map(drop).unwrap_err(),
        Journal::open_to_read(scene.lock.state_dir()).map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, JournalError::Newer { found: 99, .. }), "{error}");
    }
}

#[test]
fn reading_beside_a_daemon_needs_no_lock_and_makes_nothing() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let reader = Journal::open_to_read(scene.lock.state_dir()).unwrap().unwrap();
    assert_eq!(reader.list(10).unwrap()[0].id, id);
    assert!(reader.forget(Path::new("/")).is_err());
    assert!(Journal::open_to_read(&scene.folder.path().join("nowhere")).unwrap().is_none());
}
