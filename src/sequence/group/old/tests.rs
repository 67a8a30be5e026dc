use proptest::prelude::*;

use super::*;

/// Patterns as people read them, with the numbers of each.
fn auto(names: &[&str]) -> Vec<(String, Vec<FrameNumber>)> {
    shown(names, &NameRule::Auto)
}

fn shown(names: &[&str], rule: &NameRule) -> Vec<(String, Vec<FrameNumber>)> {
    let numbers = |group: &Group| group.members.iter().map(|(number, _)| *number).collect();
    let groups = group(names, rule);
    for group in &groups {
        for (number, index) in &group.members {
            assert_eq!(group.pattern.name(*number), names[*index]);
        }
    }
    groups.iter().map(|group| (group.pattern.to_string(), numbers(group))).collect()
}

fn expect(names: &[&str], groups: &[(&str, &[FrameNumber])]) {
    let mut found = auto(names);
    found.sort();
    let mut expected: Vec<_> = groups.iter().map(|(p, n)| ((*p).to_owned(), n.to_vec())).collect();
    expected.sort();
    assert_eq!(found, expected, "{names:?}");
}

#[test]
fn padding_makes_classes_that_overflow() {
    expect(&["r9999.png", "r10000.png", "r0001.png"], &[("r####.png", &[1, 9999, 10000])]);
    expect(&["r9999.png", "r10000.png"], &[("r#.png", &[9999, 10000])]);
    expect(&["9.png", "10.png"], &[("#.png", &[9, 10])]);
    expect(&["04.png", "009.png", "08.png"], &[("##.png", &[4, 8]), ("###.png", &[9])]);
    expect(
        &["a.999.png", "a.0999.png", "a.1000.png", "a.10001.png"],
        &[("a.#.png", &[999]), ("a.####.png", &[999, 1000, 10001])],
    );
    expect(&["1.png", "01.png", "001.png"], &[("#.png", &[1]), ("##.png", &[1]), ("###.png", &[1])]);
    expect(&["00.png", "0.png", "10.png"], &[("#.png", &[0]), ("##.png", &[0, 10])]);
}

#[test]
fn a_sign_does_not_count_for_the_width() {
    expect(&["-0002.png", "-0001.png", "0000.png"], &[("####.png", &[-2, -1, 0])]);
    expect(&["-002.png", "-001.png", "0000.png"], &[("###.png", &[-2, -1]), ("####.png", &[0])]);
    expect(&["-0.png", "0.png", "1.png"], &[("-#.png", &[0]), ("#.png", &[0, 1])]);
    expect(&["-0000.png", "-0001.png"], &[("-####.png", &[0]), ("####.png", &[-1])]);
    expect(&["a-1.png", "a-2.png"], &[("a-#.png", &[1, 2])]);
}

#[test]
fn the_number_is_the_run_that_makes_the_largest_group() {
    expect(&["shot_0001_beauty.png", "shot_0002_beauty.png"], &[("shot_####_beauty.png", &[1, 2])]);
    expect(&["a1_7.png", "a2_7.png", "a2_8.png", "a2_9.png"], &[("a1_#.png", &[7]), ("a2_#.png", &[7, 8, 9])]);
    expect(&["a1_7.png"], &[("a1_#.png", &[7])]);
    expect(&["s_v001.1.png", "s_v002.1.png"], &[("s_v001.#.png", &[1]), ("s_v002.#.png", &[1])]);
    expect(&["a_1920x1080.png", "a_1920x1081.png"], &[]);
    expect(&["24fps_0001.png", "24fps_0002.png"], &[("24fps_####.png", &[1, 2])]);
}

#[test]
fn blender_names() {
    expect(
        &["render0001_L.png", "render0001_R.png", "render0002_L.png", "render0002_R.png"],
        &[("render####_L.png", &[1, 2]), ("render####_R.png", &[1, 2])],
    );
    expect(&["0001_camera.png", "0002_camera.png"], &[("####_camera.png", &[1, 2])]);
    expect(&["r0001.exr", "r0002.exr", "r0001.jpg"], &[("r####.exr", &[1, 2]), ("r####.jpg", &[1])]);
}

#[test]
fn comfyui_names() {
    expect(&["ComfyUI_00001_.png", "ComfyUI_00121_.png"], &[("ComfyUI_#####_.png", &[1, 121])]);
    expect(&["ComfyUI_00001_.png", "ComfyUI_00001.png"], &[("ComfyUI_#####.png", &[1]), ("ComfyUI_#####_.png", &[1])]);
    expect(&["x_99999_.png", "x_100000_.png", "x_00001_.png"], &[("x_#####_.png", &[1, 99999, 100_000])]);
    expect(
        &["AnimateDiff_00001.001.png", "AnimateDiff_00001.002.png", "AnimateDiff_00001.png"],
        &[("AnimateDiff_00001.###.png", &[1, 2]), ("AnimateDiff_#####.png", &[1])],
    );
    expect(
        &["x_20260101_120001_00001_.png", "x_20260101_120002_00001_.png"],
        &[("x_20260101_120001_#####_.png", &[1]), ("x_20260101_120002_#####_.png", &[1])],
    );
    expect(&["img0_00001_.png", "img1_00002_.png"], &[("img#_#####_.png", &[0, 1])]);
}

#[test]
fn stable_diffusion_names() {
    expect(&["00001-1234567.png", "00002-1234568.png"], &[("#####-#.png", &[1, 2])]);
    expect(&["00001-4123456789.png", "00002-4123456790.png"], &[("#####-#.png", &[1, 2])]);
    expect(&["00001-777.png", "00002-777.png"], &[("#####-777.png", &[1, 2])]);
    expect(
        &["20230124234916_000000001.png", "20230124234916_000000002.png", "20230124234916_depth_000000001.png"],
        &[("20230124234916_#########.png", &[1, 2]), ("20230124234916_depth_#########.png", &[1])],
    );
    expect(&["1432001-p-m.png", "1432001-p-m-1.png"], &[("#-p-m.png", &[1_432_001]), ("1432001-p-m-#.png", &[1])]);
}

