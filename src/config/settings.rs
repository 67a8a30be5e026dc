//! What is in force: everything that follows from a config, made of it at once.
//!
//! Owns the one way to what holds for a folder. Nothing in it is ever changed: another config makes other settings, so
//! that what was derived from an earlier one cannot outlive it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Config, Root, dirs};
use crate::frame::limits;

/// A config, and what follows from it.
#[derive(Debug)]
pub struct Settings {
    /// As it is written.
    pub config: Config,
    /// Where chunks are.
    pub chunk_dir: PathBuf,
}

impl Settings {
    /// What follows from `config` for a daemon with this state directory.
    #[must_use]
    pub fn new(config: Config, state_dir: &Path) -> Self {
        let chunk_dir = dirs::chunk_dir(config.encoder.chunk_dir.as_deref(), state_dir);
        Self { config, chunk_dir }
    }

    /// What holds for the folder `dir`: the settings of the root that it is in. `None` where it is not watched, which a
    /// folder that `recursive` or `exclude` leaves out is not, although it is in a root.
    #[must_use]
    pub fn of(&self, dir: &Path) -> Option<&Root> {
        self.config.root_of(dir).filter(|root| root.reads_folder(dir))
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
