//! `reeld encode`: what is there now becomes videos, whatever it is called.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::fake::stand_in;
use crate::support::video::{assert_shows, numbers, pictures, rate};
use crate::support::{Frames, Sandbox, ffmpeg, with_each_ffmpeg};

#[test]
fn a_folder_becomes_a_video_beside_its_frames() {
    with_each_ffmpeg(|sandbox| {
        let shot = sandbox.folder("shot");
        Frames::new("frame_####.png").write(&shot, 1..=10);
        let outcome = sandbox.encode(&[]).expect(0);
        let video = shot.join("frame.mp4");
        assert_eq!(outcome.paths(), std::slice::from_ref(&video));
        assert_shows(&video, &sandbox.ffmpeg, 1..=10);
        assert!(sandbox.leftovers().is_empty(), "{:?}", sandbox.leftovers());
        // Frames are kept unless the user says otherwise.
        assert!((1..=10).all(|number| Frames::new("frame_####.png").path(&shot, number).exists()));
    });
}

/// A saver that numbers only what would overwrite something gives the first picture no number.
#[test]
fn an_image_that_is_in_no_video_is_named() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("x_##.png").write(&shot, 1..=5);
    fs::copy(shot.join("x_01.png"), shot.join("x.png")).unwrap();
    let said = sandbox.encode(&[]).expect(0).stderr;
    assert!(said.contains("/shot: 1 single image, x.png: no other image goes with it"), "{said}");
    assert!(said.contains("x_##.png: perhaps x.png is its first frame"), "{said}");
    assert_shows(&shot.join("x.mp4"), &sandbox.ffmpeg, 1..=5);
}

#[test]
fn one_frame_stands_for_its_sequence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = Frames::new("a.####.png");
    frames.write(&shot, 1001..=1006);
    Frames::new("b.####.png").write(&shot, 1..=4);
    let outcome = sandbox.run([OsStr::new("encode"), frames.path(&shot, 1003).as_os_str()]).expect(0);
    assert_eq!(outcome.paths(), [shot.join("a.mp4")]);
    assert_shows(&shot.join("a.mp4"), &sandbox.ffmpeg, 1001..=1006);
    assert_eq!(sandbox.videos().len(), 1);
}

#[test]
fn the_frames_that_a_shell_lists_are_one_sequence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let folder = sandbox.folder("walk");
    let frames = Frames::new("a.####.png");
    frames.write(&folder, 1..=5);
    let paths = (1..=5).map(|number| frames.path(&folder, number).into_os_string());
    let outcome = sandbox.run([OsStr::new("encode").to_owned()].into_iter().chain(paths)).expect(0);
    let videos = outcome.paths();
    assert_eq!(videos.len(), 1, "{videos:?}");
    assert_shows(&videos[0], &sandbox.ffmpeg, 1..=5);
}

#[test]
fn a_pattern_stands_for_its_sequence() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("a.####.png").write(&shot, 1..=5);
    Frames::new("b.####.png").write(&shot, 1..=4);
    for pattern in ["b.####.png", "b.%04d.png"] {
        let outcome = sandbox.run([OsStr::new("encode"), shot.join(pattern).as_os_str()]).expect(0);
        let videos = outcome.paths();
        assert_eq!(videos.len(), 1, "{pattern}");
        assert_shows(&videos[0], &sandbox.ffmpeg, 1..=4);
    }
    assert!(!shot.join("a.mp4").exists());
}

#[test]
fn numbers_decide_the_order_past_the_padding() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    // Written backwards, and 10000 is before 9998 in the order of names.
    Frames::new("f_####.png").write(&shot, (9998..=10002).rev());
    sandbox.encode(&[]).expect(0);
    assert_shows(&shot.join("f.mp4"), &sandbox.ffmpeg, 9998..=10002);
}

