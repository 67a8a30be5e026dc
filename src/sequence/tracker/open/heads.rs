//! What generators embedded in the open frames, as far as their files were looked at: where a run ends, and how many frames
//! it was announced to have.
//!
//! Owns what follows from it for one sequence. It remembers nothing of files that embed nothing, so that renders and
//! camera frames cost no memory here.

use std::collections::BTreeMap;

use crate::model::Identity;
use crate::sequence::origin::{Origin, Total, run_starts};
use crate::sequence::tracker::frames::Frames;
use crate::sequence::{Frame, FrameNumber};

/// The embedded texts of the open frames.
#[derive(Debug, Default)]
pub(super) struct Heads {
    known: BTreeMap<FrameNumber, (Identity, Origin)>,
    /// The first frame of the run after the one that the open frames begin with.
    next_run: Option<FrameNumber>,
    /// What the run that they begin with was announced to have.
    total: Option<Total>,
}

impl Heads {
    /// Learns what files embed.
    pub(super) fn put(&mut self, heads: &[(Frame, Origin)], frames: &Frames) {
        let with_text = heads.iter().filter(|(_, origin)| *origin != Origin::default());
        self.known.extend(with_text.map(|(frame, origin)| (frame.number, (frame.identity, *origin))));
        self.conclude(frames);
    }

    /// The open frames are others than they were. Those that are still as before where others are written over are no part
    /// of this: they are of an earlier run, wherever their numbers stand, and the run that is being written may reach them yet.
    pub(super) fn conclude(&mut self, frames: &Frames) {
        (self.next_run, self.total) = (None, None);
        if self.known.is_empty() {
            return;
        }
        let head = |frame: &Frame| {
            self.known.get(&frame.number).filter(|(identity, _)| *identity == frame.identity).map(|(_, origin)| *origin)
        };
        let open: Vec<Frame> = frames.current().collect();
        // A frame that was not looked at yet may be of either run.
        let origins: Vec<Origin> = open.iter().map_while(head).collect();
        let starts = run_starts(&origins);
        // Where the texts count against the numbers, these are perhaps below zero and not known to be yet: no run has ended.
        let counts_down = || run_starts(&origins.iter().rev().copied().collect::<Vec<_>>()).len() < starts.len();
        // What is older than the frame before it was there first, so that it is no next run. It is left of one that was not seen
        // to be written over, because nobody watched or because a third run has begun.
        let came_after = |at: &usize| open[*at - 1].identity.mtime_ns <= open[*at].identity.mtime_ns;
        let next = starts.get(1).filter(|at| came_after(at) && !counts_down());
        self.next_run = next.map(|at| open[*at].number);
        if origins.len() == open.len() {
            self.total = origins.last().and_then(Origin::total);
        }
        let first = frames.first().unwrap_or(FrameNumber::MAX);
        self.known = self.known.split_off(&first);
    }

    /// The first frame of the next run, if the run before it is known to have ended.
    pub(super) fn next_run(&self) -> Option<FrameNumber> {
        self.next_run
    }

    /// What the open frames embed, as far as it is known.
    pub(super) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.known.values().map(|(_, origin)| origin)
    }

    /// How many frames the run was announced to have.
    pub(super) fn total(&self) -> Option<Total> {
        self.total
    }
}
