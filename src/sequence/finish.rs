//! What the rules that end a sequence mean, and their numbers.
//!
//! Owns the meaning of each rule. It never looks at the clock and remembers nothing: `tracker` keeps the state, and
//! `tracker::open::ends` decides whether a sequence has ended now, also whether it has been silent for long enough.
//!
//! There are two kinds of rules. A marker, a client, a number and the generator's word *say* that a sequence is finished.
//! Silence says nothing: a renderer may be at a slow frame, or have crashed, and whoever saved five single pictures falls
//! silent as well. So silence comes last, is the only one that depends on how the frames came, and needs evidence that they
//! are a film at all ([`FinishReason::needs_evidence`]).

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use bstr::BString;
use globset::{GlobMatcher, GlobSet};
use serde::{Deserialize, Serialize};

use crate::sequence::FrameNumber;
use crate::sequence::generator::Generator;
use crate::sequence::name::split_extension;
use crate::sequence::order::FrameOrder;
use crate::sequence::origin::Total;
use crate::text::plural::counted;

/// The shortest silence that `idle_timeout = "auto"` takes for the end.
///
/// Without it a few seconds would be the end of whatever a quick generator writes, and each time that a disk is busy or a
/// model is loaded would cut its film in two.
const IDLE_FLOOR: Duration = Duration::from_secs(30);

/// The longest silence that `idle_timeout = "auto"` waits for.
///
/// Without it a render that was stopped over two nights would be waited for for days: four times its usual pause.
const IDLE_CEILING: Duration = Duration::from_secs(6 * 60 * 60);

/// When a sequence of one root is finished, and what happens to its gaps. Built by `config`, read by `tracker`.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Marker files, matched against the bare file name.
    pub final_marker: GlobSet,
    /// A frame whose name matches ends its sequence.
    pub final_frame: Option<GlobMatcher>,
    /// The number of the last frame, reached or passed.
    pub last_frame: Option<FrameNumber>,
    /// How many frames make the sequence, at least one.
    pub frame_count: Option<u64>,
    /// How long a sequence is quiet before it counts as finished.
    pub idle_timeout: IdleTimeout,
    /// The longest that placeholders, unfinished files or a waited-for gap hold a finished sequence open.
    pub max_wait: Duration,
    /// Sequences with fewer frames are left alone. At least one.
    pub min_frames: u64,
    /// What a gap means.
    pub missing_frames: MissingFrames,
    /// The longest gap that [`MissingFrames::Hold`] fills, in frames, at least one.
    pub max_hold: u32,
    /// What a frame that comes after its batch was sealed opens.
    pub continuation: Continuation,
    /// Whether silence ends a sequence of files that were there before anyone watched.
    pub existing: Existing,
    /// What becomes of what looks like single pictures.
    pub stills: Stills,
    /// What decides the order of the frames.
    pub order: FrameOrder,
    /// Who makes the frames; `None` where that is seen by what they look like.
    pub generator: Option<Generator>,
}

/// How long a sequence is quiet before it counts as finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleTimeout {
    /// Four times the usual pause between frames of this run, not under 30 s and not over 6 h. By the run's own pace,
    /// because no one number serves generators that write ten frames a second and renders of an hour a frame. Four times,
    /// because frames of one film do not take equally long; too short a time makes two videos of one film, too long a one
    /// only makes people wait.
    Auto,
    /// As long as the config says.
    After(Duration),
    /// Silence never ends a sequence: only a marker, a number or a client does.
    Never,
}

/// What is done about a number that has no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingFrames {
    /// The frames that exist follow each other; an anomaly.
    Skip,
    /// The frame before the gap is shown for as long as the gap lasts; an anomaly.
    Hold,
    /// The batch fails.
    Error,
    /// The sequence stays open until the gap is filled; after `max_wait` the batch fails.
    Wait,
}

/// What frames that come after their batch was sealed open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuation {
    /// A batch of the new frames alone.
    New,
    /// A batch of the whole sequence, old frames and new, under a new name.
    Extend,
}

/// What silence means for files that were there before their root was first watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Nothing: only a marker, a number or a client ends a sequence of such files alone.
    Skip,
    /// The same as for files that came later.
    Encode,
}

