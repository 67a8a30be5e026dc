//! How near to its frames a lossy video is made: the encoder, and where on its scale.

use serde::{Deserialize, Serialize};

use super::EncoderFamily;
use crate::config::EncoderArgs;
use crate::frame::color::Feed;

/// An encoder at a quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fidelity {
    encoder: Measured,
    scale: Option<u8>,
    /// The quality of x264 that is about as good, in hundredths.
    as_x264: Option<u16>,
}

/// What has limits of its own: an encoder, and what is fed to it or said of its quality where that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Measured {
    X264,
    X265,
    SvtAv1,
    Vpx,
    Mpeg4,
    X265Rgb,
    SvtAv1Rgb,
    VpxRgb,
    X264Rgb,
    ProresQuantiser,
    ProresProfile,
    Dnxhr,
    Gif,
    Webp,
    Other,
}

impl Measured {
    /// As the table of limits has it.
    fn name(self) -> &'static str {
        match self {
            Self::X264 => "x264",
            Self::X265 => "x265",
            Self::SvtAv1 => "svt-av1",
            Self::Vpx => "vpx",
            Self::Mpeg4 => "mpeg4",
            Self::X265Rgb => "x265/rgb",
            Self::SvtAv1Rgb => "svt-av1/rgb",
            Self::VpxRgb => "vpx/rgb",
            Self::X264Rgb => "x264/rgb",
            Self::ProresQuantiser => "prores/quantiser",
            Self::ProresProfile => "prores/profile",
            Self::Dnxhr => "dnxhr",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Other => "other",
        }
    }
}

impl Fidelity {
    /// What these arguments ask of an encoder of `family` that is given `feed`. Later arguments count more, as for FFmpeg.
    pub(super) fn of(family: EncoderFamily, args: &EncoderArgs, feed: Feed) -> Self {
        let scale = scale(family, args);
        let encoder = match (family, feed == Feed::Yuv420p) {
            (EncoderFamily::X264, true) => Measured::X264,
            (EncoderFamily::X265, true) => Measured::X265,
            (EncoderFamily::SvtAv1, true) => Measured::SvtAv1,
            (EncoderFamily::Vpx, true) => Measured::Vpx,
            (EncoderFamily::Mpeg4, true) => Measured::Mpeg4,
            // FFmpeg converts what is fed as RGB, and the depth and the subsampling are others.
            (EncoderFamily::X265, false) => Measured::X265Rgb,
            (EncoderFamily::SvtAv1, false) => Measured::SvtAv1Rgb,
            (EncoderFamily::Vpx, false) => Measured::VpxRgb,
            // What a lossless codec changes is rounding, as that of x264 where it is lossless.
            (EncoderFamily::X264 | EncoderFamily::Ffv1, _) => Measured::X264Rgb,
            (EncoderFamily::Prores, _) if args.quantiser().is_some() => Measured::ProresQuantiser,
            (EncoderFamily::Prores, _) => Measured::ProresProfile,
            (EncoderFamily::Dnxhd, _) => Measured::Dnxhr,
            (EncoderFamily::Gif, _) => Measured::Gif,
            (EncoderFamily::Webp, _) => Measured::Webp,
            (EncoderFamily::Mpeg4 | EncoderFamily::Other, _) => Measured::Other,
        };
        Self { encoder, scale, as_x264: scale.and_then(|scale| as_x264(family, encoder, scale)) }
    }

    /// The encoder, as the table of limits names it.
    #[must_use]
    pub fn encoder(self) -> &'static str {
        self.encoder.name()
    }

    /// Its own number, turned so that a higher one is less quality; `None` where that is not known.
    #[must_use]
    pub fn scale(self) -> Option<u8> {
        self.scale
    }

    /// About as good as x264 at this CRF; `None` where that is not known.
    #[must_use]
    pub fn as_x264(self) -> Option<f64> {
        self.as_x264.map(|hundredths| f64::from(hundredths) / 100.0)
    }
}

