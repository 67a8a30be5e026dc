//! Which channels of an EXR are its picture, and each way of compression.

use ::exr::prelude::{
    AnyChannel, AnyChannels, Compression, Encoding, FlatSamples, Image, ImageAttributes, IntegerBounds, Layer,
    LayerAttributes, SmallVec, WritableImage as _,
};

use super::*;

/// A file with these parts, each with channels of one value throughout.
fn file(parts: &[&[(&str, f32)]], compression: Compression) -> Vec<u8> {
    let (width, height) = (3, 2);
    let layers = parts.iter().enumerate().map(|(index, channels)| {
        let channels: SmallVec<[_; 4]> = channels
            .iter()
            .map(|(name, value)| AnyChannel::new(*name, FlatSamples::F32(vec![*value; width * height])))
            .collect();
        let attributes = LayerAttributes::named(format!("part {index}").as_str());
        let encoding = Encoding { compression, ..Encoding::FAST_LOSSLESS };
        Layer::new((width, height), attributes, encoding, AnyChannels::sort(channels))
    });
    let window = IntegerBounds::from_dimensions((width, height));
    let image = Image::from_layers(ImageAttributes::new(window), layers.collect::<Vec<_>>());
    let mut bytes = Cursor::new(Vec::new());
    image.write().to_buffered(&mut bytes).unwrap();
    bytes.into_inner()
}

