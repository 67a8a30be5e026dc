//! The sound of a video.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::video::{assert_clean, assert_shows, rate};
use crate::support::{Daemon, Frames, Live, Sandbox, ffmpeg, ffmpegs};

/// Mono at 44.1 kHz, a tone of so many seconds.
fn tone(path: &Path, seconds: u32) {
    const RATE: u32 = 44_100;
    let data: Vec<u8> =
        (0..seconds * RATE).flat_map(|at| (if at / 50 % 2 == 0 { 8000_i16 } else { -8000 }).to_le_bytes()).collect();
    let length = |more: usize| u32::try_from(data.len() + more).unwrap().to_le_bytes();
    let mut wav = [b"RIFF", &length(36)[..], b"WAVEfmt ", &16_u32.to_le_bytes(), &[1, 0, 1, 0]].concat();
    wav.extend([RATE.to_le_bytes(), (2 * RATE).to_le_bytes()].concat());
    wav.extend([&[2, 0, 16, 0], &b"data"[..], &length(0)].concat());
    wav.extend(data);
    fs::write(path, wav).unwrap();
}

/// What a decoder makes of the sound: 1000 samples a second, one channel.
fn heard(video: &Path, ffmpeg: &Path) -> Vec<i16> {
    let output = Command::new(ffmpeg)
        .args(["-nostdin", "-v", "error", "-xerror", "-i"])
        .arg(video)
        .args(["-map", "0:a:0", "-ac", "1", "-ar", "1000", "-f", "s16le", "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.as_chunks::<2>().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect()
}

/// Whether there is a sound from one millisecond to the other.
fn is_loud(heard: &[i16], from: usize, to: usize) -> bool {
    heard[from..to].iter().any(|sample| sample.unsigned_abs() > 500)
}

fn assert_lasts(heard: &[i16], ms: usize) {
    assert!(heard.len().abs_diff(ms) <= 45, "{} ms instead of {ms}", heard.len());
}

#[test]
fn sound_is_cut_or_followed_by_silence_in_every_format_that_has_it() {
    for ffmpeg in ffmpegs() {
        let sandbox = Sandbox::new(&ffmpeg);
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=48);
        let (second, nine_seconds) = (sandbox.path().join("short 1.wav"), sandbox.path().join("long.wav"));
        tone(&second, 1);
        tone(&nine_seconds, 9);
        for preset in ["h264", "prores", "vp9", "ffv1"] {
            for (audio, name) in [(second.as_path(), "s"), (&nine_seconds, "l"), (Path::new("silence"), "n")] {
                let name = format!("{preset}_{name}");
                let head = [OsStr::new("encode"), shot.as_os_str(), OsStr::new("--audio"), audio.as_os_str()];
                let tail = ["--preset", preset, "--name", &name].map(OsStr::new);
                let video = sandbox.run(head.into_iter().chain(tail)).expect(0).paths().remove(0);
                assert_shows(&video, &ffmpeg, 1..=48);
                assert_clean(&video, &ffmpeg);
                if preset != "vp9" && preset != "ffv1" {
                    assert_eq!(rate(&video, &ffmpeg), (24, 1));
                }
                let samples = heard(&video, &ffmpeg);
                assert_lasts(&samples, 2000);
                let (early, late) = (is_loud(&samples, 100, 900), is_loud(&samples, 1100, 1900));
                assert_eq!((early, late), (audio.is_absolute(), audio == nine_seconds), "{name}");
            }
        }
        assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
    }
}

#[test]
fn sound_costs_no_chunk() {
    let live = Live::new(&ffmpeg());
    tone(&live.sandbox.path().join("tone.wav"), 9);
    let mut daemon = Daemon::start(&live.sandbox, &live.config("", "audio = \"tone.wav\""));
    live.write(1..=54);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    live.mark();
    live.assert_video(&mut daemon, 1..=54);
    assert_lasts(&heard(&live.video(), &live.sandbox.ffmpeg), 2250);
    live.recorder.assert_fed(1..=48, 1);
    live.wait_for_no_chunks(&mut daemon);
    assert!(live.sandbox.leftovers().is_empty(), "{:?}", live.sandbox.leftovers());
}

#[test]
fn sound_that_cannot_be_had_is_found_early() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=3);
    let text = sandbox.path().join("list.m3u8");
    fs::write(&text, "#EXTM3U\n#EXTINF:1,\ntone.wav\n").unwrap();
    tone(&sandbox.path().join("tone.wav"), 1);
    for (audio, said) in [("missing.wav", "No such file"), ("list.m3u8", "list.m3u8")] {
        let config = sandbox.config(&format!("audio = \"{audio}\""));
        let checked = sandbox.run([OsStr::new("check"), OsStr::new("--config"), config.as_os_str()]).expect(1).text();
        assert!(checked.contains("no video can be made with preset") && checked.contains(said), "{checked}");
    }
    sandbox.encode(&["--audio", "missing.wav"]).expect(2).says("`--audio`: cannot use missing.wav");
    sandbox.encode(&["--audio", "."]).expect(2).says("is no file");
    sandbox.encode(&["--audio", "silence", "--preset", "gif"]).expect(2).says("makes no sound");
    // A playlist would have FFmpeg open what it names.
    sandbox.encode(&["--audio", text.to_str().unwrap()]).expect(1);
    assert!(sandbox.videos().is_empty());
    let config = sandbox.config("audio = \"silence\"\npreset = \"webp\"\noutput_dir = \"/elsewhere\"");
    let refused = sandbox.run([OsStr::new("run"), OsStr::new("--config"), config.as_os_str()]).expect(2);
    assert!(refused.stderr.contains("`audio`: the preset `webp` makes no sound"), "{}", refused.stderr);
}
