//! At how many frames a second a sequence is meant to be shown, where nobody states it: what its maker says.
//!
//! Owns what counts as such a word, which of several counts, and how a rate is told from Blender's time stamps. It never reads a
//! file: `frame` finds the words, [`crate::sequence::origin`] makes sense of them, and what they add up to is decided here.
//!
//! In this order:
//!
//! 1. a settings file beside the frames, as Deforum writes it;
//! 2. what is embedded in the frames: the frame counter of a ComfyUI graph, the video that the graph also makes, Blender's
//!    time stamps;
//! 3. a number with `fps` in the names of the files, or in that of their folder.
//!
//! What the config or the command line states counts more than any of it; where nothing says anything, it is 24. Both are for
//! `config` to know.

use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use bstr::ByteSlice as _;
use serde::{Deserialize, Serialize};

use crate::model::FrameRate;
use crate::model::rate::simplest;
use crate::sequence::origin::Origin;
use crate::sequence::{KeyPart, Kind, Pattern};

/// A rate that the maker of the frames says, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakersRate {
    /// Frames per second.
    pub rate: FrameRate,
    /// Where it stands.
    pub source: RateSource,
}

/// What a rate is taken from. Prints as a phrase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RateSource {
    /// The config, or the command line.
    Stated,
    /// Nothing says anything.
    Default,
    /// How long the video is to last, and how many frames there are.
    Duration,
    /// The slowest rate that is allowed: the video is to last longer.
    Slowest,
    /// The fastest rate that is allowed: the video is to be shorter.
    Fastest,
    /// The settings file beside the frames.
    Settings,
    /// The frame counter of the graph that made the frames.
    Counter,
    /// The node of that graph that makes a video of them too.
    VideoNode,
    /// Blender's time stamps.
    Stamps,
    /// The names of the files.
    FileName {
        /// The words that say so.
        text: String,
    },
    /// The name of the folder.
    FolderName {
        /// The words that say so.
        text: String,
    },
    /// The default, because the maker's rate cannot be had.
    Refused {
        /// The maker's.
        wanted: Box<MakersRate>,
        /// Why not.
        why: String,
    },
}

impl RateSource {
    /// Whether it has nothing to do with the maker of the frames.
    #[must_use]
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Stated | Self::Default)
    }
}

impl fmt::Display for RateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stated => f.write_str("`framerate`"),
            Self::Default => f.write_str("the default"),
            Self::Duration => f.write_str("`duration`"),
            Self::Slowest => f.write_str("`framerate_min`; for `duration` it would have to be slower"),
            Self::Fastest => f.write_str(
                "`framerate_max`, or the most that the format can be; for `duration` it would have to be faster",
            ),
            Self::Settings => f.write_str("the settings file beside the frames"),
            Self::Counter => f.write_str("the frame counter of the workflow"),
            Self::VideoNode => f.write_str("the video that the workflow makes"),
            Self::Stamps => f.write_str("the time stamps in the frames"),
            Self::FileName { text } => write!(f, "`{text}` in the file names"),
            Self::FolderName { text } => write!(f, "`{text}` in the folder's name"),
            Self::Refused { wanted, why } => {
                let MakersRate { rate, source: from } = &**wanted;
                write!(f, "the default, instead of {rate} from {from}: {why}")
            }
        }
    }
}

/// What the text of one frame says of the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateWord {
    /// A frame counter has this rate.
    Counter(FrameRate),
    /// The graph also makes a video, at this rate.
    VideoNode(FrameRate),
    /// A number and a time of day in a film.
    Stamp(TimeStamp),
}

/// Blender's `Time` and `Frame` of one frame: `00:00:01:06` and `30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeStamp {
    /// Frames from the beginning to the whole second, rounded: `Frame` less the frames in `Time`.
    frames: u32,
    /// Whole seconds, at least one.
    seconds: u32,
}

impl TimeStamp {
    /// The stamp of frame `number` at `time`, which is `HH:MM:SS:FF`. Before the beginning both have a sign. `None` within the
    /// first second, which says nothing.
    #[must_use]
    pub fn of(number: i64, time: &str) -> Option<Self> {
        let digits = time.strip_prefix('-').unwrap_or(time);
        if (number < 0) != (digits.len() < time.len()) {
            return None;
        }
        let mut parts = digits.split(':').map(|part| {
            let is_number = (2..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u32>().ok().filter(|_| is_number)
        });
        let mut next = || parts.next().flatten();
        let (hours, minutes, seconds, rest) = (next()?, next()?, next()?, next()?);
        if parts.next().is_some() || minutes > 59 || seconds > 59 {
            return None;
        }
        let seconds = hours.checked_mul(3600)?.checked_add(minutes * 60 + seconds)?;
        let frames = u32::try_from(number.unsigned_abs()).ok()?.checked_sub(rest)?;
        (seconds > 0 && frames > 0).then_some(Self { frames, seconds })
    }
}

/// The rates that time stamps leave open: from the one to the other.
///
/// Blender rounds the frames within a second, so that `frames` of a stamp are its seconds times the rate, give or take a half.
/// The later a frame, the closer that is: 23.976 and 24 are told apart from the 21st second on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    low: (u128, u128),
    high: (u128, u128),
}

impl Range {
    fn of(stamp: TimeStamp) -> Self {
        let (twice, seconds) = (2 * u128::from(stamp.frames), 2 * u128::from(stamp.seconds));
        Self { low: (twice - 1, seconds), high: (twice + 1, seconds) }
    }

    fn and(self, other: Self) -> Self {
        let is_less = |one: (u128, u128), other: (u128, u128)| one.0 * other.1 < other.0 * one.1;
        Self {
            low: if is_less(self.low, other.low) { other.low } else { self.low },
            high: if is_less(other.high, self.high) { other.high } else { self.high },
        }
    }

