//! A batch that is to become a video, and what that is done with.

use std::path::PathBuf;

use crate::config::{Encoder, Root};
use crate::encode::ffmpeg::Ffmpeg;
use crate::journal::{BatchId, Journal, JournalError, NewBatch};
use crate::pipeline::clock::now_ms;
use crate::sequence::Batch;
use crate::sequence::finish::MissingFrames;
use crate::text::printable::Show as _;

/// What a job works with.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The FFmpeg that encodes and proves.
    pub ffmpeg: Ffmpeg,
    /// Where every step is recorded.
    pub journal: Journal,
    /// How FFmpeg is run.
    pub encoder: Encoder,
    /// Where chunks lie.
    pub chunk_dir: PathBuf,
}

/// A batch with its place in the journal and what its root says about it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its number in the journal.
    pub id: BatchId,
    /// The frames.
    pub batch: Batch,
    /// The settings.
    pub root: Root,
}

impl Job {
    /// Puts a new batch into the journal.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written.
    pub fn begin(batch: Batch, root: &Root, journal: &Journal) -> Result<Self, JournalError> {
        let recipe = recipe_of(root);
        let new = NewBatch { root: &root.path, batch: &batch, recipe: &recipe, rate: root.video.rate };
        let id = journal.begin(&new, now_ms())?;
        Ok(Self { id, batch, root: root.clone() })
    }

    /// What the log calls it.
    #[must_use]
    pub fn name(&self) -> String {
        self.batch.dir.join(self.batch.pattern.to_string()).shown().to_string()
    }
}

/// What decides what the reel is like: the settings of the video, and what becomes of a gap.
pub(super) fn recipe_of(root: &Root) -> String {
    let gaps = match root.finish.missing_frames {
        MissingFrames::Hold => format!(", gaps of up to {} held", root.finish.max_hold),
        MissingFrames::Skip | MissingFrames::Error | MissingFrames::Wait => String::new(),
    };
    root.video.settings() + &gaps
}
