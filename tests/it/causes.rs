//! Errors as people meet them: what failed, what led to it, and what to do, which is never what the disk contradicts.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rustix::process::Signal;

use crate::support::{Daemon, Frames, Sandbox, ffmpeg, toml_string, wait_for};

const PATIENT: &str = "idle_timeout = \"1h\"\nlive = false";

/// The config with the sandbox's root, and these lines before it.
fn config(sandbox: &Sandbox, before: &str) -> std::path::PathBuf {
    sandbox.config_text(&format!("{before}\n[[watch]]\npath = {}\n", toml_string(&sandbox.root())))
}

/// Things that are something else than what they are named for: `file`, `folder`, and `link`, which leads nowhere.
fn wrong_things(sandbox: &Sandbox) {
    fs::write(sandbox.path().join("file"), "no program").unwrap();
    fs::create_dir(sandbox.path().join("folder")).unwrap();
    symlink("/nowhere/at/all", sandbox.path().join("link")).unwrap();
}

/// Runs `reeld ARGUMENTS --config CONFIG` and holds what it says against `cause` and `hint`, each on a line of its own.
#[track_caller]
fn assert_told(sandbox: &Sandbox, arguments: &[&str], config: &Path, code: i32, cause: &str, hint: &str) {
    let arguments = arguments.iter().map(OsStr::new).chain([OsStr::new("--config"), config.as_os_str()]);
    let said = sandbox.run(arguments).expect(code).stderr;
    let said = said.replace(sandbox.path().to_str().unwrap(), "T");
    let line = |start: &str, words: &str| said.lines().any(|line| line.starts_with(start) && line.contains(words));
    assert!(line("error: ", ""), "{said}");
    assert!(line("caused by: ", cause), "{cause:?} in\n{said}");
    assert!(line("hint: ", hint), "{hint:?} in\n{said}");
    assert!(said.contains("\n\nhint: "), "{said}");
}

#[test]
fn a_state_directory_of_the_wrong_kind_is_named() {
    let sandbox = Sandbox::new(&ffmpeg());
    wrong_things(&sandbox);
    let not_a_folder = "hint: T/file is in the way, because it is not a folder";
    for (state, cause, hint) in [
        ("file", "(os error", not_a_folder),
        ("file/below", "Not a directory", not_a_folder),
        ("link", "(os error", "T/link is a link that leads nowhere"),
    ] {
        let config = config(&sandbox, &format!("state_dir = {}", toml_string(&sandbox.path().join(state))));
        assert_told(&sandbox, &["run"], &config, 1, cause, hint);
        if state != "link" {
            assert_told(&sandbox, &["list"], &config, 1, "Not a directory", not_a_folder);
        }
    }
}

#[test]
fn a_journal_of_the_wrong_kind_is_named() {
    for (thing, cause, hint) in [
        ("folder", "s a directory", "journal.db is in the way, because it is a folder"),
        ("link", "No such file", "journal.db is a link that leads nowhere"),
    ] {
        let sandbox = Sandbox::new(&ffmpeg());
        wrong_things(&sandbox);
        fs::create_dir_all(sandbox.state()).unwrap();
        fs::rename(sandbox.path().join(thing), sandbox.state().join("journal.db")).unwrap();
        let config = config(&sandbox, "");
        for command in [&["run"][..], &["list"], &["forget", "frames"]] {
            assert_told(&sandbox, command, &config, 1, cause, hint);
        }
    }
}