    /// The rate that is meant: a whole one, else one of the broadcast rates, else one and a half of a frame. `None` where the
    /// stamps contradict each other, or mean something else.
    fn rate(self) -> Option<FrameRate> {
        let fits = |rate: &FrameRate| {
            let (num, den) = (u128::from(rate.num.get()), u128::from(rate.den.get()));
            self.low.0 * den <= num * self.low.1 && num * self.high.1 <= self.high.0 * den
        };
        let (num, den) = simplest(self.low, self.high)?;
        let plain = FrameRate::new(u64::try_from(num).ok()?, u64::try_from(den).ok()?);
        let whole = plain.filter(|rate| rate.den.get() == 1);
        let half = plain.filter(|rate| rate.den.get() == 2);
        whole.or_else(|| FrameRate::ntsc().find(fits)).or(half)
    }
}

/// What the maker of a sequence has said of its rate, as far as its frames were looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateEvidence {
    settings: Option<FrameRate>,
    counter: Option<FrameRate>,
    video_node: Option<FrameRate>,
    stamps: Option<Range>,
}

impl RateEvidence {
    /// What frames of these texts say, beside a settings file that says `settings`.
    #[must_use]
    pub fn of<'o>(origins: impl IntoIterator<Item = &'o Origin>, settings: Option<FrameRate>) -> Self {
        let mut evidence = Self { settings, ..Self::default() };
        for origin in origins {
            evidence.add(origin);
        }
        evidence
    }

    /// What a settings file beside the frames says.
    pub fn add_settings(&mut self, rate: Option<FrameRate>) {
        self.settings = self.settings.or(rate);
    }

    /// One frame more. Of frames that say different things, the first counts; time stamps count together.
    pub fn add(&mut self, origin: &Origin) {
        match origin.rate() {
            None => {}
            Some(RateWord::Counter(rate)) => _ = self.counter.get_or_insert(rate),
            Some(RateWord::VideoNode(rate)) => _ = self.video_node.get_or_insert(rate),
            Some(RateWord::Stamp(stamp)) => {
                let range = Range::of(stamp);
                self.stamps = Some(self.stamps.map_or(range, |known| known.and(range)));
            }
        }
    }

    /// The rate of the sequence `pattern` in `dir`.
    #[must_use]
    pub fn rate(&self, dir: &Path, pattern: &Pattern) -> Option<MakersRate> {
        let said = |rate: Option<FrameRate>, source| rate.map(|rate| MakersRate { rate, source });
        said(self.settings, RateSource::Settings)
            .or_else(|| said(self.counter, RateSource::Counter))
            .or_else(|| said(self.video_node, RateSource::VideoNode))
            .or_else(|| said(self.stamps.and_then(Range::rate), RateSource::Stamps))
            .or_else(|| of_file_names(pattern))
            .or_else(|| of_folder_name(dir))
    }
}

/// What stands in all file names: `shot_24fps_####.png`.
fn of_file_names(pattern: &Pattern) -> Option<MakersRate> {
    let parts = match pattern.kind.of_files() {
        Kind::Keyed { parts, .. } => parts.as_slice(),
        _ => &[],
    };
    let text = |part: &'_ KeyPart| match part {
        KeyPart::Text(text) => Some(text.clone()),
        KeyPart::Number(_) | KeyPart::Stamp(_) | KeyPart::Along => None,
    };
    let mut texts = vec![pattern.prefix.clone()];
    texts.extend(parts.iter().filter_map(text));
    texts.push(pattern.suffix.clone());
    let (rate, text) = of_texts(texts.iter().map(|text| text.as_slice()))?;
    Some(MakersRate { rate, source: RateSource::FileName { text } })
}

fn of_folder_name(dir: &Path) -> Option<MakersRate> {
    let (rate, text) = of_texts([dir.file_name()?.as_bytes()])?;
    Some(MakersRate { rate, source: RateSource::FolderName { text } })
}

/// The one number with `fps` after it: `24fps`, `29.97 fps`, `12_FPS`. Two different ones say nothing.
fn of_texts<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> Option<(FrameRate, String)> {
    let mut found: Option<(FrameRate, String)> = None;
    for text in texts {
        let lower = text.to_ascii_lowercase();
        for at in lower.find_iter(b"fps") {
            let Some((rate, words)) = before(&text[..at], &text[at..]) else { continue };
            match &found {
                Some((known, _)) if *known != rate => return None,
                Some(_) => {}
                None => found = Some((rate, words)),
            }
        }
    }
    found
}

/// The rate at the end of `text`, where `rest` begins with the word for it.
fn before(text: &[u8], rest: &[u8]) -> Option<(FrameRate, String)> {
    let (word, after) = rest.split_at_checked(3)?;
    if after.first().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let number = text.strip_suffix(b" ").or_else(|| text.strip_suffix(b"_")).or_else(|| text.strip_suffix(b"-"));
    let number = number.unwrap_or(text);
    let from = number.iter().rposition(|byte| !byte.is_ascii_digit() && *byte != b'.').map_or(0, |at| at + 1);
    let (before, number) = number.split_at(from);
    // A letter in front makes it the number of something else, but for the dot between two words in `shot.24fps`.
    if before.last().is_some_and(u8::is_ascii_alphabetic) && !number.starts_with(b".") {
        return None;
    }
    let number = std::str::from_utf8(number).ok()?.trim_start_matches('.');
    let rate = FrameRate::read(number).ok()?;
    Some((rate, format!("{number}{}", String::from_utf8_lossy(word))))
}

#[cfg(test)]
mod tests;
