//! One batch, from its frames to its video on disk.
//!
//! Owns the order of the durable steps: encode, verify, announce, publish, record. Blocks as long as it takes. What becomes of
//! the frames is for `pipeline::removal`.

use std::any::Any;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Zoned;
use serde::Serialize;

use crate::config::{Cleanup, Root};
use crate::deliver::Published;
use crate::deliver::cleanup::EncodedFrame;
use crate::deliver::name::{self, NameContext, Names};
use crate::deliver::publish::{self, Staging};
use crate::encode::EncodeError;
use crate::encode::chunk::{BadFrames, ChunkSpec, EncodeSpec, Progress};
use crate::encode::ffmpeg::Stop;
use crate::encode::recipe::{Form, Recipe};
use crate::encode::verify;
use crate::error::{Explain as _, chain};
use crate::frame::digest;
use crate::journal::{BatchId, Fate, Journal, JournalError, NewBatch, Outcome, PlannedCleanup, lossy};
use crate::model::Identity;
use crate::pipeline::arrange;
use crate::pipeline::assemble::{self, Assembled};
use crate::pipeline::chunks;
use crate::pipeline::clock::now_ms;
use crate::pipeline::consequence::Consequence;
use crate::pipeline::error::JobError;
use crate::pipeline::inspect_batch::{InspectedBatch, inspect_batch};
use crate::pipeline::job::{Job, Tools, recipe_of};
use crate::pipeline::poster;
use crate::pipeline::story::{self, Story};
use crate::sequence::finish::MissingFrames;
use crate::sequence::name::EXTENSIONS;
use crate::sequence::{Anomaly, Batch, os_name};
use crate::text::printable::Show as _;
use crate::watch::places::Sighting;

/// A video that is proved, published and recorded.
#[derive(Debug, Clone, Serialize)]
pub struct Delivered {
    /// Where it is.
    #[serde(serialize_with = "lossy")]
    pub video: PathBuf,
    /// Pictures in it.
    pub frames: u64,
    /// How many of them are shown a second, as `24000/1001`.
    pub rate: String,
    /// What that is taken from, as a phrase.
    pub rate_from: String,
    /// How many of them were encoded before the batch had its turn: while its frames came, or before a restart.
    pub ahead: u64,
    /// What was less than perfect about the batch.
    pub anomalies: Vec<Anomaly>,
    /// What of the frames' texts is not in it, and what else a person should know of it.
    pub notes: Vec<String>,
    /// Wall time from the first look at the frames to the published video, in milliseconds.
    pub ms: u64,
    /// Why the frames stay although they were to go.
    pub frames_kept_because: Option<String>,
    /// The very file.
    #[serde(skip)]
    pub identity: Identity,
}

/// The video that was made of the very files of `batch` already, with the contents that they have now, by the same settings,
/// into the same folder and under the same name, if it is still there.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn made_before(batch: &Batch, root: &Root, journal: &Journal) -> Result<Option<PathBuf>, JournalError> {
    let root = &root.for_batch(batch);
    let (recipe, rate_from) = (recipe_of(root), root.rate_from.to_string());
    let new = NewBatch { root: &root.path, batch, recipe: &recipe, rate: root.video.rate, rate_from: &rate_from };
    let Target { dir, names } = target_of(batch, root, &root.video.preset.name());
    let is_there =
        |video: &Published| publish::find_again(&video.path, &video.identity).is_ok_and(|found| found.is_some());
    let mut videos = journal.videos_of(&new)?.into_iter();
    let is_as_read = |frame: &EncodedFrame| {
        let path = batch.dir.join(os_name(&frame.name));
        let same = |contents| digest::is_as_read(&path, &frame.identity, contents).unwrap_or(false);
        frame.contents.as_ref().is_none_or(same)
    };
    let found = videos.find(|(video, frames)| {
        let named = video.path.file_name().is_some_and(|name| names.is_candidate(name));
        video.path.parent() == Some(&*dir) && named && is_there(video) && frames.iter().all(is_as_read)
    });
    Ok(found.map(|(video, _)| video.path))
}

/// Makes the video of `job`. Whatever the outcome, it is in the journal when this returns. Frames that are to go stay for
/// `removal::clean_up`.
///
/// # Errors
///
/// Whatever keeps the batch from becoming a video.
pub fn run(job: &Job, tools: &Tools, progress: &(dyn Fn(Progress) + Sync), stop: &Stop) -> Result<Delivered, JobError> {
    // A panic is recorded like any other failure.
    let made = catch_unwind(AssertUnwindSafe(|| make_video(job, tools, progress, stop)));
    made.unwrap_or_else(|panic| Err(JobError::Panicked(text_of(&*panic))))
        .map_err(|error| recorded(job.id, &tools.journal, error))
}

/// The failure, once it is in the journal, or with what kept it from there.
fn recorded(id: BatchId, journal: &Journal, error: JobError) -> JobError {
    match journal.note_litter(id).and_then(|()| record_failure(id, journal, &error)) {
        Ok(()) => error,
        Err(source) => JobError::NotRecorded { error: Box::new(error), source },
    }
}

