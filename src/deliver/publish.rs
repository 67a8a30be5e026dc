//! From a staging file to the final name.
//!
//! Owns the staging files and the order of the durable steps: the file is synced, the name is recorded, the name is taken,
//! the folder is synced. It never replaces a file, never asks whether a name is free before it takes it, and never leaves
//! a half-made video under a name that anybody looks at.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstatvfs, fsync, openat, statx, unlinkat};
use rustix::io::Errno;

use super::place::{Entry, FOR_STAGING, move_to_free_name};
use super::{IDENTITY_FLAGS, OWN_PREFIX, Published, identity_of, is_regular, name};
use crate::fault;
use crate::frame::digest::Digest;
use crate::sequence::Identity;

pub use error::PublishError;

mod error;

/// The last part of a staging file's name. Media scanners and other watchers leave such files alone.
const STAGING_SUFFIX: &str = ".part";
/// How many names are tried before giving up: so many takings of one name are a mistake somewhere.
const MOST_CANDIDATES: usize = 100_000;

/// What `announce` may fail with.
pub type AnnounceError = Box<dyn Error + Send + Sync>;

/// A reserved hidden file in the reel's own folder, hence on its file system. It goes when this is dropped, unless it was
/// published.
#[derive(Debug)]
pub struct Staging {
    dir: PathBuf,
    dir_fd: OwnedFd,
    name: OsString,
    path: PathBuf,
    // Kept open from the start, so that the sync reports every write error since then.
    file: File,
}

impl Staging {
    /// Makes `dir` (with its parents) where it is missing, and an empty file in it, readable as the umask allows.
    /// `key` is the batch's, in ASCII letters and digits.
    pub fn create(dir: &Path, key: &str) -> Result<Self, PublishError> {
        fs::create_dir_all(dir).map_err(|source| PublishError::new(dir, source))?;
        let folder_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir_fd =
            openat(CWD, dir, folder_flags, Mode::empty()).map_err(|errno| PublishError::new(dir, errno.into()))?;
        let pid = std::process::id();
        let mut attempt = 1_u32;
        loop {
            // A container's daemon has the same pid every time: a file of a killed one may still have this very name.
            let again = if attempt == 1 { String::new() } else { format!("-{attempt}") };
            let name = OsString::from(format!("{OWN_PREFIX}{key}.{pid}{again}{STAGING_SUFFIX}"));
            let path = dir.join(&name);
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match openat(&dir_fd, &name, flags, Mode::from_raw_mode(0o666)) {
                Ok(file) => return Ok(Self { dir: dir.to_path_buf(), dir_fd, name, path, file: file.into() }),
                Err(Errno::EXIST) if attempt < 1000 => attempt += 1,
                Err(errno) => return Err(PublishError::new(&path, errno.into())),
            }
        }
    }

