//! Writes frames as generators do.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{Cursor, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use reeld::cli::make_frames::placeholder;

use super::Random;

/// A writer of numbered frames; the number is in the name and in the pixels.
#[derive(Debug, Clone)]
pub(crate) struct Frames {
    pattern: Vec<u8>,
    size: (u32, u32),
    rename: bool,
    colour: Option<[u8; 3]>,
    version: u32,
    noisy: bool,
    blender: Option<u32>,
    texts: Vec<(String, String)>,
}

/// The times of files that come one after the other, long before now.
#[derive(Debug)]
pub(crate) struct Pace {
    next: SystemTime,
    pause: Duration,
}

impl Pace {
    /// A file every `pause`.
    pub(crate) fn every(pause: Duration) -> Self {
        Self { next: SystemTime::now() - Duration::from_secs(1_000_000), pause }
    }

    fn next(&mut self) -> SystemTime {
        self.next += self.pause;
        self.next
    }
}

impl Frames {
    /// `pattern` has one run of `#` where the number goes, filled up with zeros to its length. Its extension says how the
    /// frame is written.
    pub(crate) fn new(pattern: impl AsRef<[u8]>) -> Self {
        // 256x144 is the smallest size that every encoder takes: DNxHR refuses less.
        Self {
            pattern: pattern.as_ref().to_vec(),
            size: (256, 144),
            rename: false,
            colour: None,
            version: 0,
            noisy: false,
            blender: None,
            texts: Vec::new(),
        }
    }

    /// Pixels.
    pub(crate) fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Each file is written under a temporary name and renamed, as A1111 does; else in place, as Blender does.
    pub(crate) fn renamed(mut self) -> Self {
        self.rename = true;
        self
    }

    /// One colour instead of the number.
    pub(crate) fn plain(mut self, rgb: [u8; 3]) -> Self {
        self.colour = Some(rgb);
        self
    }

    /// A later version of each frame: what is in the pixels is [`Self::shown`], not the bare number.
    pub(crate) fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Above the number nothing but noise, other in each frame.
    pub(crate) fn noisy(mut self) -> Self {
        self.noisy = true;
        self
    }

    /// With this text where ComfyUI puts its prompt; PNG only.
    pub(crate) fn prompt(mut self, prompt: &serde_json::Value) -> Self {
        self.texts.retain(|(key, _)| key != "prompt");
        self.text("prompt", &prompt.to_string())
    }

    /// With a text under this key; PNG only.
    pub(crate) fn text(mut self, key: &str, text: &str) -> Self {
        self.texts.push((key.to_owned(), text.to_owned()));
        self
    }

    /// With this text where AUTOMATIC1111 puts its parameters; PNG only.
    pub(crate) fn parameters(self, parameters: &str) -> Self {
        self.text("parameters", parameters)
    }

    /// With the stamps that Blender writes into the frames of a film of this rate; PNG only.
    pub(crate) fn blender(mut self, rate: u32) -> Self {
        self.blender = Some(rate);
        self
    }

    /// What Blender stamps frame `number` with, in its order.
    fn stamps(&self, number: u32) -> Vec<(&'static str, String)> {
        let Some(rate) = self.blender else { return Vec::new() };
        let (seconds, rest) = (number / rate, number % rate);
        vec![
            ("File", "/home/a/shot.blend".to_owned()),
            ("Date", "2025/03/01 12:00:00".to_owned()),
            ("Time", format!("{:02}:{:02}:{:02}:{rest:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)),
            ("Frame", format!("{number:03}")),
            ("Camera", "Camera".to_owned()),
            ("Scene", "Scene".to_owned()),
        ]
    }

    /// The number in the pixels of frame `number`, which tells its versions from each other. Numbers under 10,000 only.
    pub(crate) fn shown(&self, number: u32) -> u32 {
        self.version * 10_000 + number
    }

    /// Where frame `number` lies in `dir`.
    pub(crate) fn path(&self, dir: &Path, number: u32) -> PathBuf {
        let first = self.pattern.iter().position(|byte| *byte == b'#').unwrap();
        let width = self.pattern[first..].iter().take_while(|byte| **byte == b'#').count();
        let mut name = self.pattern[..first].to_vec();
        name.extend_from_slice(format!("{number:0width$}").as_bytes());
        name.extend_from_slice(&self.pattern[first + width..]);
        dir.join(OsString::from_vec(name))
    }

    /// Writes the frames with these numbers, in this order.
    pub(crate) fn write(&self, dir: &Path, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            let bytes = self.bytes(number);
            let path = self.path(dir, number);
            if self.rename {
                let mut temporary = path.clone().into_os_string();
                temporary.push(".tmp");
                fs::write(&temporary, &bytes).unwrap();
                fs::rename(&temporary, &path).unwrap();
            } else {
                // In pieces, so that a reader can see half a frame.
                let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path).unwrap();
                for piece in bytes.chunks(bytes.len().div_ceil(3)) {
                    file.write_all(piece).unwrap();
                }
            }
        }
    }

