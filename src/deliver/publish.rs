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
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstatvfs, fsync, openat, statx, unlinkat};
use rustix::io::Errno;

use super::name::Names;
use super::{OWN_PREFIX, Published};
use crate::fault;
use crate::files::rename_noreplace::{Entry, FOR_STAGING, move_to_free_name};
use crate::files::{IDENTITY_FLAGS, identity_of, is_regular, private, sync_folder};
use crate::frame::digest::Digest;
use crate::model::Identity;

pub use error::PublishError;

mod error;

/// The last part of the name of a staging folder, which is hidden. Media scanners and other watchers leave such alone.
const STAGING_SUFFIX: &str = ".part";
/// The video in its staging folder, and its poster.
const STAGED: &str = "video.part";
const STAGED_POSTER: &str = "poster.part";
/// How many names are tried before giving up: if all of them are taken, something else is wrong.
const MOST_CANDIDATES: usize = 100_000;

/// What `announce` may fail with.
pub type AnnounceError = Box<dyn Error + Send + Sync>;

/// A reserved file in a hidden folder of its own in the video's folder, hence on its file system. Nobody else may enter that
/// folder, so that nobody can put a link in the file's place while FFmpeg opens it. Both go when this is dropped, the file
/// unless it was published.
#[derive(Debug)]
pub struct Staging {
    dir: PathBuf,
    dir_fd: OwnedFd,
    /// The name of the hidden folder in `dir`.
    name: OsString,
    private: OwnedFd,
    path: PathBuf,
    // Kept open from the start, so that the sync reports every write error since then. None only while it is dropped.
    file: Option<File>,
}

impl Staging {
    /// Makes `dir` (with its parents) where it is missing, and an empty file in a hidden folder in it, readable as the umask
    /// allows once it is published. `key` is the batch's, in ASCII letters and digits. `record` hears of the path of the
    /// hidden folder before that is made, so that the next start finds what a killed process left; its error ends the
    /// attempt.
    pub fn create(
        dir: &Path,
        key: &str,
        record: &mut dyn FnMut(&Path) -> Result<(), AnnounceError>,
    ) -> Result<Self, PublishError> {
        fs::create_dir_all(dir).map_err(|source| PublishError::new(dir, source))?;
        let folder_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir_fd =
            openat(CWD, dir, folder_flags, Mode::empty()).map_err(|errno| PublishError::new(dir, errno.into()))?;
        let pid = std::process::id();
        // A container's daemon has the same pid every time, and two can have one folder: the name is nobody else's, so that
        // what is recorded of it is never another's folder.
        let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mut attempt = 1_u32;
        loop {
            let again = if attempt == 1 { String::new() } else { format!("-{attempt}") };
            let name = OsString::from(format!("{OWN_PREFIX}{key}.{pid}-{moment:x}{again}{STAGING_SUFFIX}"));
            let path = dir.join(&name);
            record(&path).map_err(|source| PublishError::NotRecorded { path: path.clone(), source })?;
            fault::point("after-staging-recorded");
            let private = match private::make(&dir_fd, &name) {
                Ok(private) => private,
                Err(Errno::EXIST) if attempt < 1000 => {
                    attempt += 1;
                    continue;
                }
                Err(errno) => return Err(PublishError::new(&path, errno.into())),
            };
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let made = openat(&private, STAGED, flags, Mode::from_raw_mode(0o666)).map(File::from);
            let file = made.map_err(|errno| {
                let _ = unlinkat(&dir_fd, &name, AtFlags::REMOVEDIR);
                PublishError::new(&path, errno.into())
            })?;
            fault::point("after-staging-made");
            let staged = private::reach(&private, OsStr::new(STAGED));
            let is_private = private::is_private(&private, &file, private::ANY);
            let staging = Self { dir: dir.to_path_buf(), dir_fd, name, private, path: staged, file: Some(file) };
            return match is_private {
                Ok(true) => Ok(staging),
                Ok(false) => Err(PublishError::NotStaged { path }),
                Err(errno) => Err(PublishError::new(&path, errno.into())),
            };
        }
    }

