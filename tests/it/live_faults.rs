//! Crashes, damage and failures while a sequence is encoded as it comes in: the video is right, and no frame is lost.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::live::LENGTH;
use crate::support::recorder::Recorder;
use crate::support::{Daemon, Live, Twist, ffmpeg, ffmpegs, toml_string};

#[test]
fn chunks_of_a_killed_daemon_are_used() {
    for ffmpeg in ffmpegs() {
        println!("with {}", ffmpeg.display());
        let live = Live::new(&ffmpeg);
        let mut daemon = live.start();
        live.write(1..=78);
        // The third may not be in the journal yet, but the others are.
        let [first, second, _] = live.wait_for_chunks(&mut daemon, [1..=24, 25..=48, 49..=72]);
        daemon.kill_9();
        // Left by nobody who lives; the third is not reeld's to remove.
        let strays = ["reeld-stray.chunk.mp4", "reeld-stray.chunk.4194304.part", "mine.mp4"];
        let [chunk, part, mine] = strays.map(|name| live.chunk_dir().join(name));
        for stray in [&chunk, &part, &mine] {
            fs::copy(&first.path, stray).unwrap();
        }

        let mut daemon = live.start();
        daemon.wait_for_absence(&chunk);
        daemon.wait_for_absence(&part);
        live.write(79..=102);
        live.wait_for_chunks(&mut daemon, [73..=96]);
        assert!(first.is_there() && second.is_there());
        live.mark();
        live.assert_video(&mut daemon, 1..=102);
        live.wait_for_no_chunks(&mut daemon);
        live.recorder.assert_fed(1..=48, 1);
        assert!(mine.exists());
    }
}

#[test]
fn frames_change_while_nobody_looks() {
    let live = Live::new(&ffmpeg());
    let mut daemon = live.start();
    live.write(1..=78);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48, 49..=72]);
    daemon.kill_9();
    let rewritten = live.frames.clone().version(1);
    rewritten.write(&live.shot, [30]);
    fs::remove_file(live.frames.path(&live.shot, 60)).unwrap();
    live.write([79]);

    let mut daemon = live.start();
    live.mark();
    let shown = |number| if number == 30 { rewritten.shown(number) } else { number };
    live.assert_video(&mut daemon, (1..=59).chain(61..=79).map(shown));
    live.recorder.assert_fed(1..=24, 1);
}

#[test]
fn damaged_chunks_are_made_again() {
    for (name, damage) in [("flip", flip as fn(&Path)), ("truncate", truncate), ("empty", empty), ("remove", remove)] {
        println!("{name}");
        let live = Live::new(&ffmpeg());
        let mut daemon = live.start();
        live.write(1..=78);
        let [_, second, _] = live.wait_for_chunks(&mut daemon, [1..=24, 25..=48, 49..=72]);
        daemon.kill_9();
        damage(&second.path);
        let mut daemon = live.start();
        live.mark();
        live.assert_video(&mut daemon, 1..=78);
        live.assert_untouched(1..=78);
        live.wait_for_no_chunks(&mut daemon);
    }
}

/// One byte in the pictures, as a disk spoils it: nothing but the content tells.
fn flip(path: &Path) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    let data = bytes.windows(4).position(|name| name == b"mdat").unwrap();
    // Behind what x264 says about itself, amid the first picture.
    bytes[data + 2500] ^= 0xff;
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&bytes, 0).unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
}

fn truncate(path: &Path) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
}

fn empty(path: &Path) {
    File::create(path).unwrap();
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

#[test]
fn another_ffmpeg_makes_all_chunks_again() {
    let live = Live::new(&ffmpeg());
    let mut daemon = live.start();
    live.write(1..=78);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48, 49..=72]);
    assert_eq!(daemon.stop().code(), Some(0));
    // Where there is only one to test with, it says that it is another.
    Recorder::install(&live.sandbox, ffmpegs().last().unwrap(), Twist::OtherVersion);
    let mut daemon = live.start();
    live.write(79..=102);
    live.mark();
    live.assert_video(&mut daemon, 1..=102);
    live.recorder.assert_fed(1..=72, 2);
    live.wait_for_no_chunks(&mut daemon);
}

#[test]
fn an_encoder_that_fails_costs_its_frames_alone() {
    for twist in [Twist::DieOnce(2), Twist::ShortOnce(2)] {
        println!("{twist:?}");
        let live = Live::twisted(&ffmpeg(), twist);
        let mut daemon = live.start();
        live.write(1..=30);
        live.wait_for_chunks(&mut daemon, [1..=24]);
        live.write(31..=78);
        live.recorder.wait_for_ends(2);
        live.mark();
        live.assert_video(&mut daemon, 1..=78);
        live.recorder.assert_fed(1..=24, 1);
        live.assert_untouched(1..=78);
        assert_eq!(daemon.stop().code(), Some(0));
        assert!(live.sandbox.leftovers().is_empty(), "{twist:?}: {:?}", live.sandbox.leftovers());
    }
}

#[test]
fn an_encoder_that_hangs_holds_nothing_up() {
    let live = Live::twisted(&ffmpeg(), Twist::HangOnce(2));
    let mut daemon = live.start();
    live.write(1..=30);
    live.wait_for_chunks(&mut daemon, [1..=24]);
    live.write(31..=78);
    daemon.wait("the second encode hangs", |_| (live.recorder.encodes() > 1).then_some(()));
    let begun = Instant::now();
    assert_eq!(daemon.stop().code(), Some(0));
    // Two seconds are promised; a busy machine gets more, a daemon that waits for FFmpeg does not pass.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());

    let mut daemon = live.start();
    live.mark();
    live.assert_video(&mut daemon, 1..=78);
    live.recorder.assert_fed(1..=24, 1);
    live.assert_untouched(1..=78);
}

