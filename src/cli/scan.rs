//! `reeld scan`: which sequences are there, and what is wrong with them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::collect::{self, Found};
use super::error::CliError;
use super::out;
use crate::frame::complete;
use crate::frame::{FrameError, FrameErrorKind};
use crate::sequence::gaps::NumberRanges;

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// A folder, one frame of a sequence, or a pattern such as `shot.####.png`
    path: PathBuf,
    /// One JSON object a sequence
    #[arg(long)]
    json: bool,
}

/// One sequence, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Line {
    dir: String,
    pattern: String,
    first: i64,
    last: i64,
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
}

#[derive(Debug, Serialize)]
struct Unfinished {
    number: i64,
    reason: String,
}

pub(crate) fn run(args: &ScanArgs) -> Result<ExitCode, CliError> {
    let mut found = collect::collect(&args.path)?;
    found.sort_by(|a, b| (&a.dir, &a.pattern).cmp(&(&b.dir, &b.pattern)));
    for found in &found {
        let line = examine(found);
        if args.json {
            out::json(&line)?;
        } else {
            out::line(&describe(&line))?;
        }
    }
    if found.is_empty() && !args.json {
        out::say(&format!("no numbered images below {}", args.path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn examine(found: &Found) -> Line {
    let mut sizes: Vec<(String, usize)> = Vec::new();
    let mut empty = Vec::new();
    let mut unfinished = Vec::new();
    for frame in &found.frames {
        let path = found.dir.join(crate::sequence::os_name(&frame.file_name(&found.pattern)));
        match complete::inspect(&path, &frame.identity) {
            Ok(info) => {
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
        dir: found.dir.to_string_lossy().into_owned(),
        pattern: found.pattern.to_string(),
        first: found.frames.first().map_or(0, |frame| frame.number),
        last: found.frames.last().map_or(0, |frame| frame.number),
        count: found.frames.len(),
        missing: found.missing.clone(),
        sizes: sizes.into_iter().map(|(size, _)| size).collect(),
        bytes: found.frames.iter().map(|frame| frame.identity.size).sum(),
        empty,
        unfinished,
    }
}

/// `/renders/shot.####.png  1-240  238 frames  1920x1080  1.4 GB  missing 17, 99`
fn describe(line: &Line) -> String {
    let mut text = format!("{}/{}  ", line.dir, line.pattern);
    match line.count {
        1 => text += &format!("{}  1 frame", line.first),
        count => text += &format!("{}-{}  {count} frames", line.first, line.last),
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
    for unfinished in &line.unfinished {
        text += &format!("\n    {}: {}", unfinished.number, unfinished.reason);
    }
    text
}

fn join(numbers: &[i64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
