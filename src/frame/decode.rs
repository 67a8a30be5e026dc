//! A file -> pixels, every byte checked.
//!
//! Foreign formats are decoded and converted in a process of their own ([`crate::frame::child`]), the others here.
//!
//! Reads the whole file once, makes sure that it was the expected one before and after, and decodes it. There is never
//! half a picture: what is cut short or fails a checksum is an error. A picture is turned as its
//! file says. Colours that are not sRGB are converted (`frame::profile`).

use std::any::Any;
use std::fs::File;
use std::io::{Cursor, Read as _, Seek as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use image::{DynamicImage, ImageBuffer, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use crate::files::identity_of;
use crate::frame::child::{self, Lease};
use crate::frame::color::Target;
use crate::frame::complete::{self, FileBytes, Format, HEADER};
use crate::frame::digest::Contents;
use crate::frame::note::{self, Note};
use crate::frame::profile::{Coding, ToSrgb};
use crate::frame::{FrameError, FrameErrorKind, ImageInfo, Layer, Orientation, limits};
use crate::model::Identity;

mod dpx;
mod exr;
mod jpeg;
mod png;
mod tiff;

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
    /// The pixels of a picture, row by row.
    fn of(image: DynamicImage) -> Result<Self, FrameErrorKind> {
        Ok(match image {
            DynamicImage::ImageLuma8(image) => Self::Gray8(image.into_raw()),
            DynamicImage::ImageLumaA8(image) => Self::GrayAlpha8(image.into_raw()),
            DynamicImage::ImageRgb8(image) => Self::Rgb8(image.into_raw()),
            DynamicImage::ImageRgba8(image) => Self::Rgba8(image.into_raw()),
            DynamicImage::ImageLuma16(image) => Self::Gray16(image.into_raw()),
            DynamicImage::ImageLumaA16(image) => Self::GrayAlpha16(image.into_raw()),
            DynamicImage::ImageRgb16(image) => Self::Rgb16(image.into_raw()),
            DynamicImage::ImageRgba16(image) => Self::Rgba16(image.into_raw()),
            DynamicImage::ImageRgb32F(image) => Self::RgbF32(image.into_raw()),
            DynamicImage::ImageRgba32F(image) => Self::RgbaF32(image.into_raw()),
            other => return Err(FrameErrorKind::Unsupported(format!("pixels of type {:?}", other.color()))),
        })
    }

    /// The picture of these pixels; `None` where they are too few for its sides.
    fn into_image(self, width: u32, height: u32) -> Option<DynamicImage> {
        Some(match self {
            Self::Gray8(v) => DynamicImage::ImageLuma8(ImageBuffer::from_raw(width, height, v)?),
            Self::GrayAlpha8(v) => DynamicImage::ImageLumaA8(ImageBuffer::from_raw(width, height, v)?),
            Self::Rgb8(v) => DynamicImage::ImageRgb8(ImageBuffer::from_raw(width, height, v)?),
            Self::Rgba8(v) => DynamicImage::ImageRgba8(ImageBuffer::from_raw(width, height, v)?),
            Self::Gray16(v) => DynamicImage::ImageLuma16(ImageBuffer::from_raw(width, height, v)?),
            Self::GrayAlpha16(v) => DynamicImage::ImageLumaA16(ImageBuffer::from_raw(width, height, v)?),
            Self::Rgb16(v) => DynamicImage::ImageRgb16(ImageBuffer::from_raw(width, height, v)?),
            Self::Rgba16(v) => DynamicImage::ImageRgba16(ImageBuffer::from_raw(width, height, v)?),
            Self::RgbF32(v) => DynamicImage::ImageRgb32F(ImageBuffer::from_raw(width, height, v)?),
            Self::RgbaF32(v) => DynamicImage::ImageRgba32F(ImageBuffer::from_raw(width, height, v)?),
        })
    }

    /// These stored pixels as they are shown.
    pub(in crate::frame) fn turned(self, info: ImageInfo) -> Result<Self, FrameErrorKind> {
        if info.orientation == Orientation::UPRIGHT {
            return Ok(self);
        }
        let (width, height) = info.orientation.turn_sides(info.width, info.height);
        let unmatched = || FrameErrorKind::Decode("its pixels do not match its header".into());
        let mut image = self.into_image(width, height).ok_or_else(unmatched)?;
        info.orientation.apply(&mut image);
        Self::of(image)
    }

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
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Gray8(v) | Self::GrayAlpha8(v) | Self::Rgb8(v) | Self::Rgba8(v) => v.len(),
            Self::Gray16(v) | Self::GrayAlpha16(v) | Self::Rgb16(v) | Self::Rgba16(v) => v.len(),
            Self::RgbF32(v) | Self::RgbaF32(v) => v.len(),
        }
    }
}

