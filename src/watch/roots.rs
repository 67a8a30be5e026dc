//! Whether a root is still the disk it was.
//!
//! Owns the rule that an unmounted, failing or swapped disk never looks like a root whose frames are all gone. A root is
//! known by what was seen of it first; nothing is written into it, because a marker of reeld's own would end up among the
//! user's frames, be copied along with them, and be forgotten by whoever makes the folder anew.
//!
//! What counts, and why:
//!
//! - The same device and inode is the same root. Between two looks it may have been anything; that does not matter.
//!   Where the root is itself a mount point, the time when it was made counts too: the inode of the top folder is the
//!   same on every disk of a kind, and the device number is the same for the next disk in the same slot.
//! - Another inode on the same mount is a folder that was made anew, as generators do between two runs; and a link may
//!   have been pointed elsewhere. Either is accepted when it is seen a second time, so that one look into the middle of a
//!   change decides nothing.
//! - Another device, or the same one by another mount point (bind mounts, so every volume of a container): if a mount
//!   appeared over the place, the disk that belongs there has arrived, and is accepted. If it is the same file system
//!   mounted again (network shares and many disks get another device number each time), it is accepted. Else the disk is
//!   gone or another one is in its place, and nothing is read until it is back or the configuration is read again.

use std::error::Error;
use std::fmt;
use std::iter;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, fstat, fstatvfs, openat, statx};
use rustix::io::{Errno, retry_on_intr};

use crate::error::Explain;
use crate::files::mounts::{Mount, MountTable};
use crate::text::printable::Show as _;
use crate::watch::scan::{ScanError, ScanErrorKind};

/// What a root is now.
#[derive(Debug)]
pub enum RootState {
    /// The root that it was. After any other state, all of it is to be watched and read again: its watches may have
    /// died with the mount.
    Present,
    /// Another folder, and accepted as the root from now on; said once. All of it is to be watched and read again, and
    /// the identities of files that were seen before hold no longer.
    Renewed(Renewal),
    /// Nothing is there. Nothing is concluded from that.
    Missing,
    /// Another folder, which is not to be read.
    Replaced(Replacement),
    /// It may not be read.
    Denied,
    /// The file system fails.
    Failed(ScanError),
}

/// Why another folder is accepted as the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The folder was removed and made anew on the same disk, or the link that is its path leads to another folder.
    Recreated,
    /// The same disk or share was mounted again, under another device number.
    Remounted,
    /// A disk or share was mounted where none was.
    Mounted,
    /// The same folder, but the link that is its configured path leads to it by another path now.
    Moved,
}

/// Why another folder is not accepted as the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// It seems to have been made anew; the next look decides.
    Unsure,
    /// The disk or share is not mounted; what is seen is the folder that it is mounted on.
    NotMounted,
    /// Another disk or share is in its place.
    OtherDisk,
}

impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recreated => "the folder was made anew",
            Self::Remounted => "its disk was mounted again",
            Self::Mounted => "a disk was mounted there",
            Self::Moved => "the folder was moved",
        })
    }
}

impl Error for Replacement {}

impl Explain for Replacement {
    fn hint(&self) -> Option<String> {
        let reload = "if this is the right one, reload the configuration (SIGHUP)";
        match self {
            Self::Unsure => None,
            Self::NotMounted => Some(format!("mount the disk again; {reload}")),
            Self::OtherDisk => Some(format!("put the disk back that was there; {reload}")),
        }
    }
}

impl fmt::Display for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsure => "another folder is in its place",
            Self::NotMounted => "its disk is not mounted",
            Self::OtherDisk => "another disk is in its place",
        })
    }
}

/// Remembers what a root was when it was first seen. A new guard, made when the configuration is read again, accepts
/// whatever it finds.
#[derive(Debug)]
pub struct RootGuard {
    path: PathBuf,
    known: Option<Sight>,
    candidate: Option<(u64, u64)>,
}

