//! The way of frames into one encode: files come in order, are decoded in any order, and leave in theirs, a bounded number
//! at a time, in a bounded number of buffers.
//!
//! Frames of a finished sequence are all there at once; those of a growing one come as they are written. Nothing else is
//! different between the two.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::FrameFile;
use crate::encode::fingerprint::{Fingerprint, Fingerprints};
use crate::encode::recipe::Arrival;
use crate::frame::FrameError;
use crate::frame::digest::Contents;

/// How many bytes of raw video wait at most, unless two frames are more. In bytes and not in frames, because eight frames
/// are 50 MB at 1080p and 800 MB at 8K.
const BYTES: usize = 64 << 20;

/// A frame of raw video.
#[derive(Debug)]
pub(super) struct Raw {
    /// Its pixels.
    pub(super) pixels: Vec<u8>,
    /// What they are told by.
    pub(super) fingerprint: Fingerprint,
    /// What was read of the file.
    pub(super) contents: Contents,
}

/// The frames of one encode, as they become available. Clones are the same queue.
///
/// Frames are claimed in order, and the next in order always finds a buffer, so the one that is waited for is always being
/// worked on.
#[derive(Debug, Clone, Default)]
pub struct FrameQueue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    fingerprints: Fingerprints,
    /// Called whenever everything that came so far was taken.
    drained: Option<Box<dyn Fn() + Send + Sync>>,
}

#[derive(Debug, Default)]
struct State {
    frames: Vec<FrameFile>,
    /// No more frames come.
    ended: bool,
    /// How many may be in work or wait; none before the encoder runs.
    slots: usize,
    /// Buffers there may be, at least 2 once the encoder runs.
    buffers: usize,
    claimed: usize,
    taken: usize,
    ready: BTreeMap<usize, Result<Raw, FrameError>>,
    /// Buffers made so far, and those of them that nobody uses.
    made: usize,
    spare: Vec<Vec<u8>>,
    /// Nobody wants a frame any more.
    closed: bool,
}

