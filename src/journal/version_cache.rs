//! What programs called themselves. Starting FFmpeg takes a tenth of a second, most of which is its libraries.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{OptionalExtension as _, named_params};

use super::{Journal, JournalError};
use crate::model::Identity;

/// How long an answer holds. What a path names may be a launcher that stays the same while the program behind it is
/// replaced, as with snap and the version managers.
const HOLDS_MS: i64 = 24 * 60 * 60 * 1000;

impl Journal {
    /// The version of the program at `path`, if it is still the file that was asked, and was asked within the day before
    /// `now`.
    pub fn version_of(&self, path: &Path, identity: &Identity, now: i64) -> Result<Option<String>, JournalError> {
        let Identity { dev, ino, size, mtime_ns } = *identity;
        self.with(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT version FROM programs WHERE path = :path AND dev = :dev AND ino = :ino AND size = :size \
                 AND mtime_ns = :mtime AND asked_at BETWEEN :oldest AND :now",
            )?;
            let asked = named_params! {
                ":path": path.as_os_str().as_bytes(),
                ":dev": dev.cast_signed(),
                ":ino": ino.cast_signed(),
                ":size": size.cast_signed(),
                ":mtime": mtime_ns,
                ":oldest": now - HOLDS_MS,
                ":now": now,
            };
            select.query_row(asked, |row| row.get(0)).optional()
        })
    }

    /// Keeps what the program at `path` answered.
    pub fn keep_version(&self, path: &Path, identity: &Identity, version: &str, now: i64) -> Result<(), JournalError> {
        let Identity { dev, ino, size, mtime_ns } = *identity;
        self.with(|connection| {
            connection.execute(
                "INSERT OR REPLACE INTO programs (path, dev, ino, size, mtime_ns, version, asked_at) \
                 VALUES (:path, :dev, :ino, :size, :mtime, :version, :now)",
                named_params! {
                    ":path": path.as_os_str().as_bytes(),
                    ":dev": dev.cast_signed(),
                    ":ino": ino.cast_signed(),
                    ":size": size.cast_signed(),
                    ":mtime": mtime_ns,
                    ":version": version,
                    ":now": now,
                },
            )
        })?;
        Ok(())
    }
}
