use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::config::{Builtin, Config, Preset};
use crate::error::chain;
use crate::sequence::rate::RateSource;

fn config(keys: &str) -> Config {
    let text = format!("[presets.own]\nencoder = \"mpeg4\"\n[[watch]]\npath = \"/r\"\n{keys}");
    Config::parse(&text, Path::new("/etc/reeld.toml")).unwrap()
}

fn over(keys: &str, text: &str) -> Result<Root, String> {
    let config = config(keys);
    let file = FolderFile::of(Path::new("/r/shot"), text);
    file.over(&config.roots[0], &config.presets, &config.roots).map_err(|error| chain(&error).in_lines())
}

fn refused(keys: &str, text: &str) -> String {
    over(keys, text).unwrap_err()
}

#[test]
fn every_key_says_otherwise_than_the_root() {
    let keys = "framerate = 30\nframerate_factor = 2\npreset = \"h265\"\nquality = 20\nspeed = \"fast\"\noutput_name = \"a\"\n\
                idle_timeout = \"1h\"\ngenerator = \"motion\"\ncleanup = \"delete\"\noutput_dir = \"/videos\"";
    let same = over(keys, "").unwrap();
    assert_eq!((same.video.rate.to_string(), same.rate_from), ("60".to_owned(), RateSource::Stated));
    let text = "framerate = 12.5\npreset = \"own\"\nquality = 3\noutput_name = \"{folder}_{fps}\"\nfinal_frame = \"*_9.png\"\n\
                last_frame = -3\nframe_count = 9\nidle_timeout = \"never\"\ngenerator = \"blender\"";
    let root = over(keys, text).unwrap();
    assert_eq!((root.video.rate.to_string(), root.rate_from), ("25".to_owned(), RateSource::Stated));
    assert_eq!((root.video.preset.name(), root.video.speed.as_deref()), ("own".into(), None));
    assert!(root.video.quality.is_some());
    assert_eq!(root.delivery.output_name.to_string(), "{folder}_{fps}");
    let rules = &root.finish;
    assert_eq!((rules.last_frame, rules.frame_count), (Some(-3), Some(9)));
    assert_eq!((rules.idle_timeout, rules.generator), (IdleTimeout::Never, Some(Generator::Blender)));
    assert!(rules.final_frame.as_ref().unwrap().is_match("a_9.png"));
    // What it may not say stays.
    assert_eq!(root.delivery.output_dir.as_deref(), Some(Path::new("/videos")));
    assert_eq!(root.delivery.cleanup, crate::config::Cleanup::Delete);
    let auto = over(keys, "framerate = \"auto\"\ngenerator = \"auto\"").unwrap();
    assert_eq!((auto.video.rate.to_string(), auto.rate_from), ("48".to_owned(), RateSource::Default));
    assert_eq!(auto.finish.generator, None);
    // A root's quality is for its own preset.
    let same = over(keys, "preset = \"h265\"").unwrap();
    assert!(same.video.quality.is_some() && same.video.speed.is_some());
    let other = over(keys, "preset = \"prores\"").unwrap();
    assert_eq!(other.video.preset, Preset::Builtin(Builtin::Prores));
    assert!(other.video.quality.is_none() && other.video.speed.is_none());
}

/// The keys that a root has are all told apart: allowed here, or refused with the reason.
#[test]
fn no_other_key_of_a_root_has_a_place() {
    for key in RawRoot::KEYS.iter().filter(|key| !RawFolder::KEYS.contains(key)) {
        let said = refused("", &format!("{key} = \"x\""));
        assert!(said.contains(&format!("`{key}` has no place in a folder's file")), "{said}");
        assert!(said.contains("say it in the config of the daemon") && !said.contains("unknown key"), "{said}");
    }
    for key in RawFolder::KEYS {
        assert!(RawRoot::KEYS.contains(key), "{key} is none of the config's");
    }
}

#[test]
fn a_mistake_is_told_with_its_place() {
    for (keys, text, expected) in [
        ("", "framerte = 12", "/r/shot/reeld.toml:1:1: unknown key `framerte`"),
        ("", "framerte = 12", "did you mean `framerate`?"),
        ("", "framerate = ", "not TOML"),
        ("", "\nframerate = \"fast\"", "/r/shot/reeld.toml:2:13: `framerate`"),
        ("", "[encoder]\nffmpeg = \"/tmp/x\"", "unknown key `encoder`"),
        ("", "preset = \"nope\"", "unknown preset `nope`"),
        ("", "preset = \"gif\"\nframerate = 60", "a GIF has at most 50"),
        ("framerate = 60", "preset = \"gif\"", "a GIF has at most 50"),
        ("", "speed = \"warp\"", "has no speed"),
        ("", "quality = 99", "quality"),
        ("", "output_name = \"../../etc/{name}\"", "`output_name`"),
        ("", "output_name = \"cuts/{name}\"", "cannot name another folder"),
        ("min_frames = 5", "frame_count = 4", "less than `min_frames`"),
        ("order = \"time\"", "last_frame = 4", "the highest number is not the last frame"),
        ("", "preset = \"webp\"", "the videos are WebP pictures inside of `/r`"),
    ] {
        let said = refused(keys, text);
        assert!(said.contains(expected), "{text}: no {expected:?} in {said}");
    }
}

#[test]
fn only_a_small_file_itself_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    assert_eq!(FolderFile::read(dir).unwrap(), None);
    let other = dir.join("other");
    fs::write(&other, "framerate = 12").unwrap();
    for name in NAMES {
        let path = dir.join(name);
        fs::write(&path, "framerate = 12\n\"pre\\u001bset\" = 1").unwrap();
        let file = FolderFile::read(dir).unwrap().unwrap();
        assert_eq!((file.path(), file.keys().as_str()), (&*path, "framerate, pre\\u{1b}set"));
        fs::write(&path, [0xFF, 0xFE]).unwrap();
        assert!(matches!(FolderFile::read(dir), Err(FolderFileError::NoText { .. })));
        fs::write(&path, " ".repeat(65 << 10)).unwrap();
        assert!(matches!(FolderFile::read(dir), Err(FolderFileError::TooLarge { .. })));
        fs::remove_file(&path).unwrap();
        symlink(&other, &path).unwrap();
        assert!(matches!(FolderFile::read(dir), Err(FolderFileError::NoFile { .. })));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(FolderFile::read(dir), Err(FolderFileError::NoFile { .. })));
        fs::remove_dir(&path).unwrap();
        // It would block whoever opens it to read.
        rustix::fs::mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        assert!(matches!(FolderFile::read(dir), Err(FolderFileError::NoFile { .. })));
        fs::remove_file(&path).unwrap();
        // A daemon's config is none.
        fs::write(&path, "[[watch]]\npath = \"/r\"").unwrap();
        assert_eq!(FolderFile::read(dir).unwrap(), None);
        fs::remove_file(&path).unwrap();
    }
    fs::write(dir.join(NAMES[0]), "[[watch]]\npath = \"/r\"").unwrap();
    fs::write(dir.join(NAMES[1]), "framerate = 12").unwrap();
    assert_eq!(FolderFile::read(dir).unwrap().unwrap().path(), dir.join(NAMES[1]));
    fs::write(dir.join(NAMES[0]), "").unwrap();
    assert!(matches!(FolderFile::read(dir), Err(FolderFileError::Both { .. })));
}
