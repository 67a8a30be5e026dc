//! What there is of an unfinished video, as a playlist that players can open: HLS with fragments (RFC 8216).
//!
//! Owns the playlist and its start file, beside the chunks that it lists, and the place in time that chunk files give for
//! themselves, which nobody else relies on. It copies no picture and never changes one.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, OFlags, unlinkat};
use rustix::io::Errno;

use super::EncodeError;
use super::fragments::Layout;
use super::recipe::{track_step, track_timescale};
use super::verify::timing;
use crate::config::FrameRate;
use crate::files::private;

const PLAYLIST: &str = "preview.m3u8";
const INIT: &str = "init.mp4";

/// Writes `preview.m3u8` and `init.mp4` in `dir`, a folder beside the chunk files `chunks`, which are consecutive from the
/// first on and of at most `most` frames. A playlist that has `ended` does not grow any more. The path of the playlist.
///
/// Times are exact for chunks as reeld makes them: each is put in its place in the video, in its own file.
pub fn write(
    dir: &Path,
    chunks: &[PathBuf],
    rate: FrameRate,
    most: NonZeroU32,
    ended: bool,
) -> Result<PathBuf, EncodeError> {
    fs::create_dir_all(dir).map_err(EncodeError::io(dir))?;
    let folder = private::open(dir).map_err(|errno| EncodeError::io(dir)(errno.into()))?;
    let mut layouts = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let layout = opened(chunk, false)
            .and_then(|mut file| Layout::read(&mut file, track_timescale(rate), track_step(rate)))
            .map_err(EncodeError::io(chunk))?;
        layouts.push(layout);
    }
    // The start file says for all how much later than decoded the first picture is shown. Chunks of one or two frames may
    // do with less; behind such a one the decode times would not fit together, so that the list ends there.
    let head = layouts.first().ok_or(EncodeError::NoFrames)?;
    let (mut entries, mut start) = (String::new(), 0);
    for (chunk, layout) in chunks.iter().zip(&layouts).take_while(|(_, layout)| layout.lead == head.lead) {
        opened(chunk, true)
            .and_then(|file| move_to(&file, layout, start * track_step(rate)))
            .map_err(EncodeError::io(chunk))?;
        entries += &entry(chunk, layout, rate).ok_or(EncodeError::NoFrames)?;
        start += layout.count();
    }
    // RFC 8216, 4.3.3.1: in whole seconds, and never changed.
    let longest = timing::duration(most.get().into(), rate).as_secs() + 1;
    let end = if ended { "#EXT-X-ENDLIST\n" } else { "" };
    let text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{longest}\n#EXT-X-PLAYLIST-TYPE:EVENT\n\
         #EXT-X-MAP:URI=\"{INIT}\"\n{entries}{end}"
    );
    // The start file first: a playlist without it cannot be played.
    replace(&folder, INIT, &head.init)?;
    replace(&folder, PLAYLIST, text.as_bytes())?;
    Ok(dir.join(PLAYLIST))
}

/// Removes a playlist and its folder, if they are there.
pub fn remove(dir: &Path) -> io::Result<()> {
    let folder = match private::open(dir) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    for name in [PLAYLIST, INIT] {
        match unlinkat(&folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    match fs::remove_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// One entry: how long, which bytes of which file. RFC 8216, 4.3.2: everything behind the file's own start.
fn entry(chunk: &Path, layout: &Layout, rate: FrameRate) -> Option<String> {
    let (first, last) = (layout.fragments.first()?, layout.fragments.last()?);
    let micros = timing::duration(layout.count(), rate).as_micros();
    let (from, to) = (first.whole.start, last.whole.end);
    let name = chunk.file_name()?.to_str()?;
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    Some(format!("#EXTINF:{seconds}.{rest:06},\n#EXT-X-BYTERANGE:{}@{from}\n../{name}\n", to - from))
}

/// Puts the fragments of a file one after the other from `ticks` on, wherever a write that was cut short left them.
fn move_to(file: &File, layout: &Layout, ticks: u64) -> io::Result<()> {
    let mut time = ticks;
    for fragment in &layout.fragments {
        if time != fragment.time.ticks {
            if fragment.time.wide {
                file.write_all_at(&time.to_be_bytes(), fragment.time.at)?;
            } else {
                let short = u32::try_from(time).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
                file.write_all_at(&short.to_be_bytes(), fragment.time.at)?;
            }
        }
        time += fragment.ticks;
    }
    Ok(())
}

/// Opens a chunk, and no link that somebody put in its place.
fn opened(chunk: &Path, to_write: bool) -> io::Result<File> {
    let no_link = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().read(!to_write).write(to_write).custom_flags(no_link).open(chunk)
}

/// Writes a file that readers see whole or as it was before.
fn replace(folder: &OwnedFd, name: &str, bytes: &[u8]) -> Result<(), EncodeError> {
    let path = private::reach(folder, OsStr::new(name));
    let fresh = path.with_extension("new");
    let write = || {
        // Of a killed process.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        File::create_new(&fresh)?.write_all(bytes)?;
        fs::rename(&fresh, &path)
    };
    write().map_err(EncodeError::io(&path))
}
