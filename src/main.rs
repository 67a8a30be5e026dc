//! The `reeld` command. Everything is in the library; start reading there.

use std::process::ExitCode;

fn main() -> ExitCode {
    reeld::cli::main(std::env::args_os())
}
