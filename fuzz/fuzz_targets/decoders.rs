//! PNG and JPEG, which are decoded in the process of the daemon.
#![cfg_attr(fuzzing, no_main)]

reeld_fuzz::target!(reeld::fuzzing::decoders);
