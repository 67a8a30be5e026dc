//! Questions to the journal, and what people do to it: list, retry, forget.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::BString;
use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::removal::{self, DueCleanup};
use super::rows::{self, BatchId, Entry, NewBatch, StoredBatch};
use super::{Journal, JournalError, existing};
use crate::deliver::Published;
use crate::deliver::cleanup::{EncodedFrame, KeptReason};
use crate::model::Identity;
use crate::sequence::{FrameNumber, Pattern};

/// Which failed batches are to be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryTarget {
    /// This one.
    Id(BatchId),
    /// Those of a folder and of the folders below it.
    Dir(PathBuf),
}

pub(super) fn has_batches(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM batches")?.exists([])
}

impl Journal {
    /// Whether any batch is recorded. Where none is, no file is held, by [`claims`](Self::claims) or by
    /// [`held_files`](Self::held_files): each file that is held is a frame or the video of a batch. The answer is that of this
    /// moment, and must be asked for anew as often as those: every process that works on the journal may begin a batch.
    pub fn has_batches(&self) -> Result<bool, JournalError> {
        self.with(|connection| has_batches(connection))
    }

    /// The files of a folder that batches hold: they are not to be taken into another batch. Videos that are there are among
    /// them, for those that are images themselves. A batch of `reeld encode` holds its files from when it has its video:
    /// nobody but its own process would ever make one.
    pub fn claims(&self, dir: &Path) -> Result<Vec<Identity>, JournalError> {
        self.remap_devices_in(dir)?;
        self.with(|connection| {
            let dir = dir.as_os_str().as_bytes();
            let mut select = connection.prepare_cached(
                "SELECT frames.* FROM frames JOIN batches ON batches.id = frames.batch_id \
                 WHERE batches.dir = ? AND batches.state != 'stale' \
                 AND (batches.origin = 'daemon' OR batches.state IN ('published', 'cleaned'))",
            )?;
            let mut claims: Vec<Identity> =
                select.query_map([dir], |row| rows::identity(row, ""))?.collect::<rusqlite::Result<_>>()?;
            let mut select = connection
                .prepare_cached("SELECT * FROM batches WHERE reel_dir = ? AND state IN ('published', 'cleaned')")?;
            for video in select.query_map([dir], |row| rows::identity(row, "reel_"))? {
                claims.push(video?);
            }
            Ok(claims)
        })
    }

