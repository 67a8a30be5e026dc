//! `reeld run`: from frames that come in to videos.

use std::ffi::OsStr;
use std::fs;

use crate::support::video::{assert_shows, numbers};
use crate::support::{Daemon, Frames, Sandbox, ffmpeg, toml_string, with_each_ffmpeg};

/// Only what a test says ends a sequence.
const PATIENT: &str = "idle_timeout = \"1h\"";

#[test]
fn a_marker_ends_a_sequence() {
    with_each_ffmpeg(|sandbox| {
        let mut daemon = Daemon::start(sandbox, &sandbox.config(PATIENT));
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=8);
        Frames::new("late_####.png").renamed().write(&shot, 1..=3);
        fs::write(shot.join(".done"), "").unwrap();
        daemon.wait_for_file(&shot.join("frame.mp4"));
        daemon.wait_for_file(&shot.join("late.mp4"));
        assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=8);
        assert_shows(&shot.join("late.mp4"), &sandbox.ffmpeg, 1..=3);
        assert_eq!(daemon.stop().code(), Some(0));
        assert!(sandbox.leftovers().is_empty());
    });
}

#[test]
fn a_named_marker_ends_only_its_sequence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let shot = sandbox.folder("shot");
    Frames::new("a_####.png").write(&shot, 1..=4);
    Frames::new("b_####.png").write(&shot, 1..=4);
    fs::write(shot.join("a.done"), "").unwrap();
    daemon.wait_for_file(&shot.join("a.mp4"));
    assert!(!shot.join("b.mp4").exists());
    fs::write(shot.join("b.done"), "").unwrap();
    daemon.wait_for_file(&shot.join("b.mp4"));
    assert_shows(&shot.join("b.mp4"), &sandbox.ffmpeg, 1..=4);
}

#[test]
fn silence_ends_a_sequence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"1s\""));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.jpg").write(&shot, 1..=8);
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=8);
}

#[test]
fn a_number_ends_a_sequence_in_any_order() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{PATIENT}\nframe_count = 8")));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, [8, 1, 3, 2, 7, 5, 6, 4]);
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=8);
}

#[test]
fn the_last_frame_ends_a_sequence_once_all_are_there() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{PATIENT}\nlast_frame = 6")));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, [1, 2, 6, 4, 5, 3]);
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=6);
}

#[test]
fn a_client_ends_a_sequence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let mut daemon = Daemon::start(&sandbox, &config);
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    sandbox.run([OsStr::new("done"), shot.as_os_str()]).expect(0);
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=5);
}

#[test]
fn a_bare_marker_speaks_for_the_batch_folders() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let job = sandbox.folder("job");
    for (folder, count) in [("job/batch_0000", 5), ("job/batch_0001", 6)] {
        Frames::new("frame_#####.png").write(&sandbox.folder(folder), 1..=count);
    }
    fs::write(job.join(".done"), "").unwrap();
    for (folder, count) in [("batch_0000", 5), ("batch_0001", 6)] {
        let video = job.join(folder).join("frame.mp4");
        daemon.wait_for_file(&video);
        assert_shows(&video, &sandbox.ffmpeg, 1..=count);
    }
}

/// Frames that are known, then the last two and a marker at once: in its own folder, in the folder above, far below the root,
/// and with a folder that is made a moment before.
#[test]
fn a_marker_ends_what_was_written_a_moment_before_it() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let frames = Frames::new("frame_#####.png");
    let kinds = [
        ("named", "named", "frame.done"),
        ("bare", "bare", ".done"),
        ("job", "job/batch_0001", ".done"),
        ("far/below/job", "far/below/job/batch_0000", ".done"),
    ];
    for ((marked, folder, marker), known) in kinds.into_iter().zip(4_u32..) {
        let (marked, folder) = (sandbox.folder(marked), sandbox.folder(folder));
        frames.write(&folder, 1..=known);
        daemon.wait_for_open_frames(known);
        frames.write(&folder, [known + 1, known + 2]);
        fs::write(marked.join(marker), "").unwrap();
        let video = folder.join("frame.mp4");
        daemon.wait_for_file(&video);
        assert_shows(&video, &sandbox.ffmpeg, 1..=known + 2);
    }
    let job = sandbox.folder("job");
    frames.write(&sandbox.folder("job/batch_0002"), 1..=9);
    fs::remove_file(job.join(".done")).unwrap();
    fs::write(job.join(".done"), "").unwrap();
    let video = job.join("batch_0002/frame.mp4");
    daemon.wait_for_file(&video);
    assert_shows(&video, &sandbox.ffmpeg, 1..=9);
    assert_eq!(daemon.wait_for_videos(&sandbox, 5).len(), 5, "no frame was left for another video");
}