/// What silence means for what looks like single pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stills {
    /// They are left alone.
    Skip,
    /// They become a video, and stay.
    Encode,
}

impl FinishReason {
    /// Whether nobody said that it is finished, so that evidence must tell whether it is a film. Whoever places a marker or
    /// names the last number knows what the frames are; that another run began tells only where the one before ended.
    #[must_use]
    pub fn needs_evidence(&self) -> bool {
        matches!(self, Self::Idle(_) | Self::NextRun)
    }
}

/// What ended a sequence. Prints as the log and the journal say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// A marker file appeared; its name.
    Marker(BString),
    /// A frame matched `final_frame`; its number.
    FinalFrame(FrameNumber),
    /// The number of `last_frame` was reached with no gap.
    LastFrame(FrameNumber),
    /// The number of frames of `frame_count` was reached with no gap.
    FrameCount(u64),
    /// A client said so (`reeld done`).
    Client,
    /// The generator announced this number of frames, or the last one, and they are there with no gap.
    Announced(u64),
    /// The generator began another run: what it embeds in the next frame differs.
    NextRun,
    /// Quiet for this many milliseconds.
    Idle(u64),
    /// `reeld encode` takes what is there now.
    Now,
}

/// What a marker file speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkerScope {
    /// `.done`: the whole folder and its `batch_NNNN` children.
    Folder,
    /// `NAME.done`: the sequences of that name.
    Named(BString),
}

/// How far a sequence has come, for the rules that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The first number.
    pub first: FrameNumber,
    /// The last number.
    pub last: FrameNumber,
    /// The last number that is reached from the first without a gap. Equals `last` where numbers are time stamps.
    pub solid: FrameNumber,
    /// From one number to the next, at least one.
    pub step: FrameNumber,
    /// How many frames.
    pub count: u64,
    /// The highest number of a frame that matches `final_frame`.
    pub final_frame: Option<FrameNumber>,
    /// The last number and the count of the frames that were in a batch before, if any: they end nothing again.
    pub before: Option<(FrameNumber, u64)>,
}

impl Rules {
    /// How many frames a sequence will have that begins with the number `first`, where that is known beforehand: by what the
    /// config says, else by the `total` that its maker states.
    #[must_use]
    pub fn frames_to_come(&self, first: FrameNumber, total: Option<Total>) -> Option<u64> {
        let between = |first: FrameNumber, last: FrameNumber| {
            let count = last.checked_sub(first)?.checked_add(1)?;
            u64::try_from(count).ok().filter(|count| *count > 0)
        };
        let by_config = self.frame_count.or_else(|| between(first, self.last_frame?));
        by_config.or_else(|| match total? {
            Total::Frames(count) => Some(count.get()),
            Total::Range { first, last } => between(first, last),
        })
    }

    /// What the file `name` speaks for, if it is a marker.
    #[must_use]
    pub fn marker(&self, name: &[u8]) -> Option<MarkerScope> {
        if !self.is_final_marker(name) {
            return self.is_makers_marker(name).then_some(MarkerScope::Folder);
        }
        // A glob that takes any name before `.done` asks for the sequence's; a literal one such as `finished.txt` has no
        // place for it.
        let any_stem = [b"\x01".as_slice(), name].concat();
        let named = split_extension(name).filter(|_| self.is_final_marker(&any_stem));
        Some(named.map_or(MarkerScope::Folder, |(stem, _)| MarkerScope::Named(stem.into())))
    }

    /// Whether the file `name` is a marker.
    #[must_use]
    pub fn is_marker(&self, name: &[u8]) -> bool {
        self.is_final_marker(name) || self.is_makers_marker(name)
    }

    fn is_makers_marker(&self, name: &[u8]) -> bool {
        self.generator.is_some_and(|generator| generator.is_marker(name))
    }

    fn is_final_marker(&self, name: &[u8]) -> bool {
        self.final_marker.is_match(Path::new(OsStr::from_bytes(name)))
    }

    /// Whether a frame of this name ends its sequence.
    #[must_use]
    pub fn is_final_frame(&self, name: &[u8]) -> bool {
        self.final_frame.as_ref().is_some_and(|glob| glob.is_match(Path::new(OsStr::from_bytes(name))))
    }

