//! What generators wrote into the frames is in the video, as a reader that knows nothing of reeld finds it; or nothing is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::page::{Found, drop_on_page};
use crate::support::fake::{Fake, Fault};
use crate::support::video::assert_shows;
use crate::support::{Frames, Live, Sandbox, ffmpeg, ffmpegs, with_each_ffmpeg};

const WORKFLOW: &str =
    r#"{"nodes": [{"id": 1, "type": "SaveImage", "widgets_values": ["a=b;c#d\\e é", NaN]}], "version": 0.4}"#;
const PROMPT: &str = r#"{"1": {"class_type": "SaveImage", "inputs": {"filename_prefix": "frame", "cfg": Infinity}}}"#;

/// Words that are nowhere but in the texts of the frames and in their names.
const SECRETS: [&str; 4] = ["SaveImage", "widgets_values", "filename_prefix", "zanzibar"];

fn comfyui(pattern: &str) -> Frames {
    Frames::new(pattern).text("prompt", PROMPT).text("workflow", WORKFLOW)
}

fn found(workflow: &str, prompt: &str) -> Found {
    [("workflow", workflow), ("prompt", prompt)].map(|(key, text)| (key.to_owned(), text.to_owned())).into()
}

fn holds(file: &Path, text: &str) -> bool {
    fs::read(file).unwrap().windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

/// A preset for each container, in a config beside the frames. Chunks are short.
fn presets(sandbox: &Sandbox) -> PathBuf {
    let watched = sandbox.path().join("watched");
    fs::create_dir_all(&watched).unwrap();
    let own = |name: &str, encoder: &str, container: &str, args: &str| {
        format!("[presets.{name}]\nencoder = \"{encoder}\"\ncontainer = \"{container}\"\nargs = [{args}]\n")
    };
    sandbox.config_text(&format!(
        "[encoder]\nchunk_length = 24\n{}{}{}[[watch]]\npath = \"{}\"\n",
        own("mkv", "libx264", "mkv", "\"-crf\", \"30\""),
        own("mov", "libx264", "mov", "\"-crf\", \"30\""),
        own("avi", "mpeg4", "avi", "\"-q:v\", \"3\""),
        watched.display()
    ))
}

const CARRY: [(&str, &str); 6] =
    [("h264", "mp4"), ("mov", "mov"), ("prores", "mov"), ("vp9", "webm"), ("mkv", "mkv"), ("webp", "webp")];

fn encode(sandbox: &Sandbox, folder: &Path, preset: &str, more: &[&str]) -> String {
    let config = presets(sandbox);
    let arguments = ["encode", folder.to_str().unwrap(), "--config", config.to_str().unwrap(), "--preset", preset];
    let to = ["--output-dir", sandbox.path().to_str().unwrap(), "--name", preset];
    sandbox.run(arguments.iter().chain(&to).chain(more)).expect(0).stderr
}

#[test]
fn a_workflow_is_in_the_video_however_it_is_made() {
    with_each_ffmpeg(|sandbox| {
        // In one go, and joined from three chunks.
        for (folder, count) in [("short", 5), ("long", 60)] {
            let shot = sandbox.folder(folder);
            comfyui("frame_####.png").write(&shot, 1..=count);
            for (preset, extension) in CARRY {
                let said = encode(sandbox, &shot, preset, &[]);
                assert!(!said.contains("not in the video") && !said.contains("differ"), "{said}");
                let video = sandbox.path().join(format!("{preset}.{extension}"));
                assert_eq!(drop_on_page(&video), found(WORKFLOW, PROMPT), "{preset} of {count}");
                if extension != "webp" {
                    assert_shows(&video, &sandbox.ffmpeg, 1..=count);
                }
                fs::remove_file(video).unwrap();
            }
        }
        assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
    });
}

#[test]
fn a_workflow_is_in_a_video_that_was_encoded_while_its_frames_came() {
    for ffmpeg in ffmpegs() {
        println!("with {}", ffmpeg.display());
        let mut live = Live::new(&ffmpeg);
        live.frames = comfyui("frame_####.png");
        let mut daemon = live.start();
        live.write(1..=60);
        live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
        live.mark();
        live.assert_video(&mut daemon, 1..=60);
        assert_eq!(drop_on_page(&live.video()), found(WORKFLOW, PROMPT));
    }
}

/// A graph that was changed during the run: the page brings back the last one, and the first is not lost.
#[test]
fn two_workflows_are_both_kept_and_that_is_said() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let other = WORKFLOW.replace("0.4", "0.5");
    let frames = Frames::new("frame_####.png").text("prompt", PROMPT);
    frames.clone().text("workflow", &other).write(&shot, 1..=3);
    frames.text("workflow", WORKFLOW).write(&shot, 4..=6);
    let said = encode(&sandbox, &shot, "h264", &[]);
    assert!(said.contains("the first and the last frame differ in `workflow`"), "{said}");
    let video = sandbox.path().join("h264.mp4");
    assert_eq!(drop_on_page(&video), found(WORKFLOW, PROMPT));
    assert!(holds(&video, "workflow_first") && holds(&video, &other) && !holds(&video, "prompt_first"));
}

