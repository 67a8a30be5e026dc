//! What a generator wrote into a frame's file, and how the texts of two frames differ.
//!
//! Owns what such a text means: which of its words are seeds, which are counters, what it says about the number of
//! frames and about the rate, and where one run ends and the next begins. It never reads a file; `frame::metadata` does. A text is turned
//! into an [`Origin`] once, which has a fixed size and is all that is kept of it.
//!
//! A ComfyUI prompt is a graph: nodes by number, each with a `class_type` and `inputs`. The graph is read as such; every
//! other text (AUTOMATIC1111's `parameters`, or a graph that is too long to be read whole) is read word by word.
//! The prefix of the output's name, titles and cached states are no part of what makes a picture, and are left out.

use std::num::NonZeroU64;

use crate::model::FrameRate;
use crate::sequence::FrameNumber;
use crate::sequence::generator::{Generator, RateFrom, TotalFrom};
use crate::sequence::rate::RateWord;

mod graph;
mod layers;
mod words;

use layers::{Hashes, Layers, Role};

/// What was found in a frame's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Embedded {
    /// The prompt, or the parameters, of an image generator.
    Text {
        /// As written, usually JSON or lines of words.
        text: Vec<u8>,
        /// Whether more of it stands in the file than was read.
        cut: bool,
    },
    /// Blender's stamps.
    Stamps(Stamps),
}

/// The stamps of Blender's that are the same in all frames of a film, and those that count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamps {
    /// The scene file.
    pub file: Vec<u8>,
    /// The scene.
    pub scene: Vec<u8>,
    /// The number of this frame.
    pub frame: Option<FrameNumber>,
    /// The first and the last frame of the animation.
    pub range: Option<(FrameNumber, FrameNumber)>,
    /// The time of this frame in the film, as `00:00:01:06`.
    pub time: Option<String>,
}

/// What is kept of a frame's text: hashes of what stays when seeds, counters and numbers are blanked, and what the text
/// says outright. [`Origin::default`] is that of a file without any text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin(Option<Written>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    hashes: Hashes,
    counter: Counter,
    /// The sum of all counters, because which of them moves cannot be seen in one text. Only its order has a meaning.
    position: i64,
    total: Option<Total>,
    rate: Option<RateWord>,
    generator: Option<Generator>,
}

/// What counts in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counter {
    /// What the strongest of its counters counts.
    counts: Option<Counts>,
    /// A counter that moves without a trace in the text, such as one that counts the files of a folder.
    hidden: bool,
}

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counts {
    /// Pictures that are loaded, whatever they are: an index, or the name of the source.
    Sources,
    /// Frames of a film.
    Frames,
}

/// The number of frames, as the generator states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// This many.
    Frames(NonZeroU64),
    /// From one number to another; with a step that is not stated, so that the last one may never come.
    Range {
        /// The first frame.
        first: FrameNumber,
        /// The last frame, at most.
        last: FrameNumber,
    },
}

/// How the texts of two frames differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Neither frame has a text.
    Absent,
    /// They are the same.
    Same,
    /// In a counter, and perhaps in seeds.
    Counter(Counts),
    /// In seeds only.
    Seed,
    /// In numbers that are neither seeds nor known counters, and perhaps in these.
    Numbers,
    /// In words, or one frame has no text.
    Words,
}

impl Origin {
    /// What `embedded` says.
    #[must_use]
    pub fn of(embedded: &Embedded) -> Self {
        let mut layers = Layers::default();
        match embedded {
            Embedded::Text { text, cut } => match graph::parse(text).filter(|_| !cut) {
                Some(graph) => graph::read(&graph, &mut layers),
                None => words::read(text, &mut layers),
            },
            Embedded::Stamps(stamps) => layers.stamps(stamps),
        }
        let generator = match embedded {
            Embedded::Text { text, .. } => Generator::of_text(text),
            Embedded::Stamps(_) => Some(Generator::Blender),
        };
        Self(Some(Written { generator, ..layers.finish() }))
    }

    /// How many frames there will be, if the generator states it.
    #[must_use]
    pub fn total(&self) -> Option<Total> {
        self.0.and_then(|written| written.total)
    }

    /// Whose form the text has.
    #[must_use]
    pub fn generator(&self) -> Option<Generator> {
        self.0.and_then(|written| written.generator)
    }

