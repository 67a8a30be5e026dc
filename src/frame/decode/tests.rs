//! Whole files give pictures; cut, damaged and foreign ones give errors, never half a picture.

use std::fs;
use std::io::Cursor;

use bstr::ByteSlice as _;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageEncoder};
use proptest::prelude::*;

use super::*;
use crate::error::Explain as _;
use crate::files::identity_of;
use crate::frame::complete::inspect;
use crate::frame::digest::Digest;

mod damage;
mod dpx;
mod exr;
mod tiff;

const FORMATS: [(ImageFormat, &str); 10] = [
    (ImageFormat::Png, "frame.png"),
    (ImageFormat::Jpeg, "frame.jpg"),
    (ImageFormat::WebP, "frame.webp"),
    (ImageFormat::Tiff, "frame.tif"),
    (ImageFormat::OpenExr, "frame.exr"),
    (ImageFormat::Bmp, "frame.bmp"),
    (ImageFormat::Tga, "frame.tga"),
    (ImageFormat::Qoi, "frame.qoi"),
    (ImageFormat::Hdr, "frame.hdr"),
    (ImageFormat::Pnm, "frame.ppm"),
];

/// A picture whose every row and column differs, so that nothing compresses away.
fn drawing(width: u32, height: u32) -> DynamicImage {
    let pixel = |x: u32, y: u32| {
        let mix = x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(2_246_822_519)) >> 7;
        image::Rgb([mix, x * 7 + y, y * 5].map(|value| value.to_le_bytes()[0]))
    };
    DynamicImage::ImageRgb8(ImageBuffer::from_fn(width, height, pixel))
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let image = match format {
        ImageFormat::OpenExr | ImageFormat::Hdr => DynamicImage::ImageRgb32F(image.to_rgb32f()),
        _ => image.clone(),
    };
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// EXIF that says nothing but this.
fn exif_of(orientation: u8) -> Vec<u8> {
    [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation], &[0; 7]].concat()
}

/// A file that stores `image` and says that it is to be turned.
fn encode_turned(image: &DynamicImage, format: ImageFormat, orientation: u8) -> Vec<u8> {
    fn write(mut encoder: impl ImageEncoder, image: &DynamicImage, exif: Vec<u8>) {
        encoder.set_exif_metadata(exif).unwrap();
        image.write_with_encoder(encoder).unwrap();
    }
    let (mut bytes, exif) = (Vec::new(), exif_of(orientation));
    match format {
        ImageFormat::Png => write(PngEncoder::new(&mut bytes), image, exif),
        ImageFormat::Jpeg => write(JpegEncoder::new_with_quality(&mut bytes, 100), image, exif),
        ImageFormat::WebP => write(WebPEncoder::new_lossless(&mut bytes), image, exif),
        other => panic!("{other:?} has no EXIF"),
    }
    bytes
}

/// Where the first stored row and the first stored column are shown, by the value of the tag (TIFF 6.0, page 36), and from
/// that where the stored pixel at `(x, y)` of a picture of `(width, height)` is shown.
fn shown_at(orientation: u8, (x, y): (u32, u32), (width, height): (u32, u32)) -> (u32, u32) {
    let (row, column) = match orientation {
        1 => ("top", "left"),
        2 => ("top", "right"),
        3 => ("bottom", "right"),
        4 => ("bottom", "left"),
        5 => ("left", "top"),
        6 => ("right", "top"),
        7 => ("right", "bottom"),
        8 => ("left", "bottom"),
        other => panic!("no orientation {other}"),
    };
    let from = |side: &str, at: u32, size: u32| if matches!(side, "top" | "left") { at } else { size - 1 - at };
    let (along_row, along_column) = (from(column, x, width), from(row, y, height));
    if matches!(row, "top" | "bottom") { (along_row, along_column) } else { (along_column, along_row) }
}

