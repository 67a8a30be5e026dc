//! One growing sequence that is encoded meanwhile: which frames are in chunks, which are fed to the open one, which wait.
//!
//! Decides and remembers; pure. Events and `now` go in, orders come out; whoever carries them out answers with events. It
//! never looks at a file, and what it knows of frames it compares with the tracker's truth at every step.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::encode::plan;
use crate::journal::ChunkId;
use crate::sequence::tracker::Growing;
use crate::sequence::{Frame, FrameNumber};

/// How long to wait before a file that was not whole is looked at again, unless it changes before.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The longest that frames must rest before they are fed, in a folder where frames are written twice.
const REST_LIMIT: Duration = Duration::from_secs(60);

/// How many frames must come without a long pause before an encoder waits for the next one again.
const BRISK: u8 = 4;

/// Failures after which a sequence is left to be encoded when it is finished.
const FAILURES: u8 = 2;

/// What the configuration says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Frames of a chunk.
    pub length: NonZeroU32,
    /// How long an encoder may wait for the next frame.
    pub hold: Duration,
}

/// One encoder, from its first frame on. Never given out twice.
pub(super) type Serial = u64;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Find out how these frames are encoded, and which chunks there are. Answer: [`Take::prepared`].
    Prepare(Frame),
    /// See whether these files are whole. Answer: [`Take::settled`].
    Settle(Vec<Frame>),
    /// Start an encoder. Answers: [`Take::encoded`] when it has ended, [`Take::closed`] when its chunk is proved.
    Open(Serial),
    /// Feed it these frames, behind those before.
    Push(Serial, Vec<Frame>),
    /// It gets no more frames.
    End(Serial),
    /// It is not wanted any more.
    Abort(Serial),
    /// These chunks are of no use any more.
    Discard(Vec<ChunkId>),
}

/// What the machine allows at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means {
    /// There is room for another encoder.
    pub may_open: bool,
    /// Other programs have more to do than there are processors, and the configuration says that they go first.
    pub busy: bool,
    /// The open encoder has taken every frame that it was fed.
    pub drained: bool,
}

/// What became of an encoder's chunk.
#[derive(Debug)]
pub(in crate::daemon) enum Closed {
    /// It is in the journal, with so many of the frames; fewer than were fed where the next one could not be decoded.
    Chunk(ChunkId, usize),
    /// The first frame could not be decoded.
    BadFrame,
    /// It was aborted.
    Stopped,
    /// Something else failed; whether trying again may help.
    Failed { again: bool },
}

/// Consecutive frames on their way into a chunk, or in one.
#[derive(Debug)]
struct Run {
    frames: Vec<Frame>,
}

/// The encoder that frames are fed to, or that is at its last ones.
#[derive(Debug)]
struct Open {
    serial: Serial,
    run: Run,
    ended: bool,
    pushed_at: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Preparing,
    Ready,
    /// Left to be encoded when it is finished.
    Off,
}

/// What is known of one growing sequence.
#[derive(Debug)]
pub(super) struct Take {
    limits: Limits,
    phase: Phase,
    /// Chunks in the journal, by their first number.
    chunks: BTreeMap<FrameNumber, (ChunkId, Run)>,
    /// Chunks whose encoders have ended.
    proving: BTreeMap<Serial, Run>,
    open: Option<Open>,
    /// Every frame below was compared with its chunk since it last changed.
    mark: FrameNumber,
    settling: bool,
    /// A file that was not whole, and when it is looked at again.
    unsettled: Option<(Frame, Duration)>,
    /// A file that cannot be decoded: nothing goes past it before it changes.
    bad: Option<Frame>,
    /// How long frames must rest before they are fed.
    rest: Duration,
    /// Frames that must come without a long pause before an encoder waits again.
    sluggish: u8,
    touched_at: Duration,
    failures: u8,
    due: Option<Duration>,
}

