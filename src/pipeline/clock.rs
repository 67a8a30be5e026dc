//! What time it is, and how long this machine has been up.
//!
//! Owns every look at a clock that the journal is told of. The wall clock may jump: it is set by hand, or by the network an
//! hour after a machine without a battery has booted. The time since the boot only goes on, also while the machine sleeps.

use std::fs;
use std::path::Path;
use std::process;
use std::sync::LazyLock;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use crate::fault;
use crate::journal::BootTime;

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond().saturating_add(fault::clock_shift_ms())
}

/// Which boot this is, and how long it has lasted.
pub(crate) fn boot_time() -> BootTime {
    let since = clock_gettime(ClockId::Boottime);
    let ms = since.tv_sec.saturating_mul(1000).saturating_add(since.tv_nsec / 1_000_000);
    BootTime { id: boot_id(Path::new("/proc/sys/kernel/random/boot_id")), ms }
}

/// What the kernel calls this boot in `file`. A service with `ProcSubset=pid` has no such file: there each process is taken for
/// a boot of its own, so that its time is still counted as long as it runs.
fn boot_id(file: &Path) -> String {
    static PROCESS: LazyLock<String> = LazyLock::new(|| format!("process {} of {}", process::id(), now_ms()));
    fs::read_to_string(file).map_or_else(|_| PROCESS.clone(), |id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_has_one_name_also_where_the_kernel_hides_it() {
        let hidden = Path::new("/proc/no such file");
        assert_eq!(boot_id(hidden), boot_id(hidden));
        assert_ne!(boot_id(hidden), boot_time().id, "this machine shows it");
    }
}
