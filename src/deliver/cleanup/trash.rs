//! The desktop's trash.
//!
//! It never lets a frame be copied to another file system: a trash that a rename cannot reach is no trash.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, StatxFlags, access, statx};
use rustix::process::getuid;

use super::look::{Doomed, may_go};
use super::{CleanupReport, KeptReason};

/// Puts the frames into the trash of the user that reeld runs as.
///
/// The trash works by path, so that a file which takes a frame's name in the instant between the look and the move goes
/// to the trash in its place; it is not lost there.
pub(super) fn trash(folder: &OwnedFd, frames: &[Doomed<'_>], report: &mut CleanupReport) {
    // The kernel's own name for the open folder: no link can lead away from it.
    let dir = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    let reachable = dir.read_link().is_ok_and(|real| trash_is_on_the_mount_of(&real, home_trash().as_deref()));
    for frame in frames {
        if !reachable {
            report.kept.push((frame.name.to_owned(), KeptReason::NoTrash));
            continue;
        }
        if !may_go(folder, frame, report) {
            continue;
        }
        match ::trash::delete(dir.join(OsStr::from_bytes(frame.name))) {
            Ok(()) => report.removed += 1,
            Err(error) => report.kept.push((frame.name.to_owned(), KeptReason::Failed(plain(error)))),
        }
    }
}

/// The error without the debug form that the trash crate prints.
fn plain(error: ::trash::Error) -> io::Error {
    match error {
        ::trash::Error::FileSystem { path, source } => {
            io::Error::new(source.kind(), format!("{}: {source}", path.display()))
        }
        ::trash::Error::Unknown { description } => io::Error::other(description),
        other => io::Error::other(other),
    }
}

/// Where the freedesktop.org trash specification puts the home trash.
fn home_trash() -> Option<PathBuf> {
    let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = data.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".local/share")));
    data.map(|data| data.join("Trash"))
}

/// Whether the trash crate will move files of `dir` by a rename. Where the disk's own trash cannot be written, it copies
/// them to the home trash, which must not happen.
fn trash_is_on_the_mount_of(dir: &Path, home_trash: Option<&Path>) -> bool {
    let Some(mount) = mount_of(dir) else { return false };
    let home = home_trash.and_then(|trash| trash.ancestors().find_map(mount_of));
    if home == Some(mount) {
        return true;
    }
    let same_mount = |path: &&Path| mount_of(path) == Some(mount);
    let Some(top) = dir.ancestors().take_while(same_mount).last() else { return false };
    let uid = getuid().as_raw();
    let admins = top.join(".Trash").join(uid.to_string());
    let own = top.join(format!(".Trash-{uid}"));
    let writable = |path: &Path| access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    let usable = |trash: &Path| {
        let inner = ["files", "info"].map(|name| trash.join(name));
        [trash, &inner[0], &inner[1]].into_iter().all(|path| !path.exists() || (same_mount(&path) && writable(path)))
    };
    usable(&admins) && usable(&own) && (own.exists() || writable(top))
}

/// A number that two paths share if a file can be renamed from one to the other. Two mounts of one file system differ.
fn mount_of(path: &Path) -> Option<(u64, u32, u32)> {
    let stat = statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS | StatxFlags::MNT_ID).ok()?;
    // Before Linux 5.8 the mount's number is zero, and the device alone has to do.
    Some((stat.stx_mnt_id, stat.stx_dev_major, stat.stx_dev_minor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::testing::as_ordinary_user;

    #[test]
    fn a_home_trash_on_the_same_mount_is_reachable_even_before_it_exists() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home/.local/share/Trash");
        assert!(trash_is_on_the_mount_of(folder.path(), Some(&home)));
    }

    #[test]
    fn a_mount_that_takes_no_files_has_no_trash() {
        // Every Linux has /proc, which is a mount of its own.
        let folder = tempfile::tempdir().unwrap();
        for home in [Some(folder.path()), None] {
            assert!(!as_ordinary_user(|| trash_is_on_the_mount_of(Path::new("/proc/self"), home)));
        }
    }
}
