//! How far apart the numbers of a sequence are, the missing ones as ranges, and how ranges print.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sequence::FrameNumber;

/// Ascending, disjoint, inclusive ranges of frame numbers, all in one step. Prints as `3, 7-9`, or as `5, 9-13 by 2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct NumberRanges {
    ranges: Vec<(FrameNumber, FrameNumber)>,
    /// From one number of a range to the next, at least one.
    step: FrameNumber,
}

/// Ranges as JSON has them: those of a step of one as a bare list, as every record from before steps were known.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Dense(Vec<(FrameNumber, FrameNumber)>),
    Stepped { step: FrameNumber, ranges: Vec<(FrameNumber, FrameNumber)> },
}

impl From<Stored> for NumberRanges {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Dense(ranges) => Self { ranges, step: 1 },
            Stored::Stepped { step, ranges } => Self { ranges, step: step.max(1) },
        }
    }
}

impl From<NumberRanges> for Stored {
    fn from(NumberRanges { ranges, step }: NumberRanges) -> Self {
        if step == 1 { Self::Dense(ranges) } else { Self::Stepped { step, ranges } }
    }
}

impl Default for NumberRanges {
    fn default() -> Self {
        Self { ranges: Vec::new(), step: 1 }
    }
}

impl NumberRanges {
    /// The numbers between the first and the last of `numbers` that are not among them, in the step of `numbers` (see
    /// [`step_of`]). `numbers` ascend.
    #[must_use]
    pub fn missing_from(numbers: impl IntoIterator<Item = FrameNumber> + Clone) -> Self {
        let step = step_of(numbers.clone());
        let mut ranges = Vec::new();
        let mut previous: Option<FrameNumber> = None;
        for number in numbers {
            if let Some(before) = previous
                && number.saturating_sub(before) > step
            {
                ranges.push((before + step, number - step));
            }
            previous = Some(number);
        }
        Self { ranges, step }
    }

    /// These numbers and `numbers`, which ascend and are in none of the ranges.
    #[must_use]
    pub fn with(mut self, numbers: &[FrameNumber]) -> Self {
        let Self { ranges, step } = &mut self;
        ranges.extend(numbers.iter().map(|number| (*number, *number)));
        ranges.sort_unstable();
        ranges.dedup_by(|next, range| {
            let touches = range.1.checked_add(*step) == Some(next.0);
            if touches {
                range.1 = next.1;
            }
            touches
        });
        self
    }

    /// Whether no number is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many numbers are in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        let steps = |(first, last): &(FrameNumber, FrameNumber)| last.abs_diff(*first) / self.step.unsigned_abs() + 1;
        self.ranges.iter().map(steps).sum()
    }

    /// The ranges, ascending, both ends included.
    pub fn iter(&self) -> impl Iterator<Item = (FrameNumber, FrameNumber)> + '_ {
        self.ranges.iter().copied()
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

impl fmt::Display for NumberRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}-{last}")?;
                if self.step > 1 {
                    write!(f, " by {}", self.step)?;
                }
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
        assert_eq!(gaps.with(&[0, 3, 9]).to_string(), "-1-0, 2-6, 9");
        assert!(NumberRanges::missing_from([5, 6, 7]).is_empty());
        assert_eq!(NumberRanges::default().to_string(), "");
        let stepped = NumberRanges::missing_from([1, 3, 7, 9, 11, 13, 15, 17, 19, 27, 29]);
        assert_eq!((stepped.to_string().as_str(), stepped.count()), ("5, 21-25 by 2", 4));
    }

    #[test]
    fn ranges_of_old_records_are_read() {
        let read = |text: &str| serde_json::from_str::<NumberRanges>(text).unwrap();
        assert_eq!(read("[[3,3],[7,9]]").to_string(), "3, 7-9");
        for ranges in [read("[[3,3],[7,9]]"), NumberRanges::missing_from([1, 3, 7, 9, 11, 13])] {
            assert_eq!(read(&serde_json::to_string(&ranges).unwrap()), ranges);
        }
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
        fn what_is_there_and_what_is_missing_make_the_whole(numbers in prop::collection::btree_set(-50i64..50, 0..40)) {
            let step = usize::try_from(step_of(numbers.iter().copied())).unwrap();
            let gaps = NumberRanges::missing_from(numbers.iter().copied());
            let missing: Vec<i64> = gaps.iter().flat_map(|(first, last)| (first..=last).step_by(step)).collect();
            prop_assert_eq!(gaps.count(), missing.len() as u64);
            let whole = numbers.first().zip(numbers.last()).map_or(0..0, |(first, last)| *first..*last + 1);
            let left: Vec<i64> = whole.step_by(step).filter(|number| !numbers.contains(number)).collect();
            prop_assert_eq!(&missing, &left);
            prop_assert_eq!(NumberRanges { ranges: Vec::new(), step: gaps.step }.with(&left), gaps);
        }
    }
}
