//! The config, read again by a running daemon.

use std::ffi::OsStr;
use std::path::Path;

use rustix::process::Signal;

use crate::support::fake::stand_in;
use crate::support::video::assert_shows;
use crate::support::{Daemon, Fake, Fault, Frames, Outcome, Sandbox, ffmpeg};

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

/// What is left out from now on is not finished, encoded and removed as what it was.
#[test]
fn an_open_sequence_that_a_reload_leaves_out_stays_as_it_is() {
    for (before, after) in [
        ("", "recursive = false"),
        ("", "exclude = [\"sub\"]"),
        ("", "include = [\"top_*\"]"),
        ("group = \"tree\"", "group = \"tree\"\nexclude = [\"sub\"]"),
        ("pattern = \"out_####.png\"", "pattern = \"top_####.png\""),
    ] {
        let sandbox = Sandbox::new(&ffmpeg());
        let config = sandbox.config(&format!("{PATIENT}\nlive = false\n{before}"));
        let mut daemon = Daemon::start(&sandbox, &config);
        let sub = sandbox.folder("sub");
        Frames::new("out_####.png").write(&sub, 1..=4);
        daemon.wait_for_open_frames(4);
        sandbox.config(&format!("idle_timeout = \"1s\"\ncleanup = \"delete\"\nstills = \"encode\"\n{after}"));
        reload(&sandbox, &config).expect(0);
        // Quiet for a shorter time than the others, it is finished after them.
        Frames::new("top_####.png").write(&sandbox.root(), 1..=4);
        daemon.wait_for_file(&sandbox.root().join("top.mp4"));
        let left = std::fs::read_dir(&sub).unwrap().count();
        assert!(left == 4 && sandbox.videos().len() == 1, "{after}: {left} frames, {:?}", sandbox.videos());
        let open = sandbox.run(["list"]).expect(0).text();
        assert!(!open.contains("out_"), "{after}: {open}");
        let outcome = sandbox.run([OsStr::new("done"), sub.as_os_str()]);
        if after.contains("recursive") || after.contains("exclude") {
            outcome.expect(1).says("is in no watched folder");
        }
    }
}

/// A batch that waits for its turn goes by the config of the moment when it has it.
#[test]
fn a_batch_that_waits_goes_by_the_new_config_and_one_that_runs_by_the_old() {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::Gate);
    sandbox.install(&fake);
    let keys = format!("{PATIENT}\nlive = false");
    let config = sandbox.config(&keys);
    let mut daemon = Daemon::start(&sandbox, &config);
    let shots = ["one", "two", "three"].map(|name| sandbox.folder(name));
    for (at, shot) in shots.iter().enumerate() {
        Frames::new("frame_####.png").write(shot, 1..=4);
        std::fs::write(shot.join(".done"), "").unwrap();
        if at == 0 {
            fake.wait_for_encode();
        }
        daemon.wait(&format!("{} is in the journal", shot.display()), |_| {
            let listed = sandbox.run(["list", "--json"]).expect(0).text();
            let of_shot = |line: &&str| line.contains(shot.to_str().unwrap()) && line.contains("\"state\":");
            listed.lines().find(of_shot).filter(|line| line.contains("ing\"")).map(drop)
        });
    }
    sandbox.config(&format!("{keys}\noutput_name = \"new\"\nexclude = [\"three\"]"));
    reload(&sandbox, &config).expect(0);
    fake.open();
    daemon.wait_for_file(&shots[1].join("new.mp4"));
    assert!(shots[0].join("frame.mp4").exists());
    let waits = |line: &str| line.contains("this batch waits: its folder is not watched any more");
    let line = daemon.wait_for_line("the third is told of", waits);
    assert!(line.contains("three/frame_####.png") && line.contains("WARN"), "{line}");
    let status = || sandbox.run(["status"]).expect(0).text();
    let shown = "three/frame_####.png: it waits: its folder is not watched any more";
    assert!(status().contains(shown), "{}", status());
    // Shown again, the third is what it was: a batch that waits.
    assert_eq!(sandbox.videos().len(), 2);
    sandbox.config(&format!("{keys}\noutput_name = \"newer\""));
    reload(&sandbox, &config).expect(0);
    daemon.wait_for_file(&shots[2].join("newer.mp4"));
    assert_eq!(daemon.log().lines().filter(|line| waits(line)).count(), 1, "{}", daemon.log());
    assert!(!status().contains(shown), "{}", status());
}

