//! What a sequence is: names into groups, groups into batches, and when a batch is finished.
//!
//! Owns the words of the house (frame, identity, pattern, batch) and every decision about which file belongs to which
//! video. It never performs I/O and never reads the clock: events and `now` go in, decisions come out, so that all of it
//! can be tested on a simulated clock.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::BString;
use serde::{Deserialize, Serialize};

use crate::model::Identity;
use crate::sequence::finish::FinishReason;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::generator::MadeBy;
use crate::sequence::rate::MakersRate;

mod anomaly;
pub mod existing;
pub mod film;
pub mod finish;
mod flaw;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod gaps;
pub mod generator;
pub mod group;
pub mod name;
pub mod order;
pub mod origin;
mod pattern;
pub mod playback;
pub mod rate;
pub mod sizes;
pub mod tracker;

pub use anomaly::Anomaly;
pub use flaw::{Flaw, Unreadable};
pub(crate) use pattern::DAY_NS;
pub use pattern::{Across, KeyPart, Kind, Padding, Pattern};

/// What orders a frame in its film: the count in its name, negative where a renderer counts from before zero; the digits of
/// a time stamp; or, where several parts of the name order it, nanoseconds since 1970.
pub type FrameNumber = i64;

/// A name as the file system takes it: bytes.
#[must_use]
pub fn os_name(name: &[u8]) -> &OsStr {
    OsStr::from_bytes(name)
}

/// One image file of a sequence.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Its number.
    pub number: FrameNumber,
    /// Its name, where the pattern does not give it: a key of several parts cannot be printed from one number. Most
    /// frames have none, so that a long sequence costs no name a frame.
    pub name: Option<FrameName>,
    /// The very file that was seen.
    pub identity: Identity,
}

/// The name of one file. Shared, because a frame is passed on often.
pub type FrameName = Arc<[u8]>;

/// Two frames are the same if they are the same file at the same place of their sequence. The name is only the way to the
/// file, and records of chunks are kept without it.
impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        (self.number, self.identity) == (other.number, other.identity)
    }
}

impl Eq for Frame {}

impl Frame {
    /// The frame that the file `name` is in the sequence of `pattern`.
    #[must_use]
    pub fn of(pattern: &Pattern, name: &[u8], number: FrameNumber, identity: Identity) -> Self {
        let name = (pattern.name(number) != name).then(|| Arc::from(name));
        Self { number, name, identity }
    }

    /// The file's name; `pattern` is that of its sequence.
    #[must_use]
    pub fn file_name(&self, pattern: &Pattern) -> BString {
        self.name.as_ref().map_or_else(|| pattern.name(self.number), |name| BString::from(&**name))
    }
}

/// The frozen, ordered list of frames that becomes one video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The folder that holds the frames.
    pub dir: Arc<Path>,
    /// What their names share.
    pub pattern: Pattern,
    /// The frames, by ascending number, at least one.
    pub frames: Vec<Frame>,
    /// Numbers of the sequence that have no frame in `frames`: those between the first and the last that no file has, and
    /// the unreadable ones. Empty for time stamps.
    pub missing: NumberRanges,
    /// Files that are there, but are no images that can be read. By ascending number.
    pub unreadable: Vec<Unreadable>,
    /// Numbers whose files were written over while the sequence was open and others stayed as they were.
    pub rewritten: NumberRanges,
    /// Images beside the frames that are the previews of them. They are no frames, and stay none after the frames are gone.
    pub previews: Vec<(BString, Identity)>,
    /// What ended the sequence.
    pub reason: FinishReason,
    /// What it was taken for, where nobody said that it is a film.
    pub taken_for: Option<TakenFor>,
    /// The rate that the maker of the frames says, if it does.
    pub makers_rate: Option<MakersRate>,
    /// Who made the frames, as far as their files were looked at.
    pub made_by: Option<MadeBy>,
}

/// What a sequence was taken for that ended because nothing more came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenFor {
    /// It surely is a film. Otherwise its frames stay, whatever the settings say.
    pub surely_film: bool,
    /// The verdict with its reasons, as a sentence.
    pub why: String,
}

impl Batch {
    /// The first and the last number.
    #[must_use]
    pub fn span(&self) -> (FrameNumber, FrameNumber) {
        let number = |frame: Option<&Frame>| frame.map_or(0, |frame| frame.number);
        (number(self.frames.first()), number(self.frames.last()))
    }

    /// The path of `frame`.
    #[must_use]
    pub fn path_of(&self, frame: &Frame) -> PathBuf {
        self.dir.join(os_name(&frame.file_name(&self.pattern)))
    }
}
