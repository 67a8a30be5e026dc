//! Frames at their very times, whatever the rate.

use reeld::config::{Builtin, Video};
use reeld::encode::chunk::BadFrames;

use crate::help::{Look, Shot, decode, make, rate, video};

#[test]
fn rates_are_exact() {
    for (num, den) in [(24_000, 1001), (30_000, 1001), (60, 1), (1, 1), (25, 3), (997, 1000)] {
        for preset in [Builtin::H264, Builtin::Vp9, Builtin::Ffv1, Builtin::Prores] {
            let shot = Shot::new(7, (64, 48), Look::Eight);
            let job = shot.job(&Video { rate: rate(num, den), ..video(preset) });
            let (_, proof) = make(&job).unwrap_or_else(|error| panic!("{} at {num}/{den}: {error}", preset.name()));
            let micros = 7 * u128::from(den) * 1_000_000 / u128::from(num);
            assert_eq!(proof.duration.as_micros(), micros);
        }
    }
}

#[test]
fn gif_and_webp_keep_time_on_their_own_grid() {
    for preset in [Builtin::Gif, Builtin::Webp] {
        for (num, den) in [(24_000, 1001), (24, 1), (10, 1), (50, 1), (12, 5)] {
            let shot = Shot::new(9, (64, 48), Look::Eight);
            let job = shot.job(&Video { rate: rate(num, den), ..video(preset) });
            make(&job).unwrap_or_else(|error| panic!("{} at {num}/{den}: {error}", preset.name()));
        }
    }
}

#[test]
fn held_frames_are_shown_again() {
    for preset in Builtin::ALL {
        let mut shot = Shot::new(3, (320, 180), Look::Eight);
        shot.frames[1].repeat = 4;
        let job = shot.job(&video(preset));
        let (result, proof) = make(&job).unwrap_or_else(|error| panic!("{}: {error}", preset.name()));
        assert_eq!((result.fed, proof.frames), (6, 6));
    }
}

#[test]
fn one_frame_is_a_video() {
    for preset in Builtin::ALL {
        let shot = Shot::new(1, (320, 180), Look::Eight);
        let (_, proof) = make(&shot.job(&video(preset))).unwrap_or_else(|error| panic!("{}: {error}", preset.name()));
        assert_eq!(proof.frames, 1);
    }
}

#[test]
fn order_survives_many_threads() {
    let shot = Shot::new(60, (64, 48), Look::Eight);
    let mut job = shot.job(&video(Builtin::Lossless));
    job.bad_frames = BadFrames::Skip;
    make(&job).unwrap();
    let raw = decode(&job.output, &[], "rgb24");
    // The bottom right pixel's blue counts the frames.
    let blues: Vec<u8> = raw.chunks(64 * 48 * 3).map(|frame| frame[(40 * 64 + 4) * 3 + 2]).collect();
    let wanted: Vec<u8> = (1..=60).map(|number| if number % 8 == 0 { 200 } else { 40 + number }).collect();
    assert_eq!(blues, wanted);
}
