//! What part of a frame the video shows, which way up, and how large.
//!
//! Owns the three steps and their order: the picture, upright as its file says, is cropped, then rotated and flipped, then
//! scaled. It computes sizes and moves pixels; scaling itself is for [`super::color`], which fits every picture onto the
//! canvas anyway. How people write these values is for `config::units`.

use std::borrow::Cow;

use image::metadata::Orientation as Turn;
use serde::{Deserialize, Serialize};

use crate::error::chain;
use crate::frame::decode::{Picture, Pixels};
use crate::frame::{FrameErrorKind, ImageInfo, MAX_SIDE, Orientation, PixelAspect};

/// What is done to each frame before it is encoded. The default is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Geometry {
    /// What is cut out of the upright picture.
    pub crop: Option<Crop>,
    /// How far that is then turned.
    pub rotate: Rotation,
    /// How that is then mirrored.
    pub flip: Option<Flip>,
    /// How large that becomes.
    pub size: Option<Size>,
}

/// A part of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Crop {
    /// A rectangle.
    Rectangle {
        /// Pixels, at least one.
        width: u32,
        /// Pixels, at least one.
        height: u32,
        /// How many pixels are left out at the left and at the top; as many as on the other side where `None`.
        offset: Option<(u32, u32)>,
    },
    /// The largest part in the middle that has this shape.
    Shape {
        /// Across, at least one.
        width: u32,
        /// Down, at least one.
        height: u32,
    },
}

/// Clockwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the degrees")]
pub enum Rotation {
    #[default]
    Not,
    By90,
    By180,
    By270,
}

/// A reflection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Flip {
    /// Left becomes right.
    Horizontal,
    /// Top becomes bottom.
    Vertical,
}

/// The size of the picture in the video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Size {
    /// Exactly this. A picture of another shape keeps its own, amid the background.
    Exact {
        /// Pixels, at least one.
        width: u32,
        /// Pixels, at least one.
        height: u32,
    },
    /// So wide, and as high as the shape asks for.
    Width {
        /// Pixels, at least one.
        width: u32,
        /// Whether the height is made even.
        even: bool,
    },
    /// So high, and as wide as the shape asks for.
    Height {
        /// Pixels, at least one.
        height: u32,
        /// Whether the width is made even.
        even: bool,
    },
}

/// A picture that cannot be had of frames of this size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// The part is not within the picture.
    #[error("`crop` leaves the picture: {}x{} at {},{} of {}x{} pixels", part.0, part.1, at.0, at.1, picture.0, picture.1)]
    Outside {
        /// Width and height of the part.
        part: (u32, u32),
        /// Where it begins.
        at: (u32, u32),
        /// Width and height of the picture.
        picture: (u32, u32),
    },
    /// The side that keeps the shape is too long.
    #[error("`size` makes {}x{} pixels of {}x{}; a side has at most {MAX_SIDE}", size.0, size.1, picture.0, picture.1)]
    TooLarge {
        /// Width and height it would have.
        size: (u64, u64),
        /// Width and height before.
        picture: (u32, u32),
    },
}

