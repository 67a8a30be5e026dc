//! Dates and times in names: the forms, and what a number in one means.

use crate::sequence::group::cut::{Number, digits_of};

/// What digits of a stamp say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    /// Of this century.
    ShortYear,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    /// Digits after the point of a second.
    Fraction,
    /// Seconds since 1970.
    Epoch,
}

use Field::{Day, Epoch, Fraction, Hour, Millisecond, Minute, Month, Second, ShortYear, Year};

/// How one run of a stamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunForm {
    /// The fewest and the most digits.
    widths: (u8, u8),
    /// What they say. Several fields have fixed widths.
    fields: &'static [Field],
}

/// The forms of a date or a time of day, one run of digits each entry.
pub(super) type Form = &'static [RunForm];

const fn run(least: u8, most: u8, fields: &'static [Field]) -> RunForm {
    RunForm { widths: (least, most), fields }
}

pub(super) const Y_M_D: Form = &[run(4, 4, &[Year]), run(1, 2, &[Month]), run(1, 2, &[Day])];
pub(super) const D_M_Y: Form = &[run(1, 2, &[Day]), run(1, 2, &[Month]), run(4, 4, &[Year])];
pub(super) const M_D_Y: Form = &[run(1, 2, &[Month]), run(1, 2, &[Day]), run(4, 4, &[Year])];
pub(super) const Y_MD: Form = &[run(4, 4, &[Year]), run(4, 4, &[Month, Day])];
pub(super) const YMD: Form = &[run(8, 8, &[Year, Month, Day])];
pub(super) const YMDHM: Form = &[run(12, 12, &[Year, Month, Day, Hour, Minute])];
pub(super) const YMDHMS: Form = &[run(14, 14, &[Year, Month, Day, Hour, Minute, Second])];
pub(super) const YMDHMSF: Form = &[run(17, 17, &[Year, Month, Day, Hour, Minute, Second, Millisecond])];
pub(super) const SHORT_Y_M_D: Form = &[run(2, 2, &[ShortYear]), run(2, 2, &[Month]), run(2, 2, &[Day])];
pub(super) const SHORT_YMD: Form = &[run(6, 6, &[ShortYear, Month, Day])];
pub(super) const MD: Form = &[run(4, 4, &[Month, Day])];
pub(super) const H_M_S: Form = &[run(1, 2, &[Hour]), run(2, 2, &[Minute]), run(2, 2, &[Second])];
pub(super) const HMS: Form = &[run(6, 6, &[Hour, Minute, Second])];
pub(super) const HMSF: Form = &[run(9, 9, &[Hour, Minute, Second, Millisecond])];
pub(super) const H_M: Form = &[run(2, 2, &[Hour]), run(2, 2, &[Minute])];
pub(super) const HM: Form = &[run(4, 4, &[Hour, Minute])];
pub(super) const EPOCH: Form = &[run(10, 10, &[Epoch])];

/// The fraction of a second, of one width or of any.
pub(super) fn fraction(width: Option<u8>) -> RunForm {
    run(width.unwrap_or(1), width.unwrap_or(u8::MAX), &[Fraction])
}

/// The smallest difference of two stamps of this form, in nanoseconds.
pub(super) fn grain(form: &[RunForm]) -> i64 {
    match Unit::of(form) {
        Unit::Day => DAY_SECONDS * SECOND,
        Unit::Minute => 60 * SECOND,
        Unit::Second => SECOND,
        Unit::Fraction => match form.last() {
            Some(last) if last.fields == [Fraction] => 10_i64.pow(9 - u32::from(last.widths.1.min(9))),
            _ => 1_000_000,
        },
    }
}

impl Field {
    fn width(self) -> u32 {
        match self {
            Year => 4,
            Millisecond => 3,
            _ => 2,
        }
    }

    fn holds(self, value: i64) -> bool {
        let range = match self {
            Year => 1970..=2199,
            ShortYear => 0..=99,
            Month => 1..=12,
            Day => 1..=31,
            Hour => 0..=23,
            Minute | Second => 0..=59,
            Millisecond => 0..=999,
            Fraction => 0..=i64::MAX,
            Epoch => 1_000_000_000..=2_300_000_000,
        };
        range.contains(&value)
    }

    fn letter(self) -> char {
        match self {
            Year => 'Y',
            ShortYear => 'y',
            Month => 'M',
            Day => 'D',
            Hour => 'h',
            Minute => 'm',
            Second => 's',
            Millisecond | Fraction => 'f',
            Epoch => 'e',
        }
    }
}

/// The form of a stamp as a text, one word for each run.
pub(super) fn describe(form: &[RunForm]) -> String {
    let word = |run: &RunForm| run.fields.iter().map(|field| field.letter()).collect::<String>();
    form.iter().map(word).collect::<Vec<_>>().join("-")
}

/// How fine a stamp is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Fraction,
    Second,
    Minute,
    Day,
}

impl Unit {
    pub(super) fn of(form: &[RunForm]) -> Self {
        let has = |wanted: &[Field]| form.iter().any(|run| run.fields.iter().any(|field| wanted.contains(field)));
        if has(&[Fraction, Millisecond]) {
            Self::Fraction
        } else if has(&[Second, Epoch]) {
            Self::Second
        } else if has(&[Minute]) {
            Self::Minute
        } else {
            Self::Day
        }
    }
}

const SECOND: i64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;

/// The fields of one stamp, while its runs are read.
#[derive(Debug, Clone, Copy)]
struct Moment {
    year: i64,
    month: i64,
    day: i64,
    seconds: i64,
    fraction: i64,
}

