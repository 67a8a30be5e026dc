//! Chunks of one sequence: made, proved, recorded, and found again.
//!
//! Owns the way of a chunk file from its first frame to its row in the journal. It decides neither which frames are in it
//! nor what becomes of it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::config::{FrameRate, dirs};
use crate::encode::EncodeError;
use crate::encode::chunk::store::{self, ChunkStore};
use crate::encode::chunk::{BadFrames, ChunkOutcome, EncodeSpec, FrameQueue, Progress, Shown, settings_of};
use crate::encode::ffmpeg::{Ffmpeg, Stop};
use crate::encode::join::VideoPart;
use crate::encode::preview;
use crate::encode::recipe::{ChunkPosition, Form, Recipe};
use crate::encode::tags::Tags;
use crate::encode::verified::encode_verified;
use crate::error::chain;
use crate::frame::digest::Contents;
use crate::journal::{ChunkId, ChunkKey, JournalError, KeyedChunk, NewChunk, StoredChunk};
use crate::model::Identity;
use crate::pipeline::clock::now_ms;
use crate::pipeline::error::JobError;
use crate::pipeline::job::Tools;
use crate::pipeline::places;
use crate::sequence::{Batch, FrameNumber, Pattern, Unreadable};
use crate::text::printable::Show as _;
use crate::watch::scan;

/// How the folders of playlists end.
const PREVIEW: &str = ".preview";

/// How the chunks of one sequence are made. Chunks that were made alike can be joined.
#[derive(Debug, Clone)]
pub(crate) struct ChunkMaker {
    tools: Tools,
    ffmpeg: Ffmpeg,
    dir: Arc<Path>,
    pattern: Pattern,
    spec: EncodeSpec,
    settings: String,
}

/// A chunk that was just made.
#[derive(Debug)]
pub(crate) struct Made {
    /// Its row in the journal; none where frames of it were bad, so that nobody uses it who does not know of them.
    pub(crate) id: Option<ChunkId>,
    /// The file, and what is in it.
    pub(crate) part: VideoPart,
    /// The files that had their turn.
    pub(crate) shown: Vec<Shown>,
    /// What was read of those that could be used.
    pub(crate) contents: Vec<(FrameNumber, Contents)>,
    /// Frames that could not be used.
    pub(crate) bad: Vec<Unreadable>,
    /// Held where the journal does not know the file: no other process takes it for nobody's as long as this lives.
    pub(crate) held: Option<store::TempChunk>,
}

impl ChunkMaker {
    /// Chunks of `recipe` for the sequence of `pattern` in `dir`, by this FFmpeg and no other.
    pub(crate) fn new(
        tools: &Tools,
        ffmpeg: Ffmpeg,
        dir: Arc<Path>,
        pattern: Pattern,
        recipe: Recipe,
        rate: FrameRate,
    ) -> Self {
        let spec = EncodeSpec {
            recipe,
            rate,
            form: Form::Chunk { gop: tools.encoder.chunk_length, position: ChunkPosition::First },
            bad_frames: BadFrames::End,
            tags: Tags::default(),
            settings: (&tools.encoder).into(),
        };
        let settings = settings_of(&ffmpeg, &spec);
        Self { tools: tools.clone(), ffmpeg, dir, pattern, spec, settings }
    }

