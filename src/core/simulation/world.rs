//! Pretend workers: they carry out what the core wants, at any time and in any order, and fail as real ones do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use super::disk::{Change, Disk, Render};
use super::journal::{Journal, State};
use super::{Random, invariants};
use crate::config::{Cleanup, Config, Root, Settings};
use crate::core::command::{Command, RetryTarget, WirePath};
use crate::core::effect::{Asker, Effect, Inspection, JournalQuestion, LiveEffect};
use crate::core::event::{Event, Failure, FolderScan, Fresh, JobFailure, ReadRequest, RootStatus, ScanReport, Tried};
use crate::core::live::live_encode::{Closed, Serial};
use crate::core::live::{Checked, Era, Key, LiveEvent};
use crate::core::roots::{ListingFingerprint, ReaderId};
use crate::core::{Core, Machine};
use crate::model::Identity;
use crate::pipeline::consequence::Consequence;
use crate::pipeline::job::{Job, Queued};
use crate::pipeline::run::Delivered;
use crate::sequence::existing::{ExistingFiles, FileSet};
use crate::sequence::film::{self, Judgement};
use crate::sequence::origin::Origin;
use crate::sequence::rate::RateEvidence;
use crate::sequence::tracker::{FrameRun, InspectionResult, Listing};
use crate::sequence::{Batch, Flaw, Frame};
use crate::watch::dirty::Dirty;
use crate::watch::native::Urgency;

/// Configs that are read again in turn.
const CONFIGS: [&str; 5] = [
    "[[watch]]\npath = \"/r/a\"\ncleanup = \"delete\"\n[[watch]]\npath = \"/r/b\"\n",
    "[[watch]]\npath = \"/r/a\"\ncleanup = \"keep\"\nlive = false\n[[watch]]\npath = \"/r/b\"\ncleanup = \"delete\"\n",
    "[[watch]]\npath = \"/r/a\"\ncleanup = \"delete\"\nlive = \"when_idle\"\n",
    "[[watch]]\npath = \"/r/a\"\nrecursive = false\n[[watch]]\npath = \"/r/b\"\nmissing_frames = \"wait\"\n",
    "[[watch]]\npath = \"/r/a\"\ncleanup = \"delete\"\nframe_count = 6\n[[watch]]\npath = \"/r/b\"\nidle_timeout = \"never\"\n",
];

/// What holds for all roots, unless they say otherwise.
const DEFAULTS: &str = "[defaults]\nidle_timeout = \"30s\"\nmax_wait = \"5m\"\nmin_frames = 2\n";

