//! Proofs of finished sequences, which are ready before the file is.

use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use reeld::config::Builtin;
use reeld::encode::EncodeError;
use reeld::encode::chunk::{BadFrames, ChunkOutcome, FrameQueue};
use reeld::encode::ffmpeg::{Ffmpeg, Stop};
use reeld::encode::recipe::{ChunkPosition, Form};
use reeld::encode::verified::encode_verified;
use reeld::encode::verify::{Proof, verify};

use crate::help::{Job, Look, Shot, ffmpeg, video};

fn make(ffmpeg: &Ffmpeg, job: &Job) -> Result<ChunkOutcome, EncodeError> {
    make_of(ffmpeg, job, &FrameQueue::of(job.frames.clone()))
}

fn make_of(ffmpeg: &Ffmpeg, job: &Job, queue: &FrameQueue) -> Result<ChunkOutcome, EncodeError> {
    encode_verified(ffmpeg, &job.encode_spec(), queue, &job.output, &|_| {}, &Stop::default(), || {})
}

/// The file of `job`, proved again now that it is finished.
pub(crate) fn again(job: &Job, fed: u64, queue: &FrameQueue) -> Proof {
    verify(ffmpeg(), &job.encode_spec(), &job.output, fed, &queue.fingerprints(), &Stop::default()).unwrap()
}

#[test]
fn what_is_proved_of_a_video_is_what_is_in_it() {
    for preset in Builtin::ALL {
        let shot = Shot::new(30, (256, 144), Look::Eight);
        let job = shot.job(&video(preset));
        let name = preset.name();
        let queue = FrameQueue::of(job.frames.clone());
        let made = make_of(ffmpeg(), &job, &queue).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(made.proof.frames, 30, "{name}");
        assert_eq!(made.proof, again(&job, 30, &queue), "{name}");
    }
}

#[test]
fn a_file_that_ends_before_a_bad_frame_is_proved_too() {
    let shot = Shot::new(30, (256, 144), Look::Eight);
    fs::write(&shot.frames[19].path, "not a picture").unwrap();
    let mut job = shot.job(&video(Builtin::H264));
    job.frames[19] = crate::help::frame_file(&shot.frames[19].path, 20);
    job.bad_frames = BadFrames::End;
    job.form = Form::Chunk { gop: NonZeroU32::new(24).unwrap(), position: ChunkPosition::First };
    let made = make(ffmpeg(), &job).unwrap();
    assert_eq!(made.ended_by.map(|bad| bad.number), Some(20));
    assert_eq!((made.shown.len(), made.proof.frames), (19, 19));
}

#[test]
fn nobody_waits_for_an_encoder_that_cannot_be_started() {
    let shot = Shot::new(3, (256, 144), Look::Eight);
    let job = shot.job(&video(Builtin::H264));
    let gone = Ffmpeg { path: PathBuf::from("/nonexistent/ffmpeg"), version: String::new(), identity: None };
    let (send, made) = mpsc::channel();
    thread::spawn(move || send.send(make(&gone, &job).map(|_| ())));
    let error = made.recv_timeout(Duration::from_secs(60)).expect("an answer").unwrap_err();
    assert!(matches!(error, EncodeError::Ffmpeg(_)), "{error:?}");
}
