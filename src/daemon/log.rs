//! The words of the log for what the core tells.

use std::path::Path;

use crate::config::Settings;
use crate::core::command::Trouble;
use crate::core::event::{Failure, RootStatus};
use crate::core::news::{MEND_FILE, NOT_WATCHED_HINT, News};
use crate::core::snapshot::{SequenceSnapshot, Snapshot};
use crate::frame::limits;
use crate::pipeline::consequence::Consequence;
use crate::pipeline::job::{Job, Tools};
use crate::pipeline::run::Delivered;
use crate::sequence::tracker::ExistingCount;
use crate::sequence::{Batch, order};
use crate::text::plural::agree;
use crate::text::printable::Show as _;
use crate::watch::native::Watcher;

/// A hint as a field: none where nothing is known.
fn non_empty(hint: &str) -> Option<&str> {
    (!hint.is_empty()).then_some(hint)
}

/// Puts news into the log.
pub(super) fn tell(news: &News, tools: &Tools) {
    match news {
        News::Ready { roots } => tracing::info!(roots, "ready"),
        News::Root { root, status, known } => root_is(root, status, *known),
        News::ScanLost { root, failure: Failure { line, hint, .. } } => {
            tracing::error!(path = %root.shown(), hint = non_empty(hint), "this root could not be read; nothing is concluded from that: {line}");
        }
        News::FoundExisting { root, count: ExistingCount { sequences, files } } => {
            let path = root.shown();
            tracing::info!(%path, sequences, files, hint = left_alone_hint(root), "these were there before and are left alone");
        }
        News::Unreadable { dir, failure: Failure { line, hint, .. } } => {
            tracing::warn!(path = %dir.shown(), error = line, hint = non_empty(hint), "this folder cannot be read; nothing is concluded from that");
        }
        News::FolderFile { dir, keys: Some(keys) } => {
            tracing::info!(dir = %dir.shown(), keys = non_empty(keys), "the file beside the frames is in force for this folder");
        }
        News::FolderFile { dir, keys: None } => {
            tracing::info!(dir = %dir.shown(), "this folder has no file of its own any more; what the config says is in force");
        }
        News::FolderFileRefused { dir, failure: Failure { line, hint, .. } } => {
            let hint = if hint.is_empty() { MEND_FILE } else { hint };
            tracing::warn!(dir = %dir.shown(), hint, "the file beside the frames is wrong; no video is made of this folder until it is mended or removed: {line}");
        }
        News::Finished(batch) => finished(batch),
        News::LeftAlone { dir, why, count, example } => {
            let images = agree(*count as u64, "an image is", "images are");
            tracing::info!(dir = %dir.shown(), count, %example, "{images} left alone: {}", why.of(*count));
        }
        News::Sequence { dir, pattern, text, hint: Some(hint) } => {
            tracing::warn!(dir = %dir.shown(), %pattern, hint, "{text}");
        }
        News::Sequence { dir, pattern, text, hint: None } => {
            tracing::info!(dir = %dir.shown(), %pattern, "{text}");
        }
        News::Encoding(job) => {
            let (rate, rate_from) = (&job.root.video.rate, &job.root.rate_from);
            tracing::info!(batch = %job.id, sequence = job.name(), frames = job.batch.frames.len(), %rate, %rate_from, "encoding");
        }
        News::NotWatched { id, sequence } => {
            tracing::warn!(batch = %id, sequence, hint = NOT_WATCHED_HINT, "this batch waits: its folder is not watched any more");
        }
        News::Delivered { job, delivered } => made(job, delivered),
        News::Failed { job, failure, consequence } => failed(job, failure, *consequence),
        News::RecordedLate(path) => tracing::info!(video = %path.shown(), "video, recorded late"),
        News::JournalFailed { failure: Failure { line, hint, .. }, again } => {
            tracing::error!(hint = non_empty(hint), "{line}; tried again in {} s", again.as_secs());
        }
        News::Reloaded { roots } => {
            let (ffmpeg, chunks) = (tools.program.shown(), tools.chunk_dir.shown());
            tracing::info!(roots, %ffmpeg, %chunks, "config reloaded; running encodes keep the old one");
        }
        News::Refused(Failure { lines, hint, .. }) => {
            // What is wrong is shown in the lines of the file, and an event of the log is one line.
            for line in lines.lines() {
                tracing::error!("{line}");
            }
            tracing::error!(hint = non_empty(hint), "the running config stays in force");
        }
        News::Trouble(Trouble { root, preset, why, hint }) => {
            tracing::error!(
                root,
                preset,
                hint = hint.as_deref(),
                "no video can be made by the settings of this root: {why}"
            );
        }
        News::TroubleOver { root } => tracing::info!(root, "videos can be made by the settings of this root"),
        News::TrialLost(Failure { line, hint, .. }) => {
            tracing::error!(
                hint = non_empty(hint),
                "whether videos can be made by these settings is not known: {line}"
            );
        }
        News::Stopping { running } => tracing::info!(running, "stopping"),
    }
}

