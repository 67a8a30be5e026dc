//! Swapped neighbours are found, and whatever a codec may do to frames in their order is none of it.

use proptest::prelude::*;

use super::*;
use crate::frame::color::Feed;

const SIZE: (usize, usize) = (640, 360);
const ALLOWED: u8 = 32;

/// A picture of one value, with a square of 14 pixels in another at `x`: 12% of a cell.
fn picture(ground: u8, x: usize) -> Signature {
    let mut raw = vec![ground; SIZE.0 * SIZE.1 * 3];
    for row in 100..114 {
        raw[(row * SIZE.0 + x) * 3..(row * SIZE.0 + x + 14) * 3].fill(220);
    }
    sign(&raw)
}

fn sign(raw: &[u8]) -> Signature {
    Signature::of(raw, Feed::Rgb24, 640, 360)
}

/// A small square that moves by one cell a frame.
fn moving(count: usize) -> Vec<Signature> {
    (0..count).map(|number| picture(40, number * 40 + 13)).collect()
}

fn judge(fed: &[Signature], seen: &[Signature], allowed: u8) -> Result<(), Flaw> {
    let mut order = Order::new(allowed);
    (0..).zip(fed).zip(seen).try_for_each(|((index, fed), seen)| order.judge(index, fed.clone(), seen.clone()))
}

fn within(fed: &[Signature], seen: &[Signature]) -> Result<(), Flaw> {
    judge(fed, seen, ALLOWED)
}

#[test]
fn a_small_thing_in_the_wrong_order_is_found_though_each_picture_is_within_tolerance() {
    let fed = moving(8);
    assert_eq!(within(&fed, &fed), Ok(()));
    for first in 0..7 {
        let mut seen = fed.clone();
        seen.swap(first, first + 1);
        assert!(seen.iter().zip(&fed).all(|(seen, fed)| seen.distance(fed) <= ALLOWED));
        let index = first as u64 + 1;
        assert_eq!(within(&fed, &seen), Err(Flaw::Swapped { index }));
    }
}

#[test]
fn a_codec_that_leaves_changes_out_is_not_accused() {
    let fed = moving(8);
    let late: Vec<Signature> = (0..8_usize).map(|index| fed[index.saturating_sub(1)].clone()).collect();
    let early: Vec<Signature> = (0..8_usize).map(|index| fed[(index + 1).min(7)].clone()).collect();
    let halved: Vec<Signature> = (0..8).map(|index| fed[index / 2 * 2].clone()).collect();
    let gone = vec![sign(&vec![40; SIZE.0 * SIZE.1 * 3]); 8];
    for seen in [late, early, halved, gone] {
        assert_eq!(within(&fed, &seen), Ok(()));
    }
    // Something that blinks, and the codec does not follow.
    let on_and_off = [13, 53, 13, 53, 13, 53].map(|x| picture(40, x));
    let [on, off, ..] = &on_and_off;
    for seen in [[on, on, on, on, on, on], [on, on, on, off, off, off]] {
        assert_eq!(within(&on_and_off, &seen.map(Clone::clone)), Ok(()));
    }
}

#[test]
fn what_hardly_differs_says_nothing() {
    // A slow fade in steps below what is looked at, shown backwards: who would know?
    let fade: Vec<Signature> = (0..6).map(|step| picture(40 + step * 7, 13)).collect();
    let swapped: Vec<Signature> = [1, 0, 3, 2, 5, 4].map(|index: usize| fade[index].clone()).to_vec();
    assert_eq!(within(&fade, &swapped), Ok(()));
    let mut seen = moving(4);
    seen.swap(1, 2);
    assert_eq!(within(&vec![picture(40, 13); 4], &seen), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A static scene, a cut, a flash, a fade, flicker: with errors as large as the worst that were measured at default
    /// quality, in any direction and anew in every frame, nothing is swapped.
    #[test]
    fn errors_of_a_codec_are_no_swap(
        grounds in prop::collection::vec(0_u8..=255, 2..12),
        errors in prop::collection::vec(prop::collection::vec(-6_i16..=6, 16 * 9 * 3), 12),
        uniform: bool
    ) {
        let flat = |values: &dyn Fn(usize) -> u8| {
            let raw: Vec<u8> = (0..16 * 9 * 3).map(values).collect();
            Signature::of(&raw, Feed::Rgb24, 16, 9)
        };
        let fed: Vec<Signature> = grounds.iter().map(|ground| flat(&|_| *ground)).collect();
        let seen: Vec<Signature> = grounds.iter().zip(&errors).map(|(ground, errors)| {
            // The same everywhere, as key frames do it, or each cell its own.
            let error = |cell: usize| errors[if uniform { 0 } else { cell }];
            flat(&|cell| u8::try_from((i16::from(*ground) + error(cell)).clamp(0, 255)).unwrap())
        }).collect();
        prop_assert_eq!(within(&fed, &seen), Ok(()));
    }
}
