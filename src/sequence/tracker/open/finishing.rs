//! From the rule that fired to the batch.
//!
//! A rule speaks of what the tracker was told, and that may be too little: an event can be late or lost, network shares
//! have none for what other machines write, and a file that is listed may be half written. A batch is frozen for good, and
//! its frames may be deleted after it. So the folder is read once more, and every file looked at, before what is known
//! counts. The answer comes as an event, because reading takes seconds on a slow disk; what changes meanwhile is remembered
//! as `disturbed`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::model::Identity;
use crate::sequence::finish::{FinishReason, MissingFrames};
use crate::sequence::origin::Total;
use crate::sequence::tracker::frames::Frames;
use crate::sequence::tracker::open::placeholders::Placeholders;
use crate::sequence::tracker::open::{Context, LISTING_WAIT, Phase, Sequence, WRITER_TIMEOUT};
use crate::sequence::tracker::{Decision, FrameRun, Held, InspectionResult};
use crate::sequence::{Flaw, Frame, FrameNumber, Pattern};
use crate::text::plural::{agree, counted};

/// How many different reasons one note names.
const MOST_REASONS: usize = 3;

#[derive(Debug)]
pub(super) struct Finishing {
    pub reason: FinishReason,
    pub since: Duration,
    /// The range of numbers when the rule fired. Frames outside that come later belong to the next batch.
    pub range: (FrameNumber, FrameNumber),
    pub late: BTreeSet<FrameNumber>,
    /// Files that an inspection found unfinished, each with the last moment at which it may have changed.
    pub unfinished: BTreeMap<FrameNumber, (Identity, Duration)>,
    pub state: FinishingState,
    /// The frames have other numbers than when it was decided.
    pub is_void: bool,
    /// What it waits for, as of the last look.
    pub wait: Option<Wait>,
}

/// What keeps a batch from being made.
#[derive(Debug, Clone)]
pub(super) struct Wait {
    until: Duration,
    /// The file; `None` where numbers are missing.
    file: Option<Frame>,
    /// How many files more.
    more: usize,
    why: String,
    hint: String,
}

impl Wait {
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
pub(super) enum FinishingState {
    /// Waiting for the result; `disturbed` when a file changed in the meantime.
    Inspecting { disturbed: bool },
    /// Waiting for the moment of the next inspection.
    Held { until: Duration },
}

impl Sequence {
    pub(super) fn begin_finishing(&mut self, reason: FinishReason, cx: &Context<'_>) {
        let (Some(first), Some(mut last)) = (self.frames.first(), self.frames.last()) else { return };
        let mut late = BTreeSet::new();
        if let Some(next) = self.heads.next_run().filter(|_| reason == FinishReason::NextRun) {
            last = next.saturating_sub(1);
            late.extend(self.frames.open_from(next).map(|frame| frame.number));
        }
        self.phase = Phase::Finishing(Box::new(Finishing {
            reason,
            since: cx.now,
            range: (first, last),
            late,
            unfinished: BTreeMap::new(),
            state: FinishingState::Held { until: cx.now },
            is_void: false,
            wait: None,
        }));
    }

