//! The kinds of TIFF, each written byte by byte as TIFF 6.0 (and `BigTIFF`) says, against the values that went in.

use super::*;

/// How a file is laid out.
#[derive(Clone, Copy)]
struct Form {
    big: bool,
    little: bool,
    planar: bool,
}

const USUAL: Form = Form { big: false, little: true, planar: false };

/// What its values are.
struct Kind<'k> {
    /// Bits and format of each value: 1 integers, 3 floating point.
    bits: u16,
    format: u16,
    photometric: u16,
    samples: u16,
    extra: &'k [u16],
    orientation: Option<u16>,
}

const RGB: Kind<'_> = Kind { bits: 8, format: 1, photometric: 2, samples: 3, extra: &[], orientation: None };

/// An uncompressed file of one strip, or of one a plane. `values` are those of the pixels, each as little-endian bytes.
fn write(form: Form, kind: &Kind<'_>, (width, height): (u16, u16), values: &[Vec<u8>]) -> Vec<u8> {
    let Form { big, little, planar } = form;
    let number = |value: u64, size: usize| {
        let bytes = &value.to_le_bytes()[..size];
        if little { bytes.to_vec() } else { bytes.iter().rev().copied().collect() }
    };
    let planes = if planar { usize::from(kind.samples) } else { 1 };
    let samples = usize::from(kind.samples);
    let mut strips: Vec<Vec<u8>> = vec![Vec::new(); planes];
    for (index, value) in values.iter().enumerate() {
        let mut value = value.clone();
        if !little {
            value.reverse();
        }
        strips[if planar { index % samples } else { 0 }].extend(value);
    }
    let word = if big { 8 } else { 4 };
    let start = if big { 16 } else { 8 };
    let mut starts = vec![start];
    starts.extend(strips.iter().scan(start, |end, strip| {
        *end += strip.len() as u64;
        Some(*end)
    }));
    let long = if big { 16 } else { 4 };
    let mut entries: Vec<(u16, u16, Vec<u64>)> = vec![
        (256, 3, vec![width.into()]),
        (257, 3, vec![height.into()]),
        (258, 3, vec![kind.bits.into(); samples]),
        (259, 3, vec![1]),
        (262, 3, vec![kind.photometric.into()]),
        (273, long, starts[..planes].to_vec()),
        (277, 3, vec![samples as u64]),
        (278, 3, vec![height.into()]),
        (279, long, strips.iter().map(|strip| strip.len() as u64).collect()),
        (284, 3, vec![if planar { 2 } else { 1 }]),
        (339, 3, vec![kind.format.into(); samples]),
    ];
    if !kind.extra.is_empty() {
        entries.push((338, 3, kind.extra.iter().map(|extra| (*extra).into()).collect()));
    }
    if let Some(orientation) = kind.orientation {
        entries.push((274, 3, vec![orientation.into()]));
    }
    entries.sort_unstable();
    let directory = starts[planes];
    let count_size = if big { 8 } else { 2 };
    let after = directory + count_size as u64 + entries.len() as u64 * if big { 20 } else { 12 } + word as u64;
    let (mut table, mut beside) = (number(entries.len() as u64, count_size), Vec::new());
    for (tag, of, numbers) in entries {
        let size = match of {
            3 => 2,
            4 => 4,
            _ => 8,
        };
        let mut value: Vec<u8> = numbers.iter().flat_map(|value| number(*value, size)).collect();
        table.extend([number(tag.into(), 2), number(of.into(), 2), number(numbers.len() as u64, word)].concat());
        if value.len() > word {
            table.extend(number(after + beside.len() as u64, word));
            beside.append(&mut value);
        } else {
            value.resize(word, 0);
            table.append(&mut value);
        }
    }
    let order: &[u8] = if little { b"II" } else { b"MM" };
    let mark = if big { [number(43, 2), number(8, 2), number(0, 2)].concat() } else { number(42, 2) };
    let head = [order.to_vec(), mark, number(directory, word)].concat();
    [head, strips.concat(), table, vec![0; word], beside].concat()
}

fn decoded(bytes: &[u8]) -> Picture {
    try_decode(bytes, "a.tif").unwrap()
}

fn bytes(values: &[u8]) -> Vec<Vec<u8>> {
    values.iter().map(|value| vec![*value]).collect()
}

fn words(values: &[u16]) -> Vec<Vec<u8>> {
    values.iter().map(|value| value.to_le_bytes().to_vec()).collect()
}

const TWELVE: [u8; 12] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 255];

