//! `done`, `list`, `retry` and `forget`: through the running daemon where there is one, else on the journal itself.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::ask::{self, NoDaemon};
use super::error::CliError;
use super::{ConfigArg, out, state};
use crate::config::{Cleanup, dirs, real};
use crate::core::command::{self, Command, RetryTarget, Trouble, WirePath};
use crate::journal::{Entry, Journal, State};
use crate::pipeline::clock::now_ms;
use crate::sequence::rate::RateSource;
use crate::sequence::tracker::OpenSequence;
use crate::serve::MOST_ROWS;
use crate::serve::client::Listing;
use crate::text::plural::{agree, counted};
use crate::text::printable::Show as _;
use crate::text::printable::printable;

#[derive(Debug, Args)]
pub(crate) struct DoneArgs {
    /// The folder whose sequences are finished
    dir: PathBuf,
    #[command(flatten)]
    config: ConfigArg,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// One JSON object a batch
    #[arg(long)]
    json: bool,
    /// Show at most this many, the newest last
    #[arg(long, default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    config: ConfigArg,
}

#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// A batch's number in `reeld list`, or a folder
    #[arg(value_name = "ID|DIR")]
    target: String,
    #[command(flatten)]
    config: ConfigArg,
}

#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// The folder whose frames are to count as new
    dir: PathBuf,
    #[command(flatten)]
    config: ConfigArg,
}

pub(crate) fn done(args: &DoneArgs, quiet: bool) -> Result<ExitCode, CliError> {
    let dir = absolute(&args.dir)?;
    match ask::daemon(&args.config, quiet)? {
        Ok(daemon) => ask::order(daemon, &Command::Done { dir: WirePath::from(dir.as_path()) }),
        Err(nobody) => {
            Err(nobody
                .error(format!("start one with `reeld run`, or encode at once: `reeld encode {}`", args.dir.shown())))
        }
    }
}

pub(crate) fn list(args: &ListArgs, quiet: bool) -> Result<ExitCode, CliError> {
    let Listing { rows, troubles, open } = match ask::daemon(&args.config, quiet)? {
        Ok(daemon) => match daemon.list(args.limit)? {
            Ok(listing) => listing,
            Err(refused) => return ask::show(refused),
        },
        Err(nobody) => {
            let state = own_state_dir(nobody, &args.config, quiet)?;
            Listing { rows: rows(&state, args.limit)?, ..Listing::default() }
        }
    };
    for row in &rows {
        if args.json {
            out::json(row)?;
        } else {
            out::line(&describe(row))?;
        }
    }
    for trouble in &troubles {
        if args.json {
            out::json(&TroubleLine { state: "trouble", trouble })?;
        } else {
            out::line(&describe_trouble(trouble))?;
        }
    }
    let most = usize::try_from(args.limit).unwrap_or(usize::MAX);
    for sequence in open.iter().take(most) {
        if args.json {
            out::json(sequence)?;
        } else {
            out::line(&describe_open(sequence))?;
        }
    }
    if open.len() > most {
        let more = counted((open.len() - most) as u64, "open sequence", "open sequences");
        out::say(&format!("and {more} more; `--limit` shows all"));
    }
    if rows.len() as u64 == u64::from(MOST_ROWS) && args.limit > MOST_ROWS {
        out::say(&format!("these are the newest {MOST_ROWS} batches: a daemon lists no more"));
    }
    if rows.is_empty() && open.is_empty() && !args.json {
        out::say("nothing was encoded yet");
    }
    Ok(ExitCode::SUCCESS)
}

/// The newest rows of a journal, the oldest of them first.
fn rows(state: &Path, limit: u32) -> Result<Vec<Entry>, CliError> {
    let journal = Journal::open_to_read(state)?;
    let mut rows = journal.map_or_else(|| Ok(Vec::new()), |journal| journal.list(limit))?;
    rows.reverse();
    Ok(rows)
}

/// `open  /renders/shot_####.png 1-17  17 frames  missing 5`, and what there is to say of it, in lines.
fn describe_open(open: &OpenSequence) -> String {
    let OpenSequence { dir, pattern, count, aside, why, span, missing, state, held, .. } = open;
    let mut text = format!("{state}  {dir}/{pattern} {span}  ");
    text += &match (count, aside) {
        (0, aside) => counted(*aside, "image", "images"),
        (count, 0) => counted(*count, "frame", "frames"),
        (count, aside) => {
            let frames = counted(*count, "frame", "frames");
            format!("{frames}, and {} left alone", counted(*aside, "image is", "images are"))
        }
    };
    if !missing.is_empty() {
        text += &format!("  missing {missing}");
    }
    let mut more = Vec::from_iter(why.clone());
    if let Some(held) = held {
        more.extend([held.to_string(), format!("hint: {}", held.hint)]);
    }
    in_lines(&text, &more)
}

/// A root of which no video can be made, as `--json` prints it.
#[derive(Debug, Serialize)]
struct TroubleLine<'a> {
    state: &'static str,
    #[serde(flatten)]
    trouble: &'a Trouble,
}

fn describe_trouble(Trouble { root, preset, why, hint }: &Trouble) -> String {
    let mut more = vec![why.clone()];
    more.extend(hint.as_ref().map(|hint| format!("hint: {hint}")));
    in_lines(&format!("trouble  {root}  no video can be made with preset {preset}"), &more)
}

