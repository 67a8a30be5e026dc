//! Whether the disks are there that a batch is written to, or that its frames are to be removed from.
//!
//! Owns what is asked about which folder. What a folder is known by is for [`watch::places`](crate::watch::places) to say,
//! and the journal keeps it. A disk that is away is waited for; it makes nothing fail.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::error::{Explain as _, chain};
use crate::journal::{DueCleanup, Journal, JournalError};
use crate::pipeline::error::JobError;
use crate::pipeline::job::{Job, Tools};
use crate::watch::places::Sighting;

/// Fails unless every folder that the video of `job` needs is on the disk that it was on: those of the state and of the
/// chunks, and the one for the videos if it is not in that of the frames, which its root guards.
pub(crate) fn check(job: &Job, tools: &Tools) -> Result<(), JobError> {
    let output = output_of(job);
    let folders = [tools.journal.dir(), &tools.chunk_dir].into_iter().chain(output.as_deref());
    folders.into_iter().try_for_each(|folder| check_folder(&tools.journal, folder))
}

/// Looks at every folder that the config names beside the roots, so that its disk is known before the first video is made.
/// To be called when the config is read.
pub(crate) fn learn(config: &Config, tools: &Tools) {
    let outputs = config.roots.iter().filter_map(|root| root.delivery.output_dir.as_deref());
    let folders = [tools.journal.dir(), &tools.chunk_dir].into_iter().chain(outputs.filter(|dir| dir.is_absolute()));
    for folder in folders {
        if let Err(error) = check_folder(&tools.journal, folder) {
            tracing::warn!(
                hint = error.hint().unwrap_or_default(),
                "{}; what is to be written there waits",
                chain(&error)
            );
        }
    }
}

/// The same for one folder. What is seen of it is kept.
pub(crate) fn check_folder(journal: &Journal, folder: &Path) -> Result<(), JobError> {
    let away = |why: String, hint: Option<String>| JobError::Away { path: folder.to_owned(), why, hint };
    let Some(known) = journal.place(folder)? else { return Ok(keep(journal, folder)?) };
    match known.allows_writing(folder) {
        Ok(Ok(())) => Ok(keep(journal, folder)?),
        Ok(Err(replacement)) => Err(away(replacement.to_string(), replacement.hint())),
        // Whoever writes there says what is wrong, and what to do.
        Err(error) if is_refused(&error) => Ok(()),
        Err(error) => Err(away(chain(&error).to_string(), None)),
    }
}

fn keep(journal: &Journal, folder: &Path) -> Result<(), JournalError> {
    match Sighting::of_nearest(folder) {
        Ok(seen) if journal.place(folder)?.as_ref() != Some(&seen) => journal.keep_place(folder, &seen),
        // Whoever writes there says what is wrong.
        _ => Ok(()),
    }
}

fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory)
}

/// The folder for the videos, where it may be on another disk than the frames: one of its own, or a link.
fn output_of(job: &Job) -> Option<PathBuf> {
    let output = job.root.delivery.output_dir.as_ref()?;
    let folder = job.batch.dir.join(output);
    let is_link = || folder.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    (output.is_absolute() || is_link()).then_some(folder)
}

/// Fails unless the frames of a published video, and the video, are on the disks that they were on.
pub(super) fn check_removal(due: &DueCleanup) -> Result<(), JobError> {
    let video = due.video.path.parent().unwrap_or(Path::new("/"));
    for (folder, seen) in [(&*due.root, &due.root_seen), (video, &due.video_seen)] {
        let Some(seen) = seen else { continue };
        let (why, hint) = match seen.allows_removing(folder) {
            Ok(Ok(())) => continue,
            Ok(Err(replacement)) => {
                (replacement.to_string(), "mount the disk again that was there; until then everything stays")
            }
            Err(error) => (chain(&error).to_string(), "until it can be looked at everything stays"),
        };
        return Err(JobError::Away { path: folder.to_owned(), why, hint: Some(hint.to_owned()) });
    }
    Ok(())
}
