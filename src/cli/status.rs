//! `reeld status`: what goes on in the running daemon.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::error::CliError;
use super::{ConfigArg, ask, out};
use crate::core::command::{Command, Reply};
use crate::core::snapshot::{
    Attention, DaemonPhase, Encoding, LastVideo, QueuedBatch, RootSnapshot, SequenceSnapshot, Snapshot,
};
use crate::sequence::tracker::Stage;
use crate::text::plural::counted;
use crate::text::printable::printable;

/// Time between two pictures of `--watch`.
const EVERY: Duration = Duration::from_secs(1);

/// Clears the screen of a terminal, and begins at its top (ECMA-48: CUP, ED).
const CLEAR: &[u8] = b"\x1b[H\x1b[2J";

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// Once a second, until interrupted
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    config: ConfigArg,
}

pub(crate) fn run(args: &StatusArgs, quiet: bool) -> Result<ExitCode, CliError> {
    let mut quiet = quiet;
    loop {
        let daemon = match ask::daemon(&args.config, quiet)? {
            Ok(daemon) => daemon,
            Err(nobody) => return Err(nobody.error("start one with `reeld run`".to_owned())),
        };
        match daemon.order(&Command::Status)? {
            Reply::Status(snapshot) => show(&snapshot, args)?,
            refused => return ask::show(refused),
        }
        if !args.watch {
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(EVERY);
        // Which daemon it is was said before the first picture.
        quiet = true;
    }
}

fn show(snapshot: &Snapshot, args: &StatusArgs) -> Result<(), CliError> {
    if args.json {
        return Ok(out::json(snapshot)?);
    }
    if args.watch && io::stdout().is_terminal() {
        io::stdout().write_all(CLEAR)?;
    }
    for line in lines(snapshot) {
        out::line(&printable(&line))?;
    }
    if args.watch {
        out::line("")?;
    }
    Ok(())
}

/// The picture in lines: a heading a section, and its entries indented.
fn lines(snapshot: &Snapshot) -> Vec<String> {
    let Snapshot { phase, uptime_ms, roots, sequences, queue, encoding, videos, attention } = snapshot;
    let what = match phase {
        DaemonPhase::Starting => "starting",
        DaemonPhase::Running => "running",
        DaemonPhase::Stopping => "stopping",
    };
    let mut lines = vec![format!("{what} for {}", duration(*uptime_ms))];
    section(&mut lines, "watched", roots.iter().map(root));
    section(&mut lines, "not videos yet", sequences.iter().map(sequence));
    section(&mut lines, "waiting for their turn", queue.iter().map(queued));
    section(&mut lines, "being encoded", encoding.iter().map(encoded));
    section(&mut lines, "last videos", videos.iter().map(video));
    section(&mut lines, "needs you", attention.iter().map(wanted));
    lines
}

fn section(lines: &mut Vec<String>, heading: &str, entries: impl ExactSizeIterator<Item = Vec<String>>) {
    if entries.len() > 0 {
        lines.push(heading.to_owned());
        for entry in entries {
            let mut indent = "  ";
            for line in entry {
                lines.push(format!("{indent}{line}"));
                indent = "      ";
            }
        }
    }
}

fn root(RootSnapshot { path, how, poll_ms, away, existing_sequences }: &RootSnapshot) -> Vec<String> {
    let mut text = match (away, how.as_str()) {
        (Some(why), _) => format!("{path}  is not watched: {why}"),
        (None, "") => format!("{path}  is being read for the first time"),
        (None, how) => format!("{path}  {how}"),
    };
    if let Some(ms) = poll_ms {
        text += &format!("; read every {}", duration(*ms));
    }
    if *existing_sequences > 0 {
        text += &format!("; {} from before left alone", counted(*existing_sequences, "sequence", "sequences"));
    }
    vec![text]
}

fn sequence(SequenceSnapshot { open, ahead }: &SequenceSnapshot) -> Vec<String> {
    let frames = counted(open.count, "frame", "frames");
    let mut text = format!("{}/{} {}  {frames}", open.dir, open.pattern, open.span);
    if !open.missing.is_empty() {
        text += &format!(", missing {}", open.missing);
    }
    if let Some(ahead) = ahead {
        text += &format!(", {ahead} encoded");
    }
    if open.state != Stage::Open {
        text += &format!("; {}", open.state);
    } else if open.pace_ms > 0 {
        text += &format!("; a frame each {}", duration(open.pace_ms));
    }
    let made_by = open.made_by.as_ref().map(|made_by| format!("made by {made_by}"));
    let waits = match (open.state, open.ends_in_ms) {
        (Stage::Open, Some(0)) => Some("silence has ended it".to_owned()),
        (Stage::Open, Some(ms)) => Some(format!("silence ends it in {}, if nothing more comes", duration(ms))),
        (Stage::Open, None) => Some("a marker, a number or `reeld done` ends it".to_owned()),
        _ => open.why.clone(),
    };
    [Some(text), made_by, waits].into_iter().flatten().collect()
}

fn queued(QueuedBatch { batch, sequence, frames }: &QueuedBatch) -> Vec<String> {
    vec![format!("batch {batch}  {sequence}  {}", counted(*frames, "frame", "frames"))]
}

fn encoded(job: &Encoding) -> Vec<String> {
    let Encoding { batch, sequence, frames, total, percent, speed_milli_fps, left_ms, .. } = job;
    let mut text =
        format!("batch {batch}  {sequence}  {frames} of {} ({percent} %)", counted(*total, "frame", "frames"));
    if let Some(speed) = speed_milli_fps {
        text += &format!(", {}.{} frames a second", speed / 1000, speed % 1000 / 100);
    }
    if let Some(ms) = left_ms {
        text += &format!(", about {} left", duration(*ms));
    }
    vec![text]
}

fn video(LastVideo { path, frames, why, ago_ms, .. }: &LastVideo) -> Vec<String> {
    vec![format!("{path}  {}, {} ago; finished by {why}", counted(*frames, "frame", "frames"), duration(*ago_ms))]
}

fn wanted(Attention { what, why, hint }: &Attention) -> Vec<String> {
    let mut entry = vec![format!("{what}: {why}")];
    if !hint.is_empty() {
        entry.push(format!("hint: {hint}"));
    }
    entry
}

/// `340 ms`, `1.2 s`, `45 s`, `12 min`, `3 h`, `5 days`.
fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms} ms"),
        1..10 => format!("{seconds}.{} s", ms % 1000 / 100),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        let said = [40, 1_250, 9_999, 45_000, 119_999, 120_000, 7_199_999, 7_200_000, 172_800_000].map(duration);
        assert_eq!(said, ["40 ms", "1.2 s", "9.9 s", "45 s", "119 s", "2 min", "119 min", "2 h", "2 days"]);
    }

    #[test]
    fn what_is_empty_has_no_section() {
        let snapshot = Snapshot {
            phase: DaemonPhase::Running,
            uptime_ms: 5_000,
            roots: Vec::new(),
            sequences: Vec::new(),
            queue: vec![QueuedBatch { batch: 3, sequence: "/r/a_####.png".to_owned(), frames: 1 }],
            encoding: Vec::new(),
            videos: Vec::new(),
            attention: vec![Attention { what: "/r".to_owned(), why: "gone".to_owned(), hint: "mount it".to_owned() }],
        };
        insta::assert_snapshot!(lines(&snapshot).join("\n"), @r"
        running for 5.0 s
        waiting for their turn
          batch 3  /r/a_####.png  1 frame
        needs you
          /r: gone
              hint: mount it
        ");
    }
}
