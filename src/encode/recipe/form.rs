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
        /// Whether the video begins with it, as far as is known. The others are to look as if they went on from one before
        /// them; whichever a part is, it fits to all.
        first: bool,
    },
}

/// How frames come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// All are there.
    AtOnce,
    /// One after the other, while they are made.
    Live,
}
