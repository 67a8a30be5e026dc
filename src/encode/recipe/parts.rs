//! Videos made of parts: which recipes can be, and what an encoder must be told so that its parts fit together.

use std::num::NonZeroU32;

use super::Recipe;
use super::family::{Family, add_param, params};
use crate::config::Container;

/// Options that do the same to every part as to the whole. Others may count frames from the start, ration bits over the
/// length of the video, or change what comes out in ways not foreseen here.
const HARMLESS: &[&str] = &[
    // Quality and speed.
    "-b",
    "-crf",
    "-qp",
    "-q",
    "-qscale",
    "-quality",
    "-lossless",
    "-preset",
    "-speed",
    "-cpu-used",
    "-deadline",
    "-tune",
    "-profile",
    "-level",
    "-threads",
    "-row-mt",
    "-tile-columns",
    "-tile-rows",
    "-tile_columns",
    "-tile_rows",
    "-slices",
    // The pictures an encoder refers to.
    "-g",
    "-keyint_min",
    "-sc_threshold",
    "-bf",
    "-b_strategy",
    "-b-bias",
    "-b-pyramid",
    "-refs",
    "-rc-lookahead",
    "-la_depth",
    "-lag-in-frames",
    "-auto-alt-ref",
    "-arnr-maxframes",
    "-arnr-strength",
    "-arnr-type",
    "-enable-tpl",
    "-sc_detection",
    "-weightb",
    "-weightp",
    "-mixed-refs",
    "-direct-pred",
    // Where bits go in a picture.
    "-aq-mode",
    "-aq-strength",
    "-psy",
    "-psy-rd",
    "-mbtree",
    "-qcomp",
    "-qmin",
    "-qmax",
    "-qdiff",
    "-i_qfactor",
    "-b_qfactor",
    "-i_qoffset",
    "-b_qoffset",
    "-trellis",
    "-deblock",
    "-partitions",
    "-8x8dct",
    "-fast-pskip",
    "-me_method",
    "-motion-est",
    "-me_range",
    "-subq",
    "-cmp",
    "-subcmp",
    "-mbcmp",
    "-mbd",
    "-dia_size",
    "-coder",
    "-cplxblur",
    "-noise_reduction",
    "-chromaoffset",
    "-sharpness",
    "-static-thresh",
    "-tune-content",
    "-lumi_mask",
    "-dark_mask",
    "-p_mask",
    "-mpeg_quant",
    "-alternate_scan",
    // Formats of their own kind.
    "-vendor",
    "-bits_per_mb",
    "-mbs_per_slice",
    "-quant_mat",
    "-alpha_bits",
    "-context",
    "-slicecrc",
    "-udu_sei",
    "-x264-params",
    "-x264opts",
    "-x265-params",
    "-svtav1-params",
    // What the container says.
    "-metadata",
    "-tag",
    "-vtag",
];
/// The same for the `key=value` lists of x264, x265 and SVT-AV1, whose keys are too many to name the harmless ones: bit
/// rates and buffers, several passes, and whatever counts frames from the start.
const HARMFUL: &[&str] = &[
    "bitrate",
    "rc",
    "tbr",
    "mbr",
    "maxrate",
    "bufsize",
    "pass",
    "passes",
    "stats",
    "zones",
    "zonefile",
    "qpfile",
    "frames",
    "seek",
    "nal-hrd",
    "hrd",
    "intra-refresh",
    "frame-dup",
    "field",
    "interlaced",
    "tff",
    "bff",
    "pulldown",
];

/// Where x264 takes its own parameters.
const X264: &[&str] = &["-x264-params", "-x264opts"];
/// Where x265 does.
const X265: &[&str] = &["-x265-params"];

impl Recipe {
    /// Whether the video can be made of parts that are encoded one by one and joined without loss: the same pictures, at
    /// the same times, in a file like that of one encode.
    ///
    /// Tried with FFmpeg 5.1 and 9.0. Not GIF and WebP, which are no streams of packets; not VP9 with alpha, which only
    /// WebM can hold, whose times are whole milliseconds; not AVI, into which FFmpeg repacks H.264 and which has no times
    /// for pictures out of order; and nothing that rations bits over the length of the video, which each part would do
    /// for itself.
    #[must_use]
    pub fn joinable(&self) -> bool {
        let family = Family::of(&self.encoder);
        let container = match self.container {
            // There FFmpeg writes DNxHD's record in another way, so that it cannot be compared.
            Container::Mkv => family != Family::Dnxhd,
            Container::Mp4 => family.fragments() == Some("mp4"),
            Container::Mov => {
                matches!(family, Family::X264 | Family::X265 | Family::Mpeg4) || family.fragments() == Some("mov")
            }
            Container::Webm => matches!(family, Family::SvtAv1 | Family::Vpx),
            Container::Avi | Container::Gif | Container::Webp => false,
        };
        let alpha = family == Family::Vpx && self.pix_fmt.starts_with("yuva");
        container && !alpha && family.fragments().is_some() && self.is_even(family) && self.is_harmless()
    }

