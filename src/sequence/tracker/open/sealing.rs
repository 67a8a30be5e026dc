//! From the whole frames of a finished sequence to its batches: which of them are one film, and which are left alone.
//!
//! Owns how runs are kept apart, and what becomes of each. It decides neither that the sequence is finished nor whether its
//! frames are a film; it is told. What is left over from the runs is no film in any case.
//!
//! One sequence may hold several runs, because a generator goes on counting where the files of its last run end (ComfyUI
//! takes the highest number that is there, plus one). Each run is sealed, or left alone, by itself: a video of two runs is
//! wrong, and once its frames are removed, the right ones cannot be made any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::sequence::film;
use crate::sequence::finish::FinishReason;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::generator::MadeBy;
use crate::sequence::order::{FrameOrder, long_stretch};
use crate::sequence::rate::MakersRate;
use crate::sequence::tracker::frames::Age;
use crate::sequence::tracker::open::pauses::Pauses;
use crate::sequence::tracker::open::{Context, Phase, Rest, Resting, Sequence};
use crate::sequence::tracker::{Decision, FrameRun};
use crate::sequence::{Batch, Flaw, Frame, FrameNumber, TakenFor, Unreadable};

/// A rest that is no pause within a run: at least this long, and this many times the usual pause after it. Both, because a
/// minute is nothing to a slow render, and ten pauses are nothing to a generator of ten frames a second.
const LONG_REST: Duration = Duration::from_secs(60);
const LONG_RESTS: u32 = 10;

/// What is left of before such a rest was left alone then, as stills or as too little. The run that came after it must not
/// change that: its verdict is about its own frames.
const LEFTOVER: &str = "single pictures: they were left alone before, and what came after a long rest is another run";

/// Why the frames of a run are left alone that has too few of them.
const TOO_SHORT: &str = "single pictures: they are of another run than what came after them, and too few for a video";

/// Frames of one run, and what they were taken for.
struct Part {
    frames: Vec<Frame>,
    taken_for: Option<(film::FilmVerdict, String)>,
    rate: Option<MakersRate>,
    made_by: Option<MadeBy>,
    /// What comes next may be of this run.
    is_last: bool,
}

impl Sequence {
    pub(super) fn seal(
        &mut self,
        flawed: Vec<(Frame, Flaw)>,
        runs: &[FrameRun],
        cx: &Context<'_>,
        out: &mut Vec<Decision>,
    ) {
        let Phase::Finishing(finishing) = std::mem::replace(&mut self.phase, Phase::Open) else { return };
        let given_up: BTreeSet<FrameNumber> = flawed.iter().map(|(frame, _)| frame.number).collect();
        let in_batch = |frame: &Frame| !finishing.late.contains(&frame.number) && !given_up.contains(&frame.number);
        let frames: Vec<Frame> = self.frames.open().filter(in_batch).collect();
        self.note_flaws(&flawed, frames.len(), cx, out);
        self.frames.take(given_up, cx.extend());
        // What came since the first reading turned out to be no frames: what is left is what was left alone before.
        if matches!(finishing.reason, FinishReason::Idle(_)) && self.is_left_alone(cx.rules) {
            return;
        }
        // Where no file can be read, that was said, and there is no more to it.
        self.noted = self.noted.or(frames.is_empty().then_some(Resting::TooFew));
        let unreadable: Vec<Unreadable> =
            flawed.into_iter().map(|(frame, flaw)| Unreadable { number: frame.number, reason: flaw.reason }).collect();
        let over = self.written_over(&frames);
        let mut has_ended = false;
        for Part { frames, taken_for, rate, made_by, is_last } in self.parts(frames, runs, &over, &unreadable, cx) {
            // What comes next may make more of the last frames than they are now: two frames that are too few may be the
            // first of a run that a slow renderer has only begun. Frames of earlier runs never become more.
            let may_grow = is_last && finishing.reason != FinishReason::NextRun;
            let numbers: Vec<FrameNumber> = frames.iter().map(|frame| frame.number).collect();
            let rests = match &taken_for {
                _ if frames.is_empty() || (frames.len() as u64) < cx.rules.min_frames => Some(Resting::TooFew),
                Some((verdict, why)) if *verdict == film::FilmVerdict::Stills && cx.skips_stills() => {
                    self.stills = Some(why.clone());
                    Some(Resting::Stills)
                }
                _ => None,
            };
            if let Some(why) = rests {
                let count = numbers.len() as u64;
                if !may_grow {
                    // What is left alone for its look has its reason already.
                    self.stills.get_or_insert_with(|| TOO_SHORT.to_owned());
                    self.frames.set_aside(numbers, cx.extend());
                    has_ended = true;
                }
                self.rest(why, count, cx, out);
                // What came later and belongs to the next batch is not too little yet, nor did it come before a rest.
                if !may_grow || !finishing.late.is_empty() {
                    (self.resting, self.rest) = (None, None);
                }
                continue;
            }
            self.frames.take(numbers, cx.extend());
            self.sealed_by = cx.event;
            self.final_frame = self.final_frame.filter(|number| finishing.late.contains(number));
            (self.history.forced, self.noted, self.noted_retake) = (false, None, false);
            (self.noted_flaw, self.noted_wait, self.rest) = (None, None, None);
            has_ended = true;
            let missing = self.missing(&frames, &unreadable, cx);
            let taken_for =
                taken_for.map(|(verdict, why)| TakenFor { surely_film: verdict == film::FilmVerdict::Film, why });
            let batch = Batch {
                dir: Arc::clone(cx.dir),
                pattern: self.pattern.clone(),
                frames,
                missing,
                unreadable: unreadable.clone(),
                rewritten: NumberRanges::default().with(&over),
                previews: Vec::new(),
                reason: finishing.reason.clone(),
                taken_for,
                makers_rate: rate,
                made_by,
            };
            out.push(Decision::Seal(match cx.rules.order {
                FrameOrder::Number => batch,
                FrameOrder::Time => batch.in_order_of_time(),
            }));
        }
        if has_ended {
            self.history.pauses = self.pauses_of_next_run();
        }
        self.heads.conclude(&self.frames);
    }

