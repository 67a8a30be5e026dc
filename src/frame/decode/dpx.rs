//! DPX and Cineon by reeld itself: rows of values of a fixed length.
//!
//! Values of video stay as they are. Linear ones and densities become linear light in floating point, which is shown as that of
//! EXR is.

use crate::frame::FrameErrorKind;
use crate::frame::complete::{Bytes, DpxChannels as Channels, DpxLayout as Layout, DpxPacking as Packing, Transfer};
use crate::frame::decode::Pixels;

pub(super) fn decode(bytes: &dyn Bytes) -> Result<Pixels, FrameErrorKind> {
    let layout = Layout::of(bytes)?;
    let count = layout.channels.count();
    let (width, height) = (layout.width as usize, layout.height as usize);
    let mut row = vec![0; usize::try_from(layout.row()).unwrap_or(0)];
    let mut values: Vec<u16> = Vec::with_capacity(width * height * count);
    for at in 0..u64::from(layout.height) {
        bytes.read_at(layout.start + at * layout.stride, &mut row)?;
        let end = values.len() + width * count;
        unpack(&layout, &row, &mut values);
        // What fills up the last word.
        values.truncate(end);
    }
    if layout.channels == Channels::Abgr {
        values.as_chunks_mut::<4>().0.iter_mut().for_each(|pixel| pixel.reverse());
    }
    let most = u16::MAX >> (16 - layout.bits);
    Ok(match layout.transfer {
        Transfer::Display if layout.bits == 8 => {
            let values = values.into_iter().map(|value| u8::try_from(value).unwrap_or(u8::MAX)).collect();
            match layout.channels {
                Channels::Gray => Pixels::Gray8(values),
                Channels::Rgb => Pixels::Rgb8(values),
                Channels::Rgba | Channels::Abgr => Pixels::Rgba8(values),
            }
        }
        Transfer::Display => {
            let widen = |value: u16| (u32::from(value) * 0xffff + u32::from(most) / 2) / u32::from(most);
            // A value is at most `most`.
            let values = values.into_iter().map(|value| u16::try_from(widen(value)).unwrap_or(u16::MAX)).collect();
            match layout.channels {
                Channels::Gray => Pixels::Gray16(values),
                Channels::Rgb => Pixels::Rgb16(values),
                Channels::Rgba | Channels::Abgr => Pixels::Rgba16(values),
            }
        }
        Transfer::Linear | Transfer::Log => floats(&layout, &values, most),
    })
}

/// The values of a row.
fn unpack(layout: &Layout, row: &[u8], out: &mut Vec<u16>) {
    let short = |raw: &[u8; 2]| if layout.is_big_endian { u16::from_be_bytes(*raw) } else { u16::from_le_bytes(*raw) };
    let long = |raw: &[u8; 4]| if layout.is_big_endian { u32::from_be_bytes(*raw) } else { u32::from_le_bytes(*raw) };
    let (shorts, longs) = (row.as_chunks::<2>().0.iter().map(short), row.as_chunks::<4>().0.iter().map(long));
    #[expect(clippy::cast_possible_truncation, reason = "ten or twelve bits")]
    match (layout.bits, layout.packing) {
        (8, _) => out.extend(row.iter().map(|value| u16::from(*value))),
        (10, packing @ (Packing::Upper | Packing::Lower)) => {
            let fill = if packing == Packing::Upper { 2 } else { 0 };
            // Of grey pictures the first value is the lowest, of colours the highest.
            let places = if layout.channels == Channels::Gray { [0, 10, 20] } else { [20, 10, 0] };
            out.extend(longs.flat_map(|word| places.map(|place| (word >> (fill + place) & 0x3ff) as u16)));
        }
        (bits @ (10 | 12), Packing::Tight) => {
            let (mut held, mut count) = (0_u64, 0);
            for word in longs {
                held |= u64::from(word) << count;
                count += 32;
                while count >= bits {
                    out.push((held & ((1 << bits) - 1)) as u16);
                    held >>= bits;
                    count -= bits;
                }
            }
        }
        (12, Packing::Upper) => out.extend(shorts.map(|value| value >> 4)),
        (12, Packing::Lower) => out.extend(shorts.map(|value| value & 0xfff)),
        _ => out.extend(shorts),
    }
}

/// Linear light, premultiplied.
fn floats(layout: &Layout, values: &[u16], most: u16) -> Pixels {
    let unit = |value: u16| f32::from(value) / f32::from(most);
    let table: Vec<f32> = match layout.transfer {
        Transfer::Log => (0..=most).map(|value| from_density(unit(value))).collect(),
        Transfer::Linear | Transfer::Display => (0..=most).map(unit).collect(),
    };
    // A value is at most `most`.
    let light = |value: u16| table.get(usize::from(value)).copied().unwrap_or(0.0);
    match layout.channels {
        Channels::Gray => Pixels::RgbF32(values.iter().flat_map(|value| [light(*value); 3]).collect()),
        Channels::Rgb => Pixels::RgbF32(values.iter().map(|value| light(*value)).collect()),
        Channels::Rgba | Channels::Abgr => {
            let of = |[r, g, b, a]: &[u16; 4]| {
                let alpha = unit(*a);
                [light(*r) * alpha, light(*g) * alpha, light(*b) * alpha, alpha]
            };
            Pixels::RgbaF32(values.as_chunks::<4>().0.iter().flat_map(of).collect())
        }
    }
}

/// The light that made a density, 0 to 1 of all codes: Kodak, "Conversion of 10-bit Log Film Data to 8-bit Linear or Video
/// Data for the Cineon Digital Film System" (1995). Of 1023 codes of 0.002 densities each, 95 is black, and 685 is white, on a
/// negative with a gamma of 0.6. What is above white is brighter than 1.
fn from_density(value: f32) -> f32 {
    const BLACK: f64 = 95.0;
    const WHITE: f64 = 685.0;
    const PER_CODE: f64 = 0.002 / 0.6;
    let of = |code: f64| 10_f64.powf((code - WHITE) * PER_CODE);
    let black = of(BLACK);
    let light = (of(f64::from(value) * 1023.0) - black) / (1.0 - black);
    #[expect(clippy::cast_possible_truncation, reason = "rounded to a float's precision")]
    let light = light.max(0.0) as f32;
    light
}
