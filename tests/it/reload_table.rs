//! Every key of the config: changed and read again, it is in force, or the log says that it waits for a restart.
//!
//! Each key of a `[[watch]]` has a root of its own, in which something happens that shows which of its values holds. The list
//! of keys is the one that the reader of the config prints, so that a key without a row here is a failure.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::fake::stand_in;
use crate::support::video::numbers;
use crate::support::{Daemon, Frames, LIMIT, Pace, Sandbox, ffmpeg, toml_string};

/// What happens in the folder once the new config is read.
enum Act {
    /// Four frames, and a marker.
    Shot,
    /// Four frames that nothing ends but the config.
    Silent,
    /// The same, before the daemon starts.
    Old,
    /// Frames 1, 2 and 4, and a marker.
    Gap,
    /// Frames `a_` and `b_`, and a marker.
    Two,
    /// Frames in the folder and in `sub`, and a marker in each.
    Sub,
    /// A folder for each of two days, and a marker beside them.
    Days,
    /// Four frames written backwards, and a marker.
    Backwards,
    /// Four frames, and a marker of this name.
    Marker(&'static str),
    /// Four frames and a marker before the config is read, and four more and a marker after it.
    More,
    /// Pictures of many sizes, which are no film.
    Stills,
    /// Thirty frames.
    Many,
    /// Four frames beside a file that states another rate, and a marker.
    WithFile,
}

/// What shows that the new value holds.
enum Proof {
    /// This path is there.
    There(&'static str),
    /// The first is there, and at the end of the test the second is not.
    Only(&'static str, &'static str),
    /// A video in the folder itself.
    Video,
    /// A video of this recipe.
    Recipe(&'static str),
    /// A video at this rate.
    Rate(&'static str),
    /// A batch of that many frames.
    Count(u64),
    /// A batch in this state.
    State(&'static str),
    /// The video shows these frames in this order.
    Shows(&'static [u32]),
    /// All frames are gone.
    Gone,
    /// A line of the log about the folder.
    Log(&'static str),
}

/// A key, what is written before and after the reload, and how it shows.
type Row = (&'static str, &'static str, &'static str, Act, Proof);

const WATCH: &[Row] = &[
    ("recursive", "", "recursive = false", Act::Sub, Proof::Only("frame.mp4", "sub/frame.mp4")),
    ("folder_config", "", "folder_config = false", Act::WithFile, Proof::Rate("24/1")),
    ("watch", "", "watch = \"poll\"", Act::Shot, Proof::Log("watch = \"poll\"")),
    ("include", "", "include = [\"b_*\"]", Act::Two, Proof::Only("b.mp4", "a.mp4")),
    ("exclude", "", "exclude = [\"a_*\"]", Act::Two, Proof::Only("b.mp4", "a.mp4")),
    ("pattern", "", "pattern = \"b_####.png\"", Act::Two, Proof::Only("b.mp4", "a.mp4")),
    ("group", "", "group = \"tree\"", Act::Days, Proof::Video),
    ("order", "", "order = \"time\"", Act::Backwards, Proof::Shows(&[4, 3, 2, 1])),
    ("generator", "", "generator = \"motion\"", Act::Shot, Proof::Log("Motion, by `generator`")),
    ("framerate", "", "framerate = 30", Act::Shot, Proof::Rate("30/1")),
    ("framerate_factor", "", "framerate_factor = 2", Act::Shot, Proof::Rate("48/1")),
    ("duration", "", "duration = \"2s\"", Act::Shot, Proof::Rate("2/1")),
    ("framerate_min", "duration = \"2s\"", "duration = \"2s\"\nframerate_min = 3", Act::Shot, Proof::Rate("3/1")),
    ("framerate_max", "duration = \"1s\"", "duration = \"1s\"\nframerate_max = 3", Act::Shot, Proof::Rate("3/1")),
    ("preset", "", "preset = \"prores\"", Act::Shot, Proof::There("frame.mov")),
    ("quality", "", "quality = 40", Act::Shot, Proof::Recipe(" crf 40")),
    ("speed", "", "speed = \"veryfast\"", Act::Shot, Proof::Recipe(" veryfast")),
    ("encoder_args", "", "encoder_args = [\"-tune\", \"film\"]", Act::Shot, Proof::Recipe("\"-tune\", \"film\"")),
    ("layer", "", "layer = \"Combined\"", Act::Shot, Proof::Recipe("layer \"Combined\"")),
    ("exposure", "", "exposure = -1.5", Act::Shot, Proof::Recipe("exposure -1.5")),
    ("background", "", "background = \"#ff0000\"", Act::Shot, Proof::Recipe("over #ff0000")),
    ("size_change", "", "size_change = \"error\"", Act::Shot, Proof::Recipe("of one size")),
    ("crop", "", "crop = \"1:1\"", Act::Shot, Proof::Recipe("crop 1:1")),
    ("rotate", "", "rotate = 180", Act::Shot, Proof::Recipe("rotate 180")),
    ("flip", "", "flip = \"vertical\"", Act::Shot, Proof::Recipe("flip vertical")),
    ("size", "", "size = \"128x-2\"", Act::Shot, Proof::Recipe("size 128x-2")),
    ("audio", "", "audio = \"silence\"", Act::Shot, Proof::Recipe("with silence")),
    ("reverse", "", "reverse = true", Act::Shot, Proof::Shows(&[4, 3, 2, 1])),
    ("ping_pong", "", "ping_pong = true", Act::Shot, Proof::Shows(&[1, 2, 3, 4, 3, 2])),
    ("loop", "", "loop = 2", Act::Shot, Proof::Shows(&[1, 2, 3, 4, 1, 2, 3, 4])),
    ("hold_first", "", "hold_first = \"125ms\"", Act::Shot, Proof::Shows(&[1, 1, 1, 1, 2, 3, 4])),
    ("hold_last", "", "hold_last = \"84ms\"", Act::Shot, Proof::Shows(&[1, 2, 3, 4, 4, 4])),
    ("output_dir", "", "output_dir = \"videos\"", Act::Shot, Proof::There("videos/frame.mp4")),
    ("output_name", "", "output_name = \"new\"", Act::Shot, Proof::There("new.mp4")),
    ("metadata", "", "metadata = false", Act::Shot, Proof::Recipe(", no metadata")),
    ("poster", "", "poster = \"last\"", Act::Shot, Proof::There("frame.poster.png")),
    ("final_marker", "", "final_marker = [\"*.fin\"]", Act::Marker("frame.fin"), Proof::There("frame.mp4")),
    ("final_frame", "", "final_frame = \"*_0004.png\"", Act::Silent, Proof::There("frame.mp4")),
    ("last_frame", "", "last_frame = 4", Act::Silent, Proof::There("frame.mp4")),
    ("frame_count", "", "frame_count = 4", Act::Silent, Proof::There("frame.mp4")),
    ("idle_timeout", "", "idle_timeout = \"1s\"\nstills = \"encode\"", Act::Silent, Proof::There("frame.mp4")),
    (
        "max_wait",
        "missing_frames = \"wait\"",
        "missing_frames = \"wait\"\nmax_wait = \"1s\"",
        Act::Gap,
        Proof::State("failed"),
    ),
    ("min_frames", "min_frames = 9", "min_frames = 3", Act::Shot, Proof::There("frame.mp4")),
    ("missing_frames", "", "missing_frames = \"error\"", Act::Gap, Proof::State("failed")),
    (
        "max_hold",
        "missing_frames = \"hold\"",
        "missing_frames = \"hold\"\nmax_hold = 7",
        Act::Gap,
        Proof::Recipe("up to 7 held"),
    ),
    ("continuation", "", "continuation = \"extend\"", Act::More, Proof::Count(8)),
    (
        "existing",
        QUICK,
        "idle_timeout = \"1s\"\nstills = \"encode\"\nexisting = \"encode\"",
        Act::Old,
        Proof::There("frame.mp4"),
    ),
    ("stills", "idle_timeout = \"1s\"", "idle_timeout = \"1s\"\nstills = \"encode\"", Act::Stills, Proof::Video),
    ("live", "", "live = true", Act::Many, Proof::Log("encoded ahead")),
    ("cleanup", "", "cleanup = \"archive\"", Act::Shot, Proof::There(".reeld-done")),
    ("cleanup_after", "cleanup = \"delete\"\ncleanup_after = \"7d\"", "cleanup = \"delete\"", Act::Shot, Proof::Gone),
    (
        "cleanup_anomalies",
        "cleanup = \"delete\"",
        "cleanup = \"delete\"\ncleanup_anomalies = true",
        Act::Gap,
        Proof::Gone,
    ),
    // The folder of this row is watched after the reload only.
    ("path", "", "", Act::Shot, Proof::There("frame.mp4")),
    // These two are no keys: they show `[defaults]` and `[presets.NAME]`.
    ("[defaults]", "", "", Act::Shot, Proof::Recipe("over #00ff00")),
    (
        "[presets.own]",
        "preset = \"own\"",
        "preset = \"own\"",
        Act::Shot,
        Proof::Recipe("own [mpeg4 yuv420p mkv [\"-q:v\", \"5\"]]"),
    ),
];

const QUICK: &str = "idle_timeout = \"1s\"\nstills = \"encode\"";

/// `[encoder]`: what is written, and what FFmpeg is started with then, or what the state in the log says.
const ENCODER: &[(&str, &str, &str)] = &[
    ("ffmpeg", "\"@DIR@/ffmpeg\"", "started as"),
    ("jobs", "3", "jobs: 3,"),
    ("nice", "7", "started as 7 "),
    ("threads", "3", "-threads 3 "),
    ("chunk_length", "48", "-g 48 "),
    ("live_hold", "\"77s\"", "live_hold: 77s"),
    ("chunk_dir", "\"@DIR@/scratch\"", "@DIR@/scratch/reeld-"),
    ("parallel_chunks", "5", "parallel_chunks: Fixed(5)"),
];

/// `[limits]`, and what the state in the log says.
const LIMITS: &[(&str, &str, &str)] = &[
    ("pixels", "1234567", "pixels: 1234567,"),
    ("file_bytes", "7654321", "file_bytes: 7654321,"),
    ("look_bytes", "5000000", "look_bytes: 5000000,"),
    ("look_entries", "4321", "look_entries: 4321,"),
    ("look_time", "\"11s\"", "look_time: 11s"),
    ("decode_time", "\"61s\"", "decode_time: 61s"),
];

/// The keys of each table, as the reader of the config knows them.
fn known_keys(sandbox: &Sandbox) -> Vec<BTreeSet<String>> {
    let text = "zzz = 1\n[encoder]\nzzz = 1\n[limits]\nzzz = 1\n[presets.own]\nencoder = \"x\"\nzzz = 1\n[defaults]\nzzz = 1\n\
                [[watch]]\npath = \"/a\"\nzzz = 1\n";
    let config = sandbox.config_text(text);
    let said = sandbox.run([OsStr::new("run"), OsStr::new("--config"), config.as_os_str()]).expect(2).stderr;
    let lists = said.lines().filter_map(|line| line.split_once("allowed: ")).map(|(_, list)| list);
    lists.map(|list| list.split(", ").map(str::to_owned).collect()).collect()
}

fn set<'a>(keys: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    keys.into_iter().map(str::to_owned).collect()
}

/// Before the reload, with `after` as it is then.
fn config(sandbox: &Sandbox, after: bool) -> String {
    let dir = sandbox.path().display().to_string();
    let mut text = String::new();
    let table = |name: &str, rows: &[(&str, &str, &str)]| {
        let lines: Vec<String> = rows.iter().map(|(key, value, _)| format!("{key} = {value}\n")).collect();
        format!("[{name}]\n{}", lines.concat()).replace("@DIR@", &dir)
    };
    if after {
        text += &format!("state_dir = \"{dir}/elsewhere\"\nstop = \"finish\"\n");
        text += &table("encoder", ENCODER);
        text += &table("limits", LIMITS);
        text += "[defaults]\nbackground = \"#00ff00\"\n";
        text += "[presets.own]\nencoder = \"mpeg4\"\npix_fmt = \"yuv420p\"\ncontainer = \"mkv\"\nargs = [\"-q:v\", \"5\"]\n";
    } else {
        text += "[presets.own]\nencoder = \"libx264\"\npix_fmt = \"yuv444p\"\ncontainer = \"mov\"\nargs = [\"-crf\", \"30\"]\n";
    }
    for (key, before, new, ..) in WATCH {
        let keys = if after { new } else { before };
        let path = if *key == "path" && !after { sandbox.folder("not_yet") } else { folder(sandbox, key) };
        text += &format!("[[watch]]\npath = {}\n{keys}\n", toml_string(&path));
        for (key, value) in [("idle_timeout", "\"1h\""), ("live", "false")] {
            if !keys.contains(key) {
                text += &format!("{key} = {value}\n");
            }
        }
    }
    text
}

fn folder(sandbox: &Sandbox, key: &str) -> PathBuf {
    sandbox.folder(key.trim_matches(['[', ']']))
}

fn act(act: &Act, dir: &Path) {
    let frames = Frames::new("frame_####.png");
    let done = |dir: &Path| fs::write(dir.join(".done"), "").unwrap();
    match act {
        Act::Old => {}
        Act::Shot => {
            frames.write(dir, 1..=4);
            done(dir);
        }
        Act::Silent => frames.write(dir, 1..=4),
        Act::Gap => {
            frames.write(dir, [1, 2, 4]);
            done(dir);
        }
        Act::Two => {
            Frames::new("a_####.png").write(dir, 1..=4);
            Frames::new("b_####.png").write(dir, 1..=4);
            done(dir);
        }
        Act::Sub => {
            let sub = dir.join("sub");
            fs::create_dir(&sub).unwrap();
            for dir in [&sub, dir] {
                frames.write(dir, 1..=4);
                done(dir);
            }
        }
        Act::Days => {
            for (day, numbers) in [("2025-03-01", 1..=3), ("2025-03-02", 4..=6)] {
                let day = dir.join(day);
                fs::create_dir(&day).unwrap();
                frames.write(&day, numbers);
            }
            done(dir);
        }
        Act::Backwards => {
            frames.write_at(&mut Pace::every(Duration::from_secs(2)), dir, [4, 3, 2, 1]);
            done(dir);
        }
        Act::Marker(name) => {
            frames.write(dir, 1..=4);
            fs::write(dir.join(name), "").unwrap();
        }
        Act::More => {
            frames.write(dir, 5..=8);
            fs::remove_file(dir.join(".done")).unwrap();
            done(dir);
        }
        Act::Stills => {
            let mut pace = Pace::every(Duration::from_millis(40));
            for (number, (width, height)) in (1..).zip([(256, 144), (144, 256), (320, 180), (256, 256), (256, 144)]) {
                frames.clone().size(width, height).write_at(&mut pace, dir, [number]);
            }
        }
        Act::Many => frames.write(dir, 1..=30),
        Act::WithFile => {
            fs::write(dir.join("reeld.toml"), "framerate = 12").unwrap();
            frames.write(dir, 1..=4);
            done(dir);
        }
    }
}

/// Whether the new value shows by now.
fn shows(sandbox: &Sandbox, daemon: &Daemon, proof: &Proof, dir: &Path) -> bool {
    let batches = || -> Vec<Value> {
        let listed = sandbox.run(["list", "--json", "--limit", "1000"]).expect(0).text();
        let rows = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.filter(|row| row["dir"].as_str().is_some_and(|of| Path::new(of).starts_with(dir))).collect()
    };
    let is = |row: &Value, key: &str, text: &str| row[key].as_str().is_some_and(|value| value.contains(text));
    match proof {
        Proof::There(path) | Proof::Only(path, _) => dir.join(path).exists(),
        Proof::Video => {
            fs::read_dir(dir).unwrap().any(|entry| entry.unwrap().path().extension() == Some(OsStr::new("mp4")))
        }
        Proof::Recipe(recipe) => batches().iter().any(|row| is(row, "recipe", recipe) && is(row, "state", "published")),
        Proof::Rate(rate) => batches().iter().any(|row| is(row, "rate", rate) && is(row, "state", "published")),
        Proof::Count(count) => batches().iter().any(|row| row["count"] == *count && is(row, "state", "published")),
        Proof::State(state) => batches().iter().any(|row| is(row, "state", state)),
        Proof::Shows(expected) => {
            let video = dir.join("frame.mp4");
            video.exists() && numbers(&video, &sandbox.ffmpeg) == *expected
        }
        Proof::Gone => {
            dir.join("frame.mp4").exists()
                && !fs::read_dir(dir).unwrap().any(|entry| entry.unwrap().path().extension() == Some(OsStr::new("png")))
        }
        Proof::Log(text) => {
            daemon.signal(Signal::USR1);
            let dir = dir.to_str().unwrap();
            daemon.log().lines().any(|line| line.contains(text) && line.contains(dir))
        }
    }
}

#[test]
fn every_key_is_in_force_after_a_reload_or_said_to_need_a_restart() {
    let sandbox = Sandbox::new(&ffmpeg());
    // No key is without a row.
    let known = known_keys(&sandbox);
    let keys = |rows: &[(&'static str, &str, &str)]| set(rows.iter().map(|(key, ..)| *key));
    let watch = set(WATCH.iter().map(|(key, ..)| *key).filter(|key| !key.starts_with('[')));
    let defaults = watch.iter().filter(|key| *key != "path").cloned().collect();
    let top = set(["state_dir", "keep_history", "stop", "encoder", "limits", "presets", "defaults", "watch"]);
    let preset = set(["encoder", "pix_fmt", "container", "args"]);
    assert_eq!(known, [top, keys(ENCODER), keys(LIMITS), preset, defaults, watch]);

    let dir = sandbox.path().display().to_string();
    let started = "fi\necho \"started as $(nice) $*\" >> \"$dir/started\"\nexec \"$real\" \"$@\"\n";
    let program = stand_in(sandbox.path(), &sandbox.ffmpeg, started, "", "exec \"$real\" \"$@\"");
    assert_eq!(program, sandbox.path().join("ffmpeg"));
    fs::create_dir(sandbox.path().join("scratch")).unwrap();
    for (key, _, _, what, _) in WATCH {
        if matches!(what, Act::Old) {
            act(&Act::Silent, &folder(&sandbox, key));
        }
    }
    let file = sandbox.config_text(&config(&sandbox, false));
    let mut daemon = Daemon::start(&sandbox, &file);
    for (key, _, _, what, _) in WATCH {
        if matches!(what, Act::More) {
            let dir = folder(&sandbox, key);
            act(&Act::Shot, &dir);
            daemon.wait_for_file(&dir.join("frame.mp4"));
        }
    }
    sandbox.config_text(&config(&sandbox, true));
    sandbox.run([OsStr::new("reload"), OsStr::new("--config"), file.as_os_str()]).expect(0);
    daemon.wait_for_line("it says what needs a restart", |line| {
        line.contains("`state_dir` is another one now, which needs a restart")
    });
    for (key, _, _, what, _) in WATCH {
        act(what, &folder(&sandbox, key));
    }
    let mut missing: Vec<&Row> = WATCH.iter().collect();
    let begun = Instant::now();
    while !missing.is_empty() && begun.elapsed() < LIMIT {
        missing.retain(|(key, _, _, _, proof)| !shows(&sandbox, &daemon, proof, &folder(&sandbox, key)));
        std::thread::sleep(Duration::from_millis(50));
    }
    let missing: Vec<&str> = missing.iter().map(|(key, ..)| *key).collect();
    assert!(missing.is_empty(), "not in force: {missing:?}\n{}", daemon.log());
    for (key, _, _, _, proof) in WATCH {
        if let Proof::Only(_, other) = proof {
            assert!(!folder(&sandbox, key).join(other).exists(), "`{key}`: {other} is there");
        }
    }
    daemon.signal(Signal::USR1);
    for (key, _, says) in ENCODER.iter().chain(LIMITS).chain(&[("stop", "", "stop=Finish")]) {
        let says = says.replace("@DIR@", &dir);
        daemon.wait(&format!("`{key}` is in force"), |daemon| {
            let started = fs::read_to_string(sandbox.path().join("started")).unwrap_or_default();
            (started.contains(&says) || daemon.log().contains(&says)).then_some(())
        });
    }
}
