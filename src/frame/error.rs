//! Why a file is not a frame.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::error::{Explain, chain};
use crate::frame::limits::Exceeded;
use crate::text::printable::Show as _;

/// A file that cannot become part of a video, and why.
#[derive(Debug)]
pub struct FrameError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: FrameErrorKind,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.shown(), self.kind)
    }
}

/// What is wrong stands in its own words, so that the cause is that of the kind.
impl Error for FrameError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

/// What can be wrong with a frame's file.
#[derive(Debug, thiserror::Error)]
pub enum FrameErrorKind {
    /// No bytes at all: a placeholder, or a writer that has just begun.
    #[error("the file is empty")]
    Empty,
    /// It begins like an image and ends too early.
    #[error("the image is not whole: {0}")]
    Torn(String),
    /// A folder, a link, a pipe or a device.
    #[error("not a regular file but {0}")]
    NotAFile(&'static str),
    /// Its bytes are no image format that reeld knows.
    #[error("the contents are not an image")]
    NotAnImage,
    /// More than one picture in one file.
    #[error("an animated image, not a single frame")]
    Animated,
    /// It is another file, or has other contents, than when it was first seen.
    #[error("the file changed since it was seen")]
    Changed,
    /// Nothing is there any more.
    #[error("the file is no longer there")]
    Vanished,
    /// The operating system refused.
    #[error(transparent)]
    Io(io::Error),
    /// An image that reeld has no decoder for.
    #[error("unsupported image: {0}")]
    Unsupported(String),
    /// An EXR that lacks the layer that was asked for.
    #[error("the image has {0}")]
    NoLayer(String),
    /// The bytes are all there, but wrong.
    #[error("the image is damaged: {0}")]
    Decode(String),
    /// The decoder did not live through it, and neither did a second one.
    #[error("the image cannot be decoded: {0}")]
    Died(String),
    /// There is no decoder, for a reason that has nothing to do with the image.
    #[error("no decoder can be started")]
    NoDecoder(#[source] io::Error),
    /// More of something than the [limits](crate::frame::limits::Limits) allow.
    #[error("the image is too large: {0}")]
    TooLarge(String),
}

impl Explain for FrameError {
    fn hint(&self) -> Option<String> {
        self.kind.hint()
    }

    fn retryable(&self) -> bool {
        self.kind.retryable()
    }
}

impl Explain for FrameErrorKind {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Empty | Self::Torn(_) => {
                "is it still being written, or was the writer interrupted or the disk full? render or copy it again".into()
            }
            Self::NotAFile(_) => "put the image file itself into the folder".into(),
            Self::NotAnImage => "look at the first bytes with `file`; a failed download is often an HTML page".into(),
            Self::Animated => "save its pictures as single numbered files".into(),
            Self::Changed => "it is being written again; it is taken up once it rests".into(),
            Self::Vanished => "was it moved or deleted while it waited? put it back or encode without it".into(),
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                "make the file and its folders readable for the user that reeld runs as".into()
            }
            Self::Io(_) => "look for disk or network errors in the system's log".into(),
            Self::Unsupported(_) => {
                "save as PNG, JPEG, WebP, EXR, DPX, BMP or TGA, or as TIFF without a palette and with LZW, Deflate or no compression".into()
            }
            Self::NoLayer(_) => "name one of these as `layer`, or render the frame with the layer".into(),
            Self::Decode(_) => "render or copy this frame again".into(),
            Self::Died(_) => {
                "render or copy this frame again; if the file is right, it may need more memory than there is, or the limits under [limits] in the config".into()
            }
            Self::NoDecoder(_) => {
                "decoders are processes of reeld's own: look at the limits of processes, open files and memory".into()
            }
            Self::TooLarge(_) => {
                "if frames like this are meant, raise the limit under [limits] in the config; if not, the file is damaged".into()
            }
        })
    }

    /// Whether the very same file may be read later: what is wrong is not in it.
    fn retryable(&self) -> bool {
        match self {
            // What ended a decoder may be a want of memory.
            Self::Changed | Self::Vanished | Self::Io(_) | Self::Died(_) | Self::NoDecoder(_) => true,
            Self::Empty
            | Self::Torn(_)
            | Self::NotAFile(_)
            | Self::NotAnImage
            | Self::Animated
            | Self::Unsupported(_)
            | Self::NoLayer(_)
            | Self::Decode(_)
            | Self::TooLarge(_) => false,
        }
    }
}

impl FrameErrorKind {
    /// Whether waiting is of no use: the file is whole, and is something that reeld does not read. What is empty, cut short
    /// or damaged may be still being written, and what may not be read may be about to get its rights.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::NotAFile(_)
            | Self::NotAnImage
            | Self::Animated
            | Self::Unsupported(_)
            | Self::NoLayer(_)
            | Self::TooLarge(_) => true,
            // What ended a decoder may be half a file, or a want of memory that passes.
            Self::Empty
            | Self::Torn(_)
            | Self::Changed
            | Self::Vanished
            | Self::Io(_)
            | Self::Decode(_)
            | Self::Died(_)
            | Self::NoDecoder(_) => false,
        }
    }

    /// Whether the machine or this process had nothing left to read it with. That says nothing about the file, so no video
    /// may be made without it.
    #[must_use]
    pub fn is_want(&self) -> bool {
        let error = match self {
            Self::NoDecoder(_) => return true,
            Self::Io(error) => error,
            _ => return false,
        };
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN | Errno::INTR))
    }

    /// Says which file it is about.
    pub(crate) fn at(self, path: &Path) -> FrameError {
        FrameError { path: path.to_owned(), kind: self }
    }
}

/// An image that ends where bytes are expected is torn; a missing file has vanished.
impl From<io::Error> for FrameErrorKind {
    fn from(error: io::Error) -> Self {
        if let Some(exceeded) = Exceeded::of(&error) {
            return Self::TooLarge(exceeded.to_string());
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Torn("it ends in the middle".into()),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Vanished,
            _ => Self::Io(error),
        }
    }
}

impl From<image::ImageError> for FrameErrorKind {
    fn from(error: image::ImageError) -> Self {
        use image::ImageError;
        match error {
            ImageError::IoError(error) => error.into(),
            ImageError::Limits(error) => Self::TooLarge(chain(&error).to_string()),
            ImageError::Unsupported(error) => Self::Unsupported(chain(&error).to_string()),
            ImageError::Decoding(error) => Self::Decode(chain(&error).to_string()),
            error => Self::Decode(chain(&error).to_string()),
        }
    }
}
