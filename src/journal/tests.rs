use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use bstr::BString;
use proptest::prelude::*;
use rusqlite::StatementStatus;
use tempfile::TempDir;

use super::*;
use crate::config::{Cleanup, FrameRate};
use crate::deliver::cleanup::{CleanupReport, EncodedFrame, KeptReason};
use crate::frame::digest::{Contents, Digest};
use crate::sequence::finish::FinishReason;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::generator::{Generator, MadeBy, Sign};
use crate::sequence::{Batch, Padding, Pattern};

const NOW: i64 = 1_763_640_000_000;

mod chunks;
#[cfg(feature = "fault-points")]
mod crash;
mod existing;
mod files;
mod recovery;
mod version_cache;

/// A state directory with an open journal, and a folder for videos.
struct Scene {
    folder: TempDir,
    lock: Lock,
    journal: Journal,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::acquire(&folder.path().join("state")).unwrap();
        let (journal, set_aside) = Journal::open(&lock).unwrap();
        assert_eq!(set_aside, None);
        Self { folder, lock, journal }
    }

    /// The process was killed, and this is the next one.
    fn restart(self) -> Self {
        let Self { folder, lock, journal } = self;
        drop((journal, lock));
        let lock = Lock::acquire(&folder.path().join("state")).unwrap();
        let (journal, set_aside) = Journal::open(&lock).unwrap();
        assert_eq!(set_aside, None);
        Self { folder, lock, journal }
    }

    /// Makes the journal one of an earlier version, by undoing the steps after it, and then runs `sql`.
    fn take_back(&self, version: u32, sql: &str) {
        let steps = [
            (17, "ALTER TABLE batches DROP COLUMN made_by"),
            (16, "ALTER TABLE batches DROP COLUMN makers_rate; ALTER TABLE batches DROP COLUMN rate_from"),
            (15, "DROP INDEX batches_at_rest"),
            (
                14,
                "DROP INDEX batches_by_reel_dir; ALTER TABLE batches DROP COLUMN reel_dir; DROP INDEX existing_unread; \
                 DROP INDEX batches_by_state; CREATE INDEX batches_by_state ON batches (state); \
                 CREATE INDEX batches_by_reel ON batches (reel)",
            ),
            (13, "ALTER TABLE batches DROP COLUMN origin"),
        ];
        let undone = steps.iter().filter(|(step, _)| *step > version).map(|(_, undo)| *undo);
        let all = undone.chain([sql, &format!("PRAGMA user_version = {version}")]).collect::<Vec<_>>().join("; ");
        self.journal.with(|connection| connection.execute_batch(&all)).unwrap();
    }

    fn begin(&self, dir: &str) -> BatchId {
        self.begin_batch(&batch(dir, &[1, 2, 4]))
    }

    fn begin_batch(&self, batch: &Batch) -> BatchId {
        let new = NewBatch { root: Path::new("/srv"), batch, recipe: "h264", rate: ntsc(), rate_from: "" };
        self.journal.begin(&new, NOW).unwrap()
    }

    /// A file in the folder for videos, as staging or video.
    fn file(&self, name: &str) -> Published {
        let path = self.folder.path().join(name);
        fs::write(&path, "reel").unwrap();
        let meta = fs::metadata(&path).unwrap();
        let mtime_ns = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
        let identity = Identity { dev: meta.dev(), ino: meta.ino(), size: meta.size(), mtime_ns };
        Published { path, identity, digest: Some(Digest::of(b"reel")) }
    }

    fn claims(&self, dir: &str) -> Vec<Identity> {
        self.journal.claims(Path::new(dir)).unwrap()
    }

    fn staged(&self) -> Published {
        self.file(".reeld-1.1.part")
    }

    fn entry(&self, id: BatchId) -> Entry {
        self.journal.find(id).unwrap().unwrap()
    }

    /// Brings a batch to `published`.
    fn publish(&self, id: BatchId, outcome: &Outcome) -> Published {
        let video = self.file("clip.mp4");
        self.journal.started(id, Path::new("/x/.reeld-1.1.part"), "5.1.9", NOW + 1).unwrap();
        let read = [Some(1), Some(-5)].map(|changed_ns| Contents { changed_ns, digest: Digest::of(b"frame 4") });
        self.journal.encoded(id, &[(1, read[0]), (2, read[0])]).unwrap();
        // Of another attempt.
        self.journal.encoded(id, &[(1, read[0]), (4, read[1])]).unwrap();
        self.journal.publishing(id, &video, outcome).unwrap();
        self.journal.published(id, &video, NOW + 2).unwrap();
        video
    }
}

