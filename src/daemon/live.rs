//! The loop's side of live encoding: growing sequences, their encoders, and what they hand over when they are finished.
//!
//! Carries out what [`take`] orders, on worker threads that answer with events. What it makes are chunks in the journal;
//! the job that makes the reel finds them there, so that a daemon that ends in between loses nothing but the open chunk.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{self};
use crate::daemon::event::Event;
use crate::daemon::live::take::{Closed, Limits, Means, Order, Place, Serial, Take};
use crate::daemon::live::work::{Prepared, Settled};
use crate::daemon::load::LoadMeter;
use crate::daemon::{Daemon, Phase};
use crate::encode::chunk::{FrameFile, Intake};
use crate::encode::ffmpeg::Stop;
use crate::error::{Explain as _, chain};
use crate::journal::ChunkId;
use crate::pipeline::chunks::{self, ChunkMaker};
use crate::sequence::gaps::Spacing;
use crate::sequence::origin::Origin;
use crate::sequence::sizes::SizeChange;
use crate::sequence::sizes::{OWN, Size};
use crate::sequence::tracker::Event as Tracked;
use crate::sequence::{Batch, Frame, FrameNumber, Pattern, os_name};
use crate::text::printable::Show as _;

mod take;
mod work;

/// How often `live = "when_idle"` looks at the load while a sequence grows.
const LOOK_AT_LOAD: Duration = Duration::from_secs(5);

/// A sequence: its folder, and what its names share.
pub(super) type Key = (Arc<Path>, Pattern);

/// See [`Live::era`].
type Era = u64;

/// What the workers of live encoding answer.
#[derive(Debug)]
pub(crate) enum LiveEvent {
    /// How a sequence is encoded; `None` where that must wait until it is finished.
    Prepared(Era, Key, Option<Prepared>),
    /// Which frames are whole.
    Settled(Era, Key, Settled),
    /// An encoder has ended; its chunk is being proved.
    Encoded(Serial),
    /// What became of its chunk.
    Closed(Serial, Closed),
}

/// Everything that is encoded before it is finished.
#[derive(Debug, Default)]
pub(super) struct Live {
    growing: BTreeMap<Key, Growing>,
    tasks: BTreeMap<Serial, Task>,
    next: Serial,
    /// How often everything was ended: answers to what was asked before that say nothing.
    era: Era,
    load: LoadMeter,
    /// When the load is looked at again.
    retry: Option<Duration>,
}

#[derive(Debug)]
struct Growing {
    take: Take,
    maker: Option<Arc<ChunkMaker>>,
    /// How many frames have which size.
    sizes: BTreeMap<Size, usize>,
}

/// An encoder at work, or the proof of its chunk.
#[derive(Debug)]
struct Task {
    key: Key,
    intake: Intake,
    stop: Stop,
    encoding: bool,
    /// Its sequence is finished: a job waits for the chunk.
    awaited: bool,
}

impl Live {
    /// When time alone brings the next order.
    pub(super) fn due(&self) -> Option<Duration> {
        self.growing.values().filter_map(|growing| growing.take.due()).chain(self.retry).min()
    }

    /// Whether `batch` must wait for chunks that are on their way.
    pub(super) fn is_busy_for(&self, batch: &Batch) -> bool {
        let is_its = |task: &Task| task.awaited && *task.key.0 == *batch.dir && task.key.1 == batch.pattern;
        self.tasks.values().any(is_its)
    }

    /// Whether any encoder or proof still runs.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Ends everything. Finished chunks stay for the next start.
    pub(super) fn abort(&mut self) {
        self.era += 1;
        self.growing.clear();
        self.tasks.values().for_each(|task| task.stop.request());
    }

    /// Each sequence that is encoded live, and how many of its frames are in chunks.
    pub(super) fn progress(&self) -> impl Iterator<Item = (&Key, usize)> {
        let growing = self.growing.iter().map(|(key, growing)| (key, growing.take.encoded_frames()));
        growing.filter(|(key, count)| *count > 0 || self.tasks.values().any(|task| task.key == **key))
    }

