//! Roots: which of them is read when, what the readings mean for the tracker, and what follows from its decisions.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use crate::config::Root;
use crate::core::effect::{Effect, Inspection, Notice};
use crate::core::event::{Failure, FolderScan, ReadRequest, RootStatus, ScanReport};
use crate::core::news::News;
use crate::core::{Core, GATHER, GATHER_URGENT, Phase};
use crate::model::Identity;
use crate::sequence::group::Scope;
use crate::sequence::sizes::SizeChange;
use crate::sequence::tracker::{Decision, Event as Tracked, InspectionResult, Listing};
use crate::sequence::{Frame, FrameNumber, Pattern};
use crate::watch::dirty::Dirty;
use crate::watch::native::Urgency;

/// Time between two readings of everything below a root that is watched natively: events can get lost. The kernel drops
/// them when its queue overflows (inotify(7)), and what is written into the upper folder of an overlay brings none.
const RECONCILE: Duration = Duration::from_secs(300);

/// From this many files on their memory, some megabytes, is given back when they are forgotten.
const WORTH_GIVING_BACK: usize = 10_000;

/// Time between two looks for a root that is not there.
const AWAIT_ROOT: Duration = Duration::from_secs(2);

/// Tells a reader from the one that was there for the same root before the config was read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReaderId(pub(super) u64);

#[cfg(test)]
impl ReaderId {
    /// For a reader without a core.
    pub(crate) fn of(number: u64) -> Self {
        Self(number)
    }
}

/// All that a folder holds, in sixteen bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListingFingerprint {
    files: usize,
    /// Does not depend on the order in which the file system lists them.
    sum: u64,
}

impl ListingFingerprint {
    /// That of a complete listing of these files.
    pub(crate) fn of(files: &[(BString, Identity)]) -> Self {
        let hash = |(name, identity): &(BString, Identity)| {
            let mut hasher = DefaultHasher::new();
            (name, identity).hash(&mut hasher);
            hasher.finish()
        };
        let sum = files.iter().map(hash).fold(0, u64::wrapping_add);
        Self { files: files.len(), sum }
    }
}

/// One root that is watched.
#[derive(Debug)]
pub(super) struct WatchedRoot {
    reader: ReaderId,
    root: Root,
    /// `None` before it was read for the first time.
    pub(super) status: Option<RootStatus>,
    /// Whether it was there when it was read, so that the files of its folders are known.
    pub(super) was_read: bool,
    pending: Vec<ReadRequest>,
    /// Folders that a client called finished, to be read before that counts.
    done: Vec<Arc<Path>>,
    /// Those of them that are being read.
    done_when_read: Vec<Arc<Path>>,
    /// A reading is under way.
    busy: bool,
    /// How changes are noticed, as a phrase; empty before it was read.
    pub(super) how: Arc<str>,
    /// Time between two readings of everything, where events do not tell all.
    pub(super) poll: Option<Duration>,
    next_full: Duration,
}

impl WatchedRoot {
    /// When everything in it is read next.
    pub(super) fn due(&self) -> Duration {
        self.next_full
    }
}

#[cfg(test)]
impl WatchedRoot {
    pub(super) fn reader_id(&self) -> ReaderId {
        self.reader
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }
}

impl Core {
    pub(super) fn open_roots(&mut self) {
        for root in self.settings.config.roots.clone() {
            self.readers += 1;
            let reader = ReaderId(self.readers);
            let watched = WatchedRoot {
                reader,
                root: root.clone(),
                status: None,
                was_read: false,
                pending: Vec::new(),
                done: Vec::new(),
                done_when_read: Vec::new(),
                busy: false,
                how: Arc::from(""),
                poll: None,
                next_full: self.now,
            };
            self.roots.insert(Arc::from(root.path.as_path()), watched);
            self.out.push(Effect::OpenRoot { reader, root: Box::new(root) });
        }
        self.out.push(Effect::LearnPlaces);
    }

