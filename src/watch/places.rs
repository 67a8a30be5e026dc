//! Whether a folder is on the disk that it was on, as far as can be told long after, also by another process.
//!
//! [`roots`](super::roots) guards what is read, as long as the daemon runs. This is for what is written and removed: the
//! folders for videos and chunks, the state, and the frames of a video that is to be cleaned up next week. An unmounted
//! disk leaves an empty folder on the system disk, which takes a video as willingly as the right one does.
//!
//! Device numbers are not compared, since they may be others after each restart. What counts, in this order:
//!
//! - The same inode of the same birth is the same folder.
//! - The same mount point with the same file system, by its own number or by what is mounted, is the same disk. A device's
//!   name says nothing, because the next disk gets the same one.
//! - A link that leads elsewhere was pointed there by somebody.
//! - Of two mount points the longer one is the disk, and the shorter one the folder that it is mounted on.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::BString;
use serde::{Deserialize, Serialize};

use crate::sequence::os_name;
use crate::text::printable::Show as _;
use crate::watch::roots::{Look, Replacement, Sight};

/// What was seen of a folder and of the disk that it is on. It can be kept as a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Where it is, with links resolved.
    path: BString,
    /// Where its file system is mounted.
    point: Option<BString>,
    ino: u64,
    /// When it was made, nanoseconds since the Unix epoch, where the file system knows.
    born: Option<i64>,
    /// The file system's own number; 0 where it has none.
    fsid: u64,
    /// What is mounted, unless that is a device.
    share: Option<String>,
}

/// What became of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// It is on the disk that it was.
    Same,
    /// The link that is its path leads to another folder.
    Moved,
    /// A disk was mounted over it.
    Mounted,
    NotMounted,
    OtherDisk,
}

