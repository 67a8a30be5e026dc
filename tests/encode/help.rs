//! Frames, jobs, and a look into the results.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use reeld::config::{Builtin, Container, CustomPreset, EncoderArgs, FrameRate, Preset, Quality, Video};
use reeld::encode::EncodeError;
use reeld::encode::chunk::{self, BadFrames, ChunkSpec, EncodeSpec, Encoded, FrameFile, Progress, Settings};
use reeld::encode::ffmpeg::{Ffmpeg, Stop};
use reeld::encode::recipe::{Form, Recipe, RecipeError, Source};
use reeld::encode::tags::Tags;
use reeld::encode::verify::{self, Proof};
use reeld::files::identity_of;
use reeld::frame::complete::inspect;
use reeld::frame::geometry::Geometry;
use reeld::sequence::playback::Playback;
use reeld::sequence::sizes::SizeChange;
use tempfile::TempDir;

/// The FFmpeg under test.
pub(crate) fn ffmpeg() -> &'static Ffmpeg {
    static FOUND: OnceLock<Ffmpeg> = OnceLock::new();
    FOUND.get_or_init(|| {
        let asked = std::env::var_os("REELD_TEST_FFMPEG").map(PathBuf::from);
        Ffmpeg::find(asked.as_deref()).unwrap_or_else(|error| {
            panic!("these tests need FFmpeg: install it, or set REELD_TEST_FFMPEG to its path ({error})")
        })
    })
}

/// What a test's frames are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Eight,
    Sixteen,
    Alpha,
    DeepAlpha,
    Gray,
    Red,
    /// A small square that moves by a sixteenth of the width.
    Dot,
}

/// A folder with frames, and where the video goes.
pub(crate) struct Shot {
    pub dir: TempDir,
    pub frames: Vec<FrameFile>,
}

impl Shot {
    pub(crate) fn new(count: u32, size: (u32, u32), look: Look) -> Self {
        let dir = TempDir::new().unwrap();
        let frames = (1..=count)
            .map(|number| {
                let path = dir.path().join(format!("frame {number:04}.png"));
                fs::write(&path, drawn(format!("{look:?} {size:?} {number}"), || picture(number, size, look))).unwrap();
                frame_file(&path, number.into())
            })
            .collect();
        Self { dir, frames }
    }

    pub(crate) fn job(&self, video: &Video) -> Job {
        self.try_job(video).unwrap()
    }

    pub(crate) fn try_job(&self, video: &Video) -> Result<Job, RecipeError> {
        let info = inspect(&self.frames[0].path, &self.frames[0].identity, None).unwrap();
        let source =
            Source { width: info.width, height: info.height, deep: info.deep, linear: info.linear, alpha: info.alpha };
        let recipe = Recipe::resolve(video, &source)?;
        let output = self.dir.path().join(format!(".reeld-1.{}.part", recipe.extension()));
        fs::write(&output, b"").unwrap();
        Ok(Job {
            frames: self.frames.clone(),
            recipe,
            rate: video.rate,
            output,
            bad_frames: BadFrames::Error,
            settings: Settings::default(),
            form: Form::Reel,
            tags: Tags::default(),
        })
    }
}

/// The PNG file of a picture. One of each key is drawn, because most tests encode the same pictures once more, and to draw them
/// takes longer than to encode them.
pub(crate) fn drawn(key: String, draw: impl FnOnce() -> DynamicImage) -> Arc<[u8]> {
    static DRAWN: Mutex<BTreeMap<String, Arc<[u8]>>> = Mutex::new(BTreeMap::new());
    let found = DRAWN.lock().unwrap().get(&key).cloned();
    found.unwrap_or_else(|| {
        let mut file = Cursor::new(Vec::new());
        draw().write_to(&mut file, ImageFormat::Png).unwrap();
        let file: Arc<[u8]> = file.into_inner().into();
        DRAWN.lock().unwrap().insert(key, Arc::clone(&file));
        file
    })
}

pub(crate) fn frame_file(path: &Path, number: i64) -> FrameFile {
    let identity = identity_of(&fs::metadata(path).unwrap());
    FrameFile { path: path.to_path_buf(), identity, number, repeat: 1 }
}

pub(crate) fn rate(num: u32, den: u32) -> FrameRate {
    FrameRate { num: NonZeroU32::new(num).unwrap(), den: NonZeroU32::new(den).unwrap() }
}

pub(crate) fn video(preset: Builtin) -> Video {
    Video {
        rate: rate(24, 1),
        preset: Preset::Builtin(preset),
        quality: None,
        speed: None,
        encoder_args: EncoderArgs::default(),
        layer: None,
        exposure: reeld::frame::Exposure::NONE,
        background: [0; 3],
        geometry: Geometry::default(),
        playback: Playback::default(),
        size_change: SizeChange::Error,
        audio: None,
    }
}

/// A preset of the user's own.
pub(crate) fn own(encoder: &str, pix_fmt: &str, container: Container, args: &[&str]) -> Video {
    let args = EncoderArgs::parse(args).unwrap();
    let (name, encoder, pix_fmt) = ("own".to_owned(), encoder.to_owned(), pix_fmt.to_owned());
    let custom = CustomPreset { name, encoder, pix_fmt, container, args };
    Video { preset: Preset::Custom(custom.into()), ..video(Builtin::H264) }
}

pub(crate) fn with_quality(preset: Builtin, quality: Quality) -> Video {
    Video { quality: Some(quality), ..video(preset) }
}

