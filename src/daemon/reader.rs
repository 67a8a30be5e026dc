//! Reads the folders of one root, on worker threads: watch first, then read, so that nothing falls between the two.
//!
//! Owns which folders of the root are known and watched. A failed reading is an error, never a shorter listing, and
//! nothing is read through a root that is not the one it was.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::num::NonZeroUsize;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle, available_parallelism};
use std::time::Duration;

use bstr::BString;
use jiff::Timestamp;

use crate::config::{FolderFile, Root};
use crate::core::event::{Failure, FolderScan, FolderWord, ReadRequest, RootStatus, ScanReport};
use crate::core::roots::{ListingFingerprint, ReaderId};
use crate::daemon::reader::asleep::Asleep;
use crate::daemon::reader::existing::FirstReadings;
use crate::daemon::reader::left_alone::{LeftAlone, Told};
use crate::daemon::reader::markers::{Markers, Scans, SpokenFor};
use crate::error::{Explain as _, chain, place};
use crate::journal::{Journal, JournalError};
use crate::model::Identity;
use crate::sequence::existing::FileSet;
use crate::sequence::finish::is_batch_folder;
use crate::sequence::group::Scope;
use crate::sequence::name::unsupported;
use crate::sequence::os_name;
use crate::sequence::tracker::Listing;
use crate::text::printable::Show as _;
use crate::watch::claim::{self, Claim, Holder};
use crate::watch::dirty::Dirty;
use crate::watch::native::Watcher;
use crate::watch::noticing::Watching;
use crate::watch::roots::{RootGuard, RootState};
use crate::watch::scan::{self, ScanError, ScanErrorKind};

mod asleep;
mod existing;
mod left_alone;
mod markers;

/// The reader of one root.
#[derive(Debug)]
pub(crate) struct RootReader {
    /// The settings.
    pub(crate) root: Root,
    /// How changes are noticed.
    pub(crate) watching: Watching,
    pub(crate) id: ReaderId,
    path: Arc<Path>,
    journal: Journal,
    watcher: Arc<Watcher>,
    inner: Mutex<Inner>,
    /// Whether inotify refused a folder. Beside the lock, which is held while the disk is asked: the loop reads it.
    refused: AtomicBool,
    /// Nobody wants to know any more: what a reading that is under way comes to must be neither claimed nor watched. Changed
    /// and asked under the lock.
    closed: AtomicBool,
    /// Folders of which nobody remembers the files. Beside the lock for the same reason.
    asleep: Mutex<Asleep>,
    /// Held from the beginning of a reading until it is told.
    telling: Mutex<()>,
}

#[derive(Debug)]
struct Inner {
    guard: RootGuard,
    /// The root was not there, or another folder, since it was last read.
    away: bool,
    /// When the root was last found missing, nanoseconds since the Unix epoch.
    missing_at: Option<i128>,
    /// What was there before the root was first watched, from its first reading on after it was away.
    first: Option<FirstReadings>,
    known: BTreeSet<Arc<Path>>,
    /// Those of `known` that could not be read yet: what was in them before is still to be told.
    unread: BTreeSet<Arc<Path>>,
    /// Folders that inotify refused: they are polled.
    unwatched: BTreeSet<Arc<Path>>,
    told: Told,
    /// The markers that were shown.
    markers: Markers,
    /// The link that is the root's configured path leads to another folder by now.
    elsewhere: bool,
    /// Whether it was claimed since it is there.
    is_claimed: bool,
    /// The right to watch it; none where none can be held.
    claim: Option<Claim>,
}

/// A folder that was just read.
#[derive(Debug)]
struct Read {
    dir: Arc<Path>,
    is_first: bool,
    /// It sleeps, and is as it was.
    sleeps_on: bool,
    met: Met,
    outcome: Result<scan::FolderScan, ScanError>,
    /// What the journal says, if it was asked.
    known: Option<Known>,
}

/// What the journal says of a folder that is read for the first time, asked after it was read.
#[derive(Debug)]
struct Known {
    existing: FileSet,
    has_batches: bool,
}

/// What is noticed of names while a folder is read.
#[derive(Debug, Default)]
struct Met {
    left: LeftAlone,
    marker: Cell<bool>,
    /// The file with settings of the folder's own.
    file: Cell<bool>,
}

