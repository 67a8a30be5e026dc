//! Chunks that are encoded and proved before their sequence is finished, or before the rest of its batch is.
//!
//! A row is written after the file has its name on the disk, and goes before the file does: a file without a row is
//! nobody's, and [`ChunkStore::sweep`](crate::encode::chunk::store::ChunkStore::sweep) removes it. That the file is still there and
//! whole is for whoever uses it to find out.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, Row, named_params};

use super::{Journal, JournalError, rows};
use crate::encode::chunk::Shown;
use crate::encode::verify::Samples;
use crate::fault;
use crate::frame::digest::Contents;
use crate::sequence::Pattern;

#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod packed;
mod remap_devices;

/// A chunk's number in the journal. Never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkId(pub i64);

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ToSql for ChunkId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for ChunkId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

/// What chunks must share to stand in one video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkKey<'a> {
    /// The folder of the frames.
    pub dir: &'a Path,
    /// What their names share.
    pub pattern: &'a Pattern,
    /// Everything that decides what the frames are encoded to.
    pub settings: &'a str,
    /// The version of FFmpeg.
    pub ffmpeg: &'a str,
}

/// A proved chunk, to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct NewChunk<'a> {
    /// Where it is, under its lasting name.
    pub file: &'a Path,
    /// Its size.
    pub bytes: u64,
    /// What it shows, by ascending number, at least one frame.
    pub frames: &'a [Shown],
    /// What was read of each of these frames.
    pub contents: &'a [Contents],
    /// What the file holds.
    pub samples: &'a Samples,
}

/// A recorded chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChunk {
    /// Its number.
    pub id: ChunkId,
    /// Where it was when it was recorded.
    pub file: PathBuf,
    /// Its size then.
    pub bytes: u64,
    /// What it shows.
    pub frames: Vec<Shown>,
    /// What was read of each of these frames; nothing where an earlier version made it.
    pub contents: Vec<Contents>,
    /// What the file holds.
    pub samples: Samples,
}

/// A recorded chunk and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the key by their own names")]
pub struct KeyedChunk {
    pub dir: PathBuf,
    pub pattern: Pattern,
    pub settings: String,
    pub ffmpeg: String,
    /// The process that made it.
    pub worker: Option<String>,
    /// The chunk.
    pub chunk: StoredChunk,
}

impl KeyedChunk {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            dir: rows::path(row, "dir")?,
            pattern: rows::json(row, "pattern")?,
            settings: row.get("settings")?,
            ffmpeg: row.get("ffmpeg")?,
            worker: row.get("worker")?,
            chunk: StoredChunk::read(row)?,
        })
    }
}

impl StoredChunk {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let unsigned = |column: &str| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let frames = frames(row)?;
        Ok(Self {
            id: row.get("id")?,
            file: rows::path(row, "file")?,
            bytes: unsigned("bytes")?,
            contents: contents(row, frames.len())?,
            frames,
            samples: Samples { count: unsigned("samples")?, config: row.get("config")?, digest: row.get("digest")? },
        })
    }
}

