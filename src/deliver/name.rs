//! What a video is called.
//!
//! Owns the way from a name template to a file name, and the row of names to try when one is taken. It is pure: it never
//! asks the file system whether a name is free.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice as _};

use crate::config::{FrameRate, NamePart, NameTemplate};
use crate::sequence::generator::Generator;
use crate::sequence::{Across, FrameNumber, Kind, Pattern};

/// The longest file name, in bytes, that Linux file systems take (`NAME_MAX`).
const NAME_MAX: usize = 255;
/// What a video is called when nothing else gives it a name.
const NAMELESS: &[u8] = b"video";

/// What the tokens of a template stand for.
#[derive(Debug, Clone, Copy)]
pub struct NameContext<'a> {
    /// How the frames are called.
    pub pattern: &'a Pattern,
    /// Whether the same frames are in the folder in another format too.
    pub has_twin: bool,
    /// The folder of the frames.
    pub dir: &'a Path,
    /// The first frame's number.
    pub first: FrameNumber,
    /// The last frame's number.
    pub last: FrameNumber,
    /// How many frames.
    pub count: u64,
    /// Frames per second.
    pub rate: FrameRate,
    /// The preset's name.
    pub preset: &'a str,
    /// The day of publishing, `2026-11-20`.
    pub date: &'a str,
    /// The time of publishing, `154501`.
    pub time: &'a str,
}

/// The video's name without its extension: a relative path of at least one part, none of them empty, hidden, `..`, longer
/// than a file system takes, or read as an option by other programs. Only slashes of the template's own text make folders.
#[must_use]
pub fn render(template: &NameTemplate, ctx: &NameContext<'_>) -> PathBuf {
    let mut path = Vec::new();
    for part in &template.0 {
        match part {
            NamePart::Text(text) => path.extend_from_slice(text.as_bytes()),
            token => path.extend(value(token, ctx).into_iter().map(|byte| if byte == b'/' { b'_' } else { byte })),
        }
    }
    path.retain(|byte| *byte != 0);
    let parts: Vec<Vec<u8>> = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).map(safe).collect();
    if parts.is_empty() { bytes_path(NAMELESS.to_vec()) } else { bytes_path(parts.join(&b'/')) }
}

/// What stands in front of a name that a generator would read a number from.
const FRONT: &str = "video-";

/// The file names that a video can have in its folder.
#[derive(Debug, Clone)]
pub struct Names<'a> {
    stem: OsString,
    /// Who goes on counting in that folder, and what its images are called in front of the number.
    counting: Option<(Generator, &'a [u8])>,
}

impl<'a> Names<'a> {
    /// `stem.ext`, `stem_2.ext`, `stem_3.ext`, and so on, in a folder where nobody counts. A dot in `stem` is part of it.
    #[must_use]
    pub fn of(stem: OsString) -> Self {
        Self { stem, counting: None }
    }

    /// The same in a folder where `generator` goes on counting, in names that begin with `prefix`. What it would take for one of
    /// its numbers gets a hyphen in front of its number, or `video-` in front of all.
    #[must_use]
    pub fn beside(stem: OsString, generator: Generator, prefix: &'a [u8]) -> Self {
        Self { stem, counting: Some((generator, prefix)) }
    }

    /// Without number and extension.
    #[must_use]
    pub fn stem(&self) -> &OsStr {
        &self.stem
    }

    /// The names to try, in order. Where one would be too long, the end of the stem goes.
    pub fn candidates(&self, extension: &str) -> impl Iterator<Item = OsString> {
        (1_u64..).map(move |number| self.candidate(extension.as_bytes(), number))
    }

    /// Whether `name` is among the candidates, whatever its extension.
    #[must_use]
    pub fn is_candidate(&self, name: &OsStr) -> bool {
        let Some((before, extension)) = split_at_last(name.as_bytes(), b'.') else { return false };
        let number =
            |separator| split_at_last(before, separator).and_then(|(_, digits)| digits.to_str().ok()?.parse().ok());
        let numbers = [Some(1), number(b'_'), number(b'-')];
        numbers.into_iter().flatten().any(|number| self.candidate(extension, number) == name)
    }

    fn candidate(&self, extension: &[u8], number: u64) -> OsString {
        let name = |front: &str, separator: &str| {
            let number = if number == 1 { String::new() } else { format!("{separator}{number}") };
            let end = [number.as_bytes(), b".", extension].concat();
            let start = [front.as_bytes(), self.stem.as_bytes()].concat();
            let mut name = shortened(&start, NAME_MAX.saturating_sub(end.len())).to_vec();
            name.extend_from_slice(&end);
            name
        };
        let plain = name("", "_");
        let Some((generator, prefix)) = self.counting else { return OsString::from_vec(plain) };
        let others = [("", "-"), (FRONT, "_"), (FRONT, "-")].map(|(front, separator)| name(front, separator));
        let names = || [&plain].into_iter().chain(&others);
        let free = names().find(|name| !generator.counts(prefix, name));
        OsString::from_vec(free.unwrap_or(&plain).clone())
    }
}

