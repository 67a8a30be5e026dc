//! Is it a film, or are they stills? One pure function from evidence to a verdict with its reasons.
//!
//! Owns how evidence is weighed. It never looks at a file: what it weighs is gathered by the builders of [`Pace`],
//! [`Counter`], [`Sizes`], [`Names`], [`Text`] and [`Pictures`] from plain data. It is asked only about a sequence that
//! ends by silence. One that ends by a marker, a number, a client or its generator's word is what it was said to be.
//! It is asked of each run by itself (a run ends where the embedded text says so, or where the numbers jump by a thousand and
//! more after a long pause), and, unless `size_change` says otherwise, of each size that has 8 frames and more
//! ([`sizes`](crate::sequence::sizes)).
//!
//! # How evidence is weighed
//!
//! Each piece of evidence has points, and the points are added up. Some evidence also forbids the verdict *film*.
//!
//! | evidence | points | forbids |
//! | --- | --- | --- |
//! | the embedded texts differ only in a counter | +4 | |
//! | they are the same | +1 | |
//! | there are none, or they differ only in seeds | 0 | |
//! | only in seeds, where the order of the pictures does not matter and the folder's name does not say film | -3 | |
//! | they differ in other numbers; in words | -2; -4 | yes |
//! | the pace is steady; uneven, or all came at once; a person's | +1; 0; -2 | the last, unless the text or the folder's name says film |
//! | there was a rest of a minute and more, and of ten usual pauses, in one folder | 0 | yes, if there is no text |
//! | the pictures show something else after a pause that was twice the usual one | 0 | yes, if there is no text |
//! | more than two frames have another size than most | -4 | yes |
//! | the numbers have irregular gaps; in fewer than 8 frames, whose texts then count for nothing as well | -3 | yes |
//! | the folder has the name of a film's; of one for mixed use, or of a day, unless the names are times and the pace is steady | +1; -1 | the last, if there is no text |
//! | the names are those of UDIM tiles, textures or icons; a video or settings of the same name beside each | -4 | yes |
//! | 24 frames and more; 8 to 23; 4 to 7; fewer | +1; 0; -1; -2 | fewer than 8 |
//! | the pictures are alike: 8 and more; 4 to 7; fewer | +3; +2; +1 | |
//! | they are alike because all of them are the same, the pace is not steady, and no text counts the frames | +1 | yes |
//! | they are not alike, but near | +1 | |
//! | their order matters: 12 and more; 8 to 11 | +3; +2 | |
//! | it does not: 24 and more; 12 to 23; 8 to 11 | -3; -2; -1 | |
//! | they are unlike: 4 and more; fewer | -3; -2 | |
//!
//! - **Film**: 3 points and more, nothing that forbids it, and pictures that are film-like: alike, or in an order that
//!   matters (and near as well, if there are fewer than 12). A text that counts frames stands in for the pictures. One
//!   that counts what was loaded does not: a folder of photographs can be loaded one by one, too.
//! - **Stills**: -2 points and less, or fewer than 8 frames whose numbers have irregular gaps. Somebody asked for just these
//!   frames, to look at them, and a renderer that stamps each with its number says no more than their names do.
//! - **Unsure**: everything between. So is what would be stills, where at least 8 frames of one size and without text
//!   came at a steady pace with regular numbers and no name that speaks against it: renderers and cameras work like that,
//!   whatever they show.
//!
//! One picture, again and again, is no sign of motion: somebody may have copied it. So it takes a steady pace or a text that
//! counts frames to call that a film, such as a title that stands still. A film that stands still in its middle only is
//! one like any other.
//!
//! The words for pictures are measures of [`Pictures`]. A wrong *film* can cost frames, a wrong *unsure* costs a video
//! that nobody wanted, and a wrong *stills* is listed with its reasons. That is why a doubt falls towards *unsure*, and
//! why the last thing to be believed is that it surely is a film.

use std::fmt;

use serde::Serialize;

mod names;
mod pace;
mod pictures;
mod reason;

pub use names::{Folder, Names, Subject, has_companions};
pub use pace::{Counter, Pace, Sizes, after_long_pauses, has_rest, jumps};
pub use pictures::{MEASURED, Pictures};
pub use reason::Reason;

