//! DPX and Cineon written number by number, as their standards say. That FFmpeg reads the same out of such files is tested by
//! `tests/it/formats.rs`; what FFmpeg 9.0 does not read of these (tight values of ten bits, ABGR of more than eight) was compared
//! with `OpenImageIO` 3.2 when this was written.

use super::*;

const SIDES: (u32, u32) = (5, 2);

#[derive(Clone, Copy)]
struct Kind {
    /// 6 grey, 50 RGB, 51 RGBA, 52 ABGR.
    descriptor: u8,
    transfer: u8,
    bits: u8,
    packing: u16,
    big_endian: bool,
}

const VIDEO: Kind = Kind { descriptor: 50, transfer: 6, bits: 8, packing: 0, big_endian: true };

impl Kind {
    fn channels(self) -> usize {
        [(6, 1), (50, 3), (51, 4), (52, 4)].into_iter().find(|(known, _)| *known == self.descriptor).unwrap().1
    }

    fn put(self, file: &mut [u8], at: usize, value: u32, size: usize) {
        let bytes = if self.big_endian {
            value.to_be_bytes()[4 - size..].to_vec()
        } else {
            value.to_le_bytes()[..size].to_vec()
        };
        file[at..at + size].copy_from_slice(&bytes);
    }

    /// A file of these values, each row of which is filled up to four bytes.
    fn file(self, values: &[u32]) -> Vec<u8> {
        let mut file = vec![0; 2048];
        file[..4].copy_from_slice(if self.big_endian { b"SDPX" } else { b"XPDS" });
        for (at, value) in [(4, 2048), (660, u32::MAX), (772, SIDES.0), (776, SIDES.1), (808, 2048)] {
            self.put(&mut file, at, value, 4);
        }
        self.put(&mut file, 770, 1, 2);
        self.put(&mut file, 804, self.packing.into(), 2);
        (file[800], file[801], file[803]) = (self.descriptor, self.transfer, self.bits);
        for row in values.chunks(SIDES.0 as usize * self.channels()) {
            let start = file.len();
            match (self.bits, self.packing) {
                (8, _) => file.extend(row.iter().map(|value| u8::try_from(*value).unwrap())),
                (10 | 12, 0) => {
                    let low = |all: u128| u32::try_from(all & 0xffff_ffff).unwrap();
                    let mut all = 0_u128;
                    let mut words = Vec::new();
                    let mut count = 0;
                    for value in row {
                        all |= u128::from(*value) << count;
                        count += u32::from(self.bits);
                        while count >= 32 {
                            words.push(low(all));
                            all >>= 32;
                            count -= 32;
                        }
                    }
                    words.push(low(all));
                    for word in words {
                        file.extend(if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() });
                    }
                }
                (10, packing) => {
                    for three in row.chunks(3) {
                        let value = |at: usize| three.get(at).copied().unwrap_or(0);
                        let word = (value(0) << 20 | value(1) << 10 | value(2)) << if packing == 1 { 2 } else { 0 };
                        file.extend(if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() });
                    }
                }
                _ => {
                    for value in row {
                        let value = u16::try_from(*value).unwrap();
                        file.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
                    }
                }
            }
            file.resize(start + (file.len() - start).next_multiple_of(4), 0);
        }
        let length = u32::try_from(file.len()).unwrap();
        self.put(&mut file, 16, length, 4);
        file
    }
}

/// Values that are all different, of this many bits.
fn values(count: usize, bits: u8) -> Vec<u32> {
    (1..=u32::try_from(count).unwrap())
        .map(|value| value.wrapping_mul(2_654_435_761) >> 9 & ((1 << bits) - 1))
        .collect()
}

fn decoded(bytes: &[u8]) -> Picture {
    let picture = try_decode(bytes, "a.dpx").unwrap();
    assert_eq!(picture.info, complete::examine(&bytes, Path::new("a.dpx"), None).unwrap().1);
    picture
}

#[test]
fn tight_values_and_values_from_alpha_to_red_are_read() {
    for big_endian in [true, false] {
        let kind = Kind { bits: 10, descriptor: 52, big_endian, ..VIDEO };
        let count = 10 * kind.channels();
        let stored = values(count, 10);
        let Pixels::Rgba16(found) = decoded(&kind.file(&stored)).pixels else { panic!() };
        let wanted: Vec<u32> = stored.chunks(4).flat_map(|pixel| pixel.iter().rev().copied()).collect();
        // Of 65,535 steps each of 1023 has 64.06.
        let found: Vec<u32> = found.iter().map(|value| (u32::from(*value) * 1023 + 32_767) / 65_535).collect();
        assert_eq!(found, wanted);
    }
}

/// 95 is black, 685 is white, and 0.18 of the light is 0.457319613085418 of all codes: so `colour.log_encoding_Cineon(0.18)` of
/// the Python package colour-science (0.4), whose tests have the value.
#[test]
fn densities_are_the_light_that_made_them() {
    let codes = [0, 95, 467, 468, 685, 1023, 95, 685, 467, 1];
    let stored: Vec<u32> = codes.iter().flat_map(|code| [*code; 3]).collect();
    for transfer in [1, 3] {
        let picture = decoded(&Kind { bits: 10, packing: 1, transfer, ..VIDEO }.file(&stored));
        assert!(picture.info.linear && picture.info.deep && !picture.info.alpha);
        let Pixels::RgbF32(light) = picture.pixels else { panic!() };
        let [below, black, dark, bright, white, most] = [0, 3, 6, 9, 12, 15].map(|at| light[at]);
        assert!(below == 0.0 && black < 1e-6, "{below} {black}");
        // The grey is at code 467.84.
        assert!(dark < 0.18 && 0.18 < bright && bright - dark < 0.002, "{dark} {bright}");
        assert!((white - 1.0).abs() < 1e-6 && (most - 13.53).abs() < 0.01, "{white} {most}");
    }
}

