//! One family: names that are equal but for their digits.
//!
//! Owns the order of the decisions. What needs no guess is decided first. Where one run varies, it is the number: that is so in
//! most folders of renderers, and hardly any further name can change it. Where several vary, stamps are folded before
//! `group::roles` decides which of them is the number, because the digits of one time must not be taken for counters that
//! disagree.

use std::collections::HashMap;

use crate::sequence::group::classes::Classes;
use crate::sequence::group::cut::{DigitRun, Number, Table, cut};
use crate::sequence::group::film::{Draft, FilmReader, Spot, is_written};
use crate::sequence::group::fold::{Part, PartKind, PartRule, fold};
use crate::sequence::group::order::How;
use crate::sequence::group::reason::LeftAlone;
use crate::sequence::group::roles::{Outcome, Roles, Stretch, choose, weak_columns};
use crate::sequence::group::stamp;
use crate::sequence::{Kind, Padding, Pattern};

/// What the reading of families makes.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub drafts: Vec<Draft>,
    /// Names that are in no film, each by its place.
    pub left: Vec<(u32, LeftAlone)>,
    /// Names that are alone in their family.
    pub alone: Vec<u32>,
}

/// How one family is read.
#[derive(Debug)]
pub(super) struct NameFamily {
    /// What the columns hold that are the same in all names, unless a part reads them.
    fixed: Vec<Option<Number>>,
    reader: Reader,
    /// The stamps that most names fit, and how the others are read.
    rest: Option<(Vec<PartRule>, Box<NameFamily>)>,
    /// Names that are left alone although they fit, and why.
    left: HashMap<Box<[u8]>, LeftAlone>,
}

#[derive(Debug)]
enum Reader {
    /// A few names that nothing can be said of.
    Singles(Vec<Box<[u8]>>),
    Films(FilmReader),
    Stretches(StretchReader),
}

/// Films in which two counters step alike.
#[derive(Debug)]
struct StretchReader {
    /// The columns of pairs of counters.
    pairs: Vec<(usize, usize)>,
    /// The drafts, each with how both numbers are written.
    films: HashMap<StretchKey, Vec<(Padding, Padding, u32)>>,
    /// Whether the rest is left alone, or are a few singles.
    leaves: bool,
}

/// The place of a pair, the texts around its numbers, and their distance.
type StretchKey = (usize, Box<[u8]>, i64);

/// A family of fewer names that agree in nothing is a few singles: that two or three names disagree says nothing yet, and
/// whoever is told so would look for a mistake.
const FEW: usize = 4;

/// One name in this many does not have to fit a stamp.
const TEN: usize = 10;

impl NameFamily {
    /// Reads the names of one family.
    pub(super) fn read(table: &Table<'_>, found: &mut Found) -> Self {
        let slack = table.len() / TEN;
        Self::read_with(table, slack, found)
    }

    fn read_with(table: &Table<'_>, slack: usize, found: &mut Found) -> Self {
        let fixed = |parts: &[&PartRule]| -> Vec<Option<Number>> {
            let is_read = |column: &usize| parts.iter().any(|part| part.columns.contains(column));
            let same = |column: usize| (!is_read(&column)).then(|| table.columns[column].get(0));
            (0..table.columns.len()).map(same).collect()
        };
        let varying = table.varying();
        let (parts, misfits, roles) = match varying[..] {
            [] => {
                found.alone.push(table.rows[0]);
                let reader = Reader::Singles(vec![table.name(0).into()]);
                return Self { fixed: fixed(&[]), reader, rest: None, left: HashMap::new() };
            }
            [column] => {
                let (parts, _) = fold(table, 0);
                let part = only_part(table, parts, column);
                let roles = Roles {
                    text: Vec::new(),
                    key: vec![0],
                    number: 0,
                    free: Vec::new(),
                    how: How::Along,
                    note: None,
                    sizes: Vec::new(),
                    firm: part.rule.firm,
                    room: usize::MAX,
                };
                (vec![part], Vec::new(), Some(roles))
            }
            _ => {
                let (mut parts, misfits) = fold(table, slack);
                parts.retain(|part| part.rule.columns.iter().any(|column| varying.contains(column)));
                (parts, misfits, None)
            }
        };
        if !misfits.is_empty() {
            return Self::without_misfits(table, &misfits, parts, found);
        }
        let outcome = match roles {
            Some(roles) => Outcome::Films(roles),
            None => choose(table, &parts, &weak_columns(table)),
        };
        let read: Vec<&PartRule> = parts.iter().map(|part| &part.rule).collect();
        let fixed = fixed(&read);
        match outcome {
            Outcome::Films(mut roles) => {
                if parts.len() == 1 {
                    roles.firm = parts[0].rule.firm;
                }
                let classes = roles.text.iter().map(|part| Classes::of_part(table, &parts[*part]));
                let classes = classes.fold(Classes::one(table.len()), |all, next| all.and(&next));
                let mut same = Vec::new();
                let reader = FilmReader::read(table, &parts, roles, &classes, &mut found.drafts, &mut same);
                let mut left = HashMap::new();
                for (place, kept) in same {
                    let why = LeftAlone::SameNumberAs(table.names[kept as usize].into());
                    left.insert(table.names[place as usize].into(), why.clone());
                    found.left.push((place, why));
                }
                Self { fixed, reader: Reader::Films(reader), rest: None, left }
            }
            Outcome::Stretches(stretches) => {
                let reader = StretchReader::read(table, &parts, stretches, found);
                let names = || (0..table.len()).map(|row| table.name(row).into()).collect();
                let reader = reader.map_or_else(|| Reader::Singles(names()), Reader::Stretches);
                Self { fixed, reader, rest: None, left: HashMap::new() }
            }
        }
    }

