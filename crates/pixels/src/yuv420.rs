//! 8-bit RGB -> 8-bit 4:2:0 planes: BT.709 matrix, limited range, every value rounded to the nearest.
//!
//! Owns the arithmetic, and the one place where it is compiled for processors with AVX2, which do it in a quarter of the time.
//! It never deals with alpha, depth or the size of the picture: that is done before.
//!
//! Why our own: the `yuv` crate has a hundred thousand lines for every format there is, of which two functions were used. It
//! took two minutes of processor time to build, a sixth of the whole, and in its best mode it rounds chroma twice (up to 0.72
//! steps off, where the nearest is within 0.5). Of a frame of 1920x1080 it made the planes in 1.4 ms, this does in 1.6 ms
//! (RGBA: 2.8 ms), and without AVX2 in 8 ms.

/// Bits after the binary point of a weight. With 15, a weight is a 16-bit number, as the values are: processors multiply
/// eight or sixteen of those at once, and half as many of larger ones.
const SCALE: u32 = 15;

/// Shares of red and blue in luma, in ten thousandths: Rec. ITU-R BT.709-6, item 3.2.
const RED: i32 = 2126;
const BLUE: i32 = 722;
const WHOLE: i32 = 10_000;

/// Steps from black to white, and from one end of chroma to the other, in limited range: BT.709-6, item 3.4.
const LUMA_STEPS: i32 = 219;
const CHROMA_STEPS: i32 = 224;
/// Steps of full range, which RGB has.
const RGB_STEPS: i32 = 255;

/// How much red, green and blue count.
type Weights = [i32; 3];

/// Green has what is left of the `whole`, so that rounded weights still make grey of grey.
const fn weights(red: i32, blue: i32, whole: i32) -> Weights {
    [red, whole - red - blue, blue]
}

/// `steps / 255 * numerator / denominator`, scaled and rounded.
#[expect(clippy::cast_possible_truncation, reason = "below 1 << SCALE")]
const fn scaled(steps: i32, numerator: i32, denominator: i32) -> i32 {
    let (above, below) = ((steps as i64 * numerator as i64) << SCALE, RGB_STEPS as i64 * denominator as i64);
    let half = if above < 0 { -below / 2 } else { below / 2 };
    ((above + half) / below) as i32
}

const LUMA: Weights =
    weights(scaled(LUMA_STEPS, RED, WHOLE), scaled(LUMA_STEPS, BLUE, WHOLE), scaled(LUMA_STEPS, 1, 1));
/// Of (blue - luma) / (2 - 2 BLUE).
const BLUE_DIFFERENCE: Weights = weights(scaled(CHROMA_STEPS, -RED, 2 * (WHOLE - BLUE)), scaled(CHROMA_STEPS, 1, 2), 0);
/// Of (red - luma) / (2 - 2 RED).
const RED_DIFFERENCE: Weights = weights(scaled(CHROMA_STEPS, 1, 2), scaled(CHROMA_STEPS, -BLUE, 2 * (WHOLE - RED)), 0);

/// What black is in limited range, and what grey is in chroma.
const BLACK: i32 = 16;
const GREY: i32 = 128;

/// Pixels of a row that are converted together; even.
const BLOCK: usize = 64;

/// The values of a block by channel: neighbours are computed alike then.
type Block = [[u8; BLOCK]; 3];

/// Converts rows of `width` pixels to planes, one after the other in `out`: luma, and at half the width and height blue and
/// red difference. Width and height are even, and `out` has the room.
// Not generic, or it would be compiled with the crate that calls it, as little optimised as that one.
pub fn of_rgb(pixels: &[[u8; 3]], width: usize, out: &mut [u8]) {
    convert(pixels, width, out);
}

/// The same of pixels with alpha, which does not count.
pub fn of_rgba(pixels: &[[u8; 4]], width: usize, out: &mut [u8]) {
    convert(pixels, width, out);
}

