//! What people and programs are told of a sequence that is not a video yet. Plain data.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sequence::FrameNumber;
use crate::sequence::gaps::NumberRanges;

/// A sequence that has frames in no batch yet, or is being made into one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSequence {
    /// The folder; bytes that are not UTF-8 are replaced.
    pub dir: String,
    /// What its names share, as people read it.
    pub pattern: String,
    /// Frames that the next batch would hold.
    pub count: u64,
    /// Frames that are in a batch already.
    pub taken: u64,
    /// Images that are left alone, as single pictures or for being too few.
    pub aside: u64,
    /// Why.
    pub why: Option<String>,
    /// The first number of the next batch.
    pub first: FrameNumber,
    /// Its last number.
    pub last: FrameNumber,
    /// From the one to the other, as people say it.
    pub span: String,
    /// Its missing numbers.
    pub missing: NumberRanges,
    /// How far it is.
    pub state: Stage,
    /// What it waits for although it is finished.
    pub held: Option<Held>,
    /// Who makes it, as far as is known, and what tells; `None` where nothing does.
    pub made_by: Option<String>,
    /// Milliseconds since any of its files changed.
    pub quiet_ms: u64,
    /// The usual milliseconds between two of its changes; 0 before there were two, and where it is left alone.
    pub pace_ms: u64,
    /// Milliseconds until silence ends it, should nothing more come; `None` where silence does not.
    pub ends_in_ms: Option<u64>,
}

/// Milliseconds from one moment to another; 0 where that is not later.
pub(super) fn ms_between(one: Duration, other: Duration) -> u64 {
    u64::try_from(other.saturating_sub(one).as_millis()).unwrap_or(u64::MAX)
}

/// How far a sequence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// No rule has ended it.
    Open,
    /// Its files are being looked at.
    Inspecting,
    /// It is finished, but files are unfinished, or a gap is waited for.
    Held,
    /// It is finished, but has too few frames for a video.
    #[serde(rename = "too few frames")]
    TooFew,
    /// Its numbers look like versions or sizes: it is made only where `pattern` says which digits count.
    #[serde(rename = "looks like no frames")]
    LooksLikeNoFrames,
    /// Its images look like single pictures, or are of runs that are too short for a video.
    #[serde(rename = "single pictures")]
    Stills,
    /// It was there before its root was first watched: silence does not end it.
    #[serde(rename = "was there before")]
    Existing,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Inspecting => "inspecting",
            Self::Held => "held",
            Self::TooFew => "too few frames",
            Self::LooksLikeNoFrames => "looks like no frames",
            Self::Stills => "single pictures",
            Self::Existing => "was there before",
        })
    }
}

/// What a finished sequence waits for. Prints as `waits up to 30 s for shot.0005.png: the file is empty`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The file's name; nothing where numbers are missing.
    pub file: Option<String>,
    /// How many files more are waited for.
    pub more: usize,
    /// What is wrong, as a phrase.
    pub why: String,
    /// For how long at most, in milliseconds from now.
    pub left_ms: u64,
    /// What the user can do about it.
    pub hint: String,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.left_ms.div_ceil(1000);
        let left = match seconds {
            0..120 => format!("{seconds} s"),
            120..7200 => format!("{} min", seconds.div_ceil(60)),
            _ => format!("{} h", seconds.div_ceil(3600)),
        };
        write!(f, "waits up to {left}")?;
        if let Some(file) = &self.file {
            write!(f, " for {file}")?;
        }
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        write!(f, ": {}", self.why)
    }
}
