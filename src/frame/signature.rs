//! A frame's signature: a small grid of means, to which every pixel contributes.
//!
//! Compares what was fed to an encoder with what a decoder gives back, at the cost of reading the pixels once. It tells
//! another picture, a shifted, repeated or damaged one; it does not measure quality.

use serde::{Deserialize, Serialize};

use crate::frame::color::Feed;

/// Cells across and down.
const ACROSS: usize = 16;
const DOWN: usize = 9;
const CELLS: usize = ACROSS * DOWN;

/// The means of 16 times 9 cells in each channel, in 8-bit units: 432 bytes, or 576 with alpha.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature(Box<[u8]>);

impl Signature {
    /// Of one raw frame of `width` times `height` pixels laid out as `feed`. Bytes that are missing count as black.
    #[must_use]
    pub fn of(raw: &[u8], feed: Feed, width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self(match feed {
            Feed::Yuv420p => {
                let (luma, chroma) = split(raw, width * height);
                let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
                let (u, v) = split(chroma, half_width * half_height);
                let luma = means::<u8, 1>(luma, width, height);
                let chroma = [u, v].map(|plane| means::<u8, 1>(plane, half_width, half_height)).concat();
                [luma, chroma].concat().into()
            }
            Feed::Rgb24 => means::<u8, 3>(raw, width, height).into(),
            Feed::Rgba => means::<u8, 4>(raw, width, height).into(),
            Feed::Rgb48le => means::<[u8; 2], 3>(raw.as_chunks().0, width, height).into(),
            Feed::Rgba64le => means::<[u8; 2], 4>(raw.as_chunks().0, width, height).into(),
        })
    }

    /// The means, channel after channel, each row by row from the top.
    #[must_use]
    pub fn cells(&self) -> &[u8] {
        &self.0
    }

    /// The largest difference of any cell in any channel, 0 to 255; 255 for signatures of different layouts.
    #[must_use]
    pub fn distance(&self, other: &Self) -> u8 {
        if self.0.len() != other.0.len() {
            return u8::MAX;
        }
        self.0.iter().zip(&other.0).map(|(one, other)| one.abs_diff(*other)).max().unwrap_or(0)
    }

    /// Looks only at the cells in which this one and `other` differ by at least `least`, and says how much they differ
    /// there, and how much nearer `seen` is to `other` than to this one, in sums of absolute differences. The second
    /// lies between the first, where `seen` is `other`, and its negative, where it is this one. What all other cells
    /// are like does not matter.
    #[must_use]
    pub fn lean(&self, other: &Self, seen: &Self, least: u8) -> (i32, i32) {
        let apart = |one: u8, other: u8| i32::from(one.abs_diff(other));
        let cells = self.0.iter().zip(&other.0).zip(&seen.0);
        cells
            .filter(|((own, other), _)| own.abs_diff(**other) >= least)
            .map(|((own, other), seen)| (apart(*own, *other), apart(*seen, *own) - apart(*seen, *other)))
            .fold((0, 0), |(apart, lean), (more_apart, more_lean)| (apart + more_apart, lean + more_lean))
    }
}

fn split(raw: &[u8], at: usize) -> (&[u8], &[u8]) {
    raw.split_at_checked(at).unwrap_or((raw, &[]))
}

/// Where cell `index` of `cells` begins on a side of `side` pixels.
fn edge(index: usize, cells: usize, side: usize) -> usize {
    index * side / cells
}

/// Rows that can be added up before a sum may overflow.
const ROWS: usize = 256;

/// A channel's value, and a number that holds the sum of [`ROWS`] of them. Sums are kept small because adding up
/// columns of small numbers is what vectorises best.
trait Sample: Copy {
    type Sum: Copy + Default + Into<u64>;

    /// What one 8-bit step counts.
    const UNIT: u64;

    fn add_to(self, sum: &mut Self::Sum);
}

impl Sample for u8 {
    type Sum = u16;

    const UNIT: u64 = 1;

    fn add_to(self, sum: &mut u16) {
        *sum += u16::from(self);
    }
}

/// Sixteen bits, little-endian.
impl Sample for [u8; 2] {
    type Sum = u32;

    const UNIT: u64 = 257;

    fn add_to(self, sum: &mut u32) {
        *sum += u32::from(u16::from_le_bytes(self));
    }
}

