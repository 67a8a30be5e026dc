//! Whatever makes a batch less than perfect. A batch with one keeps its frames, unless the config says otherwise.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sequence::gaps::{NumberRanges, Span};
use crate::sequence::sizes::Size;
use crate::sequence::{FrameNumber, Unreadable};

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Anomaly {
    /// Numbers between the first and the last frame that have no frame.
    Missing {
        /// Which.
        numbers: NumberRanges,
    },
    /// Gaps that are not filled by the frame before, because they are too long.
    NotHeld {
        /// The numbers that have no frame.
        numbers: NumberRanges,
        /// The longest gap that is filled.
        most: u32,
    },
    /// Files that cannot be read, all for one reason.
    Unreadable {
        /// Which.
        numbers: NumberRanges,
        /// What is wrong with them.
        reason: String,
    },
    /// Frames of another size than the others, fitted into theirs. All sizes are one, lest a folder of pictures of any size
    /// be as many lines.
    OtherSize {
        /// Which.
        numbers: NumberRanges,
        /// The size of the first of them.
        such_as: Size,
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
        /// The time by which the last frame before that is called.
        from: String,
        /// That of the first frame after it.
        to: String,
    },
    /// Frames that were written over while others of the same sequence stayed as they were.
    Rewritten {
        /// Which.
        numbers: NumberRanges,
    },
    /// The quality is so low that the proof cannot say more than that it is broadly this film, in this order.
    Coarse,
    /// What the frames say of how they were made is not in the video.
    Untold {
        /// Under which keys it should be there.
        keys: Vec<String>,
    },
    /// Nobody said that it is a film, and it may be single pictures.
    PerhapsStills {
        /// What speaks for either.
        why: String,
    },
}

impl Anomaly {
    /// One anomaly for each reason, however many files there are. The files come by ascending number.
    #[must_use]
    pub fn unreadable(files: impl IntoIterator<Item = Unreadable>) -> Vec<Self> {
        let mut by_reason: BTreeMap<String, Vec<FrameNumber>> = BTreeMap::new();
        for Unreadable { number, reason } in files {
            by_reason.entry(reason).or_default().push(number);
        }
        let mut sorted: Vec<_> = by_reason.into_iter().collect();
        sorted.sort_by_key(|(_, numbers)| numbers.first().copied());
        let anomaly = |(reason, numbers): (_, Vec<_>)| Self::Unreadable {
            numbers: NumberRanges::default().with(&numbers),
            reason,
        };
        sorted.into_iter().map(anomaly).collect()
    }

    /// The numbers of frames that are no part of the video although their files exist.
    pub fn left_out(&self) -> impl Iterator<Item = FrameNumber> {
        let ranges = match self {
            Self::Unreadable { numbers, .. } => Some(numbers),
            Self::Missing { .. }
            | Self::NotHeld { .. }
            | Self::OtherSize { .. }
            | Self::OutOfOrder { .. }
            | Self::ClockSetBack { .. }
            | Self::Rewritten { .. }
            | Self::Coarse
            | Self::Untold { .. }
            | Self::PerhapsStills { .. } => None,
        };
        ranges.into_iter().flat_map(NumberRanges::numbers)
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
            Self::Coarse => {
                Some("a better `quality` can be proved; `cleanup = \"trash\"` and \"archive\" lose nothing")
            }
            Self::Untold { .. } => {
                Some("FFmpeg was told to write it; another version may, and `metadata = false` does without")
            }
            Self::Rewritten { .. } => Some("two runs may be mixed; give each run a folder or a name of its own"),
            Self::PerhapsStills { .. } => Some(
                "a marker, `last_frame` or `reeld done` says that it is a film; `stills` says what becomes of others",
            ),
            Self::OtherSize { .. } => Some(
                "make them again in the size of the others; with `size_change = \"split\"`, the default, 8 and more of one \
                 size are a video of their own",
            ),
            Self::NotHeld { .. } => {
                Some("a number that is not a frame's may be among them; `max_hold` says how much is filled")
            }
            Self::Missing { .. } | Self::Unreadable { .. } => None,
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerhapsStills { why } => f.write_str(why),
            Self::Coarse => {
                f.write_str("at this quality the video can only be proved to be broadly these frames, in this order")
            }
            Self::Untold { keys } => write!(f, "not in the video as the frames have it: `{}`", keys.join("`, `")),
            Self::Missing { numbers } => write!(f, "missing: {numbers}"),
            Self::NotHeld { numbers, most } => {
                write!(f, "not filled by the frame before, since that would be more than {most} frames: {numbers}")
            }
            Self::Unreadable { numbers, reason } => {
                let word = if numbers.count() == 1 { "frame" } else { "frames" };
                write!(f, "{word} {numbers} cannot be read: {reason}")
            }
            Self::OtherSize { numbers, such_as: (width, height) } if numbers.count() == 1 => {
                write!(f, "frame {numbers} has another size: {width}x{height}")
            }
            Self::OtherSize { numbers, such_as: (width, height) } => {
                write!(f, "frames {numbers} have other sizes than most, such as {width}x{height}")
            }
            Self::OutOfOrder { newer: (first, last), older: (next, end) } => {
                let (newer, older) = (Span(*first, *last), Span(*next, *end));
                write!(f, "frames {newer} are newer than frames {older}, which come after them")
            }
            Self::ClockSetBack { from, to } => {
                write!(f, "the clock went backwards: {from} was written before {to}")
            }
            Self::Rewritten { numbers } => write!(f, "written over while the sequence was open: {numbers}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_read_for_one_reason_are_one_anomaly() {
        let file = |number, reason: &str| Unreadable { number, reason: reason.to_owned() };
        let files = [file(2, "zebra"), file(3, "zebra"), file(5, "ape"), file(9, "zebra")];
        let anomalies = Anomaly::unreadable(files);
        let text: Vec<String> = anomalies.iter().map(ToString::to_string).collect();
        assert_eq!(text, ["frames 2-3, 9 cannot be read: zebra", "frame 5 cannot be read: ape"]);
        assert_eq!(anomalies.iter().flat_map(Anomaly::left_out).collect::<Vec<_>>(), [2, 3, 9, 5]);
    }
}
