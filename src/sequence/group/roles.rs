//! Which digits of a name are the number, where several runs of a family's names vary: which parts are text, and which order
//! one film.
//!
//! Owns that decision. It never looks at a file.

use crate::sequence::group::classes::Classes;
use crate::sequence::group::cut::{Column, Table};
use crate::sequence::group::fold::{Part, PartKind};
use crate::sequence::group::order::{How, KeyOrder};
use crate::sequence::group::reason::Note;
use crate::sequence::pattern::is_version;

/// As many names as make a chance unlikely.
pub(super) const ENOUGH: usize = 8;

/// The most parts whose roles are tried. Every choice of them is, so that each part more doubles the work; names with more
/// parts than that are rare, and their stamp and last three counters say enough.
const MOST_FREE: usize = 5;

/// What each part of a family is. Parts are named by their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roles {
    /// They keep films apart.
    pub text: Vec<usize>,
    /// They rise with the number, or are within it. In order of place.
    pub key: Vec<usize>,
    /// It orders each film. One of `key`.
    pub number: usize,
    /// They go along and order nothing.
    pub free: Vec<usize>,
    /// How the counters of the key behave beside a stamp.
    pub how: How,
    /// What came in the way.
    pub note: Option<Note>,
    /// The columns that are text because they are halves of sizes.
    pub sizes: Vec<usize>,
    /// Whether names that the reading fits never change it, but for `room`.
    pub firm: bool,
    /// How many names with new texts it surely bears.
    pub room: usize,
}

/// What can be made of a family of which several parts vary.
#[derive(Debug)]
pub(super) enum Outcome {
    Films(Roles),
    /// Long stretches in which two counters step alike; rows that are in none are left alone.
    Stretches(Vec<Stretch>),
}

/// Rows in which two counters step alike.
#[derive(Debug)]
pub(super) struct Stretch {
    /// The place of the part that is the number. Its column is in front of the other's.
    pub number: usize,
    /// The place of the other part.
    pub other: usize,
    pub rows: Vec<u32>,
}

/// The parts that are text as soon as anything else varies: versions and sizes. Both rise like counters, and neither is
/// one: frames of two versions in one video are what nobody wants.
pub(super) fn weak_columns(table: &Table<'_>) -> Vec<bool> {
    let is_length =
        |column: &Column| column.iter().all(|number| (3..=5).contains(&number.width) && !number.is_padded());
    let mut weak: Vec<bool> = (0..table.columns.len()).map(|column| is_version(table.pieces[column])).collect();
    for column in 1..table.columns.len() {
        let cross = matches!(table.pieces[column], b"x" | b"X");
        if cross && is_length(&table.columns[column - 1]) && is_length(&table.columns[column]) {
            weak[column - 1] = true;
            weak[column] = true;
        }
    }
    weak
}

