//! Whether the parts of a key order the names of one film.

use crate::sequence::group::classes::Classes;
use crate::sequence::group::cut::Table;
use crate::sequence::group::fold::Part;
use crate::sequence::group::roles::ENOUGH;
use crate::sequence::group::stamp::Unit;

/// How the counters of a key behave beside its stamp. The later, the more must be said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// They never fall.
    Along,
    /// The count has no gaps and disagrees with the clock.
    Clock,
    /// One starts again within each stamp: it is the last part of the key.
    Within,
    /// One falls back to its start now and then.
    Restarts,
}

/// The names that are looked at first: most keys that order nothing are seen by these.
const SAMPLE: usize = 256;

#[derive(Clone, Copy)]
pub(super) struct KeyOrder<'t> {
    pub table: &'t Table<'t>,
    pub parts: &'t [Part],
    /// The rows by the texts of each part.
    pub texts: &'t [Classes],
}

impl KeyOrder<'_> {
    fn value(&self, part: usize, row: u32) -> i64 {
        self.parts[part].values[row as usize]
    }

    /// Whether these counters rise together, name by name. The largest film of the family has `largest` names.
    pub(super) fn together(&self, counters: &[usize], rows: &[u32], largest: usize) -> bool {
        // What two of some names break, all names break.
        (rows.len() <= SAMPLE || self.rise_together(counters, &rows[..SAMPLE], largest))
            && self.rise_together(counters, rows, largest)
    }

    fn rise_together(&self, counters: &[usize], rows: &[u32], largest: usize) -> bool {
        let Some((first, others)) = counters.split_first() else { return false };
        let mut order: Vec<(i64, u32)> = rows.iter().map(|row| (self.value(*first, *row), *row)).collect();
        order.sort_unstable();
        let mut steps_equally = true;
        let rises = order.windows(2).all(|pair| {
            let step = pair[1].0 - pair[0].0;
            step > 0
                && others.iter().all(|other| {
                    let along = self.value(*other, pair[1].1) - self.value(*other, pair[0].1);
                    steps_equally &= along == step;
                    along > 0
                })
        });
        rises && (steps_equally || largest >= ENOUGH)
    }

    /// Whether a part has a different value in each of these rows.
    pub(super) fn never_twice(&self, part: usize, rows: &[u32]) -> bool {
        let mut values: Vec<i64> = rows.iter().map(|row| self.value(part, *row)).collect();
        values.sort_unstable();
        values.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// Whether these rows hold nine in ten of the numbers that they span.
    pub(super) fn has_no_gaps(&self, part: usize, rows: &[u32]) -> bool {
        let values = || rows.iter().map(|row| self.value(part, *row));
        let (low, high) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
        Self::values_have_no_gaps(low, high, rows.len())
    }

    /// Whether `count` numbers are nine in ten of those from `low` to `high`.
    pub(super) fn values_have_no_gaps(low: i64, high: i64, count: usize) -> bool {
        let span = u128::from(high.abs_diff(low)) + 1;
        (count as u128) * 10 >= span * 9
    }

    /// How a stamp and counters are one key of these rows; `None` if they are not. Clears `firm` where more names of the
    /// same kind could make them one.
    pub(super) fn with_stamp(
        &self,
        stamp: usize,
        counters: &[usize],
        rows: &[u32],
        restarts: bool,
        firm: &mut bool,
    ) -> Option<How> {
        let mut order = rows.to_vec();
        order.sort_by_cached_key(|row| {
            let second = counters.first().map_or(0, |counter| self.value(*counter, *row));
            (self.value(stamp, *row), second, counters.iter().skip(1).map(|c| self.value(*c, *row)).collect::<Vec<_>>())
        });
        if counters.iter().any(|counter| self.beats_the_clock(*counter, counters, &order, firm)) {
            return Some(How::Clock);
        }
        let mut result = How::Along;
        for counter in counters {
            let how = self.beside(stamp, *counter, &order, restarts, firm)?;
            result = result.max(how);
        }
        Some(result)
    }

    /// Whether a count without gaps disagrees with the clock: the count is right. Clocks are set back, for summer time or
    /// by the network; a counter that has a frame for nine in ten of its numbers was not made by chance.
    fn beats_the_clock(&self, counter: usize, counters: &[usize], order: &[u32], firm: &mut bool) -> bool {
        let falls = order.windows(2).any(|pair| self.value(counter, pair[1]) < self.value(counter, pair[0]));
        if order.len() < ENOUGH || !falls || !self.never_twice(counter, order) {
            return false;
        }
        // It may fill up.
        *firm = false;
        if !self.has_no_gaps(counter, order) {
            return false;
        }
        let mut by_count: Vec<(i64, u32)> = order.iter().map(|row| (self.value(counter, *row), *row)).collect();
        by_count.sort_unstable();
        let rises =
            |part: usize| by_count.windows(2).all(|pair| self.value(part, pair[0].1) < self.value(part, pair[1].1));
        counters.iter().all(|part| *part == counter || rises(*part))
    }

    /// How one counter behaves in rows that are in the order of time.
    fn beside(&self, stamp: usize, counter: usize, order: &[u32], restarts: bool, firm: &mut bool) -> Option<How> {
        let value = |row: &u32| self.value(counter, *row);
        let column = self.parts[counter].rule.columns[0];
        let is_behind = column > self.parts[stamp].rule.last_column();
        let falls = order.windows(2).any(|pair| value(&pair[1]) < value(&pair[0]));
        // In front of a stamp it must count every name; else it is a camera, an event, a lapse. After a stamp it may
        // repeat: a counter within one second is written there.
        if !falls && (is_behind || self.never_twice(counter, order)) {
            return Some(How::Along);
        }
        let low = order.iter().map(value).min().unwrap_or(0);
        let texts = &self.table.columns[column];
        let after_letter = self.table.pieces[column].last().is_some_and(u8::is_ascii_alphabetic);
        if restarts {
            let falls_to_start = order.windows(2).all(|pair| {
                let (before, after) = (value(&pair[0]), value(&pair[1]));
                after >= before || after <= low + 1
            });
            let is_count = texts.iter().all(|number| number.width > 2) && !after_letter;
            let many = (self.texts[counter].count as usize).pow(2) > order.len();
            *firm = false;
            return (falls && falls_to_start && is_count && many).then_some(How::Restarts);
        }
        if !is_behind {
            return None;
        }
        let (mut stamps, mut from_start, mut repeats) = (0_usize, 0_usize, false);
        for of_one in order.chunk_by(|a, b| self.value(stamp, *a) == self.value(stamp, *b)) {
            stamps += 1;
            from_start += usize::from(value(&of_one[0]) <= low + 1);
            repeats |= of_one.windows(2).any(|pair| value(&pair[0]) == value(&pair[1]));
        }
        if repeats || after_letter {
            return None;
        }
        *firm = false;
        let starts = from_start * 4 >= 3 * stamps && low <= 1;
        let unit = self.parts[stamp].rule.unit();
        let width = texts.width();
        if starts && (unit == Some(Unit::Day) || width == Some(2) || order.len() < 2 * stamps) {
            return Some(How::Within);
        }
        let is_next = column == self.parts[stamp].rule.last_column() + 1;
        let is_fraction = unit == Some(Unit::Second) && is_next && matches!(width, Some(2 | 3 | 6 | 9)) && !starts;
        is_fraction.then_some(How::Within)
    }
}