fn ntsc() -> FrameRate {
    FrameRate { num: NonZeroU32::new(24000).unwrap(), den: NonZeroU32::new(1001).unwrap() }
}

fn batch(dir: &str, numbers: &[i64]) -> Batch {
    let pattern = Pattern::new(&b"sh\xF6t_"[..], ".png", Padding::Width(4));
    let frame = |number: &i64| Frame {
        name: None,
        number: *number,
        identity: Identity { dev: u64::MAX, ino: number.unsigned_abs(), size: 10, mtime_ns: -5 },
    };
    Batch {
        dir: Arc::from(Path::new(dir)),
        pattern,
        frames: numbers.iter().map(frame).collect(),
        unreadable: Vec::new(),
        previews: Vec::new(),
        rewritten: NumberRanges::default().with(&numbers[..1]),
        missing: NumberRanges::missing_from(numbers.iter().copied()),
        reason: FinishReason::Marker(".done".into()),
        taken_for: None,
        makers_rate: None,
        made_by: None,
    }
}

fn delete_at(due_at: i64) -> Outcome {
    let cleanup = Some(PlannedCleanup { mode: Cleanup::Delete, due_at, despite_changes: true });
    Outcome {
        anomalies: vec!["3 is missing".to_owned()],
        left_out: Vec::new(),
        encode_ms: 1200,
        verify_ms: 300,
        cleanup,
    }
}

#[test]
fn a_frame_that_is_in_no_video_is_held_and_never_cleaned_up() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    scene.publish(id, &Outcome { left_out: vec![2], ..delete_at(NOW) });
    let due = scene.journal.due_cleanups(NOW).unwrap();
    let names: Vec<_> = due[0].frames.iter().map(|frame| frame.name.to_string()).collect();
    assert_eq!(names, ["sh\u{fffd}t_0001.png", "sh\u{fffd}t_0004.png"]);
    scene.journal.cleaned(id, &CleanupReport::default(), NOW).unwrap();
    assert_eq!(scene.claims("/srv/a").iter().map(|file| file.ino).collect::<Vec<_>>(), [2]);
    let entry = scene.entry(id);
    assert_eq!((entry.removed, entry.kept, entry.gone), (0, 0, 2), "it was no frame that somebody took away");
}

#[test]
fn a_name_that_the_pattern_does_not_give_is_kept() {
    let scene = Scene::new();
    let mut batch = batch("/srv/a", &[1, 2]);
    batch.frames[1].name = Some(Arc::from(&b"sh\xF6t_x.png"[..]));
    let id = scene.begin_batch(&batch);
    let stored = scene.journal.pending(NOW).unwrap().remove(0).batch;
    assert_eq!(stored.path_of(&stored.frames[1]), batch.path_of(&batch.frames[1]));
    scene.publish(id, &delete_at(NOW));
    let due = scene.journal.due_cleanups(NOW).unwrap();
    let names: Vec<&[u8]> = due[0].frames.iter().map(|frame| frame.name.as_slice()).collect();
    assert_eq!(names, [&b"sh\xF6t_0001.png"[..], b"sh\xF6t_x.png"]);
    let kept = CleanupReport { kept: vec![(due[0].frames[1].name.clone(), KeptReason::Changed)], ..Default::default() };
    scene.journal.cleaned(id, &kept, NOW).unwrap();
    assert_eq!(scene.claims("/srv/a"), [batch.frames[1].identity]);
}

#[test]
fn a_full_disk_does_not_use_up_the_attempts() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    for _ in 0..20 {
        scene.journal.started(id, Path::new("/x/.reeld-1.1.part"), "5.1.9", NOW).unwrap();
        scene.journal.held(id, "no space left", None, NOW + 60).unwrap();
        assert!(scene.journal.pending(NOW + 59).unwrap().is_empty());
    }
    let entry = scene.entry(id);
    assert_eq!((entry.attempts, entry.next_attempt_at), (0, Some(NOW + 60)));
    assert_eq!(scene.journal.pending(NOW + 60).unwrap().len(), 1);
}

