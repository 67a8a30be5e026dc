//! Films of many kinds, drawn from a formula: what codecs find easy, and what they find hard.

use image::{Rgb, RgbImage};

/// A kind of film.
#[derive(Debug, Clone, Copy)]
pub struct Content {
    /// What it is called.
    pub name: &'static str,
    /// The colour of a pixel: across and down from 0 to 1 (of the width), of frame t of n.
    draw: fn(x: f64, y: f64, pixel: Pixel) -> [f64; 3],
}

/// Where a pixel is.
#[derive(Debug, Clone, Copy)]
struct Pixel {
    column: u32,
    row: u32,
    frame: u32,
    /// From 0 to 1 over the film.
    time: f64,
}

impl Content {
    /// Frame `frame` of `count`.
    #[must_use]
    pub fn picture(&self, width: u32, height: u32, frame: u32, count: u32) -> RgbImage {
        let time = f64::from(frame) / f64::from(count.max(2) - 1);
        RgbImage::from_fn(width, height, |column, row| {
            let (x, y) = (f64::from(column) / f64::from(width), f64::from(row) / f64::from(width));
            let colour = (self.draw)(x, y, Pixel { column, row, frame, time });
            Rgb([byte(colour[0]), byte(colour[1]), byte(colour[2])])
        })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

/// A number from 0 to 1 that looks random.
fn hash(seed: u32, x: u32, y: u32, z: u32) -> f64 {
    let mut h = seed.wrapping_mul(0x9E37_79B9) ^ x.wrapping_mul(0x85EB_CA6B) ^ y.wrapping_mul(0xC2B2_AE35);
    h ^= z.wrapping_mul(0x27D4_EB2F);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h ^= h >> 12;
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h ^= h >> 12;
    f64::from(h >> 8) / f64::from(1 << 24)
}

/// Noise that is about normal, of mean 0 and deviation 1.
fn grain(seed: u32, pixel: Pixel, frame: u32) -> f64 {
    let part = |part: u32| hash(seed + part, pixel.column, pixel.row, frame);
    (part(0) + part(1) + part(2) + part(3)) * 1.732 - 3.464
}

/// Smooth noise over the plane, from 0 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "wraps as it may: it is noise")]
fn smooth(seed: u32, x: f64, y: f64) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f64| t * t * (3.0 - 2.0 * t);
    let (right, down) = (ease(x - left), ease(y - top));
    let at = |dx: f64, dy: f64| hash(seed, (left + dx + 1e6) as u32, (top + dy + 1e6) as u32, 0);
    let upper = at(0.0, 0.0) + right * (at(1.0, 0.0) - at(0.0, 0.0));
    let lower = at(0.0, 1.0) + right * (at(1.0, 1.0) - at(0.0, 1.0));
    upper + down * (lower - upper)
}

/// Like a photograph: shapes of all sizes and colours.
fn texture(seed: u32, x: f64, y: f64) -> [f64; 3] {
    let octave = |seed: u32, scale: f64, weight: f64| weight * (smooth(seed, x * scale, y * scale) - 0.5);
    let light = 128.0 + octave(99, 11.0, 110.0) + octave(99, 23.0, 70.0) + octave(99, 95.0, 40.0);
    let channel = |channel: u32| light + octave(seed + channel, 5.0, 180.0) + octave(seed + channel, 47.0, 40.0);
    [channel(0), channel(7), channel(14)]
}

fn grey(value: f64) -> [f64; 3] {
    [value; 3]
}

/// A dot of this radius at a place, from 0 to 1.
fn dot(x: f64, y: f64, at: (f64, f64), radius: f64) -> f64 {
    let distance = ((x - at.0).powi(2) + (y - at.1).powi(2)).sqrt();
    (1.0 - (distance - radius) * 100.0).clamp(0.0, 1.0)
}

fn stars(x: f64, y: f64, pixel: Pixel) -> [f64; 3] {
    let (mut star, mut light) = (0, 0.0);
    while star < 60 {
        let at = ((hash(1, star, 0, 0) + 0.2 * pixel.time).fract(), 0.6 * hash(2, star, 0, 0));
        let distance = ((x - at.0).powi(2) + (y - at.1).powi(2)) * 90_000.0;
        // Beyond that nothing is left of its light, and a tiny power takes long.
        if distance < 50.0 {
            light += (40.0 + 215.0 * hash(3, star, 0, 0)) * (-distance).exp();
        }
        star += 1;
    }
    grey(4.0 + light)
}

/// All of them.
// Not a constant, whose functions would be compiled with the crate that uses it.
pub static CONTENTS: [Content; 28] = [
    Content { name: "stars", draw: stars },
    Content {
        name: "night",
        draw: |x, y, p| {
            let lamp = dot(x, y, (0.2 + 0.6 * p.time, 0.2), 0.03);
            [12.0 + 200.0 * lamp + 8.0 * y, 12.0 + 170.0 * lamp, 18.0 + 90.0 * lamp]
        },
    },
    Content { name: "flat grey", draw: |_, _, _| grey(128.0) },
    Content { name: "black", draw: |_, _, _| grey(0.0) },
    Content { name: "fade", draw: |x, y, p| texture(3, x, y).map(|value| value * (1.0 - p.time)) },
    Content {
        name: "flash",
        draw: |x, y, p| if p.frame % 7 == 4 { grey(245.0) } else { texture(4, x + 0.1 * p.time, y) },
    },
    Content { name: "strobe", draw: |x, y, p| texture(if p.frame % 2 == 0 { 5 } else { 6 }, x, y) },
    Content {
        name: "calm",
        draw: |x, y, p| {
            let mover = dot(x, y, (0.3 + 0.1 * p.time, 0.3), 0.05);
            [150.0 + 60.0 * x - 90.0 * mover, 140.0 + 40.0 * y, 120.0 + 100.0 * mover]
        },
    },
    Content {
        name: "text",
        draw: |x, y, p| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and small")]
            let (column, row) = ((x * 64.0) as u32, ((y + 0.2 * p.time) * 36.0) as u32);
            let ink = row % 2 == 0 && hash(8, column, row, 0) > 0.4;
            grey(if ink { 16.0 } else { 250.0 })
        },
    },
    Content {
        name: "grain",
        draw: |x, y, p| {
            let noise = 8.0 * grain(10, p, p.frame);
            texture(9, x + 0.05 * p.time, y).map(|value| 40.0 + 0.7 * value + noise)
        },
    },
    Content { name: "dark grain", draw: |_, _, p| grey(22.0 + 3.0 * grain(11, p, p.frame)) },
    Content { name: "noise", draw: |_, _, p| grey(255.0 * hash(12, p.column, p.row, p.frame)) },
    Content {
        name: "colour noise",
        draw: |_, _, p| [13, 14, 15].map(|seed| 255.0 * hash(seed, p.column, p.row, p.frame)),
    },
    Content {
        // Noise of colour, alike in four rows: means of squares keep half of it.
        name: "stripes",
        draw: |_, _, pixel| {
            let Pixel { column, row, frame, .. } = pixel;
            [40, 41, 42].map(|seed| 76.0 + 40.0 * hash(seed, column, row / 4, frame))
        },
    },
    Content {
        name: "checkerboard",
        draw: |_, _, p| grey(if (p.column + p.row + p.frame) % 2 == 0 { 40.0 } else { 210.0 }),
    },
    Content { name: "lines", draw: |_, _, p| grey(if (p.column + p.frame) % 4 == 0 { 230.0 } else { 30.0 }) },
    Content { name: "slow gradient", draw: |x, y, p| [80.0 + 90.0 * x + f64::from(p.frame), 90.0 + 60.0 * y, 100.0] },
    Content {
        name: "colours",
        draw: |x, y, p| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and small")]
            let bar = ((x + 0.5 * p.time) * 8.0) as u32 % 6;
            let level = if y > 0.4 { 128.0 } else { 255.0 };
            std::array::from_fn(|channel| {
                if (0b101_100_110_010_011_001_u32 >> (3 * bar) >> channel) & 1 == 1 { level } else { 0.0 }
            })
        },
    },
    Content { name: "still", draw: |x, y, _| texture(16, x, y) },
    Content { name: "cuts", draw: |x, y, p| texture(17 + 31 * p.frame, x, y) },
    Content { name: "pan", draw: |x, y, p| texture(18, x + 0.4 * p.time, y) },
    Content {
        name: "fast pan",
        draw: |x, y, p| texture(19, x + 0.0625 * f64::from(p.frame), y + 0.03 * f64::from(p.frame)),
    },
    Content {
        name: "zoom",
        draw: |x, y, p| {
            let scale = 1.0 - 0.4 * p.time;
            texture(20, 0.5 + (x - 0.5) * scale, 0.3 + (y - 0.3) * scale)
        },
    },
    Content {
        name: "grey zoom",
        draw: |x, y, p| {
            let scale = 1.0 - 0.2 * p.time;
            texture(21, 0.5 + (x - 0.5) * scale, 0.3 + (y - 0.3) * scale).map(|value| 110.0 + 0.08 * value)
        },
    },
    Content {
        name: "morph",
        draw: |x, y, p| {
            let (one, other) = (texture(22, x, y), texture(23, x, y));
            std::array::from_fn(|channel| one[channel] + p.time * (other[channel] - one[channel]))
        },
    },
    Content {
        name: "blink",
        draw: |x, y, p| {
            let lit = p.frame % 4 < 2 && p.column / 3 == 20 && p.row / 3 == 10;
            if lit { [250.0, 60.0, 40.0] } else { texture(24, x, y).map(|value| 20.0 + 0.3 * value) }
        },
    },
    Content {
        name: "turning",
        draw: |x, y, p| {
            let (sin, cos) = (1.2 * p.time).sin_cos();
            let (x, y) = (x - 0.5, y - 0.28);
            texture(25, x * cos - y * sin + 3.0, x * sin + y * cos + 3.0)
        },
    },
    Content {
        name: "plasma",
        draw: |x, y, p| {
            let wave = |a: f64, b: f64, c: f64| 127.0 + 120.0 * (a * x + b * y + c * p.time).sin();
            [wave(14.0, 5.0, 3.0), wave(-6.0, 19.0, 4.0), wave(9.0, -13.0, -5.0)]
        },
    },
];
