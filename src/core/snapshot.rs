//! What goes on, as plain data: one picture for whoever shows it.

use serde::{Deserialize, Serialize};

use crate::core::command::Trouble;
use crate::core::event::RootStatus;
use crate::core::{Core, Phase};
use crate::sequence::tracker::OpenSequence;
use crate::text::printable::Show as _;

/// A picture of a running daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The way of its life.
    pub phase: DaemonPhase,
    /// What it watches, by path.
    pub roots: Vec<RootSnapshot>,
    /// What is open, by folder.
    pub sequences: Vec<OpenSequence>,
    /// What is encoded before it is finished.
    pub ahead: Vec<Ahead>,
    /// Batches that wait for their turn, in that order.
    pub queue: Vec<QueuedBatch>,
    /// Batches that are being encoded.
    pub encoding: Vec<Encoding>,
    /// The roots of which no video can be made.
    pub troubles: Vec<Trouble>,
    /// What is wrong with the config as it was last read; the one before it is in force.
    pub refused_config: Option<String>,
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
    /// Its folder; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// Why it is not watched at the moment, and what to do about it; `None` where it is, or was not read yet.
    pub away: Option<Away>,
    /// Whether it was read since the daemon started.
    pub is_read: bool,
    /// Milliseconds between two readings of everything, where events do not tell all.
    pub poll_ms: Option<u64>,
    /// Sequences that were there before it was first watched, and are left alone.
    pub existing_sequences: u64,
}

/// Why a root is not watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Away {
    /// As a sentence.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

/// A sequence that is encoded before it is finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// Its folder.
    pub dir: String,
    /// What its names share.
    pub pattern: String,
    /// Frames in proved chunks.
    pub frames: u64,
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
    /// Milliseconds since it began.
    pub ms: u64,
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
            away: match &root.status {
                Some(RootStatus::Away { why, hint }) => Some(Away { why: why.clone(), hint: hint.clone() }),
                Some(RootStatus::There) | None => None,
            },
            is_read: root.status.is_some(),
            poll_ms: root.poll.map(millis),
            existing_sequences: self.tracker.existing(path).sequences,
        });
        let ahead = self.live.progress().map(|((dir, pattern), frames)| Ahead {
            dir: dir.shown().to_string(),
            pattern: pattern.to_string(),
            frames: frames as u64,
        });
        let queue = self.queue.waiting().map(|job| QueuedBatch {
            batch: job.id.0,
            sequence: job.name(),
            frames: job.batch.frames.len() as u64,
        });
        let encoding = self.queue.running().map(|running| Encoding {
            batch: running.job.id.0,
            sequence: running.job.name(),
            frames: running.progress.frames,
            total: running.progress.total,
            percent: running.percent(),
            ms: millis(self.now.saturating_sub(running.since)),
        });
        Snapshot {
            phase,
            roots: roots.collect(),
            sequences: self.tracker.snapshot(self.now),
            ahead: ahead.collect(),
            queue: queue.collect(),
            encoding: encoding.collect(),
            troubles: self.trials.troubles().to_vec(),
            refused_config: self.refused_config(),
        }
    }
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
