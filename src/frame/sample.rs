//! The evidence of a sequence: what its files say that tells a film from stills.
//!
//! Decodes a few frames in full, so it belongs on a worker. What the evidence means is decided in `sequence::film`.

use std::fs;
use std::ops::Range;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use crate::error::chain;
use crate::frame::color::{Feed, Target};
use crate::frame::decode::Decoder;
use crate::frame::fingerprint::Fingerprint;
use crate::frame::geometry::Geometry;
use crate::frame::metadata::{self, Settings};
use crate::frame::{Exposure, FrameError, ImageInfo, Layer};
use crate::model::Identity;
use crate::sequence::film::{
    Counter, Evidence, FilmVerdict, Judgement, MEASURED, Names, Pace, Pictures, Sizes, Text, after_long_pauses,
    has_companions, has_rest, judge, jumps,
};
use crate::sequence::generator::{Generator, MadeBy};
use crate::sequence::name::split_folder;
use crate::sequence::origin::{Origin, Total, run_starts};
use crate::sequence::rate::{MakersRate, RateEvidence};
use crate::sequence::sizes::SizeChange;
use crate::sequence::sizes::{self, Size};
use crate::sequence::tracker::FrameRun;
use crate::sequence::{Frame, FrameNumber, Pattern, os_name};
use crate::text::printable::Show as _;

/// A frame, and what [`crate::frame::complete::inspect_with_origin`] found in its file.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The frame.
    pub frame: Frame,
    /// What its header says.
    pub info: ImageInfo,
    /// What its generator wrote.
    pub origin: Origin,
}

/// How often frames here and there must differ from those before them in a sequence that moves: one odd picture among
/// copies of another makes two changes.
const MOVES: usize = 3;

/// Gathers what is known of the sequence `pattern` in `dir`. `frames` are all of its whole frames, in order; `others` are
/// the names of all other files in the folder. Pictures that cannot be decoded are no evidence.
fn evidence<'n>(
    dir: &Path,
    pattern: &Pattern,
    frames: &[Inspected],
    others: impl IntoIterator<Item = &'n [u8]>,
    layer: Option<&Layer>,
) -> Evidence {
    let numbers: Vec<FrameNumber> = frames.iter().map(|inspected| inspected.frame.number).collect();
    let times: Vec<i64> = frames.iter().map(|inspected| inspected.frame.identity.mtime_ns).collect();
    let sizes: Vec<(u32, u32)> = frames.iter().map(|inspected| (inspected.info.width, inspected.info.height)).collect();
    let origins: Vec<Origin> = frames.iter().map(|inspected| inspected.origin).collect();
    let measured = frames[window(frames.len())]
        .iter()
        .map(|Inspected { frame, .. }| (dir.join(os_name(&frame.file_name(pattern))), frame.identity));
    let pictures = measure(measured, layer).unwrap_or_else(|error| {
        tracing::debug!(path = %error.path.shown(), reason = %chain(&error.kind), "the pictures are not measured");
        None
    });
    let pictures =
        pictures.map(|pictures| Pictures { still: pictures.still && !moves(dir, pattern, frames, layer), ..pictures });
    let text = Text::of(&origins);
    Evidence {
        count: frames.len(),
        counter: if pattern.has_gaps() { Counter::of(&numbers) } else { Counter::Stamps },
        sizes: Sizes::of(&sizes),
        pace: Pace::of(&times),
        rest: rests_in_a_folder(frames),
        // Where texts tell the runs apart, nobody asks the pictures.
        breaks: text == Text::Absent && breaks(dir, pattern, frames, &times, layer),
        names: Names::of(dir, pattern, &numbers),
        companions: has_companions(frames.iter().map(|inspected| inspected.frame.file_name(pattern)), others),
        text,
        pictures,
    }
}

/// How many of the longest pauses are looked at.
const PAUSES: usize = 8;

