//! Frames are encoded while they come in, and the video is as if they had not been.

use std::fs;

use rustix::process::Signal;

use crate::support::live::{Chunk, LENGTH};
use crate::support::video::{assert_clean, assert_shows, describe, number, packets, pictures, rate};
use crate::support::{Daemon, Frames, Live, Sandbox, ffmpeg, ffmpegs, toml_string, wait_for};

#[test]
fn chunks_are_made_before_the_sequence_is_finished() {
    for ffmpeg in ffmpegs() {
        println!("with {}", ffmpeg.display());
        let live = Live::new(&ffmpeg);
        let mut daemon = live.start();
        live.write(1..=78);
        live.wait_for_chunks(&mut daemon, [1..=24, 25..=48, 49..=72]);
        assert!(live.sandbox.videos().is_empty());
        live.mark();
        live.assert_video(&mut daemon, 1..=78);
        assert_eq!(rate(&live.video(), &ffmpeg), (24, 1));
        live.wait_for_no_chunks(&mut daemon);
        assert_eq!(daemon.stop().code(), Some(0));
        // The end took nothing but its own frames.
        live.recorder.assert_fed(1..=72, 1);
        assert!(live.sandbox.leftovers().is_empty(), "{:?}", live.sandbox.leftovers());
        live.assert_untouched(1..=78);
    }
}

#[test]
fn a_rewritten_frame_spoils_its_chunk_alone() {
    let live = Live::new(&ffmpeg());
    let mut daemon = live.start();
    live.write(1..=78);
    let [first, second, third] = live.wait_for_chunks(&mut daemon, [1..=24, 25..=48, 49..=72]);
    let rewritten = live.frames.clone().version(1);
    rewritten.write(&live.shot, [30]);
    rewritten.clone().renamed().write(&live.shot, [31]);
    live.write(79..=102);
    live.wait_for_chunks(&mut daemon, [73..=96]);
    assert!(first.is_there() && third.is_there());
    live.mark();
    let shown = |number| if number == 30 || number == 31 { rewritten.shown(number) } else { number };
    live.assert_video(&mut daemon, (1..=102).map(shown));
    assert!(!second.is_there());
    live.recorder.assert_fed((1..=24).chain(49..=72).chain([30, 31]), 1);
}

#[test]
fn late_frames_in_front_spoil_nothing() {
    let live = Live::new(&ffmpeg());
    let mut daemon = live.start();
    live.write(10..=87);
    let chunks = live.wait_for_chunks(&mut daemon, [10..=33, 34..=57, 58..=81]);
    live.write(1..=9);
    daemon.wait_for_open_frames(87);
    assert!(chunks.iter().all(Chunk::is_there));
    live.mark();
    live.assert_video(&mut daemon, 1..=87);
    live.recorder.assert_fed(10..=81, 1);
}

#[test]
fn a_late_frame_inside_spoils_its_chunk_alone() {
    // Time stamps have no gaps, so that a frame may come between two that are encoded.
    let mut live = Live::new(&ffmpeg());
    live.frames = Frames::new("frame_#############.png");
    let mut daemon = live.start();
    live.write((1..=78).map(|number| number * 10));
    let stamps = |range: [u32; 2]| (range[0]..=range[1]).map(|number| number * 10).collect::<Vec<_>>();
    daemon.wait("three chunks", |_| {
        let shown: Vec<Vec<u32>> = live.chunks().into_iter().map(|chunk| chunk.shows).collect();
        (shown == [[1, 24], [25, 48], [49, 72]].map(stamps)).then_some(())
    });
    live.write([305]);
    daemon.wait_for_open_frames(79);
    live.mark();
    let mut expected: Vec<u32> = (1..=78).map(|number| number * 10).chain([305]).collect();
    expected.sort_unstable();
    live.assert_video(&mut daemon, expected);
    live.recorder.assert_fed(stamps([1, 24]).into_iter().chain(stamps([49, 72])), 1);
}

#[test]
fn a_gap_is_waited_for_until_the_end() {
    let live = Live::new(&ffmpeg());
    let mut daemon = live.start();
    live.write((1..=30).chain(32..=110));
    live.wait_for_chunks(&mut daemon, [1..=24]);
    daemon.wait_for_open_frames(109);
    let fed = live.recorder.fed();
    assert!(fed.iter().flatten().all(|number| *number <= 30), "{fed:?}");
    live.mark();
    live.assert_video(&mut daemon, (1..=30).chain(32..=110));
    live.recorder.assert_fed(1..=24, 1);
}

#[test]
fn encoding_goes_on_where_a_gap_is_filled() {
    let live = Live::new(&ffmpeg());
    let mut daemon = live.start();
    live.write((1..=30).chain(32..=60).rev());
    live.wait_for_chunks(&mut daemon, [1..=24]);
    live.write([31]);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    live.mark();
    live.assert_video(&mut daemon, 1..=60);
    live.recorder.assert_fed(1..=24, 1);
}

#[test]
fn a_removed_frame_is_not_in_the_video() {
    let live = Live::new(&ffmpeg());
    let mut daemon = live.start();
    live.write(1..=78);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48, 49..=72]);
    fs::remove_file(live.frames.path(&live.shot, 30)).unwrap();
    live.mark();
    live.assert_video(&mut daemon, (1..=29).chain(31..=78));
    live.recorder.assert_fed((1..=24).chain(49..=72), 1);
}

