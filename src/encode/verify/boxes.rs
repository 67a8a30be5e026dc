//! The boxes of an mp4 or mov file (ISO/IEC 14496-12): size and colour of its one video track.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::flawed;
use crate::encode::chunk::ChunkJob;
use crate::encode::error::{EncodeError, Flaw};

/// An index larger than this is not read into memory: it would be for a billion frames.
const MOOV_LIMIT: u64 = 1 << 30;
/// Primaries, transfer curve and matrix of ITU-T H.273: BT.709, sRGB, BT.709.
const BT709: [u16; 3] = [1, 13, 1];

/// Compares what the container says with the recipe.
pub(super) fn check(job: &ChunkJob) -> Result<(), EncodeError> {
    let reel = &job.output;
    let moov = read_moov(reel).map_err(EncodeError::io(reel))?;
    let flaw = |text: String| flawed(reel, Flaw::Container(text));
    let moov = moov.ok_or_else(|| flaw("no index (moov)".to_owned()))?;
    let entry = sample_entry(&moov).ok_or_else(|| flaw("no description of the video (stsd)".to_owned()))?;
    let canvas = &job.recipe.canvas;
    if (u32::from(entry.width), u32::from(entry.height)) != (canvas.width, canvas.height) {
        let (width, height) = (entry.width, entry.height);
        return Err(flaw(format!("{width}x{height} pixels instead of {}x{}", canvas.width, canvas.height)));
    }
    if job.recipe.is_bt709() {
        match entry.colour {
            Some(Colour { codes: BT709, full: false }) => {}
            Some(colour) => return Err(flaw(format!("tagged {colour:?} instead of limited BT.709"))),
            None => return Err(flaw("no colour tags (colr)".to_owned())),
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    width: u16,
    height: u16,
    colour: Option<Colour>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Colour {
    codes: [u16; 3],
    full: bool,
}

/// The contents of the `moov` box. The boxes around it are skipped, not read.
fn read_moov(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let mut header = [0; 16];
    loop {
        if file.read_exact(&mut header[..8]).is_err() {
            return Ok(None);
        }
        let mut length = u64::from(u32::from_be_bytes([header[0], header[1], header[2], header[3]]));
        let mut head = 8;
        if length == 1 {
            if file.read_exact(&mut header[8..]).is_err() {
                return Ok(None);
            }
            length = header[8..].iter().fold(0, |all, &byte| all << 8 | u64::from(byte));
            head = 16;
        }
        // Length 0, to the end of the file, is for the media data of live streams.
        let Some(length) = length.checked_sub(head) else { return Ok(None) };
        if header[4..8] == *b"moov" {
            let mut moov = Vec::new();
            let whole = length <= MOOV_LIMIT && file.take(length).read_to_end(&mut moov)? as u64 == length;
            return Ok(whole.then_some(moov));
        }
        let Ok(skip) = i64::try_from(length) else { return Ok(None) };
        file.seek(SeekFrom::Current(skip))?;
    }
}

/// The first description of the video track.
fn sample_entry(moov: &[u8]) -> Option<Entry> {
    let mut tracks = Boxes(moov).filter(|(kind, _)| kind == b"trak");
    tracks.find_map(|(_, track)| {
        let stbl = [*b"mdia", *b"minf", *b"stbl"].into_iter().try_fold(track, find)?;
        // Version, flags and the number of entries; then the first of them.
        let (_, entry) = Boxes(find(stbl, *b"stsd")?.get(8..)?).next()?;
        // ISO/IEC 14496-12, 12.1.3: a visual sample entry has its size at 24, and boxes from 78 on.
        let number = |at: usize| Some(u16::from_be_bytes([*entry.get(at)?, *entry.get(at + 1)?]));
        let colour = find(entry.get(78..)?, *b"colr").and_then(colour);
        Some(Entry { width: number(24)?, height: number(26)?, colour })
    })
}

/// `nclx` in mp4, with a range; `nclc` in mov, without, where limited is meant.
fn colour(colr: &[u8]) -> Option<Colour> {
    let code = |at: usize| Some(u16::from_be_bytes([*colr.get(at)?, *colr.get(at + 1)?]));
    let codes = [code(4)?, code(6)?, code(8)?];
    match colr.get(..4)? {
        b"nclx" => Some(Colour { codes, full: colr.get(10)? & 0x80 != 0 }),
        b"nclc" => Some(Colour { codes, full: false }),
        _ => None,
    }
}

fn find(parent: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    Boxes(parent).find(|(found, _)| *found == kind).map(|(_, contents)| contents)
}

/// The boxes in a box: kind and contents.
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.0.split_first_chunk::<4>()?;
        let (kind, _) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*head) as usize;
        let contents = self.0.get(8..length)?;
        self.0 = &self.0[length..];
        Some((*kind, contents))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrap(kind: [u8; 4], contents: &[u8]) -> Vec<u8> {
        let length = u32::try_from(contents.len() + 8).unwrap();
        [&length.to_be_bytes(), kind.as_slice(), contents].concat()
    }

    fn moov(colr: &[u8]) -> Vec<u8> {
        let mut entry = vec![0; 78];
        entry[24..28].copy_from_slice(&[7, 128, 4, 56]);
        entry.extend(wrap(*b"avcC", &[1, 2, 3]));
        entry.extend(wrap(*b"colr", colr));
        let stsd = [vec![0, 0, 0, 0, 0, 0, 0, 1], wrap(*b"avc1", &entry)].concat();
        let stbl = wrap(*b"stbl", &wrap(*b"stsd", &stsd));
        let trak = wrap(*b"trak", &wrap(*b"mdia", &[wrap(*b"mdhd", &[0; 24]), wrap(*b"minf", &stbl)].concat()));
        [wrap(*b"mvhd", &[0; 100]), trak].concat()
    }

    #[test]
    fn size_and_colour_are_found() {
        let entry = sample_entry(&moov(b"nclx\0\x01\0\x0d\0\x01\x00")).unwrap();
        let colour = Some(Colour { codes: BT709, full: false });
        assert_eq!(entry, Entry { width: 1920, height: 1080, colour });
        let full = sample_entry(&moov(b"nclx\0\x01\0\x0d\0\x01\x80")).unwrap().colour.unwrap();
        assert!(full.full);
        assert_eq!(sample_entry(&moov(b"nclc\0\x01\0\x0d\0\x01")).unwrap().colour, colour);
    }

    proptest! {
        #[test]
        fn no_damage_troubles_it(at in 0_usize..400, byte: u8, cut in 0_usize..400) {
            let mut moov = moov(b"nclx\0\x01\0\x0d\0\x01\x00");
            let at = at % moov.len();
            moov[at] = byte;
            moov.truncate(cut);
            sample_entry(&moov);
        }
    }
}
