//! One daemon to a root.
//!
//! Two daemons on one root would make every video twice, and remove each other's frames. Owns the kernel's lock on the open
//! folder of the root: no file is made in it, so that it works where nothing may be written, everybody who can read the
//! folder sees it, whatever the state directories, users and containers, and it ends with its process, however that ends.
//! Where the file system has no such locks (some network shares), a second daemon is not noticed.
//!
//! An open folder keeps its disk from being unmounted, as the work of any program on it does. A desktop's disks are to be
//! ejected at any time, so that none is held there.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, openat};
use rustix::io::Errno;

use crate::error::{Explain, chain};
use crate::text::printable::Show as _;

/// Where desktops mount what is plugged in.
const PLUGGED_IN: [&str; 2] = ["/media", "/run/media"];

/// The right to watch a root, until it is dropped. Clones are one right.
pub type Claim = Arc<Lock>;

/// The claims of this process, by device and inode: a config that is read again claims what the old one still holds.
static OWN: Mutex<Option<Own>> = Mutex::new(None);

/// One of them was let go.
static LET_GO: Condvar = Condvar::new();

/// One that nobody has any more is among them until its lock is let go, which is waited for: this process is no other one.
type Own = HashMap<(u64, u64), Weak<Lock>>;

/// A folder that this process has locked.
#[derive(Debug)]
pub struct Lock {
    folder: OwnedFd,
    key: (u64, u64),
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut own = own();
        // Closing the folder does not do: a child that was forked, and is not FFmpeg yet, has it open too, and the lock is held
        // for as long as anybody has. Said in words, it is let go of for all of them.
        let _ = flock(&self.folder, FlockOperation::Unlock);
        own.get_or_insert_default().remove(&self.key);
        LET_GO.notify_all();
    }
}

fn own() -> MutexGuard<'static, Option<Own>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who watches a root that cannot be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The folder that it has claimed: the root, or one above or below it.
    pub folder: PathBuf,
    /// The process, where the kernel tells.
    pub pid: Option<u32>,
    /// What it is called.
    name: Option<String>,
    /// Its state directory, if it is a daemon of this user.
    pub state_dir: Option<PathBuf>,
}

impl Holder {
    /// Whether it is a reeld, as far as can be seen.
    fn is_reeld(&self) -> bool {
        self.name.as_ref().is_none_or(|name| name.starts_with("reeld"))
    }
}

impl Error for Holder {}

impl Explain for Holder {
    fn hint(&self) -> Option<String> {
        let hint =
            "stop the other one, or take the root out of one of the two configs; it is watched as soon as it is free";
        Some(hint.to_owned())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_deref().filter(|_| !self.is_reeld()) {
            None => write!(f, "another reeld watches {}", self.folder.shown())?,
            Some(name) => write!(f, "{name:?} has locked {}", self.folder.shown())?,
        }
        match (self.pid, &self.state_dir) {
            (Some(pid), Some(state)) => write!(f, " (pid {pid}, state in {})", state.shown()),
            (Some(pid), None) => write!(f, " (pid {pid})"),
            (None, _) => Ok(()),
        }
    }
}

/// Claims the root at `folder`, whose links are resolved. `None` where no claim can be held; the root may be watched then.
///
/// # Errors
///
/// When another process has claimed it, or a folder above or below it.
pub fn claim(folder: &Path) -> Result<Option<Claim>, Box<Holder>> {
    if PLUGGED_IN.iter().any(|place| folder.starts_with(place)) {
        return Ok(None);
    }
    let Some((opened, key)) = open(folder) else { return Ok(None) };
    let mut own = own();
    // Asked by one look, since the last one who has it may let go of it at any moment.
    while let Some(claim) = own.as_ref().and_then(|own| own.get(&key)) {
        if let Some(claim) = claim.upgrade() {
            return Ok(Some(claim));
        }
        own = LET_GO.wait(own).unwrap_or_else(PoisonError::into_inner);
    }
    let own = own.get_or_insert_default();
    for above in folder.ancestors().skip(1) {
        if let Some((opened, key)) = open(above)
            && !own.contains_key(&key)
            // Shared, and let go of at once: asking is not to keep anybody out.
            && flock(&opened, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
        {
            let holder = holder_of(above, key);
            // What other programs lock has nothing to do with what is below it.
            if holder.is_reeld() {
                return Err(Box::new(holder));
            }
        }
    }
    match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(Box::new(holder_of(folder, key))),
        Err(errno) => {
            tracing::debug!(path = %folder.shown(), "this root cannot be locked, so that a second daemon goes unnoticed: {}", chain(&errno));
            return Ok(None);
        }
    }
    if let Some(below) = claimed_below(folder) {
        return Err(Box::new(below));
    }
    let claim = Arc::new(Lock { folder: opened, key });
    own.insert(key, Arc::downgrade(&claim));
    Ok(Some(claim))
}

