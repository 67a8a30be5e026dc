//! A folder in which nothing goes on, without its files.
//!
//! Owns what is told of such a folder, and what its next reading could not know: which numbers were there. So a million
//! old files are a few lines here. A folder sleeps while all of its files were there before; it is read like a new one as
//! soon as anything in it changes. That costs nothing of value: no rule that depends on time can end such a sequence, so
//! that nothing is decided about it before something changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::sequence::finish::Rules;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::group::LeftAlone;
use crate::sequence::name::NameRule;
use crate::sequence::tracker::{ExistingCount, OpenCount, OpenSequence};
use crate::sequence::{FrameNumber, Pattern};

/// What is kept of a folder that sleeps.
#[derive(Debug)]
pub(super) struct Asleep {
    pub rules: Arc<Rules>,
    pub names: Arc<NameRule>,
    /// Reasons that were told already.
    pub told: Vec<LeftAlone>,
    /// What is told of its sequences, and when each changed last.
    pub sequences: Vec<(OpenSequence, Duration)>,
    pub existing: ExistingCount,
    pub old: OldNumbers,
}

/// The numbers whose files were there before a folder fell asleep. A new file with one of them was written over an old one.
#[derive(Debug, Default)]
pub(super) struct OldNumbers(HashMap<Pattern, NumberRanges>);

impl OldNumbers {
    /// Adds those of a sequence. `numbers` ascend.
    pub(super) fn add(&mut self, pattern: &Pattern, numbers: &[FrameNumber]) {
        if !numbers.is_empty() {
            self.0.insert(pattern.clone(), NumberRanges::default().with(numbers));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, pattern: &Pattern, number: FrameNumber) -> bool {
        self.0.get(pattern).is_some_and(|numbers| numbers.contains(number))
    }
}

impl Asleep {
    /// How many sequences are told of, and their frames.
    pub(super) fn open_count(&self) -> OpenCount {
        self.sequences.iter().map(|(sequence, _)| OpenCount { sequences: 1, frames: sequence.count }).sum()
    }

    pub(super) fn snapshot(&self, now: Duration) -> Vec<OpenSequence> {
        let told = self.sequences.iter().map(|(sequence, changed)| {
            let quiet_ms = super::snapshot::ms_between(*changed, now);
            OpenSequence { quiet_ms, ..sequence.clone() }
        });
        told.collect()
    }
}
