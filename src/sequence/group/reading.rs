//! How the names of one shape were read, and where one more name belongs.

use crate::sequence::group::Grouping;
use crate::sequence::group::reason::LeftAlone;
use crate::sequence::name::NameRule;
use crate::sequence::{FrameNumber, Pattern};

/// How all names of one shape were read. Places further names without the others.
#[derive(Debug)]
pub(crate) struct Reading {
    films: Vec<Pattern>,
    stale: bool,
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
    },
    /// It goes with no other name so far.
    Single,
    /// It is no frame.
    Left(LeftAlone),
}

impl Reading {
    /// Reads all names of one shape. The result depends on the set of names alone. Times are those of the files, one
    /// for each name, in any unit.
    pub(crate) fn of<N: AsRef<[u8]>>(_names: &[N], _times: Option<&[i64]>, _rule: &NameRule) -> (Self, Grouping) {
        (Self { films: Vec::new(), stale: false }, Grouping::default())
    }

    /// Where `name`, which is of this shape, belongs: by the reading as it is, and without the other names. `None` where
    /// the names must be read anew. A name that was read gets the answer that its grouping gave. The caller knows which
    /// names it has: where another name has the number already, the names must be read anew too.
    pub(crate) fn place(&mut self, _name: &[u8]) -> Option<Placed> {
        None
    }

    /// What the names of `film` share.
    pub(crate) fn pattern(&self, film: u32) -> &Pattern {
        &self.films[film as usize]
    }

    /// Whether names were placed since that may change the reading. It must be read anew before a film of it is sealed.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }
}
