//! `quality` for each encoder: its own number, or one of Blender's names.
//!
//! The names mean what Blender's `movie_write` makes of them, codec by codec. For codecs to which Blender gives no
//! quality, the steps are documented here, or the name is refused.

use crate::config::{EncoderArgs, NamedQuality, Quality};

use super::EncoderFamily;
use NamedQuality::{High, Lossless, Low, Lowest, Medium, PercLossless, VeryLow};

/// The arguments for `quality`, or what would have been allowed.
pub(super) fn args(family: EncoderFamily, quality: Quality, deep: bool) -> Result<EncoderArgs, &'static str> {
    match family {
        EncoderFamily::X264 => x264(quality, deep),
        EncoderFamily::X265 => x265(quality, deep),
        EncoderFamily::SvtAv1 => svt_av1(quality),
        EncoderFamily::Vpx => vpx(quality),
        EncoderFamily::Mpeg4 => mpeg4(quality),
        EncoderFamily::Webp => webp(quality),
        EncoderFamily::Ffv1 => match quality {
            Quality::Named(Lossless) => Ok(EncoderArgs::default()),
            _ => Err("it is always LOSSLESS: leave `quality` out"),
        },
        EncoderFamily::Gif => Err("it has no quality: leave `quality` out"),
        EncoderFamily::Prores => prores(quality),
        EncoderFamily::Dnxhd => dnxhr(quality),
        EncoderFamily::Other => match quality {
            Quality::Crf(crf) => Ok(number("-crf", crf)),
            Quality::Named(_) => Err("names are for encoders reeld knows: put the number in `args` of the preset"),
        },
    }
}

/// Blender's table for x264, VP9 and AV1; `None` for lossless.
fn crf_of(name: NamedQuality) -> Option<u8> {
    match name {
        Lossless => None,
        PercLossless => Some(17),
        High => Some(20),
        Medium => Some(23),
        Low => Some(26),
        VeryLow => Some(29),
        Lowest => Some(32),
    }
}

fn x264(quality: Quality, deep: bool) -> Result<EncoderArgs, &'static str> {
    match quality {
        Quality::Crf(crf @ 0..=51) => Ok(number("-crf", crf)),
        Quality::Crf(_) => Err("a number from 0 (best) to 51, or one of Blender's names, such as HIGH"),
        Quality::Named(name) => Ok(match crf_of(name) {
            // Not `-crf 0`, which at 10 bits is not lossless.
            None => number("-qp", 0_u8),
            // Blender's own conversion to the longer scale of 10 bits: max(0, -12 + crf / 51 * 63).
            Some(crf) if deep => number("-crf", (u16::from(crf) * 63 / 51).saturating_sub(12)),
            Some(crf) => number("-crf", crf),
        }),
    }
}

fn x265(quality: Quality, deep: bool) -> Result<EncoderArgs, &'static str> {
    // x265's parameters are one argument; its log level is there because it writes past FFmpeg's own.
    let quiet = |args: EncoderArgs, more: &str| args.with("-x265-params", format!("log-level=error{more}"));
    let crf = |crf: u8| quiet(number("-crf", crf), "");
    match quality {
        Quality::Crf(value @ 0..=51) => Ok(crf(value)),
        Quality::Crf(_) => Err("a number from 0 (best) to 51, or one of Blender's names, such as HIGH"),
        Quality::Named(name) => Ok(match (name, deep) {
            (Lossless, _) => quiet(EncoderArgs::default(), ":lossless=1"),
            (PercLossless, true) => crf(17),
            (PercLossless, false) => crf(20),
            (High, true) => crf(21),
            (High, false) => crf(24),
            (Medium, true) => crf(25),
            (Medium, false) | (Low, true) => crf(28),
            (Low, false) | (VeryLow, true) => crf(31),
            (VeryLow, false) | (Lowest, true) => crf(34),
            (Lowest, false) => crf(37),
        }),
    }
}

fn svt_av1(quality: Quality) -> Result<EncoderArgs, &'static str> {
    let allowed =
        "a number from 1 (best) to 63, or one of Blender's names but LOSSLESS; for that use preset `lossless`";
    match quality {
        // FFmpeg takes 0 for "not set".
        Quality::Crf(crf @ 1..=63) => Ok(number("-crf", crf)),
        Quality::Crf(_) => Err(allowed),
        Quality::Named(name) => crf_of(name).map(|crf| number("-crf", crf)).ok_or(allowed),
    }
}

fn vpx(quality: Quality) -> Result<EncoderArgs, &'static str> {
    // Without a bit rate of 0, libvpx takes the number as the lower limit of a rate of 200 kbit/s.
    let crf = |crf: u8| number("-crf", crf).with("-b:v", "0");
    match quality {
        Quality::Crf(value @ 0..=63) => Ok(crf(value)),
        Quality::Crf(_) => Err("a number from 0 (best) to 63, or one of Blender's names, such as HIGH"),
        Quality::Named(name) => Ok(crf_of(name).map_or_else(|| number("-lossless", 1_u8), crf)),
    }
}

