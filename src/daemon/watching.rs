//! The loop's side of watching: which root is read when, and what the readings mean for the tracker.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::config::Root;
use crate::daemon::event::Event;
use crate::daemon::memory;
use crate::daemon::reader::{Fingerprint, ReaderId, Reading, Report, RootReader, Standing, Wants};
use crate::daemon::systemd::Systemd;
use crate::daemon::{Daemon, GATHER, GATHER_URGENT, Phase};
use crate::error::{Explain as _, chain};
use crate::frame::sample::{self, Inspected};
use crate::frame::{FrameErrorKind, complete};
use crate::pipeline::places;
use crate::sequence::group::Scope;
use crate::sequence::sizes::SizeChange;
use crate::sequence::tracker::{Decision, Event as Tracked, ExistingCount, Listing, Verdict};
use crate::sequence::{Flaw, Frame, FrameNumber, Kind, Pattern, name, order, os_name};
use crate::text::plural::agree;
use crate::text::printable::Show as _;
use crate::watch::dirty::Dirty;
use crate::watch::noticing;

/// Time between two readings of everything below a root that is watched natively: events can get lost.
const RECONCILE: Duration = Duration::from_secs(300);

/// From this many files on their memory, some megabytes, is given back when they are forgotten.
const WORTH_GIVING_BACK: usize = 10_000;

/// Time between two looks for a root that is not there.
const AWAIT_ROOT: Duration = Duration::from_secs(2);

/// One root, as the loop sees it.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) reader: Arc<RootReader>,
    pub(super) standing: Option<Standing>,
    pending: Vec<Wants>,
    /// Folders that a client called finished, to be read before that counts.
    pub(super) done: Vec<Arc<Path>>,
    /// Those of them that are being read.
    done_when_read: Vec<Arc<Path>>,
    busy: bool,
    next_full: Duration,
}

impl Watched {
    pub(super) fn due(&self) -> Duration {
        self.next_full
    }
}

impl Daemon {
    pub(super) fn open_roots(&mut self) {
        let settings = self.settings.now();
        for root in settings.config.roots.clone() {
            self.open_root(root);
        }
        // A file server that does not answer must not hold the loop up.
        let tools = self.tools.clone();
        tokio::task::spawn_blocking(move || places::learn(&settings.config, &tools));
    }

    pub(super) fn open_root(&mut self, root: Root) {
        let watching = noticing::decide(&root.path, root.watch);
        let link = root.link.as_ref().map(|link| tracing::field::display(link.shown()));
        tracing::info!(path = %root.path.shown(), link, file_system = watching.fs_type, how = %watching.why, "watching");
        let reader = Arc::new(RootReader::new(root, watching, Arc::clone(&self.watcher), self.tools.journal.clone()));
        let path = Arc::clone(reader.path());
        let watched = Watched {
            reader,
            standing: None,
            pending: Vec::new(),
            done: Vec::new(),
            done_when_read: Vec::new(),
            busy: false,
            next_full: self.now(),
        };
        self.roots.insert(path, watched);
    }

    /// Asks for the roots whose time has come.
    pub(super) fn read_due_roots(&mut self, now: Duration) {
        let due: Vec<_> =
            self.roots.iter().filter(|(_, root)| root.due() <= now).map(|(path, _)| Arc::clone(path)).collect();
        for path in due {
            self.want(&path, Wants::Everything);
        }
    }

    /// Looks at the dirty folders after `wait` at the latest.
    pub(super) fn gather_within(&mut self, wait: Duration) {
        let at = self.now() + wait;
        self.timers.gather = Some(self.timers.gather.map_or(at, |due| due.min(at)));
    }

    /// How long changed frames may wait. A rule that counts frames wants to know them at once.
    pub(super) fn patience(&self) -> Duration {
        let counts = |root: &Root| {
            let rules = &root.finish;
            rules.final_frame.is_some() || rules.last_frame.is_some() || rules.frame_count.is_some()
        };
        if self.settings.now().config.roots.iter().any(counts) { GATHER_URGENT } else { GATHER }
    }

