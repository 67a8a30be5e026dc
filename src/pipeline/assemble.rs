//! The file of a batch: joined from chunks, or encoded in one go.
//!
//! Owns the choice between the two and the way back: whatever is wrong with chunks, the batch is then encoded as if there
//! were none. What it returns is proved, and is in the staging file.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::Audio;
use crate::encode::EncodeError;
use crate::encode::chunk::parallel::{memory_available, parallel_chunks};
use crate::encode::chunk::plan::{Piece, plan};
use crate::encode::chunk::store::ChunkStore;
use crate::encode::chunk::{
    BadFrames, ChunkOutcome, ChunkSpec, EncodeSpec, FrameFile, FrameQueue, Progress, Proof, Samples, Shown,
};
use crate::encode::ffmpeg::{Ffmpeg, Stop};
use crate::encode::join::{self, VideoPart};
use crate::encode::recipe::ChunkPosition;
use crate::encode::sound;
use crate::encode::tags::Tags;
use crate::encode::verified::encode_verified;
use crate::error::{Explain as _, chain};
use crate::frame::digest::{self, Contents};
use crate::journal::{ChunkId, StoredChunk};
use crate::pipeline::chunks::{self, ChunkMaker, Made};
use crate::pipeline::clock::now_ms;
use crate::pipeline::error::JobError;
use crate::pipeline::job::Tools;
use crate::sequence::{Batch, FrameNumber, Unreadable};
use crate::text::printable::Show as _;

/// A file that is proved to be the video of its frames.
#[derive(Debug, Default)]
pub(super) struct Assembled {
    /// Frames of the video.
    pub(super) frames: u64,
    /// What was read of the frames that could be used. Nothing of those in chunks of an earlier version.
    pub(super) contents: Vec<(FrameNumber, Contents)>,
    /// Frames that could not be used.
    pub(super) bad: Vec<Unreadable>,
    /// Frames of the video that were encoded before the batch had its turn.
    pub(super) ahead: u64,
    /// What the video holds; nothing of a WebP.
    samples: Option<Samples>,
    /// How long the last proof took; chunks are proved as they are made.
    pub(super) proof: Duration,
}

/// Makes `output` of the frames of `spec`, which are those of `batch`, with the sound of `audio`.
///
/// The sound is put beside the pictures of a file that is proved already, so that nothing about chunks and proofs is another
/// because of it. That costs the space of a second file, where chunks are, and the time to copy it.
#[expect(clippy::too_many_arguments, reason = "one caller, which has each of them by itself")]
pub(super) fn with_sound(
    batch: &Batch,
    spec: &ChunkSpec,
    audio: Option<&Audio>,
    output: &Path,
    tools: &Tools,
    ffmpeg: &Ffmpeg,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &Stop,
) -> Result<Assembled, JobError> {
    let Some(audio) = audio else { return assemble(batch, spec, output, tools, ffmpeg, progress, stop) };
    // What the video says of itself goes into the last file.
    let encode = EncodeSpec { tags: Tags::default(), ..spec.encode.clone() };
    let silent = ChunkSpec { frames: spec.frames.clone(), encode };
    let mut file = ChunkStore::open(&tools.chunk_dir)?.reserve(&now_ms().to_string())?;
    let mut assembled = assemble(batch, &silent, &file.reach(), tools, ffmpeg, progress, stop)?;
    let part = VideoPart { file: file.keep()?, samples: assembled.samples.take().ok_or(EncodeError::NoFrames)? };
    let begun = Instant::now();
    let added = sound::add(ffmpeg, &spec.encode, audio, &part, output, stop);
    chunks::remove_files(tools, std::iter::once(&*part.file))?;
    drop(file);
    added?;
    assembled.proof += begun.elapsed();
    Ok(assembled)
}

/// Makes `output` of the frames of `spec`, which are those of `batch`.
fn assemble(
    batch: &Batch,
    spec: &ChunkSpec,
    output: &Path,
    tools: &Tools,
    ffmpeg: &Ffmpeg,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &Stop,
) -> Result<Assembled, JobError> {
    if spec.encode.recipe.joinable()
        && let Some(assembled) = Chunked::new(batch, (spec, output), tools, ffmpeg, progress, stop).assemble()?
    {
        return Ok(assembled);
    }
    let mut encoded = Instant::now();
    let queue = FrameQueue::of(spec.frames.clone());
    let outcome = encode_verified(ffmpeg, &spec.encode, &queue, output, progress, stop, || encoded = Instant::now())?;
    let ChunkOutcome { bad, contents, proof, .. } = outcome;
    let Proof { frames, samples, .. } = proof;
    Ok(Assembled { frames, bad, contents, ahead: 0, samples, proof: encoded.elapsed() })
}

/// A batch on its way to a video by chunks.
struct Chunked<'a> {
    maker: ChunkMaker,
    spec: &'a ChunkSpec,
    output: &'a Path,
    tools: &'a Tools,
    ffmpeg: &'a Ffmpeg,
    progress: &'a (dyn Fn(Progress) + Sync),
    stop: &'a Stop,
}

