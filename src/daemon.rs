//! The daemon: one loop that owns all state.
//!
//! Events come in from the watcher, from worker threads, from clients and from the operating system; the loop applies
//! them to the tracker and acts on its decisions. Reading a folder, decoding, encoding, recording and removing happen on
//! worker threads that answer with events: the loop itself never blocks. It never prints, and it never decides by itself
//! when a sequence is finished.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::config::{Config, InForce, Settings};
use crate::daemon::asking::Asking;
use crate::daemon::command::{Command, Reply};
use crate::daemon::control::Forget;
use crate::daemon::error::StartError;
use crate::daemon::event::Event;
use crate::daemon::ground::Ground;
use crate::daemon::live::Live;
use crate::daemon::reader::Wants;
use crate::daemon::reload::Reloads;
use crate::daemon::slots::Slots;
use crate::daemon::systemd::Systemd;
use crate::daemon::trials::Trials;
use crate::daemon::watching::Watched;
use crate::encode::ffmpeg::Ffmpeg;
use crate::error::{Explain as _, chain};
use crate::journal::{BatchId, Journal, Lock};
use crate::pipeline::job::Tools;
use crate::sequence::Batch;
use crate::sequence::tracker::Tracker;
use crate::text::printable::Show as _;
use crate::watch::native::{Haste, Watcher};

mod asking;
mod batches;
pub mod command;
mod control;
pub mod error;
mod event;
mod ground;
mod live;
mod load;
mod memory;
mod reader;
mod reload;
mod signals;
mod slots;
mod systemd;
mod trials;
pub(crate) mod watching;

/// How long changed frames gather before they are looked at. Every look wakes four threads, so that one for each frame
/// would cost more than everything else about it; nothing is decided by a frame alone but where a rule counts frames.
const GATHER: Duration = Duration::from_secs(1);

/// How long other changes gather (markers, new folders): a marker comes with its last frame.
const GATHER_URGENT: Duration = Duration::from_millis(20);

/// How long aborted encodes may take to end before the daemon leaves without them.
const ABORT_LIMIT: Duration = Duration::from_secs(2);

/// All state of a running daemon.
#[derive(Debug)]
pub struct Daemon {
    settings: InForce,
    tools: Tools,
    tracker: Tracker,
    roots: BTreeMap<Arc<Path>, Watched>,
    slots: Slots,
    asking: Asking,
    live: Live,
    /// Sealed batches that the journal did not take yet.
    unrecorded: Vec<Batch>,
    forgets: Vec<Forget>,
    reloads: Reloads,
    trials: Trials,
    /// Batches without a job of which the journal does not know how they ended: when it is told, and what went wrong.
    unsettled: BTreeMap<BatchId, (Duration, String)>,
    watcher: Arc<Watcher>,
    dirty: Arc<Dirtied>,
    events: UnboundedReceiver<Event>,
    sender: UnboundedSender<Event>,
    systemd: Systemd,
    timers: Timers,
    phase: Phase,
    started: Instant,
    /// Why the daemon ends although nobody asked it to.
    failure: Option<StartError>,
    /// Held for as long as the daemon lives: a second one on the same state directory must not start.
    lock: Lock,
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

/// How the watcher's thread wakes the loop.
#[derive(Debug, Default)]
struct Dirtied {
    soon: Notify,
    urgent: Notify,
}

impl Dirtied {
    fn wake(&self, haste: Haste) {
        match haste {
            Haste::Soon => self.soon.notify_one(),
            Haste::Now => self.urgent.notify_one(),
        }
    }
}

/// What is due when, on the loop's clock. The tracker and the roots keep their own.
#[derive(Debug, Default, Clone, Copy)]
struct Timers {
    /// When to look at the dirty folders.
    gather: Option<Duration>,
    watchdog: Option<Duration>,
    status: Option<Duration>,
    journal: Option<Duration>,
}

/// A way to reach a running daemon from its own process.
#[derive(Debug, Clone)]
pub struct Handle {
    events: UnboundedSender<Event>,
    /// Its config file, absolute.
    pub config: Arc<Path>,
    /// The folder of its journal, absolute.
    pub state_dir: Arc<Path>,
}

impl Handle {
    /// Asks, and waits for the answer.
    pub async fn ask(&self, command: Command) -> Reply {
        let (sender, answer) = oneshot::channel();
        let gone = || Reply::Refused {
            message: "the daemon is stopping".to_owned(),
            hint: "ask again when it runs".to_owned(),
        };
        if self.events.send(Event::Asked(command, sender)).is_err() {
            return gone();
        }
        answer.await.unwrap_or_else(|_| gone())
    }
}

impl Daemon {
    /// Takes the lock of `state_dir`, finds FFmpeg, puts the journal in order and starts to listen to signals. Nothing is
    /// watched before [`Daemon::run`]. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    ///
    /// Whatever makes it impossible to do the job at all; a root that is missing is none of these.
    pub fn start(config: Config, state_dir: &Path) -> Result<(Self, Handle), StartError> {
        let lock = Lock::acquire(state_dir)?;
        let program = Ffmpeg::locate(config.encoder.ffmpeg.as_deref())?;
        let (version, silence) = match Ffmpeg::ask(program.clone()) {
            Ok(ffmpeg) => (ffmpeg.version, None),
            // What kept it from answering may pass, and whoever needs the answer asks again.
            Err(error) if error.may_pass() => ("unknown".to_owned(), Some(error)),
            Err(error) => return Err(error.into()),
        };
        // The first line of the log: which config it is has to be seen before what it leads to.
        let file = std::path::absolute(&config.file).unwrap_or_else(|_| config.file.clone());
        tracing::info!(config = %file.shown(), ffmpeg = %program.shown(), version, state = %state_dir.shown(), "reeld {} starts", env!("CARGO_PKG_VERSION"));
        if let Some(error) = silence {
            tracing::warn!(hint = error.hint().unwrap_or_default(), "{}", chain(&error));
        }
        let (journal, set_aside) = Journal::open(&lock)?;
        if let Some(path) = set_aside {
            tracing::warn!(path = %path.shown(), hint = "frames that are still there may be encoded again", "the journal was damaged and is set aside");
        }
        let (sender, events) = mpsc::unbounded_channel();
        signals::listen(sender.clone()).map_err(StartError::Signals)?;
        let dirty = Arc::new(Dirtied::default());
        let wake = Arc::clone(&dirty);
        let watcher = Arc::new(Watcher::new(watching::is_urgent, move |haste| wake.wake(haste))?);
        let ground = sender.clone();
        ground::listen(state_dir, &journal.workers(), move |news| ground.send(Event::Ground(news)).is_ok());
        let settings = InForce::new(Settings::new(config, state_dir));
        let tools = Tools::of(&settings.now(), program, journal);
        let state = std::path::absolute(state_dir).unwrap_or_else(|_| state_dir.to_owned());
        let handle = Handle { events: sender.clone(), config: file.into(), state_dir: state.into() };
        let daemon = Self {
            settings,
            tools,
            tracker: Tracker::default(),
            roots: BTreeMap::new(),
            slots: Slots::default(),
            asking: Asking::default(),
            live: Live::default(),
            unrecorded: Vec::new(),
            forgets: Vec::new(),
            reloads: Reloads::default(),
            trials: Trials::default(),
            unsettled: BTreeMap::new(),
            watcher,
            dirty,
            events,
            sender,
            systemd: Systemd::connect(),
            timers: Timers::default(),
            phase: Phase::Starting,
            started: Instant::now(),
            failure: None,
            lock,
        };
        Ok((daemon, handle))
    }

