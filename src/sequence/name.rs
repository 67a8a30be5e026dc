//! File names: which can be frames, and what the user's pattern says of them.
//!
//! Owns which names can be frames at all, and which digits of a name can be its number. Names are bytes: nothing here
//! needs them to be UTF-8. Which of several candidates wins depends on the other names of the folder; that is `group`.

use std::sync::LazyLock;

use bstr::{ByteSlice as _, Finder};

use crate::error::Explain;
use crate::sequence::name::marks::{Marker, Marks};

pub(crate) mod marks;
pub mod unsupported;

/// Extensions of still images, in lower case.
pub(crate) const EXTENSIONS: [&str; 16] =
    ["png", "jpg", "jpeg", "webp", "tif", "tiff", "exr", "dpx", "cin", "bmp", "tga", "qoi", "hdr", "ppm", "pgm", "pnm"];

/// Endings of a stem that mark a file as unfinished although its extension is an image's.
const TEMPORARY_STEMS: [&str; 4] = [".tmp", ".temp", ".part", ".partial"];

/// What Syncthing puts into the name of a copy that it could not merge. Prepared once: names are asked by the hundred thousand.
static SYNC_CONFLICT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(".sync-conflict-"));

/// The most digits a frame number has; longer runs are time stamps.
pub(crate) const NUMBER_DIGITS: u8 = 9;

/// The most digits a time stamp has.
const STAMP_DIGITS: usize = 19;

/// Which digits of a name are the frame number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NameRule {
    /// What all names of the folder tell together: see `sequence::group::roles`.
    #[default]
    Auto,
    /// The one that the user's pattern marks. Names that do not fit it are not frames.
    Pattern(NamePattern),
}

/// A pattern that says which digits are the frame number. Built by [`NameRule::parse`].
#[derive(Debug, Clone)]
pub struct NamePattern {
    text: String,
    marker: Marker,
}

impl PartialEq for NamePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for NamePattern {}

/// Why a text is no name pattern.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Nothing in it stands for the frame number.
    #[error("`{pattern}` has no place for the frame number")]
    NoNumber {
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

impl Explain for PatternError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoNumber { .. } => {
                "write `shot.####.png`, `shot.%04d.png`, `shot.$F4.png`, `cam_{stamp}.jpg` or a regular expression with \
                 `(?<frame>[0-9]+)`"
                    .into()
            }
            Self::Width { .. } => "write `%04d`, `%d`, `$F4` or `$F`".into(),
            Self::Slash { .. } => "name the folder in `path` or `include`, and only the file in `pattern`".into(),
            Self::NotAnImage { .. } => format!("end it with one of {}", EXTENSIONS.map(|e| format!(".{e}")).join(" ")),
            Self::Regex { .. } => "groups are written `(?<frame>[0-9]+)`; the cause says where it goes wrong".into(),
        })
    }

    fn retryable(&self) -> bool {
        false
    }

    fn exit_code(&self) -> u8 {
        2
    }
}

impl NameRule {
    /// Reads a pattern. A template marks counters (`####`, `%04d`, `$F4`), times (`{date}`, `{time}`, `{stamp}`), what goes
    /// along (`*`) and what keeps films apart (`{film}`). A regular expression, which is recognised by its groups and
    /// searched for anywhere in the file name, marks them by groups named `frame`, or `k1`, `k2` and so on, and `film`.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let is_regex = ["frame>", "film", "k1>", "k2>"]
            .iter()
            .any(|group| pattern.contains(&format!("(?<{group}")) || pattern.contains(&format!("(?P<{group}")));
        let marker = if is_regex { Marker::of_regex(pattern)? } else { Marker::of_template(pattern)? };
        Ok(Self::Pattern(NamePattern { text: pattern.into(), marker }))
    }
}

