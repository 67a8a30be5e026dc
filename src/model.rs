//! Plain data that the modules above share. It does nothing.

use serde::{Deserialize, Serialize};

pub(crate) mod decimal;
pub(crate) mod rate;

pub use rate::{FrameRate, NoRate};

/// The very file that was seen: nothing is removed, and nothing counts as encoded, by its name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// Device number of the file system.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Length in bytes.
    pub size: u64,
    /// Last modification, in nanoseconds since the Unix epoch.
    pub mtime_ns: i64,
}