    /// What counts of it in frames of `stated`, of which the config says that they are: words that such a generator does not
    /// write there mean something else. Where the config says nothing, all of it counts.
    #[must_use]
    pub fn as_of(self, stated: Option<Generator>) -> Self {
        let Some((written, generator)) = self.0.zip(stated) else { return self };
        Self(Some(Written {
            total: written.total.filter(|_| generator.says_total(TotalFrom::Text)),
            rate: written.rate.filter(|_| generator.says_rate(RateFrom::Text)),
            ..written
        }))
    }

    /// What the generator says of the rate.
    #[must_use]
    pub fn rate(&self) -> Option<RateWord> {
        self.0.and_then(|written| written.rate)
    }

    /// How the text of `other`, a later frame, differs from this one.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Relation {
        let (one, other) = match (&self.0, &other.0) {
            (Some(one), Some(other)) => (one, other),
            (None, None) => return Relation::Absent,
            _ => return Relation::Words,
        };
        let counts = one.counter.counts.min(other.counter.counts);
        // In the order of how much is blanked: the first layer that is equal says what the difference is in.
        match counts {
            // Whatever else is equal, a hidden counter has moved.
            Some(counts) if one.hashes.core == other.hashes.core && one.counter.hidden => Relation::Counter(counts),
            _ if one.hashes.whole == other.hashes.whole => Relation::Same,
            _ if one.hashes.unseeded == other.hashes.unseeded => Relation::Seed,
            Some(counts) if one.hashes.core == other.hashes.core => Relation::Counter(counts),
            _ if one.hashes.words == other.hashes.words => Relation::Numbers,
            _ => Relation::Words,
        }
    }
}

impl Total {
    /// Whether frames up to `last`, `count` of them, the numbers `step` apart, are all that was announced.
    #[must_use]
    pub fn is_reached(&self, count: u64, last: FrameNumber, step: u64) -> bool {
        match self {
            Self::Frames(total) => count >= total.get(),
            // Every second frame of 1 to 100 ends with 99: the next one would be beyond the end.
            Self::Range { last: stated, .. } => i128::from(last) + i128::from(step.max(1)) > i128::from(*stated),
        }
    }

    /// What Deforum's `_settings.txt` states. Only its 2D and 3D animations have as many frames as the settings say; the
    /// others follow a video or the prompts.
    #[must_use]
    pub fn of_deforum(settings: &[u8]) -> Option<Self> {
        let settings = graph::parse(settings)?;
        matches!(settings.get("animation_mode")?.as_str()?, "2D" | "3D")
            .then(|| settings.get("max_frames")?.as_u64())
            .flatten()
            .and_then(NonZeroU64::new)
            .map(Self::Frames)
    }
}

/// The rate that Deforum's `_settings.txt` states.
#[must_use]
pub fn rate_of_deforum(settings: &[u8]) -> Option<FrameRate> {
    graph::rate(graph::parse(settings)?.get("fps")?)
}

/// Whether a text is one JSON object and nothing else, as Python writes it: with `NaN` and `Infinity`.
#[must_use]
pub fn is_object(text: &[u8]) -> bool {
    graph::is_object(text)
}

/// Whether a run ends before `next`, where the frames follow each other as `before`, `last`, `next`, `after`.
///
/// Words that differ, a text that appears or is gone, and a counter that starts again end a run. A seed, or a number
/// that is no known counter, may change with every frame of a run (one prompt a frame), or with the run (one prompt for
/// all its frames). So it ends a run only where a neighbour has the very same text: that one was made by a prompt for
/// several frames.
#[must_use]
pub fn ends_run(before: Option<&Origin>, last: &Origin, next: &Origin, after: Option<&Origin>) -> bool {
    match last.compare(next) {
        Relation::Absent | Relation::Same => false,
        Relation::Words => true,
        Relation::Counter(_) => last.position() > next.position(),
        Relation::Seed | Relation::Numbers => {
            let same = |one: &Origin, other: &Origin| one.compare(other) == Relation::Same;
            before.is_some_and(|before| same(before, last)) || after.is_some_and(|after| same(next, after))
        }
    }
}

/// Where runs begin among frames in order; the first frame begins one.
#[must_use]
pub fn run_starts(frames: &[Origin]) -> Vec<usize> {
    let ends = |at: &usize| {
        let before = at.checked_sub(2).and_then(|before| frames.get(before));
        ends_run(before, &frames[at - 1], &frames[*at], frames.get(at + 1))
    };
    (0..frames.len().min(1)).chain((1..frames.len()).filter(ends)).collect()
}

impl Origin {
    fn position(&self) -> i64 {
        self.0.map_or(0, |written| written.position)
    }
}

#[cfg(test)]
mod tests;
