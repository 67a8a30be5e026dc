//! What people are told about values that are each right, but not here or not together.

use super::{mistake, parse, watch_mistake};

#[test]
fn videos_stay_where_they_belong() {
    insta::assert_snapshot!(watch_mistake("output_name = \"../video\""), @r#"
    /etc/reeld/reeld.toml:3:15: `output_name`: the name has a part `..`
        output_name = "../video"
                      ^^^^^^^^^^

    hint: name a folder elsewhere with `output_dir`
    "#);
    insta::assert_snapshot!(watch_mistake("output_name = \"{stem}_x\""), @r#"
    /etc/reeld/reeld.toml:3:15: `output_name`: unknown token `{stem}`
        output_name = "{stem}_x"
                      ^^^^^^^^^^

    hint: allowed: {name}, {prefix}, {suffix}, {folder}, {first}, {last}, {count}, {fps}, {preset}, {date}, {time}
    "#);
    insta::assert_snapshot!(watch_mistake("output_name = \"video.mp4\"\noutput_dir = \"\""), @r#"
    /etc/reeld/reeld.toml:3:15: `output_name`: the name ends with `.mp4`
        output_name = "video.mp4"
                      ^^^^^^^^^^^

    hint: leave the extension out, the preset's container decides it

    /etc/reeld/reeld.toml:4:14: `output_dir`: the path is empty
        output_dir = ""
                     ^^

    hint: name a file or folder, or leave the key out
    "#);
}

#[test]
fn arguments_that_are_reelds_own() {
    insta::assert_snapshot!(watch_mistake("encoder_args = [\"-crf\", \"20\", \"-vf\", \"scale=640:-1\", \"-r\", \"25\"]"), @r#"
    /etc/reeld/reeld.toml:3:31: `encoder_args`: `-vf` belongs to reeld
        encoder_args = ["-crf", "20", "-vf", "scale=640:-1", "-r", "25"]
                                      ^^^^^

    hint: reeld builds input, filters, colours, timing and output itself; the encoder's own options may stand here

    /etc/reeld/reeld.toml:3:54: `encoder_args`: `-r` belongs to reeld
        encoder_args = ["-crf", "20", "-vf", "scale=640:-1", "-r", "25"]
                                                             ^^^^

    hint: use `framerate` and `framerate_factor`
    "#);
    insta::assert_snapshot!(watch_mistake("encoder_args = [\"-tune\", \"film\", \"out.mp4\"]"), @r#"
    /etc/reeld/reeld.toml:3:34: `encoder_args`: `out.mp4` is not an option
        encoder_args = ["-tune", "film", "out.mp4"]
                                         ^^^^^^^^^

    hint: arguments are pairs of an option and its value, each a text of its own: ["-tune", "film"]
    "#);
    insta::assert_snapshot!(mistake("[presets.a]\nencoder = \"libx264\"\nargs = [\"-an\", \"-tune\"]\n[[watch]]\npath = \"/a\"\n"), @r#"
    /etc/reeld/reeld.toml:3:9: `args`: `-an` belongs to reeld
        args = ["-an", "-tune"]
                ^^^^^

    hint: reeld builds input, filters, colours, timing and output itself; the encoder's own options may stand here
    "#);
}

#[test]
fn presets() {
    insta::assert_snapshot!(watch_mistake("preset = \"h246\""), @r#"
    /etc/reeld/reeld.toml:3:10: unknown preset `h246`
        preset = "h246"
                 ^^^^^^

    hint: did you mean `h264`? allowed: h264, h264-10bit, h265, h265-10bit, av1, vp9, prores, prores-4444, dnxhr, ffv1, mpeg4, gif, webp, lossless; your own are written as [presets.NAME]
    "#);
    insta::assert_snapshot!(mistake("[presets.review]\nencoder = \"libx264\"\n[defaults]\npreset = \"reviw\"\n[[watch]]\npath = \"/a\"\n[[watch]]\npath = \"/b\"\n"), @r#"
    /etc/reeld/reeld.toml:4:10: unknown preset `reviw`
        preset = "reviw"
                 ^^^^^^^

    hint: did you mean `review`? allowed: h264, h264-10bit, h265, h265-10bit, av1, vp9, prores, prores-4444, dnxhr, ffv1, mpeg4, gif, webp, lossless, review; your own are written as [presets.NAME]
    "#);
    insta::assert_snapshot!(mistake("[presets.h264]\nencoder = \"libx264\"\n[presets.\"a/b\"]\nencoder = \"x\"\n[presets.c]\n[[watch]]\npath = \"/a\"\n"), @r#"
    /etc/reeld/reeld.toml:1:10: `h264` is one of reeld's own presets
        [presets.h264]
                 ^^^^

    hint: choose another name

    /etc/reeld/reeld.toml:3:10: this cannot be a preset's name
        [presets."a/b"]
                 ^^^^^

    hint: letters, digits, `_`, `-` and `.`: it can become part of a file's name

    /etc/reeld/reeld.toml:5:10: this preset has no `encoder`
        [presets.c]
                 ^

    hint: name FFmpeg's encoder: encoder = "libx264"
    "#);
    insta::assert_snapshot!(watch_mistake("preset = \"h265\"\nquality = 55"), @r#"
    /etc/reeld/reeld.toml:4:11: `quality`: 55 is out of range for the preset `h265`
        quality = 55
                  ^^

    hint: allowed: 0 (best) to 51, about 18 looks perfect
    "#);
}

#[test]
fn by_time_no_number_is_the_last() {
    insta::assert_snapshot!(watch_mistake("order = \"time\"\nlast_frame = 250"), @r#"
    /etc/reeld/reeld.toml:4:14: `last_frame`: with `order` = "time" the highest number is not the last frame
        last_frame = 250
                     ^^^

    hint: say how many there are: frame_count = 250; or leave `last_frame` out
    "#);
}

#[test]
fn a_tree_of_one_folder() {
    let message = mistake("[[watch]]\npath = \"/srv/renders\"\ngroup = \"tree\"\nrecursive = false\n");
    assert!(message.contains("3:9: `group`: \"tree\" takes folders together"), "{message}");
    parse("[[watch]]\npath = \"/srv/renders\"\nrecursive = false\n").unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn nothing_to_watch() {
    insta::assert_snapshot!(mistake("stop = \"abort\"\n"), @r#"
    /etc/reeld/reeld.toml:2:1: there is no `[[watch]]`, so there is nothing to do

    hint: name one:

        [[watch]]
        path = "/srv/renders"
    "#);
    insta::assert_snapshot!(mistake("[[watch]]\nframerate = 24\n"), @r#"
    /etc/reeld/reeld.toml:1:1: this `[[watch]]` has no `path`
        [[watch]]
        ^^^^^^^^^

    hint: name the folder: path = "/srv/renders"
    "#);
}

#[test]
fn roots_within_roots() {
    insta::assert_snapshot!(mistake("[[watch]]\npath = \"/srv/renders\"\n[[watch]]\npath = \"/srv/other/../renders/a\"\n"), @r#"
    /etc/reeld/reeld.toml:4:8: `/srv/renders/a` and `/srv/renders` overlap
        path = "/srv/other/../renders/a"
               ^^^^^^^^^^^^^^^^^^^^^^^^^

    hint: no watched folder may be within another, also through links; a root includes the folders below it, and `exclude` leaves some out
    "#);
    insta::assert_snapshot!(mistake("[[watch]]\npath = \"/srv/renders\"\n[[watch]]\npath = \"/srv/renders/\"\n"), @r#"
    /etc/reeld/reeld.toml:4:8: `/srv/renders` is watched twice
        path = "/srv/renders/"
               ^^^^^^^^^^^^^^^

    hint: no watched folder may be within another, also through links; a root includes the folders below it, and `exclude` leaves some out
    "#);
    insta::assert_snapshot!(mistake("[[watch]]\npath = \"~root/renders\"\n"), @r#"
    /etc/reeld/reeld.toml:2:8: `path`: `~root` is not expanded
        path = "~root/renders"
               ^^^^^^^^^^^^^^^

    hint: only `~/` is; write the path in full, or with `./` in front
    "#);
}

#[test]
fn roots_within_roots_by_links() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("real")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("real"), dir.path().join("link")).unwrap();
    let at = dir.path().display();
    let text = mistake(&format!("[[watch]]\npath = \"{at}/real\"\n[[watch]]\npath = \"{at}/link\"\n"));
    insta::assert_snapshot!(text.replace(&at.to_string(), "DIR").lines().next().unwrap(), @r#"
    /etc/reeld/reeld.toml:4:8: `DIR/link` and `DIR/real` overlap
    "#);
}

#[test]
fn combinations_that_cannot_be() {
    insta::assert_snapshot!(watch_mistake("frame_count = 1"), @r#"
    /etc/reeld/reeld.toml:3:15: `frame_count`: 1 is less than `min_frames`, which is 2
        frame_count = 1
                      ^

    hint: a sequence of that length would never become a video: min_frames = 1
    "#);
    insta::assert_snapshot!(watch_mistake("missing_frames = \"wait\"\nmax_wait = \"0s\""), @r#"
    /etc/reeld/reeld.toml:3:18: `missing_frames`: "wait" and `max_wait` = "0s" contradict each other
        missing_frames = "wait"
                         ^^^^^^

    hint: let it wait: max_wait = "6h"; or do not: missing_frames = "error"
    "#);
    insta::assert_snapshot!(watch_mistake("cleanup_after = \"1h\""), @r#"
    /etc/reeld/reeld.toml:3:17: `cleanup_after`: nothing is cleaned up while `cleanup` is "keep"
        cleanup_after = "1h"
                        ^^^^

    hint: set cleanup to "delete", "trash" or "archive", or leave `cleanup_after` out
    "#);
    insta::assert_snapshot!(mistake("[defaults]\ncleanup_after = \"1h\"\n[[watch]]\npath = \"/a\"\n[[watch]]\npath = \"/b\"\n"), @r#"
    /etc/reeld/reeld.toml:2:17: `cleanup_after`: nothing is cleaned up while `cleanup` is "keep"
        cleanup_after = "1h"
                        ^^^^

    hint: set cleanup to "delete", "trash" or "archive", or leave `cleanup_after` out
    "#);
    insta::assert_snapshot!(watch_mistake("framerate = 23.9761\nframerate_factor = 1.234567"), @r#"
    /etc/reeld/reeld.toml:4:20: `framerate_factor`: `239761/10000 x 1.234567` is out of range for a frame rate
        framerate_factor = 1.234567
                           ^^^^^^^^

    hint: allowed: fractions of numbers up to 2147483647; use fewer decimals
    "#);
}

#[test]
fn chunks_where_frames_are_looked_for() {
    let chunks = |dir: &str, keys: &str| {
        format!("[encoder]\nchunk_dir = \"{dir}\"\n[[watch]]\npath = \"/srv/renders\"\n{keys}\n")
    };
    insta::assert_snapshot!(mistake(&chunks("../../srv/renders/chunks", "")), @r#"
    /etc/reeld/reeld.toml:2:13: `chunk_dir`: chunks would be inside of `/srv/renders`, which is watched for frames
        chunk_dir = "../../srv/renders/chunks"
                    ^^^^^^^^^^^^^^^^^^^^^^^^^^

    hint: name a folder that is not watched, or a hidden one, whose name begins with a dot
    "#);
    for (dir, keys) in [("/srv/renders", "recursive = false"), ("/srv/renders/a/b", "exclude = [\"b/c\"]")] {
        assert!(mistake(&chunks(dir, keys)).contains("inside of `/srv/renders`"), "{dir}");
    }
    for (dir, keys) in [
        ("/srv/renders2", ""),
        ("/srv/renders/.chunks", ""),
        ("/srv/renders/.reeld/chunks", ""),
        ("/srv/renders/a", "recursive = false"),
        ("/srv/renders/a/b", "exclude = [\"a\"]"),
        ("/srv", ""),
    ] {
        parse(&chunks(dir, keys)).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn chunks_where_frames_are_looked_for_by_links() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("frames")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("frames"), dir.path().join("link")).unwrap();
    let at = dir.path().display();
    let text = mistake(&format!("[encoder]\nchunk_dir = \"{at}/link/chunks\"\n[[watch]]\npath = \"{at}/frames\"\n"));
    assert!(text.contains(&format!("inside of `{at}/frames`")), "{text}");
}

#[test]
fn videos_that_would_be_frames() {
    insta::assert_snapshot!(watch_mistake("preset = \"webp\""), @r#"
    /etc/reeld/reeld.toml:3:10: the videos are WebP pictures inside of `/srv/renders`, where they would be frames
        preset = "webp"
                 ^^^^^^

    hint: set `output_dir` to a folder that is not watched, or leave them out: exclude = ["*.webp"]
    "#);
    for keys in [
        "output_dir = \"reels\"",
        "output_dir = \"../reels\"",
        "output_dir = \"/srv/renders/x/../y\"",
        "recursive = false\noutput_dir = \"../renders\"",
    ] {
        assert!(watch_mistake(&format!("preset = \"webp\"\n{keys}")).contains("would be frames"), "{keys}");
    }
    let other = "[[watch]]\npath = \"/a\"\npreset = \"webp\"\noutput_dir = \"/b/reels\"\nexclude = [\"*.webp\"]\n[[watch]]\npath = \"/b\"\n";
    assert!(mistake(other).contains("inside of `/b`"));
}

/// What the preset can never do is said with its place, and not when the render is done.
#[test]
fn what_a_preset_can_never_do() {
    for (keys, place, says) in [
        ("speed = \"fastest\"", "3:9", "`speed`: the preset `h264` has no speed \"fastest\""),
        ("preset = \"prores\"\nspeed = \"fast\"", "4:9", "it has one speed only"),
        ("preset = \"gif\"\nquality = 20", "4:11", "`quality`: the preset `gif` has no quality 20"),
        ("preset = \"av1\"\nquality = 0", "4:11", "a number from 1 (best) to 63"),
        ("preset = \"lossless\"\nquality = 18", "4:11", "it is always LOSSLESS"),
        ("preset = \"prores-4444\"\nquality = \"LOW\"", "4:11", "HIGH is 4444"),
        ("preset = \"gif\"\nframerate = 60", "4:13", "cannot play at 60 frames per second: a GIF has at most 50"),
        ("preset = \"gif\"\nframerate_factor = 4", "4:20", "cannot play at 96 frames per second"),
        ("preset = \"av1\"\nframerate = 250", "4:13", "SVT-AV1 makes at most 240"),
        ("preset = \"mpeg4\"\nframerate = 23.9761", "4:13", "65535 ticks"),
        (
            "quality = 18\nencoder_args = [\"-crf:v\", \"20\"]",
            "4:17",
            "`-crf:v` and `quality` say the same thing twice",
        ),
        ("speed = \"slow\"\nencoder_args = [\"-preset\", \"fast\"]", "4:17", "`-preset` and `speed`"),
        ("encoder_args = [\"-bf\", \"2\", \"-bf\", \"3\"]", "3:29", "`-bf` stands here twice"),
    ] {
        let said = watch_mistake(keys);
        assert!(
            said.starts_with(&format!("/etc/reeld/reeld.toml:{place}: ")) && said.contains(says),
            "{keys}:\n{said}"
        );
        assert!(said.contains("\n\nhint: "), "{said}");
    }
    // Inherited, it is said where it stands, and once.
    let said = mistake(
        "[defaults]\nquality = 20\n[[watch]]\npath = \"/a\"\n[[watch]]\npath = \"/b\"\npreset = \"gif\"\n\
         [[watch]]\npath = \"/c\"\npreset = \"gif\"\n",
    );
    assert!(said.starts_with("/etc/reeld/reeld.toml:2:11: `quality`: the preset `gif`"), "{said}");
    assert_eq!(said.matches("`quality`").count(), 2, "{said}");
}

#[test]
fn a_preset_of_ones_own_that_can_never_be_a_file() {
    for (keys, place, says) in [
        ("encoder = \"libx264\"\ncontainer = \"webm\"", "3:13", "\"webm\" cannot hold what `libx264` makes"),
        ("encoder = \"gif\"\ncontainer = \"webp\"", "3:13", "cannot hold what `gif` makes"),
        ("encoder = \"libx264\"\npix_fmt = \"pal8\"", "3:11", "`pix_fmt`: \"pal8\" is not one that reeld can feed"),
    ] {
        let said = mistake(&format!("[presets.own]\n{keys}\n[[watch]]\npath = \"/a\"\n"));
        assert!(
            said.starts_with(&format!("/etc/reeld/reeld.toml:{place}: ")) && said.contains(says),
            "{keys}:\n{said}"
        );
    }
    assert!(parse("[presets.own]\nencoder = \"h264_nvenc\"\ncontainer = \"mkv\"\n[[watch]]\npath = \"/a\"\npreset = \"own\"\nspeed = \"p7\"\n").is_ok());
}