    /// Whether the encoder spends bits by what a picture needs.
    fn is_even(&self, family: Family) -> bool {
        let has = |option: &str| self.options().any(|(name, _)| name == option);
        match family {
            // Their default is a bit rate of 200 kbit/s.
            Family::Mpeg4 => has("-q") || has("-qscale"),
            Family::Vpx => has("-lossless") || (has("-crf") && self.options().any(|option| option == ("-b", "0"))),
            _ => true,
        }
    }

    fn is_harmless(&self) -> bool {
        let pairs = self.encoder_args.chunks(2).all(|pair| pair.len() == 2 && pair[0].starts_with('-'));
        pairs
            && self.options().all(|(name, value)| match name {
                "-b" => value == "0",
                "-x264-params" | "-x264opts" | "-x265-params" | "-svtav1-params" => {
                    params(value).all(|(key, _)| !HARMFUL.contains(&key) && !key.starts_with("vbv"))
                }
                // Another container of the parts may not know it.
                "-tag" | "-vtag" => matches!(self.container, Container::Mp4 | Container::Mov),
                _ => HARMLESS.contains(&name),
            })
    }

    /// The encoder's options without what they are for (`-profile:v` is `-profile`), and their values.
    fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.encoder_args.chunks_exact(2).map(|pair| (pair[0].split(':').next().unwrap_or_default(), pair[1].as_str()))
    }

    /// What of the encoder's arguments is for the container, and must be said again of a copy.
    pub(crate) fn copy_args(&self) -> Vec<String> {
        let kept =
            |pair: &[String]| ["-metadata", "-tag", "-vtag"].contains(&pair[0].split(':').next().unwrap_or_default());
        self.encoder_args.chunks_exact(2).filter(|pair| kept(pair)).flatten().cloned().collect()
    }
}

impl Family {
    /// FFmpeg's name of the muxer for parts; `None` where there can be none.
    pub(super) fn fragments(self) -> Option<&'static str> {
        match self {
            Self::X264 | Self::X265 | Self::SvtAv1 | Self::Vpx | Self::Mpeg4 => Some("mp4"),
            // Codecs that FFmpeg puts into mov only.
            Self::Prores | Self::Dnxhd | Self::Ffv1 => Some("mov"),
            Self::Gif | Self::Webp | Self::Other => None,
        }
    }

    /// Has the encoder make parts that fit together, with key frames at most `gop` frames apart. What the user set stays.
    pub(super) fn divide(self, args: &mut Vec<String>, gop: NonZeroU32) {
        let set = |options: &[&str], key: &str| param(args, options, key).is_some();
        let mut more: Vec<(&str, String)> = Vec::new();
        let keyint = match self {
            Self::X264 => set(X264, "keyint"),
            Self::X265 => set(X265, "keyint"),
            Self::SvtAv1 => set(&["-svtav1-params"], "keyint"),
            Self::Vpx => false,
            // Key frames only, or as many as FFmpeg's default of 12 makes.
            _ => true,
        };
        if !keyint && option(args, "-g").is_none() {
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
        if self == Self::X264
            && looks_far(args)
            && !set(X264, "rc-lookahead")
            && option(args, "-rc-lookahead").is_none()
        {
            more.push((X264[0], format!("rc-lookahead={NEAR}")));
            make_up_for_near(args);
        }
        for (option, value) in more {
            if option == "-g" {
                args.extend([option.to_owned(), value]);
            } else {
                add_param(args, option, &value);
            }
        }
    }

    /// Has the encoder of a part that is not the first begin it as it would begin a new group of pictures in the middle.
    ///
    /// x264 gives a key frame as many bits more as `ipratio` says, but not the very first where it rations bits by what
    /// later pictures take from earlier ones (mbtree). The first picture of each part would be 2.9 steps of the quantiser
    /// worse, and with it all that build on it: with 480 frames of 1080p at `medium` and CRF 18, the second 240 were 0.06
    /// (a moving fractal) and 0.4 dB (slates) worse than in one go. With the ratio as a zone of one frame, and as long a
    /// look ahead, they were as good to a thousandth of a decibel. (x264's `rate_estimate_qscale`; zones apply to it before the ratio does.)
    pub(super) fn go_on(self, args: &mut Vec<String>) {
        let constant = option(args, "-crf").is_some_and(|crf| crf != "0");
        if self != Self::X264 || !constant || option(args, "-i_qfactor").is_some() {
            return;
        }
        let usual = if option(args, "-tune").is_some_and(|tune| tune.contains("grain")) { "1.1" } else { "1.4" };
        let ratio = param(args, X264, "ipratio").unwrap_or(usual).to_owned();
        add_param(args, X264[0], &format!("zones=0,0,b={ratio}"));
    }

    /// Has the encoder keep fewer pictures back, where that changes nothing about them: those are what there is to wait for
    /// after the last frame.
    ///
    /// x264 looks ahead on a thread of its own, for which it takes four frames more. Without it the last frames of 1080p at
    /// `medium` came a tenth to a sixth earlier, from 28 MB less of memory. All frames at once take 6 to 9 % longer in that
    /// way, and 30 % at `veryfast`.
    pub(super) fn hold_less_back(self, args: &mut Vec<String>) {
        if self == Self::X264 && looks_far(args) && param(args, X264, "sync-lookahead").is_none() {
            add_param(args, X264[0], "sync-lookahead=0");
        }
    }
}

