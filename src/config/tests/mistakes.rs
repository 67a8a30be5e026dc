//! What people are told about their mistakes.

use super::{mistake, watch_mistake};

#[test]
fn not_toml() {
    insta::assert_snapshot!(mistake("[[watch]]\npath = /srv/renders\n"), @r#"
    /etc/reeld/reeld.toml:2:8: not TOML: string values must be quoted, expected literal string
        path = /srv/renders
               ^^^^^^^^^^^^

    hint: a line is `key = value`; texts stand in double quotes, as in path = "/srv/renders"
    "#);
    insta::assert_snapshot!(mistake("[[watch]]\npath = \"/a\"\npath = \"/b\"\n"), @r#"
    /etc/reeld/reeld.toml:3:1: not TOML: duplicate key
        path = "/b"
        ^^^^

    hint: a line is `key = value`; texts stand in double quotes, as in path = "/srv/renders"
    "#);
}

#[test]
fn an_unknown_key_is_told_the_nearest() {
    insta::assert_snapshot!(watch_mistake("framerat = 24"), @r#"
    /etc/reeld/reeld.toml:3:1: unknown key `framerat` in `[[watch]]`
        framerat = 24
        ^^^^^^^^

    hint: did you mean `framerate`? allowed: path, recursive, watch, include, exclude, pattern, framerate, framerate_factor, preset, quality, speed, encoder_args, background, size_change, output_dir, output_name, final_marker, final_frame, last_frame, frame_count, idle_timeout, max_wait, min_frames, missing_frames, continuation, cleanup, cleanup_after, cleanup_anomalies
    "#);
    insta::assert_snapshot!(mistake("[presets.a]\nencoder = \"libx264\"\ncodec = \"x\"\n"), @r#"
    /etc/reeld/reeld.toml:3:1: unknown key `codec` in `[presets.a]`
        codec = "x"
        ^^^^^

    hint: allowed: encoder, pix_fmt, container, args
    "#);
    insta::assert_snapshot!(mistake("[[wacth]]\npath = \"/a\"\n"), @r#"
    /etc/reeld/reeld.toml:1:3: unknown key `wacth` in the top of the file
        [[wacth]]
          ^^^^^

    hint: did you mean `watch`? allowed: state_dir, stop, encoder, presets, defaults, watch
    "#);
}

#[test]
fn a_misplaced_key_is_told_its_table() {
    insta::assert_snapshot!(watch_mistake("jobs = 2\nstop = \"finish\""), @r#"
    /etc/reeld/reeld.toml:3:1: unknown key `jobs` in `[[watch]]`
        jobs = 2
        ^^^^

    hint: `jobs` belongs in `[encoder]`; allowed: path, recursive, watch, include, exclude, pattern, framerate, framerate_factor, preset, quality, speed, encoder_args, background, size_change, output_dir, output_name, final_marker, final_frame, last_frame, frame_count, idle_timeout, max_wait, min_frames, missing_frames, continuation, cleanup, cleanup_after, cleanup_anomalies

    /etc/reeld/reeld.toml:4:1: unknown key `stop` in `[[watch]]`
        stop = "finish"
        ^^^^

    hint: `stop` stands at the top of the file, before the first `[table]`; allowed: path, recursive, watch, include, exclude, pattern, framerate, framerate_factor, preset, quality, speed, encoder_args, background, size_change, output_dir, output_name, final_marker, final_frame, last_frame, frame_count, idle_timeout, max_wait, min_frames, missing_frames, continuation, cleanup, cleanup_after, cleanup_anomalies
    "#);
}

#[test]
fn several_mistakes_come_together() {
    let text = "stop = \"now\"\n\n[encoder]\nnice = 20\n\n[[watch]]\npath = 3\n\tframerate = \"fast\"  # vroom\ninclude = \"*.png\"\n";
    insta::assert_snapshot!(mistake(text), @r#"
    /etc/reeld/reeld.toml:1:8: `stop`: unknown stop policy `now`
        stop = "now"
               ^^^^^

    hint: allowed: abort, finish

    /etc/reeld/reeld.toml:4:8: `nice`: 20 is out of range
        nice = 20
               ^^

    hint: allowed: 0 to 19

    /etc/reeld/reeld.toml:7:8: `path`: a whole number cannot stand here
        path = 3
               ^

    hint: expected a text in quotes

    /etc/reeld/reeld.toml:8:14: `framerate`: `fast` is not a frame rate
         framerate = "fast"  # vroom
                     ^^^^^^

    hint: a frame rate is a number such as 24 or 23.976, or a fraction such as "24000/1001"

    /etc/reeld/reeld.toml:9:11: `include`: expected an array of texts
        include = "*.png"
                  ^^^^^^^

    hint: one in brackets is an array too: include = ["..."]
    "#);
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(watch_mistake("recursive = \"yes\"\nlast_frame = 2.5\nfinal_marker = [\".done\", 1]"), @r#"
    /etc/reeld/reeld.toml:3:13: `recursive`: a text cannot stand here
        recursive = "yes"
                    ^^^^^

    hint: expected true or false, without quotes

    /etc/reeld/reeld.toml:4:14: `last_frame`: a number with a point cannot stand here
        last_frame = 2.5
                     ^^^

    hint: expected a whole number, without quotes

    /etc/reeld/reeld.toml:5:26: `final_marker`: a whole number cannot stand here
        final_marker = [".done", 1]
                                 ^

    hint: expected a text in quotes
    "#);
    insta::assert_snapshot!(mistake("encoder = 1\n[watch]\npath = \"/a\"\n"), @r#"
    /etc/reeld/reeld.toml:1:11: `encoder`: a whole number cannot stand here
        encoder = 1
                  ^

    hint: expected a table

    /etc/reeld/reeld.toml:2:1: `watch` is not written as `[[watch]]`
        [watch]
        ^^^^^^^

    hint: there can be several, so the brackets are doubled: [[watch]]
    "#);
}

#[test]
fn bad_units() {
    insta::assert_snapshot!(watch_mistake("framerate = 0x18\nframerate_factor = 200\nidle_timeout = 45\nmax_wait = \"six hours\""), @r#"
    /etc/reeld/reeld.toml:3:13: `framerate`: a whole number cannot stand here
        framerate = 0x18
                    ^^^^

    hint: expected a number or a text in quotes

    /etc/reeld/reeld.toml:4:20: `framerate_factor`: `200` is out of range for a factor
        framerate_factor = 200
                           ^^^

    hint: allowed: 0.01 to 100

    /etc/reeld/reeld.toml:5:16: `idle_timeout`: a whole number cannot stand here
        idle_timeout = 45
                       ^^

    hint: expected a text in quotes

    /etc/reeld/reeld.toml:6:12: `max_wait`: `six hours` is not a duration
        max_wait = "six hours"
                   ^^^^^^^^^^^

    hint: a duration is whole numbers with units, largest first, such as "45s", "10m", "1h30m", "250ms", "2d"
    "#);
    insta::assert_snapshot!(watch_mistake("background = \"black\"\nquality = 64\nspeed = \"very fast\"\nframerate = inf"), @r##"
    /etc/reeld/reeld.toml:3:14: `background`: `black` is not a colour
        background = "black"
                     ^^^^^^^

    hint: a colour is `#rrggbb` in hexadecimal, such as "#000000" for black

    /etc/reeld/reeld.toml:4:11: `quality`: `64` is out of range for a quality
        quality = 64
                  ^^

    hint: allowed: 0 (best) to 63

    /etc/reeld/reeld.toml:5:9: `speed`: `very fast` is not a speed
        speed = "very fast"
                ^^^^^^^^^^^

    hint: the encoder's own preset, such as "veryfast" or 8

    /etc/reeld/reeld.toml:6:13: `framerate`: `inf` is not a frame rate
        framerate = inf
                    ^^^

    hint: a frame rate is a number such as 24 or 23.976, or a fraction such as "24000/1001"
    "##);
    insta::assert_snapshot!(watch_mistake("cleanup = \"remove\"\nmissing_frames = \"fill\"\nidle_timeout = \"0s\""), @r#"
    /etc/reeld/reeld.toml:3:11: `cleanup`: unknown cleanup `remove`
        cleanup = "remove"
                  ^^^^^^^^

    hint: allowed: keep, delete, trash, archive

    /etc/reeld/reeld.toml:4:18: `missing_frames`: unknown treatment of missing frames `fill`
        missing_frames = "fill"
                         ^^^^^^

    hint: allowed: skip, hold, error, wait

    /etc/reeld/reeld.toml:5:16: `idle_timeout`: `0s` is out of range for an idle timeout
        idle_timeout = "0s"
                       ^^^^

    hint: allowed: 1s to 3650d
    "#);
}

#[test]
fn bad_globs_and_patterns() {
    insta::assert_snapshot!(watch_mistake("include = [\"[\"]\nexclude = [\"\"]\nfinal_marker = [\"a/done\"]\nfinal_frame = \"{\""), @r#"
    /etc/reeld/reeld.toml:3:12: `include`: `**/[` is not a glob: unclosed character class; missing ']'
        include = ["["]
                   ^^^

    hint: `*` is any text, `?` one character, `[abc]` one of these, `{png,jpg}` one of these texts, `**/` any folders

    /etc/reeld/reeld.toml:4:12: `exclude`: an empty glob matches nothing
        exclude = [""]
                   ^^

    hint: `*` is any text, `?` one character, `[abc]` one of these, `{png,jpg}` one of these texts, `**/` any folders

    /etc/reeld/reeld.toml:5:17: `final_marker`: `a/done` has a slash, and no file name has
        final_marker = ["a/done"]
                        ^^^^^^^^

    hint: write the name alone, such as "*.done"

    /etc/reeld/reeld.toml:6:15: `final_frame`: `{` is not a glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
        final_frame = "{"
                      ^^^

    hint: `*` is any text, `?` one character, `[abc]` one of these, `{png,jpg}` one of these texts, `**/` any folders
    "#);
    let text = watch_mistake("pattern = \"shot.png\"");
    assert!(
        text.starts_with("/etc/reeld/reeld.toml:3:11: `pattern`: ") && text.contains("\n\nhint: `shot.####.png`"),
        "{text}"
    );
}

#[test]
fn reels_stay_where_they_belong() {
    insta::assert_snapshot!(watch_mistake("output_name = \"../video\""), @r#"
    /etc/reeld/reeld.toml:3:15: `output_name`: the name has a part `..`
        output_name = "../video"
                      ^^^^^^^^^^

    hint: name a folder elsewhere with `output_dir`
    "#);
    insta::assert_snapshot!(watch_mistake("output_name = \"{name}_x\""), @r#"
    /etc/reeld/reeld.toml:3:15: `output_name`: unknown token `{name}`
        output_name = "{name}_x"
                      ^^^^^^^^^^

    hint: did you mean `{date}`? allowed: {prefix}, {folder}, {first}, {last}, {count}, {fps}, {preset}, {date}, {time}
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

    hint: no watched folder may lie within another, also through links; a root includes the folders below it, and `exclude` leaves some out
    "#);
    insta::assert_snapshot!(mistake("[[watch]]\npath = \"/srv/renders\"\n[[watch]]\npath = \"/srv/renders/\"\n"), @r#"
    /etc/reeld/reeld.toml:4:8: `/srv/renders` is watched twice
        path = "/srv/renders/"
               ^^^^^^^^^^^^^^^

    hint: no watched folder may lie within another, also through links; a root includes the folders below it, and `exclude` leaves some out
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
    /etc/reeld/reeld.toml:3:15: `frame_count`: 1 frames are less than `min_frames`, 2
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
    insta::assert_snapshot!(watch_mistake("framerate = 100\nframerate_factor = 50"), @r#"
    /etc/reeld/reeld.toml:4:20: `framerate_factor`: `100 x 50` is out of range for a frame rate
        framerate_factor = 50
                           ^^

    hint: allowed: 0.001 to 1000 frames per second
    "#);
}

#[test]
fn reels_that_would_be_frames() {
    insta::assert_snapshot!(watch_mistake("preset = \"webp\""), @r#"
    /etc/reeld/reeld.toml:3:10: the reels are WebP pictures inside of `/srv/renders`, where they would be frames
        preset = "webp"
                 ^^^^^^

    hint: set `output_dir` to a folder that is not watched, or leave them out: exclude = ["*.webp"]
    "#);
    for keys in [
        "output_dir = \"reels\"",
        "output_dir = \"/srv/renders/x/../y\"",
        "recursive = false\noutput_dir = \"../renders\"",
    ] {
        assert!(watch_mistake(&format!("preset = \"webp\"\n{keys}")).contains("would be frames"), "{keys}");
    }
    let other = "[[watch]]\npath = \"/a\"\npreset = \"webp\"\noutput_dir = \"/b/reels\"\nexclude = [\"*.webp\"]\n[[watch]]\npath = \"/b\"\n";
    assert!(mistake(other).contains("inside of `/b`"));
}

#[test]
fn a_file_that_is_not_text() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("reeld.toml");
    std::fs::write(&file, b"# caf\xe9\n[[watch]]\n").unwrap();
    let error = crate::config::Config::load(&file).unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(&dir.path().display().to_string(), "DIR"), @r#"
    DIR/reeld.toml:1:6: not UTF-8 text
        # caf�
             ^

    hint: save the file as UTF-8
    "#);
}

#[test]
fn a_file_that_is_not_there() {
    let error = crate::config::Config::load("/nowhere/reeld.toml".as_ref()).unwrap_err();
    insta::assert_snapshot!(format!("{error}\n\nhint: {}", error.hint().unwrap()), @r#"
    cannot read the configuration /nowhere/reeld.toml: No such file or directory (os error 2)

    hint: `reeld init /nowhere/reeld.toml` writes a commented one
    "#);
}
