//! Which disks things were on.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{OptionalExtension as _, named_params};

use super::rows::{self, BatchId};
use super::{Journal, JournalError};
use crate::watch::places::Sighting;

impl Journal {
    /// What was seen of a folder when it was last written to.
    pub fn place(&self, path: &Path) -> Result<Option<Sighting>, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached("SELECT seen FROM places WHERE path = ?")?;
            select.query_row([path.as_os_str().as_bytes()], |row| rows::json(row, "seen")).optional()
        })
    }

    /// Keeps what is seen of a folder that is written to.
    pub fn keep_place(&self, path: &Path, seen: &Sighting) -> Result<(), JournalError> {
        self.with(|connection| {
            let seen = rows::to_json(seen)?;
            let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO places (path, seen) VALUES (?, ?)")?;
            insert.execute((path.as_os_str().as_bytes(), seen)).map(drop)
        })
    }

    /// Somebody says that every folder is the right one as it is now.
    pub fn forget_places(&self) -> Result<(), JournalError> {
        self.with(|connection| connection.execute("DELETE FROM places", []).map(drop))
    }

    /// What is seen of the root of a batch and of the folder that its video gets, where it can be looked at.
    pub fn seen_at(&self, id: BatchId, root: Option<&Sighting>, video: Option<&Sighting>) -> Result<(), JournalError> {
        self.with(|connection| {
            let root = root.map(rows::to_json).transpose()?;
            let video = video.map(rows::to_json).transpose()?;
            let mut update = connection.prepare_cached(
                "UPDATE batches SET root_seen = :root, reel_seen = :reel WHERE id = :id AND state = 'encoding'",
            )?;
            update.execute(named_params! {":id": id, ":root": root, ":reel": video}).map(drop)
        })
    }
}
