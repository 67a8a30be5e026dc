//! From the rule that fired to the batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::sequence::finish::{FinishReason, MissingFrames};
use crate::sequence::gaps::NumberRanges;
use crate::sequence::order::{Order, long_stretch};
use crate::sequence::tracker::frames::Age;
use crate::sequence::tracker::open::{Context, LISTING_WAIT, PATIENCE, Phase, Resting, Sequence};
use crate::sequence::tracker::{Decision, Verdict};
use crate::sequence::{Batch, Frame, FrameNumber, Identity};

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
        let (Some(first), Some(last)) = (self.frames.first(), self.frames.last()) else { return };
        self.phase = Phase::Firing(Box::new(Firing {
            reason,
            since: cx.now,
            range: (first, last),
            late: BTreeSet::new(),
            unfinished: BTreeMap::new(),
            state: FiringState::Held { until: cx.now },
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
        if cx.rules.missing_frames == MissingFrames::Wait
            && cx.now < give_up
            && cx.has_gaps(&self.pattern)
            && !self.pattern.missing_from(frames.iter().map(|frame| frame.number)).is_empty()
        {
            firing.state = FiringState::Held { until: give_up };
            return;
        }
        firing.state = FiringState::Inspecting { disturbed: false };
        out.push(Decision::Inspect { dir: Arc::clone(cx.dir), pattern: self.pattern.clone(), frames });
    }

    fn seal(&mut self, given_up: &BTreeSet<FrameNumber>, cx: &Context<'_>, out: &mut Vec<Decision>) {
        let Phase::Firing(firing) = std::mem::replace(&mut self.phase, Phase::Open) else { return };
        let in_batch = |frame: &Frame| !firing.late.contains(&frame.number);
        let (frames, bad): (Vec<Frame>, Vec<Frame>) =
            self.frames.open().filter(in_batch).partition(|frame| !given_up.contains(&frame.number));
        let unreadable: Vec<FrameNumber> = bad.iter().map(|frame| frame.number).collect();
        if !unreadable.is_empty() {
            let text = format!("{} files stayed empty or unfinished and were given up on", unreadable.len());
            self.note(text, cx, out);
        }
        self.frames.take(unreadable.iter().copied(), cx.extend());
        // What came since the first reading turned out to be no frames: what is left is what was left alone before.
        if matches!(firing.reason, FinishReason::Idle(_)) && self.is_left_alone(cx.rules) {
            return;
        }
        if frames.is_empty() || (frames.len() as u64) < cx.rules.min_frames {
            self.rest(Resting::TooFew, cx, out);
            // What came later and belongs to the next batch is not too little yet.
            self.resting = self.resting.filter(|_| firing.late.is_empty());
            return;
        }
        let over = self.written_over(&frames);
        let numbers: Vec<FrameNumber> = frames.iter().map(|frame| frame.number).collect();
        let runs = if unreadable.is_empty() { self.runs(frames, &over, cx) } else { vec![frames] };
        self.frames.take(numbers, cx.extend());
        self.final_frame = self.final_frame.filter(|number| firing.late.contains(number));
        (self.history.forced, self.noted, self.noted_retake) = (false, None, false);
        for frames in runs {
            let missing = self.missing(&frames, &unreadable, cx);
            let batch = Batch {
                dir: Arc::clone(cx.dir),
                pattern: self.pattern.clone(),
                frames,
                missing,
                unreadable: unreadable.clone(),
                rewritten: NumberRanges::default().with(&over),
                reason: firing.reason.clone(),
            };
            out.push(Decision::Seal(match cx.rules.order {
                Order::Number => batch,
                Order::Time => batch.in_order_of_time(),
            }));
        }
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

    /// What is missing among these frames and between them and the unreadable ones, which are missing too.
    fn missing(&self, frames: &[Frame], unreadable: &[FrameNumber], cx: &Context<'_>) -> NumberRanges {
        if !cx.has_gaps(&self.pattern) {
            return NumberRanges::default();
        }
        let mut present: Vec<FrameNumber> = frames.iter().map(|frame| frame.number).collect();
        present.extend_from_slice(unreadable);
        present.sort_unstable();
        NumberRanges::missing_from(present).with(unreadable)
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
            Verdict::Whole => self.seal(&BTreeSet::new(), cx, out),
            Verdict::Unfinished(frames) => {
                let until = firing.hold(&frames, self.history.last_change, cx);
                if until <= cx.now {
                    self.seal(&frames.iter().map(|frame| frame.number).collect(), cx, out);
                } else {
                    firing.state = FiringState::Held { until };
                }
            }
        }
    }
}

impl Firing {
    /// Remembers what an inspection found unfinished, and says until when it is waited for.
    fn hold(&mut self, frames: &[Frame], last_change: Duration, cx: &Context<'_>) -> Duration {
        let before = std::mem::take(&mut self.unfinished);
        let limit = self.since.saturating_add(cx.rules.max_wait);
        let empty_limit = if is_command(&self.reason) { self.since + PATIENCE } else { limit };
        let mut until = self.since;
        for frame in frames {
            let known = before.get(&frame.number).filter(|(identity, _)| *identity == frame.identity);
            let since = known.map_or(last_change, |(_, since)| *since);
            self.unfinished.insert(frame.number, (frame.identity, since));
            let patience = if frame.identity.size == 0 { empty_limit } else { since.saturating_add(PATIENCE) };
            until = until.max(patience.min(limit));
        }
        until
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
