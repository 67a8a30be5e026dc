//! What the daemon stands on: one daemon to a root, and a state directory that stays.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::support::video::assert_shows;
use crate::support::{Daemon, Frames, Sandbox, ffmpeg, toml_string};

const PATIENT: &str = "idle_timeout = \"1h\"";

/// A config for `root`, for a daemon with a state directory of its own.
fn another(sandbox: &Sandbox, root: &Path) -> std::path::PathBuf {
    let state = toml_string(&sandbox.path().join("another"));
    let text = format!("state_dir = {state}\n[[watch]]\npath = {}\n{PATIENT}\n", toml_string(root));
    let file = sandbox.path().join("another.toml");
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_second_daemon_leaves_a_root_to_the_first_until_it_is_free() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let first = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    for root in [sandbox.root(), shot.clone()] {
        let run = sandbox.path().join("run2");
        let mut second =
            Daemon::start_with(&sandbox, &another(&sandbox, &root), &[("XDG_RUNTIME_DIR", run.to_str().unwrap())]);
        let said = second.wait_for_line("it says who has the root", |line| line.contains("another reeld watches"));
        assert!(said.contains(&format!("pid {}", first.id())), "{said}");
        assert!(said.contains(sandbox.state().to_str().unwrap()) && said.contains("hint="), "{said}");
        assert_eq!(second.stop().code(), Some(0));
    }
    let run = sandbox.path().join("run2");
    let mut second = Daemon::start_with(
        &sandbox,
        &another(&sandbox, &sandbox.root()),
        &[("XDG_RUNTIME_DIR", run.to_str().unwrap())],
    );
    assert_eq!(first.stop().code(), Some(0));
    second.wait_for_line("the root is taken over", |line| line.contains("the root is there again"));
    Frames::new("frame_####.png").write(&shot, 1..=5);
    fs::write(shot.join(".done"), "").unwrap();
    second.wait_for_file(&shot.join("frame.mp4"));
    assert_eq!(second.stop().code(), Some(0));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=5);
    assert_eq!(sandbox.videos(), [shot.join("frame.mp4")]);
}

#[test]
fn a_root_above_that_of_another_daemon_is_left_to_it_too() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let run = sandbox.path().join("run2");
    let first = Daemon::start_with(&sandbox, &another(&sandbox, &shot), &[("XDG_RUNTIME_DIR", run.to_str().unwrap())]);
    let mut second = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    let said =
        second.wait_for_line("it says who has a part of the root", |line| line.contains("another reeld watches"));
    assert!(said.contains(&format!("pid {}", first.id())) && said.contains(shot.to_str().unwrap()), "{said}");
    assert_eq!((first.stop().code(), second.stop().code()), (Some(0), Some(0)));
}

#[test]
fn a_config_that_is_read_again_keeps_its_roots() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let mut daemon = Daemon::start(&sandbox, &config);
    sandbox.config(&format!("{PATIENT}\nmin_frames = 3"));
    daemon.signal(rustix::process::Signal::HUP);
    daemon.wait_for_state("READY=1");
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=5);
    fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert!(!daemon.log().contains("another reeld"), "{}", daemon.log());
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_state_directory_that_is_removed_ends_the_daemon_with_a_reason() {
    for what in ["", "lock", "journal.db"] {
        let sandbox = Sandbox::new(&ffmpeg());
        let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
        let gone = sandbox.state().join(what);
        if what.is_empty() {
            fs::remove_dir_all(&gone).unwrap();
        } else {
            fs::remove_file(&gone).unwrap();
        }
        let said = daemon.wait_for_line("it says so", |line| line.contains("was removed or replaced"));
        assert!(said.contains(sandbox.state().to_str().unwrap()) && said.contains("hint="), "{what}: {said}");
        assert_eq!(daemon.wait_for_end().code(), Some(1), "{what}");
        let daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
        assert_eq!(daemon.stop().code(), Some(0), "{what}");
    }
}

/// The daemon goes on without it, as far as it can, and people are told.
#[test]
fn a_journal_that_is_damaged_under_a_running_daemon_is_told_of() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let mut daemon = Daemon::start(&sandbox, &config);
    let (one, two) = (sandbox.folder("one"), sandbox.folder("two"));
    let frames = Frames::new("frame_####.png");
    frames.write(&one, 1..=5);
    fs::write(one.join(".done"), "").unwrap();
    daemon.wait_for_file(&one.join("frame.mp4"));

    let journal = sandbox.state().join("journal.db");
    // Everything into the file itself, so that it is read from there again; then all but its first page.
    rusqlite::Connection::open(&journal)
        .and_then(|connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
        .unwrap();
    let mut bytes = fs::read(&journal).unwrap();
    bytes[4096..].fill(0x5A);
    let mut file = fs::File::options().write(true).open(&journal).unwrap();
    file.write_all(&bytes).unwrap();

    frames.write(&two, 1..=5);
    fs::write(two.join(".done"), "").unwrap();
    let said = daemon.wait_for_line("the log says so", |line| line.contains("ERROR") && line.contains("malformed"));
    assert!(said.contains("start reeld again"), "{said}");
    sandbox.run(["list"]).expect(1).says("malformed").says("start reeld again");
    assert!(!two.join("frame.mp4").exists(), "no video that the journal does not know");
    daemon.stop();

    let mut daemon = Daemon::start(&sandbox, &config);
    daemon.wait_for_line("it is set aside", |line| {
        line.contains("is set aside") && line.contains("journal.db.corrupt-1")
    });
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_socket_with_too_long_a_path_says_what_to_do() {
    let sandbox = Sandbox::new(&ffmpeg());
    let long = sandbox.path().join("l".repeat(120));
    let config = sandbox.config(PATIENT);
    let output =
        sandbox.reeld().arg("run").arg("--config").arg(&config).env("XDG_RUNTIME_DIR", &long).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let length = long.join("reeld/control.sock").as_os_str().len();
    assert!(said.contains("107 bytes at most") && said.contains(&length.to_string()), "{said}");
    assert!(said.contains("XDG_RUNTIME_DIR"), "{said}");
}
