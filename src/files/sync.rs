//! Making a name survive a power cut.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, fsync, openat};
use rustix::io::Errno;

/// Syncs the folder that holds `path`, so that its name survives a power cut.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    sync_folder(&openat(CWD, path.parent().unwrap_or(Path::new(".")), flags, Mode::empty())?)
}

/// Syncs a folder. Some file systems cannot and say so; nothing is to be done about that.
pub(crate) fn sync_folder(dir: &OwnedFd) -> Result<(), Errno> {
    match fsync(dir) {
        Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        outcome => outcome,
    }
}
