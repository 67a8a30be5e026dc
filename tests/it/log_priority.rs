//! What the journal of systemd is told of how important a line is.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::fstat;
use rustix::process::Signal;

use crate::support::{Daemon, Sandbox, ffmpeg};

/// `JOURNAL_STREAM` for a standard error.
fn stream(stderr: &impl std::os::fd::AsFd) -> String {
    let stat = fstat(stderr).unwrap();
    format!("{}:{}", stat.st_dev, stat.st_ino)
}

/// Standard error of a command that ends with an error of several lines.
fn failure(sandbox: &Sandbox, arguments: &[&str], stderr: OwnedFd, mut ours: File, journal: &str) -> String {
    let mut command = sandbox.reeld();
    let mut child = command.args(arguments).env("JOURNAL_STREAM", journal).stderr(Stdio::from(stderr)).spawn().unwrap();
    // With it goes the other end, so that reading ends with the process.
    drop(command);
    let mut text = Vec::new();
    match ours.read_to_end(&mut text) {
        // How a terminal says that nobody has its other side open any more.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {}
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        read => drop(read.unwrap()),
    }
    assert!(!child.wait().unwrap().success());
    String::from_utf8(text).unwrap()
}

#[test]
fn each_line_has_its_priority_where_the_journal_reads_it_and_nowhere_else() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("idle_timout = 1");
    let arguments = ["run", "--config", config.to_str().unwrap()];

    for socket in [false, true] {
        let ends = || -> (File, OwnedFd) {
            if socket {
                let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
                (File::from(OwnedFd::from(ours)), theirs.into())
            } else {
                let (ours, theirs) = std::io::pipe().unwrap();
                (File::from(OwnedFd::from(ours)), theirs.into())
            }
        };
        let (ours, theirs) = ends();
        let journal = stream(&theirs);
        let text = failure(&sandbox, &arguments, theirs, ours, &journal);
        assert!(text.lines().count() > 2, "{text}");
        assert!(text.lines().all(|line| line.starts_with("<3>")), "{text}");

        let (ours, theirs) = ends();
        let text = failure(&sandbox, &arguments, theirs, ours, "1:2");
        assert!(text.contains("idle_timeout") && !text.contains("<3>"), "{text}");
    }
}

#[test]
fn a_terminal_is_no_journal() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config("idle_timout = 1");
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let journal = stream(&theirs);
    let text = failure(&sandbox, &["run", "--config", config.to_str().unwrap()], theirs.into(), ours.into(), &journal);
    assert!(text.contains("idle_timeout") && !text.contains("<3>"), "{text}");
}

/// The daemon's log has its levels as priorities, in each form that is written to standard error.
#[test]
fn events_of_the_log_have_the_priority_of_their_level() {
    for format in ["pretty", "json"] {
        let sandbox = Sandbox::new(&ffmpeg());
        let config = sandbox.config("idle_timeout = \"1h\"");
        let (ours, theirs) = std::io::pipe().unwrap();
        let mut command = sandbox.reeld();
        command
            .args(["run", "--log-format", format, "--config", config.to_str().unwrap()])
            .env("JOURNAL_STREAM", stream(&theirs))
            .stderr(theirs);
        let mut daemon = Daemon::spawn_as(&sandbox, command, ours);
        daemon.wait_for_state("READY=1");
        sandbox.config("idle_timout = 1");
        daemon.signal(Signal::HUP);
        daemon.wait_for_line("it is refused", |line| line.contains("the running config stays in force"));
        let log = daemon.log();
        let with = |priority: &str, text: &str| {
            let found = log.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {log}"));
            assert!(found.starts_with(priority), "{format}: {found}");
        };
        with("<6>", " starts");
        with("<3>", "unknown key");
        with("<3>", "stays in force");
        assert!(!log.contains("hint=\"\"") && !log.contains("\"hint\":\"\""), "{format}: {log}");
        assert!(log.lines().all(|line| line.starts_with('<')), "{format}: {log}");
        assert_eq!(daemon.stop().code(), Some(0));
    }
}
