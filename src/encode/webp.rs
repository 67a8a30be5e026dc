//! The frames of an animated WebP file: how long each is shown, and that none shines through the next.
//!
//! <https://developers.google.com/speed/webp/docs/riff_container>

use std::io::{self, Read, Seek, SeekFrom, Write};

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

#[cfg(test)]
pub(super) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

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
        fn no_bytes_trouble_it(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            frames(&mut Cursor::new(&bytes)).unwrap();
            bytes.splice(0..0, *b"RIFF\0\0\0\0WEBP");
            frames(&mut Cursor::new(&bytes)).unwrap();
        }
    }
}
