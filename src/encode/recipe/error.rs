//! What a recipe refuses.

use crate::config::FrameRate;
use crate::config::codec::pixels::KNOWN;
use crate::error::Explain;
use crate::frame::geometry::GeometryError;

/// A preset cannot do what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// No such quality.
    #[error("preset {preset} has no quality {quality}")]
    Quality {
        /// The preset.
        preset: String,
        /// What was asked for.
        quality: String,
        /// What there is.
        allowed: &'static str,
    },
    /// No such speed.
    #[error("preset {preset} has no speed {speed:?}")]
    Speed {
        /// The preset.
        preset: String,
        /// What was asked for.
        speed: String,
        /// What there is.
        allowed: &'static str,
    },
    /// The codec does not do pictures this small or this large.
    #[error("preset {preset} cannot encode {}x{}: {limit}", size.0, size.1)]
    Size {
        /// The preset.
        preset: String,
        /// The frames: width, height.
        size: (u32, u32),
        /// What the codec says.
        limit: String,
    },
    /// The format cannot express the rate.
    #[error("preset {preset} cannot play at {}/{} frames per second: {limit}", rate.num, rate.den)]
    Rate {
        /// The preset.
        preset: String,
        /// The rate.
        rate: FrameRate,
        /// What the format says.
        limit: &'static str,
    },
    /// Frames of this size have no such picture.
    #[error("{0}")]
    Geometry(GeometryError),
    /// A custom preset's pixel format is not known.
    #[error("preset {preset}: pixel format {pix_fmt:?} is not one reeld can feed")]
    PixelFormat {
        /// The preset.
        preset: String,
        /// FFmpeg's name, as configured.
        pix_fmt: String,
    },
}

impl From<GeometryError> for RecipeError {
    fn from(error: GeometryError) -> Self {
        Self::Geometry(error)
    }
}

impl Explain for RecipeError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Quality { allowed, .. } | Self::Speed { allowed, .. } => (*allowed).to_owned(),
            Self::Size { .. } => "choose another preset, such as `h264` or `ffv1`, or another `size`".to_owned(),
            Self::Geometry(GeometryError::Outside { .. }) => {
                "make `crop` fit into the frames, or give a shape such as \"16:9\", which always fits".to_owned()
            }
            Self::Geometry(GeometryError::TooLarge { .. }) => "give both sides: size = \"1280x720\"".to_owned(),
            Self::Rate { .. } => "choose another rate, or another preset, such as `h264`".to_owned(),
            Self::PixelFormat { .. } => KNOWN.to_owned(),
        };
        Some(hint)
    }

    fn retryable(&self) -> bool {
        false
    }
}