    /// Asks for an inspection, unless frames have gone or a gap is to be filled first. The gap comes first, because it
    /// costs nothing to see, and an inspection opens every file.
    pub(super) fn inspect(&mut self, cx: &Context<'_>, out: &mut Vec<Decision>) {
        let weighed_from = self.rest_before().unwrap_or(FrameNumber::MIN);
        let Phase::Finishing(finishing) = &mut self.phase else { return };
        let frames: Vec<Frame> = self.frames.open().filter(|frame| !finishing.late.contains(&frame.number)).collect();
        if frames.is_empty() || self.frames.fresh() == 0 {
            self.phase = Phase::Open;
            return;
        }
        let give_up = finishing.since.saturating_add(cx.rules.max_wait);
        if cx.rules.missing_frames == MissingFrames::Wait && cx.now < give_up && cx.has_gaps(&self.pattern) {
            let missing = self.pattern.missing_from(frames.iter().map(|frame| frame.number));
            if !missing.is_empty() {
                let hint = "write the missing frames; `max_wait` says how long they are waited for".to_owned();
                let why = format!("frames are missing: {missing}");
                return self.wait(Wait { until: give_up, file: None, more: 0, why, hint }, cx, out);
            }
        }
        finishing.state = FinishingState::Inspecting { disturbed: false };
        let weigh = finishing.reason.needs_evidence().then_some(weighed_from);
        let (dir, pattern) = (Arc::clone(cx.dir), self.pattern.clone());
        out.push(Decision::Inspect { dir, pattern, frames, weigh });
    }

    /// Silence does not end a run of which the generator announced more.
    fn wait_for_announced(&self, runs: &[FrameRun], cx: &Context<'_>) -> Option<Wait> {
        let Phase::Finishing(finishing) = &self.phase else { return None };
        let until = finishing.since.saturating_add(cx.rules.max_wait);
        let run = runs.last().filter(|_| matches!(finishing.reason, FinishReason::Idle(_)) && cx.now < until)?;
        let (total, last) = (run.total?, self.frames.last()?);
        let others: BTreeSet<FrameNumber> =
            runs[..runs.len() - 1].iter().flat_map(|run| &run.numbers).copied().collect();
        let from_first = self.frames.open_from(run.numbers.first().copied()?);
        let count = from_first.filter(|frame| !others.contains(&frame.number)).count() as u64;
        if total.is_reached(count, last, self.frames.step().unsigned_abs()) {
            return None;
        }
        let why = match total {
            Total::Frames(all) => {
                let (all, are) = (counted(all.get(), "frame", "frames"), agree(count, "is", "are"));
                format!("its generator announced {all}, and {count} {are} there")
            }
            Total::Range { first, last: end } => {
                format!("its generator announced frames {first} to {end}, and the last one is {last}")
            }
        };
        let hint = "`reeld done` or a marker ends it now; `max_wait` says how long it is waited for".to_owned();
        Some(Wait { until, file: None, more: 0, why, hint })
    }

    /// Says once what is wrong with files that are left out of a batch of `left` frames.
    pub(super) fn note_flaws(
        &mut self,
        flawed: &[(Frame, Flaw)],
        left: usize,
        cx: &Context<'_>,
        out: &mut Vec<Decision>,
    ) {
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
        let which = agree(count as u64, "it", "them");
        let then = if left == 0 {
            format!("no video is made of {which}")
        } else {
            format!("the video is made without {which}")
        };
        let text = format!("{count} of {all} files cannot be read: {}; {then}", files.collect::<Vec<_>>().join("; "));
        self.note(text, Some(hint.clone()), cx, out);
    }

    /// Waits, and says once what for.
    fn wait(&mut self, wait: Wait, cx: &Context<'_>, out: &mut Vec<Decision>) {
        let Phase::Finishing(finishing) = &mut self.phase else { return };
        finishing.state = FinishingState::Held { until: wait.until };
        // A file that is still being written when its marker comes is usual, and no reason to warn; one that stays so is.
        let is_odd = matches!(finishing.reason, FinishReason::Idle(_))
            || wait.until.saturating_sub(finishing.since) > WRITER_TIMEOUT;
        let text = format!("finished, and {}", wait.tell(&self.pattern, cx.now));
        finishing.wait = Some(wait.clone());
        let key = (wait.file.map_or(FrameNumber::MIN, |file| file.number), wait.why);
        if self.noted_wait.as_ref() != Some(&key) {
            self.noted_wait = Some(key);
            self.note(text, is_odd.then_some(wait.hint), cx, out);
        }
    }

