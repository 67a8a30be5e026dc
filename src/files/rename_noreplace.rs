//! Giving a file a name that nothing else has, on every file system.
//!
//! Owns the order of the ways to do it. It never replaces a file and never asks first whether a name is free: the kernel
//! answers that question in the same step that takes the name.

use std::ffi::OsStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, linkat, openat, renameat, renameat_with, statx, unlinkat};
use rustix::io::Errno;

use crate::files::{IDENTITY_FLAGS, identity_of};

/// A name in an open folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) dir: BorrowedFd<'a>,
    pub(crate) name: &'a OsStr,
}

/// A way to move a file to a name that must be free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `renameat2(RENAME_NOREPLACE)`. Not on NFS, nor on some FUSE file systems and old ZFS.
    Rename,
    /// A hard link to the new name, then the old name goes. Not on FAT, exFAT and some SMB shares. Two steps: only for a
    /// file whose old name nobody else may rewrite in between.
    Link,
    /// An empty file of one's own takes the name, then the file is renamed over it. Everywhere.
    Placeholder,
}

/// For reeld's own staging files.
pub(crate) const FOR_STAGING: &[Way] = &[Way::Rename, Way::Link, Way::Placeholder];
/// For frames, whose names a renderer may rewrite at any moment.
pub(crate) const FOR_FRAMES: &[Way] = &[Way::Rename, Way::Placeholder];

/// Moves a file to a free name by the first of `ways` that the file system knows. `EEXIST` says that the name is taken.
pub(crate) fn move_to_free_name(from: Entry<'_>, to: Entry<'_>, ways: &[Way]) -> Result<(), Errno> {
    let mut outcome = Err(Errno::NOTSUP);
    for way in ways {
        outcome = way.take(from, to);
        match outcome {
            Err(errno) if way.unknown_here(errno) => {}
            _ => return outcome,
        }
    }
    outcome
}

impl Way {
    fn take(self, from: Entry<'_>, to: Entry<'_>) -> Result<(), Errno> {
        match self {
            Self::Rename => renameat_with(from.dir, from.name, to.dir, to.name, RenameFlags::NOREPLACE),
            Self::Link => {
                linkat(from.dir, from.name, to.dir, to.name, AtFlags::empty())?;
                // The file has its new name. An old one that stays is the staging file's, which goes when it is dropped.
                let _ = unlinkat(from.dir, from.name, AtFlags::empty());
                Ok(())
            }
            Self::Placeholder => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let placeholder = openat(to.dir, to.name, flags, Mode::from_raw_mode(0o600))?;
                if !still_empty_and_ours(&placeholder, to) {
                    return Err(Errno::EXIST);
                }
                let moved = renameat(from.dir, from.name, to.dir, to.name);
                if moved.is_err() && still_empty_and_ours(&placeholder, to) {
                    // The reason of the failed rename is what counts; an empty file that stays behind harms nobody.
                    let _ = unlinkat(to.dir, to.name, AtFlags::empty());
                }
                moved
            }
        }
    }

    /// Whether `errno` says that the file system lacks this way, and not that this file cannot be moved.
    fn unknown_here(self, errno: Errno) -> bool {
        match self {
            Self::Rename => matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP),
            Self::Link => matches!(errno, Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP | Errno::MLINK),
            Self::Placeholder => false,
        }
    }
}

/// Whether the name still is the empty file that was put there: another program may have replaced or filled it.
fn still_empty_and_ours(placeholder: &OwnedFd, at: Entry<'_>) -> bool {
    let ours = statx(placeholder, "", AtFlags::EMPTY_PATH, IDENTITY_FLAGS);
    let there = statx(at.dir, at.name, AtFlags::SYMLINK_NOFOLLOW, IDENTITY_FLAGS);
    matches!((ours, there), (Ok(ours), Ok(there)) if there.stx_size == 0 && identity_of(&ours) == identity_of(&there))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn entry<'a>(dir: &'a File, name: &'a str) -> Entry<'a> {
        Entry { dir: dir.as_fd(), name: OsStr::new(name) }
    }

    #[test]
    fn every_way_moves_the_file_itself() {
        for way in [Way::Rename, Way::Link, Way::Placeholder] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("staged"), "reel").unwrap();
            let ino = fs::metadata(folder.path().join("staged")).unwrap().ino();
            let dir = File::open(folder.path()).unwrap();
            way.take(entry(&dir, "staged"), entry(&dir, "final")).unwrap();
            assert_eq!(fs::metadata(folder.path().join("final")).unwrap().ino(), ino, "{way:?}");
            assert!(!folder.path().join("staged").exists(), "{way:?}");
        }
    }

    #[test]
    fn no_way_replaces_a_file_or_a_dangling_link() {
        for way in [Way::Rename, Way::Link, Way::Placeholder] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("staged"), "reel").unwrap();
            fs::write(folder.path().join("taken"), "theirs").unwrap();
            std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
            let dir = File::open(folder.path()).unwrap();
            for name in ["taken", "link"] {
                let outcome = way.take(entry(&dir, "staged"), entry(&dir, name));
                assert_eq!(outcome, Err(Errno::EXIST), "{way:?} {name}");
            }
            assert_eq!(fs::read(folder.path().join("taken")).unwrap(), b"theirs", "{way:?}");
            assert!(folder.path().join("staged").exists(), "{way:?}");
        }
    }

    #[test]
    fn the_placeholder_goes_when_the_rename_fails() {
        let folder = tempfile::tempdir().unwrap();
        let dir = File::open(folder.path()).unwrap();
        let outcome = Way::Placeholder.take(entry(&dir, "absent"), entry(&dir, "final"));
        assert_eq!(outcome, Err(Errno::NOENT));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_missing_feature_leads_on_to_the_next_way_and_a_taken_name_does_not() {
        assert!(Way::Rename.unknown_here(Errno::INVAL) && Way::Link.unknown_here(Errno::PERM));
        for way in FOR_STAGING {
            assert!(!way.unknown_here(Errno::EXIST) && !way.unknown_here(Errno::NOSPC), "{way:?}");
        }
    }
}
