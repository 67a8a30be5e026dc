//! The arguments of an encode: what FFmpeg is told of the pixels that it gets and of the file that it makes.
//!
//! Owns their order and what does not come from the recipe. It starts nothing.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use ffmpeg_sidecar::command::FfmpegCommand;

use super::EncodeSpec;
use crate::config::Container;
use crate::encode::ffmpeg::child::Inherited;
use crate::encode::ffmpeg::{Ffmpeg, display_argv, name_in};
use crate::encode::recipe::{Arrival, ChunkPosition, Form, Recipe};
use crate::frame::Exposure;
use crate::frame::geometry::Geometry;

/// Everything that decides what a file of `spec` is like, except the frames and what its encoder was told of its place and
/// their arrival: two files with the same settings, made by the same FFmpeg, can be joined.
pub(crate) fn settings_of(ffmpeg: &Ffmpeg, spec: &EncodeSpec) -> String {
    let recipe = &spec.recipe;
    let form = match spec.form {
        Form::Reel => Form::Reel,
        Form::Chunk { gop, .. } => Form::Chunk { gop, position: ChunkPosition::First },
    };
    let spec = EncodeSpec { form, ..spec.clone() };
    let with_output: Command = command(ffmpeg, &spec, Path::new(""), Arrival::AtOnce, None).into();
    let args = display_argv(OsStr::new("ffmpeg"), with_output.get_args());
    let mut settings = format!("{args}; {:?}; background {:?}", recipe.canvas, recipe.background);
    // Written only where there is one, so that chunks of an earlier version count.
    if let Some(layer) = &recipe.layer {
        settings += &format!("; layer {:?}", layer.as_str());
    }
    if recipe.exposure != Exposure::NONE {
        settings += &format!("; exposure {}", recipe.exposure);
    }
    if recipe.geometry != Geometry::default() {
        settings += &format!("; {:?}", recipe.geometry);
    }
    settings
}

/// The command that encodes what it is fed to `output`, with the tags that are in `tags`.
pub(super) fn command(
    ffmpeg: &Ffmpeg,
    spec: &EncodeSpec,
    output: &Path,
    arrival: Arrival,
    tags: Option<&Inherited>,
) -> FfmpegCommand {
    let recipe = &spec.recipe;
    let canvas = &recipe.canvas;
    let mut command = ffmpeg.command();
    // Over the reserved file, which is ours.
    command.overwrite();
    // Both: without the second a damaged picture is no error, without the first an error is no failure.
    command.args(["-xerror", "-nostats", "-progress", "pipe:1", "-stats_period", "0.25", "-err_detect", "explode"]);
    command.args(["-f", "rawvideo", "-pix_fmt", recipe.feed.ffmpeg_name()]);
    command.args(["-video_size", &format!("{}x{}", canvas.width, canvas.height)]);
    // The rate of the input: one given for the output alone makes FFmpeg drop and repeat. Twice, since FFmpeg takes what the
    // demuxer was told for a guess and rounds it to a rate that it knows: 119.88 to 120, 4.99 to 5, 119.5 to something
    // between. `-r` it believes.
    let rate = format!("{}/{}", spec.rate.num, spec.rate.den);
    command.args(["-framerate", &rate, "-r", &rate]);
    command.input("pipe:0");
    if let Some(tags) = tags {
        tagged(&mut command, recipe, tags, 1);
    }
    command.map("0:v:0").fps_mode("passthrough").filter(&recipe.filters).codec_video(&recipe.encoder);
    // GIF's own format comes out of its filters.
    if recipe.container != Container::Gif {
        command.pix_fmt(&recipe.pix_fmt);
    }
    if recipe.is_bt709() {
        // The filters have tagged the frames already; the ProRes encoder of FFmpeg 5 looks only at these.
        command.args(["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709"]);
        command.args(["-color_trc", "iec61966-2-1"]);
    }
    command.args(recipe.encoder_args(spec.form, arrival, spec.settings.threads.map(NonZeroUsize::get)));
    command.args(recipe.muxer_args(spec.form, spec.rate));
    let name = name_in(&mut command, output);
    command.format(recipe.muxer(spec.form)).output(name);
    command
}

/// Has `command`, which has this many inputs so far and gets no others, write what is in `tags` into a video of `recipe`.
pub(crate) fn tagged(command: &mut FfmpegCommand, recipe: &Recipe, tags: &Inherited, inputs: u32) {
    command.args(["-f", "ffmetadata"]).input(tags.url()).args(["-map_metadata", &inputs.to_string()]);
    if recipe.is_boxes(Form::Reel) {
        // Without it FFmpeg keeps to the few keys that iTunes knows.
        command.args(["-movflags", "+use_metadata_tags"]);
    }
}
