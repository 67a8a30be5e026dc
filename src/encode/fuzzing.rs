//! Fuzzing: videos and chunks, and what FFmpeg says of them. See [`crate::fuzzing`].

use std::ffi::OsStr;
use std::io::{Cursor, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::AtomicU64;

use super::chunk::store::fuzzing::chunk_name;
use super::ffmpeg::progress;
use super::mp4::boxes::{Boxes, Walk};
use super::mp4::fragments::{FragmentPosition, Layout, TrackSample, header};
use super::verify::{self, packets};
use super::webp;

/// A video file.
pub fn boxes(bytes: &[u8]) {
    let walked = walk(bytes);
    assert_eq!(walked, Boxes(bytes).count(), "boxes by a walk and in memory");
    verify::boxes::fuzz(bytes);
    verify::texts::fuzz(bytes);
    for (timescale, step) in [(24_000, 1001), (24, 1), (12_800, 512)] {
        fragments(bytes, timescale, step);
    }
    animation(bytes);
}

/// What FFmpeg prints, and names of chunks.
pub fn lists(bytes: &[u8]) {
    let list = packets::parse(bytes, &AtomicU64::new(0));
    let whole: u64 = list.samples([u64::MAX]).iter().map(|part| part.count).sum();
    let parts: u64 = list.samples([1, 2, u64::MAX]).iter().map(|part| part.count).sum();
    assert_eq!(whole, parts);
    let mut parser = progress::Parser::default();
    let text = String::from_utf8_lossy(bytes);
    text.lines().for_each(|line| parser.line(line));
    assert!(text.contains("end") || !parser.last().end);
    bytes.split(|byte| *byte == b'\n').for_each(|name| chunk_name(OsStr::from_bytes(name)));
}

/// How many boxes there are before the end, or before what is not one.
fn walk(bytes: &[u8]) -> usize {
    let mut file = Cursor::new(bytes);
    let Ok(mut walk) = Walk::new(&mut file) else { panic!("memory can be read") };
    let (mut count, mut end) = (0, 0);
    while let Ok(Some(place)) = walk.next() {
        assert!(place.start == end && place.start < place.contents.start, "{place:?} after {end}");
        assert!(place.contents.start <= place.contents.end && place.contents.end <= bytes.len() as u64, "{place:?}");
        end = place.contents.end;
        count += 1;
        let whole = walk.read(&place, u64::MAX).map(|whole| whole.len() as u64).ok();
        assert_eq!(whole, Some(end - place.start));
    }
    count
}

/// What is read of a file of fragments is in it, and is read again when it was written anew.
fn fragments(bytes: &[u8], timescale: u64, step: u64) {
    let Ok(layout) = Layout::read(&mut Cursor::new(bytes), timescale, step) else { return };
    let mut shown: Vec<u32> = Vec::new();
    let (mut end, mut written, mut decoded) = (0, layout.init.clone(), 0);
    for (fragment, sequence) in layout.fragments.iter().zip(1..) {
        assert!(end <= fragment.whole.start && fragment.whole.end <= bytes.len() as u64, "{fragment:?}");
        end = fragment.whole.end;
        let size: u64 = fragment.samples.iter().map(|sample| u64::from(sample.size)).sum();
        assert_eq!(size, fragment.data.end - fragment.data.start);
        shown.extend(fragment.samples.iter().map(|sample| sample.shown));
        let position = FragmentPosition { track: layout.track, step, delay: layout.delay, start: 0, decoded, sequence };
        let Some(header) = header(&position, &fragment.samples) else { return };
        written.extend(header);
        written.resize(written.len() + usize::try_from(size).unwrap_or(usize::MAX), 0);
        decoded += fragment.samples.len() as u64;
    }
    assert_eq!(layout.count(), decoded);
    shown.sort_unstable();
    assert!(shown.iter().copied().eq(0..u32::try_from(shown.len()).unwrap_or(u32::MAX)), "frames are left out");
    let again = Layout::read(&mut Cursor::new(&written), timescale, step);
    let again = again.unwrap_or_else(|error| panic!("{layout:?}: {error}"));
    assert_eq!(samples(&again), samples(&layout));
    assert_eq!((again.delay, again.lead), (layout.delay, layout.delay));
}

fn samples(layout: &Layout) -> Vec<&[TrackSample]> {
    layout.fragments.iter().map(|fragment| fragment.samples.as_slice()).collect()
}

/// Only flags change where frames are to replace each other.
fn animation(bytes: &[u8]) {
    let mut file = Cursor::new(bytes.to_vec());
    let delays = |file: &mut Cursor<Vec<u8>>| {
        file.seek(SeekFrom::Start(0)).ok()?;
        Some(webp::frames(file).ok()?.iter().map(|frame| frame.delay).collect::<Vec<_>>())
    };
    let before = delays(&mut file);
    file.set_position(0);
    assert!(webp::forbid_blending(&mut file).is_ok());
    assert_eq!(delays(&mut file), before);
    assert_eq!(file.get_ref().len(), bytes.len());
}

/// Files to begin with.
#[cfg(test)]
pub(crate) fn seeds() -> [(&'static str, Vec<u8>); 2] {
    use super::mp4::fragments::tests::{file, pyramid};
    let (front, back) = (pyramid()[..2].to_vec(), pyramid()[2..].to_vec());
    [("fragments.mp4", file(5, &[front, back])), ("animation.webp", webp::tests::file(&[40, 41, 42]))]
}
