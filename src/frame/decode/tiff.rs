//! TIFF by the `tiff` crate, which `image` uses too. Used directly because `image` knows fewer of its kinds of values, and does
//! not say whether the colours are multiplied with alpha.

use tiff::decoder::{BufferLayoutPreference, Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use crate::frame::complete::{Bytes, TiffAlpha, TiffColor, TiffLayout};
use crate::frame::decode::Pixels;
use crate::frame::profile::Coding;
use crate::frame::{FrameErrorKind, limits};

pub(super) fn decode(bytes: &dyn Bytes) -> Result<(Pixels, Coding), FrameErrorKind> {
    let mut allowed = Limits::default();
    let most = usize::try_from(limits::current().pixel_bytes().saturating_mul(2)).unwrap_or(usize::MAX);
    (allowed.decoding_buffer_size, allowed.intermediate_buffer_size) = (most, most);
    let mut decoder = Decoder::new(bytes.reader())?.with_limits(allowed);
    let layout = TiffLayout::of(&mut decoder)?;
    let (width, height) = decoder.dimensions()?;
    let (width, height) = (width as usize, height as usize);

    let mut values = DecodingResult::U8(Vec::new());
    let planes = decoder.read_image_to_buffer(&mut values)?;
    // Where it would be too much, the crate reads the first plane only.
    if values.as_buffer(0).as_bytes().len() < planes.complete_len {
        return Err(FrameErrorKind::TooLarge("more memory than one frame may take".into()));
    }
    // One of another type says nothing.
    let profile = decoder.find_tag(Tag::IccProfile).ok().flatten().and_then(|value| value.into_u8_vec().ok());
    let picture = Values { layout, planes: &planes, pixels: width * height };
    let pixels = match values {
        DecodingResult::U8(values) if layout.bits < 8 => {
            picture.integers(&unpacked(&values, width, height, layout.bits))
        }
        DecodingResult::U8(values) => picture.integers(&values),
        DecodingResult::U16(values) => picture.integers(&values),
        DecodingResult::U32(values) => {
            let upper: Vec<u16> = values.iter().map(|value| u16::try_from(value >> 16).unwrap_or(u16::MAX)).collect();
            picture.integers(&upper)
        }
        DecodingResult::F16(values) => picture.floats(&values.iter().map(|value| value.to_f32()).collect::<Vec<_>>()),
        DecodingResult::F32(values) => picture.floats(&values),
        #[expect(clippy::cast_possible_truncation, reason = "more than a float holds is more than a screen shows")]
        DecodingResult::F64(values) => picture.floats(&values.iter().map(|value| *value as f32).collect::<Vec<_>>()),
        _ => Err(FrameErrorKind::Unsupported("a TIFF with signed values or 64 bits a channel".into())),
    }?;
    Ok((pixels, profile.map_or(Coding::Srgb, Coding::Icc)))
}

/// Values of fewer than eight bits, each row of which begins with a byte of its own, as values of eight.
fn unpacked(packed: &[u8], width: usize, height: usize, bits: u8) -> Vec<u8> {
    let most = (1_u16 << bits) - 1;
    let in_byte = usize::from(8 / bits);
    let rows = packed.chunks_exact(width.div_ceil(in_byte)).take(height);
    let value = |row: &[u8], x: usize| {
        let shift = usize::from(8 - bits) - usize::from(bits) * (x % in_byte);
        u16::from(row[x / in_byte]) >> shift & most
    };
    // The largest value is 255, so that it fits.
    rows.flat_map(|row| (0..width).map(move |x| value(row, x) * (255 / most)))
        .map(|value| u8::try_from(value).unwrap_or(u8::MAX))
        .collect()
}

/// A value of an integer picture.
trait Value: Copy + Into<u32> + TryFrom<u32> {
    const MAX: Self;

    /// A number that is at most [`Self::MAX`].
    fn of(number: u32) -> Self {
        Self::try_from(number).unwrap_or(Self::MAX)
    }

    fn gray(values: Vec<Self>) -> Pixels;
    fn gray_alpha(values: Vec<Self>) -> Pixels;
    fn rgb(values: Vec<Self>) -> Pixels;
    fn rgba(values: Vec<Self>) -> Pixels;
}

impl Value for u8 {
    const MAX: Self = u8::MAX;

    fn gray(values: Vec<Self>) -> Pixels {
        Pixels::Gray8(values)
    }
    fn gray_alpha(values: Vec<Self>) -> Pixels {
        Pixels::GrayAlpha8(values)
    }
    fn rgb(values: Vec<Self>) -> Pixels {
        Pixels::Rgb8(values)
    }
    fn rgba(values: Vec<Self>) -> Pixels {
        Pixels::Rgba8(values)
    }
}

impl Value for u16 {
    const MAX: Self = u16::MAX;

    fn gray(values: Vec<Self>) -> Pixels {
        Pixels::Gray16(values)
    }
    fn gray_alpha(values: Vec<Self>) -> Pixels {
        Pixels::GrayAlpha16(values)
    }
    fn rgb(values: Vec<Self>) -> Pixels {
        Pixels::Rgb16(values)
    }
    fn rgba(values: Vec<Self>) -> Pixels {
        Pixels::Rgba16(values)
    }
}

/// The values of a picture as they were read: pixel by pixel, or plane by plane.
struct Values<'p> {
    layout: TiffLayout,
    planes: &'p BufferLayoutPreference,
    pixels: usize,
}

