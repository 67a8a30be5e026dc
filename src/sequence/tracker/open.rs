//! One sequence, from its first frame to its batches.
//!
//! `Open` until a rule ends it; then `Finishing`: its files are inspected, perhaps several times, until they are whole or
//! given up on; then the batch is sealed, its frames are taken, and the sequence is open for what comes later.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Identity;
use crate::sequence::finish::{Continuation, Existing, FinishReason, MarkerScope, MissingFrames, Rules, Stills};
use crate::sequence::gaps::Spacing;
use crate::sequence::generator::MadeBy;
use crate::sequence::group::LooksLike;
use crate::sequence::order::FrameOrder;
use crate::sequence::origin::Origin;
use crate::sequence::tracker::frames::{Arrival, Frames, Put};
use crate::sequence::tracker::open::finishing::{Finishing, FinishingState};
use crate::sequence::tracker::open::heads::Heads;
use crate::sequence::tracker::open::pauses::Pauses;
use crate::sequence::tracker::open::placeholders::{Placeholders, usual_pause};
use crate::sequence::tracker::{Decision, Held, Stage};
use crate::sequence::{Frame, FrameNumber, Pattern};
use crate::text::plural::counted;

mod ends;
mod finishing;
mod heads;
mod pauses;
mod placeholders;
mod sealing;

/// How long an unfinished file must stay as it is before it is given up on; also how long empty ones hold a batch that a
/// marker or a client ended, and how quiet a sequence must be before a marker that was there first ends it.
///
/// All three ask whether somebody is still at work: a writer that lives writes again within that time, and one that was
/// killed never does. Nobody can be asked, because the writer is often on another machine.
const WRITER_TIMEOUT: Duration = Duration::from_secs(30);

/// What to do about single pictures that are a film after all.
const STILLS_HINT: &str =
    "`reeld encode`, a marker or `reeld done` makes a video of them; `stills = \"encode\"` does so for all";

/// How long a sequence waits for the listing that a changed file announced.
///
/// An inspection that finds another file than the listed one does not know which of the two counts, since only listings
/// tell the tracker what is there. To ask again at once would compare with the same old listing, find the same difference,
/// and go on like that as fast as the disk allows. The listing usually comes first: changes gather for a second. The limit
/// is for a listing that fails, as on a root that went away, and asks again.
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

    /// Whether what looks like single pictures is left alone. Whoever has gaps filled by the frame before says that a few
    /// frames far apart are a film.
    pub(super) fn skips_stills(&self) -> bool {
        self.rules.stills == Stills::Skip && self.rules.missing_frames != MissingFrames::Hold
    }

    /// Whether a number that is left out is a missing frame.
    pub(super) fn has_gaps(&self, pattern: &Pattern) -> bool {
        pattern.has_gaps() && self.rules.order == FrameOrder::Number
    }
}

/// A marker file.
#[derive(Debug, Clone)]
pub(super) struct Marker {
    pub name: bstr::BString,
    /// The folder that it is in, where that is one of several that follow each other: empty, or a path with a slash.
    pub within: bstr::BString,
    pub scope: MarkerScope,
    pub identity: Identity,
    /// The event that brought it, or changed it.
    pub seen: u64,
    /// It was there when its folder was read for the first time.
    pub found: bool,
}

/// One sequence of a folder.
#[derive(Debug)]
pub(super) struct Sequence {
    pub pattern: Pattern,
    pub shape: Arc<[u8]>,
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
    /// A rule fired, but no video is made; only a change wakes it.
    resting: Option<Resting>,
    /// Why it rested last, as far as that was told.
    noted: Option<Resting>,
    noted_retake: bool,
    /// What was last said of files that cannot be read, so that a flood of them is one line.
    noted_flaw: Option<String>,
    /// What a batch was last said to wait for.
    noted_wait: Option<(FrameNumber, String)>,
    placeholders: Placeholders,
    heads: Heads,
    /// What frames after a rest would be added to, and how long the rest was.
    rest: Option<Rest>,
    /// Why single pictures of it are left alone.
    stills: Option<String>,
    /// The event by which its last batch was sealed.
    sealed_by: u64,
    /// Nobody said which of its digits count: its names were read by what they look like.
    pub guessed: bool,
}

