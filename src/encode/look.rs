//! What a raw frame looks like, for comparing it before and after the codec.

use xxhash_rust::xxh3::xxh3_128;

use super::recipe::{Recipe, Tolerance};
use super::small::{Layers, Layout};

/// What is kept of a raw frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// A hash of every byte: the codec is lossless, and nothing may be other than it was.
    Bytes(u128),
    /// Small pictures, which are measured.
    Small(Layers),
}

impl Look {
    /// That of a raw frame of `recipe`, of `width` times `height` pixels.
    pub(crate) fn of(recipe: &Recipe, raw: &[u8], layout: Layout, size: (u32, u32)) -> Self {
        match recipe.tolerance {
            Tolerance::Exact => Self::Bytes(xxh3_128(raw)),
            Tolerance::Like(_) => Self::Small(Layers::of(raw, layout, size)),
        }
    }
}

/// Makes every pixel of straight RGBA either opaque or gone, as GIF has it.
pub(super) fn harden(raw: &mut [u8]) {
    for pixel in raw.as_chunks_mut::<4>().0 {
        *pixel = if pixel[3] < 128 { [0; 4] } else { [pixel[0], pixel[1], pixel[2], 255] };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gif_pixels_are_there_or_not() {
        let mut raw = [1, 2, 3, 127, 4, 5, 6, 128];
        harden(&mut raw);
        assert_eq!(raw, [0, 0, 0, 0, 4, 5, 6, 255]);
    }
}
