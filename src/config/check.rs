//! From the configuration as written to the one the other modules rely on: inheritance, defaults, combinations.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use globset::{Glob, GlobSet};
use toml::Spanned;

use super::arguments::{EncoderArg, EncoderArgs};
use super::codec;
use super::codec::pixels::{self, Pixels};
use super::error::{Complaint, Mistakes};
use super::folder_file::RawFolder;
use super::place::{Place, overlap};
use super::raw::{RawConfig, RawEncoder, RawLimits, RawPreset, RawRoot, RawWatch, Table as _};
use super::{
    Audio, Builtin, Cleanup, Config, Container, CustomPreset, Delivery, Encoder, Factor, FrameRate, Framerate, Length,
    Live, Metadata, Poster, Preset, Root, Selection, StopPolicy, Video, WatchMode, feedback, globs,
};
use crate::frame::Exposure;
use crate::frame::geometry::{Geometry, Rotation};
use crate::frame::limits::Limits;
use crate::sequence::finish::{Continuation, Existing, IdleTimeout, MissingFrames, Rules, Stills};
use crate::sequence::group::Scope;
use crate::sequence::order::FrameOrder;
use crate::sequence::playback::Playback;
use crate::sequence::rate::RateSource;
use crate::sequence::sizes::SizeChange;
use crate::text::printable::Show as _;

mod recipe;

/// What marks a sequence as finished unless the configuration says otherwise.
const FINAL_MARKERS: [&str; 3] = [".done", "done", "*.done"];
const MAX_WAIT: Duration = Duration::from_secs(6 * 3600);
const MIN_FRAMES: u64 = 2;

/// Ten seconds at 25 frames a second: more than a frame is shown for in any film.
const MAX_HOLD: u32 = 250;

/// The checked form. Where something is wrong, the mistakes say so and the result must not be used.
pub(super) fn check(raw: &RawConfig, file: &Path, place: &Place, mistakes: &mut Mistakes) -> Config {
    if raw.watches.is_empty() {
        let hint = "name one:\n\n    [[watch]]\n    path = \"/srv/renders\"";
        mistakes
            .add(usize::MAX..usize::MAX, Complaint::new("there is no `[[watch]]`, so there is nothing to do", hint));
    }
    let mut checker = Checker { place, mistakes, presets: Vec::new() };
    checker.presets(&raw.presets);
    checker.defaults(raw);
    let roots: Vec<Root> = raw.watches.iter().map(|watch| checker.root(watch, &raw.defaults)).collect();
    checker.overlaps(&raw.watches, &roots);
    for (watch, root) in raw.watches.iter().zip(&roots) {
        if let Some(complaint) = feedback::complaint(root, &roots) {
            let preset = watch.root.preset.as_ref().or(raw.defaults.preset.as_ref());
            checker.mistakes.add(preset.map_or(watch.path.span(), Spanned::span), complaint);
        }
    }
    Config {
        file: file.to_owned(),
        encoder: checker.encoder(&raw.encoder, &roots),
        limits: limits(&raw.limits),
        roots,
        presets: checker.presets.clone(),
        state_dir: raw.top.state_dir.as_ref().and_then(|path| checker.resolve("state_dir", path)),
        keep_history: raw.top.keep_history.as_ref().map(|age| *age.get_ref()),
        stop: value(raw.top.stop.as_ref(), StopPolicy::Abort),
    }
}

/// The root at `path` with every default.
pub(super) fn default_root(path: PathBuf) -> Root {
    build(path, &RawRoot::default(), Preset::Builtin(Builtin::H264), None, None, &mut Mistakes::default())
}

fn limits(raw: &RawLimits) -> Limits {
    let Limits { pixels, file_bytes, look_bytes, look_entries, look_time, decode_time } = Limits::DEFAULT;
    Limits {
        pixels: raw.pixels.as_ref().map_or(pixels, positive),
        file_bytes: raw.file_bytes.as_ref().map_or(file_bytes, positive),
        look_bytes: raw.look_bytes.as_ref().map_or(look_bytes, positive),
        look_entries: raw.look_entries.as_ref().map_or(look_entries, positive),
        look_time: value(raw.look_time.as_ref(), look_time),
        decode_time: value(raw.decode_time.as_ref(), decode_time),
    }
}