fn split_at_last(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.rfind_byte(separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn value(part: &NamePart, ctx: &NameContext<'_>) -> Vec<u8> {
    match part {
        NamePart::Text(text) => text.clone().into_bytes(),
        NamePart::Name => name(ctx),
        NamePart::Prefix => {
            let prefix = prefix(ctx.pattern);
            if prefix.is_empty() { folder(ctx.dir) } else { prefix.to_vec() }
        }
        NamePart::Suffix => suffix(ctx.pattern).1.to_vec(),
        NamePart::Folder => folder(ctx.dir),
        NamePart::First => number(ctx.pattern, ctx.first),
        NamePart::Last => number(ctx.pattern, ctx.last),
        NamePart::Count => ctx.count.to_string().into_bytes(),
        NamePart::Fps => fps(ctx.rate).into_bytes(),
        NamePart::Preset => ctx.preset.as_bytes().to_vec(),
        NamePart::Date => ctx.date.as_bytes().to_vec(),
        NamePart::Time => ctx.time.as_bytes().to_vec(),
    }
}

/// What tells the sequence from the others of its folder. It comes from the names of the frames alone, so that it does not
/// matter which of two videos is published first.
fn name(ctx: &NameContext<'_>) -> Vec<u8> {
    let mut name = folder_words(ctx.pattern);
    let prefix = prefix(ctx.pattern);
    if !name.is_empty() && !prefix.is_empty() {
        name.push(b'_');
    }
    name.extend_from_slice(prefix);
    let (separator, words) = suffix(ctx.pattern);
    if !name.is_empty() && !words.is_empty() {
        name.push(separator);
    }
    name.extend_from_slice(words);
    // A saver that cut its names at 255 bytes may have cut a character in two.
    if let Err(error) = std::str::from_utf8(&name)
        && error.error_len().is_none()
    {
        name.truncate(error.valid_up_to());
    }
    if name.is_empty() {
        name = folder(ctx.dir);
    }
    if let Some((_, extension)) = split_at_last(&ctx.pattern.suffix, b'.').filter(|_| ctx.has_twin) {
        name.push(b'_');
        name.extend_from_slice(extension);
    }
    name
}

/// What the folders of the frames are called beside what orders them, where they follow each other.
fn folder_words(pattern: &Pattern) -> Vec<u8> {
    let Kind::Folders { path, .. } = &pattern.kind else { return Vec::new() };
    let words = path.replace("{stamp}", "").replace("#", "");
    let words = words.split(|byte| *byte == b'/').map(|word| word.trim_with(is_separator));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(&b'_')
}

fn prefix(pattern: &Pattern) -> &[u8] {
    pattern.prefix.trim_end_with(is_separator)
}

/// The words between the number and the extension, and the separator in front of them.
fn suffix(pattern: &Pattern) -> (u8, &[u8]) {
    let words = split_at_last(&pattern.suffix, b'.').map_or(&pattern.suffix[..], |(words, _)| words);
    let separator = words.first().copied().filter(|byte| is_separator(char::from(*byte)));
    (separator.unwrap_or(b'_'), words.trim_with(is_separator))
}

fn is_separator(c: char) -> bool {
    matches!(c, '_' | '-' | '.' | ' ')
}

fn folder(dir: &Path) -> Vec<u8> {
    dir.file_name().map_or(NAMELESS, |name| name.as_bytes()).to_vec()
}

fn number(pattern: &Pattern, number: FrameNumber) -> Vec<u8> {
    let is_said = |kind: &Kind| {
        matches!(kind, Kind::Keyed { time: true, .. } | Kind::Asked { time: true, .. })
            || matches!(kind, Kind::Folders { across: Across::Again { .. }, .. })
    };
    if is_said(&pattern.kind) || is_said(pattern.kind.of_files()) {
        return pattern.label(number).into_bytes();
    }
    let bare = Pattern::new(BString::default(), BString::default(), pattern.padding);
    bare.name(number).into()
}

/// Rounded to thousandths, without trailing zeros: `24`, `23.976`, `12.5`.
fn fps(rate: FrameRate) -> String {
    let (num, den) = (u64::from(rate.num.get()), u64::from(rate.den.get()));
    let thousandths = (num * 1000 + den / 2) / den;
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A part of a path that is neither hidden, nor `..`, nor an option on somebody's command line, nor too long.
fn safe(part: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(part.len() + 1);
    if part.starts_with(b".") || part.starts_with(b"-") {
        name.push(b'_');
    }
    name.extend_from_slice(part);
    let kept = shortened(&name, NAME_MAX).len();
    name.truncate(kept);
    name
}

/// At most `most` bytes of `name`, not cut within a character.
fn shortened(name: &[u8], most: usize) -> &[u8] {
    if name.len() <= most {
        return name;
    }
    let is_boundary = |at: usize| name[at] & 0b1100_0000 != 0b1000_0000;
    // A UTF-8 character is four bytes long at most; where there is no boundary that near, the name is in another encoding.
    let at = (most.saturating_sub(3)..=most).rev().find(|at| is_boundary(*at)).unwrap_or(most);
    &name[..at]
}

fn bytes_path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod counters;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;
    use crate::sequence::Padding;

    fn rate(num: u32, den: u32) -> FrameRate {
        FrameRate { num: NonZeroU32::new(num).unwrap(), den: NonZeroU32::new(den).unwrap() }
    }

    fn rendered(parts: &[NamePart], prefix: &[u8], dir: &Path) -> PathBuf {
        rendered_of(parts, &Pattern::new(prefix, ".png", Padding::Width(4)), false, dir)
    }

    fn rendered_of(parts: &[NamePart], pattern: &Pattern, has_twin: bool, dir: &Path) -> PathBuf {
        let ctx = NameContext {
            pattern,
            has_twin,
            dir,
            first: 1,
            last: 240,
            count: 239,
            rate: rate(24000, 1001),
            preset: "h264",
            date: "2026-11-20",
            time: "154501",
        };
        render(&NameTemplate(parts.to_vec()), &ctx)
    }

    fn text(text: &str) -> NamePart {
        NamePart::Text(text.to_owned())
    }

    #[test]
    fn every_token_has_its_value() {
        let parts = [
            text("cuts/"),
            NamePart::Folder,
            text("/"),
            NamePart::Prefix,
            text(" "),
            NamePart::First,
            text("-"),
            NamePart::Last,
            text(" "),
            NamePart::Count,
            text("@"),
            NamePart::Fps,
            text(" "),
            NamePart::Preset,
            text(" "),
            NamePart::Date,
            text("T"),
            NamePart::Time,
        ];
        let path = rendered(&parts, b"shot.a_", Path::new("/srv/render 1"));
        assert_eq!(path, Path::new("cuts/render 1/shot.a 0001-0240 239@23.976 h264 2026-11-20T154501"));
    }

    #[test]
    fn a_character_that_was_cut_in_two_is_left_out() {
        let named = |prefix: &[u8]| rendered(&[NamePart::Name], prefix, Path::new("/srv/walk"));
        assert_eq!(named(b"smile\xF0\x9F"), Path::new("smile"));
        assert_eq!(named("smile\u{1F601}".as_bytes()), Path::new("smile\u{1F601}"));
        assert_eq!(named(b"\xF0\x9F"), Path::new("walk"));
    }

    #[test]
    fn a_sequence_without_a_prefix_is_called_as_its_folder() {
        assert_eq!(rendered(&[NamePart::Prefix], b"", Path::new("/srv/walk")), Path::new("walk"));
        assert_eq!(rendered(&[NamePart::Prefix], b"_-. ", Path::new("/srv/walk")), Path::new("walk"));
        assert_eq!(rendered(&[NamePart::Prefix], b"", Path::new("/")), Path::new("video"));
    }

    #[test]
    fn a_name_holds_what_tells_siblings_apart() {
        let name = |prefix: &str, suffix: &str, has_twin| {
            let pattern = Pattern::new(prefix, suffix, Padding::Width(4));
            rendered_of(&[NamePart::Name], &pattern, has_twin, Path::new("/srv/walk")).display().to_string()
        };
        for (prefix, suffix, expected) in [
            ("render", "_L.png", "render_L"),
            ("render", "_R.png", "render_R"),
            ("", "_camA.png", "camA"),
            ("shot.", ".beauty.exr", "shot.beauty"),
            ("shot.", "beauty.exr", "shot_beauty"),
            ("ComfyUI_", "_.png", "ComfyUI"),
            ("shot_", ".png", "shot"),
            ("", ".png", "walk"),
            ("_", "_.png", "walk"),
        ] {
            assert_eq!(name(prefix, suffix, false), expected, "{prefix}####{suffix}");
        }
        assert_eq!(name("shot.", ".exr", true), "shot_exr");
        assert_eq!(name("", ".PNG", true), "walk_PNG");
        let suffix = |suffix: &str| {
            let pattern = Pattern::new("a", suffix, Padding::None);
            rendered_of(&[text("x"), NamePart::Suffix], &pattern, true, Path::new("/a")).display().to_string()
        };
        assert_eq!([suffix("_L.png"), suffix(".png"), suffix("_.png")], ["xL", "x", "x"]);
    }

    #[test]
    fn folders_that_follow_each_other_have_a_say_in_the_name() {
        let named = |path: &str, prefix: &str, template: &[NamePart]| {
            let across = Across::Again { below: 1000, time: false };
            let kind = Kind::Folders { path: path.into(), files: Box::new(Kind::Count), across };
            let pattern = Pattern { kind, ..Pattern::new(prefix, ".JPG", Padding::Width(4)) };
            rendered_of(template, &pattern, false, Path::new("/srv/DCIM")).display().to_string()
        };
        let name = [NamePart::Name];
        assert_eq!(named("#MEDIA/", "IMG_", &name), "MEDIA_IMG");
        assert_eq!(named("{stamp}/", "", &name), "DCIM");
        assert_eq!(named("{stamp}/", "img_", &name), "img");
        assert_eq!(named("{stamp}_cam1/left/", "", &name), "cam1_left");
        assert_eq!(named("{stamp}/", "", &[NamePart::First, text("_"), NamePart::Last]), "0_1_0_240");
    }

    #[test]
    fn names_are_never_hidden_empty_or_options() {
        assert_eq!(rendered(&[NamePart::Prefix], b".shot_", Path::new("/a")), Path::new("_.shot"));
        assert_eq!(rendered(&[NamePart::Prefix], b"-rf_", Path::new("/a")), Path::new("_-rf"));
        assert_eq!(rendered(&[text("//")], b"", Path::new("/a")), Path::new("video"));
        assert_eq!(rendered(&[text("../x")], b"", Path::new("/a")), Path::new("_../x"));
    }

    #[test]
    fn rates_read_as_people_write_them() {
        for (num, den, expected) in
            [(24, 1, "24"), (24000, 1001, "23.976"), (25, 2, "12.5"), (30000, 1001, "29.97"), (1, 60, "0.017")]
        {
            assert_eq!(fps(rate(num, den)), expected);
        }
    }

    #[test]
    fn candidates_keep_dots_and_count_from_two() {
        let names: Vec<_> = Names::of("clip.v2".into()).candidates("mp4").take(3).collect();
        assert_eq!(names, ["clip.v2.mp4", "clip.v2_2.mp4", "clip.v2_3.mp4"]);
    }

    #[test]
    fn candidates_are_known_again() {
        let of_clip = |name: &str| Names::of("clip".into()).is_candidate(OsStr::new(name));
        assert!(of_clip("clip.mp4") && of_clip("clip.webm") && of_clip("clip_2.mp4") && of_clip("clip_31.mp4"));
        for other in ["clip", "clips.mp4", "clip_.mp4", "clip_02.mp4", "clip_1.mp4", "clip_2_3.mp4", "a_2.mp4"] {
            assert!(!of_clip(other), "{other}");
        }
    }

    #[test]
    fn long_names_end_at_a_character() {
        let name = Names::of("ä".repeat(200).into()).candidates("webm").next().unwrap();
        assert_eq!(name.to_str().unwrap(), format!("{}.webm", "ä".repeat(125)));
        let latin1 = OsString::from_vec(vec![0xA4; 300]);
        assert_eq!(Names::of(latin1).candidates("mp4").next().unwrap().len(), NAME_MAX);
    }

    proptest! {
        #[test]
        fn any_bytes_make_a_safe_relative_path(
            prefix in proptest::collection::vec(1_u8.., 0..300),
            folder in proptest::collection::vec(1_u8.., 1..200),
            around in "[a-z./ -]{0,12}",
        ) {
            prop_assume!(!prefix.contains(&b'/') && !folder.contains(&b'/'));
            let dir = Path::new("/srv").join(OsStr::from_bytes(&folder));
            let parts = [text(&around), NamePart::Prefix, text(&around), NamePart::Folder];
            let path = rendered(&parts, &prefix, &dir);
            prop_assert!(path.is_relative());
            prop_assert!(path.components().count() > 0);
            for component in path.components() {
                let Component::Normal(name) = component else { panic!("{component:?}") };
                let name = name.as_bytes();
                prop_assert!(!name.is_empty() && name.len() <= NAME_MAX && name[0] != b'.' && name[0] != b'-');
            }
        }

        #[test]
        fn candidates_differ_fit_and_end_in_the_extension(stem in proptest::collection::vec(1_u8.., 1..400)) {
            let of_stem = Names::of(OsString::from_vec(stem));
            let names: Vec<_> = of_stem.candidates("mp4").take(12).collect();
            for (index, name) in names.iter().enumerate() {
                prop_assert!(name.len() <= NAME_MAX);
                prop_assert!(name.as_bytes().ends_with(b".mp4"));
                prop_assert!(of_stem.is_candidate(name));
                prop_assert!(!names[..index].contains(name));
            }
        }
    }
}
