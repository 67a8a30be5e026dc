//! The pictures of a file: every frame decoded and compared with what was fed.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::path::Path;
use std::process::ChildStdout;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::bounded;
use ffmpeg_sidecar::command::FfmpegCommand;
use rustix::pipe::fcntl_setpipe_size;

use super::judge::Judge;
use super::source::{Signs, Source};
use super::timing::Clock;
use super::{Samples, flawed, packets};
use crate::encode::chunk::{EncodeSpec, PIPE_BYTES, complaint, stalled, succeed, what_was_read};
use crate::encode::error::{EncodeError, Flaw};
use crate::encode::ffmpeg::child::{Child, Inherited, Input, LAST_WORDS};
use crate::encode::ffmpeg::priority::step_back;
use crate::encode::ffmpeg::{Ffmpeg, Stop};
use crate::encode::fingerprint::Fingerprints;
use crate::encode::recipe::{ProofFrames, Recipe};

/// What a proof of the pictures found.
#[derive(Debug)]
pub(super) struct Checked {
    /// Frames in the file.
    pub(super) frames: u64,
    /// The difference of the worst.
    pub(super) worst: u8,
    /// What the packets are.
    pub(super) samples: Samples,
}

/// Compares every decoded frame with its picture, and the packets with what was fed.
pub(super) fn check(
    ffmpeg: &Ffmpeg,
    spec: &EncodeSpec,
    output: &Path,
    fingerprints: &Fingerprints,
    source: Source,
    stop: &Stop,
) -> Result<Checked, EncodeError> {
    let (report, writer) = Inherited::report().map_err(EncodeError::io(output))?;
    let proof_frames = spec.recipe.proof_frames();
    let (command, input) = decoder(ffmpeg, spec, output, &proof_frames, &source, &writer);
    let mut child = Child::start_with(command, input, Some(writer), spec.settings.nice)?;
    let (send, listed) = bounded(1);
    thread::spawn(move || _ = send.send(packets::parse(report, &AtomicU64::new(0))));
    let signs = Signs::default();
    let (input, raw) = (child.stdin(), child.stdout());
    let (seen, frames) = thread::scope(|scope| {
        let (send, work) = bounded(1);
        let signs = &signs;
        if let Some(pipe) = raw {
            scope.spawn(move || {
                step_back(spec.settings.nice);
                _ = send.send(compare(pipe, &spec.recipe, &proof_frames, fingerprints, &signs.moved));
            });
        }
        let frames = scope.spawn(move || source.feed(output, input, signs));
        let sign = || (!signs.waiting.load(Ordering::Relaxed)).then(|| signs.moved.load(Ordering::Relaxed));
        let seen = what_was_read(&mut child, &work, spec.settings, stop, sign);
        // The thread that feeds may wait for an encoder that goes on for hours. This tells it that nobody compares any
        // more.
        signs.over.store(true, Ordering::Relaxed);
        if seen.as_ref().is_ok_and(|seen| seen.end != End::OfPictures) {
            // It has more to say than anybody reads, and the thread that feeds it would wait for it in the scope's end.
            child.stop();
        }
        (seen, frames.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let (seen, frames) = (seen?, frames.map_err(EncodeError::damaged(output))?);
    // Before the exit status: what is wrong with a picture explains a decoder that was stopped for it.
    if let Some(flaw) = seen.flaw(frames) {
        return Err(flawed(output, flaw));
    }
    if child.wait(spec.settings.stall).is_none() {
        return Err(stalled(&mut child));
    }
    succeed(&child)?;
    if let Some(complaint) = complaint(&child) {
        return Err(flawed(output, Flaw::Complaint(complaint)));
    }
    // Whoever wrote the file gave up.
    let frames = frames.ok_or(EncodeError::Stopped)?;
    let list = listed.recv_timeout(LAST_WORDS).unwrap_or_default();
    list.check(output, Clock::of(&spec.recipe, spec.form), spec.rate, frames)?;
    if seen.frames != frames {
        return Err(flawed(output, Flaw::Count { expected: frames, found: seen.frames, what: "decoded" }));
    }
    Ok(Checked { frames, worst: seen.worst, samples: list.samples([frames]).remove(0) })
}

/// Decodes the file into the frames that the proof looks at, and lists its packets.
fn decoder(
    ffmpeg: &Ffmpeg,
    spec: &EncodeSpec,
    path: &Path,
    proof_frames: &ProofFrames,
    source: &Source,
    report: &Inherited,
) -> (FfmpegCommand, Input) {
    let mut command = ffmpeg.command();
    command.args(["-xerror", "-err_detect", "explode"]);
    // As they stand in the file: FFmpeg would move a late first packet to zero.
    command.arg("-copyts");
    command.args(spec.recipe.decoder_args());
    let input = source.open(&mut command, path);
    command.map("0:v:0").fps_mode("passthrough");
    if let Some(filters) = proof_frames.filters() {
        command.filter(filters);
    }
    // One by one: FFmpeg would gather 38 frames that are reduced.
    command.pix_fmt(proof_frames.pix_fmt()).args(["-flush_packets", "1"]);
    command.format("rawvideo").output("pipe:1");
    // In the same run, because FFmpeg takes longer to start than to list packets.
    packets::list(&mut command, &report.url());
    (command, input)
}

#[derive(Debug, Default)]
struct Seen {
    frames: u64,
    worst: u8,
    end: End,
}

impl Seen {
    /// What is wrong with the pictures, of which there should be `frames`, if that is known.
    fn flaw(&self, frames: Option<u64>) -> Option<Flaw> {
        let count = |expected, what| Flaw::Count { expected, found: self.frames, what };
        match &self.end {
            End::OfPictures => None,
            // Half a picture of a decoder that fails in the middle; it says why.
            End::Torn => frames.map(|frames| count(frames, "whole decoded pictures")),
            End::Surplus => Some(count(frames.unwrap_or(self.frames - 1), "decoded")),
            End::Flaw(flaw) => Some(flaw.clone()),
        }
    }
}

/// Why no more pictures were read.
#[derive(Debug, Default, PartialEq, Eq)]
enum End {
    /// There are no more.
    #[default]
    OfPictures,
    /// There is only a part of the next.
    Torn,
    /// There are more than were fed.
    Surplus,
    /// The last one is not what was fed.
    Flaw(Flaw),
}

/// Reads raw video to its end, or to the first flaw.
fn compare(
    mut pipe: ChildStdout,
    recipe: &Recipe,
    proof_frames: &ProofFrames,
    fingerprints: &Fingerprints,
    read: &AtomicU64,
) -> Seen {
    _ = fcntl_setpipe_size(&pipe, PIPE_BYTES);
    let mut raw = vec![0; proof_frames.frame_bytes()];
    let mut seen = Seen::default();
    let mut judge = Judge::new(recipe);
    while seen.end == End::OfPictures {
        match fill(&mut pipe, &mut raw, read) {
            0 => break,
            filled if filled < raw.len() => seen.end = End::Torn,
            _ => {
                let index = seen.frames;
                seen.frames += 1;
                let Some(expected) = fingerprints.get(index) else {
                    seen.end = End::Surplus;
                    break;
                };
                if let Err(flaw) = judge.judge(index, expected, proof_frames.fingerprint(recipe, &raw)) {
                    seen.end = End::Flaw(flaw);
                }
            }
        }
    }
    if seen.end == End::OfPictures
        && let Err(flaw) = judge.finish()
    {
        seen.end = End::Flaw(flaw);
    }
    seen.worst = judge.worst();
    seen
}

/// Reads until `buffer` is full or the stream ends; how much was read.
fn fill(pipe: &mut impl Read, buffer: &mut [u8], read: &AtomicU64) -> usize {
    let mut filled = 0;
    while filled < buffer.len() {
        match pipe.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => {
                filled += count;
                read.fetch_add(count as u64, Ordering::Relaxed);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    filled
}
