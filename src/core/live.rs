//! Live encoding: growing sequences, their encoders, and what they hand over when they are finished.
//!
//! Owns which sequences are encoded before they are finished, and which encoders may run at once. What is made are chunks in
//! the journal; the job that makes the video finds them there, so that a daemon that ends in between loses nothing but the
//! open chunk. What is decided for one sequence is decided in [`live_encode`].

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config;
use crate::core::Core;
use crate::core::effect::{Effect, LiveEffect};
use crate::core::live::live_encode::{Capacity, Closed, Limits, LiveAction, LiveEncode, Serial};
use crate::journal::ChunkId;
use crate::model::FrameRate;
use crate::sequence::gaps::Spacing;
use crate::sequence::origin::Origin;
use crate::sequence::rate::RateEvidence;
use crate::sequence::sizes::SizeChange;
use crate::sequence::sizes::{OWN, Size};
use crate::sequence::tracker::Event as Tracked;
use crate::sequence::{Batch, Frame, FrameNumber, Pattern};

pub(crate) mod live_encode;

/// How often `live = "when_idle"` looks at the load while a sequence grows.
const LOOK_AT_LOAD: Duration = Duration::from_secs(5);

/// A sequence: its folder, and what its names share.
pub(crate) type Key = (Arc<Path>, Pattern);

/// How often everything was ended: answers to what was asked before that say nothing. A sequence of the same name may have
/// begun anew since, by another config, and would take an answer to the former one for its own.
pub(crate) type Era = u64;

/// What makes the chunks of one sequence, by one recipe. Never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MakerId(u64);

/// What the workers of live encoding answer.
#[derive(Debug)]
pub(crate) enum LiveEvent {
    /// Which chunks of a sequence an earlier life of the daemon left; `None` where it cannot be encoded before it is finished.
    /// With what the maker of the frames says of their rate so far, which the chunks are made at.
    Prepared(Era, Key, Option<Vec<(ChunkId, Vec<Frame>)>>, RateEvidence),
    /// Which frames are whole.
    Checked(Era, Key, Checked),
    /// An encoder has taken every frame that it was fed.
    Drained(Serial),
    /// An encoder has ended; its chunk is being proved.
    Encoded(Serial),
    /// What became of its chunk.
    Closed(Serial, Closed),
}

/// What a look at files found.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Those that are whole, up to the first that is not.
    pub(crate) whole: Vec<Frame>,
    /// That one.
    pub(crate) incomplete: Option<Frame>,
    /// What generators embedded in the whole ones.
    pub(crate) heads: Vec<(Frame, Origin)>,
    /// The sizes of the whole ones.
    pub(crate) sizes: Vec<Size>,
}

impl Checked {
    /// Nobody could look at these files: it is tried again later, as with one that is not whole.
    pub(crate) fn unknown(frames: &[Frame]) -> Self {
        Self { whole: Vec::new(), incomplete: frames.first().cloned(), heads: Vec::new(), sizes: Vec::new() }
    }
}

/// Everything that is encoded before it is finished.
#[derive(Debug, Default)]
pub(super) struct LiveEncodes {
    growing: BTreeMap<Key, GrowingEncode>,
    tasks: BTreeMap<Serial, Task>,
    next: Serial,
    makers: u64,
    era: Era,
    /// Whether other programs keep the machine busy, as it was last seen; `None` where nobody needs to know.
    busy: Option<bool>,
    /// When the load is looked at again.
    look_at_load: Option<Duration>,
}

#[derive(Debug)]
struct GrowingEncode {
    encode: LiveEncode,
    maker: Option<MakerId>,
    /// How many frames have which size.
    sizes: BTreeMap<Size, usize>,
    /// What the maker of the frames said of their rate so far.
    evidence: RateEvidence,
    /// The rate of its chunks, once it is known how they are made.
    rate: Option<FrameRate>,
}

/// An encoder at work, or the proof of its chunk.
#[derive(Debug)]
struct Task {
    key: Key,
    encoding: bool,
    /// It has taken every frame that it was fed.
    drained: bool,
    purpose: Purpose,
}

/// What becomes of the chunk of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Its sequence still grows.
    Growing,
    /// Its sequence is finished: a job waits for the chunk, or for the end of the encoder.
    Awaited,
    /// Nobody wants it.
    Aborted,
}

