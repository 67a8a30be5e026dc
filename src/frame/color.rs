//! Pixels -> what the encoder eats: BT.709, limited range, bit depth, alpha, linear light, fitted to the canvas.
//!
//! Owns every choice about colour before FFmpeg. 4:2:0 is converted here, so that the matrix and the range are certain;
//! what is fed as RGB is converted by FFmpeg's scaler, whose flags the recipe spells out.

pub use reeld_pixels::Feed;
use reeld_pixels::yuv420;
use serde::{Deserialize, Serialize};

use crate::frame::decode::{Picture, Pixels};
use crate::frame::geometry::Geometry;
use crate::frame::{Exposure, FrameError, FrameErrorKind, MAX_SIDE};

mod fit;
mod flat;
mod linear;

/// The size of the video, and of the pictures in its top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Canvas {
    /// Of the video, in pixels. What is wider than the picture repeats the picture's right edge.
    pub width: u32,
    /// Of the video, in pixels. What is higher than the picture repeats the picture's bottom edge.
    pub height: u32,
    /// Of the pictures, in pixels.
    pub picture_width: u32,
    /// Of the pictures, in pixels.
    pub picture_height: u32,
}

impl Canvas {
    /// A video for pictures of this size: as large, or padded to even sides where the pixel format needs them.
    #[must_use]
    pub fn new(picture_width: u32, picture_height: u32, even: bool) -> Self {
        let pad = |side: u32| if even { side.next_multiple_of(2) } else { side };
        Self { width: pad(picture_width), height: pad(picture_height), picture_width, picture_height }
    }

    fn is_sound(&self) -> bool {
        let fits = |picture: u32, video: u32| picture >= 1 && picture <= video && video <= MAX_SIDE;
        fits(self.picture_width, self.width) && fits(self.picture_height, self.height)
    }
}

/// What a frame is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What of it is shown, and which way up. Its size is that of the canvas.
    pub geometry: Geometry,
    /// What it is fitted onto; as large as itself where `None`.
    pub canvas: Option<Canvas>,
    /// Its layout.
    pub feed: Feed,
    /// How much brighter linear light is shown.
    pub exposure: Exposure,
    /// What shows through where the layout has no alpha, and around a picture of another size.
    pub background: [u8; 3],
}

impl Target {
    /// [`convert`] with what this says. The picture has the exposure then.
    pub(in crate::frame) fn convert(&self, picture: &mut Picture, out: &mut Vec<u8>) -> Result<(), FrameError> {
        if self.exposure != Exposure::NONE {
            expose(&mut picture.pixels, self.exposure.factor());
        }
        let picture = self.geometry.shape(picture).map_err(|kind| kind.at(&picture.path))?;
        let canvas = self.canvas.unwrap_or_else(|| Canvas::new(picture.info.width, picture.info.height, false));
        convert(&picture, &canvas, self.feed, self.background, out)
    }
}

/// Converts `picture` to one raw video frame, which replaces the contents of `out`.
///
/// Where `feed` has no alpha, the picture is composited over `background` (sRGB). A picture of another size than the
/// canvas's is scaled with its shape kept, centred, and surrounded by `background` (transparent where alpha is kept). Values
/// are scaled as they are in sRGB, as by FFmpeg's scaler and by nearly every program, not as the light that they stand for.
pub fn convert(
    picture: &Picture,
    canvas: &Canvas,
    feed: Feed,
    background: [u8; 3],
    out: &mut Vec<u8>,
) -> Result<(), FrameError> {
    check(picture, canvas, feed).map_err(|kind| kind.at(&picture.path))?;
    out.resize(feed.frame_bytes(canvas.width, canvas.height), 0);
    let size = (picture.info.width, picture.info.height);
    match feed {
        Feed::Yuv420p => to_yuv420(picture, canvas, background, out),
        Feed::Rgb24 => {
            let rgb = flat::rgb::<u8>(&picture.pixels, background);
            out.copy_from_slice(&fit::onto::<u8, 3>(rgb, size, canvas, background));
        }
        Feed::Rgba => {
            let rgba = flat::rgba::<u8>(&picture.pixels);
            out.copy_from_slice(&fit::onto::<u8, 4>(rgba, size, canvas, background));
        }
        Feed::Rgb48le => {
            let rgb = flat::rgb::<u16>(&picture.pixels, background);
            little_endian(&fit::onto::<u16, 3>(rgb, size, canvas, background), out);
        }
        Feed::Rgba64le => {
            let rgba = flat::rgba::<u16>(&picture.pixels);
            little_endian(&fit::onto::<u16, 4>(rgba, size, canvas, background), out);
        }
    }
    Ok(())
}

/// Everything that the conversion relies on.
fn check(picture: &Picture, canvas: &Canvas, feed: Feed) -> Result<(), FrameErrorKind> {
    picture.info.checked()?;
    let pixels = u64::from(picture.info.width) * u64::from(picture.info.height);
    if picture.pixels.len() as u64 != pixels * picture.pixels.channels() as u64 {
        return Err(FrameErrorKind::Decode("its pixels do not match its size".into()));
    }
    let even = canvas.width.is_multiple_of(2) && canvas.height.is_multiple_of(2);
    if !canvas.is_sound() || (feed == Feed::Yuv420p && !even) {
        return Err(FrameErrorKind::Unsupported(format!("{canvas:?} for {}", feed.ffmpeg_name())));
    }
    Ok(())
}

fn to_yuv420(picture: &Picture, canvas: &Canvas, background: [u8; 3], out: &mut [u8]) {
    let size = (picture.info.width, picture.info.height);
    let width = canvas.width as usize;
    match &picture.pixels {
        Pixels::Rgba8(rgba) if size == (canvas.width, canvas.height) && is_opaque(rgba) => {
            yuv420::of_rgba(rgba.as_chunks::<4>().0, width, out);
        }
        pixels => {
            let rgb = flat::rgb::<u8>(pixels, background);
            let rgb = fit::onto::<u8, 3>(rgb, size, canvas, background);
            yuv420::of_rgb(rgb.as_chunks::<3>().0, width, out);
        }
    }
}

/// Renderers save an alpha channel even where everything is opaque.
fn is_opaque(rgba: &[u8]) -> bool {
    rgba.as_chunks::<4>().0.chunks(1024).all(|part| part.iter().fold(255, |all, pixel| all & pixel[3]) == 255)
}

/// Multiplies linear light. Alpha is no light, and integers are none either.
fn expose(pixels: &mut Pixels, factor: f32) {
    match pixels {
        Pixels::RgbF32(values) => values.iter_mut().for_each(|value| *value *= factor),
        Pixels::RgbaF32(values) => {
            for [red, green, blue, _] in values.as_chunks_mut().0 {
                for value in [red, green, blue] {
                    *value *= factor;
                }
            }
        }
        _ => {}
    }
}

fn little_endian(values: &[u16], out: &mut [u8]) {
    for (to, from) in out.as_chunks_mut::<2>().0.iter_mut().zip(values) {
        *to = from.to_le_bytes();
    }
}

#[cfg(test)]
mod tests;
