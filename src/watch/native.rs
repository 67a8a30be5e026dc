//! File events by inotify: one non-recursive watch a folder, which marks it dirty.
//!
//! Owns the only use of `notify`. Its thread does nothing but insert into a [`DirtySet`], call the waker and rest for a
//! moment; it never waits for anybody, and never watches or unwatches, because those calls wait for this very thread.

use std::error::Error;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::io::Errno;

use crate::error::{Explain, place};
use crate::text::printable::Show as _;
use crate::watch::dirty::{Change, Dirty, DirtySet};
use crate::watch::limits::Limit;
use crate::watch::pace::{Pace, Pulse};

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
    notify: Mutex<RecommendedWatcher>,
    dirty: Arc<Mutex<DirtySet>>,
    pace: Arc<Pace>,
}

impl Watcher {
    /// Starts the thread that reads events. `waker` is called on it whenever a first folder becomes dirty after
    /// [`Watcher::take_dirty`], and for every change of a name that `is_urgent`; it must not block, and must not call
    /// this watcher.
    pub fn new(
        is_urgent: impl Fn(&[u8]) -> bool + Send + 'static,
        waker: impl Fn(Urgency) + Send + Sync + 'static,
    ) -> Result<Self, WatchError> {
        let dirty = Arc::new(Mutex::new(DirtySet::default()));
        let pace = Arc::new(Pace::default());
        let handler = {
            let dirty = Arc::clone(&dirty);
            let pace = Arc::clone(&pace);
            let mut pulse = Pulse::new(Instant::now());
            move |event: notify::Result<Event>| {
                let came = Instant::now();
                if let Some(urgency) = record(&dirty, &event, &is_urgent) {
                    waker(urgency);
                }
                pulse.after_event(came, &pace);
            }
        };
        // Links are not followed anyway where nothing is watched recursively; said so that it stays so.
        let config = notify::Config::default().with_follow_symlinks(false);
        let notify = RecommendedWatcher::new(handler, config).map_err(WatchError::start)?;
        Ok(Self { notify: Mutex::new(notify), dirty, pace })
    }

    /// Watches the folder `dir`, which must be absolute. A folder that is watched already is watched anew, which is what
    /// [`Dirty::All`] asks for: the old watch may hang on a folder that was moved away or removed.
    pub fn watch(&self, dir: &Arc<Path>) -> Result<(), WatchError> {
        // Links to folders are not watched: what they lead to belongs to another root, or to none.
        let meta = dir.symlink_metadata().map_err(|source| WatchError::of_io(dir, source))?;
        if !meta.is_dir() {
            return Err(WatchError::NotAFolder { path: dir.to_path_buf() });
        }
        let _hurry = self.pace.hurry();
        let mut notify = lock(&self.notify);
        // In the set first: an event that comes before this call returns must find its folder.
        if !lock(&self.dirty).insert(dir) {
            // Fails if the kernel or notify dropped the watch already, which is as good.
            let _ = notify.unwatch(dir);
        }
        notify.watch(dir, RecursiveMode::NonRecursive).map_err(|error| {
            lock(&self.dirty).remove(dir);
            WatchError::of_notify(dir, error)
        })
    }

    /// Stops watching the folder `dir`, and forgets what changed in it. A folder that is not watched is left as it is.
    pub fn unwatch(&self, dir: &Path) {
        let _hurry = self.pace.hurry();
        let mut notify = lock(&self.notify);
        if lock(&self.dirty).remove(dir) {
            // Fails if the folder is gone already, and its watch with it.
            let _ = notify.unwatch(dir);
        }
    }

    /// The folders that changed since the last call, each once, and what to look at in them.
    #[must_use]
    pub fn take_dirty(&self) -> Vec<(Arc<Path>, Dirty)> {
        lock(&self.dirty).take()
    }

    /// How many folders are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        lock(&self.dirty).len()
    }
}

/// The set is whole between any two of its calls, so a panic elsewhere is no reason to stop watching.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks what `event` is about. Returns whether to wake, and how.
fn record(
    dirty: &Mutex<DirtySet>,
    event: &notify::Result<Event>,
    is_urgent: &dyn Fn(&[u8]) -> bool,
) -> Option<Urgency> {
    let lost = || lock(dirty).lost().then_some(Urgency::Now);
    let Ok(event) = event else {
        // Reading the events failed, and nobody knows which ones.
        return lost();
    };
    if event.need_rescan() {
        return lost();
    }
    let change = change_of(event.kind)?;
    let mut dirty = lock(dirty);
    let mut first = false;
    for path in &event.paths {
        first |= dirty.changed(path, change);
    }
    if event.paths.iter().filter_map(|path| path.file_name()).any(|name| is_urgent(name.as_bytes())) {
        Some(Urgency::Now)
    } else {
        first.then_some(Urgency::Soon)
    }
}

/// What an event means; `None` for noise. Opening says nothing, reading opens too, and writing says nothing until the
/// file is closed. Creating is no noise: it is all that a hard link raises.
fn change_of(kind: EventKind) -> Option<Change> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Change::Content),
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Data(_)) => None,
        EventKind::Modify(ModifyKind::Metadata(_)) => Some(Change::Metadata),
        _ => Some(Change::Entry),
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
    fn start(error: notify::Error) -> Self {
        match &error.kind {
            notify::ErrorKind::Io(source) if is_errno(source, Errno::MFILE) => Self::InstanceLimit,
            _ => Self::Unavailable { source: error.into() },
        }
    }

    fn of_notify(path: &Path, error: notify::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind {
            notify::ErrorKind::MaxFilesWatch => Self::WatchLimit { path },
            notify::ErrorKind::PathNotFound | notify::ErrorKind::WatchNotFound => Self::Missing { path },
            notify::ErrorKind::Io(source) => Self::of_io(&path, source),
            notify::ErrorKind::Generic(reason) => Self::Io { path, source: io::Error::other(reason) },
            notify::ErrorKind::InvalidConfig(_) => Self::Unavailable { source: error.into() },
        }
    }

    fn of_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::NotADirectory => Self::NotAFolder { path },
            io::ErrorKind::PermissionDenied => Self::Denied { path },
            _ if is_errno(&source, Errno::NOSPC) => Self::WatchLimit { path },
            _ => Self::Io { path, source },
        }
    }
}

fn is_errno(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

#[cfg(test)]
mod tests;
