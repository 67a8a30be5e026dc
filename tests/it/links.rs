//! Roots that are links.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::process::Signal;

use crate::support::video::assert_shows;
use crate::support::{Daemon, Frames, Sandbox, ffmpeg, toml_string};

/// A config that watches `root`, and where only what a test says ends a sequence.
fn config(sandbox: &Sandbox, root: &Path) -> std::path::PathBuf {
    let root = toml_string(root);
    sandbox.config_text(&format!("[[watch]]\npath = {root}\nidle_timeout = \"1h\"\nwatch = \"both\"\n"))
}

#[test]
fn a_root_that_is_a_link_is_watched_and_found_by_either_path() {
    let sandbox = Sandbox::new(&ffmpeg());
    let (real, link) = (sandbox.folder("disk/renders"), sandbox.path().join("renders"));
    symlink(&real, &link).unwrap();
    let config = config(&sandbox, &link);
    sandbox.run([OsStr::new("check"), OsStr::new("--config"), config.as_os_str()]).expect(0);
    let mut daemon = Daemon::start(&sandbox, &config);
    let said = daemon.wait_for_line("the first line", |_| true);
    assert!(said.contains("starts") && said.contains(&format!("config={}", config.display())), "{said}");
    for (name, through) in [("one", &link), ("two", &real)] {
        Frames::new("frame_####.png").write(&sandbox.folder(format!("disk/renders/{name}")), 1..=4);
        daemon.wait_for_open_frames(4);
        sandbox.run([OsStr::new("done"), through.join(name).as_os_str()]).expect(0);
        let video = real.join(name).join("frame.mp4");
        daemon.wait_for_file(&video);
        assert_shows(&video, &sandbox.ffmpeg, 1..=4);
    }
    daemon.stop();
    // What was made is known again, and forgotten through the link.
    let mut daemon = Daemon::start(&sandbox, &config);
    sandbox.run([OsStr::new("done"), link.join("two").as_os_str()]).expect(0);
    sandbox.run([OsStr::new("forget"), link.join("one").as_os_str()]).expect(0);
    sandbox.run([OsStr::new("done"), link.join("one").as_os_str()]).expect(0);
    daemon.wait_for_file(&real.join("one/frame_2.mp4"));
    assert!(!real.join("two/frame_2.mp4").exists());
}

#[test]
fn a_link_that_is_pointed_elsewhere_is_said_once_and_followed_after_a_reload() {
    let sandbox = Sandbox::new(&ffmpeg());
    let (old, new, link) = (sandbox.folder("old"), sandbox.folder("new"), sandbox.path().join("renders"));
    symlink(&old, &link).unwrap();
    let mut daemon = Daemon::start(&sandbox, &config(&sandbox, &link));
    fs::remove_file(&link).unwrap();
    symlink(&new, &link).unwrap();
    let moved = |line: &str| line.contains("WARN") && line.contains("leads elsewhere");
    let said = daemon.wait_for_line("it says so", moved);
    assert!(said.contains(new.to_str().unwrap()) && said.contains("SIGHUP"), "{said}");
    let frames = Frames::new("frame_####.png");
    frames.write(&old, 1..=4);
    fs::write(old.join(".done"), "").unwrap();
    daemon.wait_for_file(&old.join("frame.mp4"));
    assert_eq!(daemon.log().lines().filter(|line| moved(line)).count(), 1, "{}", daemon.log());

    daemon.signal(Signal::HUP);
    daemon.wait_for_line("it is reloaded", |line| line.contains("config reloaded"));
    frames.write(&new, 1..=5);
    fs::write(new.join(".done"), "").unwrap();
    daemon.wait_for_file(&new.join("frame.mp4"));
    assert_shows(&new.join("frame.mp4"), &sandbox.ffmpeg, 1..=5);
}
