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
}

impl Anomaly {
    /// The number of a frame that is no part of the reel although its file exists.
    #[must_use]
    pub fn left_out(&self) -> Option<FrameNumber> {
        match self {
            Self::Unreadable { number, .. } => Some(*number),
            Self::Missing { .. } | Self::OtherSize { .. } => None,
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { numbers } => write!(f, "missing: {numbers}"),
            Self::Unreadable { number, reason } => write!(f, "frame {number} cannot be read: {reason}"),
            Self::OtherSize { number, width, height } => write!(f, "frame {number} has another size: {width}x{height}"),
        }
    }
}