    /// Asks for the roots whose time has come.
    pub(super) fn read_due_roots(&mut self) {
        let due = self.roots.iter().filter(|(_, root)| root.due() <= self.now).map(|(path, _)| Arc::clone(path));
        for path in due.collect::<Vec<_>>() {
            self.want(&path, ReadRequest::Everything);
        }
    }

    /// Folders changed: they are looked at in a while. A rule that counts frames wants to know them at once.
    pub(super) fn gather_within(&mut self, urgency: Urgency) {
        let counts = |root: &Root| {
            let rules = &root.finish;
            rules.final_frame.is_some() || rules.last_frame.is_some() || rules.frame_count.is_some()
        };
        let settings = &self.settings;
        let mut all = settings.config.roots.iter().chain(settings.folders().map(|(.., root)| root));
        let is_urgent = urgency == Urgency::Now || all.any(counts);
        let at = self.now + if is_urgent { GATHER_URGENT } else { GATHER };
        self.timers.gather = Some(self.timers.gather.map_or(at, |due| due.min(at)));
    }

    /// Reads the folders that changed, or their changed names.
    pub(super) fn read_changed(&mut self, folders: Vec<(Arc<Path>, Dirty)>) {
        // One request for all folders of a root. A marker speaks for the folders below its own, and what was taken together is
        // all that was written before it: read one by one, its folder would be told before the last frames below it.
        let mut by_root: BTreeMap<Arc<Path>, Vec<(Arc<Path>, Dirty)>> = BTreeMap::new();
        for (dir, dirty) in folders {
            if let Some(root) = self.root_path_of(&dir) {
                by_root.entry(root).or_default().push((dir, dirty));
            }
        }
        for (root, folders) in by_root {
            self.want(&root, ReadRequest::Folders(folders));
        }
    }

    /// Reads `request` of a root, after what is being read now. One reading of a root at a time: the report of a reading
    /// that began earlier and ended later would put files back that the other one saw go.
    pub(super) fn want(&mut self, root: &Arc<Path>, request: ReadRequest) {
        let now = self.now;
        let Some(watched) = self.roots.get_mut(root) else { return };
        if matches!(request, ReadRequest::Everything) {
            watched.next_full = now + watched.poll.unwrap_or(RECONCILE);
            if watched.busy && watched.pending.iter().any(|pending| matches!(pending, ReadRequest::Everything)) {
                return;
            }
        }
        watched.pending.push(request);
        self.read_pending(root);
    }

    fn read_pending(&mut self, root: &Arc<Path>) {
        let Some(watched) = self.roots.get_mut(root) else { return };
        if watched.busy || watched.pending.is_empty() {
            return;
        }
        watched.busy = true;
        watched.done_when_read.append(&mut watched.done);
        let request = merge(std::mem::take(&mut watched.pending));
        self.out.push(Effect::Read { root: Arc::clone(root), reader: watched.reader, request });
    }

    /// A root was read.
    pub(super) fn scanned(&mut self, report: ScanReport) {
        let root = Arc::clone(&report.root);
        if !self.is_current(report.reader, &root) {
            return;
        }
        let is_there = report.status == RootStatus::There;
        let quiet = if report.is_everything { report.listed() } else { Vec::new() };
        self.take_in_report(report);
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
        self.put_to_sleep(&root, quiet);
        self.read_pending(&root);
        self.ready_when_all_roots_are_read();
    }

    /// A reading came to nothing. Nothing is concluded from it, and everything is read again soon: nobody knows what was
    /// missed.
    pub(super) fn scan_lost(&mut self, root: &Arc<Path>, reader: ReaderId, failure: &Failure) {
        if !self.is_current(reader, root) {
            return;
        }
        self.tell(News::ScanLost { root: Arc::clone(root), failure: failure.clone() });
        let Some(watched) = self.roots.get_mut(root) else { return };
        watched.busy = false;
        let done = std::mem::take(&mut watched.done_when_read);
        watched.done.extend(done);
        watched.next_full = self.now + AWAIT_ROOT;
        let status = RootStatus::Away { why: failure.line.clone(), hint: failure.hint.clone() };
        watched.status.get_or_insert(status);
        // What waits would fail in the same way: it is part of everything.
        watched.pending.clear();
        self.ready_when_all_roots_are_read();
    }

