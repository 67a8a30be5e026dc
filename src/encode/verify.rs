//! The proof that a file is the video of its frames: their number, their order, their times and their pictures.
//!
//! Owns every check of a finished file. It believes no exit status and no playable file, reads back every packet and
//! every pixel, and changes nothing.
//!
//! Why so many checks: not one of them sees everything, and frames may be deleted after them. A count does not see a
//! picture that was repeated, or half a picture. Equal steps in time do not see a frame in another's place. A decoder that
//! ends well says nothing about which film it decoded. And pictures alone do not see what players go by: the rate, the size
//! and the colour tags in the container. FFmpeg 5.1.9 and 9.0.2 end with status 0 and a playable file also where the count
//! is wrong, a picture is repeated, or a join decodes to rubbish.

use std::fs;
use std::path::Path;

use super::chunk::{EncodeSpec, FrameFile};
pub use super::chunk::{Proof, Samples};
use super::error::{EncodeError, Flaw};
use super::ffmpeg::{Ffmpeg, Stop};
use super::fingerprint::Fingerprints;
use crate::config::Container;
use crate::files::identity_of;
use crate::frame::{FrameError, FrameErrorKind};

pub(super) mod boxes;
mod judge;
pub mod limits;
pub(super) mod packets;
mod pixels;
mod source;
pub mod texts;
pub(super) mod timing;
mod webp;

use pixels::Checked;
pub use reeld_pixels::measure;
pub(super) use source::Source;

/// Proves that the file `output` of `spec` is the video of what an encoder was fed: of `fed` frames that have
/// these `fingerprints`.
///
/// That the frames are still the files they were is the caller's to ask once more, with [`check_inputs`], before it
/// removes any: a proof compares the video with what was fed, and a file may have been written again since it was read.
///
/// # Errors
///
/// When it is not, or when that cannot be found out.
pub fn verify(
    ffmpeg: &Ffmpeg,
    spec: &EncodeSpec,
    output: &Path,
    fed: u64,
    fingerprints: &Fingerprints,
    stop: &Stop,
) -> Result<Proof, EncodeError> {
    if size_of(output)? == 0 {
        return Err(EncodeError::not_proved(output, Flaw::Container("the file is empty".to_owned())));
    }
    if spec.recipe.container == Container::Webp {
        // FFmpeg before 8 cannot read animated WebP, so its parts are read here.
        return proof(spec, output, fed, webp::check(spec, output, fed, fingerprints, stop)?, None);
    }
    if spec.recipe.is_boxes(spec.form) {
        boxes::check(output, &spec.recipe)?;
    }
    let Checked { frames, worst, samples } =
        pixels::check(ffmpeg, spec, output, fingerprints, Source::Whole(fed), stop)?;
    proof(spec, output, frames, worst, Some(samples))
}

/// The same for a file that an encoder still writes: `fingerprints` are those of what that is fed. Only for boxes with the index in
/// front.
pub(super) fn verify_coming(
    ffmpeg: &Ffmpeg,
    spec: &EncodeSpec,
    output: &Path,
    fingerprints: &Fingerprints,
    source: Source,
    stop: &Stop,
) -> Result<Proof, EncodeError> {
    let Checked { frames, worst, samples } = pixels::check(ffmpeg, spec, output, fingerprints, source, stop)?;
    // Afterwards, since there is no whole file before.
    boxes::check(output, &spec.recipe)?;
    proof(spec, output, frames, worst, Some(samples))
}

fn proof(
    spec: &EncodeSpec,
    output: &Path,
    frames: u64,
    worst: u8,
    samples: Option<Samples>,
) -> Result<Proof, EncodeError> {
    let bytes = size_of(output)?;
    Ok(Proof { frames, bytes, worst: Some(worst), duration: timing::duration(frames, spec.rate), samples })
}

fn size_of(path: &Path) -> Result<u64, EncodeError> {
    Ok(fs::metadata(path).map_err(EncodeError::io(path))?.len())
}

/// Fails with [`EncodeError::FrameChanged`] unless each of `frames` is still the file it was.
///
/// # Errors
///
/// That one, for the first of them that is not.
pub fn check_inputs(frames: &[FrameFile]) -> Result<(), EncodeError> {
    frames.iter().try_for_each(|frame| {
        let changed = |kind| EncodeError::FrameChanged(FrameError { path: frame.path.clone(), kind });
        match fs::symlink_metadata(&frame.path) {
            Ok(meta) if identity_of(&meta) == frame.identity => Ok(()),
            Ok(_) => Err(changed(FrameErrorKind::Changed)),
            Err(error) => Err(changed(error.into())),
        }
    })
}

fn flawed(video: &Path, flaw: Flaw) -> EncodeError {
    EncodeError::not_proved(video, flaw)
}
