//! One image file: whether it is whole, and its pixels as an encoder eats them.
//!
//! Owns everything between a frame's bytes and raw video. It never starts a process and never writes a file.

use serde::{Deserialize, Serialize};

pub mod color;
pub mod complete;
pub mod decode;
pub mod digest;
mod error;
pub mod metadata;
pub mod sample;
pub mod signature;
pub mod slate;

pub use error::{FrameError, FrameErrorKind};

/// The longest side of a frame, in pixels. JPEG itself ends at 65,535, and libjpeg at 65,500.
pub const MAX_SIDE: u32 = 65_500;

/// The most bytes that the pixels of one frame may take, so that a hostile header cannot ask for all memory.
pub const MAX_PIXEL_BYTES: u64 = 1 << 30;

/// The most bytes that one frame's file may have: it is read into memory whole.
pub const MAX_FILE_BYTES: u64 = 1 << 31;

/// What a frame's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageInfo {
    /// Pixels, at least one.
    pub width: u32,
    /// Pixels, at least one.
    pub height: u32,
    /// More than eight bits a channel.
    pub deep: bool,
    /// Linear light in floating point (EXR, HDR).
    pub linear: bool,
    /// Whether there is an alpha channel.
    pub alpha: bool,
}

impl ImageInfo {
    /// Refuses sizes that no frame has: a side of zero or above [`MAX_SIDE`], or more pixels than
    /// [`MAX_PIXEL_BYTES`] holds.
    fn checked(self) -> Result<Self, FrameErrorKind> {
        let Self { width, height, deep, linear, .. } = self;
        if width == 0 || height == 0 {
            return Err(FrameErrorKind::Decode(format!("its header says {width}x{height} pixels")));
        }
        // Four channels, because that is what compositing and scaling may need.
        let pixel = if linear { 16 } else { 4 << u32::from(deep) };
        if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) * pixel > MAX_PIXEL_BYTES {
            return Err(FrameErrorKind::TooLarge(format!("{width}x{height} pixels")));
        }
        Ok(self)
    }
}
