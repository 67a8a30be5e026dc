//! The order of neighbours whose pictures are nearly alike.
//!
//! Owns the comparison of decoded frames with each other. What is far off alone is for [`Judge`](super::judge::Judge).

use crate::encode::error::Flaw;
use crate::frame::signature::Signature;

/// Looks at decoded frames one after the other, each with the one before it.
///
/// A frame that resembles its neighbour proves nothing: codecs at low quality leave out a change that is not worth its
/// bits, and show the frame before once more, or the one after where they predict from there. But whatever is left out,
/// two frames that were left alike are not each more like the other: for every step that one leans towards its
/// neighbour's picture, that neighbour leans one away from its own. So only both together count.
#[derive(Debug)]
pub(super) struct Order {
    /// Cells of two neighbours that differ by less say nothing.
    least: u8,
    before: Option<Pair>,
}

/// A frame as it was fed, and as it was decoded.
#[derive(Debug)]
struct Pair {
    fed: Signature,
    seen: Signature,
}

impl Order {
    /// `allowed` is how much a cell may differ after the codec.
    pub(super) fn new(allowed: u8) -> Self {
        // Neighbours count as swapped when they lean 3/4 of the most that they can. That takes cells that are off by 7/8 of
        // the difference, in both frames, and in opposite directions. From a quarter of the tolerance on that is more than
        // any default quality was measured to be off (see `Tolerance`). At low quality errors are larger, but they follow
        // the pictures: in twelve kinds of fades, flicker, noise and movement at 640x360, with x264, x265, VP9, AV1 and
        // MPEG-4 at CRF 37 and at the bottom of their scales (FFmpeg 5.1), no pair leaned by more than 1/8.
        Self { least: (allowed / 4).max(1), before: None }
    }

    /// Judges decoded frame `index`, which comes after the one of the last call.
    pub(super) fn judge(&mut self, index: u64, fed: Signature, seen: Signature) -> Result<(), Flaw> {
        let before = self.before.replace(Pair { fed, seen });
        let (Some(first), Some(second)) = (&before, &self.before) else { return Ok(()) };
        let (apart, one) = first.fed.lean(&second.fed, &first.seen, self.least);
        let (_, other) = second.fed.lean(&first.fed, &second.seen, self.least);
        // Together they lean by twice what the two are apart, at the most.
        if apart > 0 && 2 * (one + other) >= 3 * apart { Err(Flaw::Swapped { index }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
