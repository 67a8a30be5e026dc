//! The names of one shape -> films, also where they are in folders that follow each other.
//!
//! The file names of all these folders are read as if they were in one; then one folder is put after the other.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::sequence::group::folder::{FolderKey, is_time_of_day};
use crate::sequence::group::reading::{self, Placed};
use crate::sequence::group::reason::{LeftAlone, Note};
use crate::sequence::group::{Film, Grouping};
use crate::sequence::name::{NUMBER_DIGITS, NameRule, split_extension, split_folder};
use crate::sequence::{Across, DAY_NS, FrameNumber, Kind, Padding, Pattern};

/// How the names of one shape were read. Places further names without the others.
#[derive(Debug)]
pub(crate) struct Reading {
    files: reading::Reading,
    /// Where the names are paths.
    tree: Option<Tree>,
}

#[derive(Debug, Default)]
struct Tree {
    folders: HashMap<Box<[u8]>, Option<FolderKey>>,
    ways: HashMap<FilesOf, Way>,
    films: Vec<Pattern>,
    /// Names whose number another has.
    same: HashMap<Box<[u8]>, LeftAlone>,
}

/// Files that would be one film if they were in one folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum FilesOf {
    Film(u32),
    /// Of one name, which is alone of its kind.
    Name(Box<[u8]>),
}

/// How files of several folders are one film.
#[derive(Debug)]
enum Way {
    /// They are not: they are in one folder, and have no other of their kind.
    Single(Box<[u8]>),
    /// Their numbers go on: the first and the last of each folder.
    GoesOn { film: u32, spans: BTreeMap<i64, (FrameNumber, FrameNumber)> },
    /// They begin again in each folder, and stay below this. Where it is the shortest time that one of the folders is named
    /// after, that is `grain`.
    Again { film: u32, below: i64, time: bool, grain: Option<i64> },
    /// Nothing orders the folders: each has a film of its own.
    Apart(HashMap<Box<[u8]>, u32>),
}

/// A name: its folder's value, its number in the folder, and its place.
type Member = (i64, FrameNumber, u32);

/// What counters stay below.
const COUNTS: i64 = 10_i64.pow(NUMBER_DIGITS as u32);

impl Reading {
    /// Reads all names of one shape. The result depends on the set of names alone. Times are those of the files, one
    /// for each name, in any unit; names that are placed later are then expected to be newer.
    pub(crate) fn of<N: AsRef<[u8]>>(names: &[N], times: Option<&[i64]>, rule: &NameRule) -> (Self, Grouping) {
        let has_folder = |name: &N| name.as_ref().contains(&b'/');
        if !names.first().is_some_and(has_folder) {
            let (files, grouping) = reading::Reading::of(names, times, rule);
            return (Self { files, tree: None }, grouping);
        }
        let mut seen = HashSet::new();
        let mut files: Vec<&[u8]> = names.iter().map(|name| split_folder(name.as_ref()).1).collect();
        files.retain(|file| seen.insert(*file));
        // One name stands for files of several folders, so times would say nothing.
        let (mut files, of_files) = reading::Reading::of(&files, None, rule);
        files.let_numbers_repeat();
        let notes = of_files.films.into_iter().map(|film| (film.pattern, film.notes)).collect();
        let (tree, grouping) = Tree::read(names, &mut files, &notes, *rule == NameRule::Auto);
        (Self { files, tree: Some(tree) }, grouping)
    }

    /// Where `name`, which is of this shape, belongs: by the reading as it is, and without the other names. `None` where
    /// the names must be read anew. A name that was read gets the answer that its grouping gave. The caller knows which
    /// names it has: where another name has the number already, the names must be read anew too.
    pub(crate) fn place(&mut self, name: &[u8]) -> Option<Placed> {
        match &mut self.tree {
            None => self.files.place(name),
            Some(tree) => tree.place(name, &mut self.files),
        }
    }

    /// What the names of a film share.
    pub(crate) fn pattern(&self, film: u32) -> &Pattern {
        match &self.tree {
            None => self.files.pattern(film),
            Some(tree) => &tree.films[film as usize],
        }
    }
}

