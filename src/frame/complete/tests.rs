//! Headers that ask for hours or for all memory: every look ends, soon, and names the limit that it ran into.

use std::io;
use std::time::{Duration, Instant};

use super::*;
use crate::frame::limits::Limits;
use crate::frame::{Orientation, PixelAspect};

/// A file of any size that takes no room: its first bytes, others again and again, its last bytes.
struct Endless {
    head: Vec<u8>,
    again: Vec<u8>,
    len: u64,
    tail: Vec<u8>,
}

impl Endless {
    fn new(head: impl Into<Vec<u8>>, again: impl Into<Vec<u8>>, len: u64, tail: &[u8]) -> Self {
        Self { head: head.into(), again: again.into(), len, tail: tail.to_vec() }
    }
}

impl Bytes for Endless {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset + out.len() as u64;
        if end > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (head, tail) = (self.head.len() as u64, self.len - self.tail.len() as u64);
        let place = |from: u64| usize::try_from(from).unwrap();
        if offset >= head && end <= tail {
            let start = place((offset - head) % self.again.len() as u64);
            let mut source = self.again[start..].iter().chain(self.again.iter().cycle());
            out.fill_with(|| *source.next().unwrap());
            return Ok(());
        }
        for (at, out) in (offset..).zip(out) {
            *out = match at {
                _ if at < head => self.head[place(at)],
                _ if at >= tail => self.tail[place(at - tail)],
                _ => self.again[place((at - head) % self.again.len() as u64)],
            };
        }
        Ok(())
    }
}

const GIB: u64 = 1 << 30;

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    png.extend(b"\x08\x02\0\0\0crc_");
    png
}

/// The start of a JPEG with its frame header.
fn jpeg(width: u16, height: u16, scan: bool) -> Vec<u8> {
    let mut jpeg = b"\xff\xd8\xff\xc0\0\x11\x08".to_vec();
    jpeg.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
    jpeg.extend(b"\x03\x01\x11\0\x02\x11\0\x03\x11\0");
    if scan {
        jpeg.extend(b"\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0");
    }
    jpeg
}

