//! Folders that follow each other, as one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bstr::BString;

use super::{Contents, Found, contents, folders_below, resolved};
use crate::cli::error::CliError;
use crate::sequence::group::home;
use crate::sequence::name::NameRule;
use crate::sequence::{Across, Kind, os_name};
use crate::text::printable::Show as _;
use crate::watch::scan::{FolderScan, Links};

/// The folders below `paths`, each once. Those that follow each other are one.
pub(crate) fn together(paths: &[PathBuf]) -> Result<Vec<Contents>, CliError> {
    let mut folders = BTreeMap::new();
    let mut named = Vec::new();
    for path in paths {
        let dir = resolved(path)?;
        if !dir.is_dir() {
            let error = format!("{} is not a folder, and --group tree takes folders together", path.shown());
            return Err(CliError::usage(error).hint("give the folder that holds them, or each of them".to_owned()));
        }
        folders.extend(folders_below(&dir)?);
        named.push(dir);
    }
    Ok(joined(&named, &folders))
}

/// The films that go on from one of `paths` to the next: those whose file names hold date and time, so that the order is
/// beyond doubt. They are taken out of `contents`, which are what each of the paths holds by itself.
pub(crate) fn carried_on(paths: &[PathBuf], contents: &mut [Vec<Contents>]) -> Result<Vec<Found>, CliError> {
    let mut dirs: Vec<PathBuf> = paths.iter().map(|path| resolved(path)).collect::<Result<_, _>>()?;
    dirs.retain(|dir| dir.is_dir());
    if dirs.len() < 2 {
        return Ok(Vec::new());
    }
    let mut folders = BTreeMap::new();
    for dir in &dirs {
        folders.extend(folders_below(dir)?);
    }
    let films = joined(&dirs, &folders).into_iter().flat_map(|contents| contents.sequences);
    let mut carried = Vec::new();
    for film in films.filter(goes_on_by_time) {
        let frames: BTreeSet<PathBuf> = paths_of(&film).collect();
        let is_whole = |found: &Found| paths_of(found).all(|path| frames.contains(&path));
        let all = || contents.iter().flatten();
        let in_films = all().flat_map(|folder| &folder.sequences).filter(|found| is_whole(found));
        let in_films: BTreeSet<PathBuf> = in_films.flat_map(paths_of).collect();
        let singles = all().flat_map(|folder| folder.singles.iter().map(|name| folder.dir.join(os_name(name))));
        let singles = singles.filter(|path| frames.contains(path)).collect::<BTreeSet<_>>();
        if in_films.union(&singles).count() < frames.len() {
            // By itself one of the folders reads differently: it stays by itself.
            continue;
        }
        for folder in contents.iter_mut().flatten() {
            folder.sequences.retain(|found| !is_whole(found));
            folder.singles.retain(|name| !frames.contains(&folder.dir.join(os_name(name))));
        }
        carried.push(film);
    }
    Ok(carried)
}

/// The folders that the frames of a film are in.
pub(crate) fn folders_of(film: &Found) -> BTreeSet<PathBuf> {
    paths_of(film).filter_map(|path| path.parent().map(Path::to_path_buf)).collect()
}

fn goes_on_by_time(film: &Found) -> bool {
    let goes_on = matches!(film.pattern.kind, Kind::Folders { across: Across::GoesOn, .. });
    goes_on && !film.pattern.has_gaps() && film.looks_like.is_none() && folders_of(film).len() > 1
}

fn paths_of(film: &Found) -> impl Iterator<Item = PathBuf> {
    film.frames.iter().map(|frame| film.dir.join(os_name(&frame.file_name(&film.pattern))))
}

/// What the folders hold. `named` are those that somebody named, all others are below them.
fn joined(named: &[PathBuf], folders: &BTreeMap<PathBuf, FolderScan>) -> Vec<Contents> {
    let above = |dir: &Path| named.iter().all(|other| other.starts_with(dir));
    let base = named.first().and_then(|first| first.ancestors().find(|dir| above(dir))).unwrap_or(Path::new("/"));
    let mut homes: BTreeMap<PathBuf, FolderScan> = BTreeMap::new();
    for (dir, scan) in folders {
        let (home, within) = home(base, dir);
        take_in(homes.entry(home).or_default(), &within, scan);
    }
    homes.into_iter().map(|(dir, scan)| contents(&dir, &scan, &NameRule::Auto)).collect()
}

/// Takes into `all` what the folder `within` holds.
fn take_in(all: &mut FolderScan, within: &[u8], scan: &FolderScan) {
    let below = |name: &[u8]| BString::from([within, name].concat());
    all.files.extend(scan.files.iter().map(|(name, identity)| (below(name), *identity)));
    let Links { count, example, wanted } = &scan.links;
    all.links.count += count;
    if all.links.example.is_none() || *wanted && !all.links.wanted {
        all.links.example = example.as_ref().map(|name| below(name));
    }
    all.links.wanted |= wanted;
}
