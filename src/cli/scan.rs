//! `reeld scan`: what becomes of each image, and what is wrong with the sequences.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr as _;

use bstr::BString;
use clap::Args;
use serde::{Serialize, Serializer};

use super::collect::{self, Contents, Found};
use super::error::{CliError, explained};
use super::{ConfigArg, Stated, out};
use crate::config::Root;
use crate::config::units::parse_generator;
use crate::frame::complete;
use crate::frame::sample::{self, Inspected};
use crate::frame::{FrameError, FrameErrorKind};
use crate::sequence::film::FilmVerdict;
use crate::sequence::gaps::{NumberRanges, step_of};
use crate::sequence::generator::MadeBy;
use crate::sequence::group::Scope;
use crate::sequence::rate::RateSource;
use crate::sequence::sizes::SizeChange;
use crate::sequence::tracker::FrameRun;
use crate::text::plural::counted;
use crate::text::printable::Show as _;
use crate::text::printable::printable;

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// A folder, one frame of a sequence, or a pattern such as `shot.####.png`
    path: PathBuf,
    /// Which files can be one film: those of one folder, or with `tree` also those of folders that follow each other
    #[arg(long, value_name = "G", default_value_t, value_parser = explained(Scope::from_str))]
    group: Scope,
    /// Who made the frames: one of the names of the config's `generator`, or `auto` to find out
    #[arg(long, value_name = "W", default_value = "auto", value_parser = explained(parse_generator))]
    generator: Stated,
    /// JSON, one object a line: each sequence, and each image that belongs to no sequence
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// One sequence, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Line {
    /// `sequence`.
    kind: &'static str,
    dir: String,
    pattern: String,
    first: i64,
    last: i64,
    /// From the one to the other, as people say it.
    span: String,
    count: usize,
    /// Inclusive ranges; with their step where it is not one.
    missing: NumberRanges,
    /// Sizes found, the most frequent first, as `1920x1080`.
    sizes: Vec<String>,
    /// Of all files together.
    bytes: u64,
    /// Numbers of files without a byte.
    empty: Vec<i64>,
    /// Numbers of files that lack their end or are no images, and why.
    unfinished: Vec<Unfinished>,
    /// Why the daemon makes no video of it.
    held: Option<String>,
    /// What is worth knowing of how the names were read.
    notes: Vec<String>,
    /// What the daemon would take it for if nothing but silence ended it, run by run.
    runs: Vec<TakenFor>,
}

/// What a run of frames looks like.
#[derive(Debug, Serialize)]
struct TakenFor {
    first: i64,
    last: i64,
    /// Its numbers, as people say them.
    span: String,
    count: usize,
    /// The size of its first frame.
    size: String,
    /// `film`, `unsure` or `stills`.
    verdict: FilmVerdict,
    /// The verdict with its reasons.
    why: String,
    /// Frames per second, as `24000/1001`, where `framerate` does not state another rate.
    rate: String,
    /// What that is taken from, as a phrase.
    #[serde(serialize_with = "phrase")]
    rate_from: RateSource,
    /// Who made it, and what tells; `None` where nothing does.
    made_by: Option<String>,
}

fn phrase<S: Serializer>(source: &RateSource, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(source)
}

#[derive(Debug, Serialize)]
struct Unfinished {
    number: i64,
    reason: String,
}

/// An image that is in no sequence, as `--json` prints it. The counts of all lines add up to the number of images.
#[derive(Debug, Serialize)]
struct Other<'a> {
    /// `single`, or `left_alone`.
    kind: &'static str,
    dir: &'a str,
    /// Its name.
    pattern: String,
    count: usize,
    why: String,
}

/// Why a single image is in no sequence.
pub(super) const ALONE: &str = "no other image goes with it";

/// How many images are where.
#[derive(Debug, Default)]
struct Sums {
    sequences: usize,
    frames: usize,
    singles: usize,
    left: usize,
}

