//! Colours by theory and against FFmpeg.

use std::path::PathBuf;

use super::*;
use crate::frame::digest::{Contents, Digest};
use crate::frame::{ImageInfo, Orientation, PixelAspect};

fn picture(width: u32, height: u32, pixels: Pixels) -> Picture {
    let (deep, linear) = match pixels {
        Pixels::Gray16(_) | Pixels::GrayAlpha16(_) | Pixels::Rgb16(_) | Pixels::Rgba16(_) => (true, false),
        Pixels::RgbF32(_) | Pixels::RgbaF32(_) => (true, true),
        _ => (false, false),
    };
    let alpha = matches!(pixels.channels(), 2 | 4);
    let contents = Contents { changed_ns: None, digest: Digest::of(b"") };
    let info = ImageInfo {
        width,
        height,
        deep,
        linear,
        alpha,
        orientation: Orientation::UPRIGHT,
        aspect: PixelAspect::SQUARE,
    };
    Picture { path: PathBuf::from("frame.png"), info, pixels, contents }
}

fn even(picture: &Picture) -> Canvas {
    Canvas::new(picture.info.width, picture.info.height, true)
}

/// Y, Cb and Cr of a picture of one colour, in all of its pixels.
fn yuv_of(pixels: Pixels, width: u32, height: u32) -> [u8; 3] {
    let picture = picture(width, height, pixels);
    let canvas = even(&picture);
    let mut out = Vec::new();
    convert(&picture, &canvas, Feed::Yuv420p, [0, 0, 0], &mut out).unwrap();
    let luma = (canvas.width * canvas.height) as usize;
    let planes = [&out[..luma], &out[luma..luma + luma / 4], &out[luma + luma / 4..]];
    planes.map(|plane| {
        assert!(plane.iter().all(|value| *value == plane[0]), "one colour became several: {plane:?}");
        plane[0]
    })
}

fn plain(colour: [u8; 3], width: u32, height: u32) -> [u8; 3] {
    yuv_of(Pixels::Rgb8(colour.repeat((width * height) as usize)), width, height)
}

#[test]
fn primaries_are_bt709_limited() {
    for (width, height) in [(2, 2), (1, 1), (7, 5), (64, 64), (131, 67)] {
        assert_eq!(plain([255, 0, 0], width, height), [63, 102, 240]);
        assert_eq!(plain([0, 255, 0], width, height), [173, 42, 26]);
        assert_eq!(plain([0, 0, 255], width, height), [32, 240, 118]);
        assert_eq!(plain([255; 3], width, height), [235, 128, 128]);
        assert_eq!(plain([0; 3], width, height), [16, 128, 128]);
        assert_eq!(plain([128; 3], width, height), [126, 128, 128]);
    }
}

/// 8x4 pixels by `ffmpeg -f rawvideo -pix_fmt rgb24 -s 8x4 -i in -vf scale=out_color_matrix=bt709:out_range=tv:
/// flags=accurate_rnd+full_chroma_inp+area,format=yuv420p`, FFmpeg 5.1.9 and 9.0.2 alike. The flags make FFmpeg
/// average chroma; without them it takes every other pixel's.
#[test]
fn noise_is_what_ffmpeg_makes_of_it() {
    let rgb: Vec<u8> = (0..8 * 4 * 3u32).map(|i| (i * 37 + i * i / 5).to_le_bytes()[0]).collect();
    let picture = picture(8, 4, Pixels::Rgb8(rgb));
    let mut out = Vec::new();
    convert(&picture, &even(&picture), Feed::Yuv420p, [0; 3], &mut out).unwrap();
    let ffmpeg: [u8; 48] = [
        43, 141, 68, 126, 59, 123, 63, 133, 79, 155, 61, 173, 101, 63, 154, 76, 204, 147, 78, 57, 168, 107, 96, 200,
        164, 117, 72, 77, 196, 160, 144, 114, 145, 118, 141, 149, 133, 150, 108, 131, 136, 137, 162, 132, 101, 153,
        101, 126,
    ];
    for (index, (ours, theirs)) in out.iter().zip(ffmpeg).enumerate() {
        assert!(ours.abs_diff(theirs) <= 1, "byte {index}: {ours} and {theirs}");
    }
}