    fn encoders(&self) -> usize {
        self.tasks.values().filter(|task| task.encoding).count()
    }
}

impl Daemon {
    /// The frames of a sequence are others than they were.
    pub(super) fn grew(&mut self, dir: &Arc<Path>, pattern: Pattern, from: FrameNumber) {
        if matches!(self.phase, Phase::Stopping { .. }) {
            return;
        }
        let now = self.now();
        let key = (Arc::clone(dir), pattern);
        let wanted = self.settings.now().of(dir).is_some_and(|root| root.live != config::Live::Never);
        if wanted && self.tracker.growing(&key.0, &key.1).is_some_and(|growing| growing.is_worth_it()) {
            let encoder = &self.tools.encoder;
            let limits = Limits { length: encoder.chunk_length, hold: encoder.live_hold };
            let new = || Growing { take: Take::new(limits, now), maker: None, sizes: BTreeMap::new() };
            self.live.growing.entry(key.clone()).or_insert_with(new).take.touched(from, now);
            self.live_step(&key);
        }
        // Grouped anew, the names of a folder may be other sequences than before.
        let of_folder = self.live.growing.keys().filter(|key| key.0 == *dir).cloned().collect::<Vec<_>>();
        for key in of_folder {
            if self.tracker.growing(&key.0, &key.1).is_none() {
                self.abandon(&key);
            }
        }
    }

    /// Begins with every sequence that is open, as if its frames had just come.
    pub(super) fn live_begin_anew(&mut self) {
        for (dir, pattern) in self.tracker.patterns() {
            self.grew(&dir, pattern, FrameNumber::MIN);
        }
    }

    /// A folder is gone, and its frames with it.
    pub(super) fn live_folder_gone(&mut self, dir: &Arc<Path>) {
        for key in self.live.growing.keys().filter(|key| key.0 == *dir).cloned().collect::<Vec<_>>() {
            self.abandon(&key);
        }
    }

    /// Does what time brings.
    pub(super) fn live_tick(&mut self, now: Duration) {
        let retry = self.live.retry.take_if(|retry| *retry <= now).is_some();
        let is_due = |growing: &Growing| retry || growing.take.due().is_some_and(|due| due <= now);
        let due = self.live.growing.iter().filter(|(_, growing)| is_due(growing)).map(|(key, _)| key.clone());
        for key in due.collect::<Vec<_>>() {
            self.live_step(&key);
        }
    }

    pub(super) fn live_event(&mut self, event: LiveEvent) {
        match event {
            LiveEvent::Prepared(era, ..) | LiveEvent::Settled(era, ..) if era != self.live.era => {}
            LiveEvent::Prepared(_, key, prepared) => {
                let Some(growing) = self.live.growing.get_mut(&key) else { return };
                let (maker, chunks) = prepared.map(|prepared| (prepared.maker, prepared.chunks)).unzip();
                growing.maker = maker;
                growing.take.prepared(chunks);
                self.live_step(&key);
            }
            LiveEvent::Settled(_, key, Settled { whole, unsettled, heads, sizes }) => {
                let now = self.now();
                let splits =
                    self.settings.now().of(&key.0).is_some_and(|root| root.video.size_change == SizeChange::Split);
                if heads.iter().any(|(_, origin)| *origin != Origin::default()) {
                    let (dir, pattern) = key.clone();
                    self.track(Tracked::Heads { dir, pattern, heads });
                }
                let Some(growing) = self.live.growing.get_mut(&key) else { return };
                let truth = self.tracker.growing(&key.0, &key.1);
                let mut out = Vec::new();
                let next = &mut self.live.next;
                let serial = || {
                    *next += 1;
                    *next
                };
                growing.take.settled(&whole, unsettled, truth.as_ref(), now, serial, &mut out);
                for size in sizes {
                    *growing.sizes.entry(size).or_default() += 1;
                }
                if splits && growing.sizes.values().filter(|count| **count >= OWN).count() > 1 {
                    // Which frames are one video is known when the last has come. Until then a chunk would hold frames of both.
                    growing.take.leave_for_later(&mut out);
                }
                self.carry_out(&key, out);
                self.live_step(&key);
            }
            LiveEvent::Encoded(serial) => {
                let Some(task) = self.live.tasks.get_mut(&serial) else { return };
                task.encoding = false;
                let key = task.key.clone();
                if let Some(growing) = self.live.growing.get_mut(&key) {
                    growing.take.encoded(serial);
                }
                // Whoever waited for a free encoder may have it.
                self.live_step_all();
            }
            LiveEvent::Closed(serial, outcome) => self.live_closed(serial, &outcome),
        }
    }

