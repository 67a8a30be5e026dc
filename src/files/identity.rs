//! What makes a file the very file that was seen.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{self, FileType, Statx, StatxFlags, makedev};

use crate::model::Identity;

/// What `statx` is asked for wherever an [`Identity`] is needed.
pub(crate) const IDENTITY_FLAGS: StatxFlags = StatxFlags::BASIC_STATS;

/// What the kernel says of a file.
pub trait Stat {
    /// Device, inode, size, and the modification time in seconds and nanoseconds.
    fn parts(&self) -> (u64, u64, u64, i64, i64);
}

impl Stat for Metadata {
    fn parts(&self) -> (u64, u64, u64, i64, i64) {
        (self.dev(), self.ino(), self.size(), self.mtime(), self.mtime_nsec())
    }
}

impl Stat for Statx {
    fn parts(&self) -> (u64, u64, u64, i64, i64) {
        let dev = makedev(self.stx_dev_major, self.stx_dev_minor);
        (dev, self.stx_ino, self.stx_size, self.stx_mtime.tv_sec, self.stx_mtime.tv_nsec.into())
    }
}

impl Stat for fs::Stat {
    fn parts(&self) -> (u64, u64, u64, i64, i64) {
        let size = u64::try_from(self.st_size).unwrap_or(0);
        let nanoseconds = i64::try_from(self.st_mtime_nsec).unwrap_or(0);
        (self.st_dev, self.st_ino, size, self.st_mtime, nanoseconds)
    }
}

/// The identity of the file that `stat` is about.
#[must_use]
pub fn identity_of(stat: &impl Stat) -> Identity {
    let (dev, ino, size, seconds, nanoseconds) = stat.parts();
    Identity { dev, ino, size, mtime_ns: seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds) }
}

/// Whether it is a file, and no folder, link, device or pipe.
pub(crate) fn is_regular(stat: &Statx) -> bool {
    FileType::from_raw_mode(stat.stx_mode.into()) == FileType::RegularFile
}
