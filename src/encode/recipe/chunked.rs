//! What an encoder is told of its part of a video, so that the parts fit together and come soon.

use std::num::NonZeroU32;

use super::encoder_family::EncoderFamily;
use super::form::ChunkPosition;
use crate::config::EncoderArgs;

/// Where x264 takes its own parameters.
const X264: &[&str] = &["-x264-params", "-x264opts"];
/// Where x265 does.
const X265: &[&str] = &["-x265-params"];

impl EncoderFamily {
    /// Has the encoder make parts that fit together, with key frames at most `gop` frames apart. What the user set stays.
    pub(super) fn divide(self, args: &mut EncoderArgs, gop: NonZeroU32, position: ChunkPosition) {
        let set = |options: &[&str], key: &str| args.param(options, key).is_some();
        let mut more: Vec<(&str, String)> = Vec::new();
        let keyint = match self {
            Self::X264 => set(X264, "keyint"),
            Self::X265 => set(X265, "keyint"),
            Self::SvtAv1 => set(&["-svtav1-params"], "keyint"),
            Self::Vpx => false,
            // Key frames only, or as many as FFmpeg's default of 12 makes.
            _ => true,
        };
        if !keyint && args.last("-g").is_none() {
            more.push(("-g", gop.to_string()));
        }
        match self {
            // Parameter sets that do not depend on the quality of the first picture.
            Self::X264 if !set(X264, "stitchable") => more.push((X264[0], "stitchable=1".to_owned())),
            Self::X265 => {
                // A part must not lean on the one before it, and every part must have the same parameter sets, without
                // x265's account of itself.
                more.extend(
                    [("open-gop", "0"), ("info", "0")]
                        .into_iter()
                        .filter(|(key, _)| !set(X265, key))
                        .map(|(key, value)| (X265[0], format!("{key}={value}"))),
                );
            }
            _ => {}
        }
        let ahead = |options: &[&str]| set(options, "rc-lookahead") || args.last("-rc-lookahead").is_some();
        match self {
            Self::X264 if looks_far(args) && !ahead(X264) => {
                let frames = if position == ChunkPosition::Last { NEXT } else { NEAR };
                more.push((X264[0], format!("rc-lookahead={frames}")));
                make_up_for_near(args);
            }
            Self::X265 if position == ChunkPosition::Last && !ahead(X265) => {
                more.push((X265[0], format!("rc-lookahead={NEXT}")));
            }
            _ => {}
        }
        for (option, value) in more {
            if option == "-g" {
                args.push(option, value);
            } else {
                args.add_param(option, &value);
            }
        }
    }

    /// Has the encoder of a part that is not the first begin it as it would begin a new group of pictures in the middle.
    ///
    /// x264 gives a key frame as many bits more as `ipratio` says, but not the very first where it rations bits by what
    /// later pictures take from earlier ones (mbtree). The first picture of each part would be 2.9 steps of the quantiser
    /// worse, and with it all that build on it: with 480 frames of 1080p at `medium` and CRF 18, the second 240 were 0.06
    /// (a moving fractal) and 0.4 dB (placeholder frames) worse than in one go. With the ratio as a zone of one frame, and as
    /// long a look ahead, they were as good to a thousandth of a decibel. (x264's `rate_estimate_qscale`; zones apply to it
    /// before the ratio does.)
    pub(super) fn go_on(self, args: &mut EncoderArgs) {
        let constant = args.crf().is_some_and(|crf| crf != "0");
        if self != Self::X264 || !constant || args.last("-i_qfactor").is_some() {
            return;
        }
        let usual = if args.tune().is_some_and(|tune| tune.contains("grain")) { "1.1" } else { "1.4" };
        let ratio = args.param(X264, "ipratio").unwrap_or(usual).to_owned();
        args.add_param(X264[0], &format!("zones=0,0,b={ratio}"));
    }

    /// Has the encoder keep fewer pictures back, where that changes nothing about them: those are what there is to wait for
    /// after the last frame.
    ///
    /// x264 looks ahead on a thread of its own, for which it takes four frames more. Without it the last frames of 1080p at
    /// `medium` came a tenth to a sixth earlier, from 28 MB less of memory. All frames at once take 6 to 9 % longer in that
    /// way, and 30 % at `veryfast`.
    pub(super) fn hold_less_back(self, args: &mut EncoderArgs) {
        if self == Self::X264 && looks_far(args) && args.param(X264, "sync-lookahead").is_none() {
            args.add_param(X264[0], "sync-lookahead=0");
        }
    }
}

/// How many frames x264 looks ahead in a part, instead of `fast`'s 30 and `medium`'s 40.
///
/// Each of them is encoded when the last frame has arrived, and that is when the video is waited for; each takes 7 MB at
/// 1080p. A moving fractal of 480 frames at `medium` and CRF 18 came out 0.4 % smaller and 0.04 dB worse than with 40, and
/// with [`make_up_for_near`] 0.02 % larger and 0.004 dB better; one of 1,000 frames 0.2 % smaller and 0.02 dB worse. Where
/// next to nothing moves little decides much: 1,000 placeholder frames at 55 dB were 0.95 % smaller and 0.01 dB better, and
/// of 480 (not made up for) any number but 40 was 0.1 to 0.3 dB worse, 38 more so than 32.
const NEAR: u32 = 24;

/// How many frames the encoder of the last part looks ahead: not fewer than the pictures out of order that x264 and x265 can
/// hold back (`bframes`, 3 and 4 at `medium`), or x265 refuses it. They are what is left to encode after the last frame.
const NEXT: u32 = 6;

