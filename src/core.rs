//! The one decider: what is known of a running daemon, and what follows from each thing that happens.
//!
//! Events and `now` go in, effects come out, in the order in which they are to be carried out. It owns all state that
//! decisions are made by: roots, open sequences, live encodes, the queue, timers and the phase of life. It never performs
//! I/O, never reads a clock, starts no thread and holds no channel, so that a simulation can run it by the million steps. Whoever
//! carries an effect out that has an answer owes that answer, also when a worker panics: what the core waits for is always
//! an event.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Settings, StopPolicy};
use crate::core::control::Forget;
use crate::core::effect::{Effect, Notice};
use crate::core::event::{Event, Failure, ReadRequest};
use crate::core::journal_poll::JournalPoll;
use crate::core::live::LiveEncodes;
use crate::core::news::News;
use crate::core::queue::JobQueue;
use crate::core::recent::Recent;
use crate::core::reload::Reloads;
use crate::core::roots::WatchedRoot;
use crate::core::trials::Trials;
use crate::journal::BatchId;
use crate::sequence::Batch;
use crate::sequence::tracker::{Event as Tracked, Tracker};

mod batches;
pub mod command;
mod control;
pub(crate) mod effect;
pub(crate) mod event;
mod folder_files;
mod journal_poll;
pub(crate) mod live;
pub(crate) mod news;
pub(crate) mod queue;
pub(crate) mod recent;
mod reload;
pub(crate) mod roots;
#[cfg(test)]
mod simulation;
pub mod snapshot;
mod trials;

/// How long changed frames gather before they are looked at. Every look wakes four threads, so that one for each frame
/// would cost more than everything else about it; nothing is decided by a frame alone but where a rule counts frames.
const GATHER: Duration = Duration::from_secs(1);

/// How long other changes gather (markers, new folders): a marker comes with its last frame.
const GATHER_URGENT: Duration = Duration::from_millis(20);

/// How long aborted encodes may take to end before the daemon leaves without them. An encoder that is ended takes half a
/// second at most before it is killed, unless its disk hangs, and for that nobody should wait: what it leaves is removed at
/// the next start.
const ABORT_LIMIT: Duration = Duration::from_secs(2);

/// All state of a running daemon that decisions are made by.
#[derive(Debug)]
pub(crate) struct Core {
    settings: Arc<Settings>,
    machine: Machine,
    tracker: Tracker,
    roots: BTreeMap<Arc<Path>, WatchedRoot>,
    /// Folders whose own file is wrong, and what is wrong with it: they wait.
    refused_files: BTreeMap<Arc<Path>, Failure>,
    queue: JobQueue,
    journal_poll: JournalPoll,
    live: LiveEncodes,
    /// Sealed batches that the journal did not take yet.
    unrecorded: Vec<Batch>,
    forgets: Vec<Forget>,
    reloads: Reloads,
    trials: Trials,
    unknown_outcomes: BTreeMap<BatchId, UnknownOutcome>,
    recent: Recent,
    timers: Timers,
    phase: Phase,
    /// How many roots were opened so far: the next reader's number.
    readers: u64,
    /// The moment of the event that is being handled.
    now: Duration,
    /// What follows from it so far.
    out: Vec<Effect>,
}

/// What does not change while the daemon runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    /// Processors that this process may use.
    pub(crate) cores: NonZeroUsize,
    /// How often the service manager wants a sign of life.
    pub(crate) watchdog: Option<Duration>,
}

/// A batch without a job of which the journal does not know how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownOutcome {
    /// When the journal is told.
    due: Duration,
    /// What went wrong.
    error: String,
}

/// The way of a daemon's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Some root was not read yet.
    Starting,
    Running,
    /// No new work; what runs may end until then, for ever when `None`.
    Stopping {
        until: Option<Duration>,
    },
}

/// What is due when. The tracker, the roots, live encodes and trials keep their own.
#[derive(Debug, Default, Clone, Copy)]
struct Timers {
    /// When to look at the changed folders.
    gather: Option<Duration>,
    watchdog: Option<Duration>,
    status: Option<Duration>,
    journal: Option<Duration>,
}

impl Core {
    pub(crate) fn new(settings: Arc<Settings>, machine: Machine) -> Self {
        Self {
            settings,
            machine,
            tracker: Tracker::default(),
            roots: BTreeMap::new(),
            refused_files: BTreeMap::new(),
            queue: JobQueue::default(),
            journal_poll: JournalPoll::default(),
            live: LiveEncodes::default(),
            unrecorded: Vec::new(),
            forgets: Vec::new(),
            reloads: Reloads::default(),
            trials: Trials::default(),
            unknown_outcomes: BTreeMap::new(),
            recent: Recent::default(),
            timers: Timers::default(),
            phase: Phase::Starting,
            readers: 0,
            now: Duration::ZERO,
            out: Vec::new(),
        }
    }

    /// Begins: asks for work that an earlier life left, and opens the roots. To be called once, before any event.
    pub(crate) fn start(&mut self, now: Duration) -> Vec<Effect> {
        self.now = now;
        self.ask_journal();
        self.open_roots();
        self.try_recipes_later();
        self.ping_watchdog();
        self.on_time();
        std::mem::take(&mut self.out)
    }

