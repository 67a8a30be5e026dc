//! Dashes that are signs, and films of two families.
//!
//! A dash is a sign for Blender (`render-0001` is frame -1 of `render0000`) and a separator for nearly everybody else. A
//! wrong guess plays a film backwards, so that something besides the dash has to speak for a sign: that nothing or a
//! separator is before it, that the numbers go on across zero, or that the files were made in falling order.

use std::collections::{BTreeMap, HashMap, HashSet};

use bstr::BString;

use crate::sequence::group::cut::{DigitRun, Number, cut};
use crate::sequence::group::family::Found;
use crate::sequence::group::film::Draft;
use crate::sequence::group::reason::LeftAlone;
use crate::sequence::name::NUMBER_DIGITS;
use crate::sequence::{FrameNumber, Kind, Padding, Pattern};

/// What became of what the families say.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// The drafts whose numbers are negative, and the draft that has their names now.
    pub negative: HashMap<u32, u32>,
    /// Single names that are of a draft now, each by its place.
    pub alone: Vec<(u32, u32, FrameNumber)>,
    /// Whether any dash was looked at, so that more names may change the answer.
    pub open: bool,
}

/// A film or a single name, by one of its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    Draft(usize),
    Alone { place: u32 },
}

/// The bytes before and after a number.
type Around = (BString, BString);

/// Finds the dashes that are signs. `times` are those of the files by the places of the names.
pub(super) fn apply(found: &mut Found, names: &[&[u8]], times: Option<&[i64]>) -> Signs {
    let holders = holders(found, names);
    let mut signs = Signs { open: !holders.is_empty(), ..Signs::default() };
    let mut gone: HashSet<Holder> = HashSet::new();
    let mut joins: Vec<(Holder, Holder, Around)> = Vec::new();
    for ((before, behind), those) in &holders {
        let Some((b'-', text)) = before.split_last() else { continue };
        if text.last().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        let is_own = matches!(text.last(), None | Some(b'.' | b'_' | b' '));
        let around = (BString::from(text), behind.clone());
        for holder in those {
            let side = Side::of(*holder, found, names, before, behind);
            if gone.contains(holder) || side.numbers.iter().any(|number| number.value == 0) {
                continue;
            }
            let falls = matches!(holder, Holder::Draft(at) if counts_down(&found.drafts[*at], times));
            let others = holders.get(&around).into_iter().flatten().filter(|other| !gone.contains(*other));
            let mut best: Option<(usize, Holder)> = None;
            for other in others {
                let positive = Side::of(*other, found, names, &around.0, behind);
                if let Some(near) = side.joins(&positive, is_own, falls)
                    && best.is_none_or(|(most, _)| near > most)
                {
                    best = Some((near, *other));
                }
            }
            if let Some((_, other)) = best {
                joins.push((*holder, other, around.clone()));
                gone.insert(*holder);
            } else if let Holder::Draft(at) = *holder
                && (falls || is_own && !counts_up(&found.drafts[at], times))
            {
                found.drafts[at].negate(&around.0);
                let draft = u32::try_from(at).unwrap_or(u32::MAX);
                signs.negative.insert(draft, draft);
                gone.insert(*holder);
            }
        }
    }
    for (negative, positive, around) in joins {
        join(found, names, &mut signs, negative, positive, around);
    }
    signs
}

/// Those that have a number after a dash, and those that could go on where they end, by what is around the number.
fn holders(found: &Found, names: &[&[u8]]) -> BTreeMap<Around, Vec<Holder>> {
    let mut all: Vec<(Around, Holder)> = Vec::new();
    for (at, draft) in found.drafts.iter().enumerate() {
        if draft.plain.is_some() && draft.pattern.kind == Kind::Count {
            all.push(((draft.pattern.prefix.clone(), draft.pattern.suffix.clone()), Holder::Draft(at)));
        }
    }
    let mut runs = Vec::new();
    for place in &found.alone {
        let name = names[*place as usize];
        cut(name, &mut runs);
        for run in runs.iter().filter(|run| usize::from(run.width) <= usize::from(NUMBER_DIGITS)) {
            let around = (name[..run.start].into(), name[run.end..].into());
            all.push((around, Holder::Alone { place: *place }));
        }
    }
    let dashed: HashSet<Around> = all
        .iter()
        .filter_map(|((before, behind), _)| Some((before.strip_suffix(b"-")?.into(), behind.clone())))
        .collect();
    let mut holders: BTreeMap<Around, Vec<Holder>> = BTreeMap::new();
    for (around, holder) in all {
        if around.0.ends_with(b"-") || dashed.contains(&around) {
            holders.entry(around).or_default().push(holder);
        }
    }
    holders
}

/// The numbers of a holder, ascending.
struct Side {
    numbers: Vec<Number>,
    is_alone: bool,
    is_negative: bool,
}

impl Side {
    fn of(holder: Holder, found: &Found, names: &[&[u8]], before: &[u8], behind: &[u8]) -> Self {
        let mut runs = Vec::new();
        let mut number = |place: u32| {
            let name = names[place as usize];
            cut(name, &mut runs);
            runs.iter().find(|run| run.start == before.len() && name[run.end..] == *behind).map(DigitRun::number)
        };
        match holder {
            Holder::Alone { place } => {
                Self { numbers: number(place).into_iter().collect(), is_alone: true, is_negative: false }
            }
            Holder::Draft(at) => {
                let draft = &found.drafts[at];
                let is_negative = draft.members.first().is_some_and(|(number, _)| *number < 0);
                let numbers = draft.members.iter().filter_map(|(_, place)| number(*place)).collect();
                Self { numbers, is_alone: draft.members.len() == 1, is_negative }
            }
        }
    }

