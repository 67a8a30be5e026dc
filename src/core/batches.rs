//! Batches: what waits and runs, what follows from an end, and when the journal is asked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::core::Core;
use crate::core::UnknownOutcome;
use crate::core::effect::{Effect, JournalQuestion};
use crate::core::event::{DueWork, Failure, Files, JobFailure, ReadRequest};
use crate::core::folder_files::FileRules;
use crate::core::news::News;
use crate::core::recent::Video;
use crate::journal::BatchId;
use crate::model::Identity;
use crate::pipeline::consequence::Consequence;
use crate::pipeline::job::{Job, Queued};
use crate::pipeline::run::Delivered;
use crate::sequence::Batch;
use crate::sequence::tracker::Event as Tracked;
use crate::watch::dirty::Dirty;

/// Time until a journal that failed is asked again. A full disk takes somebody to clear it, and to ask every second would
/// fill the log meanwhile.
const PAUSE: Duration = Duration::from_secs(60);

impl Core {
    /// Puts a sealed batch into the journal; it waits for its turn from then on. It is queued only when it is there: a job
    /// without a record could neither be taken up nor tidied up after by the next start.
    pub(super) fn begin(&mut self, batch: Batch) {
        // The frames of a root that left the config are looked at afresh when it comes back.
        let Some(root) = self.root_of(&batch.dir) else { return };
        self.journal_poll.begin();
        self.out.push(Effect::Begin { batch: Box::new(batch), root: Box::new(root) });
    }

    /// A batch is in the journal.
    pub(super) fn begun(&mut self, job: Queued) {
        if self.journal_poll.begun(Some(job.id), &job.batch.dir) {
            // Only the journal knows what became of it meanwhile.
            self.ask_journal();
        } else {
            self.enqueue(vec![job]);
        }
    }

    /// The tracker takes the frames for delivered, so the batch must not get lost.
    pub(super) fn not_begun(&mut self, batch: Batch, failure: &Failure) {
        self.journal_poll.begun(None, &batch.dir);
        self.unrecorded.push(batch);
        self.journal_failed(failure);
    }

    /// Asks the journal for batches to run and frames to remove, and when it next wants to be asked.
    pub(super) fn ask_journal(&mut self) {
        if self.is_stopping() {
            return;
        }
        for batch in std::mem::take(&mut self.unrecorded) {
            self.begin(batch);
        }
        let Some(reconsider) = self.journal_poll.ask() else { return };
        let due = self.unknown_outcomes.iter().filter(|(_, outcome)| outcome.due <= self.now);
        let unknown_outcomes = due.map(|(id, outcome)| (*id, outcome.error.clone())).collect();
        let busy = self.queue.running().map(|running| running.job.id);
        let busy = busy.chain(self.queue.waiting().map(|job| job.id)).collect();
        self.out.push(Effect::AskJournal(JournalQuestion { unknown_outcomes, busy, reconsider }));
    }

    /// The journal's answer.
    pub(super) fn due_work(&mut self, answer: Result<DueWork, Failure>) {
        let (past, again) = self.journal_poll.answered(answer.is_ok());
        match answer {
            Ok(DueWork { mut jobs, told, published, stuck, next }) => {
                (self.recent.stuck, self.recent.journal) = (stuck, None);
                self.queue.retain_unwatched(&jobs);
                self.unknown_outcomes.retain(|id, _| !told.contains(id));
                // One that waits for the journal would fail again for the same reason.
                jobs.retain(|job| !past.has(job.id, &job.batch.dir) && !self.unknown_outcomes.contains_key(&job.id));
                self.enqueue(jobs);
                for (path, identity) in published {
                    self.claim(&path, identity);
                    self.tell(News::RecordedLate(path));
                }
                let pause = (!self.unrecorded.is_empty()).then(|| self.now + PAUSE);
                let outcomes = self.unknown_outcomes.values().map(|outcome| outcome.due);
                let next = next.map(|wait| self.now.saturating_add(wait));
                self.timers.journal = next.into_iter().chain(pause).chain(outcomes).min();
            }
            Err(failure) => self.journal_failed(&failure),
        }
        if again {
            self.ask_journal();
        }
    }

    /// Jobs of a folder that is being forgotten do not start; the journal knows them, should they stay.
    pub(super) fn enqueue(&mut self, jobs: Vec<Queued>) {
        for job in jobs {
            if !self.is_forgetting(&job.batch.dir) {
                self.queue.enqueue(job);
            }
        }
    }

