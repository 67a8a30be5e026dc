//! The window between decoders and feeder: frames come in any order and leave in theirs, a bounded number at a time.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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

/// A bounded, ordered exchange. Frames are claimed in order, so the one that is waited for is always being worked on.
#[derive(Debug)]
pub(super) struct Window {
    state: Mutex<State>,
    changed: Condvar,
    total: usize,
    slots: usize,
}

#[derive(Debug, Default)]
struct State {
    claimed: usize,
    taken: usize,
    ready: BTreeMap<usize, Result<Raw, FrameError>>,
    spare: Vec<Vec<u8>>,
    closed: bool,
}

impl Window {
    /// For `total` frames of `frame_bytes` each, that `threads` threads decode.
    pub(super) fn new(total: usize, frame_bytes: usize, threads: usize) -> Self {
        // One in work for each thread, one on its way to FFmpeg and one ready: more only cost memory.
        let slots = (BYTES / frame_bytes.max(1)).clamp(2, threads + 2);
        Self { state: Mutex::default(), changed: Condvar::new(), total, slots }
    }

    /// The next frame to decode and a buffer to use for it, once there is room; `None` when all are claimed or nobody
    /// wants more.
    pub(super) fn claim(&self) -> Option<(usize, Vec<u8>)> {
        let mut state = self.lock();
        loop {
            if state.closed || state.claimed == self.total {
                return None;
            }
            if state.claimed < state.taken + self.slots {
                let index = state.claimed;
                state.claimed += 1;
                return Some((index, state.spare.pop().unwrap_or_default()));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands in frame `index`.
    pub(super) fn put(&self, index: usize, frame: Result<Raw, FrameError>) {
        self.lock().ready.insert(index, frame);
        self.changed.notify_all();
    }

    /// The next frame in order; `None` after the last, or when the window is closed.
    pub(super) fn take(&self) -> Option<(usize, Result<Raw, FrameError>)> {
        let mut state = self.lock();
        loop {
            if state.closed || state.taken == self.total {
                return None;
            }
            let index = state.taken;
            if let Some(frame) = state.ready.remove(&index) {
                state.taken += 1;
                drop(state);
                self.changed.notify_all();
                return Some((index, frame));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives a buffer back.
    pub(super) fn recycle(&self, buffer: Vec<u8>) {
        self.lock().spare.push(buffer);
    }

    /// Ends the exchange for everybody.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