/// Why a video was not made of chunks.
enum Miss {
    /// It can be tried without the chunks that were there, or without any.
    Chunks {
        /// In words for the log.
        why: String,
        /// What can be done about it.
        hint: String,
    },
    /// It would fail in any way.
    Batch(JobError),
}

impl From<JobError> for Miss {
    fn from(error: JobError) -> Self {
        match error {
            // Nothing is wrong with the chunks where no FFmpeg can be started.
            JobError::Stopped
            | JobError::FramesChanged(_)
            | JobError::FolderGone { .. }
            | JobError::Encode(EncodeError::Ffmpeg(_)) => Self::Batch(error),
            JobError::Encode(EncodeError::BadFrame(ref bad)) if bad.kind.is_want() => Self::Batch(error),
            error => Self::Chunks { why: chain(&error).to_string(), hint: error.hint().unwrap_or_default() },
        }
    }
}

impl<'a> Chunked<'a> {
    fn new(
        batch: &Batch,
        (spec, output): (&'a ChunkSpec, &'a Path),
        tools: &'a Tools,
        ffmpeg: &'a Ffmpeg,
        progress: &'a (dyn Fn(Progress) + Sync),
        stop: &'a Stop,
    ) -> Self {
        let (dir, pattern) = (batch.dir.clone(), batch.pattern.clone());
        let (recipe, rate) = (spec.encode.recipe.clone(), spec.encode.rate);
        let maker = ChunkMaker::new(tools, ffmpeg.clone(), dir, pattern, recipe, rate);
        Self { maker, spec, output, tools, ffmpeg, progress, stop }
    }

    /// `None` where the batch is better encoded in one go.
    fn assemble(&self) -> Result<Option<Assembled>, JobError> {
        let mut found = self.as_read(self.maker.found()?)?;
        loop {
            let pieces = self.plan(&found);
            if matches!(pieces[..], [] | [Piece::Encode(_)]) {
                return Ok(None);
            }
            let (why, hint) = match self.by_pieces(&pieces, &found) {
                Ok(assembled) => return Ok(Some(assembled)),
                Err(Miss::Batch(error)) => return Err(error),
                Err(Miss::Chunks { why, hint }) => (why, hint),
            };
            if found.is_empty() {
                tracing::warn!(dir = %self.maker.dir().shown(), hint, "{why}; encoding in one go instead");
                return Ok(None);
            }
            tracing::warn!(dir = %self.maker.dir().shown(), hint, "{why}; encoding without the chunks that were there");
            let ids: Vec<ChunkId> = found.drain(..).map(|chunk| chunk.id).collect();
            chunks::discard(self.tools, &ids)?;
        }
    }

    /// Without the chunks of frames that were written into since, by a program that put their times back.
    fn as_read(&self, found: Vec<StoredChunk>) -> Result<Vec<StoredChunk>, JobError> {
        let frames: HashMap<FrameNumber, &FrameFile> = self.spec.frames.iter().map(|f| (f.number, f)).collect();
        let is_as_read = |chunk: &StoredChunk| {
            chunk.frames.iter().zip(&chunk.contents).all(|(shown, contents)| match frames.get(&shown.number) {
                // One that cannot be looked at now is not the reason to encode the others again.
                Some(frame) => digest::is_as_read(&frame.path, &shown.identity, contents).unwrap_or(true),
                None => true,
            })
        };
        let (kept, stale): (Vec<_>, Vec<_>) = found.into_iter().partition(is_as_read);
        if !stale.is_empty() {
            let ids: Vec<ChunkId> = stale.iter().map(|chunk| chunk.id).collect();
            tracing::info!(dir = %self.maker.dir().shown(), chunks = ids.len(), "frames of these chunks were written into since; they are encoded again");
            chunks::discard(self.tools, &ids)?;
        }
        Ok(kept)
    }

    fn plan(&self, found: &[StoredChunk]) -> Vec<Piece<usize>> {
        let shown: Vec<Shown> = self.spec.frames.iter().map(FrameFile::shown).collect();
        let kept: Vec<(usize, Vec<Shown>)> =
            found.iter().enumerate().map(|(index, chunk)| (index, chunk.frames.clone())).collect();
        plan(&shown, &kept, self.tools.encoder.chunk_length)
    }

