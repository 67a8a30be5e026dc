//! Which of the numbers in a family's names is the frame.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::sequence::name::runs::{self, Run};
use crate::sequence::name::{NameRule, Reading};

/// Which of the candidates of a family's names is the frame number, counted from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This one.
    Run(usize),
    /// This one, while the next one steps along with it.
    Pair(usize),
}

impl Default for Choice {
    fn default() -> Self {
        Self::Run(0)
    }
}

/// How well one choice would group a family.
#[derive(Clone, Copy, Default)]
struct Score {
    /// Names in the largest group.
    largest: usize,
    /// Names that would stay alone.
    alone: usize,
}

impl Choice {
    /// The choice that gives the largest group; of equals a single number before a pair, and the last single number.
    /// Time stamps win only where the shorter numbers leave most names alone. An explicit rule leaves no choice.
    pub(crate) fn of_family<'n>(names: impl Iterator<Item = &'n [u8]> + Clone, rule: &NameRule) -> Self {
        if *rule != NameRule::Auto {
            return Self::default();
        }
        let mut found = Vec::new();
        let Some(first) = names.clone().next() else { return Self::default() };
        runs::find(first, &mut found);
        let places = found.clone();
        if places.len() < 2 {
            return Self::default();
        }
        let mut number = None;
        let mut stamp = None;
        let mut pair = None;
        for (index, run) in places.iter().enumerate() {
            let score = Self::Run(index).score(names.clone(), &mut found);
            let best = if run.stamp { &mut stamp } else { &mut number };
            if best.is_none_or(|(_, best): (usize, Score)| score.largest >= best.largest) {
                *best = Some((index, score));
            }
            if !run.stamp && index + 1 < places.len() {
                let score = Self::Pair(index).score(names.clone(), &mut found);
                if pair.is_none_or(|(_, best): (usize, Score)| score.largest > best.largest) {
                    pair = Some((index, score));
                }
            }
        }
        let total = names.count();
        let Some((index, by_number)) = number else {
            return stamp.map_or(Self::default(), |(index, _)| Self::Run(index));
        };
        match (pair, stamp) {
            (Some((first, by_pair)), _) if by_pair.largest > by_number.largest => Self::Pair(first),
            (_, Some((index, by_stamp))) if by_stamp.largest > by_number.largest && by_number.alone * 2 > total => {
                Self::Run(index)
            }
            _ => Self::Run(index),
        }
    }

    /// What `name` says by this choice.
    pub(super) fn read<'n>(self, name: &'n [u8], runs: &[Run]) -> Option<Reading<'n>> {
        match self {
            Self::Run(index) => runs.get(index).map(|run| run.read(name)),
            Self::Pair(index) => match runs.get(index..index + 2)? {
                [first, second] => Some(first.read_with(second, name)),
                _ => None,
            },
        }
    }

    fn score<'n>(self, names: impl Iterator<Item = &'n [u8]>, found: &mut Vec<Run>) -> Score {
        let mut groups: HashMap<u64, usize> = HashMap::new();
        for name in names {
            runs::find(name, found);
            let Some(reading) = self.read(name, found) else { continue };
            // A collision of hashes could only tip the balance between two readings, so they stand in for the bytes.
            let mut hasher = DefaultHasher::new();
            (reading.prefix, reading.suffix).hash(&mut hasher);
            reading.follower.map(|follower| (follower.between, follower.offset)).hash(&mut hasher);
            *groups.entry(hasher.finish()).or_default() += 1;
        }
        let largest = groups.values().copied().max().unwrap_or(0);
        Score { largest, alone: groups.values().filter(|members| **members == 1).count() }
    }
}
