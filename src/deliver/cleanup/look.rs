//! Whether a frame still is what was encoded.
//!
//! Device, inode, size and modification time must be the same, always. A program that writes into a file and puts the time
//! back is seen by the time of the last change of any kind, which nobody can set. As that also comes with a new mode, owner,
//! link or name (and with each of reeld's own moves), it decides nothing: where it is another one, the bytes are read
//! again and compared with those that were encoded.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use bstr::BStr;
use rustix::fs::{AtFlags, Mode, OFlags, fstatfs, openat, statx};
use rustix::io::Errno;

use super::{CleanupJob, CleanupReport, EncodedFrame, KeptReason, video_inode};
use crate::files::{IDENTITY_FLAGS, identity_of, is_regular};
use crate::frame::digest::{Digest, changed_ns};
use crate::model::Identity;

/// File systems that keep the time of the last change by themselves, by their numbers (statfs(2)). On others, as FAT, FUSE
/// and SMB, it may be the modification time once more, or whatever a program says: there every frame is read.
const KEEPS_CHANGE_TIMES: [i64; 11] = [
    0x0000_ef53, // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683e, // btrfs
    0xf2f5_2010, // f2fs
    0xca45_1a4e, // bcachefs
    0x2fc1_2fc1, // zfs
    0x3153_464a, // jfs
    0x0102_1994, // tmpfs
    0x8584_58f6, // ramfs
    0x794c_7630, // overlay
    0x0000_6969, // nfs: the server's
];

/// A frame that may go.
pub(super) struct Removable<'a> {
    pub(super) name: &'a BStr,
    pub(super) identity: &'a Identity,
    pub(super) linked: bool,
    frame: &'a EncodedFrame,
    /// When it had last changed in any way when it was found to be the one that was encoded.
    changed_ns: i64,
}

/// Looks at every frame of a folder.
pub(super) fn removable_frames<'a>(
    folder: &OwnedFd,
    job: &CleanupJob<'a>,
    report: &mut CleanupReport,
) -> Vec<Removable<'a>> {
    let trusted = fstatfs(folder).is_ok_and(|stat| KEEPS_CHANGE_TIMES.contains(&stat.f_type));
    let mut removable = Vec::with_capacity(job.frames.len());
    for frame in job.frames {
        let EncodedFrame { name, identity, contents } = frame;
        let known = contents.as_ref().filter(|_| trusted).and_then(|contents| contents.changed_ns);
        let kept = match compare(folder, frame, known) {
            Ok(Seen::Same { .. }) if (identity.dev, identity.ino) == video_inode(job) => KeptReason::IsVideo,
            Ok(Seen::Same { linked, changed_ns }) => {
                removable.push(Removable { name: name.as_ref(), identity, linked, frame, changed_ns });
                continue;
            }
            Ok(Seen::Gone) => {
                report.gone += 1;
                continue;
            }
            Ok(Seen::Changed) => KeptReason::Changed,
            Err(errno) => KeptReason::Failed(errno.into()),
        };
        report.kept.push((name.clone(), kept));
    }
    removable
}

/// The look right before a frame is moved, since looking at all may have taken a while. The report says why it must not.
pub(super) fn may_go(folder: &OwnedFd, removable: &Removable<'_>, report: &mut CleanupReport) -> bool {
    let kept = match compare(folder, removable.frame, Some(removable.changed_ns)) {
        Ok(Seen::Same { .. }) => return true,
        Ok(Seen::Gone) => {
            report.gone += 1;
            return false;
        }
        Ok(Seen::Changed) => KeptReason::Changed,
        Err(errno) => KeptReason::Failed(errno.into()),
    };
    report.kept.push((removable.name.to_owned(), kept));
    false
}

pub(super) enum Seen {
    Same { linked: bool, changed_ns: i64 },
    Changed,
    Gone,
}

/// Compares what has `name` in `folder` with the file that was encoded, by its identity.
pub(super) fn look(folder: &OwnedFd, name: &BStr, identity: &Identity) -> Result<Seen, Errno> {
    // What a file server said a while ago is not enough here.
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_FORCE_SYNC;
    match statx(folder, OsStr::from_bytes(name), flags, IDENTITY_FLAGS) {
        Ok(stat) if is_regular(&stat) && identity_of(&stat) == *identity => {
            let ctime = stat.stx_ctime;
            let changed_ns = ctime.tv_sec.saturating_mul(1_000_000_000).saturating_add(ctime.tv_nsec.into());
            Ok(Seen::Same { linked: stat.stx_nlink > 1, changed_ns })
        }
        Ok(_) => Ok(Seen::Changed),
        Err(Errno::NOENT) => Ok(Seen::Gone),
        Err(errno) => Err(errno),
    }
}

/// The same, and by its bytes unless it last changed at `known`. Where it is not known what was encoded, as of batches of
/// earlier versions, the identity has to do.
fn compare(folder: &OwnedFd, frame: &EncodedFrame, known: Option<i64>) -> Result<Seen, Errno> {
    let seen = look(folder, frame.name.as_ref(), &frame.identity)?;
    let Seen::Same { changed_ns, linked } = seen else { return Ok(seen) };
    match &frame.contents {
        Some(contents) if known != Some(changed_ns) => {
            let same = read_again(folder, frame, contents.digest)?;
            Ok(same.map_or(Seen::Changed, |changed_ns| Seen::Same { linked, changed_ns }))
        }
        _ => Ok(seen),
    }
}

/// When the file last changed in any way, if its bytes are those of `digest`.
fn read_again(folder: &OwnedFd, frame: &EncodedFrame, digest: Digest) -> Result<Option<i64>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file: File = match openat(folder, OsStr::from_bytes(&frame.name), flags, Mode::empty()) {
        Ok(file) => file.into(),
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    let plain = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    // From before the first byte is read: what is written meanwhile changes it.
    let before = file.metadata().map_err(plain)?;
    let same =
        before.is_file() && identity_of(&before) == frame.identity && Digest::of_file(&file).map_err(plain)? == digest;
    Ok(same.then(|| changed_ns(&before)))
}
