//! Which daemon a command speaks to, and how it says so.
//!
//! Owns the search: a daemon that the command line or the environment names, else the user's own, else the system's. It never reads
//! a journal; a command that can do without a daemon does that itself.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::error::CliError;
use super::{ConfigArg, out};
use crate::config::{self, Config, dirs, real};
use crate::core::command::{Command, Reply, WirePath};
use crate::journal::Journal;
use crate::serve::client::{self, Client, Found};
use crate::serve::{Identity, SocketError};
use crate::text::printable::Show as _;

/// That no daemon is there for a command, and what is known instead.
#[derive(Debug)]
pub(super) struct NoDaemon {
    /// That none is running, or not the one that was named.
    pub(super) message: String,
    /// There may be one that this user may not ask.
    pub(super) forbidden: Option<SocketError>,
}

impl NoDaemon {
    /// For a command that needs a daemon.
    pub(super) fn error(self, hint: String) -> CliError {
        match self.forbidden {
            Some(error) => error.into(),
            None => CliError::failed(self.message).hint(hint),
        }
    }

    /// For a command that does without: says that, and that it looks itself into the journal in `state_dir`.
    ///
    /// # Errors
    ///
    /// Where there is no such journal, and a daemon that this user may not ask.
    pub(super) fn go_on_with(self, state_dir: &Path, quiet: bool) -> Result<(), CliError> {
        if let Some(error) = self.forbidden {
            let error = CliError::from(error);
            if Journal::open_to_read(state_dir)?.is_none() {
                return Err(error);
            }
            error.warn();
        }
        if !quiet {
            out::say_line(&format!("{}; the journal is in {}", self.message, state_dir.shown()));
        }
        Ok(())
    }

    /// For `check`, which looks from here at what is there for any user.
    pub(super) fn check_here(self, quiet: bool) {
        if let Some(error) = self.forbidden {
            CliError::from(error).warn();
        }
        if !quiet {
            out::say_line(&format!("{}; this is what this user sees", self.message));
        }
    }
}

/// The daemon that a command speaks to, or that no daemon runs. It says which one it is.
pub(super) fn daemon(config: &ConfigArg, quiet: bool) -> Result<Result<Client, NoDaemon>, CliError> {
    let file = config::locate(config.config.as_deref(), &dirs::process_env).ok();
    // Here the file only says where the daemon is. What is wrong with it is for others to say.
    let state = state_dir_of(file.as_deref());
    let names_file = config.config.is_some() || dirs::names_config(&dirs::process_env);
    let is_named = names_file || dirs::names_state(&dirs::process_env);
    let has_file = |daemon: &Identity| !is_named || names_file && is_same(&daemon.config, file.as_deref());
    let has_state = |daemon: &Identity| is_same(&daemon.state_dir, state.as_deref());
    let dirs = dirs::socket_dirs(state.as_deref(), &dirs::process_env);
    Ok(chosen(client::find(&dirs, &has_file, &has_state)?, quiet))
}

/// The daemon that has the very config that would be checked here, or the first one where there is no config to check.
pub(super) fn daemon_to_check(config: &ConfigArg, quiet: bool) -> Result<Result<Client, NoDaemon>, CliError> {
    let file = config::locate(config.config.as_deref(), &dirs::process_env);
    let (file, any) = match file {
        Ok(file) => (Some(file), false),
        Err(_) => (None, true),
    };
    let has_file = |daemon: &Identity| any || is_same(&daemon.config, file.as_deref());
    let dirs = dirs::socket_dirs(state_dir_of(file.as_deref()).as_deref(), &dirs::process_env);
    Ok(chosen(client::find(&dirs, &has_file, &|_| false)?, quiet))
}

fn chosen(found: Found, quiet: bool) -> Result<Client, NoDaemon> {
    match found {
        Found::Daemon(client) => {
            if !quiet {
                let Identity { state_dir, .. } = client.identity();
                let journal = state_dir.to_path();
                out::say_line(&format!("{}, whose journal is in {}:", named(client.identity()), journal.shown()));
            }
            Ok(client)
        }
        Found::Nobody { others, forbidden } => {
            let others: Vec<String> = others.iter().map(named).collect();
            let message = match others.as_slice() {
                [] if forbidden.is_some() => "no daemon that you may ask is running".to_owned(),
                [] => "no daemon is running".to_owned(),
                others => format!("no daemon is running for this; another one is: {}", others.join(", ")),
            };
            Err(NoDaemon { message, forbidden })
        }
    }
}

/// `the daemon of /etc/reeld/reeld.toml (pid 812)`
fn named(daemon: &Identity) -> String {
    format!("the daemon of {} (pid {})", daemon.config.to_path().shown(), daemon.pid)
}

fn is_same(theirs: &WirePath, ours: Option<&Path>) -> bool {
    let full = |path: &Path| real(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    ours.is_some_and(|ours| full(ours) == full(&theirs.to_path()))
}

fn state_dir_of(file: Option<&Path>) -> Option<PathBuf> {
    let configured = file.and_then(Config::state_dir_in);
    dirs::state_dir(configured.as_deref(), &dirs::process_env).ok()
}

/// Has the daemon do something, and prints what it answers.
pub(super) fn order(client: Client, command: &Command) -> Result<ExitCode, CliError> {
    show(client.order(command)?)
}

/// Prints an answer.
pub(super) fn show(reply: Reply) -> Result<ExitCode, CliError> {
    match reply {
        Reply::Done { message } => {
            out::say(&message);
            Ok(ExitCode::SUCCESS)
        }
        // Not asked for.
        Reply::Open { .. } | Reply::Status(_) => Ok(ExitCode::SUCCESS),
        Reply::Refused { message, hint } => Err(CliError::failed(message).hint(hint)),
    }
}
