//! What holds for every child process, whoever starts it.

use std::sync::Mutex;

/// Held while a child is started, so that none inherits a descriptor that is meant for another: such a one is open for
/// inheriting only as long as this is held.
pub(crate) static STARTING: Mutex<()> = Mutex::new(());