fn try_decode(bytes: &[u8], name: &str) -> Result<Picture, FrameErrorKind> {
    // Memory that another picture has left.
    let contents = Contents { changed_ns: None, digest: Digest::of(bytes) };
    decode_bytes(bytes, name.into(), contents, &mut vec![7; 100], &mut Reading::default())
}

#[test]
fn whole_files_are_pictures() {
    for (format, name) in FORMATS {
        for (width, height) in [(1, 1), (17, 13), (40, 33)] {
            let picture = try_decode(&encode(&drawing(width, height), format), name).unwrap();
            assert_eq!((picture.info.width, picture.info.height), (width, height), "{name}");
            assert!(!picture.info.alpha, "{name}");
            assert_eq!(picture.info.linear, matches!(picture.pixels, Pixels::RgbF32(_)), "{name}");
            if !picture.info.linear && format != ImageFormat::Jpeg {
                assert_eq!(picture.pixels, Pixels::Rgb8(drawing(width, height).into_rgb8().into_raw()), "{name}");
            }
        }
    }
}

#[test]
fn a_picture_is_turned_as_its_file_says() {
    let stored = drawing(17, 13).into_rgb8();
    for (format, name) in [(ImageFormat::Png, "a.png"), (ImageFormat::Jpeg, "a.jpg"), (ImageFormat::WebP, "a.webp")] {
        // What a format with losses makes of the picture is no matter here.
        let plain = try_decode(&encode_turned(&stored.clone().into(), format, 1), name).unwrap();
        let Pixels::Rgb8(plain) = plain.pixels else { panic!("{name}") };
        for orientation in 1..=8 {
            let bytes = encode_turned(&stored.clone().into(), format, orientation);
            let picture = try_decode(&bytes, name).unwrap();
            let Pixels::Rgb8(pixels) = &picture.pixels else { panic!("{name}") };
            let pixel = |pixels: &[u8], at: u32| pixels[3 * at as usize..][..3].to_vec();
            for (x, y) in (0..13).flat_map(|y| (0..17).map(move |x| (x, y))) {
                let (shown_x, shown_y) = shown_at(orientation, (x, y), (17, 13));
                let found = pixel(pixels, shown_y * picture.info.width + shown_x);
                assert_eq!(found, pixel(&plain, y * 17 + x), "{name} {orientation}: {x}, {y}");
            }
            assert_eq!(picture.info, complete::examine(&bytes.as_slice(), Path::new(name), None).unwrap().1);
        }
        for nonsense in [0, 9, 255] {
            let picture = try_decode(&encode_turned(&stored.clone().into(), format, nonsense), name).unwrap();
            assert_eq!(picture.pixels, Pixels::Rgb8(plain.clone()), "{name} {nonsense}");
        }
    }
}

/// The colours are those of the tests of `frame::profile`. That each format hands its profile on is what this is about.
#[test]
fn the_profile_of_each_format_is_applied() {
    fn write(mut encoder: impl ImageEncoder, profile: Vec<u8>) {
        encoder.set_icc_profile(profile).unwrap();
        let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([128, 64, 64]));
        DynamicImage::from(picture).write_with_encoder(encoder).unwrap();
    }
    let profile = || moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let mut files = [(); 4].map(|()| Cursor::new(Vec::new()));
    let [png, jpeg, webp, tiff] = &mut files;
    write(PngEncoder::new(png), profile());
    write(JpegEncoder::new_with_quality(jpeg, 100), profile());
    write(WebPEncoder::new_lossless(webp), profile());
    write(TiffEncoder::new(tiff), profile());
    for (file, name) in files.into_iter().zip(["a.png", "a.jpg", "a.webp", "a.tif"]) {
        let Pixels::Rgb8(pixels) = try_decode(&file.into_inner(), name).unwrap().pixels else { panic!("{name}") };
        for (found, wanted) in pixels.iter().zip([138_u8, 59, 62].iter().cycle()) {
            // JPEG is off by one or two by itself.
            assert!(found.abs_diff(*wanted) <= 3, "{name}: {found} for {wanted}");
        }
    }
}

