//! One folder: which file is which frame of which sequence.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::model::Identity;
use crate::sequence::finish::{MarkerScope, Rules};
use crate::sequence::generator::MadeBy;
use crate::sequence::group::{LeftAlone, Reading, Shaper};
use crate::sequence::name::NameRule;
use crate::sequence::origin::Origin;
use crate::sequence::tracker::asleep::OldNumbers;
use crate::sequence::tracker::frames::Arrival;
use crate::sequence::tracker::growing::Growing;
use crate::sequence::tracker::open::{Context, Marker, Sequence};
use crate::sequence::tracker::{Decision, ExistingCount, InspectionResult, OpenCount, OpenSequence, Stage, snapshot};
use crate::sequence::{Frame, FrameNumber, Pattern};

mod aside;
mod listing;
mod regroup;
mod sleep;
mod sweep;

pub(super) type Id = u32;

/// What is known of one folder.
#[derive(Debug)]
pub(super) struct Folder {
    pub dir: Arc<Path>,
    rules: Arc<Rules>,
    names: Arc<NameRule>,
    shaper: Shaper,
    shapes: HashMap<Arc<[u8]>, Shape>,
    /// In boxes: a map makes room for eleven at once, and most folders have one, which is large.
    sequences: BTreeMap<Id, Box<Sequence>>,
    by_pattern: HashMap<Pattern, Id>,
    due: BTreeSet<(Duration, Id)>,
    /// Reasons that were told already.
    told: Vec<LeftAlone>,
    markers: BTreeMap<BString, Marker>,
    /// Files of journalled batches that no listing has shown yet.
    claimed: HashSet<Identity>,
    /// Sequences whose files had changed under an inspection, so that they wait for the next listing.
    awaiting: BTreeSet<Id>,
    next_id: Id,
    /// What was read before, as [`Listing::within`](super::Listing::within) says it: what another listing brings is new.
    listed: HashSet<BString>,
    /// What was there before it slept, until its files are known again.
    old: OldNumbers,
}

/// The names of one shape: only they can influence each other (see [`group`](crate::sequence::group)).
#[derive(Debug)]
struct Shape {
    reading: Reading,
    /// The sequence of each film of the reading that has one.
    films: HashMap<u32, Id>,
    sequences: BTreeSet<Id>,
    /// Images that are in no sequence.
    others: BTreeMap<BString, Other>,
    /// A name came or went since the names were read, and they may be read differently now.
    stale: bool,
    /// A batch was made of a sequence, which may be cleaned up: what was judged by the files of that batch stays judged.
    sealed: bool,
    /// How many images were in no sequence when somebody last looked whether there is something to tell of them.
    counted: usize,
    /// How many names there are, and how many there were when they were read.
    names: usize,
    read: usize,
}

/// An image that is in no sequence.
#[derive(Debug, Clone)]
struct Other {
    identity: Identity,
    arrival: Arrival,
    /// `None` for a single, and until the names are read anew.
    why: Option<LeftAlone>,
    /// It is a preview, and whoever keeps that beyond the life of its frames was told.
    kept: bool,
}

/// What the whole tracker knows when it turns to a folder.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    pub now: Duration,
    pub event: u64,
    /// The bare markers of the folder above, if this one is a `batch_NNNN` of it.
    pub inherited: &'a [Marker],
}

impl Folder {
    pub(super) fn new(dir: Arc<Path>, rules: Arc<Rules>, names: Arc<NameRule>) -> Self {
        Self {
            dir,
            rules,
            names,
            shaper: Shaper::default(),
            shapes: HashMap::new(),
            sequences: BTreeMap::new(),
            by_pattern: HashMap::new(),
            due: BTreeSet::new(),
            told: Vec::new(),
            markers: BTreeMap::new(),
            claimed: HashSet::new(),
            awaiting: BTreeSet::new(),
            next_id: 0,
            listed: HashSet::new(),
            old: OldNumbers::default(),
        }
    }

