//! Only what is a film becomes a video after silence, run by run, and only what surely is one is cleaned up.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::video::{assert_shows, numbers, pictures};
use crate::support::{Daemon, Frames, Pace, Sandbox, ffmpeg};

/// Silence ends a sequence soon, and the frames of its video are removed.
const GREEDY: &str = "idle_timeout = \"2s\"\ncleanup = \"delete\"";

/// Nothing ends by silence while a test runs.
const PATIENT: &str = "idle_timeout = \"1h\"\ncleanup = \"delete\"";

/// The prompt of a workflow that makes pictures of `words`, as `SaveImage` embeds it.
fn prompt(words: &str, seed: u64) -> Value {
    json!({
        "3": {"class_type": "KSampler", "inputs": {"seed": seed, "steps": 20, "cfg": 8.0, "sampler_name": "euler",
            "scheduler": "normal", "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0],
            "latent_image": ["5", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5-pruned-emaonly.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 256, "height": 144, "batch_size": 16}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": words, "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "text, watermark", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}}
    })
}

fn comfy(words: &str, seed: u64) -> Frames {
    Frames::new("ComfyUI_#####_.png").prompt(&prompt(words, seed))
}

/// The prompt of frame `index`, counted from 0, of an animation of 12.
fn dream(index: u32) -> Frames {
    let mut graph = prompt("a cat on a roof", 7);
    graph["20"] = json!({"class_type": "Frame Counter (Directory) [Dream]", "inputs": {"directory_path": "/out/anim",
        "pattern": "*", "indexing": "numeric", "total_frames": 12, "frames_per_second": 25}});
    graph["21"] =
        json!({"class_type": "Sine Curve [Dream]", "inputs": {"frame_counter": ["20", 0], "periodicity": 2.0}});
    graph["3"]["inputs"]["seed"] = json!(7 + u64::from(index));
    Frames::new("frame_#####.png").prompt(&graph)
}

fn fast() -> Pace {
    Pace::every(Duration::from_millis(40))
}

/// As a renderer works.
fn steady() -> Pace {
    Pace::every(Duration::from_secs(2))
}

#[track_caller]
fn assert_there(frames: &Frames, dir: &Path, expected: impl IntoIterator<Item = u32>) {
    for number in expected {
        assert!(frames.path(dir, number).exists(), "frame {number} is gone");
    }
}

fn wait_until_gone(daemon: &mut Daemon, frames: &Frames, dir: &Path, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        daemon.wait_for_absence(&frames.path(dir, number));
    }
}

/// Waits until a film that came later than everything else is made and gone: whatever is left alone was quiet for longer.
fn wait_for_another(daemon: &mut Daemon, sandbox: &Sandbox, name: &str) -> PathBuf {
    let dir = sandbox.folder(name);
    let frames = Frames::new("frame_####.png");
    frames.write_at(&mut steady(), &dir, 1..=12);
    wait_until_gone(daemon, &frames, &dir, 1..=12);
    dir.join("frame.mp4")
}

/// Five pictures of four sizes.
fn five_stills(dir: &Path) -> Frames {
    let sizes = [(256, 144), (144, 256), (320, 180), (256, 256), (256, 144)];
    let frames = Frames::new("image_#####.png");
    let mut pace = fast();
    for (number, (width, height)) in (1..).zip(sizes) {
        frames.clone().size(width, height).write_at(&mut pace, dir, [number]);
    }
    frames
}

fn list(sandbox: &Sandbox, arguments: &[&str]) -> String {
    sandbox.run(["list"].iter().chain(arguments)).expect(0).text()
}

/// The lines of `reeld list --json` that `wanted` accepts.
fn listed(sandbox: &Sandbox, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let text = list(sandbox, &["--json"]);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).filter(wanted).collect()
}

/// How often the log says so.
fn said(daemon: &Daemon, text: &str) -> usize {
    daemon.log().lines().filter(|line| line.contains(text)).count()
}

