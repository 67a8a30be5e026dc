//! One sequence, from its first frame to its batches.
//!
//! `Open` until a rule ends it; then `Firing`: its files are inspected, perhaps several times, until they are whole or
//! given up on; then the batch is sealed, its frames are taken, and the sequence is open for what comes later.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::sequence::finish::{Continuation, FinishReason, MarkerScope, Progress, Rules};
use crate::sequence::gaps::Spacing;
use crate::sequence::tracker::Decision;
use crate::sequence::tracker::frames::{Frames, Put};
use crate::sequence::tracker::open::firing::{Firing, FiringState, is_command};
use crate::sequence::{Frame, FrameNumber, Identity, Pattern};

mod firing;

/// How long an unfinished file must stay as it is before it is given up on; also how long empty ones hold a batch that a
/// marker or a client ended, and how quiet a sequence must be before a marker that was there first ends it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a sequence waits for the listing that a changed file announced.
const LISTING_WAIT: Duration = Duration::from_secs(2);

/// What a sequence is judged by, at one moment.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub dir: &'a Arc<Path>,
    pub rules: &'a Rules,
    /// The markers of the folder, and the bare ones beside a `batch_NNNN` folder.
    pub markers: &'a [Marker],
    pub now: Duration,
    /// Counts the events.
    pub event: u64,
}

impl Context<'_> {
    pub(super) fn extend(&self) -> bool {
        self.rules.continuation == Continuation::Extend
    }
}

/// A marker file.
#[derive(Debug, Clone)]
pub(super) struct Marker {
    pub name: bstr::BString,
    pub scope: MarkerScope,
    pub identity: Identity,
    /// The event that brought it, or changed it.
    pub seen: u64,
}

/// One sequence of a folder.
#[derive(Debug)]
pub(super) struct Sequence {
    pub pattern: Pattern,
    pub family: Arc<[u8]>,
    pub frames: Frames,
    pub history: History,
    /// When the next thing happens to it by time alone.
    pub due: Option<Duration>,
    /// The highest new number whose name matches `final_frame`.
    pub final_frame: Option<FrameNumber>,
    /// The lowest number that is other than when anyone was last told; all where the frames are another set.
    pub touched: Option<FrameNumber>,
    phase: Phase,
    /// Nothing happens before this moment, unless a listing comes.
    not_before: Option<Duration>,
    /// A rule fired, but there are too few frames; only a change wakes it.
    resting: bool,
    noted_small: bool,
    noted_retake: bool,
}

/// What is known of a sequence's past.
#[derive(Debug, Clone, Copy)]
pub(super) struct History {
    /// When any member changed last, and by which event.
    pub last_change: Duration,
    changed_by: u64,
    longest_pause: Duration,
    /// A client said that it is finished.
    forced: bool,
}

#[derive(Debug)]
enum Phase {
    Open,
    Firing(Box<Firing>),
}

impl Sequence {
    pub(super) fn new(pattern: Pattern, family: Arc<[u8]>, cx: &Context<'_>) -> Self {
        Self {
            pattern,
            family,
            frames: Frames::default(),
            history: History {
                last_change: cx.now,
                changed_by: cx.event,
                longest_pause: Duration::ZERO,
                forced: false,
            },
            due: None,
            final_frame: None,
            touched: None,
            phase: Phase::Open,
            not_before: None,
            resting: false,
            noted_small: false,
            noted_retake: false,
        }
    }

