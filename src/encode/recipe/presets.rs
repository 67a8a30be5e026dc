//! The presets themselves.

use crate::config::codec::quality_of;
use crate::config::{Builtin, Container, CustomPreset, EncoderArgs, FrameRate, NamedQuality, Quality, Video};

use super::encoder_family::EncoderFamily;
use super::{RecipeError, Source};

/// A preset, decided.
#[derive(Debug)]
pub(super) struct ResolvedPreset {
    pub(super) name: String,
    pub(super) family: EncoderFamily,
    pub(super) encoder: String,
    pub(super) pix_fmt: String,
    pub(super) container: Container,
    pub(super) args: EncoderArgs,
}

/// What a preset is made of before quality and speed are known.
struct Base {
    encoder: &'static str,
    pix_fmt: &'static str,
    container: Container,
    args: &'static [(&'static str, &'static str)],
    quality: Quality,
    speed: Option<&'static str>,
}

/// A preset of reeld's own.
pub(super) fn builtin(builtin: Builtin, video: &Video, source: &Source) -> Result<ResolvedPreset, RecipeError> {
    let lossless = video.quality == Some(Quality::Named(NamedQuality::Lossless));
    let base = base(builtin, lossless, source);
    let name = builtin.name().to_owned();
    let family = EncoderFamily::of(base.encoder);
    let asked = video.quality.unwrap_or(base.quality);
    let mut pix_fmt = base.pix_fmt;
    let mut args = EncoderArgs::own(base.args);
    if family != EncoderFamily::Gif || video.quality.is_some() {
        let more = quality_of(&video.preset, asked).map_err(|allowed| refuse_quality(&name, asked, allowed))?;
        // What FFV1 is in place of x264, it is without loss by itself.
        if family != EncoderFamily::Ffv1 {
            args.append(more);
        }
    }
    match (builtin, asked) {
        // The High profile has no lossless mode. Without it, x264 picks the one that has.
        (Builtin::H264, Quality::Crf(0) | Quality::Named(NamedQuality::Lossless)) => {
            args = args.only(|arg| arg.name() != "-profile");
        }
        // SQ and LB are profiles of 8 bits.
        (Builtin::Dnxhr, asked)
            if !matches!(asked, Quality::Named(NamedQuality::High | NamedQuality::PercLossless)) =>
        {
            pix_fmt = "yuv422p";
        }
        _ => {}
    }
    if let Some(speed) = video.speed.as_deref().or(base.speed) {
        // A speed for `lossless` is one of x264's. Where the frames need FFV1, which has one only, there is nothing to
        // choose.
        let asked = speed_args(EncoderFamily::of_preset(&video.preset), speed, &name)?;
        if builtin != Builtin::Lossless || family == EncoderFamily::X264 {
            args.append(asked);
        }
    }
    Ok(ResolvedPreset {
        name,
        family,
        encoder: base.encoder.to_owned(),
        pix_fmt: pix_fmt.to_owned(),
        container: base.container,
        args,
    })
}

/// A preset of the user's own.
pub(super) fn custom(preset: &CustomPreset, video: &Video) -> Result<ResolvedPreset, RecipeError> {
    let family = EncoderFamily::of(&preset.encoder);
    let mut args = EncoderArgs::own(match family {
        EncoderFamily::Gif => GIF_ARGS,
        _ if is_untagged_hevc(preset) => HVC1_ARGS,
        _ => &[],
    });
    if let Some(asked) = video.quality {
        args.append(quality_of(&video.preset, asked).map_err(|allowed| refuse_quality(&preset.name, asked, allowed))?);
    }
    if let Some(speed) = &video.speed {
        args.append(speed_args(family, speed, &preset.name)?);
    }
    args.append(preset.args.clone());
    Ok(ResolvedPreset {
        name: preset.name.clone(),
        family,
        encoder: preset.encoder.clone(),
        pix_fmt: preset.pix_fmt.clone(),
        container: preset.container,
        args,
    })
}

/// Whether it makes HEVC for a container of Apple's, and does not say how it is called there.
fn is_untagged_hevc(preset: &CustomPreset) -> bool {
    let is_hevc = preset.encoder == "libx265" || preset.encoder.starts_with("hevc_");
    let has_tag = preset.args.iter().any(|arg| ["-tag", "-vtag"].contains(&arg.name()));
    is_hevc && matches!(preset.container, Container::Mp4 | Container::Mov) && !has_tag
}

/// A palette for every frame. One for all would need all frames in memory before the first could be written.
pub(super) fn gif_filters() -> String {
    "split[frame][look];[look]palettegen=stats_mode=single:reserve_transparent=1[palette];\
     [frame][palette]paletteuse=new=1:dither=sierra2_4a"
        .to_owned()
}