#[test]
fn single_pictures_are_left_alone_until_somebody_says_that_they_are_a_film() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(GREEDY));
    let dir = sandbox.folder("pictures");
    let frames = five_stills(&dir);
    let line = daemon.wait_for_line("it says so", |line| line.contains("images are left alone"));
    for part in ["5 images", "single pictures", "4 sizes in 5 frames", "only 5 frames", "reeld done", "stills = "] {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
    let another = wait_for_another(&mut daemon, &sandbox, "another");
    assert_eq!(sandbox.videos(), [another]);
    assert_there(&frames, &dir, 1..=5);

    let open = listed(&sandbox, |line| line["state"] == "single pictures");
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(open[0]["why"].as_str().unwrap().contains("4 sizes in 5 frames"), "{open:?}");
    let text = list(&sandbox, &[]);
    for part in ["single pictures", "4 sizes in 5 frames"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }

    sandbox.run([OsStr::new("done"), dir.as_os_str()]).expect(0);
    daemon.wait_for_file(&dir.join("image.mp4"));
    assert_eq!(pictures(&dir.join("image.mp4"), &sandbox.ffmpeg).len(), 5);
    assert_eq!(said(&daemon, "images are left alone"), 1);
}

#[test]
fn stills_are_encoded_where_the_config_says_so_and_stay() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{GREEDY}\nstills = \"encode\"")));
    let dir = sandbox.folder("pictures");
    let frames = five_stills(&dir);
    daemon.wait_for_file(&dir.join("image.mp4"));
    daemon.wait_for_line("the frames stay", |line| line.contains("the frames are kept"));
    assert_eq!(pictures(&dir.join("image.mp4"), &sandbox.ffmpeg).len(), 5);
    wait_for_another(&mut daemon, &sandbox, "another");
    assert_there(&frames, &dir, 1..=5);
}

#[test]
fn two_prompts_in_a_row_are_two_films_and_the_first_needs_no_silence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let dir = sandbox.folder("output");
    let (first, second) = (comfy("a cat on a roof", 7), comfy("a dog in a boat", 7));
    let mut pace = fast();
    first.write_at(&mut pace, &dir, 1..=16);
    second.write_at(&mut pace, &dir, 17..=28);
    let video = daemon.wait_for_videos(&sandbox, 1).remove(0);
    assert_shows(&video, &sandbox.ffmpeg, 1..=16);
    daemon.wait_for_line("why", |line| line.contains("sequence finished") && line.contains("the next run began"));
    wait_until_gone(&mut daemon, &first, &dir, 1..=16);
    assert_there(&second, &dir, 17..=28);

    sandbox.run([OsStr::new("done"), dir.as_os_str()]).expect(0);
    wait_until_gone(&mut daemon, &second, &dir, 17..=28);
    let mut videos = sandbox.videos();
    videos.retain(|other| *other != video);
    assert_eq!(videos.len(), 1);
    assert_shows(&videos[0], &sandbox.ffmpeg, 17..=28);
}

#[test]
fn silence_ends_two_prompts_as_two_films() {
    // Of what is not encoded live nothing is read before.
    for live in [true, false] {
        let sandbox = Sandbox::new(&ffmpeg());
        let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{GREEDY}\nlive = {live}")));
        let dir = sandbox.folder("output");
        let mut pace = fast();
        let (first, second) = (comfy("a cat on a roof", 7), comfy("a cat on a roof", 8));
        first.write_at(&mut pace, &dir, 1..=16);
        second.write_at(&mut pace, &dir, 17..=28);
        wait_until_gone(&mut daemon, &first, &dir, 1..=28);
        let mut shown: Vec<_> = sandbox.videos().iter().map(|video| numbers(video, &sandbox.ffmpeg)).collect();
        shown.sort();
        assert_eq!(shown, [(1..=16).collect::<Vec<_>>(), (17..=28).collect()], "{live}");
    }
}

#[test]
fn a_leftover_of_another_prompt_is_not_put_in_front_of_a_run() {
    for rested in [false, true] {
        let sandbox = Sandbox::new(&ffmpeg());
        let mut daemon = Daemon::start(&sandbox, &sandbox.config(GREEDY));
        let dir = sandbox.folder("output");
        let mut pace = fast();
        comfy("a house", 3).write_at(&mut pace, &dir, [1]);
        let before = rested.then(|| wait_for_another(&mut daemon, &sandbox, "before"));
        let run = comfy("a cat on a roof", 7);
        run.write_at(&mut pace, &dir, 2..=17);
        wait_until_gone(&mut daemon, &run, &dir, 2..=17);
        let after = wait_for_another(&mut daemon, &sandbox, "last");
        let mut videos = sandbox.videos();
        videos.retain(|video| *video != after && Some(video) != before.as_ref());
        assert_eq!(videos.len(), 1, "{videos:?}");
        assert_shows(&videos[0], &sandbox.ffmpeg, 2..=17);
        assert_there(&run, &dir, [1]);
        let said = daemon.wait_for_line("why", |line| line.contains("ComfyUI") && line.contains("left alone"));
        assert!(said.contains("finished with 1 frame, but at least 2 make a video"), "{said}");
    }
}

