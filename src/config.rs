//! The configuration, checked: what every other module may rely on.
//!
//! Owns the TOML file's way from text to these types, once, at the border. Nothing after it sees a raw string where a
//! unit, a rate, a pattern or a preset is meant, and no impossible combination can be built.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::error::chain;
use crate::frame::limits::Limits;
use crate::sequence::finish::{MissingFrames, Rules};
use crate::sequence::group::{Scope, home};
use crate::sequence::name::{self, NameRule};
use crate::sequence::rate::{MakersRate, RateSource};
use crate::sequence::{Batch, os_name};

mod arguments;
mod check;
pub(crate) mod codec;
mod delivery;
pub mod dirs;
mod error;
mod feedback;
mod folder_file;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod globs;
mod length;
mod place;
mod raw;
mod reader;
mod selection;
mod settings;
mod template;
pub mod units;
mod video;

#[cfg(test)]
mod tests;

pub use self::arguments::{ArgumentError, EncoderArg, EncoderArgs};
use self::error::{Complaint, Mistakes};
use self::place::Place;
use self::raw::RawConfig;
pub use crate::model::FrameRate;
pub use delivery::{Cleanup, Delivery, Metadata, NamePart, NameTemplate, Poster};
pub use dirs::locate;
pub use error::{ConfigError, Invalid};
pub use folder_file::{FolderFile, FolderFileError};
pub use length::Length;
pub(crate) use place::real;
pub use selection::Selection;
pub use settings::{InForce, Settings};
pub use template::TemplateError;
pub use units::{Factor, Framerate, parse_exposure, parse_layer};
pub use video::{Audio, Builtin, Container, CustomPreset, NamedQuality, Preset, Quality, Video};

/// The commented configuration that `reeld init` writes.
pub const DEFAULT_TOML: &str = include_str!("../config/reeld.toml");

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// The folders to watch; none contains another.
    pub roots: Vec<Root>,
    /// How FFmpeg is run.
    pub encoder: Encoder,
    /// What one frame may cost.
    pub limits: Limits,
    /// The presets that the file adds.
    pub presets: Vec<Arc<CustomPreset>>,
    /// Where the journal lives, if the file says so.
    pub state_dir: Option<PathBuf>,
    /// How long the journal keeps batches that hold no file any more; for ever where the file does not say.
    pub keep_history: Option<Duration>,
    /// What a stop does to a running encode.
    pub stop: StopPolicy,
}

/// One watched folder.
#[derive(Debug, Clone)]
pub struct Root {
    /// Absolute, without `.` and `..`; links in what existed of it when the configuration was read are resolved. It need not
    /// exist yet.
    pub path: PathBuf,
    /// The path as it is written, where links lead from it to `path`.
    pub link: Option<PathBuf>,
    /// Which files in it are looked at.
    pub selection: Selection,
    /// Whether a file beside the frames may say otherwise for its folder, see [`FolderFile`].
    pub folder_config: bool,
    /// How changes are noticed.
    pub watch: WatchMode,
    /// Which digits of a name are the frame number.
    pub names: Arc<NameRule>,
    /// Which files can be one film; those of several folders only where it is recursive.
    pub group: Scope,
    /// When a sequence is finished.
    pub finish: Arc<Rules>,
    /// Whether its frames are encoded before that.
    pub live: Live,
    /// Why that has to wait for the last frame, always or mostly, whatever the config says of `live`; `None` where it decides.
    pub waits: Option<&'static str>,
    /// What a batch becomes.
    pub video: Arc<Video>,
    /// Where the rate of `video` comes from.
    pub rate_from: RateSource,
    /// By how much a rate is multiplied: one that is stated in a folder's file, or said by the maker of the frames, whose word
    /// counts unless one is stated.
    pub rate_factor: Factor,
    /// How long the video is to last, which decides its rate when its frames are counted; `None` where nobody says.
    pub length: Option<Length>,
    /// Where the video goes, and what happens to the frames.
    pub delivery: Arc<Delivery>,
}

/// How changes under a root are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchMode {
    /// By the type of the file system.
    Auto,
    /// By inotify, with a slow reconciling scan.
    Native,
    /// By reading the folders every few seconds.
    Poll,
    /// By both.
    Both,
}

/// Whether frames are encoded while their sequence still grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// They are.
    Always,
    /// While the machine has processors to spare.
    WhenIdle,
    /// Not before it is finished.
    Never,
}

