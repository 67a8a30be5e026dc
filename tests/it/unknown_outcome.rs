//! Batches of which the journal does not know how they ended: nothing is stuck, and nothing is made twice.

use std::ffi::OsStr;
use std::fs;

use rusqlite::Connection;

use crate::support::video::assert_shows;
use crate::support::{Daemon, Fake, Fault, Frames, Sandbox, ffmpeg, wait_for};

const PATIENT: &str = "idle_timeout = \"1h\"\nlive = false";

#[test]
fn a_folder_that_cannot_be_synced_after_the_rename_has_one_video() {
    let sandbox = Sandbox::new(&ffmpeg());
    let fault = [("REELD_FAULT", "fail-dir-fsync")];
    let mut daemon = Daemon::start_with(&sandbox, &sandbox.config(PATIENT), &fault);
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mp4"));
    let ended = wait_for("the journal knows how it ended", || {
        let listed = sandbox.run(["list", "--json"]).expect(0).text();
        ["\"failed\"", "\"published\""].into_iter().find(|state| listed.contains(&format!("\"state\":{state}")))
    });
    assert_eq!(ended, "\"published\"", "{}", daemon.log());
    daemon.wait_for_line("it is said", |line| line.contains("the video has its name all the same"));
}

#[test]
fn a_batch_whose_end_the_journal_did_not_take_goes_on() {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::Gate);
    sandbox.install(&fake);
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    fs::write(shot.join(".done"), "").unwrap();
    fake.wait_for_encode();
    let other = Connection::open(sandbox.state().join("journal.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    fake.open();
    daemon.wait_for_line("its end is not recorded", |line| line.contains("cannot be recorded"));
    drop(other);
    let listed = sandbox.run(["list"]).expect(0).text();
    assert!(listed.contains("  encoding  "), "{listed}");
    sandbox.run([OsStr::new("retry"), shot.as_os_str()]).expect(0);
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=5);
    assert_eq!(sandbox.videos().len(), 1);
}