    /// When time alone brings the next decision.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The markers that speak for `batch_NNNN` folders in this one as well.
    pub(super) fn bare_markers(&self) -> Vec<Marker> {
        let speaks = |marker: &&Marker| marker.scope == MarkerScope::Folder && marker.within.is_empty();
        self.markers.values().filter(speaks).cloned().collect()
    }

    /// What is known of the sequence of `pattern`.
    pub(super) fn growing(&self, pattern: &Pattern) -> Option<Growing<'_>> {
        let sequence = self.sequences.get(self.by_pattern.get(pattern)?)?;
        Some(Growing { sequence, rules: &self.rules })
    }

    pub(super) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.by_pattern.keys()
    }

    #[cfg(test)]
    pub(super) fn sequences(&self) -> impl Iterator<Item = &Sequence> {
        self.sequences.values().map(|sequence| &**sequence)
    }

    /// What silence does not end because it was there before anyone watched.
    pub(super) fn existing(&self) -> ExistingCount {
        let left_alone = self.sequences.values().filter(|sequence| sequence.is_left_alone(&self.rules));
        let files = left_alone.map(|sequence| sequence.frames.open_count());
        let enough = files.filter(|files| *files >= self.rules.min_frames);
        enough.map(|files| ExistingCount { sequences: 1, files }).sum()
    }

    /// How many sequences [`Self::snapshot`] tells of, and their frames.
    pub(super) fn open_count(&self) -> OpenCount {
        let told = self.sequences.values().filter(|sequence| Self::span_of(sequence).is_some());
        told.map(|sequence| OpenCount { sequences: 1, frames: sequence.frames.open_count() }).sum()
    }

    /// The first and the last number of what is told of a sequence; `None` where there is nothing to tell.
    fn span_of(sequence: &Sequence) -> Option<(FrameNumber, FrameNumber)> {
        let open = sequence.frames.first().zip(sequence.frames.last());
        open.or_else(|| sequence.frames.aside().map(|(_, first, last)| (first, last)))
    }

    /// What is told of its sequences.
    pub(super) fn snapshot(&self, now: Duration) -> Vec<OpenSequence> {
        self.sequences.values().filter_map(|sequence| self.describe(sequence, now)).collect()
    }

    fn describe(&self, sequence: &Sequence, now: Duration) -> Option<OpenSequence> {
        let (aside, state) = (sequence.frames.aside(), sequence.stage(&self.rules));
        let is_still = state == Stage::Stills;
        let silence = sequence.silence(&self.rules).filter(|_| state == Stage::Open);
        let (first, last) = Self::span_of(sequence)?;
        Some(OpenSequence {
            dir: self.dir.to_string_lossy().into_owned(),
            pattern: sequence.pattern.to_string(),
            count: sequence.frames.open_count(),
            taken: sequence.frames.taken_count(),
            aside: aside.map_or(0, |(count, ..)| count),
            why: sequence.stills().filter(|_| is_still || aside.is_some()).map(ToOwned::to_owned),
            first,
            last,
            span: sequence.pattern.span(first, last),
            missing: sequence.pattern.missing_from(sequence.frames.open().map(|frame| frame.number)),
            state,
            held: sequence.held(now),
            made_by: sequence.made_by(&self.dir, &self.rules).filter(MadeBy::is_known).map(|by| by.to_string()),
            quiet_ms: snapshot::ms_between(sequence.history.last_change, now),
            // What is left alone has none: what it had while somebody wrote into it is forgotten when its folder sleeps.
            pace_ms: match state {
                Stage::Existing => 0,
                _ => snapshot::ms_between(Duration::ZERO, sequence.usual_pause()),
            },
            ends_in_ms: silence
                .map(|silence| snapshot::ms_between(now, sequence.history.last_change.saturating_add(silence))),
        })
    }

    /// A client says that everything in it is finished.
    pub(super) fn done(&mut self, moment: Moment<'_>, out: &mut Vec<Decision>) {
        self.each(moment, out, Sequence::force);
    }

    /// Looks at every sequence again.
    pub(super) fn reconsider(&mut self, moment: Moment<'_>, out: &mut Vec<Decision>) {
        self.each(moment, out, |_, _| {});
    }

    /// The answer to an inspection.
    pub(super) fn inspected(
        &mut self,
        pattern: &Pattern,
        result: InspectionResult,
        moment: Moment<'_>,
        out: &mut Vec<Decision>,
    ) {
        let Some(id) = self.by_pattern.get(pattern).copied() else { return };
        let markers = self.markers_at(moment);
        let (dir, rules) = (Arc::clone(&self.dir), Arc::clone(&self.rules));
        let cx = Context { dir: &dir, rules: &rules, markers: &markers, now: moment.now, event: moment.event };
        // The next listing of the folder wakes it: see `LISTING_WAIT`.
        if matches!(result, InspectionResult::Changed) {
            self.awaiting.insert(id);
        }
        let decided = out.len();
        if let Some(sequence) = self.sequences.get_mut(&id) {
            sequence.inspected(result, &cx, out);
            let sealed = out[decided..].iter_mut().filter_map(|decision| match decision {
                Decision::Seal(batch) => Some(batch),
                _ => None,
            });
            if let Some(shape) = self.shapes.get_mut(&sequence.shape) {
                for batch in sealed {
                    shape.sealed = true;
                    batch.previews = shape.previews_of(batch);
                }
            }
        }
        self.step(BTreeSet::from([id]), moment, out);
    }

    /// What generators embedded in files of the sequence of `pattern`.
    pub(super) fn learn_heads(
        &mut self,
        pattern: &Pattern,
        heads: &[(Frame, Origin)],
        moment: Moment<'_>,
        out: &mut Vec<Decision>,
    ) {
        let Some(id) = self.by_pattern.get(pattern).copied() else { return };
        if let Some(sequence) = self.sequences.get_mut(&id) {
            sequence.learn_heads(heads);
        }
        self.step(BTreeSet::from([id]), moment, out);
    }

    /// These files are in batches already.
    pub(super) fn claim(&mut self, files: &[Identity], moment: Moment<'_>, out: &mut Vec<Decision>) {
        let mut claims: HashSet<Identity> = files.iter().copied().collect();
        let mut claimed = Vec::new();
        self.each(moment, out, |sequence, cx| {
            if sequence.frames.claim(&mut claims, cx.extend()) {
                sequence.regrouped();
                claimed.push(Arc::clone(&sequence.shape));
            }
        });
        for key in claimed {
            self.has_batch(&key);
        }
        for other in self.shapes.values_mut().flat_map(|shape| shape.others.values_mut()) {
            if claims.remove(&other.identity) {
                other.arrival = Arrival::Taken;
            }
        }
        self.claimed.extend(claims);
    }

    /// These files are free again.
    pub(super) fn release(&mut self, files: &[Identity], moment: Moment<'_>, out: &mut Vec<Decision>) {
        let files: HashSet<Identity> = files.iter().copied().collect();
        self.claimed.retain(|identity| !files.contains(identity));
        for other in self.shapes.values_mut().flat_map(|shape| shape.others.values_mut()) {
            if other.arrival == Arrival::Taken && files.contains(&other.identity) {
                other.arrival = Arrival::New;
            }
        }
        self.each(moment, out, |sequence, cx| {
            for number in sequence.frames.release(&files, cx.extend()) {
                sequence.touch(number, true, cx);
            }
        });
    }

    /// Does what is due by time.
    pub(super) fn tick(&mut self, moment: Moment<'_>, out: &mut Vec<Decision>) {
        let due: BTreeSet<Id> = self.due.iter().take_while(|(due, _)| *due <= moment.now).map(|(_, id)| *id).collect();
        self.step(due, moment, out);
    }

    fn each(&mut self, moment: Moment<'_>, out: &mut Vec<Decision>, mut act: impl FnMut(&mut Sequence, &Context<'_>)) {
        let markers = self.markers_at(moment);
        let (dir, rules) = (Arc::clone(&self.dir), Arc::clone(&self.rules));
        let cx = Context { dir: &dir, rules: &rules, markers: &markers, now: moment.now, event: moment.event };
        for sequence in self.sequences.values_mut() {
            act(sequence, &cx);
        }
        self.step(self.sequences.keys().copied().collect(), moment, out);
    }

    /// A batch holds files of this shape.
    fn has_batch(&mut self, key: &Arc<[u8]>) {
        if let Some(shape) = self.shapes.get_mut(key) {
            shape.sealed = true;
        }
    }

    fn new_id(&mut self) -> Id {
        self.next_id += 1;
        self.next_id - 1
    }

    fn insert(&mut self, id: Id, sequence: Sequence) {
        // An answer about a pattern must reach the sequence that asked.
        debug_assert!(self.by_pattern.get(&sequence.pattern).is_none_or(|known| *known == id), "{}", sequence.pattern);
        self.by_pattern.insert(sequence.pattern.clone(), id);
        self.due.extend(sequence.due.map(|due| (due, id)));
        self.sequences.insert(id, Box::new(sequence));
    }

    fn markers_at(&self, moment: Moment<'_>) -> Vec<Marker> {
        self.markers.values().chain(moment.inherited).cloned().collect()
    }

    /// Lets these sequences go as far as they can, and drops those that are empty.
    fn step(&mut self, ids: BTreeSet<Id>, moment: Moment<'_>, out: &mut Vec<Decision>) {
        let markers = self.markers_at(moment);
        let (dir, rules) = (Arc::clone(&self.dir), Arc::clone(&self.rules));
        let cx = Context { dir: &dir, rules: &rules, markers: &markers, now: moment.now, event: moment.event };
        let mut left = ids;
        while let Some(id) = left.pop_first() {
            let Some(sequence) = self.sequences.get_mut(&id) else { continue };
            // A batch is never made of a reading that later names may have outdated: with them, its frames may be two
            // films, or have another order. The new sequences take their turn in this loop.
            let shape = self.shapes.get(&sequence.shape);
            if shape.is_some_and(|shape| shape.stale) && sequence.about_to_finish(&cx) {
                let shape = Arc::clone(&sequence.shape);
                left.insert(id);
                left.extend(self.regroup(&shape, moment));
                continue;
            }
            let before = sequence.due;
            if sequence.touched.is_some() {
                let (dir, pattern) = (Arc::clone(&self.dir), sequence.pattern.clone());
                out.extend(sequence.touched.take().map(|from| Decision::Grew { dir, pattern, from }));
            }
            sequence.step(&cx, out);
            let after = sequence.due;
            if sequence.frames.is_empty() && !sequence.is_awaiting() {
                self.drop_sequence(id);
            } else if before != after {
                self.due.extend(after.map(|due| (due, id)));
                if let Some(due) = before {
                    self.due.remove(&(due, id));
                }
            }
        }
    }

    fn drop_sequence(&mut self, id: Id) {
        let Some(sequence) = self.sequences.remove(&id) else { return };
        if self.by_pattern.get(&sequence.pattern) == Some(&id) {
            self.by_pattern.remove(&sequence.pattern);
        }
        if let Some(due) = sequence.due {
            self.due.remove(&(due, id));
        }
        if let Some(shape) = self.shapes.get_mut(&sequence.shape) {
            shape.sequences.remove(&id);
            shape.films.retain(|_, of_film| *of_film != id);
            if shape.sequences.is_empty() && shape.others.is_empty() {
                self.shapes.remove(&sequence.shape);
            }
        }
    }
}
