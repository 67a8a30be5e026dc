//! Names under a pattern of the user: what it marks is the key, and nothing is guessed.

use std::collections::HashMap;

use bstr::{BString, ByteSlice as _};

use crate::sequence::group::Placed;
use crate::sequence::group::family::Found;
use crate::sequence::group::film::Draft;
use crate::sequence::group::reason::LeftAlone;
use crate::sequence::name::NamePattern;
use crate::sequence::name::marks::{Marks, Token};
use crate::sequence::{FrameNumber, KeyPart, Kind, Padding, Pattern};

/// How the names of one film are read.
#[derive(Debug)]
pub(super) struct Asked {
    pattern: NamePattern,
    /// The most digits of each number of the key but the first.
    widths: Vec<u8>,
    film: Option<Pattern>,
    /// Names whose number another has.
    left: HashMap<Box<[u8]>, LeftAlone>,
}

impl Asked {
    /// Reads the names at `rows`, which all fit, and have the same words that keep films apart. `times` are those of the
    /// files of all names.
    pub(super) fn read(
        pattern: &NamePattern,
        names: &[&[u8]],
        rows: &[u32],
        times: Option<&[i64]>,
        found: &mut Found,
    ) -> Self {
        let marks = |place: u32| pattern.marks(names[place as usize]);
        let mut widths: Vec<u8> = Vec::new();
        for marks in rows.iter().filter_map(|place| marks(*place)) {
            for (at, (_, digits)) in marks.numbers.iter().enumerate().skip(1) {
                if widths.len() < at {
                    widths.push(0);
                }
                widths[at - 1] = widths[at - 1].max(*digits);
            }
        }
        let mut asked = Self { pattern: pattern.clone(), widths, film: None, left: HashMap::new() };
        let mut members: Vec<(FrameNumber, u32)> = Vec::new();
        for place in rows {
            match marks(*place).and_then(|marks| asked.number(&marks)) {
                Some(number) => members.push((number, *place)),
                None => asked.leave(names, *place, LeftAlone::DoesNotFitPattern, found),
            }
        }
        if !members.is_sorted_by(|a, b| a.0 < b.0) {
            // The bytes of a random seed would take the frames now from one run, now from another.
            let age = |place: u32| (times.map(|times| times[place as usize]), names[place as usize]);
            members.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| age(a.1).cmp(&age(b.1))));
        }
        let mut same = Vec::new();
        members.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                same.push((next.1, kept.1));
            }
            is_same
        });
        for (place, kept) in same {
            asked.leave(names, place, LeftAlone::SameNumberAs(names[kept as usize].into()), found);
        }
        if let Some((_, first)) = members.first() {
            let pattern =
                asked.pattern_of(names[*first as usize], members.iter().map(|(_, place)| names[*place as usize]));
            asked.film.clone_from(&pattern);
            if let Some(pattern) = pattern {
                found.drafts.push(Draft { pattern, members, note: None, plain: None });
            }
        }
        asked
    }

    /// Places names by their numbers also where another name has the number.
    pub(super) fn let_numbers_repeat(&mut self) {
        self.left.retain(|_, why| !matches!(why, LeftAlone::SameNumberAs(_)));
    }

    fn leave(&mut self, names: &[&[u8]], place: u32, why: LeftAlone, found: &mut Found) {
        self.left.insert(names[place as usize].into(), why.clone());
        found.left.push((place, why));
    }

    /// The numbers of the key as one: each but the first has as many digits as it needs. `None` where it does not fit.
    fn number(&self, marks: &Marks<'_>) -> Option<FrameNumber> {
        if marks.numbers.len() > self.widths.len() + 1 {
            return None;
        }
        let mut number = marks.numbers[0].0;
        for (at, width) in self.widths.iter().enumerate() {
            let (next, digits) = marks.numbers.get(at + 1).copied().unwrap_or((0, 0));
            if digits > *width {
                return None;
            }
            number = number.checked_mul(10_i64.checked_pow(u32::from(*width))?)?.checked_add(next)?;
        }
        Some(number)
    }

    /// What the names share.
    fn pattern_of<'n>(&self, first: &'n [u8], mut names: impl Iterator<Item = &'n [u8]>) -> Option<Pattern> {
        let marks = self.pattern.marks(first)?;
        let marker = self.pattern.marker();
        let time = !marker.counts();
        let Some(tokens) = marker.tokens() else {
            let around = |name: &'n [u8]| {
                let (start, end) = self.pattern.marks(name)?.only?;
                Some((&name[..start], &name[end..]))
            };
            let padding = |name: &[u8]| {
                let (start, end) = self.pattern.marks(name)?.only?;
                let digits = name[start..end].strip_prefix(b"-").unwrap_or(&name[start..end]);
                (digits.len() > 1 && digits[0] == b'0').then(|| u8::try_from(digits.len()).unwrap_or(u8::MAX))
            };
            let own = around(first).filter(|_| !time);
            let width = padding(first).map_or(Padding::None, Padding::Width);
            return Some(match own {
                Some((prefix, suffix)) if names.all(|name| around(name) == own) => Pattern::new(prefix, suffix, width),
                _ => self.asked(&marks, time),
            });
        };
        Some(template_pattern(tokens, &marks, time))
    }

    fn asked(&self, marks: &Marks<'_>, time: bool) -> Pattern {
        let film = marks.film.iter().map(|word| BString::from(*word)).collect();
        let kind = Kind::Asked { pattern: self.pattern.text().into(), film, time };
        Pattern { prefix: BString::default(), suffix: BString::default(), padding: Padding::None, kind }
    }

    pub(super) fn film(&self) -> Option<&Pattern> {
        self.film.as_ref()
    }

    /// Where one more name belongs; `None` where the names must be read anew.
    pub(super) fn place(&self, name: &[u8]) -> Option<Placed> {
        if let Some(why) = self.left.get(name) {
            return Some(Placed::Left(why.clone()));
        }
        let marks = self.pattern.marks(name)?;
        let number = self.number(&marks)?;
        let film = self.film.as_ref()?;
        if self.pattern.marker().tokens().is_none() && !matches!(film.kind, Kind::Asked { .. }) {
            let (start, end) = marks.only?;
            if film.prefix != name[..start] || film.suffix != name[end..] {
                return None;
            }
        }
        Some(Placed::Film { film: 0, number, sure: true })
    }
}

