//! A look at a sequence that grows, for whoever encodes it meanwhile. It changes nothing.

use std::time::Duration;

use crate::sequence::finish::Rules;
use crate::sequence::gaps::Spacing;
use crate::sequence::tracker::open::Sequence;
use crate::sequence::{Frame, FrameNumber};

/// A sequence that has frames in no batch yet.
#[derive(Debug, Clone, Copy)]
pub struct Growing<'a> {
    pub(super) sequence: &'a Sequence,
    pub(super) rules: &'a Rules,
}

impl<'a> Growing<'a> {
    /// Its frames from `number` on, ascending: those that the next batch would hold.
    pub fn frames_from(&self, number: FrameNumber) -> impl Iterator<Item = Frame> + use<'a> {
        let end = self.sequence.next_run().unwrap_or(FrameNumber::MAX);
        self.sequence.frames.open_from(number).take_while(move |frame| frame.number < end)
    }

    /// Whether there is something to encode: frames that were in no batch yet, enough for a video, and not left alone.
    #[must_use]
    pub fn is_worth_it(&self) -> bool {
        let frames = &self.sequence.frames;
        !self.sequence.is_left_alone(self.rules)
            && frames.fresh() > 0
            && self.sequence.looks_like().is_none()
            && frames.open_count() >= self.rules.min_frames.max(2)
    }

    /// How far apart its numbers are: where one is left out, a frame may still come.
    #[must_use]
    pub fn spacing(&self) -> Spacing {
        self.sequence.spacing()
    }

    /// How many frames there will be from `number` on, that one included, where the config or the generator says beforehand
    /// which one is the last. A guess all the same: numbers may be left out, and more may come.
    #[must_use]
    pub fn count_from(&self, number: FrameNumber) -> Option<u64> {
        let Spacing::Every(step) = self.spacing() else { return None };
        let left = self.sequence.expected_last(self.rules, step)?.checked_sub(number)?;
        u64::try_from(left).ok().map(|left| left / step.unsigned_abs() + 1)
    }

    /// When it will have been quiet for half the silence that ends it, or a little longer than its longest pause where
    /// that is more; `None` where silence never ends it.
    ///
    /// From then on it is likely that no frame comes any more. What was held back for longer chunks is encoded in the half
    /// that is left, so that the video is there when the silence is long enough, and not an encode later.
    #[must_use]
    pub fn quiet_at(&self) -> Option<Duration> {
        let silence = self.sequence.silence(self.rules)?;
        let usual = self.sequence.usual_pause().saturating_mul(5) / 4;
        Some(self.sequence.history.last_change.saturating_add(usual.clamp(silence / 2, silence / 10 * 9)))
    }
}
