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

use common::{make_frames, median, reeld, scratch, setting, status_field};

fn main() {
    let frames = setting("REELD_BENCH_FRAMES", 240);
    let runs = setting("REELD_BENCH_RUNS", 5);
    let home = scratch();
    println!("{frames} PNG frames of 1920x1080, libx264 CRF 18, {runs} pairs; ratios reeld / FFmpeg by hand, medians");
    println!("{:<10} {:<10} {:>9} {:>9} {:>7} {:>7}", "frames", "preset", "reeld s", "ffmpeg s", "time", "memory");
    for (name, dir) in [("slates", make_frames(home.path(), frames)), ("fractal", make_fractals(home.path(), frames))] {
        for preset in ["ultrafast", "veryfast", "medium"] {
            let pairs: Vec<(Cost, Cost)> = (0..runs).map(|run| pair(home.path(), &dir, preset, run)).collect();
            let of = |ratio: fn(&(Cost, Cost)) -> f64| median(pairs.iter().map(ratio).collect());
            println!(
                "{name:<10} {preset:<10} {:>9.2} {:>9.2} {:>7.2} {:>7.2}",
                of(|(ours, _)| ours.wall.as_secs_f64()),
                of(|(_, theirs)| theirs.wall.as_secs_f64()),
                of(|(ours, theirs)| ours.wall.as_secs_f64() / theirs.wall.as_secs_f64()),
                of(|(ours, theirs)| ours.peak_kib as f64 / theirs.peak_kib as f64),
            );
        }
    }
}

/// One run of each, the order changing from pair to pair.
fn pair(home: &Path, frames: &Path, preset: &str, run: u32) -> (Cost, Cost) {
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
    if run.is_multiple_of(2) {
        let first = ours();
        (first, theirs())
    } else {
        let first = theirs();
        (ours(), first)
    }
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
    /// Largest sum of resident memory over the process and its descendants, in KiB, sampled every 10 ms.
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
                peak = peak.max(tree_rss_kib(pid));
                std::thread::sleep(Duration::from_millis(10));
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

/// Resident memory of a process and its descendants, in KiB. Shared pages count in each.
fn tree_rss_kib(pid: u32) -> u64 {
    let own = status_field(pid, "VmRSS:").unwrap_or(0);
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    // Children belong to the thread that started them.
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_threads = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).collect::<String>();
    let mut pids: Vec<u32> =
        children.split_whitespace().chain(of_threads.split_whitespace()).filter_map(|pid| pid.parse().ok()).collect();
    pids.sort_unstable();
    pids.dedup();
    own + pids.into_iter().map(tree_rss_kib).sum::<u64>()
}
