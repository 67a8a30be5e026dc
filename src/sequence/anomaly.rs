//! Whatever makes a batch less than perfect. A batch with one keeps its frames, unless the config says otherwise.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sequence::FrameNumber;
use crate::sequence::gaps::NumberRanges;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Anomaly {
    /// Numbers between the first and the last frame that have no frame.
    Missing {
        /// Which.
        numbers: NumberRanges,
    },
    /// A file that is no whole image.
    Unreadable {
        /// The frame's number.
        number: FrameNumber,
        /// What is wrong with it.
        reason: String,
    },
    /// A frame of another size than the others, fitted into theirs.
    OtherSize {
        /// The frame's number.
        number: FrameNumber,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// Frames that are newer than all of those after them: a second run wrote over the first, or the counter began again.
    OutOfOrder {
        /// The first and the last of them.
        newer: (FrameNumber, FrameNumber),
        /// The first and the last of those after them.
        older: (FrameNumber, FrameNumber),
    },
    /// The clock that the names come from went backwards.
    ClockSetBack {
        /// The stamp before.
        from: FrameNumber,
        /// The stamp after.
        to: FrameNumber,
    },
    /// Frames that were written over while others of the same sequence stayed as they were.
    Rewritten {
        /// Which.
        numbers: NumberRanges,
    },
}

impl Anomaly {
    /// The number of a frame that is no part of the reel although its file exists.
    #[must_use]
    pub fn left_out(&self) -> Option<FrameNumber> {
        match self {
            Self::Unreadable { number, .. } => Some(*number),
            Self::Missing { .. }
            | Self::OtherSize { .. }
            | Self::OutOfOrder { .. }
            | Self::ClockSetBack { .. }
            | Self::Rewritten { .. } => None,
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OutOfOrder { .. } => Some(
                "two runs are mixed, or the counter began again; `order = \"time\"` shows frames in the order in which \
                 they were written",
            ),
            Self::ClockSetBack { .. } => {
                Some("`order = \"time\"` shows frames in the order in which they were written")
            }
            Self::Rewritten { .. } => Some("two runs may be mixed; give each run a folder or a name of its own"),
            Self::Missing { .. } | Self::Unreadable { .. } | Self::OtherSize { .. } => None,
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { numbers } => write!(f, "missing: {numbers}"),
            Self::Unreadable { number, reason } => write!(f, "frame {number} cannot be read: {reason}"),
            Self::OtherSize { number, width, height } => write!(f, "frame {number} has another size: {width}x{height}"),
            Self::OutOfOrder { newer: (first, last), older: (next, end) } => {
                write!(f, "frames {first}-{last} are newer than frames {next}-{end}, which come after them")
            }
            Self::ClockSetBack { from, to } => {
                write!(f, "the clock went backwards: {from} was written before {to}")
            }
            Self::Rewritten { numbers } => write!(f, "written over while the sequence was open: {numbers}"),
        }
    }
}
