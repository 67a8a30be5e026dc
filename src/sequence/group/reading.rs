//! How the names of one shape were read, and where one more name belongs.

use std::collections::HashMap;

use bstr::ByteSlice as _;

use crate::sequence::gaps;
use crate::sequence::group::asked::Asked;
use crate::sequence::group::cut::{DigitRun, Table, cut};
use crate::sequence::group::family::{Found, NameFamily};
use crate::sequence::group::film::{Draft, Spot};
use crate::sequence::group::preview;
use crate::sequence::group::reason::{LeftAlone, Note};
use crate::sequence::group::shape::{Keys, family};
use crate::sequence::group::sign::{self, Signs};
use crate::sequence::group::{Film, Grouping};
use crate::sequence::name::NameRule;
use crate::sequence::{FrameNumber, Pattern};

/// How all names of one shape were read. Places further names without the others.
#[derive(Debug)]
pub(crate) struct Reading {
    families: HashMap<Box<[u8]>, NameFamily>,
    asked: Option<Asked>,
    /// What became of each draft of the families.
    fates: Vec<Fate>,
    films: Vec<Pattern>,
    /// Names that other families had a say in.
    special: HashMap<Box<[u8]>, Placed>,
    /// Whether one more name may change what families say of each other.
    open: bool,
    /// Whether a dash stands before numbers, so that one more film may have a sign.
    dashed: bool,
    /// The highest number of each film, if file times were known: a lower one that comes later may have come round.
    highest: Option<Vec<FrameNumber>>,
    /// How many more names of a preview without its frame leave it a preview.
    room: usize,
    buffers: Buffers,
}

#[derive(Debug, Default)]
struct Buffers {
    runs: Vec<DigitRun>,
    family: Vec<u8>,
}

/// What became of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    Film(u32),
    /// Its numbers have a sign, and are of this film.
    Negative(u32),
    /// Numbers below the first follow the highest ones, by so much.
    CameRound {
        film: u32,
        below: FrameNumber,
        add: FrameNumber,
    },
    /// It is a preview, with the extension of its frames.
    Preview(Vec<u8>),
}

/// Where a name belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is a frame of a film, which may have no other frame yet.
    Film {
        /// For [`Reading::pattern`]. Stays the same as long as the reading does.
        film: u32,
        /// Its number.
        number: FrameNumber,
        /// Whether the reading holds if the name is a new one. If not, the names must be read anew before a film of
        /// theirs is sealed.
        sure: bool,
    },
    /// It goes with no other name.
    Single,
    /// It is no frame, by the names that were read.
    Left(LeftAlone),
}

impl Reading {
    /// Reads all names of one shape. The result depends on the set of names alone. Times are those of the files, one
    /// for each name, in any unit; names that are placed later are then expected to be newer.
    pub(crate) fn of<N: AsRef<[u8]>>(names: &[N], times: Option<&[i64]>, rule: &NameRule) -> (Self, Grouping) {
        let names: Vec<&[u8]> = names.iter().map(AsRef::as_ref).collect();
        let mut grouping = Grouping::default();
        let places: Vec<u32> = (0..).take(names.len()).collect();
        let reading = match rule {
            NameRule::Auto => {
                let mut keys = Keys::new();
                let families = divide(&names, &places, &mut keys);
                Self::read(&names, families, times, &mut grouping)
            }
            NameRule::Pattern(pattern) => {
                let mut found = Found::default();
                let asked = Asked::read(pattern, &names, &places, times, &mut found);
                let mut reading = Self::empty(Vec::new());
                reading.asked = Some(asked);
                reading.finish(found, &names, &Signs::default(), None, &mut grouping, false);
                reading
            }
        };
        grouping.sort();
        (reading, grouping)
    }

    /// Reads families of one shape, each with the places of its names.
    pub(super) fn read(
        names: &[&[u8]],
        families: Vec<Vec<u32>>,
        times: Option<&[i64]>,
        grouping: &mut Grouping,
    ) -> Self {
        let mut found = Found::default();
        let mut text = Vec::new();
        let mut read = HashMap::with_capacity(families.len());
        for rows in families {
            family(names[rows[0] as usize], &mut text);
            let family = NameFamily::read(&Table::new(names, rows), &mut found);
            read.insert(text.as_slice().into(), family);
        }
        let mut reading = Self::empty(Vec::new());
        reading.families = read;
        let is_dashed = |family: &[u8]| family.contains_str(b"-\0");
        reading.dashed = reading.families.keys().any(|family| is_dashed(family));
        let signs = if reading.dashed { sign::apply(&mut found, names, times) } else { Signs::default() };
        let signs_are_open = signs.open
            && (reading.families.len() > 1
                || !signs.negative.is_empty()
                || times.is_some() && found.drafts.iter().any(|draft| draft.members.len() < 4));
        reading.open = signs_are_open;
        reading.finish(found, names, &signs, times, grouping, true);
        reading
    }

