//! Before frames go, everything is looked at again: the video, the frames, the disks, the config, the clock.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::support::video::assert_shows;
use crate::support::{Daemon, Frames, Live, Sandbox, ffmpeg, toml_string};

const PATIENT: &str = "idle_timeout = \"1h\"";

/// A video of six frames that are to be cleaned up, with a daemon that ended between the one and the other: what a test
/// does now happens while `cleanup_after` runs.
pub(crate) struct Waiting {
    pub sandbox: Sandbox,
    pub shot: PathBuf,
    pub frames: Frames,
}

impl Waiting {
    pub(crate) fn new(keys: &str) -> Self {
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

    pub(crate) fn video(&self) -> PathBuf {
        self.shot.join("frame.mp4")
    }

    /// How many frames are there.
    pub(crate) fn left(&self) -> usize {
        (1..=6).filter(|number| self.frames.path(&self.shot, *number).exists()).count()
    }

    /// The next daemon, with these keys in its config.
    pub(crate) fn start(&self, keys: &str) -> Daemon {
        Daemon::start(&self.sandbox, &self.sandbox.config(&format!("{PATIENT}\n{keys}")))
    }

    pub(crate) fn list(&self) -> String {
        self.sandbox.run([OsStr::new("list")]).expect(0).text()
    }
}

#[test]
fn the_gentler_of_the_plan_and_the_config_holds() {
    let planned = "cleanup = \"delete\"";
    let waiting = Waiting::new(planned);
    for (keys, says) in [
        ("cleanup = \"delete\"\ncleanup_after = \"7d\"", "the frames stay longer, as the config says now"),
        ("cleanup = \"keep\"", "the frames stay: the config says `cleanup = \\\"keep\\\"` now"),
        ("cleanup = \"delete\"\nexclude = [\"shot\"]", "the frames stay: files of these names are left alone now"),
    ] {
        if !says.contains("longer") {
            // As if the week were over.
            journal(&waiting.sandbox).execute("UPDATE batches SET cleanup_due_at = 1, due_boot = NULL", []).unwrap();
        }
        let mut daemon = waiting.start(keys);
        daemon.wait_for_line("it says so", |line| line.replace('\\', "").contains(&says.replace('\\', "")));
        assert_eq!(daemon.stop().code(), Some(0));
        assert_eq!(waiting.left(), 6, "{keys}");
    }
    let listed = waiting.list();
    assert!(listed.contains("the frames stay: files of these names") && listed.contains("hint: `include`"), "{listed}");

    let mut daemon = waiting.start("cleanup = \"archive\"");
    daemon.wait("the frames to go", |_| (waiting.left() == 0).then_some(()));
    assert_eq!(fs::read_dir(waiting.shot.join(".reeld-done/frame.mp4")).unwrap().count(), 6);
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn frames_that_the_config_made_stay_go_when_it_says_so_again() {
    let waiting = Waiting::new("cleanup = \"delete\"");
    let mut daemon = waiting.start("cleanup = \"keep\"");
    daemon.wait_for_line("it says so", |line| line.contains("the frames stay: the config says"));
    waiting.sandbox.config(&format!("{PATIENT}\ncleanup = \"delete\""));
    daemon.signal(Signal::HUP);
    daemon.wait("the frames to go", |_| (waiting.left() == 0).then_some(()));
    daemon.wait("it is recorded", |_| waiting.list().contains("6 frames deleted").then_some(()));
    assert!(!waiting.list().contains("the frames stay"), "{}", waiting.list());
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_wall_clock_that_jumps_removes_nothing_before_its_time() {
    let sandbox = Sandbox::new(&ffmpeg());
    let (clock, other) = (sandbox.path().join("clock"), sandbox.path().join("other"));
    fs::create_dir(&other).unwrap();
    let config = sandbox.config_text(&format!(
        "[[watch]]\npath = {}\n{PATIENT}\ncleanup = \"delete\"\ncleanup_after = \"2h\"\n\
         [[watch]]\npath = {}\n{PATIENT}\ncleanup = \"delete\"\n",
        toml_string(&sandbox.root()),
        toml_string(&other)
    ));
    let mut daemon = Daemon::start_with(&sandbox, &config, &[("REELD_CLOCK", clock.to_str().unwrap())]);
    let frames = Frames::new("frame_####.png");
    let finish = |folder: &Path| {
        fs::create_dir_all(folder).unwrap();
        frames.write(folder, 1..=4);
        fs::write(folder.join(".done"), "").unwrap();
    };
    let waits = sandbox.root().join("waits");
    finish(&waits);
    daemon.wait_for_file(&waits.join("frame.mp4"));
    // What is due is removed in its order: once these are gone, the others had their turn.
    for (name, shift) in [("first", "0"), ("second", "10800000"), ("third", "864000000")] {
        fs::write(&clock, shift).unwrap();
        finish(&other.join(name));
        for number in 1..=4 {
            daemon.wait_for_absence(&frames.path(&other.join(name), number));
        }
        assert!((1..=4).all(|number| frames.path(&waits, number).exists()), "{name}\n{}", daemon.log());
    }
    assert_eq!(daemon.stop().code(), Some(0));
}

/// What the journal keeps of a folder and its disk, as if it had been seen on another disk.
fn on_another_disk(seen: &str, point: &Path) -> String {
    let mut seen: serde_json::Value = serde_json::from_str(seen).unwrap();
    for number in ["ino", "born", "fsid"] {
        seen[number] = 1.into();
    }
    seen["share"] = serde_json::Value::Null;
    seen["point"] = point.as_os_str().as_bytes().into();
    seen.to_string()
}

/// The journal, for hands that are not reeld's.
fn journal(sandbox: &Sandbox) -> rusqlite::Connection {
    rusqlite::Connection::open(sandbox.state().join("journal.db")).unwrap()
}

/// A mount cannot be made without root, so that the journal is told that the folder was one.
#[test]
fn a_video_waits_for_the_disk_of_its_folder() {
    for place in ["out", "home/.local/state/reeld", "home/.local/state/reeld/chunks"] {
        let sandbox = Sandbox::new(&ffmpeg());
        let (out, place) = (sandbox.path().join("out"), sandbox.path().join(place));
        let config = sandbox.config(&format!("{PATIENT}\noutput_dir = {}", toml_string(&out)));
        let mut daemon = Daemon::start(&sandbox, &config);
        let frames = Frames::new("frame_####.png");
        let finish = |name: &str| {
            let folder = sandbox.folder(name);
            frames.write(&folder, 1..=4);
            fs::write(folder.join(".done"), "").unwrap();
            folder
        };
        finish("one");
        daemon.wait_for_file(&out.join("frame.mp4"));
        daemon.wait_for_line("the video is recorded", |line| line.contains("video="));
        assert_eq!(daemon.stop().code(), Some(0));

        let path = place.as_os_str().as_bytes();
        let select = "SELECT seen FROM places WHERE path = ?";
        let seen: String = journal(&sandbox).query_row(select, [path], |row| row.get(0)).unwrap();
        let update = "UPDATE places SET seen = ? WHERE path = ?";
        journal(&sandbox).execute(update, (on_another_disk(&seen, &place), path)).unwrap();
        let mut daemon = Daemon::start(&sandbox, &config);
        let two = finish("two");
        daemon.wait_for_line("it waits", |line| line.contains("its disk is not mounted; the batch waits"));
        assert_eq!(sandbox.videos(), [out.join("frame.mp4")]);
        let listed = sandbox.run([OsStr::new("list")]).expect(0).text();
        assert!(
            listed.contains("its disk is not mounted") && listed.contains("hint: mount the disk again"),
            "{listed}"
        );

        // The user says that it is the right one.
        daemon.signal(Signal::HUP);
        daemon.wait_for_line("it has read its config", |line| line.contains("config reloaded"));
        sandbox.run([OsStr::new("retry"), two.as_os_str()]).expect(0);
        daemon.wait_for_file(&out.join("frame_2.mp4"));
        assert_eq!(daemon.stop().code(), Some(0));
    }
}

#[test]
fn frames_wait_for_the_disk_that_they_were_on() {
    for column in ["root_seen", "reel_seen"] {
        let waiting = Waiting::new("cleanup = \"delete\"");
        let journal = journal(&waiting.sandbox);
        let seen: String = journal.query_row(&format!("SELECT {column} FROM batches"), [], |row| row.get(0)).unwrap();
        let put = |seen: &str| journal.execute(&format!("UPDATE batches SET {column} = ?"), [seen]).unwrap();
        put(&on_another_disk(&seen, &waiting.sandbox.root()));
        let mut daemon = waiting.start("cleanup = \"delete\"");
        daemon.wait_for_line("it says so", |line| line.contains("the frames stay until the disk is back"));
        assert_eq!(waiting.left(), 6, "{column}");
        daemon.wait("it is listed", |_| {
            let listed = waiting.list();
            (listed.contains("published") && listed.contains("the frames wait for their disk")).then_some(())
        });
        put(&seen);
        daemon.wait("the frames to go", |_| (waiting.left() == 0).then_some(()));
        daemon.wait("it is recorded", |_| waiting.list().contains("6 frames deleted").then_some(()));
        assert_eq!(daemon.stop().code(), Some(0));
    }
}

/// Writes into the file and puts its time back: only its bytes are other ones, and when it changed in any way.
fn rewrite_unseen(path: &Path, bytes: &[u8]) {
    let before = fs::metadata(path).unwrap();
    assert_eq!(before.len(), bytes.len() as u64);
    fs::write(path, bytes).unwrap();
    fs::File::options().append(true).open(path).unwrap().set_modified(before.modified().unwrap()).unwrap();
}

#[test]
fn a_frame_written_into_with_its_time_put_back_stays() {
    let waiting = Waiting::new("cleanup = \"delete\"");
    let frame = waiting.frames.path(&waiting.shot, 3);
    let mut bytes = fs::read(&frame).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    rewrite_unseen(&frame, &bytes);
    let mut daemon = waiting.start("cleanup = \"delete\"");
    daemon.wait_for_line("it says so", |line| line.contains("frame_0003.png: changed since it was encoded"));
    assert_eq!((waiting.left(), fs::read(&frame).unwrap()), (6, bytes));
    assert!(waiting.list().contains("6 stay"), "{}", waiting.list());
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn another_mode_and_a_backup_by_links_keep_no_frame() {
    let waiting = Waiting::new("cleanup = \"delete\"");
    for number in 1..=6 {
        let frame = waiting.frames.path(&waiting.shot, number);
        fs::set_permissions(&frame, fs::Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(&frame, waiting.sandbox.path().join(format!("tmp/{number}"))).unwrap();
    }
    let mut daemon = waiting.start("cleanup = \"delete\"");
    daemon.wait("the frames to go", |_| (waiting.left() == 0).then_some(()));
    assert_eq!(daemon.stop().code(), Some(0));
}

/// A chunk from before a restart is of the bytes that were read for it, whatever the times of the files say.
#[test]
fn a_frame_of_a_chunk_written_into_with_its_time_put_back_is_encoded_again() {
    let mut live = Live::new(&ffmpeg());
    // Of one size, whatever they show.
    live.frames = Frames::new("frame_####.tif");
    let mut daemon = live.start();
    live.write(1..=48);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    daemon.kill_9();
    let rewritten = live.frames.clone().version(1);
    rewrite_unseen(&live.frames.path(&live.shot, 5), &rewritten.bytes(5));
    let mut daemon = live.start();
    live.mark();
    live.assert_video(&mut daemon, (1..=48).map(|number| if number == 5 { rewritten.shown(5) } else { number }));
    live.recorder.assert_fed(25..=48, 1);
    assert_eq!(daemon.stop().code(), Some(0));
}

/// Frames that were encoded while they came carry what was read of them into their batch.
#[test]
fn a_frame_of_a_chunk_written_into_before_the_clean_up_stays() {
    let mut live = Live::new(&ffmpeg());
    live.frames = Frames::new("frame_####.tif");
    let config = live.config("", "cleanup = \"delete\"");
    let mut daemon = Daemon::start_with(&live.sandbox, &config, &[("REELD_FAULT", "after-journal-published")]);
    live.write(1..=48);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    live.mark();
    assert_eq!(daemon.wait_for_end().code(), None, "killed at the fault point");
    rewrite_unseen(&live.frames.path(&live.shot, 5), &live.frames.clone().version(1).bytes(5));
    let mut daemon = Daemon::start(&live.sandbox, &config);
    daemon.wait_for_line("it says so", |line| line.contains("frame_0005.tif: changed since it was encoded"));
    live.assert_untouched((1..=4).chain(6..=48));
    live.recorder.assert_fed(1..=48, 1);
    assert_eq!(daemon.stop().code(), Some(0));
}

/// What was made before is made again where the frames are other ones, whatever their times say.
#[test]
fn encode_makes_a_video_anew_of_a_frame_that_was_written_into() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    // Of one size, whatever they show.
    let frames = Frames::new("frame_####.tif");
    frames.write(&shot, 1..=6);
    sandbox.encode(&[]).expect(0);
    fs::set_permissions(frames.path(&shot, 2), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(sandbox.encode(&[]).expect(0).paths(), [shot.join("frame.mp4")], "another mode is no other picture");
    let rewritten = frames.clone().version(1);
    rewrite_unseen(&frames.path(&shot, 3), &rewritten.bytes(3));
    for _ in 0..2 {
        assert_eq!(sandbox.encode(&[]).expect(0).paths(), [shot.join("frame_2.mp4")]);
    }
    let shown = (1..=6).map(|number| if number == 3 { rewritten.shown(3) } else { number });
    assert_shows(&shot.join("frame_2.mp4"), &sandbox.ffmpeg, shown);
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
