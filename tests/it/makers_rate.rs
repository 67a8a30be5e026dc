//! Videos have the rate that the maker of the frames says, encoded live or not, unless somebody states another one.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::video::{assert_clean, assert_shows, rate};
use crate::support::{Daemon, Frames, Live, Sandbox, ffmpeg};

/// A prompt of one picture a run, with further nodes.
fn workflow(nodes: &[(&str, Value)]) -> Value {
    let mut graph = json!({
        "3": {"class_type": "KSampler", "inputs": {"seed": 7, "steps": 20, "cfg": 8.0}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "frame", "images": ["3", 0]}}
    });
    for (id, node) in nodes {
        graph[*id] = node.clone();
    }
    graph
}

fn dream() -> Frames {
    let counter = json!({"class_type": "Frame Counter (Directory) [Dream]", "inputs": {"directory_path": "/out/anim",
        "pattern": "*", "indexing": "numeric", "total_frames": 900, "frames_per_second": 12.0}});
    Frames::new("frame_#####.png").prompt(&workflow(&[("20", counter)]))
}

/// Where a maker's frames are, how they are written, and the rate that it says.
struct Maker {
    name: &'static str,
    folder: &'static str,
    frames: Frames,
    settings: Option<&'static str>,
    rate: (u64, u64),
    from: &'static str,
}

fn makers() -> Vec<Maker> {
    let combine = json!({"class_type": "VHS_VideoCombine", "inputs": {"frame_rate": 8, "images": ["3", 0]}});
    let plain = || Frames::new("frame_####.png");
    vec![
        Maker {
            name: "Blender",
            folder: "blender",
            frames: plain().blender(30),
            settings: None,
            rate: (30, 1),
            from: "time stamps",
        },
        Maker {
            name: "Deforum",
            folder: "deforum",
            frames: Frames::new("20250301120000_#########.png"),
            settings: Some(r#"{"animation_mode": "3D", "max_frames": 900, "fps": 15}"#),
            rate: (15, 1),
            from: "settings file",
        },
        Maker { name: "Dream", folder: "dream", frames: dream(), settings: None, rate: (12, 1), from: "frame counter" },
        Maker {
            name: "a graph with a video",
            folder: "video",
            frames: Frames::new("frame_#####_.png").prompt(&workflow(&[("12", combine)])),
            settings: None,
            rate: (8, 1),
            from: "video that the workflow makes",
        },
        Maker {
            name: "a folder's name",
            folder: "walk_12fps",
            frames: plain(),
            settings: None,
            rate: (12, 1),
            from: "`12fps` in the folder's name",
        },
        Maker {
            name: "Blender's path template",
            folder: "render",
            frames: Frames::new("shot_29.97fps_####.png"),
            settings: None,
            rate: (30_000, 1001),
            from: "`29.97fps` in the file names",
        },
        Maker { name: "nobody", folder: "plain", frames: plain(), settings: None, rate: (24, 1), from: "the default" },
    ]
}

impl Maker {
    fn write(&self, sandbox: &Sandbox, numbers: impl IntoIterator<Item = u32>) -> PathBuf {
        let dir = sandbox.folder(self.folder);
        if let Some(settings) = self.settings {
            fs::write(dir.join("20250301120000_settings.txt"), settings).unwrap();
        }
        self.frames.write(&dir, numbers);
        dir
    }
}

/// The one video in `dir`.
#[track_caller]
fn video_in(sandbox: &Sandbox, dir: &Path) -> PathBuf {
    let mut videos = sandbox.videos();
    videos.retain(|video| video.parent() == Some(dir));
    assert_eq!(videos.len(), 1, "{videos:?} in {}", dir.display());
    videos.remove(0)
}

fn encode(sandbox: &Sandbox, dir: &Path, arguments: &[&str]) -> String {
    let all = [OsStr::new("encode"), dir.as_os_str()].into_iter().chain(arguments.iter().map(OsStr::new));
    let outcome = sandbox.run(all).expect(0);
    outcome.text() + &outcome.stderr
}

#[test]
fn encode_takes_the_rate_from_the_maker() {
    let sandbox = Sandbox::new(&ffmpeg());
    for maker in makers() {
        println!("{}", maker.name);
        let dir = maker.write(&sandbox, 1..=45);
        let said = encode(&sandbox, &dir, &[]);
        let video = video_in(&sandbox, &dir);
        assert_eq!(rate(&video, &sandbox.ffmpeg), maker.rate, "{said}");
        assert_shows(&video, &sandbox.ffmpeg, 1..=45);
        assert_eq!(said.contains(maker.from), maker.from != "the default", "{said}");
        let scan = sandbox.run([OsStr::new("scan"), dir.as_os_str(), OsStr::new("--json")]).expect(0).text();
        let line: Value = serde_json::from_str(scan.lines().next().unwrap()).unwrap();
        let (num, den) = maker.rate;
        let shown = if den == 1 { num.to_string() } else { format!("{num}/{den}") };
        assert_eq!(line["runs"][0]["rate"], shown, "{scan}");
        assert_eq!(said.contains("frames per second"), line["runs"][0]["rate_from"] != "the default", "{scan}");
    }
}

#[test]
fn what_is_stated_counts_more_than_the_maker() {
    let sandbox = Sandbox::new(&ffmpeg());
    for maker in makers() {
        println!("{}", maker.name);
        let dir = maker.write(&sandbox, 1..=45);
        let said = encode(&sandbox, &dir, &["--framerate", "20"]);
        assert_eq!(rate(&video_in(&sandbox, &dir), &sandbox.ffmpeg), (20, 1), "{said}");
        assert!(!said.contains("frames per second"), "{said}");
    }
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("framerate = \"50\"\nidle_timeout = \"never\""));
    let dir = sandbox.folder("stated/24fps");
    Frames::new("frame_####.png").blender(30).write(&dir, 1..=45);
    fs::write(dir.join(".done"), "").unwrap();
    daemon.wait_for_file(&dir.join("frame.mp4"));
    assert_eq!(rate(&dir.join("frame.mp4"), &sandbox.ffmpeg), (50, 1));
}

