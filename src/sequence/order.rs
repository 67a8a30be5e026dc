//! The order of time against the order of the numbers.
//!
//! Owns the question whether the files of a batch can be one take in the order of their numbers. A second run that writes
//! over the first frames of an earlier one, a counter that begins again and a clock that was set back all leave files whose
//! times contradict their numbers, and so do a render farm, a copy and a frame that was rendered again. It never changes the
//! order by itself: [`FrameOrder`] is the user's choice.
//!
//! # What is measured
//!
//! For numbers that count, the times of the files in the order of their numbers. A median over five neighbours first takes
//! out single frames that were rendered again and savers that finish in a slightly different order. What is left is cut
//! wherever time falls. Pieces of fewer than five frames (for long sequences a tenth of them, but no more than 24) are
//! passed over, unless they are more than a tenth of all frames. The batch is out of order when at
//! least two stretches remain, each of which was finished before the one *in front* of it was begun:
//!
//! ```text
//! time                 a second run over the first      a farm: the workers' pieces overlap,
//!   ^   ,-'                                              or follow each other upwards
//!   | ,-'                                                       ,-'  ,-'
//!   |-'        ,-'                                         ,-',-'  ,-'
//!   |        ,-'                                         ,-'    ,-'
//!   +-----------------> number                           +-----------------> number
//! ```
//!
//! A farm does not look like that: its workers run at the same time, so their pieces overlap, or they alternate. Frames
//! from a worker that counts down, every second frame and files in random order fall into pieces that are too short.
//!
//! For time stamps the question is turned around: in order of time, the stamps must not fall, except from one long stretch to
//! another where the clock was set back by more than a few frames. Files in random order fall everywhere, which means nothing.
//!
//! # How good it is
//!
//! Measured with the simulated writers of `tests/writers.rs`, 20,000 of each kind. No false alarm among farms of 2 to 8
//! workers with three chunks each and more (of any length, in any order, speeds up to 1 : 10, times of whole and of two
//! seconds, a chunk that failed and came last, single frames that were rendered again), and none among copies and restored
//! backups. 2 false alarms where the workers' clocks were up to two hours apart: a slow worker with nothing but the first
//! chunk. Every second run was seen whose stretch was two frames longer than the shortest; of the shortest, 99 of 100.
//!
//! Two things cannot be told from a second run and count as one, which costs nothing but that the frames stay: one machine
//! that was told to render the second half first, and two machines with one half each, where one is that much slower or its
//! clock that far ahead. A second run by a farm in random order is not seen here; a running daemon sees it as frames that
//! were written over.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::sequence::gaps::NumberRanges;
use crate::sequence::{Anomaly, Batch, Frame, Pattern};

/// What decides the order of the frames in a video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FrameOrder {
    /// The numbers in their names.
    #[default]
    Number,
    /// When the files were last written.
    Time,
}

/// The fewest frames that are a stretch: fewer are single frames that were rendered again.
const FEWEST: usize = 5;

/// The most that a stretch must have in a long sequence: one second.
const ENOUGH: usize = 24;

/// The same among time stamps, which nobody renders again.
const FEWEST_STAMPS: usize = 3;

/// How many neighbours on either side smoothing looks at.
const REACH: usize = 2;

/// Different times that a stretch must show, so that files of two coarse moments mean nothing.
const MOMENTS: usize = 3;

/// Frames on each side of a counter's end that are enough, because the numbers say so themselves.
const FEWEST_AT_WRAP: usize = 2;

/// What is wrong with the order of `frames`, which ascend by number.
#[must_use]
pub fn judge(pattern: &Pattern, frames: &[Frame]) -> Option<Anomaly> {
    let times: Vec<i64> = frames.iter().map(|frame| frame.identity.mtime_ns).collect();
    let span = |range: &Range<usize>| Some((frames.get(range.start)?.number, frames.get(range.end - 1)?.number));
    if !pattern.has_gaps() {
        return clock_set_back(pattern, frames);
    }
    let steps = wrap(frames, &times).or_else(|| steps(&times))?;
    let (newer, older) = (steps.first()?, steps.get(1)?);
    Some(Anomaly::OutOfOrder { newer: span(newer)?, older: span(&(older.start..frames.len()))? })
}

/// How many frames make a stretch among `count`.
#[must_use]
pub(crate) fn long_stretch(count: usize) -> usize {
    (count / 10).clamp(FEWEST, ENOUGH)
}