#[test]
fn a_queue_of_stills_is_no_film() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(GREEDY));
    let dir = sandbox.folder("output");
    let mut pace = steady();
    for (number, words) in (1..).zip(["cat", "dog", "house", "boat", "tree", "car", "lamp", "sea", "hill", "road"]) {
        comfy(&format!("a {words} in the rain"), u64::from(number)).write_at(&mut pace, &dir, [number]);
    }
    daemon.wait_for_line("it says so", |line| line.contains("output") && line.contains("left alone"));
    let another = wait_for_another(&mut daemon, &sandbox, "another");
    assert_eq!(sandbox.videos(), [another]);
    assert_there(&comfy("", 0), &dir, 1..=10);
    let open = listed(&sandbox, |line| line["dir"].as_str().is_some_and(|dir| dir.ends_with("output")));
    assert_eq!(open.len(), 1, "{open:?}");
    // The last one waits for others of its prompt.
    assert_eq!((&open[0]["aside"], &open[0]["count"]), (&json!(9), &json!(1)), "{open:?}");
    assert!(list(&sandbox, &[]).contains("9 images are left alone"), "{open:?}");
}

#[test]
fn an_animation_ends_with_its_last_frame_whatever_the_pause() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(GREEDY));
    let dir = sandbox.folder("anim");
    let mut pace = steady();
    let write = |pace: &mut Pace, indexes: std::ops::Range<u32>| {
        for index in indexes {
            dream(index).write_at(pace, &dir, [index]);
        }
    };
    write(&mut pace, 0..6);
    let line = daemon.wait_for_line("it waits", |line| line.contains("announced 12 frames, and 6 are there"));
    assert!(line.contains("max_wait"), "{line}");
    write(&mut pace, 6..12);
    daemon.wait_for_line("why", |line| {
        line.contains("sequence finished") && line.contains("all 12 frames that were announced")
    });
    wait_until_gone(&mut daemon, &dream(0), &dir, 0..12);
    assert_eq!(sandbox.videos(), [dir.join("frame.mp4")]);
    assert_shows(&dir.join("frame.mp4"), &sandbox.ffmpeg, 0..12);
}

#[test]
fn an_animation_needs_no_silence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let dir = sandbox.folder("anim");
    let mut pace = fast();
    for index in 0..12 {
        dream(index).write_at(&mut pace, &dir, [index]);
    }
    wait_until_gone(&mut daemon, &dream(0), &dir, 0..12);
    assert_shows(&dir.join("frame.mp4"), &sandbox.ffmpeg, 0..12);
}