    /// Folders changed: read them, or their changed names.
    pub(super) fn gather_dirty(&mut self) {
        for (dir, dirty) in self.watcher.take_dirty() {
            let Some(root) = self.root_path_of(&dir) else { continue };
            self.want(&root, Wants::Folders(vec![(dir, dirty)]));
        }
    }

    /// Reads `wants` of a root, after what is being read now.
    pub(super) fn want(&mut self, root: &Arc<Path>, wants: Wants) {
        let now = self.now();
        let Some(watched) = self.roots.get_mut(root) else { return };
        if matches!(wants, Wants::Everything) {
            watched.next_full = now + watched.reader.poll().unwrap_or(RECONCILE);
            if watched.busy && watched.pending.iter().any(|wants| matches!(wants, Wants::Everything)) {
                return;
            }
        }
        watched.pending.push(wants);
        self.read_pending(root);
    }

    fn read_pending(&mut self, root: &Arc<Path>) {
        let Some(watched) = self.roots.get_mut(root) else { return };
        if watched.busy || watched.pending.is_empty() {
            return;
        }
        watched.busy = true;
        watched.done_when_read.append(&mut watched.done);
        let wants = merge(std::mem::take(&mut watched.pending));
        let reader = Arc::clone(&watched.reader);
        let sender = self.sender.clone();
        tokio::task::spawn_blocking(move || {
            reader.tell(wants, |report| {
                // The loop is gone only when the daemon has stopped.
                let _ = sender.send(Event::Read(report));
            });
        });
    }

    /// A root was read.
    pub(super) fn read(&mut self, report: Report) {
        let root = Arc::clone(&report.root);
        if !self.is_current(&report.reader, &root) {
            return;
        }
        let is_there = report.standing == Standing::There;
        let tired = if report.is_everything { listed(&report) } else { Vec::new() };
        self.take_in(report);
        if let Some(watched) = self.roots.get_mut(&root) {
            watched.busy = false;
            let done = std::mem::take(&mut watched.done_when_read);
            if is_there {
                for dir in done {
                    let (dir, _) = self.home_of(&dir);
                    self.track(Tracked::Done(dir));
                }
            } else {
                watched.done.extend(done);
            }
        }
        self.put_to_sleep(&root, tired);
        self.read_pending(&root);
        self.ready_when_all_roots_are_read();
    }

    /// Forgets the files of folders in which nothing goes on, so that old files cost no memory.
    ///
    /// Only after a reading of everything, which comes every few minutes: a folder in which frames are removed one by one
    /// must not be read as a whole for each of them.
    fn put_to_sleep(&mut self, root: &Path, folders: Vec<(Arc<Path>, Fingerprint)>) {
        // Folders that follow each other are one to the tracker, and each of them may go on.
        let Some(watched) = self.roots.get(root).filter(|watched| watched.reader.root.group == Scope::Folder) else {
            return;
        };
        let mut files = 0;
        for (dir, seen) in folders {
            if self.tracker.sleep(&dir) {
                watched.reader.sleep(&dir, seen);
                files += seen.files();
            }
        }
        if files >= WORTH_GIVING_BACK {
            tokio::task::spawn_blocking(memory::give_back);
        }
    }

    /// Learns how a root stands and what its folders hold. Every reading counts, whoever asked for it: the reader takes
    /// the folders in it for known from now on.
    fn take_in(&mut self, report: Report) {
        let Some(watched) = self.roots.get_mut(&report.root) else { return };
        let before = watched.standing.replace(report.standing.clone());
        if report.standing != Standing::There {
            watched.next_full = self.started.elapsed() + AWAIT_ROOT;
        }
        if before.as_ref() != Some(&report.standing) {
            tell_standing(&report.root, &report.standing, before.is_some());
        }
        for reading in report.readings {
            self.folder_read(&report.root, reading);
        }
        if report.found_existing {
            self.tell_left_alone(&report.root);
        }
    }