    /// Forgets the files of folders in which nothing goes on, so that old files cost no memory.
    ///
    /// Only after a reading of everything, which comes every few minutes: a folder in which frames are removed one by one
    /// must not be read as a whole for each of them.
    fn put_to_sleep(&mut self, root: &Arc<Path>, folders: Vec<(Arc<Path>, ListingFingerprint)>) {
        // Folders that follow each other are one to the tracker, and each of them may go on.
        if self.roots.get(root).is_none_or(|watched| watched.root.group != Scope::Folder) {
            return;
        }
        let mut files = 0;
        for (dir, seen) in folders {
            if self.tracker.sleep(&dir) {
                files += seen.files;
                self.out.push(Effect::Sleep { root: Arc::clone(root), dir, seen });
            }
        }
        if files >= WORTH_GIVING_BACK {
            self.out.push(Effect::GiveBackMemory);
        }
    }

    /// Learns how a root is and what its folders hold. Every reading counts, whoever asked for it: the reader takes the
    /// folders in it for known from now on.
    fn take_in_report(&mut self, report: ScanReport) {
        let Some(watched) = self.roots.get_mut(&report.root) else { return };
        let before = watched.status.replace(report.status.clone());
        watched.was_read |= report.status == RootStatus::There;
        (watched.how, watched.poll) = (Arc::clone(&report.how), report.poll);
        if let Some(poll) = report.poll {
            // Events do not tell all of it, as was not known before it was read.
            watched.next_full = watched.next_full.min(self.now + poll);
        }
        if report.status != RootStatus::There {
            watched.next_full = self.now + AWAIT_ROOT;
        }
        if before.as_ref() != Some(&report.status) {
            let (root, status) = (Arc::clone(&report.root), report.status.clone());
            self.tell(News::Root { root, status, known: before.is_some() });
        }
        if !report.scans.is_empty() {
            self.status_changed();
        }
        for scan in report.scans {
            self.folder_scanned(&report.root, scan);
        }
        if report.found_existing {
            let count = self.tracker.existing(&report.root);
            if count.sequences > 0 {
                self.tell(News::FoundExisting { root: report.root, count });
            }
        }
    }

    fn folder_scanned(&mut self, root: &Arc<Path>, scan: FolderScan) {
        let FolderScan { dir: read, is_first, claims, outcome, file } = scan;
        if let Some(file) = file {
            self.folder_says(root, &read, file, is_first);
        } else if outcome.is_none() {
            self.folder_file_gone(&read);
        }
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
        let Some(holds) = self.settings.of(&dir) else { return };
        let (finish, names) = (Arc::clone(&holds.finish), Arc::clone(&holds.names));
        self.tracker.open(Arc::clone(&dir), finish, names);
        if outcome.is_err() {
            // A folder that sleeps goes on sleeping.
        } else if is_first {
            self.tracker.wake(&dir);
        } else if self.tracker.is_asleep(&dir) {
            // A reading from before it fell asleep does not say which of its files are old.
            self.out.push(Effect::Wake { root: Arc::clone(root), dir: Arc::clone(&dir) });
            return self.want(root, ReadRequest::Folders(vec![(dir, Dirty::All)]));
        }
        // Also when the folder could not be read: the claims come with its first reading only.
        if !claims.is_empty() {
            self.track(Tracked::Claimed { dir: Arc::clone(&dir), files: claims });
        }
        match outcome {
            Ok(listing) => self.track(Tracked::Listed { dir, listing: listing.below(within) }),
            Err(failure) => self.tell(News::Unreadable { dir: read, failure }),
        }
    }

    /// A folder was read because a sequence in it is being inspected.
    pub(super) fn rescanned(&mut self, report: ScanReport) {
        if self.is_current(report.reader, &report.root) {
            self.take_in_report(report);
        }
    }

