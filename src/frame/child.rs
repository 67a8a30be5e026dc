//! Foreign decoders in processes of their own: whatever a file makes of one, it costs that frame, and nobody else anything.
//!
//! A child is this very program as `reeld decode`. It is handed the opened file and a file in memory for the pixels, may open
//! nothing itself, and has limits of memory and of processor time from the kernel (`confine`). The pixels are copied out of
//! that file once, by reading it, and whoever wants them looks at the copy only: a child can still write to the file, but not
//! to what was read. What the child says about a picture is checked like any header.
//!
//! A child that dies (it aborts where memory ends, it crashes, it takes too long) is replaced, and the file tried once more, in
//! a fresh child, alone. What ends that one too cannot be read, and the reason says how the decoder ended. Children that have
//! nothing to do end after a while, and all of them with this process.
//!
//! A program that uses this crate as a library decodes in its own process, unless it calls [`enable`].

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use self::pool::{Failure, Worker};
use self::wire::{Answer, FileTask, Request};
use crate::frame::color::{Canvas, Target};
use crate::frame::digest::Contents;
use crate::frame::{FrameErrorKind, ImageInfo, Layer, limits, note};

mod confine;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod pool;
mod serve;
mod wire;

pub use serve::serve;

static ENABLED: AtomicBool = AtomicBool::new(false);

/// From now on foreign decoders run in children. Only for a program that is [`serve`] when it is called as
/// `PROGRAM decode --nice N`.
pub fn enable() {
    ENABLED.store(true, Ordering::Relaxed);
}

pub(in crate::frame) fn is_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// The factor by which the time that passes may exceed the processor time that work may take, until it is given up: a busy
/// machine and a slow disk make it wait.
const WALL_CLOCK_FACTOR: u32 = 10;

/// Held while a file is tried again, so that two that need much memory do not end each other.
static ALONE: Mutex<()> = Mutex::new(());

/// A frame whose pixels are in a child's memory file. The child is free again when this is dropped.
#[derive(Debug)]
pub(in crate::frame) struct Lease {
    worker: Option<Worker>,
    info: ImageInfo,
    contents: Contents,
    bytes: usize,
}

impl Lease {
    /// What its header says.
    pub(in crate::frame) fn info(&self) -> ImageInfo {
        self.info
    }

    /// What the child has read of the file.
    pub(in crate::frame) fn contents(&self) -> Contents {
        self.contents
    }

    /// Copies the pixels, which replace the contents of `out`.
    pub(in crate::frame) fn read(self, out: &mut Vec<u8>) -> Result<(), FrameErrorKind> {
        out.resize(self.bytes, 0);
        let pixels = self.worker.as_ref().map(Worker::pixels);
        pixels.map_or(Ok(()), |pixels| pixels.read_exact_at(out, 0)).map_err(FrameErrorKind::Io)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            pool::give_back(worker);
        }
    }
}

/// Has a child look at the header of `file`.
pub(in crate::frame) fn look(file: &File, path: &Path, layer: Option<&Layer>) -> Result<ImageInfo, FrameErrorKind> {
    let request = Request::new(FileTask::Look, path, layer);
    match ask(&request, file, limits::current().look_time, &|| true)? {
        (worker, Answer::Whole(info)) => {
            pool::give_back(worker);
            info.checked()
        }
        (_, answer) => Err(confused(&answer)),
    }
}

/// Has a child decode `file` and convert it to `target`, unless that is no longer `wanted`.
pub(in crate::frame) fn decode(
    file: &File,
    path: &Path,
    layer: Option<&Layer>,
    target: &Target,
    wanted: &dyn Fn() -> bool,
) -> Result<Lease, FrameErrorKind> {
    let request = Request::new(FileTask::Decode(*target), path, layer);
    match ask(&request, file, limits::current().decode_time, wanted)? {
        (worker, Answer::Decoded { info, bytes, contents, notes }) => {
            let info = info.checked()?;
            note::say(path, notes.into_iter().take(note::MOST));
            let canvas = target.canvas.unwrap_or_else(|| Canvas::new(info.width, info.height, false));
            let wanted = target.feed.frame_bytes(canvas.width, canvas.height);
            if bytes != wanted as u64 {
                return Err(FrameErrorKind::Decode("its pixels do not match its header".into()));
            }
            Ok(Lease { worker: Some(worker), info, contents, bytes: wanted })
        }
        (_, answer) => Err(confused(&answer)),
    }
}

/// A child that is not in its right mind is ended by dropping it.
fn confused(answer: &Answer) -> FrameErrorKind {
    FrameErrorKind::Decode(format!("the decoder answered something else: {answer:?}"))
}

/// Asks a child, and a fresh one where the first one dies of it. A refusal is an error here, and no death.
fn ask(
    request: &Request,
    file: &File,
    time: Duration,
    wanted: &dyn Fn() -> bool,
) -> Result<(Worker, Answer), FrameErrorKind> {
    let once = |mut worker: Worker| -> Result<(Worker, Answer), Failure> {
        let answer = worker.ask(request, file, time * WALL_CLOCK_FACTOR, wanted)?;
        Ok((worker, answer))
    };
    let answered = match pool::take().and_then(once) {
        Err(Failure::Died(death)) => {
            tracing::debug!(%death, "a decoder ended; its frame is tried once more in another one");
            let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
            pool::fresh().and_then(once)
        }
        answered => answered,
    };
    match answered {
        Ok((worker, Answer::Refused(refusal))) => {
            pool::give_back(worker);
            Err(refusal.into())
        }
        Ok(answered) => Ok(answered),
        Err(Failure::Died(death)) => Err(FrameErrorKind::Died(death)),
        Err(Failure::NotStarted(error)) => Err(FrameErrorKind::NoDecoder(error)),
        Err(Failure::Unwanted) => Err(FrameErrorKind::Io(std::io::ErrorKind::Interrupted.into())),
    }
}
