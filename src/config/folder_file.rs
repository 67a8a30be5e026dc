//! What a folder says of its own videos: `reeld.toml` beside the frames.
//!
//! Owns which keys such a file may have, and what holds for a folder that has one. Whoever may write frames writes it, so that it
//! can say how the video is to be, what it is called and when it is finished; never where it goes, what becomes of files, or
//! what is run. A file with a mistake says nothing at all: a video by half of it would be another one than was asked for.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;

use globset::Glob;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use toml::Spanned;
use toml::de::DeTable;

use super::check;
use super::error::{Complaint, Mistakes};
use super::raw::{RawRoot, Table, parse_speed, table};
use super::reader::Reader;
use super::units::{parse_generator, printable};
use super::{ConfigError, CustomPreset, Framerate, NamePart, NameTemplate, Quality, Root, feedback, globs};
use crate::error::Explain;
use crate::sequence::finish::IdleTimeout;
use crate::sequence::generator::Generator;
use crate::text::printable::Show as _;

/// What it may be called.
const NAMES: [&str; 2] = ["reeld.toml", ".reeld.toml"];

/// The most bytes that are read of one.
const MOST: u64 = 64 << 10;

table! {
    /// Its keys.
    RawFolder {
        generator: Option<Generator> = |r, key| r.parsed(key, parse_generator),
        framerate: Framerate = |r, key| r.number(key, Framerate::from_str),
        preset: String = |r, key| r.text(key),
        quality: Quality = |r, key| r.number(key, Quality::from_str),
        speed: String = |r, key| r.number(key, parse_speed),
        output_name: NameTemplate = |r, key| r.parsed(key, NameTemplate::from_str),
        final_frame: Glob = |r, key| r.parsed(key, globs::name),
        last_frame: i64 = |r, key| r.whole::<{ -999_999_999 }, { i64::MAX }>(key),
        frame_count: i64 = |r, key| r.whole::<1, { i64::MAX }>(key),
        idle_timeout: IdleTimeout = |r, key| r.parsed(key, IdleTimeout::from_str),
    }
}

/// A folder's file, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFile {
    path: PathBuf,
    text: String,
}

/// Why a folder's file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderFileError {
    /// It is no file that may be read, or the disk refused.
    #[error("cannot read {}", path.shown())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a link, a folder or something else.
    #[error("{} is not a file, and links are not followed", path.shown())]
    NoFile {
        /// Where it is.
        path: PathBuf,
    },
    /// It is far larger than any such file.
    #[error("{} is larger than {MOST} bytes", path.shown())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is no text.
    #[error("{} is not UTF-8 text", path.shown())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// Nobody knows which of the two is meant.
    #[error("{} has both {} and {}", dir.shown(), NAMES[0], NAMES[1])]
    Both {
        /// The folder.
        dir: PathBuf,
    },
}

impl Explain for FolderFileError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read { .. } => "make it readable for the user that reeld runs as, or remove it".to_owned(),
            Self::NoFile { .. } => "put the file itself there".to_owned(),
            Self::TooLarge { .. } => "it holds a few keys; remove what is not one of them".to_owned(),
            Self::NoText { .. } => "save the file as UTF-8".to_owned(),
            Self::Both { .. } => "remove one of them".to_owned(),
        })
    }

    fn retryable(&self) -> bool {
        true
    }
}

impl FolderFile {
    /// Whether a file of this name is one.
    #[must_use]
    pub fn is_called(name: &[u8]) -> bool {
        NAMES.iter().any(|known| known.as_bytes() == name)
    }

