//! What reeld does to every pixel of every frame, and what it computes of the results.
//!
//! Owns loops over pixels: the planes that an encoder is fed ([`yuv420`]), the small pictures that a proof compares ([`small`])
//! and what is measured of them ([`measure`]), and the fingerprints that tell films from stills ([`fingerprint`]). It never reads
//! a file, starts a process or knows a recipe: slices go in, numbers come out.
//!
//! It is a crate of its own for the build alone. In tests reeld itself is optimised a little, because more takes longer than the
//! tests do; these loops are optimised fully, because they would take many times as long. What is done once for each frame stays in reeld,
//! where `frame::color`, `frame::fingerprint`, `encode::fingerprint` and `encode::verify` hand these modules on.

mod feed;
pub mod fingerprint;
pub mod measure;
pub mod small;
pub mod yuv420;

pub use feed::Feed;
