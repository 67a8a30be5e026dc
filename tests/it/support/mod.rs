//! What the black-box tests stand on.

pub(crate) mod daemon;
pub(crate) mod fake;
pub(crate) mod frames;
pub(crate) mod live;
pub(crate) mod random;
pub(crate) mod recorder;
pub(crate) mod sandbox;
pub(crate) mod video;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use daemon::Daemon;
pub(crate) use fake::{Fake, Fault};
pub(crate) use frames::{Frames, Pace};
pub(crate) use live::Live;
pub(crate) use random::Random;
pub(crate) use recorder::Twist;
pub(crate) use sandbox::{Outcome, Sandbox};

/// How long a test waits for something that must come. Reached only by a failing test.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// Every FFmpeg to test with: those of `REELD_TEST_FFMPEGS`, a colon-separated list, else the one on `PATH`.
pub(crate) fn ffmpegs() -> Vec<PathBuf> {
    let listed = std::env::var_os("REELD_TEST_FFMPEGS").unwrap_or_default();
    let mut found: Vec<PathBuf> = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
    if found.is_empty() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        found.extend(std::env::split_paths(&path).map(|dir| dir.join("ffmpeg")).find(|path| path.is_file()));
    }
    assert!(!found.is_empty(), "no FFmpeg: run scripts/setup (or the tests through scripts/test), which installs one");
    for path in &found {
        assert!(path.is_file(), "{} of REELD_TEST_FFMPEGS is not there: run scripts/setup --tests", path.display());
    }
    found
}

/// The first of [`ffmpegs`], for tests that do not depend on its version.
pub(crate) fn ffmpeg() -> PathBuf {
    ffmpegs().swap_remove(0)
}

/// Runs `test` in a fresh sandbox with each FFmpeg in turn. A failing test's output ends with the one that it failed with.
pub(crate) fn with_each_ffmpeg(test: impl Fn(&Sandbox)) {
    for ffmpeg in ffmpegs() {
        println!("with {}", ffmpeg.display());
        test(&Sandbox::new(&ffmpeg));
    }
}

/// `path` as a string of TOML, quotes included.
pub(crate) fn toml_string(path: &Path) -> String {
    toml::Value::from(path.to_str().unwrap()).to_string()
}

/// Asks again and again until `probe` has an answer. Panics with `what` after [`LIMIT`].
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(begun.elapsed() < LIMIT, "waited {} s in vain: {what}", LIMIT.as_secs());
        thread::sleep(Duration::from_millis(10));
    }
}
