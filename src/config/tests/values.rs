//! What becomes of a valid configuration.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::parse;
use crate::config::{Cleanup, Config, Encoder, FrameRate, Live, ParallelChunks, Preset, Root, Video};
use crate::frame::Layer;
use crate::sequence::finish::{Existing, IdleTimeout, MissingFrames};
use crate::sequence::order::FrameOrder;

fn root(keys: &str) -> Root {
    let config = parse(&format!("[[watch]]\npath = \"/srv/renders\"\n{keys}\n")).unwrap_or_else(|e| panic!("{e}"));
    config.roots.into_iter().next().unwrap()
}

fn rate(keys: &str) -> String {
    root(keys).video.rate.to_string()
}

#[test]
fn a_path_is_enough() {
    let root = root("");
    assert_eq!(format!("{root:?}"), format!("{:?}", Root::with_defaults("/srv/renders".into())));
    assert_eq!(root.video.rate, FrameRate::default());
    assert_eq!(root.finish.max_wait, Duration::from_secs(21_600));
    for marker in [".done", "done", "shot.done"] {
        assert!(root.finish.final_marker.is_match(marker), "{marker}");
    }
}

#[test]
fn rates_are_read_as_written() {
    assert_eq!(rate("framerate = 23.976"), "24000/1001");
    assert_eq!(rate("framerate = \"29.97\""), "30000/1001");
    assert_eq!(rate("framerate = 0.1"), "1/10");
    assert_eq!(rate("framerate = +25"), "25");
    assert_eq!(rate("framerate = 1_000"), "1000");
    assert_eq!(rate("framerate = 24\nframerate_factor = 0.3"), "36/5");
    assert_eq!(rate("framerate = 24\nframerate_factor = \"1.25\""), "30");
}

