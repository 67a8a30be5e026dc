//! One growing sequence that is encoded meanwhile: which frames are in chunks, which are fed to the open one, which wait.
//!
//! Decides and remembers; pure. Events and `now` go in, actions come out; whoever carries them out answers with events. It
//! never looks at a file, and what it knows of frames it compares with the tracker's truth at every step.
//!
//! Everything here is done ahead of need, and may turn out to be of no use: a frame is rendered again, comes late, or was
//! not whole. Most of what follows keeps the same work from being done again and again while little or nothing changes on
//! disk:
//!
//! - *One encoder a sequence.* The frames of a sequence come one after the other, so that a second encoder would find
//!   frames only after a gap, which may still be filled. Proofs may run beside the encoder, because they decide nothing.
//! - *The hold.* An encoder that waits keeps its memory, hundreds of megabytes. After `live_hold` it is given up with what
//!   it has, since a chunk of a few frames costs bits, and its frames are encoded later in one go.
//! - *The penalty for pauses.* Without it a renderer that takes longer than the hold for each frame would have an
//!   encoder started, fed one frame and given up, for each of them.
//! - *The last frames are a chunk of their own* where it is known beforehand which they are: see [`extent`].
//! - *Short chunks are replaced.* A silence ends the open chunk, so that its frames are ready if no more come. If more come
//!   after all, the short chunk and the new frames are encoded again as one: a chunk of 24 frames takes 2 to 10 % more
//!   bytes than the same frames in a chunk of 240, one of 48 frames 1 to 3 % (x264, x265 and SVT-AV1 by FFmpeg 5.1.9 and
//!   9.0.2).

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::encode::chunk::plan;
use crate::encode::recipe::ChunkPosition;
use crate::journal::ChunkId;
use crate::sequence::gaps::Spacing;
use crate::sequence::tracker::Growing;
use crate::sequence::{Frame, FrameNumber};

mod step;

/// How long to wait before a file that was not whole is looked at again, unless it changes before. Each time twice as long:
/// a file that nobody writes to any more is not looked at for ever.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The longest that frames must rest before they are fed, in a folder where frames are written twice. Some programs write a
/// frame, and replace it by the final one moments later: a frame that was fed too early costs its whole chunk.
const REST_LIMIT: Duration = Duration::from_secs(60);

/// How many frames must come without a long pause before an encoder waits for the next one again. One quick frame after an
/// hour says nothing of the pace: two machines of a farm may have ended at the same time. Four in a row do.
const UNPAUSED_FRAMES: u8 = 4;

/// Failures after which a sequence is left to be encoded when it is finished. The first may be chance, such as a machine
/// that had no memory left. What fails for good is said by the job that makes the video, with what to do about it.
const FAILURES: u8 = 2;

/// How many frames are left to the last chunk of a video whose end is known: about as many as the encoder before holds back,
/// so that it has likely ended by the time that the last one comes.
const LAST: u32 = 24;

/// What the configuration says.
#[derive(Debug, Clone, Copy)]
pub(in crate::core) struct Limits {
    /// Frames of a chunk.
    pub length: NonZeroU32,
    /// How long an encoder may wait for the next frame.
    pub hold: Duration,
}

