//! The proof that a file is the video of its frames: their number, their order, their times and their pictures.
//!
//! Owns every check of a finished file. It believes no exit status and no playable file, reads back every packet and
//! every pixel, and changes nothing.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::chunk::{ChunkJob, ChunkResult};
use super::error::{EncodeError, Flaw};
use super::ffmpeg::{Ffmpeg, Stop};
use super::pictures::Pictures;
use crate::config::Container;
use crate::files::identity_of;
use crate::frame::{FrameError, FrameErrorKind};

pub(super) mod boxes;
mod judge;
pub mod limits;
pub mod measure;
pub(super) mod packets;
mod pixels;
mod source;
pub(super) mod timing;
mod webp;

use pixels::Checked;
pub(super) use source::Source;

/// What was proved of a file: so many frames, one after the other in equal steps from zero, each with its picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Frames in the file.
    pub frames: u64,
    /// Size of the file.
    pub bytes: u64,
    /// How much of what the recipe allows the worst picture is off, in percent; `None` where the pictures are those of parts
    /// that were proved before.
    pub worst: Option<u8>,
    /// How long the video plays, to the microsecond.
    pub duration: Duration,
    /// What it holds; `None` for WebP, which FFmpeg before 8 cannot read.
    pub samples: Option<Samples>,
}

/// What a file holds, packet by packet, so that a copy of it can be known for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// Packets, one for each frame of the video.
    pub count: u64,
    /// FFmpeg's account of the codec's configuration record: its size and its hash; empty where the codec has none.
    pub config: String,
    /// One hash over the sizes and hashes of all packets, in their order.
    pub digest: [u8; 32],
}

/// Proves that `job.output` is the video of what `result` says was fed.
///
/// That the frames are still the files they were is the caller's to ask once more, with [`check_inputs`], before it
/// removes any.
pub fn verify(ffmpeg: &Ffmpeg, job: &ChunkJob, result: &ChunkResult, stop: &Stop) -> Result<Proof, EncodeError> {
    if size_of(&job.output)? == 0 {
        return Err(EncodeError::not_proved(&job.output, Flaw::Container("the file is empty".to_owned())));
    }
    if job.recipe.container == Container::Webp {
        // FFmpeg before 8 cannot read animated WebP, so its parts are read here.
        return proof(job, result.fed, webp::check(job, result, stop)?, None);
    }
    if job.recipe.is_boxes(job.form) {
        boxes::check(&job.output, &job.recipe)?;
    }
    let Checked { frames, worst, samples } =
        pixels::check(ffmpeg, job, &result.pictures, Source::Whole(result.fed), stop)?;
    proof(job, frames, worst, Some(samples))
}

/// The same for a file that an encoder still writes: `pictures` is what that is fed. Only for boxes with the index in
/// front.
pub(super) fn verify_coming(
    ffmpeg: &Ffmpeg,
    job: &ChunkJob,
    pictures: &Pictures,
    source: Source,
    stop: &Stop,
) -> Result<Proof, EncodeError> {
    let Checked { frames, worst, samples } = pixels::check(ffmpeg, job, pictures, source, stop)?;
    boxes::check(&job.output, &job.recipe)?;
    proof(job, frames, worst, Some(samples))
}

fn proof(job: &ChunkJob, frames: u64, worst: u8, samples: Option<Samples>) -> Result<Proof, EncodeError> {
    let bytes = size_of(&job.output)?;
    Ok(Proof { frames, bytes, worst: Some(worst), duration: timing::duration(frames, job.rate), samples })
}

fn size_of(path: &Path) -> Result<u64, EncodeError> {
    Ok(fs::metadata(path).map_err(EncodeError::io(path))?.len())
}

/// Fails with [`EncodeError::FrameChanged`] unless every frame of `job` is still the file it was.
pub fn check_inputs(job: &ChunkJob) -> Result<(), EncodeError> {
    job.frames.iter().try_for_each(|frame| {
        let changed = |kind| EncodeError::FrameChanged(FrameError { path: frame.path.clone(), kind });
        match fs::symlink_metadata(&frame.path) {
            Ok(meta) if identity_of(&meta) == frame.identity => Ok(()),
            Ok(_) => Err(changed(FrameErrorKind::Changed)),
            Err(error) => Err(changed(error.into())),
        }
    })
}

fn flawed(reel: &Path, flaw: Flaw) -> EncodeError {
    EncodeError::not_proved(reel, flaw)
}
