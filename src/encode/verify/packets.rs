//! The packets of a file: how many, and when each is shown. Read by FFmpeg's `framecrc`, so that no ffprobe is needed.

use std::io::{BufRead as _, BufReader, Read};

use ffmpeg_sidecar::command::FfmpegCommand;

use super::flawed;
use super::timing::{self, Clock};
use crate::encode::chunk::ChunkJob;
use crate::encode::error::{EncodeError, Flaw};

/// Has a run of FFmpeg that reads the reel, with times as they stand in the file, list its packets on `pipe:0`.
pub(super) fn list(command: &mut FfmpegCommand) {
    command.map("0:v").codec_video("copy").format("framecrc").output("pipe:0");
}

/// Compares the packets of the reel with what was fed.
pub(super) fn check(list: &List, job: &ChunkJob, fed: u64) -> Result<(), EncodeError> {
    judge(list, job, fed).map_err(|flaw| flawed(&job.output, flaw))
}

fn judge(list: &List, job: &ChunkJob, fed: u64) -> Result<(), Flaw> {
    let found = list.packets.len() as u64;
    if found != fed {
        return Err(Flaw::Count { expected: fed, found, what: "packets" });
    }
    let Some(base) = list.base else { return Err(Flaw::Container("no video stream".to_owned())) };
    if !list.packets.first().is_some_and(|packet| packet.key) {
        return Err(Flaw::NotKey);
    }
    let clock = Clock::of(job.recipe.container);
    let mut times: Vec<i64> = list.packets.iter().map(|packet| packet.time).collect();
    // Packets are in the order of decoding.
    times.sort_unstable();
    for (index, time) in times.into_iter().enumerate() {
        let index = index as u64;
        if !clock.is_time_of(index, job.rate, time, base) {
            return Err(Flaw::Time {
                index,
                expected: timing::exact(index, job.rate),
                found: format!("{} s", Fraction(i128::from(time) * i128::from(base.0), base.1)),
            });
        }
    }
    Ok(())
}

struct Fraction(i128, u32);

impl std::fmt::Display for Fraction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// What `framecrc` lists of stream 0.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    base: Option<(u32, u32)>,
    packets: Vec<Packet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packet {
    /// When it is shown, in units of the list's base; when it is decoded where the container does not say.
    time: i64,
    key: bool,
}

/// Lines such as `#tb 0: 1/24000` and `0,      -2002,          0,     1001,      741, 0x782effd4, F=0x0`; the flags are
/// there only where they are not those of a key frame.
pub(super) fn parse(pipe: impl Read) -> List {
    let mut list = List::default();
    for line in BufReader::new(pipe).lines() {
        let Ok(line) = line else { return list };
        if let Some(base) = line.strip_prefix("#tb 0: ") {
            list.base = base.split_once('/').and_then(|(up, down)| Some((up.parse().ok()?, down.parse().ok()?)));
        } else if let Some(packet) = parse_packet(&line) {
            list.packets.push(packet);
        }
    }
    list
}

fn parse_packet(line: &str) -> Option<Packet> {
    let mut fields = line.split(',').map(str::trim);
    if fields.next()? != "0" {
        return None;
    }
    let decoded = fields.next()?;
    let shown = fields.next()?;
    let time = if shown == "NOPTS" { decoded } else { shown }.parse().ok()?;
    let flags = fields.find_map(|field| field.strip_prefix("F=0x"));
    let key = flags.is_none_or(|flags| u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1));
    Some(Packet { time, key })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_of_ffmpeg_5_is_read() {
        let text = "#software: Lavf59.27.100\n#tb 0: 1/24000\n#media_type 0: video\n#codec_id 0: h264\n\
                    0,      -2002,          0,     1001,      741, 0x782effd4\n\
                    0,      -1001,       4004,     1001,       15, 0x1a2e04b9, F=0x0\n";
        let packets = vec![Packet { time: 0, key: true }, Packet { time: 4004, key: false }];
        assert_eq!(parse(text.as_bytes()), List { base: Some((1, 24_000)), packets });
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(packets in prop::collection::vec((any::<i64>(), any::<bool>()), 0..50), base in (1_u32.., 1_u32..)) {
            let mut text = format!("#tb 0: {}/{}\n", base.0, base.1);
            for (time, key) in &packets {
                let flags = if *key { "" } else { ", F=0x0" };
                writeln!(text, "0, {:10}, {time:10}, {:8}, {:8}, 0x{:08x}{flags}", 1, 2, 3, 4).unwrap();
            }
            let list = parse(text.as_bytes());
            prop_assert_eq!(list.base, Some(base));
            prop_assert_eq!(list.packets, packets.into_iter().map(|(time, key)| Packet { time, key }).collect::<Vec<_>>());
        }

        #[test]
        fn no_text_troubles_it(text in ".{0,300}") {
            parse(text.as_bytes());
        }
    }
}
