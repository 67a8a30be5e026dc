//! How far apart the numbers of a sequence are, the missing ones as ranges, and how ranges print.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sequence::FrameNumber;

/// Ascending, disjoint, inclusive ranges of frame numbers. Prints as `3, 7-9`; a range in steps of five as `5-15x5`; one
/// with a negative number as `-9 to -7`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Written>", into = "Vec<Written>")]
pub struct NumberRanges(Vec<Range>);

/// The numbers from `first` to `last`, which is one of them, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: FrameNumber,
    last: FrameNumber,
    step: FrameNumber,
}

/// A range in the journal. Those of before steps have two numbers.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Whole(FrameNumber, FrameNumber),
    Stepped(FrameNumber, FrameNumber, FrameNumber),
}

impl From<Vec<Written>> for NumberRanges {
    fn from(ranges: Vec<Written>) -> Self {
        let range = |written| match written {
            Written::Whole(first, last) => Range { first, last, step: 1 },
            Written::Stepped(first, last, step) => Range { first, last, step: step.max(1) },
        };
        Self(ranges.into_iter().map(range).collect())
    }
}

impl From<NumberRanges> for Vec<Written> {
    fn from(ranges: NumberRanges) -> Self {
        let written = |range: Range| match range.step {
            1 => Written::Whole(range.first, range.last),
            step => Written::Stepped(range.first, range.last, step),
        };
        ranges.0.into_iter().map(written).collect()
    }
}

/// How far apart the numbers of consecutive frames are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// They are points in time: any number may be the next one.
    Free,
    /// The next number is this much larger, at least one. Renderers write every second or tenth frame for a preview.
    Every(FrameNumber),
}

impl Spacing {
    /// The spacing of numbers that count, which ascend: their constant step, see [`step_of`].
    pub fn of_count(numbers: impl IntoIterator<Item = FrameNumber>) -> Self {
        Self::Every(step_of(numbers))
    }

    /// Whether nothing is missing between two numbers of which `next` is the larger.
    #[must_use]
    pub fn follows(self, before: FrameNumber, next: FrameNumber) -> bool {
        match self {
            Self::Free => true,
            Self::Every(step) => before.checked_add(step) == Some(next),
        }
    }
}

/// The constant step of `numbers`, which ascend: the most frequent difference, if three in four differences are equal to
/// it and all are multiples of it. One where there is no such step.
///
/// Three in four, so that some missing frames do not hide the step of a preview on every tenth frame, and frames at odd
/// places have no step: what is between those counts as missing, and a batch with missing numbers keeps its frames.
pub fn step_of(numbers: impl IntoIterator<Item = FrameNumber>) -> FrameNumber {
    let mut counts: BTreeMap<FrameNumber, usize> = BTreeMap::new();
    let mut total = 0;
    let mut previous: Option<FrameNumber> = None;
    for number in numbers {
        if let Some(before) = previous {
            let difference = number.saturating_sub(before);
            if difference == 1 {
                return 1;
            }
            *counts.entry(difference).or_default() += 1;
            total += 1;
        }
        previous = Some(number);
    }
    let step = counts.iter().max_by_key(|(difference, count)| (**count, Reverse(**difference)));
    let is_step = |(step, count): &(&FrameNumber, &usize)| {
        total >= 2 && *count * 4 >= total * 3 && counts.keys().all(|difference| difference % *step == 0)
    };
    step.filter(is_step).map_or(1, |(step, _)| *step)
}

impl NumberRanges {
    /// Every number from the first to the last of each pair; the pairs ascend.
    #[must_use]
    pub fn of_spans(spans: impl IntoIterator<Item = (FrameNumber, FrameNumber)>) -> Self {
        Self(spans.into_iter().map(|(first, last)| Range::new(first, last, 1)).collect())
    }

    /// The numbers between the first and the last of `numbers` that are not among them, in their constant step.
    /// `numbers` ascend.
    #[must_use]
    pub fn missing_from(numbers: impl IntoIterator<Item = FrameNumber>) -> Self {
        let numbers: Vec<FrameNumber> = numbers.into_iter().collect();
        let step = step_of(numbers.iter().copied());
        let gap = |pair: &[FrameNumber]| {
            (pair[1].saturating_sub(pair[0]) > step).then(|| Range::new(pair[0] + step, pair[1] - step, step))
        };
        Self(numbers.windows(2).filter_map(gap).collect())
    }

    /// `numbers`, which ascend: one range in steps where all are a constant step apart.
    #[must_use]
    pub fn of(numbers: &[FrameNumber]) -> Self {
        let step = step_of(numbers.iter().copied());
        match numbers {
            [first, .., last] if step > 1 && numbers.windows(2).all(|pair| pair[1].saturating_sub(pair[0]) == step) => {
                Self(vec![Range::new(*first, *last, step)])
            }
            _ => Self::default().with(numbers),
        }
    }

