//! The rules that end a sequence.

use std::fmt;
use std::time::Duration;

use bstr::BString;
use globset::{GlobMatcher, GlobSet};
use serde::{Deserialize, Serialize};

use crate::sequence::FrameNumber;

/// When a sequence of one root is finished, and what happens to its gaps. Built by `config`, read by `tracker`.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Marker files, matched against the bare file name.
    pub final_marker: GlobSet,
    /// A frame whose name matches ends its sequence.
    pub final_frame: Option<GlobMatcher>,
    /// The number of the last frame, reached or passed.
    pub last_frame: Option<FrameNumber>,
    /// How many frames make the sequence, at least one.
    pub frame_count: Option<u64>,
    /// How long a sequence is quiet before it counts as finished.
    pub idle_timeout: IdleTimeout,
    /// The longest that placeholders, unfinished files or a waited-for gap hold a finished sequence open.
    pub max_wait: Duration,
    /// Sequences with fewer frames are left alone. At least one.
    pub min_frames: u64,
    /// What a gap means.
    pub missing_frames: MissingFrames,
    /// What a frame that comes after its batch was sealed opens.
    pub continuation: Continuation,
}

/// How long a sequence is quiet before it counts as finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleTimeout {
    /// Four times the longest pause seen between frames of this sequence, not under 30 s and not over 6 h.
    Auto,
    /// As long as the config says.
    After(Duration),
    /// Silence never ends a sequence: only a marker, a number or a client does.
    Never,
}

/// What is done about a number that has no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingFrames {
    /// The frames that exist follow each other; an anomaly.
    Skip,
    /// The frame before the gap is shown for as long as the gap lasts; an anomaly.
    Hold,
    /// The batch fails.
    Error,
    /// The sequence stays open until the gap is filled; after `max_wait` the batch fails.
    Wait,
}

/// What frames that come after their batch was sealed open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Continuation {
    /// A batch of the new frames alone.
    New,
    /// A batch of the whole sequence, old frames and new, under a new name.
    Extend,
}

/// What ended a sequence. Prints as the log and the journal say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// A marker file appeared; its name.
    Marker(BString),
    /// A frame matched `final_frame`; its number.
    FinalFrame(FrameNumber),
    /// The number of `last_frame` was reached with no gap.
    LastFrame(FrameNumber),
    /// The number of frames of `frame_count` was reached with no gap.
    FrameCount(u64),
    /// A client said so (`reeld done`).
    Client,
    /// Quiet for this many milliseconds.
    Idle(u64),
    /// `reeld encode` takes what is there now.
    Now,
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marker(name) => write!(f, "marker {name}"),
            Self::FinalFrame(number) => write!(f, "final frame {number}"),
            Self::LastFrame(number) => write!(f, "last frame {number} reached"),
            Self::FrameCount(count) => write!(f, "{count} frames reached"),
            Self::Client => f.write_str("`reeld done`"),
            Self::Idle(ms) => write!(f, "quiet for {}.{} s", ms / 1000, ms % 1000 / 100),
            Self::Now => f.write_str("`reeld encode`"),
        }
    }
}