/// The means of the cells of each of `N` interleaved channels, channel by channel. First the columns of a row of cells
/// are added up, then the columns of each cell.
fn means<S: Sample, const N: usize>(values: &[S], width: usize, height: usize) -> Vec<u8> {
    let mut sums = [[0u64; N]; CELLS];
    let row_length = (width * N).max(1);
    let mut columns = vec![S::Sum::default(); width * N];
    for (band, sums) in sums.as_chunks_mut::<ACROSS>().0.iter_mut().enumerate() {
        let (top, bottom) = (edge(band, DOWN, height) * row_length, edge(band + 1, DOWN, height) * row_length);
        let rows = values.get(top.min(values.len())..bottom.min(values.len())).unwrap_or_default();
        for rows in rows.chunks(ROWS * row_length) {
            columns.fill(S::Sum::default());
            for row in rows.chunks_exact(row_length) {
                for (sum, value) in columns.iter_mut().zip(row) {
                    value.add_to(sum);
                }
            }
            for (cell, sums) in sums.iter_mut().enumerate() {
                let columns = columns.as_chunks::<N>().0;
                for pixel in columns.get(edge(cell, ACROSS, width)..edge(cell + 1, ACROSS, width)).unwrap_or_default() {
                    for (sum, part) in sums.iter_mut().zip(pixel) {
                        *sum += (*part).into();
                    }
                }
            }
        }
    }
    let channel = |channel| {
        let sums = sums.iter().enumerate();
        sums.map(move |(cell, sums): (usize, &[u64; N])| mean(sums[channel], cell, width, height, S::UNIT))
    };
    (0..N).flat_map(channel).collect()
}

/// The rounded mean of cell number `cell`, in 8-bit units. Pictures smaller than the grid leave cells empty, as zero.
fn mean(sum: u64, cell: usize, width: usize, height: usize, unit: u64) -> u8 {
    let (column, row) = (cell % ACROSS, cell / ACROSS);
    let across = edge(column + 1, ACROSS, width) - edge(column, ACROSS, width);
    let down = edge(row + 1, DOWN, height) - edge(row, DOWN, height);
    let count = (across * down) as u64 * unit;
    u8::try_from((sum + count / 2).checked_div(count).unwrap_or(0)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FEEDS: [Feed; 5] = [Feed::Yuv420p, Feed::Rgb24, Feed::Rgba, Feed::Rgb48le, Feed::Rgba64le];

    #[test]
    fn cells_are_means() {
        // The left half of the grid 10, the right half 31.
        let (width, height) = (32, 18);
        let raw: Vec<u8> =
            (0..width * height).flat_map(|pixel| [if pixel % width < 16 { 10 } else { 31 }; 3]).collect();
        let Signature(cells) = Signature::of(&raw, Feed::Rgb24, width, height);
        let wanted: Vec<u8> = (0..3 * CELLS).map(|cell| if cell % ACROSS < 8 { 10 } else { 31 }).collect();
        assert_eq!(*cells, *wanted);
    }

    #[test]
    fn white_is_255_at_any_depth() {
        for feed in FEEDS {
            let Signature(cells) = Signature::of(&vec![255; feed.frame_bytes(33, 21)], feed, 33, 21);
            assert!(cells.iter().all(|cell| *cell == 255), "{feed:?}");
        }
    }

    #[test]
    fn a_damaged_corner_shows_in_every_plane() {
        let (width, height) = (64, 36);
        let raw = vec![100; Feed::Yuv420p.frame_bytes(width, height)];
        let whole = Signature::of(&raw, Feed::Yuv420p, width, height);
        for pixel in [0, 64 * 36, 64 * 36 + 32 * 18, raw.len() - 1] {
            let mut other = raw.clone();
            other[pixel] = 255;
            assert!(Signature::of(&other, Feed::Yuv420p, width, height).distance(&whole) > 0, "{pixel}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The largest change of one cell is the distance, whatever its place, channel and layout.
        #[test]
        fn distance_is_that_of_the_worst_cell(feed in 0usize..5, width in 1u32..80, height in 1u32..80, step in 1u8..=255) {
            let feed = FEEDS[feed];
            let black = vec![0; feed.frame_bytes(width, height)];
            let grey = vec![step; black.len()];
            let (black, grey) = (Signature::of(&black, feed, width, height), Signature::of(&grey, feed, width, height));
            prop_assert_eq!(black.distance(&black), 0);
            prop_assert_eq!(black.distance(&grey), step);
            prop_assert_eq!(grey.distance(&black), step);
        }

        /// Whatever a codec does, a picture leans no further than the two are apart, and fully only at the ends.
        #[test]
        fn a_picture_leans_towards_what_it_is_like(
            cells in prop::collection::vec(any::<[u8; 3]>(), 1..40), least in 1u8..100
        ) {
            let [own, other, seen] =
                [0, 1, 2].map(|which| Signature(cells.iter().map(|cell: &[u8; 3]| cell[which]).collect()));
            let (apart, lean) = own.lean(&other, &seen, least);
            prop_assert!(lean.abs() <= apart);
            prop_assert_eq!(own.lean(&other, &other, least), (apart, apart));
            prop_assert_eq!(own.lean(&other, &own, least), (apart, -apart));
            prop_assert_eq!(other.lean(&own, &seen, least), (apart, -lean));
            prop_assert_eq!(own.lean(&own, &seen, least), (0, 0));
        }

        #[test]
        fn short_frames_do_not_panic(feed in 0usize..5, width in 0u32..80, height in 0u32..80, length in 0usize..9000) {
            let _ = Signature::of(&vec![7; length], FEEDS[feed], width, height);
        }
    }
}
