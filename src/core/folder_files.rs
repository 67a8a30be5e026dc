//! Files with settings beside the frames: what they change, and what waits while one of them is wrong.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::config::{FolderFile, Root, Settings};
use crate::core::Core;
use crate::core::event::{Failure, FolderWord, ReadRequest, RootStatus};
use crate::core::news::News;
use crate::core::roots::WatchedRoot;
use crate::sequence::FrameNumber;
use crate::watch::dirty::Dirty;

impl Core {
    /// The folder `dir` was read, and says this of its videos. It holds at once, also for sequences that are open; what was
    /// encoded of them by other settings is made anew. A file that is wrong changes nothing, and the folder waits.
    pub(super) fn folder_says(&mut self, root: &Arc<Path>, dir: &Arc<Path>, word: FolderWord, is_first: bool) {
        let word = word.map(|file| file.filter(|file| !self.settings.is_config(file)));
        let known = self.settings.file_of(dir);
        if let Ok(file) = &word
            && file.as_ref() == known
            && !self.refused_files.contains_key(dir)
        {
            return;
        }
        let said = word.as_ref().ok().and_then(Option::as_ref).map(FolderFile::keys);
        let settings = word.and_then(|file| self.settings.with_file(dir, file).map_err(|error| Failure::of(&error)));
        match settings {
            Ok(settings) => {
                let is_like = |before: &Root, now: &Root| {
                    (&before.video, &before.rate_from, before.finish.generator)
                        == (&now.video, &now.rate_from, now.finish.generator)
                };
                let is_other =
                    !self.settings.of(dir).zip(settings.of(dir)).is_some_and(|(before, now)| is_like(before, now));
                self.refused_files.remove(dir);
                self.settings = Arc::new(settings);
                self.tell(News::FolderFile { dir: Arc::clone(dir), keys: said });
                if is_other {
                    self.live_folder_gone(dir);
                }
                for (home, pattern) in self.tracker.patterns() {
                    if home == *dir {
                        self.grew(&home, pattern, FrameNumber::MIN);
                    }
                }
                if !is_first {
                    // Its sequences may be finished by what holds now.
                    self.want(root, ReadRequest::Folders(vec![(Arc::clone(dir), Dirty::All)]));
                }
            }
            Err(failure) => {
                let is_known = self.refused_files.get(dir) == Some(&failure);
                if !is_known {
                    self.tell(News::FolderFileRefused { dir: Arc::clone(dir), failure: failure.clone() });
                    // What is encoded already stays: an editor may be in the middle of writing the file.
                    self.refused_files.insert(Arc::clone(dir), failure);
                }
            }
        }
        self.status_changed();
    }

    /// The files of folders that were known under earlier settings, under those that hold now. All folders are read anew, and
    /// say the same again or something else.
    pub(super) fn take_over_files(&mut self, old: &Settings) {
        self.refused_files.clear();
        for (dir, file, _) in old.folders() {
            match self.settings.with_file(dir, Some(file.clone())) {
                Ok(settings) => self.settings = Arc::new(settings),
                Err(error) => {
                    let failure = Failure::of(&error);
                    self.tell(News::FolderFileRefused { dir: Arc::clone(dir), failure: failure.clone() });
                    self.refused_files.insert(Arc::clone(dir), failure);
                }
            }
        }
    }

    /// The folder is gone, and its file with it.
    pub(super) fn folder_file_gone(&mut self, dir: &Arc<Path>) {
        self.refused_files.remove(dir);
        if self.settings.file_of(dir).is_some()
            && let Ok(settings) = self.settings.with_file(dir, None)
        {
            self.settings = Arc::new(settings);
        }
    }
}

/// What decides whether the settings of a folder are known.
#[derive(Clone, Copy)]
pub(super) struct FileRules<'c> {
    pub(super) settings: &'c Settings,
    pub(super) roots: &'c BTreeMap<Arc<Path>, WatchedRoot>,
    pub(super) refused: &'c BTreeMap<Arc<Path>, Failure>,
}

impl FileRules<'_> {
    /// Whether videos of the folder `dir` may be made: its own file was looked for, and is right.
    pub(super) fn may_encode(self, dir: &Path) -> bool {
        let root = self.settings.of(dir).and_then(|root| self.roots.get(&*root.path));
        // What is not there cannot be encoded, which the job finds out.
        let is_read = |root: &WatchedRoot| root.was_read || matches!(root.status, Some(RootStatus::Away { .. }));
        !self.refused.contains_key(dir) && root.is_none_or(is_read)
    }
}
