//! The `reeld` command.

fn main() {}
