//! What live encoding does on worker threads: look at files, encode a chunk.

use std::sync::Arc;

use crate::config::Root;
use crate::core::live::live_encode::Closed;
use crate::core::live::{Checked, Key};
use crate::daemon::live::{Chunks, file_of};
use crate::encode::EncodeError;
use crate::encode::chunk::{BadFrames, FrameQueue, Shown};
use crate::encode::ffmpeg::{FfmpegError, Stop};
use crate::encode::recipe::{ChunkPosition, Recipe, Source};
use crate::error::{Explain as _, chain};
use crate::frame::{ImageInfo, Layer, complete, metadata};
use crate::pipeline::chunks::ChunkMaker;
use crate::pipeline::error::JobError;
use crate::pipeline::job::Tools;
use crate::sequence::Frame;
use crate::sequence::generator::Generator;
use crate::sequence::origin::Origin;
use crate::sequence::rate::RateEvidence;
use crate::text::printable::Show as _;

/// Decides how the sequence of `first` is encoded, as if all of its frames were like it: should they turn out to be others,
/// the video is made of other chunks. `None` where that must wait for the last frame. What its maker says of the rate is added to
/// `evidence`, and counts.
pub(super) fn prepare(
    key: &Key,
    first: &Frame,
    root: &Root,
    mut evidence: RateEvidence,
    tools: &Tools,
) -> (Option<(Arc<ChunkMaker>, Chunks)>, RateEvidence) {
    let file = file_of(key, first);
    let Ok((info, origin)) = complete::inspect_with_origin(&file.path, &file.identity, root.video.layer.as_ref())
    else {
        return (None, evidence);
    };
    let generator = root.finish.generator;
    let origin = origin.as_of(generator);
    let beside = metadata::settings_beside(&file.path, generator);
    evidence.add(&origin);
    evidence.add_settings(beside.rate);
    let total = origin.total().or(beside.total);
    let root = root.at(evidence.rate(&key.0, &key.1).as_ref());
    if root.length.is_none() {
        return (maker_of(key, &info, &root, tools), evidence);
    }
    // Should they become more or fewer, the rate is another one, and the chunks are made anew.
    let Some(frames) = root.finish.frames_to_come(first.number, total) else {
        tracing::debug!(dir = %key.0.shown(), pattern = %key.1, "the rate is known when all frames are counted");
        return (None, evidence);
    };
    let root = root.lasting(root.video.playback.count(frames));
    (maker_of(key, &info, &root, tools), evidence)
}

/// What makes the chunks of frames like this one, and those that are there.
fn maker_of(key: &Key, info: &ImageInfo, root: &Root, tools: &Tools) -> Option<(Arc<ChunkMaker>, Chunks)> {
    let source =
        Source { width: info.width, height: info.height, deep: info.deep, linear: info.linear, alpha: info.alpha };
    // What is wrong with it is said when the sequence is finished.
    let recipe = Recipe::resolve(&root.video, &source).ok()?.of_aspect(info.aspect);
    if !recipe.joinable() {
        tracing::debug!(dir = %key.0.shown(), pattern = %key.1, recipe = recipe.name, "cannot be encoded in parts");
        return None;
    }
    let ffmpeg = match tools.ffmpeg() {
        Ok(ffmpeg) => ffmpeg,
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            tracing::warn!(dir = %key.0.shown(), hint, "{}; the sequence is encoded when it is finished", chain(&error));
            return None;
        }
    };
    let maker = ChunkMaker::new(tools, ffmpeg, Arc::clone(&key.0), key.1.clone(), recipe, root.video.rate);
    let found = match maker.found() {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(hint = error.hint().unwrap_or_default(), "the chunks are not known: {}", chain(&error));
            Vec::new()
        }
    };
    let frames = |chunk: &crate::journal::StoredChunk| -> Vec<Frame> {
        let frame = |shown: &Shown| Frame { number: shown.number, name: None, identity: shown.identity };
        chunk.frames.iter().map(frame).collect()
    };
    let chunks = found.iter().filter(|chunk| chunk.frames.iter().all(|shown| shown.repeat == 1));
    let chunks = chunks.map(|chunk| (chunk.id, frames(chunk))).collect();
    Some((Arc::new(maker), chunks))
}

/// Looks at `frames` until one is not whole, and reads what is embedded in them at the same time.
pub(super) fn check(key: &Key, frames: &[Frame], generator: Option<Generator>, layer: Option<&Layer>) -> Checked {
    let mut sizes = Vec::new();
    let head = |frame: &Frame| {
        let file = file_of(key, frame);
        let (info, origin) = complete::inspect_with_origin(&file.path, &file.identity, layer).ok()?;
        sizes.push((info.width, info.height));
        Some((frame.clone(), origin.as_of(generator)))
    };
    let heads: Vec<(Frame, Origin)> = frames.iter().map_while(head).collect();
    let count = heads.len();
    Checked { whole: frames[..count].to_vec(), incomplete: frames.get(count).cloned(), heads, sizes }
}

/// Makes a chunk of the frames of `intake`, and says in the log what went wrong.
pub(super) fn make(
    maker: &ChunkMaker,
    intake: &FrameQueue,
    position: ChunkPosition,
    stop: &Stop,
    encoded: impl FnOnce(),
    sequence: &str,
) -> Closed {
    let made = || {
        maker.check_place()?;
        maker.make(intake, position, BadFrames::End, &|_| {}, stop, encoded)
    };
    let error = match made() {
        Ok(made) => {
            tracing::debug!(sequence, frames = made.shown.len(), path = %made.part.file.shown(), "chunk");
            return match made.id {
                Some(id) => Closed::Chunk(id, made.shown.len()),
                // Not under this policy: a bad frame ends the chunk.
                None => Closed::Failed { again: false },
            };
        }
        Err(error) => error,
    };
    let again = match &error {
        JobError::Stopped => return Closed::Stopped,
        JobError::Encode(EncodeError::BadFrame(bad)) => {
            tracing::debug!(sequence, path = %bad.path.shown(), reason = %chain(&bad.kind), "waits for a frame that can be read");
            return Closed::BadFrame;
        }
        JobError::Encode(EncodeError::Ffmpeg(error @ FfmpegError::Replaced { .. })) => {
            tracing::info!(
                sequence,
                "{}; the sequence is encoded anew with the FFmpeg that is there now",
                chain(error)
            );
            return Closed::Outdated;
        }
        JobError::Encode(error) => error.retryable(),
        _ => false,
    };
    let hint = error.hint().unwrap_or_default();
    let then = if again { "tried once more" } else { "the sequence is encoded when it is finished" };
    tracing::warn!(sequence, hint, "a part of this sequence could not be encoded: {}; {then}", chain(&error));
    Closed::Failed { again }
}
