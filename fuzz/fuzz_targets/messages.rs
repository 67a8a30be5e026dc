//! What comes over sockets and out of the journal.
#![cfg_attr(fuzzing, no_main)]

reeld_fuzz::target!(reeld::fuzzing::messages);
