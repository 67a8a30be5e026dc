//! The fragments of a part of a video (ISO/IEC 14496-12, 8.8): which samples they hold, and how they are written again
//! for another place in time.
//!
//! Reads what FFmpeg's muxer makes of one video track, and refuses everything else: a part that is refused costs its encode
//! once more, and one that was guessed at would cost a video.
//!
//! A part does not know where in the video it will be. Its times begin at zero, and are written when it is joined: a late
//! frame in front of it moves it and does not spoil it.

use std::io::{self, Read, Seek};
use std::ops::Range;

use super::boxes::{BoxLocation, Boxes, Walk, invalid};

mod samples;

pub(in crate::encode) use samples::TrackSample;
use samples::{Defaults, TrackRun};

/// Larger boxes than this are not FFmpeg's: one of the largest fragment has some kilobytes.
const BOX_LIMIT: u64 = 16 << 20;
/// A part of more samples than this is not one of ours.
const SAMPLES_LIMIT: usize = 1 << 20;

/// A file of fragments, without its samples' data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::encode) struct Layout {
    /// What comes before the fragments: the `ftyp` and `moov` boxes.
    pub(in crate::encode) init: Vec<u8>,
    /// The number of the track.
    pub(in crate::encode) track: u32,
    /// The fragments, in order; at least one.
    pub(in crate::encode) fragments: Vec<Fragment>,
    /// How many frames a decoder must be ahead, because pictures are decoded before others that are shown first.
    pub(in crate::encode) delay: u32,
    /// How many frames the first one is shown after the decode time that the file gives for it.
    pub(in crate::encode) lead: u32,
}

/// A `moof` and the `mdat` after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::encode) struct Fragment {
    /// Both boxes.
    pub(in crate::encode) whole: Range<u64>,
    /// What is in the `mdat`.
    pub(in crate::encode) data: Range<u64>,
    /// The decode time of the first sample.
    pub(in crate::encode) time: TimeField,
    /// How long it is, in ticks of the track.
    pub(in crate::encode) ticks: u64,
    /// The samples in the order of decoding; they fill `data`.
    pub(in crate::encode) samples: Vec<TrackSample>,
}

/// Where and what a `tfdt` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::encode) struct TimeField {
    /// Where the number stands in the file.
    pub(in crate::encode) at: u64,
    /// Whether it has eight bytes, not four.
    pub(in crate::encode) wide: bool,
    /// The number, in ticks of the track.
    pub(in crate::encode) ticks: u64,
}

impl Layout {
    /// Reads the boxes of a file whose track has `timescale` ticks a second and `step` ticks a frame.
    ///
    /// An error of the kind `InvalidData` where the file is not whole, or its frames are not one after the other in steps
    /// of a frame. Where it says that it is in time does not matter.
    pub(in crate::encode) fn read(file: &mut (impl Read + Seek), timescale: u64, step: u64) -> io::Result<Self> {
        let mut walk = Walk::new(file)?;
        let mut init = Vec::new();
        let mut defaults = None;
        let mut head: Option<(BoxLocation, TrackRun)> = None;
        let mut fragments: Vec<Fragment> = Vec::new();
        let mut runs = Vec::new();
        let mut left = SAMPLES_LIMIT;
        while let Some(place) = walk.next()? {
            match &place.kind {
                b"ftyp" if init.is_empty() => init = walk.read(&place, BOX_LIMIT)?,
                b"moov" if defaults.is_none() => {
                    let moov = walk.read(&place, BOX_LIMIT)?;
                    let found = Boxes(&moov).next().and_then(|(_, moov)| Defaults::of(moov, timescale));
                    defaults = Some(found.ok_or_else(|| invalid("no video track with the clock of its rate"))?);
                    init.extend(moov);
                }
                b"moof" if head.is_none() => {
                    let moof = walk.read(&place, BOX_LIMIT)?;
                    let defaults = defaults.as_ref().ok_or_else(|| invalid("a fragment without an index before it"))?;
                    let run = TrackRun::of(&moof, place.start, defaults, left);
                    head = Some((place, run.ok_or_else(|| invalid("a fragment that is not FFmpeg's"))?));
                }
                b"mdat" => {
                    let (moof, run) = head.take().ok_or_else(|| invalid("media data without a fragment"))?;
                    let bytes: u64 = run.samples.iter().map(|sample| u64::from(sample.size)).sum();
                    let data = place.contents.clone();
                    if run.data != data.start || bytes != data.end - data.start || run.samples.is_empty() {
                        return Err(invalid("a fragment with other samples than it says"));
                    }
                    left -= run.samples.len();
                    let whole = moof.start..data.end;
                    fragments.push(Fragment { whole, data, time: run.time, ticks: 0, samples: Vec::new() });
                    runs.push(run);
                }
                // Brands, indexes and clocks of streams, and gaps.
                b"styp" | b"sidx" | b"mfra" | b"prft" | b"free" | b"skip" | b"wide" if head.is_none() => {}
                _ => return Err(invalid("a box that is not in its place")),
            }
        }
        let (Some(defaults), None, false) = (defaults, head, fragments.is_empty()) else {
            return Err(invalid("no fragments, or half of one"));
        };
        let (lead, delay) =
            samples::place(&mut runs, step).ok_or_else(|| invalid("frames that are not one after the other"))?;
        for (fragment, run) in fragments.iter_mut().zip(runs) {
            fragment.samples = run.samples;
            fragment.ticks = u64::try_from(run.ticks).map_err(|_| invalid("a fragment without an end"))?;
        }
        Ok(Self { init, track: defaults.track, fragments, delay, lead })
    }