#[test]
fn another_ffmpeg_and_another_place_for_chunks_are_in_force_at_once() {
    let sandbox = Sandbox::new(&ffmpeg());
    let watch = format!("[[watch]]\npath = \"{}\"\n{PATIENT}\n", sandbox.root().display());
    let config = sandbox.config_text(&watch);
    let mut daemon = Daemon::start(&sandbox, &config);
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=30);
    let chunks = sandbox.state().join("chunks");
    let names = |folder: &Path| -> Vec<_> {
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().file_name()).collect()
    };
    daemon.wait("a chunk is begun", |_| (!names(&chunks).is_empty()).then_some(()));

    let fake = Fake::new(&sandbox, Fault::Gate);
    let place = sandbox.path().join("scratch");
    std::fs::create_dir(&place).unwrap();
    let encoder =
        format!("[encoder]\nffmpeg = \"{}\"\nchunk_dir = \"{}\"\n", fake.program().display(), place.display());
    sandbox.config_text(&format!("{encoder}{watch}"));
    reload(&sandbox, &config).expect(0);
    // Although no further frame comes.
    fake.wait_for_encode();
    daemon.wait("the chunk is made in the new place", |_| (!names(&place).is_empty()).then_some(()));
    fake.open();
    std::fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=30);
    daemon.wait("nothing stays in either place", |_| {
        (names(&place).is_empty() && names(&chunks).is_empty()).then_some(())
    });

    let gone = format!("[encoder]\nffmpeg = \"{}\"\n{watch}", sandbox.path().join("nowhere").display());
    sandbox.config_text(&gone);
    reload(&sandbox, &config).expect(1).says("cannot run").says("nowhere");
    sandbox.config_text(&format!("state_dir = \"{}\"\n{watch}", sandbox.path().join("other").display()));
    daemon.signal(Signal::HUP);
    daemon
        .wait_for_line("it says what needs a restart", |line| line.contains("`state_dir`") && line.contains("restart"));
}

#[test]
fn a_preset_that_changes_while_a_sequence_is_encoded_is_that_of_its_video() {
    let sandbox = Sandbox::new(&ffmpeg());
    let watch = |keys: &str| {
        format!("[encoder]\nchunk_length = 24\n[[watch]]\npath = \"{}\"\n{PATIENT}\n{keys}\n", sandbox.root().display())
    };
    let config = sandbox.config_text(&watch(""));
    let mut daemon = Daemon::start(&sandbox, &config);
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=40);
    daemon.wait("some of it is encoded", |daemon| {
        daemon.signal(Signal::USR1);
        daemon.log().contains("encoded ahead").then_some(())
    });
    sandbox.config_text(&watch("preset = \"prores\"\nframerate = 30"));
    reload(&sandbox, &config).expect(0);
    frames.write(&shot, 41..=60);
    std::fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mov"));
    assert_shows(&shot.join("frame.mov"), &sandbox.ffmpeg, 1..=60);
    assert_eq!(sandbox.videos().len(), 1);
}

/// An FFmpeg that says this version.
fn ffmpeg_of_version(sandbox: &Sandbox, version: &str) {
    let answer = format!(
        "case $1 in -version) [ -e \"$dir/dies\" ] && kill -KILL $$; echo 'ffmpeg version {version} Copyright'; exit 0 ;; \
         esac\n    exec \"$real\" \"$@\""
    );
    let dir = sandbox.path().join("versions");
    stand_in(&dir, &sandbox.ffmpeg, "fi\nexec \"$real\" \"$@\"\n", "", &answer);
    let program = sandbox.path().join("bin/ffmpeg");
    std::fs::remove_file(&program).unwrap();
    std::os::unix::fs::symlink(dir.join("ffmpeg"), program).unwrap();
}

fn chunk_versions(sandbox: &Sandbox) -> Vec<String> {
    let journal = rusqlite::Connection::open(sandbox.state().join("journal.db")).unwrap();
    let mut select = journal.prepare("SELECT DISTINCT ffmpeg FROM chunks").unwrap();
    let versions = select.query_map([], |row| row.get(0)).unwrap();
    versions.map(Result::unwrap).collect()
}

#[test]
fn chunks_of_an_ffmpeg_that_is_replaced_are_not_taken_for_those_of_the_new_one() {
    let sandbox = Sandbox::new(&ffmpeg());
    ffmpeg_of_version(&sandbox, "first");
    let config =
        format!("[encoder]\nchunk_length = 24\n[[watch]]\npath = \"{}\"\n{PATIENT}\n", sandbox.root().display());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config_text(&config));
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=30);
    daemon.wait("a chunk of the first", |_| (chunk_versions(&sandbox) == ["first"]).then_some(()));
    ffmpeg_of_version(&sandbox, "second");
    frames.write(&shot, 31..=60);
    daemon.wait("chunks of the second only", |_| (chunk_versions(&sandbox) == ["second"]).then_some(()));
    std::fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=60);
}

