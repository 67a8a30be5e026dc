//! Opening folders without following links.
//!
//! It never resolves a path in one go below the folder that was named: a link put into the path later must not lead what is done
//! there somewhere else.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2};
use rustix::io::Errno;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Why a folder is not open.
#[derive(Debug)]
pub(crate) enum Unopened {
    /// It is not below the root.
    Outside,
    /// This folder cannot be opened, or is reached only through a link.
    Folder(PathBuf, Errno),
}

/// Opens `dir`, which is `root` or below it. Links in `root` itself are followed, since the configuration names it.
pub(crate) fn open_beneath(root: &Path, dir: &Path) -> Result<OwnedFd, Unopened> {
    let below = dir.strip_prefix(root).map_err(|_| Unopened::Outside)?;
    let names: Option<Vec<&OsStr>> = below
        .components()
        .map(|component| if let Component::Normal(name) = component { Some(name) } else { None })
        .collect();
    let names = names.ok_or(Unopened::Outside)?;
    let root_fd =
        openat(CWD, root, FOLDER, Mode::empty()).map_err(|errno| Unopened::Folder(root.to_path_buf(), errno))?;
    if names.is_empty() {
        return Ok(root_fd);
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let opened = match openat2(&root_fd, below, FOLDER, Mode::empty(), resolve) {
        // Before Linux 5.6, and in sandboxes that know only older calls.
        Err(Errno::NOSYS | Errno::PERM) => walk(root_fd, &names),
        opened => opened,
    };
    opened.map_err(|errno| Unopened::Folder(dir.to_path_buf(), errno))
}

fn walk(root: OwnedFd, names: &[&OsStr]) -> Result<OwnedFd, Errno> {
    names.iter().try_fold(root, |parent, name| open_child(&parent, name))
}

/// Opens a folder in a folder, but not through a link.
pub(crate) fn open_child(parent: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    openat(parent, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())
}

/// Opens a folder in a folder, and makes it where it is missing.
pub(crate) fn make_child(parent: impl AsFd, name: &OsStr, mode: u32) -> Result<OwnedFd, Errno> {
    match mkdirat(&parent, name, Mode::from_raw_mode(mode)) {
        Ok(()) | Err(Errno::EXIST) => open_child(parent, name),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_way_follows_a_link_below_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir_all(folder.path().join("elsewhere/b")).unwrap();
        symlink(folder.path().join("elsewhere"), root.join("link")).unwrap();
        symlink(&root, folder.path().join("entrance")).unwrap();

        for dir in ["", "a", "a/b"] {
            assert!(open_beneath(&root, &root.join(dir)).is_ok(), "{dir}");
        }
        let entrance = folder.path().join("entrance");
        assert!(open_beneath(&entrance, &entrance.join("a")).is_ok());
        for dir in ["link", "link/b"] {
            assert!(matches!(open_beneath(&root, &root.join(dir)), Err(Unopened::Folder(..))), "{dir}");
        }
        for dir in [folder.path().join("elsewhere"), root.join("../elsewhere")] {
            assert!(matches!(open_beneath(&root, &dir), Err(Unopened::Outside)), "{}", dir.display());
        }

        let names = |names: &[&'static str]| names.iter().map(|name| OsStr::new(*name)).collect::<Vec<_>>();
        let root_fd = || openat(CWD, &root, FOLDER, Mode::empty()).unwrap();
        assert!(walk(root_fd(), &names(&["a", "b"])).is_ok());
        assert!(walk(root_fd(), &names(&["link"])).is_err());
        assert!(walk(root_fd(), &names(&["link", "b"])).is_err());
    }
}