#[test]
fn every_kind_of_frame_is_read() {
    let sandbox = Sandbox::new(&ffmpeg());
    for (extension, count) in [("png", 3), ("jpg", 4), ("jpeg", 5), ("tif", 6), ("exr", 7)] {
        let folder = sandbox.folder(extension);
        Frames::new(format!("r####.{extension}")).write(&folder, 1..=count);
        let outcome = sandbox.run([OsStr::new("encode"), folder.as_os_str()]).expect(0);
        assert_eq!(outcome.paths(), [folder.join("r.mp4")]);
        assert_shows(&folder.join("r.mp4"), &sandbox.ffmpeg, 1..=count);
    }
}

#[test]
fn videos_of_one_folder_are_told_apart_by_name() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let patterns =
        ["render####_L.png", "render####_R.png", "####_camA.png", "a_####.png", "a_####.jpg", "ComfyUI_#####_.png"];
    for (count, pattern) in (3..).zip(patterns) {
        Frames::new(pattern).write(&shot, 1..=count);
    }
    sandbox.run([OsStr::new("encode"), shot.as_os_str()]).expect(0);
    let videos = ["render_L.mp4", "render_R.mp4", "camA.mp4", "a_png.mp4", "a_jpg.mp4", "ComfyUI.mp4"];
    for (count, video) in (3..).zip(videos) {
        assert_shows(&shot.join(video), &sandbox.ffmpeg, 1..=count);
    }
    assert_eq!(sandbox.videos().len(), videos.len());
}

#[test]
fn batch_folders_are_videos_of_their_own() {
    let sandbox = Sandbox::new(&ffmpeg());
    for (folder, count) in [("batch_0000", 5), ("batch_0001", 7)] {
        Frames::new("frame_#####.png").write(&sandbox.folder(folder), 1..=count);
    }
    sandbox.encode(&[]).expect(0);
    assert_shows(&sandbox.root().join("batch_0000/frame.mp4"), &sandbox.ffmpeg, 1..=5);
    assert_shows(&sandbox.root().join("batch_0001/frame.mp4"), &sandbox.ffmpeg, 1..=7);
}

#[test]
fn a_taken_name_gets_a_number_and_nothing_is_overwritten() {
    let sandbox = Sandbox::new(&ffmpeg());
    for (folder, count) in [("batch_0000", 5), ("batch_0001", 7)] {
        Frames::new("frame_#####.png").write(&sandbox.folder(folder), 1..=count);
    }
    let out = sandbox.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("video.mp4"), "mine").unwrap();
    let outcome = sandbox.encode(&["--output-dir", out.to_str().unwrap(), "--name", "video"]).expect(0);
    let mut videos = outcome.paths();
    videos.sort();
    assert_eq!(videos, [out.join("video_2.mp4"), out.join("video_3.mp4")]);
    assert_eq!(fs::read_to_string(out.join("video.mp4")).unwrap(), "mine");
    let mut counts: Vec<_> = videos.iter().map(|video| numbers(video, &sandbox.ffmpeg)).collect();
    counts.sort();
    assert_eq!(counts, [1..=5, 1..=7].map(Iterator::collect::<Vec<_>>));
}

#[test]
fn odd_names_are_only_bytes() {
    with_each_ffmpeg(|sandbox| {
        let names: [&[u8]; 9] = [
            b"with space",
            b"it's \"quoted\"",
            b"100%d",
            b"line\nbreak",
            b"-y",
            b"\xff\xfe not utf-8",
            b"$(touch gone);`x`",
            b"back\\slash [glob] *?",
            b"concat:file|pipe",
        ];
        for name in names {
            let folder = sandbox.folder(OsStr::from_bytes(name));
            Frames::new([name, b"_####.png"].concat()).write(&folder, 1..=4);
            let outcome = sandbox.run([OsStr::new("encode"), OsStr::new("--"), folder.as_os_str()]).expect(0);
            // The video's own name is never one that other programs take for an option.
            let guard: &[u8] = if name.starts_with(b"-") { b"_" } else { b"" };
            let video = folder.join(OsStr::from_bytes(&[guard, name, b".mp4"].concat()));
            assert_shows(&video, &sandbox.ffmpeg, 1..=4);
            if !name.contains(&b'\n') {
                assert_eq!(outcome.stdout, [video.as_os_str().as_bytes(), b"\n"].concat(), "{}", outcome.text());
            }
        }
        assert!(!sandbox.path().join("gone").exists());
    });
}

