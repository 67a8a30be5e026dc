//! Where log lines go and what they look like.

use std::fmt;
use std::io::{self, IsTerminal as _};

use tracing::Level;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::error::CliError;
use super::stderr::{self, ForLog};
use super::{LogArgs, LogFormat};
use crate::text::printable::printable;

/// Installs the subscriber. A daemon says what it does; the other commands only what goes wrong, unless asked.
pub(crate) fn start(args: LogArgs, daemon: bool) -> Result<(), CliError> {
    let level = match (args.quiet, args.verbose, daemon) {
        (true, ..) => LevelFilter::ERROR,
        (_, 0, false) => LevelFilter::WARN,
        (_, 0, true) | (_, 1, false) => LevelFilter::INFO,
        (_, 1, true) | (_, 2, false) => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Other crates' chatter (image) is of no use below a warning.
    let filter = Targets::new().with_default(Level::WARN).with_target("reeld", level);
    let layer = match args.log_format {
        LogFormat::Pretty if daemon && !stderr::is_the_journal() => tracing_subscriber::fmt::layer()
            .fmt_fields(fields())
            .with_writer(ForLog)
            .with_target(false)
            .with_ansi(colour())
            .boxed(),
        // The journal stamps each line itself, and a person at a terminal needs no time of day either.
        LogFormat::Pretty => tracing_subscriber::fmt::layer()
            .fmt_fields(fields())
            .with_writer(ForLog)
            .without_time()
            .with_target(false)
            .with_ansi(colour())
            .boxed(),
        LogFormat::Json => {
            tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false).with_writer(ForLog).boxed()
        }
        LogFormat::Journald => tracing_journald::layer()
            .map_err(|error| {
                CliError::usage("cannot reach systemd's journal")
                    .caused_by(&error)
                    .hint("use `--log-format pretty` or `--log-format json` on a system without journald".to_owned())
            })?
            .with_field_prefix(Some("REELD".to_owned()))
            .boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    Ok(())
}

/// Message and fields as usual, but each event is one line and obeys nobody: names of files are in it.
fn fields() -> impl for<'writer> FormatFields<'writer> + 'static {
    let field = |writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug| {
        let value = format!("{value:?}");
        let value = printable(&value);
        match field.name() {
            "message" => write!(writer, "{value}"),
            name if writer.has_ansi_escapes() => write!(writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}"),
            name => write!(writer, "{name}={value}"),
        }
    };
    debug_fn(field).delimited(" ")
}

/// Colours on a terminal, unless `NO_COLOR` is set to anything (<https://no-color.org>).
pub(crate) fn colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && io::stderr().is_terminal()
}