/// What a PNG says of its colours in chunks of its own: the first of `cICP`, `sRGB`, `gAMA` counts.
#[test]
fn the_chunks_of_a_png_say_its_colours() {
    let with = |chunks: &[(&[u8; 4], &[u8])]| {
        let mut file =
            encode(&DynamicImage::from(image::RgbImage::from_pixel(2, 2, image::Rgb([128, 64, 64]))), ImageFormat::Png);
        for (name, data) in chunks.iter().rev() {
            let chunk = [name.as_slice(), data].concat();
            let length = u32::try_from(data.len()).unwrap().to_be_bytes();
            let sum = crc32fast::hash(&chunk).to_be_bytes();
            file.splice(33..33, [&length[..], &chunk, &sum].concat());
        }
        match try_decode(&file, "a.png").unwrap().pixels {
            Pixels::Rgb8(pixels) => [pixels[0], pixels[1], pixels[2]],
            other => panic!("{other:?}"),
        }
    };
    let p3: (&[u8; 4], &[u8]) = (b"cICP", &[12, 13, 0, 1]);
    let gamma = |value: u32| value.to_be_bytes();
    let (linear, usual) = (gamma(100_000), gamma(45_455));
    assert_eq!(with(&[p3]), [138, 59, 62]);
    assert_eq!(with(&[p3, (b"sRGB", &[0]), (b"gAMA", &linear)]), [138, 59, 62]);
    // 64 of 255 of the light is 137 in sRGB.
    assert_eq!(with(&[(b"gAMA", &linear)]), [188, 137, 137]);
    assert_eq!(with(&[(b"sRGB", &[0]), (b"gAMA", &linear)]), [128, 64, 64]);
    assert_eq!(with(&[(b"gAMA", &usual)]), [128, 64, 64]);
}

#[test]
fn every_truncation_is_an_error() {
    for (format, name) in FORMATS {
        let whole = encode(&drawing(23, 19), format);
        for length in 1..whole.len() {
            // The pixels of a TGA are whole before its footer, which is optional.
            let result = try_decode(&whole[..length], name);
            let padding = format == ImageFormat::Tga && length >= 18 + 23 * 19 * 3;
            assert!(result.is_err() || padding, "{name} cut to {length} of {} bytes became a picture", whole.len());
        }
    }
}

/// Formats with an end mark, or with a length in their header, need no decoding to tell.
#[test]
fn a_glance_tells_truncation_where_the_format_can() {
    for (format, name) in FORMATS {
        if matches!(format, ImageFormat::Hdr | ImageFormat::Pnm | ImageFormat::Tga) {
            continue;
        }
        let whole = encode(&drawing(23, 19), format);
        assert!(complete::examine(&whole.as_slice(), Path::new(name), None).is_ok(), "{name}");
        for length in 1..whole.len() {
            let seen = complete::examine(&&whole[..length], Path::new(name), None);
            assert!(seen.is_err(), "{name} cut to {length} of {} bytes looked whole", whole.len());
        }
    }
}

/// Most writers put the directory last; some put it first, and then its pixels can be cut.
#[test]
fn a_tiff_with_its_directory_first_is_checked_to_its_last_strip() {
    // Width, height, bits, no compression, black is zero, one strip after the directory, one sample, its length.
    let entries: [[u16; 4]; 8] = [
        [256, 3, 1, 4],
        [257, 3, 1, 4],
        [258, 3, 1, 8],
        [259, 3, 1, 1],
        [262, 3, 1, 1],
        [273, 3, 1, 110],
        [277, 3, 1, 1],
        [279, 3, 1, 16],
    ];
    let mut whole = b"II*\0\x08\0\0\0\x08\0".to_vec();
    for [tag, kind, count, value] in entries {
        whole.extend([tag, kind, count, 0, value, 0].map(u16::to_le_bytes).as_flattened());
    }
    whole.extend([0; 4]);
    whole.extend(0..16);
    assert_eq!(try_decode(&whole, "a.tif").unwrap().pixels, Pixels::Gray8((0..16).collect()));
    for length in 1..whole.len() {
        assert!(complete::examine(&&whole[..length], Path::new("a.tif"), None).is_err(), "{length} of {}", whole.len());
    }
}

