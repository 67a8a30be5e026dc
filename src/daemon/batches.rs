//! The loop's side of batches: what waits and runs, what follows from an end, and what the journal wants done when.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::InForce;
use crate::daemon::error::StartError;
use crate::daemon::event::{Event, Files};
use crate::daemon::reader::Wants;
use crate::daemon::{Daemon, Phase};
use crate::deliver::Published;
use crate::error::{Explain as _, chain};
use crate::journal::{BatchId, JournalError, Recovery};
use crate::model::Identity;
use crate::pipeline::chunks;
use crate::pipeline::clock::now_ms;
use crate::pipeline::error::{Consequence, JobError};
use crate::pipeline::job::{Job, Queued, Tools};
use crate::pipeline::run::{self, Delivered, text_of};
use crate::pipeline::{places, removal};
use crate::sequence::Batch;
use crate::sequence::tracker::Event as Tracked;
use crate::text::printable::Show as _;
use crate::watch::dirty::Dirty;
use bstr::BString;

/// Time until a journal that failed is asked again.
const PAUSE: Duration = Duration::from_secs(60);

/// Milliseconds between two looks at the processes beside this one that work on batches of the journal.
const LOOK_AT_OTHERS: i64 = 2_000;

/// What the journal wants done.
#[derive(Debug)]
pub(crate) struct DueWork {
    jobs: Vec<Queued>,
    /// Batches that it takes for what they are again: nobody works on them.
    told: Vec<BatchId>,
    /// Videos that had their names already when their jobs ended.
    published: Vec<Published>,
    /// When it next wants something, in Unix milliseconds.
    next: Option<i64>,
}

