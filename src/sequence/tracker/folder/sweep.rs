//! Forgets what a complete listing no longer shows. It is never given a partial or a failed one.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::sequence::group::{folder_family, is_ordered_alike};
use crate::sequence::name::split_folder;
use crate::sequence::tracker::Listing;
use crate::sequence::tracker::folder::{Folder, Id, Moment};
use crate::sequence::tracker::open::Sequence;
use crate::sequence::{Frame, FrameNumber};

/// What a listing showed of a sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// How many files.
    pub count: usize,
    /// The number of one of them.
    pub near: FrameNumber,
}

impl Folder {
    /// Forgets what a complete listing no longer shows. `seen` is what it showed of each sequence.
    pub(super) fn sweep(
        &mut self,
        listing: &Listing,
        seen: &HashMap<Id, Seen>,
        moment: Moment<'_>,
        touched: &mut BTreeSet<Id>,
    ) {
        let within = listing.within.as_slice();
        let family = folder_family(within);
        // A sequence that is in folders of another kind has nothing to do with this listing.
        let is_meant = |shape: &[u8]| shape.starts_with(&family) && within.is_empty() != shape.contains(&b'/');
        let is_short = |id: &Id, sequence: &Sequence| {
            let known = seen.get(id).map_or(0, |seen| seen.count);
            (is_meant(&sequence.shape) && known < sequence.frames.total()).then_some(*id)
        };
        let short: Vec<Id> = self.sequences.iter().filter_map(|(id, sequence)| is_short(id, sequence)).collect();
        let aside = self.shapes.values().any(|shape| !shape.others.is_empty());
        if short.is_empty() && self.markers.is_empty() && !aside {
            return;
        }
        let mut empty = Vec::new();
        let names: HashSet<&[u8]> = listing.files.iter().map(|(name, _)| name.as_slice()).collect();
        // This listing says nothing about what is in other folders.
        let is_there = |name: &[u8]| names.contains(name) || split_folder(name).0 != within;
        self.markers.retain(|name, _| is_there(name));
        for (key, shape) in self.shapes.iter_mut().filter(|(key, _)| is_meant(key)) {
            let before = shape.others.len();
            shape.others.retain(|name, _| is_there(name));
            let gone = before - shape.others.len();
            shape.names -= gone;
            shape.stale |= gone > 0;
            if shape.others.is_empty() && shape.sequences.is_empty() {
                empty.push(Arc::clone(key));
            }
        }
        for key in empty {
            self.shapes.remove(&key);
        }
        for id in short {
            let Some(sequence) = self.sequences.get(&id) else { continue };
            let is_gone = |frame: &Frame| match &frame.name {
                Some(name) => !is_there(name),
                None => !is_there(&sequence.pattern.name(frame.number)),
            };
            let numbers = |frames: &mut dyn Iterator<Item = Frame>| -> Vec<FrameNumber> {
                frames.filter(is_gone).map(|frame| frame.number).collect()
            };
            let gone = match seen.get(&id).filter(|_| !within.is_empty()) {
                // The frames of a folder have numbers that are next to each other, so that the others need no look.
                Some(Seen { near, .. }) => {
                    let is_beside = |name: &[u8]| {
                        let folder = split_folder(name).0;
                        folder == within || is_ordered_alike(folder, within)
                    };
                    numbers(&mut sequence.frames.around(*near, &is_beside).into_iter())
                }
                None => numbers(&mut sequence.frames.all().map(|(frame, _)| frame)),
            };
            self.remove(id, &gone, moment);
            touched.insert(id);
        }
    }
}
