//! Parts of a video into one file, without loss, and the proof that it is exactly its parts.
//!
//! Owns the order of the parts and the times of their frames. It decodes nothing: that each part is the video of its
//! frames was proved when it was made.
//!
//! Parts are read here, box by box, and go to one FFmpeg as one stream of fragments whose times are written for it.
//! FFmpeg's own `concat` demuxer would need less code, but begins each file where the *duration* of the one before ends,
//! which is rounded: with 5.1.9 every join of mp4 files moves the rest by 0.46 ms, 45 ms after 99 joins, and what it makes
//! of Matroska or MPEG-TS parts has no constant rate, with 5.1.9 and with 9.0.2. FFmpeg writes the result all the same,
//! because it knows what each container wants in its index.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::bounded;
use ffmpeg_sidecar::command::FfmpegCommand;

use super::chunk::{
    EncodeSpec, PIPE_BYTES, Settings, complaint, signs_of_life, stalled, succeed, tagged, until_end, what_was_read,
};
use super::error::{EncodeError, Flaw};
use super::ffmpeg::child::{Child, Inherited, Input};
use super::ffmpeg::supervise::{Supervised, supervise};
use super::ffmpeg::{Ffmpeg, Stop, name_in};
use super::mp4::fragments::{FragmentPosition, Layout, header};
use super::mp4::timing::{track_step, track_timescale};
use super::recipe::{Form, Recipe};
use super::verify::timing::{self, Clock};
use super::verify::{Proof, Samples, boxes, packets};
use crate::config::FrameRate;
use crate::text::printable::Show as _;

/// A part of a video: a file of the form [`Form::Chunk`], proved by [`verify`](super::verify::verify).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoPart {
    /// The file.
    pub file: PathBuf,
    /// What it was proved to hold.
    pub samples: Samples,
}

impl VideoPart {
    /// Whether its file is still there, with as many frames as it should hold by its boxes. What is in them is proved by
    /// [`prove`].
    #[must_use]
    pub fn is_whole(&self, rate: FrameRate) -> bool {
        let read = |mut file| Layout::read(&mut file, track_timescale(rate), track_step(rate));
        let layout = File::open(&self.file).and_then(read);
        layout.is_ok_and(|layout| layout.count() == self.samples.count)
    }
}

/// Writes the video of `parts`, one after the other, to `output`, which the caller has reserved: what is there is
/// overwritten. The parts are of the recipe and rate of `spec`, of one version of FFmpeg, and nobody changes them meanwhile.
///
/// Where the files of the parts place themselves in time does not matter.
pub fn join(
    ffmpeg: &Ffmpeg,
    spec: &EncodeSpec,
    parts: &[VideoPart],
    output: &Path,
    stop: &Stop,
) -> Result<(), EncodeError> {
    let EncodeSpec { recipe, rate, tags, settings, .. } = spec;
    let (rate, settings) = (*rate, *settings);
    let video = Reel::of(parts, rate)?;
    let start = |room: Option<u64>| {
        let tags = tags.for_child().map_err(EncodeError::io(output))?;
        let mut command = copy(ffmpeg, recipe, rate, tags.as_ref());
        if let Some(room) = room {
            command.args(["-movflags", "-faststart", "-moov_size", &room.to_string()]);
        }
        let name = name_in(&mut command, output);
        command.format(recipe.muxer(Form::Reel)).output(name);
        Ok(Child::start_with(command, Input::Fed, tags, settings.nice)?)
    };
    let in_front = recipe.is_boxes(Form::Reel) && video.bytes > MOVED_BYTES;
    let room = in_front.then(|| video.index_bytes() + tags.bytes() as u64);
    match start(room).and_then(|child| run(child, parts, &video, output, settings, stop)) {
        // Tags of the user's own may be of any length. Then the data are moved after all.
        Err(EncodeError::Failed(failure)) if room.is_some() && failure.stderr.contains("reserved_moov_size") => {
            run(start(None)?, parts, &video, output, settings, stop)
        }
        done => done,
    }
}

/// The command for a copy of a stream of fragments, without its output.
fn copy(ffmpeg: &Ffmpeg, recipe: &Recipe, rate: FrameRate, tags: Option<&Inherited>) -> FfmpegCommand {
    let mut command = ffmpeg.command();
    // Over the reserved file, which is ours.
    command.overwrite();
    command.args(["-xerror", "-f", "mov"]).input("pipe:0");
    if let Some(tags) = tags {
        tagged(&mut command, recipe, tags, 1);
    }
    command.map("0:v:0").codec_video("copy");
    // What the muxer of the parts says of itself is nothing to keep. This keeps the tags.
    command.args(["-map_metadata", "-1"]);
    // Said again, because FFmpeg guesses the length of a fragment's last frame from the rate, and the rate from the first
    // 5 MB: of frames of a megabyte, FFmpeg 5.1 made the last of the video one tick long.
    if recipe.is_boxes(Form::Reel) {
        command.args(["-bsf:v", &format!("setts=pts=PTS:dts=DTS:duration={}", track_step(rate))]);
    } else {
        command.args(["-r", &format!("{}/{}", rate.num, rate.den)]);
    }
    command.args(recipe.copy_args());
    command.args(recipe.muxer_args(Form::Reel, rate));
    command
}

