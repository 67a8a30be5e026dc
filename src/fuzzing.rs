//! Bytes from strangers, and what must hold whatever they are.
//!
//! A body takes any bytes, and panics where a promise is broken: it parses them, and what was parsed must be within the
//! limits, print, and parse to the same again. Each module has the bodies of what it reads. `fuzz/` makes a program for
//! cargo-fuzz of each of them; the tests here feed them `fuzz/corpus`, so that what was found once stays found.
//!
//! For fuzzing and tests alone, by the feature `fuzzing`: nothing here is part of what this crate offers.

pub use crate::config::fuzzing::config;
pub use crate::encode::fuzzing::{boxes, lists};
pub use crate::frame::fuzzing::{decoders, foreign_decoders, headers};
pub use crate::sequence::fuzzing::{names, patterns};

use crate::core::command::{Command, Reply};
use crate::serve::wire;

/// What comes over sockets and out of the journal.
pub fn messages(bytes: &[u8]) {
    json::<Command>(bytes);
    json::<Reply>(bytes);
    json::<wire::Greeting>(bytes);
    json::<wire::Question>(bytes);
    json::<wire::Part>(bytes);
    crate::frame::child::fuzzing::answers(bytes);
    crate::journal::fuzzing::columns(bytes);
}

/// `bytes` as JSON of a `T`, if they are that; what it is written as must be read as the same.
pub(crate) fn json<T>(bytes: &[u8]) -> Option<T>
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let value: T = serde_json::from_slice(bytes).ok()?;
    let written = serde_json::to_vec(&value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
    assert_eq!(serde_json::from_slice::<T>(&written).ok().as_ref(), Some(&value), "{}", written.escape_ascii());
    Some(value)
}

#[cfg(test)]
mod tests;
