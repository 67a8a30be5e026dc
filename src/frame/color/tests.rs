//! Colours by theory and against FFmpeg.

use std::path::PathBuf;

use super::*;
use crate::frame::ImageInfo;

fn picture(width: u32, height: u32, pixels: Pixels) -> Picture {
    let (deep, linear) = match pixels {
        Pixels::Gray16(_) | Pixels::GrayAlpha16(_) | Pixels::Rgb16(_) | Pixels::Rgba16(_) => (true, false),
        Pixels::RgbF32(_) | Pixels::RgbaF32(_) => (true, true),
        _ => (false, false),
    };
    let alpha = matches!(pixels.channels(), 2 | 4);
    Picture { path: PathBuf::from("frame.png"), info: ImageInfo { width, height, deep, linear, alpha }, pixels }
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
