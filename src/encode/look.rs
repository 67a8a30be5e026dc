//! What a raw frame looks like, for comparing it before and after the codec.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_128;

use super::recipe::{Recipe, Tolerance};
use super::small::Small;
use crate::frame::color::Feed;
use crate::frame::signature::Signature;

/// What is kept of a raw frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// A hash of every byte: the codec is lossless, and nothing may be other than it was.
    Bytes(u128),
    /// A small picture, which is measured.
    Small(Arc<Small>),
    /// Means, near enough to those of what a lossy codec gives back.
    Cells(Signature),
}

impl Look {
    /// That of a raw frame of `recipe`, of `width` times `height` pixels.
    ///
    /// Lossy codecs with alpha do as they like with colours that nobody can see, so there each colour counts as much as it
    /// is visible.
    pub(crate) fn of(recipe: &Recipe, raw: &[u8], (width, height): (u32, u32)) -> Self {
        match recipe.tolerance {
            Tolerance::Exact => return Self::Bytes(xxh3_128(raw)),
            Tolerance::Like(_) => return Self::Small(Arc::new(Small::of(raw, width, height))),
            Tolerance::Within(_) => {}
        }
        if recipe.feed != Feed::Rgba {
            return Self::Cells(Signature::of(raw, recipe.feed, width, height));
        }
        let visible: Vec<u8> = raw.as_chunks::<4>().0.iter().flat_map(|pixel| premultiplied(*pixel)).collect();
        Self::Cells(Signature::of(&visible, recipe.feed, width, height))
    }
}

/// Makes every pixel of straight RGBA either opaque or gone, as GIF has it.
pub(super) fn harden(raw: &mut [u8]) {
    for pixel in raw.as_chunks_mut::<4>().0 {
        *pixel = if pixel[3] < 128 { [0; 4] } else { [pixel[0], pixel[1], pixel[2], 255] };
    }
}

fn premultiplied([red, green, blue, alpha]: [u8; 4]) -> [u8; 4] {
    let seen = |value: u8| u8::try_from((u16::from(value) * u16::from(alpha) + 127) / 255).unwrap_or(u8::MAX);
    [seen(red), seen(green), seen(blue), alpha]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_colours_do_not_count() {
        assert_eq!(premultiplied([255, 7, 99, 0]), [0; 4]);
        assert_eq!(premultiplied([255, 7, 99, 255]), [255, 7, 99, 255]);
        assert_eq!(premultiplied([255, 0, 128, 128]), [128, 0, 64, 128]);
    }

    #[test]
    fn gif_pixels_are_there_or_not() {
        let mut raw = [1, 2, 3, 127, 4, 5, 6, 128];
        harden(&mut raw);
        assert_eq!(raw, [0, 0, 0, 0, 4, 5, 6, 255]);
    }
}
