use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use super::*;
use crate::deliver::cleanup::{CleanupJob, clean};
use crate::deliver::name::Names;
use crate::deliver::publish::{Staging, publish};
use crate::encode::chunk::Shown;
use crate::encode::chunk::store::ChunkStore;
use crate::encode::verify::Samples;

const POINTS: [&str; 8] = [
    "after-fsync",
    "after-announce",
    "after-rename",
    "after-dir-fsync",
    "after-journal-published",
    "mid-quarantine",
    "after-quarantine",
    "after-purge",
];
const CHUNK_POINTS: [&str; 3] = ["after-chunk-fsync", "after-chunk-rename", "after-chunk-recorded"];
const FRAMES: usize = 4;

/// What a daemon does with one batch, from its start on: take up what was left, deliver, clean up.
fn deliver(folder: &Path) {
    let lock = Lock::acquire(&folder.join("state")).unwrap();
    let (journal, _) = Journal::open(&lock).unwrap();
    journal.recover(NOW).unwrap();
    let dir = folder.join("shots");
    if journal.list(1).unwrap().is_empty() {
        let mut batch = batch(dir.to_str().unwrap(), &[1, 2, 3, 4]);
        batch.pattern.prefix = "shot_".into();
        for frame in &mut batch.frames {
            let meta = fs::metadata(dir.join(format!("shot_{:04}.png", frame.number))).unwrap();
            let mtime_ns = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
            frame.identity = Identity { dev: meta.dev(), ino: meta.ino(), size: meta.size(), mtime_ns };
        }
        journal
            .begin(&NewBatch { root: folder, batch: &batch, recipe: "h264", rate: ntsc(), rate_from: "" }, NOW)
            .unwrap();
    }
    for stored in journal.pending(NOW).unwrap() {
        let staging = Staging::create(folder, &stored.id.to_string(), &mut |staging| {
            Ok(journal.started(stored.id, staging, "5.1.9", NOW)?)
        });
        let staging = staging.unwrap();
        fs::write(staging.path(), "reel").unwrap();
        let video = publish(staging, &Names::of("clip".into()), "mp4", &mut |video| {
            Ok(journal.publishing(stored.id, video, &delete_at(NOW))?)
        });
        journal.published(stored.id, &video.unwrap(), NOW).unwrap();
    }
    for due in journal.due_cleanups(NOW).unwrap() {
        let report = clean(&CleanupJob {
            root: &due.root,
            dir: &due.dir,
            key: &due.id.to_string(),
            frames: &due.frames,
            video: &due.video,
            mode: due.plan.mode,
            despite_changes: due.plan.despite_changes,
        });
        journal.cleaned(due.id, &report.unwrap(), NOW).unwrap();
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The process that is to be killed is this test again, told by the environment where to work.
#[test]
fn killed_at_any_point_it_loses_nothing_and_makes_nothing_twice() {
    const INNER: &str = "REELD_TEST_CRASH_INNER";
    if let Some(folder) = std::env::var_os(INNER) {
        return deliver(Path::new(&folder));
    }
    for point in POINTS {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("shots");
        fs::create_dir(&dir).unwrap();
        for number in 1..=FRAMES {
            fs::write(dir.join(format!("shot_{number:04}.png")), "frame").unwrap();
        }
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::crash::killed_at_any_point_it_loses_nothing_and_makes_nothing_twice"])
            .env(INNER, folder.path())
            .env("REELD_FAULT", point)
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(9), "{point}");

        let published = folder.path().join("clip.mp4").exists();
        let quarantined = names_in(&dir.join(".reeld-trash-1")).len();
        let frames = names_in(&dir).iter().filter(|name| name.starts_with("shot_")).count() + quarantined;
        assert_eq!(published, !["after-fsync", "after-announce"].contains(&point), "{point}");
        assert!(frames == FRAMES || point == "after-purge", "{point}: {frames}");

        deliver(folder.path());
        assert_eq!(names_in(folder.path()), ["clip.mp4", "shots", "state"], "{point}");
        assert_eq!(fs::read(folder.path().join("clip.mp4")).unwrap(), b"reel", "{point}");
        assert!(names_in(&dir).is_empty(), "{point}: {:?}", names_in(&dir));
        let lock = Lock::acquire(&folder.path().join("state")).unwrap();
        let entries = Journal::open(&lock).unwrap().0.list(10).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.state).collect::<Vec<_>>(), [State::Cleaned], "{point}");
    }
}

/// What a daemon does with one chunk, from its start on: sweep, and make it unless it is there.
fn make_chunk(folder: &Path) {
    let lock = Lock::acquire(&folder.join("state")).unwrap();
    let (journal, _) = Journal::open(&lock).unwrap();
    journal.recover(NOW).unwrap();
    let store = ChunkStore::open(&folder.join("chunks")).unwrap();
    store.sweep(&journal.chunk_files().unwrap(), &|_| false).unwrap();
    let batch = batch("/srv/a", &[1, 2]);
    let key = ChunkKey { dir: &batch.dir, pattern: &batch.pattern, settings: "-crf 18", ffmpeg: "5.1.9" };
    if !journal.chunks_of(&key).unwrap().is_empty() {
        return;
    }
    let mut part = store.reserve("1").unwrap();
    fs::write(part.path(), "chunk").unwrap();
    let file = part.keep().unwrap();
    let frames = batch.frames.iter().map(|frame| Shown { number: frame.number, identity: frame.identity, repeat: 1 });
    let samples = Samples { count: 2, config: String::new(), digest: [7; 32] };
    let contents = [Contents { changed_ns: None, digest: Digest::of(b"frame") }; 2];
    let frames = frames.collect::<Vec<_>>();
    let new = NewChunk { file: &file, bytes: 5, frames: &frames, contents: &contents, samples: &samples };
    journal.add_chunk(&key, &new, NOW).unwrap();
}

#[test]
fn killed_at_any_point_of_a_chunk_it_leaves_no_file_without_a_record() {
    const INNER: &str = "REELD_TEST_CRASH_CHUNK";
    if let Some(folder) = std::env::var_os(INNER) {
        return make_chunk(Path::new(&folder));
    }
    for point in CHUNK_POINTS {
        let folder = tempfile::tempdir().unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "journal::tests::crash::killed_at_any_point_of_a_chunk_it_leaves_no_file_without_a_record",
            ])
            .env(INNER, folder.path())
            .env("REELD_FAULT", point)
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(9), "{point}");
        let chunks = folder.path().join("chunks");
        let left = names_in(&chunks);
        assert_eq!(left.len(), 1, "{point}: {left:?}");
        assert_eq!(left[0] == "reeld-1.chunk.mp4", point != "after-chunk-fsync", "{point}: {left:?}");
        let ino = fs::metadata(chunks.join(&left[0])).unwrap().ino();

        make_chunk(folder.path());
        assert_eq!(names_in(&chunks), ["reeld-1.chunk.mp4"], "{point}");
        let lock = Lock::acquire(&folder.path().join("state")).unwrap();
        let recorded = Journal::open(&lock).unwrap().0.chunk_files().unwrap();
        assert_eq!(recorded, [chunks.join("reeld-1.chunk.mp4")], "{point}");
        // Only what was recorded is taken up; anything else is made anew.
        if point == "after-chunk-recorded" {
            assert_eq!(fs::metadata(&recorded[0]).unwrap().ino(), ino, "{point}");
        }
    }
}
