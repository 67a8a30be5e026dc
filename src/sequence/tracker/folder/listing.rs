//! Takes listings in: which file is which frame, and which are gone.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::sequence::finish::MarkerScope;
use crate::sequence::group::{Choice, paddings};
use crate::sequence::name::{Digits, Reading, may_be_frame};
use crate::sequence::tracker::folder::{Family, Folder, Id, Moment};
use crate::sequence::tracker::frames::Put;
use crate::sequence::tracker::open::{Context, Marker, Sequence};
use crate::sequence::tracker::{Decision, Listing};
use crate::sequence::{Frame, Identity, Kind, Padding, Pattern};

impl Folder {
    /// Takes in a listing. Whether its bare markers changed.
    pub(in crate::sequence::tracker) fn listed(
        &mut self,
        listing: &Listing,
        moment: Moment<'_>,
        out: &mut Vec<Decision>,
    ) -> bool {
        let first_new = self.next_id;
        self.meet(listing);
        let mut touched = BTreeSet::new();
        let mut seen: HashMap<Id, usize> = HashMap::new();
        let (mut markers_changed, mut bare_changed) = (false, false);
        for (name, identity) in &listing.files {
            if let Some(scope) = self.rules.marker(name) {
                let known = self.markers.get(name).is_some_and(|marker| marker.identity == *identity);
                markers_changed |= !known;
                bare_changed |= !known && scope == MarkerScope::Folder;
                if !known {
                    let marker = Marker { name: name.clone(), scope, identity: *identity, seen: moment.event };
                    self.markers.insert(name.clone(), marker);
                }
            } else if let Some((id, put)) = self.put(name, *identity, moment, out) {
                *seen.entry(id).or_default() += 1;
                if put != Put::Same {
                    touched.insert(id);
                }
            }
        }
        for name in &listing.gone {
            self.gone(name, moment, &mut touched);
        }
        if listing.complete {
            self.sweep(listing, &seen, moment, &mut touched);
        }
        self.regroup_touched(listing.complete, moment, &mut touched);
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
        self.step(touched, moment, out);
        bare_changed
    }

    /// Learns of one file. The sequence that it is of, unless its name is no frame's.
    fn put(
        &mut self,
        name: &[u8],
        identity: Identity,
        moment: Moment<'_>,
        out: &mut Vec<Decision>,
    ) -> Option<(Id, Put)> {
        if !may_be_frame(name) {
            return None;
        }
        let (id, number) = self.place_of(name, moment)?;
        let claimed = !self.claimed.is_empty() && self.claimed.remove(&identity);
        let is_final = self.rules.is_final_frame(name);
        let cx = Context { dir: &self.dir, rules: &self.rules, markers: &[], now: moment.now, event: moment.event };
        let sequence = self.sequences.get_mut(&id)?;
        let before = sequence.frames.total();
        let frame = Frame::of(&sequence.pattern, name, number, identity);
        let put = sequence.put(frame, claimed, is_final, &cx, out);
        if sequence.frames.total() > before
            && let Some(family) = self.families.get_mut(&sequence.family)
        {
            family.frames += 1;
            family.stale |= family.ambiguous;
        }
        Some((id, put))
    }

    /// The sequence and the number that `name` stands for, made where there is none yet.
    fn place_of(&mut self, name: &[u8], moment: Moment<'_>) -> Option<(Id, i64)> {
        let key = self.splitter.family(name, &self.names)?;
        let (key, choice) = if let Some((key, family)) = self.families.get_key_value(key) {
            (Arc::clone(key), family.choice)
        } else {
            let key = Arc::from(key);
            (Arc::clone(&key), self.found(key, &[name]))
        };
        let reading = self.splitter.read(name, choice, &self.names)?;
        let mut pattern = pattern_of(&reading, Padding::None, Padding::None);
        if let Some(id) = find(&self.by_pattern, &reading, &mut pattern) {
            return Some((id, reading.number));
        }
        let own = |digits: Digits| if digits.padded { Padding::Width(digits.width) } else { Padding::None };
        let second = reading.follower.map_or(Padding::None, |follower| own(follower.digits));
        let pattern = pattern_of(&reading, reading.fixed.unwrap_or(own(reading.digits)), second);
        let cx = Context { dir: &self.dir, rules: &self.rules, markers: &[], now: moment.now, event: moment.event };
        let number = reading.number;
        let sequence = Sequence::new(pattern, Arc::clone(&key), &cx);
        let id = self.new_id();
        if let Some(family) = self.families.get_mut(&key) {
            family.stale |= !family.sequences.is_empty();
            family.sequences.insert(id);
        }
        self.insert(id, sequence);
        Some((id, number))
    }

