//! Fuzzing: looks at files, and decoding them. See [`crate::fuzzing`].

use std::path::Path;

use crate::frame::Exposure;
use crate::frame::color::{Canvas, Feed, Target};
use crate::frame::complete::{self, Format};
use crate::frame::decode::{Picture, Pixels, Reading, decode_bytes};
use crate::frame::digest::{Contents, Digest};
use crate::frame::geometry::Geometry;
use crate::frame::metadata;
use crate::sequence::origin::{Embedded, Origin};

/// Only TGA needs its extension, and no other format minds it.
const PATH: &str = "frame.tga";

/// Larger pictures are only slow.
const PIXELS: u64 = 1 << 18;

/// What is read of a text; see [`metadata`].
const TEXT: usize = 256 << 10;

/// The look at a file, and what a generator has written into it.
pub fn headers(bytes: &[u8]) {
    let path = Path::new(PATH);
    let looked = complete::examine(&bytes, path, None).ok();
    let Ok(format) = Format::of(&bytes, path) else {
        assert!(looked.is_none(), "{looked:?} of no format");
        return;
    };
    if let Some((found, info)) = looked {
        assert_eq!(found, format);
        assert!(info.checked().is_ok(), "{info:?}");
    }
    if let Some(embedded) = metadata::read(&bytes, format) {
        if let Embedded::Text { text, .. } = &embedded {
            assert!(text.len() <= TEXT, "{} bytes of text", text.len());
        }
        assert_eq!(Origin::of(&embedded), Origin::of(&embedded.clone()));
    }
}

/// The formats that are decoded in the process of the daemon.
pub fn decoders(bytes: &[u8]) {
    decode(bytes, false);
}

/// The formats that have a process of their own. What takes all memory or all time there is ended by the kernel, and no
/// finding.
pub fn foreign_decoders(bytes: &[u8]) {
    decode(bytes, true);
}

fn decode(bytes: &[u8], foreign: bool) {
    let Ok((format, info)) = complete::examine(&bytes, Path::new(PATH), None) else { return };
    if format.is_foreign() != foreign || u64::from(info.width) * u64::from(info.height) > PIXELS {
        return;
    }
    // Memory that another picture has left, and none.
    let [Some(mut picture), Some(again)] = [vec![7; 1000], Vec::new()].map(|spare| by_decoder(bytes, spare)) else {
        return;
    };
    assert_eq!((picture.info, again.info), (info, info));
    let pixels = u64::from(info.width) * u64::from(info.height);
    assert_eq!(picture.pixels.len() as u64, pixels * picture.pixels.channels() as u64);
    assert!(same(&picture.pixels, &again.pixels), "{info:?} is decoded to something else the second time");
    for feed in [Feed::Yuv420p, Feed::Rgb24, Feed::Rgba, Feed::Rgb48le, Feed::Rgba64le] {
        let canvas = Canvas::new(info.width, info.height, true);
        let mut raw = Vec::new();
        let geometry = Geometry::default();
        let target =
            Target { geometry, canvas: Some(canvas), feed, exposure: Exposure::NONE, background: [0, 128, 255] };
        target.convert(&mut picture, &mut raw).unwrap_or_else(|error| panic!("{info:?}: {error}"));
        assert_eq!(raw.len(), feed.frame_bytes(canvas.width, canvas.height), "{info:?} as {feed:?}");
    }
}

fn by_decoder(bytes: &[u8], mut spare: Vec<u8>) -> Option<Picture> {
    let contents = Contents { changed_ns: None, digest: Digest::of(bytes) };
    decode_bytes(bytes, PATH.into(), contents, &mut spare, &mut Reading::default()).ok()
}

/// Bit by bit: a value that is no number is not equal to itself.
fn same(one: &Pixels, other: &Pixels) -> bool {
    match (one, other) {
        (Pixels::RgbF32(one), Pixels::RgbF32(other)) | (Pixels::RgbaF32(one), Pixels::RgbaF32(other)) => {
            one.iter().map(|value| value.to_bits()).eq(other.iter().map(|value| value.to_bits()))
        }
        _ => one == other,
    }
}
