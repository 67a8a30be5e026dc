//! The configuration, checked: what every other room may rely on.
//!
//! Owns the TOML file's way from text to these types, once, at the border. Nothing behind it sees a raw string where a
//! unit, a rate, a pattern or a preset is meant, and no impossible combination can be built.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use globset::GlobSet;
use serde::{Deserialize, Serialize};

use crate::sequence::finish::Rules;
use crate::sequence::name::NameRule;

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// The folders to watch; none contains another.
    pub roots: Vec<Root>,
    /// How FFmpeg is run.
    pub encoder: Encoder,
    /// Where the journal lives, if the file says so.
    pub state_dir: Option<PathBuf>,
    /// What a stop does to a running encode.
    pub stop: StopPolicy,
}

/// One watched folder.
#[derive(Debug, Clone)]
pub struct Root {
    /// Absolute. It need not exist yet.
    pub path: PathBuf,
    /// Whether folders below it are watched too.
    pub recursive: bool,
    /// How changes are noticed.
    pub watch: WatchMode,
    /// File paths relative to the root that may be frames; all when `None`.
    pub include: Option<GlobSet>,
    /// File and folder paths relative to the root that are left alone.
    pub exclude: GlobSet,
    /// Which digits of a name are the frame number.
    pub names: Arc<NameRule>,
    /// When a sequence is finished.
    pub finish: Arc<Rules>,
    /// What a batch becomes.
    pub video: Arc<Video>,
    /// Where the reel goes, and what happens to the frames.
    pub delivery: Arc<Delivery>,
}

/// How changes under a root are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// What a batch becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    /// Frames per second of the reel: the configured rate times the configured factor.
    pub rate: FrameRate,
    /// Codec, pixel format and container.
    pub preset: Preset,
    /// How good; the preset's own where `None`.
    pub quality: Option<Quality>,
    /// The encoder's own speed preset, such as `veryfast`; the preset's own where `None`.
    pub speed: Option<String>,
    /// Further arguments for the encoder, behind reeld's own.
    pub encoder_args: Vec<String>,
    /// What shows through transparent pixels where the codec has no alpha: red, green, blue.
    pub background: [u8; 3],
    /// What a frame of another size than the most means.
    pub size_change: SizeChange,
}

/// A frame rate as a fraction in lowest terms, frames per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRate {
    /// Frames.
    pub num: NonZeroU32,
    /// Seconds.
    pub den: NonZeroU32,
}

/// A recipe by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preset {
    /// One of reeld's own.
    Builtin(Builtin),
    /// `[presets.NAME]` of the config.
    Custom(Arc<CustomPreset>),
}

/// The presets that come with reeld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the codecs; encode::recipe says what each stands for")]
pub enum Builtin {
    H264,
    #[serde(rename = "h264-10bit")]
    H264Ten,
    H265,
    #[serde(rename = "h265-10bit")]
    H265Ten,
    Av1,
    Vp9,
    Prores,
    #[serde(rename = "prores-4444")]
    Prores4444,
    Dnxhr,
    Ffv1,
    Mpeg4,
    Gif,
    Webp,
    Lossless,
}

/// A preset of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomPreset {
    /// Its name in the config.
    pub name: String,
    /// FFmpeg's name of the encoder, such as `libx264`.
    pub encoder: String,
    /// FFmpeg's name of the pixel format, such as `yuv420p10le`.
    pub pix_fmt: String,
    /// The file format.
    pub container: Container,
    /// Arguments for the encoder.
    pub args: Vec<String>,
}

/// File formats of reels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the file extensions")]
pub enum Container {
    Mp4,
    Mov,
    Mkv,
    Webm,
    Avi,
    Gif,
    Webp,
}

/// How good a reel is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quality {
    /// The encoder's own constant quality number (CRF or its like).
    Crf(u8),
    /// Blender's name.
    Named(NamedQuality),
}

/// Blender's quality names, meaning what Blender's own tables say for each codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "encode::recipe has the numbers of each")]
pub enum NamedQuality {
    Lossless,
    PercLossless,
    High,
    Medium,
    Low,
    #[serde(rename = "VERYLOW")]
    VeryLow,
    Lowest,
}

/// What a frame of another size than most of its batch means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeChange {
    /// It is scaled into the size of the others, its shape kept; an anomaly.
    Fit,
    /// The batch fails.
    Error,
}

/// Where the reel goes, and what happens to the frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Beside the frames when `None`. Relative paths are taken from the folder of the frames.
    pub output_dir: Option<PathBuf>,
    /// The reel's name without its extension, as a checked template (`deliver::name` renders it).
    pub output_name: NameTemplate,
    /// What happens to the frames once the reel is proved and published.
    pub cleanup: Cleanup,
    /// How long after publishing.
    pub cleanup_after: Duration,
    /// Whether a batch with an anomaly is cleaned up too.
    pub cleanup_anomalies: bool,
}

/// A reel's name: literal text and tokens, parsed from `output_name`. Sub-folders are allowed, `..` is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate(pub Vec<NamePart>);

/// A piece of a [`NameTemplate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamePart {
    /// Text as it stands.
    Text(String),
    /// `{prefix}`: the frames' prefix without trailing separators, or the folder's name where there is none.
    Prefix,
    /// `{folder}`: the name of the folder of the frames.
    Folder,
    /// `{first}`: the first frame's number, padded as the frames are.
    First,
    /// `{last}`: the last frame's number, padded as the frames are.
    Last,
    /// `{count}`: how many frames.
    Count,
    /// `{fps}`: the rate, as `24` or `23.976`.
    Fps,
    /// `{preset}`: the preset's name.
    Preset,
    /// `{date}`: the day of publishing, `2026-11-20`.
    Date,
    /// `{time}`: the time of publishing, `154501`.
    Time,
}

/// What happens to the frames of a proved, published reel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleanup {
    /// Nothing.
    Keep,
    /// They are removed.
    Delete,
    /// They go to the desktop's trash.
    Trash,
    /// They move to `.reeld-done/` beside them, on the same mount.
    Archive,
}

/// How FFmpeg is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoder {
    /// The FFmpeg to use; the one on `PATH` where `None`.
    pub ffmpeg: Option<PathBuf>,
    /// Batches encoded at the same time.
    pub jobs: NonZeroUsize,
    /// Niceness of FFmpeg and of decoding, 0 to 19.
    pub nice: u8,
    /// Threads of the encoder; its own choice where `None`.
    pub threads: Option<NonZeroUsize>,
}

/// What a stop does to a running encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopPolicy {
    /// It is dropped, and done again at the next start.
    Abort,
    /// It is finished first.
    Finish,
}

impl Config {
    /// The root that `path` lies in.
    #[must_use]
    pub fn root_of(&self, path: &Path) -> Option<&Root> {
        self.roots.iter().find(|root| path.starts_with(&root.path))
    }
}
