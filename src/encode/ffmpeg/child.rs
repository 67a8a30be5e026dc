//! A child process in its own group, with both outputs drained whatever happens, that is always waited for.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, PipeReader, Read, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{self, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use ffmpeg_sidecar::command::FfmpegCommand;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process_group};

use super::failure::{self, Failure};
use super::{FfmpegError, display_argv};
use crate::encode::ffmpeg::priority;
use crate::starting::STARTING;

/// How long a child may take to end after SIGTERM before it gets SIGKILL.
///
/// Short, because nothing is lost by the kill: FFmpeg 5.1.9 and 9.0.2 answer SIGTERM with status 255 and a playable file
/// that is too short, which nobody wants, and a daemon that is told to stop has two seconds for all of its encoders.
const GRACE: Duration = Duration::from_millis(500);
/// How long to wait for the rest of its output after it has ended: only a grandchild can keep a pipe open longer.
pub(crate) const LAST_WORDS: Duration = Duration::from_millis(500);
/// How much of stderr is kept: the last part, which has the reason.
const STDERR_KEPT: usize = 64 * 1024;
/// How much of a short answer on stdout is kept.
const ANSWER_KEPT: u64 = 64 * 1024;

/// What the child's standard input is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Input {
    /// `/dev/null`.
    Nothing,
    /// A pipe.
    Fed,
}

/// A further descriptor that a child has, and names in its arguments.
#[derive(Debug)]
pub(crate) struct Inherited(OwnedFd);

impl Inherited {
    /// A pipe that it writes to, with our end of it.
    pub(crate) fn report() -> io::Result<(PipeReader, Self)> {
        let (reader, writer) = io::pipe()?;
        Ok((reader, Self(writer.into())))
    }

    /// A file in memory that it reads from the start. It has no name, and is gone with the last process that has it open.
    pub(crate) fn text(text: &[u8]) -> io::Result<Self> {
        let mut file = File::from(memfd_create("tags", MemfdFlags::CLOEXEC)?);
        file.write_all(text)?;
        // The child reads from where this descriptor is.
        file.rewind()?;
        Ok(Self(file.into()))
    }

    /// What FFmpeg calls it.
    pub(crate) fn url(&self) -> String {
        format!("pipe:{}", self.0.as_raw_fd())
    }
}

/// A running (or ended) child. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Child {
    process: process::Child,
    argv: String,
    stderr: Arc<Mutex<Ring>>,
    stderr_closed: Receiver<()>,
    ended: Option<ExitStatus>,
    stopped: bool,
}

impl Child {
    /// Starts `command` with standard output piped and standard error kept. `nice` is how far it steps back for other
    /// programs, as [`priority::step_back`] has it.
    pub(crate) fn start(command: FfmpegCommand, input: Input, nice: u8) -> Result<Self, FfmpegError> {
        Self::start_with(command, input, None, nice)
    }

