//! What there is of an unfinished video, as a playlist that players can open: HLS with fragments (RFC 8216).
//!
//! Owns a folder with the playlist, its start file, and a copy of each chunk with the times that it has in the video: a
//! chunk says that it begins at zero, and players want times that go on. The chunks themselves are read and never written:
//! they were proved as they are.
//!
//! The copies take as much disk again as the chunks, for as long as the video is unfinished, except on file systems that
//! share blocks between files (Btrfs, XFS), where only the blocks with a time in them are new. A disk that is nearly full is
//! left to the video itself, and the playlist ends early.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::num::NonZeroU32;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, OFlags, flock, fstatvfs, unlinkat};
use rustix::io::Errno;

use super::EncodeError;
use super::mp4::fragments::Layout;
use super::mp4::timing::{track_step, track_timescale};
use super::verify::timing;
use crate::config::FrameRate;
use crate::files::private;

const PLAYLIST: &str = "preview.m3u8";
const INIT: &str = "init.mp4";
/// What the names of copied chunks begin with.
const COPY: &str = "part-";
/// How a playlist ends that does not grow any more.
const END: &str = "#EXT-X-ENDLIST\n";

/// Writes `preview.m3u8` and what it lists in the folder `dir`, for the chunk files `chunks`, which are consecutive from the
/// first on and of at most `most` frames. What an earlier call wrote is used again. The path of the playlist.
///
/// # Errors
///
/// When a chunk cannot be read, when `dir` cannot be written, or when the disk has no space for the first copy.
pub fn write(dir: &Path, chunks: &[PathBuf], rate: FrameRate, most: NonZeroU32) -> Result<PathBuf, EncodeError> {
    write_within(dir, chunks, rate, most, &room)
}

/// The same where `room` says how many bytes the disk of the folder has left.
fn write_within(
    dir: &Path,
    chunks: &[PathBuf],
    rate: FrameRate,
    most: NonZeroU32,
    room: &dyn Fn(&OwnedFd) -> io::Result<u64>,
) -> Result<PathBuf, EncodeError> {
    let mut parts = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        parts.push(PreviewPart::read(chunk, rate).map_err(EncodeError::io(chunk))?);
    }
    // The start file says for all how much later than decoded the first picture is shown. Chunks of one or two frames may
    // do with less; after such a one the decode times would not fit together, so that the list ends there.
    let head = parts.first().ok_or(EncodeError::NoFrames)?;
    fs::create_dir_all(dir).map_err(EncodeError::io(dir))?;
    let folder = open(dir).map_err(EncodeError::io(dir))?;
    let all: u64 = parts.iter().map(|part| part.bytes).sum();
    let (mut entries, mut listed, mut start) = (String::new(), Vec::new(), 0);
    for part in parts.iter().take_while(|part| part.layout.lead == head.layout.lead) {
        let name = part.name(start).ok_or(EncodeError::NoFrames)?;
        if !part.is_copied(&folder, &name) {
            // The video is as large as its chunks, is written next, and needs the space more.
            if room(&folder).map_err(EncodeError::io(dir))? < part.bytes + all {
                break;
            }
            let copy = |file: &mut File| part.copy(file, start * track_step(rate));
            replace(&folder, &name, copy)?;
        }
        entries += &part.entry(&name, rate).ok_or(EncodeError::NoFrames)?;
        start += part.layout.count();
        listed.push(name);
    }
    if listed.is_empty() {
        return Err(EncodeError::io(dir)(io::ErrorKind::StorageFull.into()));
    }
    // RFC 8216, 4.3.3.1: in whole seconds, and never changed.
    let longest = timing::duration(most.get().into(), rate).as_secs() + 1;
    let text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{longest}\n#EXT-X-PLAYLIST-TYPE:EVENT\n\
         #EXT-X-MAP:URI=\"{INIT}\"\n{entries}"
    );
    // The start file first: a playlist without it cannot be played.
    replace(&folder, INIT, |file| file.write_all(&head.layout.init))?;
    replace(&folder, PLAYLIST, |file| file.write_all(text.as_bytes()))?;
    // Copies of chunks that were given up.
    let is_over = |name: &str| name.starts_with(COPY) && !listed.iter().any(|other| other == name);
    remove_files(dir, &folder, &is_over).map_err(EncodeError::io(dir))?;
    Ok(dir.join(PLAYLIST))
}