impl Tree {
    fn read<N: AsRef<[u8]>>(
        names: &[N],
        reading: &mut reading::Reading,
        notes: &HashMap<Pattern, Vec<Note>>,
        guessed: bool,
    ) -> (Self, Grouping) {
        let (mut tree, mut grouping) = (Self::default(), Grouping::default());
        let mut groups: BTreeMap<FilesOf, Vec<Member>> = BTreeMap::new();
        for (place, name) in (0_u32..).zip(names) {
            let (folder, file) = split_folder(name.as_ref());
            let value = tree.folder(folder).map_or(0, |key| key.value);
            match reading.place(file) {
                Some(Placed::Film { film, number, .. }) => {
                    groups.entry(FilesOf::Film(film)).or_default().push((value, number, place));
                }
                Some(Placed::Left(why)) => grouping.left.push((place as usize, in_folder(why, folder))),
                // Of names that were read, none has no place.
                Some(Placed::Single) | None => {
                    groups.entry(FilesOf::Name(file.into())).or_default().push((value, 0, place));
                }
            }
        }
        for (of, members) in groups {
            let pattern = match &of {
                FilesOf::Film(film) => reading.pattern(*film).clone(),
                FilesOf::Name(name) => pattern_of_one(name),
            };
            let mut notes = notes.get(&pattern).cloned().unwrap_or_default();
            let way = tree.way(&of, pattern, &members, names);
            let mut films: BTreeMap<u32, Vec<(FrameNumber, usize)>> = BTreeMap::new();
            for (value, number, place) in members {
                let (folder, _) = split_folder(names[place as usize].as_ref());
                match way.at(folder, value, number) {
                    Some((film, number)) => films.entry(film).or_default().push((number, place as usize)),
                    None => grouping.singles.push(place as usize),
                }
            }
            for (film, mut members) in films {
                members.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| names[a.1].as_ref().cmp(names[b.1].as_ref())));
                members.dedup_by(|next, kept| {
                    let is_same = next.0 == kept.0;
                    if is_same {
                        let why = LeftAlone::SameNumberAs(names[kept.1].as_ref().into());
                        tree.same.insert(names[next.1].as_ref().into(), why.clone());
                        grouping.left.push((next.1, why));
                    }
                    is_same
                });
                let pattern = tree.films[film as usize].clone();
                if let [(first, _), .., (last, _)] = members[..] {
                    let looks_like = guessed.then(|| pattern.looks_like(first, last, members.len())).flatten();
                    grouping.films.push(Film { pattern, members, looks_like, notes: std::mem::take(&mut notes) });
                } else {
                    grouping.singles.extend(members.iter().map(|(_, place)| *place));
                }
            }
            tree.ways.insert(of, way);
        }
        grouping.sort();
        (tree, grouping)
    }

    fn folder(&mut self, path: &[u8]) -> Option<&FolderKey> {
        if !self.folders.contains_key(path) {
            self.folders.insert(path.into(), FolderKey::read(path));
        }
        self.folders.get(path).and_then(Option::as_ref)
    }

    /// How these members, at least one, are one film. All of their folders are of one family.
    fn way<N: AsRef<[u8]>>(&mut self, of: &FilesOf, pattern: Pattern, members: &[Member], names: &[N]) -> Way {
        let folder_of = |member: &Member| split_folder(names[member.2 as usize].as_ref()).0;
        let first = folder_of(&members[0]);
        let is_name = matches!(of, FilesOf::Name(_));
        if is_name && members.iter().all(|member| folder_of(member) == first) {
            return Way::Single(first.into());
        }
        let key = self.folder(first).cloned();
        let spans = spans(members);
        let goes_on = key.is_some()
            && !is_name
            && spans.values().zip(spans.values().skip(1)).all(|(before, next)| before.1 < next.0);
        let counts_days = matches!(pattern.kind, Kind::Keyed { time: true, .. })
            && members.iter().all(|(_, number, _)| is_time_of_day(*number));
        // Days and hours may be side by side: the numbers of the hours are below an hour, in whatever order folders are listed.
        let grain = members.iter().filter_map(|member| self.folder(folder_of(member))?.grain).min();
        let again = key.as_ref().and_then(|_| {
            let below = if counts_days { DAY_NS } else { grain.unwrap_or(COUNTS) };
            let time = grain.is_some();
            let fits = |(value, number, _): &Member| again(*value, *number, below, time).is_some();
            members.iter().all(fits).then_some((below, time))
        });
        match (key, again) {
            // A time of day is one of its folder's day, whether another day is there already or not.
            (Some(key), Some((below, time))) if counts_days || !goes_on => {
                let film = self.film(pattern, &key.shown, Across::Again { below, time });
                Way::Again { film, below, time, grain: grain.filter(|_| !counts_days) }
            }
            (Some(key), _) if goes_on => Way::GoesOn { film: self.film(pattern, &key.shown, Across::GoesOn), spans },
            _ => {
                let mut films = HashMap::new();
                for member in members {
                    let folder = folder_of(member);
                    if !films.contains_key(folder) {
                        films.insert(folder.into(), self.film(pattern.clone(), folder, Across::GoesOn));
                    }
                }
                Way::Apart(films)
            }
        }
    }

    fn film(&mut self, files: Pattern, path: &[u8], across: Across) -> u32 {
        let kind = Kind::Folders { path: path.into(), files: Box::new(files.kind), across };
        self.films.push(Pattern { kind, ..files });
        u32::try_from(self.films.len() - 1).unwrap_or(u32::MAX)
    }

    fn place(&mut self, name: &[u8], reading: &mut reading::Reading) -> Option<Placed> {
        if let Some(why) = self.same.get(name) {
            return Some(Placed::Left(why.clone()));
        }
        let (folder, file) = split_folder(name);
        let (value, own) = self.folder(folder).map_or((0, None), |key| (key.value, key.grain));
        let (of, number, sure) = match reading.place(file)? {
            Placed::Film { film, number, sure } => (FilesOf::Film(film), number, sure),
            Placed::Single => (FilesOf::Name(file.into()), 0, true),
            Placed::Left(why) => return Some(Placed::Left(in_folder(why, folder))),
        };
        match self.ways.get_mut(&of)? {
            Way::Single(known) => (**known == *folder).then_some(Placed::Single),
            Way::Apart(films) => films.get(folder).map(|film| Placed::Film { film: *film, number, sure: false }),
            Way::Again { film, below, time, grain } => {
                if own.is_some_and(|own| grain.is_some_and(|grain| own < grain)) {
                    return None;
                }
                Some(Placed::Film { film: *film, number: again(value, number, *below, *time)?, sure })
            }
            Way::GoesOn { film, spans } => {
                let comes_after = spans.range(..value).next_back().is_none_or(|(_, span)| span.1 < number);
                let comes_before = spans.range(value + 1..).next().is_none_or(|(_, span)| number < span.0);
                if !comes_after || !comes_before {
                    return None;
                }
                let span = spans.entry(value).or_insert((number, number));
                *span = (span.0.min(number), span.1.max(number));
                Some(Placed::Film { film: *film, number, sure })
            }
        }
    }
}

