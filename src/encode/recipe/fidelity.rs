//! How near to its frames a lossy 4:2:0 video is made: the encoder, and where on its scale.

use super::Family;

/// An encoder at a quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fidelity {
    family: Family,
    scale: Option<u8>,
}

impl Fidelity {
    /// What these arguments ask of an encoder of `family`. Later arguments count more, as for FFmpeg.
    pub(super) fn of(family: Family, args: &[String]) -> Self {
        let mut scale: Option<u8> = None;
        for pair in args.windows(2) {
            let [option, value] = pair else { continue };
            let number = || value.parse::<f32>().ok().filter(|number| (0.0..=255.0).contains(number));
            match option.as_str() {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
                "-crf" | "-qp" | "-q:v" | "-qscale:v" => scale = number().map(|number| number.ceil() as u8),
                "-lossless" if value == "1" => scale = Some(0),
                "-x265-params" if value.contains("lossless=1") => scale = Some(0),
                // A quality of the encoder's own language overrules FFmpeg's.
                "-x264-params" | "-x264opts" | "-x265-params" | "-svtav1-params"
                    if ["crf", "qp", "bitrate", "vbv", "rc="].iter().any(|key| value.contains(key)) =>
                {
                    return Self { family, scale: None };
                }
                // Nobody can judge a bit rate without the pictures.
                "-b:v" | "-maxrate" | "-fs" if value != "0" => return Self { family, scale: None },
                _ => {}
            }
        }
        Self { family, scale }
    }

    /// The encoder, as the table of limits names it.
    #[must_use]
    pub fn encoder(self) -> &'static str {
        match self.family {
            Family::X264 => "x264",
            Family::X265 => "x265",
            Family::SvtAv1 => "svt-av1",
            Family::Vpx => "vpx",
            Family::Mpeg4 => "mpeg4",
            _ => "other",
        }
    }

    /// Its own number, higher for less quality; `None` where that is not known.
    #[must_use]
    pub fn scale(self) -> Option<u8> {
        self.scale
    }

    /// About as good as x264 at this CRF; `None` where that is not known.
    #[must_use]
    pub fn as_x264(self) -> Option<f64> {
        let scale = f64::from(self.scale?);
        match self.family {
            Family::X264 | Family::X265 => Some(scale),
            Family::SvtAv1 | Family::Vpx => Some(scale * 51.0 / 63.0),
            // Its step doubles where that of x264 takes six more.
            Family::Mpeg4 => Some(18.0 + 8.0 * (scale.max(1.0) / 2.0).log2()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_quality_counts() {
        let of = |family, args: &[&str]| {
            Fidelity::of(family, &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()).scale()
        };
        assert_eq!(of(Family::X264, &["-preset", "fast", "-crf", "17.95"]), Some(18));
        assert_eq!(of(Family::X264, &["-crf", "18", "-crf", "40"]), Some(40));
        assert_eq!(of(Family::Vpx, &["-crf", "22", "-b:v", "0"]), Some(22));
        assert_eq!(of(Family::Vpx, &["-crf", "22", "-b:v", "2M"]), None);
        assert_eq!(of(Family::X264, &["-crf", "18", "-x264-params", "crf=50"]), None);
        assert_eq!(of(Family::X265, &["-x265-params", "log-level=error:lossless=1"]), Some(0));
        assert_eq!(of(Family::Mpeg4, &["-q:v", "18"]), Some(18));
        assert_eq!(of(Family::Other, &[]), None);
    }
}