fn open(folder: &Path) -> Option<(OwnedFd, (u64, u64))> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(CWD, folder, flags, Mode::empty()).ok()?;
    let stat = fstat(&opened).ok()?;
    Some((opened, (stat.st_dev, stat.st_ino)))
}

/// Who has locked `folder`. The lock itself does not tell, and the kernel's list of locks may be hidden from this process;
/// the other's open files are, unless it is this user's.
fn holder_of(folder: &Path, (_, inode): (u64, u64)) -> Holder {
    let locks: Vec<u32> = locks().into_iter().filter(|lock| lock.inode == inode).map(|lock| lock.pid).collect();
    let has_it = |pid: &&u32| open_files(**pid).iter().any(|file| file == folder);
    let pid = locks.iter().find(has_it).or(locks.first()).copied();
    holder(folder.to_path_buf(), pid)
}

/// A daemon of this user that has claimed a folder below `folder`.
fn claimed_below(folder: &Path) -> Option<Holder> {
    let own = std::process::id();
    locks().into_iter().filter(|lock| lock.pid != own).find_map(|lock| {
        let is_claim = |file: &PathBuf| {
            let below = file != folder && file.starts_with(folder);
            below && open(file).is_some_and(|(_, (_, inode))| inode == lock.inode)
        };
        let claimed = open_files(lock.pid).into_iter().find(is_claim)?;
        Some(holder(claimed, Some(lock.pid))).filter(|holder| holder.state_dir.is_some())
    })
}

fn holder(folder: PathBuf, pid: Option<u32>) -> Holder {
    let name = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    let journal = |file: PathBuf| file.ends_with("journal.db").then(|| file.parent().map(Path::to_path_buf)).flatten();
    let state_dir = pid.and_then(|pid| open_files(pid).into_iter().find_map(journal));
    Holder { folder, pid, name: name.map(|name| name.trim().to_owned()), state_dir }
}

/// An exclusive lock on a whole file, as the kernel lists it.
struct ListedLock {
    pid: u32,
    inode: u64,
}

/// `/proc/locks`: `1: FLOCK  ADVISORY  WRITE 123 08:01:4567 0 EOF`.
fn locks() -> Vec<ListedLock> {
    let list = fs::read_to_string("/proc/locks").unwrap_or_default();
    let parse = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, file, ..] = words[..] else { return None };
        Some(ListedLock { pid: pid.parse().ok()?, inode: file.rsplit(':').next()?.parse().ok()? })
    };
    list.lines().filter_map(parse).collect()
}

/// The paths of the open files of a process; none where they are hidden.
fn open_files(pid: u32) -> Vec<PathBuf> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| file.path().read_link().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_claims_a_root_as_often_as_it_likes() {
        let folder = tempfile::tempdir().unwrap();
        let first = claim(folder.path()).unwrap().unwrap();
        let second = claim(folder.path()).unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        // Another one would be refused, as long as any is held.
        let other = || flock(open(folder.path()).unwrap().0, FlockOperation::NonBlockingLockExclusive);
        drop(first);
        assert_eq!(other(), Err(Errno::WOULDBLOCK));
        drop(second);
        assert_eq!(other(), Ok(()));
    }

    /// Between fork and exec a child has whatever this process has open.
    #[test]
    fn a_root_can_be_claimed_again_although_a_child_still_has_it_open() {
        let folder = tempfile::tempdir().unwrap();
        let claimed = claim(folder.path()).unwrap().unwrap();
        let child = claimed.folder.try_clone().unwrap();
        drop(claimed);
        assert!(claim(folder.path()).unwrap().is_some());
        drop(child);
    }

    /// As when the config is read again: one reader lets go of a root while the next one claims it.
    #[test]
    fn a_claim_that_is_being_let_go_of_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        assert!(claim(folder.path()).unwrap().is_some());
                    }
                });
            }
        });
    }

    #[test]
    fn a_root_that_is_locked_elsewhere_or_below_a_locked_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        // As another process would: not by a claim of this one.
        let (theirs, _) = open(folder.path()).unwrap();
        flock(&theirs, FlockOperation::NonBlockingLockExclusive).unwrap();
        for root in [folder.path(), &below] {
            let holder = claim(root).unwrap_err();
            assert_eq!(holder.folder, folder.path());
            assert!(holder.pid.is_none_or(|pid| pid == std::process::id()), "{holder}");
        }
        drop(theirs);
        assert!(claim(&below).unwrap().is_some());
    }
}