#[test]
fn what_is_no_json_or_has_no_place_is_left_out_and_that_is_said() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let huge = format!("{{\"nodes\": \"{}\"}}", "n".repeat(3 << 20));
    Frames::new("a_##.png").text("prompt", PROMPT).text("workflow", &huge).write(&shot, 1..=3);
    let said = encode(&sandbox, &shot, "vp9", &[]);
    assert!(said.contains("`workflow` is too long for webm"), "{said}");
    let only: Found = [("prompt".to_owned(), PROMPT.to_owned())].into();
    assert_eq!(drop_on_page(&sandbox.path().join("vp9.webm")), only);
    encode(&sandbox, &shot, "h264", &[]);
    assert_eq!(drop_on_page(&sandbox.path().join("h264.mp4")), found(&huge, PROMPT));

    let broken = sandbox.folder("broken");
    Frames::new("b_##.png").text("prompt", PROMPT).text("workflow", "{\"nodes\": [").write(&broken, 1..=3);
    let said = encode(&sandbox, &broken, "prores", &["--json"]);
    assert!(said.contains("`workflow` of b_03.png is not JSON"), "{said}");
    let video = sandbox.path().join("prores.mov");
    assert_eq!(drop_on_page(&video), only);
    assert!(!holds(&video, "nodes"));
}

/// Nothing at all: every byte of every container is looked at. What would be there otherwise shows that it is looked for.
#[test]
fn without_metadata_no_word_of_the_frames_is_in_the_video() {
    with_each_ffmpeg(|sandbox| {
        for (folder, count) in [("short", 5), ("long", 50)] {
            let shot = sandbox.folder(folder);
            comfyui("zanzibar_####.png").write(&shot, 1..=count);
            for (preset, extension) in CARRY {
                let video = sandbox.path().join(format!("{preset}.{extension}"));
                let look = |choice: &str| {
                    encode(sandbox, &shot, preset, &["--metadata", choice]);
                    let found = SECRETS.map(|word| holds(&video, word));
                    fs::remove_file(&video).unwrap();
                    found
                };
                assert_eq!(look("true"), [true; 4], "{preset}");
                assert_eq!(look("frames"), [true, true, true, false], "{preset}");
                assert_eq!(look("false"), [false; 4], "{preset}");
            }
        }
    });
}

