//! What the names of one film share.
//!
//! Owns how a pattern is written, read back from the journal, and shown; and what its numbers mean. It decides nothing
//! about which names it is the pattern of: that is `group`.

use std::fmt;

use bstr::{BString, ByteSlice as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sequence::FrameNumber;
use crate::sequence::gaps::{NumberRanges, Spacing, Span};
use crate::sequence::group::LooksLike;

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
    /// They count frames, and a second number after them steps along, such as the seed of `00001-1234567.png`,
    /// `00002-1234568.png`.
    Stepping {
        /// The bytes between the two numbers.
        between: BString,
        /// The second number minus the first.
        offset: i64,
        /// How the second number is written.
        padding: Padding,
    },
    /// Several parts of a name vary. The number alone does not give the name.
    Keyed {
        /// What stands between the prefix and the suffix.
        parts: Vec<KeyPart>,
        /// Whether the numbers are points in time: nanoseconds since 1970, and added to them the counter within.
        time: bool,
    },
    /// A regular expression of the user marks the number. The number alone does not give the name.
    Asked {
        /// The regular expression.
        pattern: String,
        /// What its groups named `film` found.
        film: Vec<BString>,
        /// Whether the numbers are points in time.
        time: bool,
    },
    /// The frames are in folders that follow each other, and their names are paths. The rest of the pattern is that of the
    /// file names. The number alone does not give the name.
    Folders {
        /// The folders as people see them: `{stamp}/`, `#MEDIA/`.
        path: BString,
        /// What the numbers of the file names mean.
        files: Box<Kind>,
        /// How one folder follows the other.
        across: Across,
    },
}

/// How the numbers of files in folders that follow each other become one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Across {
    /// They go on from folder to folder, and are the order by themselves.
    GoesOn,
    /// They begin again in each folder: they are added to the number of the folder.
    Again {
        /// What they stay below.
        below: i64,
        /// Whether the folders' numbers are points in time.
        time: bool,
    },
}

/// A part of a name between the prefix and the suffix of its pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPart {
    /// The same in all names.
    Text(BString),
    /// A counter that orders the frames.
    Number(Padding),
    /// A point in time, in the form that is named.
    Stamp(String),
    /// What goes along, and orders nothing.
    Along,
}

/// What the names of one sequence share: everything but the number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pattern {
    /// The bytes before the first thing that varies.
    pub prefix: BString,
    /// The bytes after the last thing that varies, the extension as spelt included.
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

    /// The file name of frame `number` where prefix, number and suffix are all of it. A sign stands before the zeros and
    /// does not count for the width. Where the frames are in folders that follow each other, it is no file's name.
    #[must_use]
    pub fn name(&self, number: FrameNumber) -> BString {
        let mut name = Vec::with_capacity(self.prefix.len() + self.suffix.len() + 20);
        if let Kind::Folders { path, .. } = &self.kind {
            name.extend_from_slice(path);
        }
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
        self.kind.has_gaps()
    }

    /// The numbers missing between the first and the last of `numbers`, which ascend, in their constant step; none
    /// between points in time.
    #[must_use]
    pub fn missing_from(&self, numbers: impl IntoIterator<Item = FrameNumber>) -> NumberRanges {
        if self.has_gaps() { NumberRanges::missing_from(numbers) } else { NumberRanges::default() }
    }

    /// How far apart `numbers` are, which ascend.
    #[must_use]
    pub fn spacing_of(&self, numbers: impl IntoIterator<Item = FrameNumber>) -> Spacing {
        if self.has_gaps() { Spacing::of_count(numbers) } else { Spacing::Free }
    }

    /// What people call the place of a frame: its number, or its time as `2023-03-24_23-58-50`. A time of day without a date
    /// is `23-58-50`.
    #[must_use]
    pub fn label(&self, number: FrameNumber) -> String {
        self.kind.label(number)
    }

    /// From the first to the last frame, as [`label`](Self::label) says it.
    #[must_use]
    pub fn span(&self, first: FrameNumber, last: FrameNumber) -> String {
        if self.has_gaps() {
            Span(first, last).to_string()
        } else {
            format!("{} to {}", self.label(first), self.label(last))
        }
    }

    /// What the numbers look like if they are perhaps no frames of a film. `first` to `last` are `count` numbers. Judged
    /// when a film is sealed, like its gaps; a pattern of the user overrules it.
    #[must_use]
    pub fn looks_like(&self, first: FrameNumber, last: FrameNumber, count: usize) -> Option<LooksLike> {
        let (keyed, behind): (bool, Option<&KeyPart>) = match self.kind.of_files() {
            Kind::Count => (false, None),
            Kind::Keyed { parts, time: false } => match parts.as_slice() {
                [KeyPart::Number(_), rest @ ..] => (true, rest.first()),
                _ => return None,
            },
            _ => return None,
        };
        if is_version(&self.prefix) {
            return Some(LooksLike::Versions);
        }
        let after = match behind {
            Some(KeyPart::Text(text)) => text.as_slice(),
            _ => &self.suffix,
        };
        let lengths = self.padding == Padding::None && first >= 100 && last <= 99_999;
        let side = ends_in_length_and_cross(&self.prefix)
            || starts_with_cross_and_length(after)
            || (keyed && matches!(after, b"x" | b"X"));
        let steps_by_one = !keyed && last.abs_diff(first).checked_add(1) == u64::try_from(count).ok();
        (lengths && side && !steps_by_one).then_some(LooksLike::Sizes)
    }
}

