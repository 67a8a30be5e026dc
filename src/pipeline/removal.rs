//! What becomes of frames whose time has come.
//!
//! Owns the decision, which is pure, and what is told of it. What was planned when the video was published was right by the
//! config of then; the user may have changed it since, and frames that are gone do not come back. So of the two the
//! gentler holds. The removing itself is that of [`deliver::cleanup`](crate::deliver::cleanup).

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::config::{Cleanup, InForce, Root};
use crate::deliver::cleanup::{self, CleanupError, CleanupReport};
use crate::error::{Explain as _, chain};
use crate::journal::{DueCleanup, Journal, JournalError, PlannedCleanup};
use crate::pipeline::clock::{boot_time, now_ms};
use crate::pipeline::error::JobError;
use crate::pipeline::places;
use crate::sequence::os_name;
use crate::text::printable::Show as _;

/// Time until a disk that is away is looked for again before frames are removed: at first, and at most.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What became of the frames of a published video.
#[derive(Debug)]
pub(crate) struct CleanedUp {
    /// Frames removed, archived or put into the trash.
    pub removed: u64,
    /// Frames that were not there any more.
    pub gone: u64,
    /// Frames that stay, each with the reason, and what to do about it.
    pub kept: Vec<String>,
}

/// Deals with the frames of a batch that is due.
///
/// # Errors
///
/// When nothing could be done, or the journal cannot be written. No frame is lost.
pub(crate) fn clean_up(due: &DueCleanup, journal: &Journal) -> Result<CleanedUp, JobError> {
    let job = cleanup::CleanupJob {
        root: &due.root,
        dir: &due.dir,
        key: &due.id.to_string(),
        frames: &due.frames,
        video: &due.video,
        mode: due.plan.mode,
        despite_changes: due.plan.despite_changes,
    };
    match cleanup::clean(&job) {
        Ok(report) => {
            journal.cleaned(due.id, &report, now_ms())?;
            let kept = report.kept.iter().map(|(name, reason)| match reason.hint() {
                Some(hint) => format!("{name}: {reason}; {hint}"),
                None => format!("{name}: {reason}"),
            });
            Ok(CleanedUp { removed: report.removed, gone: report.gone, kept: kept.collect() })
        }
        // On the right disk, somebody removed the folder with all that was in it.
        Err(CleanupError::Folder { source, .. })
            if source.kind() == io::ErrorKind::NotFound && due.root_seen.is_some() =>
        {
            let gone = due.frames.len() as u64;
            journal.cleaned(due.id, &CleanupReport { gone, ..CleanupReport::default() }, now_ms())?;
            Ok(CleanedUp { removed: 0, gone, kept: Vec::new() })
        }
        Err(error) => {
            journal.cleanup_failed(
                due.id,
                &chain(&error).to_string(),
                error.hint().as_deref(),
                error.retryable(),
                now_ms(),
            )?;
            Err(error.into())
        }
    }
}

/// What is to happen to frames that are due.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RemovalVerdict {
    /// This.
    Go(PlannedCleanup),
    /// Nothing before this moment, in milliseconds since the Unix epoch.
    Later(i64),
    /// Nothing until the config is read again.
    Stay { why: String, hint: &'static str },
}

/// The gentler of what was planned and of what `root` says now, the settings for the folder of the frames. Pure.
fn judge(due: &DueCleanup, root: Option<&Root>, now: i64) -> RemovalVerdict {
    let stay = |why: &str, hint: &'static str| RemovalVerdict::Stay { why: why.to_owned(), hint };
    let Some(root) = root else {
        return stay("their folder is not watched any more", "put it into the config again, or remove them yourself");
    };
    let delivery = &root.delivery;
    let is_shown = |path: &Path| root.selection.shows(root.relative(path));
    if !due.frames.iter().all(|frame| is_shown(&due.dir.join(os_name(&frame.name)))) {
        let hint = "`include`, `exclude` and `recursive` say so; change them, or remove the frames yourself";
        return stay("files of these names are left alone now", hint);
    }
    let mode = gentler(due.plan.mode, delivery.cleanup);
    if mode == Cleanup::Keep {
        return stay("the config says `cleanup = \"keep\"` now", "set `cleanup` again, or remove them yourself");
    }
    if let (false, Some(anomaly)) = (delivery.cleanup_anomalies, due.anomalies.first()) {
        return stay(anomaly, "`cleanup_anomalies = true` lets them go all the same");
    }
    let after = i64::try_from(delivery.cleanup_after.as_millis()).unwrap_or(i64::MAX);
    let earliest = due.published_at.saturating_add(after);
    if earliest > now {
        return RemovalVerdict::Later(earliest);
    }
    RemovalVerdict::Go(PlannedCleanup {
        mode,
        due_at: due.plan.due_at,
        despite_changes: due.plan.despite_changes && delivery.cleanup_anomalies,
    })
}

