//! What clients ask of a running daemon, and what it answers. Plain data: `serve` carries it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::BString;
use serde::{Deserialize, Serialize};

use crate::core::snapshot::Snapshot;
use crate::journal::{self, BatchId};
use crate::model::Identity;
use crate::sequence::tracker::OpenSequence;
use crate::text::plural::counted;

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// The sequences of a folder are finished.
    Done {
        /// The folder, absolute.
        dir: WirePath,
    },
    /// Encode failed batches again, at once.
    Retry {
        /// Which.
        target: RetryTarget,
    },
    /// Forget what was encoded in a folder: its frames count as new.
    Forget {
        /// The folder, absolute.
        dir: WirePath,
    },
    /// Read the config again.
    Reload,
    /// Which sequences are not videos yet, and why not. Changes nothing.
    Open,
    /// All that goes on. Changes nothing.
    Status,
}

/// Which batches to encode again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryTarget {
    /// One batch, by its number in the journal.
    Batch(i64),
    /// Every failed batch of a folder, absolute.
    Dir(WirePath),
}

/// What the daemon answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// It is done, or on its way.
    Done {
        /// One sentence for the person who asked.
        message: String,
    },
    /// The sequences that are not videos yet.
    Open {
        /// By folder.
        sequences: Vec<OpenSequence>,
        /// The roots of which no video can be made.
        #[serde(default)]
        troubles: Vec<Trouble>,
    },
    /// All that goes on.
    Status(Box<Snapshot>),
    /// It cannot be done.
    Refused {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

/// A root of which no video can be made as it is configured: a few frames were tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Its folder.
    pub root: String,
    /// The preset, with what overrules it.
    pub preset: String,
    /// Why, with all causes.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl From<RetryTarget> for journal::RetryTarget {
    fn from(target: RetryTarget) -> Self {
        match target {
            RetryTarget::Batch(id) => Self::Id(BatchId(id)),
            RetryTarget::Dir(dir) => Self::Dir(dir.to_path()),
        }
    }
}

/// What `retry` answers, with a daemon or without.
#[must_use]
pub fn retried(batches: &[BatchId]) -> Reply {
    match batches {
        [] => Reply::Refused {
            message: "no failed batch there".to_owned(),
            hint: "`reeld list` shows what failed; `reeld encode` does its own again".to_owned(),
        },
        [one] => Reply::Done { message: format!("batch {one} is tried again") },
        many => Reply::Done { message: format!("{} batches are tried again", many.len()) },
    }
}

/// What `forget` answers, with a daemon or without.
#[must_use]
pub fn forgotten(released: &[(PathBuf, Vec<Identity>)]) -> Reply {
    match released.iter().map(|(_, files)| files.len()).sum() {
        0 => Reply::Refused {
            message: "nothing was encoded there".to_owned(),
            hint: "`reeld list` shows what was encoded, and where".to_owned(),
        },
        files => Reply::Done { message: format!("{} as new", counted(files as u64, "frame counts", "frames count")) },
    }
}

/// A path on the wire: bytes, because file names need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WirePath(BString);

impl WirePath {
    /// The path itself.
    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(&self.0))
    }
}

impl From<&Path> for WirePath {
    fn from(path: &Path) -> Self {
        Self(BString::from(path.as_os_str().as_bytes()))
    }
}
