//! What is under way to the journal, and which of its answers are outdated when they come.
//!
//! One question at a time, so that no clean-up runs twice at once. A job that ended, and a folder that was forgotten, while an
//! answer was on its way are no work any more, although the answer says so.
//!
//! The journal answers on a worker, and the worker that ends a job writes to it from another thread. Both answers come as
//! events, in any order: a list of work that was made before a job ended can come after its end. Queued by that list, the
//! batch would be encoded a second time, and a folder that was just forgotten would get its video after all. To hold a lock
//! over question and answer would make the core wait for the disk; to remember what happened meanwhile does not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::journal::BatchId;

/// Questions to the journal, and batches on their way into it. It decides nothing about the work itself.
#[derive(Debug, Default)]
pub(crate) struct JournalPoll {
    /// The question that is under way, and whether it says that the config may be another one.
    under_way: Option<bool>,
    again: bool,
    /// Whether the next question says so.
    reconsider: bool,
    /// What happened since the question was asked.
    since_question: Past,
    /// Batches on their way into the journal, and what happened since the first of them left.
    begins: usize,
    since_begin: Past,
}

/// What an answer that was on its way could not know of.
#[derive(Debug, Default)]
pub(crate) struct Past {
    ended: BTreeSet<BatchId>,
    forgotten: Vec<PathBuf>,
}

impl Past {
    /// Whether a batch may be no work any more, whatever an answer from before says.
    pub(crate) fn has(&self, id: BatchId, dir: &Path) -> bool {
        self.ended.contains(&id) || self.forgotten.iter().any(|forgotten| dir.starts_with(forgotten))
    }
}

impl JournalPoll {
    /// The config may be another one than the journal knows of.
    pub(crate) fn reconsider(&mut self) {
        self.reconsider = true;
    }

    /// Whether to ask now, and if so, whether the config may be another one. While an answer is on its way, the next question
    /// waits for it.
    pub(crate) fn ask(&mut self) -> Option<bool> {
        self.again = self.under_way.is_some();
        if self.again {
            return None;
        }
        self.under_way = Some(std::mem::take(&mut self.reconsider));
        self.under_way
    }

    /// The answer came, a good one or not. What it could not know of, and whether to ask again.
    pub(crate) fn answered(&mut self, is_good: bool) -> (Past, bool) {
        let reconsidered = self.under_way.take().unwrap_or(false);
        // A journal that failed did not hear of it. Without this, batches that the new config lets run again would wait
        // until somebody changes the config once more.
        self.reconsider |= reconsidered && !is_good;
        (std::mem::take(&mut self.since_question), std::mem::take(&mut self.again))
    }

    /// A batch is on its way into the journal.
    pub(crate) fn begin(&mut self) {
        self.begins += 1;
    }

    /// It is there, or could not be put there. Whether it may be no work any more: a question beside it may have found it
    /// before.
    pub(crate) fn begun(&mut self, id: Option<BatchId>, dir: &Path) -> bool {
        let is_outdated = id.is_some_and(|id| self.since_begin.has(id, dir));
        self.begins = self.begins.saturating_sub(1);
        if self.begins == 0 {
            self.since_begin = Past::default();
        }
        is_outdated
    }

    /// A job came to its end.
    pub(crate) fn ended(&mut self, id: BatchId) {
        for past in self.pasts() {
            past.ended.insert(id);
        }
    }

    /// A folder was forgotten.
    pub(crate) fn forgotten(&mut self, dir: &Path) {
        for past in self.pasts() {
            past.forgotten.push(dir.to_path_buf());
        }
    }

    /// Those of the answers that are on their way.
    fn pasts(&mut self) -> impl Iterator<Item = &mut Past> {
        let of_question = self.under_way.is_some().then_some(&mut self.since_question);
        let of_begin = (self.begins > 0).then_some(&mut self.since_begin);
        of_question.into_iter().chain(of_begin)
    }
}

#[cfg(test)]
impl JournalPoll {
    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    pub(crate) fn begins(&self) -> usize {
        self.begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_waits_for_the_answer_before_it() {
        let mut poll = JournalPoll::default();
        assert_eq!(poll.ask(), Some(false));
        assert!(poll.ask().is_none() && poll.ask().is_none(), "one at a time");
        assert!(poll.answered(true).1);
        assert!(poll.ask().is_some());
        assert!(!poll.answered(true).1, "two that waited are one");
    }

    #[test]
    fn what_ends_or_is_forgotten_meanwhile_is_no_work_any_more() {
        let dir = Path::new("/r/a");
        let mut poll = JournalPoll::default();
        poll.ended(BatchId(1));
        assert!(poll.ask().is_some());
        poll.ended(BatchId(2));
        poll.forgotten(Path::new("/r/b"));
        let past = poll.answered(true).0;
        assert!(!past.has(BatchId(1), dir) && past.has(BatchId(2), dir) && past.has(BatchId(3), Path::new("/r/b/c")));
        assert!(poll.ask().is_some());
        assert!(!poll.answered(true).0.has(BatchId(2), dir));
    }

    /// A question that was asked later may be answered first.
    #[test]
    fn a_batch_that_was_encoded_before_its_beginning_was_heard_of_is_no_work() {
        let dir = Path::new("/r/a");
        let mut poll = JournalPoll::default();
        poll.begin();
        poll.begin();
        poll.ended(BatchId(1));
        assert!(poll.begun(Some(BatchId(1)), dir));
        assert!(!poll.begun(Some(BatchId(2)), dir));
        poll.begin();
        assert!(!poll.begun(Some(BatchId(1)), dir), "nothing was under way before");
    }

    #[test]
    fn that_the_config_changed_is_said_until_it_was_heard() {
        let mut poll = JournalPoll::default();
        assert_eq!(poll.ask(), Some(false));
        poll.reconsider();
        poll.answered(true);
        assert_eq!(poll.ask(), Some(true));
        poll.answered(false);
        assert_eq!(poll.ask(), Some(true), "the journal did not hear of it");
        poll.answered(true);
        assert_eq!(poll.ask(), Some(false));
    }
}
