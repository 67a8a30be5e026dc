//! What the daemon costs the machine it runs beside: processor time a frame, memory, wake-ups, and how soon it starts.

#![expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]
#![expect(clippy::cast_precision_loss, reason = "kilobytes need no more than 52 bits")]

mod common;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use common::{field, make_frames, median, reeld, scratch, setting};
use serde_json::Value;

fn main() {
    processor_time_a_frame();
    memory_of_tracked_frames();
    memory_of_old_files();
    wake_ups_when_idle();
    marker_to_encode();
    start_beside_find();
}

/// Frames of 300 kB, written in pieces of 64 KiB as generators do, at two paces.
fn processor_time_a_frame() {
    for (count, pause) in [
        (setting("REELD_BENCH_BURST", 3000), Duration::ZERO),
        (setting("REELD_BENCH_SLOW", 200), Duration::from_millis(50)),
    ] {
        let daemon = Daemon::start("idle_timeout = \"never\"");
        let before = daemon.processor_time();
        let piece = vec![7_u8; 64 * 1024];
        for number in 0..count {
            let mut file = File::create(daemon.frames.join(format!("frame_{number:06}.png"))).expect("a frame");
            for _ in 0..5 {
                file.write_all(&piece).expect("a piece");
            }
            drop(file);
            std::thread::sleep(pause);
        }
        // Changed frames gather for a second before they are looked at.
        std::thread::sleep(Duration::from_millis(1500));
        let spent = daemon.processor_time().saturating_sub(before);
        println!(
            "a new frame, {count} of them {} ms apart: {} µs of processor time (wanted: under 100)",
            pause.as_millis(),
            spent.as_micros() / u128::from(count)
        );
    }
}

fn memory_of_tracked_frames() {
    let empty = Daemon::start("idle_timeout = \"never\"").peak_kib();
    let home = scratch();
    let dir = home.path().join("frames");
    fs::create_dir(&dir).expect("a folder");
    for number in 0..100_000 {
        fs::write(dir.join(format!("frame_{number:06}.png")), b"x").expect("a frame");
    }
    let full = Daemon::start_on(home, "idle_timeout = \"never\"").peak_kib();
    println!(
        "100,000 tracked frames: {:.1} MB more at the peak (wanted: under 20)",
        full.saturating_sub(empty) as f64 / 1024.0
    );
}

/// What was there before costs memory only while it is read.
fn memory_of_old_files() {
    let count = setting("REELD_BENCH_OLD", 1_000_000);
    let empty = Daemon::start("idle_timeout = \"1s\"").resident_kib();
    let home = scratch();
    let dir = home.path().join("frames");
    for number in 0..count {
        let folder = dir.join(format!("shot_{:03}", number / 10_000));
        if number % 10_000 == 0 {
            fs::create_dir_all(&folder).expect("a folder");
        }
        fs::write(folder.join(format!("frame_{number:07}.png")), b"x").expect("a frame");
    }
    let full = Daemon::start_on(home, "idle_timeout = \"1s\"");
    // The reading ends a moment before its memory is given back.
    std::thread::sleep(Duration::from_secs(2));
    let (resident, peak) = (full.resident_kib(), full.peak_kib());
    println!(
        "{count} old files: {:.1} MB more than none (wanted: under 10), {:.1} MB at the peak",
        resident.saturating_sub(empty) as f64 / 1024.0,
        peak.saturating_sub(empty) as f64 / 1024.0
    );
}

fn wake_ups_when_idle() {
    let daemon = Daemon::start("idle_timeout = \"never\"");
    let seconds = u64::from(setting("REELD_BENCH_IDLE_SECONDS", 20));
    // Worker threads that nobody needs end after ten seconds, and take their counts along.
    std::thread::sleep(Duration::from_secs(12));
    let before = daemon.wake_ups();
    std::thread::sleep(Duration::from_secs(seconds));
    let wake_ups = daemon.wake_ups().saturating_sub(before);
    println!("idle for {seconds} s: {wake_ups} wake-ups of all threads together (wanted: under 1 a second)");
}

/// From the marker's creation to the log line that says that the encode starts, as this process sees both.
fn marker_to_encode() {
    let waits = (0..setting("REELD_BENCH_MARKERS", 5)).map(|_| {
        let home = scratch();
        fs::rename(make_frames(home.path(), 24), home.path().join("frames")).expect("a folder of frames");
        let mut daemon = Daemon::start_on(home, "idle_timeout = \"never\"");
        let marker = Instant::now();
        File::create(daemon.frames.join(".done")).expect("a marker");
        daemon.wait_for("encoding");
        marker.elapsed().as_secs_f64() * 1000.0
    });
    println!("marker to the start of the encode: {:.0} ms, median (wanted: under 200)", median(waits.collect()));
}

