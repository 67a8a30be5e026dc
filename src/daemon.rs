//! The shell of a running daemon: it tells the [`core`] what happens, and carries out what follows.
//!
//! Owns the channel of events, the worker threads and what they work with, the watcher, the clients that wait, and the
//! connection to the service manager. Reading a folder, decoding, encoding, recording and removing happen on workers that answer
//! with events: the loop itself never blocks. It decides nothing.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::config::{Config, InForce, Settings};
use crate::core::command::{Command, Reply};
use crate::core::effect::Asker;
use crate::core::event::Event;
use crate::core::{Core, Machine};
use crate::daemon::error::StartError;
use crate::daemon::ground::Ground;
use crate::daemon::jobs::Jobs;
use crate::daemon::live::LiveTasks;
use crate::daemon::load::LoadMeter;
use crate::daemon::reader::RootReader;
use crate::daemon::systemd::Systemd;
use crate::daemon::workers::{Message, Workers};
use crate::encode::ffmpeg::{Ffmpeg, Stop};
use crate::error::{Explain as _, chain};
use crate::journal::{Journal, Lock};
use crate::pipeline::job::{self, Tools};
use crate::text::printable::Show as _;
use crate::watch::native::{Urgency, Watcher};

mod carry_out;
pub mod error;
mod ground;
mod inspect;
mod jobs;
mod journal;
mod live;
mod load;
mod log;
mod memory;
mod reader;
mod reload;
mod signals;
mod systemd;
mod trials;
mod workers;

pub(crate) use log::left_alone_hint;

/// The longest that the loop sleeps where nothing is due: any long time will do.
const NOTHING_DUE: Duration = Duration::from_secs(3600);

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    core: Core,
    settings: InForce,
    tools: Tools,
    readers: BTreeMap<Arc<Path>, Arc<RootReader>>,
    jobs: Jobs,
    live: LiveTasks,
    load: LoadMeter,
    /// Ends the trial of recipes that is under way.
    trial: Stop,
    watcher: Arc<Watcher>,
    wakers: Arc<Wakers>,
    messages: UnboundedReceiver<Message>,
    workers: Workers,
    /// Answers that the shell had at once. The core hears them when what it wanted before is carried out.
    answers: VecDeque<Event>,
    /// Clients that wait for an answer.
    askers: BTreeMap<Asker, oneshot::Sender<Reply>>,
    last_asker: u64,
    systemd: Systemd,
    started: Instant,
    /// Why the daemon ends although nobody asked it to.
    failure: Option<StartError>,
    /// Held for as long as the daemon lives: a second one on the same state directory must not start.
    lock: Lock,
}

/// How the watcher's thread wakes the loop.
#[derive(Debug, Default)]
struct Wakers {
    soon: Notify,
    urgent: Notify,
}

impl Wakers {
    fn wake(&self, urgency: Urgency) {
        match urgency {
            Urgency::Soon => self.soon.notify_one(),
            Urgency::Now => self.urgent.notify_one(),
        }
    }
}

/// A way to reach a running daemon from its own process.
#[derive(Debug, Clone)]
pub struct Handle {
    messages: UnboundedSender<Message>,
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
        if self.messages.send(Message::Asked(command, sender)).is_err() {
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
    /// Whatever makes it impossible to do the job at all; a root that is missing is not one of these.
    pub fn start(config: Config, state_dir: &Path) -> Result<(Self, Handle), StartError> {
        let lock = Lock::acquire(state_dir)?;
        let program = Ffmpeg::locate(config.encoder.ffmpeg.as_deref())?;
        // It knows the version of an FFmpeg that was asked within a day, as every encode does.
        let journal = Journal::open(&lock);
        let asked = match &journal {
            Ok((journal, _)) => job::ffmpeg(&program, journal),
            Err(_) => Ffmpeg::ask(program.clone()),
        };
        let (version, silence) = match asked {
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
        let (journal, set_aside) = journal?;
        if let Some(path) = set_aside {
            tracing::warn!(path = %path.shown(), hint = "frames that are still there may be encoded again", "the journal was damaged and is set aside");
        }
        let (sender, messages) = mpsc::unbounded_channel();
        let workers = Workers::new(sender.clone());
        signals::listen(workers.clone()).map_err(StartError::Signals)?;
        let wakers = Arc::new(Wakers::default());
        let wake = Arc::clone(&wakers);
        let watcher = Arc::new(Watcher::new(inspect::is_urgent, move |urgency| wake.wake(urgency))?);
        let news = workers.clone();
        ground::listen(state_dir, &journal.workers(), move |ground| {
            news.tell(match ground {
                Ground::State => Event::JournalChanged,
                Ground::Mounts => Event::MountsChanged,
            })
        });
        let settings = InForce::new(Settings::new(config, state_dir));
        let tools = Tools::of(&settings.now(), program, journal);
        let state = std::path::absolute(state_dir).unwrap_or_else(|_| state_dir.to_owned());
        let handle = Handle { messages: sender, config: file.into(), state_dir: state.into() };
        let systemd = Systemd::connect();
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let core = Core::new(settings.now(), Machine { cores, watchdog: systemd.watchdog });
        let daemon = Self {
            core,
            settings,
            tools,
            readers: BTreeMap::new(),
            jobs: Jobs::default(),
            live: LiveTasks::default(),
            load: LoadMeter::default(),
            trial: Stop::default(),
            watcher,
            wakers,
            messages,
            workers,
            answers: VecDeque::new(),
            askers: BTreeMap::new(),
            last_asker: 0,
            systemd,
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
        journal::recover(&self.tools)?;
        let effects = self.core.start(self.now());
        self.carry_out(effects);
        self.handle_answers();
        while !self.core.has_stopped(self.now()) {
            let wake_at = self.core.next_deadline().unwrap_or_else(|| self.now() + NOTHING_DUE);
            let message = tokio::select! {
                biased;
                Some(message) = self.messages.recv() => message,
                () = self.wakers.urgent.notified() => Event::Changed(Urgency::Now).into(),
                () = self.wakers.soon.notified() => Event::Changed(Urgency::Soon).into(),
                () = tokio::time::sleep_until(self.started + wake_at) => Event::Tick.into(),
            };
            self.receive(message);
        }
        tracing::info!("reeld stops");
        self.failure.map_or(Ok(()), Err)
    }

    /// Tells the core, once the shell knows what it has to know of it.
    fn receive(&mut self, message: Message) {
        let event = match message {
            Message::Event(event) => {
                if matches!(event, Event::JournalChanged) {
                    // The core may be waiting for an answer of the journal, which takes as long as a clean-up.
                    self.is_state_gone();
                }
                event
            }
            Message::Prepared(prepared) => self.live.prepared(prepared),
            Message::Asked(command, answer) => {
                self.last_asker += 1;
                let asker = Asker(self.last_asker);
                self.askers.insert(asker, answer);
                Event::Asked(command, asker)
            }
        };
        self.jobs.look_at(&event);
        self.live.look_at(&event);
        self.answers.push_back(event);
        self.handle_answers();
    }

    fn handle_answers(&mut self) {
        while let Some(event) = self.answers.pop_front() {
            let effects = self.core.handle(event, self.now());
            self.carry_out(effects);
        }
    }

    /// The loop's clock: time since the daemon started.
    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}
