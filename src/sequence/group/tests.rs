use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

/// A grouping by names: films in their order, single images, and what is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Named {
    films: BTreeSet<Vec<String>>,
    singles: BTreeSet<String>,
    left: BTreeSet<String>,
}

fn text(name: &[u8]) -> String {
    name.to_str_lossy().into_owned()
}

fn named<N: AsRef<[u8]>>(grouping: &Grouping, names: &[N]) -> Named {
    let name = |place: &usize| text(names[*place].as_ref());
    Named {
        films: grouping.films.iter().map(|film| film.members.iter().map(|(_, at)| name(at)).collect()).collect(),
        singles: grouping.singles.iter().map(name).collect(),
        left: grouping.left.iter().map(|(at, _)| name(at)).collect(),
    }
}

/// What a grouping promises whatever the names are.
fn check<N: AsRef<[u8]>>(grouping: &Grouping, names: &[N]) {
    let mut seen = vec![0; names.len()];
    let mut patterns = BTreeSet::new();
    for film in &grouping.films {
        assert!(film.members.len() >= 2, "{film:?}");
        assert!(film.members.is_sorted_by(|a, b| a.0 < b.0), "{film:?}");
        assert!(patterns.insert(&film.pattern), "two films of {}", film.pattern);
        film.members.iter().for_each(|(_, at)| seen[*at] += 1);
    }
    grouping.singles.iter().for_each(|at| seen[*at] += 1);
    grouping.left.iter().for_each(|(at, _)| seen[*at] += 1);
    for (name, times) in names.iter().zip(seen) {
        let expected = usize::from(left_by_name(name.as_ref()) != Ok(false));
        assert_eq!(times, expected, "{}", name.as_ref().as_bstr());
    }
}

/// Names of one shape as a watcher keeps them: placed one by one, and read anew when the reading says so.
struct Watched {
    names: Vec<Vec<u8>>,
    times: Option<Vec<i64>>,
    reading: Reading,
    placed: HashMap<Vec<u8>, Placed>,
    taken: HashMap<(u32, FrameNumber), Vec<u8>>,
    stale: bool,
    readings: usize,
}

impl Watched {
    fn new(rule: &NameRule) -> Self {
        let none: [&[u8]; 0] = [];
        Self {
            names: Vec::new(),
            times: None,
            reading: Reading::of(&none, None, rule).0,
            placed: HashMap::new(),
            taken: HashMap::new(),
            stale: false,
            readings: 0,
        }
    }

    fn add(&mut self, name: &[u8], time: Option<i64>, rule: &NameRule) {
        self.names.push(name.to_vec());
        if let Some(time) = time {
            self.times.get_or_insert_default().push(time);
        }
        let Some(placed) = self.reading.place(name) else { return self.read(rule) };
        match &placed {
            Placed::Film { film, number, sure } => {
                if self.taken.insert((*film, *number), name.to_vec()).is_some_and(|other| other != name) {
                    return self.read(rule);
                }
                self.stale |= !sure;
            }
            Placed::Single | Placed::Left(_) => self.stale = true,
        }
        self.placed.insert(name.to_vec(), placed);
    }

    fn read(&mut self, rule: &NameRule) {
        let (reading, grouping) = Reading::of(&self.names, self.times.as_deref(), rule);
        self.reading = reading;
        self.readings += 1;
        self.stale = false;
        self.placed.clear();
        self.taken.clear();
        let expected = named(&grouping, &self.names);
        for film in &grouping.films {
            let places: BTreeSet<u32> = film
                .members
                .iter()
                .map(|(number, at)| match self.reading.place(&self.names[*at]) {
                    Some(Placed::Film { film, number: placed, .. }) if placed == *number => film,
                    other => panic!("{}: {number} in the grouping, {other:?}", self.names[*at].as_bstr()),
                })
                .collect();
            assert_eq!(places.len(), 1, "{film:?}");
            let place = *places.first().unwrap();
            assert_eq!(self.reading.pattern(place), &film.pattern);
        }
        for name in &self.names {
            let placed = self.reading.place(name).unwrap_or_else(|| panic!("{}", name.as_bstr()));
            if let Placed::Film { film, number, .. } = &placed {
                assert_eq!(self.taken.insert((*film, *number), name.clone()), None, "{}", name.as_bstr());
            }
            self.placed.insert(name.clone(), placed);
        }
        assert_eq!(self.named(), expected);
    }