impl Take {
    pub(super) fn new(limits: Limits, now: Duration) -> Self {
        Self {
            limits,
            phase: Phase::New,
            chunks: BTreeMap::new(),
            proving: BTreeMap::new(),
            open: None,
            mark: FrameNumber::MIN,
            settling: false,
            unsettled: None,
            bad: None,
            rest: Duration::ZERO,
            sluggish: 0,
            touched_at: now,
            failures: 0,
            due: None,
        }
    }

    /// When time alone brings the next order.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// How long frames must have been left alone before they are fed.
    pub(super) fn rest(&self) -> Duration {
        self.rest
    }

    /// Frames that are in proved chunks.
    pub(super) fn encoded_frames(&self) -> usize {
        self.chunks.values().map(|(_, run)| run.frames.len()).sum()
    }

    /// The chunks from the first on, as far as nothing is missing between them.
    pub(super) fn leading_chunks(&self, has_gaps: bool) -> Vec<ChunkId> {
        let mut next = None;
        let follows = |(first, (_, run)): &(&FrameNumber, &(ChunkId, Run))| {
            let follows = !has_gaps || next.is_none_or(|next| next == **first);
            next = Some(run.last().saturating_add(1));
            follows
        };
        self.chunks.iter().take_while(follows).map(|(_, (id, _))| *id).collect()
    }

    /// The encoder that takes frames or is at its last ones.
    pub(super) fn encoder(&self) -> Option<Serial> {
        self.open.as_ref().map(|open| open.serial)
    }

    /// No frame below `from` changed.
    pub(super) fn touched(&mut self, from: FrameNumber, now: Duration) {
        if now.saturating_sub(self.touched_at) >= self.limits.hold {
            self.sluggish = BRISK;
        } else {
            self.sluggish = self.sluggish.saturating_sub(1);
        }
        self.touched_at = now;
        self.back_to(from);
    }

    /// How to encode is known, and these chunks are there already; or this sequence is not to be encoded live.
    pub(super) fn prepared(&mut self, chunks: Option<Vec<(ChunkId, Vec<Frame>)>>) {
        let Some(chunks) = chunks else {
            self.phase = Phase::Off;
            return;
        };
        self.phase = Phase::Ready;
        for (id, frames) in chunks {
            if let Some(first) = frames.first() {
                self.chunks.insert(first.number, (id, Run { frames }));
            }
        }
        self.mark = FrameNumber::MIN;
    }

    /// These files are whole; the one after them is not.
    pub(super) fn settled(
        &mut self,
        whole: &[Frame],
        unsettled: Option<Frame>,
        growing: Option<&Growing<'_>>,
        now: Duration,
        new_serial: impl FnOnce() -> Serial,
        out: &mut Vec<Order>,
    ) {
        // An answer to one of the same name that is finished by now says nothing about this one.
        if !std::mem::take(&mut self.settling) {
            return;
        }
        self.unsettled = unsettled.map(|frame| (frame, now + LOOK_AGAIN.max(self.rest)));
        let (Some(growing), Some(first)) = (growing, whole.first()) else { return };
        // Meanwhile the sequence went on.
        let truth = growing.frames_from(first.number);
        let still: Vec<Frame> =
            whole.iter().zip(truth).take_while(|(one, other)| *one == other).map(|p| *p.0).collect();
        if still.is_empty() {
            return;
        }
        let serial = match &mut self.open {
            Some(open) if !open.ended && open.run.goes_on_with(&still[0], growing) => {
                open.run.frames.extend(&still);
                open.pushed_at = now;
                open.serial
            }
            Some(_) => return,
            None => {
                let serial = new_serial();
                let run = Run { frames: still.clone() };
                self.open = Some(Open { serial, run, ended: false, pushed_at: now });
                out.push(Order::Open(serial));
                serial
            }
        };
        out.push(Order::Push(serial, still));
        if self.open.as_ref().is_some_and(|open| open.run.room(self.limits) == 0) {
            self.end(out);
        }
    }

    /// The encoder has ended; what is left of it is the proof.
    pub(super) fn encoded(&mut self, serial: Serial) {
        if let Some(open) = self.open.take_if(|open| open.serial == serial) {
            self.proving.insert(serial, open.run);
        }
    }