pub(crate) fn run(args: &ScanArgs) -> Result<ExitCode, CliError> {
    let presets = args.config.load()?.map_or_else(Vec::new, |config| config.presets);
    let mut folders = match args.group {
        Scope::Folder => collect::contents_of(&args.path)?,
        Scope::Tree => collect::together(std::slice::from_ref(&args.path))?,
    };
    folders.sort_by(|a, b| a.dir.cmp(&b.dir));
    let mut sums = Sums::default();
    let mut hints = BTreeSet::new();
    for Contents { dir, mut sequences, mut singles, mut left, links } in folders {
        singles.sort_unstable();
        sequences.sort_by(|a, b| a.pattern.cmp(&b.pattern));
        let root = if sequences.is_empty() {
            Ok(Root::with_defaults(dir.to_path_buf()))
        } else {
            collect::root_of(&dir, &presets)
        };
        if let Err(error) = &root {
            let (message, hint) = error.words();
            out::error(message, hint);
        }
        for found in &sequences {
            sums.sequences += 1;
            sums.frames += found.frames.len();
            let line = examine(found, args.generator, &root);
            if args.json {
                out::json(&line)?;
            } else {
                out::line(&describe(&line))?;
            }
        }
        sums.singles += singles.len();
        hints.extend(left.iter().filter_map(|alike| collect::hint_of(&alike[0].1)));
        if let (true, Some(example)) = (links.wanted, &links.example) {
            let dir = dir.shown();
            let links = counted(links.count as u64, "link is", "links are");
            out::say_line(&format!("{dir}: {links} not followed and not counted, such as {example}"));
        }
        let dir = dir.to_string_lossy();
        list(args, "single", &dir, singles.iter().map(|name| (name, ALONE)), ALONE)?;
        for alike in &mut left {
            sums.left += alike.len();
            alike.sort_unstable();
            let all = alike[0].1.of(alike.len());
            list(args, "left_alone", &dir, alike.iter().map(|(name, why)| (name, why)), &all)?;
        }
    }
    for hint in hints {
        out::say(&format!("hint: {hint}"));
    }
    if !args.json {
        out::say_line(&sums.describe(&args.path));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints images of a folder that are in no sequence: each with its own reason, or all on one line with `of_all`, the
/// reason of all of them.
fn list<'n>(
    args: &ScanArgs,
    kind: &'static str,
    dir: &str,
    images: impl Iterator<Item = (&'n BString, impl Display)>,
    of_all: &str,
) -> Result<(), CliError> {
    let mut names = Vec::new();
    for (name, why) in images {
        names.push(name.to_string());
        if args.json {
            let (pattern, why) = (name.to_string(), why.to_string());
            out::json(&Other { kind, dir, pattern, count: 1, why })?;
        }
    }
    if args.json || names.is_empty() {
        return Ok(());
    }
    Ok(out::line(&printable(&describe_others(kind, dir, &names, of_all)))?)
}

/// `/renders/a.psd and 2 more  left alone: the format is not supported: Photoshop`
fn describe_others(kind: &str, dir: &str, names: &[String], why: &str) -> String {
    let what = if kind == "single" { "single" } else { "left alone" };
    match names {
        [only] => format!("{dir}/{only}  {what}: {why}"),
        [first, ..] => format!("{dir}/{first} and {} more  {what}: {why}", names.len() - 1),
        [] => String::new(),
    }
}

impl Sums {
    fn describe(&self, path: &Path) -> String {
        let Self { sequences, frames, singles, left } = self;
        let all = frames + singles + left;
        if all == 0 {
            return format!("no images below {}", path.shown());
        }
        let (all, sequences) =
            (counted(all as u64, "image", "images"), counted(*sequences as u64, "sequence", "sequences"));
        format!("{all}: {frames} in {sequences}, {singles} single, {left} left alone")
    }
}

fn examine(found: &Found, stated: Stated, root: &Result<Root, CliError>) -> Line {
    let stated = stated.or(root.as_ref().ok().and_then(|root| root.finish.generator));
    let mut sizes: Vec<(String, usize)> = Vec::new();
    let mut empty = Vec::new();
    let mut unfinished = Vec::new();
    let mut whole = Vec::new();
    for frame in &found.frames {
        let path = found.dir.join(crate::sequence::os_name(&frame.file_name(&found.pattern)));
        match complete::inspect_with_origin(&path, &frame.identity, None) {
            Ok((info, origin)) => {
                whole.push(Inspected { frame: frame.clone(), info, origin: origin.as_of(stated) });
                let size = format!("{}x{}", info.width, info.height);
                match sizes.iter_mut().find(|(known, _)| *known == size) {
                    Some((_, count)) => *count += 1,
                    None => sizes.push((size, 1)),
                }
            }
            Err(FrameError { kind: FrameErrorKind::Empty, .. }) => empty.push(frame.number),
            Err(error) => unfinished.push(Unfinished { number: frame.number, reason: error.kind.to_string() }),
        }
    }
    sizes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Line {
        kind: "sequence",
        dir: found.dir.to_string_lossy().into_owned(),
        pattern: found.pattern.to_string(),
        first: found.frames.first().map_or(0, |frame| frame.number),
        last: found.frames.last().map_or(0, |frame| frame.number),
        span: found
            .frames
            .first()
            .zip(found.frames.last())
            .map_or_else(String::new, |(first, last)| found.pattern.span(first.number, last.number)),
        count: found.frames.len(),
        missing: found.missing.clone(),
        sizes: sizes.into_iter().map(|(size, _)| size).collect(),
        bytes: found.frames.iter().map(|frame| frame.identity.size).sum(),
        empty,
        unfinished,
        held: match root {
            Ok(_) => found.looks_like.map(|looks_like| format!("{looks_like}; give its pattern to have it made")),
            Err(_) => Some("the file beside the frames is wrong".to_owned()),
        },
        notes: found.notes.iter().map(ToString::to_string).collect(),
        runs: if found.looks_like.is_none() { runs(found, &whole, stated, root.as_ref().ok()) } else { Vec::new() },
    }
}

/// What its runs look like.
fn runs(found: &Found, whole: &[Inspected], stated: Stated, root: Option<&Root>) -> Vec<TakenFor> {
    let default = Root::with_defaults(found.dir.to_path_buf());
    let root = root.unwrap_or(&default);
    let taken_for = |run: FrameRun| {
        let (first, last) = run.numbers.first().copied().zip(run.numbers.last().copied())?;
        let at = whole.binary_search_by_key(&first, |of| of.frame.number).ok()?;
        let judgement = run.judgement?;
        let Root { video, rate_from, .. } = root.at(run.rate.as_ref());
        let info = &whole[at].info;
        let step = step_of(run.numbers.iter().copied());
        let span = found.pattern.span(first, last);
        Some(TakenFor {
            first,
            last,
            span: if found.pattern.has_gaps() && step > 1 { format!("{span}x{step}") } else { span },
            count: run.numbers.len(),
            size: format!("{}x{}", info.width, info.height),
            verdict: judgement.verdict,
            why: judgement.to_string(),
            rate: video.rate.to_string(),
            rate_from,
            made_by: run.made_by.filter(MadeBy::is_known).map(|made_by| made_by.to_string()),
        })
    };
    let runs = sample::runs(&found.dir, &found.pattern, whole, SizeChange::Split, stated, None);
    runs.into_iter().filter_map(taken_for).collect()
}

/// `/renders/shot.####.png  1-240  238 frames  1920x1080  1.4 GB  missing 17, 99`
fn describe(line: &Line) -> String {
    let mut text = format!("{}/{}  ", line.dir, line.pattern);
    match line.count {
        1 => text += &format!("{}  1 frame", line.first),
        count => text += &format!("{}  {count} frames", line.span),
    }
    if !line.sizes.is_empty() {
        text += &format!("  {}", line.sizes.join(" and "));
    }
    text += &format!("  {}", indicatif::DecimalBytes(line.bytes));
    if !line.missing.is_empty() {
        text += &format!("  missing {}", line.missing);
    }
    if !line.empty.is_empty() {
        text += &format!("  empty {}", join(&line.empty));
    }
    let mut text = printable(&text).into_owned();
    for TakenFor { span, size, why, rate, rate_from, made_by, .. } in &line.runs {
        text += "\n    ";
        if line.runs.len() > 1 {
            text += &format!("{span}: ");
            if line.sizes.len() > 1 {
                text += &format!("{size}: ");
            }
        }
        text += why;
        if let Some(made_by) = made_by {
            text += &format!("; made by {}", printable(made_by));
        }
        if *rate_from != RateSource::Default {
            text += &format!("; {rate} frames per second: {}", printable(&rate_from.to_string()));
        }
    }
    for note in line.held.iter().chain(&line.notes) {
        text += &format!("\n    {}", printable(note));
    }
    for unfinished in &line.unfinished {
        text += &format!("\n    {}: {}", unfinished.number, printable(&unfinished.reason));
    }
    text
}

fn join(numbers: &[i64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
