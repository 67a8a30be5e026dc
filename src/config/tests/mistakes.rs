//! What people are told about their mistakes.

use super::{mistake, watch_mistake};

use crate::error::{Explain as _, chain};

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

    hint: a key stands once in a table; several [[watch]] are several tables
    "#);
}

#[test]
fn an_unknown_key_is_told_the_nearest() {
    insta::assert_snapshot!(watch_mistake("framerat = 24"), @r#"
    /etc/reeld/reeld.toml:3:1: unknown key `framerat` in `[[watch]]`
        framerat = 24
        ^^^^^^^^

    hint: did you mean `framerate`? allowed: path, recursive, folder_config, watch, include, exclude, pattern, group, order, generator, framerate, framerate_factor, duration, framerate_min, framerate_max, preset, quality, speed, encoder_args, layer, exposure, background, size_change, crop, rotate, flip, size, audio, reverse, ping_pong, loop, hold_first, hold_last, output_dir, output_name, metadata, poster, final_marker, final_frame, last_frame, frame_count, idle_timeout, max_wait, min_frames, missing_frames, max_hold, continuation, existing, stills, live, cleanup, cleanup_after, cleanup_anomalies
    "#);
    insta::assert_snapshot!(mistake("[presets.a]\nencoder = \"libx264\"\ncodec = \"x\"\n"), @r#"
    /etc/reeld/reeld.toml:3:1: unknown key `codec` in `[presets.a]`
        codec = "x"
        ^^^^^

    hint: allowed: encoder, pix_fmt, container, args
    "#);
    insta::assert_snapshot!(mistake("[[wacth]]\npath = \"/a\"\n"), @r#"
    /etc/reeld/reeld.toml:1:3: unknown key `wacth` at the top of the file
        [[wacth]]
          ^^^^^

    hint: did you mean `watch`? allowed: state_dir, keep_history, stop, encoder, limits, presets, defaults, watch
    "#);
}

#[test]
fn a_misplaced_key_is_told_its_table() {
    insta::assert_snapshot!(watch_mistake("jobs = 2\nstop = \"finish\""), @r#"
    /etc/reeld/reeld.toml:3:1: unknown key `jobs` in `[[watch]]`
        jobs = 2
        ^^^^

    hint: `jobs` belongs in `[encoder]`; allowed: path, recursive, folder_config, watch, include, exclude, pattern, group, order, generator, framerate, framerate_factor, duration, framerate_min, framerate_max, preset, quality, speed, encoder_args, layer, exposure, background, size_change, crop, rotate, flip, size, audio, reverse, ping_pong, loop, hold_first, hold_last, output_dir, output_name, metadata, poster, final_marker, final_frame, last_frame, frame_count, idle_timeout, max_wait, min_frames, missing_frames, max_hold, continuation, existing, stills, live, cleanup, cleanup_after, cleanup_anomalies

    /etc/reeld/reeld.toml:4:1: unknown key `stop` in `[[watch]]`
        stop = "finish"
        ^^^^

    hint: `stop` stands at the top of the file, before the first `[table]`; allowed: path, recursive, folder_config, watch, include, exclude, pattern, group, order, generator, framerate, framerate_factor, duration, framerate_min, framerate_max, preset, quality, speed, encoder_args, layer, exposure, background, size_change, crop, rotate, flip, size, audio, reverse, ping_pong, loop, hold_first, hold_last, output_dir, output_name, metadata, poster, final_marker, final_frame, last_frame, frame_count, idle_timeout, max_wait, min_frames, missing_frames, max_hold, continuation, existing, stills, live, cleanup, cleanup_after, cleanup_anomalies
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

    /etc/reeld/reeld.toml:7:8: `path`: expected a text, found a whole number
        path = 3
               ^

    hint: put it in double quotes

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
    /etc/reeld/reeld.toml:3:13: `recursive`: expected true or false, found a text
        recursive = "yes"
                    ^^^^^

    hint: write it without quotes

    /etc/reeld/reeld.toml:4:14: `last_frame`: expected a whole number, found a number with a point
        last_frame = 2.5
                     ^^^

    hint: write it without quotes and without a point

    /etc/reeld/reeld.toml:5:26: `final_marker`: expected a text, found a whole number
        final_marker = [".done", 1]
                                 ^

    hint: put it in double quotes
    "#);
    insta::assert_snapshot!(mistake("encoder = 1\n[watch]\npath = \"/a\"\n"), @r#"
    /etc/reeld/reeld.toml:1:11: `encoder`: expected a table, found a whole number
        encoder = 1
                  ^

    hint: its keys stand below its name in brackets

    /etc/reeld/reeld.toml:2:1: `watch` is not written as `[[watch]]`
        [watch]
        ^^^^^^^

    hint: there can be several, so the brackets are doubled: [[watch]]
    "#);
}

#[test]
fn bad_units() {
    insta::assert_snapshot!(watch_mistake("framerate = 0x18\nframerate_factor = 200\nidle_timeout = 45\nmax_wait = \"six hours\""), @r#"
    /etc/reeld/reeld.toml:3:13: `framerate`: 0x18 is not a decimal number
        framerate = 0x18
                    ^^^^

    hint: write it with the digits 0 to 9

    /etc/reeld/reeld.toml:4:20: `framerate_factor`: `200` is out of range for a factor
        framerate_factor = 200
                           ^^^

    hint: allowed: 0.01 to 100

    /etc/reeld/reeld.toml:5:16: `idle_timeout`: `45` is not an idle timeout
        idle_timeout = 45
                       ^^

    hint: an idle timeout is "auto", "never", or a duration such as "45s", "10m", "1h30m"

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
    insta::assert_snapshot!(watch_mistake("cleanup = \"remove\"\nmissing_frames = \"fill\"\nidle_timeout = \"0s\"\nexisting = \"take\""), @r#"
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

    /etc/reeld/reeld.toml:6:12: `existing`: unknown treatment of existing files `take`
        existing = "take"
                   ^^^^^^

    hint: allowed: skip, encode
    "#);
}

#[test]
fn bad_settings_of_chunks() {
    insta::assert_snapshot!(mistake("[encoder]\nchunk_length = 23\nlive_hold = \"999ms\"\nchunk_dir = \"\"\nparallel_chunks = 0\n"), @r#"
    /etc/reeld/reeld.toml:2:16: `chunk_length`: 23 is out of range
        chunk_length = 23
                       ^^

    hint: allowed: 24 to 10000

    /etc/reeld/reeld.toml:3:13: `live_hold`: `999ms` is out of range for an encoder's wait
        live_hold = "999ms"
                    ^^^^^^^

    hint: allowed: 1s to 3650d

    /etc/reeld/reeld.toml:4:13: `chunk_dir`: the path is empty
        chunk_dir = ""
                    ^^

    hint: name a file or folder, or leave the key out

    /etc/reeld/reeld.toml:5:19: `parallel_chunks`: `0` is out of range for a number of chunks
        parallel_chunks = 0
                          ^

    hint: allowed: auto, or 1 to 64
    "#);
    insta::assert_snapshot!(mistake("[encoder]\nchunk_lenght = 48\nlive_hold = 60\nparallel_chunks = \"all\"\n[defaults]\nlive = \"idle\"\n[[watch]]\npath = \"/a\"\nlive = 1\n"), @r#"
    /etc/reeld/reeld.toml:2:1: unknown key `chunk_lenght` in `[encoder]`
        chunk_lenght = 48
        ^^^^^^^^^^^^

    hint: did you mean `chunk_length`? allowed: ffmpeg, jobs, nice, threads, chunk_length, live_hold, chunk_dir, parallel_chunks

    /etc/reeld/reeld.toml:3:13: `live_hold`: `60` is not a duration
        live_hold = 60
                    ^^

    hint: a duration is whole numbers with units, largest first, such as "45s", "10m", "1h30m", "250ms", "2d"

    /etc/reeld/reeld.toml:4:19: `parallel_chunks`: `all` is not a number of chunks
        parallel_chunks = "all"
                          ^^^^^

    hint: a number of chunks is "auto", or a whole number from 1 to 64

    /etc/reeld/reeld.toml:6:8: `live`: unknown way to encode live `idle`
        live = "idle"
               ^^^^^^

    hint: allowed: true, false, when_idle

    /etc/reeld/reeld.toml:9:8: `live`: expected true, false or a text, found a whole number
        live = 1
               ^

    hint: true and false stand without quotes, a text in double quotes
    "#);
}

#[test]
fn bad_globs_and_patterns() {
    insta::assert_snapshot!(watch_mistake("include = [\"[\"]\nexclude = [\"\"]\nfinal_marker = [\"a/done\"]\nfinal_frame = \"{\""), @r#"
    /etc/reeld/reeld.toml:3:12: `include`: `[` is not a glob: unclosed character class; missing ']'
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
        text.starts_with("/etc/reeld/reeld.toml:3:11: `pattern`: ") && text.contains("\n\nhint: write `shot.####.png`"),
        "{text}"
    );
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
    insta::assert_snapshot!(format!("{}\n\nhint: {}", chain(&error).in_lines(), error.hint().unwrap()), @r#"
    cannot read the configuration /nowhere/reeld.toml
    caused by: No such file or directory (os error 2)

    hint: `reeld init /nowhere/reeld.toml` writes a commented one
    "#);
}

#[test]
fn a_folder_in_place_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let error = crate::config::Config::load(dir.path()).unwrap_err();
    assert_eq!(error.hint().unwrap(), "name the file, not its folder");
}
