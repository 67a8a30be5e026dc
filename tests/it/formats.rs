//! Formats of frames against the pixels that FFmpeg reads out of the same files.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::live::Live;
use crate::support::video::{assert_shows, describe, run};
use crate::support::{Frames, Sandbox, ffmpeg, with_each_ffmpeg};

/// A DPX: 6 grey, 50 RGB, 51 RGBA, 52 ABGR; bits a value; how they are packed; the order of bytes.
#[derive(Debug, Clone, Copy)]
struct Dpx {
    descriptor: u8,
    bits: u8,
    packing: u8,
    big_endian: bool,
    /// What FFmpeg calls its pixels.
    pixels: &'static str,
}

/// Rows of no whole number of words.
const SIDES: (usize, usize) = (7, 4);

impl Dpx {
    /// A file of whatever values: what they are, the two readers are to agree on.
    fn file(self) -> Vec<u8> {
        let mut file = vec![0; 2048];
        let number = |value: u32| if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let short = |value: u16| if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        file[..4].copy_from_slice(if self.big_endian { b"SDPX" } else { b"XPDS" });
        file[8..12].copy_from_slice(b"V2.0");
        let sides = [SIDES.0, SIDES.1].map(|side| u32::try_from(side).unwrap());
        // Video, in BT.709.
        file[800..804].copy_from_slice(&[self.descriptor, 6, 6, self.bits]);
        file[804..806].copy_from_slice(&short(self.packing.into()));
        file[770..772].copy_from_slice(&short(1));
        let mut data: Vec<u8> = (0..SIDES.1 * 64).map(|at| (at * 97 + 31 * (at / 7)).to_le_bytes()[0]).collect();
        // Bits that fill up a word are zero, as in files of real programs. FFmpeg 9.0 has them in values otherwise.
        let used: Option<u32> = match (self.bits, self.packing) {
            (10, 1) => Some(0xffff_fffc),
            (10, 2) => Some(0x3fff_ffff),
            (12, 1) => Some(0xfff0_fff0),
            (12, 2) => Some(0x0fff_0fff),
            _ => None,
        };
        if let Some(used) = used {
            for word in data.as_chunks_mut::<4>().0 {
                for (byte, used) in word.iter_mut().zip(number(used)) {
                    *byte &= used;
                }
            }
        }
        let length = u32::try_from(file.len() + data.len()).unwrap();
        for (at, value) in
            [(4, 2048), (16, length), (24, 1664), (28, 384), (660, u32::MAX), (772, sides[0]), (776, sides[1])]
        {
            file[at..at + 4].copy_from_slice(&number(value));
        }
        for at in [808, 1628, 1632] {
            file[at..at + 4].copy_from_slice(&number(if at == 808 { 2048 } else { 1 }));
        }
        file.extend(data);
        file
    }

    /// What FFmpeg reads of the file, as RGBA of 16 bits.
    fn by_ffmpeg(self, file: &Path, ffmpeg: &Path) -> Vec<u16> {
        let raw = run(ffmpeg, file, &["-pix_fmt", self.pixels, "-f", "rawvideo"]);
        let most = (1_u32 << self.bits) - 1;
        let values: Vec<u32> = if self.bits == 8 {
            raw.iter().map(|value| u32::from(*value)).collect()
        } else {
            let is_big = self.pixels.ends_with("be");
            let short = |pair: &[u8; 2]| if is_big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
            raw.as_chunks::<2>().0.iter().map(|pair| u32::from(short(pair))).collect()
        };
        let wide = |value: u32| u16::try_from((value * 65_535 + most / 2) / most).unwrap();
        let count = SIDES.0 * SIDES.1;
        let pixel = |at: usize| -> [u16; 4] {
            let planar = |plane: usize| wide(values[plane * count + at]);
            let packed = |channels: usize, channel: usize| wide(values[at * channels + channel]);
            match self.pixels {
                name if name.starts_with("gray") => [packed(1, 0), packed(1, 0), packed(1, 0), u16::MAX],
                // Planes of green, blue, red.
                name if name.starts_with("gbrap") => [planar(2), planar(0), planar(1), planar(3)],
                name if name.starts_with("gbrp") => [planar(2), planar(0), planar(1), u16::MAX],
                "abgr" => [packed(4, 3), packed(4, 2), packed(4, 1), packed(4, 0)],
                name if name.starts_with("rgba") => [0, 1, 2, 3].map(|channel| packed(4, channel)),
                _ => [packed(3, 0), packed(3, 1), packed(3, 2), u16::MAX],
            }
        };
        (0..count).flat_map(pixel).collect()
    }
}

