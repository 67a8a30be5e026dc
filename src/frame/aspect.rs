//! The shape of a picture's pixels, as files say it: anamorphic plates, scans, what was taken out of DV and DVD.
//!
//! Owns what ratios there are. Where a file keeps one is for [`super::complete`] to know.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::frame::Orientation;

/// Width to height of a pixel, in lowest terms, of two numbers up to [`PixelAspect::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u16, u16)", into = "(u16, u16)")]
pub struct PixelAspect {
    width: u16,
    height: u16,
}

/// What is no shape of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pixel has no such shape")]
pub struct NoAspect;

/// Whatever is stretched more than this is no picture, and the number was written by mistake.
const FARTHEST: f64 = 16.0;

/// Resolutions across and down that differ by less are rounded, and mean the same.
const ROUNDED: f64 = 0.01;

impl PixelAspect {
    /// Nearly all pixels.
    pub const SQUARE: Self = Self { width: 1, height: 1 };

    /// The largest number of a ratio. All that are in use have smaller ones.
    pub const MOST: u16 = 1000;

    /// Of a ratio of width to height; square where that says nothing.
    pub(in crate::frame) fn of(ratio: f64) -> Self {
        // Not a number is not within it either.
        if !(1.0 / FARTHEST..=FARTHEST).contains(&ratio) || (ratio - 1.0).abs() < ROUNDED {
            return Self::SQUARE;
        }
        // Continued fractions: each step is the nearest ratio of numbers that small.
        let (mut before, mut found) = ((0_u32, 1_u32), (1_u32, 0_u32));
        let mut rest = ratio;
        loop {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float's `as` saturates")]
            let whole = rest.floor() as u32;
            let next = |one: u32, other: u32| whole.saturating_mul(one).saturating_add(other);
            let step = (next(found.0, before.0), next(found.1, before.1));
            if step.0.max(step.1) > Self::MOST.into() {
                break;
            }
            (before, found) = (found, step);
            let off = (f64::from(step.0) / f64::from(step.1) - ratio).abs();
            if off <= ratio * 1e-6 {
                break;
            }
            rest = 1.0 / (rest - f64::from(whole));
        }
        // Both are at most `MOST`.
        let small = |number: u32| u16::try_from(number).unwrap_or(Self::MOST);
        Self::try_from((small(found.0), small(found.1))).unwrap_or(Self::SQUARE)
    }

    /// The same of numbers that stand for width and height.
    #[expect(clippy::cast_precision_loss, reason = "nobody writes such large ones to be exact")]
    pub(in crate::frame) fn of_pair(width: u64, height: u64) -> Self {
        Self::of(width as f64 / height as f64)
    }

    /// Of the picture as it is shown, when it is turned like this.
    pub(in crate::frame) fn turned(self, orientation: Orientation) -> Self {
        let (width, height) = orientation.turn_sides(self.width.into(), self.height.into());
        Self::of_pair(width.into(), height.into())
    }
}

impl TryFrom<(u16, u16)> for PixelAspect {
    type Error = NoAspect;

    fn try_from((width, height): (u16, u16)) -> Result<Self, NoAspect> {
        let is_sound = width > 0 && height > 0 && width.max(height) <= Self::MOST;
        is_sound.then_some(Self { width, height }).ok_or(NoAspect)
    }
}

impl From<PixelAspect> for (u16, u16) {
    fn from(aspect: PixelAspect) -> Self {
        (aspect.width, aspect.height)
    }
}

/// `2:1`
impl fmt::Display for PixelAspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shapes_that_are_in_use_are_exact() {
        for (ratio, wanted) in [
            (2.0, "2:1"),
            (1.3, "13:10"),
            (4.0 / 3.0, "4:3"),
            (64.0 / 45.0, "64:45"),
            (10.0 / 11.0, "10:11"),
            (f64::from(10.0_f32 / 11.0), "10:11"),
            (59.0 / 54.0, "59:54"),
            (0.5, "1:2"),
            (1.0, "1:1"),
        ] {
            assert_eq!(PixelAspect::of(ratio).to_string(), wanted, "{ratio}");
        }
        // What nobody means.
        for ratio in [0.0, -2.0, f64::NAN, f64::INFINITY, 17.0, 0.01, 1.005, 299.99 / 300.0] {
            assert_eq!(PixelAspect::of(ratio), PixelAspect::SQUARE, "{ratio}");
        }
        assert_eq!(PixelAspect::of_pair(0, 0), PixelAspect::SQUARE);
        assert_eq!(PixelAspect::of_pair(7200, 3600).turned(Orientation::from(6)).to_string(), "1:2");
        assert_eq!(PixelAspect::of_pair(7200, 3600).turned(Orientation::from(3)).to_string(), "2:1");
    }
}
