//! One batch: its frames are looked at, planned, encoded in chunks or in one piece, joined, proved, published and, if asked,
//! removed.
//!
//! Owns everything between a frozen batch and its video. Synchronous: it blocks the thread that it is given, and knows no event
//! and no loop. `reeld encode` and the daemon run the very same code. It never decides when a sequence is finished.

pub(crate) mod arrange;
pub(crate) mod assemble;
pub(crate) mod chunks;
pub(crate) mod clock;
pub(crate) mod consequence;
pub mod error;
pub(crate) mod inspect_batch;
pub mod job;
pub(crate) mod places;
pub(crate) mod poster;
pub(crate) mod removal;
pub mod run;
pub(crate) mod story;
