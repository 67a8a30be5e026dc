//! What was encoded, from which files, to which video, and what failed: a database in the state directory.
//!
//! Owns `journal.db` and the lock beside it, and is the only writer of state. It never reads the clock (times come in as
//! milliseconds since the Unix epoch) and never decides what happens next. Every step is on the disk before the method
//! that records it returns. A damaged database is set aside: losing it costs work, never a frame and never a video.
//!
//! ```text
//! begin -> pending -> encoding -> publishing -> published -> cleaned
//!             ^           |           |
//!             +-- failed <+-----------+      stale: the files changed before they were encoded
//! ```
//!
//! A batch that is being encoded or published has a job, or else the time at which [`Journal::recover_due`] looks at it.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bstr::BString;
use rusqlite::{Connection, Params, named_params, params};

use crate::config::FrameRate;
use crate::deliver::Published;
use crate::fault;
use crate::frame::digest::Contents;
use crate::model::Identity;
use crate::sequence::{Frame, FrameNumber};

pub use backoff::{DEATHS_AT_ONCE, pause_after};
pub use chunks::{ChunkId, ChunkKey, KeyedChunk, NewChunk, StoredChunk};
pub use error::JournalError;
pub use existing::FirstReading;
pub use lock::Lock;
pub use query::RetryTarget;
pub use recover::{Fate, Recovery};
pub use removal::{BootTime, DueCleanup, PlannedCleanup};
pub(crate) use rows::lossy;
pub use rows::{BatchId, Entry, NewBatch, Outcome, State, StoredBatch};

use rows::Origin;
use worker::Worker;

mod backoff;
mod chunks;
mod error;
mod existing;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod lock;
mod open;
mod places;
mod query;
mod recover;
mod remap_devices;
mod removal;
mod rows;
mod version_cache;
mod worker;

/// What to do about a batch of `reeld encode` that was cut off.
const AGAIN: &str = "run `reeld encode` again";

/// The database's name in the state directory.
const FILE_NAME: &str = "journal.db";

/// The journal. Clones share one connection.
#[derive(Debug, Clone)]
pub struct Journal {
    path: Arc<Path>,
    connection: Arc<Mutex<Connection>>,
    /// The very file that was opened: device and inode.
    file: Option<(u64, u64)>,
    /// This process, as batches name it. None where nothing is written.
    worker: Option<Arc<Worker>>,
}

impl Journal {
    /// Opens the journal that `lock` is for, and makes it where it is missing. A damaged one is set aside under the path
    /// that comes back, which is worth a warning.
    pub fn open(lock: &Lock) -> Result<(Self, Option<PathBuf>), JournalError> {
        let path = lock.state_dir().join(FILE_NAME);
        let (connection, set_aside) = open::writable(&path)?;
        Ok((Self::of(&path, connection).working()?, set_aside))
    }

    /// Opens the journal for writing beside the process that holds the lock, such as for `reeld encode` while the daemon
    /// runs. A damaged one is an error here: only the holder of the lock sets it aside.
    pub fn open_beside(state_dir: &Path) -> Result<Self, JournalError> {
        let path = state_dir.join(FILE_NAME);
        Self::of(&path, open::beside(&path)?).working()
    }

    /// Opens the journal for reading, beside a daemon that may hold the lock. `None` where there is none yet.
    pub fn open_to_read(state_dir: &Path) -> Result<Option<Self>, JournalError> {
        let path = state_dir.join(FILE_NAME);
        Ok(open::readable(&path)?.map(|connection| Self::of(&path, connection)))
    }

