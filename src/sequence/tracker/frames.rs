//! The frames of one sequence: which are open, which are in a batch already.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use bstr::BString;

use crate::model::Identity;
use crate::sequence::tracker::frames::differences::Differences;
use crate::sequence::{Frame, FrameName, FrameNumber, Pattern};

mod differences;

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
    arrival: Arrival,
    age: Age,
}

/// Where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It came while its root was watched, or is other than it was.
    New,
    /// The same, over one that was there before its folder slept.
    Over,
    /// It was there before its root was first watched.
    Existing,
    /// It is, or was, in a batch. An open frame is that where its sequence is extended: it goes along.
    Taken,
    /// It is a single picture, or of a run that is too short for a video: it goes into no batch.
    Aside,
}

/// Where a frame stands once files of its sequence are written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// It is as it was before the first of them.
    Old,
    /// It was written over.
    WrittenOver,
    /// Its number came after the first of them, or right before it in its turn.
    New,
}

/// How many others must have been written between two changes of a file before the second one is taken for another run. Fewer
/// may be written by another machine between two pieces of one large file: such a file only grows, and a warning that two
/// runs are mixed would keep the frames of a film that is right.
const MOVED_ON: usize = 8;

/// How many neighbours on either side are asked for that: each change asks, so that it must not cost more in a long
/// sequence.
const NEIGHBOURS: usize = 16;

/// What telling [`Frames`] of a file meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It was known.
    Same,
    /// It was known and is what the sequence waits for.
    Waited,
    /// Its number is new.
    Added,
    /// An open frame is another file now, or has grown.
    Changed,
    /// An open frame was written over.
    WrittenOver,
    /// A taken frame is another file now: a new take.
    Retaken,
}

/// Frames by number.
#[derive(Debug, Default)]
pub(super) struct Frames {
    open: BTreeMap<FrameNumber, Open>,
    taken: BTreeMap<FrameNumber, File>,
    /// Single pictures, which go into no batch unless somebody says so.
    aside: BTreeMap<FrameNumber, File>,
    /// How many of `open` were there before anyone watched.
    existing: u64,
    /// How many of `open` are there again, and the last of them.
    again: u64,
    again_last: Option<FrameNumber>,
    /// Whether any of `open` was written over.
    over: bool,
    /// Caches, forgotten when a change makes them too costly to keep.
    newest: Option<i64>,
    solid: Option<FrameNumber>,
    /// Between the open numbers.
    differences: Differences,
}

impl Frames {
    /// Learns of a file. What is known of it already counts more than `arrival`.
    pub(super) fn put(&mut self, frame: Frame, arrival: Arrival, extend: bool) -> Put {
        let Frame { number, name, identity } = frame;
        let file = File { identity, name };
        // A frame that was open is in no batch, whatever became of its file. That it was written
        // over an old file is kept as its age.
        let open = if arrival == Arrival::Existing { arrival } else { Arrival::New };
        if let Some(known) = self.open.get(&number) {
            if known.file.identity == identity {
                return Put::Same;
            }
            let again = known.age == Age::WrittenOver;
            // Once it is known that there is a second run, one is enough. A third one must show as much as the second.
            let enough = if self.over && !again { 1 } else { MOVED_ON };
            let begins = self.is_second(number, known, &identity, enough);
            let over = begins || again;
            let age = if over { Age::WrittenOver } else { known.age };
            if begins && (again || !self.over) {
                self.begin_over(number, known.file.identity.mtime_ns);
            }
            self.forget_open(number);
            self.insert(number, Open { file, arrival: open, age });
            self.apply_extend(extend);
            return if over { Put::WrittenOver } else { Put::Changed };
        }
        let before = self.taken.get(&number).map(|taken| taken.identity);
        if before == Some(identity) {
            return Put::Same;
        }
        if self.aside.get(&number).is_some_and(|known| known.identity == identity) {
            return Put::Same;
        }
        self.aside.remove(&number);
        match arrival {
            Arrival::Taken => {
                self.taken.insert(number, file);
                return Put::Same;
            }
            Arrival::Aside => {
                self.aside.insert(number, file);
                return Put::Same;
            }
            Arrival::New | Arrival::Over | Arrival::Existing => {}
        }
        self.taken.remove(&number);
        if arrival == Arrival::Over {
            self.over = true;
            self.insert(number, Open { file, arrival: open, age: Age::WrittenOver });
            self.apply_extend(extend);
            return Put::WrittenOver;
        }
        self.open_anew(number, file, open);
        self.apply_extend(extend);
        if before.is_some() { Put::Retaken } else { Put::Added }
    }