/// One encoder, from its first frame on. Never given out twice.
pub(crate) type Serial = u64;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::core) enum LiveAction {
    /// Find out how these frames are encoded, and which chunks there are. Answer: [`LiveEncode::prepared`].
    Prepare(Frame),
    /// See whether these files are whole. Answer: [`LiveEncode::checked`].
    Check(Vec<Frame>),
    /// Start an encoder for frames at this place of the video. Answers: [`LiveEncode::encoded`] when it has ended,
    /// [`LiveEncode::closed`] when its chunk is proved.
    Open(Serial, ChunkPosition),
    /// Feed it these frames, after those before.
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
pub(in crate::core) struct Capacity {
    /// There may be another encoder.
    pub may_open: bool,
    /// Other programs have more to do than there are processors, and the configuration says that they go first.
    pub busy: bool,
    /// The open encoder has taken every frame that it was fed.
    pub drained: bool,
}

/// What became of an encoder's chunk.
#[derive(Debug)]
pub(crate) enum Closed {
    /// It is in the journal, with this many of the frames; fewer than were fed where the next one could not be decoded.
    Chunk(ChunkId, usize),
    /// The first frame could not be decoded.
    BadFrame,
    /// It was aborted.
    Stopped,
    /// FFmpeg is another one than the one that made the chunks before it.
    Outdated,
    /// Something else failed; whether trying again may help.
    Failed { again: bool },
}

/// Consecutive frames on their way into a chunk, or in one.
#[derive(Debug)]
struct ChunkFrames {
    frames: Vec<Frame>,
}

/// The encoder that frames are fed to, or that is at its last ones.
#[derive(Debug)]
struct Open {
    serial: Serial,
    chunk: ChunkFrames,
    ended: bool,
    pushed_at: Duration,
}

/// A file that was not whole.
#[derive(Debug)]
struct Incomplete {
    frame: Frame,
    /// When it is looked at again.
    until: Duration,
    /// How long that is after the last look.
    pause: Duration,
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
pub(super) struct LiveEncode {
    limits: Limits,
    phase: Phase,
    /// Chunks in the journal, by their first number.
    chunks: BTreeMap<FrameNumber, (ChunkId, ChunkFrames)>,
    /// Chunks whose encoders have ended.
    proving: BTreeMap<Serial, ChunkFrames>,
    open: Option<Open>,
    /// Every frame below was compared with its chunk since it last changed.
    mark: FrameNumber,
    checking: bool,
    /// A file that was not whole.
    incomplete: Option<Incomplete>,
    /// A file that is being looked at by itself, since a short chunk would go on with it.
    probed: Option<Frame>,
    /// One that was looked at so and is whole.
    usable: Option<Frame>,
    /// A file that cannot be decoded: nothing goes past it before it changes.
    bad: Option<Frame>,
    /// How long frames must rest before they are fed.
    rest: Duration,
    /// When frames from a number on may have changed last, by our own clock: the times of files are of another one. Both
    /// numbers and times ascend, and what is older than any rest is forgotten.
    changes: BTreeMap<FrameNumber, Duration>,
    /// Frames that must come without a long pause before an encoder waits again.
    pause_penalty: u8,
    touched_at: Duration,
    failures: u8,
    due: Option<Duration>,
}

impl LiveEncode {
    pub(super) fn new(limits: Limits, now: Duration) -> Self {
        Self {
            limits,
            phase: Phase::New,
            chunks: BTreeMap::new(),
            proving: BTreeMap::new(),
            open: None,
            mark: FrameNumber::MIN,
            checking: false,
            incomplete: None,
            probed: None,
            usable: None,
            bad: None,
            rest: Duration::ZERO,
            changes: BTreeMap::new(),
            pause_penalty: 0,
            touched_at: now,
            failures: 0,
            due: None,
        }
    }

    /// When time alone brings the next action.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Frames that are in proved chunks.
    pub(super) fn encoded_frames(&self) -> usize {
        self.chunks.values().map(|(_, chunk)| chunk.frames.len()).sum()
    }

    /// The chunks from the first on, as far as nothing is missing between them.
    pub(super) fn leading_chunks(&self, spacing: Spacing) -> Vec<ChunkId> {
        let mut before = None;
        let follows = |(first, (_, chunk)): &(&FrameNumber, &(ChunkId, ChunkFrames))| {
            let before = before.replace(chunk.last());
            before.is_none_or(|before| spacing.follows(before, **first))
        };
        self.chunks.iter().take_while(follows).map(|(_, (id, _))| *id).collect()
    }

    /// The encoder that takes frames or is at its last ones.
    pub(super) fn encoder(&self) -> Option<Serial> {
        self.open.as_ref().map(|open| open.serial)
    }

    /// Whether the answer about its files may open an encoder.
    pub(super) fn is_about_to_open(&self) -> bool {
        self.checking && self.open.is_none() && self.probed.is_none()
    }

    /// No frame below `from` changed.
    pub(super) fn touched(&mut self, from: FrameNumber, now: Duration) {
        if now.saturating_sub(self.touched_at) >= self.limits.hold {
            self.pause_penalty = UNPAUSED_FRAMES;
        } else {
            self.pause_penalty = self.pause_penalty.saturating_sub(1);
        }
        self.touched_at = now;
        self.changes.retain(|number, at| *number < from && now.saturating_sub(*at) < REST_LIMIT);
        self.changes.insert(from, now);
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
                self.chunks.insert(first.number, (id, ChunkFrames { frames }));
            }
        }
        self.mark = FrameNumber::MIN;
    }

    /// What is not in a chunk yet is encoded when the sequence is finished.
    pub(super) fn leave_for_later(&mut self, out: &mut Vec<LiveAction>) {
        self.abort(out);
        self.phase = Phase::Off;
    }

    /// These files are whole; the one after them is not.
    pub(super) fn checked(
        &mut self,
        whole: &[Frame],
        incomplete: Option<Frame>,
        growing: Option<&Growing<'_>>,
        now: Duration,
        new_serial: impl FnOnce() -> Serial,
        out: &mut Vec<LiveAction>,
    ) {
        // An answer that was meant for an earlier sequence of the same name, which is finished by now, says nothing about
        // this one.
        if !std::mem::take(&mut self.checking) {
            return;
        }
        self.wait_for(incomplete, now);
        if let Some(probed) = self.probed.take() {
            // The next step may take it together with the short chunk that was kept before it.
            self.usable = whole.first().filter(|frame| **frame == probed).cloned();
            return;
        }
        let (Some(growing), Some(first)) = (growing, whole.first()) else { return };
        // Meanwhile the sequence went on.
        let truth = growing.frames_from(first.number);
        let still = whole.iter().zip(truth).take_while(|(one, other)| *one == other).map(|(one, _)| one.clone());
        // Frames that followed each other in a step of ten have gaps between them since another one came.
        let still = plan::next_stretch(still, growing.spacing(), u32::MAX);
        if still.is_empty() {
            return;
        }
        let serial = match &mut self.open {
            Some(open) if !open.ended && open.chunk.goes_on_with(&still[0], growing) => {
                open.chunk.frames.extend(still.iter().cloned());
                open.pushed_at = now;
                open.serial
            }
            Some(_) => return,
            None => {
                let serial = new_serial();
                let chunk = ChunkFrames { frames: still.clone() };
                self.open = Some(Open { serial, chunk, ended: false, pushed_at: now });
                let is_first = growing.frames_from(FrameNumber::MIN).next().as_ref() == still.first();
                let position = match extent(self.limits, &still[0], growing) {
                    _ if is_first => ChunkPosition::First,
                    Extent { is_last: true, .. } => ChunkPosition::Last,
                    Extent { is_last: false, .. } => ChunkPosition::Later,
                };
                out.push(LiveAction::Open(serial, position));
                serial
            }
        };
        out.push(LiveAction::Push(serial, still));
        if self.open.as_ref().is_some_and(|open| open.chunk.room_in(growing, self.limits) == 0) {
            self.end(out);
        }
    }

    fn wait_for(&mut self, incomplete: Option<Frame>, now: Duration) {
        let before = self.incomplete.take();
        self.incomplete = incomplete.map(|frame| {
            let again = before.filter(|before| before.frame == frame).map(|before| before.pause.saturating_mul(2));
            let pause = again.unwrap_or(LOOK_AGAIN).max(self.rest);
            Incomplete { frame, until: now.saturating_add(pause), pause }
        });
    }

    /// The encoder has ended; what is left of it is the proof.
    pub(super) fn encoded(&mut self, serial: Serial) {
        if let Some(open) = self.open.take_if(|open| open.serial == serial) {
            self.proving.insert(serial, open.chunk);
        }
    }

    /// What became of an encoder's chunk. Chunks of encoders that were aborted meanwhile are of no use.
    pub(super) fn closed(&mut self, serial: Serial, outcome: &Closed, out: &mut Vec<LiveAction>) {
        self.encoded(serial);
        let Some(mut chunk) = self.proving.remove(&serial) else {
            if let Closed::Chunk(id, _) = outcome {
                out.push(LiveAction::Discard(vec![*id]));
            }
            return;
        };
        match *outcome {
            Closed::Chunk(id, count) => {
                self.bad = chunk.frames.get(count).cloned().or(self.bad.take());
                chunk.frames.truncate(count);
                let next = chunk.frames.last().map(|frame| frame.number.saturating_add(1));
                self.back_to(next.unwrap_or(FrameNumber::MIN));
                if let Some(first) = chunk.frames.first().map(|frame| frame.number)
                    && let Some((old, _)) = self.chunks.insert(first, (id, chunk))
                {
                    out.push(LiveAction::Discard(vec![old]));
                }
                return;
            }
            Closed::BadFrame => self.bad = chunk.frames.first().cloned(),
            Closed::Stopped | Closed::Outdated => {}
            Closed::Failed { again } => {
                self.failures += 1;
                if !again || self.failures >= FAILURES {
                    self.phase = Phase::Off;
                }
            }
        }
        self.back_to(chunk.first());
    }

    /// The sequence is finished, with these frames. What the open encoder can still take it gets, and that was all: the
    /// job, which waits for this chunk, encodes the rest.
    pub(super) fn sealed(&mut self, frames: &[Frame], spacing: Spacing, out: &mut Vec<LiveAction>) {
        let Some(open) = &mut self.open else { return };
        let at = frames.partition_point(|frame| frame.number < open.chunk.first());
        let same = frames[at..].iter().zip(&open.chunk.frames).take_while(|(one, other)| one == other).count();
        if same < open.chunk.frames.len() {
            out.push(LiveAction::Abort(open.serial));
            self.open = None;
            return;
        }
        if open.ended {
            return;
        }
        let last = open.chunk.last();
        let room = open.chunk.room(self.limits);
        let rest = plan::next_stretch(frames[at + same..].iter().cloned(), spacing, room);
        if rest.first().is_some_and(|frame| spacing.follows(last, frame.number)) {
            out.push(LiveAction::Push(open.serial, rest));
        }
        out.push(LiveAction::End(open.serial));
        open.ended = true;
    }

    /// The sequence is gone: so is everything that was made of it.
    pub(super) fn abandoned(&mut self, out: &mut Vec<LiveAction>) {
        out.extend(self.open.take().map(|open| LiveAction::Abort(open.serial)));
        let ids: Vec<ChunkId> = std::mem::take(&mut self.chunks).into_values().map(|(id, _)| id).collect();
        if !ids.is_empty() {
            out.push(LiveAction::Discard(ids));
        }
        self.proving.clear();
        self.due = None;
    }

    fn abort(&mut self, out: &mut Vec<LiveAction>) {
        if let Some(open) = self.open.take() {
            out.push(LiveAction::Abort(open.serial));
            self.back_to(open.chunk.first());
        }
    }

    /// The open encoder gets no more frames.
    fn end(&mut self, out: &mut Vec<LiveAction>) {
        if let Some(open) = &mut self.open {
            open.ended = true;
            out.push(LiveAction::End(open.serial));
        }
    }

    /// Everything from `number` on is to be compared again, and the chunk that holds it as a whole.
    fn back_to(&mut self, number: FrameNumber) {
        let holder = self.chunks.range(..=number).next_back().filter(|(_, (_, chunk))| chunk.last() >= number);
        let first = holder.map_or(number, |(first, _)| *first);
        self.mark = self.mark.min(first);
    }

    fn wait_until(&mut self, moment: Option<Duration>, now: Duration) {
        self.due = self.due.into_iter().chain(moment.filter(|moment| *moment > now)).min();
    }
}