impl FrameQueue {
    /// Of frames that are still to come. `drained` is called, on a thread of the encode, whenever the encoder has taken
    /// everything that came so far.
    pub fn telling(drained: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { drained: Some(Box::new(drained)), ..Shared::default() }))
    }

    /// Of frames that are all there.
    #[must_use]
    pub fn of(frames: Vec<FrameFile>) -> Self {
        let intake = Self::default();
        intake.push(frames);
        intake.end();
        intake
    }

    /// More frames, after those before.
    pub fn push(&self, frames: impl IntoIterator<Item = FrameFile>) {
        self.lock().frames.extend(frames);
        self.0.changed.notify_all();
    }

    /// No more frames come: the encode may end.
    pub fn end(&self) {
        self.lock().ended = true;
        self.0.changed.notify_all();
    }

    /// How its frames come, seen from now.
    pub(in crate::encode) fn arrival(&self) -> Arrival {
        if self.lock().ended { Arrival::AtOnce } else { Arrival::Live }
    }

    /// What the encoder was fed so far.
    #[must_use]
    pub fn fingerprints(&self) -> Fingerprints {
        self.0.fingerprints.clone()
    }

    /// Frames of the video that came so far.
    pub(super) fn total(&self) -> u64 {
        self.lock().frames.iter().map(|frame| u64::from(frame.repeat)).sum()
    }

    /// Lets `threads` threads decode, into frames of `frame_bytes` each.
    pub(super) fn open(&self, frame_bytes: usize, threads: usize) {
        // One in work for each thread, one on its way to FFmpeg and one ready: more only cost memory.
        let slots = (BYTES / frame_bytes.max(1)).clamp(2, threads + 2);
        let mut state = self.lock();
        state.slots = slots;
        // A picture that is decoded waits as it is: converting it takes a fraction of the time, so that one buffer on its
        // way to FFmpeg and the next one ready are enough for two threads.
        state.buffers = slots.min(threads.max(2));
        drop(state);
        self.0.changed.notify_all();
    }

    /// The next frame to decode, once it is there and one more may be in work; `None` when no more come or nobody wants
    /// more.
    pub(super) fn claim(&self) -> Option<(usize, FrameFile)> {
        let mut state = self.lock();
        loop {
            if state.closed || state.ended && state.claimed == state.frames.len() {
                return None;
            }
            if state.claimed < state.frames.len() && state.claimed < state.taken + state.slots {
                let index = state.claimed;
                state.claimed += 1;
                return Some((index, state.frames[index].clone()));
            }
            state = self.wait(state);
        }
    }

    /// A buffer for frame `index`, once its turn is near; `None` when nobody wants more. It comes back with
    /// [`Self::recycle`], from the feeder or from whoever has no use for it.
    pub(super) fn buffer(&self, index: usize) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(buffer) = state.lend(index) {
                return Some(buffer);
            }
            state = self.wait(state);
        }
    }

    /// Hands in frame `index`.
    pub(super) fn put(&self, index: usize, frame: Result<Raw, FrameError>) {
        self.lock().ready.insert(index, frame);
        self.0.changed.notify_all();
    }

    /// The next frame in order; `None` after the last, or when the queue is closed.
    pub(super) fn take(&self) -> Option<(FrameFile, Result<Raw, FrameError>)> {
        let mut state = self.lock();
        loop {
            if state.closed || state.is_exhausted() {
                return None;
            }
            let index = state.taken;
            if let Some(raw) = state.ready.remove(&index) {
                state.taken += 1;
                let frame = state.frames[index].clone();
                let is_drained = state.taken == state.frames.len();
                // `drained` is code of the caller, which may ask this queue: it must find the lock free.
                drop(state);
                self.0.changed.notify_all();
                if is_drained && let Some(drained) = &self.0.drained {
                    drained();
                }
                return Some((frame, raw));
            }
            state = self.wait(state);
        }
    }

    /// Whether every frame had its turn, and no more come.
    pub(super) fn is_exhausted(&self) -> bool {
        self.lock().is_exhausted()
    }

    /// Waits until every frame had its turn, and no more come; `false` where the encode ends before.
    pub(in crate::encode) fn wait_until_exhausted(&self) -> bool {
        let mut state = self.lock();
        while !state.closed && !state.is_exhausted() {
            state = self.wait(state);
        }
        state.is_exhausted()
    }

    /// Gives a buffer back.
    pub(super) fn recycle(&self, buffer: Vec<u8>) {
        self.lock().spare.push(buffer);
        self.0.changed.notify_all();
    }

    /// Whether nobody wants a frame any more.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Ends the exchange for everybody.
    pub(in crate::encode) fn close(&self) {
        self.lock().closed = true;
        self.0.changed.notify_all();
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("state", &self.state).finish_non_exhaustive()
    }
}

impl State {
    fn lend(&mut self, index: usize) -> Option<Vec<u8>> {
        // The feeder keeps one, and each frame that comes before this one is to find one too. Without that the decoders of
        // later frames could hold every buffer, while the feeder waits for an earlier frame that finds none: nobody would
        // go on.
        if index + 1 >= self.taken + self.buffers {
            return None;
        }
        self.spare.pop().or_else(|| {
            (self.made < self.buffers).then(|| {
                self.made += 1;
                Vec::new()
            })
        })
    }