fn template_pattern(tokens: &[Token], marks: &Marks<'_>, time: bool) -> Pattern {
    let mut words = marks.film.iter();
    let mut parts: Vec<KeyPart> = Vec::new();
    let mut number = Padding::None;
    for token in tokens {
        let text = match token {
            Token::Text(text) => BString::from(text.as_bytes()),
            Token::Film => BString::from(words.next().map_or(&[][..], |word| word)),
            Token::Counter(width) => {
                let padding = if *width == 1 { Padding::None } else { Padding::Width(*width) };
                number = padding;
                parts.push(KeyPart::Number(padding));
                continue;
            }
            Token::Date | Token::Time | Token::Stamp => {
                parts.push(KeyPart::Stamp(format!("{token:?}").to_lowercase()));
                continue;
            }
            Token::Any => {
                parts.push(KeyPart::Along);
                continue;
            }
        };
        match parts.last_mut() {
            Some(KeyPart::Text(before)) => before.extend_from_slice(&text),
            _ => parts.push(KeyPart::Text(text)),
        }
    }
    let mut take = |first: bool| -> BString {
        let end = if first { parts.first() } else { parts.last() };
        if !matches!(end, Some(KeyPart::Text(_))) {
            return BString::default();
        }
        let part = if first { parts.remove(0) } else { parts.remove(parts.len() - 1) };
        match part {
            KeyPart::Text(text) => text,
            _ => BString::default(),
        }
    };
    let (prefix, suffix) = (take(true), take(false));
    let is_plain = matches!(parts[..], [KeyPart::Number(_)]);
    let kind = if is_plain { Kind::Count } else { Kind::Keyed { parts, time } };
    let padding = if time { Padding::None } else { number };
    debug_assert!(!prefix.contains_str("/"));
    Pattern { prefix, suffix, padding, kind }
}