use crate::sequence::origin::{Counts, Origin, Relation};

/// What is known about a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// How many frames there are.
    pub count: usize,
    /// How their numbers follow each other.
    pub counter: Counter,
    /// Their sizes in pixels.
    pub sizes: Sizes,
    /// The pauses between them.
    pub pace: Pace,
    /// Whether there was a long rest between two of them.
    pub rest: bool,
    /// Whether they show something else after a pause that was longer than usual.
    pub breaks: bool,
    /// What their names say.
    pub names: Names,
    /// Whether a video, or a file of settings, of the same name is beside each.
    pub companions: bool,
    /// How their embedded texts differ.
    pub text: Text,
    /// Measures of the pictures, if they could be decoded.
    pub pictures: Option<Pictures>,
}

/// How the embedded texts of a sequence differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// There are none.
    Absent,
    /// They are all the same.
    Same,
    /// In seeds only.
    Seeds,
    /// In a counter, and perhaps in seeds.
    Counts(Counts),
    /// In numbers that are neither.
    Numbers,
    /// In words.
    Words,
}

impl Text {
    /// How the texts of frames in order differ: the most that any two neighbours do.
    #[must_use]
    pub fn of(frames: &[Origin]) -> Self {
        let of_pair = |pair: &[Origin]| match pair[0].compare(&pair[1]) {
            Relation::Absent => (0, Self::Absent),
            Relation::Same => (1, Self::Same),
            Relation::Seed => (2, Self::Seeds),
            Relation::Counter(counts) => (3, Self::Counts(counts)),
            Relation::Numbers => (4, Self::Numbers),
            Relation::Words => (5, Self::Words),
        };
        frames.windows(2).map(of_pair).max_by_key(|(strength, _)| *strength).map_or(Self::Absent, |(_, text)| text)
    }
}

/// What a sequence is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FilmVerdict {
    /// Single pictures: they are left alone.
    Stills,
    /// It may be a film: it is made into one, and the frames stay.
    Unsure,
    /// It is one.
    Film,
}

/// A verdict, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What it is taken for.
    pub verdict: FilmVerdict,
    /// The sum of the points of all reasons.
    pub points: i32,
    /// Everything that counted, the heaviest first.
    pub reasons: Vec<Reason>,
}

impl Judgement {
    /// Images of which it is known what they are beside frames, whatever they look like.
    #[must_use]
    pub fn of_beside(what: &'static str) -> Self {
        let reason = Reason::Beside(what);
        Self { verdict: FilmVerdict::Stills, points: reason.points(), reasons: vec![reason] }
    }
}

/// From this many points on it may be a film.
const FILM: i32 = 3;

/// Up to this many points they are stills.
const STILLS: i32 = -2;

/// Fewer frames are never surely a film.
const FEW: usize = 8;

/// Weighs `evidence`.
#[must_use]
pub fn judge(evidence: &Evidence) -> Judgement {
    let mut reasons = reasons(evidence);
    let points = reasons.iter().map(Reason::points).sum();
    let forbidden = reasons.iter().any(|reason| forbids(reason, evidence));
    let looks_like_film = evidence.pictures.is_some_and(|pictures| pictures.are_film_like());
    let verdict = if is_scattered(evidence) {
        FilmVerdict::Stills
    } else if points >= FILM && !forbidden && (looks_like_film || counts_frames(evidence)) {
        FilmVerdict::Film
    } else if points > STILLS {
        FilmVerdict::Unsure
    } else if is_regular(evidence) {
        reasons.push(Reason::Regular);
        FilmVerdict::Unsure
    } else {
        FilmVerdict::Stills
    };
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points().abs()));
    Judgement { verdict, points, reasons }
}

