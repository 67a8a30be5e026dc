//! Frame rates: exact fractions, and how people and programs write them.
//!
//! Owns the reading of a rate, wherever it stands: in the config, in a file's name, in what a generator wrote. It never uses
//! floating point.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::model::decimal::Decimal;

/// A frame rate as a fraction in lowest terms, frames per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRate {
    /// Frames.
    pub num: NonZeroU32,
    /// Seconds.
    pub den: NonZeroU32,
}

/// Why a text is no frame rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRate {
    /// It has not the form of one.
    Malformed,
    /// It is not from 0.001 to 1000 frames per second.
    OutOfRange,
}

/// The rates of which a thousandth less one part in 1001 is in use: 24 stands for 24000/1001 (SMPTE ST 12-1, and halves and
/// multiples of those).
const NTSC: [u64; 8] = [12, 15, 24, 30, 48, 60, 120, 240];

/// The most digits after the point that a person writes. More of them are what a program prints of a binary number.
const MOST_PLACES: usize = 9;

/// How many digits after the point are read of such a number, and what the last of them is the part of. A binary number of 64
/// bits tells 17 digits in all.
const READ_PLACES: usize = 18;
const SCALE: u128 = 1_000_000_000_000_000_000;

/// How far such a number may be from the fraction that it stands for, in those parts: a billionth.
const NEAR: u128 = 1_000_000_000;

impl FrameRate {
    /// `num` / `den` in lowest terms, if both parts are positive and fit the 32-bit signed integers of FFmpeg's
    /// `AVRational`.
    #[must_use]
    pub fn new(num: u64, den: u64) -> Option<Self> {
        if den == 0 {
            return None;
        }
        let divisor = greatest_common_divisor(num, den);
        let part = |value: u64| i32::try_from(value / divisor).ok().and_then(|v| NonZeroU32::new(v.unsigned_abs()));
        Some(Self { num: part(num)?, den: part(den)? })
    }

    /// The broadcast rates: 24000/1001 and its like.
    pub(crate) fn ntsc() -> impl Iterator<Item = Self> {
        NTSC.into_iter().filter_map(|base| Self::new(base * 1000, 1001))
    }

    /// The rate that `text` stands for: a whole number, a decimal, or a fraction.
    ///
    /// The decimals that stand for an NTSC rate mean that rate: `23.976` and `23.98` are 24000/1001. One of more than nine digits
    /// after the point is a binary number, as programs print it, and means the simplest fraction that is within a billionth:
    /// `23.976023976023978` is 24000/1001, `16.666666666666668` is 50/3. Every other decimal is exactly what it says.
    ///
    /// # Errors
    ///
    /// When the text is no rate, or the rate is not from 0.001 to 1000 frames per second.
    pub fn read(text: &str) -> Result<Self, NoRate> {
        let (num, den) = match text.split_once('/') {
            Some((num, den)) => {
                let part = |digits: &str| {
                    Decimal::parse(digits.trim()).filter(|number| number.places == 0 && number.digits > 0)
                };
                let (num, den) = part(num).zip(part(den)).ok_or(NoRate::Malformed)?;
                (num.digits, den.digits)
            }
            None => of_decimal(text.trim()).ok_or(NoRate::Malformed)?,
        };
        // Both have at most 18 digits, so that a thousand times one may not fit.
        let (exact_num, exact_den) = (u128::from(num), u128::from(den));
        let allowed = exact_num * 1000 >= exact_den && exact_num <= exact_den * 1000;
        Self::new(num, den).filter(|_| allowed).ok_or(NoRate::OutOfRange)
    }
}

/// 24 frames per second.
impl Default for FrameRate {
    fn default() -> Self {
        Self { num: NonZeroU32::MIN.saturating_add(23), den: NonZeroU32::MIN }
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den.get() == 1 { write!(f, "{}", self.num) } else { write!(f, "{}/{}", self.num, self.den) }
    }
}

