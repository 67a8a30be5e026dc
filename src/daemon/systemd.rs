//! What the service manager is told. Without one (`NOTIFY_SOCKET` unset) every call does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::core::effect::Notice;
use crate::error::chain;
use crate::text::printable::printable;

/// The service manager's end of the daemon.
#[derive(Debug)]
pub(crate) struct Systemd {
    status: String,
    /// Half of what the unit's `WatchdogSec=` allows, so that one late ping is no death.
    pub(crate) watchdog: Option<Duration>,
}

impl Systemd {
    pub(crate) fn connect() -> Self {
        Self { status: String::new(), watchdog: sd_notify::watchdog_enabled().map(|limit| limit / 2) }
    }

    pub(crate) fn notify(&mut self, notice: &Notice) {
        match notice {
            Notice::Ready => tell(&[NotifyState::Ready]),
            Notice::Reloading => reloading(),
            Notice::Stopping => tell(&[NotifyState::Stopping]),
            Notice::Ping => tell(&[NotifyState::Watchdog]),
            Notice::Extend(time) => {
                tell(&[NotifyState::ExtendTimeoutUsec(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))]);
            }
            Notice::Status(status) => self.status(status),
        }
    }

    /// Shows one line in `systemctl status`, if it is news. A second line, out of the name of a file, would be a message of
    /// its own to the service manager.
    fn status(&mut self, status: &str) {
        let status = printable(status).into_owned();
        if status != self.status {
            tell(&[NotifyState::Status(&status)]);
            self.status = status;
        }
    }
}

/// `Type=notify-reload` units need the time along with `RELOADING=1`, or the reload times out (systemd 253).
fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(error = %chain(&error), "no monotonic time for the service manager"),
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(error = %chain(&error), "the service manager cannot be told");
    }
}