#[test]
fn without_room_for_chunks_the_video_is_made_in_one_go() {
    let live = Live::twisted(&ffmpeg(), Twist::NoSpaceForChunks);
    let mut daemon = live.start();
    live.write(1..=78);
    live.recorder.wait_for_ends(1);
    live.mark();
    live.assert_video(&mut daemon, 1..=78);
    live.wait_for_no_chunks(&mut daemon);
}

#[test]
fn a_chunk_folder_that_cannot_be_made_is_no_reason_to_fail() {
    let live = Live::new(&ffmpeg());
    // A file where a folder is meant stops root too, which no permission does.
    let blocked = live.sandbox.path().join("blocked");
    fs::write(&blocked, "mine").unwrap();
    let config = live.config(&format!("chunk_dir = {}", toml_string(&blocked.join("chunks"))), "");
    let mut daemon = Daemon::start(&live.sandbox, &config);
    live.write(1..=78);
    daemon.wait_for_open_frames(78);
    live.mark();
    live.assert_video(&mut daemon, 1..=78);
    assert_eq!(fs::read_to_string(&blocked).unwrap(), "mine");
}

#[test]
fn a_chunk_folder_that_goes_away_takes_no_frame_along() {
    let live = Live::new(&ffmpeg());
    let mut daemon = live.start();
    live.write(1..=40);
    live.wait_for_chunks(&mut daemon, [1..=24]);
    fs::remove_dir_all(live.chunk_dir()).unwrap();
    fs::write(live.chunk_dir(), "mine").unwrap();
    live.write(41..=78);
    daemon.wait_for_open_frames(78);
    live.mark();
    live.assert_video(&mut daemon, 1..=78);
    live.assert_untouched(1..=78);
    assert_eq!(fs::read_to_string(live.chunk_dir()).unwrap(), "mine");
}

#[test]
fn chunks_lie_where_the_config_says() {
    let live = Live::new(&ffmpeg());
    let elsewhere = live.sandbox.path().join("elsewhere");
    let config = live.config(&format!("chunk_dir = {}", toml_string(&elsewhere)), "");
    let mut daemon = Daemon::start(&live.sandbox, &config);
    live.write(1..=LENGTH + 6);
    let is_there = |dir: &Path| fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    daemon.wait("something is in the chunk folder", |_| is_there(&elsewhere).then_some(()));
    assert!(!is_there(&live.chunk_dir()));
    live.mark();
    live.assert_video(&mut daemon, 1..=LENGTH + 6);
    daemon.wait("the chunk folder is empty", |_| (!is_there(&elsewhere)).then_some(()));
}

/// Killed when the video is recorded and its chunks are still there. Kept frames would keep them for ever.
#[cfg(feature = "fault-points")]
#[test]
fn chunks_of_a_video_that_a_killed_daemon_left_go_with_the_next_start() {
    let live = Live::new(&ffmpeg());
    let config = live.config("", "cleanup = \"keep\"");
    let mut daemon = Daemon::spawn(&live.sandbox, &config, &[("REELD_FAULT", "after-journal-published")]);
    daemon.wait_for_state("READY=1");
    live.write(1..=LENGTH * 2 + 6);
    live.wait_for_chunks(&mut daemon, [1..=LENGTH]);
    live.mark();
    assert_eq!(daemon.wait_for_end().code(), None, "killed by a signal");
    let left = || fs::read_dir(live.chunk_dir()).unwrap().count();
    assert!(left() > 0);

    let mut daemon = live.start();
    live.wait_for_no_chunks(&mut daemon);
    live.assert_untouched(1..=LENGTH * 2 + 6);
    live.assert_video(&mut daemon, 1..=LENGTH * 2 + 6);
    assert_eq!(left(), 0);
}

/// A folder that is configured for chunks may hold other things, however they are called.
#[test]
fn what_is_not_reelds_stays_in_the_chunk_folder() {
    let live = Live::new(&ffmpeg());
    let elsewhere = live.sandbox.path().join("elsewhere");
    let theirs =
        ["film.preview/preview.m3u8", "film.preview/init.mp4", "reeld-holiday.chunk.mp4", "reeld-7.chunk.1.part"];
    fs::create_dir_all(elsewhere.join("film.preview")).unwrap();
    fs::create_dir(elsewhere.join("trailer.preview")).unwrap();
    for name in theirs {
        fs::write(elsewhere.join(name), "theirs").unwrap();
    }
    let config = live.config(&format!("chunk_dir = {}", toml_string(&elsewhere)), "");
    let mut daemon = Daemon::start(&live.sandbox, &config);
    live.write(1..=LENGTH + 6);
    live.mark();
    daemon.wait_for_file(&live.video());
    daemon.wait("only their things are there", |_| (fs::read_dir(&elsewhere).unwrap().count() == 4).then_some(()));
    assert_eq!(daemon.stop().code(), Some(0));
    for name in theirs {
        assert_eq!(fs::read(elsewhere.join(name)).unwrap(), b"theirs", "{name}");
    }
    assert!(elsewhere.join("trailer.preview").is_dir());
}
