//! Disks that come back under another device number.
//!
//! A device number lasts as long as the mount: network file systems, Btrfs, overlays and pluggable disks get theirs in the
//! order in which they appear. Without this, every file that a batch holds would look new after a restart.
//!
//! A start looks at what is unfinished alone. The many finished batches follow when somebody asks for what they hold: those
//! of one folder at a time.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::rows::{self, BatchId};
use super::{Journal, JournalError};
use crate::deliver::publish::find_again;
use crate::model::Identity;
use crate::sequence::Pattern;

/// What the journal knows of a batch's place.
struct Placed {
    id: BatchId,
    dir: PathBuf,
    pattern: Pattern,
    video: Option<(PathBuf, Identity)>,
}

/// What somebody goes on with, or may go on with.
const UNFINISHED: &str = "state IN ('pending', 'encoding', 'publishing') OR (state = 'failed' AND origin = 'daemon') \
                          OR (state = 'published' AND cleanup_due_at IS NOT NULL)";

impl Journal {
    /// Takes over the new device numbers of what unfinished batches and chunks in `root` hold, where a file is still the same
    /// in everything else: path, inode, size and time. To be called when a root came back; [`recover`](Self::recover) does it
    /// for all. Says which batches changed.
    pub fn remap_devices(&self, root: &Path) -> Result<Vec<BatchId>, JournalError> {
        let ids = self.with(|connection| {
            let mut select =
                connection.prepare(&format!("SELECT id, dir FROM batches WHERE {UNFINISHED} ORDER BY id"))?;
            let rows = select.query_map([], |row| Ok((row.get(0)?, rows::path(row, "dir")?)))?;
            rows.collect::<rusqlite::Result<Vec<(BatchId, PathBuf)>>>()
        })?;
        let in_root = ids.into_iter().filter(|(_, dir)| dir.starts_with(root));
        let changed = self.remap_batches(&in_root.map(|(id, _)| id).collect())?;
        self.remap_chunks(root)?;
        Ok(changed)
    }

    /// The same for all batches whose frames or whose videos are in the folder `dir`.
    pub(super) fn remap_devices_in(&self, dir: &Path) -> Result<(), JournalError> {
        let Ok(folder) = dir.metadata() else { return Ok(()) };
        let ids = self.with(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT DISTINCT batch_id FROM frames JOIN batches ON batches.id = frames.batch_id \
                 WHERE batches.dir = :dir AND batches.state != 'stale' AND frames.dev != :dev \
                 UNION SELECT id FROM batches WHERE reel_dir = :dir AND state IN ('published', 'cleaned') AND reel_dev != :dev",
            )?;
            let params = named_params! {":dir": dir.as_os_str().as_bytes(), ":dev": folder.dev().cast_signed()};
            select.query_map(params, |row| row.get(0))?.collect()
        })?;
        self.remap_batches(&ids).map(drop)
    }

    /// The same for these batches, whose files are on other disks than they were. Says which of them changed. A journal that
    /// is only read stays as it is.
    pub(super) fn remap_batches(&self, ids: &BTreeSet<BatchId>) -> Result<Vec<BatchId>, JournalError> {
        let mut changed = Vec::new();
        if self.worker().is_none() {
            return Ok(changed);
        }
        for id in ids {
            let Some(batch) = self.with(|connection| placed(connection, *id))? else { continue };
            let frames = new_device_of_frames(self, &batch)?;
            let video = batch.video.as_ref().and_then(|(path, old)| {
                let now = find_again(path, old).ok().flatten()?;
                (now.dev != old.dev).then_some(now.dev)
            });
            if frames.is_none() && video.is_none() {
                continue;
            }
            self.with(|connection| {
                let transaction = connection.transaction()?;
                if let Some((old, new)) = frames {
                    transaction.execute(
                        "UPDATE frames SET dev = :new WHERE batch_id = :id AND dev = :old",
                        named_params! {":id": batch.id, ":old": old.cast_signed(), ":new": new.cast_signed()},
                    )?;
                }
                if let Some(new) = video {
                    transaction.execute(
                        "UPDATE batches SET reel_dev = :new WHERE id = :id",
                        named_params! {":id": batch.id, ":new": new.cast_signed()},
                    )?;
                }
                transaction.commit()
            })?;
            changed.push(batch.id);
        }
        Ok(changed)
    }
}

/// The old and the new number, if a frame is found again under another one. The frames of a folder share a file system.
fn new_device_of_frames(journal: &Journal, batch: &Placed) -> Result<Option<(u64, u64)>, JournalError> {
    let Ok(folder) = batch.dir.metadata() else { return Ok(None) };
    let devices = journal.with(|connection| {
        let mut select = connection.prepare_cached("SELECT DISTINCT dev FROM frames WHERE batch_id = ?")?;
        select.query_map([batch.id], |row| row.get::<_, i64>(0))?.collect::<rusqlite::Result<BTreeSet<_>>>()
    })?;
    if devices.iter().all(|dev| dev.cast_unsigned() == folder.dev()) {
        return Ok(None);
    }
    let frames = journal.with(|connection| rows::frames(connection, batch.id))?;
    let found = frames.iter().find_map(|frame| {
        let path = batch.dir.join(OsStr::from_bytes(&frame.file_name(&batch.pattern)));
        Some((frame.identity.dev, find_again(&path, &frame.identity).ok().flatten()?.dev))
    });
    Ok(found.filter(|(old, new)| old != new))
}

fn placed(connection: &Connection, id: BatchId) -> rusqlite::Result<Option<Placed>> {
    let mut select = connection.prepare_cached("SELECT * FROM batches WHERE id = ?")?;
    let read = |row: &Row<'_>| {
        let video = match row.get("state")? {
            rows::State::Published | rows::State::Cleaned => {
                Some((rows::path(row, "reel")?, rows::identity(row, "reel_")?))
            }
            _ => None,
        };
        Ok(Placed { id, dir: rows::path(row, "dir")?, pattern: rows::json(row, "pattern")?, video })
    };
    select.query_row([id], read).optional()
}