#[test]
fn time_stamps_have_no_gaps() {
    let names = ["image-20250101120000.jpg", "image-20250101120500.jpg"];
    expect(&names, &[("image-#.jpg", &[20_250_101_120_000, 20_250_101_120_500])]);
    let pattern = group(&names, &NameRule::Auto)[0].pattern.clone();
    assert!(!pattern.has_gaps());
    assert!(pattern.missing_from([1, 5]).is_empty());
    let motion = ["01-20250101120000-00.jpg", "01-20250101120001-00.jpg", "01-20250101120002-00.jpg"];
    expect(&motion, &[("01-#-00.jpg", &[20_250_101_120_000, 20_250_101_120_001, 20_250_101_120_002])]);
    expect(&["n_20250101120000-0.jpg", "n_20250101120000-1.jpg"], &[("n_20250101120000-#.jpg", &[0, 1])]);
}

#[test]
fn an_explicit_rule_decides() {
    let names = ["shot.0001.png", "shot.0002.png", "shot.10000.png", "shot.003.png", "other.0001.png"];
    let rule = NameRule::parse("shot.####.png").unwrap();
    assert_eq!(shown(&names, &rule), [("shot.####.png".to_owned(), vec![1, 2, 10000])]);
    let rule = NameRule::parse("shot.####.png").unwrap();
    assert_eq!(shown(&["shot.1001.png"], &rule), [("shot.####.png".to_owned(), vec![1001])]);
    let rule = NameRule::parse(r"^(?<frame>\d+)-\d+").unwrap();
    let names = ["00001-7.png", "00002-7.png", "00003-8.png"];
    assert_eq!(shown(&names, &rule), [("#####-7.png".to_owned(), vec![1, 2]), ("#####-8.png".to_owned(), vec![3])]);
}

#[test]
fn the_pattern_of_one_name_looks_at_its_folder() {
    let names = ["a1_7.png", "a2_7.png", "a3_7.png"];
    let pattern = |name: &str, names: &[&str]| pattern_of(name.as_bytes(), names, &NameRule::Auto);
    assert_eq!(pattern("a1_7.png", &names).unwrap().to_string(), "a#_7.png");
    assert_eq!(pattern("a1_7.png", &[]).unwrap().to_string(), "a1_#.png");
    assert_eq!(pattern("notes.txt", &names), None);
    assert_eq!(pattern("plain.png", &names), None);
}

#[test]
fn a_large_folder_is_quick() {
    let names: Vec<String> = (0..100_000).map(|number| format!("render_{number:05}-{}.png", number % 7)).collect();
    let start = std::time::Instant::now();
    let groups = group(&names, &NameRule::Auto);
    assert_eq!(groups.iter().map(|group| group.members.len()).sum::<usize>(), 100_000);
    // Ten times what it takes, in a build that is not the released one.
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

/// Names that look like frames, with many chances to collide.
fn names() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let word = prop_oneof![
        Just("a"),
        Just("b_"),
        Just("."),
        Just("-"),
        Just("_"),
        Just(" "),
        Just("v"),
        Just("x"),
        Just("_-"),
        Just("")
    ];
    let number = prop_oneof![
        (0u32..30, 0usize..5).prop_map(|(n, w)| format!("{n:0w$}")),
        (95u32..105).prop_map(|n| n.to_string()),
        (0u64..5).prop_map(|n| (20_250_101_120_000 + n).to_string()),
        Just(String::new()),
    ];
    let part = (word, number).prop_map(|(word, number)| format!("{word}{number}"));
    let name = (prop::collection::vec(part, 1..4), prop_oneof![Just(".png"), Just(".PNG")], any::<bool>());
    let name = name.prop_map(|(parts, extension, foreign)| {
        let mut name = if foreign { vec![0xff] } else { Vec::new() };
        name.extend_from_slice(parts.concat().as_bytes());
        name.extend_from_slice(extension.as_bytes());
        name
    });
    prop::collection::btree_set(name, 0..40).prop_map(|names| names.into_iter().collect()).prop_shuffle()
}

proptest! {
    #[test]
    fn every_name_is_reproduced_once_and_order_does_not_matter(names in names()) {
        let groups = group(&names, &NameRule::Auto);
        let mut seen = std::collections::BTreeSet::new();
        for group in &groups {
            prop_assert!(group.members.is_sorted_by(|a, b| a.0 < b.0));
            for (number, index) in &group.members {
                prop_assert_eq!(&group.pattern.name(*number), &names[*index]);
                prop_assert!(seen.insert(*index));
            }
        }
        let mut splitter = Splitter::default();
        let numbered = |name: &&Vec<u8>| may_be_frame(name) && splitter.family(name, &NameRule::Auto).is_some();
        prop_assert_eq!(seen.len(), names.iter().filter(numbered).count());
        let mut sorted = names.clone();
        sorted.sort();
        let by_name = |groups: Vec<Group>, names: &[Vec<u8>]| -> Vec<(Pattern, Vec<Vec<u8>>)> {
            let members = |g: &Group| g.members.iter().map(|(_, index)| names[*index].clone()).collect();
            groups.iter().map(|group| (group.pattern.clone(), members(group))).collect()
        };
        prop_assert_eq!(by_name(groups, &names), by_name(group(&sorted, &NameRule::Auto), &sorted));
    }
}