    /// Reads the names that fit their stamps, and then the others, by themselves and strictly: if one in ten of the rest
    /// could be put aside again, and one in ten of that, there would be no end to it.
    fn without_misfits(table: &Table<'_>, misfits: &[usize], parts: Vec<Part>, found: &mut Found) -> Self {
        let (mut good, mut others) = (Vec::new(), Vec::new());
        let mut next = misfits.iter().copied().peekable();
        for (row, place) in table.rows.iter().enumerate() {
            if next.next_if_eq(&row).is_some() { others.push(*place) } else { good.push(*place) }
        }
        let others = Self::read_with(&Table::new(table.names, others), 0, found);
        if good.is_empty() {
            return others;
        }
        let mut family = Self::read_with(&Table::new(table.names, good), 0, found);
        let stamps = parts.into_iter().map(|part| part.rule).filter(|rule| rule.kind != PartKind::Counter);
        family.rest = Some((stamps.collect(), Box::new(others)));
        family
    }

    /// Places names by their numbers also where another name has the number.
    pub(super) fn let_numbers_repeat(&mut self) {
        self.left.retain(|_, why| !matches!(why, LeftAlone::SameNumberAs(_)));
        if let Some((_, rest)) = &mut self.rest {
            rest.let_numbers_repeat();
        }
    }

    /// Where one more name belongs, or one that was read; `None` where it does not fit.
    pub(super) fn place(&mut self, name: &[u8], runs: &[DigitRun]) -> Option<Spot> {
        if let Some((stamps, rest)) = &mut self.rest {
            if !stamps.iter().all(|stamp| stamp.read(runs).is_some()) {
                return rest.place(name, runs).map(Spot::unsure);
            }
            return self.place_here(name, runs).map(Spot::unsure);
        }
        self.place_here(name, runs)
    }

    fn place_here(&mut self, name: &[u8], runs: &[DigitRun]) -> Option<Spot> {
        if !self.fixed.iter().zip(runs).all(|(fixed, run)| fixed.is_none_or(|number| number == run.number())) {
            return None;
        }
        if let Some(why) = self.left.get(name) {
            return Some(Spot::Left(why.clone()));
        }
        match &mut self.reader {
            Reader::Singles(names) => names.iter().any(|known| **known == *name).then_some(Spot::Single),
            Reader::Films(reader) => reader.place(name, runs),
            Reader::Stretches(reader) => reader.place(name, runs),
        }
    }

    /// Learns that a name that began a film is of this draft.
    pub(super) fn begun(&mut self, name: &[u8], runs: &[DigitRun], draft: u32) {
        match &mut self.rest {
            Some((stamps, rest)) if !stamps.iter().all(|stamp| stamp.read(runs).is_some()) => {
                rest.begun(name, runs, draft);
            }
            _ => {
                if let Reader::Films(reader) = &mut self.reader {
                    reader.begun(name, runs, draft);
                }
            }
        }
    }
}

impl Spot {
    fn unsure(self) -> Self {
        match self {
            Self::Draft { draft, number, .. } => Self::Draft { draft, number, sure: false },
            Self::New { pattern, number, .. } => Self::New { pattern, number, sure: false },
            other @ (Self::Single | Self::Left(_)) => other,
        }
    }
}

/// The part of the one column that varies: a stamp if it is one with its neighbours, else a counter.
fn only_part(table: &Table<'_>, parts: Vec<Part>, column: usize) -> Part {
    let part = parts.into_iter().find(|part| part.rule.columns.contains(&column));
    let is_count = part.as_ref().is_none_or(|part| match &part.rule.kind {
        // 01-02-03, 01-02-04: without a date and another minute, a count.
        PartKind::Stamp(form) => form == stamp::H_M_S && part.rule.columns[2] == column,
        _ => false,
    });
    match part {
        Some(part) if !is_count => part,
        _ => {
            let values = (0..table.len()).map(|row| table.columns[column].get(row).value).collect();
            Part { rule: PartRule { columns: vec![column], kind: PartKind::Counter, clock: None, firm: true }, values }
        }
    }
}

