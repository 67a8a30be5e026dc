//! Reads folders: names first, then the identity of the files that matter.
//!
//! Owns the rule that a listing is whole or an error: a folder that cannot be read to its end never looks like a folder
//! with fewer files. Links are not followed, neither to files nor to folders. It reads nothing but folders and inodes.

use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use bstr::BString;
use globset::GlobSet;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, Stat, fstat, openat, statat};
use rustix::io::{Errno, retry_on_intr};
use rustix::path::Arg;

use crate::error::{Explain, place};
use crate::files::identity_of;
use crate::model::Identity;
use crate::text::printable::Show as _;

/// Folder entries are read in pieces of this many bytes, about a thousand names.
const BUFFER: usize = 64 * 1024;

/// All that is of interest in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderScan {
    /// Its own inode.
    pub ino: u64,
    /// The regular files that were wanted, in the order of the file system.
    pub files: Vec<(BString, Identity)>,
    /// The folders in it, by name, without those that [`is_ignored_folder`] names.
    pub folders: Vec<BString>,
    /// The links in it.
    pub links: Links,
}

/// The links of a folder, which are not followed. Hidden ones that are not wanted are nobody's business.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// How many.
    pub count: usize,
    /// One of them, by preference one that was wanted.
    pub example: Option<BString>,
    /// Whether any has a name that was wanted.
    pub wanted: bool,
}

impl Links {
    fn add(&mut self, name: &[u8], wanted: bool) {
        if !wanted && name.starts_with(b".") {
            return;
        }
        self.count += 1;
        if self.example.is_none() || wanted && !self.wanted {
            self.example = Some(name.into());
        }
        self.wanted |= wanted;
    }
}

/// What became of some names of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamesScan {
    /// The regular files among them that were wanted.
    pub files: Vec<(BString, Identity)>,
    /// The wanted names that no regular file has, or no longer.
    pub gone: Vec<BString>,
    /// The folders among them, without those that [`is_ignored_folder`] names.
    pub folders: Vec<BString>,
    /// The links among them.
    pub links: Links,
}

/// Reads all of the folder `dir`, which must not be a link. `wants` says by its name whether a file matters; others are
/// not even looked at. A file that vanishes meanwhile is absent; any other failure is the failure of the whole reading.
pub fn read_folder(dir: &Path, wants: &dyn Fn(&[u8]) -> bool) -> Result<FolderScan, ScanError> {
    let fail = |errno| ScanError::new(dir, errno);
    let folder = open_folder(dir).map_err(fail)?;
    let mut buffer = Vec::with_capacity(BUFFER);
    let mut entries = RawDir::new(&folder, buffer.spare_capacity_mut());
    let mut scan = FolderScan { ino: fstat(&folder).map_err(fail)?.st_ino, ..FolderScan::default() };
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(fail(errno)),
        };
        let name = entry.file_name();
        // Some file systems do not say what an entry is.
        let mut kind = entry.file_type();
        let wanted = wants(name.to_bytes());
        let mut stat = None;
        if kind == FileType::Unknown || kind == FileType::RegularFile && wanted {
            stat = stat_in(&folder, name).map_err(fail)?;
            kind = stat.as_ref().map_or(FileType::Unknown, kind_of);
        }
        match (kind, stat) {
            (FileType::Directory, _) if !is_ignored_folder(name.to_bytes()) => {
                scan.folders.push(BString::from(name.to_bytes()));
            }
            (FileType::RegularFile, Some(stat)) if wanted => {
                scan.files.push((BString::from(name.to_bytes()), identity_of(&stat)));
            }
            (FileType::Symlink, _) => scan.links.add(name.to_bytes(), wanted),
            _ => {}
        }
    }
    scan.folders.sort_unstable();
    Ok(scan)
}

/// Looks at these `names` of the folder `dir` only, with the same rules as [`read_folder`].
pub fn read_names(
    dir: &Path,
    names: &BTreeSet<BString>,
    wants: &dyn Fn(&[u8]) -> bool,
) -> Result<NamesScan, ScanError> {
    let fail = |errno| ScanError::new(dir, errno);
    let folder = open_folder(dir).map_err(fail)?;
    let mut scan = NamesScan::default();
    for name in names {
        let wanted = wants(name);
        let stat = stat_in(&folder, OsStr::from_bytes(name)).map_err(fail)?;
        match stat.as_ref().map(|stat| (kind_of(stat), stat)) {
            Some((FileType::RegularFile, stat)) => {
                if wanted {
                    scan.files.push((name.clone(), identity_of(stat)));
                }
                continue;
            }
            Some((FileType::Directory, _)) if !is_ignored_folder(name) => scan.folders.push(name.clone()),
            Some((FileType::Symlink, _)) => scan.links.add(name, wanted),
            _ => {}
        }
        if wanted {
            scan.gone.push(name.clone());
        }
    }
    Ok(scan)
}

