//! Empty files: for how long one is a placeholder that is going to be filled, and from when on it is nobody's.
//!
//! A renderer that is killed leaves the placeholder of the frame that it was at, and nothing fills it any more: Blender
//! with placeholders on and overwriting off skips every path that exists, whatever its size. Others go on after it, so that
//! it is known by its siblings: they were finished after it was made, and frames take far less time than it has been there.
//! Times of files are compared with each other only, and the rest is our own clock: the files may be written by a machine
//! whose clock is an hour off.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Identity;
use crate::sequence::{Frame, FrameNumber};

/// How many frames must have been finished after a placeholder was made. On a farm one or two may overtake it, because a
/// machine is slower or a frame is harder than others.
const FINISHED_AFTER: usize = 3;

/// A placeholder that is older than this many times the pace of its siblings is nobody's. Many times, because with sixteen
/// machines each one takes sixteen times as long for a frame as the pace of all of them together says.
const PACES: u32 = 16;

/// And older than this many times the longest that any was seen empty before it was filled: what one frame takes is known
/// from that, where it was seen.
const FILLS: u32 = 4;

/// And older than this, however quick the others were: frames that are copied come within milliseconds.
const LEAST: Duration = Duration::from_secs(10);

/// The empty files of one sequence.
#[derive(Debug, Default)]
pub(super) struct Placeholders {
    seen: BTreeMap<FrameNumber, Seen>,
    /// The longest that one was seen empty before it was filled.
    slowest: Duration,
}

#[derive(Debug)]
struct Seen {
    identity: Identity,
    at: Duration,
    /// How old it was then.
    age: Duration,
}

impl Placeholders {
    /// A file was seen: it is empty, or whatever was empty before is filled.
    pub(super) fn put(&mut self, number: FrameNumber, identity: Identity, now: Duration) {
        let before = self.seen.remove(&number);
        if identity.size > 0 {
            let filled = before.map_or(Duration::ZERO, |seen| now.saturating_sub(seen.at));
            self.slowest = self.slowest.max(filled);
        } else {
            let known = before.filter(|seen| seen.identity == identity);
            self.seen.insert(number, known.unwrap_or(Seen { identity, at: now, age: Duration::ZERO }));
        }
    }

    /// A file is gone.
    pub(super) fn remove(&mut self, number: FrameNumber) {
        self.seen.remove(&number);
    }

    /// They were found together with their siblings, the newest of which is of the time `newest`.
    pub(super) fn found_with(&mut self, newest: i64) {
        for seen in self.seen.values_mut() {
            seen.age = Duration::from_nanos(u64::try_from(newest.saturating_sub(seen.identity.mtime_ns)).unwrap_or(0));
        }
    }

    /// From when on the empty file `placeholder` is nobody's; `None` while too few of its `siblings` were finished after it.
    pub(super) fn nobodys_at(&self, placeholder: &Frame, siblings: impl Iterator<Item = Frame>) -> Option<Duration> {
        let seen = self.seen.get(&placeholder.number).filter(|seen| seen.identity == placeholder.identity)?;
        let whole = siblings.filter(|frame| frame.identity.size > 0);
        let times: Vec<i64> = whole.map(|frame| frame.identity.mtime_ns).collect();
        if times.iter().filter(|time| **time > placeholder.identity.mtime_ns).count() < FINISHED_AFTER {
            return None;
        }
        let pace = usual_pause(times).unwrap_or_default();
        let quiet = LEAST.max(pace.saturating_mul(PACES)).max(self.slowest.saturating_mul(FILLS));
        Some(seen.at.saturating_add(quiet.saturating_sub(seen.age)))
    }
}

/// The median time between two of these, so that neither a pause nor one file that was mended a day later counts.
pub(super) fn usual_pause(mut times: Vec<i64>) -> Option<Duration> {
    times.sort_unstable();
    let mut pauses: Vec<u64> = times.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
    pauses.sort_unstable();
    pauses.get(pauses.len() / 2).copied().map(Duration::from_nanos)
}
