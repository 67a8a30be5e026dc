//! What follows from every failure that there can be. Each `match` names every variant: a new one must be classified.

use std::num::NonZeroU32;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use rustix::io::Errno;

use super::*;
use crate::config::FrameRate;
use crate::deliver::cleanup::CleanupError;
use crate::deliver::publish::PublishError;
use crate::encode::chunk::store::StoreError;
use crate::encode::ffmpeg::FfmpegError;
use crate::encode::ffmpeg::failure::account;
use crate::encode::recipe::RecipeError;
use crate::encode::{Failure, Flaw};
use crate::frame::{FrameError, FrameErrorKind};
use crate::journal::JournalError;

const WAITS: Consequence = Consequence::Wait(LOOK_AGAIN);

fn path() -> PathBuf {
    PathBuf::from("/x")
}

fn io(errno: Errno) -> io::Error {
    errno.into()
}

fn frame(kind: FrameErrorKind) -> FrameError {
    kind.at(Path::new("/x"))
}

fn failure(kind: FailureKind) -> EncodeError {
    EncodeError::Failed(Box::new(Failure { kind, argv: String::new(), status: None, stderr: String::new() }))
}

fn of_frame(kind: &FrameErrorKind) -> Consequence {
    match kind {
        // The files cannot be what they were: looked at afresh, under every policy.
        FrameErrorKind::Changed
        | FrameErrorKind::Vanished
        | FrameErrorKind::Io(_)
        | FrameErrorKind::Died(_)
        | FrameErrorKind::NoDecoder(_) => Consequence::BackOff,
        FrameErrorKind::Empty
        | FrameErrorKind::Torn(_)
        | FrameErrorKind::NotAFile(_)
        | FrameErrorKind::NotAnImage
        | FrameErrorKind::Animated
        | FrameErrorKind::Unsupported(_)
        | FrameErrorKind::NoLayer(_)
        | FrameErrorKind::Decode(_)
        | FrameErrorKind::TooLarge(_) => Consequence::GiveUp,
    }
}

fn of_failure(kind: &FailureKind) -> Consequence {
    match kind {
        FailureKind::Failed | FailureKind::Killed | FailureKind::Stalled => Consequence::BackOff,
        FailureKind::DiskFull => WAITS,
        FailureKind::EncoderMissing(_) | FailureKind::Refused => Consequence::GiveUp,
    }
}

fn of_encode(error: &EncodeError) -> Consequence {
    match error {
        EncodeError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => WAITS,
        EncodeError::Ffmpeg(
            FfmpegError::NotFound
            | FfmpegError::NotRunnable { .. }
            | FfmpegError::NotFfmpeg { .. }
            | FfmpegError::NoAnswer { .. }
            | FfmpegError::Replaced { .. },
        )
        | EncodeError::NotProved { .. }
        | EncodeError::Io { .. } => Consequence::BackOff,
        EncodeError::Recipe(_) | EncodeError::NoFrames => Consequence::GiveUp,
        EncodeError::Failed(failure) => of_failure(&failure.kind),
        EncodeError::FrameChanged(_) => Consequence::Stale,
        EncodeError::BadFrame(error) => of_frame(&error.kind),
        EncodeError::Stopped => Consequence::LaterAgain,
    }
}

fn of_publish(error: &PublishError) -> Consequence {
    match error {
        PublishError::Full { .. }
        | PublishError::ReadOnly { .. }
        | PublishError::Missing { .. }
        | PublishError::Denied { .. }
        | PublishError::NotStaged { .. }
        | PublishError::NotRecorded { .. }
        | PublishError::Io { .. } => WAITS,
        PublishError::NotAFolder { .. } | PublishError::NoFreeName { .. } => Consequence::BackOff,
    }
}

fn of_job(error: &JobError) -> Consequence {
    match error {
        JobError::Stopped => Consequence::LaterAgain,
        JobError::OutcomeUnknown(_) | JobError::NotRecorded { .. } => Consequence::Recover(LOOK_AGAIN),
        JobError::FramesChanged(_) => Consequence::Stale,
        JobError::FolderGone { .. } | JobError::Away { .. } => WAITS,
        JobError::NoFrames { .. }
        | JobError::Incomplete { .. }
        | JobError::SizeChanges { .. }
        | JobError::Recipe(_) => Consequence::GiveUp,
        JobError::Encode(error) => of_encode(error),
        JobError::Publish(error) => of_publish(error),
        JobError::Cleanup(_) | JobError::Store(_) | JobError::Journal(_) | JobError::Panicked(_) => {
            Consequence::BackOff
        }
    }
}

fn frame_kinds() -> Vec<FrameErrorKind> {
    let io_errors = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN, Errno::IO, Errno::ACCESS, Errno::STALE];
    let mut kinds = vec![
        FrameErrorKind::Empty,
        FrameErrorKind::Torn(String::new()),
        FrameErrorKind::NotAFile("a folder"),
        FrameErrorKind::NotAnImage,
        FrameErrorKind::Animated,
        FrameErrorKind::Changed,
        FrameErrorKind::Vanished,
        FrameErrorKind::Unsupported(String::new()),
        FrameErrorKind::NoLayer(String::new()),
        FrameErrorKind::Decode(String::new()),
        FrameErrorKind::TooLarge(String::new()),
        FrameErrorKind::Died(String::new()),
        FrameErrorKind::NoDecoder(io(Errno::NOENT)),
    ];
    kinds.extend(io_errors.map(|errno| FrameErrorKind::Io(io(errno))));
    kinds
}

