//! `reeld status`, and the line of the service manager: what goes on is what is shown.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Daemon, Fake, Fault, Frames, Sandbox, ffmpeg};

/// Only what a test says ends a sequence.
const PATIENT: &str = "idle_timeout = \"1h\"";

fn status(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.run(["status", "--json"]).expect(0).text()).unwrap()
}

#[test]
fn what_goes_on_is_shown_from_the_first_frame_to_the_video() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=40);
    let growing = daemon.wait("all frames are shown", |_| {
        let sequence = status(&sandbox)["sequences"][0].clone();
        (sequence["count"] == 40).then_some(sequence)
    });
    assert_eq!(growing["state"], "open");
    assert_eq!(growing["dir"].as_str(), shot.to_str());
    let ends_in = growing["ends_in_ms"].as_u64().unwrap();
    assert!((3_000_000..=3_600_000).contains(&ends_in), "{growing}");
    daemon.wait("chunks are counted", |_| {
        let ahead = status(&sandbox)["sequences"][0]["ahead"].as_u64()?;
        assert!(ahead <= 40);
        Some(())
    });
    let text = sandbox.run(["status"]).expect(0).text();
    for wanted in
        ["running for ", "watched\n", "not videos yet\n", "frame_####.png 1-40  40 frames", "silence ends it in"]
    {
        assert!(text.contains(wanted), "{wanted:?} is not in\n{text}");
    }
    // The service manager's line is as fresh.
    daemon
        .wait_for_state_that("the frames are in the status line", |line| line.contains("1 sequence open (40 frames)"));

    fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mp4"));
    let video = daemon.wait("the video is shown", |_| status(&sandbox)["videos"].get(0).cloned());
    assert_eq!(video["path"].as_str(), shot.join("frame.mp4").to_str());
    assert_eq!(video["frames"], 40);
    assert!(video["why"].as_str().unwrap().contains(".done"), "{video}");
    assert_eq!(status(&sandbox)["attention"], serde_json::json!([]));
}

#[test]
fn what_is_encoded_and_what_waits_is_shown_in_their_order() {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::Gate);
    sandbox.install(&fake);
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{PATIENT}\nlive = false")));
    let shots = ["one", "two", "three"].map(|name| sandbox.folder(name));
    for (at, shot) in shots.iter().enumerate() {
        Frames::new("frame_####.png").write(shot, 1..=4);
        fs::write(shot.join(".done"), "").unwrap();
        if at == 0 {
            fake.wait_for_encode();
        }
        daemon.wait("it is shown", |_| {
            let shown = status(&sandbox);
            let all = shown["encoding"].as_array()?.len() + shown["queue"].as_array()?.len();
            (all == at + 1).then_some(())
        });
    }
    let shown = status(&sandbox);
    let sequence = |of: &Value| of["sequence"].as_str().unwrap().to_owned();
    assert!(sequence(&shown["encoding"][0]).starts_with(shots[0].to_str().unwrap()), "{shown}");
    assert!(sequence(&shown["queue"][0]).starts_with(shots[1].to_str().unwrap()), "{shown}");
    assert!(sequence(&shown["queue"][1]).starts_with(shots[2].to_str().unwrap()), "{shown}");
    fake.open();
    daemon.wait_for_videos(&sandbox, 3);
}

#[test]
fn what_needs_a_person_is_shown_with_what_to_do() {
    let sandbox = Sandbox::new(&ffmpeg());
    let gone = sandbox.root().join("../gone");
    let watch = format!(
        "[[watch]]\npath = \"{}\"\nmissing_frames = \"error\"\n{PATIENT}\n[[watch]]\npath = \"{}\"\n",
        sandbox.root().display(),
        gone.display()
    );
    let mut daemon = Daemon::start(&sandbox, &sandbox.config_text(&watch));
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=3);
    frames.write(&shot, 5..=6);
    fs::write(shot.join(".done"), "").unwrap();
    let needs = |what: &str, why: &str| {
        let all = status(&sandbox)["attention"].clone();
        let has = |one: &&Value| {
            let is = |key: &str, text: &str| one[key].as_str().is_some_and(|value| value.contains(text));
            is("what", what) && is("why", why)
        };
        all.as_array().unwrap().iter().find(has).cloned()
    };
    let failed = daemon.wait("the failed batch is shown", |_| needs("shot/frame_####.png", "not complete"));
    assert!(failed["hint"].as_str().unwrap().contains("reeld retry"), "{failed}");
    let away = daemon.wait("the root that is away is shown", |_| needs("gone", "does not exist"));
    assert!(!away["hint"].as_str().unwrap().is_empty());
    sandbox.config_text("nonsense = 1\n");
    sandbox.run(["reload"]).expect(1);
    daemon.wait("the refused config is shown", |_| needs("the config", "nonsense"));
    let text = sandbox.run(["status"]).expect(0).text();
    assert!(text.contains("needs you\n") && text.contains("      hint: "), "{text}");
    // It outlives the daemon: the journal knows.
    sandbox.config_text(&watch);
    daemon.stop();
    let mut daemon = Daemon::start(&sandbox, &sandbox.config_text(&watch));
    daemon.wait("the failed batch is shown again", |_| needs("shot/frame_####.png", "not complete"));
}

#[test]
fn it_is_shown_again_and_again_on_request() {
    let sandbox = Sandbox::new(&ffmpeg());
    let _daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let mut watching = sandbox.reeld().args(["status", "--watch", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let uptime = |line: String| serde_json::from_str::<Value>(&line).unwrap()["uptime_ms"].as_u64().unwrap();
    let (first, second) = (uptime(lines.next().unwrap().unwrap()), uptime(lines.next().unwrap().unwrap()));
    assert!(first < second, "{first} {second}");
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn without_a_daemon_it_says_so() {
    let sandbox = Sandbox::new(&ffmpeg());
    sandbox.config(PATIENT);
    sandbox.run(["status"]).expect(1).says("no daemon is running").says("reeld run");
}
