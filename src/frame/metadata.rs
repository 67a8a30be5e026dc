//! What a generator wrote into an image file: its prompt, its parameters, its stamps.
//!
//! Owns where each format keeps such text, and says nothing about a file that it cannot make sense of: whether a file is a
//! whole image is for [`super::complete`] to say, on the same bytes. To tell runs apart it takes the text that says the most,
//! no more than 256 KiB of it, and reads no more than a mebibyte in all; what the text means is for
//! [`crate::sequence::origin`]. For the video, [`texts`] takes all of them, and whole.
//!
//! | format | where | what |
//! | --- | --- | --- |
//! | PNG | `tEXt`, `zTXt`, `iTXt` before the pixels; text after them is not looked for | prompt, parameters, stamps |
//! | JPEG | EXIF; comments | prompt, parameters; stamps |
//! | WebP | EXIF, which stands after the pixels | prompt, parameters |
//! | EXR | string attributes of the first part's header | prompt, parameters, stamps |
//!
//! EXIF keeps a prompt as `prompt:{...}` in `Make`, `Model` or `ImageDescription`, and parameters in `UserComment`.
//! Cameras write words of their own there, so that text in EXIF counts only if it has the form of a generator's.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::frame::complete::{self, Bytes, Format};
use crate::model::FrameRate;
use crate::sequence::generator::{Generator, RateFrom, TotalFrom};
use crate::sequence::origin::{self, Embedded, Stamps, Total};

mod exif;
mod exr;
mod jpeg;
mod png;
pub mod texts;
mod webp;

/// The most bytes that are read of a text. A longer one is cut.
const LIMIT: usize = 256 << 10;

/// The most bytes that are read of a file, and made of what is compressed in it.
const ALL: usize = 4 * LIMIT;

/// The most bytes of a Blender stamp.
const STAMP: usize = 4 << 10;

/// Reads what stands in a file of this format.
pub(super) fn read(bytes: &dyn Bytes, format: Format) -> Option<Embedded> {
    let mut found = Found::new();
    read_into(bytes, format, &mut found);
    found.embedded()
}

/// Offers `found` what stands in the file.
fn read_into(bytes: &dyn Bytes, format: Format, found: &mut dyn Collect) {
    // An error is the end of what can be read.
    let _ = match format {
        Format::Png => png::read(bytes, found),
        Format::Jpeg => jpeg::read(bytes, found),
        Format::WebP => webp::read(bytes, found),
        Format::Exr => exr::read(bytes, found),
        Format::Tiff | Format::Dpx | Format::Plain(_) => Ok(()),
    };
}

/// What the settings state that Deforum writes beside its frames: `20250301120000_settings.txt` beside
/// `20250301120000_000000012.png`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// How many frames there will be.
    pub total: Option<Total>,
    /// At how many a second they are to be shown.
    pub rate: Option<FrameRate>,
}

/// Reads the settings beside `frame`. They state nothing where no such file is there, or where the frames are `stated` to be of
/// another generator.
#[must_use]
pub fn settings_beside(frame: &Path, stated: Option<Generator>) -> Settings {
    let counts = |says: fn(Generator) -> bool| stated.is_none_or(says);
    let has_total = counts(|generator| generator.says_total(TotalFrom::Settings));
    let has_rate = counts(|generator| generator.says_rate(RateFrom::Settings));
    let text = if has_total || has_rate { text_beside(frame, LIMIT as u64).unwrap_or_default() } else { Vec::new() };
    Settings {
        total: Total::of_deforum(&text).filter(|_| has_total),
        rate: origin::rate_of_deforum(&text).filter(|_| has_rate),
    }
}

/// The first `most` bytes of those settings.
fn text_beside(frame: &Path, most: u64) -> Option<Vec<u8>> {
    let stem = frame.file_stem()?.to_str()?;
    let settings = frame.with_file_name(format!("{}settings.txt", stem.trim_end_matches(|c: char| c.is_ascii_digit())));
    let (file, _): (File, _) = complete::open(&settings).ok()?;
    let mut text = Vec::new();
    file.take(most).read_to_end(&mut text).ok()?;
    Some(text)
}

