//! The worst that honest encodes are off, from which the limits of the proof follow.
//!
//! `cargo bench --bench proof` prints the table; `-- --write` puts it in its place, `-- --quick` takes a few films. It takes
//! each FFmpeg of `REELD_TEST_FFMPEGS`, separated by colons, or the one in the PATH: the first with all films, further ones
//! with every third. Half an hour on two cores.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a benchmark is for")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reeld::config::{Builtin, FrameRate, Preset, Quality, SizeChange, Video};
use reeld::encode::chunk::{BadFrames, ChunkJob, Form, FrameFile, Settings, encode};
use reeld::encode::ffmpeg::{Ffmpeg, Stop};
use reeld::encode::look::Look;
use reeld::encode::recipe::{Fidelity, Recipe, Source, Tolerance};
use reeld::encode::small::Small;
use reeld::encode::verify::limits::{SIZES, floor};
use reeld::encode::verify::measure::{Measure, Statistic};
use reeld::frame::complete::identity_of;

#[path = "../tests/encode/contents.rs"]
mod contents;

use contents::{CONTENTS, Content};

/// Presets, their qualities, and speeds; none is the preset's own.
const SETTINGS: [(Builtin, &[u8], Option<&str>); 9] = [
    (Builtin::H264, &[18, 23, 28, 32, 37, 44, 51], None),
    (Builtin::H264, &[18, 32, 51], Some("ultrafast")),
    (Builtin::H265, &[22, 28, 37, 51], None),
    (Builtin::H265, &[22, 51], Some("ultrafast")),
    (Builtin::Av1, &[23, 32, 45, 63], None),
    (Builtin::Av1, &[23], Some("12")),
    (Builtin::Vp9, &[22, 32, 45, 63], None),
    (Builtin::Vp9, &[22], Some("8")),
    (Builtin::Mpeg4, &[3, 8, 18, 31], None),
];

/// Sizes in pixels, frames, and the step between the contents that are drawn in that size: large ones take the most time, and
/// are off the least.
const FILMS: [(u32, u32, u32, usize); 5] =
    [(320, 180, 20, 1), (640, 360, 12, 3), (160, 90, 20, 1), (64, 48, 20, 1), (16, 16, 20, 1)];

type Key = (&'static str, u8, &'static str);

struct Film {
    name: &'static str,
    size: (u32, u32),
    frames: Vec<FrameFile>,
}

fn main() {
    let argument = |name: &str| std::env::args().any(|argument| argument == name);
    let (quick, write) = (argument("--quick"), argument("--write"));
    let dir = tempfile::tempdir().expect("a temporary folder");
    let contents: Vec<&Content> = CONTENTS.iter().step_by(if quick { 4 } else { 1 }).collect();
    let mut films = Vec::new();
    for (width, height, count, step) in FILMS {
        films.extend(contents.iter().step_by(step).map(|content| film(dir.path(), content, (width, height), count)));
    }
    let ffmpegs: Vec<Ffmpeg> = match std::env::var("REELD_TEST_FFMPEGS") {
        Ok(paths) => paths.split(':').map(|path| Ffmpeg::find(Some(Path::new(path))).expect("FFmpeg")).collect(),
        Err(_) => vec![Ffmpeg::find(None).expect("FFmpeg")],
    };
    let mut work = Vec::new();
    for (at, ffmpeg) in ffmpegs.iter().enumerate() {
        let step = if at == 0 { 1 } else { 3 };
        for (preset, qualities, speed) in SETTINGS {
            work.extend(qualities.iter().map(|quality| (ffmpeg, step, preset, *quality, speed)));
        }
    }
    let worst: Mutex<BTreeMap<Key, [(f64, String); Statistic::ALL.len()]>> = Mutex::default();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let (next, work, films, worst, dir) = (&next, &work, &films, &worst, dir.path());
            scope.spawn(move || {
                while let Some((ffmpeg, step, preset, quality, speed)) = work.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    for film in films.iter().step_by(*step) {
                        let output = dir.join(format!("{thread}.out"));
                        let Some((fidelity, found)) = measure(ffmpeg, film, *preset, *quality, *speed, &output) else {
                            continue;
                        };
                        let long = film.size.0.max(film.size.1);
                        let size = SIZES.iter().find(|(_, below)| long < *below).map_or("any", |(name, _)| name);
                        let key = (fidelity.encoder(), fidelity.scale().unwrap_or(u8::MAX), size);
                        let mut worst = worst.lock().unwrap_or_else(PoisonError::into_inner);
                        let known = worst.entry(key).or_insert_with(|| std::array::from_fn(|_| (0.0, String::new())));
                        for (known, value) in known.iter_mut().zip(found) {
                            if value > known.0 {
                                *known = (value, format!("{} {}x{}", film.name, film.size.0, film.size.1));
                            }
                        }
                    }
                    eprintln!("{preset} {quality} {speed:?}");
                }
            });
        }
    });
    let mut worst = worst.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Not every speed was tried at every quality: one that is worse is off at least as much as one that is better.
    let keys: Vec<Key> = worst.keys().copied().collect();
    for (better, key) in keys.iter().flat_map(|key| keys.iter().map(move |better| (*better, *key))) {
        if (better.0, better.2) == (key.0, key.2) && better.1 < key.1 {
            let better = worst[&better].clone();
            for (known, better) in worst.get_mut(&key).into_iter().flatten().zip(better) {
                if better.0 > known.0 {
                    *known = better;
                }
            }
        }
    }
    let mut text = String::from(
        "# The worst honest values; made by `cargo bench --bench proof -- --write`.\n# encoder scale size",
    );
    for statistic in Statistic::ALL {
        _ = write!(text, " {statistic:?}");
    }
    text.push('\n');
    for ((encoder, scale, size), values) in &worst {
        _ = write!(text, "{encoder} {scale} {size}");
        for (value, _) in values {
            _ = write!(text, " {value:.3}");
        }
        text.push('\n');
    }
    println!("{text}");
    for ((encoder, scale, size), values) in &worst {
        println!("{encoder} {scale} {size}");
        for (statistic, (value, film)) in Statistic::ALL.iter().zip(values) {
            println!("    {statistic:?} {value:.3} {film}");
        }
    }
    if write {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/encode/verify/limits.txt");
        fs::write(path, text).expect("the table is written");
    }
}

