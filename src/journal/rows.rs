//! What the journal takes and gives, and the way between rows and types.

use std::ffi::OsStr;
use std::fmt;
use std::num::{NonZeroU32, ParseIntError};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, Row};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use super::removal::PlannedCleanup;
use crate::config::{Cleanup, FrameRate};
use crate::deliver::Published;
use crate::model::Identity;
use crate::sequence::finish::FinishReason;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::generator::MadeBy;
use crate::sequence::{Batch, Frame, FrameName, FrameNumber, Pattern, TakenFor};

/// A batch's number in the journal. Never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub i64);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BatchId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl ToSql for BatchId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for BatchId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Sealed, and waiting for its turn.
    Pending,
    /// Being encoded or verified.
    Encoding,
    /// About to get its final name, or already having it.
    Publishing,
    /// The video is under its final name.
    Published,
    /// And its frames are dealt with.
    Cleaned,
    /// The last attempt failed.
    Failed,
    /// Its files changed before it was encoded: nobody's batch any more.
    Stale,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Encoding => "encoding",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Cleaned => "cleaned",
            Self::Failed => "failed",
            Self::Stale => "stale",
        })
    }
}

impl FromSql for State {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "pending" => Ok(Self::Pending),
            "encoding" => Ok(Self::Encoding),
            "publishing" => Ok(Self::Publishing),
            "published" => Ok(Self::Published),
            "cleaned" => Ok(Self::Cleaned),
            "failed" => Ok(Self::Failed),
            "stale" => Ok(Self::Stale),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// Who began a batch, and is the only one to go on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Daemon,
    /// `reeld encode`, with settings that nobody else knows.
    Encode,
}

impl Origin {
    pub(super) fn of(reason: &FinishReason) -> Self {
        if *reason == FinishReason::Now { Self::Encode } else { Self::Daemon }
    }
}

impl ToSql for Origin {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Daemon => "daemon".into(),
            Self::Encode => "encode".into(),
        })
    }
}

impl FromSql for Origin {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "daemon" => Ok(Self::Daemon),
            "encode" => Ok(Self::Encode),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// A sealed batch, to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct NewBatch<'a> {
    /// The watched folder.
    pub root: &'a Path,
    /// Its frames, at least one.
    pub batch: &'a Batch,
    /// The preset's name, and whatever else decides what the video is like.
    pub recipe: &'a str,
    /// Frames per second.
    pub rate: FrameRate,
    /// What that is taken from, as a phrase.
    pub rate_from: &'a str,
}

/// What an attempt came to, known when the video is verified and before it has its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What makes the batch less than perfect, one sentence each.
    pub anomalies: Vec<String>,
    /// Frames whose files are no part of the video: they are never cleaned up.
    pub left_out: Vec<FrameNumber>,
    /// How long encoding took, in milliseconds.
    pub encode_ms: i64,
    /// How long verifying took, in milliseconds.
    pub verify_ms: i64,
    /// What is to happen to the frames; `None` where they stay.
    pub cleanup: Option<PlannedCleanup>,
}

/// A batch that is to be encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBatch {
    /// Its number.
    pub id: BatchId,
    /// The watched folder.
    pub root: PathBuf,
    /// Its frames.
    pub batch: Batch,
    /// The preset's name and the other settings when it was sealed.
    pub recipe: String,
    /// Frames per second when it was sealed.
    pub rate: FrameRate,
    /// Attempts so far.
    pub attempts: u32,
}

