//! Consecutive frames into one video file: plain data in, plain data out.
//!
//! [`ChunkSpec`] says what is wanted, and [`ChunkOutcome`] what became of it. Owns the way of the pixels: decoded on several
//! threads, in order, bounded by bytes, to FFmpeg's standard input. The file is not yet proved;
//! [`verify`](super::verify) does that.
//!
//! Which chunks make a video is decided in [`plan`], how many are encoded at a time in [`parallel`], and [`store`] is the
//! folder of their files.
//!
//! # The threads of one encode
//!
//! ```text
//!  push, end ──► FrameQueue ◄─── claim, buffer, put ───► decoders, 1 to 4
//!  (who brings       │
//!  the frames)       │ take, in order of the frames
//!                    ▼
//!                  feeder ──── pixels ────► stdin  ┌────────┐
//!                    │                             │ FFmpeg │ stdout ──► reader: -progress, frames encoded
//!                    │ one fingerprint             │        │ stderr ──► drain: the last 64 KiB are kept
//!                    │ a frame                     └───┬────┘
//!                    ▼                                 ▼
//!               Fingerprints                     the file of the chunk
//!                    │                                 │ read as it grows, every 40 ms
//!                    │ compare, frame by frame         ▼
//!                    │                           proof: feed ──► stdin of a second FFmpeg, which decodes
//!                    └──────► proof: compare ◄── pictures ────── stdout
//!                             proof: parse ◄──── packets ─────── a further pipe
//!
//!  supervise: the thread that called encode. Looks every 40 ms at the feeder's answer, at the child, at the request
//!  to stop, and at signs of life: frames encoded, bytes taken, bytes of the file.
//! ```
//!
//! The decoders, the feeder and supervision are in this module; the child, its two readers and supervision's loop are in
//! [`ffmpeg`](super::ffmpeg); the proof is a thread of [`verified`](super::verified) with the threads of `verify::pixels`.
//!
//! **Who ends whom, when all goes well.** Each step is the cause of the next, so that nobody has to guess whether another
//! is done:
//!
//! 1. Whoever brings the frames calls [`FrameQueue::end`]. The decoders take what is left and end.
//! 2. The feeder writes the last frame, drops FFmpeg's standard input, and sends its account to supervision.
//! 3. The end of its input makes FFmpeg encode the frames that it still holds back, and write the trailer. `until_end`
//!    waits for that.
//! 4. The end of FFmpeg closes its standard output and standard error, and so ends their two readers.
//! 5. `encode_verified` sends the number of frames to the proof. The proof reads the rest of the file, closes the input of
//!    its own FFmpeg, and ends when that one has.
//!
//! **Who ends whom otherwise.**
//!
//! - FFmpeg ends early: the feeder's next write fails with a broken pipe. Supervision closes the queue, so that a feeder
//!   that waits for a frame returns as well, and then takes the feeder's account.
//! - A stop, or a stall: supervision closes the queue and ends FFmpeg *before* it leaves the scope that joins the feeder.
//!   The feeder may be within a write to a full pipe, and only the end of the reader wakes it there.
//! - A frame that changed or cannot be used: the feeder drops the input and sends its error. The child is stopped when it
//!   is dropped.
//! - A decoder panics: its guard closes the queue. Without that the feeder would wait for the frame of that decoder for
//!   ever.
//! - The proof finds a flaw while frames still come: it closes the queue, because nobody needs the rest of a wrong file.
//! - The encode fails: it drops the channel to the proof, which then feeds no more.
//!
//! **Why no two wait for each other.**
//!
//! - Decoders wait for the feeder: for a place in the queue, or for a buffer. The feeder waits for one decoder, that of the
//!   next frame, and this one waits for nobody: frames are claimed in order, and the next one always finds a buffer
//!   (`State::lend`). Without that rule, decoders of later frames could hold every buffer while the feeder waits for an
//!   earlier frame.
//! - The feeder waits for FFmpeg to take pixels. FFmpeg never waits for its output, because its two readers do nothing but
//!   read: a full pipe of error messages cannot stop it.
//! - The proof waits for the file. The encoder does not wait for the proof, because a file takes bytes whether or not
//!   somebody reads them, unlike a pipe. Fingerprints are never waited for either: each is there before the last of its
//!   pixels is written.
//! - Supervision asks every 40 ms instead of waiting. No sign of life is expected while the feeder waits for a frame,
//!   because a renderer may take an hour for one, and FFmpeg is not to blame for that.
//!
//! The drawing shows an encode whose frames still come. Where all frames are there, the proof's FFmpeg is started when the
//! last frame was fed, and gets the file when it is whole; [`encode_verified`](super::verified::encode_verified) says why.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::bounded;

