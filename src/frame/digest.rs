//! What the contents of a file are known by.
//!
//! Times and sizes say whether a file may have changed; this says whether its bytes did. It is no protection against
//! somebody who makes two files alike on purpose: whoever may write a frame or a video may as well remove it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// How many bytes are read at once.
const BLOCK: usize = 1 << 20;

/// A hash of all bytes of a file: XXH3 in 128 bits, which is faster than reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}