/// A part of a picture, in pixels. It is within it, and has at least one pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl Geometry {
    /// The sides of the picture in the video, of upright frames with these sides.
    ///
    /// # Errors
    ///
    /// Where there is no such picture.
    pub fn picture(&self, width: u32, height: u32) -> Result<(u32, u32), GeometryError> {
        let part = self.part(width, height)?;
        let (width, height) = self.turn().turn_sides(part.width, part.height);
        self.size.map_or(Ok((width, height)), |size| size.of(width, height))
    }

    /// `picture`, cropped, rotated and flipped; not yet scaled.
    pub(in crate::frame) fn shape<'p>(&self, picture: &'p Picture) -> Result<Cow<'p, Picture>, FrameErrorKind> {
        if self.crop.is_none() && self.turn() == Orientation::UPRIGHT {
            return Ok(Cow::Borrowed(picture));
        }
        let ImageInfo { width, height, .. } = picture.info;
        let part = self.part(width, height).map_err(|error| FrameErrorKind::Unsupported(chain(&error).to_string()))?;
        let pixels = picture.pixels.cut(width, part);
        let orientation = self.turn();
        let (width, height) = orientation.turn_sides(part.width, part.height);
        let info = ImageInfo { width, height, orientation, ..picture.info };
        let pixels = pixels.turned(info)?;
        Ok(Cow::Owned(Picture { path: picture.path.clone(), info, pixels, contents: picture.contents }))
    }

    /// The shape of the pixels of what is shown, where those of the frame have this one. Scaling keeps it.
    pub(crate) fn aspect(&self, aspect: PixelAspect) -> PixelAspect {
        aspect.turned(self.turn())
    }

    fn part(&self, width: u32, height: u32) -> Result<Part, GeometryError> {
        let Some(crop) = self.crop else { return Ok(Part { left: 0, top: 0, width, height }) };
        let (part, at) = match crop {
            Crop::Rectangle { width: across, height: down, offset } => {
                let middle = (width.saturating_sub(across) / 2, height.saturating_sub(down) / 2);
                ((across, down), offset.unwrap_or(middle))
            }
            Crop::Shape { width: across, height: down } => {
                let (w, h) = (u64::from(width), u64::from(height));
                let (across, down) = (u64::from(across), u64::from(down));
                // Even, so that no edge is repeated for codecs that need even sides.
                let side = |side: u64, most: u32| {
                    let side = u32::try_from(side).unwrap_or(most).min(most);
                    if side > 1 { side & !1 } else { 1 }
                };
                let part = if w * down > h * across {
                    (side(h * across / down, width), height)
                } else {
                    (width, side(w * down / across, height))
                };
                (part, ((width - part.0) / 2, (height - part.1) / 2))
            }
        };
        let fits = |side: u32, at: u32, whole: u32| at.checked_add(side).is_some_and(|end| end <= whole);
        if fits(part.0, at.0, width) && fits(part.1, at.1, height) {
            Ok(Part { left: at.0, top: at.1, width: part.0, height: part.1 })
        } else {
            Err(GeometryError::Outside { part, at, picture: (width, height) })
        }
    }

    /// Rotation and reflection are one of the eight ways in which a picture can be turned.
    fn turn(&self) -> Orientation {
        let quarters = match self.rotate {
            Rotation::Not => 0,
            Rotation::By90 => 1,
            Rotation::By180 => 2,
            Rotation::By270 => 3,
        };
        // Upside down and mirrored from left to right is mirrored from top to bottom.
        let quarters = if self.flip == Some(Flip::Vertical) { (quarters + 2) % 4 } else { quarters };
        Orientation::of_turn(match (quarters, self.flip.is_some()) {
            (0, false) => Turn::NoTransforms,
            (0, true) => Turn::FlipHorizontal,
            (1, false) => Turn::Rotate90,
            (1, true) => Turn::Rotate90FlipH,
            (2, false) => Turn::Rotate180,
            (2, true) => Turn::FlipVertical,
            (_, false) => Turn::Rotate270,
            (_, true) => Turn::Rotate270FlipH,
        })
    }
}

impl Size {
    fn of(self, width: u32, height: u32) -> Result<(u32, u32), GeometryError> {
        // As FFmpeg's `scale` has it: the nearest, or the nearest even number, and at least the least there is.
        let scaled = |side: u32, to: u32, of: u32, even: bool| {
            let (product, of) = (u64::from(side) * u64::from(to), u64::from(of));
            if even { ((product + of) / (2 * of)).max(1) * 2 } else { ((product + of / 2) / of).max(1) }
        };
        let (across, down) = match self {
            Self::Exact { width, height } => (width.into(), height.into()),
            Self::Width { width: across, even } => (across.into(), scaled(height, across, width, even)),
            Self::Height { height: down, even } => (scaled(width, down, height, even), down.into()),
        };
        match (u32::try_from(across), u32::try_from(down)) {
            (Ok(across), Ok(down)) if across <= MAX_SIDE && down <= MAX_SIDE => Ok((across, down)),
            _ => Err(GeometryError::TooLarge { size: (across, down), picture: (width, height) }),
        }
    }
}

