//! The command line: one file a subcommand, and the only code that prints.
//!
//! Owns what people type and what they read. It decides nothing about frames: every subcommand hands checked values to
//! the modules below and prints their answer. Standard output carries data, standard error everything else.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

mod ask;
mod bars;
mod check;
mod collect;
mod decode;
mod demo;
mod encode;
mod error;
mod init;
mod interrupt;
mod logging;
pub mod make_frames;
mod manage;
mod out;
mod reload;
mod run;
mod scan;
mod state;
mod status;
mod stderr;

use crate::config::{self, Config, dirs};
use crate::frame::{child, limits};
use crate::sequence::generator::Generator;
use error::CliError;

const EXAMPLES: &str = "\
Examples:
  reeld demo                                 see it work, with frames it makes itself
  reeld init                                 write a config; then `reeld run` watches its folders
  reeld encode renders/shot_010              one video from each sequence below a folder
  reeld encode 'shot.####.png' --framerate 24000/1001 --quality HIGH
  reeld scan ~/ComfyUI/output                which sequences are there, and what is missing
  reeld check                                what is right and wrong on this machine";

/// Turns finished image sequences into verified videos.
#[derive(Debug, Parser)]
#[command(name = "reeld", version, about, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogArgs,
}

/// How much is said, and in which form.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LogArgs {
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Form of the log lines
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value = "pretty")]
    log_format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line an event, for people
    Pretty,
    /// One JSON object a line
    Json,
    /// Fields of their own in systemd's journal (`journalctl -o verbose`), for programs
    Journald,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the folders of the config and encode what is finished, until stopped
    Run(run::RunArgs),
    /// Encode what is there now, then exit
    Encode(Box<encode::EncodeArgs>),
    /// List the sequences below a folder
    Scan(scan::ScanArgs),
    /// Say what is right and wrong on this machine
    ///
    /// A daemon that has this config is asked, and sees with its own rights, from within its sandbox.
    Check(check::CheckArgs),
    /// Tell the running daemon that the sequences of a folder are finished
    ///
    /// Asks the daemon that runs: your own, else the system's service; --config names another one.
    Done(manage::DoneArgs),
    /// Have the running daemon read its config again, and say what is wrong with it
    ///
    /// Asks the daemon that runs: your own, else the system's service; --config names another one.
    Reload(reload::ReloadArgs),
    /// Show what goes on: what is watched, what grows, what is encoded, and what needs you
    ///
    /// Asks the daemon that runs: your own, else the system's service; --config names another one.
    Status(status::StatusArgs),
    /// Show the journal: what was encoded, from what, to where
    ///
    /// Asks the daemon that runs: your own, else the system's service; --config names another one. Without a daemon
    /// it takes your own journal.
    List(manage::ListArgs),
    /// Encode a failed batch again
    ///
    /// Asks the daemon that runs: your own, else the system's service; --config names another one. Without a daemon
    /// it takes your own journal.
    Retry(manage::RetryArgs),
    /// Forget what was encoded in a folder, so that its frames count as new
    ///
    /// Asks the daemon that runs: your own, else the system's service; --config names another one. Without a daemon
    /// it takes your own journal.
    Forget(manage::ForgetArgs),
    /// Write the commented default config
    Init(init::InitArgs),
    /// Write placeholder frames, for trying things out
    MakeFrames(make_frames::MakeFramesArgs),
    /// Show the whole way of a sequence with frames made on the spot
    Demo(demo::DemoArgs),
    /// Decode frames for another reeld
    #[command(hide = true)]
    Decode(decode::DecodeArgs),
}

/// Runs the command line `args` (the program's name first) and returns the exit status: 0 when all went well, 1 when
/// something failed, 2 for bad usage or a bad config.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Clap prints `--help` and `--version` to standard output with status 0, usage errors to standard error with 2.
            // A closed pipe is no error of the caller.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, CliError> {
    if let Command::Decode(args) = &cli.command {
        // It has no log, and no children.
        return Ok(decode::run(args));
    }
    child::enable();
    let daemon = matches!(cli.command, Command::Run(_));
    logging::start(cli.log, daemon)?;
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Encode(args) => encode::run(&args, cli.log.quiet),
        Command::Scan(args) => scan::run(&args),
        Command::Check(args) => check::run(&args, cli.log.quiet),
        Command::Done(args) => manage::done(&args, cli.log.quiet),
        Command::Reload(args) => reload::run(&args, cli.log.quiet),
        Command::Status(args) => status::run(&args, cli.log.quiet),
        Command::List(args) => manage::list(&args, cli.log.quiet),
        Command::Retry(args) => manage::retry(&args, cli.log.quiet),
        Command::Forget(args) => manage::forget(&args, cli.log.quiet),
        Command::Init(args) => init::run(&args),
        Command::MakeFrames(args) => make_frames::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Decode(args) => Ok(decode::run(&args)),
    }
}

/// Who is stated to have made the frames; `None` where that is to be found out. It is no `Option` to clap, for which `auto` is a
/// value like any other.
pub(crate) type Stated = Option<Generator>;

/// Where the config and the journal are, for the subcommands that need either.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArg {
    /// The config file [default: $`REELD_CONFIG`, then ~/.config/reeld/reeld.toml, then /etc/reeld/reeld.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArg {
    /// The config, if there is one: most subcommands work without. One that is named must be there, and one that is there must
    /// be right. What a frame may cost is what it says from here on.
    fn load(&self) -> Result<Option<Config>, CliError> {
        let config = match (config::locate(self.config.as_deref(), &dirs::process_env), &self.config) {
            (Ok(file), _) => Config::load(&file)?,
            (Err(error), Some(_)) => return Err(error.into()),
            (Err(_), None) => return Ok(None),
        };
        limits::set(config.limits);
        Ok(Some(config))
    }
}
