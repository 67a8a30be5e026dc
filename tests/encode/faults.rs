//! Damaged frames, stops, and an FFmpeg that misbehaves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use reeld::config::{Builtin, EncoderArgs, Video};
use reeld::encode::chunk::BadFrames;
use reeld::encode::ffmpeg::{Ffmpeg, Stop};
use reeld::encode::verify::check_inputs;
use reeld::encode::{EncodeError, FailureKind, Flaw};
use reeld::error::Explain as _;

use crate::help::{Job, Look, Shot, encode, ffmpeg, frame_file, make, make_with, verify, video};

/// Cuts the end off frame `index`, before the batch is sealed.
fn tear(shot: &mut Shot, index: usize) {
    let frame = &mut shot.frames[index];
    let bytes = fs::read(&frame.path).unwrap();
    fs::write(&frame.path, &bytes[..bytes.len() * 2 / 3]).unwrap();
    *frame = frame_file(&frame.path, frame.number);
}

fn torn_shot(indices: &[usize]) -> Shot {
    let mut shot = Shot::new(6, (128, 72), Look::Eight);
    for &index in indices {
        tear(&mut shot, index);
    }
    shot
}

fn job_with(shot: &Shot, policy: BadFrames) -> Job {
    // From a frame that is whole.
    let whole = Shot { dir: tempfile::tempdir().unwrap(), frames: vec![shot.frames[2].clone()] };
    let mut job = whole.job(&video(Builtin::H264));
    job.output = shot.dir.path().join("out.part");
    job.frames.clone_from(&shot.frames);
    job.bad_frames = policy;
    job
}

#[test]
fn a_torn_frame_by_each_policy() {
    let shot = torn_shot(&[3]);
    let error = make(&job_with(&shot, BadFrames::Error)).unwrap_err();
    assert!(matches!(&error, EncodeError::BadFrame(bad) if bad.path == shot.frames[3].path), "{error}");
    let (result, proof) = make(&job_with(&shot, BadFrames::Skip)).unwrap();
    assert_eq!((result.fed, proof.frames, result.bad.len(), result.bad[0].0), (5, 5, 1, 4));
    let (result, proof) = make(&job_with(&shot, BadFrames::Hold)).unwrap();
    assert_eq!((result.fed, proof.frames, result.bad.len()), (6, 6, 1));
    assert_eq!(result.fingerprints.get(3), result.fingerprints.get(2));
}

#[test]
fn torn_frames_at_both_ends_are_held_from_their_neighbours() {
    let shot = torn_shot(&[0, 1, 5]);
    let (result, proof) = make(&job_with(&shot, BadFrames::Hold)).unwrap();
    assert_eq!((result.fed, proof.frames, result.bad.len()), (6, 6, 3));
    assert_eq!(result.fingerprints.get(0), result.fingerprints.get(2));
    assert_eq!(result.fingerprints.get(5), result.fingerprints.get(4));
}

#[test]
fn nothing_but_torn_frames_is_an_error() {
    let mut shot = Shot::new(3, (128, 72), Look::Eight);
    let mut job = shot.job(&video(Builtin::H264));
    (0..3).for_each(|index| tear(&mut shot, index));
    job.frames.clone_from(&shot.frames);
    for policy in [BadFrames::Skip, BadFrames::Hold] {
        job.bad_frames = policy;
        let error = make(&job).unwrap_err();
        assert!(matches!(error, EncodeError::BadFrame(_)), "{error:?}");
    }
}

#[test]
fn a_frame_that_changed_or_vanished_fails_whatever_the_policy() {
    let shot = Shot::new(6, (128, 72), Look::Eight);
    let job = job_with(&shot, BadFrames::Skip);
    assert!(check_inputs(&job.frames).is_ok());
    fs::copy(&shot.frames[0].path, &shot.frames[4].path).unwrap();
    let changed = make(&job).unwrap_err();
    assert!(matches!(&changed, EncodeError::FrameChanged(_)) && changed.retryable(), "{changed:?}");
    assert!(matches!(check_inputs(&job.frames), Err(EncodeError::FrameChanged(_))));
    fs::remove_file(&shot.frames[4].path).unwrap();
    let vanished = make(&job).unwrap_err();
    assert!(matches!(&vanished, EncodeError::FrameChanged(_)) && vanished.retryable(), "{vanished:?}");
}

