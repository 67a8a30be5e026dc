//! `reeld run` under its signals and its clients.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::video::assert_shows;
use crate::support::{Daemon, Fake, Fault, Frames, Sandbox, ffmpeg, wait_for};

/// Only what a test says ends a sequence.
const PATIENT: &str = "idle_timeout = \"1h\"";

#[test]
fn sigterm_drops_a_running_encode_at_once() {
    for fault in [Fault::Hang, Fault::DeafToTerm, Fault::Stall] {
        let sandbox = Sandbox::new(&ffmpeg());
        let fake = Fake::new(&sandbox, fault);
        sandbox.install(&fake);
        let daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=6);
        fs::write(shot.join(".done"), "").unwrap();
        fake.wait_for_encode();
        let begun = Instant::now();
        assert_eq!(daemon.stop().code(), Some(0), "{fault:?}");
        // Two seconds are promised; a busy machine gets more, a daemon that waits for FFmpeg does not pass.
        assert!(begun.elapsed() < Duration::from_secs(10), "{fault:?}: {:?}", begun.elapsed());
        assert!(sandbox.videos().is_empty() && sandbox.leftovers().is_empty(), "{fault:?}");

        sandbox.uninstall_fake();
        let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
        daemon.wait_for_file(&shot.join("frame.mp4"));
        assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=6);
    }
}

#[test]
fn a_bad_config_leaves_the_old_one_running() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let mut daemon = Daemon::start(&sandbox, &config);
    sandbox.config("idle_timeout = \"soon\"");
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("it says what is wrong", |line| line.contains("soon") || line.contains("idle_timeout"));
    daemon.wait_for_state("READY=1");
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=4);
    fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mp4"));

    sandbox.config(&format!("{PATIENT}\noutput_name = \"renamed\""));
    daemon.signal(Signal::HUP);
    daemon.wait_for_state("READY=1");
    let other = sandbox.folder("other");
    Frames::new("frame_####.png").write(&other, 1..=4);
    fs::write(other.join(".done"), "").unwrap();
    daemon.wait_for_file(&other.join("renamed.mp4"));
}

#[test]
fn a_second_daemon_is_refused() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let mut first = Daemon::start(&sandbox, &config);
    let outcome = sandbox.run([OsStr::new("run"), OsStr::new("--config"), config.as_os_str()]);
    assert!(outcome.code.is_some_and(|code| code != 0), "{outcome:?}");
    outcome.says(sandbox.state().to_str().unwrap());
    // The first one goes on.
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=4);
    fs::write(shot.join(".done"), "").unwrap();
    first.wait_for_file(&shot.join("frame.mp4"));
}

#[test]
fn a_failed_batch_can_be_tried_again() {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::Exit1);
    sandbox.install(&fake);
    let config = sandbox.config(PATIENT);
    let mut daemon = Daemon::start(&sandbox, &config);
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=5);
    fs::write(shot.join(".done"), "").unwrap();
    fake.wait_for_encode();
    wait_for("the journal has the failure", || {
        let listed = sandbox.run(["list"]).expect(0).text();
        listed.contains("failed").then_some(())
    });
    sandbox.uninstall_fake();
    sandbox.run([OsStr::new("retry"), shot.as_os_str()]).expect(0);
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=5);
}

#[test]
fn troubles_that_may_pass_are_tried_again() {
    let sandbox = Sandbox::new(&ffmpeg());
    // One path for all of them, as the daemon found it at its start.
    sandbox.install(&Fake::new(&sandbox, Fault::Exit1));
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{PATIENT}\nlive = false")));
    let frames = Frames::new("frame_####.png");
    let faults = [Fault::Exit1, Fault::Terminated, Fault::Crashed, Fault::Killed];
    for fault in faults.into_iter().map(Some).chain([None]) {
        match fault {
            Some(fault) => drop(Fake::new(&sandbox, fault)),
            // As in the middle of an upgrade.
            None => sandbox.remove_ffmpeg(),
        }
        let shot = sandbox.folder(format!("{fault:?}"));
        frames.write(&shot, 1..=5);
        fs::write(shot.join(".done"), "").unwrap();
        let failed = wait_for("the journal has the failure", || {
            let listed = sandbox.run(["list", "--json"]).expect(0).text();
            let of_shot = |line: &&str| line.contains(&format!("{fault:?}")) && line.contains("\"state\":\"failed\"");
            listed.lines().find(of_shot).map(str::to_owned)
        });
        assert!(!failed.contains("\"next_attempt_at\":null"), "{fault:?}: {failed}");
    }
    let listed = sandbox.run(["list"]).expect(0).text();
    assert_eq!(listed.matches("next try: 20").count(), faults.len() + 1, "{listed}");
    symlink(&sandbox.ffmpeg, sandbox.path().join("bin/ffmpeg")).unwrap();
    sandbox.run([OsStr::new("retry"), sandbox.root().as_os_str()]).expect(0);
    daemon.wait_for_videos(&sandbox, faults.len() + 1);
}

#[test]
fn arguments_that_ffmpeg_does_not_know_end_a_batch() {
    let sandbox = Sandbox::new(&ffmpeg());
    let keys = format!("{PATIENT}\nlive = false\nencoder_args = [\"-bogus\", \"1\"]");
    let _daemon = Daemon::start(&sandbox, &sandbox.config(&keys));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    fs::write(shot.join(".done"), "").unwrap();
    let failed = wait_for("the journal has the failure", || {
        let listed = sandbox.run(["list", "--json"]).expect(0).text();
        listed.lines().find(|line| line.contains("\"state\":\"failed\"")).map(str::to_owned)
    });
    assert!(failed.contains("\"next_attempt_at\":null") && failed.contains("encoder_args"), "{failed}");
}

#[test]
fn sigusr1_logs_the_state() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    Frames::new("unfinished_####.png").write(&sandbox.folder("shot"), 1..=3);
    // The frames may not have been seen when the signal comes, so it comes until they are.
    wait_for("the state names the open sequence", || {
        daemon.signal(Signal::USR1);
        daemon.log().contains("unfinished_").then_some(())
    });
    daemon.wait_for_line("the state names the root", |line| line.contains(sandbox.root().to_str().unwrap()));
}