#[test]
fn a_statement_is_planned_once_whatever_it_is_asked_about() {
    // As the claims of a folder are asked for. Without the promise, this one is planned anew each time it is used.
    let ask = |connection: &mut Connection| {
        let mut planned_again = 0;
        for dir in ["/srv/a", "/srv/b", "/srv/c"] {
            let mut select = connection.prepare_cached(
                "SELECT frames.* FROM frames JOIN batches ON batches.id = frames.batch_id \
                 WHERE batches.dir = ? AND batches.state != 'stale' \
                 AND (batches.origin = 'daemon' OR batches.state IN ('published', 'cleaned'))",
            )?;
            select.exists([dir.as_bytes()])?;
            planned_again += select.get_status(StatementStatus::RePrepare);
        }
        Ok(planned_again)
    };
    let scene = Scene::new();
    assert_eq!(scene.journal.with(ask).unwrap(), 0);
    let reader = Journal::open_to_read(scene.lock.state_dir()).unwrap().unwrap();
    assert_eq!(reader.with(ask).unwrap(), 0);
}

#[test]
fn a_journal_knows_whether_it_has_batches() {
    let scene = Scene::new();
    assert!(!scene.journal.has_batches().unwrap());
    scene.begin("/srv/a");
    assert!(scene.journal.has_batches().unwrap());
    // Another process began it.
    let beside = Journal::open_beside(scene.lock.state_dir()).unwrap();
    assert!(beside.has_batches().unwrap());
    beside.forget(Path::new("/srv/a")).unwrap();
    assert!(!scene.journal.has_batches().unwrap());
}

#[test]
fn a_folder_that_moved_takes_its_history_along() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let (known, other) = (batch("/srv/a", &[2]).frames[0].identity, batch("/srv/a", &[9]).frames[0].identity);
    let moved = Path::new("/srv/b");
    assert_eq!(scene.journal.held_files(moved, &[known]).unwrap(), [], "no video of them yet");
    let below = Path::new("/srv/a/2025-03-01");
    assert_eq!(scene.journal.held_files(below, &[known]).unwrap(), [known], "of folders that follow each other");
    scene.publish(id, &delete_at(NOW));
    assert_eq!(scene.journal.held_files(moved, &[known, other]).unwrap(), [known]);
    assert_eq!(scene.journal.held_files(moved, &[Identity { mtime_ns: 1, ..known }]).unwrap(), []);
}

#[test]
fn a_batch_is_remembered_with_the_settings_it_was_made_with() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let rate = FrameRate { num: NonZeroU32::new(30).unwrap(), den: NonZeroU32::MIN };
    scene.journal.configured(id, "prores", rate, "").unwrap();
    let entry = scene.entry(id);
    assert_eq!((entry.recipe.as_str(), entry.rate.as_str()), ("prores", "30/1"));
}

#[test]
fn a_video_is_no_frame_of_its_folder() {
    let scene = Scene::new();
    let video = scene.publish(scene.begin("/srv/a"), &delete_at(NOW));
    assert_eq!(scene.journal.claims(scene.folder.path()).unwrap(), [video.identity]);
    assert_eq!(scene.journal.claims(scene.folder.path().parent().unwrap()).unwrap(), []);
}

#[test]
fn a_batch_goes_all_the_way() {
    let scene = Scene::new();
    let journal = &scene.journal;
    let id = scene.begin("/srv/a");
    let stored = journal.pending(NOW).unwrap();
    assert_eq!(stored[0].batch, batch("/srv/a", &[1, 2, 4]));
    assert_eq!((stored[0].id, stored[0].rate, stored[0].recipe.as_str()), (id, ntsc(), "h264"));

    let video = scene.publish(id, &delete_at(NOW + 10));
    let entry = scene.entry(id);
    assert_eq!((entry.state, entry.video, entry.video_bytes), (State::Published, Some(video.path.clone()), Some(4)));
    assert_eq!((entry.first, entry.last, entry.count, entry.missing.as_str()), (1, 4, 3, "3"));
    assert_eq!((entry.encode_ms, entry.verify_ms, entry.attempts), (Some(1200), Some(300), 1));
    assert_eq!(entry.anomalies, ["3 is missing"]);
    assert_eq!((entry.reason.as_str(), entry.rate.as_str()), ("marker .done", "24000/1001"));
    assert!(journal.pending(i64::MAX).unwrap().is_empty());

    assert!(journal.due_cleanups(NOW + 9).unwrap().is_empty());
    assert_eq!(journal.next_due(NOW + 9).unwrap(), Some(NOW + 10));
    assert_eq!(journal.next_due(NOW + 10).unwrap(), None, "what is due is no reason to ask again at once");
    let due = journal.due_cleanups(NOW + 10).unwrap().pop().unwrap();
    assert_eq!((due.id, &due.video, due.plan), (id, &video, delete_at(NOW + 10).cleanup.unwrap()));
    let identity = batch("/srv/a", &[4]).frames[0].identity;
    let contents = Some(Contents { changed_ns: Some(-5), digest: Digest::of(b"frame 4") });
    assert_eq!(due.frames[2], EncodedFrame { name: (&b"sh\xF6t_0004.png"[..]).into(), identity, contents });
    assert_eq!(due.frames[1].contents, None);

    let report = CleanupReport {
        removed: 2,
        kept: vec![(due.frames[1].name.clone(), KeptReason::Changed)],
        ..Default::default()
    };
    assert_eq!(journal.cleaned(id, &report, NOW + 11).unwrap(), None);
    let entry = scene.entry(id);
    assert_eq!((entry.state, entry.removed, entry.kept, entry.error), (State::Cleaned, 2, 1, None));
    // Only the frame that is still there is held.
    assert_eq!(scene.claims("/srv/a"), [due.frames[1].identity]);
    assert_eq!(journal.next_due(NOW).unwrap(), None);
}

