//! A sequence that is encoded while it comes in.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::recorder::{Recorder, Twist};
use super::video::{assert_clean, assert_shows, number, pictures};
use super::{Daemon, Frames, Sandbox, toml_string};

/// Frames of a chunk, as [`Live::config`] has it: the fewest that are allowed.
pub(crate) const LENGTH: u32 = 24;

/// A sandbox with a folder of frames and an FFmpeg that records.
pub(crate) struct Live {
    pub sandbox: Sandbox,
    pub recorder: Recorder,
    /// The folder of the frames.
    pub shot: PathBuf,
    pub frames: Frames,
    /// What chunk files show that were looked into: a file never changes.
    seen: RefCell<HashMap<Identity, Vec<u32>>>,
}

/// Which file it is: inode, size, and seconds and nanoseconds of its modification.
type Identity = (u64, u64, i64, i64);

/// A chunk file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub path: PathBuf,
    /// The very file.
    pub identity: Identity,
    /// The numbers in its pictures, of those that have one.
    pub shows: Vec<u32>,
}

impl Live {
    pub(crate) fn new(ffmpeg: &Path) -> Self {
        Self::twisted(ffmpeg, Twist::None)
    }

    pub(crate) fn twisted(ffmpeg: &Path, twist: Twist) -> Self {
        let sandbox = Sandbox::new(ffmpeg);
        let recorder = Recorder::install(&sandbox, ffmpeg, twist);
        let shot = sandbox.folder("shot");
        Self { sandbox, recorder, shot, frames: Frames::new("frame_####.png"), seen: RefCell::default() }
    }

    /// Writes a config with chunks of [`LENGTH`] frames, and further lines of its `[encoder]` and its `[[watch]]` table.
    /// Only what a test says ends a sequence.
    pub(crate) fn config(&self, encoder: &str, watch: &str) -> PathBuf {
        let root = toml_string(&self.sandbox.root());
        let silence = if watch.contains("idle_timeout") { "" } else { "idle_timeout = \"never\"" };
        let text =
            format!("[encoder]\nchunk_length = {LENGTH}\n{encoder}\n[[watch]]\npath = {root}\n{silence}\n{watch}\n");
        self.sandbox.config_text(&text)
    }

    /// Starts the daemon with no further settings.
    pub(crate) fn start(&self) -> Daemon {
        Daemon::start(&self.sandbox, &self.config("", ""))
    }

    pub(crate) fn write(&self, numbers: impl IntoIterator<Item = u32>) {
        self.frames.write(&self.shot, numbers);
    }

    /// Says that the sequence is finished.
    pub(crate) fn mark(&self) {
        fs::write(self.shot.join(".done"), "").unwrap();
    }

    pub(crate) fn video(&self) -> PathBuf {
        self.shot.join("frame.mp4")
    }

    /// Where the chunk files are.
    pub(crate) fn chunk_dir(&self) -> PathBuf {
        self.sandbox.state().join("chunks")
    }

    /// The chunk files that are there, by what they show.
    pub(crate) fn chunks(&self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = self.chunk_files().into_iter().filter_map(|path| self.look(path)).collect();
        chunks.sort_by(|a, b| a.shows.cmp(&b.shows));
        chunks
    }

    /// Waits until there are chunks of these frames, and returns them in this order.
    pub(crate) fn wait_for_chunks<const N: usize>(
        &self,
        daemon: &mut Daemon,
        wanted: [RangeInclusive<u32>; N],
    ) -> [Chunk; N] {
        let wanted = wanted.map(Iterator::collect::<Vec<_>>);
        daemon.wait(&format!("chunks of {wanted:?}"), |_| {
            let chunks = self.chunks();
            let found: Vec<Chunk> = wanted
                .iter()
                .map_while(|numbers| chunks.iter().find(|chunk| chunk.shows == *numbers).cloned())
                .collect();
            found.try_into().ok()
        })
    }

    /// Waits until the journal and the chunk folder know nothing of the chunks any more.
    pub(crate) fn wait_for_no_chunks(&self, daemon: &mut Daemon) {
        daemon.wait("the chunk files go away", |_| self.chunk_files().is_empty().then_some(()));
    }

    /// Waits for the video, and panics unless it shows exactly these frames, undamaged, and is the only one.
    #[track_caller]
    pub(crate) fn assert_video(&self, daemon: &mut Daemon, expected: impl IntoIterator<Item = u32>) {
        daemon.wait_for_file(&self.video());
        assert_shows(&self.video(), &self.sandbox.ffmpeg, expected);
        assert_clean(&self.video(), &self.sandbox.ffmpeg);
        assert_eq!(self.sandbox.videos(), [self.video()]);
    }

    /// Panics unless the frames with these numbers are the files that were written.
    #[track_caller]
    pub(crate) fn assert_untouched(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            let bytes = fs::read(self.frames.path(&self.shot, number)).unwrap();
            assert_eq!(bytes, self.frames.bytes(number), "frame {number}");
        }
    }

    /// Without those that are being written, and without what is not reeld's.
    fn chunk_files(&self) -> Vec<PathBuf> {
        let is_chunk = |name: &[u8]| name.starts_with(b"reeld-") && name.ends_with(b".chunk.mp4");
        let mut found = Vec::new();
        let mut folders = vec![self.chunk_dir()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(_) if is_chunk(entry.file_name().as_bytes()) => found.push(entry.path()),
                    _ => {}
                }
            }
        }
        found
    }

    /// `None` if it is gone by now.
    fn look(&self, path: PathBuf) -> Option<Chunk> {
        let identity = identity_of(&path)?;
        if let Some(shows) = self.seen.borrow().get(&identity).cloned() {
            return Some(Chunk { path, identity, shows });
        }
        // A copy stays there while FFmpeg reads it.
        let copy = self.sandbox.path().join("tmp/chunk");
        fs::copy(&path, &copy).ok()?;
        let pictures = pictures(&copy, &self.sandbox.ffmpeg);
        let numbers = pictures.iter().filter_map(|picture| number(&picture.gray, picture.width, picture.height));
        let shows: Vec<u32> = numbers.collect();
        self.seen.borrow_mut().insert(identity, shows.clone());
        Some(Chunk { path, identity, shows })
    }
}

impl Chunk {
    /// Whether it is still the file that it was.
    pub(crate) fn is_there(&self) -> bool {
        identity_of(&self.path) == Some(self.identity)
    }
}

fn identity_of(path: &Path) -> Option<Identity> {
    let meta = fs::symlink_metadata(path).ok()?;
    // With its time: nobody writes to a chunk once it is proved.
    Some((meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}
