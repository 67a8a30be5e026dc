//! Films of folders that follow each other.

use proptest::prelude::*;

use crate::sequence::group::{Grouping, LeftAlone, Placed, Reading, Shaper, group};
use crate::sequence::name::NameRule;

/// Each film as its pattern, its names in order, and its span.
fn films(names: &[&str]) -> Vec<(String, Vec<String>, String)> {
    described(names, &group(names, None, &NameRule::Auto))
}

fn described<N: AsRef<str>>(names: &[N], grouping: &Grouping) -> Vec<(String, Vec<String>, String)> {
    let film = |film: &super::Film| {
        let members = film.members.iter().map(|(_, place)| names[*place].as_ref().to_owned()).collect();
        let (first, last) = (film.members[0].0, film.members[film.members.len() - 1].0);
        (film.pattern.to_string(), members, film.pattern.span(first, last))
    };
    grouping.films.iter().map(film).collect()
}

#[track_caller]
fn assert_one_film(in_order: &[&str], pattern: &str, span: &str) {
    let mut shuffled = in_order.to_vec();
    shuffled.reverse();
    shuffled.rotate_left(in_order.len() / 2);
    let in_order: Vec<String> = in_order.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(films(&shuffled), [(pattern.to_owned(), in_order, span.to_owned())]);
}

#[test]
fn days_follow_each_other() {
    assert_one_film(
        &["2015-10-14/01-28-56.jpg", "2015-10-14/23-59-00.jpg", "2015-10-15/00-00-01.jpg", "2015-11-01/01-28-56.jpg"],
        "{stamp}/{stamp}.jpg",
        "2015-10-14/01-28-56 to 2015-11-01/01-28-56",
    );
    assert_one_film(
        &["2021-04-28/20210428100000.jpg", "2021-04-28/20210428110000.jpg", "2021-04-29/20210429100000.jpg"],
        "{stamp}/#.jpg",
        "20210428100000 to 20210429100000",
    );
    assert_one_film(
        &["20250301/a_0001.jpg", "20250301/a_0002.jpg", "20250302/a_0001.jpg"],
        "{stamp}/a_####.jpg",
        "2025-03-01/1 to 2025-03-02/1",
    );
    assert_one_film(
        &["2025/03/01/1.jpg", "2025/03/01/10.jpg", "2025/03/02/1.jpg", "2026/01/01/1.jpg"],
        "{stamp}/#.jpg",
        "2025-03-01/1 to 2026-01-01/1",
    );
    assert_one_film(&["2025-03-01/9/x.jpg", "2025-03-02/9/x.jpg"], "{stamp}/9/x.jpg", "2025-03-01/0 to 2025-03-02/0");
}

#[test]
fn hours_of_a_day_follow_each_other() {
    let names = ["2025-03-01/09/09-59-58.jpg", "2025-03-01/09/09-59-59.jpg", "2025-03-01/10/10-00-00.jpg"];
    assert_one_film(&names, "{stamp}/{stamp}.jpg", "2025-03-01/09-59-58 to 2025-03-01/10-00-00");
    let counted = ["2025-03-01/09/0001.jpg", "2025-03-01/09/0002.jpg", "2025-03-01/10/0001.jpg"];
    assert_one_film(&counted, "{stamp}/####.jpg", "2025-03-01_09-00-00/1 to 2025-03-01_10-00-00/1");
}

#[test]
fn counters_go_on_or_begin_again() {
    assert_one_film(
        &["100GOPRO/G0010998.JPG", "100GOPRO/G0010999.JPG", "101GOPRO/G0011000.JPG"],
        "#GOPRO/G#######.JPG",
        "10998-11000",
    );
    assert_one_film(
        &["9MEDIA/IMG_0001.JPG", "9MEDIA/IMG_0999.JPG", "10MEDIA/IMG_0001.JPG", "10MEDIA/IMG_0002.JPG"],
        "#MEDIA/IMG_####.JPG",
        "9/1 to 10/2",
    );
}

