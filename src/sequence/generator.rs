//! Who made the frames: one row of a table for each generator.
//!
//! Owns how each is recognised, what of its words counts, and which of its images are no frames. All of it is data: a new generator
//! is one row here, one name in `config`, and one test. It never reads a file; what is embedded in one is found by `frame`.
//!
//! Recognition decides little, so that a wrong guess costs nothing: it is told to people, and images that its row calls no frames are
//! not made into a video by silence. Whatever fits no row is [`Generator::Plain`], of which nothing is left out.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bstr::ByteSlice as _;
use serde::{Deserialize, Serialize};

use crate::sequence::origin::Origin;

mod table;

use table::{Row, TABLE};

/// A program that makes frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of the programs; the table says what each does")]
pub enum Generator {
    Dream,
    Comfyui,
    Swarmui,
    Invokeai,
    Fooocus,
    Animatediff,
    A1111,
    Deforum,
    Blender,
    Octoprint,
    Moonraker,
    Motion,
    Allsky,
    Gphoto,
    Plain,
}

/// Where a generator says at how many frames a second its frames are to be shown, beside the names that anybody may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateFrom {
    /// The settings file beside the frames.
    Settings,
    /// The text in them.
    Text,
}

/// Where it says how many frames there will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotalFrom {
    /// The settings file beside the frames.
    Settings,
    /// The text in them.
    Text,
}

/// How a saver finds the number of its next image: the highest one that it reads in the names of its folder, and one more. What
/// else is in that folder, it does not look at, so that a video moves its counter like an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// After the prefix of its images and an underscore. ComfyUI reads what is there up to the next underscore, or up to the next
    /// underscore or dot, as the node has it; Video Helper Suite reads digits that no other
    /// digit follows up to a dot.
    AfterPrefix,
    /// In front of the first hyphen, or of the extension; or between the prefix of its images and a hyphen. AUTOMATIC1111's.
    First,
}

impl Counter {
    /// Whether it reads a number from `name`, in a folder of images that are called `prefix` and a number.
    fn reads(self, prefix: &[u8], name: &[u8]) -> bool {
        match self {
            Self::AfterPrefix => {
                let Some(rest) = after(prefix, b'_', name) else { return false };
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let dot = rest[digits..].iter().position(|byte| *byte == b'.' || byte.is_ascii_digit());
                let to_dot = dot.is_some_and(|at| rest[digits + at] == b'.');
                is_python_int(rest.split(|byte| *byte == b'_').next())
                    || is_python_int(rest.split(|byte| matches!(byte, b'_' | b'.')).next())
                    || digits > 0 && to_dot
            }
            Self::First => {
                let first = |name: &[u8]| {
                    let stem = name.rfind_byte(b'.').filter(|at| *at > 0).map_or(name, |at| &name[..at]);
                    is_python_int(stem.split(|byte| *byte == b'-').next())
                };
                first(name) || after(prefix, b'-', name).is_some_and(first)
            }
        }
    }
}

/// What follows in `name` after what ends in `prefix` with this separator; the case of letters does not matter.
fn after<'n>(prefix: &[u8], separator: u8, name: &'n [u8]) -> Option<&'n [u8]> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    (prefix.last() == Some(&separator) && start.eq_ignore_ascii_case(prefix)).then_some(rest)
}

/// Whether Python's `int` takes this text: blanks around it, a sign, and single underscores between digits are no hindrance. Digits
/// of other scripts are digits.
fn is_python_int(text: Option<&[u8]>) -> bool {
    let Some(Ok(text)) = text.map(std::str::from_utf8) else { return false };
    let text = text.trim();
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    text.split('_').all(|digits| !digits.is_empty() && digits.chars().all(char::is_numeric))
}

/// Who made the frames of a sequence, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeBy {
    /// The program.
    pub generator: Generator,
    /// What tells.
    pub why: Sign,
}

/// What tells who made the frames. Prints as a phrase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Sign {
    /// The config says so.
    Stated,
    /// The text in the frames has the form of this program's.
    Text,
    /// Its settings file is beside them.
    Settings,
    /// They are called as it calls its frames.
    Names {
        /// Its form of names.
        shape: String,
    },
    /// Nothing tells.
    Nothing,
}

