//! EXR: string attributes of the first header.

use std::io;

use super::Collect;
use crate::frame::complete::Bytes;

/// More attributes than any writer writes.
const MAX_ATTRIBUTES: usize = 1000;

pub(super) fn read(bytes: &dyn Bytes, found: &mut dyn Collect) -> io::Result<()> {
    let mut offset = 8;
    for _ in 0..MAX_ATTRIBUTES {
        let name = text(bytes, &mut offset)?;
        if name.is_empty() {
            break;
        }
        let kind = text(bytes, &mut offset)?;
        let length = u32::from_le_bytes(bytes.array(offset)?);
        let value = offset + 4;
        offset = value + u64::from(length);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let taken = if kind == b"string" { found.take(&name, length) } else { 0 };
        if taken > 0 {
            let mut data = vec![0; taken];
            bytes.read_at(value, &mut data)?;
            found.put(&name, data, taken < length);
        }
    }
    Ok(())
}

/// A name, which ends with a zero and has at most 255 bytes.
fn text(bytes: &dyn Bytes, offset: &mut u64) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    while text.len() <= 255 {
        let [byte] = bytes.array(*offset)?;
        *offset += 1;
        if byte == 0 {
            return Ok(text);
        }
        text.push(byte);
    }
    Err(io::ErrorKind::InvalidData.into())
}
