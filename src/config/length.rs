//! How long a video is to last, and the rate that follows from that.
//!
//! Owns the rule by which a rate is made of a number of frames and a time. It never uses floating point.

use std::time::Duration;

use super::{Preset, Video, codec};
use crate::model::FrameRate;
use crate::sequence::playback::Playback;
use crate::sequence::rate::RateSource;

/// How long a video is to last, and how slow and how fast it may be for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// All of it, pauses included.
    pub duration: Duration,
    /// The slowest rate, at most the fastest.
    pub slowest: FrameRate,
    /// The fastest rate.
    pub fastest: FrameRate,
}

/// Slower is a row of pictures, each of which stands still.
const SLOWEST: (u64, u64) = (1, 1);
/// Few screens show more, and few players keep up with it.
const FASTEST: (u64, u64) = (60, 1);

impl Length {
    /// A length with its limits, the defaults where `None`. An error is what can never be met, and what to do about it.
    pub fn new(
        duration: Duration,
        slowest: Option<FrameRate>,
        fastest: Option<FrameRate>,
        video: &Video,
    ) -> Result<Self, (String, &'static str)> {
        let or = |rate: Option<FrameRate>, (num, den)| rate.or_else(|| FrameRate::new(num, den)).unwrap_or_default();
        let length = Self { duration, slowest: or(slowest, SLOWEST), fastest: or(fastest, FASTEST) };
        let Self { slowest, fastest, .. } = length;
        if video.playback.hold_first + video.playback.hold_last >= duration {
            return Err(("nothing of it is left beside the pauses".to_owned(), "make it longer than both together"));
        }
        if is_less(fastest, slowest) {
            let message = format!("the slowest rate, {slowest}, is more than the fastest, {fastest}");
            return Err((message, "swap the limits, or leave one out: they are 1 and 60 then"));
        }
        codec::refuses_rate(&video.preset, slowest).map_or(Ok(length), Err)
    }

    /// The rate at which so many frames, with the pauses of `playback` around them, last as long as they are to, and what it is
    /// taken from.
    ///
    /// That is a whole number of frames per second where the video then lasts within a hundredth of its time, because whole
    /// rates are what players and editors know best; else exactly the fraction. Where that is slower or faster than allowed, or than
    /// the format can be, it is the slowest or the fastest.
    pub(super) fn rate(&self, frames: u64, playback: &Playback, preset: &Preset) -> (FrameRate, RateSource) {
        let still = playback.hold_first + playback.hold_last;
        let ms = u64::try_from(self.duration.saturating_sub(still).as_millis()).unwrap_or(u64::MAX).max(1);
        let thousandfold = frames.max(1).saturating_mul(1000);
        let limit = FrameRate::new(codec::fastest(preset), 1).filter(|limit| is_less(*limit, self.fastest));
        let fastest = limit.unwrap_or(self.fastest);
        let is_below = |rate: FrameRate| {
            u128::from(thousandfold) * u128::from(rate.den.get()) < u128::from(rate.num.get()) * u128::from(ms)
        };
        if is_below(self.slowest) {
            return (self.slowest, RateSource::Slowest);
        }
        if !is_below(fastest) && FrameRate::new(thousandfold, ms) != Some(fastest) {
            return (fastest, RateSource::Fastest);
        }
        let whole = (thousandfold + ms / 2) / ms;
        let lasts = whole.saturating_mul(ms);
        let is_near = u128::from(thousandfold.abs_diff(lasts)) * 100 <= u128::from(lasts);
        let whole = FrameRate::new(whole, 1);
        let exact = FrameRate::new(thousandfold, ms);
        let allowed = |rate: &FrameRate| {
            !is_less(*rate, self.slowest) && !is_less(fastest, *rate) && codec::refuses_rate(preset, *rate).is_none()
        };
        let rate =
            whole.filter(|_| is_near).filter(allowed).or_else(|| exact.filter(allowed)).or(whole.filter(allowed));
        rate.map_or((self.slowest, RateSource::Slowest), |rate| (rate, RateSource::Duration))
    }
}

