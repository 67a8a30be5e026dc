//! Signals become events. The second stop signal ends the process at once, whatever the loop is doing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::core::event::Event;
use crate::daemon::workers::Workers;

/// Exit status after a second SIGINT or SIGTERM, as shells report an interrupted command.
const INTERRUPTED: i32 = 130;

/// Turns signals into events from here on.
pub(super) fn listen(daemon: Workers) -> io::Result<()> {
    let stopping = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // The order matters: the first signal finds the flag unset and sets it, the second finds it set and exits.
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stopping))?;
        flag::register(signal, Arc::clone(&stopping))?;
    }
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in &mut signals {
            let event = match signal {
                SIGHUP => Event::Reload,
                SIGUSR1 => Event::Report,
                _ => Event::Stop,
            };
            if !daemon.tell(event) {
                return;
            }
        }
    })?;
    Ok(())
}
