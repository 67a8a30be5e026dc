//! What happens to the frames of a proved, published and recorded video.
//!
//! Owns the only code that takes a frame away: `quarantine` deletes, `archive` and `trash` move. It never does so before it
//! has found the video to be the file that was published, with the contents that were proved, and every frame to be the file
//! that was encoded, never by listing a folder, never through a symbolic link, and never for a file that was not named to it.
//!
//! Linux cannot remove a name only if it still is a certain file. So a frame is first moved into a private folder, where
//! no renderer writes, looked at there, and removed there or moved back. A process killed in between leaves that folder;
//! the next call with the same key begins by moving everything back.
//!
//! A frame with further hard links is removed like any other, since its content stays under those other names; the report
//! counts them, because no space was won.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::BString;
use rustix::io::Errno;

use look::{Removable, removable_frames};

use super::Published;
use crate::config::Cleanup;
use crate::error::Explain;
use crate::fault;
use crate::files::open_beneath::{Unopened, open_beneath};
use crate::files::sync_folder;
use crate::frame::digest::Contents;
use crate::model::Identity;
use crate::sequence::name::split_folder;
use crate::text::printable::Show as _;

mod archive;
mod look;
mod quarantine;
mod trash;
mod video;

/// Which frames are to go, and what must hold for that.
#[derive(Debug, Clone, Copy)]
pub struct CleanupJob<'a> {
    /// The watched folder; trusted, and may be reached through links.
    pub root: &'a Path,
    /// The folder of the frames: `root`, or below it without a link in between.
    pub dir: &'a Path,
    /// The batch's, in ASCII letters and digits: names its private folder.
    pub key: &'a str,
    /// The frames; those in folders below by their path from `dir`.
    pub frames: &'a [EncodedFrame],
    /// The video that shows them.
    pub video: &'a Published,
    /// What is done with them.
    pub mode: Cleanup,
    /// Whether the others go when one was written again after it was encoded: what `cleanup_anomalies` says.
    pub despite_changes: bool,
}

/// A frame as it was encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFrame {
    /// Its name.
    pub name: BString,
    /// The very file.
    pub identity: Identity,
    /// What was read of it; `None` where an earlier version encoded it.
    pub contents: Option<Contents>,
}

/// What became of the frames.
#[derive(Debug, Default)]
pub struct CleanupReport {
    /// Frames that were removed, archived or put into the trash.
    pub removed: u64,
    /// Frames that were not there any more.
    pub gone: u64,
    /// Removed frames that further hard links keep on the disk.
    pub linked: u64,
    /// Frames that stay, and why.
    pub kept: Vec<(BString, KeptReason)>,
}

/// Why a frame stays.
#[derive(Debug, thiserror::Error)]
pub enum KeptReason {
    /// It is not the file that was encoded, or no regular file at all.
    #[error("changed since it was encoded")]
    Changed,
    /// Another frame of the batch changed, so that the sequence may have to be encoded again as a whole.
    #[error("another frame of the batch changed since it was encoded")]
    OthersChanged,
    /// It is the video.
    #[error("it is the video itself")]
    IsVideo,
    /// It could not go back to its name, which another file took meanwhile; it is here instead.
    #[error("its name was taken meanwhile; it is in {}", .0.shown())]
    Stranded(PathBuf),
    /// The trash could not be reached without copying to another file system.
    #[error("no trash on the same file system")]
    NoTrash,
    /// The system refused.
    #[error(transparent)]
    Failed(io::Error),
}

impl Explain for KeptReason {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Changed | Self::OthersChanged | Self::IsVideo => return None,
            Self::Stranded(_) => "compare both files and keep the one you want",
            Self::NoTrash => "use `cleanup = \"archive\"`, which needs no trash on the disk of the frames",
            Self::Failed(error) if is_elsewhere(error) => "look at the disk of the frames; the frames stay until then",
            Self::Failed(_) => {
                "let the user that reeld runs as write to the folder; under systemd see `ReadWritePaths=`"
            }
        };
        Some(hint.to_owned())
    }
}

/// Whether it is not a permission that is lacking.
fn is_elsewhere(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Why the clean-up is not done. No frame is lost; frames of an interrupted earlier attempt are back where they can be.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "every field is the path or the cause that its message shows")]
pub enum CleanupError {
    /// The video is gone, or is another file.
    #[error("the video {} is not the file that was published any more", path.shown())]
    VideoChanged { path: PathBuf },
    /// The video is the file that was published, but its bytes are others.
    #[error("the contents of the video {} are not those that were compared with the frames", path.shown())]
    OtherContents { path: PathBuf },
    /// The video cannot be read.
    #[error("cannot read the video {}", path.shown())]
    Video { path: PathBuf, source: io::Error },
    /// The folder of the frames is not in the watched folder.
    #[error("{} is not in {}", dir.shown(), root.shown())]
    Outside { dir: PathBuf, root: PathBuf },
    /// The folder of the frames, or one of reeld's own in it, cannot be opened without following links.
    #[error("cannot open {}", path.shown())]
    Folder { path: PathBuf, source: io::Error },
}

