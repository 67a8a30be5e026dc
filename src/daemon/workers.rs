//! Worker threads: whatever blocks runs on one, and answers with an event.
//!
//! Owns the one way to start a worker. A worker that panics answers all the same: the core waits for the event, and would wait
//! for ever.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::core::command::{Command, Reply};
use crate::core::event::Event;
use crate::daemon::live::Prepared;
use crate::error::{Explain as _, chain};
use crate::pipeline::error::JobError;
use crate::pipeline::run::text_of;

/// What the loop receives.
#[derive(Debug)]
pub(super) enum Message {
    /// Something for the core.
    Event(Event),
    /// How a sequence is encoded before it is finished.
    Prepared(Prepared),
    /// A client asks.
    Asked(Command, oneshot::Sender<Reply>),
}

impl From<Event> for Message {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

/// The way to the loop, and to threads that answer it.
#[derive(Debug, Clone)]
pub(super) struct Workers(UnboundedSender<Message>);

impl Workers {
    pub(super) fn new(sender: UnboundedSender<Message>) -> Self {
        Self(sender)
    }

    /// Tells the loop. `false` where nobody listens any more, which is so only when the daemon has stopped.
    pub(super) fn tell(&self, message: impl Into<Message>) -> bool {
        self.0.send(message.into()).is_ok()
    }

    /// Answers the loop, which is gone only when the daemon has stopped.
    pub(super) fn answer(&self, message: impl Into<Message>) {
        self.tell(message);
    }

    /// Runs `work` on a thread; its answer comes back. Should it panic, `lost` is the answer.
    pub(super) fn spawn<M: Into<Message>>(
        &self,
        work: impl FnOnce() -> M + Send + 'static,
        lost: impl FnOnce(JobError) -> M + Send + 'static,
    ) {
        let answers = self.clone();
        self.spawn_telling(move || answers.answer(work()), lost);
    }

    /// Runs `work` on a thread, which answers by itself before it ends. Should it panic, `lost` is the answer.
    pub(super) fn spawn_telling<M: Into<Message>>(
        &self,
        work: impl FnOnce() + Send + 'static,
        lost: impl FnOnce(JobError) -> M + Send + 'static,
    ) {
        let answers = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                answers.answer(lost(error_of(&*panic)));
            }
        });
    }

    /// Runs `work` on a thread, for something that nobody waits for. Should it panic, the log says so.
    pub(super) fn spawn_unawaited(what: &'static str, work: impl FnOnce() + Send + 'static) {
        tokio::task::spawn_blocking(move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                tell_lost(what, &error_of(&*panic));
            }
        });
    }
}

/// Says what came to nothing, where nobody else does.
pub(super) fn tell_lost(what: &str, error: &JobError) {
    tracing::error!(hint = error.hint().unwrap_or_default(), "{what} failed: {}", chain(error));
}

fn error_of(panic: &(dyn Any + Send)) -> JobError {
    JobError::Panicked(text_of(panic))
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::core::event::Failure;

    #[tokio::test]
    async fn a_worker_that_panics_answers() {
        let (sender, mut messages) = mpsc::unbounded_channel();
        let workers = Workers::new(sender);
        workers.spawn(|| panic!("the disk is on fire"), |panic| Event::Tried(Err(Failure::of(&panic))));
        let Some(Message::Event(Event::Tried(Err(failure)))) = messages.recv().await else { panic!("no answer") };
        assert_eq!(failure.line, "reeld itself failed: the disk is on fire");
        assert!(failure.hint.contains("bug"), "{}", failure.hint);
    }
}
