//! Clients and the service manager: what they ask, and what they are told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::core::command::{self, Command, Reply, RetryTarget};
use crate::core::effect::{Asker, Effect, Notice};
use crate::core::event::{Failure, Files, Progress};
use crate::core::{Core, Phase};
use crate::journal::BatchId;
use crate::sequence::tracker::OpenCount;
use crate::text::plural::counted;
use crate::text::printable::Show as _;

/// Time between two looks at the progress of running encodes.
const STATUS_EVERY: Duration = Duration::from_secs(2);

/// A folder whose batches a client wants forgotten.
#[derive(Debug)]
pub(super) struct Forget {
    dir: PathBuf,
    asker: Asker,
    /// The journal is at it.
    begun: bool,
}

#[cfg(test)]
impl Forget {
    pub(super) fn is_begun(&self) -> bool {
        self.begun
    }
}

impl Core {
    pub(super) fn asked(&mut self, command: Command, asker: Asker) {
        match command {
            Command::Done { dir } => {
                let reply = self.done(&dir.to_path());
                self.out.push(Effect::Reply(asker, reply));
            }
            Command::Retry { target } => self.retry(target, asker),
            Command::Forget { dir } => self.forget(dir.to_path(), asker),
            Command::Reload => self.reload(Some(asker)),
            Command::Status => {
                let reply = Reply::Status(Box::new(self.snapshot()));
                self.out.push(Effect::Reply(asker, reply));
            }
            Command::Open => {
                let sequences = self.tracker.snapshot(self.now);
                let reply = Reply::Open { sequences, troubles: self.trials.troubles().to_vec() };
                self.out.push(Effect::Reply(asker, reply));
            }
        }
    }

    fn done(&mut self, dir: &Path) -> Reply {
        if self.done_when_read(dir) {
            Reply::Done { message: format!("the sequences in {} are taken as finished", dir.shown()) }
        } else {
            Reply::Refused {
                message: format!("{} is in no watched folder", dir.shown()),
                hint: "add it to the config, or encode at once: `reeld encode`".to_owned(),
            }
        }
    }

    /// First the journal is told of the batches of which it has not heard that nobody works on them.
    fn retry(&mut self, target: RetryTarget, asker: Asker) {
        for outcome in self.unknown_outcomes.values_mut() {
            outcome.due = Duration::ZERO;
        }
        let unknown_outcomes = self.unknown_outcomes.iter().map(|(id, outcome)| (*id, outcome.error.clone())).collect();
        self.out.push(Effect::Retry { asker, target, unknown_outcomes });
    }

    pub(super) fn retried(&mut self, asker: Asker, outcome: Result<Vec<BatchId>, Failure>) {
        let reply = match &outcome {
            Ok(batches) => command::retried(batches),
            Err(failure) => refusal(failure),
        };
        self.out.push(Effect::Reply(asker, reply));
        match outcome {
            Ok(_) => self.ask_journal(),
            Err(failure) => self.journal_failed(&failure),
        }
    }

    /// A batch that is being encoded cannot be forgotten: its encode ends first.
    fn forget(&mut self, dir: PathBuf, asker: Asker) {
        self.cancel_jobs(|batch| batch.dir.starts_with(&dir));
        self.forgets.push(Forget { dir, asker, begun: false });
        self.forget_what_rests();
    }

    /// Forgets the folders in which nothing is encoded any more.
    pub(super) fn forget_what_rests(&mut self) {
        let running = |dir: &Path| self.queue.running().any(|running| running.job.batch.dir.starts_with(dir));
        for forget in self.forgets.iter_mut().filter(|forget| !forget.begun && !running(&forget.dir)) {
            forget.begun = true;
            self.out.push(Effect::Forget(forget.dir.clone()));
        }
    }

