//! FFmpeg as a child process: finding it, starting it, watching it, stopping it.
//!
//! Owns every process this crate starts. Arguments are separate argv entries and never pass through a shell. It does not
//! know what is encoded, and it never takes an exit status for a proof.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs, io};

use ffmpeg_sidecar::command::FfmpegCommand;
use ffmpeg_sidecar::paths::sidecar_path;
use rustix::io::Errno;

use crate::error::{Explain, place};
use crate::files::{identity_of, private};
use crate::model::Identity;
use crate::text::printable::Show as _;

pub(crate) mod child;
pub(crate) mod failure;
pub(crate) mod priority;
pub(crate) mod progress;
pub(crate) mod supervise;

use child::{Child, Input};

/// How long `ffmpeg -version` may take: a cold binary of 200 MB on a slow disk is up in a few seconds.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// How often it is asked once more where it did not come to answer.
const ASK_AGAIN: u32 = 2;

/// An FFmpeg that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ffmpeg {
    /// The program, as a path that does not depend on the current folder.
    pub path: PathBuf,
    /// What it calls itself, such as `5.1.9-0+deb12u1`.
    pub version: String,
    /// The file that was asked; `None` where it could not be looked at.
    pub identity: Option<Identity>,
}

impl Ffmpeg {
    /// The FFmpeg that [`Self::locate`] names, once it has answered.
    pub fn find(configured: Option<&Path>) -> Result<Self, FfmpegError> {
        Self::ask(Self::locate(configured)?)
    }

    /// Where the FFmpeg to be used is: at `configured`, or else the first one on `PATH`, or else one beside this
    /// executable.
    pub fn locate(configured: Option<&Path>) -> Result<PathBuf, FfmpegError> {
        let path = match configured {
            Some(path) => path.to_path_buf(),
            None => on_path(env::var_os("PATH").as_deref())
                .or_else(|| sidecar_path().ok().filter(|path| is_program(path)))
                .ok_or(FfmpegError::NotFound)?,
        };
        std::path::absolute(&path).map_err(|source| FfmpegError::NotRunnable { path, source })
    }

    /// Has the program at `path` say its version.
    pub fn ask(path: PathBuf) -> Result<Self, FfmpegError> {
        // Looked at first: replaced meanwhile, it is another file than the one that is said to have this version.
        let identity = Self::identity_of(&path);
        let version = version_of(&path)?;
        Ok(Self { path, version, identity })
    }

    /// The file that is the program at `path` now, if it can be looked at.
    #[must_use]
    pub fn identity_of(path: &Path) -> Option<Identity> {
        fs::metadata(path).ok().map(|meta| identity_of(&meta))
    }

    /// Fails where the program is another file than the one that was asked, as after an upgrade.
    pub fn check_unchanged(&self) -> Result<(), FfmpegError> {
        if Self::identity_of(&self.path) == self.identity {
            return Ok(());
        }
        Err(FfmpegError::Replaced { path: self.path.clone() })
    }

    /// A command for it that says little and marks what it says with its level, never reads commands from its input, and fails
    /// on the first damaged byte.
    pub(crate) fn command(&self) -> FfmpegCommand {
        // Built from a bare `Command`: the crate's own constructor puts a log level first that would flood stderr.
        let mut command = FfmpegCommand::from(Command::new(&self.path));
        // A byte `q` on FFmpeg's input would otherwise end the encode early, with status 0.
        command.hide_banner().args(["-nostdin", "-v", "level+error"]);
        // SVT-AV1 logs past FFmpeg's own level; errors are 1.
        command.as_inner_mut().env("SVT_LOG", "1").env_remove("FFREPORT");
        command
    }
}

