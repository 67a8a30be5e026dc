//! From the rule that fired to the batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::sequence::film;
use crate::sequence::finish::{FinishReason, MissingFrames, Stills};
use crate::sequence::gaps::NumberRanges;
use crate::sequence::order::{Order, long_stretch};
use crate::sequence::origin::Total;
use crate::sequence::tracker::frames::{Age, Frames};
use crate::sequence::tracker::open::pauses::Pauses;
use crate::sequence::tracker::open::placeholders::Placeholders;
use crate::sequence::tracker::open::{Context, LISTING_WAIT, PATIENCE, Phase, Rest, Resting, Sequence};
use crate::sequence::tracker::{Decision, Held, Run, Verdict};
use crate::sequence::{Batch, Flaw, Frame, FrameNumber, Identity, Pattern, TakenFor, Unreadable};

/// A rest that is no pause within a run: at least this long, and so many times the usual pause after it.
const LONG_REST: Duration = Duration::from_secs(60);
const LONG_RESTS: u32 = 10;

/// Frames of one run, and what they were taken for.
struct Part {
    frames: Vec<Frame>,
    taken_for: Option<(film::Verdict, String)>,
}

/// How many different reasons one note names.
const MOST_REASONS: usize = 3;

#[derive(Debug)]
pub(super) struct Firing {
    pub reason: FinishReason,
    pub since: Duration,
    /// The range of numbers when the rule fired. Frames outside that come later belong to the next batch.
    pub range: (FrameNumber, FrameNumber),
    pub late: BTreeSet<FrameNumber>,
    /// Files that an inspection found unfinished, each with the last moment at which it may have changed.
    pub unfinished: BTreeMap<FrameNumber, (Identity, Duration)>,
    pub state: FiringState,
    /// What it waits for, as of the last look.
    pub hold: Option<Hold>,
}

/// What keeps a batch from being made.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    until: Duration,
    /// The file; `None` where numbers are missing.
    file: Option<Frame>,
    /// How many files more.
    more: usize,
    why: String,
    hint: String,
}

impl Hold {
    pub(super) fn tell(&self, pattern: &Pattern, now: Duration) -> Held {
        let left = self.until.saturating_sub(now);
        Held {
            file: self.file.as_ref().map(|file| file.file_name(pattern).to_string()),
            more: self.more,
            why: self.why.clone(),
            left_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            hint: self.hint.clone(),
        }
    }
}

/// The other files of the sequence.
#[derive(Clone, Copy)]
struct Siblings<'a> {
    frames: &'a Frames,
    placeholders: &'a Placeholders,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum FiringState {
    /// Waiting for the verdict; `disturbed` when a file changed in the meantime.
    Inspecting { disturbed: bool },
    /// Waiting for the moment of the next inspection.
    Held { until: Duration },
}

impl Sequence {
    pub(super) fn fire(&mut self, reason: FinishReason, cx: &Context<'_>) {
        let (Some(first), Some(mut last)) = (self.frames.first(), self.frames.last()) else { return };
        let mut late = BTreeSet::new();
        if let Some(next) = self.heads.next_run().filter(|_| reason == FinishReason::NextRun) {
            last = next.saturating_sub(1);
            late.extend(self.frames.open_from(next).map(|frame| frame.number));
        }
        self.phase = Phase::Firing(Box::new(Firing {
            reason,
            since: cx.now,
            range: (first, last),
            late,
            unfinished: BTreeMap::new(),
            state: FiringState::Held { until: cx.now },
            hold: None,
        }));
    }

    /// Asks for an inspection, unless frames have gone or a gap is to be filled first.
    pub(super) fn inspect(&mut self, cx: &Context<'_>, out: &mut Vec<Decision>) {
        let Phase::Firing(firing) = &mut self.phase else { return };
        let frames: Vec<Frame> = self.frames.open().filter(|frame| !firing.late.contains(&frame.number)).collect();
        if frames.is_empty() || self.frames.fresh() == 0 {
            self.phase = Phase::Open;
            return;
        }
        let give_up = firing.since.saturating_add(cx.rules.max_wait);
        if cx.rules.missing_frames == MissingFrames::Wait && cx.now < give_up && cx.has_gaps(&self.pattern) {
            let missing = self.pattern.missing_from(frames.iter().map(|frame| frame.number));
            if !missing.is_empty() {
                let hint = "write the missing frames; `max_wait` says how long they are waited for".to_owned();
                let why = format!("frames are missing: {missing}");
                return self.hold(Hold { until: give_up, file: None, more: 0, why, hint }, cx, out);
            }
        }
        firing.state = FiringState::Inspecting { disturbed: false };
        let (dir, pattern, weigh) = (Arc::clone(cx.dir), self.pattern.clone(), firing.reason.needs_evidence());
        out.push(Decision::Inspect { dir, pattern, frames, weigh });
    }