/// A list of globs as it is written.
type Globs = Spanned<Vec<Spanned<Glob>>>;

struct Checker<'a> {
    place: &'a Place,
    mistakes: &'a mut Mistakes,
    presets: Vec<Arc<CustomPreset>>,
}

impl Checker<'_> {
    fn presets(&mut self, raw: &[(Spanned<String>, RawPreset)]) {
        for (name, preset) in raw {
            let text = name.get_ref();
            if text.parse::<Builtin>().is_ok() {
                let complaint =
                    Complaint::new(format!("`{text}` is one of reeld's own presets"), "choose another name");
                self.mistakes.add(name.span(), complaint);
            } else if text.starts_with('.') || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
                let hint = "letters, digits, `_`, `-` and `.`: it can become part of a file's name";
                self.mistakes.add(name.span(), Complaint::new("this cannot be a preset's name", hint));
            } else if let Some(encoder) = &preset.encoder {
                let custom = CustomPreset {
                    name: text.clone(),
                    encoder: encoder.get_ref().clone(),
                    pix_fmt: value(preset.pix_fmt.as_ref(), "yuv420p".to_owned()),
                    container: value(preset.container.as_ref(), Container::Mp4),
                    args: arguments_of(preset.args.as_ref()),
                };
                if let (Some(written), None) = (&preset.pix_fmt, Pixels::of(&custom.pix_fmt)) {
                    let message = format!("`pix_fmt`: \"{}\" is not one that reeld can feed", custom.pix_fmt);
                    self.mistakes.add(written.span(), Complaint::new(message, pixels::KNOWN));
                }
                if let Some(hint) = codec::misfit(&custom) {
                    let span = preset.container.as_ref().map_or(encoder.span(), Spanned::span);
                    let message =
                        format!("`container`: \"{}\" cannot hold what `{}` makes", custom.container, custom.encoder);
                    self.mistakes.add(span, Complaint::new(message, hint));
                }
                self.presets.push(Arc::new(custom));
            } else {
                let hint = "name FFmpeg's encoder: encoder = \"libx264\"";
                self.mistakes.add(name.span(), Complaint::new("this preset has no `encoder`", hint));
            }
        }
    }

    /// What is wrong with `[defaults]` although each root may override it.
    fn defaults(&mut self, raw: &RawConfig) {
        if let Some(preset) = &raw.defaults.preset {
            self.preset(preset);
        }
        let cleans = |root: &RawRoot| value(root.cleanup.as_ref(), Cleanup::Keep) != Cleanup::Keep;
        if !cleans(&raw.defaults) && !raw.watches.iter().any(|watch| cleans(&watch.root)) {
            self.cleanup_after(&raw.defaults);
        }
    }

    fn root(&mut self, watch: &RawWatch, defaults: &RawRoot) -> Root {
        let root = watch.root.inheriting(&without_what_is_overruled(&watch.root, defaults));
        let path = self.resolve("path", &watch.path).unwrap_or_default();
        let preset = match &root.preset {
            Some(name) => self.preset(name),
            None => Preset::Builtin(Builtin::H264),
        };
        if value(root.cleanup.as_ref(), Cleanup::Keep) == Cleanup::Keep {
            self.cleanup_after(&watch.root);
        }
        self.combinations(&root);
        self.length(&watch.root, &root);
        self.recipe(&root, &preset, watch.path.span());
        let output_dir = root.output_dir.as_ref().and_then(|dir| match self.place.expand(dir.get_ref()) {
            Ok(path) => Some(path),
            Err(complaint) => {
                self.mistakes.add(dir.span(), complaint.about("output_dir"));
                None
            }
        });
        let audio = root.audio.as_ref().and_then(|audio| match audio.get_ref().to_str() {
            Some("silence") => Some(Audio::Silence),
            _ => self.resolve("audio", audio).map(Audio::File),
        });
        build(path, &root, preset, output_dir, audio, self.mistakes)
    }

    /// Values that are each allowed, but not together.
    fn combinations(&mut self, root: &RawRoot) {
        let min_frames = root.min_frames.as_ref().map_or(MIN_FRAMES, positive);
        if let Some(count) = root.frame_count.as_ref().filter(|count| positive(count) < min_frames) {
            self.mistakes.add(count.span(), too_few(*count.get_ref(), min_frames));
        }
        if let (Some(missing), Some(wait)) = (&root.missing_frames, &root.max_wait)
            && *missing.get_ref() == MissingFrames::Wait
            && wait.get_ref().is_zero()
        {
            let message = "`missing_frames`: \"wait\" and `max_wait` = \"0s\" contradict each other";
            let hint = "let it wait: max_wait = \"6h\"; or do not: missing_frames = \"error\"";
            self.mistakes.add(missing.span(), Complaint::new(message, hint));
        }
        if let (Some(last), Some(order)) = (&root.last_frame, &root.order)
            && *order.get_ref() == FrameOrder::Time
        {
            self.mistakes.add(last.span(), last_by_time());
        }
        if let (Some(poster), Some(metadata)) = (&root.poster, &root.metadata)
            && *poster.get_ref() != Poster::Nothing
            && *metadata.get_ref() == Metadata::Nothing
        {
            self.mistakes.add(poster.span(), poster_tells());
        }
        if let (Some(group), Some(recursive)) = (&root.group, &root.recursive)
            && *group.get_ref() == Scope::Tree
            && !recursive.get_ref()
        {
            let message = "`group`: \"tree\" takes folders together, and `recursive` = false leaves them out";
            let hint = "watch them: recursive = true; or leave `group` out";
            self.mistakes.add(group.span(), Complaint::new(message, hint));
        }
    }

    /// What cannot be beside `duration`, or without it. `written` is what the table of the root itself says.
    fn length(&mut self, written: &RawRoot, root: &RawRoot) {
        let mut refuse = |span, message: String, hint: &str| self.mistakes.add(span, Complaint::new(message, hint));
        if root.duration.is_none() {
            let limits = [("framerate_min", &written.framerate_min), ("framerate_max", &written.framerate_max)];
            for (key, limit) in limits.into_iter().filter_map(|(key, limit)| Some((key, limit.as_ref()?))) {
                let message = format!("`{key}`: it limits what follows from `duration`, which is not set");
                refuse(
                    limit.span(),
                    message,
                    "say how long the video is to last: duration = \"30s\"; or set `framerate`",
                );
            }
            return;
        }
        if let Some(rate) = root.framerate.as_ref().filter(|rate| matches!(rate.get_ref(), Framerate::Stated(_))) {
            let message = "`framerate`: the rate follows from `duration`".to_owned();
            refuse(rate.span(), message, "leave one of them out; `framerate_min` and `framerate_max` limit the rate");
        }
        if let Some(factor) = root.framerate_factor.as_ref().filter(|factor| *factor.get_ref() != Factor::default()) {
            let message = "`framerate_factor`: the rate follows from `duration`".to_owned();
            refuse(factor.span(), message, "leave one of them out");
        }
    }

    fn cleanup_after(&mut self, root: &RawRoot) {
        if let Some(after) = root.cleanup_after.as_ref().filter(|after| !after.get_ref().is_zero()) {
            let message = "`cleanup_after`: nothing is cleaned up while `cleanup` is \"keep\"";
            let hint = "set cleanup to \"delete\", \"trash\" or \"archive\", or leave `cleanup_after` out";
            self.mistakes.add(after.span(), Complaint::new(message, hint));
        }
    }

    fn preset(&mut self, name: &Spanned<String>) -> Preset {
        let text = name.get_ref();
        Preset::find(text, &self.presets).unwrap_or_else(|hint| {
            let shown = super::units::printable(text);
            self.mistakes.add(name.span(), Complaint::new(format!("unknown preset `{shown}`"), hint));
            Preset::Builtin(Builtin::H264)
        })
    }

    fn overlaps(&mut self, watches: &[RawWatch], roots: &[Root]) {
        for (later, (watch, root)) in watches.iter().zip(roots).enumerate() {
            if let Some(other) = roots[..later].iter().find(|other| overlap(&other.path, &root.path)) {
                let message = if other.path == root.path {
                    format!("`{}` is watched twice", root.path.shown())
                } else {
                    format!("`{}` and `{}` overlap", root.path.shown(), other.path.shown())
                };
                let hint = "no watched folder may be within another, also through links; a root includes the folders \
                            below it, and `exclude` leaves some out";
                self.mistakes.add(watch.path.span(), Complaint::new(message, hint));
            }
        }
    }

    fn encoder(&mut self, raw: &RawEncoder, roots: &[Root]) -> Encoder {
        let defaults = Encoder::default();
        let count = |number: &Spanned<i64>| usize::try_from(*number.get_ref()).ok().and_then(NonZeroUsize::new);
        let ffmpeg = raw.ffmpeg.as_ref().and_then(|path| {
            // A bare name is looked up on `PATH`, as a shell would.
            let bare = path.get_ref().components().count() == 1 && path.get_ref().is_relative();
            if bare { Some(path.get_ref().clone()) } else { self.resolve("ffmpeg", path) }
        });
        let chunk_dir = raw.chunk_dir.as_ref().and_then(|path| {
            let dir = self.resolve("chunk_dir", path)?;
            if let Some(complaint) = feedback::complaint_about_chunks(&dir, roots) {
                self.mistakes.add(path.span(), complaint.about("chunk_dir"));
            }
            Some(dir)
        });
        let length = raw.chunk_length.as_ref().and_then(|length| u32::try_from(*length.get_ref()).ok());
        Encoder {
            ffmpeg,
            jobs: raw.jobs.as_ref().and_then(count).unwrap_or(defaults.jobs),
            nice: raw.nice.as_ref().and_then(|nice| u8::try_from(*nice.get_ref()).ok()).unwrap_or(defaults.nice),
            threads: raw.threads.as_ref().and_then(count),
            chunk_length: length.and_then(NonZeroU32::new).unwrap_or(defaults.chunk_length),
            live_hold: value(raw.live_hold.as_ref(), defaults.live_hold),
            chunk_dir,
            parallel_chunks: value(raw.parallel_chunks.as_ref(), defaults.parallel_chunks),
        }
    }

    fn resolve(&mut self, key: &str, path: &Spanned<PathBuf>) -> Option<PathBuf> {
        match self.place.resolve(path.get_ref()) {
            Ok(path) => Some(path),
            Err(complaint) => {
                self.mistakes.add(path.span(), complaint.about(key));
                None
            }
        }
    }
}

