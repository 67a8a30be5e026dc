//! The sound of a video: put beside the pictures of a proved file, which are copied, and proved in turn.
//!
//! Owns the audio codec of each container, and the length of the sound. It encodes no picture: the packets of the video are
//! held to be the very ones of the file without sound.
//!
//! FFmpeg opens the sound itself, which is no frame: which of many formats it is in is for FFmpeg to know. What is opened is
//! bounded all the same: the path is never read as a protocol, and only formats are taken that hold their own sound, since a
//! playlist or a list of files would have FFmpeg open others, on the network too.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crossbeam_channel::bounded;

use super::chunk::{
    EncodeSpec, Settings, complaint, signs_of_life, stalled, succeed, tagged, until_end, what_was_read,
};
use super::error::{EncodeError, Flaw};
use super::ffmpeg::child::{Child, Input};
use super::ffmpeg::{Ffmpeg, Stop, file_url, name_in};
use super::join::{self, VideoPart};
use super::mp4::timing::track_step;
use super::recipe::Form;
use super::verify::Proof;
use crate::config::{Audio, Container, FrameRate};

/// Samples a second: what AAC players expect, and all that Opus has.
const SAMPLES: u64 = 48_000;

/// How far the length of the sound may be off: two packets of AAC, 43 ms. What decoders leave out at the start and at the end
/// differs by their versions.
const OFF: u64 = 2 * 1024;

/// Formats of files that hold their own sound, as FFmpeg calls their demuxers.
const FORMATS: &str =
    "aac,ac3,aiff,amr,ape,asf,au,caf,eac3,flac,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,ogg,tta,w64,wav,wv";

/// Writes the video `silent`, which was proved and is nobody else's, with the sound of `audio` to `output`, which the caller has
/// reserved, and proves it. The sound begins with the first frame and ends with the last: it is cut, or silence follows it. `spec` is
/// that of the video, with the tags that it is to have.
///
/// # Errors
///
/// When FFmpeg cannot read the sound, or the file is not what it should be.
pub fn add(
    ffmpeg: &Ffmpeg,
    spec: &EncodeSpec,
    audio: &Audio,
    silent: &VideoPart,
    output: &Path,
    stop: &Stop,
) -> Result<Proof, EncodeError> {
    let EncodeSpec { recipe, rate, tags, settings, .. } = spec;
    let (rate, settings) = (*rate, *settings);
    let length = samples(silent.samples.count, rate);
    let tags = tags.for_child().map_err(EncodeError::io(output))?;
    let mut command = ffmpeg.command();
    // Over the reserved file, which is ours.
    command.overwrite();
    let is_boxes = recipe.is_boxes(Form::Reel);
    command.args(["-xerror", "-f", if is_boxes { "mov" } else { "matroska" }]).input(file_url(&silent.file));
    match audio {
        Audio::Silence => {
            command.args(["-f", "lavfi"]).input("anullsrc=sample_rate=48000:channel_layout=stereo");
        }
        Audio::File(path) => {
            command.args(["-protocol_whitelist", "file", "-format_whitelist", FORMATS]).input(file_url(path));
        }
    }
    if let Some(tags) = &tags {
        tagged(&mut command, recipe, tags, 2);
    }
    command.map("0:v:0").codec_video("copy").map("1:a:0");
    let filter =
        format!("aresample={SAMPLES}:first_pts=0,aformat=channel_layouts=stereo,apad,atrim=end_sample={length}");
    command.args(["-filter:a", &filter]);
    match recipe.container {
        Container::Mp4 | Container::Mov => command.args(["-c:a", "aac", "-b:a", "192k"]),
        _ => command.args(["-c:a", "libopus", "-b:a", "160k"]),
    };
    // Nothing of what the file of the sound says of itself: title, artist, chapters.
    command.args(["-map_metadata", "-1", "-map_chapters", "-1"]);
    if is_boxes {
        command.args(["-bsf:v", &format!("setts=pts=PTS:dts=DTS:duration={}", track_step(rate))]);
    } else {
        command.args(["-r:v", &format!("{}/{}", rate.num, rate.den)]);
        // An Opus stream begins a few milliseconds before its sound. Matroska has a field for that, and FFmpeg would move all else.
        command.args(["-avoid_negative_ts", "disabled"]);
    }
    command.args(recipe.copy_args());
    command.args(recipe.muxer_args(Form::Reel, rate));
    let name = name_in(&mut command, output);
    command.format(recipe.muxer(Form::Reel)).output(name);
    let mut child = Child::start_with(command, Input::Nothing, tags, settings.nice)?;
    until_end(&mut child, settings, stop, || Some(signs_of_life(output)))?;
    succeed(&child)?;
    if let Some(complaint) = complaint(&child) {
        return Err(EncodeError::not_proved(output, Flaw::Complaint(complaint)));
    }
    let parts = std::slice::from_ref(silent);
    let proof = join::prove(ffmpeg, recipe, rate, parts, output, settings, stop)?;
    let found = decoded(ffmpeg, output, settings, stop)?;
    if found.abs_diff(length) > OFF {
        let flaw = format!("its sound has {found} samples instead of {length}");
        return Err(EncodeError::not_proved(output, Flaw::Container(flaw)));
    }
    Ok(proof)
}

/// How many samples so many frames last, to the nearest.
fn samples(frames: u64, rate: FrameRate) -> u64 {
    let (num, den) = (u128::from(rate.num.get()), u128::from(rate.den.get()));
    u64::try_from((u128::from(frames) * den * u128::from(SAMPLES) + num / 2) / num).unwrap_or(u64::MAX)
}

/// How many samples a decoder makes of the sound of a file.
fn decoded(ffmpeg: &Ffmpeg, path: &Path, settings: Settings, stop: &Stop) -> Result<u64, EncodeError> {
    let mut command = ffmpeg.command();
    let name = name_in(&mut command, path);
    command.arg("-xerror").input(name).map("0:a:0");
    command.args(["-ac", "1", "-ar", &SAMPLES.to_string()]).format("s16le").output("pipe:1");
    let mut child = Child::start(command, Input::Nothing, settings.nice)?;
    let read = AtomicU64::new(0);
    let (send, work) = bounded(1);
    let pipe = child.stdout();
    let bytes = thread::scope(|scope| {
        if let Some(mut pipe) = pipe {
            let read = &read;
            scope.spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                loop {
                    match pipe.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(bytes) => _ = read.fetch_add(bytes as u64, Ordering::Relaxed),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(_) => break,
                    }
                }
                _ = send.send(read.load(Ordering::Relaxed));
            });
        }
        what_was_read(&mut child, &work, settings, stop, || Some(read.load(Ordering::Relaxed)))
    })?;
    if child.wait(settings.stall).is_none() {
        return Err(stalled(&mut child));
    }
    succeed(&child)?;
    Ok(bytes / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sound_is_as_long_as_the_frames() {
        let of = |frames, num, den| samples(frames, FrameRate::new(num, den).unwrap());
        assert_eq!(of(24, 24, 1), 48_000);
        assert_eq!(of(1, 24_000, 1001), 2002);
        assert_eq!(of(1, 7, 1), 6857);
        assert_eq!(of(0, 24, 1), 0);
    }
}
