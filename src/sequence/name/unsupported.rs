//! Numbered pictures in formats that reeld knows by their extension and cannot read. They are no frames, and are counted so
//! that nobody has to guess why there is no video of them.

use std::collections::BTreeMap;

use bstr::BString;

use crate::sequence::name::split_extension;

/// GIF is a video as often as a picture, and reeld makes it itself.
const GIF: &str = "GIF";

/// Extensions in lower case, and what they stand for.
const FORMATS: [(&str, &str); 62] = [
    ("avif", "AVIF"),
    ("heic", "HEIC"),
    ("heif", "HEIF"),
    ("hif", "HEIF"),
    ("jxl", "JPEG XL"),
    ("jxr", "JPEG XR"),
    ("wdp", "JPEG XR"),
    ("jp2", "JPEG 2000"),
    ("j2k", "JPEG 2000"),
    ("j2c", "JPEG 2000"),
    ("jpc", "JPEG 2000"),
    ("jpx", "JPEG 2000"),
    ("jpf", "JPEG 2000"),
    ("jls", "JPEG-LS"),
    ("3fr", "camera RAW"),
    ("ari", "camera RAW"),
    ("arw", "camera RAW"),
    ("cr2", "camera RAW"),
    ("cr3", "camera RAW"),
    ("crw", "camera RAW"),
    ("dcr", "camera RAW"),
    ("dng", "camera RAW"),
    ("erf", "camera RAW"),
    ("fff", "camera RAW"),
    ("gpr", "camera RAW"),
    ("iiq", "camera RAW"),
    ("mef", "camera RAW"),
    ("mos", "camera RAW"),
    ("nef", "camera RAW"),
    ("nrw", "camera RAW"),
    ("orf", "camera RAW"),
    ("pef", "camera RAW"),
    ("raf", "camera RAW"),
    ("raw", "camera RAW"),
    ("rw2", "camera RAW"),
    ("rwl", "camera RAW"),
    ("sr2", "camera RAW"),
    ("srf", "camera RAW"),
    ("srw", "camera RAW"),
    ("x3f", "camera RAW"),
    ("psd", "Photoshop"),
    ("psb", "Photoshop"),
    ("xcf", "GIMP"),
    ("kra", "Krita"),
    ("svg", "SVG"),
    ("sgi", "SGI"),
    ("rgb", "SGI"),
    ("rgba", "SGI"),
    ("iff", "IFF"),
    ("rla", "RLA"),
    ("rpf", "RPF"),
    ("pic", "Softimage PIC"),
    ("ras", "Sun raster"),
    ("pcx", "PCX"),
    ("dds", "DDS"),
    ("ktx2", "KTX"),
    ("pbm", "PBM"),
    ("pam", "PAM"),
    ("pfm", "PFM"),
    ("fits", "FITS"),
    ("fit", "FITS"),
    ("gif", GIF),
];

/// The format of the picture `name`, where reeld cannot read it; hidden ones are nobody's business.
#[must_use]
pub fn picture_format_of(name: &[u8]) -> Option<&'static str> {
    let (_, extension) = split_extension(name)?;
    if name.starts_with(b".") || name.starts_with(b"~") {
        return None;
    }
    let known = |(known, _): &&(&str, &str)| extension.eq_ignore_ascii_case(known.as_bytes());
    FORMATS.iter().find(known).map(|(_, format)| *format)
}

/// The same for numbered pictures: somebody may expect those to be frames.
#[must_use]
pub fn format_of(name: &[u8]) -> Option<&'static str> {
    let (stem, _) = split_extension(name)?;
    stem.iter().any(u8::is_ascii_digit).then(|| picture_format_of(name)).flatten()
}

/// The same without GIF, for folders that are watched: the GIFs there are most often finished films.
#[must_use]
pub fn still_format_of(name: &[u8]) -> Option<&'static str> {
    format_of(name).filter(|format| *format != GIF)
}

/// The names of one folder that are in formats which cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<&'static str, Counted>);

/// The names of one format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub count: usize,
    /// One of them.
    pub example: BString,
}

impl Tally {
    /// Counts a name of `format`.
    pub fn add(&mut self, format: &'static str, name: &[u8]) {
        match self.0.get_mut(format) {
            Some(counted) => counted.count += 1,
            None => drop(self.0.insert(format, Counted { count: 1, example: name.into() })),
        }
    }

    /// The formats, each with its names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Counted)> {
        self.0.iter().map(|(format, counted)| (*format, counted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequence::name::has_frame_extension;

    #[test]
    fn numbered_pictures_that_cannot_be_read_are_known() {
        for (name, format) in
            [("r_0001.psd", "Photoshop"), ("IMG_7.CR2", "camera RAW"), ("a 1.AVIF", "AVIF"), ("1.gif", "GIF")]
        {
            assert_eq!(format_of(name.as_bytes()), Some(format), "{name}");
        }
        assert_eq!(format_of(b"\xff1.heic"), Some("HEIC"));
        for name in ["a1.png", "a.psd", "._a1.psd", ".a1.psd", "~a1.psd", "a1.psd.tmp", "a1.mp4", "a1", "psd", ".psd"] {
            assert_eq!(format_of(name.as_bytes()), None, "{name}");
        }
        assert_eq!((still_format_of(b"1.gif"), still_format_of(b"1.psd")), (None, Some("Photoshop")));
    }

    #[test]
    fn no_extension_is_both_readable_and_not() {
        for (extension, _) in FORMATS {
            assert!(!has_frame_extension(format!("a.{extension}").as_bytes()), "{extension}");
            assert_eq!(extension, extension.to_ascii_lowercase());
        }
    }

    #[test]
    fn names_are_counted_by_format() {
        let mut tally = Tally::default();
        for name in ["a1.nef", "a2.arw", "b1.psd"] {
            tally.add(format_of(name.as_bytes()).unwrap(), name.as_bytes());
        }
        let counted: Vec<_> =
            tally.iter().map(|(format, Counted { count, example })| (format, *count, example.to_string())).collect();
        assert_eq!(counted, [("Photoshop", 1, "b1.psd".to_owned()), ("camera RAW", 2, "a1.nef".to_owned())]);
    }
}
