//! The tests' own tools: a reader that could not see a lost frame would make every other test worthless.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::video::{assert_clean, assert_shows, middle_yuv, numbers, rate};
use crate::support::{Fake, Fault, Frames, Live, Sandbox, Twist, ffmpeg, ffmpegs, with_each_ffmpeg};

/// Encodes the frames of `dir` to H.264 by FFmpeg itself.
fn by_hand(ffmpeg: &Path, dir: &Path, output: &[&str]) -> PathBuf {
    let output = [&["-c:v", "libx264", "-pix_fmt", "yuv420p"], output].concat();
    by_hand_to(ffmpeg, dir, "by_hand.mp4", &output)
}

fn by_hand_to(ffmpeg: &Path, dir: &Path, name: &str, output: &[&str]) -> PathBuf {
    let video = dir.join(name);
    let status = Command::new(ffmpeg)
        .env("SVT_LOG", "1")
        .args(["-nostdin", "-v", "error", "-y", "-framerate", "24000/1001", "-i"])
        .arg(dir.join("frame_%04d.png"))
        .args(output)
        .arg(&video)
        .status()
        .unwrap();
    assert!(status.success());
    video
}

#[test]
fn numbers_survive_a_coarse_encode() {
    with_each_ffmpeg(|sandbox| {
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=12);
        let video = by_hand(&sandbox.ffmpeg, &shot, &["-crf", "40"]);
        assert_shows(&video, &sandbox.ffmpeg, 1..=12);
        assert_eq!(rate(&video, &sandbox.ffmpeg), (24000, 1001));
    });
}

#[test]
fn numbers_are_read_from_every_codec() {
    with_each_ffmpeg(|sandbox| {
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=4);
        for (name, arguments) in [
            ("h265.mp4", &["-c:v", "libx265", "-x265-params", "log-level=none"][..]),
            ("av1.mp4", &["-c:v", "libsvtav1", "-preset", "10", "-crf", "50"]),
            ("vp9.webm", &["-c:v", "libvpx-vp9", "-deadline", "realtime"]),
            ("prores.mov", &["-c:v", "prores_ks"]),
            ("dnxhr.mov", &["-c:v", "dnxhd", "-profile:v", "dnxhr_lb", "-pix_fmt", "yuv422p"]),
            ("ffv1.mkv", &["-c:v", "ffv1"]),
            ("mpeg4.mp4", &["-c:v", "mpeg4", "-q:v", "31"]),
            ("rgb.mkv", &["-c:v", "libx264rgb", "-qp", "0"]),
            ("palette.gif", &[]),
        ] {
            let video = by_hand_to(&sandbox.ffmpeg, &shot, name, arguments);
            assert_shows(&video, &sandbox.ffmpeg, 1..=4);
        }
    });
}

#[test]
fn a_lost_frame_is_seen() {
    with_each_ffmpeg(|sandbox| {
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=12);
        let video = by_hand(&sandbox.ffmpeg, &shot, &["-vf", "select='not(eq(n,4))'", "-fps_mode", "passthrough"]);
        assert_eq!(numbers(&video, &sandbox.ffmpeg), [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
        let uneven = std::panic::catch_unwind(|| rate(&video, &sandbox.ffmpeg));
        assert!(uneven.is_err());
    });
}

#[test]
fn damage_beside_the_number_is_seen() {
    with_each_ffmpeg(|sandbox| {
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=3);
        assert_clean(&by_hand(&sandbox.ffmpeg, &shot, &["-crf", "23"]), &sandbox.ffmpeg);
        let damaged =
            by_hand(&sandbox.ffmpeg, &shot, &["-vf", "drawbox=x=200:y=20:w=12:h=12:c=gray:t=fill:enable=eq(n\\,1)"]);
        assert_shows(&damaged, &sandbox.ffmpeg, 1..=3);
        assert!(std::panic::catch_unwind(|| assert_clean(&damaged, &sandbox.ffmpeg)).is_err());
    });
}

