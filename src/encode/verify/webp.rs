//! Animated WebP, read without FFmpeg, which cannot before version 8: the chunks of the file for the times, and the
//! decoder of the `image` crate for the pictures.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder as _, DynamicImage, Frame};

use super::flawed;
use super::judge::Judge;
use super::timing::{self, Clock};
use crate::encode::chunk::EncodeSpec;
use crate::encode::error::{EncodeError, Flaw};
use crate::encode::ffmpeg::Stop;
use crate::encode::fingerprint::Fingerprints;
use crate::encode::fingerprint::small::Layout;
use crate::encode::webp::{Anmf, frames};
use crate::error::chain;
use crate::frame::color::Feed;

/// Checks times and pictures. The difference of the worst picture.
pub(super) fn check(
    spec: &EncodeSpec,
    video: &Path,
    fed: u64,
    fingerprints: &Fingerprints,
    stop: &Stop,
) -> Result<u8, EncodeError> {
    let file = File::open(video).map_err(EncodeError::io(video))?;
    let frames = frames(&mut BufReader::new(&file)).map_err(EncodeError::io(video))?;
    check_times(&frames, spec, fed).map_err(|flaw| flawed(video, flaw))?;
    check_pictures(spec, video, fed, fingerprints, stop)
}

fn check_times(frames: &[Anmf], spec: &EncodeSpec, fed: u64) -> Result<(), Flaw> {
    let found = frames.len() as u64;
    if fed == 1 && found == 0 {
        // A single frame becomes a still picture, which has no time.
        return Ok(());
    }
    if found != fed {
        return Err(Flaw::Count { expected: fed, found, what: "frames (ANMF)" });
    }
    let clock = Clock::of(&spec.recipe, spec.form);
    let mut time = 0;
    for (index, frame) in (0..).zip(frames) {
        if !clock.is_time_of(index, spec.rate, time, (1, 1000)) {
            let (expected, found) = (timing::exact(index, spec.rate), format!("{time}/1000 s"));
            return Err(Flaw::Time { index, expected, found });
        }
        time += i64::from(frame.delay);
    }
    Ok(())
}

fn check_pictures(
    spec: &EncodeSpec,
    video: &Path,
    fed: u64,
    fingerprints: &Fingerprints,
    stop: &Stop,
) -> Result<u8, EncodeError> {
    let damaged = |error: image::ImageError| flawed(video, Flaw::Container(chain(&error).to_string()));
    let file = File::open(video).map_err(EncodeError::io(video))?;
    let decoder = WebPDecoder::new(BufReader::new(file)).map_err(damaged)?;
    let pictures: Box<dyn Iterator<Item = _>> = if decoder.has_animation() {
        Box::new(decoder.into_frames().map(|frame| frame.map(Frame::into_buffer)))
    } else {
        Box::new(std::iter::once(DynamicImage::from_decoder(decoder).map(DynamicImage::into_rgba8)))
    };
    let mut found = 0;
    let mut judge = Judge::new(&spec.recipe);
    for picture in pictures {
        if stop.requested() {
            return Err(EncodeError::Stopped);
        }
        let picture = picture.map_err(damaged)?;
        let (width, height) = picture.dimensions();
        let canvas = &spec.recipe.canvas;
        if (width, height) != (canvas.width, canvas.height) {
            return Err(flawed(video, Flaw::Container(format!("a frame of {width}x{height} pixels"))));
        }
        let expected = fingerprints.get(found);
        let index = found;
        found += 1;
        let Some(expected) = expected else { continue };
        let (layout, raw) = if spec.recipe.feed.has_alpha() {
            (Feed::Rgba, picture.into_raw())
        } else {
            (Feed::Rgb24, DynamicImage::ImageRgba8(picture).into_rgb8().into_raw())
        };
        let seen = spec.recipe.fingerprint(&raw, Layout::Feed(layout), (width, height));
        judge.judge(index, expected, seen).map_err(|flaw| flawed(video, flaw))?;
    }
    if found != fed {
        return Err(flawed(video, Flaw::Count { expected: fed, found, what: "decoded" }));
    }
    judge.finish().map_err(|flaw| flawed(video, flaw))?;
    Ok(judge.worst())
}
