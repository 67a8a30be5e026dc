//! `reeld run`: the daemon in the foreground.

use std::process::ExitCode;

use clap::Args;

use super::ConfigArg;
use super::error::CliError;
use crate::config::{self, Config, dirs};
use crate::daemon::Daemon;
use crate::serve::server::Server;

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    config: ConfigArg,
}

pub(crate) fn run(args: &RunArgs) -> Result<ExitCode, CliError> {
    let file = config::locate(args.config.config.as_deref(), &dirs::process_env)?;
    let config = Config::load(&file)?;
    let state = dirs::state_dir(config.state_dir.as_deref(), &dirs::process_env)?;
    // One thread runs the loop; whatever blocks has threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("cannot start").caused_by(&error))?;
    let outcome = runtime.block_on(async {
        let (daemon, handle) = Daemon::start(config, &state)?;
        let server = Server::bind(dirs::socket_dir(&state, &dirs::process_env), &state)?;
        let serving = tokio::spawn(server.serve(handle));
        let ended = daemon.run().await.map_err(CliError::from);
        serving.abort();
        // The socket file goes with the server, which an aborted task drops.
        let _ = serving.await;
        ended
    });
    // An aborted encode that does not end in time is left behind; its staging file goes at the next start.
    runtime.shutdown_background();
    outcome.map(|()| ExitCode::SUCCESS)
}
