//! PNG by the `png` crate, with every checksum on.

use std::io::{self, Cursor};
use std::mem;

use png::{BitDepth, ColorType, DecodeOptions, Decoder, DecodingError, Info, Limits, ScaledFloat, Transformations};

use crate::frame::decode::Pixels;
use crate::frame::note::Note;
use crate::frame::profile::Coding;
use crate::frame::{FrameErrorKind, limits};

/// Decodes the contents of a file. The pixels come in `spare`'s memory where that is possible.
///
/// What is damaged beside the pixels (a text with a wrong checksum, a profile that cannot be inflated) costs no pixel: it is
/// passed over, and noted.
pub(super) fn decode(
    bytes: &[u8],
    spare: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) -> Result<(Pixels, Coding), FrameErrorKind> {
    let (color, depth, pixels, coding) = values(bytes, spare, Beside::Strict).or_else(|error| {
        let FrameErrorKind::Decode(what) = error else { return Err(error) };
        // Where the pixels themselves are damaged, they are so both times.
        let values = values(bytes, spare, Beside::PassedOver).map_err(|_| FrameErrorKind::Decode(what.clone()))?;
        notes.push(Note::Doubt(format!("something beside its pixels is damaged, and is passed over: {what}")));
        Ok(values)
    })?;
    let pixels = match (color, depth) {
        (ColorType::Grayscale, BitDepth::Eight) => Pixels::Gray8(pixels),
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Pixels::GrayAlpha8(pixels),
        (ColorType::Rgb, BitDepth::Eight) => Pixels::Rgb8(pixels),
        (ColorType::Rgba, BitDepth::Eight) => Pixels::Rgba8(pixels),
        (ColorType::Grayscale, BitDepth::Sixteen) => Pixels::Gray16(native(pixels, spare)),
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => Pixels::GrayAlpha16(native(pixels, spare)),
        (ColorType::Rgb, BitDepth::Sixteen) => Pixels::Rgb16(native(pixels, spare)),
        (ColorType::Rgba, BitDepth::Sixteen) => Pixels::Rgba16(native(pixels, spare)),
        (color, depth) => return Err(FrameErrorKind::Unsupported(format!("PNG with {depth:?} bits of {color:?}"))),
    };
    Ok((pixels, coding))
}

/// What becomes of damage in chunks that a picture can be shown without.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Strict,
    PassedOver,
}

/// The values as the file has them, row by row.
fn values(
    bytes: &[u8],
    spare: &mut Vec<u8>,
    beside: Beside,
) -> Result<(ColorType, BitDepth, Vec<u8>, Coding), FrameErrorKind> {
    let mut options = DecodeOptions::default();
    options.set_ignore_checksums(false);
    options.set_skip_ancillary_crc_failures(beside == Beside::PassedOver);
    options.set_ignore_iccp_chunk(beside == Beside::PassedOver);
    options.set_ignore_text_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_limits(Limits { bytes: usize::try_from(limits::current().pixel_bytes()).unwrap_or(usize::MAX) });
    decoder.set_transformations(Transformations::EXPAND);

    let mut reader = decoder.read_info()?;
    let coding = coding(reader.info());
    let size = reader.output_buffer_size().ok_or_else(|| FrameErrorKind::TooLarge("its pixels".into()))?;
    let mut pixels = mem::take(spare);
    pixels.resize(size, 0);
    let frame = reader.next_frame(&mut pixels)?;
    reader.finish()?;
    Ok((frame.color_type, frame.bit_depth, pixels, coding))
}

/// What it says of its colours: the first of these chunks counts, in the order of PNG's third edition, 4.3.
fn coding(info: &Info<'_>) -> Coding {
    if let Some(points) = info.coding_independent_code_points {
        return Coding::CodePoints(points.color_primaries, points.transfer_function);
    }
    if let Some(profile) = &info.icc_profile {
        return Coding::Icc(profile.to_vec());
    }
    if info.srgb.is_some() {
        return Coding::Srgb;
    }
    let pair = |(x, y): (ScaledFloat, ScaledFloat)| (x.into_value(), y.into_value());
    let chromaticities = info.chrm_chunk.map(|found| [found.white, found.red, found.green, found.blue].map(pair));
    Coding::of_png(info.gama_chunk.map(ScaledFloat::into_value), chromaticities)
}

/// PNG's 16-bit values are big-endian. Their memory is left in `spare`.
fn native(big_endian: Vec<u8>, spare: &mut Vec<u8>) -> Vec<u16> {
    let values = big_endian.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    *spare = big_endian;
    values
}

impl From<DecodingError> for FrameErrorKind {
    fn from(error: DecodingError) -> Self {
        match error {
            DecodingError::IoError(error) => error.into(),
            DecodingError::LimitsExceeded => Self::TooLarge("more memory than one frame may take".into()),
            // A chunk that runs out of bytes is reported by the reader above; what is left is damage.
            DecodingError::Format(what) => Self::Decode(what.to_string()),
            DecodingError::Parameter(what) => Self::Io(io::Error::other(what.to_string())),
        }
    }
}