    /// The videos that were made of the very files of `new`, all of them and no other, by the same recipe and at the same
    /// rate; the newest first, each with the frames that it shows. Whether they are still there is not looked at.
    pub fn videos_of(&self, new: &NewBatch<'_>) -> Result<Vec<(Published, Vec<EncodedFrame>)>, JournalError> {
        self.remap_devices_in(&new.batch.dir)?;
        self.with(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT * FROM batches WHERE dir = :dir AND pattern = :pattern AND recipe = :recipe \
                 AND rate_num = :num AND rate_den = :den AND state IN ('published', 'cleaned') ORDER BY id DESC",
            )?;
            let params = named_params! {
                ":dir": new.batch.dir.as_os_str().as_bytes(),
                ":pattern": rows::to_json(&new.batch.pattern)?,
                ":recipe": new.recipe,
                ":num": new.rate.num.get(),
                ":den": new.rate.den.get(),
            };
            let mut videos = Vec::new();
            for row in select.query_map(params, |row| Ok((row.get("id")?, rows::video(row)?)))? {
                let (id, video) = row?;
                if rows::frames(connection, id)? == new.batch.frames {
                    videos.push((video, removal::encoded_frames(connection, id, &new.batch.pattern)?));
                }
            }
            Ok(videos)
        })
    }

    /// Those of `files`, which are in `dir`, that a batch of any folder holds: a folder that was renamed or moved takes its
    /// history along. A batch of a folder above, whose frames are in folders that follow each other, holds them as soon as
    /// it is recorded.
    pub fn held_files(&self, dir: &Path, files: &[Identity]) -> Result<Vec<Identity>, JournalError> {
        // In one transaction: the locks of one for each file would take longer than to look for it.
        let held_of = || {
            self.with(|connection| {
                let transaction = connection.transaction()?;
                let held = held_of(&transaction, dir, files)?;
                transaction.commit()?;
                Ok(held)
            })
        };
        let (held, elsewhere) = held_of()?;
        if self.remap_batches(&elsewhere)?.is_empty() {
            return Ok(held);
        }
        held_of().map(|(held, _)| held)
    }

    /// The batches to encode at `now`, oldest first: those that wait, and failed ones whose next attempt is due. Those of
    /// `reeld encode` are its own to begin and to fail, with settings that nobody else knows.
    pub fn pending(&self, now: i64) -> Result<Vec<StoredBatch>, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT * FROM batches WHERE (state = 'pending' OR (state = 'failed' AND next_attempt_at <= ?)) \
                 AND origin = 'daemon' ORDER BY id",
            )?;
            select.query_map([now], |row| StoredBatch::read(connection, row))?.collect()
        })
    }

    /// The published batches whose frames are to be dealt with at `now`. Those of `reeld encode` are its own.
    pub fn due_cleanups(&self, now: i64) -> Result<Vec<DueCleanup>, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT * FROM batches WHERE state = 'published' AND cleanup IS NOT NULL AND cleanup_due_at <= ? \
                 AND NOT stays AND origin = 'daemon' ORDER BY cleanup_due_at, id",
            )?;
            select.query_map([now], |row| DueCleanup::read(connection, row))?.collect()
        })
    }

    /// The files of a sequence that were made into a video.
    pub fn delivered(&self, dir: &Path, pattern: &Pattern) -> Result<HashSet<Identity>, JournalError> {
        self.remap_devices_in(dir)?;
        self.with(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT frames.* FROM frames JOIN batches ON batches.id = frames.batch_id \
                 WHERE batches.dir = ? AND batches.pattern = ? AND batches.state IN ('published', 'cleaned')",
            )?;
            let params = (dir.as_os_str().as_bytes(), rows::to_json(pattern)?);
            select.query_map(params, |row| rows::identity(row, ""))?.collect()
        })
    }

    /// This batch, as it was sealed.
    pub fn batch(&self, id: BatchId) -> Result<Option<StoredBatch>, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached("SELECT * FROM batches WHERE id = ?")?;
            select.query_row([id], |row| StoredBatch::read(connection, row)).optional()
        })
    }

    /// The video of this batch, if it has one.
    pub fn video_of(&self, id: BatchId) -> Result<Option<Published>, JournalError> {
        self.with(|connection| {
            let mut select = connection
                .prepare_cached("SELECT * FROM batches WHERE id = ? AND state IN ('published', 'cleaned')")?;
            select.query_row([id], rows::video).optional()
        })
    }

    /// What is to become of the frames of this batch; `None` where they stay or are dealt with.
    pub fn planned_cleanup(&self, id: BatchId) -> Result<Option<DueCleanup>, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT * FROM batches WHERE id = ? AND state = 'published' AND cleanup_due_at IS NOT NULL",
            )?;
            select.query_row([id], |row| DueCleanup::read(connection, row)).optional()
        })
    }

    /// When the next failed batch, the next that nobody works on, or the next clean-up becomes due, whichever is first. What is due at `now` already does
    /// not count: it may wait for a free slot or for its root, and asking again at once would not help.
    pub fn next_due(&self, now: i64) -> Result<Option<i64>, JournalError> {
        self.with(|connection| {
            connection.query_row(
                "SELECT min(due) FROM (SELECT next_attempt_at AS due FROM batches \
                 WHERE state IN ('failed', 'encoding', 'publishing') \
                 UNION ALL SELECT cleanup_due_at FROM batches \
                 WHERE state = 'published' AND cleanup_due_at > ?1 AND cleanup IS NOT NULL AND NOT stays) \
                 WHERE due > ?1",
                [now],
                |row| row.get(0),
            )
        })
    }

    /// The latest batches, the newest first.
    pub fn list(&self, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.with(|connection| {
            let select = format!("{} ORDER BY id DESC LIMIT ?", Entry::SELECT);
            let mut select = connection.prepare_cached(&select)?;
            select.query_map([limit], Entry::read)?.collect()
        })
    }

    /// The batches that failed or wait for something, and those whose frames stay for a reason: the newest first.
    pub fn stuck(&self, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.with(|connection| {
            // With the plus the order is made of what the states pick. Else the whole history would be walked in that order.
            let select = format!(
                "{} WHERE error IS NOT NULL AND (state IN ('pending', 'failed', 'encoding', 'publishing') \
                 OR (state = 'published' AND cleanup_due_at >= 0)) ORDER BY +id DESC LIMIT ?",
                Entry::SELECT
            );
            let mut select = connection.prepare_cached(&select)?;
            select.query_map([limit], Entry::read)?.collect()
        })
    }

    /// One batch.
    #[cfg(test)]
    pub(crate) fn find(&self, id: BatchId) -> Result<Option<Entry>, JournalError> {
        let select = format!("{} WHERE id = ?", Entry::SELECT);
        self.with(|connection| connection.query_row(&select, [id], Entry::read).optional())
    }

    /// Makes failed batches due at once, with all their pauses before them, and likewise failed clean-ups and batches in the
    /// middle of something that nobody works on. Says which.
    pub fn retry(&self, target: &RetryTarget, now: i64) -> Result<Vec<BatchId>, JournalError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            let mut ids = batches_in(
                &transaction,
                "origin = 'daemon' AND (state = 'failed' OR (state IN ('encoding', 'publishing') AND next_attempt_at IS NOT NULL) \
                 OR (state = 'published' AND cleanup IS NOT NULL AND (cleanup_tries > 0 OR stays)))",
            )?;
            ids.retain(|(id, dir)| match target {
                RetryTarget::Id(wanted) => id == wanted,
                RetryTarget::Dir(wanted) => dir.starts_with(wanted),
            });
            for (id, _) in &ids {
                transaction.execute(
                    "UPDATE batches SET state = iif(state = 'failed', 'pending', state), attempts = 0, \
                     next_attempt_at = iif(state IN ('encoding', 'publishing'), :now, NULL), cleanup_tries = 0, stays = 0, \
                     due_boot = iif(state = 'published', NULL, due_boot), \
                     cleanup_due_at = iif(state = 'published', :now, cleanup_due_at) WHERE id = :id",
                    named_params! {":id": id, ":now": now},
                )?;
            }
            transaction.commit()?;
            Ok(ids.into_iter().map(|(id, _)| id).collect())
        })
    }

    /// Forgets the batches of a folder and of the folders below it, but for those that somebody encodes or publishes now. The files
    /// that they held come back by folder: they may be taken into a batch again, also by silence.
    pub fn forget(&self, dir: &Path) -> Result<Vec<(PathBuf, Vec<Identity>)>, JournalError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            let mut released: BTreeMap<PathBuf, Vec<Identity>> = BTreeMap::new();
            for (id, batch_dir) in
                batches_in(&transaction, "state NOT IN ('encoding', 'publishing') OR next_attempt_at IS NOT NULL")?
            {
                if batch_dir.starts_with(dir) {
                    existing::free(&transaction, &batch_dir, &named_frames(&transaction, id)?)?;
                    released.entry(batch_dir).or_default().extend(release(&transaction, id)?);
                    transaction.execute("DELETE FROM batches WHERE id = ?", [id])?;
                }
            }
            transaction.commit()?;
            Ok(released.into_iter().collect())
        })
    }

    /// Deletes what ended before `before`, in Unix milliseconds, and holds no file: batches whose frames were all removed or are
    /// gone, and those that were given up. Says how many. Whatever holds a file stays however old it is, since the file would
    /// count as new without it: a frame that is still there, or a WebP, which is a picture itself.
    pub fn forget_old(&self, before: i64) -> Result<usize, JournalError> {
        self.with(|connection| {
            let mut delete = connection.prepare_cached(
                "DELETE FROM batches WHERE state IN ('cleaned', 'stale') AND ended_at < ? \
                 AND NOT EXISTS (SELECT 1 FROM frames WHERE batch_id = batches.id) \
                 AND (state = 'stale' OR substr(reel, -5) != CAST('.webp' AS BLOB))",
            )?;
            delete.execute([before])
        })
    }
}

