//! The rules of the parent module, held against the sources: no variant can be added whose cause is not printed.

use std::any::type_name;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};

use super::*;
use crate::config::{ConfigError, FolderFileError};
use crate::daemon::error::{ReloadError, StartError};
use crate::deliver::cleanup::{CleanupError, KeptReason};
use crate::deliver::publish::PublishError;
use crate::encode::chunk::store::StoreError;
use crate::encode::ffmpeg::FfmpegError;
use crate::encode::recipe::RecipeError;
use crate::encode::{EncodeError, Failure, FailureKind, Flaw};
use crate::frame::{FrameError, FrameErrorKind};
use crate::journal::JournalError;
use crate::pipeline::error::JobError;
use crate::sequence::name::PatternError;
use crate::serve::SocketError;
use crate::watch::native::WatchError;
use crate::watch::scan::{ScanError, ScanErrorKind};

/// What every cause in here says.
const CAUSE: &str = "the words of the cause";

/// Fields that are failures and no `source()`: two chains meet in them, and the `Display` has this one whole.
const IN_THE_DISPLAY: [&str; 3] = ["JobError::OutcomeUnknown", "JobError::NotRecorded", "RecipeError::Geometry"];

/// Errors that nobody meets but as the cause of another.
const ONLY_CAUSES: [&str; 9] = [
    "Damage",
    "Exceeded",
    "ExposureError",
    "Flaw",
    "GeometryError",
    "LayerError",
    "NoAspect",
    "Refused",
    "ScanErrorKind",
];

fn io() -> io::Error {
    io::Error::other(CAUSE)
}

fn path() -> PathBuf {
    PathBuf::from("/x")
}

fn frame() -> FrameError {
    FrameErrorKind::Decode(CAUSE.to_owned()).at(Path::new("/x"))
}

fn failure() -> Failure {
    Failure { kind: FailureKind::Failed, argv: "ffmpeg".to_owned(), status: None, stderr: CAUSE.to_owned() }
}

fn recipe() -> RecipeError {
    RecipeError::PixelFormat { preset: CAUSE.to_owned(), pix_fmt: String::new() }
}

fn journal() -> JournalError {
    JournalError::StateDir { path: path(), source: io() }
}

fn sql() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(14), Some(CAUSE.to_owned()))
}

/// One error of each variant that has a cause, by its name.
fn samples() -> Vec<(String, Box<dyn Error>)> {
    let mut all: Vec<(String, Box<dyn Error>)> = Vec::new();
    let mut add = |name: String, error: Box<dyn Error>| all.push((name, error));
    macro_rules! add {
        ($($error:expr),* $(,)?) => { $({ let error = $error; add(name_of(&error), Box::new(error)); })* };
    }
    add![
        ConfigError::Read { path: path(), source: io() },
        FolderFileError::Read { path: path(), source: io() },
        PatternError::Regex { pattern: String::new(), source: Box::new(regex::Error::Syntax(CAUSE.to_owned())) },
        FrameErrorKind::Io(io()),
        FrameErrorKind::NoDecoder(io()),
        ScanErrorKind::Io(io()),
        WatchError::Io { path: path(), source: io() },
        WatchError::Unavailable { source: CAUSE.into() },
        JournalError::StateDir { path: path(), source: io() },
        JournalError::Sql { path: path(), source: sql() },
        PublishError::Full { path: path(), source: io() },
        PublishError::ReadOnly { path: path(), source: io() },
        PublishError::Missing { path: path(), source: io() },
        PublishError::Denied { path: path(), source: io() },
        PublishError::NotAFolder { path: path(), source: io() },
        PublishError::NotRecorded { path: path(), source: journal().into() },
        PublishError::Io { path: path(), source: io() },
        KeptReason::Failed(io()),
        CleanupError::Video { path: path(), source: io() },
        CleanupError::Folder { path: path(), source: io() },
        StoreError::Full { path: path(), source: io() },
        StoreError::Io { path: path(), source: io() },
        FfmpegError::NotRunnable { path: path(), source: io() },
        EncodeError::Ffmpeg(FfmpegError::NotRunnable { path: path(), source: io() }),
        EncodeError::Recipe(recipe()),
        EncodeError::Failed(Box::new(failure())),
        EncodeError::FrameChanged(frame()),
        EncodeError::BadFrame(frame()),
        EncodeError::NotProved { video: path(), flaw: Flaw::Container(CAUSE.to_owned()) },
        EncodeError::Io { path: path(), source: io() },
        StartError::Ffmpeg(FfmpegError::NotRunnable { path: path(), source: io() }),
        StartError::Journal(journal()),
        StartError::Watch(WatchError::Io { path: path(), source: io() }),
        StartError::Signals(io()),
        ReloadError::Config(ConfigError::Read { path: path(), source: io() }),
        ReloadError::Ffmpeg(FfmpegError::NotRunnable { path: path(), source: io() }),
        JobError::FramesChanged(frame()),
        JobError::Recipe(recipe()),
        JobError::Encode(EncodeError::Io { path: path(), source: io() }),
        JobError::Publish(PublishError::Io { path: path(), source: io() }),
        JobError::Cleanup(CleanupError::Video { path: path(), source: io() }),
        JobError::Store(StoreError::Io { path: path(), source: io() }),
        JobError::Journal(journal()),
        JobError::NotRecorded { error: Box::new(JobError::Stopped), source: journal() },
        SocketError::Listen { path: path(), source: io() },
        SocketError::Ask { path: path(), source: io() },
    ];
    // What needs a file with mistakes in it.
    let broken = "state_dir = 1\n";
    let invalid = crate::config::Config::parse(broken, Path::new(CAUSE)).unwrap_err();
    all.push((name_of(&invalid), Box::new(invalid)));
    all
}

