//! What times, numbers and sizes say.

use std::collections::BTreeMap;

use crate::sequence::FrameNumber;

/// The pauses between frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Most are about as long as each other.
    Steady,
    /// There are hardly any: written from memory, or copied.
    AtOnce,
    /// They differ, or are too few to tell.
    Uneven,
    /// Minutes and more, and they differ: somebody makes one picture after the other.
    Person,
}

/// Shorter pauses are those of copying or saving.
const AT_ONCE_NS: i64 = 100_000_000;

/// Longer pauses are those of a person, if they differ.
const PERSON_NS: i64 = 60_000_000_000;

/// Fewer pauses cannot be steady.
const FEW_PAUSES: usize = 4;

impl Pace {
    /// The pace of files by the times of their last change. Their order does not matter: a farm delivers as it can.
    ///
    /// Quartiles tell, so that the rest between two runs, and a slow first frame, count for nothing: a pace is steady if
    /// the middle half of all pauses is within half of the middle pause.
    #[must_use]
    pub fn of(times_ns: &[i64]) -> Self {
        let mut times = times_ns.to_vec();
        times.sort_unstable();
        let mut pauses: Vec<i64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        pauses.sort_unstable();
        let at = |quarter: usize| pauses.get(pauses.len() * quarter / 4).copied().unwrap_or(0);
        let (median, spread) = (at(2), at(3) - at(1));
        if median < AT_ONCE_NS {
            Self::AtOnce
        } else if pauses.len() >= FEW_PAUSES && spread <= median / 2 {
            Self::Steady
        } else if median >= PERSON_NS {
            Self::Person
        } else {
            Self::Uneven
        }
    }
}

/// A rest that is no pause within a run: at least this long, and this many times as long as three quarters of the pauses.
const REST_NS: i64 = 60_000_000_000;
const RESTS: i64 = 10;

/// Whether files by the times of their last change came in parts, with a long rest between them.
///
/// After such a rest, nothing but their numbers says that the parts are of one run.
#[must_use]
pub fn has_rest(times_ns: &[i64]) -> bool {
    let mut times = times_ns.to_vec();
    times.sort_unstable();
    let mut pauses: Vec<i64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    pauses.sort_unstable();
    let Some(longest) = pauses.last() else { return false };
    let usual = pauses[pauses.len() * 3 / 4];
    *longest >= REST_NS && *longest >= usual.saturating_mul(RESTS)
}

/// A pause that is worth a look at the pictures on both sides: this many times the usual one, and at least this long.
const LONG_PAUSES: i64 = 2;
const LONG_PAUSE_NS: i64 = 1_000_000_000;

/// The frames that came after the longest pauses, at most `most`, by the times of their files, which are in the order of
/// the film. A pause is long if it is twice the usual one.
#[must_use]
pub fn after_long_pauses(times_ns: &[i64], most: usize) -> Vec<usize> {
    let pauses: Vec<i64> = times_ns.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let long = usual(&pauses).saturating_mul(LONG_PAUSES).max(LONG_PAUSE_NS);
    let mut after: Vec<usize> = (1..times_ns.len()).filter(|at| pauses[at - 1] >= long).collect();
    after.sort_by_key(|at| std::cmp::Reverse(pauses[at - 1]));
    after.truncate(most);
    after
}

/// The median of these pauses, those below zero left out.
fn usual(pauses_ns: &[i64]) -> i64 {
    let mut sorted: Vec<i64> = pauses_ns.iter().copied().filter(|pause| *pause >= 0).collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

/// A jump of the numbers that is no gap: this large, and this many times the number of frames.
const JUMP: u64 = 1000;
const JUMPS: u64 = 10;

/// How long the pause at such a jump is: at least this, and this many times the usual one.
const JUMP_PAUSE_NS: i64 = 10_000_000_000;
const JUMP_PAUSES: i64 = 5;

/// Where another run begins because the numbers jump after a long pause, as those of a camera do that counts its runs in the
/// upper digits. A jump without a pause is within a run: such a counter also goes on at its next thousand.
#[must_use]
pub fn jumps(numbers: &[FrameNumber], times_ns: &[i64]) -> Vec<usize> {
    let pauses: Vec<i64> = times_ns.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let long = usual(&pauses).saturating_mul(JUMP_PAUSES).max(JUMP_PAUSE_NS);
    let far = JUMP.max(JUMPS * numbers.len() as u64);
    let is_jump = |at: &usize| numbers[*at].abs_diff(numbers[at - 1]) >= far && pauses[at - 1] >= long;
    (1..numbers.len().min(times_ns.len())).filter(is_jump).collect()
}

/// How numbers follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// By one, with few gaps.
    Dense,
    /// By a constant step.
    Step(u64),
    /// With irregular gaps.
    Sparse,
    /// They are points in time, which have no gaps.
    Stamps,
}

impl Counter {
    /// How these numbers, which ascend, follow each other: by the most frequent step, if it makes up three quarters.
    #[must_use]
    pub fn of(numbers: &[FrameNumber]) -> Self {
        let mut steps: BTreeMap<u64, usize> = BTreeMap::new();
        for pair in numbers.windows(2) {
            *steps.entry(pair[1].abs_diff(pair[0])).or_default() += 1;
        }
        let total = numbers.len().saturating_sub(1);
        match steps.into_iter().max_by_key(|(step, count)| (*count, std::cmp::Reverse(*step))) {
            Some((_, count)) if count * 4 < total * 3 => Self::Sparse,
            None | Some((1, _)) => Self::Dense,
            // Two numbers are always a constant step apart.
            Some((step, _)) if total > 1 => Self::Step(step),
            Some(_) => Self::Sparse,
        }
    }
}

/// The sizes of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// How many different ones.
    pub kinds: usize,
    /// How many pictures have another size than most.
    pub odd: usize,
}

impl Sizes {
    /// Counts sizes.
    #[must_use]
    pub fn of(sizes: &[(u32, u32)]) -> Self {
        let mut counts: BTreeMap<_, usize> = BTreeMap::new();
        for size in sizes {
            *counts.entry(size).or_default() += 1;
        }
        Self { kinds: counts.len(), odd: sizes.len() - counts.into_values().max().unwrap_or(0) }
    }

    /// Whether they differ in more than a stray file or two.
    pub(super) fn differ(self) -> bool {
        self.odd > 2
    }
}
