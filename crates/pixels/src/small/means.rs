//! Means of the pixels of a frame, by its layout.

#![expect(clippy::cast_precision_loss, reason = "sums of the bytes of a few pixels are far below 2^52")]

use super::{Grid, Small};

/// A frame of planes; those of chroma have one value for `subsampling` pixels in each direction.
pub(super) fn planar(raw: &[u8], size: (usize, usize), subsampling: usize, grid: Grid) -> Small {
    let chroma_size = (size.0.div_ceil(subsampling), size.1.div_ceil(subsampling));
    let (luma, chroma) = split(raw, size.0 * size.1);
    let (u, v) = split(chroma, chroma_size.0 * chroma_size.1);
    let mut samples = Vec::with_capacity(grid.luma() + 2 * grid.chroma());
    let variance = of_plane(luma, size, (grid.width, grid.height), &mut samples);
    let of_chroma = [u, v].map(|plane| of_plane(plane, chroma_size, (grid.width / 2, grid.height / 2), &mut samples));
    let pixels = |size: (usize, usize), samples: usize| (size.0 * size.1) as f64 / samples as f64;
    let noise = [
        variance / pixels(size, grid.luma()),
        f64::midpoint(of_chroma[0], of_chroma[1]) / pixels(chroma_size, grid.chroma()),
    ];
    of_samples(grid, samples, noise, size)
}

/// Where a sample is hardly more than a pixel, little is known of the noise inside of it: what differs from its neighbours on
/// both sides is taken for noise there.
fn of_samples(grid: Grid, samples: Vec<u8>, noise: [f64; 2], size: (usize, usize)) -> Small {
    let noise = if size.0 * size.1 < 16 * grid.luma() {
        let (luma, chroma) = samples.split_at(grid.luma());
        let chroma = chroma.chunks(grid.chroma().max(1)).map(|plane| roughness(plane, grid.width / 2));
        [roughness(luma, grid.width).max(noise[0]), chroma.fold(noise[1], f64::max)]
    } else {
        noise
    };
    Small::new(grid, samples, noise)
}

/// The variance of what samples differ by from the mean of their two neighbours, across or down, whichever is more. Of noise
/// that mean adds half as much again.
fn roughness(samples: &[u8], width: usize) -> f64 {
    let apart = |step: usize, at: usize| -> Option<f64> {
        let (before, here, after) = (samples.get(at)?, samples.get(at + step)?, samples.get(at + 2 * step)?);
        Some(f64::from(*here) - f64::midpoint(f64::from(*before), f64::from(*after)))
    };
    let variance = |step: usize| {
        let squares: Vec<f64> =
            (0..samples.len()).filter_map(|at| apart(step, at)).map(|apart| apart * apart).collect();
        squares.iter().sum::<f64>() / squares.len().max(1) as f64 / 1.5
    };
    variance(1).max(variance(width.max(1)))
}

fn split(raw: &[u8], at: usize) -> (&[u8], &[u8]) {
    raw.split_at_checked(at).unwrap_or((raw, &[]))
}

/// Where cell `index` of `cells` begins on a side of `side` pixels.
fn edge(index: usize, cells: usize, side: usize) -> usize {
    index * side / cells
}

