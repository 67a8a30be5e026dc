//! Opening the database: its mode, its settings, its version, and what is done with a damaged one.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::JournalError;

/// One step for each version of the schema; `user_version` says how many were taken.
const MIGRATIONS: [&str; 17] = [
    include_str!("schema.sql"),
    include_str!("programs.sql"),
    include_str!("names.sql"),
    include_str!("existing.sql"),
    include_str!("rewritten.sql"),
    include_str!("taken_for.sql"),
    include_str!("selection.sql"),
    include_str!("reel_digest.sql"),
    include_str!("contents.sql"),
    include_str!("places.sql"),
    include_str!("clock.sql"),
    include_str!("workers.sql"),
    include_str!("origin.sql"),
    include_str!("history.sql"),
    include_str!("retention.sql"),
    include_str!("rate.sql"),
    include_str!("made_by.sql"),
];

/// How long to wait for another process that reads or checkpoints.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the database for writing. A damaged one is set aside, and a new one begun; the path is where the old one is.
pub(super) fn writable(path: &Path) -> Result<(Connection, Option<PathBuf>), JournalError> {
    match attempt(path) {
        Ok(connection) => Ok((connection, None)),
        Err(Attempt::Failed(error)) => Err(error),
        Err(Attempt::Damaged) => {
            let aside = set_aside(path).map_err(|source| state_dir_error(path, source))?;
            match attempt(path) {
                Ok(connection) => Ok((connection, Some(aside))),
                Err(Attempt::Failed(error)) => Err(error),
                Err(Attempt::Damaged) => Err(state_dir_error(path, io::Error::other("a new journal is damaged too"))),
            }
        }
    }
}

/// Opens the database for writing beside the process that holds the lock.
pub(super) fn beside(path: &Path) -> Result<Connection, JournalError> {
    attempt(path).map_err(|attempt| match attempt {
        Attempt::Failed(error) => error,
        Attempt::Damaged => state_dir_error(path, io::Error::other("the journal is damaged")),
    })
}

/// Opens the database beside a process that may be writing it. Changes nothing. `None` where there is none yet.
pub(super) fn readable(path: &Path) -> Result<Option<Connection>, JournalError> {
    let failed = |source| state_dir_error(path, source);
    match fs::metadata(path) {
        // SQLite says of a folder only that it cannot open it.
        Ok(meta) if meta.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
        Ok(_) => {}
        // A link that leads nowhere is no journal that is still to be made: none can be made there.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => return Ok(None),
        Err(error) => return Err(failed(error)),
    }
    let sql = |source| JournalError::Sql { path: path.to_path_buf(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    keep_plans(&connection).map_err(sql)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sql)?;
    let found = version(&connection).map_err(sql)?;
    // An older one has all that is read of it; who writes next brings it up to date.
    if (1..=known()).contains(&found) { Ok(Some(connection)) } else { Err(newer(path, found)) }
}

enum Attempt {
    Damaged,
    Failed(JournalError),
}

fn attempt(path: &Path) -> Result<Connection, Attempt> {
    // SQLite gives its further files the mode of this one.
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map_err(|source| Attempt::Failed(state_dir_error(path, source)))?;
    let classify = |source: rusqlite::Error| match source.sqlite_error_code() {
        // `Unknown` is SQLite's general error: tables that are not what the version promises.
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown) => Attempt::Damaged,
        _ => Attempt::Failed(JournalError::Sql { path: path.to_path_buf(), source }),
    };
    let mut connection = Connection::open(path).map_err(classify)?;
    keep_plans(&connection).map_err(classify)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(classify)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(classify)?;
    // In WAL mode this is what makes every commit outlive a power cut, and not only a crash.
    connection.pragma_update(None, "synchronous", "FULL").map_err(classify)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(classify)?;
    if doubt(path).exists() {
        let check: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(classify)?;
        if check != "ok" {
            return Err(Attempt::Damaged);
        }
        // It stays where it cannot be removed, at the price of another look.
        let _ = fs::remove_file(doubt(path));
    }
    let found = version(&connection).map_err(classify)?;
    let Some(missing) = usize::try_from(found).ok().and_then(|taken| MIGRATIONS.get(taken..)) else {
        return Err(Attempt::Failed(newer(path, found)));
    };
    migrate(&mut connection, missing).map_err(classify)?;
    for table in ["batches", "frames", "chunks", "programs", "watched", "existing", "places", "litter"] {
        connection.prepare(&format!("SELECT * FROM {table}")).map_err(classify)?;
    }
    Ok(connection)
}

/// A statement is planned once, whatever it is asked about. Otherwise SQLite plans some anew each time they are used, in case
/// that the values say how many rows there will be: that took longer than to answer.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// The file beside the database that says that somebody has met damage in it. Looking for damage takes a reading of the
/// whole database, so that no start does it without such a reason.
fn doubt(path: &Path) -> PathBuf {
    with_end(path, ".doubted")
}

/// Has the next opening look at the whole database, if `error` says that it is damaged.
pub(super) fn note_damage(path: &Path, error: &rusqlite::Error) {
    if matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)) {
        // Without it, the next opening believes the database until somebody meets the damage again.
        let _ = OpenOptions::new().create(true).append(true).mode(0o600).open(doubt(path));
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

fn migrate(connection: &mut Connection, missing: &[&str]) -> rusqlite::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known())?;
    transaction.commit()
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Moves the database and its further files to the first free `journal.db.corrupt-N`. Only the holder of the lock does
/// this, so that asking whether a name is free is safe here.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let with = |end: &str| with_end(path, end);
    let mut number = 1_u32;
    while with(&format!(".corrupt-{number}")).try_exists()? {
        number += 1;
    }
    for part in ["-wal", "-shm", ""] {
        match fs::rename(with(part), with(&format!(".corrupt-{number}{part}"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved?,
        }
    }
    // Of the new one, there is no doubt.
    let _ = fs::remove_file(doubt(path));
    Ok(with(&format!(".corrupt-{number}")))
}

fn state_dir_error(path: &Path, source: io::Error) -> JournalError {
    JournalError::StateDir { path: path.to_path_buf(), source }
}

fn newer(path: &Path, found: i64) -> JournalError {
    JournalError::Newer { path: path.to_path_buf(), found, known: known() }
}