    /// These numbers and `numbers`, which ascend and are in none of the ranges.
    #[must_use]
    pub fn with(mut self, numbers: &[FrameNumber]) -> Self {
        self.0.extend(numbers.iter().map(|number| Range::new(*number, *number, 1)));
        self.0.sort_unstable_by_key(|range| range.first);
        self.0.dedup_by(|next, range| {
            let touches = next.step == 1 && range.step == 1 && range.last.checked_add(1) == Some(next.first);
            if touches {
                range.last = next.last;
            }
            touches
        });
        self
    }

    /// The ranges without `numbers`, which ascend.
    #[must_use]
    pub fn without(&self, numbers: &[FrameNumber]) -> Self {
        let mut ranges = Vec::with_capacity(self.0.len());
        for &Range { first, last, step } in &self.0 {
            let from = numbers.partition_point(|number| *number < first);
            let within = numbers[from..].iter().copied().take_while(|number| *number <= last);
            let mut next = Some(first);
            for number in within.filter(|number| number.abs_diff(first) % step.unsigned_abs() == 0) {
                ranges.extend(next.filter(|next| *next < number).map(|next| Range::new(next, number - step, step)));
                next = number.checked_add(step);
            }
            ranges.extend(next.filter(|next| *next <= last).map(|next| Range::new(next, last, step)));
        }
        Self(ranges)
    }

    /// Every number in it, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = FrameNumber> + '_ {
        let of = |range: &Range| (range.first..=range.last).step_by(usize::try_from(range.step).unwrap_or(usize::MAX));
        self.0.iter().flat_map(of)
    }

    /// Whether `number` is in it.
    #[must_use]
    pub fn contains(&self, number: FrameNumber) -> bool {
        let at = self.0.partition_point(|range| range.first <= number);
        let range = at.checked_sub(1).and_then(|at| self.0.get(at));
        range.is_some_and(|range| number <= range.last && number.abs_diff(range.first) % range.step.unsigned_abs() == 0)
    }

    /// Whether no number is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers are in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        let counts = self.0.iter().map(|range| range.last.abs_diff(range.first) / range.step.unsigned_abs());
        counts.fold(0, |sum, count| sum.saturating_add(count).saturating_add(1))
    }

    /// The ranges, ascending: the first number, the last, and the step from one to the next.
    pub fn iter(&self) -> impl Iterator<Item = (FrameNumber, FrameNumber, FrameNumber)> + '_ {
        self.0.iter().map(|range| (range.first, range.last, range.step))
    }
}

impl Range {
    /// One number has no step, so that it is written as it always was.
    fn new(first: FrameNumber, last: FrameNumber, step: FrameNumber) -> Self {
        Self { first, last, step: if first == last { 1 } else { step } }
    }
}

/// From one number to another, as people say it: `1-240`. A dash between numbers that have one themselves cannot be read, so
/// that it is `-30 to -1` for these.
#[derive(Debug, Clone, Copy)]
pub struct Span(pub FrameNumber, pub FrameNumber);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(first, last) = self;
        let to = if *first < 0 || *last < 0 { " to " } else { "-" };
        write!(f, "{first}{to}{last}")
    }
}

impl fmt::Display for NumberRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Range { first, last, step }) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            match (first == last, step) {
                (true, _) => write!(f, "{first}")?,
                (false, 1) => write!(f, "{}", Span(*first, *last))?,
                (false, step) => write!(f, "{}x{step}", Span(*first, *last))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_print_as_ranges() {
        let gaps = NumberRanges::missing_from([-2, 0, 1, 3, 7]);
        assert_eq!(gaps.to_string(), "-1, 2, 4-6");
        assert_eq!(gaps.count(), 5);
        assert_eq!(gaps.with(&[0, 3, 9]).to_string(), "-1 to 0, 2-6, 9");
        assert_eq!(NumberRanges::missing_from([-31, -10]).to_string(), "-30 to -11");
        let fives =
            NumberRanges::missing_from((-6..9).map(|number| number * 5).filter(|number| ![-20, -15].contains(number)));
        assert_eq!(fives.to_string(), "-20 to -15x5");
        assert!(NumberRanges::missing_from([5, 6, 7]).is_empty());
        assert_eq!(NumberRanges::default().to_string(), "");
    }

    /// Patterns can ask for numbers of 19 digits.
    #[test]
    fn numbers_at_both_ends_are_as_good_as_others() {
        let end = 9_000_000_000_000_000_000;
        let gaps = NumberRanges::missing_from([-end, end]);
        assert_eq!(gaps.count(), 17_999_999_999_999_999_999);
        assert_eq!(gaps.without(&[end - 1]).to_string(), format!("{} to {}", 1 - end, end - 2));
        let all = NumberRanges::of_spans([(i64::MIN, i64::MAX), (0, 1)]);
        assert_eq!(all.count(), u64::MAX);
    }

