//! What is decoded here is what the `png` crate decodes, and nothing passes here that it refuses.

use png::{Compression, Encoder, Filter};
use proptest::prelude::*;

use super::*;

const KINDS: [ColorType; 4] = [ColorType::Grayscale, ColorType::GrayscaleAlpha, ColorType::Rgb, ColorType::Rgba];
const FILTERS: [Filter; 6] = [Filter::NoFilter, Filter::Sub, Filter::Up, Filter::Avg, Filter::Paeth, Filter::Adaptive];

/// A file of random values in pieces of `piece` bytes.
fn file(
    color: ColorType,
    deep: bool,
    filter: Filter,
    (width, height): (u32, u32),
    values: &[u8],
    piece: usize,
) -> Vec<u8> {
    let depth = if deep { BitDepth::Sixteen } else { BitDepth::Eight };
    let size = color.samples() * (1 + usize::from(deep)) * width as usize * height as usize;
    let pixels: Vec<u8> = values.iter().copied().cycle().take(size).collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_filter(filter);
    encoder.set_compression(Compression::Balanced);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer_with_size(piece).unwrap();
    io::Write::write_all(&mut stream, &pixels).unwrap();
    stream.finish().unwrap();
    writer.finish().unwrap();
    file
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..300)
}

proptest! {
    #[test]
    fn both_ways_give_the_same_pixels(
        color in 0usize..4, deep: bool, filter in 0usize..6, size in (1u32..40, 1u32..30), values in values(),
        piece in 20usize..5000
    ) {
        let file = file(KINDS[color], deep, FILTERS[filter], size, &values, piece);
        let plain = plain::decode(&mut file.clone(), &mut vec![9; 50]).expect("an ordinary file is decoded here");
        prop_assert!(plain == by_crate(&file, &mut Vec::new()).unwrap());
    }

    /// Checksums are mended, so that the damage reaches what they guard.
    #[test]
    fn whatever_passes_here_passes_the_crate(
        color in 0usize..4, deep: bool, filter in 0usize..6, values in values(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let mut file = file(KINDS[color], deep, FILTERS[filter], (9, 7), &values, 64);
        for (place, value) in hits {
            let place = place.index(file.len());
            // Pictures of millions of pixels would only take time.
            if !matches!(place, 16..=18 | 20..=22) {
                file[place] = value;
            }
        }
        mend(&mut file);
        let mut left = file.clone();
        let plain = plain::decode(&mut left, &mut Vec::new());
        let judged = by_crate(&file, &mut Vec::new());
        if let Some(plain) = plain {
            prop_assert!(plain == judged.unwrap());
        } else {
            // What is left of the file is the same picture or none: the crate overlooks a wrong checksum of the stream
            // where that ends in a piece of its own, and sees it once the pieces are joined.
            let left = by_crate(&left, &mut Vec::new());
            prop_assert!(left.is_err() || left.ok() == judged.ok());
        }
    }
}

fn mend(file: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = file.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        let Some(body) = file.get(at + 4..at + 8 + length) else { return };
        let sum = crc32fast::hash(body).to_be_bytes();
        if let Some(place) = file.get_mut(at + 8 + length..at + 12 + length) {
            place.copy_from_slice(&sum);
        }
        at += 12 + length;
    }
}

#[test]
fn what_changes_the_pixels_is_left_to_the_crate() {
    let mut file = file(ColorType::Rgb, false, Filter::Sub, (3, 3), &[1, 2, 3], 999);
    assert!(plain::decode(&mut file.clone(), &mut Vec::new()).is_some());
    let mut body = b"tRNS\0\x01\0\x02\0\x03".to_vec();
    body.extend(crc32fast::hash(&body).to_be_bytes());
    body.splice(0..0, [0, 0, 0, 6]);
    file.splice(33..33, body);
    assert!(plain::decode(&mut file.clone(), &mut Vec::new()).is_none());
    assert_eq!(by_crate(&file, &mut Vec::new()).unwrap().0, ColorType::Rgba);
}

/// Some writers put too many rows into the stream. Whoever reads it then must find a whole file.
#[test]
fn a_doubt_after_the_stream_was_joined_leaves_a_whole_file() {
    let mut file = file(ColorType::Rgb, false, Filter::Paeth, (30, 20), &[1, 5, 250, 7, 90], 24);
    file[20..24].copy_from_slice(&19_u32.to_be_bytes());
    mend(&mut file);
    let mut left = file.clone();
    assert!(plain::decode(&mut left, &mut Vec::new()).is_none());
    assert!(left != file, "there were pieces to join");
    assert!(by_crate(&left, &mut Vec::new()).unwrap() == by_crate(&file, &mut Vec::new()).unwrap());
}