    /// Forgets a file; whether it was open, or `None` where it was not known.
    pub(super) fn remove(&mut self, number: FrameNumber, extend: bool) -> Option<bool> {
        if self.forget_open(number).is_some() {
            self.apply_extend(extend);
            return Some(true);
        }
        self.taken.remove(&number).or_else(|| self.aside.remove(&number)).map(|_| false)
    }

    /// Leaves these open frames alone.
    pub(super) fn set_aside(&mut self, numbers: impl IntoIterator<Item = FrameNumber>, extend: bool) {
        for number in numbers {
            if let Some(frame) = self.forget_open(number) {
                self.aside.insert(number, frame.file);
            }
        }
        self.apply_extend(extend);
    }

    /// Somebody says that what was left alone belongs into a video.
    pub(super) fn take_back(&mut self, extend: bool) {
        for (number, file) in std::mem::take(&mut self.aside) {
            self.open_anew(number, file, Arrival::New);
        }
        self.apply_extend(extend);
    }

    /// How many frames are left alone, and the first and the last of them.
    pub(super) fn aside(&self) -> Option<(u64, FrameNumber, FrameNumber)> {
        let ((first, _), (last, _)) = self.aside.first_key_value().zip(self.aside.last_key_value())?;
        Some((self.aside.len() as u64, *first, *last))
    }

    /// Marks these open frames as being in a batch.
    pub(super) fn take(&mut self, numbers: impl IntoIterator<Item = FrameNumber>, extend: bool) {
        for number in numbers {
            if let Some(frame) = self.forget_open(number) {
                self.taken.insert(number, frame.file);
            }
        }
        self.over = self.over && self.open.values().any(|frame| frame.age == Age::WrittenOver);
        self.apply_extend(extend);
    }

