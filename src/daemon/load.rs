//! Whether other programs keep the machine busy, for roots with `live = "when_idle"`.
//!
//! Owns the measure: the kernel's load average of the last minute, which counts the threads that run or wait for a
//! processor or a disk, less the part of it that may be reeld's own. Without that, a live encoder on a small machine would
//! hold itself back. The pressure of `/proc/pressure/cpu` is no measure here: it is the share of time in which anybody
//! waits for a processor, and where reeld encodes with niceness, that is mostly reeld.
//!
//! Reeld's own part is taken to be its threads that are at work, and those that were before, fading no faster than the
//! kernel's average forgets them. That is never less than its real part, so that reeld does not hold itself back. It can be
//! more for about a minute after an encoder began, so that other programs are noticed that much later.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::system::sysinfo;
use rustix::thread::gettid;

/// What one thread is in the kernel's averages: `1 << SI_LOAD_SHIFT` of sysinfo(2).
const ONE: u64 = 1 << 16;
/// How long threads count that are no longer at work. The kernel's average loses 8 % of them in 5 s
/// (`linux/sched/loadavg.h`), this 7 %.
const FADING: Duration = Duration::from_secs(75);

/// What other programs have to do, in threads, averaged over about a minute, in units of [`ONE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load(u64);

impl Load {
    /// Whether it is more than `cores` processors can do at once. The load is that of the whole machine: where reeld may use
    /// only some of its processors, it steps back earlier than it had to.
    #[must_use]
    pub(crate) fn is_busy(self, cores: NonZeroUsize) -> bool {
        self.0 > ONE.saturating_mul(cores.get() as u64)
    }
}

/// Follows the load.
#[derive(Debug, Default)]
pub(crate) struct LoadMeter {
    /// Reeld's own part, and when that was so.
    own: Option<(u64, Instant)>,
}

impl LoadMeter {
    /// The load at `now`. Meant to be asked every few seconds while the answer matters.
    pub(crate) fn load(&mut self, now: Instant) -> Load {
        // Not from `/proc/loadavg`: a service with `ProcSubset=pid` has no such file.
        let [last_minute, ..] = sysinfo().loads;
        Load(last_minute.saturating_sub(self.own(now, at_work().len() as u64)))
    }

    fn own(&mut self, now: Instant, at_work: u64) -> u64 {
        let (before, at) = self.own.unwrap_or((0, now));
        let now_at_work = at_work * ONE;
        let more = before.saturating_sub(now_at_work);
        let (past, all) = (now.saturating_duration_since(at).min(FADING).as_millis(), FADING.as_millis());
        // As wide as the milliseconds: the product fits, and the quotient is no more than `more`.
        let faded = u128::from(more) * past / all;
        let own = now_at_work + more - u64::try_from(faded).unwrap_or(more);
        self.own = Some((own, now));
        own
    }
}

/// Threads of this process and of the processes it has started that run or wait for a processor or a disk, without the
/// thread that asks.
fn at_work() -> Vec<PathBuf> {
    let asking = gettid().as_raw_nonzero().to_string();
    let own = threads("self");
    // Each thread has those that it has started. Nothing where the kernel does not tell (`CONFIG_PROC_CHILDREN`).
    let children = own.iter().filter_map(|thread| fs::read_to_string(thread.join("children")).ok());
    let theirs = children.flat_map(|list| list.split_whitespace().flat_map(threads).collect::<Vec<_>>());
    let all: Vec<PathBuf> = theirs.chain(own.iter().filter(|thread| !thread.ends_with(&asking)).cloned()).collect();
    // A thread's name can be any bytes.
    all.into_iter().filter(|thread| fs::read(thread.join("stat")).is_ok_and(|stat| counts(&stat))).collect()
}

/// The threads of a process, which may be gone, as folders.
fn threads(process: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new("/proc").join(process).join("task"));
    entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Whether a thread with this `stat` of proc(5) is part of the load: running, runnable, or in an uninterruptible wait.