    /// The file to write the video into, in place: its inode is what gets published. The path is good as long as this
    /// lives, see `private::reach`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The hidden folder, as a person can use its path.
    fn folder(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    /// Puts a copy of `source` into the video's folder, under the first of `names` that is free, unless the contents are there
    /// already under one before that, by an attempt that was killed. `false`, and nothing is there, where the contents are not
    /// those of `expected`.
    ///
    /// When this returns, the copy and its name are on the disk.
    pub fn keep_copy(
        &self,
        mut source: File,
        expected: Option<Digest>,
        names: impl Iterator<Item = OsString>,
    ) -> Result<bool, PublishError> {
        let failed = |error: io::Error| PublishError::new(&self.dir, error);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = openat(&self.private, STAGED_POSTER, flags, Mode::from_raw_mode(0o666));
        let mut copy = made.map(File::from).map_err(|errno| failed(errno.into()))?;
        io::copy(&mut source, &mut copy).map_err(failed)?;
        fsync(&copy).map_err(|errno| failed(errno.into()))?;
        let digest = Digest::of_file(&copy).map_err(failed)?;
        if expected.is_some_and(|expected| expected != digest) {
            return Ok(false);
        }
        for name in names.take(MOST_CANDIDATES) {
            let from = Entry { dir: self.private.as_fd(), name: OsStr::new(STAGED_POSTER) };
            match move_to_free_name(from, Entry { dir: self.dir_fd.as_fd(), name: &name }, FOR_STAGING) {
                Err(Errno::EXIST) if !self.holds(&name, digest) => continue,
                // A copy that is there already goes with the staging folder.
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed(errno.into())),
            }
            sync_folder(&self.dir_fd).map_err(|errno| failed(errno.into()))?;
            return Ok(true);
        }
        Err(PublishError::NoFreeName { path: self.dir.clone() })
    }

    /// Whether there is a file of this name in the video's folder with these contents.
    fn holds(&self, name: &OsStr, digest: Digest) -> bool {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = openat(&self.dir_fd, name, flags, Mode::empty()).map(File::from) else { return false };
        file.metadata().is_ok_and(|meta| meta.is_file()) && Digest::of_file(&file).is_ok_and(|there| there == digest)
    }

    /// What is in the file.
    fn digest(&self) -> Result<Digest, PublishError> {
        let Some(file) = &self.file else { return Err(PublishError::NotStaged { path: self.folder() }) };
        Digest::of_file(file).map_err(|source| PublishError::new(&self.folder(), source))
    }