/// From the start to the log line that says that every root was read, beside what `find` takes to look at the same files: their
/// names, sizes and times. Both come from the cache of the kernel. The first start records what was there, later ones know it.
fn start_beside_find() {
    let count = setting("REELD_BENCH_START", 100_000);
    for (what, a_folder) in [("in one folder", count), ("in folders of ten", 10)] {
        let home = scratch();
        for number in 0..count {
            let folder = home.path().join(format!("frames/shot_{:05}", number / a_folder));
            if number % a_folder == 0 {
                fs::create_dir_all(&folder).expect("a folder");
            }
            fs::write(folder.join(format!("frame_{number:06}.png")), b"x").expect("a frame");
        }
        let timed = |work: &mut dyn FnMut()| {
            let since = Instant::now();
            work();
            since.elapsed().as_secs_f64()
        };
        let start = || timed(&mut || drop(Daemon::start_in(home.path(), "idle_timeout = \"never\"")));
        let first = start();
        let pairs: Vec<(f64, f64)> =
            (0..5).map(|_| (start(), timed(&mut || find(&home.path().join("frames"))))).collect();
        let ratio = median(pairs.iter().map(|(start, find)| start / find).collect());
        println!(
            "start on {count} files {what}: {:.0} ms, {ratio:.2} of find (wanted: under 1.5); for the first time {:.0} ms",
            median(pairs.iter().map(|(start, _)| *start).collect()) * 1000.0,
            first * 1000.0
        );
    }
}

fn find(dir: &Path) {
    let mut command = Command::new("find");
    command.arg(dir).args(["-name", "*.png", "-printf", "%p %s %T@\\n"]).stdout(Stdio::null());
    assert!(command.status().expect("find starts").success(), "find failed");
}

/// A daemon on a folder of its own, ready.
struct Daemon {
    child: Child,
    log: BufReader<ChildStderr>,
    frames: PathBuf,
    /// Is removed with it.
    home: Option<tempfile::TempDir>,
}

impl Daemon {
    fn start(settings: &str) -> Self {
        let home = scratch();
        fs::create_dir(home.path().join("frames")).expect("a folder");
        Self::start_on(home, settings)
    }

    fn start_on(home: tempfile::TempDir, settings: &str) -> Self {
        let mut daemon = Self::start_in(home.path(), settings);
        daemon.home = Some(home);
        daemon
    }

    fn start_in(home: &Path, settings: &str) -> Self {
        let frames = home.join("frames");
        let config = home.join("reeld.toml");
        fs::write(&config, format!("[[watch]]\npath = \"frames\"\n{settings}\n")).expect("a config");
        let mut child = reeld(home)
            .args(["run", "--log-format", "json", "--config"])
            .arg(&config)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let log = BufReader::new(child.stderr.take().expect("a log"));
        let mut daemon = Self { child, log, frames, home: None };
        daemon.wait_for("ready");
        daemon
    }

    fn wait_for(&mut self, message: &str) {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.log.read_line(&mut line).expect("the log") > 0, "the daemon ended before it said {message:?}");
            if serde_json::from_str::<Value>(&line).is_ok_and(|value| value["message"] == message) {
                return;
            }
        }
    }

    /// User and system time so far. `/proc/PID/schedstat` of each thread counts in nanoseconds.
    fn processor_time(&self) -> Duration {
        let spent = self.threads().map(|thread| {
            let text = fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
            text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0_u64)
        });
        // Threads that ended are in the process's own account only, which counts in ticks of 10 ms.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the daemon lives");
        let ticks: u64 = stat
            .rsplit(')')
            .next()
            .into_iter()
            .flat_map(|rest| rest.split_whitespace().skip(11).take(2))
            .filter_map(|text| text.parse::<u64>().ok())
            .sum();
        Duration::from_nanos(spent.sum::<u64>().max(ticks * 10_000_000))
    }

    fn wake_ups(&self) -> u64 {
        self.threads()
            .filter_map(|thread| {
                let status = fs::read_to_string(thread.join("status")).ok()?;
                let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
                line.trim().parse::<u64>().ok()
            })
            .sum()
    }

    fn peak_kib(&self) -> u64 {
        field(&format!("/proc/{}/status", self.child.id()), "VmHWM:").expect("the daemon lives")
    }

    fn resident_kib(&self) -> u64 {
        field(&format!("/proc/{}/status", self.child.id()), "VmRSS:").expect("the daemon lives")
    }

    fn threads(&self) -> impl Iterator<Item = PathBuf> + use<> {
        let tasks = Path::new("/proc").join(self.child.id().to_string()).join("task");
        fs::read_dir(tasks).into_iter().flatten().flatten().map(|entry| entry.path())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().expect("can be ended");
        self.child.wait().expect("can be waited for");
    }
}
