//! What goes on, as plain data: one picture for whoever shows it.
//!
//! Owns the form of the picture. Times are milliseconds, from or until the moment of the picture. Paths are text, in which bytes
//! that are not UTF-8 are replaced.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::command::Trouble;
use crate::core::event::RootStatus;
use crate::core::news::{MEND_FILE, NOT_WATCHED_HINT};
use crate::core::{Core, Phase};
use crate::sequence::tracker::OpenSequence;
use crate::text::printable::Show as _;

/// A picture of a running daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The way of its life.
    pub phase: DaemonPhase,
    /// Since it started.
    pub uptime_ms: u64,
    /// What it watches, by path.
    pub roots: Vec<RootSnapshot>,
    /// Sequences that are not videos yet, by folder.
    pub sequences: Vec<SequenceSnapshot>,
    /// Batches that wait for their turn, in that order.
    pub queue: Vec<QueuedBatch>,
    /// Batches that are being encoded.
    pub encoding: Vec<Encoding>,
    /// The last videos that were made since it started, the newest first; ten at most.
    pub videos: Vec<LastVideo>,
    /// What waits for a person.
    pub attention: Vec<Attention>,
}

/// The way of a daemon's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DaemonPhase {
    /// Some root was not read yet.
    Starting,
    /// All is normal.
    Running,
    /// It takes up no new work.
    Stopping,
}

/// A root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootSnapshot {
    /// Its folder.
    pub path: String,
    /// How changes in it are noticed, as a phrase; empty before it was read.
    pub how: String,
    /// Between two readings of everything, where events do not tell all.
    pub poll_ms: Option<u64>,
    /// Why it is not watched at the moment.
    pub away: Option<String>,
    /// Sequences that were there before it was first watched, and are left alone.
    pub existing_sequences: u64,
}

/// A sequence that is not a video yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceSnapshot {
    /// What is known of it.
    #[serde(flatten)]
    pub open: OpenSequence,
    /// How many of its frames are in proved chunks; `None` where it is not encoded before it is finished.
    pub ahead: Option<u64>,
}

/// A batch that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedBatch {
    /// Its number.
    pub batch: i64,
    /// Its folder and pattern.
    pub sequence: String,
    /// How many frames it has.
    pub frames: u64,
}

/// A batch that is being encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoding {
    /// Its number.
    pub batch: i64,
    /// Its folder and pattern.
    pub sequence: String,
    /// Pictures that are encoded.
    pub frames: u64,
    /// All that are to be; 0 before that is known.
    pub total: u64,
    /// 0 to 100.
    pub percent: u64,
    /// Since it began.
    pub ms: u64,
    /// Thousandths of a picture a second so far; `None` before the first.
    pub speed_milli_fps: Option<u64>,
    /// Until all pictures are encoded, should the speed stay what it is. The proof of the last ones comes after that.
    pub left_ms: Option<u64>,
}

/// A video that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastVideo {
    /// The number of its batch.
    pub batch: i64,
    /// Where it is.
    pub path: String,
    /// Pictures in it.
    pub frames: u64,
    /// How many of them were encoded before the sequence was finished.
    pub ahead: u64,
    /// What finished the sequence.
    pub why: String,
    /// Since it was made.
    pub ago_ms: u64,
}

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// A folder, a sequence, a batch, or what else it is about.
    pub what: String,
    /// What is wrong.
    pub why: String,
    /// What to do about it; empty where nothing is known.
    pub hint: String,
}

