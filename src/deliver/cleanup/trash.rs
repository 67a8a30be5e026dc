//! The desktop's trash, as the freedesktop.org trash specification (1.0) has it.
//!
//! It never lets a frame be copied to another file system: a trash that a rename cannot reach is no trash. It takes files
//! of every name that a file can have, which the known crates do not: a note belongs to each, whose name is ten bytes
//! longer than the file's in the trash.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use jiff::Zoned;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Statx, StatxFlags, openat, statx, unlinkat};
use rustix::io::Errno;
use rustix::process::getuid;

use super::look::{Removable, may_go};
use super::{CleanupReport, KeptReason};
use crate::error::chain;
use crate::files::private;
use crate::files::rename_noreplace::{Entry, FOR_FRAMES, move_to_free_name};

/// What is added to a file's name for its note.
const NOTE: &str = ".trashinfo";
/// How long a file's name can be on every file system of Linux.
const NAME_LIMIT: usize = 255;
/// How many names are tried before giving up: if all of them are taken, something else is wrong.
const MOST_NAMES: usize = 100_000;

/// Puts the frames into the trash of the user that reeld runs as.
pub(super) fn trash(folder: &OwnedFd, frames: &[Removable<'_>], report: &mut CleanupReport) {
    // The kernel's own name for the open folder: no link can lead away from it.
    let dir = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).read_link();
    let trash = dir.and_then(|dir| Ok((Trash::of(&dir, home_trash().as_deref())?, dir)));
    for frame in frames {
        let outcome = match &trash {
            Ok((None, _)) => Err(KeptReason::NoTrash),
            // Each frame has a reason of its own.
            Err(error) => Err(KeptReason::Failed(io::Error::new(error.kind(), chain(error).to_string()))),
            Ok((Some(_), _)) if !may_go(folder, frame, report) => continue,
            Ok((Some(trash), dir)) => {
                trash.take(folder, dir, OsStr::from_bytes(frame.name)).map_err(KeptReason::Failed)
            }
        };
        match outcome {
            Ok(()) => report.removed += 1,
            Err(reason) => report.kept.push((frame.name.to_owned(), reason)),
        }
    }
}

/// Where the home trash is.
fn home_trash() -> Option<PathBuf> {
    let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = data.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".local/share")));
    data.map(|data| data.join("Trash"))
}

/// An open trash.
#[derive(Debug)]
struct Trash {
    files: OwnedFd,
    notes: OwnedFd,
    /// What the paths in its notes begin from; the home trash has whole ones.
    top: Option<PathBuf>,
}

impl Trash {
    /// The trash that a rename can reach from `dir`: the home trash, or that of the disk. `None` where there is none, and
    /// none may be made.
    fn of(dir: &Path, home: Option<&Path>) -> io::Result<Option<Self>> {
        let Some(mount) = mount_of(dir) else { return Ok(None) };
        if let Some(home) = home.filter(|home| home.ancestors().find_map(mount_of) == Some(mount)) {
            DirBuilder::new().recursive(true).mode(0o700).create(home)?;
            return Self::open(home, None).map(Some);
        }
        let same_mount = |path: &&Path| mount_of(path) == Some(mount);
        let Some(top) = dir.ancestors().take_while(same_mount).last() else { return Ok(None) };
        let uid = getuid().as_raw();
        // Made by the administrator for everybody: only one that nobody can take another's folder in counts.
        let shared = top.join(".Trash");
        let place = if stat_of(&shared).is_some_and(|stat| is_folder(&stat) && stat.stx_mode & 0o1000 != 0) {
            shared.join(uid.to_string())
        } else {
            top.join(format!(".Trash-{uid}"))
        };
        match DirBuilder::new().mode(0o700).create(&place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Ok(None),
            _ => {}
        }
        let is_ours = stat_of(&place).is_some_and(|stat| is_folder(&stat) && stat.stx_uid == uid);
        if !is_ours || mount_of(&place) != Some(mount) {
            return Ok(None);
        }
        Self::open(&place, Some(top.to_path_buf())).map(Some)
    }

    fn open(place: &Path, top: Option<PathBuf>) -> io::Result<Self> {
        let inner = |name: &str| -> io::Result<OwnedFd> {
            let path = place.join(name);
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            Ok(private::open(&path)?)
        };
        Ok(Self { files: inner("files")?, notes: inner("info")?, top })
    }

