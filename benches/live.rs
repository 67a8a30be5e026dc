//! How soon the reel is there after the last frame, against FFmpeg run by hand on all of them once they are there.
//!
//! Frames come into a watched folder at the pace of a renderer, and the marker right behind the last. Settings, each with
//! its default: `REELD_BENCH_FRAMES` (1000), how many, or several counts: the first is compared with FFmpeg, the others
//! with the first; `REELD_BENCH_PACE` (5), how many a second, 0 for no pause; `REELD_BENCH_PRESET` (medium);
//! `REELD_BENCH_CONTENTS` (slates,fractal); `REELD_BENCH_DISTINCT` (240), how many different pictures.

#![expect(clippy::print_stdout, reason = "printing is what a benchmark is for")]
#![expect(clippy::cast_precision_loss, reason = "ratios of bytes need no more than 52 bits")]

mod common;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use common::against::{Memory, make_fractals, measure};
use common::{make_frames, reeld, scratch, setting};
use serde_json::Value;

/// What x264 is asked for on both sides.
const CRF: &str = "18";

fn main() {
    let text = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let counts: Vec<u32> = list(&text("REELD_BENCH_FRAMES", "1000")).map(|n| n.parse().expect("counts")).collect();
    let pace = setting("REELD_BENCH_PACE", 5);
    let preset = text("REELD_BENCH_PRESET", "medium");
    println!("PNG frames of 1920x1080, {pace} a second, libx264 {preset} CRF {CRF}, key frames 240 apart.");
    println!("`wait` is the time from the marker, right behind the last frame, to the published reel.");
    for content in list(&text("REELD_BENCH_CONTENTS", "slates,fractal")) {
        let home = scratch();
        let distinct = setting("REELD_BENCH_DISTINCT", 240);
        let pictures = Pictures::new(match content {
            "slates" => make_frames(home.path(), distinct),
            "fractal" => make_fractals(home.path(), distinct),
            _ => panic!("REELD_BENCH_CONTENTS: slates or fractal"),
        });
        let mut first = None;
        for count in &counts {
            let run = live(*count, pace, &preset, &pictures);
            println!("{content}, {count} frames: wait {:.2} s", run.wait.as_secs_f64());
            if let Some(first) = first {
                println!(
                    "  {:.2} times the wait of {} frames (wanted: under 1.3)",
                    run.wait.div_duration_f64(first),
                    counts[0]
                );
            } else {
                compare(&run, &preset);
                first = Some(run.wait);
            }
        }
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The pictures that the frames are made of, over and over: forwards, then backwards, so that the film has no cut where
/// they begin anew, which would be a good place for a key frame.
struct Pictures(Vec<PathBuf>);

impl Pictures {
    fn new(dir: PathBuf) -> Self {
        let mut files: Vec<PathBuf> =
            fs::read_dir(dir).expect("a folder").flatten().map(|entry| entry.path()).collect();
        files.sort();
        Self(files)
    }

    fn of(&self, frame: u32) -> Vec<u8> {
        let turn = (2 * self.0.len()).saturating_sub(2).max(1);
        let place = frame as usize % turn;
        fs::read(&self.0[place.min(turn - place)]).expect("a picture")
    }
}

/// A sequence that was encoded while it came in.
struct Run {
    frames: PathBuf,
    wait: Duration,
    reel: PathBuf,
    peak_kib: u64,
    /// Keeps all of it.
    home: tempfile::TempDir,
}

/// Starts the daemon, writes the frames, and waits for the reel.
fn live(count: u32, pace: u32, preset: &str, pictures: &Pictures) -> Run {
    let home = scratch();
    let frames = home.path().join("frames");
    fs::create_dir(&frames).expect("a folder");
    let config = home.path().join("reeld.toml");
    let keys = format!("framerate = 24\nquality = {CRF}\nspeed = \"{preset}\"\nidle_timeout = \"never\"");
    fs::write(&config, format!("[[watch]]\npath = \"frames\"\n{keys}\n")).expect("a config");
    let daemon = Daemon::start(home.path(), &config);
    daemon.wait_for("ready");
    let memory = Memory::of(daemon.child.id(), Duration::from_millis(100));
    let started = Instant::now();
    for number in 0..count {
        let bytes = pictures.of(number);
        let mut file = File::create(frames.join(format!("frame_{number:05}.png"))).expect("a frame");
        // In pieces, as generators write.
        for piece in bytes.chunks(64 * 1024) {
            file.write_all(piece).expect("a piece");
        }
        drop(file);
        if let Some(pause) = Duration::from_secs(1).checked_div(pace)
            && number + 1 < count
        {
            thread::sleep((pause * (number + 1)).saturating_sub(started.elapsed()));
        }
    }
    File::create(frames.join(".done")).expect("a marker");
    let marked = Instant::now();
    let (published, reel) = daemon.wait_for("reel");
    assert_eq!(reel["frames"], count, "every frame is in the reel");
    let reel = PathBuf::from(reel["reel"].as_str().expect("a path"));
    let peak_kib = memory.peak_kib();
    Run { frames, wait: published.saturating_duration_since(marked), reel, peak_kib, home }
}

/// Encodes the same frames by hand, and says how the two differ.
fn compare(run: &Run, preset: &str) {
    let by_hand = run.home.path().join("by-hand.mp4");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-framerate", "24", "-i"]).arg(run.frames.join("frame_%05d.png"));
    command.args(["-vf", TO_BT709, "-c:v", "libx264", "-preset", preset, "-crf", CRF, "-g", "240"]);
    let cost = measure(command.args(["-pix_fmt", "yuv420p"]).arg(&by_hand));
    println!(
        "  FFmpeg by hand {:.2} s: the wait is {:.4} of it (wanted for 1,000 frames: under 0.04)",
        cost.wall.as_secs_f64(),
        run.wait.div_duration_f64(cost.wall)
    );
    let bytes = |file: &Path| fs::metadata(file).expect("a reel").len() as f64;
    println!("  size: {:+.2} % (wanted: within 1 %)", (bytes(&run.reel) / bytes(&by_hand) - 1.0) * 100.0);
    let (ours, theirs) = psnr(run, &by_hand);
    println!(
        "  PSNR: {:+.3} dB, luma alone {:+.3} dB (wanted: within 0.02 dB); by hand it is {:.2} dB",
        ours.average - theirs.average,
        ours.luma - theirs.luma,
        theirs.average
    );
    println!(
        "  memory at the peak: {:.0} MB, by hand {:.0} MB: {:.2} of it (wanted: at most 1)",
        run.peak_kib as f64 / 1024.0,
        cost.peak_kib as f64 / 1024.0,
        run.peak_kib as f64 / cost.peak_kib as f64
    );
}

/// The conversion that reeld does itself, so that the two differ in their encodes alone: FFmpeg by itself would take
/// BT.601, and every other pixel's chroma. It takes no longer than FFmpeg's own.
const TO_BT709: &str = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_inp+area";

/// What FFmpeg's `psnr` filter says, in dB, over all frames.
struct Psnr {
    average: f64,
    luma: f64,
}

/// How near the reel and the one by hand are to the frames.
fn psnr(run: &Run, by_hand: &Path) -> (Psnr, Psnr) {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostats", "-nostdin", "-i"]).arg(&run.reel).arg("-i").arg(by_hand);
    command.args(["-framerate", "24", "-i"]).arg(run.frames.join("frame_%05d.png"));
    // Numbered anew, so that frames are compared by their place and nothing else.
    let in_order = "settb=1/24,setpts=N";
    let graph = format!(
        "[2:v]{TO_BT709},format=yuv420p,{in_order},split[a][b];[0:v]{in_order}[ours];[1:v]{in_order}[theirs];\
         [ours][a]psnr@ours[c];[theirs][b]psnr@theirs[d]"
    );
    command.args(["-filter_complex", &graph]);
    command.args(["-map", "[c]", "-f", "null", "-", "-map", "[d]", "-f", "null", "-"]);
    let output = command.stdin(Stdio::null()).output().expect("starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let of = |name: &str| {
        let line = said.lines().find(|line| line.contains(name) && line.contains("average:"));
        let line = line.unwrap_or_else(|| panic!("{command:?} has no result for {name}: {said}"));
        let field = |key: &str| {
            let value = line.split_whitespace().find_map(|word| word.strip_prefix(key)).expect("a value");
            value.parse().expect("a number")
        };
        Psnr { average: field("average:"), luma: field("y:") }
    };
    (of("psnr@ours"), of("psnr@theirs"))
}

/// A daemon, and its log as it comes.
struct Daemon {
    child: Child,
    log: Receiver<(Instant, Value)>,
}

impl Daemon {
    fn start(home: &Path, config: &Path) -> Self {
        let mut child = reeld(home)
            .args(["run", "--log-format", "json", "--config"])
            .arg(config)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let stderr = BufReader::new(child.stderr.take().expect("a log"));
        let (sender, log) = mpsc::channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let read_at = Instant::now();
                if let Ok(value) = serde_json::from_str::<Value>(&line) {
                    // Nobody listens any more once the run is over.
                    let _ = sender.send((read_at, value));
                }
            }
        });
        Self { child, log }
    }

    /// The next line with this message, and when it came.
    fn wait_for(&self, message: &str) -> (Instant, Value) {
        loop {
            let (read_at, line) = self.log.recv().expect("the daemon lives");
            assert!(line["level"] != "ERROR", "{line}");
            if line["message"] == message {
                return (read_at, line);
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().expect("can be ended");
        self.child.wait().expect("can be waited for");
    }
}
