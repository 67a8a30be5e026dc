//! What ends a sequence when clocks differ, and what holds it up: said once, with the file and the reason.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;

use crate::support::video::assert_shows;
use crate::support::{Daemon, Frames, Sandbox, ffmpeg};

/// Sets the modification time of a file, `offset` seconds from now.
fn set_time(path: &Path, offset: i64) {
    let (now, distance) = (SystemTime::now(), Duration::from_secs(offset.unsigned_abs()));
    let time = if offset < 0 { now - distance } else { now + distance };
    File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_marker_ends_frames_of_a_clock_that_is_ahead() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"never\""));
    let frames = Frames::new("frame_####.png");
    for (name, ahead) in [("little", 5), ("hour", 3600), ("year", 400 * 86400)] {
        let shot = sandbox.folder(name);
        frames.write(&shot, 1..=6);
        (1..=6).for_each(|number| set_time(&frames.path(&shot, number), ahead));
        // What the first reading of a new folder finds together with its marker has no order but that of its times.
        let known = format!("{}\",\"pattern\":\"frame_####.png\",\"count\":6,", shot.display());
        daemon.wait("the frames are known", |daemon| {
            daemon.signal(Signal::USR1);
            daemon.log().contains(&known).then_some(())
        });
        fs::write(shot.join(".done"), "").unwrap();
        daemon.wait_for_file(&shot.join("frame.mp4"));
        assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=6);
    }
}

#[test]
fn what_holds_a_batch_is_said_once_and_listed() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("idle_timeout = \"2s\"\nmax_wait = \"20m\"");
    let mut daemon = Daemon::start(&sandbox, &config);
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=4);
    fs::write(frames.path(&shot, 5), "").unwrap();
    let held = |line: &str| line.contains("WARN") && line.contains("frame_0005.png: the file is empty");
    let line = daemon.wait_for_line("it says what it waits for", held);
    assert!(line.contains("waits up to 20 min") && line.contains("hint"), "{line}");
    let listed = sandbox.run(["list"]).expect(0).text();
    for part in ["held  ", "frame_####.png 1-5  5 frames", "for frame_0005.png: the file is empty", "hint: "] {
        assert!(listed.contains(part), "no {part:?} in:\n{listed}");
    }
    let json = sandbox.run(["list", "--json"]).expect(0).text();
    let open: serde_json::Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!((&open["state"], &open["held"]["file"]), (&"held".into(), &"frame_0005.png".into()), "{json}");

    frames.write(&shot, [5]);
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=5);
    assert_eq!(daemon.log().lines().filter(|line| line.contains("waits up to")).count(), 1, "{}", daemon.log());
}

/// A camera's date among the numbers would be twenty million pictures.
#[test]
fn a_gap_that_is_too_long_is_not_held() {
    let sandbox = Sandbox::new(&ffmpeg());
    let keys = "missing_frames = \"hold\"\nmax_hold = 5\ncleanup = \"delete\"\ncleanup_anomalies = false";
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(keys));
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_########.png");
    frames.write(&shot, [1, 2, 8, 200]);
    fs::write(shot.join(".done"), "").unwrap();
    let [video] = daemon.wait_for_videos(&sandbox, 1).try_into().unwrap();
    assert_shows(&video, &sandbox.ffmpeg, [1, 2, 2, 2, 2, 2, 2, 8, 200]);
    daemon.wait_for_line("the gap is told", |line| line.contains("more than 5 frames: 9-199"));
    assert!(frames.path(&shot, 1).exists(), "the frames stay");
}

#[test]
fn the_placeholder_of_a_killed_renderer_is_a_gap() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    for number in 1..=12 {
        if number == 5 {
            fs::write(frames.path(&shot, 5), "").unwrap();
        } else {
            frames.write(&shot, [number]);
        }
        set_time(&frames.path(&shot, number), i64::from(number) - 600);
    }
    // Frames that come while the sequence is watched show that it is not left alone as an old one.
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"2s\""));
    for number in 13..=40 {
        frames.write(&shot, [number]);
        set_time(&frames.path(&shot, number), i64::from(number) - 600);
    }
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, (1..=40).filter(|number| *number != 5));
    let listed = sandbox.run([OsStr::new("list")]).expect(0).text();
    assert!(listed.contains("frame 5 cannot be read: the file is empty") && !listed.contains("missing"), "{listed}");
}