/// To keep is gentler than to put away, and that than to delete. Of two ways to put away the one of now is as good.
fn gentler(planned: Cleanup, now: Cleanup) -> Cleanup {
    match (planned, now) {
        (Cleanup::Keep, _) | (_, Cleanup::Keep) => Cleanup::Keep,
        (planned, Cleanup::Delete) => planned,
        (_, now) => now,
    }
}

/// Deals with all frames that are due at `now`, in milliseconds since the Unix epoch, and forgets what is older than the config
/// wants to keep.
pub(crate) fn remove_due(journal: &Journal, settings: &InForce, now: i64) -> Result<(), JournalError> {
    journal.count_boot_time(now, &boot_time())?;
    for mut due in journal.due_cleanups(now)? {
        let (batch, dir) = (due.id, due.dir.shown());
        // Asked for each batch: the config may have become gentler since the last one.
        match judge(&due, settings.now().config.root_of(&due.dir), now) {
            RemovalVerdict::Go(plan) => {
                due.plan = plan;
                match places::check_removal(&due) {
                    Ok(()) => clean_up_and_say(&due, journal),
                    Err(error) => put_off(&due, &error, journal, now)?,
                }
            }
            RemovalVerdict::Later(moment) => {
                tracing::info!(%batch, %dir, "the frames stay longer, as the config says now");
                journal.removal_postponed(batch, moment)?;
            }
            RemovalVerdict::Stay { why, hint } => {
                tracing::warn!(%batch, %dir, hint, "the frames stay: {why}");
                journal.stays(batch, &format!("the frames stay: {why}"), hint)?;
            }
        }
    }
    forget_old(journal, settings.now().config.keep_history, now)
}

/// Lets the journal forget what is older than `keep_history` says, if it says anything.
fn forget_old(journal: &Journal, keep_history: Option<Duration>, now: i64) -> Result<(), JournalError> {
    let Some(age) = keep_history else { return Ok(()) };
    let forgotten = journal.forget_old(now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))?;
    if forgotten > 0 {
        tracing::debug!(forgotten, "old batches whose frames are gone were taken out of the journal");
    }
    Ok(())
}

/// Waits for a disk, longer and longer, and for ever: marked as done, the frames would stay on it for good.
fn put_off(due: &DueCleanup, error: &JobError, journal: &Journal, now: i64) -> Result<(), JournalError> {
    let pause = FIRST_WAIT.saturating_mul(1 << due.tries.min(16)).min(LONGEST_WAIT);
    let (batch, hint) = (due.id, error.hint());
    if due.tries == 0 {
        tracing::warn!(%batch, dir = %due.dir.shown(), hint = hint.as_deref().unwrap_or_default(), "the frames stay until the disk is back: {}", chain(error));
    }
    let next = now.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
    let text = format!("the frames wait for their disk: {}", chain(error));
    journal.removal_waits(batch, &text, hint.as_deref(), next)
}