fn encode_errors() -> Vec<EncodeError> {
    let recipe = RecipeError::PixelFormat { preset: String::new(), pix_fmt: String::new() };
    let mut errors = vec![
        EncodeError::Ffmpeg(FfmpegError::NotFound),
        EncodeError::Ffmpeg(FfmpegError::NoAnswer { path: path(), how: String::new() }),
        EncodeError::Ffmpeg(FfmpegError::Replaced { path: path() }),
        EncodeError::Ffmpeg(FfmpegError::NotFfmpeg { path: path(), answer: String::new() }),
        EncodeError::Recipe(recipe),
        EncodeError::FrameChanged(frame(FrameErrorKind::Changed)),
        EncodeError::NoFrames,
        EncodeError::NotProved { video: path(), flaw: Flaw::NotKey },
        EncodeError::Io { path: path(), source: io(Errno::NOSPC) },
        EncodeError::Io { path: path(), source: io(Errno::IO) },
        EncodeError::Stopped,
    ];
    // A program that is replaced by an upgrade is not there, cannot be executed while it is written, or has no library;
    // and a machine at its end starts nothing.
    let spawn = [Errno::NOENT, Errno::ACCESS, Errno::TXTBSY, Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN];
    errors.extend(spawn.map(|errno| EncodeError::Ffmpeg(FfmpegError::NotRunnable { path: path(), source: io(errno) })));
    let kinds = [
        FailureKind::Failed,
        FailureKind::DiskFull,
        FailureKind::EncoderMissing("libx264".to_owned()),
        FailureKind::Refused,
        FailureKind::Killed,
        FailureKind::Stalled,
    ];
    errors.extend(kinds.map(failure));
    errors.extend(frame_kinds().into_iter().map(|kind| EncodeError::BadFrame(frame(kind))));
    errors
}

fn job_errors() -> Vec<JobError> {
    let what = String::new;
    let mut errors = vec![
        JobError::FramesChanged(frame(FrameErrorKind::Changed)),
        JobError::FolderGone { dir: path() },
        JobError::Away { path: path(), why: what(), hint: None },
        JobError::NoFrames { dir: path() },
        JobError::Incomplete { dir: path(), what: what() },
        JobError::SizeChanges { dir: path(), what: what() },
        JobError::Recipe(RecipeError::Rate {
            preset: what(),
            rate: FrameRate { num: NonZeroU32::MIN, den: NonZeroU32::MIN },
            limit: "",
        }),
        JobError::Cleanup(CleanupError::VideoChanged { path: path() }),
        JobError::Store(StoreError::NoFreeName { path: path() }),
        JobError::Journal(JournalError::StateDir { path: path(), source: io(Errno::NOSPC) }),
        JobError::OutcomeUnknown(Box::new(JobError::Stopped)),
        JobError::NotRecorded {
            error: Box::new(JobError::NoFrames { dir: path() }),
            source: JournalError::StateDir { path: path(), source: io(Errno::NOSPC) },
        },
        JobError::Stopped,
        JobError::Panicked(what()),
    ];
    errors.extend(encode_errors().into_iter().map(JobError::from));
    let source = || io(Errno::IO);
    let publish = [
        PublishError::Full { path: path(), source: source() },
        PublishError::ReadOnly { path: path(), source: source() },
        PublishError::Missing { path: path(), source: source() },
        PublishError::Denied { path: path(), source: source() },
        PublishError::NotAFolder { path: path(), source: source() },
        PublishError::NotStaged { path: path() },
        PublishError::NoFreeName { path: path() },
        PublishError::NotRecorded { path: path(), source: "busy".into() },
        PublishError::Io { path: path(), source: source() },
    ];
    errors.extend(publish.into_iter().map(JobError::Publish));
    errors
}

#[test]
fn only_what_fails_for_certain_ends_a_batch() {
    for error in job_errors() {
        assert_eq!(error.consequence(), of_job(&error), "{error:?}");
    }
}

#[test]
fn a_signal_that_ends_ffmpeg_passes() {
    // earlyoom sends SIGTERM, upon which FFmpeg ends with 255; the rest is of the kernel and of broken memory.
    let ends = [255 << 8, 15, 9, 11, 7, 6, 127 << 8, 1 << 8];
    for status in ends {
        let failure = account(String::new(), Some(ExitStatus::from_raw(status)), String::new());
        let error = JobError::from(EncodeError::Failed(Box::new(failure)));
        assert_eq!(error.consequence(), Consequence::BackOff, "{error}");
    }
}

#[test]
fn a_file_that_nothing_was_left_to_read_with_is_not_a_bad_one() {
    for kind in frame_kinds() {
        let wanted = match &kind {
            FrameErrorKind::Io(error) => {
                let errno = Errno::from_io_error(error).unwrap();
                [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN].contains(&errno)
            }
            FrameErrorKind::NoDecoder(_) => true,
            _ => false,
        };
        assert_eq!(kind.is_want(), wanted, "{kind:?}");
    }
}
