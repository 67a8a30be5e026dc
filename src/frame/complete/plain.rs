//! BMP, TGA, QOI, HDR and PNM: a header, then pixels, most without an end mark.

use image::{ImageDecoder, ImageFormat, ImageReader};

use crate::frame::complete::bytes::Bytes;
use crate::frame::limits::{self, Metered};
use crate::frame::{FrameErrorKind, ImageInfo, Orientation, PixelAspect};

/// The part of the bytes of a look that is for a header of these: a mebibyte, by the defaults.
const PART: u64 = 64;

/// QOI's last eight bytes.
const QOI_END: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

pub(super) fn examine(bytes: &dyn Bytes, format: ImageFormat) -> Result<ImageInfo, FrameErrorKind> {
    // These headers are a few lines at most, and some readers take them byte by byte, for as long as they last.
    let head = Metered::part(bytes, limits::current(), PART);
    let decoder = ImageReader::with_format((&head as &dyn Bytes).reader(), format).into_decoder();
    let info = head.within_limits(decoder.map(|decoder| info_of(&decoder)).map_err(FrameErrorKind::from))?.checked()?;
    match format {
        ImageFormat::Bmp => {
            // The length field may be zero; the pixels then end where decoding says.
            let length: [u8; 4] = bytes.array(2)?;
            at_least(bytes, u64::from(u32::from_le_bytes(length)))?;
        }
        ImageFormat::Tga => at_least(bytes, tga_length(bytes, &info)?)?,
        ImageFormat::Qoi if bytes.array(bytes.len().saturating_sub(QOI_END.len() as u64))? != QOI_END => {
            return Err(FrameErrorKind::Torn("no end mark".into()));
        }
        _ => {}
    }
    Ok(info)
}

/// What a decoder of the `image` crate says about a picture as it is stored.
pub(super) fn info_of(decoder: &impl ImageDecoder) -> ImageInfo {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let bytes = color.bytes_per_pixel() / color.channel_count();
    let (orientation, aspect) = (Orientation::UPRIGHT, PixelAspect::SQUARE);
    ImageInfo { width, height, deep: bytes > 1, linear: bytes > 2, alpha: color.has_alpha(), orientation, aspect }
}

fn at_least(bytes: &dyn Bytes, wanted: u64) -> Result<(), FrameErrorKind> {
    if bytes.len() < wanted {
        return Err(FrameErrorKind::Torn(format!("{} of {wanted} bytes are there", bytes.len())));
    }
    Ok(())
}

/// How long an uncompressed TGA must be; a compressed one tells only when it is decoded.
fn tga_length(bytes: &dyn Bytes, info: &ImageInfo) -> Result<u64, FrameErrorKind> {
    let head: [u8; 18] = bytes.array(0)?;
    let [comment, _, kind, _, _, map0, map1, map_depth, _, _, _, _, _, _, _, _, depth, _] = head;
    if kind >= 9 {
        return Ok(18);
    }
    let map = u64::from(u16::from_le_bytes([map0, map1])) * u64::from(map_depth.div_ceil(8));
    let pixels = u64::from(info.width) * u64::from(info.height) * u64::from(depth.div_ceil(8));
    Ok(18 + u64::from(comment) + map + pixels)
}
