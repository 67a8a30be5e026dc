//! Frames into videos with the real FFmpeg, and with one that fails in every way.
//!
//! `REELD_TEST_FFMPEG` names the FFmpeg to test with; without it the one on `PATH` is taken.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod faults;
mod growing;
mod help;
mod join;
mod lies;
#[path = "../support/page.rs"]
mod page;
mod prepared;
mod presets;
mod tags;
mod timing;
