//! Standard error: what people and the journal of systemd read of a command.
//!
//! Owns whether it is the journal, and the priority that each line has there. It never decides what is said.

use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How important a line is, by the numbers of syslog(3), which systemd's journal sorts by (`journalctl -p err`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Something failed.
    Error = 3,
    /// Something may fail, or is not as it should be.
    Warning = 4,
    /// What the program does.
    Info = 6,
    /// What only its makers want to know.
    Debug = 7,
}

impl From<Level> for Priority {
    fn from(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warning,
            Level::INFO => Self::Info,
            _ => Self::Debug,
        }
    }
}

/// Standard error for a text of one priority.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stderr(Option<Priority>);

impl Stderr {
    /// Says the priority where the journal reads it, and nowhere else.
    pub(crate) fn at(priority: Priority) -> Self {
        Self(is_the_journal().then_some(priority))
    }
}

impl Write for Stderr {
    /// Writes all of `text`, which is whole lines: the log and [`super::out`] hand over nothing less.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut stderr = io::stderr().lock();
        match self.0 {
            Some(priority) => stderr.write_all(&with_priority(text, priority))?,
            None => stderr.write_all(text)?,
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text with its priority in front of each line, by sd-daemon(3): to the journal each line is a record of its own.
fn with_priority(text: &[u8], priority: Priority) -> Vec<u8> {
    let mut prefixed = Vec::with_capacity(text.len() + 16);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        prefixed.extend_from_slice(format!("<{}>", priority as u8).as_bytes());
        prefixed.extend_from_slice(line);
    }
    prefixed
}

/// Makes the writer for each event of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForLog;

impl MakeWriter<'_> for ForLog {
    type Writer = Stderr;

    fn make_writer(&self) -> Stderr {
        Stderr::at(Priority::Info)
    }

    fn make_writer_for(&self, event: &Metadata<'_>) -> Stderr {
        Stderr::at(Priority::from(*event.level()))
    }
}

/// Whether standard error is the stream that systemd connected to its journal (`JOURNAL_STREAM`, systemd.exec(5)). The
/// variable alone says nothing: children inherit it, with whatever standard error they are given.
pub(crate) fn is_the_journal() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    *IS.get_or_init(|| {
        let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
        let Ok(stat) = rustix::fs::fstat(rustix::stdio::stderr()) else { return false };
        stream == format!("{}:{}", stat.st_dev, stat.st_ino) && !io::stderr().is_terminal()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_priority() {
        assert_eq!(with_priority(b"a\n\nb\n", Priority::Error), b"<3>a\n<3>\n<3>b\n");
        assert_eq!(with_priority(b"half", Priority::Debug), b"<7>half");
        assert!(with_priority(b"", Priority::Info).is_empty());
    }
}
