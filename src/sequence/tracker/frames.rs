//! The frames of one sequence: which are open, which are in a batch already.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};

use crate::sequence::gaps;
use crate::sequence::{Frame, FrameName, FrameNumber, Identity};

/// A file, and its name where the pattern does not give it.
#[derive(Debug, Clone)]
struct File {
    identity: Identity,
    name: Option<FrameName>,
}

impl File {
    fn frame(&self, number: FrameNumber) -> Frame {
        Frame { number, name: self.name.clone(), identity: self.identity }
    }
}

/// A frame that the next batch will hold.
#[derive(Debug, Clone)]
struct Open {
    file: File,
    /// It was in a batch before, and goes along because the sequence is extended.
    again: bool,
}

/// What telling [`Frames`] of a file meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It was known.
    Same,
    /// Its number is new.
    Added,
    /// An open frame is another file now.
    Changed,
    /// A taken frame is another file now: a new take.
    Retaken,
}

/// Frames by number.
#[derive(Debug, Default)]
pub(super) struct Frames {
    open: BTreeMap<FrameNumber, Open>,
    taken: BTreeMap<FrameNumber, File>,
    /// How many of `open` are there again, and the last of them.
    again: u64,
    again_last: Option<FrameNumber>,
    /// Caches, forgotten when a change makes them too costly to keep.
    newest: Option<i64>,
    solid: Option<FrameNumber>,
    step: Cell<Option<FrameNumber>>,
}

impl Frames {
    /// Learns of a file. With `claimed`, it is in a batch that the journal knows.
    pub(super) fn put(&mut self, frame: Frame, claimed: bool, extend: bool) -> Put {
        let Frame { number, name, identity } = frame;
        let file = File { identity, name };
        if let Some(known) = self.open.get(&number) {
            if known.file.identity == identity {
                return Put::Same;
            }
            self.forget_open(number);
            self.insert(number, Open { file, again: false });
            self.settle(extend);
            return Put::Changed;
        }
        let before = self.taken.get(&number).map(|taken| taken.identity);
        if before == Some(identity) {
            return Put::Same;
        }
        if claimed {
            self.taken.insert(number, file);
            return Put::Same;
        }
        self.taken.remove(&number);
        self.insert(number, Open { file, again: false });
        self.settle(extend);
        if before.is_some() { Put::Retaken } else { Put::Added }
    }

    /// Forgets a file; whether it was open, or `None` where it was not known.
    pub(super) fn remove(&mut self, number: FrameNumber, extend: bool) -> Option<bool> {
        if self.forget_open(number).is_some() {
            self.settle(extend);
            return Some(true);
        }
        self.taken.remove(&number).map(|_| false)
    }

    /// Marks these open frames as being in a batch.
    pub(super) fn take(&mut self, numbers: impl IntoIterator<Item = FrameNumber>, extend: bool) {
        for number in numbers {
            if let Some(frame) = self.forget_open(number) {
                self.taken.insert(number, frame.file);
            }
        }
        self.settle(extend);
    }

    /// Takes the frames whose files are among `claims`, and strikes those claims off. Returns whether any was open.
    pub(super) fn claim(&mut self, claims: &mut HashSet<Identity>, extend: bool) -> bool {
        for taken in self.taken.values() {
            claims.remove(&taken.identity);
        }
        let open = |frame: &Open| claims.remove(&frame.file.identity);
        let mut open = open;
        let claimed: Vec<_> = self.open.iter().filter_map(|(number, frame)| open(frame).then_some(*number)).collect();
        self.take(claimed.iter().copied(), extend);
        !claimed.is_empty()
    }

    /// Frees the taken frames whose files are among `files`. Returns their numbers.
    pub(super) fn release(&mut self, files: &HashSet<Identity>, extend: bool) -> Vec<FrameNumber> {
        let is_meant = |(_, file): &(&FrameNumber, &File)| files.contains(&file.identity);
        let mut freed: Vec<_> = self.taken.iter().filter(is_meant).map(|(number, _)| *number).collect();
        for number in &freed {
            if let Some(file) = self.taken.remove(number) {
                self.insert(*number, Open { file, again: false });
            }
        }
        // Frames that are only there again are free as well, and are no longer old.
        for (number, frame) in &mut self.open {
            if frame.again && files.contains(&frame.file.identity) {
                frame.again = false;
                self.again -= 1;
                freed.push(*number);
            }
        }
        self.settle(extend);
        freed
    }

    /// How many open frames were in no batch yet.
    pub(super) fn fresh(&self) -> u64 {
        self.open_count() - self.again
    }

    pub(super) fn open_count(&self) -> u64 {
        self.open.len() as u64
    }