/// The fraction that a decimal means.
fn of_decimal(text: &str) -> Option<(u64, u64)> {
    if let Some(fraction) = text.split_once('.').map(|(_, fraction)| fraction.trim_end_matches('0'))
        && fraction.len() > MOST_PLACES
    {
        return of_binary(text);
    }
    let decimal = Decimal::parse(text)?;
    Some(ntsc(decimal).unwrap_or((decimal.digits, decimal.scale())))
}

/// The NTSC rate that `decimal` is a rounding of, to at least two places.
fn ntsc(decimal: Decimal) -> Option<(u64, u64)> {
    let rounded = |base: u64| (base * 2000 * decimal.scale() + 1001) / 2002;
    let base = NTSC.into_iter().find(|base| decimal.places >= 2 && rounded(*base) == decimal.digits)?;
    Some((base * 1000, 1001))
}

/// The fraction that a binary number stands for, of which a program prints every digit.
fn of_binary(text: &str) -> Option<(u64, u64)> {
    let (whole, fraction) = text.split_once('.')?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let whole = whole.strip_prefix('0').filter(|rest| !rest.is_empty()).unwrap_or(whole);
    if !is_number(whole) || !is_number(fraction) || whole.len() > MOST_PLACES {
        return None;
    }
    let read: String = fraction.chars().chain(std::iter::repeat('0')).take(READ_PLACES).collect();
    let value = whole.parse::<u128>().ok()? * SCALE + read.parse::<u128>().ok()?;
    let (num, den) = simplest((value.saturating_sub(NEAR), SCALE), (value + NEAR, SCALE))?;
    Some((u64::try_from(num).ok()?, u64::try_from(den).ok()?))
}

/// The fraction with the smallest denominator from `low` to `high`, both included; `None` where `low` is above `high`.
pub(crate) fn simplest(low: (u128, u128), high: (u128, u128)) -> Option<(u128, u128)> {
    let (whole, rest) = (low.0.checked_div(low.1)?, low.0.checked_rem(low.1)?);
    if rest == 0 {
        return (low.0 * high.1 <= high.0 * low.1).then_some((whole, 1));
    }
    if whole < high.0.checked_div(high.1)? {
        return Some((whole + 1, 1));
    }
    // Both begin with the same whole number: the rest of each, upside down.
    let (num, den) = simplest((high.1, high.0.checked_sub(whole * high.1)?), (low.1, rest))?;
    Some((whole * num + den, num))
}

pub(crate) fn greatest_common_divisor<T: Copy + Default + PartialEq + std::ops::Rem<Output = T>>(a: T, b: T) -> T {
    if b == T::default() { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_simplest_fraction_is_found() {
        assert_eq!(simplest((1, 3), (1, 2)), Some((1, 2)));
        assert_eq!(simplest((47, 2), (49, 2)), Some((24, 1)));
        assert_eq!(simplest((49, 4), (51, 4)), Some((25, 2)));
        assert_eq!(simplest((3, 1), (3, 1)), Some((3, 1)));
        assert_eq!(simplest((3, 1), (2, 1)), None);
        assert_eq!(simplest((7, 3), (16, 7)), None);
    }

    proptest! {
        /// What any program prints of a rate, with as many digits as a 64-bit number has, is that rate.
        #[test]
        fn a_rate_survives_binary_numbers(num in 1u32..=240_000, den in prop::sample::select(vec![1u32, 3, 7, 1001])) {
            let rate = FrameRate::new(num.into(), den.into()).unwrap();
            let printed = format!("{:.15}", f64::from(num) / f64::from(den));
            if FrameRate::read(&rate.to_string()).is_ok() {
                prop_assert_eq!(FrameRate::read(&printed), Ok(rate), "{}", printed);
            }
        }

        #[test]
        fn the_simplest_fraction_is_within(a in 1u128..10_000, b in 1u128..10_000, c in 1u128..10_000, d in 1u128..10_000) {
            let (low, high) = if a * d <= c * b { ((a, b), (c, d)) } else { ((c, d), (a, b)) };
            let (num, den) = simplest(low, high).unwrap();
            prop_assert!(low.0 * den <= num * low.1 && num * high.1 <= high.0 * den);
        }
    }
}