/// MPEG-4 part 2 has quantisers, not CRF. The steps of the names double the bits about every other one.
fn mpeg4(quality: Quality) -> Result<EncoderArgs, &'static str> {
    let allowed =
        "a number from 1 (best) to 31, or one of Blender's names but LOSSLESS; for that use preset `lossless`";
    let scale = match quality {
        Quality::Crf(scale @ 1..=31) => scale,
        Quality::Crf(_) | Quality::Named(Lossless) => return Err(allowed),
        Quality::Named(PercLossless) => 2,
        Quality::Named(High) => 3,
        Quality::Named(Medium) => 5,
        Quality::Named(Low) => 8,
        Quality::Named(VeryLow) => 12,
        Quality::Named(Lowest) => 18,
    };
    Ok(number("-q:v", scale))
}

/// WebP's scale goes up with quality, 0 to 100.
fn webp(quality: Quality) -> Result<EncoderArgs, &'static str> {
    let scale = match quality {
        Quality::Crf(scale @ 0..=100) => scale,
        Quality::Crf(_) => return Err("a number from 0 (worst) to 100, or one of Blender's names, such as HIGH"),
        Quality::Named(Lossless) => return Ok(number("-lossless", 1_u8)),
        Quality::Named(PercLossless) => 95,
        Quality::Named(High) => 90,
        Quality::Named(Medium) => 80,
        Quality::Named(Low) => 65,
        Quality::Named(VeryLow) => 50,
        Quality::Named(Lowest) => 35,
    };
    Ok(number("-quality", scale))
}

/// `ProRes` profiles: 3 HQ, 2 standard, 1 LT, 0 proxy. The number is the encoder's quantiser.
fn prores(quality: Quality) -> Result<EncoderArgs, &'static str> {
    match quality {
        Quality::Crf(scale @ 1..=32) => Ok(number("-q:v", scale)),
        Quality::Named(PercLossless | High) => Ok(number("-profile:v", 3_u8)),
        Quality::Named(Medium) => Ok(number("-profile:v", 2_u8)),
        Quality::Named(Low) => Ok(number("-profile:v", 1_u8)),
        Quality::Named(VeryLow | Lowest) => Ok(number("-profile:v", 0_u8)),
        Quality::Crf(_) | Quality::Named(Lossless) => Err(
            "a quantiser from 1 (best) to 32, or one of Blender's names but LOSSLESS; for that use preset `lossless`",
        ),
    }
}

/// `ProRes` 4444 has two profiles: 4 is 4444, 5 is 4444 XQ.
pub(super) fn prores_4444(quality: Quality) -> Result<EncoderArgs, &'static str> {
    match quality {
        Quality::Named(High) => Ok(number("-profile:v", 4_u8)),
        Quality::Named(PercLossless) => Ok(number("-profile:v", 5_u8)),
        Quality::Crf(scale @ 1..=32) => Ok(number("-profile:v", 4_u8).with("-q:v", scale.to_string())),
        _ => Err("HIGH is 4444, PERC_LOSSLESS is 4444 XQ; or a quantiser from 1 (best) to 32"),
    }
}

/// `DNxHR` has profiles only, of a fixed rate each.
fn dnxhr(quality: Quality) -> Result<EncoderArgs, &'static str> {
    let profile = match quality {
        Quality::Named(PercLossless | High) => "dnxhr_hqx",
        Quality::Named(Medium) => "dnxhr_sq",
        Quality::Named(Low | VeryLow | Lowest) => "dnxhr_lb",
        Quality::Crf(_) | Quality::Named(Lossless) => {
            return Err("one of Blender's names but LOSSLESS: HIGH is HQX (10 bits), MEDIUM is SQ, LOW is LB");
        }
    };
    Ok(EncoderArgs::own(&[("-profile:v", profile)]))
}

fn number(option: &str, value: impl Into<u16>) -> EncoderArgs {
    EncoderArgs::default().with(option, value.into().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blenders_names_have_blenders_numbers() {
        let args = |family, name, deep| args(family, Quality::Named(name), deep).unwrap().to_argv().join(" ");
        assert_eq!(args(EncoderFamily::X264, Medium, false), "-crf 23");
        assert_eq!(args(EncoderFamily::X264, Medium, true), "-crf 16");
        assert_eq!(args(EncoderFamily::X264, Lossless, true), "-qp 0");
        assert_eq!(args(EncoderFamily::X265, Medium, false), "-crf 28 -x265-params log-level=error");
        assert_eq!(args(EncoderFamily::X265, Medium, true), "-crf 25 -x265-params log-level=error");
        assert_eq!(args(EncoderFamily::X265, Lossless, false), "-x265-params log-level=error:lossless=1");
        assert_eq!(args(EncoderFamily::SvtAv1, Lowest, false), "-crf 32");
        assert_eq!(args(EncoderFamily::Vpx, PercLossless, false), "-crf 17 -b:v 0");
        assert_eq!(args(EncoderFamily::Vpx, Lossless, false), "-lossless 1");
    }

    #[test]
    fn numbers_off_the_scale_are_refused() {
        for (family, number) in [
            (EncoderFamily::X264, 52),
            (EncoderFamily::X265, 52),
            (EncoderFamily::SvtAv1, 0),
            (EncoderFamily::SvtAv1, 64),
            (EncoderFamily::Vpx, 64),
            (EncoderFamily::Mpeg4, 0),
            (EncoderFamily::Webp, 101),
            (EncoderFamily::Prores, 0),
            (EncoderFamily::Dnxhd, 1),
            (EncoderFamily::Gif, 1),
            (EncoderFamily::Ffv1, 1),
        ] {
            assert!(args(family, Quality::Crf(number), false).is_err(), "{family:?} {number}");
        }
    }
}