    fn by_pieces(&self, pieces: &[Piece<usize>], found: &[StoredChunk]) -> Result<Assembled, Miss> {
        let mut made = self.encode(pieces)?;
        let mut assembled = Assembled::default();
        let mut parts = Vec::with_capacity(pieces.len());
        let mut unrecorded: Vec<PathBuf> = Vec::new();
        let mut held = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Kept(kept) => {
                    let kept = &found[*kept];
                    assembled.ahead += kept.samples.count;
                    let numbers = kept.frames.iter().map(|shown| shown.number);
                    assembled.contents.extend(numbers.zip(kept.contents.iter().copied()));
                    parts.push(chunks::part_of(kept));
                }
                Piece::Encode(_) => {
                    // Every piece was made, or there would be an error.
                    let Some(chunk) = made.remove(&index) else { continue };
                    assembled.bad.extend(chunk.bad);
                    assembled.contents.extend(chunk.contents);
                    if chunk.id.is_none() {
                        unrecorded.push(chunk.part.file.clone());
                    }
                    held.push(chunk.held);
                    parts.push(chunk.part);
                }
            }
        }
        self.maker.close_preview();
        let joined = self.join(&parts);
        chunks::remove_files(self.tools, unrecorded.iter().map(PathBuf::as_path))?;
        drop(held);
        let (Proof { frames, samples, .. }, proof) = joined?;
        (assembled.frames, assembled.samples, assembled.proof) = (frames, samples, proof);
        Ok(assembled)
    }

    fn join(&self, parts: &[VideoPart]) -> Result<(Proof, Duration), JobError> {
        let Self { spec: ChunkSpec { encode: spec, .. }, output, ffmpeg, stop, .. } = self;
        join::join(ffmpeg, spec, parts, output, stop)?;
        let joined = Instant::now();
        let proof = join::prove(ffmpeg, &spec.recipe, spec.rate, parts, output, spec.settings, stop)?;
        Ok((proof, joined.elapsed()))
    }

    /// Encodes the pieces that are in no chunk yet, several at a time where that is faster.
    fn encode(&self, pieces: &[Piece<usize>]) -> Result<BTreeMap<usize, Made>, Miss> {
        let to_do = pieces.iter().enumerate().filter_map(|(index, piece)| match piece {
            Piece::Encode(range) => Some((index, range.clone())),
            Piece::Kept(_) => None,
        });
        let to_do: Vec<_> = to_do.collect();
        let total: u64 = self.spec.frames.iter().map(|frame| u64::from(frame.repeat)).sum();
        let count = |range: &std::ops::Range<usize>| -> u64 {
            self.spec.frames[range.clone()].iter().map(|frame| u64::from(frame.repeat)).sum()
        };
        let kept = total - to_do.iter().map(|(_, range)| count(range)).sum::<u64>();
        let encoded: Vec<AtomicU64> = to_do.iter().map(|_| AtomicU64::new(0)).collect();
        let next = AtomicU64::new(0);
        let outcome = Mutex::new(Ok(BTreeMap::new()));
        let failed = Stop::default();
        let workers = self.parallel().get().min(to_do.len());
        let work = || {
            loop {
                let turn = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
                let Some((index, range)) = to_do.get(turn) else { return };
                if failed.requested() {
                    return;
                }
                let report = |progress: Progress| {
                    encoded[turn].store(progress.frames, Ordering::Relaxed);
                    let frames = kept + encoded.iter().map(|done| done.load(Ordering::Relaxed)).sum::<u64>();
                    (self.progress)(Progress { frames, total });
                };
                let made = self.piece(range.clone(), &report);
                let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                match (made, &mut *outcome) {
                    (Ok(made), Ok(all)) => drop(all.insert(*index, made)),
                    (Err(error), Ok(_)) => {
                        failed.request();
                        *outcome = Err(error);
                    }
                    (_, Err(_)) => {}
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..workers {
                scope.spawn(work);
            }
            work();
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn parallel(&self) -> NonZeroUsize {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        // Other batches are encoded at the same time.
        let cores = NonZeroUsize::new(cores.get() / self.tools.encoder.jobs).unwrap_or(NonZeroUsize::MIN);
        let (recipe, setting) = (&self.spec.encode.recipe, self.tools.encoder.parallel_chunks);
        let (width, height) = (recipe.canvas.width, recipe.canvas.height);
        parallel_chunks(setting, cores, &recipe.encoder, width, height, memory_available())
    }

    fn piece(&self, range: std::ops::Range<usize>, progress: &(dyn Fn(Progress) + Sync)) -> Result<Made, Miss> {
        let position = if range.start == 0 { ChunkPosition::First } else { ChunkPosition::Later };
        let frames = &self.spec.frames[range];
        let queue = FrameQueue::of(frames.to_vec());
        let made = self.maker.make(&queue, position, self.spec.encode.bad_frames, progress, self.stop, || {})?;
        // Held is the frame before, which is in another chunk.
        if let (BadFrames::Hold, Some(first), Some(bad)) =
            (self.spec.encode.bad_frames, frames.first(), made.bad.first())
            && first.number == bad.number
        {
            chunks::remove_files(self.tools, std::iter::once(&*made.part.file))?;
            let why = format!("{}: {}", first.path.shown(), bad.reason);
            return Err(Miss::Chunks { why, hint: String::new() });
        }
        Ok(made)
    }
}
