//! Where one more name of a family belongs, and whether its reading holds with it.

use crate::sequence::group::cut::DigitRun;
use crate::sequence::group::film::{Class, FilmReader, Padded, is_long, is_written};
use crate::sequence::group::order::How;
use crate::sequence::group::reason::LeftAlone;
use crate::sequence::group::stamp;
use crate::sequence::{FrameNumber, Pattern};

/// Where a name of a family belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sequence::group) enum Spot {
    /// Of a draft.
    Draft { draft: u32, number: FrameNumber, sure: bool },
    /// Of a film that is not there yet.
    New { pattern: Box<Pattern>, number: FrameNumber, sure: bool },
    /// Alone so far.
    Single,
    /// Of none.
    Left(LeftAlone),
}

impl FilmReader {
    /// Where one more name belongs; `None` where it does not fit the reading.
    pub(in crate::sequence::group) fn place(&mut self, name: &[u8], runs: &[DigitRun]) -> Option<Spot> {
        let values: Vec<i64> = self.parts.iter().map(|part| part.read(runs)).collect::<Option<_>>()?;
        if !self.roles.sizes.iter().all(|column| runs[*column].number().is_length()) {
            return None;
        }
        if self.added.iter().any(|(part, _, below)| values[*part] >= *below) {
            return None;
        }
        let is_plain = self.is_plain();
        let number = match self.number_part().columns[..] {
            [column] if is_plain => runs[column].value,
            _ => self.number(|part| values[part]),
        };
        if is_plain && !self.keeps_kind(&values, runs) {
            return None;
        }
        let text = self.text(name, runs);
        let written = self.number_column().map(|column| runs[column].number());
        let Some(class) = self.classes.get(&text) else {
            return Some(self.begin(name, runs, number, text, &values));
        };
        if let Some((offset, padding)) = class.step {
            let other = self.roles.key[1];
            let second = runs[self.parts[other].columns[0]].number();
            if values[other] - values[self.roles.number] != offset || !is_written(second, padding) {
                return None;
            }
        }
        let padding = match written {
            Some(written) if written.is_padded() && !class.fixed.contains(&written.width) => return None,
            Some(written) => class.padding(written),
            None => 0,
        };
        let sure = self.is_sure(class, &values, padding);
        let known = class.films.iter().find(|film| film.width == padding);
        if !self.number_part().is_dense() && known.is_some_and(|film| film.is_long && !is_long(number)) {
            // They are a count after all.
            return None;
        }
        let spot = if let Some(Padded { draft, .. }) = known {
            let only = class.films.len() < 2 || is_plain && self.roles.text.is_empty();
            Spot::Draft { draft: *draft, number, sure: sure && only }
        } else {
            let pattern = Box::new(self.pattern(name, runs, padding, number, class.step));
            Spot::New { pattern, number, sure: self.roles.firm && is_plain && self.roles.text.is_empty() }
        };
        self.learn(&text, &values);
        Some(spot)
    }

    /// Learns the key of a name that was placed.
    fn learn(&mut self, text: &[u8], values: &[i64]) {
        let Self { classes, roles, .. } = self;
        let Some(class) = classes.get_mut(text) else { return };
        if roles.key.len() > 1 {
            let key: Vec<i64> = roles.key.iter().map(|part| values[*part]).collect();
            let at = roles.key.iter().position(|part| *part == roles.number).unwrap_or(0);
            if class.last.is_empty() || (class.last[at], &class.last) < (key[at], &key) {
                class.last = key;
            }
        }
    }

    /// Whether a stamp in one run stays one, and a count that could be a clock stays a count.
    fn keeps_kind(&mut self, values: &[i64], runs: &[DigitRun]) -> bool {
        let number = self.roles.number;
        let part = &mut self.parts[number];
        let Some((first, form)) = &part.clock else { return true };
        let fits = stamp::read(form, runs[*first..].iter().map(DigitRun::number)).is_some();
        if !fits {
            // No name can make it a clock any more.
            part.clock = None;
            return true;
        }
        values[number] < 100
    }

    /// A name with texts that no film has yet.
    fn begin(&mut self, name: &[u8], runs: &[DigitRun], number: FrameNumber, text: Box<[u8]>, values: &[i64]) -> Spot {
        let padding = self.number_column().map_or(0, |column| {
            let written = runs[column].number();
            if written.is_padded() { written.width } else { 0 }
        });
        let sure = self.roles.firm && self.roles.room > 0;
        self.roles.room = self.roles.room.saturating_sub(1);
        let pattern = Box::new(self.pattern(name, runs, padding, number, None));
        let mut class = Class::default();
        if padding > 0 {
            class.fixed.push(padding);
        }
        if self.roles.key.len() > 1 {
            class.last = self.roles.key.iter().map(|part| values[*part]).collect();
        }
        self.classes.insert(text, class);
        Spot::New { pattern, number, sure }
    }

    /// Learns that the film of a name that was placed as new is this draft.
    pub(in crate::sequence::group) fn begun(&mut self, name: &[u8], runs: &[DigitRun], draft: u32) {
        let text = self.text(name, runs);
        let written = self.number_column().map(|column| runs[column].number());
        if let Some(class) = self.classes.get_mut(&text) {
            let padding = written.map_or(0, |written| class.padding(written));
            let is_long = written.is_some_and(|written| is_long(written.value));
            class.films.push(Padded { width: padding, draft, is_long });
        }
    }

    /// Whether the reading surely holds with one more name of this class.
    fn is_sure(&self, class: &Class, values: &[i64], padding: u8) -> bool {
        let roles = &self.roles;
        if roles.text.is_empty() && roles.key.len() == 1 && roles.free.is_empty() {
            return roles.firm;
        }
        if !roles.firm || !roles.free.is_empty() || class.films.first().is_none_or(|film| film.width != padding) {
            return false;
        }
        if roles.key.len() == 1 {
            return true;
        }
        // Several parts must go on rising.
        let rises = |strictly: bool| {
            roles
                .key
                .iter()
                .zip(&class.last)
                .all(|(part, last)| if strictly { values[*part] > *last } else { values[*part] >= *last })
        };
        let number_rises =
            roles.key.iter().zip(&class.last).any(|(part, last)| *part == roles.number && values[*part] > *last);
        match roles.how {
            How::Along if self.parts[roles.number].is_dense() => number_rises && rises(true),
            How::Along => rises(true),
            How::Clock | How::Within | How::Restarts => false,
        }
    }
}