    /// The file of the folder `dir`, if there is one. A config of a daemon, which watches folders, is none.
    ///
    /// # Errors
    ///
    /// When there is one that cannot be read.
    pub fn read(dir: &Path) -> Result<Option<Self>, FolderFileError> {
        let [shown, hidden] = NAMES.map(|name| read_one(dir.join(name)));
        let is_for_folder = |file: &Self| !file.is_config();
        match (shown?.filter(is_for_folder), hidden?.filter(is_for_folder)) {
            (Some(_), Some(_)) => Err(FolderFileError::Both { dir: dir.to_owned() }),
            (one, other) => Ok(one.or(other)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of this text in `dir`, which was not read.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn of(dir: &Path, text: &str) -> Self {
        Self { path: dir.join(NAMES[0]), text: text.to_owned() }
    }

    /// Whether it names folders to be watched.
    fn is_config(&self) -> bool {
        DeTable::parse(&self.text).is_ok_and(|document| document.get_ref().contains_key("watch"))
    }

    /// What it says, in words: `framerate, preset`.
    #[must_use]
    pub fn keys(&self) -> String {
        let document = DeTable::parse(&self.text);
        let keys = document.iter().flat_map(|document| document.get_ref().keys());
        keys.map(|key| printable(key.get_ref())).collect::<Vec<_>>().join(", ")
    }

    /// `root` for the folder of this file. A preset that it names comes without the quality, the speed and the arguments that
    /// the root has for another one. `roots` are those that must not find frames in its videos.
    ///
    /// # Errors
    ///
    /// With every mistake in it.
    pub fn over(&self, root: &Root, presets: &[Arc<CustomPreset>], roots: &[Root]) -> Result<Root, ConfigError> {
        let mut mistakes = Mistakes::default();
        let raw = self.keys_of(&mut mistakes);
        mistakes.into_result(&self.path, &self.text)?;
        let mut mistakes = Mistakes::default();
        let root = check::over(&raw, root, presets, &mut mistakes);
        if let Some(complaint) = feedback::complaint(&root, roots) {
            mistakes.add(raw.preset.as_ref().map_or(0..0, Spanned::span), complaint);
        }
        mistakes.into_result(&self.path, &self.text)?;
        Ok(root)
    }

    fn keys_of(&self, mistakes: &mut Mistakes) -> RawFolder {
        let document = match DeTable::parse(&self.text) {
            Ok(document) => document,
            Err(error) => {
                let message = format!("not TOML: {}", error.message().replace('\n', ", "));
                let hint = "a line is `key = value`; texts stand in double quotes, as in preset = \"prores\"";
                mistakes.add(error.span().unwrap_or(0..0), Complaint::new(message, hint));
                return RawFolder::default();
            }
        };
        for key in document.get_ref().keys() {
            let name = key.get_ref().as_ref();
            if RawRoot::KEYS.contains(&name) && !RawFolder::KEYS.contains(&name) {
                let message =
                    format!("`{name}` has no place in a folder's file, which anybody may write who writes frames");
                let hint = format!("say it in the config of the daemon; allowed here: {}", RawFolder::KEYS.join(", "));
                mistakes.add(key.span(), Complaint::new(message, hint));
            }
        }
        let mut reader = Reader::new(String::new(), document, mistakes);
        let raw = RawFolder::read(&mut reader);
        reader.finish_but(RawRoot::KEYS, &[("", RawFolder::KEYS)]);
        if let Some(name) = &raw.output_name
            && name.get_ref().0.iter().any(|part| matches!(part, NamePart::Text(text) if text.contains('/')))
        {
            let hint = "leave the slash out; `output_dir` in the config of the daemon says where videos go";
            mistakes
                .add(name.span(), Complaint::new("`output_name`: a folder's file cannot name another folder", hint));
        }
        raw
    }
}

fn read_one(path: PathBuf) -> Result<Option<FolderFile>, FolderFileError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(CWD, &path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(Errno::LOOP) => return Err(FolderFileError::NoFile { path }),
        Err(errno) => return Err(FolderFileError::Read { path, source: errno.into() }),
    };
    match file.metadata() {
        Ok(meta) if !meta.is_file() => return Err(FolderFileError::NoFile { path }),
        Ok(_) => {}
        Err(source) => return Err(FolderFileError::Read { path, source }),
    }
    let mut bytes = Vec::new();
    match file.take(MOST + 1).read_to_end(&mut bytes) {
        Ok(count) if count as u64 > MOST => Err(FolderFileError::TooLarge { path }),
        Ok(_) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(FolderFile { path, text })),
            Err(_) => Err(FolderFileError::NoText { path }),
        },
        Err(source) => Err(FolderFileError::Read { path, source }),
    }
}

#[cfg(test)]
mod tests;