/// The defaults without what a root says in another way: a `duration` beside a `framerate` for all is a choice, and so is the
/// other way round.
fn without_what_is_overruled(written: &RawRoot, defaults: &RawRoot) -> RawRoot {
    let mut defaults = defaults.clone();
    if written.duration.is_some() {
        (defaults.framerate, defaults.framerate_factor) = (None, None);
    }
    if written.framerate.is_some() && written.duration.is_none() {
        defaults.duration = None;
    }
    defaults
}

/// Puts a root together: what is written, else the default.
fn build(
    path: PathBuf,
    root: &RawRoot,
    preset: Preset,
    output_dir: Option<PathBuf>,
    audio: Option<Audio>,
    mistakes: &mut Mistakes,
) -> Root {
    let factor = value(root.framerate_factor.as_ref(), Factor::default());
    let duration = root.duration.as_ref();
    let (rate, rate_from) = match duration {
        Some(_) => (FrameRate::default(), RateSource::Duration),
        None => rate_of(value(root.framerate.as_ref(), Framerate::Auto)),
    };
    let scaled = rate.scaled(factor).unwrap_or_else(|error| {
        let span = root.framerate_factor.as_ref().map_or(0..0, Spanned::span);
        mistakes.add(span, Complaint::from(error).about("framerate_factor"));
        rate
    });
    let order = value(root.order.as_ref(), FrameOrder::Number);
    let playback = playback(root);
    let knows_count = root.frame_count.is_some() || root.last_frame.is_some();
    let (waits, always) = waits(order, &playback, duration.is_some() && !knows_count).unzip();
    let finish = Rules {
        final_marker: root.final_marker.as_ref().map_or_else(default_markers, |globs| set(globs, mistakes)),
        final_frame: root.final_frame.as_ref().map(|glob| globs::matcher(glob.get_ref())),
        last_frame: root.last_frame.as_ref().map(|number| *number.get_ref()),
        frame_count: root.frame_count.as_ref().map(positive),
        idle_timeout: value(root.idle_timeout.as_ref(), IdleTimeout::Auto),
        max_wait: value(root.max_wait.as_ref(), MAX_WAIT),
        min_frames: root.min_frames.as_ref().map_or(MIN_FRAMES, positive),
        missing_frames: value(root.missing_frames.as_ref(), MissingFrames::Skip),
        max_hold: root.max_hold.as_ref().map_or(MAX_HOLD, |most| u32::try_from(*most.get_ref()).unwrap_or(u32::MAX)),
        continuation: value(root.continuation.as_ref(), Continuation::New),
        existing: value(root.existing.as_ref(), Existing::Skip),
        stills: value(root.stills.as_ref(), Stills::Skip),
        order,
        generator: value(root.generator.as_ref(), None),
    };
    let video = Video {
        rate: scaled,
        preset,
        quality: root.quality.as_ref().map(|quality| *quality.get_ref()),
        speed: root.speed.as_ref().map(|speed| speed.get_ref().clone()),
        encoder_args: arguments_of(root.encoder_args.as_ref()),
        layer: root.layer.as_ref().map(|layer| layer.get_ref().clone()),
        exposure: value(root.exposure.as_ref(), Exposure::NONE),
        background: value(root.background.as_ref(), [0, 0, 0]),
        geometry: geometry(root),
        playback,
        size_change: value(root.size_change.as_ref(), SizeChange::Split),
        audio,
    };
    let limit = |written: &Option<Spanned<FrameRate>>| written.as_ref().map(|rate| *rate.get_ref());
    let length = duration.and_then(|duration| {
        let (slowest, fastest) = (limit(&root.framerate_min), limit(&root.framerate_max));
        Length::new(*duration.get_ref(), slowest, fastest, &video)
            .map_err(|(message, hint)| {
                mistakes.add(duration.span(), Complaint::new(format!("`duration`: {message}"), hint));
            })
            .ok()
    });
    let delivery = Delivery {
        output_dir,
        output_name: root.output_name.as_ref().map(|name| name.get_ref().clone()).unwrap_or_default(),
        metadata: value(root.metadata.as_ref(), Metadata::Everything),
        poster: value(root.poster.as_ref(), Poster::Nothing),
        cleanup: value(root.cleanup.as_ref(), Cleanup::Keep),
        cleanup_after: value(root.cleanup_after.as_ref(), Duration::ZERO),
        cleanup_anomalies: value(root.cleanup_anomalies.as_ref(), false),
    };
    Root {
        path,
        link: None,
        selection: selection(root, mistakes),
        folder_config: value(root.folder_config.as_ref(), true),
        watch: value(root.watch.as_ref(), WatchMode::Auto),
        group: value(root.group.as_ref(), Scope::Folder),
        names: Arc::new(root.pattern.as_ref().map(|rule| rule.get_ref().clone()).unwrap_or_default()),
        finish: Arc::new(finish),
        live: if always == Some(true) { Live::Never } else { value(root.live.as_ref(), Live::Always) },
        waits,
        video: Arc::new(video),
        rate_from,
        rate_factor: factor,
        length,
        delivery: Arc::new(delivery),
    }
}

