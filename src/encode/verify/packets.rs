//! The packets of a file: how many, when each is shown, and what is in them. Read by FFmpeg's `framehash` and
//! `framecrc`, so that no ffprobe is needed.
//!
//! Packets are looked at apart from pictures, because raw pictures have neither times nor key frames, and players go by
//! both. Their hashes are also what a join is held to: the same packets in the same order need no second decoding.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use ffmpeg_sidecar::command::FfmpegCommand;
use sha2::{Digest as _, Sha256};

use super::timing::{self, Clock};
use super::{Samples, flawed};
use crate::config::FrameRate;
use crate::encode::error::{EncodeError, Flaw};

/// Has a run of FFmpeg that reads a file, with times as they stand in it, list its packets on `pipe`.
///
/// Two lists, line by line into one pipe: all packets with a hash, and the first with its flags, which the other does
/// not have. The hash is 128 bits of a fast one: nobody forges packets here, but disks may damage them.
pub(in crate::encode) fn list(command: &mut FfmpegCommand, pipe: &str) {
    command.map("0:v:0").codec_video("copy").args(["-hash", "murmur3", "-flush_packets", "1"]);
    command.format("framehash").output(pipe);
    command.map("0:v:0").codec_video("copy").args(["-frames:v", "1", "-flush_packets", "1"]);
    command.format("framecrc").output(pipe);
}

/// What FFmpeg lists of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::encode) struct List {
    base: Option<(u32, u32)>,
    config: String,
    /// Whether the first packet is a key frame.
    key: bool,
    packets: Vec<Packet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packet {
    /// When it is shown, in units of the list's base; when it is decoded where the container does not say.
    time: i64,
    size: u64,
    hash: u128,
}

impl List {
    /// Checks number, times and key frame against `expected` frames at `rate`.
    pub(in crate::encode) fn check(
        &self,
        video: &Path,
        clock: Clock,
        rate: FrameRate,
        expected: u64,
    ) -> Result<(), EncodeError> {
        self.judge(clock, rate, expected).map_err(|flaw| flawed(video, flaw))
    }

    fn judge(&self, clock: Clock, rate: FrameRate, expected: u64) -> Result<(), Flaw> {
        let found = self.packets.len() as u64;
        if found != expected {
            return Err(Flaw::Count { expected, found, what: "packets" });
        }
        let Some(base) = self.base else { return Err(Flaw::Container("no video stream".to_owned())) };
        if !self.key {
            return Err(Flaw::NotKey);
        }
        let mut times: Vec<i64> = self.packets.iter().map(|packet| packet.time).collect();
        // Packets are in the order of decoding, which is not that of showing where pictures lean on later ones.
        times.sort_unstable();
        for (index, time) in (0..).zip(times) {
            if !clock.is_time_of(index, rate, time, base) {
                return Err(Flaw::Time {
                    index,
                    expected: timing::exact(index, rate),
                    found: format!("{} s", Fraction(i128::from(time) * i128::from(base.0), base.1)),
                });
            }
        }
        Ok(())
    }

    /// What its packets are, cut into parts of these numbers of packets.
    pub(in crate::encode) fn samples(&self, counts: impl IntoIterator<Item = u64>) -> Vec<Samples> {
        let mut rest = self.packets.as_slice();
        let mut part = |count: u64| {
            let (part, left) = rest.split_at(usize::try_from(count).map_or(rest.len(), |count| count.min(rest.len())));
            rest = left;
            Samples { count: part.len() as u64, config: self.config.clone(), digest: digest(part) }
        };
        counts.into_iter().map(&mut part).collect()
    }
}

fn digest(packets: &[Packet]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for packet in packets {
        digest.update(packet.size.to_be_bytes());
        digest.update(packet.hash.to_be_bytes());
    }
    digest.finalize().into()
}

struct Fraction(i128, u32);

impl std::fmt::Display for Fraction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// Reads both lists. Lines of `framehash` are
/// `#extradata 0,                              46, a2aa7647853d3142aecfb92522e98750`, `#tb 0: 1/24000` and
/// `0,      -2002,          0,     1001,      741, be91cdbf0cae3299081cf56dce3e8c60`; those of `framecrc` have `0x` before
/// a shorter hash, and after it flags where they are not those of a key frame. `read` counts lines.
pub(in crate::encode) fn parse(pipe: impl Read, read: &AtomicU64) -> List {
    let mut list = List::default();
    for line in BufReader::new(pipe).lines() {
        let Ok(line) = line else { return list };
        read.fetch_add(1, Ordering::Relaxed);
        if let Some(base) = line.strip_prefix("#tb 0: ") {
            list.base = base.split_once('/').and_then(|(up, down)| Some((up.parse().ok()?, down.parse().ok()?)));
        } else if let Some(config) = line.strip_prefix("#extradata 0, ") {
            config.trim().clone_into(&mut list.config);
        } else if line.contains(" 0x") {
            list.key |= is_key(&line);
        } else if let Some(packet) = parse_packet(&line) {
            list.packets.push(packet);
        }
    }
    list
}

