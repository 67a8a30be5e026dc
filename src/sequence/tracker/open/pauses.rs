//! The pauses between frames of one run: what is usual, as far as it is known.

use std::time::Duration;

use crate::sequence::FrameNumber;

/// How many pauses are remembered. What is longer ago says little: a scene grows harder or easier as it goes on.
const REMEMBERED: usize = 32;

/// Long pauses are of what was there before the run if each is followed by this many shorter ones, and all by this many
/// more. No generator that writes in bursts has two of its pauses between bursts remembered, and that many frames in one.
const SHORTER_EACH: usize = 4;
const SHORTER_MORE: usize = 8;

/// The latest pauses between two changes of a sequence.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pauses {
    /// Each with the number of the frame that came after it.
    recent: [(FrameNumber, Duration); REMEMBERED],
    count: usize,
    /// What was usual in the run before, for as long as nothing is known of this one.
    before: Duration,
}

impl Pauses {
    /// Learns of a pause before the frame `number`. Frames that came together have none between them.
    pub(super) fn add(&mut self, number: FrameNumber, pause: Duration) {
        if pause > Duration::ZERO {
            self.recent[self.count % REMEMBERED] = (number, pause);
            self.count += 1;
        }
    }

    /// The longest pause that came more than once, or the only one there was. The longest of all would be wrong: one rest
    /// between two runs, or one hiccup, would delay every end that comes after it. The median would be wrong as well: it
    /// would cut whatever is written in bursts after the first of them.
    ///
    /// A few long pauses that many short ones followed were between pictures that came before this run.
    pub(super) fn usual(&self) -> Duration {
        let known: Vec<Duration> = self.in_order().map(|(_, pause)| pause).collect();
        let mut known = known.as_slice();
        loop {
            let mut sorted = known.to_vec();
            sorted.sort_unstable();
            let second = sorted.len().checked_sub(2).and_then(|at| sorted.get(at));
            let Some(usual) = second.or(sorted.first()).copied() else { return self.before };
            let is_like = |pause: &&Duration| pause.saturating_mul(2) >= usual;
            let shorter = known.iter().rev().take_while(|pause| !is_like(pause)).count();
            if shorter < SHORTER_MORE + SHORTER_EACH * known.iter().filter(is_like).count() {
                return usual;
            }
            known = &known[known.len() - shorter..];
        }
    }

    /// The pauses of the next run alone, which are those before the frames that `is_within` it, without its first one. The
    /// pause before that one was between two runs.
    pub(super) fn of_next_run(&self, is_within: impl Fn(FrameNumber) -> bool) -> Self {
        let mut next = Self { before: self.usual(), ..Self::default() };
        for (number, pause) in self.in_order().filter(|(number, _)| is_within(*number)) {
            next.add(number, pause);
        }
        next
    }

    /// The pauses of whichever knows more.
    pub(super) fn richer(self, other: Self) -> Self {
        if other.count > self.count { other } else { self }
    }

    fn in_order(&self) -> impl Iterator<Item = (FrameNumber, Duration)> {
        (self.count.saturating_sub(REMEMBERED)..self.count).map(|at| self.recent[at % REMEMBERED])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(pauses: &[u64]) -> u64 {
        let mut known = Pauses::default();
        for pause in pauses {
            known.add(0, Duration::from_secs(*pause));
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

    #[test]
    fn pauses_between_pictures_before_a_run_are_none_of_it() {
        let with_run = |pauses: &[u64], frames: usize| usual(&[pauses.to_vec(), vec![1; frames]].concat());
        assert_eq!(with_run(&[600, 500, 700], 23), 1);
        assert_eq!(with_run(&[25, 25], 20), 1);
        assert_eq!(with_run(&[600; 8], 23), 600, "a slow render with some frames in which little is to be seen");
        for burst in 1..=16 {
            let pauses = [vec![1; burst - 1], vec![60]].concat();
            for more in 0..burst {
                assert_eq!(with_run(&pauses.repeat(6), more), 60, "bursts of {burst}, and {more}");
            }
        }
    }

    #[test]
    fn a_run_has_its_own_pauses_and_those_of_before_until_it_has_any() {
        let mut pauses = Pauses::default();
        for (number, pause) in [(2, 600), (3, 500), (4, 600), (5, 1), (6, 2), (7, 2)] {
            pauses.add(number, Duration::from_secs(pause));
        }
        assert_eq!(pauses.of_next_run(|number| number > 4).usual(), Duration::from_secs(2));
        let mut next = pauses.of_next_run(|number| number > 7);
        assert_eq!(next.usual(), Duration::from_secs(600), "nothing else is known");
        next.add(9, Duration::from_secs(3));
        assert_eq!(next.usual(), Duration::from_secs(3));
    }
}
