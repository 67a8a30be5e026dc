//! Foreign decoders and hostile headers: whatever a frame's file makes of its decoder, it costs that frame, and nobody else.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::video::{assert_shows, numbers};
use crate::support::{Daemon, Frames, Sandbox, ffmpeg, wait_for};

/// A small EXR; where it comes from is said beside it.
const EXR: &[u8] = include_bytes!("../data/decoders/frame.exr");

/// Where the left edge of its data window stands, little-endian.
const LEFT: usize = 133;

/// The EXR with its data window's left edge at `left`; the right one is at 39, and there are 30 lines.
fn exr(left: i32) -> Vec<u8> {
    let mut exr = EXR.to_vec();
    exr[LEFT..LEFT + 4].copy_from_slice(&left.to_le_bytes());
    exr
}

/// Within the limit of pixels, but a block of its lines is more than such a small picture may take: the decoder aborts.
fn deadly() -> Vec<u8> {
    exr(-4_000_000)
}

/// The decoders of the process `parent`.
fn decoders(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| is_decoder(*id) && field(*id, "PPid:").is_some_and(|found| found == parent.to_string())).collect()
}

fn is_decoder(id: u32) -> bool {
    fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| line.starts_with(b"reeld\0decode\0"))
}

fn field(id: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
}

#[test]
fn a_damaged_exr_costs_its_frame_and_nobody_else_anything() {
    let sandbox = Sandbox::new(&ffmpeg());
    let (hdr, other) = (sandbox.folder("hdr"), sandbox.folder("other"));
    let mut wrong_byte = EXR.to_vec();
    wrong_byte[136] = 246;
    for number in 1..=6 {
        let contents = match number {
            3 => wrong_byte.clone(),
            5 => deadly(),
            _ => EXR.to_vec(),
        };
        fs::write(hdr.join(format!("f_{number:04}.exr")), contents).unwrap();
    }
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"1h\"\ncleanup = \"delete\""));
    Frames::new("frame_####.png").write(&other, 1..=12);
    for folder in [&hdr, &other] {
        fs::write(folder.join(".done"), "").unwrap();
    }
    daemon.wait_for_file(&other.join("frame.mp4"));
    assert_shows(&other.join("frame.mp4"), &sandbox.ffmpeg, 1..=12);
    daemon.wait_for_file(&hdr.join("f.mp4"));
    let listed = sandbox.run(["list"]).expect(0).text();
    for part in
        ["frame 3", "a data window of 167772200x30 pixels", "`pixels`", "5", "the decoder was ended by signal 6"]
    {
        assert!(listed.contains(part), "no {part:?} in {listed}");
    }
    assert!(hdr.join("f_0003.exr").exists() && hdr.join("f_0001.exr").exists(), "an anomaly keeps the frames");
    // The very daemon that began.
    assert!(daemon.stop().success());
}

/// Live, and as the last frame: nothing is begun again and again for it.
#[test]
fn a_frame_that_ends_its_decoder_ends_no_growing_sequence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.config_text(&format!(
        "[encoder]\nchunk_length = 24\n[[watch]]\npath = {}\nidle_timeout = \"1h\"\n",
        crate::support::toml_string(&sandbox.root())
    ));
    let mut daemon = Daemon::start(&sandbox, &config);
    let shot = sandbox.folder("shot");
    for number in 1..=30 {
        let contents = if number == 29 { deadly() } else { EXR.to_vec() };
        fs::write(shot.join(format!("f_{number:04}.exr")), contents).unwrap();
    }
    daemon.wait_for_open_frames(30);
    fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("f.mp4"));
    let listed = sandbox.run(["list"]).expect(0).text();
    assert!(listed.contains("29") && listed.contains("the decoder was ended by signal"), "{listed}");
    assert!(daemon.stop().success());
}