    /// The state directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Records a sealed batch with its frames.
    pub fn begin(&self, new: &NewBatch<'_>, now: i64) -> Result<BatchId, JournalError> {
        self.with(|connection| {
            let batch = new.batch;
            let origin = Origin::of(&batch.reason);
            let number = |frame: Option<&Frame>| frame.map(|frame| frame.number);
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT INTO batches (root, dir, pattern, reason, state, first, last, count, missing, unreadable, \
                 rewritten, taken_for, recipe, rate_num, rate_den, rate_from, makers_rate, made_by, created_at, origin, worker) \
                 VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    new.root.as_os_str().as_bytes(),
                    batch.dir.as_os_str().as_bytes(),
                    rows::to_json(&batch.pattern)?,
                    rows::to_json(&batch.reason)?,
                    number(batch.frames.first()),
                    number(batch.frames.last()),
                    i64::try_from(batch.frames.len()).unwrap_or(i64::MAX),
                    rows::to_json(&batch.missing)?,
                    rows::to_json(&batch.unreadable)?,
                    rows::to_json(&batch.rewritten)?,
                    batch.taken_for.as_ref().map(rows::to_json).transpose()?,
                    new.recipe,
                    new.rate.num.get(),
                    new.rate.den.get(),
                    new.rate_from,
                    batch.makers_rate.as_ref().map(rows::to_json).transpose()?,
                    batch.made_by.as_ref().filter(|made_by| made_by.is_known()).map(rows::to_json).transpose()?,
                    now,
                    origin,
                    // Nobody but this process will ever encode it.
                    self.worker().filter(|_| origin == Origin::Encode),
                ],
            )?;
            let id = transaction.last_insert_rowid();
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT INTO frames (batch_id, number, name, dev, ino, size, mtime_ns) VALUES (?, ?, ?, ?, ?, ?, ?)",
                )?;
                for frame in &batch.frames {
                    let Identity { dev, ino, size, mtime_ns } = frame.identity;
                    let (dev, ino, size) = (dev.cast_signed(), ino.cast_signed(), size.cast_signed());
                    insert.execute(params![id, frame.number, frame.name.as_deref(), dev, ino, size, mtime_ns])?;
                }
            }
            // Once the frames are cleaned up, only this tells a later life of the daemon that the previews are no film.
            existing::add(&transaction, &batch.dir, &batch.previews)?;
            transaction.commit()?;
            Ok(BatchId(id))
        })
    }

    /// Records previews that came after the batch of their frames: once the frames are cleaned up, they are no film.
    pub fn keep_previews(&self, dir: &Path, previews: &[(BString, Identity)]) -> Result<(), JournalError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            existing::add(&transaction, dir, previews)?;
            transaction.commit()
        })
    }

    /// An attempt is about to begin with these settings, which may have changed since the batch was sealed.
    pub fn configured(&self, id: BatchId, recipe: &str, rate: FrameRate, rate_from: &str) -> Result<(), JournalError> {
        self.step(
            id,
            "configured",
            "UPDATE batches SET recipe = :recipe, rate_num = :num, rate_den = :den, rate_from = :from WHERE id = :id",
            named_params! {
                ":id": id,
                ":recipe": recipe,
                ":num": rate.num.get(),
                ":den": rate.den.get(),
                ":from": rate_from,
            },
        )
    }

    /// An attempt begins. It counts, even if the process is killed in the middle of it.
    pub fn started(&self, id: BatchId, staging: &Path, ffmpeg: &str, now: i64) -> Result<(), JournalError> {
        self.step(
            id,
            "started",
            "UPDATE batches SET state = 'encoding', staging = :staging, ffmpeg = :ffmpeg, started_at = :now, \
             ended_at = NULL, attempts = attempts + 1, next_attempt_at = NULL, error = NULL, hint = NULL, \
             worker = :worker WHERE id = :id AND state IN ('pending', 'failed')",
            named_params! {
                ":id": id,
                ":staging": staging.as_os_str().as_bytes(),
                ":ffmpeg": ffmpeg,
                ":worker": self.worker(),
                ":now": now,
            },
        )
    }

    /// The attempt that began is to be staged in another folder: the one it began with was taken.
    pub fn staged_in(&self, id: BatchId, staging: &Path) -> Result<(), JournalError> {
        self.step(
            id,
            "staged",
            "UPDATE batches SET staging = :staging WHERE id = :id AND state = 'encoding'",
            named_params! {":id": id, ":staging": staging.as_os_str().as_bytes()},
        )
    }

    /// An attempt was broken off for a reason that is not the batch's, such as a stop: it does not count, and the batch is encoded
    /// at the next start. One of `reeld encode` has failed, because nobody goes on with it.
    pub fn interrupted(&self, id: BatchId, now: i64) -> Result<(), JournalError> {
        self.step(
            id,
            "interrupted",
            "UPDATE batches SET state = iif(origin = 'encode', 'failed', 'pending'), staging = NULL, reel = NULL, \
             error = iif(origin = 'encode', :error, error), hint = iif(origin = 'encode', :hint, hint), \
             ended_at = iif(origin = 'encode', :now, ended_at), \
             attempts = max(attempts - (state != 'pending'), 0) \
             WHERE id = :id AND (state IN ('encoding', 'publishing') OR (state = 'pending' AND origin = 'encode'))",
            named_params! {":id": id, ":error": "`reeld encode` was stopped", ":hint": AGAIN, ":now": now},
        )
    }

    /// The video is made of frames of which this was read. What an earlier attempt read is forgotten.
    pub fn encoded(&self, id: BatchId, contents: &[(FrameNumber, Contents)]) -> Result<(), JournalError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute("UPDATE frames SET changed_ns = NULL, digest = NULL WHERE batch_id = ?", [id])?;
            {
                let mut update = transaction
                    .prepare_cached("UPDATE frames SET changed_ns = ?, digest = ? WHERE batch_id = ? AND number = ?")?;
                for (number, Contents { changed_ns, digest }) in contents {
                    update.execute(params![changed_ns, digest, id, number])?;
                }
            }
            transaction.commit()
        })
    }

    /// The staged, verified file is about to get the name that `video` has. Recorded before each name that is tried, so that
    /// the next start can tell whether a killed process got that far.
    pub fn publishing(&self, id: BatchId, video: &Published, outcome: &Outcome) -> Result<(), JournalError> {
        let staged = &video.identity;
        let plan = outcome.cleanup;
        let json = |text: rusqlite::Result<String>| text.map_err(|source| self.sql_error(source));
        self.with(|connection| {
            let mut leave =
                connection.prepare_cached("UPDATE frames SET left_out = 1 WHERE batch_id = ? AND number = ?")?;
            outcome.left_out.iter().try_for_each(|number| leave.execute((id, *number)).map(drop))
        })?;
        self.step(
            id,
            "published",
            "UPDATE batches SET state = 'publishing', reel = :reel, reel_dir = :reel_dir, reel_dev = :dev, reel_ino = :ino, \
             reel_size = :size, reel_mtime_ns = :mtime_ns, reel_digest = :digest, anomalies = :anomalies, encode_ms = :encode_ms, \
             verify_ms = :verify_ms, cleanup = :cleanup, cleanup_due_at = :due_at, due_boot = NULL, stays = 0, despite_changes = :despite_changes \
             WHERE id = :id AND state IN ('encoding', 'publishing')",
            named_params! {
                ":id": id,
                ":reel": video.path.as_os_str().as_bytes(),
                ":reel_dir": folder_of(&video.path),
                ":dev": staged.dev.cast_signed(),
                ":ino": staged.ino.cast_signed(),
                ":size": staged.size.cast_signed(),
                ":mtime_ns": staged.mtime_ns,
                ":digest": video.digest,
                ":anomalies": json(rows::to_json(&outcome.anomalies))?,
                ":encode_ms": outcome.encode_ms,
                ":verify_ms": outcome.verify_ms,
                ":cleanup": plan.map(|plan| json(rows::to_json(&plan.mode))).transpose()?,
                ":due_at": plan.map(|plan| plan.due_at),
                ":despite_changes": plan.is_some_and(|plan| plan.despite_changes),
            },
        )
    }

    /// The video has its name, and the name is on the disk.
    pub fn published(&self, id: BatchId, video: &Published, now: i64) -> Result<(), JournalError> {
        let Identity { dev, ino, size, mtime_ns } = video.identity;
        self.step(
            id,
            "published",
            "UPDATE batches SET state = 'published', staging = NULL, reel = :reel, reel_dir = :reel_dir, reel_dev = :dev, reel_ino = :ino, \
             reel_size = :size, reel_mtime_ns = :mtime_ns, ended_at = :now, error = NULL, hint = NULL, \
             next_attempt_at = NULL WHERE id = :id AND state = 'publishing'",
            named_params! {
                ":id": id,
                ":reel": video.path.as_os_str().as_bytes(),
                ":reel_dir": folder_of(&video.path),
                ":dev": dev.cast_signed(),
                ":ino": ino.cast_signed(),
                ":size": size.cast_signed(),
                ":mtime_ns": mtime_ns,
                ":now": now,
            },
        )?;
        fault::point("after-journal-published");
        Ok(())
    }

    /// An attempt failed. Says when the next one is due: `None` where `retryable` is false.
    pub fn failed(
        &self,
        id: BatchId,
        error: &str,
        hint: Option<&str>,
        retryable: bool,
        now: i64,
    ) -> Result<Option<i64>, JournalError> {
        // A batch that fails before its attempt began has not been counted yet.
        let attempts = "attempts + (state IN ('pending', 'failed'))";
        let attempts: u32 = self.value(id, "failed", attempts, "'pending', 'encoding', 'publishing', 'failed'")?;
        let next = retryable.then(|| due_after(attempts, now));
        self.step(
            id,
            "failed",
            "UPDATE batches SET state = 'failed', staging = NULL, reel = NULL, error = :error, hint = :hint, \
             attempts = :attempts, next_attempt_at = iif(origin = 'encode', NULL, :next), ended_at = :now \
             WHERE id = :id AND state IN ('pending', 'encoding', 'publishing', 'failed')",
            named_params! {":id": id, ":error": error, ":hint": hint, ":attempts": attempts, ":next": next, ":now": now},
        )?;
        Ok(next)
    }

    /// An attempt failed for a reason outside of the batch, such as a full disk: it does not count, and the next one is due
    /// at `next`.
    pub fn held(&self, id: BatchId, error: &str, hint: Option<&str>, next: i64) -> Result<(), JournalError> {
        self.step(
            id,
            "held",
            "UPDATE batches SET attempts = max(attempts - (state IN ('encoding', 'publishing')), 0), state = 'failed', \
             error = :error, hint = :hint, next_attempt_at = iif(origin = 'encode', NULL, :next), staging = NULL, reel = NULL \
             WHERE id = :id AND state IN ('pending', 'encoding', 'publishing', 'failed')",
            named_params! {":id": id, ":error": error, ":hint": hint, ":next": next},
        )
    }

    /// The batch's files changed before it was encoded. They are no longer held, and come back as released.
    pub fn stale(&self, id: BatchId, now: i64) -> Result<Vec<Identity>, JournalError> {
        self.step(
            id,
            "given up",
            "UPDATE batches SET state = 'stale', staging = NULL, reel = NULL, next_attempt_at = NULL, ended_at = :now \
             WHERE id = :id AND state IN ('pending', 'encoding', 'publishing', 'failed')",
            named_params! {":id": id, ":now": now},
        )?;
        self.with(|connection| query::release(connection, id))
    }

    /// Waits for no other process, so that tests need not.
    #[cfg(test)]
    pub(crate) fn impatient(&self) {
        self.with(|connection| connection.busy_timeout(Duration::ZERO)).unwrap();
    }

    fn of(path: &Path, connection: Connection) -> Self {
        let file = file_at(path);
        Self { path: Arc::from(path), connection: Arc::new(Mutex::new(connection)), file, worker: None }
    }

    /// Whether the path of the journal still leads to the file that is open.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        file_at(&self.path) == self.file
    }

    fn working(self) -> Result<Self, JournalError> {
        let worker = Worker::begin(self.dir())?;
        Ok(Self { worker: Some(Arc::new(worker)), ..self })
    }

    /// The name of this process in the journal.
    fn worker(&self) -> Option<&str> {
        self.worker.as_deref().map(Worker::name)
    }

    /// The folder in which each process that works on the journal has a file.
    #[must_use]
    pub fn workers(&self) -> PathBuf {
        worker::folder(self.dir())
    }

    /// Whether another process that lives works on the journal.
    #[must_use]
    pub fn has_others(&self) -> bool {
        worker::names(self.dir()).iter().any(|name| self.is_of_another(name))
    }

    /// Whether another process that lives took this name.
    #[must_use]
    pub fn is_of_another(&self, worker: &str) -> bool {
        self.worker() != Some(worker) && worker::lives(self.dir(), worker)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        // A panic elsewhere leaves no half-made transaction behind: SQLite rolls it back when it is dropped.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut connection).map_err(|source| self.sql_error(source))
    }

    /// Runs an update that names the states it may start from, and insists on its having changed the batch.
    fn step(&self, id: BatchId, step: &'static str, sql: &str, params: impl Params) -> Result<(), JournalError> {
        let changed = self.with(|connection| connection.prepare_cached(sql)?.execute(params))?;
        if changed == 1 { Ok(()) } else { Err(JournalError::OutOfStep { id, step }) }
    }

    fn value(&self, id: BatchId, step: &'static str, what: &str, states: &str) -> Result<u32, JournalError> {
        let sql = format!("SELECT {what} FROM batches WHERE id = ? AND state IN ({states})");
        let mut values = self.with(|connection| {
            let mut select = connection.prepare_cached(&sql)?;
            select.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<Vec<u32>>>()
        })?;
        values.pop().ok_or(JournalError::OutOfStep { id, step })
    }

    fn sql_error(&self, source: rusqlite::Error) -> JournalError {
        if self.worker.is_some() {
            open::note_damage(&self.path, &source);
        }
        JournalError::Sql { path: self.path.to_path_buf(), source }
    }
}

/// As the column `reel_dir` has it.
fn folder_of(video: &Path) -> Option<&[u8]> {
    video.parent().map(|folder| folder.as_os_str().as_bytes())
}

fn file_at(path: &Path) -> Option<(u64, u64)> {
    path.symlink_metadata().ok().map(|meta| (meta.dev(), meta.ino()))
}

fn due_after(attempts: u32, now: i64) -> i64 {
    later(now, pause_after(attempts))
}

fn later(now: i64, pause: Duration) -> i64 {
    now.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
