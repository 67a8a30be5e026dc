//! `speed` for each encoder: its own preset.

use super::EncoderFamily;
use crate::config::EncoderArgs;

/// The arguments for `speed`, or what would have been allowed.
pub(super) fn args(family: EncoderFamily, speed: &str) -> Result<EncoderArgs, &'static str> {
    let x26x =
        ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"];
    let up_to = |limit: u8| speed.parse::<u8>().is_ok_and(|level| level <= limit);
    match family {
        EncoderFamily::X264 | EncoderFamily::X265 if x26x.contains(&speed) => option("-preset", speed),
        EncoderFamily::X264 | EncoderFamily::X265 => {
            Err("one of ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, veryslow, placebo")
        }
        // SVT-AV1 2.0 and later stop at 13 as well.
        EncoderFamily::SvtAv1 if up_to(13) => option("-preset", speed),
        EncoderFamily::SvtAv1 => Err("a number from 0 (slowest) to 13 (fastest)"),
        EncoderFamily::Vpx if up_to(8) => option("-cpu-used", speed),
        EncoderFamily::Vpx if ["best", "good", "realtime"].contains(&speed) => option("-deadline", speed),
        EncoderFamily::Vpx => Err("a number from 0 (slowest) to 8 (fastest), or one of best, good, realtime"),
        EncoderFamily::Webp if up_to(6) => {
            // WebP counts effort, not speed; so that a larger number is faster here as everywhere, it is turned round.
            let effort = 6 - speed.parse::<u8>().unwrap_or(0);
            option("-compression_level", &effort.to_string())
        }
        EncoderFamily::Webp => Err("a number from 0 (slowest) to 6 (fastest)"),
        EncoderFamily::Prores
        | EncoderFamily::Dnxhd
        | EncoderFamily::Ffv1
        | EncoderFamily::Mpeg4
        | EncoderFamily::Gif => Err("it has one speed only: leave `speed` out"),
        EncoderFamily::Other => option("-preset", speed),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the arms of the match above read better without an Ok in each")]
fn option(name: &str, value: &str) -> Result<EncoderArgs, &'static str> {
    Ok(EncoderArgs::own(&[(name, value)]))
}