/// The kernel ends a decoder when memory is short; its frame is not to blame.
#[cfg(feature = "fault-points")]
#[test]
fn a_decoder_that_is_killed_in_the_middle_costs_nothing() {
    for signal in ["6", "9", "11"] {
        let sandbox = Sandbox::new(&ffmpeg());
        Frames::new("frame_####.tif").write(&sandbox.root(), 1..=12);
        let fault = sandbox.path().join("fault");
        fs::write(&fault, signal).unwrap();
        let mut command = sandbox.reeld();
        command.arg("encode").arg(sandbox.root()).args(["--cleanup", "delete"]).env("REELD_FAULT_DECODER", &fault);
        let output = command.output().unwrap();
        assert!(output.status.success(), "signal {signal}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!fault.exists(), "no decoder was ended");
        // The faulty one needs a system call that the others may not make.
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("its system calls are not filtered: a fault point"), "{said}");
        assert_shows(&sandbox.root().join("frame.mp4"), &sandbox.ffmpeg, 1..=12);
        // Nothing was odd about the sequence.
        assert!(!sandbox.root().join("frame_0001.tif").exists(), "signal {signal}");
    }
}

#[test]
fn decoders_may_nothing_and_end_when_nobody_needs_them() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"1h\""));
    let make = |name: &str, daemon: &mut Daemon| {
        let shot = sandbox.folder(name);
        Frames::new("frame_####.tif").write(&shot, 1..=12);
        fs::write(shot.join(".done"), "").unwrap();
        daemon.wait_for_file(&shot.join("frame.mp4"));
        assert_eq!(numbers(&shot.join("frame.mp4"), &sandbox.ffmpeg), (1..=12).collect::<Vec<u32>>());
    };
    make("one", &mut daemon);
    let found = decoders(daemon.id());
    assert!(!found.is_empty(), "none is kept for the next frame");
    for id in found {
        assert_eq!(field(id, "NoNewPrivs:").as_deref(), Some("1"));
        assert_eq!(field(id, "Seccomp:").as_deref(), Some("2"), "system calls are not filtered");
        let limits = fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
        for name in ["Max address space", "Max cpu time", "Max file size"] {
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
            assert!(!line[name.len()..].trim_start().starts_with("unlimited"), "{line}");
        }
    }
    wait_for("the end of decoders that have nothing to do", || decoders(daemon.id()).is_empty().then_some(()));
    make("two", &mut daemon);
    let found = decoders(daemon.id());
    assert!(!found.is_empty());
    daemon.kill_9();
    wait_for("the end of the decoders of a daemon that was killed", || {
        found.iter().all(|id| !is_decoder(*id)).then_some(())
    });
}