/// Of `N` bytes of a pixel the first three count.
fn convert<const N: usize>(pixels: &[[u8; N]], width: usize, out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the compiler cannot know that the processor was asked")]
        // SAFETY: the processor has just said that it has AVX2, which is all that the function needs.
        return unsafe { convert_avx2(pixels, width, out) };
    }
    convert_rows(pixels, width, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn convert_avx2<const N: usize>(pixels: &[[u8; N]], width: usize, out: &mut [u8]) {
    convert_rows(pixels, width, out);
}

/// Inlined, as all below: what calls it says for which processor it is compiled.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a function of its own would be compiled for every processor")]
fn convert_rows<const N: usize>(pixels: &[[u8; N]], width: usize, out: &mut [u8]) {
    let (luma, chroma) = out.split_at_mut(pixels.len());
    let (blue, red) = chroma.split_at_mut(pixels.len() / 4);
    let pairs_of_rows = pixels.chunks_exact(2 * width).zip(luma.chunks_exact_mut(2 * width));
    let rows_of_chroma = blue.chunks_exact_mut(width / 2).zip(red.chunks_exact_mut(width / 2));
    let mut blocks = ([[0; BLOCK]; 3], [[0; BLOCK]; 3]);
    for ((pixels, luma), (blue, red)) in pairs_of_rows.zip(rows_of_chroma) {
        let ((upper, lower), (upper_luma, lower_luma)) = (pixels.split_at(width), luma.split_at_mut(width));
        let pixels = upper.chunks(BLOCK).zip(lower.chunks(BLOCK));
        let luma = upper_luma.chunks_mut(BLOCK).zip(lower_luma.chunks_mut(BLOCK));
        let chroma = blue.chunks_mut(BLOCK / 2).zip(red.chunks_mut(BLOCK / 2));
        for (((upper, lower), (upper_luma, lower_luma)), (blue, red)) in pixels.zip(luma).zip(chroma) {
            separate(upper, &mut blocks.0);
            separate(lower, &mut blocks.1);
            luma_of(&blocks.0, upper_luma);
            luma_of(&blocks.1, lower_luma);
            chroma_of(&blocks.0, &blocks.1, blue, red);
        }
    }
}

/// At the end of a row a block has values of earlier pixels after those of `pixels`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as `convert_rows`")]
fn separate<const N: usize>(pixels: &[[u8; N]], block: &mut Block) {
    // Of a known length, the loop becomes a few instructions for many pixels.
    if let Ok(pixels) = <&[[u8; N]; BLOCK]>::try_from(pixels) {
        return separate_all(pixels, block);
    }
    separate_all(pixels, block);
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as `convert_rows`")]
fn separate_all<const N: usize>(pixels: &[[u8; N]], [red, green, blue]: &mut Block) {
    for (((red, green), blue), pixel) in red.iter_mut().zip(green).zip(blue).zip(pixels) {
        (*red, *green, *blue) = (pixel[0], pixel[1], pixel[2]);
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as `convert_rows`")]
fn luma_of([red, green, blue]: &Block, out: &mut [u8]) {
    for (((out, red), green), blue) in out.iter_mut().zip(red).zip(green).zip(blue) {
        // Not by `map` of an array, which is a function of its own where crates are built in parts.
        *out = weighed(LUMA, [i16::from(*red), i16::from(*green), i16::from(*blue)], BLACK, SCALE);
    }
}

/// Of two by two pixels together: their sum is weighed, so that nothing is rounded in between.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as `convert_rows`")]
fn chroma_of(upper: &Block, lower: &Block, blue_out: &mut [u8], red_out: &mut [u8]) {
    let mut sums = [[0_i16; BLOCK / 2]; 3];
    for (sums, (upper, lower)) in sums.iter_mut().zip(upper.iter().zip(lower)) {
        let squares = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        for (sum, ([a, b], [c, d])) in sums.iter_mut().zip(squares) {
            *sum = i16::from(*a) + i16::from(*b) + i16::from(*c) + i16::from(*d);
        }
    }
    let [red, green, blue] = &sums;
    for ((((blue_out, red_out), red), green), blue) in blue_out.iter_mut().zip(red_out).zip(red).zip(green).zip(blue) {
        let sums = [*red, *green, *blue];
        *blue_out = weighed(BLUE_DIFFERENCE, sums, GREY, SCALE + 2);
        *red_out = weighed(RED_DIFFERENCE, sums, GREY, SCALE + 2);
    }
}

/// The weighed sum above `zero`, rounded.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as `convert_rows`")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "limited range is within 16 to 240")]
fn weighed(weights: Weights, values: [i16; 3], zero: i32, scale: u32) -> u8 {
    let sum: i32 =
        i32::from(values[0]) * weights[0] + i32::from(values[1]) * weights[1] + i32::from(values[2]) * weights[2];
    ((sum + (zero << scale) + (1 << (scale - 1))) >> scale) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the formulas of the recommendation, not rounded: luma of each pixel, and blue and red difference of a mean.
    fn exact([red, green, blue]: [f64; 3]) -> [f64; 3] {
        let luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        let chroma = |value: f64, share: f64| 128.0 + 224.0 / 255.0 * (value - luma) / (2.0 - 2.0 * share);
        [16.0 + 219.0 / 255.0 * luma, chroma(blue, 0.0722), chroma(red, 0.2126)]
    }

    fn assert_nearest<const N: usize>(pixels: &[[u8; N]], width: usize) {
        let mut out = vec![0; pixels.len() * 3 / 2];
        convert(pixels, width, &mut out);
        let mut plain = vec![0; out.len()];
        convert_rows(pixels, width, &mut plain);
        assert_eq!(out, plain, "AVX2 makes other values");
        let near = |value: u8, exact: f64, what: &str| {
            assert!((f64::from(value) - exact).abs() < 0.52, "{what}: {value}, exact {exact}");
        };
        let values = |pixel: &[u8; N]| [0, 1, 2].map(|channel| f64::from(pixel[channel]));
        for (pixel, luma) in pixels.iter().zip(&out) {
            near(*luma, exact(values(pixel))[0], "luma");
        }
        let (columns, quarter) = (width / 2, pixels.len() / 4);
        for at in 0..quarter {
            let corner = at / columns * 2 * width + at % columns * 2;
            let four = [corner, corner + 1, corner + width, corner + width + 1].map(|at| values(&pixels[at]));
            let mean = [0, 1, 2].map(|channel| four.iter().map(|values| values[channel]).sum::<f64>() / 4.0);
            let [_, blue, red] = exact(mean);
            near(out[pixels.len() + at], blue, "blue difference");
            near(out[pixels.len() + quarter + at], red, "red difference");
        }
    }

    proptest! {
        /// Widths of less than a block, of blocks, and of blocks and a rest.
        #[test]
        fn every_value_is_the_nearest(width in 1_usize..80, height in 1_usize..4, bytes in prop::collection::vec(any::<u8>(), 160 * 6 * 4)) {
            let (width, count) = (2 * width, 4 * width * height);
            assert_nearest(&bytes.as_chunks::<3>().0[..count], width);
            assert_nearest(&bytes.as_chunks::<4>().0[..count], width);
        }
    }

    #[test]
    fn grey_is_grey_and_the_ends_are_the_ends() {
        for level in 0..=255 {
            let mut out = [0; 6];
            convert(&[[level; 3]; 4], 2, &mut out);
            assert_eq!(out[4..], [128, 128], "{level}");
        }
        for (pixel, wanted) in [
            ([0, 0, 0], [16, 128, 128]),
            ([255, 255, 255], [235, 128, 128]),
            ([0, 0, 255], [32, 240, 118]),
            ([255, 0, 0], [63, 102, 240]),
        ] {
            let mut out = [0; 6];
            convert(&[pixel; 4], 2, &mut out);
            assert_eq!([out[0], out[4], out[5]], wanted, "{pixel:?}");
        }
    }
}
