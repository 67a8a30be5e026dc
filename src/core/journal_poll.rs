//! One question to the journal at a time, so that no clean-up runs twice at once and no job is found that ended meanwhile.

use std::collections::BTreeSet;

use crate::journal::BatchId;

/// Whether the journal is being asked for work. It decides nothing about the work itself.
#[derive(Debug, Default)]
pub(crate) struct JournalPoll {
    /// The question that is under way, and whether it says that the config may be another one.
    under_way: Option<bool>,
    again: bool,
    ended: BTreeSet<BatchId>,
    /// Whether the next question says so.
    reconsider: bool,
}

impl JournalPoll {
    /// The config may be another one than the journal knows of.
    pub(crate) fn reconsider(&mut self) {
        self.reconsider = true;
    }

    /// Whether to ask now, and if so, whether the config may be another one. While an answer is on its way, the next question
    /// waits for it.
    pub(crate) fn begin(&mut self) -> Option<bool> {
        self.again = self.under_way.is_some();
        if self.again {
            return None;
        }
        self.under_way = Some(std::mem::take(&mut self.reconsider));
        self.under_way
    }

    /// A job came to its end: an answer that is on its way may still call for it.
    pub(crate) fn ended(&mut self, id: BatchId) {
        if self.under_way.is_some() {
            self.ended.insert(id);
        }
    }

    /// The answer came, a good one or not. Which jobs in it ended meanwhile, and whether to ask again.
    pub(crate) fn answered(&mut self, is_good: bool) -> (BTreeSet<BatchId>, bool) {
        let reconsidered = self.under_way.take().unwrap_or(false);
        // A journal that failed did not hear of it.
        self.reconsider |= reconsidered && !is_good;
        (std::mem::take(&mut self.ended), std::mem::take(&mut self.again))
    }
}

#[cfg(test)]
impl JournalPoll {
    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_waits_for_the_answer_before_it() {
        let mut poll = JournalPoll::default();
        assert_eq!(poll.begin(), Some(false));
        assert!(poll.begin().is_none() && poll.begin().is_none(), "one at a time");
        assert_eq!(poll.answered(true), (BTreeSet::new(), true));
        assert!(poll.begin().is_some());
        assert_eq!(poll.answered(true), (BTreeSet::new(), false), "two that waited are one");
    }

    #[test]
    fn what_ends_meanwhile_is_no_work_any_more() {
        let mut poll = JournalPoll::default();
        poll.ended(BatchId(1));
        assert!(poll.begin().is_some());
        poll.ended(BatchId(2));
        assert_eq!(poll.answered(true).0, BTreeSet::from([BatchId(2)]));
        assert!(poll.begin().is_some());
        assert_eq!(poll.answered(true).0, BTreeSet::new());
    }

    #[test]
    fn that_the_config_changed_is_said_until_it_was_heard() {
        let mut poll = JournalPoll::default();
        assert_eq!(poll.begin(), Some(false));
        poll.reconsider();
        poll.answered(true);
        assert_eq!(poll.begin(), Some(true));
        poll.answered(false);
        assert_eq!(poll.begin(), Some(true), "the journal did not hear of it");
        poll.answered(true);
        assert_eq!(poll.begin(), Some(false));
    }
}
