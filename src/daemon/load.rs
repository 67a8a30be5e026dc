//! Whether other programs keep the machine busy, for roots with `live = "when_idle"`.
//!
//! Owns the measure: the kernel's load average of the last minute, which counts the threads that run or wait for a
//! processor or a disk, less the part of it that is reeld's own. Without that, a live encoder on a small machine would
//! hold itself back. The pressure of `/proc/pressure/cpu` is no measure here: it is the share of time in which anybody
//! waits for a processor, and where reeld encodes with niceness, that is mostly reeld.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::system::sysinfo;
use rustix::thread::gettid;

/// Binary places behind the point: `SI_LOAD_SHIFT` of sysinfo(2).
const SHIFT: u32 = 16;
/// How far apart the kernel's looks are that it takes the average of, and ours (`linux/sched/loadavg.h`).
const STEP: Duration = Duration::from_secs(5);
/// What a look leaves of the average before it, in 2048ths: e^(-5/60), from the same place.
const KEPT: i64 = 1884;
/// After so many looks nothing is left, within rounding.
const ALL: u32 = 180;

/// How much the machine has to do, in threads, averaged over about a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Of the whole machine, in 1/65536.
    machine: i64,
    /// Of reeld and the encoders that it runs, in 1/65536.
    own: i64,
}

/// Follows the load.
#[derive(Debug, Default)]
pub struct LoadMeter {
    /// Reeld's own part so far, and when it was last brought up to date.
    own: Option<(i64, Instant)>,
}

impl Load {
    /// Whether other programs have more to do than `cores` processors can do at once. The load is that of the whole
    /// machine: where reeld may use only some of its processors, it steps back earlier than it had to.
    #[must_use]
    pub fn is_busy(self, cores: NonZeroUsize) -> bool {
        let cores = i64::try_from(cores.get()).unwrap_or(i64::MAX);
        self.machine.saturating_sub(self.own) > cores.saturating_mul(1 << SHIFT)
    }
}

impl LoadMeter {
    /// The load at `now`. Meant to be asked every few seconds while the answer matters; reeld's own part is the better
    /// known the longer it is.
    pub fn load(&mut self, now: Instant) -> Load {
        // Not from `/proc/loadavg`: a service with `ProcSubset=pid`, as reeld's is, has no such file.
        let [last_minute, ..] = sysinfo().loads;
        let machine = i64::try_from(last_minute).unwrap_or(i64::MAX);
        let own = self.own(now, || u32::try_from(runnable().len()).unwrap_or(u32::MAX));
        Load { machine, own }
    }

    fn own(&mut self, now: Instant, count: impl FnOnce() -> u32) -> i64 {
        let Some((average, at)) = self.own else {
            let first = i64::from(count()) << SHIFT;
            self.own = Some((first, now));
            return first;
        };
        let steps = now.saturating_duration_since(at).as_secs() / STEP.as_secs();
        // Looking more often would not be what the kernel does, and cost more.
        let Some(steps) = u32::try_from(steps.min(ALL.into())).ok().filter(|steps| *steps > 0) else { return average };
        let average = averaged(average, count(), steps);
        self.own = Some((average, now));
        average
    }
}

/// `average` after `steps` looks that each saw `count`, as the kernel reckons it.
fn averaged(average: i64, count: u32, steps: u32) -> i64 {
    let count = i64::from(count) << SHIFT;
    (0..steps).fold(average, |average, _| (average * KEPT + count * (2048 - KEPT)) / 2048)
}

/// Threads of this process and of the processes it has started that run or wait for a processor or a disk, without the
/// thread that asks.
fn runnable() -> Vec<PathBuf> {
    let asking = gettid().as_raw_nonzero().to_string();
    let own = threads("self").into_iter().filter(|thread| !thread.ends_with(&asking));
    let theirs = children().into_iter().flat_map(|child| threads(&child));
    own.chain(theirs).filter(|thread| is_runnable(thread)).collect()
}

