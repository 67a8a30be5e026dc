//! A file name -> prefix, number, width, suffix.
//!
//! Owns which names can be frames at all, and which digits of a name can be its number. Names are bytes: nothing here
//! needs them to be UTF-8. Which of several candidates wins depends on the other names of the folder; that is `group`.

use bstr::ByteSlice as _;
use regex::bytes::Regex;

use crate::sequence::Padding;
use crate::sequence::name::template::Template;

pub(crate) mod runs;
mod template;
pub mod unsupported;

/// Extensions of still images, in lower case.
const EXTENSIONS: [&str; 14] =
    ["png", "jpg", "jpeg", "webp", "tif", "tiff", "exr", "bmp", "tga", "qoi", "hdr", "ppm", "pgm", "pnm"];

/// Endings of a stem that mark a file as unfinished although its extension is an image's.
const TEMPORARY_STEMS: [&str; 4] = [".tmp", ".temp", ".part", ".partial"];

/// The most digits a frame number has; longer runs are time stamps.
const NUMBER_DIGITS: usize = 9;

/// The most digits a time stamp has.
const STAMP_DIGITS: usize = 19;

/// Which digits of a name are the frame number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NameRule {
    /// The run that makes the largest group in the folder; of equals the last one.
    #[default]
    Auto,
    /// The one that the user's pattern marks. Names that do not fit it are not frames.
    Pattern(NamePattern),
}

/// A pattern that says which digits are the frame number. Built by [`NameRule::parse`].
#[derive(Debug, Clone)]
pub struct NamePattern {
    text: String,
    kind: Kind,
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for NamePattern {}

#[derive(Debug, Clone)]
enum Kind {
    Template(Template),
    Regex(Regex),
}

/// Why a text is no name pattern.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Nothing in it stands for the frame number.
    #[error("`{pattern}` has no place for the frame number")]
    NoNumber {
        /// The text.
        pattern: String,
    },
    /// More than one thing in it stands for the frame number.
    #[error("`{pattern}` has more than one place for the frame number")]
    TwoNumbers {
        /// The text.
        pattern: String,
    },
    /// The number would have no digits, or more than nineteen.
    #[error("`{pattern}` asks for {width} digits, which is not 1 to 19")]
    Width {
        /// The text.
        pattern: String,
        /// The digits it asks for.
        width: String,
    },
    /// It names folders.
    #[error("`{pattern}` contains `/`, but a pattern is compared with file names only")]
    Slash {
        /// The text.
        pattern: String,
    },
    /// No file that fits it could be a frame.
    #[error("`{pattern}` fits no image file")]
    NotAnImage {
        /// The text.
        pattern: String,
    },
    /// It is no regular expression.
    #[error("`{pattern}` is not a regular expression")]
    Regex {
        /// The text.
        pattern: String,
        /// What is wrong with it, boxed because it is large.
        source: Box<regex::Error>,
    },
}

impl PatternError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoNumber { .. } => {
                "write `shot.####.png`, `shot.%04d.png`, `shot.$F4.png` or a regular expression with `(?<frame>[0-9]+)`"
                    .into()
            }
            Self::TwoNumbers { .. } => "keep one of them; a literal percent sign is written `%%`".into(),
            Self::Width { .. } => "write `%04d`, `%d`, `$F4` or `$F`".into(),
            Self::Slash { .. } => "name the folder in `path` or `include`, and only the file in `pattern`".into(),
            Self::NotAnImage { .. } => format!("end it with one of {}", EXTENSIONS.map(|e| format!(".{e}")).join(" ")),
            Self::Regex { source, .. } => source.to_string(),
        }
    }
}

impl NameRule {
    /// Reads a pattern: `shot.####.png` (one digit a `#`; the last run of them counts), `shot.%04d.png`, `shot.%d.png`,
    /// `shot.$F4.png`, `shot.$F.png`, or a regular expression with a group named `frame`, which is recognised by
    /// `(?P<frame>` or `(?<frame>` and searched for anywhere in the file name.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let kind = if pattern.contains("(?P<frame>") || pattern.contains("(?<frame>") {
            Kind::Regex(
                Regex::new(pattern)
                    .map_err(|source| PatternError::Regex { pattern: pattern.into(), source: Box::new(source) })?,
            )
        } else {
            Kind::Template(Template::parse(pattern)?)
        };
        Ok(Self::Pattern(NamePattern { text: pattern.into(), kind }))
    }
}

