//! Archiving: frames move to `.reeld-done/VIDEO/` beside them, on the same mount.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rustix::io::Errno;

use super::look::{Removable, Seen, look, may_go};
use super::{CleanupError, CleanupJob, CleanupReport, KeptReason, cannot_open};
use crate::files::open_beneath::make_child;
use crate::files::rename_noreplace::{Entry, FOR_FRAMES, move_to_free_name};
use crate::files::sync_folder;

/// Hidden, so that it is never watched.
const ARCHIVE: &str = ".reeld-done";
/// As the umask allows: whoever may read the frames may read the archive.
const SHARED: u32 = 0o777;
/// How many names are tried for one frame.
const MOST_NAMES: u32 = 1000;

/// Moves the frames into the archive folder that is called as the video is.
pub(super) fn archive(
    folder: &OwnedFd,
    job: &CleanupJob<'_>,
    frames: &[Removable<'_>],
    report: &mut CleanupReport,
) -> Result<(), CleanupError> {
    if frames.is_empty() {
        return Ok(());
    }
    let label = job.video.path.file_name().unwrap_or(OsStr::new(job.key));
    let path: PathBuf = [job.dir, ARCHIVE.as_ref(), label.as_ref()].iter().collect();
    let failed = |errno| cannot_open(&path, errno);
    let all = make_child(folder, ARCHIVE.as_ref(), SHARED).map_err(failed)?;
    let archive_dir = make_child(&all, label, SHARED).map_err(failed)?;
    for frame in frames {
        if !may_go(folder, frame, report) {
            continue;
        }
        match file_away(folder, &archive_dir, frame) {
            Ok(Filed::Gone) => report.gone += 1,
            Ok(Filed::As(name)) => match check_moved(folder, &archive_dir, frame, &name) {
                None => report.removed += 1,
                Some(WrongFile::PutBack) => report.kept.push((frame.name.to_owned(), KeptReason::Changed)),
                Some(WrongFile::Stranded) => {
                    report.kept.push((frame.name.to_owned(), KeptReason::Stranded(path.join(name))));
                }
            },
            Err(errno) => report.kept.push((frame.name.to_owned(), KeptReason::Failed(errno.into()))),
        }
    }
    sync_folder(&archive_dir).and_then(|()| sync_folder(&all)).map_err(failed)
}

enum Filed {
    As(OsString),
    Gone,
}

fn file_away(folder: &OwnedFd, archive_dir: &OwnedFd, frame: &Removable<'_>) -> Result<Filed, Errno> {
    let file = OsStr::from_bytes(frame.name);
    for number in 1..=MOST_NAMES {
        let mut name = file.to_owned();
        if number > 1 {
            name.push(format!(".{number}"));
        }
        let from = Entry { dir: folder.as_fd(), name: file };
        match move_to_free_name(from, Entry { dir: archive_dir.as_fd(), name: &name }, FOR_FRAMES) {
            Ok(()) => return Ok(Filed::As(name)),
            Err(Errno::EXIST) => {}
            Err(Errno::NOENT) => return Ok(Filed::Gone),
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EXIST)
}

/// What became of a file that was moved in place of the frame.
enum WrongFile {
    PutBack,
    Stranded,
}

/// Looks at what was moved; a file that took the frame's name at the last moment goes back.
fn check_moved(folder: &OwnedFd, archive_dir: &OwnedFd, frame: &Removable<'_>, name: &OsStr) -> Option<WrongFile> {
    if let Ok(Seen::Same { .. }) = look(archive_dir, name.as_bytes().into(), frame.identity) {
        return None;
    }
    let from = Entry { dir: archive_dir.as_fd(), name };
    let to = Entry { dir: folder.as_fd(), name: OsStr::from_bytes(frame.name) };
    Some(if move_to_free_name(from, to, FOR_FRAMES).is_ok() { WrongFile::PutBack } else { WrongFile::Stranded })
}