    /// Writes frames that have the times of `pace`: each appears under its name with its time.
    pub(crate) fn write_at(&self, pace: &mut Pace, dir: &Path, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            let path = self.path(dir, number);
            let mut temporary = path.clone().into_os_string();
            temporary.push(".tmp");
            let mut file = fs::File::create(&temporary).unwrap();
            file.write_all(&self.bytes(number)).unwrap();
            file.set_modified(pace.next()).unwrap();
            fs::rename(&temporary, &path).unwrap();
        }
    }

    /// Writes the first half of frame `number` in place, as a renderer that is at it.
    pub(crate) fn begin(&self, dir: &Path, number: u32) {
        let bytes = self.bytes(number);
        fs::write(self.path(dir, number), &bytes[..bytes.len() / 2]).unwrap();
    }

    /// Cuts the file of frame `number` to its first half, as a full disk or a killed renderer leaves it.
    pub(crate) fn truncate(&self, dir: &Path, number: u32) {
        let file = OpenOptions::new().write(true).open(self.path(dir, number)).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length / 2).unwrap();
    }

    /// The file of frame `number`.
    pub(crate) fn bytes(&self, number: u32) -> Vec<u8> {
        let (width, height) = self.size;
        let mut picture = match self.colour {
            Some(rgb) => RgbImage::from_pixel(width, height, Rgb(rgb)),
            None => RgbImage::from_raw(width, height, placeholder::draw(width, height, self.shown(number), 4)).unwrap(),
        };
        if self.noisy {
            // The number is in the lowest quarter.
            let mut random = Random::from_seed(u64::from(number));
            for (y, x) in (0..height * 3 / 4).step_by(8).flat_map(|y| (0..width).step_by(8).map(move |x| (y, x))) {
                let rgb = Rgb([0; 3].map(|_: u8| u8::try_from(random.below(256)).unwrap()));
                for (y, x) in (y..y + 8).flat_map(|y| (x..x + 8).map(move |x| (y, x))) {
                    if x < width && y < height * 3 / 4 {
                        picture.put_pixel(x, y, rgb);
                    }
                }
            }
        }
        let picture = DynamicImage::ImageRgb8(picture);
        let mut bytes = Cursor::new(Vec::new());
        let pattern = self.pattern.to_ascii_lowercase();
        let extension = pattern.rsplit(|byte| *byte == b'.').next().unwrap();
        match extension {
            b"png" => picture.write_to(&mut bytes, ImageFormat::Png),
            b"jpg" | b"jpeg" => picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 95)),
            b"tif" | b"tiff" => picture.write_to(&mut bytes, ImageFormat::Tiff),
            b"exr" => linear(&picture).write_to(&mut bytes, ImageFormat::OpenExr),
            _ => panic!("no writer for this extension"),
        }
        .unwrap();
        let mut bytes = bytes.into_inner();
        let stamps = self.stamps(number);
        let texts = self.texts.iter().map(|(key, text)| (key.as_str(), text.as_str()));
        let texts: Vec<(&str, &str)> = stamps.iter().map(|(key, text)| (*key, text.as_str())).chain(texts).collect();
        // Each is put in front of the next.
        for (key, text) in texts.into_iter().rev() {
            let chunk = [b"tEXt", key.as_bytes(), b"\0", text.as_bytes()].concat();
            let length = u32::try_from(chunk.len() - 4).unwrap().to_be_bytes();
            let sum = crc32fast::hash(&chunk).to_be_bytes();
            // The signature is 8 bytes long, and the header, which comes first, 25.
            bytes.splice(33..33, [&length[..], &chunk, &sum].concat());
        }
        bytes
    }
}

/// EXR holds linear light: the inverse of the sRGB transfer function (IEC 61966-2-1).
fn linear(picture: &DynamicImage) -> DynamicImage {
    let mut picture = picture.to_rgb32f();
    for value in picture.pixels_mut().flat_map(|pixel| &mut pixel.0) {
        *value = if *value <= 0.04045 { *value / 12.92 } else { ((*value + 0.055) / 1.055).powf(2.4) };
    }
    DynamicImage::ImageRgb32F(picture)
}
