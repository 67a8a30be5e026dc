//! The worst that honest encodes are off, from which the limits of the proof follow.
//!
//! `cargo bench --bench proof` prints the table; `-- --write` puts the rows of the encoders that were tried in their place;
//! `-- --quick` takes a few films, `-- --encoder NAME` those encoders that are named so, as in the table. `-- --more` takes only
//! what was tried last, frames in linear light (EXR) and bit rates, and with `--write` adds it to the rows that are there. It
//! takes each FFmpeg of `REELD_TEST_FFMPEGS`, separated by colons, or the one in the PATH: the first with all films, further
//! ones with every third. Two hours on two cores.
//!
//! The rows of bit rates are those of scale 255: without the pictures nobody knows which quality a bit rate is.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a benchmark is for")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::BufReader;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder as _, DynamicImage, ImageBuffer, Rgb, RgbImage, Rgba, RgbaImage};
use reeld::config::{Builtin, Container, EncoderArgs, FrameRate, NamedQuality, Preset, Quality, Video};
use reeld::encode::chunk::{BadFrames, ChunkSpec, EncodeSpec, FrameFile, Settings, encode};
use reeld::encode::ffmpeg::{Ffmpeg, Stop};
use reeld::encode::fingerprint::Fingerprint;
use reeld::encode::fingerprint::small::{Layers, Layout};
use reeld::encode::recipe::{Fidelity, Form, Recipe, Source, Tolerance};
use reeld::encode::tags::Tags;
use reeld::encode::verify::limits::{Row, SIZES, floor};
use reeld::encode::verify::measure::{Measure, Reading, Statistic};
use reeld::files::identity_of;
use reeld::frame::color::Feed;
use reeld::frame::geometry::Geometry;
use reeld::sequence::playback::Playback;
use reeld::sequence::sizes::SizeChange;
use reeld_films::contents::{CONTENTS, Content};

/// What the frames of a film are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// Of sixteen bits.
    Deep,
    /// With alpha.
    Alpha,
    /// EXR: floats in linear light.
    Linear,
}

/// How a film is encoded.
#[derive(Debug, Clone, Copy)]
struct Setting {
    preset: Builtin,
    quality: Option<Quality>,
    speed: Option<&'static str>,
    kind: Kind,
    /// Thousandths of a bit for each pixel of a frame, instead of a quality.
    bits: Option<u32>,
}

/// Every lossy preset over its qualities; speeds that are worse than its own; and what deep frames and alpha change.
fn settings() -> Vec<Setting> {
    use Builtin::{Av1, Dnxhr, Gif, H264, H264Ten, H265, H265Ten, Mpeg4, Prores, Prores4444, Vp9, Webp};
    use Kind::{Alpha, Deep, Plain};
    use NamedQuality::{High, Lossless, Low, Lowest, Medium, PercLossless};
    let mut all = Vec::new();
    let mut numbers = |preset, numbers: &[u8], speed, kind| {
        let of = |number: &u8| Setting { preset, quality: Some(Quality::Crf(*number)), speed, kind, bits: None };
        all.extend(numbers.iter().map(of));
    };
    numbers(H264, &[18, 23, 28, 32, 37, 44, 51], None, Plain);
    numbers(H264, &[18, 32, 51], Some("ultrafast"), Plain);
    numbers(H265, &[22, 28, 37, 51], None, Plain);
    numbers(H265, &[22, 51], Some("ultrafast"), Plain);
    numbers(Av1, &[23, 32, 45, 63], None, Plain);
    numbers(Av1, &[23], Some("12"), Plain);
    numbers(Vp9, &[22, 32, 45, 63], None, Plain);
    numbers(Vp9, &[22], Some("8"), Plain);
    numbers(Mpeg4, &[3, 8, 18, 31], None, Plain);
    numbers(H264Ten, &[18, 28, 37, 51], None, Plain);
    numbers(H264Ten, &[18], None, Deep);
    numbers(H265Ten, &[22, 28, 37, 51], None, Plain);
    numbers(H265Ten, &[22], None, Deep);
    numbers(Av1, &[23, 45, 63], None, Deep);
    numbers(Vp9, &[22, 32, 45, 63], None, Alpha);
    numbers(Prores, &[1, 4, 9, 16, 32], None, Plain);
    numbers(Webp, &[100, 80, 50, 20, 0], None, Plain);
    numbers(Webp, &[80, 35], None, Alpha);
    let mut names = |preset, names: &[NamedQuality], kind| {
        let of = |name: &NamedQuality| Setting {
            preset,
            quality: Some(Quality::Named(*name)),
            speed: None,
            kind,
            bits: None,
        };
        all.extend(names.iter().map(of));
    };
    names(H264, &[Lossless], Plain);
    names(Prores, &[High, Medium, Low, Lowest], Plain);
    names(Prores, &[High], Deep);
    names(Prores4444, &[High, PercLossless], Alpha);
    names(Dnxhr, &[High, Medium, Low], Plain);
    for kind in [Plain, Alpha] {
        all.push(Setting { preset: Gif, quality: None, speed: None, kind, bits: None });
    }
    all.extend(further());
    all
}

