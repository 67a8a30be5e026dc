//! A frame's fingerprint: a small grid of means, to which every pixel contributes.
//!
//! Tells whether one frame looks like the next, at the cost of reading the pixels once. It proves nothing about a video;
//! [`small`](crate::small) is for that.

/// Cells across and down.
const ACROSS: usize = 16;
const DOWN: usize = 9;
const CELLS: usize = ACROSS * DOWN;

/// Red, green and blue.
const CHANNELS: usize = 3;

/// Rows that can be added up in 16 bits. Sums are kept small because adding up columns of small numbers is what vectorises
/// best.
const ROWS: usize = 256;

/// The means of 16 times 9 cells in each channel of 8-bit RGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(Box<[u8]>);

impl Fingerprint {
    /// Of one raw frame of `width` times `height` pixels of interleaved RGB. Bytes that are missing count as black.
    #[must_use]
    pub fn of(rgb: &[u8], width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        let mut sums = [[0_u64; CHANNELS]; CELLS];
        let row_length = (width * CHANNELS).max(1);
        let mut columns = vec![0_u16; width * CHANNELS];
        // First the columns of a row of cells are added up, then the columns of each cell.
        for (band, sums) in sums.as_chunks_mut::<ACROSS>().0.iter_mut().enumerate() {
            let (top, bottom) = (edge(band, DOWN, height) * row_length, edge(band + 1, DOWN, height) * row_length);
            let rows = rgb.get(top.min(rgb.len())..bottom.min(rgb.len())).unwrap_or_default();
            for rows in rows.chunks(ROWS * row_length) {
                columns.fill(0);
                for row in rows.chunks_exact(row_length) {
                    for (sum, value) in columns.iter_mut().zip(row) {
                        *sum += u16::from(*value);
                    }
                }
                for (cell, sums) in sums.iter_mut().enumerate() {
                    let pixels = edge(cell, ACROSS, width)..edge(cell + 1, ACROSS, width);
                    for pixel in columns.as_chunks::<CHANNELS>().0.get(pixels).unwrap_or_default() {
                        for (sum, part) in sums.iter_mut().zip(pixel) {
                            *sum += u64::from(*part);
                        }
                    }
                }
            }
        }
        let channel =
            |channel: usize| sums.iter().enumerate().map(move |(cell, sums)| mean(sums[channel], cell, width, height));
        Self((0..CHANNELS).flat_map(channel).collect())
    }

    /// The means, channel after channel, each row by row from the top.
    #[must_use]
    pub fn cells(&self) -> &[u8] {
        &self.0
    }
}

/// Where cell `index` of `cells` begins on a side of `side` pixels.
fn edge(index: usize, cells: usize, side: usize) -> usize {
    index * side / cells
}

/// The rounded mean of cell number `cell`. Pictures smaller than the grid leave cells empty, as zero.
fn mean(sum: u64, cell: usize, width: usize, height: usize) -> u8 {
    let (column, row) = (cell % ACROSS, cell / ACROSS);
    let across = edge(column + 1, ACROSS, width) - edge(column, ACROSS, width);
    let down = edge(row + 1, DOWN, height) - edge(row, DOWN, height);
    let count = (across * down) as u64;
    u8::try_from((sum + count / 2).checked_div(count).unwrap_or(0)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_are_means() {
        // The left half of the grid 10, the right half 31.
        let (width, height) = (32, 18);
        let raw: Vec<u8> =
            (0..width * height).flat_map(|pixel| [if pixel % width < 16 { 10 } else { 31 }; 3]).collect();
        let fingerprint = Fingerprint::of(&raw, width, height);
        let wanted: Vec<u8> = (0..3 * CELLS).map(|cell| if cell % ACROSS < 8 { 10 } else { 31 }).collect();
        assert_eq!(fingerprint.cells(), wanted);
    }

    #[test]
    fn every_pixel_counts() {
        let (width, height) = (64, 36);
        let raw = vec![100; 64 * 36 * 3];
        let whole = Fingerprint::of(&raw, width, height);
        for value in [0, 64 * 18, raw.len() - 1] {
            let mut other = raw.clone();
            other[value] = 255;
            assert_ne!(Fingerprint::of(&other, width, height), whole, "{value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn white_is_white_and_short_frames_do_not_panic(width in 0u32..80, height in 0u32..80, length in 0usize..9000) {
            let torn = Fingerprint::of(&vec![7; length], width, height);
            prop_assert_eq!(torn.cells().len(), 3 * CELLS);
            let white = Fingerprint::of(&vec![255; (width * height * 3) as usize], width, height);
            // A cell without a pixel is black.
            prop_assert!(white.cells().iter().all(|cell| *cell == 255 || *cell == 0));
            if width >= 16 && height >= 9 {
                prop_assert!(white.cells().iter().all(|cell| *cell == 255));
            }
        }
    }
}