    /// The same for one whose arguments name `inherited`.
    pub(crate) fn start_with(
        command: FfmpegCommand,
        input: Input,
        inherited: Option<Inherited>,
        nice: u8,
    ) -> Result<Self, FfmpegError> {
        let mut command: Command = command.into();
        let argv = display_argv(command.get_program(), command.get_args());
        command
            .stdin(match input {
                Input::Nothing => Stdio::null(),
                Input::Fed => Stdio::piped(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C on the terminal reaches us, and we decide.
            .process_group(0);
        let program = command.get_program().to_owned();
        let started = {
            // A descriptor that may be inherited goes to every child that is started while it is open. Another encoder that
            // held this pipe would keep its reader waiting until that encoder ends, long after this child did.
            let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
            let passed = inherited.as_ref().map_or(Ok(()), |Inherited(open)| fcntl_setfd(open, FdFlags::empty()));
            // Our end is closed before another child is started.
            let started = passed.map_err(io::Error::from).and_then(|()| priority::spawn(&mut command, nice));
            drop(inherited);
            started
        };
        let mut process = started.map_err(|source| FfmpegError::NotRunnable { path: program.into(), source })?;
        let stderr = Arc::new(Mutex::new(Ring::default()));
        let (closed, stderr_closed) = bounded(0);
        if let Some(mut pipe) = process.stderr.take() {
            let ring = Arc::clone(&stderr);
            // Read to the end whatever happens: a pipe holds 64 KiB (pipe(7)), and a child that writes more than that into
            // one that nobody reads hangs. Nobody joins this thread, because a grandchild may keep the pipe open for ever.
            thread::spawn(move || {
                drain(&mut pipe, &ring);
                drop(closed);
            });
        }
        Ok(Self { process, argv, stderr, stderr_closed, ended: None, stopped: false })
    }

    /// The pipe to its standard input; once.
    pub(crate) fn stdin(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// The pipe from its standard output; once.
    pub(crate) fn stdout(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// Reads standard output on a thread; the text arrives when the child closes it. For short answers only.
    pub(crate) fn lines_of_stdout(&mut self) -> Receiver<String> {
        let (send, receive) = bounded(1);
        if let Some(pipe) = self.stdout() {
            thread::spawn(move || {
                let mut said = Vec::new();
                // What was read before an error still counts as the answer.
                _ = pipe.take(ANSWER_KEPT).read_to_end(&mut said);
                _ = send.send(String::from_utf8_lossy(&said).into_owned());
            });
        }
        receive
    }

    /// Its exit status, when it ends within `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        // Almost always stderr closes when the process ends, which wakes at once. A child that closed it early, or left
        // it to a grandchild, is noticed by asking.
        let mut open = true;
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            if open {
                let pause = left.min(Duration::from_millis(50));
                open = self.stderr_closed.recv_timeout(pause) == Err(RecvTimeoutError::Timeout);
            } else {
                thread::sleep(left.min(Duration::from_millis(2)));
            }
        }
    }

    /// Its exit status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.process.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Ends it and its whole group: SIGTERM, half a second, SIGKILL. Waits for it.
    ///
    /// The group, because `ffmpeg` may be a script that starts the real one. Waiting, because only then nobody writes to
    /// the output any more, which the caller is about to remove.
    pub(crate) fn stop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        self.stopped = true;
        let group = pid_of(&self.process);
        _ = kill_process_group(group, Signal::TERM);
        if self.wait(GRACE).is_none() {
            _ = kill_process_group(group, Signal::KILL);
            self.ended = self.process.wait().ok();
        }
    }

    /// What it has written to stderr lately. Complete once it has ended.
    pub(crate) fn stderr(&self) -> String {
        if self.ended.is_some() {
            _ = self.stderr_closed.recv_timeout(LAST_WORDS);
        }
        let ring = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        ring.text()
    }

    /// The account of its failure. `None` for `status` where it did not end by itself.
    pub(crate) fn failure(&self) -> Failure {
        let status = if self.stopped { None } else { self.ended };
        failure::account(self.argv.clone(), status, self.stderr())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

fn pid_of(process: &process::Child) -> Pid {
    Pid::from_child(process)
}

fn drain(pipe: &mut impl Read, ring: &Mutex<Ring>) {
    let mut buffer = [0; 8192];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => ring.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// The last [`STDERR_KEPT`] bytes of a stream.
#[derive(Debug, Default)]
struct Ring {
    bytes: VecDeque<u8>,
    cut: bool,
}

impl Ring {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        if self.bytes.len() > STDERR_KEPT {
            self.bytes.drain(..self.bytes.len() - STDERR_KEPT);
            self.cut = true;
        }
    }

    fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        // The first line of a cut stream is half a line.
        let text = if self.cut { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Child {
        let mut command = FfmpegCommand::from(Command::new("/bin/sh"));
        command.args(["-c", script]);
        Child::start(command, Input::Nothing, 0).unwrap()
    }

    #[test]
    fn the_ring_keeps_the_end() {
        let mut ring = Ring::default();
        for line in 0..20_000 {
            ring.push(format!("line {line}\n").as_bytes());
        }
        let text = ring.text();
        assert!(text.len() <= STDERR_KEPT && text.len() > STDERR_KEPT - 20);
        assert!(text.starts_with("line ") && text.ends_with("line 19999\n"), "{:?}", &text[..20]);
    }

    #[test]
    fn a_flood_does_not_block_the_child() {
        let mut child = sh(
            "i=0; while [ $i -lt 3000 ]; do echo 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' >&2; i=$((i+1)); done; echo last >&2; exit 3",
        );
        assert_eq!(child.wait(Duration::from_secs(20)).unwrap().code(), Some(3));
        assert!(child.stderr().ends_with("last\n"));
    }

    #[test]
    fn a_child_deaf_to_sigterm_is_killed() {
        let mut child = sh("trap '' TERM; echo ready; while :; do sleep 1; done");
        // Its trap is set once it has spoken.
        let mut ready = [0; 5];
        child.stdout().unwrap().read_exact(&mut ready).unwrap();
        let start = Instant::now();
        child.stop();
        assert!(child.ended().is_some());
        assert!(start.elapsed() >= GRACE && start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }

    #[test]
    fn a_stop_ends_the_whole_group() {
        let mut child = sh("sleep 60 & echo $!; wait");
        let mut pipe = child.stdout().unwrap();
        let mut said = [0; 8];
        let read = pipe.read(&mut said).unwrap();
        let grandchild = std::str::from_utf8(&said[..read]).unwrap().trim().to_owned();
        child.stop();
        // The pipe closes when the last holder of it is gone.
        assert_eq!(pipe.read(&mut said).unwrap(), 0, "process {grandchild} still holds the pipe");
    }

    #[test]
    fn waiting_has_a_limit() {
        let mut child = sh("exec 2>&-; sleep 60");
        assert_eq!(child.wait(Duration::from_millis(30)), None);
    }
}