    /// Brings the file to the disk. Its identity, if its name still is the file that was reserved, and not empty.
    fn synced(&self) -> Result<Identity, PublishError> {
        let failed = |errno: Errno| PublishError::new(&self.folder(), errno.into());
        let Some(file) = &self.file else { return Err(PublishError::NotStaged { path: self.folder() }) };
        fsync(file).map_err(failed)?;
        let ours = statx(file, "", AtFlags::EMPTY_PATH, IDENTITY_FLAGS).map_err(failed)?;
        let there = statx(&self.private, STAGED, AtFlags::SYMLINK_NOFOLLOW, IDENTITY_FLAGS).map_err(failed)?;
        let identity = identity_of(&there);
        if identity == identity_of(&ours) && identity.size > 0 {
            Ok(identity)
        } else {
            Err(PublishError::NotStaged { path: self.folder() })
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // NFS keeps a file that is removed while it is open under another name, and with it the folder.
        drop(self.file.take());
        // After publishing there are no such names any more. Whatever else fails here, the next start tries again.
        for staged in [STAGED, STAGED_POSTER] {
            let _ = unlinkat(&self.private, staged, AtFlags::empty());
        }
        let _ = unlinkat(&self.dir_fd, &self.name, AtFlags::REMOVEDIR);
    }
}

/// Publishes a staged, verified video in its folder under the first of `names` that is free. `announce` hears of the video under each name before that is tried: what it records lets the next start find
/// out how far a killed process came. An error of `announce` ends the attempt.
///
/// When this returns, the video's data, its name and the absence of the staging name are on the disk. After an error
/// the video may have its name all the same: what was announced last tells.
#[expect(clippy::needless_pass_by_value, reason = "publishing uses the staging file up")]
pub fn publish(
    staging: Staging,
    names: &Names<'_>,
    extension: &str,
    announce: &mut dyn FnMut(&Published) -> Result<(), AnnounceError>,
) -> Result<Published, PublishError> {
    let identity = staging.synced()?;
    // It was just proved, so that it is read from memory.
    let digest = staging.digest()?;
    fault::point("after-fsync");
    for candidate in names.candidates(extension).take(MOST_CANDIDATES) {
        let path = staging.dir.join(&candidate);
        let video = Published { path, identity, digest: Some(digest) };
        announce(&video).map_err(|source| PublishError::NotRecorded { path: video.path.clone(), source })?;
        fault::point("after-announce");
        let from = Entry { dir: staging.private.as_fd(), name: OsStr::new(STAGED) };
        let to = Entry { dir: staging.dir_fd.as_fd(), name: &candidate };
        match move_to_free_name(from, to, FOR_STAGING) {
            Ok(()) => {
                fault::point("after-rename");
                // Should it stay, dropping the staging tries again, and so does the next start.
                let _ = unlinkat(&staging.dir_fd, &staging.name, AtFlags::REMOVEDIR);
                let failed = |errno: Errno| PublishError::new(&staging.dir, errno.into());
                if fault::fails("fail-dir-fsync") {
                    return Err(failed(Errno::IO));
                }
                sync_folder(&staging.dir_fd).map_err(failed)?;
                fault::point("after-dir-fsync");
                return Ok(video);
            }
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(PublishError::new(&video.path, errno.into())),
        }
    }
    Err(PublishError::NoFreeName { path: staging.dir.join(names.stem()) })
}

/// Bytes that an ordinary user may still write to the file system that `dir` is on, or will be on when it is made.
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

/// The path of the video in a staging folder.
#[must_use]
pub fn staged_in(folder: &Path) -> PathBuf {
    folder.join(STAGED)
}

/// Removes a staging folder that a killed process left, and says whether there was one; of earlier versions a staging file.
/// `path` is one that the journal names; anything that is not named like a staging folder, or neither a folder nor a regular
/// file, is left alone. So is everything in it but the video and its poster: somebody may have put another folder in its place.
pub fn remove_stale_staging(path: &Path) -> Result<bool, PublishError> {
    let named_so = path.file_name().is_some_and(|name| {
        name.as_bytes().starts_with(OWN_PREFIX.as_bytes()) && name.as_bytes().ends_with(STAGING_SUFFIX.as_bytes())
    });
    if !named_so {
        return Ok(false);
    }
    let failed = |errno: Errno| PublishError::new(path, errno.into());
    let how = match private::open(path) {
        Ok(folder) => {
            for staged in [STAGED, STAGED_POSTER] {
                match unlinkat(&folder, staged, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(errno) => return Err(failed(errno)),
                }
            }
            AtFlags::REMOVEDIR
        }
        Err(Errno::NOENT) => return Ok(false),
        // A link, or something else that is no folder.
        Err(Errno::LOOP | Errno::NOTDIR) => match statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, IDENTITY_FLAGS) {
            Ok(stat) if is_regular(&stat) => AtFlags::empty(),
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => return Ok(false),
            Err(errno) => return Err(failed(errno)),
        },
        Err(errno) => return Err(failed(errno)),
    };
    match unlinkat(CWD, path, how) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(failed(errno)),
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

#[cfg(test)]
mod tests;
