//! The children: started when they are needed, kept for a while, replaced when they die.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::getpriority_process;

use super::serve::UNFILTERED;
use super::wire::{self, Answer, Hello, Request};
use crate::error::chain;
use crate::frame::limits::{self, Limits};
use crate::starting::STARTING;

/// How long a child is kept that has nothing to do. Starting one takes some milliseconds.
const KEPT: Duration = Duration::from_secs(5);

/// How often it is looked whether the work is still wanted.
const GLANCE: Duration = Duration::from_millis(100);

/// More pixels than these are not left in a child that has nothing to do.
const KEPT_BYTES: u64 = 64 << 20;

/// How much is read of what a child said before it ended.
const LAST_WORDS: u64 = 4 << 10;

/// How Rust's run-time says that memory has ended.
const ALLOCATION: &str = "memory allocation of";

/// Why a child did not answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It could not be started, for a reason that has nothing to do with the frame.
    NotStarted(io::Error),
    /// It ended, in these words.
    Died(String),
    /// Nobody wants the answer any more.
    Unwanted,
}

/// A running child. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Worker {
    process: Child,
    socket: OwnedFd,
    pixels: File,
    /// Its standard error.
    words: File,
    limits: Limits,
    nice: i32,
    since: Instant,
    has_answered: bool,
}

/// Whether it was said that children are not filtered, which is so for all of them or for none.
static UNFILTERED_SAID: Once = Once::new();

static IDLE: Mutex<Vec<Worker>> = Mutex::new(Vec::new());
static ALIVE: AtomicUsize = AtomicUsize::new(0);

fn idle() -> MutexGuard<'static, Vec<Worker>> {
    // A list that is whole between any two operations.
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How far the thread that asks gives way to other programs; its decoder does the same.
fn niceness() -> i32 {
    getpriority_process(None).unwrap_or(0)
}

/// A child that has nothing to do, or a new one.
pub(super) fn take() -> Result<Worker, Failure> {
    let (limits, nice) = (limits::current(), niceness());
    {
        let mut idle = idle();
        // Those of another config are not asked any more.
        idle.retain(|worker| worker.limits == limits);
        if let Some(at) = idle.iter().rposition(|worker| worker.nice == nice) {
            return Ok(idle.swap_remove(at));
        }
    }
    fresh()
}

/// A new child.
pub(super) fn fresh() -> Result<Worker, Failure> {
    let (reply, started) = bounded(1);
    let request = WorkerRequest { limits: limits::current(), nice: niceness(), reply };
    let gone = || Failure::NotStarted(io::Error::other("the thread that starts decoders has ended"));
    let requests = STARTER.get_or_init(start_starter).as_ref().map_err(|kind| Failure::NotStarted((*kind).into()))?;
    requests.send(request).map_err(|_| gone())?;
    started.recv().map_err(|_| gone())?.map_err(Failure::NotStarted)
}

/// Puts a child to the others that have nothing to do.
pub(super) fn give_back(mut worker: Worker) {
    worker.since = Instant::now();
    if worker.pixels.metadata().is_ok_and(|meta| meta.len() > KEPT_BYTES) && worker.pixels.set_len(0).is_err() {
        return;
    }
    idle().push(worker);
}

/// Someone who wants a child.
struct WorkerRequest {
    limits: Limits,
    nice: i32,
    reply: Sender<io::Result<Worker>>,
}

/// The thread that starts children: each is ended by the kernel together with the thread that started it
/// (`PR_SET_PDEATHSIG`), so that must be one that lives as long as the process. It also ends those that nobody needs.
static STARTER: OnceLock<Result<Sender<WorkerRequest>, io::ErrorKind>> = OnceLock::new();

fn start_starter() -> Result<Sender<WorkerRequest>, io::ErrorKind> {
    let (send, requests) = unbounded();
    let started = thread::Builder::new().name("decoders".to_owned()).spawn(move || starter(&requests));
    started.map(|_| send).map_err(|error| error.kind())
}