/// Moments count from one that both clocks agree on.
#[test]
fn a_clock_that_jumps_makes_nothing_due() {
    const HOUR: i64 = 3_600_000;
    let scene = Scene::new();
    let journal = &scene.journal;
    let id = scene.begin("/srv/a");
    scene.publish(id, &delete_at(NOW + 2 * HOUR));
    let due = |wall: i64, boot: &str, ms: i64| {
        let boot = BootTime { id: boot.to_owned(), ms };
        journal.count_boot_time(NOW + wall, &boot).unwrap();
        !journal.due_cleanups(NOW + wall).unwrap().is_empty()
    };
    assert!(!due(0, "first", 5 * HOUR));
    assert!(!due(HOUR, "first", 6 * HOUR), "half of the time");
    assert!(!due(4 * HOUR, "first", 6 * HOUR), "three hours forward");
    assert_eq!(scene.entry(id).cleanup_due_at, Some(NOW + 5 * HOUR), "the list says when");
    // What was left is left after a reboot, and only that is believed of the wall clock.
    assert!(!due(4 * HOUR, "second", 1000));
    assert!(!due(9 * HOUR, "second", 2000), "another jump");
    assert!(!due(8 * HOUR, "second", HOUR + 1000), "it was set back, and says that more is left");
    assert!(due(10 * HOUR, "second", HOUR + 1000));

    let other = scene.begin("/srv/b");
    scene.publish(other, &delete_at(NOW + 2 * HOUR));
    assert!(!due(0, "third", 0));
    journal.stays(id, "the frames stay: no", "hint").unwrap();
    assert!(!due(HOUR, "third", HOUR));
    // The network keeps the clock right.
    assert!(due(2 * HOUR, "third", 2 * HOUR - 500));
    journal.stays(other, "the frames stay: no", "hint").unwrap();
    assert_eq!((due(9 * HOUR, "third", 9 * HOUR), journal.next_due(NOW).unwrap()), (false, None));
    let entry = scene.entry(other);
    assert_eq!((entry.error.as_deref(), entry.hint.as_deref()), (Some("the frames stay: no"), Some("hint")));
    journal.reconsider().unwrap();
    assert!(due(9 * HOUR, "third", 9 * HOUR), "the config was read again");
}

#[test]
fn everything_survives_a_restart() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    scene.publish(id, &delete_at(NOW));
    let (before, claims) = (scene.entry(id), scene.claims("/srv/a"));
    let scene = scene.restart();
    assert_eq!((scene.entry(id), scene.claims("/srv/a")), (before, claims));
    assert_eq!(scene.journal.recover(NOW).unwrap(), Recovery::default());
    assert_eq!(scene.journal.due_cleanups(NOW).unwrap().len(), 1);
}