/// Why a finished sequence is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resting {
    TooFew,
    LooksLike(LooksLike),
    Stills,
}

/// A time in which a sequence was taken for finished, and too little for a video.
#[derive(Debug, Clone, Copy)]
struct Rest {
    /// The first number that came after it; none has come while it lasts.
    next: Option<FrameNumber>,
    /// The last number before it.
    last: FrameNumber,
    /// How long it was.
    pause: Duration,
}

/// What is known of a sequence's past.
#[derive(Debug, Clone, Copy)]
pub(super) struct History {
    /// When any member changed last, and by which event.
    pub last_change: Duration,
    changed_by: u64,
    pauses: Pauses,
    /// A client said that it is finished.
    forced: bool,
}

#[derive(Debug)]
enum Phase {
    Open,
    Finishing(Box<Finishing>),
}

impl Sequence {
    pub(super) fn new(pattern: Pattern, shape: Arc<[u8]>, cx: &Context<'_>) -> Self {
        Self {
            pattern,
            shape,
            frames: Frames::default(),
            history: History { last_change: cx.now, changed_by: cx.event, pauses: Pauses::default(), forced: false },
            due: None,
            final_frame: None,
            touched: None,
            phase: Phase::Open,
            not_before: None,
            resting: None,
            noted: None,
            noted_retake: false,
            heads: Heads::default(),
            rest: None,
            stills: None,
            sealed_by: 0,
            guessed: true,
            noted_flaw: None,
            noted_wait: None,
            placeholders: Placeholders::default(),
        }
    }

