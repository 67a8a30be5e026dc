//! JPEG: EXIF, and the comments in which Blender keeps its stamps.

use std::io;

use super::{Collect, exif};
use crate::frame::complete::Bytes;

/// More segments than any writer puts before the pixels.
const MAX_SEGMENTS: usize = 1000;

/// Reads the segments before the first scan.
pub(super) fn read(bytes: &dyn Bytes, found: &mut dyn Collect) -> io::Result<()> {
    let mut offset = 2;
    for _ in 0..MAX_SEGMENTS {
        let [mark, marker, l0, l1]: [u8; 4] = bytes.array(offset)?;
        let length = u16::from_be_bytes([l0, l1]);
        if mark != 0xff || matches!(marker, 0xda | 0xd9) || length < 2 {
            break;
        }
        if matches!(marker, 0xe1 | 0xfe) {
            let size = usize::from(length - 2);
            if found.spend(size) < size {
                break;
            }
            let mut segment = vec![0; size];
            bytes.read_at(offset + 4, &mut segment)?;
            if marker == 0xfe {
                comment(&segment, found);
            } else if let Some(data) = segment.strip_prefix(b"Exif\0\0") {
                exif::read(data, found);
            }
        }
        offset += 2 + u64::from(length);
    }
    Ok(())
}

/// `Blender:Frame:0012`; older versions end it with a zero.
fn comment(text: &[u8], found: &mut dyn Collect) {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    let Some(stamp) = text.strip_prefix(b"Blender:") else {
        return found.put(b"Comment", text.to_vec(), false);
    };
    if let Some(colon) = stamp.iter().position(|byte| *byte == b':') {
        let (key, value) = (&stamp[..colon], &stamp[colon + 1..]);
        found.put(key, value.to_vec(), false);
    }
}
