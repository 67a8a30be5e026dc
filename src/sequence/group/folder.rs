//! Folders that follow each other: what orders them, and from where on they are one tree.
//!
//! It is decided for one path at a time, unlike file names: the folder that a film belongs to must not depend on which
//! other folders happen to be there.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::sequence::DAY_NS;
use crate::sequence::group::cut::{DigitRun, Table, cut};
use crate::sequence::group::fold::{PartKind, fold};
use crate::sequence::group::stamp::{self, Unit};
use crate::sequence::pattern::is_version;

/// Which files can be one film.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those of one folder.
    #[default]
    Folder,
    /// Also those of folders that follow each other.
    Tree,
}

/// What orders a folder among its like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FolderKey {
    /// Nanoseconds since 1970, or a number.
    pub value: i64,
    /// How long the time lasts that the folder is named after; `None` where its name holds a number.
    pub grain: Option<i64>,
    /// The path with a mark in place of what orders it: folders that follow each other share it.
    pub family: Vec<u8>,
    /// The path as people see it.
    pub shown: Vec<u8>,
    /// Where what orders it begins.
    start: usize,
}

/// Stand for a number that orders a folder, and for a time: one of them says nothing about the other. No path contains them.
const NUMBER: &[u8] = b"\0";
const STAMP: &[u8] = b"\0\0";

const SECOND_NS: i64 = 1_000_000_000;
const HOUR_NS: i64 = 3600 * SECOND_NS;
const MINUTE_NS: i64 = 60 * SECOND_NS;

impl FolderKey {
    /// Reads a path that ends with a slash. The first date or time of day in it orders the folder, else the last number;
    /// `None` where there is neither. Versions order nothing.
    pub(super) fn read(path: &[u8]) -> Option<Self> {
        // With an extension of its own, so that none is seen in `2025.03.01`.
        let name = [path, b".x"].concat();
        let (mut runs, names) = (Vec::new(), [name.as_slice()]);
        cut(&name, &mut runs);
        let table = Table::new(&names, vec![0]);
        let (parts, _) = fold(&table, 0);
        let stamp = parts.iter().find_map(|part| match &part.rule.kind {
            PartKind::Stamp(form) => Some((part, form)),
            _ => None,
        });
        let Some((part, form)) = stamp else {
            // `v001` and `v002` are the same again, not one after the other.
            let DigitRun { start, end, value, .. } = runs.into_iter().rfind(|run| !is_version(&path[..run.start]))?;
            return Some(Self::of(path, start, end, value, None));
        };
        let (first, last) = (part.rule.first_column(), part.rule.last_column());
        let (start, mut end) = (runs[first].start, runs[last].end);
        let (mut value, mut grain) = (part.values[0], stamp::grain(form));
        if Unit::of(form) == Unit::Day {
            // `2025-03-01/12/34/`: folders of two digits right below a day are its hours, and their minutes.
            for (most, unit) in [(23, HOUR_NS), (59, MINUTE_NS)] {
                let Some(below) = two_digits(&path[end..]).filter(|below| *below <= most) else { break };
                (value, grain, end) = (value + below * unit, unit, end + 3);
            }
        }
        Some(Self::of(path, start, end, value, Some(grain)))
    }

    fn of(path: &[u8], start: usize, end: usize, value: i64, grain: Option<i64>) -> Self {
        let with = |text: &[u8]| [&path[..start], text, &path[end..]].concat();
        let (mark, shown): (_, &[u8]) = if grain.is_some() { (STAMP, b"{stamp}") } else { (NUMBER, b"#") };
        Self { value, grain, family: with(mark), shown: with(shown), start }
    }
}

/// The number in `/12/`.
fn two_digits(path: &[u8]) -> Option<i64> {
    match path {
        [b'/', tens, ones, b'/', ..] if tens.is_ascii_digit() && ones.is_ascii_digit() => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    }
}

