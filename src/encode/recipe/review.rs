//! How decoded frames come to the proof: whole, or reduced to what it compares.

use std::sync::Arc;

use super::pixels::Pixels;
use super::{Recipe, Tolerance};
use crate::encode::look::Look;
use crate::encode::small::{Grid, Small};
use crate::frame::color::{Canvas, Feed};

/// This many pixels a side at most become one sample. Whole frames of 1080p took longer through the pipe than to decode,
/// where pictures are simple, so that FFmpeg makes them small where it does so exactly: up to 3840x2160 FFmpeg's means are the exact ones, rounded; at twice that,
/// where its scaler has the fewest steps for the weight of a pixel, they are 3 of 255 off.
const AREA_LIMIT: usize = 120;

/// Decoded frames as the proof gets them, in the layout of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Review {
    /// Pixels.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// What makes them of decoded frames; nothing where they are those.
    pub(crate) filters: Option<String>,
    /// The grid that the filters reduce them to.
    pub(crate) reduced: Option<Grid>,
}

impl Review {
    /// Bytes of a frame, in the layout of `feed`.
    pub(crate) fn frame_bytes(&self, feed: Feed) -> usize {
        match self.reduced {
            Some(grid) => grid.width * grid.height + 2 * grid.chroma(),
            None => feed.frame_bytes(self.width, self.height),
        }
    }

    /// What such a frame looks like.
    pub(crate) fn look(&self, recipe: &Recipe, raw: &[u8]) -> Look {
        match self.reduced {
            Some(grid) => Look::Small(Arc::new(Small::reduced(raw, grid))),
            None => Look::of(recipe, raw, (self.width, self.height)),
        }
    }
}

impl Recipe {
    /// What a decoder makes of the frames of the reel, for the proof to look at.
    pub(crate) fn review(&self) -> Review {
        let Canvas { width, height, .. } = self.canvas;
        let whole = |filters| Review { width, height, filters, reduced: None };
        if self.feed != Feed::Yuv420p {
            return whole(Pixels::of(&self.pix_fmt).map(|pixels| pixels.filters_back(self.feed)));
        }
        let grid = Grid::of(width, height);
        if self.tolerance == Tolerance::Exact || !grid.is_even || height as usize / grid.height > AREA_LIMIT {
            return whole(None);
        }
        // Means of the very pixels of each sample; every pixel counts, and none for two.
        let filters = format!("scale={}:{}:flags=area+accurate_rnd", grid.width, grid.height);
        Review { width, height, filters: Some(filters), reduced: Some(grid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Builtin, Preset};
    use crate::encode::recipe::Source;
    use crate::encode::recipe::joinable::tests::video;

    fn review(preset: Builtin, width: u32, height: u32) -> Option<(usize, usize)> {
        let source = Source { width, height, deep: false, linear: false, alpha: false };
        let review = Recipe::resolve(&video(Preset::Builtin(preset)), &source).unwrap().review();
        assert_eq!((review.width, review.height), (width.next_multiple_of(2), height.next_multiple_of(2)));
        review.reduced.map(|grid| (grid.width, grid.height))
    }

    #[test]
    fn frames_are_reduced_where_sizes_divide() {
        for size in [(1920, 1080), (1280, 720), (3840, 2160), (7680, 4320)] {
            assert_eq!(review(Builtin::H264, size.0, size.1), Some((160, 90)), "{size:?}");
        }
        assert_eq!(review(Builtin::H264, 1024, 1024), Some((128, 128)));
        for (width, height) in [(1922, 1082), (854, 480)] {
            assert_eq!(review(Builtin::H264, width, height), None, "{width}x{height}");
        }
    }

    #[test]
    fn frames_that_are_fed_as_rgb_come_whole() {
        for preset in [Builtin::Lossless, Builtin::Ffv1, Builtin::Prores, Builtin::H264Ten, Builtin::Gif] {
            assert_eq!(review(preset, 1920, 1080), None, "{}", preset.name());
        }
    }
}
