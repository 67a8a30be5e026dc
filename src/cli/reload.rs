//! `reeld reload`: has the running daemon read its config again, and says what is wrong with it.

use std::process::ExitCode;

use clap::Args;

use super::error::CliError;
use super::{ConfigArg, manage};
use crate::config::{self, Config, dirs};
use crate::daemon::command::Command;

#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    config: ConfigArg,
}

pub(crate) fn run(args: &ReloadArgs) -> Result<ExitCode, CliError> {
    // Here the file only says where the daemon is. What is wrong with it is for the daemon to say, which reads it anew.
    let file = config::locate(args.config.config.as_deref(), &dirs::process_env).ok();
    let configured = file.as_deref().and_then(Config::state_dir_in);
    let state = dirs::state_dir(configured.as_deref(), &dirs::process_env)?;
    match manage::ask_daemon_of(&state, &Command::Reload)? {
        Some(reply) => manage::show(reply),
        None => Err(CliError::failed("no daemon is running")
            .hint("start one with `reeld run`; `reeld check` says what is wrong with a config".to_owned())),
    }
}
