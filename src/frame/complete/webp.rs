//! WebP: the RIFF length, and whether it is one picture.

use image::ImageDecoder as _;
use image::codecs::webp::WebPDecoder;

use crate::frame::complete::bytes::Bytes;
use crate::frame::complete::plain::info_of;
use crate::frame::{FrameErrorKind, ImageInfo};

pub(super) fn examine(bytes: &dyn Bytes) -> Result<ImageInfo, FrameErrorKind> {
    let [_, _, _, _, length @ ..]: [u8; 8] = bytes.array(0)?;
    let declared = u64::from(u32::from_le_bytes(length)) + 8;
    if declared > bytes.len() {
        return Err(FrameErrorKind::Torn(format!("{} of {declared} bytes are there", bytes.len())));
    }
    let mut decoder = WebPDecoder::new(bytes.reader())?;
    if decoder.has_animation() {
        return Err(FrameErrorKind::Animated);
    }
    let orientation = decoder.orientation()?;
    Ok(info_of(&decoder).turned(orientation.to_exif().into()))
}