/// How FFmpeg is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoder {
    /// The FFmpeg to use; the one on `PATH` where `None`.
    pub ffmpeg: Option<PathBuf>,
    /// Batches encoded at the same time.
    pub jobs: NonZeroUsize,
    /// Niceness of FFmpeg and of decoding, 0 to 19. From 1 on they also let other programs read and write first.
    pub nice: u8,
    /// Threads of the encoder; its own choice where `None`.
    pub threads: Option<NonZeroUsize>,
    /// Frames of a chunk, and the most between two key frames; 24 to 10000.
    pub chunk_length: NonZeroU32,
    /// How long an encoder may wait for the next frame of a growing sequence; at least a second.
    pub live_hold: Duration,
    /// Where chunks are, absolute; `chunks` in the state directory where `None`.
    pub chunk_dir: Option<PathBuf>,
    /// Chunks of one batch encoded at the same time.
    pub parallel_chunks: ParallelChunks,
}

/// How many chunks of one batch are encoded at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParallelChunks {
    /// By processors, encoder, frame size and memory.
    Auto,
    /// That many, 1 to 64.
    Fixed(NonZeroUsize),
}

/// FFmpeg from `PATH`, one batch at a time, niceness 10, as many threads as the encoder likes, chunks of 240 frames in
/// the state directory, as many at a time as the machine is worth.
impl Default for Encoder {
    fn default() -> Self {
        Self {
            ffmpeg: None,
            jobs: NonZeroUsize::MIN,
            nice: 10,
            threads: None,
            chunk_length: const { NonZeroU32::new(240).unwrap() },
            live_hold: Duration::from_secs(60),
            chunk_dir: None,
            parallel_chunks: ParallelChunks::Auto,
        }
    }
}

/// What a stop does to a running encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopPolicy {
    /// It is dropped, and done again at the next start.
    Abort,
    /// It is finished first.
    Finish,
}

impl Config {
    /// Reads and checks `file`. Relative paths in it start at its folder, `~/` at `$HOME`. Roots that are links are resolved
    /// now, and once: a link that is pointed elsewhere later must not make another folder the root in silence.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read { path: file.to_owned(), source };
        let bytes = std::fs::read(file).map_err(read)?;
        match str::from_utf8(&bytes) {
            Ok(text) => Self::parse(text, file).map(Self::resolved),
            Err(error) => {
                let mut mistakes = Mistakes::default();
                let complaint = Complaint::new("not UTF-8 text", "save the file as UTF-8");
                mistakes.add(error.valid_up_to()..error.valid_up_to(), complaint);
                mistakes.into_result(file, &String::from_utf8_lossy(&bytes))?;
                Err(read(std::io::ErrorKind::InvalidData.into()))
            }
        }
    }

    /// The `state_dir` that `file` names, whatever else is wrong with it: who asks a daemon to read a file must find the
    /// daemon also where the file is no good.
    #[must_use]
    pub fn state_dir_in(file: &Path) -> Option<PathBuf> {
        let text = std::fs::read_to_string(file).ok()?;
        let written = RawConfig::read(&text, &mut Mistakes::default()).top.state_dir?;
        Place::of(file, &dirs::process_env).resolve(written.get_ref()).ok()
    }

    /// Checks `text` as if it stood in `file`, which need not exist.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        parse_in(text, file, &dirs::process_env)
    }

    /// The root that `path` is in, by its real path or through the link that the configuration names.
    #[must_use]
    pub fn root_of(&self, path: &Path) -> Option<&Root> {
        let through_link = |root: &Root| root.link.as_ref().is_some_and(|link| path.starts_with(link));
        self.roots.iter().find(|root| path.starts_with(&root.path) || through_link(root))
    }

    /// Where the file really is.
    #[must_use]
    pub fn real_file(&self) -> PathBuf {
        real(&std::path::absolute(&self.file).unwrap_or_else(|_| self.file.clone()))
    }

    fn resolved(mut self) -> Self {
        for root in &mut self.roots {
            let resolved = real(&root.path);
            if resolved != root.path {
                root.link = Some(std::mem::replace(&mut root.path, resolved));
            }
        }
        self
    }
}

impl Root {
    /// A root with every default, as a configuration of nothing but this path has it.
    #[must_use]
    pub fn with_defaults(path: PathBuf) -> Self {
        check::default_root(path)
    }

