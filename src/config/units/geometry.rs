//! What of a frame is shown, which way up, and how large: `crop`, `rotate`, `flip`, `size`.

use std::fmt;
use std::str::FromStr;

use super::UnitError;
use crate::frame::MAX_SIDE;
use crate::frame::geometry::{Crop, Geometry, Rotation, Size};

/// `1920x1080+0+60`, `1920x1080` in the middle, or a shape: `16:9`.
impl FromStr for Crop {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const WHAT: &str = "a crop";
        let form = "a crop is width, height, and what is left out at the left and at the top, such as \"1920x1080+0+60\"; \
                    \"1920x1080\" is in the middle, and \"16:9\" is the largest part of that shape";
        let malformed = || UnitError::malformed(text, WHAT, form);
        let out_of_range =
            || UnitError::OutOfRange { text: text.to_owned(), what: WHAT, range: "sides of 1 to 65500 pixels" };
        let trimmed = text.trim();
        if let Some((width, height)) = trimmed.split_once(':') {
            let part = |text: &str| number(text).ok_or_else(malformed);
            let (width, height) = (part(width)?, part(height)?);
            // Any that is finer is one that no picture has.
            if width == 0 || height == 0 || width.max(height) > u64::from(MAX_SIDE) {
                return Err(out_of_range());
            }
            return Ok(Self::Shape { width: small(width), height: small(height) });
        }
        let mut parts = trimmed.split('+');
        let (width, height) = parts.next().and_then(|sides| sides.split_once('x')).ok_or_else(malformed)?;
        let offset: Vec<&str> = parts.collect();
        let part = |text: &str| number(text).ok_or_else(malformed);
        let (width, height) = (part(width)?, part(height)?);
        let offset = match offset[..] {
            [] => None,
            [left, top] => Some((part(left)?, part(top)?)),
            _ => return Err(malformed()),
        };
        let most = u64::from(MAX_SIDE);
        let (left, top) = offset.unwrap_or_default();
        if width == 0 || height == 0 || width.max(height).max(left).max(top) > most {
            return Err(out_of_range());
        }
        let offset = offset.map(|(left, top)| (small(left), small(top)));
        Ok(Self::Rectangle { width: small(width), height: small(height), offset })
    }
}

impl fmt::Display for Crop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rectangle { width, height, offset: None } => write!(f, "{width}x{height}"),
            Self::Rectangle { width, height, offset: Some((left, top)) } => write!(f, "{width}x{height}+{left}+{top}"),
            Self::Shape { width, height } => write!(f, "{width}:{height}"),
        }
    }
}

/// `1280x720`, or with -1 or -2 for the side that keeps the shape.
impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const WHAT: &str = "a size";
        let form = "a size is width and height, such as \"1280x720\"; one of them may be -1, which keeps the shape, or -2, \
                    which keeps it and makes that side even: \"1280x-2\"";
        let malformed = || UnitError::malformed(text, WHAT, form);
        let (width, height) = text.trim().split_once('x').ok_or_else(malformed)?;
        let side = |text: &str| match number(text).ok_or_else(malformed)? {
            side if side == 0 || side > u64::from(MAX_SIDE) => {
                Err(UnitError::OutOfRange { text: text.to_owned(), what: "a side of a picture", range: "1 to 65500" })
            }
            side => Ok(small(side)),
        };
        let follows = |text: &str| match text {
            "-1" => Some(false),
            "-2" => Some(true),
            _ => None,
        };
        match (follows(width), follows(height)) {
            (None, None) => Ok(Self::Exact { width: side(width)?, height: side(height)? }),
            (None, Some(even)) => Ok(Self::Width { width: side(width)?, even }),
            (Some(even), None) => Ok(Self::Height { height: side(height)?, even }),
            (Some(_), Some(_)) => Err(malformed()),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let follows = |even: &bool| if *even { "-2" } else { "-1" };
        match self {
            Self::Exact { width, height } => write!(f, "{width}x{height}"),
            Self::Width { width, even } => write!(f, "{width}x{}", follows(even)),
            Self::Height { height, even } => write!(f, "{}x{height}", follows(even)),
        }
    }
}

