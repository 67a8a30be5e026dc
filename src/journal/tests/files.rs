use std::os::unix::fs::FileExt as _;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::error::Explain as _;

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

/// Nothing that a start asks for is in the part of the journal that is about finished batches, however large that is: here
/// it cannot even be read.
#[test]
fn a_start_does_not_walk_the_history() {
    let scene = Scene::new();
    let numbers: Vec<i64> = (1..=50).collect();
    for index in 0..300 {
        let outcome = if index % 2 == 0 { Outcome::default() } else { delete_at(NOW) };
        let id = scene.begin_batch(&batch(&format!("/srv/{index}"), &numbers));
        scene.publish(id, &outcome);
        if index % 2 == 1 {
            let kept = [(BString::from(&b"sh\xF6t_0007.png"[..]), KeptReason::Changed)].into();
            scene.journal.cleaned(id, &CleanupReport { kept, ..CleanupReport::default() }, NOW).unwrap();
        }
    }
    let dir = scene.folder.path().join("frames");
    fs::create_dir(&dir).unwrap();
    let due = scene.begin_batch(&batch(dir.to_str().unwrap(), &numbers));
    scene.publish(due, &delete_at(NOW));
    let broken = scene.begin_batch(&batch(dir.to_str().unwrap(), &numbers));
    scene.journal.started(broken, &scene.staged().path, "5.1.9", NOW).unwrap();
    let failed = scene.begin_batch(&batch(dir.to_str().unwrap(), &numbers));
    scene.journal.failed(failed, "no", None, true, NOW).unwrap();

    let damaged = damage_history(scene);
    let scene = damaged.restart();
    let journal = &scene.journal;
    let boot = BootTime { id: "first".to_owned(), ms: 1 };
    assert_eq!(journal.recover(NOW).unwrap().restarted, [broken]);
    journal.reconsider().unwrap();
    journal.remap_devices(Path::new("/srv")).unwrap();
    assert_eq!(journal.recover_due(NOW, &[]).unwrap(), Recovery::default());
    journal.count_boot_time(NOW, &boot).unwrap();
    assert_eq!(journal.due_cleanups(NOW).unwrap().into_iter().map(|due| due.id).collect::<Vec<_>>(), [due]);
    let pending = journal.pending(NOW + 30_000).unwrap();
    assert_eq!(pending.into_iter().map(|batch| batch.id).collect::<Vec<_>>(), [broken, failed]);
    assert_eq!(journal.next_due(NOW).unwrap(), Some(NOW + 30_000));
    assert_eq!(journal.stuck(50).unwrap().into_iter().map(|entry| entry.id).collect::<Vec<_>>(), [failed]);
    assert_eq!(journal.forget_old(NOW).unwrap(), 0);
    assert!(journal.unread_below(Path::new("/")).unwrap().is_empty());
    // What `reeld encode` asks for, and a folder that is read.
    let new = batch(dir.to_str().unwrap(), &[1, 2]);
    let new = NewBatch { root: &dir, batch: &new, recipe: "h264", rate: ntsc(), rate_from: "" };
    assert_eq!(journal.videos_of(&new).unwrap(), []);
    assert!(journal.claims(&dir).unwrap().len() > 100);
    assert_eq!(journal.claims(Path::new("/srv")).unwrap(), [], "a root with all those folders in it");

    // The damage is met when somebody asks for what is damaged, and the next start sees to it.
    let error = journal.claims(Path::new("/srv/120")).unwrap_err();
    assert!(error.hint().unwrap().contains("start reeld again"), "{error:?}");
    let Scene { folder: _folder, lock, journal } = scene;
    drop(journal);
    let (journal, set_aside) = Journal::open(&lock).unwrap();
    assert!(set_aside.is_some() && journal.list(1).unwrap().is_empty());
    drop(journal);
    assert_eq!(Journal::open(&lock).unwrap().1, None);
}

/// Overwrites the pages that hold nothing but finished batches of `a_start_does_not_walk_the_history`, and their frames.
fn damage_history(scene: Scene) -> Scene {
    let path = scene.lock.state_dir().join("journal.db");
    let Scene { folder, lock, journal } = scene;
    drop(journal);
    let connection = Connection::open(&path).unwrap();
    let size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    for table in ["batches", "frames"] {
        let leaves: Vec<i64> = {
            let sql = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path";
            let mut select = connection.prepare(sql).unwrap();
            select.query_map([table], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
        };
        // The first ones stay, and the last ones, which hold what is unfinished.
        let history = &leaves[2..leaves.len() * 9 / 10];
        assert!(history.len() > 20, "{table}: {leaves:?}");
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        for page in history {
            let (length, at) = (usize::try_from(size).unwrap(), ((page - 1) * size).cast_unsigned());
            file.write_all_at(&vec![0x5A; length], at).unwrap();
        }
    }
    drop(connection);
    Scene { folder, journal: Journal::open(&lock).unwrap().0, lock }
}

#[test]
fn videos_from_before_there_was_a_column_for_their_folder_are_found() {
    let scene = Scene::new();
    let paths: [&[u8]; 4] = [b"/srv/a/clip.mp4", b"/clip.mp4", b"/srv/\xC3/\xA9\xF6 x.mp4", b"/srv/a/b/c.mp4"];
    let ids = paths.map(|path| {
        let id = scene.begin("/x");
        let video = scene.publish(id, &Outcome::default());
        let rename = "UPDATE batches SET reel = ?, reel_ino = ? WHERE id = ?";
        scene.journal.with(|connection| connection.execute(rename, (path, id, id))).unwrap();
        (id, video.identity)
    });
    scene.take_back(13, "DELETE FROM frames");

    let scene = scene.restart();
    for (path, (id, identity)) in paths.into_iter().zip(ids) {
        let folder = Path::new(std::ffi::OsStr::from_bytes(path)).parent().unwrap();
        let expected = Identity { ino: id.0.cast_unsigned(), ..identity };
        assert_eq!(scene.journal.claims(folder).unwrap(), [expected], "{folder:?}");
    }
    assert_eq!(scene.claims("/srv"), []);
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