    pub(super) fn taken_count(&self) -> u64 {
        self.taken.len() as u64
    }

    pub(super) fn total(&self) -> usize {
        self.open.len() + self.taken.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.taken.is_empty()
    }

    pub(super) fn first(&self) -> Option<FrameNumber> {
        self.open.first_key_value().map(|(number, _)| *number)
    }

    pub(super) fn last(&self) -> Option<FrameNumber> {
        self.open.last_key_value().map(|(number, _)| *number)
    }

    /// The last and the count of the open frames that were in a batch before.
    pub(super) fn before(&self) -> Option<(FrameNumber, u64)> {
        self.again_last.map(|last| (last, self.again))
    }

    pub(super) fn is_open(&self, number: FrameNumber) -> bool {
        self.open.contains_key(&number)
    }

    /// The open frames, ascending.
    pub(super) fn open(&self) -> impl Iterator<Item = Frame> + Clone {
        self.open.iter().map(|(number, frame)| frame.file.frame(*number))
    }

    /// The open frames from `number` on, ascending.
    pub(super) fn open_from(&self, number: FrameNumber) -> impl Iterator<Item = Frame> {
        self.open.range(number..).map(|(number, frame)| frame.file.frame(*number))
    }

    /// Every frame, each with whether it is taken.
    pub(super) fn all(&self) -> impl Iterator<Item = (Frame, bool)> {
        let taken = self.taken.iter().map(|(number, file)| (file.frame(*number), true));
        let open = self.open.iter().map(|(number, frame)| (frame.file.frame(*number), frame.again));
        open.chain(taken)
    }

    /// The newest modification time among the open frames.
    pub(super) fn newest(&mut self) -> i64 {
        let newest = || self.open.values().map(|frame| frame.file.identity.mtime_ns).max().unwrap_or(i64::MIN);
        *self.newest.get_or_insert_with(newest)
    }

    /// The last open number that is reached from the first one without a gap.
    pub(super) fn solid(&mut self) -> Option<FrameNumber> {
        if self.solid.is_none() {
            self.solid = self.first().map(|first| self.walk(first));
        }
        self.solid
    }

    /// The constant step of the open numbers, see [`gaps::step_of`].
    pub(super) fn step(&self) -> FrameNumber {
        let step = self.step.get().unwrap_or_else(|| gaps::step_of(self.open.keys().copied()));
        self.step.set(Some(step));
        step
    }

    fn walk(&self, from: FrameNumber) -> FrameNumber {
        let step = self.step();
        let mut solid = from;
        for number in self.open.range(from..).map(|(number, _)| *number).skip(1) {
            if solid.checked_add(step) != Some(number) {
                break;
            }
            solid = number;
        }
        solid
    }

    fn insert(&mut self, number: FrameNumber, frame: Open) {
        let (first, step) = (self.first(), self.step());
        // Looked up anew where the number does not simply come next, which costs nothing as long as frames are dense.
        if self.last().and_then(|last| last.checked_add(step)) != Some(number) {
            self.step.set(None);
        }
        self.newest = self.newest.map(|newest| newest.max(frame.file.identity.mtime_ns));
        self.open.insert(number, frame);
        if self.step() != step {
            self.solid = None;
        }
        match (self.solid, first) {
            (Some(solid), _) if solid.checked_add(step) == Some(number) => self.solid = Some(self.walk(number)),
            (Some(_), Some(first)) if number < first && number.checked_add(step) != Some(first) => self.solid = None,
            _ => {}
        }
    }

    fn forget_open(&mut self, number: FrameNumber) -> Option<Open> {
        let frame = self.open.remove(&number)?;
        if frame.again {
            self.again -= 1;
        }
        if self.newest == Some(frame.file.identity.mtime_ns) {
            self.newest = None;
        }
        self.solid = None;
        self.step.set(None);
        Some(frame)
    }

    /// With `extend`, taken frames go along as soon as there is a new one, and stay behind when there is none.
    fn settle(&mut self, extend: bool) {
        if extend && self.fresh() > 0 && !self.taken.is_empty() {
            for (number, file) in std::mem::take(&mut self.taken) {
                self.insert(number, Open { file, again: true });
                self.again += 1;
                self.again_last = self.again_last.max(Some(number));
            }
        }
        if self.again > 0 && self.fresh() == 0 {
            let back = std::mem::take(&mut self.open).into_iter().map(|(number, frame)| (number, frame.file));
            self.taken.extend(back);
            self.again = 0;
            (self.newest, self.solid) = (None, None);
            self.step.set(None);
        }
        if self.again == 0 {
            self.again_last = None;
        }
    }
}