impl Moment {
    fn take(&mut self, run: &RunForm, number: Number) -> bool {
        if !(run.widths.0..=run.widths.1).contains(&number.width) {
            return false;
        }
        let mut rest = number.value;
        for field in run.fields.iter().rev() {
            let value = if run.fields.len() == 1 {
                rest
            } else {
                let scale = 10_i64.pow(field.width());
                let value = rest % scale;
                rest /= scale;
                value
            };
            if !field.holds(value) {
                return false;
            }
            match field {
                Year => self.year = value,
                ShortYear => self.year = 2000 + value,
                Month => self.month = value,
                Day => self.day = value,
                Hour => self.seconds += value * 3600,
                Minute => self.seconds += value * 60,
                Second | Epoch => self.seconds += value,
                Millisecond => self.fraction += value * 1_000_000,
                Fraction => self.fraction += nanoseconds(number),
            }
        }
        true
    }
}

/// The nanoseconds that digits after the point say. Digits after the ninth count for nothing.
fn nanoseconds(number: Number) -> i64 {
    match u32::from(number.width) {
        width @ 0..=9 => number.value * 10_i64.pow(9 - width),
        // A width of more than 27 has 18 zeros in front, or a value that is cut to nothing.
        width => number.value / 10_i64.checked_pow(width - 9).unwrap_or(i64::MAX),
    }
}

/// The point in time that `numbers` say in `form`, in nanoseconds since 1970; `None` where they do not fit.
pub(super) fn read(form: &[RunForm], numbers: impl IntoIterator<Item = Number>) -> Option<i64> {
    // Without a year, 2000: it has all days. Without a date, the first day of 1970.
    let year = if form.iter().any(|run| run.fields.contains(&Month)) { 2000 } else { 1970 };
    let mut moment = Moment { year, month: 1, day: 1, seconds: 0, fraction: 0 };
    if !form.iter().zip(numbers).all(|(run, number)| moment.take(run, number)) {
        return None;
    }
    if moment.day > days_in(moment.year, moment.month) {
        return None;
    }
    let days = days_before_year(moment.year) - days_before_year(1970)
        + (1..moment.month).map(|month| days_in(moment.year, month)).sum::<i64>()
        + moment.day
        - 1;
    Some((days * DAY_SECONDS + moment.seconds) * SECOND + moment.fraction)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the beginning of the calendar to the first of January.
fn days_before_year(year: i64) -> i64 {
    let before = year - 1;
    before * 365 + before / 4 - before / 100 + before / 400
}

/// Whether `text` can stand between two parts of one stamp: one to three bytes without a letter but `T`.
pub(super) fn is_separator(text: &[u8]) -> bool {
    (1..=3).contains(&text.len()) && !text.iter().any(|byte| byte.is_ascii_alphabetic() && *byte != b'T')
}

/// In how many equal steps of a frame these fractions count, if they are sub-frames: of one width, zero among them,
/// and none further from a step than rounding brings.
pub(super) fn steps_of_a_frame(fractions: &[i64], width: u8) -> Option<i64> {
    if !(2..=9).contains(&width) || !fractions.contains(&0) {
        return None;
    }
    let one = 10_i64.pow(u32::from(width));
    (2..=20)
        .filter(|steps| steps * 4 < one)
        .find(|steps| fractions.iter().all(|fraction| is_step_of_a_frame(*fraction, width, *steps)))
}

/// Whether a fraction of this width is one of this many equal steps.
pub(super) fn is_step_of_a_frame(fraction: i64, width: u8, steps: i64) -> bool {
    debug_assert!(digits_of(fraction) <= width);
    let one = 10_i64.pow(u32::from(width.min(9)));
    let nearest = (fraction * steps + one / 2) / one;
    (fraction * steps - nearest * one).abs() <= steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(form: &[RunForm], texts: &[&str]) -> Option<i64> {
        let number = |text: &&str| Number { value: text.parse().unwrap(), width: u8::try_from(text.len()).unwrap() };
        read(form, texts.iter().map(number))
    }

    #[test]
    fn stamps_are_nanoseconds_since_1970() {
        assert_eq!(stamp(YMDHMS, &["19700102000001"]), Some(86_401 * SECOND));
        assert_eq!(stamp(Y_M_D, &["2000", "3", "1"]), Some(951_868_800 * SECOND));
        assert_eq!(stamp(D_M_Y, &["29", "02", "2024"]), Some(1_709_164_800 * SECOND));
        assert_eq!(stamp(YMDHMSF, &["20240229235959999"]), Some(1_709_251_199_999_000_000));
        assert_eq!(stamp(H_M_S, &["1", "02", "03"]), Some(3723 * SECOND));
        assert_eq!(stamp(&[EPOCH[0], fraction(None)], &["1679847555", "25"]), Some(1_679_847_555_250_000_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        assert_eq!(stamp(YMD, &["20230229"]), None);
        assert_eq!(stamp(YMD, &["20231301"]), None);
        assert_eq!(stamp(HMS, &["240000"]), None);
        assert_eq!(stamp(HMS, &["235960"]), None);
        assert_eq!(stamp(HMS, &["12000"]), None);
    }

    #[test]
    fn sub_frames_are_even_steps() {
        assert_eq!(steps_of_a_frame(&[0, 250, 500, 750], 3), Some(4));
        assert_eq!(steps_of_a_frame(&[0, 333, 667], 3), Some(3));
        assert_eq!(steps_of_a_frame(&[0, 2500, 5000], 4), Some(4));
        assert_eq!(steps_of_a_frame(&[250, 500], 3), None);
        assert_eq!(steps_of_a_frame(&[0, 123], 3), None);
    }
}
