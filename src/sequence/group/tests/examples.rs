//! What is made of some names, in words.

use super::folders::calendar;
use super::*;

/// What is read once or twice and never again, however many names come.
#[test]
fn the_common_families_are_not_read_again() {
    let of = |name: &dyn Fn(i64) -> String| -> usize {
        let names: Vec<Vec<u8>> = (0..2000).map(|at| name(at).into_bytes()).collect();
        grow(&names, None, &NameRule::Auto, false)
    };
    // Once when it is empty, once with the second name: until then no run varies.
    assert_eq!(of(&|at| format!("ComfyUI_{at:05}_.png")), 2);
    assert_eq!(of(&|at| format!("render{:04}.png", at + 9000)), 2);
    assert_eq!(of(&|at| format!("Image_{}.png", at + 95)), 2);
    let clock = |at: i64| calendar("Y-M-D_h-m-s", 1_700_000_000 + at * 7);
    assert!(of(&|at| format!("cam_{}.jpg", clock(at))) < 8);
    // Small ones are read after each name; then none of these needs to be.
    assert!(of(&|at| format!("{}_{at:05}.jpg", clock(at))) <= 65);
    assert!(of(&|at| format!("{at:05}-{}.png", 1_234_567 + at)) <= 65);
    assert!(of(&|at| format!("p{}_{:04}.png", at % 7, at / 7)) <= 65);
}

/// The patterns of the films as people read them, each with how many names it has.
fn films(names: &[String], rule: &NameRule) -> Vec<(String, usize)> {
    let grouping = group(names, None, rule);
    check(&grouping, names);
    grouping.films.iter().map(|film| (film.pattern.to_string(), film.members.len())).collect()
}

fn asked(names: &[&str], pattern: &str) -> Vec<(String, usize)> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    films(&names, &NameRule::parse(pattern).unwrap())
}

#[test]
fn patterns_say_what_varies() {
    let of = |name: &dyn Fn(i64) -> String| films(&(0..20).map(name).collect::<Vec<_>>(), &NameRule::Auto);
    let one = |text: &str| vec![(text.to_owned(), 20)];
    let clock = |at: i64| calendar("Y-M-D_h-m-s", 1_700_000_000 + at * 7);
    assert_eq!(of(&|at| format!("r_{at:04}_L.png")), one("r_####_L.png"));
    assert_eq!(of(&|at| format!("cam_{}_{at:04}.jpg", clock(at))), one("cam_{stamp}_####.jpg"));
    assert_eq!(of(&|at| format!("cam_{}-{:02}.jpg", clock(at / 4), at % 4)), one("cam_{stamp}-#.jpg"));
    assert_eq!(of(&|at| format!("{}.jpg", calendar("YMDhms", at))), one("#.jpg"));
    assert_eq!(of(&|at| format!("{at:05}-{}.png", at + 777)), one("#####-#.png"));
    assert_eq!(of(&|at| format!("{at:05}-{}.png", 1 + at * at)), one("#####-*.png"));
    assert_eq!(of(&|at| format!("s.{:04}.{:03}.png", at / 4, at % 4 * 250)), one("s.#.#.png"));
    let passes = of(&|at| format!("f{:04}_pass{}.png", at / 2, at % 2));
    assert_eq!(passes, [("f####_pass0.png".to_owned(), 10), ("f####_pass1.png".to_owned(), 10)]);
}

#[test]
fn films_that_differ_in_what_stands_within_a_stamp_have_patterns_of_their_own() {
    let names: Vec<String> = ["Y-M-D_h-m-s", "Y_M_D_h_m_s", "Y-M-D h.m.s"]
        .iter()
        .flat_map(|form| (0..10).map(|at| format!("a {}.png", calendar(form, 1_700_000_000 + 60 * at))))
        .collect();
    let grouping = group(&names, None, &NameRule::Auto);
    assert_eq!(grouping.films.len(), 3);
    check(&grouping, &names);
}

#[test]
fn frames_that_count_down_to_a_gap_are_of_the_film_above_zero() {
    let names: Vec<String> =
        (5..=9).rev().map(|at| format!("a-{at:04}.png")).chain((0..5).map(|at| format!("a{at:04}.png"))).collect();
    let times: Vec<i64> = (0..10).map(|at| at * 1_000_000_000).collect();
    let grouping = group(&names, Some(&times), &NameRule::Auto);
    check(&grouping, &names);
    assert_eq!(grouping.films.len(), 1);
    let numbers: Vec<FrameNumber> = grouping.films[0].members.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (-9..=-5).chain(0..5).collect::<Vec<_>>());
}