/// What the parts, all of which vary, are.
pub(super) fn choose(table: &Table<'_>, parts: &[Part], weak: &[bool]) -> Outcome {
    let is_weak = |part: &Part| part.rule.kind == PartKind::Counter && weak[part.rule.columns[0]];
    let is_size = |part: &Part| is_weak(part) && !is_version(table.pieces[part.rule.columns[0]]);
    let sizes = parts.iter().filter(|part| is_size(part)).map(|part| part.rule.columns[0]).collect();
    let (mut forced, mut free): (Vec<usize>, Vec<usize>) = (0..parts.len()).partition(|part| is_weak(&parts[*part]));
    if free.is_empty() {
        // Nothing but versions and sizes varies.
        let number = forced[0];
        let (text, firm, room) = (Vec::new(), true, 0);
        let how = How::Along;
        return Outcome::Films(Roles { text, key: forced, number, free, how, note: None, sizes, firm, room });
    }
    if free.len() > MOST_FREE {
        let stamp = free.iter().copied().find(|part| parts[*part].rule.is_dense());
        let counters: Vec<usize> = free.iter().copied().filter(|part| !parts[*part].rule.is_dense()).collect();
        let last = &counters[counters.len().saturating_sub(3)..];
        let stays = |part: &usize| stamp == Some(*part) || last.contains(part);
        forced.extend(free.iter().copied().filter(|part| !stays(part)));
        free.retain(stays);
    }
    let stamp = free.iter().copied().rfind(|part| parts[*part].rule.is_dense());
    let texts: Vec<Classes> = parts.iter().map(|part| Classes::of_part(table, part)).collect();
    let base = forced.iter().map(|part| &texts[*part]).fold(Classes::one(table.len()), |all, next| all.and(next));
    let mut search = RoleSearch { table, parts, texts, stamp, forced, free, sizes, base, firm: true };
    let mut stretches = None;
    // Counters that start again now and then come last: that they do is the weakest of all orders, and explains much by
    // chance.
    let restarts: &[bool] = if stamp.is_some() { &[false, true] } else { &[false] };
    for restarts in restarts {
        for size in 0..search.free.len() {
            let found = search.candidates(size, *restarts);
            if !found.is_empty() {
                return Outcome::Films(search.best(found));
            }
            if size == 0 && stamp.is_none() && search.forced.is_empty() {
                let found = search.stretches();
                let in_films: usize = found.iter().map(|stretch| stretch.rows.len()).sum();
                if in_films * 2 >= table.len() {
                    return Outcome::Stretches(found);
                }
                stretches = Some(found);
            }
        }
    }
    Outcome::Stretches(stretches.unwrap_or_default())
}

struct RoleSearch<'t> {
    table: &'t Table<'t>,
    parts: &'t [Part],
    /// The rows by the texts of each part.
    texts: Vec<Classes>,
    stamp: Option<usize>,
    forced: Vec<usize>,
    free: Vec<usize>,
    /// The columns of forced parts that are halves of sizes.
    sizes: Vec<usize>,
    /// The rows by the texts of the forced parts.
    base: Classes,
    firm: bool,
}

/// A reading in which every film has one ordered key.
struct Candidate {
    text: Vec<usize>,
    key: Vec<usize>,
    how: How,
    number: usize,
    /// Rows that are alone in their film.
    single: usize,
}

