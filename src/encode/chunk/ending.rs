//! How the work of a child ends, and what its end says: success, a failure, or a complaint.
//!
//! Owns the words for that, which encoding, joining and the proofs share. It decides nothing about the file.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crossbeam_channel::{Receiver, bounded};

use super::Settings;
use crate::encode::error::{EncodeError, Flaw};
use crate::encode::ffmpeg::Stop;
use crate::encode::ffmpeg::child::Child;
use crate::encode::ffmpeg::failure::FailureKind;
use crate::encode::ffmpeg::supervise::{Supervised, supervise};

/// The failure of a child that has ended, unless it ended well.
pub(crate) fn succeed(child: &Child) -> Result<(), EncodeError> {
    let failure = child.failure();
    match failure.status {
        Some(status) if status.success() => Ok(()),
        _ => Err(EncodeError::Failed(Box::new(failure))),
    }
}

/// Waits for the end of a child that gets no more input. `sign` is as for [`supervise`].
pub(crate) fn until_end(
    child: &mut Child,
    settings: Settings,
    stop: &Stop,
    sign: impl FnMut() -> Option<u64>,
) -> Result<(), EncodeError> {
    let (_, no_work) = bounded(0);
    match supervise::<()>(child, &no_work, stop, settings.stall, sign) {
        Supervised::Done(()) | Supervised::Ended => Ok(()),
        Supervised::Stopped => {
            child.stop();
            Err(EncodeError::Stopped)
        }
        Supervised::Stalled => Err(stalled(child)),
    }
}

/// What a thread makes of the output of a child, once it has read all that it wants. `sign` is as for [`supervise`].
pub(crate) fn what_was_read<T: Default>(
    child: &mut Child,
    reading: &Receiver<T>,
    settings: Settings,
    stop: &Stop,
    sign: impl FnMut() -> Option<u64>,
) -> Result<T, EncodeError> {
    match supervise(child, reading, stop, settings.stall, sign) {
        Supervised::Done(read) => Ok(read),
        Supervised::Ended => Ok(reading.recv().unwrap_or_default()),
        Supervised::Stopped => {
            child.stop();
            Err(EncodeError::Stopped)
        }
        Supervised::Stalled => Err(stalled(child)),
    }
}

/// What FFmpeg said that it should not have: an error of its own. Encoders and libraries write to the same pipe what they
/// like, past FFmpeg's level and without its mark: their settings, their warnings, that they cannot lock memory.
pub(crate) fn complaint(child: &Child) -> Option<String> {
    let said = child.stderr();
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    for line in lines().filter(|line| !is_error(line)) {
        tracing::debug!(line, "said beside FFmpeg's errors");
    }
    lines().find(|line| is_error(line)).map(str::to_owned)
}

/// Whether FFmpeg itself says that something went wrong: `[error] ...`, with `[mp4 @ 0x55a521465d40] ` and the like before it
/// where a part of FFmpeg says so. `x265 [error]: ...` is the encoder's own.
fn is_error(line: &str) -> bool {
    let mut rest = line;
    while let Some((part, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once("] ")) {
        if matches!(part, "error" | "fatal") {
            return true;
        }
        if !part.contains(" @ ") {
            return false;
        }
        rest = after;
    }
    false
}

/// The failure that such a complaint is.
pub(super) fn complained(child: &Child, output: &Path, complaint: String) -> EncodeError {
    let failure = child.failure();
    if failure.kind == FailureKind::DiskFull {
        return EncodeError::Failed(Box::new(failure));
    }
    EncodeError::not_proved(output, Flaw::Complaint(complaint))
}

/// The failure of a child in which nothing moved for too long, and its end.
pub(crate) fn stalled(child: &mut Child) -> EncodeError {
    child.stop();
    let mut failure = child.failure();
    failure.kind = FailureKind::Stalled;
    EncodeError::Failed(Box::new(failure))
}

/// A number that changes when a file is written to. Moving the index to the front rewrites it at its full size.
pub(crate) fn signs_of_life(output: &Path) -> u64 {
    let Ok(meta) = fs::metadata(output) else { return 0 };
    let since = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    meta.len() + since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ffmpegs_own_errors_are_complaints() {
        for line in [
            "[error] Error while decoding stream #0:0: Invalid argument",
            "[fatal] Error opening output files: No such file or directory",
            "[out#0/mp4 @ 0x55a521465d40] [fatal] Error opening output /x.mp4: No such file or directory",
            "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x1] [h264 @ 0x2] [error] concealing",
        ] {
            assert!(is_error(line), "{line}");
        }
        for line in [
            "x265 [error]: cannot be locked",
            "x265 [warning]: halving the quality when psy-rd is enabled for 444 input",
            "Svt[error]: x",
            "Warning: using insecure memory!",
            "libva info: VA-API version 1.17.0",
            "[libx264 @ 0x1] [warning] x",
            "[swscaler @ 0x1] no level",
            "an [error] in the middle",
            "[encoder] [error] of somebody else",
            "",
        ] {
            assert!(!is_error(line), "{line}");
        }
    }
}
