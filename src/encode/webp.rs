//! The frames of an animated WebP file: how long each is shown, and that none shines through the next; and what the file
//! says of itself.
//!
//! <https://developers.google.com/speed/webp/docs/riff_container>

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::tags::Tags;

/// The flag of a frame that replaces what was shown before, instead of being blended over it.
const DO_NOT_BLEND: u8 = 0b10;

/// One `ANMF` chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Anmf {
    /// How long it is shown, in milliseconds.
    pub(super) delay: u32,
    /// Where its flags are in the file, in bytes.
    flags_at: u64,
    flags: u8,
}

/// The frames of a file. One that ends early has fewer; a still picture has none.
pub(super) fn frames(file: &mut (impl Read + Seek)) -> io::Result<Vec<Anmf>> {
    let mut frames = Vec::new();
    let mut riff = [0; 12];
    if file.read_exact(&mut riff).is_err() || riff[..4] != *b"RIFF" || riff[8..] != *b"WEBP" {
        return Ok(frames);
    }
    let mut head = [0; 8];
    while file.read_exact(&mut head).is_ok() {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let mut rest = i64::from(length) + i64::from(length % 2);
        if head[..4] == *b"ANMF" {
            // X, Y, width, height and delay, three bytes each, and flags.
            let mut frame = [0; 16];
            if file.read_exact(&mut frame).is_err() {
                break;
            }
            let delay = u32::from_le_bytes([frame[12], frame[13], frame[14], 0]);
            frames.push(Anmf { delay, flags_at: file.stream_position()? - 1, flags: frame[15] });
            rest -= 16;
        }
        file.seek(SeekFrom::Current(rest.max(0)))?;
    }
    Ok(frames)
}

/// Makes every frame replace the one before. FFmpeg's muxer has them blended, so that what moves leaves a trail.
pub(super) fn forbid_blending(file: &mut (impl Read + Write + Seek)) -> io::Result<()> {
    for frame in frames(file)? {
        file.seek(SeekFrom::Start(frame.flags_at))?;
        file.write_all(&[frame.flags | DO_NOT_BLEND])?;
    }
    file.flush()
}

/// The flag of a file with an EXIF chunk, and that of one with transparency.
const HAS_EXIF: u8 = 0x08;
const HAS_ALPHA: u8 = 0x10;

/// Appends `tags` to a file of this size as EXIF, as ComfyUI's own saver of animated WebP has them, and its page reads them:
/// `prompt:{...}` in the place for a camera's model, and the others under the numbers below it, the workflow first.
pub(super) fn embed(file: &mut (impl Read + Write + Seek), size: (u32, u32), tags: &Tags) -> io::Result<()> {
    if tags.iter().next().is_none() {
        return Ok(());
    }
    file.rewind()?;
    let mut start = [0; 21];
    file.read_exact(&mut start)?;
    if start[12..16] == *b"VP8X" {
        file.seek(SeekFrom::Start(20))?;
        file.write_all(&[start[20] | HAS_EXIF])?;
    } else {
        extend(file, size)?;
    }
    let mut end = file.seek(SeekFrom::End(0))?;
    if end % 2 == 1 {
        file.write_all(&[0])?;
        end += 1;
    }
    let exif = exif(tags);
    let length = |bytes: u64| u32::try_from(bytes).map(u32::to_le_bytes).map_err(|_| io::ErrorKind::FileTooLarge);
    file.write_all(b"EXIF")?;
    file.write_all(&length(exif.len() as u64)?)?;
    file.write_all(&exif)?;
    file.seek(SeekFrom::Start(4))?;
    file.write_all(&length(end + exif.len() as u64)?)?;
    file.flush()
}

/// Puts the header in front that a file needs in order to have more than one still picture.
fn extend(file: &mut (impl Read + Write + Seek), (width, height): (u32, u32)) -> io::Result<()> {
    let mut picture = Vec::new();
    file.seek(SeekFrom::Start(12))?;
    file.read_to_end(&mut picture)?;
    // A lossless picture says in the bit after its two sizes of 14 bits, which come after a mark, whether it is transparent.
    let alpha = picture.starts_with(b"VP8L") && picture.get(12).is_some_and(|byte| byte & 0x10 != 0);
    file.seek(SeekFrom::Start(12))?;
    file.write_all(b"VP8X\x0a\0\0\0")?;
    file.write_all(&[HAS_EXIF | if alpha { HAS_ALPHA } else { 0 }, 0, 0, 0])?;
    for side in [width, height] {
        file.write_all(&side.saturating_sub(1).to_le_bytes()[..3])?;
    }
    file.write_all(&picture)
}

/// A TIFF of one directory, with an even number of bytes: ComfyUI's page takes no account of the byte that pads others.
fn exif(tags: &Tags) -> Vec<u8> {
    const PROMPT: u16 = 0x0110;
    let (prompt, others): (Vec<_>, Vec<_>) = tags.iter().partition(|(key, _)| *key == "prompt");
    let (workflow, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|(key, _)| *key == "workflow");
    let below = workflow.into_iter().chain(others).zip((1..PROMPT).rev());
    let mut entries: Vec<((&str, &str), u16)> = below.chain(prompt.into_iter().map(|tag| (tag, PROMPT))).collect();
    // In the order of their numbers.
    entries.sort_by_key(|(_, number)| *number);
    let count = u16::try_from(entries.len()).unwrap_or(PROMPT);
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend(count.to_le_bytes());
    let mut values = Vec::new();
    let start = 8 + 2 + 12 * usize::from(count) + 4;
    let long = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    for ((key, text), number) in entries {
        let mut value = format!("{key}:{text}\0").into_bytes();
        out.extend(number.to_le_bytes());
        // Text.
        out.extend(2_u16.to_le_bytes());
        out.extend(long(value.len()));
        if value.len() <= 4 {
            value.resize(4, 0);
            out.extend(value);
        } else {
            out.extend(long(start + values.len()));
            values.extend(value);
        }
    }
    // No other directory.
    out.extend([0; 4]);
    out.extend(values);
    if out.len() % 2 == 1 {
        out.push(0);
    }
    out
}