/// Refuses sizes and rates that the codec or the container cannot do, which FFmpeg would tell late and unclearly.
pub(super) fn check_limits(preset: &ResolvedPreset, rate: FrameRate, source: &Source) -> Result<(), RecipeError> {
    let (least, most) = match preset.family {
        // VC-3 (DNxHR) is defined from this size on.
        EncoderFamily::Dnxhd => ((256, 120), u32::MAX),
        // SVT-AV1 before 2.0 refuses smaller ones.
        EncoderFamily::SvtAv1 => ((64, 64), 16_384),
        // x265's smallest coding tree.
        EncoderFamily::X265 => ((16, 16), u32::MAX),
        // The header has 14 bits.
        EncoderFamily::Webp => ((1, 1), 16_383),
        EncoderFamily::Gif => ((1, 1), 65_535),
        EncoderFamily::Mpeg4 => ((1, 1), 8191),
        _ => ((1, 1), u32::MAX),
    };
    let refuse =
        |limit: String| RecipeError::Size { preset: preset.name.clone(), size: (source.width, source.height), limit };
    if source.width < least.0 || source.height < least.1 {
        return Err(refuse(format!("the least is {}x{}", least.0, least.1)));
    }
    if source.width.max(source.height) > most {
        return Err(refuse(format!("the most is {most} pixels a side")));
    }
    match preset.family.refuses_rate(rate) {
        Some(limit) => Err(RecipeError::Rate { preset: preset.name.clone(), rate, limit }),
        None => Ok(()),
    }
}

fn base(builtin: Builtin, lossless: bool, source: &Source) -> Base {
    let crf = Quality::Crf;
    let named = Quality::Named;
    let deep = source.deep || source.linear;
    let base =
        |encoder, pix_fmt, container, args, quality| Base { encoder, pix_fmt, container, args, quality, speed: None };
    match builtin {
        // Lossless is 4:4:4 as in Blender: halving the chroma would lose most of it before the encoder starts.
        Builtin::H264 => Base {
            speed: Some("medium"),
            ..base(
                "libx264",
                if lossless { "yuv444p" } else { "yuv420p" },
                Container::Mp4,
                &[("-profile:v", "high")],
                crf(18),
            )
        },
        Builtin::H264Ten => Base {
            speed: Some("medium"),
            ..base("libx264", if lossless { "yuv444p10le" } else { "yuv420p10le" }, Container::Mp4, &[], crf(18))
        },
        Builtin::H265 => Base {
            speed: Some("medium"),
            ..base("libx265", if lossless { "yuv444p" } else { "yuv420p" }, Container::Mp4, HVC1_ARGS, crf(22))
        },
        Builtin::H265Ten => Base {
            speed: Some("medium"),
            ..base("libx265", if lossless { "yuv444p10le" } else { "yuv420p10le" }, Container::Mp4, HVC1_ARGS, crf(22))
        },
        // AV1's Main profile has 10 bits as well, so deep frames get them.
        Builtin::Av1 => Base {
            speed: Some("8"),
            ..base("libsvtav1", if deep { "yuv420p10le" } else { "yuv420p" }, Container::Mp4, &[], crf(23))
        },
        Builtin::Vp9 => {
            let pix_fmt = match (source.alpha, lossless) {
                (true, _) => "yuva420p",
                (false, true) => "yuv444p",
                (false, false) => "yuv420p",
            };
            // Rows in parallel: tiles alone leave most cores idle at common sizes.
            Base { speed: Some("4"), ..base("libvpx-vp9", pix_fmt, Container::Webm, &[("-row-mt", "1")], crf(22)) }
        }
        // Apple's players look at the vendor.
        Builtin::Prores => {
            base("prores_ks", "yuv422p10le", Container::Mov, &[("-vendor", "apl0")], named(NamedQuality::High))
        }
        Builtin::Prores4444 => {
            let pix_fmt = if source.alpha { "yuva444p10le" } else { "yuv444p10le" };
            base("prores_ks", pix_fmt, Container::Mov, &[("-vendor", "apl0")], named(NamedQuality::High))
        }
        Builtin::Dnxhr => base("dnxhd", "yuv422p10le", Container::Mov, &[], named(NamedQuality::High)),
        Builtin::Ffv1 => base("ffv1", ffv1_pix_fmt(source), Container::Mkv, FFV1_ARGS, named(NamedQuality::Lossless)),
        Builtin::Mpeg4 => base("mpeg4", "yuv420p", Container::Mp4, &[], named(NamedQuality::High)),
        Builtin::Gif => {
            base("gif", if source.alpha { "bgra" } else { "bgr0" }, Container::Gif, GIF_ARGS, named(NamedQuality::High))
        }
        // libwebp, not libwebp_anim: that one merges equal frames and hands over a single packet at the end, so that
        // nothing could be counted. bgra, because WebP is BT.601 by definition and libwebp does that itself.
        Builtin::Webp => base("libwebp", "bgra", Container::Webp, &[], named(NamedQuality::Medium)),
        // H.264 in RGB is the smaller and faster by far, but it has no alpha and, in RGB, eight bits only.
        Builtin::Lossless if deep || source.alpha => {
            base("ffv1", ffv1_pix_fmt(source), Container::Mkv, FFV1_ARGS, named(NamedQuality::Lossless))
        }
        Builtin::Lossless => Base {
            speed: Some("medium"),
            ..base("libx264rgb", "rgb24", Container::Mkv, &[], named(NamedQuality::Lossless))
        },
    }
}