impl Inner {
    /// Claims the root, unless that is done already.
    fn claim(&mut self) -> Result<(), Box<Holder>> {
        if let (false, Some(folder)) = (self.is_claimed, self.guard.folder()) {
            self.claim = claim::claim(folder)?;
            self.is_claimed = true;
        }
        Ok(())
    }
}

/// The kernel's clock for file times runs in ticks of up to 10 ms: a folder may seem to be that much older than it is.
const CLOCK_TICK_NS: i128 = 10_000_000;

/// How many new markers of one folder are waited for in one reading.
const MOST_MARKERS: u32 = 3;

/// How many threads read folders at once, at most.
const READERS: usize = 4;

/// How many folders are read before the first of them is dealt with, at most.
const READ_TOGETHER: usize = 256;

/// A thread is not worth its while for fewer folders.
const WORTH_A_THREAD: usize = 16;

/// Time between two scans of a root with folders that inotify refused.
const POLL_UNWATCHED: Duration = Duration::from_secs(5);

impl RootReader {
    pub(crate) fn new(id: ReaderId, root: Root, watching: Watching, watcher: Arc<Watcher>, journal: Journal) -> Self {
        let path: Arc<Path> = Arc::from(root.path.as_path());
        let guard = RootGuard::new(&root.path);
        let inner = Inner {
            guard,
            away: false,
            missing_at: None,
            first: None,
            known: BTreeSet::new(),
            unread: BTreeSet::new(),
            unwatched: BTreeSet::new(),
            told: Told::default(),
            markers: Markers::default(),
            elsewhere: false,
            is_claimed: false,
            claim: None,
        };
        let (inner, refused, asleep) = (Mutex::new(inner), AtomicBool::new(false), Mutex::default());
        let closed = AtomicBool::new(false);
        Self { id, root, watching, path, journal, watcher, inner, refused, closed, asleep, telling: Mutex::new(()) }
    }

    /// The root's path.
    pub(crate) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// Time between two scans of everything, where events do not tell all.
    pub(crate) fn poll(&self) -> Option<Duration> {
        let refused = self.refused.load(Ordering::Relaxed).then_some(POLL_UNWATCHED);
        self.watching.poll.into_iter().chain(refused).min()
    }

    /// Reads what is wanted, and tells it before anybody else reads. Blocks on the disk.
    ///
    /// Readings must be told in the order in which they are made. A complete one that is told after a later reading takes
    /// away the frames that came in between, and shows others as they were: one run becomes two videos.
    pub(crate) fn tell<R>(&self, request: ReadRequest, tell: impl FnOnce(ScanReport) -> R) -> R {
        // Nothing is in it that a panic elsewhere could have left half done.
        let _telling = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        let told = catch_unwind(AssertUnwindSafe(|| tell(self.read(request))));
        told.unwrap_or_else(|panic| {
            // Nobody heard of what was marked as read, nor of the batches that hold its files: the next reading has to be the
            // first again, or frames of earlier batches would look new.
            self.unwatch_all(&mut self.lock());
            resume_unwind(panic)
        })
    }

    fn read(&self, request: ReadRequest) -> ScanReport {
        let mut scans = Scans::default();
        self.look_at_link();
        let (mut found_existing, mut is_everything) = (false, true);
        let mut status = self.look();
        if status == RootStatus::There && std::mem::take(&mut self.lock().away) {
            status = self.believed(self.journal.remap_devices(&self.path));
        }
        if status == RootStatus::There {
            status = self.believed(self.ask_what_was_there());
        }
        if status == RootStatus::There {
            match request {
                ReadRequest::Folders(folders) if !self.lock().known.is_empty() => {
                    is_everything = false;
                    for (dir, dirty) in folders {
                        self.read_dirty(dir, dirty, &mut scans);
                    }
                }
                // After the root was away nothing is known, and a part of it would not do.
                ReadRequest::Everything | ReadRequest::Folders(_) => self.read_tree(Arc::clone(&self.path), &mut scans),
            }
            self.read_after_markers(&mut scans);
            // A disk that went away while it was read shows empty folders: none of this may be believed then.
            status = self.look();
            if status == RootStatus::There && !self.lock().away {
                let recorded = self.record_what_was_there();
                found_existing = matches!(recorded, Ok(true));
                status = self.believed(recorded);
            }
            if status != RootStatus::There || self.lock().away {
                scans = Scans::default();
            }
        }
        ScanReport {
            reader: self.id,
            root: Arc::clone(&self.path),
            status,
            is_everything,
            scans: scans.in_order(),
            found_existing,
            how: Arc::from(self.watching.why.as_str()),
            poll: self.poll(),
        }
    }

