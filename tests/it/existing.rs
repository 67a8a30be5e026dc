//! What was there before a root was watched: silence says nothing about it.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use rustix::process::Signal;

use crate::support::video::assert_shows;
use crate::support::{Daemon, Frames, Sandbox, ffmpeg};

/// Silence ends a sequence soon, and the frames of its video are removed if there are enough for a film.
const GREEDY: &str = "idle_timeout = \"1s\"\ncleanup = \"delete\"";

/// Old frames in `old`, and what they are written with.
fn with_old_frames(sandbox: &Sandbox) -> (std::path::PathBuf, Frames) {
    let old = sandbox.folder("old");
    let frames = Frames::new("frame_####.png");
    frames.write(&old, 1..=6);
    (old, frames)
}

/// Waits until a sequence of its own has come, was quiet, and is gone: whatever is left alone was quiet for longer.
fn wait_for_another(daemon: &mut Daemon, sandbox: &Sandbox, name: &str) {
    let dir = sandbox.folder(name);
    let frames = Frames::new("frame_####.png");
    frames.write(&dir, 1..=9);
    for number in 1..=9 {
        daemon.wait_for_absence(&frames.path(&dir, number));
    }
    assert_shows(&dir.join("frame.mp4"), &sandbox.ffmpeg, 1..=9);
}

#[track_caller]
fn assert_untouched(dir: &Path, frames: &Frames) {
    for number in 1..=6 {
        assert_eq!(fs::read(frames.path(dir, number)).unwrap(), frames.bytes(number), "frame {number}");
    }
}

#[test]
fn old_frames_are_left_alone_and_said_to_be() {
    const NOTE: &str = "would be left alone: sequences: 1, files: 6";
    let sandbox = Sandbox::new(&ffmpeg());
    let (old, frames) = with_old_frames(&sandbox);
    let config = sandbox.config(GREEDY);
    let checked = sandbox.check_without_ffmpeg(&config).text();
    assert!(checked.contains(NOTE) && checked.contains("1 thing is wrong"), "{checked}");
    let mut daemon = Daemon::start(&sandbox, &config);
    let line = daemon.wait_for_line("it says what it leaves alone", |line| line.contains("left alone"));
    for part in ["1", "6", "reeld encode", "existing = ", sandbox.root().to_str().unwrap()] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    for name in ["new_1", "new_2", "new_3"] {
        wait_for_another(&mut daemon, &sandbox, name);
    }
    daemon.wait("the state has them", |daemon| {
        daemon.signal(Signal::USR1);
        daemon.log().contains("was there before").then_some(())
    });
    let checked = sandbox.run([OsStr::new("check"), OsStr::new("--config"), config.as_os_str()]).expect(0).text();
    assert!(!checked.contains(NOTE), "it is watched by now: {checked}");
    assert_eq!(daemon.stop().code(), Some(0));
    assert_untouched(&old, &frames);
    assert!(!old.join("frame.mp4").exists());
    assert!(sandbox.leftovers().is_empty());
}

#[test]
fn a_restart_makes_nothing_old_and_nothing_new() {
    let sandbox = Sandbox::new(&ffmpeg());
    let (old, frames) = with_old_frames(&sandbox);
    let config = sandbox.config(GREEDY);
    let daemon = Daemon::start(&sandbox, &config);
    daemon.kill_9();
    // Written while no daemon runs.
    let meanwhile = sandbox.folder("meanwhile");
    frames.write(&meanwhile, 1..=10);
    let mut daemon = Daemon::start(&sandbox, &config);
    for number in 1..=10 {
        daemon.wait_for_absence(&frames.path(&meanwhile, number));
    }
    assert_shows(&meanwhile.join("frame.mp4"), &sandbox.ffmpeg, 1..=10);
    wait_for_another(&mut daemon, &sandbox, "new");
    assert!(!daemon.log().contains("left alone"), "that was said before");
    assert_eq!(daemon.stop().code(), Some(0));
    assert_untouched(&old, &frames);
    assert_eq!(sandbox.videos().len(), 2);
}

#[test]
fn a_marker_takes_old_frames() {
    let sandbox = Sandbox::new(&ffmpeg());
    let (old, frames) = with_old_frames(&sandbox);
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(GREEDY));
    wait_for_another(&mut daemon, &sandbox, "new");
    fs::write(old.join(".done"), "").unwrap();
    for number in 1..=6 {
        daemon.wait_for_absence(&frames.path(&old, number));
    }
    assert_shows(&old.join("frame.mp4"), &sandbox.ffmpeg, 1..=6);
}