impl StretchReader {
    /// Makes films of the stretches. `None` if there is not one and the names are few.
    fn read(table: &Table<'_>, parts: &[Part], stretches: Vec<Stretch>, found: &mut Found) -> Option<Self> {
        let leaves = table.len() >= FEW;
        let mut reader = Self { pairs: Vec::new(), films: HashMap::new(), leaves };
        let mut taken = vec![false; table.len()];
        let mut runs = Vec::new();
        for stretch in stretches {
            let pair = (parts[stretch.number].rule.columns[0], parts[stretch.other].rule.columns[0]);
            let at = reader.pairs.iter().position(|known| *known == pair).unwrap_or_else(|| {
                reader.pairs.push(pair);
                reader.pairs.len() - 1
            });
            for row in &stretch.rows {
                taken[*row as usize] = true;
            }
            let rows = |column: usize| stretch.rows.iter().map(move |row| table.columns[column].get(*row as usize));
            let (first, second) = (Widths::of(rows(pair.0)), Widths::of(rows(pair.1)));
            let mut films: Vec<(Padding, Padding, Draft)> = Vec::new();
            for row in &stretch.rows {
                let name = table.name(*row as usize);
                cut(name, &mut runs);
                let paddings = (first.join(runs[pair.0].number()), second.join(runs[pair.1].number()));
                let member = (runs[pair.0].value, table.rows[*row as usize]);
                if let Some(film) = films.iter_mut().find(|film| (film.0, film.1) == paddings) {
                    film.2.members.push(member);
                    continue;
                }
                let [prefix, between, suffix] = around(name, &runs, pair);
                let offset = runs[pair.1].value - runs[pair.0].value;
                let kind = Kind::Stepping { between: between.into(), offset, padding: paddings.1 };
                let pattern = Pattern { prefix: prefix.into(), suffix: suffix.into(), padding: paddings.0, kind };
                films.push((paddings.0, paddings.1, Draft { pattern, members: vec![member], note: None, plain: None }));
            }
            let name = table.name(stretch.rows[0] as usize);
            cut(name, &mut runs);
            let key = key(name, &runs, at, pair);
            for (first, second, mut draft) in films {
                draft.members.sort_unstable();
                let place = u32::try_from(found.drafts.len()).unwrap_or(u32::MAX);
                reader.films.entry(key.clone()).or_default().push((first, second, place));
                found.drafts.push(draft);
            }
        }
        let rest = (0..table.len()).filter(|row| !taken[*row]).map(|row| table.rows[row]);
        if leaves {
            found.left.extend(rest.map(|place| (place, LeftAlone::NumbersDisagree)));
        } else {
            found.alone.extend(rest);
        }
        (leaves || !reader.films.is_empty()).then_some(reader)
    }

    fn place(&self, name: &[u8], runs: &[DigitRun]) -> Option<Spot> {
        for (at, pair) in self.pairs.iter().enumerate() {
            let Some(films) = self.films.get(&key(name, runs, at, *pair)) else { continue };
            let (first, second) = (runs[pair.0], runs[pair.1]);
            let film = films
                .iter()
                .find(|(one, other, _)| is_written(first.number(), *one) && is_written(second.number(), *other));
            return film.map(|(.., draft)| Spot::Draft { draft: *draft, number: first.value, sure: false });
        }
        self.leaves.then_some(Spot::Left(LeftAlone::NumbersDisagree))
    }
}

fn key(name: &[u8], runs: &[DigitRun], at: usize, pair: (usize, usize)) -> StretchKey {
    let [prefix, between, suffix] = around(name, runs, pair);
    (at, [prefix, b"\0", between, b"\0", suffix].concat().into(), runs[pair.1].value - runs[pair.0].value)
}

/// What is left of a name without two of its numbers.
fn around<'n>(name: &'n [u8], runs: &[DigitRun], (first, second): (usize, usize)) -> [&'n [u8]; 3] {
    [&name[..runs[first].start], &name[runs[first].end..runs[second].start], &name[runs[second].end..]]
}

/// The widths that leading zeros fix, ascending.
struct Widths(Vec<u8>);

impl Widths {
    fn of(numbers: impl Iterator<Item = Number>) -> Self {
        let mut widths: Vec<u8> = numbers.filter(|number| number.is_padded()).map(|number| number.width).collect();
        widths.sort_unstable();
        widths.dedup();
        Self(widths)
    }

    fn join(&self, number: Number) -> Padding {
        let fits = |width: &&u8| is_written(number, Padding::Width(**width));
        self.0.iter().rfind(fits).map_or(Padding::None, |width| Padding::Width(*width))
    }
}
