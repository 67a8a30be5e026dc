//! The daemon's questions to its journal, on workers: what is left to do, and what became of batches that nobody works on.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::InForce;
use crate::core::effect::JournalQuestion;
use crate::core::event::DueWork;
use crate::core::recent::Stuck;
use crate::daemon::error::StartError;
use crate::error::{Explain as _, chain};
use crate::journal::{BatchId, JournalError, Recovery};
use crate::model::Identity;
use crate::pipeline::chunks;
use crate::pipeline::clock::now_ms;
use crate::pipeline::job::{Queued, Tools};
use crate::pipeline::{places, removal};
use crate::text::printable::Show as _;

/// Milliseconds between two looks at the processes beside this one that work on batches of the journal.
const LOOK_AT_OTHERS: i64 = 2_000;

/// Most batches that are shown as waiting for a person: `reeld list` has all of them.
const MOST_STUCK: u32 = 50;

/// Puts in order what an earlier life left behind.
pub(super) fn recover(tools: &Tools) -> Result<(), StartError> {
    say(&tools.journal.recover(now_ms())?);
    // The config may be another one than before.
    tools.journal.reconsider()?;
    match places::check_folder(&tools.journal, &tools.chunk_dir).and_then(|()| chunks::sweep(tools)) {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "chunks that are of no use any more were removed"),
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            tracing::warn!(hint, "the folder of the chunks cannot be put in order: {}", chain(&error));
        }
    }
    Ok(())
}

/// From now to a moment of the wall clock, in Unix milliseconds; nothing when it has passed.
fn wait_until(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms - now_ms()).unwrap_or(0))
}

/// Removes the frames that are due, and finds the batches to run and the next moment something is due.
pub(super) fn due_work(
    tools: &Tools,
    settings: &InForce,
    JournalQuestion { unknown_outcomes, busy, reconsider }: &JournalQuestion,
) -> Result<DueWork, JournalError> {
    let journal = &tools.journal;
    if *reconsider {
        // Who reads the config again says that every folder is the right one, as for the roots.
        journal.forget_places()?;
        journal.reconsider()?;
    }
    // One moment for all questions: what becomes due between two of them would be missed by both.
    let now = now_ms();
    for (id, error) in unknown_outcomes {
        journal.outcome_unknown(*id, error, None, now)?;
    }
    let published = recover_due(tools, now, busy)?;
    removal::remove_due(journal, settings, now)?;
    let mut jobs = Vec::new();
    for stored in journal.pending(now)? {
        jobs.push(Queued { id: stored.id, batch: stored.batch });
    }
    let look = journal.has_others().then(|| now.saturating_add(LOOK_AT_OTHERS));
    let next = journal.next_due(now)?.into_iter().chain(look).min().map(wait_until);
    let told = unknown_outcomes.iter().map(|(id, _)| *id).collect();
    let stuck = journal.stuck(MOST_STUCK)?.into_iter().map(|entry| Stuck {
        batch: entry.id,
        sequence: entry.dir.join(&entry.pattern).shown().to_string(),
        why: entry.error.unwrap_or_default(),
        hint: entry.hint.unwrap_or_default(),
    });
    Ok(DueWork { jobs, told, published, stuck: stuck.collect(), next })
}

/// Decides what becomes of the batches that nobody works on, as a start does; a `reeld encode` beside this daemon may have
/// been killed. The videos that have their names come back.
fn recover_due(tools: &Tools, now: i64, busy: &[BatchId]) -> Result<Vec<(PathBuf, Identity)>, JournalError> {
    let recovery = tools.journal.recover_due(now, busy)?;
    say(&recovery);
    let mut published = Vec::new();
    for id in recovery.published {
        if let Some(stored) = tools.journal.batch(id)?
            && let Err(error) = chunks::clear(tools, &stored.batch)
        {
            tracing::warn!(batch = %id, hint = error.hint().unwrap_or_default(), "the chunks of this video stay: {}", chain(&error));
        }
        published.extend(tools.journal.video_of(id)?.map(|video| (video.path, video.identity)));
    }
    Ok(published)
}

/// Puts into the log what became of batches whose process is dead.
fn say(recovery: &Recovery) {
    for id in &recovery.restarted {
        tracing::info!(batch = %id, "was being encoded when reeld ended; it is encoded again");
    }
    for id in &recovery.published {
        tracing::info!(batch = %id, "was published just before reeld ended");
    }
    for id in &recovery.slowed {
        tracing::error!(batch = %id, hint = "`reeld retry` tries at once", "reeld ended in the middle of this batch too often; tried again later, as `reeld list` shows");
    }
    for id in &recovery.cut_off {
        tracing::info!(batch = %id, hint = "run it again", "`reeld encode` ended before the video was made");
    }
    for id in &recovery.elsewhere {
        tracing::debug!(batch = %id, "another process works on it");
    }
    for warning in &recovery.warnings {
        tracing::warn!("{warning}");
    }
}
