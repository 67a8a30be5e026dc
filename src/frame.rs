//! One image file: whether it is whole, and its pixels as an encoder eats them.
//!
//! Owns everything between a frame's bytes and raw video. It starts no process but its own decoders ([`child`]), and never
//! writes a file.

use serde::{Deserialize, Serialize};

pub mod aspect;
pub mod child;
pub mod color;
pub mod complete;
pub mod decode;
pub mod digest;
mod error;
pub mod exposure;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod geometry;
pub mod layer;
pub mod limits;
pub mod metadata;
mod note;
pub mod orientation;
mod profile;
pub mod sample;

pub use aspect::PixelAspect;
pub use error::{FrameError, FrameErrorKind};
pub use exposure::Exposure;
pub use layer::Layer;
pub use orientation::Orientation;
pub use reeld_pixels::fingerprint;

/// The longest side of a frame, in pixels. JPEG itself ends at 65,535, and libjpeg at 65,500.
pub const MAX_SIDE: u32 = 65_500;

/// The most bytes of a decoded pixel: four channels of 32 bits.
const MAX_PIXEL: u64 = 16;

/// What a frame's header says, of the picture as it is shown.
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
    /// How the stored pixels are turned to be that picture.
    pub orientation: Orientation,
    /// The shape of its pixels.
    pub aspect: PixelAspect,
}

impl ImageInfo {
    /// A picture that is stored with these sides, and turned like this.
    fn turned(self, orientation: Orientation) -> Self {
        let (width, height) = orientation.turn_sides(self.width, self.height);
        Self { width, height, orientation, aspect: self.aspect.turned(orientation), ..self }
    }

    /// Refuses sizes that no frame has: a side of zero or above [`MAX_SIDE`], or more pixels than the
    /// [limits](limits::Limits) allow.
    fn checked(self) -> Result<Self, FrameErrorKind> {
        let Self { width, height, .. } = self;
        if width == 0 || height == 0 {
            return Err(FrameErrorKind::Decode(format!("its header says {width}x{height} pixels")));
        }
        limits::current().check_pixels("", width.into(), height.into())?;
        if width > MAX_SIDE || height > MAX_SIDE {
            return Err(FrameErrorKind::TooLarge(format!("{width}x{height} pixels; a side has at most {MAX_SIDE}")));
        }
        Ok(self)
    }
}
