use super::*;

#[test]
fn a_killed_encode_starts_again_without_its_staging_file() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let staged = scene.staged();
    scene.journal.started(id, &staged.path, "5.1.9", NOW).unwrap();
    let scene = scene.restart();
    let recovery = scene.journal.recover(NOW).unwrap();
    assert_eq!(recovery, Recovery { restarted: vec![id], ..Recovery::default() });
    assert!(!staged.path.exists());
    assert_eq!(scene.journal.pending(NOW).unwrap().len(), 1);
}

#[test]
fn a_batch_that_kills_the_process_again_and_again_is_slowed_and_never_given_up() {
    let mut scene = Scene::new();
    let id = scene.begin("/srv/a");
    let mut now = NOW;
    let mut pauses = Vec::new();
    for attempt in 1..=3 * DEATHS_AT_ONCE {
        scene.journal.started(id, &scene.staged().path, "5.1.9", now).unwrap();
        scene = scene.restart();
        let recovery = scene.journal.recover(now).unwrap();
        if attempt <= DEATHS_AT_ONCE {
            assert_eq!(recovery.restarted, [id], "{attempt}");
        } else {
            assert_eq!(recovery.slowed, [id], "{attempt}");
            let due = scene.entry(id).next_attempt_at.unwrap();
            assert_eq!(scene.journal.next_due(now).unwrap(), Some(due));
            assert!(scene.journal.pending(due - 1).unwrap().is_empty(), "{attempt}");
            pauses.push(due - now);
            now = due;
        }
        assert_eq!(scene.journal.pending(now).unwrap().len(), 1, "{attempt}");
    }
    assert!(pauses.is_sorted() && pauses[0] == 30_000, "{pauses:?}");
}

#[test]
fn killed_before_the_rename_it_starts_again() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let staged = scene.staged();
    let theirs = scene.file("clip.mp4");
    scene.journal.started(id, &staged.path, "5.1.9", NOW).unwrap();
    scene.journal.publishing(id, &Published { path: theirs.path.clone(), ..staged.clone() }, &delete_at(NOW)).unwrap();
    let scene = scene.restart();
    assert_eq!(scene.journal.recover(NOW).unwrap().restarted, [id]);
    assert!(!staged.path.exists() && theirs.path.exists());
    assert_eq!(scene.entry(id).video, None);
}

#[test]
fn killed_after_the_rename_it_is_published_and_cleaned_up_as_planned() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let staged = scene.staged();
    let video = Published { path: scene.folder.path().join("clip.mp4"), ..staged.clone() };
    scene.journal.started(id, &staged.path, "5.1.9", NOW).unwrap();
    scene.journal.publishing(id, &video, &delete_at(NOW)).unwrap();
    // A hard link, as on file systems that cannot rename without replacing: the old name is still there.
    fs::hard_link(&staged.path, &video.path).unwrap();
    let scene = scene.restart();
    assert_eq!(scene.journal.recover(NOW).unwrap(), Recovery { published: vec![id], ..Recovery::default() });
    assert!(!staged.path.exists() && video.path.exists());
    let due = scene.journal.due_cleanups(NOW).unwrap().pop().unwrap();
    assert_eq!(due.video, video, "with what its contents are known by");
}

#[test]
fn a_missing_disk_decides_nothing() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let staged = scene.staged();
    let elsewhere = scene.folder.path().join("disk");
    let identity = Identity { dev: staged.identity.dev + 1, ..staged.identity };
    scene.journal.started(id, &elsewhere.join(".reeld-1.1.part"), "5.1.9", NOW).unwrap();
    let video = Published { path: elsewhere.join("clip.mp4"), identity, digest: staged.digest };
    scene.journal.publishing(id, &video, &Outcome::default()).unwrap();
    let scene = scene.restart();
    for mount_point_exists in [false, true] {
        if mount_point_exists {
            fs::create_dir(&elsewhere).unwrap();
        }
        let recovery = scene.journal.recover(NOW).unwrap();
        assert_eq!((recovery.restarted.len(), recovery.published.len(), recovery.warnings.len()), (0, 0, 1));
        // It is looked at again without a start.
        let due = scene.journal.next_due(NOW).unwrap().unwrap();
        assert_eq!(scene.entry(id).next_attempt_at, Some(due));
        assert_eq!(scene.journal.recover_due(due, &[]).unwrap().warnings.len(), 1);
        assert!(scene.journal.next_due(due).unwrap().unwrap() > due);
    }
    // The disk is back under another number, with the video on it.
    fs::rename(&staged.path, elsewhere.join("clip.mp4")).unwrap();
    assert_eq!(scene.journal.recover_due(i64::MAX, &[]).unwrap().published, [id]);
    let entry = scene.entry(id);
    assert_eq!((entry.state, entry.next_attempt_at, entry.error), (State::Published, None, None));
}

