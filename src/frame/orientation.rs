//! How a picture is turned before it is shown, as its file says: tag 274 of TIFF 6.0, which EXIF has too.
//!
//! Owns what the tag means. A camera stores what its sensor saw and writes down how it was held, so that every viewer turns
//! the picture, and so does FFmpeg (5.1 and 9.0) with a sequence of JPEG files. Where a file keeps the tag is for
//! [`super::complete`] to know.

use image::DynamicImage;
use image::metadata::Orientation as Turn;
use serde::{Deserialize, Serialize};

/// The most bytes of EXIF that are read for it. The tag is in the first directory, which writers put first.
pub(in crate::frame) const EXIF_BYTES: usize = 4 << 10;

/// What is done to the stored pixels so that they are upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub struct Orientation(Turn);

impl Orientation {
    /// The picture is stored as it is shown.
    pub const UPRIGHT: Self = Self(Turn::NoTransforms);

    /// What EXIF says, which begins with the mark of a TIFF; upright where it says nothing, or nothing that exists.
    pub(in crate::frame) fn of_exif(exif: &[u8]) -> Self {
        Turn::from_exif_chunk(exif).map_or(Self::UPRIGHT, Self)
    }

    /// A picture that is to be turned like this.
    pub(in crate::frame) fn of_turn(turn: Turn) -> Self {
        Self(turn)
    }

    /// The sides of a stored picture when it is shown, or those of a shown one as it is stored.
    pub(in crate::frame) fn turn_sides(self, width: u32, height: u32) -> (u32, u32) {
        match self.0 {
            Turn::Rotate90 | Turn::Rotate270 | Turn::Rotate90FlipH | Turn::Rotate270FlipH => (height, width),
            Turn::NoTransforms | Turn::Rotate180 | Turn::FlipHorizontal | Turn::FlipVertical => (width, height),
        }
    }

    /// Turns the picture.
    pub(in crate::frame) fn apply(self, image: &mut DynamicImage) {
        image.apply_orientation(self.0);
    }
}

impl From<u8> for Orientation {
    /// The value of the tag, 1 to 8. Any other value says nothing.
    fn from(value: u8) -> Self {
        Turn::from_exif(value).map_or(Self::UPRIGHT, Self)
    }
}

impl From<Orientation> for u8 {
    fn from(orientation: Orientation) -> Self {
        orientation.0.to_exif()
    }
}
