//! File events by inotify: one watch a folder, which marks it dirty.
//!
//! Owns the inotify instance of the roots, and which folder each of its watches is on. Its thread does nothing but insert
//! into a [`DirtySet`], call the waker and rest for a moment; it never waits for anybody. Whoever watches a folder asks the
//! kernel at once, without that thread: ten thousand folders are ten thousand system calls, and not as many messages.

use std::collections::HashMap;
use std::error::Error;
use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::error::{Explain, place};
use crate::sequence::os_name;
use crate::text::printable::Show as _;
use crate::watch::dirty::{Change, Dirty, DirtySet};
use crate::watch::limits::Limit;
use crate::watch::pace::{Pulse, rest};

/// What a watch tells of. Opening and reading say nothing, and writing says nothing until the file is closed: none of them is
/// asked for, since a frame is about fifty writes. Creating is news: it is all that a hard link raises. A link is not
/// followed, and what is no folder is refused: what a link leads to belongs to another root, or to none.
const WATCHED_FOR: WatchFlags = WatchFlags::ATTRIB
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW);

/// Events are read in pieces of this many bytes, a hundred of them or more.
const BUFFER: usize = 16 * 1024;

/// How long nothing is asked of a kernel that had no memory to answer.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How soon somebody is to look at what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// There is something to look at; it may gather for a while.
    Soon,
    /// A name changed that must not wait, or everything has to be read anew.
    Now,
}

/// Watches folders, each by itself, and remembers which of them changed.
///
/// Watch first, then read: what was in a folder before it was watched raises no event. All methods may be called from
/// any thread but the waker's.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
    /// The thread ends when this is closed.
    _alive: OwnedFd,
}

/// What the thread that reads events shares with those who watch folders.
#[derive(Debug)]
struct Shared {
    inotify: OwnedFd,
    /// Locked before `dirty`, and while the kernel is asked, which may take as long as a disk does.
    watches: Mutex<Watches>,
    /// Never locked while the kernel is asked: the loop of the daemon takes out of it.
    dirty: Mutex<DirtySet>,
}

/// Which watch is on which folder. The kernel has one watch on a folder, whatever its paths are: the last of them counts.
#[derive(Debug, Default)]
struct Watches {
    by_dir: HashMap<Arc<Path>, i32>,
    by_number: HashMap<i32, Arc<Path>>,
}

impl Watches {
    /// The watch of this number is on `dir` from now on. The watch that was on another folder of that path comes back: it is
    /// not wanted any more.
    fn set(&mut self, dir: &Arc<Path>, number: i32) -> Option<i32> {
        let old = if self.by_dir.get(dir) == Some(&number) { None } else { self.remove(dir) };
        self.by_dir.insert(Arc::clone(dir), number);
        self.by_number.insert(number, Arc::clone(dir));
        old
    }

    /// The watch on `dir`, which is not wanted any more. None where that folder was moved, and is watched at its new path.
    fn remove(&mut self, dir: &Path) -> Option<i32> {
        let number = self.by_dir.remove(dir)?;
        let is_its = self.by_number.get(&number).is_some_and(|of| **of == *dir);
        is_its.then(|| self.by_number.remove(&number)).flatten().map(|_| number)
    }

    /// The kernel has dropped a watch, as it does when the folder is removed.
    fn dropped(&mut self, number: i32) {
        if let Some(dir) = self.by_number.remove(&number)
            && self.by_dir.get(&dir) == Some(&number)
        {
            self.by_dir.remove(&dir);
        }
    }
}