#[test]
fn a_stopped_decoder_keeps_no_daemon_from_ending() {
    let sandbox = Sandbox::new(&ffmpeg());
    let mut daemon = Daemon::start(&sandbox, &sandbox.config("idle_timeout = \"1h\""));
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.tif").write(&shot, 1..=12);
    fs::write(shot.join(".done"), "").unwrap();
    daemon.wait_for_file(&shot.join("frame.mp4"));
    let found = decoders(daemon.id());
    assert!(!found.is_empty(), "none is kept for the next frame");
    for id in found {
        let id = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
        rustix::process::kill_process(id, Signal::STOP).unwrap();
    }
    let begun = Instant::now();
    assert!(daemon.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// A file whose middle is a hole that reads as zeros, and takes no room.
fn sparse(path: &Path, head: &[u8], length: u64, tail: &[u8]) {
    let mut file = File::create(path).unwrap();
    file.write_all(head).unwrap();
    file.set_len(length).unwrap();
    file.seek(SeekFrom::Start(length - tail.len() as u64)).unwrap();
    file.write_all(tail).unwrap();
}

fn entry(tag: u16, kind: u16, count: u32, value: u32) -> Vec<u8> {
    [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
}

/// Folder, extension, first bytes, length, last bytes, what the reason names.
type Bomb<'a> = (&'a str, &'a str, Vec<u8>, u64, &'a [u8], &'static str);

/// Writes bombs of each kind into folders of their own, and says what each one's reason must name.
fn bombs(root: &Path) -> Vec<(PathBuf, &'static str)> {
    const LENGTH: u64 = 300 << 20;
    let folder = |name: &str| {
        let folder = root.join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    };
    let png = |width: u32, height: u32| {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        png.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
        png.extend(b"\x08\0\0\0\0crc_\0\0\0\x04IDATabcdcrc_\0\0\0\0IEND\xae\x42\x60\x82");
        png
    };
    let tiff = [&b"II*\0\x08\0\0\0\xff\xff"[..], &entry(273, 4, 1 << 20, 0).repeat(65_535)].concat();
    let sides = [entry(256, 4, 1, 60_000), entry(257, 4, 1, 60_000), entry(273, 4, 1, 8), entry(279, 4, 1, 8)];
    let sides = [&b"II*\0\x08\0\0\0\x04\0"[..], &sides.concat(), &[0; 4]].concat();
    let qoi = [&b"qoif"[..], &16_000_u32.to_be_bytes(), &16_000_u32.to_be_bytes(), b"\x03\0", &[0xfd; 100]].concat();
    let jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\0\x30\0\x40\x03\x01\x11\0\x02\x11\0\x03\x11\0\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0";
    let all: Vec<Bomb<'_>> = vec![
        ("png", "png", png(16_000, 16_000), 0, b"", "`pixels`"),
        ("jpeg-strays", "jpg", b"\xff\xd8\xff\xe0\0\x02".to_vec(), LENGTH, b"\xff\xd9", "`look_bytes`"),
        ("jpeg-end", "jpg", jpeg.to_vec(), LENGTH, b"", "`look_bytes`"),
        ("tiff-loop", "tif", tiff, 6 << 20, b"", "where its pixels are"),
        ("tiff", "tif", sides, 0, b"", "`pixels`"),
        ("exr", "exr", exr(i32::MIN), 0, b"", "`pixels`"),
        ("hdr", "hdr", b"#?RADIANCE\n".to_vec(), LENGTH, b"", "`look_bytes`"),
        ("pnm", "ppm", b"P6\n#".to_vec(), LENGTH, b"\n64 48\n255\n", "`look_bytes`"),
        ("qoi", "qoi", qoi, 0, b"\0\0\0\0\0\0\0\x01", "`pixels`"),
        ("large", "png", png(64, 48), 3 << 30, b"", "`file_bytes`"),
    ];
    all.into_iter()
        .map(|(name, extension, head, length, tail, reason)| {
            let folder = folder(name);
            let length = length.max((head.len() + tail.len()) as u64);
            for number in 1..=2 {
                sparse(&folder.join(format!("f_{number:04}.{extension}")), &head, length, tail);
            }
            (folder, reason)
        })
        .collect()
}

/// `reeld`, with less address space than any of the bombs asks for.
fn in_little_memory(sandbox: &Sandbox, arguments: &[&OsStr]) -> (String, Duration) {
    let reeld = sandbox.reeld();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -v 2000000; exec \"$0\" \"$@\" 2>&1"]).arg(reeld.get_program()).args(arguments);
    command.env_clear().envs(reeld.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let begun = Instant::now();
    let output = command.current_dir(sandbox.path()).output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), begun.elapsed())
}

#[test]
fn a_bomb_is_unreadable_with_its_reason_and_costs_little() {
    let sandbox = Sandbox::new(&ffmpeg());
    for (folder, reason) in bombs(&sandbox.root()) {
        for command in ["scan", "encode"] {
            let (said, took) = in_little_memory(&sandbox, &[OsStr::new(command), folder.as_os_str()]);
            assert!(said.contains(reason), "{command} {}: no {reason} in {said}", folder.display());
            assert!(took < Duration::from_secs(10), "{command} {} took {took:?}", folder.display());
        }
    }
}

/// The keys that the reasons name do what they say, for the daemon and beside it.
#[test]
fn a_limit_can_be_set() {
    let sandbox = Sandbox::new(&ffmpeg());
    let config = sandbox.path().join("home/.config/reeld");
    fs::create_dir_all(&config).unwrap();
    let text = |pixels: u32| format!("[limits]\npixels = {pixels}\n[[watch]]\npath = \"/nowhere\"\n");
    Frames::new("frame_####.png").write(&sandbox.root(), 1..=3);
    Frames::new("frame_####.tif").write(&sandbox.folder("tif"), 1..=3);
    fs::write(config.join("reeld.toml"), text(256 * 144 - 1)).unwrap();
    let scanned = sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str()]).expect(0).text();
    assert_eq!(scanned.matches("256x144 pixels; `pixels` under [limits] allows 36863").count(), 6, "{scanned}");
    fs::write(config.join("reeld.toml"), text(256 * 144)).unwrap();
    let scanned = sandbox.run([OsStr::new("scan"), sandbox.root().as_os_str()]).expect(0).text();
    assert!(!scanned.contains("[limits]"), "{scanned}");
}
