//! The way of frames into one encode: files come in order, are decoded in any order, and leave in theirs, a bounded number
//! at a time.
//!
//! Frames of a finished sequence are all there at once; those of a growing one come as they are written. Nothing else is
//! different between the two.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::FrameFile;
use crate::frame::FrameError;
use crate::frame::signature::Signature;

/// How many bytes of raw video wait at most, unless two frames are more.
const BYTES: usize = 64 << 20;

/// A frame of raw video.
#[derive(Debug)]
pub(super) struct Raw {
    /// Its pixels.
    pub(super) pixels: Vec<u8>,
    /// What they look like.
    pub(super) signature: Signature,
}

/// The frames of one encode, as they become available. Clones are the same intake.
///
/// Frames are claimed in order, so the one that is waited for is always being worked on.
#[derive(Debug, Clone, Default)]
pub struct Intake(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    frames: Vec<FrameFile>,
    /// No more frames come.
    ended: bool,
    /// How many may be in work or wait; none before the encoder runs.
    slots: usize,
    claimed: usize,
    taken: usize,
    ready: BTreeMap<usize, Result<Raw, FrameError>>,
    spare: Vec<Vec<u8>>,
    /// Nobody wants a frame any more.
    closed: bool,
}

impl Intake {
    /// Of frames that are all there.
    #[must_use]
    pub fn of(frames: Vec<FrameFile>) -> Self {
        let intake = Self::default();
        intake.push(frames);
        intake.end();
        intake
    }

    /// More frames, behind those before.
    pub fn push(&self, frames: impl IntoIterator<Item = FrameFile>) {
        self.lock().frames.extend(frames);
        self.0.changed.notify_all();
    }

    /// No more frames come: the encode may end.
    pub fn end(&self) {
        self.lock().ended = true;
        self.0.changed.notify_all();
    }

    /// Whether the encoder has taken everything that came so far.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let state = self.lock();
        state.taken == state.frames.len()
    }

    /// Frames of the video that came so far.
    pub(super) fn total(&self) -> u64 {
        self.lock().frames.iter().map(|frame| u64::from(frame.repeat)).sum()
    }

    /// Lets `threads` threads decode, into frames of `frame_bytes` each.
    pub(super) fn open(&self, frame_bytes: usize, threads: usize) {
        // One in work for each thread, one on its way to FFmpeg and one ready: more only cost memory.
        self.lock().slots = (BYTES / frame_bytes.max(1)).clamp(2, threads + 2);
        self.0.changed.notify_all();
    }

    /// The next frame to decode and a buffer to use for it, once there are both; `None` when no more come or nobody
    /// wants more.
    pub(super) fn claim(&self) -> Option<(usize, FrameFile, Vec<u8>)> {
        let mut state = self.lock();
        loop {
            if state.closed || state.ended && state.claimed == state.frames.len() {
                return None;
            }
            if state.claimed < state.frames.len() && state.claimed < state.taken + state.slots {
                let index = state.claimed;
                state.claimed += 1;
                return Some((index, state.frames[index].clone(), state.spare.pop().unwrap_or_default()));
            }
            state = self.wait(state);
        }
    }

    /// Hands in frame `index`.
    pub(super) fn put(&self, index: usize, frame: Result<Raw, FrameError>) {
        self.lock().ready.insert(index, frame);
        self.0.changed.notify_all();
    }

    /// The next frame in order; `None` after the last, or when the intake is closed.
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
                drop(state);
                self.0.changed.notify_all();
                return Some((frame, raw));
            }
            state = self.wait(state);
        }
    }

    /// Whether every frame had its turn, and no more come.
    pub(super) fn is_exhausted(&self) -> bool {
        self.lock().is_exhausted()
    }

    /// Gives a buffer back.
    pub(super) fn recycle(&self, buffer: Vec<u8>) {
        self.lock().spare.push(buffer);
    }

    /// Ends the exchange for everybody.
    pub(super) fn close(&self) {
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

impl State {
    fn is_exhausted(&self) -> bool {
        self.ended && self.taken == self.frames.len()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::thread;

    use super::*;
    use crate::frame::color::Feed;
    use crate::sequence::Identity;

    fn frame(number: i64) -> FrameFile {
        let identity = Identity { dev: 1, ino: 1, size: 1, mtime_ns: 1 };
        FrameFile { path: PathBuf::from("f"), identity, number, repeat: 1 }
    }

    fn raw() -> Raw {
        Raw { pixels: vec![0; 4], signature: Signature::of(&[], Feed::Yuv420p, 2, 2) }
    }

    #[test]
    fn frames_leave_in_order_however_they_are_decoded() {
        let intake = Intake::of((1..=3).map(frame).collect());
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
        let intake = Intake::default();
        intake.open(1, 1);
        thread::scope(|scope| {
            let decoder = scope.spawn(|| intake.claim().map(|(_, frame, _)| frame.number));
            intake.push([frame(7)]);
            assert_eq!(decoder.join().unwrap(), Some(7));
            let decoder = scope.spawn(|| intake.claim().is_none());
            intake.end();
            assert!(decoder.join().unwrap());
        });
        assert!(!intake.is_drained() && !intake.is_exhausted(), "the frame was claimed, but not fed");
    }

    #[test]
    fn room_is_bounded() {
        let intake = Intake::of((1..=9).map(frame).collect());
        intake.open(1, 1);
        for _ in 0..3 {
            intake.claim().unwrap();
        }
        thread::scope(|scope| {
            let fourth = scope.spawn(|| intake.claim().map(|(index, ..)| index));
            intake.put(0, Ok(raw()));
            assert!(intake.take().is_some());
            assert_eq!(fourth.join().unwrap(), Some(3));
        });
    }
}
