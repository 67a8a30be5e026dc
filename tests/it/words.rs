//! What is said can be read: one line each, in words, whatever the names of files are.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{Daemon, Frames, Pace, Sandbox, ffmpeg};

#[track_caller]
fn assert_gives_no_orders(text: &str) {
    // Controls of a terminal, and those of writing direction.
    let is_bad = |c: char| c.is_control() && c != '\n' && c != '\t' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(is_bad), "{text:?}");
    assert!(!text.lines().any(|line| line.contains("FORGED") && !line.contains("\\nFORGED")), "{text}");
}

/// A terminal obeys an escape sequence in a name, and a line break begins a line that nobody wrote.
#[test]
fn names_give_no_orders_to_a_terminal_and_forge_no_line() {
    let sandbox = Sandbox::new(&ffmpeg());
    let dir = sandbox.folder(OsStr::from_bytes(b"a\x1b[2J\xc2\x9b31m\xe2\x80\xae\nFORGED"));
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"1h\""));
    let frames = Frames::new(b"b\x1b[31m\r\x7f\nFORGED_####.png");
    frames.write(&dir, [1, 2, 3, 5]);
    fs::write(frames.path(&dir, 6), "no image").unwrap();
    fs::write(dir.join("alone\x1b[31m\nFORGED.png"), frames.bytes(1)).unwrap();
    fs::write(dir.join(".done"), "").unwrap();
    let reel = daemon.wait_for_reels(&sandbox, 1).remove(0);
    daemon.wait_for_line("the end", |line| line.contains("reel="));
    let log = daemon.log();
    assert!(log.contains("pattern=") && log.contains("cannot be read"), "{log}");
    assert_gives_no_orders(&log);
    let listed = sandbox.run(["list"]).expect(0);
    let scanned = sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str()]).expect(0);
    assert!(listed.text().contains("cannot be read") && scanned.text().contains("alone"), "{scanned:?}");
    daemon.stop();
    let encoded = sandbox.encode(&["--preset", "gif"]).expect(0);
    for outcome in [&listed, &scanned, &encoded] {
        assert_gives_no_orders(&outcome.stderr);
    }
    assert_gives_no_orders(&listed.text());
    assert_gives_no_orders(&scanned.text());
    // Programs get each byte of a path, and JSON that says what is there.
    assert!(encoded.stdout.windows(7).any(|bytes| bytes == b"b\x1b[31m\r"), "{encoded:?}");
    let json = sandbox.run(["list", "--json"]).expect(0).text();
    assert_gives_no_orders(&json);
    let entry: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(entry["reel"], reel.to_str().unwrap());
}

/// Whoever prints a name by `Path::display` forgets what it can hold. There is one type that does not.
#[test]
fn names_are_printed_by_one_type_alone() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let (mut read, mut found) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let is_test = ["tests", "tests.rs"].iter().any(|name| entry.ends_with(name));
            if entry.is_dir() && !is_test {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") && !is_test {
                read += 1;
                let text = fs::read_to_string(&entry).unwrap();
                // What a test prints is read by its author.
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                let lines = code.lines().zip(1..).filter(|(line, _)| line.contains(".display()"));
                found.extend(lines.map(|(line, number)| format!("{}:{number}: {}", entry.display(), line.trim())));
            }
        }
    }
    assert!(read > 100, "{read} files");
    assert!(found.is_empty(), "use `Show::shown`, which escapes what gives orders:\n{}", found.join("\n"));
}

#[test]
fn negative_numbers_stand_in_ranges_that_can_be_read() {
    let sandbox = Sandbox::new(&ffmpeg());
    let dir = sandbox.folder("shot");
    // Made from -12 on.
    let numbers = (1..=12).rev().filter(|number| !(4..=5).contains(number));
    Frames::new("neg_-####.png").write_at(&mut Pace::every(Duration::from_secs(1)), &dir, numbers);
    let scanned = sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str()]).expect(0).text();
    assert!(scanned.contains("  -12 to -1  10 frames") && scanned.contains("missing -5 to -4"), "{scanned}");
    sandbox.encode(&[]).expect(0).says("missing: -5 to -4");
    let listed = sandbox.run(["list"]).expect(0).text();
    assert!(listed.contains(" -12 to -1  10 frames") && listed.contains("missing: -5 to -4"), "{listed}");
}

#[test]
fn frames_that_somebody_took_away_were_not_cleaned_up() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("idle_timeout = \"1h\"\ncleanup = \"delete\"\ncleanup_after = \"4s\"");
    let mut daemon = Daemon::start(&sandbox, &config);
    let frames = Frames::new("frame_####.png");
    let dirs = ["all", "some", "none"].map(|name| sandbox.folder(name));
    for dir in &dirs {
        frames.write(dir, 1..=4);
        fs::write(dir.join(".done"), "").unwrap();
        daemon.wait_for_file(&dir.join("frame.mp4"));
        let taken = if dir == &dirs[0] { 1..=4 } else { 4..=4 };
        taken.filter(|_| dir != &dirs[2]).for_each(|number| fs::remove_file(frames.path(dir, number)).unwrap());
    }
    daemon.wait_for_line("nothing is left to do", |line| line.contains("the frames were gone already"));
    dirs[1..].iter().for_each(|dir| daemon.wait_for_absence(&frames.path(dir, 1)));
    let listed = daemon.wait("all is dealt with", |_| {
        let text = sandbox.run(["list"]).expect(0).text();
        (text.matches("  cleaned  ").count() == 3).then_some(text)
    });
    for (name, says) in [
        ("all", "nothing was left to remove: the frames were gone already"),
        ("some", "3 frames deleted, 1 was gone already"),
        ("none", "4 frames deleted"),
    ] {
        let mut lines = listed.lines().skip_while(|line| !line.contains(&format!("/{name}/")));
        assert_eq!(lines.nth(1).map(str::trim), Some(says), "{listed}");
    }
}

/// `CONTRIBUTING.md` has a table of what can go wrong, with the tests that show it.
#[test]
fn the_tests_that_the_table_of_faults_names_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let table = page.split("## What can go wrong").nth(1).unwrap().split("\n## ").next().unwrap();
    let named: Vec<(&str, &str)> =
        table.split('`').filter_map(|word| word.split_once(": ")).filter(|(suite, _)| !suite.contains(' ')).collect();
    assert!(named.len() > 30, "{named:?}");
    for (suite, test) in named {
        let name = test.rsplit("::").next().unwrap();
        let file = match test.rsplit_once("::") {
            Some((module, _)) => vec![root.join("tests").join(suite).join(format!("{module}.rs"))],
            None => files_below(&root.join("src")),
        };
        // Pictures for tests are among the sources.
        let is_source = |path: &PathBuf| path.extension().is_some_and(|end| end == "rs");
        let is_there = |path: &PathBuf| fs::read_to_string(path).unwrap().contains(&format!("fn {name}("));
        assert!(file.iter().filter(|path| is_source(path)).any(is_there), "{suite}: {test}");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|entry| if entry.is_dir() { files_below(&entry) } else { vec![entry] }).collect()
}
