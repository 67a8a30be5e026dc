//! What each encoder can be asked for, as far as no frame is needed to know it.
//!
//! Owns the families of encoders, their scales of quality and speed, and the rates that a format can express. It is below the
//! recipes, which build on it, so that what can never be a video is refused when the config is read and not when the
//! render is done. It knows nothing of the FFmpeg that is there: whether that has the encoder, and takes what is asked of it,
//! shows when a few frames are encoded.

use super::{Builtin, Container, CustomPreset, EncoderArgs, FrameRate, NamedQuality, Preset, Quality, Video};
use crate::text::printable::printable;

pub(crate) mod pixels;
mod quality;
mod speed;

/// Encoders that take quality, speed and threads the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EncoderFamily {
    X264,
    X265,
    SvtAv1,
    Vpx,
    Prores,
    Dnxhd,
    Ffv1,
    Mpeg4,
    Gif,
    Webp,
    Other,
}

impl EncoderFamily {
    /// The family of the encoder FFmpeg calls `encoder`.
    pub(crate) fn of(encoder: &str) -> Self {
        match encoder {
            "libx264" | "libx264rgb" => Self::X264,
            "libx265" => Self::X265,
            "libsvtav1" => Self::SvtAv1,
            "libvpx-vp9" => Self::Vpx,
            "prores_ks" => Self::Prores,
            "dnxhd" => Self::Dnxhd,
            "ffv1" => Self::Ffv1,
            "mpeg4" => Self::Mpeg4,
            "gif" => Self::Gif,
            "libwebp" => Self::Webp,
            _ => Self::Other,
        }
    }

    /// The family of a preset's encoder. `lossless` has another one for frames that need it, which takes less.
    pub(crate) fn of_preset(preset: &Preset) -> Self {
        match preset {
            Preset::Custom(custom) => Self::of(&custom.encoder),
            Preset::Builtin(builtin) => match builtin {
                Builtin::H264 | Builtin::H264Ten | Builtin::Lossless => Self::X264,
                Builtin::H265 | Builtin::H265Ten => Self::X265,
                Builtin::Av1 => Self::SvtAv1,
                Builtin::Vp9 => Self::Vpx,
                Builtin::Prores | Builtin::Prores4444 => Self::Prores,
                Builtin::Dnxhr => Self::Dnxhd,
                Builtin::Ffv1 => Self::Ffv1,
                Builtin::Mpeg4 => Self::Mpeg4,
                Builtin::Gif => Self::Gif,
                Builtin::Webp => Self::Webp,
            },
        }
    }

    /// The arguments for `speed`, or what would have been allowed.
    pub(crate) fn speed(self, speed: &str) -> Result<EncoderArgs, &'static str> {
        speed::args(self, speed)
    }

    /// The most frames per second that the format can express; where it can express any, the most that a rate may be.
    fn fastest(self) -> u64 {
        match self {
            Self::Gif => 50,
            Self::SvtAv1 => 240,
            _ => 1000,
        }
    }

    /// Why the format cannot express the rate, if so.
    pub(crate) fn refuses_rate(self, rate: FrameRate) -> Option<&'static str> {
        let (num, den) = (u64::from(rate.num.get()), u64::from(rate.den.get()));
        let is_over = |limit: u64| num > limit * den;
        // Whether one frame lasts longer than `ticks`, of which a second has `second`.
        let is_longer = |ticks: u64, second: u64| den * second > ticks * num;
        match self {
            // A delay is a number of 1/100 s, and browsers show 0 and 1 as 10. It has 16 bits.
            Self::Gif if is_over(self.fastest()) => Some("a GIF has at most 50"),
            Self::Gif if is_longer(65_535, 100) => Some("a picture of a GIF lasts at most 655.35 s"),
            // Milliseconds, in 24 bits.
            Self::Webp if is_over(self.fastest()) => Some("an animated WebP has at most 1000"),
            Self::Webp if is_longer(0xff_ffff, 1000) => Some("a picture of an animated WebP lasts at most 16777 s"),
            Self::Mpeg4 if num > 65_535 => Some("MPEG-4 part 2 counts at most 65535 ticks a second"),
            // FFmpeg's encoder: "time_incr too large".
            Self::Mpeg4 if is_longer(86_400, 1) => Some("a picture of MPEG-4 part 2 lasts at most a day"),
            // SVT-AV1 1.4 and 3: "The maximum allowed frame rate is 240 fps".
            Self::SvtAv1 if is_over(self.fastest()) => Some("SVT-AV1 makes at most 240"),
            _ => None,
        }
    }
}

/// The arguments for `asked` of a preset, or what would have been allowed.
pub(crate) fn quality_of(preset: &Preset, asked: Quality) -> Result<EncoderArgs, &'static str> {
    let family = EncoderFamily::of_preset(preset);
    match preset {
        Preset::Builtin(Builtin::Prores4444) => quality::prores_4444(asked),
        Preset::Builtin(Builtin::Lossless) if asked != Quality::Named(NamedQuality::Lossless) => {
            Err("it is always LOSSLESS: leave `quality` out")
        }
        Preset::Builtin(builtin) => {
            quality::args(family, asked, matches!(builtin, Builtin::H264Ten | Builtin::H265Ten))
        }
        Preset::Custom(custom) => {
            quality::args(family, asked, custom.pix_fmt.contains("p10") || custom.pix_fmt.contains("p12"))
        }
    }
}