/// A frame that is decoded, and waits for room to be raw video in.
#[derive(Debug)]
pub struct Decoded(Where);

#[derive(Debug)]
enum Where {
    Here(Picture),
    Child(Lease, PathBuf),
}

impl Decoded {
    /// What its header said.
    #[must_use]
    pub fn info(&self) -> ImageInfo {
        match &self.0 {
            Where::Here(picture) => picture.info,
            Where::Child(lease, _) => lease.info(),
        }
    }

    /// What was read of its file.
    #[must_use]
    pub fn contents(&self) -> Contents {
        match &self.0 {
            Where::Here(picture) => picture.contents,
            Where::Child(lease, _) => lease.contents(),
        }
    }
}

/// Decodes frames one after the other, in memory that is used again: fresh memory for every frame would cost more than
/// reading its file.
#[derive(Debug, Default)]
pub struct Decoder {
    file: Vec<u8>,
    /// For pixels, with whatever contents.
    spare: Vec<u8>,
    reading: Reading,
}

/// How frames are read, and what there is to say of them.
#[derive(Debug, Default)]
pub(in crate::frame) struct Reading {
    /// Which layer of an EXR is the picture, if somebody says so.
    pub(in crate::frame) layer: Option<Layer>,
    /// The frames of a sequence share their profile.
    to_srgb: ToSrgb,
    /// Of the frame that was read last.
    pub(in crate::frame) notes: Vec<Note>,
}

impl Decoder {
    /// One that takes this layer of an EXR for the picture, or the one that looks like it.
    #[must_use]
    pub fn of_layer(layer: Option<Layer>) -> Self {
        Self { reading: Reading { layer, ..Reading::default() }, ..Self::default() }
    }

    /// Decodes the frame at `path`, which must be `expected` from before the first byte is read until after the last.
    pub fn decode(&mut self, path: &Path, expected: &Identity) -> Result<Picture, FrameError> {
        let mut decode = || {
            let file = open(path, expected)?;
            self.decode_open(file, expected, path.to_owned())
        };
        decode().map_err(|kind| kind.at(path))
    }

    /// The same, in a process of its own where its format is foreign, and on the way to `target`; [`Self::fill`] is the rest
    /// of it. What is no longer `wanted` is an error, which nobody needs either.
    pub fn decode_for(
        &mut self,
        path: &Path,
        expected: &Identity,
        target: &Target,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Decoded, FrameError> {
        let mut decode = || {
            let file = open(path, expected)?;
            let is_foreign = Format::of(&FileBytes::new(&file, expected.size, HEADER)?, path)?.is_foreign();
            if !is_foreign || !child::is_enabled() {
                let picture = self.decode_open(file, expected, path.to_owned())?;
                note::say(path, self.take_notes());
                return Ok(Where::Here(picture));
            }
            let decoded = child::decode(&file, path, self.reading.layer.as_ref(), target, wanted);
            // Also where it is damaged: what is being written looks like that.
            unchanged(&file, expected)?;
            Ok(Where::Child(decoded?, path.to_owned()))
        };
        decode().map(Decoded).map_err(|kind: FrameErrorKind| kind.at(path))
    }

    /// Raw video of a decoded frame, which replaces the contents of `out`. `target` must be the one it was decoded for.
    pub fn fill(&mut self, decoded: Decoded, target: &Target, out: &mut Vec<u8>) -> Result<(), FrameError> {
        match decoded.0 {
            Where::Here(mut picture) => {
                let filled = target.convert(&mut picture, out);
                self.recycle(picture);
                filled
            }
            Where::Child(lease, path) => lease.read(out).map_err(|kind| kind.at(&path)),
        }
    }

    /// Decodes an open file, which must be `expected` until after its last byte is read.
    pub(in crate::frame) fn decode_open(
        &mut self,
        file: File,
        expected: &Identity,
        path: PathBuf,
    ) -> Result<Picture, FrameErrorKind> {
        let contents = read(file, expected, &mut self.file)?;
        decode_bytes(&self.file, path, contents, &mut self.spare, &mut self.reading)
    }

    /// Which layer of an EXR is the picture.
    pub(in crate::frame) fn layer(&self) -> Option<&Layer> {
        self.reading.layer.as_ref()
    }

    /// Another one from now on.
    pub(in crate::frame) fn set_layer(&mut self, layer: Option<Layer>) {
        self.reading.layer = layer;
    }

    /// What there is to say of the frame that was decoded last.
    pub(in crate::frame) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.reading.notes)
    }

    /// Bytes of memory that wait for the next frame.
    pub(in crate::frame) fn kept(&self) -> usize {
        self.file.capacity() + self.spare.capacity()
    }

    /// Takes back the memory of a picture that is no longer needed.
    pub fn recycle(&mut self, picture: Picture) {
        if let Pixels::Gray8(v) | Pixels::GrayAlpha8(v) | Pixels::Rgb8(v) | Pixels::Rgba8(v) = picture.pixels {
            self.spare = v;
        }
    }
}