/// A batch as people ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the columns of schema.sql by their own names; paths are printed with U+FFFD for non-UTF-8"
)]
pub struct Entry {
    pub id: BatchId,
    pub state: State,
    #[serde(serialize_with = "lossy")]
    pub root: PathBuf,
    #[serde(serialize_with = "lossy")]
    pub dir: PathBuf,
    /// As `shot.####.png`.
    pub pattern: String,
    pub reason: String,
    pub first: FrameNumber,
    pub last: FrameNumber,
    /// From the first to the last frame, as people say it.
    pub span: String,
    pub count: i64,
    /// As `3, 7-9`; empty where nothing is missing.
    pub missing: String,
    pub anomalies: Vec<String>,
    /// The verdict whether it is a film, with its reasons, where nobody said so.
    pub taken_for: Option<String>,
    pub recipe: String,
    /// As `24000/1001`.
    pub rate: String,
    /// What that is taken from, as a phrase; `None` where it was recorded by a version that did not say.
    pub rate_from: Option<String>,
    /// Who made the frames, and what tells; `None` where nothing did, or where a version recorded it that did not say.
    pub made_by: Option<String>,
    pub ffmpeg: Option<String>,
    #[serde(serialize_with = "lossy_option")]
    pub video: Option<PathBuf>,
    pub video_bytes: Option<i64>,
    pub encode_ms: Option<i64>,
    pub verify_ms: Option<i64>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub attempts: u32,
    pub next_attempt_at: Option<i64>,
    pub error: Option<String>,
    pub hint: Option<String>,
    pub cleanup: Option<Cleanup>,
    pub cleanup_due_at: Option<i64>,
    pub removed: i64,
    pub kept: i64,
    /// Frames that were to be removed and were not there any more.
    pub gone: i64,
}

impl Entry {
    /// Selects what [`read`](Self::read) reads.
    pub(super) const SELECT: &str = "SELECT batches.*, (SELECT count(*) FROM frames WHERE batch_id = batches.id AND left_out) AS left_out \
         FROM batches";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let state: State = row.get("state")?;
        // While publishing, the column holds a name that is only being tried.
        let has_video = matches!(state, State::Published | State::Cleaned);
        let cleanup: Option<String> = row.get("cleanup")?;
        let pattern: Pattern = json(row, "pattern")?;
        let (count, removed, kept): (i64, i64, i64) = (row.get("count")?, row.get("removed")?, row.get("kept")?);
        let left_out: i64 = row.get("left_out")?;
        let gone = if state == State::Cleaned { (count - left_out - removed - kept).max(0) } else { 0 };
        Ok(Self {
            id: row.get("id")?,
            state,
            root: path(row, "root")?,
            dir: path(row, "dir")?,
            span: pattern.span(row.get("first")?, row.get("last")?),
            pattern: pattern.to_string(),
            reason: json::<FinishReason>(row, "reason")?.to_string(),
            first: row.get("first")?,
            last: row.get("last")?,
            count,
            missing: json::<NumberRanges>(row, "missing")?.to_string(),
            anomalies: json(row, "anomalies")?,
            taken_for: taken_for(row)?,
            recipe: row.get("recipe")?,
            rate: format!("{}/{}", row.get::<_, u32>("rate_num")?, row.get::<_, u32>("rate_den")?),
            rate_from: rate_from(row)?,
            made_by: made_by(row)?,
            ffmpeg: row.get("ffmpeg")?,
            video: if has_video { Some(path(row, "reel")?) } else { None },
            video_bytes: if has_video { row.get("reel_size")? } else { None },
            encode_ms: row.get("encode_ms")?,
            verify_ms: row.get("verify_ms")?,
            created_at: row.get("created_at")?,
            started_at: row.get("started_at")?,
            ended_at: row.get("ended_at")?,
            attempts: row.get("attempts")?,
            next_attempt_at: row.get("next_attempt_at")?,
            error: row.get("error")?,
            hint: row.get("hint")?,
            cleanup: cleanup.map(|_| json(row, "cleanup")).transpose()?,
            cleanup_due_at: row.get("cleanup_due_at")?,
            removed,
            kept,
            gone,
        })
    }
}

/// A journal of an older version, which is only read, has no such column.
fn taken_for(row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    match optional_json::<TakenFor>(row, "taken_for") {
        Err(rusqlite::Error::InvalidColumnName(_)) => Ok(None),
        found => Ok(found?.map(|taken_for| taken_for.why)),
    }
}

/// A journal of an older version, which is only read, has no such column.
fn rate_from(row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    match row.get("rate_from") {
        Err(rusqlite::Error::InvalidColumnName(_)) => Ok(None),
        found => found,
    }
}

