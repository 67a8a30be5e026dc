//! What every failure can say of itself, and the one way to print it.
//!
//! Owns the trait that each error type of reeld has, [`Explain`], and the printer of a chain of causes, [`chain`]. The command
//! line, the log, the journal and the socket show errors by it and by nothing else. It knows no error of its own.
//!
//! An error says in its `Display` what could not be done, and hands what kept it from that out as its `source()`. It never puts
//! the words of the source into its own: they would be printed twice, or, where somebody prints the `Display` alone, would make
//! that look right until the next variant. The tests of this module read all sources and hold every variant to it.

use std::error::Error;
use std::fmt;

use crate::text::printable::printable;

pub(crate) mod place;

/// What somebody who meets a failure wants to know beside its words.
pub trait Explain: Error {
    /// What to do about it.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Whether the same may succeed later, while nobody changes the files or the settings. Whatever is not known to fail for
    /// certain may.
    fn retryable(&self) -> bool {
        true
    }

    /// The exit status of a command that ends with it: 1 when something failed, 2 for bad usage or a bad config.
    fn exit_code(&self) -> u8 {
        1
    }
}

/// The error and all its causes, for people. On one line by its `Display`, in several by [`Chain::in_lines`].
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(&'a (dyn Error + 'static));

/// The error with everything that led to it.
#[must_use]
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> Chain<'a> {
    Chain(error)
}

impl Chain<'_> {
    /// The words of the error and of each cause. A cause whose words the line above has already adds nothing: errors of other
    /// crates often print their source, and hand it out as well.
    pub(crate) fn words(self) -> Vec<String> {
        let mut words: Vec<String> = vec![self.0.to_string()];
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            let is_said = words.last().is_some_and(|above| above.contains(text.trim()));
            if !is_said {
                words.push(text);
            }
            cause = error.source();
        }
        words
    }

    /// The error, and a line `caused by: ...` for each cause. Further lines of a cause are indented, so that none of them looks
    /// like one of ours.
    #[must_use]
    pub fn in_lines(self) -> String {
        let mut words = self.words().into_iter();
        let first = words.next().unwrap_or_default();
        words.fold(first, |text, cause| text + "\n" + &caused_by(&cause))
    }
}

/// The line for one cause.
pub(crate) fn caused_by(cause: &str) -> String {
    let mut lines = cause.trim_end().lines();
    let first = format!("caused by: {}", printable(lines.next().unwrap_or_default()));
    lines.fold(first, |text, line| text + "\n    " + &printable(line))
}

/// On one line: what an error of another crate quotes may hold line breaks, and a record of the log is one line.
impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, text) in self.words().iter().enumerate() {
            let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let separator = if index > 0 { ": " } else { "" };
            write!(f, "{separator}{}", printable(&lines.join(" | ")))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
