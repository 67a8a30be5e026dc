//! What a file says of itself beside its pictures: texts under keys, in order, and the time code that it begins with.
//!
//! Owns which keys and texts there can be, how much of them a container takes, and the form in which FFmpeg reads them. It
//! neither decides what is said nor writes into a file.

use std::fmt;
use std::io;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::ffmpeg::child::Inherited;
use crate::config::{Container, FrameRate};

/// Names that muxers or players take for their own. A `comment` that is not JSON makes the page of a widespread ComfyUI
/// extension hang when a Matroska file is dropped on it, and a huge one breaks players.
const TAKEN: [&str; 10] = [
    "comment",
    "title",
    "timecode",
    "encoder",
    "creation_time",
    "duration",
    "language",
    "date",
    "filename",
    "mimetype",
];

/// The longest key.
const MAX_KEY: usize = 64;

/// What a tag takes beside its key and its text, in any of the containers.
const OVERHEAD: usize = 64;

/// As much of a file as ComfyUI's page reads of an mp4 or mov (front end of 2025): the index with the tags is to be in it.
const BOXES_READ: usize = 64 << 20;

/// The same for WebM. What else is in front of the tags is less than the difference.
const WEBM_READ: usize = (2 << 20) - (64 << 10);

/// FFmpeg 5.1 and 9.0 read no longer text from Matroska, and nothing after one. WebM has room for none.
const MATROSKA_TEXT: usize = 1 << 24;

/// The name of a text: a small letter, then small letters, digits and underscores. Names that a muxer takes for
/// its own are refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// `None` where no file could carry it under that name.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let fits = name.len() <= MAX_KEY && name.starts_with(|c: char| c.is_ascii_lowercase());
        (fits && name.bytes().all(is_word) && !TAKEN.contains(&name)).then(|| Self(name.to_owned()))
    }

    /// As it is written in mp4 and mov; Matroska has it in capitals.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that every container can carry: not empty, and without a zero, at which readers end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// `None` where it cannot be carried.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        (!text.is_empty() && !text.contains('\0')).then_some(Self(text))
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The number of a frame, as editors count: hours, minutes, seconds, and frames of the second that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timecode {
    number: u32,
    per_second: NonZeroU32,
}

impl Timecode {
    /// Of frame `number` in a video at `rate`, without dropped numbers. `None` for negative numbers, for those of
    /// a day and more, which are more likely a date, and at rates that are nearer to 0 frames a second than to 1.
    #[must_use]
    pub fn of(number: i64, rate: FrameRate) -> Option<Self> {
        const DAY: u64 = 24 * 60 * 60;
        let (num, den) = (u64::from(rate.num.get()), u64::from(rate.den.get()));
        // As FFmpeg rounds it.
        let per_second = u32::try_from((num + den / 2) / den).ok().and_then(NonZeroU32::new)?;
        let number =
            u32::try_from(number).ok().filter(|number| u64::from(*number) / u64::from(per_second.get()) < DAY)?;
        Some(Self { number, per_second })
    }

    /// The number of the frame.
    pub(super) fn number(self) -> u32 {
        self.number
    }
}

impl fmt::Display for Timecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, frames) = (self.number / self.per_second, self.number % self.per_second);
        write!(f, "{:02}:{:02}:{:02}:{frames:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// Texts in order, each key once, and a time code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Pairs", into = "Pairs")]
pub struct Tags {
    texts: Vec<(Key, Text)>,
    start: Option<Timecode>,
}

/// Tags as plain data.
pub(super) type Pairs = (Vec<(String, String)>, Option<Timecode>);

impl Tags {
    /// Adds a text, unless there is one of this key already.
    pub fn add(&mut self, key: Key, text: Text) {
        if self.texts.iter().all(|(known, _)| *known != key) {
            self.texts.push((key, text));
        }
    }

    /// Gives it the time code that it begins with. Only mp4 and mov have a track for that.
    pub fn start_at(&mut self, start: Option<Timecode>) {
        self.start = start;
    }

    /// The time code that it begins with.
    pub(crate) fn start(&self) -> Option<Timecode> {
        self.start
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.start.is_none()
    }

