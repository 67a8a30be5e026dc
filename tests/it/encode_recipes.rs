//! `reeld encode`: presets, qualities and colours.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use image::AnimationDecoder as _;
use image::codecs::webp::WebPDecoder;

use crate::support::video::{assert_shows, describe, middle_yuv, number};
use crate::support::{Frames, Sandbox, with_each_ffmpeg};

/// Encodes `shot` and returns the one video.
fn encode(sandbox: &Sandbox, shot: &Path, arguments: &[&str]) -> PathBuf {
    let outcome = sandbox
        .run([OsStr::new("encode"), shot.as_os_str()].into_iter().chain(arguments.iter().map(OsStr::new)))
        .expect(0);
    let mut videos = outcome.paths();
    assert_eq!(videos.len(), 1, "{}", outcome.stderr);
    videos.swap_remove(0)
}

#[test]
fn every_preset_shows_every_frame() {
    with_each_ffmpeg(|sandbox| {
        let presets = [
            ("h264", "mp4", "h264"),
            ("h264-10bit", "mp4", "h264"),
            ("h265", "mp4", "hevc"),
            ("h265-10bit", "mp4", "hevc"),
            ("av1", "mp4", "av1"),
            ("vp9", "webm", "vp9"),
            ("prores", "mov", "prores"),
            ("prores-4444", "mov", "prores"),
            ("dnxhr", "mov", "dnxhd"),
            ("ffv1", "mkv", "ffv1"),
            ("mpeg4", "mp4", "mpeg4"),
            ("gif", "gif", "gif"),
            ("lossless", "mkv", "h264"),
        ];
        for (preset, extension, codec) in presets {
            let shot = sandbox.folder(preset);
            Frames::new("frame_####.png").write(&shot, 1..=6);
            let video = encode(sandbox, &shot, &["--preset", preset]);
            assert_shows(&video, &sandbox.ffmpeg, 1..=6);
            assert_eq!(video, shot.join("frame").with_extension(extension), "{preset}");
            let description = describe(&video, &sandbox.ffmpeg);
            assert!(description.contains(&format!("Video: {codec}")), "{preset}: {description}");
        }
    });
}

#[test]
fn an_animated_webp_shows_every_frame() {
    with_each_ffmpeg(|sandbox| {
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=6);
        let video = encode(sandbox, &shot, &["--preset", "webp"]);
        assert_eq!(video, shot.join("frame.webp"));
        // FFmpeg 5.1 has no decoder for animated WebP.
        let animation = WebPDecoder::new(std::io::Cursor::new(fs::read(&video).unwrap())).unwrap();
        let shown: Vec<_> = animation
            .into_frames()
            .map(|frame| {
                let gray = image::DynamicImage::ImageRgba8(frame.unwrap().into_buffer()).into_luma8();
                number(gray.as_raw(), gray.width(), gray.height())
            })
            .collect();
        assert_eq!(shown, (1..=6).map(Some).collect::<Vec<_>>());
    });
}

#[test]
fn the_default_plays_everywhere() {
    with_each_ffmpeg(|sandbox| {
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=6);
        let video = encode(sandbox, &shot, &[]);
        let description = describe(&video, &sandbox.ffmpeg);
        for part in ["h264 (High) (avc1", "yuv420p(tv, bt709"] {
            assert!(description.contains(part), "{description}");
        }
        // What a browser needs to begin before the end is there: the index in front of the pictures.
        let bytes = fs::read(&video).unwrap();
        let position = |name: &[u8]| bytes.windows(4).position(|window| window == name).unwrap();
        assert!(position(b"moov") < position(b"mdat"));
    });
}

#[test]
fn blenders_quality_names_are_understood() {
    with_each_ffmpeg(|sandbox| {
        let mut sizes = Vec::new();
        for quality in ["LOSSLESS", "PERC_LOSSLESS", "HIGH", "MEDIUM", "LOW", "VERYLOW", "LOWEST"] {
            let shot = sandbox.folder(quality);
            Frames::new("frame_####.png").write(&shot, 1..=6);
            let video = encode(sandbox, &shot, &["--quality", quality, "--speed", "veryfast"]);
            assert_shows(&video, &sandbox.ffmpeg, 1..=6);
            sizes.push(fs::metadata(&video).unwrap().len());
        }
        assert!(sizes.is_sorted_by(|better, worse| better >= worse), "{sizes:?}");
    });
}

#[test]
fn a_number_is_a_quality_too() {
    with_each_ffmpeg(|sandbox| {
        let sizes = ["12", "40"].map(|quality| {
            let shot = sandbox.folder(quality);
            Frames::new("frame_####.png").write(&shot, 1..=6);
            fs::metadata(encode(sandbox, &shot, &["--quality", quality])).unwrap().len()
        });
        assert!(sizes[0] > sizes[1], "{sizes:?}");
    });
}

/// BT.709, limited range: pure red is Y 62.6, Cb 102.3, Cr 240. BT.601 would be Y 81.
#[test]
fn red_stays_red() {
    with_each_ffmpeg(|sandbox| {
        for preset in ["h264", "h265", "vp9", "mpeg4"] {
            let shot = sandbox.folder(preset);
            Frames::new("frame_####.png").plain([255, 0, 0]).write(&shot, 1..=3);
            let video = encode(sandbox, &shot, &["--preset", preset]);
            let [y, cb, cr] = middle_yuv(&video, &sandbox.ffmpeg);
            let close = y.abs_diff(63) <= 1 && cb.abs_diff(102) <= 1 && cr.abs_diff(240) <= 1;
            assert!(close, "{preset}: Y {y} Cb {cb} Cr {cr}");
        }
    });
}
