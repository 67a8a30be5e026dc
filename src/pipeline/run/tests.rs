//! Past the point of no return.

use std::fs;
use std::io;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::config::FrameRate;
use crate::deliver::name::Names;
use crate::deliver::publish::PublishError;
use crate::journal::{Lock, RetryTarget, State};
use crate::sequence::finish::FinishReason;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::{Frame, Padding, Pattern};

const NOW: i64 = 1_763_640_000_000;

/// A batch whose video has just got its name, in a journal that does not know yet.
struct Scene {
    folder: TempDir,
    journal: Journal,
    id: BatchId,
    video: Published,
    _lock: Lock,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::acquire(&folder.path().join("state")).unwrap();
        let (journal, _) = Journal::open(&lock).unwrap();
        journal.impatient();
        let frame = |number| Frame {
            name: None,
            number,
            identity: Identity { dev: 1, ino: number.unsigned_abs(), size: 10, mtime_ns: 5 },
        };
        let batch = Batch {
            dir: std::sync::Arc::from(folder.path()),
            pattern: Pattern::new("f_", ".png", Padding::Width(4)),
            frames: (1..=3).map(frame).collect(),
            unreadable: Vec::new(),
            previews: Vec::new(),
            rewritten: NumberRanges::default(),
            missing: NumberRanges::default(),
            reason: FinishReason::Marker(".done".into()),
            taken_for: None,
            makers_rate: None,
            made_by: None,
        };
        let rate = FrameRate { num: std::num::NonZeroU32::new(24).unwrap(), den: std::num::NonZeroU32::MIN };
        let new = NewBatch { root: folder.path(), batch: &batch, recipe: "h264", rate, rate_from: "" };
        let id = journal.begin(&new, NOW).unwrap();
        let mut record = |staging: &Path| journal.started(id, staging, "5.1.9", NOW).map_err(Into::into);
        let staging = Staging::create(folder.path(), &id.to_string(), &mut record).unwrap();
        fs::write(staging.path(), "video").unwrap();
        let outcome = Outcome::default();
        let mut announce = |video: &Published| journal.publishing(id, video, &outcome).map_err(Into::into);
        let video = publish::publish(staging, &Names::of("clip".into()), "mp4", &mut announce).unwrap();
        Self { folder, journal, id, video, _lock: lock }
    }

    fn state(&self) -> State {
        self.journal.find(self.id).unwrap().unwrap().state
    }

    /// As another program that writes does.
    fn hold(&self) -> Connection {
        let other = Connection::open(self.folder.path().join("state/journal.db")).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        other
    }

    fn failed_sync(&self) -> JobError {
        PublishError::Io { path: self.video.path.clone(), source: io::Error::other("no sync") }.into()
    }
}

#[test]
fn a_folder_that_cannot_be_synced_at_first_has_its_video_all_the_same() {
    let scene = Scene::new();
    let video = after_all(scene.id, &scene.journal, scene.failed_sync()).unwrap();
    assert_eq!(video, scene.video);
    assert_eq!(scene.state(), State::Published);
}

#[test]
fn a_video_that_has_no_name_fails_as_it_failed() {
    let scene = Scene::new();
    fs::remove_file(&scene.video.path).unwrap();
    let error = after_all(scene.id, &scene.journal, scene.failed_sync()).unwrap_err();
    assert!(matches!(error, JobError::Publish(_)), "{error:?}");
    record_failure(scene.id, &scene.journal, &error).unwrap();
    assert_eq!(scene.state(), State::Failed);
}

#[test]
fn a_journal_that_cannot_be_written_after_the_rename_makes_no_second_video() {
    let scene = Scene::new();
    let other = scene.hold();
    let error = scene.journal.published(scene.id, &scene.video, NOW).unwrap_err();
    let error = after_all(scene.id, &scene.journal, error.into()).unwrap_err();
    assert!(matches!(error.consequence(), Consequence::Recover(_)), "{error:?}");
    record_failure(scene.id, &scene.journal, &error).unwrap_err();
    assert_eq!(scene.state(), State::Publishing);
    drop(other);

    // What the loop does once its pause is over.
    scene.journal.outcome_unknown(scene.id, "busy", None, NOW).unwrap();
    assert_eq!(scene.journal.recover_due(NOW, &[scene.id]).unwrap().published, [], "somebody works on it");
    assert_eq!(scene.journal.recover_due(NOW, &[]).unwrap().published, [scene.id]);
    assert_eq!(scene.journal.video_of(scene.id).unwrap(), Some(scene.video.clone()));
    assert!(scene.journal.pending(i64::MAX).unwrap().is_empty(), "nothing is encoded again");
}

#[test]
fn what_is_not_settled_has_a_due_time_and_is_tried_at_once_by_retry() {
    let scene = Scene::new();
    let error = JobError::OutcomeUnknown(Box::new(scene.failed_sync()));
    record_failure(scene.id, &scene.journal, &error).unwrap();
    let entry = scene.journal.find(scene.id).unwrap().unwrap();
    let due = entry.next_attempt_at.unwrap();
    assert_eq!((entry.state, scene.journal.next_due(due - 1).unwrap()), (State::Publishing, Some(due)));
    assert_eq!(scene.journal.recover_due(due - 1, &[]).unwrap().published, []);
    assert_eq!(scene.journal.retry(&RetryTarget::Id(scene.id), NOW).unwrap(), [scene.id]);
    assert_eq!(scene.journal.recover_due(NOW, &[]).unwrap().published, [scene.id]);
    assert_eq!(scene.state(), State::Published);
}