    /// Says once what a newly watched root holds already and nobody asked for.
    fn tell_left_alone(&self, root: &Path) {
        let ExistingCount { sequences, files } = self.tracker.existing(root);
        if sequences > 0 {
            let path = root.shown();
            tracing::info!(%path, sequences, files, hint = left_alone_hint(root), "these were there before and are left alone");
        }
    }

    fn folder_read(&mut self, root: &Arc<Path>, Reading { dir: read, is_first, claims, outcome }: Reading) {
        let (dir, within) = self.home_of(&read);
        let outcome = match outcome {
            // One of several that follow each other: the others stay.
            None if !within.is_empty() => Ok(Listing { complete: true, ..Listing::default() }),
            None => {
                self.live_folder_gone(&dir);
                return self.track(Tracked::FolderGone(dir));
            }
            Some(outcome) => outcome,
        };
        let Some(watched) = self.roots.get(root) else { return };
        let settings = &watched.reader.root;
        self.tracker.open(Arc::clone(&dir), Arc::clone(&settings.finish), Arc::clone(&settings.names));
        if outcome.is_err() {
            // A folder that sleeps goes on sleeping.
        } else if is_first {
            self.tracker.wake(&dir);
        } else if self.tracker.is_asleep(&dir) {
            // A reading from before it fell asleep does not say which of its files are old.
            watched.reader.wake(&dir);
            return self.want(root, Wants::Folders(vec![(dir, Dirty::All)]));
        }
        // Also when the folder could not be read: the claims come with its first reading only.
        if !claims.is_empty() {
            self.track(Tracked::Claimed { dir: Arc::clone(&dir), files: claims });
        }
        match outcome {
            Ok(listing) => self.track(Tracked::Listed { dir, listing: listing.below(within) }),
            Err(error) => {
                let hint = error.hint().unwrap_or_default();
                tracing::warn!(path = %read.shown(), error = %chain(&error), hint, "this folder cannot be read; nothing is concluded from that");
            }
        }
    }

    /// A folder was read because a sequence in it is being inspected.
    pub(super) fn relisted(&mut self, report: Report) {
        if self.is_current(&report.reader, &report.root) {
            self.take_in(report);
        }
    }

    /// The files of a sequence were looked at. Where the config was read again meanwhile, that says nothing: which files are
    /// those of the sequence may be decided otherwise by now.
    pub(super) fn inspected(&mut self, reader: &ReaderId, answer: Tracked) {
        let Tracked::Inspected { dir, pattern, .. } = &answer else { return };
        let root = self.root_path_of(dir);
        if root.as_ref().is_some_and(|root| self.is_current(reader, root)) {
            return self.track(answer);
        }
        let (dir, pattern) = (Arc::clone(dir), pattern.clone());
        self.track(Tracked::Inspected { dir: Arc::clone(&dir), pattern, verdict: Verdict::Changed });
        // The sequence waits for a reading of its folder, and the one by the new config may have been there before.
        if let Some(root) = root {
            self.want(&root, Wants::Folders(vec![(dir, Dirty::All)]));
        }
    }

    fn is_current(&self, reader: &ReaderId, root: &Path) -> bool {
        self.roots.get(root).is_some_and(|watched| watched.reader.id == *reader)
    }

    pub(super) fn tick(&mut self) {
        self.track(Tracked::Tick);
    }

