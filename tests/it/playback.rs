//! In which direction, how often and with which pauses the frames are shown.

use std::ffi::OsStr;
use std::fs;

use crate::support::video::{assert_clean, assert_shows};
use crate::support::{Daemon, Frames, Live, Sandbox, ffmpeg, ffmpegs, toml_string};

/// The same frame, so often.
fn still(number: u32, count: usize) -> impl Iterator<Item = u32> {
    std::iter::repeat_n(number, count)
}

#[test]
fn frames_go_forth_and_back_and_round_in_one_piece_and_in_chunks() {
    type Case = (&'static [&'static str], fn() -> Vec<u32>);
    const CASES: [Case; 5] = [
        (&["--reverse"], || (1..=60).rev().collect()),
        (&["--ping-pong"], || (1..=60).chain((2..=59).rev()).collect()),
        (&["--ping-pong", "--reverse"], || (1..=60).rev().chain(2..=59).collect()),
        (&["--loop", "2"], || (1..=60).chain(1..=60).collect()),
        // A quarter of a second is six frames.
        (&["--reverse", "--hold-first", "250ms", "--hold-last", "500ms"], || {
            still(60, 6).chain((1..=60).rev()).chain(still(1, 12)).collect()
        }),
    ];
    for ffmpeg in ffmpegs() {
        let sandbox = Sandbox::new(&ffmpeg);
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=60);
        let root = toml_string(&sandbox.folder("elsewhere"));
        for length in [24, 240] {
            let config =
                sandbox.config_text(&format!("[encoder]\nchunk_length = {length}\n[[watch]]\npath = {root}\n"));
            for (arguments, expected) in CASES {
                let head = [OsStr::new("encode"), shot.as_os_str(), OsStr::new("--config"), config.as_os_str()];
                let video = sandbox.run(head.into_iter().chain(arguments.iter().map(OsStr::new))).expect(0).paths();
                assert_shows(&video[0], &ffmpeg, expected());
                assert_clean(&video[0], &ffmpeg);
                // Else the second length would be told that the video is there.
                fs::remove_file(&video[0]).unwrap();
            }
        }
    }
}

#[test]
fn formats_without_chunks_go_back_too() {
    let sandbox = Sandbox::new(&ffmpeg());
    Frames::new("frame_####.png").write(&sandbox.folder("shot"), 1..=5);
    for preset in ["gif", "ffv1", "vp9"] {
        let video = sandbox.encode(&["--preset", preset, "--ping-pong", "--hold-last", "84ms"]).expect(0).paths();
        assert_shows(&video[0], &sandbox.ffmpeg, [1, 2, 3, 4, 5, 4, 3, 2, 2, 2]);
    }
}

#[test]
fn what_was_encoded_while_the_frames_came_is_used_each_time() {
    let live = Live::new(&ffmpeg());
    let keys = "loop = 3\nhold_first = \"125ms\"\nhold_last = \"125ms\"";
    let mut daemon = Daemon::start(&live.sandbox, &live.config("", keys));
    live.write(1..=48);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    live.mark();
    let round = || 1..=48;
    live.assert_video(&mut daemon, still(1, 3).chain(round()).chain(round()).chain(round()).chain(still(48, 3)));
    live.recorder.assert_fed(2..=47, 1);
    live.recorder.assert_fed([1, 48], 4);
    live.wait_for_no_chunks(&mut daemon);
}

#[test]
fn the_way_forth_is_encoded_ahead_and_the_way_back_afterwards() {
    for reverse in [false, true] {
        let live = Live::new(&ffmpeg());
        let keys = format!("ping_pong = true\nreverse = {reverse}\ncleanup = \"delete\"");
        let mut daemon = Daemon::start(&live.sandbox, &live.config("", &keys));
        live.write(1..=50);
        live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
        live.mark();
        daemon.wait_for_file(&live.video());
        let expected: Vec<u32> =
            if reverse { (1..=50).rev().chain(2..=49).collect() } else { (1..=50).chain((2..=49).rev()).collect() };
        assert_shows(&live.video(), &live.sandbox.ffmpeg, expected);
        assert_clean(&live.video(), &live.sandbox.ffmpeg);
        // Once on each way.
        live.recorder.assert_fed(2..=23, 2);
        for number in 1..=50 {
            daemon.wait_for_absence(&live.frames.path(&live.shot, number));
        }
        assert!(!daemon.log().contains("encoding begins when"), "{}", daemon.log());
    }
}

#[test]
fn what_runs_backwards_waits_for_its_last_frame_and_says_so() {
    let live = Live::new(&ffmpeg());
    let config = live.config("", "reverse = true");
    let mut daemon = Daemon::start(&live.sandbox, &config);
    live.write(1..=50);
    daemon.wait_for_open_frames(50);
    assert_eq!(live.recorder.encodes(), 0);
    live.mark();
    live.assert_video(&mut daemon, (1..=50).rev());
    let why = "encoding begins when a sequence is finished: `reverse`: the last frame comes first";
    assert!(daemon.log().contains(why), "{}", daemon.log());
    daemon.stop();
    let checked = live.sandbox.check_without_ffmpeg(&config).text();
    assert!(checked.contains(why), "{checked}");
}

#[test]
fn a_frame_that_cannot_be_read_is_one_anomaly_however_often_it_is_shown() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=6);
    // Damaged where only decoding finds it.
    let mut bytes = frames.bytes(3);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(frames.path(&shot, 3), bytes).unwrap();
    let outcome = sandbox.encode(&["--ping-pong", "--loop", "2", "--reverse", "--cleanup", "delete"]).expect(0);
    let round = [6, 5, 4, 2, 1, 2, 4, 5];
    assert_shows(&outcome.paths()[0], &sandbox.ffmpeg, round.into_iter().chain(round));
    assert_eq!(outcome.stderr.matches("warning: frame_####.png: ").count(), 2, "{}", outcome.stderr);
    assert!(outcome.says("the frames are kept").code == Some(0));
    assert!((1..=6).all(|number| frames.path(&shot, number).exists()));
}

#[test]
fn what_is_out_of_range_is_refused_with_its_key() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("loop = 0\nhold_first = \"2h\"\nhold_last = 3\nping_pong = \"yes\"\nreverse = 1\n");
    let outcome = sandbox.run([OsStr::new("run"), OsStr::new("--config"), config.as_os_str()]).expect(2);
    for text in [
        "`loop`: 0 is out of range",
        "allowed: 1 to 100",
        "`hold_first`: `2h` is out of range for a pause",
        "allowed: 0s to 1h",
        "`hold_last`: `3` is not a duration",
        "`ping_pong`: expected true or false",
        "`reverse`: expected true or false",
    ] {
        assert!(outcome.stderr.contains(text), "{text}: {}", outcome.stderr);
    }
    sandbox.encode(&["--loop", "101"]).expect(2);
    sandbox.encode(&["--hold-first", "61m"]).expect(2).says("allowed: 0s to 1h");
}
