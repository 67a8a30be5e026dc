//! Frames at their very times, whatever the rate.

use reeld::config::{Builtin, Video};
use reeld::encode::chunk::BadFrames;

use crate::help::{Look, Shot, decode, make, rate, video};
use crate::presets::LEAST;

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

/// Rates as people write them and as fractions of all sorts, each through a container of every clock. The same every time.
#[test]
fn no_rate_is_guessed() {
    // Exact clocks, with pictures out of order and without, and clocks of milliseconds.
    const PRESETS: [Builtin; 4] = [Builtin::H264, Builtin::Prores, Builtin::Ffv1, Builtin::Vp9];
    let known = [(120_000, 1001), (240_000, 1001), (239, 2), (499, 100)];
    let mut tries: Vec<((u32, u32), Builtin)> =
        known.into_iter().flat_map(|rate| PRESETS.map(|preset| (rate, preset))).collect();
    let ntsc = [24, 25, 30, 48, 50, 60, 100].map(|rate| (rate * 1000, 1001));
    let decimals = [(2397, 10), (2998, 10), (1199, 10), (999, 10), (11_988, 100), (14_985, 1000)];
    let odd = [(479, 4), (10_007, 13), (333, 7), (1, 10), (1, 3600)];
    let mut seed = 0x2545_f491_u32;
    let mut random = |limit: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed / 7 % limit + 1
    };
    let any: Vec<(u32, u32)> = (0..10).map(|_| (random(240_000), random(1001))).collect();
    let any = any.into_iter().filter(|(num, den)| num / den <= 1000);
    let others = ntsc.into_iter().chain(decimals).chain(odd).chain(any);
    tries.extend(others.zip(PRESETS.into_iter().cycle()));
    let mut wrong = Vec::new();
    for ((num, den), preset) in tries {
        let shot = Shot::new(7, (64, 48), Look::Eight);
        let job = shot.job(&Video { rate: rate(num, den), ..video(preset) });
        if let Err(error) = make(&job) {
            wrong.push(format!("{} at {num}/{den}: {error}", preset.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
        let mut shot = Shot::new(3, LEAST, Look::Eight);
        shot.frames[1].repeat = 4;
        let job = shot.job(&video(preset));
        let (result, proof) = make(&job).unwrap_or_else(|error| panic!("{}: {error}", preset.name()));
        assert_eq!((result.fed, proof.frames), (6, 6));
    }
}

#[test]
fn one_frame_is_a_video() {
    for preset in Builtin::ALL {
        let shot = Shot::new(1, LEAST, Look::Eight);
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
