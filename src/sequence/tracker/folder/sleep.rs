//! Puts a folder to sleep in which nothing goes on, and wakes it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::sequence::finish::is_batch_folder;
use crate::sequence::tracker::asleep::{Asleep, OldNumbers};
use crate::sequence::tracker::folder::{Folder, Other};
use crate::sequence::tracker::frames::Arrival;
use crate::sequence::tracker::open::Sequence;

impl Folder {
    /// What is to be kept of it while it sleeps; `None` while something goes on in it, or may by time alone.
    ///
    /// The markers of a folder speak for the `batch_NNNN` folders in it, by what these hold at that moment: they stay
    /// awake. So does a folder of which a batch was made: what comes beside its frames is judged by them, and they are
    /// known only as long as the folder is awake.
    pub(in crate::sequence::tracker) fn asleep(&self) -> Option<Asleep> {
        let stays = |other: &Other| other.arrival == Arrival::Existing;
        let is_quiet = self.is_only_itself()
            && self.markers.is_empty()
            && self.claimed.is_empty()
            && self.awaiting.is_empty()
            && self.due.is_empty()
            && !is_batch_folder(&self.dir)
            && self.sequences.values().all(|sequence| sequence.is_quiet(&self.rules))
            && self.shapes.values().all(|shape| !shape.stale && !shape.sealed && shape.others.values().all(stays));
        if !is_quiet {
            return None;
        }
        let mut old = OldNumbers::default();
        for sequence in self.sequences.values().filter(|sequence| sequence.pattern.has_gaps()) {
            // An empty file is a placeholder: what is written into it is its first writing.
            let written = sequence.frames.open().filter(|frame| frame.identity.size > 0);
            old.add(&sequence.pattern, &written.map(|frame| frame.number).collect::<Vec<_>>());
        }
        let describe =
            |sequence: &Sequence| Some((self.describe(sequence, Duration::ZERO)?, sequence.history.last_change));
        Some(Asleep {
            rules: Arc::clone(&self.rules),
            names: Arc::clone(&self.names),
            told: self.told.clone(),
            sequences: self.sequences.values().filter_map(|sequence| describe(sequence)).collect(),
            existing: self.existing(),
            old,
        })
    }

    /// Whether it was read, and no folder below it counts as a part of it.
    fn is_only_itself(&self) -> bool {
        self.listed.len() == 1 && self.listed.contains(&b""[..])
    }

    /// The folder `dir`, which slept: its files come with its next reading.
    pub(in crate::sequence::tracker) fn woken(dir: Arc<Path>, asleep: Asleep) -> Self {
        let Asleep { rules, names, told, old, .. } = asleep;
        Self { told, old, listed: HashSet::from([BString::default()]), ..Self::new(dir, rules, names) }
    }
}
