//! What `encode` and `scan` are pointed at: the images below a folder, or the sequence that a frame or a pattern names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::{BString, ByteSlice as _};

use super::error::CliError;
use super::out;
use crate::config::{CustomPreset, FolderFile, Root, real};
use crate::error::Explain as _;
use crate::frame::metadata::{self, Settings};
use crate::frame::{FrameErrorKind, Layer, complete};
use crate::model::Identity;
use crate::sequence::finish::FinishReason;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::generator::{Generator, MadeBy};
use crate::sequence::group::{self, Film, LeftAlone, LooksLike, Note};
use crate::sequence::name::{self, NameRule, PatternError};
use crate::sequence::origin::Origin;
use crate::sequence::rate::{MakersRate, RateEvidence};
use crate::sequence::sizes::{Size, by_size};
use crate::sequence::{Batch, Frame, Pattern, os_name};
use crate::text::printable::Show as _;
use crate::watch::scan::{self, FolderScan, Links};

mod together;

pub(crate) use together::{carried_on, folders_of, together};

/// The images of one folder. Each is in one of the three.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) dir: Arc<Path>,
    pub(crate) sequences: Vec<Found>,
    /// Images that go with no other.
    pub(crate) singles: Vec<BString>,
    /// Images that are no frames, each with its reason. Those whose reasons are alike are together.
    pub(crate) left: Vec<Vec<(BString, LeftAlone)>>,
    /// Links that would be frames or folders of frames if they were followed.
    pub(crate) links: Links,
}

/// A sequence as it is on disk now.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) dir: Arc<Path>,
    pub(crate) pattern: Pattern,
    /// Ascending by number.
    pub(crate) frames: Vec<Frame>,
    pub(crate) missing: NumberRanges,
    /// Why it becomes a video only where its frames or its pattern are named.
    pub(crate) looks_like: Option<LooksLike>,
    /// What is worth knowing of how its names were read.
    pub(crate) notes: Vec<Note>,
    /// The rate that their maker says, once the files were looked at.
    pub(crate) makers_rate: Option<MakersRate>,
    /// Who made the frames, once the files were looked at.
    pub(crate) made_by: Option<MadeBy>,
}

impl Found {
    /// Frames of several sizes apart, as `size_change` has it if nobody says otherwise. Where files cannot be read they stay
    /// with those before them; the job says what is wrong with them. The same look finds who made them, unless somebody
    /// `stated` that, and what the maker says of the rate.
    pub(crate) fn by_size(self, stated: Option<Generator>, layer: Option<&Layer>) -> Vec<Self> {
        let mut sizes: Vec<Size> = Vec::with_capacity(self.frames.len());
        let mut origins: Vec<Origin> = Vec::with_capacity(self.frames.len());
        let path_of = |frame: &Frame| self.dir.join(os_name(&frame.file_name(&self.pattern)));
        for frame in &self.frames {
            let looked = complete::inspect_with_origin(&path_of(frame), &frame.identity, layer).ok();
            let size = looked.map(|(info, _)| (info.width, info.height));
            sizes.extend(size.or(sizes.last().copied()).or(Some((0, 0))));
            origins.push(looked.map(|(_, origin)| origin.as_of(stated)).unwrap_or_default());
        }
        let maker = |places: &[usize]| {
            let last = &self.frames[*places.last()?];
            let beside = metadata::settings_beside(&path_of(last), stated);
            let said = || places.iter().map(|at| &origins[*at]);
            let rate = RateEvidence::of(said(), beside.rate).rate(&self.dir, &self.pattern);
            let name = last.file_name(&self.pattern);
            Some((rate, MadeBy::of(stated, said(), beside != Settings::default(), &self.dir, &name)))
        };
        let films = by_size(&sizes);
        if let [all] = films.as_slice() {
            let (makers_rate, made_by) = maker(all).unzip();
            return vec![Self { makers_rate: makers_rate.flatten(), made_by, ..self }];
        }
        let film = |places: Vec<usize>| {
            let (makers_rate, made_by) = maker(&places).unzip();
            let frames: Vec<Frame> = places.into_iter().map(|at| self.frames[at].clone()).collect();
            let missing = self.pattern.missing_from(frames.iter().map(|frame| frame.number));
            Self {
                dir: Arc::clone(&self.dir),
                pattern: self.pattern.clone(),
                notes: self.notes.clone(),
                frames,
                missing,
                makers_rate: makers_rate.flatten(),
                made_by,
                ..self
            }
        };
        films.into_iter().map(film).collect()
    }

