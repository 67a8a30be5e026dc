//! A picture onto the canvas: scaled where its size is another, its edges repeated where the canvas is larger.

use std::borrow::Cow;

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Pixel, Primitive, Rgb, Rgba};

use crate::frame::color::Canvas;
use crate::frame::color::flat::Sample;

/// `N` values a pixel, of a picture of `size`, as the whole canvas. Borrows where nothing is to be done.
pub(super) fn onto<'a, T, const N: usize>(
    pixels: Cow<'a, [T]>,
    size: (u32, u32),
    canvas: &Canvas,
    background: [u8; 3],
) -> Cow<'a, [T]>
where
    T: Sample,
    [T; N]: Scale,
{
    let picture = (canvas.picture_width, canvas.picture_height);
    let pixels = if size == picture { pixels } else { Cow::Owned(centre::<T, N>(&pixels, size, picture, background)) };
    if picture == (canvas.width, canvas.height) {
        return pixels;
    }
    Cow::Owned(repeat_edges::<T, N>(&pixels, picture, (canvas.width, canvas.height)))
}

/// Scales to the largest size of the same shape that fits, amid the background.
fn centre<T: Sample, const N: usize>(pixels: &[T], size: (u32, u32), target: (u32, u32), background: [u8; 3]) -> Vec<T>
where
    [T; N]: Scale,
{
    let (width, height) = inside(size, target);
    let mut scaled = pixels.as_chunks::<N>().0.to_vec();
    scaled.iter_mut().for_each(Scale::premultiply);
    let mut scaled = Scale::scale(scaled, size, (width, height));
    scaled.iter_mut().for_each(Scale::divide);

    // The background's alpha, where there is one, is zero.
    let [r, g, b] = background.map(T::of_u8);
    let mut colour = [T::default(); N];
    for (to, from) in colour.iter_mut().zip([r, g, b]) {
        *to = from;
    }
    let mut out = vec![colour; target.0 as usize * target.1 as usize];
    let (left, top) = (((target.0 - width) / 2) as usize, ((target.1 - height) / 2) as usize);
    let rows = out.chunks_exact_mut(target.0 as usize).skip(top);
    for (row, from) in rows.zip(scaled.chunks_exact(width as usize)) {
        if let Some(to) = row.get_mut(left..left + from.len()) {
            to.copy_from_slice(from);
        }
    }
    out.into_flattened()
}

/// The largest size with the shape of `size` that fits into `target`, at least one pixel.
fn inside(size: (u32, u32), target: (u32, u32)) -> (u32, u32) {
    let (width, height) = (u64::from(size.0), u64::from(size.1));
    let (across, down) = (u64::from(target.0), u64::from(target.1));
    let scaled = |side: u64, to: u64, of: u64| u32::try_from((side * to + of / 2) / of).unwrap_or(u32::MAX).max(1);
    if width * down >= height * across {
        (target.0, scaled(height, across, width).min(target.1))
    } else {
        (scaled(width, down, height).min(target.0), target.1)
    }
}

fn repeat_edges<T: Sample, const N: usize>(pixels: &[T], size: (u32, u32), target: (u32, u32)) -> Vec<T> {
    let (width, target_width) = (size.0 as usize, target.0 as usize);
    let mut out = Vec::with_capacity(target_width * target.1 as usize);
    for row in pixels.as_chunks::<N>().0.chunks_exact(width) {
        out.extend_from_slice(row);
        out.extend(row.last().into_iter().flat_map(|last| std::iter::repeat_n(*last, target_width - width)));
    }
    let last_row = out.len() - target_width;
    for _ in size.1..target.1 {
        out.extend_from_within(last_row..last_row + target_width);
    }
    out.into_flattened()
}

/// A pixel that can be scaled: RGB as it is, RGBA with alpha multiplied in, so that the colour of what is transparent
/// does not bleed.
pub(super) trait Scale: Copy {
    fn premultiply(&mut self);
    fn divide(&mut self);
    fn scale(pixels: Vec<Self>, from: (u32, u32), to: (u32, u32)) -> Vec<Self>;
}

impl<T: Sample + Primitive> Scale for [T; 3]
where
    Rgb<T>: Pixel<Subpixel = T>,
{
    fn premultiply(&mut self) {}

    fn divide(&mut self) {}

    fn scale(pixels: Vec<Self>, from: (u32, u32), to: (u32, u32)) -> Vec<Self> {
        resize::<Rgb<T>>(pixels.into_flattened(), from, to).as_chunks().0.to_vec()
    }
}

impl<T: Sample + Primitive> Scale for [T; 4]
where
    Rgba<T>: Pixel<Subpixel = T>,
{
    fn premultiply(&mut self) {
        let [color @ .., alpha] = self;
        for value in color {
            *value = T::of_u32((value.to_u32() * alpha.to_u32() + T::MAX / 2) / T::MAX);
        }
    }

    fn divide(&mut self) {
        let [color @ .., alpha] = self;
        let alpha = alpha.to_u32();
        for value in color {
            // The filter's overshoot can lift a colour above its alpha.
            let value_now = value.to_u32().min(alpha);
            *value = T::of_u32((value_now * T::MAX + alpha / 2).checked_div(alpha).unwrap_or(0));
        }
    }

    fn scale(pixels: Vec<Self>, from: (u32, u32), to: (u32, u32)) -> Vec<Self> {
        resize::<Rgba<T>>(pixels.into_flattened(), from, to).as_chunks().0.to_vec()
    }
}

fn resize<P: Pixel + 'static>(values: Vec<P::Subpixel>, from: (u32, u32), to: (u32, u32)) -> Vec<P::Subpixel> {
    let picture: ImageBuffer<P, Vec<P::Subpixel>> =
        ImageBuffer::from_raw(from.0, from.1, values).expect("the caller has checked the number of values");
    imageops::resize(&picture, to.0, to.1, FilterType::Lanczos3).into_raw()
}
