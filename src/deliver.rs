//! The way from a staged video to a video, and what becomes of its frames afterwards.
//!
//! Owns every file that reeld makes, renames or removes outside its own state directory. It never replaces a file that it
//! did not make itself, and it never decides *whether* something is delivered: `core` does, and `pipeline` asks for it.

use std::path::PathBuf;

use crate::frame::digest::Digest;
use crate::model::Identity;

pub mod cleanup;
pub mod name;
pub mod publish;

/// A video under its final name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Where it is.
    pub path: PathBuf,
    /// The very file that was verified. Staged and final name are one inode, so this never changes.
    pub identity: Identity,
    /// What its contents are known by; `None` where an earlier version published it.
    pub digest: Option<Digest>,
}

/// Files whose names begin like this are reeld's own.
const OWN_PREFIX: &str = ".reeld-";

#[cfg(test)]
mod testing {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

    /// Runs `act` on a thread without root's power to write everywhere, so that a test means the same for every user.
    pub(super) fn as_ordinary_user<T: Send>(act: impl FnOnce() -> T + Send) -> T {
        let none = CapabilitySet::empty();
        let powerless = CapabilitySets { effective: none, permitted: none, inheritable: none };
        std::thread::scope(|scope| {
            let run = move || {
                set_capabilities(None, powerless).unwrap();
                act()
            };
            scope.spawn(run).join().unwrap()
        })
    }
}