/// The value of the last option of this name, whatever stream it is for.
fn option<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let mut pairs = args.windows(2).rev();
    pairs.find(|pair| pair[0].split(':').next() == Some(name)).map(|pair| pair[1].as_str())
}

/// The value of the last `key` in the lists of one of these options.
fn param<'a>(args: &'a [String], options: &[&str], key: &str) -> Option<&'a str> {
    let lists = args.windows(2).filter(|pair| options.contains(&pair[0].as_str()));
    lists.flat_map(|pair| params(&pair[1])).filter(|(name, _)| *name == key).map(|(_, value)| value).last()
}

/// How many frames x264 looks ahead in a part, instead of `fast`'s 30 and `medium`'s 40.
///
/// Each of them is encoded when the last frame has arrived, and that is when the reel is waited for; each takes 7 MB at
/// 1080p. A moving fractal of 480 frames at `medium` and CRF 18 came out 0.4 % smaller and 0.04 dB worse than with 40, and
/// with [`make_up_for_near`] 0.02 % larger and 0.004 dB better; one of 1,000 frames 0.2 % smaller and 0.02 dB worse. Where
/// next to nothing moves little decides much: 1,000 slates at 55 dB were 0.95 % smaller and 0.01 dB better, and of 480 (not
/// made up for) any number but 40 was 0.1 to 0.3 dB worse, 38 more so than 32.
const NEAR: u32 = 24;

/// Asks for the quality that a shorter look ahead loses: see [`NEAR`].
fn make_up_for_near(args: &mut [String]) {
    let at = args.iter().rposition(|arg| arg.split(':').next() == Some("-crf"));
    let Some(value) = at.and_then(|at| args.get_mut(at + 1)) else { return };
    // Zero is another thing, without loss.
    if let Some(crf) = value.parse::<f64>().ok().filter(|crf| *crf >= 1.0) {
        *value = format!("{:.2}", crf - 0.05);
    }
}