    /// What became of an encoder's chunk. Chunks of encoders that were aborted meanwhile are of no use.
    pub(super) fn closed(&mut self, serial: Serial, outcome: &Closed, out: &mut Vec<Order>) {
        self.encoded(serial);
        let Some(mut run) = self.proving.remove(&serial) else {
            if let Closed::Chunk(id, _) = outcome {
                out.push(Order::Discard(vec![*id]));
            }
            return;
        };
        match *outcome {
            Closed::Chunk(id, count) => {
                self.bad = run.frames.get(count).copied().or(self.bad);
                run.frames.truncate(count);
                let next = run.frames.last().map(|frame| frame.number.saturating_add(1));
                self.back_to(next.unwrap_or(FrameNumber::MIN));
                if let Some(first) = run.frames.first().map(|frame| frame.number)
                    && let Some((old, _)) = self.chunks.insert(first, (id, run))
                {
                    out.push(Order::Discard(vec![old]));
                }
                return;
            }
            Closed::BadFrame => self.bad = run.frames.first().copied(),
            Closed::Stopped => {}
            Closed::Failed { again } => {
                self.failures += 1;
                if !again || self.failures >= FAILURES {
                    self.phase = Phase::Off;
                }
            }
        }
        self.back_to(run.first());
    }

    /// The sequence is finished, with these frames. What the open encoder can still take it gets, and that was all.
    pub(super) fn sealed(&mut self, frames: &[Frame], has_gaps: bool, out: &mut Vec<Order>) {
        let Some(open) = &mut self.open else { return };
        let at = frames.partition_point(|frame| frame.number < open.run.first());
        let same = frames[at..].iter().zip(&open.run.frames).take_while(|(one, other)| one == other).count();
        if same < open.run.frames.len() {
            out.push(Order::Abort(open.serial));
            self.open = None;
            return;
        }
        if open.ended {
            return;
        }
        let next = open.run.last().saturating_add(1);
        let room = open.run.room(self.limits);
        let rest = plan::next_stretch(frames[at + same..].iter().copied(), has_gaps, room);
        if rest.first().is_some_and(|frame| !has_gaps || frame.number == next) {
            out.push(Order::Push(open.serial, rest));
        }
        out.push(Order::End(open.serial));
        open.ended = true;
    }

    /// The sequence is gone: so is everything that was made of it.
    pub(super) fn abandoned(&mut self, out: &mut Vec<Order>) {
        out.extend(self.open.take().map(|open| Order::Abort(open.serial)));
        let ids: Vec<ChunkId> = std::mem::take(&mut self.chunks).into_values().map(|(id, _)| id).collect();
        if !ids.is_empty() {
            out.push(Order::Discard(ids));
        }
        self.proving.clear();
    }

    /// Goes as far as it can.
    pub(super) fn step(&mut self, growing: &Growing<'_>, now: Duration, means: Means, out: &mut Vec<Order>) {
        self.due = None;
        if !growing.is_worth_it() {
            self.abort(out);
            return;
        }
        match self.phase {
            Phase::New => {
                let Some(first) = growing.frames_from(FrameNumber::MIN).next() else { return };
                self.phase = Phase::Preparing;
                out.push(Order::Prepare(first));
                return;
            }
            Phase::Preparing | Phase::Off => return,
            Phase::Ready => {}
        }
        self.drop_what_changed(growing, out);
        if self.settling {
            return;
        }
        let quiet_at = growing.quiet_at();
        let quiet = quiet_at.is_some_and(|moment| moment <= now);
        self.wait_until(quiet_at, now);
        if self.open.is_some() {
            self.go_on(growing, now, quiet, means, out);
        }
        if self.open.is_none() && means.may_open && !means.busy {
            self.begin(growing, now, quiet, out);
        }
    }

