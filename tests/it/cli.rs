//! The command line itself.

use std::ffi::OsStr;
use std::fs;

use crate::support::video::assert_shows;
use crate::support::{Outcome, Sandbox, ffmpeg};

fn reeld(arguments: &[&str]) -> Outcome {
    Sandbox::new(&ffmpeg()).run(arguments)
}

const COMMANDS: [&str; 12] =
    ["run", "encode", "scan", "check", "done", "init", "make-frames", "demo", "list", "status", "retry", "forget"];

#[test]
fn help_names_every_command() {
    let outcome = reeld(&["--help"]).expect(0);
    for command in COMMANDS {
        assert!(outcome.text().contains(command), "{command}");
    }
}

#[test]
fn every_command_has_help() {
    let sandbox = Sandbox::new(&ffmpeg());
    for command in COMMANDS {
        let outcome = sandbox.run([command, "--help"]).expect(0);
        assert!(outcome.text().contains("Usage:"), "{command}: {}", outcome.text());
    }
}

#[test]
fn version_is_the_packages() {
    assert!(reeld(&["--version"]).expect(0).text().starts_with(concat!("reeld ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn bad_usage_ends_with_2() {
    for arguments in [
        &["frobnicate"][..],
        &[],
        &["encode"],
        &["encode", ".", "--preset", "no-such-preset"],
        &["encode", ".", "--framerate", "fast"],
        &["encode", ".", "--framerate", "0"],
        &["encode", ".", "--framerate-factor", "1000"],
        &["encode", ".", "--quality", "SPLENDID"],
        &["encode", ".", "--cleanup", "burn"],
        &["encode", ".", "--name", "../escape"],
        &["run", "--config", "no-such-file.toml"],
    ] {
        let outcome = reeld(arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn init_never_writes_over_a_file() {
    let sandbox = Sandbox::new(&ffmpeg());
    let file = sandbox.path().join("new.toml");
    sandbox.run([OsStr::new("init"), file.as_os_str()]).expect(0);
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.contains("[[watch]]") && written.contains("idle_timeout"));
    fs::write(&file, "mine").unwrap();
    let outcome = sandbox.run([OsStr::new("init"), file.as_os_str()]);
    assert_ne!(outcome.code, Some(0));
    outcome.says("new.toml");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn made_frames_can_be_encoded() {
    let sandbox = Sandbox::new(&ffmpeg());
    for (format, folder) in [("png", "a"), ("jpg", "b")] {
        let dir = sandbox.folder(folder);
        let arguments = ["--count", "5", "--size", "256x144", "--prefix", "shot_", "--digits", "5", "--format", format];
        sandbox
            .run([OsStr::new("make-frames"), dir.as_os_str()].into_iter().chain(arguments.map(OsStr::new)))
            .expect(0);
        assert!(dir.join(format!("shot_00001.{format}")).exists());
        sandbox.run([OsStr::new("encode"), dir.as_os_str()]).expect(0);
        assert_shows(&dir.join("shot.mp4"), &sandbox.ffmpeg, 1..=5);
    }
}

#[test]
fn the_journal_lists_what_was_made() {
    let sandbox = Sandbox::new(&ffmpeg());
    let dir = sandbox.folder("shot");
    sandbox
        .run([OsStr::new("make-frames"), dir.as_os_str(), "--count=5".as_ref(), "--size=256x144".as_ref()])
        .expect(0);
    let video = sandbox.encode(&[]).expect(0).paths().remove(0);
    let listed = sandbox.run(["list"]).expect(0).text();
    assert!(listed.contains(video.file_name().unwrap().to_str().unwrap()), "{listed}");
    let listed = sandbox.run(["list", "--json"]).expect(0);
    let values: Vec<serde_json::Value> =
        serde_json::Deserializer::from_slice(&listed.stdout).into_iter().map(Result::unwrap).collect();
    assert!(serde_json::to_string(&values).unwrap().contains(video.to_str().unwrap()));
    // What is forgotten is encoded again, under a free name.
    sandbox.run([OsStr::new("forget"), dir.as_os_str()]).expect(0);
    sandbox.encode(&[]).expect(0);
    assert_eq!(sandbox.videos().len(), 2);
}

#[test]
fn the_config_that_init_writes_is_found_by_the_other_commands() {
    let sandbox = Sandbox::new(&ffmpeg());
    sandbox.run(["init"]).expect(0).says("reeld check");
    // Whether FFmpeg is there is not the point, and to try it takes long.
    sandbox.remove_ffmpeg();
    let outcome = sandbox.run(["check"]);
    assert!(outcome.text().contains("ok     config: "), "{}", outcome.text());
}
