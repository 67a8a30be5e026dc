//! Frames into a video, and the proof that they are in it.
//!
//! Owns the codec arguments ([`recipe`]), every process ([`ffmpeg`]), the way of pixels to it ([`chunk`]) and the proofs
//! ([`verify`]). It writes only to the path it is given, which the caller has reserved and removes, and it never touches
//! a frame but to read it.

mod boxes;
pub mod chunk;
mod error;
pub mod ffmpeg;
mod fragments;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod join;
pub mod look;
pub mod parallel;
pub mod pictures;
pub mod plan;
pub mod preview;
pub(crate) mod priority;
mod probe;
pub mod proved;
pub mod recipe;
pub mod small;
pub mod store;
pub mod verify;
mod webp;

pub use error::{EncodeError, Flaw};
pub use ffmpeg::failure::{Failure, FailureKind};
pub use probe::{Extent, HINT as PROBE_HINT, probe, probe_in};