    fn seal(&mut self, flawed: Vec<(Frame, Flaw)>, runs: Vec<Run>, cx: &Context<'_>, out: &mut Vec<Decision>) {
        let Phase::Firing(firing) = std::mem::replace(&mut self.phase, Phase::Open) else { return };
        let given_up: BTreeSet<FrameNumber> = flawed.iter().map(|(frame, _)| frame.number).collect();
        let in_batch = |frame: &Frame| !firing.late.contains(&frame.number) && !given_up.contains(&frame.number);
        let frames: Vec<Frame> = self.frames.open().filter(in_batch).collect();
        self.note_flaws(&flawed, frames.len(), cx, out);
        self.frames.take(given_up, cx.extend());
        // What came since the first reading turned out to be no frames: what is left is what was left alone before.
        if matches!(firing.reason, FinishReason::Idle(_)) && self.is_left_alone(cx.rules) {
            return;
        }
        // Where no file can be read, that was said, and there is no more to it.
        self.noted = self.noted.or(frames.is_empty().then_some(Resting::TooFew));
        let unreadable: Vec<Unreadable> =
            flawed.into_iter().map(|(frame, flaw)| Unreadable { number: frame.number, reason: flaw.reason }).collect();
        let over = self.written_over(&frames);
        let parts = self.parts(frames, runs, &over, &unreadable, cx);
        let count = parts.len();
        for (at, Part { frames, taken_for }) in parts.into_iter().enumerate() {
            // What comes next may make more of the last frames than they are now.
            let may_grow = at + 1 == count && firing.reason != FinishReason::NextRun;
            let numbers: Vec<FrameNumber> = frames.iter().map(|frame| frame.number).collect();
            let rests = match &taken_for {
                _ if frames.is_empty() || (frames.len() as u64) < cx.rules.min_frames => Some(Resting::TooFew),
                Some((verdict, why)) if *verdict == film::Verdict::Stills && cx.rules.stills == Stills::Skip => {
                    self.stills = Some(why.clone());
                    Some(Resting::Stills)
                }
                _ => None,
            };
            if let Some(why) = rests {
                let count = numbers.len() as u64;
                if !may_grow {
                    self.frames.set_aside(numbers, cx.extend());
                }
                self.rest(why, count, cx, out);
                // What came later and belongs to the next batch is not too little yet, nor did it come before a rest.
                if !may_grow || !firing.late.is_empty() {
                    (self.resting, self.rest) = (None, None);
                }
                continue;
            }
            self.frames.take(numbers, cx.extend());
            self.final_frame = self.final_frame.filter(|number| firing.late.contains(number));
            (self.history.forced, self.noted, self.noted_retake) = (false, None, false);
            (self.noted_flaw, self.noted_hold, self.rest) = (None, None, None);
            self.history.pauses = Pauses::default();
            let missing = self.missing(&frames, &unreadable, cx);
            let taken_for =
                taken_for.map(|(verdict, why)| TakenFor { surely_film: verdict == film::Verdict::Film, why });
            let batch = Batch {
                dir: Arc::clone(cx.dir),
                pattern: self.pattern.clone(),
                frames,
                missing,
                unreadable: unreadable.clone(),
                rewritten: NumberRanges::default().with(&over),
                reason: firing.reason.clone(),
                taken_for,
            };
            out.push(Decision::Seal(match cx.rules.order {
                Order::Number => batch,
                Order::Time => batch.in_order_of_time(),
            }));
        }
        self.heads.conclude(self.frames.open());
    }

    /// The frames by the runs that they are of. What was left of before a rest is no part of a run that is far quicker.
    fn parts(
        &self,
        frames: Vec<Frame>,
        runs: Vec<Run>,
        over: &[FrameNumber],
        unreadable: &[Unreadable],
        cx: &Context<'_>,
    ) -> Vec<Part> {
        if runs.is_empty() {
            let split = if unreadable.is_empty() { self.runs(frames, over, cx) } else { vec![frames] };
            return split.into_iter().map(|frames| Part { frames, taken_for: None }).collect();
        }
        let mut parts = Vec::new();
        let mut rest = frames;
        let is_one = runs.len() == 1 && unreadable.is_empty();
        for run in runs.into_iter().rev() {
            let at = rest.partition_point(|frame| frame.number < run.first);
            let frames = rest.split_off(at);
            let taken_for = Some((run.judgement.verdict, run.judgement.to_string()));
            let is_leftover = |frame: &Frame| self.rest_before().is_some_and(|next| frame.number < next);
            let (leftover, frames): (Vec<Frame>, Vec<Frame>) = frames.into_iter().partition(is_leftover);
            if frames.is_empty() {
                parts.push(Part { frames: leftover, taken_for });
            } else {
                let split = if is_one { self.runs(frames, over, cx) } else { vec![frames] };
                parts.extend(split.into_iter().rev().map(|frames| Part { frames, taken_for: taken_for.clone() }));
                parts.extend((!leftover.is_empty()).then_some(Part { frames: leftover, taken_for: None }));
            }
        }
        parts.reverse();
        parts
    }

