//! Text where the savers put it is found; anything else is not, whatever the bytes are.

use std::fs;
use std::io::Cursor;
use std::num::NonZeroU64;
use std::path::Path;

use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;

use super::*;
use crate::files::identity_of;
use crate::frame::complete::{examine, inspect, inspect_with_origin};
use crate::sequence::origin::{Origin, Relation, Total};

const GRAPH: &str = r#"{"3": {"class_type": "KSampler", "inputs": {"seed": 7, "cfg": 8.0}}}"#;
const PARAMETERS: &str = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, Seed: 7, Size: 8x8";

fn text(text: &str) -> Embedded {
    Embedded::Text { text: text.into(), cut: false }
}

fn read_as(bytes: &[u8]) -> Option<Embedded> {
    let name = Path::new("frame");
    let (format, _) = examine(&bytes, name, None).expect("a whole image");
    read(&bytes, format)
}

fn plain(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = DynamicImage::new_rgb8(8, 8);
    match format {
        ImageFormat::OpenExr => image.to_rgb32f().write_to(&mut bytes, format).unwrap(),
        _ => image.write_to(&mut bytes, format).unwrap(),
    }
    bytes.into_inner()
}

enum Chunk<'t> {
    Plain(&'t str),
    Compressed(&'t str),
    International(&'t str),
}

fn png(chunks: &[(&str, Chunk<'_>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, 8, 8);
    for (key, chunk) in chunks {
        match chunk {
            Chunk::Plain(text) => encoder.add_text_chunk((*key).into(), (*text).into()),
            Chunk::Compressed(text) => encoder.add_ztxt_chunk((*key).into(), (*text).into()),
            Chunk::International(text) => encoder.add_itxt_chunk((*key).into(), (*text).into()),
        }
        .unwrap();
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0; 64]).unwrap();
    writer.finish().unwrap();
    bytes
}

fn stamped(keys: &[(&str, &str)]) -> Vec<u8> {
    png(&keys.iter().map(|(key, value)| (*key, Chunk::Plain(value))).collect::<Vec<_>>())
}

/// EXIF with these tags of the first directory and, after them, `comment` in the EXIF directory.
fn exif(tags: &[(u16, &[u8])], comment: Option<&[u8]>) -> Vec<u8> {
    let mut entries: Vec<(u16, Vec<u8>)> = tags.iter().map(|(tag, value)| (*tag, value.to_vec())).collect();
    let directory = 8 + 2 + 12 * (entries.len() + usize::from(comment.is_some())) + 4;
    let mut data = Vec::new();
    let mut out = b"MM\0*\0\0\0\x08".to_vec();
    let count = u16::try_from(entries.len() + usize::from(comment.is_some())).unwrap();
    out.extend(count.to_be_bytes());
    let position = |data: &Vec<u8>| u32::try_from(directory + data.len()).unwrap().to_be_bytes();
    let entry = |out: &mut Vec<u8>, tag: u16, kind: u16, count: usize, value: [u8; 4]| {
        out.extend(tag.to_be_bytes());
        out.extend(kind.to_be_bytes());
        out.extend(u32::try_from(count).unwrap().to_be_bytes());
        out.extend(value);
    };
    for (tag, value) in entries.drain(..) {
        entry(&mut out, tag, 2, value.len(), position(&data));
        data.extend(value);
    }
    if let Some(comment) = comment {
        entry(&mut out, 0x8769, 4, 1, position(&data));
        data.extend(1u16.to_be_bytes());
        let start = u32::try_from(directory + data.len() + 16).unwrap();
        entry(&mut data, 0x9286, 7, comment.len(), start.to_be_bytes());
        data.extend([0; 4]);
        data.extend(comment);
    }
    out.extend([0; 4]);
    out.extend(data);
    out
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
    b"UNICODE\0".iter().copied().chain(text.encode_utf16().flat_map(unit)).collect()
}

fn jpeg(segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let whole = plain(ImageFormat::Jpeg);
    let mut bytes = whole[..2].to_vec();
    for (marker, data) in segments {
        bytes.extend([0xff, *marker]);
        bytes.extend(u16::try_from(data.len() + 2).unwrap().to_be_bytes());
        bytes.extend(data);
    }
    bytes.extend(&whole[2..]);
    bytes
}

fn jpeg_exif(exif: &[u8]) -> Vec<u8> {
    jpeg(&[(0xe1, [b"Exif\0\0", exif].concat())])
}

/// The picture in the extended layout, with its EXIF at the end, as libwebp writes it.
fn webp(exif: &[u8]) -> Vec<u8> {
    let whole = plain(ImageFormat::WebP);
    let mut body = b"WEBPVP8X\x0a\0\0\0\x08\0\0\0\x07\0\0\x07\0\0".to_vec();
    // An odd length, after which a byte is left out.
    body.extend(b"ICCP\x03\0\0\0abc\0");
    body.extend(&whole[12..]);
    body.extend(b"EXIF");
    body.extend(u32::try_from(exif.len()).unwrap().to_le_bytes());
    body.extend(exif);
    body.resize(body.len().next_multiple_of(2), 0);
    [b"RIFF".as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

/// The header of an EXR with these attributes before its own; its pixels are elsewhere than it says.
fn exr(attributes: &[(&str, &str, &str)]) -> Vec<u8> {
    let whole = plain(ImageFormat::OpenExr);
    let mut bytes = whole[..8].to_vec();
    for (name, kind, value) in attributes {
        bytes.extend([name.as_bytes(), b"\0", kind.as_bytes(), b"\0"].concat());
        bytes.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        bytes.extend(value.as_bytes());
    }
    bytes.extend(&whole[8..]);
    bytes
}

#[test]
fn files_without_text_have_none() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::OpenExr, ImageFormat::Bmp] {
        assert_eq!(read_as(&plain(format)), None, "{format:?}");
    }
}

#[test]
fn a_graph_is_found_in_every_format_that_its_savers_write() {
    let workflow = "w".repeat(100_000);
    assert_eq!(
        read_as(&png(&[("prompt", Chunk::Plain(GRAPH)), ("workflow", Chunk::Plain(&workflow))])),
        Some(text(GRAPH))
    );
    assert_eq!(
        read_as(&png(&[("workflow", Chunk::Plain(&workflow)), ("prompt", Chunk::Compressed(GRAPH))])),
        Some(text(GRAPH))
    );
    assert_eq!(read_as(&png(&[("prompt", Chunk::International(GRAPH))])), Some(text(GRAPH)));
    let model = [b"prompt:", GRAPH.as_bytes(), b"\0"].concat();
    assert_eq!(read_as(&webp(&exif(&[(0x010f, b"workflow:{}\0"), (0x0110, &model)], None))), Some(text(GRAPH)));
    let make = [b"Prompt:", GRAPH.as_bytes()].concat();
    assert_eq!(read_as(&jpeg_exif(&exif(&[(0x010f, &make)], None))), Some(text(GRAPH)));
    let header = exr(&[("workflow", "string", "{}"), ("prompt", "string", GRAPH), ("prompt", "int", "abcd")]);
    assert_eq!(read(&header.as_slice(), Format::Exr), Some(text(GRAPH)));
}

#[test]
fn parameters_are_found_and_a_graph_beside_them_is_preferred() {
    assert_eq!(read_as(&png(&[("parameters", Chunk::Plain(PARAMETERS))])), Some(text(PARAMETERS)));
    let both = [("parameters", Chunk::Plain(PARAMETERS)), ("prompt", Chunk::Plain(GRAPH))];
    assert_eq!(read_as(&png(&both)), Some(text(GRAPH)));
    let japanese = PARAMETERS.replace("cat", "猫");
    assert_eq!(read_as(&png(&[("parameters", Chunk::International(&japanese))])), Some(text(&japanese)));
    for big in [true, false] {
        let comment = utf16(&japanese, big);
        assert_eq!(read_as(&jpeg_exif(&exif(&[], Some(&comment)))), Some(text(&japanese)));
        assert_eq!(read_as(&webp(&exif(&[(0x010e, b"x\0")], Some(&comment)))), Some(text(&japanese)));
    }
    let ascii = [b"ASCII\0\0\0", PARAMETERS.as_bytes()].concat();
    assert_eq!(read_as(&jpeg_exif(&exif(&[], Some(&ascii)))), Some(text(PARAMETERS)));
}

#[test]
fn words_of_cameras_and_programs_are_no_text() {
    let camera = exif(&[(0x010e, b"OLYMPUS DIGITAL CAMERA\0"), (0x010f, b"OLYMPUS\0")], Some(b"ASCII\0\0\0    "));
    assert_eq!(read_as(&jpeg_exif(&camera)), None);
    assert_eq!(read_as(&jpeg(&[(0xfe, b"CREATOR: gd-jpeg v1.0".to_vec())])), None);
    assert_eq!(read_as(&stamped(&[("Software", "gnuplot"), ("Comment", "Created with GIMP"), ("Title", "x")])), None);
    // One key alone is not Blender.
    assert_eq!(read_as(&stamped(&[("File", "a.txt")])), None);
    assert_eq!(read_as(&stamped(&[("Scene", "sunset"), ("Time", "00:00:01:00")])), None);
}

#[test]
fn stamps_of_blender_are_found_in_png_jpeg_and_exr() {
    let keys = [
        ("File", "/a.blend"),
        ("Date", "2025/03/01"),
        ("Time", "00:00:00:12"),
        ("Frame", "0012"),
        ("FrameRange", "1:250"),
        ("Scene", "S"),
    ];
    let stamps = Stamps {
        file: b"/a.blend".into(),
        scene: b"S".into(),
        frame: Some(12),
        range: Some((1, 250)),
        time: Some("00:00:00:12".to_owned()),
    };
    let wanted = Some(Embedded::Stamps(stamps));
    assert_eq!(read_as(&stamped(&keys)), wanted);
    let comments = keys.map(|(key, value)| (0xfe, format!("Blender:{key}:{value}\0").into_bytes()));
    assert_eq!(read_as(&jpeg(&comments)), wanted);
    let attributes = keys.map(|(key, value)| (key, "string", value));
    assert_eq!(read(&exr(&attributes).as_slice(), Format::Exr), wanted);
    let Some(Embedded::Stamps(negative)) = read_as(&stamped(&[("Frame", "-005"), ("FrameRange", "-5:8")])) else {
        panic!("stamps")
    };
    assert_eq!((negative.frame, negative.range), (Some(-5), Some((-5, 8))));
}

#[test]
fn long_texts_are_cut_and_bombs_are_not_blown_up() {
    let long = format!("{{{}", "x".repeat(LIMIT));
    let cut = Some(Embedded::Text { text: long.as_bytes()[..LIMIT].to_vec(), cut: true });
    assert_eq!(read_as(&png(&[("prompt", Chunk::Plain(&long))])), cut);
    // 16 MiB of zeros are a few kilobytes in the file, and stay so.
    let bomb = "0".repeat(16 << 20);
    let Some(Embedded::Text { text, cut: true }) = read_as(&png(&[("prompt", Chunk::Compressed(&bomb))])) else {
        panic!("a text that is cut")
    };
    assert!(text.len() < LIMIT, "{}", text.len());
}

/// A thousand comments that are not text, each of which would be read or blown up to the limit.
#[test]
fn a_hostile_file_does_not_make_work() {
    let long = "0".repeat(LIMIT);
    let mut found = Found::new();
    let file = png(&(0..900).map(|_| ("Comment", Chunk::Compressed(&long))).collect::<Vec<_>>());
    png::read(&file.as_slice(), &mut found).unwrap();
    assert_eq!(found.left, 0);
    assert!(found.text.is_none());
}

#[test]
fn one_reading_gives_the_size_and_the_origin() {
    let dir = tempfile::tempdir().unwrap();
    let frame = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let identity = identity_of(&fs::metadata(&path).unwrap());
        let (info, origin) = inspect_with_origin(&path, &identity, None).unwrap();
        assert_eq!(info, inspect(&path, &identity, None).unwrap());
        origin
    };
    let seeded = |seed: u64| png(&[("prompt", Chunk::Plain(&GRAPH.replace('7', &seed.to_string())))]);
    let (one, other) = (frame("1.png", &seeded(7)), frame("2.png", &seeded(9)));
    assert_eq!(one.compare(&one), Relation::Same);
    assert_eq!(one.compare(&other), Relation::Seed);
    assert_eq!(frame("3.png", &plain(ImageFormat::Png)), Origin::default());
    let stamped = frame("4.png", &stamped(&[("Frame", "12"), ("FrameRange", "1:250")]));
    assert_eq!(stamped.total(), Some(Total::Range { first: 1, last: 250 }));
}

#[test]
fn settings_beside_the_frames_state_the_total() {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("20250301120000_settings.txt");
    fs::write(settings, r#"{"animation_mode": "3D", "max_frames": 120}"#).unwrap();
    let total = |name: &str| settings_beside(&dir.path().join(name), None).total;
    assert_eq!(total("20250301120000_000000012.png"), NonZeroU64::new(120).map(Total::Frames));
    assert_eq!(total("20250301130000_000000012.png"), None);
}

/// What the video carries on of a file of these bytes.
fn texts_of(name: &str, bytes: &[u8]) -> texts::Texts {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    texts::read(&path, &identity_of(&fs::metadata(&path).unwrap())).unwrap()
}

#[test]
fn every_text_is_taken_whole() {
    let workflow = format!("{{\"nan\": NaN, \"x\": \"{}\"}}", "é".repeat(1 << 20));
    let japanese = PARAMETERS.replace("cat", "猫");
    let found = |texts: &[(&'static str, &str)]| {
        let texts = texts.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
        texts::Texts { texts, ..Default::default() }
    };
    let chunks = [
        ("prompt", Chunk::Plain(GRAPH)),
        ("workflow", Chunk::Compressed(&workflow)),
        ("Software", Chunk::Plain("reeld")),
        ("parameters", Chunk::International(&japanese)),
        ("prompt", Chunk::Plain("{}")),
    ];
    let all = found(&[("prompt", GRAPH), ("workflow", &workflow), ("parameters", &japanese)]);
    assert_eq!(texts_of("a.png", &png(&chunks)), all);
    let invoke = [("invokeai_metadata", "{\"m\":1}"), ("invokeai_workflow", "{}"), ("invokeai_graph", "{\"g\":1}")];
    assert_eq!(texts_of("a.png", &stamped(&invoke)), found(&invoke));

    let (prompt, graph) = ([b"prompt:", GRAPH.as_bytes(), b"\0"].concat(), b"Workflow:{\"w\":1}\0");
    let comfyui = exif(&[(0x010f, graph), (0x0110, &prompt)], Some(&utf16(&japanese, true)));
    let in_exif = found(&[("workflow", "{\"w\":1}"), ("prompt", GRAPH), ("parameters", &japanese)]);
    assert_eq!(texts_of("a.webp", &webp(&comfyui)), in_exif);
    assert_eq!(texts_of("a.jpg", &jpeg_exif(&comfyui)), in_exif);
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp] {
        assert_eq!(texts_of("a.bmp", &plain(format)), texts::Texts::default(), "{format:?}");
    }
}

#[test]
fn all_of_blenders_stamps_are_taken_and_one_alone_is_anybodys() {
    let keys = [("File", "/a.blend"), ("Date", "2025/03/01"), ("RenderTime", "00:01.50"), ("Frame", "0012")];
    let stamps = keys.map(|(key, value)| (key, value.to_owned())).to_vec();
    assert_eq!(texts_of("a.png", &stamped(&keys)), texts::Texts { stamps, ..Default::default() });
    assert_eq!(texts_of("a.png", &stamped(&[("File", "a.txt")])), texts::Texts::default());
}

#[test]
fn a_text_that_is_too_long_or_damaged_is_left_out_and_named() {
    let long = "x".repeat((64 << 20) + 1);
    let (bomb, whole) = (Chunk::Compressed(&long), Chunk::Plain(GRAPH));
    let left_out =
        texts_of("a.png", &png(&[("workflow", bomb), ("prompt", whole), ("parameters", Chunk::Plain(&long))]));
    assert_eq!(left_out.texts, [("prompt", GRAPH.to_owned())]);
    // In the order of the file.
    assert_eq!(left_out.left_out, ["parameters", "workflow"]);
    let mut damaged = png(&[("workflow", Chunk::Compressed(&"w".repeat(1000)))]);
    let at = damaged.windows(9).position(|window| window == b"workflow\0").unwrap();
    damaged[at + 15] ^= 0xff;
    assert_eq!(texts_of("a.png", &damaged).left_out, ["workflow"]);
}

/// Latin-1, as the specification of PNG has it, and UTF-8, as some savers write all the same.
#[test]
fn plain_text_is_of_two_kinds() {
    for (bytes, wanted) in [(&b"caf\xe9"[..], "café"), ("café 猫".as_bytes(), "café 猫")] {
        let text = [b"parameters\0", bytes].concat();
        let mut file = plain(ImageFormat::Png);
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        // Nobody looks at the checksum.
        file.splice(33..33, [&length, &b"tEXt"[..], &text, &[0; 4]].concat());
        assert_eq!(texts_of("a.png", &file).texts, [("parameters", wanted.to_owned())]);
    }
}

#[test]
fn deforums_settings_are_taken_and_a_changed_frame_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("20250301120000_000000012.png");
    fs::write(&path, plain(ImageFormat::Png)).unwrap();
    fs::write(dir.path().join("20250301120000_settings.txt"), "{\"fps\": 12}").unwrap();
    let identity = identity_of(&fs::metadata(&path).unwrap());
    assert_eq!(texts::read(&path, &identity).unwrap().deforum.as_deref(), Some("{\"fps\": 12}"));
    let changed = crate::model::Identity { mtime_ns: identity.mtime_ns + 1, ..identity };
    texts::read(&path, &changed).unwrap_err();
    fs::remove_file(&path).unwrap();
    texts::read(&path, &identity).unwrap_err();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Real files with some bytes changed, or cut: there may be a text or not, but never a panic, and never more of it
    /// than the limit.
    #[test]
    fn damaged_files_do_not_panic(
        which in 0usize..6, changes in prop::collection::vec((0usize..2000, any::<u8>()), 1..8), cut in 0usize..3000,
    ) {
        let model = [b"prompt:", GRAPH.as_bytes()].concat();
        let exif = exif(&[(0x010e, b"x"), (0x0110, &model)], Some(&utf16(PARAMETERS, true)));
        let (format, mut bytes) = match which {
            0 => (Format::Png, png(&[("parameters", Chunk::Compressed(PARAMETERS)), ("prompt", Chunk::International(GRAPH))])),
            1 => (Format::Png, stamped(&[("Frame", "12"), ("FrameRange", "1:250"), ("Comment", GRAPH)])),
            2 => (Format::Jpeg, jpeg_exif(&exif)),
            3 => (Format::Jpeg, jpeg(&[(0xfe, b"Blender:Frame:12".to_vec()), (0xfe, b"Blender:Scene:S".to_vec())])),
            4 => (Format::WebP, webp(&exif)),
            _ => (Format::Exr, exr(&[("prompt", "string", GRAPH), ("Frame", "string", "12")])),
        };
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(cut.max(8));
        if let Some(Embedded::Text { text, .. }) = read(&bytes.as_slice(), format) {
            prop_assert!(text.len() <= 2 * LIMIT);
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("frame");
        fs::write(&path, &bytes).unwrap();
        let _ = texts::read(&path, &identity_of(&fs::metadata(&path).unwrap()));
    }

    #[test]
    fn noise_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Exr, Format::Tiff] {
            let _ = read(&bytes.as_slice(), format);
        }
        exif::read(&[b"II*\0\x08\0\0\0", bytes.as_slice()].concat(), &mut Found::new());
    }
}
