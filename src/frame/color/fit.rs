//! A picture onto the canvas: scaled where its size is another, its edges repeated where the canvas is larger.

use std::borrow::Cow;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{Pixel, U8x3, U8x4, U16x3, U16x4};
use fast_image_resize::{PixelTrait, Resizer};

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
    let scaled = Scale::scale(pixels.as_chunks::<N>().0, size, (width, height));

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

/// The largest size with the shape of `size` that fits into `target`, at least one pixel. Where it is the target but for a
/// pixel, as where a side was rounded to an even number, it is the target: one line of background would be seen.
fn inside(size: (u32, u32), target: (u32, u32)) -> (u32, u32) {
    let (width, height) = (u64::from(size.0), u64::from(size.1));
    let (across, down) = (u64::from(target.0), u64::from(target.1));
    let scaled = |side: u64, to: u64, of: u64, most: u32| {
        let nearest = u32::try_from((side * to + of / 2) / of).unwrap_or(u32::MAX).clamp(1, most);
        if nearest + 1 == most { most } else { nearest }
    };
    if width * down >= height * across {
        (target.0, scaled(height, across, width, target.1))
    } else {
        (scaled(width, down, height, target.0), target.1)
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

/// A pixel that can be scaled: by Lanczos' filter, over all pixels that one of the new ones stands for. RGB as it is, RGBA
/// with alpha multiplied in meanwhile, so that the colour of what is transparent does not bleed.
pub(super) trait Scale: Copy {
    fn scale(pixels: &[Self], from: (u32, u32), to: (u32, u32)) -> Vec<Self>;
}

macro_rules! scale {
    ($($values:ty as $pixel:ty,)+) => {$(
        impl Scale for $values {
            fn scale(pixels: &[Self], from: (u32, u32), to: (u32, u32)) -> Vec<Self> {
                let pixels: Vec<$pixel> = pixels.iter().map(|values| Pixel::new(*values)).collect();
                resize(&pixels, from, to).iter().map(|pixel| pixel.0).collect()
            }
        }
    )+};
}

scale! {
    [u8; 3] as U8x3,
    [u8; 4] as U8x4,
    [u16; 3] as U16x3,
    [u16; 4] as U16x4,
}

fn resize<P: PixelTrait>(pixels: &[P], from: (u32, u32), to: (u32, u32)) -> Vec<P> {
    let source = TypedImageRef::new(from.0, from.1, pixels).expect("the caller has checked the number of values");
    let mut out = TypedImage::new(to.0, to.1);
    // Its defaults are Lanczos over three lobes, and alpha taken into account.
    Resizer::new().resize_typed(&source, &mut out, None).expect("without a part there is none that is outside");
    out.pixels().to_vec()
}