/// Says in the playlist, if there is one, that it does not grow any more. Chunks that came since are left out: copying them
/// would hold up the video, which is there in a moment.
///
/// # Errors
///
/// When the playlist cannot be read or written.
pub fn end(dir: &Path) -> Result<(), EncodeError> {
    let folder = match open(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(EncodeError::io(dir))?,
    };
    let path = private::reach(&folder, OsStr::new(PLAYLIST));
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(EncodeError::io(&dir.join(PLAYLIST)))?,
    };
    let text = text.trim_end_matches(END);
    replace(&folder, PLAYLIST, |file| file.write_all(text.as_bytes()).and_then(|()| file.write_all(END.as_bytes())))
}

/// Removes a playlist, what it lists and its folder, if they are there. Other files in the folder stay, and then the folder
/// does too.
///
/// # Errors
///
/// When something of it cannot be removed.
pub fn remove(dir: &Path) -> io::Result<()> {
    let folder = match open(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    remove_files(dir, &folder, &|_| true)?;
    match fs::remove_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens the folder for one writer at a time: chunks may be finished at the same time as the sequence ends. Where the file
/// system has no locks, the worst is a copy that is made twice.
fn open(dir: &Path) -> io::Result<OwnedFd> {
    let folder = private::open(dir)?;
    _ = flock(folder.as_fd(), FlockOperation::LockExclusive);
    Ok(folder)
}

/// How many bytes may still be written.
fn room(folder: &OwnedFd) -> io::Result<u64> {
    let disk = fstatvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Removes the files of the folder that have a name of this module, and of which `is_over` holds.
fn remove_files(dir: &Path, folder: &OwnedFd, is_over: &dyn Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let Ok(name) = std::str::from_utf8(name.as_bytes()) else { continue };
        // Those in the making are of a killed process.
        let whole = name.strip_suffix(FRESH).unwrap_or(name);
        let is_ours = [PLAYLIST, INIT].contains(&whole) || whole.starts_with(COPY);
        if is_ours && is_over(name) {
            match unlinkat(folder, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    Ok(())
}

/// A chunk of the video.
struct PreviewPart<'a> {
    chunk: &'a Path,
    layout: Layout,
    /// The size of its file.
    bytes: u64,
}

impl<'a> PreviewPart<'a> {
    fn read(chunk: &'a Path, rate: FrameRate) -> io::Result<Self> {
        let mut file = opened(chunk)?;
        let bytes = file.metadata()?.len();
        let layout = Layout::read(&mut file, track_timescale(rate), track_step(rate))?;
        Ok(Self { chunk, layout, bytes })
    }

    /// The name of its copy where `start` frames come before it: another place in the video is another copy.
    fn name(&self, start: u64) -> Option<String> {
        Some(format!("{COPY}{start}-{}", self.chunk.file_name()?.to_str()?))
    }

    /// Whether its copy is there already. A file under its name that is older is that of another chunk.
    fn is_copied(&self, folder: &OwnedFd, name: &str) -> bool {
        let copied = || {
            let copy = fs::symlink_metadata(private::reach(folder, OsStr::new(name)))?;
            let is_younger = copy.modified()? >= fs::symlink_metadata(self.chunk)?.modified()?;
            Ok::<bool, io::Error>(copy.is_file() && copy.len() == self.bytes && is_younger)
        };
        copied().unwrap_or(false)
    }

    /// Copies it to `file`, with its fragments one after the other from `ticks` on.
    fn copy(&self, file: &mut File, ticks: u64) -> io::Result<()> {
        let mut chunk = opened(self.chunk)?;
        chunk.rewind()?;
        // From file to file, so that the kernel shares the blocks where it can.
        if io::copy(&mut (&mut chunk).take(self.bytes), file)? != self.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut time = ticks;
        for fragment in &self.layout.fragments {
            if fragment.time.wide {
                file.write_all_at(&time.to_be_bytes(), fragment.time.at)?;
            } else {
                let short = u32::try_from(time).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
                file.write_all_at(&short.to_be_bytes(), fragment.time.at)?;
            }
            time += fragment.ticks;
        }
        Ok(())
    }

    /// Its entry: how long, which bytes of which file. RFC 8216, 4.3.2: everything after the file's own start.
    fn entry(&self, name: &str, rate: FrameRate) -> Option<String> {
        let (first, last) = (self.layout.fragments.first()?, self.layout.fragments.last()?);
        let micros = timing::duration(self.layout.count(), rate).as_micros();
        let (from, to) = (first.whole.start, last.whole.end);
        let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
        Some(format!("#EXTINF:{seconds}.{rest:06},\n#EXT-X-BYTERANGE:{}@{from}\n{name}\n", to - from))
    }
}

/// Opens a chunk for reading, and no link that somebody put in its place.
fn opened(chunk: &Path) -> io::Result<File> {
    let no_link = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(no_link).open(chunk)
}

/// What the name of a file in the making ends with.
const FRESH: &str = ".new";

/// Writes a file that readers see whole or as it was before.
fn replace(folder: &OwnedFd, name: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), EncodeError> {
    let path = private::reach(folder, OsStr::new(name));
    let fresh = private::reach(folder, OsStr::new(&format!("{name}{FRESH}")));
    let result = || {
        // Of a killed process.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // For the same eyes as the chunks.
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh);
        let written = created.and_then(|mut file| write(&mut file));
        written.and_then(|()| fs::rename(&fresh, &path)).inspect_err(|_| _ = fs::remove_file(&fresh))
    };
    result().map_err(EncodeError::io(&path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::mp4::fragments::tests::{file, pyramid};

    const RATE: FrameRate = FrameRate { num: NonZeroU32::new(24_000).unwrap(), den: NonZeroU32::new(1001).unwrap() };

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_left_to_the_video() {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("x.preview");
        let chunks = ["a.mp4", "b.mp4"].map(|name| outer.path().join(name));
        let bytes = file(5, &[pyramid()]);
        for chunk in &chunks {
            fs::write(chunk, &bytes).unwrap();
        }
        let size = bytes.len() as u64;
        let write = |room: u64| write_within(&dir, &chunks, RATE, NonZeroU32::MIN, &move |_| Ok(room));

        let error = write(3 * size - 1).unwrap_err();
        assert!(
            matches!(&error, EncodeError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull),
            "{error:?}"
        );
        assert_eq!(names(&dir), Vec::<String>::new());

        write(3 * size).unwrap();
        let count = pyramid().len();
        let copies = ["part-0-a.mp4".to_owned(), format!("part-{count}-b.mp4")];
        assert_eq!(names(&dir), [INIT.to_owned(), copies[0].clone(), copies[1].clone(), PLAYLIST.to_owned()]);

        // What is copied already takes no more space; what is not is left out.
        fs::remove_file(dir.join(&copies[1])).unwrap();
        let list = write(0).unwrap();
        let text = fs::read_to_string(list).unwrap();
        assert!(text.contains(&copies[0]) && !text.contains(&copies[1]), "{text}");
        assert!(chunks.iter().all(|chunk| fs::read(chunk).unwrap() == bytes));
    }

    #[test]
    fn what_is_not_of_the_preview_stays_in_its_folder() {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("x.preview");
        let chunks = [outer.path().join("a.mp4")];
        fs::write(&chunks[0], file(5, &[pyramid()])).unwrap();
        write(&dir, &chunks, RATE, NonZeroU32::MIN).unwrap();
        fs::write(dir.join("part-7-killed.mp4.new"), "").unwrap();
        fs::write(dir.join("theirs.mp4"), "").unwrap();
        remove(&dir).unwrap_err();
        assert_eq!(names(&dir), ["theirs.mp4"]);
        fs::remove_file(dir.join("theirs.mp4")).unwrap();
        remove(&dir).unwrap();
        assert!(!dir.exists());
        end(&dir).unwrap();
        assert!(!dir.exists(), "a preview that nobody has begun is not ended");
    }
}