    /// The files of a sequence were looked at. Where the config was read again meanwhile, that says nothing: which files are
    /// those of the sequence may be decided otherwise by now. The tracker is answered all the same, since it waits for an
    /// answer and would wait for ever.
    pub(super) fn inspected(&mut self, reader: ReaderId, inspection: &Inspection, result: InspectionResult) {
        let (dir, pattern) = (Arc::clone(&inspection.dir), inspection.pattern.clone());
        let root = self.root_path_of(&dir);
        let is_right = !self.refused_files.contains_key(&dir);
        if is_right && root.as_ref().is_some_and(|root| self.is_current(reader, root)) {
            return self.track(Tracked::Inspected { dir, pattern, result });
        }
        self.inspect_anew(dir, pattern, root.filter(|_| is_right));
    }

    /// An inspection came to nothing: the sequence waits for a reading of its folder.
    fn inspect_anew(&mut self, dir: Arc<Path>, pattern: Pattern, root: Option<Arc<Path>>) {
        self.track(Tracked::Inspected { dir: Arc::clone(&dir), pattern, result: InspectionResult::Changed });
        // The one by the new config may have been there before.
        if let Some(root) = root {
            self.want(&root, ReadRequest::Folders(vec![(dir, Dirty::All)]));
        }
    }

    fn is_current(&self, reader: ReaderId, root: &Path) -> bool {
        self.roots.get(root).is_some_and(|watched| watched.reader == reader)
    }

    /// Tells the tracker, and does what it decides.
    pub(super) fn track(&mut self, event: Tracked) {
        for decision in self.tracker.apply(event, self.now) {
            match decision {
                Decision::Inspect { dir, pattern, frames, weigh } => self.inspect(dir, pattern, frames, weigh),
                Decision::Seal(batch) => {
                    self.tell(News::Finished(batch.clone()));
                    self.live_sealed(&batch);
                    self.begin(batch);
                }
                Decision::Grew { dir, pattern, from } => self.grew(&dir, pattern, from),
                Decision::Previews { dir, files } => self.out.push(Effect::KeepPreviews { dir, files }),
                Decision::LeftAlone { dir, why, count, example } => {
                    self.tell(News::LeftAlone { dir, why, count, example });
                }
                Decision::Note { dir, pattern, text, hint } => {
                    self.tell(News::Sequence { dir, pattern, text, hint });
                }
            }
        }
    }

    fn inspect(&mut self, dir: Arc<Path>, pattern: Pattern, frames: Vec<Frame>, weigh: Option<FrameNumber>) {
        if self.refused_files.contains_key(&dir) {
            // It waits for a file that is right: the next listing of the folder asks again.
            return self.track(Tracked::Inspected { dir, pattern, result: InspectionResult::Changed });
        }
        let Some(root) = self.root_path_of(&dir) else { return };
        let Some(watched) = self.roots.get(&root) else { return };
        let settings = self.settings.of(&dir);
        let size_change = settings.map_or(SizeChange::Split, |root| root.video.size_change);
        let generator = settings.and_then(|root| root.finish.generator);
        let layer = settings.and_then(|root| root.video.layer.clone());
        let inspection = Inspection { dir, pattern, frames, weigh, size_change, generator, layer };
        let reader = watched.reader;
        self.out.push(Effect::Inspect { root, reader, inspection });
    }

    fn ready_when_all_roots_are_read(&mut self) {
        if self.phase == Phase::Starting && self.roots.values().all(|root| root.status.is_some()) {
            self.phase = Phase::Running;
            self.out.push(Effect::Notify(Notice::Ready));
            self.show_status();
            self.tell(News::Ready { roots: self.roots.len() });
            self.try_recipes();
        }
    }

    /// A client says that the sequences of a folder are finished. What is there now is what it means, so the folders are
    /// read first: with `group = "tree"` also those that the film of this one goes through. Whether the folder is watched.
    pub(super) fn done_when_read(&mut self, dir: &Path) -> bool {
        let Some(root) = self.root_path_of(dir) else { return false };
        let dir: Arc<Path> = Arc::from(dir);
        let batches = self.tracker.batch_folders(&dir);
        let (home, _) = self.home_of(&dir);
        let folders = batches.into_iter().chain([home]).map(|dir| (dir, Dirty::All)).collect();
        self.out.push(Effect::Wake { root: Arc::clone(&root), dir: Arc::clone(&dir) });
        if let Some(watched) = self.roots.get_mut(&root) {
            watched.done.push(dir);
        }
        self.want(&root, ReadRequest::Folders(folders));
        true
    }

