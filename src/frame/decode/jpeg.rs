//! JPEG by the `zune-jpeg` crate, which `image` uses too, but strictly: what a lenient decoder fills up with grey is an
//! error here. One damage stays unseen: a baseline scan cut short by a proper end mark, after which `zune-jpeg` 0.5
//! reads on in zeros.

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::chain;
use crate::frame::decode::Pixels;
use crate::frame::profile::Coding;
use crate::frame::{FrameErrorKind, MAX_SIDE};

pub(super) fn decode(bytes: &[u8]) -> Result<(Pixels, Coding), FrameErrorKind> {
    let side = usize::try_from(MAX_SIDE).unwrap_or(usize::MAX);
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(side).set_max_height(side);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers()?;
    let gray = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let output = if gray { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(output));
    let pixels = decoder.decode()?;
    let coding = decoder.icc_profile().map_or(Coding::Srgb, Coding::Icc);
    Ok((if gray { Pixels::Gray8(pixels) } else { Pixels::Rgb8(pixels) }, coding))
}

impl From<DecodeErrors> for FrameErrorKind {
    fn from(error: DecodeErrors) -> Self {
        match error {
            DecodeErrors::Unsupported(what) => Self::Unsupported(format!("JPEG: {what:?}")),
            DecodeErrors::LargeDimensions(side) => Self::TooLarge(format!("{side} pixels")),
            DecodeErrors::ExhaustedData => Self::Torn("it ends in the middle".into()),
            error => Self::Decode(chain(&error).to_string()),
        }
    }
}
