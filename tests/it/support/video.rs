//! Reads videos back with the real FFmpeg.

use std::path::Path;
use std::process::{Command, Stdio};

use reeld::cli::make_frames::placeholder;
use reeld::frame::color::Feed;

/// The frame numbers in the pixels of `video`, in the order in which they are shown. A picture without a readable number
/// is a panic.
pub(crate) fn numbers(video: &Path, ffmpeg: &Path) -> Vec<u32> {
    pictures(video, ffmpeg)
        .iter()
        .enumerate()
        .map(|(index, picture)| {
            number(&picture.gray, picture.width, picture.height)
                .unwrap_or_else(|| panic!("picture {index} of {} carries no number", video.display()))
        })
        .collect()
}

/// The frame number in a picture of one byte a pixel, if it can be read.
pub(crate) fn number(gray: &[u8], width: u32, height: u32) -> Option<u32> {
    // The luma plane comes first in 4:2:0, and is all that is read of it.
    placeholder::read_number(gray, Feed::Yuv420p, width, height)
}

/// Panics unless `video` shows exactly the frames `expected`.
#[track_caller]
pub(crate) fn assert_shows(video: &Path, ffmpeg: &Path, expected: impl IntoIterator<Item = u32>) {
    assert_eq!(numbers(video, ffmpeg), expected.into_iter().collect::<Vec<_>>(), "{}", video.display());
}

/// Panics unless each picture of `video` is the placeholder frame of its number all over, within what a lossy encode
/// changes: in a damaged one the number may be the only thing that can still be read.
#[track_caller]
pub(crate) fn assert_clean(video: &Path, ffmpeg: &Path) {
    assert_near(video, ffmpeg, 12);
}

/// The same for pictures that were scaled as well: no square of 16 pixels is off by `most` in the mean.
#[track_caller]
pub(crate) fn assert_near(video: &Path, ffmpeg: &Path, most: u32) {
    for (index, picture) in pictures(video, ffmpeg).iter().enumerate() {
        let Picture { width, height, gray } = picture;
        let number = number(gray, *width, *height).unwrap_or_else(|| panic!("picture {index} carries no number"));
        let drawn = placeholder::draw(*width, *height, number, 4);
        // ITU-R BT.709, in thousandths.
        let luma = drawn
            .as_chunks()
            .0
            .iter()
            .map(|[r, g, b]| (213 * u32::from(*r) + 715 * u32::from(*g) + 72 * u32::from(*b)) / 1000);
        let mut off = vec![0; (width.div_ceil(16) * height.div_ceil(16)) as usize];
        for ((place, wanted), shown) in (0..).zip(luma).zip(gray) {
            let (x, y) = (place % width, place / width);
            off[(y / 16 * width.div_ceil(16) + x / 16) as usize] += wanted.abs_diff(u32::from(*shown));
        }
        let worst = off.iter().max().unwrap() / (16 * 16);
        assert!(worst < most, "picture {index} of {}, frame {number}, is off by {worst}", video.display());
    }
}

/// The packets of `video` as they are, with their times.
pub(crate) fn packets(video: &Path, ffmpeg: &Path) -> String {
    String::from_utf8(run(ffmpeg, video, &["-map", "0:v:0", "-c", "copy", "-f", "framemd5"])).unwrap()
}

/// One decoded picture.
pub(crate) struct Picture {
    pub width: u32,
    pub height: u32,
    /// Luma, one byte a pixel, row by row.
    pub gray: Vec<u8>,
}

/// Every picture of `video`, none repeated or dropped for timing's sake.
pub(crate) fn pictures(video: &Path, ffmpeg: &Path) -> Vec<Picture> {
    let arguments =
        ["-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-c:v", "pgm", "-f", "image2pipe"];
    // Each PGM picture (netpbm) is `P5`, width, height, 255 and the pixels, so that the stream says its own size.
    let stream = run(ffmpeg, video, &arguments);
    let mut pictures = Vec::new();
    let mut rest = stream.as_slice();
    while !rest.is_empty() {
        let mut fields = Vec::new();
        while fields.len() < 4 {
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap();
            fields.push(std::str::from_utf8(&rest[..end]).unwrap());
            rest = &rest[end + 1..];
        }
        assert_eq!((fields[0], fields[3]), ("P5", "255"));
        let (width, height): (u32, u32) = (fields[1].parse().unwrap(), fields[2].parse().unwrap());
        let (gray, behind) = rest.split_at((width * height) as usize);
        pictures.push(Picture { width, height, gray: gray.to_vec() });
        rest = behind;
    }
    pictures
}

/// The pixel in the middle of the first picture as the file has it: Y, Cb, Cr at 8 bits, its range and matrix untouched.
pub(crate) fn middle_yuv(video: &Path, ffmpeg: &Path) -> [u8; 3] {
    let filter = "scale=in_range=tv:out_range=tv,format=yuv444p,crop=1:1:iw/2:ih/2";
    let raw = run(ffmpeg, video, &["-map", "0:v:0", "-frames:v", "1", "-vf", filter, "-f", "rawvideo"]);
    raw.try_into().unwrap()
}

/// FFmpeg's line about the video stream: `Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, ...), 256x144, ...`.
pub(crate) fn describe(video: &Path, ffmpeg: &Path) -> String {
    let output = Command::new(ffmpeg).args(["-hide_banner", "-nostdin", "-i"]).arg(video).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines()
        .find(|line| line.contains("Video: "))
        .unwrap_or_else(|| panic!("no video stream in: {text}"))
        .to_owned()
}

/// Frames and seconds of the one time step between all pictures, as a fraction in lowest terms: 24 pictures a second are
/// `(24, 1)`. Panics unless the first picture is at 0 and every step is the same.
pub(crate) fn rate(video: &Path, ffmpeg: &Path) -> (u64, u64) {
    let listing = run(ffmpeg, video, &["-map", "0:v:0", "-c", "copy", "-f", "framecrc"]);
    let listing = String::from_utf8(listing).unwrap();
    let base = listing.lines().find_map(|line| line.strip_prefix("#tb 0: ")).unwrap();
    let (seconds, ticks) = base.split_once('/').unwrap();
    let (seconds, ticks): (u64, u64) = (seconds.parse().unwrap(), ticks.parse().unwrap());
    let packets = listing.lines().filter(|line| !line.starts_with('#'));
    let mut times: Vec<u64> = packets.map(|line| line.split(',').nth(2).unwrap().trim().parse().unwrap()).collect();
    times.sort_unstable();
    let step = times[1];
    for (index, time) in times.iter().enumerate() {
        assert_eq!(*time, step * index as u64, "uneven times in {}: {times:?}", video.display());
    }
    let (num, den) = (ticks, seconds * step);
    let divisor = greatest_common_divisor(num, den);
    (num / divisor, den / divisor)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Standard output of FFmpeg on `video`. Any complaint of FFmpeg is a panic: the video is damaged.
pub(crate) fn run(ffmpeg: &Path, video: &Path, arguments: &[&str]) -> Vec<u8> {
    // By absolute path behind `file:`, so that no name is taken for an option or a protocol.
    let mut input = std::ffi::OsString::from("file:");
    input.push(std::path::absolute(video).unwrap());
    let output = Command::new(ffmpeg)
        .args(["-nostdin", "-v", "error", "-xerror", "-err_detect", "explode", "-i"])
        .arg(input)
        .args(arguments)
        .arg("-")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "FFmpeg on {}: {complaints}", video.display());
    output.stdout
}