    /// Feeds the open encoder, or ends it, or gives it up.
    fn go_on(&mut self, growing: &Growing<'_>, now: Duration, quiet: bool, means: Means, out: &mut Vec<Order>) {
        let Some(open) = self.open.as_ref().filter(|open| !open.ended) else { return };
        let next = growing.frames_from(open.run.last().saturating_add(1)).next();
        let next = next.filter(|frame| open.run.goes_on_with(frame, growing));
        if next.is_some_and(|frame| self.cover(frame.number).is_some()) {
            // It has reached the chunk behind it.
            self.end(out);
            return;
        }
        let more =
            next.filter(|_| !means.busy).map(|next| self.free_from(next.number, growing, open.run.room(self.limits)));
        let more = self.feedable(more.unwrap_or_default(), now);
        if !more.is_empty() {
            self.settling = true;
            out.push(Order::Settle(more));
            return;
        }
        if quiet {
            self.end(out);
            return;
        }
        let Some(open) = &mut self.open else { return };
        if !means.drained {
            open.pushed_at = now;
        }
        let give_up = open.pushed_at.saturating_add(self.limits.hold);
        let is_late = now >= give_up;
        // A render farm's first frames came after others: one chunk is better than two.
        let is_early = open.run.is_short(self.limits) && self.mark < open.run.first();
        if is_late || is_early && self.reaches_open(growing) {
            self.sluggish = if is_late { BRISK } else { self.sluggish };
            self.abort(out);
        } else {
            self.wait_until(Some(give_up), now);
        }
    }

    /// Takes up the first frames that are in no chunk.
    fn begin(&mut self, growing: &Growing<'_>, now: Duration, quiet: bool, out: &mut Vec<Order>) {
        let mut frames = self.uncovered(growing, out);
        let Some(first) = frames.first() else { return };
        let whole = frames.len() >= self.limits.length.get() as usize;
        let waits_for_pace = self.sluggish > 0 && !whole;
        // A gap may still be filled, and then two short chunks would be one.
        let is_first = || growing.frames_from(FrameNumber::MIN).next() == Some(*first);
        let behind_gap = growing.has_gaps() && first.number != self.mark && !is_first();
        if !quiet && (waits_for_pace || behind_gap) {
            return;
        }
        // A short chunk that a silence ended becomes part of a longer one: every cut costs bits.
        let before = self.chunks.range(..first.number).next_back().map(|(number, (id, run))| (*number, *id, run));
        if let Some((number, id, run)) = before
            && run.is_short(self.limits)
            && run.goes_on_with(first, growing)
            && self.bad.is_none()
        {
            self.chunks.remove(&number);
            out.push(Order::Discard(vec![id]));
            self.back_to(number);
            frames = self.uncovered(growing, out);
        }
        let frames = self.feedable(frames, now);
        if !frames.is_empty() {
            self.settling = true;
            out.push(Order::Settle(frames));
        }
    }

    /// The first frames that are in no chunk, as far as one chunk goes. Chunks whose frames changed are given up.
    fn uncovered(&mut self, growing: &Growing<'_>, out: &mut Vec<Order>) -> Vec<Frame> {
        loop {
            let mut truth = growing.frames_from(self.mark).peekable();
            let Some(next) = truth.peek().copied() else { return Vec::new() };
            let Some((id, run)) = self.cover(next.number) else {
                return self.free_from(next.number, growing, self.limits.length.get());
            };
            if run.frames.iter().all(|frame| truth.next_if_eq(frame).is_some()) {
                self.mark = run.last().saturating_add(1);
            } else if let Some(id) = id {
                self.chunks.remove(&next.number);
                out.push(Order::Discard(vec![id]));
            } else {
                self.proving.retain(|_, run| run.first() != next.number);
            }
        }
    }

    /// The chunk that begins at `number`; without an id while it is being proved.
    fn cover(&self, number: FrameNumber) -> Option<(Option<ChunkId>, &Run)> {
        let known = self.chunks.get(&number).map(|(id, run)| (Some(*id), run));
        known.or_else(|| self.proving.values().find(|run| run.first() == number).map(|run| (None, run)))
    }