/// A journal of an older version, which is only read, has no such column.
fn made_by(row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    match optional_json::<MadeBy>(row, "made_by") {
        Err(rusqlite::Error::InvalidColumnName(_)) => Ok(None),
        found => Ok(found?.map(|made_by| made_by.to_string())),
    }
}

impl StoredBatch {
    pub(super) fn read(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Self> {
        let id: BatchId = row.get("id")?;
        let batch = Batch {
            dir: Arc::from(path(row, "dir")?),
            pattern: json(row, "pattern")?,
            frames: frames(connection, id)?,
            missing: json(row, "missing")?,
            unreadable: json(row, "unreadable")?,
            previews: Vec::new(),
            rewritten: json(row, "rewritten")?,
            taken_for: optional_json(row, "taken_for")?,
            makers_rate: optional_json(row, "makers_rate")?,
            made_by: optional_json(row, "made_by")?,
            reason: json(row, "reason")?,
        };
        let nonzero = |column: &str| -> rusqlite::Result<NonZeroU32> {
            let value: u32 = row.get(column)?;
            NonZeroU32::new(value).ok_or_else(|| rusqlite::Error::IntegralValueOutOfRange(0, value.into()))
        };
        let rate = FrameRate { num: nonzero("rate_num")?, den: nonzero("rate_den")? };
        Ok(Self {
            id,
            root: path(row, "root")?,
            batch,
            recipe: row.get("recipe")?,
            rate,
            attempts: row.get("attempts")?,
        })
    }
}

/// The files that a batch holds.
pub(super) fn frames(connection: &Connection, id: BatchId) -> rusqlite::Result<Vec<Frame>> {
    select_frames(connection, id, "SELECT * FROM frames WHERE batch_id = ? ORDER BY number")
}

/// Those of them that are in the video.
pub(super) fn shown_frames(connection: &Connection, id: BatchId) -> rusqlite::Result<Vec<Frame>> {
    select_frames(connection, id, "SELECT * FROM frames WHERE batch_id = ? AND NOT left_out ORDER BY number")
}

fn select_frames(connection: &Connection, id: BatchId, sql: &str) -> rusqlite::Result<Vec<Frame>> {
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map([id], frame)?;
    rows.collect()
}

pub(super) fn frame(row: &Row<'_>) -> rusqlite::Result<Frame> {
    let name: Option<Vec<u8>> = row.get("name")?;
    Ok(Frame { number: row.get("number")?, name: name.map(FrameName::from), identity: identity(row, "")? })
}

/// An identity from the columns `dev`, `ino`, `size` and `mtime_ns`, each with a prefix.
pub(super) fn identity(row: &Row<'_>, prefix: &str) -> rusqlite::Result<Identity> {
    let get = |column: &str| row.get::<_, i64>(format!("{prefix}{column}").as_str());
    Ok(Identity {
        dev: get("dev")?.cast_unsigned(),
        ino: get("ino")?.cast_unsigned(),
        size: get("size")?.cast_unsigned(),
        mtime_ns: get("mtime_ns")?,
    })
}

/// The video of a batch.
pub(super) fn video(row: &Row<'_>) -> rusqlite::Result<Published> {
    Ok(Published { path: path(row, "reel")?, identity: identity(row, "reel_")?, digest: row.get("reel_digest")? })
}

pub(super) fn path(row: &Row<'_>, column: &str) -> rusqlite::Result<PathBuf> {
    let bytes: Vec<u8> = row.get(column)?;
    Ok(PathBuf::from(OsStr::from_bytes(&bytes)))
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        let index = row.as_ref().column_index(column).unwrap_or_default();
        rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
    })
}

pub(super) fn optional_json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    let there: Option<String> = row.get(column)?;
    there.map(|_| json(row, column)).transpose()
}

pub(super) fn to_json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// For JSON, which has no bytes: what is not UTF-8 becomes U+FFFD.
pub(crate) fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

#[expect(clippy::ref_option, reason = "serde passes the field itself")]
fn lossy_option<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}
