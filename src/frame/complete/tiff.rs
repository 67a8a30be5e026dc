//! TIFF and `BigTIFF`: every strip or tile of the first picture is within the file, and what its values are.

use std::io::{Read, Seek};

use tiff::decoder::Decoder;
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffUnsupportedError};

use crate::error::chain;
use crate::frame::complete::bytes::Bytes;
use crate::frame::{FrameErrorKind, ImageInfo, Orientation, PixelAspect, limits};

/// Tags of TIFF 6.0.
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const STRIP_OFFSETS: u16 = 273;
const ORIENTATION: u16 = 274;
const STRIP_BYTE_COUNTS: u16 = 279;
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;

pub(super) fn examine(bytes: &dyn Bytes) -> Result<ImageInfo, FrameErrorKind> {
    let reader = Reader::new(bytes)?;
    let directory = reader.number(reader.form.first_directory, reader.form.offset)?;
    let count = reader.number(directory, reader.form.count)?;

    // The tables are read after the directory, each once: a directory may name a thousand of them.
    let (mut offsets, mut lengths) = (None, None);
    let (mut width, mut height, mut orientation) = (None, None, None);
    let (mut across, mut down) = (None, None);
    for index in 0..count {
        let entry = directory.saturating_add(reader.form.count + reader.form.entry * index);
        let first = || reader.values(entry).map(|values| values.first().copied());
        match u16::try_from(reader.number(entry, 2)?).unwrap_or(0) {
            STRIP_OFFSETS | TILE_OFFSETS => offsets = Some(entry),
            STRIP_BYTE_COUNTS | TILE_BYTE_COUNTS => lengths = Some(entry),
            WIDTH => width = first()?,
            HEIGHT => height = first()?,
            X_RESOLUTION => across = reader.ratio(entry),
            Y_RESOLUTION => down = reader.ratio(entry),
            // Writers that give it another type mean nothing by it.
            ORIENTATION => orientation = first().ok().flatten().and_then(|value| u8::try_from(value).ok()),
            _ => {}
        }
    }
    if let (Some(width), Some(height)) = (width, height) {
        limits::current().check_pixels("", width, height)?;
    }
    let (Some(offsets), Some(lengths)) = (offsets, lengths) else {
        return Err(FrameErrorKind::Decode("it does not say where its pixels are".into()));
    };
    let (offsets, lengths) = (reader.values(offsets)?, reader.values(lengths)?);
    let ends = offsets.iter().zip(&lengths).map(|(offset, length)| offset.saturating_add(*length));
    let end = ends.max().unwrap_or(0);
    if end > bytes.len() {
        return Err(FrameErrorKind::Torn(format!("{} of {end} bytes are there", bytes.len())));
    }
    let mut decoder = Decoder::new(bytes.reader())?;
    let (width, height) = decoder.dimensions()?;
    let stored = Layout::of(&mut decoder)?.info(width, height);
    // Where there are more of them in an inch, they are narrower.
    let aspect = across.zip(down).map_or(PixelAspect::SQUARE, |(across, down)| PixelAspect::of(down / across));
    let stored = ImageInfo { aspect, ..stored };
    Ok(stored.turned(orientation.map_or(Orientation::UPRIGHT, Orientation::from)))
}

/// What the values of a picture mean.
#[derive(Debug, Clone, Copy)]
pub(in crate::frame) struct Layout {
    pub(in crate::frame) color: Color,
    pub(in crate::frame) alpha: Alpha,
    /// Values a pixel, also those that mean nothing.
    pub(in crate::frame) samples: usize,
    /// Bits a value.
    pub(in crate::frame) bits: u8,
    /// Floating point, which is linear light.
    pub(in crate::frame) float: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::frame) enum Color {
    Gray,
    Rgb,
    Cmyk,
}

impl Color {
    pub(in crate::frame) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// The first value beside the colours, as `ExtraSamples` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::frame) enum Alpha {
    /// The file has no such value, or does not say what the value is. Then it may be anything, and is often zero throughout.
    Absent,
    /// The colours are multiplied with it ("associated"), as compositing programs write them.
    Premultiplied,
    /// They are not.
    Straight,
}

impl Layout {
    pub(in crate::frame) fn of<R: Read + Seek>(decoder: &mut Decoder<R>) -> Result<Self, FrameErrorKind> {
        let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples)?;
        let alpha = match extra.as_deref() {
            Some([1, ..]) => Alpha::Premultiplied,
            Some([2, ..]) => Alpha::Straight,
            _ => Alpha::Absent,
        };
        let (color, samples, alpha, bits) = match decoder.colortype()? {
            ColorType::Gray(bits) => (Color::Gray, 1, Alpha::Absent, bits),
            ColorType::GrayA(bits) => (Color::Gray, 2, alpha, bits),
            // Grey with more beside it is what the crate calls so.
            ColorType::Multiband { bit_depth, num_samples } => {
                (Color::Gray, usize::from(num_samples), alpha, bit_depth)
            }
            ColorType::RGB(bits) => (Color::Rgb, 3, Alpha::Absent, bits),
            // Four values with no word about the fourth: it is taken for what it is in nearly all files.
            ColorType::RGBA(bits) if extra.is_none() => (Color::Rgb, 4, Alpha::Straight, bits),
            ColorType::RGBA(bits) => (Color::Rgb, 4, alpha, bits),
            ColorType::CMYK(bits) => (Color::Cmyk, 4, Alpha::Absent, bits),
            ColorType::CMYKA(bits) => (Color::Cmyk, 5, alpha, bits),
            other => return Err(FrameErrorKind::Unsupported(format!("a TIFF with colours of type {other:?}"))),
        };
        let format = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat)?;
        let float = match format.as_deref() {
            None | Some([] | [1 | 4, ..]) => false,
            Some([3, ..]) => true,
            Some(_) => return Err(FrameErrorKind::Unsupported("a TIFF with signed or complex values".into())),
        };
        let known = match (float, color) {
            (true, _) => matches!(bits, 16 | 32 | 64),
            // Several values in a byte are unpacked only where a pixel is one value.
            (false, Color::Gray) if samples == 1 => matches!(bits, 1 | 2 | 4 | 8 | 16 | 32),
            (false, _) => matches!(bits, 8 | 16 | 32),
        };
        if !known {
            return Err(FrameErrorKind::Unsupported(format!("a TIFF with {bits} bits a channel")));
        }
        Ok(Self { color, alpha, samples, bits, float })
    }

    fn info(self, width: u32, height: u32) -> ImageInfo {
        let alpha = self.alpha != Alpha::Absent;
        let (orientation, aspect) = (Orientation::UPRIGHT, PixelAspect::SQUARE);
        ImageInfo { width, height, deep: self.bits > 8, linear: self.float, alpha, orientation, aspect }
    }
}