    fn named(&self) -> Named {
        let mut films: BTreeMap<u32, BTreeMap<FrameNumber, String>> = BTreeMap::new();
        let mut all = Named::default();
        for (name, placed) in &self.placed {
            match placed {
                Placed::Film { film, number, .. } => drop(films.entry(*film).or_default().insert(*number, text(name))),
                Placed::Single => drop(all.singles.insert(text(name))),
                Placed::Left(_) => drop(all.left.insert(text(name))),
            }
        }
        for members in films.into_values() {
            let members: Vec<String> = members.into_values().collect();
            match <[String; 1]>::try_from(members) {
                Ok([only]) => drop(all.singles.insert(only)),
                Err(members) => drop(all.films.insert(members)),
            }
        }
        all
    }
}

/// Adds names one by one. Whenever no reading is stale, the result is that of reading all names; and at the end in
/// any case. How often names were read.
fn grow(names: &[Vec<u8>], times: Option<&[i64]>, rule: &NameRule, each: bool) -> usize {
    let mut shapes: BTreeMap<Vec<u8>, Watched> = BTreeMap::new();
    let mut of_name = Shaper::default();
    for (at, name) in names.iter().enumerate() {
        let Some(shape) = of_name.shape(name, rule) else { continue };
        let watched = shapes.entry(shape.to_vec()).or_insert_with(|| Watched::new(rule));
        watched.add(name, times.map(|times| times[at]), rule);
        if each && !watched.stale {
            let (_, grouping) = Reading::of(&watched.names, watched.times.as_deref(), rule);
            assert_eq!(watched.named(), named(&grouping, &watched.names), "{}", name.as_bstr());
        }
        if watched.stale && (watched.names.len() <= 64 || watched.names.len().is_power_of_two()) {
            watched.read(rule);
        }
    }
    let mut all = Named::default();
    for watched in shapes.values_mut() {
        if watched.stale {
            watched.read(rule);
        }
        let mut one = watched.named();
        all.films.append(&mut one.films);
        all.singles.append(&mut one.singles);
        all.left.append(&mut one.left);
    }
    let mut whole = named(&group(names, times, rule), names);
    // What its name alone leaves out has no shape.
    whole.left.retain(|name| of_name.shape(name.as_bytes(), rule).is_some());
    assert_eq!(all, whole);
    shapes.values().map(|watched| watched.readings).sum()
}

#[derive(Deserialize)]
struct Table {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    pattern: Option<String>,
    films: Vec<Vec<String>>,
    #[serde(default)]
    singles: Vec<String>,
    #[serde(default)]
    left: Vec<String>,
    #[serde(default)]
    other: Vec<String>,
    /// Places in `films`.
    #[serde(default)]
    held: Vec<usize>,
    missing: Option<Vec<(i64, i64)>>,
    times: Option<HashMap<String, f64>>,
}

/// Rows of which this build knows better, and why.
const ARGUED: [(&str, &str); 0] = [];

/// Names in an order that has nothing to do with them.
fn shuffled<T: Clone>(items: &[T], seed: u64) -> Vec<T> {
    let mut state = seed | 1;
    let mut items = items.to_vec();
    for at in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
    }
    items
}

