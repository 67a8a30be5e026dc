//! The pictures of a file: every frame decoded and compared with what was fed.

use std::fs::File;
use std::io::{self, Read};
use std::panic::resume_unwind;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use rustix::pipe::fcntl_setpipe_size;

use super::order::Order;
use super::timing::Clock;
use super::{Samples, flawed, packets};
use crate::encode::boxes::{damaged, invalid};
use crate::encode::chunk::{ChunkJob, PIPE_BYTES, complaint, stalled, succeed, what_was_read};
use crate::encode::error::{EncodeError, Flaw};
use crate::encode::ffmpeg::child::{Child, Input, LAST_WORDS, Report};
use crate::encode::ffmpeg::{Ffmpeg, Stop, file_url};
use crate::encode::look::look;
use crate::encode::pictures::Pictures;
use crate::encode::priority::step_back;
use crate::encode::recipe::Recipe;

/// How often a file that grows is looked at.
const LOOK: Duration = Duration::from_millis(40);

/// The file of a job, as its decoder gets it.
#[derive(Debug)]
pub(in crate::encode) enum Source {
    /// Whole, with so many frames.
    Whole(u64),
    /// From an encoder that still writes it, and says in the end how many frames it was fed, or hangs up if it fails. Only
    /// for boxes with the index in front.
    Coming {
        /// What the encoder says.
        end: Receiver<u64>,
        /// Whether its bytes stay as they were first written, as those of
        /// [`Form::Chunk`](crate::encode::chunk::Form), so that they can be decoded at once. Else the decoder is only
        /// ready for them: it takes a tenth of a second to start.
        grows: bool,
    },
}

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
    job: &ChunkJob,
    pictures: &Pictures,
    source: Source,
    stop: &Stop,
) -> Result<Checked, EncodeError> {
    let (report, writer) = Report::new().map_err(EncodeError::io(&job.output))?;
    let review = job.recipe.review();
    let command = {
        let mut command = ffmpeg.command();
        command.args(["-xerror", "-err_detect", "explode"]);
        // As they stand in the file: FFmpeg would move a late first packet to zero.
        command.arg("-copyts");
        command.args(job.recipe.decoder_args());
        match &source {
            Source::Whole(_) => command.input(file_url(&job.output)),
            Source::Coming { grows, .. } => {
                if *grows {
                    // A second thread would take memory beside the encoder's, and is no use to who waits for it. What the
                    // packets are like stands in the index: nothing is to be found out first from 5 MB of them.
                    command.args(["-threads", "1", "-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0"]);
                }
                command.args(["-f", "mov"]).input("pipe:0")
            }
        };
        command.map("0:v:0").fps_mode("passthrough");
        if let Some(filters) = &review.filters {
            command.filter(filters);
        }
        command.pix_fmt(job.recipe.feed.ffmpeg_name()).format("rawvideo").output("pipe:1");
        // In the same run, because FFmpeg takes longer to start than to list packets.
        packets::list(&mut command, &writer.url());
        command
    };
    let input = if matches!(source, Source::Coming { .. }) { Input::Fed } else { Input::Nothing };
    let mut child = Child::start_with(command, input, Some(writer), job.settings.nice)?;
    let (send, listed) = bounded(1);
    thread::spawn(move || _ = send.send(packets::parse(report, &AtomicU64::new(0))));
    let (moved, waiting) = (AtomicU64::new(0), AtomicBool::new(false));
    let (input, output) = (child.stdin(), child.stdout());
    let (seen, frames) = thread::scope(|scope| {
        let (send, work) = bounded(1);
        let (moved, waiting) = (&moved, &waiting);
        if let Some(pipe) = output {
            scope.spawn(move || {
                step_back(job.settings.nice);
                _ = send.send(compare(pipe, &job.recipe, (review.width, review.height), pictures, moved));
            });
        }
        let frames = scope.spawn(move || match source {
            Source::Whole(frames) => Ok(Some(frames)),
            Source::Coming { end, grows } => {
                let look = if grows { LOOK } else { Duration::MAX };
                follow(&job.output, input, &end, look, moved, waiting)
            }
        });
        let sign = || (!waiting.load(Ordering::Relaxed)).then(|| moved.load(Ordering::Relaxed));
        let seen = what_was_read(&mut child, &work, job.settings, stop, sign);
        if seen.as_ref().is_ok_and(|seen| seen.end != End::OfPictures) {
            // It has more to say than anybody reads.
            child.stop();
        }
        (seen, frames.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let (seen, frames) = (seen?, frames.map_err(damaged(&job.output))?);
    // Whoever wrote the file gave up.
    let frames = frames.ok_or(EncodeError::Stopped)?;
    let flaw = match seen.end {
        End::OfPictures => None,
        End::Torn => Some(Flaw::Count { expected: frames, found: seen.frames, what: "whole decoded pictures" }),
        End::Surplus => Some(Flaw::Count { expected: frames, found: seen.frames, what: "decoded" }),
        End::Flaw(flaw) => Some(flaw),
    };
    if let Some(flaw) = flaw {
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
    list.check(&job.output, Clock::of(&job.recipe, job.form), job.rate, frames)?;
    if seen.frames != frames {
        return Err(flawed(&job.output, Flaw::Count { expected: frames, found: seen.frames, what: "decoded" }));
    }
    Ok(Checked { frames, worst: seen.worst, samples: list.samples([frames]).remove(0) })
}

/// Feeds a decoder with the file at `path` while it is written, with what is new each `look`. How many frames `end` says
/// are in it; `None` where it never says so.
fn follow(
    path: &Path,
    pipe: Option<ChildStdin>,
    end: &Receiver<u64>,
    look: Duration,
    moved: &AtomicU64,
    waiting: &AtomicBool,
) -> io::Result<Option<u64>> {
    let (mut file, mut pipe) = (File::open(path)?, pipe);
    let mut fed = 0;
    loop {
        waiting.store(true, Ordering::Relaxed);
        let frames = match end.recv_timeout(look) {
            Ok(frames) => Some(frames),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        };
        waiting.store(false, Ordering::Relaxed);
        if let Some(open) = &mut pipe {
            match io::copy(&mut file, open) {
                Ok(bytes) => {
                    fed += bytes;
                    moved.fetch_add(bytes, Ordering::Relaxed);
                }
                // It has ended; its exit status says why.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => pipe = None,
                Err(error) => return Err(error),
            }
        }
        if frames.is_some() {
            // What is proved is what was read on the way.
            return if pipe.is_some() && file.metadata()?.len() != fed {
                Err(invalid("it was cut short after it was written"))
            } else {
                Ok(frames)
            };
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    frames: u64,
    worst: u8,
    end: End,
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
fn compare(mut pipe: ChildStdout, recipe: &Recipe, size: (u32, u32), pictures: &Pictures, read: &AtomicU64) -> Seen {
    _ = fcntl_setpipe_size(&pipe, PIPE_BYTES);
    let mut raw = vec![0; recipe.feed.frame_bytes(size.0, size.1)];
    let mut seen = Seen::default();
    let mut order = Order::new(recipe.tolerance);
    while seen.end == End::OfPictures {
        match fill(&mut pipe, &mut raw, read) {
            0 => break,
            filled if filled < raw.len() => seen.end = End::Torn,
            _ => {
                let index = seen.frames;
                seen.frames += 1;
                let Some(expected) = pictures.get(index) else {
                    seen.end = End::Surplus;
                    break;
                };
                let signature = look(recipe, &raw, size);
                let distance = signature.distance(&expected);
                seen.worst = seen.worst.max(distance);
                let judged = recipe.tolerance.judge(index, distance);
                if let Err(flaw) = judged.and_then(|()| order.judge(index, expected, signature)) {
                    seen.end = End::Flaw(flaw);
                }
            }
        }
    }
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
