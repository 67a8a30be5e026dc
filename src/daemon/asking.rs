//! One question to the journal at a time, so that no clean-up runs twice at once and no job is found that ended meanwhile.

use std::collections::BTreeSet;

use crate::journal::BatchId;

/// Whether the journal is being asked for work. It decides nothing about the work itself.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    under_way: bool,
    again: bool,
    ended: BTreeSet<BatchId>,
}

impl Asking {
    /// Whether to ask now. While an answer is on its way, the next question waits for it.
    pub(crate) fn begin(&mut self) -> bool {
        self.again = self.under_way;
        !std::mem::replace(&mut self.under_way, true)
    }

    /// A job came to its end: an answer that is on its way may still call for it.
    pub(crate) fn ended(&mut self, id: BatchId) {
        if self.under_way {
            self.ended.insert(id);
        }
    }

    /// The answer came. Which jobs in it ended meanwhile, and whether to ask again.
    pub(crate) fn answered(&mut self) -> (BTreeSet<BatchId>, bool) {
        self.under_way = false;
        (std::mem::take(&mut self.ended), std::mem::take(&mut self.again))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_waits_for_the_answer_before_it() {
        let mut asking = Asking::default();
        assert!(asking.begin());
        assert!(!asking.begin() && !asking.begin(), "one at a time");
        assert_eq!(asking.answered(), (BTreeSet::new(), true));
        assert!(asking.begin());
        assert_eq!(asking.answered(), (BTreeSet::new(), false), "two that waited are one");
    }

    #[test]
    fn what_ends_meanwhile_is_no_work_any_more() {
        let mut asking = Asking::default();
        asking.ended(BatchId(1));
        assert!(asking.begin());
        asking.ended(BatchId(2));
        assert_eq!(asking.answered().0, BTreeSet::from([BatchId(2)]));
        assert!(asking.begin());
        assert_eq!(asking.answered().0, BTreeSet::new());
    }
}
