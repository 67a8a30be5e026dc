//! How long the journal remembers: `keep_history`.

use std::ffi::OsStr;
use std::fs;

use crate::support::{Daemon, Frames, Sandbox, ffmpeg, toml_string};

#[test]
fn a_batch_whose_frames_are_gone_is_forgotten_once_the_config_says_so() {
    let sandbox = Sandbox::new(&ffmpeg());
    let watch =
        format!("[[watch]]\npath = {}\nidle_timeout = \"1h\"\ncleanup = \"delete\"\n", toml_string(&sandbox.root()));
    let file = sandbox.config_text(&watch);
    let mut daemon = Daemon::start(&sandbox, &file);
    let is_listed = |name: &str, state: &str| {
        let listed = sandbox.run(["list", "--json"]).expect(0).text();
        let (dir, state) =
            (format!("\"dir\":{}", toml_string(&sandbox.folder(name))), format!("\"state\":\"{state}\""));
        listed.lines().any(|line| line.contains(&dir) && line.contains(&state))
    };
    let make = |daemon: &mut Daemon, name: &str| {
        let folder = sandbox.folder(name);
        Frames::new("frame_####.png").write(&folder, 1..=4);
        fs::write(folder.join(".done"), "").unwrap();
        daemon.wait_for_file(&folder.join("frame.mp4"));
    };
    make(&mut daemon, "one");
    daemon.wait("its frames are dealt with", |_| is_listed("one", "cleaned").then_some(()));

    sandbox.config_text(&format!("keep_history = \"1ms\"\n{watch}"));
    sandbox.run([OsStr::new("reload"), OsStr::new("--config"), file.as_os_str()]).expect(0);
    make(&mut daemon, "two");
    daemon.wait("it is forgotten", |_| (!is_listed("one", "cleaned")).then_some(()));
    assert!(sandbox.folder("one").join("frame.mp4").exists());
    assert!(daemon.stop().success());
}