    /// Starts as many waiting jobs as there are free slots.
    pub(super) fn start_jobs(&mut self) {
        if self.is_stopping() {
            return;
        }
        let limit = self.settings.config.encoder.jobs.get();
        loop {
            let (live, files) =
                (&self.live, FileRules { settings: &self.settings, roots: &self.roots, refused: &self.refused_files });
            let may_begin = |batch: &Batch| !live.is_busy_for(batch) && files.may_encode(&batch.dir);
            let Some(next) = self.queue.take_next(limit, may_begin) else { break };
            // What holds now, not what held when it was queued. A folder that is not watched any more keeps its batches in
            // the journal, for the day it comes back.
            let Some(root) = self.settings.of(&next.batch.dir) else {
                if self.queue.is_newly_unwatched(&next) {
                    self.tell(News::NotWatched { id: next.id, sequence: next.name() });
                }
                continue;
            };
            let job = Job::of(next, root);
            let job = self.queue.start(job, self.now);
            self.tell(News::Encoding(Arc::clone(&job)));
            self.out.push(Effect::Start(job));
            self.timers.status = Some(self.now);
        }
    }

    /// Takes back the waiting batches that `gone` picks, and ends those of them that run.
    pub(super) fn cancel_jobs(&mut self, gone: impl Fn(&Batch) -> bool) {
        let running = self.queue.cancel(gone);
        self.out.extend(running.into_iter().map(Effect::Cancel));
    }

    /// A job came to its end; the journal knows already.
    pub(super) fn ended(&mut self, id: BatchId, outcome: Result<Box<Delivered>, JobFailure>) {
        let Some(running) = self.queue.ended(id) else { return };
        self.journal_poll.ended(id);
        match outcome {
            Ok(delivered) => {
                self.recent.made(Video {
                    batch: id,
                    path: delivered.video.clone(),
                    frames: delivered.frames,
                    ahead: delivered.ahead,
                    why: running.job.batch.reason.to_string(),
                    at: self.now,
                });
                self.claim(&delivered.video, delivered.identity);
                self.tell(News::Delivered { job: running.job, delivered });
            }
            Err(failed) => self.failed(&running.job, failed),
        }
        self.show_status();
        self.forget_what_rests();
        self.ask_journal();
    }

    /// A video may be in a watched folder and be an image itself (GIF, WebP): it is no frame.
    fn claim(&mut self, video: &Path, identity: Identity) {
        if let Some(dir) = video.parent() {
            let (dir, _) = self.home_of(&Arc::from(dir));
            self.track(Tracked::Claimed { dir, files: vec![identity] });
        }
    }

    fn failed(&mut self, job: &Arc<Job>, JobFailure { failure, consequence }: JobFailure) {
        match consequence {
            Consequence::Stale => {
                let files = job.batch.frames.iter().map(|frame| frame.identity).collect();
                self.released(vec![(job.batch.dir.to_path_buf(), files)]);
            }
            Consequence::Recover(wait) => {
                let outcome = UnknownOutcome { due: self.now + wait, error: failure.line.clone() };
                self.unknown_outcomes.insert(job.id, outcome);
            }
            Consequence::LaterAgain | Consequence::Wait(_) | Consequence::BackOff | Consequence::GiveUp => {}
        }
        self.tell(News::Failed { job: Arc::clone(job), failure, consequence });
    }

    /// Files that batches held are free again: their folders are read afresh, because the files may be others by now, and
    /// no event comes for what did not change.
    pub(super) fn released(&mut self, released: Vec<Files>) {
        for (dir, files) in released {
            let dir: Arc<Path> = Arc::from(dir);
            let (home, _) = self.home_of(&dir);
            self.track(Tracked::Released { dir: home, files });
            if let Some(root) = self.root_path_of(&dir) {
                self.out.push(Effect::Wake { root: Arc::clone(&root), dir: Arc::clone(&dir) });
                self.want(&root, ReadRequest::Folders(vec![(dir, Dirty::All)]));
            }
        }
    }

    pub(super) fn journal_failed(&mut self, failure: &Failure) {
        self.recent.journal = Some(failure.clone());
        self.tell(News::JournalFailed { failure: failure.clone(), again: PAUSE });
        self.timers.journal = Some(self.now + PAUSE);
    }
}