#[test]
fn gaps_are_seen_where_the_counter_goes_on() {
    let missing = |names: &[&str]| {
        let grouping = group(names, None, &NameRule::Auto);
        let film = &grouping.films[0];
        film.pattern.missing_from(film.members.iter().map(|(number, _)| *number)).to_string()
    };
    assert_eq!(missing(&["1/0001.png", "1/0002.png", "2/0004.png", "2/0006.png"]), "3, 5");
    assert_eq!(missing(&["1/0001.png", "1/0002.png", "2/0001.png", "2/0003.png"]), "");
}

#[test]
fn one_folder_is_a_film_too_and_the_pattern_stays_when_the_counter_goes_on() {
    let one = films(&["1/0001.png", "1/0002.png"]);
    let two = films(&["1/0001.png", "1/0002.png", "2/0003.png"]);
    assert_eq!((one[0].0.as_str(), one[0].2.as_str()), ("#/####.png", "1-2"));
    assert_eq!((two[0].0.as_str(), two[0].2.as_str()), ("#/####.png", "1-3"));
}

#[test]
fn what_differs_in_more_than_digits_stays_apart() {
    let names = [
        "2025-03-01/left/1.png",
        "2025-03-01/right/1.png",
        "2025-03-02/left/1.png",
        "2025-03-02/right/1.png",
        "2025-03-02/right/a1.png",
        "2025-03-03/right/a2.png",
    ];
    let patterns: Vec<String> = films(&names).into_iter().map(|film| film.0).collect();
    assert_eq!(patterns, ["{stamp}/left/1.png", "{stamp}/right/1.png", "{stamp}/right/a#.png"]);
}

#[test]
fn stamps_that_contradict_their_folders_stay_apart() {
    let names = [
        "100CAM/20250301120000.jpg",
        "100CAM/20250303120000.jpg",
        "101CAM/20250302120000.jpg",
        "101CAM/20250304120000.jpg",
    ];
    let patterns: Vec<String> = films(&names).into_iter().map(|film| film.0).collect();
    assert_eq!(patterns, ["100CAM/#.jpg", "101CAM/#.jpg"]);
}

#[test]
fn two_folders_of_one_day_leave_one_of_each_number() {
    let names = ["2025-03-01/0001.png", "2025-3-1/0001.png", "2025-3-1/0002.png"];
    let grouping = group(&names, None, &NameRule::Auto);
    assert_eq!(grouping.films[0].members.len(), 2);
    assert_eq!(grouping.left, [(1, LeftAlone::SameNumberAs("2025-03-01/0001.png".into()))]);
}

#[test]
fn a_number_and_a_day_do_not_follow_each_other() {
    for names in [["20/1.png", "2025-03-01/1.png"], ["2025-03-01/1.png", "20/1.png"]] {
        assert_eq!(group(&names, None, &NameRule::Auto).singles, [0, 1]);
    }
}

/// Whichever folder is listed first.
#[test]
fn a_day_and_hours_of_another_one_follow_each_other() {
    let names = ["2025-03-01/1.png", "2025-03-02/12/1.png", "2025-03-02/13/1.png"];
    assert_one_film(&names, "{stamp}/1.png", "2025-03-01_00-00-00/0 to 2025-03-02_13-00-00/0");
    // An hour that comes later changes what the numbers of the days mean.
    let days: Vec<&[u8]> = vec![b"2025-03-01/1.png", b"2025-03-02/1.png"];
    let (mut reading, _) = Reading::of(&days, None, &NameRule::Auto);
    assert!(reading.place(b"2025-03-03/1.png").is_some());
    assert_eq!(reading.place(b"2025-03-03/12/1.png"), None);
}

