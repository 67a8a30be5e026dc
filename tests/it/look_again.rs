//! Before frames go, everything is looked at again: the video, the frames, the disks, the config, the clock.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use crate::support::{Daemon, Frames, Sandbox, ffmpeg};

const PATIENT: &str = "idle_timeout = \"1h\"";

/// A video of six frames that are to be cleaned up, with a daemon that ended between the one and the other: what a test
/// does now happens while `cleanup_after` runs.
pub struct Waiting {
    pub sandbox: Sandbox,
    pub shot: PathBuf,
    pub frames: Frames,
}

impl Waiting {
    pub fn new(keys: &str) -> Self {
        let sandbox = Sandbox::new(&ffmpeg());
        let frames = Frames::new("frame_####.png");
        let config = sandbox.config(&format!("{PATIENT}\n{keys}"));
        let daemon = Daemon::start_with(&sandbox, &config, &[("REELD_FAULT", "after-journal-published")]);
        let shot = sandbox.folder("shot");
        frames.write(&shot, 1..=6);
        fs::write(shot.join(".done"), "").unwrap();
        let status = daemon.wait_for_end();
        assert_eq!(status.code(), None, "killed at the fault point");
        let waiting = Self { sandbox, shot, frames };
        assert!(waiting.video().exists() && waiting.left() == 6);
        waiting
    }

    pub fn video(&self) -> PathBuf {
        self.shot.join("frame.mp4")
    }

    /// How many frames are there.
    pub fn left(&self) -> usize {
        (1..=6).filter(|number| self.frames.path(&self.shot, *number).exists()).count()
    }

    /// The next daemon, with these keys in its config.
    pub fn start(&self, keys: &str) -> Daemon {
        Daemon::start(&self.sandbox, &self.sandbox.config(&format!("{PATIENT}\n{keys}")))
    }

    pub fn list(&self) -> String {
        self.sandbox.run([OsStr::new("list")]).expect(0).text()
    }
}

#[test]
fn a_video_that_was_zeroed_in_place_keeps_its_frames() {
    for mode in ["delete", "archive"] {
        let keys = format!("cleanup = \"{mode}\"");
        let waiting = Waiting::new(&keys);
        let size = usize::try_from(fs::metadata(waiting.video()).unwrap().len()).unwrap();
        // In place: the same inode, the same size.
        fs::write(waiting.video(), vec![0; size]).unwrap();
        let mut daemon = waiting.start(&keys);
        daemon.wait_for_line("it says so", |line| line.contains("not those that were compared with the frames"));
        assert_eq!(waiting.left(), 6, "{mode}");
        let listed = waiting.list();
        assert!(
            listed.contains("not those that were compared") && listed.contains("hint: if it was edited"),
            "{listed}"
        );
        assert_eq!(daemon.stop().code(), Some(0));
    }
}

#[test]
fn a_video_that_was_only_touched_lets_its_frames_go() {
    let waiting = Waiting::new("cleanup = \"delete\"");
    let video = fs::File::options().append(true).open(waiting.video()).unwrap();
    video.set_modified(std::time::UNIX_EPOCH).unwrap();
    let mut daemon = waiting.start("cleanup = \"delete\"");
    daemon.wait("the frames to go", |_| (waiting.left() == 0).then_some(()));
    assert_eq!(daemon.stop().code(), Some(0));
}
