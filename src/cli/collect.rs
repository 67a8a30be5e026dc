//! What `encode` and `scan` are pointed at: the sequences below a folder, or the one that a frame or a pattern names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::{BString, ByteSlice as _};

use super::error::CliError;
use crate::config::Root;
use crate::sequence::finish::FinishReason;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::group::old::{self as group, Group};
use crate::sequence::name::{self, NameRule};
use crate::sequence::{Batch, Frame, Identity, Pattern};
use crate::watch::scan;

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
        Ok(meta) if meta.is_dir() => below(&absolute),
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

/// The sequence that one frame belongs to.
fn one_frame(path: &Path) -> Result<Vec<Found>, CliError> {
    let (dir, name) = split(path)?;
    let (files, _) = read(dir)?;
    let names: Vec<&[u8]> = files.iter().map(|(name, _)| name.as_bytes()).collect();
    let pattern = group::pattern_of(name, &names, &NameRule::Auto).ok_or_else(|| {
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
