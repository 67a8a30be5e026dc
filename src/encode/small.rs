//! Small pictures: what the proof of a lossy file compares, instead of whole frames.
//!
//! Owns how a frame is made smaller. A sample is the mean of a square of pixels, so that what a codec does to detail hardly
//! shows, while another picture, another colour or another order does. Every pixel counts.

#![expect(clippy::cast_precision_loss, reason = "sums of the bytes of a few pixels are far below 2^52")]

/// A small picture is about this long on its longer side.
const LONG: usize = 160;

/// How many samples a small picture has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Samples of luma across; half of it of chroma.
    pub width: usize,
    /// Samples of luma down; half of it of chroma.
    pub height: usize,
    /// Whether each sample stands for a square of equally many pixels.
    pub is_even: bool,
}

impl Grid {
    /// The grid for frames of 4:2:0 video of this size in pixels, which is even.
    #[must_use]
    pub fn of(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        let long = width.max(height);
        // Means of fewer pixels are no means: where nothing is averaged, codecs are off by several times as much.
        let side = match long {
            256.. => long.div_ceil(LONG).max(4),
            128.. => 2,
            _ => 1,
        };
        let divides = |side: &usize| (width / 2).is_multiple_of(*side) && (height / 2).is_multiple_of(*side);
        if let Some(side) = (side..=2 * side).find(divides) {
            return Self { width: width / side, height: height / side, is_even: true };
        }
        let samples = |pixels: usize| 2 * (pixels / 2).div_ceil(side).max(1);
        Self { width: samples(width), height: samples(height), is_even: false }
    }

    fn luma(self) -> usize {
        self.width * self.height
    }

    /// Samples of one plane of chroma.
    #[must_use]
    pub fn chroma(self) -> usize {
        (self.width / 2) * (self.height / 2)
    }
}

/// A frame of 4:2:0 video, made small. Samples are in 8-bit units of limited range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Small {
    grid: Grid,
    samples: Box<[u8]>,
    /// The part of the variance inside of the squares that is left in their means, were it noise, in thousandths: what a
    /// codec rightly throws away of grain.
    noise: u32,
}

impl Small {
    /// Makes a raw frame of `width` times `height` pixels small. Bytes that are missing count as black.
    #[must_use]
    pub fn of(raw: &[u8], width: u32, height: u32) -> Self {
        let grid = Grid::of(width, height);
        let (wide, high) = (width as usize, height as usize);
        let mut samples = Vec::with_capacity(grid.luma() + 2 * grid.chroma());
        let (luma, chroma) = split(raw, wide * high);
        let (u, v) = split(chroma, wide.div_ceil(2) * high.div_ceil(2));
        let variance = means(luma, (wide, high), (grid.width, grid.height), &mut samples);
        for plane in [u, v] {
            means(plane, (wide.div_ceil(2), high.div_ceil(2)), (grid.width / 2, grid.height / 2), &mut samples);
        }
        let pixels = (wide * high) as f64 / grid.luma() as f64;
        let noise = (variance / pixels * 1000.0).round().clamp(0.0, 1e9);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let noise = noise as u32;
        Self { grid, samples: samples.into(), noise }
    }

    /// A frame that was made small by FFmpeg, as planes of `grid`.
    #[must_use]
    pub fn reduced(raw: &[u8], grid: Grid) -> Self {
        Self { grid, samples: raw.into(), noise: 0 }
    }

    /// Its grid.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Variance of the noise in a mean, were the detail of the frame noise.
    #[must_use]
    pub fn noise(&self) -> f64 {
        f64::from(self.noise) / 1000.0
    }

    /// The samples of luma, row by row.
    #[must_use]
    pub fn luma(&self) -> &[u8] {
        &self.samples[..self.grid.luma().min(self.samples.len())]
    }

    /// The samples of both planes of chroma, one after the other.
    #[must_use]
    pub fn chroma(&self) -> &[u8] {
        self.samples.get(self.grid.luma()..).unwrap_or_default()
    }

    /// The same with other samples, for trying what a proof sees.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut [u8])) -> Self {
        let mut other = self.clone();
        change(&mut other.samples);
        other
    }
}

fn split(raw: &[u8], at: usize) -> (&[u8], &[u8]) {
    raw.split_at_checked(at).unwrap_or((raw, &[]))
}