/// Why no frame can be encoded before the last one is there, if so, and whether that is always so.
fn waits(order: FrameOrder, playback: &Playback, by_count: bool) -> Option<(&'static str, bool)> {
    if order == FrameOrder::Time {
        Some(("`order` = \"time\": which frame comes next is known when the last one is there", true))
    } else if !playback.keeps_stretches() {
        Some(("`reverse`: the last frame comes first", true))
    } else if by_count {
        let why =
            "`duration`: the rate is known when all frames are counted, unless their maker says how many there will be";
        Some((why, false))
    } else {
        None
    }
}

fn playback(root: &RawRoot) -> Playback {
    let times = root.r#loop.as_ref().and_then(|times| u32::try_from(*times.get_ref()).ok()).and_then(NonZeroU32::new);
    Playback {
        reverse: value(root.reverse.as_ref(), false),
        ping_pong: value(root.ping_pong.as_ref(), false),
        times: times.unwrap_or(NonZeroU32::MIN),
        hold_first: value(root.hold_first.as_ref(), Duration::ZERO),
        hold_last: value(root.hold_last.as_ref(), Duration::ZERO),
    }
}

/// What is done to the pictures themselves.
fn geometry(root: &RawRoot) -> Geometry {
    Geometry {
        crop: root.crop.as_ref().map(|crop| *crop.get_ref()),
        rotate: value(root.rotate.as_ref(), Rotation::default()),
        flip: root.flip.as_ref().map(|flip| *flip.get_ref()),
        size: root.size.as_ref().map(|size| *size.get_ref()),
    }
}