fn is_key(line: &str) -> bool {
    let mut fields = line.split(',').map(str::trim);
    let flags = fields.find_map(|field| field.strip_prefix("F=0x"));
    line.starts_with("0,") && flags.is_none_or(|flags| u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1))
}

fn parse_packet(line: &str) -> Option<Packet> {
    let mut fields = line.split(',').map(str::trim);
    if fields.next()? != "0" {
        return None;
    }
    let decoded = fields.next()?;
    let shown = fields.next()?;
    let time = if shown == "NOPTS" { decoded } else { shown }.parse().ok()?;
    let (size, hash) = (fields.nth(1)?.parse().ok()?, fields.next()?);
    Some(Packet { time, size, hash: u128::from_str_radix(hash, 16).ok()? })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> List {
        parse(text.as_bytes(), &AtomicU64::new(0))
    }

    const TEXT: &str = "#format: frame checksums\n#version: 2\n#hash: murmur3\n\
        #extradata 0,                              46, a2aa7647853d3142aecfb92522e98750\n#software: Lavf59.27.100\n\
        #tb 0: 1/24000\n#media_type 0: video\n#codec_id 0: h264\n#dimensions 0: 256x144\n#sar 0: 0/1\n\
        #stream#, dts,        pts, duration,     size, hash\n\
        0,      -2002,          0,     1001,     3893, be91cdbf0cae3299081cf56dce3e8c60\n\
        #extradata 0:       46, 0x525f1123\n#software: Lavf59.27.100\n#tb 0: 1/24000\n\
        0,      -2002,          0,     1001,     3893, 0xdd2218e2\n\
        0,      -1001,       4004,     1001,       15, 0a465295eafb655ef6941a3249c7d265\n";

    #[test]
    fn the_lists_of_ffmpeg_5_are_read() {
        let packets = vec![
            Packet { time: 0, size: 3893, hash: 0xbe91_cdbf_0cae_3299_081c_f56d_ce3e_8c60 },
            Packet { time: 4004, size: 15, hash: 0x0a46_5295_eafb_655e_f694_1a32_49c7_d265 },
        ];
        let config = "46, a2aa7647853d3142aecfb92522e98750".to_owned();
        assert_eq!(read(TEXT), List { base: Some((1, 24_000)), config, key: true, packets });
        assert!(!read(&TEXT.replace("0xdd2218e2", "0xdd2218e2, F=0x0")).key);
    }

    #[test]
    fn a_first_packet_that_is_not_listed_is_no_key_frame() {
        let text = TEXT.replace("0xdd2218e2", "");
        assert!(!read(&text).key);
    }

    #[test]
    fn samples_depend_on_every_packet_and_on_their_order() {
        let list = read(TEXT);
        let whole = list.samples([2]);
        assert_eq!((whole.len(), whole[0].count), (1, 2));
        let parts = list.samples([1, 1]);
        assert_ne!(parts[0].digest, parts[1].digest);
        let mut other = list;
        other.packets.swap(0, 1);
        assert_ne!(other.samples([2])[0].digest, whole[0].digest);
        assert_eq!(other.samples([1, 1]), [parts[1].clone(), parts[0].clone()]);
        assert_eq!(other.samples([9, 1])[1].count, 0);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(packets in prop::collection::vec((any::<i64>(), any::<u64>(), any::<u128>()), 0..50), base in (1_u32.., 1_u32..)) {
            let mut text = format!("#tb 0: {}/{}\n", base.0, base.1);
            for (time, size, hash) in &packets {
                writeln!(text, "0, {:10}, {time:10}, {:8}, {size:8}, {hash:032x}", 1, 2).unwrap();
            }
            let list = read(&text);
            prop_assert_eq!(list.base, Some(base));
            let wanted: Vec<_> = packets.into_iter().map(|(time, size, hash)| Packet { time, size, hash }).collect();
            prop_assert_eq!(list.packets, wanted);
        }

        #[test]
        fn no_text_troubles_it(text in ".{0,300}") {
            read(&text).samples([3]);
        }
    }
}
