//! The still beside a video: a copy of one of its frames, with all that its generator wrote into it.
//!
//! Owns which frame that is. It is put there before the video has its name, so that the frames are removed after it, and a
//! batch that is made again finds its own poster there.

use std::collections::HashSet;
use std::fs::File;
use std::io;

use crate::config::Poster;
use crate::deliver::name::Names;
use crate::deliver::publish::Staging;
use crate::frame::digest::Contents;
use crate::frame::{FrameError, FrameErrorKind};
use crate::pipeline::error::JobError;
use crate::sequence::{Batch, FrameNumber};

/// What stands in front of the extension of a poster. No file that is called so is a frame.
const NAME: &str = "poster";

/// Puts the frame of `batch` that is asked for beside where `staging` puts the video, if one is asked for. `contents` are those
/// of the frames that are in the video.
pub(super) fn put(
    which: Poster,
    batch: &Batch,
    contents: &[(FrameNumber, Contents)],
    staging: &Staging,
    names: &Names<'_>,
) -> Result<(), JobError> {
    let used: HashSet<FrameNumber> = contents.iter().map(|(number, _)| *number).collect();
    let frames: Vec<_> = batch.frames.iter().filter(|frame| used.contains(&frame.number)).collect();
    let frame = match which {
        Poster::Nothing => None,
        Poster::First => frames.first(),
        Poster::Middle => frames.get(frames.len() / 2),
        Poster::Last => frames.last(),
    };
    let Some(frame) = frame else { return Ok(()) };
    let read = contents.iter().find(|(number, _)| *number == frame.number).map(|(_, contents)| contents.digest);
    let path = batch.path_of(frame);
    let changed = |kind: FrameErrorKind| JobError::FramesChanged(FrameError { path: path.clone(), kind });
    let source = File::open(&path).map_err(|error: io::Error| changed(error.into()))?;
    let extension = format!("{NAME}.{}", path.extension().unwrap_or_default().to_string_lossy());
    // A file that is another one by now is not in the video.
    let is_it = staging.keep_copy(source, read, names.candidates(&extension))?;
    if is_it { Ok(()) } else { Err(changed(FrameErrorKind::Changed)) }
}
