//! Arguments that a user may hand to the encoder.
//!
//! Owns the border between the user's part of FFmpeg's command line and reeld's: input, filters, pixel format, rate,
//! colour tags, container and output are reeld's alone, because its proofs rest on them.

use std::ops::Range;

use toml::Spanned;

use super::error::Complaint;
use super::reader::Reader;
use super::units::printable;
use crate::error::Explain;

mod files;
mod list;

pub use list::{EncoderArg, EncoderArgs};

/// An argument that a user may not hand to the encoder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArgumentError {
    message: String,
    hint: String,
}

impl ArgumentError {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl Explain for ArgumentError {
    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }

    fn retryable(&self) -> bool {
        false
    }

    fn exit_code(&self) -> u8 {
        2
    }
}

/// Options that reeld gives itself, or that would take frames or files away from it; `ffmpeg -h long` lists
/// them. `*` stands for any ending.
const OWNED: [&str; 4] = [
    // Input, output and what goes where.
    "i f y n map* c codec vcodec acodec scodec dcodec attach dump_attachment stream_loop movflags fflags \
     avoid_negative_ts flush_packets brand use_editlist frag_* min_frag_duration",
    // Time: no frame may be dropped, doubled or shifted.
    "r framerate fpsmax vsync fps_mode frame_drop_threshold ss sseof t to itsoffset itsscale frames vframes \
     dframes aframes fs start_number timestamp time_base enc_time_base video_track_timescale copytb muxdelay \
     muxpreload timecode pass passlogfile x265-stats fd truncate",
    // Pixels and their colours.
    "vf af filter* bsf* vbsf force_fps lavfi pix_fmt s aspect sws_flags sws_dither color_range colorspace \
     color_primaries color_trc chroma_sample_location apply_trc hwaccel* init_hw_device",
    // The process and its log; the threads are `[encoder] threads`.
    "threads filter_threads loglevel v progress stats_period vstats_file vstats_version sdp_file \
     stats_enc_pre* stats_enc_post* stats_mux_pre* protocol_whitelist timelimit abort_on max_error_rate \
     cpuflags cpucount max_alloc target pre vpre apre spre fpre print_graphs*",
];

/// Options without a value, with or without a `no` in front: what follows one would be taken for an output file.
const SWITCHES: &str = "auto_conversion_filters copyinkf fix_sub_duration_heartbeat stdin stats vstats benchmark benchmark_all \
    copyts start_at_zero shortest bitexact re ignore_unknown copy_unknown autorotate autoscale hide_banner \
    accurate_seek xerror psnr report qphist dn vn an sn dump hex debug_ts fix_sub_duration find_stream_info \
    display_hflip display_vflip apply_cropping recast_media seek_timestamp deinterlace intra L h help version \
    buildconf formats muxers demuxers devices codecs decoders encoders bsfs protocols filters pix_fmts \
    layouts sample_fmts dispositions colors sources sinks hwaccels y n";

/// Reads `key` as pairs of an option and its value, none of them reeld's own. Each is where its option is.
pub(super) fn read(reader: &mut Reader<'_, '_>, key: &str) -> Option<Spanned<Vec<Spanned<EncoderArg>>>> {
    let words = reader.list(key, |text: &str| {
        if text.contains('\0') {
            return Err(ArgumentError::new("an argument has no zero bytes", "leave the zero byte out"));
        }
        Ok(text.to_owned())
    })?;
    let mut args = Vec::new();
    for pair in words.get_ref().chunks(2) {
        let [option, value @ ..] = pair else { continue };
        let mistake = match (allowed(option.get_ref()), value) {
            (Err(error), _) => (option.span(), error),
            (Ok(()), []) => (option.span(), without_value(option.get_ref())),
            (Ok(()), [value, ..]) => match EncoderArg::new(option.get_ref(), value.get_ref()) {
                Ok(arg) => {
                    args.push(Spanned::new(option.span(), arg));
                    continue;
                }
                Err(error) => (value.span(), error),
            },
        };
        reader.mistakes.add(mistake.0, Complaint::from(mistake.1).about(key));
    }
    Some(Spanned::new(words.span(), args))
}

