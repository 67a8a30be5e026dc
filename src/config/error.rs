//! What is wrong with a configuration, as its author can mend it.

use std::error::Error;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Explain, caused_by, chain, place};
use crate::text::printable::Show as _;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.shown())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no file in any of the usual places.
    #[error("no configuration found, looked for {}", list(searched))]
    NotFound {
        /// The places, in order.
        searched: Vec<PathBuf>,
        /// The first of them that this user may not look into.
        closed: Option<PathBuf>,
    },
    /// The environment does not say where reeld's own files go.
    #[error("no place for {what}: none of {variables} is set")]
    NoPlace {
        /// What would be kept there.
        what: &'static str,
        /// The variables that were looked at.
        variables: &'static str,
    },
    /// The file was read, and something in it is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// No hint for [`ConfigError::Invalid`], whose text has one beside each mistake.
impl Explain for ConfigError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { path, source } => Some(match source.kind() {
                io::ErrorKind::IsADirectory => "name the file, not its folder".to_owned(),
                io::ErrorKind::PermissionDenied => "make it readable for the user that reeld runs as".to_owned(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => place::no_file(path).map_or_else(
                    || format!("`reeld init {}` writes a commented one", path.shown()),
                    |what| format!("{what}: name another file with `--config FILE`"),
                ),
                _ => "look at the disk of the file, or name another one with `--config FILE`".to_owned(),
            }),
            Self::NotFound { closed, .. } => {
                let hint = "`reeld init` writes a commented one; `--config FILE` names one elsewhere";
                Some(closed.as_deref().map_or_else(
                    || hint.to_owned(),
                    |file| format!("you may not look whether there is {}; {hint}", file.shown()),
                ))
            }
            Self::NoPlace { .. } => Some("set HOME, or `state_dir` in the configuration".to_owned()),
            Self::Invalid(_) => None,
        }
    }

    fn retryable(&self) -> bool {
        false
    }

    fn exit_code(&self) -> u8 {
        2
    }
}

/// The mistakes of one file, at least one, in the order of their lines. Prints each as `FILE:LINE:COLUMN: message`, the
/// line with what is meant underlined, its causes, and a `hint:` after an empty line.
#[derive(Debug)]
pub struct Invalid {
    file: PathBuf,
    mistakes: Vec<Located>,
}

impl Error for Invalid {}

impl Explain for Invalid {
    fn retryable(&self) -> bool {
        false
    }

    fn exit_code(&self) -> u8 {
        2
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            let Located { line, column, source_line, underline, complaint } = mistake;
            write!(f, "{}:{line}:{column}: {}", self.file.shown(), complaint.message)?;
            if !source_line.trim().is_empty() {
                write!(f, "\n    {source_line}\n    {underline}")?;
            }
            complaint.causes.iter().try_for_each(|cause| write!(f, "\n{}", caused_by(cause)))?;
            if let Some(hint) = &complaint.hint {
                write!(f, "\n\nhint: {hint}")?;
            }
        }
        Ok(())
    }
}

/// What is wrong with a value, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), hint: Some(hint.into()) }
    }

    /// The same with the key in front.
    pub(super) fn about(self, key: &str) -> Self {
        Self { message: format!("`{key}`: {}", self.message), ..self }
    }
}

/// Whatever says what is wrong with a value says it here too, with its causes and its hint.
impl<E: Explain + 'static> From<E> for Complaint {
    fn from(error: E) -> Self {
        let mut words = chain(&error).words();
        let causes = words.split_off(1);
        Self { message: words.concat(), causes, hint: error.hint() }
    }
}

/// The mistakes found so far in one text.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<(Range<usize>, Complaint)>);

impl Mistakes {
    /// Notes a mistake at these bytes of the text; bytes past its end mean its end. One that is noted already, because several
    /// roots inherit it, counts once.
    pub(super) fn add(&mut self, span: Range<usize>, complaint: Complaint) {
        let mistake = (span, complaint);
        if !self.0.contains(&mistake) {
            self.0.push(mistake);
        }
    }

    /// The error that says all of them, if there is one.
    pub(super) fn into_result(mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|(span, _)| span.start);
        let mistakes = self.0.into_iter().map(|(span, complaint)| Located::new(text, span, complaint)).collect();
        Err(Invalid { file: file.to_owned(), mistakes }.into())
    }
}

/// A complaint where it belongs.
#[derive(Debug)]
struct Located {
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    source_line: String,
    underline: String,
    complaint: Complaint,
}

impl Located {
    fn new(text: &str, span: Range<usize>, complaint: Complaint) -> Self {
        let start = boundary(text, span.start);
        let end = boundary(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let before = text[line_start..start].chars().count();
        let width = text[start..end.min(line_end).max(start)].trim_end().chars().count().max(1);
        let shown = text[line_start..line_end].trim_end();
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: before + 1,
            // One character each, so that the underline stays below what it means.
            source_line: shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            underline: " ".repeat(before) + &"^".repeat(width),
            complaint,
        }
    }
}

/// The last place at or before `offset` where a character begins.
fn boundary(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.shown().to_string()).collect::<Vec<_>>().join(", ")
}