/// A request to stop, seen by everybody who holds a clone of it.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks everybody to stop soon.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The request itself, for a signal that makes it.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// FFmpeg cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FfmpegError {
    /// Nothing called `ffmpeg` on `PATH`.
    #[error("no ffmpeg on PATH")]
    NotFound,
    /// It cannot be started.
    #[error("cannot run {}", path.shown())]
    NotRunnable {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It started, but does not answer like FFmpeg.
    #[error("{} does not answer -version as ffmpeg does: {answer}", path.shown())]
    NotFfmpeg {
        /// The program.
        path: PathBuf,
        /// What it said.
        answer: String,
    },
    /// It did not come to answer: a signal ended it, or it took too long. That may pass.
    #[error("{} did not get to say its version: {how}", path.shown())]
    NoAnswer {
        /// The program.
        path: PathBuf,
        /// What happened.
        how: String,
    },
    /// It is another file than before, as after an upgrade. Whoever needs it begins again with the new one.
    #[error("{} was replaced in the meantime", path.shown())]
    Replaced {
        /// The program.
        path: PathBuf,
    },
}

impl FfmpegError {
    /// Whether the same may go well a moment later, although nobody changes anything.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoAnswer { .. } | Self::Replaced { .. } => true,
            // The machine has nothing left, or somebody installs it this moment.
            Self::NotRunnable { source, .. } => matches!(
                source.raw_os_error().map(Errno::from_raw_os_error),
                Some(Errno::TXTBSY | Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN | Errno::INTR)
            ),
            Self::NotFound | Self::NotFfmpeg { .. } => false,
        }
    }
}

impl Explain for FfmpegError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotFound => "install FFmpeg (`apt install ffmpeg`), or set `ffmpeg` in [encoder] to its path",
            Self::NotRunnable { path, source } => return Some(hint_of(path, source)),
            Self::NotFfmpeg { .. } => "`ffmpeg` in [encoder] must name the ffmpeg program itself",
            Self::NoAnswer { .. } => "look whether the machine has memory left; it is asked again",
            Self::Replaced { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// What to do about a program that cannot be started. ENOENT is also said of a program that is there, where what runs it is
/// not: the interpreter that its first line names, or the dynamic loader. EACCES is also said of a folder.
fn hint_of(path: &Path, source: &io::Error) -> String {
    const OTHER: &str = "set `ffmpeg` in [encoder] to the program's path, or leave it out to take the one on PATH";
    let errno = source.raw_os_error().map(Errno::from_raw_os_error);
    match (source.kind(), errno) {
        (io::ErrorKind::NotFound, _) if path.exists() => {
            "the program is there, but what runs it is not: a build for another system, or a script that names an \
             interpreter in its first line that does not exist"
                .to_owned()
        }
        (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory, _) => {
            place::no_file(path).map_or_else(|| OTHER.to_owned(), |what| format!("{what}; {OTHER}"))
        }
        (io::ErrorKind::PermissionDenied, _) if path.is_dir() => format!("this is a folder; {OTHER}"),
        (io::ErrorKind::PermissionDenied, _)
            if fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o111 == 0) =>
        {
            format!("make it executable: chmod +x {}", path.shown())
        }
        (io::ErrorKind::PermissionDenied, _) => {
            "let the user that reeld runs as enter its folder and execute it; a disk mounted `noexec` runs nothing"
                .to_owned()
        }
        (_, Some(Errno::NOEXEC)) => format!("this file is not a program for this machine; {OTHER}"),
        (_, Some(Errno::TXTBSY)) => "the program is being written: wait until it is installed".to_owned(),
        (_, Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN)) => {
            "the machine has nothing left to start a program with: look at memory, open files and processes".to_owned()
        }
        _ => OTHER.to_owned(),
    }
}