#[test]
fn stamps_of_several_parts_are_nanoseconds_and_those_of_one_run_their_digits() {
    let numbers = |names: &[&str]| -> Vec<FrameNumber> {
        group(names, None, &NameRule::Auto).films[0].members.iter().map(|(number, _)| *number).collect()
    };
    let second = 1_000_000_000;
    let first = 1_709_251_199 * second;
    assert_eq!(numbers(&["20240229_235959.jpg", "20240301_000000.jpg"]), [first, first + second]);
    assert_eq!(numbers(&["20240229235959.jpg", "20240301000000.jpg"]), [20_240_229_235_959, 20_240_301_000_000]);
    let within = ["20240229235959-00.jpg", "20240229235959-01.jpg", "20240301000000-00.jpg", "20240301000000-01.jpg"];
    assert_eq!(numbers(&within), [first, first + 1, first + second, first + second + 1]);
}

#[test]
fn a_pattern_of_the_user_is_followed_and_nothing_is_guessed() {
    let shots = ["shot.0001.png", "shot.0002.png", "shot.10000.png", "shot.-001.png", "shot.003.png", "x.0001.png"];
    assert_eq!(asked(&shots, "shot.####.png"), [("shot.####.png".to_owned(), 4)]);
    let seeds = ["00001-7.png", "00002-7.png", "00003-8.png", "00003-9.png"];
    assert_eq!(asked(&seeds, r"^(?<frame>\d+)-\d+"), [(r"^(?<frame>\d+)-\d+".to_owned(), 3)]);
    assert_eq!(asked(&seeds[..2], r"^(?<frame>\d+)-\d+"), [("#####-7.png".to_owned(), 2)]);
    assert_eq!(asked(&seeds, "#####-*.png"), [("#####-*.png".to_owned(), 3)]);
    let passes = ["f1_a.png", "f1_b.png", "f2_a.png", "f2_b.png"];
    assert_eq!(asked(&passes, "f%d_{film}.png"), [("f#_a.png".to_owned(), 2), ("f#_b.png".to_owned(), 2)]);
    assert!(NameRule::parse("f{film}_*.png").is_err());
}

#[test]
fn reasons_name_what_is_in_the_way() {
    let names = ["a1.exr", "a1.jpg", "a2.exr", "a2.jpg", "b1.PSD", ".c1.png", "d1.part.png", "e.txt"];
    let grouping = group(&names, None, &NameRule::Auto);
    check(&grouping, &names);
    let left: Vec<String> = grouping.left.iter().map(|(at, why)| format!("{}: {why}", names[*at])).collect();
    assert_eq!(
        left,
        [
            "a1.jpg: it is the preview of a1.exr",
            "a2.jpg: it is the preview of a2.exr",
            "b1.PSD: the format is not supported: Photoshop",
            ".c1.png: it is hidden, or belongs to another program",
            "d1.part.png: its name says that it is unfinished",
        ]
    );
    let same = ["cam_2023-3-4_1.jpg", "cam_2023-03-04_1.jpg", "cam_2023-03-05_1.jpg"];
    let grouping = group(&same, None, &NameRule::Auto);
    check(&grouping, &same);
    assert_eq!(grouping.left, [(0, LeftAlone::SameNumberAs("cam_2023-03-04_1.jpg".into()))]);
}

#[test]
fn notes_say_what_is_worth_knowing() {
    let notes = |names: &[&str]| group(names, None, &NameRule::Auto).films.remove(0).notes;
    assert_eq!(notes(&["x.png", "x_01.png", "x_02.png"]), [Note::PerhapsItsFirst("x.png".into())]);
    assert_eq!(notes(&["x_01.png", "x_02.png"]), []);
}

#[test]
fn a_stray_name_of_another_padding_does_not_turn_a_grid_round() {
    let mut names: Vec<String> = (0..24).map(|at| format!("s{:02}.{:04}.jpg", at / 8, at % 8)).collect();
    names.extend(["s01.1.jpg".to_owned(), "s01.01.jpg".to_owned()]);
    let expected = ["s00.####.jpg", "s01.####.jpg", "s02.####.jpg"].map(|text| (text.to_owned(), 8));
    assert_eq!(films(&names, &NameRule::Auto), expected);
}