/// The texts that [`embed`] wrote, by key. Of a file with none, or with EXIF of another form, nothing.
pub(super) fn texts(file: &mut (impl Read + Seek)) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    file.seek(SeekFrom::Start(12))?;
    let mut head = [0; 8];
    while file.read_exact(&mut head).is_ok() {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if head[..4] == *b"EXIF" {
            let mut exif = Vec::new();
            Read::by_ref(file).take(length.into()).read_to_end(&mut exif)?;
            return Ok(texts_in(&exif).unwrap_or_default());
        }
        file.seek(SeekFrom::Current(i64::from(length) + i64::from(length % 2)))?;
    }
    Ok(Vec::new())
}

/// Those of a TIFF as [`exif`] makes it.
fn texts_in(exif: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let entries = exif.strip_prefix(b"II*\0\x08\0\0\0")?;
    let count = u16::from_le_bytes(*entries.first_chunk()?);
    let text = |entry: &[u8]| {
        let long = |at: usize| usize::try_from(u32::from_le_bytes(*entry.get(at..)?.first_chunk()?)).ok();
        let length = long(4)?;
        let value = if length <= 4 { entry.get(8..)? } else { exif.get(long(8)?..)? };
        let value = value.get(..length)?.strip_suffix(b"\0")?;
        let colon = value.iter().position(|byte| *byte == b':')?;
        Some((value[..colon].to_vec(), value[colon + 1..].to_vec()))
    };
    entries.get(2..)?.chunks(12).take(count.into()).map(text).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::encode::tags::Pairs;
    use crate::encode::tags::tests::tags;

    #[test]
    fn a_still_picture_gets_the_header_that_it_needs() {
        let exif = Tags::try_from((vec![("prompt".to_owned(), "{}".to_owned())], None)).unwrap();
        for (picture, alpha) in [(&b"VP8 \x02\0\0\0ab"[..], 0), (b"VP8L\x06\0\0\0\x2f\0\0\0\x10a", HAS_ALPHA)] {
            let mut file = Cursor::new([&b"RIFF\0\0\0\0WEBP"[..], picture, &[0; 4]].concat());
            embed(&mut file, (320, 180), &exif).unwrap();
            let file = file.into_inner();
            assert_eq!(file[12..20], *b"VP8X\x0a\0\0\0");
            assert_eq!(file[20], HAS_EXIF | alpha);
            assert_eq!(file[24..30], [63, 1, 0, 179, 0, 0]);
            assert!(file[30..].starts_with(picture));
        }
    }

    pub(in crate::encode) fn file(delays: &[u32]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        for delay in delays {
            let mut frame = vec![0; 12];
            frame.extend(&delay.to_le_bytes()[..3]);
            // A flag byte, and one byte of picture, which is padded.
            frame.extend([0, 7]);
            file.extend(b"ANMF");
            file.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
            file.extend(frame);
            file.push(0);
        }
        file
    }

    proptest! {
        #[test]
        fn delays_are_read_and_flags_written(expected in prop::collection::vec(0_u32..1 << 24, 0..20)) {
            let mut file = Cursor::new(file(&expected));
            let before = frames(&mut file).unwrap();
            prop_assert_eq!(before.iter().map(|frame| frame.delay).collect::<Vec<_>>(), expected);
            file.set_position(0);
            forbid_blending(&mut file).unwrap();
            file.set_position(0);
            let after = frames(&mut file).unwrap();
            let wanted: Vec<Anmf> = before.iter().map(|frame| Anmf { flags: DO_NOT_BLEND, ..*frame }).collect();
            prop_assert_eq!(after, wanted);
        }

        #[test]
        fn tags_are_read_back_and_frames_stay(
            delays in prop::collection::vec(0_u32..1 << 24, 0..20), tags in tags(), odd: bool
        ) {
            let mut bytes = file(&delays);
            if odd {
                bytes.extend(b"ODDS\x01\0\0\0x");
            }
            let mut file = Cursor::new(bytes);
            let before = frames(&mut file).unwrap();
            embed(&mut file, (320, 180), &tags).unwrap();
            let bytes = file.into_inner();
            if tags.iter().next().is_some() {
                prop_assert_eq!(u32::from_le_bytes(*bytes[4..].first_chunk().unwrap()) as usize, bytes.len() - 8);
                prop_assert_eq!(bytes[20] & HAS_EXIF, HAS_EXIF);
            }
            let (mut expected, _) = Pairs::from(tags.clone());
            let text = |text: Vec<u8>| String::from_utf8(text).unwrap();
            let found = texts(&mut Cursor::new(&bytes)).unwrap();
            let mut found: Vec<_> = found.into_iter().map(|(key, value)| (text(key), text(value))).collect();
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected);
            let mut file = Cursor::new(bytes);
            file.set_position(0);
            prop_assert_eq!(frames(&mut file).unwrap(), before);
        }

        #[test]
        fn no_bytes_trouble_it(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            frames(&mut Cursor::new(&bytes)).unwrap();
            texts_in(&bytes);
            bytes.splice(0..0, *b"RIFF\0\0\0\0WEBP");
            frames(&mut Cursor::new(&bytes)).unwrap();
            texts(&mut Cursor::new(&bytes)).unwrap();
        }
    }
}
