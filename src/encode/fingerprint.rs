//! The fingerprint of a raw frame: what is kept of it to tell it from others before and after the codec.
//!
//! Owns how a frame is made [`small`] and how the fingerprints of what was fed are kept. It compares nothing, and does not
//! know which of its two kinds a recipe wants. The fingerprints of [`frame::fingerprint`](crate::frame::fingerprint) are much
//! smaller, and tell films from stills: they are never compared with these.

use xxhash_rust::xxh3::xxh3_128;

mod fed;

pub use fed::Fingerprints;
pub use reeld_pixels::small;
use small::{Layers, Layout};

/// What is kept of a raw frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fingerprint {
    /// A hash of every byte: the codec is lossless, and nothing may be other than it was.
    Bytes(u128),
    /// Small pictures, which are measured.
    Small(Layers),
}

impl Fingerprint {
    /// One that every byte of `raw` counts for.
    pub(super) fn exact(raw: &[u8]) -> Self {
        Self::Bytes(xxh3_128(raw))
    }

    /// One that can be measured, of `size` pixels across and down.
    pub(super) fn small(raw: &[u8], layout: Layout, size: (u32, u32)) -> Self {
        Self::Small(Layers::of(raw, layout, size))
    }
}

#[cfg(test)]
mod tests {
    use super::small::Small;
    use super::*;
    use crate::frame::color::{Canvas, Feed, convert};
    use crate::frame::decode::{Picture, Pixels};
    use crate::frame::digest::{Contents, Digest};
    use crate::frame::{ImageInfo, Orientation, PixelAspect};

    /// Whatever a picture is fed as, its small picture is the same, but for rounding.
    #[test]
    fn layouts_agree() {
        for size in [(320_u32, 180_u32), (322, 182), (96, 64)] {
            let (width, height) = size;
            let wave = |x: u32, y: u32, by: u32| u8::try_from((x * by + y * 2) / 4 % 200 + 20).unwrap();
            let pixels: Vec<u8> = (0..width * height)
                .flat_map(|at| {
                    let (x, y) = (at % width, at / width);
                    [wave(x, y, 1), wave(x, y, 2), wave(y, x, 3), 255]
                })
                .collect();
            let info = ImageInfo {
                width,
                height,
                deep: false,
                linear: false,
                alpha: true,
                orientation: Orientation::UPRIGHT,
                aspect: PixelAspect::SQUARE,
            };
            let contents = Contents { changed_ns: None, digest: Digest::of(b"") };
            let picture = Picture { path: "f.png".into(), info, pixels: Pixels::Rgba8(pixels), contents };
            let canvas = Canvas::new(width, height, true);
            let small = |feed: Feed| {
                let mut raw = Vec::new();
                convert(&picture, &canvas, feed, [0; 3], &mut raw).unwrap();
                Layers::of(&raw, Layout::Feed(feed), size)
            };
            let samples = |small: &Small| small.luma().iter().chain(small.chroma()).copied().collect::<Vec<u8>>();
            let expected = small(Feed::Yuv420p).color;
            for feed in [Feed::Rgb24, Feed::Rgba, Feed::Rgb48le, Feed::Rgba64le] {
                let Layers { color, alpha } = small(feed);
                assert_eq!(color.grid(), expected.grid());
                let apart =
                    samples(&color).into_iter().zip(samples(&expected)).map(|(one, other)| one.abs_diff(other)).max();
                assert!(apart <= Some(1), "{feed:?} {size:?}: {apart:?}");
                if let Some(alpha) = alpha {
                    assert!(alpha.luma().iter().all(|value| *value == 255), "{feed:?}");
                }
            }
        }
    }
}