fn shown(parts: &[&[(&str, f32)]]) -> Vec<f32> {
    let bytes = file(parts, Compression::ZIP1);
    let picture = try_decode(&bytes, "a.exr").unwrap();
    assert_eq!(picture.info, complete::examine(&bytes.as_slice(), Path::new("a.exr"), None).unwrap().1);
    match picture.pixels {
        Pixels::RgbF32(values) => values[15..].to_vec(),
        Pixels::RgbaF32(values) => values[20..].to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_finished_picture_is_found_among_layers() {
    let plain = [("R", 1.0), ("G", 2.0), ("B", 3.0)];
    assert_eq!(shown(&[&plain]), [1.0, 2.0, 3.0]);
    assert_eq!(shown(&[&[plain.as_slice(), &[("A", 0.5)]].concat()]), [1.0, 2.0, 3.0, 0.5]);
    // Blender's names, with passes that come before it.
    let layers = [
        ("ViewLayer.AO.R", 9.0),
        ("ViewLayer.AO.G", 9.0),
        ("ViewLayer.AO.B", 9.0),
        ("ViewLayer.Combined.R", 1.0),
        ("ViewLayer.Combined.G", 2.0),
        ("ViewLayer.Combined.B", 3.0),
        ("ViewLayer.Combined.A", 0.5),
        ("ViewLayer.Depth.Z", 7.0),
    ];
    assert_eq!(shown(&[&layers]), [1.0, 2.0, 3.0, 0.5]);
    // Plain names win over all others.
    assert_eq!(shown(&[&[layers.as_slice(), &[("R", 4.0), ("G", 5.0), ("B", 6.0)]].concat()]), [4.0, 5.0, 6.0]);
    // No name says it: the first.
    let passes =
        [("albedo.R", 1.0), ("albedo.G", 2.0), ("albedo.B", 3.0), ("sss.R", 9.0), ("sss.G", 9.0), ("sss.B", 9.0)];
    assert_eq!(shown(&[&passes]), [1.0, 2.0, 3.0]);
    // Parts.
    assert_eq!(shown(&[&[("Z", 9.0)], &plain]), [1.0, 2.0, 3.0]);
    assert_eq!(shown(&[&[("C.R", 1.0), ("C.G", 2.0), ("C.B", 3.0)], &passes]), [1.0, 2.0, 3.0]);
}

#[test]
fn one_channel_is_a_grey_picture() {
    assert_eq!(shown(&[&[("Y", 0.5)]]), [0.5; 3]);
    assert_eq!(shown(&[&[("Y", 0.5), ("A", 0.25)]]), [0.5, 0.5, 0.5, 0.25]);
    assert_eq!(shown(&[&[("depth.Z", 0.5)]]), [0.5; 3]);
    assert_eq!(shown(&[&[("A", 0.5)]]), [0.5; 3]);
    // A lone red is not a picture in colours.
    assert_eq!(shown(&[&[("R", 0.5)]]), [0.5; 3]);
}

#[test]
fn luminance_is_found_whatever_its_layer_is_called() {
    assert_eq!(shown(&[&[("Y-pass.A", 0.25), ("Y-pass.Y", 0.5)]]), [0.5, 0.5, 0.5, 0.25]);
    assert_eq!(shown(&[&[("b", 3.0), ("g", 2.0), ("r", 1.0)]]), [1.0, 2.0, 3.0]);
}

#[test]
fn what_may_be_anything_is_no_picture() {
    for (channels, says) in [
        (&[("normal.X", 0.1), ("normal.Y", 0.2), ("normal.Z", 0.3)][..], "3 channels from normal.X to normal.Z"),
        (&[("A", 1.0), ("depth.Z", 0.2), ("mask.id", 0.3)], "2 channels from depth.Z to mask.id"),
        (&[("R", 0.2), ("G", 0.3)], "2 channels from G to R"),
    ] {
        let error = try_decode(&file(&[channels], Compression::ZIP1), "a.exr").unwrap_err();
        assert!(matches!(&error, FrameErrorKind::Unsupported(what) if what.contains(says)), "{error:?}");
    }
}

#[test]
fn colours_as_differences_from_the_luminance_are_named() {
    let error = try_decode(&file(&[&[("Y", 0.5), ("RY", 0.5), ("BY", 0.5)]], Compression::ZIP1), "a.exr").unwrap_err();
    assert!(error.to_string().contains("luminance and chroma"), "{error}");
}

#[test]
fn every_compression_is_read() {
    let channels = [("A", 1.0), ("R", 0.25), ("G", 0.5), ("B", 0.75)];
    for compression in [
        Compression::Uncompressed,
        Compression::RLE,
        Compression::ZIP1,
        Compression::ZIP16,
        Compression::PIZ,
        Compression::PXR24,
        Compression::B44,
        Compression::B44A,
        Compression::DWAA(None),
        Compression::DWAB(None),
    ] {
        let bytes = file(&[&channels], compression);
        let picture = try_decode(&bytes, "a.exr").unwrap_or_else(|error| panic!("{compression:?}: {error}"));
        let Pixels::RgbaF32(values) = picture.pixels else { panic!("{compression:?}") };
        for (found, wanted) in values.iter().zip([0.25, 0.5, 0.75, 1.0].iter().cycle()) {
            assert!((found - wanted).abs() < 0.01, "{compression:?}: {found} for {wanted}");
        }
        for length in [bytes.len() / 2, bytes.len() - 1] {
            assert!(try_decode(&bytes[..length], "a.exr").is_err(), "{compression:?} cut to {length}");
        }
    }
}

/// Written by OpenEXR's own library (3.4, from Python), as `tests/data/decoders/README.md` says with which values.
const LAYERS: &[u8] = include_bytes!("../../../../tests/data/decoders/layers.exr");
const PARTS: &[u8] = include_bytes!("../../../../tests/data/decoders/parts.exr");

/// The first pixel of a layer, and what is said of it.
fn first_of(bytes: &[u8], layer: Option<&str>) -> Result<(Vec<f32>, Vec<Note>), FrameErrorKind> {
    let mut reading = Reading { layer: layer.map(|name| name.parse().unwrap()), ..Reading::default() };
    let contents = Contents { changed_ns: None, digest: Digest::of(bytes) };
    let picture = decode_bytes(bytes, "a.exr".into(), contents, &mut Vec::new(), &mut reading)?;
    let looked = complete::examine(&bytes, Path::new("a.exr"), reading.layer.as_ref())?;
    assert_eq!(picture.info, looked.1);
    let pixel = match picture.pixels {
        Pixels::RgbF32(values) => values[..3].to_vec(),
        Pixels::RgbaF32(values) => values[..4].to_vec(),
        other => panic!("{other:?}"),
    };
    Ok((pixel, reading.notes))
}

#[test]
fn a_layer_that_is_named_is_the_picture() {
    for (bytes, layer, wanted) in [
        (LAYERS, "ViewLayer.Combined", &[0.25, 0.5, 0.75, 1.0][..]),
        (LAYERS, "ViewLayer.AO", &[1.0, 0.0, 1.0]),
        // A direction is shown as colours.
        (LAYERS, "ViewLayer.Normal", &[0.75, 0.5, 0.0]),
        (LAYERS, "ViewLayer.Depth", &[0.125; 3]),
        (LAYERS, "ViewLayer.Depth.Z", &[0.125; 3]),
        (LAYERS, "ViewLayer.Combined.G", &[0.5; 3]),
        (PARTS, "beauty", &[0.25, 0.5, 0.75]),
        (PARTS, "specular", &[0.5, 0.125, 0.0]),
    ] {
        assert_eq!(first_of(bytes, Some(layer)).unwrap(), (wanted.to_vec(), Vec::new()), "{layer}");
    }
}

#[test]
fn a_frame_without_the_layer_names_those_that_it_has() {
    for (bytes, names) in
        [(LAYERS, "ViewLayer.AO, ViewLayer.Combined, ViewLayer.Depth, ViewLayer.Normal"), (PARTS, "beauty, specular")]
    {
        // Names are told apart by the size of their letters too, and a part of a name is another one.
        for layer in ["diffuse", "viewlayer.combined", "ViewLayer", "Beauty"] {
            let error = first_of(bytes, Some(layer)).unwrap_err();
            assert!(matches!(error, FrameErrorKind::NoLayer(_)) && error.is_lasting(), "{error:?}");
            assert_eq!(error.to_string(), format!("the image has no layer {layer}; there are {names}"));
        }
    }
}

#[test]
fn a_layer_that_nobody_named_is_said() {
    let (pixel, notes) = first_of(LAYERS, None).unwrap();
    assert_eq!(pixel, [0.25, 0.5, 0.75, 1.0]);
    assert!(
        matches!(&notes[..], [Note::Doubt(text)] if text.contains("4 layers, of which ViewLayer.Combined is taken")),
        "{notes:?}"
    );
    let looked = complete::examine(&LAYERS, Path::new("a.exr"), None).unwrap().1;
    assert_eq!(looked.aspect.to_string(), "2:1");
    let (pixel, notes) = first_of(PARTS, None).unwrap();
    assert_eq!(pixel, [0.25, 0.5, 0.75]);
    assert!(matches!(&notes[..], [Note::Choice(text)] if text.contains("of which beauty is taken")), "{notes:?}");
    let plain = file(&[&[("R", 1.0), ("G", 2.0), ("B", 3.0)]], Compression::ZIP1);
    assert_eq!(first_of(&plain, None).unwrap().1, []);
}
