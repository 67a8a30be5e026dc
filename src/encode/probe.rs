//! Trying a recipe for real.

use std::path::Path;
use std::{fs, io};

use super::chunk::{BadFrames, EncodeSpec, FrameFile, FrameQueue, Settings};
use super::error::EncodeError;
use super::ffmpeg::{Ffmpeg, Stop};
use super::join::VideoPart;
use super::recipe::{ChunkPosition, Form, Recipe, Source};
use super::sound;
use super::tags::Tags;
use super::verified::encode_verified;
use crate::config::{Encoder, Video};
use crate::files::identity_of;
use crate::frame::geometry::{Crop, Geometry};

/// Large enough for every codec.
const SIZE: (u32, u32) = (320, 180);
const FRAMES: u32 = 3;

/// What to do about settings that make no video, where FFmpeg's words are all there is.
pub const HINT: &str = "look at `preset`, `quality`, `speed`, `encoder_args` and `audio`, or use another FFmpeg; `reeld check` tries again";

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// A video in one go.
    Video,
    /// Where the recipe allows that, also a chunk of one, for which encoders are told more.
    VideoAndChunk,
}

/// Encodes and proves a few small frames by the very settings of a root, in a hidden folder of its own in `place`, which goes
/// again.
pub fn probe(
    ffmpeg: &Ffmpeg,
    video: &Video,
    encoder: &Encoder,
    place: &Path,
    extent: Extent,
    stop: &Stop,
) -> Result<(), EncodeError> {
    let dir = tempfile::Builder::new().prefix(".reeld-check-").tempdir_in(place);
    let dir = dir.map_err(EncodeError::io(place))?;
    probe_in(ffmpeg, video, encoder, dir.path(), extent, stop)
}

/// The same in the folder `dir`, in which the files stay.
pub fn probe_in(
    ffmpeg: &Ffmpeg,
    video: &Video,
    encoder: &Encoder,
    dir: &Path,
    extent: Extent,
    stop: &Stop,
) -> Result<(), EncodeError> {
    let frames = (1..=FRAMES)
        .map(|number| {
            let path = dir.join(format!("{number}.png"));
            let byte = |value: u32| u8::try_from(value % 256).unwrap_or_default();
            let picture = image::RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
                image::Rgb([byte(x * 255 / SIZE.0), byte(y * 255 / SIZE.1), byte(number * 60)])
            });
            picture.save(&path).map_err(|error| EncodeError::io(&path)(io::Error::other(error)))?;
            let identity = identity_of(&fs::metadata(&path).map_err(EncodeError::io(&path))?);
            Ok(FrameFile { path, identity, number: number.into(), repeat: 1 })
        })
        .collect::<Result<Vec<FrameFile>, EncodeError>>()?;
    let source = Source { width: SIZE.0, height: SIZE.1, deep: false, linear: false, alpha: false };
    // What is cut out of the frames may be larger than these, or smaller than the codec takes.
    if let Some(Crop::Rectangle { width, height, offset }) = video.geometry.crop {
        let (left, top) = offset.unwrap_or_default();
        Recipe::resolve(video, &Source { width: left + width, height: top + height, ..source })?;
    }
    let geometry = Geometry { crop: None, ..video.geometry };
    let recipe = Recipe::resolve(&Video { geometry, ..video.clone() }, &source)?;
    let chunk = Form::Chunk { gop: encoder.chunk_length, position: ChunkPosition::First };
    let has_chunk = extent == Extent::VideoAndChunk && recipe.joinable();
    for form in [Some(Form::Reel), has_chunk.then_some(chunk)].into_iter().flatten() {
        let name = if form == Form::Reel { "video" } else { "chunk" };
        let output = dir.join(format!("{name}.{}", recipe.extension()));
        // Reserved, as the daemon's are.
        fs::write(&output, "").map_err(EncodeError::io(&output))?;
        let (recipe, rate, settings) = (recipe.clone(), video.rate, Settings::from(encoder));
        let spec = EncodeSpec { recipe, rate, form, bad_frames: BadFrames::Error, tags: Tags::default(), settings };
        let queue = FrameQueue::of(frames.clone());
        let outcome = encode_verified(ffmpeg, &spec, &queue, &output, &|_| {}, stop, || ())?;
        if let (Form::Reel, Some(audio), Some(samples)) = (form, &video.audio, outcome.proof.samples) {
            let heard = dir.join(format!("sound.{}", spec.recipe.extension()));
            fs::write(&heard, "").map_err(EncodeError::io(&heard))?;
            sound::add(ffmpeg, &spec, audio, &VideoPart { file: output, samples }, &heard, stop)?;
        }
    }
    Ok(())
}
