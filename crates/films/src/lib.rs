//! Films of many kinds, and lies about them, for the tests and the measurements of the proof.
//!
//! Owns what is drawn and changed pixel by pixel, in a crate of its own for what `reeld_pixels` is one for: tests optimise it,
//! where they do not optimise reeld and themselves. It encodes nothing and knows nothing of reeld.

pub mod contents;
pub mod lies;
