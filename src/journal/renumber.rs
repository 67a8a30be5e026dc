//! Disks that come back under another device number.
//!
//! A device number lasts as long as the mount: network file systems, Btrfs, overlays and pluggable disks get theirs in the
//! order in which they appear. Without this, every file that a batch holds would look new after a restart.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, named_params};

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
    reel: Option<(PathBuf, Identity)>,
}

impl Journal {
    /// Takes over the new device numbers of what batches and chunks in `root` hold, where a file is still the same in
    /// everything else: path, inode, size and time. To be called when a root came back, before its claims are read;
    /// [`recover`](Self::recover) does it for all. Says which batches changed.
    pub fn renumber(&self, root: &Path) -> Result<Vec<BatchId>, JournalError> {
        let mut placed = self.with(|connection| placed(connection))?;
        placed.retain(|batch| batch.dir.starts_with(root));
        let mut changed = Vec::new();
        for batch in placed {
            let frames = new_device_of_frames(self, &batch)?;
            let reel = batch.reel.as_ref().and_then(|(path, old)| {
                let now = find_again(path, old).ok().flatten()?;
                (now.dev != old.dev).then_some(now.dev)
            });
            if frames.is_none() && reel.is_none() {
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
                if let Some(new) = reel {
                    transaction.execute(
                        "UPDATE batches SET reel_dev = :new WHERE id = :id",
                        named_params! {":id": batch.id, ":new": new.cast_signed()},
                    )?;
                }
                transaction.commit()
            })?;
            changed.push(batch.id);
        }
        self.renumber_chunks(root)?;
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

fn placed(connection: &Connection) -> rusqlite::Result<Vec<Placed>> {
    let mut select = connection.prepare("SELECT * FROM batches WHERE state != 'stale' ORDER BY id")?;
    let rows = select.query_map([], |row| {
        let state: rows::State = row.get("state")?;
        let reel = match state {
            rows::State::Published => Some((rows::path(row, "reel")?, rows::identity(row, "reel_")?)),
            _ => None,
        };
        Ok(Placed { id: row.get("id")?, dir: rows::path(row, "dir")?, pattern: rows::json(row, "pattern")?, reel })
    })?;
    rows.collect()
}