/// Those of `files` that are held, and the batches that hold such files of another disk.
fn held_of(
    connection: &Connection,
    dir: &Path,
    files: &[Identity],
) -> rusqlite::Result<(Vec<Identity>, BTreeSet<BatchId>)> {
    // A batch whose frames were all removed has none.
    if !connection.prepare_cached("SELECT 1 FROM frames")?.exists([])? {
        return Ok(<(Vec<Identity>, BTreeSet<BatchId>)>::default());
    }
    let mut select = connection.prepare_cached(
        "SELECT batch_id, dev FROM frames JOIN batches ON batches.id = frames.batch_id \
         WHERE ino = ? AND size = ? AND mtime_ns = ? AND (batches.state IN ('published', 'cleaned') \
         OR batches.state != 'stale' AND batches.origin = 'daemon' \
         AND substr(?, 1, length(batches.dir)) = batches.dir)",
    )?;
    let dir = dir.as_os_str().as_bytes();
    let (mut held, mut elsewhere) = (Vec::new(), BTreeSet::new());
    for file in files {
        let Identity { dev, ino, size, mtime_ns } = *file;
        let params = (ino.cast_signed(), size.cast_signed(), mtime_ns, dir);
        let found = select.query_map(params, |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
        let found: Vec<(BatchId, u64)> = found.collect::<rusqlite::Result<_>>()?;
        if found.iter().any(|(_, of)| *of == dev) {
            held.push(*file);
        } else {
            elsewhere.extend(found.into_iter().map(|(id, _)| id));
        }
    }
    Ok((held, elsewhere))
}

fn batches_in(connection: &Connection, condition: &str) -> rusqlite::Result<Vec<(BatchId, PathBuf)>> {
    let mut select = connection.prepare(&format!("SELECT id, dir FROM batches WHERE {condition} ORDER BY id"))?;
    select.query_map([], |row| Ok((row.get("id")?, rows::path(row, "dir")?)))?.collect()
}

/// The files that a batch holds, with their names.
fn named_frames(connection: &Connection, id: BatchId) -> rusqlite::Result<Vec<(BString, Identity)>> {
    let pattern: Pattern =
        connection.query_row("SELECT pattern FROM batches WHERE id = ?", [id], |row| rows::json(row, "pattern"))?;
    let frames = rows::frames(connection, id)?;
    Ok(frames.into_iter().map(|frame| (frame.file_name(&pattern), frame.identity)).collect())
}

/// Lets go of every file of a batch.
pub(super) fn release(connection: &Connection, id: BatchId) -> rusqlite::Result<Vec<Identity>> {
    let frames = rows::frames(connection, id)?;
    connection.execute("DELETE FROM frames WHERE batch_id = ?", [id])?;
    Ok(frames.into_iter().map(|frame| frame.identity).collect())
}

/// Lets go of the files of a batch whose names are not among `kept`.
pub(super) fn release_all_but(
    connection: &mut Connection,
    id: BatchId,
    kept: &[(BString, KeptReason)],
) -> rusqlite::Result<()> {
    let kept: BTreeSet<&BString> = kept.iter().map(|(name, _)| name).collect();
    let transaction = connection.transaction()?;
    let pattern: Pattern =
        transaction.query_row("SELECT pattern FROM batches WHERE id = ?", [id], |row| rows::json(row, "pattern"))?;
    let gone: Vec<FrameNumber> = rows::shown_frames(&transaction, id)?
        .into_iter()
        .filter(|frame| !kept.contains(&frame.file_name(&pattern)))
        .map(|frame| frame.number)
        .collect();
    {
        let mut delete = transaction.prepare_cached("DELETE FROM frames WHERE batch_id = ? AND number = ?")?;
        for number in gone {
            delete.execute((id, number))?;
        }
    }
    transaction.commit()
}