/// Something that a worker is at.
#[derive(Debug)]
pub(super) enum Task {
    Read {
        root: Arc<Path>,
        reader: ReaderId,
        request: ReadRequest,
    },
    Inspect {
        root: Arc<Path>,
        reader: ReaderId,
        inspection: Inspection,
        listed: bool,
    },
    Begin {
        batch: Box<Batch>,
    },
    AskJournal(JournalQuestion),
    Job {
        job: Arc<Job>,
        step: JobStep,
        cancelled: bool,
    },
    Retry(Asker),
    Forget(PathBuf),
    Prepare {
        era: Era,
        key: Key,
    },
    Check {
        era: Era,
        key: Key,
        frames: Vec<Frame>,
    },
    Encoder(Serial),
    ReadConfig,
    TryRecipes,
    /// It has done its work, and its answer is on its way.
    Answer(Event),
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobStep {
    Inspect,
    Encode,
    Announce,
    Publish,
    Record,
}

/// An encoder of a growing sequence.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a step that a real encoder takes by itself")]
pub(super) struct Encoder {
    pub(super) key: Key,
    fed: Vec<Frame>,
    ended: bool,
    pub(super) aborted: bool,
    drained: bool,
    encoded: bool,
}

/// What a reader knows of its root.
#[derive(Debug)]
struct Reader {
    id: ReaderId,
    root: Root,
    known: BTreeSet<Arc<Path>>,
    asleep: BTreeMap<Arc<Path>, Option<ListingFingerprint>>,
}

/// All there is beside the core.
#[derive(Debug)]
pub(super) struct World {
    pub(super) random: Random,
    pub(super) now: Duration,
    /// Which life of the daemon this is, and when it began.
    life: u64,
    born: Duration,
    pub(super) core: Core,
    pub(super) settings: Arc<Settings>,
    pub(super) disk: Disk,
    pub(super) journal: Journal,
    renders: Vec<Render>,
    away: BTreeSet<Arc<Path>>,
    readers: BTreeMap<Arc<Path>, Reader>,
    changed: BTreeMap<Arc<Path>, BTreeSet<BString>>,
    pub(super) tasks: Vec<Task>,
    pub(super) encoders: BTreeMap<Serial, Encoder>,
    /// Clients that wait.
    pub(super) askers: BTreeSet<Asker>,
    last_asker: u64,
    pub(super) kills: u64,
    /// Nothing fails any more.
    calm: bool,
    /// What happened last.
    trace: VecDeque<String>,
}

fn settings(number: usize) -> Arc<Settings> {
    let text = format!("{DEFAULTS}{}", CONFIGS[number % CONFIGS.len()]);
    let config = Config::parse(&text, Path::new("/etc/reeld.toml")).unwrap();
    Arc::new(Settings::new(config, Path::new("/state")))
}

fn failure(text: &str) -> Failure {
    Failure { line: text.to_owned(), lines: text.to_owned(), hint: "look".to_owned() }
}

fn machine() -> Machine {
    Machine { cores: NonZeroUsize::MIN, watchdog: None }
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let settings = settings(random.below(CONFIGS.len()));
        let folder = |path: &str| -> Arc<Path> { Arc::from(Path::new(path)) };
        let renders = [("/r/a", "fox"), ("/r/a", "owl"), ("/r/a/sub", "elk"), ("/r/b", "bee")];
        let mut renders: Vec<Render> = renders.iter().map(|(dir, prefix)| Render::new(&folder(dir), prefix)).collect();
        let mut disk = Disk::default();
        for root in ["/r/a", "/r/b"] {
            disk.folders.insert(folder(root), BTreeMap::new());
        }
        // What was there before.
        if random.once_in(3) {
            for _ in 0..4 {
                let render = random.below(renders.len());
                disk.go_on(&mut renders[render], &mut random);
            }
        }
        let core = Core::new(Arc::clone(&settings), machine());
        let mut world = Self {
            random,
            now: Duration::from_secs(1_000),
            life: 0,
            born: Duration::ZERO,
            core,
            settings,
            disk,
            journal: Journal::default(),
            renders,
            away: BTreeSet::new(),
            readers: BTreeMap::new(),
            changed: BTreeMap::new(),
            tasks: Vec::new(),
            encoders: BTreeMap::new(),
            askers: BTreeSet::new(),
            last_asker: 0,
            kills: 0,
            calm: false,
            trace: VecDeque::new(),
        };
        world.begin_life();
        world
    }

    /// One thing happens.
    pub(super) fn step(&mut self) {
        match self.random.below(100) {
            0..36 if !self.tasks.is_empty() => {
                let task = self.random.below(self.tasks.len());
                self.work_on(task);
            }
            36..66 => self.write(),
            66..86 => self.pass_time(),
            86..89 => {
                let render = self.random.below(self.renders.len());
                let change = self.disk.mark(&self.renders[render], &mut self.random);
                self.notice(change);
            }
            89..94 => self.ask(),
            94 | 95 => self.root_goes_or_comes(),
            96..99 => self.kill(),
            _ => {
                self.changed.clear();
            }
        }
    }

    /// The writers have stopped, and everything goes well: time passes until nothing is left to do.
    pub(super) fn come_to_rest(&mut self) {
        self.calm = true;
        self.away.clear();
        let end = self.now + Duration::from_secs(3_600);
        for _ in 0..20_000 {
            if !self.tasks.is_empty() && self.can_go_on() {
                continue;
            }
            if self.now >= end {
                invariants::hold_at_rest(self);
                return;
            }
            let due = self.core.next_deadline().map_or(end, |due| self.born + due);
            self.now = due.clamp(self.now + Duration::from_millis(1), end);
            self.tell(Event::Tick);
        }
        self.fail("it never comes to rest");
    }

    /// Whether any worker had something to do.
    fn can_go_on(&mut self) -> bool {
        (0..self.tasks.len()).any(|task| self.work_on(task))
    }

    fn begin_life(&mut self) {
        self.life += 1;
        self.born = self.now;
        self.note(format!("---- life {}", self.life));
        self.journal.recover(self.life, &[], self.now);
        self.core = Core::new(Arc::clone(&self.settings), machine());
        let effects = self.core.start(Duration::ZERO);
        self.carry_out_all(effects);
    }