    fn live_closed(&mut self, serial: Serial, outcome: &Closed) {
        let Some(task) = self.live.tasks.remove(&serial) else { return };
        if task.awaited {
            // The job finds the chunk in the journal, if there is one.
            return;
        }
        if matches!(outcome, Closed::Outdated) {
            // Chunks of two versions of FFmpeg do not go together: the new one begins at the beginning.
            self.abandon(&task.key);
            self.grew(&task.key.0, task.key.1, FrameNumber::MIN);
        } else if let Some(growing) = self.live.growing.get_mut(&task.key) {
            let mut out = Vec::new();
            growing.take.closed(serial, outcome, &mut out);
            let spacing =
                self.tracker.growing(&task.key.0, &task.key.1).map_or(Spacing::Free, |growing| growing.spacing());
            let ids = growing.take.leading_chunks(spacing);
            if let (Closed::Chunk(..), Some(maker)) = (outcome, growing.maker.clone()) {
                tokio::task::spawn_blocking(move || {
                    if let Err(error) = maker.preview_of(&ids) {
                        tracing::warn!(
                            hint = error.hint().unwrap_or_default(),
                            "the preview cannot be written: {}",
                            chain(&error)
                        );
                    }
                });
            }
            self.carry_out(&task.key, out);
        } else if let Closed::Chunk(id, _) = outcome {
            self.discard_chunks(vec![*id]);
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
        let now = self.now();
        let Some(growing) = self.live.growing.get_mut(key) else { return };
        let Some(truth) = self.tracker.growing(&key.0, &key.1) else { return self.abandon(key) };
        let encoder = growing.take.encoder().and_then(|serial| self.live.tasks.get(&serial));
        let drained = encoder.is_none_or(|task| task.intake.is_drained());
        let mut out = Vec::new();
        growing.take.step(&truth, now, Means { may_open, busy, drained }, &mut out);
        self.carry_out(key, out);
    }

    /// Whether there is room for one more encoder: memory is what they take.
    fn may_open(&self) -> bool {
        let most = self.tools.encoder.jobs.get().max((cores().get() / 4).clamp(2, 8));
        self.live.encoders() < most && !matches!(self.phase, Phase::Stopping { .. })
    }

    /// Whether `live = "when_idle"` holds this sequence back now.
    fn is_busy(&mut self, key: &Key) -> bool {
        if self.settings.now().of(&key.0).is_none_or(|root| root.live != config::Live::WhenIdle) {
            return false;
        }
        // The measure is the better the more often it is taken.
        self.live.retry = Some(self.now() + LOOK_AT_LOAD);
        self.live.load.load(std::time::Instant::now()).is_busy(cores())
    }

    fn abandon(&mut self, key: &Key) {
        let Some(mut growing) = self.live.growing.remove(key) else { return };
        let mut out = Vec::new();
        growing.take.abandoned(&mut out);
        self.carry_out(key, out);
        let (tools, (dir, pattern)) = (self.tools.clone(), key.clone());
        tokio::task::spawn_blocking(move || chunks::end_preview(&tools, &dir, &pattern));
    }

    /// A sequence is finished: its open chunk gets what it can still take, and its job will wait for it.
    pub(super) fn live_sealed(&mut self, batch: &Batch) {
        let key = (Arc::clone(&batch.dir), batch.pattern.clone());
        let Some(mut growing) = self.live.growing.remove(&key) else { return };
        let mut out = Vec::new();
        let numbers = batch.frames.iter().map(|frame| frame.number);
        growing.take.sealed(&batch.frames, batch.pattern.spacing_of(numbers), &mut out);
        for task in self.live.tasks.values_mut().filter(|task| task.key == key && !task.stop.requested()) {
            task.awaited = true;
        }
        self.carry_out(&key, out);
    }

    fn carry_out(&mut self, key: &Key, orders: Vec<Order>) {
        for order in orders {
            match order {
                Order::Prepare(first) => self.live_prepare(key.clone(), first),
                Order::Settle(frames) => self.live_settle(key.clone(), frames),
                Order::Open(serial, place) => self.live_open(key, serial, place),
                Order::Push(serial, frames) => {
                    if let Some(task) = self.live.tasks.get(&serial) {
                        task.intake.push(frames.iter().map(|frame| file_of(key, frame)));
                    }
                }
                Order::End(serial) => {
                    if let Some(task) = self.live.tasks.get(&serial) {
                        task.intake.end();
                    }
                }
                Order::Abort(serial) => {
                    if let Some(task) = self.live.tasks.get(&serial) {
                        task.stop.request();
                    }
                }
                Order::Discard(ids) => self.discard_chunks(ids),
            }
        }
    }

    fn live_prepare(&self, key: Key, first: Frame) {
        let Some(root) = self.root_of(&key.0) else { return };
        let (tools, era) = (self.tools.clone(), self.live.era);
        self.spawn(move || {
            let prepared = catch_unwind(|| work::prepare(&key, &first, &root, &tools)).unwrap_or_default();
            Event::Live(LiveEvent::Prepared(era, key, prepared))
        });
    }

    fn live_settle(&self, key: Key, frames: Vec<Frame>) {
        let era = self.live.era;
        self.spawn(move || {
            let settled = catch_unwind(|| work::settle(&key, &frames));
            // A parser's panic over one strange file must not keep the others waiting.
            let settled = settled.unwrap_or_else(|_| Settled {
                whole: Vec::new(),
                unsettled: frames.first().cloned(),
                heads: Vec::new(),
                sizes: Vec::new(),
            });
            Event::Live(LiveEvent::Settled(era, key, settled))
        });
    }

    fn live_open(&mut self, key: &Key, serial: Serial, place: Place) {
        let Some(maker) = self.live.growing.get(key).and_then(|growing| growing.maker.clone()) else { return };
        let (intake, stop) = (Intake::default(), Stop::default());
        let task =
            Task { key: key.clone(), intake: intake.clone(), stop: stop.clone(), encoding: true, awaited: false };
        self.live.tasks.insert(serial, task);
        let (sender, name) = (self.sender.clone(), key.0.join(key.1.to_string()).shown().to_string());
        self.spawn(move || {
            // The loop is gone only when the daemon has stopped.
            let encoded = || drop(sender.send(Event::Live(LiveEvent::Encoded(serial))));
            let made = catch_unwind(AssertUnwindSafe(|| work::make(&maker, &intake, place, &stop, encoded, &name)));
            Event::Live(LiveEvent::Closed(serial, made.unwrap_or(Closed::Failed { again: false })))
        });
    }

    fn discard_chunks(&self, ids: Vec<ChunkId>) {
        let tools = self.tools.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = chunks::discard(&tools, &ids) {
                tracing::warn!(hint = error.hint().unwrap_or_default(), "a chunk cannot be removed: {}", chain(&error));
            }
        });
    }
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn file_of(key: &Key, frame: &Frame) -> FrameFile {
    let path = key.0.join(os_name(&frame.file_name(&key.1)));
    FrameFile { path, identity: frame.identity, number: frame.number, repeat: 1 }
}