    /// The folder that the films of `dir` belong to, and the path from there to `dir`.
    pub(super) fn home_of(&self, dir: &Arc<Path>) -> (Arc<Path>, BString) {
        let root = self.root_path_of(dir).and_then(|root| self.roots.get(&root));
        match root.map(|root| root.root.home_of(dir)) {
            Some((home, within)) if !within.is_empty() => (Arc::from(home), within),
            _ => (Arc::clone(dir), BString::default()),
        }
    }

    /// What holds for a folder that is watched.
    pub(super) fn root_of(&self, dir: &Path) -> Option<Root> {
        self.settings.of(dir).cloned()
    }

    /// The root of a folder that is watched.
    pub(super) fn root_path_of(&self, dir: &Path) -> Option<Arc<Path>> {
        self.roots.get_key_value(&*self.settings.of(dir)?.path).map(|(path, _)| Arc::clone(path))
    }
}

/// One request instead of many; reading everything includes the rest.
fn merge(pending: Vec<ReadRequest>) -> ReadRequest {
    let mut folders = Vec::new();
    for request in pending {
        match request {
            ReadRequest::Everything => return ReadRequest::Everything,
            ReadRequest::Folders(more) => folders.extend(more),
        }
    }
    ReadRequest::Folders(folders)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::config::{Config, Settings};
    use crate::core::Machine;
    use crate::core::event::Event;

    /// What is to be read, by root.
    fn reads(effects: Vec<Effect>) -> Vec<(Arc<Path>, ReaderId, ReadRequest)> {
        let read = |effect| match effect {
            Effect::Read { root, reader, request } => Some((root, reader, request)),
            _ => None,
        };
        effects.into_iter().filter_map(read).collect()
    }

    /// A core of these roots, all of which were read.
    fn core_of(roots: &[&str]) -> Core {
        let text = roots.iter().fold(String::new(), |text, root| text + &format!("[[watch]]\npath = \"{root}\"\n"));
        let config = Config::parse(&text, Path::new("/etc/reeld.toml")).unwrap();
        let settings = Arc::new(Settings::new(config, Path::new("/state")));
        let mut core = Core::new(settings, Machine { cores: NonZeroUsize::MIN, watchdog: None });
        for (root, reader, _) in reads(core.start(Duration::ZERO)) {
            let status = RootStatus::There;
            let (scans, how) = (Vec::new(), Arc::from("by events"));
            let (is_everything, found_existing, poll) = (true, false, None);
            let report = ScanReport { reader, root, status, is_everything, scans, found_existing, how, poll };
            assert!(reads(core.handle(Event::Scanned(report), Duration::ZERO)).is_empty());
        }
        core
    }

    /// A marker is told after what was written before it, in the folders below too, if all of it is in one request.
    #[test]
    fn what_changed_together_is_read_together() {
        let mut core = core_of(&["/r", "/q"]);
        let names = |name: &str| Dirty::Names([BString::from(name)].into());
        let changed = [("/q", "1.png"), ("/r/job", ".done"), ("/r/job/batch_0001", "6.png")];
        let changed = changed.map(|(dir, name)| (Arc::from(Path::new(dir)), names(name)));
        let asked = reads(core.handle(Event::Dirty(changed.to_vec()), Duration::ZERO));
        let folders = asked.iter().map(|(root, _, request)| match request {
            ReadRequest::Folders(folders) => (&**root, folders.as_slice()),
            ReadRequest::Everything => (&**root, &[][..]),
        });
        let expected = [(Path::new("/q"), &changed[..1]), (Path::new("/r"), &changed[1..])];
        assert_eq!(folders.collect::<Vec<_>>(), expected);
    }
}
