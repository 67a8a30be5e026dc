//! What ends a sequence at a moment: a client, a marker, a number, the generator's word, or silence.
//!
//! Owns the order in which they are asked, and the comparison of a silence with the clock: whether it has lasted long enough.
//! It changes nothing but what a marker wakes.

use std::time::Duration;

use crate::sequence::FrameNumber;
use crate::sequence::finish::{FinishReason, Progress, Rules};
use crate::sequence::name::split_folder;
use crate::sequence::origin::Total;
use crate::sequence::tracker::open::finishing::is_command;
use crate::sequence::tracker::open::{Context, Marker, Phase, Resting, Sequence, WRITER_TIMEOUT};

impl Sequence {
    /// Takes back what was left alone, where it is at least as much as what is open: whoever says that a sequence is
    /// finished knows that these are its frames, even if each was made by another prompt. A few leftovers of before stay out.
    pub(super) fn speaks_for_aside(&mut self, reason: &FinishReason, cx: &Context<'_>) -> bool {
        let is_said = !reason.needs_evidence() && !matches!(reason, FinishReason::Announced(_));
        let (aside, ..) = self.frames.aside().filter(|_| is_said).unwrap_or_default();
        let takes = aside > 0 && aside >= self.frames.open_count();
        if takes {
            self.frames.take_back(cx.extend());
            self.touched = Some(FrameNumber::MIN);
        }
        takes
    }

    /// A marker makes a video of what was left alone as single pictures: whoever makes one knows better. One that has
    /// ended a batch already does not speak again.
    pub(super) fn wake_by_marker(&mut self, cx: &Context<'_>) {
        let only_aside = self.frames.fresh() == 0
            && self.frames.aside().is_some()
            && cx.markers.iter().any(|marker| marker.seen > self.sealed_by);
        if (only_aside || self.resting == Some(Resting::Stills)) && self.marked(cx).is_ok() {
            self.resting = None;
            if only_aside {
                self.frames.take_back(cx.extend());
            }
        }
    }

    /// The rule that ends it now, or else the moment at which time alone would.
    ///
    /// Where several hold at once, the one that says most counts. A client and a marker come first, because they speak for
    /// pictures that look like stills too; then numbers, which are the user's own, before what a generator embedded.
    /// The next run comes before silence, because it says where this one ends: silence would put both into one video.
    pub(super) fn finish_reason(&mut self, cx: &Context<'_>) -> Result<FinishReason, Option<Duration>> {
        if self.history.forced {
            return Ok(FinishReason::Client);
        }
        let by_marker = match self.marked(cx) {
            Ok(reason) => return Ok(reason),
            Err(due) => due,
        };
        if let Some(progress) = self.progress(cx)
            && let Some(reason) = cx.rules.reached(&progress)
        {
            return Ok(reason);
        }
        if let Some(count) = self.announced(cx) {
            return Ok(FinishReason::Announced(count));
        }
        if self.heads.next_run().is_some() {
            return Ok(FinishReason::NextRun);
        }
        let due = self.silence(cx.rules).map(|silence| self.history.last_change.saturating_add(silence));
        if due.is_some_and(|due| cx.now >= due) {
            let quiet = cx.now.saturating_sub(self.history.last_change);
            return Ok(FinishReason::Idle(u64::try_from(quiet.as_millis()).unwrap_or(u64::MAX)));
        }
        Err([by_marker, due].into_iter().flatten().min())
    }

    /// How many frames there are, if these are all that the generator announced.
    fn announced(&mut self, cx: &Context<'_>) -> Option<u64> {
        let total = self.heads.total()?;
        let Progress { first, mut last, solid, step, mut count, .. } = self.progress(cx)?;
        // What is left of an earlier run is not among the frames that were announced.
        if self.frames.is_written_over() {
            last = self.frames.current().last()?.number;
            count = self.frames.current().count() as u64;
        }
        // A farm may begin at the end: without its first number, a range that has no gap is still half of it.
        let begun = match total {
            Total::Frames(_) => true,
            Total::Range { first: stated, .. } => first <= stated,
        };
        let reached = begun && solid >= last && total.is_reached(count, last, step.unsigned_abs());
        reached.then_some(count)
    }

    /// The number that its last frame will have, where that is known before it comes. The counts are of frames in this `step`.
    pub(in crate::sequence::tracker) fn expected_last(&self, rules: &Rules, step: FrameNumber) -> Option<FrameNumber> {
        let of_count = |count: u64| {
            let steps = i64::try_from(count.checked_sub(1)?).ok()?;
            self.frames.first()?.checked_add(steps.checked_mul(step)?)
        };
        let announced = self.heads.total().and_then(|total| match total {
            Total::Frames(count) => of_count(count.get()),
            Total::Range { last, .. } => Some(last),
        });
        // Whichever comes first ends it.
        [rules.last_frame, rules.frame_count.and_then(of_count), announced].into_iter().flatten().min()
    }

    /// The marker that ends it. Which came last is told by the order of events: the clock of whoever writes the frames may
    /// be another one than that of whoever makes the marker. Only of what the first listing of a folder found together
    /// nobody saw the order, and there the times of the files count.
    ///
    /// A marker that was there before the last change counts after a silence, if no frame is newer than it: its frames are
    /// copies with old times, and more of them may be on their way.
    ///
    /// Where folders follow each other, a marker in one of them speaks as long as the last frame is there too: that of
    /// yesterday must not end today's.
    fn marked(&mut self, cx: &Context<'_>) -> Result<FinishReason, Option<Duration>> {
        let quiet_from = self.history.last_change.saturating_add(WRITER_TIMEOUT);
        let mut due = None;
        let in_folders = cx.markers.iter().any(|marker| !marker.within.is_empty());
        let last = self.frames.last().filter(|_| in_folders);
        let last = last.and_then(|last| self.frames.name_of(last, &self.pattern));
        let is_here = |marker: &Marker| {
            marker.within.is_empty()
                || last.as_ref().is_some_and(|last| split_folder(last).0 == marker.within.as_slice())
        };
        let speaks = |marker: &&Marker| marker.scope.speaks_for(&self.pattern.prefix) && is_here(marker);
        for marker in cx.markers.iter().filter(speaks) {
            let is_newest = self.frames.newest() <= marker.identity.mtime_ns;
            let came_last = marker.seen >= self.history.changed_by && (is_newest || !marker.found);
            if came_last || is_newest && cx.now >= quiet_from {
                return Ok(FinishReason::Marker(marker.name.clone()));
            }
            due = due.or(is_newest.then_some(quiet_from));
        }
        Err(due)
    }

    /// The marker that came while a batch that ended otherwise is held, or else the moment at which one will count.
    pub(super) fn forced_by(&mut self, cx: &Context<'_>) -> Result<FinishReason, Option<Duration>> {
        match &self.phase {
            Phase::Finishing(finishing) if !is_command(&finishing.reason) && finishing.late.is_empty() => {
                self.marked(cx)
            }
            _ => Err(None),
        }
    }

    fn progress(&mut self, cx: &Context<'_>) -> Option<Progress> {
        let last = self.frames.last()?;
        let has_gaps = cx.has_gaps(&self.pattern);
        let solid = if has_gaps { self.frames.solid()? } else { last };
        Some(Progress {
            first: self.frames.first()?,
            last,
            solid,
            step: if has_gaps { self.frames.step() } else { 1 },
            count: self.frames.open_count(),
            final_frame: self.final_frame,
            before: self.frames.before(),
        })
    }
}