    /// Takes over the past of the sequences that its frames were in before the names of its folder were grouped anew.
    pub(super) fn inherit<'a>(&mut self, parents: impl Iterator<Item = &'a History>) {
        let merged = parents.copied().reduce(|a, b| History {
            last_change: a.last_change.max(b.last_change),
            changed_by: a.changed_by.max(b.changed_by),
            pauses: a.pauses.richer(b.pauses),
            forced: a.forced || b.forced,
        });
        self.history = merged.unwrap_or(self.history);
    }

    /// Learns of a file of its own.
    pub(super) fn put(
        &mut self,
        frame: Frame,
        arrival: Arrival,
        is_final: bool,
        cx: &Context<'_>,
        out: &mut Vec<Decision>,
    ) -> Put {
        // The time since old files were written is no pause between two frames.
        let was_open = self.frames.fresh() > 0 && !self.frames.is_existing();
        let was_over = self.frames.is_written_over();
        let (number, identity) = (frame.number, frame.identity);
        let put = self.frames.put(frame, arrival, cx.extend());
        if put == Put::Same {
            return if self.is_held_up_by(number, cx) { Put::Waited } else { put };
        }
        self.placeholders.put(number, identity, cx.now);
        if is_final {
            self.final_frame = self.final_frame.max(Some(number));
        }
        if was_open {
            let pause = cx.now.saturating_sub(self.history.last_change);
            self.history.pauses.add(number, pause);
            if let Some(rest) = self.rest.as_mut().filter(|rest| rest.next.is_none() && number > rest.last) {
                (rest.next, rest.pause) = (Some(number), pause);
            }
        }
        if put == Put::Retaken && !self.noted_retake {
            self.noted_retake = true;
            self.note(format!("frame {number} was written again after its batch: a new run"), None, cx, out);
        }
        if put == Put::WrittenOver && !was_over && self.frames.has_old() {
            self.note(format!("frame {number} was written over while its sequence is open"), None, cx, out);
        }
        self.touch(number, !matches!(put, Put::Changed | Put::WrittenOver), cx);
        put
    }

    /// Whether the sequence waits for a file that is the same as before, which something was done to all the same: it may
    /// have got its rights, so that it is looked at again at once.
    fn is_held_up_by(&mut self, number: FrameNumber, cx: &Context<'_>) -> bool {
        let Phase::Finishing(finishing) = &mut self.phase else { return false };
        let FinishingState::Held { until } = &mut finishing.state else { return false };
        let waited = finishing.unfinished.get(&number).is_some_and(|(identity, _)| identity.size > 0);
        if waited {
            *until = cx.now;
        }
        waited
    }

    /// Learns that a file is gone. Whether it was a frame.
    pub(super) fn remove(&mut self, number: FrameNumber, cx: &Context<'_>) -> bool {
        let removed = self.frames.remove(number, cx.extend());
        self.placeholders.remove(number);
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
        // Whoever says so knows that they are a film.
        if self.frames.fresh() == 0 {
            self.frames.take_back(cx.extend());
            self.regrouped();
        }
        if self.frames.fresh() == 0 {
            return;
        }
        self.history.forced = true;
        self.resting = None;
        if let Phase::Finishing(finishing) = &mut self.phase {
            finishing.force(FinishReason::Client, cx.now);
        }
    }

    /// The listing came that it waited for.
    pub(super) fn listed(&mut self) {
        self.not_before = None;
    }

    /// Takes up the pace of frames that were there before anyone watched: the median time between two of them, so that
    /// neither a slow renderer nor one frame that was mended a day later misleads the automatic timeout.
    pub(super) fn learn_pace(&mut self) {
        let times: Vec<i64> = self.frames.all().map(|(frame, _)| frame.identity.mtime_ns).collect();
        self.placeholders.found_with(times.iter().copied().max().unwrap_or(i64::MIN));
        let is_usual = times.len() > 2;
        if let Some(pause) = usual_pause(times) {
            self.history.pauses.add(FrameNumber::MIN, pause);
            // Once more because it is the usual one. The pause between two files may be any: two that came one after the
            // other make a sequence as well, and the first one may be left over from yesterday.
            if is_usual {
                self.history.pauses.add(FrameNumber::MIN, pause);
            }
        }
    }

    /// Whether it is left alone: its files were there before anyone watched, nothing came since, and no rule but silence
    /// could end it.
    pub(super) fn is_left_alone(&self, rules: &Rules) -> bool {
        rules.existing == Existing::Skip && self.frames.is_existing() && !self.history.forced && !self.is_finishing()
    }

    /// Whether nothing happens to it before its files change.
    pub(super) fn is_quiet(&self, rules: &Rules) -> bool {
        self.frames.are_existing() && self.is_left_alone(rules)
    }

    fn is_finishing(&self) -> bool {
        matches!(self.phase, Phase::Finishing(_))
    }

    /// How long it must be quiet to be finished by that.
    pub(super) fn silence(&self, rules: &Rules) -> Option<Duration> {
        if rules.existing == Existing::Skip && self.frames.is_existing() {
            return None;
        }
        rules.idle_timeout.after(self.history.pauses.usual())
    }

    /// The usual time between two of its changes.
    pub(super) fn usual_pause(&self) -> Duration {
        self.history.pauses.usual()
    }

    /// Learns what generators embedded in its frames.
    pub(super) fn learn_heads(&mut self, heads: &[(Frame, Origin)]) {
        self.heads.put(heads, &self.frames);
    }

    /// Who makes the frames, as far as is known.
    pub(super) fn made_by(&self, dir: &Path, rules: &Rules) -> Option<MadeBy> {
        let name = self.frames.name_of(self.frames.last()?, &self.pattern)?;
        Some(MadeBy::of(rules.generator, self.heads.origins(), false, dir, &name))
    }

    /// The first number that is of another run than those before it.
    pub(super) fn next_run(&self) -> Option<FrameNumber> {
        self.heads.next_run()
    }

    /// Why single pictures of it are left alone.
    pub(super) fn stills(&self) -> Option<&str> {
        self.stills.as_deref()
    }

    /// How far apart its numbers are.
    pub(super) fn spacing(&self) -> Spacing {
        if self.pattern.has_gaps() { Spacing::Every(self.frames.step()) } else { Spacing::Free }
    }

    /// Why silence, markers and numbers make no video of it.
    pub(super) fn looks_like(&self) -> Option<LooksLike> {
        if !self.guessed {
            return None;
        }
        let count = usize::try_from(self.frames.open_count()).unwrap_or(usize::MAX);
        self.pattern.looks_like(self.frames.first()?, self.frames.last()?, count)
    }

    /// Whether it must be kept although it has no frames: an answer is on its way.
    pub(super) fn is_awaiting(&self) -> bool {
        matches!(&self.phase, Phase::Finishing(finishing) if matches!(finishing.state, FinishingState::Inspecting { .. }))
    }

    /// What goes on, for people.
    pub(super) fn stage(&self, rules: &Rules) -> Stage {
        match &self.phase {
            Phase::Finishing(finishing) if matches!(finishing.state, FinishingState::Inspecting { .. }) => {
                Stage::Inspecting
            }
            Phase::Finishing(_) => Stage::Held,
            Phase::Open if self.is_left_alone(rules) => Stage::Existing,
            Phase::Open => match self.resting {
                Some(Resting::TooFew) => Stage::TooFew,
                Some(Resting::LooksLike(_)) => Stage::LooksLikeNoFrames,
                Some(Resting::Stills) => Stage::Stills,
                None if self.frames.open_count() == 0 && self.frames.aside().is_some() => Stage::Stills,
                None => Stage::Open,
            },
        }
    }

    /// What its batch waits for, if it does.
    pub(super) fn held(&self, now: Duration) -> Option<Held> {
        match &self.phase {
            Phase::Finishing(finishing) => finishing.wait.as_ref().map(|wait| wait.tell(&self.pattern, now)),
            Phase::Open => None,
        }
    }

    /// Its frames are another set than before, for a reason that has nothing to do with its files.
    pub(super) fn regrouped(&mut self) {
        self.touched = Some(FrameNumber::MIN);
        self.heads.conclude(&self.frames);
        match &mut self.phase {
            Phase::Finishing(finishing) => match &mut finishing.state {
                FinishingState::Inspecting { disturbed } => *disturbed = true,
                FinishingState::Held { .. } => self.phase = Phase::Open,
            },
            Phase::Open => self.resting = None,
        }
    }

    /// The same sequence as `anew`, which knows nothing yet: it has other numbers now, and whatever was concluded from the
    /// former ones is void. Only an answer that is on its way is still waited for, and then forgotten: answers name their
    /// sequence by its pattern, so that one about the former numbers would be taken for one about these.
    pub(super) fn renumbered(mut self, anew: Self) -> Self {
        match &mut self.phase {
            Phase::Finishing(finishing) if matches!(finishing.state, FinishingState::Inspecting { .. }) => {
                finishing.is_void = true;
            }
            _ => self.phase = Phase::Open,
        }
        Self { phase: self.phase, ..anew }
    }

    /// Something changed at `number`.
    ///
    /// What that means for a sequence that is being inspected or held depends on what ended it. After a silence, any change
    /// shows that the silence was not the end: everything begins anew. After a marker, a number or a client, what was there
    /// at that moment is the batch. A new frame outside its range is of the next batch, or the frames of a second run
    /// that begins at once would be added to the first one; a change within it only has the files inspected again.
    pub(super) fn touch(&mut self, number: FrameNumber, is_new: bool, cx: &Context<'_>) {
        self.history.last_change = cx.now;
        self.history.changed_by = cx.event;
        self.touched = Some(self.touched.map_or(number, |lowest| lowest.min(number)));
        self.resting = None;
        let still_open = self.frames.is_open(number);
        // Only where something was concluded: it costs a look at every open frame.
        if self.heads.next_run().is_some() || self.heads.total().is_some() {
            self.heads.conclude(&self.frames);
        }
        let Phase::Finishing(finishing) = &mut self.phase else { return };
        let by_silence = matches!(finishing.reason, FinishReason::Idle(_));
        let (first, last) = finishing.range;
        if !by_silence {
            if !still_open && finishing.late.remove(&number) || finishing.late.contains(&number) {
                return;
            }
            if is_new && !(first..=last).contains(&number) {
                finishing.late.insert(number);
                return;
            }
        }
        finishing.unfinished.remove(&number);
        match &mut finishing.state {
            FinishingState::Inspecting { disturbed } => *disturbed = true,
            FinishingState::Held { until } if !by_silence => *until = cx.now,
            FinishingState::Held { .. } => self.phase = Phase::Open,
        }
    }

    /// Whether a rule ends it now that it is open.
    pub(super) fn about_to_finish(&mut self, cx: &Context<'_>) -> bool {
        matches!(self.phase, Phase::Open) && self.may_finish(cx) && self.finish_reason(cx).is_ok()
    }

    fn may_finish(&self, cx: &Context<'_>) -> bool {
        self.resting.is_none() && self.frames.fresh() > 0 && self.not_before.is_none_or(|moment| cx.now >= moment)
    }

    /// Goes as far as it can at this moment.
    pub(super) fn step(&mut self, cx: &Context<'_>, out: &mut Vec<Decision>) {
        self.wake_by_marker(cx);
        self.due = loop {
            match &self.phase {
                Phase::Open if !self.may_finish(cx) => {
                    self.history.forced &= self.frames.fresh() > 0;
                    break self
                        .not_before
                        .filter(|moment| self.resting.is_none() && *moment > cx.now && self.frames.fresh() > 0);
                }
                Phase::Open => match self.finish_reason(cx) {
                    Ok(reason) if self.speaks_for_aside(&reason, cx) => {}
                    // Before the count of frames: that `pattern` has them made is of more use than that they are few.
                    Ok(_) if self.looks_like().is_some() => {
                        let resting = self.looks_like().map_or(Resting::TooFew, Resting::LooksLike);
                        self.rest(resting, self.frames.open_count(), cx, out);
                    }
                    Ok(_) if self.frames.open_count() < cx.rules.min_frames => {
                        self.rest(Resting::TooFew, self.frames.open_count(), cx, out);
                    }
                    Ok(reason) => self.begin_finishing(reason, cx),
                    Err(due) => break due,
                },
                Phase::Finishing(finishing) => match finishing.state {
                    FinishingState::Inspecting { .. } => break None,
                    FinishingState::Held { until } if cx.now < until => {
                        let reason = match self.forced_by(cx) {
                            Ok(reason) => reason,
                            Err(due) => break [Some(until), due].into_iter().flatten().min(),
                        };
                        if let Phase::Finishing(finishing) = &mut self.phase {
                            finishing.force(reason, cx.now);
                        }
                    }
                    FinishingState::Held { .. } => self.inspect(cx, out),
                },
            }
        };
    }

    /// Leaves `count` frames alone, and says so once.
    fn rest(&mut self, why: Resting, count: u64, cx: &Context<'_>, out: &mut Vec<Decision>) {
        (self.resting, self.history.forced) = (Some(why), false);
        self.rest = self.frames.last().map(|last| Rest { next: None, last, pause: Duration::ZERO });
        if self.noted.replace(why) == Some(why) {
            return;
        }
        let least = cx.rules.min_frames;
        let images = format!("{} left alone", counted(count, "image is", "images are"));
        let (text, hint) = match why {
            Resting::TooFew => {
                let frames = counted(count, "frame", "frames");
                (format!("finished with {frames}, but at least {least} make a video: left alone"), None)
            }
            Resting::LooksLike(looks_like) => (format!("{images}: {looks_like}; `pattern` has them made"), None),
            Resting::Stills => {
                let why = self.stills.clone().unwrap_or_default();
                (format!("{images}: {why}"), Some(STILLS_HINT.to_owned()))
            }
        };
        self.note(text, hint, cx, out);
    }

    fn note(&self, text: String, hint: Option<String>, cx: &Context<'_>, out: &mut Vec<Decision>) {
        out.push(Decision::Note { dir: Arc::clone(cx.dir), pattern: self.pattern.clone(), text, hint });
    }
}
