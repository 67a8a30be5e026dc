//! How long a video is to last, and the rate that follows from that.

use std::ffi::OsStr;

use serde_json::{Value, json};

use crate::support::video::{assert_clean, assert_shows, numbers, rate};
use crate::support::{Daemon, Frames, Live, Sandbox, ffmpeg, ffmpegs};

#[test]
fn the_rate_is_that_at_which_the_frames_last_so_long() {
    type Case = (&'static [&'static str], (u64, u64), usize, &'static str);
    const CASES: [Case; 6] = [
        (&["--duration", "2s"], (30, 1), 60, "30 frames per second: `duration`"),
        (&["--duration", "7s"], (60, 7), 60, "60/7 frames per second: `duration`"),
        (&["--duration", "2s", "--framerate-max", "12"], (12, 1), 60, "12 frames per second: `framerate_max`"),
        (&["--duration", "90s"], (1, 1), 60, "1 frames per second: `framerate_min`"),
        // Two rounds of 118 pictures in eight seconds, and a pause of one.
        (&["--duration", "9s", "--ping-pong", "--loop", "2", "--hold-last", "1s"], (59, 2), 236 + 30, "duration"),
        (&["--duration", "1s", "--preset", "gif"], (50, 1), 60, "50 frames per second: `framerate_max`, or the most"),
    ];
    for ffmpeg in ffmpegs() {
        let sandbox = Sandbox::new(&ffmpeg);
        Frames::new("frame_####.png").write(&sandbox.folder("shot"), 1..=60);
        for (arguments, expected, pictures, said) in CASES {
            let video = sandbox.encode(arguments).expect(0).says(said).paths().remove(0);
            assert_eq!(rate(&video, &ffmpeg), expected, "{arguments:?}");
            assert_eq!(numbers(&video, &ffmpeg).len(), pictures, "{arguments:?}");
            // It is known again by the rate that it got.
            let again = sandbox.encode(arguments).expect(0).says("in a video already");
            assert_eq!(again.paths(), [video]);
        }
    }
}

/// Sixty frames in two seconds, of which 48 are in chunks when the last has come.
fn ahead(keys: &str, frames: Frames) {
    let mut live = Live::new(&ffmpeg());
    live.frames = frames;
    let mut daemon = Daemon::start(&live.sandbox, &live.config("", &format!("duration = \"2s\"\n{keys}")));
    live.write(1..=54);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    live.write(55..=60);
    daemon.wait_for_file(&live.video());
    assert_shows(&live.video(), &live.sandbox.ffmpeg, 1..=60);
    assert_eq!(rate(&live.video(), &live.sandbox.ffmpeg), (30, 1));
    live.recorder.assert_fed(1..=48, 1);
}

#[test]
fn a_number_of_frames_that_is_known_beforehand_lets_encoding_begin() {
    ahead("frame_count = 60", Frames::new("frame_####.png"));
    ahead("last_frame = 60", Frames::new("frame_####.png"));
}

#[test]
fn so_does_what_the_maker_of_the_frames_says() {
    let counter = json!({"class_type": "Frame Counter (Directory) [Dream]", "inputs": {"directory_path": "/out/anim",
        "pattern": "*", "indexing": "numeric", "total_frames": 60, "frames_per_second": 12.0}});
    let save = json!({"class_type": "SaveImage", "inputs": {"filename_prefix": "frame", "images": ["3", 0]}});
    let graph: Value = json!({"20": counter, "9": save});
    ahead("", Frames::new("frame_####.png").prompt(&graph));
}

#[test]
fn otherwise_it_waits_for_the_last_frame_and_says_so() {
    let live = Live::new(&ffmpeg());
    let config = live.config("", "duration = \"2s\"");
    let mut daemon = Daemon::start(&live.sandbox, &config);
    live.write(1..=60);
    daemon.wait_for_open_frames(60);
    let why = "encoding begins when a sequence is finished: `duration`: the rate is known when all frames are counted";
    assert!(daemon.log().contains(why), "{}", daemon.log());
    assert_eq!(live.recorder.encodes(), 0);
    live.mark();
    live.assert_video(&mut daemon, 1..=60);
    assert_eq!(rate(&live.video(), &live.sandbox.ffmpeg), (30, 1));
    daemon.wait_for_line("the rate is told", |line| line.contains("rate=30 rate_from=`duration`"));
    daemon.stop();
    let checked = live.sandbox.check_without_ffmpeg(&config).text();
    assert!(checked.contains(why), "{checked}");
}

#[test]
fn chunks_of_a_rate_that_turns_out_to_be_another_are_not_taken() {
    let live = Live::new(&ffmpeg());
    let keys = "duration = \"2s\"\nframe_count = 100";
    let mut daemon = Daemon::start(&live.sandbox, &live.config("", keys));
    live.write(1..=48);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    live.mark();
    live.assert_video(&mut daemon, 1..=48);
    assert_clean(&live.video(), &live.sandbox.ffmpeg);
    assert_eq!(rate(&live.video(), &live.sandbox.ffmpeg), (24, 1));
    live.wait_for_no_chunks(&mut daemon);
}

#[test]
fn what_can_never_be_met_is_refused_with_its_key() {
    let sandbox = Sandbox::new(&ffmpeg());
    for (keys, text) in [
        ("duration = \"30s\"\nframerate = 24", "`framerate`: the rate follows from `duration`"),
        ("duration = \"30s\"\nframerate_factor = 2", "`framerate_factor`: the rate follows from `duration`"),
        ("framerate_min = 5", "`framerate_min`: it limits what follows from `duration`, which is not set"),
        (
            "duration = \"5s\"\nhold_first = \"2s\"\nhold_last = \"3s\"",
            "`duration`: nothing of it is left beside the pauses",
        ),
        ("duration = \"30s\"\nframerate_min = 61", "`duration`: the slowest rate, 61, is more than the fastest, 60"),
        (
            "duration = \"30s\"\nframerate_min = 51\npreset = \"gif\"\noutput_dir = \"v\"",
            "`duration`: the preset `gif` cannot play at 51 frames per second",
        ),
        ("duration = \"500ms\"", "`duration`: `500ms` is out of range for the length of a video"),
    ] {
        let config = sandbox.config(keys);
        let outcome = sandbox.run([OsStr::new("run"), OsStr::new("--config"), config.as_os_str()]).expect(2);
        assert!(outcome.stderr.contains(text), "{text}: {}", outcome.stderr);
    }
    sandbox.encode(&["--duration", "3s", "--framerate", "24"]).expect(2).says("leave one of them out");
    sandbox.encode(&["--framerate-min", "24"]).expect(2);
    sandbox.encode(&["--duration", "3s", "--hold-last", "3s"]).expect(2).says("make it longer than both together");
}
