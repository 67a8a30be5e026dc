//! `reeld encode` when FFmpeg fails: no video, no lost frame, a reason.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::video::assert_shows;
use crate::support::{Fake, Fault, Frames, Sandbox, ffmpeg};

/// Panics unless the frames 1 to 10 are still there, and nothing that could be taken for a video.
#[track_caller]
fn assert_untouched(sandbox: &Sandbox, shot: &Path, why: &str) {
    let frames = Frames::new("frame_####.png");
    for number in 1..=10 {
        let bytes = fs::read(frames.path(shot, number)).unwrap();
        assert_eq!(bytes, frames.bytes(number), "{why}: frame {number}");
    }
    assert!(sandbox.videos().is_empty(), "{why}: {:?}", sandbox.videos());
    assert!(sandbox.leftovers().is_empty(), "{why}: {:?}", sandbox.leftovers());
}

#[test]
fn a_failing_ffmpeg_makes_no_video_and_removes_no_frame() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=10);
    for fault in [Fault::Exit1, Fault::Exit0NoFile, Fault::Exit0ShortFile, Fault::EndThenFail, Fault::MissingEncoder] {
        sandbox.install(&Fake::new(&sandbox, fault));
        let outcome = sandbox.encode(&["--cleanup", "delete"]).expect(1);
        assert!(outcome.stdout.is_empty(), "{fault:?}: {}", outcome.text());
        assert!(!outcome.stderr.trim().is_empty(), "{fault:?}");
        assert_untouched(&sandbox, &shot, &format!("{fault:?}"));
    }
    // The same frames are encoded once FFmpeg is well again.
    sandbox.uninstall_fake();
    sandbox.encode(&[]).expect(0);
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=10);
}

#[test]
fn the_missing_encoder_is_named() {
    let sandbox = Sandbox::new(&ffmpeg());
    Frames::new("frame_####.png").write(&sandbox.folder("shot"), 1..=10);
    sandbox.install(&Fake::new(&sandbox, Fault::MissingEncoder));
    sandbox.encode(&[]).expect(1).says("libx264").says("hint:");
}

#[test]
fn a_flood_on_standard_error_blocks_nothing() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=10);
    sandbox.install(&Fake::new(&sandbox, Fault::FloodStderr));
    let outcome = sandbox.encode(&[]);
    assert!(outcome.stderr.len() < 1_000_000, "megabytes of noise are passed on");
    // None of it is an error of FFmpeg's.
    assert_eq!(outcome.code, Some(0), "{}", outcome.text());
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=10);
}

#[test]
fn without_ffmpeg_the_way_to_get_it_is_told() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=10);
    sandbox.remove_ffmpeg();
    let outcome = sandbox.encode(&["--cleanup", "delete"]);
    assert_ne!(outcome.code, Some(0));
    outcome.says("ffmpeg").says("hint:");
    assert_untouched(&sandbox, &shot, "no FFmpeg");
}

#[test]
fn a_failing_batch_does_not_stop_the_next() {
    let sandbox = Sandbox::new(&ffmpeg());
    let bad = sandbox.folder("batch_0000");
    for number in 1..=5 {
        fs::write(Frames::new("frame_#####.png").path(&bad, number), "not a picture").unwrap();
    }
    let good = sandbox.folder("batch_0001");
    Frames::new("frame_#####.png").write(&good, 1..=5);
    let outcome = sandbox.encode(&["--cleanup", "delete"]).expect(1).says("batch_0000");
    assert_eq!(outcome.paths(), [good.join("frame.mp4")]);
    assert_shows(&good.join("frame.mp4"), &sandbox.ffmpeg, 1..=5);
    assert_eq!(fs::read_dir(&bad).unwrap().count(), 5);
}

#[test]
fn an_output_folder_that_cannot_be_written_is_told() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=10);
    // A file where a folder is meant stops root too, which no permission does.
    let blocked = sandbox.path().join("blocked");
    fs::write(&blocked, "mine").unwrap();
    fs::set_permissions(&blocked, fs::Permissions::from_mode(0o400)).unwrap();
    let outcome = sandbox.encode(&["--cleanup", "delete", "--output-dir", blocked.join("out").to_str().unwrap()]);
    assert_ne!(outcome.code, Some(0));
    outcome.says("blocked");
    assert_eq!(fs::read_to_string(&blocked).unwrap(), "mine");
    assert_untouched(&sandbox, &shot, "no output folder");
}
