//! `reeld encode` against FFmpeg run by hand on the same frames: wall time and memory, pair by pair.
//!
//! `REELD_BENCH_FRAMES` (240) and `REELD_BENCH_RUNS` (5) make it shorter or longer.

#![expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]
#![expect(clippy::cast_precision_loss, reason = "ratios of kilobytes need no more than 52 bits")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{field, make_frames, median, reeld, scratch, setting};

fn main() {
    let frames = setting("REELD_BENCH_FRAMES", 240);
    let runs = setting("REELD_BENCH_RUNS", 5);
    let home = scratch();
    println!("{frames} PNG frames of 1920x1080, libx264 CRF 18, {runs} pairs; ratios reeld / FFmpeg by hand, medians.");
    println!(
        "`time` is all of reeld with every proof; `encode` is the part until the video is written, which is all that"
    );
    println!("FFmpeg by hand does.");
    println!(
        "{:<10} {:<10} {:>8} {:>8} {:>6} {:>6} {:>6}",
        "frames", "preset", "reeld s", "ffmpeg s", "time", "encode", "memory"
    );
    for (name, dir) in [("slates", make_frames(home.path(), frames)), ("fractal", make_fractals(home.path(), frames))] {
        for preset in ["ultrafast", "veryfast", "medium"] {
            let pairs: Vec<Pair> = (0..runs).map(|run| pair(home.path(), &dir, preset, run)).collect();
            let of = |figure: fn(&Pair) -> f64| median(pairs.iter().map(figure).collect());
            println!(
                "{name:<10} {preset:<10} {:>8.2} {:>8.2} {:>6.2} {:>6.2} {:>6.2}",
                of(|pair| pair.ours.wall.as_secs_f64()),
                of(|pair| pair.theirs.wall.as_secs_f64()),
                of(|pair| pair.ours.wall.as_secs_f64() / pair.theirs.wall.as_secs_f64()),
                of(|pair| pair.encode.as_secs_f64() / pair.theirs.wall.as_secs_f64()),
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
}

/// One run of each, the order changing from pair to pair.
fn pair(home: &Path, frames: &Path, preset: &str, run: u32) -> Pair {
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
    Pair { ours, encode: last_encode(home), theirs }
}

/// How long the last encode took, without its proof.
fn last_encode(home: &Path) -> Duration {
    let listed = reeld(home).args(["list", "--json", "--limit", "1"]).output().expect("the journal can be read");
    let row: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("one batch");
    Duration::from_millis(row["encode_ms"].as_u64().expect("a published batch"))
}

/// Frames of a fractal that moves, with detail everywhere: what a placeholder is not.
fn make_fractals(home: &Path, count: u32) -> PathBuf {
    let dir = home.join("fractal");
    fs::create_dir(&dir).expect("a folder");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-f", "lavfi", "-i", "mandelbrot=size=1920x1080:rate=24:start_scale=0.2"]);
    command.args(["-frames:v", &count.to_string(), "-pix_fmt", "rgb24"]).arg(dir.join("frame_%05d.png"));
    measure(&mut command);
    dir
}

/// What a finished command took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: Duration,
    /// Largest sum of memory over the process and its descendants, in KiB, sampled every 20 ms. A page that several
    /// share counts in parts.
    peak_kib: u64,
}

/// Runs a command to its end; it must succeed.
fn measure(command: &mut Command) -> Cost {
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    let (pid, ended) = (child.id(), Arc::new(AtomicBool::new(false)));
    let sampler = std::thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak = peak.max(tree_pss_kib(pid));
                std::thread::sleep(Duration::from_millis(20));
            }
            peak
        }
    });
    let status = child.wait().expect("can be waited for").success();
    let wall = started.elapsed();
    ended.store(true, Ordering::Relaxed);
    assert!(status, "{command:?} failed");
    Cost { wall, peak_kib: sampler.join().expect("the sampler ends") }
}

/// Memory of a process and its descendants, in KiB: the proportional set size of proc(5).
fn tree_pss_kib(pid: u32) -> u64 {
    let own = field(&format!("/proc/{pid}/smaps_rollup"), "Pss:").unwrap_or(0);
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    // Children belong to the thread that started them.
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_threads = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).collect::<String>();
    let mut pids: Vec<u32> =
        children.split_whitespace().chain(of_threads.split_whitespace()).filter_map(|pid| pid.parse().ok()).collect();
    pids.sort_unstable();
    pids.dedup();
    own + pids.into_iter().map(tree_pss_kib).sum::<u64>()
}
