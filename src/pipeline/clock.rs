//! What time it is, and how long this machine has been up.
//!
//! Owns every look at a clock that the journal is told of. The wall clock may jump: it is set by hand, or by the network an
//! hour after a machine without a battery has booted. The time since the boot only goes on, also while the machine sleeps.

use std::fs;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use crate::fault;
use crate::journal::BootTime;

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond().saturating_add(fault::clock_shift_ms())
}

/// Which boot this is, and how long it has lasted; `None` where the system does not say.
pub(crate) fn boot_time() -> Option<BootTime> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let since = clock_gettime(ClockId::Boottime);
    let ms = since.tv_sec.saturating_mul(1000).saturating_add(since.tv_nsec / 1_000_000);
    Some(BootTime { id: id.trim().to_owned(), ms })
}