impl NamePattern {
    /// The number that the pattern marks in `name`.
    pub(crate) fn read<'n>(&self, name: &'n [u8]) -> Option<Reading<'n>> {
        match &self.kind {
            Kind::Template(template) => template.read(name),
            Kind::Regex(regex) => {
                let found = regex.captures(name)?.name("frame")?;
                Reading::of_digits(name, found.start(), found.end())
            }
        }
    }
}

/// How a number is written in one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Digits {
    /// Digits, the sign left out.
    pub width: u8,
    /// Whether the first of several digits is a zero, so that the width is known to be fixed.
    pub padded: bool,
}

impl Digits {
    pub(crate) fn of(digits: &[u8]) -> Self {
        let width = u8::try_from(digits.len()).unwrap_or(u8::MAX);
        Self { width, padded: digits.len() > 1 && digits[0] == b'0' }
    }
}

/// A name, split at its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading<'n> {
    pub prefix: &'n [u8],
    pub suffix: &'n [u8],
    pub number: i64,
    pub digits: Digits,
    /// More than nine digits: a point in time, not a count.
    pub stamp: bool,
    /// A second number that goes with the first.
    pub follower: Option<Follower<'n>>,
    /// The padding that an explicit template prescribes.
    pub fixed: Option<Padding>,
}

/// A second number whose distance from the first is the same in every name of the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Follower<'n> {
    pub between: &'n [u8],
    pub offset: i64,
    pub digits: Digits,
}

impl<'n> Reading<'n> {
    /// The reading whose number, sign included, is `name[start..end]`.
    fn of_digits(name: &'n [u8], start: usize, end: usize) -> Option<Self> {
        let text = &name[start..end];
        let (negative, digits) = match text.strip_prefix(b"-") {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let value = runs::value(digits)?;
        // A minus before a zero belongs to the prefix: `-0` and `0` are two files.
        let negative = negative && value != 0;
        Some(Self {
            prefix: &name[..end - digits.len() - usize::from(negative)],
            suffix: &name[end..],
            number: if negative { -value } else { value },
            digits: Digits::of(digits),
            stamp: digits.len() > NUMBER_DIGITS,
            follower: None,
            fixed: None,
        })
    }
}

/// Whether a file of this name can be a frame: not hidden, not a temporary or a sidecar of another program, and with
/// the extension of a still image.
#[must_use]
pub fn may_be_frame(name: &[u8]) -> bool {
    if name.starts_with(b".") || name.starts_with(b"~") || name.contains_str(".sync-conflict-") {
        return false;
    }
    let Some((stem, _)) = split_extension(name).filter(|_| has_frame_extension(name)) else { return false };
    !TEMPORARY_STEMS.iter().any(|ending| ends_with_ignoring_case(stem, ending.as_bytes()))
}

/// Whether `name` is that of a file on its way to another name, as browsers, copiers and generators use them.
#[must_use]
pub fn is_temporary(name: &[u8]) -> bool {
    const ENDINGS: [&str; 7] = [".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", "~"];
    ENDINGS.iter().any(|ending| ends_with_ignoring_case(name, ending.as_bytes()))
}

/// Whether `name` ends in the extension of a still image, in any case. A GIF is a film, never a frame.
#[must_use]
pub fn has_frame_extension(name: &[u8]) -> bool {
    split_extension(name)
        .is_some_and(|(_, extension)| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known.as_bytes())))
}

/// The stem and the extension without its dot, if both are there.
pub(crate) fn split_extension(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = name.rfind_byte(b'.')?;
    (dot > 0 && dot + 1 < name.len()).then(|| (&name[..dot], &name[dot + 1..]))
}

/// Whether a minus sign behind these bytes is a sign. Elsewhere it is a separator.
fn sign_may_follow(before: &[u8]) -> bool {
    matches!(before.last(), None | Some(b'.' | b'_' | b' '))
}

