//! The digit runs of a name that can be its number.

use crate::sequence::name::{Digits, Follower, NUMBER_DIGITS, Reading, STAMP_DIGITS, sign_may_follow, split_extension};

/// A run of digits that can be the frame number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where the number starts, its sign included.
    start: usize,
    /// Where its digits start.
    digits: usize,
    /// Behind its last digit.
    end: usize,
    /// Its value, the sign left out.
    value: i64,
    /// More than nine digits.
    pub stamp: bool,
}

impl Run {
    fn number(&self) -> i64 {
        if self.start < self.digits { -self.value } else { self.value }
    }

    /// `name` with this run as its number.
    pub(crate) fn read<'n>(&self, name: &'n [u8]) -> Reading<'n> {
        Reading {
            prefix: &name[..self.start],
            suffix: &name[self.end..],
            number: self.number(),
            digits: Digits::of(&name[self.digits..self.end]),
            stamp: self.stamp,
            follower: None,
            fixed: None,
        }
    }

    /// `name` with this run as its number and `second`, which lies behind it, going with it.
    pub(crate) fn read_with<'n>(&self, second: &Self, name: &'n [u8]) -> Reading<'n> {
        let follower = Follower {
            between: &name[self.end..second.digits],
            offset: second.value - self.number(),
            digits: Digits::of(&name[second.digits..second.end]),
        };
        Reading { suffix: &name[second.end..], follower: Some(follower), ..self.read(name) }
    }
}

