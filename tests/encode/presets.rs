//! Every preset on small frames of every kind.

use std::path::Path;

use image::DynamicImage;
use reeld::config::{Builtin, Container, Encoder, NamedQuality, Quality, Video};
use reeld::encode::ffmpeg::Stop;
use reeld::encode::recipe::RecipeError;
use reeld::encode::{EncodeError, Extent, Flaw, probe};
use reeld::error::Explain as _;

use crate::help::{
    Look, Shot, decode, decode_each, describe, ffmpeg, frame_file, make, own, verify, video, with_quality,
};

const LOOKS: [Look; 5] = [Look::Eight, Look::Gray, Look::Sixteen, Look::Alpha, Look::DeepAlpha];

/// The smallest picture that every codec takes: DNxHR takes no smaller one.
pub(crate) const LEAST: (u32, u32) = (256, 120);
/// An odd one that is no smaller.
const LEAST_ODD: (u32, u32) = (257, 121);

/// Fails with every failure, not with the first.
fn all<T: std::fmt::Debug>(cases: impl IntoIterator<Item = T>, check: impl Fn(&T) -> Result<(), String>) {
    let failures: Vec<String> =
        cases.into_iter().filter_map(|case| check(&case).err().map(|why| format!("{case:?}: {why}"))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_preset_takes_every_kind_of_frame_of_odd_size() {
    let cases = Builtin::ALL.iter().flat_map(|preset| LOOKS.map(|look| (preset.name(), *preset, look)));
    all(cases, |(_, preset, look)| {
        let shot = Shot::new(5, LEAST_ODD, *look);
        let job = shot.job(&video(*preset));
        let (result, proof) = make(&job).map_err(|error| error.to_string())?;
        assert_eq!((result.fed, proof.frames), (5, 5));
        println!("{} {look:?}: worst {:?}, {} bytes", preset.name(), proof.worst, proof.bytes);
        Ok(())
    });
}

#[test]
fn every_preset_works_at_its_lowest_quality() {
    let cases = Builtin::ALL.iter().flat_map(|preset| {
        [NamedQuality::Lowest, NamedQuality::PercLossless, NamedQuality::Lossless].map(|quality| (*preset, quality))
    });
    all(cases, |(preset, quality)| {
        let shot = Shot::new(4, LEAST, Look::Eight);
        match shot.try_job(&with_quality(*preset, Quality::Named(*quality))) {
            Ok(job) => {
                let (_, proof) = make(&job).map_err(|error| error.to_string())?;
                println!("{} {quality:?}: worst {:?}", preset.name(), proof.worst);
            }
            Err(error) => assert!(error.hint().is_some()),
        }
        Ok(())
    });
}

#[test]
fn the_worst_there_is_stays_within_tolerance() {
    let worst = [
        (Builtin::H264, 51),
        (Builtin::H264Ten, 51),
        (Builtin::H265, 51),
        (Builtin::H265Ten, 51),
        (Builtin::Av1, 63),
        (Builtin::Vp9, 63),
        (Builtin::Mpeg4, 31),
        (Builtin::Webp, 0),
        (Builtin::Prores, 32),
    ];
    let shots = [Shot::new(4, (320, 180), Look::Eight), Shot::new(8, (640, 360), Look::Dot)];
    all(worst, |(preset, number)| {
        shots.iter().try_for_each(|shot| {
            let job = shot.job(&with_quality(*preset, Quality::Crf(*number)));
            let (_, proof) = make(&job).map_err(|error| error.to_string())?;
            println!("{} {number}: worst {:?}", preset.name(), proof.worst);
            Ok(())
        })
    });
}

#[test]
fn probes_succeed() {
    all(Builtin::ALL, |preset| {
        probe(
            ffmpeg(),
            &video(*preset),
            &Encoder::default(),
            &std::env::temp_dir(),
            Extent::VideoAndChunk,
            &Stop::default(),
        )
        .map_err(|error| error.to_string())
    });
}

#[test]
fn the_default_plays_everywhere() {
    let shot = Shot::new(5, (321, 181), Look::Eight);
    let job = shot.job(&video(Builtin::H264));
    make(&job).unwrap();
    let said = describe(&job.output);
    assert!(said.contains("h264 (High)") && said.contains("yuv420p(tv, bt709") && said.contains("322x182"), "{said}");
    let bytes = std::fs::read(&job.output).unwrap();
    let at = |kind: &[u8]| bytes.windows(4).position(|four| four == kind).unwrap();
    assert!(at(b"moov") < at(b"mdat"), "the index is not in front");
}

#[test]
fn colours_are_tagged_whatever_the_feed() {
    let presets = [
        Builtin::H264,
        Builtin::H264Ten,
        Builtin::H265,
        Builtin::H265Ten,
        Builtin::Av1,
        Builtin::Vp9,
        Builtin::Prores,
        Builtin::Prores4444,
        Builtin::Dnxhr,
    ];
    all(presets, |preset| {
        let shot = Shot::new(3, LEAST, Look::Eight);
        let job = shot.job(&video(*preset));
        make(&job).map_err(|error| error.to_string())?;
        let said = describe(&job.output);
        let tagged = said.contains("(tv, bt709/bt709/iec61966-2-1");
        tagged.then_some(()).ok_or(said)
    });
}

#[test]
fn red_is_red() {
    let presets = [Builtin::H264, Builtin::H265, Builtin::Av1, Builtin::Vp9, Builtin::Mpeg4];
    all(presets, |preset| {
        let shot = Shot::new(3, (64, 64), Look::Red);
        let job = shot.job(&video(*preset));
        make(&job).map_err(|error| error.to_string())?;
        let raw = decode(&job.output, &[], "yuv420p");
        let middle = [raw[32 * 64 + 32], raw[64 * 64 + 16 * 32 + 16], raw[64 * 64 + 32 * 32 + 16 * 32 + 16]];
        let near = middle.iter().zip([63_u8, 102, 240]).all(|(found, wanted)| found.abs_diff(wanted) <= 1);
        near.then_some(()).ok_or(format!("{middle:?}"))
    });
}

#[test]
fn ten_bit_red_is_red() {
    let presets = [Builtin::H264Ten, Builtin::H265Ten, Builtin::Prores, Builtin::Prores4444];
    all(presets, |preset| {
        let shot = Shot::new(3, (64, 64), Look::Red);
        let job = shot.job(&video(*preset));
        make(&job).map_err(|error| error.to_string())?;
        let raw = decode(&job.output, &[], &job.recipe.pix_fmt);
        let at = (32 * 64 + 32) * 2;
        let luma = u16::from_le_bytes([raw[at], raw[at + 1]]);
        // 4 * 62.6
        (248..=253).contains(&luma).then_some(()).ok_or(format!("Y {luma}"))
    });
}

#[test]
fn lossless_presets_give_back_the_very_bytes() {
    let cases = [Builtin::Lossless, Builtin::Ffv1].into_iter().flat_map(|preset| LOOKS.map(|look| (preset, look)));
    all(cases, |(preset, look)| {
        let shot = Shot::new(3, (67, 35), *look);
        let job = shot.job(&video(*preset));
        make(&job).map_err(|error| error.to_string())?;
        let feed = job.recipe.feed.ffmpeg_name();
        let files: Vec<&Path> = shot.frames.iter().map(|frame| &*frame.path).chain([&*job.output]).collect();
        let mut decoded = decode_each(&files, feed);
        let found = decoded.pop().unwrap();
        (!found.is_empty() && found == decoded.concat()).then_some(()).ok_or(format!("{feed} differs"))
    });
}

/// Whatever the depth of the frames and of the codec, an honest encode is not refused.
#[test]
fn lossless_codecs_of_any_depth_are_proved() {
    let ffv1 =
        ["bgr0", "bgra", "gbrp", "gbrp9", "gbrp10", "gbrp12", "gbrp14", "gbrp16", "gbrap10", "gbrap12", "gbrap16"];
    let ffv1 = ffv1.into_iter().chain(["rgb48", "rgba64"]).map(|pix_fmt| own("ffv1", pix_fmt, Container::Mkv, &[]));
    let x264 = ["bgr24", "rgb24"]
        .into_iter()
        .flat_map(|pix_fmt| ["0", "18"].map(|qp| own("libx264rgb", pix_fmt, Container::Mkv, &["-qp", qp])));
    let cases = ffv1.chain(x264).flat_map(|video| LOOKS.map(|look| (video.clone(), look)));
    all(cases, |(video, look)| {
        let shot = Shot::new(3, (68, 36), *look);
        make(&shot.job(video)).map(|_| ()).map_err(|error| error.to_string())
    });
}

#[test]
fn one_pixel_that_is_one_step_off_is_seen_where_the_codec_is_lossless() {
    let cases = [(Builtin::Lossless, Look::Eight), (Builtin::Ffv1, Look::Eight), (Builtin::Ffv1, Look::Alpha)];
    all(cases, |(preset, look)| {
        let shot = Shot::new(3, (320, 180), *look);
        let job = shot.job(&video(*preset));
        make(&job).map_err(|error| error.to_string())?;
        let mut picture = image::open(&shot.frames[1].path).unwrap().into_rgba8();
        let red = &mut picture.get_pixel_mut(7, 5).0[0];
        *red = if *red == 0 { 1 } else { *red - 1 };
        let other = Shot::new(3, (320, 180), *look);
        match look {
            Look::Alpha => picture.save(&other.frames[1].path).unwrap(),
            _ => DynamicImage::ImageRgba8(picture).into_rgb8().save(&other.frames[1].path).unwrap(),
        }
        let changed = frame_file(&other.frames[1].path, other.frames[1].number);
        let mut other_job = other.job(&video(*preset));
        other_job.frames[1] = changed;
        let (fed, _) = make(&other_job).map_err(|error| error.to_string())?;
        match verify(ffmpeg(), &job, &fed, &Stop::default()) {
            Err(EncodeError::NotProved { flaw: Flaw::Pixels { index: 1 }, .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn alpha_is_kept_where_the_codec_can() {
    let presets = [Builtin::Vp9, Builtin::Prores4444, Builtin::Ffv1, Builtin::Lossless, Builtin::Gif];
    all(presets, |preset| {
        let shot = Shot::new(3, (64, 64), Look::Alpha);
        let job = shot.job(&video(*preset));
        make(&job).map_err(|error| error.to_string())?;
        let decoder: &[&str] = if *preset == Builtin::Vp9 { &["-c:v", "libvpx-vp9"] } else { &[] };
        let raw = decode(&job.output, decoder, "rgba");
        let alpha = |x: usize| raw[(32 * 64 + x) * 4 + 3];
        let wanted = if *preset == Builtin::Gif { 255 } else { 40 * 255 / 64 };
        let near = alpha(5) == 255 && alpha(40).abs_diff(u8::try_from(wanted).unwrap()) < 4;
        near.then_some(()).ok_or(format!("{} {}", alpha(5), alpha(40)))
    });
}

/// FFmpeg reduces frames of the first size for the proof, and not of the second.
#[test]
fn what_the_proof_sees_of_nearly_lossless_frames_is_nearly_what_was_fed() {
    for size in [(640, 360), (650, 366)] {
        let shot = Shot::new(4, size, Look::Dot);
        let (_, proof) = make(&shot.job(&own("libx264", "yuv420p", Container::Mp4, &["-crf", "1"]))).unwrap();
        assert!(proof.worst <= Some(40), "{size:?}: {proof:?}");
    }
}

#[test]
fn a_preset_of_the_users_own() {
    let cases = [
        own("libx264", "yuv420p", Container::Mkv, &["-crf", "30", "-preset", "ultrafast"]),
        own("libx264", "yuvj420p", Container::Mp4, &["-crf", "30"]),
        own("libx265", "yuv444p12le", Container::Mkv, &["-x265-params", "log-level=error"]),
        own("mpeg4", "yuv420p", Container::Avi, &["-q:v", "4"]),
        own("utvideo", "gbrp", Container::Avi, &[]),
    ];
    all(cases, |video| {
        let shot = Shot::new(4, (128, 72), Look::Eight);
        make(&shot.job(video)).map(|_| ()).map_err(|error| error.to_string())
    });
    let shot = Shot::new(2, (128, 72), Look::Eight);
    let unknown = shot.try_job(&own("libx264", "vaapi", Container::Mp4, &[]));
    assert!(matches!(unknown, Err(RecipeError::PixelFormat { .. })), "{unknown:?}");
    let error = make(&shot.job(&own("libnothing", "yuv420p", Container::Mp4, &[]))).unwrap_err();
    assert!(error.hint().unwrap().contains("libnothing"), "{error}: {:?}", error.hint());
}

#[test]
fn what_a_codec_cannot_do_is_refused_before_anything_runs() {
    let small = Shot::new(1, (64, 48), Look::Eight);
    let refused = small.try_job(&video(Builtin::Dnxhr)).unwrap_err();
    assert_eq!(refused.to_string(), "preset dnxhr cannot encode 64x48: the least is 256x120");
    let fast = Video { rate: crate::help::rate(60, 1), ..video(Builtin::Gif) };
    assert!(matches!(small.try_job(&fast), Err(RecipeError::Rate { .. })));
    let speed = Video { speed: Some("warp".into()), ..video(Builtin::H264) };
    assert!(matches!(small.try_job(&speed), Err(RecipeError::Speed { .. })));
    assert!(matches!(small.try_job(&with_quality(Builtin::H264, Quality::Crf(52))), Err(RecipeError::Quality { .. })));
}