fn on_path(path: Option<&OsStr>) -> Option<PathBuf> {
    env::split_paths(path?).filter(|dir| dir.is_absolute()).map(|dir| dir.join("ffmpeg")).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Asks again where a signal ended it: whoever sent that may have meant another process, or needed its memory.
fn version_of(path: &Path) -> Result<String, FfmpegError> {
    let mut tries = 0;
    loop {
        match ask_version(path) {
            Err(FfmpegError::NoAnswer { .. }) if tries < ASK_AGAIN => tries += 1,
            answer => return answer,
        }
    }
}

fn ask_version(path: &Path) -> Result<String, FfmpegError> {
    let mut command = FfmpegCommand::from(Command::new(path));
    command.arg("-version");
    let mut child = Child::start(command, Input::Nothing, 0)?;
    let said = child.lines_of_stdout();
    let ended = child.wait(VERSION_LIMIT);
    let not_ffmpeg = |answer: String| FfmpegError::NotFfmpeg { path: path.to_path_buf(), answer };
    let no_answer = |how: String| FfmpegError::NoAnswer { path: path.to_path_buf(), how };
    match ended {
        None => Err(no_answer(format!("nothing within {} s", VERSION_LIMIT.as_secs()))),
        Some(status) if status.signal().is_some() => Err(no_answer(status.to_string())),
        Some(status) => {
            let said = said.recv_timeout(child::LAST_WORDS).unwrap_or_default();
            match parse_version(&said) {
                Some(version) if status.success() => Ok(version),
                _ => Err(not_ffmpeg(format!("{status}, {:?}", said.lines().next().unwrap_or_default()))),
            }
        }
    }
}

/// The third word of `ffmpeg version 5.1.9-0+deb12u1 Copyright (c) ...`.
fn parse_version(said: &str) -> Option<String> {
    let version = said.lines().next()?.strip_prefix("ffmpeg version ")?.split_whitespace().next()?;
    Some(version.to_owned())
}

/// A command line for people: arguments with odd characters in quotes. It is never given to a shell.
pub(crate) fn display_argv<'a>(program: &'a OsStr, args: impl Iterator<Item = &'a OsStr>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@^".contains(c);
    let show = |arg: &OsStr| -> String {
        let text = arg.to_string_lossy();
        if !text.is_empty() && text.chars().all(plain) { text.into_owned() } else { format!("'{text}'") }
    };
    std::iter::once(program).chain(args).map(show).collect::<Vec<_>>().join(" ")
}

/// `file:` in front, so that no name is taken for a protocol or an option.
pub(crate) fn file_url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

/// What `command` must call the file at `path`, which may be one of [`private::reach`]: then it is started in that folder.
pub(crate) fn name_in(command: &mut FfmpegCommand, path: &Path) -> OsString {
    let Some((folder, name)) = private::of_child(path) else { return file_url(path) };
    command.as_inner_mut().current_dir(folder);
    file_url(Path::new(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_third_word() {
        let said = "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers\nbuilt with gcc";
        assert_eq!(parse_version(said).as_deref(), Some("5.1.9-0+deb12u1"));
        assert_eq!(parse_version("ffprobe version 5.1"), None);
        assert_eq!(parse_version(""), None);
    }

    #[test]
    fn a_missing_program_is_told_from_one_that_is_something_else() {
        let missing = Ffmpeg::find(Some(Path::new("/nonexistent/ffmpeg"))).unwrap_err();
        assert!(matches!(missing, FfmpegError::NotRunnable { .. }), "{missing:?}");
        assert!(missing.hint().unwrap().contains("[encoder]"));
        let other = Ffmpeg::find(Some(Path::new("/bin/true"))).unwrap_err();
        assert!(matches!(other, FfmpegError::NotFfmpeg { .. }), "{other:?}");
    }

    #[test]
    fn relative_entries_of_path_are_passed_over() {
        assert_eq!(on_path(Some(OsStr::new("bin:.:/nonexistent"))), None);
        assert_eq!(on_path(None), None);
    }

    #[test]
    fn arguments_are_shown_with_their_borders() {
        let args = ["-i", "file:/a b/c.mp4", ""].map(OsStr::new);
        assert_eq!(display_argv(OsStr::new("ffmpeg"), args.into_iter()), "ffmpeg -i 'file:/a b/c.mp4' ''");
    }
}
