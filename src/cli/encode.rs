//! `reeld encode`: what is there now, then exit.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::bars::Bar;
use super::collect::{self, Contents, Found};
use super::error::{CliError, explained};
use super::interrupt::Interrupt;
use super::scan::ALONE;
use super::{ConfigArg, Stated, out, state};
use crate::config::units::{parse_generator, parse_length, parse_pause};
use crate::config::{
    Audio, Cleanup, CustomPreset, Delivery, Encoder, Factor, FrameRate, Framerate, Length, Metadata, NameTemplate,
    Poster, Preset, Quality, Root, Video, codec, dirs, parse_exposure, parse_layer,
};
use crate::encode::ffmpeg::{Ffmpeg, Stop};
use crate::error::{Explain as _, chain, place};
use crate::frame::geometry::{Crop, Flip, Geometry, Rotation, Size};
use crate::frame::{Exposure, Layer};
use crate::journal::{BatchId, lossy};
use crate::pipeline::error::JobError;
use crate::pipeline::job::{Job, Tools};
use crate::pipeline::removal;
use crate::pipeline::run::{self, Delivered};
use crate::sequence::Batch;
use crate::sequence::group::Scope;
use crate::sequence::order::FrameOrder;
use crate::sequence::playback::Playback;
use crate::sequence::rate::RateSource;
use crate::text::plural::{agree, counted};
use crate::text::printable::Show as _;
use crate::text::printable::printable;

