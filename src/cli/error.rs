//! An error on its way to a person: one line, the hint behind a blank line, the exit status.

use std::process::ExitCode;

use super::out;

/// What ends a command early.
#[derive(Debug)]
pub(crate) struct CliError {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl CliError {
    /// Something went wrong while doing what was asked: exit status 1.
    pub(crate) fn failed(error: impl std::fmt::Display) -> Self {
        Self { message: error.to_string(), hint: None, code: 1 }
    }

    /// What was asked cannot be done as asked: exit status 2.
    pub(crate) fn usage(error: impl std::fmt::Display) -> Self {
        Self { message: error.to_string(), hint: None, code: 2 }
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Prints the error and returns its exit status.
    pub(crate) fn report(self) -> ExitCode {
        out::error(&self.message, self.hint.as_deref());
        ExitCode::from(self.code)
    }
}

/// Standard output went away (`reeld list | head`): the reader has what it wanted.
impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self { message: String::new(), hint: None, code: 0 };
        }
        Self::failed(format!("standard output: {error}"))
    }
}