    /// Takes in what happened and everything that is due by `now`, which never runs backwards.
    pub(crate) fn handle(&mut self, event: Event, now: Duration) -> Vec<Effect> {
        self.now = self.now.max(now);
        // The event first: it happened before now. A frame that came in time must not be too late because a silence was
        // over while its event waited.
        self.take_in(event);
        self.on_time();
        std::mem::take(&mut self.out)
    }

    fn take_in(&mut self, event: Event) {
        match event {
            Event::Tick => {}
            Event::Changed(urgency) => self.gather_within(urgency),
            Event::Dirty(folders) => self.read_changed(folders),
            Event::Scanned(report) => self.scanned(report),
            Event::Rescanned(report) => self.rescanned(report),
            Event::ScanLost { root, reader, failure } => self.scan_lost(&root, reader, &failure),
            Event::Inspected { reader, inspection, result } => self.inspected(reader, &inspection, result),
            Event::Begun(job) => self.begun(job),
            Event::NotBegun { batch, failure } => self.not_begun(*batch, &failure),
            Event::Live(event) => self.live_event(event),
            Event::Load { busy } => self.load_seen(busy),
            Event::Ended { id, outcome } => self.ended(id, outcome),
            Event::DueWork(answer) => self.due_work(answer),
            Event::JournalChanged => self.ask_journal(),
            Event::StateGone => self.state_gone(),
            Event::MountsChanged => self.mounts_changed(),
            Event::Retried { asker, outcome } => self.retried(asker, outcome),
            Event::Forgotten { dir, outcome } => self.forgotten(&dir, outcome),
            Event::Reloaded(result) => self.reloaded(result),
            Event::Tried(outcome) => self.tried(outcome),
            Event::Measured(progress) => self.measured(&progress),
            Event::Asked(command, asker) => self.asked(command, asker),
            Event::Stop => self.stop(),
            Event::Reload => self.reload(None),
            Event::Report => self.report(),
        }
    }

    /// Everything that is due by now.
    fn on_time(&mut self) {
        let now = self.now;
        if self.tracker.next_deadline().is_some_and(|due| due <= now) {
            self.track(Tracked::Tick);
        }
        if self.timers.gather.is_some_and(|due| due <= now) {
            self.timers.gather = None;
            self.out.push(Effect::TakeDirty);
        }
        self.read_due_roots();
        if self.live.due().is_some_and(|due| due <= now) {
            self.live_tick();
        }
        if self.timers.journal.is_some_and(|due| due <= now) {
            self.timers.journal = None;
            self.ask_journal();
        }
        if self.trials.due().is_some_and(|due| due <= now) {
            self.try_recipes();
        }
        if self.timers.watchdog.is_some_and(|due| due <= now) {
            self.ping_watchdog();
        }
        if self.timers.status.is_some_and(|due| due <= now) {
            self.show_status();
        }
        self.start_jobs();
    }

    /// When time alone brings the next effect: an [`Event::Tick`] is wanted then.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let stop = match self.phase {
            Phase::Stopping { until } => until,
            Phase::Starting | Phase::Running => None,
        };
        let Timers { gather, watchdog, status, journal } = self.timers;
        [self.tracker.next_deadline(), self.live.due(), self.trials.due(), journal, watchdog, status, gather, stop]
            .into_iter()
            .flatten()
            .chain(self.roots.values().map(WatchedRoot::due))
            .min()
    }

    /// Whether the daemon may end: it was asked to, and nothing runs any more, or has had its time.
    pub(crate) fn has_stopped(&self, now: Duration) -> bool {
        match self.phase {
            Phase::Stopping { until } => {
                // A trial that was told to end leaves files in the state directory if nobody waits until it has.
                let is_idle = self.queue.running().len() == 0 && self.live.is_idle() && !self.trials.is_under_way();
                is_idle || until.is_some_and(|until| until <= now)
            }
            Phase::Starting | Phase::Running => false,
        }
    }

    pub(crate) fn machine(&self) -> Machine {
        self.machine
    }

    fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::Stopping { .. })
    }

    /// Ends the daemon where its journal is not the one that others would find: what it recorded from now on would be
    /// lost, and a second daemon could start beside it. The service manager starts it again, with a new journal.
    fn state_gone(&mut self) {
        if self.is_stopping() {
            return;
        }
        self.out.push(Effect::Notify(Notice::Stopping));
        self.cancel_jobs(|_| true);
        self.live_abort();
        self.stop_trials();
        self.phase = Phase::Stopping { until: Some(self.now + ABORT_LIMIT) };
    }

    fn stop(&mut self) {
        self.out.push(Effect::Notify(Notice::Stopping));
        self.stop_trials();
        let until = match self.settings.config.stop {
            StopPolicy::Abort => {
                self.cancel_jobs(|_| true);
                self.live_abort();
                Some(self.now + ABORT_LIMIT)
            }
            // Sequences that grow are not finished by waiting: their chunks are in the journal, where the next start finds
            // them. Only jobs have all of their frames, and come to an end.
            StopPolicy::Finish => {
                self.live_abort();
                None
            }
        };
        let running = self.queue.running().len();
        self.tell(News::Stopping { running });
        self.phase = Phase::Stopping { until };
    }

    /// Asked for nothing, a reader only looks whether its root is the one it was.
    fn mounts_changed(&mut self) {
        for root in self.roots.keys().cloned().collect::<Vec<_>>() {
            self.want(&root, ReadRequest::Folders(Vec::new()));
        }
    }

    fn tell(&mut self, news: News) {
        self.out.push(Effect::Tell(Box::new(news)));
    }
}
