//! Rests between readings of the event queue, so that a frame costs few wake-ups.
//!
//! A frame is two events or more, and where many are written at once, a thread that wakes for each of them wakes thousands of
//! times a second. A reader that rests for a moment finds all that gathered in one reading. Owns that rest, and nothing else;
//! it is bounded, and the end of the watcher ends it.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long events gather after one that broke a silence. It delays the news of a closed file by as much at most.
const REST: Duration = Duration::from_millis(100);

/// Events that follow each other faster belong to one flood. Resting between those would only let the queue grow.
const SILENCE: Duration = Duration::from_micros(100);

/// Rests, unless `ended` is closed at its other end.
pub(super) fn rest(ended: &OwnedFd) {
    rest_for(REST, ended);
}

fn rest_for(limit: Duration, ended: &OwnedFd) {
    // Both limits fit; without one it would only rest for ever. A signal cuts the rest short, which costs a wake-up.
    let limit = Timespec::try_from(limit).ok();
    let _ = poll(&mut [PollFd::new(ended, PollFlags::IN)], limit.as_ref());
}

/// When the thread last had something to do.
#[derive(Debug)]
pub(super) struct Pulse(Instant);

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self(now)
    }

    /// The thread has dealt with what came.
    pub(super) fn beats(&mut self, now: Instant) {
        self.0 = now;
    }

    /// Whether nothing came for a while before what came at `came`.
    pub(super) fn broke_a_silence(&self, came: Instant) -> bool {
        came.saturating_duration_since(self.0) >= SILENCE
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::pipe::pipe;

    use super::*;

    #[test]
    fn rests_after_a_silence_and_not_within_a_reading() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        let (ended, _alive) = pipe().unwrap();
        assert!(pulse.broke_a_silence(start + SILENCE));
        assert!(!pulse.broke_a_silence(start + SILENCE / 2));
        rest(&ended);
        pulse.beats(Instant::now());
        assert!(pulse.0 >= start + REST, "the rest was taken");
        assert!(!pulse.broke_a_silence(pulse.0), "what gathered meanwhile is one reading");
    }

    #[test]
    fn the_end_of_the_watcher_ends_the_rest_and_keeps_it_from_beginning() {
        let (ended, alive) = pipe().unwrap();
        let forever = Duration::from_secs(3600);
        thread::scope(|scope| {
            let resting = scope.spawn(|| rest_for(forever, &ended));
            drop(alive);
            resting.join().unwrap();
        });
        rest_for(forever, &ended);
    }
}
