//! Frames into a video, and the proof that they are in it.
//!
//! Owns the codec arguments ([`recipe`]), every process ([`ffmpeg`]), the way of pixels to it ([`chunk`]) and the proofs
//! ([`verify`]). It writes only to the path it is given, which the caller has reserved and removes, and it never touches
//! a frame but to read it. The threads of one encode, who ends whom and why, are drawn in [`chunk`].
//!
//! Its own modules import each other downward only, in this order, which a test reads:
//!
//! ```text
//! preview, probe > sound > join, verified > verify > chunk > error > recipe > webp > tags > ffmpeg, fingerprint, mp4
//! ```

pub mod chunk;
mod error;
pub mod ffmpeg;
pub mod fingerprint;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod join;
mod mp4;
pub mod preview;
mod probe;
pub mod recipe;
pub mod sound;
pub mod tags;
pub mod verified;
pub mod verify;
mod webp;

pub use error::{EncodeError, Flaw};
pub use ffmpeg::failure::{Failure, FailureKind};
pub use probe::{Extent, HINT as PROBE_HINT, probe, probe_in};
