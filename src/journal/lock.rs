//! One daemon to a state directory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::JournalError;

/// The file's name in the state directory.
const FILE_NAME: &str = "lock";

/// How long [`Lock::acquire`] waits for a holder to go away, and how long between two looks.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);

/// The right to write the journal of a state directory. It ends when this is dropped, or with the process, however that
/// ends.
#[derive(Debug)]
pub struct Lock {
    state_dir: PathBuf,
    // The kernel's lock hangs on the open file.
    file: File,
}

impl Lock {
    /// As [`Self::try_acquire`], but gives a holder about a second to go away: a process that was killed keeps its lock
    /// until the kernel has taken it apart, and whoever restarts it at once would be refused.
    pub fn acquire(state_dir: &Path) -> Result<Self, JournalError> {
        let started = Instant::now();
        loop {
            match Self::try_acquire(state_dir) {
                Err(JournalError::Locked { .. }) if started.elapsed() < ACQUIRE_TIMEOUT => thread::sleep(PAUSE),
                result => return result,
            }
        }
    }

    /// Takes the lock, and makes the state directory (for its owner alone) where it is missing. Fails at once, with the
    /// pid of the holder, where another process has it.
    pub fn try_acquire(state_dir: &Path) -> Result<Self, JournalError> {
        let failed = |path: &Path, source| JournalError::StateDir { path: path.to_path_buf(), source };
        let mut maker = DirBuilder::new();
        maker.recursive(true).mode(0o700).create(state_dir).map_err(|source| failed(state_dir, source))?;
        let path = state_dir.join(FILE_NAME);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(|source| failed(&path, source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                // The pid is a courtesy; that somebody holds the lock is certain without it.
                let _ = file.read_to_string(&mut pid);
                return Err(JournalError::Locked { state_dir: state_dir.to_path_buf(), pid: pid.trim().parse().ok() });
            }
            Err(errno) => return Err(failed(&path, errno.into())),
        }
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(|source| failed(&path, source))?;
        Ok(Self { state_dir: state_dir.to_path_buf(), file })
    }

    /// Whether whoever starts next would find this lock: its file is still the one in the state directory.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        let there = fs::symlink_metadata(self.state_dir.join(FILE_NAME));
        matches!((self.file.metadata(), there), (Ok(ours), Ok(there)) if (ours.dev(), ours.ino()) == (there.dev(), there.ino()))
    }

    /// The directory it is for.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would not do: a child that another thread is about to start has the file too, until it is its own
        // program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_when_it_is_dropped_also_where_a_child_still_has_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::acquire(folder.path()).unwrap();
        let inherited = lock.file.try_clone().unwrap();
        Lock::acquire(folder.path()).unwrap_err();
        drop(lock);
        Lock::acquire(folder.path()).unwrap();
        drop(inherited);
    }
}