#[test]
fn a_program_that_is_none_is_named() {
    let sandbox = Sandbox::new(&ffmpeg());
    wrong_things(&sandbox);
    let program = |name: &str, text: &str, mode: u32| {
        let path = sandbox.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    program("text", "no program", 0o755);
    program("script", "#!/nowhere/at/all\n", 0o755);
    for (ffmpeg, cause, hint) in [
        ("text", "Exec format error", "not a program for this machine"),
        ("script", "No such file", "the program is there, but what runs it is not"),
        ("file", "Permission denied", "chmod +x T/file"),
        ("folder", "Permission denied", "this is a folder"),
        ("link", "No such file", "T/link is a link that leads nowhere"),
        ("file/below", "Not a directory", "T/file is not a folder"),
        ("none", "No such file", "set `ffmpeg` in [encoder]"),
    ] {
        let config = config(&sandbox, &format!("[encoder]\nffmpeg = {}", toml_string(&sandbox.path().join(ffmpeg))));
        assert_told(&sandbox, &["run"], &config, 1, cause, hint);
        let checked = sandbox.run([OsStr::new("check"), OsStr::new("--config"), config.as_os_str()]).expect(1).text();
        let checked = checked.replace(sandbox.path().to_str().unwrap(), "T");
        assert!(checked.contains(&format!("       caused by: {cause}")), "{checked}");
        assert!(checked.lines().any(|line| line.starts_with("       hint: ") && line.contains(hint)), "{checked}");
    }
}

#[test]
fn a_config_and_a_socket_of_the_wrong_kind_are_named() {
    let sandbox = Sandbox::new(&ffmpeg());
    wrong_things(&sandbox);
    for (file, cause, hint) in [
        ("folder", "Is a directory", "name the file, not its folder"),
        ("file/below", "Not a directory", "T/file is not a folder"),
        ("link", "No such file", "T/link is a link that leads nowhere"),
        ("none", "No such file", "`reeld init T/none`"),
    ] {
        for command in ["run", "list"] {
            assert_told(&sandbox, &[command], &sandbox.path().join(file), 2, cause, hint);
        }
    }
    let run = sandbox.path().join("run/reeld/control.sock");
    fs::create_dir_all(&run).unwrap();
    let config = config(&sandbox, "");
    assert_told(&sandbox, &["run"], &config, 1, "Is a directory", "control.sock is in the way, because it is a folder");
}

#[test]
fn check_finds_folders_that_cannot_be_made() {
    let sandbox = Sandbox::new(&ffmpeg());
    wrong_things(&sandbox);
    for (place, why) in
        [("file", "T/file is not a folder"), ("file/below", "T/file is not a folder"), ("link", "T/link is a link")]
    {
        let path = toml_string(&sandbox.path().join(place));
        for (key, chunks, output) in [
            ("chunk_dir", format!("chunk_dir = {path}\n"), String::new()),
            ("output_dir", String::new(), format!("output_dir = {path}\n")),
        ] {
            let root = toml_string(&sandbox.root());
            // Without an FFmpeg the encoders are not tried, which is not the point here.
            let text = format!("[encoder]\nffmpeg = \"/nowhere\"\n{chunks}[[watch]]\npath = {root}\n{output}");
            let config = sandbox.config_text(&text);
            let checked =
                sandbox.run([OsStr::new("check"), OsStr::new("--config"), config.as_os_str()]).expect(1).text();
            let checked = checked.replace(sandbox.path().to_str().unwrap(), "T");
            assert!(checked.lines().any(|line| line.starts_with("WRONG  ") && line.contains(why)), "{checked}");
            assert!(checked.contains(&format!("or set `{key}` elsewhere")), "{checked}");
        }
    }
}

#[test]
fn a_value_of_the_command_line_comes_with_its_hint() {
    let sandbox = Sandbox::new(&ffmpeg());
    for (arguments, hint) in [
        (&["encode", "frames", "--quality", "HIHG"][..], "did you mean `HIGH`?"),
        (&["encode", "frames", "--preset", "h246"], "did you mean `h264`?"),
        (&["encode", "frames", "--framerate", "fast"], "a frame rate is a number"),
        (&["encode", "frames", "--framerate", "0"], "allowed: 0.001 to 1000"),
        (&["encode", "frames", "--framerate-factor", "x"], "a factor is a number"),
        (&["encode", "frames", "--name", "{prefx}"], "did you mean `{prefix}`?"),
        (&["encode", "frames", "--name", "a.mp4"], "leave the extension out"),
        (&["encode", "frames", "--cleanup", "trsh"], "did you mean `trash`?"),
        (&["encode", "frames", "--order", "tme"], "did you mean `time`?"),
        (&["encode", "frames", "--group", "tre"], "did you mean `tree`?"),
        (&["scan", "frames", "--group", "tre"], "did you mean `tree`?"),
        (&["make-frames", "new", "--delay", "5x"], "a duration is whole numbers with units"),
        (&["make-frames", "new", "--size", "3"], "WIDTHxHEIGHT, such as 1920x1080"),
        (&["make-frames", "new", "--size", "3x3"], "allowed: 64x64 to 16384x16384"),
        (&["encode", "frames/(?<frame>[0-9]+"], "the cause says where it goes wrong"),
        (&["scan", "frames/shot_####.txt"], "end it with one of .png"),
    ] {
        let said = sandbox.run(arguments).expect(2).stderr;
        assert!(said.lines().any(|line| line.starts_with("hint: ") && line.contains(hint)), "{arguments:?}: {said}");
    }
}

#[test]
fn a_pattern_says_where_it_goes_wrong() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("pattern = \"(?<frame>[0-9]+\"");
    assert_told(&sandbox, &["run"], &config, 2, "regex parse error", "the cause says where it goes wrong");
    sandbox.run([OsStr::new("run"), OsStr::new("--config"), config.as_os_str()]).expect(2).says("unclosed group");
}

/// What is in the journal and in the log is the whole chain, and each record of the log is one line.
#[test]
fn the_reason_of_a_batch_is_the_whole_chain() {
    let sandbox = Sandbox::new(&ffmpeg());
    wrong_things(&sandbox);
    let keys = format!("{PATIENT}\noutput_dir = {}", toml_string(&sandbox.path().join("file")));
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&keys));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=3);
    fs::write(shot.join(".done"), "").unwrap();
    let line = daemon.wait_for_line("the batch fails", |line| line.contains("tried again later"));
    assert!(line.contains("(os error ") && line.contains("hint="), "{line}");
    let listed = wait_for("the journal has it", || {
        let listed = sandbox.run(["list", "--json"]).expect(0).text();
        listed.contains("\"state\":\"failed\"").then_some(listed)
    });
    let entry: serde_json::Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    assert!(entry["error"].as_str().unwrap().contains("(os error "), "{listed}");
    assert!(entry["hint"].as_str().unwrap().contains("file is in the way, because it is not a folder"), "{listed}");
    sandbox.run(["list"]).expect(0).text().lines().find(|line| line.contains("(os error ")).unwrap();
    drop(daemon);

    // What can be seen to be no folder is refused before there is a batch: here it turns out when a file is made.
    let out = Path::new("/proc");
    let encoded = sandbox.run([
        OsStr::new("encode"),
        shot.as_os_str(),
        OsStr::new("--json"),
        OsStr::new("--output-dir"),
        out.as_os_str(),
    ]);
    let encoded = encoded.expect(1);
    assert!(encoded.text().contains("(os error "), "{}", encoded.text());
    assert!(encoded.stderr.lines().any(|line| line.starts_with("caused by: ")), "{}", encoded.stderr);
}

#[test]
fn a_config_that_cannot_be_read_again_is_told_with_its_cause() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config(PATIENT);
    let mut daemon = Daemon::start(&sandbox, &config);
    fs::remove_file(&config).unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("the cause", |line| line.contains("caused by: No such file"));
    daemon.wait_for_line("what to do", |line| line.contains("stays in force") && line.contains("reeld init"));
}