/// The folder in which the files of `dir` are films together with those of the folders that follow it, and the path from
/// there to `dir`, with a slash at its end. It is `root` or below it; it is `dir` itself where nothing in the path from
/// `root` says what could follow.
#[must_use]
pub fn home(root: &Path, dir: &Path) -> (PathBuf, Vec<u8>) {
    let below = dir.strip_prefix(root).unwrap_or(Path::new("")).as_os_str().as_bytes();
    let path = [below, b"/"].concat();
    let Some(key) = FolderKey::read(&path) else { return (dir.to_owned(), Vec::new()) };
    let start = path[..key.start].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let home = match path[..start].strip_suffix(b"/") {
        Some(below) => root.join(OsStr::from_bytes(below)),
        // Joined with nothing it would end with a slash.
        None => root.to_owned(),
    };
    (home, path[start..].to_vec())
}

/// What the folders that follow the one of this path share with it.
pub(crate) fn folder_family(path: &[u8]) -> Vec<u8> {
    FolderKey::read(path).map_or_else(|| path.to_vec(), |key| key.family)
}

/// Whether nothing tells which of two folders that follow each other comes first: `2025-03-01/` and `2025-3-1/`.
pub(crate) fn is_ordered_alike(one: &[u8], other: &[u8]) -> bool {
    let value = |path| FolderKey::read(path).map(|key| key.value);
    value(one) == value(other)
}

/// Whether a number is a time of day without a date.
pub(super) fn is_time_of_day(number: i64) -> bool {
    (0..DAY_NS).contains(&number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(dir: &str) -> (String, String) {
        let (home, path) = home(Path::new("/r"), Path::new(dir));
        (home.display().to_string(), String::from_utf8(path).unwrap())
    }

    fn key(path: &str) -> (i64, Option<i64>, String) {
        let key = FolderKey::read(path.as_bytes()).unwrap();
        (key.value, key.grain, String::from_utf8(key.shown).unwrap())
    }

    #[test]
    fn films_are_at_home_above_what_orders_their_folders() {
        let cases = [
            ("/r/2025-03-01", "/r", "2025-03-01/"),
            ("/r/Camera1/2025-03-01", "/r/Camera1", "2025-03-01/"),
            ("/r/a/2025/03/01", "/r/a", "2025/03/01/"),
            ("/r/2025-03-01/left", "/r", "2025-03-01/left/"),
            ("/r/2025-03-01/12", "/r", "2025-03-01/12/"),
            ("/r/20250301/cam2", "/r", "20250301/cam2/"),
            ("/r/DCIM/100MEDIA", "/r/DCIM", "100MEDIA/"),
            ("/r/DCIM/100MEDIA/raw", "/r/DCIM", "100MEDIA/raw/"),
            ("/r/shot_010/v2", "/r", "shot_010/v2/"),
            ("/r/shot/v2", "/r/shot/v2", ""),
            ("/r/walk", "/r/walk", ""),
            ("/r", "/r", ""),
        ];
        for (dir, home, path) in cases {
            assert_eq!(split(dir), (home.to_owned(), path.to_owned()), "{dir}");
        }
    }

    #[test]
    fn folders_are_ordered_by_time_or_number() {
        let day = key("2025-03-01/").0;
        assert_eq!(key("2025-03-01/"), (1_740_787_200 * SECOND_NS, Some(DAY_NS), "{stamp}/".into()));
        assert_eq!(key("2025.03.01/"), (day, Some(DAY_NS), "{stamp}/".into()));
        assert_eq!(key("2025/03/01/"), (day, Some(DAY_NS), "{stamp}/".into()));
        assert_eq!(key("20250301/left2/"), (day, Some(DAY_NS), "{stamp}/left2/".into()));
        assert_eq!(key("2025-03-01/12/"), (day + 12 * HOUR_NS, Some(HOUR_NS), "{stamp}/".into()));
        assert_eq!(key("2025-03-01/12/05/"), (day + 12 * HOUR_NS + 5 * MINUTE_NS, Some(MINUTE_NS), "{stamp}/".into()));
        assert_eq!(key("2025-03-01/24/"), (day, Some(DAY_NS), "{stamp}/24/".into()));
        assert_eq!(
            key("ev_2025-03-01_12-00-01/"),
            (day + 12 * HOUR_NS + SECOND_NS, Some(SECOND_NS), "ev_{stamp}/".into())
        );
        assert_eq!(key("100MEDIA/"), (100, None, "#MEDIA/".into()));
        assert_eq!(key("day2_take10/"), (10, None, "day2_take#/".into()));
        assert_eq!(FolderKey::read(b"walk/"), None);
    }
}
