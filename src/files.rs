//! Files and folders as the kernel sees them.
//!
//! Owns what must be done in one and the same way wherever it is done: telling one file from another, giving a file a free
//! name, syncing a folder, opening a folder without following a link, working where nobody else may write, and knowing what is
//! mounted where. It knows no frame, no video and no batch, and never decides what happens to a file.

mod identity;
pub mod mounts;
pub(crate) mod open_beneath;
pub(crate) mod private;
pub(crate) mod rename_noreplace;
mod sync;

pub(crate) use identity::{IDENTITY_FLAGS, is_regular};
pub use identity::{Stat, identity_of};
pub(crate) use sync::{sync_folder, sync_folder_of};
