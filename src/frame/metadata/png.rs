//! PNG: text chunks, plain or compressed.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};

use super::Collect;
use crate::frame::complete::Bytes;

/// More chunks than any writer puts before the pixels.
const MAX_CHUNKS: usize = 1000;

/// The longest keyword, and the zero after it.
const KEYWORD: usize = 80;

/// Reads the chunks before the pixels.
pub(super) fn read(bytes: &dyn Bytes, found: &mut dyn Collect) -> io::Result<()> {
    let mut chunk = 8;
    for _ in 0..MAX_CHUNKS {
        let [l0, l1, l2, l3, name @ ..]: [u8; 8] = bytes.array(chunk)?;
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let data = chunk + 8;
        match &name {
            b"tEXt" | b"zTXt" | b"iTXt" => text(bytes, data, length, name, found)?,
            b"IDAT" | b"IEND" => break,
            _ => {}
        }
        chunk = data + u64::from(length) + 4;
    }
    Ok(())
}

fn text(bytes: &dyn Bytes, data: u64, length: u32, kind: [u8; 4], found: &mut dyn Collect) -> io::Result<()> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut head = vec![0; length.min(KEYWORD)];
    bytes.read_at(data, &mut head)?;
    let Some(end) = head.iter().position(|byte| *byte == 0) else { return Ok(()) };
    head.truncate(end);
    let rest = length - end - 1;
    let taken = found.take(&head, rest);
    if taken == 0 {
        return Ok(());
    }
    let mut value = vec![0; taken];
    bytes.read_at(data + end as u64 + 1, &mut value)?;
    if let Some((value, cut)) = plain(kind, value, taken < rest, found) {
        found.put(&head, value, cut);
    }
    Ok(())
}

/// What follows the keyword, as plain text.
fn plain(kind: [u8; 4], mut value: Vec<u8>, cut: bool, found: &mut dyn Collect) -> Option<(Vec<u8>, bool)> {
    let compressed = match &kind {
        b"tEXt" => false,
        // The method, of which there is one.
        b"zTXt" => value.drain(..value.len().min(1)).next() == Some(0),
        // Whether it is compressed; the method; a language and a translation of the keyword, each with a zero after it.
        _ => {
            let compressed = *value.first()? != 0;
            let mut zeros = value.iter().enumerate().skip(2).filter(|(_, byte)| **byte == 0);
            let start = zeros.nth(1)?.0 + 1;
            value.drain(..start);
            compressed
        }
    };
    let most = if compressed { found.spend(found.most()) } else { 0 };
    Some(if compressed { inflate(value, cut, most) } else { (value, cut) })
}

/// Inflates a text of at most `most` bytes. One that is damaged, cut or larger stays as it is: it still can be compared.
fn inflate(compressed: Vec<u8>, cut: bool, most: usize) -> (Vec<u8>, bool) {
    let mut text = vec![0; most];
    let mut stream = Decompress::new(true);
    match stream.decompress(&compressed, &mut text, FlushDecompress::Finish) {
        Ok(Status::StreamEnd) if !cut => {
            // It is not more than there is room for.
            text.truncate(usize::try_from(stream.total_out()).unwrap_or(most));
            (text, false)
        }
        _ => (compressed, true),
    }
}
