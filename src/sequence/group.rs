//! The names of a folder -> films.
//!
//! Owns the decision which names are one film and in which order, and the reason of each image that is in none. It
//! performs no I/O, never reads the clock, and never decides anything for one name: the other names of its folder do.
#![doc = include_str!("group/deciding.md")]

use crate::sequence::name::NameRule;
use crate::sequence::{FrameNumber, Pattern};

pub mod old;
mod reading;
mod reason;
mod shape;

pub(crate) use old::{Choice, Splitter, divide, paddings};
pub(crate) use reading::{Placed, Reading};
pub use reason::{Held, LeftAlone, Note};
pub(crate) use shape::Shaper;

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
    pub held: Option<Held>,
    /// What is worth knowing of it.
    pub notes: Vec<Note>,
}

/// Where each image among the names of one folder belongs. `times` are those of the files, one for each name, in any
/// unit; without them, and where one is not known, names alone decide.
#[must_use]
pub fn group<N: AsRef<[u8]>>(_names: &[N], _times: Option<&[i64]>, _rule: &NameRule) -> Grouping {
    Grouping::default()
}
