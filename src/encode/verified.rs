//! A file and its proof: one after the other, or at the same time.
//!
//! Owns the order of the two. It neither encodes nor compares.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::bounded;

use super::EncodeError;
use super::chunk::{ChunkOutcome, EncodeSpec, FrameQueue, Progress, encode_as_they_come};
use super::ffmpeg::{Ffmpeg, Stop};
use super::recipe::Arrival;
use super::verify::{Source, verify, verify_coming};

/// Encodes the frames of `queue` as [`encode_as_they_come`] does, and proves the file. `encoded` is called when the
/// encoder has ended.
///
/// While frames still come, the proof runs beside the encoder, so that little is left to do after the last one. Else it
/// runs after it, because a decoder at the same time would take more memory and save no work; but it is started when
/// there is nothing left to feed, so that it is ready when the file is: FFmpeg takes a tenth of a second to start. Where a
/// file cannot be read from a pipe, one comes after the other.
pub fn encode_verified(
    ffmpeg: &Ffmpeg,
    spec: &EncodeSpec,
    queue: &FrameQueue,
    output: &Path,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &Stop,
    encoded: impl FnOnce(),
) -> Result<ChunkOutcome, EncodeError> {
    let (end, ended) = bounded(1);
    let fingerprints = queue.fingerprints();
    let grows = queue.arrival() == Arrival::Live;
    let encoding = AtomicBool::new(true);
    let (result, (proof, early)) = thread::scope(|scope| {
        let encoding = &encoding;
        let proof = scope.spawn(move || {
            // Only boxes with the index in front can be decoded from a pipe, from the first byte on.
            let prepare = spec.recipe.is_boxes(spec.form) && (grows || queue.wait_until_exhausted());
            let source = Source::Coming { end: ended, grows };
            let proof = prepare.then(|| verify_coming(ffmpeg, spec, output, &fingerprints, source, stop));
            // Nobody needs more of a file that is wrong already: a slow render may go on for hours, and would be refused
            // then. It counts as the cause only while the encoder runs. Afterwards a failed encode explains the failed
            // proof.
            let early = matches!(proof, Some(Err(_))) && encoding.load(Ordering::Relaxed);
            if early {
                queue.close();
            }
            (proof, early)
        });
        let result = encode_as_they_come(ffmpeg, spec, queue, output, progress, stop);
        encoding.store(false, Ordering::Relaxed);
        encoded();
        // An encoder that did not even start leaves it open, and a proof that waits for the last frame would wait for ever.
        queue.close();
        if let Ok(result) = &result {
            // A proof that has failed already does not listen.
            _ = end.send(result.fed);
        }
        // Before the proof is joined: without a number it waits until nobody can send one any more.
        drop(end);
        (result, proof.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    match (result, proof) {
        // The encoder fails for want of frames then, and the proof of the file of one that failed does in any case.
        (_, Some(Err(error))) if early => Err(error),
        (Err(error), _) => Err(error),
        (Ok(result), Some(proof)) => Ok(result.proved(proof?)),
        (Ok(result), None) => {
            let proof = verify(ffmpeg, spec, output, result.fed, &result.fingerprints, stop)?;
            Ok(result.proved(proof))
        }
    }
}
