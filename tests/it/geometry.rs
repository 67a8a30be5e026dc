//! What of a frame is shown, which way up, and how large.
//!
//! The frames are drawn so that a placeholder frame comes out where everything is done right: how far each picture of a video
//! is from that is looked at all over.

use std::ffi::OsStr;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use reeld::cli::make_frames::placeholder;

use crate::support::video::{assert_near, assert_shows, pictures};
use crate::support::{Daemon, Live, Sandbox, ffmpeg, ffmpegs};

/// How far off a square of pixels is that was enlarged threefold and scaled back by Lanczos' filter: 13, by FFmpeg's too. What is
/// moved by a few pixels or turned is off by more than 40.
const SCALED: u32 = 20;

/// Of the placeholder frames.
const SIZE: (u32, u32) = (256, 144);

fn shown(number: u32) -> RgbImage {
    RgbImage::from_raw(SIZE.0, SIZE.1, placeholder::draw(SIZE.0, SIZE.1, number, 4)).unwrap()
}

fn write(dir: &Path, numbers: RangeInclusive<u32>, picture: impl Fn(u32) -> RgbImage) {
    for number in numbers {
        picture(number).save(dir.join(format!("frame_{number:04}.png"))).unwrap();
    }
}

/// The same as fast as any generator: they are drawn beforehand, since that takes longer than what a pause between frames means
/// to a daemon.
fn write_at_once(live: &Live, numbers: RangeInclusive<u32>, picture: impl Fn(u32) -> RgbImage) -> impl FnOnce(&Live) {
    let drawn = live.sandbox.path().join("drawn");
    fs::create_dir(&drawn).unwrap();
    write(&drawn, numbers.clone(), picture);
    move |live| {
        for name in numbers.map(|number| format!("frame_{number:04}.png")) {
            fs::rename(drawn.join(&name), live.shot.join(&name)).unwrap();
        }
    }
}

/// What [`KEYS`] undo: three times as large, mirrored, turned the other way, amid red.
fn to_be_undone(number: u32) -> RgbImage {
    let large = imageops::resize(&shown(number), SIZE.0 * 3, SIZE.1 * 3, FilterType::Nearest);
    let turned = imageops::rotate270(&imageops::flip_horizontal(&large));
    let mut frame = RgbImage::from_pixel(turned.width() + 51, turned.height() + 40, Rgb([255, 0, 0]));
    imageops::replace(&mut frame, &turned, 31, 17);
    frame
}

const KEYS: &str = "crop = \"432x768+31+17\"\nrotate = 90\nflip = \"horizontal\"\nsize = \"256x-2\"";
const ARGS: [&str; 8] = ["--crop", "432x768+31+17", "--rotate", "90", "--flip", "horizontal", "--size", "256x-2"];

#[test]
fn frames_are_cropped_then_turned_then_scaled() {
    for ffmpeg in ffmpegs() {
        let sandbox = Sandbox::new(&ffmpeg);
        write(&sandbox.folder("shot"), 1..=5, to_be_undone);
        for preset in ["h264", "ffv1"] {
            let arguments = [&ARGS[..], &["--preset", preset]].concat();
            let video = sandbox.encode(&arguments).expect(0).paths().remove(0);
            let picture = &pictures(&video, &ffmpeg)[0];
            assert_eq!((picture.width, picture.height), SIZE);
            assert_shows(&video, &ffmpeg, 1..=5);
            assert_near(&video, &ffmpeg, SCALED);
        }
    }
}

#[test]
fn they_are_so_in_the_chunks_of_a_growing_sequence() {
    let live = Live::new(&ffmpeg());
    let write = write_at_once(&live, 1..=54, to_be_undone);
    let mut daemon = Daemon::start(&live.sandbox, &live.config("", KEYS));
    write(&live);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    live.mark();
    daemon.wait_for_file(&live.video());
    assert_shows(&live.video(), &ffmpeg(), 1..=54);
    assert_near(&live.video(), &ffmpeg(), SCALED);
    live.recorder.assert_fed(1..=48, 1);
}