/// What a panic said.
pub(crate) fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a word".to_owned())
}

fn make_video(
    job: &Job,
    tools: &Tools,
    progress: &(dyn Fn(Progress) + Sync),
    stop: &Stop,
) -> Result<Delivered, JobError> {
    let Job { id, batch, root } = job;
    let started = Instant::now();
    let InspectedBatch { source, aspect, frames, mut anomalies } = inspect_batch(
        batch,
        root.finish.missing_frames,
        root.finish.max_hold,
        root.video.size_change,
        root.video.layer.as_ref(),
    )?;
    let root = &root.lasting(arrange::count(&frames, &root.video.playback));
    let recipe = Recipe::resolve(&root.video, &source)?.of_aspect(aspect);
    if let Some(why) = recipe.players_refuse(root.video.rate) {
        tracing::warn!(batch = %id, dir = %batch.dir.shown(), hint = Recipe::PLAYERS_HINT, "{why}");
    }
    let ffmpeg = tools.ffmpeg().map_err(EncodeError::from)?;
    let target = target_of(batch, root, &recipe.name);
    tools.journal.configured(*id, &recipe_of(root), root.video.rate, &root.rate_from.to_string())?;
    let mut begun = false;
    let staging = Staging::create(&target.dir, &id.to_string(), &mut |folder| {
        if std::mem::replace(&mut begun, true) {
            return tools.journal.staged_in(*id, folder).map_err(Into::into);
        }
        tools.journal.started(*id, folder, &ffmpeg.version, now_ms()).map_err(Into::into)
    })?;
    let frames = arrange::arranged(frames, &root.video.playback, root.video.rate);
    let count = frames.iter().map(|frame| u64::from(frame.repeat)).sum();
    let Story { tags, notes } = story::of(batch, root, &recipe, count);
    let encode = EncodeSpec {
        recipe,
        tags,
        rate: root.video.rate,
        form: Form::Reel,
        bad_frames: bad_frames(root.finish.missing_frames),
        settings: (&tools.encoder).into(),
    };
    let spec = ChunkSpec { frames, encode };
    let Assembled { frames, bad, contents, ahead, proof, .. } =
        assemble::with_sound(batch, &spec, root.video.audio.as_ref(), staging.path(), tools, &ffmpeg, progress, stop)?;
    let verify_ms = i64::try_from(proof.as_millis()).unwrap_or(i64::MAX);
    let encode_ms = ms_since(started) - verify_ms;
    verify::check_inputs(&spec.frames)?;
    let contents = arrange::read_once(contents, &spec.frames)?;
    anomalies.extend(Anomaly::unreadable(arrange::bad_once(bad)));
    let untold = verify::texts::missing(staging.path(), spec.encode.recipe.container, &spec.encode.tags)?;
    if !untold.is_empty() {
        anomalies.push(Anomaly::Untold { keys: untold });
    }
    if root.delivery.cleanup == Cleanup::Delete && spec.encode.recipe.tolerance.is_coarse() {
        anomalies.push(Anomaly::Coarse);
    }
    let cleanup = cleanup_of(root, &anomalies);
    let outcome = Outcome {
        anomalies: anomalies.iter().map(ToString::to_string).collect(),
        left_out: anomalies.iter().flat_map(Anomaly::left_out).collect(),
        encode_ms,
        verify_ms,
        cleanup: cleanup.as_ref().ok().copied().flatten(),
    };
    tools.journal.encoded(*id, &contents)?;
    // Looked at before the video is there, so that no frame of it can be removed unguarded.
    let seen = [&root.path, &target.dir].map(|folder| Sighting::of(folder).ok());
    tools.journal.seen_at(*id, seen[0].as_ref(), seen[1].as_ref())?;
    poster::put(root.delivery.poster, batch, &contents, &staging, &target.names)?;
    let announce = &mut |video: &Published| tools.journal.publishing(*id, video, &outcome).map_err(Into::into);
    let published = publish::publish(staging, &target.names, spec.encode.recipe.extension(), announce);
    let recorded = published.map_err(JobError::from).and_then(|video| {
        tools.journal.published(*id, &video, now_ms())?;
        Ok(video)
    });
    let Published { path, identity, .. } = recorded.or_else(|error| after_all(*id, &tools.journal, error))?;
    let ms = u64::try_from(ms_since(started)).unwrap_or(0);
    if let Err(error) = chunks::clear(tools, batch) {
        // The next start sweeps them away.
        tracing::warn!(batch = %id, hint = error.hint().unwrap_or_default(), "the chunks of this video stay: {}", chain(&error));
    }
    let (rate, rate_from) = (root.video.rate.to_string(), root.rate_from.to_string());
    let frames_kept_because = cleanup.err();
    Ok(Delivered { video: path, frames, rate, rate_from, ahead, anomalies, notes, ms, frames_kept_because, identity })
}

/// Records that `job` could not even begin.
pub(crate) fn not_begun(job: &Job, journal: &Journal, error: JobError) -> JobError {
    recorded(job.id, journal, error)
}