impl Task {
    /// A job that waits for it goes on waiting: two encoders for one sequence would be one too many. The job would encode
    /// the very frames that the first one is at, beside it, with twice the memory and for no earlier end. The wait is
    /// short, since the encoder that is aborted ends as well, and its end is an event in any case.
    fn abort(&mut self) {
        if self.purpose == Purpose::Growing {
            self.purpose = Purpose::Aborted;
        }
    }
}

impl LiveEncodes {
    /// When time alone brings the next action.
    pub(super) fn due(&self) -> Option<Duration> {
        self.growing.values().filter_map(|growing| growing.encode.due()).chain(self.look_at_load).min()
    }

    /// Whether `batch` must wait for chunks that are on their way.
    pub(super) fn is_busy_for(&self, batch: &Batch) -> bool {
        let is_its =
            |task: &Task| task.purpose == Purpose::Awaited && *task.key.0 == *batch.dir && task.key.1 == batch.pattern;
        self.tasks.values().any(is_its)
    }

    /// Whether any encoder or proof still runs.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Each sequence that is encoded live, and how many of its frames are in chunks.
    pub(super) fn progress(&self) -> impl Iterator<Item = (&Key, usize)> {
        let growing = self.growing.iter().map(|(key, growing)| (key, growing.encode.encoded_frames()));
        growing.filter(|(key, count)| *count > 0 || self.tasks.values().any(|task| task.key == **key))
    }

    /// How many encoders run.
    pub(super) fn encoders(&self) -> usize {
        self.tasks.values().filter(|task| task.encoding).count()
    }

    /// How many may be opened at once, by the answers that are on their way.
    fn about_to_open(&self) -> usize {
        self.growing.values().filter(|growing| growing.encode.is_about_to_open()).count()
    }
}

#[cfg(test)]
impl LiveEncodes {
    /// Encoders that run, and proofs.
    pub(super) fn tasks(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn is_growing(&self, key: &Key) -> bool {
        self.growing.contains_key(key)
    }
}

impl Core {
    /// The frames of a sequence are others than they were.
    pub(super) fn grew(&mut self, dir: &Arc<Path>, pattern: Pattern, from: FrameNumber) {
        if self.is_stopping() {
            return;
        }
        let now = self.now;
        let key = (Arc::clone(dir), pattern);
        let wanted = self.settings.of(dir).is_some_and(|root| root.live != config::Live::Never)
            && !self.refused_files.contains_key(dir);
        if wanted && self.tracker.growing(&key.0, &key.1).is_some_and(|growing| growing.is_worth_it()) {
            let fresh = self.fresh_encode(RateEvidence::default());
            self.live.growing.entry(key.clone()).or_insert(fresh).encode.touched(from, now);
            self.live_step(&key);
        }
        // Grouped anew, the names of a folder may be other sequences than before. What is encoded of one that is gone is of
        // no use, and nobody would ever finish it.
        let of_folder = self.live.growing.keys().filter(|key| key.0 == *dir).cloned().collect::<Vec<_>>();
        for key in of_folder {
            if self.tracker.growing(&key.0, &key.1).is_none() {
                self.abandon(&key);
            }
        }
    }

    /// Nothing is encoded yet; this is what is known of the rate.
    fn fresh_encode(&self, evidence: RateEvidence) -> GrowingEncode {
        let encoder = &self.settings.config.encoder;
        let limits = Limits { length: encoder.chunk_length, hold: encoder.live_hold };
        let encode = LiveEncode::new(limits, self.now);
        GrowingEncode { encode, maker: None, sizes: BTreeMap::new(), evidence, rate: None }
    }

    /// The rate of the videos of a sequence whose maker says this.
    fn rate_by(&self, key: &Key, evidence: &RateEvidence) -> Option<FrameRate> {
        let root = self.settings.of(&key.0)?;
        Some(root.at(evidence.rate(&key.0, &key.1).as_ref()).video.rate)
    }

