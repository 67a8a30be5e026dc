//! What is true of every verdict and every measure.

use proptest::prelude::*;

use super::*;
use crate::sequence::FrameNumber;
use made::{Random, Set, set};
use table::table;

mod made;
mod table;

use FilmVerdict::Film;

#[test]
fn names_say_what_they_are_for() {
    let cases = [
        ("/p/renders", Folder::Film),
        ("/p/shot_010/v003", Folder::Film),
        ("/c/output", Folder::Mixed),
        ("/c/output/batch_0000", Folder::Film),
        ("/a/txt2img-images/2025-03-01", Folder::Mixed),
        ("/a/2025-03-01", Folder::Day),
        ("/t/timelapse/2025-03-01", Folder::Film),
        ("/t/timelapse/20250301/02", Folder::Film),
        ("/renders/a/b/c", Folder::Plain),
        ("/m/DCIM/100CANON", Folder::Mixed),
        ("/home/anna/flowers", Folder::Plain),
        ("/", Folder::Plain),
    ];
    for (dir, folder) in cases {
        assert_eq!(set(8).dir(dir).evidence().names.folder, folder, "{dir}");
    }
}

#[test]
fn numbers_follow_each_other_by_their_most_frequent_step() {
    let cases: [(&[FrameNumber], Counter); 9] = [
        (&[], Counter::Dense),
        (&[7], Counter::Dense),
        (&[7, 8], Counter::Dense),
        (&[7, 1042], Counter::Sparse),
        (&[3, 17, 1042], Counter::Sparse),
        (&[1, 11, 21], Counter::Step(10)),
        (&[1, 11, 21, 41, 51, 61], Counter::Step(10)),
        (&[-2, -1, 0, 1, 5, 6, 7, 8, 9], Counter::Dense),
        (&[1, 2, 5, 6, 9, 10], Counter::Sparse),
    ];
    for (numbers, counter) in cases {
        assert_eq!(Counter::of(numbers), counter, "{numbers:?}");
    }
}

#[test]
fn pauses_tell_the_pace() {
    let pace = |set: Set| set.evidence().pace;
    assert_eq!(pace(set(20).every(2.0, 0.2)), Pace::Steady);
    assert_eq!(pace(set(20).every(86_400.0, 0.02)), Pace::Steady);
    assert_eq!(pace(set(4).every(2.0, 0.0)), Pace::Uneven);
    assert_eq!(pace(set(20).at_once()), Pace::AtOnce);
    assert_eq!(pace(set(20).by_hand()), Pace::Person);
    assert_eq!(pace(set(2).by_hand()), Pace::Person);
    assert_eq!(pace(set(40).in_batches_of(3)), Pace::Uneven);
    assert_eq!(Pace::of(&[]), Pace::AtOnce);
    assert_eq!(Pace::of(&[i64::MIN, i64::MAX]), Pace::Person);
}