#[test]
fn a_client_takes_old_frames() {
    let sandbox = Sandbox::new(&ffmpeg());
    let (old, _) = with_old_frames(&sandbox);
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"1s\""));
    sandbox.run([OsStr::new("done"), old.as_os_str()]).expect(0);
    daemon.wait_for_file(&old.join("frame.mp4"));
    assert_shows(&old.join("frame.mp4"), &sandbox.ffmpeg, 1..=6);
}

#[test]
fn old_frames_of_a_sequence_that_grows_are_part_of_it() {
    let sandbox = Sandbox::new(&ffmpeg());
    let (old, frames) = with_old_frames(&sandbox);
    let config = sandbox.config(GREEDY);
    // The frame that was there before the restart belongs to it as well.
    Daemon::start(&sandbox, &config).kill_9();
    let mut daemon = Daemon::start(&sandbox, &config);
    frames.write(&old, 7..=9);
    for number in 1..=9 {
        daemon.wait_for_absence(&frames.path(&old, number));
    }
    assert_shows(&old.join("frame.mp4"), &sandbox.ffmpeg, 1..=9);
    assert_eq!(sandbox.videos(), [old.join("frame.mp4")]);
}

#[test]
fn the_config_asks_for_old_frames() {
    for reload in [false, true] {
        let sandbox = Sandbox::new(&ffmpeg());
        let (old, _) = with_old_frames(&sandbox);
        let keys = "idle_timeout = \"1s\"\nexisting = \"encode\"";
        let mut daemon = if reload {
            let daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"1s\""));
            sandbox.config(keys);
            daemon.signal(Signal::HUP);
            daemon
        } else {
            Daemon::start(&sandbox, &sandbox.config(keys))
        };
        daemon.wait_for_file(&old.join("frame.mp4"));
        assert_shows(&old.join("frame.mp4"), &sandbox.ffmpeg, 1..=6);
    }
}

/// Also where the config was changed while no daemon ran.
#[test]
fn what_a_changed_selection_shows_is_left_alone() {
    for (narrow, reload) in
        [("recursive = false", true), ("include = [\"new*/*\"]", false), ("exclude = [\"old\"]", true)]
    {
        let sandbox = Sandbox::new(&ffmpeg());
        let (old, frames) = with_old_frames(&sandbox);
        let narrow = sandbox.config(&format!("{GREEDY}\n{narrow}"));
        let daemon = Daemon::start(&sandbox, &narrow);
        let running = if reload {
            Some(daemon)
        } else {
            daemon.kill_9();
            None
        };
        let config = sandbox.config(GREEDY);
        // The daemon, where one runs, has an FFmpeg.
        let checked = match running {
            Some(_) => sandbox.run([OsStr::new("check"), OsStr::new("--config"), config.as_os_str()]).expect(0),
            None => sandbox.check_without_ffmpeg(&config),
        };
        assert!(checked.text().contains("would be left alone: sequences: 1, files: 6"), "{}", checked.text());
        let mut daemon = match running {
            Some(daemon) => {
                daemon.signal(Signal::HUP);
                daemon
            }
            None => Daemon::start(&sandbox, &config),
        };
        let line = daemon.wait_for_line("it says what it leaves alone", |line| line.contains("left alone"));
        assert!(line.contains("reeld encode"), "{line}");
        wait_for_another(&mut daemon, &sandbox, "new_1");
        daemon.kill_9();
        let mut daemon = Daemon::start(&sandbox, &config);
        for name in ["new_2", "new_3"] {
            wait_for_another(&mut daemon, &sandbox, name);
        }
        assert_eq!(daemon.stop().code(), Some(0));
        assert_untouched(&old, &frames);
    }
}

/// Killed before and after the first reading is in the journal.
#[cfg(feature = "fault-points")]
#[test]
fn old_frames_stay_old_when_the_first_reading_is_cut_off() {
    for point in ["before-first-reading", "after-first-reading"] {
        let sandbox = Sandbox::new(&ffmpeg());
        let (old, frames) = with_old_frames(&sandbox);
        let config = sandbox.config(GREEDY);
        let status = Daemon::spawn(&sandbox, &config, &[("REELD_FAULT", point)]).wait_for_end();
        assert_eq!(status.code(), None, "{point}: killed by a signal");
        let mut daemon = Daemon::start(&sandbox, &config);
        wait_for_another(&mut daemon, &sandbox, "new");
        assert_eq!(daemon.stop().code(), Some(0), "{point}");
        assert_untouched(&old, &frames);
    }
}
