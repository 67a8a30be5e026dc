//! `reeld scan`: where the frames are.

use std::ffi::OsStr;
use std::fs;

use crate::support::{Frames, Sandbox, ffmpeg};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = Frames::new("beauty.####.png");
    frames.write(&shot, (1..=9).filter(|number| !(4..=6).contains(number)));
    fs::write(frames.path(&shot, 9), "").unwrap();
    Frames::new("depth_#.jpg").write(&sandbox.folder("other place"), 1001..=1003);
    sandbox
}

#[test]
fn sequences_are_listed_with_what_is_missing() {
    let sandbox = sandbox();
    let outcome = sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str()]).expect(0);
    let text = outcome.text();
    for part in ["beauty.####.png", "4-6", "depth_#.jpg", "1001", "1003", "256x144"] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn json_says_the_same() {
    let sandbox = sandbox();
    let outcome = sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str(), OsStr::new("--json")]).expect(0);
    let values: Vec<serde_json::Value> =
        serde_json::Deserializer::from_slice(&outcome.stdout).into_iter().map(Result::unwrap).collect();
    let text = serde_json::to_string(&values).unwrap();
    for part in ["beauty.####.png", "depth_#.jpg", "1001", "1003"] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn scanning_changes_nothing() {
    let sandbox = sandbox();
    let listing = || {
        let mut found: Vec<_> = fs::read_dir(sandbox.root().join("shot"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap()))
            .collect();
        found.sort();
        found
    };
    let before = listing();
    sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str()]).expect(0);
    assert_eq!(listing(), before);
}

#[test]
fn a_missing_folder_is_an_error_that_names_it() {
    let sandbox = Sandbox::new(&ffmpeg());
    let outcome = sandbox.run(["scan", "no such folder"]);
    assert_ne!(outcome.code, Some(0));
    outcome.says("no such folder");
}
