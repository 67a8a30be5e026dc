//! PNG: the header, what stands before the pixels, and `IEND`.

use crate::frame::complete::bytes::Bytes;
use crate::frame::orientation::EXIF_BYTES;
use crate::frame::{FrameErrorKind, ImageInfo, Orientation, PixelAspect};

/// The last chunk, always the same twelve bytes: no data, its name, its CRC.
pub(super) const IEND: [u8; 12] = *b"\0\0\0\0IEND\xae\x42\x60\x82";

/// What a chunk has beside its data: a length, its name, its CRC.
const EMPTY_CHUNK: u64 = 12;

/// Where the first chunk begins.
const FIRST_CHUNK: u64 = 8;

pub(super) fn examine(bytes: &dyn Bytes) -> Result<ImageInfo, FrameErrorKind> {
    let header: [u8; 18] = bytes.array(FIRST_CHUNK)?;
    let [0, 0, 0, 13, b'I', b'H', b'D', b'R', w0, w1, w2, w3, h0, h1, h2, h3, depth, kind] = header else {
        return Err(FrameErrorKind::Decode("no IHDR chunk at its start".into()));
    };
    let (width, height) = (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
    // Colour types 4 and 6 have an alpha channel; the others may name transparent colours in tRNS.
    let mut alpha = matches!(kind, 4 | 6);
    let (mut orientation, mut aspect) = (Orientation::UPRIGHT, PixelAspect::SQUARE);

    let mut chunk = FIRST_CHUNK;
    loop {
        let (name, next) = chunk_at(bytes, chunk)?;
        match &name {
            b"tRNS" => alpha = true,
            b"acTL" if u32::from_be_bytes(bytes.array(chunk + 8)?) > 1 => return Err(FrameErrorKind::Animated),
            b"eXIf" => {
                let length = usize::try_from(next - chunk - EMPTY_CHUNK).unwrap_or(EXIF_BYTES);
                let mut exif = vec![0; length.min(EXIF_BYTES)];
                bytes.read_at(chunk + 8, &mut exif)?;
                orientation = Orientation::of_exif(&exif);
            }
            b"pHYs" => aspect = aspect_in(bytes.array(chunk + 4)?),
            b"IDAT" => break,
            b"IEND" => return Err(FrameErrorKind::Decode("no pixels before IEND".into())),
            _ => {}
        }
        chunk = next;
    }
    if bytes.array(bytes.len().saturating_sub(IEND.len() as u64))? != IEND {
        find_end(bytes, chunk)?;
    }
    let stored =
        ImageInfo { width, height, deep: depth == 16, linear: false, alpha, orientation: Orientation::UPRIGHT, aspect };
    Ok(stored.turned(orientation))
}

/// What a `pHYs` chunk says, from its name to its checksum. Without a unit it is the shape of pixels, as FFmpeg writes and reads it:
/// the width first. One with a wrong checksum says nothing.
fn aspect_in(chunk: [u8; 17]) -> PixelAspect {
    let [_, _, _, _, x0, x1, x2, x3, y0, y1, y2, y3, unit, checksum @ ..] = chunk;
    if unit != 0 || crc32fast::hash(&chunk[..13]) != u32::from_be_bytes(checksum) {
        return PixelAspect::SQUARE;
    }
    let number = |raw| u64::from(u32::from_be_bytes(raw));
    PixelAspect::of_pair(number([x0, x1, x2, x3]), number([y0, y1, y2, y3]))
}

/// Walks the chunks from `chunk` on to the end mark: some writers leave bytes after it.
fn find_end(bytes: &dyn Bytes, mut chunk: u64) -> Result<(), FrameErrorKind> {
    loop {
        let (name, next) = chunk_at(bytes, chunk).map_err(|kind| match kind {
            FrameErrorKind::Torn(_) => FrameErrorKind::Torn("no IEND chunk at its end".into()),
            kind => kind,
        })?;
        if name == *b"IEND" && next <= bytes.len() {
            return Ok(());
        }
        chunk = next;
    }
}

/// The name of the chunk that begins at `offset`, and where the next one begins.
fn chunk_at(bytes: &dyn Bytes, offset: u64) -> Result<([u8; 4], u64), FrameErrorKind> {
    let [l0, l1, l2, l3, name @ ..]: [u8; 8] = bytes.array(offset)?;
    let length = u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
    Ok((name, offset + EMPTY_CHUNK + length))
}
