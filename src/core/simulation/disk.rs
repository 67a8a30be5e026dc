//! A pretend disk: files of frames and markers in folders, with writers that do what renderers do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bstr::BString;

use super::Random;
use crate::model::Identity;

/// The folders, and what is in them.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) folders: BTreeMap<Arc<Path>, BTreeMap<BString, Identity>>,
    next_file: u64,
    /// What the user removed, or wrote over.
    pub(super) given_up: BTreeSet<Identity>,
}

/// A render: frames of one name, one after the other.
#[derive(Debug)]
pub(super) struct Render {
    pub(super) dir: Arc<Path>,
    prefix: String,
    next: u64,
}

/// What a writer did.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) dir: Arc<Path>,
    pub(super) name: BString,
}

impl Disk {
    /// A file with other contents than any before it. Of no bytes, it is a placeholder.
    fn write(&mut self, dir: &Arc<Path>, name: &BString, size: u64) -> Change {
        self.next_file += 1;
        let number = i64::try_from(self.next_file).unwrap();
        let ino = self.folders.get(dir).and_then(|files| files.get(name)).map_or(self.next_file, |file| file.ino);
        let identity = Identity { dev: 1, ino, size, mtime_ns: number };
        let before = self.folders.entry(Arc::clone(dir)).or_default().insert(name.clone(), identity);
        self.given_up.extend(before);
        Change { dir: Arc::clone(dir), name: name.clone() }
    }

    /// Removes a file if it still is this one.
    pub(super) fn remove(&mut self, dir: &Path, identity: &Identity) -> Option<BString> {
        let files = self.folders.get_mut(dir)?;
        let name = files.iter().find(|(_, file)| *file == identity).map(|(name, _)| name.clone())?;
        files.remove(&name);
        Some(name)
    }

    pub(super) fn has(&self, dir: &Path, identity: &Identity) -> bool {
        self.folders.get(dir).is_some_and(|files| files.values().any(|file| file == identity))
    }

    /// What the writer of `render` does next.
    pub(super) fn go_on(&mut self, render: &mut Render, random: &mut Random) -> Change {
        let name = |number: u64| BString::from(format!("{}_{number:04}.png", render.prefix));
        let dir = Arc::clone(&render.dir);
        match random.below(24) {
            // A frame comes late, after the one that follows it.
            0 => {
                render.next += 2;
                self.write(&dir, &name(render.next - 1), 9)
            }
            // A placeholder, as render farms write them.
            1 => {
                render.next += 1;
                self.write(&dir, &name(render.next - 1), 0)
            }
            // A frame is rendered again, a placeholder filled, or a gap closed.
            2 | 3 if render.next > 0 => {
                let back = u64::try_from(random.below(4)).unwrap();
                self.write(&dir, &name(render.next.saturating_sub(1 + back)), 9)
            }
            // The user removes a frame.
            4 if render.next > 0 => {
                let name = name(render.next - 1);
                if let Some(identity) = self.folders.get_mut(&dir).and_then(|files| files.remove(&name)) {
                    self.given_up.insert(identity);
                }
                Change { dir, name }
            }
            // The counter starts again, or jumps.
            5 if random.once_in(4) => {
                render.next = *random.pick(&[0, 0, 2_000, 100]);
                self.write(&dir, &name(render.next), 9)
            }
            _ => {
                render.next += 1;
                self.write(&dir, &name(render.next - 1), 9)
            }
        }
    }

    /// Says that the frames of `render` are complete, by its name or for the whole folder.
    pub(super) fn mark(&mut self, render: &Render, random: &mut Random) -> Change {
        let bare = BString::from(".done");
        let named = BString::from(format!("{}.done", render.prefix));
        let name = if random.once_in(2) { bare } else { named };
        self.write(&render.dir, &name, 1)
    }
}

impl Render {
    pub(super) fn new(dir: &Arc<Path>, prefix: &str) -> Self {
        Self { dir: Arc::clone(dir), prefix: prefix.to_owned(), next: 0 }
    }
}