impl Pixels {
    /// The pixels of a part of a picture that is `width` pixels wide.
    fn cut(&self, width: u32, part: Part) -> Self {
        fn cut<T: Copy>(values: &[T], channels: usize, width: u32, part: Part) -> Vec<T> {
            let at = |pixels: u32| pixels as usize * channels;
            let rows = values.chunks_exact(at(width)).skip(part.top as usize).take(part.height as usize);
            let mut out = Vec::with_capacity(at(part.width) * part.height as usize);
            for row in rows {
                out.extend_from_slice(&row[at(part.left)..at(part.left + part.width)]);
            }
            out
        }
        let channels = self.channels();
        match self {
            Self::Gray8(v) => Self::Gray8(cut(v, channels, width, part)),
            Self::GrayAlpha8(v) => Self::GrayAlpha8(cut(v, channels, width, part)),
            Self::Rgb8(v) => Self::Rgb8(cut(v, channels, width, part)),
            Self::Rgba8(v) => Self::Rgba8(cut(v, channels, width, part)),
            Self::Gray16(v) => Self::Gray16(cut(v, channels, width, part)),
            Self::GrayAlpha16(v) => Self::GrayAlpha16(cut(v, channels, width, part)),
            Self::Rgb16(v) => Self::Rgb16(cut(v, channels, width, part)),
            Self::Rgba16(v) => Self::Rgba16(cut(v, channels, width, part)),
            Self::RgbF32(v) => Self::RgbF32(cut(v, channels, width, part)),
            Self::RgbaF32(v) => Self::RgbaF32(cut(v, channels, width, part)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::frame::digest::{Contents, Digest};

    /// A picture whose pixels are numbered from the top left on.
    fn numbered(width: u32, height: u32) -> Picture {
        let info = ImageInfo {
            width,
            height,
            deep: false,
            linear: false,
            alpha: false,
            orientation: Orientation::UPRIGHT,
            aspect: PixelAspect::SQUARE,
        };
        let count = u8::try_from(width * height).unwrap();
        let contents = Contents { changed_ns: None, digest: Digest::of(b"") };
        Picture { path: PathBuf::from("f.png"), info, pixels: Pixels::Gray8((0..count).collect()), contents }
    }

    /// The rows of what becomes of a picture of 4 by 3.
    fn rows(geometry: Geometry) -> Vec<Vec<u8>> {
        let picture = numbered(4, 3);
        let shaped = geometry.shape(&picture).unwrap();
        let Pixels::Gray8(values) = &shaped.pixels else { panic!() };
        assert_eq!((shaped.info.width, shaped.info.height), geometry.picture(4, 3).unwrap());
        values.chunks(shaped.info.width as usize).map(<[u8]>::to_vec).collect()
    }

    fn rectangle(width: u32, height: u32, offset: Option<(u32, u32)>) -> Geometry {
        Geometry { crop: Some(Crop::Rectangle { width, height, offset }), ..Geometry::default() }
    }

    #[test]
    fn a_part_is_cut_out() {
        assert_eq!(rows(Geometry::default()), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]);
        assert_eq!(rows(rectangle(2, 2, Some((2, 1)))), [[6, 7], [10, 11]]);
        assert_eq!(rows(rectangle(2, 1, None)), [[5, 6]], "in the middle");
        assert_eq!(rows(rectangle(1, 3, None)), [[1], [5], [9]]);
    }

    #[test]
    fn rotation_is_clockwise_and_comes_before_the_flip() {
        let of = |rotate, flip| rows(Geometry { rotate, flip, ..rectangle(3, 2, Some((0, 0))) });
        // 0 1 2
        // 4 5 6
        assert_eq!(of(Rotation::By90, None), [[4, 0], [5, 1], [6, 2]]);
        assert_eq!(of(Rotation::By180, None), [[6, 5, 4], [2, 1, 0]]);
        assert_eq!(of(Rotation::By270, None), [[2, 6], [1, 5], [0, 4]]);
        let (across, down) = (Some(Flip::Horizontal), Some(Flip::Vertical));
        assert_eq!(of(Rotation::Not, across), [[2, 1, 0], [6, 5, 4]]);
        assert_eq!(of(Rotation::Not, down), [[4, 5, 6], [0, 1, 2]]);
        assert_eq!(of(Rotation::By90, across), [[0, 4], [1, 5], [2, 6]]);
        assert_eq!(of(Rotation::By90, down), [[6, 2], [5, 1], [4, 0]]);
        assert_eq!(of(Rotation::By180, across), of(Rotation::Not, down));
        assert_eq!(of(Rotation::By270, down), of(Rotation::By90, across));
    }

    #[test]
    fn a_shape_is_the_largest_in_the_middle() {
        let of = |width, height, picture: (u32, u32)| {
            let geometry = Geometry { crop: Some(Crop::Shape { width, height }), ..Geometry::default() };
            let Part { left, top, width, height } = geometry.part(picture.0, picture.1).unwrap();
            (width, height, left, top)
        };
        assert_eq!(of(16, 9, (6000, 4000)), (6000, 3374, 0, 313), "3375 would be odd");
        assert_eq!(of(1, 1, (1920, 1080)), (1080, 1080, 420, 0));
        assert_eq!(of(9, 16, (1920, 1080)), (606, 1080, 657, 0));
        assert_eq!(of(16, 9, (1920, 1080)), (1920, 1080, 0, 0));
        assert_eq!(of(1000, 1, (10, 10)), (10, 1, 0, 4), "never nothing");
    }

    #[test]
    fn what_is_outside_is_refused() {
        for (geometry, picture) in [
            (rectangle(5, 3, None), (4, 3)),
            (rectangle(4, 3, Some((1, 0))), (4, 3)),
            (rectangle(1, 1, Some((0, 3))), (4, 3)),
            (rectangle(1, 1, Some((u32::MAX, 0))), (4, 3)),
        ] {
            let error = geometry.picture(picture.0, picture.1).unwrap_err();
            assert!(matches!(error, GeometryError::Outside { .. }), "{geometry:?}");
            assert!(geometry.shape(&numbered(4, 3)).is_err());
        }
        let error = rectangle(1920, 1080, Some((10, 20))).picture(640, 480).unwrap_err();
        assert_eq!(error.to_string(), "`crop` leaves the picture: 1920x1080 at 10,20 of 640x480 pixels");
    }

    #[test]
    fn a_side_follows_the_other_as_in_ffmpeg() {
        let of = |size, (width, height): (u32, u32)| {
            Geometry { size: Some(size), ..Geometry::default() }.picture(width, height)
        };
        let wide = |width, even| Size::Width { width, even };
        // FFmpeg 5.1.9 and 9.0.2: scale=1280:-1 and 1280:-2.
        assert_eq!(of(wide(1280, false), (6000, 4000)), Ok((1280, 853)));
        assert_eq!(of(wide(1280, true), (6000, 4000)), Ok((1280, 854)));
        assert_eq!(of(wide(1280, true), (1920, 1080)), Ok((1280, 720)));
        assert_eq!(of(Size::Height { height: 720, even: true }, (6000, 4000)), Ok((1080, 720)));
        assert_eq!(of(wide(8, true), (8000, 10)), Ok((8, 2)), "never nothing");
        assert_eq!(of(wide(8, false), (8000, 10)), Ok((8, 1)));
        assert_eq!(of(Size::Exact { width: 640, height: 480 }, (1920, 1080)), Ok((640, 480)));
        let error = of(wide(1280, true), (1, 10_000)).unwrap_err();
        assert_eq!(error.to_string(), "`size` makes 1280x12800000 pixels of 1x10000; a side has at most 65500");
    }

    #[test]
    fn each_step_sees_what_the_one_before_has_made() {
        let geometry = Geometry {
            crop: Some(Crop::Rectangle { width: 3000, height: 2000, offset: Some((0, 0)) }),
            rotate: Rotation::By90,
            flip: None,
            size: Some(Size::Width { width: 1000, even: true }),
        };
        assert_eq!(geometry.picture(6000, 4000), Ok((1000, 1500)));
    }

    proptest! {
        #[test]
        fn every_picture_that_there_is_has_pixels(
            crop in prop::option::of((1u32..50, 1u32..50, prop::option::of((0u32..50, 0u32..50)))),
            rotate in prop::sample::select(vec![Rotation::Not, Rotation::By90, Rotation::By180, Rotation::By270]),
            flip in prop::sample::select(vec![None, Some(Flip::Horizontal), Some(Flip::Vertical)]),
            (width, height) in (1u32..15, 1u32..15),
        ) {
            let crop = crop.map(|(width, height, offset)| Crop::Rectangle { width, height, offset });
            let geometry = Geometry { crop, rotate, flip, size: None };
            let picture = numbered(width, height);
            match (geometry.picture(width, height), geometry.shape(&picture)) {
                (Ok(size), Ok(shaped)) => {
                    prop_assert_eq!((shaped.info.width, shaped.info.height), size);
                    prop_assert_eq!(shaped.pixels.len(), (size.0 * size.1) as usize);
                }
                (sides, shaped) => prop_assert!(sides.is_err() && shaped.is_err()),
            }
        }
    }
}
