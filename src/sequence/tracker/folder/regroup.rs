//! Groups the names of a folder anew, and moves what is known of their frames along.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::sequence::finish::Rules;
use crate::sequence::group::divide;
use crate::sequence::name::NameRule;
use crate::sequence::tracker::folder::{Family, Folder, Id, Moment, SMALL_FAMILY};
use crate::sequence::tracker::frames::Frames;
use crate::sequence::tracker::open::{Context, History, Sequence};
use crate::sequence::{Frame, FrameNumber, Identity, Pattern};

/// A frame on its way from one grouping to the next.
struct Entry {
    name: BString,
    identity: Identity,
    taken: bool,
    from: Id,
}

/// The sequences as they were.
#[derive(Default)]
struct Old {
    sequences: HashMap<Id, Sequence>,
    by_pattern: HashMap<Pattern, Id>,
    histories: HashMap<Id, History>,
}

impl Folder {
    /// Other rules: what is known is judged by them at the next event.
    pub(in crate::sequence::tracker) fn reopen(&mut self, rules: Arc<Rules>, names: Arc<NameRule>, moment: Moment<'_>) {
        if Arc::ptr_eq(&self.rules, &rules) && Arc::ptr_eq(&self.names, &names) {
            return;
        }
        let same_names = *self.names == *names;
        (self.rules, self.names) = (rules, names);
        if !same_names {
            let ids: Vec<Id> = self.sequences.keys().copied().collect();
            let (entries, mut old) = self.take_out(&ids);
            self.families.clear();
            let mut families: BTreeMap<Arc<[u8]>, Vec<Entry>> = BTreeMap::new();
            for entry in entries {
                if let Some(family) = self.splitter.family(&entry.name, &self.names) {
                    families.entry(Arc::from(family)).or_default().push(entry);
                }
            }
            for (family, entries) in families {
                self.settle(&family, &entries, &mut old, moment);
            }
        }
        self.due.clear();
        for (id, sequence) in &mut self.sequences {
            sequence.due = Some(Duration::ZERO);
            sequence.touched = Some(FrameNumber::MIN);
            self.due.insert((Duration::ZERO, *id));
        }
    }

    /// Groups the families of these sequences anew where that may matter now.
    pub(super) fn regroup_touched(&mut self, all: bool, moment: Moment<'_>, touched: &mut BTreeSet<Id>) {
        let is_ripe = |family: &Family| {
            family.stale && (all || family.frames <= SMALL_FAMILY || family.frames >= 2 * family.grouped)
        };
        let families: BTreeSet<Arc<[u8]>> = if all {
            self.families.iter().filter(|(_, family)| is_ripe(family)).map(|(key, _)| Arc::clone(key)).collect()
        } else {
            let of = |id: &Id| self.sequences.get(id).map(|sequence| &sequence.family);
            let ripe = |key: &&Arc<[u8]>| self.families.get(*key).is_some_and(is_ripe);
            touched.iter().filter_map(of).filter(ripe).cloned().collect()
        };
        for family in families {
            touched.extend(self.regroup(&family, moment));
        }
    }

    /// Groups one family anew. The sequences that it has then.
    pub(super) fn regroup(&mut self, key: &Arc<[u8]>, moment: Moment<'_>) -> BTreeSet<Id> {
        let Some(family) = self.families.remove(key) else { return BTreeSet::new() };
        let ids: Vec<Id> = family.sequences.into_iter().collect();
        let (entries, mut old) = self.take_out(&ids);
        let mut ids = self.settle(key, &entries, &mut old, moment);
        // One that waits for a verdict stays, empty, until it comes: the verdict must not count for a later namesake.
        for (id, mut sequence) in old.sequences {
            if let Some(family) = self.families.get_mut(key).filter(|_| sequence.is_awaiting()) {
                sequence.frames = Frames::default();
                sequence.regrouped();
                family.sequences.insert(id);
                ids.insert(id);
                self.insert(id, sequence);
            }
        }
        ids
    }

    fn take_out(&mut self, ids: &[Id]) -> (Vec<Entry>, Old) {
        let mut old = Old::default();
        let mut entries = Vec::new();
        for id in ids {
            let Some(sequence) = self.sequences.remove(id) else { continue };
            self.by_pattern.remove(&sequence.pattern);
            if let Some(due) = sequence.due {
                self.due.remove(&(due, *id));
            }
            for (frame, taken) in sequence.frames.all() {
                let name = frame.file_name(&sequence.pattern);
                entries.push(Entry { name, identity: frame.identity, taken, from: *id });
            }
            old.histories.insert(*id, sequence.history);
            old.by_pattern.insert(sequence.pattern.clone(), *id);
            old.sequences.insert(*id, sequence);
        }
        (entries, old)
    }

    /// Makes sequences of the names of one family. What was known of a sequence goes to the one of the same pattern, or
    /// else to those that its frames are in.
    fn settle(&mut self, key: &Arc<[u8]>, entries: &[Entry], old: &mut Old, moment: Moment<'_>) -> BTreeSet<Id> {
        let (dir, rules) = (Arc::clone(&self.dir), Arc::clone(&self.rules));
        let cx = Context { dir: &dir, rules: &rules, markers: &[], now: moment.now, event: moment.event };
        let names: Vec<&[u8]> = entries.iter().map(|entry| entry.name.as_slice()).collect();
        let members: Vec<usize> = (0..names.len()).collect();
        let (choice, groups) = divide(&names, &members, &self.names);
        let mut ids = BTreeSet::new();
        for group in groups {
            let known = old.by_pattern.remove(&group.pattern);
            let known = known.and_then(|id| old.sequences.remove(&id).map(|sequence| (id, sequence)));
            let members = || group.members.iter().map(|(number, index)| (*number, &entries[*index]));
            let (id, sequence) = match known {
                Some((id, same))
                    if same.frames.total() == group.members.len() && members().all(|(_, entry)| entry.from == id) =>
                {
                    (id, same)
                }
                known => {
                    let (id, mut sequence) = known
                        .unwrap_or_else(|| (self.new_id(), Sequence::new(group.pattern.clone(), Arc::clone(key), &cx)));
                    let parents: BTreeSet<Id> = members().map(|(_, entry)| entry.from).collect();
                    sequence.inherit(parents.iter().filter_map(|parent| old.histories.get(parent)));
                    sequence.frames = Frames::default();
                    sequence.final_frame = None;
                    for (number, entry) in members() {
                        let frame = Frame::of(&sequence.pattern, &entry.name, number, entry.identity);
                        sequence.frames.put(frame, entry.taken, cx.extend());
                        if !entry.taken && rules.is_final_frame(&entry.name) {
                            sequence.final_frame = sequence.final_frame.max(Some(number));
                        }
                    }
                    sequence.regrouped();
                    (id, sequence)
                }
            };
            self.insert(id, sequence);
            ids.insert(id);
        }
        let frames = entries.len();
        let ambiguous = self.is_ambiguous(key);
        let family = Family { choice, ambiguous, stale: false, frames, grouped: frames, sequences: ids.clone() };
        if !ids.is_empty() {
            self.families.insert(Arc::clone(key), family);
        }
        ids
    }
}
