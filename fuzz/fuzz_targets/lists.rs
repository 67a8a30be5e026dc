//! What FFmpeg prints.
#![cfg_attr(fuzzing, no_main)]

reeld_fuzz::target!(reeld::fuzzing::lists);