/// Whether the pictures show something else after a long pause. What cannot be read is no sign of it.
fn breaks(dir: &Path, pattern: &Pattern, frames: &[Inspected], times: &[i64], layer: Option<&Layer>) -> bool {
    after_long_pauses(times, PAUSES).into_iter().any(|at| {
        let pair = frames[at - 1..=at].iter().map(|inspected| &inspected.frame);
        let files = pair.map(|frame| (dir.join(os_name(&frame.file_name(pattern))), frame.identity));
        let shown: Vec<Fingerprint> = fingerprints(files, layer).map_while(Result::ok).collect();
        matches!(&shown[..], [one, other] if Pictures::is_another(one.cells(), other.cells()))
    })
}

/// Whether there was a long rest. Where folders follow each other, as the user said, the night between two of them does not
/// count.
fn rests_in_a_folder(frames: &[Inspected]) -> bool {
    fn folder(of: &Inspected) -> &[u8] {
        of.frame.name.as_ref().map_or(&[], |name| split_folder(name).0)
    }
    frames.chunk_by(|one, next| folder(one) == folder(next)).any(|part| {
        let times: Vec<i64> = part.iter().map(|inspected| inspected.frame.identity.mtime_ns).collect();
        has_rest(&times)
    })
}

/// Where runs begin among frames in order, by what is embedded and by their numbers.
fn starts(pattern: &Pattern, frames: &[Inspected]) -> Vec<usize> {
    let origins: Vec<Origin> = frames.iter().map(|inspected| inspected.origin).collect();
    let mut starts = run_starts(&origins);
    if pattern.has_gaps() {
        let of = |inspected: &Inspected| (inspected.frame.number, inspected.frame.identity.mtime_ns);
        let (numbers, times): (Vec<FrameNumber>, Vec<i64>) = frames.iter().map(of).unzip();
        starts.extend(jumps(&numbers, &times));
        starts.sort_unstable();
        starts.dedup();
    }
    starts
}

/// The frames in order, those of several sizes apart where `size_change` says so.
fn by_size(frames: &[Inspected], size_change: SizeChange) -> Vec<Vec<Inspected>> {
    let sizes: Vec<Size> = match size_change {
        SizeChange::Split => frames.iter().map(|inspected| (inspected.info.width, inspected.info.height)).collect(),
        SizeChange::Fit | SizeChange::Error => frames.iter().map(|_| (0, 0)).collect(),
    };
    let film = |film: Vec<usize>| film.into_iter().map(|at| frames[at].clone()).collect();
    sizes::by_size(&sizes).into_iter().map(film).collect()
}

/// The runs that these frames are of by their sizes alone: somebody said that they are finished, and knows what they are.
/// `frames` are in order.
#[must_use]
pub fn runs_by_size(
    dir: &Path,
    pattern: &Pattern,
    frames: &[Inspected],
    size_change: SizeChange,
    stated: Option<Generator>,
) -> Vec<FrameRun> {
    let numbers = |frames: &[Inspected]| frames.iter().map(|inspected| inspected.frame.number).collect();
    let run = |frames: Vec<Inspected>| {
        let Words { rate, made_by, .. } = words_of(dir, pattern, &frames, stated);
        FrameRun { numbers: numbers(&frames), judgement: None, total: None, rate, made_by }
    };
    by_size(frames, size_change).into_iter().map(run).collect()
}

