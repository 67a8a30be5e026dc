//! A file -> pixels, every byte checked.
//!
//! Reads the whole file once, makes sure that it was the expected one before and after, and decodes it. There is never
//! half a picture: what is cut short or fails a checksum is an error. Orientation tags (EXIF) are not applied, as
//! FFmpeg does not apply them to image sequences either; embedded colour profiles are not either: frames are sRGB.

use std::any::Any;
use std::io::{Cursor, Read as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use image::{DynamicImage, ImageFormat, ImageReader, Limits};

use crate::frame::complete::{self, Format};
use crate::frame::digest::Contents;
use crate::frame::{FrameError, FrameErrorKind, ImageInfo, MAX_PIXEL_BYTES};
use crate::sequence::Identity;

mod jpeg;
mod png;

/// A decoded frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The file it came from, for messages.
    pub path: PathBuf,
    /// What its header said.
    pub info: ImageInfo,
    /// Its pixels, row by row from the top, without padding.
    pub pixels: Pixels,
    /// What was read of the file.
    pub contents: Contents,
}

/// Pixels as the file has them: never more channels or bits than needed. Integers are sRGB, floats are linear light
/// with alpha premultiplied.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are the channels and their bits")]
pub enum Pixels {
    Gray8(Vec<u8>),
    GrayAlpha8(Vec<u8>),
    Rgb8(Vec<u8>),
    Rgba8(Vec<u8>),
    Gray16(Vec<u16>),
    GrayAlpha16(Vec<u16>),
    Rgb16(Vec<u16>),
    Rgba16(Vec<u16>),
    RgbF32(Vec<f32>),
    RgbaF32(Vec<f32>),
}

impl Pixels {
    /// How many values a pixel has.
    #[must_use]
    pub fn channels(&self) -> usize {
        match self {
            Self::Gray8(_) | Self::Gray16(_) => 1,
            Self::GrayAlpha8(_) | Self::GrayAlpha16(_) => 2,
            Self::Rgb8(_) | Self::Rgb16(_) | Self::RgbF32(_) => 3,
            Self::Rgba8(_) | Self::Rgba16(_) | Self::RgbaF32(_) => 4,
        }
    }

    /// How many values there are in all.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Gray8(v) | Self::GrayAlpha8(v) | Self::Rgb8(v) | Self::Rgba8(v) => v.len(),
            Self::Gray16(v) | Self::GrayAlpha16(v) | Self::Rgb16(v) | Self::Rgba16(v) => v.len(),
            Self::RgbF32(v) | Self::RgbaF32(v) => v.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Decodes frames one after the other, in memory that is used again: fresh memory for every frame would cost more than
/// reading its file.
#[derive(Debug, Default)]
pub struct Decoder {
    file: Vec<u8>,
    /// For pixels, with whatever contents.
    spare: Vec<u8>,
}

impl Decoder {
    /// Decodes the frame at `path`, which must be `expected` from before the first byte is read until after the last.
    pub fn decode(&mut self, path: &Path, expected: &Identity) -> Result<Picture, FrameError> {
        read(path, expected, &mut self.file)
            .and_then(|contents| decode_bytes(&mut self.file, path, contents, &mut self.spare))
            .map_err(|kind| kind.at(path))
    }

    /// Takes back the memory of a picture that is no longer needed.
    pub fn recycle(&mut self, picture: Picture) {
        if let Pixels::Gray8(v) | Pixels::GrayAlpha8(v) | Pixels::Rgb8(v) | Pixels::Rgba8(v) = picture.pixels {
            self.spare = v;
        }
    }
}

/// Reads the whole file into `bytes`.
fn read(path: &Path, expected: &Identity, bytes: &mut Vec<u8>) -> Result<Contents, FrameErrorKind> {
    let (mut file, before) = complete::open(path)?;
    let (opened, meta) = (SystemTime::now(), file.metadata()?);
    if before != *expected {
        return Err(FrameErrorKind::Changed);
    }
    bytes.clear();
    let size = usize::try_from(before.size).unwrap_or(0) + 1;
    if bytes.capacity() < size {
        // The old memory goes first, and the frames to come may be a little larger: growing with each of them would
        // leave holes that nothing fits into.
        *bytes = Vec::new();
        bytes.reserve_exact(size + size / 4);
    }
    (&mut file).take(before.size + 1).read_to_end(bytes)?;
    if bytes.len() as u64 != before.size || complete::identity_of(&file.metadata()?) != before {
        return Err(FrameErrorKind::Changed);
    }
    // Decoders may use the memory of the file, so this is the last moment.
    Ok(Contents::of(bytes, &meta, opened))
}

/// Decodes the contents of a frame's file, and may use its memory; `path` is for its extension and for messages.
fn decode_bytes(
    bytes: &mut [u8],
    path: &Path,
    contents: Contents,
    spare: &mut Vec<u8>,
) -> Result<Picture, FrameErrorKind> {
    let (format, info) = complete::examine(&&*bytes, path)?;
    // The decoders are other people's code on other people's bytes: if one of them panics, that is one bad frame.
    let pixels = panic::catch_unwind(AssertUnwindSafe(|| match format {
        Format::Png => png::decode(bytes, spare),
        Format::Jpeg => jpeg::decode(bytes),
        Format::WebP => by_image(bytes, ImageFormat::WebP),
        Format::Tiff => by_image(bytes, ImageFormat::Tiff),
        Format::Exr => by_image(bytes, ImageFormat::OpenExr),
        Format::Plain(format) => by_image(bytes, format),
    }))
    .unwrap_or_else(|panic| Err(FrameErrorKind::Decode(format!("the decoder gave up: {}", message_of(&*panic)))))?;

    let wanted = u64::from(info.width) * u64::from(info.height) * pixels.channels() as u64;
    if pixels.len() as u64 != wanted {
        return Err(FrameErrorKind::Decode("its pixels do not match its header".into()));
    }
    Ok(Picture { path: path.to_owned(), info, pixels, contents })
}

fn by_image(bytes: &[u8], format: ImageFormat) -> Result<Pixels, FrameErrorKind> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_PIXEL_BYTES * 2);
    reader.limits(limits);
    Ok(match reader.decode()? {
        DynamicImage::ImageLuma8(image) => Pixels::Gray8(image.into_raw()),
        DynamicImage::ImageLumaA8(image) => Pixels::GrayAlpha8(image.into_raw()),
        DynamicImage::ImageRgb8(image) => Pixels::Rgb8(image.into_raw()),
        DynamicImage::ImageRgba8(image) => Pixels::Rgba8(image.into_raw()),
        DynamicImage::ImageLuma16(image) => Pixels::Gray16(image.into_raw()),
        DynamicImage::ImageLumaA16(image) => Pixels::GrayAlpha16(image.into_raw()),
        DynamicImage::ImageRgb16(image) => Pixels::Rgb16(image.into_raw()),
        DynamicImage::ImageRgba16(image) => Pixels::Rgba16(image.into_raw()),
        DynamicImage::ImageRgb32F(image) => Pixels::RgbF32(image.into_raw()),
        DynamicImage::ImageRgba32F(image) => Pixels::RgbaF32(image.into_raw()),
        other => return Err(FrameErrorKind::Unsupported(format!("pixels of type {:?}", other.color()))),
    })
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}

#[cfg(test)]
mod tests;