#[test]
fn a_gap_is_told_and_its_frames_are_kept() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, [1, 2, 3, 6, 7]);
    sandbox.encode(&["--cleanup", "delete"]).expect(0).says("4-5");
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, [1, 2, 3, 6, 7]);
    assert!([1, 2, 3, 6, 7].iter().all(|number| frames.path(&shot, *number).exists()));
}

#[test]
fn damaged_frames_are_named_and_never_shown() {
    let sandbox = Sandbox::new(&ffmpeg());
    for extension in ["png", "jpg"] {
        let folder = sandbox.folder(extension);
        let frames = Frames::new(format!("f_####.{extension}"));
        frames.write(&folder, 1..=12);
        fs::write(frames.path(&folder, 4), "").unwrap();
        frames.truncate(&folder, 7);
        fs::write(frames.path(&folder, 9), "<html>not a picture</html>").unwrap();
        let outcome = sandbox.run([OsStr::new("encode"), folder.as_os_str(), "--cleanup=delete".as_ref()]);
        for number in [4, 7, 9] {
            let warning = format!("warning: f_####.{extension}: frame {number} cannot be read: ");
            assert!(outcome.stderr.contains(&warning), "{}", outcome.stderr);
        }
        outcome.expect(0);
        assert_shows(&folder.join("f.mp4"), &sandbox.ffmpeg, [1, 2, 3, 5, 6, 8, 10, 11, 12]);
        assert!((1..=12).all(|number| frames.path(&folder, number).exists()), "an anomaly keeps every frame");
    }
}

#[test]
fn another_size_is_fitted_and_its_frames_are_kept() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    // The first frame is the odd one: FFmpeg by itself would take its size for all.
    frames.clone().size(512, 288).write(&shot, [1]);
    frames.write(&shot, 2..=8);
    sandbox.encode(&["--cleanup", "delete"]).expect(0).says("512x288");
    let shown = pictures(&shot.join("frame.mp4"), &sandbox.ffmpeg);
    assert_eq!(shown.len(), 8);
    assert!(shown.iter().all(|picture| (picture.width, picture.height) == (256, 144)));
    assert!((1..=8).all(|number| frames.path(&shot, number).exists()));
}

#[test]
fn odd_sizes_are_padded() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").size(257, 145).write(&shot, 1..=4);
    sandbox.encode(&[]).expect(0);
    let shown = pictures(&shot.join("frame.mp4"), &sandbox.ffmpeg);
    assert_eq!(shown.len(), 4);
    assert!(shown.iter().all(|picture| (picture.width, picture.height) == (258, 146)));
}

#[test]
fn cleanup_removes_the_frames_and_nothing_else() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=6);
    for other in ["notes.txt", "frame_0001.txt", "thumb.png", ".hidden_0001.png"] {
        fs::write(shot.join(other), "mine").unwrap();
    }
    sandbox.encode(&["--cleanup", "delete"]).expect(0);
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=6);
    assert!((1..=6).all(|number| !frames.path(&shot, number).exists()));
    for other in ["notes.txt", "frame_0001.txt", "thumb.png", ".hidden_0001.png"] {
        assert_eq!(fs::read_to_string(shot.join(other)).unwrap(), "mine", "{other}");
    }
}

#[test]
fn frames_stay_where_next_to_nothing_of_them_can_be_proved() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=6);
    let encoded = sandbox.encode(&["--cleanup", "delete", "--quality", "44"]).expect(0);
    encoded.says("can only be proved to be broadly these frames");
    assert!((1..=6).all(|number| frames.path(&shot, number).exists()));
    // Nothing is lost by these.
    sandbox.encode(&["--cleanup", "archive", "--quality", "44", "--name", "other"]).expect(0);
    assert!((1..=6).all(|number| !frames.path(&shot, number).exists()));
}

#[test]
fn archived_frames_move_aside_whole() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let frames = Frames::new("frame_####.png");
    frames.write(&shot, 1..=4);
    sandbox.encode(&["--cleanup", "archive"]).expect(0);
    assert_shows(&shot.join("frame.mp4"), &sandbox.ffmpeg, 1..=4);
    assert!((1..=4).all(|number| !frames.path(&shot, number).exists()));
    let archived = count_frames(&shot.join(".reeld-done"));
    assert_eq!(archived, 4);
}

