//! Why a daemon does not start, or ends.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::config::ConfigError;
use crate::encode::ffmpeg::FfmpegError;
use crate::error::Explain;
use crate::journal::JournalError;
use crate::text::printable::Show as _;
use crate::watch::native::WatchError;

/// What keeps the daemon from starting.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum StartError {
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
    #[error("the journal in {} was removed or replaced under the running daemon, which ends", path.shown())]
    StateGone { path: PathBuf },
}

impl Explain for StartError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Ffmpeg(error) => error.hint(),
            Self::Journal(error) => error.hint(),
            Self::Watch(error) => error.hint(),
            Self::Signals(_) => None,
            Self::StateGone { .. } => Some(
                "no frame is lost: started again, it begins a new journal; frames that are there by then wait for a marker, \
                 `reeld done` or `reeld encode`"
                    .to_owned(),
            ),
        }
    }
}

/// Why a config that was read again is refused.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum ReloadError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegError),
}

impl Explain for ReloadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Ffmpeg(error) => error.hint(),
        }
    }
}
