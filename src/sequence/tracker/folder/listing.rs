//! Takes listings in: which file is which frame, and which are gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bstr::BString;

use crate::model::Identity;
use crate::sequence::existing::ExistingFiles;
use crate::sequence::finish::MarkerScope;
use crate::sequence::group::{Placed, Reading};
use crate::sequence::name::{NameRule, split_folder};
use crate::sequence::tracker::asleep::OldNumbers;
use crate::sequence::tracker::folder::aside::Aside;
use crate::sequence::tracker::folder::sweep::Seen;
use crate::sequence::tracker::folder::{Folder, Id, Moment, Other, Shape};
use crate::sequence::tracker::frames::{Arrival, Put};
use crate::sequence::tracker::open::{Context, Marker, Sequence};
use crate::sequence::tracker::{Decision, Listing};
use crate::sequence::{Frame, FrameNumber};

/// Names of one shape, and the times of their files.
type NamesAndTimes<'a> = (Vec<&'a [u8]>, Vec<i64>);

/// What a listing brings, by shapes.
#[derive(Default)]
struct Met {
    /// Those with names that have no place.
    unread: BTreeSet<Arc<[u8]>>,
    /// New images that are in no sequence.
    aside: Aside,
    /// Those with files that a journalled batch holds.
    claimed: BTreeSet<Arc<[u8]>>,
}

impl Folder {
    /// Takes in a listing. Whether its bare markers changed.
    pub(in crate::sequence::tracker) fn listed(
        &mut self,
        listing: &Listing,
        moment: Moment<'_>,
        out: &mut Vec<Decision>,
    ) -> bool {
        let first_new = self.next_id;
        let met_shapes = self.meet(listing);
        let mut touched = BTreeSet::new();
        let mut seen: HashMap<Id, Seen> = HashMap::new();
        let mut met = Met::default();
        let (mut markers_changed, mut bare_changed) = (false, false);
        let is_first = !self.listed.contains(&listing.within);
        let mut files: Vec<&(BString, Identity)> = listing.files.iter().collect();
        if !self.old.is_empty() {
            // Whether a new file was written over old ones shows beside those.
            files.sort_by_cached_key(|(name, identity)| !listing.existing.contains(name, identity));
        }
        for (name, identity) in files {
            if let Some(scope) = self.rules.marker(split_folder(name).1) {
                let known = self.markers.get(name).is_some_and(|marker| marker.identity == *identity);
                markers_changed |= !known;
                bare_changed |= !known && scope == MarkerScope::Folder && listing.within.is_empty();
                if !known {
                    let (within, name) = (listing.within.clone(), name.clone());
                    let (seen, found, identity) = (moment.event, is_first, *identity);
                    self.markers.insert(name.clone(), Marker { name, within, scope, identity, seen, found });
                }
            } else if let Some((id, number, put)) = self.put(name, *identity, &listing.existing, &mut met, moment, out)
            {
                seen.entry(id).or_insert(Seen { count: 0, near: number }).count += 1;
                if put != Put::Same {
                    touched.insert(id);
                }
            }
        }
        if listing.within.is_empty() {
            self.settle(&met_shapes, &met.unread);
        }
        for name in &listing.gone {
            self.gone(name, moment, &mut touched);
        }
        // Only what was read as a whole says that a file is gone. A listing that ended early looks as if somebody had
        // removed the rest, and a batch would be made without those frames.
        if listing.complete {
            self.sweep(listing, &seen, moment, &mut touched);
        }
        for key in &met.claimed {
            self.has_batch(key);
        }
        // Of folders that follow each other, one alone is no reason to read the names of all of them again.
        self.regroup_touched(listing.complete && listing.within.is_empty(), &met.unread, moment, &mut touched);
        for (_, sequence) in self.sequences.range_mut(first_new..) {
            sequence.learn_pace();
        }
        if markers_changed {
            touched.extend(self.sequences.keys());
        }
        for id in std::mem::take(&mut self.awaiting) {
            if let Some(sequence) = self.sequences.get_mut(&id) {
                sequence.listed();
                touched.insert(id);
            }
        }
        if is_first {
            self.listed.insert(listing.within.clone());
        }
        self.old = OldNumbers::default();
        self.step(touched, moment, out);
        self.tell_of_aside(&met.aside, listing.complete, out);
        bare_changed
    }

