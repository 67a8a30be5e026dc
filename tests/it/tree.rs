//! Folders that follow each other: `group = "tree"`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::support::video::{assert_shows, numbers};
use crate::support::{Daemon, Frames, Sandbox, ffmpeg};

/// Writes the frames `numbers` under the names that `name` gives them.
fn write(dir: &Path, numbers: impl IntoIterator<Item = u32>, name: impl Fn(u32) -> String) -> Vec<PathBuf> {
    let frames = Frames::new("x####.jpg");
    let mut paths = Vec::new();
    for number in numbers {
        let path = dir.join(name(number));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, frames.bytes(number)).unwrap();
        fs::rename(&temporary, &path).unwrap();
        paths.push(path);
    }
    paths
}

/// As motionEye calls its pictures: a folder a day, the time of day in the name. Ten pictures a day.
fn at_noon(number: u32) -> String {
    format!("2025-03-{:02}/12-{:02}-00.jpg", 1 + number / 10, number % 10)
}

/// A counter that begins again in each folder of five.
fn counted(number: u32) -> String {
    format!("{}MEDIA/IMG_{:04}.jpg", 99 + number / 5, 1 + number % 5)
}

fn done(sandbox: &Sandbox, dir: &Path) {
    let config = sandbox.path().join("reeld.toml");
    let arguments = [OsStr::new("done"), dir.as_os_str(), OsStr::new("--config"), config.as_os_str()];
    sandbox.run(arguments).expect(0);
}

#[test]
fn days_become_one_film_that_silence_ends_and_all_its_frames_go() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("group = \"tree\"\nidle_timeout = \"3s\"\ncleanup = \"delete\"");
    let mut daemon = Daemon::start(&sandbox, &config);
    let camera = sandbox.folder("front");
    let first = write(&camera, 0..10, at_noon);
    daemon.wait_for_open_frames(10);
    let second = write(&camera, 10..20, at_noon);
    let video = camera.join("front.mp4");
    daemon.wait_for_file(&video);
    assert_shows(&video, &sandbox.ffmpeg, 0..20);
    for path in first.iter().chain(&second) {
        daemon.wait_for_absence(path);
    }
    assert!(camera.join("2025-03-01").is_dir() && camera.join("2025-03-02").is_dir(), "the folders stay");
    assert_eq!(sandbox.videos(), [video]);
    assert!(sandbox.leftovers().is_empty());
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn frames_are_encoded_while_they_come_from_folder_to_folder() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("group = \"tree\"\nidle_timeout = \"1h\"");
    let text = fs::read_to_string(&config).unwrap();
    sandbox.config_text(&format!("[encoder]\nchunk_length = 24\n{text}"));
    let mut daemon = Daemon::start(&sandbox, &config);
    let camera = sandbox.folder("front");
    write(&camera, 0..30, at_noon);
    daemon.wait_for_open_frames(30);
    write(&camera, 30..60, at_noon);
    daemon.wait_for_open_frames(60);
    daemon.wait_for_line("a chunk is made before the end", |line| line.contains("encoded ahead"));
    fs::write(camera.join("2025-03-06/.done"), "").unwrap();
    let video = camera.join("front.mp4");
    daemon.wait_for_file(&video);
    assert_shows(&video, &sandbox.ffmpeg, 0..60);
    let line = daemon.wait_for_line("it says how much was ahead", |line| line.contains(" ahead="));
    let ahead = line.split(" ahead=").nth(1).unwrap().split(' ').next().unwrap();
    assert!(ahead.parse::<u32>().unwrap() >= 24, "{line}");
}

#[test]
fn a_marker_of_an_earlier_folder_does_not_end_what_went_on_and_done_of_any_folder_does() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("group = \"tree\"\nidle_timeout = \"1h\"");
    let mut daemon = Daemon::start(&sandbox, &config);
    let card = sandbox.folder("DCIM");
    write(&card, 5..15, counted);
    daemon.wait_for_open_frames(10);
    fs::write(card.join("100MEDIA/.done"), "").unwrap();
    write(&card, 15..20, counted);
    daemon.wait_for_open_frames(15);
    assert!(sandbox.videos().is_empty());
    done(&sandbox, &card.join("101MEDIA"));
    let video = daemon.wait_for_videos(&sandbox, 1).remove(0);
    assert_eq!(video, card.join("MEDIA_IMG.mp4"));
    assert_shows(&video, &sandbox.ffmpeg, 5..20);
}

#[test]
fn a_restart_knows_what_is_made_and_makes_the_next_days_alone() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("group = \"tree\"\nidle_timeout = \"1h\"");
    let mut daemon = Daemon::start(&sandbox, &config);
    let camera = sandbox.folder("front");
    write(&camera, 0..20, at_noon);
    daemon.wait_for_open_frames(20);
    done(&sandbox, &camera);
    daemon.wait_for_videos(&sandbox, 1);
    daemon.kill_9();
    write(&camera, 20..30, at_noon);
    let mut daemon = Daemon::start(&sandbox, &config);
    daemon.wait_for_open_frames(10);
    done(&sandbox, &camera);
    let mut shown: Vec<Vec<u32>> =
        daemon.wait_for_videos(&sandbox, 2).iter().map(|video| numbers(video, &sandbox.ffmpeg)).collect();
    shown.sort();
    assert_eq!(shown, [(0..20).collect::<Vec<_>>(), (20..30).collect()]);
}

