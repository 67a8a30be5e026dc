//! `reeld encode` and `reeld scan` under a config: its presets, its FFmpeg, its state directory and its limits hold for them
//! too, and what can never be made is refused before anything is done.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::video::{assert_shows, describe};
use crate::support::{Fake, Fault, Frames, Sandbox, ffmpeg, toml_string};

/// A config beside the frames, with these lines.
fn config(sandbox: &Sandbox, lines: &str) -> String {
    let root = sandbox.path().join("watched");
    fs::create_dir_all(&root).unwrap();
    let text = format!("{lines}\n[[watch]]\npath = {}\n", toml_string(&root));
    sandbox.config_text(&text).to_str().unwrap().to_owned()
}

#[test]
fn the_presets_the_ffmpeg_and_the_state_directory_of_a_config_hold_for_encode() {
    let sandbox = Sandbox::new(&ffmpeg());
    Frames::new("frame_####.png").write(&sandbox.root(), 1..=8);
    let fake = Fake::new(&sandbox, Fault::FloodStderr);
    // The one on the PATH is not to be used.
    sandbox.remove_ffmpeg();
    let state = sandbox.path().join("elsewhere");
    let config = config(
        &sandbox,
        &format!(
            "state_dir = {}\n[encoder]\nffmpeg = {}\n[presets.review]\nencoder = \"mpeg4\"\ncontainer = \"mkv\"\n\
             args = [\"-q:v\", \"3\"]",
            toml_string(&state),
            toml_string(&fake.program())
        ),
    );
    sandbox.encode(&["--config", &config, "--preset", "review"]).expect(0);
    let video = sandbox.root().join("frame.mkv");
    assert_eq!(fake.encodes(), 1);
    assert_shows(&video, &sandbox.ffmpeg, 1..=8);
    assert!(describe(&video, &sandbox.ffmpeg).contains("mpeg4"));
    assert!(state.join("journal.db").exists());
    assert!(!sandbox.state().join("journal.db").exists());
    let listed = sandbox.run(["list", "--config", &config]).expect(0).text();
    assert!(listed.contains("review") && listed.contains("frame.mkv"), "{listed}");
}

#[test]
fn the_config_that_is_found_holds_as_one_that_is_named() {
    let sandbox = Sandbox::new(&ffmpeg());
    Frames::new("frame_####.png").write(&sandbox.root(), 1..=4);
    let file =
        config(&sandbox, "[presets.small]\nencoder = \"libx264\"\nargs = [\"-crf\", \"40\"]\n[limits]\npixels = 100");
    let place = sandbox.path().join("home/.config/reeld");
    fs::create_dir_all(&place).unwrap();
    fs::rename(file, place.join("reeld.toml")).unwrap();
    let scanned = sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str()]).expect(0).text();
    assert!(scanned.contains("`pixels` under [limits] allows 100"), "{scanned}");
    let refused = sandbox.encode(&["--preset", "small"]).expect(1);
    assert!(refused.stderr.contains("`pixels` under [limits] allows 100"), "{}", refused.stderr);
}

#[test]
fn what_can_never_be_made_is_refused_before_anything_is_done() {
    let sandbox = Sandbox::new(&ffmpeg());
    Frames::new("frame_####.png").write(&sandbox.root(), 1..=4);
    let wrong = sandbox.path().join("wrong.toml");
    fs::write(&wrong, "[encoder]\njobs = 0\n").unwrap();
    let (below, link) = (wrong.join("below"), sandbox.path().join("link"));
    symlink(sandbox.path().join("nowhere"), &link).unwrap();
    let [wrong, below, link] = [&wrong, &below, &link].map(|path| path.to_str().unwrap());
    for (arguments, says) in [
        (&["--preset", "gif", "--framerate", "60"][..], "a GIF has at most 50"),
        (&["--preset", "gif", "--framerate-factor", "4"], "a GIF has at most 50"),
        (&["--speed", "fastest"], "no speed `fastest`"),
        (&["--quality", "52"], "allowed: 0 (best) to 51"),
        (&["--preset", "gif", "--quality", "20"], "no quality"),
        (&["--preset", "prores", "--speed", "fast"], "no speed `fast`"),
        (&["--preset", "review"], "unknown preset `review`"),
        (&["--preset", "h246"], "did you mean `h264`?"),
        (&["--quality", "HIHG"], "did you mean `HIGH`?"),
        (&["--framerate", "0"], "hint:"),
        (&["--output-dir", wrong], "wrong.toml is not a folder"),
        (&["--output-dir", below], "wrong.toml is not a folder"),
        (&["--output-dir", link], "link is a link that leads nowhere"),
        (&["--config", wrong], "jobs"),
        (&["--config", "nowhere.toml"], "nowhere.toml"),
    ] {
        let outcome = sandbox.encode(arguments).expect(2);
        assert!(outcome.stderr.contains(says), "{arguments:?}: {}", outcome.stderr);
        assert!(!sandbox.state().exists(), "{arguments:?} left something in {}", sandbox.state().display());
        assert!(sandbox.videos().is_empty());
    }
    let scanned =
        sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str(), OsStr::new("--config"), OsStr::new(wrong)]);
    assert!(scanned.expect(2).stderr.contains("jobs"));
    assert!(!Path::new(&sandbox.state()).exists());
}
