//! Ctrl-C, `kill` and a terminal that is closed: the first signal stops in good order, the second one at once.
//!
//! What the process was started to ignore (`nohup`, a job in the background of a script) stays ignored.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use super::error::CliError;
use crate::encode::ffmpeg::Stop;

/// Listens from its making on.
#[derive(Debug)]
pub(crate) struct Interrupt {
    stop: Stop,
    /// The signal that came last; 0 before the first one.
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Takes the signals.
    pub(crate) fn listen() -> Result<Self, CliError> {
        Self::take().map_err(|error| CliError::failed("cannot listen to signals").caused_by(&error))
    }

    fn take() -> io::Result<Self> {
        let interrupt = Self { stop: Stop::default(), signal: Arc::default() };
        let ignored = ignored();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if ignored >> (signal - 1) & 1 == 1 {
                continue;
            }
            // The order matters: the first signal finds the flag unset and sets it, the second finds it set and ends the
            // process.
            flag::register_conditional_default(signal, interrupt.stop.flag())?;
            flag::register_usize(signal, Arc::clone(&interrupt.signal), usize::try_from(signal).unwrap_or(0))?;
            flag::register(signal, interrupt.stop.flag())?;
        }
        Ok(interrupt)
    }

    /// What the signals ask for.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Ends the process as the signal does that came, so that the shell that started it knows; returns if none came.
    pub(crate) fn end(&self) {
        let signal = i32::try_from(self.signal.load(Ordering::Relaxed)).unwrap_or(0);
        if signal != 0 {
            // If even that fails, the command ends by itself and says that it was stopped.
            let _ = low_level::emulate_default_handler(signal);
        }
    }
}

/// A bit for each signal that this process ignores, the lowest for signal 1: `SigIgn` of proc(5). None where it cannot be
/// read.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