impl Watcher {
    /// Starts the thread that reads events. `waker` is called on it whenever a first folder becomes dirty after
    /// [`Watcher::take_dirty`], and for every change of a name that `is_urgent`; it must not block, and must not call
    /// this watcher.
    pub fn new(
        is_urgent: impl Fn(&[u8]) -> bool + Send + 'static,
        waker: impl Fn(Urgency) + Send + Sync + 'static,
    ) -> Result<Self, WatchError> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(WatchError::start)?;
        let (ended, alive) = pipe_with(PipeFlags::CLOEXEC).map_err(WatchError::start)?;
        let shared = Arc::new(Shared { inotify, watches: Mutex::default(), dirty: Mutex::default() });
        let thread = {
            let shared = Arc::clone(&shared);
            move || shared.read_events(&ended, &is_urgent, &waker)
        };
        let started = thread::Builder::new().name("inotify".to_owned()).spawn(thread);
        started.map_err(|source| WatchError::Unavailable { source: source.into() })?;
        Ok(Self { shared, _alive: alive })
    }

    /// Watches the folder `dir`, which must be absolute. A folder that is watched already is watched anew, which is what
    /// [`Dirty::All`] asks for: the old watch may hang on a folder that was moved away or removed.
    pub fn watch(&self, dir: &Arc<Path>) -> Result<(), WatchError> {
        // Until it is known which folder the watch is on, the thread waits with its events.
        let mut watches = lock(&self.shared.watches);
        lock(&self.shared.dirty).insert(dir);
        let (outcome, old) = match inotify::add_watch(&self.shared.inotify, &**dir, WATCHED_FOR) {
            Ok(number) => (Ok(()), watches.set(dir, number)),
            Err(errno) => {
                lock(&self.shared.dirty).remove(dir);
                (Err(WatchError::of_errno(dir, errno)), watches.remove(dir))
            }
        };
        self.drop_watch(old);
        outcome
    }

    /// Stops watching the folder `dir`, and forgets what changed in it. A folder that is not watched is left as it is.
    pub fn unwatch(&self, dir: &Path) {
        let mut watches = lock(&self.shared.watches);
        if lock(&self.shared.dirty).remove(dir) {
            self.drop_watch(watches.remove(dir));
        }
    }

    fn drop_watch(&self, number: Option<i32>) {
        if let Some(number) = number {
            // Fails if the folder is gone already, and its watch with it.
            let _ = inotify::remove_watch(&self.shared.inotify, number);
        }
    }

    /// The folders that changed since the last call, each once, and what to look at in them.
    #[must_use]
    pub fn take_dirty(&self) -> Vec<(Arc<Path>, Dirty)> {
        lock(&self.shared.dirty).take()
    }

    /// How many folders are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        lock(&self.shared.dirty).len()
    }
}

/// Each is whole between any two of its calls, so a panic elsewhere is no reason to stop watching.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Reads events until `ended` is closed at its other end.
    fn read_events(&self, ended: &OwnedFd, is_urgent: &dyn Fn(&[u8]) -> bool, waker: &dyn Fn(Urgency)) {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut pulse = Pulse::new(Instant::now());
        loop {
            let mut files = [PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
            match poll(&mut files, None) {
                Err(Errno::INTR) => continue,
                // Neither file is closed, so that nothing but a want of memory is left, which passes. What came meanwhile is
                // read with everything else.
                Err(_) => {
                    let lost = record(&self.dirty, News::Lost, is_urgent);
                    lost.into_iter().for_each(waker);
                    thread::sleep(AFTER_FAILURE);
                    continue;
                }
                Ok(_) if !files[1].revents().is_empty() => return,
                Ok(_) => {}
            }
            let came = Instant::now();
            self.take_in_events(&mut buffer, is_urgent, waker);
            if pulse.broke_a_silence(came) {
                rest(ended);
            }
            pulse.beats(Instant::now());
        }
    }

    /// Marks what the events say that there are.
    fn take_in_events(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        is_urgent: &dyn Fn(&[u8]) -> bool,
        waker: &dyn Fn(Urgency),
    ) {
        let mut events = inotify::Reader::new(&self.inotify, buffer);
        loop {
            let woken = match events.next() {
                Ok(event) => {
                    let name = event.file_name().map(CStr::to_bytes);
                    self.take_in(event.wd(), event.events(), name, is_urgent)
                }
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return,
                // Nobody knows which events those were. What comes is read when there is more.
                Err(_) => {
                    let lost = record(&self.dirty, News::Lost, is_urgent);
                    lost.into_iter().for_each(waker);
                    return;
                }
            };
            woken.into_iter().for_each(waker);
        }
    }

    /// Marks what one event says. Returns whether to wake, and how.
    fn take_in(
        &self,
        number: i32,
        events: ReadFlags,
        name: Option<&[u8]>,
        is_urgent: &dyn Fn(&[u8]) -> bool,
    ) -> Option<Urgency> {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            return record(&self.dirty, News::Lost, is_urgent);
        }
        let mut watches = lock(&self.watches);
        let dir = watches.by_number.get(&number).cloned();
        if events.contains(ReadFlags::IGNORED) {
            watches.dropped(number);
        }
        drop(watches);
        let (dir, change) = (dir?, change_of(events)?);
        match name {
            Some(name) => record(&self.dirty, News::Changed(&dir.join(os_name(name)), change), is_urgent),
            None => record(&self.dirty, News::Changed(&dir, change), is_urgent),
        }
    }
}

