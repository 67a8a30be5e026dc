//! Which folders changed, what is in them, and whether they are still the folders they were.
//!
//! Owns everything between the kernel's file events and a listing that may be believed. Events are hints that mark
//! folders dirty; reading the folder is the truth. The order is always the same: [`roots::RootGuard`] says whether the
//! root is still the disk it was, [`native::Watcher::watch`] watches a folder, and only then [`scan::read_folder`] reads
//! it, so that nothing falls between the two. This module never decides what a listing means, and never creates,
//! changes or removes a file.

pub mod claim;
pub mod dirty;
pub mod limits;
pub mod native;
pub mod noticing;
mod pace;
pub mod places;
pub mod roots;
pub mod scan;