fn scale(family: EncoderFamily, args: &EncoderArgs) -> Option<u8> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
    let number = |text: &str| {
        text.parse::<f32>().ok().filter(|number| (0.0..=255.0).contains(number)).map(|number| number.ceil() as u8)
    };
    // Nobody can judge a bit rate without the pictures.
    let is_limited = args.has_bit_rate();
    // A quality of the encoder's own language overrules FFmpeg's.
    let own = args.last_of(&["-x264-params", "-x264opts", "-x265-params", "-svtav1-params"]).unwrap_or_default();
    if family == EncoderFamily::X265 && own.contains("lossless=1") || family == EncoderFamily::Ffv1 {
        return Some(0);
    }
    if is_limited || ["crf", "qp", "bitrate", "vbv", "rc="].iter().any(|key| own.contains(key)) {
        return None;
    }
    match family {
        EncoderFamily::X264 | EncoderFamily::X265 | EncoderFamily::SvtAv1 | EncoderFamily::Vpx => {
            if args.is_lossless() {
                return Some(0);
            }
            let default = match family {
                EncoderFamily::X264 => Some(23),
                EncoderFamily::X265 => Some(28),
                // That of SVT-AV1 is another one in each version; that of libvpx is a bit rate.
                _ => None,
            };
            args.last_of(&["-crf", "-qp"]).map_or(default, number)
        }
        EncoderFamily::Mpeg4 => args.quantiser().and_then(number),
        EncoderFamily::Prores => match (args.quantiser(), args.profile()) {
            (Some(quantiser), _) => number(quantiser),
            // FFmpeg's own choice is HQ or 4444.
            (None, None) => Some(2),
            (None, Some(profile)) => {
                let names = ["xq", "4444", "hq", "standard", "lt", "proxy"];
                let from_name = || names.iter().position(|name| *name == profile);
                let from_number = |number: u8| 5_usize.checked_sub(number.into());
                let place = profile.parse().ok().map_or_else(from_name, from_number)?;
                u8::try_from(place).ok()
            }
        },
        EncoderFamily::Dnxhd => match args.profile()? {
            "dnxhr_444" | "dnxhr_hqx" | "dnxhr_hq" => Some(0),
            "dnxhr_sq" => Some(1),
            "dnxhr_lb" => Some(2),
            _ => None,
        },
        EncoderFamily::Webp if args.is_lossless() => Some(0),
        EncoderFamily::Webp => match args.last_of(&["-quality", "-q", "-qscale"]) {
            Some(quality) => number(quality).and_then(|quality| 100_u8.checked_sub(quality)),
            None => Some(25),
        },
        EncoderFamily::Gif | EncoderFamily::Ffv1 => Some(0),
        EncoderFamily::Other => None,
    }
}

/// In hundredths.
fn as_x264(family: EncoderFamily, encoder: Measured, scale: u8) -> Option<u16> {
    let hundreds = u16::from(scale) * 100;
    match family {
        EncoderFamily::X264 | EncoderFamily::X265 | EncoderFamily::Ffv1 => Some(hundreds),
        EncoderFamily::SvtAv1 | EncoderFamily::Vpx => u16::try_from(u32::from(scale) * 5100 / 63).ok(),
        // Its step doubles where that of x264 takes six more.
        EncoderFamily::Mpeg4 => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "18 to 74 for any byte")]
            let crf = (1800.0 + 800.0 * (f64::from(scale.max(1)) / 2.0).log2()) as u16;
            Some(crf)
        }
        // From 18 to 34, and from 18 to 48, as far as their worst pictures tell.
        EncoderFamily::Prores if encoder == Measured::ProresQuantiser => Some(1800 + hundreds / 2),
        EncoderFamily::Webp => Some(1800 + hundreds * 3 / 10),
        EncoderFamily::Prores | EncoderFamily::Dnxhd | EncoderFamily::Gif => Some(1800),
        EncoderFamily::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_quality_counts() {
        let of =
            |family, args: &[&str]| Fidelity::of(family, &EncoderArgs::parse(args).unwrap(), Feed::Yuv420p).scale();
        assert_eq!(of(EncoderFamily::X264, &["-preset", "fast", "-crf", "17.95"]), Some(18));
        assert_eq!(of(EncoderFamily::X264, &["-crf", "18", "-crf", "40"]), Some(40));
        assert_eq!(of(EncoderFamily::X264, &["-crf", "18", "-crf:v", "40"]), Some(40));
        assert_eq!(of(EncoderFamily::X264, &["-preset", "fast"]), Some(23));
        assert_eq!(of(EncoderFamily::X264, &["-b:v", "2M"]), None);
        assert_eq!(of(EncoderFamily::Vpx, &["-crf", "22", "-b:v", "0"]), Some(22));
        assert_eq!(of(EncoderFamily::Vpx, &["-crf", "22", "-b:v", "2M"]), None);
        assert_eq!(of(EncoderFamily::Vpx, &[]), None);
        assert_eq!(of(EncoderFamily::X264, &["-crf", "18", "-x264-params", "crf=50"]), None);
        assert_eq!(of(EncoderFamily::X265, &["-x265-params", "log-level=error:lossless=1"]), Some(0));
        assert_eq!(of(EncoderFamily::Mpeg4, &["-q:v", "18"]), Some(18));
        assert_eq!(of(EncoderFamily::Prores, &["-vendor", "apl0", "-profile:v", "3"]), Some(2));
        assert_eq!(of(EncoderFamily::Prores, &["-profile:v", "proxy"]), Some(5));
        assert_eq!(of(EncoderFamily::Prores, &["-profile:v", "4", "-q:v", "9"]), Some(9));
        assert_eq!(of(EncoderFamily::Webp, &["-quality", "80"]), Some(20));
        assert_eq!(of(EncoderFamily::Dnxhd, &["-profile:v", "dnxhr_lb"]), Some(2));
        assert_eq!(of(EncoderFamily::Other, &["-crf", "20"]), None);
    }

    #[test]
    fn what_is_fed_as_rgb_has_limits_of_its_own() {
        let of = |family, feed| Fidelity::of(family, &EncoderArgs::default(), feed).encoder();
        assert_eq!(of(EncoderFamily::X264, Feed::Yuv420p), "x264");
        assert_eq!(of(EncoderFamily::X264, Feed::Rgb48le), "x264/rgb");
        assert_eq!(of(EncoderFamily::Mpeg4, Feed::Rgb24), "other");
    }
}