#[test]
fn the_factor_counts_for_every_rate() {
    let sandbox = Sandbox::new(&ffmpeg());
    for maker in makers() {
        println!("{}", maker.name);
        let dir = maker.write(&sandbox, 1..=45);
        encode(&sandbox, &dir, &["--framerate-factor", "2"]);
        let (num, den) = maker.rate;
        assert_eq!(rate(&video_in(&sandbox, &dir), &sandbox.ffmpeg), (num * 2, den));
    }
}

#[test]
fn a_rate_that_the_preset_cannot_play_is_not_taken() {
    let sandbox = Sandbox::new(&ffmpeg());
    let dir = sandbox.folder("walk_60fps");
    Frames::new("frame_####.png").write(&dir, 1..=10);
    let said = encode(&sandbox, &dir, &["--preset", "gif", "--framerate", "auto"]);
    for part in ["24 frames per second", "the default, instead of 60", "`60fps` in the folder's name", "at most 50"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert!(dir.join("frame.gif").exists());
}

#[test]
fn the_daemon_takes_the_rate_from_the_maker() {
    for live in [true, false] {
        let sandbox = Sandbox::new(&ffmpeg());
        let config = sandbox.config(&format!("live = {live}\nidle_timeout = \"never\""));
        let mut daemon = Daemon::start(&sandbox, &config);
        for maker in makers() {
            println!("{}, live: {live}", maker.name);
            let dir = maker.write(&sandbox, 1..=78);
            fs::write(dir.join(".done"), "").unwrap();
            daemon.wait_for_line("the video is made", |line| {
                line.contains("rate_from") && line.contains(maker.from) && line.contains(maker.folder)
            });
            let video =
                daemon.wait("the video", |_| sandbox.videos().into_iter().find(|video| video.parent() == Some(&dir)));
            assert_eq!(rate(&video, &sandbox.ffmpeg), maker.rate);
            assert_shows(&video, &sandbox.ffmpeg, 1..=78);
            assert_clean(&video, &sandbox.ffmpeg);
        }
        let list = sandbox.run(["list", "--json"]).expect(0).text();
        let blender = list.lines().find(|line| line.contains("/blender\"")).unwrap();
        let entry: Value = serde_json::from_str(blender).unwrap();
        assert_eq!((&entry["rate"], &entry["rate_from"]), (&json!("30/1"), &json!("the time stamps in the frames")));
        let list = sandbox.run(["list"]).expect(0).text();
        assert!(list.contains("30/1 frames per second: the time stamps in the frames"), "{list}");
        assert_eq!(entry["made_by"], "Blender, by the text in the frames");
        assert!(list.contains("made by Blender, by the text in the frames"), "{list}");
        assert_eq!(daemon.stop().code(), Some(0));
    }
}

/// Blender's stamps say nothing within the first second: by then the first chunk is there, at 24.
#[test]
fn chunks_of_another_rate_are_made_anew() {
    let mut live = Live::new(&ffmpeg());
    live.frames = Frames::new("frame_####.png").blender(30);
    let mut daemon = live.start();
    live.write(1..=28);
    let [first] = live.wait_for_chunks(&mut daemon, [1..=24]);
    live.write(29..=78);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48, 49..=72]);
    assert!(!first.is_there());
    live.mark();
    live.assert_video(&mut daemon, 1..=78);
    assert_eq!(rate(&live.video(), &live.sandbox.ffmpeg), (30, 1));
    // Those that were looked at when it was known are encoded once.
    live.recorder.assert_fed(29..=72, 1);
    live.wait_for_no_chunks(&mut daemon);
}

