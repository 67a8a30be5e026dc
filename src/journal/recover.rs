//! Batches in the middle of something that nobody works on: finished where they got far enough, rolled back where they did
//! not. A killed process leaves such batches, and so does a journal that could not be written at the end of an attempt.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, named_params};

use super::backoff::pause_after_death;
use super::rows::{self, BatchId, Origin};
use super::{AGAIN, Journal, JournalError, later, worker};
use crate::deliver::Published;
use crate::deliver::publish::{find_again, remove_stale_staging, staged_in};
use crate::error::chain;
use crate::files::sync_folder_of;
use crate::model::Identity;
use crate::text::printable::Show as _;

/// What a killed process left, and what became of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Batches that are to be encoded again.
    pub restarted: Vec<BatchId>,
    /// Batches whose video already had its name.
    pub published: Vec<BatchId>,
    /// Batches that the process did not survive too often: they are to be encoded again after a pause.
    pub slowed: Vec<BatchId>,
    /// Batches of a `reeld encode` that was killed. Nobody goes on with them.
    pub cut_off: Vec<BatchId>,
    /// Batches that another process works on, which lives.
    pub elsewhere: Vec<BatchId>,
    /// Sentences worth a warning each.
    pub warnings: Vec<String>,
}

/// How long a start waits for another process that works on batches to go away, and how long between two looks: one that
/// was killed keeps its locks until the kernel has taken it apart, and the one on its batches may be the last to go.
const ELSEWHERE_TIMEOUT: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(20);

/// How long until a batch is looked at again of which nothing can be said now.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Whether a batch that was to be published has its video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It has, and that is recorded now.
    Published(Published),
    /// It has not.
    Unpublished,
    /// The disk that would tell is not there, or its folder cannot be synced.
    Unknown,
}

/// A batch in the middle of something.
struct Broken {
    id: BatchId,
    attempts: u32,
    staging: Option<PathBuf>,
    candidate: Option<(PathBuf, Identity)>,
    worker: Option<String>,
    origin: Origin,
}

enum Finding {
    Published(Identity),
    Restart,
    /// The disk that would tell is not there.
    Unknown,
}

impl Journal {
    /// Decides what becomes of what killed processes left. To be called once, under the lock, before anything is encoded.
    /// Frames in the middle of a clean-up are left to the clean-up itself, which is still due.
    pub fn recover(&self, now: i64) -> Result<Recovery, JournalError> {
        let started = Instant::now();
        let mut recovery = self.recover_where("TRUE", now)?;
        while !recovery.elsewhere.is_empty() && started.elapsed() < ELSEWHERE_TIMEOUT {
            thread::sleep(PAUSE);
            let Recovery { restarted, published, slowed, cut_off, elsewhere, warnings } =
                self.recover_where("TRUE", now)?;
            recovery.cut_off.extend(cut_off);
            recovery.restarted.extend(restarted);
            recovery.published.extend(published);
            recovery.slowed.extend(slowed);
            for warning in warnings {
                if !recovery.warnings.contains(&warning) {
                    recovery.warnings.push(warning);
                }
            }
            recovery.elsewhere = elsewhere;
        }
        worker::clear_up(self.dir());
        recovery.warnings.extend(self.remove_litter()?);
        let damaged = self.drop_damaged_chunks()?;
        if damaged > 0 {
            recovery.warnings.push(format!("{damaged} damaged records of encoded chunks are dropped"));
        }
        self.remap_devices(Path::new("/"))?;
        Ok(recovery)
    }

    /// Decides what becomes of the batches of processes that are dead, and those that nobody works on, once they are due.
    /// Those of `busy`, of this process and of others that live are left alone, so that the holder of the lock may call this
    /// at any time.
    pub fn recover_due(&self, now: i64, busy: &[BatchId]) -> Result<Recovery, JournalError> {
        // Numbers, so nothing is to be escaped.
        let busy = busy.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let due = format!("(next_attempt_at IS NULL OR next_attempt_at <= {now}) AND id NOT IN ({busy})");
        let recovery = self.recover_where(&due, now)?;
        // An FFmpeg of a killed process may have lived long enough to write once more after its file was removed. What cannot
        // be removed was said at the start.
        self.remove_litter()?;
        Ok(recovery)
    }

