//! How encoding steps back behind other programs.

use std::fs;
use std::process::Stdio;
use std::thread::available_parallelism;

use crate::support::{Daemon, Fake, Fault, Frames, Sandbox, ffmpeg, toml_string, wait_for};

/// What the kernel thinks of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Priority {
    nice: i32,
    /// Whether it is in the idle class for disks.
    idle: bool,
}

/// That of every thread of a process, the first one first.
fn priorities(process: u32) -> Vec<Priority> {
    let mut threads: Vec<u32> = fs::read_dir(format!("/proc/{process}/task"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    // The first thread has the number of the process; the others come later, and may have ended meanwhile.
    threads.sort_by_key(|thread| (*thread != process, *thread));
    threads.into_iter().filter_map(|thread| priority(process, thread)).collect()
}

fn priority(process: u32, thread: u32) -> Option<Priority> {
    let stat = fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")).ok()?;
    // The name may hold anything, so fields are counted behind it: proc(5) has the niceness as the 19th of all.
    let nice = stat.rsplit_once(") ")?.1.split(' ').nth(16)?.parse().unwrap();
    Some(Priority { nice, idle: io_class(thread)? == 3 })
}

/// `IOPRIO_CLASS_IDLE` of `linux/ioprio.h` is 3.
#[expect(
    unsafe_code,
    reason = "ioprio_get has no wrapper, and what is asked for here must not be asked of reeld itself"
)]
fn io_class(thread: u32) -> Option<libc::c_long> {
    // SAFETY: ioprio_get(2) takes two numbers and no pointers, and changes nothing. 1 stands for one thread.
    let priority = unsafe { libc::syscall(libc::SYS_ioprio_get, 1 as libc::c_long, libc::c_long::from(thread)) };
    (priority >= 0).then_some(priority >> 13)
}

/// That of the tests themselves, which everything they start has at least.
fn own() -> Priority {
    priorities(std::process::id())[0]
}

/// What stepping back by the default of 10 comes to from there.
fn stepped_back() -> Priority {
    Priority { nice: own().nice.max(10), idle: true }
}

/// A daemon whose encode waits, with more frames than fit between it and FFmpeg.
fn encoding(keys: &str, test: impl Fn(u32, &Fake)) {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::Gate);
    sandbox.install(&fake);
    let watch = format!("[[watch]]\npath = {}\nframe_count = 80\nlive = false\n", toml_string(&sandbox.root()));
    let mut daemon = Daemon::start(&sandbox, &sandbox.config_text(&format!("{keys}\n{watch}")));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=80);
    fake.wait_for_encode();
    test(daemon.id(), &fake);
    fake.open();
    daemon.wait_for_file(&shot.join("frame.mp4"));
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn the_daemon_encodes_and_decodes_behind_other_programs() {
    encoding("", |daemon, fake| {
        for encode in fake.processes() {
            assert_eq!(priorities(encode), [stepped_back()]);
        }
        // One thread decodes for each processor, up to four, and one feeds FFmpeg.
        let decoders = available_parallelism().unwrap().get().min(4);
        wait_for("the threads of the encode step back", || {
            let threads = priorities(daemon).into_iter().filter(|thread| *thread == stepped_back());
            (threads.count() > decoders).then_some(())
        });
        assert_eq!(priorities(daemon)[0], own());
    });
}

#[test]
fn the_daemon_stays_where_it_is_if_told_so() {
    encoding("[encoder]\nnice = 0", |daemon, fake| {
        for process in fake.processes().into_iter().chain([daemon]) {
            assert!(priorities(process).into_iter().all(|thread| thread == own()));
        }
    });
}

#[test]
fn an_encode_by_hand_does_not_step_back() {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::Gate);
    sandbox.install(&fake);
    Frames::new("frame_####.png").write(&sandbox.root(), 1..=4);
    let mut by_hand = sandbox.reeld().arg("encode").arg(sandbox.root()).stdout(Stdio::null()).spawn().unwrap();
    fake.wait_for_encode();
    for process in fake.processes().into_iter().chain([by_hand.id()]) {
        assert!(priorities(process).into_iter().all(|thread| thread == own()));
    }
    fake.open();
    assert!(by_hand.wait().unwrap().success());
}