/// Every kind of DPX of which FFmpeg 5.1 and 9.0 read the values.
fn kinds() -> Vec<Dpx> {
    let mut kinds = Vec::new();
    for big_endian in [true, false] {
        for (descriptor, of_8, of_10, of_12, of_16) in [
            (6, "gray", "gray10le", "gray12le", ["gray16be", "gray16le"]),
            (50, "rgb24", "gbrp10le", "gbrp12le", ["rgb48be", "rgb48le"]),
            (51, "rgba", "gbrap10le", "gbrap12le", ["rgba64be", "rgba64le"]),
        ] {
            let of_16 = of_16[usize::from(!big_endian)];
            let packed = [
                (8, 0, of_8),
                (10, 1, of_10),
                (10, 2, of_10),
                (12, 0, of_12),
                (12, 1, of_12),
                (12, 2, of_12),
                (16, 0, of_16),
            ];
            kinds.extend(packed.map(|(bits, packing, pixels)| Dpx { descriptor, bits, packing, big_endian, pixels }));
        }
        kinds.push(Dpx { descriptor: 52, bits: 8, packing: 0, big_endian, pixels: "abgr" });
    }
    kinds
}

#[test]
fn dpx_has_the_values_that_ffmpeg_reads() {
    with_each_ffmpeg(|sandbox| {
        let folder = sandbox.folder("reel");
        let kinds = kinds();
        let path = |number: usize| folder.join(format!("reel_{number:07}.dpx"));
        for (number, kind) in (86_400..).zip(&kinds) {
            fs::write(path(number), kind.file()).unwrap();
        }
        let video = sandbox.encode(&[folder.to_str().unwrap(), "--preset", "ffv1"]).expect(0).paths().remove(0);
        let raw = run(&sandbox.ffmpeg, &video, &["-pix_fmt", "gbrap16le", "-f", "rawvideo"]);
        let shown: Vec<u16> = raw.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
        let count = SIDES.0 * SIDES.1;
        let frames = shown.chunks_exact(4 * count);
        assert_eq!(frames.len(), kinds.len());
        for ((number, kind), planes) in (86_400..).zip(kinds).zip(frames) {
            let plane = |plane: usize, at: usize| planes[plane * count + at];
            let found = (0..count).flat_map(|at| [2, 0, 1, 3].map(|of| plane(of, at)));
            assert_eq!(found.collect::<Vec<u16>>(), kind.by_ffmpeg(&path(number), &sandbox.ffmpeg), "{kind:?}");
        }
    });
}

/// By OpenEXR's own library, with the values that are said beside it.
const LAYERS: &[u8] = include_bytes!("../data/decoders/layers.exr");

#[test]
fn the_layer_that_is_asked_for_becomes_the_video() {
    let sandbox = Sandbox::new(&ffmpeg());
    let folder = sandbox.folder("shot");
    for number in 1..=3 {
        fs::write(folder.join(format!("shot_{number:04}.exr")), LAYERS).unwrap();
    }
    let shot = folder.to_str().unwrap();
    let encode = |extra: &[&str]| sandbox.encode(&[&[shot, "--preset", "ffv1"][..], extra].concat());
    // 0.25, 0.5 and 0.75 of the light are 137, 188 and 225 in sRGB, by IEC 61966-2-1; 0.125 is 99.
    for (extra, wanted) in [
        (&[][..], [137, 188, 225]),
        (&["--layer", "ViewLayer.AO"], [255, 0, 255]),
        (&["--layer", "ViewLayer.Depth"], [99, 99, 99]),
        // Twice the light: 0.25. Half of 0.5 and of 0.75, and what is brighter than white.
        (&["--layer", "ViewLayer.Depth", "--exposure", "1"], [137, 137, 137]),
        (&["--exposure", "-1"], [99, 137, 165]),
        (&["--exposure", "0.585"], [165, 225, 255]),
    ] {
        let outcome = encode(extra).expect(0);
        assert_eq!(
            outcome.stderr.matches("4 layers, of which").count(),
            usize::from(!extra.contains(&"--layer")),
            "{}",
            outcome.stderr
        );
        let video = outcome.paths().remove(0);
        let raw = run(&sandbox.ffmpeg, &video, &["-pix_fmt", "rgb24", "-frames:v", "1", "-f", "rawvideo"]);
        // FFmpeg rounds from sixteen bits to eight in its own way.
        let is_near = raw.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) <= 1);
        assert!(is_near, "{extra:?}: {:?} instead of {wanted:?}", &raw[..3]);
    }
    // What was made of another layer is another video.
    encode(&["--layer", "ViewLayer.AO"]).expect(0).says("in a video already");
    let outcome = encode(&["--layer", "diffuse"]).expect(1);
    outcome.says("no layer diffuse; there are ViewLayer.AO, ViewLayer.Combined, ViewLayer.Depth, ViewLayer.Normal");
    sandbox.run(["scan", shot]).expect(0).says("4 layers, of which ViewLayer.Combined is taken for the picture");
}

/// Decoders of foreign formats have no log of their own.
#[test]
fn a_profile_that_cannot_be_used_is_said_once_for_tiff_too() {
    let sandbox = Sandbox::new(&ffmpeg());
    let folder = sandbox.folder("shot");
    for number in 1..=3_u8 {
        let mut file = fs::File::create(folder.join(format!("shot_{number:04}.tif"))).unwrap();
        let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
        let mut image = encoder.new_image::<tiff::encoder::colortype::RGB8>(16, 16).unwrap();
        image.encoder().write_tag(tiff::tags::Tag::IccProfile, &[7_u8; 200][..]).unwrap();
        image.write_data(&[number * 20; 16 * 16 * 3]).unwrap();
    }
    let outcome = sandbox.encode(&[folder.to_str().unwrap()]).expect(0);
    assert_eq!(outcome.stderr.matches("its colour profile cannot be read").count(), 1, "{}", outcome.stderr);
}