#[test]
fn chunks_of_another_geometry_are_not_taken() {
    for (before, after) in
        [("", "rotate = 180"), ("crop = \"256x144\"\nsize = \"256x144\"", "flip = \"vertical\"\nrotate = 180\n")]
    {
        let live = Live::new(&ffmpeg());
        let undone = |number| {
            if after.contains("flip") {
                imageops::flip_horizontal(&shown(number))
            } else {
                imageops::rotate180(&shown(number))
            }
        };
        let write = write_at_once(&live, 1..=54, undone);
        let mut daemon = Daemon::start(&live.sandbox, &live.config("", before));
        write(&live);
        // Nothing can be read in them.
        daemon.wait("two chunks", |_| (live.chunks().len() == 2).then_some(()));
        assert_eq!(daemon.stop().code(), Some(0));
        let mut daemon = Daemon::start(&live.sandbox, &live.config("", after));
        live.mark();
        live.assert_video(&mut daemon, 1..=54);
        live.recorder.assert_fed(1..=54, 1);
        live.wait_for_no_chunks(&mut daemon);
    }
}

#[test]
fn a_crop_that_leaves_the_frames_makes_no_video() {
    let sandbox = Sandbox::new(&ffmpeg());
    write(&sandbox.folder("shot"), 1..=3, shown);
    let outcome = sandbox.encode(&["--crop", "200x100+57+0"]).expect(1);
    let outcome = outcome.says("`crop` leaves the picture: 200x100 at 57,0 of 256x144 pixels");
    assert!(outcome.says("hint: make `crop` fit into the frames").text().is_empty());
    assert!(sandbox.videos().is_empty());
    sandbox.encode(&["--crop", "200x100+56+44"]).expect(0);
}

#[test]
fn a_side_that_is_odd_is_padded_where_the_codec_needs_that() {
    let sandbox = Sandbox::new(&ffmpeg());
    write(&sandbox.folder("shot"), 1..=2, shown);
    for (size, preset, expected) in [
        ("127x71", "h264", (128, 72)),
        ("127x71", "lossless", (127, 71)),
        ("127x-1", "lossless", (127, 71)),
        ("127x-2", "h264", (128, 72)),
        ("-2x71", "lossless", (126, 71)),
        // Another shape is kept amid the background.
        ("144x144", "h264", (144, 144)),
    ] {
        let video = sandbox.encode(&["--size", size, "--preset", preset]).expect(0).paths().remove(0);
        let picture = &pictures(&video, &sandbox.ffmpeg)[0];
        assert_eq!((picture.width, picture.height), expected, "{size} {preset}");
        let row = |y: usize| &picture.gray[y * picture.width as usize..][..picture.width as usize];
        let is_black = |row: &[u8]| row.iter().all(|value| *value < 20);
        assert_eq!(is_black(row(0)), size == "144x144", "{size} {preset}");
    }
}

#[test]
fn what_is_no_geometry_is_refused_with_its_key() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("crop = \"16x9+1\"\nrotate = 45\nflip = \"both\"\nsize = \"-2x-2\"\n");
    let outcome = sandbox.run([OsStr::new("run"), OsStr::new("--config"), config.as_os_str()]).expect(2);
    for text in [
        "`crop`: `16x9+1` is not a crop",
        "`rotate`: unknown rotation in degrees `45`",
        "allowed: 0, 90, 180, 270",
        "`flip`: unknown way to flip `both`",
        "`size`: `-2x-2` is not a size",
    ] {
        assert!(outcome.stderr.contains(text), "{text}: {}", outcome.stderr);
    }
    // What no frame is needed for is found by a trial.
    sandbox.encode(&["--size", "0x-2"]).expect(2).says("allowed: 1 to 65500");
}

#[test]
fn a_size_that_the_codec_cannot_do_is_found_by_check() {
    let sandbox = Sandbox::new(&ffmpeg());
    for (keys, text) in [
        ("preset = \"dnxhr\"\nsize = \"128x72\"", "preset dnxhr cannot encode 128x72: the least is 256x120"),
        ("preset = \"dnxhr\"\ncrop = \"128x72+9000+9000\"", "preset dnxhr cannot encode 128x72: the least is 256x120"),
    ] {
        let config = sandbox.config(keys);
        let outcome = sandbox.run([OsStr::new("check"), OsStr::new("--config"), config.as_os_str()]).expect(1);
        assert!(outcome.text().contains(text), "{}", outcome.text());
    }
}
