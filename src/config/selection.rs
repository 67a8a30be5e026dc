//! Which files below a root are looked at.
//!
//! Owns what `recursive`, `include` and `exclude` mean for a path, and the text by which the journal remembers them: what
//! an earlier selection hid was there before, however new it looks to a later one. It performs no I/O.

use std::path::Path;

use globset::{Glob, GlobSet};
use serde::{Deserialize, Serialize};

use super::globs;
use crate::sequence::name::EXTENSIONS;

/// Which files below a root are looked at, by their paths relative to it.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Whether folders below the root are watched too.
    pub recursive: bool,
    /// File paths that may be frames; all when `None`.
    pub include: Option<GlobSet>,
    /// File and folder paths that are left alone; what is in such a folder matches too.
    pub exclude: GlobSet,
    written: Written,
}

/// A selection as the journal keeps it. Two that are equal show the same files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    recursive: bool,
    include: Option<Vec<String>>,
    exclude: Vec<String>,
    /// The extensions that were those of frames: a later reeld may read formats that this one does not look at.
    extensions: Vec<String>,
}

impl Selection {
    /// The selection by these globs. Fails where they are too large together.
    pub(super) fn new(recursive: bool, include: Option<&[Glob]>, exclude: &[Glob]) -> Result<Self, globset::Error> {
        let texts = |globs: &[Glob]| globs.iter().map(|glob| glob.glob().to_owned()).collect();
        let written = Written {
            recursive,
            include: include.map(texts),
            exclude: texts(exclude),
            extensions: EXTENSIONS.map(str::to_owned).to_vec(),
        };
        Self::of(written, include, exclude)
    }

    /// Every image below the root.
    pub(super) fn everything() -> Self {
        let extensions = EXTENSIONS.map(str::to_owned).to_vec();
        let written = Written { recursive: true, include: None, exclude: Vec::new(), extensions };
        Self { recursive: true, include: None, exclude: GlobSet::empty(), written }
    }

    fn of(written: Written, include: Option<&[Glob]>, exclude: &[Glob]) -> Result<Self, globset::Error> {
        let include = include.map(globs::set).transpose()?;
        let exclude = globs::trees(exclude)?;
        Ok(Self { recursive: written.recursive, include, exclude, written })
    }

    /// What [`to_text`](Self::to_text) made; `None` where the text is of another version.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let written: Written = serde_json::from_str(text).ok()?;
        let compile =
            |texts: &[String]| texts.iter().map(|text| globs::compiled(text).ok()).collect::<Option<Vec<_>>>();
        let include = match &written.include {
            Some(texts) => Some(compile(texts)?),
            None => None,
        };
        let exclude = compile(&written.exclude)?;
        Self::of(written, include.as_deref(), &exclude).ok()
    }

    /// The selection in one line, for [`from_text`](Self::from_text) of this or a later version.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Strings and lists of strings have a JSON form, so that this cannot fail.
        serde_json::to_string(&self.written).unwrap_or_default()
    }

    /// Whether the file at this path may be a frame, as far as `include` and `exclude` go.
    #[must_use]
    pub fn admits(&self, path: &Path) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(path)) && !self.exclude.is_match(path)
    }

    /// Whether `include` and `exclude` are empty, so that no path has to be made to ask them.
    #[must_use]
    pub(super) fn admits_all(&self) -> bool {
        self.include.is_none() && self.exclude.is_empty()
    }

    /// Whether the folder at this path, which is not the root itself, is read.
    #[must_use]
    pub fn reads_folder(&self, path: &Path) -> bool {
        self.recursive && !self.exclude.is_match(path)
    }

    /// Whether the image at this path is looked at.
    #[must_use]
    pub fn shows(&self, path: &Path) -> bool {
        let known = |extension: &str| self.written.extensions.iter().any(|known| known.eq_ignore_ascii_case(extension));
        (self.recursive || path.components().count() == 1)
            && path.extension().and_then(|extension| extension.to_str()).is_some_and(known)
            && self.admits(path)
    }
}

/// Two selections are equal where they show the same files by the same words.
impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Selection {}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(recursive: bool, include: Option<&[&str]>, exclude: &[&str]) -> Selection {
        let globs = |texts: &[&str]| texts.iter().map(|text| globs::path(text).unwrap()).collect::<Vec<_>>();
        Selection::new(recursive, include.map(globs).as_deref(), &globs(exclude)).unwrap()
    }

    #[test]
    fn a_selection_outlives_its_text() {
        for (recursive, include, exclude) in [
            (true, None, &[][..]),
            (false, Some(&["*.png", "/top/*.jpg"][..]), &["previews/", "a/**/old", "[!x]?.{png,jpg}"][..]),
            (true, Some(&[][..]), &["temp"][..]),
        ] {
            let one = selection(recursive, include, exclude);
            let again = Selection::from_text(&one.to_text()).unwrap();
            assert_eq!(again, one);
            for path in ["a.png", "a/b.png", "top/a.jpg", "x/top/a.jpg", "previews/a.png", "a/old/a.png", "temp/1.png"]
            {
                assert_eq!(again.shows(Path::new(path)), one.shows(Path::new(path)), "{path}");
            }
        }
        assert!(Selection::from_text("").is_none() && Selection::from_text("{}").is_none());
    }

    #[test]
    fn a_file_is_shown_by_its_folder_its_name_and_its_format() {
        let all = selection(true, None, &[]);
        assert!(
            all.shows(Path::new("a/b/c.PNG")) && !all.shows(Path::new("a/b/c.txt")) && !all.shows(Path::new("png"))
        );
        let top = selection(false, None, &[]);
        assert!(top.shows(Path::new("c.png")) && !top.shows(Path::new("a/c.png")));
        let some = selection(true, Some(&["*.png"]), &["temp"]);
        assert!(some.shows(Path::new("a/c.png")));
        assert!(!some.shows(Path::new("c.jpg")) && !some.shows(Path::new("a/temp/c.png")));
        let before_exr = all.to_text().replace("\"exr\",", "");
        assert!(!Selection::from_text(&before_exr).unwrap().shows(Path::new("c.exr")));
    }
}