/// A day in nanoseconds.
pub(crate) const DAY_NS: i64 = 24 * 60 * 60 * 1_000_000_000;

impl Kind {
    /// What the numbers in the bare file names mean.
    pub(crate) fn of_files(&self) -> &Self {
        if let Self::Folders { files, .. } = self { files } else { self }
    }

    fn has_gaps(&self) -> bool {
        match self {
            // Where numbers begin again, nobody knows how many there were to be before the next folder.
            Self::TimeStamp
            | Self::Keyed { time: true, .. }
            | Self::Asked { time: true, .. }
            | Self::Folders { across: Across::Again { .. }, .. } => false,
            Self::Folders { files, across: Across::GoesOn, .. } => files.has_gaps(),
            _ => true,
        }
    }

    fn label(&self, number: FrameNumber) -> String {
        let in_form = |number: FrameNumber, form: &str| {
            Timestamp::from_nanosecond(number.into())
                .map_or_else(|_| number.to_string(), |time| time.strftime(form).to_string())
        };
        match self {
            Self::Keyed { time: true, .. } | Self::Asked { time: true, .. } => {
                in_form(number, if (0..DAY_NS).contains(&number) { "%H-%M-%S" } else { "%Y-%m-%d_%H-%M-%S" })
            }
            Self::Folders { files, across: Across::GoesOn, .. } => files.label(number),
            Self::Folders { files, across: Across::Again { below, time }, .. } => {
                let below = (*below).max(1);
                let (folder, file) = (number.div_euclid(below), number.rem_euclid(below));
                let folder = match time {
                    true if below == DAY_NS => in_form(number - file, "%Y-%m-%d"),
                    true => in_form(number - file, "%Y-%m-%d_%H-%M-%S"),
                    false => folder.to_string(),
                };
                format!("{folder}/{}", files.label(file))
            }
            _ => number.to_string(),
        }
    }
}

/// Whether a number after these bytes is a version: `v001`, `shot_V2`; but not `conv001`, whose `v` ends a word.
pub(crate) fn is_version(before: &[u8]) -> bool {
    match before {
        [.., letter, b'v' | b'V'] => !letter.is_ascii_alphabetic(),
        [b'v' | b'V'] => true,
        _ => false,
    }
}

/// Whether digits can be a half of `1920x1080`.
pub(crate) fn is_length(digits: &[u8]) -> bool {
    (3..=5).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit)
}

fn ends_in_length_and_cross(text: &[u8]) -> bool {
    let Some((b'x' | b'X', before)) = text.split_last() else { return false };
    let from = before.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    is_length(&before[from..])
}

