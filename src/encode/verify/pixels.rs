//! The pictures of a file: every frame decoded and compared with what was fed.

use std::io::{self, Read};
use std::process::ChildStdout;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::bounded;
use rustix::pipe::fcntl_setpipe_size;

use super::order::Order;
use super::timing::Clock;
use super::{Samples, flawed, packets};
use crate::encode::chunk::{ChunkJob, ChunkResult, PIPE_BYTES, complaint, stalled, succeed, what_was_read};
use crate::encode::error::{EncodeError, Flaw};
use crate::encode::ffmpeg::child::{Child, Input, LAST_WORDS};
use crate::encode::ffmpeg::{Ffmpeg, Stop, file_url};
use crate::encode::look::look;
use crate::encode::priority::step_back;
use crate::encode::recipe::Recipe;

/// Compares every decoded frame with its picture, and the packets with what was fed. The difference of the worst, and
/// what the packets are.
pub(super) fn check(
    ffmpeg: &Ffmpeg,
    job: &ChunkJob,
    result: &ChunkResult,
    stop: &Stop,
) -> Result<(u8, Samples), EncodeError> {
    let mut command = ffmpeg.command();
    command.args(["-xerror", "-err_detect", "explode"]);
    // As they stand in the file: FFmpeg would move a late first packet to zero.
    command.arg("-copyts");
    command.args(job.recipe.decoder_args());
    command.input(file_url(&job.output)).map("0:v:0").fps_mode("passthrough");
    if let Some(filters) = job.recipe.proof_filters() {
        command.filter(filters);
    }
    command.pix_fmt(job.recipe.feed.ffmpeg_name()).format("rawvideo").output("pipe:1");
    // In the same run, because FFmpeg takes longer to start than to list packets.
    packets::list(&mut command, "pipe:0");
    let (report, writer) = io::pipe().map_err(EncodeError::io(&job.output))?;
    let mut child = Child::start(command, Input::Report(writer), job.settings.nice)?;
    let (send, listed) = bounded(1);
    thread::spawn(move || _ = send.send(packets::parse(report, &AtomicU64::new(0))));
    let read = AtomicU64::new(0);
    let pipe = child.stdout();
    let seen = thread::scope(|scope| {
        let (send, work) = bounded(1);
        if let Some(pipe) = pipe {
            let read = &read;
            scope.spawn(move || {
                step_back(job.settings.nice);
                _ = send.send(compare(pipe, &job.recipe, result, read));
            });
        }
        what_was_read(&mut child, &work, job.settings, stop, || Some(read.load(Ordering::Relaxed)))
    })?;
    if let Some(flaw) = seen.flaw {
        child.stop();
        return Err(flawed(&job.output, flaw));
    }
    if child.wait(job.settings.stall).is_none() {
        return Err(stalled(&mut child));
    }
    succeed(&child)?;
    if let Some(complaint) = complaint(&child) {
        return Err(flawed(&job.output, Flaw::Complaint(complaint)));
    }
    let list = listed.recv_timeout(LAST_WORDS).unwrap_or_default();
    list.check(&job.output, Clock::of(&job.recipe, job.form), job.rate, result.fed)?;
    if seen.frames != result.fed {
        return Err(flawed(&job.output, Flaw::Count { expected: result.fed, found: seen.frames, what: "decoded" }));
    }
    Ok((seen.worst, list.samples([result.fed]).remove(0)))
}

#[derive(Debug, Default)]
struct Seen {
    frames: u64,
    worst: u8,
    flaw: Option<Flaw>,
}

/// Reads raw video to its end, or to the first flaw.
fn compare(mut pipe: ChildStdout, recipe: &Recipe, result: &ChunkResult, read: &AtomicU64) -> Seen {
    _ = fcntl_setpipe_size(&pipe, PIPE_BYTES);
    let (width, height) = (recipe.canvas.width, recipe.canvas.height);
    let mut raw = vec![0; recipe.feed.frame_bytes(width, height)];
    let mut seen = Seen::default();
    let mut order = Order::new(&result.signatures, recipe.tolerance);
    loop {
        match fill(&mut pipe, &mut raw, read) {
            0 => return seen,
            filled if filled < raw.len() => {
                let found = seen.frames;
                seen.flaw = Some(Flaw::Count { expected: result.fed, found, what: "whole decoded pictures" });
                return seen;
            }
            _ => {}
        }
        let index = seen.frames;
        seen.frames += 1;
        let expected = usize::try_from(index).ok().and_then(|index| result.signatures.get(index));
        let Some(expected) = expected else {
            seen.flaw = Some(Flaw::Count { expected: result.fed, found: seen.frames, what: "decoded" });
            return seen;
        };
        let signature = look(recipe, &raw);
        let distance = signature.distance(expected);
        seen.worst = seen.worst.max(distance);
        let judged = recipe.tolerance.judge(index, distance).and_then(|()| order.judge(index, signature));
        if let Err(flaw) = judged {
            seen.flaw = Some(flaw);
            return seen;
        }
    }
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