#[test]
fn a_disk_under_another_number_has_the_same_files() {
    let scene = Scene::new();
    let dir = scene.folder.path().to_path_buf();
    let mut batch = batch(dir.to_str().unwrap(), &[1, 2]);
    batch.pattern.prefix = "shot_".into();
    let files: Vec<Identity> = ["shot_0001.png", "shot_0002.png"].map(|name| scene.file(name).identity).into();
    for (frame, file) in batch.frames.iter_mut().zip(&files) {
        frame.identity = Identity { dev: file.dev + 1, ..*file };
    }
    // The first frame is gone, and the second tells for both.
    fs::remove_file(dir.join("shot_0001.png")).unwrap();
    let id = scene.begin_batch(&batch);
    let (changed, elsewhere) = (scene.begin_batch(&batch), scene.begin("/srv/a"));
    let mut video = scene.file("clip.mp4");
    video.identity.dev += 1;
    scene.journal.started(id, Path::new("/x/.reeld-1.1.part"), "5.1.9", NOW).unwrap();
    scene.journal.publishing(id, &video, &delete_at(NOW)).unwrap();
    scene.journal.published(id, &video, NOW).unwrap();

    assert!(scene.journal.remap_devices(Path::new("/srv")).unwrap().is_empty());
    assert_eq!(scene.journal.remap_devices(&dir).unwrap(), [id, changed]);
    let due = scene.journal.due_cleanups(NOW).unwrap().pop().unwrap();
    assert_eq!(due.video.identity.dev, files[0].dev);
    assert_eq!(due.frames.iter().map(|frame| frame.identity).collect::<Vec<_>>(), files);
    assert!(scene.journal.remap_devices(&dir).unwrap().is_empty());

    // A file that differs in anything else is another file.
    fs::write(dir.join("shot_0002.png"), "rendered again").unwrap();
    let held = scene.begin_batch(&batch);
    assert!(!scene.journal.remap_devices(&dir).unwrap().contains(&held));
    assert_eq!(scene.entry(elsewhere).state, State::Pending);
}

/// No start looks at them, so that each question about them has to.
#[test]
fn finished_batches_of_a_disk_under_another_number_are_known_when_somebody_asks() {
    let asks: [fn(&Journal, &Batch, &Published) -> bool; 4] = [
        |journal, batch, video| {
            let claims = journal.claims(&batch.dir).unwrap();
            batch.frames.iter().all(|frame| claims.contains(&frame.identity)) && claims.contains(&video.identity)
        },
        |journal, batch, _| {
            let files: Vec<Identity> = batch.frames.iter().map(|frame| frame.identity).collect();
            journal.held_files(&batch.dir, &files).unwrap() == files
        },
        |journal, batch, _| journal.delivered(&batch.dir, &batch.pattern).unwrap().contains(&batch.frames[1].identity),
        |journal, batch, _| {
            let new = NewBatch { root: &batch.dir, batch, recipe: "h264", rate: ntsc(), rate_from: "" };
            journal.videos_of(&new).unwrap().len() == 1
        },
    ];
    for (index, ask) in asks.into_iter().enumerate() {
        let scene = Scene::new();
        let mut now = batch(scene.folder.path().to_str().unwrap(), &[1, 2]);
        now.pattern.prefix = "shot_".into();
        for (frame, name) in now.frames.iter_mut().zip(["shot_0001.png", "shot_0002.png"]) {
            frame.identity = scene.file(name).identity;
        }
        let mut before = now.clone();
        for frame in &mut before.frames {
            frame.identity.dev += 1;
        }
        let id = scene.begin_batch(&before);
        let video = scene.file("clip.mp4");
        let video_before =
            Published { identity: Identity { dev: video.identity.dev + 1, ..video.identity }, ..video.clone() };
        scene.journal.started(id, Path::new("/x/.reeld-1.1.part"), "5.1.9", NOW).unwrap();
        scene.journal.publishing(id, &video_before, &Outcome::default()).unwrap();
        scene.journal.published(id, &video_before, NOW).unwrap();
        let scene = scene.restart();
        assert_eq!(scene.journal.recover(NOW).unwrap(), Recovery::default());
        assert!(ask(&scene.journal, &now, &video), "{index}");
    }
}

#[test]
fn a_batch_of_another_living_process_is_left_alone() {
    let scene = Scene::new();
    let beside = Journal::open_beside(scene.lock.state_dir()).unwrap();
    let id = scene.begin("/srv/a");
    let staged = scene.staged();
    beside.started(id, &staged.path, "5.1.9", NOW).unwrap();

    let scene = scene.restart();
    let left_alone = Recovery { elsewhere: vec![id], ..Recovery::default() };
    assert_eq!(scene.journal.recover(NOW).unwrap(), left_alone);
    assert!(staged.path.exists());
    // Nor are its own.
    assert_eq!(beside.recover_due(NOW, &[]).unwrap(), Recovery::default());

    drop(beside);
    assert_eq!(scene.journal.recover_due(NOW, &[]).unwrap(), Recovery { restarted: vec![id], ..Recovery::default() });
    assert!(!staged.path.exists());
}

#[test]
fn staging_on_a_disk_that_is_away_goes_when_it_is_back() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let elsewhere = scene.folder.path().join("disk");
    let staging = elsewhere.join(".reeld-1.1.part");
    scene.journal.started(id, &staging, "5.1.9", NOW).unwrap();
    let scene = scene.restart();
    assert_eq!(scene.journal.recover(NOW).unwrap().restarted, [id]);

    fs::create_dir_all(&staging).unwrap();
    let scene = scene.restart();
    assert_eq!(scene.journal.recover(NOW).unwrap(), Recovery::default());
    assert!(!staging.exists());
}
