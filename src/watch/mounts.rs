//! What file system a path lies on, and whether its file events can be relied upon.
//!
//! Owns the reading of `/proc/self/mountinfo` (proc(5)) and the lists of file system types. A probe file would prove
//! nothing: on a network share one's own writes raise events, and only those of other machines are missing.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice as _};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use crate::config::WatchMode;

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// How often a folder is read where no event will come.
const POLL: Duration = Duration::from_secs(5);

/// How often a folder is read where events should come, but may not.
const POLL_BESIDE_EVENTS: Duration = Duration::from_secs(30);

/// Other machines, or a program of the user's, change what is on these behind the kernel's back. `fuse.*` too.
const REMOTE: [&str; 22] = [
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "davfs",
    "drvfs",
    "fakeowner",
    "fuse",
    "fuseblk",
    "gfs2",
    "glusterfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "prl_fs",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
];

/// All writes to these pass through this kernel.
const LOCAL: [&str; 26] = [
    "bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "hfsplus", "iso9660", "jffs2", "jfs",
    "minix", "msdos", "nilfs2", "ntfs", "ntfs3", "ramfs", "reiserfs", "squashfs", "tmpfs", "ubifs", "udf", "vfat",
    "xfs",
];

/// How changes of a folder are noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watching {
    /// Whether it is watched by inotify.
    pub native: bool,
    /// How often it is read all the same. The slow reconciling reading that every root gets is not meant.
    pub poll: Option<Duration>,
    /// The type of its file system, such as `ext4`; `unknown` where that cannot be found out.
    pub fs_type: String,
    /// The reason, for the log and `reeld check`: a fragment such as `nfs4 is changed by other machines`.
    pub why: String,
}

/// How changes of `path` are to be noticed. A path that does not exist yet is judged by the folder that it will lie in,
/// and again when it is there.
#[must_use]
pub fn decide(path: &Path, mode: WatchMode) -> Watching {
    let fs_type = MountTable::read().ok().and_then(|table| table.of(path).map(|mount| mount.fs_type.to_string()));
    decide_for(fs_type, mode)
}

/// Whether files can be renamed and linked from one folder to the other. The same disk mounted twice, as each volume of
/// a container and each `ReadWritePaths=` of a service is, does not suffice (rename(2), EXDEV). Paths that do not exist
/// yet count as the folders that they will lie in.
pub fn same_mount(one: &Path, other: &Path) -> io::Result<bool> {
    let table = MountTable::read()?;
    Ok(table.of(one).is_some_and(|mount| table.of(other).is_some_and(|found| found.id == mount.id)))
}

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

    /// Reads the text of a `mountinfo` file. Lines that are none are left out.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        Self(text.lines().filter_map(parse_line).collect())
    }

    /// The mount that `path`, or the nearest folder above it that exists, lies on. Links are resolved.
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

fn decide_for(fs_type: Option<String>, mode: WatchMode) -> Watching {
    let fs_type = fs_type.unwrap_or_else(|| "unknown".to_owned());
    let configured = |what: &str| format!("`watch = \"{what}\"` in the config");
    let (native, poll, why) = match mode {
        WatchMode::Native => (true, None, configured("native")),
        WatchMode::Poll => (false, Some(POLL), configured("poll")),
        WatchMode::Both => (true, Some(POLL), configured("both")),
        WatchMode::Auto => match fs_type.as_str() {
            kind if REMOTE.contains(&kind) || kind.starts_with("fuse.") => {
                (false, Some(POLL), format!("{kind} may be changed from outside without an event"))
            }
            kind if LOCAL.contains(&kind) => (true, None, format!("{kind} reports every change")),
            "overlay" => (true, Some(POLL_BESIDE_EVENTS), "overlay hides writes to the layers below it".to_owned()),
            "unknown" => (true, Some(POLL_BESIDE_EVENTS), "the type of the file system cannot be found out".to_owned()),
            kind => (true, Some(POLL_BESIDE_EVENTS), format!("{kind} is not known to report every change")),
        },
    };
    Watching { native, poll, fs_type, why }
}

/// `id parent major:minor root point options [tags...] - type source options`, fields separated by one space.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = fields.next()?.to_str().ok()?.parse().ok()?;
    let root = fields.nth(2)?;
    let point = fields.next()?;
    // The options are skipped; the tags are none or many, and end at the dash.
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
