//! How soon the video is there after the last frame, against FFmpeg run by hand on all of them once they are there.
//!
//! Frames come into a watched folder at the pace of a renderer, and the marker right behind the last. Settings, each with
//! its default: `REELD_BENCH_FRAMES` (1000), how many, or several counts: the first is compared with FFmpeg, the others
//! with the first; `REELD_BENCH_PACE` (5), how many a second, 0 for no pause; `REELD_BENCH_PRESET` (medium);
//! `REELD_BENCH_CONTENTS` (placeholders,fractal); `REELD_BENCH_DISTINCT` (240), how many different pictures.

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
use reeld::files::identity_of;
use reeld::frame::color::{Canvas, Feed, convert};
use reeld::frame::decode::Decoder;
use serde_json::Value;

/// What x264 is asked for on both sides.
const CRF: &str = "18";

fn main() {
    let text = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let counts: Vec<u32> = list(&text("REELD_BENCH_FRAMES", "1000")).map(|n| n.parse().expect("counts")).collect();
    let pace = setting("REELD_BENCH_PACE", 5);
    let preset = text("REELD_BENCH_PRESET", "medium");
    println!("PNG frames of 1920x1080, {pace} a second, libx264 {preset} CRF {CRF}, key frames 240 apart.");
    println!("`wait` is the time from the marker, right behind the last frame, to the published video.");
    for content in list(&text("REELD_BENCH_CONTENTS", "placeholders,fractal")) {
        let home = scratch();
        let distinct = setting("REELD_BENCH_DISTINCT", 240);
        let pictures = Pictures::new(match content {
            "placeholders" => make_frames(home.path(), distinct),
            "fractal" => make_fractals(home.path(), distinct),
            _ => panic!("REELD_BENCH_CONTENTS: placeholders or fractal"),
        });
        let mut first = None;
        for count in &counts {
            let run = live(*count, pace, &preset, &pictures);
            println!("{content}, {count} frames: wait {:.2} s", run.wait.as_secs_f64());
            if let Some(first) = first {
                println!(
                    "  {:.2} times the wait of {} frames (wanted: at most 1.3)",
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
struct LiveRun {
    frames: PathBuf,
    wait: Duration,
    video: PathBuf,
    peak_kib: u64,
    /// Keeps all of it.
    home: tempfile::TempDir,
}

/// Starts the daemon, writes the frames, and waits for the video.
fn live(count: u32, pace: u32, preset: &str, pictures: &Pictures) -> LiveRun {
    let home = scratch();
    let frames = home.path().join("frames");
    fs::create_dir(&frames).expect("a folder");
    let config = home.path().join("reeld.toml");
    let keys = format!("framerate = 24\nquality = {CRF}\nspeed = \"{preset}\"\nidle_timeout = \"never\"");
    fs::write(&config, format!("[[watch]]\npath = \"frames\"\n{keys}\n")).expect("a config");
    let daemon = Daemon::start(home.path(), &config);
    daemon.wait_for("ready");
    let memory = Memory::of(daemon.child.id());
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
    let (published, video) = daemon.wait_for("video");
    assert_eq!(video["frames"], count, "every frame is in the video");
    let video = PathBuf::from(video["video"].as_str().expect("a path"));
    let peak_kib = memory.peak_kib();
    LiveRun { frames, wait: published.saturating_duration_since(marked), video, peak_kib, home }
}

/// Encodes the same frames by hand, and says how the two differ.
fn compare(run: &LiveRun, preset: &str) {
    let encoder = ["-c:v", "libx264", "-preset", preset, "-crf", CRF, "-g", "240", "-pix_fmt", "yuv420p"];
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-framerate", "24", "-i"]).arg(run.frames.join("frame_%05d.png"));
    // By itself FFmpeg would take BT.601.
    command.args(["-vf", "scale=out_color_matrix=bt709:out_range=tv"]).args(encoder);
    let cost = measure(command.arg(run.home.path().join("by-hand.mp4")));
    println!(
        "  FFmpeg by hand {:.2} s: the wait is {:.4} of it (wanted for 1,000 frames: at most 0.04)",
        cost.wall.as_secs_f64(),
        run.wait.div_duration_f64(cost.wall)
    );
    println!(
        "  memory at the peak: {:.0} MB, by hand {:.0} MB: {:.2} of it (wanted: at most 1)",
        run.peak_kib as f64 / 1024.0,
        cost.peak_kib as f64 / 1024.0,
        run.peak_kib as f64 / cost.peak_kib as f64
    );
    let one_go = OneGo::new(run, &encoder);
    let bytes = |file: &Path| fs::metadata(file).expect("a video").len() as f64;
    println!(
        "  size: {:+.2} % against one go (wanted: within 1 %)",
        (bytes(&run.video) / bytes(&one_go.video) - 1.0) * 100.0
    );
    let (ours, theirs) = (psnr(&run.video, &one_go.source), psnr(&one_go.video, &one_go.source));
    println!("  PSNR: {ours:.3} dB, in one go {theirs:.3} dB: {:+.3} dB (wanted: within 0.02 dB)", ours - theirs);
}

/// FFmpeg on the very pixels that reeld feeds to it, at once: FFmpeg's own conversion rounds otherwise, which is a multiple
/// of the difference that is looked for.
struct OneGo {
    video: PathBuf,
    /// The pixels without loss.
    source: PathBuf,
}

impl OneGo {
    fn new(run: &LiveRun, encoder: &[&str]) -> Self {
        let one_go = Self { video: run.home.path().join("one-go.mp4"), source: run.home.path().join("source.mkv") };
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", "1920x1080"]);
        command.args(["-framerate", "24", "-i", "-"]).args(encoder).arg(&one_go.video);
        command.args(["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0"]).arg(&one_go.source);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("starts");
        let mut input = child.stdin.take().expect("an input");
        let (mut decoder, mut raw) = (Decoder::default(), Vec::new());
        let canvas = Canvas::new(1920, 1080, true);
        let mut frames: Vec<PathBuf> =
            fs::read_dir(&run.frames).expect("a folder").flatten().map(|e| e.path()).collect();
        frames.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
        frames.sort();
        for frame in frames {
            let identity = identity_of(&fs::metadata(&frame).expect("a frame"));
            let picture = decoder.decode(&frame, &identity).expect("a whole frame");
            convert(&picture, &canvas, Feed::Yuv420p, [0; 3], &mut raw).expect("a picture that fits");
            decoder.recycle(picture);
            input.write_all(&raw).expect("FFmpeg reads");
        }
        drop(input);
        assert!(child.wait().expect("can be waited for").success(), "{command:?} failed");
        one_go
    }
}

/// How near `video` is to `source` over all frames, in dB, by FFmpeg's `psnr` filter.
fn psnr(video: &Path, source: &Path) -> f64 {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostats", "-nostdin", "-i"]).arg(video).arg("-i").arg(source);
    // Numbered anew, so that frames are compared by their place and nothing else.
    let in_order = "settb=1/24,setpts=N";
    command.args(["-lavfi", &format!("[0:v]{in_order}[reel];[1:v]{in_order}[source];[reel][source]psnr")]);
    let output = command.args(["-f", "null", "-"]).stdin(Stdio::null()).output().expect("starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let average = said.split_whitespace().rev().find_map(|word| word.strip_prefix("average:"));
    average.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{command:?} has no result: {said}"))
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