#[test]
fn an_unfinished_png_is_torn_and_a_trailer_is_tolerated() {
    let mut whole = encode(&drawing(23, 19), ImageFormat::Png);
    assert!(matches!(try_decode(&whole[..whole.len() - 12], "a.png"), Err(FrameErrorKind::Torn(_))));
    whole.extend_from_slice(b"left by some writer");
    assert!(try_decode(&whole, "a.png").is_ok());
}

#[test]
fn every_flipped_bit_of_a_png_is_an_error() {
    let whole = encode(&drawing(9, 7), ImageFormat::Png);
    let picture = try_decode(&whole, "a.png").unwrap();
    for byte in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[byte] ^= 0x10;
        assert!(try_decode(&damaged, "a.png").is_err(), "byte {byte} of {picture:?}");
    }
}

/// What lenient decoders fill up with grey.
#[test]
fn a_jpeg_with_a_stray_mark_in_its_scan_is_an_error() {
    let whole = encode(&drawing(160, 160), ImageFormat::Jpeg);
    for place in [whole.len() / 3, whole.len() / 2, whole.len() * 9 / 10] {
        let mut damaged = whole.clone();
        damaged[place..place + 2].copy_from_slice(b"\xff\xf0");
        assert!(try_decode(&damaged, "a.jpg").is_err(), "{place} of {}", whole.len());
    }
}

/// A scan of a dozen bytes may say something about each of the pixels: a few megabytes of them would take hours.
#[test]
fn a_jpeg_of_very_many_scans_is_refused() {
    let whole = include_bytes!("progressive.jpg");
    let last = whole.rfind(b"\xff\xda").unwrap();
    let (scans, end) = (&whole[..whole.len() - 2], &whole[whole.len() - 2..]);
    let with = |more: usize| [scans, &whole[last..whole.len() - 2].repeat(more), end].concat();
    assert!(try_decode(&with(0), "a.jpg").is_ok());
    let refused = try_decode(&with(1000), "a.jpg").unwrap_err();
    assert!(refused.to_string().contains("scans"), "{refused}");
}

#[test]
fn an_end_mark_within_a_preview_does_not_count() {
    let whole = encode(&drawing(32, 32), ImageFormat::Jpeg);
    let mut with_preview = b"\xff\xd8\xff\xe1\x00\x08Exif\xff\xd9".to_vec();
    let start = with_preview.len();
    with_preview.extend_from_slice(&whole[2..]);
    assert!(try_decode(&with_preview, "a.jpg").is_ok());
    assert!(matches!(try_decode(&with_preview[..start], "a.jpg"), Err(FrameErrorKind::Torn(_))));
    let long_trailer = [&with_preview[..], &[7; 300]].concat();
    assert!(try_decode(&long_trailer, "a.jpg").is_ok());
}

#[test]
fn depth_and_alpha_are_kept() {
    let image = drawing(5, 4);
    let cases = [
        (DynamicImage::ImageLuma8(image.to_luma8()), ImageFormat::Png, (false, false), 1),
        (DynamicImage::ImageLumaA16(image.to_luma_alpha16()), ImageFormat::Png, (true, true), 2),
        (DynamicImage::ImageRgba8(image.to_rgba8()), ImageFormat::Png, (false, true), 4),
        (DynamicImage::ImageRgb16(image.to_rgb16()), ImageFormat::Png, (true, false), 3),
        (DynamicImage::ImageRgb16(image.to_rgb16()), ImageFormat::Tiff, (true, false), 3),
        (DynamicImage::ImageRgba8(image.to_rgba8()), ImageFormat::WebP, (false, true), 4),
        (DynamicImage::ImageRgba32F(image.to_rgba32f()), ImageFormat::OpenExr, (true, true), 4),
    ];
    for (image, format, (deep, alpha), channels) in cases {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        let picture = try_decode(&bytes.into_inner(), "frame").unwrap();
        assert_eq!((picture.info.deep, picture.info.alpha), (deep, alpha), "{format:?}");
        assert_eq!(picture.pixels.channels(), channels, "{format:?}");
    }
}