/// The runs that these frames of the sequence `pattern` in `dir` are of, each with what speaks for a film. `frames` are all
/// of its whole frames, in order.
#[must_use]
pub fn runs(
    dir: &Path,
    pattern: &Pattern,
    frames: &[Inspected],
    size_change: SizeChange,
    stated: Option<Generator>,
    layer: Option<&Layer>,
) -> Vec<FrameRun> {
    // A folder that cannot be read has no companions.
    let others = fs::read_dir(dir).into_iter().flatten().flatten();
    let others: Vec<Vec<u8>> = others.map(|entry| entry.file_name().into_encoded_bytes()).collect();
    let run = |frames: &[Inspected]| {
        let last = frames.last()?;
        let Words { total, rate, made_by } = words_of(dir, pattern, frames, stated);
        let beside = made_by.as_ref().and_then(|by| by.generator.ignores(dir, &last.frame.file_name(pattern)));
        // A decoder's panic over one strange file must not swallow the verdict.
        let evidence = || catch_unwind(|| evidence(dir, pattern, frames, others.iter().map(Vec::as_slice), layer));
        let weigh = || {
            evidence().map_or_else(
                |_| {
                    let hint = "this is a bug in reeld; the frames stay";
                    tracing::error!(dir = %dir.shown(), %pattern, hint, "gathering evidence failed");
                    Judgement { verdict: FilmVerdict::Unsure, points: 0, reasons: Vec::new() }
                },
                |evidence| judge(&evidence),
            )
        };
        let judgement = beside.map_or_else(weigh, Judgement::of_beside);
        let numbers = frames.iter().map(|inspected| inspected.frame.number).collect();
        Some(FrameRun { numbers, judgement: Some(judgement), total, rate, made_by })
    };
    let mut runs: Vec<FrameRun> = Vec::new();
    for frames in by_size(frames, size_change) {
        let starts = starts(pattern, &frames);
        let ends = starts.iter().skip(1).copied().chain([frames.len()]);
        runs.extend(starts.iter().copied().zip(ends).filter_map(|(start, end)| run(&frames[start..end])));
    }
    runs.sort_by_key(|run| run.numbers.first().copied());
    runs
}

/// What the maker of a run says, and who that is.
struct Words {
    total: Option<Total>,
    rate: Option<MakersRate>,
    made_by: Option<MadeBy>,
}

fn words_of(dir: &Path, pattern: &Pattern, frames: &[Inspected], stated: Option<Generator>) -> Words {
    let Some(last) = frames.last() else { return Words { total: None, rate: None, made_by: None } };
    let name = last.frame.file_name(pattern);
    let beside = metadata::settings_beside(&dir.join(os_name(&name)), stated);
    let has_settings = beside != Settings::default();
    let origins = || frames.iter().map(|inspected| &inspected.origin);
    Words {
        total: last.origin.total().or(beside.total),
        rate: RateEvidence::of(origins(), beside.rate).rate(dir, pattern),
        made_by: Some(MadeBy::of(stated, origins(), has_settings, dir, &name)),
    }
}

/// Which frames of `count` to decode: as many as are measured, one after the other, from the middle, because films often
/// begin and end in black.
fn window(count: usize) -> Range<usize> {
    let start = count.saturating_sub(MEASURED) / 2;
    start..count.min(start + MEASURED)
}

/// Decodes these consecutive frames and measures them, as sRGB on black, whatever their formats. One that cannot be read
/// ends it: the frames would no longer be neighbours. `None` where there are fewer than two.
fn measure(
    frames: impl Iterator<Item = (PathBuf, Identity)>,
    layer: Option<&Layer>,
) -> Result<Option<Pictures>, FrameError> {
    let fingerprints: Vec<Fingerprint> = fingerprints(frames, layer).collect::<Result<_, _>>()?;
    let cells: Vec<&[u8]> = fingerprints.iter().map(Fingerprint::cells).collect();
    Ok(Pictures::of(&cells))
}

/// Whether a sequence that stands still in the middle moves elsewhere, as far as frames here and there tell. What cannot be
/// read is no sign of it.
fn moves(dir: &Path, pattern: &Pattern, frames: &[Inspected], layer: Option<&Layer>) -> bool {
    let spread = spread(frames.len()).map(|at| &frames[at].frame);
    let files = spread.map(|frame| (dir.join(os_name(&frame.file_name(pattern))), frame.identity));
    let mut before: Option<Fingerprint> = None;
    let changed = |fingerprint: Fingerprint| {
        let changed = before.as_ref().is_some_and(|before| *before != fingerprint);
        before = Some(fingerprint);
        changed
    };
    fingerprints(files, layer).map_while(Result::ok).map(changed).filter(|changed| *changed).take(MOVES).count()
        == MOVES
}