#[derive(Debug, Args)]
pub(crate) struct EncodeArgs {
    /// A folder (every sequence below it), one frame of a sequence, or a pattern such as `shot.####.png`
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Which files can be one film: those of one folder (`folder`), or also those of folders that follow each other (`tree`)
    /// [default: folder; several folders that are named are one film where date and time in the file names go on]
    #[arg(long, value_name = "G", value_parser = explained(Scope::from_str))]
    group: Option<Scope>,
    /// What decides the order of the frames: number, or time (when each file was last written)
    #[arg(long, value_name = "O", default_value_t, value_parser = explained(FrameOrder::from_str))]
    order: FrameOrder,
    /// Who made the frames: one of the names of the config's `generator`, or `auto` to find out
    #[arg(long, value_name = "W", default_value = "auto", value_parser = explained(parse_generator))]
    generator: Stated,
    /// Frames per second: `24`, `23.976`, `24000/1001`, or `auto` for what the maker of the frames says [default: auto; 24
    /// where it says nothing]
    #[arg(long, value_name = "R", value_parser = explained(Framerate::from_str))]
    framerate: Option<Framerate>,
    /// Speed up or slow down: the rate times 0.01 to 100
    #[arg(long, value_name = "F", value_parser = explained(Factor::from_str))]
    framerate_factor: Option<Factor>,
    /// How long the video lasts, such as `30s`; the rate follows from that
    #[arg(long, value_name = "D", value_parser = explained(parse_length))]
    duration: Option<Duration>,
    /// The slowest rate for that [default: 1]
    #[arg(long, value_name = "R", requires = "duration", value_parser = explained(FrameRate::from_str))]
    framerate_min: Option<FrameRate>,
    /// The fastest rate for that [default: 60]
    #[arg(long, value_name = "R", requires = "duration", value_parser = explained(FrameRate::from_str))]
    framerate_max: Option<FrameRate>,
    /// h264, h264-10bit, h265, h265-10bit, av1, vp9, prores, prores-4444, dnxhr, ffv1, mpeg4, gif, webp, lossless, or one of the
    /// config's own
    #[arg(long, value_name = "P")]
    preset: Option<String>,
    /// The encoder's CRF number, or `LOSSLESS`, `PERC_LOSSLESS`, `HIGH`, `MEDIUM`, `LOW`, `VERYLOW`, `LOWEST`
    #[arg(long, value_name = "Q", value_parser = explained(Quality::from_str))]
    quality: Option<Quality>,
    /// The encoder's own speed preset, such as `veryfast`
    #[arg(long, value_name = "S")]
    speed: Option<String>,
    /// Which layer or part of EXR frames is the picture, such as `ViewLayer.Combined` [default: the one that looks like it]
    #[arg(long, value_name = "L", value_parser = explained(parse_layer))]
    layer: Option<Layer>,
    /// Stops by which linear light (EXR, HDR, film scans) is shown brighter: -20 to 20 [default: 0]
    #[arg(long, value_name = "E", allow_hyphen_values = true, value_parser = explained(parse_exposure))]
    exposure: Option<Exposure>,
    /// What is cut out of the upright frames: `1920x1080+0+60` (width, height, left, top), `1920x1080` in the middle, or a shape
    /// such as `16:9`
    #[arg(long, value_name = "C", value_parser = explained(Crop::from_str))]
    crop: Option<Crop>,
    /// Degrees clockwise by which that is turned: 0, 90, 180 or 270
    #[arg(long, value_name = "R", default_value_t, value_parser = explained(Rotation::from_str))]
    rotate: Rotation,
    /// How that is mirrored: horizontal or vertical
    #[arg(long, value_name = "F", value_parser = explained(Flip::from_str))]
    flip: Option<Flip>,
    /// What that is scaled to: `1280x720`, or `1280x-2` for the height that keeps the shape, made even (`-1` for any)
    #[arg(long, value_name = "S", allow_hyphen_values = true, value_parser = explained(Size::from_str))]
    size: Option<Size>,
    /// What sounds: a file, cut or followed by silence where the video ends, or `silence` for a track without a sound
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// From the last frame to the first
    #[arg(long)]
    reverse: bool,
    /// Forth and back; neither end is shown twice
    #[arg(long)]
    ping_pong: bool,
    /// How often all of that is shown, 1 to 100
    #[arg(long = "loop", value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100))]
    times: u32,
    /// How long the first frame stands still before that, such as `2s`
    #[arg(long, value_name = "D", value_parser = explained(parse_pause))]
    hold_first: Option<Duration>,
    /// How long the last frame stands still after that
    #[arg(long, value_name = "D", value_parser = explained(parse_pause))]
    hold_last: Option<Duration>,
    /// Where the video goes [default: beside the frames]
    #[arg(long, value_name = "D")]
    output_dir: Option<PathBuf>,
    /// The video's name without extension; tokens as in the config
    #[arg(long, value_name = "N", value_parser = explained(NameTemplate::from_str))]
    name: Option<NameTemplate>,
    /// What the video says of its frames: what generators wrote into them and what reeld knows (true), only the former (frames),
    /// or nothing (false)
    #[arg(long, value_name = "M", value_parser = explained(Metadata::from_str))]
    metadata: Option<Metadata>,
    /// Which frame is put beside the video as `NAME.poster.EXTENSION`: first, middle or last [default: none]
    #[arg(long, value_name = "P", value_parser = explained(Poster::from_str))]
    poster: Option<Poster>,
    /// What happens to the frames once the video is proved: keep, delete, trash or archive
    #[arg(long, value_name = "MODE", value_parser = explained(Cleanup::from_str))]
    cleanup: Option<Cleanup>,
    /// One JSON object a batch on standard output instead of the video's path
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// One batch, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    dir: String,
    pattern: String,
    first: i64,
    last: i64,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Outcome<'a> {
    Published(&'a Delivered),
    /// These very frames were made into it before, by the same settings.
    Existing {
        #[serde(serialize_with = "lossy")]
        video: &'a Path,
    },
    Failed {
        error: String,
        hint: Option<String>,
    },
}

pub(crate) fn run(args: &EncodeArgs, quiet: bool) -> Result<ExitCode, CliError> {
    let config = args.config.load()?;
    let (presets, state_dir, encoder) = match config {
        Some(config) => (config.presets, config.state_dir, config.encoder),
        None => (Vec::new(), None, Encoder::default()),
    };
    // What is wrong with the command line is said before anything is looked for.
    Wanted::of(args, &presets, &Root::with_defaults(PathBuf::new()))?;
    let found = find(args)?;
    let program = Ffmpeg::locate(encoder.ffmpeg.as_deref())?;
    let state = dirs::state_dir(state_dir.as_deref(), &dirs::process_env)?;
    let chunk_dir = dirs::chunk_dir(encoder.chunk_dir.as_deref(), &state);
    let state = state::open(&state)?;
    // Somebody waits for it, so it does not give way to other programs as the daemon does.
    let encoder = Encoder { nice: 0, ..encoder };
    let tools = Tools { program, journal: state.journal.clone(), encoder, chunk_dir };
    // Before anything is in the journal that would have to fail.
    tools.ffmpeg()?;
    if state.is_alone() {
        // What cannot be removed now is tried again at the next start, and costs only its place until then.
        _ = run::sweep_chunks(&tools);
    }
    let interrupt = Interrupt::listen()?;
    let stop = interrupt.stop();
    let (mut failed, mut not_begun) = (false, 0);
    let mut folders = BTreeMap::new();
    for found in found {
        let path = found.dir.join(found.pattern.to_string());
        if stop.requested() {
            not_begun += 1;
            continue;
        }
        let in_folder =
            folders.entry(Arc::clone(&found.dir)).or_insert_with_key(|dir| Wanted::in_folder(args, &presets, dir));
        let (wanted, stated) = match in_folder {
            Ok((wanted, stated)) => (wanted, *stated),
            Err(error) => {
                failed = true;
                refuse(args, found, error)?;
                continue;
            }
        };
        let films = found.by_size(stated, args.layer.as_ref());
        if films.len() > 1 {
            let count = films.len();
            out::say_line(&format!("{}: frames of several sizes: {count} videos", path.shown()));
        }
        for film in films {
            if stop.requested() {
                not_begun += 1;
            } else {
                failed |= !one(args, film, wanted, &tools, quiet, stop)?;
            }
        }
    }
    if stop.requested() {
        if not_begun > 0 {
            out::say(&format!("{not_begun} {} not begun", agree(not_begun, "sequence was", "sequences were")));
        }
        // What they hold is given back by dropping them, which a signal does not do.
        drop((tools, state));
        interrupt.end();
        failed = true;
    }
    Ok(ExitCode::from(u8::from(failed)))
}

/// The sequences of all paths, each once, and only those that can make a video. What is left out is said.
fn find(args: &EncodeArgs) -> Result<Vec<Found>, CliError> {
    let mut all: Vec<Found> = Vec::new();
    let (paths, mut contents) = match args.group {
        // All paths are one.
        Some(Scope::Tree) => (&args.paths[..1], vec![collect::together(&args.paths)?]),
        Some(Scope::Folder) | None => {
            let contents = args.paths.iter().map(|path| collect::contents_of(path));
            (&args.paths[..], contents.collect::<Result<Vec<_>, _>>()?)
        }
    };
    if args.group.is_none() {
        all = collect::carried_on(paths, &mut contents)?;
    }
    let mut in_folders = BTreeSet::new();
    for film in &all {
        let folders = collect::folders_of(film);
        let (film, count) = (film.dir.join(film.pattern.to_string()), folders.len());
        let why = "date and time in the file names go on; `--group folder` keeps them apart";
        out::say(&format!("{}: one film of {count} folders: {why}", film.shown()));
        in_folders.extend(folders);
    }
    for (path, folders) in paths.iter().zip(contents) {
        // A shell gives every frame of `shot.*.png` by itself: all of them name one sequence.
        let mut is_known = false;
        let mut left_alone = None;
        for Contents { dir, sequences, singles, left, links } in folders {
            is_known |= in_folders.contains(&*dir);
            for found in sequences {
                if let Some(looks_like) = found.looks_like {
                    let path = dir.join(found.pattern.to_string());
                    let text = format!("{}: left out: {looks_like}; give this pattern to have it made", path.shown());
                    out::say_line(&text);
                    continue;
                }
                is_known = true;
                if !all.iter().any(|known| known.dir == found.dir && known.pattern == found.pattern) {
                    for note in &found.notes {
                        out::say_line(&format!("{}: {note}", dir.join(found.pattern.to_string()).shown()));
                    }
                    all.push(found);
                }
            }
            let mut others: Vec<String> = Vec::new();
            if let Some(example) = singles.first() {
                let count = counted(singles.len() as u64, "single image", "single images");
                let such_as = if singles.len() == 1 { "" } else { "such as " };
                others.push(format!("{count}, {such_as}{example}: {ALONE}"));
            }
            for alike in &left {
                let (example, why) = &alike[0];
                others.push(format!("{} left alone, such as {example}: {}", alike.len(), why.of(alike.len())));
                left_alone = left_alone.or_else(|| collect::hint_of(why));
            }
            if let (true, Some(example)) = (links.wanted, &links.example) {
                let count = counted(links.count as u64, "link", "links");
                others.push(format!("{count}, such as {example}: links are not followed"));
            }
            for other in others {
                out::say_line(&format!("{}: {other}", dir.shown()));
            }
        }
        if !is_known {
            let hint = left_alone.unwrap_or_else(|| format!("`reeld scan {}` lists what is there", path.shown()));
            return Err(CliError::failed(format!("no sequence of at least 2 frames in {}", path.shown())).hint(hint));
        }
    }
    Ok(all)
}

/// A sequence whose folder has a file that is wrong: no video is better than another one than was asked for.
fn refuse(args: &EncodeArgs, found: Found, error: &CliError) -> Result<(), CliError> {
    let (message, hint) = error.words();
    out::error(&format!("{}: no video is made: {message}", found.dir.join(found.pattern.to_string()).shown()), hint);
    let (error, hint) = (message.to_owned(), hint.map(str::to_owned));
    print(args, &found.into_batch(), Outcome::Failed { error, hint }, None)
}

/// Encodes one sequence. A failing batch never stops the next one: `false`, and it has been said why.
fn one(
    args: &EncodeArgs,
    found: Found,
    wanted: &Wanted,
    tools: &Tools,
    quiet: bool,
    stop: &Stop,
) -> Result<bool, CliError> {
    let root = wanted.root(&found.dir);
    let batch = match args.order {
        FrameOrder::Number => found.into_batch(),
        FrameOrder::Time => found.into_batch().in_order_of_time(),
    };
    // Frames that are to go are encoded and proved once more: an old proof is no reason to remove anything.
    if root.delivery.cleanup == Cleanup::Keep
        // A journal that cannot be read fails the batch when it begins.
        && let Ok(Some(video)) = run::made_before(&batch, &root, &tools.journal)
    {
        out::say_line(&format!("{}: these very frames are in a video already", batch.pattern));
        print(args, &batch, Outcome::Existing { video: &video }, Some(&video))?;
        return Ok(true);
    }
    let at = root.for_batch(&batch);
    if !at.rate_from.is_own() {
        out::say_line(&format!("{}: {} frames per second: {}", batch.pattern, at.video.rate, at.rate_from));
    }
    let bar = Bar::start(printable(&batch.pattern.to_string()).into_owned(), batch.frames.len() as u64, quiet);
    let begun = Job::begin(batch.clone(), &root, &tools.journal);
    let id = begun.as_ref().ok().map(|job| job.id);
    let outcome =
        begun.map_err(JobError::from).and_then(|job| run::run(&job, tools, &|progress| bar.update(&progress), stop));
    bar.finish();
    if let (Ok(_), Some(id)) = (&outcome, id) {
        clean_up(id, tools);
    }
    report(args, &batch, &outcome)?;
    Ok(outcome.is_ok())
}

/// Deals with the frames, where they are to go. What stays is said, and is no failure: the video is there.
fn clean_up(id: BatchId, tools: &Tools) {
    let planned = tools.journal.planned_cleanup(id).map_err(JobError::from);
    match planned.and_then(|due| due.map(|due| removal::clean_up(&due, &tools.journal)).transpose()) {
        Ok(cleaned) => {
            for kept in cleaned.into_iter().flat_map(|cleaned| cleaned.kept) {
                out::say_line(&format!("warning: a frame stays: {kept}"));
            }
        }
        Err(error) => out::error(&format!("the frames stay: {}", chain(&error).in_lines()), error.hint().as_deref()),
    }
}

fn report(args: &EncodeArgs, batch: &Batch, outcome: &Result<Delivered, JobError>) -> Result<(), CliError> {
    match outcome {
        Ok(delivered) => {
            for anomaly in &delivered.anomalies {
                out::say_line(&format!("warning: {}: {anomaly}", batch.pattern));
                if let Some(hint) = anomaly.hint() {
                    out::say(&format!("  hint: {hint}"));
                }
            }
            for note in &delivered.notes {
                out::say_line(&format!("{}: {note}", batch.pattern));
            }
            if let Some(kept) = &delivered.frames_kept_because {
                out::say_line(&format!("warning: {}: the frames are kept: {kept}", batch.pattern));
            }
        }
        Err(error) => {
            let name = format!("{} in {}", batch.pattern, batch.dir.shown());
            out::error(&format!("{}: {}", printable(&name), chain(error).in_lines()), error.hint().as_deref());
        }
    }
    match outcome {
        Ok(delivered) => print(args, batch, Outcome::Published(delivered), Some(&delivered.video)),
        Err(error) => print(args, batch, Outcome::Failed { error: chain(error).to_string(), hint: error.hint() }, None),
    }
}

/// The data: one JSON object, or the path of the video if there is one.
fn print(args: &EncodeArgs, batch: &Batch, outcome: Outcome<'_>, video: Option<&Path>) -> Result<(), CliError> {
    if args.json {
        let (first, last) = batch.span();
        let dir = batch.dir.to_string_lossy().into_owned();
        out::json(&Line { dir, pattern: batch.pattern.to_string(), first, last, outcome })?;
    } else if let Some(video) = video {
        out::path(video)?;
    }
    Ok(())
}

/// What sounds beside the pictures.
fn audio_of(args: &EncodeArgs, preset: &Preset) -> Result<Option<Audio>, CliError> {
    let Some(audio) = &args.audio else { return Ok(None) };
    if let Some((message, hint)) = codec::refuses_sound(preset) {
        return Err(CliError::usage(format!("`--audio`: {message}")).hint(hint.to_owned()));
    }
    if audio.as_os_str() == "silence" {
        return Ok(Some(Audio::Silence));
    }
    let unusable = |error| CliError::usage(format!("`--audio`: cannot use {}", audio.shown())).caused_by(&error);
    let absolute = std::path::absolute(audio).map_err(unusable)?;
    if std::fs::metadata(&absolute).map_err(unusable)?.is_file() {
        Ok(Some(Audio::File(absolute)))
    } else {
        Err(CliError::usage(format!("`--audio`: {} is no file", audio.shown()))
            .hint("name a file with sound".to_owned()))
    }
}

/// How long the video is to last.
fn length_of(args: &EncodeArgs, video: &Video) -> Result<Option<Length>, CliError> {
    let Some(duration) = args.duration else { return Ok(None) };
    if matches!(args.framerate, Some(Framerate::Stated(_))) || args.framerate_factor.is_some() {
        let message = "`--duration`: the rate follows from it, and `--framerate` or `--framerate-factor` states it";
        return Err(CliError::usage(message).hint("leave one of them out".to_owned()));
    }
    Length::new(duration, args.framerate_min, args.framerate_max, video)
        .map(Some)
        .map_err(|(message, hint)| CliError::usage(format!("`--duration`: {message}")).hint(hint.to_owned()))
}

/// What the command line asks for, the same for every sequence.
struct Wanted {
    video: Arc<Video>,
    rate_from: RateSource,
    rate_factor: Factor,
    length: Option<Length>,
    delivery: Arc<Delivery>,
}

impl Wanted {
    /// What holds for the folder `dir`, by its own file too, and who made its frames by one of them.
    fn in_folder(args: &EncodeArgs, presets: &[Arc<CustomPreset>], dir: &Path) -> Result<(Self, Stated), CliError> {
        let base = collect::root_of(dir, presets)?;
        Ok((Self::of(args, presets, &base)?, args.generator.or(base.finish.generator)))
    }

