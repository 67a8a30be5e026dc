//! The config, read again by a running daemon.

use std::ffi::OsStr;
use std::path::Path;

use rustix::process::Signal;

use crate::support::{Daemon, Outcome, Sandbox, ffmpeg};

/// Only what a test says ends a sequence.
const PATIENT: &str = "idle_timeout = \"1h\"";

fn reload(sandbox: &Sandbox, config: &Path) -> Outcome {
    sandbox.run([OsStr::new("reload"), OsStr::new("--config"), config.as_os_str()])
}

#[test]
fn a_refused_config_is_said_to_who_asks_and_stays_said_in_the_status() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let mut daemon = Daemon::start(&sandbox, &config);
    for by_signal in [false, true] {
        sandbox.config(&format!("{PATIENT}\nframerat = 24"));
        if by_signal {
            daemon.signal(Signal::HUP);
        } else {
            let place = format!("{}:4:1: unknown key `framerat`", config.display());
            let outcome = reload(&sandbox, &config).expect(1).says(&place);
            outcome.says("hint: did you mean `framerate`?").says("goes on by the config that it read before");
        }
        let is_refusal = |line: &str| line.starts_with("STATUS=config refused") && line.contains(":4:1: unknown key");
        let status = daemon.wait_for_state_that("the status says that it was refused", is_refusal);
        assert!(status.ends_with("1 root (0 polling), 0 sequences open"), "{status}");

        sandbox.config(PATIENT);
        reload(&sandbox, &config).expect(0).says("is in force: 1 folder is watched");
        daemon.wait_for_state("STATUS=1 root (0 polling), 0 sequences open");
    }
}

#[test]
fn what_was_asked_for_last_is_in_force() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let mut daemon = Daemon::start(&sandbox, &config);
    // Each answer is about the file as it was when it was asked for, however many ask at once.
    for round in 0..10 {
        sandbox.config(&format!("{PATIENT}\nframerat = {round}"));
        daemon.signal(Signal::HUP);
        daemon.signal(Signal::HUP);
        reload(&sandbox, &config).expect(1).says(&format!("framerat = {round}"));
        sandbox.config(PATIENT);
        daemon.signal(Signal::HUP);
        reload(&sandbox, &config).expect(0);
    }
    daemon.wait_for_state("STATUS=1 root (0 polling), 0 sequences open");
}

#[test]
fn without_a_daemon_nothing_is_reloaded() {
    let sandbox = Sandbox::new(&ffmpeg());
    reload(&sandbox, &sandbox.config(PATIENT)).expect(1).says("no daemon is running");
}

#[test]
fn the_daemon_is_found_by_a_file_that_is_no_good() {
    let sandbox = Sandbox::new(&ffmpeg());
    let state = sandbox.path().join("elsewhere");
    let watch = format!("[[watch]]\npath = \"{}\"\n{PATIENT}\n", sandbox.root().display());
    let text = format!("state_dir = \"{}\"\n", state.display());
    let config = sandbox.config_text(&format!("{text}{watch}"));
    // Without a run-time folder the socket is in the state directory, which the file names.
    let _daemon = Daemon::start_with(&sandbox, &config, &[("XDG_RUNTIME_DIR", "")]);
    sandbox.config_text(&format!("{text}stopp = 1\n{watch}"));
    let mut command = sandbox.reeld();
    command.args([OsStr::new("reload"), OsStr::new("--config"), config.as_os_str()]).env("XDG_RUNTIME_DIR", "");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("unknown key `stopp`"), "{said}");
}
