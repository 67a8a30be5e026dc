//! The jobs that run: how far each is, and how to end it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::core::event::{self, Event};
use crate::encode::chunk::Progress;
use crate::encode::ffmpeg::Stop;
use crate::error::{Explain as _, chain};
use crate::journal::BatchId;
use crate::pipeline::error::JobError;
use crate::pipeline::job::{Job, Tools};
use crate::pipeline::places;
use crate::pipeline::run::{self, Delivered};

/// The running jobs.
#[derive(Debug, Default)]
pub(super) struct Jobs(BTreeMap<BatchId, Running>);

/// One job, as its worker and the loop see it.
#[derive(Debug, Clone, Default)]
pub(super) struct Running {
    pub(super) stop: Stop,
    pub(super) meter: Arc<Meter>,
}

/// How far a job is. The worker writes, the loop reads when it wants to know: progress is no event.
#[derive(Debug, Default)]
pub(super) struct Meter {
    frames: AtomicU64,
    total: AtomicU64,
}

impl Meter {
    pub(super) fn record(&self, progress: &Progress) {
        self.total.store(progress.total, Ordering::Relaxed);
        self.frames.store(progress.frames, Ordering::Relaxed);
    }
}

impl Jobs {
    pub(super) fn start(&mut self, id: BatchId) -> Running {
        self.0.entry(id).or_default().clone()
    }

    pub(super) fn cancel(&self, id: BatchId) {
        if let Some(running) = self.0.get(&id) {
            running.stop.request();
        }
    }

    /// Lets go of a job that ended.
    pub(super) fn look_at(&mut self, event: &Event) {
        if let Event::Ended { id, .. } = event {
            self.0.remove(id);
        }
    }

    /// How far each is.
    pub(super) fn progress(&self) -> Vec<(BatchId, event::Progress)> {
        let progress = |running: &Running| event::Progress {
            frames: running.meter.frames.load(Ordering::Relaxed),
            total: running.meter.total.load(Ordering::Relaxed),
        };
        self.0.iter().map(|(id, running)| (*id, progress(running))).collect()
    }
}

/// Runs a job to its end.
pub(super) fn run(
    job: &Job,
    tools: &Tools,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &Stop,
) -> Result<Delivered, JobError> {
    places::check(job, tools).map_err(|error| run::not_begun(job, &tools.journal, error))?;
    let delivered = run::run(job, tools, progress, stop)?;
    // A folder that was only made for it is known from now on.
    if let Err(error) = places::check(job, tools) {
        let hint = error.hint().unwrap_or_default();
        tracing::warn!(batch = %job.id, hint, "the disk went away just now: {}", chain(&error));
    }
    Ok(delivered)
}
