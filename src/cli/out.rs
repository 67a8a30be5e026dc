//! The two streams. Standard output carries data only; a closed pipe ends the command quietly.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

/// One line of data.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A path as a line of data, byte for byte.
pub(crate) fn path(path: &Path) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(OsStr::as_bytes(path.as_os_str()))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A value as JSON on one line.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// A sentence for the person at the terminal.
pub(crate) fn say(text: &str) {
    // Nobody is left to be told when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// `error: ...`, and what to do about it behind a blank line. Nothing for an empty message.
pub(crate) fn error(message: &str, hint: Option<&str>) {
    if message.is_empty() {
        return;
    }
    say(&format!("error: {message}"));
    if let Some(hint) = hint {
        say(&format!("\nhint: {hint}"));
    }
}