    /// Learns what the maker of a sequence says of the rate in frames that were looked at. Chunks are bound to a rate: where it
    /// turns out to be another one, they are dropped, and everything is encoded anew. Whether that was so.
    fn learn_rate(&mut self, key: &Key, heads: &[(Frame, Origin)]) -> bool {
        let Some(growing) = self.live.growing.get_mut(key) else { return false };
        let before = growing.evidence;
        for (_, origin) in heads {
            growing.evidence.add(origin);
        }
        let (evidence, made_at) = (growing.evidence, growing.rate);
        if evidence == before || made_at.is_none() || self.rate_by(key, &evidence) == made_at {
            return false;
        }
        self.abandon(key);
        let fresh = self.fresh_encode(evidence);
        self.live.growing.insert(key.clone(), fresh);
        self.live_step_all();
        true
    }

    /// Begins with every sequence that is open, as if its frames had just come.
    pub(super) fn live_begin_anew(&mut self) {
        for (dir, pattern) in self.tracker.patterns() {
            self.grew(&dir, pattern, FrameNumber::MIN);
        }
    }

    /// Ends everything. Finished chunks stay for the next start.
    pub(super) fn live_abort(&mut self) {
        self.live.era += 1;
        let makers = std::mem::take(&mut self.live.growing).into_values().filter_map(|growing| growing.maker);
        self.out.extend(makers.map(|maker| Effect::Live(LiveEffect::Drop(maker))));
        for (serial, task) in &mut self.live.tasks {
            task.abort();
            self.out.push(Effect::Live(LiveEffect::Abort(*serial)));
        }
    }

    /// A folder is gone, and its frames with it.
    pub(super) fn live_folder_gone(&mut self, dir: &Arc<Path>) {
        for key in self.live.growing.keys().filter(|key| key.0 == *dir).cloned().collect::<Vec<_>>() {
            self.abandon(&key);
        }
    }

    /// Does what time brings.
    pub(super) fn live_tick(&mut self) {
        let now = self.now;
        if self.live.look_at_load.take_if(|due| *due <= now).is_some() {
            if self.live.growing.keys().any(|key| self.waits_for_idle(key)) {
                self.out.push(Effect::LookAtLoad);
            } else {
                // By the time that somebody needs it again, it will be another.
                self.live.busy = None;
            }
        }
        let is_due = |growing: &GrowingEncode| growing.encode.due().is_some_and(|due| due <= now);
        let due = self.live.growing.iter().filter(|(_, growing)| is_due(growing)).map(|(key, _)| key.clone());
        for key in due.collect::<Vec<_>>() {
            self.live_step(&key);
        }
    }

    /// The load was looked at.
    pub(super) fn load_seen(&mut self, busy: bool) {
        self.live.busy = Some(busy);
        // The measure is the better the more often it is taken.
        self.live.look_at_load = Some(self.now + LOOK_AT_LOAD);
        for key in self.live.growing.keys().filter(|key| self.waits_for_idle(key)).cloned().collect::<Vec<_>>() {
            self.live_step(&key);
        }
    }

    pub(super) fn live_event(&mut self, event: LiveEvent) {
        match event {
            LiveEvent::Prepared(era, ..) | LiveEvent::Checked(era, ..) if era != self.live.era => {}
            LiveEvent::Prepared(_, key, chunks, evidence) => {
                let rate = self.rate_by(&key, &evidence);
                let Some(growing) = self.live.growing.get_mut(&key) else { return };
                (growing.evidence, growing.rate) = (evidence, rate);
                growing.encode.prepared(chunks);
                self.live_step(&key);
            }
            LiveEvent::Checked(_, key, checked) => self.live_checked(&key, checked),
            LiveEvent::Drained(serial) => {
                let Some(key) = self.live.tasks.get(&serial).map(|task| task.key.clone()) else { return };
                // Until now it had frames to take: how long it waits for the next one counts from here. So the step
                // is taken while the encoder still counts as busy: otherwise it would count from the last push.
                self.live_step(&key);
                if let Some(task) = self.live.tasks.get_mut(&serial) {
                    task.drained = true;
                }
            }
            LiveEvent::Encoded(serial) => {
                let Some(task) = self.live.tasks.get_mut(&serial) else { return };
                task.encoding = false;
                let key = task.key.clone();
                if let Some(growing) = self.live.growing.get_mut(&key) {
                    growing.encode.encoded(serial);
                }
                // Whoever waited for a free encoder may have it.
                self.live_step_all();
            }
            LiveEvent::Closed(serial, outcome) => self.live_closed(serial, &outcome),
        }
    }