#[test]
fn grey_alpha_depth_and_light_come_out_alike() {
    // 128 in every kind of pixel that can say it.
    let kinds = [
        Pixels::Gray8(vec![128; 4]),
        Pixels::GrayAlpha8([128, 255].repeat(4)),
        Pixels::Rgba8([128, 128, 128, 255].repeat(4)),
        Pixels::Gray16(vec![128 * 257; 4]),
        Pixels::GrayAlpha16([128 * 257, 0xffff].repeat(4)),
        Pixels::Rgb16(vec![128 * 257 + 100; 12]),
        Pixels::Rgba16([128 * 257, 128 * 257, 128 * 257, 0xffff].repeat(4)),
        Pixels::RgbF32(vec![0.215_86; 12]),
        Pixels::RgbaF32([0.215_86, 0.215_86, 0.215_86, 1.0].repeat(4)),
    ];
    for pixels in kinds {
        let name = format!("{pixels:?}");
        assert_eq!(yuv_of(pixels, 2, 2), [126, 128, 128], "{name}");
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn linear_light_becomes_srgb() {
    // Theory: 0.5 is 0.7354 in sRGB, 187.5 of 255, and Y 177.05.
    assert_eq!(yuv_of(Pixels::RgbF32(vec![0.5; 12]), 2, 2)[0], 177);
    assert_eq!(yuv_of(Pixels::RgbF32(vec![f32::NAN; 12]), 2, 2)[0], 16);
    assert_eq!(yuv_of(Pixels::RgbF32(vec![-1.0; 12]), 2, 2)[0], 16);
    assert_eq!(yuv_of(Pixels::RgbF32(vec![f32::INFINITY; 12]), 2, 2)[0], 235);

    let encoder = linear::Encoder::new();
    for step in 0..=200_000u32 {
        let single = step as f32 / 200_000.0;
        let light = f64::from(single);
        let theory = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
        let found = f64::from(encoder.srgb(single)) / 65_535.0;
        assert!((found - theory).abs() < 0.7 / 65_535.0, "{light}: {found}, not {theory}");
    }
}

fn converted(pixels: Pixels, width: u32, height: u32, canvas: Canvas, feed: Feed, background: [u8; 3]) -> Vec<u8> {
    let mut out = vec![9; 5];
    convert(&picture(width, height, pixels), &canvas, feed, background, &mut out).unwrap();
    out
}

#[test]
fn alpha_is_composited_or_kept() {
    let one = Canvas::new(1, 1, false);
    let half = || Pixels::Rgba8(vec![200, 0, 100, 128]);
    assert_eq!(converted(half(), 1, 1, one, Feed::Rgb24, [0, 255, 50]), [100, 127, 75]);
    assert_eq!(converted(half(), 1, 1, one, Feed::Rgba, [0, 255, 50]), [200, 0, 100, 128]);
    let hidden = Pixels::Rgba8([255, 255, 255, 0].repeat(4));
    assert_eq!(yuv_of(hidden, 2, 2), [16, 128, 128]);
    // Premultiplied in the file, straight on the way out.
    let light = || Pixels::RgbaF32(vec![0.5, 0.25, 0.0, 0.5]);
    let kept = converted(light(), 1, 1, one, Feed::Rgba, [0; 3]);
    assert_eq!(kept, [255, 188, 0, 128]);
    let over_white = converted(light(), 1, 1, one, Feed::Rgb24, [255; 3]);
    assert_eq!(over_white, [255, 225, 188]);
}

#[test]
fn sixteen_bits_are_kept_to_the_last() {
    let one = Canvas::new(1, 1, false);
    let deep = || Pixels::Rgb16(vec![0x1234, 0xffff, 0x0001]);
    assert_eq!(converted(deep(), 1, 1, one, Feed::Rgb48le, [0; 3]), [0x34, 0x12, 0xff, 0xff, 0x01, 0x00]);
    assert_eq!(converted(deep(), 1, 1, one, Feed::Rgba64le, [0; 3])[6..], [0xff, 0xff]);
    for value in 0..=u16::MAX {
        let rounded = (u32::from(value) * 255 + 32_767) / 65_535;
        assert_eq!(u32::from(<u8 as flat::Sample>::of_u16(value)), rounded);
    }
}

#[test]
fn edges_are_repeated_on_the_right_and_below() {
    let out = converted(Pixels::Gray8((1..=9).collect()), 3, 3, Canvas::new(3, 3, true), Feed::Rgb24, [0; 3]);
    let gray: Vec<u8> = out.as_chunks::<3>().0.iter().map(|[r, ..]| *r).collect();
    assert_eq!(gray, [1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 7, 8, 9, 9]);
}

#[test]
fn another_size_is_fitted_and_centred() {
    // 2x1 white into 8x8: eight wide, four high, the background above and below.
    let out = converted(Pixels::Gray8(vec![255; 2]), 2, 1, Canvas::new(8, 8, true), Feed::Rgb24, [10, 20, 30]);
    for (y, row) in out.chunks_exact(24).enumerate() {
        let wanted = if (2..6).contains(&y) { [255; 3] } else { [10, 20, 30] };
        assert!(row.chunks_exact(3).all(|pixel| pixel == wanted), "row {y}: {row:?}");
    }
    // Transparent around where alpha is kept, and nothing bleeds from the colour of what is transparent.
    let pixels = Pixels::Rgba8([[255, 0, 0, 255], [0, 255, 0, 0]].concat());
    let out = converted(pixels, 2, 1, Canvas::new(8, 8, true), Feed::Rgba, [10, 20, 30]);
    assert_eq!(out[..4], [10, 20, 30, 0]);
    for pixel in out[2 * 32..6 * 32].as_chunks::<4>().0.iter().filter(|pixel| pixel[3] > 8) {
        assert!(pixel[0] >= 240 && pixel[1] == 0, "{pixel:?}");
    }
}

#[test]
fn impossible_canvases_and_pictures_are_errors() {
    let mut out = Vec::new();
    let whole = picture(3, 3, Pixels::Gray8(vec![0; 9]));
    assert!(convert(&whole, &Canvas::new(3, 3, false), Feed::Yuv420p, [0; 3], &mut out).is_err());
    assert!(convert(&whole, &Canvas::new(0, 3, false), Feed::Rgb24, [0; 3], &mut out).is_err());
    let narrow = Canvas { width: 2, ..Canvas::new(3, 3, false) };
    assert!(convert(&whole, &narrow, Feed::Rgb24, [0; 3], &mut out).is_err());
    let short = picture(3, 3, Pixels::Gray8(vec![0; 8]));
    assert!(convert(&short, &Canvas::new(3, 3, true), Feed::Yuv420p, [0; 3], &mut out).is_err());
}

mod any_size {
    use proptest::prelude::*;

    use super::*;

    const FEEDS: [Feed; 5] = [Feed::Yuv420p, Feed::Rgb24, Feed::Rgba, Feed::Rgb48le, Feed::Rgba64le];

    fn filled(kind: usize, pixels: usize, value: u8) -> Pixels {
        let (wide, light) = (u16::from(value) * 257, f32::from(value) / 255.0);
        match kind {
            0 => Pixels::Gray8(vec![value; pixels]),
            1 => Pixels::GrayAlpha8(vec![value; pixels * 2]),
            2 => Pixels::Rgb8(vec![value; pixels * 3]),
            3 => Pixels::Rgba8(vec![value; pixels * 4]),
            4 => Pixels::Gray16(vec![wide; pixels]),
            5 => Pixels::GrayAlpha16(vec![wide; pixels * 2]),
            6 => Pixels::Rgb16(vec![wide; pixels * 3]),
            7 => Pixels::Rgba16(vec![wide; pixels * 4]),
            8 => Pixels::RgbF32(vec![light; pixels * 3]),
            _ => Pixels::RgbaF32(vec![light; pixels * 4]),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn converts(
            kind in 0usize..10, feed in 0usize..5, width in 1u32..=300, height in 1u32..=300, value: u8
        ) {
            let feed = FEEDS[feed];
            let picture = picture(width, height, filled(kind, (width * height) as usize, value));
            let canvas = even(&picture);
            let mut out = Vec::new();
            convert(&picture, &canvas, feed, [0; 3], &mut out).unwrap();
            prop_assert_eq!(out.len(), feed.frame_bytes(canvas.width, canvas.height));
        }

        /// A plain opaque colour stays one colour, padded or scaled, and to the same values as ever.
        #[test]
        fn a_plain_colour_stays_plain(
            colour: [u8; 3], width in 1u32..=60, height in 1u32..=60, grow in 1u32..=3
        ) {
            let pixels = Pixels::Rgb8(colour.repeat((width * height) as usize));
            let canvas = Canvas::new(width * grow, height * grow, true);
            let out = converted(pixels, width, height, canvas, Feed::Rgb24, [0; 3]);
            prop_assert!(out.chunks_exact(3).all(|pixel| pixel == colour));
        }

        /// Every luma value is the nearest to BT.709's formula.
        #[test]
        fn luma_is_the_nearest(colour: [u8; 3]) {
            let [r, g, b] = colour.map(f64::from);
            let theory = 16.0 + (0.2126 * r + 0.7152 * g + 0.0722 * b) * 219.0 / 255.0;
            for (width, height) in [(2, 2), (67, 3), (96, 32)] {
                let [y, ..] = plain(colour, width, height);
                prop_assert!((f64::from(y) - theory).abs() < 0.51, "{} and {}", y, theory);
            }
        }
    }
}
