//! The films of one family, and where one more name of it belongs.

use std::collections::HashMap;

use bstr::{BString, ByteSlice as _};

use crate::sequence::group::classes::Classes;
use crate::sequence::group::cut::{DigitRun, Number, Table, cut, digits_of};
use crate::sequence::group::fold::{Part, PartKind, PartRule};
use crate::sequence::group::reason::Note;
use crate::sequence::group::roles::Roles;
use crate::sequence::group::stamp;
use crate::sequence::name::NUMBER_DIGITS;
use crate::sequence::{FrameNumber, KeyPart, Kind, Padding, Pattern};

mod place;

pub(super) use place::Spot;

/// A film, before what its names say is compared with other families.
#[derive(Debug)]
pub(super) struct Draft {
    pub pattern: Pattern,
    /// The numbers, ascending, none twice, each with the place of its name; one at least.
    pub members: Vec<(FrameNumber, u32)>,
    pub note: Option<Note>,
    /// The column of its number, if nothing but the number varies.
    pub plain: Option<usize>,
}

/// How the names of one family are read, where all of them are read alike.
#[derive(Debug)]
pub(super) struct FilmReader {
    parts: Vec<PartRule>,
    roles: Roles,
    /// What the counters of the key add to a stamp that is the number: the part, its factor, and what it stays below.
    added: Vec<(usize, i64, i64)>,
    /// What each column is.
    marks: Vec<Mark>,
    /// The films by the digits of the parts that are text.
    classes: HashMap<Box<[u8]>, Class>,
}

/// Films whose texts are the same. They differ in their padding.
#[derive(Debug, Default)]
struct Class {
    /// The widths that a leading zero fixes, ascending.
    fixed: Vec<u8>,
    /// By ascending width.
    films: Vec<Padded>,
    /// The parts of the key, of the name that is last by them.
    last: Vec<i64>,
    /// A second counter that keeps its distance from the number, and how it is written.
    step: Option<(i64, Padding)>,
}

/// A film of a class.
#[derive(Debug, Clone, Copy)]
struct Padded {
    /// The width that its numbers fill up to; 0 where they do not.
    width: u8,
    draft: u32,
    /// Whether all its numbers are too long for a count.
    is_long: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Text,
    Number,
    /// A counter within a stamp.
    Within,
    Stamp,
    /// A further run of a stamp.
    InStamp,
    Along,
}

impl FilmReader {
    /// Divides the rows of `table` by these roles. Appends the films to `drafts`, and names whose number another has to
    /// `same`, each with the one that has it.
    pub(super) fn read(
        table: &Table<'_>,
        parts: &[Part],
        roles: Roles,
        classes: &Classes,
        drafts: &mut Vec<Draft>,
        same: &mut Vec<(u32, u32)>,
    ) -> Self {
        let parts_read: Vec<PartRule> = parts.iter().map(|part| part.rule.clone()).collect();
        let marks = marks(table, &parts_read, &roles);
        let added = added(parts, &roles);
        let mut reader = Self { parts: parts_read, roles, added, marks, classes: HashMap::new() };
        let mut runs = Vec::new();
        for rows in classes.members().iter() {
            let first = table.name(rows[0] as usize);
            cut(first, &mut runs);
            let text = reader.text(first, &runs);
            let class = reader.class(table, parts, rows, drafts, same);
            reader.classes.insert(text, class);
        }
        reader
    }

    fn number_part(&self) -> &PartRule {
        &self.parts[self.roles.number]
    }

    /// The column of the number, if it is one run that is written with a padding.
    fn number_column(&self) -> Option<usize> {
        match self.number_part().columns[..] {
            [column] if self.number_part().kind == PartKind::Counter || self.is_plain() => Some(column),
            _ => None,
        }
    }

    /// Whether nothing but one run varies, the texts left out.
    fn is_plain(&self) -> bool {
        self.roles.key.len() == 1 && self.roles.free.is_empty() && self.number_part().columns.len() == 1
    }

