//! A world of its own for one test: folders, an environment, and the binary in it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::{Fake, toml_string};

/// A temporary folder with a home, a state and a run-time folder, and a `bin` that is the whole `PATH` and holds nothing
/// but `ffmpeg`.
pub(crate) struct Sandbox {
    dir: TempDir,
    /// The real FFmpeg of this sandbox.
    pub ffmpeg: PathBuf,
}

/// What a finished command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit status; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Sandbox {
    pub(crate) fn new(ffmpeg: &Path) -> Self {
        let dir = tempfile::Builder::new().prefix("reeld-test.").tempdir().unwrap();
        for name in ["bin", "home", "home/.config", "home/.local/state", "home/.local/share", "run", "tmp", "frames"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        symlink(ffmpeg, dir.path().join("bin/ffmpeg")).unwrap();
        Self { dir, ffmpeg: ffmpeg.to_path_buf() }
    }

    /// The folder that everything lies in.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The root that most tests watch.
    pub(crate) fn root(&self) -> PathBuf {
        self.path().join("frames")
    }

    /// A new folder below [`Self::root`].
    pub(crate) fn folder(&self, name: impl AsRef<Path>) -> PathBuf {
        let folder = self.root().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The journal's folder.
    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("home/.local/state/reeld")
    }

    /// Where commands look for the system's service, instead of `/run/reeld`.
    pub(crate) fn system_socket_dir(&self) -> PathBuf {
        self.path().join("system/run")
    }

    /// Takes FFmpeg off the `PATH`.
    pub(crate) fn remove_ffmpeg(&self) {
        fs::remove_file(self.path().join("bin/ffmpeg")).unwrap();
    }

    /// Puts a fake in front of the real FFmpeg.
    pub(crate) fn install(&self, fake: &Fake) {
        self.remove_ffmpeg();
        symlink(fake.program(), self.path().join("bin/ffmpeg")).unwrap();
    }

    /// Puts the real FFmpeg back.
    pub(crate) fn uninstall_fake(&self) {
        self.remove_ffmpeg();
        symlink(&self.ffmpeg, self.path().join("bin/ffmpeg")).unwrap();
    }

    /// The binary, with nothing of the tester's own environment.
    pub(crate) fn reeld(&self) -> Command {
        let home = self.path().join("home");
        let mut command = Command::new(env!("CARGO_BIN_EXE_reeld"));
        command
            .env_clear()
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_STATE_HOME", home.join(".local/state"))
            .env("XDG_DATA_HOME", home.join(".local/share"))
            .env("XDG_RUNTIME_DIR", self.path().join("run"))
            .env("REELD_SYSTEM_SOCKET_DIR", self.system_socket_dir())
            .env("TMPDIR", self.path().join("tmp"))
            .env("PATH", self.path().join("bin"))
            .env("TZ", "UTC")
            .env("RUST_BACKTRACE", "1")
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        Outcome::of(self.reeld().args(arguments).output().unwrap())
    }

    /// Runs `reeld check` where no FFmpeg is, which is the first thing that it finds wrong. For tests of what else it says:
    /// to try each encoder takes two seconds of processor time, and most of ten where FFmpeg is bound to many libraries.
    pub(crate) fn check_without_ffmpeg(&self, config: &Path) -> Outcome {
        let mut check = self.reeld();
        check.env("PATH", self.path().join("home")).args([
            OsStr::new("check"),
            OsStr::new("--config"),
            config.as_os_str(),
        ]);
        let outcome = Outcome::of(check.output().unwrap()).expect(1);
        assert!(outcome.text().contains("WRONG  FFmpeg: "), "{}", outcome.text());
        outcome
    }

    /// Runs `reeld encode` on [`Self::root`] with further arguments.
    pub(crate) fn encode(&self, arguments: &[&str]) -> Outcome {
        self.run([OsStr::new("encode"), self.root().as_os_str()].into_iter().chain(arguments.iter().map(OsStr::new)))
    }

    /// Writes a config that watches [`Self::root`]; `keys` are further lines of its `[[watch]]` table.
    pub(crate) fn config(&self, keys: &str) -> PathBuf {
        self.config_text(&format!("[[watch]]\npath = {}\n{keys}\n", toml_string(&self.root())))
    }

    /// Writes a config.
    pub(crate) fn config_text(&self, text: &str) -> PathBuf {
        let file = self.path().join("reeld.toml");
        fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
        file
    }

    /// Every video below the sandbox, by ascending path. What is in the state folder is not one yet.
    pub(crate) fn videos(&self) -> Vec<PathBuf> {
        let mut videos = self.files(|name| {
            [".mp4", ".mov", ".mkv", ".webm", ".avi"].iter().any(|extension| name.ends_with(extension.as_bytes()))
        });
        videos.retain(|video| !video.starts_with(self.state()));
        videos
    }

    /// What reeld leaves behind only when it dies: videos that are not published, frames that are half removed.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        self.files(|name| name.starts_with(b".reeld-") && name != b".reeld-done")
    }

    /// Every file and folder below the sandbox whose name `wanted` accepts.
    fn files(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            // A folder may go away between two looks, while the daemon works.
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if wanted(entry.file_name().as_bytes()) {
                    found.push(path.clone());
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

impl Outcome {
    /// What a command left behind that was run otherwise than by [`Sandbox::run`].
    pub(crate) fn of(output: Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!stderr.contains("panicked at"), "a panic: {stderr}");
        Self { code: output.status.code(), stdout: output.stdout, stderr }
    }

    /// Standard output as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The lines of standard output as paths.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let lines = self.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| PathBuf::from(OsStr::from_bytes(line))).collect()
    }

    /// Panics with everything there is unless the exit status is `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.text(), self.stderr);
        self
    }

    /// Panics unless standard error says `text`, in any case.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.to_lowercase().contains(&text.to_lowercase()), "no {text:?} in stderr:\n{}", self.stderr);
        self
    }
}