#[test]
fn a_watch_inherits_and_overrides() {
    let config = parse(
        r##"
        [defaults]
        framerate = 30
        cleanup = "delete"
        cleanup_after = "1h"
        missing_frames = "hold"
        existing = "encode"
        layer = "ViewLayer.Combined"
        exposure = -1.5
        background = "#ff8000"

        [[watch]]
        path = "one"

        [[watch]]
        path = "~/two"
        cleanup = "keep"
        existing = "skip"
        framerate = 60
        preset = "av1"
        speed = 8
        "##,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    let [one, two] = &config.roots[..] else { panic!("two roots") };
    assert_eq!(one.path, Path::new("/etc/reeld/one"));
    assert_eq!(one.video.rate.to_string(), "30");
    assert_eq!((one.delivery.cleanup, one.delivery.cleanup_after), (Cleanup::Delete, Duration::from_secs(3600)));
    assert_eq!(one.finish.missing_frames, MissingFrames::Hold);
    assert_eq!((one.finish.existing, two.finish.existing), (Existing::Encode, Existing::Skip));
    assert_eq!(two.path, Path::new("/home/u/two"));
    assert_eq!(two.video.rate.to_string(), "60");
    assert_eq!(two.delivery.cleanup, Cleanup::Keep);
    assert_eq!(two.video.background, [255, 128, 0]);
    assert_eq!(two.video.exposure.to_string(), "-1.5");
    assert_eq!(two.video.layer.as_ref().map(Layer::as_str), Some("ViewLayer.Combined"));
    assert_eq!(two.video.speed.as_deref(), Some("8"));
}

#[test]
fn globs_without_a_slash_hold_at_any_depth() {
    let root = root(
        r#"include = ["*.png", "top/*.jpg", "/here.exr"]
        exclude = ["previews/", "a/**/old"]"#,
    );
    let include = root.selection.include.unwrap();
    for path in ["a.png", "x/y/a.png", "top/a.jpg", "here.exr"] {
        assert!(include.is_match(path), "{path}");
    }
    for path in ["x/top/a.jpg", "top/x/a.jpg", "x/here.exr", "a.jpg"] {
        assert!(!include.is_match(path), "{path}");
    }
    for path in ["previews", "x/previews", "x/previews/1/a.png", "a/old", "a/b/c/old"] {
        assert!(root.selection.exclude.is_match(path), "{path}");
    }
    assert!(!root.selection.exclude.is_match("x/a/old"));
}

#[test]
fn a_length_or_a_rate_of_a_watch_overrules_the_other_of_all() {
    let config = parse(
        r#"
        [defaults]
        framerate = 30
        framerate_factor = 2

        [[watch]]
        path = "one"
        duration = "30s"

        [[watch]]
        path = "two"
        "#,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    let [one, two] = &config.roots[..] else { panic!("two roots") };
    assert_eq!(one.lasting(450).video.rate.to_string(), "15");
    assert_eq!((two.lasting(450).video.rate.to_string(), two.length), ("60".to_owned(), None));
    let config = parse("[defaults]\nduration = \"30s\"\n[[watch]]\npath = \"/a\"\nframerate = 12\n").unwrap();
    assert_eq!(config.roots[0].lasting(450).video.rate.to_string(), "12");
    assert_eq!(root("duration = \"30s\"").at(None).lasting(450).rate_from.to_string(), "`duration`");
}

#[test]
fn what_goes_by_time_is_encoded_when_it_is_finished() {
    assert_eq!((root("").finish.order, root("").live), (FrameOrder::Number, Live::Always));
    let by_time = root("order = \"time\"\nlive = true");
    assert_eq!((by_time.finish.order, by_time.live), (FrameOrder::Time, Live::Never));
}

#[test]
fn a_preset_of_ones_own() {
    let config = parse(
        r#"
        [presets.review]
        encoder = "libx265"
        container = "mkv"
        args = ["-crf", "30", "-qmin", "-1"]
        [[watch]]
        path = "/srv/renders"
        preset = "review"
        "#,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    let Video { preset, .. } = &*config.roots[0].video;
    assert_eq!(preset.name(), "review");
    let Preset::Custom(preset) = preset else { panic!("a custom preset") };
    assert_eq!((preset.pix_fmt.as_str(), preset.container.to_string().as_str()), ("yuv420p", "mkv"));
    assert_eq!(preset.args.to_argv(), ["-crf", "30", "-qmin", "-1"]);
}

#[test]
fn never_idle_with_a_last_frame_is_fine() {
    let root = root("idle_timeout = \"never\"\nlast_frame = 100");
    assert_eq!((root.finish.idle_timeout, root.finish.last_frame), (IdleTimeout::Never, Some(100)));
}

#[test]
fn webp_videos_are_fine_where_they_are_no_frames() {
    for keys in [
        "output_dir = \"/srv/reels\"",
        "exclude = [\"*.webp\"]",
        "include = [\"*.png\"]",
        "recursive = false\noutput_dir = \"reels\"",
        "recursive = false\noutput_name = \"reels/{prefix}\"",
        "output_dir = \"reels\"\nexclude = [\"reels\"]",
    ] {
        root(&format!("preset = \"webp\"\n{keys}"));
    }
    root("preset = \"h264\"\noutput_dir = \"/srv/renders/reels\"");
}

#[test]
fn paths_of_the_encoder() {
    let ffmpeg = |path: &str| {
        let text = format!("[encoder]\nffmpeg = \"{path}\"\n[[watch]]\npath = \"/a\"\n");
        parse(&text).unwrap().encoder.ffmpeg.unwrap().display().to_string()
    };
    assert_eq!(ffmpeg("ffmpeg7"), "ffmpeg7");
    assert_eq!(ffmpeg("./ffmpeg"), "/etc/reeld/ffmpeg");
    assert_eq!(ffmpeg("/opt/ffmpeg"), "/opt/ffmpeg");
    assert_eq!(ffmpeg("~/bin/ffmpeg"), "/home/u/bin/ffmpeg");
}

fn encoder(keys: &str) -> Encoder {
    let text = format!("[encoder]\n{keys}\n[[watch]]\npath = \"/a\"\n");
    parse(&text).unwrap_or_else(|error| panic!("{error}")).encoder
}

#[test]
fn chunks_are_as_the_encoder_table_says() {
    let own = encoder("chunk_length = 48\nlive_hold = \"1m30s\"\nchunk_dir = \"~/chunks\"\nparallel_chunks = 3");
    assert_eq!(own.chunk_length.get(), 48);
    assert_eq!(own.live_hold, Duration::from_secs(90));
    assert_eq!(own.chunk_dir.as_deref(), Some(Path::new("/home/u/chunks")));
    assert_eq!(own.parallel_chunks, ParallelChunks::Fixed(NonZeroUsize::new(3).unwrap()));
    assert_eq!(encoder("chunk_length = 24").chunk_length.get(), 24);
    assert_eq!(encoder("chunk_length = 10_000").chunk_length.get(), 10_000);
    assert_eq!(encoder("live_hold = \"1s\"").live_hold, Duration::from_secs(1));
    assert_eq!(encoder("parallel_chunks = \"auto\"").parallel_chunks, ParallelChunks::Auto);
    assert_eq!(encoder("chunk_dir = \"chunks\"").chunk_dir.as_deref(), Some(Path::new("/etc/reeld/chunks")));
    assert_eq!(encoder(""), Encoder::default());
}

#[test]
fn live_is_a_flag_or_when_idle() {
    assert_eq!(root("live = true").live, Live::Always);
    assert_eq!(root("live = false").live, Live::Never);
    assert_eq!(root("live = \"when_idle\"").live, Live::WhenIdle);
    let config =
        parse("[defaults]\nlive = false\n[[watch]]\npath = \"/a\"\n[[watch]]\npath = \"/b\"\nlive = \"when_idle\"\n");
    let lives: Vec<Live> = config.unwrap().roots.iter().map(|root| root.live).collect();
    assert_eq!(lives, [Live::Never, Live::WhenIdle]);
}

#[test]
fn a_root_knows_its_paths() {
    let config = parse("[[watch]]\npath = \"/a\"\n[[watch]]\npath = \"/ab\"\n").unwrap();
    assert_eq!(config.root_of(Path::new("/ab/x.png")).unwrap().path, Path::new("/ab"));
    assert!(config.root_of(Path::new("/b")).is_none());
}

#[test]
fn a_file_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("reeld.toml");
    std::fs::write(&file, "[[watch]]\npath = \"renders\"\n").unwrap();
    assert_eq!(Config::load(&file).unwrap().roots[0].path, dir.path().join("renders"));
}

/// Text that is often nearly a configuration.
fn toml_like() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "path",
        "framerate",
        "framerate_factor",
        "preset",
        "quality",
        "idle_timeout",
        "include",
        "output_name",
        "output_dir",
        "x",
        "last_frame",
        "pattern",
        "encoder_args",
        "cleanup_after",
        "watch",
        "presets",
        "jobs",
        "final_frame",
        "live",
        "parallel_chunks",
        "chunk_dir",
        "live_hold",
    ]);
    let value = prop::sample::select(vec![
        "1",
        "-1",
        "1.5",
        "inf",
        "0x10",
        "1e400",
        "\"24/1\"",
        "\"~\"",
        "\"\"",
        "\"[\"",
        "\"..\"",
        "\"webp\"",
        "[]",
        "[\"-i\"]",
        "[\"**\", 1]",
        "{}",
        "{ a = 1 }",
        "true",
        "2026-01-01",
        "'''\n'''",
        "99999999999999999999",
        "\"\\u0000\"",
        "\"é\"",
        "",
    ]);
    let line = prop_oneof![
        (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        prop::sample::select(vec![
            "[[watch]]",
            "[defaults]",
            "[encoder]",
            "[presets.a]",
            "[watch]",
            "[presets.h264]",
            "[[",
            "# é"
        ])
        .prop_map(str::to_owned),
        "\\PC{0,12}",
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC*|[\\[\\]a-z=\"\\n#. 0-9\\r\\t]{0,80}") {
        let _ = parse(&text).map_err(|error| error.to_string());
    }

    #[test]
    fn any_toml_is_answered(text in toml_like()) {
        let _ = parse(&text).map_err(|error| error.to_string());
    }
}
