//! Why a video could not be staged or published.

use std::io;
use std::path::{Path, PathBuf};

use super::AnnounceError;
use crate::error::{Explain, place};
use crate::text::printable::Show as _;

/// Why a video could not be staged or published. The frames are untouched, and nothing half-made has a visible name.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "every field is the path or the cause that its message shows")]
pub enum PublishError {
    /// The disk, the quota or the permitted file size is exhausted: a reason to hold the queue, not to fail the batch.
    #[error("no space left for {}", path.shown())]
    Full { path: PathBuf, source: io::Error },
    /// The file system is mounted read-only.
    #[error("{} is on a read-only file system", path.shown())]
    ReadOnly { path: PathBuf, source: io::Error },
    /// The folder is not there, or went away.
    #[error("{} is missing", path.shown())]
    Missing { path: PathBuf, source: io::Error },
    /// This user may not write there.
    #[error("no permission to write {}", path.shown())]
    Denied { path: PathBuf, source: io::Error },
    /// A part of the path is a file, or a circle of links.
    #[error("{} is not a folder", path.shown())]
    NotAFolder { path: PathBuf, source: io::Error },
    /// The staging file is empty, or not the file that was reserved.
    #[error("{} is empty or not the file that was reserved", path.shown())]
    NotStaged { path: PathBuf },
    /// Too many videos have this name already.
    #[error("no free name is left for {}", path.shown())]
    NoFreeName { path: PathBuf },
    /// The candidate's name could not be recorded, so it was not tried.
    #[error("cannot record that {} is about to be published", path.shown())]
    NotRecorded { path: PathBuf, source: AnnounceError },
    /// Anything else.
    #[error("cannot publish {}", path.shown())]
    Io { path: PathBuf, source: io::Error },
}

impl PublishError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let path = path.to_path_buf();
        match source.kind() {
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Self::Full { path, source },
            Kind::ReadOnlyFilesystem => Self::ReadOnly { path, source },
            Kind::NotFound => Self::Missing { path, source },
            Kind::PermissionDenied => Self::Denied { path, source },
            Kind::NotADirectory | Kind::AlreadyExists => Self::NotAFolder { path, source },
            _ => Self::Io { path, source },
        }
    }

    /// Where it happened.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Full { path, .. }
            | Self::ReadOnly { path, .. }
            | Self::Missing { path, .. }
            | Self::Denied { path, .. }
            | Self::NotAFolder { path, .. }
            | Self::NotStaged { path }
            | Self::NoFreeName { path }
            | Self::NotRecorded { path, .. }
            | Self::Io { path, .. } => path,
        }
    }
}

impl Explain for PublishError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Full { source, .. }
            | Self::ReadOnly { source, .. }
            | Self::Missing { source, .. }
            | Self::Denied { source, .. }
            | Self::NotAFolder { source, .. }
            | Self::Io { source, .. } => place::hint(self.path(), source, "`output_dir`"),
            Self::NotStaged { .. } => "keep other programs away from files named .reeld-*.part".to_owned(),
            Self::NoFreeName { .. } => "move old videos away, or add `{date}-{time}` to `output_name`".to_owned(),
            Self::NotRecorded { .. } => return None,
        };
        Some(hint)
    }

    /// Staging is reserved before anything is encoded, so that an attempt on a folder that still cannot be written costs next
    /// to nothing.
    fn retryable(&self) -> bool {
        !matches!(self, Self::NotAFolder { .. } | Self::NoFreeName { .. })
    }
}
