//! `reeld encode` or `reeld check` is interrupted: it leaves nothing behind, neither a file nor a batch that waits for somebody.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::video::assert_shows;
use crate::support::{Daemon, Fake, Fault, Frames, Sandbox, ffmpeg};

/// Two sequences below the root, and an encode of both that has begun with the first and cannot go on.
fn begun(sandbox: &Sandbox, fake: &Fake) -> Child {
    for name in ["one", "two"] {
        Frames::new("frame_####.png").write(&sandbox.folder(name), 1..=8);
    }
    sandbox.install(fake);
    let root = sandbox.root();
    let arguments = [OsStr::new("encode"), root.as_os_str()];
    let child = sandbox.reeld().args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    fake.wait_for_encode();
    child
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// The states of all batches, as `list` tells them.
fn states(sandbox: &Sandbox) -> Vec<String> {
    let listed = sandbox.run(["list", "--json"]).expect(0).text();
    let state = |line: &str| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        entry["state"].as_str().unwrap().to_owned()
    };
    listed.lines().map(state).collect()
}

#[test]
fn an_encode_that_is_asked_to_stop_leaves_nothing_and_ends_by_the_signal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = Sandbox::new(&ffmpeg());
        let fake = Fake::new(&sandbox, Fault::Hang);
        let child = begun(&sandbox, &fake);
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(signal.as_raw()), "{said}");
        assert!(said.contains("1 sequence was not begun"), "{said}");
        assert_eq!(states(&sandbox), ["failed"]);
        assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
        fake.wait_for_end();
        // No file of the process either.
        assert_eq!(fs::read_dir(sandbox.state().join("workers")).unwrap().count(), 0);

        sandbox.uninstall_fake();
        sandbox.run([OsStr::new("encode"), sandbox.root().as_os_str()]).expect(0);
        for name in ["one", "two"] {
            assert_shows(&sandbox.folder(name).join("frame.mp4"), &sandbox.ffmpeg, 1..=8);
        }
        assert_eq!(sandbox.videos().len(), 2);
    }
}

#[test]
fn a_check_that_is_asked_to_stop_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::new(&ffmpeg());
        let fake = Fake::new(&sandbox, Fault::Hang);
        sandbox.install(&fake);
        let config = sandbox.config("");
        let arguments = [OsStr::new("check"), OsStr::new("--config"), config.as_os_str()];
        let child = sandbox.reeld().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        fake.wait_for_encode();
        let trial = |path: &PathBuf| path.file_name().unwrap().as_encoded_bytes().starts_with(b".reeld-check-");
        assert!(sandbox.leftovers().iter().any(trial), "the trial has no folder: {:?}", sandbox.leftovers());
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert_eq!(output.status.signal(), Some(signal.as_raw()), "{said}");
        assert!(!said.contains("WRONG") && !said.contains("all is well"), "{said}");
        assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
        fake.wait_for_end();
    }
}

#[test]
fn an_encode_that_is_killed_waits_for_nobody() {
    for with_daemon in [false, true] {
        let sandbox = Sandbox::new(&ffmpeg());
        let fake = Fake::new(&sandbox, Fault::Gate);
        let mut child = begun(&sandbox, &fake);
        child.kill().unwrap();
        child.wait().unwrap();
        fake.open();
        fake.wait_for_end();
        sandbox.uninstall_fake();
        if with_daemon {
            let config = sandbox.config("idle_timeout = \"1h\"");
            let mut daemon = Daemon::start(&sandbox, &config);
            daemon.wait("the batch has failed", |_| (states(&sandbox)[0] == "failed").then_some(()));
            assert!(sandbox.videos().is_empty(), "nobody asked the daemon for it");
            assert!(daemon.stop().success());
        } else {
            sandbox.run([OsStr::new("encode"), sandbox.folder("two").as_os_str()]).expect(0);
            assert_eq!(states(&sandbox), ["failed", "published"]);
        }
        assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
    }
}

#[test]
fn what_the_process_was_started_to_ignore_does_not_stop_it() {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::Gate);
    Frames::new("frame_####.png").write(&sandbox.folder("one"), 1..=8);
    sandbox.install(&fake);
    // As `nohup` does it.
    let root = sandbox.root();
    let mut command = std::process::Command::new("/bin/sh");
    let reeld = sandbox.reeld();
    command.args(["-c", "trap '' HUP; exec \"$0\" encode \"$1\""]).arg(reeld.get_program()).arg(&root);
    command.env_clear().envs(reeld.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0).spawn().unwrap();
    fake.wait_for_encode();
    send(&child, Signal::HUP);
    fake.open();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_shows(&sandbox.folder("one").join("frame.mp4"), &sandbox.ffmpeg, 1..=8);
}

/// The trial of the settings writes into the state directory.
#[test]
fn a_daemon_that_is_asked_to_stop_leaves_no_trial() {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::HangInTrial);
    sandbox.install(&fake);
    let daemon = Daemon::start(&sandbox, &sandbox.config(""));
    fake.wait_for_encode();
    let trial = sandbox.state().join("trial");
    assert!(trial.exists(), "the trial has no folder");
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(!trial.exists(), "the trial is still there");
    fake.wait_for_end();
}

#[test]
fn a_demo_that_is_asked_to_stop_ends_its_daemon() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::new(&ffmpeg());
        let mut demo = sandbox.reeld();
        demo.args(["demo", "--count", "9999"]).env("TMPDIR", sandbox.path());
        let mut demo = demo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(demo.stderr.take().unwrap()).lines();
        said.find(|line| line.as_ref().unwrap().contains("a generator writes")).unwrap().unwrap();
        let process = demo.id();
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
        let daemon = PathBuf::from("/proc").join(children.trim());
        assert!(daemon.exists(), "{children}");
        send(&demo, signal);
        assert_eq!(demo.wait().unwrap().signal(), Some(signal.as_raw()));
        assert!(!daemon.exists(), "its daemon lives on");
    }
}