/// The root for a folder whose file has these keys. Where something is wrong, the mistakes say so and the result must not be used.
pub(super) fn over(raw: &RawFolder, root: &Root, presets: &[Arc<CustomPreset>], mistakes: &mut Mistakes) -> Root {
    let (mut video, mut rules) = (Video::clone(&root.video), Rules::clone(&root.finish));
    let mut delivery = Delivery::clone(&root.delivery);
    let mut rate_from = root.rate_from.clone();
    if let Some(name) = &raw.preset {
        match Preset::find(name.get_ref(), presets) {
            Ok(preset) if preset != video.preset => {
                video = Video { preset, quality: None, speed: None, encoder_args: EncoderArgs::default(), ..video };
            }
            Ok(_) => {}
            Err(hint) => {
                let shown = super::units::printable(name.get_ref());
                mistakes.add(name.span(), Complaint::new(format!("unknown preset `{shown}`"), hint));
            }
        }
    }
    if let Some(quality) = &raw.quality {
        video.quality = Some(*quality.get_ref());
        if let Some((message, allowed)) = codec::refuses_quality(&video.preset, *quality.get_ref()) {
            mistakes.add(quality.span(), Complaint::new(format!("`quality`: {message}"), allowed));
        }
    }
    if let Some(speed) = &raw.speed {
        let text = speed.get_ref();
        video.speed = Some(text.clone());
        if let Some((message, allowed)) = codec::refuses_speed(&video.preset, text, &format!("\"{text}\"")) {
            mistakes.add(speed.span(), Complaint::new(format!("`speed`: {message}"), allowed));
        }
    }
    if let Some(framerate) = &raw.framerate {
        let (rate, from) = rate_of(*framerate.get_ref());
        rate_from = from;
        match rate.scaled(root.rate_factor) {
            Ok(rate) => video.rate = rate,
            Err(error) => mistakes.add(framerate.span(), Complaint::from(error).about("framerate")),
        }
    }
    // A stated rate is the nearer word; where the folder leaves it to the maker, that one counts.
    let length = root.length.filter(|_| raw.framerate.is_none());
    let of_rate = raw.framerate.as_ref().map(Spanned::span).or(raw.preset.as_ref().map(Spanned::span));
    if let Some(span) = of_rate
        && let Some((message, hint)) = codec::refuses_rate(&video.preset, video.rate)
    {
        mistakes.add(span, Complaint::new(format!("`framerate`: {message}"), hint));
    }
    if let Some(name) = &raw.output_name {
        delivery.output_name = name.get_ref().clone();
    }
    rules.generator = raw.generator.as_ref().map_or(rules.generator, |generator| *generator.get_ref());
    rules.final_frame = raw.final_frame.as_ref().map(|glob| globs::matcher(glob.get_ref())).or(rules.final_frame);
    rules.idle_timeout = value(raw.idle_timeout.as_ref(), rules.idle_timeout);
    if let Some(last) = &raw.last_frame {
        rules.last_frame = Some(*last.get_ref());
        if rules.order == FrameOrder::Time {
            mistakes.add(last.span(), last_by_time());
        }
    }
    if let Some(count) = &raw.frame_count {
        rules.frame_count = Some(positive(count));
        if positive(count) < rules.min_frames {
            mistakes.add(count.span(), too_few(*count.get_ref(), rules.min_frames));
        }
    }
    let (finish, video, delivery) = (Arc::new(rules), Arc::new(video), Arc::new(delivery));
    Root { finish, video, rate_from, length, delivery, ..root.clone() }
}