/// What is known of the rate from the first frame on costs nothing.
#[test]
fn live_chunks_have_the_makers_rate_from_the_first_on() {
    let mut live = Live::new(&ffmpeg());
    live.frames = dream();
    let mut daemon = live.start();
    live.write(1..=78);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48, 49..=72]);
    live.mark();
    daemon.wait_for_file(&live.video());
    assert_eq!(rate(&live.video(), &live.sandbox.ffmpeg), (12, 1));
    assert_shows(&live.video(), &live.sandbox.ffmpeg, 1..=78);
    live.recorder.assert_fed(1..=72, 1);
}

/// Who made the frames is said, and costs nothing where it is guessed wrong.
#[test]
fn the_maker_is_named_and_its_grids_are_no_film() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"2s\"\ncleanup = \"delete\""));
    let parameters = "a cat\nSteps: 20, Sampler: Euler a, Seed: 7, Size: 256x144";
    let grids = sandbox.folder("grids");
    Frames::new("grid-####.png").parameters(parameters).write(&grids, 1..=12);
    let line = daemon.wait_for_line("the grids are left alone", |line| line.contains("left alone"));
    assert!(line.contains("they are grids"), "{line}");
    // Frames of the same name that nobody knows are frames.
    let plain = sandbox.folder("plain");
    Frames::new("grid-####.png").write(&plain, 1..=12);
    daemon.wait_for_file(&plain.join("grid.mp4"));
    let blender = sandbox.folder("blender");
    Frames::new("frame_####.png").blender(30).write(&blender, 1..=12);
    let line = daemon
        .wait_for_line("it says who made them", |line| line.contains("sequence finished") && line.contains("blender"));
    assert!(line.contains("Blender, by the text in the frames"), "{line}");
    daemon.wait_for_file(&blender.join("frame.mp4"));
    for (folder, expected) in [("grids", Some("AUTOMATIC1111")), ("plain", None)] {
        let dir = sandbox.folder(folder);
        let scan = sandbox.run([OsStr::new("scan"), dir.as_os_str(), OsStr::new("--json")]).expect(0).text();
        let made_by = scan.lines().find_map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["runs"][0]["made_by"].as_str().map(ToOwned::to_owned)
        });
        assert_eq!(made_by.as_deref().map(|by| by.split(',').next().unwrap()), expected, "{scan}");
    }
    // Somebody who says that they are a film knows better.
    fs::write(grids.join(".done"), "").unwrap();
    daemon.wait_for_file(&grids.join("grid.mp4"));
}

