//! What is to be done for a growing sequence at a moment: what is fed, what is ended, what is begun.

use std::time::Duration;

use super::{Capacity, ChunkFrames, LiveAction, LiveEncode, Phase, REST_LIMIT, UNPAUSED_FRAMES, extent};
use crate::encode::chunk::plan;
use crate::journal::ChunkId;
use crate::sequence::tracker::Growing;
use crate::sequence::{Frame, FrameNumber};

impl LiveEncode {
    /// Goes as far as it can.
    pub(in crate::core::live) fn step(
        &mut self,
        growing: &Growing<'_>,
        now: Duration,
        capacity: Capacity,
        out: &mut Vec<LiveAction>,
    ) {
        self.due = None;
        if !growing.is_worth_it() {
            self.abort(out);
            return;
        }
        match self.phase {
            Phase::New => {
                let Some(first) = growing.frames_from(FrameNumber::MIN).next() else { return };
                self.phase = Phase::Preparing;
                out.push(LiveAction::Prepare(first));
                return;
            }
            Phase::Preparing | Phase::Off => return,
            Phase::Ready => {}
        }
        self.drop_what_changed(growing, out);
        // One look at files at a time: the next one begins where the answer to this one ends.
        if self.checking {
            return;
        }
        let quiet_at = growing.quiet_at();
        let quiet = quiet_at.is_some_and(|moment| moment <= now);
        self.wait_until(quiet_at, now);
        if self.open.is_some() {
            self.go_on(growing, now, quiet, capacity, out);
        }
        if self.open.is_none() && capacity.may_open && !capacity.busy {
            self.begin(growing, now, quiet, out);
        }
    }

    /// Feeds the open encoder, or ends it, or gives it up.
    fn go_on(
        &mut self,
        growing: &Growing<'_>,
        now: Duration,
        quiet: bool,
        capacity: Capacity,
        out: &mut Vec<LiveAction>,
    ) {
        let Some(open) = self.open.as_ref().filter(|open| !open.ended) else { return };
        let next = growing.frames_from(open.chunk.last().saturating_add(1)).next();
        let next = next.filter(|frame| open.chunk.goes_on_with(frame, growing));
        if next.as_ref().is_some_and(|frame| self.cover(frame.number).is_some()) {
            // It has reached the chunk after it.
            self.end(out);
            return;
        }
        let more = next
            .filter(|_| !capacity.busy)
            .map(|next| self.free_from(next.number, growing, open.chunk.room_in(growing, self.limits)));
        // A file is looked at before it is fed: a torn frame would end the chunk of an encoder that is given it.
        let more = self.feedable(more.unwrap_or_default(), now);
        if !more.is_empty() {
            self.checking = true;
            out.push(LiveAction::Check(more));
            return;
        }
        if quiet {
            self.end(out);
            return;
        }
        let Some(open) = &mut self.open else { return };
        // While it has frames to take, it does not wait for any: a slow encoder must not be given up for a slow renderer.
        if !capacity.drained {
            open.pushed_at = now;
        }
        let give_up = open.pushed_at.saturating_add(self.limits.hold);
        let is_late = now >= give_up;
        // A render farm's first frames came after others: one chunk is better than two.
        let is_early = open.chunk.is_short(self.limits) && self.mark < open.chunk.first();
        if is_late || is_early && self.reaches_open(growing) {
            self.pause_penalty = if is_late { UNPAUSED_FRAMES } else { self.pause_penalty };
            self.abort(out);
        } else {
            self.wait_until(Some(give_up), now);
        }
    }

    /// Takes up the first frames that are in no chunk.
    fn begin(&mut self, growing: &Growing<'_>, now: Duration, quiet: bool, out: &mut Vec<LiveAction>) {
        let frames = self.uncovered(growing, out);
        let Some(first) = frames.first().cloned() else { return };
        let frames = self.feedable(frames, now);
        if frames.is_empty() {
            return;
        }
        // Only what can be fed counts: an encoder that is begun for a whole chunk and gets half of it waits, is given up,
        // and would be begun again. A file that was not whole is likely not to be, also when another look at it is due.
        let fed = frames.iter().take_while(|frame| !self.is_waited_for(frame)).count();
        let whole = fed >= extent(self.limits, &first, growing).frames as usize;
        let waits_for_pace = self.pause_penalty > 0 && !whole;
        // A gap may still be filled, and then two short chunks would be one. Once it has been quiet for a while, it likely
        // is not, and the video is wanted soon.
        let is_first = || growing.frames_from(FrameNumber::MIN).next().as_ref() == Some(&first);
        let follows = first.number == self.mark || growing.spacing().follows(self.mark.saturating_sub(1), first.number);
        let after_gap = !follows && !is_first();
        if !quiet && (waits_for_pace || after_gap) {
            return;
        }
        let frames = match self.short_before(&first, growing) {
            None => frames,
            // A short chunk that a silence ended becomes part of a longer one: every cut costs bits. It is kept until it is
            // known that the frame after it can be used. Else it would be made again and again for as long as that frame
            // is torn, is being written, or may not be read.
            Some(_) if self.usable.as_ref() != Some(&first) => {
                self.probed = Some(first.clone());
                vec![first]
            }
            Some((number, id)) => {
                self.usable = None;
                self.chunks.remove(&number);
                out.push(LiveAction::Discard(vec![id]));
                self.back_to(number);
                let frames = self.uncovered(growing, out);
                self.feedable(frames, now)
            }
        };
        if !frames.is_empty() {
            self.checking = true;
            out.push(LiveAction::Check(frames));
        }
    }

