//! What is worth knowing of a frame that is used all the same.
//!
//! Owns how it is said: once for all files of a folder. A decoder in a process of its own has no log, and hands its notes on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::text::printable::Show as _;

/// One thing, in words that hold for other files like it too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::frame) enum Note {
    /// What was chosen of several.
    Choice(String),
    /// What is not as the file wants it, or wrong with it.
    Doubt(String),
}

/// The most of one frame that is handed on, and the longest of them in characters.
pub(in crate::frame) const MOST: usize = 4;
const LONGEST: usize = 300;

impl Note {
    /// The same, cut to what a message has room for.
    pub(in crate::frame) fn short(self) -> Self {
        let short = |text: String| text.chars().take(LONGEST).collect();
        match self {
            Self::Choice(text) => Self::Choice(short(text)),
            Self::Doubt(text) => Self::Doubt(short(text)),
        }
    }
}

/// The most that is remembered of what was said.
const REMEMBERED: usize = 1000;

/// Says what was noted of the file at `path`, unless it was said of its folder.
pub(in crate::frame) fn say(path: &Path, notes: impl IntoIterator<Item = Note>) {
    static SAID: Mutex<BTreeSet<(PathBuf, Note)>> = Mutex::new(BTreeSet::new());
    for note in notes {
        let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= REMEMBERED {
            said.clear();
        }
        let folder = path.parent().unwrap_or(path).to_owned();
        if !said.insert((folder, note.clone())) {
            continue;
        }
        drop(said);
        match note {
            Note::Choice(text) => tracing::info!(path = %path.shown(), "{text}"),
            Note::Doubt(text) => tracing::warn!(path = %path.shown(), "{text}"),
        }
    }
}
