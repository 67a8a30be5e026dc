//! Trying a preset's encoder for real.

use std::num::NonZeroU32;
use std::path::Path;
use std::{fs, io};

use super::chunk::{BadFrames, ChunkJob, Form, FrameFile, Settings, encode};
use super::error::EncodeError;
use super::ffmpeg::{Ffmpeg, Stop};
use super::recipe::{Recipe, Source};
use super::verify::verify;
use crate::config::{FrameRate, Preset, Video};
use crate::files::identity_of;
use crate::sequence::sizes::SizeChange;

/// Large enough for every codec.
const SIZE: (u32, u32) = (320, 180);
const FRAMES: u32 = 3;

/// Encodes and proves a few small frames with `preset`, in a hidden folder of its own in `place`, which goes again.
pub fn probe(ffmpeg: &Ffmpeg, preset: &Preset, place: &Path) -> Result<(), EncodeError> {
    let dir = tempfile::Builder::new().prefix(".reeld-check-").tempdir_in(place);
    let dir = dir.map_err(EncodeError::io(place))?;
    let frames = (1..=FRAMES)
        .map(|number| {
            let path = dir.path().join(format!("{number}.png"));
            let byte = |value: u32| u8::try_from(value % 256).unwrap_or_default();
            let picture = image::RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
                image::Rgb([byte(x * 255 / SIZE.0), byte(y * 255 / SIZE.1), byte(number * 60)])
            });
            picture.save(&path).map_err(|error| EncodeError::io(&path)(io::Error::other(error)))?;
            let identity = identity_of(&fs::metadata(&path).map_err(EncodeError::io(&path))?);
            Ok(FrameFile { path, identity, number: number.into(), repeat: 1 })
        })
        .collect::<Result<_, EncodeError>>()?;
    let rate = FrameRate { num: const { NonZeroU32::new(24).unwrap() }, den: NonZeroU32::MIN };
    let video = Video {
        rate,
        preset: preset.clone(),
        quality: None,
        speed: None,
        encoder_args: Vec::new(),
        background: [0; 3],
        size_change: SizeChange::Error,
    };
    let source = Source { width: SIZE.0, height: SIZE.1, deep: false, linear: false, alpha: false };
    let recipe = Recipe::resolve(&video, &source)?;
    let output = dir.path().join(format!("probe.{}", recipe.extension()));
    let settings = Settings::default();
    let job = ChunkJob { frames, recipe, rate, output, bad_frames: BadFrames::Error, settings, form: Form::Reel };
    let stop = Stop::default();
    let result = encode(ffmpeg, &job, &|_| {}, &stop)?;
    verify(ffmpeg, &job, &result, &stop).map(|_| ())
}