#[test]
fn folders_are_read_as_the_table_says_in_any_order_and_one_by_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/names/folders.json");
    let table: Table = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for row in &table.rows {
        if ARGUED.iter().any(|(id, _)| *id == row.id) {
            continue;
        }
        if std::panic::catch_unwind(|| check_row(row)).is_err() {
            wrong.push(row.id.clone());
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

fn check_row(row: &Row) {
    let rule = row.pattern.as_ref().map_or(NameRule::Auto, |pattern| NameRule::parse(pattern).unwrap());
    let expected = Named {
        films: row.films.iter().cloned().collect(),
        singles: row.singles.iter().cloned().collect(),
        left: row.left.iter().cloned().collect(),
    };
    let names = row.films.iter().flatten().chain(&row.singles).chain(&row.left).chain(&row.other);
    let names: Vec<Vec<u8>> = names.map(|name| name.as_bytes().to_vec()).collect();
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
    let times_of = |names: &[Vec<u8>]| {
        row.times.as_ref().map(|times| names.iter().map(|name| times[&text(name)] as i64).collect::<Vec<_>>())
    };
    for seed in 0..4 {
        let names = if seed == 0 { names.clone() } else { shuffled(&names, seed) };
        let times = times_of(&names);
        let grouping = group(&names, times.as_deref(), &rule);
        check(&grouping, &names);
        assert_eq!(named(&grouping, &names), expected, "{}", row.id);
        for film in &grouping.films {
            let members: Vec<String> = film.members.iter().map(|(_, at)| text(&names[*at])).collect();
            let at = row.films.iter().position(|film| *film == members).unwrap();
            assert_eq!(film.held.is_some(), row.held.contains(&at), "{} {}", row.id, film.pattern);
            if let Some(missing) = &row.missing {
                let found = film.pattern.missing_from(film.members.iter().map(|(number, _)| *number));
                let found: Vec<(i64, i64)> = found.iter().map(|(first, last, _)| (first, last)).collect();
                assert_eq!(&found, missing, "{} {}", row.id, film.pattern);
            }
        }
        let mut names = names;
        if let Some(times) = &row.times {
            names.sort_by(|a, b| times[&text(a)].total_cmp(&times[&text(b)]));
        }
        grow(&names, times_of(&names).as_deref(), &rule, names.len() < 100 && seed < 2);
    }
}

/// How many random folders a property is tried on. `REELD_FOLDERS` says more.
fn folders(usual: u32) -> ProptestConfig {
    let wanted = std::env::var("REELD_FOLDERS").ok().and_then(|text| text.parse().ok());
    ProptestConfig { max_shrink_iters: 4096, ..ProptestConfig::with_cases(wanted.unwrap_or(usual)) }
}

/// Words and numbers that are often taken for something else.
fn soup() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let words = [
        "",
        "",
        "a",
        "b_",
        "-",
        "_",
        ".",
        " ",
        "v",
        "x",
        "cam",
        "shot.",
        "2024-01-01_",
        "20250301-",
        "1920x1080_",
        "T",
        "(",
        "_v",
        "IMG_",
        "-",
        ".-",
        "--",
        "\u{e9}",
    ];
    let word = prop::sample::select(words.to_vec());
    let number = prop_oneof![
        (0_u32..12).prop_map(|n| n.to_string()),
        (0_u32..12, 0_usize..5).prop_map(|(n, width)| format!("{n:0width$}")),
        (95_u32..105).prop_map(|n| n.to_string()),
        (0_u32..62).prop_map(|n| format!("{n:02}")),
        (0_u64..70).prop_map(|n| (20_250_101_120_000 + n).to_string()),
        prop::sample::select(vec!["235957", "235958", "235959", "240000", "000001", "000059", "000060", "000100"])
            .prop_map(str::to_owned),
        prop::sample::select(vec![
            "999999998",
            "1000000000",
            "20240229",
            "20240301",
            "20240230",
            "99999999999999999999"
        ])
        .prop_map(str::to_owned),
        Just(String::new()),
    ];
    let extension = prop::sample::select(vec![".png", ".png", ".png", ".exr", ".jpg", ".JPG", ".txt", ".dpx"]);
    // Forms are drawn first, so that the names of a folder have much in common.
    let form = prop::collection::vec(word, 1..5);
    let forms = prop::collection::vec(form, 1..4);
    let picks =
        prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(number, 5), extension), 0..30);
    (forms, picks).prop_map(|(forms, picks)| {
        let name = |(form, numbers, extension): (prop::sample::Index, Vec<String>, &str)| {
            let words = form.get(&forms).iter().zip(numbers).map(|(word, number)| format!("{word}{number}"));
            [words.collect::<String>(), extension.to_owned()].concat().into_bytes()
        };
        let names: BTreeSet<Vec<u8>> = picks.into_iter().map(name).filter(|name| name.len() > 4).collect();
        names.into_iter().collect()
    })
}