/// Asks for the quality that a shorter look ahead loses: see [`NEAR`].
fn make_up_for_near(args: &mut EncoderArgs) {
    // Zero is another thing, without loss.
    if let Some(crf) = args.crf().and_then(|crf| crf.parse::<f64>().ok()).filter(|crf| *crf >= 1.0) {
        args.replace_last("-crf", format!("{:.2}", crf - 0.05));
    }
}

/// Whether x264 looks 30 frames ahead or more, and not for the sake of the last bit: `fast` 30, `medium` 40. The slower
/// presets, up to 60, are for who has the time.
fn looks_far(args: &EncoderArgs) -> bool {
    matches!(args.preset(), None | Some("fast" | "medium"))
        && !args.tune().is_some_and(|tune| tune.contains("zerolatency"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(args: &str, change: impl FnOnce(&mut EncoderArgs)) -> String {
        let mut args = EncoderArgs::parse(&args.split_whitespace().collect::<Vec<_>>()).unwrap();
        change(&mut args);
        args.to_argv().join(" ")
    }

    fn divided(family: EncoderFamily, args: &str) -> String {
        divided_at(ChunkPosition::First, family, args)
    }

    fn divided_at(position: ChunkPosition, family: EncoderFamily, args: &str) -> String {
        changed(args, |args| family.divide(args, NonZeroU32::new(240).unwrap(), position))
    }

    #[test]
    fn the_last_part_is_not_held_back_for_long() {
        let last = |family, args| divided_at(ChunkPosition::Last, family, args);
        let x264 = "-crf 17.95 -g 240 -x264-params stitchable=1:rc-lookahead=6";
        assert_eq!(last(EncoderFamily::X264, "-crf 18"), x264);
        assert_eq!(last(EncoderFamily::X265, ""), "-g 240 -x265-params open-gop=0:info=0:rc-lookahead=6");
        for own in ["-preset slow", "-rc-lookahead 60", "-x264-params rc-lookahead=60"] {
            let (last, first) = (last(EncoderFamily::X264, own), divided(EncoderFamily::X264, own));
            assert_eq!(last, first);
        }
    }

    #[test]
    fn parts_of_x264_fit_together() {
        let x264 = |args| divided(EncoderFamily::X264, args);
        let near = "-x264-params stitchable=1:rc-lookahead=24";
        assert_eq!(x264("-preset medium"), format!("-preset medium -g 240 {near}"));
        assert_eq!(x264("-crf 18"), format!("-crf 17.95 -g 240 {near}"));
        assert_eq!(x264("-crf:v 0"), format!("-crf:v 0 -g 240 {near}"));
        assert_eq!(x264("-x264-params ref=2"), "-x264-params ref=2:stitchable=1:rc-lookahead=24 -g 240");
        let nearer = ["-preset faster -crf 18", "-preset:v ultrafast", "-tune film,zerolatency", "-rc-lookahead 60"];
        for own in nearer.into_iter().chain(["-preset slow -crf 18"]) {
            assert_eq!(x264(own), format!("{own} -g 240 -x264-params stitchable=1"));
        }
        let own = "-g:v 50 -x264opts stitchable=0 -x264-params keyint=9:rc-lookahead=60";
        assert_eq!(x264(own), own);
    }

    #[test]
    fn a_later_part_of_x264_begins_as_well_as_a_group_in_the_middle() {
        let later = |args: &str| changed(args, |args| EncoderFamily::X264.go_on(args));
        assert_eq!(later("-crf 18"), "-crf 18 -x264-params zones=0,0,b=1.4");
        let own = "-crf 18 -x264-params ipratio=1.2:ref=2";
        assert_eq!(later(own), format!("{own}:zones=0,0,b=1.2"));
        assert_eq!(later("-crf:v 18 -tune grain"), "-crf:v 18 -tune grain -x264-params zones=0,0,b=1.1");
        for other in ["-qp 0", "-crf 0", "-crf 18 -i_qfactor 0.5", ""] {
            assert_eq!(later(other), other);
        }
        assert_eq!(changed("-crf 18", |args| EncoderFamily::X265.go_on(args)), "-crf 18");
    }

    #[test]
    fn an_encoder_that_looks_far_holds_less_back_while_frames_come() {
        let live = |args: &str| changed(args, |args| EncoderFamily::X264.hold_less_back(args));
        assert_eq!(live("-preset medium"), "-preset medium -x264-params sync-lookahead=0");
        assert_eq!(live("-x264-params ref=2"), "-x264-params ref=2:sync-lookahead=0");
        for own in ["-preset faster", "-preset:v ultrafast", "-tune film,zerolatency", "-x264opts sync-lookahead=9"] {
            assert_eq!(live(own), own);
        }
    }

    #[test]
    fn parts_of_the_others_fit_together() {
        assert_eq!(
            divided(EncoderFamily::X265, "-x265-params log-level=error"),
            "-x265-params log-level=error:open-gop=0:info=0 -g 240"
        );
        assert_eq!(
            divided(EncoderFamily::X265, "-x265-params info=1:keyint=9"),
            "-x265-params info=1:keyint=9:open-gop=0"
        );
        assert_eq!(divided(EncoderFamily::SvtAv1, "-crf 30"), "-crf 30 -g 240");
        assert_eq!(divided(EncoderFamily::Vpx, "-g 12"), "-g 12");
        for family in [EncoderFamily::Prores, EncoderFamily::Dnxhd, EncoderFamily::Ffv1, EncoderFamily::Mpeg4] {
            assert_eq!(divided(family, ""), "");
        }
    }
}
