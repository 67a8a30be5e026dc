//! A file beside the frames says how the video of its folder is to be; a wrong one makes no video, and says so.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::video::{assert_clean, assert_shows, rate};
use crate::support::{Daemon, Frames, Live, Sandbox, ffmpeg};

/// Only what a test says ends a sequence.
const PATIENT: &str = "idle_timeout = \"never\"";

fn status(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.run(["status", "--json"]).expect(0).text()).unwrap()
}

fn frames() -> Frames {
    Frames::new("frame_####.png")
}

fn on(dir: &Path, command: &str, sandbox: &Sandbox) -> String {
    let outcome = sandbox.run([OsStr::new(command), dir.as_os_str()]).expect(0);
    outcome.text() + &outcome.stderr
}

#[test]
fn the_file_decides_rate_name_format_and_end() {
    for (live, name) in [(true, "reeld.toml"), (false, ".reeld.toml")] {
        let sandbox = Sandbox::new(&ffmpeg());
        let config =
            sandbox.config(&format!("{PATIENT}\nlive = {live}\nframerate = 30\nquality = 20\nlast_frame = 10"));
        let mut daemon = Daemon::start(&sandbox, &config);
        let dir = sandbox.folder("shot");
        fs::write(
            dir.join(name),
            "framerate = 12\npreset = \"mpeg4\"\noutput_name = \"{folder}_cut\"\nlast_frame = 40\ngenerator = \"blender\"",
        )
        .unwrap();
        frames().write(&dir, 1..=39);
        daemon.wait_for_open_frames(39);
        frames().write(&dir, [40]);
        let video = dir.join("shot_cut.mp4");
        daemon.wait_for_file(&video);
        assert_eq!(rate(&video, &sandbox.ffmpeg), (12, 1));
        assert_shows(&video, &sandbox.ffmpeg, 1..=40);
        assert_clean(&video, &sandbox.ffmpeg);
        let said = daemon.log();
        let told = said.lines().filter(|line| line.contains("the file beside the frames is in force")).count();
        assert_eq!(told, 1, "{said}");
        assert!(said.contains("framerate, generator, last_frame, output_name, preset"), "{said}");
        // Folders beside it go by the config.
        let other = sandbox.folder("other");
        frames().write(&other, 1..=10);
        daemon.wait_for_file(&other.join("frame.mp4"));
        assert_eq!(rate(&other.join("frame.mp4"), &sandbox.ffmpeg), (30, 1));
        let list = sandbox.run(["list", "--json"]).expect(0).text();
        assert!(list.contains("mpeg4"), "{list}");
        assert_eq!(sandbox.videos(), [other.join("frame.mp4"), video]);
    }
}

/// What may be meant by a file that is wrong nobody knows: nothing is made until it is right.
#[test]
fn a_wrong_file_makes_no_video_until_it_is_mended() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"2s\"\ncleanup = \"delete\""));
    let dir = sandbox.folder("shot");
    fs::write(dir.join("reeld.toml"), "framerte = 12").unwrap();
    frames().write(&dir, 1..=30);
    fs::write(dir.join(".done"), "").unwrap();
    let line = daemon.wait_for_line("it is refused", |line| line.contains("no video is made of this folder"));
    assert!(line.contains("unknown key `framerte`"), "{line}");
    let attention = daemon.wait("it needs somebody", |_| status(&sandbox)["attention"].get(0).cloned());
    assert!(attention["what"].as_str().unwrap().ends_with("/shot"), "{attention}");
    assert!(attention["why"].as_str().unwrap().contains("framerte"), "{attention}");
    // By now another folder, which came later, has its video.
    let other = sandbox.folder("other");
    frames().write(&other, 1..=30);
    fs::write(other.join(".done"), "").unwrap();
    daemon.wait_for_file(&other.join("frame.mp4"));
    assert_eq!(sandbox.videos(), [other.join("frame.mp4")]);
    let refused = sandbox.run([OsStr::new("encode"), dir.as_os_str()]).expect(1);
    assert!(refused.stderr.contains("no video is made") && refused.stderr.contains("framerte"), "{}", refused.stderr);
    assert!(on(&dir, "scan", &sandbox).contains("the file beside the frames is wrong"));

    fs::write(dir.join("reeld.toml"), "framerate = 12").unwrap();
    daemon.wait_for_file(&dir.join("frame.mp4"));
    assert_eq!(rate(&dir.join("frame.mp4"), &sandbox.ffmpeg), (12, 1));
    assert_shows(&dir.join("frame.mp4"), &sandbox.ffmpeg, 1..=30);
    daemon
        .wait("nobody is needed any more", |_| (status(&sandbox)["attention"] == serde_json::json!([])).then_some(()));
    daemon.wait_for_absence(&dir.join("frame_0001.png"));
    assert!(dir.join("reeld.toml").exists(), "it is no frame");
}