#[test]
fn wrong_colours_are_seen() {
    with_each_ffmpeg(|sandbox| {
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").plain([255, 0, 0]).write(&shot, 1..=3);
        // FFmpeg by itself uses BT.601 and says nothing about it.
        let [y, ..] = middle_yuv(&by_hand(&sandbox.ffmpeg, &shot, &[]), &sandbox.ffmpeg);
        assert!(y.abs_diff(81) <= 1, "Y {y}");
    });
}

#[test]
fn the_fake_fails_as_it_is_told() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let output = shot.join("out.mkv");
    for (fault, code, frames) in [
        (Fault::Exit1, 1, None),
        (Fault::Exit0NoFile, 0, None),
        (Fault::Exit0ShortFile, 0, Some(3)),
        (Fault::EndThenFail, 1, Some(10)),
        (Fault::MissingEncoder, 1, None),
        (Fault::FloodStderr, 0, Some(10)),
    ] {
        let fake = Fake::new(&sandbox, fault);
        let _ = fs::remove_file(&output);
        let mut child = Command::new(fake.program())
            .args(["-nostdin", "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "64x64", "-i", "-"])
            .args(["-c:v", "libx264", "-f", "matroska", "-y"])
            .arg(&output)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // A fake that ends early closes the pipe.
        let _ = std::io::Write::write_all(child.stdin.as_mut().unwrap(), &vec![128; 64 * 64 * 10]);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{fault:?}");
        let shown = output.exists().then(|| crate::support::video::pictures(&output, &sandbox.ffmpeg).len());
        assert_eq!(shown, frames, "{fault:?}");
        assert!(fake.encodes() > 0);
    }
}

#[test]
fn chunk_files_are_found_and_read() {
    for ffmpeg in ffmpegs() {
        let live = Live::new(&ffmpeg);
        let chunks = live.chunk_dir();
        fs::create_dir_all(&chunks).unwrap();
        live.write(1..=12);
        let fragments = ["-bf", "2", "-movflags", "+cmaf+frag_discont+skip_trailer", "-f", "mp4"];
        let chunk = by_hand(&ffmpeg, &live.shot, &fragments);
        for name in ["reeld-1.chunk.mp4", "reeld-2.chunk.123.part", "init.mp4", "mine.mp4"] {
            fs::copy(&chunk, chunks.join(name)).unwrap();
        }
        let found = live.chunks();
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0].path, found[0].shows.clone()), (&chunks.join("reeld-1.chunk.mp4"), (1..=12).collect()));
        assert!(found[0].is_there());
        fs::rename(chunks.join("mine.mp4"), chunks.join("reeld-1.chunk.mp4")).unwrap();
        assert!(!found[0].is_there());
    }
}

#[test]
fn a_recorder_keeps_what_is_fed() {
    let live = Live::new(&ffmpeg());
    live.write(1..=9);
    live.frames.clone().version(2).write(&live.shot, [4]);
    live.sandbox.encode(&[]).expect(0);
    assert_eq!(live.recorder.fed(), [[1, 2, 3, 20_004, 5, 6, 7, 8, 9]]);
    live.recorder.assert_fed([1, 20_004], 1);
    live.recorder.assert_fed([4], 0);
}

#[test]
fn a_recorder_fails_once() {
    for (twist, fed) in [(Twist::DieOnce(1), 5), (Twist::ShortOnce(1), 3)] {
        let live = Live::twisted(&ffmpeg(), twist);
        live.write(1..=9);
        live.sandbox.encode(&[]).expect(1);
        assert!(live.sandbox.videos().is_empty());
        live.sandbox.encode(&[]).expect(0);
        assert_eq!(live.recorder.fed(), [(1..=fed).collect(), (1..=9).collect::<Vec<_>>()], "{twist:?}");
        assert_shows(&live.video(), &live.sandbox.ffmpeg, 1..=9);
    }
}

#[test]
fn a_recorder_is_another_ffmpeg() {
    let live = Live::twisted(&ffmpeg(), Twist::OtherVersion);
    let outcome = live.sandbox.run(["check"]);
    assert!(outcome.text().contains("other"), "{}", outcome.text());
}
