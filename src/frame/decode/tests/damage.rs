//! Damage that touches no pixel: the picture is the one that it was, and it is said.

use super::*;

/// A PNG chunk, with a checksum that is right or not.
fn chunk(name: [u8; 4], data: &[u8], is_right: bool) -> Vec<u8> {
    let named = [&name, data].concat();
    let checksum = crc32fast::hash(&named) ^ u32::from(!is_right);
    [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], &named, &checksum.to_be_bytes()].concat()
}

/// The picture, and what was noted of it.
fn read(bytes: &[u8], name: &str) -> Result<(Picture, Vec<Note>), FrameErrorKind> {
    let mut reading = Reading::default();
    let contents = Contents { changed_ns: None, digest: Digest::of(b"") };
    let picture = decode_bytes(bytes, name.into(), contents, &mut Vec::new(), &mut reading)?;
    Ok((picture, reading.notes))
}

#[test]
fn a_damaged_chunk_beside_the_pixels_of_a_png_is_passed_over() {
    let whole = encode(&drawing(31, 17), ImageFormat::Png);
    let (wanted, notes) = read(&whole, "a.png").unwrap();
    assert_eq!(notes, []);
    let pixels = whole.find(b"IDAT").unwrap() - 4;
    let end = whole.len() - 12;
    for (what, name, data) in [
        ("a text", b"tEXt", &b"prompt\0{}"[..]),
        ("a profile that cannot be inflated", b"iCCP", b"p\0\0no zlib"),
        ("a size of pixels", b"pHYs", &[0, 0, 0, 2, 0, 0, 0, 1, 0]),
        ("EXIF", b"eXIf", b"no EXIF"),
    ] {
        // A profile may stand before the pixels only.
        for place in [pixels, end].into_iter().take(if name == b"tEXt" { 2 } else { 1 }) {
            let damaged = [&whole[..place], &chunk(*name, data, false), &whole[place..]].concat();
            let (picture, notes) = read(&damaged, "a.png").unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(picture, wanted, "{what}");
            assert!(
                matches!(&notes[..], [Note::Doubt(text)] if text.contains("beside its pixels")),
                "{what}: {notes:?}"
            );
        }
    }
    // The same with the pixels themselves is an error.
    let mut damaged = whole.clone();
    let checksum = end - 4;
    damaged[checksum] ^= 1;
    assert!(matches!(read(&damaged, "a.png"), Err(FrameErrorKind::Decode(_))));
}

/// What breaks off within what stands after the pixels may be still being written: it is waited for.
#[test]
fn bytes_after_the_end_and_exif_of_nothing_cost_nothing() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp] {
        let whole = encode(&drawing(32, 16), format);
        let (wanted, _) = read(&whole, "a").unwrap();
        let long = [&whole[..], &b"junk after the end"[..], &[0xff, 0xd8, 0, 0]].concat();
        assert_eq!(read(&long, "a").unwrap().0, wanted, "{format:?}");
    }
    let whole = encode(&drawing(32, 16), ImageFormat::Jpeg);
    let (wanted, _) = read(&whole, "a.jpg").unwrap();
    for exif in [&b"Exif\0\0II*\0\xff\xff\xff\xff"[..], b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"] {
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        let broken = [&whole[..2], &[0xff, 0xe1], &length, exif, &whole[2..]].concat();
        assert_eq!(read(&broken, "a.jpg").unwrap().0, wanted);
    }
}
