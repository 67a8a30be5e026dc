//! Chunks of disks that came back under another device number: see [`Journal::renumber`].

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rusqlite::named_params;

use super::{KeyedChunk, packed};
use crate::deliver::publish::find_again;
use crate::journal::{Journal, JournalError};

impl Journal {
    pub(in crate::journal) fn renumber_chunks(&self, root: &Path) -> Result<(), JournalError> {
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
    chunk.chunk.frames.iter().filter(|frame| frame.identity.dev != folder.dev()).find_map(|frame| {
        let path = chunk.dir.join(OsStr::from_bytes(&chunk.pattern.name(frame.number)));
        let found = find_again(&path, &frame.identity).ok().flatten()?;
        (found.dev != frame.identity.dev).then_some((frame.identity.dev, found.dev))
    })
}
