//! Which image format the first bytes are. The extension counts only for TGA, which has no mark of its own.

use std::path::Path;

use image::ImageFormat;

use crate::frame::FrameErrorKind;
use crate::frame::complete::bytes::Bytes;
use crate::frame::complete::dpx;

/// The formats that reeld tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Jpeg,
    WebP,
    Tiff,
    Exr,
    /// And Cineon.
    Dpx,
    /// Formats that are only a header and rows of pixels.
    Plain(ImageFormat),
}

/// First bytes of images that reeld knows by name and cannot decode.
const FOREIGN: [(&[u8], &str); 6] = [
    (b"GIF8", "GIF"),
    (b"8BPS", "a Photoshop document"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"DDS ", "DDS"),
];

impl Format {
    /// Whether it is looked at and decoded in a process of its own ([`crate::frame::child`]), as all that other people's code
    /// reads is. DPX is beside them because such pictures are large, and nothing is gained by having them here.
    ///
    /// PNG and JPEG are decoded here: a copy of each frame out of another process costs too much of the time that they take.
    /// Of 100 frames of 1920x1080 at `ultrafast`, an encode with PNG in children took 0.44 of the time of FFmpeg by hand instead
    /// of 0.39 (placeholders), and 0.61 instead of 0.57 (a fractal); 0.02 more is what it may cost.
    pub(in crate::frame) fn is_foreign(self) -> bool {
        match self {
            Self::Png | Self::Jpeg => false,
            Self::WebP | Self::Tiff | Self::Exr | Self::Dpx | Self::Plain(_) => true,
        }
    }

    /// Looks at the first bytes.
    pub(in crate::frame) fn of(bytes: &dyn Bytes, path: &Path) -> Result<Self, FrameErrorKind> {
        let mut head = [0; 18];
        let count = usize::try_from(bytes.len()).unwrap_or(usize::MAX).min(head.len());
        let (head, _) = head.split_at_mut(count);
        bytes.read_at(0, head)?;
        let head = &*head;

        let known: [(&[u8], Self); 11] = [
            (b"\x89PNG\r\n\x1a\n", Self::Png),
            (b"\xff\xd8\xff", Self::Jpeg),
            (b"II*\0", Self::Tiff),
            (b"MM\0*", Self::Tiff),
            (b"II+\0", Self::Tiff),
            (b"MM\0+", Self::Tiff),
            (b"\x76\x2f\x31\x01", Self::Exr),
            (b"qoif", Self::Plain(ImageFormat::Qoi)),
            (b"#?RADIANCE", Self::Plain(ImageFormat::Hdr)),
            (b"#?RGBE", Self::Plain(ImageFormat::Hdr)),
            (b"BM", Self::Plain(ImageFormat::Bmp)),
        ];
        if let Some((_, format)) = known.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Ok(*format);
        }
        if dpx::MAGIC.iter().any(|magic| head.starts_with(*magic)) {
            return Ok(Self::Dpx);
        }
        if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
            return Ok(Self::WebP);
        }
        if matches!(head, [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace()) {
            return Ok(Self::Plain(ImageFormat::Pnm));
        }
        if let Some((_, name)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Err(FrameErrorKind::Unsupported((*name).into()));
        }
        if let Some(brand) = head.get(4..12).filter(|brand| brand.starts_with(b"ftyp")) {
            let name = if brand.ends_with(b"avif") { "AVIF" } else { "HEIF or a video" };
            return Err(FrameErrorKind::Unsupported(name.into()));
        }
        // The writer has only begun: no image has so few bytes, and TGA is known by all of its header.
        let least = if has_extension(path, &["tga"]) { 18 } else { 12 };
        if count < least {
            return Err(FrameErrorKind::Torn("only its first bytes are there".into()));
        }
        if has_extension(path, &["tga"]) && looks_like_tga(head) {
            return Ok(Self::Plain(ImageFormat::Tga));
        }
        // A copy that pre-allocated its blocks, or a crash before the data reached the disk.
        if head.iter().all(|byte| *byte == 0) {
            return Err(FrameErrorKind::Torn("it begins with zeros".into()));
        }
        Err(FrameErrorKind::NotAnImage)
    }
}

fn has_extension(path: &Path, wanted: &[&str]) -> bool {
    path.extension().is_some_and(|found| wanted.iter().any(|wanted| found.eq_ignore_ascii_case(wanted)))
}

/// TGA's header: a colour map or none, a known image type, a depth that exists.
fn looks_like_tga(head: &[u8]) -> bool {
    match head {
        [_, map, kind, .., depth, _] if head.len() == 18 => {
            *map <= 1 && matches!(kind, 1 | 2 | 3 | 9 | 10 | 11) && matches!(depth, 8 | 15 | 16 | 24 | 32)
        }
        _ => false,
    }
}
