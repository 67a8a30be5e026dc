//! The files that come with reeld.

use std::collections::BTreeSet;
use std::path::Path;

use super::parse;
use crate::config::raw::{RawEncoder, RawLimits, RawPreset, RawRoot, RawTop, Table as _};
use crate::config::{Cleanup, DEFAULT_TOML, Encoder, Preset, Quality, Root, StopPolicy, units::Named as _};
use crate::frame::limits::Limits;

/// The default configuration with its commented-out keys put into force: those that show a default, and with `examples`
/// also those that show an example.
fn uncommented(examples: bool) -> String {
    let mut text = String::new();
    let mut example = false;
    for line in DEFAULT_TOML.lines() {
        match line.strip_prefix("# ") {
            Some(key) if is_key(key) && (examples || !example) => text += key,
            _ => text += line,
        }
        text.push('\n');
        example = line == "# Example:";
    }
    text
}

fn is_key(line: &str) -> bool {
    let name = line.split(" = ").next().unwrap_or_default();
    let key = line.contains(" = ") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    key || line == "[presets.review]"
}

#[test]
fn the_default_is_valid_as_it_is() {
    let config = parse(DEFAULT_TOML).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.roots.len(), 1);
    assert_eq!(config.roots[0].path, Path::new("/srv/renders"));
}

#[test]
fn every_value_in_the_default_is_valid() {
    let config = parse(&uncommented(true)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.roots[0].video.quality, Some(Quality::Crf(18)));
    assert_eq!(config.encoder.threads.map(usize::from), Some(4));
    assert_eq!(config.encoder.chunk_dir.as_deref(), Some(Path::new("/mnt/scratch/reeld")));
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    // Without its examples the documented preset would be one without an encoder, or keys of another table.
    let text = uncommented(false).replace("pix_fmt = \"yuv420p\"\n", "").replace("container = \"mp4\"\n", "");
    let config = parse(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(format!("{:?}", config.roots[0]), format!("{:?}", Root::with_defaults("/srv/renders".into())));
    assert_eq!(config.encoder, Encoder::default());
    assert_eq!(config.limits, Limits::DEFAULT);
    assert_eq!(config.stop, StopPolicy::Abort);
    assert_eq!(config.state_dir, None);
    assert_eq!(config.keep_history, None);
}

#[test]
fn the_documented_defaults_of_a_preset_are_its_defaults() {
    let preset = |keys: &str| {
        let text =
            format!("[presets.own]\nencoder = \"libx264\"\n{keys}\n[[watch]]\npath = \"/a\"\npreset = \"own\"\n");
        let config = parse(&text).unwrap_or_else(|error| panic!("{error}"));
        config.roots[0].video.preset.clone()
    };
    assert!(DEFAULT_TOML.contains("\n# pix_fmt = \"yuv420p\"\n") && DEFAULT_TOML.contains("\n# container = \"mp4\"\n"));
    assert_eq!(preset(""), preset("pix_fmt = \"yuv420p\"\ncontainer = \"mp4\""));
}

#[test]
fn every_key_is_documented() {
    let documented: BTreeSet<&str> = DEFAULT_TOML
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .filter(|line| is_key(line))
        .filter_map(|line| line.split(" = ").next())
        .collect();
    let keys = [RawTop::KEYS, RawEncoder::KEYS, RawLimits::KEYS, RawPreset::KEYS, RawRoot::KEYS, &["path"]];
    for key in keys.into_iter().flatten() {
        assert!(documented.contains(key), "`{key}` is not in config/reeld.toml");
    }
}

#[test]
fn every_builtin_preset_is_documented() {
    for name in crate::config::Builtin::names() {
        assert!(DEFAULT_TOML.contains(&format!("{name},")) || name == "lossless", "{name}");
    }
}

#[test]
fn the_comfyui_example() {
    let config = parse(include_str!("../../../config/examples/comfyui.toml")).unwrap_or_else(|error| panic!("{error}"));
    let root = &config.roots[0];
    assert_eq!(root.path, Path::new("/home/u/ComfyUI/output"));
    assert_eq!(root.video.rate.to_string(), "24");
    assert_eq!(root.delivery.output_name.to_string(), "video");
    assert_eq!(root.delivery.cleanup, Cleanup::Keep, "such a folder holds single pictures too");
    assert!(root.selection.exclude.is_match("temp") && root.selection.exclude.is_match("a/b/x_preview_1.png"));
    assert!(!root.selection.exclude.is_match("batch_0000/ComfyUI_00001_.png"));
}

#[test]
fn the_blender_example() {
    let config = parse(include_str!("../../../config/examples/blender.toml")).unwrap_or_else(|error| panic!("{error}"));
    let [preview, last] = &config.roots[..] else { panic!("two roots") };
    assert_eq!(preview.finish.last_frame, Some(250));
    assert_eq!(preview.video.quality.map(|quality| quality.to_string()).as_deref(), Some("HIGH"));
    assert_eq!(last.finish.last_frame, Some(250));
    assert!(matches!(&last.video.preset, Preset::Custom(preset) if preset.encoder == "prores_ks"));
}

#[test]
fn the_timelapse_example() {
    let config =
        parse(include_str!("../../../config/examples/timelapse.toml")).unwrap_or_else(|error| panic!("{error}"));
    let root = &config.roots[0];
    assert_eq!(root.video.rate.to_string(), "30000/1001");
    let include = root.selection.include.as_ref().unwrap();
    assert!(include.is_match("2026-06-21/20260621054500.jpg") && !include.is_match("2026-06-21/notes.txt"));
}