impl RootGuard {
    /// Guards the root at `path`, which need not exist yet. A link is followed to where it leads at each look.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), known: None, candidate: None }
    }

    /// Looks at the root. To be called before each reading of it, and every few seconds while it is not present.
    pub fn state(&mut self) -> RootState {
        match Look::at(&self.path) {
            Ok(look) if self.known.as_ref().is_some_and(|known| known.look == look) => {
                self.candidate = None;
                RootState::Present
            }
            Ok(look) => self.judge(Sight::of(look)),
            Err(errno) => {
                self.candidate = None;
                let error = ScanError::new(&self.path, errno);
                match error.kind {
                    ScanErrorKind::Missing => RootState::Missing,
                    ScanErrorKind::Denied => RootState::Denied,
                    ScanErrorKind::NotAFolder | ScanErrorKind::Io(_) => RootState::Failed(error),
                }
            }
        }
    }

    /// Where the root is with links resolved, once it was seen: the path to watch and to walk.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.known.as_ref().map(|known| known.look.resolved.as_path())
    }

    /// What the root can be known by after a restart, once it was seen.
    #[must_use]
    pub fn marks(&self) -> Option<RootMarks> {
        self.known.as_ref().map(Sight::marks)
    }

    /// Whether the root's folder was made after `moment`, nanoseconds since the Unix epoch. No where that is not known.
    #[must_use]
    pub fn was_made_after(&self, moment: i128) -> bool {
        self.known.as_ref().and_then(|known| known.look.born).is_some_and(|born| born > moment)
    }

    fn judge(&mut self, seen: Sight) -> RootState {
        let Some(known) = &self.known else {
            self.known = Some(seen);
            return RootState::Present;
        };
        let candidate = self.candidate.take();
        let key = (seen.look.dev, seen.look.ino);
        match compare(known, &seen) {
            Likeness::Same if known.look.resolved == seen.look.resolved => RootState::Present,
            Likeness::Same => self.renew(seen, Renewal::Moved),
            Likeness::Recreated if candidate == Some(key) => self.renew(seen, Renewal::Recreated),
            Likeness::Recreated => {
                self.candidate = Some(key);
                RootState::Replaced(Replacement::Unsure)
            }
            Likeness::Remounted => self.renew(seen, Renewal::Remounted),
            Likeness::Mounted => self.renew(seen, Renewal::Mounted),
            Likeness::NotMounted => RootState::Replaced(Replacement::NotMounted),
            Likeness::OtherDisk => RootState::Replaced(Replacement::OtherDisk),
        }
    }

    fn renew(&mut self, seen: Sight, renewal: Renewal) -> RootState {
        tracing::info!(root = %self.path.shown(), "root is accepted anew: {renewal}");
        self.known = Some(seen);
        RootState::Renewed(renewal)
    }
}

/// What a root can be known by, long after. One mark that is the same is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootMarks {
    /// Where it is, with links resolved.
    pub path: PathBuf,
    /// The file system that it is on, and the folder itself where its birth is known. A folder that is made anew keeps the
    /// first; a disk whose number changes with the slot that it is in keeps the second.
    pub marks: Vec<String>,
}

/// What a few system calls tell of a root: enough to know it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) resolved: PathBuf,
    dev: u64,
    pub(super) ino: u64,
    /// When the folder was made, nanoseconds since the Unix epoch, where the file system knows.
    pub(super) born: Option<i128>,
    /// The file system's own number (`f_fsid`); 0 where it has none, as NFS.
    pub(super) fsid: u64,
}

impl Look {
    pub(super) fn at(path: &Path) -> Result<Self, Errno> {
        // Opened, not only looked at: opening mounts what an automounter keeps for that path, and proves the permission.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = retry_on_intr(|| openat(CWD, path, flags, Mode::empty()))?;
        let stat = fstat(&folder)?;
        let resolved = path.canonicalize().map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        Ok(Self { resolved, dev: stat.st_dev, ino: stat.st_ino, born: born(&folder), fsid: fstatvfs(&folder)?.f_fsid })
    }
}