#[test]
fn a_stop_ends_an_encode_soon() {
    let shot = Shot::new(1, (960, 540), Look::Eight);
    let mut job = shot.job(&video(Builtin::Av1));
    job.frames = vec![shot.frames[0].clone(); 5000];
    let stop = Stop::default();
    let asked = thread::scope(|scope| {
        let run = scope.spawn(|| {
            encode(
                ffmpeg(),
                &job,
                &|progress| {
                    if progress.frames > 0 {
                        stop.request();
                    }
                },
                &stop,
            )
        });
        // The request comes with the first frame that is encoded.
        while !stop.requested() {
            thread::yield_now();
            assert!(!run.is_finished(), "{:?}", run.join());
        }
        let asked = Instant::now();
        assert!(matches!(run.join().unwrap(), Err(EncodeError::Stopped)));
        asked
    });
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

/// An FFmpeg that answers `-version` and then runs `script`; `$out` is the output's path.
pub(crate) fn fake(dir: &Path, script: &str) -> Ffmpeg {
    let path = dir.join("ffmpeg");
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = -version ] && echo 'ffmpeg version 0-fake x' && exit 0\n\
         for out; do :; done\nout=${{out#file:}}\n{script}\n"
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Ffmpeg::find(Some(&path)).unwrap()
}

fn run_fake(script: &str) -> EncodeError {
    let shot = Shot::new(6, (128, 72), Look::Eight);
    let mut job = shot.job(&video(Builtin::H264));
    job.settings.stall = Duration::from_millis(400);
    let start = Instant::now();
    let error = make_with(&fake(shot.dir.path(), script), &job).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{script}: {:?}", start.elapsed());
    error
}

fn kind_of(error: &EncodeError) -> Option<&FailureKind> {
    match error {
        EncodeError::Failed(failure) => Some(&failure.kind),
        _ => None,
    }
}

const ALL_WELL: &str = "echo frame=6; echo dup_frames=0; echo drop_frames=0; echo progress=end";

#[test]
fn a_hang_is_ended() {
    let error = run_fake("sleep 60");
    assert_eq!(kind_of(&error), Some(&FailureKind::Stalled), "{error}");
    let error = run_fake("trap '' TERM; while :; do sleep 1; done");
    assert_eq!(kind_of(&error), Some(&FailureKind::Stalled), "{error}");
    let error = run_fake("cat >/dev/null; sleep 60");
    assert_eq!(kind_of(&error), Some(&FailureKind::Stalled), "{error}");
}

#[test]
fn a_failure_comes_with_status_words_and_command() {
    let error = run_fake("head -c 1000 >/dev/null; echo 'this is why' >&2; exit 1");
    let text = error.to_string();
    assert!(text.contains("exit status: 1") && text.contains("this is why") && text.contains("-c:v libx264"), "{text}");
    let error = run_fake("cat >/dev/null; echo 'progress=end'; exit 187");
    assert!(error.to_string().contains("187"), "{error}");
    // Who knows why it failed; what certainly fails again is another matter.
    assert!(error.retryable());
    let error = run_fake("head -c 1000 >/dev/null; echo \"Unrecognized option 'bogus'.\" >&2; exit 8");
    assert!(!error.retryable(), "{error}");
}

#[test]
fn a_full_disk_is_told_apart_even_with_status_0() {
    for status in [0, 1] {
        let error = run_fake(&format!(
            "cat >/dev/null; {ALL_WELL}; echo '[fatal] Error writing trailer: No space left on device' >&2; exit {status}"
        ));
        assert_eq!(kind_of(&error), Some(&FailureKind::DiskFull), "{error}");
        assert!(error.retryable());
    }
}

#[test]
fn an_error_of_ffmpegs_own_fails_the_encode() {
    let error = run_fake(&format!("cat >/dev/null; {ALL_WELL}; echo '[h264 @ 0x1] [error] concealing' >&2"));
    let is_complaint = |flaw: &Flaw| matches!(flaw, Flaw::Complaint(text) if text.contains("concealing"));
    assert!(matches!(&error, EncodeError::NotProved { flaw, .. } if is_complaint(flaw)), "{error}");
}

/// Its settings, and at the end how many frames it has encoded.
#[test]
fn an_encoder_may_say_what_it_likes() {
    let shot = Shot::new(6, (64, 48), Look::Eight);
    let encoder_args = EncoderArgs::parse(&["-x265-params", "log-level=full"]).unwrap();
    let job = shot.job(&Video { encoder_args, ..video(Builtin::H265) });
    make(&job).unwrap();
}

#[test]
fn a_kill_by_somebody_else_looks_like_memory() {
    let error = run_fake("kill -9 $$");
    assert_eq!(kind_of(&error), Some(&FailureKind::Killed), "{error}");
    assert!(error.hint().unwrap().contains("memory"));
}

#[test]
fn a_flood_on_stderr_is_survived() {
    let error =
        run_fake("head -c 3000000 /dev/zero | tr '\\0' 'x' >&2; echo >&2; echo last >&2; cat >/dev/null; exit 1");
    assert!(error.to_string().contains("last"), "{}", error.to_string().len());
    assert!(error.to_string().len() < 100_000);
}

#[test]
fn success_without_a_video_is_none() {
    // Nothing said, nothing done.
    let error = run_fake("exit 0");
    assert!(matches!(&error, EncodeError::NotProved { flaw: Flaw::Account { .. }, .. }), "{error}");
    // All said, nothing done.
    let error = run_fake(&format!("cat >/dev/null; {ALL_WELL}"));
    assert!(matches!(&error, EncodeError::NotProved { flaw: Flaw::Container(_), .. }), "{error}");
    // All said, rubbish done.
    let error = run_fake(&format!("cat >/dev/null; echo rubbish >\"$out\"; {ALL_WELL}"));
    assert!(matches!(&error, EncodeError::NotProved { flaw: Flaw::Container(_), .. }), "{error}");
    // It stopped reading, and counts what it got.
    let error = run_fake("head -c 30000 >/dev/null; echo frame=2; echo progress=end");
    assert!(matches!(&error, EncodeError::NotProved { flaw: Flaw::Account { .. }, .. }), "{error}");
    // A frame repeated, another dropped.
    let error = run_fake("cat >/dev/null; echo frame=6; echo dup_frames=1; echo drop_frames=1; echo progress=end");
    assert!(matches!(&error, EncodeError::NotProved { flaw: Flaw::Account { repeated: 1, .. }, .. }), "{error}");
}

/// Makes a good video, then has `spoil` do something to it, and the proof must notice.
fn spoiled(preset: Builtin, spoil: impl FnOnce(&mut Job, &Shot)) -> Flaw {
    spoiled_shot(&Shot::new(8, (160, 90), Look::Eight), preset, spoil)
}

fn spoiled_shot(shot: &Shot, preset: Builtin, spoil: impl FnOnce(&mut Job, &Shot)) -> Flaw {
    let mut job = shot.job(&video(preset));
    let stop = Stop::default();
    let result = encode(ffmpeg(), &job, &|_| {}, &stop).unwrap();
    spoil(&mut job, shot);
    match verify(ffmpeg(), &job, &result, &stop) {
        Err(EncodeError::NotProved { flaw, .. }) => flaw,
        other => panic!("{other:?}"),
    }
}

/// The same video from other frames.
fn remake(job: &Job, change: impl FnOnce(&mut Job)) {
    let mut other = job.clone();
    change(&mut other);
    encode(ffmpeg(), &other, &|_| {}, &Stop::default()).unwrap();
}

#[test]
fn the_proof_notices_what_is_not_there() {
    for preset in [Builtin::H264, Builtin::Ffv1, Builtin::Gif, Builtin::Webp] {
        let short = spoiled(preset, |job, _| remake(job, |job| _ = job.frames.pop()));
        assert!(matches!(short, Flaw::Count { expected: 8, found: 7, .. }), "{short:?}");
        let swapped = spoiled(preset, |job, _| remake(job, |job| job.frames.swap(3, 6)));
        let is_third = match &swapped {
            Flaw::Pixels { index } => *index == 3,
            Flaw::Unlike { first, last, .. } => (*first..=*last).contains(&3),
            _ => false,
        };
        assert!(is_third, "{preset:?} {swapped:?}");
        let slow = spoiled(preset, |job, _| remake(job, |job| job.rate = crate::help::rate(12, 1)));
        assert!(matches!(slow, Flaw::Time { index: 1, .. }), "{slow:?}");
    }
}

/// Each of the two is within the tolerance.
#[test]
fn the_proof_notices_neighbours_that_are_nearly_alike_and_swapped() {
    let shot = Shot::new(8, (640, 360), Look::Dot);
    for preset in [Builtin::H264, Builtin::H265, Builtin::Vp9, Builtin::Webp] {
        let swapped = spoiled_shot(&shot, preset, |job, _| remake(job, |job| job.frames.swap(3, 4)));
        let is_of_them = match &swapped {
            Flaw::Unlike { first, last, .. } => *first <= 4 && *last >= 3,
            _ => false,
        };
        assert!(is_of_them, "{preset:?} {swapped:?}");
    }
}

#[test]
fn the_proof_notices_damage() {
    for preset in [Builtin::H264, Builtin::Ffv1, Builtin::Webp] {
        // In the middle of the pictures.
        spoiled_bytes(preset, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle..middle + 64].fill(0xAA);
        });
        spoiled_bytes(preset, |bytes| bytes.truncate(bytes.len() * 3 / 4));
    }
}

fn spoiled_bytes(preset: Builtin, spoil: impl FnOnce(&mut Vec<u8>)) {
    let shot = Shot::new(8, (320, 180), Look::Eight);
    let job = shot.job(&video(preset));
    let stop = Stop::default();
    let result = encode(ffmpeg(), &job, &|_| {}, &stop).unwrap();
    let mut bytes = fs::read(&job.output).unwrap();
    spoil(&mut bytes);
    fs::write(&job.output, bytes).unwrap();
    let proof = verify(ffmpeg(), &job, &result, &stop);
    assert!(proof.is_err(), "{preset:?} {proof:?}");
}
