//! Deleting: into a private folder, a look, and away.
//!
//! Owns `.reeld-trash-KEY/` beside the frames. What is in it after a crash goes back before anything else happens.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use bstr::{BStr, BString};
use rustix::fs::{AtFlags, Dir, unlinkat};
use rustix::io::Errno;

use super::look::{Removable, Seen, look, may_go};
use super::{CleanupError, CleanupJob, CleanupReport, KeptReason, cannot_open};
use crate::deliver::OWN_PREFIX;
use crate::fault;
use crate::files::open_beneath::{make_child, open_child};
use crate::files::rename_noreplace::{Entry, FOR_FRAMES, move_to_free_name};
use crate::files::sync_folder;

/// Only its owner may look into it or write to it.
const PRIVATE: u32 = 0o700;

/// Moves what an interrupted attempt left back to its names. A file whose name is taken stays where it is.
pub(super) fn restore(folder: &OwnedFd, job: &CleanupJob<'_>) -> Result<Vec<(BString, KeptReason)>, CleanupError> {
    let name = name_of(job);
    let failed = |errno| cannot_open(&job.dir.join(&name), errno);
    let quarantine = match open_child(folder, &name) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        opened => opened.map_err(failed)?,
    };
    let mut kept = Vec::new();
    for entry in Dir::read_from(&quarantine).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let file = BStr::new(entry.file_name().to_bytes());
        if file == "." || file == ".." {
            continue;
        }
        if let Err(reason) = put_back(folder, &quarantine, file, job) {
            kept.push((file.to_owned(), reason));
        }
    }
    remove_if_empty(folder, &name);
    Ok(kept)
}

/// Removes the frames that are still what they were.
pub(super) fn delete(
    folder: &OwnedFd,
    job: &CleanupJob<'_>,
    frames: &[Removable<'_>],
    report: &mut CleanupReport,
) -> Result<(), CleanupError> {
    if frames.is_empty() {
        return Ok(());
    }
    let name = name_of(job);
    let failed = |errno| cannot_open(&job.dir.join(&name), errno);
    let quarantine = make_child(folder, &name, PRIVATE).map_err(failed)?;
    let mut inside = Vec::with_capacity(frames.len());
    for frame in frames {
        if !may_go(folder, frame, report) {
            continue;
        }
        let file = OsStr::from_bytes(frame.name);
        let from = Entry { dir: folder.as_fd(), name: file };
        let to = Entry { dir: quarantine.as_fd(), name: file };
        match move_to_free_name(from, to, FOR_FRAMES) {
            Ok(()) => inside.push(frame),
            Err(Errno::NOENT) => report.gone += 1,
            Err(errno) => report.kept.push((frame.name.to_owned(), KeptReason::Failed(errno.into()))),
        }
        fault::point("mid-quarantine");
    }
    fault::point("after-quarantine");
    for frame in inside {
        match purge(folder, &quarantine, frame, job) {
            Ok(()) => {
                report.removed += 1;
                report.linked += u64::from(frame.linked);
            }
            Err(reason) => report.kept.push((frame.name.to_owned(), reason)),
        }
    }
    sync_folder(&quarantine).map_err(failed)?;
    remove_if_empty(folder, &name);
    Ok(())
}

/// Removes a frame in quarantine if it is the one that was encoded; else it goes back.
fn purge(
    folder: &OwnedFd,
    quarantine: &OwnedFd,
    frame: &Removable<'_>,
    job: &CleanupJob<'_>,
) -> Result<(), KeptReason> {
    let removed = match look(quarantine, frame.name, frame.identity) {
        Ok(Seen::Same { .. }) => unlinkat(quarantine, OsStr::from_bytes(frame.name), AtFlags::empty()),
        Ok(Seen::Changed | Seen::Gone) => {
            put_back(folder, quarantine, frame.name, job)?;
            return Err(KeptReason::Changed);
        }
        Err(errno) => Err(errno),
    };
    removed.map_err(|errno| match put_back(folder, quarantine, frame.name, job) {
        Ok(()) => KeptReason::Failed(errno.into()),
        Err(stranded) => stranded,
    })
}

fn put_back(folder: &OwnedFd, quarantine: &OwnedFd, name: &BStr, job: &CleanupJob<'_>) -> Result<(), KeptReason> {
    let file = OsStr::from_bytes(name);
    let from = Entry { dir: quarantine.as_fd(), name: file };
    let to = Entry { dir: folder.as_fd(), name: file };
    move_to_free_name(from, to, FOR_FRAMES)
        .map_err(|_| KeptReason::Stranded([job.dir, &PathBuf::from(name_of(job)), file.as_ref()].iter().collect()))
}

fn remove_if_empty(folder: &OwnedFd, name: &OsStr) {
    // Not empty means that something is stranded in it, which the report says.
    let _ = unlinkat(folder, name, AtFlags::REMOVEDIR);
}

fn name_of(job: &CleanupJob<'_>) -> OsString {
    OsString::from_vec([OWN_PREFIX, "trash-", job.key].concat().into_bytes())
}
