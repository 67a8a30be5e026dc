//! EXIF: a small TIFF, of which four tags are of use.

use super::{Collect, is_generated};

const IMAGE_DESCRIPTION: u16 = 0x010e;
const MAKE: u16 = 0x010f;
const MODEL: u16 = 0x0110;
const EXIF_DIRECTORY: u16 = 0x8769;
const USER_COMMENT: u16 = 0x9286;

/// The most entries of a directory that are looked at.
const MAX_ENTRIES: u16 = 500;

/// Reads the first directory and the EXIF directory that it names.
pub(super) fn read(data: &[u8], found: &mut dyn Collect) {
    let little = match data.get(..4) {
        Some(b"II*\0") => true,
        Some(b"MM\0*") => false,
        _ => return,
    };
    let tiff = Tiff { data, little };
    let Some(first) = tiff.long(4) else { return };
    if let Some(exif) = tiff.directory(first, found) {
        tiff.directory(exif, found);
    }
}

struct Tiff<'d> {
    data: &'d [u8],
    little: bool,
}

impl<'d> Tiff<'d> {
    fn short(&self, at: usize) -> Option<u16> {
        let raw = *self.data.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(raw) } else { u16::from_be_bytes(raw) })
    }

    fn long(&self, at: usize) -> Option<usize> {
        let raw = *self.data.get(at..)?.first_chunk()?;
        let value = if self.little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) };
        usize::try_from(value).ok()
    }

    /// Reads the directory at `offset`, and says where the EXIF directory is if it names one.
    fn directory(&self, offset: usize, found: &mut dyn Collect) -> Option<usize> {
        let mut exif = None;
        for index in 0..self.short(offset)?.min(MAX_ENTRIES) {
            let entry = offset.checked_add(2 + 12 * usize::from(index))?;
            let Some(tag) = self.short(entry) else { break };
            match tag {
                EXIF_DIRECTORY => exif = self.long(entry + 8),
                USER_COMMENT => {
                    let text = comment(self.value(entry)?);
                    if is_generated(&text) {
                        found.put(b"parameters", text, false);
                    }
                }
                IMAGE_DESCRIPTION | MAKE | MODEL => {
                    let text = self.value(entry)?;
                    let text = text.strip_suffix(b"\0").unwrap_or(text);
                    // Some savers write `Prompt:`.
                    for key in [&b"prompt"[..], b"workflow"] {
                        if let Some((name, [b':', value @ ..])) = text.split_at_checked(key.len())
                            && name.eq_ignore_ascii_case(key)
                        {
                            found.put(key, value.to_vec(), false);
                        }
                    }
                }
                _ => {}
            }
        }
        exif
    }

    /// The bytes of a value: in the entry itself, if they are few.
    fn value(&self, entry: usize) -> Option<&'d [u8]> {
        let count = self.long(entry + 4)?;
        let start = if count <= 4 { entry + 8 } else { self.long(entry + 8)? };
        let rest = self.data.get(start..)?;
        Some(&rest[..count.min(rest.len())])
    }
}

/// A comment begins with eight bytes that name its character set. UTF-16 comes in either order of bytes, whatever the
/// directory's own is: the byte that is zero tells for the languages of prompts.
fn comment(value: &[u8]) -> Vec<u8> {
    let Some((set, text)) = value.split_first_chunk::<8>() else { return Vec::new() };
    if set != b"UNICODE\0" {
        return if set == b"ASCII\0\0\0" || set == &[0; 8] { text.to_vec() } else { value.to_vec() };
    }
    let pairs = text.as_chunks::<2>().0;
    let big = pairs.iter().filter(|pair| pair[0] == 0).count() >= pairs.iter().filter(|pair| pair[1] == 0).count();
    let units = pairs.iter().map(|pair| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into_bytes()
}