impl Values<'_> {
    /// Where the `channel`th value of the `pixel`th pixel is.
    fn at(&self, pixel: usize, channel: usize) -> usize {
        if self.planes.planes > 1 { channel * self.pixels + pixel } else { pixel * self.layout.samples + channel }
    }

    /// Refuses another number of values than the pixels have: of values that stand otherwise than they are taken for, something
    /// would be seen, and it would be wrong.
    fn check(&self, found: usize) -> Result<(), FrameErrorKind> {
        let (planes, samples) = (self.planes.planes, self.layout.samples);
        let wanted = self.pixels * if planes > 1 { planes } else { samples };
        if found != wanted || (planes > 1 && planes < samples) {
            return Err(FrameErrorKind::Decode("its pixels do not match its header".into()));
        }
        Ok(())
    }

    fn has_alpha(&self) -> bool {
        self.layout.alpha != TiffAlpha::Absent
    }

    fn integers<T: Value>(&self, values: &[T]) -> Result<Pixels, FrameErrorKind> {
        self.check(values.len())?;
        let color = self.layout.color;
        let (gray, most) = (color == TiffColor::Gray, T::MAX.into());
        let shown = if gray { 1 } else { 3 } + usize::from(self.has_alpha());
        let mut out = Vec::with_capacity(self.pixels * shown);
        for pixel in 0..self.pixels {
            let value = |channel| -> u32 { values[self.at(pixel, channel)].into() };
            let alpha = if self.has_alpha() { value(color.channels()) } else { most };
            // Colours that are multiplied are divided, since integers are straight everywhere else.
            let straight = |value: u32| match (self.layout.alpha, alpha) {
                (TiffAlpha::Premultiplied, 0) => 0,
                // Not more than 32 bits: both are 16 at most.
                (TiffAlpha::Premultiplied, alpha) => ((value * most + alpha / 2) / alpha).min(most),
                (TiffAlpha::Absent | TiffAlpha::Straight, _) => value,
            };
            let ink = |channel| (most - value(channel)) * (most - value(3)) / most;
            match color {
                TiffColor::Gray => out.push(T::of(straight(value(0)))),
                TiffColor::Rgb => out.extend([0, 1, 2].map(|channel| T::of(straight(value(channel))))),
                TiffColor::Cmyk => out.extend([0, 1, 2].map(|channel| T::of(straight(ink(channel))))),
            }
            if self.has_alpha() {
                out.push(T::of(alpha));
            }
        }
        Ok(match (gray, self.has_alpha()) {
            (true, false) => T::gray(out),
            (true, true) => T::gray_alpha(out),
            (false, false) => T::rgb(out),
            (false, true) => T::rgba(out),
        })
    }

    /// Floats are linear light, and multiplied with alpha everywhere else.
    fn floats(&self, values: &[f32]) -> Result<Pixels, FrameErrorKind> {
        self.check(values.len())?;
        let color = self.layout.color;
        if color == TiffColor::Cmyk {
            return Err(FrameErrorKind::Unsupported("a TIFF with CMYK in floating point".into()));
        }
        let mut out = Vec::with_capacity(self.pixels * if self.has_alpha() { 4 } else { 3 });
        for pixel in 0..self.pixels {
            let value = |channel| values[self.at(pixel, channel)];
            let alpha = if self.has_alpha() { value(color.channels()) } else { 1.0 };
            let factor = if self.layout.alpha == TiffAlpha::Straight { alpha } else { 1.0 };
            let channels = if color == TiffColor::Gray { [0, 0, 0] } else { [0, 1, 2] };
            out.extend(channels.map(|channel| value(channel) * factor));
            if self.has_alpha() {
                out.push(alpha);
            }
        }
        Ok(if self.has_alpha() { Pixels::RgbaF32(out) } else { Pixels::RgbF32(out) })
    }
}
