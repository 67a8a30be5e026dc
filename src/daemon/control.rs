//! The loop's side of control: signals, clients, and what the service manager is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::config::StopPolicy;
use crate::daemon::command::{self, Command, Reply, RetryTarget};
use crate::daemon::error::StartError;
use crate::daemon::event::{Event, Files};
use crate::daemon::reader::Wants;
use crate::daemon::signals::Signal;
use crate::daemon::systemd::Systemd;
use crate::daemon::{ABORT_LIMIT, Daemon, Phase};
use crate::error::{Explain as _, chain};
use crate::frame::limits;
use crate::journal::JournalError;
use crate::pipeline::clock::now_ms;
use crate::text::plural::counted;
use crate::text::printable::Show as _;
use crate::watch::dirty::Dirty;

/// Time between two looks at the progress of running encodes.
const STATUS_EVERY: Duration = Duration::from_secs(2);

/// A folder whose batches a client wants forgotten.
#[derive(Debug)]
pub(super) struct Forget {
    dir: PathBuf,
    /// Whom to tell; `None` from the moment that the journal is at it.
    answer: Option<oneshot::Sender<Reply>>,
}

impl Daemon {
    pub(super) fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Stop => self.stop(),
            Signal::Reload => self.reload(None),
            Signal::Report => self.report(),
        }
    }

    /// Ends the daemon where its journal is not the one that others would find: what it recorded from now on would be
    /// lost, and a second daemon could start beside it. The service manager starts it again, with a new journal.
    pub(super) fn look_at_state(&mut self) {
        if self.failure.is_some() || self.lock.is_in_place() && self.tools.journal.is_in_place() {
            return;
        }
        let error = StartError::StateGone { path: self.lock.state_dir().to_path_buf() };
        tracing::error!(hint = error.hint().unwrap_or_default(), "{}", chain(&error));
        self.failure = Some(error);
        Systemd::stopping();
        self.slots.cancel(|_| true);
        self.live.abort();
        self.trials.abort();
        self.phase = Phase::Stopping { until: Some(self.now() + ABORT_LIMIT) };
    }

    fn stop(&mut self) {
        Systemd::stopping();
        self.trials.abort();
        let until = match self.settings.now().config.stop {
            StopPolicy::Abort => {
                self.slots.cancel(|_| true);
                self.live.abort();
                Some(self.now() + ABORT_LIMIT)
            }
            StopPolicy::Finish => {
                self.live.abort();
                None
            }
        };
        tracing::info!(running = self.slots.running().len(), "stopping");
        self.phase = Phase::Stopping { until };
    }

    pub(super) fn asked(&mut self, command: Command, answer: oneshot::Sender<Reply>) {
        let reply = match command {
            Command::Done { dir } => self.done(&dir.to_path()),
            Command::Retry { target } => return self.retry(target, answer),
            Command::Forget { dir } => return self.forget(dir.to_path(), answer),
            Command::Reload => return self.reload(Some(answer)),
            Command::Open => {
                let sequences = self.tracker.snapshot(self.now());
                Reply::Open { sequences, troubles: self.trials.troubles().to_vec() }
            }
        };
        // A client that does not wait for the answer needs none.
        let _ = answer.send(reply);
    }

    fn done(&mut self, dir: &Path) -> Reply {
        let Some(root) = self.root_path_of(dir) else {
            return Reply::Refused {
                message: format!("{} is in no watched folder", dir.shown()),
                hint: "add it to the config, or encode at once: `reeld encode`".to_owned(),
            };
        };
        // What is there now is what the client means, so the folders are read first: with `group = "tree"` also those
        // that the film of this one goes through.
        let batches = self.tracker.batch_folders(dir);
        let (home, _) = self.home_of(&Arc::from(dir));
        let folders = batches.into_iter().chain([home]).map(|dir| (dir, Dirty::All)).collect();
        if let Some(watched) = self.roots.get_mut(&root) {
            watched.reader.wake(dir);
            watched.done.push(Arc::from(dir));
        }
        self.want(&root, Wants::Folders(folders));
        Reply::Done { message: format!("the sequences in {} are taken as finished", dir.shown()) }
    }

    fn retry(&mut self, target: RetryTarget, answer: oneshot::Sender<Reply>) {
        let journal = self.tools.journal.clone();
        for (due, _) in self.unsettled.values_mut() {
            *due = Duration::ZERO;
        }
        let unsettled = self.unsettled.clone();
        self.spawn(move || {
            let now = now_ms();
            // First those of which it has not heard that nobody works on them.
            let told = unsettled.iter().try_for_each(|(id, (_, error))| journal.unsettled(*id, error, None, now));
            let (reply, event) = match told.and_then(|()| journal.retry(&target.into(), now)) {
                Ok(batches) => (command::retried(&batches), Event::JournalChanged),
                Err(error) => (refusal(&error), Event::JournalFailed(error)),
            };
            let _ = answer.send(reply);
            event
        });
    }

    /// A batch that is being encoded cannot be forgotten: its encode ends first.
    fn forget(&mut self, dir: PathBuf, answer: oneshot::Sender<Reply>) {
        self.slots.cancel(|batch| batch.dir.starts_with(&dir));
        self.forgets.push(Forget { dir, answer: Some(answer) });
        self.forget_what_rests();
    }

    /// Forgets the folders in which nothing is encoded any more.
    pub(super) fn forget_what_rests(&mut self) {
        let mut forgets = std::mem::take(&mut self.forgets);
        for Forget { dir, answer } in &mut forgets {
            if self.slots.running().any(|running| running.job.batch.dir.starts_with(&*dir)) {
                continue;
            }
            let Some(answer) = answer.take() else { continue };
            let (journal, dir) = (self.tools.journal.clone(), dir.clone());
            self.spawn(move || {
                let released = journal.forget(&dir);
                let _ = answer.send(released.as_deref().map_or_else(refusal, command::forgotten));
                Event::Forgotten { dir, released }
            });
        }
        self.forgets = forgets;
    }

    pub(super) fn forgotten(&mut self, dir: &Path, released: Result<Vec<Files>, JournalError>) {
        self.forgets.retain(|forget| forget.dir != dir || forget.answer.is_some());
        match released {
            Ok(mut released) => {
                for batch in self.unrecorded.extract_if(.., |batch| batch.dir.starts_with(dir)) {
                    released.push((batch.dir.to_path_buf(), batch.frames.iter().map(|frame| frame.identity).collect()));
                }
                self.released(released);
                self.ask_journal();
            }
            Err(error) => self.journal_failed(&error.into()),
        }
    }

    pub(super) fn is_forgetting(&self, dir: &Path) -> bool {
        self.forgets.iter().any(|forget| dir.starts_with(&forget.dir))
    }

    /// Pings the service manager's watchdog, and notes when it is next due.
    pub(super) fn ping_watchdog(&mut self) {
        Systemd::ping();
        self.timers.watchdog = self.systemd.watchdog.map(|every| self.now() + every);
    }

    /// One line for `systemctl status`; again in a while as long as something is encoded.
    pub(super) fn show_status(&mut self) {
        let polling = self.roots.values().filter(|root| root.reader.poll().is_some()).count();
        let roots = counted(self.roots.len() as u64, "root", "roots");
        let open = counted(self.tracker.snapshot(self.now()).len() as u64, "sequence", "sequences");
        let wrong = [self.refused_config(), self.trouble()].into_iter().flatten();
        let wrong: String = wrong.map(|text| text + "; ").collect();
        let mut text = format!("{wrong}{roots} ({polling} polling), {open} open");
        for running in self.slots.running() {
            text += &format!(", encoding {} {}%", running.job.batch.pattern, running.meter.percent());
        }
        for ((_, pattern), frames) in self.live.progress() {
            text += &format!(", {pattern}: {} ahead", counted(frames as u64, "frame", "frames"));
        }
        self.systemd.status(&text);
        let busy = self.slots.running().len() > 0;
        self.timers.status = busy.then(|| self.now() + STATUS_EVERY);
        if busy && matches!(self.phase, Phase::Stopping { until: None }) {
            Systemd::extend(STATUS_EVERY * 10);
        }
    }

    /// Logs everything the daemon knows (SIGUSR1).
    fn report(&self) {
        for (path, root) in &self.roots {
            let standing = root.standing.as_ref();
            tracing::info!(path = %path.shown(), ?standing, how = %root.reader.watching.why, "root");
        }
        for open in self.tracker.snapshot(self.now()) {
            tracing::info!(sequence = %serde_json::to_string(&open).unwrap_or_default(), "open");
        }
        for ((dir, pattern), frames) in self.live.progress() {
            tracing::info!(dir = %dir.shown(), %pattern, frames, "encoded ahead");
        }
        for job in self.slots.waiting() {
            tracing::info!(batch = %job.id, sequence = job.name(), frames = job.batch.frames.len(), "waiting");
        }
        for running in self.slots.running() {
            tracing::info!(batch = %running.job.id, sequence = running.job.name(), percent = running.meter.percent(), "encoding");
        }
        let (stop, encoder, limits) = (self.settings.now().config.stop, &self.tools.encoder, limits::current());
        tracing::info!(?stop, ?encoder, ?limits, ffmpeg = %self.tools.program.shown(), chunks = %self.tools.chunk_dir.shown(), "in force");
        tracing::info!(watched_folders = self.watcher.watched(), phase = ?self.phase, "state ends");
    }
}

fn refusal(error: &JournalError) -> Reply {
    Reply::Refused { message: chain(error).in_lines(), hint: error.hint().unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_refusal_has_the_causes_and_the_hint() {
        let source = std::io::Error::other("the disk is on fire");
        let error = JournalError::StateDir { path: Path::new("/x/journal.db").to_owned(), source };
        let Reply::Refused { message, hint } = refusal(&error) else { panic!("not refused") };
        assert_eq!(message, "cannot use /x/journal.db\ncaused by: the disk is on fire");
        assert!(hint.contains("or set `state_dir` elsewhere"), "{hint}");
    }
}