/// `Type::Variant`.
fn name_of<E: Debug>(error: &E) -> String {
    let kind = type_name::<E>().rsplit("::").next().unwrap_or_default();
    let debug = format!("{error:?}");
    let variant: String = debug.chars().take_while(|c| c.is_alphanumeric()).collect();
    format!("{kind}::{variant}")
}

/// A variant of an error, as it is written.
struct Written {
    name: String,
    text: String,
}

/// The sources without their tests and fuzz targets, each with its path.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut all = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("tests")
                && !name.contains("fuzzing")
                && path.extension().is_some_and(|end| end == "rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                all.push((name, text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()));
            }
        }
    }
    assert!(all.len() > 100, "{} files", all.len());
    all
}

/// Every variant of every enum that is an error.
fn variants() -> Vec<Written> {
    let mut all: Vec<Written> = Vec::new();
    for (_, text) in sources() {
        let (mut is_error, mut inside) = (false, None);
        for line in text.lines() {
            if line.starts_with("#[derive(") {
                is_error = line.contains("Error)") || line.contains("Error,");
            } else if let Some((_, rest)) = line.split_once("enum ").filter(|_| is_error && !line.starts_with(' ')) {
                inside = rest.split_whitespace().next().map(str::to_owned);
                is_error = false;
                all.push(Written { name: String::new(), text: String::new() });
            } else if line == "}" {
                inside = None;
            } else if let Some(kind) = &inside {
                let variant =
                    line.strip_prefix("    ").filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
                let written = all.last_mut().unwrap();
                if let Some(variant) = variant {
                    let variant: String = variant.chars().take_while(|c| c.is_alphanumeric()).collect();
                    written.name = format!("{kind}::{variant}");
                }
                if !line.trim_start().starts_with("//") {
                    written.text += line;
                }
                // The next attribute of this depth is that of the next variant.
                if line.ends_with(',') && (line.starts_with("    }") || variant.is_some()) {
                    all.push(Written { name: String::new(), text: String::new() });
                }
            }
        }
    }
    all.retain(|written| !written.name.is_empty());
    all
}

fn has_cause(text: &str) -> bool {
    ["#[source]", "#[from]", "source: ", "transparent"].iter().any(|mark| text.contains(mark))
}

#[test]
fn every_variant_with_a_cause_is_among_the_samples() {
    let written: BTreeSet<String> =
        variants().into_iter().filter(|variant| has_cause(&variant.text)).map(|variant| variant.name).collect();
    let sampled: BTreeSet<String> = samples().into_iter().map(|(name, _)| name).collect();
    assert_eq!(written, sampled);
    assert!(written.len() > 40);
}

#[test]
fn what_a_variant_holds_of_another_failure_is_its_cause() {
    let holds = |text: &str| {
        let fields = text.split(['(', ' ', '<']).map(|word| word.trim_end_matches(['>', ')', ',', ' ', '}']));
        fields.filter(|word| !word.contains('"')).any(|word| {
            let kind = word.rsplit("::").next().unwrap_or_default();
            ["Error", "ErrorKind", "Failure", "Flaw"].iter().any(|end| kind.ends_with(end)) && kind != "#[error"
        })
    };
    let lost: Vec<String> = variants()
        .into_iter()
        .filter(|variant| holds(&variant.text) && !has_cause(&variant.text))
        .map(|variant| variant.name)
        .filter(|name| !IN_THE_DISPLAY.contains(&&**name))
        .collect();
    assert_eq!(lost, [""; 0]);
}

