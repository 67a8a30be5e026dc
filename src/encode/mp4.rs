//! The files that mp4 and mov players read (ISO/IEC 14496-12), as far as reeld reads and writes them itself.
//!
//! Owns where the [boxes](boxes) of such a file are, which samples its [fragments](fragments) hold, and the [clock](timing)
//! of its track. It decodes no sample, and knows neither recipes nor proofs.

pub(super) mod boxes;
pub(super) mod fragments;
pub(super) mod timing;
