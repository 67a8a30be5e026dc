//! Frames of several sizes under one counter: each size is a video of its own.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::video::{Picture, number, numbers, pictures};
use crate::support::{Daemon, Frames, Pace, Sandbox, ffmpeg};

const SMALL: (u32, u32) = (256, 144);
const LARGE: (u32, u32) = (512, 288);

/// Both nodes save all their frames, one node after the other.
fn in_turn(number: u32) -> (u32, u32) {
    if number <= 24 { SMALL } else { LARGE }
}

/// Each prompt saves one frame by each node.
fn alternately(number: u32) -> (u32, u32) {
    if number % 2 == 1 { SMALL } else { LARGE }
}

/// 48 frames of both sizes, as two nodes with one prefix save them.
fn write(dir: &Path, size_of: fn(u32) -> (u32, u32)) -> Frames {
    let prompt = json!({"9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x", "images": ["8", 0]}}});
    let frames = Frames::new("x_#####_.png").prompt(&prompt);
    let mut pace = Pace::every(Duration::from_millis(40));
    for number in 1..=48 {
        let (width, height) = size_of(number);
        frames.clone().size(width, height).write_at(&mut pace, dir, [number]);
    }
    frames
}

/// The size and the frames of each video.
fn shown(sandbox: &Sandbox) -> Vec<((u32, u32), Vec<u32>)> {
    let of = |video: &std::path::PathBuf| {
        let picture = &pictures(video, &sandbox.ffmpeg)[0];
        ((picture.width, picture.height), numbers(video, &sandbox.ffmpeg))
    };
    let mut all: Vec<_> = sandbox.videos().iter().map(of).collect();
    all.sort();
    all
}

/// The numbers in the only video, which has 48 pictures. Those of frames that were scaled cannot be read.
fn scaled(sandbox: &Sandbox) -> Vec<u32> {
    let videos = sandbox.videos();
    assert_eq!(videos.len(), 1, "{videos:?}");
    let pictures = pictures(&videos[0], &sandbox.ffmpeg);
    assert_eq!(pictures.len(), 48);
    let is_small = |picture: &Picture| (picture.width, picture.height) == SMALL;
    assert!(pictures.iter().all(is_small));
    pictures.iter().filter_map(|picture| number(&picture.gray, picture.width, picture.height)).collect()
}

fn expected(size_of: fn(u32) -> (u32, u32)) -> [((u32, u32), Vec<u32>); 2] {
    [SMALL, LARGE].map(|size| (size, (1..=48).filter(|number| size_of(*number) == size).collect()))
}

#[test]
fn each_size_is_a_video_and_all_frames_are_cleaned_up() {
    for size_of in [in_turn as fn(u32) -> (u32, u32), alternately] {
        for (live, ends) in [(true, "silence"), (false, "silence"), (true, "marker")] {
            let sandbox = Sandbox::new(&ffmpeg());
            let timeout = if ends == "silence" { "2s" } else { "1h" };
            let keys = format!("idle_timeout = \"{timeout}\"\ncleanup = \"delete\"\nlive = {live}");
            let mut daemon = Daemon::start(&sandbox, &sandbox.config(&keys));
            let dir = sandbox.folder("output");
            let frames = write(&dir, size_of);
            if ends == "marker" {
                std::fs::write(dir.join(".done"), "").unwrap();
            }
            for number in 1..=48 {
                daemon.wait_for_absence(&frames.path(&dir, number));
            }
            assert_eq!(shown(&sandbox), expected(size_of), "{live} {ends}");
            assert!(!daemon.log().contains("size"), "{}", daemon.log());
        }
    }
}

#[test]
fn a_stray_is_scaled_and_one_line_and_the_frames_stay() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"2s\"\ncleanup = \"delete\""));
    let dir = sandbox.folder("output");
    let frames = write(&dir, |number| if (10..=16).contains(&number) { LARGE } else { SMALL });
    daemon.wait_for_videos(&sandbox, 1);
    assert_eq!(scaled(&sandbox), (1..=48).filter(|n| !(10..=16).contains(n)).collect::<Vec<_>>());
    let line = "frames 10-16 have other sizes than most, such as 512x288";
    daemon.wait_for_line("it is said", |said| said.contains(line));
    assert_eq!(daemon.log().matches("other sizes").count(), 1, "{}", daemon.log());
    daemon.stop();
    assert!((1..=48).all(|number| frames.path(&dir, number).exists()));
}

#[test]
fn where_the_config_says_so_all_sizes_are_one_video() {
    let sandbox = Sandbox::new(&ffmpeg());
    let keys = "idle_timeout = \"never\"\nsize_change = \"fit\"";
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(keys));
    let dir = sandbox.folder("output");
    write(&dir, alternately);
    std::fs::write(dir.join(".done"), "").unwrap();
    daemon.wait_for_videos(&sandbox, 1);
    assert_eq!(scaled(&sandbox), (1..=48).step_by(2).collect::<Vec<_>>());
    daemon.wait_for_line("it is said", |said| said.contains("frames 2-48x2 have other sizes than most"));
}

#[test]
fn encode_and_scan_keep_sizes_apart() {
    for size_of in [in_turn as fn(u32) -> (u32, u32), alternately] {
        let sandbox = Sandbox::new(&ffmpeg());
        let dir = sandbox.folder("output");
        write(&dir, size_of);
        let scan: Value = serde_json::from_str(&sandbox.run(["scan", "--json", dir.to_str().unwrap()]).text()).unwrap();
        let runs: Vec<_> = scan["runs"].as_array().unwrap().iter().map(|run| (&run["size"], &run["count"])).collect();
        assert_eq!(runs, [(&json!("256x144"), &json!(24)), (&json!("512x288"), &json!(24))]);
        let text = sandbox.run(["scan", dir.to_str().unwrap()]).text();
        let part = if size_of(2) == SMALL { "\n    25-48: 512x288: a film" } else { "\n    2-48x2: 512x288: a film" };
        assert!(text.contains(part), "{text}");
        let encoded = sandbox.encode(&[dir.to_str().unwrap()]).expect(0).says("frames of several sizes: 2 videos");
        assert_eq!(encoded.paths().len(), 2);
        assert_eq!(shown(&sandbox), expected(size_of));
    }
}
