//! In which order, how often and with which pauses the frames of a batch are shown.
//!
//! Owns what these wishes mean for a list of frames, and nothing else: which frames there are, and in which order they follow
//! each other, is decided before.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::model::FrameRate;

/// How the frames of a batch become the frames of a video. The default is one after the other, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Playback {
    /// From the last to the first.
    pub reverse: bool,
    /// And then back again. Neither end is shown twice, so that the video can go round and round.
    pub ping_pong: bool,
    /// How often that is shown, one time after the other.
    pub times: NonZeroU32,
    /// How long the first frame that is shown stands still before that; an hour at most.
    pub hold_first: Duration,
    /// How long the last frame that is shown stands still after that; an hour at most.
    pub hold_last: Duration,
}

impl Default for Playback {
    fn default() -> Self {
        Self {
            reverse: false,
            ping_pong: false,
            times: NonZeroU32::MIN,
            hold_first: Duration::ZERO,
            hold_last: Duration::ZERO,
        }
    }
}

impl Playback {
    /// The frames as they are shown, without the pauses.
    #[must_use]
    pub fn arrange<T: Clone>(&self, mut frames: Vec<T>) -> Vec<T> {
        if self.reverse {
            frames.reverse();
        }
        if self.ping_pong {
            let back: Vec<T> = frames.iter().skip(1).rev().skip(1).cloned().collect();
            frames.extend(back);
        }
        let round = frames.len();
        for _ in 1..self.times.get() {
            frames.extend_from_within(..round);
        }
        frames
    }

    /// How many there are of them, of so many frames.
    #[must_use]
    pub fn count(&self, frames: u64) -> u64 {
        let round = if self.ping_pong && frames > 1 { frames.saturating_mul(2) - 2 } else { frames };
        round.saturating_mul(self.times.get().into())
    }

    /// How many frames of a video at `rate` the first and the last frame stand still for: as near to the time as whole frames
    /// come.
    #[must_use]
    pub fn pauses(&self, rate: FrameRate) -> (u32, u32) {
        let frames = |pause: Duration| {
            let (num, den) = (u128::from(rate.num.get()), 1000 * u128::from(rate.den.get()));
            u32::try_from((pause.as_millis() * num + den / 2) / den).unwrap_or(u32::MAX)
        };
        (frames(self.hold_first), frames(self.hold_last))
    }

    /// Whether a stretch of frames as they come is also one of the video. Else the last one must be there before anything can
    /// be encoded.
    #[must_use]
    pub fn keeps_stretches(&self) -> bool {
        !self.reverse || self.ping_pong
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(reverse: bool, ping_pong: bool, times: u32, count: u32) -> Vec<u32> {
        let times = NonZeroU32::new(times).unwrap();
        Playback { reverse, ping_pong, times, ..Playback::default() }.arrange((1..=count).collect())
    }

    #[test]
    fn frames_go_forth_back_and_round() {
        assert_eq!(shown(false, false, 1, 4), [1, 2, 3, 4]);
        assert_eq!(shown(true, false, 1, 4), [4, 3, 2, 1]);
        assert_eq!(shown(false, true, 1, 4), [1, 2, 3, 4, 3, 2]);
        assert_eq!(shown(true, true, 1, 4), [4, 3, 2, 1, 2, 3]);
        assert_eq!(shown(false, true, 2, 3), [1, 2, 3, 2, 1, 2, 3, 2]);
        assert_eq!(shown(true, false, 3, 2), [2, 1, 2, 1, 2, 1]);
        for count in 0..=2 {
            assert_eq!(
                shown(false, true, 1, count),
                (1..=count).collect::<Vec<_>>(),
                "{count} have nothing between them"
            );
        }
    }

    #[test]
    fn pauses_are_whole_frames() {
        let pauses = |first, last, num, den| {
            let [hold_first, hold_last] = [first, last].map(Duration::from_millis);
            Playback { hold_first, hold_last, ..Playback::default() }.pauses(FrameRate::new(num, den).unwrap())
        };
        assert_eq!(pauses(2000, 3000, 24, 1), (48, 72));
        assert_eq!(pauses(1000, 0, 24_000, 1001), (24, 0));
        assert_eq!(pauses(20, 21, 24, 1), (0, 1));
        assert_eq!(pauses(3_600_000, 3_600_000, 100_000, 1), (360_000_000, 360_000_000));
    }

    proptest! {
        #[test]
        fn a_round_trip_goes_by_single_steps(reverse: bool, times in 1u32..5, count in 2u32..20) {
            let frames = shown(reverse, true, times, count);
            let playback = Playback {
                ping_pong: true, times: NonZeroU32::new(times).unwrap(), ..Playback::default()
            };
            prop_assert_eq!(frames.len() as u64, playback.count(count.into()));
            // Also from the end to the beginning, as players that loop show it.
            let after = frames.iter().cycle().skip(1);
            prop_assert!(frames.iter().zip(after).all(|(one, next)| one.abs_diff(*next) == 1));
        }
    }
}