#[test]
fn a_frame_of_another_size_is_fitted() {
    // In the first chunk it is alone against the size of all the others, and must not become that of the video.
    for odd in [1, 30] {
        let live = Live::new(&ffmpeg());
        let mut daemon = live.start();
        let intruder = Frames::new("frame_####.png").size(320, 240).plain([200, 30, 30]);
        intruder.write(&live.shot, [odd]);
        live.write((1..=78).filter(|number| *number != odd));
        daemon.wait_for_open_frames(78);
        daemon.wait("the first chunk is fed", |_| (live.recorder.encodes() > 1).then_some(()));
        live.mark();
        daemon.wait_for_file(&live.video());
        let pictures = pictures(&live.video(), &live.sandbox.ffmpeg);
        assert!(pictures.iter().all(|picture| (picture.width, picture.height) == (256, 144)), "{odd}");
        let shown = pictures.iter().map(|picture| number(&picture.gray, picture.width, picture.height));
        let expected = (1..=78).map(|number| Some(number).filter(|number| *number != odd));
        assert_eq!(shown.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}

#[test]
fn a_frame_of_another_size_makes_no_video_where_that_is_asked_for() {
    let live = Live::new(&ffmpeg());
    let daemon = Daemon::start(&live.sandbox, &live.config("", "size_change = \"error\""));
    Frames::new("frame_####.png").size(320, 240).write(&live.shot, [30]);
    live.write((1..=29).chain(31..=78));
    live.mark();
    wait_for("the journal has the failure", || {
        live.sandbox.run(["list"]).expect(0).text().contains("failed").then_some(())
    });
    assert!(live.sandbox.videos().is_empty());
    live.assert_untouched((1..=29).chain(31..=78));
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn changed_settings_count_for_all_frames() {
    /// A new setting, what FFmpeg says of the video by it, and its rate.
    const CHANGES: [(&str, &str, (u64, u64)); 3] = [
        ("preset = \"h265\"", "hevc", (24, 1)),
        ("quality = 40", "h264", (24, 1)),
        ("framerate = 30", "h264", (30, 1)),
    ];
    for (setting, codec, expected_rate) in CHANGES {
        for restart in [true, false] {
            println!("{setting}, restart: {restart}");
            let live = Live::new(&ffmpeg());
            let mut daemon = live.start();
            live.write(1..=78);
            live.wait_for_chunks(&mut daemon, [1..=24, 25..=48, 49..=72]);
            if restart {
                assert_eq!(daemon.stop().code(), Some(0));
                daemon = Daemon::start(&live.sandbox, &live.config("", setting));
            } else {
                live.config("", setting);
                daemon.signal(Signal::HUP);
                daemon.wait_for_state("READY=1");
            }
            live.write(79..=102);
            live.mark();
            daemon.wait_for_file(&live.video());
            assert_shows(&live.video(), &live.sandbox.ffmpeg, 1..=102);
            assert!(describe(&live.video(), &live.sandbox.ffmpeg).contains(codec));
            assert_eq!(rate(&live.video(), &live.sandbox.ffmpeg), expected_rate);
            if setting != "quality = 40" {
                assert_clean(&live.video(), &live.sandbox.ffmpeg);
            }
            // The same pictures in another time may be the same chunks.
            if setting != "framerate = 30" {
                live.recorder.assert_fed(1..=72, 2);
            }
            live.wait_for_no_chunks(&mut daemon);
        }
    }
}

#[test]
fn silence_finds_everything_encoded() {
    let live = Live::new(&ffmpeg());
    let mut daemon = Daemon::start(&live.sandbox, &live.config("", "idle_timeout = \"16s\""));
    live.write(1..=30);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=30]);
    assert!(live.sandbox.videos().is_empty());
    live.assert_video(&mut daemon, 1..=30);
    live.recorder.assert_fed(1..=30, 1);
}

#[test]
fn an_encoder_does_not_wait_for_ever() {
    let live = Live::new(&ffmpeg());
    let mut daemon = Daemon::start(&live.sandbox, &live.config("live_hold = \"3s\"", ""));
    live.write(1..=30);
    live.wait_for_chunks(&mut daemon, [1..=24]);
    // The second one has six frames and is alive until it is dropped.
    live.recorder.wait_for_ends(2);
    live.write(31..=60);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    live.mark();
    live.assert_video(&mut daemon, 1..=60);
    live.recorder.assert_fed(1..=24, 1);
}

#[test]
fn nothing_is_encoded_early_where_that_is_not_wanted() {
    let live = Live::new(&ffmpeg());
    let mut daemon = Daemon::start(&live.sandbox, &live.config("", "live = false"));
    live.write(1..=78);
    daemon.wait_for_open_frames(78);
    assert_eq!(live.recorder.encodes(), 0);
    live.mark();
    live.assert_video(&mut daemon, 1..=78);
    live.recorder.assert_fed(1..=78, 1);
    live.wait_for_no_chunks(&mut daemon);
}

#[test]
fn the_video_is_the_same_however_many_chunks_are_made_at_a_time() {
    let sandbox = Sandbox::new(&ffmpeg());
    let made = |parallel: &str, name: &str| {
        let shot = sandbox.folder(name);
        Frames::new("frame_####.png").write(&shot, 1..=100);
        fs::write(shot.join(".done"), "").unwrap();
        let root = toml_string(&sandbox.root());
        let config =
            format!("[encoder]\nchunk_length = {LENGTH}\nparallel_chunks = {parallel}\n[[watch]]\npath = {root}\n");
        let mut daemon = Daemon::start(&sandbox, &sandbox.config_text(&config));
        let video = shot.join("frame.mp4");
        daemon.wait_for_file(&video);
        assert_eq!(daemon.stop().code(), Some(0));
        assert_shows(&video, &sandbox.ffmpeg, 1..=100);
        packets(&video, &sandbox.ffmpeg)
    };
    let one = made("1", "one");
    assert_eq!(made("3", "three"), one);
    assert_eq!(made("\"auto\"", "auto"), one);
}
