//! TIFF: every strip or tile of the first picture is within the file.

use image::codecs::tiff::TiffDecoder;

use crate::frame::complete::bytes::Bytes;
use crate::frame::complete::plain::info_of;
use crate::frame::{FrameErrorKind, ImageInfo, limits};

/// Tags of TIFF 6.0.
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTE_COUNTS: u16 = 279;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;

pub(super) fn examine(bytes: &dyn Bytes) -> Result<ImageInfo, FrameErrorKind> {
    let little = bytes.array(0)? == *b"II";
    let reader = Reader { bytes, little };
    let directory = u64::from(reader.u32_at(4)?);
    let count = reader.u16_at(directory)?;

    // The tables are read after the directory, each once: a directory may name a thousand of them.
    let (mut offsets, mut lengths) = (None, None);
    let (mut width, mut height) = (None, None);
    for index in 0..u64::from(count) {
        let entry = directory + 2 + 12 * index;
        match reader.u16_at(entry)? {
            STRIP_OFFSETS | TILE_OFFSETS => offsets = Some(entry),
            STRIP_BYTE_COUNTS | TILE_BYTE_COUNTS => lengths = Some(entry),
            WIDTH => width = reader.values(entry)?.first().copied(),
            HEIGHT => height = reader.values(entry)?.first().copied(),
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
    let end = offsets.iter().zip(&lengths).map(|(offset, length)| offset + length).max().unwrap_or(0);
    if end > bytes.len() {
        return Err(FrameErrorKind::Torn(format!("{} of {end} bytes are there", bytes.len())));
    }
    Ok(info_of(&TiffDecoder::new(bytes.reader())?))
}

struct Reader<'a> {
    bytes: &'a dyn Bytes,
    little: bool,
}

impl Reader<'_> {
    fn u16_at(&self, offset: u64) -> Result<u16, FrameErrorKind> {
        let raw = self.bytes.array(offset)?;
        Ok(if self.little { u16::from_le_bytes(raw) } else { u16::from_be_bytes(raw) })
    }

    fn u32_at(&self, offset: u64) -> Result<u32, FrameErrorKind> {
        let raw = self.bytes.array(offset)?;
        Ok(if self.little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) })
    }

    /// The numbers of a directory entry, which stand in the entry itself where four bytes are enough.
    fn values(&self, entry: u64) -> Result<Vec<u64>, FrameErrorKind> {
        let kind = self.u16_at(entry + 2)?;
        let count = u64::from(self.u32_at(entry + 4)?);
        let size: u64 = match kind {
            3 => 2,
            4 => 4,
            _ => return Err(FrameErrorKind::Decode(format!("a strip table of type {kind}"))),
        };
        limits::current().check_entries("strips or tiles", count)?;
        let start = if count * size <= 4 { entry + 8 } else { u64::from(self.u32_at(entry + 8)?) };
        let mut raw = vec![0; usize::try_from(count * size).unwrap_or(0)];
        self.bytes.read_at(start, &mut raw)?;
        let number = |field: &[u8]| {
            let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
            if self.little { field.iter().rev().fold(0, fold) } else { field.iter().fold(0, fold) }
        };
        Ok(raw.chunks_exact(if kind == 3 { 2 } else { 4 }).map(number).collect())
    }
}
