//! A piece of evidence that counted: its points, and one plain line.

use std::fmt;

use super::names::Subject;

/// A piece of evidence that counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The embedded texts differ only in a frame counter.
    TextCountsFrames,
    /// They differ only in an index, or the name of the source.
    TextCountsSources,
    /// They are the same.
    TextSame,
    /// They differ only in seeds.
    TextSeeds,
    /// They differ only in seeds, and the order of the pictures does not matter.
    Variations,
    /// They differ in other numbers.
    TextNumbers,
    /// They differ in words.
    TextWords,
    /// The pauses are much the same.
    Steady,
    /// The pauses are long and irregular.
    Person,
    /// There was a long rest between two of them.
    Rest,
    /// The folder has the name of a film's.
    FilmFolder,
    /// The pictures show something else after a pause that was longer than usual.
    Breaks,
    /// The folder has the name of one for mixed use.
    MixedFolder,
    /// The folder has the name of a day.
    DayFolder,
    /// The names are those of something else than a film.
    Subject(Subject),
    /// A video or settings of the same name beside each.
    Companions,
    /// More than two frames have another size than most.
    Sizes {
        /// Sizes.
        sizes: usize,
        /// Frames.
        frames: usize,
    },
    /// The numbers have irregular gaps.
    Sparse,
    /// Fewer than 8 frames.
    Few(usize),
    /// 24 frames and more.
    Many,
    /// So many pictures are alike.
    Alike(usize),
    /// They are one picture, again and again, and neither the pace nor the text tells of a film.
    Unchanged,
    /// The pictures are not alike, but near.
    Near,
    /// The order of this many pictures matters.
    InOrder(usize),
    /// The order of this many pictures does not matter.
    NoOrder(usize),
    /// So many pictures are unlike.
    Unlike(usize),
    /// Their generator writes them beside its frames: grids, masks. It overrules all others.
    Beside(&'static str),
    /// Renderers and cameras work like that, whatever they show. It has no points, but overrules them.
    Regular,
}

impl Reason {
    /// How much it speaks for a film.
    #[must_use]
    pub fn points(&self) -> i32 {
        match self {
            Self::TextCountsFrames | Self::TextCountsSources => 4,
            Self::Alike(8..) | Self::InOrder(12..) => 3,
            Self::Alike(4..) | Self::InOrder(_) => 2,
            Self::TextSame
            | Self::Steady
            | Self::FilmFolder
            | Self::Many
            | Self::Alike(_)
            | Self::Unchanged
            | Self::Near => 1,
            Self::TextSeeds | Self::Rest | Self::Breaks | Self::Regular => 0,
            Self::MixedFolder | Self::DayFolder | Self::Few(4..) | Self::NoOrder(..12) => -1,
            Self::TextNumbers | Self::Person | Self::Few(_) | Self::NoOrder(..24) | Self::Unlike(..4) => -2,
            Self::Variations | Self::Sparse | Self::NoOrder(_) | Self::Unlike(_) => -3,
            Self::TextWords | Self::Subject(_) | Self::Beside(_) | Self::Companions | Self::Sizes { .. } => -4,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TextCountsFrames => "the prompts or stamps count frames",
            Self::TextCountsSources => "the prompts differ only in the picture that was loaded",
            Self::TextSame => "the prompts are the same",
            Self::TextSeeds => "the prompts differ only in the seed",
            Self::Variations => "the prompts differ only in the seed, as those of variations do",
            Self::TextNumbers => "the prompts differ in numbers",
            Self::TextWords => "the prompts differ in words",
            Self::Steady => "the frames came at a steady pace",
            Self::Person => "the files came minutes apart and irregularly",
            Self::Rest => "there was a long rest between two of the frames",
            Self::FilmFolder => "the folder has the name of a film's",
            Self::Breaks => "after a long pause they show something else",
            Self::MixedFolder => "the folder has the name of one for all sorts of pictures",
            Self::DayFolder => "the folder has the name of a day, and may hold all sorts of pictures",
            Self::Subject(Subject::Udim) => "the names are those of UDIM tiles",
            Self::Subject(Subject::Texture) => "the names are those of textures",
            Self::Subject(Subject::Icon) => "the names are those of icons",
            Self::Beside(what) => return write!(f, "they are {what}, which their generator writes beside its frames"),
            Self::Companions => "a video or settings of the same name beside each file",
            Self::Sizes { sizes, frames } => return write!(f, "{sizes} sizes in {frames} frames"),
            Self::Sparse => "the numbers have irregular gaps",
            Self::Few(1) => "only one frame",
            Self::Few(count) => return write!(f, "only {count} frames"),
            Self::Many => "24 frames or more",
            Self::Alike(_) => "each picture resembles its neighbours",
            Self::Unchanged => "the pictures are all the same",
            Self::Near => "each picture resembles its neighbours a little",
            Self::InOrder(_) => "the pictures change in order",
            Self::NoOrder(_) => "the order of the pictures does not matter",
            Self::Unlike(_) => "the pictures are unlike their neighbours",
            Self::Regular => "frames of one size at a steady pace may be a film whatever they show",
        })
    }
}
