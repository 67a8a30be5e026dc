//! Which chunks make a video: what of the finished ones is kept, and where the rest is cut.
//!
//! Owns the decision and nothing else: lists of frames go in, a list of pieces comes out. It performs no I/O, and whether
//! two chunks may stand in one video at all (same settings, same FFmpeg) is the caller's to ask first.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::Range;

use super::Shown;
use crate::sequence::gaps::Spacing;
use crate::sequence::{Frame, FrameNumber};

/// A part of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<K> {
    /// A finished chunk, taken as it is.
    Kept(K),
    /// Frames to encode as one chunk, by their places in the list of the video. Never empty.
    Encode(Range<usize>),
}

/// Covers `frames` with pieces: each frame is in exactly one, and the pieces are in the order of the frames.
///
/// A chunk of `kept` is taken where its list is the list of the frames from there on, file by file; one of no frames is
/// passed over. The rest is cut into stretches of `length` frames; the last one of each gap between two chunks is between
/// half and one and a half times as long, or as short as the gap. A frame counts once, however long it is shown.
///
/// The choice is greedy. From the front on, of several chunks that begin at a frame the longest wins, and one that begins
/// inside a chunk that was taken is lost, even where it alone would have been the better choice: chunks overlap only
/// after a sequence changed in between, and what a wrong choice costs is work, not frames.
///
/// Each chunk is looked at once for each frame of its first number, hence in all as long as the lists are.
#[must_use]
pub fn plan<K: Copy>(frames: &[Shown], kept: &[(K, Vec<Shown>)], length: NonZeroU32) -> Vec<Piece<K>> {
    let mut by_first: HashMap<FrameNumber, Vec<&(K, Vec<Shown>)>> = HashMap::new();
    for chunk in kept {
        if let Some(first) = chunk.1.first() {
            by_first.entry(first.number).or_default().push(chunk);
        }
    }
    for chunks in by_first.values_mut() {
        chunks.sort_by_key(|(_, list)| std::cmp::Reverse(list.len()));
    }

    let mut pieces = Vec::new();
    let (mut at, mut uncovered) = (0, 0);
    while let Some(frame) = frames.get(at) {
        let chunks = by_first.get(&frame.number).map_or(&[][..], Vec::as_slice);
        if let Some((id, list)) = chunks.iter().find(|(_, list)| frames[at..].starts_with(list)) {
            pieces.extend(cut(uncovered..at, length));
            pieces.push(Piece::Kept(*id));
            at += list.len();
            uncovered = at;
        } else {
            at += 1;
        }
    }
    pieces.extend(cut(uncovered..at, length));
    pieces
}

/// The frames that the next chunk of a growing sequence is to hold, as far as they are there: those of `frames` from the
/// first on, at most `limit`, up to the first number that is left out. `frames` are the open ones from the first number on
/// that no chunk covers, ascending.
#[must_use]
pub fn next_stretch(frames: impl IntoIterator<Item = Frame>, spacing: Spacing, limit: u32) -> Vec<Frame> {
    let mut before = None;
    let follows = |frame: &Frame| {
        let before = before.replace(frame.number);
        before.is_none_or(|before| spacing.follows(before, frame.number))
    };
    frames.into_iter().take_while(follows).take(as_usize(limit)).collect()
}

/// The stretches of a gap. As many as bring the last one nearest to `length`; it takes what the others leave.
fn cut<K>(gap: Range<usize>, length: NonZeroU32) -> impl Iterator<Item = Piece<K>> {
    let length = as_usize(length.get());
    let frames = gap.len();
    let whole = frames / length;
    // Half a stretch or more stands by itself, less goes to the one before.
    let rounded = whole + usize::from(frames % length >= length.div_ceil(2));
    let count = if frames == 0 { 0 } else { rounded.max(1) };
    (0..count).map(move |index| {
        let from = gap.start + index * length;
        let to = if index + 1 == count { gap.end } else { from + length };
        Piece::Encode(from..to)
    })
}

fn as_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