    fn live_checked(&mut self, key: &Key, Checked { whole, incomplete, heads, sizes }: Checked) {
        let now = self.now;
        let splits = self.settings.of(&key.0).is_some_and(|root| root.video.size_change == SizeChange::Split);
        if heads.iter().any(|(_, origin)| *origin != Origin::default()) {
            if self.learn_rate(key, &heads) {
                // These frames are looked at once more, for chunks of the other rate.
                return;
            }
            let (dir, pattern) = key.clone();
            self.track(Tracked::Heads { dir, pattern, heads });
        }
        let Some(growing) = self.live.growing.get_mut(key) else {
            // The encoder that it would have had is free.
            return self.live_step_all();
        };
        let was_about_to_open = growing.encode.is_about_to_open();
        let truth = self.tracker.growing(&key.0, &key.1);
        let mut out = Vec::new();
        let next = &mut self.live.next;
        let serial = || {
            *next += 1;
            *next
        };
        growing.encode.checked(&whole, incomplete, truth.as_ref(), now, serial, &mut out);
        for size in sizes {
            *growing.sizes.entry(size).or_default() += 1;
        }
        if splits && growing.sizes.values().filter(|count| **count >= OWN).count() > 1 {
            // Which frames are one video is known when the last has come. Until then a chunk would hold frames of both.
            growing.encode.leave_for_later(&mut out);
        }
        self.carry_out(key, out);
        self.live_step(key);
        let has_use = |growing: &GrowingEncode| growing.encode.encoder().is_some() || growing.encode.is_about_to_open();
        if was_about_to_open && !self.live.growing.get(key).is_some_and(has_use) {
            // Its files were not whole. Whoever waited for a free encoder may have it.
            self.live_step_all();
        }
    }

    fn live_closed(&mut self, serial: Serial, outcome: &Closed) {
        let Some(task) = self.live.tasks.remove(&serial) else { return };
        if task.purpose == Purpose::Awaited {
            // The job finds the chunk in the journal, if there is one.
            return;
        }
        if matches!(outcome, Closed::Outdated) {
            // Chunks of two versions of FFmpeg do not go together: the new one begins at the beginning.
            self.abandon(&task.key);
            self.grew(&task.key.0, task.key.1, FrameNumber::MIN);
        } else if let Some(growing) = self.live.growing.get_mut(&task.key) {
            let mut out = Vec::new();
            growing.encode.closed(serial, outcome, &mut out);
            let spacing =
                self.tracker.growing(&task.key.0, &task.key.1).map_or(Spacing::Free, |growing| growing.spacing());
            let chunks = growing.encode.leading_chunks(spacing);
            if let (Closed::Chunk(..), Some(maker)) = (outcome, growing.maker) {
                self.out.push(Effect::Live(LiveEffect::Preview { maker, chunks }));
            }
            self.carry_out(&task.key, out);
        } else if let Closed::Chunk(id, _) = outcome {
            self.out.push(Effect::Live(LiveEffect::Discard(vec![*id])));
        }
        self.live_step_all();
    }

    fn live_step_all(&mut self) {
        for key in self.live.growing.keys().cloned().collect::<Vec<_>>() {
            self.live_step(&key);
        }
    }

    fn live_step(&mut self, key: &Key) {
        let (may_open, busy) = (self.may_open(), self.is_busy(key));
        let now = self.now;
        let Some(growing) = self.live.growing.get_mut(key) else { return };
        let Some(truth) = self.tracker.growing(&key.0, &key.1) else { return self.abandon(key) };
        let encoder = growing.encode.encoder().and_then(|serial| self.live.tasks.get(&serial));
        let drained = encoder.is_none_or(|task| task.drained);
        let mut out = Vec::new();
        growing.encode.step(&truth, now, Capacity { may_open, busy, drained }, &mut out);
        self.carry_out(key, out);
    }

    /// Whether there may be one more encoder. Encoders of sequences that grow mostly wait for frames, so that they take
    /// memory and hardly a processor: some 500 MB for x264 at 1080p. That is why there may be two on a small machine, and
    /// eight at most on a large one unless `jobs` says more. Proofs do not count: when its encoder has ended, little is
    /// left of one.
    ///
    /// One is opened only when its first files were looked at. Sequences that wait for that count as well: all of them may begin
    /// at once, after a start or a reload, and each would see the room that is there for one.
    fn may_open(&self) -> bool {
        self.live.encoders() + self.live.about_to_open() < self.most_encoders() && !self.is_stopping()
    }

