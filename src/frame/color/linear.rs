//! Linear light -> sRGB, by the formula of IEC 61966-2-1.

use std::sync::LazyLock;

/// Cells of one octave of the table.
const CELLS: u32 = 256;

/// Octaves of the table: from 2^-9, which is below the formula's straight part's end, to 1.
const OCTAVES: u32 = 9;

/// The bits of 2^-9 as a float, and how many bits of the mantissa are within a cell.
const FIRST: u32 = (127 - OCTAVES) << 23;
const WITHIN: u32 = 15;

/// The sRGB curve at the corners of the cells, times 65,535. Between two corners it is so nearly straight that the
/// error stays below a tenth of a 16-bit step, at a tenth of the cost of the power.
static CURVE: LazyLock<Vec<f32>> = LazyLock::new(|| {
    (0..=OCTAVES * CELLS).map(|cell| curve(f32::from_bits(FIRST + (cell << WITHIN))) * 65_535.0).collect()
});

/// Turns linear light into 16-bit sRGB.
pub(super) struct Encoder {
    curve: &'static [f32],
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self { curve: &CURVE }
    }

    /// What is below black or not a number is black; what is above white is white.
    pub(super) fn srgb(&self, linear: f32) -> u16 {
        if linear.is_nan() || linear <= 0.0 {
            return 0;
        }
        if linear >= 1.0 {
            return u16::MAX;
        }
        let Some(bits) = linear.to_bits().checked_sub(FIRST) else {
            return round(linear * 12.92 * 65_535.0);
        };
        let cell = (bits >> WITHIN) as usize;
        let [low, high] = self.curve.get(cell..cell + 2).map_or([0.0; 2], |pair| [pair[0], pair[1]]);
        #[expect(clippy::cast_precision_loss, reason = "fifteen bits fit in a float's mantissa")]
        let within = (bits & ((1 << WITHIN) - 1)) as f32 / (1 << WITHIN) as f32;
        round(low + (high - low) * within)
    }
}

/// IEC 61966-2-1, for 0 to 1.
fn curve(linear: f32) -> f32 {
    let linear = f64::from(linear);
    let encoded = if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
    #[expect(clippy::cast_possible_truncation, reason = "rounded to a float's precision")]
    let encoded = encoded as f32;
    encoded
}

/// The other way, from 8 bits.
pub(super) fn from_srgb(encoded: u8) -> f32 {
    let encoded = f32::from(encoded) / 255.0;
    if encoded <= 0.040_45 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) }
}

/// A premultiplied pixel over an opaque one, in linear light.
pub(super) fn over([r, g, b, a]: [f32; 4], [r0, g0, b0]: [f32; 3]) -> [f32; 3] {
    let rest = 1.0 - unit(a);
    [r + r0 * rest, g + g0 * rest, b + b0 * rest]
}

/// A premultiplied pixel with its alpha divided out. Where alpha is zero only light is left, which is kept as it is.
pub(super) fn straight([r, g, b, a]: [f32; 4]) -> [f32; 4] {
    let alpha = unit(a);
    if alpha > 0.0 { [r / alpha, g / alpha, b / alpha, alpha] } else { [r, g, b, 0.0] }
}

/// 0 to 1 as 16 bits.
pub(super) fn to_u16(value: f32) -> u16 {
    round(unit(value) * 65_535.0)
}

/// 0 to 1; not a number is 0.
fn unit(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float's `as` saturates")]
fn round(value: f32) -> u16 {
    (value + 0.5) as u16
}
