//! Fuzzing: names of chunks. See [`crate::fuzzing`].

use std::ffi::OsStr;

use super::name::Name;
use crate::text::printable::Show as _;

/// A name is read as what it was given as, and as nothing else.
pub(in crate::encode) fn chunk_name(name: &OsStr) {
    if let Some(Name::Temp(pid)) = Name::parse(name) {
        assert!(name.to_str().is_some_and(|name| name.ends_with(&format!(".{pid}.part"))), "{}", name.shown());
    }
}
