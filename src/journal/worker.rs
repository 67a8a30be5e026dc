//! Who works on batches: one file in the state directory for each process that does, locked for as long as it lives.
//!
//! A batch names the file of its process. The kernel drops the lock with the process, however that ends, so that nobody
//! takes the batch of a living process for a dead one's. The pid could not tell: it is another process's before long, and
//! in a container always the same.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::JournalError;

/// The folder of the files in the state directory.
const FOLDER: &str = "workers";
/// How many names are tried before giving up: if all of them are taken, something else is wrong.
const MOST_NAMES: u32 = 1000;

/// This process, for as long as this lives.
#[derive(Debug)]
pub(super) struct Worker {
    name: String,
    path: PathBuf,
    // The kernel's lock hangs on the open file.
    file: File,
}

impl Worker {
    /// Takes a name that no process of this state directory has had.
    pub(super) fn begin(state_dir: &Path) -> Result<Self, JournalError> {
        let folder = state_dir.join(FOLDER);
        let failed = |path: &Path, source| JournalError::StateDir { path: path.to_path_buf(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|source| failed(&folder, source))?;
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let prefix = format!("{}-{}", since_epoch.as_nanos(), std::process::id());
        for number in 1..=MOST_NAMES {
            let name = format!("{prefix}-{number}");
            let path = folder.join(&name);
            let mut options = OpenOptions::new();
            let file = match options.write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(failed(&path, source)),
            };
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // Somebody who clears up may have found the file before it was locked.
                Ok(()) if file.metadata().is_ok_and(|meta| meta.nlink() > 0) => {
                    // A daemon that hears of a new file may look at it before it is locked, and take it for a dead one's. It
                    // hears of this, too.
                    writeln!(&file, "locked").map_err(|source| failed(&path, source))?;
                    return Ok(Self { name, path, file });
                }
                Ok(()) | Err(Errno::WOULDBLOCK) => {}
                Err(errno) => return Err(failed(&path, errno.into())),
            }
        }
        Err(failed(&folder, io::ErrorKind::AlreadyExists.into()))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Whatever fails here, the next start clears up.
        let _ = fs::remove_file(&self.path);
        // Closing alone would not do: a child that another thread is about to start has the file too, until it is its own
        // program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Where the files are.
pub(super) fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join(FOLDER)
}

/// The names that are taken, also by dead processes.
pub(super) fn names(state_dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder(state_dir)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Whether the process that took this name lives. When in doubt it does: what is left alone now is looked at again.
pub(super) fn lives(state_dir: &Path, name: &str) -> bool {
    match File::open(state_dir.join(FOLDER).join(name)) {
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockShared).is_err(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Removes the files of dead processes. That one is missing says the same.
pub(super) fn clear_up(state_dir: &Path) {
    for path in names(state_dir).into_iter().map(|name| folder(state_dir).join(name)) {
        let dead = OpenOptions::new().write(true).open(&path);
        if dead.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()) {
            // A file that stays costs nothing but its name.
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_lives_until_it_is_dropped_also_where_a_child_still_has_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (Worker::begin(folder.path()).unwrap(), Worker::begin(folder.path()).unwrap());
        assert_ne!(one.name(), two.name());
        let inherited = one.file.try_clone().unwrap();
        let name = one.name().to_owned();
        assert!(lives(folder.path(), &name) && lives(folder.path(), two.name()));
        drop(one);
        assert!(!lives(folder.path(), &name) && lives(folder.path(), two.name()));
        drop(inherited);
    }

    #[test]
    fn only_files_of_the_dead_are_cleared_up() {
        let folder = tempfile::tempdir().unwrap();
        let living = Worker::begin(folder.path()).unwrap();
        let at = |name: &str| folder.path().join(FOLDER).join(name);
        fs::write(at("1-1-1"), "").unwrap();
        clear_up(folder.path());
        assert!(at(living.name()).exists() && !at("1-1-1").exists());
    }
}