    /// The first number of a run that came after a rest which was far longer than its pauses.
    fn rest_before(&self) -> Option<FrameNumber> {
        let Rest { next, pause, .. } = self.rest?;
        let usual = self.usual_pause();
        (pause >= LONG_REST && pause >= usual.saturating_mul(LONG_RESTS)).then_some(next).flatten()
    }

    /// The numbers that a second run wrote over, unless nothing is left of the first one.
    fn written_over(&self, frames: &[Frame]) -> Vec<FrameNumber> {
        let of = |age: Age| frames.iter().map(|f| f.number).filter(move |number| self.frames.age(*number) == Some(age));
        if of(Age::Old).next().is_none() { Vec::new() } else { of(Age::WrittenOver).collect() }
    }

    /// Where a second run began again at the first frame and has written over a long stretch, what is left of the first run,
    /// and the second one. In all other cases it is not plain which frame is of which run, and they stay together.
    fn runs(&self, frames: Vec<Frame>, over: &[FrameNumber], cx: &Context<'_>) -> Vec<Vec<Frame>> {
        let is_old = |frame: &Frame| self.frames.age(frame.number) == Some(Age::Old);
        let begun = frames.partition_point(|frame| over.last().is_some_and(|last| frame.number <= *last));
        let (second, first) = frames.split_at(begun);
        let least = long_stretch(frames.len()).max(usize::try_from(cx.rules.min_frames).unwrap_or(usize::MAX));
        let is_plain = second.iter().all(|frame| !is_old(frame)) && first.iter().all(is_old);
        if is_plain && second.len() >= least && first.len() >= least {
            vec![first.to_vec(), second.to_vec()]
        } else {
            vec![frames]
        }
    }

    /// Silence does not end a run of which the generator announced more.
    fn wait_for_announced(&self, runs: &[Run], cx: &Context<'_>) -> Option<Hold> {
        let Phase::Firing(firing) = &self.phase else { return None };
        let until = firing.since.saturating_add(cx.rules.max_wait);
        let run = runs.last().filter(|_| matches!(firing.reason, FinishReason::Idle(_)) && cx.now < until)?;
        let (total, last) = (run.total?, self.frames.last()?);
        let count = self.frames.open_from(run.first).count() as u64;
        if total.is_reached(count, last, self.frames.step().unsigned_abs()) {
            return None;
        }
        let why = match total {
            Total::Frames(all) => format!("its generator announced {all} frames, and {count} are there"),
            Total::Range { first, last: end } => {
                format!("its generator announced frames {first} to {end}, and the last one is {last}")
            }
        };
        let hint = "`reeld done` or a marker ends it now; `max_wait` says how long it is waited for".to_owned();
        Some(Hold { until, file: None, more: 0, why, hint })
    }

