//! WebP: the EXIF chunk.

use std::io;

use super::{Collect, exif};
use crate::frame::complete::Bytes;

/// More chunks than a still picture has.
const MAX_CHUNKS: usize = 100;

pub(super) fn read(bytes: &dyn Bytes, found: &mut dyn Collect) -> io::Result<()> {
    let mut chunk = 12;
    for _ in 0..MAX_CHUNKS {
        let [n0, n1, n2, n3, length @ ..]: [u8; 8] = bytes.array(chunk)?;
        let length = u32::from_le_bytes(length);
        if [n0, n1, n2, n3] == *b"EXIF" {
            let read = usize::try_from(length).unwrap_or(usize::MAX).min(found.most());
            let mut data = vec![0; read];
            bytes.read_at(chunk + 8, &mut data)?;
            // Some writers keep the mark that JPEG needs.
            exif::read(data.strip_prefix(b"Exif\0\0").unwrap_or(&data), found);
            return Ok(());
        }
        chunk += 8 + u64::from(length) + u64::from(length % 2);
    }
    Ok(())
}
