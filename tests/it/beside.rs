//! Several processes on one state directory: whoever works on a batch is known to be alive.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::support::video::assert_shows;
use crate::support::{Daemon, Fake, Fault, Frames, Sandbox, ffmpeg};

/// `reeld encode` of a folder, running.
fn encode(sandbox: &Sandbox, folder: &Path) -> Child {
    let arguments = [OsStr::new("encode"), folder.as_os_str()];
    sandbox.reeld().args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The error output of a child that must end well.
#[track_caller]
fn ended_well(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_batch_of_a_living_process_is_not_taken_for_a_dead_ones() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("idle_timeout = \"1h\"");
    // Beside the root, so that the daemon has nothing to do with it.
    let shot = sandbox.path().join("beside");
    fs::create_dir(&shot).unwrap();
    Frames::new("frame_####.png").write(&shot, 1..=8);

    let first = Daemon::start(&sandbox, &config);
    let fake = Fake::new(&sandbox, Fault::Gate);
    sandbox.install(&fake);
    let beside = encode(&sandbox, &shot);
    fake.wait_for_encode();
    let staged = sandbox.leftovers();
    assert_eq!(staged.len(), 1, "{staged:?}");
    assert_eq!(first.stop().code(), Some(0));

    // This one has the lock of the state directory now.
    sandbox.uninstall_fake();
    let mut last = Daemon::start(&sandbox, &config);
    assert_eq!(sandbox.leftovers(), staged);
    fake.open();
    ended_well(beside);
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=8);
    last.wait("nothing is left over", |_| sandbox.leftovers().is_empty().then_some(()));
    assert_eq!(last.stop().code(), Some(0));
    assert_eq!(sandbox.videos(), [shot.join("frame.mp4")]);
}

#[test]
fn what_a_process_leaves_that_is_killed_beside_a_daemon_is_cleared_away_by_it() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("idle_timeout = \"1h\"");
    let shot = sandbox.path().join("beside");
    fs::create_dir(&shot).unwrap();
    Frames::new("frame_####.png").write(&shot, 1..=8);

    let mut daemon = Daemon::start(&sandbox, &config);
    let fake = Fake::new(&sandbox, Fault::Gate);
    sandbox.install(&fake);
    let mut beside = encode(&sandbox, &shot);
    fake.wait_for_encode();
    assert_eq!(sandbox.leftovers().len(), 1);
    beside.kill().unwrap();
    beside.wait().unwrap();
    daemon.wait("nothing is left over", |_| sandbox.leftovers().is_empty().then_some(()));
    fake.open();
    fake.wait_for_end();
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(sandbox.videos().is_empty());
    // The file by which it was known to live goes with the next start.
    let daemon = Daemon::start(&sandbox, &config);
    assert_eq!(fs::read_dir(sandbox.state().join("workers")).unwrap().count(), 1);
    assert_eq!(daemon.stop().code(), Some(0));
}
