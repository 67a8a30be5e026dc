//! Parts of a video that are proved while their encoder still writes them.

use std::fs;
use std::num::NonZeroU32;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use reeld::config::{Builtin, Video};
use reeld::encode::chunk::{ChunkOutcome, FrameQueue};
use reeld::encode::ffmpeg::{Ffmpeg, Stop};
use reeld::encode::recipe::{ChunkPosition, Form};
use reeld::encode::verified::encode_verified;
use reeld::encode::{EncodeError, Flaw};

use crate::faults::fake;
use crate::help::{Job, Look, Shot, ffmpeg, video};
use crate::prepared::again;

fn job(preset: Builtin, count: u32) -> (Shot, Job) {
    let shot = Shot::new(count, (256, 144), Look::Eight);
    let mut job = shot.job(&video(preset));
    job.output = shot.dir.path().join("part.mp4");
    fs::write(&job.output, b"").unwrap();
    job.form = Form::Chunk { gop: NonZeroU32::new(24).unwrap(), position: ChunkPosition::First };
    (shot, job)
}

/// The frames come one after the other, and no more of them once the encoder has them all.
fn make(ffmpeg: &Ffmpeg, job: &Job) -> Result<ChunkOutcome, EncodeError> {
    make_of(ffmpeg, job).0
}

/// The frames that were fed come along.
fn make_of(ffmpeg: &Ffmpeg, job: &Job) -> (Result<ChunkOutcome, EncodeError>, FrameQueue) {
    let spec = job.encode_spec();
    let (send, drained) = mpsc::channel();
    let queue = FrameQueue::telling(move || send.send(()).unwrap());
    let made = thread::scope(|scope| {
        let encode = || encode_verified(ffmpeg, &spec, &queue, &job.output, &|_| {}, &Stop::default(), || {});
        let made = scope.spawn(encode);
        for frame in &job.frames {
            queue.push([frame.clone()]);
            while drained.recv_timeout(Duration::from_millis(10)).is_err() && !made.is_finished() {}
        }
        queue.end();
        made.join().unwrap()
    });
    (made, queue)
}

#[test]
fn what_is_proved_of_a_growing_file_is_what_is_in_the_whole_one() {
    for preset in Builtin::ALL {
        let (_shot, job) = job(preset, 30);
        if !job.recipe.joinable() {
            continue;
        }
        let name = preset.name();
        let (made, queue) = make_of(ffmpeg(), &job);
        let made = made.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(made.proof.frames, 30);
        assert_eq!(made.proof, again(&job, 30, &queue), "{name}");
    }
}

/// An FFmpeg that does `encode` where it is to encode, with `$real` at hand; its decoder is in order.
fn bad_encoder(shot: &Shot, encode: &str) -> Ffmpeg {
    let real = ffmpeg().path.display();
    let script = format!(
        "real='{real}'\nencode=no\nfor argument; do\n  case $argument in -i) break ;; rawvideo) encode=yes ;; esac\ndone\n\
         [ $encode = yes ] || exec \"$real\" \"$@\"\n{encode}"
    );
    fake(shot.dir.path(), &script)
}

/// The first picture is left out, and a black one is the last: as many as there should be.
fn shifted() -> String {
    let frame = 256 * 144 * 3 / 2;
    format!("{{ head -c {frame} > /dev/null; cat; head -c {frame} /dev/zero; }} | \"$real\" \"$@\"")
}

#[test]
fn pictures_in_the_place_of_their_neighbours_are_noticed() {
    let (shot, job) = job(Builtin::H264, 30);
    let error = make(&bad_encoder(&shot, &shifted()), &job).unwrap_err();
    assert!(matches!(&error, EncodeError::NotProved { flaw: Flaw::Unlike { first: 0, .. }, .. }), "{error}");
}

#[test]
fn an_encoder_whose_file_is_wrong_gets_no_more_frames() {
    let shot = Shot::new(30, (256, 144), Look::Eight);
    // It keeps no pictures back.
    let mut job = shot.job(&Video { speed: Some("ultrafast".to_owned()), ..video(Builtin::H264) });
    job.form = Form::Chunk { gop: NonZeroU32::new(24).unwrap(), position: ChunkPosition::First };
    let ffmpeg = bad_encoder(&shot, &shifted());
    let (send, made) = mpsc::channel();
    thread::spawn(move || {
        let queue = FrameQueue::default();
        queue.push(job.frames.clone());
        // No word of an end.
        let spec = job.encode_spec();
        let made = encode_verified(&ffmpeg, &spec, &queue, &job.output, &|_| {}, &Stop::default(), || {});
        send.send(made.map(|_| ()))
    });
    let error = made.recv_timeout(Duration::from_secs(60)).expect("an answer").unwrap_err();
    assert!(matches!(&error, EncodeError::NotProved { flaw: Flaw::Unlike { first: 0, .. }, .. }), "{error}");
}

#[test]
fn a_file_that_is_damaged_behind_the_encoders_back_is_not_proved() {
    let (shot, job) = job(Builtin::H264, 30);
    // FFmpeg's own file is whole; what is found at its place lacks the end.
    let cut = "for out; do :; done; out=${out#file:}\n\"$real\" \"$@\" && truncate -s -300 \"$out\"";
    let error = make(&bad_encoder(&shot, cut), &job).unwrap_err();
    assert!(!matches!(&error, EncodeError::Stopped), "{error}");
}

#[test]
fn an_encoder_that_fails_ends_its_proof() {
    let (shot, job) = job(Builtin::H264, 30);
    let begun = Instant::now();
    let error = make(&bad_encoder(&shot, "head -c 300000 > /dev/null; echo 'Conversion failed!' >&2; exit 1"), &job);
    assert!(matches!(error, Err(EncodeError::Failed(_))), "{error:?}");
    // A decoder that still waits for more would do so until it counts as stalled.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}