    pub(super) fn most_encoders(&self) -> usize {
        self.settings.config.encoder.jobs.get().max((self.machine.cores.get() / 4).clamp(2, 8))
    }

    fn waits_for_idle(&self, key: &Key) -> bool {
        self.settings.of(&key.0).is_some_and(|root| root.live == config::Live::WhenIdle)
    }

    /// Whether `live = "when_idle"` holds this sequence back now. It does for as long as the load is not known, which is asked
    /// for at once.
    fn is_busy(&mut self, key: &Key) -> bool {
        if !self.waits_for_idle(key) {
            return false;
        }
        if self.live.busy.is_none() && self.live.look_at_load.is_none() {
            self.live.look_at_load = Some(self.now + LOOK_AT_LOAD);
            self.out.push(Effect::LookAtLoad);
        }
        self.live.busy.unwrap_or(true)
    }

    fn abandon(&mut self, key: &Key) {
        let Some(mut growing) = self.live.growing.remove(key) else { return };
        let mut out = Vec::new();
        growing.encode.abandoned(&mut out);
        self.carry_out(key, out);
        self.out.extend(growing.maker.map(|maker| Effect::Live(LiveEffect::Drop(maker))));
        self.out.push(Effect::Live(LiveEffect::EndPreview(key.clone())));
    }

    /// A sequence is finished: its open chunk gets what it can still take, and its job will wait for it.
    pub(super) fn live_sealed(&mut self, batch: &Batch) {
        let key = (Arc::clone(&batch.dir), batch.pattern.clone());
        let Some(mut growing) = self.live.growing.remove(&key) else { return };
        let mut out = Vec::new();
        let numbers = batch.frames.iter().map(|frame| frame.number);
        growing.encode.sealed(&batch.frames, batch.pattern.spacing_of(numbers), &mut out);
        let of_key = self.live.tasks.values_mut().filter(|task| task.key == key);
        for task in of_key.filter(|task| task.purpose == Purpose::Growing) {
            task.purpose = Purpose::Awaited;
        }
        self.carry_out(&key, out);
        self.out.extend(growing.maker.map(|maker| Effect::Live(LiveEffect::Drop(maker))));
    }

    fn carry_out(&mut self, key: &Key, actions: Vec<LiveAction>) {
        for action in actions {
            let effect = match action {
                LiveAction::Prepare(first) => self.live_prepare(key, first),
                LiveAction::Check(frames) => {
                    let root = self.settings.of(&key.0);
                    let generator = root.and_then(|root| root.finish.generator);
                    let layer = root.and_then(|root| root.video.layer.clone());
                    Some(LiveEffect::Check { era: self.live.era, key: key.clone(), frames, generator, layer })
                }
                LiveAction::Open(serial, position) => {
                    let maker = self.live.growing.get(key).and_then(|growing| growing.maker);
                    let task = Task { key: key.clone(), encoding: true, drained: true, purpose: Purpose::Growing };
                    maker.map(|maker| {
                        self.live.tasks.insert(serial, task);
                        LiveEffect::Open { key: key.clone(), serial, position, maker }
                    })
                }
                LiveAction::Push(serial, frames) => self.live.tasks.get_mut(&serial).map(|task| {
                    task.drained = false;
                    LiveEffect::Push { key: key.clone(), serial, frames }
                }),
                LiveAction::End(serial) => self.live.tasks.contains_key(&serial).then_some(LiveEffect::End(serial)),
                LiveAction::Abort(serial) => self.live.tasks.get_mut(&serial).map(|task| {
                    task.abort();
                    LiveEffect::Abort(serial)
                }),
                LiveAction::Discard(chunks) => Some(LiveEffect::Discard(chunks)),
            };
            self.out.extend(effect.map(Effect::Live));
        }
    }

    fn live_prepare(&mut self, key: &Key, first: Frame) -> Option<LiveEffect> {
        let root = Box::new(self.root_of(&key.0)?);
        self.live.makers += 1;
        let maker = MakerId(self.live.makers);
        let growing = self.live.growing.get_mut(key)?;
        growing.maker = Some(maker);
        let evidence = growing.evidence;
        Some(LiveEffect::Prepare { era: self.live.era, key: key.clone(), maker, first, root, evidence })
    }
}
