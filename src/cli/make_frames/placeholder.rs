//! The placeholder picture of `reeld make-frames`: a number for people, and the same number for machines.
//!
//! The machine-readable strip is 24 squares near the bottom edge, black for 0 and white for 1, most significant bit
//! first, amid mid-grey. It survives lossy 4:2:0 video, so that anyone can decode a video and read back which frames it
//! holds, in which order. Pure drawing: it writes no files.

use crate::frame::color::Feed;

mod glyphs;

/// Bits of the strip. Numbers above 16,777,215 lose their upper bits.
const BITS: u32 = 24;

/// Frames after which the moving bar is back where it began.
const BAR_PERIOD: u32 = 48;

/// Frames after which the background has gone through all of its hues.
const HUE_PERIOD: u32 = 600;

const WHITE: [u8; 3] = [255; 3];
const BLACK: [u8; 3] = [0; 3];
const GREY: [u8; 3] = [128; 3];

/// Draws frame `number`, written with at least `digits` digits, as rows of 8-bit RGB.
///
/// Made for 64 times 64 pixels and more; smaller pictures are drawn too, but say little.
#[must_use]
pub fn draw(width: u32, height: u32, number: u32, digits: usize) -> Vec<u8> {
    let mut frame = Placeholder::new(width, height, number);
    frame.text(&format!("FRAME {number:0digits$}"));
    frame.bar(number);
    frame.strip(number);
    frame.pixels.into_flattened()
}

/// Reads the number back from a raw placeholder frame, laid out as `feed`; of 4:2:0 only the luma plane is read.
///
/// The size is that of the video: the edge that pads an odd frame to an even video does not matter. `None` where the
/// strip is not there, or too blurred to be certain.
#[must_use]
pub fn read_number(raw: &[u8], feed: Feed, width: u32, height: u32) -> Option<u32> {
    // Where the first pixel's most significant byte is, and how far it is to the next pixel's.
    let (first, step) = match feed {
        Feed::Yuv420p => (0, 1),
        Feed::Rgb24 => (0, 3),
        Feed::Rgba => (0, 4),
        Feed::Rgb48le => (1, 6),
        Feed::Rgba64le => (1, 8),
    };
    let strip = Strip::of(width, height);
    let value_at = |x: u32, y: u32| raw.get(first + (y as usize * width as usize + x as usize) * step).copied();
    let mean_of = |area: Area| {
        let inner = area.inner();
        let mut sum = 0;
        for y in inner.top..inner.top + inner.height {
            for x in inner.left..inner.left + inner.width {
                sum += u32::from(value_at(x, y)?);
            }
        }
        sum.checked_div(inner.width * inner.height)
    };
    // Limited and full range have their middle grey within two steps of each other.
    let certain = 40;
    for margin in strip.margins() {
        if mean_of(margin)?.abs_diff(127) > certain {
            return None;
        }
    }
    (0..BITS).try_fold(0, |number, bit| {
        let mean = mean_of(strip.square(bit))?;
        if mean.abs_diff(127) < certain { None } else { Some(number << 1 | u32::from(mean > 127)) }
    })
}

/// A rectangle, in pixels.
#[derive(Debug, Clone, Copy)]
struct Area {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl Area {
    /// Its middle, away from the blur of the edges.
    fn inner(self) -> Self {
        let (x, y) = (self.width / 4, self.height / 4);
        Self { left: self.left + x, top: self.top + y, width: self.width - 2 * x, height: self.height - 2 * y }
    }
}

/// Where the squares are: in one row, or in several where the picture is narrow.
struct Strip {
    columns: u32,
    rows: u32,
    /// Side of a square, even, so that no square begins within a chroma sample.
    side: u32,
    /// The top left corner of the first square.
    left: u32,
    top: u32,
}

impl Strip {
    /// The same for an odd size and for the even one above it.
    fn of(width: u32, height: u32) -> Self {
        let (width, height) = (width.next_multiple_of(2), height.next_multiple_of(2));
        // A margin of one square on either side.
        let columns = match width {
            208.. => 24,
            112.. => 12,
            _ => 8,
        };
        let rows = BITS / columns;
        let side = (width / (columns + 2)).min((height / 20).max(8)).min(height / (rows + 2)).max(2) & !1;
        let left = (width.saturating_sub(columns * side) / 2) & !1;
        let top = height.saturating_sub((rows + 1) * side) & !1;
        Self { columns, rows, side, left, top }
    }