fn film(dir: &Path, content: &Content, (width, height): (u32, u32), count: u32) -> Film {
    let frame = |frame: u32| {
        let path = dir.join(format!("{} {width} {frame:04}.png", content.name));
        content.picture(width, height, frame, count).save(&path).expect("a frame is written");
        let identity = identity_of(&fs::metadata(&path).expect("it is there"));
        FrameFile { path, identity, number: frame.into(), repeat: 1 }
    };
    Film { name: content.name, size: (width, height), frames: (0..count).map(frame).collect() }
}

/// Encodes a film, and measures it. `None` where this encoder takes no such film.
fn measure(
    ffmpeg: &Ffmpeg,
    film: &Film,
    preset: Builtin,
    quality: u8,
    speed: Option<&str>,
    output: &Path,
) -> Option<(Fidelity, [f64; Statistic::ALL.len()])> {
    let video = Video {
        rate: FrameRate { num: NonZeroU32::new(24)?, den: NonZeroU32::MIN },
        preset: Preset::Builtin(preset),
        quality: Some(Quality::Crf(quality)),
        speed: speed.map(str::to_owned),
        encoder_args: Vec::new(),
        background: [0; 3],
        size_change: SizeChange::Error,
    };
    let (width, height) = film.size;
    let source = Source { width, height, deep: false, linear: false, alpha: false };
    let recipe = Recipe::resolve(&video, &source).ok()?;
    let Tolerance::Like(fidelity) = recipe.tolerance else { return None };
    fs::write(output, b"").ok()?;
    let output: PathBuf = output.to_path_buf();
    let job = ChunkJob {
        frames: film.frames.clone(),
        recipe,
        rate: video.rate,
        output,
        bad_frames: BadFrames::Error,
        settings: Settings::default(),
        form: Form::Reel,
    };
    let result = match encode(ffmpeg, &job, &|_| {}, &Stop::default()) {
        Ok(result) => result,
        Err(error) => {
            eprintln!("{} {preset} {quality}: {error}", film.name);
            return None;
        }
    };
    let decoded = Command::new(&ffmpeg.path)
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(&job.output)
        .args(["-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"])
        .output()
        .ok()?;
    let canvas = job.recipe.canvas;
    let bytes = job.recipe.feed.frame_bytes(canvas.width, canvas.height);
    let mut worst = [0.0_f64; Statistic::ALL.len()];
    let mut tell = |reading: reeld::encode::verify::measure::Reading| {
        let at = Statistic::ALL.iter().position(|statistic| *statistic == reading.statistic);
        if let Some(at) = at {
            worst[at] = worst[at].max(reading.value);
        }
    };
    let mut measure = Measure::new(floor(fidelity));
    for (index, raw) in (0..).zip(decoded.stdout.chunks_exact(bytes)) {
        let Some(Look::Small(fed)) = result.pictures.get(index) else { return None };
        measure.see(fed, Arc::new(Small::of(raw, canvas.width, canvas.height)), &mut tell);
    }
    measure.finish(&mut tell);
    Some((fidelity, worst))
}
