//! What to do about a path that cannot be used, by what is on the disk at this moment.
//!
//! Owns the words for it, so that the journal, the chunks, the videos, the config and the socket give the same advice. It only
//! looks; it never makes, opens or changes anything.
//!
//! The errno alone is not enough: ENOTDIR and EEXIST do not say which part of the path is the file, and ENOENT is both a folder
//! that was not made and a link that leads nowhere. Advice that contradicts the disk costs more than none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::text::printable::Show as _;

/// What is at a part of a path where something else is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Obstacle {
    /// Neither a folder nor a link to one, where a folder is needed.
    NotAFolder(PathBuf),
    /// A link whose target does not exist.
    DanglingLink(PathBuf),
    /// A folder, where a file is needed.
    Folder(PathBuf),
}

/// What to do about `path`, which could not be used because of `source`. `setting` is what names another path.
pub(crate) fn hint(path: &Path, source: &io::Error, setting: &str) -> String {
    use io::ErrorKind as Kind;
    match source.kind() {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
            format!("free some space, raise the quota, or set {setting} to another disk")
        }
        Kind::ReadOnlyFilesystem => {
            format!(
                "remount the disk read-write, or set {setting} elsewhere; under systemd add the folder to `ReadWritePaths=`"
            )
        }
        Kind::PermissionDenied => format!(
            "let the user that reeld runs as write to {}, or set {setting} elsewhere; under systemd add it to `ReadWritePaths=` too",
            nearest(path).shown()
        ),
        kind => match obstacle(path) {
            Some(Obstacle::NotAFolder(part)) => {
                format!(
                    "{} is in the way, because it is not a folder: move it, or set {setting} elsewhere",
                    part.shown()
                )
            }
            Some(Obstacle::DanglingLink(part)) => {
                format!(
                    "{} is a link that leads nowhere: make what it leads to, or set {setting} elsewhere",
                    part.shown()
                )
            }
            Some(Obstacle::Folder(part)) if kind == Kind::IsADirectory => {
                format!("{} is in the way, because it is a folder: move it, or set {setting} elsewhere", part.shown())
            }
            _ if kind == Kind::NotFound => {
                format!("mount or make {}, or set {setting} elsewhere", path.parent().unwrap_or(path).shown())
            }
            _ => format!("look at {} and at its disk, or set {setting} elsewhere", nearest(path).shown()),
        },
    }
}

/// What to do about the folder `path`, which may not be read.
pub(crate) fn access_hint(path: &Path) -> String {
    let hint = "the user that reeld runs as must be able to read and enter it";
    // What `ProtectHome=` hides, systemd.exec(5).
    let is_home = ["/home", "/root", "/run/user"].iter().any(|home| path.starts_with(home));
    if is_home { format!("{hint}; under systemd see `ProtectHome=`") } else { hint.to_owned() }
}

/// What to do about the folder `path`, which is not there for this process, if others may see it.
pub(crate) fn hidden_hint(path: &Path) -> Option<&'static str> {
    let is_temporary = ["/tmp", "/var/tmp"].iter().any(|folder| path.starts_with(folder));
    is_temporary.then_some("under systemd see `PrivateTmp=`: a service may have a /tmp of its own")
}

/// Why `path` is no folder and cannot be made one, if that can be seen.
pub(crate) fn no_folder(path: &Path) -> Option<String> {
    match obstacle(path)? {
        Obstacle::NotAFolder(part) => Some(format!("{} is not a folder", part.shown())),
        Obstacle::DanglingLink(part) => Some(format!("{} is a link that leads nowhere", part.shown())),
        Obstacle::Folder(_) => None,
    }
}

/// Why there is no file at `path`, if more can be seen than that there is none.
pub(crate) fn no_file(path: &Path) -> Option<String> {
    match obstacle(path)? {
        Obstacle::NotAFolder(part) if part == path => None,
        _ => no_folder(path),
    }
}

/// The first part of `path` that is not what it should be.
fn obstacle(path: &Path) -> Option<Obstacle> {
    let mut parts: Vec<&Path> = path.ancestors().filter(|part| !part.as_os_str().is_empty()).collect();
    parts.reverse();
    for part in parts {
        let entry = fs::symlink_metadata(part).ok()?;
        match fs::metadata(part) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Some(Obstacle::NotAFolder(part.to_path_buf())),
            Err(_) if entry.is_symlink() => return Some(Obstacle::DanglingLink(part.to_path_buf())),
            Err(_) => return None,
        }
    }
    Some(Obstacle::Folder(path.to_path_buf()))
}

/// `path`, or what exists of it: that is where a permission is lacking.
fn nearest(path: &Path) -> &Path {
    path.ancestors().find(|part| fs::symlink_metadata(part).is_ok()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn hint_of(path: &Path, used: io::Result<()>) -> String {
        hint(path, &used.unwrap_err(), "`x`")
    }

    #[test]
    fn the_advice_names_what_is_on_the_disk() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("nowhere"), at("link")).unwrap();
        let made = |path: &Path| fs::create_dir_all(path);
        let written = |path: &Path| fs::write(path, "");
        let told = |text: &str| text.replace(home.path().to_str().unwrap(), "T");

        for path in [at("file"), at("file/below"), at("file/below/it")] {
            let text = told(&hint_of(&path, made(&path)));
            assert_eq!(
                text, "T/file is in the way, because it is not a folder: move it, or set `x` elsewhere",
                "{path:?}"
            );
        }
        let text = told(&hint_of(&at("folder"), written(&at("folder"))));
        assert_eq!(text, "T/folder is in the way, because it is a folder: move it, or set `x` elsewhere");
        for path in [at("link"), at("link/below")] {
            let text = told(&hint_of(&path, made(&path)));
            assert_eq!(
                text, "T/link is a link that leads nowhere: make what it leads to, or set `x` elsewhere",
                "{path:?}"
            );
        }
        let text = told(&hint_of(&at("none/below"), written(&at("none/below"))));
        assert_eq!(text, "mount or make T/none, or set `x` elsewhere");
    }

    #[test]
    fn what_a_unit_hides_is_said() {
        assert!(access_hint(Path::new("/home/artist/out")).ends_with("; under systemd see `ProtectHome=`"));
        assert!(!access_hint(Path::new("/srv/home")).contains("ProtectHome"));
        assert!(hidden_hint(Path::new("/tmp/frames")).is_some_and(|hint| hint.contains("PrivateTmp=")));
        assert_eq!(hidden_hint(Path::new("/srv/tmp")), None);
    }

    #[test]
    fn a_lacking_permission_is_of_the_part_that_exists() {
        let home = tempfile::tempdir().unwrap();
        let text = hint(&home.path().join("a/b"), &io::ErrorKind::PermissionDenied.into(), "`x`");
        assert!(
            text.starts_with(&format!("let the user that reeld runs as write to {}, or", home.path().shown())),
            "{text}"
        );
    }
}