/// Whoever writes frames does not say what becomes of files.
#[test]
fn paths_and_removing_have_no_place_in_it() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    for text in
        ["cleanup = \"delete\"", "output_dir = \"/tmp\"", "output_name = \"../x\"", "encoder_args = [\"-x\", \"y\"]"]
    {
        let dir = sandbox.folder(format!("shot{}", text.len()));
        fs::write(dir.join("reeld.toml"), text).unwrap();
        frames().write(&dir, 1..=4);
        fs::write(dir.join(".done"), "").unwrap();
    }
    let check = sandbox.run([OsStr::new("check"), OsStr::new("--config"), config.as_os_str()]).expect(1).text();
    for part in ["`cleanup` has no place", "`output_dir` has no place", "`output_name`", "`encoder_args` has no place"]
    {
        assert!(check.contains(part), "no {part:?} in {check}");
    }
    let mut daemon = Daemon::start(&sandbox, &config);
    daemon.wait("all are refused", |daemon| {
        (daemon.log().matches("no video is made of this folder").count() == 4).then_some(())
    });
    let right = sandbox.folder("right");
    frames().write(&right, 1..=4);
    fs::write(right.join(".done"), "").unwrap();
    daemon.wait_for_file(&right.join("frame.mp4"));
    assert_eq!(sandbox.videos(), [right.join("frame.mp4")]);
}

/// What was encoded by other settings is not in the video, and a restart holds to the file.
#[test]
fn a_change_holds_for_what_is_open() {
    let mut live = Live::new(&ffmpeg());
    live.frames = frames();
    let mut daemon = live.start();
    live.write(1..=50);
    let [first, _] = live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    let dir = live.video().parent().unwrap().to_owned();
    fs::write(dir.join("reeld.toml"), "framerate = 15").unwrap();
    daemon.wait_for_line("it is in force", |line| line.contains("the file beside the frames is in force"));
    daemon.wait("the chunks are made anew", |_| (!first.is_there()).then_some(()));
    daemon.kill_9();
    let mut daemon = live.start();
    live.mark();
    live.assert_video(&mut daemon, 1..=50);
    assert_eq!(rate(&live.video(), &live.sandbox.ffmpeg), (15, 1));
}

/// The config may be in a folder that it watches, and files of folders may be switched off.
#[test]
fn what_is_no_folders_file_says_nothing() {
    let sandbox = Sandbox::new(&ffmpeg());
    let root = sandbox.root();
    fs::create_dir_all(&root).unwrap();
    let config = root.join("reeld.toml");
    fs::rename(sandbox.config("idle_timeout = \"never\"\nfolder_config = false\nframerate = 30"), &config).unwrap();
    let mut daemon = Daemon::start(&sandbox, &config);
    frames().write(&root, 1..=4);
    fs::write(root.join(".done"), "").unwrap();
    let dir = sandbox.folder("shot");
    fs::write(dir.join("reeld.toml"), "framerte = 12").unwrap();
    frames().write(&dir, 1..=4);
    fs::write(dir.join(".done"), "").unwrap();
    for video in [root.join("frame.mp4"), dir.join("frame.mp4")] {
        daemon.wait_for_file(&video);
        assert_eq!(rate(&video, &sandbox.ffmpeg), (30, 1));
    }
    assert!(!daemon.log().contains("beside the frames"), "{}", daemon.log());
    assert_eq!(daemon.stop().code(), Some(0));
    // Switched on, it is still the config and nothing else.
    let text = fs::read_to_string(&config).unwrap().replace("folder_config = false", "folder_config = true");
    fs::write(&config, text).unwrap();
    let mut daemon = Daemon::start(&sandbox, &config);
    Frames::new("more_####.png").write(&root, 1..=4);
    fs::write(root.join("more.done"), "").unwrap();
    daemon.wait_for_file(&root.join("more.mp4"));
}

#[test]
fn encode_and_scan_go_by_it_and_the_command_line_counts_more() {
    let sandbox = Sandbox::new(&ffmpeg());
    let dir = sandbox.folder("shot");
    frames().blender(30).write(&dir, 1..=45);
    fs::write(dir.join("reeld.toml"), "framerate = 12\noutput_name = \"cut\"\npreset = \"mpeg4\"\nquality = 5")
        .unwrap();
    let scan = on(&dir, "scan", &sandbox);
    assert!(scan.contains("in force for this folder: framerate, output_name, preset, quality"), "{scan}");
    assert!(scan.contains("12 frames per second: `framerate`"), "{scan}");
    let said = on(&dir, "encode", &sandbox);
    assert!(said.contains("in force for this folder"), "{said}");
    assert_eq!(rate(&dir.join("cut.mp4"), &sandbox.ffmpeg), (12, 1));
    for (arguments, video, expected) in [
        (&["--framerate", "20"][..], "cut_2.mp4", (20, 1)),
        (&["--framerate", "auto"], "cut_3.mp4", (30, 1)),
        (&["--framerate-factor", "2", "--name", "other"], "other.mp4", (24, 1)),
        (&["--preset", "h264", "--name", "third"], "third.mp4", (12, 1)),
    ] {
        let all = [OsStr::new("encode"), dir.as_os_str()].into_iter().chain(arguments.iter().map(OsStr::new));
        sandbox.run(all).expect(0);
        assert_eq!(rate(&dir.join(video), &sandbox.ffmpeg), expected, "{arguments:?}");
    }
}
