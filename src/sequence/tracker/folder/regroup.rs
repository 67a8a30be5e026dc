//! Reads the names of a shape anew, and moves what is known of their frames along.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::model::Identity;
use crate::sequence::finish::Rules;
use crate::sequence::group::{LeftAlone, Placed, Reading};
use crate::sequence::name::{NameRule, split_folder};
use crate::sequence::tracker::folder::{Folder, Id, Moment, Other, Shape};
use crate::sequence::tracker::frames::{Arrival, Frames};
use crate::sequence::tracker::open::{Context, History, Sequence};
use crate::sequence::{Frame, FrameNumber, Pattern};

/// A frame on its way from one grouping to the next.
struct Entry {
    name: BString,
    identity: Identity,
    arrival: Arrival,
    /// The sequence that it was in, and its number there.
    from: Option<(Id, FrameNumber)>,
}

impl Entry {
    /// It was left alone for what it was beside its neighbours, which are others now.
    fn judged_anew(mut self) -> Self {
        if self.arrival == Arrival::Aside {
            self.arrival = Arrival::New;
        }
        self
    }
}

/// Up to this many names of one shape are read anew after every change that may matter.
const FEW_NAMES: usize = 64;

/// Up to this many are read anew as soon as one of them has no place: reading them takes less than a millisecond.
const MANY_NAMES: usize = 4096;

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
            let mut entries: Vec<Entry> = self.shapes.values_mut().flat_map(take_out_others).collect();
            let ids: Vec<Id> = self.sequences.keys().copied().collect();
            let (of_sequences, mut old) = self.take_out(&ids);
            entries.extend(of_sequences);
            self.shapes.clear();
            let mut shapes: BTreeMap<Arc<[u8]>, Vec<Entry>> = BTreeMap::new();
            for entry in entries {
                if let Some(shape) = self.shaper.shape(&entry.name, &self.names) {
                    shapes.entry(Arc::from(shape)).or_default().push(entry);
                }
            }
            for (shape, entries) in shapes {
                self.make_sequences(&shape, entries, BTreeMap::new(), false, &mut old, moment);
            }
        }
        self.due.clear();
        for (id, sequence) in &mut self.sequences {
            sequence.due = Some(Duration::ZERO);
            sequence.touched = Some(FrameNumber::MIN);
            self.due.insert((Duration::ZERO, *id));
        }
    }

    /// Reads shapes anew where that may matter now: all of them, or those of these sequences and those with names that
    /// have no place.
    ///
    /// A reading takes as long as there are names. Read anew for each name that comes, a folder of 100,000 frames would
    /// never be done. So a small shape is read at once, and a large one when it has doubled, or has grown by a quarter where
    /// a name has no place: all readings together then take a few times as long as the last one. What is stale until then
    /// is read before a batch is made of it, in `Folder::step`.
    pub(super) fn regroup_touched(
        &mut self,
        all: bool,
        unread: &BTreeSet<Arc<[u8]>>,
        moment: Moment<'_>,
        touched: &mut BTreeSet<Id>,
    ) {
        let is_ripe = |key: &Arc<[u8]>, shape: &Shape| {
            let has_grown = |quarters: usize| shape.names >= shape.read + shape.read * quarters / 4;
            shape.stale
                && (all
                    || shape.names <= FEW_NAMES
                    || has_grown(4)
                    || unread.contains(key) && (shape.names <= MANY_NAMES || has_grown(1)))
        };
        let shapes: BTreeSet<Arc<[u8]>> = if all {
            self.shapes.iter().filter(|(key, shape)| is_ripe(key, shape)).map(|(key, _)| Arc::clone(key)).collect()
        } else {
            let of = |id: &Id| self.sequences.get(id).map(|sequence| &sequence.shape);
            let ripe = |key: &&Arc<[u8]>| self.shapes.get(*key).is_some_and(|shape| is_ripe(key, shape));
            touched.iter().filter_map(of).chain(unread).filter(ripe).cloned().collect()
        };
        for shape in shapes {
            touched.extend(self.regroup(&shape, moment));
        }
    }

    /// Reads the names of one shape anew. The sequences that it has then.
    pub(super) fn regroup(&mut self, key: &Arc<[u8]>, moment: Moment<'_>) -> BTreeSet<Id> {
        let Some(mut shape) = self.shapes.remove(key) else { return BTreeSet::new() };
        let mut entries = take_out_others(&mut shape);
        let Shape { sequences, others, sealed, .. } = shape;
        let ids: Vec<Id> = sequences.into_iter().collect();
        let (of_sequences, mut old) = self.take_out(&ids);
        entries.extend(of_sequences);
        let mut ids = self.make_sequences(key, entries, others, sealed, &mut old, moment);
        // One that waits for a result stays, empty, until it comes: the result must not count for a later namesake.
        for (id, mut sequence) in old.sequences {
            if let Some(shape) = self.shapes.get_mut(key).filter(|_| sequence.is_awaiting()) {
                sequence.frames = Frames::default();
                sequence.regrouped();
                shape.sequences.insert(id);
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
            for (frame, arrival) in sequence.frames.all() {
                let name = frame.file_name(&sequence.pattern);
                entries.push(Entry { name, identity: frame.identity, arrival, from: Some((*id, frame.number)) });
            }
            old.histories.insert(*id, sequence.history);
            old.by_pattern.insert(sequence.pattern.clone(), *id);
            old.sequences.insert(*id, *sequence);
        }
        (entries, old)
    }

    /// Makes sequences of the names of one shape. What was known of a sequence goes to the one of the same pattern, or
    /// else to those that its frames are in. `others` are images that are in none, whatever the reading says.
    fn make_sequences(
        &mut self,
        key: &Arc<[u8]>,
        entries: Vec<Entry>,
        mut others: BTreeMap<BString, Other>,
        sealed: bool,
        old: &mut Old,
        moment: Moment<'_>,
    ) -> BTreeSet<Id> {
        let (dir, rules) = (Arc::clone(&self.dir), Arc::clone(&self.rules));
        let cx = Context { dir: &dir, rules: &rules, markers: &[], now: moment.now, event: moment.event };
        let names: Vec<&[u8]> = entries.iter().map(|entry| entry.name.as_slice()).collect();
        let times: Vec<i64> = entries.iter().map(|entry| entry.identity.mtime_ns).collect();
        let (mut reading, _) = Reading::of(&names, Some(&times), &self.names);
        let (read, kept) = (names.len(), others.len());
        let mut members: BTreeMap<u32, Vec<(FrameNumber, Entry)>> = BTreeMap::new();
        // Sequences of which a frame has another number now: what was concluded from their order is void. Chunks, stretches
        // that were written over and the number that ends it are all kept by number.
        let mut misread = BTreeSet::new();
        for entry in entries {
            let why = match reading.place(&entry.name) {
                Some(Placed::Film { film, number, .. }) => {
                    misread.extend(entry.from.filter(|(_, before)| *before != number).map(|(id, _)| id));
                    members.entry(film).or_default().push((number, entry));
                    continue;
                }
                Some(Placed::Left(why)) => Some(why),
                Some(Placed::Single) | None => None,
            };
            let Entry { name, identity, arrival, .. } = entry.judged_anew();
            others.insert(name, Other::new(identity, arrival, why));
        }
        let mut films = HashMap::new();
        for (film, members) in members {
            let is_misread = |entry: &Entry| entry.from.is_some_and(|(id, _)| misread.contains(&id));
            let judge = |entry: Entry| if is_misread(&entry) { entry.judged_anew() } else { entry };
            let members: Vec<_> = members.into_iter().map(|(number, entry)| (number, judge(entry))).collect();
            let pattern = reading.pattern(film);
            let known = old.by_pattern.remove(pattern);
            let known = known.and_then(|id| old.sequences.remove(&id).map(|sequence| (id, sequence)));
            let is_same = |id: Id, sequence: &Sequence| {
                sequence.frames.total() == members.len()
                    && members.iter().all(|(number, entry)| entry.from == Some((id, *number)))
            };
            let (id, mut sequence) = match known {
                Some((id, same)) if is_same(id, &same) => (id, same),
                known => {
                    let new = || Sequence::new(pattern.clone(), Arc::clone(key), &cx);
                    let (id, mut sequence) = match known {
                        Some((id, before)) if misread.contains(&id) => (id, before.renumbered(new())),
                        Some(known) => known,
                        None => (self.new_id(), new()),
                    };
                    let parents: BTreeSet<Id> = members.iter().filter_map(|(_, entry)| Some(entry.from?.0)).collect();
                    sequence.inherit(parents.iter().filter_map(|parent| old.histories.get(parent)));
                    sequence.frames = Frames::default();
                    sequence.final_frame = None;
                    for (number, entry) in &members {
                        let frame = Frame::of(&sequence.pattern, &entry.name, *number, entry.identity);
                        sequence.frames.put(frame, entry.arrival, cx.extend());
                        if entry.arrival != Arrival::Taken && rules.is_final_frame(split_folder(&entry.name).1) {
                            sequence.final_frame = sequence.final_frame.max(Some(*number));
                        }
                    }
                    sequence.regrouped();
                    (id, sequence)
                }
            };
            sequence.guessed = *self.names == NameRule::Auto;
            self.insert(id, sequence);
            films.insert(film, id);
        }
        let ids: BTreeSet<Id> = films.values().copied().collect();
        let sequences = ids.clone();
        let (stale, counted, names) = (false, 0, read + kept);
        let shape = Shape { reading, films, sequences, others, stale, sealed, counted, names, read };
        if !shape.sequences.is_empty() || !shape.others.is_empty() {
            self.shapes.insert(Arc::clone(key), shape);
        }
        ids
    }
}

/// The images of a shape that are in no sequence, without those that stay judged.
fn take_out_others(shape: &mut Shape) -> Vec<Entry> {
    // Frames that were cleaned up must not make a film of their previews.
    let stays = |other: &Other| shape.sealed && matches!(other.why, Some(LeftAlone::PreviewOf(_)));
    let (kept, out) = std::mem::take(&mut shape.others).into_iter().partition(|(_, other)| stays(other));
    shape.others = kept;
    let entry = |(name, Other { identity, arrival, .. })| Entry { name, identity, arrival, from: None };
    BTreeMap::into_iter(out).map(entry).collect()
}