    /// How many samples there are.
    pub(in crate::encode) fn count(&self) -> u64 {
        self.fragments.iter().map(|fragment| fragment.samples.len() as u64).sum()
    }
}

/// Where a fragment is to be, and in what sort of track.
#[derive(Debug, Clone, Copy)]
pub(in crate::encode) struct FragmentPosition {
    /// The number of the track.
    pub(in crate::encode) track: u32,
    /// Ticks a frame.
    pub(in crate::encode) step: u64,
    /// How many frames decoders are ahead, in all parts.
    pub(in crate::encode) delay: u32,
    /// The part's first frame, in frames of the whole.
    pub(in crate::encode) start: u64,
    /// The fragment's first sample, in samples of the whole.
    pub(in crate::encode) decoded: u64,
    /// The fragment's number, from 1.
    pub(in crate::encode) sequence: u32,
}

/// The header of a fragment of `samples` at `position`: `moof`, and the start of the `mdat` for their data. Samples are
/// decoded one frame after the other from 0 on, whatever part they are of. `None` where a number does not fit.
///
/// Every part is shown `delay` frames after decoding, which is the longest that any part needs: with a delay of its own for
/// each, the steps between the last frame of one part and the first of the next would not be those of the others.
pub(in crate::encode) fn header(position: &FragmentPosition, samples: &[TrackSample]) -> Option<Vec<u8>> {
    // ISO/IEC 14496-12, 8.8.7 and 8.8.8: the data are found from the start of the moof; durations are all the same; each
    // sample has a size, flags, and the time from decoding to showing.
    const FROM_MOOF: u32 = 0x02_0000;
    const DURATION: u32 = 0x08;
    const EACH: u32 = 0x01 | 0x200 | 0x400 | 0x800;
    // A key frame depends on no other sample; the others do, and are no points to start from.
    const KEY: u32 = 0x0200_0000;
    const OTHER: u32 = 0x0101_0000;
    let mfhd = full(*b"mfhd", 0, &[position.sequence]);
    let tfhd = full(*b"tfhd", FROM_MOOF | DURATION, &[position.track, u32::try_from(position.step).ok()?]);
    let time = position.decoded.checked_mul(position.step)?;
    let tfdt = full(*b"tfdt", 1 << 24, &[u32::try_from(time >> 32).ok()?, u32::try_from(time & 0xffff_ffff).ok()?]);
    let bytes: u64 = samples.iter().map(|sample| u64::from(sample.size)).sum();
    // Eight bytes, or sixteen with a long size.
    let mdat = match u32::try_from(bytes + 8) {
        Ok(length) => [&length.to_be_bytes(), b"mdat".as_slice()].concat(),
        Err(_) => [&1_u32.to_be_bytes(), b"mdat".as_slice(), &(bytes + 16).to_be_bytes()].concat(),
    };
    let count = u32::try_from(samples.len()).ok()?;
    // Headers of moof and traf, and those of trun: version and flags, count, offset.
    let before = 8 + mfhd.len() + 8 + tfhd.len() + tfdt.len() + 8 + 12;
    let offset = u32::try_from(before + samples.len() * 12 + mdat.len()).ok()?;
    let mut words = vec![count, offset];
    for (decoded, sample) in (position.decoded..).zip(samples) {
        let shown = position.start + u64::from(sample.shown) + u64::from(position.delay);
        let wait = shown.checked_sub(decoded)?.checked_mul(position.step)?;
        words.extend([sample.size, if sample.key { KEY } else { OTHER }, u32::try_from(wait).ok()?]);
    }
    let trun = full(*b"trun", EACH, &words);
    let traf = boxed(*b"traf", &[tfhd, tfdt, trun].concat());
    Some([boxed(*b"moof", &[mfhd, traf].concat()), mdat].concat())
}

fn full(kind: [u8; 4], flags: u32, words: &[u32]) -> Vec<u8> {
    let contents: Vec<u8> = [&[flags], words].concat().iter().flat_map(|word| word.to_be_bytes()).collect();
    boxed(kind, &contents)
}

/// Boxes of this module are far from 4 GB.
fn boxed(kind: [u8; 4], contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len() + 8).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), kind.as_slice(), contents].concat()
}

#[cfg(test)]
pub(in crate::encode) mod tests;
