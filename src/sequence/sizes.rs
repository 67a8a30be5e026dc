//! Frames of several sizes under one counter: which of them are films of their own.
//!
//! Two nodes that save under one name, a picture and its enlargement, count together: one after the other, or all of the
//! one and then all of the other. The sizes tell them apart. It reads nothing and knows nothing of a film but the sizes.

use std::collections::BTreeMap;

/// What frames of another size than most of their sequence mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeChange {
    /// Where there are several of one size, they are a video of their own; else as with `Fit`.
    Split,
    /// They are scaled into the size of the others, their shape kept; an anomaly.
    Fit,
    /// The batch fails.
    Error,
}

/// Pixels across and down.
pub type Size = (u32, u32);

/// From this many frames on a size is a film's own. Fewer are strays, such as a thumbnail, or a test in half the size.
pub const OWN: usize = 8;

/// The frames with these sizes, which come in order, by the films that they are of. The frames of each ascend, and the films
/// are in order of their first frames.
///
/// Where every stretch of one size is long, each stretch is a film. Where sizes alternate, each size is one. Strays stay with
/// the frame before them.
#[must_use]
pub fn by_size(sizes: &[Size]) -> Vec<Vec<usize>> {
    let mut counts: BTreeMap<Size, usize> = BTreeMap::new();
    for size in sizes {
        *counts.entry(*size).or_default() += 1;
    }
    let own: Vec<usize> = (0..sizes.len()).filter(|at| counts[&sizes[*at]] >= OWN).collect();
    let stretches = || own.chunk_by(|one, next| sizes[*one] == sizes[*next]);
    let alternate = stretches().any(|stretch| stretch.len() < OWN);
    let mut films: Vec<Vec<usize>> = Vec::new();
    let mut of_size: BTreeMap<Size, usize> = BTreeMap::new();
    let mut film_of = vec![None; sizes.len()];
    for stretch in stretches() {
        let known = of_size.get(&sizes[stretch[0]]).filter(|_| alternate);
        let film = known.copied().unwrap_or_else(|| {
            films.push(Vec::new());
            films.len() - 1
        });
        of_size.insert(sizes[stretch[0]], film);
        for at in stretch {
            film_of[*at] = Some(film);
        }
    }
    if films.is_empty() && !sizes.is_empty() {
        films.push(Vec::new());
    }
    let mut film = 0;
    for (at, own) in film_of.into_iter().enumerate() {
        film = own.unwrap_or(film);
        films[film].push(at);
    }
    films
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The films of frames whose sizes are letters, each as the places of its frames.
    fn films(sizes: &str) -> Vec<Vec<usize>> {
        by_size(&sizes.bytes().map(|letter| (u32::from(letter), 9)).collect::<Vec<_>>())
    }

    fn step(from: usize, to: usize, step: usize) -> Vec<usize> {
        (from..to).step_by(step).collect()
    }

    #[test]
    fn long_stretches_are_a_film_each() {
        assert_eq!(films(&["a".repeat(24), "b".repeat(24)].concat()), [step(0, 24, 1), step(24, 48, 1)]);
        let again = films(&["a".repeat(8), "b".repeat(9), "a".repeat(10)].concat());
        assert_eq!(again, [step(0, 8, 1), step(8, 17, 1), step(17, 27, 1)]);
    }

    #[test]
    fn sizes_that_alternate_are_a_film_each() {
        assert_eq!(films(&"ab".repeat(8)), [step(0, 16, 2), step(1, 16, 2)]);
        assert_eq!(films(&"abc".repeat(9)), [step(0, 27, 3), step(1, 27, 3), step(2, 27, 3)]);
        let fours = films(&"aaaabbbb".repeat(3));
        assert_eq!((fours.len(), fours[0].len(), fours[1][..4].to_vec()), (2, 12, step(4, 8, 1)));
    }

    #[test]
    fn strays_stay_where_they_are() {
        assert_eq!(films(""), [] as [Vec<usize>; 0]);
        for one in
            ["a", "abcdefgh", &["a".repeat(30), "b".repeat(7)].concat(), &["a".repeat(7), "b".repeat(7)].concat()]
        {
            assert_eq!(films(one), [step(0, one.len(), 1)], "{one}");
        }
        let within = films(&["a".repeat(9), "x".into(), "a".repeat(9), "yy".into(), "b".repeat(9)].concat());
        assert_eq!(within, [step(0, 21, 1), step(21, 30, 1)], "a stray is no stretch, and is of the film before it");
        assert_eq!(films(&["x".into(), "a".repeat(9), "b".repeat(9)].concat())[0], step(0, 10, 1));
    }

    proptest! {
        #[test]
        fn each_frame_is_in_one_film(sizes in prop::collection::vec((1u32..5, Just(9u32)), 0..120)) {
            let films = by_size(&sizes);
            let mut all: Vec<usize> = films.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..sizes.len()).collect::<Vec<_>>());
            prop_assert!(films.iter().all(|film| film.is_sorted()));
            prop_assert!(films.iter().map(|film| film[0]).is_sorted());
            let own = |film: &Vec<usize>| {
                let mut counts = BTreeMap::new();
                for at in film {
                    *counts.entry(sizes[*at]).or_insert(0) += 1;
                }
                counts.into_values().filter(|count| *count >= OWN).count()
            };
            prop_assert!(films.iter().all(|film| own(film) <= 1), "no film is of two sizes");
        }
    }
}