/// The expected values of stills in any order are 1/3 and 0, whatever they show.
#[test]
fn order_is_measured_against_chance() {
    let mut random = Random(9);
    let (mut between, mut order) = (0.0, 0.0);
    for _ in 0..200 {
        let mut pictures = made::cuts(24, 3);
        for last in (1..pictures.len()).rev() {
            let other = usize::try_from(random.next() % (last as u64 + 1)).unwrap();
            pictures.swap(last, other);
        }
        let measured = Pictures::of(&pictures.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        between += measured.between / 200.0;
        order += measured.order / 200.0;
    }
    assert!((between - 1.0 / 3.0).abs() < 0.1, "{between}");
    assert!(order.abs() < 0.05, "{order}");
}

#[test]
fn fingerprints_that_cannot_be_compared_are_not_measured() {
    assert_eq!(Pictures::of(&[]), None);
    assert_eq!(Pictures::of(&[[1; 432].as_slice()]), None);
    assert_eq!(Pictures::of(&[&[], &[]]), None);
    assert_eq!(Pictures::of(&[[1; 432].as_slice(), &[1; 576]]), None);
    let same = Pictures::of(&[[1; 432].as_slice(); 30]).unwrap();
    let copies = judge(&set(100).at_once().show(made::flat(100, 90)).evidence());
    assert_eq!(copies.to_string(), "perhaps a film: 24 frames or more; the pictures are all the same");
    assert_eq!(same, Pictures { count: 24, change: 0.0, between: 1.0, order: 1.0, still: true });
    let (one, other) = ([1; 432], [2; 432]);
    let mut nearly = [one.as_slice(); 24];
    nearly[13] = &other;
    assert!(!Pictures::of(&nearly).unwrap().still);
}

#[test]
fn every_reason_is_one_plain_line() {
    for (name, set, ..) in table() {
        for reason in judge(&set.evidence()).reasons {
            let line = reason.to_string();
            assert!(!line.is_empty() && line.len() < 80 && !line.contains(';'), "{name}: {line}");
        }
    }
}

/// Nothing but its number says that a picture from before a long rest is of the same run as those that came after it.
#[test]
fn frames_from_before_a_long_rest_stay_unless_a_text_tells_of_one_run() {
    let times = |count: i64, rest: i64| (0..count).map(move |at| at * 1_000_000_000 + if at > 0 { rest } else { 0 });
    let minute = 60_000_000_000;
    for (rest, is_rest) in [(0, false), (minute - 2_000_000_000, false), (minute, true), (60 * minute, true)] {
        assert_eq!(has_rest(&times(40, rest).collect::<Vec<_>>()), is_rest, "{rest}");
    }
    let usual: Vec<i64> = (0..40).map(|at| at * 10 * minute).chain([480 * minute]).collect();
    assert!(!has_rest(&usual), "a pause of an hour and a half where ten minutes are usual");
    assert!(!has_rest(&[]) && !has_rest(&[0]));

    let film = Evidence { rest: true, ..set(48).dir("/p/renders/shot_010").evidence() };
    for (text, verdict) in [(Text::Absent, FilmVerdict::Unsure), (Text::Counts(Counts::Frames), Film)] {
        assert_eq!(judge(&Evidence { text, ..film.clone() }).verdict, verdict, "{text:?}");
    }
}

#[test]
fn numbers_that_jump_after_a_pause_are_of_another_run() {
    let second = 1_000_000_000;
    let (first, next) = ((10_001..=10_024), (20_025..=20_048));
    let numbers: Vec<i64> = first.chain(next).collect();
    let times = |pause: i64| -> Vec<i64> {
        (0..48).map(|at| at * second + if at >= 24 { pause * second } else { 0 }).collect()
    };
    assert_eq!(jumps(&numbers, &times(25)), [24]);
    assert_eq!(jumps(&numbers, &times(0)), [] as [usize; 0], "the counter goes on at its next thousand");
    let near: Vec<i64> = (1..=24).chain(300..=323).collect();
    assert_eq!(jumps(&near, &times(25)), [] as [usize; 0], "a gap");
    assert_eq!(jumps(&[], &[]), [] as [usize; 0]);
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let counter =
        prop_oneof![Just(Counter::Dense), Just(Counter::Step(5)), Just(Counter::Sparse), Just(Counter::Stamps)];
    let sizes = (1usize..5, 0usize..6).prop_map(|(kinds, odd)| Sizes { kinds, odd });
    let pace = prop_oneof![Just(Pace::Steady), Just(Pace::AtOnce), Just(Pace::Uneven), Just(Pace::Person)];
    let folder = prop_oneof![Just(Folder::Film), Just(Folder::Mixed), Just(Folder::Day), Just(Folder::Plain)];
    let subject = prop_oneof![4 => Just(None), 1 => Just(Some(Subject::Icon))];
    let text = prop_oneof![
        Just(Text::Absent),
        Just(Text::Same),
        Just(Text::Seeds),
        Just(Text::Counts(Counts::Frames)),
        Just(Text::Counts(Counts::Sources)),
        Just(Text::Numbers),
        Just(Text::Words)
    ];
    let pictures = prop::option::of((2usize..=24, 0.0..2.0f64, 0.0..1.0f64, -1.0..1.0f64, prop::bool::weighted(0.2)))
        .prop_map(|measured| {
            measured.map(|(count, change, between, order, still)| {
                let change = if still { 0.0 } else { change };
                Pictures { count, change, between, order, still }
            })
        });
    let odd = (prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.1), any::<bool>());
    (1usize..60, counter, sizes, pace, (folder, subject), odd, text, pictures).prop_map(
        |(count, counter, sizes, pace, (folder, subject), (companions, rest, breaks, clocked), text, pictures)| {
            Evidence {
                count,
                counter,
                sizes,
                pace,
                rest,
                breaks,
                names: Names { folder, subject, clocked },
                companions,
                text,
                pictures,
            }
        },
    )
}

proptest! {
    /// What speaks for a film never makes it less of one.
    #[test]
    fn good_evidence_never_harms(evidence in any_evidence()) {
        let before = judge(&evidence);
        let better = [
            Evidence { pace: Pace::Steady, ..evidence.clone() },
            Evidence { names: Names { folder: Folder::Film, ..evidence.names }, ..evidence.clone() },
            Evidence { names: Names { subject: None, ..evidence.names }, ..evidence.clone() },
            Evidence { companions: false, ..evidence.clone() },
            Evidence { rest: false, ..evidence.clone() },
            Evidence { breaks: false, ..evidence.clone() },
            Evidence { names: Names { clocked: true, ..evidence.names }, ..evidence.clone() },
            Evidence { sizes: Sizes { kinds: 1, odd: 0 }, ..evidence.clone() },
            Evidence { count: evidence.count + 16, ..evidence.clone() },
            Evidence { counter: Counter::Dense, ..evidence.clone() },
            Evidence { text: Text::Counts(Counts::Frames), ..evidence.clone() },
        ];
        for better in better {
            // A text that counts is no longer without text, which is what the last rule is for; it has points instead.
            let after = judge(&better);
            prop_assert!(after.points >= before.points);
            prop_assert!(after.verdict >= before.verdict || better.text != evidence.text, "{before} / {after}");
        }
    }

    /// A film is many frames, of one size but for a stray, with regular numbers, and looks like one or says so.
    #[test]
    fn a_film_has_nothing_against_it(evidence in any_evidence()) {
        if judge(&evidence).verdict == Film {
            prop_assert!(evidence.count >= 8);
            prop_assert!(evidence.sizes.odd <= 2);
            prop_assert!(evidence.counter != Counter::Sparse);
            prop_assert!(!matches!(evidence.text, Text::Numbers | Text::Words));
            prop_assert!(evidence.pictures.is_some() || evidence.text == Text::Counts(Counts::Frames));
        }
    }

    /// Measures of any fingerprints are numbers within their bounds.
    #[test]
    fn measures_are_bounded(pictures in prop::collection::vec(prop::collection::vec(any::<u8>(), 432), 2..30)) {
        let frames: Vec<&[u8]> = pictures.iter().map(Vec::as_slice).collect();
        let measured = Pictures::of(&frames).unwrap();
        prop_assert!((0.0..=64.0).contains(&measured.change));
        prop_assert!((0.0..=1.0).contains(&measured.between));
        prop_assert!((-1.0 - 1e-9..=1.0 + 1e-9).contains(&measured.order));
    }
}
