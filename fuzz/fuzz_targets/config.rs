//! The config file.
#![cfg_attr(fuzzing, no_main)]

reeld_fuzz::target!(reeld::fuzzing::config);
