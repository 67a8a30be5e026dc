//! `reeld run` killed at the worst moments: every video once, every frame in order, none lost.

use std::fs;

use crate::support::video::assert_shows;
use crate::support::{Daemon, Fake, Fault, Frames, Sandbox, ffmpeg};

const PATIENT: &str = "idle_timeout = \"1h\"";

#[test]
fn killed_in_the_middle_of_an_encode() {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::Gate);
    sandbox.install(&fake);
    let config = sandbox.config(&format!("{PATIENT}\ncleanup = \"delete\""));
    let daemon = Daemon::start(&sandbox, &config);
    let frames = Frames::new("frame_####.png");
    let folders = ["batch_0000", "batch_0001"].map(|name| sandbox.folder(name));
    for folder in &folders {
        frames.write(folder, 1..=9);
    }
    fs::write(sandbox.root().join(".done"), "").unwrap();
    fake.wait_for_encode();
    daemon.kill_9();
    assert!(sandbox.videos().is_empty());
    // The FFmpeg of the dead daemon makes a valid, short file of what it was given.
    fake.open();
    fake.wait_for_end();

    let mut daemon = Daemon::start(&sandbox, &config);
    for folder in &folders {
        for number in 1..=9 {
            daemon.wait_for_absence(&frames.path(folder, number));
        }
        assert_shows(&folder.join("frame.mp4"), &sandbox.ffmpeg, 1..=9);
    }
    // What was taken out of the folders is removed a moment after it is gone from them.
    daemon.wait("nothing to be left over", |_| sandbox.leftovers().is_empty().then_some(()));
    assert_eq!(daemon.stop().code(), Some(0));
    assert_eq!(sandbox.videos(), folders.each_ref().map(|folder| folder.join("frame.mp4")));
}

#[test]
fn what_was_made_before_a_crash_is_not_made_again() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let frames = Frames::new("frame_####.png");
    let (first, second) = (sandbox.folder("first"), sandbox.folder("second"));
    let mut daemon = Daemon::start(&sandbox, &config);
    frames.write(&first, 1..=5);
    fs::write(first.join(".done"), "").unwrap();
    daemon.wait_for_file(&first.join("frame.mp4"));
    daemon.kill_9();

    let mut daemon = Daemon::start(&sandbox, &config);
    frames.write(&second, 1..=5);
    fs::write(second.join(".done"), "").unwrap();
    daemon.wait_for_file(&second.join("frame.mp4"));
    assert_eq!(daemon.stop().code(), Some(0));
    assert_eq!(sandbox.videos(), [first.join("frame.mp4"), second.join("frame.mp4")]);
}

/// Killed between each two durable steps of publishing and removing.
#[cfg(feature = "fault-points")]
#[test]
fn killed_between_any_two_durable_steps() {
    let points = [
        "after-staging-recorded",
        "after-staging-made",
        "after-fsync",
        "after-announce",
        "after-rename",
        "after-dir-fsync",
        "after-journal-published",
        "mid-quarantine",
        "after-quarantine",
        "after-purge",
    ];
    for point in points {
        let sandbox = Sandbox::new(&ffmpeg());
        let config = sandbox.config(&format!("{PATIENT}\ncleanup = \"delete\""));
        let shot = sandbox.folder("shot");
        let frames = Frames::new("frame_####.png");
        frames.write(&shot, 1..=6);
        fs::write(shot.join(".done"), "").unwrap();
        let status = Daemon::spawn(&sandbox, &config, &[("REELD_FAULT", point)]).wait_for_end();
        assert_eq!(status.code(), None, "{point}: killed by a signal");

        let mut daemon = Daemon::start(&sandbox, &config);
        daemon.wait_for_file(&shot.join("frame.mp4"));
        for number in 1..=6 {
            daemon.wait_for_absence(&frames.path(&shot, number));
        }
        daemon.wait("nothing to be left over", |_| sandbox.leftovers().is_empty().then_some(()));
        assert_eq!(daemon.stop().code(), Some(0), "{point}");
        assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=6);
        assert_eq!(sandbox.videos(), [shot.join("frame.mp4")], "{point}");
    }
}
