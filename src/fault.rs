//! Places between two durable steps where a test may kill the process, and a clock that a test may set wrong.
//!
//! Owns nothing. Without the cargo feature `fault-points` a point is an empty function. With it, the environment variable
//! `REELD_FAULT` names the one point at which the process ends itself with SIGKILL, as a power cut or the kernel's
//! out-of-memory killer would: no destructor runs, nothing is flushed.
//!
//! The points, in the order of a batch's way: `after-staging-recorded`, `after-staging-made`, `after-fsync`,
//! `after-announce`, `after-rename`, `after-dir-fsync`, `after-journal-published`, `mid-quarantine`, `after-quarantine`,
//! `after-purge`. Beside them, those of each chunk: `after-chunk-fsync`, `after-chunk-rename`, `after-chunk-recorded`.
//!
//! One more does not end the process: with `fail-dir-fsync` the sync of the folder after the rename fails.

/// Whether the step `name` is to fail.
#[cfg(feature = "fault-points")]
pub(crate) fn fails(name: &str) -> bool {
    std::env::var_os("REELD_FAULT").is_some_and(|armed| armed == name)
}

/// No step fails: the feature `fault-points` is off.
#[cfg(not(feature = "fault-points"))]
#[inline]
pub fn fails(_name: &str) -> bool {
    false
}

/// Ends the process if `name` is the point that `REELD_FAULT` names.
#[cfg(feature = "fault-points")]
pub(crate) fn point(name: &str) {
    use std::ffi::OsString;
    use std::sync::OnceLock;

    use rustix::process::{Signal, getpid, kill_process};

    static ARMED: OnceLock<Option<OsString>> = OnceLock::new();
    let armed = ARMED.get_or_init(|| std::env::var_os("REELD_FAULT"));
    if armed.as_deref().is_some_and(|armed| armed == name) {
        // The signal is delivered before the call returns, so there is no error to handle.
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

/// Does nothing: the feature `fault-points` is off.
#[cfg(not(feature = "fault-points"))]
#[inline]
pub fn point(_name: &str) {}

/// The variable by which a test gives the system's service another folder for its socket than `/run/reeld`, so that no test meets a
/// service of the machine that it runs on.
#[cfg(feature = "fault-points")]
pub(crate) const SYSTEM_SOCKET_DIR: &str = "REELD_SYSTEM_SOCKET_DIR";

/// By how much a test has set the wall clock of the daemon wrong, in milliseconds: what the file says that `REELD_CLOCK` names.
/// It is read at each look, so that the clock can jump.
#[cfg(feature = "fault-points")]
pub(crate) fn clock_shift_ms() -> i64 {
    let text = std::env::var_os("REELD_CLOCK").and_then(|file| std::fs::read_to_string(file).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// None: the feature `fault-points` is off.
#[cfg(not(feature = "fault-points"))]
#[inline]
pub fn clock_shift_ms() -> i64 {
    0
}

/// The environment variable that ends the next decoder in the middle of its next frame: it names a file, which goes with the
/// decoder that takes it, and whose contents are the number of a signal.
#[cfg(feature = "fault-points")]
pub(crate) const DECODER: &str = "REELD_FAULT_DECODER";

/// The signal that is to end this decoder, if one is.
#[cfg(feature = "fault-points")]
pub(crate) fn decoder() -> Option<rustix::process::Signal> {
    let file = std::env::var_os(DECODER)?;
    let number: i32 = std::fs::read_to_string(&file).ok()?.trim().parse().ok()?;
    std::fs::remove_file(&file).ok()?;
    rustix::process::Signal::from_named_raw(number)
}

/// Ends this process with `signal`, where there is one.
#[cfg(feature = "fault-points")]
pub(crate) fn end(signal: Option<rustix::process::Signal>) {
    if let Some(signal) = signal {
        // As in `point`.
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
}

/// The feature `fault-points` is off: no decoder is to be ended.
#[cfg(not(feature = "fault-points"))]
pub fn decoder() -> Option<()> {
    None
}

/// Does nothing: the feature `fault-points` is off.
#[cfg(not(feature = "fault-points"))]
#[inline]
pub fn end(_signal: Option<()>) {}