    /// The daemon is killed. What its workers were at is done or not done, and nobody hears of it.
    fn kill(&mut self) {
        self.kills += 1;
        for task in 0..self.tasks.len() {
            if self.random.once_in(2) {
                self.do_unheard(task);
            }
        }
        self.tasks.clear();
        self.encoders.clear();
        self.readers.clear();
        self.changed.clear();
        self.askers.clear();
        self.begin_life();
    }

    fn write(&mut self) {
        let render = self.random.below(self.renders.len());
        let change = self.disk.go_on(&mut self.renders[render], &mut self.random);
        self.notice(change);
        self.now += Duration::from_millis(u64::try_from(self.random.below(2_000)).unwrap());
    }

    /// The kernel tells of a change, unless it is lost.
    fn notice(&mut self, Change { dir, name }: Change) {
        let is_known = self.readers.values().any(|reader| reader.known.contains(&dir));
        if is_known && !self.random.once_in(20) {
            let urgency = if name.ends_with(b".png") { Urgency::Soon } else { Urgency::Now };
            self.changed.entry(dir).or_default().insert(name);
            self.tell(Event::Changed(urgency));
        }
    }

    fn pass_time(&mut self) {
        let due = self.core.next_deadline().map_or(self.now, |due| self.born + due);
        // Usually the daemon wakes when something is due; sometimes the machine slept for long.
        self.now = match self.random.below(8) {
            0 => self.now + Duration::from_secs(u64::try_from(self.random.below(2_000)).unwrap()),
            1 => self.now + Duration::from_secs(u64::try_from(self.random.below(40)).unwrap()),
            _ => self.now.max(due),
        };
        self.tell(Event::Tick);
    }

    fn ask(&mut self) {
        self.last_asker += 1;
        let asker = Asker(self.last_asker);
        let dir = WirePath::from(Path::new(*self.random.pick(&["/r/a", "/r/a/sub", "/r/b", "/elsewhere"])));
        let command = match self.random.below(12) {
            0..5 => Command::Done { dir },
            5 | 6 => Command::Retry { target: RetryTarget::Dir(dir) },
            7 => Command::Forget { dir },
            8..11 => Command::Reload,
            _ => Command::Open,
        };
        self.askers.insert(asker);
        self.tell(Event::Asked(command, asker));
    }

    fn root_goes_or_comes(&mut self) {
        let root: Arc<Path> = Arc::from(Path::new(*self.random.pick(&["/r/a", "/r/b"])));
        if !self.away.remove(&root) {
            if let Some(reader) = self.readers.get_mut(&root) {
                (reader.known, reader.asleep) = (BTreeSet::new(), BTreeMap::new());
            }
            self.away.insert(root);
        }
        self.tell(Event::MountsChanged);
    }