/// Without differences by transparency: FFmpeg compares numbers of two palettes there, as if they were colours, so that
/// pixels keep the colour of the frame before. After a flash 1,535 of 57,600 pixels were wrong, by up to 205 of 255 (FFmpeg
/// 9.0.2). Files get smaller without them, too.
const GIF_ARGS: &[(&str, &str)] = &[("-gifflags", "-transdiff")];

/// Apple's players do not open what FFmpeg calls it by default, `hev1`.
const HVC1_ARGS: &[(&str, &str)] = &[("-tag:v", "hvc1")];

/// Version 3, every frame a key frame, with a checksum for each slice: an archive that can be repaired.
const FFV1_ARGS: &[(&str, &str)] =
    &[("-level", "3"), ("-coder", "1"), ("-context", "1"), ("-g", "1"), ("-slices", "4"), ("-slicecrc", "1")];

fn ffv1_pix_fmt(source: &Source) -> &'static str {
    match (source.deep || source.linear, source.alpha) {
        (false, false) => "bgr0",
        (false, true) => "bgra",
        (true, false) => "rgb48le",
        (true, true) => "rgba64le",
    }
}

fn speed_args(family: EncoderFamily, asked: &str, preset: &str) -> Result<EncoderArgs, RecipeError> {
    family.speed(asked).map_err(|allowed| RecipeError::Speed {
        preset: preset.to_owned(),
        speed: asked.to_owned(),
        allowed,
    })
}

fn refuse_quality(preset: &str, asked: Quality, allowed: &'static str) -> RecipeError {
    let quality = match asked {
        Quality::Crf(number) => number.to_string(),
        Quality::Named(name) => match name {
            NamedQuality::Lossless => "LOSSLESS",
            NamedQuality::PercLossless => "PERC_LOSSLESS",
            NamedQuality::High => "HIGH",
            NamedQuality::Medium => "MEDIUM",
            NamedQuality::Low => "LOW",
            NamedQuality::VeryLow => "VERYLOW",
            NamedQuality::Lowest => "LOWEST",
        }
        .to_owned(),
    };
    RecipeError::Quality { preset: preset.to_owned(), quality, allowed }
}

#[cfg(test)]
mod tests {
    use super::super::joinable::tests::video;
    use super::*;
    use crate::config::Preset;

    #[test]
    fn own_hevc_is_tagged_for_apples_players_unless_it_says_otherwise() {
        let tags = |encoder: &str, container: Container, args: &[(&str, &str)]| {
            let (encoder, args) = (encoder.to_owned(), EncoderArgs::own(args));
            let preset = CustomPreset { name: "own".into(), encoder, pix_fmt: "yuv420p".into(), container, args };
            let video = video(Preset::Custom(preset.clone().into()));
            let resolved = custom(&preset, &video).unwrap();
            resolved
                .args
                .iter()
                .filter(|arg| arg.name() == "-tag")
                .map(|arg| arg.value().to_owned())
                .collect::<Vec<_>>()
        };
        for container in [Container::Mp4, Container::Mov] {
            assert_eq!(tags("libx265", container, &[]), ["hvc1"]);
            assert_eq!(tags("hevc_nvenc", container, &[]), ["hvc1"]);
            assert_eq!(tags("libx265", container, &[("-tag:v", "hev1")]), ["hev1"]);
        }
        assert!(tags("libx265", Container::Mkv, &[]).is_empty());
        assert!(tags("libx264", Container::Mp4, &[]).is_empty());
    }

    #[test]
    fn every_preset_has_the_encoder_that_the_config_takes_it_for() {
        let plain = Source { width: 64, height: 64, deep: false, linear: false, alpha: false };
        for builtin in Builtin::ALL {
            for source in [plain, Source { deep: true, ..plain }, Source { alpha: true, ..plain }] {
                let family = EncoderFamily::of(base(builtin, false, &source).encoder);
                let is_same = family == EncoderFamily::of_preset(&Preset::Builtin(builtin));
                assert!(
                    is_same || (builtin == Builtin::Lossless && family == EncoderFamily::Ffv1),
                    "{}",
                    builtin.name()
                );
            }
        }
    }
}
