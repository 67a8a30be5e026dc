//! How decoded frames come to the proof: whole, or reduced to what it compares.

use super::Recipe;
use super::pixels::Pixels;
use crate::frame::color::{Canvas, Feed};

/// The size of frames for review: two pixels of luma and one of chroma a side for each cell of a
/// [`Signature`](crate::frame::signature::Signature), whose means they are. Whole frames of 1080p took longer through the
/// pipe than to decode, where pictures are simple.
const REVIEW: (u32, u32) = (32, 18);
/// So many pixels a side at most become one: up to 3840x2160 FFmpeg's means are the exact ones, rounded; at twice that,
/// where its scaler has the fewest steps for the weight of a pixel, they are 3 of 255 off.
const AREA_LIMIT: u32 = 120;

/// Decoded frames as the proof gets them, in the layout of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Review {
    /// Pixels.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// What makes them of decoded frames; nothing where they are those.
    pub(crate) filters: Option<String>,
}

impl Recipe {
    /// What a decoder makes of the frames of the reel, for the proof to look at.
    pub(crate) fn review(&self) -> Review {
        let Canvas { width, height, .. } = self.canvas;
        let whole = |filters| Review { width, height, filters };
        // Whatever must be exact is fed as RGB.
        if self.feed != Feed::Yuv420p {
            return whole(Pixels::of(&self.pix_fmt).map(|pixels| pixels.filters_back(self.feed)));
        }
        let (across, down) = (width / REVIEW.0, height / REVIEW.1);
        let even = width % REVIEW.0 == 0 && height % REVIEW.1 == 0;
        if !even || across.max(down) > AREA_LIMIT {
            return whole(None);
        }
        // Means of the very pixels of each part of a cell; every pixel counts, and none for two.
        let filters = format!("scale={}:{}:flags=area+accurate_rnd", REVIEW.0, REVIEW.1);
        Review { width: REVIEW.0, height: REVIEW.1, filters: Some(filters) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Builtin, Preset};
    use crate::encode::recipe::Source;
    use crate::encode::recipe::joinable::tests::video;

    fn review(preset: Builtin, width: u32, height: u32) -> (u32, u32) {
        let source = Source { width, height, deep: false, linear: false, alpha: false };
        let Review { width, height, .. } = Recipe::resolve(&video(Preset::Builtin(preset)), &source).unwrap().review();
        (width, height)
    }

    #[test]
    fn frames_are_reduced_where_sizes_divide() {
        for size in [(1920, 1080), (1280, 720), (3840, 2160), (64, 18), (32, 18)] {
            assert_eq!(review(Builtin::H264, size.0, size.1), REVIEW, "{size:?}");
        }
        for (width, height) in [(1920, 1088), (1024, 1024), (854, 480), (7680, 4320), (2, 2)] {
            assert_eq!(review(Builtin::H264, width, height), (width, height));
        }
    }

    #[test]
    fn frames_that_are_fed_as_rgb_come_whole() {
        for preset in [Builtin::Lossless, Builtin::Ffv1, Builtin::Prores, Builtin::H264Ten, Builtin::Gif] {
            assert_eq!(review(preset, 1920, 1080), (1920, 1080), "{}", preset.name());
        }
    }
}