    /// Whether it was not whole when it was last looked at.
    fn is_waited_for(&self, frame: &Frame) -> bool {
        self.incomplete.as_ref().is_some_and(|incomplete| incomplete.frame == *frame)
    }

    /// The short chunk that goes on with `first`.
    fn short_before(&self, first: &Frame, growing: &Growing<'_>) -> Option<(FrameNumber, ChunkId)> {
        let (number, (id, chunk)) = self.chunks.range(..first.number).next_back()?;
        let is_last = |frame: &Frame| extent(self.limits, frame, growing).is_last;
        // The last chunk does not go back to the one before it, which was ended for it.
        let was_ended_for_it = is_last(first) && !chunk.frames.first().is_some_and(is_last);
        let goes_on = chunk.is_short(self.limits) && chunk.goes_on_with(first, growing) && !was_ended_for_it;
        goes_on.then_some((*number, *id))
    }

    /// The first frames that are in no chunk, as far as one chunk goes. Chunks whose frames changed are given up.
    fn uncovered(&mut self, growing: &Growing<'_>, out: &mut Vec<LiveAction>) -> Vec<Frame> {
        loop {
            let mut truth = growing.frames_from(self.mark).peekable();
            let Some(next) = truth.peek().cloned() else { return Vec::new() };
            let Some((id, chunk)) = self.cover(next.number) else {
                return self.free_from(next.number, growing, extent(self.limits, &next, growing).frames);
            };
            if chunk.frames.iter().all(|frame| truth.next_if_eq(frame).is_some()) {
                self.mark = chunk.last().saturating_add(1);
            } else if let Some(id) = id {
                self.chunks.remove(&next.number);
                out.push(LiveAction::Discard(vec![id]));
            } else {
                self.proving.retain(|_, chunk| chunk.first() != next.number);
            }
        }
    }

    /// The chunk that begins at `number`; without an id while it is being proved.
    fn cover(&self, number: FrameNumber) -> Option<(Option<ChunkId>, &ChunkFrames)> {
        let known = self.chunks.get(&number).map(|(id, chunk)| (Some(*id), chunk));
        known.or_else(|| self.proving.values().find(|chunk| chunk.first() == number).map(|chunk| (None, chunk)))
    }

    /// Up to `most` frames from `number` on, as far as they follow each other and no chunk begins.
    fn free_from(&self, number: FrameNumber, growing: &Growing<'_>, most: u32) -> Vec<Frame> {
        let end = self.chunks.range(number..).next().map(|(number, _)| *number);
        let ends = self.proving.values().map(ChunkFrames::first).filter(|first| *first > number);
        let end = ends.chain(end).min().unwrap_or(FrameNumber::MAX);
        let free = growing.frames_from(number).take_while(|frame| frame.number < end);
        plan::next_stretch(free, growing.spacing(), most)
    }

    /// The frames up to the first one that is known not to be whole, or not to be decodable.
    fn feedable(&mut self, mut frames: Vec<Frame>, now: Duration) -> Vec<Frame> {
        let waiting = self.incomplete.as_ref().filter(|incomplete| now < incomplete.until);
        let stop = |frame: &Frame| Some(frame) == self.bad.as_ref() || waiting.is_some_and(|one| one.frame == *frame);
        if let Some(at) = frames.iter().position(stop) {
            frames.truncate(at);
        }
        let until = waiting.map(|incomplete| incomplete.until);
        self.wait_until(until, now);
        self.rested(frames, now)
    }

    /// The frames up to the first one that has not rested yet, in a folder where frames are written twice.
    fn rested(&mut self, mut frames: Vec<Frame>, now: Duration) -> Vec<Frame> {
        let rested_at = |frame: &Frame| {
            let (_, changed) = self.changes.range(..=frame.number).next_back()?;
            Some(changed.saturating_add(self.rest)).filter(|moment| *moment > now)
        };
        if let Some((index, moment)) = frames.iter().enumerate().find_map(|(index, f)| Some((index, rested_at(f)?))) {
            frames.truncate(index);
            self.wait_until(Some(moment), now);
        }
        frames
    }

    /// Aborts the open encoder if a frame in it is another one now.
    fn drop_what_changed(&mut self, growing: &Growing<'_>, out: &mut Vec<LiveAction>) {
        let Some(open) = self.open.as_ref().filter(|open| self.mark <= open.chunk.last()) else { return };
        let mut truth = growing.frames_from(open.chunk.first());
        if !open.chunk.frames.iter().all(|frame| truth.next().as_ref() == Some(frame)) {
            // Frames that are written twice are better left alone for a while, and the longer the more often it happens:
            // the encoder that was at them has lost its whole chunk.
            self.rest = (self.rest * 2).clamp(Duration::from_secs(1), REST_LIMIT);
            self.abort(out);
        }
    }

    /// Whether the frames before the open chunk lead up to it.
    fn reaches_open(&self, growing: &Growing<'_>) -> bool {
        let Some(open) = &self.open else { return false };
        let before = growing.frames_from(self.mark).take_while(|f| f.number < open.chunk.first());
        before.last().is_some_and(|last| growing.spacing().follows(last.number, open.chunk.first()))
    }
}
