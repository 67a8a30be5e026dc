//! What the daemon stands on: the table of mounts, and its state directory.
//!
//! Owns the kernel's news of both, and the thread that waits for it. It decides nothing: the loop looks afresh at whatever
//! changed.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::{Errno, read};

use crate::error::chain;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Something was mounted or unmounted.
    Mounts,
    /// Something in the state directory was removed or moved away, or the directory itself; or another process began or
    /// ended to work on the journal.
    State,
}

/// Calls `tell` for each change from now on, on a thread of its own, until that says that nobody listens. Where the kernel
/// has no news, the looks that are made anyway have to do.
pub(super) fn listen(state_dir: &Path, workers: &Path, tell: impl Fn(Ground) -> bool + Send + 'static) {
    // Opened before anything else happens, so that no change is missed.
    let table = File::open("/proc/self/mountinfo");
    let state = watch(state_dir, workers);
    let (Ok(table), Ok(state)) = (table, state) else {
        tracing::debug!("the kernel tells no news of mounts and of the state directory");
        return;
    };
    let wait = move || {
        loop {
            // proc_pid_mountinfo(5): a change gives it an exceptional condition. The other is read to its end each time.
            let mut files = [PollFd::new(&table, PollFlags::PRI), PollFd::new(&state, PollFlags::IN)];
            match poll(&mut files, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            let [mounts, state_dir] = files.map(|file| !file.revents().is_empty());
            if state_dir {
                drain(&state);
            }
            let news = [mounts.then_some(Ground::Mounts), state_dir.then_some(Ground::State)];
            if !news.into_iter().flatten().all(&tell) {
                return;
            }
        }
    };
    if let Err(error) = thread::Builder::new().name("ground".to_owned()).spawn(wait) {
        tracing::debug!("no thread to listen to the kernel's news: {}", chain(&error));
    }
}

fn watch(state_dir: &Path, workers: &Path) -> io::Result<OwnedFd> {
    let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let removals = WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF;
    inotify::add_watch(&events, state_dir, removals | WatchFlags::ONLYDIR)?;
    // A worker is known to live once its file is locked, which it says by writing to it.
    let comings_and_goings = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::DELETE;
    inotify::add_watch(&events, workers, comings_and_goings | WatchFlags::ONLYDIR)?;
    Ok(events)
}

/// What the events say is looked at by whoever hears of them.
fn drain(events: &OwnedFd) {
    let mut buffer = [0_u8; 4096];
    while read(events, &mut buffer).is_ok_and(|bytes| bytes > 0) {}
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use crossbeam_channel::unbounded;

    use super::*;

    #[test]
    fn a_state_directory_that_is_removed_is_noticed_and_one_that_is_used_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (state, workers) = (folder.path().join("state"), folder.path().join("state/workers"));
        fs::create_dir_all(&workers).unwrap();
        let (send, news) = unbounded();
        listen(&state, &workers, move |news| send.send(news).is_ok());
        fs::write(state.join("new"), "").unwrap();
        fs::write(state.join("new"), "more").unwrap();
        fs::remove_dir_all(&state).unwrap();
        let first = news.iter().find(|news| *news == Ground::State);
        assert_eq!(first, Some(Ground::State));
        // Removed are a file and two folders, and the kernel may tell of them together.
        let more = std::iter::from_fn(|| news.recv_timeout(Duration::from_millis(100)).ok());
        assert!(more.filter(|news| *news == Ground::State).count() <= 4);
    }
}
