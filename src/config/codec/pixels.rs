//! Pixel formats by their names.

/// What to use instead of one that is not known.
pub(crate) const KNOWN: &str = "use one of FFmpeg's planar YUV or RGB formats, such as yuv420p, yuv422p10le, yuva444p10le, \
                                gbrp, bgra or rgb48le";

/// A pixel format by what matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) name: String,
    pub(crate) model: Model,
    /// log2 of the chroma subsampling: horizontal, vertical.
    pub(crate) subsampling: (u8, u8),
    pub(crate) alpha: bool,
    pub(crate) deep: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Rgb,
    Limited,
    Full,
}

impl Pixels {
    /// The format FFmpeg calls `name`, if it is a YUV or RGB format that encoders take.
    pub(crate) fn of(name: &str) -> Option<Self> {
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