impl Core {
    /// The picture of this moment.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let phase = match self.phase {
            Phase::Starting => DaemonPhase::Starting,
            Phase::Running => DaemonPhase::Running,
            Phase::Stopping { .. } => DaemonPhase::Stopping,
        };
        let roots = self.roots.iter().map(|(path, root)| RootSnapshot {
            path: path.shown().to_string(),
            how: root.how.to_string(),
            poll_ms: root.poll.map(millis),
            away: match &root.status {
                Some(RootStatus::Away { why, .. }) => Some(why.clone()),
                Some(RootStatus::There) | None => None,
            },
            existing_sequences: self.tracker.existing(path).sequences,
        });
        let sequences = self.sequences();
        let queue = self.queue.waiting().map(|job| QueuedBatch {
            batch: job.id.0,
            sequence: job.name(),
            frames: job.batch.frames.len() as u64,
        });
        let videos = self.recent.videos.iter().map(|video| LastVideo {
            batch: video.batch.0,
            path: video.path.shown().to_string(),
            frames: video.frames,
            ahead: video.ahead,
            why: video.why.clone(),
            ago_ms: millis(self.now.saturating_sub(video.at)),
        });
        Snapshot {
            phase,
            uptime_ms: millis(self.now),
            roots: roots.collect(),
            attention: self.attention(&sequences),
            sequences,
            queue: queue.collect(),
            encoding: self.encoding(),
            videos: videos.collect(),
        }
    }

    fn sequences(&self) -> Vec<SequenceSnapshot> {
        let ahead: Vec<(String, String, u64)> = self
            .live
            .progress()
            .map(|((dir, pattern), frames)| (text_of(dir), pattern.to_string(), frames as u64))
            .collect();
        let with_ahead = |open: OpenSequence| {
            let of_it = ahead.iter().find(|(dir, pattern, _)| *dir == open.dir && *pattern == open.pattern);
            SequenceSnapshot { ahead: of_it.map(|(.., frames)| *frames), open }
        };
        self.tracker.snapshot(self.now).into_iter().map(with_ahead).collect()
    }

    fn encoding(&self) -> Vec<Encoding> {
        let encoding = self.queue.running().map(|running| {
            let (frames, total) = (running.progress.frames, running.progress.total);
            let ms = millis(self.now.saturating_sub(running.since));
            let speed = frames.saturating_mul(1_000_000).checked_div(ms).filter(|speed| *speed > 0);
            Encoding {
                batch: running.job.id.0,
                sequence: running.job.name(),
                frames,
                total,
                percent: running.percent(),
                ms,
                speed_milli_fps: speed,
                left_ms: speed
                    .and_then(|speed| total.saturating_sub(frames).saturating_mul(1_000_000).checked_div(speed)),
            }
        });
        encoding.collect()
    }

    fn attention(&self, sequences: &[SequenceSnapshot]) -> Vec<Attention> {
        let refused = self.reloads.refused().map(|why| Attention {
            what: "the config".to_owned(),
            why: format!("it was refused, and the one before it stays in force: {why}"),
            hint: "`reeld check` shows what is wrong; `reeld reload` reads it again".to_owned(),
        });
        let journal = self.recent.journal.as_ref().map(|failure| Attention {
            what: "the journal".to_owned(),
            why: failure.line.clone(),
            hint: failure.hint.clone(),
        });
        let away = self.roots.iter().filter_map(|(path, root)| match &root.status {
            Some(RootStatus::Away { why, hint }) => {
                Some(Attention { what: path.shown().to_string(), why: why.clone(), hint: hint.clone() })
            }
            Some(RootStatus::There) | None => None,
        });
        let files = self.refused_files.iter().map(|(dir, failure)| Attention {
            what: dir.shown().to_string(),
            why: format!("the file beside the frames is wrong, and no video is made: {}", failure.line),
            hint: if failure.hint.is_empty() { MEND_FILE.to_owned() } else { failure.hint.clone() },
        });
        let troubles = self.trials.troubles().iter().map(|Trouble { root, preset, why, hint }| Attention {
            what: root.clone(),
            why: format!("no video can be made with preset {preset}: {why}"),
            hint: hint.clone().unwrap_or_default(),
        });
        let held = sequences.iter().filter_map(|SequenceSnapshot { open, .. }| {
            let held = open.held.as_ref()?;
            let what = format!("{}/{} {}", open.dir, open.pattern, open.span);
            Some(Attention { what, why: held.to_string(), hint: held.hint.clone() })
        });
        let stuck = self.recent.stuck.iter().map(|stuck| Attention {
            what: format!("batch {}, {}", stuck.batch, stuck.sequence),
            why: stuck.why.clone(),
            hint: stuck.hint.clone(),
        });
        let unwatched = self.queue.unwatched().map(|(id, sequence)| Attention {
            what: format!("batch {id}, {sequence}"),
            why: "it waits: its folder is not watched any more".to_owned(),
            hint: NOT_WATCHED_HINT.to_owned(),
        });
        let of_daemon = refused.into_iter().chain(journal);
        of_daemon.chain(away).chain(files).chain(troubles).chain(held).chain(stuck).chain(unwatched).collect()
    }
}

/// As the tracker writes it.
fn text_of(dir: &Path) -> String {
    dir.to_string_lossy().into_owned()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