/// Appends the rounded means of a plane's cells. Returns the mean variance inside of them.
fn of_plane(plane: &[u8], (width, height): (usize, usize), (across, down): (usize, usize), out: &mut Vec<u8>) -> f64 {
    let mut columns = vec![0_u32; width];
    let mut squares = vec![0_u32; width];
    let mut variance = 0.0;
    for band in 0..down {
        let (top, bottom) = (edge(band, down, height), edge(band + 1, down, height));
        columns.fill(0);
        squares.fill(0);
        let rows = plane.get(top * width..).unwrap_or_default();
        for (at, row) in rows.chunks_exact(width.max(1)).take(bottom - top).enumerate() {
            add(row, &mut columns, at % 2 == 0, &mut squares);
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

/// Adds the values of a row to the sums of their columns, and their squares where they are asked for: half of the rows are
/// enough to know how much noise there is.
fn add<S: Value>(row: &[S], columns: &mut [u32], with_squares: bool, squares: &mut [u32]) {
    for (sum, value) in columns.iter_mut().zip(row) {
        *sum += value.wide();
    }
    if with_squares {
        for (square, value) in squares.iter_mut().zip(row) {
            // 255 times itself is less than 2^16: a product of 16 bits is one instruction everywhere.
            let byte = u16::from(value.byte());
            *square += u32::from(byte * byte);
        }
    }
}

/// A channel's value. A band has at most 2^13 rows (half of the highest frame), so that 32 bits hold the sum of a column.
pub(super) trait Value: Copy + Default {
    /// What one 8-bit step counts.
    const UNIT: u32;

    fn wide(self) -> u32;
    fn byte(self) -> u8;
    /// This much of it shows through `alpha` over black.
    fn visible(self, alpha: Self) -> Self;
}

impl Value for u8 {
    const UNIT: u32 = 1;

    fn wide(self) -> u32 {
        u32::from(self)
    }

    fn byte(self) -> u8 {
        self
    }

    fn visible(self, alpha: Self) -> Self {
        u8::try_from((u16::from(self) * u16::from(alpha) + 127) / 255).unwrap_or(u8::MAX)
    }
}

/// Sixteen bits, little-endian.
impl Value for [u8; 2] {
    const UNIT: u32 = 257;

    fn wide(self) -> u32 {
        u32::from(u16::from_le_bytes(self))
    }

    fn byte(self) -> u8 {
        self[1]
    }

    fn visible(self, alpha: Self) -> Self {
        let seen = (self.wide() * alpha.wide() + 32_767) / 65_535;
        u16::try_from(seen).unwrap_or(u16::MAX).to_le_bytes()
    }
}

/// Sums over the pixels of a cell, and how many there are.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    sums: [u64; 4],
    count: u64,
}

impl Cell {
    fn add(&mut self, other: &Self) {
        for (sum, other) in self.sums.iter_mut().zip(other.sums) {
            *sum += other;
        }
        self.count += other.count;
    }

    /// The means of its channels, 0 to 255.
    fn means<S: Value>(&self) -> [f64; 4] {
        self.sums.map(|sum| sum as f64 / (self.count.max(1) * u64::from(S::UNIT)) as f64)
    }
}

/// A frame of `N` interleaved channels: RGB, then alpha if there are four. Its colours, and its alpha.
pub(super) fn interleaved<S: Value, const N: usize>(
    values: &[S],
    (width, height): (usize, usize),
    grid: Grid,
) -> (Small, Option<Small>) {
    let (across, down) = (grid.width, grid.height);
    let mut cells = vec![Cell::default(); grid.luma()];
    let mut columns = vec![0_u32; width * N];
    let mut squares = vec![0_u32; width * N];
    let mut visible = vec![S::default(); width * N];
    let mut variances = [0.0; 4];
    for (band, cells) in cells.chunks_exact_mut(across).enumerate() {
        let (top, bottom) = (edge(band, down, height), edge(band + 1, down, height));
        columns.fill(0);
        squares.fill(0);
        let rows = values.get(top * width * N..).unwrap_or_default();
        for (at, row) in rows.chunks_exact((width * N).max(1)).take(bottom - top).enumerate() {
            let row = if N == 4 {
                for (to, from) in visible.as_chunks_mut::<4>().0.iter_mut().zip(row.as_chunks::<4>().0) {
                    let [red, green, blue, alpha] = *from;
                    *to = [red.visible(alpha), green.visible(alpha), blue.visible(alpha), alpha];
                }
                &visible
            } else {
                row
            };
            add(row, &mut columns, at % 2 == 0, &mut squares);
        }
        for (index, cell) in cells.iter_mut().enumerate() {
            let pixels = edge(index, across, width)..edge(index + 1, across, width);
            cell.count = (pixels.len() * (bottom - top)) as u64;
            let half = (pixels.len() * (bottom - top).div_ceil(2)).max(1) as f64;
            let values = pixels.start * N..pixels.end * N;
            let mut of_squares = [0_u64; 4];
            for (at, (sum, square)) in columns[values.clone()].iter().zip(&squares[values]).enumerate() {
                cell.sums[at % N] += u64::from(*sum);
                of_squares[at % N] += u64::from(*square);
            }
            let means = cell.means::<S>();
            for (variance, (square, mean)) in variances.iter_mut().zip(of_squares.iter().zip(means)) {
                *variance += (*square as f64 / half - mean * mean).max(0.0);
            }
        }
    }
    let size = (width, height);
    let pixels = (width * height) as f64 / cells.len() as f64;
    let [red, green, blue, alpha] = variances.map(|variance| variance / cells.len() as f64 / pixels);
    let (luma_scale, chroma_scale) = (LUMA_STEPS / 255.0, CHROMA_STEPS / 255.0);
    // Green stands for luma. Chroma has a quarter of the samples, each of four times as many pixels; how much of its noise the
    // channels have in common is not known, and taken to be nothing.
    let of_chroma = 0.3 * blue + 0.2 * red + 0.2 * green;
    let noise = [green * luma_scale * luma_scale, of_chroma / 4.0 * chroma_scale * chroma_scale];
    let shown = of_samples(grid, as_yuv::<S>(&cells, grid), noise, size);
    let opaque = (N == 4).then(|| of_samples(grid, alpha_of::<S>(&cells, grid), [alpha, 0.0], size));
    (shown, opaque)
}

/// Steps of luma and of chroma in limited range.
const LUMA_STEPS: f64 = 219.0;
const CHROMA_STEPS: f64 = 224.0;

/// Limited-range BT.709 of the means of RGB. The matrix is linear, so that the mean of the luma is the luma of the means.
fn as_yuv<S: Value>(cells: &[Cell], grid: Grid) -> Vec<u8> {
    let luma_of = |[red, green, blue, _]: [f64; 4]| 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let mut samples = Vec::with_capacity(grid.luma() + 2 * grid.chroma());
    samples.extend(cells.iter().map(|cell| byte(16.0 + LUMA_STEPS / 255.0 * luma_of(cell.means::<S>()))));
    let mut planes: [Vec<u8>; 2] = Default::default();
    for rows in cells.chunks_exact(2 * grid.width) {
        let (upper, lower) = rows.split_at(grid.width);
        for (above, below) in upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0) {
            let mut all = Cell::default();
            above.iter().chain(below).for_each(|cell| all.add(cell));
            let means = all.means::<S>();
            let luma = luma_of(means);
            let [red, _, blue, _] = means;
            for (plane, difference) in planes.iter_mut().zip([(blue - luma) / 1.8556, (red - luma) / 1.5748]) {
                plane.push(byte(128.0 + CHROMA_STEPS / 255.0 * difference));
            }
        }
    }
    samples.extend(planes.into_iter().flatten());
    samples
}

/// Alpha as luma, without colour.
fn alpha_of<S: Value>(cells: &[Cell], grid: Grid) -> Vec<u8> {
    let mut samples: Vec<u8> = cells.iter().map(|cell| byte(cell.means::<S>()[3])).collect();
    samples.resize(grid.luma() + 2 * grid.chroma(), 128);
    samples
}

fn byte(value: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let byte = value.round().clamp(0.0, 255.0) as u8;
    byte
}
