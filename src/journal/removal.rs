//! What is to become of the frames of a published reel, as the journal keeps it.
//!
//! Owns what must be known at the removal: which frames, what was read of them, which reel. When and how is decided
//! elsewhere.

use std::path::PathBuf;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row};

use super::rows::{self, BatchId};
use crate::config::Cleanup;
use crate::deliver::Published;
use crate::deliver::cleanup::EncodedFrame;
use crate::frame::digest::{Contents, Digest};
use crate::sequence::Pattern;
use crate::watch::places::Sighting;

/// What is to happen to the frames of a published reel.
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
    /// Their reel.
    pub reel: Published,
    /// What is to happen.
    pub plan: PlannedCleanup,
    /// How often it was tried or put off.
    pub tries: u32,
    /// What was seen of the root when the reel was published.
    pub root_seen: Option<Sighting>,
    /// And of the folder of the reel.
    pub reel_seen: Option<Sighting>,
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
            reel: rows::reel(row)?,
            plan: PlannedCleanup {
                mode: rows::json(row, "cleanup")?,
                due_at: row.get("cleanup_due_at")?,
                despite_changes: row.get("despite_changes")?,
            },
            tries: row.get("cleanup_tries")?,
            root_seen: rows::optional_json(row, "root_seen")?,
            reel_seen: rows::optional_json(row, "reel_seen")?,
        })
    }
}

/// The frames that are in the reel, by name, with what was read of them.
fn encoded_frames(connection: &Connection, id: BatchId, pattern: &Pattern) -> rusqlite::Result<Vec<EncodedFrame>> {
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