    #[test]
    fn ranges_know_their_numbers() {
        for numbers in [vec![], vec![-3, -2, -1, 4, 7, 8, 9], vec![0, 10, 20, 50, 60, 70, 80, 90, 100]] {
            let gaps = NumberRanges::missing_from(numbers.iter().copied());
            let all: Vec<i64> = gaps.numbers().collect();
            let ranges = NumberRanges::default().with(&numbers);
            for number in -5..110 {
                assert_eq!(gaps.contains(number), all.contains(&number), "{number} in {gaps}");
                assert_eq!(ranges.contains(number), numbers.contains(&number), "{number} in {ranges}");
            }
        }
        assert!(NumberRanges::missing_from([i64::MIN, i64::MAX]).contains(0));
    }

    #[test]
    fn a_constant_step_is_no_gap() {
        let tens: Vec<i64> = (0..20).map(|number| number * 10).collect();
        assert!(NumberRanges::missing_from(tens.iter().copied()).is_empty());
        let holes = NumberRanges::missing_from(tens.iter().copied().filter(|n| ![50, 110, 120].contains(n)));
        assert_eq!((holes.to_string().as_str(), holes.count()), ("50, 110-120x10", 3));
        assert_eq!(NumberRanges::missing_from([1, 3]).to_string(), "2");
        assert!(NumberRanges::missing_from([1, 3, 5]).is_empty());
        assert_eq!(NumberRanges::missing_from([1, 101, 201, 250]).to_string(), "2-100, 102-200, 202-249");
        assert!(NumberRanges::missing_from([i64::MIN, i64::MAX]).count() > 0);
    }

    #[test]
    fn numbers_print_as_ranges_and_in_their_constant_step() {
        let print = |numbers: &[i64]| NumberRanges::of(numbers).to_string();
        assert_eq!(print(&[]), "");
        assert_eq!(print(&[7]), "7");
        assert_eq!(print(&[1, 2, 3, 5]), "1-3, 5");
        assert_eq!(print(&[2, 4, 6, 8]), "2-8x2");
        assert_eq!(print(&[2, 4, 6, 10]), "2, 4, 6, 10");
    }

    #[test]
    fn ranges_of_earlier_journals_are_read() {
        let old: NumberRanges = serde_json::from_str("[[3,3],[7,9]]").unwrap();
        assert_eq!(old.to_string(), "3, 7-9");
        assert_eq!(serde_json::to_string(&old).unwrap(), "[[3,3],[7,9]]");
        let stepped = NumberRanges::missing_from([0, 5, 10, 25, 30, 35, 40, 45, 50]);
        let text = serde_json::to_string(&stepped).unwrap();
        assert_eq!(text, "[[15,20,5]]");
        assert_eq!(serde_json::from_str::<NumberRanges>(&text).unwrap(), stepped);
    }

    #[test]
    fn a_constant_step_is_one_that_nearly_all_keep() {
        let step = |numbers: &[i64]| step_of(numbers.iter().copied());
        assert_eq!(step(&[1, 3, 5, 7]), 2);
        assert_eq!(step(&[0, 10, 20, 40, 50, 60]), 10, "one is missing");
        assert_eq!(step(&[-20, -10, 0, 10]), 10);
        assert_eq!(step(&[1, 3]), 1, "one difference is no step");
        assert_eq!(step(&[1, 3, 5, 6, 8]), 1);
        assert_eq!(step(&[3, 17, 42]), 1);
        assert_eq!(step(&[1, 3, 5, 10]), 1, "not a multiple");
        assert_eq!(step(&[2, 4, 8, 12, 14]), 1, "half of them keep it");
        assert_eq!(step(&[]), 1);
    }

    proptest! {
        #[test]
        fn what_is_there_and_what_is_missing_make_the_whole(
            numbers in prop::collection::btree_set(-50i64..50, 0..40),
            scale in prop::sample::select(vec![1i64, 1, 7]),
        ) {
            let numbers: Vec<i64> = numbers.into_iter().map(|number| number * scale).collect();
            let gaps = NumberRanges::missing_from(numbers.iter().copied());
            let step = usize::try_from(step_of(numbers.iter().copied())).unwrap();
            let mut missing = Vec::new();
            for (first, last, step) in gaps.iter() {
                missing.extend((first..=last).step_by(usize::try_from(step).unwrap()));
            }
            prop_assert_eq!(gaps.count(), missing.len() as u64);
            let whole = numbers.first().zip(numbers.last()).map_or(0..0, |(first, last)| *first..*last + 1);
            let left: Vec<i64> = whole.step_by(step).filter(|number| !numbers.contains(number)).collect();
            prop_assert_eq!(&missing, &left);
            prop_assert_eq!(NumberRanges::default().with(&left).count(), gaps.count());
            let odd: Vec<i64> = (-360..360).filter(|number| number % 3 == 0).collect();
            let rest: Vec<i64> = left.into_iter().filter(|number| !odd.contains(number)).collect();
            prop_assert_eq!(gaps.without(&odd).numbers().collect::<Vec<_>>(), rest);
        }
    }
}