impl Way {
    /// The film of a name that was read, and its number there.
    fn at(&self, folder: &[u8], value: i64, number: FrameNumber) -> Option<(u32, FrameNumber)> {
        match self {
            Self::Single(_) => None,
            Self::GoesOn { film, .. } => Some((*film, number)),
            Self::Again { film, below, time, .. } => Some((*film, again(value, number, *below, *time)?)),
            Self::Apart(films) => films.get(folder).map(|film| (*film, number)),
        }
    }
}

/// The number of a file in a folder whose files begin to count again; `None` where it does not fit below the next folder.
fn again(folder: i64, number: FrameNumber, below: i64, time: bool) -> Option<FrameNumber> {
    // A time of day counts from the beginning of its day, also in a folder of one hour.
    let begin = if time { Some(folder - folder.rem_euclid(below)) } else { folder.checked_mul(below) };
    begin?.checked_add(number).filter(|_| (0..below).contains(&number))
}

/// The first and the last number of each folder.
fn spans(members: &[Member]) -> BTreeMap<i64, (FrameNumber, FrameNumber)> {
    let mut spans = BTreeMap::new();
    for (value, number, _) in members {
        let (first, last) = spans.entry(*value).or_insert((*number, *number));
        (*first, *last) = ((*first).min(*number), (*last).max(*number));
    }
    spans
}

/// The pattern of files of one name, which only their folders tell apart.
fn pattern_of_one(name: &[u8]) -> Pattern {
    let stem = split_extension(name).map_or(name.len(), |(stem, _)| stem.len());
    let kind = Kind::Keyed { parts: Vec::new(), time: false };
    Pattern { prefix: name[..stem].into(), suffix: name[stem..].into(), padding: Padding::None, kind }
}

/// The reason of a file, which names another of its folder.
fn in_folder(why: LeftAlone, folder: &[u8]) -> LeftAlone {
    let beside = |file: bstr::BString| [folder, &file].concat().into();
    match why {
        LeftAlone::PreviewOf(file) => LeftAlone::PreviewOf(beside(file)),
        LeftAlone::SameNumberAs(file) => LeftAlone::SameNumberAs(beside(file)),
        why => why,
    }
}

#[cfg(test)]
mod tests;