    pub(super) fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            if !matches!(event, Event::Tick | Event::Measured(_) | Event::Tried(_)) {
                self.note(format!("{:?} {}", self.lived(), short(&event)));
            }
            let effects = self.core.handle(event, self.lived());
            self.carry_out(effects, &mut events);
        }
        invariants::hold(self);
    }

    fn carry_out_all(&mut self, effects: Vec<Effect>) {
        let mut events = VecDeque::new();
        self.carry_out(effects, &mut events);
        for event in events {
            self.tell(event);
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>, events: &mut VecDeque<Event>) {
        for effect in effects {
            match effect {
                Effect::OpenRoot { reader, root } => {
                    let path: Arc<Path> = Arc::from(root.path.as_path());
                    let reader = Reader { id: reader, root: *root, known: BTreeSet::new(), asleep: BTreeMap::new() };
                    self.readers.insert(path, reader);
                }
                Effect::CloseRoot(root) => drop(self.readers.remove(&root)),
                Effect::Read { root, reader, request } => self.tasks.push(Task::Read { root, reader, request }),
                Effect::TakeDirty => {
                    let changed = std::mem::take(&mut self.changed).into_iter();
                    events.push_back(Event::Dirty(changed.map(|(dir, names)| (dir, Dirty::Names(names))).collect()));
                }
                Effect::Sleep { root, dir, seen } => {
                    if let Some(reader) = self.readers.get_mut(&root) {
                        reader.asleep.insert(dir, Some(seen));
                    }
                }
                Effect::Wake { root, dir } => {
                    let reader = self.readers.get_mut(&root);
                    if let Some(seen) = reader.and_then(|reader| reader.asleep.get_mut(&dir)) {
                        *seen = None;
                    }
                }
                Effect::Inspect { root, reader, inspection } => {
                    self.tasks.push(Task::Inspect { root, reader, inspection, listed: false });
                }
                Effect::Begin { batch, .. } => self.tasks.push(Task::Begin { batch }),
                Effect::AskJournal(question) => self.tasks.push(Task::AskJournal(question)),
                Effect::Start(job) => {
                    invariants::may_start(self, &job);
                    self.tasks.push(Task::Job { job, step: JobStep::Inspect, cancelled: false });
                }
                Effect::Cancel(id) => {
                    for task in &mut self.tasks {
                        if let Task::Job { job, cancelled, .. } = task {
                            *cancelled |= job.id == id;
                        }
                    }
                }
                Effect::Measure => events.push_back(Event::Measured(Vec::new())),
                Effect::Retry { asker, .. } => self.tasks.push(Task::Retry(asker)),
                Effect::Forget(dir) => self.tasks.push(Task::Forget(dir)),
                Effect::Live(effect) => self.carry_out_live(effect),
                Effect::LookAtLoad => events.push_back(Event::Load { busy: self.random.once_in(3) }),
                Effect::ReadConfig => self.tasks.push(Task::ReadConfig),
                Effect::Adopt { settings, .. } => self.settings = settings,
                Effect::TryRecipes { .. } => self.tasks.push(Task::TryRecipes),
                Effect::Reply(asker, _) => {
                    if !self.askers.remove(&asker) {
                        self.fail("a client is answered twice");
                    }
                }
                Effect::LearnPlaces
                | Effect::GiveBackMemory
                | Effect::KeepPreviews { .. }
                | Effect::StopTrials
                | Effect::Tell(_)
                | Effect::Notify(_)
                | Effect::Report(_) => {}
            }
        }
    }

    fn carry_out_live(&mut self, effect: LiveEffect) {
        match effect {
            LiveEffect::Prepare { era, key, .. } => self.tasks.push(Task::Prepare { era, key }),
            LiveEffect::Check { era, key, frames, .. } => self.tasks.push(Task::Check { era, key, frames }),
            LiveEffect::Open { key, serial, .. } => {
                let encoder =
                    Encoder { key, fed: Vec::new(), ended: false, aborted: false, drained: true, encoded: false };
                self.encoders.insert(serial, encoder);
                self.tasks.push(Task::Encoder(serial));
            }
            LiveEffect::Push { serial, frames, .. } => {
                if let Some(encoder) = self.encoders.get_mut(&serial) {
                    encoder.fed.extend(frames);
                    encoder.drained = false;
                }
            }
            LiveEffect::End(serial) => {
                if let Some(encoder) = self.encoders.get_mut(&serial) {
                    encoder.ended = true;
                }
            }
            LiveEffect::Abort(serial) => {
                if let Some(encoder) = self.encoders.get_mut(&serial) {
                    encoder.aborted = true;
                }
            }
            LiveEffect::Discard(chunks) => {
                for id in chunks {
                    self.journal.chunks.remove(&id);
                }
            }
            LiveEffect::Preview { .. } | LiveEffect::EndPreview(_) | LiveEffect::Drop(_) => {}
        }
    }

    /// A worker goes on with its task; `false` where it has nothing to do.
    fn work_on(&mut self, index: usize) -> bool {
        let fails = !self.calm && self.random.once_in(12);
        let panics = failure("reeld itself failed");
        match self.tasks.swap_remove(index) {
            Task::Read { root, reader, request } if fails => {
                self.read_unheard(&root, reader, request);
                self.tell(Event::ScanLost { root, reader, failure: panics });
            }
            Task::Read { root, reader, request } => {
                let report = self.read(&root, reader, request);
                self.tell(Event::Scanned(report));
            }
            Task::Inspect { root, reader, inspection, .. } if fails => {
                let request = ReadRequest::Folders(vec![(Arc::clone(&inspection.dir), Dirty::All)]);
                self.read_unheard(&root, reader, request);
                self.tell(Event::Inspected { reader, inspection, result: InspectionResult::Changed });
            }
            Task::Inspect { root, reader, inspection, listed: false } => {
                let request = ReadRequest::Folders(vec![(Arc::clone(&inspection.dir), Dirty::All)]);
                let report = self.read(&root, reader, request);
                let listed = report.has_listed(&inspection.dir);
                self.tasks.push(Task::Inspect { root, reader, inspection, listed: true });
                if !listed {
                    let Some(Task::Inspect { reader, inspection, .. }) = self.tasks.pop() else { return true };
                    self.tell(Event::Rescanned(report));
                    self.tell(Event::Inspected { reader, inspection, result: InspectionResult::Changed });
                    return true;
                }
                self.tell(Event::Rescanned(report));
            }
            Task::Inspect { reader, inspection, .. } => {
                let result = self.look_at(&inspection);
                self.tell(Event::Inspected { reader, inspection, result });
            }
            Task::Begin { batch } if fails => self.tell(Event::NotBegun { batch, failure: panics }),
            Task::Begin { batch } => {
                let id = self.journal.begin((*batch).clone());
                self.tasks.push(Task::Answer(Event::Begun(Queued { id, batch: *batch })));
            }
            Task::AskJournal(_) if fails => self.tell(Event::DueWork(Err(panics))),
            Task::AskJournal(question) => {
                let work = self.answer(&question);
                self.tasks.push(Task::Answer(Event::DueWork(Ok(work))));
            }
            Task::Job { job, step, cancelled } => self.work_on_job(job, step, cancelled, fails),
            Task::Retry(asker) => {
                let outcome = if fails { Err(panics) } else { Ok(self.journal.retry()) };
                self.tasks.push(Task::Answer(Event::Retried { asker, outcome }));
            }
            Task::Forget(dir) => {
                invariants::may_forget(self, &dir);
                let outcome = if fails { Err(panics) } else { Ok(self.journal.forget(&dir)) };
                self.tasks.push(Task::Answer(Event::Forgotten { dir, outcome }));
            }
            Task::Prepare { era, key } => {
                let of_key = self.journal.chunks.iter().filter(|(_, (other, _))| *other == key);
                let chunks = of_key.map(|(id, (_, frames))| (*id, frames.clone())).collect();
                self.tell(Event::Live(LiveEvent::Prepared(
                    era,
                    key,
                    (!fails).then_some(chunks),
                    RateEvidence::default(),
                )));
            }
            Task::Check { era, key, frames } => {
                let checked = if fails { Checked::unknown(&frames) } else { self.check(&key, &frames) };
                self.tell(Event::Live(LiveEvent::Checked(era, key, checked)));
            }
            Task::Encoder(serial) => return self.work_on_encoder(serial, fails),
            Task::ReadConfig => {
                let fresh = Fresh { settings: settings(self.random.below(CONFIGS.len())), program: PathBuf::new() };
                self.tell(Event::Reloaded(if fails { Err(panics) } else { Ok(fresh) }));
            }
            Task::Answer(event) => self.tell(event),
            Task::TryRecipes => self.tell(Event::Tried(if fails { Err(panics) } else { Ok(Tried::default()) })),
        }
        true
    }

    /// What a worker had done when the daemon was killed, before it could say so.
    fn do_unheard(&mut self, index: usize) {
        match &self.tasks[index] {
            Task::Begin { batch } => drop(self.journal.begin((**batch).clone())),
            Task::AskJournal(question) => {
                let question = question.clone();
                self.answer(&question);
            }
            Task::Job { job, step: JobStep::Publish, .. } => self.journal.publish(job.id),
            Task::Job { job, step: JobStep::Record, .. } => {
                let job = Arc::clone(job);
                let due = self.cleanup_due(&job);
                self.journal.set(job.id, State::Published, None, due);
            }
            Task::Forget(dir) => drop(self.journal.forget(&dir.clone())),
            Task::Retry(_) => drop(self.journal.retry()),
            _ => {}
        }
    }

    fn answer(&mut self, question: &JournalQuestion) -> crate::core::event::DueWork {
        let (work, removed) = self.journal.answer(question, self.life, self.now, &self.settings, &mut self.disk);
        for (dir, identity) in removed {
            invariants::may_remove(self, &dir, &identity);
        }
        work
    }

    fn cleanup_due(&mut self, job: &Job) -> Option<Duration> {
        let is_asked = job.root.delivery.cleanup == Cleanup::Delete;
        let pause = Duration::from_secs(*self.random.pick(&[0, 0, 5, 100]));
        is_asked.then(|| self.now + pause)
    }

    fn work_on_job(&mut self, job: Arc<Job>, step: JobStep, cancelled: bool, fails: bool) {
        let (id, life) = (job.id, Some(self.life));
        let end = |world: &mut Self, consequence, state, due| {
            world.journal.set(id, state, None, due);
            let failed = JobFailure { failure: failure("the disk is on fire"), consequence };
            world.tasks.push(Task::Answer(Event::Ended { id, outcome: Err(failed) }));
        };
        let is_stale =
            |world: &Self| !job.batch.frames.iter().all(|frame| world.disk.has(&job.batch.dir, &frame.identity));
        let soon = Some(self.now + Duration::from_secs(60));
        let next = match step {
            JobStep::Inspect | JobStep::Encode if cancelled => {
                return end(self, Consequence::LaterAgain, State::Pending, None);
            }
            JobStep::Inspect | JobStep::Encode if is_stale(self) => {
                return end(self, Consequence::Stale, State::Released, None);
            }
            JobStep::Encode if fails => {
                let (consequence, state, due) = match self.random.below(4) {
                    0 => (Consequence::GiveUp, State::Failed, None),
                    1 => (Consequence::Wait(Duration::from_secs(60)), State::Pending, soon),
                    _ => (Consequence::BackOff, State::Pending, soon),
                };
                return end(self, consequence, state, due);
            }
            JobStep::Inspect => {
                self.journal.set(id, State::Encoding, life, None);
                JobStep::Encode
            }
            JobStep::Encode => JobStep::Announce,
            JobStep::Announce => {
                self.journal.set(id, State::Publishing, life, None);
                JobStep::Publish
            }
            // The journal, or the worker, fails when it is not known any more whether the video has its name.
            JobStep::Publish | JobStep::Record if fails => {
                let consequence = Consequence::Recover(Duration::from_secs(60));
                let outcome = Err(JobFailure { failure: failure("the journal is locked"), consequence });
                return self.tasks.push(Task::Answer(Event::Ended { id, outcome }));
            }
            JobStep::Publish => {
                self.journal.publish(id);
                JobStep::Record
            }
            JobStep::Record => {
                let due = self.cleanup_due(&job);
                self.journal.set(id, State::Published, None, due);
                let delivered = Delivered {
                    video: PathBuf::from(format!("/videos/{id}.mp4")),
                    frames: job.batch.frames.len() as u64,
                    rate: "24".to_owned(),
                    rate_from: String::new(),
                    ahead: 0,
                    anomalies: Vec::new(),
                    notes: Vec::new(),
                    ms: 1,
                    frames_kept_because: None,
                    identity: Journal::identity_of(id),
                };
                return self.tasks.push(Task::Answer(Event::Ended { id, outcome: Ok(Box::new(delivered)) }));
            }
        };
        self.tasks.push(Task::Job { job, step: next, cancelled });
    }

    fn work_on_encoder(&mut self, serial: Serial, fails: bool) -> bool {
        let encoder = self.encoders.get_mut(&serial).expect("a task for each encoder");
        let closed = if encoder.aborted {
            Closed::Stopped
        } else if fails && !encoder.fed.is_empty() {
            match self.random.below(3) {
                0 => Closed::Outdated,
                1 => Closed::BadFrame,
                _ => Closed::Failed { again: self.random.once_in(2) },
            }
        } else if !encoder.drained {
            encoder.drained = true;
            self.tasks.push(Task::Encoder(serial));
            self.tell(Event::Live(LiveEvent::Drained(serial)));
            return true;
        } else if !encoder.ended {
            self.tasks.push(Task::Encoder(serial));
            return false;
        } else if !encoder.encoded {
            encoder.encoded = true;
            self.tasks.push(Task::Encoder(serial));
            self.tell(Event::Live(LiveEvent::Encoded(serial)));
            return true;
        } else {
            let (key, frames) = (encoder.key.clone(), encoder.fed.clone());
            let count = frames.len();
            Closed::Chunk(self.journal.add_chunk(key, frames), count)
        };
        self.encoders.remove(&serial);
        self.tell(Event::Live(LiveEvent::Closed(serial, closed)));
        true
    }

    fn check(&self, key: &Key, frames: &[Frame]) -> Checked {
        let whole: Vec<Frame> = frames
            .iter()
            .take_while(|frame| frame.identity.size > 0 && self.disk.has(&key.0, &frame.identity))
            .cloned()
            .collect();
        let heads = whole.iter().map(|frame| (frame.clone(), Origin::default())).collect();
        let sizes = whole.iter().map(|_| (64, 64)).collect();
        Checked { incomplete: frames.get(whole.len()).cloned(), heads, sizes, whole }
    }

    fn look_at(&mut self, Inspection { dir, pattern, frames, weigh, .. }: &Inspection) -> InspectionResult {
        let files = self.disk.folders.get(dir).cloned().unwrap_or_default();
        if frames.iter().any(|frame| files.get(&frame.file_name(pattern)) != Some(&frame.identity)) {
            return InspectionResult::Changed;
        }
        let (empty, whole): (Vec<Frame>, Vec<Frame>) =
            frames.iter().cloned().partition(|frame| frame.identity.size == 0);
        let flaw = || Flaw { reason: "it is empty".to_owned(), hint: "wait".to_owned(), lasting: false };
        let flawed = empty.into_iter().map(|frame| (frame, flaw())).collect();
        let from = weigh.filter(|from| whole.last().is_some_and(|last| last.number >= *from));
        let numbers = whole.iter().map(|frame| frame.number).filter(|number| from.is_none_or(|from| *number >= from));
        let numbers: Vec<_> = numbers.collect();
        let verdict = *self.random.pick(&[
            film::FilmVerdict::Film,
            film::FilmVerdict::Film,
            film::FilmVerdict::Film,
            film::FilmVerdict::Unsure,
            film::FilmVerdict::Stills,
        ]);
        let judgement = weigh.is_some().then(|| Judgement { verdict, points: 0, reasons: Vec::new() });
        let runs = if numbers.is_empty() {
            Vec::new()
        } else {
            vec![FrameRun { numbers, judgement, total: None, rate: None, made_by: None }]
        };
        InspectionResult::Looked { flawed, runs }
    }

    fn read(&mut self, root: &Arc<Path>, id: ReaderId, request: ReadRequest) -> ScanReport {
        let report = |status, is_everything, scans, found_existing| ScanReport {
            reader: id,
            root: Arc::clone(root),
            status,
            is_everything,
            scans,
            found_existing,
            how: Arc::from(""),
            poll: None,
        };
        let away = |why: &str| RootStatus::Away { why: why.to_owned(), hint: String::new() };
        let held = self.journal.held();
        let Some(reader) = self.readers.get_mut(root).filter(|reader| reader.id == id) else {
            return report(away("it is not watched any more"), false, Vec::new(), false);
        };
        if self.away.contains(root) {
            (reader.known, reader.asleep) = (BTreeSet::new(), BTreeMap::new());
            return report(away("it does not exist"), false, Vec::new(), false);
        }
        let wanted = reader.root.clone();
        let all: Vec<Arc<Path>> =
            self.disk.folders.keys().filter(|dir| dir.starts_with(root) && wanted.reads_folder(dir)).cloned().collect();
        let mut found_existing = false;
        if !self.journal.watched.contains_key(root) {
            let before = all.iter().flat_map(|dir| self.disk.folders[dir].values().copied()).collect();
            self.journal.watched.insert(Arc::clone(root), before);
            found_existing = true;
        }
        let existing = self.journal.watched[root].clone();
        let (is_everything, folders) = match request {
            ReadRequest::Folders(folders) if !reader.known.is_empty() => (false, folders),
            _ => (true, all.iter().map(|dir| (Arc::clone(dir), Dirty::All)).collect()),
        };
        let mut scans = Vec::new();
        for (dir, dirty) in folders.into_iter().filter(|(dir, _)| wanted.reads_folder(dir)) {
            let Some(files) = self.disk.folders.get(&dir) else { continue };
            // A folder that is new below this one is read with it.
            let new = all.iter().filter(|below| below.parent() == Some(&*dir) && !reader.known.contains(*below));
            let new: Vec<Arc<Path>> = new.cloned().collect();
            let is_first = !reader.known.contains(&dir) || reader.asleep.contains_key(&dir);
            let wants = |name: &BString| wanted.wants_file(&dir, name);
            let listing = match dirty {
                Dirty::Names(names) if !is_first => Listing {
                    files: names.iter().filter_map(|name| Some((name.clone(), *files.get(name)?))).collect(),
                    gone: names.iter().filter(|name| !files.contains_key(*name)).cloned().collect(),
                    ..Listing::default()
                },
                Dirty::Names(_) | Dirty::All => {
                    let files = files.iter().filter(|(name, _)| wants(name));
                    let files = files.map(|(name, identity)| (name.clone(), *identity)).collect();
                    let mut listing = Listing { complete: true, files, ..Listing::default() };
                    if let Some(seen) = reader.asleep.get(&dir) {
                        if *seen == Some(ListingFingerprint::of(&listing.files)) {
                            continue;
                        }
                        reader.asleep.remove(&dir);
                    }
                    if is_first {
                        let old = listing.files.iter().filter(|(_, file)| existing.contains(file));
                        listing.existing = ExistingFiles::Of(FileSet::of(old.map(|(name, file)| (&name[..], file))));
                    }
                    listing
                }
            };
            reader.known.insert(Arc::clone(&dir));
            let claims: Vec<Identity> = if is_first {
                files.values().filter(|file| held.contains(file)).copied().collect()
            } else {
                Vec::new()
            };
            scans.push(FolderScan { dir, is_first, claims, outcome: Some(Ok(listing)), file: None });
            for below in new {
                let files = &self.disk.folders[&below];
                let listed = files.iter().filter(|(name, _)| wanted.wants_file(&below, name));
                let listed: Vec<_> = listed.map(|(name, identity)| (name.clone(), *identity)).collect();
                let old = listed.iter().filter(|(_, file)| existing.contains(file));
                let old = ExistingFiles::Of(FileSet::of(old.map(|(name, file)| (&name[..], file))));
                let claims = files.values().filter(|file| held.contains(file)).copied().collect();
                reader.known.insert(Arc::clone(&below));
                let listing = Listing { complete: true, files: listed, existing: old, ..Listing::default() };
                scans.push(FolderScan { dir: below, is_first: true, claims, outcome: Some(Ok(listing)), file: None });
            }
        }
        scans.sort_by(|a, b| b.dir.cmp(&a.dir));
        report(RootStatus::There, is_everything, scans, found_existing)
    }

    /// A reader panics after it has read. It forgets all that it knows: nobody heard of it.
    fn read_unheard(&mut self, root: &Arc<Path>, id: ReaderId, request: ReadRequest) {
        self.read(root, id, request);
        if let Some(reader) = self.readers.get_mut(root).filter(|reader| reader.id == id) {
            (reader.known, reader.asleep) = (BTreeSet::new(), BTreeMap::new());
        }
    }

    pub(super) fn fail(&self, what: &str) -> ! {
        let trace: Vec<&str> = self.trace.iter().map(String::as_str).collect();
        let batches: Vec<String> = self
            .journal
            .batches
            .iter()
            .map(|(id, record)| {
                let numbers: Vec<_> = record.batch.frames.iter().map(|frame| frame.number).collect();
                format!("{id} {:?} {} {numbers:?}", record.state, record.batch.pattern)
            })
            .collect();
        panic!(
            "{what}\n{}\ntasks: {:#?}\nsequences: {:#?}\nbatches: {batches:#?}\nfiles: {:#?}",
            trace.join("\n"),
            self.tasks,
            self.core.snapshot().sequences,
            self.disk
                .folders
                .iter()
                .map(|(dir, files)| (
                    dir,
                    files
                        .iter()
                        .map(|(name, file)| format!("{name} {} {}", file.mtime_ns, file.size))
                        .collect::<Vec<_>>()
                ))
                .collect::<Vec<_>>(),
        );
    }

    /// The core's clock.
    fn lived(&self) -> Duration {
        self.now.saturating_sub(self.born)
    }

    fn note(&mut self, line: String) {
        if self.trace.len() >= 150 {
            self.trace.pop_front();
        }
        self.trace.push_back(line);
    }
}

/// An event, as far as it fits into a line.
fn short(event: &Event) -> String {
    match event {
        Event::Scanned(report) | Event::Rescanned(report) => {
            let dirs: Vec<String> = report
                .scans
                .iter()
                .map(|scan| {
                    format!(
                        "{} {:?}",
                        scan.dir.display(),
                        scan.outcome
                            .as_ref()
                            .map(|outcome| outcome.as_ref().map(|listing| (listing.complete, listing.files.len())))
                    )
                })
                .collect();
            format!("scanned {:?} {:?} {dirs:?}", report.root, report.status)
        }
        Event::Inspected { inspection, result, .. } => {
            format!("inspected {} {} {result:?}", inspection.dir.display(), inspection.pattern)
        }
        Event::Begun(job) => format!("begun {} {}", job.id, job.name()),
        Event::DueWork(Ok(work)) => {
            format!("due {:?} told {:?}", work.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), work.told)
        }
        other => {
            let text = format!("{other:?}");
            text.chars().take(160).collect()
        }
    }
}
