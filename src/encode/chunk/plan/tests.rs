use std::collections::BTreeSet;
use std::iter;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::model::Identity;
use crate::sequence::gaps::Spacing;

type Kept = Vec<(usize, Vec<Shown>)>;

/// Frame `number` as it was rendered the `take`th time.
fn shown(number: i64, take: u64) -> Shown {
    Shown { number, identity: Identity { dev: 1, ino: take, size: 10, mtime_ns: number }, repeat: 1 }
}

fn frames(numbers: impl IntoIterator<Item = i64>) -> Vec<Shown> {
    numbers.into_iter().map(|number| shown(number, 1)).collect()
}

fn length(frames: u32) -> NonZeroU32 {
    NonZeroU32::new(frames).unwrap()
}

/// The chunks that a first plan of `frames` leads to, numbered from 0.
fn all_encoded(frames: &[Shown], length: NonZeroU32) -> Kept {
    let pieces = plan::<usize>(frames, &[], length);
    pieces.into_iter().map(|piece| frames[range(&piece, &Vec::new())].to_vec()).enumerate().collect()
}

/// The frames of a piece; those of a kept chunk from zero on.
fn range(piece: &Piece<usize>, kept: &Kept) -> Range<usize> {
    match piece {
        Piece::Kept(id) => 0..kept.iter().find(|(other, _)| other == id).unwrap().1.len(),
        Piece::Encode(range) => range.clone(),
    }
}

/// What must hold of every plan.
fn check_cover(frames: &[Shown], kept: &Kept, length: NonZeroU32, pieces: &[Piece<usize>]) {
    let most = length.get() as usize * 3 / 2;
    let mut at = 0;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Kept(id) => {
                let list = &kept.iter().find(|(other, _)| other == id).unwrap().1;
                assert_eq!(&frames[at..at + list.len()], &list[..], "chunk {id} at {at}");
                at += list.len();
            }
            Piece::Encode(range) => {
                assert_eq!(range.start, at, "{pieces:?}");
                assert!(!range.is_empty() && range.len() <= most, "{range:?}");
                let goes_on = matches!(pieces.get(index + 1), Some(Piece::Encode(_)));
                let came_on = index > 0 && matches!(pieces[index - 1], Piece::Encode(_));
                assert!(!goes_on || range.len() == length.get() as usize, "{pieces:?}");
                assert!(!came_on || range.len() * 2 >= length.get() as usize, "{pieces:?}");
                at = range.end;
            }
        }
    }
    assert_eq!(at, frames.len(), "{pieces:?}");
}

fn encoded(pieces: &[Piece<usize>]) -> Vec<Range<usize>> {
    pieces.iter().filter(|piece| matches!(piece, Piece::Encode(_))).map(|piece| range(piece, &Vec::new())).collect()
}

#[test]
fn a_gap_is_cut_into_stretches_without_a_tiny_tail() {
    let lengths = |count: usize| -> Vec<usize> {
        cut::<()>(7..7 + count, length(10))
            .map(|piece| {
                let Piece::Encode(range) = piece else { panic!("{piece:?}") };
                range.len()
            })
            .collect()
    };
    assert_eq!(lengths(0), [0; 0]);
    for short in [1, 4, 5, 10, 14] {
        assert_eq!(lengths(short), [short]);
    }
    assert_eq!(lengths(15), [10, 5]);
    assert_eq!(lengths(24), [10, 14]);
    assert_eq!(lengths(30), [10, 10, 10]);
    assert_eq!(lengths(35), [10, 10, 10, 5]);
    // An odd length has no half of its own.
    assert_eq!(cut::<()>(0..10, length(7)).count(), 1);
    assert_eq!(cut::<()>(0..11, length(7)).count(), 2);
    assert_eq!(cut::<()>(3..6, length(1)).count(), 3);
    assert_eq!(cut::<()>(3..6, length(u32::MAX)).collect::<Vec<_>>(), [Piece::Encode(3..6)]);
}

#[test]
fn of_overlapping_chunks_the_first_and_then_the_longest_wins() {
    let video = frames(0..40);
    let part = |range: Range<i64>| frames(range);
    // A provisional one, a longer one from the same frame on, and one that begins inside.
    let kept = vec![(1, part(0..6)), (2, part(0..10)), (3, part(5..40)), (4, part(10..20))];
    let expected = [Piece::Kept(2), Piece::Kept(4), Piece::Encode(20..40)];
    assert_eq!(plan(&video, &kept, length(20)), expected);
    // The longer one no longer holds: the short one does.
    let mut changed = video.clone();
    changed[8] = shown(8, 2);
    let pieces = plan(&changed, &kept, length(20));
    assert_eq!(pieces, [Piece::Kept(1), Piece::Encode(6..10), Piece::Kept(4), Piece::Encode(20..40)]);
    // Without those in front, the one that begins inside is taken.
    assert_eq!(plan(&video, &kept[2..], length(20)), [Piece::Encode(0..5), Piece::Kept(3)]);
}

