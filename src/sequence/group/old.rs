//! The grouping of before, until the tracker and `cli` use the one beside it. To be deleted with them.
//!
//! Owns the choice between several numbers in a name, and how padding divides names into sequences. The result depends on
//! the set of names alone, never on their order.

use std::collections::{BTreeMap, HashMap, hash_map};

use crate::sequence::name::runs::{self, Run};
use crate::sequence::name::{Digits, NameRule, Reading, may_be_frame};
use crate::sequence::{FrameNumber, Kind, Padding, Pattern};

mod choice;

pub(crate) use choice::Choice;

/// A sequence among the names of a folder. A name that goes with no other is a group of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What the names share. It reproduces each of them from its number.
    pub pattern: Pattern,
    /// The numbers, ascending, each with the place of its name in the names that were grouped.
    pub members: Members,
}

/// Numbers, each with the place of its name.
type Members = Vec<(FrameNumber, usize)>;

/// The sequences among `names`, ordered by pattern. Names that cannot be frames, or that have no number by `rule`, are in
/// none of them.
#[must_use]
pub fn group<N: AsRef<[u8]>>(names: &[N], rule: &NameRule) -> Vec<Group> {
    let mut splitter = Splitter::default();
    let mut families: HashMap<Box<[u8]>, Vec<usize>> = HashMap::new();
    for (index, name) in names.iter().enumerate() {
        let name = name.as_ref();
        if may_be_frame(name)
            && let Some(family) = splitter.family(name, rule)
        {
            match families.get_mut(family) {
                Some(members) => members.push(index),
                None => drop(families.insert(family.into(), vec![index])),
            }
        }
    }
    let mut groups = Vec::new();
    for members in families.values() {
        groups.extend(divide(names, members, rule).1);
    }
    groups.sort_unstable_by(|a, b| a.pattern.cmp(&b.pattern));
    groups
}

/// The pattern of the sequence that `name` belongs to in a folder of `names`, whether or not `name` is among them.
#[must_use]
pub fn pattern_of<N: AsRef<[u8]>>(name: &[u8], names: &[N], rule: &NameRule) -> Option<Pattern> {
    let mut all = vec![name];
    all.extend(names.iter().map(AsRef::as_ref).filter(|other| *other != name));
    let holds_it = |group: &Group| group.members.iter().any(|(_, index)| *index == 0);
    group(&all, rule).into_iter().find(holds_it).map(|group| group.pattern)
}

/// Splits names into families: only names of one family can be of one sequence. Reuses its buffers.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    runs: Vec<Run>,
    skeleton: Vec<u8>,
}

impl Splitter {
    /// The family of `name`; `None` where `name` has no number.
    pub(crate) fn family(&mut self, name: &[u8], rule: &NameRule) -> Option<&[u8]> {
        match rule {
            NameRule::Auto => {
                runs::find(name, &mut self.runs);
                runs::skeleton(name, &self.runs, &mut self.skeleton);
                (!self.runs.is_empty()).then_some(&self.skeleton)
            }
            NameRule::Pattern(pattern) => pattern.read(name).map(|_| [].as_slice()),
        }
    }

    /// What `name` says when its number is chosen by `choice`, which belongs to its family.
    pub(crate) fn read<'n>(&mut self, name: &'n [u8], choice: Choice, rule: &NameRule) -> Option<Reading<'n>> {
        match rule {
            NameRule::Auto => {
                runs::find(name, &mut self.runs);
                choice.read(name, &self.runs)
            }
            NameRule::Pattern(pattern) => pattern.read(name),
        }
    }
}

/// Divides the names of one family, `members` being their places in `names`, into sequences.
pub(crate) fn divide<N: AsRef<[u8]>>(names: &[N], members: &[usize], rule: &NameRule) -> (Choice, Vec<Group>) {
    let mut splitter = Splitter::default();
    let choice = Choice::of_family(members.iter().map(|index| names[*index].as_ref()), rule);
    let mut stems: HashMap<Stem<'_>, Vec<Member>> = HashMap::new();
    for index in members {
        let Some(reading) = splitter.read(names[*index].as_ref(), choice, rule) else { continue };
        let member = Member {
            number: reading.number,
            index: *index,
            digits: reading.digits,
            second: reading.follower.map(|follower| follower.digits),
            fixed: reading.fixed,
        };
        match stems.entry(Stem::of(&reading)) {
            hash_map::Entry::Occupied(mut entry) => entry.get_mut().push(member),
            hash_map::Entry::Vacant(entry) => drop(entry.insert(vec![member])),
        }
    }
    (choice, stems.into_iter().flat_map(|(stem, members)| stem.into_groups(members)).collect())
}

/// The paddings that a number written as `digits` can belong to, the one that it joins first where it exists.
pub(crate) fn paddings(digits: Digits) -> impl Iterator<Item = Padding> {
    let widths = if digits.padded { digits.width..=digits.width } else { 2..=digits.width };
    let unpadded = (!digits.padded).then_some(Padding::None);
    widths.rev().map(Padding::Width).chain(unpadded)
}

/// Everything of a sequence's names but the padding.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Stem<'n> {
    prefix: &'n [u8],
    suffix: &'n [u8],
    stamp: bool,
    follower: Option<(&'n [u8], i64)>,
}

struct Member {
    number: FrameNumber,
    index: usize,
    digits: Digits,
    second: Option<Digits>,
    fixed: Option<Padding>,
}

impl<'n> Stem<'n> {
    fn of(reading: &Reading<'n>) -> Self {
        Self {
            prefix: reading.prefix,
            suffix: reading.suffix,
            stamp: reading.stamp,
            follower: reading.follower.map(|follower| (follower.between, follower.offset)),
        }
    }

    fn into_groups(self, members: Vec<Member>) -> Vec<Group> {
        let first = Widths::of(members.iter().map(|member| member.digits));
        let second = Widths::of(members.iter().filter_map(|member| member.second));
        let mut classes: BTreeMap<(Padding, Option<Padding>), Members> = BTreeMap::new();
        for member in members {
            let padding = member.fixed.unwrap_or_else(|| first.join(member.digits));
            let follower = member.second.map(|digits| second.join(digits));
            classes.entry((padding, follower)).or_default().push((member.number, member.index));
        }
        let group = |((padding, follower), mut members): (_, Members)| {
            members.sort_unstable();
            members.dedup_by_key(|(number, _)| *number);
            Group { pattern: self.pattern(padding, follower), members }
        };
        classes.into_iter().map(group).collect()
    }

    fn pattern(&self, padding: Padding, second: Option<Padding>) -> Pattern {
        let kind = match (self.follower, second) {
            (Some((between, offset)), Some(padding)) => Kind::Stepping { between: between.into(), offset, padding },
            _ if self.stamp => Kind::TimeStamp,
            _ => Kind::Count,
        };
        Pattern { prefix: self.prefix.into(), suffix: self.suffix.into(), padding, kind }
    }
}

/// Which widths are fixed by a leading zero, one bit each.
struct Widths(u32);

impl Widths {
    fn of(digits: impl Iterator<Item = Digits>) -> Self {
        Self(digits.filter(|digits| digits.padded).fold(0, |widths, digits| widths | 1 << digits.width))
    }

    fn join(&self, digits: Digits) -> Padding {
        let exists = |padding: &Padding| match padding {
            Padding::Width(width) => self.0 & (1 << width) != 0,
            Padding::None => true,
        };
        paddings(digits).find(exists).unwrap_or(Padding::None)
    }
}

#[cfg(test)]
mod tests;
