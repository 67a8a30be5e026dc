//! Texts as the generators write them, and what two of them have to do with each other.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn text(text: &str) -> Origin {
    Origin::of(&Embedded::Text { text: text.as_bytes().to_vec(), cut: false })
}

fn graph(graph: &Value) -> Origin {
    text(&graph.to_string())
}

/// A picture from words, as ComfyUI's default workflow makes it.
fn still(words: &str, seed: u64, steps: u64) -> Value {
    json!({
        "3": {"class_type": "KSampler", "_meta": {"title": "KSampler"}, "inputs": {"seed": seed, "steps": steps, "cfg": 8.0,
              "sampler_name": "euler", "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "latent_image": ["5", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned.ckpt"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": words, "clip": ["4", 1]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}}
    })
}

fn with(mut graph: Value, id: &str, node: Value) -> Value {
    graph[id] = node;
    graph
}

#[test]
fn texts_without_a_counter_are_told_apart_by_what_differs() {
    let base = still("a cat, 1girl", 7, 20);
    let titled = with(
        base.clone(),
        "9",
        json!({"class_type": "SaveImage", "_meta": {"title": "mine"},
        "is_changed": ["x"], "inputs": {"filename_prefix": "shot_007", "images": ["8", 0]}}),
    );
    let cases = [
        (base.clone(), Relation::Same),
        (titled, Relation::Same),
        (still("a cat, 1girl", 8, 20), Relation::Seed),
        (still("a cat, 1girl", 7, 30), Relation::Numbers),
        (still("a cat, 1girl", 9, 30), Relation::Numbers),
        (still("a cat, 2girls", 7, 20), Relation::Words),
        (still("a dog, 1girl", 8, 20), Relation::Words),
    ];
    for (other, wanted) in cases {
        assert_eq!(graph(&base).compare(&graph(&other)), wanted, "{other}");
        assert_eq!(graph(&other).compare(&graph(&base)), wanted, "{other}");
    }
    assert_eq!(Origin::default().compare(&Origin::default()), Relation::Absent);
    assert_eq!(Origin::default().compare(&graph(&base)), Relation::Words);
    assert_eq!(graph(&base).compare(&Origin::default()), Relation::Words);
}

#[test]
fn what_counts_is_known_by_name_class_and_link() {
    type Node = fn(u64) -> Value;
    let frame = |node: Node| move |number: u64, seed: u64| graph(&with(still("a cat", seed, 20), "20", node(number)));
    let dream = |n| {
        json!({"class_type": "Frame Counter (Simple) [Dream]",
        "inputs": {"frame_index": n, "total_frames": 12, "frames_per_second": 25}})
    };
    let batch = |n| {
        json!({"class_type": "Load Image Batch", "inputs": {"mode": "single_image", "index": n, "seed": 0,
        "label": "Batch 001", "path": "/in", "pattern": "*", "allow_RGBA_output": "false"}})
    };
    let seeded = |n| json!({"class_type": "LoadImagesFromPath", "inputs": {"seed": n, "input_path": "in"}});
    let vhs = |n| {
        json!({"class_type": "VHS_LoadVideo",
        "inputs": {"video": "clip.mp4", "force_rate": 0, "frame_load_cap": 16, "skip_first_frames": 16 * n, "select_every_nth": 1}})
    };
    let source =
        |n| json!({"class_type": "LoadImage", "inputs": {"image": format!("in/frame_{n:04}.png"), "upload": "image"}});
    let cases: [(&str, Node, Counts); 5] = [
        ("dream", dream, Counts::Frames),
        ("batch", batch, Counts::Sources),
        ("seeded", seeded, Counts::Sources),
        ("vhs", vhs, Counts::Frames),
        ("source", source, Counts::Sources),
    ];
    for (name, node, counts) in cases {
        let frame = frame(node);
        assert_eq!(frame(3, 7).compare(&frame(4, 7)), Relation::Counter(counts), "{name}");
        assert_eq!(frame(3, 7).compare(&frame(4, 8)), Relation::Counter(counts), "{name} and the seed");
        assert_eq!(frame(3, 7).compare(&frame(3, 8)), Relation::Seed, "{name} at rest");
        assert!(ends_run(None, &frame(4, 7), &frame(0, 7), None), "{name} starts again");
        assert!(!ends_run(None, &frame(3, 7), &frame(4, 9), None), "{name} counts on");
    }
    // The number stands in a node of its own.
    let linked = |number: u64| {
        let index = json!({"class_type": "Load Image Batch", "inputs": {"mode": "single_image", "index": ["21", 0]}});
        let number = json!({"class_type": "PrimitiveInt", "inputs": {"value": number}});
        graph(&with(with(still("a cat", 7, 20), "20", index), "21", number))
    };
    assert_eq!(linked(3).compare(&linked(4)), Relation::Counter(Counts::Sources));
}

#[test]
fn a_counter_may_move_unseen_and_states_the_total() {
    let dream = |seed: u64, total: Value| {
        let node = json!({"class_type": "Frame Counter (Directory) [Dream]", "inputs": {"directory_path": "/out/anim",
            "pattern": "*", "indexing": "numeric", "total_frames": total, "frames_per_second": 15}});
        graph(&with(
            with(still("a cat", seed, 20), "20", node),
            "21",
            json!({"class_type": "Int", "inputs": {"value": 12}}),
        ))
    };
    assert_eq!(dream(7, json!(12)).compare(&dream(7, json!(12))), Relation::Counter(Counts::Frames));
    assert_eq!(dream(7, json!(12)).compare(&dream(8, json!(12))), Relation::Counter(Counts::Frames));
    assert_eq!(dream(7, json!(12)).compare(&dream(7, json!(24))), Relation::Numbers);
    let twelve = Total::Frames(NonZeroU64::new(12).unwrap());
    assert_eq!(dream(7, json!(12)).total(), Some(twelve));
    assert_eq!(dream(7, json!(["21", 0])).total(), Some(twelve));
    assert_eq!(dream(7, json!(0)).total(), None);
    assert_eq!(graph(&still("a cat", 7, 20)).total(), None);
    let batch = |seed: u64| {
        let node = json!({"class_type": "Load Image Batch", "inputs": {"mode": "incremental_image", "index": 0, "path": "/in"}});
        graph(&with(still("a cat", seed, 20), "20", node))
    };
    assert_eq!(batch(7).compare(&batch(7)), Relation::Counter(Counts::Sources));
}

#[test]
fn parameters_are_read_word_by_word() {
    let parameters = |words: &str, steps: u32, seed: u64, size: &str| {
        text(&format!(
            "masterpiece, (cat:1.2) {words}\nNegative prompt: worst quality\nSteps: {steps}, Sampler: Euler a, CFG scale: 7, \
             Seed: {seed}, Size: {size}, Model hash: 6ce0161689, Variation seed: {seed}, Variation seed strength: 0.5"
        ))
    };
    let base = parameters("on a roof", 20, 1000, "512x512");
    assert_eq!(base.compare(&parameters("on a roof", 20, 1000, "512x512")), Relation::Same);
    assert_eq!(base.compare(&parameters("on a roof", 20, 1001, "512x512")), Relation::Seed);
    assert_eq!(base.compare(&parameters("on a roof", 30, 1000, "512x512")), Relation::Numbers);
    assert_eq!(base.compare(&parameters("on a roof", 20, 1000, "512x768")), Relation::Numbers);
    assert_eq!(base.compare(&parameters("on a car", 20, 1000, "512x512")), Relation::Words);
    let positions =
        |position| text(&format!("a cat\nSteps: 20, Seed: {}, Batch size: 4, Batch pos: {position}", 7 + position));
    assert_eq!(positions(0).compare(&positions(1)), Relation::Seed);
    let source = |number| text(&format!("a cat\nSteps: 20, Seed: 7, Source: frames/in_{number:04}.png"));
    assert_eq!(source(3).compare(&source(4)), Relation::Counter(Counts::Sources));
}

#[test]
fn json_that_is_no_graph_and_graphs_that_are_no_json_are_read_too() {
    let invoke = |seed: u64, words: &str| {
        text(&json!({"generation_mode": "txt2img", "positive_prompt": words, "seed": seed, "steps": 30}).to_string())
    };
    assert_eq!(invoke(1, "cat").compare(&invoke(2, "cat")), Relation::Seed);
    assert_eq!(invoke(1, "cat").compare(&invoke(1, "dog")), Relation::Words);
    let odd = |seed: u64| {
        text(&format!(
            r#"{{"1": {{"class_type": "K \"NaN\" {{", "inputs": {{"seed": {seed}, "x": NaN, "y": [-Infinity]}}}}}}"#
        ))
    };
    assert_eq!(odd(1).compare(&odd(1)), Relation::Same);
    assert_eq!(odd(1).compare(&odd(2)), Relation::Seed);
    let cut = |seed: u64| {
        let whole = still("a cat", seed, 20).to_string();
        let text = whole.as_bytes()[..whole.len() / 2].to_vec();
        Origin::of(&Embedded::Text { text, cut: true })
    };
    assert_eq!(cut(17).compare(&cut(17)), Relation::Same);
    assert_eq!(cut(17).compare(&cut(18)), Relation::Seed);
}

#[test]
fn stamps_count_and_state_the_range() {
    let stamps = |scene: &str, frame: FrameNumber, range| {
        Origin::of(&Embedded::Stamps(Stamps {
            file: b"/a.blend".into(),
            scene: scene.into(),
            frame: Some(frame),
            range,
            time: None,
        }))
    };
    let range = Some((1, 250));
    assert_eq!(stamps("A", 7, range).compare(&stamps("A", 8, range)), Relation::Counter(Counts::Frames));
    assert_eq!(stamps("A", 7, range).compare(&stamps("B", 8, range)), Relation::Words);
    assert_eq!(stamps("A", 7, range).total(), Some(Total::Range { first: 1, last: 250 }));
    assert_eq!(stamps("A", 7, None).total(), None);
    assert!(!ends_run(None, &stamps("A", -3, range), &stamps("A", -2, range), None));
}

#[test]
fn a_graph_says_the_rate_only_where_it_is_beyond_doubt() {
    let rate = |nodes: &[(&str, Value)]| {
        let made = nodes.iter().fold(still("a cat", 7, 20), |graph, (id, node)| with(graph, id, node.clone()));
        let rate = |rate: FrameRate| rate.to_string();
        match graph(&made).rate()? {
            RateWord::Counter(found) => Some(("counter", rate(found))),
            RateWord::VideoNode(found) => Some(("video", rate(found))),
            RateWord::Stamp(_) => panic!("a graph has no stamps"),
        }
    };
    let node = |class: &str, input: &str, value: Value| json!({"class_type": class, "inputs": {input: value}});
    let counter = |value: Value| node("Frame Counter (Simple) [Dream]", "frames_per_second", value);
    let combine = |value: Value| node("VHS_VideoCombine", "frame_rate", value);
    let number = ("30", json!({"class_type": "PrimitiveFloat", "inputs": {"value": 12.5}}));
    let says = |what: &'static str, rate: &str| Some((what, rate.to_owned()));
    assert_eq!(rate(&[]), None);
    assert_eq!(rate(&[("20", counter(json!(15)))]), says("counter", "15"));
    assert_eq!(rate(&[("20", counter(json!(23.976)))]), says("counter", "24000/1001"));
    assert_eq!(rate(&[("20", counter(json!(["30", 0]))), number.clone()]), says("counter", "25/2"));
    assert_eq!(rate(&[("20", counter(json!(0)))]), None);
    assert_eq!(rate(&[("20", counter(json!(15))), ("21", counter(json!(12)))]), None);
    assert_eq!(rate(&[("20", counter(json!(15))), ("21", combine(json!(8)))]), says("counter", "15"));
    for video in [
        combine(json!(8)),
        combine(json!("8")),
        node("CreateVideo", "fps", json!(8.0)),
        node("SaveAnimatedWEBP", "fps", json!(8)),
        node("SaveWEBM", "fps", json!(8)),
        node("ADE_AnimateDiffCombine", "frame_rate", json!(8)),
    ] {
        assert_eq!(rate(&[("20", video.clone())]), says("video", "8"), "{video}");
        // Frames between those that are saved, or fewer of them: nobody knows for which the rate is.
        let more = node("RIFE VFI", "multiplier", json!(2));
        assert_eq!(rate(&[("20", video.clone()), ("21", more)]), None);
        let fewer = node("VHS_SelectEveryNthImage", "select_every_nth", json!(2));
        assert_eq!(rate(&[("20", video), ("21", fewer)]), None);
    }
    assert_eq!(rate(&[("20", combine(json!(8))), ("21", combine(json!(16)))]), None);
    assert_eq!(rate(&[("20", combine(json!(8))), ("21", node("CreateVideo", "fps", json!(8)))]), says("video", "8"));
    // What is loaded, or what a model was told, is no video that is made.
    assert_eq!(rate(&[("20", node("VHS_LoadVideo", "fps", json!(30)))]), None);
    assert_eq!(rate(&[("20", node("SVD_img2vid_Conditioning", "fps", json!(6)))]), None);
}

#[test]
fn a_total_is_reached_by_number_or_by_count() {
    let range = Total::Range { first: 1, last: 100 };
    assert!(range.is_reached(10, 91, 10), "the next one would be 101");
    assert!(!range.is_reached(9, 81, 10));
    assert!(!range.is_reached(99, 99, 1));
    assert!(range.is_reached(99, 100, 1));
    let frames = Total::Frames(NonZeroU64::new(12).unwrap());
    assert!(!frames.is_reached(11, 400, 1));
    assert!(frames.is_reached(12, 11, 1));
}

#[test]
fn deforum_states_its_frames_only_for_animations() {
    let settings = |mode: &str| {
        Total::of_deforum(json!({"animation_mode": mode, "max_frames": 120, "fps": 15}).to_string().as_bytes())
    };
    let total = NonZeroU64::new(120).map(Total::Frames);
    assert_eq!(settings("2D"), total);
    assert_eq!(settings("3D"), total);
    assert_eq!(settings("None"), None);
    assert_eq!(settings("Video Input"), None);
    assert_eq!(Total::of_deforum(b"not json"), None);
}

/// Each letter is a prompt: small letters are the same prompt with that seed, capitals have other words, digits count.
fn runs(frames: &str) -> Vec<usize> {
    let origin = |letter: char| match letter {
        '-' => Origin::default(),
        'a'..='z' => graph(&still("a cat", u64::from(letter), 20)),
        'A'..='Z' => graph(&still(&format!("a {letter}"), 7, 20)),
        digit => {
            let node = json!({"class_type": "LoadImage", "inputs": {"image": format!("{digit}.png")}});
            graph(&with(still("a cat", 7, 20), "20", node))
        }
    };
    run_starts(&frames.chars().map(origin).collect::<Vec<_>>())
}

#[test]
fn runs_end_where_the_text_says_so() {
    assert_eq!(runs(""), [] as [usize; 0]);
    assert_eq!(runs("-----"), [0]);
    assert_eq!(runs("AAAAA"), [0]);
    assert_eq!(runs("AAABBB"), [0, 3]);
    assert_eq!(runs("--AAA-"), [0, 2, 5]);
    // A leftover before a run, of another seed: the run is of one prompt for all frames, so it cannot belong.
    assert_eq!(runs("qaaaa"), [0, 1]);
    // The same workflow queued twice, with another seed.
    assert_eq!(runs("aaaabbbb"), [0, 4]);
    assert_eq!(runs("aaaab"), [0, 4]);
    // One prompt a frame, each with its own seed.
    assert_eq!(runs("abcdefgh"), [0]);
    assert_eq!(runs("12345"), [0]);
    assert_eq!(runs("123123"), [0, 3]);
    assert_eq!(runs("112233"), [0]);
}

proptest! {
    /// Nothing about a text makes its reading panic, and a text is like itself.
    #[test]
    fn any_text_is_like_itself(bytes in prop::collection::vec(any::<u8>(), 0..300), cut: bool) {
        let origin = Origin::of(&Embedded::Text { text: bytes, cut });
        prop_assert!(matches!(origin.compare(&origin), Relation::Same | Relation::Counter(_)));
    }

    /// Half-broken graphs are read as words, whatever is left of them.
    #[test]
    fn damaged_graphs_do_not_panic(at in 0usize..600, byte: u8) {
        let mut text = still("a cat", 7, 20).to_string().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        let origin = Origin::of(&Embedded::Text { text, cut: false });
        prop_assert_eq!(origin.compare(&origin), Relation::Same);
    }

    /// Runs are found by looking at no more than four frames, so they do not depend on what is far away.
    #[test]
    fn runs_are_local(frames in "[abAB12-]{0,12}", more in "[abAB12-]{3,8}") {
        let alone = runs(&frames);
        let together = runs(&format!("{frames}{more}"));
        let known = frames.len().saturating_sub(1);
        prop_assert_eq!(
            alone.into_iter().filter(|start| *start < known).collect::<Vec<_>>(),
            together.into_iter().filter(|start| *start < known).collect::<Vec<_>>()
        );
    }
}