    /// Each key with its text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(key, text)| (key.as_str(), text.as_str()))
    }

    /// How many bytes of a file they take at most.
    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        // The track of a time code.
        let start = if self.start.is_some() { 1024 } else { 0 };
        self.iter().map(|(key, text)| size(key, text)).sum::<usize>() + start
    }

    /// Takes out what `room` has no place for, and gives back the keys of that. What comes first is kept first.
    pub(crate) fn fit(&mut self, room: Room) -> Vec<Key> {
        let (mut left, mut out) = (room.all, Vec::new());
        self.texts.retain(|(key, text)| {
            let size = size(key.as_str(), text.as_str());
            let fits = size <= left && text.as_str().len() < room.each;
            if fits {
                left -= size;
            } else {
                out.push(key.clone());
            }
            fits
        });
        out
    }

    /// A file of the form that FFmpeg calls `ffmetadata`. Beside what its manual says is to be escaped, FFmpeg 5.1 and 9.0
    /// end a line at a carriage return.
    pub(crate) fn ffmetadata(&self) -> Vec<u8> {
        let mut out = b";FFMETADATA1\n".to_vec();
        if let Some(start) = self.start {
            // Under this key FFmpeg makes a track of it.
            out.extend(format!("timecode={start}\n").bytes());
        }
        for (key, text) in self.iter() {
            out.extend(key.bytes());
            out.push(b'=');
            for byte in text.bytes() {
                if matches!(byte, b'\\' | b';' | b'#' | b'=' | b'\n' | b'\r') {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.push(b'\n');
        }
        out
    }

    /// That file, where there is anything in it, for a child that reads it as an input. It is in memory and has no name: one
    /// argument of a program can hold 128 KiB, and a file on a disk would be left behind by a kill.
    pub(super) fn for_child(&self) -> io::Result<Option<Inherited>> {
        if self.is_empty() { Ok(None) } else { Inherited::text(&self.ffmetadata()).map(Some) }
    }
}

fn size(key: &str, text: &str) -> usize {
    // Keys are in mp4 and mov in a table of their own.
    key.len() + text.len() + OVERHEAD
}

impl TryFrom<Pairs> for Tags {
    type Error = String;

    fn try_from((pairs, start): Pairs) -> Result<Self, String> {
        let mut tags = Self { texts: Vec::new(), start };
        for (key, text) in pairs {
            let refused = || format!("no file can carry a tag `{key}` of this text");
            let text = Text::new(text).ok_or_else(refused)?;
            tags.add(Key::new(&key).ok_or_else(refused)?, text);
        }
        Ok(tags)
    }
}

impl From<Tags> for Pairs {
    fn from(Tags { texts, start }: Tags) -> Self {
        (texts.into_iter().map(|(Key(key), Text(text))| (key, text)).collect(), start)
    }
}

/// How much of texts a file has a place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of all of them.
    all: usize,
    /// A text has less than this many bytes.
    each: usize,
}