impl Daemon {
    /// Puts in order what an earlier life left behind, and starts what it left undone.
    pub(super) fn recover(&mut self) -> Result<(), StartError> {
        say(&self.tools.journal.recover(now_ms())?);
        // The config may be another one than before.
        self.tools.journal.reconsider()?;
        match places::check_folder(&self.tools.journal, &self.tools.chunk_dir).and_then(|()| chunks::sweep(&self.tools))
        {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "chunks that are of no use any more were removed"),
            Err(error) => {
                tracing::warn!(
                    hint = error.hint().unwrap_or_default(),
                    "the folder of the chunks cannot be put in order: {}",
                    chain(&error)
                );
            }
        }
        self.ask_journal();
        Ok(())
    }

    /// Puts a sealed batch into the journal; it waits for its turn from then on.
    pub(super) fn begin(&self, batch: Batch) {
        // The frames of a root that left the config are looked at afresh when it comes back.
        let Some(root) = self.root_of(&batch.dir) else { return };
        let journal = self.tools.journal.clone();
        self.spawn(move || match Job::begin(batch.clone(), &root, &journal) {
            Ok(Job { id, batch, .. }) => Event::Enqueue(vec![Queued { id, batch }]),
            Err(error) => Event::NotBegun { batch: Box::new(batch), error },
        });
    }

    /// Keeps previews that came when the batch of their frames was recorded already. Should that fail, they are only known
    /// to be previews for as long as the frames are there, or this process is.
    pub(super) fn keep_previews(&self, dir: Arc<Path>, files: Vec<(BString, Identity)>) {
        let journal = self.tools.journal.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = journal.keep_previews(&dir, &files) {
                let (dir, hint) = (dir.shown(), error.hint().unwrap_or_default());
                tracing::warn!(%dir, hint, "the previews of these frames cannot be recorded: {}", chain(&error));
            }
        });
    }

    /// The tracker takes the frames for delivered, so the batch must not get lost.
    pub(super) fn not_begun(&mut self, batch: Batch, error: JournalError) {
        self.unrecorded.push(batch);
        self.journal_failed(&error.into());
    }

    /// Asks the journal for batches to run and frames to remove, and when it next wants to be asked.
    pub(super) fn ask_journal(&mut self) {
        // Also where the kernel tells no news of it, as on network shares.
        self.look_at_state();
        if matches!(self.phase, Phase::Stopping { .. }) {
            return;
        }
        for batch in std::mem::take(&mut self.unrecorded) {
            self.begin(batch);
        }
        if !self.asking.begin() {
            return;
        }
        let tools = self.tools.clone();
        let settings = self.settings.clone();
        let now = self.now();
        let due = self.unsettled.iter().filter(|(_, (due, _))| *due <= now);
        // They have their jobs, whatever the journal says.
        let busy: Vec<BatchId> =
            self.slots.running().map(|running| running.job.id).chain(self.slots.waiting().map(|job| job.id)).collect();
        let unsettled: Vec<(BatchId, String)> = due.map(|(id, (_, error))| (*id, error.clone())).collect();
        self.spawn(move || {
            // Nobody would ask again after a panic.
            let found = catch_unwind(AssertUnwindSafe(|| due_work(&tools, &settings, &unsettled, &busy)));
            let panicked = |panic: Box<dyn Any + Send>| Err(JobError::Panicked(text_of(&*panic)));
            Event::DueWork(found.map_or_else(panicked, |found| found.map_err(JobError::from)))
        });
    }

    /// The journal's answer.
    pub(super) fn due_work(&mut self, answer: Result<DueWork, JobError>) {
        let (ended, again) = self.asking.answered();
        match answer {
            Ok(DueWork { mut jobs, told, published, next }) => {
                self.unsettled.retain(|id, _| !told.contains(id));
                // One that waits for the journal would fail again for the same reason.
                jobs.retain(|job| !ended.contains(&job.id) && !self.unsettled.contains_key(&job.id));
                self.enqueue(jobs);
                for reel in published {
                    tracing::info!(reel = %reel.path.shown(), "reel, recorded late");
                    self.claim(&reel.path, reel.identity);
                }
                let pause = (!self.unrecorded.is_empty()).then(|| self.now() + PAUSE);
                let unsettled = self.unsettled.values().map(|(due, _)| *due);
                let next = next.map(|ms| self.at_unix_ms(ms));
                self.timers.journal = next.into_iter().chain(pause).chain(unsettled).min();
            }
            Err(error) => self.journal_failed(&error),
        }
        if again {
            self.ask_journal();
        }
    }

    /// Jobs of a folder that is being forgotten do not start; the journal knows them, should they stay.
    pub(super) fn enqueue(&mut self, jobs: Vec<Queued>) {
        for job in jobs {
            if !self.is_forgetting(&job.batch.dir) {
                self.slots.enqueue(job);
            }
        }
    }

    /// Starts as many waiting jobs as there are free slots.
    pub(super) fn start_jobs(&mut self) {
        if matches!(self.phase, Phase::Stopping { .. }) {
            return;
        }
        let limit = self.tools.encoder.jobs.get();
        let settings = self.settings.now();
        while let Some(Queued { id, batch }) = self.slots.take_next(limit, |batch| !self.live.is_busy_for(batch)) {
            // What holds now, not what held when it was queued. A folder that is not watched any more keeps its batches in
            // the journal, for the day it comes back.
            let Some(root) = settings.of(&batch.dir).cloned() else { continue };
            let running = self.slots.start(Job { id, batch, root });
            let (job, stop, meter) = (Arc::clone(&running.job), running.stop.clone(), Arc::clone(&running.meter));
            tracing::info!(batch = %job.id, sequence = job.name(), frames = job.batch.frames.len(), "encoding");
            let tools = self.tools.clone();
            self.spawn(move || {
                let work = || {
                    places::check(&job, &tools).map_err(|error| run::not_begun(&job, &tools.journal, error))?;
                    let delivered = run::run(&job, &tools, &|progress| meter.record(&progress), &stop)?;
                    // A folder that was only made for it is known from now on.
                    if let Err(error) = places::check(&job, &tools) {
                        let hint = error.hint().unwrap_or_default();
                        tracing::warn!(batch = %job.id, hint, "the disk went away just now: {}", chain(&error));
                    }
                    Ok(delivered)
                };
                // A panic must not take the slot with it. One that the job did not record itself is settled later.
                let panicked = |panic: Box<dyn Any + Send>| JobError::Panicked(text_of(&*panic));
                let outcome = catch_unwind(AssertUnwindSafe(work))
                    .unwrap_or_else(|panic| Err(JobError::Unsettled(Box::new(panicked(panic)))));
                Event::Ended { job, outcome }
            });
            self.timers.status = Some(self.started.elapsed());
        }
    }

    /// A job came to its end; the journal knows already.
    pub(super) fn ended(&mut self, job: &Arc<Job>, outcome: Result<Delivered, JobError>) {
        self.slots.ended(job.id);
        self.asking.ended(job.id);
        match outcome {
            Ok(delivered) => self.delivered(job, &delivered),
            Err(error) => self.failed(job, &error),
        }
        self.show_status();
        self.forget_what_rests();
        self.ask_journal();
    }

    fn delivered(&mut self, job: &Arc<Job>, delivered: &Delivered) {
        let Delivered { reel, frames, ahead, ms, .. } = delivered;
        tracing::info!(batch = %job.id, reel = %reel.shown(), frames, ahead, ms, why = %job.batch.reason, "reel");
        for anomaly in &delivered.anomalies {
            tracing::warn!(batch = %job.id, sequence = job.name(), hint = anomaly.hint(), "{anomaly}");
        }
        if let Some(why) = &delivered.frames_kept_because {
            tracing::warn!(batch = %job.id, dir = %job.batch.dir.shown(), "the frames are kept: {why}");
        }
        self.claim(reel, delivered.identity);
    }

    /// A reel may lie in a watched folder and be an image itself (GIF, WebP): it is no frame.
    fn claim(&mut self, reel: &Path, identity: Identity) {
        if let Some(dir) = reel.parent() {
            let (dir, _) = self.home_of(&Arc::from(dir));
            self.track(Tracked::Claimed { dir, files: vec![identity] });
        }
    }

    fn failed(&mut self, job: &Arc<Job>, error: &JobError) {
        let sequence = job.name();
        let hint = error.hint().unwrap_or_default();
        match error.consequence() {
            Consequence::LaterAgain => {
                tracing::info!(batch = %job.id, sequence, "the encode was stopped; it is done again at the next start");
            }
            Consequence::Stale => {
                tracing::warn!(batch = %job.id, sequence, "{}; the sequence is looked at afresh", chain(error));
                let files = job.batch.frames.iter().map(|frame| frame.identity).collect();
                self.released(vec![(job.batch.dir.to_path_buf(), files)]);
            }
            Consequence::Hold(wait) => {
                tracing::error!(batch = %job.id, sequence, hint, "{}; the batch waits, next try in {} s", chain(error), wait.as_secs());
            }
            Consequence::Settle(wait) => {
                self.unsettled.insert(job.id, (self.now() + wait, chain(error).to_string()));
                tracing::error!(batch = %job.id, sequence, hint, "{}; the batch waits, next look in {} s", chain(error), wait.as_secs());
            }
            Consequence::BackOff => {
                tracing::error!(batch = %job.id, sequence, hint, "{}; tried again later, as `reeld list` shows", chain(error));
            }
            Consequence::GiveUp => {
                tracing::error!(batch = %job.id, sequence, hint, "{}; nothing was removed", chain(error));
            }
        }
    }

    /// Files that batches held are free again: their folders are read afresh.
    pub(super) fn released(&mut self, released: Vec<Files>) {
        for (dir, files) in released {
            let dir: Arc<Path> = Arc::from(dir);
            let (home, _) = self.home_of(&dir);
            self.track(Tracked::Released { dir: home, files });
            if let Some(root) = self.root_path_of(&dir) {
                if let Some(watched) = self.roots.get(&root) {
                    watched.reader.wake(&dir);
                }
                self.want(&root, Wants::Folders(vec![(dir, Dirty::All)]));
            }
        }
    }

    pub(super) fn journal_failed(&mut self, error: &JobError) {
        tracing::error!(
            hint = error.hint().unwrap_or_default(),
            "{}; tried again in {} s",
            chain(error),
            PAUSE.as_secs()
        );
        self.timers.journal = Some(self.now() + PAUSE);
    }

    /// A moment of the wall clock on the loop's clock; now when it has passed.
    pub(super) fn at_unix_ms(&self, ms: i64) -> Duration {
        let wait = u64::try_from(ms - now_ms()).unwrap_or(0);
        self.now() + Duration::from_millis(wait)
    }
}

