//! What is said can be read: one line each, in words, whatever the names of files are.

use std::ffi::OsStr;
use std::time::Duration;

use crate::support::{Frames, Pace, Sandbox, ffmpeg};

#[test]
fn negative_numbers_stand_in_ranges_that_can_be_read() {
    let sandbox = Sandbox::new(&ffmpeg());
    let dir = sandbox.folder("shot");
    // Made from -12 on.
    let numbers = (1..=12).rev().filter(|number| !(4..=5).contains(number));
    Frames::new("neg_-####.png").write_at(&mut Pace::every(Duration::from_secs(1)), &dir, numbers);
    let scanned = sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str()]).expect(0).text();
    assert!(scanned.contains("  -12 to -1  10 frames") && scanned.contains("missing -5 to -4"), "{scanned}");
    sandbox.encode(&[]).expect(0).says("missing: -5 to -4");
    let listed = sandbox.run(["list"]).expect(0).text();
    assert!(listed.contains(" -12 to -1  10 frames") && listed.contains("missing: -5 to -4"), "{listed}");
}