/// The rate that is written, and where it comes from.
fn rate_of(written: Framerate) -> (FrameRate, RateSource) {
    match written {
        Framerate::Auto => (FrameRate::default(), RateSource::Default),
        Framerate::Stated(rate) => (rate, RateSource::Stated),
    }
}

fn poster_tells() -> Complaint {
    let message = "`poster`: it is a copy of a frame with all that was written into it, and `metadata` = false wants none of that";
    Complaint::new(message, "leave one of them out")
}

fn too_few(count: i64, min_frames: u64) -> Complaint {
    let message = format!("`frame_count`: {count} is less than `min_frames`, which is {min_frames}");
    Complaint::new(message, format!("a sequence of that length would never become a video: min_frames = {count}"))
}

fn last_by_time() -> Complaint {
    let message = "`last_frame`: with `order` = \"time\" the highest number is not the last frame";
    Complaint::new(message, "say how many there are: frame_count = 250; or leave `last_frame` out")
}

fn value<T: Clone>(written: Option<&Spanned<T>>, default: T) -> T {
    written.map_or(default, |value| value.get_ref().clone())
}

/// Its range was checked when it was read.
fn positive(number: &Spanned<i64>) -> u64 {
    number.get_ref().unsigned_abs()
}

fn arguments_of(written: Option<&Spanned<Vec<Spanned<EncoderArg>>>>) -> EncoderArgs {
    written.iter().flat_map(|args| args.get_ref()).map(|arg| arg.get_ref().clone()).collect()
}

