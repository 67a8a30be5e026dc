//! The folder of chunk files.
//!
//! Owns their names and the durable steps from a reserved file to a kept one: the file is synced, its name is taken, the
//! folder is synced. It knows nothing of what a chunk holds or whose it is, which the journal records, and it never touches
//! a file whose name it would not give itself.
//!
//! A file in the making is `reeld-<label>.chunk.<pid>.part`, a kept one `reeld-<label>.chunk.mp4`. Whether somebody still
//! works with a file is told by the kernel's lock on it and not by the pid, which is another process's before long, and in a
//! container always the same: the lock ends with its process, however that ends.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, openat, unlinkat};
use rustix::io::Errno;

use crate::fault;
use crate::files::identity_of;
use crate::files::private;
use crate::files::rename_noreplace::{Entry, FOR_STAGING, move_to_free_name};
use crate::files::sync_folder;

pub use error::StoreError;
use name::Name;

mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::encode) mod fuzzing;
mod name;

/// How many names are tried before giving up: if all of them are taken, something else is wrong.
const MOST_NAMES: u32 = 1000;

/// The folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkStore {
    dir: PathBuf,
}

impl ChunkStore {
    /// Makes the folder, for its owner alone, where it is missing.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let store = Self { dir: dir.to_path_buf() };
        store.folder()?;
        Ok(store)
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes an empty file for one chunk. `label` consists of ASCII letters, digits, `-` and `_`; that another chunk has it
    /// does no harm.
    pub fn reserve(&self, label: &str) -> Result<TempChunk, StoreError> {
        if !name::is_label(label) {
            return Err(StoreError::Label { label: label.to_owned() });
        }
        let mut folder = self.folder()?;
        for name in name::parts(label).take(MOST_NAMES as usize) {
            let path = self.dir.join(&name);
            let failed = |source: io::Error| StoreError::new(&path, source);
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file: File = match openat(&folder, &name, flags, Mode::from_raw_mode(0o600)) {
                Ok(file) => file.into(),
                Err(Errno::EXIST) => continue,
                Err(Errno::NOENT) => {
                    // Another thread found the folder empty, and removed it.
                    folder = self.folder()?;
                    continue;
                }
                Err(errno) => return Err(failed(errno.into())),
            };
            if lock_new(&file).map_err(failed)? {
                let part = TempChunk { label: label.to_owned(), folder, name, path, file, kept: false };
                return match private::is_private(&part.folder, &part.file, private::WRITING) {
                    Ok(true) => Ok(part),
                    Ok(false) => Err(StoreError::Shared { path: self.dir.clone() }),
                    Err(errno) => Err(StoreError::new(&part.path, errno.into())),
                };
            }
        }
        Err(StoreError::NoFreeName { path: self.dir.join(label) })
    }

    /// Removes a kept chunk and says whether there was one. `path` is one that the journal names, perhaps in a folder that
    /// was configured earlier; anything that is not named like a chunk, or not a regular file, is left alone.
    pub fn remove(&self, path: &Path) -> Result<bool, StoreError> {
        let failed = |source: io::Error| StoreError::new(path, source);
        if !path.file_name().is_some_and(|name| Name::parse(name) == Some(Name::Chunk)) {
            return Ok(false);
        }
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_file() => {}
            Ok(_) => return Ok(false),
            Err(error) if is_missing(&error) => return Ok(false),
            Err(error) => return Err(failed(error)),
        }
        match fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes the files of the folder that are nobody's and says how many: those in the making and kept ones, by their
    /// names, that are not `known`, unless a [`TempChunk`] of a living process holds them. The journal's list is `known`; of its
    /// paths only the file names count, so that another way to write the folder's path costs nothing.
    ///
    /// `is_recorded` is asked once more when nobody holds a file that is to go: another process may have recorded it since
    /// `known` was read, which it does before it lets go of the file.
    ///
    /// A file that cannot be removed does not keep the others; the first error comes back when all were tried.
    pub fn sweep(&self, known: &[PathBuf], is_recorded: &dyn Fn(&OsStr) -> bool) -> Result<u64, StoreError> {
        let known: HashSet<&OsStr> = known.iter().filter_map(|path| path.file_name()).collect();
        let folder = self.folder()?;
        let unlisted = |source| StoreError::new(&self.dir, source);
        let mut removed = 0;
        let mut first_error = None;
        for entry in fs::read_dir(&self.dir).map_err(unlisted)? {
            let file = entry.map_err(unlisted)?.file_name();
            let Some(name) = Name::parse(&file).filter(|_| !known.contains(file.as_os_str())) else { continue };
            match remove_unless_held(&folder, &file, name, is_recorded) {
                Ok(gone) => removed += u64::from(gone),
                Err(errno) => {
                    first_error.get_or_insert_with(|| StoreError::new(&self.dir.join(&file), errno.into()));
                }
            }
        }
        first_error.map_or(Ok(removed), Err)
    }