use super::error::{EncodeError, Flaw};
use super::ffmpeg::child::{Child, Input};
use super::ffmpeg::progress::ProgressReader;
use super::ffmpeg::supervise::{Supervised, supervise};
use super::ffmpeg::{Ffmpeg, Stop};
use super::fingerprint::Fingerprints;
use super::tags::Room;
use super::webp::{embed, forbid_blending};
use crate::config::Container;
use crate::error::chain;
use crate::frame::FrameError;
use crate::frame::digest::Contents;
use crate::sequence::{FrameNumber, Unreadable};

mod command;
mod decoders;
mod ending;
mod feeder;
mod frame_queue;
pub mod parallel;
pub mod plan;
mod spec;
pub mod store;

use command::command;
pub(crate) use command::{settings_of, tagged};
use ending::complained;
pub(crate) use ending::{complaint, signs_of_life, stalled, succeed, until_end, what_was_read};
pub(crate) use feeder::PIPE_BYTES;
use feeder::{Fed, Feeder};
pub use frame_queue::FrameQueue;
pub use spec::{BadFrames, ChunkOutcome, ChunkSpec, EncodeSpec, FrameFile, Proof, Samples, Settings, Shown};

/// How far an encode is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Frames encoded.
    pub frames: u64,
    /// Frames to encode.
    pub total: u64,
}

/// What an encoder was fed, and made a file of that is still to be proved.
#[derive(Debug)]
pub struct Encoded {
    /// Frames of the video.
    pub fed: u64,
    /// The files that had their turn, in order.
    pub shown: Vec<Shown>,
    /// What was read of those that could be used.
    pub contents: Vec<(FrameNumber, Contents)>,
    /// What each frame of the video looks like, in order.
    pub fingerprints: Fingerprints,
    /// Frames that could not be used, by ascending number.
    pub bad: Vec<(FrameNumber, FrameError)>,
    /// The frame before which it ended, under [`BadFrames::End`].
    pub ended_by: Option<(FrameNumber, FrameError)>,
}

impl Encoded {
    /// What is to be known of it once it is proved.
    pub(super) fn proved(self, proof: Proof) -> ChunkOutcome {
        let unreadable =
            |(number, error): (FrameNumber, FrameError)| Unreadable { number, reason: chain(&error.kind).to_string() };
        ChunkOutcome {
            shown: self.shown,
            contents: self.contents,
            bad: self.bad.into_iter().map(unreadable).collect(),
            ended_by: self.ended_by.map(unreadable),
            proof,
        }
    }
}

/// Encodes the frames of `spec` to `output`, which the caller has reserved and also removes: what is there is overwritten. In a
/// folder that others may write to it is to be a path of `files::private::reach`. `progress` is called a few times a second.
///
/// # Errors
///
/// Whatever keeps the frames from becoming a file. A frame that is no longer the file it was fails the encode whatever the
/// policy for bad frames.
pub fn encode(
    ffmpeg: &Ffmpeg,
    spec: &ChunkSpec,
    output: &Path,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &Stop,
) -> Result<Encoded, EncodeError> {
    encode_as_they_come(ffmpeg, &spec.encode, &FrameQueue::of(spec.frames.clone()), output, progress, stop)
}

