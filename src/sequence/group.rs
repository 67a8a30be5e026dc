//! The names of a folder -> films.
//!
//! Owns the decision which names are one film and in which order, and the reason of each image that is in none. It
//! performs no I/O, never reads the clock, and never decides anything for one name: the other names of its folder do.
#![doc = include_str!("group/deciding.md")]

pub mod old;

pub(crate) use old::{Choice, Splitter, divide, paddings};
