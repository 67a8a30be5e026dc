//! What `encode` and `scan` are pointed at: the sequences below a folder, or the one that a frame or a pattern names.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::{BString, ByteSlice as _};

use super::error::CliError;
use crate::config::{Root, real};
use crate::frame::FrameErrorKind;
use crate::sequence::finish::FinishReason;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::group::{self, Group};
use crate::sequence::name::unsupported::{self, Counted, Tally};
use crate::sequence::name::{self, NameRule};
use crate::sequence::{Batch, Frame, Identity, Pattern};
use crate::watch::scan::{self, Links};

/// A sequence as it lies on disk now.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) dir: Arc<Path>,
    pub(crate) pattern: Pattern,
    /// Ascending by number.
    pub(crate) frames: Vec<Frame>,
    pub(crate) missing: NumberRanges,
}

impl Found {
    /// The sequence as a batch that `reeld encode` was asked for.
    pub(crate) fn into_batch(self) -> Batch {
        Batch {
            dir: self.dir,
            pattern: self.pattern,
            frames: self.frames,
            missing: self.missing,
            unreadable: Vec::new(),
            reason: FinishReason::Now,
        }
    }
}

/// The sequences that `path` names, by folder and pattern.
pub(crate) fn collect(path: &Path) -> Result<Vec<Found>, CliError> {
    let absolute =
        std::path::absolute(path).map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
    match std::fs::metadata(&absolute) {
        Ok(meta) if meta.is_dir() => below(&real(&absolute)),
        Ok(_) => one_frame(&absolute),
        Err(_) => one_pattern(&absolute),
    }
}

/// Every sequence below a folder. Folders whose names say that they are nobody's frames are passed over.
fn below(dir: &Path) -> Result<Vec<Found>, CliError> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(dir) = folders.pop() {
        let (files, below) = read(&dir)?;
        folders.extend(below.iter().rev().map(|name| dir.join(OsStr::from_bytes(name))));
        found.extend(sequences(&dir, &files, &NameRule::Auto));
    }
    Ok(found)
}

/// Files of one folder that are left alone although somebody may expect them to be frames.
#[derive(Debug)]
pub(crate) struct LeftAlone {
    pub(crate) dir: PathBuf,
    pub(crate) count: usize,
    pub(crate) example: BString,
    /// Why, as a phrase.
    pub(crate) reason: String,
    /// What the user can do about it.
    pub(crate) hint: String,
}

/// What is left alone below the folder `path`, or in that of the file or pattern `path`.
pub(crate) fn left_alone(path: &Path) -> Result<Vec<LeftAlone>, CliError> {
    let absolute =
        std::path::absolute(path).map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
    let is_folder = absolute.is_dir();
    let start = if is_folder { real(&absolute) } else { absolute.parent().map_or(absolute.clone(), Path::to_path_buf) };
    let mut all = Vec::new();
    let mut folders = vec![start];
    while let Some(dir) = folders.pop() {
        let tally = RefCell::new(Tally::default());
        let count = |name: &[u8]| {
            if let Some(format) = unsupported::format_of(name) {
                tally.borrow_mut().add(format, name);
            }
            // Links are told apart by it; no file is looked at.
            name::may_be_frame(name)
        };
        let scan = scan::read_folder(&dir, &count).map_err(|error| CliError::failed(&error).hint(error.hint()))?;
        for (format, Counted { count, example }) in tally.into_inner().iter() {
            let error = FrameErrorKind::Unsupported(format.to_owned()).at(&dir);
            let (reason, hint) = (error.kind.to_string(), error.hint());
            all.push(LeftAlone { dir: dir.clone(), count: *count, example: example.clone(), reason, hint });
        }
        if let Links { count, example: Some(example), wanted: true } = scan.links {
            let (reason, hint) = ("links are not followed".to_owned(), "put the files themselves there".to_owned());
            all.push(LeftAlone { dir: dir.clone(), count, example, reason, hint });
        }
        if is_folder {
            folders.extend(scan.folders.iter().rev().map(|name| dir.join(OsStr::from_bytes(name))));
        }
    }
    Ok(all)
}

/// The sequence that one frame belongs to.
fn one_frame(path: &Path) -> Result<Vec<Found>, CliError> {
    let (dir, name) = split(path)?;
    let (files, _) = read(dir)?;
    let names: Vec<&[u8]> = files.iter().map(|(name, _)| name.as_bytes()).collect();
    let pattern = group::pattern_of(name, &names, &NameRule::Auto).ok_or_else(|| {
        if let Some(format) = unsupported::format_of(name) {
            let error = FrameErrorKind::Unsupported(format.to_owned()).at(path);
            return CliError::failed(&error).hint(error.hint());
        }
        CliError::usage(format!("{} is not a frame: no number in its name, or not an image", path.display()))
            .hint("give a folder, a frame such as `shot.0001.png`, or a pattern such as `shot.####.png`".to_owned())
    })?;
    Ok(sequences(dir, &files, &NameRule::Auto).into_iter().filter(|found| found.pattern == pattern).collect())
}

/// The sequence that a pattern names.
fn one_pattern(path: &Path) -> Result<Vec<Found>, CliError> {
    let (dir, name) = split(path)?;
    let nothing = || {
        CliError::usage(format!("{} does not exist, and no frame matches it", path.display()))
            .hint("give a folder, a frame such as `shot.0001.png`, or a pattern such as `shot.####.png`".to_owned())
    };
    let rule = name.to_str().ok().and_then(|text| NameRule::parse(text).ok()).ok_or_else(nothing)?;
    if !dir.is_dir() {
        return Err(nothing());
    }
    let (files, _) = read(dir)?;
    let found = sequences(dir, &files, &rule);
    if found.is_empty() { Err(nothing()) } else { Ok(found) }
}

fn split(path: &Path) -> Result<(&Path, &[u8]), CliError> {
    match (path.parent(), path.file_name()) {
        (Some(dir), Some(name)) => Ok((dir, name.as_bytes())),
        _ => Err(CliError::usage(format!("{} names no file", path.display()))),
    }
}

type Files = Vec<(BString, Identity)>;

fn read(dir: &Path) -> Result<(Files, Vec<BString>), CliError> {
    let scan =
        scan::read_folder(dir, &name::may_be_frame).map_err(|error| CliError::failed(&error).hint(error.hint()))?;
    Ok((scan.files, scan.folders))
}

fn sequences(dir: &Path, files: &Files, rule: &NameRule) -> Vec<Found> {
    let dir: Arc<Path> = Arc::from(dir);
    let names: Vec<&[u8]> = files.iter().map(|(name, _)| name.as_bytes()).collect();
    let groups = group::group(&names, rule);
    groups.into_iter().map(|group| found(&dir, group, files)).collect()
}

fn found(dir: &Arc<Path>, group: Group, files: &Files) -> Found {
    let missing = group.pattern.missing_from(group.members.iter().map(|(number, _)| *number));
    let frame = |&(number, index): &(_, usize)| Frame::of(&group.pattern, &files[index].0, number, files[index].1);
    let frames = group.members.iter().map(frame).collect();
    Found { dir: Arc::clone(dir), pattern: group.pattern, frames, missing }
}

/// The root that a batch of the command line belongs to: its own folder, with every default.
pub(crate) fn root_of(dir: &Path) -> Root {
    Root::with_defaults(PathBuf::from(dir))
}