impl Explain for CleanupError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::VideoChanged { .. } => {
                Some("the frames stay; `reeld forget DIR` lets them be encoded again".to_owned())
            }
            Self::OtherContents { .. } => Some(
                "if it was edited or tagged and plays well, remove the frames yourself; if it is damaged, move it away: \
                 `reeld forget DIR` lets the frames be encoded again"
                    .to_owned(),
            ),
            Self::Folder { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some(format!("let the user that reeld runs as write to {}", path.shown()))
            }
            _ => None,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Video { .. } | Self::Folder { .. } => true,
            Self::VideoChanged { .. } | Self::OtherContents { .. } | Self::Outside { .. } => false,
        }
    }
}

/// Does with the frames what `job` says, as far as they are still the files that were encoded.
pub fn clean(job: &CleanupJob<'_>) -> Result<CleanupReport, CleanupError> {
    let mut report = CleanupReport::default();
    if job.mode == Cleanup::Keep {
        return Ok(report);
    }
    let parts = parts(job);
    let mut opened = Vec::with_capacity(parts.len());
    for part in &parts {
        let job = CleanupJob { dir: &part.dir, frames: &part.frames, ..*job };
        let folder = match open_beneath(job.root, job.dir).map_err(|why| unopened(&job, why)) {
            // One of several folders that somebody removed took its frames along.
            Err(CleanupError::Folder { source, .. })
                if source.kind() == io::ErrorKind::NotFound && !part.within.is_empty() =>
            {
                report.gone += job.frames.len() as u64;
                continue;
            }
            folder => folder?,
        };
        let kept = quarantine::restore(&folder, &job)?;
        opened.push(Opened { part, job, folder, report: CleanupReport { kept, ..CleanupReport::default() } });
    }
    video::check(job.video)?;
    // Every frame of every folder is looked at before anything happens to one.
    let mut removable: Vec<Vec<Removable<'_>>> = Vec::with_capacity(opened.len());
    let mut changed = false;
    for Opened { job, folder, report, .. } in &mut opened {
        let known = report.kept.len();
        removable.push(removable_frames(folder, job, report));
        changed |= report.kept[known..].iter().any(|(_, reason)| matches!(reason, KeptReason::Changed));
    }
    for (Opened { part, job, folder, report: own }, mut frames) in opened.iter_mut().zip(removable) {
        if changed && !job.despite_changes {
            own.kept.extend(frames.drain(..).map(|frame| (frame.name.to_owned(), KeptReason::OthersChanged)));
        }
        match job.mode {
            Cleanup::Keep => {}
            Cleanup::Delete => quarantine::delete(folder, job, &frames, own)?,
            Cleanup::Archive => archive::archive(folder, job, &frames, own)?,
            Cleanup::Trash => trash::trash(folder, &frames, own),
        }
        // A removal that a power cut undoes would look like new frames.
        sync_folder(&*folder).map_err(|errno| cannot_open(job.dir, errno))?;
        report.add(std::mem::take(own), &part.within);
    }
    fault::point("after-purge");
    Ok(report)
}

/// The frames of one folder. There are several where folders follow each other (`group = "tree"`).
struct Part {
    /// The folder.
    dir: PathBuf,
    /// The path to it from the folder of the batch: empty, or with a slash at its end.
    within: BString,
    /// By bare file name.
    frames: Vec<EncodedFrame>,
}

/// A folder that is open, with what becomes of its frames.
struct Opened<'a> {
    part: &'a Part,
    job: CleanupJob<'a>,
    folder: OwnedFd,
    report: CleanupReport,
}

fn parts(job: &CleanupJob<'_>) -> Vec<Part> {
    let mut frames: BTreeMap<&[u8], Vec<EncodedFrame>> = BTreeMap::new();
    for frame in job.frames {
        let (within, file) = split_folder(&frame.name);
        frames.entry(within).or_default().push(EncodedFrame { name: file.into(), ..frame.clone() });
    }
    if frames.is_empty() {
        // What an interrupted attempt left goes back in any case.
        frames.entry(b"").or_default();
    }
    let dir =
        |within: &[u8]| if within.is_empty() { job.dir.to_owned() } else { job.dir.join(OsStr::from_bytes(within)) };
    frames.into_iter().map(|(within, frames)| Part { dir: dir(within), within: within.into(), frames }).collect()
}

impl CleanupReport {
    /// Takes in what became of the frames of the folder `within`.
    fn add(&mut self, part: Self, within: &[u8]) {
        self.removed += part.removed;
        self.gone += part.gone;
        self.linked += part.linked;
        self.kept.extend(part.kept.into_iter().map(|(name, reason)| ([within, &name].concat().into(), reason)));
    }
}

fn video_inode(job: &CleanupJob<'_>) -> (u64, u64) {
    (job.video.identity.dev, job.video.identity.ino)
}

fn unopened(job: &CleanupJob<'_>, error: Unopened) -> CleanupError {
    match error {
        Unopened::Outside => CleanupError::Outside { dir: job.dir.to_path_buf(), root: job.root.to_path_buf() },
        Unopened::Folder(path, errno) => cannot_open(&path, errno),
    }
}

fn cannot_open(path: &Path, errno: Errno) -> CleanupError {
    CleanupError::Folder { path: path.to_path_buf(), source: errno.into() }
}

#[cfg(test)]
mod tests;
