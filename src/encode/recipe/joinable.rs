//! Which recipes can be made of parts that are encoded one by one.

use super::Recipe;
use super::encoder_family::EncoderFamily;
use crate::config::{Container, EncoderArg};

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
        let family = EncoderFamily::of(&self.encoder);
        let container = match self.container {
            // There FFmpeg writes DNxHD's record in another way, so that it cannot be compared.
            Container::Mkv => family != EncoderFamily::Dnxhd,
            Container::Mp4 => family.fragments() == Some("mp4"),
            Container::Mov => {
                matches!(family, EncoderFamily::X264 | EncoderFamily::X265 | EncoderFamily::Mpeg4)
                    || family.fragments() == Some("mov")
            }
            Container::Webm => matches!(family, EncoderFamily::SvtAv1 | EncoderFamily::Vpx),
            Container::Avi | Container::Gif | Container::Webp => false,
        };
        let alpha = family == EncoderFamily::Vpx && self.pix_fmt.starts_with("yuva");
        container && !alpha && family.fragments().is_some() && self.is_even(family) && self.is_harmless()
    }

    /// Whether the encoder spends bits by what a picture needs.
    fn is_even(&self, family: EncoderFamily) -> bool {
        let args = &self.encoder_args;
        match family {
            // Their default is a bit rate of 200 kbit/s.
            EncoderFamily::Mpeg4 => args.quantiser().is_some(),
            EncoderFamily::Vpx => {
                args.last("-lossless").is_some() || (args.crf().is_some() && args.last("-b") == Some("0"))
            }
            _ => true,
        }
    }

    fn is_harmless(&self) -> bool {
        self.encoder_args.iter().all(|arg| match arg.name() {
            "-b" => arg.value() == "0",
            "-x264-params" | "-x264opts" | "-x265-params" | "-svtav1-params" => {
                arg.params().all(|(key, _)| !HARMFUL.contains(&key) && !key.starts_with("vbv"))
            }
            // Another container of the parts may not know it.
            "-tag" | "-vtag" => matches!(self.container, Container::Mp4 | Container::Mov),
            name => HARMLESS.contains(&name),
        })
    }

    /// What of the encoder's arguments is for the container, and must be said again of a copy.
    pub(crate) fn copy_args(&self) -> Vec<String> {
        let is_for_container = |arg: &EncoderArg| ["-metadata", "-tag", "-vtag"].contains(&arg.name());
        self.encoder_args.only(is_for_container).to_argv()
    }
}

impl EncoderFamily {
    /// FFmpeg's name of the muxer for parts; `None` where there can be none.
    pub(super) fn fragments(self) -> Option<&'static str> {
        match self {
            Self::X264 | Self::X265 | Self::SvtAv1 | Self::Vpx | Self::Mpeg4 => Some("mp4"),
            // Codecs that FFmpeg puts into mov only.
            Self::Prores | Self::Dnxhd | Self::Ffv1 => Some("mov"),
            Self::Gif | Self::Webp | Self::Other => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::config::{Builtin, CustomPreset, EncoderArgs, FrameRate, Preset, Video};
    use crate::encode::recipe::Source;
    use crate::frame::geometry::Geometry;
    use crate::sequence::playback::Playback;
    use crate::sequence::sizes::SizeChange;

    fn joinable(encoder: &str, pix_fmt: &str, container: Container, args: &str) -> bool {
        let (name, encoder, pix_fmt) = ("own".to_owned(), encoder.to_owned(), pix_fmt.to_owned());
        // What is not pairs of an option and its value gets no further than the config.
        let Ok(args) = EncoderArgs::parse(&args.split_whitespace().collect::<Vec<_>>()) else { return false };
        let custom = CustomPreset { name, encoder, pix_fmt, container, args };
        resolve(Preset::Custom(custom.into()), false).joinable()
    }

    pub(in crate::encode::recipe) fn video(preset: Preset) -> Video {
        Video {
            rate: FrameRate { num: NonZeroU32::MIN, den: NonZeroU32::MIN },
            preset,
            quality: None,
            speed: None,
            encoder_args: EncoderArgs::default(),
            layer: None,
            exposure: crate::frame::Exposure::NONE,
            background: [0; 3],
            geometry: Geometry::default(),
            playback: Playback::default(),
            size_change: SizeChange::Error,
            audio: None,
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
            encoder_args: EncoderArgs::own(&[("-crf", "20"), ("-tag:v", "hvc1"), ("-metadata", "title=-crf")]),
            ..resolve(Preset::Builtin(Builtin::H264), false)
        };
        assert_eq!(own.copy_args(), ["-tag:v", "hvc1", "-metadata", "title=-crf"]);
    }
}