/// The text of each value that is not the default, for the journal; nothing where nothing is done.
pub(in crate::config) fn print_geometry(geometry: &Geometry) -> String {
    let Geometry { crop, rotate, flip, size } = geometry;
    let mut text = String::new();
    if let Some(crop) = crop {
        text += &format!(" crop {crop}");
    }
    if *rotate != Rotation::Not {
        text += &format!(" rotate {rotate}");
    }
    if let Some(flip) = flip {
        text += &format!(" flip {flip}");
    }
    if let Some(size) = size {
        text += &format!(" size {size}");
    }
    text
}

/// Digits and nothing else. What is too long for the number is as large as any.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Of a number that was compared with the longest side.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(MAX_SIDE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Explain as _;

    #[test]
    fn crops_are_rectangles_or_shapes() {
        let rectangle = |offset| Crop::Rectangle { width: 1920, height: 1080, offset };
        assert_eq!("1920x1080+0+60".parse(), Ok(rectangle(Some((0, 60)))));
        assert_eq!(" 1920x1080 ".parse(), Ok(rectangle(None)));
        assert_eq!("16:9".parse(), Ok(Crop::Shape { width: 16, height: 9 }));
        for text in
            ["", "1920", "1920x1080+1", "1920x1080+1+2+3", "1920x1080-1-2", "x", "16:", "16:9:1", "1.85:1", "+1x2"]
        {
            assert!(matches!(text.parse::<Crop>(), Err(UnitError::Malformed { .. })), "{text}");
        }
        for text in ["0x1080", "65501x1", "1x1+65501+0", "0:9", "99999999999999999999999x1"] {
            assert!(matches!(text.parse::<Crop>(), Err(UnitError::OutOfRange { .. })), "{text}");
        }
    }

    #[test]
    fn one_side_of_a_size_may_follow_the_other() {
        assert_eq!("1280x720".parse(), Ok(Size::Exact { width: 1280, height: 720 }));
        assert_eq!("1280x-2".parse(), Ok(Size::Width { width: 1280, even: true }));
        assert_eq!("-1x720".parse(), Ok(Size::Height { height: 720, even: false }));
        for text in ["", "1280", "1280x", "-2x-2", "1280x-3", "1280:720", "50%", "1280 x 720"] {
            assert!(matches!(text.parse::<Size>(), Err(UnitError::Malformed { .. })), "{text}");
        }
        for text in ["0x-2", "1280x0", "-2x65501"] {
            assert!(matches!(text.parse::<Size>(), Err(UnitError::OutOfRange { .. })), "{text}");
        }
        let error = "-1x-1".parse::<Size>().unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("\"1280x-2\"")), "{error}");
    }

    #[test]
    fn rotations_are_quarters_of_a_circle() {
        assert_eq!("270".parse(), Ok(Rotation::By270));
        assert!("45".parse::<Rotation>().is_err());
    }

    proptest! {
        #[test]
        fn they_survive_printing(width in 1..=MAX_SIDE, height in 1..=MAX_SIDE, offset in prop::option::of((0..=MAX_SIDE, 0..=MAX_SIDE)), even: bool) {
            for crop in [Crop::Rectangle { width, height, offset }, Crop::Shape { width, height }] {
                prop_assert_eq!(crop.to_string().parse(), Ok(crop));
            }
            for size in [Size::Exact { width, height }, Size::Width { width, even }, Size::Height { height, even }] {
                prop_assert_eq!(size.to_string().parse(), Ok(size));
            }
        }

        #[test]
        fn any_text_is_answered(text in "\\PC*|[0-9x:+-]*") {
            let _ = text.parse::<Crop>().map_err(|error| (error.to_string(), error.hint()));
            let _ = text.parse::<Size>().map_err(|error| (error.to_string(), error.hint()));
        }
    }
}
