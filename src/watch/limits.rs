//! The kernel's limits of inotify, and how to raise them.
//!
//! Reads `/proc/sys/fs/inotify`; it never writes there.

use std::io;
use std::path::Path;

const FOLDER: &str = "/proc/sys/fs/inotify";

/// What `fs.inotify.*` allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InotifyLimits {
    /// Folders that the processes of one user may watch, all together.
    pub max_user_watches: u64,
    /// Inotify instances that the processes of one user may have; reeld needs one.
    pub max_user_instances: u64,
    /// Events of one instance that wait to be read; beyond it events are lost, and every folder is read again.
    pub max_queued_events: u64,
}

impl InotifyLimits {
    /// The limits of the running kernel.
    pub fn read() -> io::Result<Self> {
        Self::read_from(Path::new(FOLDER))
    }

    fn read_from(folder: &Path) -> io::Result<Self> {
        let value = |name: &str| -> io::Result<u64> {
            let text = std::fs::read_to_string(folder.join(name))?;
            text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("{name} is {text:?}")))
        };
        Ok(Self {
            max_user_watches: value("max_user_watches")?,
            max_user_instances: value("max_user_instances")?,
            max_queued_events: value("max_queued_events")?,
        })
    }
}

/// A limit of inotify that can be in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `fs.inotify.max_user_watches`.
    Watches,
    /// `fs.inotify.max_user_instances`.
    Instances,
}

impl Limit {
    /// The name of its sysctl.
    #[must_use]
    pub const fn sysctl(self) -> &'static str {
        match self {
            Self::Watches => "fs.inotify.max_user_watches",
            Self::Instances => "fs.inotify.max_user_instances",
        }
    }

    /// What the limit is now, and the line that raises it. For the reader of a log or of `reeld check`.
    #[must_use]
    pub fn hint(self) -> String {
        let current = InotifyLimits::read().ok().map(|limits| match self {
            Self::Watches => limits.max_user_watches,
            Self::Instances => limits.max_user_instances,
        });
        self.hint_for(current)
    }

    fn hint_for(self, current: Option<u64>) -> String {
        let enough = match self {
            Self::Watches => 524_288,
            Self::Instances => 1024,
        };
        let raised = current.map_or(enough, |now| enough.max(now.saturating_mul(2)));
        let now = current.map_or_else(|| "cannot be read".to_owned(), |now| format!("is {now}"));
        let name = self.sysctl();
        format!(
            "{name} {now}; raise it with `sudo sysctl -w {name}={raised}`, \
             and for good with the line `{name}={raised}` in /etc/sysctl.d/60-reeld.conf"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_running_kernel() {
        let limits = InotifyLimits::read().unwrap();
        assert!(limits.max_user_watches > 0 && limits.max_user_instances > 0 && limits.max_queued_events > 0);
    }

    #[test]
    fn reads_each_file_into_its_field() {
        let dir = tempfile::tempdir().unwrap();
        for (name, value) in
            [("max_user_watches", "8192\n"), ("max_user_instances", "128\n"), ("max_queued_events", "16384\n")]
        {
            std::fs::write(dir.path().join(name), value).unwrap();
        }
        let limits = InotifyLimits::read_from(dir.path()).unwrap();
        assert_eq!(limits, InotifyLimits { max_user_watches: 8192, max_user_instances: 128, max_queued_events: 16384 });
        std::fs::write(dir.path().join("max_user_watches"), "many").unwrap();
        assert_eq!(InotifyLimits::read_from(dir.path()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(InotifyLimits::read_from(Path::new("/nonexistent")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn hints_name_the_sysctl_its_value_and_a_larger_one() {
        let hint = Limit::Watches.hint_for(Some(8192));
        assert!(hint.contains("fs.inotify.max_user_watches is 8192"), "{hint}");
        assert!(hint.contains("`sudo sysctl -w fs.inotify.max_user_watches=524288`"), "{hint}");
        assert!(Limit::Watches.hint_for(Some(1_000_000)).contains("=2000000"));
        assert!(Limit::Instances.hint_for(None).contains("max_user_instances cannot be read"));
    }
}
