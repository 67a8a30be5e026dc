//! A running `reeld run`.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, ErrorKind, PipeReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};

use super::{LIMIT, Sandbox, wait_for};

/// The daemon, and what it says: its log on standard error, and its state as systemd would hear it.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    /// What systemd would have heard, and no test has waited for yet.
    told: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start(sandbox: &Sandbox, config: &Path) -> Self {
        Self::start_with(sandbox, config, &[])
    }

    /// The same, with further environment variables.
    pub(crate) fn start_with(sandbox: &Sandbox, config: &Path, environment: &[(&str, &str)]) -> Self {
        let mut daemon = Self::spawn(sandbox, config, environment);
        daemon.wait_for_state("READY=1");
        daemon
    }

    /// Starts it, ready or not.
    pub(crate) fn spawn(sandbox: &Sandbox, config: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = sandbox.reeld();
        command.args([OsStr::new("run"), OsStr::new("--config"), config.as_os_str()]).envs(environment.iter().copied());
        let (stderr, theirs) = std::io::pipe().unwrap();
        command.stderr(theirs);
        Self::spawn_as(sandbox, command, stderr)
    }

    /// Starts it by a command of the test's own, whose standard error comes out of `stderr`.
    pub(crate) fn spawn_as(sandbox: &Sandbox, mut command: Command, stderr: PipeReader) -> Self {
        let socket = sandbox.path().join("run/notify");
        // Left there by the daemon before this one.
        let _ = std::fs::remove_file(&socket);
        let notify = UnixDatagram::bind(&socket).unwrap();
        notify.set_read_timeout(Some(std::time::Duration::from_millis(100))).unwrap();
        let child = command.env("NOTIFY_SOCKET", &socket).stdout(Stdio::null()).spawn().unwrap();
        // With it goes our own end for writing, so that the log ends with the daemon.
        drop(command);
        let log = Arc::new(Mutex::new(Vec::new()));
        let stderr = BufReader::new(stderr);
        let reader = thread::spawn({
            let log = Arc::clone(&log);
            move || {
                for line in stderr.split(b'\n').map_while(Result::ok) {
                    log.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
                }
            }
        });
        let told = Arc::default();
        thread::spawn({
            let told = Arc::downgrade(&told);
            move || hear(&notify, &told)
        });
        Self { child, log, reader: Some(reader), told }
    }

    /// Everything that it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits for a line of the log that `wanted` accepts.
    pub(crate) fn wait_for_line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.wait(what, |daemon| daemon.log.lock().unwrap().iter().find(|line| wanted(line)).cloned())
    }

    /// Waits until `path` is there. A video is there only when it is whole.
    pub(crate) fn wait_for_file(&mut self, path: &Path) {
        self.wait(&format!("{} appears", path.display()), |_| path.exists().then_some(()));
    }

    /// Waits until `path` is gone.
    pub(crate) fn wait_for_absence(&mut self, path: &Path) {
        self.wait(&format!("{} goes away", path.display()), |_| (!path.exists()).then_some(()));
    }

    /// Waits until there are `count` videos in `sandbox`, and returns them.
    pub(crate) fn wait_for_videos(&mut self, sandbox: &Sandbox, count: usize) -> Vec<PathBuf> {
        self.wait(&format!("{count} videos"), |_| Some(sandbox.videos()).filter(|videos| videos.len() >= count))
    }

    /// Waits for a notification of systemd's protocol with this line, such as `READY=1`. Each is heard once.
    pub(crate) fn wait_for_state(&mut self, wanted: &str) {
        self.wait_for_state_that(wanted, |line| line == wanted);
    }

    /// The same for a line that `wanted` accepts, which comes back.
    pub(crate) fn wait_for_state_that(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.wait(what, |daemon| {
            let mut told = daemon.told.lock().unwrap();
            let place = told.iter().position(|line| wanted(line))?;
            told.drain(..=place).next_back()
        })
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub(crate) fn kill_9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait_for_end()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait_for_end(mut self) -> ExitStatus {
        let status = wait_for("the daemon ends", || self.child.try_wait().unwrap());
        // All of its log is in before anybody looks at it.
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        let log = self.log();
        assert!(!log.contains("panicked at"), "a panic: {log}");
        status
    }

    /// Waits until it has seen that many frames of an open sequence.
    pub(crate) fn wait_for_open_frames(&mut self, count: u32) {
        let wanted = format!("\"count\":{count},");
        self.wait(&format!("it knows {count} frames"), |daemon| {
            daemon.signal(Signal::USR1);
            daemon.log().contains(&wanted).then_some(())
        });
    }

    /// Asks again and again; a daemon that ends in the meantime is a panic with its log.
    pub(crate) fn wait<T>(&mut self, what: &str, mut probe: impl FnMut(&Self) -> Option<T>) -> T {
        let begun = std::time::Instant::now();
        loop {
            // Looked at first, so that the last thing a daemon does before its end still counts.
            let ended = self.child.try_wait().unwrap();
            if let Some(answer) = probe(self) {
                return answer;
            }
            if let Some(status) = ended {
                panic!("waiting until {what}: the daemon ended with {status}\n{}", self.log());
            }
            assert!(begun.elapsed() < LIMIT, "waited {} s in vain until {what}\n{}", LIMIT.as_secs(), self.log());
            thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// Takes everything in, as systemd does: a socket that nobody empties blocks its sender after ten messages.
fn hear(socket: &UnixDatagram, told: &Weak<Mutex<Vec<String>>>) {
    let mut buffer = [0; 4096];
    while let Some(told) = told.upgrade() {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let message = String::from_utf8_lossy(&buffer[..length]);
                told.lock().unwrap().extend(message.lines().map(str::to_owned));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A failed test leaves no daemon behind; a stopped one is only waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