    /// Takes the frames whose files are among `claims`, and strikes those claims off. Returns whether any was open.
    ///
    /// By identity and not by name or number: generators that count by what is in their folder use the same names again
    /// once the frames were removed, and those are new frames.
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
                self.open_anew(*number, file, Arrival::New);
            }
        }
        // Frames that are only there again are free as well, and are no longer old.
        for (number, frame) in &mut self.open {
            if frame.arrival == Arrival::Taken && files.contains(&frame.file.identity) {
                frame.arrival = Arrival::New;
                self.again -= 1;
                freed.push(*number);
            }
        }
        self.apply_extend(extend);
        freed
    }

    /// Whether a file of another name has this number.
    pub(super) fn has_other_name(&self, frame: &Frame) -> bool {
        self.file(frame.number).is_some_and(|file| file.name != frame.name)
    }

    /// The name of the file with this number; `pattern` is that of the sequence.
    pub(super) fn name_of(&self, number: FrameNumber, pattern: &Pattern) -> Option<BString> {
        self.file(number).map(|file| file.frame(number).file_name(pattern))
    }

    fn file(&self, number: FrameNumber) -> Option<&File> {
        let open = self.open.get(&number).map(|open| &open.file);
        open.or_else(|| self.taken.get(&number)).or_else(|| self.aside.get(&number))
    }

    /// How many open frames were in no batch yet.
    pub(super) fn fresh(&self) -> u64 {
        self.open_count() - self.again
    }

    /// Whether all that is in no batch yet was there before anyone watched: nothing came since.
    pub(super) fn is_existing(&self) -> bool {
        self.existing > 0 && self.existing == self.fresh()
    }

    /// Whether every frame was there before anyone watched, and is in no batch.
    pub(super) fn are_existing(&self) -> bool {
        self.existing > 0 && self.existing == self.total() as u64
    }

    pub(super) fn open_count(&self) -> u64 {
        self.open.len() as u64
    }

    pub(super) fn taken_count(&self) -> u64 {
        self.taken.len() as u64
    }

    pub(super) fn total(&self) -> usize {
        self.open.len() + self.taken.len() + self.aside.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.taken.is_empty() && self.aside.is_empty()
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

    /// Whether any open frame was written over.
    pub(super) fn is_written_over(&self) -> bool {
        self.over
    }

    /// Whether any frame that is still to be in a batch is of before others were written over.
    pub(super) fn has_old(&self) -> bool {
        self.over && self.open.values().any(|frame| frame.age == Age::Old)
    }

    /// Where an open frame stands; `None` where nothing was written over.
    pub(super) fn age(&self, number: FrameNumber) -> Option<Age> {
        if self.over { self.open.get(&number).map(|frame| frame.age) } else { None }
    }

    /// The open frames, ascending.
    pub(super) fn open(&self) -> impl Iterator<Item = Frame> + Clone {
        self.open.iter().map(|(number, frame)| frame.file.frame(*number))
    }

    /// The open frames of the run that is being written, ascending: all but those that are as they were before others were
    /// written over.
    pub(super) fn current(&self) -> impl Iterator<Item = Frame> {
        let is_current = |frame: &Open| !self.over || frame.age != Age::Old;
        self.open.iter().filter(move |(_, frame)| is_current(frame)).map(|(number, frame)| frame.file.frame(*number))
    }

    /// The open frames from `number` on, ascending.
    pub(super) fn open_from(&self, number: FrameNumber) -> impl Iterator<Item = Frame> {
        self.open.range(number..).map(|(number, frame)| frame.file.frame(*number))
    }

    /// Every frame, each with what [`put`](Self::put) has to know of it.
    pub(super) fn all(&self) -> impl Iterator<Item = (Frame, Arrival)> {
        let taken = self.taken.iter().map(|(number, file)| (file.frame(*number), Arrival::Taken));
        let open = self.open.iter().map(|(number, frame)| (frame.file.frame(*number), frame.arrival));
        let aside = self.aside.iter().map(|(number, file)| (file.frame(*number), Arrival::Aside));
        open.chain(taken).chain(aside)
    }

    /// The frames around `number`, on both sides as far as their names are such.
    pub(super) fn around(&self, number: FrameNumber, is_such: &dyn Fn(&[u8]) -> bool) -> Vec<Frame> {
        let open = |range| self.open.range::<FrameNumber, _>(range).map(|(number, open)| (*number, &open.file));
        let (below, above) = ((Bound::Unbounded, Bound::Excluded(number)), (Bound::Included(number), Bound::Unbounded));
        let names_such = |(_, file): &(FrameNumber, &File)| file.name.as_ref().is_some_and(|name| is_such(name));
        let mut around: Vec<(FrameNumber, &File)> = open(below).rev().take_while(names_such).collect();
        around.extend(open(above).take_while(names_such));
        for files in [&self.taken, &self.aside] {
            let files = |range| files.range::<FrameNumber, _>(range).map(|(number, file)| (*number, file));
            around.extend(files(below).rev().take_while(names_such));
            around.extend(files(above).take_while(names_such));
        }
        around.into_iter().map(|(number, file)| file.frame(number)).collect()
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

    /// The constant step of the open numbers, see [`step_of`](crate::sequence::gaps::step_of).
    pub(super) fn step(&self) -> FrameNumber {
        self.differences.step()
    }

    /// The open numbers on either side of `number`.
    fn neighbours(&self, number: FrameNumber) -> (Option<FrameNumber>, Option<FrameNumber>) {
        let before = self.open.range(..number).next_back().map(|(number, _)| *number);
        let after = self.open.range((Bound::Excluded(number), Bound::Unbounded)).next().map(|(number, _)| *number);
        (before, after)
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

    /// Whether a second file was written over the first one, which is not empty and was in no batch. A file that grows is
    /// still the same, unless `enough` others were written since.
    ///
    /// A smaller file or another inode counts as a second one at once: writers do not shrink what they write, and a file that
    /// is renamed into place was written elsewhere. The same inode that grew may be either. Times of the files are compared
    /// with each other only, because they are of the writer's clock.
    fn is_second(&self, number: FrameNumber, known: &Open, now: &Identity, enough: usize) -> bool {
        let before = &known.file.identity;
        if known.arrival == Arrival::Taken || before.size == 0 {
            return false;
        }
        let is_between = |(_, other): &(&FrameNumber, &Open)| {
            let time = other.file.identity.mtime_ns;
            before.mtime_ns < time && time < now.mtime_ns
        };
        let below = self.open.range(..number).rev().take(NEIGHBOURS);
        let above = self.open.range((Bound::Excluded(number), Bound::Unbounded)).take(NEIGHBOURS);
        let replaced = now.size < before.size || (now.dev, now.ino) != (before.dev, before.ino);
        replaced || below.chain(above).filter(is_between).take(enough).count() == enough
    }

    /// Another run writes over the frame `number`, whose file was of the time `before`. Every other frame is of before, but for
    /// those that led up to this one: a render of all frames over a single one that was made to try it has written the frames
    /// below in their turn, each after that one, and the one right below last of all.
    fn begin_over(&mut self, number: FrameNumber, before: i64) {
        self.over = true;
        let others = self.open.iter().filter(|(other, _)| **other != number);
        let newest = others.map(|(_, frame)| frame.file.identity.mtime_ns).max().unwrap_or(i64::MIN);
        for frame in self.open.values_mut() {
            frame.age = Age::Old;
        }
        let mut in_turn = newest..=newest;
        for frame in self.open.range_mut(..number).rev().map(|(_, frame)| frame) {
            let time = frame.file.identity.mtime_ns;
            if time <= before || !in_turn.contains(&time) {
                break;
            }
            frame.age = Age::New;
            in_turn = i64::MIN..=time;
        }
    }

    fn open_anew(&mut self, number: FrameNumber, file: File, arrival: Arrival) {
        let age = if self.over { Age::New } else { Age::Old };
        self.insert(number, Open { file, arrival, age });
    }

    fn insert(&mut self, number: FrameNumber, frame: Open) {
        let (first, step) = (self.first(), self.step());
        let (before, after) = self.neighbours(number);
        self.differences.came(before, number, after);
        self.newest = self.newest.map(|newest| newest.max(frame.file.identity.mtime_ns));
        self.existing += u64::from(frame.arrival == Arrival::Existing);
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
        match frame.arrival {
            Arrival::New | Arrival::Over | Arrival::Aside => {}
            Arrival::Existing => self.existing -= 1,
            Arrival::Taken => self.again -= 1,
        }
        if self.newest == Some(frame.file.identity.mtime_ns) {
            self.newest = None;
        }
        self.solid = None;
        let (before, after) = self.neighbours(number);
        self.differences.went(before, number, after);
        Some(frame)
    }

    /// With `extend`, taken frames go along as soon as there is a new one, and go back when there is no new one.
    ///
    /// An extended batch is the whole sequence once more. Without a new frame it would be the video that is there already,
    /// and silence would make it again and again.
    fn apply_extend(&mut self, extend: bool) {
        if extend && self.fresh() > 0 && !self.taken.is_empty() {
            for (number, file) in std::mem::take(&mut self.taken) {
                self.open_anew(number, file, Arrival::Taken);
                self.again += 1;
                self.again_last = self.again_last.max(Some(number));
            }
        }
        if self.again > 0 && self.fresh() == 0 {
            let back = std::mem::take(&mut self.open).into_iter().map(|(number, frame)| (number, frame.file));
            self.taken.extend(back);
            self.again = 0;
            (self.newest, self.solid) = (None, None);
            self.differences = Differences::default();
        }
        if self.again == 0 {
            self.again_last = None;
        }
    }
}
