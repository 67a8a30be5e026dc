//! A part of a video and its proof: one after the other, or at the same time.
//!
//! Owns the order of the two. It neither encodes nor compares.

use std::panic::resume_unwind;
use std::thread;

use crossbeam_channel::bounded;

use super::EncodeError;
use super::chunk::{ChunkJob, ChunkResult, Intake, Pace, Progress, encode_as_they_come};
use super::ffmpeg::{Ffmpeg, Stop};
use super::verify::{Proof, verify, verify_growing};

/// Encodes the frames of `intake` as [`encode_as_they_come`] does, into a part of a video
/// ([`Form::Chunk`](super::chunk::Form)), and proves it. `encoded` is called when the encoder has ended.
///
/// While frames still come, the proof runs beside the encoder, so that little is left to do after the last one. Else it
/// runs behind it, because a decoder at the same time would take more memory and save no work.
pub fn encode_and_prove(
    ffmpeg: &Ffmpeg,
    job: &ChunkJob,
    intake: &Intake,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &Stop,
    encoded: impl FnOnce(),
) -> Result<(ChunkResult, Proof), EncodeError> {
    if intake.pace() == Pace::AtOnce {
        let result = encode_as_they_come(ffmpeg, job, intake, progress, stop)?;
        encoded();
        let proof = verify(ffmpeg, job, &result, stop)?;
        return Ok((result, proof));
    }
    thread::scope(|scope| {
        let (end, ended) = bounded(1);
        let pictures = intake.pictures();
        let proof = scope.spawn(move || verify_growing(ffmpeg, job, &pictures, ended, stop));
        let result = encode_as_they_come(ffmpeg, job, intake, progress, stop);
        encoded();
        if let Ok(result) = &result {
            // A proof that has failed already does not listen.
            _ = end.send(result.fed);
        }
        drop(end);
        let proof = proof.join().unwrap_or_else(|panic| resume_unwind(panic));
        Ok((result?, proof?))
    })
}
