//! A batch that is to become a video, and what that is done with.

use std::path::{Path, PathBuf};

use crate::config::{Encoder, Metadata, Poster, Root, Settings};
use crate::encode::ffmpeg::{Ffmpeg, FfmpegError};
use crate::journal::{BatchId, Journal, JournalError, NewBatch};
use crate::pipeline::clock::now_ms;
use crate::sequence::Batch;
use crate::sequence::finish::MissingFrames;
use crate::text::printable::Show as _;

/// What a job works with.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The FFmpeg that encodes and proves, as a path.
    pub program: PathBuf,
    /// Where every step is recorded.
    pub journal: Journal,
    /// How FFmpeg is run.
    pub encoder: Encoder,
    /// Where chunks are.
    pub chunk_dir: PathBuf,
}

impl Tools {
    /// Those of a daemon with these settings.
    #[must_use]
    pub fn of(settings: &Settings, program: PathBuf, journal: Journal) -> Self {
        let encoder = settings.config.encoder.clone();
        Self { program, journal, encoder, chunk_dir: settings.chunk_dir.clone() }
    }

    /// The FFmpeg as it is now. It is asked for its version only where the journal does not have that of the very file: an
    /// upgrade under a running daemon is another FFmpeg, and chunks of two versions do not go together.
    ///
    /// # Errors
    ///
    /// When it has to be asked, and does not answer.
    pub fn ffmpeg(&self) -> Result<Ffmpeg, FfmpegError> {
        ffmpeg(&self.program, &self.journal)
    }
}

/// The same for an FFmpeg at `program`.
///
/// # Errors
///
/// When it has to be asked, and does not answer.
pub fn ffmpeg(program: &Path, journal: &Journal) -> Result<Ffmpeg, FfmpegError> {
    let now = now_ms();
    // A program that is gone is told of when it is asked. A journal that cannot be read or written fails the batch.
    let identity = Ffmpeg::identity_of(program);
    if let Some(identity) = &identity
        && let Ok(Some(version)) = journal.version_of(program, identity, now)
    {
        return Ok(Ffmpeg { path: program.to_path_buf(), version, identity: Some(*identity) });
    }
    let ffmpeg = Ffmpeg::ask(program.to_path_buf())?;
    if let Some(identity) = &ffmpeg.identity {
        _ = journal.keep_version(&ffmpeg.path, identity, &ffmpeg.version, now);
    }
    Ok(ffmpeg)
}

/// A batch with its place in the journal, and nothing of the config: what its root says is looked up when its turn has come.
#[derive(Debug, Clone)]
pub(crate) struct Queued {
    /// Its number in the journal.
    pub(crate) id: BatchId,
    /// The frames.
    pub(crate) batch: Batch,
}

/// A batch with its place in the journal and what its root says about it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its number in the journal.
    pub id: BatchId,
    /// The frames.
    pub batch: Batch,
    /// The settings, at the rate of this batch.
    pub root: Root,
}

impl Job {
    /// Puts a new batch into the journal.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written.
    pub fn begin(batch: Batch, root: &Root, journal: &Journal) -> Result<Self, JournalError> {
        let root = root.for_batch(&batch);
        let (recipe, rate_from) = (recipe_of(&root), root.rate_from.to_string());
        let new =
            NewBatch { root: &root.path, batch: &batch, recipe: &recipe, rate: root.video.rate, rate_from: &rate_from };
        let id = journal.begin(&new, now_ms())?;
        Ok(Self { id, batch, root })
    }

    /// A batch of the journal whose turn has come, by the settings of this moment.
    pub(crate) fn of(queued: Queued, root: &Root) -> Self {
        let root = root.for_batch(&queued.batch);
        Self { id: queued.id, batch: queued.batch, root }
    }

    /// What the log calls it.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&self.batch)
    }
}

impl Queued {
    /// What the log calls it.
    pub(crate) fn name(&self) -> String {
        name_of(&self.batch)
    }
}

fn name_of(batch: &Batch) -> String {
    batch.dir.join(batch.pattern.to_string()).shown().to_string()
}

/// What decides what the video is like: the settings of the video, what becomes of a gap, and what it says of its frames.
pub(super) fn recipe_of(root: &Root) -> String {
    let gaps = match root.finish.missing_frames {
        MissingFrames::Hold => format!(", gaps of up to {} held", root.finish.max_hold),
        MissingFrames::Skip | MissingFrames::Error | MissingFrames::Wait => String::new(),
    };
    let metadata = match root.delivery.metadata {
        Metadata::Everything => "",
        Metadata::Frames => ", metadata of the frames",
        Metadata::Nothing => ", no metadata",
    };
    let poster = match root.delivery.poster {
        Poster::Nothing => String::new(),
        which => format!(", poster of the {which} frame"),
    };
    root.video.settings() + &gaps + metadata + &poster
}
