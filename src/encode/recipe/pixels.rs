//! What a pixel format needs: the feed, the canvas, and the filters between feed and encoder.

use crate::encode::small::Grid;
use crate::frame::color::Feed;

use super::{Family, Source};

/// What FFmpeg's scaler is told about itself: exact rounding, and chroma averaged over all pixels it stands for.
const SCALE_FLAGS: &str = "flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp";
/// The tags of limited-range BT.709 with the transfer curve of the sRGB frames. A filter, because FFmpeg 9 drops the
/// primaries and the transfer curve of output options behind a `scale` filter.
const TAG_BT709: &str = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=iec61966-2-1";
/// The same for full range.
const TAG_BT709_FULL: &str = "setparams=range=pc:colorspace=bt709:color_primaries=bt709:color_trc=iec61966-2-1";
/// The tags of RGB.
const TAG_RGB: &str = "setparams=range=pc:colorspace=gbr:color_primaries=bt709:color_trc=iec61966-2-1";

/// A pixel format by what matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pixels {
    name: String,
    model: Model,
    /// log2 of the chroma subsampling: horizontal, vertical.
    subsampling: (u8, u8),
    pub(super) alpha: bool,
    pub(super) deep: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    Rgb,
    Limited,
    Full,
}

impl Pixels {
    /// The format FFmpeg calls `name`, if it is a YUV or RGB format that encoders take.
    pub(super) fn of(name: &str) -> Option<Self> {
        let base = name.strip_suffix("le").or_else(|| name.strip_suffix("be")).unwrap_or(name);
        let format = |model, subsampling, alpha, deep| Self { name: name.to_owned(), model, subsampling, alpha, deep };
        match base {
            "rgb24" | "bgr24" | "gbrp" | "rgb0" | "bgr0" | "0rgb" | "0bgr" => {
                return Some(format(Model::Rgb, (0, 0), false, false));
            }
            "rgba" | "bgra" | "argb" | "abgr" | "gbrap" => return Some(format(Model::Rgb, (0, 0), true, false)),
            "rgb48" | "bgr48" | "x2rgb10" | "x2bgr10" => return Some(format(Model::Rgb, (0, 0), false, true)),
            "rgba64" | "bgra64" => return Some(format(Model::Rgb, (0, 0), true, true)),
            "nv12" | "nv21" => return Some(format(Model::Limited, (1, 1), false, false)),
            "p010" | "p016" => return Some(format(Model::Limited, (1, 1), false, true)),
            "p210" | "p216" => return Some(format(Model::Limited, (1, 0), false, true)),
            _ => {}
        }
        let is_depth = |text: &str| matches!(text, "9" | "10" | "12" | "14" | "16");
        for (prefix, alpha) in [("gbrap", true), ("gbrp", false)] {
            if base.strip_prefix(prefix).is_some_and(is_depth) {
                return Some(format(Model::Rgb, (0, 0), alpha, true));
            }
        }
        let (model, alpha, rest) =
            [("yuvj", Model::Full, false), ("yuva", Model::Limited, true), ("yuv", Model::Limited, false)]
                .into_iter()
                .find_map(|(prefix, model, alpha)| Some((model, alpha, base.strip_prefix(prefix)?)))?;
        let (subsampling, depth) = [
            ("420p", (1, 1)),
            ("422p", (1, 0)),
            ("444p", (0, 0)),
            ("440p", (0, 1)),
            ("411p", (2, 0)),
            ("410p", (2, 2)),
        ]
        .into_iter()
        .find_map(|(prefix, subsampling)| Some((subsampling, rest.strip_prefix(prefix)?)))?;
        match depth {
            "" => Some(format(model, subsampling, alpha, false)),
            depth if is_depth(depth) => Some(format(model, subsampling, alpha, true)),
            _ => None,
        }
    }

    /// Whether the sizes must be even: encoders of subsampled formats refuse others, or differ between versions.
    pub(super) fn even(&self) -> bool {
        self.subsampling != (0, 0)
    }

    /// Whether it is limited-range YUV.
    pub(super) fn is_limited_yuv(&self) -> bool {
        self.model == Model::Limited
    }