    /// Says once what is wrong with files that are left out of a batch of `left` frames.
    fn note_flaws(&mut self, flawed: &[(Frame, Flaw)], left: usize, cx: &Context<'_>, out: &mut Vec<Decision>) {
        let Some((_, Flaw { reason, hint, .. })) = flawed.first() else { return };
        if self.noted_flaw.as_ref() == Some(reason) {
            return;
        }
        self.noted_flaw = Some(reason.clone());
        let mut by_reason: Vec<(&str, &Frame, usize)> = Vec::new();
        for (frame, flaw) in flawed {
            if let Some((.., more)) = by_reason.iter_mut().find(|(reason, ..)| *reason == flaw.reason) {
                *more += 1;
            } else if by_reason.len() < MOST_REASONS {
                by_reason.push((&flaw.reason, frame, 0));
            }
        }
        let files = by_reason.into_iter().map(|(reason, frame, more)| {
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}: {reason}", frame.file_name(&self.pattern))
        });
        let (count, all) = (flawed.len(), flawed.len() + left);
        let then = if left == 0 { "no video is made of them" } else { "the video is made without them" };
        let text = format!("{count} of {all} files cannot be read: {}; {then}", files.collect::<Vec<_>>().join("; "));
        self.note(text, Some(hint.clone()), cx, out);
    }

    /// Waits, and says once what for.
    fn hold(&mut self, hold: Hold, cx: &Context<'_>, out: &mut Vec<Decision>) {
        let Phase::Firing(firing) = &mut self.phase else { return };
        firing.state = FiringState::Held { until: hold.until };
        // A file that is still being written when its marker comes is nothing to warn of; one that stays so is.
        let is_odd =
            matches!(firing.reason, FinishReason::Idle(_)) || hold.until.saturating_sub(firing.since) > PATIENCE;
        let text = format!("finished, and {}", hold.tell(&self.pattern, cx.now));
        firing.hold = Some(hold.clone());
        let key = (hold.file.map_or(FrameNumber::MIN, |file| file.number), hold.why);
        if self.noted_hold.as_ref() != Some(&key) {
            self.noted_hold = Some(key);
            self.note(text, is_odd.then_some(hold.hint), cx, out);
        }
    }

    /// What is missing among these frames and between them and the unreadable ones, which are missing too.
    fn missing(&self, frames: &[Frame], unreadable: &[Unreadable], cx: &Context<'_>) -> NumberRanges {
        if !cx.has_gaps(&self.pattern) {
            return NumberRanges::default();
        }
        let unreadable: Vec<FrameNumber> = unreadable.iter().map(|file| file.number).collect();
        let mut present: Vec<FrameNumber> = frames.iter().map(|frame| frame.number).collect();
        present.extend_from_slice(&unreadable);
        present.sort_unstable();
        NumberRanges::missing_from(present).with(&unreadable)
    }

    /// The answer to an inspection.
    pub(in crate::sequence::tracker) fn inspected(
        &mut self,
        verdict: Verdict,
        cx: &Context<'_>,
        out: &mut Vec<Decision>,
    ) {
        let Phase::Firing(firing) = &mut self.phase else { return };
        let FiringState::Inspecting { disturbed } = firing.state else { return };
        let by_silence = matches!(firing.reason, FinishReason::Idle(_));
        match verdict {
            Verdict::Changed => {
                self.phase = Phase::Open;
                self.not_before = Some(cx.now + LISTING_WAIT);
            }
            _ if disturbed && by_silence => self.phase = Phase::Open,
            _ if disturbed => firing.state = FiringState::Held { until: cx.now },
            Verdict::Looked { flawed, runs } => {
                let siblings = Siblings { frames: &self.frames, placeholders: &self.placeholders };
                let hold = firing.wait_for(&flawed, self.history.last_change, siblings, cx);
                match hold.or_else(|| self.wait_for_announced(&runs, cx)) {
                    Some(hold) => self.hold(hold, cx, out),
                    None => self.seal(flawed, runs, cx, out),
                }
            }
        }
    }
}

impl Firing {
    /// Remembers what an inspection found unfinished, and says what is waited for, and until when; `None` where nothing is.
    fn wait_for(
        &mut self,
        flawed: &[(Frame, Flaw)],
        last_change: Duration,
        siblings: Siblings<'_>,
        cx: &Context<'_>,
    ) -> Option<Hold> {
        let before = std::mem::take(&mut self.unfinished);
        let limit = self.since.saturating_add(cx.rules.max_wait);
        let empty_limit = if is_command(&self.reason) { self.since + PATIENCE } else { limit };
        let mut hold: Option<Hold> = None;
        for (frame, flaw) in flawed.iter().filter(|(_, flaw)| !flaw.lasting) {
            let known = before.get(&frame.number).filter(|(identity, _)| *identity == frame.identity);
            let since = known.map_or(last_change, |(_, since)| *since);
            self.unfinished.insert(frame.number, (frame.identity, since));
            let patience = if frame.identity.size == 0 {
                let nobodys = siblings.placeholders.nobodys_at(frame, siblings.frames.open());
                nobodys.map_or(empty_limit, |moment| moment.min(empty_limit))
            } else {
                since.saturating_add(PATIENCE)
            };
            let until = patience.min(limit);
            if until <= cx.now {
                continue;
            }
            let more = hold.as_ref().map_or(0, |hold| hold.more + 1);
            match &mut hold {
                // What is waited for longest is what holds it.
                Some(hold) if hold.until >= until => hold.more = more,
                _ => {
                    let (why, hint) = (flaw.reason.clone(), flaw.hint.clone());
                    hold = Some(Hold { until, file: Some(frame.clone()), more, why, hint });
                }
            }
        }
        hold
    }

    /// Someone says that it is finished, which counts more than the rule that fired.
    pub(super) fn insist(&mut self, reason: FinishReason, now: Duration) {
        (self.reason, self.since) = (reason, now);
        if let FiringState::Held { until } = &mut self.state {
            *until = now;
        }
    }
}

pub(super) fn is_command(reason: &FinishReason) -> bool {
    matches!(reason, FinishReason::Marker(_) | FinishReason::Client)
}