/// The processes that this one has started. None where the kernel does not tell (`CONFIG_PROC_CHILDREN`).
fn children() -> Vec<String> {
    let lists = threads("self").into_iter().filter_map(|thread| fs::read_to_string(thread.join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The threads of a process, which may be gone, as folders.
fn threads(process: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new("/proc").join(process).join("task"));
    entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn is_runnable(thread: &Path) -> bool {
    // A thread's name can be any bytes.
    fs::read(thread.join("stat")).is_ok_and(|stat| counts(&stat))
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

    fn busy(machine: i64, own: i64, cores: usize) -> bool {
        Load { machine, own }.is_busy(NonZeroUsize::new(cores).unwrap())
    }

    #[test]
    fn busy_is_more_than_the_processors_can_do() {
        const TWO: i64 = 2 << SHIFT;
        assert!(!busy(0, 0, 1));
        assert!(!busy(TWO, 0, 2));
        assert!(busy(TWO + 1, 0, 2));
        assert!(!busy(TWO + 1, 0, 3));
    }

    #[test]
    fn reelds_own_part_does_not_count() {
        assert!(!busy(6 << SHIFT, 4 << SHIFT, 2));
        assert!(busy(6 << SHIFT, 3 << SHIFT, 2));
        // Two averages never agree to the last bit.
        assert!(!busy(1 << SHIFT, 3 << SHIFT, 1));
    }

    #[test]
    fn the_average_follows_as_the_kernels_does() {
        // From idle to 4 threads: 1 - 1/e of it after a minute, nearly all after five.
        let minute = averaged(0, 4, 12);
        assert!((165_000..166_500).contains(&minute), "{minute}");
        assert!(averaged(minute, 4, 48) > 4 * 65_000);
        assert!(averaged(64 << SHIFT, 0, ALL) < 64);
    }

    #[test]
    fn looks_are_five_seconds_apart() {
        let start = Instant::now();
        let mut meter = LoadMeter::default();
        assert_eq!(meter.own(start, || 3), 3 << SHIFT);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(meter.own(at(4), || panic!("looked too early")), 3 << SHIFT);
        let once = averaged(3 << SHIFT, 0, 1);
        assert_eq!(meter.own(at(5), || 0), once);
        assert_eq!(meter.own(at(9), || panic!("looked too early")), once);
        assert_eq!(meter.own(at(20), || 0), averaged(once, 0, 3));
        // A clock that stood still, and a long sleep.
        assert_eq!(meter.own(start, || panic!("looked too early")), averaged(once, 0, 3));
        assert!(meter.own(at(100_000), || 1) >> 4 == (1 << SHIFT) >> 4);
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
            let counted = comes_true(|| runnable().contains(&busy));
            let asking_too = runnable().contains(&asking);
            done.store(true, Ordering::Relaxed);
            assert!(counted && !asking_too);
        });
    }

    #[test]
    fn a_child_is_reelds_own_while_it_is_busy() {
        let mut child = Command::new("/bin/sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let folder = PathBuf::from(format!("/proc/{0}/task/{0}", child.id()));
        let counted = comes_true(|| runnable().contains(&folder));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(counted && !runnable().contains(&folder));
    }

    #[test]
    fn the_machine_has_a_load() {
        let load = LoadMeter::default().load(Instant::now());
        assert!(load.machine >= 0 && load.machine < 100_000 << SHIFT, "{load:?}");
        let text = fs::read_to_string("/proc/loadavg").unwrap();
        let whole: i64 = text.split('.').next().unwrap().parse().unwrap();
        // It may have changed between the two looks.
        assert!((whole - (load.machine >> SHIFT)).abs() <= 1, "{text} {load:?}");
    }

    proptest! {
        #[test]
        fn the_average_stays_between_what_it_averages(old in 0_u32..10_000, count in 0_u32..10_000, steps in 1_u32..=ALL) {
            let average = averaged(i64::from(old) << SHIFT, count, steps);
            let (low, high) = (old.min(count), old.max(count));
            // Rounded down, by less than one a look.
            prop_assert!(average >= (i64::from(low) << SHIFT) - i64::from(ALL) && average <= i64::from(high) << SHIFT);
        }

        #[test]
        fn any_stat_is_answered(stat in prop::collection::vec(any::<u8>(), 0..40)) {
            counts(&stat);
        }
    }
}
