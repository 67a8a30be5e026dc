//! `reeld init`: the commented default config, never over a file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::error::CliError;
use super::out;
use crate::config::{self, dirs};
use crate::text::printable::Show as _;

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to write it [default: ~/.config/reeld/reeld.toml, where `reeld run` finds it]
    file: Option<PathBuf>,
}

pub(crate) fn run(args: &InitArgs) -> Result<ExitCode, CliError> {
    let path = match &args.file {
        Some(file) => file.clone(),
        None => own_config()?,
    };
    let shown = path.shown();
    // `create_new` is the promise: the check for an existing file and the creation are one step.
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AlreadyExists => "nothing was changed; choose another name: `reeld init FILE`",
            ErrorKind::NotFound => "make its folder first",
            _ => "choose a place you may write to: `reeld init FILE`",
        };
        CliError::failed(format!("cannot create {shown}")).caused_by(&error).hint(hint.to_owned())
    })?;
    file.write_all(config::DEFAULT_TOML.as_bytes())
        .map_err(|error| CliError::failed(format!("cannot write {shown}")).caused_by(&error))?;
    let config = args.file.as_ref().map_or_else(String::new, |file| format!(" --config {}", file.shown()));
    out::say(&format!("wrote {shown}: set `path`, then try `reeld check{config}` and `reeld run{config}`"));
    Ok(ExitCode::SUCCESS)
}

/// The user's own config file; its folder is made.
fn own_config() -> Result<PathBuf, CliError> {
    let path = dirs::user_config(&dirs::process_env)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| CliError::failed(format!("cannot make {}", folder.shown())).caused_by(&error))?;
    }
    Ok(path)
}