/// Frames in linear light, and a bit rate that is far too low for most films: one that is higher is off by less.
fn further() -> Vec<Setting> {
    use Builtin::{Av1, H264, H264Ten, H265, H265Ten, Mpeg4, Prores, Vp9};
    let mut all = Vec::new();
    for (preset, quality) in [(H264, 18), (H264, 37), (H264Ten, 18), (H265Ten, 28), (Av1, 32), (Prores, 4)] {
        all.push(Setting { preset, quality: Some(Quality::Crf(quality)), speed: None, kind: Kind::Linear, bits: None });
    }
    for preset in [H264, H265, Av1, Vp9, Mpeg4] {
        all.push(Setting { preset, quality: None, speed: None, kind: Kind::Plain, bits: Some(20) });
    }
    all
}

/// Sizes in pixels, frames, and the step between the contents that are drawn in that size: large ones take the most time, and
/// are off the least.
const FILMS: [(u32, u32, u32, usize); 6] =
    [(320, 180, 20, 1), (640, 360, 12, 3), (3840, 2160, 3, 26), (160, 90, 20, 1), (64, 48, 20, 1), (16, 16, 20, 1)];

type Key = (&'static str, u8, &'static str);

struct Film {
    name: &'static str,
    kind: Kind,
    size: (u32, u32),
    frames: Vec<FrameFile>,
}

fn main() {
    let argument = |name: &str| std::env::args().any(|argument| argument == name);
    let (quick, write, more) = (argument("--quick"), argument("--write"), argument("--more"));
    let dir = tempfile::tempdir().expect("a temporary folder");
    let contents: Vec<&Content> = CONTENTS.iter().step_by(if quick { 4 } else { 1 }).collect();
    let mut films = Vec::new();
    for (kind, part) in [(Kind::Plain, 1), (Kind::Deep, 2), (Kind::Alpha, 2), (Kind::Linear, 2)] {
        for (width, height, count, step) in FILMS {
            let contents = contents.iter().step_by(step * part);
            films.extend(contents.map(|content| film(dir.path(), content, kind, (width, height), count)));
        }
    }
    let ffmpegs: Vec<Ffmpeg> = match std::env::var("REELD_TEST_FFMPEGS") {
        Ok(paths) => paths.split(':').map(|path| Ffmpeg::find(Some(Path::new(path))).expect("FFmpeg")).collect(),
        Err(_) => vec![Ffmpeg::find(None).expect("FFmpeg")],
    };
    let mut work = Vec::new();
    for (at, ffmpeg) in ffmpegs.iter().enumerate() {
        let step = if at == 0 { 1 } else { 3 };
        let settings = if more { further() } else { settings() };
        work.extend(settings.into_iter().map(|setting| (ffmpeg, step, setting)));
    }
    let worst: Mutex<BTreeMap<Key, [(f64, String); Statistic::ALL.len()]>> = Mutex::default();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let (next, work, films, worst, dir) = (&next, &work, &films, &worst, dir.path());
            scope.spawn(move || {
                while let Some((ffmpeg, step, setting)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for film in films.iter().filter(|film| film.kind == setting.kind).step_by(*step) {
                        let output = dir.join(format!("{thread}.out"));
                        let Some((fidelity, found)) = measure(ffmpeg, film, setting, &output) else {
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
                    eprintln!("{setting:?}");
                }
            });
        }
    });
    let mut worst = worst.into_inner().unwrap_or_else(PoisonError::into_inner);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/encode/verify/limits.txt");
    let known = fs::read_to_string(&path).expect("the table is there");
    if more {
        add(&mut worst, &known);
    }
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
    println!("{}", table(&worst, None));
    for ((encoder, scale, size), values) in &worst {
        println!("{encoder} {scale} {size}");
        for (statistic, (value, film)) in Statistic::ALL.iter().zip(values) {
            println!("    {statistic:?} {value:.3} {film}");
        }
    }
    if write {
        fs::write(path, table(&worst, Some(&known))).expect("the table is written");
    }
}

