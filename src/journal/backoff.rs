//! How long a failed batch rests.

use std::time::Duration;

/// Pauses after the first, the second and each further failed attempt. After the last one nobody tries again by itself.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(6 * 60 * 60),
];

/// How many attempts a batch has in all.
pub const MOST_ATTEMPTS: u32 = 6;

/// The pause after so many failed attempts, one at least; `None` when that was the last one.
#[must_use]
pub fn pause_after(attempts: u32) -> Option<Duration> {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    PAUSES.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> = (1..=10).map_while(pause_after).collect();
        assert_eq!(pauses.len() + 1, MOST_ATTEMPTS as usize);
        assert!(pauses.is_sorted());
        assert_eq!((pauses[0].as_secs(), pauses[4].as_secs()), (30, 21600));
        assert_eq!(pause_after(0), pause_after(1));
        assert_eq!(pause_after(u32::MAX), None);
    }
}
