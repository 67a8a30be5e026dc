//! The fingerprint of a raw frame: what is kept of it to tell it from others before and after the codec.
//!
//! Owns how a frame is made [`small`] and how the fingerprints of what was fed are kept. It compares nothing, and does not
//! know which of its two kinds a recipe wants. The fingerprints of [`frame::fingerprint`](crate::frame::fingerprint) are much
//! smaller, and tell films from stills: they are never compared with these.

use xxhash_rust::xxh3::xxh3_128;

mod fed;
pub mod small;

pub use fed::Fingerprints;
use small::{Layers, Layout};

/// What is kept of a raw frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fingerprint {
    /// A hash of every byte: the codec is lossless, and nothing may be other than it was.
    Bytes(u128),
    /// Small pictures, which are measured.
    Small(Layers),
}

impl Fingerprint {
    /// One that every byte of `raw` counts for.
    pub(super) fn exact(raw: &[u8]) -> Self {
        Self::Bytes(xxh3_128(raw))
    }

    /// One that can be measured, of `size` pixels across and down.
    pub(super) fn small(raw: &[u8], layout: Layout, size: (u32, u32)) -> Self {
        Self::Small(Layers::of(raw, layout, size))
    }
}