    /// Nobody works on this batch any more, but how its last attempt ended could not be recorded, or cannot be known: it is
    /// looked at again at `next`. Nothing changes where the journal knows how it ended.
    pub fn outcome_unknown(&self, id: BatchId, error: &str, hint: Option<&str>, next: i64) -> Result<(), JournalError> {
        self.with(|connection| {
            connection.execute(
                "UPDATE batches SET worker = NULL, error = :error, hint = :hint, next_attempt_at = :next \
                 WHERE id = :id AND state IN ('encoding', 'publishing')",
                named_params! {":id": id, ":error": error, ":hint": hint, ":next": next},
            )
        })?;
        Ok(())
    }

    /// Whether a batch whose publishing went wrong has its video all the same; if so, that is recorded.
    pub fn fate_of(&self, id: BatchId, now: i64) -> Result<Fate, JournalError> {
        let condition = format!("id = {} AND state = 'publishing'", id.0);
        let Some(broken) = self.with(|connection| broken(connection, &condition))?.pop() else {
            return Ok(Fate::Unpublished);
        };
        match examine(&broken) {
            Finding::Published(identity) => {
                self.with(|connection| set_published(connection, id, &identity, now))?;
                Ok(self.video_of(id)?.map_or(Fate::Unpublished, Fate::Published))
            }
            Finding::Unknown => Ok(Fate::Unknown),
            Finding::Restart => Ok(Fate::Unpublished),
        }
    }

    fn recover_where(&self, condition: &str, now: i64) -> Result<Recovery, JournalError> {
        let mut recovery = Recovery::default();
        for broken in self.with(|connection| broken(connection, condition))? {
            let id = broken.id;
            match broken.worker.as_deref() {
                Some(worker) if self.worker() == Some(worker) => continue,
                Some(worker) if self.is_of_another(worker) => {
                    recovery.elsewhere.push(id);
                    continue;
                }
                _ => {}
            }
            let finding = examine(&broken);
            // Before the batch forgets it: a kill in between would leave it for ever.
            if let (Finding::Published(_) | Finding::Restart, Some(staging)) = (&finding, &broken.staging) {
                self.with(|connection| keep_litter(connection, staging))?;
            }
            match finding {
                Finding::Published(identity) => {
                    self.with(|connection| set_published(connection, id, &identity, now))?;
                    recovery.published.push(id);
                }
                Finding::Restart if broken.origin == Origin::Encode => {
                    self.with(|connection| set_cut_off(connection, id, now))?;
                    recovery.cut_off.push(id);
                }
                Finding::Restart => {
                    if let Some(pause) = pause_after_death(broken.attempts) {
                        let next = later(now, pause);
                        self.with(|connection| set_slowed(connection, id, broken.attempts, next, now))?;
                        recovery.slowed.push(id);
                    } else {
                        self.with(|connection| set_pending(connection, id))?;
                        recovery.restarted.push(id);
                    }
                }
                Finding::Unknown => {
                    let path = broken.candidate.map(|(path, _)| path.shown().to_string()).unwrap_or_default();
                    let text = format!("whether {path} was published cannot be seen now");
                    let hint = "if its disk is not mounted, mount it; the batch waits";
                    self.outcome_unknown(id, &text, Some(hint), later(now, LOOK_AGAIN))?;
                    recovery.warnings.push(format!("batch {id}: {text}"));
                    continue;
                }
            }
            if let Some(staging) = broken.staging {
                if let Err(error) = remove_stale_staging(&staging) {
                    recovery.warnings.push(format!("batch {id}: {}", chain(&error)));
                }
                self.with(|connection| keep_litter(connection, &staging))?;
            }
        }
        Ok(recovery)
    }

    /// Notes what the attempt at a batch could not remove, before its end is recorded. To be called when the attempt has let
    /// go of its files.
    pub fn note_litter(&self, id: BatchId) -> Result<(), JournalError> {
        self.with(|connection| {
            let mut select =
                connection.prepare_cached("SELECT staging FROM batches WHERE id = ? AND staging IS NOT NULL")?;
            let staging = select.query_map([id], |row| rows::path(row, "staging"))?.next().transpose()?;
            staging.map_or(Ok(0), |staging| keep_litter(connection, &staging)).map(drop)
        })
    }

    /// Tries once more to remove what was left where it could not be removed at the time. What it says are warnings.
    fn remove_litter(&self) -> Result<Vec<String>, JournalError> {
        let mut warnings = Vec::new();
        for path in self.with(|connection| litter(connection))? {
            if let Err(error) = remove_stale_staging(&path) {
                warnings.push(chain(&error).to_string());
            }
            self.with(|connection| keep_litter(connection, &path))?;
        }
        Ok(warnings)
    }
}