    /// The rule that ends a sequence by its numbers, if one does. A gap before the end is never the end: the machines of a
    /// render farm write frames in any order, and the last number is often there long before the middle.
    #[must_use]
    pub fn reached(&self, progress: &Progress) -> Option<FinishReason> {
        let Progress { first, last, solid, step, count, final_frame, before } = *progress;
        if let Some(number) = final_frame.filter(|number| *number <= solid) {
            return Some(FinishReason::FinalFrame(number));
        }
        // Every second frame of 1 to 100 ends with 99.
        if let Some(asked) = self.last_frame
            && (first..solid.saturating_add(step)).contains(&asked)
            && before.is_none_or(|(last, _)| last < asked)
        {
            return Some(FinishReason::LastFrame(asked));
        }
        let asked = self.frame_count.filter(|asked| count >= *asked && solid == last)?;
        before.is_none_or(|(_, count)| count < asked).then_some(FinishReason::FrameCount(asked))
    }
}

impl MarkerScope {
    /// Whether a sequence with this prefix is meant: one that is the name but for separators at its end, or that goes on
    /// after a separator. So `shot.done` speaks for `shot_beauty.0001.exr`, and not for `shot1_0001.exr`, another shot.
    #[must_use]
    pub fn speaks_for(&self, prefix: &[u8]) -> bool {
        match self {
            Self::Folder => true,
            Self::Named(name) => {
                let name = trim_separators(name);
                let goes_on = |rest: &[u8]| rest.first().is_none_or(|byte| is_separator(*byte));
                !name.is_empty() && prefix.strip_prefix(name).is_some_and(goes_on)
            }
        }
    }
}

impl IdleTimeout {
    /// The silence that ends a sequence whose usual pause is `longest_pause`, the longest that came more than once; `None`
    /// where no silence does.
    #[must_use]
    pub fn after(self, longest_pause: Duration) -> Option<Duration> {
        match self {
            Self::Auto => Some(longest_pause.saturating_mul(4).clamp(IDLE_FLOOR, IDLE_CEILING)),
            Self::After(silence) => Some(silence),
            Self::Never => None,
        }
    }
}

