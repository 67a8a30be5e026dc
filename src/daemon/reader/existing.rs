//! What a root held before it was first watched.
//!
//! Owns when a reading is the first one: of a root that the journal does not know, of a folder that could not be read
//! until now, or of files that `include`, `exclude` and `recursive` hid until now. The journal learns of it before the
//! reading is handed on, so that a kill in between only makes the next reading the first one. It removes nothing and decides
//! nothing about sequences.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::config::{Root, Selection};
use crate::fault;
use crate::journal::{FirstReading, Journal, JournalError};
use crate::pipeline::clock::now_ms;
use crate::sequence::existing::{ExistingFiles, FileSet};
use crate::sequence::os_name;
use crate::sequence::tracker::Listing;
use crate::watch::roots::RootMarks;

/// What the journal knows of a root that is there, and what the present reading adds.
#[derive(Debug)]
pub(super) struct FirstReadings {
    marks: RootMarks,
    watched: Watched,
    /// Folders that could not be read until now: all that is found in them, and below, was there before.
    unread: BTreeSet<PathBuf>,
    found: Vec<FirstReading>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Watched {
    /// Not before this reading.
    Never,
    /// Since before its folder was made: whatever is in it came later.
    SinceItsBirth,
    /// In an earlier life of the daemon, by another selection: what that one did not show was there before.
    By(Box<Selection>),
    /// In an earlier life of the daemon, or by an earlier reading. `recorded` says whether the journal has the selection.
    Before { recorded: bool },
}

impl FirstReadings {
    /// Asks the journal about a root. `is_born` says that its folder was made while this process waited for it.
    pub(super) fn of(root: &Root, marks: RootMarks, is_born: bool, journal: &Journal) -> Result<Self, JournalError> {
        let watched = match journal.has_watched(&marks)? {
            true => match journal.selection_of(&marks)? {
                Some(selection) if selection != root.selection => Watched::By(Box::new(selection)),
                known => Watched::Before { recorded: known.is_some() },
            },
            false if is_born => Watched::SinceItsBirth,
            false => Watched::Never,
        };
        let unread = journal.unread_below(&root.path)?.into_iter().collect();
        Ok(Self { marks, watched, unread, found: Vec::new() })
    }

    /// A folder is read for the first time since the root is there, with this outcome. Which of its files were there before
    /// the root was first watched. `ino` is its inode, and `recorded` what the journal says of it, where that is known already.
    pub(super) fn read(
        &mut self,
        root: &Root,
        dir: &Path,
        ino: Option<u64>,
        listing: Option<&Listing>,
        recorded: Option<FileSet>,
        journal: &Journal,
    ) -> Result<ExistingFiles, JournalError> {
        let ino = ino.or_else(|| dir.metadata().ok().map(|meta| meta.ino()));
        let found = |files| FirstReading { dir: dir.to_path_buf(), ino, files };
        let was_unread = dir.ancestors().any(|dir| self.unread.contains(dir));
        let Some(listing) = listing else {
            // Under another selection nobody can tell which of its files the earlier one showed.
            if was_unread || matches!(self.watched, Watched::Never | Watched::By(_)) {
                self.found.push(found(None));
            }
            return Ok(ExistingFiles::All);
        };
        if was_unread || self.watched == Watched::Never {
            self.found.push(found(Some(set(listing, |_| true))));
            return Ok(ExistingFiles::All);
        }
        let mut files = recorded.map_or_else(|| journal.existing_in(dir, ino), Ok)?;
        if let Watched::By(selection) = &self.watched {
            let dir = root.relative(dir);
            let hidden = set(listing, |name| !selection.shows(&dir.join(os_name(name))));
            if !hidden.is_empty() {
                files = files.union(hidden);
                self.found.push(found(Some(files.clone())));
            }
        }
        Ok(if files.is_empty() {
            ExistingFiles::None
        } else if files.has_all(listing.files.iter().map(|(name, identity)| (name.as_slice(), identity))) {
            ExistingFiles::All
        } else {
            ExistingFiles::Of(files)
        })
    }

    /// Records what the reading found. Whether it found files that were there before and that nobody was told of.
    pub(super) fn record(&mut self, root: &Root, journal: &Journal) -> Result<bool, JournalError> {
        if self.watched == (Watched::Before { recorded: true }) && self.found.is_empty() {
            return Ok(false);
        }
        fault::point("before-first-reading");
        journal.watch(&self.marks, &root.selection, &self.found, now_ms())?;
        fault::point("after-first-reading");
        let before = std::mem::replace(&mut self.watched, Watched::Before { recorded: true });
        let has_found = self.found.iter().any(|reading| reading.files.is_some());
        for reading in self.found.drain(..) {
            if reading.files.is_some() {
                self.unread.remove(&reading.dir);
            } else {
                self.unread.insert(reading.dir);
            }
        }
        Ok(before == Watched::Never || matches!(before, Watched::By(_)) && has_found)
    }
}

/// The files of a listing whose names are picked.
fn set(listing: &Listing, picks: impl Fn(&[u8]) -> bool) -> FileSet {
    let files = listing.files.iter().filter(|(name, _)| picks(name));
    FileSet::of(files.map(|(name, file)| (name.as_slice(), file)))
}
