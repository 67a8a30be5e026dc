//! Which batches wait, which run, and how far they are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::encode::chunk::Progress;
use crate::encode::ffmpeg::Stop;
use crate::journal::BatchId;
use crate::pipeline::job::{Job, Queued};
use crate::sequence::Batch;

/// The batches between being sealed and being delivered.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    waiting: VecDeque<Queued>,
    running: BTreeMap<BatchId, Running>,
}

/// One running job, as the loop sees it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) job: Arc<Job>,
    pub(crate) stop: Stop,
    pub(crate) meter: Arc<Meter>,
}

/// How far a job is. The worker writes, the loop reads when it wants to know: progress is no event.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    frames: AtomicU64,
    total: AtomicU64,
}

impl Meter {
    pub(crate) fn record(&self, progress: &Progress) {
        self.total.store(progress.total, Ordering::Relaxed);
        self.frames.store(progress.frames, Ordering::Relaxed);
    }

    /// 0 to 100.
    pub(crate) fn percent(&self) -> u64 {
        let frames = self.frames.load(Ordering::Relaxed).saturating_mul(100);
        frames.checked_div(self.total.load(Ordering::Relaxed)).unwrap_or(0).min(100)
    }
}

impl Slots {
    /// Queues `job`, unless it is here already.
    pub(crate) fn enqueue(&mut self, job: Queued) {
        let known = self.running.contains_key(&job.id) || self.waiting.iter().any(|waiting| waiting.id == job.id);
        if !known {
            self.waiting.push_back(job);
        }
    }

    /// The next batch that is `ready`, if fewer than `limit` run. It is to be started, or waits no more.
    pub(crate) fn take_next(&mut self, limit: usize, ready: impl Fn(&Batch) -> bool) -> Option<Queued> {
        if self.running.len() >= limit {
            return None;
        }
        let next = self.waiting.iter().position(|job| ready(&job.batch))?;
        self.waiting.remove(next)
    }

    /// `job` counts as running from here on.
    pub(crate) fn start(&mut self, job: Job) -> &Running {
        let running = Running { stop: Stop::default(), meter: Arc::default(), job: Arc::new(job) };
        self.running.entry(running.job.id).or_insert(running)
    }

    /// A job came to its end.
    pub(crate) fn ended(&mut self, id: BatchId) {
        self.running.remove(&id);
    }

    /// Takes back the waiting batches that `gone` picks, and stops those of them that run.
    pub(crate) fn cancel(&mut self, gone: impl Fn(&Batch) -> bool) {
        self.waiting.retain(|job| !gone(&job.batch));
        for running in self.running.values().filter(|running| gone(&running.job.batch)) {
            running.stop.request();
        }
    }

    pub(crate) fn running(&self) -> impl ExactSizeIterator<Item = &Running> {
        self.running.values()
    }

    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = &Queued> {
        self.waiting.iter()
    }
}
