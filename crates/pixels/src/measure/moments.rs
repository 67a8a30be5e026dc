//! Sums over the samples of frames, and the statistics that follow from them.

#![expect(clippy::cast_precision_loss, reason = "sums of bytes of small pictures are far below 2^52")]

use super::{Coarse, Statistic};
use crate::small::Small;

/// Sums over samples, which can be added up over frames. `s` is fed, `d` decoded.
#[derive(Debug, Clone, Default)]
pub(super) struct Moments {
    /// Of luma.
    luma: Pair,
    /// At the scale of chroma: of (Y, U, V) as fed, then as decoded.
    count: f64,
    sums: [f64; 6],
    /// Products of each two, `products[a][b]` with a <= b.
    products: [[f64; 6]; 6],
    /// N of luma and of chroma, summed over frames.
    noise: f64,
    chroma_noise: f64,
    frames: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    count: f64,
    s: f64,
    d: f64,
    ss: f64,
    sd: f64,
    dd: f64,
}

impl Moments {
    /// Those of one frame, and its samples at the scale of chroma.
    pub(super) fn of(fed: &Small, seen: &Small) -> (Self, Coarse, Coarse) {
        let (coarse_fed, coarse_seen) = (coarse(fed), coarse(seen));
        let count = fed.grid().chroma();
        let all: Vec<&[u8]> = planes(&coarse_fed, count).into_iter().chain(planes(&coarse_seen, count)).collect();
        let mut sums = [0.0; 6];
        let mut products = [[0.0; 6]; 6];
        for a in 0..6 {
            sums[a] = sum(all[a]);
            for b in a..6 {
                products[a][b] = super::dot(all[a], all[b]) as f64;
            }
        }
        let (as_fed, as_seen) = (fed.luma(), seen.luma());
        let luma = Pair {
            count: as_fed.len() as f64,
            s: sum(as_fed),
            d: sum(as_seen),
            ss: super::dot(as_fed, as_fed) as f64,
            sd: super::dot(as_fed, as_seen) as f64,
            dd: super::dot(as_seen, as_seen) as f64,
        };
        let moments = Self {
            luma,
            count: count as f64,
            sums,
            products,
            noise: fed.noise(),
            chroma_noise: fed.chroma_noise(),
            frames: 1.0,
        };
        (moments, coarse_fed, coarse_seen)
    }

    pub(super) fn add(&mut self, other: &Self) {
        let Pair { count, s, d, ss, sd, dd } = other.luma;
        let luma = &mut self.luma;
        *luma = Pair {
            count: luma.count + count,
            s: luma.s + s,
            d: luma.d + d,
            ss: luma.ss + ss,
            sd: luma.sd + sd,
            dd: luma.dd + dd,
        };
        self.count += other.count;
        self.noise += other.noise;
        self.chroma_noise += other.chroma_noise;
        self.frames += other.frames;
        for a in 0..6 {
            self.sums[a] += other.sums[a];
            for b in a..6 {
                self.products[a][b] += other.products[a][b];
            }
        }
    }

    /// What is taken frame by frame.
    pub(super) fn of_frame(&self, tell: &mut dyn FnMut(Statistic, f64)) {
        if self.count == 0.0 || self.luma.count == 0.0 {
            return;
        }
        let Pair { count, s, d, ss, sd, dd } = self.luma;
        tell(Statistic::Offset, ((d - s) / count).abs());
        let tint = |plane: usize| ((self.sums[plane + 3] - self.sums[plane]) / self.count).abs();
        tell(Statistic::Tint, tint(1).max(tint(2)));
        let variance = ss / count - (s / count).powi(2);
        tell(Statistic::Residual, (dd - 2.0 * sd + ss) / count / (variance + 16.0 + 4.0 * self.noise));
    }