    /// The folder of the frames.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn key(&self) -> ChunkKey<'_> {
        let Self { ffmpeg, dir, pattern, settings, .. } = self;
        ChunkKey { dir, pattern, settings, ffmpeg: &ffmpeg.version }
    }

    /// The chunks that are there and were made alike. A file that is not what the journal says is passed over.
    pub(crate) fn found(&self) -> Result<Vec<StoredChunk>, JournalError> {
        let mut chunks = self.tools.journal.chunks_of(&self.key())?;
        chunks.retain(|chunk| {
            let size = fs::metadata(&chunk.file).map(|meta| meta.len()).ok();
            let whole = size == Some(chunk.bytes) && part_of(chunk).is_whole(self.spec.rate);
            if !whole {
                tracing::warn!(path = %chunk.file.shown(), "this chunk is damaged or gone; its frames are encoded again");
            }
            whole
        });
        Ok(chunks)
    }

    /// Writes the playlist of these chunks of the journal, which begin the video. Who watches it can do without, so a failure
    /// is no more than a line in the log. Where one of them is given up meanwhile there is no playlist, and none is wanted:
    /// the next chunk brings one.
    pub(crate) fn preview_of(&self, ids: &[ChunkId]) -> Result<(), JournalError> {
        let files = self.files_of(ids)?;
        if files.is_empty() {
            return Ok(());
        }
        let written = self.write_preview(&files);
        if self.files_of(ids)? != files {
            // Nobody else may come to remove what was written after the chunks went.
            end_preview(&self.tools, &self.dir, &self.pattern);
        } else if let Err(error) = written {
            self.warn_of_preview(&error);
        }
        Ok(())
    }

    /// Says in the playlist, if there is one, that the rest of the video is not added to it.
    pub(crate) fn close_preview(&self) {
        if let Err(error) = preview::end(&preview_dir(&self.tools, &self.dir, &self.pattern)) {
            self.warn_of_preview(&error);
        }
    }

    /// The files of these chunks, up to the first that the journal does not know any more.
    fn files_of(&self, ids: &[ChunkId]) -> Result<Vec<PathBuf>, JournalError> {
        let chunks = self.tools.journal.chunks_of(&self.key())?;
        let file = |id: &ChunkId| chunks.iter().find(|chunk| chunk.id == *id).map(|chunk| chunk.file.clone());
        Ok(ids.iter().map_while(file).collect())
    }

    fn write_preview(&self, files: &[PathBuf]) -> Result<(), EncodeError> {
        let dir = preview_dir(&self.tools, &self.dir, &self.pattern);
        // No chunk is longer than one and a half times the usual length; twice is more than that at any rounding.
        let most = self.tools.encoder.chunk_length.saturating_mul(const { NonZeroU32::new(2).unwrap() });
        let path = preview::write(&dir, files, self.spec.rate, most)?;
        tracing::debug!(path = %path.shown(), chunks = files.len(), "preview");
        Ok(())
    }

    fn warn_of_preview(&self, error: &EncodeError) {
        let dir = preview_dir(&self.tools, &self.dir, &self.pattern);
        tracing::warn!(dir = %dir.shown(), "the preview cannot be written: {}", chain(error));
    }

    /// Fails unless the folder of the chunks is on the disk that it was on.
    pub(crate) fn check_place(&self) -> Result<(), JobError> {
        places::check_folder(&self.tools.journal, &self.tools.chunk_dir)
    }

    /// Makes one chunk of the frames of `queue`, which are at `position` of the video. `encoded` is called when its
    /// encoder has ended and what is left is its proof.
    pub(crate) fn make(
        &self,
        queue: &FrameQueue,
        position: ChunkPosition,
        bad_frames: BadFrames,
        progress: &(dyn Fn(Progress) + Sync),
        stop: &Stop,
        encoded: impl FnOnce(),
    ) -> Result<Made, JobError> {
        let Tools { journal, chunk_dir, .. } = &self.tools;
        self.ffmpeg.check_unchanged().map_err(EncodeError::from)?;
        let mut file = ChunkStore::open(chunk_dir)?.reserve(&now_ms().to_string())?;
        let form = Form::Chunk { gop: self.tools.encoder.chunk_length, position };
        let spec = EncodeSpec { form, bad_frames, ..self.spec.clone() };
        let outcome = encode_verified(&self.ffmpeg, &spec, queue, &file.reach(), progress, stop, encoded)?;
        let ChunkOutcome { shown, contents, bad, ended_by: _, proof } = outcome;
        // Replaced meanwhile, nobody knows which of the two made it: it must not be recorded as that of one of them.
        self.ffmpeg.check_unchanged().map_err(EncodeError::from)?;
        let path = file.keep()?;
        // Only WebP has none, and is not made of chunks.
        let samples = proof.samples.ok_or(EncodeError::NoFrames)?;
        let part = VideoPart { file: path, samples };
        let mut id = None;
        if bad.is_empty() {
            let read: Vec<Contents> = contents.iter().map(|(_, contents)| *contents).collect();
            let (frames, bytes) = (&shown, proof.bytes);
            let new = NewChunk { file: &part.file, bytes, frames, contents: &read, samples: &part.samples };
            id = Some(journal.add_chunk(&self.key(), &new, now_ms())?);
        }
        let held = id.is_none().then_some(file);
        Ok(Made { id, part, shown, contents, bad, held })
    }
}

/// Removes chunks: their rows first, so that no row is without its file for long.
pub(crate) fn discard(tools: &Tools, ids: &[ChunkId]) -> Result<(), JobError> {
    let files = tools.journal.drop_chunks(ids)?;
    remove_files(tools, files.iter().map(PathBuf::as_path))
}

/// Where the playlist of a sequence is: beside the chunks, under a name that no two sequences share.
fn preview_dir(tools: &Tools, dir: &Path, pattern: &Pattern) -> PathBuf {
    let mut hash = Sha256::new();
    hash.update(dir.as_os_str().as_bytes());
    hash.update([0]);
    hash.update(pattern.name(0));
    let name = hash.finalize().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    tools.chunk_dir.join(format!("{name:016x}{PREVIEW}"))
}

/// Removes the playlist of a sequence.
pub(crate) fn end_preview(tools: &Tools, dir: &Path, pattern: &Pattern) {
    let dir = preview_dir(tools, dir, pattern);
    if let Err(error) = preview::remove(&dir) {
        tracing::warn!(dir = %dir.shown(), "the preview cannot be removed: {}", chain(&error));
    }
    leave(tools);
}

