//! `reeld check` from within the daemon: in a process of its own that has the daemon's user, sandbox and environment.
//!
//! Another process, because the check reads its config anew and sets limits by it, and because what goes wrong in it is not to
//! be the daemon's trouble.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::PoisonError;

use rustix::process::{Pid, Signal, kill_process};

use crate::starting::STARTING;

/// Longest line in bytes; the rest of a longer one comes as a further one.
const LINE: u64 = 64 << 10;

/// Checks the config `file`, and hands each line to `say`. When nobody listens any more (`say` says no) the check is ended.
pub(super) fn run(file: &Path, mut say: impl FnMut(String) -> bool) -> io::Result<ExitStatus> {
    let (read, write) = io::pipe()?;
    // The very file that runs, also after an upgrade has put another one in its place.
    let mut command = Command::new("/proc/self/exe");
    command.arg0("reeld").args(["check", "--here", "--config"]).arg(file);
    // It must not speak for the service, and Ctrl-C on a terminal is the daemon's to hear.
    command.env_remove("NOTIFY_SOCKET").process_group(0);
    command.stdin(Stdio::null()).stderr(write.try_clone()?).stdout(write);
    let mut process = {
        let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        command.spawn()?
    };
    // With it go our own ends of the pipe for writing: the reading ends when the check does.
    drop(command);
    let mut output = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        match output.by_ref().take(LINE).read_until(b'\n', &mut line) {
            Ok(1..) if say(String::from_utf8_lossy(line.trim_ascii_end()).into_owned()) => {}
            Ok(0) => break,
            _ => {
                if let Some(pid) = Pid::from_raw(process.id().cast_signed()) {
                    // It may have ended by itself meanwhile.
                    let _ = kill_process(pid, Signal::TERM);
                }
                break;
            }
        }
    }
    // A check that still writes must not wait for somebody to read.
    drop(output);
    process.wait()
}

/// The exit status; the signal where one ended it.
pub(super) fn status(status: ExitStatus) -> Result<u8, i32> {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ok(u8::try_from(code).unwrap_or(1)),
        (None, signal) => Err(signal.unwrap_or(0)),
    }
}
