//! Which files were there when their root was first watched.
//!
//! A root counts as watched from the moment that its first reading is recorded, and that is done before anybody acts on
//! the reading: a process that is killed in between finds the same files there before again, and leaves them alone.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::BString;
use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::query::has_batches;
use super::{Journal, JournalError};
use crate::config::Selection;
use crate::model::Identity;
use crate::sequence::existing::FileSet;
use crate::sequence::name::split_folder;
use crate::watch::roots::RootMarks;

/// What a folder held when it was first read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstReading {
    /// The folder.
    pub dir: PathBuf,
    /// Its inode, where it could be seen.
    pub ino: Option<u64>,
    /// Its files; `None` where it could not be read.
    pub files: Option<FileSet>,
}

impl Journal {
    /// Whether the first reading of this root is recorded: of one at the same path with one of the same marks. A journal
    /// of an earlier version knows of none.
    pub fn has_watched(&self, root: &RootMarks) -> Result<bool, JournalError> {
        self.with(|connection| {
            let is_known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'watched'";
            if !connection.prepare_cached(is_known)?.exists([])? {
                return Ok(false);
            }
            let mut select = connection.prepare_cached("SELECT 1 FROM watched WHERE path = ? AND mark = ?")?;
            for mark in &root.marks {
                if select.exists((root.path.as_os_str().as_bytes(), mark))? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// By which selection a root that is watched was last read, where the journal knows it.
    pub fn selection_of(&self, root: &RootMarks) -> Result<Option<Selection>, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached("SELECT selection FROM watched WHERE path = ? AND mark = ?")?;
            for mark in &root.marks {
                let params = (root.path.as_os_str().as_bytes(), mark);
                let text = select.query_row(params, |row| row.get::<_, Option<String>>(0)).optional()?.flatten();
                if let Some(selection) = text.as_deref().and_then(Selection::from_text) {
                    return Ok(Some(selection));
                }
            }
            Ok(None)
        })
    }

    /// Records what was there before in these folders, and that the root is watched from now on by this selection.
    pub fn watch(
        &self,
        root: &RootMarks,
        selection: &Selection,
        readings: &[FirstReading],
        now: i64,
    ) -> Result<(), JournalError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            for reading in readings {
                record(&transaction, reading)?;
            }
            for mark in &root.marks {
                transaction.execute(
                    "INSERT INTO watched (path, mark, since, selection) VALUES (?, ?, ?, ?) \
                     ON CONFLICT (path, mark) DO UPDATE SET selection = excluded.selection",
                    (root.path.as_os_str().as_bytes(), mark, now, selection.to_text()),
                )?;
            }
            transaction.commit()
        })
    }

    /// The files that were there before in a folder, by its path or by its inode. None are in it that it never held: a
    /// set that belongs to another folder by now does not fit the names and times of its files.
    pub fn existing_in(&self, dir: &Path, ino: Option<u64>) -> Result<FileSet, JournalError> {
        self.with(|connection| existing(connection, dir, ino))
    }

    /// [`existing_in`](Self::existing_in) for each of these folders and their inodes, and [`has_batches`](Self::has_batches),
    /// in one look: locking the journal takes longer than to find what a small folder held.
    pub fn existing_in_each(&self, dirs: &[(Arc<Path>, Option<u64>)]) -> Result<(Vec<FileSet>, bool), JournalError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            let sets =
                dirs.iter().map(|(dir, ino)| existing(&transaction, dir, *ino)).collect::<rusqlite::Result<_>>()?;
            let has_batches = has_batches(&transaction)?;
            transaction.commit()?;
            Ok((sets, has_batches))
        })
    }

    /// The folders below a root whose first reading failed.
    pub fn unread_below(&self, root: &Path) -> Result<Vec<PathBuf>, JournalError> {
        self.with(|connection| {
            let mut select = connection.prepare_cached("SELECT dir FROM existing WHERE files IS NULL")?;
            let dirs = select.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
            let dirs = dirs.map(|dir| Ok(PathBuf::from(OsStr::from_bytes(&dir?))));
            dirs.filter(|dir| dir.as_ref().map_or(true, |dir: &PathBuf| dir.starts_with(root))).collect()
        })
    }
}