    /// The square of `bit`, counted from the most significant one.
    fn square(&self, bit: u32) -> Area {
        let (column, row) = (bit % self.columns, bit / self.columns);
        self.at(self.left + column * self.side, self.top + row * self.side)
    }

    /// The grey square at the left of each row, and the one at its right.
    fn margins(&self) -> impl Iterator<Item = Area> {
        (0..self.rows).flat_map(move |row| {
            let y = self.top + row * self.side;
            let outside = [self.left.saturating_sub(self.side), self.left + self.columns * self.side];
            outside.map(|x| self.at(x, y))
        })
    }

    fn at(&self, left: u32, top: u32) -> Area {
        Area { left, top, width: self.side, height: self.side }
    }

    /// The grey panel around it all.
    fn panel(&self) -> Area {
        let half = self.side / 2;
        Area {
            left: self.left.saturating_sub(self.side),
            top: self.top.saturating_sub(half),
            width: (self.columns + 2) * self.side,
            height: self.rows * self.side + 2 * half,
        }
    }
}

struct Placeholder {
    width: u32,
    height: u32,
    pixels: Vec<[u8; 3]>,
}

impl Placeholder {
    /// The background: a dark gradient from top to bottom, whose hue turns slowly.
    fn new(width: u32, height: u32, number: u32) -> Self {
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        for y in 0..height {
            let light = 40 + 72 * y / height.max(1);
            let colour = hue(number % HUE_PERIOD * 1536 / HUE_PERIOD + 64 * y / height.max(1)).map(|value| {
                // A third of the colour and two thirds of grey, so that it is quiet.
                u8::try_from((u32::from(value) + 2 * 160) * light / (3 * 160)).unwrap_or(u8::MAX)
            });
            pixels.extend(std::iter::repeat_n(colour, width as usize));
        }
        Self { width, height, pixels }
    }

    /// Fills `area`, as far as it is within the picture.
    fn fill(&mut self, area: Area, colour: [u8; 3]) {
        let (left, right) = (area.left.min(self.width) as usize, (area.left + area.width).min(self.width) as usize);
        let rows = self.pixels.chunks_exact_mut(self.width.max(1) as usize);
        for row in rows.skip(area.top as usize).take(area.height as usize) {
            row.get_mut(left..right).unwrap_or_default().fill(colour);
        }
    }

    /// Writes `text` large, a little above the middle, with a shadow.
    fn text(&mut self, text: &str) {
        let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let cells = letters.saturating_mul(glyphs::WIDTH + 1).saturating_sub(1).max(1);
        let scale = (self.width * 4 / 5 / cells).min(self.height * 3 / 10 / glyphs::HEIGHT).max(1);
        let left = self.width.saturating_sub(cells.saturating_mul(scale)) / 2;
        let top = (self.height * 2 / 5).saturating_sub(glyphs::HEIGHT * scale / 2);
        let shadow = (scale / 4).max(1);
        for (offset, colour) in [(shadow, BLACK), (0, WHITE)] {
            let mut x = left + offset;
            for letter in text.chars() {
                for (row, bits) in (0..).zip(glyphs::glyph(letter)) {
                    for column in (0..glyphs::WIDTH).filter(|column| bits >> (glyphs::WIDTH - 1 - column) & 1 == 1) {
                        let (left, top) = (x + column * scale, top + offset + row * scale);
                        self.fill(Area { left, top, width: scale, height: scale }, colour);
                    }
                }
                x = x.saturating_add((glyphs::WIDTH + 1) * scale);
            }
        }
    }