    /// Tells the tracker, and does what it decides.
    pub(super) fn track(&mut self, event: Tracked) {
        let now = self.now();
        for decision in self.tracker.apply(event, now) {
            match decision {
                Decision::Inspect { dir, pattern, frames, weigh } => self.inspect(dir, pattern, frames, weigh),
                Decision::Seal(batch) => {
                    let missing = (!batch.missing.is_empty()).then_some(&batch.missing);
                    let order = order::judge(&batch.pattern, &batch.frames);
                    tracing::info!(dir = %batch.dir.shown(), pattern = %batch.pattern, frames = batch.frames.len(), missing = missing.map(tracing::field::display), order = order.map(tracing::field::display), taken_for = batch.taken_for.as_ref().map(|taken_for| taken_for.why.as_str()), why = %batch.reason, "sequence finished");
                    self.live_sealed(&batch);
                    self.begin(batch);
                }
                Decision::Grew { dir, pattern, from } => self.grew(&dir, pattern, from),
                Decision::Previews { dir, files } => self.keep_previews(dir, files),
                Decision::LeftAlone { dir, why, count, example } => {
                    let images = agree(count as u64, "an image is", "images are");
                    tracing::info!(dir = %dir.shown(), count, %example, "{images} left alone: {}", why.of(count));
                }
                Decision::Note { dir, pattern, text, hint: Some(hint) } => {
                    tracing::warn!(dir = %dir.shown(), %pattern, hint, "{text}");
                }
                Decision::Note { dir, pattern, text, hint: None } => {
                    tracing::info!(dir = %dir.shown(), %pattern, "{text}");
                }
            }
        }
    }

    fn inspect(&mut self, dir: Arc<Path>, pattern: Pattern, frames: Vec<Frame>, weigh: Option<FrameNumber>) {
        let Some(reader) =
            self.root_path_of(&dir).and_then(|root| self.roots.get(&root)).map(|root| Arc::clone(&root.reader))
        else {
            return;
        };
        let size_change = self.root_of(&dir).map_or(SizeChange::Split, |root| root.video.size_change);
        let sender = self.sender.clone();
        self.spawn(move || {
            // Events are hints: the folder is read once more before a sequence counts as finished. What it shows is told
            // before its files are looked at, which takes time.
            let folders: BTreeSet<PathBuf> = frames.iter().map(|frame| folder_of(&dir, &pattern, frame)).collect();
            let is_listed = reader.relist(&dir, |report| {
                let is_listed = folders.iter().all(|folder| report.has_listed(folder));
                // The loop is gone only when the daemon has stopped.
                let _ = sender.send(Event::Relisted(report));
                is_listed
            });
            let verdict =
                if is_listed { look_at(&dir, &pattern, frames, weigh, size_change) } else { Verdict::Changed };
            // The tracker waits for it, whatever became of the root.
            Event::Inspected(reader.id.clone(), Tracked::Inspected { dir, pattern, verdict })
        });
    }

    fn ready_when_all_roots_are_read(&mut self) {
        if self.phase == Phase::Starting && self.roots.values().all(|root| root.standing.is_some()) {
            self.phase = Phase::Running;
            Systemd::ready();
            self.show_status();
            tracing::info!(roots = self.roots.len(), "ready");
        }
    }

    /// The folder that the films of `dir` belong to, and the path from there to `dir`.
    pub(super) fn home_of(&self, dir: &Arc<Path>) -> (Arc<Path>, BString) {
        let root = self.root_path_of(dir).and_then(|root| self.roots.get(&root));
        match root.map(|root| root.reader.root.home_of(dir)) {
            Some((home, within)) if !within.is_empty() => (Arc::from(home), within),
            _ => (Arc::clone(dir), BString::default()),
        }
    }

    /// What holds for a folder that is watched.
    pub(super) fn root_of(&self, dir: &Path) -> Option<Root> {
        self.settings.now().of(dir).cloned()
    }

    /// The root of a folder that is watched.
    pub(super) fn root_path_of(&self, dir: &Path) -> Option<Arc<Path>> {
        let settings = self.settings.now();
        self.roots.get_key_value(&*settings.of(dir)?.path).map(|(path, _)| Arc::clone(path))
    }
}

/// Whether a change of this name must not wait with the frames: a marker, or a folder. Generators' temporaries are
/// frames on their way, and pictures that cannot be read come as often as frames.
pub(super) fn is_urgent(name: &[u8]) -> bool {
    !name::has_frame_extension(name) && !name::is_temporary(name) && name::unsupported::format_of(name).is_none()
}