/// Every glob by itself was compiled when it was read, so that only their number can be too much.
fn selection(root: &RawRoot, mistakes: &mut Mistakes) -> Selection {
    let globs =
        |written: &Globs| -> Vec<Glob> { written.get_ref().iter().map(|glob| glob.get_ref().clone()).collect() };
    let recursive = value(root.recursive.as_ref(), true);
    let include = root.include.as_ref().map(globs);
    let exclude = root.exclude.as_ref().map_or_else(Vec::new, globs);
    Selection::new(recursive, include.as_deref(), &exclude).unwrap_or_else(|error| {
        let written = root.include.iter().chain(&root.exclude).max_by_key(|globs| globs.get_ref().len());
        mistakes.add(written.map_or(0..0, Spanned::span), too_much(&error));
        Selection::everything()
    })
}

fn set(written: &Globs, mistakes: &mut Mistakes) -> GlobSet {
    globs::set(written.get_ref().iter().map(Spanned::get_ref)).unwrap_or_else(|error| {
        mistakes.add(written.span(), too_much(&error));
        GlobSet::empty()
    })
}

fn too_much(error: &globset::Error) -> Complaint {
    let message = format!("these globs are too much together: {}", error.kind());
    Complaint::new(message, "use fewer or simpler ones")
}

fn default_markers() -> GlobSet {
    let globs = FINAL_MARKERS.iter().filter_map(|marker| globs::name(marker).ok()).collect::<Vec<_>>();
    globs::set(&globs).unwrap_or_default()
}
