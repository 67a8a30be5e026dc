//! How far apart the numbers of a sequence are, kept up with each number that comes or goes.

use std::collections::BTreeMap;

use crate::sequence::FrameNumber;

/// The differences between neighbouring numbers, and how often each comes.
///
/// A sequence asks for its step with every frame. To look at all of its numbers for that is cheap as long as two of them
/// are neighbours, because a step of one ends the search. Random numbers have no neighbours, and twenty thousand of them
/// took minutes.
#[derive(Debug, Default)]
pub(super) struct Differences {
    counts: BTreeMap<FrameNumber, usize>,
    total: usize,
}

impl Differences {
    /// A number came between these two.
    pub(super) fn came(&mut self, before: Option<FrameNumber>, number: FrameNumber, after: Option<FrameNumber>) {
        self.remove(before, after);
        self.add(before, Some(number));
        self.add(Some(number), after);
    }

    /// A number went from between these two.
    pub(super) fn went(&mut self, before: Option<FrameNumber>, number: FrameNumber, after: Option<FrameNumber>) {
        self.remove(before, Some(number));
        self.remove(Some(number), after);
        self.add(before, after);
    }

    /// The constant step, by the rule of [`step_of`](crate::sequence::gaps::step_of). All others are multiples of it, so
    /// that it can only be the smallest.
    pub(super) fn step(&self) -> FrameNumber {
        let Some((step, count)) = self.counts.first_key_value() else { return 1 };
        let is_frequent = self.total >= 2 && count * 4 >= self.total * 3;
        if *step > 1 && is_frequent && self.counts.keys().all(|difference| difference % step == 0) { *step } else { 1 }
    }

    fn add(&mut self, one: Option<FrameNumber>, next: Option<FrameNumber>) {
        if let Some((one, next)) = one.zip(next) {
            *self.counts.entry(next.saturating_sub(one)).or_default() += 1;
            self.total += 1;
        }
    }

    fn remove(&mut self, one: Option<FrameNumber>, next: Option<FrameNumber>) {
        let Some((one, next)) = one.zip(next) else { return };
        let difference = next.saturating_sub(one);
        if let Some(count) = self.counts.get_mut(&difference) {
            *count -= 1;
            self.total -= 1;
            if *count == 0 {
                self.counts.remove(&difference);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ops::Bound;

    use proptest::prelude::*;

    use super::*;
    use crate::sequence::gaps::step_of;

    proptest! {
        #[test]
        fn the_step_is_that_of_all_numbers(
            changes in prop::collection::vec((0i64..12, prop::sample::select(vec![1i64, 1, 2, 5]), any::<bool>()), 0..60),
        ) {
            let (mut numbers, mut differences) = (BTreeSet::new(), Differences::default());
            for (number, scale, comes) in changes {
                let number = number * scale * 2;
                let before = numbers.range(..number).next_back().copied();
                let after = numbers.range((Bound::Excluded(number), Bound::Unbounded)).next().copied();
                if comes && numbers.insert(number) {
                    differences.came(before, number, after);
                } else if !comes && numbers.remove(&number) {
                    differences.went(before, number, after);
                }
                prop_assert_eq!(differences.step(), step_of(numbers.iter().copied()), "{:?}", &numbers);
            }
        }
    }
}