    /// What a folder's own file says, or the defaults, with what the command line says on top.
    ///
    /// What can never be made is refused here, before the journal knows of it.
    fn of(args: &EncodeArgs, presets: &[Arc<CustomPreset>], base: &Root) -> Result<Self, CliError> {
        let mut video = Video::clone(&base.video);
        let mut delivery = Delivery::clone(&base.delivery);
        let factor = args.framerate_factor.unwrap_or_default();
        let (rate, rate_from) = match args.framerate {
            Some(Framerate::Stated(rate)) => (rate, RateSource::Stated),
            Some(Framerate::Auto) => (FrameRate::default(), RateSource::Default),
            None => (video.rate, base.rate_from.clone()),
        };
        video.rate = rate;
        video.rate = video.rate.scaled(factor)?;
        if let Some(name) = &args.preset {
            // What the file says of another preset is not for this one.
            (video.quality, video.speed) = (None, None);
            video.preset = Preset::find(name, presets).map_err(|hint| {
                CliError::usage(format!("`--preset`: unknown preset `{}`", printable(name))).hint(hint)
            })?;
        }
        video.quality = args.quality.or(video.quality);
        video.speed = args.speed.clone().or(video.speed);
        video.layer.clone_from(&args.layer);
        video.exposure = args.exposure.unwrap_or_default();
        video.playback = Playback {
            reverse: args.reverse,
            ping_pong: args.ping_pong,
            times: NonZeroU32::new(args.times).unwrap_or(NonZeroU32::MIN),
            hold_first: args.hold_first.unwrap_or_default(),
            hold_last: args.hold_last.unwrap_or_default(),
        };
        video.geometry = Geometry { crop: args.crop, rotate: args.rotate, flip: args.flip, size: args.size };
        if let Some((message, hint)) = codec::refuses(&video) {
            return Err(CliError::usage(message).hint(hint.to_owned()));
        }
        if let Some(dir) = &args.output_dir {
            // Relative to where the person stands, unlike in the config, where it is relative to the frames.
            let absolute = std::path::absolute(dir)
                .map_err(|error| CliError::usage(format!("cannot use {}", dir.shown())).caused_by(&error))?;
            if let Some(why) = place::no_folder(&absolute) {
                let hint = "name the folder that the videos go to; `--name` says what a video is called";
                return Err(CliError::usage(format!("`--output-dir`: {why}")).hint(hint.to_owned()));
            }
            delivery.output_dir = Some(absolute);
        }
        if let Some(name) = &args.name {
            delivery.output_name = name.clone();
        }
        if let Some(metadata) = args.metadata {
            delivery.metadata = metadata;
        }
        if let Some(poster) = args.poster {
            delivery.poster = poster;
        }
        if delivery.metadata == Metadata::Nothing && delivery.poster != Poster::Nothing {
            let hint = "a poster is a copy of a frame with all that was written into it; leave one of them out";
            return Err(CliError::usage("`--poster` beside `--metadata false`".to_owned()).hint(hint.to_owned()));
        }
        if let Some(cleanup) = args.cleanup {
            delivery.cleanup = cleanup;
        }
        video.audio = audio_of(args, &video.preset)?;
        let length = length_of(args, &video)?;
        let rate_from = if length.is_some() { RateSource::Duration } else { rate_from };
        Ok(Self { video: Arc::new(video), rate_from, rate_factor: factor, length, delivery: Arc::new(delivery) })
    }

    /// What a batch of the folder `dir` belongs to: its own folder.
    fn root(&self, dir: &Path) -> Root {
        let (video, delivery) = (Arc::clone(&self.video), Arc::clone(&self.delivery));
        let (rate_from, rate_factor, length) = (self.rate_from.clone(), self.rate_factor, self.length);
        Root { video, rate_from, rate_factor, length, delivery, ..Root::with_defaults(PathBuf::from(dir)) }
    }
}