/// Two runs of a saver that goes on counting in the folder of the videos.
#[test]
fn no_video_moves_the_counter_of_its_frames() {
    let sandbox = Sandbox::new(&ffmpeg());
    let dir = sandbox.folder("output");
    let frames = Frames::new("ComfyUI_#####_.png").prompt(&workflow(&[]));
    for numbers in [1..=10, 1..=12] {
        frames.write(&dir, numbers);
        encode(&sandbox, &dir, &["--cleanup", "delete"]);
    }
    // The first images are gone, so that the saver would begin at 1; of `ComfyUI_2.mp4` it would take the number for its own.
    assert_eq!(sandbox.videos(), [dir.join("ComfyUI-2.mp4"), dir.join("ComfyUI.mp4")]);
    let stated = sandbox.folder("2024-03-01");
    Frames::new("#####-47.png").write(&stated, 1..=10);
    encode(&sandbox, &stated, &["--generator", "plain", "--name", "{folder}"]);
    encode(&sandbox, &stated, &["--generator", "a1111", "--name", "{folder}"]);
    let videos: Vec<PathBuf> = sandbox.videos().into_iter().filter(|video| video.parent() == Some(&*stated)).collect();
    assert_eq!(videos, [stated.join("2024-03-01.mp4"), stated.join("video-2024-03-01.mp4")]);
}

/// moonraker-timelapse begins its own video in the folder of the frames when the print is done.
#[test]
fn what_the_stated_generator_leaves_ends_the_sequence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("idle_timeout = \"never\"\ngenerator = \"moonraker\"");
    let mut daemon = Daemon::start(&sandbox, &config);
    let dir = sandbox.folder("timelapse");
    Frames::new("frame######.jpg").write(&dir, 1..=30);
    daemon.wait_for_open_frames(30);
    let own = dir.join("timelapse_benchy.gcode_20250101_1200.mp4");
    fs::write(&own, "").unwrap();
    let video = dir.join("frame.mp4");
    daemon.wait_for_file(&video);
    assert_shows(&video, &sandbox.ffmpeg, 1..=30);
    assert_eq!(sandbox.videos(), [video, own]);
}

/// What somebody states on the command line counts as it does in the config.
#[test]
fn encode_and_scan_take_the_stated_generator() {
    let sandbox = Sandbox::new(&ffmpeg());
    for maker in makers() {
        println!("{}", maker.name);
        let dir = maker.write(&sandbox, 1..=45);
        let arguments = ["--json", "--generator", "plain"].map(OsStr::new);
        let scan = sandbox.run([OsStr::new("scan"), dir.as_os_str()].into_iter().chain(arguments)).expect(0).text();
        let line: Value = serde_json::from_str(scan.lines().next().unwrap()).unwrap();
        assert_eq!(line["runs"][0]["made_by"], "plain frames, by `generator`");
        let is_name = maker.from.contains("name");
        let (num, den) = if is_name { maker.rate } else { (24, 1) };
        assert_eq!(line["runs"][0]["rate"], if den == 1 { num.to_string() } else { format!("{num}/{den}") }, "{scan}");
        encode(&sandbox, &dir, &["--generator", "plain"]);
        assert_eq!(rate(&video_in(&sandbox, &dir), &sandbox.ffmpeg), (num, den));
    }
    let list = sandbox.run(["list"]).expect(0).text();
    assert_eq!(list.matches("made by plain frames, by `generator`").count(), makers().len(), "{list}");
    let refused = sandbox.run(["scan", ".", "--generator", "blendr"]).expect(2);
    assert!(refused.stderr.contains("did you mean `blender`"), "{}", refused.stderr);
}

/// What is stated to be of somebody who says no rate has none.
#[test]
fn only_the_words_of_the_stated_generator_count() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"never\"\ngenerator = \"plain\""));
    for maker in makers() {
        println!("{}", maker.name);
        let dir = maker.write(&sandbox, 1..=45);
        fs::write(dir.join(".done"), "").unwrap();
        let video =
            daemon.wait("the video", |_| sandbox.videos().into_iter().find(|video| video.parent() == Some(&dir)));
        let is_name = maker.from.contains("name");
        assert_eq!(rate(&video, &sandbox.ffmpeg), if is_name { maker.rate } else { (24, 1) });
    }
}