#[test]
fn linear_values_are_light_and_alpha_is_multiplied() {
    let stored: Vec<u32> = [65_535, 0, 32_768, 32_768].repeat(10);
    let kind = Kind { bits: 16, transfer: 2, descriptor: 51, ..VIDEO };
    let mut file = kind.file(&stored);
    let Pixels::RgbaF32(light) = decoded(&file).pixels else { panic!() };
    for (found, wanted) in light.iter().zip([0.5, 0.0, 0.25, 0.5]) {
        assert!((found - wanted).abs() < 1e-4, "{found} for {wanted}");
    }
    // FFmpeg calls all of its files linear.
    file[160..164].copy_from_slice(b"Lavc");
    let picture = decoded(&file);
    assert!(!picture.info.linear);
    assert!(matches!(&picture.pixels, Pixels::Rgba16(found) if found[..4] == [65_535, 0, 32_768, 32_768]));
}

#[test]
fn rows_are_found_however_they_are_filled_up() {
    let stored = values(30, 8);
    let wanted: Vec<u8> = stored.iter().map(|value| u8::try_from(*value).unwrap()).collect();
    let filled = VIDEO.file(&stored);
    assert_eq!(decoded(&filled).pixels, Pixels::Rgb8(wanted.clone()));
    // 15 bytes a row, and no more: not all writers fill rows up.
    let mut tight = [&filled[..2048], &wanted].concat();
    VIDEO.put(&mut tight, 16, 2048 + 30, 4);
    assert_eq!(decoded(&tight).pixels, Pixels::Rgb8(wanted.clone()));
    // With eight more bytes after each row.
    let mut spaced = [&filled[..2064], &[9; 8], &filled[2064..], &[9; 8]].concat();
    VIDEO.put(&mut spaced, 812, 8, 4);
    assert_eq!(decoded(&spaced).pixels, Pixels::Rgb8(wanted));
    // A file that says that it is longer is cut, and no file without fill.
    for length in [2048, 2048 + 16, filled.len() - 2] {
        assert!(matches!(try_decode(&filled[..length], "a.dpx"), Err(FrameErrorKind::Torn(_))), "{length}");
    }
    assert!(matches!(try_decode(&filled[..1000], "a.dpx"), Err(FrameErrorKind::Torn(_))));
}

#[test]
fn a_dpx_is_turned_as_it_says() {
    let stored = values(30, 8);
    let pixel =
        |at: usize| stored[3 * at..][..3].iter().map(|value| u8::try_from(*value).unwrap()).collect::<Vec<u8>>();
    for (said, orientation) in (0_u32..).zip([1, 2, 4, 3, 5, 6, 8, 7]) {
        let mut file = VIDEO.file(&stored);
        VIDEO.put(&mut file, 768, said, 2);
        let picture = decoded(&file);
        let (x, y) = shown_at(orientation, (1, 0), SIDES);
        let at = (y * picture.info.width + x) as usize;
        let Pixels::Rgb8(found) = &picture.pixels else { panic!() };
        assert_eq!(found[3 * at..][..3], pixel(1), "{said}");
    }
}

#[test]
fn what_is_not_read_of_dpx_is_named() {
    let stored = values(30, 8);
    for (at, value, size, says) in [
        (806, 1, 2, "run-length"),
        (800, 100, 1, "YCbCr"),
        (800, 1, 1, "elements of their own"),
        (803, 32, 1, "32 bits a channel"),
        (780, 1, 4, "signed"),
    ] {
        let mut file = VIDEO.file(&stored);
        VIDEO.put(&mut file, at, value, size);
        let error = try_decode(&file, "a.dpx").unwrap_err();
        assert!(matches!(&error, FrameErrorKind::Unsupported(what) if what.contains(says)), "{error:?}");
    }
    let mut file = VIDEO.file(&stored);
    VIDEO.put(&mut file, 772, 4_000_000, 4);
    assert!(matches!(try_decode(&file, "a.dpx"), Err(FrameErrorKind::TooLarge(_))));
}

/// A Cineon file of three channels of ten bits.
fn cineon(codes: &[u32], little: bool) -> Vec<u8> {
    let mut file = vec![0; 1024];
    let number = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    file[..4].copy_from_slice(&number(0x802a_5fd7));
    for (at, value) in [(4, 1024), (20, 1024 + 40), (200, SIDES.0), (204, SIDES.1)] {
        file[at..at + 4].copy_from_slice(&number(value));
    }
    (file[193], file[198], file[681]) = (3, 10, 5);
    for pixel in codes.chunks(3) {
        file.extend(number(pixel[0] << 22 | pixel[1] << 12 | pixel[2] << 2));
    }
    file
}

#[test]
fn cineon_is_read_as_densities() {
    let codes: Vec<u32> = values(30, 10);
    let Pixels::RgbF32(wanted) = decoded(&Kind { bits: 10, packing: 1, transfer: 3, ..VIDEO }.file(&codes)).pixels
    else {
        panic!()
    };
    for little in [false, true] {
        let file = cineon(&codes, little);
        assert_eq!(decoded(&file).pixels, Pixels::RgbF32(wanted.clone()));
        assert!(matches!(try_decode(&file[..file.len() - 1], "a.cin"), Err(FrameErrorKind::Torn(_))));
    }
    let mut planes = cineon(&codes, false);
    planes[680] = 2;
    assert!(matches!(try_decode(&planes, "a.cin"), Err(FrameErrorKind::Unsupported(_))));
}
