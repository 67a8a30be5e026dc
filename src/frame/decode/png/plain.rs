//! The kinds of PNG that renderers write: 8 or 16 bits, no palette, not interlaced.
//!
//! Inflating is nearly all of the work, and `libdeflate` does it in two thirds of the time because it has the whole
//! stream and the whole picture in memory. Every checksum is compared. This module never says what is wrong with a file:
//! where it has a doubt it gives up, and the `png` crate judges.
//!
//! <https://www.w3.org/TR/png-3/>

use std::mem;
use std::ops::Range;

use libdeflater::Decompressor;
use png::{BitDepth, ColorType};

use super::unfilter::unfilter;
use crate::frame::complete::PNG_END;
use crate::frame::limits;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// How long a checksum is.
const SUM: usize = 4;

/// What `IHDR` says, of a picture that is decoded here.
#[derive(Debug, Clone, Copy)]
struct Header {
    width: usize,
    height: usize,
    color: ColorType,
    depth: BitDepth,
}

/// The values as the file has them, row by row, in `spare`'s memory; `None` where the file is unusual or damaged.
///
/// The pieces of the stream are moved together where they lie: a second buffer for them would be as large as the file.
/// After `None`, `bytes` is still a PNG, and the `png` crate is no less strict with it than with the file.
pub(super) fn decode(bytes: &mut [u8], spare: &mut Vec<u8>) -> Option<(ColorType, BitDepth, Vec<u8>)> {
    let (header, pieces) = read(bytes)?;
    let pixel = header.color.samples() * if header.depth == BitDepth::Sixteen { 2 } else { 1 };
    let row = header.width.checked_mul(pixel)?;
    // Each row has its filter in front.
    let size = header.height.checked_mul(row.checked_add(1)?)?;
    if row == 0 || size == 0 || size as u64 > limits::current().pixel_bytes() {
        return None;
    }
    let stream = join(bytes, &pieces)?;
    let mut rows = mem::take(spare);
    rows.resize(size, 0);
    let inflated = Decompressor::new().zlib_decompress(&bytes[stream.clone()], &mut rows);
    if inflated != Ok(size) || !unfilter(&mut rows, row, pixel) {
        *spare = rows;
        close(bytes, &stream);
        return None;
    }
    Some((header.color, header.depth, rows))
}

/// Reads all chunks up to the end mark, each with its checksum. Gives the places of the pieces of the zlib stream.
fn read(bytes: &[u8]) -> Option<(Header, Vec<Range<usize>>)> {
    let rest = bytes.strip_prefix(&SIGNATURE)?;
    let (name, data, mut rest) = chunk(rest)?;
    let header = if name == *b"IHDR" { header(data)? } else { return None };
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut before = name;
    loop {
        let (name, data, next) = chunk(rest)?;
        match &name {
            // A stream in pieces is a stream only where nothing stands between them.
            b"IDAT" if pieces.is_empty() || before == *b"IDAT" => {
                let end = bytes.len() - next.len() - SUM;
                pieces.push(end - data.len()..end);
            }
            b"IEND" if data.is_empty() && !pieces.is_empty() => return Some((header, pieces)),
            // They change what the pixels are.
            b"tRNS" | b"acTL" | b"fcTL" | b"fdAT" => return None,
            // A small first letter: of no importance to the pixels.
            [first, ..] if first.is_ascii_lowercase() => {}
            _ => return None,
        }
        (before, rest) = (name, next);
    }
}

/// Moves the pieces together, to where the first one begins; `None`, with nothing moved, where one chunk cannot be so
/// long.
fn join(bytes: &mut [u8], pieces: &[Range<usize>]) -> Option<Range<usize>> {
    let length: usize = pieces.iter().map(Range::len).sum();
    i32::try_from(length).ok()?;
    let start = pieces.first()?.start;
    let mut end = start;
    for piece in pieces {
        bytes.copy_within(piece.clone(), end);
        end += piece.len();
    }
    Some(start..end)
}

/// Makes the joined stream one chunk, and the last before the end mark. What stood behind it was checked, and is of no
/// importance to the pixels.
fn close(bytes: &mut [u8], stream: &Range<usize>) {
    let (front, rest) = bytes.split_at_mut(stream.end);
    // Its length and its name stand in front of it, and `join` has made sure that the length fits.
    let name = stream.start - 4;
    front[name - 4..name].copy_from_slice(&u32::try_from(stream.len()).unwrap_or(0).to_be_bytes());
    let (sum, end) = rest.split_at_mut(SUM);
    sum.copy_from_slice(&crc32fast::hash(&front[name..]).to_be_bytes());
    // There is room for it: the old end mark is as long, and stands as far to the right or further.
    end[..PNG_END.len()].copy_from_slice(&PNG_END);
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