    /// A bar on a track below the text, which moves with every frame.
    fn bar(&mut self, number: u32) {
        let track = Area {
            left: self.width / 10,
            top: self.height * 31 / 50,
            width: self.width * 4 / 5,
            height: (self.height / 40).max(2),
        };
        self.fill(track, BLACK);
        let width = (track.width / 8).max(2);
        let travel = track.width.saturating_sub(width);
        let left = track.left + travel * (number % BAR_PERIOD) / (BAR_PERIOD - 1);
        self.fill(Area { left, width, ..track }, [255, 176, 32]);
    }

    fn strip(&mut self, number: u32) {
        let strip = Strip::of(self.width, self.height);
        self.fill(strip.panel(), GREY);
        for bit in 0..BITS {
            let white = number >> (BITS - 1 - bit) & 1 == 1;
            self.fill(strip.square(bit), if white { WHITE } else { BLACK });
        }
    }
}

/// A pure colour, `angle` counted in 1536 steps of the circle.
fn hue(angle: u32) -> [u8; 3] {
    let (sector, within) = (angle / 256 % 6, u8::try_from(angle % 256).unwrap_or(u8::MAX));
    let (up, down) = (within, 255 - within);
    match sector {
        0 => [255, up, 0],
        1 => [down, 255, 0],
        2 => [0, 255, up],
        3 => [0, down, 255],
        4 => [up, 0, 255],
        _ => [255, 0, down],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_number_is_read_back_at_any_size(
            width in 64u32..420, height in 64u32..420, number in 0u32..1 << BITS, digits in 0usize..9
        ) {
            let rgb = draw(width, height, number, digits);
            prop_assert_eq!(rgb.len(), Feed::Rgb24.frame_bytes(width, height));
            prop_assert_eq!(read_number(&rgb, Feed::Rgb24, width, height), Some(number));
        }

        #[test]
        fn padding_to_even_sides_moves_nothing(width in 64u32..300, height in 64u32..300, number in 0u32..1 << BITS) {
            let (even_width, even_height) = (width.next_multiple_of(2), height.next_multiple_of(2));
            let mut luma = Vec::new();
            for row in draw(width, height, number, 4).chunks_exact(width as usize * 3) {
                luma.extend(row.as_chunks::<3>().0.iter().map(|[_, g, _]| 16 + g / 10 * 8));
                luma.resize(luma.len().next_multiple_of(even_width as usize), 0);
            }
            luma.resize(Feed::Yuv420p.frame_bytes(even_width, even_height), 128);
            prop_assert_eq!(read_number(&luma, Feed::Yuv420p, even_width, even_height), Some(number));
        }

        #[test]
        fn no_size_panics(width in 1u32..80, height in 1u32..80, number: u32, digits in 0usize..20) {
            let rgb = draw(width, height, number, digits);
            prop_assert_eq!(rgb.len(), Feed::Rgb24.frame_bytes(width, height));
            let _ = read_number(&rgb, Feed::Rgb24, width, height);
            let _ = read_number(&rgb, Feed::Rgba64le, width + 9, height + 9);
        }
    }

    #[test]
    fn other_pictures_have_no_number() {
        for value in [0, 16, 127, 235, 255] {
            let flat = vec![value; Feed::Rgb24.frame_bytes(320, 180)];
            assert_eq!(read_number(&flat, Feed::Rgb24, 320, 180), None);
        }
        assert_eq!(read_number(&[], Feed::Rgb24, 320, 180), None);
    }

    #[test]
    fn every_frame_differs_from_its_neighbours() {
        for number in 0..100 {
            assert_ne!(draw(128, 72, number, 4), draw(128, 72, number + 1, 4));
        }
    }
}
