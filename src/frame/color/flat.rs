//! Pixels of any kind -> RGB or RGBA of one depth.

use std::borrow::Cow;

use crate::frame::color::linear;
use crate::frame::decode::Pixels;

/// A channel's value: 8 or 16 bits.
pub(super) trait Sample: Copy + Default + 'static {
    /// Full intensity, opaque.
    const MAX: u32;

    fn of_u8(value: u8) -> Self;
    fn of_u16(value: u16) -> Self;
    fn to_u32(self) -> u32;

    /// From a number up to [`Self::MAX`].
    fn of_u32(value: u32) -> Self;

    /// The very values of `pixels`, where they are RGB (or RGBA, as asked) of this depth already.
    fn borrow(pixels: &Pixels, alpha: bool) -> Option<&[Self]>;
}

impl Sample for u8 {
    const MAX: u32 = 0xff;

    fn of_u8(value: u8) -> Self {
        value
    }

    /// The nearest: value / 257, rounded, without a division.
    #[expect(clippy::cast_possible_truncation, reason = "at most 255")]
    fn of_u16(value: u16) -> Self {
        ((u32::from(value) * 255 + 32_895) >> 16) as Self
    }

    fn to_u32(self) -> u32 {
        u32::from(self)
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most MAX")]
    fn of_u32(value: u32) -> Self {
        value as Self
    }

    fn borrow(pixels: &Pixels, alpha: bool) -> Option<&[Self]> {
        match pixels {
            Pixels::Rgb8(values) if !alpha => Some(values),
            Pixels::Rgba8(values) if alpha => Some(values),
            _ => None,
        }
    }
}

impl Sample for u16 {
    const MAX: u32 = 0xffff;

    fn of_u8(value: u8) -> Self {
        Self::from(value) * 257
    }

    fn of_u16(value: u16) -> Self {
        value
    }

    fn to_u32(self) -> u32 {
        u32::from(self)
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most MAX")]
    fn of_u32(value: u32) -> Self {
        value as Self
    }

    fn borrow(pixels: &Pixels, alpha: bool) -> Option<&[Self]> {
        match pixels {
            Pixels::Rgb16(values) if !alpha => Some(values),
            Pixels::Rgba16(values) if alpha => Some(values),
            _ => None,
        }
    }
}

/// RGB; what is transparent shows `background`.
pub(super) fn rgb<T: Sample>(pixels: &Pixels, background: [u8; 3]) -> Cow<'_, [T]> {
    if let Some(values) = T::borrow(pixels, false) {
        return Cow::Borrowed(values);
    }
    let back = background.map(T::of_u8);
    let opaque = |[r, g, b]: [T; 3]| [r, g, b];
    let over = |[r, g, b, a]: [T; 4]| {
        let [r0, g0, b0] = back;
        [blend(r, r0, a), blend(g, g0, a), blend(b, b0, a)]
    };
    Cow::Owned(match pixels {
        Pixels::Gray8(values) => map(values, |[v]| [T::of_u8(v); 3]),
        Pixels::Gray16(values) => map(values, |[v]| [T::of_u16(v); 3]),
        Pixels::GrayAlpha8(values) => map(values, |[v, a]| over(gray_alpha([v, a].map(T::of_u8)))),
        Pixels::GrayAlpha16(values) => map(values, |[v, a]| over(gray_alpha([v, a].map(T::of_u16)))),
        Pixels::Rgb8(values) => map(values, |pixel: [u8; 3]| opaque(pixel.map(T::of_u8))),
        Pixels::Rgb16(values) => map(values, |pixel: [u16; 3]| opaque(pixel.map(T::of_u16))),
        Pixels::Rgba8(values) => map(values, |pixel: [u8; 4]| over(pixel.map(T::of_u8))),
        Pixels::Rgba16(values) => map(values, |pixel: [u16; 4]| over(pixel.map(T::of_u16))),
        Pixels::RgbF32(values) => {
            let encode = linear::Encoder::new();
            map(values, |pixel: [f32; 3]| pixel.map(|value| T::of_u16(encode.srgb(value))))
        }
        Pixels::RgbaF32(values) => {
            let encode = linear::Encoder::new();
            let back = background.map(linear::from_srgb);
            map(values, |pixel| linear::over(pixel, back).map(|value| T::of_u16(encode.srgb(value))))
        }
    })
}

/// RGB and straight alpha; opaque where there was none.
pub(super) fn rgba<T: Sample>(pixels: &Pixels) -> Cow<'_, [T]> {
    if let Some(values) = T::borrow(pixels, true) {
        return Cow::Borrowed(values);
    }
    let opaque = |[r, g, b]: [T; 3]| [r, g, b, T::of_u32(T::MAX)];
    Cow::Owned(match pixels {
        Pixels::Gray8(values) => map(values, |[v]| opaque([T::of_u8(v); 3])),
        Pixels::Gray16(values) => map(values, |[v]| opaque([T::of_u16(v); 3])),
        Pixels::GrayAlpha8(values) => map(values, |[v, a]| gray_alpha([v, a].map(T::of_u8))),
        Pixels::GrayAlpha16(values) => map(values, |[v, a]| gray_alpha([v, a].map(T::of_u16))),
        Pixels::Rgb8(values) => map(values, |pixel: [u8; 3]| opaque(pixel.map(T::of_u8))),
        Pixels::Rgb16(values) => map(values, |pixel: [u16; 3]| opaque(pixel.map(T::of_u16))),
        Pixels::Rgba8(values) => map(values, |pixel: [u8; 4]| pixel.map(T::of_u8)),
        Pixels::Rgba16(values) => map(values, |pixel: [u16; 4]| pixel.map(T::of_u16)),
        Pixels::RgbF32(values) => {
            let encode = linear::Encoder::new();
            map(values, |pixel: [f32; 3]| opaque(pixel.map(|value| T::of_u16(encode.srgb(value)))))
        }
        Pixels::RgbaF32(values) => {
            let encode = linear::Encoder::new();
            map(values, |pixel| {
                let [r, g, b, a] = linear::straight(pixel);
                [encode.srgb(r), encode.srgb(g), encode.srgb(b), linear::to_u16(a)].map(T::of_u16)
            })
        }
    })
}

fn gray_alpha<T: Copy>([v, a]: [T; 2]) -> [T; 4] {
    [v, v, v, a]
}

/// `front` over `back`, rounded. The sum of the two products is at most MAX squared, which fits.
fn blend<T: Sample>(front: T, back: T, alpha: T) -> T {
    let (front, back, alpha) = (front.to_u32(), back.to_u32(), alpha.to_u32());
    T::of_u32((front * alpha + back * (T::MAX - alpha) + T::MAX / 2) / T::MAX)
}

/// Pixel by pixel, from `IN` values to `OUT`.
fn map<S: Copy, T: Sample, const IN: usize, const OUT: usize>(
    values: &[S],
    convert: impl Fn([S; IN]) -> [T; OUT],
) -> Vec<T> {
    let pixels = values.as_chunks::<IN>().0;
    let mut out = vec![T::default(); pixels.len() * OUT];
    for (to, from) in out.as_chunks_mut::<OUT>().0.iter_mut().zip(pixels) {
        *to = convert(*from);
    }
    out
}
