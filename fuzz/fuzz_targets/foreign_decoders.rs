//! The formats that are decoded in processes of their own.
#![cfg_attr(fuzzing, no_main)]

reeld_fuzz::target!(reeld::fuzzing::foreign_decoders);