/// A family of one film, in its order, over the borders where a number may look like something else.
fn one_film() -> impl Strategy<Value = Vec<String>> {
    let heads = [
        "",
        "a_",
        "shot.",
        "cam-",
        "Image ",
        "x",
        "render",
        "24fps_",
        "1920x1080_",
        "sh010_",
        "100%_",
        "s_v003.",
        "v2_",
        "20250301_",
        "2025-03-01_",
        "20250301120000-",
        "4x",
        "it's ",
    ];
    let tails = ["", "_", "_L", "_beauty", "-m", "_1920x1080", " (1)", ".v3", "_of_120", "_x264", "_24fps"];
    let borders = [
        1_u64,
        0,
        8,
        57,
        95,
        996,
        1075,
        9996,
        99_996,
        235_955,
        999_997,
        20_240_225,
        99_999_990,
        999_999_995,
        9_999_999_995,
        1_679_847_550,
    ];
    let head = prop::sample::select(heads.to_vec());
    let tail = prop::sample::select(tails.to_vec());
    let extension = prop::sample::select(vec![".png", ".jpg", ".exr", ".JPG"]);
    let count = prop::sample::select(vec![2_u64, 3, 5, 13, 40, 150]);
    let border = prop::sample::select(borders.to_vec());
    let step = prop::sample::select(vec![1_u64, 1, 1, 2, 5, 10, 60]);
    (head, tail, extension, count, border, step, prop::option::of(2_usize..10)).prop_map(
        |(head, tail, extension, count, border, step, width)| {
            let width = width.unwrap_or(0);
            (0..count).map(|at| format!("{head}{:0width$}{tail}{extension}", border + at * step)).collect()
        },
    )
}

/// Seconds since 1970 as a calendar writes them, in a form: `Y`, `M`, `D`, `h`, `m` and `s` stand for two or four digits.
fn calendar(form: &str, seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let rest = seconds.rem_euclid(86_400);
    let year = year + era * 400 + i64::from(month <= 2);
    let field = |letter| match letter {
        'Y' => format!("{year:04}"),
        'M' => format!("{month:02}"),
        'D' => format!("{day:02}"),
        'h' => format!("{:02}", rest / 3600),
        'm' => format!("{:02}", rest / 60 % 60),
        's' => format!("{:02}", rest % 60),
        other => String::from(other),
    };
    form.chars().map(field).collect()
}

/// A camera's film, in its order: stamps, alone or with a counter before, after or within them.
fn one_clock() -> impl Strategy<Value = Vec<String>> {
    let start = 1_000_000_000_i64..1_900_000_000;
    let jump = prop::sample::select(vec![1_i64, 1, 2, 7, 30, 60, 300, 3000, 86_400, 100_000]);
    let head = prop::sample::select(vec!["", "a_", "cam1_", "cam-", "Image ", "IMG_", "x_"]);
    let tail = prop::sample::select(vec!["", "_L", "-m", "_x"]);
    let count = prop::sample::select(vec![2_i64, 3, 5, 13, 40, 150]);
    let forms =
        ["YMDhms", "YMD_hms", "Y-M-D_h-m-s", "Y-M-DTh-m-sZ", "YMDThms", "Y-M-D h.m.s", "Y_M_D_h_m_s", "YMD-hms"];
    let form = prop::sample::select(forms.to_vec());
    (start, jump, head, tail, count, form, 0_usize..4, prop::sample::select(vec![1_i64, 0, 8, 996, 9996])).prop_map(
        |(start, jump, head, tail, count, form, with, border)| {
            let stamp = |at: i64| calendar(form, start + at * jump);
            let name = |at: i64| match with {
                0 => format!("{head}{}{tail}.jpg", stamp(at)),
                1 => format!("{head}{}_{:05}{tail}.jpg", stamp(at), border + at),
                2 => format!("{head}{:05}_{}{tail}.jpg", border + at, stamp(at)),
                _ => format!("{head}{}-{:02}{tail}.jpg", stamp(at / 3), at % 3),
            };
            (0..count).map(name).collect()
        },
    )
}