    fn class(
        &self,
        table: &Table<'_>,
        parts: &[Part],
        rows: &[u32],
        drafts: &mut Vec<Draft>,
        same: &mut Vec<(u32, u32)>,
    ) -> Class {
        let written = |row: u32| self.number_column().map(|column| table.columns[column].get(row as usize));
        let mut class = Class { step: self.step(table, parts, rows), ..Class::default() };
        for number in rows.iter().filter_map(|row| written(*row)).filter(|number| number.is_padded()) {
            if !class.fixed.contains(&number.width) {
                class.fixed.push(number.width);
            }
        }
        class.fixed.sort_unstable();
        let mut films: Vec<(u8, Vec<(FrameNumber, u32)>)> = Vec::new();
        for row in rows {
            let padding = written(*row).map_or(0, |number| class.padding(number));
            let at = films.iter().position(|(known, _)| *known == padding).unwrap_or_else(|| {
                films.push((padding, Vec::with_capacity(if films.is_empty() { rows.len() } else { 0 })));
                films.len() - 1
            });
            films[at].1.push((self.row_number(table, parts, *row), *row));
        }
        films.sort_unstable_by_key(|(padding, _)| *padding);
        for (padding, mut members) in films {
            if !members.is_sorted() {
                members.sort_unstable();
            }
            keep_one_of_each(table, &mut members, same);
            let mut runs = Vec::new();
            let first = table.name(members[0].1 as usize);
            cut(first, &mut runs);
            let pattern = self.pattern(first, &runs, padding, members[0].0, class.step);
            for (_, row) in &mut members {
                *row = table.rows[*row as usize];
            }
            let draft = u32::try_from(drafts.len()).unwrap_or(u32::MAX);
            class.films.push(Padded { width: padding, draft, is_long: is_long(members[0].0) });
            let plain = self.number_column().filter(|_| self.is_plain());
            drafts.push(Draft { pattern, members, note: self.roles.note.clone(), plain });
        }
        let key =
            |row: &u32| -> Vec<i64> { self.roles.key.iter().map(|part| parts[*part].values[*row as usize]).collect() };
        if self.roles.key.len() > 1 {
            class.last = self.ordered(rows.iter().map(key)).unwrap_or_default();
        }
        class
    }

    /// The key that is last: by the number first.
    fn ordered(&self, keys: impl Iterator<Item = Vec<i64>>) -> Option<Vec<i64>> {
        let number = self.roles.key.iter().position(|part| *part == self.roles.number).unwrap_or(0);
        keys.max_by(|a, b| a[number].cmp(&b[number]).then_with(|| a.cmp(b)))
    }

    fn row_number(&self, table: &Table<'_>, parts: &[Part], row: u32) -> FrameNumber {
        let row = row as usize;
        match self.number_part().columns[..] {
            [column] if self.is_plain() => table.columns[column].get(row).value,
            _ => self.number(|part| parts[part].values[row]),
        }
    }

    fn number(&self, value: impl Fn(usize) -> i64) -> FrameNumber {
        let added: i64 = self.added.iter().map(|(part, factor, _)| value(*part) * factor).sum();
        value(self.roles.number).saturating_add(added)
    }

    /// Whether a second counter after the number keeps its distance, so that the number gives the name.
    fn step(&self, table: &Table<'_>, parts: &[Part], rows: &[u32]) -> Option<(i64, Padding)> {
        let [number, other] = self.roles.key[..] else { return None };
        let both_count = [number, other].iter().all(|part| self.parts[*part].kind == PartKind::Counter);
        if self.roles.number != number || !both_count || !self.roles.free.is_empty() {
            return None;
        }
        let distance = |row: u32| parts[other].values[row as usize] - parts[number].values[row as usize];
        let offset = distance(rows[0]);
        let column = &table.columns[self.parts[other].columns[0]];
        let mut written = Written::default();
        let fits = rows.iter().all(|row| distance(*row) == offset && written.take(column.get(*row as usize)));
        fits.then(|| (offset, written.padding()))
    }

    /// The pattern of a film that `name` is of.
    fn pattern(
        &self,
        name: &[u8],
        runs: &[DigitRun],
        padding: u8,
        lowest: FrameNumber,
        step: Option<(i64, Padding)>,
    ) -> Pattern {
        let padding = if padding == 0 { Padding::None } else { Padding::Width(padding) };
        let time = self.number_part().is_dense() || is_long(lowest);
        let between = |from: usize, to: usize| BString::from(&name[from..to]);
        let first = self.marks.iter().position(|mark| *mark != Mark::Text).unwrap_or(0);
        let last = self.marks.iter().rposition(|mark| *mark != Mark::Text).unwrap_or(0);
        let (prefix, suffix) = (between(0, runs[first].start), between(runs[last].end, name.len()));
        let kind = if self.is_plain() {
            if time { Kind::TimeStamp } else { Kind::Count }
        } else if let (Some((offset, padding)), false) = (step, time) {
            Kind::Stepping { between: between(runs[first].end, runs[last].start), offset, padding }
        } else {
            Kind::Keyed { parts: self.key_parts(name, runs, first, last, padding), time }
        };
        let padding = if self.number_column().is_some() { padding } else { Padding::None };
        Pattern { prefix, suffix, padding, kind }
    }

    fn key_parts(&self, name: &[u8], runs: &[DigitRun], first: usize, last: usize, padding: Padding) -> Vec<KeyPart> {
        let mut parts = Vec::new();
        let mut text = BString::default();
        for column in first..=last {
            let run = runs[column];
            let mark = self.marks[column];
            let before = if column > first { &name[runs[column - 1].end..run.start] } else { &[] };
            if mark != Mark::InStamp {
                text.extend_from_slice(before);
            }
            let part = match mark {
                Mark::Text => {
                    text.extend_from_slice(&name[run.start..run.end]);
                    continue;
                }
                Mark::InStamp => {
                    // It tells films apart whose stamps are written in another way.
                    if let Some(KeyPart::Stamp(form)) = parts.last_mut() {
                        form.push_str(&before.to_str_lossy());
                    }
                    continue;
                }
                Mark::Number => KeyPart::Number(padding),
                Mark::Within => KeyPart::Number(Padding::None),
                Mark::Stamp => KeyPart::Stamp(self.stamp_form(column)),
                Mark::Along => KeyPart::Along,
            };
            if !text.is_empty() {
                parts.push(KeyPart::Text(std::mem::take(&mut text)));
            }
            parts.push(part);
        }
        parts
    }