impl Sighting {
    /// Looks at a folder. Links are followed, and what an automounter keeps there is mounted.
    pub fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self::from_sight(&Sight::of(Look::at(folder)?)))
    }

    /// Looks at a folder, or at the nearest one above it that is there.
    pub fn of_nearest(folder: &Path) -> io::Result<Self> {
        let mut outcome = Err(io::ErrorKind::NotFound.into());
        for above in folder.ancestors() {
            outcome = Self::of(above);
            match &outcome {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                _ => break,
            }
        }
        outcome
    }

    fn from_sight(sight: &Sight) -> Self {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let share = sight.mount.as_ref().filter(|mount| !mount.source.starts_with(b"/dev/"));
        Self {
            path: sight.look.resolved.as_os_str().as_bytes().into(),
            point: sight.mount_point().map(|point| point.as_os_str().as_bytes().into()),
            ino: sight.look.ino,
            // Before 1970 nobody made a folder: the file system does not know.
            born: sight.look.born.and_then(|born| i64::try_from(born).ok()).filter(|born| *born > 0),
            fsid: sight.look.fsid,
            share: share.map(|mount| format!("{} {} {}", mount.fs_type, text(&mount.source), mount.root.shown())),
        }
    }

    /// Whether something may be written to `folder`, which was seen as `self` when something was written to it last. A disk
    /// that was mounted over it since, or a link that was pointed elsewhere, is what the user wants.
    pub fn allows_writing(&self, folder: &Path) -> io::Result<Result<(), Replacement>> {
        Ok(match self.compare_with(folder)? {
            Likeness::Same | Likeness::Moved | Likeness::Mounted => Ok(()),
            Likeness::NotMounted => Err(Replacement::NotMounted),
            Likeness::OtherDisk => Err(Replacement::OtherDisk),
        })
    }

    /// Whether what was in `folder` when it was seen as `self` may be removed: only on the very disk.
    pub fn allows_removing(&self, folder: &Path) -> io::Result<Result<(), Replacement>> {
        Ok(match self.compare_with(folder)? {
            Likeness::Same => Ok(()),
            Likeness::NotMounted => Err(Replacement::NotMounted),
            Likeness::Moved | Likeness::Mounted | Likeness::OtherDisk => Err(Replacement::OtherDisk),
        })
    }

    fn compare_with(&self, folder: &Path) -> io::Result<Likeness> {
        match Self::of(folder) {
            Ok(seen) => Ok(self.compare(&seen)),
            // Removed from the disk that is there, or the disk is not.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(self.without(&Self::of_nearest(Path::new(&os_name(&self.path)))?))
            }
            Err(error) => Err(error),
        }
    }

    /// Pure.
    fn compare(&self, seen: &Self) -> Likeness {
        if self.born.is_some() && (self.born, self.ino) == (seen.born, seen.ino) || self.is_same_disk(seen) {
            return Likeness::Same;
        }
        // It may not have been there yet, and what was seen is the folder above it.
        if !Path::new(&os_name(&seen.path)).starts_with(os_name(&self.path)) {
            return Likeness::Moved;
        }
        match (self.point(), seen.point()) {
            (Some(before), Some(now)) if before != now && now.starts_with(&before) => Likeness::Mounted,
            (Some(before), Some(now)) if before != now => Likeness::NotMounted,
            _ => Likeness::OtherDisk,
        }
    }

    /// The same where the folder is gone and `above` is what is left of the path to it. Pure.
    fn without(&self, above: &Self) -> Likeness {
        if self.is_same_disk(above) {
            Likeness::Same
        } else if self.point == above.point {
            Likeness::OtherDisk
        } else {
            Likeness::NotMounted
        }
    }

    fn is_same_disk(&self, seen: &Self) -> bool {
        let same_number = self.fsid != 0 && self.fsid == seen.fsid;
        let same_share = self.share.is_some() && self.share == seen.share;
        self.point == seen.point && (same_number || same_share)
    }

    fn point(&self) -> Option<PathBuf> {
        self.point.as_ref().map(|point| PathBuf::from(os_name(point)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The folder `/nas/videos` on a disk that is mounted on `/nas`.
    fn videos() -> Sighting {
        Sighting {
            path: "/nas/reels".into(),
            point: Some("/nas".into()),
            ino: 12,
            born: Some(1_000),
            fsid: 7,
            share: None,
        }
    }

    #[test]
    fn a_folder_is_known_by_its_birth_or_by_its_disk() {
        let known = videos();
        let same = [
            known.clone(),
            // Under another unit of systemd, or as another bind mount.
            Sighting { point: Some("/".into()), fsid: 8, ..known.clone() },
            // Made anew.
            Sighting { ino: 13, born: Some(2_000), ..known.clone() },
        ];
        for seen in same {
            assert_eq!(known.compare(&seen), Likeness::Same, "{seen:?}");
        }
        let share = Sighting { fsid: 0, born: None, share: Some("nfs4 server:/reels /".to_owned()), ..known };
        assert_eq!(share.compare(&Sighting { ino: 99, ..share.clone() }), Likeness::Same);
        assert_eq!(share.compare(&Sighting { share: None, ..share.clone() }), Likeness::OtherDisk);
    }

    #[test]
    fn the_folder_below_a_disk_is_not_the_disk() {
        let known = videos();
        let bare = Sighting { point: Some("/".into()), ino: 5, born: Some(500), fsid: 1, ..known.clone() };
        assert_eq!(known.compare(&bare), Likeness::NotMounted);
        assert_eq!(bare.compare(&known), Likeness::Mounted);
        // A bind mount of the file system that it is mounted on.
        assert_eq!(known.compare(&Sighting { fsid: 7, ..bare.clone() }), Likeness::NotMounted);
        let other = Sighting { ino: 12, born: Some(3_000), fsid: 9, ..known.clone() };
        assert_eq!(known.compare(&other), Likeness::OtherDisk);
        let known = Sighting { path: "/nas".into(), ..known };
        assert_eq!(known.compare(&bare), Likeness::NotMounted, "it was not made yet when the disk was there");
        let linked = Sighting { path: "/home/reels".into(), ..bare.clone() };
        assert_eq!(known.compare(&linked), Likeness::Moved);
    }

    #[test]
    fn a_folder_that_is_gone_was_removed_or_its_disk_is_away() {
        let known = videos();
        let top = Sighting { path: "/nas".into(), ino: 2, born: Some(1), ..known.clone() };
        assert_eq!(known.without(&top), Likeness::Same);
        assert_eq!(known.without(&Sighting { fsid: 9, ..top.clone() }), Likeness::OtherDisk);
        assert_eq!(known.without(&Sighting { point: Some("/".into()), ..top }), Likeness::NotMounted);
    }

    #[test]
    fn real_folders_are_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::create_dir_all(one.join("below")).unwrap();
        fs::create_dir(&two).unwrap();
        let known = Sighting::of(&one.join("below")).unwrap();
        let text = serde_json::to_string(&known).unwrap();
        assert_eq!(serde_json::from_str::<Sighting>(&text).unwrap(), known);
        fs::remove_dir_all(&one).unwrap();
        assert_eq!(known.allows_removing(&one.join("below")).unwrap(), Ok(()));
        // /proc is a mount of its own on every Linux.
        let proc = Sighting::of(Path::new("/proc/self")).unwrap();
        let seen = Sighting { path: proc.path.clone(), ..Sighting::of(&two).unwrap() };
        assert_eq!(proc.compare(&seen), Likeness::NotMounted);
        assert_eq!(known.allows_writing(Path::new("/proc/self")).unwrap(), Ok(()), "as a link that was pointed there");
        assert_eq!(known.allows_removing(Path::new("/proc/self")).unwrap(), Err(Replacement::OtherDisk));
    }
}