/// What an event tells.
#[derive(Debug, Clone, Copy)]
enum News<'a> {
    /// This file or folder changed.
    Changed(&'a Path, Change),
    /// Events were lost, and nobody knows which ones.
    Lost,
}

/// Marks what `news` is about. Returns whether to wake, and how.
fn record(dirty: &Mutex<DirtySet>, news: News<'_>, is_urgent: &dyn Fn(&[u8]) -> bool) -> Option<Urgency> {
    let News::Changed(path, change) = news else {
        return lock(dirty).lost().then_some(Urgency::Now);
    };
    let first = lock(dirty).changed(path, change);
    if path.file_name().is_some_and(|name| is_urgent(name.as_bytes())) {
        Some(Urgency::Now)
    } else {
        first.then_some(Urgency::Soon)
    }
}

/// What an event means; `None` where it is no change, as the end of a watch or of its disk.
fn change_of(events: ReadFlags) -> Option<Change> {
    let entry = ReadFlags::CREATE
        | ReadFlags::DELETE
        | ReadFlags::DELETE_SELF
        | ReadFlags::MOVED_FROM
        | ReadFlags::MOVED_TO
        | ReadFlags::MOVE_SELF;
    if events.intersects(entry) {
        Some(Change::Entry)
    } else if events.contains(ReadFlags::ATTRIB) {
        Some(Change::Metadata)
    } else {
        events.contains(ReadFlags::CLOSE_WRITE).then_some(Change::Content)
    }
}

/// Why a folder cannot be watched. Where [`WatchError::can_be_polled`], the caller reads the folder every few seconds
/// instead, and says so; reeld works without a single watch, only later.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "every field is the path or the cause that the message names")]
pub enum WatchError {
    /// ENOSPC of `inotify_add_watch`.
    #[error("cannot watch {}: the user's limit of watched folders is reached", path.shown())]
    WatchLimit { path: PathBuf },
    /// EMFILE of `inotify_init`.
    #[error("cannot start watching: the limit of inotify instances is reached")]
    InstanceLimit,
    /// There is no such folder.
    #[error("cannot watch {}: no such folder", path.shown())]
    Missing { path: PathBuf },
    /// It is a file, or a link.
    #[error("cannot watch {}: not a folder", path.shown())]
    NotAFolder { path: PathBuf },
    /// Watching needs permission to read.
    #[error("cannot watch {}: permission denied", path.shown())]
    Denied { path: PathBuf },
    /// Anything else.
    #[error("cannot watch {}", path.shown())]
    Io { path: PathBuf, source: io::Error },
    /// Inotify does not work at all, as in some sandboxes.
    #[error("cannot start watching")]
    Unavailable { source: Box<dyn Error + Send + Sync> },
}

impl WatchError {
    /// Whether reading the folder from time to time can stand in for watching it.
    #[must_use]
    pub fn can_be_polled(&self) -> bool {
        match self {
            Self::WatchLimit { .. } | Self::InstanceLimit | Self::Io { .. } | Self::Unavailable { .. } => true,
            Self::Missing { .. } | Self::NotAFolder { .. } | Self::Denied { .. } => false,
        }
    }
}

impl Explain for WatchError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::WatchLimit { .. } => Some(Limit::Watches.hint()),
            Self::InstanceLimit => Some(format!("{}; or raise LimitNOFILE= of the service", Limit::Instances.hint())),
            Self::Denied { path } => Some(place::access_hint(path)),
            Self::NotAFolder { .. } => Some("links to folders are not followed; name the folder itself".to_owned()),
            Self::Missing { .. } | Self::Io { .. } | Self::Unavailable { .. } => None,
        }
    }
}

impl WatchError {
    fn start(errno: Errno) -> Self {
        match errno {
            Errno::MFILE => Self::InstanceLimit,
            errno => Self::Unavailable { source: Box::new(errno) },
        }
    }

    fn of_errno(path: &Path, errno: Errno) -> Self {
        let path = path.to_path_buf();
        match errno {
            Errno::NOSPC => Self::WatchLimit { path },
            Errno::NOENT => Self::Missing { path },
            Errno::NOTDIR => Self::NotAFolder { path },
            Errno::ACCESS | Errno::PERM => Self::Denied { path },
            errno => Self::Io { path, source: errno.into() },
        }
    }
}

#[cfg(test)]
mod tests;