    /// The sequence as a batch that `reeld encode` was asked for.
    pub(crate) fn into_batch(self) -> Batch {
        Batch {
            dir: self.dir,
            pattern: self.pattern,
            frames: self.frames,
            missing: self.missing,
            unreadable: Vec::new(),
            previews: Vec::new(),
            rewritten: NumberRanges::default(),
            reason: FinishReason::Now,
            taken_for: None,
            makers_rate: self.makers_rate,
            made_by: self.made_by,
        }
    }
}

/// What there is at `path`, folder by folder. Of a frame or a pattern, the sequence that it names.
pub(crate) fn contents_of(path: &Path) -> Result<Vec<Contents>, CliError> {
    let absolute = resolved(path)?;
    match std::fs::metadata(&absolute) {
        Ok(meta) if meta.is_dir() => {
            let folders = folders_below(&absolute)?;
            Ok(folders.iter().map(|(dir, scan)| contents(dir, scan, &NameRule::Auto)).collect())
        }
        Ok(_) => one_frame(&absolute),
        Err(_) => one_pattern(&absolute),
    }
}

/// The path from the root of the file system; that of a folder without links.
fn resolved(path: &Path) -> Result<PathBuf, CliError> {
    let absolute = std::path::absolute(path)
        .map_err(|error| CliError::usage(format!("cannot use {}", path.shown())).caused_by(&error))?;
    Ok(if absolute.is_dir() { real(&absolute) } else { absolute })
}

/// Every folder below `dir`, and itself. Folders whose names say that they are nobody's frames are passed over.
fn folders_below(dir: &Path) -> Result<Vec<(PathBuf, FolderScan)>, CliError> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(dir) = folders.pop() {
        let scan = read(&dir)?;
        folders.extend(scan.folders.iter().rev().map(|name| dir.join(OsStr::from_bytes(name))));
        found.push((dir, scan));
    }
    Ok(found)
}

/// The sequence that one frame belongs to.
fn one_frame(path: &Path) -> Result<Vec<Contents>, CliError> {
    let (dir, name) = split(path)?;
    let mut all = contents(dir, &read(dir)?, &NameRule::Auto);
    let hint = || "give a folder, a frame such as `shot.0001.png`, or a pattern such as `shot.####.png`".to_owned();
    if let Some((_, why)) = all.left.iter().flatten().find(|(left, _)| left == name) {
        let error = CliError::usage(format!("{} is left alone: {why}", path.shown()));
        return Err(error.hint(hint_of(why).unwrap_or_else(hint)));
    }
    if all.singles.iter().any(|single| single == name) {
        let error = format!("{} is a single image: no other image of its folder goes with it", path.shown());
        return Err(CliError::usage(error).hint(hint()));
    }
    let holds_it = |found: &Found| found.frames.iter().any(|frame| frame.file_name(&found.pattern) == name);
    all.sequences.retain(holds_it);
    if all.sequences.is_empty() {
        return Err(CliError::usage(format!("{} is not a frame: it is not an image", path.shown())).hint(hint()));
    }
    Ok(vec![named(all)])
}