    /// Without the journal's word nothing can be said of a root: its disk may have another device number since it came
    /// back, and old files would be taken for new ones.
    fn believed<T>(&self, answer: Result<T, JournalError>) -> RootStatus {
        match answer {
            Ok(_) => RootStatus::There,
            Err(error) => {
                self.unwatch_all(&mut self.lock());
                RootStatus::Away { why: chain(&error).to_string(), hint: error.hint().unwrap_or_default() }
            }
        }
    }

    /// Finds out once, whenever the root came, whether it was watched before.
    fn ask_what_was_there(&self) -> Result<(), JournalError> {
        let mut inner = self.lock();
        if inner.first.is_some() {
            return Ok(());
        }
        let Some(marks) = inner.guard.marks() else { return Ok(()) };
        let is_born = inner.missing_at.is_some_and(|moment| inner.guard.was_made_after(moment - CLOCK_TICK_NS));
        inner.first = Some(FirstReadings::of(&self.root, marks, is_born, &self.journal)?);
        Ok(())
    }

    fn record_what_was_there(&self) -> Result<bool, JournalError> {
        self.lock().first.as_mut().map_or(Ok(false), |first| first.record(&self.root, &self.journal))
    }

    /// Looks whether the root is the one it was. Watches may have died with a mount, so that all of them are given up
    /// when it is not, or was not.
    fn look(&self) -> RootStatus {
        let mut inner = self.lock();
        if self.closed.load(Ordering::Relaxed) {
            // Claimed once more, the root would be taken for one that another daemon watches.
            return RootStatus::Away { why: "it is not watched any more".to_owned(), hint: String::new() };
        }
        let (why, hint) = match inner.guard.state() {
            RootState::Present => match inner.claim() {
                Ok(()) => return RootStatus::There,
                Err(holder) => (chain(&*holder).to_string(), holder.hint()),
            },
            RootState::Renewed(why) => {
                tracing::info!(path = %self.path.shown(), "the root is another folder now: {why}");
                self.unwatch_all(&mut inner);
                match inner.claim() {
                    Ok(()) => return RootStatus::There,
                    Err(holder) => (chain(&*holder).to_string(), holder.hint()),
                }
            }
            RootState::Missing => {
                inner.missing_at = Some(Timestamp::now().as_nanosecond());
                let elsewhere = place::hidden_hint(&self.path).map(|hint| format!("; {hint}")).unwrap_or_default();
                ("it does not exist".to_owned(), Some(format!("it is watched as soon as it is there{elsewhere}")))
            }
            RootState::Replaced(why) => (why.to_string(), why.hint()),
            RootState::Denied => ("it may not be read".to_owned(), Some(place::access_hint(&self.path))),
            RootState::Failed(error) => (chain(&error).to_string(), error.hint()),
        };
        self.unwatch_all(&mut inner);
        RootStatus::Away { why, hint: hint.unwrap_or_default() }
    }

    /// Says once when the link that the configuration names leads elsewhere than it did when it was resolved.
    fn look_at_link(&self) {
        let Some(link) = &self.root.link else { return };
        // One that leads nowhere is not pointed elsewhere; whether the root itself is there is told by `look`.
        let target = link.canonicalize().ok().filter(|target| **target != *self.path);
        let was_elsewhere = std::mem::replace(&mut self.lock().elsewhere, target.is_some());
        if let Some(target) = target.filter(|_| !was_elsewhere) {
            let hint = "reload the configuration (SIGHUP) to watch the new folder instead";
            tracing::warn!(link = %link.shown(), to = %target.shown(), path = %self.path.shown(), hint, "this link leads elsewhere now; the folder that it led to at the start is still the one that is watched");
        }
    }