/// Visits the folder `start` and, if `recursive`, every folder below it, parents first. `visit` watches the folder and
/// then reads it, and returns the names of the folders in it, none where it cannot be read. Folders whose path relative
/// to `root` matches `exclude` are left out, with all that is below them; `start` is in `root`, or is it.
pub fn walk(
    root: &Path,
    start: &Arc<Path>,
    recursive: bool,
    exclude: &GlobSet,
    visit: &mut dyn FnMut(&Arc<Path>) -> Vec<BString>,
) {
    let mut waiting = vec![Arc::clone(start)];
    while let Some(dir) = waiting.pop() {
        if is_excluded(root, &dir, exclude) {
            continue;
        }
        let folders = visit(&dir);
        if recursive {
            // Last in, first out: the last name goes in first.
            waiting.extend(folders.iter().rev().map(|name| Arc::from(dir.join(OsStr::from_bytes(name)))));
        }
    }
}

/// Whether the folder `dir` below `root` is left alone.
fn is_excluded(root: &Path, dir: &Path, exclude: &GlobSet) -> bool {
    dir.strip_prefix(root).is_ok_and(|relative| relative != Path::new("") && exclude.is_match(relative))
}

/// Whether a folder never holds frames of its own: hidden ones (trash cans and reeld's own among them), and what
/// servers and file systems keep beside the user's files.
#[must_use]
pub fn is_ignored_folder(name: &[u8]) -> bool {
    const SERVICE: [&[u8]; 6] =
        [b"@eaDir", b"#recycle", b"lost+found", b"__MACOSX", b"$RECYCLE.BIN", b"System Volume Information"];
    name.starts_with(b".") || SERVICE.contains(&name)
}

/// Opens a folder to read it; a link in its place is an error.
fn open_folder(dir: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    retry_on_intr(|| openat(CWD, dir, flags, Mode::empty()))
}

/// `None` where there is no such file any more.
fn stat_in<P: Arg + Copy>(folder: &OwnedFd, name: P) -> Result<Option<Stat>, Errno> {
    match retry_on_intr(|| statat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn kind_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Why a folder could not be read.
#[derive(Debug)]
pub struct ScanError {
    /// The folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: ScanErrorKind,
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: {}", self.path.shown(), self.kind)
    }
}

/// What is wrong stands in its own words, so that the cause is that of the kind.
impl Error for ScanError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

/// What is wrong with a folder.
#[derive(Debug, thiserror::Error)]
pub enum ScanErrorKind {
    /// There is none of that name, or not any more.
    #[error("no such folder")]
    Missing,
    /// The permission to read or to enter it is lacking.
    #[error("permission denied")]
    Denied,
    /// It is a file, or a link.
    #[error("not a folder")]
    NotAFolder,
    /// The file system failed.
    #[error(transparent)]
    Io(io::Error),
}

impl ScanError {
    pub(super) fn new(path: &Path, errno: Errno) -> Self {
        let kind = match errno {
            Errno::NOENT => ScanErrorKind::Missing,
            Errno::ACCESS | Errno::PERM => ScanErrorKind::Denied,
            Errno::NOTDIR | Errno::LOOP => ScanErrorKind::NotAFolder,
            errno => ScanErrorKind::Io(errno.into()),
        };
        Self { path: path.to_path_buf(), kind }
    }
}

impl Explain for ScanError {
    fn hint(&self) -> Option<String> {
        match &self.kind {
            ScanErrorKind::Missing => place::hidden_hint(&self.path).map(str::to_owned),
            ScanErrorKind::Denied => Some(place::access_hint(&self.path)),
            ScanErrorKind::NotAFolder => Some("links to folders are not followed; name the folder itself".to_owned()),
            ScanErrorKind::Io(_) => {
                Some("the disk or the network share fails; nothing below it is touched until it can be read".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests;
