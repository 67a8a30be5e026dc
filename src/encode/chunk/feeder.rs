//! The thread that writes raw video to FFmpeg, in order, and keeps the account of it.

use std::io::{self, Write as _};
use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::pipe::fcntl_setpipe_size;

use super::frame_queue::{FrameQueue, Raw};
use super::{BadFrames, EncodeSpec, FrameFile, Shown};
use crate::encode::EncodeError;
use crate::encode::ffmpeg::priority::step_back;
use crate::frame::digest::Contents;
use crate::frame::{FrameError, FrameErrorKind};
use crate::sequence::FrameNumber;

/// The most that an unprivileged process may ask for by default (`/proc/sys/fs/pipe-max-size`, pipe(7)).
pub(crate) const PIPE_BYTES: usize = 1 << 20;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Fed {
    pub(super) frames: u64,
    /// Whether every frame had its turn: not when FFmpeg closed the pipe before the end.
    pub(super) whole: bool,
    pub(super) shown: Vec<Shown>,
    /// What was read of those that could be used.
    pub(super) contents: Vec<(FrameNumber, Contents)>,
    pub(super) bad: Vec<(FrameNumber, FrameError)>,
    /// The frame that ended it early, under [`BadFrames::End`].
    pub(super) ended_by: Option<(FrameNumber, FrameError)>,
}

/// Writes the frames of an encode.
#[derive(Debug)]
pub(super) struct Feeder<'a> {
    spec: &'a EncodeSpec,
    queue: &'a FrameQueue,
    written: &'a AtomicU64,
    waiting: &'a AtomicBool,
    fed: Fed,
    /// The last good frame, to be held.
    last: Option<Raw>,
    /// Frames owed from before the first good one.
    owed: u64,
}

impl<'a> Feeder<'a> {
    pub(super) fn new(
        spec: &'a EncodeSpec,
        queue: &'a FrameQueue,
        written: &'a AtomicU64,
        waiting: &'a AtomicBool,
    ) -> Self {
        Self { spec, queue, written, waiting, fed: Fed::default(), last: None, owed: 0 }
    }

    /// Writes everything, and closes the pipe. A pipe that FFmpeg closed early is no error here: its exit status, or
    /// its count of the frames, is.
    pub(super) fn run(mut self, mut pipe: ChildStdin) -> Result<Fed, EncodeError> {
        step_back(self.spec.settings.nice);
        // Fewer turns between us and FFmpeg. Refused where the user has too many pipes; then they stay as they are.
        _ = fcntl_setpipe_size(&pipe, PIPE_BYTES);
        loop {
            // A slow renderer must not look like an FFmpeg that hangs: supervision expects no sign of life until a frame is
            // there.
            self.waiting.store(true, Ordering::Relaxed);
            let next = self.queue.take();
            self.waiting.store(false, Ordering::Relaxed);
            let Some((frame, raw)) = next else {
                self.fed.whole = self.queue.is_exhausted();
                return Ok(self.fed);
            };
            let count = match raw {
                Ok(raw) => {
                    self.fed.contents.push((frame.number, raw.contents));
                    if let Some(old) = self.last.replace(raw) {
                        self.queue.recycle(old.pixels);
                    }
                    u64::from(frame.repeat) + std::mem::take(&mut self.owed)
                }
                Err(error) if self.spec.bad_frames == BadFrames::End => {
                    self.fed.whole = true;
                    self.fed.ended_by = Some((frame.number, error));
                    return Ok(self.fed);
                }
                Err(error) => self.bad(&frame, error)?,
            };
            self.fed.shown.push(frame.shown());
            if self.write(&mut pipe, count).is_err() {
                return Ok(self.fed);
            }
        }
    }

    /// How many times the last frame is shown for a bad one.
    fn bad(&mut self, frame: &FrameFile, error: FrameError) -> Result<u64, EncodeError> {
        // Whatever the policy says of bad frames: the file is another one than the batch froze, so that the batch is wrong.
        if matches!(error.kind, FrameErrorKind::Changed | FrameErrorKind::Vanished) {
            return Err(EncodeError::FrameChanged(error));
        }
        // A machine that has no memory or no descriptor left says nothing about the frame, which must not be left out for
        // it.
        if self.spec.bad_frames == BadFrames::Error || error.kind.is_want() {
            return Err(EncodeError::BadFrame(error));
        }
        self.fed.bad.push((frame.number, error));
        match (self.spec.bad_frames, &self.last) {
            (BadFrames::Hold, Some(_)) => Ok(u64::from(frame.repeat)),
            (BadFrames::Hold, None) => {
                self.owed += u64::from(frame.repeat);
                Ok(0)
            }
            _ => Ok(0),
        }
    }

    fn write(&mut self, pipe: &mut ChildStdin, count: u64) -> io::Result<()> {
        let Some(raw) = &self.last else { return Ok(()) };
        let fingerprints = self.queue.fingerprints();
        for _ in 0..count {
            // Before the last of its pixels: from then on it may be in the file, and looked for.
            fingerprints.push(raw.fingerprint.clone());
            // In parts of a pipe's size, so that supervision sees progress within a frame of 100 MB too.
            for part in raw.pixels.chunks(PIPE_BYTES) {
                pipe.write_all(part)?;
                self.written.fetch_add(part.len() as u64, Ordering::Relaxed);
            }
            self.fed.frames += 1;
        }
        Ok(())
    }
}
