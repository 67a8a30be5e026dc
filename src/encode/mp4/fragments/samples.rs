//! The samples of a fragment, put together from what the index, the fragment and the run of samples say of them.

use crate::encode::mp4::boxes::{Boxes, find, long, number};
use crate::encode::mp4::fragments::TimeField;

/// A packet: one frame of the video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::encode) struct TrackSample {
    /// Bytes.
    pub(in crate::encode) size: u32,
    /// Whether a decoder can start here.
    pub(in crate::encode) key: bool,
    /// Which frame of the file it is, from 0.
    pub(in crate::encode) shown: u32,
}

/// The flag of a sample that is no sync sample (ISO/IEC 14496-12, 8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;

/// What samples are like unless they say otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults {
    pub(super) track: u32,
    duration: u32,
    size: u32,
    flags: u32,
}

impl Defaults {
    /// Those of the one track of a `moov`, if it has `timescale` ticks a second.
    pub(super) fn of(moov: &[u8], timescale: u64) -> Option<Self> {
        let mut tracks = Boxes(moov).filter(|(kind, _)| kind == b"trak");
        let (_, track) = tracks.next()?;
        let mdhd = find(find(track, *b"mdia")?, *b"mdhd")?;
        // Version 1 has long times in front of it.
        let ticks = number(mdhd, if *mdhd.first()? == 1 { 20 } else { 12 })?;
        let trex = find(find(moov, *b"mvex")?, *b"trex")?;
        let word = |index: usize| number(trex, 4 + index * 4);
        // Word 1 is the number of the sample description.
        let defaults = Self { track: word(0)?, duration: word(2)?, size: word(3)?, flags: word(4)? };
        (u64::from(ticks) == timescale && tracks.next().is_none()).then_some(defaults)
    }
}

/// What a `moof` says.
#[derive(Debug)]
pub(super) struct TrackRun {
    /// Where the data of its samples start in the file.
    pub(super) data: u64,
    pub(super) time: TimeField,
    /// Not yet in their places.
    pub(super) samples: Vec<TrackSample>,
    /// When each is shown, in ticks after the start of the fragment.
    shown: Vec<i64>,
    /// How long all take, in ticks.
    pub(super) ticks: i64,
}

impl TrackRun {
    /// Reads a `moof` box that starts at `start` in the file and has at most `limit` samples. `None` where it is not as
    /// FFmpeg writes it: one track, and its samples one after the other.
    pub(super) fn of(moof: &[u8], start: u64, defaults: &Defaults, limit: usize) -> Option<Self> {
        let mut at = Cursor { rest: moof, start };
        at.enter(*b"moof")?;
        at.enter(*b"traf")?;
        let traf = at.rest;
        let time = at.time()?;
        let head = Head::of(find(traf, *b"tfhd")?, defaults)?;
        let mut run = Self { data: 0, time, samples: Vec::new(), shown: Vec::new(), ticks: 0 };
        let mut end = None;
        for (_, trun) in Boxes(traf).filter(|(kind, _)| kind == b"trun") {
            end = Some(run.take(trun, &head, head.base.unwrap_or(start), end, limit)?);
        }
        let alone = Boxes(find(moof, *b"moof")?).filter(|(kind, _)| kind == b"traf").count() == 1;
        alone.then_some(run)
    }

    /// Takes the samples of a `trun`, whose data start at `data` unless they are the first. Where they end.
    fn take(&mut self, trun: &[u8], head: &Head, base: u64, data: Option<u64>, limit: usize) -> Option<u64> {
        let flags = number(trun, 0)? & 0xff_ffff;
        let count = number(trun, 4)? as usize;
        let mut words = trun.get(8..)?.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
        let mut word = |flag: u32| if flags & flag == 0 { Some(None) } else { words.next().map(Some) };
        let at = match (word(0x01)?, data) {
            (Some(offset), _) => base.checked_add_signed(i64::from(offset.cast_signed()))?,
            (None, Some(data)) => data,
            (None, None) => return None,
        };
        if count > limit.checked_sub(self.samples.len())? || data.is_some_and(|data| data != at) {
            return None;
        }
        if data.is_none() {
            self.data = at;
        }
        let mut end = at;
        let first = word(0x04)?;
        for index in 0..count {
            let duration = word(0x100)?.unwrap_or(head.duration);
            let size = word(0x200)?.unwrap_or(head.size);
            let own = word(0x400)?;
            let flags = if index == 0 { first.or(own) } else { own }.unwrap_or(head.flags);
            // Signed in version 1; FFmpeg has no offsets of 2^31 and more in version 0.
            let wait = i64::from(word(0x800)?.unwrap_or(0).cast_signed());
            self.samples.push(TrackSample { size, key: flags & NON_SYNC == 0, shown: 0 });
            self.shown.push(self.ticks.checked_add(wait)?);
            self.ticks = self.ticks.checked_add(i64::from(duration))?;
            end = end.checked_add(u64::from(size))?;
        }
        Some(end)
    }
}

