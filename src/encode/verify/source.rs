//! The file of a job on its way to a decoder: whole, or from an encoder that still writes it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::ChildStdin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use ffmpeg_sidecar::command::FfmpegCommand;

use crate::encode::ffmpeg::child::Input;
use crate::encode::ffmpeg::name_in;
use crate::encode::mp4::boxes::invalid;

/// How often a file that grows is looked at.
const LOOK: Duration = Duration::from_millis(40);

/// The file of a job, as its decoder gets it.
#[derive(Debug)]
pub(in crate::encode) enum Source {
    /// Whole, with this many frames.
    Whole(u64),
    /// From an encoder that still writes it, and says in the end how many frames it was fed, or hangs up if it fails. Only
    /// for boxes with the index in front.
    Coming {
        /// What the encoder says.
        end: Receiver<u64>,
        /// Whether its bytes stay as they were first written, as those of
        /// [`Form::Chunk`](crate::encode::recipe::Form), so that they can be decoded at once. Else the decoder is only
        /// ready for them: it takes a tenth of a second to start.
        grows: bool,
    },
}

/// What is known of a decoder while it runs.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Bytes that went in and out.
    pub(super) moved: AtomicU64,
    /// Whether it is not the decoder that is waited for.
    pub(super) waiting: AtomicBool,
    /// Whether nobody reads its pictures any more.
    pub(super) over: AtomicBool,
}

impl Source {
    /// Has a decoder read the file at `path`.
    pub(super) fn open(&self, command: &mut FfmpegCommand, path: &Path) -> Input {
        let Self::Coming { grows, .. } = self else {
            let name = name_in(command, path);
            command.input(name);
            return Input::Nothing;
        };
        if *grows {
            // A second thread would take memory beside the encoder's, and is no use to who waits for it. What the packets
            // are like stands in the index: nothing is to be found out first from 5 MB of them.
            command.args(["-threads", "1", "-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0"]);
        }
        command.args(["-f", "mov"]).input("pipe:0");
        Input::Fed
    }

    /// Feeds a decoder that wants to be. How many frames there are; `None` where the encoder never says so, or nobody
    /// wants to know.
    pub(super) fn feed(self, path: &Path, pipe: Option<ChildStdin>, signs: &Signs) -> io::Result<Option<u64>> {
        match self {
            Self::Whole(frames) => Ok(Some(frames)),
            Self::Coming { end, grows: true } => follow(path, pipe, &end, LOOK, signs),
            Self::Coming { end, grows: false } => follow(path, pipe, &end, Duration::MAX, signs),
        }
    }
}

/// Feeds what is new in the file each `look`, and the rest when it has ended.
///
/// The encoder writes to a file and not to this pipe, because the file is what is delivered: a proof of bytes that went
/// another way would prove nothing of it. That the length agrees in the end is checked for the same reason.
fn follow(
    path: &Path,
    mut pipe: Option<ChildStdin>,
    end: &Receiver<u64>,
    look: Duration,
    signs: &Signs,
) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    let mut fed = 0;
    loop {
        signs.waiting.store(true, Ordering::Relaxed);
        let frames = match end.recv_timeout(look) {
            Ok(frames) => Some(frames),
            Err(RecvTimeoutError::Timeout) if !signs.over.load(Ordering::Relaxed) => None,
            // The encoder failed, or the comparison is over: a decoder that is not fed any more ends by itself.
            Err(_) => return Ok(None),
        };
        signs.waiting.store(false, Ordering::Relaxed);
        if let Some(open) = &mut pipe {
            match io::copy(&mut file, open) {
                Ok(bytes) => {
                    fed += bytes;
                    signs.moved.fetch_add(bytes, Ordering::Relaxed);
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