#[test]
fn the_journal_is_for_its_owner_alone() {
    let scene = Scene::new();
    scene.begin("/srv/a");
    for name in ["journal.db", "journal.db-wal", "journal.db-shm", "lock"] {
        let mode = fs::metadata(scene.lock.state_dir().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::metadata(scene.lock.state_dir()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn failures_back_off_and_never_end() {
    let scene = Scene::new();
    let journal = &scene.journal;
    let id = scene.begin("/srv/a");
    let mut now = NOW;
    let mut pauses = Vec::new();
    for _ in 0..20 {
        journal.started(id, Path::new("/x/.reeld-1.1.part"), "5.1.9", now).unwrap();
        let next = journal.failed(id, "no encoder", Some("install one"), true, now).unwrap().unwrap();
        assert!(journal.pending(next - 1).unwrap().is_empty());
        assert_eq!(journal.pending(next).unwrap()[0].id, id);
        assert_eq!(journal.next_due(next - 1).unwrap(), Some(next));
        assert_eq!(journal.next_due(next).unwrap(), None);
        pauses.push(next - now);
        now = next;
    }
    assert_eq!(pauses[..5], [30_000, 120_000, 600_000, 3_600_000, 21_600_000]);
    assert!(pauses[5..].iter().all(|pause| *pause == 21_600_000), "{pauses:?}");
    let entry = scene.entry(id);
    assert_eq!(
        (entry.attempts, entry.error.as_deref(), entry.hint.as_deref()),
        (20, Some("no encoder"), Some("install one"))
    );
    journal.started(id, Path::new("/x/.reeld-1.1.part"), "5.1.9", now).unwrap();
    assert_eq!(journal.failed(id, "frames are missing", None, false, now).unwrap(), None);
    assert!(journal.pending(i64::MAX).unwrap().is_empty());
    // The frames of a batch that failed for good are not taken again by themselves.
    assert_eq!(scene.claims("/srv/a").len(), 3);

    assert_eq!(journal.retry(&RetryTarget::Id(id), now).unwrap(), [id]);
    assert_eq!((journal.pending(now).unwrap().len(), scene.entry(id).attempts), (1, 0));
}

#[test]
fn a_failure_before_the_attempt_counts_and_a_hopeless_one_is_final() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    assert_eq!(scene.journal.failed(id, "e", None, true, NOW).unwrap(), Some(NOW + 30_000));
    assert_eq!(scene.journal.failed(id, "e", None, true, NOW).unwrap(), Some(NOW + 120_000));
    assert_eq!(scene.journal.failed(id, "e", None, false, NOW).unwrap(), None);
    assert_eq!(scene.entry(id).attempts, 3);
}

#[test]
fn an_interrupted_attempt_does_not_count() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    scene.journal.started(id, Path::new("/x/.reeld-1.1.part"), "5.1.9", NOW).unwrap();
    scene.journal.interrupted(id, NOW).unwrap();
    assert_eq!(scene.journal.pending(NOW).unwrap()[0].attempts, 0);
}

#[test]
fn steps_out_of_order_are_refused() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let video = scene.staged();
    let refused = |outcome: Result<(), JournalError>| {
        assert!(matches!(outcome, Err(JournalError::OutOfStep { .. })), "{outcome:?}");
    };
    refused(scene.journal.published(id, &video, NOW));
    refused(scene.journal.publishing(id, &video, &Outcome::default()));
    refused(scene.journal.started(BatchId(99), &video.path, "5.1.9", NOW));
    refused(scene.journal.cleaned(id, &CleanupReport::default(), NOW).map(drop));
    scene.publish(id, &Outcome::default());
    refused(scene.journal.started(id, &video.path, "5.1.9", NOW));
    refused(scene.journal.failed(id, "e", None, true, NOW).map(drop));
    refused(scene.journal.stale(id, NOW).map(drop));
}

#[test]
fn stale_batches_hold_nothing() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    assert_eq!(scene.journal.stale(id, NOW).unwrap().len(), 3);
    assert!(scene.claims("/srv/a").is_empty());
    assert!(scene.journal.pending(i64::MAX).unwrap().is_empty());
    assert_eq!(scene.entry(id).state, State::Stale);
}

#[test]
fn forgetting_releases_a_folder_and_those_below_it_but_not_what_runs() {
    let scene = Scene::new();
    let (_, below, _, runs) =
        (scene.begin("/srv/a"), scene.begin("/srv/a/b"), scene.begin("/srv/ab"), scene.begin("/srv/a"));
    scene.journal.started(runs, Path::new("/x/.reeld-1.1.part"), "5.1.9", NOW).unwrap();
    let released = scene.journal.forget(Path::new("/srv/a")).unwrap();
    let dirs: Vec<_> = released.iter().map(|(dir, files)| (dir.to_str().unwrap(), files.len())).collect();
    assert_eq!(dirs, [("/srv/a", 3), ("/srv/a/b", 3)]);
    assert_eq!(scene.journal.find(below).unwrap(), None);
    let left: Vec<_> = scene.journal.list(10).unwrap().into_iter().map(|entry| entry.dir).collect();
    assert_eq!(left, [Path::new("/srv/a"), Path::new("/srv/ab")]);
    // Nobody works on it any more.
    scene.journal.outcome_unknown(runs, "the journal was full", None, NOW).unwrap();
    assert_eq!(scene.journal.forget(Path::new("/srv/a")).unwrap().len(), 1);
    // A number is never given out twice.
    scene.journal.forget(Path::new("/")).unwrap();
    assert!(scene.begin("/srv/a") > runs);
}