    fn stamp_form(&self, column: usize) -> String {
        let part = self.parts.iter().find(|part| part.columns.contains(&column));
        match part.map(|part| &part.kind) {
            Some(PartKind::Stamp(form)) => stamp::describe(form),
            _ => String::new(),
        }
    }

    /// The digits of the parts that are text.
    fn text(&self, name: &[u8], runs: &[DigitRun]) -> Box<[u8]> {
        let mut text = Vec::new();
        for column in self.roles.text.iter().flat_map(|part| &self.parts[*part].columns) {
            text.extend_from_slice(&name[runs[*column].start..runs[*column].end]);
            text.push(0);
        }
        text.into()
    }
}

impl Class {
    /// The width that a number joins: its own if a leading zero fixes it, else the widest that it reaches, else 0.
    fn padding(&self, number: Number) -> u8 {
        if number.is_padded() {
            return number.width;
        }
        self.fixed.iter().copied().rfind(|width| *width <= number.width).unwrap_or(0)
    }
}

/// Whether a number has more digits than a count.
fn is_long(number: FrameNumber) -> bool {
    digits_of(number.max(0)) > NUMBER_DIGITS
}

/// Whether `number` is what `padding` writes.
pub(super) fn is_written(number: Number, padding: Padding) -> bool {
    match padding {
        Padding::None => !number.is_padded(),
        Padding::Width(width) => number.width == width || number.width > width && !number.is_padded(),
    }
}

/// Finds the one padding that writes some numbers.
#[derive(Debug, Default)]
struct Written {
    fixed: Option<u8>,
    narrowest: Option<u8>,
}

impl Written {
    fn take(&mut self, number: Number) -> bool {
        if number.is_padded() {
            if self.fixed.is_some_and(|fixed| fixed != number.width) {
                return false;
            }
            self.fixed = Some(number.width);
        }
        self.narrowest = Some(self.narrowest.map_or(number.width, |narrowest| narrowest.min(number.width)));
        self.fixed.is_none_or(|fixed| self.narrowest.is_none_or(|narrowest| narrowest >= fixed))
    }

    fn padding(&self) -> Padding {
        self.fixed.map_or(Padding::None, Padding::Width)
    }
}

/// Of names with one number, the first by its bytes is the frame.
fn keep_one_of_each(table: &Table<'_>, members: &mut Vec<(FrameNumber, u32)>, same: &mut Vec<(u32, u32)>) {
    if members.is_sorted_by(|a, b| a.0 < b.0) {
        return;
    }
    members.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| table.name(a.1 as usize).cmp(table.name(b.1 as usize))));
    members.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            same.push((table.rows[next.1 as usize], table.rows[kept.1 as usize]));
        }
        is_same
    });
}

fn marks(table: &Table<'_>, parts: &[PartRule], roles: &Roles) -> Vec<Mark> {
    let mut marks = vec![Mark::Text; table.columns.len()];
    for place in roles.key.iter().chain(&roles.free) {
        let part = &parts[*place];
        let first = part.first_column();
        for column in &part.columns {
            marks[*column] = match &part.kind {
                _ if roles.free.contains(place) => Mark::Along,
                PartKind::Stamp(_) if part.columns.len() > 1 || roles.key.len() > 1 => {
                    let follows = column.checked_sub(1).is_some_and(|before| part.columns.contains(&before));
                    if *column == first || !follows { Mark::Stamp } else { Mark::InStamp }
                }
                PartKind::SubFrame { .. } if *column != first => Mark::Within,
                _ if *place == roles.number => Mark::Number,
                PartKind::Counter if parts[roles.number].is_dense() => Mark::Within,
                _ => Mark::Along,
            };
        }
    }
    marks
}

/// How the counters of the key are added to a stamp that is the number.
fn added(parts: &[Part], roles: &Roles) -> Vec<(usize, i64, i64)> {
    let PartKind::Stamp(form) = &parts[roles.number].rule.kind else { return Vec::new() };
    let mut added = Vec::new();
    let mut factor = 1_i64;
    for part in roles.key.iter().rev().filter(|part| **part != roles.number) {
        let highest = parts[*part].values.iter().copied().max().unwrap_or(0);
        let below =
            10_i64.checked_pow(u32::from(digits_of(highest))).filter(|below| below.checked_mul(factor).is_some());
        let Some(below) = below else { return Vec::new() };
        added.push((*part, factor, below));
        factor *= below;
    }
    // A counter that reaches into the next stamp would break the order.
    if factor > stamp::grain(form) { Vec::new() } else { added }
}