    /// The answer to an inspection.
    pub(in crate::sequence::tracker) fn inspected(
        &mut self,
        result: InspectionResult,
        cx: &Context<'_>,
        out: &mut Vec<Decision>,
    ) {
        let Phase::Finishing(finishing) = &mut self.phase else { return };
        let FinishingState::Inspecting { disturbed } = finishing.state else { return };
        let by_silence = matches!(finishing.reason, FinishReason::Idle(_));
        match result {
            // Whatever ended it, the rule is asked again: the file that changed may have been the last number.
            InspectionResult::Changed => {
                self.phase = Phase::Open;
                self.not_before = Some(cx.now + LISTING_WAIT);
            }
            _ if finishing.is_void || disturbed && by_silence => self.phase = Phase::Open,
            // What was said still holds, but about other files than were looked at.
            _ if disturbed => finishing.state = FinishingState::Held { until: cx.now },
            InspectionResult::Looked { flawed, runs } => {
                let siblings = Siblings { frames: &self.frames, placeholders: &self.placeholders };
                let wait = finishing.wait_for(&flawed, self.history.last_change, siblings, cx);
                match wait.or_else(|| self.wait_for_announced(&runs, cx)) {
                    Some(wait) => self.wait(wait, cx, out),
                    None => self.seal(flawed, &runs, cx, out),
                }
            }
        }
    }
}

impl Finishing {
    /// Remembers what an inspection found unfinished, and says what is waited for, and until when; `None` where nothing is.
    ///
    /// A file with some bytes is waited for as long as it may still be written to, counted anew from each change. An empty
    /// one is different: Blender makes it before it renders the frame, which may take hours, and a farm has one for each
    /// machine. It is waited for up to `max_wait`, unless whoever made a marker says that all is there, or its siblings
    /// show that nobody is at it any more.
    fn wait_for(
        &mut self,
        flawed: &[(Frame, Flaw)],
        last_change: Duration,
        siblings: Siblings<'_>,
        cx: &Context<'_>,
    ) -> Option<Wait> {
        let before = std::mem::take(&mut self.unfinished);
        let limit = self.since.saturating_add(cx.rules.max_wait);
        let empty_limit = if is_command(&self.reason) { self.since + WRITER_TIMEOUT } else { limit };
        let mut wait: Option<Wait> = None;
        for (frame, flaw) in flawed.iter().filter(|(_, flaw)| !flaw.lasting) {
            let known = before.get(&frame.number).filter(|(identity, _)| *identity == frame.identity);
            let since = known.map_or(last_change, |(_, since)| *since);
            self.unfinished.insert(frame.number, (frame.identity, since));
            let given_up = if frame.identity.size == 0 {
                let nobodys = siblings.placeholders.nobodys_at(frame, siblings.frames.open());
                nobodys.map_or(empty_limit, |moment| moment.min(empty_limit))
            } else {
                since.saturating_add(WRITER_TIMEOUT)
            };
            let until = given_up.min(limit);
            if until <= cx.now {
                continue;
            }
            let more = wait.as_ref().map_or(0, |wait| wait.more + 1);
            match &mut wait {
                // What is waited for longest is what holds it.
                Some(wait) if wait.until >= until => wait.more = more,
                _ => {
                    let (why, hint) = (flaw.reason.clone(), flaw.hint.clone());
                    wait = Some(Wait { until, file: Some(frame.clone()), more, why, hint });
                }
            }
        }
        wait
    }

    /// Someone says that it is finished, which counts more than the rule that fired. What is waited for is counted from
    /// that moment on: the time of the former rule may be nearly over.
    pub(super) fn force(&mut self, reason: FinishReason, now: Duration) {
        (self.reason, self.since) = (reason, now);
        if let FinishingState::Held { until } = &mut self.state {
            *until = now;
        }
    }
}

pub(super) fn is_command(reason: &FinishReason) -> bool {
    matches!(reason, FinishReason::Marker(_) | FinishReason::Client)
}
