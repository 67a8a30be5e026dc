//! When each frame of a constant rate is to be shown.
//!
//! All of it is whole numbers: 1001/24000 of a second has no exact floating-point number, and a rounding error that grows
//! with the index would refuse a right video of some hours, or pass a wrong one.

use std::time::Duration;

use crate::config::{Container, FrameRate};
use crate::encode::recipe::Form;
use crate::encode::recipe::Recipe;

/// The clock of a container, as far as frames can be off the exact time because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::encode) enum Clock {
    /// Every time is exact.
    Exact,
    /// Every time is the exact one rounded to this many ticks a second.
    Rounded(u32),
}

impl Clock {
    /// The clock of the file that `recipe` makes. Matroska and WebM count milliseconds, GIF hundredths of a second: at
    /// 24000/1001 frames a second they show steps of 42 and 41 ms, which is right there and would be a flaw in mp4.
    pub(in crate::encode) fn of(recipe: &Recipe, form: Form) -> Self {
        match recipe.container {
            _ if recipe.is_boxes(form) => Self::Exact,
            Container::Mp4 | Container::Mov | Container::Avi => Self::Exact,
            Container::Mkv | Container::Webm | Container::Webp => Self::Rounded(1000),
            Container::Gif => Self::Rounded(100),
        }
    }

    /// Whether `time`, in units of `base.0 / base.1` seconds, is that of frame `index`.
    pub(super) fn is_time_of(self, index: u64, rate: FrameRate, time: i64, base: (u32, u32)) -> bool {
        let (num, den) = (i128::from(rate.num.get()), i128::from(rate.den.get()));
        let index = i128::from(index);
        let (time, up, down) = (i128::from(time), i128::from(base.0), i128::from(base.1));
        match self {
            // time * up / down == index * den / num
            Self::Exact => time * up * num == index * den * down,
            Self::Rounded(ticks) => {
                // Whole ticks, half a tick or less from the exact time.
                let ticks = i128::from(ticks);
                let scaled = time * up * ticks;
                scaled % down == 0 && (2 * (scaled / down * num - index * den * ticks)).abs() <= num
            }
        }
    }
}

/// How long `frames` frames take, rounded down to the microsecond.
pub(in crate::encode) fn duration(frames: u64, rate: FrameRate) -> Duration {
    let micros = u128::from(frames) * u128::from(rate.den.get()) * 1_000_000 / u128::from(rate.num.get());
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// The exact time of frame `index`, for messages.
pub(super) fn exact(index: u64, rate: FrameRate) -> String {
    format!("{} s", FractionOf { index, rate })
}

struct FractionOf {
    index: u64,
    rate: FrameRate,
}

impl std::fmt::Display for FractionOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", u128::from(self.index) * u128::from(self.rate.den.get()), self.rate.num)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;

    fn rate(num: u32, den: u32) -> FrameRate {
        FrameRate { num: NonZeroU32::new(num).unwrap(), den: NonZeroU32::new(den).unwrap() }
    }

    #[test]
    fn film_on_a_millisecond_grid() {
        let film = rate(24_000, 1001);
        // 41.708 ms, 83.417 ms, 125.125 ms
        for (index, time) in [(0, 0), (1, 42), (2, 83), (3, 125)] {
            assert!(Clock::Rounded(1000).is_time_of(index, film, time, (1, 1000)), "{index}");
            assert!(!Clock::Rounded(1000).is_time_of(index, film, time + 1, (1, 1000)), "{index}");
        }
        assert!(Clock::Exact.is_time_of(3, film, 3003, (1, 24_000)));
        assert!(!Clock::Exact.is_time_of(3, film, 125, (1, 1000)));
    }

    #[test]
    fn the_duration_is_the_frames_over_the_rate() {
        assert_eq!(duration(240, rate(24_000, 1001)), Duration::from_millis(10_010));
        assert_eq!(duration(1, rate(3, 1)), Duration::from_micros(333_333));
    }

    proptest! {
        #[test]
        fn the_nearest_tick_is_the_time(index in 0_u64..10_000_000, num in 1_u32..100_000, den in 1_u32..100_000) {
            let nearest = (u128::from(index) * u128::from(den) * 2000 / u128::from(num)).div_ceil(2);
            let nearest = i64::try_from(nearest).unwrap();
            prop_assert!(Clock::Rounded(1000).is_time_of(index, rate(num, den), nearest, (1, 1000)));
            prop_assert!(!Clock::Rounded(1000).is_time_of(index, rate(num, den), nearest + 2, (1, 1000)));
        }
    }
}