/// Sees such a copy through.
fn run(
    mut child: Child,
    parts: &[VideoPart],
    video: &Reel,
    output: &Path,
    settings: Settings,
    stop: &Stop,
) -> Result<(), EncodeError> {
    let written = AtomicU64::new(0);
    let sign = || Some(written.load(Ordering::Relaxed) + signs_of_life(output));
    thread::scope(|scope| {
        let (send, work) = bounded(1);
        if let Some(pipe) = child.stdin() {
            let feed = || feed(pipe, parts, video, &written, stop);
            scope.spawn(move || _ = send.send(feed()));
        }
        let fed = match supervise(&mut child, &work, stop, settings.stall, sign) {
            Supervised::Done(fed) => fed,
            // The feeder notices the broken pipe, or has its last word.
            Supervised::Ended => work.recv().unwrap_or(Ok(())),
            Supervised::Stopped => Err(EncodeError::Stopped),
            Supervised::Stalled => Err(stalled(&mut child)),
        };
        // Before the scope's end waits for the feeder, which may be waiting for the child to read.
        fed.inspect_err(|_| child.stop())
    })?;
    // The index.
    until_end(&mut child, settings, stop, sign)?;
    succeed(&child)?;
    match complaint(&child) {
        Some(complaint) => Err(EncodeError::not_proved(output, Flaw::Complaint(complaint))),
        None => Ok(()),
    }
}

/// Proves that `output` is exactly `parts`, one after the other: the same packets, at their times, in a container that
/// says what it should. Whether the pictures are right was proved of each part.
pub fn prove(
    ffmpeg: &Ffmpeg,
    recipe: &Recipe,
    rate: FrameRate,
    parts: &[VideoPart],
    output: &Path,
    settings: Settings,
    stop: &Stop,
) -> Result<Proof, EncodeError> {
    let bytes = fs::metadata(output).map_err(EncodeError::io(output))?.len();
    let frames = parts.iter().map(|part| part.samples.count).sum();
    let flaw = |text: String| EncodeError::not_proved(output, Flaw::Container(text));
    if recipe.is_boxes(Form::Reel) {
        boxes::check(output, recipe)?;
        boxes::check_rate(output, rate)?;
    }
    let mut command = ffmpeg.command();
    // As they stand in the file: FFmpeg would move a late first packet to zero.
    let name = name_in(&mut command, output);
    command.args(["-xerror", "-copyts"]).input(name);
    packets::list(&mut command, "pipe:1");
    let mut child = Child::start(command, Input::Nothing, settings.nice)?;
    let read = AtomicU64::new(0);
    let (send, work) = bounded(1);
    let pipe = child.stdout();
    let list = thread::scope(|scope| {
        if let Some(pipe) = pipe {
            let read = &read;
            scope.spawn(move || _ = send.send(packets::parse(pipe, read)));
        }
        what_was_read(&mut child, &work, settings, stop, || Some(read.load(Ordering::Relaxed)))
    })?;
    if child.wait(settings.stall).is_none() {
        return Err(stalled(&mut child));
    }
    succeed(&child)?;
    if let Some(complaint) = complaint(&child) {
        return Err(EncodeError::not_proved(output, Flaw::Complaint(complaint)));
    }
    list.check(output, Clock::of(recipe, Form::Reel), rate, frames)?;
    for (index, (part, found)) in
        parts.iter().zip(list.samples(parts.iter().map(|part| part.samples.count))).enumerate()
    {
        // For codecs that have no record of their own, Matroska writes one.
        if !part.samples.config.is_empty() && found.config != part.samples.config {
            return Err(flaw(format!("the codec is configured otherwise than in part {index}")));
        }
        if found.digest != part.samples.digest {
            return Err(flaw(format!("other packets than in part {index}")));
        }
    }
    let samples = list.samples([frames]).pop();
    Ok(Proof { frames, bytes, worst: None, duration: timing::duration(frames, rate), samples })
}

/// Up to this many bytes it is as quick to move the data of a file for the index to be in front of them, and the file has
/// no unused space. Above it, space for the index is reserved before it is known how long the index is, so that a video of
/// gigabytes is written once and not twice while somebody waits for it.
const MOVED_BYTES: u64 = 32 << 20;

/// A video in parts.
struct Reel {
    layouts: Vec<Layout>,
    /// The number of the track in the index.
    track: u32,
    /// Ticks a frame.
    step: u64,
    /// How many frames decoders are ahead.
    delay: u32,
    /// Of all samples.
    bytes: u64,
}

