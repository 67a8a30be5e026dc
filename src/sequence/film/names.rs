//! What names say. Names are bytes; what is compared with words is ASCII, in any case.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use crate::sequence::film::Counter;
use crate::sequence::name::split_extension;
use crate::sequence::{FrameNumber, Kind, Pattern};

/// What the names of a sequence and of its folder say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// What the folder is for.
    pub folder: Folder,
    /// What else than a film they name.
    pub subject: Option<Subject>,
    /// They are times, no two of them within one second, as a time-lapse camera names its frames. A phone's burst has several
    /// in a second.
    pub clocked: bool,
}

/// What a folder is for, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// Frames.
    Film,
    /// All sorts of pictures.
    Mixed,
    /// The pictures of one day, whatever they are.
    Day,
    /// The name does not say.
    Plain,
}

/// Numbered pictures that are no film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Tiles of a texture, numbered from 1001.
    Udim,
    /// Maps of a material.
    Texture,
    /// One picture in several sizes.
    Icon,
}

const FILM_WORDS: [&str; 22] = [
    "frame",
    "frames",
    "render",
    "renders",
    "rendered",
    "seq",
    "sequence",
    "sequences",
    "shot",
    "shots",
    "anim",
    "animation",
    "animations",
    "animatediff",
    "deforum",
    "timelapse",
    "plate",
    "plates",
    "comp",
    "turntable",
    "playblast",
    "batch",
];

const MIXED_WORDS: [&str; 19] = [
    "output",
    "outputs",
    "txt2img",
    "img2img",
    "extras",
    "images",
    "image",
    "pictures",
    "photos",
    "photo",
    "dcim",
    "canon",
    "downloads",
    "desktop",
    "screenshots",
    "saved",
    "album",
    "stills",
    "gallery",
];

/// Words for maps of a material. Renderers name passes like that, too: before the number, but not after it.
const TEXTURE_WORDS: [&str; 16] = [
    "albedo",
    "basecolor",
    "basecolour",
    "diffuse",
    "roughness",
    "metallic",
    "metalness",
    "normalmap",
    "normal",
    "nrm",
    "displacement",
    "height",
    "occlusion",
    "ao",
    "opacity",
    "udim",
];

const ICON_WORDS: [&str; 4] = ["icon", "icons", "favicon", "appicon"];

/// Sides in pixels in which icons are made.
const ICON_SIDES: [FrameNumber; 26] =
    [8, 16, 20, 22, 24, 29, 32, 36, 40, 48, 57, 60, 64, 72, 76, 96, 114, 120, 128, 144, 152, 180, 192, 256, 512, 1024];

/// UDIM tiles are numbered 1001 to 1999. A film of visual effects often begins at 1001 as well, but is longer than a
/// texture has tiles.
const UDIM: std::ops::RangeInclusive<FrameNumber> = 1001..=1999;
const MOST_TILES: usize = 20;

/// Endings of what generators put beside each still: a video whose cover it is, or the settings it was made with.
const COMPANIONS: [&[u8]; 9] = [b"mp4", b"webm", b"mov", b"mkv", b"gif", b"avi", b"txt", b"json", b"yaml"];

impl Names {
    /// What the name of the folder `dir`, and `pattern` with these `numbers`, say.
    #[must_use]
    pub fn of(dir: &Path, pattern: &Pattern, numbers: &[FrameNumber]) -> Self {
        Self { folder: folder(dir), subject: subject(pattern, numbers), clocked: are_clocked(pattern, numbers) }
    }
}

fn are_clocked(pattern: &Pattern, numbers: &[FrameNumber]) -> bool {
    // The numbers of a stamp in one run are its digits, and every other stamp is nanoseconds.
    let second = if matches!(pattern.kind.of_files(), Kind::TimeStamp) { 1 } else { 1_000_000_000 };
    !pattern.has_gaps() && numbers.windows(2).all(|pair| pair[1].saturating_sub(pair[0]) >= second)
}

/// The innermost name that says something, of the last two that have letters. A date, or a number, is within the folder
/// that says what it is for; alone a date is a day's pictures.
fn folder(dir: &Path) -> Folder {
    let names = dir.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.as_bytes()),
        _ => None,
    });
    let dated = names.clone().take(2).any(is_date);
    for name in names.filter(|name| name.iter().any(u8::is_ascii_alphabetic)).take(2) {
        if has_word(name, &FILM_WORDS) {
            return Folder::Film;
        }
        if has_word(name, &MIXED_WORDS) {
            return Folder::Mixed;
        }
    }
    if dated { Folder::Day } else { Folder::Plain }
}

fn subject(pattern: &Pattern, numbers: &[FrameNumber]) -> Option<Subject> {
    let (before, after) = (pattern.prefix.as_slice(), pattern.suffix.as_slice());
    let after = split_extension(after).map_or(&b""[..], |(stem, _)| stem);
    let tiles = numbers.iter().all(|number| UDIM.contains(number))
        && (numbers.len() <= MOST_TILES || Counter::of(numbers) == Counter::Sparse);
    if tiles && has_word(before, &TEXTURE_WORDS) {
        return Some(Subject::Udim);
    }
    if has_word(after, &TEXTURE_WORDS) {
        return Some(Subject::Texture);
    }
    let sides = numbers.len() >= 2 && numbers.iter().all(|number| ICON_SIDES.contains(number));
    let named = has_word(before, &ICON_WORDS) || has_word(after, &ICON_WORDS);
    // 16, 32, 64: nothing that counts does so.
    let doubles = numbers.len() >= 3 && numbers.windows(2).all(|pair| pair[1] == 2 * pair[0]);
    (sides && (named || doubles)).then_some(Subject::Icon)
}

/// Whether three quarters of `frames` have a video or settings of the same name among `others`, the other files of the
/// folder.
#[must_use]
pub fn has_companions<'n, F: AsRef<[u8]>>(
    frames: impl ExactSizeIterator<Item = F>,
    others: impl IntoIterator<Item = &'n [u8]>,
) -> bool {
    let stem = |name: &'n [u8]| {
        let (stem, extension) = split_extension(name)?;
        COMPANIONS.iter().any(|known| known.eq_ignore_ascii_case(extension)).then_some(stem)
    };
    let stems: HashSet<&[u8]> = others.into_iter().filter_map(stem).collect();
    let count = frames.len();
    let is_accompanied = |name: &F| split_extension(name.as_ref()).is_some_and(|(stem, _)| stems.contains(stem));
    !stems.is_empty() && count > 0 && frames.filter(is_accompanied).count() * 4 >= count * 3
}

/// Whether one of `words` is among the words of `name`, which digits and marks separate.
fn has_word(name: &[u8], words: &[&str]) -> bool {
    let mut found = name.split(|byte| !byte.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    // `txt2img` has a digit within.
    let lower = name.to_ascii_lowercase();
    found.any(|word| words.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word)))
        || words.iter().filter(|word| word.contains('2')).any(|word| contains(&lower, word.as_bytes()))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// `2025-03-01`, `20250301`: eight digits, perhaps in three parts, that begin with a century of photography.
fn is_date(name: &[u8]) -> bool {
    let digits: Vec<u8> = name.iter().copied().filter(u8::is_ascii_digit).collect();
    let marks = name.iter().all(|byte| byte.is_ascii_digit() || b"-_. ".contains(byte));
    marks && digits.len() == 8 && (digits.starts_with(b"19") || digits.starts_with(b"20"))
}
