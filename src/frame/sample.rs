//! The fingerprints of some frames of a sequence: what is needed to tell a film from stills by its pictures.
//!
//! Decodes a few frames in full, so it belongs on a worker. It makes no decision; `sequence::film` measures and weighs.

use std::ops::Range;
use std::path::Path;

use crate::frame::FrameError;
use crate::frame::color::{self, Canvas, Feed};
use crate::frame::decode::Decoder;
use crate::frame::signature::Signature;
use crate::sequence::Identity;
use crate::sequence::film::{MEASURED, Pictures};

/// Which frames of `count` to decode: as many as are measured, one after the other, from the middle, because films often
/// begin and end in black.
#[must_use]
pub fn window(count: usize) -> Range<usize> {
    let start = count.saturating_sub(MEASURED) / 2;
    start..count.min(start + MEASURED)
}

/// Decodes these consecutive frames and measures them, as sRGB on black, whatever their formats. One that cannot be read
/// ends it: the frames would no longer be neighbours. `None` where there are fewer than two.
pub fn measure<'f>(frames: impl IntoIterator<Item = (&'f Path, &'f Identity)>) -> Result<Option<Pictures>, FrameError> {
    let mut decoder = Decoder::default();
    let mut raw = Vec::new();
    let mut fingerprints = Vec::with_capacity(MEASURED);
    for (path, identity) in frames.into_iter().take(MEASURED) {
        let picture = decoder.decode(path, identity)?;
        let (width, height) = (picture.info.width, picture.info.height);
        color::convert(&picture, &Canvas::new(width, height, false), Feed::Rgb24, [0; 3], &mut raw)?;
        fingerprints.push(Signature::of(&raw, Feed::Rgb24, width, height));
        decoder.recycle(picture);
    }
    let cells: Vec<&[u8]> = fingerprints.iter().map(Signature::cells).collect();
    Ok(Pictures::of(&cells))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::frame::complete::identity_of;

    #[test]
    fn the_window_is_in_the_middle() {
        assert_eq!(window(0), 0..0);
        assert_eq!(window(5), 0..5);
        assert_eq!(window(24), 0..24);
        assert_eq!(window(100), 38..62);
    }

    fn measured(names: &[String], pixel: impl Fn(u32, u32, u32) -> [u8; 3]) -> Pictures {
        let dir = tempfile::tempdir().unwrap();
        let frames: Vec<(PathBuf, Identity)> = (0..)
            .zip(names)
            .map(|(number, name)| {
                let path = dir.path().join(name);
                RgbImage::from_fn(160, 90, |x, y| Rgb(pixel(number, x, y))).save(&path).unwrap();
                let identity = identity_of(&fs::metadata(&path).unwrap());
                (path, identity)
            })
            .collect();
        measure(frames.iter().map(|(path, identity)| (path.as_path(), identity))).unwrap().unwrap()
    }

    #[test]
    fn frames_of_any_format_are_measured() {
        let endings = ["png", "jpg", "bmp", "tif", "webp", "png", "tga", "qoi", "png", "png"];
        let names: Vec<String> = (0..).zip(endings).map(|(number, ending)| format!("{number}.{ending}")).collect();
        // A bar that moves to the right.
        let film = measured(&names, |number, x, _| if x / 16 == number { [250, 200, 90] } else { [20, 30, 40] });
        assert_eq!(film.count, 10);
        assert!(film.change > 0.0);
        let flat = measured(&names[..2], |_, _, _| [90; 3]);
        assert!(flat.change.abs() < 0.25, "{flat:?}");
    }

    #[test]
    fn a_frame_that_cannot_be_read_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.png");
        fs::write(&path, b"\x89PNG\r\n\x1a\n").unwrap();
        let identity = identity_of(&fs::metadata(&path).unwrap());
        assert!(measure([(path.as_path(), &identity)]).is_err());
    }
}
