//! The loop's side of control: signals, clients, the reloaded config, and what the service manager is told.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::config::{Config, ConfigError, StopPolicy};
use crate::daemon::command::{self, Command, Reply};
use crate::daemon::event::{Event, Files};
use crate::daemon::job;
use crate::daemon::reader::Wants;
use crate::daemon::signals::Signal;
use crate::daemon::systemd::Systemd;
use crate::daemon::{ABORT_LIMIT, Daemon, Phase};
use crate::journal::{Journal, JournalError};
use crate::sequence::tracker::Event as Tracked;
use crate::watch::dirty::Dirty;

/// Time between two looks at the progress of running encodes.
const STATUS_EVERY: Duration = Duration::from_secs(2);

impl Daemon {
    pub(super) fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Stop => self.stop(),
            Signal::Reload => {
                Systemd::reloading();
                let file = self.config.file.clone();
                self.spawn(move || Event::Reloaded(Config::load(&file).map(Box::new)));
            }
            Signal::Report => self.report(),
        }
    }

    fn stop(&mut self) {
        Systemd::stopping();
        let until = match self.config.stop {
            StopPolicy::Abort => {
                self.slots.cancel(|_| true);
                Some(self.now() + ABORT_LIMIT)
            }
            StopPolicy::Finish => None,
        };
        tracing::info!(running = self.slots.running().len(), "stopping");
        self.phase = Phase::Stopping { until };
    }

    /// The config was read again. A bad one changes nothing.
    pub(super) fn reloaded(&mut self, result: Result<Box<Config>, ConfigError>) {
        match result {
            Ok(config) => self.adopt(*config),
            Err(error) => tracing::error!("{error}\nthe running config stays in force"),
        }
        Systemd::ready();
    }

    fn adopt(&mut self, config: Config) {
        for watched in std::mem::take(&mut self.roots).into_values() {
            for dir in watched.reader.close() {
                if config.root_of(&dir).is_none() {
                    self.track(Tracked::FolderGone(dir));
                }
            }
        }
        self.tools.encoder = config.encoder.clone();
        self.config = Arc::new(config);
        self.open_roots();
        self.ask_journal();
        tracing::info!(roots = self.roots.len(), "config reloaded; running encodes keep the old one");
    }

    pub(super) fn asked(&mut self, command: Command, answer: oneshot::Sender<Reply>) {
        let reply = match command {
            Command::Done { dir } => self.done(&dir.to_path()),
            Command::Retry { target } => {
                return self.change_journal(answer, move |journal| {
                    let batches = journal.retry(&target.into(), job::now_ms())?;
                    Ok((command::retried(&batches), Vec::new()))
                });
            }
            Command::Forget { dir } => {
                let dir = dir.to_path();
                self.slots.cancel(|job| job.batch.dir.starts_with(&dir));
                return self.change_journal(answer, move |journal| {
                    let released = journal.forget(&dir)?;
                    Ok((command::forgotten(&released), released))
                });
            }
        };
        // A client that does not wait for the answer needs none.
        let _ = answer.send(reply);
    }

    fn done(&mut self, dir: &Path) -> Reply {
        let Some(root) = self.root_path_of(dir) else {
            return Reply::Refused {
                message: format!("{} is in no watched folder", dir.display()),
                hint: "add it to the config, or encode at once: `reeld encode`".to_owned(),
            };
        };
        let dir: Arc<Path> = Arc::from(dir);
        // What lies there now is what the client means, so the folder is read first.
        self.done_when_read.insert(Arc::clone(&dir));
        self.want(&root, Wants::Folders(vec![(Arc::clone(&dir), Dirty::All)]));
        Reply::Done { message: format!("the sequences in {} are taken as finished", dir.display()) }
    }

    /// Changes the journal on a worker thread, and answers the client from there.
    fn change_journal(
        &self,
        answer: oneshot::Sender<Reply>,
        change: impl FnOnce(&Journal) -> Result<(Reply, Vec<Files>), JournalError> + Send + 'static,
    ) {
        let journal = self.tools.journal.clone();
        let sender = self.sender.clone();
        self.spawn(move || {
            let (reply, event) = match change(&journal) {
                Ok((reply, released)) => (reply, Event::Released(released)),
                Err(error) => {
                    let hint = error.hint().unwrap_or_default();
                    (Reply::Refused { message: error.to_string(), hint }, Event::JournalFailed(error))
                }
            };
            let _ = answer.send(reply);
            let _ = sender.send(event);
            Event::JournalDue(Some(0))
        });
    }

    /// Pings the service manager's watchdog, and notes when it is next due.
    pub(super) fn ping_watchdog(&mut self) {
        Systemd::ping();
        self.timers.watchdog = self.systemd.watchdog.map(|every| self.now() + every);
    }

    /// One line for `systemctl status`; again in a while as long as something is encoded.
    pub(super) fn show_status(&mut self) {
        let polling = self.roots.values().filter(|root| root.reader.poll().is_some()).count();
        let mut text = format!(
            "{} roots ({polling} polling), {} sequences open",
            self.roots.len(),
            self.tracker.snapshot(self.now()).len()
        );
        for running in self.slots.running() {
            text += &format!(", encoding {} {}%", running.job.batch.pattern, running.meter.percent());
        }
        self.systemd.status(text);
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
            tracing::info!(path = %path.display(), ?standing, how = %root.reader.watching.why, "root");
        }
        for open in self.tracker.snapshot(self.now()) {
            tracing::info!(sequence = %serde_json::to_string(&open).unwrap_or_default(), "open");
        }
        for job in self.slots.waiting() {
            tracing::info!(batch = %job.id, sequence = job.name(), frames = job.batch.frames.len(), "waiting");
        }
        for running in self.slots.running() {
            tracing::info!(batch = %running.job.id, sequence = running.job.name(), percent = running.meter.percent(), "encoding");
        }
        tracing::info!(watched_folders = self.watcher.watched(), phase = ?self.phase, "state ends");
    }
}