fn starts_with_cross_and_length(text: &[u8]) -> bool {
    let Some((b'x' | b'X', after)) = text.split_first() else { return false };
    let to = after.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(after.len());
    is_length(&after[..to])
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

/// Prints as renderers write it, `shot.####.png`; `#` alone stands for a number without padding, `{stamp}` for a point in
/// time, `*` for what goes along. Bytes that are not UTF-8 are replaced, so this is for people only.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Kind::Folders { path, .. } = &self.kind {
            f.write_str(&path.to_str_lossy())?;
        }
        if let Kind::Asked { pattern, film, .. } = self.kind.of_files() {
            f.write_str(pattern)?;
            return film.iter().try_for_each(|word| write!(f, " {}", word.to_str_lossy()));
        }
        f.write_str(&self.prefix.to_str_lossy())?;
        match self.kind.of_files() {
            Kind::Keyed { parts, .. } => parts.iter().try_for_each(|part| match part {
                KeyPart::Text(text) => f.write_str(&text.to_str_lossy()),
                KeyPart::Number(padding) => f.write_str(&padding.hashes()),
                KeyPart::Stamp(_) => f.write_str("{stamp}"),
                KeyPart::Along => f.write_str("*"),
            })?,
            Kind::Stepping { between, padding, .. } => {
                write!(f, "{}{}{}", self.padding.hashes(), between.to_str_lossy(), padding.hashes())?;
            }
            _ => f.write_str(&self.padding.hashes())?,
        }
        f.write_str(&self.suffix.to_str_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(parts: Vec<KeyPart>, time: bool) -> Pattern {
        let kind = Kind::Keyed { parts, time };
        Pattern { prefix: "cam_".into(), suffix: "_L.jpg".into(), padding: Padding::None, kind }
    }

    #[test]
    fn rows_of_earlier_journals_are_read() {
        let row =
            |kind: &str| format!(r#"{{"prefix":[97,95],"suffix":[46,112,110,103],"padding":{{"Width":4}}{kind}}}"#);
        let read = |kind: &str| serde_json::from_str::<Pattern>(&row(kind)).unwrap();
        assert_eq!(read(""), Pattern::new("a_", ".png", Padding::Width(4)));
        assert_eq!(read(r#","kind":"count""#).kind, Kind::Count);
        assert_eq!(read(r#","kind":"time_stamp""#).kind, Kind::TimeStamp);
        let stepping = r#","kind":{"stepping":{"between":[45],"offset":7,"padding":"None"}}"#;
        assert_eq!(read(stepping).name(3), "a_0003-10.png");
    }

    #[test]
    fn patterns_of_several_parts_show_what_varies_and_come_back() {
        let stamp = KeyPart::Stamp("YMD hms".into());
        let pattern = keyed(vec![stamp, KeyPart::Text("_".into()), KeyPart::Number(Padding::Width(4))], true);
        assert_eq!(pattern.to_string(), "cam_{stamp}_####_L.jpg");
        assert!(!pattern.has_gaps());
        let text = serde_json::to_string(&pattern).unwrap();
        assert_eq!(serde_json::from_str::<Pattern>(&text).unwrap(), pattern);
        let count = keyed(vec![KeyPart::Number(Padding::None), KeyPart::Text("-".into()), KeyPart::Along], false);
        assert_eq!((count.to_string().as_str(), count.has_gaps()), ("cam_#-*_L.jpg", true));
    }

    #[test]
    fn places_are_called_what_people_call_them() {
        let clock = keyed(vec![KeyPart::Stamp("YMD hms".into())], true);
        let number = 1_679_702_330_000_000_000;
        assert_eq!(clock.label(number), "2023-03-24_23-58-50");
        assert_eq!(clock.label(75_530_000_000_000), "20-58-50");
        assert_eq!(clock.span(75_530_000_000_000, number), "20-58-50 to 2023-03-24_23-58-50");
        let count = Pattern::new("a_", ".png", Padding::Width(4));
        assert_eq!((count.span(1, 8), count.span(-30, -1)), ("1-8".to_owned(), "-30 to -1".to_owned()));
    }

    #[test]
    fn versions_and_sizes_do_not_look_like_frames() {
        let looks = |prefix: &str, suffix: &str, first, last, count| {
            Pattern::new(prefix, suffix, Padding::None).looks_like(first, last, count)
        };
        assert_eq!(looks("clip_v", ".png", 1, 3, 3), Some(LooksLike::Versions));
        assert_eq!(looks("conv", ".png", 1, 3, 3), None);
        assert_eq!(looks("a_1920x", ".png", 1080, 1200, 2), Some(LooksLike::Sizes));
        assert_eq!(looks("a_1920x", ".png", 1077, 1083, 7), None);
        assert_eq!(looks("a_", "x1080.png", 1280, 1920, 2), Some(LooksLike::Sizes));
        assert_eq!(looks("s101x", ".png", 998, 1003, 6), None);
        assert_eq!(looks("4x", ".png", 100, 200, 2), None);
        assert_eq!(looks("a_", ".png", -9_000_000_000_000_000_000, 9_000_000_000_000_000_000, 2), None);
    }
}
