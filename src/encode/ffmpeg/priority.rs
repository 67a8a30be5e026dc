//! How encoding steps back for other programs: by niceness for processors, by the idle class for disks.
//!
//! Owns the one system call that neither the standard library nor rustix wraps. It never makes anything more important than
//! it was. On Linux both are properties of a thread, and whatever that thread starts inherits them.

use std::io;
use std::panic::resume_unwind;
use std::process::{Child, Command};
use std::thread;

use rustix::process::{getpriority_process, setpriority_process};

/// `IOPRIO_WHO_PROCESS` of `linux/ioprio.h`: one thread, in spite of its name.
const ONE_THREAD: libc::c_long = 1;
/// `IOPRIO_CLASS_IDLE`, in the place that `IOPRIO_PRIO_VALUE` gives to a class: served when nobody else wants the disk.
const IDLE: libc::c_long = 3 << 13;

/// Has this thread step back to the niceness `nice`, 1 to 19, and to the idle class, and with it every thread and process
/// that it starts from now on. 0 leaves everything as it is.
///
/// A courtesy: where the system refuses, work goes on without it.
pub(crate) fn step_back(nice: u8) {
    if nice == 0 {
        return;
    }
    // Never less nice than we are, which would only be allowed to root.
    if getpriority_process(None).is_ok_and(|own| own < i32::from(nice)) {
        _ = setpriority_process(None, i32::from(nice));
    }
    _ = be_idle();
}

/// Starts `command`, stepped back from its first instruction on.
///
/// It is started by a thread of its own that has stepped back before. Changing the child from outside reaches those of its
/// threads only that are known at that moment, and an encoder starts a dozen as soon as it runs.
pub(crate) fn spawn(command: &mut Command, nice: u8) -> io::Result<Child> {
    if nice == 0 {
        return command.spawn();
    }
    thread::scope(|scope| {
        let starter = thread::Builder::new().spawn_scoped(scope, || {
            step_back(nice);
            command.spawn()
        })?;
        starter.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Puts this thread into the idle class.
#[expect(unsafe_code, reason = "ioprio_set has no wrapper in std, in rustix, or in any crate that is still kept")]
fn be_idle() -> io::Result<()> {
    // SAFETY: ioprio_set(2) takes three numbers and no pointers; thread 0 is the calling one, so nothing but its priority
    // for disks can change.
    let done = unsafe { libc::syscall(libc::SYS_ioprio_set, ONE_THREAD, 0 as libc::c_long, IDLE) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::encode::ffmpeg::Ffmpeg;

    /// Niceness of a thread, and whether it is in the idle class.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Seen {
        nice: i32,
        idle: bool,
    }

    /// Every thread of a process, by its id.
    fn threads_of(process: u32) -> Vec<(u32, Seen)> {
        let entries = fs::read_dir(format!("/proc/{process}/task")).unwrap();
        let ids = entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap());
        // One that has ended since is no longer there.
        ids.filter_map(|id| Some((id, seen(process, id)?))).collect()
    }

    fn seen(process: u32, id: u32) -> Option<Seen> {
        let stat = fs::read_to_string(format!("/proc/{process}/task/{id}/stat")).ok()?;
        // The name may hold anything, so fields are counted after it: proc(5) has the niceness as the 19th of all.
        let nice = stat.rsplit_once(") ")?.1.split(' ').nth(16)?.parse().unwrap();
        Some(Seen { nice, idle: io_priority(id)? & !7 == IDLE })
    }

    #[expect(unsafe_code, reason = "as for ioprio_set")]
    fn io_priority(id: u32) -> Option<libc::c_long> {
        // SAFETY: ioprio_get(2) takes two numbers and no pointers, and changes nothing.
        let priority = unsafe { libc::syscall(libc::SYS_ioprio_get, ONE_THREAD, libc::c_long::from(id)) };
        (priority >= 0).then_some(priority)
    }

    /// What stepping back to `nice` comes to where the tests themselves run with more.
    fn stepped_back(nice: i32) -> Seen {
        Seen { nice: nice.max(own().nice), idle: true }
    }

    /// The thread that asks.
    fn own() -> Seen {
        let id = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
        seen(std::process::id(), id).unwrap()
    }

    #[test]
    fn a_thread_steps_back_alone_but_with_what_it_starts() {
        let before = own();
        let expected = stepped_back(7);
        let (own_after, started, late) = thread::spawn(|| {
            step_back(7);
            let started = thread::spawn(own).join().unwrap();
            let first = own();
            // More important again is not to be had.
            step_back(3);
            (first, started, own())
        })
        .join()
        .unwrap();
        assert_eq!((own_after, started, late), (expected, expected, expected));
        assert_eq!(own(), before);
    }

    #[test]
    fn every_thread_of_an_encoder_has_stepped_back() {
        let asked = std::env::var_os("REELD_TEST_FFMPEG").map(PathBuf::from);
        let ffmpeg = Ffmpeg::find(asked.as_deref()).unwrap();
        let mut command = Command::new(ffmpeg.path);
        // Without an end: it is still there however late we look.
        command.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=64x64", "-c:v", "libx264"]);
        command.args(["-threads", "8", "-f", "null", "-"]);
        let mut encoder = spawn(&mut command, 7).unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        let threads = loop {
            let threads = threads_of(encoder.id());
            if threads.len() > 8 || Instant::now() > until {
                break threads;
            }
            thread::sleep(Duration::from_millis(5));
        };
        encoder.kill().unwrap();
        encoder.wait().unwrap();
        assert!(threads.len() > 8, "{threads:?}");
        for (id, seen) in threads {
            assert_eq!(seen, stepped_back(7), "thread {id}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let error = spawn(&mut Command::new("/nonexistent/ffmpeg"), 7).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn nothing_is_asked_for_and_nothing_done() {
        let before = own();
        step_back(0);
        assert_eq!(own(), before);
    }
}
