//! What a killed process left: finished where it got far enough, rolled back where it did not.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, named_params};

use super::backoff::MOST_ATTEMPTS;
use super::rows::{self, BatchId};
use super::{Journal, JournalError};
use crate::deliver::publish::{find_again, remove_stale_staging, sync_folder_of};
use crate::sequence::Identity;

/// What a killed process left, and what became of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Batches that are to be encoded again.
    pub restarted: Vec<BatchId>,
    /// Batches whose reel already had its name.
    pub published: Vec<BatchId>,
    /// Batches that the process did not survive too often: they have failed.
    pub given_up: Vec<BatchId>,
    /// Sentences worth a warning each.
    pub warnings: Vec<String>,
}

/// A batch in the middle of something.
struct Broken {
    id: BatchId,
    attempts: u32,
    staging: Option<PathBuf>,
    candidate: Option<(PathBuf, Identity)>,
}

enum Finding {
    Published(Identity),
    Restart,
    /// The disk that would tell is not there.
    Unknown,
}

impl Journal {
    /// Settles what a killed process left. To be called once, under the lock, before anything is encoded. Frames in the
    /// middle of a clean-up are settled by the clean-up itself, which is still due.
    pub fn recover(&self, now: i64) -> Result<Recovery, JournalError> {
        let mut recovery = Recovery::default();
        for broken in self.with(|connection| broken(connection))? {
            let id = broken.id;
            match examine(&broken) {
                Finding::Published(identity) => {
                    self.with(|connection| set_published(connection, id, &identity, now))?;
                    recovery.published.push(id);
                }
                Finding::Restart if broken.attempts >= MOST_ATTEMPTS => {
                    let error = format!("reeld ended in the middle of this batch, for the {}th time", broken.attempts);
                    self.failed(id, &error, Some("look for a crash or for too little memory in the log"), false, now)?;
                    recovery.given_up.push(id);
                }
                Finding::Restart => {
                    self.with(|connection| set_pending(connection, id))?;
                    recovery.restarted.push(id);
                }
                Finding::Unknown => {
                    let path = broken.candidate.map(|(path, _)| path.display().to_string()).unwrap_or_default();
                    recovery.warnings.push(format!("batch {id}: whether {path} was published cannot be seen now"));
                    continue;
                }
            }
            if let Some(staging) = &broken.staging
                && let Err(error) = remove_stale_staging(staging)
            {
                recovery.warnings.push(format!("batch {id}: {error}"));
            }
        }
        let damaged = self.drop_damaged_chunks()?;
        if damaged > 0 {
            recovery.warnings.push(format!("{damaged} damaged records of encoded chunks are dropped"));
        }
        self.renumber(Path::new("/"))?;
        Ok(recovery)
    }
}

fn broken(connection: &Connection) -> rusqlite::Result<Vec<Broken>> {
    let mut select =
        connection.prepare("SELECT * FROM batches WHERE state IN ('encoding', 'publishing') ORDER BY id")?;
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
    broken.staging.as_deref().is_some_and(|path| matches!(find_again(path, staged), Ok(Some(_))))
}

/// Whether the folder is on the file system that the file was on, and not, say, the mount point of a missing disk.
fn disk_is_there(candidate: &Path, staged: &Identity) -> bool {
    let folder = candidate.parent().and_then(|folder| folder.metadata().ok());
    folder.is_some_and(|folder| folder.dev() == staged.dev)
}

fn set_published(connection: &Connection, id: BatchId, identity: &Identity, now: i64) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE batches SET state = 'published', staging = NULL, reel_dev = :dev, ended_at = :now WHERE id = :id",
        named_params! {":id": id, ":dev": identity.dev.cast_signed(), ":now": now},
    )
}

fn set_pending(connection: &Connection, id: BatchId) -> rusqlite::Result<usize> {
    connection.execute(
        "UPDATE batches SET state = 'pending', staging = NULL, reel = NULL WHERE id = :id",
        named_params! {":id": id},
    )
}