    /// What is taken over a window.
    pub(super) fn of_window(&self, tell: &mut dyn FnMut(Statistic, f64)) {
        if self.count == 0.0 || self.luma.count == 0.0 {
            return;
        }
        let noise = self.noise / self.frames;
        let Pair { count, s, d, ss, sd, dd } = self.luma;
        let floor = 16.0 + 4.0 * noise;
        let (of_fed, of_seen) = (ss / count - (s / count).powi(2), dd / count - (d / count).powi(2));
        let common = sd / count - s / count * (d / count);
        tell(Statistic::Lost, 1.0 - (common + floor) / (of_fed + floor));
        tell(Statistic::Unlike, 1.0 - (common + floor) / ((of_fed + floor) * (of_seen + floor)).sqrt());

        // x is what was fed: luma about its mean, chroma about grey.
        let mean = |plane: usize| self.sums[plane] / self.count;
        let about = |plane: usize| if plane == 0 { mean(0) } else { 128.0 };
        let product = |a: usize, b: usize| self.products[a.min(b)][a.max(b)] / self.count;
        let sxx = |a: usize, b: usize| product(a, b) - about(a) * mean(b) - about(b) * mean(a) + about(a) * about(b);
        // ⟨x_a, d_b - s_b⟩
        let sxe =
            |a: usize, b: usize| (product(a, b + 3) - about(a) * mean(b + 3)) - (product(a, b) - about(a) * mean(b));
        // Codecs take the noise out of chroma before they take anything else, and all of it.
        let of_chroma = 4.0 + 4.0 * noise + 20.0 * self.chroma_noise / self.frames;
        let ridge = [9.0 + 4.0 * noise, of_chroma, of_chroma];
        let normal: [[f64; 3]; 3] =
            std::array::from_fn(|a| std::array::from_fn(|b| sxx(a, b) + if a == b { ridge[a] } else { 0.0 }));
        let wanted: [[f64; 3]; 3] = std::array::from_fn(|a| std::array::from_fn(|b| sxe(a, b)));
        let Some(fit) = solve(normal, wanted) else { return };
        // fit[a][b]: how much of x_a is in e_b.
        tell(Statistic::Contrast, fit[0][0].abs());
        tell(Statistic::Saturation, f64::midpoint(fit[1][1], fit[2][2]).abs());
        tell(Statistic::Hue, f64::midpoint(fit[1][2], -fit[2][1]).abs());
        tell(Statistic::Bleeding, fit[1][0].abs().max(fit[2][0].abs()));
    }
}

/// Solves `normal` · X = `wanted` by elimination; `normal` is symmetric, and its ridge keeps it from being singular.
fn solve(mut normal: [[f64; 3]; 3], mut wanted: [[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    for column in 0..3 {
        let pivot = (column..3).max_by(|a, b| normal[*a][column].abs().total_cmp(&normal[*b][column].abs()))?;
        normal.swap(column, pivot);
        wanted.swap(column, pivot);
        let by = normal[column][column];
        if by.abs() < 1e-9 {
            return None;
        }
        for at in 0..3 {
            normal[column][at] /= by;
            wanted[column][at] /= by;
        }
        for row in (0..3).filter(|row| *row != column) {
            let by = normal[row][column];
            for at in 0..3 {
                normal[row][at] -= by * normal[column][at];
                wanted[row][at] -= by * wanted[column][at];
            }
        }
    }
    Some(wanted)
}

/// Luma, U and V. Frames that are cut short have fewer.
fn planes(coarse: &[u8], count: usize) -> [&[u8]; 3] {
    std::array::from_fn(|plane| coarse.get(plane * count..(plane + 1) * count).unwrap_or_default())
}

fn sum(samples: &[u8]) -> f64 {
    samples.iter().map(|sample| u64::from(*sample)).sum::<u64>() as f64
}

/// Luma at the scale of chroma, and chroma.
fn coarse(small: &Small) -> Coarse {
    let width = small.grid().width;
    let mut coarse = Vec::with_capacity(3 * small.grid().chroma());
    for rows in small.luma().chunks_exact(2 * width.max(1)) {
        let (top, bottom) = rows.split_at(width);
        let pairs = top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0);
        let mean = |(top, bottom): (&[u8; 2], &[u8; 2])| {
            let sum: u16 = top.iter().chain(bottom).map(|sample| u16::from(*sample)).sum();
            // A quarter of four bytes is a byte.
            u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX)
        };
        coarse.extend(pairs.map(mean));
    }
    coarse.extend_from_slice(small.chroma());
    coarse.into()
}
