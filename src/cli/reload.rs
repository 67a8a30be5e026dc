//! `reeld reload`: has the running daemon read its config again, and says what is wrong with it.

use std::process::ExitCode;

use clap::Args;

use super::error::CliError;
use super::{ConfigArg, ask};
use crate::core::command::Command;

#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    config: ConfigArg,
}

pub(crate) fn run(args: &ReloadArgs, quiet: bool) -> Result<ExitCode, CliError> {
    match ask::daemon(&args.config, quiet)? {
        Ok(daemon) => ask::order(daemon, &Command::Reload),
        Err(nobody) => {
            Err(nobody.error("start one with `reeld run`; `reeld check` says what is wrong with a config".to_owned()))
        }
    }
}
