//! Patterns of users, and names that they are tried on.
#![cfg_attr(fuzzing, no_main)]

reeld_fuzz::target!(reeld::fuzzing::patterns);