    /// Takes over the past of the sequences that its frames were in before the names of its folder were grouped anew.
    pub(super) fn inherit<'a>(&mut self, parents: impl Iterator<Item = &'a History>) {
        let merged = parents.copied().reduce(|a, b| History {
            last_change: a.last_change.max(b.last_change),
            changed_by: a.changed_by.max(b.changed_by),
            longest_pause: a.longest_pause.max(b.longest_pause),
            forced: a.forced || b.forced,
        });
        self.history = merged.unwrap_or(self.history);
    }

    /// Learns of a file of its own.
    pub(super) fn put(
        &mut self,
        frame: Frame,
        claimed: bool,
        is_final: bool,
        cx: &Context<'_>,
        out: &mut Vec<Decision>,
    ) -> Put {
        let was_open = self.frames.fresh() > 0;
        let number = frame.number;
        let put = self.frames.put(frame, claimed, cx.extend());
        if put == Put::Same {
            return put;
        }
        if is_final {
            self.final_frame = self.final_frame.max(Some(number));
        }
        if was_open {
            self.history.longest_pause =
                self.history.longest_pause.max(cx.now.saturating_sub(self.history.last_change));
        }
        if put == Put::Retaken && !self.noted_retake {
            self.noted_retake = true;
            self.note(format!("frame {number} was written again after its batch: a new take"), cx, out);
        }
        self.touch(number, put != Put::Changed, cx);
        put
    }

    /// Learns that a file is gone. Whether it was a frame.
    pub(super) fn remove(&mut self, number: FrameNumber, cx: &Context<'_>) -> bool {
        let removed = self.frames.remove(number, cx.extend());
        if removed == Some(true) {
            self.touch(number, false, cx);
            if self.final_frame == Some(number) {
                self.final_frame = None;
            }
        }
        removed.is_some()
    }

    /// A client says that it is finished.
    pub(super) fn force(&mut self, cx: &Context<'_>) {
        if self.frames.fresh() == 0 {
            return;
        }
        self.history.forced = true;
        self.resting = false;
        if let Phase::Firing(firing) = &mut self.phase {
            firing.insist(FinishReason::Client, cx.now);
        }
    }

    /// The listing came that it waited for.
    pub(super) fn listed(&mut self) {
        self.not_before = None;
    }

    /// Takes up the pace of frames that were there before anyone watched: the median time between two of them, so that
    /// neither a slow renderer nor one frame that was mended a day later misleads the automatic timeout.
    pub(super) fn learn_pace(&mut self) {
        let mut times: Vec<i64> = self.frames.all().map(|(frame, _)| frame.identity.mtime_ns).collect();
        times.sort_unstable();
        let mut pauses: Vec<u64> = times.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
        pauses.sort_unstable();
        if let Some(median) = pauses.get(pauses.len() / 2) {
            self.history.longest_pause = self.history.longest_pause.max(Duration::from_nanos(*median));
        }
    }

    /// How long it must be quiet to be finished by that.
    pub(super) fn silence(&self, rules: &Rules) -> Option<Duration> {
        rules.idle_timeout.after(self.history.longest_pause)
    }

    /// The longest time between two of its changes so far.
    pub(super) fn longest_pause(&self) -> Duration {
        self.history.longest_pause
    }

    /// How far apart its numbers are.
    pub(super) fn spacing(&self) -> Spacing {
        if self.pattern.has_gaps() { Spacing::Every(self.frames.step()) } else { Spacing::Free }
    }

    /// Whether it must be kept although it has no frames: an answer is on its way.
    pub(super) fn is_awaiting(&self) -> bool {
        matches!(&self.phase, Phase::Firing(firing) if matches!(firing.state, FiringState::Inspecting { .. }))
    }

    /// What goes on, for people.
    pub(super) fn state(&self) -> &'static str {
        match &self.phase {
            Phase::Firing(firing) if matches!(firing.state, FiringState::Inspecting { .. }) => "inspecting",
            Phase::Firing(_) => "held",
            Phase::Open if self.resting => "too few frames",
            Phase::Open => "open",
        }
    }

    /// Its frames are another set than before, for a reason that has nothing to do with its files.
    pub(super) fn regrouped(&mut self) {
        self.touched = Some(FrameNumber::MIN);
        match &mut self.phase {
            Phase::Firing(firing) => match &mut firing.state {
                FiringState::Inspecting { disturbed } => *disturbed = true,
                FiringState::Held { .. } => self.phase = Phase::Open,
            },
            Phase::Open => self.resting = false,
        }
    }

    /// Something changed at `number`.
    pub(super) fn touch(&mut self, number: FrameNumber, is_new: bool, cx: &Context<'_>) {
        self.history.last_change = cx.now;
        self.history.changed_by = cx.event;
        self.touched = Some(self.touched.map_or(number, |lowest| lowest.min(number)));
        self.resting = false;
        let still_open = self.frames.is_open(number);
        let Phase::Firing(firing) = &mut self.phase else { return };
        let by_silence = matches!(firing.reason, FinishReason::Idle(_));
        let (first, last) = firing.range;
        if !by_silence {
            if !still_open && firing.late.remove(&number) || firing.late.contains(&number) {
                return;
            }
            if is_new && !(first..=last).contains(&number) {
                firing.late.insert(number);
                return;
            }
        }
        firing.unfinished.remove(&number);
        match &mut firing.state {
            FiringState::Inspecting { disturbed } => *disturbed = true,
            FiringState::Held { until } if !by_silence => *until = cx.now,
            FiringState::Held { .. } => self.phase = Phase::Open,
        }
    }

    /// Whether a rule ends it now that it is open.
    pub(super) fn about_to_fire(&mut self, cx: &Context<'_>) -> bool {
        matches!(self.phase, Phase::Open) && self.may_fire(cx) && self.fired(cx).is_ok()
    }

    fn may_fire(&self, cx: &Context<'_>) -> bool {
        !self.resting && self.frames.fresh() > 0 && self.not_before.is_none_or(|moment| cx.now >= moment)
    }

    /// Goes as far as it can at this moment.
    pub(super) fn step(&mut self, cx: &Context<'_>, out: &mut Vec<Decision>) {
        self.due = loop {
            match &self.phase {
                Phase::Open if !self.may_fire(cx) => {
                    self.history.forced &= self.frames.fresh() > 0;
                    break self
                        .not_before
                        .filter(|moment| !self.resting && *moment > cx.now && self.frames.fresh() > 0);
                }
                Phase::Open => match self.fired(cx) {
                    Ok(_) if self.frames.open_count() < cx.rules.min_frames => self.rest(cx, out),
                    Ok(reason) => self.fire(reason, cx),
                    Err(due) => break due,
                },
                Phase::Firing(firing) => match firing.state {
                    FiringState::Inspecting { .. } => break None,
                    FiringState::Held { until } if cx.now < until => {
                        let reason = match self.insisted(cx) {
                            Ok(reason) => reason,
                            Err(due) => break [Some(until), due].into_iter().flatten().min(),
                        };
                        if let Phase::Firing(firing) = &mut self.phase {
                            firing.insist(reason, cx.now);
                        }
                    }
                    FiringState::Held { .. } => self.inspect(cx, out),
                },
            }
        };
    }

    /// The rule that ends it now, or else the moment at which time alone would.
    fn fired(&mut self, cx: &Context<'_>) -> Result<FinishReason, Option<Duration>> {
        if self.history.forced {
            return Ok(FinishReason::Client);
        }
        let by_marker = match self.marked(cx) {
            Ok(reason) => return Ok(reason),
            Err(due) => due,
        };
        if let Some(progress) = self.progress()
            && let Some(reason) = cx.rules.reached(&progress)
        {
            return Ok(reason);
        }
        let due = self.silence(cx.rules).map(|silence| self.history.last_change.saturating_add(silence));
        if due.is_some_and(|due| cx.now >= due) {
            let quiet = cx.now.saturating_sub(self.history.last_change);
            return Ok(FinishReason::Idle(u64::try_from(quiet.as_millis()).unwrap_or(u64::MAX)));
        }
        Err([by_marker, due].into_iter().flatten().min())
    }

    /// The marker that ends it. One that was there before the last change counts only after a silence: its frames are
    /// copies with old times, and more of them may be on their way.
    fn marked(&mut self, cx: &Context<'_>) -> Result<FinishReason, Option<Duration>> {
        let settled = self.history.last_change.saturating_add(PATIENCE);
        let mut due = None;
        for marker in cx.markers {
            if !marker.scope.speaks_for(&self.pattern.prefix) || self.frames.newest() > marker.identity.mtime_ns {
                continue;
            }
            if marker.seen >= self.history.changed_by || cx.now >= settled {
                return Ok(FinishReason::Marker(marker.name.clone()));
            }
            due = Some(settled);
        }
        Err(due)
    }

    /// The marker that came while a batch that ended otherwise is held, or else the moment at which one will count.
    fn insisted(&mut self, cx: &Context<'_>) -> Result<FinishReason, Option<Duration>> {
        match &self.phase {
            Phase::Firing(firing) if !is_command(&firing.reason) && firing.late.is_empty() => self.marked(cx),
            _ => Err(None),
        }
    }

    fn progress(&mut self) -> Option<Progress> {
        let last = self.frames.last()?;
        let solid = if self.pattern.has_gaps() { self.frames.solid()? } else { last };
        Some(Progress {
            first: self.frames.first()?,
            last,
            solid,
            step: self.frames.step(),
            count: self.frames.open_count(),
            final_frame: self.final_frame,
            before: self.frames.before(),
        })
    }

    fn rest(&mut self, cx: &Context<'_>, out: &mut Vec<Decision>) {
        (self.resting, self.history.forced) = (true, false);
        if !self.noted_small {
            self.noted_small = true;
            let (count, least) = (self.frames.open_count(), cx.rules.min_frames);
            self.note(format!("finished with {count} frames, but at least {least} make a video: left alone"), cx, out);
        }
    }

    fn note(&self, text: String, cx: &Context<'_>, out: &mut Vec<Decision>) {
        out.push(Decision::Note { dir: Arc::clone(cx.dir), pattern: self.pattern.clone(), text });
    }
}
