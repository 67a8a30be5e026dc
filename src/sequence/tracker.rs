//! `(state, event, now) -> (state, decisions)`.
//!
//! Owns what is known about every folder: its sequences, their frames, which of them are already in a reel, and how long
//! they have been quiet. It never performs I/O and never reads the clock.

use std::path::Path;
use std::sync::Arc;

use bstr::BString;

use crate::sequence::{Batch, Frame, Identity, Pattern};

/// What happened, as the loop tells the tracker.
#[derive(Debug, Clone)]
pub enum Event {
    /// A folder was read.
    Listed {
        /// The folder.
        dir: Arc<Path>,
        /// What is in it.
        listing: Listing,
    },
    /// A folder is gone although its root is still the root it was.
    FolderGone(Arc<Path>),
    /// A client says that a folder is finished.
    Done(Arc<Path>),
    /// The answer to [`Decision::Inspect`].
    Inspected {
        /// The folder.
        dir: Arc<Path>,
        /// The sequence.
        pattern: Pattern,
        /// What the frames turned out to be.
        verdict: Verdict,
    },
    /// Files that a journalled batch holds, delivered or pending: they are not taken again.
    Claimed {
        /// The folder.
        dir: Arc<Path>,
        /// The files.
        files: Vec<Identity>,
    },
    /// A batch was forgotten, or its files changed before it was encoded: what still exists of them is free again.
    Released {
        /// The folder.
        dir: Arc<Path>,
        /// The files.
        files: Vec<Identity>,
    },
    /// Time passed.
    Tick,
}

/// What a reading of a folder found.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Whether `files` is all there is. A partial listing says nothing about files it does not name.
    pub complete: bool,
    /// Regular files that may be frames or markers.
    pub files: Vec<(BString, Identity)>,
    /// Names that a partial listing looked for and found absent.
    pub gone: Vec<BString>,
}

/// What an inspection of a sequence's files found.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Every frame is whole and still the file that was listed.
    Whole,
    /// These files are empty or lack their end.
    Unfinished(Vec<Frame>),
    /// A file changed or vanished since it was listed; a fresh listing is on its way.
    Changed,
}

/// What the loop is to do.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Check that each of these files is whole, and answer with [`Event::Inspected`].
    Inspect {
        /// The folder.
        dir: Arc<Path>,
        /// The sequence.
        pattern: Pattern,
        /// Its frames, ascending.
        frames: Vec<Frame>,
    },
    /// The sequence is finished and frozen: make a reel of it.
    Seal(Batch),
    /// Worth a line in the log.
    Note {
        /// The folder.
        dir: Arc<Path>,
        /// The sequence.
        pattern: Pattern,
        /// One sentence.
        text: String,
    },
}