#[test]
fn only_what_holds_no_file_is_forgotten_with_time() {
    let scene = Scene::new();
    let journal = &scene.journal;
    let cleaned = |dir: &str, video: &str, kept: &[&'static [u8]], now: i64| {
        let id = scene.begin(dir);
        let video = scene.file(video);
        journal.started(id, Path::new("/x/.reeld-1.1.part"), "5.1.9", NOW).unwrap();
        journal.publishing(id, &video, &delete_at(NOW)).unwrap();
        journal.published(id, &video, NOW).unwrap();
        let kept = kept.iter().map(|name| (BString::from(*name), KeptReason::Changed)).collect();
        journal.cleaned(id, &CleanupReport { removed: 2, kept, ..Default::default() }, now).unwrap();
        id
    };
    let old = cleaned("/srv/old", "clip.mp4", &[], NOW);
    let young = cleaned("/srv/young", "clip.mp4", &[], NOW + 10);
    // Its frame would be encoded again, and the WebP would be a frame.
    let with_a_frame = cleaned("/srv/a", "clip.mp4", &[b"sh\xF6t_0002.png"], NOW);
    let with_a_picture = cleaned("/srv/b", "clip.webp", &[], NOW);
    let kept = scene.begin("/srv/c");
    scene.publish(kept, &Outcome::default());
    let unfinished = [scene.begin("/srv/d"), scene.begin("/srv/d")];
    journal.failed(unfinished[1], "e", None, false, NOW).unwrap();
    let stale = scene.begin("/srv/e");
    journal.stale(stale, NOW).unwrap();
    let claims = || ["/srv/a", "/srv/c", "/srv/d"].map(|dir| scene.claims(dir).len());
    let (held, videos) = (claims(), scene.claims(scene.folder.path().to_str().unwrap()));
    assert_eq!(held, [1, 3, 6]);

    assert_eq!(journal.forget_old(NOW).unwrap(), 0);
    assert_eq!(journal.forget_old(NOW + 10).unwrap(), 2);
    assert_eq!([old, stale].map(|id| journal.find(id).unwrap()), [None, None]);
    let mut left: Vec<BatchId> = journal.list(100).unwrap().into_iter().map(|entry| entry.id).collect();
    left.sort();
    assert_eq!(left, [young, with_a_frame, with_a_picture, kept, unfinished[0], unfinished[1]]);
    assert_eq!(claims(), held);
    let webp = scene.claims(scene.folder.path().to_str().unwrap());
    assert!(webp.len() == videos.len() - 1 && webp.iter().all(|video| videos.contains(video)), "{webp:?} {videos:?}");
    // A number is never given out twice.
    assert!(scene.begin("/srv/f") > stale);
}

#[test]
fn retrying_a_folder_leaves_other_folders_and_good_batches_alone() {
    let scene = Scene::new();
    let (failed, other, good) = (scene.begin("/srv/a/b"), scene.begin("/srv/c"), scene.begin("/srv/a"));
    for id in [failed, other] {
        scene.journal.failed(id, "e", None, false, NOW).unwrap();
    }
    scene.publish(good, &Outcome::default());
    assert_eq!(scene.journal.retry(&RetryTarget::Dir("/srv/a".into()), NOW).unwrap(), [failed]);
    assert_eq!(scene.entry(good).state, State::Published);
    assert_eq!(scene.entry(other).state, State::Failed);
}