/// The stretches of a batch that is out of order, each older as a whole than the one before it.
fn steps(times: &[i64]) -> Option<Vec<Range<usize>>> {
    let stretches = stretches(&smoothed(times, REACH), long_stretch(times.len()))?;
    // Smoothing may have moved a cut by as much as it reaches.
    let newer = |range: &Range<usize>| &times[range.start..range.end - REACH];
    let older = |range: &Range<usize>| &times[range.start + REACH..range.end];
    let falls = stretches.windows(2).all(|pair| is_older(older(&pair[1]), newer(&pair[0])));
    let shows = |range: &Range<usize>| moments(&times[range.clone()]) >= MOMENTS;
    (stretches.len() > 1 && falls && stretches.iter().all(shows)).then_some(stretches)
}

/// Whether `older` was finished before `newer` was begun. A few of its frames may have been rendered again since.
fn is_older(older: &[i64], newer: &[i64]) -> bool {
    let Some(begun) = newer.iter().min() else { return false };
    let since = older.iter().filter(|time| *time >= begun).count();
    since < FEWEST && since <= older.len() / FEWEST
}

/// A counter that went to its last number and began again: `9998`, `9999`, `0001`, `0002`. So few frames mean something
/// here because the numbers between are missing.
fn wrap(frames: &[Frame], times: &[i64]) -> Option<Vec<Range<usize>>> {
    let (first, last) = (frames.first()?.number, frames.last()?.number);
    let is_end = last >= 999 && last.checked_add(1).is_some_and(|next| 10_i64.pow(next.ilog10()) == next);
    let gap = |at: &usize| frames[*at].number - frames[at - 1].number;
    let at = (1..frames.len()).max_by_key(gap).filter(|at| gap(at) > last / 2)?;
    let (low, high) = times.split_at(at);
    let is_newer = low.iter().min() > high.iter().max();
    let enough = at >= FEWEST_AT_WRAP && frames.len() - at >= FEWEST_AT_WRAP;
    ((0..=1).contains(&first) && is_end && enough && is_newer).then(|| vec![0..at, at..frames.len()])
}

/// The place where a clock was set back, if one was: in order of time, stamps ascend in a few long stretches.
fn clock_set_back(pattern: &Pattern, frames: &[Frame]) -> Option<Anomaly> {
    let mut in_time: Vec<&Frame> = frames.iter().collect();
    in_time.sort_by_key(|frame| (frame.identity.mtime_ns, frame.number));
    let stamps: Vec<i64> = in_time.iter().map(|frame| frame.number).collect();
    let stretches = stretches(&smoothed(&stamps, 1), FEWEST_STAMPS)?;
    let times: Vec<i64> = in_time.iter().map(|frame| frame.identity.mtime_ns).collect();
    if !stretches.iter().all(|range| moments(&times[range.clone()]) >= MOMENTS) {
        return None;
    }
    let (before, after) = (stretches.first()?, stretches.get(1)?);
    let [from, to] = [stamps[before.end - 1], stamps[after.start]].map(|stamp| pattern.label(stamp));
    Some(Anomaly::ClockSetBack { from, to })
}

/// Cuts `values` where they fall, and passes over what is shorter than `least`. `None` where that is too much.
fn stretches(values: &[i64], least: usize) -> Option<Vec<Range<usize>>> {
    let pieces = values.chunk_by(|one, next| one <= next).scan(0, |start, piece| {
        let range = *start..*start + piece.len();
        *start = range.end;
        Some(range)
    });
    let found: Vec<Range<usize>> = pieces.filter(|piece| piece.len() >= least).collect();
    let short = values.len() - found.iter().map(ExactSizeIterator::len).sum::<usize>();
    (short <= values.len() / 10).then_some(found)
}

/// Each value replaced by the median of it and `reach` on either side, at most [`REACH`]; near an end, of as many that are
/// nearest to it.
fn smoothed(values: &[i64], reach: usize) -> Vec<i64> {
    let width = values.len().min(2 * reach + 1);
    let median = |at: usize| {
        let from = at.saturating_sub(reach).min(values.len() - width);
        let mut window = [0; 2 * REACH + 1];
        let window = &mut window[..width];
        window.copy_from_slice(&values[from..from + width]);
        window.sort_unstable();
        window[width / 2]
    };
    (0..values.len()).map(median).collect()
}

/// How many different values there are among these.
fn moments(values: &[i64]) -> usize {
    values.iter().collect::<BTreeSet<_>>().len()
}

impl Batch {
    /// This batch in the order in which its files were written; those of one moment stay in the order of their numbers. The
    /// frames get their places as numbers, and keep their names.
    #[must_use]
    pub fn in_order_of_time(mut self) -> Self {
        for frame in &mut self.frames {
            frame.name.get_or_insert_with(|| self.pattern.name(frame.number).as_slice().into());
        }
        self.frames.sort_by_key(|frame| (frame.identity.mtime_ns, frame.number));
        for (frame, place) in self.frames.iter_mut().zip(1..) {
            frame.number = place;
        }
        self.missing = NumberRanges::default();
        self
    }
}

#[cfg(test)]
mod tests;
