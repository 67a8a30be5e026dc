//! What can go wrong with the folder of chunk files.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Explain, place};
use crate::text::printable::Show as _;

/// What can go wrong with the folder of chunk files. No frame and no video is ever in it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "every field is the path or the cause that its message shows")]
pub enum StoreError {
    /// The disk, the quota or the permitted file size is exhausted.
    #[error("no space left for {}", path.shown())]
    Full { path: PathBuf, source: io::Error },
    /// The folder or a file in it cannot be used.
    #[error("cannot use {}", path.shown())]
    Io { path: PathBuf, source: io::Error },
    /// The file is empty, or not the one that was reserved.
    #[error("{} is empty or not the file that was reserved", path.shown())]
    NotReserved { path: PathBuf },
    /// Others may write to the folder.
    #[error("{} is not this user's alone to write to", path.shown())]
    Shared { path: PathBuf },
    /// Too many chunks have this name already.
    #[error("no free name is left for {}", path.shown())]
    NoFreeName { path: PathBuf },
    /// No file is named so.
    #[error("{label:?} cannot be a part of a chunk's name")]
    Label { label: String },
}

impl StoreError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let path = path.to_path_buf();
        match source.kind() {
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Self::Full { path, source },
            _ => Self::Io { path, source },
        }
    }
}

impl Explain for StoreError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Full { path, source } | Self::Io { path, source } => place::hint(path, source, "`chunk_dir`"),
            Self::NotReserved { .. } => "keep other programs away from the folder that `chunk_dir` names".to_owned(),
            Self::Shared { path } => format!(
                "give it to the user that reeld runs as, and to nobody else (`chmod go-w {}`), or set `chunk_dir` elsewhere",
                path.shown()
            ),
            Self::NoFreeName { .. } => "set `chunk_dir` to a folder of its own".to_owned(),
            Self::Label { .. } => return None,
        };
        Some(hint)
    }
}
