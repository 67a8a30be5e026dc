//! What a sequence is: names into groups, groups into batches, and when a batch is finished.
//!
//! Owns the words of the house (frame, identity, pattern, batch) and every decision about which file belongs to which
//! video. It never performs I/O and never reads the clock: events and `now` go in, decisions come out, so that all of it
//! can be tested on a simulated clock.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::{BString, ByteSlice as _};
use serde::{Deserialize, Serialize};

use crate::sequence::finish::FinishReason;
use crate::sequence::gaps::NumberRanges;

mod anomaly;
pub mod finish;
mod flaw;
pub mod gaps;
pub mod group;
pub mod name;
pub mod tracker;

pub use anomaly::Anomaly;
pub use flaw::{Flaw, Unreadable};

/// The number in a frame's name: at most nine digits, or a time stamp of up to nineteen; negative where a renderer
/// counts from before zero.
pub type FrameNumber = i64;

/// The very file that was seen: nothing is removed, and nothing counts as encoded, by its name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// Device number of the file system.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Length in bytes.
    pub size: u64,
    /// Last modification, in nanoseconds since the Unix epoch.
    pub mtime_ns: i64,
}

/// How the numbers of one sequence are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Padding {
    /// Numbers without leading zeros: `9`, `10`.
    None,
    /// At least this many digits, filled up with zeros: `0009`, `0010`, `10000`.
    Width(u8),
}

/// What the numbers of a sequence mean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// They count frames: a number that is left out is missing.
    #[default]
    Count,
    /// They are points in time: they order the frames, and nothing is missing between two of them.
    TimeStamp,
    /// They count frames, and a second number behind them steps along, such as the seed of `00001-1234567.png`,
    /// `00002-1234568.png`.
    Stepping {
        /// The bytes between the two numbers.
        between: BString,
        /// The second number minus the first.
        offset: i64,
        /// How the second number is written.
        padding: Padding,
    },
}

/// What the names of one sequence share: everything but the number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pattern {
    /// The bytes before the number.
    pub prefix: BString,
    /// The bytes after the number, the extension as spelt included.
    pub suffix: BString,
    /// How the number is written between them.
    pub padding: Padding,
    /// What the number means.
    #[serde(default)]
    pub kind: Kind,
}

impl Pattern {
    /// A pattern of frames that count.
    #[must_use]
    pub fn new(prefix: impl Into<BString>, suffix: impl Into<BString>, padding: Padding) -> Self {
        Self { prefix: prefix.into(), suffix: suffix.into(), padding, kind: Kind::Count }
    }

    /// The file name of frame `number`. A sign stands before the zeros and does not count for the width.
    #[must_use]
    pub fn name(&self, number: FrameNumber) -> BString {
        let mut name = Vec::with_capacity(self.prefix.len() + self.suffix.len() + 20);
        name.extend_from_slice(&self.prefix);
        self.padding.write(number, &mut name);
        if let Kind::Stepping { between, offset, padding } = &self.kind {
            name.extend_from_slice(between);
            padding.write(number.saturating_add(*offset), &mut name);
        }
        name.extend_from_slice(&self.suffix);
        name.into()
    }

    /// Whether a number that is left out is a missing frame.
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        self.kind != Kind::TimeStamp
    }

    /// The numbers missing between the first and the last of `numbers`, which ascend; none between time stamps.
    #[must_use]
    pub fn missing_from(&self, numbers: impl IntoIterator<Item = FrameNumber>) -> NumberRanges {
        if self.has_gaps() { NumberRanges::missing_from(numbers) } else { NumberRanges::default() }
    }
}

impl Padding {
    fn write(self, number: FrameNumber, name: &mut Vec<u8>) {
        let sign = if number < 0 { "-" } else { "" };
        let digits = number.unsigned_abs();
        let width = match self {
            Self::None => 0,
            Self::Width(width) => usize::from(width),
        };
        name.extend_from_slice(format!("{sign}{digits:0width$}").as_bytes());
    }

    fn hashes(self) -> String {
        "#".repeat(match self {
            Self::None => 1,
            Self::Width(width) => usize::from(width),
        })
    }
}

/// Prints as renderers write it, `shot.####.png`; `#` alone stands for a number without padding. Bytes that are not
/// UTF-8 are replaced, so this is for people only.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix.to_str_lossy(), self.padding.hashes())?;
        if let Kind::Stepping { between, padding, .. } = &self.kind {
            write!(f, "{}{}", between.to_str_lossy(), padding.hashes())?;
        }
        f.write_str(&self.suffix.to_str_lossy())
    }
}

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
    /// What ended the sequence.
    pub reason: FinishReason,
}

impl Batch {
    /// The first and the last number.
    #[must_use]
    pub fn span(&self) -> (FrameNumber, FrameNumber) {
        let number = |frame: Option<&Frame>| frame.map_or(0, |frame| frame.number);
        (number(self.frames.first()), number(self.frames.last()))
    }

    /// Where `frame` lies.
    #[must_use]
    pub fn path_of(&self, frame: &Frame) -> PathBuf {
        self.dir.join(os_name(&frame.file_name(&self.pattern)))
    }
}
