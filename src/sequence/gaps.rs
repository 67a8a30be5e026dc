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
                && number - before > 1
            {
                ranges.push((before + 1, number - 1));
            }
            previous = Some(number);
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