/// Why a preset cannot be of this quality, and what it can be, if so.
pub(crate) fn refuses_quality(preset: &Preset, asked: Quality) -> Option<(String, &'static str)> {
    let x26x = [Builtin::H264, Builtin::H264Ten, Builtin::H265, Builtin::H265Ten];
    let (name, is_x26x) = (preset.name(), matches!(preset, Preset::Builtin(builtin) if x26x.contains(builtin)));
    if is_x26x && matches!(asked, Quality::Crf(52..)) {
        let allowed = "allowed: 0 (best) to 51, about 18 looks perfect";
        return Some((format!("{asked} is out of range for the preset `{name}`"), allowed));
    }
    let allowed = quality_of(preset, asked).err()?;
    Some((format!("the preset `{name}` has no quality {asked}"), allowed))
}

/// Why a preset cannot have this speed, and what it can have, if so. `written` is the speed as people wrote it, with their
/// quotation marks.
pub(crate) fn refuses_speed(preset: &Preset, asked: &str, written: &str) -> Option<(String, &'static str)> {
    let allowed = EncoderFamily::of_preset(preset).speed(asked).err()?;
    Some((format!("the preset `{}` has no speed {}", preset.name(), printable(written)), allowed))
}

/// Why a preset's format has no place for sound, and what to do about it, if so.
pub(crate) fn refuses_sound(preset: &Preset) -> Option<(String, &'static str)> {
    let container = match preset {
        Preset::Custom(custom) => custom.container,
        Preset::Builtin(Builtin::Gif) => Container::Gif,
        Preset::Builtin(Builtin::Webp) => Container::Webp,
        Preset::Builtin(_) => return None,
    };
    let message = format!("the preset `{}` makes no sound: it is for mp4, mov, mkv and webm", preset.name());
    matches!(container, Container::Gif | Container::Webp | Container::Avi)
        .then_some((message, "leave `audio` out, or choose another preset, such as `h264`"))
}

/// The most whole frames per second that a preset can play at.
pub(super) fn fastest(preset: &Preset) -> u64 {
    EncoderFamily::of_preset(preset).fastest()
}

/// Why a preset cannot play at this rate, and what to do about it, if so.
pub(crate) fn refuses_rate(preset: &Preset, rate: FrameRate) -> Option<(String, &'static str)> {
    let limit = EncoderFamily::of_preset(preset).refuses_rate(rate)?;
    let message = format!("the preset `{}` cannot play at {rate} frames per second: {limit}", preset.name());
    Some((message, "choose another rate, or another preset, such as `h264`"))
}

/// Why these settings can never make a video, whatever the frames, and what to do about it, if so.
pub(crate) fn refuses(video: &Video) -> Option<(String, &'static str)> {
    let preset = &video.preset;
    let quality = video.quality.and_then(|asked| refuses_quality(preset, asked));
    let speed = || {
        let speed = video.speed.as_ref()?;
        refuses_speed(preset, speed, &format!("`{speed}`"))
    };
    quality.or_else(speed).or_else(|| refuses_rate(preset, video.rate))
}

/// What a preset's container can never hold of what its encoder makes, and what to do about it.
pub(crate) fn misfit(preset: &CustomPreset) -> Option<&'static str> {
    let family = EncoderFamily::of(&preset.encoder);
    match (preset.container, family) {
        (_, EncoderFamily::Other)
        | (Container::Gif, EncoderFamily::Gif)
        | (Container::Webp, EncoderFamily::Webp)
        | (Container::Webm, EncoderFamily::Vpx | EncoderFamily::SvtAv1) => None,
        (Container::Gif, _) => Some("a GIF is made by the encoder `gif`"),
        (Container::Webp, _) => Some("a WebP is made by the encoder `libwebp`"),
        (Container::Webm, _) => Some("a WebM holds VP8, VP9 and AV1; choose \"mp4\", \"mov\" or \"mkv\""),
        (_, EncoderFamily::Webp) => Some("choose container = \"webp\""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(preset: Builtin, rate: &str) -> bool {
        let (num, den) = rate.split_once('/').unwrap_or((rate, "1"));
        let rate = FrameRate::new(num.parse().unwrap(), den.parse().unwrap()).unwrap();
        EncoderFamily::of_preset(&Preset::Builtin(preset)).refuses_rate(rate).is_some()
    }

    #[test]
    fn formats_have_their_rates() {
        for (preset, slowest, fastest) in [
            (Builtin::Gif, "100/65535", "50"),
            (Builtin::Webp, "1000/16777215", "1000"),
            (Builtin::Mpeg4, "1/86400", "65535"),
            (Builtin::Av1, "1/100", "240"),
            (Builtin::H264, "1/100000", "100000"),
        ] {
            assert!(!refused(preset, slowest) && !refused(preset, fastest), "{}", preset.name());
        }
        for (preset, rate) in [
            (Builtin::Gif, "1/656"),
            (Builtin::Gif, "51"),
            (Builtin::Webp, "1/16778"),
            (Builtin::Webp, "1001"),
            (Builtin::Mpeg4, "1/86401"),
            (Builtin::Mpeg4, "65536"),
            (Builtin::Mpeg4, "239761/10000"),
            (Builtin::Av1, "240001/1000"),
        ] {
            assert!(refused(preset, rate), "{} {rate}", preset.name());
        }
    }
}
