//! What the contents of a file are known by.
//!
//! Times and sizes say whether a file may have changed; this says whether its bytes did. It is no protection against
//! somebody who makes two files alike on purpose: whoever may write a frame or a video may as well remove it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::frame::{FrameErrorKind, complete};
use crate::model::Identity;

/// How many bytes are read at once.
const BLOCK: usize = 1 << 20;

/// A hash of all bytes of a file: XXH3 in 128 bits, which is faster than reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest(u128);

impl Digest {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }

    /// Of a file, from its first byte to its last. Where the file was read or written before does not matter.
    pub fn of_file(file: &File) -> io::Result<Self> {
        let mut hash = Xxh3::new();
        let mut block = vec![0; BLOCK];
        let mut offset = 0;
        loop {
            match file.read_at(&mut block, offset) {
                Ok(0) => return Ok(Self(hash.digest128())),
                Ok(count) => {
                    hash.update(&block[..count]);
                    offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// As it is recorded.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// As it was recorded.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// What was read of a file.
///
/// Device, inode, size and modification time tell nearly every change; a program that writes into a file and puts the time
/// back, as archivers and copying tools do, escapes them. The time of the last change of any kind (`ctime`) cannot be put
/// back, but a new mode, owner, link or name changes it as well. So it only says that the bytes are to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// When the file had last changed in any way as its first byte was read, in nanoseconds since the Unix epoch. `None`
    /// where that was so short before that a further change might have got the same time.
    pub changed_ns: Option<i64>,
    /// What its bytes are known by, as they were read.
    pub digest: Digest,
}

/// Kernels count file times in ticks, of 10 ms at most.
const TICK: Duration = Duration::from_millis(20);

impl Contents {
    /// Of `bytes`, which were read of a file that was as `before` says when its first byte was.
    #[must_use]
    pub fn of(bytes: &[u8], before: &Metadata, opened: SystemTime) -> Self {
        let changed = UNIX_EPOCH + Duration::from_nanos(u64::try_from(changed_ns(before)).unwrap_or(0));
        // A clock of another machine, and one that was set back, say nothing here: then the bytes are compared.
        let is_settled = opened.duration_since(changed).is_ok_and(|age| age > TICK);
        Self { changed_ns: is_settled.then(|| changed_ns(before)), digest: Digest::of(bytes) }
    }
}

/// Whether the file at `path` is `identity` and has the bytes that were read of it. They are read again only where it has
/// changed in some way since then.
pub fn is_as_read(path: &Path, identity: &Identity, contents: &Contents) -> Result<bool, FrameErrorKind> {
    let (file, found) = complete::open(path)?;
    let changed = Some(changed_ns(&file.metadata()?));
    Ok(found == *identity && (changed == contents.changed_ns || Digest::of_file(&file)? == contents.digest))
}

/// When a file last changed in any way, in nanoseconds since the Unix epoch.
#[must_use]
pub fn changed_ns(meta: &Metadata) -> i64 {
    meta.ctime().saturating_mul(1_000_000_000).saturating_add(meta.ctime_nsec())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_is_known_by_all_of_its_bytes_wherever_its_position_is() {
        // Longer than one block, and no multiple of it.
        let mut bytes: Vec<u8> = (0..=250).cycle().take(BLOCK * 2 + 7).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        assert_eq!(Digest::of_file(&file).unwrap(), Digest::of(&bytes));
        assert_eq!(Digest::from_bytes(Digest::of(&bytes).to_bytes()), Digest::of(&bytes));
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_ne!(Digest::of_file(&file).unwrap(), Digest::of(&bytes));
    }

    #[test]
    fn the_time_of_a_change_counts_only_where_a_further_one_gets_another() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"frame").unwrap();
        let meta = file.metadata().unwrap();
        let changed = UNIX_EPOCH + Duration::from_nanos(changed_ns(&meta).try_into().unwrap());
        let read = |opened| Contents::of(b"frame", &meta, opened).changed_ns;
        assert_eq!(read(changed + Duration::from_secs(1)), Some(changed_ns(&meta)));
        assert_eq!(read(changed + Duration::from_millis(5)), None);
        assert_eq!(read(changed - Duration::from_secs(9)), None, "a clock that was set back");
    }
}
