//! How the pixels of a frame follow each other on the way to an encoder.

use serde::{Deserialize, Serialize};

/// The layout of the raw video on FFmpeg's standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Feed {
    /// 8-bit 4:2:0 planes: BT.709 matrix, limited range.
    Yuv420p,
    /// 8-bit sRGB.
    Rgb24,
    /// 8-bit sRGB and straight alpha.
    Rgba,
    /// 16-bit sRGB, little-endian.
    Rgb48le,
    /// 16-bit sRGB and straight alpha, little-endian.
    Rgba64le,
}

impl Feed {
    /// FFmpeg's name of the pixel format.
    #[must_use]
    pub fn ffmpeg_name(self) -> &'static str {
        match self {
            Self::Yuv420p => "yuv420p",
            Self::Rgb24 => "rgb24",
            Self::Rgba => "rgba",
            Self::Rgb48le => "rgb48le",
            Self::Rgba64le => "rgba64le",
        }
    }

    /// Bytes of one frame of `width` times `height` pixels.
    #[must_use]
    pub fn frame_bytes(self, width: u32, height: u32) -> usize {
        let (width, height) = (width as usize, height as usize);
        match self {
            Self::Yuv420p => width * height + 2 * width.div_ceil(2) * height.div_ceil(2),
            Self::Rgb24 => width * height * 3,
            Self::Rgba => width * height * 4,
            Self::Rgb48le => width * height * 6,
            Self::Rgba64le => width * height * 8,
        }
    }

    /// Whether alpha is kept.
    #[must_use]
    pub fn has_alpha(self) -> bool {
        matches!(self, Self::Rgba | Self::Rgba64le)
    }
}