#[test]
fn previews_and_patterns_of_the_user_count_in_folders_too() {
    let names = ["1/a.0001.exr", "1/a.0001.jpg", "2/a.0001.exr", "2/a.0001.jpg"];
    let grouping = group(&names, None, &NameRule::Auto);
    assert_eq!(described(&names, &grouping)[0].1, ["1/a.0001.exr", "2/a.0001.exr"]);
    assert_eq!(grouping.left[1], (3, LeftAlone::PreviewOf("2/a.0001.exr".into())));
    let rule = NameRule::parse("s####-*.png").unwrap();
    let names = ["2/s0001-77.png", "1/s0002-5.png", "1/s0001-9.png", "1/x.png"];
    let grouping = group(&names, None, &rule);
    assert_eq!(described(&names, &grouping)[0].1, ["1/s0001-9.png", "1/s0002-5.png", "2/s0001-77.png"]);
    assert_eq!(grouping.left, [(3, LeftAlone::DoesNotFitPattern)]);
}

prop_compose! {
    fn a_name()(day in 1_u32..5, form in 0..8, number in 0_u32..40) -> String {
        match form {
            0 => format!("2025-03-{day:02}/img_{number:04}.png"),
            1 => format!("{day}MEDIA/{number}.png"),
            2 => format!("2025-03-{day:02}/12-{number:02}-00.png"),
            3 => format!("{day}/cam{}/{number:03}.jpg", number % 3),
            4 => format!("2025-03-{day:02}/1{day}/img_{number:04}.png"),
            5 => format!("1{day}-00-00/{}.png", number % 3),
            6 => format!("2025-03-{day:02}/{}.png", number % 3),
            _ => format!("{day}/{number}{}.jpg", "_0".repeat(1 + number as usize % 2)),
        }
    }
}

proptest! {
    /// Every image is in exactly one place, in any order of the names, and names placed one by one end where all names
    /// together put them.
    #[test]
    fn every_name_has_one_place_which_the_order_does_not_change(
        names in prop::collection::btree_set(a_name(), 1..40),
        seed in any::<u64>(),
    ) {
        let names: Vec<String> = names.into_iter().collect();
        let mut shuffled = names.clone();
        shuffled.sort_by_key(|name| name.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let grouping = group(&names, None, &NameRule::Auto);
        let again = group(&shuffled, None, &NameRule::Auto);
        prop_assert_eq!(described(&names, &grouping), described(&shuffled, &again));
        let in_films: usize = grouping.films.iter().map(|film| film.members.len()).sum();
        prop_assert_eq!(in_films + grouping.singles.len() + grouping.left.len(), names.len());
        // Each folder is played to its end before the next one begins.
        for film in &grouping.films {
            let folders: Vec<&str> = film.members.iter().map(|(_, at)| names[*at].rsplit_once('/').unwrap().0).collect();
            let mut runs = folders.clone();
            runs.dedup();
            let mut distinct = runs.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(runs.len(), distinct.len());
        }
        // The reading of each shape gives the same answer name by name.
        let mut shaper = Shaper::default();
        let mut shapes: std::collections::BTreeMap<Vec<u8>, Vec<&String>> = std::collections::BTreeMap::new();
        for name in &names {
            let shape = shaper.shape(name.as_bytes(), &NameRule::Auto).unwrap().to_vec();
            shapes.entry(shape).or_default().push(name);
        }
        for of_shape in shapes.values() {
            let bytes: Vec<&[u8]> = of_shape.iter().map(|name| name.as_bytes()).collect();
            let (mut reading, part) = Reading::of(&bytes, None, &NameRule::Auto);
            for film in &part.films {
                for (number, place) in &film.members {
                    let Some(Placed::Film { film: id, number: placed, .. }) = reading.place(bytes[*place]) else {
                        return Err(TestCaseError::fail("a frame has no place"));
                    };
                    prop_assert_eq!((reading.pattern(id), placed), (&film.pattern, *number));
                }
            }
        }
    }
}
