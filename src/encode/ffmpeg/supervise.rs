//! Waiting for a child and for the work around it at the same time.
//!
//! There is no timeout for the whole, because a video may take a second or a day. What counts is whether anything moves: a
//! disk that does not answer keeps FFmpeg waiting without an end, and then no exit status comes either.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::Stop;
use super::child::Child;

/// How soon a stop, a dead child or a stall is noticed.
const TICK: Duration = Duration::from_millis(40);

/// What came first.
#[derive(Debug)]
pub(crate) enum Supervised<T> {
    /// The work beside the child is done; the child may still run.
    Done(T),
    /// The child ended.
    Ended,
    /// Somebody asked to stop. The child still runs.
    Stopped,
    /// Nothing moved for too long. The child still runs.
    Stalled,
}

/// Waits for whatever comes first. `sign` is called every tick: a number that changes while the child is alive, or
/// `None` while it is not the child's turn.
pub(crate) fn supervise<T>(
    child: &mut Child,
    work: &Receiver<T>,
    stop: &Stop,
    stall: Duration,
    mut sign: impl FnMut() -> Option<u64>,
) -> Supervised<T> {
    let mut last = (sign(), Instant::now());
    loop {
        match work.recv_timeout(TICK) {
            Ok(done) => return Supervised::Done(done),
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody works beside the child: wait for it alone.
            Err(RecvTimeoutError::Disconnected) => _ = child.wait(TICK),
        }
        // The end of the child before the request to stop: what it did in its last moment counts, and there is nobody to
        // stop.
        if child.ended().is_some() {
            // The work may have been done in the same moment.
            return work.try_recv().map_or(Supervised::Ended, Supervised::Done);
        }
        if stop.requested() {
            return Supervised::Stopped;
        }
        let now = sign();
        // The clock starts anew while it is not the child's turn, so that an hour of waiting for a frame is never counted.
        if now.is_none() || now != last.0 {
            last = (now, Instant::now());
        } else if last.1.elapsed() > stall {
            return Supervised::Stalled;
        }
    }
}
