//! Files that an encoder would write beside the video, asked for inside of a list of its own keys.
//!
//! `-x264-params dump-yuv=FILE` writes wherever the user of the service may write, over what is there. Owns what is known of
//! such keys. Keys for files that are only read are left alone.

use super::ArgumentError;
use crate::text::printable::printable;

/// Keys that name a file to be written: those of x264, x265, SVT-AV1, libaom, `VVenC`, Kvazaar and xavs2.
const WRITTEN: [&str; 5] = [
    "dump-yuv stats",
    "csv csv-log-level recon recon-y4m-exec analysis-save analysis-reuse-file",
    "stat-file enable-stat-report errlog two-pass-output second-pass-log partition-info-path",
    "tracefile rcstatsfile bitstreamfile reconfile summaryoutfilename summarypicfilenamebase",
    "output debug stats-file-prefix bitstream recfile log",
];

/// Keys that have one of these in them are taken to name a file to be written: encoders get new ones.
const SUSPECT: [&str; 9] = ["file", "path", "dump", "recon", "csv", "stats", "save", "output", "trace"];

/// But for these: they are read, or name no file.
const HARMLESS: &str = "profile high-tier-profile cqmfile qpfile zonefile lambda-file nalu-file analysis-load vmaf-model-path \
    qp-file roi-file output-depth";

/// `Ok` unless `option` takes a list of keys and `list` has one that makes the encoder write a file.
pub(super) fn none_written(option: &str, list: &str) -> Result<(), ArgumentError> {
    let name = option.trim_start_matches('-').split(':').next().unwrap_or_default();
    if !(name.ends_with("params") || name.ends_with("opts")) {
        return Ok(());
    }
    match keys(list).find(|key| is_written(key)) {
        None => Ok(()),
        Some(key) => Err(ArgumentError::new(
            format!("`{}` in `{}` makes the encoder write a file of its own", printable(&key), printable(option)),
            "leave it out: reeld lets encoders write the video and nothing else",
        )),
    }
}

fn is_written(key: &str) -> bool {
    let is_one_of = |keys: &str| keys.split_whitespace().any(|known| known == key);
    WRITTEN.iter().any(|keys| is_one_of(keys)) || SUSPECT.iter().any(|part| key.contains(part)) && !is_one_of(HARMLESS)
}

/// Everything in `list` that could be a key, as the encoders compare them: what comes before an equals sign, also within a
/// value (zones have lists of their own), without FFmpeg's quotes and escapes, with `-` for `_`. Cases are not told apart,
/// which some encoders do.
fn keys(list: &str) -> impl Iterator<Item = String> {
    let plain: String = list.chars().filter(|c| !matches!(c, '\\' | '\'')).collect();
    let pieces: Vec<String> = plain.split('=').map(str::to_owned).collect();
    // What comes after the last equals sign is no key but for encoders that take switches: those write nothing.
    let before_sign = pieces.len().saturating_sub(1);
    pieces.into_iter().take(before_sign).map(|piece| {
        let word = piece.trim_end().rsplit(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
        let word = word.into_iter().next().unwrap_or_default().to_ascii_lowercase().replace('_', "-");
        let word = word.trim_start_matches('-');
        word.strip_prefix("no-").unwrap_or(word).to_owned()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_that_writes_a_file_is_refused_and_named() {
        for (option, list, key) in [
            ("-x264-params", "dump-yuv=/x", "dump-yuv"),
            ("-x264opts", "ref=2:dump_yuv=/x", "dump-yuv"),
            ("-x264-params", "pass=1:stats=/x", "stats"),
            ("-x264-params:v:0", r"dump\-yuv=/x", "dump-yuv"),
            ("-x264-params", "'dump-yuv'=/x", "dump-yuv"),
            ("-x264-params", "zones=0,10,dump-yuv=/x", "dump-yuv"),
            ("-x265-params", "csv=/x:csv-log-level=2", "csv"),
            ("-x265-params", "Analysis-Save=/x", "analysis-save"),
            ("-x265-params", "recon = /x", "recon"),
            ("-x265-params", "--recon=/x", "recon"),
            ("-svtav1-params", "pass=1:stats=/x", "stats"),
            ("-svtav1-params", "stat-file=/x", "stat-file"),
            ("-aom-params", "partition-info-path=/x", "partition-info-path"),
            ("-vvenc-params", "RCStatsFile=/x", "rcstatsfile"),
            ("-kvazaar-params", "debug=/x", "debug"),
            ("-some-params", "new-logfile=/x", "new-logfile"),
        ] {
            let complaint = none_written(option, list).unwrap_err();
            let text = format!("{complaint:?}");
            assert!(text.contains(&format!("`{key}`")), "{option} {list}: {text}");
        }
    }

    #[test]
    fn ordinary_keys_pass() {
        for (option, list) in [
            ("-x264-params", "ref=4:bframes=3:psy-rd=1.0,0.15:me=umh:zones=0,10,crf=20"),
            ("-x264-params", "cqmfile=/etc/cqm.cfg"),
            ("-x264opts", "no-psy:no-mbtree:keyint=48:sync-lookahead=0"),
            ("-x265-params", "log-level=error:open-gop=0:profile=main10:aq-mode=3:rskip-edge-threshold=5"),
            ("-svtav1-params", "tune=0:film-grain=8:enable-overlays=1"),
            ("-aom-params", "enable-chroma-deltaq=1:deltaq-mode=3"),
            ("-metadata", "stats=of the render"),
            ("-preset", "slow"),
        ] {
            assert_eq!(none_written(option, list), Ok(()), "{option} {list}");
        }
    }

    proptest! {
        #[test]
        fn no_way_to_write_a_key_hides_it(
            before in "[a-z0-9:,=]{0,12}[:,]?", quotes in prop::collection::vec(0_usize..3, 8), underscore: bool,
        ) {
            let key = if underscore { "dump_yuv" } else { "dump-yuv" };
            let quoted: String =
                key.chars().zip(quotes).flat_map(|(c, quote)| [["", "\\", "'"][quote].to_owned(), c.to_string()]).collect();
            let separator = if before.is_empty() || before.ends_with([':', ',', '=']) { "" } else { ":" };
            let list = format!("{before}{separator}{quoted}=/x");
            prop_assert!(none_written("-x264-params", &list).is_err(), "{}", list);
        }
    }
}