impl RoleSearch<'_> {
    fn distinct(&self, part: usize) -> usize {
        self.texts[part].count as usize
    }

    fn widest(&self, part: usize) -> u8 {
        self.table.columns[self.parts[part].rule.columns[0]].widest()
    }

    /// The readings with `size` of the free parts as text.
    fn candidates(&mut self, size: usize, restarts: bool) -> Vec<Candidate> {
        let mut found = Vec::new();
        for text in combinations(&self.free, size) {
            if self.is_ruled_out(&text) {
                continue;
            }
            let classes = text.iter().fold(self.base.clone(), |all, part| all.and(&self.texts[*part]));
            let sizes = classes.sizes();
            let single = sizes.iter().filter(|size| **size == 1).count();
            // A text that keeps most names alone is no text but a number. It may become one with more names, so that the
            // reading that is found instead is not firm.
            if size > 0 && single * 2 > self.table.len() {
                self.firm = false;
                continue;
            }
            let largest = sizes.iter().copied().max().unwrap_or(0) as usize;
            let key: Vec<usize> = self.free.iter().copied().filter(|part| !text.contains(part)).collect();
            if let Some((how, number)) = self.ordered(&key, &classes, largest, restarts) {
                if self.is_scattered(number, &classes, largest) {
                    self.firm = false;
                    continue;
                }
                found.push(Candidate { text, key, how, number, single });
            }
        }
        found
    }

    /// Readings that no order can make right.
    fn is_ruled_out(&self, text: &[usize]) -> bool {
        let Some(stamp) = self.stamp else { return false };
        let is_counter = |part: usize| self.parts[part].rule.kind == PartKind::Counter;
        if text.contains(&stamp) {
            // A number of two digits in front of a time does not count.
            let column = self.parts[stamp].rule.first_column();
            let in_front = |part: usize| self.parts[part].rule.first_column() < column && self.widest(part) < 3;
            self.free.iter().any(|part| !text.contains(part) && in_front(*part))
        } else {
            // Few cameras and many pictures, or no cameras at all.
            let is_no_camera = |part: usize| self.distinct(part).pow(2) > self.table.len() && self.widest(part) > 2;
            text.iter().any(|part| is_counter(*part) && is_no_camera(*part))
        }
    }

    /// Whether the number is a random seed, and each film one frame of several runs: more films than any of them has names,
    /// and a number that never repeats, leaves numbers out, and jumps to and fro between them.
    fn is_scattered(&self, number: usize, classes: &Classes, largest: usize) -> bool {
        let rows = self.table.len();
        if self.stamp.is_some() || rows < ENOUGH || largest >= classes.count as usize || self.distinct(number) < rows {
            return false;
        }
        let order = self.by_number(number, classes);
        !KeyOrder::values_have_no_gaps(order[0].0, order[rows - 1].0, rows) && changes(&order) > classes.count as usize
    }

    /// The rows by a number, each with its class.
    fn by_number(&self, number: usize, classes: &Classes) -> Vec<(i64, u32)> {
        let values = &self.parts[number].values;
        let mut order: Vec<(i64, u32)> = values.iter().copied().zip(classes.of_row.iter().copied()).collect();
        order.sort_unstable();
        order
    }

    /// How the key orders each of the classes, and which part of it is the number; `None` if it does not.
    fn ordered(&mut self, key: &[usize], classes: &Classes, largest: usize, restarts: bool) -> Option<(How, usize)> {
        let stamp = self.stamp.filter(|stamp| key.contains(stamp));
        let counters: Vec<usize> = key.iter().copied().filter(|part| Some(*part) != stamp).collect();
        let order = KeyOrder { table: self.table, parts: self.parts, texts: &self.texts };
        let Some(stamp) = stamp else {
            // One counter always orders: where a number comes twice, it is written in two ways, and those are films of
            // their own.
            let orders =
                counters.len() == 1 || classes.members().iter().all(|rows| order.together(&counters, rows, largest));
            return orders.then(|| (How::Along, counters[0]));
        };
        if counters.is_empty() {
            return Some((How::Along, stamp));
        }
        let members = classes.members();
        let mut all = How::Along;
        for rows in members.iter().filter(|rows| rows.len() > 1) {
            all = all.max(order.with_stamp(stamp, &counters, rows, restarts, &mut self.firm)?);
        }
        let number = match all {
            How::Along | How::Clock => {
                let counts = |part: usize| {
                    members.iter().all(|rows| order.never_twice(part, rows))
                        && (all == How::Along || members.iter().all(|rows| order.has_no_gaps(part, rows)))
                };
                counters.iter().copied().find(|part| counts(*part)).unwrap_or(stamp)
            }
            How::Within | How::Restarts => stamp,
        };
        Some((all, number))
    }

    /// Of equals: the last part is the number, unless another has twice as many values.
    fn best(self, found: Vec<Candidate>) -> Roles {
        let place = |candidate: &Candidate| self.parts[candidate.number].rule.last_column();
        let values = |candidate: &Candidate| self.distinct(candidate.number);
        // The first of equals.
        let first_of = |rank: &dyn Fn(&Candidate) -> usize| {
            let most = found.iter().map(rank).max().unwrap_or(0);
            found.iter().position(|candidate| rank(candidate) == most).unwrap_or(0)
        };
        let (last, most) = (first_of(&place), first_of(&values));
        let chosen = if values(&found[most]) >= 2 * values(&found[last]) { most } else { last };
        // New texts bring new values to parts that are text here, and may be the number in another reading.
        let others = found.iter().filter(|other| other.number != found[chosen].number);
        let margin = if chosen == last {
            others.map(|other| (2 * values(&found[last])).saturating_sub(values(other) + 1)).min()
        } else {
            Some(values(&found[most]) / 2 - values(&found[last]))
        };
        let alone = (self.table.len() / 2).saturating_sub(found[chosen].single);
        let room = margin.unwrap_or(usize::MAX).min(alone);
        let Candidate { mut text, mut key, how, number, .. } = found.into_iter().nth(chosen).unwrap_or_else(|| {
            Candidate { text: Vec::new(), key: self.free.clone(), how: How::Along, number: self.free[0], single: 0 }
        });
        // Few names have readings that one more name turns over. A reading that is firm is not made anew before a batch is
        // made of it. It must therefore be right.
        let mut firm = self.firm && self.table.len() >= 8 * ENOUGH;
        let mut free = Vec::new();
        if !text.is_empty() && self.stamp.is_none() {
            let repeats = self.distinct(number) < self.table.len();
            firm &= repeats;
            if !repeats && self.is_beside(number, &text) {
                free = std::mem::take(&mut text);
                key = vec![number];
            }
        }
        let note = match how {
            How::Restarts => Some(Note::CounterStartsAgain),
            How::Clock => Some(Note::ClockGoesBack),
            How::Along | How::Within => None,
        };
        text.extend(&self.forced);
        text.sort_unstable();
        Roles { text, key, number, free, how, note, sizes: self.sizes, firm, room }
    }

    /// Whether no number comes twice, and what looks like several films fills each other's gaps.
    fn is_beside(&self, number: usize, text: &[usize]) -> bool {
        let rows = self.table.len();
        if rows < ENOUGH {
            return false;
        }
        let words = text.iter().fold(Classes::one(rows), |all, part| all.and(&self.texts[*part]));
        let order = self.by_number(number, &words);
        changes(&order) > words.count as usize && KeyOrder::values_have_no_gaps(order[0].0, order[rows - 1].0, rows)
    }

    /// Stretches of eight and more in which a number that never repeats and another step alike.
    fn stretches(&self) -> Vec<Stretch> {
        let rows = self.table.len();
        let counters: Vec<usize> =
            self.free.iter().copied().filter(|part| self.parts[*part].rule.kind == PartKind::Counter).collect();
        let Some(unique) = counters.iter().copied().find(|part| self.distinct(*part) == rows) else {
            return Vec::new();
        };
        let mut order: Vec<(i64, u32)> = self.parts[unique].values.iter().copied().zip(0..).collect();
        order.sort_unstable();
        let mut taken = vec![false; rows];
        let mut found = Vec::new();
        for other in counters.iter().copied().filter(|part| *part != unique) {
            let beside = counters.iter().copied().filter(|part| *part != unique && *part != other);
            let beside = beside.fold(Classes::one(rows), |all, part| all.and(&self.texts[part]));
            let offset = |row: u32| {
                let row = row as usize;
                (beside.of_row[row], self.parts[other].values[row] - self.parts[unique].values[row])
            };
            let long = order.chunk_by(|a, b| offset(a.1) == offset(b.1)).filter(|stretch| stretch.len() >= ENOUGH);
            let mut offsets: Vec<(u32, i64)> = long.map(|stretch| offset(stretch[0].1)).collect();
            offsets.sort_unstable();
            offsets.dedup();
            let (number, second) = if self.parts[unique].rule.columns < self.parts[other].rule.columns {
                (unique, other)
            } else {
                (other, unique)
            };
            let mut films: Vec<Vec<u32>> = vec![Vec::new(); offsets.len()];
            for (_, row) in &order {
                if let Ok(film) = offsets.binary_search(&offset(*row))
                    && !std::mem::replace(&mut taken[*row as usize], true)
                {
                    films[film].push(*row);
                }
            }
            let films = films.into_iter().filter(|rows| !rows.is_empty());
            found.extend(films.map(|rows| Stretch { number, other: second, rows }));
        }
        found
    }
}

/// How often two neighbours are of different classes.
fn changes(order: &[(i64, u32)]) -> usize {
    order.windows(2).filter(|pair| pair[0].1 != pair[1].1).count()
}

/// All choices of `size` of `places`, in order.
fn combinations(places: &[usize], size: usize) -> Vec<Vec<usize>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in places.iter().enumerate() {
        for mut rest in combinations(&places[at + 1..], size - 1) {
            rest.insert(0, *first);
            all.push(rest);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_in_order() {
        assert_eq!(combinations(&[1, 2, 3], 2), [[1, 2], [1, 3], [2, 3]]);
        assert_eq!(combinations(&[1, 2], 0), [Vec::<usize>::new()]);
    }
}