    fn empty(films: Vec<Pattern>) -> Self {
        Self {
            families: HashMap::new(),
            asked: None,
            fates: Vec::new(),
            films,
            special: HashMap::new(),
            open: false,
            dashed: false,
            highest: None,
            room: usize::MAX,
            buffers: Buffers::default(),
        }
    }

    /// Makes films of what the families say.
    fn finish(
        &mut self,
        mut found: Found,
        names: &[&[u8]],
        signs: &Signs,
        times: Option<&[i64]>,
        grouping: &mut Grouping,
        guessed: bool,
    ) {
        let previews = preview::find(&found, names);
        self.room = previews.room;
        self.open |= previews.open;
        let drafts = std::mem::take(&mut found.drafts);
        let mut fates = Vec::with_capacity(drafts.len());
        for (at, mut draft) in (0_u32..).zip(drafts) {
            if let Some(extension) = previews.drafts.get(&at) {
                for (_, place) in &draft.members {
                    let why = previews.why(names[*place as usize], extension);
                    self.special.insert(names[*place as usize].into(), Placed::Left(why.clone()));
                    grouping.left.push((*place as usize, why));
                }
                fates.push(Fate::Preview(extension.clone()));
                continue;
            }
            let film = u32::try_from(self.films.len()).unwrap_or(u32::MAX);
            let round = times.and_then(|times| came_round(&mut draft, times));
            fates.push(match round {
                Some((below, add)) => {
                    self.open = true;
                    Fate::CameRound { film, below, add }
                }
                None => Fate::Film(film),
            });
            self.films.push(draft.pattern.clone());
            if times.is_some() {
                let highest = draft.members.last().map_or(FrameNumber::MIN, |(number, _)| *number);
                self.highest.get_or_insert_default().push(highest);
            }
            match draft.members[..] {
                // Its names are of another film now.
                [] => {}
                [(_, only)] => grouping.singles.push(only as usize),
                [(first, _), .., (last, _)] => {
                    let looks_like =
                        guessed.then(|| draft.pattern.looks_like(first, last, draft.members.len())).flatten();
                    let mut notes: Vec<Note> = draft.note.into_iter().collect();
                    notes.extend(round.map(|_| Note::CounterCameRound));
                    let members = draft.members.iter().map(|(number, place)| (*number, *place as usize)).collect();
                    grouping.films.push(Film { pattern: draft.pattern, members, looks_like, notes });
                }
            }
        }
        for (draft, target) in &signs.negative {
            fates[*draft as usize] = match &fates[*target as usize] {
                Fate::Film(film) | Fate::Negative(film) | Fate::CameRound { film, .. } => Fate::Negative(*film),
                Fate::Preview(extension) => Fate::Preview(extension.clone()),
            };
        }
        for (place, draft, number) in &signs.alone {
            if let Fate::Film(film) = fates[*draft as usize] {
                let placed = Placed::Film { film, number: *number, sure: false };
                self.special.insert(names[*place as usize].into(), placed);
            }
        }
        self.fates = fates;
        for (place, why) in found.left {
            if self.open || guessed && why != LeftAlone::NumbersDisagree {
                self.special.insert(names[place as usize].into(), Placed::Left(why.clone()));
            }
            grouping.left.push((place as usize, why));
        }
        for place in found.alone {
            match previews.alone.get(&place) {
                Some(extension) => {
                    let why = previews.why(names[place as usize], extension);
                    self.special.insert(names[place as usize].into(), Placed::Left(why.clone()));
                    grouping.left.push((place as usize, why));
                }
                None => grouping.singles.push(place as usize),
            }
        }
    }

    /// Places names by their numbers also where another name has the number: the two may be in different folders.
    pub(super) fn let_numbers_repeat(&mut self) {
        self.special.retain(|_, placed| !matches!(placed, Placed::Left(LeftAlone::SameNumberAs(_))));
        self.families.values_mut().for_each(NameFamily::let_numbers_repeat);
        if let Some(asked) = &mut self.asked {
            asked.let_numbers_repeat();
        }
    }

