//! `reeld encode` against FFmpeg run by hand on the same frames: wall time and memory, pair by pair.
//!
//! `REELD_BENCH_FRAMES` (240) and `REELD_BENCH_RUNS` (5) make it shorter or longer.

#![expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]
#![expect(clippy::cast_precision_loss, reason = "ratios of kilobytes need no more than 52 bits")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::against::{Cost, make_fractals, measure};
use common::{make_frames, median, reeld, scratch, setting};

fn main() {
    let frames = setting("REELD_BENCH_FRAMES", 240);
    let runs = setting("REELD_BENCH_RUNS", 5);
    let home = scratch();
    println!("{frames} PNG frames of 1920x1080, libx264 CRF 18, {runs} pairs; ratios reeld / FFmpeg by hand, medians.");
    println!(
        "`time` is all of reeld with every proof; `encode` is the part until the video is written, which is all that"
    );
    println!(
        "FFmpeg by hand does. `floor` is x264 with raw video from a file, and FFmpeg decoding what it made: below it"
    );
    println!("nobody comes who encodes and looks at every picture, even before a single PNG is decoded.");
    println!(
        "{:<12} {:<10} {:>8} {:>8} {:>6} {:>6} {:>6} {:>6}",
        "frames", "preset", "reeld s", "ffmpeg s", "time", "encode", "floor", "memory"
    );
    for (name, dir) in
        [("placeholders", make_frames(home.path(), frames)), ("fractal", make_fractals(home.path(), frames))]
    {
        let raw = make_raw(home.path(), &dir);
        for preset in ["ultrafast", "veryfast", "medium"] {
            let pairs: Vec<Pair> = (0..runs).map(|run| pair(home.path(), &dir, &raw, preset, run)).collect();
            let of = |figure: fn(&Pair) -> f64| median(pairs.iter().map(figure).collect());
            println!(
                "{name:<12} {preset:<10} {:>8.2} {:>8.2} {:>6.2} {:>6.2} {:>6.2} {:>6.2}",
                of(|pair| pair.ours.wall.as_secs_f64()),
                of(|pair| pair.theirs.wall.as_secs_f64()),
                of(|pair| pair.ours.wall.as_secs_f64() / pair.theirs.wall.as_secs_f64()),
                of(|pair| pair.encode.as_secs_f64() / pair.theirs.wall.as_secs_f64()),
                of(|pair| pair.floor.as_secs_f64() / pair.theirs.wall.as_secs_f64()),
                of(|pair| pair.ours.peak_kib as f64 / pair.theirs.peak_kib as f64),
            );
        }
    }
}

/// One run of each.
struct Pair {
    ours: Cost,
    /// The part of ours until the video is written and its proof begins, as the journal has it.
    encode: Duration,
    theirs: Cost,
    /// Of what both the encode and its proof cannot do without.
    floor: Duration,
}

/// One run of each, the order changing from pair to pair.
fn pair(home: &Path, frames: &Path, raw: &Path, preset: &str, run: u32) -> Pair {
    let out = scratch();
    let ours = || {
        let mut command = reeld(home);
        command.args(["encode", "--quiet", "--framerate", "24", "--quality", "18", "--speed", preset, "--output-dir"]);
        measure(command.arg(out.path()).arg(frames))
    };
    let theirs = || {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-y", "-framerate", "24", "-i"]).arg(frames.join("frame_%05d.png"));
        command.args(["-c:v", "libx264", "-preset", preset, "-crf", "18", "-pix_fmt", "yuv420p"]);
        measure(command.arg(out.path().join("by-hand.mp4")))
    };
    let (ours, theirs) = if run.is_multiple_of(2) {
        let first = ours();
        (first, theirs())
    } else {
        let first = theirs();
        (ours(), first)
    };
    Pair { ours, encode: last_encode(home), theirs, floor: floor(out.path(), raw, preset) }
}

/// The frames as raw video, in one file.
fn make_raw(home: &Path, frames: &Path) -> PathBuf {
    let raw = home.join("raw.yuv");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-i"]).arg(frames.join("frame_%05d.png"));
    measure(command.args(["-pix_fmt", "yuv420p", "-f", "rawvideo"]).arg(&raw));
    raw
}

fn floor(out: &Path, raw: &Path, preset: &str) -> Duration {
    let video = out.join("floor.mp4");
    let mut encode = Command::new("ffmpeg");
    encode.args(["-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "1920x1080", "-framerate", "24", "-i"]);
    encode.arg(raw).args(["-c:v", "libx264", "-preset", preset, "-crf", "18"]).arg(&video);
    let mut decode = Command::new("ffmpeg");
    decode.args(["-v", "error", "-i"]).arg(&video).args(["-f", "null", "-"]);
    measure(&mut encode).wall + measure(&mut decode).wall
}

/// How long the last encode took, without its proof.
fn last_encode(home: &Path) -> Duration {
    let listed = reeld(home).args(["list", "--json", "--limit", "1"]).output().expect("the journal can be read");
    let row: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("one batch");
    Duration::from_millis(row["encode_ms"].as_u64().expect("a published batch"))
}