#[test]
fn videos_of_the_same_name_stand_side_by_side() {
    let sandbox = Sandbox::new(&ffmpeg());
    let out = sandbox.path().join("out");
    fs::create_dir(&out).unwrap();
    let keys = format!("{PATIENT}\noutput_dir = {}\noutput_name = \"video\"", toml_string(&out));
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&keys));
    for (folder, count) in [("a", 4), ("b", 6)] {
        let folder = sandbox.folder(folder);
        Frames::new("frame_####.png").write(&folder, 1..=count);
        fs::write(folder.join(".done"), "").unwrap();
    }
    let videos = daemon.wait_for_videos(&sandbox, 2);
    assert_eq!(videos, [out.join("video.mp4"), out.join("video_2.mp4")]);
    let mut shown = videos.iter().map(|video| numbers(video, &sandbox.ffmpeg)).collect::<Vec<_>>();
    shown.sort();
    assert_eq!(shown, [1..=4, 1..=6].map(Iterator::collect::<Vec<_>>));
}

#[test]
fn frames_are_removed_once_their_video_is_proved() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{PATIENT}\ncleanup = \"delete\"")));
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=8);
    fs::write(shot.join("notes.txt"), "mine").unwrap();
    fs::write(shot.join(".done"), "").unwrap();
    for number in 1..=8 {
        daemon.wait_for_absence(&frames.path(&shot, number));
    }
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=8);
    assert!(shot.join("notes.txt").exists());
}

#[test]
fn frames_with_an_anomaly_are_kept() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{PATIENT}\ncleanup = \"delete\"")));
    let (gap, whole) = (sandbox.folder("gap"), sandbox.folder("whole"));
    let frames = Frames::new("frame_####.png");
    frames.write(&gap, [1, 2, 3, 5]);
    fs::write(gap.join(".done"), "").unwrap();
    daemon.wait_for_file(&gap.join("frame.mp4"));
    // A second batch that is removed shows that the first one's turn has passed.
    frames.write(&whole, 1..=4);
    fs::write(whole.join(".done"), "").unwrap();
    daemon.wait_for_absence(&frames.path(&whole, 4));
    assert!([1, 2, 3, 5].iter().all(|number| frames.path(&gap, *number).exists()));
    assert_shows(&gap.join("frame.mp4"), &sandbox.ffmpeg, [1, 2, 3, 5]);
}

#[test]
fn frames_from_before_the_start_are_seen() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    fs::write(shot.join(".done"), "").unwrap();
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=5);
}

#[test]
fn a_failing_batch_does_not_stop_the_next() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let (bad, good) = (sandbox.folder("batch_0000"), sandbox.folder("batch_0001"));
    for number in 1..=4 {
        fs::write(Frames::new("frame_#####.png").path(&bad, number), "not a picture").unwrap();
    }
    Frames::new("frame_#####.png").write(&good, 1..=4);
    fs::write(sandbox.root().join(".done"), "").unwrap();
    daemon.wait_for_file(&good.join("frame.mp4"));
    assert_shows(&good.join("frame.mp4"), &sandbox.ffmpeg, 1..=4);
    assert!(!bad.join("frame.mp4").exists());
}

#[test]
fn a_root_may_come_later() {
    let sandbox = Sandbox::new(&ffmpeg());
    fs::remove_dir(sandbox.root()).unwrap();
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{PATIENT}\nwatch = \"both\"")));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=5);
}