    /// Moves `name` of `folder`, which is at `dir`, into the trash. Its note is there first, as the specification wants.
    fn take(&self, folder: &OwnedFd, dir: &Path, name: &OsStr) -> io::Result<()> {
        let note = self.note(&dir.join(name));
        for candidate in candidates(name).take(MOST_NAMES) {
            let mut note_name = candidate.clone();
            note_name.push(NOTE);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut file: File = match openat(&self.notes, &note_name, flags, Mode::from_raw_mode(0o600)) {
                Ok(file) => file.into(),
                Err(Errno::EXIST) => continue,
                Err(errno) => return Err(errno.into()),
            };
            let from = Entry { dir: folder.as_fd(), name };
            let to = Entry { dir: self.files.as_fd(), name: &candidate };
            let moved = file.write_all(note.as_bytes()).and_then(|()| Ok(move_to_free_name(from, to, FOR_FRAMES)?));
            match moved {
                Ok(()) => return Ok(()),
                Err(error) => {
                    // A note without a file is shown by nobody.
                    let _ = unlinkat(&self.notes, &note_name, AtFlags::empty());
                    if error.raw_os_error() != Some(Errno::EXIST.raw_os_error()) {
                        return Err(error);
                    }
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn note(&self, path: &Path) -> String {
        let path = self.top.as_deref().and_then(|top| path.strip_prefix(top).ok()).unwrap_or(path);
        let mut encoded = String::new();
        for byte in path.as_os_str().as_bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~/".contains(byte) {
                encoded.push(char::from(*byte));
            } else {
                // Writing to a string does not fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        format!("[Trash Info]\nPath={encoded}\nDeletionDate={}\n", Zoned::now().strftime("%Y-%m-%dT%H:%M:%S"))
    }
}

/// The names to try in the trash, best first. With the name of its note each is as short as it must be; the original is in
/// the note.
fn candidates(name: &OsStr) -> impl Iterator<Item = OsString> {
    let path = Path::new(name);
    // What is most of the name is not an extension.
    let extension = path.extension().filter(|extension| extension.len() < 32).map(OsStr::as_bytes);
    let stem = if extension.is_some() { path.file_stem().unwrap_or(name) } else { name };
    let (stem, extension) = (stem.as_bytes().to_vec(), extension.map(<[u8]>::to_vec));
    let numbers = std::iter::once(String::new()).chain((2_u32..).map(|number| format!("_{number}")));
    numbers.map(move |number| {
        let end: Vec<u8> = match &extension {
            Some(extension) => [number.as_bytes(), b".", extension].concat(),
            None => number.into_bytes(),
        };
        let room = NAME_LIMIT - NOTE.len() - end.len();
        let mut cut = stem.len().min(room);
        // Not in the middle of a character.
        while cut < stem.len() && cut > 1 && stem[cut] & 0xc0 == 0x80 {
            cut -= 1;
        }
        OsString::from_vec([&stem[..cut], &end].concat())
    })
}

fn stat_of(path: &Path) -> Option<Statx> {
    statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS).ok()
}

fn is_folder(stat: &Statx) -> bool {
    FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory
}

/// A number that two paths share if a file can be renamed from one to the other. Two mounts of one file system differ.
fn mount_of(path: &Path) -> Option<(u64, u32, u32)> {
    let stat = statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS | StatxFlags::MNT_ID).ok()?;
    // Before Linux 5.8 the mount's number is zero, and the device alone has to do.
    Some((stat.stx_mnt_id, stat.stx_dev_major, stat.stx_dev_minor))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::deliver::testing::as_ordinary_user;

    #[test]
    fn a_home_trash_on_the_same_mount_is_made_where_it_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home/.local/share/Trash");
        assert!(Trash::of(folder.path(), Some(&home)).unwrap().is_some_and(|trash| trash.top.is_none()));
        assert!(home.join("files").is_dir() && home.join("info").is_dir());
    }

    #[test]
    fn a_mount_that_takes_no_files_has_no_trash() {
        // Every Linux has /proc, which is a mount of its own.
        let folder = tempfile::tempdir().unwrap();
        for home in [Some(folder.path()), None] {
            assert!(as_ordinary_user(|| Trash::of(Path::new("/proc/self"), home)).unwrap().is_none());
        }
    }

    #[test]
    fn files_of_every_name_are_taken_and_can_be_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("shot");
        fs::create_dir(&dir).unwrap();
        let long = |length: usize| format!("{}_0001.png", "ä".repeat((length - 9) / 2) + &"x".repeat((length - 9) % 2));
        let mut names: Vec<OsString> = (244..=255).map(|length| long(length).into()).collect();
        names.push(OsString::from_vec(b"\xff\xfe\n%d' _0002.png".to_vec()));
        names.push(OsString::from_vec([&[0xff; 200][..], b"_0003.png"].concat()));
        names.push("x".repeat(255).into());
        let trash = Trash::of(&dir, Some(&folder.path().join("Trash"))).unwrap().unwrap();
        let opened = private::open(&dir).unwrap();
        // Twice each, as two runs of a generator give the same names.
        for _ in 0..2 {
            for name in &names {
                fs::write(dir.join(name), "frame").unwrap();
                trash.take(&opened, &dir, name).unwrap();
            }
        }
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        let mut noted = Vec::new();
        for note in fs::read_dir(folder.path().join("Trash/info")).unwrap() {
            let note = note.unwrap();
            let file = note.file_name().into_vec();
            let file = OsString::from_vec(file[..file.len() - NOTE.len()].to_vec());
            assert!(folder.path().join("Trash/files").join(file).is_file());
            let text = fs::read_to_string(note.path()).unwrap();
            let encoded = text.lines().nth(1).unwrap().strip_prefix("Path=").unwrap().to_owned();
            noted.push(decoded(&encoded));
        }
        let mut expected: Vec<PathBuf> = names.iter().chain(&names).map(|name| dir.join(name)).collect();
        noted.sort();
        expected.sort();
        assert_eq!(noted, expected);
    }

    fn decoded(text: &str) -> PathBuf {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [byte, after @ ..] = rest {
            if *byte == b'%' {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
                rest = &after[2..];
            } else {
                bytes.push(*byte);
                rest = after;
            }
        }
        PathBuf::from(OsString::from_vec(bytes))
    }

    proptest! {
        #[test]
        fn every_candidate_fits_with_its_note(name in prop::collection::vec(1_u8..=255, 1..=255), which in 0_usize..3) {
            let name = OsString::from_vec(name.into_iter().map(|byte| if byte == b'/' { b'.' } else { byte }).collect());
            let names: Vec<OsString> = candidates(&name).take(which + 1).collect();
            for candidate in &names {
                prop_assert!((1..=NAME_LIMIT - NOTE.len()).contains(&candidate.len()));
            }
            prop_assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
        }
    }
}
