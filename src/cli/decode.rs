//! `reeld decode`: what foreign decoders run as. Nobody types it.

use std::process::ExitCode;

use clap::Args;

use crate::encode::ffmpeg::priority::step_back;
use crate::frame::child;

#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// How far it gives way to other programs
    #[arg(long, value_name = "N", default_value_t = 0)]
    nice: u8,
}

pub(crate) fn run(args: &DecodeArgs) -> ExitCode {
    step_back(args.nice);
    child::serve()
}