fn counts(stat: &[u8]) -> bool {
    // The name stands in parentheses, and may have some of its own.
    let state = stat.iter().rposition(|byte| *byte == b')').and_then(|end| stat.get(end + 2));
    matches!(state, Some(b'R' | b'D'))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use crossbeam_channel::bounded;
    use proptest::prelude::*;
    use rustix::process::Pid;

    use super::*;

    #[test]
    fn busy_is_more_than_the_processors_can_do() {
        let busy = |load: u64, cores: usize| Load(load).is_busy(NonZeroUsize::new(cores).unwrap());
        assert!(!busy(0, 1));
        assert!(!busy(2 * ONE, 2));
        assert!(busy(2 * ONE + 1, 2));
        assert!(!busy(2 * ONE + 1, 3));
    }

    #[test]
    fn the_most_that_was_seen_fades_slowly() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut meter = LoadMeter::default();
        assert_eq!(meter.own(start, 3), 3 * ONE);
        assert_eq!(meter.own(at(0), 0), 3 * ONE);
        let once = meter.own(at(5), 0);
        assert!(once > 3 * ONE * 92 / 100 && once < 3 * ONE * 94 / 100, "{once}");
        assert_eq!(meter.own(at(5), 4), 4 * ONE);
        // A clock that stood still, and a long sleep.
        assert_eq!(meter.own(start, 0), 4 * ONE);
        assert_eq!(meter.own(at(100_000), 1), ONE);
    }

    #[test]
    fn the_state_is_behind_the_name() {
        assert!(counts(b"1 (ffmpeg) R 2 3"));
        assert!(counts(b"1 (a) S) (\xff) D 2 3"));
        for stat in [&b"1 (R) S 2 3"[..], b"1 (x) Z 2", b"1 (x) I 2", b"1 (x)", b"1 (x) ", b""] {
            assert!(!counts(stat), "{stat:?}");
        }
    }

    /// Asks again and again: a thread that is busy may still be waiting for its first page now and then.
    fn comes_true(what: impl Fn() -> bool) -> bool {
        let until = Instant::now() + Duration::from_secs(20);
        while !what() {
            if Instant::now() > until {
                return false;
            }
            thread::yield_now();
        }
        true
    }

    #[test]
    fn a_busy_thread_is_reelds_own_but_not_the_one_that_asks() {
        let done = AtomicBool::new(false);
        let (send, receive) = bounded(1);
        thread::scope(|scope| {
            scope.spawn(|| {
                send.send(gettid()).unwrap();
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let folder = |thread: Pid| Path::new("/proc/self/task").join(thread.as_raw_nonzero().to_string());
            let (busy, asking) = (folder(receive.recv().unwrap()), folder(gettid()));
            let counted = comes_true(|| at_work().contains(&busy));
            let asking_too = at_work().contains(&asking);
            done.store(true, Ordering::Relaxed);
            assert!(counted && !asking_too);
        });
    }

    #[test]
    fn a_child_is_reelds_own_while_it_is_busy() {
        let mut child = Command::new("/bin/sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let folder = PathBuf::from(format!("/proc/{0}/task/{0}", child.id()));
        let counted = comes_true(|| at_work().contains(&folder));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(counted && !at_work().contains(&folder));
    }

    proptest! {
        /// The kernel's own arithmetic (`calc_load`), at its pace, of what is seen: 1884 is e^(-5/60) in 2048ths.
        #[test]
        fn reelds_own_part_is_never_taken_for_less_than_it_is(counts in prop::collection::vec(0_u64..200, 1..300)) {
            let start = Instant::now();
            let (mut meter, mut average) = (LoadMeter::default(), 0);
            for (step, count) in (0..).zip(counts) {
                average = (average * 1884 + count * ONE * (2048 - 1884)) / 2048;
                let own = meter.own(start + Duration::from_secs(5 * step), count);
                prop_assert!(own >= average, "{own} {average}");
            }
        }

        #[test]
        fn any_stat_is_answered(stat in prop::collection::vec(any::<u8>(), 0..40)) {
            counts(&stat);
        }
    }
}