fn reasons(evidence: &Evidence) -> Vec<Reason> {
    let Evidence { count, counter, sizes, pace, rest, breaks, names, companions, text, pictures } = evidence;
    let text = match text {
        Text::Absent => None,
        Text::Same => Some(Reason::TextSame),
        // A film that is painted frame by frame has an order. Without one, these are variations of one picture.
        Text::Seeds if names.folder != Folder::Film && pictures.is_some_and(|shown| shown.have_no_order()) => {
            Some(Reason::Variations)
        }
        Text::Seeds => Some(Reason::TextSeeds),
        Text::Counts(Counts::Frames) => Some(Reason::TextCountsFrames),
        Text::Counts(Counts::Sources) => Some(Reason::TextCountsSources),
        Text::Numbers => Some(Reason::TextNumbers),
        Text::Words => Some(Reason::TextWords),
    };
    let text = text.filter(|reason| reason.points() <= 0 || !is_scattered(evidence));
    let pace = match pace {
        Pace::Steady => Some(Reason::Steady),
        Pace::Person => Some(Reason::Person),
        Pace::AtOnce | Pace::Uneven => None,
    };
    let folder = match names.folder {
        Folder::Film => Some(Reason::FilmFolder),
        Folder::Mixed => Some(Reason::MixedFolder),
        Folder::Day if !is_time_lapse(evidence) => Some(Reason::DayFolder),
        Folder::Day | Folder::Plain => None,
    };
    let mut reasons: Vec<Reason> = [
        text,
        pace,
        rest.then_some(Reason::Rest),
        breaks.then_some(Reason::Breaks),
        folder,
        names.subject.map(Reason::Subject),
        companions.then_some(Reason::Companions),
        sizes.differ().then_some(Reason::Sizes { sizes: sizes.kinds, frames: *count }),
        (*counter == Counter::Sparse).then_some(Reason::Sparse),
        (*count < FEW).then_some(Reason::Few(*count)),
        (*count >= 24).then_some(Reason::Many),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(pictures) = pictures {
        let unchanged = pictures.still && evidence.pace != Pace::Steady && !counts_frames(evidence);
        let shown = [
            (unchanged, Reason::Unchanged),
            (pictures.are_alike() && !unchanged, Reason::Alike(pictures.count)),
            (pictures.are_near(), Reason::Near),
            (pictures.are_in_order() && !pictures.still, Reason::InOrder(pictures.count)),
            (pictures.have_no_order(), Reason::NoOrder(pictures.count)),
            (pictures.are_unlike(), Reason::Unlike(pictures.count)),
        ];
        reasons.extend(shown.into_iter().filter_map(|(is, reason)| is.then_some(reason)));
    }
    reasons
}

/// Whether a reason forbids the verdict *film*.
fn forbids(reason: &Reason, evidence: &Evidence) -> bool {
    match reason {
        Reason::TextNumbers
        | Reason::TextWords
        | Reason::Sizes { .. }
        | Reason::Sparse
        | Reason::Subject(_)
        | Reason::Companions
        | Reason::Unchanged
        | Reason::Few(_) => true,
        Reason::Person => !counts_frames(evidence) && evidence.names.folder != Folder::Film,
        // What came before the rest may be left over from another run, and only a text could tell. A camera's burst is
        // steady and alike, too, and nobody wants to lose it.
        Reason::Rest | Reason::Breaks | Reason::MixedFolder | Reason::DayFolder => evidence.text == Text::Absent,
        _ => false,
    }
}

/// What a camera does that is set to make a picture every so often.
fn is_time_lapse(evidence: &Evidence) -> bool {
    evidence.names.clocked && evidence.pace == Pace::Steady
}

fn counts_frames(evidence: &Evidence) -> bool {
    evidence.text == Text::Counts(Counts::Frames)
}

/// A few frames out of many.
fn is_scattered(evidence: &Evidence) -> bool {
    evidence.counter == Counter::Sparse && evidence.count < FEW
}

/// What renderers and cameras do, whatever they show.
fn is_regular(evidence: &Evidence) -> bool {
    evidence.count >= FEW
        && evidence.pace == Pace::Steady
        && evidence.text == Text::Absent
        && evidence.counter != Counter::Sparse
        && evidence.sizes.odd == 0
        && evidence.names.subject.is_none()
        && !evidence.companions
}

impl fmt::Display for FilmVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Film => "a film",
            Self::Unsure => "perhaps a film",
            Self::Stills => "single pictures",
        })
    }
}

/// `perhaps a film: only 5 frames; the pictures resemble each other`
impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verdict)?;
        for (index, reason) in self.reasons.iter().enumerate() {
            write!(f, "{}{reason}", if index == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