#[test]
fn damage_beside_the_pixels_costs_no_frame_and_keeps_none() {
    let sandbox = Sandbox::new(&ffmpeg());
    let folder = sandbox.folder("shot");
    let frames = Frames::new("shot_####.png").text("parameters", "a hill");
    frames.write(&folder, 1..=6);
    for number in [2, 5] {
        let path = frames.path(&folder, number);
        let mut bytes = fs::read(&path).unwrap();
        let text = bytes.windows(4).position(|name| name == b"tEXt" || name == b"iTXt").unwrap();
        bytes[text + 6] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let outcome = sandbox.encode(&[folder.to_str().unwrap(), "--cleanup", "delete"]).expect(0);
    assert_shows(&outcome.paths()[0], &sandbox.ffmpeg, 1..=6);
    assert_eq!(outcome.stderr.matches("something beside its pixels is damaged").count(), 1, "{}", outcome.stderr);
    assert!((1..=6).all(|number| !frames.path(&folder, number).exists()), "their pixels are whole");
}

/// What FFmpeg finds in the file at `path`: `2:1`, or `1:1` where it says nothing. Where stream and container are told apart, the
/// container comes last, and counts for players.
fn aspect(path: &Path, ffmpeg: &Path) -> String {
    let line = describe(path, ffmpeg);
    let found = line.rsplit_once("SAR ").and_then(|(_, rest)| rest.split(' ').next());
    found.unwrap_or("1:1").to_owned()
}

/// Frames of `extension` in `folder`, whose pixels are four thirds as wide as high, written by FFmpeg.
fn stretched(folder: &Path, extension: &str, ffmpeg: &Path) -> PathBuf {
    let pixels = if extension == "exr" { "gbrpf32" } else { "rgb24" };
    // The width of the video as it is shown is a whole number, which is what Matroska keeps.
    let made = Command::new(ffmpeg)
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=264x144:rate=1:duration=4"])
        .args(["-vf", &format!("setsar=4/3,format={pixels}")])
        .arg(folder.join(format!("shot_%04d.{extension}")))
        .status()
        .unwrap();
    assert!(made.success());
    folder.join(format!("shot_0001.{extension}"))
}

#[test]
fn the_shape_of_pixels_is_that_of_the_video() {
    with_each_ffmpeg(|sandbox| {
        for extension in ["png", "jpg", "tif", "dpx", "exr"] {
            let folder = sandbox.folder(extension);
            let first = stretched(&folder, extension, &sandbox.ffmpeg);
            assert_eq!(aspect(&first, &sandbox.ffmpeg), "4:3", "{extension} by FFmpeg");
            let video = sandbox.encode(&[folder.to_str().unwrap()]).expect(0).paths().remove(0);
            assert_eq!(aspect(&video, &sandbox.ffmpeg), "4:3", "{extension}");
        }
    });
}

#[test]
fn every_container_that_has_a_place_for_it_says_the_shape_of_pixels() {
    with_each_ffmpeg(|sandbox| {
        let folder = sandbox.folder("shot");
        stretched(&folder, "png", &sandbox.ffmpeg);
        for preset in ["h264", "h265", "av1", "vp9", "prores", "dnxhr", "ffv1", "mpeg4", "gif", "lossless"] {
            let outcome = sandbox.encode(&[folder.to_str().unwrap(), "--preset", preset]).expect(0);
            let found = aspect(&outcome.paths()[0], &sandbox.ffmpeg);
            // GIF has a byte for it, in steps of a sixty-fourth.
            let wanted = if preset == "gif" { "85:64" } else { "4:3" };
            assert_eq!(found, wanted, "{preset}");
        }
    });
}

/// The film is cut into chunks, which are joined.
#[test]
fn the_shape_of_pixels_outlives_the_join_of_chunks() {
    let live = Live::new(&ffmpeg());
    let made = live.sandbox.path().join("made");
    fs::create_dir(&made).unwrap();
    let frames = |numbers: RangeInclusive<u32>| {
        for number in numbers {
            let path = live.frames.path(&made, number);
            live.frames.write(&made, [number]);
            // pHYs with no unit, before the pixels.
            let bytes = fs::read(&path).unwrap();
            let mut chunk = b"pHYs\0\0\0\x02\0\0\0\x01\0".to_vec();
            chunk.extend(crc32fast::hash(&chunk).to_be_bytes());
            let whole = [&bytes[..33], &[0, 0, 0, 9], &chunk, &bytes[33..]].concat();
            fs::write(&path, whole).unwrap();
            fs::rename(&path, live.frames.path(&live.shot, number)).unwrap();
        }
    };
    let mut daemon = live.start();
    frames(1..=60);
    live.wait_for_chunks(&mut daemon, [1..=24, 25..=48]);
    live.mark();
    live.assert_video(&mut daemon, 1..=60);
    assert_eq!(aspect(&live.video(), &ffmpeg()), "2:1");
}