fn root_is(root: &Path, status: &RootStatus, known: bool) {
    let path = root.shown();
    match status {
        RootStatus::There if known => tracing::info!(%path, "the root is there again"),
        RootStatus::There => tracing::debug!(%path, "the root is there"),
        RootStatus::Away { why, hint } => {
            tracing::warn!(%path, hint = non_empty(hint), "{why}; nothing below this root is scanned, forgotten or removed meanwhile");
        }
    }
}

fn finished(batch: &Batch) {
    let missing = (!batch.missing.is_empty()).then_some(&batch.missing);
    let order = order::judge(&batch.pattern, &batch.frames);
    let made_by = batch.made_by.as_ref().filter(|made_by| made_by.is_known());
    tracing::info!(dir = %batch.dir.shown(), pattern = %batch.pattern, frames = batch.frames.len(), missing = missing.map(tracing::field::display), order = order.map(tracing::field::display), taken_for = batch.taken_for.as_ref().map(|taken_for| taken_for.why.as_str()), made_by = made_by.map(tracing::field::display), why = %batch.reason, "sequence finished");
}

fn made(job: &Job, delivered: &Delivered) {
    let Delivered { video, frames, rate, ahead, ms, .. } = delivered;
    tracing::info!(batch = %job.id, video = %video.shown(), frames, rate, ahead, ms, why = %job.batch.reason, "video");
    for anomaly in &delivered.anomalies {
        tracing::warn!(batch = %job.id, sequence = job.name(), hint = anomaly.hint(), "{anomaly}");
    }
    if let Some(why) = &delivered.frames_kept_because {
        tracing::warn!(batch = %job.id, dir = %job.batch.dir.shown(), "the frames are kept: {why}");
    }
}

fn failed(job: &Job, Failure { line, hint, .. }: &Failure, consequence: Consequence) {
    let (batch, sequence, hint) = (job.id, job.name(), non_empty(hint));
    match consequence {
        Consequence::LaterAgain => {
            tracing::info!(%batch, sequence, "the encode was stopped; it is done again at the next start");
        }
        Consequence::Stale => tracing::warn!(%batch, sequence, "{line}; the sequence is looked at afresh"),
        Consequence::Wait(wait) => {
            tracing::error!(%batch, sequence, hint, "{line}; the batch waits, next try in {} s", wait.as_secs());
        }
        Consequence::Recover(wait) => {
            tracing::error!(%batch, sequence, hint, "{line}; the batch waits, next look in {} s", wait.as_secs());
        }
        Consequence::BackOff => {
            tracing::error!(%batch, sequence, hint, "{line}; tried again later, as `reeld list` shows");
        }
        Consequence::GiveUp => tracing::error!(%batch, sequence, hint, "{line}; nothing was removed"),
    }
}

/// Logs everything the daemon knows (SIGUSR1).
pub(super) fn report(snapshot: &Snapshot, settings: &Settings, tools: &Tools, watcher: &Watcher) {
    for root in &snapshot.roots {
        tracing::info!(path = root.path, away = root.away, how = root.how, poll_ms = root.poll_ms, "root");
    }
    for sequence in &snapshot.sequences {
        tracing::info!(sequence = %serde_json::to_string(sequence).unwrap_or_default(), "open");
    }
    for SequenceSnapshot { open, ahead } in &snapshot.sequences {
        if let Some(frames) = ahead {
            tracing::info!(dir = open.dir, pattern = open.pattern, frames, "encoded ahead");
        }
    }
    for job in &snapshot.queue {
        tracing::info!(batch = job.batch, sequence = job.sequence, frames = job.frames, "waiting");
    }
    for job in &snapshot.encoding {
        tracing::info!(batch = job.batch, sequence = job.sequence, percent = job.percent, "encoding");
    }
    let (stop, encoder, limits) = (settings.config.stop, &tools.encoder, limits::current());
    tracing::info!(?stop, ?encoder, ?limits, ffmpeg = %tools.program.shown(), chunks = %tools.chunk_dir.shown(), "in force");
    tracing::info!(watched_folders = watcher.watched(), phase = ?snapshot.phase, "state ends");
}

/// How to get videos of what is left alone.
pub(crate) fn left_alone_hint(root: &Path) -> String {
    format!(
        "`reeld encode {}` makes videos of them now, and existing = \"encode\" in the config also does",
        root.shown()
    )
}
