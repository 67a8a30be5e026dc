//! What the benchmarks against FFmpeg run by hand share: frames with detail, and what a process costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::common::field;

/// Frames of a fractal that moves, with detail everywhere: what a placeholder is not.
pub(crate) fn make_fractals(home: &Path, count: u32) -> PathBuf {
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
pub(crate) struct Cost {
    pub wall: Duration,
    /// As [`Memory`] has it.
    pub peak_kib: u64,
}

/// How often memory is looked at. Each look takes milliseconds of processor time, and more for two processes than for one:
/// with one each 20 ms, `reeld encode` of placeholders at `ultrafast` was a tenth slower.
const EVERY: Duration = Duration::from_millis(100);

/// Runs a command to its end; it must succeed.
pub(crate) fn measure(command: &mut Command) -> Cost {
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    let memory = Memory::of(child.id());
    let status = child.wait().expect("can be waited for").success();
    let wall = started.elapsed();
    assert!(status, "{command:?} failed");
    Cost { wall, peak_kib: memory.peak_kib() }
}

/// Watches the memory of a process and its descendants.
pub(crate) struct Memory {
    ended: Arc<AtomicBool>,
    sampler: JoinHandle<u64>,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let sampler = std::thread::spawn({
            let ended = Arc::clone(&ended);
            move || {
                let mut peak = 0;
                while !ended.load(Ordering::Relaxed) {
                    peak = peak.max(tree_pss_kib(pid));
                    std::thread::sleep(EVERY);
                }
                peak
            }
        });
        Self { ended, sampler }
    }

    /// The largest sum so far, in KiB. A page that several share counts in parts.
    pub(crate) fn peak_kib(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        self.sampler.join().expect("the sampler ends")
    }
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
