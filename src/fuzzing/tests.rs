//! Every body holds for its corpus, and for seeds that are made here.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat};

type Body = fn(&[u8]);

const BODIES: [(&str, Body); 9] = [
    ("boxes", super::boxes),
    ("config", super::config),
    ("decoders", super::decoders),
    ("foreign_decoders", super::foreign_decoders),
    ("headers", super::headers),
    ("lists", super::lists),
    ("messages", super::messages),
    ("names", super::names),
    ("patterns", super::patterns),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a corpus that are in the repository. cargo-fuzz calls those that it adds by their SHA-1.
fn corpus(target: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder().join("corpus").join(target)).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let is_kept = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap();
        name.len() != 40 || name.contains(|c: char| !c.is_ascii_hexdigit())
    };
    files.filter(is_kept).collect()
}

#[test]
fn what_was_found_once_stays_found() {
    for (target, body) in BODIES {
        let files = corpus(target);
        assert!(files.len() >= 3, "a corpus of {target}");
        for file in files {
            // Shown where it fails.
            println!("{}", file.display());
            let bytes = fs::read(&file).unwrap();
            assert!(bytes.len() < 16 << 10, "{} bytes are no small file", bytes.len());
            body(&bytes);
        }
    }
}

/// A target that is left out is never fuzzed, and a corpus without one never played back.
#[test]
fn each_body_is_a_target_with_a_corpus() {
    let bodies = BODIES.map(|(target, _)| target);
    let names = |folder: &str| {
        let entries = fs::read_dir(super::tests::folder().join(folder)).unwrap();
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<String> = entries.map(|entry| stem(entry.unwrap().path())).collect();
        names.sort();
        names
    };
    assert_eq!(names("fuzz_targets"), bodies);
    assert_eq!(names("corpus"), bodies);
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    for target in bodies {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} in fuzz/Cargo.toml");
        let program = fs::read_to_string(folder().join("fuzz_targets").join(target).with_extension("rs")).unwrap();
        assert!(program.contains(&format!("reeld::fuzzing::{target});")), "{program}");
    }
}

fn picture(format: ImageFormat) -> Vec<u8> {
    let pixel = |x: u32, y: u32| image::Rgba([x * 19, y * 31, x * y, 255 - x].map(|value| value.to_le_bytes()[0]));
    let image = DynamicImage::ImageRgba8(image::ImageBuffer::from_fn(12, 7, pixel));
    let image = match format {
        ImageFormat::OpenExr | ImageFormat::Hdr => DynamicImage::ImageRgb32F(image.to_rgb32f()),
        ImageFormat::Jpeg | ImageFormat::Pnm => DynamicImage::ImageRgb8(image.to_rgb8()),
        _ => image,
    };
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PNG of each kind of pixels, with what a generator writes into it.
fn png(color: png::ColorType, depth: png::BitDepth) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 9, 5);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255].as_slice());
    }
    encoder.add_text_chunk("parameters".into(), "a hill\nSteps: 20, Seed: 7, Size: 9x5".into()).unwrap();
    let row = (color.samples() * 9 * usize::from(depth as u8)).div_ceil(8);
    let mut writer = encoder.write_header().unwrap();
    let values: Vec<u8> = (0_u8..4).cycle().take(row * 5).collect();
    writer.write_image_data(&values).unwrap();
    writer.finish().unwrap();
    file
}

/// What a corpus begins with, as far as it can be made by code that is here.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    use png::{BitDepth, ColorType};
    let mut seeds = Vec::new();
    let formats = [
        (ImageFormat::Jpeg, "jpg"),
        (ImageFormat::WebP, "webp"),
        (ImageFormat::Tiff, "tif"),
        (ImageFormat::OpenExr, "exr"),
        (ImageFormat::Bmp, "bmp"),
        (ImageFormat::Tga, "tga"),
        (ImageFormat::Qoi, "qoi"),
        (ImageFormat::Hdr, "hdr"),
        (ImageFormat::Pnm, "ppm"),
    ];
    for (format, extension) in formats {
        let target = if format == ImageFormat::Jpeg { "decoders" } else { "foreign_decoders" };
        for target in ["headers", target] {
            seeds.push((target, format!("picture.{extension}"), picture(format)));
        }
    }
    let kinds = [
        ("gray", ColorType::Grayscale, BitDepth::One),
        ("alpha", ColorType::GrayscaleAlpha, BitDepth::Eight),
        ("rgb", ColorType::Rgb, BitDepth::Eight),
        ("deep", ColorType::Rgba, BitDepth::Sixteen),
        ("palette", ColorType::Indexed, BitDepth::Two),
    ];
    for (name, color, depth) in kinds {
        for target in ["headers", "decoders"] {
            seeds.push((target, format!("{name}.png"), png(color, depth)));
        }
    }
    seeds.extend(crate::encode::fuzzing::seeds().map(|(name, bytes)| ("boxes", name.into(), bytes)));
    seeds.extend(crate::journal::fuzzing::seeds().into_iter().map(|(name, bytes)| ("messages", name.into(), bytes)));
    seeds
}

/// With `REELD_TEST_SEEDS` the seeds are written into the corpora.
#[test]
fn every_seed_holds() {
    for (target, name, bytes) in seeds() {
        println!("{target} {name}");
        let (_, body) = BODIES.into_iter().find(|(known, _)| *known == target).unwrap();
        body(&bytes);
        if std::env::var_os("REELD_TEST_SEEDS").is_some() {
            let folder = folder().join("corpus").join(target);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
}