#[test]
fn a_chunk_with_anything_else_in_it_is_not_kept() {
    let video = frames(0..10);
    let held = Shown { repeat: 2, ..video[9] };
    let mut others = [video.clone(), video.clone(), video.clone(), frames(0..11), Vec::new()];
    others[0][9] = held;
    others[1][4].identity.size += 1;
    others[2].remove(4);
    for other in others {
        assert_eq!(plan(&video, &[(1, other)], length(10)), [Piece::Encode(0..10)]);
    }
    assert_eq!(plan(&video, &[(1, video.clone())], length(3)), [Piece::Kept(1)]);
    assert_eq!(plan::<usize>(&[], &[(1, video)], length(3)), []);
}

#[test]
fn a_frame_in_front_spoils_nothing() {
    let video = frames(0..100);
    let kept = all_encoded(&video, length(10));
    let late: Vec<Shown> = iter::once(shown(-1, 1)).chain(video).collect();
    let pieces = plan(&late, &kept, length(10));
    assert_eq!(encoded(&pieces), [Range { start: 0, end: 1 }]);
    assert_eq!(pieces.len(), 11);
}

#[test]
fn a_long_video_of_many_chunks_is_planned_in_no_time() {
    let video = frames(0..200_000);
    // The worst case: every chunk is compared to its end, and none fits. A search through all of them for each frame
    // would look four thousand million times.
    let mut kept = all_encoded(&video, length(10));
    for (_, list) in &mut kept {
        list[9].identity.size += 1;
    }
    // And as bad as a map by first number can get: many provisional ones from one frame on.
    kept.extend((20_000..20_400).zip((1051..=1250).cycle()).map(|(index, end)| (index, frames(1000..end))));
    let begin = Instant::now();
    let pieces = plan(&video, &kept, length(250));
    let took = begin.elapsed();
    assert_eq!((&pieces[4], pieces.len()), (&Piece::Kept(20_199), 4 + 1 + 795));
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn the_next_stretch_ends_at_a_gap_or_at_its_limit() {
    let open = |numbers: &[i64]| -> Vec<Frame> {
        let frame = |shown: Shown| Frame { number: shown.number, name: None, identity: shown.identity };
        frames(numbers.iter().copied()).into_iter().map(frame).collect()
    };
    let numbers = |numbers: &[i64], spacing, limit| -> Vec<i64> {
        next_stretch(open(numbers), spacing, limit).iter().map(|frame| frame.number).collect()
    };
    assert_eq!(numbers(&[-1, 0, 1, 3, 4], Spacing::Every(1), 10), [-1, 0, 1]);
    assert_eq!(numbers(&[-1, 0, 1, 3, 4], Spacing::Every(1), 2), [-1, 0]);
    assert_eq!(numbers(&[-1, 0, 1, 3, 4], Spacing::Free, 4), [-1, 0, 1, 3]);
    assert_eq!(numbers(&[5], Spacing::Every(1), 10), [5]);
    assert_eq!(numbers(&[], Spacing::Every(1), 10), [0; 0]);
    assert_eq!(numbers(&[1, 2], Spacing::Every(1), 0), [0; 0]);
    assert_eq!(numbers(&[i64::MAX - 1, i64::MAX], Spacing::Every(1), 10), [i64::MAX - 1, i64::MAX]);
    assert_eq!(numbers(&[1, 3, 5, 9], Spacing::Every(2), 10), [1, 3, 5]);
}

/// Ascending numbers, some left out, each frame once.
fn any_video() -> impl Strategy<Value = Vec<Shown>> {
    (prop::collection::btree_set(-20_i64..200, 1..120), any::<bool>()).prop_map(|(numbers, whole)| {
        let held = |number: i64| Shown { repeat: if number % 7 == 0 { 3 } else { 1 }, ..shown(number, 1) };
        if whole { (0..100).map(held).collect() } else { numbers.into_iter().map(held).collect() }
    })
}

/// A video and any stretches of it, or of an earlier take of it, in any order.
fn any_kept() -> impl Strategy<Value = (Vec<Shown>, Kept)> {
    let cuts = prop::collection::vec((any::<Index>(), 0_usize..50, prop::bool::weighted(0.2)), 0..20);
    (any_video(), cuts).prop_map(|(video, cuts)| {
        let chunk = |(index, (from, count, spoilt)): (usize, (Index, usize, bool))| {
            let from = from.index(video.len());
            let mut list = video[from..video.len().min(from + count)].to_vec();
            if let Some(frame) = list.last_mut().filter(|_| spoilt) {
                frame.identity.mtime_ns += 1;
            }
            (index, list)
        };
        let kept = cuts.into_iter().enumerate().map(chunk).collect();
        (video, kept)
    })
}

proptest! {
    #[test]
    fn every_frame_is_covered_once_and_in_order((video, kept) in any_kept(), frames in 1_u32..40) {
        let pieces = plan(&video, &kept, length(frames));
        check_cover(&video, &kept, length(frames), &pieces);
        let taken: Vec<_> = pieces.iter().filter(|piece| matches!(piece, Piece::Kept(_))).collect();
        prop_assert_eq!(taken.len(), taken.iter().map(|piece| format!("{piece:?}")).collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn nothing_is_encoded_that_a_chunk_holds((video, kept) in any_kept(), frames in 1_u32..40) {
        // Greedy: in front of each frame to encode, no chunk that fits there was passed over.
        for gap in encoded(&plan(&video, &kept, length(frames))) {
            for at in gap {
                prop_assert!(!kept.iter().any(|(_, list)| !list.is_empty() && video[at..].starts_with(list)), "{}", at);
            }
        }
    }

    #[test]
    fn the_order_of_the_chunks_is_of_no_account(
        (video, (kept, shuffled)) in any_kept()
            .prop_flat_map(|(video, kept)| (Just(video), (Just(kept.clone()), Just(kept).prop_shuffle()))),
        frames in 1_u32..40,
    ) {
        // Two chunks may be the same; which one is taken then says nothing.
        let lists = |kept: &Kept| -> Vec<Vec<Shown>> {
            let list = |piece: &Piece<usize>| match piece {
                Piece::Kept(id) => kept.iter().find(|(other, _)| other == id).unwrap().1.clone(),
                Piece::Encode(range) => video[range.clone()].to_vec(),
            };
            plan(&video, kept, length(frames)).iter().map(list).collect()
        };
        prop_assert_eq!(lists(&kept), lists(&shuffled));
    }

    #[test]
    fn what_was_encoded_as_planned_is_all_kept(video in any_video(), frames in 1_u32..40, other in 1_u32..40) {
        let kept = all_encoded(&video, length(frames));
        let expected: Vec<_> = (0..kept.len()).map(Piece::Kept).collect();
        // Also where the length was changed in between.
        prop_assert_eq!(plan(&video, &kept, length(other)), expected);
    }

    #[test]
    fn a_frame_that_is_rewritten_removed_or_late_costs_its_own_chunk(
        video in any_video(),
        frames in 1_u32..40,
        at in any::<Index>(),
        what in 0..3,
    ) {
        let kept = all_encoded(&video, length(frames));
        let at = at.index(video.len());
        let mut changed = video.clone();
        match what {
            0 => changed[at] = shown(video[at].number, 2),
            1 => _ = changed.remove(at),
            // A number between two others does not exist for every frame, so a second file of one stands for it.
            _ => changed.insert(at, shown(video[at].number, 2)),
        }
        let pieces = plan(&changed, &kept, length(frames));
        check_cover(&changed, &kept, length(frames), &pieces);
        let holder = kept.iter().position({
            let mut from = 0;
            move |(_, list)| {
                from += list.len();
                at < from
            }
        }).unwrap();
        let before: usize = kept[..holder].iter().map(|(_, list)| list.len()).sum();
        let after: usize = kept[holder + 1..].iter().map(|(_, list)| list.len()).sum();
        // In front of a chunk's first frame it is in nobody's way.
        let spoilt = if what == 2 && at == before { before..at + 1 } else { before..changed.len() - after };
        let held: Vec<usize> = encoded(&pieces).into_iter().flatten().collect();
        prop_assert_eq!(held, spoilt.collect::<Vec<_>>());
    }

    #[test]
    fn the_next_stretch_is_the_longest_run(video in any_video(), limit in 0_u32..50, counts: bool) {
        let open: Vec<Frame> =
            video.iter().map(|shown| Frame { number: shown.number, name: None, identity: shown.identity }).collect();
        let spacing = if counts { Spacing::Every(1) } else { Spacing::Free };
        let stretch = next_stretch(open.iter().cloned(), spacing, limit);
        prop_assert!(open.starts_with(&stretch) && stretch.len() <= limit as usize);
        if counts {
            prop_assert!(stretch.windows(2).all(|pair| pair[0].number + 1 == pair[1].number));
        }
        if let Some(next) = open.get(stretch.len()) && stretch.len() < limit as usize {
            prop_assert!(counts && stretch.last().is_some_and(|last| last.number + 1 != next.number));
        }
    }
}
