//! Black-box tests: the real binary on real folders with the real FFmpeg.
//!
//! Every frame carries its number in its pixels, and a test reads the numbers back from the decoded video, so that a
//! frame that was lost, doubled or moved is seen whatever the tools reported. Faults come from a fake FFmpeg.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics, and says where")]
#![expect(clippy::print_stdout, reason = "the test runner shows what a failing test has printed")]

mod arguments;
mod beside;
mod by_config;
mod causes;
mod check;
mod cli;
mod daemon;
mod daemon_control;
mod daemon_crash;
mod decoders;
mod encode;
mod encode_faults;
mod encode_recipes;
mod examples;
mod existing;
mod films;
mod folder_files;
mod formats;
mod geometry;
mod held;
mod history;
mod interrupted;
mod kills;
mod length;
mod links;
mod live;
mod live_faults;
mod live_schedule;
mod log_priority;
mod look_again;
mod makers_rate;
mod map;
mod order;
#[path = "../support/page.rs"]
mod page;
mod playback;
mod priority;
mod reload;
mod reload_table;
mod roots;
mod scan;
mod shared;
mod sizes;
mod soak;
mod socket;
mod sound;
mod status;
mod story;
mod support;
mod support_itself;
mod tree;
mod units;
mod unknown_outcome;
mod unreadable;
mod words;