    /// This root for frames whose maker says this of their rate. Where that counts and the preset can play it, the videos have
    /// it; all else stays as it is.
    #[must_use]
    pub fn at(&self, makers: Option<&MakersRate>) -> Self {
        let Some(makers) = makers.filter(|_| !matches!(self.rate_from, RateSource::Stated | RateSource::Duration))
        else {
            return self.clone();
        };
        let possible = makers
            .rate
            .scaled(self.rate_factor)
            .map_err(|error| chain(&error).to_string())
            .and_then(|rate| codec::refuses_rate(&self.video.preset, rate).map_or(Ok(rate), |(why, _)| Err(why)));
        match possible {
            Ok(rate) => Self {
                video: Arc::new(Video { rate, ..Video::clone(&self.video) }),
                rate_from: makers.source.clone(),
                ..self.clone()
            },
            Err(why) => {
                Self { rate_from: RateSource::Refused { wanted: Box::new(makers.clone()), why }, ..self.clone() }
            }
        }
    }

    /// This root for so many frames of a video, without pauses: at the rate at which they last as long as they are to. Where
    /// nobody says how long that is, all stays as it is.
    #[must_use]
    pub fn lasting(&self, frames: u64) -> Self {
        let Some(length) = &self.length else { return self.clone() };
        let (rate, rate_from) = length.rate(frames, &self.video.playback, &self.video.preset);
        Self { video: Arc::new(Video { rate, ..Video::clone(&self.video) }), rate_from, ..self.clone() }
    }

    /// This root for a batch whose files nobody has looked at: all of them count as frames.
    #[must_use]
    pub fn for_batch(&self, batch: &Batch) -> Self {
        let held = if self.finish.missing_frames == MissingFrames::Hold { batch.missing.count() } else { 0 };
        let frames = self.video.playback.count(batch.frames.len() as u64 + held);
        self.at(batch.makers_rate.as_ref()).lasting(frames)
    }

    /// The folder that the films of the folder `dir` belong to, and the path from there to `dir`: empty, or with a slash at
    /// its end.
    #[must_use]
    pub fn home_of(&self, dir: &Path) -> (PathBuf, BString) {
        match self.group {
            Scope::Folder => (dir.to_owned(), BString::default()),
            Scope::Tree => {
                let (home, within) = home(&self.path, dir);
                (home, within.into())
            }
        }
    }

    /// Whether a file of this name in the folder `dir` may be a frame or a marker.
    #[must_use]
    pub fn wants_file(&self, dir: &Path, file: &[u8]) -> bool {
        self.finish.is_marker(file) || self.may_be_frame(dir, file)
    }

    /// Whether a file of this name in the folder `dir` may be a frame.
    #[must_use]
    pub fn may_be_frame(&self, dir: &Path, file: &[u8]) -> bool {
        name::may_be_frame(file) && self.admits(dir, file)
    }

    /// Whether `include` and `exclude` let a file of this name in the folder `dir` in.
    #[must_use]
    pub fn admits(&self, dir: &Path, file: &[u8]) -> bool {
        self.selection.admits_all() || self.selection.admits(&self.relative(dir).join(os_name(file)))
    }

    /// Whether the folder `dir`, which is in the root, is the root itself or one that is looked at.
    #[must_use]
    pub fn reads_folder(&self, dir: &Path) -> bool {
        let link = self.link.as_ref().and_then(|link| dir.strip_prefix(link).ok());
        let below = dir.strip_prefix(&self.path).ok().or(link);
        below.is_some_and(|below| below.as_os_str().is_empty() || self.selection.reads_folder(below))
    }

    /// The path of a folder from the root.
    #[must_use]
    pub fn relative<'p>(&self, dir: &'p Path) -> &'p Path {
        dir.strip_prefix(&self.path).unwrap_or(dir)
    }
}

fn parse_in(text: &str, file: &Path, env: dirs::Env<'_>) -> Result<Config, ConfigError> {
    let mut mistakes = Mistakes::default();
    let raw = RawConfig::read(text, &mut mistakes);
    // Combinations are looked at once every value is right: a wrong one would read as the default, and be compared.
    mistakes.into_result(file, text)?;
    let mut mistakes = Mistakes::default();
    let config = check::check(&raw, file, &Place::of(file, env), &mut mistakes);
    mistakes.into_result(file, text)?;
    Ok(config)
}
