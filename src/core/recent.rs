//! What was done last, and what waits for a person, as far as the core heard of it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use crate::core::event::Failure;
use crate::journal::BatchId;

/// How many videos are remembered.
const VIDEOS: usize = 10;

/// A video that was made in this life of the daemon.
#[derive(Debug, Clone)]
pub(super) struct Video {
    pub(super) batch: BatchId,
    pub(super) path: PathBuf,
    pub(super) frames: u64,
    pub(super) ahead: u64,
    pub(super) why: String,
    pub(super) at: Duration,
}

/// A batch that failed or waits, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stuck {
    /// Its number.
    pub(crate) batch: BatchId,
    /// Its folder and pattern.
    pub(crate) sequence: String,
    /// What went wrong.
    pub(crate) why: String,
    /// What to do about it.
    pub(crate) hint: String,
}

/// What happened last.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// The newest first.
    pub(super) videos: VecDeque<Video>,
    /// As of the journal's last answer.
    pub(super) stuck: Vec<Stuck>,
    /// Why the journal did not answer; `None` where it did.
    pub(super) journal: Option<Failure>,
}

impl Recent {
    /// A video is there.
    pub(super) fn made(&mut self, video: Video) {
        self.videos.truncate(VIDEOS - 1);
        self.videos.push_front(video);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_videos_are_remembered() {
        let mut recent = Recent::default();
        for number in 1..=12 {
            recent.made(Video {
                batch: BatchId(number),
                path: PathBuf::from("v.mp4"),
                frames: 2,
                ahead: 0,
                why: "a marker".to_owned(),
                at: Duration::ZERO,
            });
        }
        let batches: Vec<i64> = recent.videos.iter().map(|video| video.batch.0).collect();
        assert_eq!(batches, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    }
}