#[test]
fn a_render_is_surely_a_film_and_noise_perhaps() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(GREEDY));
    let (moving, noise) = (sandbox.folder("moving"), sandbox.folder("noise"));
    let plain = Frames::new("frame_####.png");
    plain.write_at(&mut steady(), &moving, 1..=12);
    wait_until_gone(&mut daemon, &plain, &moving, 1..=12);
    assert_shows(&moving.join("frame.mp4"), &sandbox.ffmpeg, 1..=12);

    let unlike = plain.clone().noisy();
    unlike.write_at(&mut steady(), &noise, 1..=12);
    daemon.wait_for_line("the frames stay", |line| line.contains("noise") && line.contains("the frames are kept"));
    assert_shows(&noise.join("frame.mp4"), &sandbox.ffmpeg, 1..=12);
    assert_there(&unlike, &noise, 1..=12);
    let batches = listed(&sandbox, |line| line["dir"].as_str().is_some_and(|dir| dir.ends_with("noise")));
    assert!(batches[0]["anomalies"].to_string().contains("perhaps a film"), "{batches:?}");
    let text = list(&sandbox, &[]);
    for part in ["perhaps a film", "unlike their neighbours", "at a steady pace"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn scan_says_of_each_image_where_it_is() {
    let sandbox = Sandbox::new(&ffmpeg());
    let root = sandbox.root();
    let (shot, mixed) = (sandbox.folder("shot"), sandbox.folder("mixed"));
    Frames::new("frame_####.png").write(&shot, 1..=9);
    five_stills(&mixed);
    Frames::new("v####.png").write(&mixed, 1..=3);
    for name in ["holiday.png", "IMG_0042.jpg"] {
        fs::copy(Frames::new("frame_####.png").path(&shot, 1), mixed.join(name)).unwrap();
    }
    for name in ["plate.0001.psd", "plate.0002.psd", "raw.heic"] {
        fs::write(mixed.join(name), b"8BPS").unwrap();
    }
    fs::write(mixed.join("notes.txt"), "no image").unwrap();
    let images = 9 + 5 + 3 + 2 + 3 + 20;

    let scan = |extra: &[&str]| {
        let line = [OsStr::new("scan"), root.as_os_str()].into_iter().chain(extra.iter().map(OsStr::new));
        sandbox.run(line).expect(0)
    };
    // Two runs under one counter.
    let mut pace = fast();
    let output = sandbox.folder("output");
    comfy("a cat", 7).write_at(&mut pace, &output, 1..=10);
    comfy("a dog", 7).write_at(&mut pace, &output, 11..=20);

    let outcome = scan(&[]);
    assert!(outcome.stderr.contains(&format!("{images} images: ")), "{}", outcome.stderr);
    let values: Vec<Value> = scan(&["--json"]).text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sum = |key: &str| values.iter().filter_map(|value| value[key].as_u64()).sum::<u64>();
    assert_eq!(sum("count"), images, "{values:?}");
    for (kind, count) in [("sequence", 37), ("single", 2), ("left_alone", 3)] {
        let of_kind = values.iter().filter(|value| value["kind"] == kind);
        let counts = of_kind.map(|value| value["count"].as_u64().unwrap());
        assert_eq!(counts.sum::<u64>(), count, "{kind}: {values:?}");
    }
    let text = outcome.text();
    for part in [
        "frame_####.png",
        "IMG_0042.jpg and 1 more  single",
        "psd",
        "heic",
        "    a film: ",
        "    single pictures: 4 sizes in 5 frames",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert!(!text.contains("notes.txt"), "{text}");
    let runs: Vec<_> =
        values.iter().filter_map(|value| value["runs"].as_array()).filter(|runs| runs.len() > 1).collect();
    assert_eq!(runs.len(), 1, "{values:?}");
    let firsts: Vec<_> = runs[0].iter().map(|run| run["first"].as_u64().unwrap()).collect();
    assert_eq!(firsts, [1, 11]);
    assert!(text.contains("    11-20: a film: "), "{text}");
}

#[test]
fn previews_stay_after_their_frames_are_gone_and_the_daemon_was_restarted() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(GREEDY);
    let mut daemon = Daemon::start(&sandbox, &config);
    let dir = sandbox.folder("shot");
    let [frames, previews] = ["frame_####.exr", "frame_####.jpg"].map(Frames::new);
    let mut pace = steady();
    for number in 1..=12 {
        frames.write_at(&mut pace, &dir, [number]);
        previews.write(&dir, [number]);
    }
    wait_until_gone(&mut daemon, &frames, &dir, 1..=12);
    assert_eq!(daemon.stop().code(), Some(0));

    let mut daemon = Daemon::start(&sandbox, &config);
    let another = wait_for_another(&mut daemon, &sandbox, "another");
    assert_there(&previews, &dir, 1..=12);
    let mut videos = sandbox.videos();
    videos.sort();
    assert_eq!(videos, [another, dir.join("frame.mp4")]);
}

#[test]
fn previews_that_come_after_the_video_stay_as_well() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"1s\""));
    let dir = sandbox.folder("shot");
    let [frames, previews] = ["frame_####.exr", "frame_####.jpg"].map(Frames::new);
    frames.write_at(&mut steady(), &dir, 1..=12);
    daemon.wait_for_file(&dir.join("frame.mp4"));
    previews.write(&dir, 1..=12);
    // What is seen later than they are is a video by now.
    let one = sandbox.folder("one");
    Frames::new("frame_####.png").write(&one, 1..=9);
    daemon.wait_for_file(&one.join("frame.mp4"));
    (1..=12).for_each(|number| fs::remove_file(frames.path(&dir, number)).unwrap());
    assert_eq!(daemon.stop().code(), Some(0));

    let mut daemon = Daemon::start(&sandbox, &sandbox.config(GREEDY));
    wait_for_another(&mut daemon, &sandbox, "another");
    assert_there(&previews, &dir, 1..=12);
    assert_eq!(sandbox.videos().iter().filter(|video| video.starts_with(&dir)).count(), 1, "{:?}", sandbox.videos());
}