/// Publishing went wrong at some step. Past the point of no return nothing fails: a video that has its name is published,
/// and made a second time it would get a second name.
fn after_all(id: BatchId, journal: &Journal, error: JobError) -> Result<Published, JobError> {
    match journal.fate_of(id, now_ms()) {
        Ok(Fate::Published(video)) => {
            tracing::warn!(batch = %id, video = %video.path.shown(), "{}; the video has its name all the same", chain(&error));
            Ok(video)
        }
        Ok(Fate::Unpublished) => Err(error),
        Ok(Fate::Unknown) | Err(_) => Err(JobError::OutcomeUnknown(Box::new(error))),
    }
}

/// A frame that cannot be decoded is treated as a number that has no frame.
fn bad_frames(missing: MissingFrames) -> BadFrames {
    match missing {
        MissingFrames::Skip => BadFrames::Skip,
        MissingFrames::Hold => BadFrames::Hold,
        MissingFrames::Error | MissingFrames::Wait => BadFrames::Error,
    }
}

/// Where a video is to be.
struct Target<'b> {
    dir: PathBuf,
    names: Names<'b>,
}

fn target_of<'b>(batch: &'b Batch, root: &Root, preset: &str) -> Target<'b> {
    let now = Zoned::now();
    let (first, last) = batch.span();
    let context = NameContext {
        pattern: &batch.pattern,
        has_twin: has_twin(batch),
        dir: &batch.dir,
        first,
        last,
        count: batch.frames.len() as u64,
        rate: root.video.rate,
        preset,
        date: &now.strftime("%Y-%m-%d").to_string(),
        time: &now.strftime("%H%M%S").to_string(),
    };
    let name = name::render(&root.delivery.output_name, &context);
    // Joining an absolute output folder replaces the folder of the frames; a relative one is taken from there.
    let base = root.delivery.output_dir.as_ref().map_or_else(|| batch.dir.to_path_buf(), |dir| batch.dir.join(dir));
    let full = base.join(name);
    let (dir, stem) = match (full.parent(), full.file_name()) {
        (Some(dir), Some(stem)) => (dir.to_path_buf(), stem.to_owned()),
        // A rendered name is never empty and has no `..`.
        _ => (base, OsString::from("video")),
    };
    // Elsewhere no saver counts that made these frames.
    let is_beside = batch.frames.iter().any(|frame| batch.path_of(frame).parent() == Some(&*dir));
    let names = match &batch.made_by {
        Some(made_by) if is_beside => Names::beside(stem, made_by.generator, &batch.pattern.prefix),
        _ => Names::of(stem),
    };
    Target { dir, names }
}

/// Whether the frames of `batch` are in their folder in another format too. A JPEG beside an EXR is its preview.
fn has_twin(batch: &Batch) -> bool {
    let Some(frame) = batch.frames.first() else { return false };
    let path = batch.path_of(frame);
    let own = path.extension().unwrap_or_default().to_ascii_lowercase();
    let is_preview = |other: &str| own == "exr" && matches!(other, "jpg" | "jpeg");
    let others = EXTENSIONS.iter().filter(|other| own != **other && !is_preview(other));
    others.map(|other| path.with_extension(other)).any(|other| other.exists())
}

/// What happens to the frames: the plan, if any, or why they stay although they were to go.
fn cleanup_of(root: &Root, anomalies: &[Anomaly]) -> Result<Option<PlannedCleanup>, String> {
    let delivery = &root.delivery;
    match (delivery.cleanup, anomalies) {
        (Cleanup::Keep, _) => Ok(None),
        (_, [first, ..]) if !delivery.cleanup_anomalies => Err(first.to_string()),
        (mode, _) => {
            let wait = i64::try_from(delivery.cleanup_after.as_millis()).unwrap_or(i64::MAX);
            let due_at = now_ms().saturating_add(wait);
            Ok(Some(PlannedCleanup { mode, due_at, despite_changes: delivery.cleanup_anomalies }))
        }
    }
}

fn record_failure(id: BatchId, journal: &Journal, error: &JobError) -> Result<(), JournalError> {
    let text = chain(error).to_string();
    let hint = error.hint();
    match error.consequence() {
        Consequence::LaterAgain => journal.interrupted(id, now_ms())?,
        Consequence::Wait(wait) => {
            journal.held(id, &text, hint.as_deref(), after(wait))?;
        }
        Consequence::Recover(wait) => journal.outcome_unknown(id, &text, hint.as_deref(), after(wait))?,
        Consequence::Stale => {
            journal.stale(id, now_ms())?;
        }
        Consequence::BackOff => {
            journal.failed(id, &text, hint.as_deref(), true, now_ms())?;
        }
        Consequence::GiveUp => {
            journal.failed(id, &text, hint.as_deref(), false, now_ms())?;
        }
    }
    Ok(())
}

/// Removes the chunks that are of no use any more, and says how many. To be called under the lock of the state directory.
///
/// # Errors
///
/// When the journal cannot be read or a file cannot be removed.
pub fn sweep_chunks(tools: &Tools) -> Result<u64, JobError> {
    chunks::sweep(tools)
}

fn after(wait: Duration) -> i64 {
    now_ms().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

fn ms_since(start: Instant) -> i64 {
    i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
