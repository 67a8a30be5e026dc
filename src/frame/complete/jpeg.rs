//! JPEG: the segments before the first scan, and the end-of-image mark behind the last one.

use crate::frame::complete::bytes::Bytes;
use crate::frame::{FrameErrorKind, ImageInfo};

/// How many bytes behind the end mark are looked over before the scans are walked: cameras pad with zeros.
const TAIL: u64 = 64;

pub(super) fn examine(bytes: &impl Bytes) -> Result<ImageInfo, FrameErrorKind> {
    let mut frame = None;
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
                });
            }
            0xda => break offset,
            _ => {}
        }
    };
    let info = frame.ok_or_else(|| FrameErrorKind::Decode("no frame header before its first scan".into()))?;
    if !ends_near(bytes, scan)? {
        find_end(bytes, scan)?;
    }
    Ok(info)
}

/// The mark at `offset`, and where what follows it begins. Fill bytes and strays before it are passed over, as decoders do.
fn next_marker(bytes: &impl Bytes, mut offset: u64) -> Result<(u8, u64), FrameErrorKind> {
    let mut before = 0;
    loop {
        let [byte] = bytes.array(offset)?;
        offset += 1;
        if before == 0xff && !matches!(byte, 0 | 0xff) {
            return Ok((byte, offset));
        }
        before = byte;
    }
}

/// Whether the end mark is among the last bytes.
fn ends_near(bytes: &impl Bytes, scan: u64) -> Result<bool, FrameErrorKind> {
    let start = bytes.len().saturating_sub(TAIL).max(scan);
    let mut tail = vec![0; usize::try_from(bytes.len().saturating_sub(start)).unwrap_or(0)];
    bytes.read_at(start, &mut tail)?;
    Ok(tail.windows(2).any(|pair| pair == [0xff, 0xd9]))
}

/// Walks the scans: within coded data ff is always followed by 00 or by a mark, so an ff d9 there is the end. Whatever
/// follows it (previews, depth maps, a maker's trailer) does not count.
fn find_end(bytes: &impl Bytes, scan: u64) -> Result<(), FrameErrorKind> {
    let mut block = vec![0; 64 << 10];
    let mut offset = scan;
    let mut before = 0;
    while offset < bytes.len() {
        let count = usize::try_from(bytes.len() - offset).unwrap_or(usize::MAX).min(block.len());
        let (part, _) = block.split_at_mut(count);
        bytes.read_at(offset, part)?;
        for byte in part {
            if before == 0xff && *byte == 0xd9 {
                return Ok(());
            }
            before = *byte;
        }
        offset += count as u64;
    }
    Err(FrameErrorKind::Torn("no end mark (ff d9) behind its last scan".into()))
}
