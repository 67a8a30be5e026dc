//! A pretend journal: what survives a kill. It behaves as `crate::journal` does, as far as the core can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::disk::Disk;
use crate::config::{Cleanup, Settings};
use crate::core::effect::JournalQuestion;
use crate::core::event::DueWork;
use crate::core::live::Key;
use crate::journal::{BatchId, ChunkId};
use crate::model::Identity;
use crate::pipeline::job::Queued;
use crate::sequence::{Batch, Frame};

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Encoding,
    /// The video may have its name.
    Publishing,
    Published,
    /// Given up, for a reason that is told.
    Failed,
    /// Its frames are others than they were, or were forgotten: they are free.
    Released,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) batch: Batch,
    pub(super) state: State,
    /// Whose it is: the life of the daemon that works on it.
    owner: Option<u64>,
    /// When it is due: its next attempt, or the removal of its frames.
    due: Option<Duration>,
}

/// What is recorded, and the videos that are there.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) batches: BTreeMap<BatchId, Record>,
    pub(super) chunks: BTreeMap<ChunkId, (Key, Vec<Frame>)>,
    /// Videos under their names, by batch; how often each was published.
    pub(super) videos: BTreeMap<BatchId, u32>,
    /// Roots that were watched, and what was in them before.
    pub(super) watched: BTreeMap<Arc<Path>, BTreeSet<Identity>>,
    last: i64,
}

impl Journal {
    pub(super) fn begin(&mut self, batch: Batch) -> BatchId {
        self.last += 1;
        let id = BatchId(self.last);
        self.batches.insert(id, Record { batch, state: State::Pending, owner: None, due: None });
        id
    }

    pub(super) fn add_chunk(&mut self, key: Key, frames: Vec<Frame>) -> ChunkId {
        self.last += 1;
        let id = ChunkId(self.last);
        self.chunks.insert(id, (key, frames));
        id
    }

    /// Every file that a batch holds.
    pub(super) fn held(&self) -> BTreeSet<Identity> {
        let holding = self.batches.values().filter(|record| record.state != State::Released);
        holding.flat_map(|record| record.batch.frames.iter().map(|frame| frame.identity)).collect()
    }

    /// What the state of a batch becomes; `due` is when it is looked at again.
    pub(super) fn set(&mut self, id: BatchId, state: State, owner: Option<u64>, due: Option<Duration>) {
        let record = self.batches.get_mut(&id).expect("the core knows only what was recorded");
        (record.state, record.owner, record.due) = (state, owner, due);
    }

    /// The video of a batch gets its name.
    pub(super) fn publish(&mut self, id: BatchId) {
        *self.videos.entry(id).or_default() += 1;
    }

    /// What a start recovers, or a question: the batches of lives that are over, and those that nobody works on.
    pub(super) fn recover(&mut self, life: u64, busy: &[BatchId], now: Duration) -> Vec<BatchId> {
        let mut late = Vec::new();
        for (id, record) in &mut self.batches {
            let is_open = matches!(record.state, State::Encoding | State::Publishing);
            let is_due = record.due.is_none_or(|due| due <= now);
            if !is_open || record.owner == Some(life) || busy.contains(id) || !is_due {
                continue;
            }
            if record.state == State::Publishing && self.videos.contains_key(id) {
                record.state = State::Published;
                late.push(*id);
            } else {
                record.state = State::Pending;
            }
            (record.owner, record.due) = (None, None);
        }
        late
    }

    /// Answers the daemon's question, and removes the frames that are due. The files that were removed come back.
    pub(super) fn answer(
        &mut self,
        question: &JournalQuestion,
        life: u64,
        now: Duration,
        settings: &Settings,
        disk: &mut Disk,
    ) -> (DueWork, Vec<(Arc<Path>, Identity)>) {
        for (id, _) in &question.unknown_outcomes {
            if let Some(record) = self.batches.get_mut(id)
                && matches!(record.state, State::Encoding | State::Publishing)
            {
                (record.owner, record.due) = (None, None);
            }
        }
        let late = self.recover(life, &question.busy, now);
        let mut removed = Vec::new();
        for record in self.batches.values_mut() {
            let is_due = record.due.is_some_and(|due| due <= now);
            if record.state != State::Published || !is_due {
                continue;
            }
            record.due = None;
            let still_asked =
                settings.of(&record.batch.dir).is_some_and(|root| root.delivery.cleanup == Cleanup::Delete);
            for frame in record.batch.frames.iter().filter(|_| still_asked) {
                if disk.remove(&record.batch.dir, &frame.identity).is_some() {
                    removed.push((Arc::clone(&record.batch.dir), frame.identity));
                }
            }
        }
        let pending = self.batches.iter().filter(|(_, record)| record.state == State::Pending);
        let is_due = |record: &&Record| record.due.is_none_or(|due| due <= now);
        let jobs = pending.filter(|(_, record)| is_due(record));
        let jobs = jobs.map(|(id, record)| Queued { id: *id, batch: record.batch.clone() }).collect();
        let next = self.batches.values().filter_map(|record| record.due).filter(|due| *due > now).min();
        let path = |id: &BatchId| (PathBuf::from(format!("/videos/{id}.mp4")), Self::identity_of(*id));
        let work = DueWork {
            jobs,
            told: question.unknown_outcomes.iter().map(|(id, _)| *id).collect(),
            published: late.iter().map(path).collect(),
            stuck: Vec::new(),
            next: next.map(|due| due.saturating_sub(now)),
        };
        (work, removed)
    }

    /// That of the video of a batch.
    pub(super) fn identity_of(id: BatchId) -> Identity {
        Identity { dev: 2, ino: u64::try_from(id.0).unwrap(), size: 9, mtime_ns: 1 }
    }

    /// Lets the failed batches be tried again at once.
    pub(super) fn retry(&mut self) -> Vec<BatchId> {
        let failed = self.batches.iter_mut().filter(|(_, record)| record.state == State::Failed);
        failed
            .map(|(id, record)| {
                (record.state, record.due) = (State::Pending, None);
                *id
            })
            .collect()
    }

    /// Forgets what was encoded in a folder and below: the files that are held come back.
    pub(super) fn forget(&mut self, dir: &Path) -> Vec<(PathBuf, Vec<Identity>)> {
        let of_dir = self.batches.values_mut().filter(|record| record.batch.dir.starts_with(dir));
        let held = of_dir.filter(|record| record.state != State::Released);
        held.map(|record| {
            (record.state, record.due, record.owner) = (State::Released, None, None);
            let files = record.batch.frames.iter().map(|frame| frame.identity).collect();
            (record.batch.dir.to_path_buf(), files)
        })
        .collect()
    }
}