/// How far a chunk reaches.
#[derive(Debug, Clone, Copy)]
struct Extent {
    /// How many frames it takes.
    frames: u32,
    /// Whether the last frame of the video is among them.
    is_last: bool,
}

/// How far a chunk reaches that begins with `first`.
///
/// What an encoder holds back, it encodes after its last frame, while somebody waits: x264 at `medium` 28 frames, which are
/// 2.35 s at 1080p on two cores. Where it is known which frame is the last, the frames before it are a chunk of their own,
/// begun when the encoder of those before has ended, and made by one that holds next to nothing back.
fn extent(limits: Limits, first: &Frame, growing: &Growing<'_>) -> Extent {
    let length = limits.length.get();
    let left = growing.count_from(first.number).map(|left| u32::try_from(left).unwrap_or(u32::MAX));
    match left {
        Some(left) if left <= length.min(2 * LAST) => Extent { frames: length, is_last: true },
        // Where chunks are short anyway, a cut more would only cost bits.
        Some(left) if 2 * LAST <= length => Extent { frames: length.min(left - LAST), is_last: false },
        _ => Extent { frames: length, is_last: false },
    }
}

impl ChunkFrames {
    /// There is at least one frame.
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

    /// The same, where it must leave the last frames of the video to another one.
    fn room_in(&self, growing: &Growing<'_>, limits: Limits) -> u32 {
        let most = self.frames.first().map_or(limits.length.get(), |first| extent(limits, first, growing).frames);
        most.saturating_sub(u32::try_from(self.frames.len()).unwrap_or(u32::MAX))
    }

    /// Whether it is so short that another cut beside it is a waste of bits: less than a quarter of the usual length.
    fn is_short(&self, limits: Limits) -> bool {
        self.room(limits) > limits.length.get() / 4 * 3
    }

    /// Whether `next` comes right after it.
    fn goes_on_with(&self, next: &Frame, growing: &Growing<'_>) -> bool {
        growing.frames_from(self.last().saturating_add(1)).next().as_ref() == Some(next)
            && growing.spacing().follows(self.last(), next.number)
    }
}

#[cfg(test)]
mod tests;