    /// Where `name`, which is of this shape, belongs: by the reading as it is, and without the other names. `None` where
    /// the names must be read anew. A name that was read gets the answer that its grouping gave. The caller knows which
    /// names it has: where another name has the number already, the names must be read anew too.
    pub(crate) fn place(&mut self, name: &[u8]) -> Option<Placed> {
        if let Some(asked) = &self.asked {
            return asked.place(name);
        }
        if !self.special.is_empty()
            && let Some(placed) = self.special.get(name)
        {
            return Some(placed.clone());
        }
        let Buffers { runs, family: text } = &mut self.buffers;
        family(name, text);
        cut(name, runs);
        let family = self.families.get_mut(text.as_slice())?;
        let (draft, number, sure) = match family.place(name, runs)? {
            Spot::Left(why) => return Some(Placed::Left(why)),
            Spot::Single => return Some(Placed::Single),
            Spot::Draft { draft, number, sure } => (draft, number, sure),
            Spot::New { pattern, number, sure } => {
                let draft = u32::try_from(self.fates.len()).unwrap_or(u32::MAX);
                family.begun(name, runs, draft);
                self.fates.push(Fate::Film(u32::try_from(self.films.len()).unwrap_or(u32::MAX)));
                self.films.push(*pattern);
                (draft, number, sure && !self.dashed)
            }
        };
        let sure = sure && !self.open;
        Some(match &self.fates[draft as usize] {
            Fate::Film(film) => {
                let film = *film;
                let rises = self.highest.as_mut().is_none_or(|highest| rises(highest, film, number));
                Placed::Film { film, number, sure: sure && rises }
            }
            // `-0` is no sign.
            Fate::Negative(_) if number == 0 => return None,
            Fate::Negative(film) => Placed::Film { film: *film, number: -number, sure: false },
            Fate::CameRound { film, below, add } => {
                let number = if number < *below { number.checked_add(*add)? } else { number };
                Placed::Film { film: *film, number, sure: false }
            }
            Fate::Preview(extension) => {
                self.room = self.room.checked_sub(1)?;
                Placed::Left(LeftAlone::PreviewOf(preview::frame_of(name, extension)))
            }
        })
    }

    /// What the names of `film` share.
    pub(crate) fn pattern(&self, film: u32) -> &Pattern {
        match self.asked.as_ref().and_then(Asked::film) {
            Some(pattern) => pattern,
            None => &self.films[film as usize],
        }
    }
}

/// Whether `number` is higher than all numbers of `film` before it.
fn rises(highest: &mut Vec<FrameNumber>, film: u32, number: FrameNumber) -> bool {
    let film = film as usize;
    if highest.len() <= film {
        highest.resize(film + 1, FrameNumber::MIN);
    }
    let rises = number > highest[film];
    highest[film] = highest[film].max(number);
    rises
}

/// The places of `rows` by their families.
pub(super) fn divide(names: &[&[u8]], rows: &[u32], keys: &mut Keys) -> Vec<Vec<u32>> {
    let mut families: Vec<Vec<u32>> = Vec::new();
    let mut text = Vec::new();
    for place in rows {
        family(names[*place as usize], &mut text);
        let id = keys.id(&text) as usize;
        if id == families.len() {
            families.push(Vec::new());
        }
        families[id].push(*place);
    }
    families
}

/// Puts the lower numbers of a count after the higher ones, where file times show that it ran over its last digit. Below which
/// number, and by how much.
///
/// Cameras go from 9999 to 0001 in the middle of a time-lapse. Names alone cannot tell that from a film that was rendered
/// in two parts, and by number the end would be shown first.
fn came_round(draft: &mut Draft, times: &[i64]) -> Option<(FrameNumber, FrameNumber)> {
    let members = &mut draft.members;
    if members.len() < 4 || !draft.pattern.has_gaps() {
        return None;
    }
    let time = |at: usize| times[members[at].1 as usize];
    let last = members.len() - 1;
    let mut falls = (1..=last).filter(|at| time(*at) < time(at - 1));
    let at = falls.next().filter(|_| falls.next().is_none())?;
    let numbers = || members.iter().map(|(number, _)| *number);
    let (low, below, high) = (members[0].0, members[at].0, members[last].0);
    let range = 10_i64.checked_pow(high.checked_ilog10().unwrap_or(0) + 1)?;
    // A second run over the first frames of an older one has no gap after it, and ends nowhere near the last digit.
    let gap = below.saturating_sub(members[at - 1].0) > gaps::step_of(numbers());
    if time(0) < time(last) || low < 0 || !gap || high < range - range / 100 {
        return None;
    }
    // A camera goes on with 0000 or with 0001.
    let add = if low == 0 { range } else { range - 1 };
    for (number, _) in &mut members[..at] {
        *number = number.checked_add(add)?;
    }
    members.rotate_left(at);
    Some((below, add))
}
