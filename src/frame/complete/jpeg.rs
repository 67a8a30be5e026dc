//! JPEG: the segments before the first scan, and the end-of-image mark after the last one.

use std::io;

use bstr::ByteSlice as _;

use crate::frame::complete::bytes::Bytes;
use crate::frame::orientation::EXIF_BYTES;
use crate::frame::{FrameErrorKind, ImageInfo, Orientation, PixelAspect};

/// How many bytes after the end mark are looked over before the scans are walked: cameras pad with zeros.
const TAIL: u64 = 64;

pub(super) fn examine(bytes: &dyn Bytes) -> Result<ImageInfo, FrameErrorKind> {
    let mut frame = None;
    let mut orientation = None;
    let mut aspect = PixelAspect::SQUARE;
    let mut offset = 2;
    let scan = loop {
        let (marker, segment) = next_marker(bytes, offset)?;
        // Marks without a length: restarts and TEM, and a second start of image, which some cameras write.
        if matches!(marker, 0x01 | 0xd0..=0xd8) {
            offset = segment;
            continue;
        }
        if marker == 0xd9 {
            return Err(FrameErrorKind::Decode("no pixels before its end mark".into()));
        }
        let length = u64::from(u16::from_be_bytes(bytes.array(segment)?));
        if length < 2 {
            return Err(FrameErrorKind::Decode("a segment shorter than its own length".into()));
        }
        offset = segment + length;
        match marker {
            // Start of frame; c4, c8 and cc are other segments among their numbers.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let [precision, h0, h1, w0, w1]: [u8; 5] = bytes.array(segment + 2)?;
                frame = Some(ImageInfo {
                    width: u32::from(u16::from_be_bytes([w0, w1])),
                    height: u32::from(u16::from_be_bytes([h0, h1])),
                    deep: precision > 8,
                    linear: false,
                    alpha: false,
                    orientation: Orientation::UPRIGHT,
                    aspect: PixelAspect::SQUARE,
                });
            }
            0xda => break offset,
            0xe0 if length >= 14 => aspect = aspect_in(bytes.array(segment + 2)?).unwrap_or(aspect),
            // The first one counts: some programs append their own, and leave the camera's as it was.
            0xe1 if orientation.is_none() => orientation = orientation_in(bytes, segment + 2, length - 2)?,
            _ => {}
        }
    };
    let info: ImageInfo =
        frame.ok_or_else(|| FrameErrorKind::Decode("no frame header before its first scan".into()))?;
    if !ends_near(bytes, scan)? {
        find_end(bytes, scan)?;
    }
    Ok(ImageInfo { aspect, ..info }.turned(orientation.unwrap_or(Orientation::UPRIGHT)))
}

/// What JFIF says of the shape of pixels, if it gives no unit of length: the width first, as FFmpeg writes and reads it.
fn aspect_in(segment: [u8; 12]) -> Option<PixelAspect> {
    let [b'J', b'F', b'I', b'F', 0, _, _, 0, x0, x1, y0, y1] = segment else { return None };
    let number = |raw| u64::from(u16::from_be_bytes(raw));
    Some(PixelAspect::of_pair(number([x0, x1]), number([y0, y1])))
}

/// What the segment with these contents says, if it is EXIF.
fn orientation_in(bytes: &dyn Bytes, start: u64, length: u64) -> Result<Option<Orientation>, FrameErrorKind> {
    const MARK: &[u8] = b"Exif\0\0";
    let mut exif = vec![0; usize::try_from(length).unwrap_or(EXIF_BYTES).min(MARK.len())];
    bytes.read_at(start, &mut exif)?;
    if exif != MARK {
        return Ok(None);
    }
    let rest = length - MARK.len() as u64;
    exif.resize(usize::try_from(rest).unwrap_or(EXIF_BYTES).min(EXIF_BYTES), 0);
    bytes.read_at(start + MARK.len() as u64, &mut exif)?;
    Ok(Some(Orientation::of_exif(&exif)))
}

/// Bytes that are read at once where marks are looked for: at first, and at most.
const FIRST_PART: usize = 512;
const LARGEST_PART: usize = 64 << 10;

/// The mark at `offset`, and where what follows it begins. Fill bytes and strays before it are passed over, as decoders do.
fn next_marker(bytes: &dyn Bytes, offset: u64) -> Result<(u8, u64), FrameErrorKind> {
    let is_mark = |byte| !matches!(byte, 0 | 0xff);
    // Most follow each other directly.
    let [first, second]: [u8; 2] = bytes.array(offset)?;
    if first == 0xff && is_mark(second) {
        return Ok((second, offset + 2));
    }
    find_mark(bytes, offset, is_mark)?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof).into())
}

/// The first mark from `offset` on that is `wanted`, and where what follows it begins.
fn find_mark(
    bytes: &dyn Bytes,
    mut offset: u64,
    wanted: impl Fn(u8) -> bool,
) -> Result<Option<(u8, u64)>, FrameErrorKind> {
    let mut block = vec![0; FIRST_PART];
    // Whether the byte before is the first half of a mark.
    let mut begun = false;
    while offset < bytes.len() {
        let count = usize::try_from(bytes.len() - offset).unwrap_or(usize::MAX).min(block.len());
        let (part, _) = block.split_at_mut(count);
        bytes.read_at(offset, part)?;
        offset += count as u64;
        let mut rest = &*part;
        loop {
            if !begun {
                let Some(place) = rest.find_byte(0xff) else { break };
                rest = &rest[place + 1..];
                begun = true;
            }
            let Some((byte, after)) = rest.split_first() else { break };
            rest = after;
            if wanted(*byte) {
                return Ok(Some((*byte, offset - rest.len() as u64)));
            }
            begun = *byte == 0xff;
        }
        block.resize((block.len() * 4).min(LARGEST_PART), 0);
    }
    Ok(None)
}

/// Whether the end mark is among the last bytes.
fn ends_near(bytes: &dyn Bytes, scan: u64) -> Result<bool, FrameErrorKind> {
    let start = bytes.len().saturating_sub(TAIL).max(scan);
    let mut tail = vec![0; usize::try_from(bytes.len().saturating_sub(start)).unwrap_or(0)];
    bytes.read_at(start, &mut tail)?;
    Ok(tail.windows(2).any(|pair| pair == [0xff, 0xd9]))
}

/// Walks the scans: within coded data ff is always followed by 00 or by a mark, so an ff d9 there is the end. Whatever
/// follows it (previews, depth maps, a maker's trailer) does not count.
fn find_end(bytes: &dyn Bytes, scan: u64) -> Result<(), FrameErrorKind> {
    match find_mark(bytes, scan, |byte| byte == 0xd9)? {
        Some(_) => Ok(()),
        None => Err(FrameErrorKind::Torn("no end mark (ff d9) after its last scan".into())),
    }
}