    /// Opened anew for each use: somebody may have removed it since, and it is made again then.
    fn folder(&self) -> Result<OwnedFd, StoreError> {
        let failed = |source| StoreError::new(&self.dir, source);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        loop {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(failed)?;
            match openat(CWD, &self.dir, flags, Mode::empty()) {
                // Removed between the two steps, when it was empty.
                Err(Errno::NOENT) if !self.dir.is_symlink() => {}
                opened => return opened.map_err(|errno| failed(errno.into())),
            }
        }
    }
}

/// A reserved file for one chunk. It goes when this is dropped, unless it was kept. As long as this lives, no
/// [`sweep`](ChunkStore::sweep) of any process removes the file, kept or not; on a file system without locks that holds only
/// until it is kept.
#[derive(Debug)]
pub struct TempChunk {
    label: String,
    folder: OwnedFd,
    name: OsString,
    path: PathBuf,
    // Kept open from the start: the lock hangs on it, and the sync reports every write error since then.
    file: File,
    kept: bool,
}

impl TempChunk {
    /// Where the file is: to be written in place, since its inode is what is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same by way of the folder as it was opened, whatever becomes of the names on the way: see `files::private::reach`.
    #[must_use]
    pub fn reach(&self) -> PathBuf {
        private::reach(&self.folder, &self.name)
    }

    /// Gives the file its lasting name, or `<label>-2` and so on where that is taken. When this returns, its data and its
    /// name are on the disk. It is to be recorded before this is dropped, or to be removed by its path.
    pub fn keep(&mut self) -> Result<PathBuf, StoreError> {
        if self.kept {
            return Ok(self.path.clone());
        }
        self.file.sync_all().map_err(|source| StoreError::new(&self.path, source))?;
        self.insist_on_the_reserved_file()?;
        fault::point("after-chunk-fsync");
        for name in name::chunks(&self.label).take(MOST_NAMES as usize) {
            let path = self.path.with_file_name(&name);
            let from = Entry { dir: self.folder.as_fd(), name: &self.name };
            let to = Entry { dir: self.folder.as_fd(), name: &name };
            match move_to_free_name(from, to, FOR_STAGING) {
                Ok(()) => {
                    // From here on it is this name that goes if the rest fails.
                    (self.name, self.path) = (name, path);
                    fault::point("after-chunk-rename");
                    sync_folder(&self.folder).map_err(|errno| StoreError::new(&self.path, errno.into()))?;
                    self.kept = true;
                    return Ok(self.path.clone());
                }
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(StoreError::new(&path, errno.into())),
            }
        }
        Err(StoreError::NoFreeName { path: self.path.clone() })
    }

    fn insist_on_the_reserved_file(&self) -> Result<(), StoreError> {
        let failed = |source| StoreError::new(&self.path, source);
        let ours = self.file.metadata().map_err(failed)?;
        let there = fs::symlink_metadata(self.reach()).map_err(failed)?;
        if identity_of(&ours) == identity_of(&there) && ours.len() > 0 {
            Ok(())
        } else {
            Err(StoreError::NotReserved { path: self.path.clone() })
        }
    }
}

impl Drop for TempChunk {
    fn drop(&mut self) {
        if !self.kept {
            // Whatever fails here, the next sweep tries again.
            let _ = unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
        // Closing alone would not do: a child that another thread is about to start has the file too, until it is its own
        // program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Locks a file that was made this moment. `false` says that a sweep found it before the lock did.
fn lock_new(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(false),
        // On a file system without locks the pid in the name has to do.
        Ok(()) | Err(_) => Ok(file.metadata()?.nlink() > 0),
    }
}

/// Removes a file of the folder, unless it is in use, recorded, or not a regular file.
fn remove_unless_held(
    folder: &OwnedFd,
    file: &OsStr,
    name: Name,
    is_recorded: &dyn Fn(&OsStr) -> bool,
) -> Result<bool, Errno> {
    // For writing, which NFS asks of who wants an exclusive lock.
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened: File = match openat(folder, file, flags, Mode::empty()) {
        Ok(opened) => opened.into(),
        Err(Errno::NOENT | Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Ok(false),
        Err(errno) => return Err(errno),
    };
    if !opened.metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(false);
    }
    let held = match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => false,
        Err(Errno::WOULDBLOCK) => true,
        Err(_) => name.is_of_living_process(),
    };
    if held || is_recorded(file) {
        return Ok(false);
    }
    match unlinkat(folder, file, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;