fn born(folder: &OwnedFd) -> Option<i128> {
    let found = statx(folder, "", AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok()?;
    let known = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::BTIME);
    known.then(|| i128::from(found.stx_btime.tv_sec) * 1_000_000_000 + i128::from(found.stx_btime.tv_nsec))
}

/// All that can be seen of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) look: Look,
    pub(super) mount: Option<Mount>,
}

impl Sight {
    pub(super) fn of(look: Look) -> Self {
        let mount = MountTable::read().ok().and_then(|table| table.of(&look.resolved).cloned());
        Self { look, mount }
    }

    /// Whether the root is the top folder of what is mounted.
    fn is_mount_point(&self) -> bool {
        self.mount_point() == Some(&self.look.resolved)
    }

    fn marks(&self) -> RootMarks {
        let look = &self.look;
        let disk = match &self.mount {
            _ if look.fsid != 0 => format!("file system {:x}", look.fsid),
            // Network shares and FUSE have no number of their own.
            Some(mount) => {
                let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
                format!("{} {} {}", mount.fs_type, text(&mount.source), mount.root.to_string_lossy())
            }
            None => format!("device {}", look.dev),
        };
        // Before 1970 nobody made a folder: the file system does not know.
        let folder = look.born.filter(|born| *born > 0).map(|born| format!("folder {} of {born}", look.ino));
        RootMarks { path: look.resolved.clone(), marks: iter::once(disk).chain(folder).collect() }
    }

    pub(super) fn mount_point(&self) -> Option<&Path> {
        self.mount.as_ref().map(|mount| mount.point.as_path())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Same,
    Recreated,
    Remounted,
    Mounted,
    NotMounted,
    OtherDisk,
}

/// What became of `known`, going by what is `seen`. Pure.
fn compare(known: &Sight, seen: &Sight) -> Likeness {
    let (was, is) = (&known.look, &seen.look);
    let same_birth = was.born.is_none() || is.born.is_none() || was.born == is.born;
    let same_mount_point = known.mount_point() == seen.mount_point();
    let same_device = was.dev == is.dev && was.fsid == is.fsid;
    if same_device && was.ino == is.ino && (same_birth || !seen.is_mount_point()) {
        return Likeness::Same;
    }
    // A link that leads elsewhere was pointed there by somebody, wherever that is.
    if was.resolved != is.resolved {
        return Likeness::Recreated;
    }
    // The top folder of a disk cannot be removed and made anew.
    if same_device && same_mount_point && !seen.is_mount_point() {
        return Likeness::Recreated;
    }
    if was.ino == is.ino && same_birth && same_mount_point && is_same_file_system(known, seen) {
        return Likeness::Remounted;
    }
    match (known.mount_point(), seen.mount_point()) {
        (Some(before), Some(now)) if before != now && now.starts_with(before) => Likeness::Mounted,
        (Some(before), Some(now)) if before != now => Likeness::NotMounted,
        _ => Likeness::OtherDisk,
    }
}

/// Whether both are the same file system under two device numbers: it says so itself, or the same thing was mounted.
/// What is mounted says nothing where it is a device's name, because the next disk gets the same one.
fn is_same_file_system(known: &Sight, seen: &Sight) -> bool {
    let same_number = known.look.fsid != 0 && known.look.fsid == seen.look.fsid;
    let same_share = match (&known.mount, &seen.mount) {
        (Some(known), Some(seen)) => {
            (&known.fs_type, &known.source, &known.root) == (&seen.fs_type, &seen.source, &seen.root)
                && !known.source.starts_with(b"/dev/")
        }
        _ => false,
    };
    same_number || same_share
}

#[cfg(test)]
mod tests;
