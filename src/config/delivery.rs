//! Where the video goes, what is said in it, and what happens to the frames.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where the video goes, what is said in it, and what happens to the frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Beside the frames when `None`. Relative paths are taken from the folder of the frames.
    pub output_dir: Option<PathBuf>,
    /// The video's name without its extension, as a checked template (`deliver::name` renders it).
    pub output_name: NameTemplate,
    /// What the video says of its frames.
    pub metadata: Metadata,
    /// Which frame is put beside the video as a still.
    pub poster: Poster,
    /// What happens to the frames once the video is proved and published.
    pub cleanup: Cleanup,
    /// How long after publishing.
    pub cleanup_after: Duration,
    /// Whether a batch with an anomaly is cleaned up too.
    pub cleanup_anomalies: bool,
}

/// A video's name: literal text and tokens, parsed from `output_name`. Sub-folders are allowed, `..` is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate(pub Vec<NamePart>);

/// A piece of a [`NameTemplate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamePart {
    /// Text as it stands.
    Text(String),
    /// `{name}`: prefix and suffix, so that no two sequences of a folder share it; with the extension where the same frames
    /// are there in another format too; the folder's name where it would be empty.
    Name,
    /// `{prefix}`: the frames' prefix without trailing separators, or the folder's name where there is none.
    Prefix,
    /// `{suffix}`: what stands between the number and the extension, without separators around it. May be empty.
    Suffix,
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

/// What a video says of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// What their generators wrote into them, and what reeld knows of them.
    Everything,
    /// What their generators wrote into them.
    Frames,
    /// Nothing at all.
    Nothing,
}

/// Which frame is put beside the video as a still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poster {
    /// Not one.
    Nothing,
    /// The first that is in the video.
    First,
    /// The one in the middle.
    Middle,
    /// The last.
    Last,
}

/// What happens to the frames of a proved, published video.
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