/// Whether `one` is slower than `other`.
fn is_less(one: FrameRate, other: FrameRate) -> bool {
    let product = |num: FrameRate, den: FrameRate| u64::from(num.num.get()) * u64::from(den.den.get());
    product(one, other) < product(other, one)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::Builtin;

    fn length(seconds: u64, slowest: (u64, u64), fastest: (u64, u64)) -> Length {
        let rate = |(num, den)| FrameRate::new(num, den).unwrap();
        Length { duration: Duration::from_secs(seconds), slowest: rate(slowest), fastest: rate(fastest) }
    }

    fn rate_of(length: Length, frames: u64, preset: Builtin) -> (String, RateSource) {
        let (rate, source) = length.rate(frames, &Playback::default(), &Preset::Builtin(preset));
        (rate.to_string(), source)
    }

    #[test]
    fn a_rate_is_whole_where_that_costs_a_hundredth_at_most() {
        let of = |frames| rate_of(length(30, SLOWEST, FASTEST), frames, Builtin::H264);
        let duration = |rate: &str| (rate.to_owned(), RateSource::Duration);
        assert_eq!(of(720), duration("24"));
        assert_eq!(of(725), duration("24"), "30.2 s");
        assert_eq!(of(728), duration("364/15"), "24 would make it last 30.33 s");
        assert_eq!(of(1000), duration("100/3"), "33 would make it last 30.303 s");
        assert_eq!(of(1005), duration("67/2"));
        assert_eq!(of(1800), duration("60"));
        assert_eq!(of(45), duration("3/2"));
        assert_eq!(of(30), duration("1"));
    }

    #[test]
    fn a_rate_is_not_slower_or_faster_than_allowed() {
        let of = |frames, preset| rate_of(length(30, SLOWEST, FASTEST), frames, preset);
        assert_eq!(of(20_000, Builtin::H264), ("60".to_owned(), RateSource::Fastest));
        assert_eq!(of(1801, Builtin::H264), ("60".to_owned(), RateSource::Fastest));
        assert_eq!(of(29, Builtin::H264), ("1".to_owned(), RateSource::Slowest));
        assert_eq!(of(0, Builtin::H264), ("1".to_owned(), RateSource::Slowest));
        assert_eq!(of(1700, Builtin::Gif), ("50".to_owned(), RateSource::Fastest), "a GIF has no more");
        let odd = length(30, (24_000, 1001), (24_000, 1001));
        assert_eq!(rate_of(odd, 720, Builtin::H264), ("24000/1001".to_owned(), RateSource::Fastest));
        assert_eq!(rate_of(odd, 719, Builtin::H264), ("24000/1001".to_owned(), RateSource::Slowest));
    }

    #[test]
    fn pauses_are_in_the_time() {
        let playback =
            Playback { hold_first: Duration::from_secs(2), hold_last: Duration::from_secs(4), ..Playback::default() };
        let (rate, _) = length(30, SLOWEST, FASTEST).rate(720, &playback, &Preset::Builtin(Builtin::H264));
        assert_eq!(rate.to_string(), "30");
    }

    proptest! {
        #[test]
        fn a_video_lasts_as_long_as_it_is_to(frames in 1u64..100_000, seconds in 1u64..600, preset in prop::sample::select(Builtin::ALL.to_vec())) {
            let length = length(seconds, SLOWEST, FASTEST);
            let (rate, source) = length.rate(frames, &Playback::default(), &Preset::Builtin(preset));
            prop_assert!(codec::refuses_rate(&Preset::Builtin(preset), rate).is_none());
            let (num, den) = (u64::from(rate.num.get()), u64::from(rate.den.get()));
            // In hundredths of the frames: what it would take at this rate, and what there is.
            let (lasts, wanted) = (frames * den * 100, seconds * num * 100);
            match source {
                RateSource::Fastest => prop_assert!(lasts >= wanted),
                RateSource::Slowest => prop_assert!(lasts <= wanted),
                _ => prop_assert!(lasts.abs_diff(wanted) * 100 <= wanted * 3, "{} at {}", frames, rate),
            }
        }
    }
}