/// The same for frames that come one after the other. FFmpeg waits for frames as long as it takes.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_as_they_come(
    ffmpeg: &Ffmpeg,
    spec: &EncodeSpec,
    queue: &FrameQueue,
    output: &Path,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &Stop,
) -> Result<Encoded, EncodeError> {
    if queue.is_exhausted() {
        return Err(EncodeError::NoFrames);
    }
    // WebP gets them from us afterwards, since FFmpeg has no place for them there.
    let is_told = Room::of(spec.recipe.container, 0).is_some() && spec.recipe.container != Container::Webp;
    let tags = if is_told { spec.tags.for_child().map_err(EncodeError::io(output))? } else { None };
    let command = command(ffmpeg, spec, output, queue.arrival(), tags.as_ref());
    let mut child = Child::start_with(command, Input::Fed, tags, spec.settings.nice)?;
    let reader = ProgressReader::of(&mut child);
    let threads = decoders::threads();
    queue.open(spec.recipe.feed.frame_bytes(spec.recipe.canvas.width, spec.recipe.canvas.height), threads);
    // What the child has taken, and whether it is the child that is waited for.
    let (written, waiting) = (AtomicU64::new(0), AtomicBool::new(false));

    let fed = thread::scope(|scope| {
        let (send, work) = bounded(1);
        for _ in 0..threads {
            scope.spawn(|| decoders::run(spec, queue));
        }
        if let Some(pipe) = child.stdin() {
            let feeder = Feeder::new(spec, queue, &written, &waiting);
            scope.spawn(move || _ = send.send(feeder.run(pipe)));
        }
        let mut grown = 0;
        let sign = || {
            let block = reader.now();
            progress(Progress { frames: block.frame, total: queue.total() });
            grown = size_of(output).max(grown);
            (!waiting.load(Ordering::Relaxed)).then(|| block.frame + written.load(Ordering::Relaxed) + grown)
        };
        let ended = supervise(&mut child, &work, stop, spec.settings.stall, sign);
        // Whatever it is, nobody needs another frame. Without that, decoders that wait for a place in the queue, and a
        // feeder that waits for a frame, would keep the scope from ever ending.
        queue.close();
        match ended {
            Supervised::Done(fed) => fed,
            // The feeder notices the broken pipe, or has its last word. Its account is worth waiting for: that a frame
            // changed explains more than that FFmpeg ended.
            Supervised::Ended => work.recv().unwrap_or(Ok(Fed::default())),
            // Within the scope: its end waits for the feeder, and the feeder may wait for the child to read.
            Supervised::Stopped => {
                child.stop();
                Err(EncodeError::Stopped)
            }
            Supervised::Stalled => Err(stalled(&mut child)),
        }
    })?;

    // The rest of the lookahead, and the trailer. The size of the file alone is no sign of life here: moving the index to
    // the front rewrites the file at its full size.
    let sign = || {
        let block = reader.now();
        progress(Progress { frames: block.frame, total: queue.total() });
        Some(block.frame + signs_of_life(output))
    };
    until_end(&mut child, spec.settings, stop, sign)?;
    let block = reader.finish();
    succeed(&child)?;
    if spec.recipe.container == Container::Webp {
        let file = fs::File::options().read(true).write(true).open(output);
        let finish = |mut file: fs::File| {
            forbid_blending(&mut file)?;
            let canvas = spec.recipe.canvas;
            embed(&mut file, (canvas.width, canvas.height), &spec.tags)
        };
        file.and_then(finish).map_err(EncodeError::io(output))?;
    }
    if let Some(complaint) = complaint(&child) {
        return Err(complained(&child, output, complaint));
    }
    if fed.whole && fed.frames == 0 {
        // Under a policy that leaves bad frames out, every frame was bad.
        return Err(fed
            .bad
            .into_iter()
            .next()
            .or(fed.ended_by)
            .map_or(EncodeError::NoFrames, |(_, error)| EncodeError::BadFrame(error)));
    }
    // Status 0 is no account of the frames, and `progress=end` comes also before a trailer that fails (a full disk, FFmpeg
    // 5.1.9 and 9.0.2). What FFmpeg counted against what the feeder wrote is the first of the proofs.
    if !fed.whole || !block.end || block.frame != fed.frames || block.dup + block.drop > 0 {
        let (encoded, repeated, dropped) = (block.frame, block.dup, block.drop);
        return Err(EncodeError::not_proved(output, Flaw::Account { fed: fed.frames, encoded, repeated, dropped }));
    }
    progress(Progress { frames: block.frame, total: queue.total() });
    Ok(Encoded {
        fed: fed.frames,
        shown: fed.shown,
        contents: fed.contents,
        fingerprints: queue.fingerprints(),
        bad: fed.bad,
        ended_by: fed.ended_by,
    })
}

fn size_of(output: &Path) -> u64 {
    fs::metadata(output).map_or(0, |meta| meta.len())
}
