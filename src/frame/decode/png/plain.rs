//! The kinds of PNG that renderers write: 8 or 16 bits, no palette, not interlaced.
//!
//! Inflating is nearly all of the work, and `libdeflate` does it in two thirds of the time because it has the whole
//! stream and the whole picture in memory. Every checksum is compared. This module never says what is wrong with a file:
//! where it has a doubt it gives up, and the `png` crate judges.
//!
//! <https://www.w3.org/TR/png-3/>

use std::borrow::Cow;
use std::mem;

use libdeflater::Decompressor;
use png::{BitDepth, ColorType};

use super::unfilter::unfilter;
use crate::frame::MAX_PIXEL_BYTES;
use crate::frame::decode::Spare;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// What `IHDR` says, of a picture that is decoded here.
#[derive(Debug, Clone, Copy)]
struct Header {
    width: usize,
    height: usize,
    color: ColorType,
    depth: BitDepth,
}

/// The values as the file has them, row by row, in `spare`'s memory; `None` where the file is unusual or damaged.
pub(super) fn decode(bytes: &[u8], spare: &mut Spare) -> Option<(ColorType, BitDepth, Vec<u8>)> {
    let (header, stream) = read(bytes, mem::take(&mut spare.stream))?;
    let pixel = header.color.samples() * if header.depth == BitDepth::Sixteen { 2 } else { 1 };
    let row = header.width.checked_mul(pixel)?;
    // Each row has its filter in front.
    let size = header.height.checked_mul(row.checked_add(1)?)?;
    if row == 0 || size == 0 || size as u64 > MAX_PIXEL_BYTES {
        return None;
    }
    let mut rows = mem::take(&mut spare.pixels);
    rows.resize(size, 0);
    let inflated = Decompressor::new().zlib_decompress(&stream, &mut rows);
    if let Cow::Owned(stream) = stream {
        spare.stream = stream;
    }
    if inflated != Ok(size) || !unfilter(&mut rows, row, pixel) {
        spare.pixels = rows;
        return None;
    }
    Some((header.color, header.depth, rows))
}

/// Reads all chunks up to the end mark, each with its checksum. Gives the zlib stream, in `memory` where it is in pieces.
fn read(bytes: &[u8], mut memory: Vec<u8>) -> Option<(Header, Cow<'_, [u8]>)> {
    let rest = bytes.strip_prefix(&SIGNATURE)?;
    let (name, data, mut rest) = chunk(rest)?;
    let header = if name == *b"IHDR" { header(data)? } else { return None };
    let mut stream: Option<Cow<'_, [u8]>> = None;
    let mut before = name;
    loop {
        let (name, data, next) = chunk(rest)?;
        match (&name, &mut stream) {
            (b"IDAT", None) => stream = Some(Cow::Borrowed(data)),
            // A stream in pieces is a stream only where nothing stands between them.
            (b"IDAT", Some(stream)) if before == *b"IDAT" => {
                if let Cow::Borrowed(first) = *stream {
                    let mut whole = mem::take(&mut memory);
                    whole.clear();
                    // The pieces are never more than the file.
                    whole.reserve(bytes.len());
                    whole.extend_from_slice(first);
                    *stream = Cow::Owned(whole);
                }
                stream.to_mut().extend_from_slice(data);
            }
            (b"IEND", Some(_)) if data.is_empty() => return Some((header, stream?)),
            // They change what the pixels are.
            (b"tRNS" | b"acTL" | b"fcTL" | b"fdAT", _) => return None,
            // A small first letter: of no importance to the pixels.
            ([first, ..], _) if first.is_ascii_lowercase() => {}
            _ => return None,
        }
        (before, rest) = (name, next);
    }
}

/// The name and the data of the first chunk, and what stands behind it. `None` also where its checksum is wrong.
fn chunk(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (body, rest) = rest.split_at_checked(length.checked_add(4)?)?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let (name, data) = body.split_first_chunk::<4>()?;
    (crc32fast::hash(body) == u32::from_be_bytes(*sum)).then_some((*name, data, rest))
}

fn header(data: &[u8]) -> Option<Header> {
    // Behind depth and colour: deflate, the five filters, not interlaced.
    let [w0, w1, w2, w3, h0, h1, h2, h3, depth, color, 0, 0, 0] = <[u8; 13]>::try_from(data).ok()? else {
        return None;
    };
    let side = |bytes| usize::try_from(u32::from_be_bytes(bytes)).ok();
    let depth = BitDepth::from_u8(depth).filter(|depth| matches!(depth, BitDepth::Eight | BitDepth::Sixteen))?;
    let color = ColorType::from_u8(color).filter(|color| *color != ColorType::Indexed)?;
    Some(Header { width: side([w0, w1, w2, w3])?, height: side([h0, h1, h2, h3])?, color, depth })
}
