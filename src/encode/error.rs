//! What can go wrong between frames and a proved video.

use std::io;
use std::path::{Path, PathBuf};

use super::ffmpeg::FfmpegError;
use super::ffmpeg::failure::Failure;
use super::recipe::RecipeError;
use crate::error::{Explain, chain};
use crate::files::private;
use crate::frame::FrameError;
use crate::text::printable::Show as _;

/// Why there is no proved video.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// FFmpeg cannot be used.
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegError),
    /// The preset cannot do this.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// FFmpeg failed.
    #[error(transparent)]
    Failed(Box<Failure>),
    /// A frame is not the file it was when the batch was sealed, or is gone: the batch is to be made up again.
    #[error(transparent)]
    FrameChanged(FrameError),
    /// A frame cannot be used, and the policy is to fail then, or none could.
    #[error(transparent)]
    BadFrame(FrameError),
    /// There is nothing to encode.
    #[error("no frames to encode")]
    NoFrames,
    /// FFmpeg is content, but the file is not what it should be.
    #[error("{}: not proved", video.shown())]
    NotProved {
        /// The file.
        video: PathBuf,
        /// What is wrong with it.
        #[source]
        flaw: Flaw,
    },
    /// The file cannot be read or written.
    #[error("cannot read or write {}", path.shown())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("stopped before it was finished")]
    Stopped,
}

/// What a video lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// FFmpeg took, repeated or left out frames other than those it was given.
    #[error("ffmpeg counts {encoded} of {fed} frames, {repeated} repeated and {dropped} left out")]
    Account {
        /// Frames given.
        fed: u64,
        /// Frames encoded.
        encoded: u64,
        /// Frames it repeated by itself.
        repeated: u64,
        /// Frames it left out by itself.
        dropped: u64,
    },
    /// FFmpeg ended well, but complained.
    #[error("ffmpeg complains: {0}")]
    Complaint(String),
    /// Another number of frames in the file.
    #[error("{found} frames instead of {expected}: {what}")]
    Count {
        /// Frames given.
        expected: u64,
        /// Frames found.
        found: u64,
        /// What was counted.
        what: &'static str,
    },
    /// A frame at another time.
    #[error("frame {index} is at {found}, not at {expected}")]
    Time {
        /// Counted from 0.
        index: u64,
        /// Where it should be.
        expected: String,
        /// Where it is.
        found: String,
    },
    /// The first frame cannot be shown by itself.
    #[error("the first frame is not a key frame")]
    NotKey,
    /// Frames that are further from their pictures than any codec of their quality was seen to be.
    #[error("frames {first} to {last}: {complaint}, {times} times the limit")]
    Unlike {
        /// Counted from 0.
        first: u64,
        /// Counted from 0.
        last: u64,
        /// What a person would see.
        complaint: &'static str,
        /// How much of the limit it is, rounded to a tenth.
        times: String,
    },
    /// A frame of which not every pixel is as it was, where the codec is lossless.
    #[error("frame {index} is not its picture, pixel for pixel")]
    Pixels {
        /// Counted from 0.
        index: u64,
    },
    /// The container says something else, or nothing can be found in it.
    #[error("container: {0}")]
    Container(String),
}

impl Explain for EncodeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Ffmpeg(error) => error.hint(),
            Self::Recipe(error) => error.hint(),
            Self::Failed(failure) => failure.hint(),
            Self::FrameChanged(error) | Self::BadFrame(error) => error.hint(),
            Self::NoFrames | Self::Stopped => None,
            Self::NotProved { .. } => Some(
                "the frames are untouched; try another preset or another FFmpeg, and look at the disk and the memory"
                    .to_owned(),
            ),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space on the disk of the output".to_owned())
            }
            Self::Io { .. } => Some("look at the output folder and its disk".to_owned()),
        }
    }

    /// Whether the same, or the batch made up again, may succeed later: not where it would certainly fail again until the
    /// frames or the settings are others. FFmpeg may be missing in the middle of an upgrade, or not start because there is
    /// no memory or no descriptor left.
    fn retryable(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.retryable(),
            Self::BadFrame(error) => error.retryable(),
            Self::Ffmpeg(_) | Self::FrameChanged(_) | Self::Stopped | Self::Io { .. } | Self::NotProved { .. } => true,
            Self::Recipe(_) | Self::NoFrames => false,
        }
    }
}

impl EncodeError {
    pub(crate) fn not_proved(video: &Path, flaw: Flaw) -> Self {
        Self::NotProved { video: private::shown(video), flaw }
    }

    /// For a video at `path` that cannot be read, or cannot be understood.
    pub(crate) fn damaged(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                Self::not_proved(path, Flaw::Container(chain(&error).to_string()))
            }
            _ => Self::io(path)(error),
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Io { path: private::shown(path), source }
    }
}