#[test]
fn a_clean_up_that_fails_comes_again_and_encodes_nothing() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    scene.publish(id, &delete_at(NOW));
    let next = scene.journal.cleanup_failed(id, "no way", None, true, NOW).unwrap().unwrap();
    assert!(scene.journal.due_cleanups(next - 1).unwrap().is_empty());
    let due = scene.journal.due_cleanups(next).unwrap().pop().unwrap();

    let refused = KeptReason::Failed(io::Error::from(io::ErrorKind::PermissionDenied));
    let report = CleanupReport { removed: 2, kept: vec![(due.frames[0].name.clone(), refused)], ..Default::default() };
    let again = scene.journal.cleaned(id, &report, next).unwrap().unwrap();
    let rest = scene.journal.due_cleanups(again).unwrap().pop().unwrap();
    assert_eq!(rest.frames, due.frames[..1]);
    assert_eq!(rest.published_at, due.published_at, "`cleanup_after` counts from there");
    assert!(scene.entry(id).error.unwrap().contains("permission denied"));
    // However often: a disk may be away for a month.
    for _ in 0..20 {
        let next = scene.journal.cleanup_failed(id, "no way", None, true, NOW).unwrap();
        assert!(next.is_some_and(|next| next <= NOW + 6 * 3_600_000), "{next:?}");
    }

    let mut now = again;
    for _ in 0..10 {
        now = scene.journal.cleanup_failed(id, "no way", None, true, now).unwrap().unwrap();
        assert_eq!(scene.journal.due_cleanups(now).unwrap().len(), 1);
        now = scene.journal.cleaned(id, &report, now).unwrap().unwrap();
    }
    assert_eq!(scene.journal.cleanup_failed(id, "the video is gone", None, false, NOW).unwrap(), None);
    assert!(scene.journal.due_cleanups(i64::MAX).unwrap().is_empty());
    assert!(scene.journal.pending(i64::MAX).unwrap().is_empty());
    assert_eq!(scene.journal.retry(&RetryTarget::Id(id), NOW).unwrap(), [id]);
    assert_eq!(scene.journal.due_cleanups(NOW).unwrap().len(), 1);
}

#[test]
fn entries_print_as_json_whatever_their_bytes() {
    let scene = Scene::new();
    let id = scene.begin("/srv/a");
    let json = serde_json::to_value(scene.entry(id)).unwrap();
    assert_eq!(json["state"], "pending");
    assert_eq!(json["pattern"], "sh\u{FFFD}t_####.png");
    assert_eq!(json["dir"], "/srv/a");
    assert_eq!(json["video"], serde_json::Value::Null);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_recorded_is_what_is_read(
        prefix in proptest::collection::vec(any::<u8>(), 0..20),
        dir in proptest::collection::vec(1_u8.., 1..20),
        width in 0_u8..9,
        numbers in proptest::collection::btree_set(any::<i32>(), 1..20),
        parts in any::<(u64, u64, u64, i64)>(),
        rate in (1_u32.., 1_u32..),
    ) {
        let scene = Scene::new();
        let (dev, ino, size, mtime_ns) = parts;
        let numbers: Vec<i64> = numbers.into_iter().map(i64::from).collect();
        let mut batch = batch("/", &numbers);
        batch.dir = Arc::from(Path::new(std::ffi::OsStr::from_bytes(&dir)));
        batch.pattern.prefix = prefix.into();
        batch.pattern.padding = if width == 0 { Padding::None } else { Padding::Width(width) };
        for frame in &mut batch.frames {
            frame.identity = Identity { dev, ino: ino ^ frame.number.cast_unsigned(), size, mtime_ns };
        }
        let rate = FrameRate { num: NonZeroU32::new(rate.0).unwrap(), den: NonZeroU32::new(rate.1).unwrap() };
        let new = NewBatch { root: &batch.dir, batch: &batch, recipe: "ffv1", rate, rate_from: "" };
        scene.journal.begin(&new, NOW).unwrap();
        let scene = scene.restart();
        let stored = scene.journal.pending(NOW).unwrap().pop().unwrap();
        prop_assert_eq!(&stored.batch, &batch);
        prop_assert_eq!((stored.rate, stored.root.as_path()), (rate, &*batch.dir));
        let claims = scene.journal.claims(&batch.dir).unwrap();
        prop_assert_eq!(&claims, &batch.frames.iter().map(|frame| frame.identity).collect::<Vec<_>>());
    }
}