    /// The file to write the video into, in place: its inode is what gets published.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's identity, if its name still is the file that was reserved, and not empty.
    fn staged(&self) -> Result<Identity, PublishError> {
        let failed = |errno: Errno| PublishError::new(&self.path, errno.into());
        let ours = statx(&self.file, "", AtFlags::EMPTY_PATH, IDENTITY_FLAGS).map_err(failed)?;
        let there = statx(&self.dir_fd, &self.name, AtFlags::SYMLINK_NOFOLLOW, IDENTITY_FLAGS).map_err(failed)?;
        let identity = identity_of(&there);
        if identity == identity_of(&ours) && identity.size > 0 {
            Ok(identity)
        } else {
            Err(PublishError::NotStaged { path: self.path.clone() })
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After publishing there is no such name any more. Whatever else fails here, the next start tries again.
        let _ = unlinkat(&self.dir_fd, &self.name, AtFlags::empty());
    }
}

/// Publishes a staged, verified video as `stem.extension` in its folder, or as `stem_2.extension` and so on where names
/// are taken. `announce` hears of the reel under each name before that is tried: what it records lets the next start find
/// out how far a killed process came. An error of `announce` ends the attempt.
///
/// When this returns, the reel's data, its name and the absence of the staging name are on the disk.
#[expect(clippy::needless_pass_by_value, reason = "publishing uses the staging file up")]
pub fn publish(
    staging: Staging,
    stem: &OsStr,
    extension: &str,
    announce: &mut dyn FnMut(&Published) -> Result<(), AnnounceError>,
) -> Result<Published, PublishError> {
    fsync(&staging.file).map_err(|errno| PublishError::new(&staging.path, errno.into()))?;
    let identity = staging.staged()?;
    // It was just proved, so that it is read from memory.
    let digest = Digest::of_file(&staging.file).map_err(|source| PublishError::new(&staging.path, source))?;
    fault::point("after-fsync");
    for candidate in name::candidates(stem, extension).take(MOST_CANDIDATES) {
        let path = staging.dir.join(&candidate);
        let reel = Published { path, identity, digest: Some(digest) };
        announce(&reel).map_err(|source| PublishError::NotRecorded { path: reel.path.clone(), source })?;
        fault::point("after-announce");
        let from = Entry { dir: staging.dir_fd.as_fd(), name: &staging.name };
        let to = Entry { dir: staging.dir_fd.as_fd(), name: &candidate };
        match move_to_free_name(from, to, FOR_STAGING) {
            Ok(()) => {
                fault::point("after-rename");
                sync_folder(&staging.dir_fd).map_err(|errno| PublishError::new(&staging.dir, errno.into()))?;
                fault::point("after-dir-fsync");
                return Ok(reel);
            }
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(PublishError::new(&reel.path, errno.into())),
        }
    }
    Err(PublishError::NoFreeName { path: staging.dir.join(stem) })
}

/// Bytes that an ordinary user may still write to the file system that `dir` lies on, or will lie on when it is made.
pub fn free_space(dir: &Path) -> Result<u64, PublishError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = dir;
    loop {
        let opened = openat(CWD, at, flags, Mode::empty()).and_then(fstatvfs);
        match (opened, at.parent()) {
            (Ok(stat), _) => return Ok(stat.f_bavail.saturating_mul(stat.f_frsize)),
            (Err(Errno::NOENT), Some(parent)) if !parent.as_os_str().is_empty() => at = parent,
            (Err(errno), _) => return Err(PublishError::new(at, errno.into())),
        }
    }
}

/// Removes a staging file that a killed process left, and says whether there was one. `path` is one that the journal
/// names; anything that is not named like a staging file, or not a regular file, is left alone.
pub fn remove_stale_staging(path: &Path) -> Result<bool, PublishError> {
    let named_so = path.file_name().is_some_and(|name| {
        name.as_bytes().starts_with(OWN_PREFIX.as_bytes()) && name.as_bytes().ends_with(STAGING_SUFFIX.as_bytes())
    });
    if !named_so {
        return Ok(false);
    }
    match statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, IDENTITY_FLAGS) {
        Ok(stat) if is_regular(&stat) => {}
        Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => return Ok(false),
        Err(errno) => return Err(PublishError::new(path, errno.into())),
    }
    match unlinkat(CWD, path, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(PublishError::new(path, errno.into())),
    }
}

/// Whether `path` is the very file that was published or staged as `identity`: regular, not reached through a link at its
/// end, same device, inode and size. Its time of modification does not count, since copying tags or a backup may touch it.
pub fn is_still(path: &Path, identity: &Identity) -> io::Result<bool> {
    match statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, IDENTITY_FLAGS) {
        Ok(stat) => {
            let there = identity_of(&stat);
            let same = (there.dev, there.ino, there.size) == (identity.dev, identity.ino, identity.size);
            Ok(same && is_regular(&stat))
        }
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// The present identity of the file that once was seen as `identity`, if `path` still is that file. The device's number
/// may have changed: after a restart, disks and network file systems can be numbered anew.
pub fn find_again(path: &Path, identity: &Identity) -> io::Result<Option<Identity>> {
    match statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, IDENTITY_FLAGS) {
        Ok(stat) => {
            let there = identity_of(&stat);
            let same = Identity { dev: there.dev, ..*identity } == there;
            Ok((same && is_regular(&stat)).then_some(there))
        }
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Syncs the folder that holds `path`, so that its name survives a power cut.
pub fn sync_folder_of(path: &Path) -> Result<(), PublishError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let synced = openat(CWD, dir, flags, Mode::empty()).and_then(|dir| sync_folder(&dir));
    synced.map_err(|errno| PublishError::new(dir, errno.into()))
}

/// Syncs a folder. Some file systems cannot and say so; nothing is to be done about that.
pub(crate) fn sync_folder(dir: &OwnedFd) -> Result<(), Errno> {
    match fsync(dir) {
        Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests;