#[test]
fn the_words_of_every_cause_are_printed_once() {
    for (name, error) in samples() {
        for text in [chain(&*error).to_string(), chain(&*error).in_lines()] {
            assert_eq!(text.matches(CAUSE).count(), 1, "{name}: {text}");
        }
        let own = error.to_string();
        if let Some(cause) = error.source() {
            assert!(!own.contains(&cause.to_string()), "{name} says in its own words what its cause says: {own}");
        }
    }
    // Those without a `source()` of their own.
    for error in [
        Box::new(JobError::OutcomeUnknown(Box::new(JobError::Journal(journal())))) as Box<dyn Error>,
        Box::new(FrameErrorKind::NoDecoder(io()).at(Path::new("/x"))),
        Box::new(ScanError { path: path(), kind: ScanErrorKind::Io(io()) }),
        Box::new(JobError::NotRecorded { error: Box::new(JobError::Journal(journal())), source: journal() }),
    ] {
        assert!(chain(&*error).to_string().contains(CAUSE), "{error:?}");
    }
}

#[test]
fn every_error_explains_itself() {
    let mut errors = BTreeSet::new();
    let mut explained = BTreeSet::new();
    for (_, text) in sources() {
        for line in text.lines() {
            let target = |line: &str| {
                line.split_once(" for ").map(|(_, name)| name.trim_end_matches([' ', '{', '}']).to_owned())
            };
            if line.starts_with("impl Error for") || line.starts_with("impl std::error::Error for") {
                errors.extend(target(line));
            } else if line.starts_with("impl Explain for") {
                explained.extend(target(line));
            }
        }
        let mut derived = false;
        for line in text.lines().filter(|line| !line.starts_with([' ', '/', '}'])) {
            if line.starts_with("#[derive(") {
                derived = line.contains("Error)");
            } else if let Some((_, rest)) = line.split_once("enum ").or(line.split_once("struct ")).filter(|_| derived)
            {
                errors.insert(rest.split([' ', '(', '{', ';']).next().unwrap().to_owned());
                derived = false;
            }
        }
    }
    let silent: Vec<&String> =
        errors.difference(&explained).filter(|name| !ONLY_CAUSES.contains(&name.as_str())).collect();
    assert_eq!(silent, [""; 0]);
    assert!(explained.len() > 15, "{explained:?}");
}

/// There is one printer. An error whose `Display` is put into a text by itself loses its causes, and nobody sees that they are
/// missing.
#[test]
fn nobody_prints_an_error_but_the_chain() {
    let ways = [
        "{error}",
        "{source}",
        "{err}",
        "{errno}",
        "{error:",
        "error.to_string()",
        "source.to_string()",
        "%error,",
        "%error)",
        "?error",
    ];
    let mut alone = Vec::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| name != "error.rs") {
        for (number, line) in text.lines().enumerate() {
            if ways.iter().any(|way| line.contains(way)) {
                alone.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_eq!(alone, [""; 0]);
}

/// An error for these tests.
#[derive(Debug)]
struct Said(&'static str, Option<Box<Said>>);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Said {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

fn said(words: &[&'static str]) -> Said {
    let (first, rest) = words.split_first().unwrap();
    Said(first, (!rest.is_empty()).then(|| Box::new(said(rest))))
}

#[test]
fn causes_come_in_order_and_what_is_said_is_not_said_again() {
    let error = said(&["cannot use /x: it is a file", "it is a file", "os error 20"]);
    assert_eq!(chain(&error).to_string(), "cannot use /x: it is a file: os error 20");
    assert_eq!(chain(&error).in_lines(), "cannot use /x: it is a file\ncaused by: os error 20");
}

#[test]
fn a_cause_of_several_lines_forges_none() {
    let error = said(&["cannot run", "no such\u{1b}[2J option\n\nhint: rm -rf /\r\nerror: all is lost\n"]);
    assert_eq!(chain(&error).to_string(), "cannot run: no such\\u{1b}[2J option | hint: rm -rf / | error: all is lost");
    assert_eq!(
        chain(&error).in_lines(),
        "cannot run\ncaused by: no such\\u{1b}[2J option\n    \n    hint: rm -rf /\n    error: all is lost"
    );
}
