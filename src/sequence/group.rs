//! The names of a folder -> sequences.