fn existing(connection: &Connection, dir: &Path, ino: Option<u64>) -> rusqlite::Result<FileSet> {
    let mut select =
        connection.prepare_cached("SELECT files FROM existing WHERE (dir = ? OR ino = ?) AND files IS NOT NULL")?;
    let params = (dir.as_os_str().as_bytes(), ino.map(u64::cast_signed));
    let sets = select.query_map(params, |row| row.get::<_, Vec<u8>>(0))?;
    sets.map(|bytes| set(&bytes?)).try_fold(FileSet::default(), |all, set| Ok(all.union(set?)))
}

/// These files of a folder, or of folders below it, are no longer among those that were there before.
pub(super) fn free(connection: &Connection, dir: &Path, files: &[(BString, Identity)]) -> rusqlite::Result<()> {
    by_folder(dir, files).iter().try_for_each(|(dir, files)| free_in(connection, dir, files))
}

/// These files by the folder that each is in, under their bare names.
fn by_folder(dir: &Path, files: &[(BString, Identity)]) -> BTreeMap<PathBuf, Vec<(BString, Identity)>> {
    let mut folders: BTreeMap<PathBuf, Vec<(BString, Identity)>> = BTreeMap::new();
    for (name, identity) in files {
        let (within, file) = split_folder(name);
        // Joined with nothing it would end with a slash; with one at its end it would be another path to the database.
        let within = within.strip_suffix(b"/");
        let dir = within.map_or_else(|| dir.to_owned(), |within| dir.join(OsStr::from_bytes(within)));
        folders.entry(dir).or_default().push((file.into(), *identity));
    }
    folders
}

fn free_in(connection: &Connection, dir: &Path, files: &[(BString, Identity)]) -> rusqlite::Result<()> {
    let dir = dir.as_os_str().as_bytes();
    let mut select = connection.prepare_cached("SELECT files FROM existing WHERE dir = ? AND files IS NOT NULL")?;
    if let Some(bytes) = select.query_row([dir], |row| row.get::<_, Vec<u8>>(0)).optional()? {
        let rest = set(&bytes)?.without(files.iter().map(|(name, identity)| (name.as_slice(), identity)));
        connection.execute("UPDATE existing SET files = ? WHERE dir = ?", (rest.to_bytes(), dir))?;
    }
    Ok(())
}

/// These files of a folder, or of folders below it, count as if they were there before: a sequence of them does not end by
/// silence.
pub(super) fn add(connection: &Connection, dir: &Path, files: &[(BString, Identity)]) -> rusqlite::Result<()> {
    by_folder(dir, files).iter().try_for_each(|(dir, files)| add_in(connection, dir, files))
}

fn add_in(connection: &Connection, dir: &Path, files: &[(BString, Identity)]) -> rusqlite::Result<()> {
    let dir = dir.as_os_str().as_bytes();
    let files = FileSet::of(files.iter().map(|(name, identity)| (name.as_slice(), identity)));
    let mut select = connection.prepare_cached("SELECT files FROM existing WHERE dir = ? AND files IS NOT NULL")?;
    let known = select.query_row([dir], |row| row.get::<_, Vec<u8>>(0)).optional()?;
    let all = known.map_or_else(|| Ok(FileSet::default()), |bytes| set(&bytes))?.union(files);
    connection.execute(
        "INSERT INTO existing (dir, files) VALUES (:dir, :files) ON CONFLICT (dir) DO UPDATE SET files = :files \
         WHERE files IS NOT NULL",
        named_params! {":dir": dir, ":files": all.to_bytes()},
    )?;
    Ok(())
}

fn record(connection: &Connection, reading: &FirstReading) -> rusqlite::Result<()> {
    let dir = reading.dir.as_os_str().as_bytes();
    if reading.files.as_ref().is_some_and(FileSet::is_empty) {
        connection.execute("DELETE FROM existing WHERE dir = ?", [dir])?;
        return Ok(());
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO existing (dir, ino, files) VALUES (:dir, :ino, :files)")?
        .execute(named_params! {
            ":dir": dir,
            ":ino": reading.ino.map(u64::cast_signed),
            ":files": reading.files.as_ref().map(FileSet::to_bytes),
        })?;
    Ok(())
}

fn set(bytes: &[u8]) -> rusqlite::Result<FileSet> {
    FileSet::from_bytes(bytes).ok_or_else(|| {
        let message = format!("{} bytes are not a whole number of file hashes", bytes.len());
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, message.into())
    })
}