impl Reel {
    fn of(parts: &[VideoPart], rate: FrameRate) -> Result<Self, EncodeError> {
        let first = parts.first().ok_or(EncodeError::NoFrames)?;
        let mut layouts = Vec::new();
        for part in parts {
            let flaw = |flaw| Err(EncodeError::not_proved(&part.file, flaw));
            // One configuration is for all: another part's packets would decode to rubbish, and FFmpeg would not say so.
            // With x264 at CRF 18 and then 30, 24 of 48 frames were wrong, with status 0 and nothing on standard error
            // (5.1.9 and 9.0.2).
            if part.samples.config != first.samples.config {
                return flaw(Flaw::Container(format!(
                    "the codec is configured otherwise than in {}",
                    first.file.shown()
                )));
            }
            let mut file = File::open(&part.file).map_err(EncodeError::io(&part.file))?;
            let layout = Layout::read(&mut file, track_timescale(rate), track_step(rate));
            let layout = layout.map_err(EncodeError::damaged(&part.file))?;
            let (expected, found) = (part.samples.count, layout.count());
            if expected != found {
                return flaw(Flaw::Count { expected, found, what: "samples in the fragments" });
            }
            layouts.push(layout);
        }
        let delay = layouts.iter().map(|layout| layout.delay).max().unwrap_or_default();
        let fragments = layouts.iter().flat_map(|layout| &layout.fragments);
        let bytes = fragments.map(|fragment| fragment.data.end - fragment.data.start).sum();
        let track = layouts[0].track;
        Ok(Self { layouts, track, step: track_step(rate), delay, bytes })
    }

    /// The index of the first part with the longest delay, which says so.
    fn init(&self) -> &[u8] {
        let longest = self.layouts.iter().find(|layout| layout.delay == self.delay);
        longest.map(|layout| layout.init.as_slice()).unwrap_or_default()
    }

    /// How long the index is at most. Too little makes FFmpeg fail, and the join begins again; too much is unused space.
    fn index_bytes(&self) -> u64 {
        let samples = self.layouts.iter().flat_map(|layout| &layout.fragments).flat_map(|fragment| &fragment.samples);
        let (mut count, mut keys) = (0, 0);
        for sample in samples {
            count += 1;
            keys += u64::from(sample.key);
        }
        // A size and a flag each; a time out of order for each, where there is any; the number of each key frame, twice
        // in mov.
        let each = if self.delay > 0 { 4 + 1 + 8 } else { 4 + 1 };
        // FFmpeg puts a place into the index for each megabyte, and wherever two neighbours are more than that: 8 bytes
        // for where, 12 for how many.
        let places = (2 * self.bytes).div_ceil(1 << 20).min(count);
        // The rest does not grow with the video; configuration records and tags of the user's own are in it.
        self.init().len() as u64 + 4096 + count * each + keys * 8 + places * 20
    }
}

/// Writes the parts as one stream of fragments, and closes the pipe. A pipe that FFmpeg closed early is no error here: its
/// exit status, or what is missing in the file, is.
fn feed(
    mut pipe: ChildStdin,
    parts: &[VideoPart],
    video: &Reel,
    written: &AtomicU64,
    stop: &Stop,
) -> Result<(), EncodeError> {
    // Fewer turns between us and FFmpeg. Refused where the user has too many pipes; then they stay as they are.
    _ = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_BYTES);
    let Ok(()) = pipe.write_all(video.init()) else { return Ok(()) };
    let mut position = FragmentPosition {
        track: video.track,
        step: video.step,
        delay: video.delay,
        start: 0,
        decoded: 0,
        sequence: 0,
    };
    for (part, layout) in parts.iter().zip(&video.layouts) {
        let mut file = File::open(&part.file).map_err(EncodeError::io(&part.file))?;
        for fragment in &layout.fragments {
            if stop.requested() {
                return Err(EncodeError::Stopped);
            }
            position.sequence += 1;
            let head = header(&position, &fragment.samples)
                .ok_or_else(|| EncodeError::not_proved(&part.file, Flaw::Container("too long a video".to_owned())))?;
            let Ok(()) = pipe.write_all(&head) else { return Ok(()) };
            let length = fragment.data.end - fragment.data.start;
            file.seek(SeekFrom::Start(fragment.data.start)).map_err(EncodeError::io(&part.file))?;
            match io::copy(&mut (&mut file).take(length), &mut pipe) {
                Ok(copied) if copied == length => {}
                Ok(_) => return Err(EncodeError::damaged(&part.file)(io::ErrorKind::UnexpectedEof.into())),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(EncodeError::io(&part.file)(error)),
            }
            written.fetch_add(length, Ordering::Relaxed);
            position.decoded += fragment.samples.len() as u64;
        }
        position.start = position.decoded;
    }
    Ok(())
}
