//! One image file: whether it is whole, and its pixels as an encoder eats them.
//!
//! Owns everything between a frame's bytes and raw video. It never starts a process and never writes a file.

use serde::{Deserialize, Serialize};

/// What a frame's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageInfo {
    /// Pixels, at least one.
    pub width: u32,
    /// Pixels, at least one.
    pub height: u32,
    /// More than eight bits a channel.
    pub deep: bool,
    /// Linear light in floating point (EXR, HDR).
    pub linear: bool,
    /// Whether there is an alpha channel.
    pub alpha: bool,
}
