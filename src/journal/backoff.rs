//! How long a failed batch rests.

use std::time::Duration;

/// Pauses after the first, the second and each further failed attempt. The last one comes again and again: what may pass is
/// tried for ever, at a price that nobody notices.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(6 * 60 * 60),
];

/// How many attempts at a batch may end with the process before the next one has to wait: a power cut or two are nobody's
/// fault, but a batch that ends reeld each time would keep it from everything else.
pub const DEATHS_AT_ONCE: u32 = 5;

/// The longest pause after attempts that ended with the process: what ended it may have been something else each time (power
/// cuts, a machine that runs out of memory), and a healthy batch must not wait for hours because of that. In ten minutes
/// everything else gets on.
const LONGEST_AFTER_DEATH: Duration = PAUSES[2];

/// The pause after this many failed attempts, one at least.
#[must_use]
pub fn pause_after(attempts: u32) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    PAUSES[index.min(PAUSES.len() - 1)]
}

/// The pause after this many attempts, the last of which ended with the process; `None` where the next one may begin at once.
#[must_use]
pub(crate) fn pause_after_death(attempts: u32) -> Option<Duration> {
    attempts.checked_sub(DEATHS_AT_ONCE).filter(|more| *more > 0).map(|more| pause_after(more).min(LONGEST_AFTER_DEATH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_never_end() {
        let pauses: Vec<_> = (1..=10).map(pause_after).collect();
        assert!(pauses.is_sorted());
        assert_eq!((pauses[0].as_secs(), pauses[4].as_secs()), (30, 21600));
        assert_eq!(pause_after(0), pause_after(1));
        assert_eq!(pause_after(u32::MAX), pauses[4]);
    }

    #[test]
    fn a_batch_that_ends_the_process_is_slowed() {
        assert!((0..=DEATHS_AT_ONCE).all(|attempts| pause_after_death(attempts).is_none()));
        assert_eq!(pause_after_death(DEATHS_AT_ONCE + 1), Some(pause_after(1)));
        assert_eq!(pause_after_death(u32::MAX), Some(Duration::from_secs(600)));
    }
}