#[test]
fn a_count_may_turn_out_to_be_a_clock_and_a_clock_a_count() {
    let of = |last: &str| {
        let mut names: Vec<Vec<u8>> = (1..60).map(|at| format!("c_20250301_{at:06}.png").into_bytes()).collect();
        names.push(last.as_bytes().to_vec());
        grow(&names, None, &NameRule::Auto, true);
        group(&names, None, &NameRule::Auto).films.remove(0).pattern.to_string()
    };
    assert_eq!(of("c_20250301_000100.png"), "c_{stamp}.png");
    assert_eq!(of("c_20250301_000060.png"), "c_20250301_######.png");
}

#[test]
fn what_is_no_size_after_all_is_seen() {
    for form in ["xWx1080_v%.png", "a_Wx720_%.png"] {
        let name = |width: &str, number: &str| form.replace('W', width).replace('%', number).into_bytes();
        let names = [name("1920", "0"), name("11920", "000001"), name("1001920", "2")];
        grow(&names, None, &NameRule::Auto, true);
    }
}

#[test]
fn long_numbers_are_a_count_if_one_is_short() {
    for padded in [true, false] {
        let mut names = vec![b"cam2024022910.png".to_vec(), b"cam2024022920.png".to_vec(), b"cam21.png".to_vec()];
        if padded {
            names.insert(0, b"cam000001235957.png".to_vec());
        }
        grow(&names, None, &NameRule::Auto, true);
    }
}

#[test]
fn a_dash_is_no_sign_where_the_files_came_with_rising_digits() {
    let names: Vec<Vec<u8>> = (1..=30).map(|at| format!("shot_-{at:04}.png").into_bytes()).collect();
    let first = |times: Vec<i64>| {
        grow(&names, Some(&times), &NameRule::Auto, true);
        group(&names, Some(&times), &NameRule::Auto).films[0].members[0]
    };
    let second = 1_000_000_000;
    assert_eq!(first((1..=30).map(|at| at * second).collect()), (1, 0), "each one was made after the one before");
    assert_eq!(first((1..=30).map(|at| -at * second).collect()), (-30, 29), "a renderer went from -30 to -1");
    assert_eq!(first((1..=30).map(|at| at * second / 1000).collect()), (-30, 29), "they were copied");
    assert_eq!(first(vec![second; 30]), (-30, 29));
}

/// A frame and a random seed, twenty frames of each of two runs.
fn two_runs() -> Vec<Vec<u8>> {
    let seed = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 34;
    (0..40).map(|at| format!("{:05}-{}.png", at % 20, seed(at + 1)).into_bytes()).collect()
}

#[test]
fn random_seeds_of_two_runs_make_no_film_of_both() {
    let names = two_runs();
    grow(&names, None, &NameRule::Auto, true);
    let grouping = group(&names, None, &NameRule::Auto);
    check(&grouping, &names);
    assert_eq!((grouping.films.len(), grouping.left.len()), (0, 40), "{:?}", grouping.films);

    let rule = NameRule::parse("#####-*.png").unwrap();
    for newer in [0, 1] {
        let times: Vec<i64> = (0..40).map(|at| if at / 20 == newer { 1000 + at } else { at }).collect();
        grow(&names, Some(&times), &rule, true);
        let grouping = group(&names, Some(&times), &rule);
        check(&grouping, &names);
        let of_run: Vec<usize> = grouping.films[0].members.iter().map(|(_, place)| place / 20).collect();
        assert_eq!(of_run, [1 - usize::try_from(newer).unwrap(); 20], "the older run");
    }
}

/// Many shots of a few frames each, and few cameras that share a counter, are what they were.
#[test]
fn few_names_in_many_films_are_no_seeds() {
    let shots: Vec<String> = (0..40).map(|at| format!("sh{:03}_{:04}.png", at / 2 * 10, at * 7)).collect();
    assert_eq!(films(&shots, &NameRule::Auto).len(), 20);
    let cameras: Vec<String> = (0..40).map(|at| format!("cam{}_{:06}.png", at % 3, at * 37 + at % 5)).collect();
    assert_eq!(films(&cameras, &NameRule::Auto).len(), 3);
}
