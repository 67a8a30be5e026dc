//! What is said can be read: one line each, in words, whatever the names of files are.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;

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
    let video = daemon.wait_for_videos(&sandbox, 1).remove(0);
    daemon.wait_for_line("the end", |line| line.contains("video="));
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
    for text in [&log, &listed.text(), &scanned.text(), &encoded.stderr] {
        assert_eq!(private_words(text), [""; 0], "{text}");
    }
    // Programs get each byte of a path, and JSON that says what is there.
    assert!(encoded.stdout.windows(7).any(|bytes| bytes == b"b\x1b[31m\r"), "{encoded:?}");
    let json = sandbox.run(["list", "--json"]).expect(0).text();
    assert_gives_no_orders(&json);
    let entry: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(entry["video"], video.to_str().unwrap());
    let root = sandbox.root();
    let scanned = sandbox.run([OsStr::new("scan"), OsStr::new("--json"), root.as_os_str()]).expect(0).text();
    let encoded = sandbox.encode(&["--preset", "ffv1", "--json"]).expect(0).text();
    assert!(encoded.contains("\"video\":"), "{encoded}");
    for json in [json, scanned, encoded] {
        assert_eq!(private_words(&json), [""; 0], "{json}");
    }
}

/// The files of `src` and of the crate of pixels, each by its path there and without its tests: what a test prints is read by
/// its author.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["src", "crates/pixels/src"].iter().flat_map(|folder| sources_of(&root.join(folder))).collect()
}

fn sources_of(src: &Path) -> Vec<(PathBuf, String)> {
    let inner = |file: &PathBuf| file.strip_prefix(src).unwrap().to_path_buf();
    let is_test = |file: &Path| {
        // The simulation is compiled for tests alone.
        file.iter().any(|part| ["tests", "tests.rs", "simulation"].iter().any(|test| part == *test))
    };
    let is_source = |file: &PathBuf| file.extension().is_some_and(|end| end == "rs") && !is_test(&inner(file));
    let read = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned()
    };
    files_below(src).iter().filter(|file| is_source(file)).map(|file| (inner(file), read(file))).collect()
}

/// Whoever prints a name by `Path::display` forgets what it can hold. There is one type that does not.
#[test]
fn names_are_printed_by_one_type_alone() {
    let (mut read, mut found) = (0, Vec::new());
    for (file, code) in sources() {
        read += 1;
        let lines = code.lines().zip(1..).filter(|(line, _)| line.contains(".display()"));
        found.extend(lines.map(|(line, number)| format!("{}:{number}: {}", file.display(), line.trim())));
    }
    assert!(read > 100, "{read} files");
    assert!(found.is_empty(), "use `Show::shown`, which escapes what gives orders:\n{}", found.join("\n"));
}

/// Words that the code has for a video, for a placeholder frame and for a module. No user has to learn them.
const PRIVATE: [&str; 6] = ["reel", "reels", "slate", "slates", "room", "rooms"];

/// The words of `text` that are [`PRIVATE`]. The underscores of keys part words too.
fn private_words(text: &str) -> Vec<&str> {
    let is_private = |word: &&str| PRIVATE.contains(&word.to_ascii_lowercase().as_str());
    text.split(|c: char| !c.is_alphanumeric()).filter(is_private).collect()
}

#[test]
fn pages_and_help_have_no_private_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(|name| root.join(name)).to_vec();
    files.extend(["config", "systemd"].iter().flat_map(|folder| files_below(&root.join(folder))));
    let mut texts: Vec<(String, String)> =
        files.iter().map(|file| (file.display().to_string(), fs::read_to_string(file).unwrap())).collect();
    let sandbox = Sandbox::new(&ffmpeg());
    let help = sandbox.run(["--help"]).expect(0).text();
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    for command in commands.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        texts.push((format!("{command} --help"), sandbox.run([command, "--help"]).expect(0).text()));
    }
    texts.push(("--help".to_owned(), help));
    assert!(texts.len() > 20, "{}", texts.len());
    for (name, text) in &texts {
        let found = text.lines().zip(1..).filter(|(line, _)| !private_words(line).is_empty());
        let found: Vec<String> = found.map(|(line, number)| format!("{name}:{number}: {line}")).collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// Users read strings of the source, and the names of fields in the log. Columns of the journal keep their names.
#[test]
fn strings_and_fields_of_the_log_have_no_private_words() {
    // A string is the one group that took part; comments and characters are matched so that no quote in them begins one.
    let string = r##"(?s)//[^\n]*|'(?:\\.[^']*|[^'\\\n])'|r#"(.*?)"#|\br"([^"]*)"|"((?:\\.|[^"\\])*)""##;
    let string = Regex::new(string).unwrap();
    let event = Regex::new(r"(?s)tracing::[a-z]+!\(.*?\)[;,]\n").unwrap();
    let field = Regex::new(r"([a-z_]+) = |[(\s][%?]?([a-z_]+),").unwrap();
    let column = Regex::new(r"^(?:\S*$|SELECT |UPDATE |INSERT |DELETE )").unwrap();
    let (mut read, mut found) = (0, Vec::new());
    for (inner, code) in sources() {
        let is_journal = inner.starts_with("journal") || inner == Path::new("journal.rs");
        let strings = string.captures_iter(&code).filter_map(|found| found.iter().skip(1).flatten().next());
        for string in strings.inspect(|_| read += 1).filter(|string| !(is_journal && column.is_match(string.as_str())))
        {
            // The letter of an escape does not belong to the word after it.
            if !private_words(&string.as_str().replace("\\n", " ")).is_empty() {
                found.push(format!("{}: {}", inner.display(), string.as_str()));
            }
        }
        for event in event.find_iter(&code) {
            let names = field.captures_iter(event.as_str()).filter_map(|found| found.iter().skip(1).flatten().next());
            if names.into_iter().any(|name| !private_words(name.as_str()).is_empty()) {
                found.push(format!("{}: {}", inner.display(), event.as_str()));
            }
        }
    }
    assert!(read > 2000, "{read} strings");
    assert!(found.is_empty(), "{}", found.join("\n"));
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
