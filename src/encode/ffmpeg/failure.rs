//! Why a run of FFmpeg failed, from its exit status and its last words.

use std::error::Error;
use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::Signal;

use crate::error::Explain;

/// What FFmpeg 5.1 and 9.0 say of an option that they do not have, or of a value that it does not take.
const REFUSALS: [&str; 3] = ["Unrecognized option '", "Option not found", "Unable to parse option value"];

/// How many lines of stderr a message quotes.
const QUOTED: usize = 4;

/// A run of FFmpeg that failed: the command, how it ended, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// The command, for people.
    pub argv: String,
    /// How it ended; `None` when we ended it.
    pub status: Option<ExitStatus>,
    /// The end of its standard error.
    pub stderr: String,
}

/// The sorts of failure that call for different answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// Its own reasons: see stderr.
    Failed,
    /// The disk is full.
    DiskFull,
    /// This FFmpeg was built without the encoder of this name.
    EncoderMissing(String),
    /// It does not know an option, or not such a value: the arguments are wrong.
    Refused,
    /// Killed by signal 9, which we did not send.
    Killed,
    /// It stopped taking frames.
    Stalled,
}

impl Error for Failure {}

impl Explain for Failure {
    fn hint(&self) -> Option<String> {
        match &self.kind {
            FailureKind::Failed => None,
            FailureKind::DiskFull => Some("free some space on the disk of the output; the batch is tried again".into()),
            FailureKind::EncoderMissing(name) => Some(format!(
                "this FFmpeg was built without {name}: install a full build (Debian and Ubuntu: `apt install ffmpeg`; \
                 others: ffmpeg.org/download.html) and name it as `ffmpeg` in [encoder], or choose another preset"
            )),
            FailureKind::Refused => {
                Some("look at `encoder_args` and at your own presets: this FFmpeg does not take these arguments".into())
            }
            FailureKind::Killed => Some(
                "killed by signal 9, out of memory? Set `threads = 1` or `2` in [encoder], choose a faster `speed`, or \
                 smaller frames"
                    .into(),
            ),
            FailureKind::Stalled => {
                Some("FFmpeg hangs: look at the load of the machine and at the disk of the output".into())
            }
        }
    }

    /// Whatever is not known to be for good may: FFmpeg that was ended by a signal, that
    /// lacked memory or a library in the middle of an upgrade says no more than that it failed.
    fn retryable(&self) -> bool {
        match self.kind {
            FailureKind::EncoderMissing(_) | FailureKind::Refused => false,
            FailureKind::Failed | FailureKind::DiskFull | FailureKind::Killed | FailureKind::Stalled => true,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.kind, self.status) {
            (FailureKind::DiskFull, _) => f.write_str("no space left for ffmpeg's output")?,
            (FailureKind::EncoderMissing(name), _) => write!(f, "ffmpeg has no encoder {name}")?,
            (FailureKind::Stalled, _) => f.write_str("ffmpeg hung and was ended")?,
            (_, Some(status)) => write!(f, "ffmpeg failed, {status}")?,
            (_, None) => f.write_str("ffmpeg was ended")?,
        }
        let said = last_lines(&self.stderr, QUOTED);
        if !said.is_empty() {
            write!(f, ", saying: {said}")?;
        }
        write!(f, " (command: {})", self.argv)
    }
}

/// Sorts a failure. `status` is `None` where we ended the process.
///
/// By the words first, because the status says little: FFmpeg 5.1.9 ends a failed encode with 1, 9.0.2 with the low byte of
/// its error code, such as 228 for a full disk.
pub(crate) fn account(argv: String, status: Option<ExitStatus>, stderr: String) -> Failure {
    let kind = if stderr.contains("No space left") {
        FailureKind::DiskFull
    } else if let Some(name) = missing_encoder(&stderr) {
        FailureKind::EncoderMissing(name)
    } else if REFUSALS.iter().any(|words| stderr.contains(words)) {
        FailureKind::Refused
    } else if status.and_then(|status| status.signal()) == Some(Signal::KILL.as_raw()) {
        FailureKind::Killed
    } else {
        FailureKind::Failed
    };
    Failure { kind, argv, status, stderr }
}

/// FFmpeg 5.1 and 9.0 both say `Unknown encoder 'libx264'`.
fn missing_encoder(stderr: &str) -> Option<String> {
    let (_, rest) = stderr.split_once("Unknown encoder '")?;
    Some(rest.split_once('\'')?.0.to_owned())
}

/// The last lines with something on them, on one line.
fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: i32, stderr: &str) -> Failure {
        account("ffmpeg -i x".into(), Some(ExitStatus::from_raw(status)), stderr.into())
    }

    #[test]
    fn the_sorts_are_told_apart() {
        assert_eq!(of(1 << 8, "x: No space left on device\n").kind, FailureKind::DiskFull);
        assert_eq!(of(8 << 8, "Unknown encoder 'libx264'\n").kind, FailureKind::EncoderMissing("libx264".into()));
        assert_eq!(of(8 << 8, "Unrecognized option 'bogus'.\n").kind, FailureKind::Refused);
        assert_eq!(of(9, "").kind, FailureKind::Killed);
        assert_eq!(of(1 << 8, "whatever").kind, FailureKind::Failed);
        assert_eq!(account(String::new(), None, String::new()).kind, FailureKind::Failed);
    }

    #[test]
    fn the_message_has_the_status_the_last_lines_and_the_command() {
        let text = of(187 << 8, "one\n\ntwo\rthree\nfour\nfive\n").to_string();
        assert_eq!(text, "ffmpeg failed, exit status: 187, saying: two | three | four | five (command: ffmpeg -i x)");
        assert!(of(9, "").hint().unwrap().contains("out of memory?"));
    }
}
