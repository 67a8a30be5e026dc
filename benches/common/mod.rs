//! What the benchmarks share: frames to work on, processes to measure, and medians.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

pub(crate) mod against;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program under test, built with optimisation by `cargo bench`.
pub(crate) const REELD: &str = env!("CARGO_BIN_EXE_reeld");

/// A command in an environment of its own: nothing of the person's config or journal is touched.
pub(crate) fn reeld(home: &Path) -> Command {
    let mut command = Command::new(REELD);
    command.env("HOME", home).env("XDG_STATE_HOME", home.join("state")).env("XDG_RUNTIME_DIR", home.join("run"));
    command.env_remove("STATE_DIRECTORY").env_remove("RUNTIME_DIRECTORY").env_remove("REELD_CONFIG");
    command
}

/// A number from the environment, for shorter or longer runs.
pub(crate) fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A number from a file of `NAME: NUMBER kB` lines, as proc(5) has them.
pub(crate) fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The middle value.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A folder that goes when the benchmark ends.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("reeld-bench-").tempdir().expect("a temporary folder")
}

/// Placeholder frames, written by reeld itself: `frame_00001.png` and on.
pub(crate) fn make_frames(home: &Path, count: u32) -> PathBuf {
    let dir = home.join("placeholders");
    let count = count.to_string();
    let mut command = reeld(home);
    command.args(["make-frames", "--digits", "5", "--count", &count]).arg(&dir);
    assert!(command.stderr(Stdio::null()).status().expect("starts").success(), "{command:?} failed");
    dir
}
