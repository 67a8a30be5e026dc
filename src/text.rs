//! Words for people: names that came from outside, so that they give no orders to a terminal and forge no line, and numbers of
//! things.

pub mod plural;
pub mod printable;
