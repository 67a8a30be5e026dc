//! How encoding steps back behind other programs.

use std::fs;
use std::process::Stdio;
use std::thread::available_parallelism;

use crate::support::{Daemon, Fake, Fault, Frames, Sandbox, ffmpeg, wait_for};

/// Niceness of every thread of a process, the first one first.
fn niceness(process: u32) -> Vec<i32> {
    let mut threads: Vec<u32> = fs::read_dir(format!("/proc/{process}/task"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    // The first thread has the number of the process; the others come later, and may have ended meanwhile.
    threads.sort_by_key(|thread| (*thread != process, *thread));
    let stat = |thread| fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")).ok();
    // The name may hold anything, so fields are counted behind it: proc(5) has the niceness as the 19th of all.
    let nice = |stat: String| stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse().unwrap();
    threads.into_iter().filter_map(stat).map(nice).collect()
}

/// That of the tests themselves, which everything they start has at least.
fn own() -> i32 {
    niceness(std::process::id())[0]
}

/// A daemon whose encode waits, with more frames than fit between it and FFmpeg.
fn encoding(keys: &str, test: impl Fn(u32, &Fake)) {
    let sandbox = Sandbox::new(&ffmpeg());
    let fake = Fake::new(&sandbox, Fault::Gate);
    sandbox.install(&fake);
    let watch = format!("[[watch]]\npath = \"{}\"\nframe_count = 80\nlive = false\n", sandbox.root().display());
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
        let nice = own().max(10);
        for encode in fake.processes() {
            assert_eq!(niceness(encode), [nice]);
        }
        // One thread decodes for each processor, up to four, and one feeds FFmpeg.
        let decoders = available_parallelism().unwrap().get().min(4);
        wait_for("the threads of the encode step back", || {
            let stepped_back = niceness(daemon).into_iter().filter(|thread| *thread == nice).count();
            (own() >= 10 || stepped_back > decoders).then_some(())
        });
        assert_eq!(niceness(daemon)[0], own());
    });
}

#[test]
fn the_daemon_stays_where_it_is_if_told_so() {
    encoding("[encoder]\nnice = 0", |daemon, fake| {
        for process in fake.processes().into_iter().chain([daemon]) {
            assert!(niceness(process).iter().all(|nice| *nice == own()));
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
        assert!(niceness(process).iter().all(|nice| *nice == own()));
    }
    fake.open();
    assert!(by_hand.wait().unwrap().success());
}