/// The folders that a report shows as a whole.
fn listed(report: &Report) -> Vec<(Arc<Path>, Fingerprint)> {
    let whole = report.readings.iter().filter_map(|reading| match &reading.outcome {
        Some(Ok(listing)) if listing.complete => Some((Arc::clone(&reading.dir), Fingerprint::of(listing))),
        _ => None,
    });
    whole.collect()
}

/// One wish instead of many; reading everything includes the rest.
fn merge(pending: Vec<Wants>) -> Wants {
    let mut folders = Vec::new();
    for wants in pending {
        match wants {
            Wants::Everything => return Wants::Everything,
            Wants::Folders(more) => folders.extend(more),
        }
    }
    Wants::Folders(folders)
}

/// The folder that `frame` is in.
fn folder_of(dir: &Path, pattern: &Pattern, frame: &Frame) -> PathBuf {
    let name = frame.name.as_ref().filter(|_| matches!(pattern.kind, Kind::Folders { .. }));
    let within = name.map_or(&b""[..], |name| name::split_folder(name).0);
    // Joined with nothing it would end with a slash.
    if within.is_empty() { dir.to_owned() } else { dir.join(os_name(within)) }
}

/// Looks at every file, and with `weigh` also gathers what speaks for a film, of the frames from that number on.
fn look_at(
    dir: &Path,
    pattern: &Pattern,
    frames: Vec<Frame>,
    weigh: Option<FrameNumber>,
    size_change: SizeChange,
) -> Verdict {
    let mut flawed = Vec::new();
    let mut whole = Vec::with_capacity(frames.len());
    for frame in frames {
        let path = dir.join(os_name(&frame.file_name(pattern)));
        // The sequence waits for the verdict, so that a parser's panic over one strange file must not swallow it.
        let looked = catch_unwind(|| complete::inspect_with_origin(&path, &frame.identity));
        let flaw = match looked {
            Ok(Ok((info, origin))) => {
                whole.push(Inspected { frame, info, origin });
                continue;
            }
            Ok(Err(error)) if matches!(error.kind, FrameErrorKind::Changed | FrameErrorKind::Vanished) => {
                return Verdict::Changed;
            }
            Ok(Err(error)) => {
                tracing::debug!(path = %error.path.shown(), reason = %chain(&error.kind), "not whole");
                Flaw {
                    reason: chain(&error.kind).to_string(),
                    hint: error.hint().unwrap_or_default(),
                    lasting: error.kind.is_lasting(),
                }
            }
            Err(_) => {
                let hint = "this is a bug in reeld: keep the file, and report it";
                tracing::error!(path = %path.shown(), hint, "looking at this frame failed");
                Flaw { reason: "looking at it failed".to_owned(), hint: hint.to_owned(), lasting: true }
            }
        };
        flawed.push((frame, flaw));
    }
    // Where none of those can be read, what is before them is all there is.
    let weighed = |from| match whole.partition_point(|inspected| inspected.frame.number < from) {
        at if at < whole.len() => &whole[at..],
        _ => &whole[..],
    };
    let runs = match weigh {
        Some(from) => sample::runs(dir, pattern, weighed(from), size_change),
        None => sample::runs_by_size(&whole, size_change),
    };
    Verdict::Looked { flawed, runs }
}

/// How to get videos of what is left alone.
pub(crate) fn left_alone_hint(root: &Path) -> String {
    format!(
        "`reeld encode {}` makes videos of them now, and existing = \"encode\" in the config also does",
        root.shown()
    )
}

fn tell_standing(root: &Path, standing: &Standing, known: bool) {
    let path = root.shown();
    match standing {
        Standing::There if known => tracing::info!(%path, "the root is there again"),
        Standing::There => tracing::debug!(%path, "the root is there"),
        Standing::Away { why, hint } => {
            tracing::warn!(%path, hint, "{why}; nothing below this root is scanned, forgotten or removed meanwhile");
        }
    }
}
