//! How decoded frames come to the proof: whole, or reduced to what it compares.

use super::pixels::Pixels;
use super::{Recipe, Tolerance};
use crate::encode::fingerprint::Fingerprint;
use crate::encode::fingerprint::small::{Grid, Layers, Layout};
use crate::frame::color::{Canvas, Feed};

/// This many pixels a side at most become one sample in FFmpeg. Whole frames of 1080p took longer through the pipe than to
/// decode, where pictures are simple, so that FFmpeg makes them small where it does so exactly: up to 3840x2160 its means
/// are the exact ones, rounded; at twice that, where its scaler has the fewest steps for the weight of a pixel, they are 3
/// of 255 off.
const AREA_LIMIT: usize = 120;

/// Decoded frames as the proof gets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFrames {
    size: (u32, u32),
    filters: Option<String>,
    layout: Layout,
    /// The grid that the filters reduce them to, as 4:2:0.
    reduced: Option<Grid>,
}

impl ProofFrames {
    /// FFmpeg's filters that make them of decoded frames; none where they are those.
    #[must_use]
    pub fn filters(&self) -> Option<&str> {
        self.filters.as_deref()
    }

    /// FFmpeg's name of their pixel format.
    #[must_use]
    pub fn pix_fmt(&self) -> &'static str {
        self.layout.ffmpeg_name()
    }

    /// Bytes of a frame.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        match self.reduced {
            Some(grid) => grid.width * grid.height + 2 * grid.chroma(),
            None => self.layout.frame_bytes(self.size.0, self.size.1),
        }
    }

    /// The fingerprint of such a frame of `recipe`.
    #[must_use]
    pub fn fingerprint(&self, recipe: &Recipe, raw: &[u8]) -> Fingerprint {
        match self.reduced {
            Some(grid) => Fingerprint::Small(Layers::reduced(raw, grid)),
            None => recipe.fingerprint(raw, self.layout, self.size),
        }
    }
}

impl Recipe {
    /// What a decoder makes of the frames of the video, for the proof to look at.
    #[must_use]
    pub fn proof_frames(&self) -> ProofFrames {
        let Canvas { width, height, .. } = self.canvas;
        let feed = Layout::Feed(self.feed);
        let whole = |filters, layout| ProofFrames { size: (width, height), filters, layout, reduced: None };
        // A recipe has no other pixel format than one that is known.
        let Some(pixels) = Pixels::of(&self.pix_fmt) else { return whole(None, feed) };
        match (self.tolerance, self.feed) {
            (Tolerance::Exact, Feed::Yuv420p) => return whole(None, feed),
            (Tolerance::Exact, _) => return whole(Some(pixels.filters_back(self.feed)), feed),
            (Tolerance::Like(_), _) => {}
        }
        let grid = Grid::of(width, height);
        let is_reduced = grid.is_even && height as usize / grid.height <= AREA_LIMIT;
        match pixels.filters_to_yuv(is_reduced.then_some(grid)).filter(|_| !self.feed.has_alpha()) {
            Some(filters) if is_reduced => {
                let layout = Layout::Feed(Feed::Yuv420p);
                ProofFrames { size: (width, height), filters: Some(filters), layout, reduced: Some(grid) }
            }
            _ if self.feed == Feed::Yuv420p => whole(None, feed),
            Some(filters) => whole(Some(filters), Layout::Yuv444p),
            // What is compared has eight bits, whatever was fed.
            None => {
                let feed = if self.feed.has_alpha() { Feed::Rgba } else { Feed::Rgb24 };
                whole(Some(pixels.filters_back(feed)), Layout::Feed(feed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Builtin, Preset};
    use crate::encode::recipe::Source;
    use crate::encode::recipe::joinable::tests::video;

    fn proof_frames(preset: Builtin, width: u32, height: u32) -> Option<(usize, usize)> {
        let source = Source { width, height, deep: false, linear: false, alpha: false };
        let proof_frames = Recipe::resolve(&video(Preset::Builtin(preset)), &source).unwrap().proof_frames();
        proof_frames.reduced.map(|grid| (grid.width, grid.height))
    }

    #[test]
    fn frames_are_reduced_where_sizes_divide() {
        for size in [(1920, 1080), (1280, 720), (3840, 2160), (7680, 4320)] {
            assert_eq!(proof_frames(Builtin::H264, size.0, size.1), Some((160, 90)), "{size:?}");
        }
        assert_eq!(proof_frames(Builtin::H264, 1024, 1024), Some((128, 128)));
        for (width, height) in [(1922, 1082), (854, 480)] {
            assert_eq!(proof_frames(Builtin::H264, width, height), None, "{width}x{height}");
        }
    }

    #[test]
    fn frames_that_are_compared_as_rgb_come_whole() {
        for preset in [Builtin::Lossless, Builtin::Ffv1, Builtin::Gif, Builtin::Webp] {
            assert_eq!(proof_frames(preset, 1920, 1080), None, "{}", preset.name());
        }
        for preset in [Builtin::Prores, Builtin::H264Ten, Builtin::Dnxhr] {
            assert_eq!(proof_frames(preset, 1920, 1080), Some((160, 90)), "{}", preset.name());
        }
    }
}