/// The sequence that a pattern names.
fn one_pattern(path: &Path) -> Result<Vec<Contents>, CliError> {
    let (dir, name) = split(path)?;
    let nothing = || {
        CliError::usage(format!("{} does not exist, and no frame matches it", path.shown()))
            .hint("give a folder, a frame such as `shot.0001.png`, or a pattern such as `shot.####.png`".to_owned())
    };
    let rule = match name.to_str().ok().map(NameRule::parse) {
        Some(Ok(rule)) => rule,
        // A name that marks no number is that of a file, and no file has it.
        None | Some(Err(PatternError::NoNumber { .. })) => return Err(nothing()),
        Some(Err(error)) => return Err(error.into()),
    };
    if !dir.is_dir() {
        return Err(nothing());
    }
    let found = contents(dir, &read(dir)?, &rule);
    if found.sequences.is_empty() { Err(nothing()) } else { Ok(vec![named(found)]) }
}

/// What to do about images that are left alone for this reason.
pub(crate) fn hint_of(why: &LeftAlone) -> Option<String> {
    match why {
        LeftAlone::Unsupported { format } => FrameErrorKind::Unsupported((*format).to_owned()).hint(),
        _ => None,
    }
}

/// What somebody asked for by name: the sequences alone, whatever they look like.
fn named(mut contents: Contents) -> Contents {
    contents.singles.clear();
    contents.left.clear();
    for found in &mut contents.sequences {
        found.looks_like = None;
    }
    contents
}

fn split(path: &Path) -> Result<(&Path, &[u8]), CliError> {
    match (path.parent(), path.file_name()) {
        (Some(dir), Some(name)) => Ok((dir, name.as_bytes())),
        _ => Err(CliError::usage(format!("{} names no file", path.shown()))),
    }
}

/// Every default, with what the own file of the folder `dir` says otherwise, which is told.
pub(crate) fn root_of(dir: &Path, presets: &[Arc<CustomPreset>]) -> Result<Root, CliError> {
    let root = Root::with_defaults(dir.to_owned());
    let Some(file) = FolderFile::read(dir)? else { return Ok(root) };
    let root = file.over(&root, presets, &[])?;
    let keys = file.keys();
    out::say_line(&format!(
        "{}: in force for this folder: {}",
        file.path().shown(),
        if keys.is_empty() { "nothing" } else { &keys }
    ));
    Ok(root)
}

type Files = Vec<(BString, Identity)>;

fn read(dir: &Path) -> Result<FolderScan, CliError> {
    Ok(scan::read_folder(dir, &name::is_image)?)
}

fn contents(dir: &Path, scan: &FolderScan, rule: &NameRule) -> Contents {
    let files = &scan.files;
    let dir: Arc<Path> = Arc::from(dir);
    let names: Vec<&[u8]> = files.iter().map(|(name, _)| name.as_bytes()).collect();
    let times: Vec<i64> = files.iter().map(|(_, identity)| identity.mtime_ns).collect();
    let grouping = group::group(&names, Some(&times), rule);
    let mut left: Vec<Vec<(BString, LeftAlone)>> = Vec::new();
    for (place, why) in grouping.left {
        let name = files[place].0.clone();
        match left.iter_mut().find(|alike| alike[0].1.is_like(&why)) {
            Some(alike) => alike.push((name, why)),
            None => left.push(vec![(name, why)]),
        }
    }
    let singles = grouping.singles.iter().map(|place| files[*place].0.clone()).collect();
    let sequences = grouping.films.into_iter().map(|film| found(&dir, film, files)).collect();
    Contents { dir, sequences, singles, left, links: scan.links.clone() }
}

fn found(dir: &Arc<Path>, film: Film, files: &Files) -> Found {
    let Film { pattern, members, looks_like, notes } = film;
    let missing = pattern.missing_from(members.iter().map(|(number, _)| *number));
    let frame = |&(number, place): &(_, usize)| Frame::of(&pattern, &files[place].0, number, files[place].1);
    let frames = members.iter().map(frame).collect();
    Found { dir: Arc::clone(dir), pattern, frames, missing, looks_like, notes, makers_rate: None, made_by: None }
}