/// Appends the rounded means of a plane's cells. Returns the mean variance inside of them.
fn means(plane: &[u8], (width, height): (usize, usize), (across, down): (usize, usize), out: &mut Vec<u8>) -> f64 {
    let mut columns = vec![0_u32; width];
    let mut squares = vec![0_u32; width];
    let mut variance = 0.0;
    let edge = |index: usize, cells: usize, side: usize| index * side / cells;
    for band in 0..down {
        let (top, bottom) = (edge(band, down, height), edge(band + 1, down, height));
        columns.fill(0);
        squares.fill(0);
        let rows = plane.get(top * width..).unwrap_or_default();
        for (at, row) in rows.chunks_exact(width.max(1)).take(bottom - top).enumerate() {
            for (sum, value) in columns.iter_mut().zip(row) {
                *sum += u32::from(*value);
            }
            // Half of the rows are enough to know how much noise there is.
            if at % 2 == 0 {
                for (square, value) in squares.iter_mut().zip(row) {
                    // 255 times itself is less than 2^16: a product of 16 bits is one instruction everywhere.
                    *square += u32::from(u16::from(*value) * u16::from(*value));
                }
            }
        }
        for cell in 0..across {
            let cells = edge(cell, across, width)..edge(cell + 1, across, width);
            let count = (cells.len() * (bottom - top)) as u64;
            let half = (cells.len() * (bottom - top).div_ceil(2)) as u64;
            let sum: u64 = columns[cells.clone()].iter().map(|sum| u64::from(*sum)).sum();
            let square: u64 = squares[cells].iter().map(|square| u64::from(*square)).sum();
            out.push(u8::try_from((sum + count / 2).checked_div(count).unwrap_or(0)).unwrap_or(u8::MAX));
            let mean = sum as f64 / count.max(1) as f64;
            variance += (square as f64 / half.max(1) as f64 - mean * mean).max(0.0);
        }
    }
    variance / ((across * down).max(1) as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::color::Feed;

    #[test]
    fn grids_divide_where_they_can() {
        let grid = |width, height| {
            let Grid { width, height, is_even } = Grid::of(width, height);
            (width, height, is_even)
        };
        assert_eq!(grid(1920, 1080), (160, 90, true));
        assert_eq!(grid(1280, 720), (160, 90, true));
        assert_eq!(grid(3840, 2160), (160, 90, true));
        assert_eq!(grid(640, 360), (160, 90, true));
        assert_eq!(grid(320, 180), (64, 36, true));
        assert_eq!(grid(512, 512), (128, 128, true));
        assert_eq!(grid(1080, 1920), (90, 160, true));
        assert_eq!(grid(854, 480), (144, 80, false));
        assert_eq!(grid(128, 72), (64, 36, true));
        assert_eq!(grid(16, 16), (16, 16, true));
        assert_eq!(grid(2, 2), (2, 2, true));
    }

    #[test]
    fn samples_are_means_and_noise_is_what_they_keep_of_it() {
        // Luma of 10 and 30 by turns; chroma 100 and 200.
        let mut raw: Vec<u8> = (0..640 * 360).map(|at| if at % 2 == 0 { 10 } else { 30 }).collect();
        raw.extend(vec![100; 320 * 180]);
        raw.extend(vec![200; 320 * 180]);
        let small = Small::of(&raw, 640, 360);
        assert!(small.luma().iter().all(|mean| *mean == 20));
        assert_eq!(small.chroma().len(), 2 * 80 * 45);
        assert!(small.chroma().iter().enumerate().all(|(at, mean)| *mean == if at < 80 * 45 { 100 } else { 200 }));
        // A variance of 100 in squares of 16 pixels.
        assert!((small.noise() - 6.25).abs() < 0.01, "{}", small.noise());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_frame_has_a_small_picture(width in 1_u32..400, height in 1_u32..300, length in 0_usize..9000) {
            let (width, height) = (2 * width, 2 * height);
            let small = Small::of(&vec![7; length], width, height);
            prop_assert_eq!(small.luma().len() + small.chroma().len(), small.grid().luma() + 2 * small.grid().chroma());
            let whole = vec![90; Feed::Yuv420p.frame_bytes(width, height)];
            let small = Small::of(&whole, width, height);
            prop_assert!(small.luma().iter().chain(small.chroma()).all(|mean| *mean == 90));
            prop_assert_eq!(small.noise, 0);
        }
    }
}
