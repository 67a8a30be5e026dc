//! Folders that nobody else may write to, reached by their descriptor.
//!
//! Who may write to a folder can put a link under any name in it at any moment, and a program that opens that name writes
//! wherever the link leads. So what another program is to write is in a folder of reeld's own, and it is this open folder
//! that the program starts in, not a path that leads through folders of others.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstat, mkdirat, openat, unlinkat};
use rustix::io::Errno;

/// The kernel's names for the open files of the process that uses them.
const OPEN: &str = "/proc/self/fd";
/// A folder that is made to see whether the file system keeps modes.
const PROBE: &str = "probe";

/// Permissions that nobody but the owner may have.
pub(crate) const ANY: Mode = Mode::RWXG.union(Mode::RWXO);
/// The right to change what is in a folder.
pub(crate) const WRITING: Mode = Mode::WGRP.union(Mode::WOTH);

/// Makes the folder `name` in `parent`, for its owner alone, and opens it. It is ours only when [`is_private`] says so: in
/// a folder that others may write to, it can be another one by the time it is opened.
pub(crate) fn make(parent: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    mkdirat(parent, name, Mode::RWXU)?;
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Whether `folder` belongs to who made `file` in it this moment, which is this process, and gives others none of the
/// permissions `forbidden`.
///
/// File systems and servers may know this user by another number, so that the owner is compared with that of the file. Some
/// have no modes at all (FAT, CIFS without Unix extensions): there the mount decides for all folders alike who may write.
pub(crate) fn is_private(folder: &OwnedFd, file: &File, forbidden: Mode) -> Result<bool, Errno> {
    let (outer, inner) = (fstat(folder)?, fstat(file)?);
    if outer.st_uid != inner.st_uid {
        return Ok(false);
    }
    if !Mode::from_raw_mode(outer.st_mode).intersects(forbidden) {
        return Ok(true);
    }
    let probe = make(folder, OsStr::new(PROBE))?;
    let kept = fstat(&probe).map(|stat| !Mode::from_raw_mode(stat.st_mode).intersects(forbidden));
    unlinkat(folder, PROBE, AtFlags::REMOVEDIR)?;
    Ok(!kept?)
}

/// The path of `name` in the open `folder`. It is good in this process for as long as the folder is open, and leads there
/// whatever becomes of the names on the way. Other programs get it by [`of_child`].
pub(crate) fn reach(folder: &OwnedFd, name: &OsStr) -> PathBuf {
    Path::new(OPEN).join(folder.as_raw_fd().to_string()).join(name)
}

/// For a path that [`reach`] has given: the folder that a child must start in, and the name that it must use there. The
/// child changes to its folder before it closes what it has inherited.
pub(crate) fn of_child(path: &Path) -> Option<(&Path, &OsStr)> {
    let folder = path.parent().filter(|folder| folder.parent() == Some(Path::new(OPEN)))?;
    Some((folder, path.file_name()?))
}

/// The same path as a person can use it.
pub(crate) fn shown(path: &Path) -> PathBuf {
    let real = of_child(path).and_then(|(folder, name)| Some(folder.read_link().ok()?.join(name)));
    real.unwrap_or_else(|| path.to_path_buf())
}

/// Opens the folder at `path`, which must not be a link.
pub(crate) fn open(path: &Path) -> Result<OwnedFd, Errno> {
    openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, fchown, symlink};
    use std::process::Command;

    use super::*;

    fn made(parent: &Path) -> (OwnedFd, File) {
        let folder = make(&open(parent).unwrap(), OsStr::new("own")).unwrap();
        let file = File::create_new(reach(&folder, OsStr::new("file"))).unwrap();
        (folder, file)
    }

    #[test]
    fn a_folder_is_private_until_others_may_write_to_it() {
        let outer = tempfile::tempdir().unwrap();
        let (folder, file) = made(outer.path());
        assert!(is_private(&folder, &file, ANY).unwrap());
        let path = outer.path().join("own");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(!is_private(&folder, &file, ANY).unwrap());
        assert!(is_private(&folder, &file, WRITING).unwrap());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
        assert!(!is_private(&folder, &file, WRITING).unwrap());
        assert!(!path.join(PROBE).exists());
    }

    #[test]
    fn a_folder_of_somebody_else_is_not_private() {
        // Seen from the other side, since only root can make one: the file is somebody else's. Root gives one away, and
        // for everybody else there are root's.
        let outer = tempfile::tempdir().unwrap();
        let (folder, file) = made(outer.path());
        let theirs = match fchown(&file, Some(1), None) {
            Ok(()) => file,
            Err(_) => File::open("/etc/passwd").unwrap(),
        };
        assert!(!is_private(&folder, &theirs, ANY).unwrap());
    }

    #[test]
    fn a_path_leads_into_the_open_folder_whatever_becomes_of_its_name() {
        let outer = tempfile::tempdir().unwrap();
        let (folder, _file) = made(outer.path());
        let path = reach(&folder, OsStr::new("file"));
        fs::rename(outer.path().join("own"), outer.path().join("moved")).unwrap();
        fs::create_dir(outer.path().join("theirs")).unwrap();
        symlink("theirs", outer.path().join("own")).unwrap();
        fs::write(&path, "mine").unwrap();
        assert_eq!(fs::read(outer.path().join("moved/file")).unwrap(), b"mine");
        assert_eq!(shown(&path), outer.path().join("moved/file"));

        let (start, name) = of_child(&path).unwrap();
        let child = Command::new("cat").arg(name).current_dir(start).output().unwrap();
        assert_eq!(child.stdout, b"mine", "{}", String::from_utf8_lossy(&child.stderr));
    }

    #[test]
    fn other_paths_are_what_they_are() {
        for path in ["/srv/a", "/proc/self/fd", "/proc/self/fd/3", "/proc/self/fd/3/a/b", "a"] {
            assert_eq!(of_child(Path::new(path)), None, "{path}");
            assert_eq!(shown(Path::new(path)), Path::new(path));
        }
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let outer = tempfile::tempdir().unwrap();
        symlink(outer.path(), outer.path().join("link")).unwrap();
        assert!(open(&outer.path().join("link")).is_err());
        assert_eq!(make(&open(outer.path()).unwrap(), OsStr::new("link")).unwrap_err(), Errno::EXIST);
    }
}