/// Removes the frames that are due, and finds the batches to run and the next moment something is due.
fn due_work(
    tools: &Tools,
    settings: &InForce,
    unsettled: &[(BatchId, String)],
    busy: &[BatchId],
) -> Result<DueWork, JournalError> {
    let journal = &tools.journal;
    // One moment for all questions: what becomes due between two of them would be missed by both.
    let now = now_ms();
    for (id, error) in unsettled {
        journal.unsettled(*id, error, None, now)?;
    }
    let published = settle(tools, now, busy)?;
    removal::remove_due(journal, settings, now)?;
    let mut jobs = Vec::new();
    for stored in journal.pending(now)? {
        jobs.push(Queued { id: stored.id, batch: stored.batch });
    }
    let look = journal.has_others().then(|| now.saturating_add(LOOK_AT_OTHERS));
    let next = journal.next_due(now)?.into_iter().chain(look).min();
    let told = unsettled.iter().map(|(id, _)| *id).collect();
    Ok(DueWork { jobs, told, published, next })
}

/// Settles the batches that nobody works on, as a start does; a `reeld encode` beside this daemon may have been killed. The
/// videos that have their names come back.
fn settle(tools: &Tools, now: i64, busy: &[BatchId]) -> Result<Vec<Published>, JournalError> {
    let recovery = tools.journal.settle_due(now, busy)?;
    say(&recovery);
    let mut published = Vec::new();
    for id in recovery.published {
        if let Some(stored) = tools.journal.batch(id)?
            && let Err(error) = chunks::clear(tools, &stored.batch)
        {
            tracing::warn!(batch = %id, hint = error.hint().unwrap_or_default(), "the chunks of this reel stay: {}", chain(&error));
        }
        published.extend(tools.journal.reel_of(id)?);
    }
    Ok(published)
}

/// Puts into the log what became of batches whose process is dead.
fn say(recovery: &Recovery) {
    for id in &recovery.restarted {
        tracing::info!(batch = %id, "was being encoded when reeld ended; it is encoded again");
    }
    for id in &recovery.published {
        tracing::info!(batch = %id, "was published just before reeld ended");
    }
    for id in &recovery.slowed {
        tracing::error!(batch = %id, hint = "`reeld retry` tries at once", "reeld ended in the middle of this batch too often; tried again later, as `reeld list` shows");
    }
    for id in &recovery.cut_off {
        tracing::info!(batch = %id, hint = "run it again", "`reeld encode` ended before the video was made");
    }
    for id in &recovery.elsewhere {
        tracing::debug!(batch = %id, "another process works on it");
    }
    for warning in &recovery.warnings {
        tracing::warn!("{warning}");
    }
}