    /// Whether the numbers of `self`, with a sign, and those of `positive` are one film; and how many are as wide. Numbers
    /// that fall to zero by their times have a sign even if some between them and `positive` are missing.
    fn joins(&self, positive: &Self, is_own: bool, falls: bool) -> Option<usize> {
        if positive.is_negative {
            return None;
        }
        let (nearest, lowest) = (self.numbers.first()?.value, positive.numbers.first()?.value);
        let fixed = positive.numbers.iter().filter(|number| number.is_padded()).map(|number| number.width).min();
        let widths = || self.numbers.iter().map(|number| (number.width, number.is_padded()));
        let (fits, near) = if let Some(fixed) = fixed {
            // The sign may count for the width or not.
            let fits = widths().all(
                |(width, padded)| {
                    if padded { width == fixed || width + 1 == fixed } else { width + 1 >= fixed }
                },
            );
            (fits, widths().filter(|(width, _)| *width == fixed).count())
        } else {
            let alone = positive.numbers[0].width;
            let as_wide = widths().all(|(width, _)| width == alone || width + 1 == alone);
            (positive.is_alone && !is_own && as_wide || widths().all(|(_, padded)| !padded), 0)
        };
        let touches = lowest.saturating_add(nearest) <= self.step(positive);
        (fits && (is_own || falls || touches)).then_some(near)
    }

    /// The smallest step of two long sides; else one.
    fn step(&self, other: &Self) -> i64 {
        if self.numbers.len() <= 2 || other.numbers.len() <= 2 {
            return 1;
        }
        let steps = |side: &Self| side.numbers.windows(2).map(|pair| pair[1].value - pair[0].value).min();
        steps(self).into_iter().chain(steps(other)).min().unwrap_or(1)
    }
}

impl Draft {
    /// Turns its numbers round; `prefix` is what stands before the sign.
    fn negate(&mut self, prefix: &[u8]) {
        for (number, _) in &mut self.members {
            *number = -*number;
        }
        self.members.reverse();
        self.pattern.prefix = prefix.into();
    }
}

/// Whether each higher number is an older file: the numbers fall to zero.
fn counts_down(draft: &Draft, times: Option<&[i64]>) -> bool {
    draft.members.len() >= 4 && all_pairs(draft, times, |before, time| time < before)
}

/// Shorter pauses are those of copying, which goes by the digits whatever they mean: few programs make 50 frames a second.
const AT_ONCE_NS: i64 = 20_000_000;

/// Whether each higher number is a newer file that was made, not copied: as numbers below zero they would be played from
/// the last to the first.
fn counts_up(draft: &Draft, times: Option<&[i64]>) -> bool {
    draft.members.len() >= 2 && all_pairs(draft, times, |before, time| time.saturating_sub(before) >= AT_ONCE_NS)
}

/// Whether this holds for the times of each two neighbours. Nothing holds if there are no times.
fn all_pairs(draft: &Draft, times: Option<&[i64]>, holds: impl Fn(i64, i64) -> bool) -> bool {
    let Some(times) = times else { return false };
    draft.members.windows(2).all(|pair| holds(times[pair[0].1 as usize], times[pair[1].1 as usize]))
}

fn join(found: &mut Found, names: &[&[u8]], signs: &mut Signs, negative: Holder, positive: Holder, around: Around) {
    let target = match positive {
        Holder::Draft(at) => at,
        Holder::Alone { place } => {
            if let Some((_, target, _)) = signs.alone.iter().find(|(known, ..)| *known == place) {
                *target as usize
            } else {
                let side = Side::of(positive, found, names, &around.0, &around.1);
                let number = side.numbers[0];
                let padding = if number.is_padded() { Padding::Width(number.width) } else { Padding::None };
                let pattern = Pattern::new(around.0.clone(), around.1.clone(), padding);
                found.alone.retain(|alone| *alone != place);
                let draft = u32::try_from(found.drafts.len()).unwrap_or(u32::MAX);
                signs.alone.push((place, draft, number.value));
                let members = vec![(number.value, place)];
                found.drafts.push(Draft { pattern, members, note: None, plain: Some(0) });
                found.drafts.len() - 1
            }
        }
    };
    let draft = u32::try_from(target).unwrap_or(u32::MAX);
    let mut dashed = around.0;
    dashed.push(b'-');
    let members: Vec<(FrameNumber, u32)> = match negative {
        Holder::Draft(at) => {
            signs.negative.insert(u32::try_from(at).unwrap_or(u32::MAX), draft);
            std::mem::take(&mut found.drafts[at].members).into_iter().map(|(number, place)| (-number, place)).collect()
        }
        Holder::Alone { place } => {
            found.alone.retain(|alone| *alone != place);
            let side = Side::of(negative, found, names, &dashed, &around.1);
            let number = -side.numbers[0].value;
            signs.alone.push((place, draft, number));
            vec![(number, place)]
        }
    };
    let film = &mut found.drafts[target].members;
    film.extend(members);
    film.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| names[a.1 as usize].cmp(names[b.1 as usize])));
    let left = &mut found.left;
    film.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            left.push((next.1, LeftAlone::SameNumberAs(names[kept.1 as usize].into())));
        }
        is_same
    });
}