impl NamePattern {
    /// What it marks in `name`; `None` where `name` does not fit.
    pub(crate) fn marks<'n>(&self, name: &'n [u8]) -> Option<Marks<'n>> {
        self.marker.read(name)
    }

    pub(crate) fn marker(&self) -> &Marker {
        &self.marker
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// What a name alone says of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameVerdict {
    /// Its extension is not that of a still image.
    NoImage,
    /// An image that no decoder reads, with the name of its format.
    Unsupported(&'static str),
    /// Hidden, of another program, or the poster of a video.
    Hidden,
    /// Its stem says that it is still written.
    Unfinished,
    MayBeFrame,
}

/// The folder that `name` begins with, up to its last slash and with it, and the bare file name. Most names have no folder.
pub(crate) fn split_folder(name: &[u8]) -> (&[u8], &[u8]) {
    name.split_at(name.rfind_byte(b'/').map_or(0, |slash| slash + 1))
}

/// What `name` alone says of its file.
pub(crate) fn verdict(name: &[u8]) -> NameVerdict {
    let (_, name) = split_folder(name);
    let Some((stem, extension)) = split_extension(name) else { return NameVerdict::NoImage };
    let is_one_of = |known: &[&str]| known.iter().any(|known| extension.eq_ignore_ascii_case(known.as_bytes()));
    // No format that can be read is among those that cannot be, so that the shorter list comes first.
    if !is_one_of(&EXTENSIONS) {
        unsupported::picture_format_of(name).map_or(NameVerdict::NoImage, NameVerdict::Unsupported)
    } else if name.starts_with(b".")
        || name.starts_with(b"~")
        || stem.ends_with(b".poster")
        || SYNC_CONFLICT.find(name).is_some()
    {
        NameVerdict::Hidden
    } else if TEMPORARY_STEMS.iter().any(|ending| ends_with_ignoring_case(stem, ending.as_bytes())) {
        NameVerdict::Unfinished
    } else {
        NameVerdict::MayBeFrame
    }
}

/// Whether a file of this name can be a frame: not hidden, not a temporary or a sidecar of another program, and with
/// the extension of a still image.
#[must_use]
pub fn may_be_frame(name: &[u8]) -> bool {
    verdict(name) == NameVerdict::MayBeFrame
}

/// Whether a file of this name is an image by its extension, one that can be read or another.
#[must_use]
pub fn is_image(name: &[u8]) -> bool {
    verdict(name) != NameVerdict::NoImage
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

fn ends_with_ignoring_case(name: &[u8], ending: &[u8]) -> bool {
    name.len() >= ending.len() && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_front_of_a_name_says_nothing_of_the_file() {
        assert_eq!(split_folder(b"a/b/c.png"), (&b"a/b/"[..], &b"c.png"[..]));
        assert_eq!(split_folder(b"c.png"), (&b""[..], &b"c.png"[..]));
        assert!(may_be_frame(b".a/1.png") && !may_be_frame(b"a/.1.png") && !may_be_frame(b"a.png/1"));
    }

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

    fn read(pattern: &str, name: &str) -> Option<Vec<i64>> {
        let NameRule::Pattern(pattern) = NameRule::parse(pattern).unwrap() else { panic!("an explicit pattern") };
        pattern.marks(name.as_bytes()).map(|marks| marks.numbers.iter().map(|(number, _)| *number).collect())
    }

    #[test]
    fn templates_find_their_number_and_nothing_else() {
        for pattern in ["shot.####.png", "shot.%04d.png", "shot.$F4.png"] {
            assert_eq!(read(pattern, "shot.0001.png"), Some(vec![1]), "{pattern}");
            assert_eq!(read(pattern, "shot.12345.png"), Some(vec![12345]), "{pattern}");
            assert_eq!(read(pattern, "shot.-0001.png"), Some(vec![-1]), "{pattern}");
            for other in ["shot.001.png", "shot.01234.png", "shot.png", "shot.0001.PNG", "xshot.0001.png", "shot..png"]
            {
                assert_eq!(read(pattern, other), None, "{pattern} {other}");
            }
        }
        for pattern in ["shot.#.png", "shot.%d.png", "shot.$F.png"] {
            assert_eq!(read(pattern, "shot.7.png"), Some(vec![7]), "{pattern}");
            assert_eq!(read(pattern, "shot.10.png"), Some(vec![10]), "{pattern}");
            assert_eq!(read(pattern, "shot.07.png"), None, "{pattern}");
        }
        assert_eq!(read("50%%_%d.png", "50%_7.png"), Some(vec![7]));
    }

    #[test]
    fn bad_patterns_are_refused_with_a_reason_and_a_hint() {
        let cases = [
            ("shot.png", "no place"),
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
            assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
        }
    }
}
