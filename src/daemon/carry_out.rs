//! Carries out what the core wants done.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Root, Settings};
use crate::core::command::RetryTarget;
use crate::core::effect::{Asker, Effect, Inspection, JournalQuestion};
use crate::core::event::{Event, Failure, JobFailure, ReadRequest};
use crate::core::roots::ReaderId;
use crate::daemon::error::StartError;
use crate::daemon::reader::RootReader;
use crate::daemon::workers::Workers;
use crate::daemon::{Daemon, inspect, jobs, journal, log, memory, reload, trials, workers};
use crate::encode::ffmpeg::Stop;
use crate::error::{Explain as _, chain};
use crate::journal::{BatchId, JournalError};
use crate::pipeline::clock::now_ms;
use crate::pipeline::error::JobError;
use crate::pipeline::job::{Job, Queued, Tools};
use crate::pipeline::{chunks, places};
use crate::sequence::Batch;
use crate::sequence::tracker::InspectionResult;
use crate::text::printable::Show as _;
use crate::watch::noticing;

impl Daemon {
    /// In the order in which they come.
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out_one(effect);
        }
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::OpenRoot { reader, root } => self.open_root(reader, *root),
            Effect::CloseRoot(root) => {
                if let Some(reader) = self.readers.remove(&root) {
                    reader.close();
                }
            }
            Effect::LearnPlaces => {
                // A file server that does not answer must not hold the loop up.
                let (settings, tools) = (self.settings.now(), self.tools.clone());
                Workers::spawn_unawaited("looking at the disks of the roots", move || {
                    places::learn(&settings.config, &tools);
                });
            }
            Effect::Read { root, reader, request } => self.read(root, reader, request),
            Effect::TakeDirty => self.answers.push_back(Event::Dirty(self.watcher.take_dirty())),
            Effect::Sleep { root, dir, seen } => {
                if let Some(reader) = self.readers.get(&root) {
                    reader.sleep(&dir, seen);
                }
            }
            Effect::Wake { root, dir } => {
                if let Some(reader) = self.readers.get(&root) {
                    reader.wake(&dir);
                }
            }
            Effect::GiveBackMemory => Workers::spawn_unawaited("giving back memory", memory::give_back),
            Effect::Inspect { root, reader, inspection } => self.inspect(&root, reader, inspection),
            Effect::Begin { batch, root } => self.begin(*batch, *root),
            Effect::KeepPreviews { dir, files } => {
                let journal = self.tools.journal.clone();
                // Should that fail, they are only known to be previews for as long as the frames are there, or this process is.
                Workers::spawn_unawaited("recording previews", move || {
                    if let Err(error) = journal.keep_previews(&dir, &files) {
                        let (dir, hint) = (dir.shown(), error.hint().unwrap_or_default());
                        tracing::warn!(%dir, hint, "the previews of these frames cannot be recorded: {}", chain(&error));
                    }
                });
            }
            Effect::AskJournal(question) => self.ask_journal(question),
            Effect::Start(job) => self.start_job(job),
            Effect::Cancel(id) => self.jobs.cancel(id),
            Effect::Measure => self.answers.push_back(Event::Measured(self.jobs.progress())),
            Effect::Retry { asker, target, unknown_outcomes } => self.retry(asker, target, unknown_outcomes),
            Effect::Forget(dir) => {
                let (journal, lost) = (self.tools.journal.clone(), dir.clone());
                self.workers.spawn(
                    move || {
                        let outcome = journal.forget(&dir).map_err(|error| Failure::of(&error));
                        Event::Forgotten { dir, outcome }
                    },
                    |panic| Event::Forgotten { dir: lost, outcome: Err(Failure::of(&panic)) },
                );
            }
            Effect::Live(effect) => self.live.carry_out(effect, &self.tools, &self.workers),
            Effect::LookAtLoad => {
                let busy = self.load.load(std::time::Instant::now()).is_busy(self.core.machine().cores);
                self.answers.push_back(Event::Load { busy });
            }
            Effect::ReadConfig => {
                let (settings, program) = (self.settings.now(), self.tools.program.clone());
                let state = self.lock.state_dir().to_path_buf();
                self.workers.spawn(
                    move || {
                        let fresh = reload::read(&settings, &program, &state);
                        Event::Reloaded(fresh.map_err(|error| Failure::of(&error)))
                    },
                    |panic| Event::Reloaded(Err(Failure::of(&panic))),
                );
            }
            Effect::Adopt { settings, program } => self.adopt(settings, program),
            Effect::TryRecipes { good } => {
                let (settings, tools) = (self.settings.now(), self.tools.clone());
                self.trial = Stop::default();
                let stop = self.trial.clone();
                self.workers.spawn(
                    move || Event::Tried(Ok(trials::try_all(&settings, &tools, &good, &stop))),
                    |panic| Event::Tried(Err(Failure::of(&panic))),
                );
            }
            Effect::StopTrials => self.trial.request(),
            Effect::Reply(asker, reply) => {
                if let Some(answer) = self.askers.remove(&asker) {
                    // A client that does not wait for the answer needs none.
                    let _ = answer.send(reply);
                }
            }
            Effect::Tell(news) => log::tell(&news, &self.tools),
            Effect::Notify(notice) => self.systemd.notify(&notice),
            Effect::Report(snapshot) => log::report(&snapshot, &self.settings.now(), &self.tools, &self.watcher),
        }
    }

    fn open_root(&mut self, id: ReaderId, root: Root) {
        let watching = noticing::decide(&root.path, root.watch);
        let link = root.link.as_ref().map(|link| tracing::field::display(link.shown()));
        tracing::info!(path = %root.path.shown(), link, file_system = watching.fs_type, how = %watching.why, "watching");
        if let Some(why) = root.waits {
            tracing::info!(path = %root.path.shown(), "encoding begins when a sequence is finished: {why}");
        }
        let reader = RootReader::new(id, root, watching, Arc::clone(&self.watcher), self.tools.journal.clone());
        self.readers.insert(Arc::clone(reader.path()), Arc::new(reader));
    }

    fn read(&self, root: Arc<Path>, id: ReaderId, request: ReadRequest) {
        // The core asks only for roots that it opened.
        let Some(reader) = self.readers.get(&root).cloned() else { return };
        let told = self.workers.clone();
        let work = move || reader.tell(request, |report| told.answer(Event::Scanned(report)));
        self.workers.spawn_telling(work, move |panic| Event::ScanLost {
            root,
            reader: id,
            failure: Failure::of(&panic),
        });
    }

    fn inspect(&self, root: &Path, id: ReaderId, inspection: Inspection) {
        let Some(reader) = self.readers.get(root).cloned() else { return };
        let (told, lost) = (self.workers.clone(), inspection.clone());
        self.workers.spawn(
            move || {
                let tell = |report| told.answer(Event::Rescanned(report));
                let result = inspect::inspect(&reader, &inspection, tell);
                Event::Inspected { reader: id, inspection, result }
            },
            // The sequence waits for a reading of its folder.
            move |panic| {
                workers::tell_lost("looking at a sequence", &panic);
                Event::Inspected { reader: id, inspection: lost, result: InspectionResult::Changed }
            },
        );
    }

    fn begin(&self, batch: Batch, root: Root) {
        let (journal, lost) = (self.tools.journal.clone(), batch.clone());
        self.workers.spawn(
            move || match Job::begin(batch.clone(), &root, &journal) {
                Ok(Job { id, batch, .. }) => Event::Begun(Queued { id, batch }),
                Err(error) => Event::NotBegun { batch: Box::new(batch), failure: Failure::of(&error) },
            },
            |panic| Event::NotBegun { batch: Box::new(lost), failure: Failure::of(&panic) },
        );
    }

    fn ask_journal(&mut self, question: JournalQuestion) {
        // Also where the kernel tells no news of it, as on network shares.
        if self.is_state_gone() {
            // No frame is removed by a journal that nobody will find.
            return;
        }
        let (tools, settings) = (self.tools.clone(), self.settings.clone());
        self.workers.spawn(
            move || {
                let found = journal::due_work(&tools, &settings, &question);
                Event::DueWork(found.map_err(|error: JournalError| Failure::of(&error)))
            },
            |panic| Event::DueWork(Err(Failure::of(&panic))),
        );
    }

    /// Whether the journal is not the one any more that others would find. The core hears of it, once.
    pub(super) fn is_state_gone(&mut self) -> bool {
        if self.failure.is_none() && !(self.lock.is_in_place() && self.tools.journal.is_in_place()) {
            let error = StartError::StateGone { path: self.lock.state_dir().to_path_buf() };
            tracing::error!(hint = error.hint().unwrap_or_default(), "{}", chain(&error));
            self.failure = Some(error);
            self.answers.push_back(Event::StateGone);
        }
        self.failure.is_some()
    }

    fn start_job(&mut self, job: Arc<Job>) {
        let running = self.jobs.start(job.id);
        let (tools, id) = (self.tools.clone(), job.id);
        self.workers.spawn(
            move || {
                let outcome = jobs::run(&job, &tools, &|progress| running.meter.record(&progress), &running.stop);
                Event::Ended { id, outcome: outcome.map(Box::new).map_err(JobFailure::from) }
            },
            // A panic that the job did not record itself is looked at later.
            move |panic| Event::Ended { id, outcome: Err(JobError::OutcomeUnknown(Box::new(panic)).into()) },
        );
    }

    fn retry(&self, asker: Asker, target: RetryTarget, unknown_outcomes: Vec<(BatchId, String)>) {
        let journal = self.tools.journal.clone();
        self.workers.spawn(
            move || {
                let now = now_ms();
                // First those of which it has not heard that nobody works on them.
                let told =
                    unknown_outcomes.iter().try_for_each(|(id, error)| journal.outcome_unknown(*id, error, None, now));
                let outcome = told.and_then(|()| journal.retry(&target.into(), now));
                Event::Retried { asker, outcome: outcome.map_err(|error| Failure::of(&error)) }
            },
            move |panic| Event::Retried { asker, outcome: Err(Failure::of(&panic)) },
        );
    }

    fn adopt(&mut self, settings: Arc<Settings>, program: PathBuf) {
        reload::tell_what_waits_for_a_start(&settings.config, self.lock.state_dir());
        let tools = Tools::of(&settings, program, self.tools.journal.clone());
        self.settings.replace(settings);
        let old = std::mem::replace(&mut self.tools, tools);
        if old.chunk_dir != self.tools.chunk_dir {
            Workers::spawn_unawaited("moving the chunks", move || chunks::move_out(&old));
        }
    }
}
