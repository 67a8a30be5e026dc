//! Which batches wait, which run, and how far they are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::core::event::Progress;
use crate::journal::BatchId;
use crate::pipeline::job::{Job, Queued};
use crate::sequence::Batch;

/// The batches between being sealed and being delivered.
#[derive(Debug, Default)]
pub(crate) struct JobQueue {
    waiting: VecDeque<Queued>,
    running: BTreeMap<BatchId, Running>,
    /// Batches that wait because their folders are not watched, with what the log calls them. The log has told of each.
    unwatched: BTreeMap<BatchId, String>,
}

/// One running job.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) job: Arc<Job>,
    pub(crate) progress: Progress,
    pub(crate) since: Duration,
}

impl Running {
    /// 0 to 100.
    pub(crate) fn percent(&self) -> u64 {
        let Progress { frames, total } = self.progress;
        frames.saturating_mul(100).checked_div(total).unwrap_or(0).min(100)
    }
}

impl JobQueue {
    /// Queues `job`, unless it is here already: a batch that was just recorded may come twice, with the word that it is
    /// there and in a list of due work that was made right after.
    pub(crate) fn enqueue(&mut self, job: Queued) {
        let known = self.running.contains_key(&job.id) || self.waiting.iter().any(|waiting| waiting.id == job.id);
        if !known {
            self.waiting.push_back(job);
        }
    }

    /// The next batch that is `ready`, if fewer than `limit` run. It is to be started, or waits no more.
    ///
    /// The first that is ready and not the first of all: one that waits for a chunk of its own that is being proved must
    /// not keep the others from running meanwhile. It is taken as soon as it is ready, because its place is still in front.
    pub(crate) fn take_next(&mut self, limit: usize, ready: impl Fn(&Batch) -> bool) -> Option<Queued> {
        if self.running.len() >= limit {
            return None;
        }
        let next = self.waiting.iter().position(|job| ready(&job.batch))?;
        self.waiting.remove(next)
    }

    /// Whether this is the first time that the folder of a batch turns out not to be watched, since it last was.
    pub(crate) fn is_newly_unwatched(&mut self, job: &Queued) -> bool {
        self.unwatched.insert(job.id, job.name()).is_none()
    }

    /// `jobs` are all batches that wait in the journal. The others were forgotten, and nobody wants to hear of them.
    pub(crate) fn retain_unwatched(&mut self, jobs: &[Queued]) {
        self.unwatched.retain(|id, _| jobs.iter().any(|job| job.id == *id));
    }

    /// The batches that wait for their folders to be watched again, and what the log calls them.
    pub(crate) fn unwatched(&self) -> impl Iterator<Item = (&BatchId, &String)> {
        self.unwatched.iter()
    }

    /// `job` counts as running from here on.
    pub(crate) fn start(&mut self, job: Job, now: Duration) -> Arc<Job> {
        self.unwatched.remove(&job.id);
        let job = Arc::new(job);
        self.running.insert(job.id, Running { job: Arc::clone(&job), progress: Progress::default(), since: now });
        job
    }

    /// So far a job is.
    pub(crate) fn measured(&mut self, id: BatchId, progress: Progress) {
        if let Some(running) = self.running.get_mut(&id) {
            running.progress = progress;
        }
    }

    /// A job came to its end.
    pub(crate) fn ended(&mut self, id: BatchId) -> Option<Running> {
        self.running.remove(&id)
    }

    /// Takes back the waiting batches that `gone` picks. Those of them that run come back: they are to be ended. They stay
    /// among the running until their end is reported, since their encoders still take memory until then.
    pub(crate) fn cancel(&mut self, gone: impl Fn(&Batch) -> bool) -> Vec<BatchId> {
        self.waiting.retain(|job| !gone(&job.batch));
        self.running.values().filter(|running| gone(&running.job.batch)).map(|running| running.job.id).collect()
    }

    pub(crate) fn running(&self) -> impl ExactSizeIterator<Item = &Running> {
        self.running.values()
    }

    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = &Queued> {
        self.waiting.iter()
    }
}