    fn unwatch_all(&self, inner: &mut Inner) {
        for dir in std::mem::take(&mut inner.known) {
            self.watcher.unwatch(&dir);
        }
        inner.unread.clear();
        inner.unwatched.clear();
        inner.markers = Markers::default();
        inner.first = None;
        inner.away = true;
        // It would keep a disk that goes away from going.
        (inner.is_claimed, inner.claim) = (false, None);
        *self.asleep() = Asleep::default();
        self.refused.store(false, Ordering::Relaxed);
    }

    /// Lists one folder afresh, and what is new below it, if the root is still the one it was.
    pub(crate) fn relist<R>(&self, dir: &Arc<Path>, tell: impl FnOnce(ScanReport) -> R) -> R {
        self.tell(ReadRequest::Folders(vec![(Arc::clone(dir), Dirty::All)]), tell)
    }

    /// Stops watching.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        self.closed.store(true, Ordering::Relaxed);
        self.unwatch_all(&mut inner);
    }

    fn read_dirty(&self, dir: Arc<Path>, dirty: Dirty, scans: &mut Scans) {
        // Whoever asks, and whatever was watched under an earlier config: what is left out is not read.
        if !self.root.reads_folder(&dir) {
            return;
        }
        let names = match dirty {
            // A part of a folder says nothing before all of it was read once.
            Dirty::Names(names) if !self.is_unread(&dir) && !self.asleep().contains(&dir) => names,
            Dirty::Names(_) | Dirty::All => return self.read_tree(dir, scans),
        };
        let met = Met::default();
        let file = names.iter().any(|name| FolderFile::is_called(name)).then(|| self.file_of(&dir, true)).flatten();
        match scan::read_names(&dir, &names, &|name| self.wants_or_counts(&dir, name, &met)) {
            Ok(scan) => {
                self.learn_markers(&dir, &scan.files, &met, SpokenFor::Below, scans);
                met.left.tell(&dir, &scan.links, &mut self.lock().told);
                let vanished: Vec<Arc<Path>> = names.iter().filter_map(|name| self.known_folder(&dir, name)).collect();
                for below in vanished.iter().filter(|below| has_vanished(below)) {
                    self.forget(below, scans);
                }
                for name in &scan.folders {
                    let below: Arc<Path> = Arc::from(dir.join(os_name(name)));
                    if self.reads_folder(&below) {
                        self.read_tree(below, scans);
                    }
                }
                if !scan.files.is_empty() || !scan.gone.is_empty() || file.is_some() {
                    let listing = Listing { complete: false, files: scan.files, gone: scan.gone, ..Listing::default() };
                    self.push(dir, false, Vec::new(), Ok(listing), file, scans);
                }
            }
            Err(error) => self.push(dir, false, Vec::new(), Err(error), None, scans),
        }
    }

    fn known_folder(&self, dir: &Path, name: &[u8]) -> Option<Arc<Path>> {
        self.lock().known.get(dir.join(os_name(name)).as_path()).cloned()
    }

    /// Reads a folder, and the folders below it that are not known yet (or all, when the root itself is read, or when they may
    /// hold frames of the same film).
    fn read_tree(&self, dir: Arc<Path>, scans: &mut Scans) {
        let everything = dir == self.path;
        let unchanged = self.read_folders(vec![dir], everything || self.root.group == Scope::Tree, scans);
        if everything {
            self.forget_vanished(unchanged, scans);
        }
    }

    /// Reads these folders, and the folders below them that are not known yet, or `all`. Those that sleep on.
    fn read_folders(&self, mut folders: Vec<Arc<Path>>, all: bool, scans: &mut Scans) -> HashSet<Arc<Path>> {
        let mut unchanged = HashSet::new();
        let mut read = Vec::new();
        loop {
            if read.is_empty() {
                let next = folders.split_off(folders.len().saturating_sub(READ_TOGETHER));
                read = self.read_together(&next);
                self.ask_of_new(&mut read);
            }
            // The last one first, as if they were read one by one, so that few of them wait.
            let Some(Read { dir, is_first, sleeps_on, met, outcome, known }) = read.pop() else { break };
            let ino = outcome.as_ref().ok().map(|scan| scan.ino);
            let has_file = met.file.get();
            let mut listing = outcome.map(|scan| {
                // A folder that is read for the first time has markers that were there first, and these wait for silence.
                let spoken_for = if is_first { SpokenFor::Below } else { SpokenFor::Folder };
                self.learn_markers(&dir, &scan.files, &met, spoken_for, scans);
                met.left.tell(&dir, &scan.links, &mut self.lock().told);
                for name in &scan.folders {
                    let below: Arc<Path> = Arc::from(dir.join(os_name(name)));
                    if self.reads_folder(&below) && (all || !self.lock().known.contains(&below)) {
                        folders.push(below);
                    }
                }
                Listing { complete: true, files: scan.files, ..Listing::default() }
            });
            if sleeps_on {
                self.lock().unread.remove(&dir);
                unchanged.insert(dir);
                continue;
            }
            match if is_first { self.first_reading(&dir, ino, known, &mut listing) } else { Ok(Vec::new()) } {
                Ok(claims) => {
                    let file = if listing.is_ok() { self.file_of(&dir, has_file) } else { None };
                    self.push(dir, is_first, claims, listing, file, scans);
                }
                Err(error) => {
                    // Without the journal's word, frames of earlier batches would look new. The next reading of all
                    // tries again.
                    let hint = error.hint().unwrap_or_default();
                    tracing::error!(path = %dir.shown(), hint, "not read: {}", chain(&error));
                    self.lock().known.remove(&dir);
                }
            }
        }
        unchanged
    }

    /// Watches and reads these folders: many of them on several threads, since that is nearly all that a start waits for, and a
    /// file server takes its time for each.
    fn read_together(&self, folders: &[Arc<Path>]) -> Vec<Read> {
        let read = |dir| {
            let is_first = self.is_unread(&dir) || self.asleep().contains(&dir);
            self.watch(&dir);
            let met = Met::default();
            let mut outcome = scan::read_folder(&dir, &|name| self.wants_or_counts(&dir, name, &met));
            let mut sleeps_on = false;
            if let Ok(scan) = &mut outcome
                && self.asleep().stays(&dir, &scan.files)
            {
                // Nobody asks for them, and the files of all folders that sleep would fill the memory.
                scan.files = Vec::new();
                sleeps_on = true;
            }
            Read { dir, is_first, sleeps_on, met, outcome, known: None }
        };
        let threads = available_parallelism().map_or(1, NonZeroUsize::get).min(READERS);
        let share = folders.len().div_ceil(threads).max(WORTH_A_THREAD);
        let mut shares = folders.chunks(share);
        let Some(own) = shares.next() else { return Vec::new() };
        thread::scope(|scope| {
            let read_all = |share: &[Arc<Path>]| share.iter().cloned().map(read).collect::<Vec<_>>();
            let others: Vec<_> = shares
                .map(|share| (share, thread::Builder::new().spawn_scoped(scope, move || read_all(share))))
                .collect();
            let mut done = read_all(own);
            for (share, other) in others {
                match other.map(ScopedJoinHandle::join) {
                    Ok(Ok(read)) => done.extend(read),
                    Ok(Err(panic)) => resume_unwind(panic),
                    // Where no thread is to be had, it takes longer.
                    Err(_) => done.extend(read_all(share)),
                }
            }
            done
        })
    }

    /// Asks the journal of those that are read for the first time, in one question. What it does not answer is asked one by one.
    fn ask_of_new(&self, read: &mut [Read]) {
        let mut new: Vec<&mut Read> = read.iter_mut().filter(|read| read.is_first && !read.sleeps_on).collect();
        if new.len() < 2 {
            return;
        }
        let ino = |read: &Read| read.outcome.as_ref().ok().map(|scan| scan.ino);
        let dirs: Vec<_> = new.iter().map(|read| (Arc::clone(&read.dir), ino(read))).collect();
        if let Ok((sets, has_batches)) = self.journal.existing_in_each(&dirs) {
            for (read, existing) in new.iter_mut().zip(sets) {
                read.known = Some(Known { existing, has_batches });
            }
        }
    }

    /// A folder was read. Remembers its markers, and what is to be read once more because one of them is new.
    fn learn_markers(
        &self,
        dir: &Arc<Path>,
        files: &[(BString, Identity)],
        met: &Met,
        spoken_for: SpokenFor,
        scans: &mut Scans,
    ) {
        if met.marker.get() {
            let markers = files.iter().filter(|(name, _)| self.root.finish.is_marker(name));
            if self.lock().markers.learn(dir, markers) {
                scans.mark(dir, spoken_for);
            }
        }
    }

    /// Reads once more what a new marker speaks for, unless that was read after the marker was seen: then it shows all that
    /// was there before the marker. Events do not do: a marker may be seen in its folder before its own event comes, and the
    /// events of the last frames wait beside that one. Nor does the reading that showed it: a folder is read in pieces, and
    /// a frame may have come into one that had been read.
    fn read_after_markers(&self, scans: &mut Scans) {
        let mut times: HashMap<Arc<Path>, u32> = HashMap::new();
        while let Some((dir, at, spoken_for)) = scans.next_marked() {
            let times = times.entry(Arc::clone(&dir)).or_default();
            *times += 1;
            // Somebody writes markers as fast as they are read.
            if *times > MOST_MARKERS {
                continue;
            }
            let is_tree = self.root.group == Scope::Tree;
            let is_meant = |below: &Path| {
                if *below == *dir {
                    spoken_for == SpokenFor::Folder
                } else {
                    is_tree || is_batch_folder_of(below, &dir)
                }
            };
            let from = (Bound::Included(&*dir), Bound::Unbounded);
            let mut folders: Vec<Arc<Path>> = {
                let inner = self.lock();
                let below = inner.known.range::<Path, _>(from).take_while(|known| known.starts_with(&*dir));
                below.filter(|known| is_meant(known)).cloned().collect()
            };
            if !folders.is_empty() {
                let read = scans.listed_after(at);
                folders.retain(|folder| !read.contains(folder));
                self.read_folders(folders, false, scans);
            }
        }
    }

    /// Folders that the root no longer shows, where no event told of their end.
    fn forget_vanished(&self, unchanged: HashSet<Arc<Path>>, scans: &mut Scans) {
        let mut seen = unchanged;
        seen.extend(scans.dirs());
        let unseen: Vec<Arc<Path>> = self.lock().known.iter().filter(|dir| !seen.contains(*dir)).cloned().collect();
        for dir in unseen.iter().filter(|dir| has_vanished(dir)) {
            self.forget(dir, scans);
        }
    }

    fn push(
        &self,
        dir: Arc<Path>,
        is_first: bool,
        claims: Vec<Identity>,
        outcome: Result<Listing, ScanError>,
        file: Option<FolderWord>,
        scans: &mut Scans,
    ) {
        if matches!(&outcome, Err(ScanError { kind: ScanErrorKind::Missing, .. })) {
            self.forget(&dir, scans);
        } else {
            let outcome = Some(outcome.map_err(|error| Failure::of(&error)));
            scans.push(FolderScan { dir, is_first, claims, outcome, file });
        }
    }

    /// What the folder says of its own videos, where that counts. It is looked for only where the name was `seen`: most folders have
    /// no such file.
    fn file_of(&self, dir: &Path, seen: bool) -> Option<FolderWord> {
        if !self.root.folder_config || !self.root.home_of(dir).1.is_empty() {
            return None;
        }
        let read = || FolderFile::read(dir).map_err(|error| Failure::of(&error));
        Some(if seen { read() } else { Ok(None) })
    }

    fn is_unread(&self, dir: &Arc<Path>) -> bool {
        let inner = self.lock();
        !inner.known.contains(dir) || inner.unread.contains(dir)
    }

    /// A folder is read for the first time since the root is there: which of its files batches hold, and which were there
    /// before the root was first watched.
    fn first_reading(
        &self,
        dir: &Arc<Path>,
        ino: Option<u64>,
        known: Option<Known>,
        listing: &mut Result<Listing, ScanError>,
    ) -> Result<Vec<Identity>, JournalError> {
        let (existing, has_batches) = known.map(|known| (known.existing, known.has_batches)).unzip();
        let claims = self.claims(dir, has_batches, listing);
        let mut inner = self.lock();
        match listing {
            Err(ScanError { kind: ScanErrorKind::Missing, .. }) => return claims,
            Ok(_) => inner.unread.remove(dir),
            Err(_) => inner.unread.insert(Arc::clone(dir)),
        };
        if let Some(first) = &mut inner.first {
            let read = listing.as_ref().ok().filter(|_| claims.is_ok());
            let existing = first.read(&self.root, dir, ino, read, existing, &self.journal)?;
            if let Ok(listing) = listing {
                listing.existing = existing;
            }
        }
        claims
    }

    /// The files of a folder that batches hold: its own batches, and those that its files brought from elsewhere.
    fn claims(
        &self,
        dir: &Path,
        has_batches: Option<bool>,
        listing: &Result<Listing, ScanError>,
    ) -> Result<Vec<Identity>, JournalError> {
        if !has_batches.map_or_else(|| self.journal.has_batches(), Ok)? {
            return Ok(Vec::new());
        }
        let mut claims = self.journal.claims(dir)?;
        if let Ok(listing) = listing {
            let files: Vec<Identity> = listing.files.iter().map(|(_, identity)| *identity).collect();
            claims.extend(self.journal.held_files(dir, &files)?);
        }
        Ok(claims)
    }

    /// A folder is gone, and so is everything below it.
    fn forget(&self, dir: &Arc<Path>, scans: &mut Scans) {
        let mut inner = self.lock();
        let gone: Vec<Arc<Path>> = inner.known.iter().filter(|known| known.starts_with(dir)).cloned().collect();
        for dir in gone {
            self.watcher.unwatch(&dir);
            inner.known.remove(&dir);
            inner.unread.remove(&dir);
            inner.unwatched.remove(&dir);
            inner.told.forget(&dir);
            inner.markers.forget(&dir);
            self.asleep().forget(&dir);
            scans.push(FolderScan { dir, is_first: false, claims: Vec::new(), outcome: None, file: None });
        }
        self.refused.store(!inner.unwatched.is_empty(), Ordering::Relaxed);
    }

    fn watch(&self, dir: &Arc<Path>) {
        let mut inner = self.lock();
        inner.known.insert(Arc::clone(dir));
        if !self.watching.native || self.closed.load(Ordering::Relaxed) {
            return;
        }
        // Also when it is watched already: the folder of that name may be another one by now.
        match self.watcher.watch(dir) {
            Ok(()) => {
                inner.unwatched.remove(dir);
            }
            Err(error) => {
                if inner.unwatched.insert(Arc::clone(dir)) && error.can_be_polled() {
                    let hint = error.hint().unwrap_or_default();
                    tracing::warn!(path = %dir.shown(), error = %chain(&error), hint, "this folder is read every {} s instead", POLL_UNWATCHED.as_secs());
                }
            }
        }
        self.refused.store(!inner.unwatched.is_empty(), Ordering::Relaxed);
    }

    /// Whether a file of this name in `dir` is wanted. Counts names that somebody may expect to be frames.
    fn wants_or_counts(&self, dir: &Path, file: &[u8], met: &Met) -> bool {
        let is_marker = self.root.finish.is_marker(file);
        if is_marker {
            met.marker.set(true);
        }
        if FolderFile::is_called(file) {
            met.file.set(true);
        }
        let wanted = is_marker || self.root.may_be_frame(dir, file);
        if !wanted && unsupported::still_format_of(file).is_some() && self.root.admits(dir, file) {
            met.left.add(file);
        }
        wanted
    }

    fn reads_folder(&self, dir: &Path) -> bool {
        self.root.reads_folder(dir)
    }

    /// Nobody remembers the files of a folder that was last read as `seen`: it is read like a new one when it is other than
    /// that, or somebody asks for it.
    pub(crate) fn sleep(&self, dir: &Arc<Path>, seen: ListingFingerprint) {
        self.asleep().add(dir, seen);
    }

    /// The next reading of a folder counts, also where nothing changed in it.
    pub(crate) fn wake(&self, dir: &Path) {
        self.asleep().wake(dir);
    }

    fn asleep(&self) -> MutexGuard<'_, Asleep> {
        self.asleep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The set is whole between any two operations, so a panic elsewhere leaves it usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_batch_folder_of(dir: &Path, above: &Path) -> bool {
    dir.parent() == Some(above) && is_batch_folder(dir)
}

/// Whether a folder is certainly gone, or something else has its name. An error is no answer, and concludes nothing.
fn has_vanished(dir: &Path) -> bool {
    match dir.symlink_metadata() {
        Ok(meta) => !meta.is_dir(),
        Err(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}

#[cfg(test)]
mod tests;