impl From<TiffError> for FrameErrorKind {
    fn from(error: TiffError) -> Self {
        let unsupported = match error {
            TiffError::IoError(error) => return error.into(),
            TiffError::LimitsExceeded | TiffError::IntSizeError => {
                return Self::TooLarge("more memory than one frame may take".into());
            }
            TiffError::UnsupportedError(unsupported) => unsupported,
            error => return Self::Decode(chain(&error).to_string()),
        };
        Self::Unsupported(match &unsupported {
            TiffUnsupportedError::UnsupportedCompressionMethod(method) => {
                format!("a TIFF with {method:?} compression")
            }
            TiffUnsupportedError::UnknownCompressionMethod => "a TIFF with an unknown compression".into(),
            TiffUnsupportedError::InterpretationWithBits(interpretation, _)
            | TiffUnsupportedError::UnsupportedInterpretation(interpretation) => match format!("{interpretation:?}") {
                name if name == "RGBPalette" => "a TIFF with a palette".into(),
                name => format!("a TIFF with colours of type {name}"),
            },
            other => format!("TIFF: {}", chain(other)),
        })
    }
}

/// Reads numbers of a file.
struct Reader<'a> {
    bytes: &'a dyn Bytes,
    little: bool,
    form: &'static Form,
}

/// How long things are, in bytes.
struct Form {
    /// Where the place of the first directory is.
    first_directory: u64,
    /// A place in the file, and how many values an entry has.
    offset: u64,
    /// The number of entries of a directory.
    count: u64,
    /// An entry of a directory.
    entry: u64,
}

const CLASSIC: Form = Form { first_directory: 4, offset: 4, count: 2, entry: 12 };
const BIG: Form = Form { first_directory: 8, offset: 8, count: 8, entry: 20 };

impl<'a> Reader<'a> {
    fn new(bytes: &'a dyn Bytes) -> Result<Self, FrameErrorKind> {
        let [order, _, one, other]: [u8; 4] = bytes.array(0)?;
        let form = if one == b'+' || other == b'+' { &BIG } else { &CLASSIC };
        Ok(Self { bytes, little: order == b'I', form })
    }

    /// The number of `size` bytes at `offset`, 8 at most.
    fn number(&self, offset: u64, size: u64) -> Result<u64, FrameErrorKind> {
        let mut raw = [0; 8];
        let (raw, _) = raw.split_at_mut(usize::try_from(size).unwrap_or(8));
        self.bytes.read_at(offset, raw)?;
        Ok(self.fold(raw))
    }

    fn fold(&self, field: &[u8]) -> u64 {
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.little { field.iter().rev().fold(0, fold) } else { field.iter().fold(0, fold) }
    }

    /// The ratio that an entry gives, if it does. A file that lacks it is whole all the same.
    fn ratio(&self, entry: u64) -> Option<f64> {
        const RATIONAL: u64 = 5;
        if self.number(entry + 2, 2).ok()? != RATIONAL {
            return None;
        }
        let place = entry + 4 + self.form.offset;
        let start = if self.form.offset < 8 { self.number(place, self.form.offset).ok()? } else { place };
        let [above, below] = [start, start.checked_add(4)?].map(|at| self.number(at, 4));
        let number = |found: u64| u32::try_from(found).map(f64::from).ok();
        Some(number(above.ok()?)? / number(below.ok()?)?)
    }

    /// The numbers of a directory entry, which stand in the entry itself where they are short enough.
    fn values(&self, entry: u64) -> Result<Vec<u64>, FrameErrorKind> {
        let kind = self.number(entry + 2, 2)?;
        let count = self.number(entry + 4, self.form.offset)?;
        let size: u64 = match kind {
            3 => 2,
            4 => 4,
            16 => 8,
            _ => return Err(FrameErrorKind::Decode(format!("a table of type {kind}"))),
        };
        limits::current().check_entries("strips or tiles", count)?;
        let place = entry + 4 + self.form.offset;
        let length = count * size;
        let start = if length <= self.form.offset { place } else { self.number(place, self.form.offset)? };
        let mut raw = vec![0; usize::try_from(length).unwrap_or(0)];
        self.bytes.read_at(start, &mut raw)?;
        // The size is at most 8.
        let size = usize::try_from(size).unwrap_or(8);
        Ok(raw.chunks_exact(size).map(|field| self.fold(field)).collect())
    }
}
