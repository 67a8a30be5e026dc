//! Each statistic reads the value of the lie that it is made for, and nothing of a film that is as it was.

use proptest::prelude::*;

use super::*;
use crate::Feed;
use crate::small::{Layers, Layout};

const SIZE: (u32, u32) = (320, 180);

/// A frame of a film that moves: a wave over the picture, and colours that turn.
fn frame(time: f64) -> Vec<u8> {
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let byte = |value: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a byte")]
        let byte = value.round() as u8;
        byte
    };
    let wave = |x: usize, y: usize, a: f64, b: f64| ((x as f64 * a + y as f64 * b) / 30.0 + time * 0.4).sin();
    let mut raw = Vec::new();
    for y in 0..height {
        raw.extend((0..width).map(|x| byte(110.0 + 60.0 * wave(x, y, 1.0, 0.7))));
    }
    for (a, b) in [(0.8, 1.5), (-1.1, 0.9)] {
        for y in 0..height / 2 {
            raw.extend((0..width / 2).map(|x| byte(128.0 + 40.0 * wave(2 * x, 2 * y, a, b))));
        }
    }
    raw
}

fn small(raw: &[u8], size: (u32, u32)) -> Arc<Small> {
    Layers::of(raw, Layout::Feed(Feed::Yuv420p), size).color
}

fn film(count: u32) -> Vec<Arc<Small>> {
    (0..count).map(|time| small(&frame(f64::from(time)), SIZE)).collect()
}

/// The largest value of each statistic.
fn worst(fed: &[Arc<Small>], seen: &[Arc<Small>]) -> Vec<(Statistic, f64)> {
    let mut worst: Vec<(Statistic, f64)> = Statistic::ALL.map(|statistic| (statistic, 0.0)).into();
    let mut tell = |reading: Reading| {
        let known = worst.iter_mut().find(|(statistic, _)| *statistic == reading.statistic).unwrap();
        known.1 = known.1.max(reading.value);
    };
    let mut measure = Measure::new(2.0);
    for (fed, seen) in fed.iter().zip(seen) {
        measure.see(Arc::clone(fed), Arc::clone(seen), &mut tell);
    }
    measure.finish(&mut tell);
    worst
}

#[track_caller]
fn assert_reads(seen: &[Arc<Small>], statistic: Statistic, value: f64) {
    let all = worst(&film(24), seen);
    let read = all.iter().find(|(other, _)| *other == statistic).unwrap().1;
    assert!((read - value).abs() < 0.1 * value.max(0.1), "{statistic:?} reads {read}, not {value}: {all:?}");
}

#[track_caller]
fn assert_reads_more(seen: &[Arc<Small>], statistic: Statistic) {
    let all = worst(&film(24), seen);
    let read = all.iter().find(|(other, _)| *other == statistic).unwrap().1;
    assert!(read > 0.95, "{statistic:?} reads {read}: {all:?}");
}

fn changed(change: impl Fn(&mut [u8])) -> Vec<Arc<Small>> {
    film(24).iter().map(|small| Arc::new(small.with(&change))).collect()
}

#[test]
fn a_film_that_is_as_it_was_reads_nothing() {
    for count in [1, 2, 7, 24, 33] {
        let film = film(count);
        for (statistic, value) in worst(&film, &film) {
            assert!(value.abs() < 1e-9, "{statistic:?} {value} of {count}");
        }
    }
}

#[test]
fn each_lie_reads_what_it_is() {
    let luma = film(1)[0].luma().len();
    assert_reads(&changed(|all| add(&mut all[..luma], 3)), Statistic::Offset, 3.0);
    assert_reads(&changed(|all| add(&mut all[luma..], 5)), Statistic::Tint, 5.0);
    assert_reads(&changed(|all| all[luma..].fill(128)), Statistic::Saturation, 1.0);
    // A quarter of a turn: U is what V was, and V the opposite of what U was.
    let turned = changed(|all| {
        let (u, v) = all[luma..].split_at_mut((all_samples() - luma) / 2);
        u.swap_with_slice(v);
        for value in v {
            *value = 255 - *value;
        }
    });
    assert_reads(&turned, Statistic::Hue, 1.0);
    assert_reads(&changed(|all| all[..luma].fill(110)), Statistic::Lost, 1.0);
    assert_reads(&changed(|all| all[..luma].fill(110)), Statistic::Contrast, 1.0);
    // Nine samples of 40 above all that is near, in a place of nine.
    let bright = changed(|all| {
        for row in 10..13 {
            all[row * 64 + 20..row * 64 + 23].fill(230);
        }
    });
    let outside = worst(&film(24), &bright).iter().find(|(other, _)| *other == Statistic::Outside).unwrap().1;
    assert!(outside > 40.0, "{outside}");
}

fn add(samples: &mut [u8], step: u8) {
    for sample in samples {
        *sample += step;
    }
}

fn all_samples() -> usize {
    film(1)[0].luma().len() + film(1)[0].chroma().len()
}

#[test]
fn a_film_in_another_order_reads_what_it_is() {
    let film = film(24);
    let order = |place: &dyn Fn(usize) -> usize| -> Vec<Arc<Small>> {
        (0..24).map(|at| Arc::clone(&film[place(at)])).collect()
    };
    let exchanged = |at| match at {
        9 => 12,
        12 => 9,
        at => at,
    };
    assert_reads_more(&order(&exchanged), Statistic::Swapped);
    assert_reads_more(&order(&|at| 23 - at), Statistic::Swapped);
    assert_reads_more(&order(&|at| at.saturating_sub(1)), Statistic::Late);
    assert_reads_more(&order(&|at| (at + 2).min(23)), Statistic::Late);
    assert_reads_more(&order(&|_| 0), Statistic::Frozen);
    assert_reads_more(&order(&|at| at.min(8)), Statistic::Frozen);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is decoded, every reading is a number, and about frames that there are.
    #[test]
    fn readings_are_numbers(films in prop::collection::vec(prop::collection::vec(any::<u8>(), 96), 1..40)) {
        let mut measure = Measure::new(2.0);
        let count = films.len() as u64;
        let mut wrong = None;
        let mut tell = |reading: Reading| {
            if !reading.value.is_finite() || *reading.frames.end() >= count {
                wrong = Some(reading);
            }
        };
        for (fed, seen) in films.iter().zip(films.iter().rev()) {
            measure.see(small(fed, (8, 8)), small(seen, (8, 8)), &mut tell);
        }
        measure.finish(&mut tell);
        prop_assert_eq!(wrong, None);
    }
}