fn ends_with_ignoring_case(name: &[u8], ending: &[u8]) -> bool {
    name.len() >= ending.len() && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_may_be_frames_and_nothing_else_may() {
        for name in ["a1.png", "1.JPG", "x.0001.Exr", "it's.1.tif", "a.1.pnm", "-1.png", "a b\n1.webp", "%04d.qoi"] {
            assert!(may_be_frame(name.as_bytes()), "{name}");
        }
        assert!(may_be_frame(b"\xff\xfe0001.png"));
        let not = [
            ".a1.png",
            ".png",
            "png",
            "a1.png.tmp",
            "a1.tmp.png",
            "a1.PART.exr",
            "a1.png~",
            "~$a1.png",
            "~syncthing~a1.png.tmp",
            "a1.sync-conflict-20250101-120000-ABCDEF.png",
            "a1.gif",
            "a1.mp4",
            "a1",
            "a1.",
            "4913",
            "a1.png.part",
            "Thumbs.db",
            "a1.txt",
            "",
        ];
        for name in not {
            assert!(!may_be_frame(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn files_on_their_way_are_temporary() {
        for name in ["00001-7.tmp", "a.png.PART", "a.png~"] {
            assert!(is_temporary(name.as_bytes()), "{name}");
        }
        for name in [".done", "shot.done", "a.png", "tmp", "batch_0001"] {
            assert!(!is_temporary(name.as_bytes()), "{name}");
        }
    }

    fn read(pattern: &str, name: &str) -> Option<(String, i64, String)> {
        let NameRule::Pattern(pattern) = NameRule::parse(pattern).unwrap() else { panic!("an explicit pattern") };
        let reading = pattern.read(name.as_bytes())?;
        Some((reading.prefix.to_str_lossy().into(), reading.number, reading.suffix.to_str_lossy().into()))
    }

    #[test]
    fn templates_find_their_number_and_nothing_else() {
        let shot = |number| Some(("shot.".to_owned(), number, ".png".to_owned()));
        for pattern in ["shot.####.png", "shot.%04d.png", "shot.$F4.png"] {
            assert_eq!(read(pattern, "shot.0001.png"), shot(1), "{pattern}");
            assert_eq!(read(pattern, "shot.12345.png"), shot(12345), "{pattern}");
            assert_eq!(read(pattern, "shot.-0001.png"), shot(-1), "{pattern}");
            for other in ["shot.001.png", "shot.01234.png", "shot.png", "shot.0001.PNG", "xshot.0001.png", "shot..png"]
            {
                assert_eq!(read(pattern, other), None, "{pattern} {other}");
            }
        }
        for pattern in ["shot.#.png", "shot.%d.png", "shot.$F.png"] {
            assert_eq!(read(pattern, "shot.7.png"), shot(7), "{pattern}");
            assert_eq!(read(pattern, "shot.10.png"), shot(10), "{pattern}");
            assert_eq!(read(pattern, "shot.07.png"), None, "{pattern}");
        }
    }

    #[test]
    fn of_several_hash_runs_the_last_one_counts_and_percent_is_escaped() {
        assert_eq!(read("#_##.png", "#_07.png"), Some(("#_".into(), 7, ".png".into())));
        assert_eq!(read("50%%_%d.png", "50%_7.png"), Some(("50%_".into(), 7, ".png".into())));
        assert_eq!(read("a#_%d.png", "a#_7.png"), Some(("a#_".into(), 7, ".png".into())));
    }

    #[test]
    fn a_regex_marks_the_number_by_its_group() {
        for pattern in ["^cam(?P<frame>-?[0-9]+)_", "^cam(?<frame>-?[0-9]+)_"] {
            assert_eq!(read(pattern, "cam012_9.png"), Some(("cam".into(), 12, "_9.png".into())));
            assert_eq!(read(pattern, "cam-2_9.png"), Some(("cam".into(), -2, "_9.png".into())));
            assert_eq!(read(pattern, "cam-0_9.png"), Some(("cam-".into(), 0, "_9.png".into())));
            assert_eq!(read(pattern, "dog012_9.png"), None);
        }
        assert_eq!(read("(?<frame>[a-z]+)", "abc.png"), None);
    }

    #[test]
    fn bad_patterns_are_refused_with_a_reason_and_a_hint() {
        let cases = [
            ("shot.png", "no place"),
            ("a%d_%d.png", "more than one"),
            ("a%d_$F.png", "more than one"),
            ("a%00d.png", "0 digits"),
            ("a%020d.png", "20 digits"),
            ("a$F20.png", "20 digits"),
            ("dir/####.png", "contains `/`"),
            ("shot.####", "fits no image"),
            (".####.png", "fits no image"),
            ("(?<frame>[0-9]+", "not a regular expression"),
        ];
        for (pattern, expected) in cases {
            let error = NameRule::parse(pattern).unwrap_err();
            assert!(error.to_string().contains(expected), "{pattern}: {error}");
            assert!(!error.hint().is_empty());
        }
    }
}