    /// Learns of one file. The sequence that it is of, unless it is in none.
    fn put(
        &mut self,
        name: &[u8],
        identity: Identity,
        existing: &ExistingFiles,
        met: &mut Met,
        moment: Moment<'_>,
        out: &mut Vec<Decision>,
    ) -> Option<(Id, FrameNumber, Put)> {
        let key = self.shaper.shape(name, &self.names)?;
        let key = if let Some((key, _)) = self.shapes.get_key_value(key) {
            Arc::clone(key)
        } else {
            let key = Arc::from(key);
            self.found(Arc::clone(&key), &[name], &[identity.mtime_ns]);
            key
        };
        let placed = self.shapes.get_mut(&key)?.reading.place(name);
        let arrival = match !self.claimed.is_empty() && self.claimed.remove(&identity) {
            true => Arrival::Taken,
            false if existing.contains(split_folder(name).1, &identity) => Arrival::Existing,
            false => Arrival::New,
        };
        let (film, number, sure) = match placed {
            Some(Placed::Film { film, number, sure }) => (film, number, sure),
            Some(Placed::Single) => return self.put_aside(&key, name, Other::new(identity, arrival, None), met),
            Some(Placed::Left(why)) => {
                return self.put_aside(&key, name, Other::new(identity, arrival, Some(why)), met);
            }
            None => {
                met.unread.insert(Arc::clone(&key));
                return self.put_aside(&key, name, Other::new(identity, arrival, None), met);
            }
        };
        let id = self.sequence_of(&key, film, moment)?;
        let is_final = self.rules.is_final_frame(split_folder(name).1);
        let cx = Context { dir: &self.dir, rules: &self.rules, markers: &[], now: moment.now, event: moment.event };
        let sequence = self.sequences.get_mut(&id)?;
        let is_over = arrival == Arrival::New && self.old.contains(&sequence.pattern, number);
        let arrival = if is_over { Arrival::Over } else { arrival };
        let frame = Frame::of(&sequence.pattern, name, number, identity);
        if sequence.frames.has_other_name(&frame) {
            // Two files for one number: which of them is the frame, all names together say.
            met.unread.insert(Arc::clone(&key));
            return self.put_aside(&key, name, Other::new(identity, arrival, None), met);
        }
        if arrival == Arrival::Taken {
            met.claimed.insert(Arc::clone(&key));
        }
        let before = sequence.frames.total();
        let put = sequence.put(frame, arrival, is_final, &cx, out);
        let is_new = sequence.frames.total() > before;
        if let Some(shape) = self.shapes.get_mut(&key).filter(|_| is_new) {
            let known = !shape.others.is_empty() && shape.others.remove(name).is_some();
            shape.names += usize::from(!known);
            shape.stale |= !sure;
        }
        Some((id, number, put))
    }

    /// Learns of an image that is in no sequence.
    fn put_aside(
        &mut self,
        key: &Arc<[u8]>,
        name: &[u8],
        other: Other,
        met: &mut Met,
    ) -> Option<(Id, FrameNumber, Put)> {
        let shape = self.shapes.get_mut(key)?;
        if let Some(known) = shape.others.get_mut(name) {
            if known.identity == other.identity {
                return None;
            }
            *known = other;
        } else {
            shape.others.insert(name.into(), other);
            shape.names += 1;
            shape.stale = true;
        }
        met.aside.entry(Arc::clone(key)).or_default().push(name.into());
        None
    }

    /// The sequence of a film, made where it has no sequence yet.
    fn sequence_of(&mut self, key: &Arc<[u8]>, film: u32, moment: Moment<'_>) -> Option<Id> {
        let shape = self.shapes.get(key)?;
        if let Some(id) = shape.films.get(&film) {
            return Some(*id);
        }
        let pattern = shape.reading.pattern(film).clone();
        // One that is known waits for a result, without frames.
        let id = if let Some(id) = self.by_pattern.get(&pattern) {
            *id
        } else {
            let cx = Context { dir: &self.dir, rules: &self.rules, markers: &[], now: moment.now, event: moment.event };
            let mut sequence = Sequence::new(pattern, Arc::clone(key), &cx);
            sequence.guessed = *self.names == NameRule::Auto;
            let id = self.new_id();
            self.insert(id, sequence);
            id
        };
        let shape = self.shapes.get_mut(key)?;
        shape.sequences.insert(id);
        shape.films.insert(film, id);
        Some(id)
    }