impl Generator {
    /// Every one of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.generator)
    }

    fn row(self) -> &'static Row {
        // Each has one: a test sees to it.
        TABLE.iter().find(|row| row.generator == self).unwrap_or(&table::PLAIN)
    }

    /// What people call it: `ComfyUI with the Dream nodes`.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// Whose form an embedded text has.
    #[must_use]
    pub fn of_text(text: &[u8]) -> Option<Self> {
        let has_all = |words: &&[&str]| words.iter().all(|word| text.contains_str(word));
        TABLE.iter().find(|row| row.texts.iter().any(has_all)).map(|row| row.generator)
    }

    /// Whether its word on the rate counts that stands there.
    #[must_use]
    pub fn says_rate(self, from: RateFrom) -> bool {
        self.row().rate.contains(&from)
    }

    /// Whether its word on the number of frames counts that stands there.
    #[must_use]
    pub fn says_total(self, from: TotalFrom) -> bool {
        self.row().total.contains(&from)
    }

    /// Whether its saver would take a number from a file of this name, if it counts on in a folder of images that are called
    /// `prefix` and a number.
    #[must_use]
    pub fn counts(self, prefix: &[u8], name: &[u8]) -> bool {
        self.row().counter.is_some_and(|counter| counter.reads(prefix, name))
    }

    /// Whether it makes a file of this name beside its frames when all of them are there.
    #[must_use]
    pub fn is_marker(self, name: &[u8]) -> bool {
        self.row().markers.iter().any(|shape| fits_name(shape.as_bytes(), name))
    }

    /// What an image of this name in the folder `dir` is, if it is no frame although it is numbered: `grids`.
    #[must_use]
    pub fn ignores(self, dir: &Path, name: &[u8]) -> Option<&'static str> {
        self.row().ignored.iter().find(|ignored| fits(ignored.shape, dir, name)).map(|ignored| ignored.what)
    }
}

impl MadeBy {
    /// Whether anything tells.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.why != Sign::Nothing
    }

    /// Who made frames that are called like `name` in the folder `dir`. `stated` is what the config says, and counts; else the
    /// text in the frames does, of which `origins` tell, then a settings file, then the names.
    #[must_use]
    pub fn of<'o>(
        stated: Option<Generator>,
        origins: impl IntoIterator<Item = &'o Origin>,
        has_settings: bool,
        dir: &Path,
        name: &[u8],
    ) -> Self {
        if let Some(generator) = stated {
            return Self { generator, why: Sign::Stated };
        }
        if let Some(generator) = origins.into_iter().find_map(Origin::generator) {
            return Self { generator, why: Sign::Text };
        }
        let by_settings = TABLE.iter().find(|row| has_settings && row.rate.contains(&RateFrom::Settings));
        if let Some(row) = by_settings {
            return Self { generator: row.generator, why: Sign::Settings };
        }
        let named = |row: &'static Row| {
            row.names.iter().find(|shape| fits(shape, dir, name)).map(|shape| (row.generator, *shape))
        };
        match TABLE.iter().find_map(named) {
            Some((generator, shape)) => Self { generator, why: Sign::Names { shape: shape.to_owned() } },
            None => Self { generator: Generator::Plain, why: Sign::Nothing },
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stated => f.write_str("`generator`"),
            Self::Text => f.write_str("the text in the frames"),
            Self::Settings => f.write_str("the settings file beside the frames"),
            Self::Names { shape } => write!(f, "names like `{shape}`"),
            Self::Nothing => f.write_str("nothing tells"),
        }
    }
}

/// `Blender, by the text in the frames`
impl fmt::Display for MadeBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Sign::Nothing => f.write_str("an unknown program"),
            why => write!(f, "{}, by {why}", self.generator.title()),
        }
    }
}

/// Whether the name, and as many folders above it as `shape` names, are of that form. `#` stands for a digit, `%` for one and more,
/// `?` for any byte, `*` for any number of them; none of these for a slash.
fn fits(shape: &str, dir: &Path, name: &[u8]) -> bool {
    let mut shapes = shape.rsplit('/');
    let folders = dir.iter().rev().map(OsStrExt::as_bytes);
    let mut parts = [name].into_iter().chain(folders);
    shapes.all(|shape| parts.next().is_some_and(|part| fits_name(shape.as_bytes(), part)))
}

fn fits_name(shape: &[u8], name: &[u8]) -> bool {
    match (shape.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            // A shape has two of them at most, and names are short.
            (0..=name.len()).any(|taken| fits_name(rest, &name[taken..]))
        }
        (Some((b'%', rest)), Some((digit, after))) => {
            digit.is_ascii_digit() && (fits_name(rest, after) || fits_name(shape, after))
        }
        (Some((b'#', rest)), Some((digit, after))) => digit.is_ascii_digit() && fits_name(rest, after),
        (Some((b'?', rest)), Some((_, after))) => fits_name(rest, after),
        (Some((byte, rest)), Some((other, after))) => byte == other && fits_name(rest, after),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