/// A line, and further ones below it.
fn in_lines(first: &str, more: &[String]) -> String {
    let mut text = printable(first).into_owned();
    for line in more {
        text += &format!("\n    {}", printable(line));
    }
    text
}

pub(crate) fn retry(args: &RetryArgs, quiet: bool) -> Result<ExitCode, CliError> {
    let target = match args.target.parse() {
        Ok(id) => RetryTarget::Batch(id),
        Err(_) => RetryTarget::Dir(WirePath::from(absolute(Path::new(&args.target))?.as_path())),
    };
    match ask::daemon(&args.config, quiet)? {
        Ok(daemon) => ask::order(daemon, &Command::Retry { target }),
        Err(nobody) => {
            let state = state::open(&own_state_dir(nobody, &args.config, quiet)?)?;
            ask::show(command::retried(&state.journal.retry(&target.into(), now_ms())?))
        }
    }
}

pub(crate) fn forget(args: &ForgetArgs, quiet: bool) -> Result<ExitCode, CliError> {
    let dir = absolute(&args.dir)?;
    match ask::daemon(&args.config, quiet)? {
        Ok(daemon) => ask::order(daemon, &Command::Forget { dir: WirePath::from(dir.as_path()) }),
        Err(nobody) => {
            let state = state::open(&own_state_dir(nobody, &args.config, quiet)?)?;
            ask::show(command::forgotten(&state.journal.forget(&dir)?))
        }
    }
}

fn own_state_dir(nobody: NoDaemon, config: &ConfigArg, quiet: bool) -> Result<PathBuf, CliError> {
    let state = state_dir(config)?;
    nobody.go_on_with(&state, quiet)?;
    Ok(state)
}

/// `7  published  /renders/shot_####.png 1-240  240 frames  h264 24/1  -> /renders/shot.mp4`
fn describe(entry: &Entry) -> String {
    let Entry { id, span, count, recipe, rate, .. } = entry;
    let sequence = entry.dir.join(&entry.pattern);
    let frames = counted(u64::try_from(*count).unwrap_or(0), "frame", "frames");
    let mut text = format!("{id}  {}  {} {span}  {frames}  {recipe} {rate}", entry.state, sequence.shown());
    if let Some(video) = &entry.video {
        text += &format!("  -> {}", video.shown());
    }
    if let Some(ms) = entry.encode_ms {
        text += &format!("  {}.{} s", ms / 1000, ms % 1000 / 100);
    }
    let mut more = entry.anomalies.clone();
    more.extend((entry.state == State::Cleaned).then(|| describe_cleanup(entry)));
    more.extend(entry.error.clone());
    more.extend(entry.hint.as_ref().map(|hint| format!("hint: {hint}")));
    more.extend(next_try(entry).map(|ms| format!("next try: {}", moment(ms))));
    let is_makers =
        |from: &String| ![RateSource::Stated, RateSource::Default].map(|own| own.to_string()).contains(from);
    more.extend(entry.rate_from.clone().filter(is_makers).map(|from| format!("{rate} frames per second: {from}")));
    more.extend(entry.made_by.as_ref().map(|made_by| format!("made by {made_by}")));
    more.extend(entry.taken_for.clone().filter(|taken_for| !entry.anomalies.contains(taken_for)));
    in_lines(&text, &more)
}

/// When what failed is tried again by itself.
fn next_try(entry: &Entry) -> Option<i64> {
    match entry.state {
        // Planned from the start, unless it failed before.
        State::Published => entry.cleanup_due_at.filter(|_| entry.error.is_some()),
        _ => entry.next_attempt_at,
    }
}

/// In local time, as people read it.
fn moment(ms: i64) -> String {
    let there = Timestamp::from_millisecond(ms).map(|moment| moment.to_zoned(TimeZone::system()));
    // A journal that somebody wrote into may hold any number.
    there.map_or_else(|_| "never".to_owned(), |there| there.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// What became of the frames: `238 frames deleted, 1 was gone already, 1 stays`.
fn describe_cleanup(entry: &Entry) -> String {
    let number = |count: i64| u64::try_from(count).unwrap_or(0);
    let (removed, kept, gone) = (number(entry.removed), number(entry.kept), number(entry.gone));
    if removed + kept == 0 {
        let frames = agree(gone, "the frame was", "the frames were");
        return format!("nothing was left to remove: {frames} gone already");
    }
    let done = match entry.cleanup {
        Some(Cleanup::Archive) => "archived",
        Some(Cleanup::Trash) => "put into the trash",
        _ => "deleted",
    };
    let mut text = format!("{} {done}", counted(removed, "frame", "frames"));
    if gone > 0 {
        text += &format!(", {gone} {} gone already", agree(gone, "was", "were"));
    }
    if kept > 0 {
        text += &format!(", {kept} {}", agree(kept, "stays", "stay"));
    }
    text
}

fn state_dir(config: &ConfigArg) -> Result<PathBuf, CliError> {
    let configured = config.load()?.and_then(|config| config.state_dir);
    Ok(dirs::state_dir(configured.as_deref(), &dirs::process_env)?)
}

fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    // The daemon knows its folders by their real paths, also one that is gone by now.
    std::path::absolute(path)
        .map(|absolute| real(&absolute))
        .map_err(|error| CliError::usage(format!("cannot use {}", path.shown())).caused_by(&error))
}