fn entry(tag: u16, kind: u16, count: u32, value: u32) -> Vec<u8> {
    [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
}

fn tiff(entries: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(entries.len()).unwrap();
    [&b"II*\0\x08\0\0\0"[..], &count.to_le_bytes(), &entries.concat(), &[0; 4]].concat()
}

fn exr(data: [i32; 4], display: [i32; 4]) -> Vec<u8> {
    let attribute = |name: &str, kind: &str, value: &[u8]| {
        let length = u32::try_from(value.len()).unwrap().to_le_bytes();
        [name.as_bytes(), b"\0", kind.as_bytes(), b"\0", &length, value].concat()
    };
    let window = |window: [i32; 4]| window.map(i32::to_le_bytes).concat();
    let channel = |name: &[u8]| [name, b"\0", &[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]].concat();
    let channels = [channel(b"B"), channel(b"G"), channel(b"R"), vec![0]].concat();
    [
        b"\x76\x2f\x31\x01\x02\0\0\0".to_vec(),
        attribute("channels", "chlist", &channels),
        attribute("compression", "compression", &[3]),
        attribute("dataWindow", "box2i", &window(data)),
        attribute("displayWindow", "box2i", &window(display)),
        attribute("lineOrder", "lineOrder", &[0]),
        attribute("pixelAspectRatio", "float", &1_f32.to_le_bytes()),
        attribute("screenWindowCenter", "v2f", &[0; 8]),
        attribute("screenWindowWidth", "float", &1_f32.to_le_bytes()),
        vec![0; 900],
    ]
    .concat()
}

/// Each with the key of the limit that its reason names.
fn bombs() -> Vec<(&'static str, &'static str, &'static str, Endless)> {
    let whole = |bytes: Vec<u8>| {
        let len = bytes.len() as u64;
        Endless::new(bytes, [0], len, b"")
    };
    let small = [0, 0, 63, 47];
    let bmp: [u32; 13] = [200, 0, 54, 40, 60_000, 60_000, 24 << 16 | 1, 0, 0, 0, 0, 0, 0];
    let bmp = [&b"BM"[..], bmp.map(u32::to_le_bytes).as_flattened()].concat();
    let mut tga = vec![0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    tga.extend([60_000_u16.to_le_bytes(), 60_000_u16.to_le_bytes()].concat());
    tga.extend([24, 0]);
    tga.extend([0xff, 0, 0, 0].repeat(20));
    let qoi = |side: u32| [&b"qoif"[..], &side.to_be_bytes(), &side.to_be_bytes(), &[3, 0]].concat();
    let strips = [entry(256, 4, 1, 64), entry(257, 4, 1, 48), entry(273, 4, 1 << 30, 8), entry(279, 4, 1, 8)];
    let side = [entry(256, 4, 1, 100_000), entry(257, 4, 1, 100_000), entry(273, 4, 1, 8), entry(279, 4, 1, 8)];
    let chunk = b"\0\0\0\0tEXtcrc_";
    let riff = |chunk: &[u8]| [&b"RIFF\0\0\0\x3fWEBPVP8X\x0a\0\0\0\x20\0\0\0\x3f\0\0\x2f\0\0"[..], chunk].concat();
    let attributes = b"\x76\x2f\x31\x01\x02\0\0\0";
    vec![
        (
            "png: many pixels",
            "png",
            "pixels",
            Endless::new(png(60_000, 60_000), *b"\0\0\0\x04IDATabcdcrc_", 1000, &png::IEND),
        ),
        ("png: chunks before the pixels", "png", "look_entries", Endless::new(png(64, 48), *chunk, GIB, b"")),
        ("png: chunks of pixels", "png", "look_entries", Endless::new(png(64, 48), *b"\0\0\0\0IDATcrc_", GIB, b"")),
        ("jpeg: fill bytes", "jpg", "look_bytes", Endless::new(*b"\xff\xd8\xff", [0xff], GIB, b"")),
        ("jpeg: strays", "jpg", "look_bytes", Endless::new(*b"\xff\xd8\xff", [0], GIB, b"")),
        ("jpeg: no end mark", "jpg", "look_bytes", Endless::new(jpeg(64, 48, true), [7], GIB, b"")),
        ("jpeg: half marks", "jpg", "look_bytes", Endless::new(jpeg(64, 48, true), [0xff, 0], GIB, b"")),
        ("jpeg: segments", "jpg", "look_entries", Endless::new(jpeg(64, 48, false), *b"\xff\xfe\0\x02", GIB, b"")),
        ("jpeg: restarts", "jpg", "look_entries", Endless::new(jpeg(64, 48, false), *b"\xff\xd0", GIB, b"")),
        ("jpeg: many pixels", "jpg", "pixels", Endless::new(jpeg(65_000, 65_000, true), [7], 1000, b"\xff\xd9")),
        ("tiff: strips", "tif", "look_entries", Endless::new(tiff(&strips), [0], 8 * GIB, b"")),
        ("tiff: many pixels", "tif", "pixels", whole(tiff(&side))),
        ("exr: a data window", "exr", "pixels", whole(exr([-167_772_160, 0, 63, 47], small))),
        (
            "exr: a data window at the ends of the numbers",
            "exr",
            "pixels",
            whole(exr([i32::MIN, 0, i32::MAX, 47], small)),
        ),
        ("exr: many pixels", "exr", "pixels", whole(exr(small, [0, 0, 99_999, 99_999]))),
        ("exr: attributes", "exr", "look_entries", Endless::new(*attributes, *b"x\0y\0\0\0\0\0", GIB, b"")),
        ("webp: chunks", "webp", "look_", Endless::new(riff(b""), *b"JUNK\0\0\0\0", GIB, b"")),
        ("hdr: a line", "hdr", "look_bytes", Endless::new(*b"#?RADIANCE\n", *b"A", GIB, b"")),
        ("hdr: lines", "hdr", "look_bytes", Endless::new(*b"#?RADIANCE\n", *b"#\n", GIB, b"")),
        (
            "hdr: many pixels",
            "hdr",
            "pixels",
            whole(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 60000 +X 60000\n\0\0\0\0".to_vec()),
        ),
        ("pnm: a comment", "ppm", "look_bytes", Endless::new(*b"P6\n#", *b"A", GIB, b"")),
        ("pnm: space", "ppm", "look_bytes", Endless::new(*b"P6\n", *b" ", GIB, b"")),
        ("pnm: many pixels", "ppm", "pixels", whole(b"P6\n60000 60000\n255\n\0\0\0\0\0\0".to_vec())),
        ("bmp: many pixels", "bmp", "pixels", Endless::new(bmp, [0], 200, b"")),
        ("tga: many pixels", "tga", "pixels", whole(tga)),
        ("qoi: many pixels", "qoi", "pixels", Endless::new(qoi(16_000), [0xfd], 200, b"\0\0\0\0\0\0\0\x01")),
    ]
}

#[test]
fn a_look_at_a_bomb_ends_soon_and_names_the_limit() {
    // Less than the defaults, because such a file takes longer to make up than to read.
    let limits = Limits { look_bytes: 1 << 17, look_entries: 1 << 12, ..Limits::DEFAULT };
    for (what, extension, key, bytes) in bombs() {
        let begun = Instant::now();
        let metered = Metered::new(&bytes, limits);
        let looked = metered.within_limits(examine_all(&metered, &Path::new("frame").with_extension(extension), None));
        let took = begun.elapsed();
        let error = looked.expect_err(what);
        assert!(matches!(error, FrameErrorKind::TooLarge(_)), "{what}: {error}");
        assert!(error.to_string().contains(&format!("`{key}")) && error.is_lasting(), "{what}: {error}");
        assert!(took < Duration::from_secs(5), "{what} took {took:?}");
    }
}

/// 65,535 entries that each name a table of a million strips: read one after the other, that would be 260 GB.
#[test]
fn a_table_of_strips_is_read_once() {
    let mut bytes = b"II*\0\x08\0\0\0\xff\xff".to_vec();
    bytes.extend(entry(273, 4, 1 << 20, 0).repeat(65_535));
    bytes.extend(vec![0; 5_000_000]);
    let bytes = &bytes[..];
    let metered = Metered::new(&bytes, limits::current());
    let begun = Instant::now();
    assert!(examine(&metered, Path::new("a.tif"), None).is_err());
    assert!(metered.bytes_read() < 6 << 20, "{} bytes", metered.bytes_read());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_largest_frames_are_within_the_defaults() {
    for (width, height) in [(15_360, 8_640), (16_384, 8_192)] {
        for linear in [false, true] {
            let info = ImageInfo {
                width,
                height,
                deep: true,
                linear,
                alpha: true,
                orientation: Orientation::UPRIGHT,
                aspect: PixelAspect::SQUARE,
            };
            assert!(info.checked().is_ok(), "{info:?}");
        }
        assert!(limits::current().check_pixels("", u64::from(width), u64::from(height)).is_ok());
    }
}