/// A name, what stands in the frames, and what is to be in the video.
type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a [&'a str]);

#[test]
fn texts_of_every_generator_are_in_the_video() {
    let sandbox = Sandbox::new(&ffmpeg());
    let cases: [Case<'_>; 4] = [
        ("a1111", vec![("parameters", "a cat\nSteps: 20, Seed: 7")], &["parameters", "a cat\nSteps: 20, Seed: 7"]),
        (
            "invokeai",
            vec![("invokeai_metadata", r#"{"seed": 3}"#), ("invokeai_workflow", r#"{"w": 1}"#)],
            &["invokeai_metadata", r#"{"seed": 3}"#, "invokeai_workflow", r#"{"w": 1}"#],
        ),
        (
            "blender",
            vec![("File", "/a.blend"), ("Scene", "S"), ("Frame", "0001"), ("RenderTime", "00:01.50")],
            &["blender", r#"{"File":"/a.blend","Frame":"0001","RenderTime":"00:01.50","Scene":"S"}"#],
        ),
        ("deforum", vec![], &["deforum", "{\"max_frames\": 3, \"fps\": 12}"]),
    ];
    for (name, texts, wanted) in cases {
        let shot = sandbox.folder(name);
        let pattern = if name == "deforum" { "20250301120000_#########.png" } else { "frame_####.png" };
        let frames = texts.iter().fold(Frames::new(pattern), |frames, (key, text)| frames.text(key, text));
        frames.write(&shot, 1..=3);
        if name == "deforum" {
            fs::write(shot.join("20250301120000_settings.txt"), "{\"max_frames\": 3, \"fps\": 12}").unwrap();
        }
        for (preset, extension) in [("h264", "mp4"), ("mkv", "mkv")] {
            encode(&sandbox, &shot, preset, &[]);
            let video = sandbox.path().join(format!("{preset}.{extension}"));
            for text in wanted {
                assert!(holds(&video, text), "{name}, {preset}: {text}");
            }
            fs::remove_file(&video).unwrap();
        }
    }
}

#[test]
fn what_reeld_knows_is_in_the_video() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 7..=12);
    encode(&sandbox, &shot, "h264", &["--framerate", "23.976"]);
    let facts = format!(
        r#"{{"first":"frame_0007.png","frames":6,"last":"frame_0012.png","pattern":"frame_####.png","rate":"24000/1001","version":"{}"}}"#,
        env!("CARGO_PKG_VERSION")
    );
    let video = sandbox.path().join("h264.mp4");
    assert!(holds(&video, &facts));
    assert!(holds(&video, "tmcd") && holds(&video, "00:00:00:07"));
    fs::remove_file(&video).unwrap();
    encode(&sandbox, &shot, "h264", &["--metadata", "frames"]);
    assert!(!holds(&video, "tmcd"));
}

#[test]
fn containers_without_a_place_for_it_are_as_they_were() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    comfyui("zanzibar_####.png").write(&shot, 1..=5);
    for (preset, extension) in [("gif", "gif"), ("avi", "avi")] {
        encode(&sandbox, &shot, preset, &[]);
        let video = sandbox.path().join(format!("{preset}.{extension}"));
        assert_eq!(SECRETS.map(|word| holds(&video, word)), [false; 4], "{preset}");
    }
}

/// With the frames their workflow would be gone for good.
#[test]
fn frames_stay_where_what_made_them_is_not_in_the_video() {
    for (folder, count) in [("short", 5), ("long", 60)] {
        for (preset, extension) in [("h264", "mp4"), ("vp9", "webm"), ("mkv", "mkv")] {
            let sandbox = Sandbox::new(&ffmpeg());
            let shot = sandbox.folder(folder);
            comfyui("frame_####.png").write(&shot, 1..=count);
            sandbox.install(&Fake::new(&sandbox, Fault::WithoutTexts));
            let said = encode(&sandbox, &shot, preset, &["--cleanup", "delete"]);
            let time_code = if extension == "mp4" { "`, `timecode`" } else { "`" };
            let untold = format!("not in the video as the frames have it: `reeld`, `workflow`, `prompt{time_code}");
            assert!(said.contains(&untold) && said.contains("the frames are kept"), "{preset} of {count}: {said}");
            let video = sandbox.path().join(format!("{preset}.{extension}"));
            assert_shows(&video, &sandbox.ffmpeg, 1..=count);
            assert_eq!(fs::read_dir(&shot).unwrap().count(), usize::try_from(count).unwrap());
            // The same frames with an FFmpeg that writes it.
            fs::remove_file(&video).unwrap();
            sandbox.uninstall_fake();
            encode(&sandbox, &shot, preset, &["--cleanup", "delete"]);
            assert_eq!(fs::read_dir(&shot).unwrap().count(), 0, "{preset} of {count}");
        }
    }
}

/// Whoever removes the frames keeps one, with its workflow, under a name that is nobody's and that is no frame.
#[test]
fn a_poster_is_the_very_frame_and_stays() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    for (which, number) in [("first", 1), ("middle", 4), ("last", 6)] {
        let frames = comfyui("frame_####.png");
        frames.write(&shot, 1..=6);
        encode(&sandbox, &shot, "h264", &["--poster", which, "--cleanup", "delete"]);
        let poster = sandbox.path().join("h264.poster.png");
        assert_eq!(fs::read(&poster).unwrap(), frames.bytes(number), "{which}");
        assert_eq!(fs::read_dir(&shot).unwrap().count(), 0);
        fs::remove_file(poster).unwrap();
    }
}

#[test]
fn a_poster_takes_the_place_of_no_file_and_is_made_once() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = comfyui("frame_####.png");
    frames.write(&shot, 1..=6);
    fs::write(sandbox.path().join("h264.poster.png"), "somebody's").unwrap();
    for count in 1..=2 {
        encode(&sandbox, &shot, "h264", &["--poster", "last"]);
        fs::remove_file(sandbox.path().join("h264.mp4")).unwrap();
        assert_eq!(fs::read(sandbox.path().join("h264.poster.png")).unwrap(), b"somebody's");
        let second = fs::read(sandbox.path().join("h264_2.poster.png")).unwrap();
        assert_eq!(second, frames.bytes(6), "{count}");
        assert!(!sandbox.path().join("h264_3.poster.png").exists(), "{count}");
    }
    // Not even several of them are a sequence.
    let posters = sandbox.folder("posters");
    for number in 1..=9 {
        fs::write(posters.join(format!("shot_{number}.poster.png")), frames.bytes(number)).unwrap();
    }
    let said = sandbox.run(["encode", posters.to_str().unwrap()]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let refused = ["encode", shot.to_str().unwrap(), "--poster", "first", "--metadata", "false"];
    sandbox.run(refused).expect(2).says("--poster");
}