/// Whether a folder is called `batch_0000` or the like, so that a marker beside it speaks for it too.
#[must_use]
pub fn is_batch_folder(dir: &Path) -> bool {
    let digits = dir.file_name().and_then(|name| name.as_bytes().strip_prefix(b"batch_"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

fn trim_separators(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|byte| !is_separator(*byte)).map_or(0, |last| last + 1);
    &name[..end]
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'.' | b'_' | b'-' | b' ')
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marker(name) => write!(f, "marker {name}"),
            Self::FinalFrame(number) => write!(f, "final frame {number}"),
            Self::LastFrame(number) => write!(f, "last frame {number} reached"),
            Self::FrameCount(count) => write!(f, "{} reached", counted(*count, "frame", "frames")),
            Self::Client => f.write_str("`reeld done`"),
            Self::Announced(count) => write!(f, "all {count} frames that were announced"),
            Self::NextRun => f.write_str("the next run began"),
            Self::Idle(ms) => write!(f, "quiet for {}.{} s", ms / 1000, ms % 1000 / 100),
            Self::Now => f.write_str("`reeld encode`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use globset::{Glob, GlobSetBuilder};

    use super::*;

    fn rules(markers: &[&str]) -> Rules {
        let mut globs = GlobSetBuilder::new();
        for marker in markers {
            globs.add(Glob::new(marker).unwrap());
        }
        Rules {
            final_marker: globs.build().unwrap(),
            final_frame: None,
            last_frame: None,
            frame_count: None,
            idle_timeout: IdleTimeout::Auto,
            max_wait: Duration::from_secs(3600),
            min_frames: 2,
            missing_frames: MissingFrames::Skip,
            max_hold: 250,
            continuation: Continuation::New,
            existing: Existing::Skip,
            stills: Stills::Skip,
            order: FrameOrder::Number,
            generator: None,
        }
    }

    #[test]
    fn a_marker_speaks_for_its_folder_or_for_a_name() {
        let rules = rules(&[".done", "done", "*.done", "finished.txt"]);
        for bare in [".done", "done", "finished.txt"] {
            assert_eq!(rules.marker(bare.as_bytes()), Some(MarkerScope::Folder), "{bare}");
        }
        assert_eq!(rules.marker(b"shot.v2.done"), Some(MarkerScope::Named("shot.v2".into())));
        assert_eq!(rules.marker(b"\xff.done"), Some(MarkerScope::Named(b"\xff".into())));
        for other in ["done.txt", "shot.0001.png", "shot.finished.txt"] {
            assert_eq!(rules.marker(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_name_is_compared_without_separators_at_its_end() {
        let shot = MarkerScope::Named("shot".into());
        for prefix in ["shot", "shot.", "shot_", "shot - ", "shot_beauty.", "shot.v002."] {
            assert!(shot.speaks_for(prefix.as_bytes()), "{prefix}");
        }
        for prefix in ["", "shot1_", "sho", "xshot_", "Shot_"] {
            assert!(!shot.speaks_for(prefix.as_bytes()), "{prefix}");
        }
        assert!(MarkerScope::Named("shot_".into()).speaks_for(b"shot."));
        assert!(!MarkerScope::Named("_".into()).speaks_for(b""));
        assert!(MarkerScope::Folder.speaks_for(b""));
    }

    #[test]
    fn numbers_end_a_sequence_only_without_a_gap_before_them() {
        let mut rules = rules(&[]);
        let progress = Progress { first: 1, last: 10, solid: 10, step: 1, count: 10, final_frame: None, before: None };
        assert_eq!(rules.reached(&progress), None);
        rules.last_frame = Some(10);
        assert_eq!(rules.reached(&progress), Some(FinishReason::LastFrame(10)));
        assert_eq!(rules.reached(&Progress { last: 12, ..progress }), Some(FinishReason::LastFrame(10)));
        assert_eq!(rules.reached(&Progress { solid: 9, ..progress }), None);
        assert_eq!(rules.reached(&Progress { first: 11, last: 12, solid: 12, ..progress }), None);
        assert_eq!(rules.reached(&Progress { last: 11, solid: 11, before: Some((10, 10)), ..progress }), None);
        let odd = Progress { last: 9, solid: 9, step: 2, count: 5, ..progress };
        assert_eq!(rules.reached(&odd), Some(FinishReason::LastFrame(10)));
        assert_eq!(rules.reached(&Progress { last: 7, solid: 7, count: 4, ..odd }), None);
        rules.last_frame = None;
        rules.frame_count = Some(9);
        assert_eq!(rules.reached(&progress), Some(FinishReason::FrameCount(9)));
        assert_eq!(rules.reached(&Progress { solid: 9, ..progress }), None);
        assert_eq!(rules.reached(&Progress { count: 8, ..progress }), None);
        assert_eq!(rules.reached(&Progress { before: Some((9, 9)), ..progress }), None);
        let named = Progress { final_frame: Some(10), ..progress };
        assert_eq!(rules.reached(&named), Some(FinishReason::FinalFrame(10)));
        rules.frame_count = None;
        assert_eq!(rules.reached(&Progress { solid: 9, ..named }), None);
    }

    #[test]
    fn automatic_silence_is_four_pauses_within_bounds() {
        let seconds = Duration::from_secs;
        assert_eq!(IdleTimeout::Auto.after(Duration::ZERO), Some(seconds(30)));
        assert_eq!(IdleTimeout::Auto.after(seconds(60)), Some(seconds(240)));
        assert_eq!(IdleTimeout::Auto.after(Duration::MAX), Some(seconds(6 * 3600)));
        assert_eq!(IdleTimeout::After(seconds(5)).after(seconds(60)), Some(seconds(5)));
        assert_eq!(IdleTimeout::Never.after(seconds(60)), None);
    }

    #[test]
    fn batch_folders_are_known_by_name() {
        assert!(is_batch_folder(Path::new("/a/batch_0000")));
        assert!(is_batch_folder(Path::new("batch_12")));
        for other in ["/a/batch_", "/a/batch_1b", "/a/xbatch_1", "/", ""] {
            assert!(!is_batch_folder(Path::new(other)), "{other}");
        }
    }
}
