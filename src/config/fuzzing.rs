//! Fuzzing: the config file, and the values in it. See [`crate::fuzzing`].

use std::ffi::OsString;
use std::fmt::{Debug, Display};
use std::path::Path;
use std::str::FromStr;

use crate::config::units::{parse_duration, print_duration};
use crate::config::{ConfigError, Factor, FolderFile, FrameRate, NameTemplate, Quality, Root, parse_in};

/// The text of a config file, or of one value.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    values(text);
    let env = |name: &str| (name == "HOME").then(|| OsString::from("/home/u"));
    match parse_in(text, Path::new("/etc/reeld.toml"), &env) {
        Ok(config) => {
            for (at, root) in config.roots.iter().enumerate() {
                assert!(root.path.is_absolute(), "{root:?}");
                let apart = |other: &Path| !other.starts_with(&root.path) && !root.path.starts_with(other);
                assert!(config.roots[..at].iter().all(|other| apart(&other.path)), "{root:?}");
            }
        }
        // Each mistake is in a line of the file, as people are told.
        Err(ConfigError::Invalid(invalid)) => {
            let said = invalid.to_string();
            assert!(said.starts_with("/etc/reeld.toml:"), "{said}");
            for line in said.lines().filter_map(|line| line.strip_prefix("/etc/reeld.toml:")) {
                let number: usize = line.split(':').next().and_then(|number| number.parse().ok()).unwrap_or(0);
                assert!((1..=text.matches('\n').count() + 1).contains(&number), "{said}");
            }
        }
        Err(other) => panic!("{other}: nothing was read from a disk"),
    }
    folder_file(text);
}

/// The text of a file beside the frames: it never says where videos go or what becomes of frames.
fn folder_file(text: &str) {
    let root = Root::with_defaults("/r".into());
    let file = FolderFile::of(Path::new("/r/shot"), text);
    let _ = file.keys();
    if let Ok(own) = file.over(&root, &[], &[]) {
        let what = |root: &Root| (root.path.clone(), root.delivery.output_dir.clone(), root.delivery.cleanup);
        assert_eq!(what(&own), what(&root), "{text:?}");
        assert!(own.video.encoder_args.is_empty(), "{text:?}");
        assert!(!own.delivery.output_name.to_string().contains('/'), "{text:?}");
    }
}

/// Values print as what reads as the same.
fn values(text: &str) {
    if text.len() > 100 {
        return;
    }
    value::<FrameRate>(text);
    value::<Factor>(text);
    value::<Quality>(text);
    value::<NameTemplate>(text);
    if let Ok(duration) = parse_duration(text) {
        assert_eq!(parse_duration(&print_duration(duration)).ok(), Some(duration), "{text}");
    }
}

fn value<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) {
    match text.parse::<T>() {
        Ok(value) => assert_eq!(value.to_string().parse().ok(), Some(value), "{text}"),
        Err(error) => assert!(!error.to_string().is_empty(), "{text}"),
    }
}
