//! Names of a folder.
#![cfg_attr(fuzzing, no_main)]

reeld_fuzz::target!(reeld::fuzzing::names);
