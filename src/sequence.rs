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

pub mod finish;
pub mod gaps;
pub mod group;
pub mod name;
pub mod tracker;

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

/// What the names of one sequence share: everything but the number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pattern {
    /// The bytes before the number.
    pub prefix: BString,
    /// The bytes after the number, the extension as spelt included.
    pub suffix: BString,
    /// How the number is written between them.
    pub padding: Padding,
}

impl Pattern {
    /// The file name of frame `number`. A sign stands before the zeros and does not count for the width.
    #[must_use]
    pub fn name(&self, number: FrameNumber) -> BString {
        let sign = if number < 0 { "-" } else { "" };
        let digits = number.unsigned_abs();
        let width = match self.padding {
            Padding::None => 0,
            Padding::Width(width) => usize::from(width),
        };
        let mut name = self.prefix.clone();
        name.extend_from_slice(format!("{sign}{digits:0width$}").as_bytes());
        name.extend_from_slice(&self.suffix);
        name
    }
}

/// Prints as renderers write it, `shot.####.png`; `#` alone stands for a number without padding. Bytes that are not
/// UTF-8 are replaced, so this is for people only.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hashes = match self.padding {
            Padding::None => 1,
            Padding::Width(width) => usize::from(width),
        };
        let hashes = "#".repeat(hashes);
        write!(f, "{}{hashes}{}", self.prefix.to_str_lossy(), self.suffix.to_str_lossy())
    }
}

/// One image file of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Its number.
    pub number: FrameNumber,
    /// The very file that was seen.
    pub identity: Identity,
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
    /// Numbers between the first and the last frame that have no frame. Empty for time stamps.
    pub missing: NumberRanges,
    /// What ended the sequence.
    pub reason: FinishReason,
}

impl Batch {
    /// Where `frame` lies.
    #[must_use]
    pub fn path_of(&self, frame: &Frame) -> PathBuf {
        self.dir.join(OsStr::from_bytes(&self.pattern.name(frame.number)))
    }
}
