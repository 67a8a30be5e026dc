//! The names of a folder -> films.
//!
//! Owns the decision which names are one film and in which order, and the reason of each image that is in none. It
//! performs no I/O, never reads the clock, and never decides anything for one name: the other names of its folder do.
#![doc = include_str!("group/deciding.md")]

use std::collections::HashMap;

use bstr::ByteSlice as _;

use crate::sequence::group::shape::Keys;
use crate::sequence::name::{NameRule, NameVerdict, verdict};
use crate::sequence::{FrameNumber, Kind, Pattern};

mod asked;
mod classes;
mod cut;
mod family;
mod film;
mod fold;
mod folder;
mod order;
mod preview;
mod reading;
mod reason;
mod roles;
mod shape;
mod sign;
mod stamp;
mod tree;

pub use folder::{Scope, home};
pub(crate) use folder::{folder_family, is_ordered_alike};
pub(crate) use reading::Placed;
pub use reason::{LeftAlone, LooksLike, Note};
pub(crate) use shape::Shaper;
pub(crate) use tree::Reading;

/// Where each image of a folder belongs. Every image is in exactly one of the three; other files are in none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grouping {
    /// The films, by their patterns.
    pub films: Vec<Film>,
    /// Images that go with no other, each by the place of its name in the names given. Ascending.
    pub singles: Vec<usize>,
    /// Images that are no frames, each with the reason. Ascending.
    pub left: Vec<(usize, LeftAlone)>,
}

/// Names that are one film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Film {
    /// What the names share. No other film of the folder has the same.
    pub pattern: Pattern,
    /// At least two numbers, ascending, none twice, each with the place of its name in the names given.
    pub members: Vec<(FrameNumber, usize)>,
    /// Why it is made only on request.
    pub looks_like: Option<LooksLike>,
    /// What is worth knowing of it.
    pub notes: Vec<Note>,
}

/// Where each image among the names of one folder belongs. A name may be a path to a folder below it, where that one and its
/// like follow each other. `times` are those of the files, one for each name, in any
/// unit; without them, and where one is not known, names alone decide.
#[must_use]
pub fn group<N: AsRef<[u8]>>(names: &[N], times: Option<&[i64]>, rule: &NameRule) -> Grouping {
    let names: Vec<&[u8]> = names.iter().map(AsRef::as_ref).collect();
    let mut grouping = Grouping::default();
    let mut images: Vec<u32> = Vec::with_capacity(names.len());
    let mut in_folders: Vec<u32> = Vec::new();
    for (place, name) in (0_u32..).zip(&names) {
        match left_by_name(name) {
            Ok(true) if name.contains(&b'/') => in_folders.push(place),
            Ok(true) => images.push(place),
            Ok(false) => {}
            Err(why) => grouping.left.push((place as usize, why)),
        }
    }
    match rule {
        NameRule::Auto => read_shapes(&names, &images, times, &mut grouping),
        NameRule::Pattern(_) => read_by_shape(&names, &images, times, rule, &mut grouping),
    }
    read_by_shape(&names, &in_folders, times, rule, &mut grouping);
    grouping.name_first_frames(&names);
    grouping.sort();
    grouping
}

/// Whether a file of this name can be a frame, or why it is left alone; `false` for what is no image.
fn left_by_name(name: &[u8]) -> Result<bool, LeftAlone> {
    match verdict(name) {
        NameVerdict::MayBeFrame => Ok(true),
        NameVerdict::NoImage => Ok(false),
        NameVerdict::Hidden => Err(LeftAlone::Hidden),
        NameVerdict::Unfinished => Err(LeftAlone::Unfinished),
        NameVerdict::Unsupported(format) => Err(LeftAlone::Unsupported { format }),
    }
}

fn read_shapes(names: &[&[u8]], images: &[u32], times: Option<&[i64]>, grouping: &mut Grouping) {
    let mut keys = Keys::new();
    let families = reading::divide(names, images, &mut keys);
    let mut shapes = Keys::new();
    let mut text = Vec::new();
    let shape_of: Vec<u32> = (0_u32..)
        .take(families.len())
        .map(|family| {
            text.clear();
            text.extend_from_slice(keys.get(family));
            shape::make_shape(&mut text);
            shapes.id(&text)
        })
        .collect();
    let mut of_shape: Vec<Vec<Vec<u32>>> = Vec::new();
    of_shape.resize_with(shapes.len(), Vec::new);
    for (shape, rows) in shape_of.into_iter().zip(families) {
        of_shape[shape as usize].push(rows);
    }
    for families in of_shape {
        match &families[..] {
            [only] if only.len() == 1 => grouping.singles.push(only[0] as usize),
            _ => drop(reading::Reading::read(names, families, times, grouping)),
        }
    }
}

/// Reads the images whose names are paths, or that the user's pattern marks.
fn read_by_shape(names: &[&[u8]], images: &[u32], times: Option<&[i64]>, rule: &NameRule, grouping: &mut Grouping) {
    let mut shaper = Shaper::default();
    let mut films: HashMap<Box<[u8]>, Vec<usize>> = HashMap::new();
    for place in images.iter().map(|place| *place as usize) {
        match shaper.shape(names[place], rule) {
            None => grouping.left.push((place, LeftAlone::DoesNotFitPattern)),
            Some(film) => match films.get_mut(film) {
                Some(places) => places.push(place),
                None => drop(films.insert(film.into(), vec![place])),
            },
        }
    }
    for places in films.into_values() {
        let those: Vec<&[u8]> = places.iter().map(|place| names[*place]).collect();
        let times: Option<Vec<i64>> = times.map(|times| places.iter().map(|place| times[*place]).collect());
        let (_, mut part) = Reading::of(&those, times.as_deref(), rule);
        for film in &mut part.films {
            for (_, place) in &mut film.members {
                *place = places[*place];
            }
        }
        grouping.films.append(&mut part.films);
        grouping.singles.extend(part.singles.iter().map(|place| places[*place]));
        grouping.left.extend(part.left.into_iter().map(|(place, why)| (places[place], why)));
    }
}

impl Grouping {
    fn sort(&mut self) {
        self.films.sort_unstable_by(|a, b| a.pattern.cmp(&b.pattern));
        self.singles.sort_unstable();
        self.left.sort_unstable();
    }

    /// Names the single image that is perhaps the first of a film: `x.png` beside `x_01.png`, `x_02.png` and so on.
    fn name_first_frames(&mut self, names: &[&[u8]]) {
        if self.singles.is_empty() || self.films.is_empty() {
            return;
        }
        let mut heads: HashMap<Vec<u8>, usize> = HashMap::new();
        for (at, film) in self.films.iter().enumerate() {
            let Pattern { prefix, suffix, kind, .. } = &film.pattern;
            let begins = matches!(film.members[0].0, 1 | 2) && *kind == Kind::Count;
            let is_extension = suffix.rfind_byte(b'.') == Some(0);
            if begins && is_extension && prefix.last() != Some(&b'.') {
                let head = prefix.trim_end_with(|c| matches!(c, '_' | '-' | '(' | ' '));
                heads.insert([head, suffix].concat(), at);
            }
        }
        for single in &self.singles {
            if let Some(film) = heads.get(names[*single]) {
                self.films[*film].notes.push(Note::PerhapsItsFirst(names[*single].into()));
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