/// Options that say how good a video is to be, and those that say how much time it may take: what `quality` and `speed` also say.
const QUALITIES: [&str; 7] = ["-crf", "-qp", "-q", "-qscale", "-quality", "-lossless", "-cq"];
const SPEEDS: [&str; 4] = ["-preset", "-cpu-used", "-deadline", "-compression_level"];

/// Arguments of which one would silently not count: those that stand twice, and those that say what a key beside them, if it
/// is set, says otherwise.
pub(super) fn contradictions(args: &[Spanned<EncoderArg>], keys: &[(&str, bool); 2]) -> Vec<(Range<usize>, Complaint)> {
    let mut found = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    let [(quality, has_quality), (speed, has_speed)] = *keys;
    for arg in args {
        let ([option, _], bare) = (arg.get_ref().as_written(), arg.get_ref().name());
        let other = match bare {
            _ if has_quality && QUALITIES.contains(&bare) => Some(quality),
            _ if has_speed && SPEEDS.contains(&bare) => Some(speed),
            _ => None,
        };
        if let Some(key) = other {
            let message = format!("`{}` and `{key}` say the same thing twice", printable(option));
            found.push((arg.span(), Complaint::new(message, "leave one of them out")));
        }
        // A file has many tags.
        if bare != "-metadata" && seen.contains(&option) {
            let message = format!("`{}` stands here twice", printable(option));
            found.push((arg.span(), Complaint::new(message, "only the last one would count: leave the other out")));
        }
        seen.push(option);
    }
    found
}

/// What is wrong with an option that ends a list.
fn without_value(option: &str) -> ArgumentError {
    let message = format!("`{}` has no value", printable(option));
    allowed(option).err().unwrap_or_else(|| ArgumentError::new(message, PAIRS))
}

const PAIRS: &str = "arguments are pairs of an option and its value, each a text of its own: [\"-tune\", \"film\"]";

fn allowed(option: &str) -> Result<(), ArgumentError> {
    let shown = printable(option);
    let Some(name) = option.strip_prefix('-').filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic())) else {
        return Err(ArgumentError::new(format!("`{shown}` is not an option"), PAIRS));
    };
    // `-c:v:0` is `-c` for some streams.
    let name = name.split(':').next().unwrap_or(name);
    let owned = OWNED.iter().flat_map(|group| group.split(' ')).any(|owned| match owned.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == owned,
    });
    let is_switch = |name: &str| SWITCHES.split(' ').any(|switch| switch == name);
    if owned || is_switch(name) || name.strip_prefix("no").is_some_and(is_switch) {
        let hint = match name {
            "r" | "framerate" | "fps_mode" | "vsync" => "use `framerate` and `framerate_factor`",
            "pix_fmt" | "c" | "codec" | "vcodec" | "f" => {
                "use a preset of your own: [presets.NAME] with `encoder`, `pix_fmt` and `container`"
            }
            "threads" => "use `threads` in `[encoder]`",
            _ => {
                "reeld builds input, filters, colours, timing and output itself; the encoder's own options may stand here"
            }
        };
        return Err(ArgumentError::new(format!("`{shown}` belongs to reeld"), hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoder_options_pass() {
        for option in [
            "-crf",
            "-b:v",
            "-x264-params",
            "-tune",
            "-profile:v",
            "-g",
            "-nr",
            "-noise_reduction",
            "-row-mt",
            "-tag:v",
        ] {
            assert_eq!(allowed(option), Ok(()), "{option}");
        }
    }

    #[test]
    fn reelds_own_options_are_refused() {
        for option in [
            "-i",
            "-vf",
            "-filter:v",
            "-filter_complex",
            "-r",
            "-r:v",
            "-f",
            "-y",
            "-n",
            "-map",
            "-map_metadata",
            "-pix_fmt",
            "-c:v",
            "-c",
            "-codec:v:0",
            "-vcodec",
            "-nostdin",
            "-an",
            "-nostats",
            "-shortest",
            "-movflags",
            "-color_range",
        ] {
            assert!(allowed(option).is_err(), "{option}");
        }
    }

    #[test]
    fn what_could_be_an_output_file_is_refused() {
        for option in ["out.mp4", "", "-", "--y", "-/filter", "/etc/passwd", "-1"] {
            assert!(allowed(option).is_err(), "{option}");
        }
        assert_eq!(without_value("-crf").to_string(), "`-crf` has no value");
    }
}
