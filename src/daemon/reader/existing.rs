//! What a root held before it was first watched.
//!
//! Owns when a reading is the first one: of a root that the journal does not know, or of a folder that could not be read
//! until now. The journal learns of it before the reading is handed on, so that a kill in between only makes the next
//! reading the first one. It removes nothing and decides nothing about sequences.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::daemon::job;
use crate::fault;
use crate::journal::{FirstReading, Journal, JournalError};
use crate::sequence::existing::{ExistingFiles, FileSet};
use crate::sequence::tracker::Listing;
use crate::watch::roots::RootMarks;

/// What the journal knows of a root that is there, and what the present reading adds.
#[derive(Debug)]
pub(super) struct FirstReadings {
    root: RootMarks,
    watched: Watched,
    /// Folders that could not be read until now: all that is found in them, and below, was there before.
    unread: BTreeSet<PathBuf>,
    found: Vec<FirstReading>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    /// Not before this reading.
    Never,
    /// Since before its folder was made: whatever is in it came later.
    SinceItsBirth,
    /// In an earlier life of the daemon, or by an earlier reading.
    Before,
}

impl FirstReadings {
    /// Asks the journal about the root at `path`. `is_born` says that the folder was made while this process waited for it.
    pub(super) fn of(path: &Path, root: RootMarks, is_born: bool, journal: &Journal) -> Result<Self, JournalError> {
        let watched = match journal.has_watched(&root)? {
            true => Watched::Before,
            false if is_born => Watched::SinceItsBirth,
            false => Watched::Never,
        };
        let unread = journal.unread_below(path)?.into_iter().collect();
        Ok(Self { root, watched, unread, found: Vec::new() })
    }

    /// A folder is read for the first time since the root is there, with this outcome. Which of its files were there before
    /// the root was first watched.
    pub(super) fn read(
        &mut self,
        dir: &Path,
        listing: Option<&Listing>,
        journal: &Journal,
    ) -> Result<ExistingFiles, JournalError> {
        let ino = dir.metadata().ok().map(|meta| meta.ino());
        if self.watched != Watched::Never && !dir.ancestors().any(|dir| self.unread.contains(dir)) {
            let Some(_) = listing else { return Ok(ExistingFiles::None) };
            let files = journal.existing_in(dir, ino)?;
            return Ok(if files.is_empty() { ExistingFiles::None } else { ExistingFiles::Of(files) });
        }
        let files =
            listing.map(|listing| FileSet::of(listing.files.iter().map(|(name, file)| (name.as_slice(), file))));
        self.found.push(FirstReading { dir: dir.to_path_buf(), ino, files });
        Ok(ExistingFiles::All)
    }

    /// Records what the reading found. Whether the root is newly watched.
    pub(super) fn record(&mut self, journal: &Journal) -> Result<bool, JournalError> {
        if self.watched == Watched::Before && self.found.is_empty() {
            return Ok(false);
        }
        fault::point("before-first-reading");
        journal.watch(&self.root, &self.found, job::now_ms())?;
        fault::point("after-first-reading");
        for reading in self.found.drain(..) {
            if reading.files.is_some() {
                self.unread.remove(&reading.dir);
            } else {
                self.unread.insert(reading.dir);
            }
        }
        Ok(std::mem::replace(&mut self.watched, Watched::Before) == Watched::Never)
    }
}
