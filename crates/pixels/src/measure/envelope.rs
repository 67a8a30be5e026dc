//! What a decoded frame shows that was nowhere near in the frames as fed.
//!
//! The other statistics are taken over whole frames, in which a small box, a subtitle or a damaged block is nothing. A
//! codec blurs, and shows a moving thing a little beside its place or a frame too late, but it shows nothing that is far
//! from all of these: that is why neighbours in space and in time count as the truth too. A mean of nine samples counts and
//! not the worst sample, because one sample alone is off by up to 10 of 255 in honest video, and nine together by up to 4
//! (FFmpeg 5.1.9 at usual qualities).

use std::sync::Arc;

use crate::small::Small;

/// How far around a sample, and how large the places are whose mean counts.
const AROUND: usize = 2;

/// The darkest and the brightest value around each sample of a frame.
#[derive(Debug, Clone)]
struct Bounds {
    low: Vec<u8>,
    high: Vec<u8>,
}

/// Remembers the bounds of the frame before, so that each frame's are found once.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    before: Option<[Bounds; 3]>,
    own: Option<[Bounds; 3]>,
}

impl Envelope {
    /// The largest mean, over 3x3 samples of any plane, of what `seen` is outside of the bounds of `fed`, of the frame
    /// before, and of `next`. Called for each frame in order.
    pub(super) fn judge(&mut self, fed: &Arc<Small>, seen: &Arc<Small>, next: Option<&Arc<Small>>) -> f64 {
        let own = self.own.take().unwrap_or_else(|| bounds(fed));
        let next = next.map(|next| bounds(next));
        let mut worst: f64 = 0.0;
        for (plane, (samples, width)) in planes(seen).into_iter().enumerate() {
            let around = [Some(&own), self.before.as_ref(), next.as_ref()];
            let around: Vec<&Bounds> = around.into_iter().flatten().map(|bounds| &bounds[plane]).collect();
            worst = worst.max(outside(samples, width, &around));
        }
        self.before = Some(own);
        self.own = next;
        worst
    }
}

/// The planes of a picture, with their widths.
fn planes(small: &Small) -> [(&[u8], usize); 3] {
    let grid = small.grid();
    let (u, v) = small.chroma().split_at(grid.chroma().min(small.chroma().len()));
    [(small.luma(), grid.width), (u, grid.width / 2), (v, grid.width / 2)]
}

fn bounds(small: &Small) -> [Bounds; 3] {
    planes(small)
        .map(|(samples, width)| Bounds { low: spread(samples, width, u8::min), high: spread(samples, width, u8::max) })
}

/// For each sample, what `choose` makes of those around it: first in its row, then in its column. It is compiled for each
/// `choose` by itself: called through a pointer for each byte, it took as long as all other statistics together.
fn spread(samples: &[u8], width: usize, choose: impl Fn(u8, u8) -> u8 + Copy) -> Vec<u8> {
    if width == 0 {
        return Vec::new();
    }
    let mut across = samples.to_vec();
    for (row, out) in samples.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        for shift in 1..=AROUND.min(width - 1) {
            for (value, other) in out[shift..].iter_mut().zip(row) {
                *value = choose(*value, *other);
            }
            for (value, other) in out.iter_mut().zip(&row[shift..]) {
                *value = choose(*value, *other);
            }
        }
    }
    let mut down = across.clone();
    for shift in (1..=AROUND).map(|rows| rows * width).take_while(|shift| *shift < across.len()) {
        for (value, other) in down[shift..].iter_mut().zip(&across) {
            *value = choose(*value, *other);
        }
        for (value, other) in down.iter_mut().zip(&across[shift..]) {
            *value = choose(*value, *other);
        }
    }
    down
}

/// What `choose` makes of the values at the same place; nothing where there are none.
fn merged<'a>(mut planes: impl Iterator<Item = &'a [u8]>, choose: impl Fn(u8, u8) -> u8 + Copy) -> Vec<u8> {
    let mut merged = planes.next().unwrap_or_default().to_vec();
    for plane in planes {
        for (value, other) in merged.iter_mut().zip(plane) {
            *value = choose(*value, *other);
        }
    }
    merged
}

fn outside(seen: &[u8], width: usize, around: &[&Bounds]) -> f64 {
    let low = merged(around.iter().map(|bounds| &*bounds.low), u8::min);
    let high = merged(around.iter().map(|bounds| &*bounds.high), u8::max);
    let by = seen.iter().zip(low.iter().zip(&high));
    let by: Vec<u16> =
        by.map(|(seen, (low, high))| u16::from(low.saturating_sub(*seen).max(seen.saturating_sub(*high)))).collect();
    if by.iter().all(|by| *by == 0) || width == 0 {
        return 0.0;
    }
    let height = by.len() / width;
    let mut worst = 0;
    for y in 0..height {
        for x in (0..width).filter(|x| by[y * width + x] > 0) {
            let rows = y.saturating_sub(1)..(y + 2).min(height);
            let columns = x.saturating_sub(1)..(x + 2).min(width);
            let sum = rows.flat_map(|row| &by[row * width + columns.start..row * width + columns.end]).sum::<u16>();
            worst = worst.max(sum);
        }
    }
    f64::from(worst) / 9.0
}
