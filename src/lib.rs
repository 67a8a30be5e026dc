//! reeld turns finished image sequences into verified videos.
//!
//! # The way of a frame
//!
//! ```text
//!  disk ──► watch ──► sequence ──► encode ──► deliver ──► disk
//!           folders    which frame   pixels,     the free name,
//!           that       belongs       chunks,     publish, verify,
//!           changed    where; when   verify      clean up
//!                      it is done
//!               └──────────── daemon: one loop owns all state ────────────┘
//!                      journal beside it        serve in front of it
//! ```

pub mod config;
pub mod deliver;
pub mod encode;
pub mod fault;
pub mod frame;
pub mod journal;
pub mod sequence;
pub mod watch;
