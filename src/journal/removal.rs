//! What is to become of the frames of a published video, as the journal keeps it.
//!
//! Owns what must be known at the removal (which frames, what was read of them, which video, by which clock) and what came
//! of it. When and how is decided elsewhere.

use std::path::PathBuf;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, named_params};

use super::rows::{self, BatchId};
use super::{Journal, JournalError, due_after, query};
use crate::config::Cleanup;
use crate::deliver::Published;
use crate::deliver::cleanup::{CleanupReport, EncodedFrame, KeptReason};
use crate::error::Explain as _;
use crate::frame::digest::{Contents, Digest};
use crate::sequence::Pattern;
use crate::watch::places::Sighting;

/// What is to happen to the frames of a published video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedCleanup {
    /// What.
    pub mode: Cleanup,
    /// When at the earliest, in milliseconds since the Unix epoch.
    pub due_at: i64,
    /// Whether a frame that changed since does not hold the others.
    pub despite_changes: bool,
}

/// A published batch whose frames are to be dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCleanup {
    /// Its number.
    pub id: BatchId,
    /// The watched folder.
    pub root: PathBuf,
    /// The folder of the frames.
    pub dir: PathBuf,
    /// The frames by name, as they were encoded.
    pub frames: Vec<EncodedFrame>,
    /// Their video.
    pub video: Published,
    /// What is to happen.
    pub plan: PlannedCleanup,
    /// What was odd about the batch, one sentence each.
    pub anomalies: Vec<String>,
    /// When the video was published, in milliseconds since the Unix epoch.
    pub published_at: i64,
    /// How often it was tried or put off.
    pub tries: u32,
    /// What was seen of the root when the video was published.
    pub root_seen: Option<Sighting>,
    /// And of the folder of the video.
    pub video_seen: Option<Sighting>,
}

/// The time since the machine booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootTime {
    /// Which boot it is: another text after each.
    pub id: String,
    /// How long ago it was, in milliseconds, with the time that the machine slept.
    pub ms: i64,
}

/// How far both clocks may part without a jump, in milliseconds: the network keeps the wall clock right in small steps.
const PARTING: i64 = 2_000;

