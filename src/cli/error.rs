//! An error on its way to a person: its chain of causes in lines, the hint after a blank line, the exit status.

use std::error::Error;
use std::process::ExitCode;

use super::out;
use crate::error::{Explain, caused_by, chain};

/// What ends a command early.
#[derive(Debug)]
pub(crate) struct CliError {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl CliError {
    /// Something went wrong while doing what was asked: exit status 1.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: 1 }
    }

    /// What was asked cannot be done as asked: exit status 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: 2 }
    }

    /// What led to it.
    pub(crate) fn caused_by(mut self, cause: &(dyn Error + 'static)) -> Self {
        for words in chain(cause).words() {
            self.message.push('\n');
            self.message.push_str(&caused_by(&words));
        }
        self
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// What it says, and what to do about it.
    pub(crate) fn words(&self) -> (&str, Option<&str>) {
        (&self.message, self.hint.as_deref())
    }

    /// Prints it where the command can go on without what failed.
    pub(crate) fn warn(self) {
        out::warning(&self.message, self.hint.as_deref());
    }

    /// Prints the error and returns its exit status.
    pub(crate) fn report(self) -> ExitCode {
        out::error(&self.message, self.hint.as_deref());
        ExitCode::from(self.code)
    }
}

/// Whatever can fail says itself what to print.
impl<E: Explain + 'static> From<E> for CliError {
    fn from(error: E) -> Self {
        Self { message: chain(&error).in_lines(), hint: error.hint(), code: error.exit_code() }
    }
}

/// Standard output went away (`reeld list | head`): the reader has what it wanted.
impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self { message: String::new(), hint: None, code: 0 };
        }
        Self::failed("cannot write to standard output").caused_by(&error)
    }
}

/// What a value of the command line says when it is refused. Clap prints the `Display` of what a parser fails with, and
/// nothing else of it: so all there is to say is in that.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Refused {}

/// The parser of a value for clap, with the causes and the hint of whatever `parse` fails with. Every value that has a unit or
/// a form of its own is read through it.
pub(crate) fn explained<T, E: Explain + 'static>(
    parse: impl Fn(&str) -> Result<T, E> + Clone + Send + Sync + 'static,
) -> impl Fn(&str) -> Result<T, Refused> + Clone + Send + Sync + 'static {
    move |text| {
        parse(text).map_err(|error| {
            let hint = error.hint().map(|hint| format!("\n\nhint: {hint}")).unwrap_or_default();
            Refused(chain(&error).in_lines() + &hint)
        })
    }
}