#[test]
fn an_ffmpeg_that_is_killed_when_it_is_asked_ends_no_daemon() {
    let sandbox = Sandbox::new(&ffmpeg());
    ffmpeg_of_version(&sandbox, "one");
    let dies = sandbox.path().join("versions/dies");
    std::fs::write(&dies, "").unwrap();
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    assert!(daemon.log().contains("did not get to say its version"), "{}", daemon.log());
    std::fs::remove_file(&dies).unwrap();
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=4);
    std::fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mp4"));
}

/// What only FFmpeg knows is told as soon as the config is read, and not when the render is done.
#[test]
fn settings_that_make_no_video_are_told_until_they_make_one() {
    let sandbox = Sandbox::new(&ffmpeg());
    let keys = format!("{PATIENT}\nencoder_args = [\"-preset\", \"nope\"]");
    let config = sandbox.config(&keys);
    let mut daemon = Daemon::start(&sandbox, &config);
    let is_trouble =
        |line: &str| line.contains("no video can be made by the settings of this root") && line.contains("ERROR");
    let line = daemon.wait_for_line("it says so", is_trouble);
    assert!(line.contains("hint=") && line.contains(sandbox.root().to_str().unwrap()), "{line}");
    daemon.wait_for_state_that("the status says so", |line| {
        line.starts_with("STATUS=no video can be made in 1 of 1 roots (")
    });
    let listed = sandbox.run(["list"]).expect(0).text();
    let root = sandbox.root();
    assert!(
        listed.starts_with(&format!("trouble  {}  no video can be made with preset h264 [", root.display())),
        "{listed}"
    );
    assert!(listed.contains("    hint: "), "{listed}");
    let json = sandbox.run(["list", "--json"]).expect(0).text();
    assert!(json.starts_with("{\"state\":\"trouble\",\"root\":"), "{json}");

    sandbox.config(PATIENT);
    reload(&sandbox, &config).expect(0);
    daemon.wait_for_line("it says that it is over", |line| {
        line.contains("videos can be made by the settings of this root")
    });
    daemon.wait_for_state("STATUS=1 root (0 polling), 0 sequences open");
    assert_eq!(sandbox.run(["list"]).expect(0).text(), "");
}

#[test]
fn settings_are_tried_once_for_each_ffmpeg() {
    let sandbox = Sandbox::new(&ffmpeg());
    let dir = sandbox.path().join("counting");
    let install = || {
        let count = "case $* in */reeld/trial/*libx264* | *libx264*/reeld/trial/*) echo \"$*\" >> \"$dir/trials\" ;; esac\n    \
                     exec \"$real\" \"$@\"";
        stand_in(&dir, &sandbox.ffmpeg, "fi\nexec \"$real\" \"$@\"\n", "", count);
    };
    install();
    sandbox.remove_ffmpeg();
    std::os::unix::fs::symlink(dir.join("ffmpeg"), sandbox.path().join("bin/ffmpeg")).unwrap();
    let roots = ["one", "two", "three"].map(|name| sandbox.path().join(name));
    let root = |at: usize, keys: &str| format!("[[watch]]\npath = \"{}\"\n{PATIENT}\n{keys}\n", roots[at].display());
    for root in &roots {
        std::fs::create_dir(root).unwrap();
    }
    let good = [root(0, ""), root(1, "")].concat();
    let config = sandbox.config_text(&good);
    let mut daemon = Daemon::start(&sandbox, &config);
    let trials = || {
        let all = std::fs::read_to_string(dir.join("trials")).unwrap_or_default();
        let (bad, good): (Vec<&str>, Vec<&str>) = all.lines().partition(|line| line.contains("nope"));
        (good.len(), bad.len())
    };
    // A video, and a chunk of one.
    daemon.wait("both are tried", |_| (trials() == (2, 0)).then_some(()));
    for round in 1..=2 {
        sandbox.config_text(&[&*good, &root(2, &format!("encoder_args = [\"-preset\", \"nope{round}\"]"))].concat());
        reload(&sandbox, &config).expect(0);
        daemon.wait_for_line("the third is tried", |line| {
            line.contains("no video can") && line.contains(&format!("nope{round}"))
        });
        assert_eq!(trials(), (2, round));
    }
    install();
    sandbox.config_text(&good);
    reload(&sandbox, &config).expect(0);
    daemon.wait("another FFmpeg is tried again", |_| (trials() == (4, 2)).then_some(()));
}