/// Whether x264 looks 30 frames ahead or more, and not for the sake of the last bit: `fast` 30, `medium` 40. The slower
/// presets, up to 60, are for who has the time.
fn looks_far(args: &[String]) -> bool {
    matches!(option(args, "-preset"), None | Some("fast" | "medium"))
        && !option(args, "-tune").is_some_and(|tune| tune.contains("zerolatency"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::{Builtin, CustomPreset, FrameRate, Preset, SizeChange, Video};
    use crate::encode::recipe::Source;

    fn changed(args: &str, change: impl FnOnce(&mut Vec<String>)) -> String {
        let mut args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        change(&mut args);
        args.join(" ")
    }

    fn divided(family: Family, args: &str) -> String {
        changed(args, |args| family.divide(args, NonZeroU32::new(240).unwrap()))
    }

    #[test]
    fn parts_of_x264_fit_together() {
        let x264 = |args| divided(Family::X264, args);
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
        let later = |args: &str| changed(args, |args| Family::X264.go_on(args));
        assert_eq!(later("-crf 18"), "-crf 18 -x264-params zones=0,0,b=1.4");
        let own = "-crf 18 -x264-params ipratio=1.2:ref=2";
        assert_eq!(later(own), format!("{own}:zones=0,0,b=1.2"));
        assert_eq!(later("-crf:v 18 -tune grain"), "-crf:v 18 -tune grain -x264-params zones=0,0,b=1.1");
        for other in ["-qp 0", "-crf 0", "-crf 18 -i_qfactor 0.5", ""] {
            assert_eq!(later(other), other);
        }
        assert_eq!(changed("-crf 18", |args| Family::X265.go_on(args)), "-crf 18");
    }

    #[test]
    fn an_encoder_that_looks_far_holds_less_back_while_frames_come() {
        let live = |args: &str| changed(args, |args| Family::X264.hold_less_back(args));
        assert_eq!(live("-preset medium"), "-preset medium -x264-params sync-lookahead=0");
        assert_eq!(live("-x264-params ref=2"), "-x264-params ref=2:sync-lookahead=0");
        for own in ["-preset faster", "-preset:v ultrafast", "-tune film,zerolatency", "-x264opts sync-lookahead=9"] {
            assert_eq!(live(own), own);
        }
    }

    #[test]
    fn parts_of_the_others_fit_together() {
        assert_eq!(
            divided(Family::X265, "-x265-params log-level=error"),
            "-x265-params log-level=error:open-gop=0:info=0 -g 240"
        );
        assert_eq!(divided(Family::X265, "-x265-params info=1:keyint=9"), "-x265-params info=1:keyint=9:open-gop=0");
        assert_eq!(divided(Family::SvtAv1, "-crf 30"), "-crf 30 -g 240");
        assert_eq!(divided(Family::Vpx, "-g 12"), "-g 12");
        for family in [Family::Prores, Family::Dnxhd, Family::Ffv1, Family::Mpeg4] {
            assert_eq!(divided(family, ""), "");
        }
    }

    fn joinable(encoder: &str, pix_fmt: &str, container: Container, args: &str) -> bool {
        let (name, encoder, pix_fmt) = ("own".to_owned(), encoder.to_owned(), pix_fmt.to_owned());
        let args = args.split_whitespace().map(str::to_owned).collect();
        let custom = CustomPreset { name, encoder, pix_fmt, container, args };
        resolve(Preset::Custom(custom.into()), false).joinable()
    }

    pub(in crate::encode::recipe) fn video(preset: Preset) -> Video {
        Video {
            rate: FrameRate { num: NonZeroU32::MIN, den: NonZeroU32::MIN },
            preset,
            quality: None,
            speed: None,
            encoder_args: Vec::new(),
            background: [0; 3],
            size_change: SizeChange::Error,
        }
    }

    fn resolve(preset: Preset, alpha: bool) -> Recipe {
        Recipe::resolve(&video(preset), &Source { width: 320, height: 180, deep: false, linear: false, alpha }).unwrap()
    }

    #[test]
    fn what_rations_bits_is_made_in_one_go() {
        let x264 = |args| joinable("libx264", "yuv420p", Container::Mp4, args);
        assert!(x264("") && x264("-crf 20 -preset slow -tune film -bf 3 -x264-params aq-mode=3:deblock=1,1"));
        for args in [
            "-b:v 4M",
            "-crf 20 -maxrate 5M -bufsize 10M",
            "-pass 2",
            "-x264-params bitrate=4000",
            "-crf 20 -x264-params ref=3:vbv-maxrate=4000",
            "-x264opts qpfile=q.txt",
            "-crf 20 -shortest",
            "-crf",
            "film -crf",
            "-vf negate",
        ] {
            assert!(!x264(args), "{args}");
        }
        assert!(joinable("libvpx-vp9", "yuv420p", Container::Webm, "-crf 30 -b:v 0"));
        assert!(!joinable("libvpx-vp9", "yuv420p", Container::Webm, "-crf 30"));
        assert!(joinable("mpeg4", "yuv420p", Container::Mp4, "-q:v 3"));
        assert!(!joinable("mpeg4", "yuv420p", Container::Mp4, ""));
    }

    #[test]
    fn what_cannot_be_fragments_or_come_out_of_them_is_made_in_one_go() {
        assert!(!joinable("h264_nvenc", "yuv420p", Container::Mp4, "-qp 20"));
        assert!(!joinable("mpeg4", "yuv420p", Container::Avi, "-q:v 3"));
        assert!(!joinable("prores_ks", "yuv422p10le", Container::Mp4, ""));
        assert!(!joinable("libsvtav1", "yuv420p", Container::Mov, "-crf 30"));
        assert!(!joinable("dnxhd", "yuv422p", Container::Mkv, "-profile:v dnxhr_lb"));
        assert!(joinable("libx265", "yuv420p", Container::Mp4, "-tag:v hvc1"));
        assert!(!joinable("libx265", "yuv420p", Container::Mkv, "-tag:v hvc1"));
        for (builtin, alpha) in [(Builtin::Gif, false), (Builtin::Webp, false), (Builtin::Vp9, true)] {
            assert!(!resolve(Preset::Builtin(builtin), alpha).joinable(), "{}", builtin.name());
        }
        assert!(resolve(Preset::Builtin(Builtin::Prores4444), true).joinable());
    }

    #[test]
    fn a_copy_has_the_containers_arguments() {
        let own = Recipe {
            encoder_args: ["-crf", "20", "-tag:v", "hvc1", "-metadata", "title=-crf"].map(str::to_owned).into(),
            ..resolve(Preset::Builtin(Builtin::H264), false)
        };
        assert_eq!(own.copy_args(), ["-tag:v", "hvc1", "-metadata", "title=-crf"]);
    }
}