/// Removes the playlists of a folder of chunks: they are written anew with the next chunk.
pub(crate) fn end_previews(tools: &Tools) {
    for entry in fs::read_dir(&tools.chunk_dir).into_iter().flatten().flatten() {
        if entry.file_name().as_bytes().ends_with(PREVIEW.as_bytes()) {
            // What else is in there is not reeld's, and stays.
            _ = preview::remove(&entry.path());
        }
    }
}

/// Leaves a folder that is not the one for chunks any more. The chunks in it go with the batches that use them.
pub(crate) fn move_out(tools: &Tools) {
    end_previews(tools);
    leave(tools);
}

/// Leaves nothing in a folder that is not reeld's alone, once there are no chunks.
fn leave(tools: &Tools) {
    if dirs::is_in_shared(&tools.chunk_dir) {
        // One that is in use is not empty. It is made again when it is used.
        let _ = fs::remove_dir(&tools.chunk_dir);
    }
}

/// Removes the chunks that were made for `batch`, which is a video now, and its playlist.
pub(crate) fn clear(tools: &Tools, batch: &Batch) -> Result<(), JobError> {
    let cleared = clear_chunks(tools, batch);
    // After the chunks: a preview that is being written finds them gone, or is finished before it is removed.
    end_preview(tools, &batch.dir, &batch.pattern);
    cleared
}

fn clear_chunks(tools: &Tools, batch: &Batch) -> Result<(), JobError> {
    let frames: HashSet<Identity> = batch.frames.iter().map(|frame| frame.identity).collect();
    let of_batch = |KeyedChunk { dir, pattern, chunk, .. }: &KeyedChunk| {
        *dir == *batch.dir
            && *pattern == batch.pattern
            && chunk.frames.iter().any(|shown| frames.contains(&shown.identity))
    };
    let chunks = tools.journal.chunks()?.into_iter().filter(of_batch);
    let ids: Vec<ChunkId> = chunks.map(|of_batch| of_batch.chunk.id).collect();
    if ids.is_empty() { Ok(()) } else { discard(tools, &ids) }
}

/// Puts the chunk folder in order at the start: away with files that no row names, with chunks whose first frame is not the
/// file that it was, and with those of videos, which a killed process left. How many went.
pub(crate) fn sweep(tools: &Tools) -> Result<u64, JobError> {
    let mut known = Vec::new();
    let mut stale = Vec::new();
    let mut folders: HashMap<PathBuf, HashSet<Identity>> = HashMap::new();
    let mut delivered: HashMap<(PathBuf, Pattern), HashSet<Identity>> = HashMap::new();
    for KeyedChunk { dir, pattern, chunk, worker, .. } in tools.journal.chunks()? {
        // Its process decides, for as long as it lives.
        if worker.is_some_and(|worker| tools.journal.is_of_another(&worker)) {
            known.push(chunk.file);
            continue;
        }
        // A chunk's record has no names, so its folder is read, once however many chunks it has.
        let files = folders.entry(dir.clone()).or_insert_with(|| {
            let files = scan::read_folder(&dir, &|_| true).map(|scan| scan.files).unwrap_or_default();
            files.into_iter().map(|(_, identity)| identity).collect()
        });
        let in_video = match delivered.entry((dir.clone(), pattern)) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(new) => {
                let (dir, pattern) = new.key();
                let files = tools.journal.delivered(dir, pattern)?;
                new.insert(files)
            }
        };
        // The same as for `clear`, which had no time to.
        if chunk.frames.iter().any(|shown| in_video.contains(&shown.identity)) {
            stale.push(chunk.id);
            continue;
        }
        let is_same = chunk.frames.first().is_some_and(|shown| files.contains(&shown.identity));
        // A disk that is not mounted may come back.
        let is_away = dir.parent().is_some_and(|parent| !parent.is_dir());
        if is_same || is_away { known.push(chunk.file) } else { stale.push(chunk.id) }
    }
    if !stale.is_empty() {
        discard(tools, &stale)?;
    }
    if !tools.chunk_dir.is_dir() {
        return Ok(stale.len() as u64);
    }
    end_previews(tools);
    // A journal that cannot be asked keeps the file.
    let is_recorded = |name: &OsStr| tools.journal.has_chunk_file(name).unwrap_or(true);
    let swept = ChunkStore::open(&tools.chunk_dir)?.sweep(&known, &is_recorded)?;
    leave(tools);
    Ok(swept + stale.len() as u64)
}

/// Removes chunk files that no row of the journal names.
pub(crate) fn remove_files<'a>(tools: &Tools, files: impl Iterator<Item = &'a Path>) -> Result<(), JobError> {
    let store = ChunkStore::open(&tools.chunk_dir)?;
    for file in files {
        store.remove(file)?;
    }
    leave(tools);
    Ok(())
}

/// A chunk, as it is joined.
pub(crate) fn part_of(chunk: &StoredChunk) -> VideoPart {
    VideoPart { file: chunk.file.clone(), samples: chunk.samples.clone() }
}
