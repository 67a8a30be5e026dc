//! What file system a path is on.
//!
//! Owns the reading of `/proc/self/mountinfo` (proc(5)).

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice as _};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// One line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The kernel's number of the mount.
    pub id: u64,
    /// The folder of the file system that is mounted: `/` but for bind mounts and subvolumes.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// The type of the file system, such as `ext4` or `fuse.sshfs`.
    pub fs_type: BString,
    /// What is mounted, such as `/dev/sda1` or `server:/export`.
    pub source: BString,
}

/// All mounts that this process sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountTable(Vec<Mount>);

impl MountTable {
    /// The mounts of this moment.
    pub fn read() -> io::Result<Self> {
        Ok(Self::parse(&std::fs::read(MOUNTINFO)?))
    }

    /// Reads the text of a `mountinfo` file. Lines of another form are left out.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        Self(text.lines().filter_map(parse_line).collect())
    }

    /// The mount that `path`, or the nearest folder above it that exists, is on. Links are resolved.
    #[must_use]
    pub fn of(&self, path: &Path) -> Option<&Mount> {
        let (existing, resolved) = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)))?;
        // The kernel knows better than the paths where mounts hide each other; it says so since Linux 5.8.
        let by_id = statx(CWD, existing, AtFlags::empty(), StatxFlags::MNT_ID)
            .ok()
            .filter(|found| StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID))
            .and_then(|found| self.0.iter().find(|mount| mount.id == found.stx_mnt_id));
        by_id.or_else(|| self.covering(&resolved))
    }

    /// The mount that covers the resolved, absolute `path`: of those with the longest mount point the last, because later
    /// mounts hide earlier ones.
    #[must_use]
    pub fn covering(&self, path: &Path) -> Option<&Mount> {
        let covering = self.0.iter().filter(|mount| path.starts_with(&mount.point));
        covering.max_by_key(|mount| mount.point.components().count())
    }
}

/// `id parent major:minor root point options [tags...] - type source options`, fields separated by one space.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = fields.next()?.to_str().ok()?.parse().ok()?;
    let root = fields.nth(2)?;
    let point = fields.next()?;
    // The options are skipped; there may be any number of tags, and a dash ends them.
    fields.next()?;
    fields.by_ref().find(|field| *field == b"-")?;
    let fs_type = unescape(fields.next()?.as_bstr());
    let source = unescape(fields.next()?.as_bstr());
    Some(Mount { id, root: path_of(root), point: path_of(point), fs_type, source })
}

fn path_of(field: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(&unescape(field.as_bstr())))
}

/// Space, tab, line feed and backslash are written as a backslash and three octal digits.
fn unescape(field: &BStr) -> BString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest: &[u8] = field;
    while let Some((first, after)) = rest.split_first() {
        if let (b'\\', Some(&[high @ b'0'..=b'3', mid @ b'0'..=b'7', low @ b'0'..=b'7'])) = (first, after.first_chunk())
        {
            bytes.push((high - b'0') << 6 | (mid - b'0') << 3 | (low - b'0'));
            rest = &after[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    BString::from(bytes)
}

#[cfg(test)]
mod tests;