/// Adds the rows of a table where they are worse.
fn add(worst: &mut BTreeMap<Key, [(f64, String); Statistic::ALL.len()]>, known: &str) {
    for row in known.lines().filter_map(|line| line.parse::<Row>().ok()) {
        // A program that runs once and ends: its keys may live as long as it does.
        let key = (&*row.encoder.leak(), row.scale, &*row.size.leak());
        let values = worst.entry(key).or_insert_with(|| std::array::from_fn(|_| (0.0, String::new())));
        for (value, known) in values.iter_mut().zip(row.worst) {
            if known > value.0 {
                *value = (known, "as before".to_owned());
            }
        }
    }
}

/// The table of what was found, and of the encoders that are only in the one that is known.
fn table(worst: &BTreeMap<Key, [(f64, String); Statistic::ALL.len()]>, known: Option<&str>) -> String {
    let mut text = String::from(
        "# The worst honest values; made by `cargo bench --bench proof -- --write`.\n# encoder scale size",
    );
    for statistic in Statistic::ALL {
        _ = write!(text, " {statistic:?}");
    }
    text.push('\n');
    let is_found = |line: &&str| worst.keys().any(|(encoder, ..)| line.split_whitespace().next() == Some(*encoder));
    for line in known.into_iter().flat_map(str::lines).filter(|line| !line.starts_with('#') && !is_found(line)) {
        _ = writeln!(text, "{line}");
    }
    for ((encoder, scale, size), values) in worst {
        _ = write!(text, "{encoder} {scale} {size}");
        for (value, _) in values {
            _ = write!(text, " {value:.3}");
        }
        text.push('\n');
    }
    text
}

fn film(dir: &Path, content: &Content, kind: Kind, (width, height): (u32, u32), count: u32) -> Film {
    let frame = |frame: u32| {
        let extension = if kind == Kind::Linear { "exr" } else { "png" };
        let path = dir.join(format!("{} {kind:?} {width} {frame:04}.{extension}", content.name));
        picture(content.picture(width, height, frame, count), kind, frame).save(&path).expect("a frame is written");
        let identity = identity_of(&fs::metadata(&path).expect("it is there"));
        FrameFile { path, identity, number: frame.into(), repeat: 1 }
    };
    Film { name: content.name, kind, size: (width, height), frames: (0..count).map(frame).collect() }
}

/// The picture with what its kind has more.
fn picture(rgb: RgbImage, kind: Kind, frame: u32) -> DynamicImage {
    match kind {
        Kind::Plain => rgb.into(),
        // Between two values of eight bits everywhere.
        Kind::Deep => {
            let (width, height) = rgb.dimensions();
            let value = |value: u8| u16::from(value) * 255 + 128;
            DynamicImage::ImageRgb16(ImageBuffer::from_fn(width, height, |x, y| Rgb(rgb.get_pixel(x, y).0.map(value))))
        }
        Kind::Linear => {
            let (width, height) = rgb.dimensions();
            // IEC 61966-2-1, the way back.
            let value = |value: u8| {
                let signal = f32::from(value) / 255.0;
                if signal <= 0.04045 { signal / 12.92 } else { ((signal + 0.055) / 1.055).powf(2.4) }
            };
            DynamicImage::ImageRgb32F(ImageBuffer::from_fn(width, height, |x, y| Rgb(rgb.get_pixel(x, y).0.map(value))))
        }
        // Stripes with soft edges that move.
        Kind::Alpha => {
            let (width, height) = rgb.dimensions();
            RgbaImage::from_fn(width, height, |x, y| {
                let [red, green, blue] = rgb.get_pixel(x, y).0;
                let place = (x * 512 / width + y * 256 / height + frame * 16) % 512;
                Rgba([red, green, blue, u8::try_from(place.min(511 - place).min(255)).unwrap_or(255)])
            })
            .into()
        }
    }
}