#[test]
fn every_form_of_file_has_the_same_pixels() {
    let wide = TWELVE.map(|value| u16::from(value) * 257 - 5);
    for big in [false, true] {
        for little in [false, true] {
            for planar in [false, true] {
                let form = Form { big, little, planar };
                let picture = decoded(&write(form, &RGB, (2, 2), &bytes(&TWELVE)));
                assert_eq!(picture.pixels, Pixels::Rgb8(TWELVE.to_vec()), "{big} {little} {planar}");
                let kind = Kind { bits: 16, ..RGB };
                let picture = decoded(&write(form, &kind, (2, 2), &words(&wide)));
                assert_eq!(picture.pixels, Pixels::Rgb16(wide.to_vec()), "{big} {little} {planar}");
                assert_eq!((picture.info.deep, picture.info.alpha, picture.info.linear), (true, false, false));
            }
        }
    }
}

#[test]
fn every_cut_of_a_big_file_is_an_error() {
    let whole = write(Form { big: true, ..USUAL }, &RGB, (2, 2), &bytes(&TWELVE));
    for length in 1..whole.len() {
        assert!(try_decode(&whole[..length], "a.tif").is_err(), "{length} of {}", whole.len());
    }
}

#[test]
fn grey_has_every_kind_of_value() {
    let gray = Kind { photometric: 1, samples: 1, ..RGB };
    assert_eq!(decoded(&write(USUAL, &gray, (2, 1), &bytes(&[3, 250]))).pixels, Pixels::Gray8(vec![3, 250]));
    let inverse = Kind { photometric: 0, ..gray };
    assert_eq!(decoded(&write(USUAL, &inverse, (2, 1), &bytes(&[3, 250]))).pixels, Pixels::Gray8(vec![252, 5]));
    // Each row begins with a byte of its own.
    for (bits, rows, shown) in [
        (1, vec![vec![0b1010_0000], vec![0b0110_0000]], [255, 0, 255, 0, 255, 255]),
        (2, vec![vec![0b1100_0100], vec![0b0001_1000]], [255, 0, 85, 0, 85, 170]),
        (4, vec![vec![0xf0, 0x80], vec![0x12, 0x30]], [255, 0, 136, 17, 34, 51]),
    ] {
        let packed = Kind { bits, ..gray };
        assert_eq!(decoded(&write(USUAL, &packed, (3, 2), &rows)).pixels, Pixels::Gray8(shown.to_vec()), "{bits} bits");
    }
    let long: Vec<Vec<u8>> = [0x1234_5678_u32, u32::MAX].iter().map(|value| value.to_le_bytes().to_vec()).collect();
    assert_eq!(
        decoded(&write(USUAL, &Kind { bits: 32, ..gray }, (2, 1), &long)).pixels,
        Pixels::Gray16(vec![0x1234, 0xffff])
    );
    // 0.25 and 1.5 in half, single and double precision: linear light, which may be above white.
    let half = words(&[0x3400, 0x3e00]);
    let single: Vec<Vec<u8>> = [0.25_f32, 1.5].iter().map(|value| value.to_le_bytes().to_vec()).collect();
    let double: Vec<Vec<u8>> = [0.25_f64, 1.5].iter().map(|value| value.to_le_bytes().to_vec()).collect();
    for (bits, values) in [(16, half), (32, single), (64, double)] {
        let picture = decoded(&write(USUAL, &Kind { bits, format: 3, ..gray }, (2, 1), &values));
        assert_eq!(picture.pixels, Pixels::RgbF32(vec![0.25, 0.25, 0.25, 1.5, 1.5, 1.5]), "{bits} bits");
        assert!(picture.info.linear && picture.info.deep);
    }
}