    /// Reads the shapes that a listing brings by all of its names together. One after the other, the first of them would be
    /// a single and the second make a film of what may be text, and each that does not fit would have all of them read
    /// anew. The shapes come back.
    fn meet(&mut self, listing: &Listing) -> Vec<Arc<[u8]>> {
        if listing.files.len() < 2 {
            return Vec::new();
        }
        let mut new: HashMap<Arc<[u8]>, NamesAndTimes<'_>> = HashMap::new();
        let is_marker = |name: &[u8]| self.rules.marker(split_folder(name).1).is_some();
        for (name, identity) in listing.files.iter().filter(|(name, _)| !is_marker(name)) {
            if let Some(key) = self.shaper.shape(name, &self.names)
                && !self.shapes.contains_key(key)
            {
                let (names, times) = match new.get_mut(key) {
                    Some(known) => known,
                    None => new.entry(key.into()).or_default(),
                };
                names.push(name);
                times.push(identity.mtime_ns);
            }
        }
        for (key, (names, times)) in &new {
            self.found(Arc::clone(key), names, times);
        }
        new.into_keys().collect()
    }

    /// These shapes were read by exactly the names that the listing brought. Where each of those is a frame now, another reading
    /// would come to the same, and none is needed before a name comes or goes.
    fn settle(&mut self, met: &[Arc<[u8]>], unread: &BTreeSet<Arc<[u8]>>) {
        for key in met.iter().filter(|key| !unread.contains(*key)) {
            if let Some(shape) = self.shapes.get_mut(key) {
                shape.stale &= !shape.others.is_empty() || shape.names != shape.read;
            }
        }
    }

    fn found(&mut self, key: Arc<[u8]>, names: &[&[u8]], times: &[i64]) {
        let (reading, _) = Reading::of(names, Some(times), &self.names);
        let shape = Shape {
            reading,
            films: HashMap::new(),
            sequences: BTreeSet::new(),
            others: BTreeMap::new(),
            stale: false,
            sealed: false,
            counted: 0,
            names: 0,
            read: names.len(),
        };
        self.shapes.insert(key, shape);
    }

    /// A name that is no longer there.
    fn gone(&mut self, name: &[u8], moment: Moment<'_>, touched: &mut BTreeSet<Id>) {
        if self.markers.remove(name).is_some() {
            return;
        }
        let Some(key) = self.shaper.shape(name, &self.names) else { return };
        let Some((key, shape)) = self.shapes.get_key_value(key).map(|(key, _)| Arc::clone(key)).and_then(|key| {
            let shape = self.shapes.get_mut(&key)?;
            Some((key, shape))
        }) else {
            return;
        };
        if shape.others.remove(name).is_some() {
            shape.names -= 1;
            shape.stale = true;
            self.drop_if_empty(&key);
            return;
        }
        let Some(Placed::Film { film, number, .. }) = shape.reading.place(name) else { return };
        let Some(id) = shape.films.get(&film).copied() else { return };
        let is_it =
            |sequence: &Sequence| sequence.frames.name_of(number, &sequence.pattern).is_some_and(|known| known == name);
        if self.sequences.get(&id).is_some_and(|sequence| is_it(sequence)) {
            self.remove(id, &[number], moment);
            touched.insert(id);
        }
    }

    fn drop_if_empty(&mut self, key: &Arc<[u8]>) {
        if self.shapes.get(key).is_some_and(|shape| shape.sequences.is_empty() && shape.others.is_empty()) {
            self.shapes.remove(key);
        }
    }

    pub(super) fn remove(&mut self, id: Id, numbers: &[i64], moment: Moment<'_>) {
        let Some(sequence) = self.sequences.get_mut(&id) else { return };
        let cx = Context { dir: &self.dir, rules: &self.rules, markers: &[], now: moment.now, event: moment.event };
        let removed = numbers.iter().filter(|number| sequence.remove(**number, &cx)).count();
        if let Some(shape) = self.shapes.get_mut(&sequence.shape).filter(|_| removed > 0) {
            shape.names -= removed;
            shape.stale = true;
        }
    }
}
