//! Random folders.

use proptest::prelude::*;

use super::*;

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
    let extension = prop::sample::select(vec![".png", ".png", ".png", ".exr", ".jpg", ".JPG", ".txt", ".psd"]);
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
pub(super) fn calendar(form: &str, seconds: i64) -> String {
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
        prop_assert_eq!(Named { patterns: BTreeSet::new(), ..named(&found, &mixed) }, expected);
        let in_order: Vec<Vec<u8>> = names.into_iter().map(String::into_bytes).collect();
        grow(&in_order, None, &NameRule::Auto, in_order.len() < 50);
        grow(&mixed, None, &NameRule::Auto, in_order.len() < 50);
    }
}

/// A family of many names: what it is, and its names by their places.
type Large = (&'static str, fn(i64) -> String);

const LARGE: [Large; 12] = [
    ("one counter", |at| format!("r_{:04}.png", at + 9950)),
    ("a count that is no clock yet", |at| format!("c_20250301_{:06}.png", at % 60)),
    ("a clock", |at| calendar("cYMD_hms.jpg", 1_700_000_000 + at * 7)),
    ("a clock and a counter", |at| calendar(&format!("Y-M-D_h-m-s_{at:05}.jpg"), 1_700_000_000 + at * 7)),
    ("a counter and a clock", |at| calendar(&format!("{at:04}-YMDhms.jpg"), 1_700_000_000 + at * 7)),
    ("frames of a second", |at| calendar(&format!("01-YMDhms-{:02}.jpg", at % 4), 1_700_000_000 + at / 4)),
    ("cameras and a clock", |at| calendar(&format!("cam{}_YMDhms.jpg", at % 3), 1_700_000_000 + at)),
    ("passes", |at| format!("p{}_{:04}.png", at % 5, at / 5)),
    ("frames and passes", |at| format!("f{:04}_p{}.png", at / 2, at % 2)),
    ("seeds that step", |at| format!("{at:05}-{}.png", at + 1_234_567)),
    ("seeds that rise", |at| format!("{at:05}-{}.png", 1_234_567 + at * at)),
    ("workers", |at| format!("gpu{}_{at:05}.png", at * 7 % 5)),
];

/// One of the names with one of its numbers changed.
fn changed(name: &str, run: prop::sample::Index, how: usize, by: i64) -> String {
    let bytes = name.as_bytes();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    cut::for_each_run(bytes, |run| runs.push((run.start, run.end)));
    let (start, end) = runs[run.index(runs.len())];
    let (value, width) = (name[start..end].parse::<i64>().unwrap_or(0), end - start);
    let digits = match how {
        0 => format!("{:0width$}", value + by),
        1 => format!("{}", value + by),
        2 => format!("{:0width$}", by * 50, width = width + 1),
        3 => format!("-{value:0width$}"),
        _ => format!("{by:0width$}"),
    };
    [&name[..start], &digits, &name[end..]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_placed_for_sure_is_where_reading_all_names_puts_it(
        (_, name) in prop::sample::select(LARGE.to_vec()),
        count in 64_i64..140,
        more in prop::collection::vec((0_i64..12, any::<prop::sample::Index>(), 0_usize..9, 0_i64..70), 1..14),
    ) {
        let rule = NameRule::Auto;
        let mut of_name = Shaper::default();
        let names: Vec<Vec<u8>> = (0..count).map(|at| name(at).into_bytes()).collect::<BTreeSet<_>>().into_iter().collect();
        let mut watched = Watched::new(&rule);
        let shape = of_name.shape(&names[0], &rule).unwrap().to_vec();
        watched.names = names;
        watched.read(&rule);
        for (ahead, run, how, by) in more {
            // Most go on as before; some differ in one number.
            let next = name(count + ahead);
            let next = if how < 5 { changed(&next, run, how, by) } else { next }.into_bytes();
            if watched.names.contains(&next) || of_name.shape(&next, &rule) != Some(&shape) {
                continue;
            }
            watched.add(&next, None, &rule);
            if watched.stale {
                watched.read(&rule);
            } else {
                let (_, grouping) = Reading::of(&watched.names, None, &rule);
                let right = named(&grouping, &watched.names);
                prop_assert!(watched.named() == right, "{} of {:?}", next.as_bstr(), right.films.len());
            }
        }
    }
}