impl Journal {
    /// Makes sure that no frames are due by a wall clock that has jumped: `now` is what it says, in milliseconds since the
    /// Unix epoch. To be called before [`due_cleanups`](Self::due_cleanups).
    ///
    /// What waits is counted by the clock of this boot too, from the first call on. Where the wall clock says that less is
    /// left than that, it has jumped forward, and the moment is moved along with it. That is recorded at each call, so that
    /// a jump is still known after a reboot; across the reboot itself there is only the wall clock to ask.
    pub fn count_boot_time(&self, now: i64, boot: &BootTime) -> Result<(), JournalError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "UPDATE batches SET due_boot = :boot, due_boot_ms = :ms + max(cleanup_due_at - :now, 0) \
                 WHERE state = 'published' AND cleanup_due_at IS NOT NULL AND due_boot IS NOT :boot",
                named_params! {":boot": boot.id, ":ms": boot.ms, ":now": now},
            )?;
            transaction.execute(
                "UPDATE batches SET cleanup_due_at = :now + due_boot_ms - :ms \
                 WHERE state = 'published' AND cleanup_due_at IS NOT NULL AND due_boot = :boot \
                 AND cleanup_due_at + :parting < :now + due_boot_ms - :ms",
                named_params! {":boot": boot.id, ":ms": boot.ms, ":now": now, ":parting": PARTING},
            )?;
            transaction.commit()
        })
    }

    /// The frames are dealt with: those that went are no longer held, the kept ones still are. Where the system refused to
    /// let some go, the rest is tried again, and this says when.
    pub fn cleaned(&self, id: BatchId, report: &CleanupReport, now: i64) -> Result<Option<i64>, JournalError> {
        let tries: u32 = self.value(id, "cleaned up", "cleanup_tries + 1", "'published'")?;
        let refused = report.kept.iter().find(|(_, reason)| matches!(reason, KeptReason::Failed(_)));
        let next = refused.map(|_| due_after(tries, now));
        let error = refused.map(|(name, reason)| format!("{name} stays: {reason}"));
        self.step(
            id,
            "cleaned up",
            "UPDATE batches SET state = iif(:next IS NULL, 'cleaned', state), cleanup_due_at = :next, \
             due_boot = NULL, cleanup_tries = :tries, removed = removed + :removed, kept = :kept, error = :error, hint = :hint, \
             ended_at = iif(:next IS NULL, :now, ended_at) WHERE id = :id AND state = 'published'",
            named_params! {
                ":id": id,
                ":next": next,
                ":tries": tries,
                ":removed": report.removed.cast_signed(),
                ":kept": i64::try_from(report.kept.len()).unwrap_or(i64::MAX),
                ":error": error,
                ":hint": refused.and_then(|(_, reason)| reason.hint()),
                ":now": now,
            },
        )?;
        self.with(|connection| query::release_all_but(connection, id, &report.kept))?;
        Ok(next)
    }

    /// Dealing with the frames failed; the video stays as it is, and nothing is encoded again. Says when the next attempt is
    /// due, if there is one.
    pub fn cleanup_failed(
        &self,
        id: BatchId,
        error: &str,
        hint: Option<&str>,
        retryable: bool,
        now: i64,
    ) -> Result<Option<i64>, JournalError> {
        let tries: u32 = self.value(id, "cleaned up", "cleanup_tries + 1", "'published'")?;
        let next = retryable.then(|| due_after(tries, now));
        self.step(
            id,
            "cleaned up",
            "UPDATE batches SET error = :error, hint = :hint, cleanup_tries = :tries, cleanup_due_at = :next, \
             due_boot = NULL WHERE id = :id AND state = 'published'",
            named_params! {":id": id, ":error": error, ":hint": hint, ":tries": tries, ":next": next},
        )?;
        Ok(next)
    }

    /// The disk of the frames or of the video is away. The frames are looked at again at `next`, however often.
    pub fn removal_waits(&self, id: BatchId, error: &str, hint: Option<&str>, next: i64) -> Result<(), JournalError> {
        self.step(
            id,
            "cleaned up",
            "UPDATE batches SET error = :error, hint = :hint, cleanup_due_at = :next, due_boot = NULL, \
             cleanup_tries = cleanup_tries + 1 WHERE id = :id AND state = 'published'",
            named_params! {":id": id, ":error": error, ":hint": hint, ":next": next},
        )
    }

    /// The frames stay until `next`, as the config says by now.
    pub fn removal_postponed(&self, id: BatchId, next: i64) -> Result<(), JournalError> {
        self.step(
            id,
            "cleaned up",
            "UPDATE batches SET cleanup_due_at = :next, due_boot = NULL WHERE id = :id AND state = 'published'",
            named_params! {":id": id, ":next": next},
        )
    }

    /// The frames stay until the config is read again, which says so.
    pub fn stays(&self, id: BatchId, why: &str, hint: &str) -> Result<(), JournalError> {
        self.step(
            id,
            "cleaned up",
            "UPDATE batches SET stays = 1, error = :why, hint = :hint WHERE id = :id AND state = 'published'",
            named_params! {":id": id, ":why": why, ":hint": hint},
        )
    }

    /// The config was read: what it made stay is due again.
    pub fn reconsider(&self) -> Result<(), JournalError> {
        self.with(|connection| {
            let reconsider =
                "UPDATE batches SET stays = 0 WHERE state = 'published' AND cleanup_due_at IS NOT NULL AND stays";
            connection.execute(reconsider, []).map(drop)
        })
    }
}

impl DueCleanup {
    pub(super) fn read(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Self> {
        let id: BatchId = row.get("id")?;
        let pattern: Pattern = rows::json(row, "pattern")?;
        Ok(Self {
            id,
            root: rows::path(row, "root")?,
            dir: rows::path(row, "dir")?,
            frames: encoded_frames(connection, id, &pattern)?,
            video: rows::video(row)?,
            plan: PlannedCleanup {
                mode: rows::json(row, "cleanup")?,
                due_at: row.get("cleanup_due_at")?,
                despite_changes: row.get("despite_changes")?,
            },
            anomalies: rows::json(row, "anomalies")?,
            // A batch of the same state has always ended.
            published_at: row.get::<_, Option<i64>>("ended_at")?.unwrap_or_default(),
            tries: row.get("cleanup_tries")?,
            root_seen: rows::optional_json(row, "root_seen")?,
            video_seen: rows::optional_json(row, "reel_seen")?,
        })
    }
}

/// The frames that are in the video, by name, with what was read of them.
pub(super) fn encoded_frames(
    connection: &Connection,
    id: BatchId,
    pattern: &Pattern,
) -> rusqlite::Result<Vec<EncodedFrame>> {
    let mut select =
        connection.prepare_cached("SELECT * FROM frames WHERE batch_id = ? AND NOT left_out ORDER BY number")?;
    let rows = select.query_map([id], |row| {
        let frame = rows::frame(row)?;
        let digest: Option<Digest> = row.get("digest")?;
        let changed_ns = row.get("changed_ns")?;
        Ok(EncodedFrame {
            name: frame.file_name(pattern),
            identity: frame.identity,
            contents: digest.map(|digest| Contents { changed_ns, digest }),
        })
    })?;
    rows.collect()
}

impl ToSql for Digest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_bytes().to_vec().into())
    }
}

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(Self::from_bytes)
    }
}