/// Opens the file at `path`, if it is `expected`.
fn open(path: &Path, expected: &Identity) -> Result<File, FrameErrorKind> {
    let (file, before) = complete::open(path)?;
    if before == *expected { Ok(file) } else { Err(FrameErrorKind::Changed) }
}

/// An error unless the open file is still `expected`.
fn unchanged(file: &File, expected: &Identity) -> Result<(), FrameErrorKind> {
    if identity_of(&file.metadata()?) == *expected { Ok(()) } else { Err(FrameErrorKind::Changed) }
}

/// Reads the whole file into `bytes`.
fn read(mut file: File, expected: &Identity, bytes: &mut Vec<u8>) -> Result<Contents, FrameErrorKind> {
    let (opened, meta) = (SystemTime::now(), file.metadata()?);
    // Whoever else has read it, through the same descriptor in another process, has moved its place.
    file.rewind()?;
    bytes.clear();
    let size = usize::try_from(expected.size).unwrap_or(0) + 1;
    if bytes.capacity() < size {
        // The old memory goes first, and the frames to come may be a little larger: growing with each of them would
        // leave holes that nothing fits into.
        *bytes = Vec::new();
        bytes.reserve_exact(size + size / 4);
    }
    (&mut file).take(expected.size + 1).read_to_end(bytes)?;
    if bytes.len() as u64 != expected.size {
        return Err(FrameErrorKind::Changed);
    }
    unchanged(&file, expected)?;
    Ok(Contents::of(bytes, &meta, opened))
}

/// Decodes the contents of a frame's file; `path` is for its extension and for messages.
pub(in crate::frame) fn decode_bytes(
    bytes: &[u8],
    path: PathBuf,
    contents: Contents,
    spare: &mut Vec<u8>,
    reading: &mut Reading,
) -> Result<Picture, FrameErrorKind> {
    let Reading { layer, to_srgb, notes } = reading;
    notes.clear();
    let (format, info) = complete::examine(&bytes, &path, layer.as_ref())?;
    // The decoders are other people's code on other people's bytes: if one of them panics, that is one bad frame.
    let pixels = panic::catch_unwind(AssertUnwindSafe(|| {
        let (pixels, coding) = match format {
            Format::Png => png::decode(bytes, spare, notes),
            Format::Jpeg => jpeg::decode(bytes),
            Format::WebP => by_image(bytes, ImageFormat::WebP),
            Format::Tiff => tiff::decode(&bytes),
            Format::Exr => exr::decode(&bytes, layer.as_ref(), notes).map(|pixels| (pixels, Coding::Srgb)),
            Format::Dpx => dpx::decode(&bytes).map(|pixels| (pixels, Coding::Srgb)),
            Format::Plain(format) => by_image(bytes, format),
        }?;
        to_srgb.convert(pixels, coding, notes)
    }))
    .unwrap_or_else(|panic| Err(FrameErrorKind::Decode(format!("the decoder gave up: {}", message_of(&*panic)))))?;

    let wanted = u64::from(info.width) * u64::from(info.height) * pixels.channels() as u64;
    if pixels.len() as u64 != wanted {
        return Err(FrameErrorKind::Decode("its pixels do not match its header".into()));
    }
    Ok(Picture { path, info, pixels: pixels.turned(info)?, contents })
}

fn by_image(bytes: &[u8], format: ImageFormat) -> Result<(Pixels, Coding), FrameErrorKind> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut allowed = Limits::no_limits();
    allowed.max_alloc = Some(limits::current().pixel_bytes().saturating_mul(2));
    reader.limits(allowed);
    let mut decoder = reader.into_decoder()?;
    let coding = decoder.icc_profile()?.map_or(Coding::Srgb, Coding::Icc);
    Ok((Pixels::of(DynamicImage::from_decoder(decoder)?)?, coding))
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
