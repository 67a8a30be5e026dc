//! Reading the config again: what was read last holds as a whole, or nothing of it.
//!
//! Owns who waits for which reading, and what was wrong with the file. The reading itself is done on a worker thread.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::config::{Config, ConfigError};
use crate::daemon::Daemon;
use crate::daemon::Phase;
use crate::daemon::command::Reply;
use crate::daemon::event::Event;
use crate::daemon::systemd::Systemd;
use crate::error::{Explain as _, chain};
use crate::frame::limits;
use crate::sequence::name::printable::Show as _;
use crate::sequence::plural::counted;

/// A client that waits for an answer.
type Asker = oneshot::Sender<Reply>;

/// Readings of the config: one at a time, so that the one that was asked for last is the one that holds.
#[derive(Debug, Default)]
pub(super) struct Reloads {
    /// Whom the reading that is under way answers; `None` where none is.
    under_way: Option<Vec<Asker>>,
    /// Whether somebody asked since it began: the file may have been changed after it was read.
    again: bool,
    /// Who did, as far as they wait for an answer.
    waiting: Vec<Asker>,
    /// What is wrong with the file, in one line; `None` where the file as it was last read is in force.
    refused: Option<String>,
}

impl Daemon {
    /// Reads the config again, for a client or for a signal.
    pub(super) fn reload(&mut self, asker: Option<Asker>) {
        if matches!(self.phase, Phase::Stopping { .. }) {
            // The client is told by the end of its question.
            return;
        }
        self.reloads.waiting.extend(asker);
        if self.reloads.under_way.is_some() {
            self.reloads.again = true;
        } else {
            self.read_config();
        }
    }

    fn read_config(&mut self) {
        Systemd::reloading();
        self.reloads.again = false;
        self.reloads.under_way = Some(std::mem::take(&mut self.reloads.waiting));
        let file = self.config.file.clone();
        self.spawn(move || Event::Reloaded(Config::load(&file).map(Box::new)));
    }

    /// The config was read again. A bad one changes nothing.
    pub(super) fn reloaded(&mut self, result: Result<Box<Config>, ConfigError>) {
        let reply = match result {
            Ok(config) => {
                self.reloads.refused = None;
                self.adopt(*config);
                let roots = counted(self.roots.len() as u64, "folder is", "folders are");
                Reply::Done { message: format!("{} is in force: {roots} watched", self.config.file.shown()) }
            }
            Err(error) => self.refuse(&error),
        };
        for asker in self.reloads.under_way.take().into_iter().flatten() {
            // A client that does not wait for the answer needs none.
            let _ = asker.send(reply.clone());
        }
        if self.reloads.again {
            return self.read_config();
        }
        // A daemon that is still starting is ready when it has read its roots, not before.
        if self.phase == Phase::Running {
            Systemd::ready();
        }
        self.show_status();
    }

    fn refuse(&mut self, error: &ConfigError) -> Reply {
        let text = chain(error).in_lines();
        // What is wrong is shown in the lines of the file, and an event of the log is one line.
        for line in text.lines() {
            tracing::error!("{line}");
        }
        tracing::error!(hint = error.hint().unwrap_or_default(), "the running config stays in force");
        self.reloads.refused = Some(text.lines().next().unwrap_or_default().to_owned());
        let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
        Reply::Refused {
            message: text,
            hint: format!("{hint}until it can be read, the daemon goes on by the config that it read before"),
        }
    }

    /// For the status line: that a config was refused, until a good one is read.
    pub(super) fn refused_config(&self) -> Option<String> {
        let what = self.reloads.refused.as_ref()?;
        Some(format!("config refused, the one before it stays in force ({what})"))
    }

    fn adopt(&mut self, config: Config) {
        for watched in std::mem::take(&mut self.roots).into_values() {
            watched.reader.close();
        }
        // Also those of a root that is away: an inspection there would never be answered. Where folders are taken together
        // otherwise than before, all is read anew.
        let group = |config: &Config, dir: &Path| config.root_of(dir).map(|root| root.group);
        let old = Arc::clone(&self.config);
        self.tracker.retain(|dir| group(&config, dir).is_some_and(|now| group(&old, dir) == Some(now)));
        // Chunks that are whole stay; what is made of them by other settings is made anew.
        self.live.abort();
        self.tools.encoder = config.encoder.clone();
        limits::set(config.limits);
        self.config = Arc::new(config);
        // Who reads the config again says that every folder is the right one, as for the roots.
        let asked = self.tools.journal.forget_places().and_then(|()| self.tools.journal.reconsider());
        if let Err(error) = asked {
            self.journal_failed(&error.into());
        }
        self.open_roots();
        self.ask_journal();
        tracing::info!(roots = self.roots.len(), "config reloaded; running encodes keep the old one");
    }
}
