//! Which videos common players refuse, so that people learn it before they send one.
//!
//! Owns the limits of H.264's levels, by table A-1 of ITU-T H.264. It changes nothing: the video is made as it was asked for.

use super::Recipe;
use super::encoder_family::EncoderFamily;
use crate::config::FrameRate;

/// Level 5.2, up to which phones, browsers and graphics cards decode: squares of 16 pixels in a picture, along a side, and in a
/// second.
const SQUARES: u64 = 36_864;
const SQUARES_A_SIDE: u64 = 543;
const SQUARES_A_SECOND: u64 = 2_073_600;

impl Recipe {
    /// Why phones, browsers and hardware decoders may refuse the video, if they may.
    pub(crate) fn players_refuse(&self, rate: FrameRate) -> Option<String> {
        let is_h264 = EncoderFamily::of(&self.encoder) == EncoderFamily::X264 || self.encoder.starts_with("h264_");
        let (width, height) = (self.canvas.width, self.canvas.height);
        let [across, down] = [width, height].map(|side| u64::from(side.div_ceil(16)));
        let (frames, seconds) = (u64::from(rate.num.get()), u64::from(rate.den.get()));
        let over = across * down > SQUARES
            || across.max(down) > SQUARES_A_SIDE
            || across * down * frames > SQUARES_A_SECOND * seconds;
        (is_h264 && over).then(|| {
            format!(
                "H.264 of {width}x{height} at {rate} frames per second is above level 5.2, which many phones, browsers and \
                 graphics cards do not play"
            )
        })
    }

    /// What to do about that.
    pub(crate) const PLAYERS_HINT: &str =
        "use `preset = \"h265\"` or `preset = \"av1\"`, smaller frames or a lower frame rate";
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::joinable::tests::video;
    use super::*;
    use crate::config::{Builtin, Preset};
    use crate::encode::recipe::Source;

    #[test]
    fn h264_above_level_5_2_is_told() {
        let refused = |builtin, width, height, rate: u32| {
            let source = Source { width, height, deep: false, linear: false, alpha: false };
            let rate = FrameRate { num: NonZeroU32::new(rate).unwrap(), den: NonZeroU32::MIN };
            Recipe::resolve(&video(Preset::Builtin(builtin)), &source).unwrap().players_refuse(rate).is_some()
        };
        assert!(!refused(Builtin::H264, 4096, 2304, 56));
        // More in a second, a larger picture, a longer side.
        assert!(refused(Builtin::H264, 4096, 2304, 57));
        assert!(refused(Builtin::H264, 3840, 3840, 24));
        assert!(refused(Builtin::H264, 8704, 64, 1));
        assert!(!refused(Builtin::H265, 3840, 3840, 24));
        assert!(!refused(Builtin::Av1, 3840, 3840, 24));
    }
}