/// Places of `count` frames, from the first to the last; none where all of them are in the window.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    let most = if count > MEASURED { MEASURED } else { 0 };
    (0..most).map(move |at| at * (count - 1) / (most - 1))
}

/// The fingerprints of these files.
fn fingerprints(
    files: impl Iterator<Item = (PathBuf, Identity)>,
    layer: Option<&Layer>,
) -> impl Iterator<Item = Result<Fingerprint, FrameError>> {
    let mut decoder = Decoder::of_layer(layer.cloned());
    let mut raw = Vec::new();
    files.map(move |(path, identity)| {
        let (geometry, exposure) = (Geometry::default(), Exposure::NONE);
        let target = Target { geometry, canvas: None, feed: Feed::Rgb24, exposure, background: [0; 3] };
        let ready = decoder.decode_for(&path, &identity, &target, &|| true)?;
        let ImageInfo { width, height, .. } = ready.info();
        decoder.fill(ready, &target, &mut raw)?;
        Ok(Fingerprint::of(&raw, width, height))
    })
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::files::identity_of;
    use crate::frame::complete::inspect_with_origin;
    use crate::sequence::Padding;

    #[test]
    fn the_window_is_in_the_middle() {
        assert_eq!(window(0), 0..0);
        assert_eq!(window(5), 0..5);
        assert_eq!(window(24), 0..24);
        assert_eq!(window(100), 38..62);
    }

    #[test]
    fn the_spread_is_from_the_first_to_the_last() {
        assert_eq!(spread(24).count(), 0);
        let places: Vec<usize> = spread(100).collect();
        assert_eq!((places.len(), places[0], places[23]), (24, 0, 99));
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(spread(25).last(), Some(24));
    }

    /// Frames of 160 times 90 pixels by these names.
    fn made(names: &[String], pixel: impl Fn(u32, u32) -> [u8; 3]) -> (tempfile::TempDir, Vec<(PathBuf, Identity)>) {
        let dir = tempfile::tempdir().unwrap();
        let save = |(number, name): (u32, &String)| {
            let path = dir.path().join(name);
            RgbImage::from_fn(160, 90, |x, _| Rgb(pixel(number, x))).save(&path).unwrap();
            let identity = identity_of(&fs::metadata(&path).unwrap());
            (path, identity)
        };
        let frames = (0..).zip(names).map(save).collect();
        (dir, frames)
    }

    /// A bar that moves to the right.
    fn bar(number: u32, x: u32) -> [u8; 3] {
        if x / 8 == number { [250, 200, 90] } else { [20, 30, 40] }
    }

    #[test]
    fn frames_of_any_format_are_measured() {
        let endings = ["png", "bmp", "tif", "webp", "tga", "qoi", "png", "bmp", "jpg"];
        let names: Vec<String> = (0..).zip(endings).map(|(number, ending)| format!("{number}.{ending}")).collect();
        let (_dir, frames) = made(&names, bar);
        let film = measure(frames.into_iter(), None).unwrap().unwrap();
        assert_eq!(film.count, 9);
        assert!(film.change > 0.1 && film.change < 1.0, "{film:?}");
        assert!(film.between > 0.9, "{film:?}");
    }

    #[test]
    fn a_night_between_two_folders_is_no_rest_of_a_run() {
        let (_dir, files) = made(&["1.png".into()], bar);
        let (info, origin) = inspect_with_origin(&files[0].0, &files[0].1, None).unwrap();
        let frames = |folder: fn(i64) -> String| -> Vec<Inspected> {
            let frame = |number: i64| {
                let name = format!("{}{number}.png", folder(number / 10));
                let second = number + 40_000 * (number / 10);
                let identity = Identity { mtime_ns: second * 1_000_000_000, ..files[0].1 };
                Frame { number, name: Some(name.as_bytes().into()), identity }
            };
            (0..30).map(|number| Inspected { frame: frame(number), info, origin }).collect()
        };
        assert!(rests_in_a_folder(&frames(|_| String::new())));
        assert!(rests_in_a_folder(&frames(|_| "2025-03-01/".to_owned())));
        assert!(!rests_in_a_folder(&frames(|day| format!("2025-03-0{}/", day + 1))));
    }

    #[test]
    fn a_frame_that_cannot_be_read_is_an_error() {
        let (dir, mut frames) = made(&["1.png".into(), "2.png".into()], bar);
        frames.push((dir.path().join("3.png"), frames[0].1));
        assert!(measure(frames.into_iter(), None).is_err());
    }

    #[test]
    fn evidence_is_gathered_from_files() {
        let names: Vec<String> = (0..30).map(|number| format!("shot.{number:04}.png")).collect();
        let (dir, files) = made(&names, |number, x| bar(number / 2, x));
        let pattern = Pattern::new("shot.", ".png", Padding::Width(4));
        let frames: Vec<Inspected> = (0..)
            .zip(&files)
            .map(|(number, (path, identity))| {
                let (info, origin) = inspect_with_origin(path, identity, None).unwrap();
                let identity = Identity { mtime_ns: number * 2_000_000_000, ..*identity };
                Inspected { frame: Frame { number, name: None, identity }, info, origin }
            })
            .collect();
        let beside: Vec<Vec<u8>> = (0..30).map(|number| format!("shot.{number:04}.MP4").into_bytes()).collect();
        let found = evidence(dir.path(), &pattern, &frames, beside.iter().map(Vec::as_slice), None);
        assert_eq!((found.count, found.counter, found.pace), (30, Counter::Dense, Pace::Steady));
        assert_eq!((found.sizes, found.text), (Sizes { kinds: 1, odd: 0 }, Text::Absent));
        assert!(found.companions);
        // The files have other times than they are said to have: they are not those that were inspected.
        assert_eq!(found.pictures, None);
        let frames: Vec<Inspected> = frames
            .into_iter()
            .zip(&files)
            .map(|(seen, (_, identity))| Inspected { frame: Frame { identity: *identity, ..seen.frame }, ..seen })
            .collect();
        let found = evidence(dir.path(), &pattern, &frames, [b"notes.md".as_slice()], None);
        assert_eq!(found.pictures.map(|pictures| pictures.count), Some(24));
        assert!(!found.companions);
    }

    /// What `evidence` finds of `count` frames at once.
    fn seen(count: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Evidence {
        let names: Vec<String> = (0..count).map(|number| format!("shot.{number:04}.png")).collect();
        let (dir, files) = made(&names, pixel);
        let inspected = |(number, (path, identity)): (i64, &(PathBuf, Identity))| {
            let (info, origin) = inspect_with_origin(path, identity, None).unwrap();
            Inspected { frame: Frame { number, name: None, identity: *identity }, info, origin }
        };
        let frames: Vec<Inspected> = (0..).zip(&files).map(inspected).collect();
        evidence(dir.path(), &Pattern::new("shot.", ".png", Padding::Width(4)), &frames, [], None)
    }

    #[test]
    fn a_film_that_stands_still_in_the_middle_is_none_of_copies() {
        let is_still = |count, pixel: &dyn Fn(u32, u32) -> [u8; 3]| seen(count, pixel).pictures.unwrap().still;
        assert!(is_still(20, &|_, x| bar(3, x)));
        assert!(is_still(60, &|_, x| bar(3, x)));
        assert!(is_still(60, &|number, x| bar(if number == 59 { 9 } else { 3 }, x)), "one odd picture among copies");
        assert!(!is_still(60, &|number, x| bar(if (15..45).contains(&number) { 15 } else { number % 20 }, x)));
        assert!(!is_still(20, &bar));
    }
}