#[test]
fn what_was_made_folder_by_folder_is_not_made_again_as_a_tree_nor_the_other_way() {
    let sandbox = Sandbox::new(&ffmpeg());
    let alone = "idle_timeout = \"1h\"";
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(alone));
    let camera = sandbox.folder("front");
    write(&camera, 0..10, at_noon);
    daemon.wait_for_open_frames(10);
    fs::write(camera.join("2025-03-01/.done"), "").unwrap();
    daemon.wait_for_file(&camera.join("2025-03-01/2025-03-01.mp4"));
    assert_eq!(daemon.stop().code(), Some(0));
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{alone}\ngroup = \"tree\"")));
    write(&camera, 10..20, at_noon);
    daemon.wait_for_open_frames(10);
    done(&sandbox, &camera);
    daemon.wait_for_file(&camera.join("front.mp4"));
    assert_shows(&camera.join("front.mp4"), &sandbox.ffmpeg, 10..20);
    sandbox.config(alone);
    daemon.signal(Signal::HUP);
    daemon.wait_for_line("the new config is in force", |line| line.contains("config reloaded"));
    write(&camera, 20..25, at_noon);
    daemon.wait_for_open_frames(5);
    for day in ["2025-03-01", "2025-03-02", "2025-03-03"] {
        done(&sandbox, &camera.join(day));
    }
    daemon.wait_for_file(&camera.join("2025-03-03/2025-03-03.mp4"));
    assert_eq!(sandbox.videos().len(), 3, "{:?}", sandbox.videos());
}

#[test]
fn encode_makes_one_film_of_a_tree_and_archives_it_folder_by_folder() {
    let sandbox = Sandbox::new(&ffmpeg());
    let card = sandbox.folder("DCIM");
    let paths = write(&card, 5..20, counted);
    let run = |more: &[&str]| {
        let arguments = [OsStr::new("encode"), card.as_os_str(), OsStr::new("--group"), OsStr::new("tree")];
        sandbox.run(arguments.into_iter().chain(more.iter().map(OsStr::new))).expect(0)
    };
    let made = run(&[]);
    assert_eq!(made.paths(), [card.join("MEDIA_IMG.mp4")]);
    assert_shows(&card.join("MEDIA_IMG.mp4"), &sandbox.ffmpeg, 5..20);
    assert!(run(&[]).says("in a video already").paths().len() == 1);
    assert!(paths.iter().all(|path| path.exists()));
    let cleaned = run(&["--cleanup", "archive"]);
    assert_shows(&cleaned.paths()[0], &sandbox.ffmpeg, 5..20);
    assert!(paths.iter().all(|path| !path.exists()));
    for folder in ["100MEDIA", "101MEDIA", "102MEDIA"] {
        let archive_dir = card.join(folder).join(".reeld-done").join(cleaned.paths()[0].file_name().unwrap());
        assert_eq!(fs::read_dir(archive_dir).unwrap().count(), 5);
    }
}

#[test]
fn folders_are_apart_unless_somebody_says_so_or_their_times_go_on() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shots = sandbox.folder("shots");
    write(&shots, 5..15, counted);
    let out = sandbox.path().join("out");
    let encode = |paths: &[PathBuf], more: &[&str]| {
        let mut arguments = vec![OsStr::new("encode")];
        arguments.extend(paths.iter().map(|path| path.as_os_str()));
        arguments.extend([OsStr::new("--output-dir"), out.as_os_str()]);
        arguments.extend(more.iter().map(OsStr::new));
        let mut shown: Vec<Vec<u32>> =
            sandbox.run(arguments).expect(0).paths().iter().map(|video| numbers(video, &sandbox.ffmpeg)).collect();
        shown.sort();
        shown
    };
    let apart = [(5..10).collect::<Vec<u32>>(), (10..15).collect()];
    assert_eq!(encode(std::slice::from_ref(&shots), &[]), apart);
    assert_eq!(encode(&[shots.join("100MEDIA"), shots.join("101MEDIA")], &[]), apart);
    assert_eq!(
        encode(&[shots.join("101MEDIA"), shots.join("100MEDIA")], &["--group", "tree"]),
        [(5..15).collect::<Vec<_>>()]
    );
    let days = sandbox.folder("days");
    write(&days, 0..8, |number| {
        format!("2021-04-{:02}/202104{:02}1{}0000.jpg", 27 + number / 4, 27 + number / 4, number % 4)
    });
    let both = [days.join("2021-04-28"), days.join("2021-04-27")];
    assert_eq!(encode(&both, &[]), [(0..8).collect::<Vec<_>>()]);
    assert_eq!(encode(&both, &["--group", "folder"]), [(0..4).collect::<Vec<_>>(), (4..8).collect()]);
}

#[test]
fn scan_lists_a_tree_as_one_sequence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let card = sandbox.folder("DCIM");
    write(&card, 5..15, counted);
    let scan = |group: &str| {
        let arguments = [OsStr::new("scan"), card.as_os_str(), OsStr::new("--group"), OsStr::new(group)];
        sandbox.run(arguments).expect(0).text()
    };
    let tree = scan("tree");
    assert!(tree.contains("#MEDIA/IMG_####.jpg  100/1 to 101/5  10 frames"), "{tree}");
    assert!(scan("folder").contains("100MEDIA/IMG_####.jpg  1-5  5 frames"));
}
