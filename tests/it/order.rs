//! Order of time against order of number.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::video::assert_shows;
use crate::support::{Daemon, Frames, Sandbox, ffmpeg};

const DELETED: &str = "idle_timeout = \"2s\"\ncleanup = \"delete\"";

/// Gives the files of these frames times a second apart, in this order.
fn written_in_order(frames: &Frames, dir: &Path, numbers: impl IntoIterator<Item = u32>) {
    let start = SystemTime::now() - Duration::from_secs(100_000);
    for (second, number) in (0..).zip(numbers) {
        let file = fs::File::options().write(true).open(frames.path(dir, number)).unwrap();
        file.set_modified(start + Duration::from_secs(second)).unwrap();
    }
}

fn are_there(frames: &Frames, dir: &Path, numbers: impl IntoIterator<Item = u32>) -> bool {
    numbers.into_iter().all(|number| frames.path(dir, number).exists())
}

#[test]
fn the_daemon_keeps_two_runs_apart_and_their_frames() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("cleanup = \"delete\"\nidle_timeout = \"1h\""));
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png").renamed();
    frames.write(&shot, 1..=30);
    daemon.wait_for_open_frames(30);
    let second = frames.clone().version(1);
    second.write(&shot, 1..=12);
    daemon.wait_for_line("it says so", |line| line.contains("was written over while its sequence is open"));
    fs::write(shot.join(".done"), "").unwrap();
    let mut shown: Vec<Vec<u32>> = daemon
        .wait_for_videos(&sandbox, 2)
        .iter()
        .map(|video| crate::support::video::numbers(video, &sandbox.ffmpeg))
        .collect();
    shown.sort();
    assert_eq!(shown, [(13..=30).collect::<Vec<_>>(), (1..=12).map(|number| second.shown(number)).collect()]);
    for _ in 0..2 {
        daemon.wait_for_line("and why the frames stay", |line| {
            line.contains("the frames are kept: written over while the sequence was open: 1-12")
        });
    }
    assert!(are_there(&frames, &shot, 1..=30));
}

#[test]
fn frames_of_two_runs_are_kept_by_encode_too() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=30);
    written_in_order(&frames, &shot, (13..=30).chain(1..=12));
    let outcome = sandbox.run([OsStr::new("encode"), shot.as_os_str(), OsStr::new("--cleanup"), OsStr::new("delete")]);
    let outcome = outcome.expect(0);
    let said = "warning: frame_####.png: frames 1-12 are newer than frames 13-30, which come after them";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("order = \"time\""), "{}", outcome.stderr);
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=30);
    assert!(are_there(&frames, &shot, 1..=30));
}

#[test]
fn frames_of_a_farm_are_cleaned_up() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(DELETED));
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    // Three workers with chunks of five, the chunks in no order.
    let chunks = [[16, 1, 26], [6, 21, 11]]
        .into_iter()
        .flat_map(|starts| (0..5).flat_map(move |place| starts.into_iter().map(move |start| start + place)));
    frames.write(&shot, chunks);
    for number in 1..=30 {
        daemon.wait_for_absence(&frames.path(&shot, number));
    }
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=30);
}

#[test]
fn order_of_time_goes_on_after_a_wrap() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{DELETED}\norder = \"time\"")));
    let (shot, command) = (sandbox.folder("shot"), sandbox.path().join("command"));
    let frames = Frames::new("IMG_####.jpg");
    let order = || (9996..=9999).chain(1..=4);
    frames.write(&shot, 9996..=9999);
    // No clock is so coarse that the rest is written in the same moment.
    daemon.wait_for_open_frames(4);
    frames.write(&shot, 1..=4);
    // Silence would ask whether it is a film, and the pause that this test makes speaks against that.
    fs::write(shot.join(".done"), "").unwrap();
    for number in order() {
        daemon.wait_for_absence(&frames.path(&shot, number));
    }
    assert_shows(&shot.join("IMG.mp4"), &sandbox.ffmpeg, order());

    fs::create_dir(&command).unwrap();
    frames.write(&command, 1..=4);
    frames.write(&command, 9996..=9999);
    written_in_order(&frames, &command, order());
    let pattern = command.join("IMG_####.jpg");
    // Whoever gives a pattern says what the number is; else the times of the files tell that the counter came round.
    let cases = [
        (&command, [].as_slice(), order(), false),
        (&pattern, &[], (1..=4).chain(9996..=9999), true),
        (&pattern, &["--order", "time"], order(), false),
    ];
    for (path, extra, expected, warns) in cases {
        let mut line = vec![OsStr::new("encode"), path.as_os_str()];
        line.extend(extra.iter().map(OsStr::new));
        let outcome = sandbox.run(line).expect(0);
        assert_eq!(outcome.stderr.contains("are newer than"), warns, "{path:?} {extra:?}: {}", outcome.stderr);
        assert_shows(&outcome.paths()[0], &sandbox.ffmpeg, expected);
    }
}