impl Journal {
    /// Records a chunk whose file has its lasting name on the disk. An earlier one whose file had the same name is no more.
    pub fn add_chunk(&self, key: &ChunkKey<'_>, new: &NewChunk<'_>, now: i64) -> Result<ChunkId, JournalError> {
        let id = self.with(|connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO chunks (dir, pattern, settings, ffmpeg, file, bytes, first, count, frames, \
                     contents, samples, config, digest, created_at, worker) VALUES (:dir, :pattern, :settings, :ffmpeg, \
                     :file, :bytes, :first, :count, :frames, :contents, :samples, :config, :digest, :now, :worker)",
                )?
                .insert(named_params! {
                    ":dir": key.dir.as_os_str().as_bytes(),
                    ":pattern": rows::to_json(key.pattern)?,
                    ":settings": key.settings,
                    ":ffmpeg": key.ffmpeg,
                    ":file": new.file.as_os_str().as_bytes(),
                    ":bytes": new.bytes.cast_signed(),
                    ":first": new.frames.first().map(|frame| frame.number),
                    ":count": i64::try_from(new.frames.len()).unwrap_or(i64::MAX),
                    ":frames": packed::pack(new.frames),
                    ":contents": packed::pack_contents(new.contents),
                    ":samples": new.samples.count.cast_signed(),
                    ":config": new.samples.config,
                    ":digest": new.samples.digest,
                    ":now": now,
                    ":worker": self.worker(),
                })
        })?;
        fault::point("after-chunk-recorded");
        Ok(ChunkId(id))
    }

    /// The chunks that may stand in one video of a sequence, oldest first. One whose record is damaged is passed over.
    pub fn chunks_of(&self, key: &ChunkKey<'_>) -> Result<Vec<StoredChunk>, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT * FROM chunks WHERE dir = :dir AND pattern = :pattern AND settings = :settings \
                 AND ffmpeg = :ffmpeg ORDER BY id",
            )?;
            let params = named_params! {
                ":dir": key.dir.as_os_str().as_bytes(),
                ":pattern": rows::to_json(key.pattern)?,
                ":settings": key.settings,
                ":ffmpeg": key.ffmpeg,
            };
            let chunks = select.query_map(params, |row| sound(StoredChunk::read(row)))?;
            chunks.filter_map(Result::transpose).collect()
        })
    }

    /// All chunks, oldest first. One whose record is damaged is passed over.
    pub fn chunks(&self) -> Result<Vec<KeyedChunk>, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached("SELECT * FROM chunks ORDER BY id")?;
            let chunks = select.query_map([], |row| sound(KeyedChunk::read(row)))?;
            chunks.filter_map(Result::transpose).collect()
        })
    }

    /// Whether a chunk with this file name is recorded.
    pub fn has_chunk_file(&self, name: &OsStr) -> Result<bool, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached("SELECT file FROM chunks")?;
            let mut files = select.query_map([], |row| sound(rows::path(row, "file")))?;
            files.try_fold(false, |found, file| Ok(found || file?.is_some_and(|file| file.file_name() == Some(name))))
        })
    }

    /// Forgets these chunks. Their files come back, to be removed.
    pub fn drop_chunks(&self, ids: &[ChunkId]) -> Result<Vec<PathBuf>, JournalError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            let files = delete(&transaction, ids)?;
            transaction.commit()?;
            Ok(files)
        })
    }

    /// Drops the rows that nobody could ever read, and says how many: nothing else would.
    pub(super) fn drop_damaged_chunks(&self) -> Result<usize, JournalError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            let damaged: Vec<ChunkId> = {
                let mut select = transaction.prepare("SELECT * FROM chunks")?;
                let unreadable = |row: &Row<'_>| Ok(sound(KeyedChunk::read(row))?.is_none().then_some(row.get("id")?));
                let ids = select.query_map([], unreadable)?;
                ids.filter_map(Result::transpose).collect::<rusqlite::Result<_>>()?
            };
            delete(&transaction, &damaged)?;
            transaction.commit()?;
            Ok(damaged.len())
        })
    }
}

/// `None` for a row whose values are not what they should be, as opposed to a database that cannot be read.
fn sound<T>(read: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::IntegralValueOutOfRange(..),
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

fn delete(connection: &Connection, ids: &[ChunkId]) -> rusqlite::Result<Vec<PathBuf>> {
    let mut delete = connection.prepare_cached("DELETE FROM chunks WHERE id = ? RETURNING file")?;
    let mut files = Vec::new();
    for id in ids {
        let rows = delete.query_map([id], |row| sound(rows::path(row, "file")))?;
        for file in rows {
            files.extend(file?);
        }
    }
    Ok(files)
}

/// The frames of a row, if they are what its columns `first` and `count` say.
fn frames(row: &Row<'_>) -> rusqlite::Result<Vec<Shown>> {
    let packed: Vec<u8> = row.get("frames")?;
    let (first, count): (i64, i64) = (row.get("first")?, row.get("count")?);
    packed::unpack(&packed, first, count).map_err(|error| damaged(row, "frames", error))
}

/// What was read of the `count` frames of a row.
fn contents(row: &Row<'_>, count: usize) -> rusqlite::Result<Vec<Contents>> {
    match row.get::<_, Option<Vec<u8>>>("contents")? {
        Some(packed) => packed::unpack_contents(&packed, count).map_err(|error| damaged(row, "contents", error)),
        None => Ok(Vec::new()),
    }
}

fn damaged(row: &Row<'_>, column: &str, error: packed::Damage) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, Box::new(error))
}
