//! Whether the file events of a folder can be relied upon.
//!
//! Owns the lists of file system types. A probe file would prove nothing: on a network share one's own writes raise events, and
//! only those of other machines are missing.

use std::path::Path;
use std::time::Duration;

use crate::config::WatchMode;
use crate::files::mounts::MountTable;

/// How often a folder is read where no event will come.
const POLL: Duration = Duration::from_secs(5);

/// How often a folder is read where events should come, but may not.
const POLL_BESIDE_EVENTS: Duration = Duration::from_secs(30);

/// Other machines, or a program of the user's, change what is on these unseen by the kernel. `fuse.*` too.
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

/// How changes of `path` are to be noticed. A path that does not exist yet is judged by the folder that it will be in,
/// and again when it is there.
#[must_use]
pub fn decide(path: &Path, mode: WatchMode) -> Watching {
    let fs_type = MountTable::read().ok().and_then(|table| table.of(path).map(|mount| mount.fs_type.to_string()));
    decide_for(fs_type, mode)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_the_file_system_decides() {
        let auto = |kind: &str| decide_for(Some(kind.to_owned()), WatchMode::Auto);
        for kind in
            ["nfs", "nfs4", "cifs", "smb3", "9p", "drvfs", "fuseblk", "fuse.sshfs", "fuse", "virtiofs", "vboxsf"]
        {
            assert_eq!((auto(kind).native, auto(kind).poll), (false, Some(POLL)), "{kind}");
        }
        for kind in ["ext4", "xfs", "btrfs", "tmpfs", "vfat", "exfat"] {
            assert_eq!((auto(kind).native, auto(kind).poll), (true, None), "{kind}");
        }
        for kind in ["overlay", "unknown", "fusectl", "somethingfs"] {
            assert_eq!((auto(kind).native, auto(kind).poll), (true, Some(POLL_BESIDE_EVENTS)), "{kind}");
        }
        assert!(auto("nfs4").why.contains("nfs4"));
        assert_eq!(decide_for(None, WatchMode::Auto).fs_type, "unknown");
    }

    #[test]
    fn the_config_has_the_last_word() {
        let with = |mode| decide_for(Some("nfs4".to_owned()), mode);
        assert_eq!((with(WatchMode::Native).native, with(WatchMode::Native).poll), (true, None));
        assert_eq!((with(WatchMode::Both).native, with(WatchMode::Both).poll), (true, Some(POLL)));
        let local = decide_for(Some("ext4".to_owned()), WatchMode::Poll);
        assert_eq!((local.native, local.poll), (false, Some(POLL)));
        assert!(local.why.contains("watch = \"poll\""));
    }
}
