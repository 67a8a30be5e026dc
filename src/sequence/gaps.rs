//! Missing numbers as ranges, and how ranges print.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sequence::FrameNumber;

/// Ascending, disjoint, inclusive ranges of frame numbers. Prints as `3, 7-9`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberRanges(Vec<(FrameNumber, FrameNumber)>);

impl NumberRanges {
    /// The numbers between the first and the last of `numbers` that are not among them. `numbers` ascend.
    #[must_use]
    pub fn missing_from(numbers: impl IntoIterator<Item = FrameNumber>) -> Self {
        let mut ranges = Vec::new();
        let mut previous: Option<FrameNumber> = None;
        for number in numbers {
            if let Some(before) = previous
                && number.saturating_sub(before) > 1
            {
                ranges.push((before + 1, number - 1));
            }
            previous = Some(number);
        }
        Self(ranges)
    }

    /// These numbers and `numbers`, which ascend and are in none of the ranges.
    #[must_use]
    pub fn with(mut self, numbers: &[FrameNumber]) -> Self {
        self.0.extend(numbers.iter().map(|number| (*number, *number)));
        self.0.sort_unstable();
        self.0.dedup_by(|next, range| {
            let touches = range.1.checked_add(1) == Some(next.0);
            if touches {
                range.1 = next.1;
            }
            touches
        });
        self
    }

    /// The ranges without `numbers`, which ascend.
    #[must_use]
    pub fn without(&self, numbers: &[FrameNumber]) -> Self {
        let mut ranges = Vec::with_capacity(self.0.len());
        for &(first, last) in &self.0 {
            let from = numbers.partition_point(|number| *number < first);
            let within = numbers[from..].iter().take_while(|number| **number <= last);
            let mut next = Some(first);
            for number in within {
                ranges.extend(next.filter(|next| next < number).map(|next| (next, number - 1)));
                next = number.checked_add(1);
            }
            ranges.extend(next.filter(|next| *next <= last).map(|next| (next, last)));
        }
        Self(ranges)
    }

    /// Whether no number is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers are in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| last.abs_diff(*first) + 1).sum()
    }

    /// The ranges, ascending, both ends included.
    pub fn iter(&self) -> impl Iterator<Item = (FrameNumber, FrameNumber)> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for NumberRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            if first == last {
                write!(f, "{first}")?;
            } else {
                write!(f, "{first}-{last}")?;
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
    }

    proptest! {
        #[test]
        fn what_is_there_and_what_is_missing_make_the_whole(numbers in prop::collection::btree_set(-50i64..50, 0..40)) {
            let gaps = NumberRanges::missing_from(numbers.iter().copied());
            let missing: Vec<i64> = gaps.iter().flat_map(|(first, last)| first..=last).collect();
            prop_assert_eq!(gaps.count(), missing.len() as u64);
            let whole = numbers.first().zip(numbers.last()).map_or(0..0, |(first, last)| *first..*last + 1);
            let left: Vec<i64> = whole.filter(|number| !numbers.contains(number)).collect();
            prop_assert_eq!(&missing, &left);
            prop_assert_eq!(NumberRanges::default().with(&left), gaps.clone());
            let odd: Vec<i64> = (-60..60).filter(|number| number % 3 == 0).collect();
            let rest: Vec<i64> = left.into_iter().filter(|number| !odd.contains(number)).collect();
            prop_assert_eq!(NumberRanges::default().with(&rest), gaps.without(&odd));
        }
    }
}
