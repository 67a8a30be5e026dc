//! Chunks of disks that came back under another device number: see [`Journal::remap_devices`].

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rusqlite::named_params;

use super::{KeyedChunk, packed};
use crate::files::identity_of;
use crate::journal::{Journal, JournalError};
use crate::model::Identity;

impl Journal {
    pub(in crate::journal) fn remap_chunks(&self, root: &Path) -> Result<(), JournalError> {
        let mut chunks = self.chunks()?;
        chunks.retain(|chunk| chunk.dir.starts_with(root));
        for mut chunk in chunks {
            let Some((old, new)) = new_device(&chunk) else { continue };
            for frame in &mut chunk.chunk.frames {
                if frame.identity.dev == old {
                    frame.identity.dev = new;
                }
            }
            let frames = packed::pack(&chunk.chunk.frames);
            self.with(|connection| {
                connection.execute(
                    "UPDATE chunks SET frames = :frames WHERE id = :id",
                    named_params! {":id": chunk.chunk.id, ":frames": frames},
                )
            })?;
        }
        Ok(())
    }
}

/// The old and the new number, if a frame is found again under another one. The frames of a folder share a file system.
fn new_device(chunk: &KeyedChunk) -> Option<(u64, u64)> {
    let folder = chunk.dir.metadata().ok()?;
    let moved = chunk.chunk.frames.iter().filter(|frame| frame.identity.dev != folder.dev());
    let moved: HashMap<u64, Identity> = moved.map(|frame| (frame.identity.ino, frame.identity)).collect();
    if moved.is_empty() {
        return None;
    }
    // A chunk's record has no names, so the files are found by their inodes.
    let files = fs::read_dir(&chunk.dir).ok()?.flatten();
    let mut files = files.filter_map(|entry| fs::symlink_metadata(entry.path()).ok()).filter(fs::Metadata::is_file);
    files.find_map(|meta| {
        let (found, old) = (identity_of(&meta), moved.get(&meta.ino())?);
        (found == Identity { dev: found.dev, ..*old }).then_some((old.dev, found.dev))
    })
}