#[test]
fn videos_of_the_very_same_frames_and_settings_are_found() {
    let scene = Scene::new();
    let frames = batch("/srv/a", &[1, 2, 4]);
    let id = scene.begin_batch(&frames);
    let found = |batch: &Batch, recipe: &str, rate: FrameRate| {
        let new = NewBatch { root: Path::new("/srv/a"), batch, recipe, rate, rate_from: "" };
        scene.journal.videos_of(&new).unwrap()
    };
    assert_eq!(found(&frames, "h264", ntsc()), [], "nothing is published yet");
    let video = scene.publish(id, &Outcome::default());
    let [(made, shown)] = &found(&frames, "h264", ntsc())[..] else { panic!("one video") };
    assert_eq!((made, shown.len()), (&video, 3));
    let one = FrameRate { num: NonZeroU32::MIN, den: NonZeroU32::MIN };
    assert_eq!(found(&frames, "h264 crf 18", ntsc()), []);
    assert_eq!(found(&frames, "h264", one), []);
    let mut other = frames.clone();
    other.frames[1].identity.mtime_ns += 1;
    let longer = batch("/srv/a", &[1, 2, 3, 4]);
    let elsewhere = batch("/srv/b", &[1, 2, 4]);
    for batch in [other, longer, elsewhere] {
        assert_eq!(found(&batch, "h264", ntsc()), []);
    }
}

#[test]
fn who_made_the_frames_is_kept_and_older_batches_have_nobody() {
    let scene = Scene::new();
    let by = |why| Some(MadeBy { generator: Generator::Comfyui, why });
    let known = scene.begin_batch(&Batch { made_by: by(Sign::Text), ..batch("/srv/a", &[1, 2]) });
    let unknown = scene.begin_batch(&Batch { made_by: by(Sign::Nothing), ..batch("/srv/b", &[1, 2]) });
    assert_eq!(scene.entry(known).made_by.as_deref(), Some("ComfyUI, by the text in the frames"));
    assert_eq!(scene.entry(unknown).made_by, None);
    let scene = scene.restart();
    let pending = scene.journal.pending(NOW).unwrap();
    assert_eq!(pending.iter().map(|stored| stored.batch.made_by.clone()).collect::<Vec<_>>(), [by(Sign::Text), None]);
    scene.take_back(16, "");
    let reader = Journal::open_to_read(scene.lock.state_dir()).unwrap().unwrap();
    assert_eq!(reader.find(known).unwrap().unwrap().made_by, None);
    drop(reader);
    let scene = scene.restart();
    assert_eq!(scene.entry(known).made_by, None);
    assert_eq!(scene.journal.pending(NOW).unwrap().len(), 2);
}

#[test]
fn batches_from_before_there_were_origins_have_theirs() {
    let scene = Scene::new();
    let of_the_daemon = scene.begin("/srv/a");
    let asked_for = scene.begin_batch(&Batch { reason: FinishReason::Now, ..batch("/srv/b", &[1, 2]) });
    // Of a process that is gone.
    scene.take_back(12, "UPDATE batches SET worker = NULL");

    let scene = scene.restart();
    let waiting: Vec<_> = scene.journal.pending(NOW).unwrap().into_iter().map(|batch| batch.id).collect();
    assert_eq!(waiting, [of_the_daemon]);
    assert_eq!(scene.journal.recover(NOW).unwrap(), Recovery { cut_off: vec![asked_for], ..Recovery::default() });
    assert_eq!(scene.claims("/srv/a").len(), 3);
    assert_eq!(scene.claims("/srv/b"), []);
}

#[test]
fn what_the_command_line_encodes_is_nobody_elses_work() {
    let scene = Scene::new();
    let now = Batch { reason: FinishReason::Now, ..batch("/srv/a", &[1, 2]) };
    let id = scene.begin_batch(&now);
    assert!(scene.journal.pending(i64::MAX).unwrap().is_empty());
    scene.journal.started(id, Path::new("/x/.reeld-1.1.part"), "5.1.9", NOW).unwrap();
    scene.journal.failed(id, "no space", None, true, NOW).unwrap();
    assert!(scene.journal.pending(i64::MAX).unwrap().is_empty());
    assert!(scene.journal.retry(&RetryTarget::Id(id), NOW).unwrap().is_empty());
    assert_eq!(scene.claims("/srv/a"), [], "a daemon may still make a video of them");
    let done = scene.begin_batch(&now);
    assert_eq!(scene.journal.planned_cleanup(done).unwrap(), None);
    scene.publish(done, &delete_at(NOW));
    assert_eq!(scene.claims("/srv/a").len(), 2);
    assert!(scene.journal.due_cleanups(i64::MAX).unwrap().is_empty());
    assert_eq!(scene.journal.planned_cleanup(done).unwrap().map(|due| due.id), Some(done));
}