/// Keys under which generators keep text, the best first: where a saver writes both, a ComfyUI graph says more than the
/// parameters made of it.
const KEYS: [&[u8]; 5] = [b"prompt", b"parameters", b"invokeai_metadata", b"sd-metadata", b"Comment"];

/// Keys of Blender's stamps that are of use.
const STAMPS: [&[u8]; 5] = [b"File", b"Scene", b"Frame", b"FrameRange", b"Time"];

/// Who reads a file, and what of it is wanted.
trait Collect {
    /// How many bytes of the `length` of the value of `key` are to be read: none of most.
    fn take(&mut self, key: &[u8], length: usize) -> usize;

    /// Up to `length` bytes of what may still be read.
    fn spend(&mut self, length: usize) -> usize;

    /// The most bytes of a text.
    fn most(&self) -> usize;

    /// A value; `cut` where it is not all of it. Any key may come here, wanted or not.
    fn put(&mut self, key: &[u8], value: Vec<u8>, cut: bool);
}

/// What was found in a file so far.
struct Found {
    /// How many bytes may still be read.
    left: usize,
    /// The best text, with the place of its key in [`KEYS`].
    text: Option<(usize, Vec<u8>, bool)>,
    stamps: Stamps,
    stamp_count: usize,
}

impl Found {
    fn new() -> Self {
        Self { left: ALL, text: None, stamps: Stamps::default(), stamp_count: 0 }
    }

    fn stamp(&mut self, key: &[u8], value: Vec<u8>) {
        let text = std::str::from_utf8(&value).unwrap_or_default().trim();
        match key {
            b"Frame" => self.stamps.frame = text.parse().ok(),
            b"FrameRange" => {
                let ends = text.split_once(':').map(|(first, last)| (first.trim().parse(), last.trim().parse()));
                self.stamps.range = ends.and_then(|(first, last)| Some((first.ok()?, last.ok()?)));
            }
            // Many programs write a time: it is no sign of Blender.
            b"Time" => {
                self.stamps.time = Some(text.to_owned());
                return;
            }
            b"File" => self.stamps.file = value,
            _ => self.stamps.scene = value,
        }
        self.stamp_count += 1;
    }

    /// One key alone may be anybody's: two of them are Blender's.
    fn embedded(self) -> Option<Embedded> {
        match self.text {
            Some((_, text, cut)) => Some(Embedded::Text { text, cut }),
            None => (self.stamp_count >= 2).then_some(Embedded::Stamps(self.stamps)),
        }
    }
}

impl Collect for Found {
    fn take(&mut self, key: &[u8], length: usize) -> usize {
        let rank = KEYS.iter().position(|known| *known == key);
        let most = if STAMPS.contains(&key) {
            STAMP
        } else if rank.is_some_and(|rank| self.text.as_ref().is_none_or(|(found, ..)| rank < *found)) {
            LIMIT
        } else {
            0
        };
        self.spend(length.min(most))
    }

    fn spend(&mut self, length: usize) -> usize {
        let spent = length.min(self.left);
        self.left -= spent;
        spent
    }

    fn most(&self) -> usize {
        LIMIT
    }

    fn put(&mut self, key: &[u8], value: Vec<u8>, cut: bool) {
        if STAMPS.contains(&key) {
            return self.stamp(key, value);
        }
        let Some(rank) = KEYS.iter().position(|known| *known == key) else { return };
        // Anybody writes comments.
        let is_text = key != b"Comment" || is_generated(&value);
        if is_text && self.text.as_ref().is_none_or(|(found, ..)| rank < *found) {
            self.text = Some((rank, value, cut));
        }
    }
}

/// Whether this has the form of what image generators write: settings as JSON, or lines of which the last are settings.
fn is_generated(text: &[u8]) -> bool {
    let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    text.trim_ascii_start().starts_with(b"{") && (has(b"seed") || has(b"prompt")) || has(b"Steps: ")
}

#[cfg(test)]
mod tests;
