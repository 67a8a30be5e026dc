//! The daemon and its encoders are killed at any moment while frames come, in every mode of clean-up: each sequence becomes
//! one video with every frame, and no frame is lost.
//!
//! `REELD_TEST_KILLS` says how often in each mode; `REELD_TEST_SEED` plays the same kills again, as far as chance goes: when
//! exactly the daemon does what is not in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::video::assert_shows;
use crate::support::{Daemon, Frames, Random, Sandbox, ffmpeg, toml_string};

/// Kills in each of the four modes.
const KILLS: usize = 15;

/// A sequence that is written bit by bit.
struct Shot {
    folder: PathBuf,
    numbers: Vec<u32>,
    written: usize,
}

impl Shot {
    fn new(sandbox: &Sandbox, index: usize, random: &mut Random) -> Self {
        let first = u32::try_from(index * 100 + 1).unwrap();
        let count = [3, 9, 20, 40, 60][random.below(5)];
        let mut numbers: Vec<u32> = (first..first + count).collect();
        // A farm delivers neighbours in any order.
        if random.percent(30) {
            numbers.chunks_mut(4).for_each(|part| random.shuffle(part));
        }
        Self { folder: sandbox.folder(format!("shot{index:02}")), numbers, written: 0 }
    }

    fn write(&mut self, frames: &Frames, count: usize) {
        let until = (self.written + count).min(self.numbers.len());
        frames.write(&self.folder, self.numbers[self.written..until].iter().copied());
        self.written = until;
        if self.is_whole() {
            fs::write(self.folder.join(".done"), "").unwrap();
        }
    }

    fn is_whole(&self) -> bool {
        self.written == self.numbers.len()
    }

    fn sorted(&self) -> Vec<u32> {
        let mut numbers = self.numbers.clone();
        numbers.sort_unstable();
        numbers
    }
}

/// The processes that `process` started.
fn children(process: u32) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let all = lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>());
    all.filter_map(Pid::from_raw).collect()
}

fn kill_all(processes: &[Pid]) {
    for process in processes {
        // One that has ended meanwhile needs no killing.
        let _ = kill_process(*process, Signal::KILL);
    }
}

fn survive(mode: &str) {
    let mut random = Random::new();
    let kills =
        std::env::var("REELD_TEST_KILLS").map_or(KILLS, |text| text.parse().expect("REELD_TEST_KILLS: a number"));
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config_text(&format!(
        "[encoder]\nchunk_length = 24\n[[watch]]\npath = {}\nidle_timeout = \"never\"\nspeed = \"ultrafast\"\n\
         cleanup = \"{mode}\"\n",
        toml_string(&sandbox.root())
    ));
    let frames = Frames::new("frame_#####.png").size(128, 72);
    let mut shots: Vec<Shot> = Vec::new();
    let mut daemon = Daemon::start(&sandbox, &config);
    for _ in 0..kills {
        if shots.last().is_none_or(Shot::is_whole) {
            shots.push(Shot::new(&sandbox, shots.len(), &mut random));
        }
        if let Some(shot) = shots.last_mut() {
            shot.write(&frames, 1 + random.below(30));
        }
        // The moment of the kill, which is to be any.
        thread::sleep(Duration::from_millis(random.below(500) as u64));
        let encoders = children(daemon.id());
        match random.below(10) {
            // Before it is ready it asks FFmpeg for its version, and ends where that is killed.
            0 if daemon.log().contains(" ready ") => {
                kill_all(&encoders);
                continue;
            }
            1 => {
                daemon.kill_9();
                kill_all(&encoders);
            }
            2 => _ = daemon.stop(),
            _ => daemon.kill_9(),
        }
        // Frames come while it is away, too.
        if let Some(shot) = shots.last_mut().filter(|_| random.percent(30)) {
            shot.write(&frames, 1 + random.below(4));
        }
        daemon = Daemon::spawn(&sandbox, &config, &[]);
    }
    for shot in &mut shots {
        shot.write(&frames, usize::MAX / 2);
    }
    let videos: Vec<PathBuf> = shots.iter().map(|shot| shot.folder.join("frame.mp4")).collect();
    daemon.wait_for_state("READY=1");
    daemon.wait("every video is made", |_| {
        // A batch that was at work at each of many kills waits longer and longer.
        let missing = shots.iter().zip(&videos).find(|(_, video)| !video.exists());
        missing.map(|(shot, _)| sandbox.run([OsStr::new("retry"), shot.folder.as_os_str()])).is_none().then_some(())
    });
    let is_there = |shot: &Shot| shot.numbers.iter().any(|number| frames.path(&shot.folder, *number).exists());
    daemon.wait("the frames to go and nothing else to stay", |_| {
        let are_gone = mode == "keep" || !shots.iter().any(is_there);
        (are_gone && sandbox.leftovers().is_empty()).then_some(())
    });
    assert_eq!(daemon.stop().code(), Some(0));

    // An archive has a link to the video.
    let mut found = sandbox.videos();
    found.retain(|video| !video.iter().any(|part| part == ".reeld-done"));
    assert_eq!(found, videos);
    assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
    for (shot, video) in shots.iter().zip(&videos) {
        assert_shows(video, &sandbox.ffmpeg, shot.sorted());
    }
    let kept = match mode {
        "keep" => vec![sandbox.root()],
        "archive" => shots.iter().map(|shot| shot.folder.join(".reeld-done")).collect(),
        "trash" => vec![sandbox.path().join("home/.local/share/Trash/files")],
        _ => Vec::new(),
    };
    let mut bytes: Vec<Vec<u8>> = kept.iter().flat_map(|folder| pictures_below(folder)).collect();
    let all = shots.iter().flat_map(Shot::sorted);
    let mut expected: Vec<Vec<u8>> = all.filter(|_| mode != "delete").map(|number| frames.bytes(number)).collect();
    bytes.sort();
    expected.sort();
    assert!(bytes == expected, "{mode}: {} frames instead of {}", bytes.len(), expected.len());
}

/// What is in each picture in a folder and below.
fn pictures_below(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pictures = entries.flat_map(|entry| match entry.extension() {
        _ if entry.is_dir() => pictures_below(&entry),
        Some(extension) if extension == "png" => vec![fs::read(&entry).unwrap()],
        _ => Vec::new(),
    });
    pictures.collect()
}

#[test]
fn kills_lose_nothing_of_frames_that_are_kept() {
    survive("keep");
}

#[test]
fn kills_lose_nothing_of_frames_that_are_deleted() {
    survive("delete");
}

#[test]
fn kills_lose_nothing_of_frames_that_are_archived() {
    survive("archive");
}

#[test]
fn kills_lose_nothing_of_frames_that_go_into_the_trash() {
    survive("trash");
}
