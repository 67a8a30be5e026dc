//! `reeld check`: what is right and wrong on this machine.

use std::ffi::OsStr;

use crate::support::{Fake, Fault, Outcome, Sandbox, ffmpeg, with_each_ffmpeg};

fn check(sandbox: &Sandbox, keys: &str) -> Outcome {
    let config = sandbox.config(keys);
    sandbox.run([OsStr::new("check"), OsStr::new("--config"), config.as_os_str()])
}

/// Standard output and standard error: which of them a finding is on is not the point here.
fn all(outcome: &Outcome) -> String {
    format!("{}{}", outcome.text(), outcome.stderr)
}

#[test]
fn a_good_machine_passes() {
    with_each_ffmpeg(|sandbox| {
        let outcome = check(sandbox, "").expect(0);
        let text = all(&outcome);
        assert!(text.contains(sandbox.root().to_str().unwrap()), "{text}");
        assert!(text.contains("h264"), "{text}");
    });
}

#[test]
fn the_place_of_chunks_is_told() {
    let sandbox = Sandbox::new(&ffmpeg());
    let text = all(&sandbox.check_without_ffmpeg(&sandbox.config("")));
    assert!(text.contains("1 thing is wrong"), "{text}");
    let chunks = sandbox.state().join("chunks");
    assert!(text.contains(&format!("ok     {}: writable (for chunks", sandbox.state().display())), "{text}");
    assert!(text.contains(&format!("in {})\n", chunks.display())), "{text}");
    assert!(text.contains(&format!("ok     {}: ", chunks.display())) && text.contains(" free\n"), "{text}");
}

/// An FFmpeg that may not write where the videos go, as one in a sandbox of its own (snap, flatpak), is no good.
#[test]
fn the_encoder_is_tried_where_the_daemon_encodes() {
    let sandbox = Sandbox::new(&ffmpeg());
    let output = sandbox.folder("videos");
    let text = all(&check(&sandbox, &format!("output_dir = \"{}\"", output.display())).expect(0));
    // The folder of the chunks is made with the first of them.
    let state = sandbox.state();
    for place in [&*output, state.parent().unwrap()] {
        assert!(text.contains(&format!("preset h264: encodes in {}\n", place.display())), "{text}");
        let left: Vec<_> = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_str().unwrap().starts_with(".reeld-check")), "{left:?}");
    }
}

#[test]
fn a_place_of_chunks_that_is_read_only_fails() {
    let sandbox = Sandbox::new(&ffmpeg());
    // Not even root may write there.
    let watch = format!("[[watch]]\npath = \"{}\"\n", sandbox.root().display());
    let config = sandbox.config_text(&format!("[encoder]\nchunk_dir = \"/proc/reeld\"\n{watch}"));
    let text = all(&sandbox.check_without_ffmpeg(&config));
    assert!(text.contains("WRONG  /proc: not writable (for chunks of unfinished videos, in /proc/reeld)"), "{text}");
    assert!(text.contains("hint: let the user that reeld runs as write there"), "{text}");
}

#[test]
fn a_missing_ffmpeg_fails() {
    let sandbox = Sandbox::new(&ffmpeg());
    sandbox.remove_ffmpeg();
    let outcome = check(&sandbox, "").expect(1);
    assert!(all(&outcome).to_lowercase().contains("hint:"), "{}", all(&outcome));
}

#[test]
fn a_missing_encoder_of_the_config_fails() {
    let sandbox = Sandbox::new(&ffmpeg());
    sandbox.install(&Fake::new(&sandbox, Fault::MissingEncoder));
    let outcome = check(&sandbox, "preset = \"h264\"").expect(1);
    assert!(all(&outcome).contains("libx264"), "{}", all(&outcome));
}

#[test]
fn a_missing_root_is_told() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config_text("[[watch]]\npath = \"/nonexistent/renders\"\n");
    let outcome = sandbox.check_without_ffmpeg(&config);
    assert!(all(&outcome).contains("WRONG  /nonexistent/renders"), "{}", all(&outcome));
}

#[test]
fn a_bad_config_is_told_with_its_place() {
    let sandbox = Sandbox::new(&ffmpeg());
    let outcome = sandbox.check_without_ffmpeg(&sandbox.config("idle_timout = \"30s\""));
    let text = all(&outcome);
    assert!(text.contains("WRONG  config: "), "{text}");
    // The file, the line, the wrong key and the one that was meant.
    for part in ["reeld.toml", "3", "idle_timout", "idle_timeout"] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

/// What only FFmpeg knows shows when a few frames are encoded by the very settings of each root.
#[test]
fn the_settings_of_each_root_are_tried() {
    let sandbox = Sandbox::new(&ffmpeg());
    let other = sandbox.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let root = |path: &std::path::Path, keys: &str| format!("[[watch]]\npath = \"{}\"\n{keys}\n", path.display());
    let good = root(&sandbox.root(), "speed = \"veryfast\"\nquality = 30\nframerate = 25");
    for (keys, says) in [
        ("encoder_args = [\"-preset\", \"nope\"]", "with preset h264 [\"-preset\", \"nope\"]: "),
        ("encoder_args = [\"-bogus\", \"1\"]", "with preset h264 [\"-bogus\", \"1\"]: "),
        ("preset = \"own\"", "with preset own [libnope yuv420p mp4 []]: "),
    ] {
        let own = "[presets.own]\nencoder = \"libnope\"\n";
        let config = sandbox.config_text(&format!("{own}{good}{}", root(&other, keys)));
        let outcome = sandbox.run([OsStr::new("check"), OsStr::new("--config"), config.as_os_str()]).expect(1);
        let text = all(&outcome);
        assert!(text.contains(&format!("WRONG  {}: no video can be made {says}", other.display())), "{text}");
        assert!(text.contains("1 thing is wrong") && text.contains("hint: "), "{text}");
        let tried = format!(
            "ok     preset h264 crf 30 veryfast at 25 frames per second: encodes in {}",
            sandbox.root().display()
        );
        assert!(text.contains(&tried), "{text}");
    }
}

/// What no FFmpeg can do is refused when the config is read, by the daemon too.
#[test]
fn a_config_that_can_never_make_a_video_is_refused() {
    let sandbox = Sandbox::new(&ffmpeg());
    for (keys, place) in [
        ("speed = \"fastest\"", "3:9"),
        ("preset = \"gif\"\nframerate = 60", "4:13"),
        ("preset = \"gif\"\nquality = 20", "4:11"),
    ] {
        let config = sandbox.config(keys);
        let outcome = sandbox.run([OsStr::new("run"), OsStr::new("--config"), config.as_os_str()]).expect(2);
        outcome.says(&format!("reeld.toml:{place}: "));
    }
    let text = all(&sandbox.check_without_ffmpeg(&sandbox.config("speed = \"fastest\"")));
    assert!(text.contains(&format!("WRONG  config: {}:3:9: ", sandbox.path().join("reeld.toml").display())), "{text}");
}
