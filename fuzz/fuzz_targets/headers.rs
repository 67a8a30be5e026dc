//! The look at a file, and what generators have written into it.
#![cfg_attr(fuzzing, no_main)]

reeld_fuzz::target!(reeld::fuzzing::headers);
