//! Which files of a folder were there before their root was first watched.
//!
//! Owns what such a file is known by: a 64-bit hash of its name, size and modification time, so that a million of them
//! are eight megabytes in the journal and in memory. It performs no I/O.
//!
//! Why they count as others: a folder that is watched for the first time may be an archive, or hold work of years. Silence
//! there says nothing about when its files were made, and whoever adds a folder to the config has not asked for videos of
//! what is in it, still less for the removal of its frames.

use sha2::{Digest as _, Sha256};

use crate::model::Identity;

/// The files of one folder that were there before, as far as a reading has to know them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ExistingFiles {
    /// None of those that the reading shows, or the tracker knows them already.
    #[default]
    None,
    /// Every file that the reading shows.
    All,
    /// Those of this set.
    Of(FileSet),
}

/// Files by their hash.
///
/// Neither device nor inode count: some file systems give out others after each mount, and old files must not look new
/// for that. Two files of one hash cost at most a sequence that waits for a marker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSet {
    /// Ascending, each once.
    hashes: Vec<u64>,
}

impl ExistingFiles {
    /// Whether the file `name` was there before.
    #[must_use]
    pub fn contains(&self, name: &[u8], identity: &Identity) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Of(set) => set.hashes.binary_search(&hash(name, identity)).is_ok(),
        }
    }
}

impl FileSet {
    /// The set of these files.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a [u8], &'a Identity)>) -> Self {
        Self::from_hashes(files.into_iter().map(|(name, identity)| hash(name, identity)).collect())
    }

    /// What [`to_bytes`](Self::to_bytes) made; `None` where the bytes are no whole number of hashes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hashes, []) = bytes.as_chunks::<8>() else { return None };
        Some(Self::from_hashes(hashes.iter().map(|hash| u64::from_le_bytes(*hash)).collect()))
    }

    /// Eight bytes for each file, in little-endian order.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect()
    }

    /// The files of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let mut hashes = self.hashes;
        hashes.extend(other.hashes);
        Self::from_hashes(hashes)
    }

    /// The set without these files.
    #[must_use]
    pub fn without<'a>(mut self, files: impl IntoIterator<Item = (&'a [u8], &'a Identity)>) -> Self {
        let other = Self::of(files);
        self.hashes.retain(|hash| other.hashes.binary_search(hash).is_err());
        self
    }

    /// Whether all of these files are in it.
    #[must_use]
    pub fn has_all<'a>(&self, files: impl IntoIterator<Item = (&'a [u8], &'a Identity)>) -> bool {
        // Both ascend, so that one pass does: to look each of them up would be as many walks through memory.
        let mut known = self.hashes.iter();
        Self::of(files).hashes.iter().all(|hash| known.by_ref().find(|known| *known >= hash) == Some(hash))
    }

    /// Whether no file is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    fn from_hashes(mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        hashes.shrink_to_fit();
        Self { hashes }
    }
}

fn hash(name: &[u8], identity: &Identity) -> u64 {
    let mut digest = Sha256::new();
    // The name comes last: what stands before it has a fixed length.
    digest.update(identity.size.to_le_bytes());
    digest.update(identity.mtime_ns.to_le_bytes());
    digest.update(name);
    let mut first = [0; 8];
    first.copy_from_slice(&digest.finalize()[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: Identity = Identity { dev: 1, ino: 2, size: 3, mtime_ns: -4 };

    #[test]
    fn a_file_is_known_by_name_size_and_time() {
        let files = ExistingFiles::Of(FileSet::of([(&b"a.png"[..], &FILE)]));
        assert!(files.contains(b"a.png", &FILE));
        assert!(files.contains(b"a.png", &Identity { dev: 9, ino: 9, ..FILE }), "another mount");
        assert!(!files.contains(b"b.png", &FILE));
        assert!(!files.contains(b"a.png", &Identity { size: 4, ..FILE }));
        assert!(!files.contains(b"a.png", &Identity { mtime_ns: -3, ..FILE }));
        assert!(ExistingFiles::All.contains(b"b.png", &FILE) && !ExistingFiles::None.contains(b"a.png", &FILE));
    }

    #[test]
    fn the_hash_is_the_same_in_every_version() {
        assert_eq!(FileSet::of([(&b"a.png"[..], &FILE)]).to_bytes(), HASH_OF_FILE);
    }

    /// `printf '\3\0\0\0\0\0\0\0\374\377\377\377\377\377\377\377a.png' | sha256sum`, its first eight bytes.
    const HASH_OF_FILE: [u8; 8] = [0x17, 0xFC, 0x9F, 0x98, 0x68, 0x1F, 0x6C, 0x96];

    proptest! {
        #[test]
        fn a_set_outlives_its_bytes(sizes in prop::collection::vec(any::<u64>(), 0..50), other: u64) {
            let files: Vec<Identity> = sizes.iter().map(|size| Identity { size: *size, ..FILE }).collect();
            let set = FileSet::of(files.iter().map(|file| (&b"f"[..], file)));
            prop_assert_eq!(FileSet::from_bytes(&set.to_bytes()), Some(set.clone()));
            prop_assert_eq!(FileSet::from_bytes(&[&set.to_bytes()[..], &[0]].concat()), None);
            let half = FileSet::of(files.iter().take(20).map(|file| (&b"f"[..], file)));
            let rest = FileSet::of(files.iter().skip(20).map(|file| (&b"f"[..], file)));
            prop_assert_eq!(half.union(rest), set.clone());
            let rest = set.clone().without(files.iter().take(20).map(|file| (&b"f"[..], file)));
            let of = |from: usize| files.iter().skip(from).map(|file| (&b"f"[..], file));
            prop_assert!(set.has_all(of(0)) && set.has_all(of(20)) && set.has_all([]));
            prop_assert!(files.is_empty() || !rest.has_all(of(0)));
            let set = ExistingFiles::Of(set);
            prop_assert!(files.iter().all(|file| set.contains(b"f", file)));
            let known = Identity { size: other, ..FILE };
            prop_assert_eq!(set.contains(b"f", &known), sizes.contains(&other));
            let rest = ExistingFiles::Of(rest);
            prop_assert!(files.iter().take(20).all(|file| !rest.contains(b"f", file)));
        }
    }
}
