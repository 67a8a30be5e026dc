//! What sort of file is made of frames, and how those come: what an encoder is told of it.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// What the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// The video itself, in the recipe's container.
    Reel,
    /// A part of one: fragments with times from zero, which [`join`](crate::encode::join) puts in their place.
    Chunk {
        /// Key frames are at most this many frames apart, as in a video that is made in one go.
        gop: NonZeroU32,
        /// Where in the video it is, as far as is known. Whichever it is, it fits to all others.
        position: ChunkPosition,
    },
}

/// Where in its video a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkPosition {
    /// The video begins with it.
    First,
    /// It goes on from one before it, and is to look so.
    Later,
    /// So is this, and the video ends with it: somebody waits for it from its last frame on.
    Last,
}

/// How frames come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// All are there.
    AtOnce,
    /// One after the other, while they are made.
    Live,
}