/// A spec with the place of its file, for tests to change.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub frames: Vec<FrameFile>,
    pub recipe: Recipe,
    pub rate: FrameRate,
    pub output: PathBuf,
    pub bad_frames: BadFrames,
    pub settings: Settings,
    pub form: Form,
    pub tags: Tags,
}

impl Job {
    pub(crate) fn encode_spec(&self) -> EncodeSpec {
        let Self { rate, bad_frames, settings, form, .. } = *self;
        EncodeSpec { recipe: self.recipe.clone(), rate, form, bad_frames, tags: self.tags.clone(), settings }
    }

    pub(crate) fn spec(&self) -> ChunkSpec {
        ChunkSpec { frames: self.frames.clone(), encode: self.encode_spec() }
    }
}

pub(crate) fn encode(
    ffmpeg: &Ffmpeg,
    job: &Job,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &Stop,
) -> Result<Encoded, EncodeError> {
    chunk::encode(ffmpeg, &job.spec(), &job.output, progress, stop)
}

pub(crate) fn verify(ffmpeg: &Ffmpeg, job: &Job, fed: &Encoded, stop: &Stop) -> Result<Proof, EncodeError> {
    verify::verify(ffmpeg, &job.encode_spec(), &job.output, fed.fed, &fed.fingerprints, stop)
}

/// Encodes and proves.
pub(crate) fn make(job: &Job) -> Result<(Encoded, Proof), EncodeError> {
    make_with(ffmpeg(), job)
}

pub(crate) fn make_with(ffmpeg: &Ffmpeg, job: &Job) -> Result<(Encoded, Proof), EncodeError> {
    let stop = Stop::default();
    let result = encode(ffmpeg, job, &|_| {}, &stop)?;
    let proof = verify(ffmpeg, job, &result, &stop)?;
    Ok((result, proof))
}

/// The decoded frames of a video in FFmpeg's pixel format `pix_fmt`, all in one.
pub(crate) fn decode(path: &Path, args: &[&str], pix_fmt: &str) -> Vec<u8> {
    let output = Command::new(&ffmpeg().path)
        .args(["-nostdin", "-v", "error"])
        .args(args)
        .arg("-i")
        .arg(path)
        .args(["-fps_mode", "passthrough", "-pix_fmt", pix_fmt, "-f", "rawvideo", "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The decoded frames of several videos, each by itself, by one FFmpeg: to start one takes longer than to decode a short video.
pub(crate) fn decode_each(paths: &[&Path], pix_fmt: &str) -> Vec<Vec<u8>> {
    let folder = TempDir::new().unwrap();
    let raw = |index: usize| folder.path().join(index.to_string());
    let mut command = Command::new(&ffmpeg().path);
    command.args(["-nostdin", "-v", "error"]);
    for path in paths {
        command.arg("-i").arg(path);
    }
    for index in 0..paths.len() {
        command.args([
            "-map",
            &format!("{index}:v"),
            "-fps_mode",
            "passthrough",
            "-pix_fmt",
            pix_fmt,
            "-f",
            "rawvideo",
        ]);
        command.arg(raw(index));
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (0..paths.len()).map(|index| fs::read(raw(index)).unwrap()).collect()
}

/// FFmpeg's own description of the stream: codec, profile, pixel format, colours, rate.
pub(crate) fn describe(path: &Path) -> String {
    let output = Command::new(&ffmpeg().path).args(["-nostdin", "-hide_banner", "-i"]).arg(path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().find(|line| line.contains("Video: ")).unwrap_or_else(|| panic!("no video in {text}")).trim().to_owned()
}

/// A gradient with a bar that moves with the number, so that no two frames are alike.
fn picture(number: u32, size: (u32, u32), look: Look) -> DynamicImage {
    let (width, height) = size;
    let at = |x: u32, y: u32| -> [u32; 3] {
        let bar = (x * 8 / width.max(1) + number).is_multiple_of(8);
        if bar { [250, 40, 200] } else { [x * 255 / width, y * 255 / height, 40 + number % 100] }
    };
    let byte = |value: u32| u8::try_from(value).unwrap();
    // Values that need all sixteen bits.
    let word = |value: u32| u16::try_from(value * 257 - value % 2 * 101).unwrap();
    let alpha = |x: u32| if x < width / 2 { 255 } else { x * 255 / width };
    match look {
        Look::Red => RgbImage::from_pixel(width, height, Rgb([255, 0, 0])).into(),
        Look::Eight => RgbImage::from_fn(width, height, |x, y| Rgb(at(x, y).map(byte))).into(),
        Look::Dot => RgbImage::from_fn(width, height, |x, y| {
            let left = number * (width / 16) + 13;
            let dot = (left..left + 14).contains(&x) && (100..114).contains(&y);
            Rgb([if dot { 220 } else { 40 }; 3])
        })
        .into(),
        Look::Gray => ImageBuffer::from_fn(width, height, |x, y| Luma([byte(at(x, y)[0])])).into(),
        Look::Sixteen => ImageBuffer::from_fn(width, height, |x, y| Rgb(at(x, y).map(word))).into(),
        Look::Alpha => RgbaImage::from_fn(width, height, |x, y| {
            let [r, g, b] = at(x, y).map(byte);
            Rgba([r, g, b, byte(alpha(x))])
        })
        .into(),
        Look::DeepAlpha => ImageBuffer::from_fn(width, height, |x, y| {
            let [r, g, b] = at(x, y).map(word);
            Rgba([r, g, b, word(alpha(x))])
        })
        .into(),
    }
}