/// A grid of passes, shots and frames, or anything else in which several numbers vary at random.
fn grids() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let form =
        prop::sample::select(vec!["p#_%.png", "f%_p#.png", "sh#_v#.%.exr", "gpu#_%.png", "#-%.png", "%.#.%.png"]);
    let number = (0_u32..4, 0_u32..40, any::<bool>());
    (form, prop::collection::vec(prop::collection::vec(number, 3), 2..160), any::<bool>()).prop_map(
        |(form, numbers, padded)| {
            let name = |numbers: &Vec<(u32, u32, bool)>| {
                let (mut numbers, mut name) = (numbers.iter(), String::new());
                for letter in form.chars() {
                    match letter {
                        '#' => name += &numbers.next().unwrap().0.to_string(),
                        '%' if padded => name += &format!("{:04}", numbers.next().unwrap().1),
                        '%' => name += &numbers.next().unwrap().1.to_string(),
                        letter => name.push(letter),
                    }
                }
                name.into_bytes()
            };
            let names: BTreeSet<Vec<u8>> = numbers.iter().map(name).collect();
            names.into_iter().collect()
        },
    )
}

fn in_any_order_and_one_by_one(names: &[Vec<u8>], seed: u64, each: bool) {
    let grouping = group(names, None, &NameRule::Auto);
    check(&grouping, names);
    let mixed = shuffled(names, seed);
    assert_eq!(named(&group(&mixed, None, &NameRule::Auto), &mixed), named(&grouping, names));
    grow(&mixed, None, &NameRule::Auto, each);
}

proptest! {
    #![proptest_config(folders(2000))]

    #[test]
    fn every_image_is_in_exactly_one_place(names in soup(), seed: u64) {
        in_any_order_and_one_by_one(&names, seed, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_reading_that_is_not_stale_is_that_of_all_names(names in prop_oneof![soup(), grids()], seed: u64) {
        in_any_order_and_one_by_one(&names, seed, true);
    }

    #[test]
    fn one_film_is_read_as_one_film(names in prop_oneof![one_film(), one_clock()], seed: u64) {
        let distinct: BTreeSet<&String> = names.iter().collect();
        prop_assume!(distinct.len() == names.len());
        let mixed: Vec<Vec<u8>> = shuffled(&names, seed).into_iter().map(String::into_bytes).collect();
        let found = group(&mixed, None, &NameRule::Auto);
        check(&found, &mixed);
        let expected = Named { films: BTreeSet::from([names.clone()]), ..Named::default() };
        prop_assert_eq!(named(&found, &mixed), expected);
        let in_order: Vec<Vec<u8>> = names.into_iter().map(String::into_bytes).collect();
        grow(&in_order, None, &NameRule::Auto, in_order.len() < 50);
        grow(&mixed, None, &NameRule::Auto, in_order.len() < 50);
    }
}

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
    let names = ["a1.exr", "a1.jpg", "a2.exr", "a2.jpg", "b1.DPX", ".c1.png", "d1.part.png", "e.txt"];
    let grouping = group(&names, None, &NameRule::Auto);
    check(&grouping, &names);
    let left: Vec<String> = grouping.left.iter().map(|(at, why)| format!("{}: {why}", names[*at])).collect();
    assert_eq!(
        left,
        [
            "a1.jpg: it is the preview of a1.exr",
            "a2.jpg: it is the preview of a2.exr",
            "b1.DPX: the format is not supported: DPX",
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