    /// Up to `most` frames from `number` on, as far as they follow each other and no chunk begins.
    fn free_from(&self, number: FrameNumber, growing: &Growing<'_>, most: u32) -> Vec<Frame> {
        let end = self.chunks.range(number..).next().map(|(number, _)| *number);
        let ends = self.proving.values().map(Run::first).filter(|first| *first > number);
        let end = ends.chain(end).min().unwrap_or(FrameNumber::MAX);
        let free = growing.frames_from(number).take_while(|frame| frame.number < end);
        plan::next_stretch(free, growing.has_gaps(), most)
    }

    /// The frames up to the first one that is known not to be whole, or not to be decodable.
    fn feedable(&mut self, mut frames: Vec<Frame>, now: Duration) -> Vec<Frame> {
        let waiting = self.unsettled.filter(|(_, until)| now < *until);
        let stop = |frame: &Frame| Some(*frame) == self.bad || waiting.is_some_and(|(waiting, _)| waiting == *frame);
        if let Some(at) = frames.iter().position(stop) {
            frames.truncate(at);
        }
        self.wait_until(waiting.map(|(_, until)| until), now);
        frames
    }

    /// Aborts the open encoder if a frame in it is another one now.
    fn drop_what_changed(&mut self, growing: &Growing<'_>, out: &mut Vec<Order>) {
        let Some(open) = self.open.as_ref().filter(|open| self.mark <= open.run.last()) else { return };
        let mut truth = growing.frames_from(open.run.first());
        if !open.run.frames.iter().all(|frame| truth.next() == Some(*frame)) {
            // Frames that are written twice are better left alone for a while.
            self.rest = (self.rest * 2).clamp(Duration::from_secs(1), REST_LIMIT);
            self.abort(out);
        }
    }

    /// Whether the frames before the open chunk lead up to it.
    fn reaches_open(&self, growing: &Growing<'_>) -> bool {
        let Some(open) = &self.open else { return false };
        let before = growing.frames_from(self.mark).take_while(|f| f.number < open.run.first());
        before.last().is_some_and(|last| !growing.has_gaps() || last.number.saturating_add(1) == open.run.first())
    }

    fn abort(&mut self, out: &mut Vec<Order>) {
        if let Some(open) = self.open.take() {
            out.push(Order::Abort(open.serial));
            self.back_to(open.run.first());
        }
    }

    /// The open encoder gets no more frames.
    fn end(&mut self, out: &mut Vec<Order>) {
        if let Some(open) = &mut self.open {
            open.ended = true;
            out.push(Order::End(open.serial));
        }
    }

    /// Everything from `number` on is to be compared again, and the chunk that holds it as a whole.
    fn back_to(&mut self, number: FrameNumber) {
        let holder = self.chunks.range(..=number).next_back().filter(|(_, (_, run))| run.last() >= number);
        let first = holder.map_or(number, |(first, _)| *first);
        self.mark = self.mark.min(first);
    }

    fn wait_until(&mut self, moment: Option<Duration>, now: Duration) {
        self.due = self.due.into_iter().chain(moment.filter(|moment| *moment > now)).min();
    }
}

impl Run {
    /// A run has a frame.
    fn first(&self) -> FrameNumber {
        self.frames.first().map_or(FrameNumber::MAX, |frame| frame.number)
    }

    fn last(&self) -> FrameNumber {
        self.frames.last().map_or(FrameNumber::MIN, |frame| frame.number)
    }

    /// How many frames it can still take.
    fn room(&self, limits: Limits) -> u32 {
        limits.length.get().saturating_sub(u32::try_from(self.frames.len()).unwrap_or(u32::MAX))
    }

    /// Whether it is so short that another cut beside it is a waste of bits.
    fn is_short(&self, limits: Limits) -> bool {
        self.room(limits) > limits.length.get() / 4 * 3
    }

    /// Whether `next` comes right behind it.
    fn goes_on_with(&self, next: &Frame, growing: &Growing<'_>) -> bool {
        growing.frames_from(self.last().saturating_add(1)).next() == Some(*next)
            && (!growing.has_gaps() || self.last().saturating_add(1) == next.number)
    }
}

#[cfg(test)]
mod tests;