fn starter(requests: &Receiver<WorkerRequest>) {
    loop {
        let request = if ALIVE.load(Ordering::Relaxed) == 0 {
            requests.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            requests.recv_timeout(KEPT / 2)
        };
        match request {
            Ok(request) => {
                let started = Worker::start(request.limits, request.nice);
                // Whoever asked may have given up.
                let _ = request.reply.send(started);
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                let old = |worker: &mut Worker| now.saturating_duration_since(worker.since) >= KEPT;
                let ended: Vec<Worker> = idle().extract_if(.., old).collect();
                drop(ended);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Worker {
    fn start(limits: Limits, nice: i32) -> io::Result<Self> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(io::Error::from)?;
        let pixels = File::from(memfd_create("reeld pixels", MemfdFlags::CLOEXEC)?);
        let words = File::from(memfd_create("reeld words", MemfdFlags::CLOEXEC)?);
        set_socket_timeout(&ours, Timeout::Recv, Some(GLANCE))?;
        // The very file that runs, also after an upgrade has put another one in its place.
        let mut command = Command::new("/proc/self/exe");
        // No niceness of its own where the whole process has it.
        let own = niceness();
        let nice_argument = if nice > own { nice } else { 0 }.to_string();
        command.arg0("reeld").args(["decode", "--nice", &nice_argument]);
        command.env_clear().env("RUST_BACKTRACE", "0");
        #[cfg(feature = "fault-points")]
        command.envs(std::env::var_os(crate::fault::DECODER).map(|value| (crate::fault::DECODER, value)));
        command.stdin(theirs).stdout(Stdio::null()).stderr(words.try_clone()?);
        // A group of its own: Ctrl-C on the terminal reaches us, and we decide.
        command.process_group(0);
        let process = {
            let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
            command.spawn()?
        };
        ALIVE.fetch_add(1, Ordering::Relaxed);
        // From here on dropping it ends it.
        let worker =
            Self { process, socket: ours, pixels, words, limits, nice, since: Instant::now(), has_answered: false };
        wire::send(&worker.socket, &Hello { limits }, Some(&worker.pixels))?;
        Ok(worker)
    }

    /// The file that holds the pixels of the last answer.
    pub(super) fn pixels(&self) -> &File {
        &self.pixels
    }

    /// Has it do `request` with `file`, for `most` at most.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        file: &File,
        most: Duration,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Answer, Failure> {
        if wire::send(&self.socket, request, Some(file)).is_err() {
            return Err(self.death());
        }
        let begun = Instant::now();
        loop {
            match wire::receive(&self.socket) {
                Ok(Some((answer, _))) => {
                    if !std::mem::replace(&mut self.has_answered, true) {
                        self.warn_if_unfiltered();
                    }
                    return Ok(answer);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Ok(None) | Err(_) => return Err(self.death()),
            }
            if !wanted() {
                return Err(Failure::Unwanted);
            }
            if begun.elapsed() > most {
                return Err(Failure::Died(format!("it did not answer within {} s", most.as_secs())));
            }
        }
    }

    /// How it ended, which it has, or does now: it does not speak to us any more.
    fn death(&mut self) -> Failure {
        // It may have closed its end and live on.
        let ended = match self.wait_for(GLANCE) {
            Some(status) => Ok(status),
            None => self.process.kill().and_then(|()| self.process.wait()),
        };
        let words = self.last_words();
        Failure::Died(match ended {
            Ok(status) => explain(status, &words, &self.limits),
            Err(error) => chain(&error).to_string(),
        })
    }

    fn wait_for(&mut self, most: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        loop {
            match self.process.try_wait() {
                Ok(None) if begun.elapsed() < most => thread::sleep(Duration::from_millis(1)),
                Ok(status) => return status,
                Err(_) => return None,
            }
        }
    }

    fn warn_if_unfiltered(&self) {
        if let Some(line) = self.stderr().lines().find(|line| line.starts_with(UNFILTERED)) {
            UNFILTERED_SAID.call_once(|| {
                tracing::warn!("a decoder has only its limits of memory, time and files: {line}");
            });
        }
    }

    /// The end of what it wrote to standard error.
    fn stderr(&self) -> String {
        // What cannot be read is not said.
        let length = self.words.metadata().map_or(0, |meta| meta.len());
        let count = length.min(LAST_WORDS);
        let mut words = vec![0; usize::try_from(count).unwrap_or(0)];
        let read = self.words.read_exact_at(&mut words, length - count);
        read.map_or_else(|_| String::new(), |()| String::from_utf8_lossy(&words).into_owned())
    }

    /// The line of what it wrote to standard error that says the most.
    fn last_words(&self) -> String {
        let words = self.stderr();
        let is_dull = |line: &str| line.is_empty() || line.starts_with("note: ") || line.starts_with(UNFILTERED);
        let mut lines = words.lines().map(str::trim).filter(|line| !is_dull(line));
        let allocation = lines.clone().find(|line| line.starts_with(ALLOCATION));
        allocation.or_else(|| lines.next_back()).unwrap_or_default().to_owned()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already; then there is nobody to kill, and waiting takes it off the list of processes.
        let _ = self.process.kill();
        let _ = self.process.wait();
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What ended a decoder, in words for people.
fn explain(status: ExitStatus, words: &str, limits: &Limits) -> String {
    let Some(signal) = status.signal() else {
        let said = if words.is_empty() { String::new() } else { format!(": {words}") };
        return format!("the decoder ended with status {}{said}", status.code().unwrap_or(-1));
    };
    let why = match signal {
        libc::SIGXCPU => {
            format!(
                " (more processor time than `look_time` or `decode_time` under [limits]: {} s)",
                limits.decode_time.as_secs()
            )
        }
        libc::SIGXFSZ => " (more pixels than `pixels` under [limits] allows)".to_owned(),
        _ if words.starts_with(ALLOCATION) => format!(" (out of memory: {words})"),
        libc::SIGABRT | libc::SIGKILL if words.is_empty() => " (out of memory?)".to_owned(),
        libc::SIGSEGV | libc::SIGBUS | libc::SIGILL => " (it crashed)".to_owned(),
        _ if words.is_empty() => String::new(),
        _ => format!(" ({words})"),
    };
    format!("the decoder was ended by signal {signal}{why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_told_in_plain_words() {
        let told = |signal: i32, words: &str| explain(ExitStatus::from_raw(signal), words, &Limits::DEFAULT);
        assert_eq!(told(6, ""), "the decoder was ended by signal 6 (out of memory?)");
        assert_eq!(
            told(6, "memory allocation of 34359738368 bytes failed"),
            "the decoder was ended by signal 6 (out of memory: memory allocation of 34359738368 bytes failed)"
        );
        assert_eq!(told(9, ""), "the decoder was ended by signal 9 (out of memory?)");
        assert_eq!(told(11, ""), "the decoder was ended by signal 11 (it crashed)");
        assert!(told(24, "").contains("`decode_time` under [limits]"));
        let status = ExitStatus::from_raw(3 << 8);
        assert_eq!(explain(status, "no", &Limits::DEFAULT), "the decoder ended with status 3: no");
    }
}
