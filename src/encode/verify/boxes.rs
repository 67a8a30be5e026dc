//! The boxes of an mp4 or mov file (ISO/IEC 14496-12): size and colour of its one video track.

use std::fs::File;
use std::io;
use std::path::Path;

use super::flawed;
use crate::config::FrameRate;
use crate::encode::error::{EncodeError, Flaw};
use crate::encode::mp4::boxes::{Boxes, Walk, find, number};
use crate::encode::mp4::timing::{track_step, track_timescale};
use crate::encode::recipe::Recipe;

/// An index larger than this is not read into memory: it would be for a billion frames.
const MOOV_LIMIT: u64 = 1 << 30;
/// Primaries, transfer curve and matrix of ITU-T H.273: BT.709, sRGB, BT.709.
const BT709: [u16; 3] = [1, 13, 1];

/// Compares what the container says with the recipe.
///
/// The pictures may be right all the same: a player scales to the size, and chooses colours by the tags, that stand here.
/// What FFmpeg was asked for does not tell what it wrote: 9.0.2 drops `-color_primaries` and `-color_trc` after a `scale`
/// filter without a word, which 5.1.9 did not.
pub(in crate::encode) fn check(video: &Path, recipe: &Recipe) -> Result<(), EncodeError> {
    let moov = read_moov(video).map_err(EncodeError::damaged(video))?;
    let flaw = |text: String| flawed(video, Flaw::Container(text));
    let moov = moov.ok_or_else(|| flaw("no index (moov)".to_owned()))?;
    let entry = sample_entry(&moov).ok_or_else(|| flaw("no description of the video (stsd)".to_owned()))?;
    let canvas = &recipe.canvas;
    if (u32::from(entry.width), u32::from(entry.height)) != (canvas.width, canvas.height) {
        let (width, height) = (entry.width, entry.height);
        return Err(flaw(format!("{width}x{height} pixels instead of {}x{}", canvas.width, canvas.height)));
    }
    if recipe.is_bt709() {
        match entry.colour {
            Some(Colour { codes: BT709, full: false }) => {}
            Some(colour) => return Err(flaw(format!("tagged {colour:?} instead of limited BT.709"))),
            None => return Err(flaw("no colour tags (colr)".to_owned())),
        }
    }
    Ok(())
}

/// Checks that the index gives all frames the same time, and `rate` as that: players tell the rate from it.
pub(in crate::encode) fn check_rate(video: &Path, rate: FrameRate) -> Result<(), EncodeError> {
    let moov = read_moov(video).map_err(EncodeError::damaged(video))?;
    let wanted = (track_timescale(rate), track_step(rate));
    let found = moov.as_deref().and_then(clock);
    match found {
        Some((timescale, step)) if (u64::from(timescale), u64::from(step)) == wanted => Ok(()),
        Some((timescale, step)) => Err(flawed(video, Flaw::Container(format!("a frame takes {step}/{timescale} s")))),
        None => Err(flawed(video, Flaw::Container("frames of different lengths".to_owned()))),
    }
}

/// Ticks a second, and ticks a frame, if all frames have the same.
fn clock(moov: &[u8]) -> Option<(u32, u32)> {
    let mdia = find(find(moov, *b"trak")?, *b"mdia")?;
    let mdhd = find(mdia, *b"mdhd")?;
    let stts = [*b"minf", *b"stbl", *b"stts"].into_iter().try_fold(mdia, find)?;
    // Version, flags and the number of entries; each has a number of frames and their length.
    let steps = stts.get(8..)?.as_chunks::<8>().0;
    let step = number(steps.first()?, 4)?;
    let same = steps.iter().all(|entry| number(entry, 4) == Some(step));
    // Version 1 has long times in front.
    let timescale = number(mdhd, if *mdhd.first()? == 1 { 20 } else { 12 })?;
    same.then_some((timescale, step))
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

/// The `moov` box, without its header.
pub(super) fn read_moov(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let mut walk = Walk::new(&mut file)?;
    while let Some(place) = walk.next()? {
        if place.kind == *b"moov" {
            let moov = walk.read(&place, MOOV_LIMIT)?;
            let head = usize::try_from(place.contents.start - place.start).unwrap_or_default();
            return Ok(Some(moov[head..].to_vec()));
        }
    }
    Ok(None)
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

/// Fuzzing: what is found in an index stands in it. See [`crate::fuzzing`].
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::encode) fn fuzz(moov: &[u8]) {
    let holds = |number: &[u8]| moov.windows(number.len()).any(|window| window == number);
    if let Some(entry) = sample_entry(moov) {
        let size = [entry.width.to_be_bytes(), entry.height.to_be_bytes()].concat();
        assert!(holds(&size), "{entry:?}");
        let codes = entry.colour.map(|colour| colour.codes.map(u16::to_be_bytes).concat());
        assert!(codes.is_none_or(|codes| holds(&codes)), "{entry:?}");
    }
    if let Some((timescale, step)) = clock(moov) {
        assert!(holds(&timescale.to_be_bytes()) && holds(&step.to_be_bytes()), "{step}/{timescale}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encode::mp4::boxes::tests::wrap;

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