    /// Runs until a signal stops it.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read at the start, or is gone later.
    pub async fn run(mut self) -> Result<(), StartError> {
        self.recover()?;
        self.open_roots();
        self.try_recipes();
        self.ping_watchdog();
        loop {
            self.on_time();
            if self.has_stopped() {
                break;
            }
            let now = self.now();
            let wake_at = self.started + self.next_deadline(now);
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => self.handle(event),
                () = self.dirty.urgent.notified() => self.gather_within(GATHER_URGENT),
                () = self.dirty.soon.notified() => self.gather_within(self.patience()),
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
        tracing::info!("reeld stops");
        self.failure.map_or(Ok(()), Err)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Read(report) => self.read(report),
            Event::Relisted(report) => self.relisted(report),
            Event::Inspected(reader, answer) => self.inspected(&reader, answer),
            Event::Enqueue(jobs) => self.enqueue(jobs),
            Event::Live(event) => self.live_event(event),
            Event::Ended { job, outcome } => self.ended(&job, outcome),
            Event::NotBegun { batch, error } => self.not_begun(*batch, error),
            Event::DueWork(answer) => self.due_work(answer),
            Event::JournalChanged => self.ask_journal(),
            Event::JournalFailed(error) => self.journal_failed(&error.into()),
            Event::Forgotten { dir, released } => self.forgotten(&dir, released),
            Event::Reloaded(result) => self.reloaded(result),
            Event::Tried(tried) => self.tried(tried),
            Event::Asked(command, answer) => self.asked(command, answer),
            Event::Signal(signal) => self.signal(signal),
            Event::Ground(news) => self.ground_changed(news),
        }
    }

    fn ground_changed(&mut self, news: Ground) {
        match news {
            Ground::State => self.ask_journal(),
            // Asked for nothing, a reader only looks whether its root is the one it was.
            Ground::Mounts => {
                for root in self.roots.keys().cloned().collect::<Vec<_>>() {
                    self.want(&root, Wants::Folders(Vec::new()));
                }
            }
        }
    }

    /// Everything that is due by now.
    fn on_time(&mut self) {
        let now = self.now();
        if self.tracker.next_deadline().is_some_and(|due| due <= now) {
            self.tick();
        }
        if self.timers.gather.is_some_and(|due| due <= now) {
            self.timers.gather = None;
            self.gather_dirty();
        }
        self.read_due_roots(now);
        if self.live.due().is_some_and(|due| due <= now) {
            self.live_tick(now);
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

    fn next_deadline(&self, now: Duration) -> Duration {
        let stop = match self.phase {
            Phase::Stopping { until } => until,
            Phase::Starting | Phase::Running => None,
        };
        let Timers { gather, watchdog, status, journal } = self.timers;
        [self.tracker.next_deadline(), self.live.due(), self.trials.due(), journal, watchdog, status, gather, stop]
            .into_iter()
            .flatten()
            .chain(self.roots.values().map(Watched::due))
            .min()
            // Nothing is due: any far moment will do.
            .unwrap_or(now + Duration::from_secs(3600))
    }

    /// The loop's clock: time since the daemon started.
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Runs `work` on a worker thread; its answer comes back as an event.
    fn spawn(&self, work: impl FnOnce() -> Event + Send + 'static) {
        let sender = self.sender.clone();
        tokio::task::spawn_blocking(move || {
            // The loop is gone only when the daemon has stopped.
            let _ = sender.send(work());
        });
    }

    fn has_stopped(&self) -> bool {
        match self.phase {
            Phase::Stopping { until } => {
                self.slots.running().len() == 0 && self.live.is_idle() || until.is_some_and(|until| until <= self.now())
            }
            Phase::Starting | Phase::Running => false,
        }
    }
}