fn count_frames(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(
            |path| {
                if path.is_dir() { count_frames(&path) } else { usize::from(path.extension() == Some("png".as_ref())) }
            },
        )
        .sum()
}

#[test]
fn the_rate_is_exact() {
    let sandbox = Sandbox::new(&ffmpeg());
    let frames = Frames::new("frame_####.png");
    for (rate_given, factor, expected) in [
        ("24", "1", (24, 1)),
        ("24000/1001", "1", (24000, 1001)),
        ("30000/1001", "0.5", (15000, 1001)),
        ("12.5", "2", (25, 1)),
    ] {
        let shot = sandbox.folder(format!("{}x{factor}", rate_given.replace('/', "-")));
        frames.write(&shot, 1..=30);
        let arguments = ["--framerate", rate_given, "--framerate-factor", factor];
        sandbox.run([OsStr::new("encode"), shot.as_os_str()].into_iter().chain(arguments.map(OsStr::new))).expect(0);
        assert_eq!(rate(&shot.join("frame.mp4"), &sandbox.ffmpeg), expected, "{rate_given} times {factor}");
    }
}

#[test]
fn json_is_json() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=4);
    let outcome = sandbox.encode(&["--json"]).expect(0);
    let values: Vec<serde_json::Value> =
        serde_json::Deserializer::from_slice(&outcome.stdout).into_iter().map(Result::unwrap).collect();
    assert!(!values.is_empty());
    let video = shot.join("frame.mp4");
    assert!(values.iter().any(|value| value.to_string().contains(video.to_str().unwrap())), "{}", outcome.text());
}

#[test]
fn the_same_frames_make_no_second_video() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    Frames::new("frame_####.png").write(&shot, 1..=4);
    sandbox.encode(&[]).expect(0);
    sandbox.encode(&[]).expect(0);
    assert_eq!(sandbox.videos(), [shot.join("frame.mp4")]);
    // Other frames under the same names are another matter.
    Frames::new("frame_####.png").size(320, 180).write(&shot, 1..=4);
    sandbox.encode(&[]).expect(0);
    assert_eq!(sandbox.videos(), [shot.join("frame.mp4"), shot.join("frame_2.mp4")]);
}

/// Starting it takes longer than reading a dozen frames.
#[test]
fn ffmpeg_is_asked_for_its_version_once() {
    let sandbox = Sandbox::new(&ffmpeg());
    let shot = sandbox.folder("shot");
    let asked = sandbox.path().join("asked");
    let install = |version: &str| {
        let dir = sandbox.path().join(version);
        let answer = format!("case $* in -version)\n echo >> '{}'\n", asked.display())
            + &format!("echo 'ffmpeg version {version} Copyright'\n exit 0\nesac\nexec \"$real\" \"$@\"");
        let program = stand_in(&dir, &sandbox.ffmpeg, "fi\nexec \"$real\" \"$@\"\n", "", &answer);
        sandbox.remove_ffmpeg();
        symlink(program, sandbox.path().join("bin/ffmpeg")).unwrap();
    };
    let encode = |size| {
        Frames::new("frame_####.png").size(size, 144).write(&shot, 1..=4);
        sandbox.encode(&[]).expect(0);
        fs::read_to_string(&asked).unwrap().lines().count()
    };
    install("7.1");
    assert_eq!((encode(256), encode(258)), (1, 1));
    // Another program of the same name.
    install("8.0");
    assert_eq!((encode(260), encode(262)), (2, 2));
    assert_eq!(sandbox.videos().len(), 4);
}

#[test]
fn a_missing_path_is_an_error_that_names_it() {
    let sandbox = Sandbox::new(&ffmpeg());
    let outcome = sandbox.run(["encode", "nowhere/to/be found"]);
    assert_ne!(outcome.code, Some(0));
    assert!(outcome.stdout.is_empty());
    outcome.says("nowhere/to/be found");
}