/// Gives every sample its place among the frames. How many frames the first one is shown after the decode time of the
/// first sample, and how many frames a decoder must be ahead; `None` where the frames are not one after the other.
///
/// Fragments follow each other without a gap, whatever decode times they say: earlier versions wrote those anew in chunks
/// that are still there.
pub(super) fn place(runs: &mut [TrackRun], step: u64) -> Option<(u32, u32)> {
    let step = i64::try_from(step).ok().filter(|step| *step > 0)?;
    let mut times = Vec::new();
    let mut start = 0_i64;
    for run in runs.iter() {
        for shown in &run.shown {
            times.push(start.checked_add(*shown)?);
        }
        start = start.checked_add(run.ticks)?;
    }
    let earliest = *times.iter().min()?;
    let mut taken = vec![false; times.len()];
    let mut delay = 0;
    let samples = runs.iter_mut().flat_map(|run| &mut run.samples);
    for ((decoded, sample), time) in (0_u32..).zip(samples).zip(&times) {
        let after = time.checked_sub(earliest)?;
        let shown = u32::try_from(after / step).ok()?;
        // Each place once: that proves there is no gap, no frame twice and no time between two frames, without sorting.
        if after % step != 0 || std::mem::replace(taken.get_mut(shown as usize)?, true) {
            return None;
        }
        sample.shown = shown;
        delay = delay.max(decoded.saturating_sub(shown));
    }
    let lead = u32::try_from(earliest / step).ok().filter(|_| earliest % step == 0)?;
    Some((lead, delay))
}

/// What a `tfhd` says, over what the index does.
struct Head {
    /// From where data are found, if not from the start of the `moof`.
    base: Option<u64>,
    duration: u32,
    size: u32,
    flags: u32,
}

impl Head {
    fn of(tfhd: &[u8], defaults: &Defaults) -> Option<Self> {
        let flags = number(tfhd, 0)? & 0xff_ffff;
        let track = number(tfhd, 4)?;
        let mut at = 8;
        let mut base = None;
        if flags & 0x01 != 0 {
            base = Some(long(tfhd, at)?);
            at += 8;
        }
        let mut word = |flag: u32, default: u32| {
            if flags & flag == 0 {
                return Some(default);
            }
            at += 4;
            number(tfhd, at - 4)
        };
        // The number of the sample description, which there is one of.
        word(0x02, 1)?;
        let duration = word(0x08, defaults.duration)?;
        let size = word(0x10, defaults.size)?;
        let flags = word(0x20, defaults.flags)?;
        (track == defaults.track).then_some(Self { base, duration, size, flags })
    }
}

/// A place in a box of a file.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
    /// Where `rest` starts in the file.
    start: u64,
}

impl Cursor<'_> {
    /// Goes into the first box of `kind`.
    fn enter(&mut self, kind: [u8; 4]) -> Option<()> {
        let mut boxes = Boxes(self.rest);
        let (_, contents) = boxes.find(|(found, _)| *found == kind)?;
        let skipped = self.rest.len() - boxes.0.len() - contents.len();
        *self = Self { rest: contents, start: self.start + skipped as u64 };
        Some(())
    }

    /// What the `tfdt` in this `traf` says.
    fn time(mut self) -> Option<TimeField> {
        self.enter(*b"tfdt")?;
        let at = self.start + 4;
        match *self.rest.first()? {
            0 => Some(TimeField { at, wide: false, ticks: number(self.rest, 4)?.into() }),
            1 => Some(TimeField { at, wide: true, ticks: long(self.rest, 4)? }),
            _ => None,
        }
    }
}