    /// Starts the families that a listing brings with what all of its names together say.
    fn meet(&mut self, listing: &Listing) {
        if listing.files.len() < 2 {
            return;
        }
        let mut new: HashMap<Arc<[u8]>, Vec<&[u8]>> = HashMap::new();
        for (name, _) in
            listing.files.iter().filter(|(name, _)| may_be_frame(name) && self.rules.marker(name).is_none())
        {
            if let Some(key) = self.splitter.family(name, &self.names)
                && !self.families.contains_key(key)
            {
                match new.get_mut(key) {
                    Some(names) => names.push(name),
                    None => drop(new.insert(key.into(), vec![name])),
                }
            }
        }
        for (key, names) in new {
            self.found(key, &names);
        }
    }

    fn found(&mut self, key: Arc<[u8]>, names: &[&[u8]]) -> Choice {
        let choice = Choice::of_family(names.iter().copied(), &self.names);
        let ambiguous = self.is_ambiguous(&key);
        let sequences = BTreeSet::new();
        self.families.insert(key, Family { choice, ambiguous, stale: false, frames: 0, grouped: 0, sequences });
        choice
    }

    /// A name that is no longer there.
    fn gone(&mut self, name: &[u8], moment: Moment<'_>, touched: &mut BTreeSet<Id>) {
        if self.markers.remove(name).is_some() {
            return;
        }
        let Some(key) = self.splitter.family(name, &self.names) else { return };
        let Some(choice) = self.families.get(key).map(|family| family.choice) else { return };
        let Some(reading) = self.splitter.read(name, choice, &self.names) else { return };
        let mut pattern = pattern_of(&reading, Padding::None, Padding::None);
        if let Some(id) = find(&self.by_pattern, &reading, &mut pattern) {
            self.remove(id, &[reading.number], moment);
            touched.insert(id);
        }
    }

    fn remove(&mut self, id: Id, numbers: &[i64], moment: Moment<'_>) {
        let Some(sequence) = self.sequences.get_mut(&id) else { return };
        let cx = Context { dir: &self.dir, rules: &self.rules, markers: &[], now: moment.now, event: moment.event };
        let removed = numbers.iter().filter(|number| sequence.remove(**number, &cx)).count();
        if let Some(family) = self.families.get_mut(&sequence.family).filter(|_| removed > 0) {
            family.frames -= removed;
            family.stale = true;
        }
    }

    /// Forgets what a complete listing no longer shows. `seen` counts the files it showed of each sequence.
    fn sweep(&mut self, listing: &Listing, seen: &HashMap<Id, usize>, moment: Moment<'_>, touched: &mut BTreeSet<Id>) {
        let is_short = |(id, sequence): (&Id, &Sequence)| {
            (seen.get(id).copied().unwrap_or(0) < sequence.frames.total()).then_some(*id)
        };
        let short: Vec<Id> = self.sequences.iter().filter_map(is_short).collect();
        if short.is_empty() && self.markers.is_empty() {
            return;
        }
        let names: HashSet<&[u8]> = listing.files.iter().map(|(name, _)| name.as_slice()).collect();
        self.markers.retain(|name, _| names.contains(name.as_slice()));
        for id in short {
            let Some(sequence) = self.sequences.get(&id) else { continue };
            let is_gone = |frame: &Frame| !names.contains(frame.file_name(&sequence.pattern).as_slice());
            let all = sequence.frames.all().map(|(frame, _)| frame);
            let gone: Vec<i64> = all.filter(is_gone).map(|frame| frame.number).collect();
            self.remove(id, &gone, moment);
            touched.insert(id);
        }
    }
}

fn pattern_of(reading: &Reading<'_>, padding: Padding, second: Padding) -> Pattern {
    let kind = match reading.follower {
        Some(follower) => Kind::Stepping { between: follower.between.into(), offset: follower.offset, padding: second },
        None if reading.stamp => Kind::TimeStamp,
        None => Kind::Count,
    };
    Pattern { prefix: reading.prefix.into(), suffix: reading.suffix.into(), padding, kind }
}

/// The sequence that a name joins, tried in the order in which it would join them.
fn find(known: &HashMap<Pattern, Id>, reading: &Reading<'_>, pattern: &mut Pattern) -> Option<Id> {
    let firsts: Vec<Padding> = match reading.fixed {
        Some(padding) => vec![padding],
        None => paddings(reading.digits).collect(),
    };
    let seconds: Vec<Padding> = match reading.follower {
        Some(follower) => paddings(follower.digits).collect(),
        None => vec![Padding::None],
    };
    firsts.iter().flat_map(|first| seconds.iter().map(move |second| (*first, *second))).find_map(|(first, second)| {
        pattern.padding = first;
        if let Kind::Stepping { padding, .. } = &mut pattern.kind {
            *padding = second;
        }
        known.get(pattern).copied()
    })
}