impl Room {
    /// Of a video of `frames` frames in this container. `None` where it has no place for any: GIF has comments, and AVI has
    /// a few fields of its own, which nobody looks into for such texts.
    pub(crate) fn of(container: Container, frames: u64) -> Option<Self> {
        match container {
            Container::Mp4 | Container::Mov => {
                // The rest of the index: at most 33 bytes a frame, see `join`, and what does not grow with them.
                let index = usize::try_from(frames.saturating_mul(33)).unwrap_or(BOXES_READ).saturating_add(64 << 10);
                Some(Self { all: BOXES_READ.saturating_sub(index), each: BOXES_READ })
            }
            Container::Webm => Some(Self { all: WEBM_READ, each: MATROSKA_TEXT }),
            Container::Mkv => Some(Self { all: BOXES_READ, each: MATROSKA_TEXT }),
            Container::Webp => Some(Self { all: BOXES_READ, each: BOXES_READ }),
            Container::Avi | Container::Gif => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What such a file says, read by the rules of FFmpeg's manual.
    fn parse(file: &[u8]) -> Option<Vec<(String, String)>> {
        let mut rest = file.strip_prefix(b";FFMETADATA1\n")?;
        let mut pairs = Vec::new();
        while !rest.is_empty() {
            let (mut parts, mut part) = (Vec::new(), Vec::new());
            loop {
                let (byte, after) = rest.split_first()?;
                rest = after;
                match byte {
                    b'\\' => {
                        let (escaped, after) = rest.split_first()?;
                        rest = after;
                        part.push(*escaped);
                    }
                    b'=' => parts.push(std::mem::take(&mut part)),
                    b'\n' | b'\r' => break,
                    b';' | b'#' => return None,
                    byte => part.push(*byte),
                }
            }
            parts.push(part);
            let [key, text] = <[Vec<u8>; 2]>::try_from(parts).ok()?;
            pairs.push((String::from_utf8(key).ok()?, String::from_utf8(text).ok()?));
        }
        Some(pairs)
    }

    /// Any tags, with many of the characters that mean something.
    pub(in crate::encode) fn tags() -> impl Strategy<Value = Tags> {
        let text = prop_oneof![
            "[^\\x00]{1,40}".boxed(),
            "[\\\\;#=\\n\\r \"'\\[\\]{}:é\\x01]{1,40}".boxed(),
            r#"\{"[a-z=;#\\\\"]{0,20}": ?(NaN|-Infinity|"é\\\\n")\}"#.boxed(),
        ];
        let start = prop::option::of((0..10_000_000_i64, 1..200_u32));
        (prop::collection::vec(("[a-z][a-z0-9_]{0,63}", text), 0..5), start).prop_map(|(pairs, start)| {
            let mut tags = Tags::default();
            tags.start_at(start.and_then(|(number, num)| Timecode::of(number, rate(num, 1))));
            for (key, text) in pairs {
                if let (Some(key), Some(text)) = (Key::new(&key), Text::new(text)) {
                    tags.add(key, text);
                }
            }
            tags
        })
    }

    #[test]
    fn what_no_file_can_carry_cannot_be_made() {
        for key in ["", "Prompt", "a b", "a=b", "é", "1st", "_", "comment", "title", "timecode", &"k".repeat(65)] {
            assert_eq!(Key::new(key), None, "{key}");
        }
        for key in ["prompt", "workflow_first", "k2", &"k".repeat(64)] {
            assert_eq!(Key::new(key).unwrap().as_str(), key);
        }
        assert_eq!((Text::new(String::new()), Text::new("a\0".to_owned())), (None, None));
    }

    fn rate(num: u32, den: u32) -> FrameRate {
        FrameRate { num: NonZeroU32::new(num).unwrap(), den: NonZeroU32::new(den).unwrap() }
    }

    #[test]
    fn a_time_code_counts_frames_as_editors_do() {
        let of = |number, num, den| Timecode::of(number, rate(num, den)).map(|start| start.to_string());
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(of(0, 24, 1), is("00:00:00:00"));
        assert_eq!(of(1001, 24, 1), is("00:00:41:17"));
        assert_eq!(of(1001, 24_000, 1001), is("00:00:41:17"));
        assert_eq!(of(86_400, 24, 1), is("01:00:00:00"));
        assert_eq!(of(7, 25, 3), is("00:00:00:07"));
        assert_eq!(of(119, 120, 1), is("00:00:00:119"));
        assert_eq!(of(24 * 86_400 - 1, 24, 1), is("23:59:59:23"));
        for (number, num, den) in [(-1, 24, 1), (24 * 86_400, 24, 1), (20_250_301_120_000, 24, 1), (1, 1, 3)] {
            assert_eq!(of(number, num, den), None, "{number}");
        }
    }

    #[test]
    fn what_has_no_place_is_left_out_whole() {
        let text = |length: usize| Text::new("x".repeat(length)).unwrap();
        let key = |name: &str| Key::new(name).unwrap();
        let mut tags = Tags::default();
        for (name, length) in [("a", 1000), ("b", 2 << 20), ("c", 17 << 20), ("d", 10), ("e", 60 << 20)] {
            tags.add(key(name), text(length));
        }
        let left_out = |container, frames| {
            let mut tags = tags.clone();
            let out = tags.fit(Room::of(container, frames).unwrap());
            let kept: String = tags.iter().map(|(key, _)| key).collect();
            (kept, out.iter().map(Key::as_str).collect::<String>())
        };
        let is = |kept: &str, out: &str| (kept.to_owned(), out.to_owned());
        assert_eq!(left_out(Container::Mp4, 24), is("abcd", "e"));
        assert_eq!(left_out(Container::Webm, 24), is("ad", "bce"));
        assert_eq!(left_out(Container::Mkv, 24), is("abd", "ce"));
        assert_eq!(left_out(Container::Mp4, 2_000_000), is("ad", "bce"));
        assert_eq!(left_out(Container::Mov, u64::MAX), is("", "abcde"));
        assert_eq!((Room::of(Container::Gif, 1), Room::of(Container::Avi, 1)), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tags in tags()) {
            let (mut expected, start) = Pairs::from(tags.clone());
            expected.splice(0..0, start.map(|start| ("timecode".to_owned(), start.to_string())));
            prop_assert_eq!(parse(&tags.ffmetadata()).unwrap(), expected);
            let json = serde_json::to_string(&tags).unwrap();
            prop_assert_eq!(serde_json::from_str::<Tags>(&json).unwrap(), tags);
        }
    }
}
