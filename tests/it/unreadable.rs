//! Frames that can never be read: said once, at once, with the reason, and everything else goes on.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;

use crate::support::video::assert_shows;
use crate::support::{Daemon, Frames, Sandbox, ffmpeg};

/// Only what a test says ends a sequence.
const PATIENT: &str = "idle_timeout = \"1h\"";

/// The head of a Photoshop document, and enough behind it.
fn psd() -> Vec<u8> {
    [b"8BPS".as_slice(), &[7; 4000]].concat()
}

fn warnings(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("WARN")).collect()
}

#[test]
fn a_frame_in_a_foreign_format_is_left_out_at_once() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(&format!("{PATIENT}\ncleanup = \"delete\"")));
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, [1, 2, 4, 7]);
    for number in [3, 5] {
        fs::write(frames.path(&shot, number), psd()).unwrap();
    }
    fs::write(shot.join(".done"), "").unwrap();
    let begun = std::time::Instant::now();
    daemon.wait_for_file(&shot.join("frame.mp4"));
    // A torn file is waited for 30 s. A busy machine needs some of that for the encode.
    assert!(begun.elapsed() < std::time::Duration::from_secs(25), "{:?}", begun.elapsed());
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, [1, 2, 4, 7]);
    let line = daemon.wait_for_line("the warning", |line| line.contains("2 of 6 files"));
    for part in ["WARN", "frame_0003.png and 1 more", "Photoshop", "hint"] {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
    let listed = sandbox.run(["list"]).expect(0).text();
    assert!(listed.contains("frames 3, 5 cannot be read: unsupported image: a Photoshop document"), "{listed}");
    assert!(listed.contains("missing: 6\n"), "only the number that no file has is missing: {listed}");
    assert!([1, 2, 3, 4, 5, 7].iter().all(|number| frames.path(&shot, *number).exists()), "an anomaly keeps them");
}

#[test]
fn a_flood_of_them_is_one_warning() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"1s\""));
    let shot = sandbox.folder("shot");
    for number in 1..=150 {
        fs::write(Frames::new("frame_####.exr").path(&shot, number), psd()).unwrap();
    }
    daemon.wait_for_line("the warning", |line| line.contains("WARN") && line.contains("frame_0001.exr and 149 more"));
    // The next sequence, which is long enough to be surely a film, shows that nothing more is said of the first.
    let good = sandbox.folder("good");
    Frames::new("frame_####.png").write(&good, 1..=9);
    daemon.wait_for_file(&good.join("frame.mp4"));
    assert_eq!(warnings(&daemon.log()).len(), 1, "{}", daemon.log());
}

#[test]
fn formats_that_are_known_by_their_names_are_said_once_a_folder() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    for number in 1..=40 {
        fs::write(shot.join(format!("reel_{number:04}.psd")), psd()).unwrap();
    }
    fs::write(shot.join("IMG_0001.CR2"), psd()).unwrap();
    fs::write(shot.join("film_2.gif"), "GIF89a").unwrap();
    symlink(sandbox.path().join("elsewhere"), shot.join("frame_0001.png")).unwrap();
    symlink(sandbox.path().join("elsewhere"), shot.join("folder")).unwrap();
    let mut daemon = Daemon::start(&sandbox, &sandbox.config(PATIENT));
    for number in 41..=60 {
        fs::write(shot.join(format!("reel_{number:04}.psd")), psd()).unwrap();
    }
    Frames::new("frame_####.png").write(&shot, 2..=4);
    fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 2..=4);
    let log = daemon.log();
    let said = warnings(&log);
    assert_eq!(said.len(), 3, "{log}");
    for (what, count) in [("Photoshop", "count=40"), ("camera RAW", "count=1"), ("links are not followed", "count=2")] {
        assert!(
            said.iter().any(|line| line.contains(what) && line.contains(count) && line.contains("hint")),
            "{what}: {log}"
        );
    }

    let scan = sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str()]).expect(0);
    let text = scan.text();
    for part in [
        "reel_0001.psd and 59 more  left alone",
        "Photoshop",
        "IMG_0001.CR2",
        "camera RAW",
        "GIF",
        "frame_####.png  2-4",
    ] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    assert!(scan.stderr.contains("2 links are not followed and not counted"), "{}", scan.stderr);
    for path in [shot.join("reel_0001.psd"), shot.join("reel_####.psd")] {
        let outcome = sandbox.run([OsStr::new("encode"), path.as_os_str()]);
        assert_ne!(outcome.code, Some(0));
        outcome.says("reel_");
    }
    let only = sandbox.folder("only");
    fs::write(only.join("a_1.avif"), psd()).unwrap();
    let outcome = sandbox.run([OsStr::new("encode"), only.as_os_str()]);
    outcome.expect(1).says("AVIF").says("save as PNG");
}
