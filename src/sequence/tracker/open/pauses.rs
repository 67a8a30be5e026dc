//! The pauses between frames of one run: what is usual, as far as it is known.

use std::time::Duration;

/// How many pauses are remembered.
const REMEMBERED: usize = 32;

/// The latest pauses between two changes of a sequence.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pauses {
    recent: [Duration; REMEMBERED],
    count: usize,
}

impl Pauses {
    /// Learns of a pause. Frames that came together have none between them.
    pub(super) fn add(&mut self, pause: Duration) {
        if pause > Duration::ZERO {
            self.recent[self.count % REMEMBERED] = pause;
            self.count += 1;
        }
    }

    /// The longest pause that came more than once, or the only one there was. The longest of all would be wrong: one rest
    /// between two runs, or one hiccup, would delay every end that comes after it.
    pub(super) fn usual(&self) -> Duration {
        let mut known = self.recent[..self.count.min(REMEMBERED)].to_vec();
        known.sort_unstable();
        let second = known.len().checked_sub(2).and_then(|at| known.get(at));
        second.or(known.first()).copied().unwrap_or_default()
    }

    /// The pauses of whichever knows more.
    pub(super) fn richer(self, other: Self) -> Self {
        if other.count > self.count { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(pauses: &[u64]) -> u64 {
        let mut known = Pauses::default();
        for pause in pauses {
            known.add(Duration::from_secs(*pause));
        }
        known.usual().as_secs()
    }

    #[test]
    fn one_long_pause_is_not_the_usual_one() {
        assert_eq!(usual(&[]), 0);
        assert_eq!(usual(&[60]), 60, "there is no other");
        assert_eq!(usual(&[3600, 1]), 1, "a leftover, and the run after it");
        assert_eq!(usual(&[1, 1, 25, 1]), 1, "a hiccup");
        assert_eq!(usual(&[0, 120, 0, 120]), 120, "bursts");
        let slower: Vec<u64> = (1..=100).collect();
        assert_eq!(usual(&slower), 99, "what is long ago is forgotten");
        let quicker: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(usual(&quicker), 31);
    }
}