    /// Whether it is RGB.
    pub(super) fn is_rgb(&self) -> bool {
        self.model == Model::Rgb
    }

    /// Whether frames laid out as `feed` are in it, bit for bit: it is the same, or RGB of their depth.
    pub(super) fn holds(&self, feed: Feed) -> bool {
        let is_of_depth = match feed {
            Feed::Yuv420p => return true,
            Feed::Rgb24 | Feed::Rgba => !self.deep,
            Feed::Rgb48le | Feed::Rgba64le => ["16", "48", "64"].iter().any(|depth| self.name.contains(depth)),
        };
        self.is_rgb() && is_of_depth
    }

    /// What to write to FFmpeg: converted here where the result is the same for less work, else RGB at the depth that
    /// both sides have.
    pub(super) fn feed(&self, source: &Source, family: Family) -> Feed {
        if self.name == "yuv420p" && family != Family::Webp {
            return Feed::Yuv420p;
        }
        let deep = self.deep && (source.deep || source.linear);
        match (self.alpha && source.alpha, deep) {
            (false, false) => Feed::Rgb24,
            (true, false) => Feed::Rgba,
            (false, true) => Feed::Rgb48le,
            (true, true) => Feed::Rgba64le,
        }
    }

    /// From the feed to the encoder's format, tags last.
    pub(super) fn filters(&self, feed: Feed) -> String {
        let name = &self.name;
        match self.model {
            _ if feed == Feed::Yuv420p => TAG_BT709.to_owned(),
            // Repacking only: RGB stays RGB, bit for bit.
            Model::Rgb => format!("format={name},{TAG_RGB}"),
            Model::Limited => {
                format!(
                    "scale=in_range=full:out_range=tv:out_color_matrix=bt709:{SCALE_FLAGS},format={name},{TAG_BT709}"
                )
            }
            Model::Full => format!(
                "scale=in_range=full:out_range=full:out_color_matrix=bt709:{SCALE_FLAGS},format={name},{TAG_BT709_FULL}"
            ),
        }
    }

    /// From the encoder's format back to RGB that is laid out as `feed`.
    pub(super) fn filters_back(&self, feed: Feed) -> String {
        let name = feed.ffmpeg_name();
        match self.range() {
            None => format!("format={name}"),
            Some(range) => {
                format!("scale=in_range={range}:out_range=full:in_color_matrix=bt709:{SCALE_FLAGS},format={name}")
            }
        }
    }

    /// From the encoder's format to 8-bit limited-range YUV: planes of full size, or means, as 4:2:0 of the size of `means`.
    /// `None` for RGB.
    pub(super) fn filters_to_yuv(&self, means: Option<Grid>) -> Option<String> {
        let range = format!("in_range={}:out_range=tv", self.range()?);
        Some(match means {
            Some(Grid { width, height, .. }) => {
                format!("scale={width}:{height}:{range}:flags=area+accurate_rnd,format=yuv420p")
            }
            None => format!("scale={range}:{SCALE_FLAGS},format=yuv444p"),
        })
    }

    /// FFmpeg's name of the range; `None` for RGB.
    fn range(&self) -> Option<&'static str> {
        match self.model {
            Model::Rgb => None,
            Model::Limited => Some("tv"),
            Model::Full => Some("full"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_from_their_names() {
        let of = |name| Pixels::of(name).map(|p| (p.model, p.subsampling, p.alpha, p.deep));
        assert_eq!(of("yuv420p"), Some((Model::Limited, (1, 1), false, false)));
        assert_eq!(of("yuvj422p"), Some((Model::Full, (1, 0), false, false)));
        assert_eq!(of("yuva444p10le"), Some((Model::Limited, (0, 0), true, true)));
        assert_eq!(of("gbrap12le"), Some((Model::Rgb, (0, 0), true, true)));
        assert_eq!(of("bgra"), Some((Model::Rgb, (0, 0), true, false)));
        assert_eq!(of("rgb48le"), Some((Model::Rgb, (0, 0), false, true)));
        for unknown in ["", "yuv", "yuv420p11le", "vaapi", "pal8", "gray", "yuv420pp"] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }
}