#[test]
fn alpha_is_what_the_file_says() {
    let rgba = [100, 50, 0, 128, 9, 8, 7, 0];
    let of = |extra: &[u16]| decoded(&write(USUAL, &Kind { samples: 4, extra, ..RGB }, (2, 1), &bytes(&rgba)));
    // Divided: 100 of 128 is 199 of 255. What is not there has no colour.
    assert_eq!(of(&[1]).pixels, Pixels::Rgba8(vec![199, 100, 0, 128, 0, 0, 0, 0]));
    assert_eq!(of(&[2]).pixels, Pixels::Rgba8(rgba.to_vec()));
    // Nobody said that it is alpha, and it is often zero.
    assert_eq!(of(&[0]).pixels, Pixels::Rgb8(vec![100, 50, 0, 9, 8, 7]));
    assert!(of(&[2]).info.alpha && !of(&[0]).info.alpha);

    // With something more after it, it is no other.
    let five = [100, 50, 0, 128, 77, 9, 8, 7, 0, 77];
    for (planar, extra) in [(false, [1, 0]), (true, [1, 0]), (false, [2, 0]), (true, [2, 0])] {
        let kind = Kind { samples: 5, extra: &extra, ..RGB };
        let picture = try_decode(&write(Form { planar, ..USUAL }, &kind, (2, 1), &bytes(&five)), "a.tif");
        let wanted = if extra[0] == 1 { vec![199, 100, 0, 128, 0, 0, 0, 0] } else { rgba.to_vec() };
        assert_eq!(picture.unwrap().pixels, Pixels::Rgba8(wanted), "{planar} {extra:?}");
    }
    let gray = Kind { photometric: 1, samples: 2, extra: &[1], ..RGB };
    assert_eq!(decoded(&write(USUAL, &gray, (1, 1), &bytes(&[64, 128]))).pixels, Pixels::GrayAlpha8(vec![128, 128]));
    let unsaid = Kind { extra: &[0], ..gray };
    assert_eq!(decoded(&write(USUAL, &unsaid, (1, 1), &bytes(&[64, 0]))).pixels, Pixels::Gray8(vec![64]));

    // In floating point it is the other way round: straight colours are multiplied.
    let floats: Vec<Vec<u8>> = [0.5_f32, 1.0, 2.0, 0.5].iter().map(|value| value.to_le_bytes().to_vec()).collect();
    let of = |extra: &[u16]| {
        let kind = Kind { bits: 32, format: 3, samples: 4, extra, ..RGB };
        decoded(&write(USUAL, &kind, (1, 1), &floats)).pixels
    };
    assert_eq!(of(&[1]), Pixels::RgbaF32(vec![0.5, 1.0, 2.0, 0.5]));
    assert_eq!(of(&[2]), Pixels::RgbaF32(vec![0.25, 0.5, 1.0, 0.5]));
}

#[test]
fn ink_is_the_opposite_of_light() {
    let cmyk = Kind { photometric: 5, samples: 4, ..RGB };
    let picture = decoded(&write(USUAL, &cmyk, (2, 1), &bytes(&[0, 255, 255, 0, 0, 0, 0, 255])));
    assert_eq!(picture.pixels, Pixels::Rgb8(vec![255, 0, 0, 0, 0, 0]));
}

#[test]
fn it_is_turned_as_its_tag_says() {
    let turned = Kind { orientation: Some(6), ..RGB };
    let picture = decoded(&write(USUAL, &turned, (2, 1), &bytes(&[1, 2, 3, 4, 5, 6])));
    assert_eq!((picture.info.width, picture.info.height), (1, 2));
    assert_eq!(picture.pixels, Pixels::Rgb8(vec![1, 2, 3, 4, 5, 6]));
    let mirrored = Kind { orientation: Some(2), ..RGB };
    let picture = decoded(&write(USUAL, &mirrored, (2, 1), &bytes(&[1, 2, 3, 4, 5, 6])));
    assert_eq!(picture.pixels, Pixels::Rgb8(vec![4, 5, 6, 1, 2, 3]));
}

#[test]
fn what_is_not_read_is_named() {
    let palette = Kind { photometric: 3, samples: 1, ..RGB };
    let signed = Kind { format: 2, ..RGB };
    for (file, says) in [
        (write(USUAL, &palette, (2, 1), &bytes(&[1, 2])), "a TIFF with a palette"),
        (write(USUAL, &signed, (1, 1), &bytes(&[1, 2, 3])), "a TIFF with signed or complex values"),
    ] {
        let error = try_decode(&file, "a.tif").unwrap_err();
        assert!(matches!(&error, FrameErrorKind::Unsupported(what) if what == says), "{error:?}");
        assert!(complete::examine(&file.as_slice(), Path::new("a.tif"), None).is_err());
    }
    let mut zstd = write(USUAL, &RGB, (1, 1), &bytes(&[1, 2, 3]));
    let at = zstd.windows(8).position(|entry| entry == [3, 1, 3, 0, 1, 0, 0, 0]).unwrap();
    zstd[at + 8..at + 10].copy_from_slice(&50_000_u16.to_le_bytes());
    let error = try_decode(&zstd, "a.tif").unwrap_err();
    assert!(matches!(&error, FrameErrorKind::Unsupported(what) if what == "a TIFF with ZSTD compression"), "{error:?}");
}
