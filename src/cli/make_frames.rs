//! `reeld make-frames`: placeholder frames with a visible number, for trying things out.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

pub mod placeholder;

use super::error::{CliError, explained};
use super::out;
use crate::config::units::{UnitError, parse_duration};
use crate::text::printable::Show as _;

#[derive(Debug, Args)]
pub(crate) struct MakeFramesArgs {
    /// The folder to write to; made if missing
    dir: PathBuf,
    /// How many
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=999_999_999))]
    count: u32,
    /// Number of the first frame
    #[arg(long, default_value_t = 1)]
    start: u32,
    /// Width and height in pixels
    #[arg(long, default_value = "1920x1080", value_parser = explained(parse_size), value_name = "WxH")]
    size: (u32, u32),
    /// What stands before the number
    #[arg(long, default_value = "frame_")]
    prefix: String,
    /// Digits of the number
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=9))]
    digits: u8,
    /// Pause after each frame, such as `100ms`
    #[arg(long, default_value = "0s", value_parser = explained(parse_duration))]
    delay: Duration,
    /// File format
    #[arg(long, value_enum, default_value = "png")]
    format: Format,
}

/// The formats that the placeholder frames come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Png,
    Jpg,
}

pub(crate) fn run(args: &MakeFramesArgs) -> Result<ExitCode, CliError> {
    std::fs::create_dir_all(&args.dir)
        .map_err(|error| CliError::failed(format!("cannot make {}", args.dir.shown())).caused_by(&error))?;
    let (width, height) = args.size;
    let last = args
        .start
        .checked_add(args.count - 1)
        .ok_or_else(|| CliError::usage("`--start` plus `--count` is too large"))?;
    for number in args.start..=last {
        let path = args.dir.join(format!(
            "{}{number:0width$}.{}",
            args.prefix,
            args.format.extension(),
            width = usize::from(args.digits)
        ));
        write_frame(&path, width, height, number, args.digits, args.format)?;
        std::thread::sleep(args.delay);
    }
    out::say(&format!("wrote {} frames of {width}x{height} to {}", args.count, args.dir.shown()));
    Ok(ExitCode::SUCCESS)
}

/// Writes one placeholder frame in place, as most generators do, and never over a file.
pub(crate) fn write_frame(
    path: &Path,
    width: u32,
    height: u32,
    number: u32,
    digits: u8,
    format: Format,
) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        let hint = (error.kind() == ErrorKind::AlreadyExists)
            .then(|| "nothing is overwritten; choose another folder, `--start` or `--prefix`".to_owned());
        CliError::failed(format!("cannot write {}", path.shown())).caused_by(&error).hint(hint)
    };
    let rgb = placeholder::draw(width, height, number, usize::from(digits));
    let mut file = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?);
    encode(&mut file, &rgb, width, height, format).map_err(|error| failed(std::io::Error::other(error)))?;
    file.flush().map_err(failed)
}

fn encode(file: &mut BufWriter<File>, rgb: &[u8], width: u32, height: u32, format: Format) -> image::ImageResult<()> {
    use image::codecs::jpeg::JpegEncoder;
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    use image::{ExtendedColorType, ImageEncoder as _};
    match format {
        Format::Png => PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::Adaptive).write_image(
            rgb,
            width,
            height,
            ExtendedColorType::Rgb8,
        ),
        Format::Jpg => JpegEncoder::new_with_quality(file, 95).write_image(rgb, width, height, ExtendedColorType::Rgb8),
    }
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpg => "jpg",
        }
    }
}

fn parse_size(text: &str) -> Result<(u32, u32), UnitError> {
    const WHAT: &str = "a size";
    let parsed = text.split_once(['x', 'X']).and_then(|(w, h)| Some((w.parse::<u32>().ok()?, h.parse::<u32>().ok()?)));
    let text = text.to_owned();
    match parsed {
        Some((w, h)) if (64..=16384).contains(&w) && (64..=16384).contains(&h) => Ok((w, h)),
        Some(_) => Err(UnitError::OutOfRange { text, what: WHAT, range: "64x64 to 16384x16384" }),
        None => Err(UnitError::Malformed { text, what: WHAT, form: "a size is WIDTHxHEIGHT, such as 1920x1080" }),
    }
}
