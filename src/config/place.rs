//! Paths of the configuration: what they are relative to, and which are within which.

use std::path::{Component, Path, PathBuf};

use super::dirs::{Env, home};
use super::error::Complaint;
use super::units::printable;

/// Where a configuration stands.
#[derive(Debug)]
pub(super) struct Place {
    /// The file's folder, absolute.
    folder: PathBuf,
    home: Option<PathBuf>,
}

impl Place {
    pub(super) fn of(file: &Path, env: Env<'_>) -> Self {
        // Fails only where the process has no working folder; a relative path then stays one of the root.
        let file = std::path::absolute(file).unwrap_or_else(|_| Path::new("/").join(file));
        Self { folder: file.parent().unwrap_or(Path::new("/")).to_owned(), home: home(env) }
    }

    /// `path` from the configuration's folder, absolute, with `~/` expanded.
    pub(super) fn resolve(&self, path: &Path) -> Result<PathBuf, Complaint> {
        Ok(normalised(&self.folder.join(self.expand(path)?)))
    }

    /// `path` with `~/` expanded, else as it is.
    pub(super) fn expand(&self, path: &Path) -> Result<PathBuf, Complaint> {
        let mut components = path.components();
        let first = components.next().map(Component::as_os_str).unwrap_or_default();
        if first == "~" {
            let hint = "write the path in full, or set HOME";
            let home = self.home.as_ref().ok_or_else(|| Complaint::new("`~` needs HOME, which is not set", hint))?;
            return Ok(home.join(components.as_path()));
        }
        if first.as_encoded_bytes().starts_with(b"~") {
            let message = format!("`{}` is not expanded", printable(&first.to_string_lossy()));
            return Err(Complaint::new(message, "only `~/` is; write the path in full, or with `./` in front"));
        }
        Ok(path.to_owned())
    }
}

/// `path` without `.` and `..`, by name alone: the folders need not exist, and links are not followed.
pub(super) fn normalised(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts
}

/// `path` as the disk has it: links are followed in the part of it that exists.
pub(crate) fn real(path: &Path) -> PathBuf {
    let found = path.ancestors().find_map(|above| Some((above.canonicalize().ok()?, path.strip_prefix(above).ok()?)));
    // Pushing an empty rest would leave a slash at the end.
    found.map_or_else(|| path.to_owned(), |(above, rest)| above.components().chain(rest.components()).collect())
}

/// Whether one contains the other or is the other, by name or, where both exist, on the disk.
pub(super) fn overlap(a: &Path, b: &Path) -> bool {
    let within = |a: &Path, b: &Path| a.starts_with(b) || b.starts_with(a);
    let real = || Some((a.canonicalize().ok()?, b.canonicalize().ok()?));
    within(a, b) || real().is_some_and(|(a, b)| within(&a, &b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(home: Option<&str>) -> Place {
        Place { folder: "/etc/reeld".into(), home: home.map(PathBuf::from) }
    }

    #[test]
    fn paths_start_at_the_configuration_or_at_home() {
        let place = place(Some("/home/u"));
        let resolve = |path: &str| place.resolve(Path::new(path)).unwrap().display().to_string();
        assert_eq!(resolve("renders"), "/etc/reeld/renders");
        assert_eq!(resolve("../../srv/./renders/"), "/srv/renders");
        assert_eq!(resolve("/srv//renders"), "/srv/renders");
        assert_eq!(resolve("~/renders"), "/home/u/renders");
        assert_eq!(resolve("~"), "/home/u");
        assert_eq!(resolve("./~odd"), "/etc/reeld/~odd");
        assert!(place.resolve(Path::new("~root/x")).is_err());
    }

    #[test]
    fn without_home_there_is_no_tilde() {
        assert!(place(None).resolve(Path::new("~/x")).is_err());
        assert!(place(None).resolve(Path::new("x")).is_ok());
    }

    #[test]
    fn what_exists_of_a_path_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().canonicalize().unwrap();
        std::fs::create_dir(at.join("real")).unwrap();
        std::os::unix::fs::symlink("real", at.join("link")).unwrap();
        assert_eq!(real(&at.join("link")), at.join("real"));
        assert_eq!(real(&at.join("link/not/there")), at.join("real/not/there"));
        assert_eq!(real(Path::new("/not/there")), Path::new("/not/there"));
    }

    #[test]
    fn links_overlap_with_what_they_lead_to() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        std::fs::create_dir_all(real.join("below")).unwrap();
        std::os::unix::fs::symlink(real.join("below"), &link).unwrap();
        assert!(overlap(&real, &link));
        assert!(!overlap(&real.join("below"), &dir.path().join("other")));
        assert!(!overlap(Path::new("/srv/renders"), Path::new("/srv/renders2")));
        assert!(overlap(Path::new("/srv/renders"), Path::new("/srv/renders/a")));
    }
}
