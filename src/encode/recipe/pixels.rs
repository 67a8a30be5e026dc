//! What a pixel format needs: the feed, the canvas, and the filters between feed and encoder.

use crate::config::codec::pixels::Model;
pub(super) use crate::config::codec::pixels::Pixels;
use crate::encode::fingerprint::small::Grid;
use crate::frame::color::Feed;

use super::{EncoderFamily, Source};

/// What FFmpeg's scaler is told about itself: exact rounding, and chroma averaged over all pixels it stands for.
const SCALE_FLAGS: &str = "flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp";
/// The tags of limited-range BT.709 with the transfer curve of the sRGB frames. A filter, because FFmpeg 9 drops the
/// primaries and the transfer curve of output options after a `scale` filter.
const TAG_BT709: &str = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=iec61966-2-1";
/// The same for full range.
const TAG_BT709_FULL: &str = "setparams=range=pc:colorspace=bt709:color_primaries=bt709:color_trc=iec61966-2-1";
/// The tags of RGB.
const TAG_RGB: &str = "setparams=range=pc:colorspace=gbr:color_primaries=bt709:color_trc=iec61966-2-1";

impl Pixels {
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
    pub(super) fn feed(&self, source: &Source, family: EncoderFamily) -> Feed {
        if self.name == "yuv420p" && family != EncoderFamily::Webp {
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
