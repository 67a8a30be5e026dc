//! Encoder arguments that would write files beside the video.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::{Sandbox, ffmpeg, with_each_ffmpeg};

/// Options that speak of files and write none.
const HARMLESS: [&str; 7] =
    ["streamid", "vaapi_device", "qsv_device", "ism_lookahead", "reserve_index_space", "dash", "live"];

/// What FFmpeg says about `topic`.
fn help(ffmpeg: &Path, topic: &[&str]) -> String {
    let output = Command::new(ffmpeg).args(["-hide_banner", "-h"]).args(topic).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The option of a line such as `  -stats <string> E..V....... Filename for 2 pass stats`, if its text speaks of a file.
fn of_file(line: &str) -> Option<&str> {
    let (option, text) = line.trim_start().strip_prefix('-')?.split_once(' ')?;
    let words = text.to_lowercase();
    let mut words = words.split(|c: char| !c.is_ascii_alphanumeric());
    let speaks = words.any(|word| ["file", "files", "filename", "outfile", "path"].contains(&word));
    speaks.then(|| option.split(['[', ':']).next().unwrap_or(option))
}

/// A config with a preset for each list of arguments.
fn config(lists: &[(String, String)]) -> String {
    let preset = |(index, (option, value)): (usize, &(String, String))| {
        format!("[presets.p{index}]\nencoder = \"libx264\"\nargs = [{option:?}, {value:?}]\n")
    };
    lists.iter().enumerate().map(preset).collect()
}

#[test]
fn every_option_of_the_installed_encoders_that_names_a_file_is_refused() {
    with_each_ffmpeg(|sandbox| {
        let full = help(&sandbox.ffmpeg, &["full"]);
        let (general, special) = full.split_once("AVOptions:").unwrap();
        // `E..V` is an option of a video encoder; what has no flags is one of the program itself.
        let of_encoders = special.lines().filter(|line| line.contains(" E..V"));
        let mut options: BTreeSet<String> =
            general.lines().chain(of_encoders).filter_map(of_file).map(String::from).collect();
        for muxer in ["mp4", "mov", "matroska", "webm", "gif", "avi", "webp"] {
            let help = help(&sandbox.ffmpeg, &[&format!("muxer={muxer}")]);
            options.extend(help.lines().filter_map(of_file).map(String::from));
        }
        assert!(options.contains("stats") && options.contains("passlogfile") && options.contains("vstats_file"));
        let lists: Vec<_> = options.iter().map(|option| (format!("-{option}"), "/srv/file".to_owned())).collect();
        let checked = sandbox.check_without_ffmpeg(&sandbox.config_text(&config(&lists)));
        for option in options.iter().filter(|option| !HARMLESS.contains(&option.as_str())) {
            assert!(checked.text().contains(&format!("`-{option}`")), "-{option} passes\n{}", checked.text());
        }
    });
}

#[test]
fn a_key_that_writes_a_file_is_refused_with_its_name() {
    let sandbox = Sandbox::new(&ffmpeg());
    let victim = sandbox.path().join("victim").display().to_string();
    let lists = [
        ("-x264-params", "dump-yuv"),
        ("-x264opts", "dump_yuv"),
        ("-x264-params", "stats"),
        ("-x265-params", "csv"),
        ("-x265-params", "analysis-save"),
        ("-x265-params", "recon"),
        ("-svtav1-params", "stats"),
    ];
    let presets: Vec<_> =
        lists.iter().map(|(option, key)| ((*option).to_owned(), format!("ref=2:{key}={victim}"))).collect();
    let root =
        format!("[[watch]]\npath = {:?}\nencoder_args = [\"-x264-params\", \"dump-yuv={victim}\"]\n", sandbox.root());
    let text = config(&presets) + &root;
    let said = sandbox.check_without_ffmpeg(&sandbox.config_text(&text)).text();
    assert!(said.contains("WRONG  config: "), "{said}");
    for (option, key) in lists {
        let named = format!("`{}` in `{option}`", key.replace('_', "-"));
        assert!(said.contains(&named), "{named}\n{said}");
    }
    assert!(said.contains("`encoder_args`: `dump-yuv` in `-x264-params`") && said.contains("hint:"), "{said}");
}