    /// What is known of the pauses between the frames that are left when a run has ended, be it in a video or as single
    /// pictures. Nothing is left of a run, and it knows no pauses, where silence has ended all of it.
    fn pauses_of_next_run(&self) -> Pauses {
        let Some(first) = self.frames.first() else { return Pauses::default() };
        self.history.pauses.of_next_run(|number| number > first && self.frames.is_open(number))
    }

    /// The frames by the runs that they are of. What was left of before a rest is no part of a run that is far quicker.
    fn parts(
        &self,
        frames: Vec<Frame>,
        runs: &[FrameRun],
        over: &[FrameNumber],
        unreadable: &[Unreadable],
        cx: &Context<'_>,
    ) -> Vec<Part> {
        let run_of: BTreeMap<FrameNumber, usize> =
            (0..).zip(runs).flat_map(|(at, run)| run.numbers.iter().map(move |number| (*number, at))).collect();
        let mut of_runs: Vec<Vec<Frame>> = runs.iter().map(|_| Vec::new()).collect();
        let mut others = Vec::new();
        for frame in frames {
            match run_of.get(&frame.number) {
                Some(at) => of_runs[*at].push(frame),
                None => others.push(frame),
            }
        }
        // What was not weighed is of the same sequence as what was.
        let leftover = |frames| Part {
            frames,
            taken_for: Some((film::FilmVerdict::Stills, LEFTOVER.to_owned())),
            rate: runs.last().and_then(|run| run.rate.clone()),
            made_by: runs.last().and_then(|run| run.made_by.clone()),
            is_last: false,
        };
        let mut parts = Vec::new();
        if runs.is_empty() {
            parts.push(Part { frames: others, taken_for: None, rate: None, made_by: None, is_last: true });
        } else if !others.is_empty() {
            // They were not weighed.
            parts.push(leftover(others));
        }
        let begins = runs.last().and_then(|run| run.numbers.first());
        let is_one = runs.len() == 1 && unreadable.is_empty();
        for (run, frames) in runs.iter().zip(of_runs) {
            let taken_for = run.judgement.as_ref().map(|judgement| (judgement.verdict, judgement.to_string()));
            let is_last = run.numbers.last() >= begins;
            let is_leftover =
                |frame: &Frame| taken_for.is_some() && self.rest_before().is_some_and(|next| frame.number < next);
            let (before, frames): (Vec<Frame>, Vec<Frame>) = frames.into_iter().partition(is_leftover);
            if frames.is_empty() {
                parts.push(Part {
                    frames: before,
                    taken_for,
                    rate: run.rate.clone(),
                    made_by: run.made_by.clone(),
                    is_last,
                });
                continue;
            }
            parts.extend((!before.is_empty()).then(|| leftover(before)));
            let split = if is_one { self.runs(frames, over, cx) } else { vec![frames] };
            let count = split.len();
            parts.extend((1..).zip(split).map(|(at, frames)| Part {
                frames,
                taken_for: taken_for.clone(),
                rate: run.rate.clone(),
                made_by: run.made_by.clone(),
                is_last: is_last && at == count,
            }));
        }
        parts
    }

    /// The first number of a run that came after a rest which was far longer than its pauses.
    pub(super) fn rest_before(&self) -> Option<FrameNumber> {
        let Rest { next, pause, .. } = self.rest?;
        let usual = self.usual_pause();
        (pause >= LONG_REST && pause >= usual.saturating_mul(LONG_RESTS)).then_some(next).flatten()
    }

    /// The numbers that a second run wrote over, unless nothing is left of the first one.
    fn written_over(&self, frames: &[Frame]) -> Vec<FrameNumber> {
        let of = |age: Age| frames.iter().map(|f| f.number).filter(move |number| self.frames.age(*number) == Some(age));
        if of(Age::Old).next().is_none() { Vec::new() } else { of(Age::WrittenOver).collect() }
    }

    /// Where a second run began again at the first frame and has written over a long stretch, what is left of the first
    /// run, and the second one. In all other cases it is not plain which frame is of which run, and they stay together: the
    /// batch then says that frames were written over, which is an anomaly, so that its frames stay.
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
}