/// Encodes a film, and measures it. `None` where this encoder takes no such film.
fn measure(
    ffmpeg: &Ffmpeg,
    film: &Film,
    setting: &Setting,
    output: &Path,
) -> Option<(Fidelity, [f64; Statistic::ALL.len()])> {
    let video = Video {
        rate: FrameRate { num: NonZeroU32::new(24)?, den: NonZeroU32::MIN },
        preset: Preset::Builtin(setting.preset),
        quality: setting.quality,
        speed: setting.speed.map(str::to_owned),
        encoder_args: setting.bits.map_or_else(EncoderArgs::default, |bits| {
            let (width, height) = film.size;
            let rate = (u64::from(bits) * u64::from(width * height) * 24 / 1000).to_string();
            EncoderArgs::parse(&["-b:v", &rate]).unwrap_or_default()
        }),
        layer: None,
        exposure: reeld::frame::Exposure::NONE,
        background: [0; 3],
        geometry: Geometry::default(),
        playback: Playback::default(),
        size_change: SizeChange::Error,
        audio: None,
    };
    let (width, height) = film.size;
    let linear = film.kind == Kind::Linear;
    let (deep, alpha) = (film.kind == Kind::Deep || linear, film.kind == Kind::Alpha);
    let recipe = Recipe::resolve(&video, &Source { width, height, deep, linear, alpha }).ok()?;
    let Tolerance::Like(fidelity) = recipe.tolerance else { return None };
    let arguments: Vec<String> = std::env::args().collect();
    let mut asked = arguments.windows(2).filter(|pair| pair[0] == "--encoder").map(|pair| &pair[1]).peekable();
    if asked.peek().is_some() && !asked.any(|name| name == fidelity.encoder()) {
        return None;
    }
    fs::write(output, b"").ok()?;
    let (form, bad_frames, settings) = (Form::Reel, BadFrames::Error, Settings::default());
    let encode_spec = EncodeSpec { recipe, rate: video.rate, form, bad_frames, tags: Tags::default(), settings };
    let spec = ChunkSpec { frames: film.frames.clone(), encode: encode_spec };
    let result = match encode(ffmpeg, &spec, output, &|_| {}, &Stop::default()) {
        Ok(result) => result,
        Err(error) => {
            eprintln!("{} {setting:?}: {error}", film.name);
            return None;
        }
    };
    let mut worst = [0.0_f64; Statistic::ALL.len()];
    let mut tell = |reading: Reading| {
        let at = Statistic::ALL.iter().position(|statistic| *statistic == reading.statistic);
        if let Some(at) = at {
            worst[at] = worst[at].max(reading.value);
        }
    };
    let (mut color, mut alpha) = (Measure::new(floor(fidelity)), Measure::new(floor(fidelity)));
    for (index, seen) in (0..).zip(decoded(ffmpeg, &spec.encode.recipe, output)?) {
        let Some(Fingerprint::Small(fed)) = result.fingerprints.get(index) else { return None };
        color.see(fed.color, seen.color, &mut tell);
        if let (Some(fed), Some(seen)) = (fed.alpha, seen.alpha) {
            alpha.see(fed, seen, &mut tell);
        }
    }
    color.finish(&mut tell);
    alpha.finish(&mut tell);
    Some((fidelity, worst))
}

/// The small pictures of a video, decoded as the proof does it.
fn decoded(ffmpeg: &Ffmpeg, recipe: &Recipe, output: &Path) -> Option<Vec<Layers>> {
    let size = (recipe.canvas.width, recipe.canvas.height);
    if recipe.container == Container::Webp {
        let decoder = WebPDecoder::new(BufReader::new(File::open(output).ok()?)).ok()?;
        let frames = decoder.into_frames().collect_frames().ok()?;
        let layers = frames.into_iter().map(|frame| {
            let rgba = frame.into_buffer();
            if recipe.feed.has_alpha() {
                Layers::of(&rgba, Layout::Feed(Feed::Rgba), size)
            } else {
                Layers::of(&DynamicImage::ImageRgba8(rgba).into_rgb8(), Layout::Feed(Feed::Rgb24), size)
            }
        });
        return Some(layers.collect());
    }
    let proof_frames = recipe.proof_frames();
    let mut command = Command::new(&ffmpeg.path);
    command.args(["-nostdin", "-v", "error"]);
    if recipe.container == Container::Webm && recipe.feed.has_alpha() {
        command.args(["-c:v", "libvpx-vp9"]);
    }
    command.arg("-i").arg(output).args(["-fps_mode", "passthrough"]);
    if let Some(filters) = proof_frames.filters() {
        command.args(["-vf", filters]);
    }
    let raw = command.args(["-pix_fmt", proof_frames.pix_fmt(), "-f", "rawvideo", "-"]).output().ok()?.stdout;
    let looks = raw.chunks_exact(proof_frames.frame_bytes()).map(|raw| match proof_frames.fingerprint(recipe, raw) {
        Fingerprint::Small(layers) => Some(layers),
        Fingerprint::Bytes(_) => None,
    });
    looks.collect()
}
