//! Fuzzing: the packed lists of frames. See [`crate::fuzzing`].

use super::packed::{pack, pack_contents, unpack, unpack_contents};

/// A list, for a row that says what the list does.
pub(in crate::journal) fn frames(bytes: &[u8]) {
    let (records, rest) = bytes.as_chunks::<44>();
    let first = bytes.first_chunk().map_or(0, |first| i64::from_le_bytes(*first));
    if let Ok(frames) = unpack(bytes, first, i64::try_from(records.len()).unwrap_or(0)) {
        assert!(rest.is_empty() && frames.is_sorted_by(|a, b| a.number < b.number));
        assert!(pack(&frames) == bytes, "{frames:?}");
    }
    if let Ok(contents) = unpack_contents(bytes, bytes.len() / 24) {
        assert!(pack_contents(&contents) == bytes, "{contents:?}");
    }
}

/// A list to begin with.
#[cfg(test)]
pub(in crate::journal) fn seed() -> Vec<u8> {
    use crate::encode::chunk::Shown;
    use crate::model::Identity;
    let identity = Identity { dev: 2, ino: 3, size: 4, mtime_ns: -5 };
    pack(&[7, 9].map(|number| Shown { number, identity, repeat: 1 }))
}