#[test]
fn a_header_cannot_ask_for_all_memory() {
    let mut png = encode(&drawing(3, 3), ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0xff, 0, 0, 0, 0xff, 0]);
    assert!(matches!(try_decode(&png, "a.png"), Err(FrameErrorKind::TooLarge(_))));
}

#[test]
fn what_is_no_frame_says_what_it_is() {
    let page = b"<!DOCTYPE html><html>404</html>";
    assert!(matches!(try_decode(page, "a.png"), Err(FrameErrorKind::NotAnImage)));
    assert!(matches!(try_decode(b"GIF89a.............", "a.png"), Err(FrameErrorKind::Unsupported(_))));
    assert!(matches!(try_decode(&[0; 4096], "a.png"), Err(FrameErrorKind::Torn(_))));
    let mut animated = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0crc_".to_vec();
    animated.extend_from_slice(b"\0\0\0\x08acTL\0\0\0\x02\0\0\0\0crc_");
    assert!(matches!(try_decode(&animated, "a.png"), Err(FrameErrorKind::Animated)));
}

#[test]
fn only_the_very_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("frame_0001.png");
    let bytes = encode(&drawing(8, 6), ImageFormat::Png);
    fs::write(&path, &bytes).unwrap();
    let identity = identity_of(&fs::metadata(&path).unwrap());
    assert_eq!(inspect(&path, &identity, None).unwrap(), Decoder::default().decode(&path, &identity).unwrap().info);

    let both = |path: &Path, identity: &Identity| {
        let (seen, decoded) =
            (inspect(path, identity, None).unwrap_err(), Decoder::default().decode(path, identity).unwrap_err());
        assert_eq!(seen.to_string(), decoded.to_string());
        assert!(
            seen.to_string().contains(&path.display().to_string()) && seen.hint().is_some_and(|hint| !hint.is_empty())
        );
        seen.kind
    };
    let other = Identity { mtime_ns: identity.mtime_ns + 1, ..identity };
    assert!(matches!(both(&path, &other), FrameErrorKind::Changed));

    let link = dir.path().join("link.png");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(both(&link, &identity), FrameErrorKind::NotAFile("a symbolic link")));
    assert!(matches!(both(dir.path(), &identity), FrameErrorKind::NotAFile("a folder")));
    let pipe = dir.path().join("pipe.png");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert!(matches!(both(&pipe, &identity), FrameErrorKind::NotAFile(_)));
    let empty = dir.path().join("empty.png");
    fs::write(&empty, b"").unwrap();
    assert!(matches!(both(&empty, &identity), FrameErrorKind::Empty));
    fs::remove_file(&path).unwrap();
    assert!(matches!(both(&path, &identity), FrameErrorKind::Vanished));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes_never_panic(
        format in 0usize..10, keep in 0usize..60, noise in prop::collection::vec(any::<u8>(), 0..400)
    ) {
        let (format, name) = FORMATS[format];
        let whole = encode(&drawing(6, 5), format);
        let bytes = [&whole[..keep.min(whole.len())], &noise].concat();
        if let Err(FrameErrorKind::Decode(text)) = try_decode(&bytes, name) {
            prop_assert!(!text.contains("gave up"), "{}: {}", name, text);
        }
    }

    #[test]
    fn damage_never_panics(format in 0usize..10, hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let (format, name) = FORMATS[format];
        let mut bytes = encode(&drawing(12, 9), format);
        for (place, value) in hits {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Err(FrameErrorKind::Decode(text)) = try_decode(&bytes, name) {
            prop_assert!(!text.contains("gave up"), "{}: {}", name, text);
        }
    }
}