/// The candidates of `name` in order of place, into `runs`; the extension has none.
pub(crate) fn find(name: &[u8], runs: &mut Vec<Run>) {
    runs.clear();
    let stem = split_extension(name).map_or(name, |(stem, _)| stem);
    let mut at = 0;
    while at < stem.len() {
        if !stem[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = end_of_digits(stem, at);
        if let Some(behind) = end_of_date_and_time(stem, at, end) {
            at = behind;
            continue;
        }
        if let Some(value) = value(&stem[at..end]).filter(|_| !is_version(stem, at) && !is_size(stem, at, end)) {
            let signed = value != 0 && at > 0 && stem[at - 1] == b'-' && sign_may_follow(&stem[..at - 1]);
            let start = at - usize::from(signed);
            runs.push(Run { start, digits: at, end, value, stamp: end - at > usize::from(NUMBER_DIGITS) });
        }
        at = end;
    }
}

/// What two names must have in common to be of one sequence whichever run is the number: `name` with every candidate
/// replaced by its kind. A NUL, which no file name contains, marks the place.
pub(crate) fn skeleton(name: &[u8], runs: &[Run], skeleton: &mut Vec<u8>) {
    skeleton.clear();
    let mut from = 0;
    for run in runs {
        skeleton.extend_from_slice(&name[from..run.start]);
        skeleton.extend_from_slice(if run.stamp { b"\0s" } else { b"\0n" });
        from = run.end;
    }
    skeleton.extend_from_slice(&name[from..]);
}

/// The value of 1 to 19 digits that fit; `None` for anything else.
pub(crate) fn value(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > STAMP_DIGITS {
        return None;
    }
    digits.iter().try_fold(0_i64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn end_of_digits(stem: &[u8], start: usize) -> usize {
    stem[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(stem.len(), |length| start + length)
}

/// `v001`, `shot_V2`; but not `conv001`, whose `v` ends a word.
fn is_version(stem: &[u8], start: usize) -> bool {
    let Some(before) = start.checked_sub(1) else { return false };
    matches!(stem[before], b'v' | b'V') && (before == 0 || !stem[before - 1].is_ascii_alphabetic())
}

/// Either half of `1920x1080`: three to five digits on both sides, none of them filled up with zeros.
fn is_size(stem: &[u8], start: usize, end: usize) -> bool {
    let is_length = |from: usize, to: usize| (3..=5).contains(&(to - from)) && stem[from] != b'0';
    let cross = |at: usize| matches!(stem.get(at), Some(b'x' | b'X'));
    if !is_length(start, end) {
        return false;
    }
    if cross(end) && is_length_at(stem, end + 1, is_length) {
        return true;
    }
    let Some(before) = start.checked_sub(1).filter(|at| cross(*at)) else { return false };
    let other = stem[..before].iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    other < before && is_length(other, before)
}

fn is_length_at(stem: &[u8], start: usize, is_length: impl Fn(usize, usize) -> bool) -> bool {
    stem.get(start).is_some_and(u8::is_ascii_digit) && is_length(start, end_of_digits(stem, start))
}

/// Behind `20250101_120000`, if a date starts at `start` and a time of six digits follows. (Four digits behind a date
/// are more often a frame number than hours and minutes.)
fn end_of_date_and_time(stem: &[u8], start: usize, end: usize) -> Option<usize> {
    if !matches!(stem.get(end), Some(b'_' | b'-')) || end_of_digits(stem, end + 1) != end + 7 {
        return None;
    }
    let date = value(&stem[start..end]).filter(|_| end - start == 8)?;
    let time = value(&stem[end + 1..end + 7])?;
    let is_date = (1970..2200).contains(&(date / 10_000))
        && (1..=12).contains(&(date / 100 % 100))
        && (1..=31).contains(&(date % 100));
    let is_time = time / 10_000 < 24 && time / 100 % 100 < 60 && time % 100 < 60;
    (is_date && is_time).then_some(end + 7)
}

#[cfg(test)]
mod tests {
    use bstr::ByteSlice as _;

    use super::*;

    /// Prefix, number and suffix by each candidate.
    fn candidates(name: &str) -> Vec<(String, i64, String)> {
        let mut runs = Vec::new();
        find(name.as_bytes(), &mut runs);
        let read = |run: &Run| run.read(name.as_bytes());
        let text = |bytes: &[u8]| bytes.to_str_lossy().into_owned();
        runs.iter().map(read).map(|r| (text(r.prefix), r.number, text(r.suffix))).collect()
    }

    fn numbers(name: &str) -> Vec<i64> {
        candidates(name).into_iter().map(|(_, number, _)| number).collect()
    }

    #[test]
    fn plain_runs_are_candidates_in_order() {
        assert_eq!(candidates("a(1).jpg"), [("a(".to_owned(), 1, ").jpg".to_owned())]);
        assert_eq!(numbers("00-11-22-33-44-55.jpg"), [0, 11, 22, 33, 44, 55]);
        assert_eq!(numbers("noise.mp4.png"), [4]);
        assert_eq!(numbers("frame.h264"), Vec::<i64>::new());
        assert_eq!(numbers("123"), [123]);
    }

    #[test]
    fn versions_sizes_and_split_time_stamps_are_not() {
        assert_eq!(numbers("shot_v001.0002.exr"), [2]);
        assert_eq!(numbers("V12_3.exr"), [3]);
        assert_eq!(numbers("conv0001.png"), [1]);
        assert_eq!(numbers("a_1920x1080_0007.png"), [7]);
        assert_eq!(numbers("fooX0000Xexr.png"), [0]);
        assert_eq!(numbers("4x0001.png"), [4, 1]);
        assert_eq!(numbers("x_20260101_120001_00001_.png"), [1]);
        assert_eq!(numbers("20260101-120001.png"), Vec::<i64>::new());
        assert_eq!(numbers("20261301_120001.png"), [20_261_301, 120_001]);
        assert_eq!(numbers("20260101_0001.png"), [20_260_101, 1]);
    }

    #[test]
    fn long_runs_are_time_stamps_and_longer_ones_nothing() {
        let mut runs = Vec::new();
        find(b"20230124234916_000000001.png", &mut runs);
        assert_eq!(runs.iter().map(|run| run.stamp).collect::<Vec<_>>(), [true, false]);
        assert_eq!(numbers("9223372036854775807.png"), [i64::MAX]);
        assert_eq!(numbers("9223372036854775808.png"), Vec::<i64>::new());
        assert_eq!(numbers("00000000000000000001.png"), Vec::<i64>::new());
    }

    #[test]
    fn a_minus_is_a_sign_only_where_a_number_can_start() {
        for (name, prefix, number) in [
            ("-0001.png", "", -1),
            ("a.-0001.png", "a.", -1),
            ("a_-0001.png", "a_", -1),
            ("foo -020.png", "foo ", -20),
            ("a-0001.png", "a-", 1),
            ("a--4.png", "a--", 4),
            ("-0000.png", "-", 0),
            ("a.-0.png", "a.-", 0),
        ] {
            assert_eq!(candidates(name), [(prefix.to_owned(), number, ".png".to_owned())], "{name}");
        }
        assert_eq!(numbers("name_20250101120000-12.jpg"), [20_250_101_120_000, 12]);
    }
}