    pub(super) fn forgotten(&mut self, dir: &Path, outcome: Result<Vec<Files>, Failure>) {
        // One answer for each question: the first of those that asked for this folder.
        if let Some(at) = self.forgets.iter().position(|forget| forget.begun && forget.dir == dir) {
            let Forget { asker, .. } = self.forgets.remove(at);
            let reply = outcome.as_deref().map_or_else(refusal, command::forgotten);
            self.out.push(Effect::Reply(asker, reply));
        }
        match outcome {
            Ok(mut released) => {
                self.journal_poll.forgotten(dir);
                for batch in self.unrecorded.extract_if(.., |batch| batch.dir.starts_with(dir)) {
                    released.push((batch.dir.to_path_buf(), batch.frames.iter().map(|frame| frame.identity).collect()));
                }
                self.released(released);
                self.ask_journal();
            }
            Err(failure) => self.journal_failed(&failure),
        }
    }

    pub(super) fn is_forgetting(&self, dir: &Path) -> bool {
        self.forgets.iter().any(|forget| dir.starts_with(&forget.dir))
    }

    /// Shows the service manager's watchdog a sign of life, and notes when the next one is due.
    pub(super) fn ping_watchdog(&mut self) {
        self.out.push(Effect::Notify(Notice::Ping));
        self.timers.watchdog = self.machine.watchdog.map(|every| self.now + every);
    }

    /// One line for `systemctl status`, once it is known how far the jobs are; again in a while as long as any runs.
    pub(super) fn show_status(&mut self) {
        let busy = self.queue.running().len() > 0;
        self.timers.status = busy.then(|| self.now + STATUS_EVERY);
        self.out.push(Effect::Measure);
    }

    /// What the line says is another thing now: it is shown anew soon, however much more changes until then.
    pub(super) fn status_changed(&mut self) {
        let soon = self.now + STATUS_EVERY;
        self.timers.status = Some(self.timers.status.map_or(soon, |due| due.min(soon)));
    }

    pub(super) fn measured(&mut self, progress: &[(BatchId, Progress)]) {
        for (id, progress) in progress {
            self.queue.measured(*id, *progress);
        }
        let text = self.status_line();
        self.out.push(Effect::Notify(Notice::Status(text)));
        let busy = self.queue.running().len() > 0;
        if busy && matches!(self.phase, Phase::Stopping { until: None }) {
            self.out.push(Effect::Notify(Notice::Extend(STATUS_EVERY * 10)));
        }
    }

    fn status_line(&self) -> String {
        let polling = self.roots.values().filter(|root| root.poll.is_some()).count();
        let roots = counted(self.roots.len() as u64, "root", "roots");
        let OpenCount { sequences, frames } = self.tracker.open_count();
        let open = counted(sequences, "sequence", "sequences");
        let frames = match frames {
            0 => String::new(),
            frames => format!(" ({})", counted(frames, "frame", "frames")),
        };
        let wrong = [self.refused_config(), self.trouble()].into_iter().flatten();
        let wrong: String = wrong.map(|text| text + "; ").collect();
        let mut text = format!("{wrong}{roots} ({polling} polling), {open} open{frames}");
        for running in self.queue.running() {
            text += &format!(", encoding {} {}%", running.job.batch.pattern, running.percent());
        }
        for ((_, pattern), frames) in self.live.progress() {
            text += &format!(", {pattern}: {} ahead", counted(frames as u64, "frame", "frames"));
        }
        text
    }

    /// Logs everything the daemon knows.
    pub(super) fn report(&mut self) {
        let snapshot = self.snapshot();
        self.out.push(Effect::Report(Box::new(snapshot)));
    }
}

fn refusal(failure: &Failure) -> Reply {
    Reply::Refused { message: failure.lines.clone(), hint: failure.hint.clone() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::journal::JournalError;

    #[test]
    fn a_refusal_has_the_causes_and_the_hint() {
        let source = std::io::Error::other("the disk is on fire");
        let error = JournalError::StateDir { path: Path::new("/x/journal.db").to_owned(), source };
        let Reply::Refused { message, hint } = refusal(&Failure::of(&error)) else { panic!("not refused") };
        assert_eq!(message, "cannot use /x/journal.db\ncaused by: the disk is on fire");
        assert!(hint.contains("or set `state_dir` elsewhere"), "{hint}");
    }
}
