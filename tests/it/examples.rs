//! The configs that the README and `config/examples` show run.

use std::fs;
use std::path::Path;

use crate::support::{Daemon, Sandbox, ffmpeg};

/// Starts a daemon on `text` and stops it again. Its absolute paths are taken from the sandbox, so that nothing of the
/// tester's own is watched.
fn run(text: &str, name: &str) {
    println!("{name}:\n{text}");
    let sandbox = Sandbox::new(&ffmpeg());
    let mut text = text.replace("\"/", &format!("\"{}/", sandbox.path().display()));
    if !text.contains("[[watch]]") {
        text.push_str("\n[[watch]]\npath = \"~/frames\"\n");
    }
    let daemon = Daemon::start(&sandbox, &sandbox.config_text(&text));
    assert_eq!(daemon.stop().code(), Some(0), "{name}");
}

#[test]
fn of_the_readme() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let blocks: Vec<_> = readme.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 4);
    for block in blocks {
        run(block, "README.md");
    }
}

#[test]
fn of_the_examples_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples");
    let mut examples: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    examples.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert!(examples.len() >= 3, "ComfyUI, Blender and a time-lapse camera");
    for example in examples {
        run(&fs::read_to_string(&example).unwrap(), &example.display().to_string());
    }
}