/// Remembers a staging file that may be there still, and forgets one that is not.
fn keep_litter(connection: &Connection, path: &Path) -> rusqlite::Result<usize> {
    let bytes = path.as_os_str().as_bytes();
    // A folder that is not there may be on a disk that comes back.
    let is_gone = path.symlink_metadata().is_err() && path.parent().is_some_and(Path::is_dir);
    if is_gone {
        connection.execute("DELETE FROM litter WHERE path = ?", [bytes])
    } else {
        connection.execute("INSERT OR IGNORE INTO litter (path) VALUES (?)", [bytes])
    }
}

fn litter(connection: &Connection) -> rusqlite::Result<Vec<PathBuf>> {
    let mut select = connection.prepare("SELECT path FROM litter")?;
    select.query_map([], |row| rows::path(row, "path"))?.collect()
}

fn broken(connection: &Connection, condition: &str) -> rusqlite::Result<Vec<Broken>> {
    let mut select = connection.prepare(&format!(
        "SELECT * FROM batches WHERE (state IN ('encoding', 'publishing') OR (state = 'pending' AND origin = 'encode')) \
         AND {condition} ORDER BY id"
    ))?;
    let rows = select.query_map([], |row| {
        let state: rows::State = row.get("state")?;
        let staging: Option<Vec<u8>> = row.get("staging")?;
        let candidate = match state {
            rows::State::Publishing => Some((rows::path(row, "reel")?, rows::identity(row, "reel_")?)),
            _ => None,
        };
        Ok(Broken {
            id: row.get("id")?,
            attempts: row.get("attempts")?,
            staging: staging.map(|bytes| PathBuf::from(std::ffi::OsStr::from_bytes(&bytes))),
            candidate,
            worker: row.get("worker")?,
            origin: row.get("origin")?,
        })
    })?;
    rows.collect()
}

fn examine(broken: &Broken) -> Finding {
    let Some((candidate, staged)) = &broken.candidate else { return Finding::Restart };
    match find_again(candidate, staged) {
        // The name may not be on the disk yet.
        Ok(Some(identity)) => match sync_folder_of(candidate) {
            Ok(()) => Finding::Published(identity),
            Err(_) => Finding::Unknown,
        },
        Ok(None) if staging_is_there(broken, staged) || disk_is_there(candidate, staged) => Finding::Restart,
        Ok(None) | Err(_) => Finding::Unknown,
    }
}

fn staging_is_there(broken: &Broken, staged: &Identity) -> bool {
    let is_it = |path: &Path| matches!(find_again(path, staged), Ok(Some(_)));
    // Of earlier versions, the staging path is the file's own.
    broken.staging.as_deref().is_some_and(|path| is_it(&staged_in(path)) || is_it(path))
}

/// Whether the folder is on the file system that the file was on, and not, say, the mount point of a missing disk.
fn disk_is_there(candidate: &Path, staged: &Identity) -> bool {
    let folder = candidate.parent().and_then(|folder| folder.metadata().ok());
    folder.is_some_and(|folder| folder.dev() == staged.dev)
}

fn set_published(connection: &Connection, id: BatchId, identity: &Identity, now: i64) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE batches SET state = 'published', staging = NULL, reel_dev = :dev, ended_at = :now, \
         next_attempt_at = NULL, error = NULL, hint = NULL WHERE id = :id",
        named_params! {":id": id, ":dev": identity.dev.cast_signed(), ":now": now},
    )
}

fn set_pending(connection: &Connection, id: BatchId) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE batches SET state = 'pending', staging = NULL, reel = NULL, next_attempt_at = NULL WHERE id = :id",
        named_params! {":id": id},
    )
}

fn set_cut_off(connection: &Connection, id: BatchId, now: i64) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE batches SET state = 'failed', staging = NULL, reel = NULL, error = :error, hint = :hint, \
         next_attempt_at = NULL, ended_at = :now WHERE id = :id",
        named_params! {":id": id, ":error": "`reeld encode` ended before the video was made", ":hint": AGAIN, ":now": now},
    )
}

fn set_slowed(connection: &Connection, id: BatchId, attempts: u32, next: i64, now: i64) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE batches SET state = 'failed', staging = NULL, reel = NULL, error = :error, hint = :hint, \
         next_attempt_at = :next, ended_at = :now WHERE id = :id",
        named_params! {
            ":id": id,
            ":error": format!("reeld ended in the middle of this batch in {attempts} attempts"),
            ":hint": "look for a crash or for too little memory in the log",
            ":next": next,
            ":now": now,
        },
    )
}
