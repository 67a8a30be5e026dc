//! Rests between readings of the event queue, so that a frame costs few wake-ups.
//!
//! notify asks the kernel for an event of every `write`, which is about fifty for a frame of 3 MB, and its thread wakes
//! for each. The kernel merges equal events that wait in a row (inotify(7)), so a reader that rests for a moment finds
//! one instead of fifty. Owns that rest, and nothing else; it is bounded, and whoever waits for the thread ends it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long events gather after one that broke a silence. It delays the news of a closed file by as much at most.
const REST: Duration = Duration::from_millis(100);

/// Events that follow each other faster come from one reading of the queue. Resting between those would only let the
/// queue grow.
const SILENCE: Duration = Duration::from_micros(100);

/// Lets the threads that call notify end the rest of the thread that they wait for.
#[derive(Debug, Default)]
pub(super) struct Pace {
    waiting: Mutex<usize>,
    changed: Condvar,
}

impl Pace {
    /// No rest is begun, and none goes on, until the returned guard is dropped.
    pub(super) fn hurry(&self) -> Hurry<'_> {
        *self.lock() += 1;
        self.changed.notify_all();
        Hurry(self)
    }

    fn rest(&self, limit: Duration) {
        let rested = self.changed.wait_timeout_while(self.lock(), limit, |waiting| *waiting == 0);
        drop(rested);
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits for the thread.
#[derive(Debug)]
pub(super) struct Hurry<'a>(&'a Pace);

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
    }
}

/// When the thread last had something to do.
#[derive(Debug)]
pub(super) struct Pulse(Instant);

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self(now)
    }

    /// To be called after each event that came at `came` was dealt with.
    pub(super) fn after_event(&mut self, came: Instant, pace: &Pace) {
        if self.broke_a_silence(came) {
            pace.rest(REST);
        }
        self.0 = Instant::now();
    }

    fn broke_a_silence(&self, came: Instant) -> bool {
        came.saturating_duration_since(self.0) >= SILENCE
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn rests_after_a_silence_and_not_within_a_reading() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        assert!(pulse.broke_a_silence(start + SILENCE));
        assert!(!pulse.broke_a_silence(start + SILENCE / 2));
        pulse.after_event(start + SILENCE, &Pace::default());
        assert!(pulse.0 >= start + REST, "the rest was taken");
        assert!(!pulse.broke_a_silence(pulse.0), "what gathered meanwhile is one reading");
    }

    #[test]
    fn whoever_waits_ends_the_rest_and_keeps_it_from_beginning() {
        let pace = Arc::new(Pace::default());
        let forever = Duration::from_secs(3600);
        let resting = thread::spawn({
            let pace = Arc::clone(&pace);
            move || pace.rest(forever)
        });
        let hurry = pace.hurry();
        resting.join().unwrap();
        pace.rest(forever);
        drop(hurry);
        let start = Instant::now();
        pace.rest(REST);
        assert!(start.elapsed() >= REST);
    }
}