fn clean_up_and_say(due: &DueCleanup, journal: &Journal) {
    let (batch, dir) = (due.id, due.dir.shown());
    match clean_up(due, journal) {
        Ok(CleanedUp { removed: 0, gone, kept }) if gone > 0 && kept.is_empty() => {
            tracing::info!(%batch, %dir, gone, "nothing was left to clean up: the frames were gone already");
        }
        Ok(CleanedUp { removed, gone, kept }) => {
            tracing::info!(%batch, %dir, removed, gone, kept = kept.len(), "frames cleaned up");
            for kept in kept {
                tracing::warn!(%batch, %dir, "a frame stays: {kept}");
            }
        }
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            tracing::error!(%batch, %dir, hint, "the frames stay: {}", chain(&error));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::Config;
    use crate::deliver::Published;
    use crate::deliver::cleanup::EncodedFrame;
    use crate::journal::BatchId;
    use crate::model::Identity;

    const PUBLISHED: i64 = 1_000_000;
    const HOUR: i64 = 3_600_000;

    fn due(mode: Cleanup) -> DueCleanup {
        let identity = Identity { dev: 1, ino: 1, size: 1, mtime_ns: 1 };
        let frame = |name: &str| EncodedFrame { name: name.into(), identity, contents: None };
        DueCleanup {
            id: BatchId(1),
            root: PathBuf::from("/srv"),
            dir: PathBuf::from("/srv/shot"),
            frames: vec![frame("a_1.png"), frame("a_2.png")],
            video: Published { path: PathBuf::from("/srv/shot/a.mp4"), identity, digest: None },
            plan: PlannedCleanup { mode, due_at: PUBLISHED + HOUR, despite_changes: true },
            anomalies: Vec::new(),
            published_at: PUBLISHED,
            tries: 0,
            root_seen: None,
            video_seen: None,
        }
    }

    fn root(keys: &str) -> Root {
        let text = format!("[[watch]]\npath = \"/srv\"\n{keys}\n");
        Config::parse(&text, Path::new("/etc/reeld.toml")).unwrap().roots.remove(0)
    }

    fn verdict(due: &DueCleanup, keys: &str) -> RemovalVerdict {
        judge(due, Some(&root(keys)), PUBLISHED + HOUR)
    }

    fn stays(verdict: &RemovalVerdict, about: &str) -> bool {
        matches!(verdict, RemovalVerdict::Stay { why, .. } if why.contains(about))
    }

    #[test]
    fn the_gentler_way_holds() {
        let modes = ["delete", "archive", "trash"];
        for (planned, now, expected) in [
            (Cleanup::Delete, modes[0], Cleanup::Delete),
            (Cleanup::Delete, modes[1], Cleanup::Archive),
            (Cleanup::Delete, modes[2], Cleanup::Trash),
            (Cleanup::Archive, modes[0], Cleanup::Archive),
            (Cleanup::Archive, modes[2], Cleanup::Trash),
            (Cleanup::Trash, modes[0], Cleanup::Trash),
        ] {
            let found = verdict(&due(planned), &format!("cleanup = \"{now}\""));
            assert!(matches!(found, RemovalVerdict::Go(plan) if plan.mode == expected), "{planned:?} {now}: {found:?}");
        }
        assert!(stays(&verdict(&due(Cleanup::Delete), "cleanup = \"keep\""), "keep"));
    }

    #[test]
    fn the_longer_wait_holds() {
        let due = due(Cleanup::Delete);
        let longer = verdict(&due, "cleanup = \"delete\"\ncleanup_after = \"7d\"");
        assert_eq!(longer, RemovalVerdict::Later(PUBLISHED + 7 * 24 * HOUR));
        let shorter = verdict(&due, "cleanup = \"delete\"\ncleanup_after = \"1m\"");
        assert!(matches!(shorter, RemovalVerdict::Go(_)), "{shorter:?}");
    }

    #[test]
    fn what_the_config_no_longer_looks_at_stays() {
        let due = due(Cleanup::Delete);
        assert!(stays(&judge(&due, None, PUBLISHED + HOUR), "not watched"));
        for keys in ["exclude = [\"shot\"]", "exclude = [\"a_2.png\"]", "include = [\"b_*.png\"]", "recursive = false"]
        {
            let found = verdict(&due, &format!("cleanup = \"delete\"\n{keys}"));
            assert!(stays(&found, "left alone"), "{keys}: {found:?}");
        }
    }

    #[test]
    fn a_permission_that_was_withdrawn_is_none() {
        let odd = DueCleanup { anomalies: vec!["3 is missing".to_owned()], ..due(Cleanup::Delete) };
        assert!(stays(&verdict(&odd, "cleanup = \"delete\""), "3 is missing"));
        let allowed = verdict(&odd, "cleanup = \"delete\"\ncleanup_anomalies = true");
        assert!(matches!(allowed, RemovalVerdict::Go(plan) if plan.despite_changes));
        let sound = verdict(&due(Cleanup::Delete), "cleanup = \"delete\"");
        assert!(matches!(sound, RemovalVerdict::Go(plan) if !plan.despite_changes), "{sound:?}");
    }
}
