//! What is in force: everything that follows from a config, made of it at once.
//!
//! Owns the one way to what holds for a folder. Nothing in it is ever changed: another config makes other settings, so
//! that what was derived from an earlier one cannot outlive it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Config, ConfigError, FolderFile, Root, dirs};
use crate::frame::limits;

/// A config, and what follows from it and from the files of folders.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As it is written.
    pub config: Arc<Config>,
    /// Where chunks are.
    pub chunk_dir: PathBuf,
    /// Where the config itself really is: in a folder that is watched, it is no file of that folder.
    config_file: PathBuf,
    /// Folders with a file of their own, and what holds for them.
    folders: BTreeMap<Arc<Path>, (FolderFile, Arc<Root>)>,
}

impl Settings {
    /// What follows from `config` for a daemon with this state directory.
    #[must_use]
    pub fn new(config: Config, state_dir: &Path) -> Self {
        let chunk_dir = dirs::chunk_dir(config.encoder.chunk_dir.as_deref(), state_dir);
        let config_file = config.real_file();
        Self { config: Arc::new(config), chunk_dir, config_file, folders: BTreeMap::new() }
    }

    /// What holds for the folder `dir`: the settings of the root that it is in, with what its own file says of them. Of folders
    /// that follow each other, it is the file of the folder that their film belongs to. `None` where it is not watched, which a
    /// folder that `recursive` or `exclude` leaves out is not, although it is in a root.
    #[must_use]
    pub fn of(&self, dir: &Path) -> Option<&Root> {
        let root = self.root_of(dir)?;
        if self.folders.is_empty() {
            return Some(root);
        }
        let (home, _) = root.home_of(dir);
        Some(self.folders.get(home.as_path()).map_or(root, |(_, root)| root))
    }

    /// The root that the folder `dir` is in, if it is watched.
    fn root_of(&self, dir: &Path) -> Option<&Root> {
        self.config.root_of(dir).filter(|root| root.reads_folder(dir))
    }

    /// These settings where the folder `dir` has this file, or none.
    ///
    /// # Errors
    ///
    /// When something in the file is wrong.
    pub fn with_file(&self, dir: &Arc<Path>, file: Option<FolderFile>) -> Result<Self, ConfigError> {
        let mut folders = self.folders.clone();
        match (file, self.root_of(dir)) {
            (Some(file), Some(root)) if root.folder_config && !self.is_config(&file) => {
                let own = file.over(root, &self.config.presets, &self.config.roots)?;
                folders.insert(Arc::clone(dir), (file, Arc::new(own)));
            }
            _ => _ = folders.remove(dir),
        }
        Ok(Self { folders, ..self.clone() })
    }

    /// Whether this is the config that is in force, which may be in a folder that it watches.
    #[must_use]
    pub fn is_config(&self, file: &FolderFile) -> bool {
        file.path() == self.config_file
    }

    /// The file that the folder `dir` is known to have.
    #[must_use]
    pub fn file_of(&self, dir: &Path) -> Option<&FolderFile> {
        self.folders.get(dir).map(|(file, _)| file)
    }

    /// The folders with a file of their own, and what holds for them.
    pub fn folders(&self) -> impl Iterator<Item = (&Arc<Path>, &FolderFile, &Root)> {
        self.folders.iter().map(|(dir, (file, root))| (dir, file, &**root))
    }
}

/// The settings that hold now, for the loop and for its workers.
#[derive(Debug, Clone)]
pub struct InForce(Arc<Mutex<Arc<Settings>>>);

impl InForce {
    /// These hold from now on.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        limits::set(settings.config.limits);
        Self(Arc::new(Mutex::new(Arc::new(settings))))
    }

    /// Those of this moment. A worker whose next step must not go by old ones asks anew for each.
    #[must_use]
    pub fn now(&self) -> Arc<Settings> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// These hold from now on, instead of those before.
    pub fn replace(&self, settings: Arc<Settings>) {
        limits::set(settings.config.limits);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_left_out_has_no_settings() {
        let text =
            "[[watch]]\npath = \"/a\"\nexclude = [\"old\", \"/x/y\"]\n[[watch]]\npath = \"/b\"\nrecursive = false\n";
        let settings = Settings::new(Config::parse(text, Path::new("/etc/reeld.toml")).unwrap(), Path::new("/state"));
        let root = |dir: &str| settings.of(Path::new(dir)).map(|root| root.path.display().to_string());
        for (dir, expected) in [
            ("/a", Some("/a")),
            ("/a/new/1", Some("/a")),
            ("/a/old", None),
            ("/a/new/old/1", None),
            ("/a/x", Some("/a")),
            ("/a/x/y/z", None),
            ("/b", Some("/b")),
            ("/b/c", None),
            ("/c", None),
        ] {
            assert_eq!(root(dir).as_deref(), expected, "{dir}");
        }
    }
}
