//! `reeld init`: the commented default config, never over a file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::error::CliError;
use super::out;
use crate::config;

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to write it
    #[arg(default_value = "reeld.toml")]
    file: PathBuf,
}

pub(crate) fn run(args: &InitArgs) -> Result<ExitCode, CliError> {
    let shown = args.file.display();
    // `create_new` is the promise: the check for an existing file and the creation are one step.
    let mut file = OpenOptions::new().write(true).create_new(true).open(&args.file).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AlreadyExists => "nothing was changed; choose another name: `reeld init FILE`",
            ErrorKind::NotFound => "make its folder first",
            _ => "choose a place you may write to: `reeld init FILE`",
        };
        CliError::failed(format!("cannot create {shown}: {error}")).hint(hint.to_owned())
    })?;
    file.write_all(config::DEFAULT_TOML.as_bytes())
        .map_err(|error| CliError::failed(format!("cannot write {shown}: {error}")))?;
    out::say(&format!("wrote {shown}: set `path`, then try `reeld check --config {shown}`"));
    Ok(ExitCode::SUCCESS)
}
