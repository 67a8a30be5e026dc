//! PNG by the `png` crate, with every checksum on.

use std::io::{self, Cursor};
use std::mem;

use png::{BitDepth, ColorType, DecodeOptions, Decoder, DecodingError, Limits, Transformations};

use crate::frame::decode::Pixels;
use crate::frame::{FrameErrorKind, limits};

/// Decodes the contents of a file. The pixels come in `spare`'s memory where that is possible.
pub(super) fn decode(bytes: &[u8], spare: &mut Vec<u8>) -> Result<Pixels, FrameErrorKind> {
    let (color, depth, pixels) = values(bytes, spare)?;
    Ok(match (color, depth) {
        (ColorType::Grayscale, BitDepth::Eight) => Pixels::Gray8(pixels),
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Pixels::GrayAlpha8(pixels),
        (ColorType::Rgb, BitDepth::Eight) => Pixels::Rgb8(pixels),
        (ColorType::Rgba, BitDepth::Eight) => Pixels::Rgba8(pixels),
        (ColorType::Grayscale, BitDepth::Sixteen) => Pixels::Gray16(native(pixels, spare)),
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => Pixels::GrayAlpha16(native(pixels, spare)),
        (ColorType::Rgb, BitDepth::Sixteen) => Pixels::Rgb16(native(pixels, spare)),
        (ColorType::Rgba, BitDepth::Sixteen) => Pixels::Rgba16(native(pixels, spare)),
        (color, depth) => return Err(FrameErrorKind::Unsupported(format!("PNG with {depth:?} bits of {color:?}"))),
    })
}

/// The values as the file has them, row by row.
fn values(bytes: &[u8], spare: &mut Vec<u8>) -> Result<(ColorType, BitDepth, Vec<u8>), FrameErrorKind> {
    let mut options = DecodeOptions::default();
    options.set_ignore_checksums(false);
    options.set_skip_ancillary_crc_failures(false);
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_limits(Limits { bytes: usize::try_from(limits::current().pixel_bytes()).unwrap_or(usize::MAX) });
    decoder.set_transformations(Transformations::EXPAND);

    let mut reader = decoder.read_info()?;
    let size = reader.output_buffer_size().ok_or_else(|| FrameErrorKind::TooLarge("its pixels".into()))?;
    let mut pixels = mem::take(spare);
    pixels.resize(size, 0);
    let frame = reader.next_frame(&mut pixels)?;
    reader.finish()?;
    Ok((frame.color_type, frame.bit_depth, pixels))
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