    fn is_exhausted(&self) -> bool {
        self.ended && self.taken == self.frames.len()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::thread;

    use super::*;
    use crate::frame::digest::Digest;
    use crate::model::Identity;

    fn frame(number: i64) -> FrameFile {
        let identity = Identity { dev: 1, ino: 1, size: 1, mtime_ns: 1 };
        FrameFile { path: PathBuf::from("f"), identity, number, repeat: 1 }
    }

    fn raw() -> Raw {
        let contents = Contents { changed_ns: None, digest: Digest::of(b"") };
        Raw { pixels: vec![0; 4], fingerprint: Fingerprint::Bytes(0), contents }
    }

    #[test]
    fn frames_leave_in_order_however_they_are_decoded() {
        let intake = FrameQueue::of((1..=3).map(frame).collect());
        intake.open(1, 4);
        let claimed: Vec<usize> = (0..3).map(|_| intake.claim().unwrap().0).collect();
        assert!(intake.claim().is_none(), "all are claimed and no more come");
        for index in claimed.into_iter().rev() {
            intake.put(index, Ok(raw()));
        }
        let taken: Vec<i64> = std::iter::from_fn(|| intake.take()).map(|(frame, _)| frame.number).collect();
        assert_eq!(taken, [1, 2, 3]);
        assert!(intake.is_exhausted());
    }

    #[test]
    fn a_decoder_waits_for_a_frame_that_is_still_to_come() {
        let intake = FrameQueue::default();
        intake.open(1, 1);
        thread::scope(|scope| {
            let decoder = scope.spawn(|| intake.claim().map(|(_, frame)| frame.number));
            intake.push([frame(7)]);
            assert_eq!(decoder.join().unwrap(), Some(7));
            let decoder = scope.spawn(|| intake.claim().is_none());
            intake.end();
            assert!(decoder.join().unwrap());
        });
        assert!(!intake.is_exhausted(), "the frame was claimed, but not fed");
    }

    #[test]
    fn whoever_fed_it_hears_when_everything_is_taken() {
        let (send, drained) = crossbeam_channel::unbounded();
        let intake = FrameQueue::telling(move || send.send(()).unwrap());
        intake.push([frame(1), frame(2)]);
        intake.open(1, 2);
        for index in 0..2 {
            intake.claim().unwrap();
            intake.put(index, Ok(raw()));
        }
        assert!(intake.take().is_some());
        assert!(drained.is_empty(), "one is left");
        assert!(intake.take().is_some());
        assert_eq!(drained.len(), 1);
        intake.push([frame(3)]);
        intake.claim().unwrap();
        intake.put(2, Ok(raw()));
        assert!(intake.take().is_some());
        assert_eq!(drained.len(), 2);
    }

    /// Threads that decode in any order, and a feeder that keeps the last frame as the real one does.
    #[test]
    fn there_are_no_more_buffers_than_there_may_be() {
        const TOTAL: i64 = 200;
        for threads in 1..=4 {
            let intake = FrameQueue::of((0..TOTAL).map(frame).collect());
            intake.open(1, threads);
            let taken = thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        while let Some((index, _)) = intake.claim() {
                            let mut pixels = intake.buffer(index).unwrap();
                            if index % 7 == 3 {
                                intake.recycle(pixels);
                                intake.put(index, Err(crate::frame::FrameErrorKind::Empty.at("x".as_ref())));
                                continue;
                            }
                            pixels.clear();
                            pixels.push(u8::try_from(index).unwrap());
                            intake.put(index, Ok(Raw { pixels, ..raw() }));
                        }
                    });
                }
                let (mut last, mut taken): (Option<Raw>, Vec<i64>) = (None, Vec::new());
                while let Some((frame, raw)) = intake.take() {
                    if let Ok(raw) = raw {
                        assert_eq!(raw.pixels, [u8::try_from(frame.number).unwrap()]);
                        last.replace(raw).into_iter().for_each(|old| intake.recycle(old.pixels));
                    }
                    taken.push(frame.number);
                }
                taken
            });
            assert!(taken.into_iter().eq(0..TOTAL));
            assert!(intake.lock().made <= threads.max(2));
        }
    }

    #[test]
    fn a_later_frame_does_not_take_the_last_buffer() {
        let intake = FrameQueue::of((0..10).map(frame).collect());
        intake.open(1, 2);
        intake.claim().unwrap();
        intake.claim().unwrap();
        assert!(intake.lock().lend(1).is_none());
        let pixels = intake.lock().lend(0).unwrap();
        assert!(intake.lock().lend(1).is_none());
        intake.put(0, Ok(Raw { pixels, ..raw() }));
        assert!(intake.take().is_some());
        assert!(intake.lock().lend(1).is_some());
    }

    #[test]
    fn a_closed_intake_keeps_nobody_waiting() {
        let intake = FrameQueue::of((0..10).map(frame).collect());
        intake.open(1, 2);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| intake.buffer(5));
            intake.close();
            assert!(waiting.join().unwrap().is_none());
        });
        assert!(intake.claim().is_none() && intake.take().is_none());
    }

    #[test]
    fn room_is_bounded() {
        let intake = FrameQueue::of((1..=9).map(frame).collect());
        intake.open(1, 1);
        for _ in 0..3 {
            intake.claim().unwrap();
        }
        thread::scope(|scope| {
            let fourth = scope.spawn(|| intake.claim().map(|(index, _)| index));
            intake.put(0, Ok(raw()));
            assert!(intake.take().is_some());
            assert_eq!(fourth.join().unwrap(), Some(3));
        });
    }
}
