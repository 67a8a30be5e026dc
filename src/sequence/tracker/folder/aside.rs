//! Images that are in no sequence: what is told of them, and which of them stay previews.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bstr::BString;

use crate::model::Identity;
use crate::sequence::Batch;
use crate::sequence::group::LeftAlone;
use crate::sequence::tracker::Decision;
use crate::sequence::tracker::folder::{Folder, Other, Shape};
use crate::sequence::tracker::frames::Arrival;

/// While names come one by one, a reason may be gone with the next name. It is told as soon as this many are left alone for it.
const ENOUGH: usize = 8;

/// Images in no sequence that a listing brought, by their shapes.
pub(super) type Aside = BTreeMap<Arc<[u8]>, Vec<BString>>;

impl Shape {
    /// The images that are previews of frames of `batch`. They are kept with it.
    pub(super) fn previews_of(&mut self, batch: &Batch) -> Vec<(BString, Identity)> {
        let frames: HashSet<BString> = batch.frames.iter().map(|frame| frame.file_name(&batch.pattern)).collect();
        let of_batch =
            |other: &Other| matches!(&other.why, Some(LeftAlone::PreviewOf(frame)) if frames.contains(frame));
        let mut previews = Vec::new();
        for (name, other) in self.others.iter_mut().filter(|(_, other)| of_batch(other)) {
            other.kept = true;
            previews.push((name.clone(), other.identity));
        }
        previews
    }

    /// Whether there are enough images in no sequence to tell of, and twice as many as when that was last asked: looking
    /// at all of them for each new one would take ever longer.
    fn is_ripe(&mut self) -> bool {
        let count = self.others.len();
        let is_ripe = count >= ENOUGH.max(2 * self.counted);
        if is_ripe {
            self.counted = count;
        }
        is_ripe
    }
}

impl Other {
    pub(super) fn new(identity: Identity, arrival: Arrival, why: Option<LeftAlone>) -> Self {
        Self { identity, arrival, why, kept: false }
    }

    /// Whether it is a preview that nobody was told to keep. One that was there before is old, whatever it is.
    fn is_to_be_kept(&self) -> bool {
        !self.kept && self.arrival != Arrival::Existing && matches!(self.why, Some(LeftAlone::PreviewOf(_)))
    }
}

impl Folder {
    /// Tells what a listing says of images that are in no sequence. A part of a folder tells only of what it brought.
    pub(super) fn tell_of_aside(&mut self, aside: &Aside, complete: bool, out: &mut Vec<Decision>) {
        let mut previews = Vec::new();
        if complete {
            for shape in self.shapes.values_mut().filter(|shape| shape.sealed) {
                previews.extend(shape.others.iter_mut().filter_map(keep));
            }
        } else {
            for (key, names) in aside {
                let Some(shape) = self.shapes.get_mut(key).filter(|shape| shape.sealed) else { continue };
                previews.extend(names.iter().filter_map(|name| keep((name, shape.others.get_mut(name)?))));
            }
        }
        if !previews.is_empty() {
            out.push(Decision::Previews { dir: Arc::clone(&self.dir), files: previews });
        }
        let ripe = |key: &&Arc<[u8]>| self.shapes.get_mut(*key).is_some_and(Shape::is_ripe);
        let told = if complete { None } else { Some(aside.keys().filter(ripe).collect()) };
        self.tell_left_alone(told, if complete { 1 } else { ENOUGH }, out);
    }

    /// Tells once of each reason why at least `least` images are in no sequence: of these shapes, or of all.
    fn tell_left_alone(&mut self, of: Option<Vec<&Arc<[u8]>>>, least: usize, out: &mut Vec<Decision>) {
        let shapes: Vec<&Shape> = match of {
            Some(keys) => keys.into_iter().filter_map(|key| self.shapes.get(key)).collect(),
            None => self.shapes.values().collect(),
        };
        let others = shapes.into_iter().flat_map(|shape| &shape.others);
        let mut found: Vec<(&LeftAlone, usize, &BString)> = Vec::new();
        for (name, why) in others.filter_map(|(name, other)| Some((name, other.why.as_ref()?))) {
            match found.iter_mut().find(|(known, ..)| known.is_like(why)) {
                Some((_, count, _)) => *count += 1,
                None => found.push((why, 1, name)),
            }
        }
        for (why, count, example) in found.into_iter().filter(|(_, count, _)| *count >= least) {
            if !self.told.iter().any(|known| known.is_like(why)) {
                self.told.push(why.clone());
                let (dir, why, example) = (Arc::clone(&self.dir), why.clone(), example.clone());
                out.push(Decision::LeftAlone { dir, why, count, example });
            }
        }
    }
}

fn keep((name, other): (&BString, &mut Other)) -> Option<(BString, Identity)> {
    let is_new = other.is_to_be_kept();
    other.kept |= is_new;
    is_new.then(|| (name.clone(), other.identity))
}
