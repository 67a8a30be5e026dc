//! The two streams. Standard output carries data only; a closed pipe ends the command quietly.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

use super::stderr::{Priority, Stderr};
use crate::text::printable::{Show as _, gives_orders, printable};

/// Data for people, a line and what belongs to it. Names that came from outside are made [`printable`] by whoever puts
/// several lines together; here only what a terminal would obey.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(harmless(text).as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A path as a line of data: byte for byte for programs, and so that it can be read on a terminal.
pub(crate) fn path(path: &Path) -> io::Result<()> {
    if io::stdout().is_terminal() {
        return line(&path.shown().to_string());
    }
    let mut out = io::stdout().lock();
    out.write_all(OsStr::as_bytes(path.as_os_str()))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A value as JSON on one line.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    // JSON leaves some characters that give orders as they are, which only its strings can hold. Escaped they are the same
    // to whoever reads it.
    let text = serde_json::to_string(value)?;
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if gives_orders(c) {
            // Writing to a string does not fail.
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(shown, "\\u{unit:04x}"));
        } else {
            shown.push(c);
        }
    }
    line(&shown)
}

/// A sentence for the person at the terminal.
pub(crate) fn say(text: &str) {
    say_at(Priority::Info, text);
}

fn say_at(priority: Priority, text: &str) {
    // Nobody is left to be told when standard error is gone.
    let _ = Stderr::at(priority).write_all(format!("{}\n", harmless(text)).as_bytes());
}

/// The same with names in it that came from outside: one line, whatever they hold.
pub(crate) fn say_line(text: &str) {
    say(&printable(text));
}

/// The text in its lines, without anything else that a terminal would obey.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| gives_orders(c) && c != '\n' && c != '\t';
    if text.contains(is_harmful) {
        let shown = |c: char| if is_harmful(c) { c.escape_default().collect() } else { String::from(c) };
        Cow::Owned(text.chars().map(shown).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// `error: ...`, and what to do about it after a blank line. Nothing for an empty message.
pub(crate) fn error(message: &str, hint: Option<&str>) {
    explained(Priority::Error, "error", message, hint);
}

/// `warning: ...`, in the same form.
pub(crate) fn warning(message: &str, hint: Option<&str>) {
    explained(Priority::Warning, "warning", message, hint);
}

fn explained(priority: Priority, kind: &str, message: &str, hint: Option<&str>) {
    if message.is_empty() {
        return;
    }
    say_at(priority, &format!("{kind}: {message}"));
    if let Some(hint) = hint {
        say_at(priority, &format!("\nhint: {hint}"));
    }
}
