//! DPX (SMPTE ST 268:2003) and Cineon (Kodak, version 4.5): the pixels that the header describes are within the file.
//!
//! Owns what the headers say: the layout of the pixels and what their values mean. Both formats are a header of fixed places
//! and rows of values. What other programs make of one and the same value was compared with FFmpeg and `OpenImageIO`.

use crate::frame::complete::bytes::Bytes;
use crate::frame::{FrameErrorKind, ImageInfo, Orientation, PixelAspect};

/// The first bytes of the formats, which tell the order of bytes too.
pub(super) const MAGIC: [&[u8; 4]; 4] = [b"SDPX", b"XPDS", CINEON, b"\xd7\x5f\x2a\x80"];

const CINEON: &[u8; 4] = b"\x80\x2a\x5f\xd7";

/// What a number is when the writer left it out.
const UNDEFINED: u32 = u32::MAX;

/// Where the pixels are, and what they mean.
#[derive(Debug, Clone, Copy)]
pub(in crate::frame) struct Layout {
    pub(in crate::frame) width: u32,
    pub(in crate::frame) height: u32,
    pub(in crate::frame) channels: Channels,
    /// 8, 10, 12 or 16.
    pub(in crate::frame) bits: u8,
    pub(in crate::frame) packing: Packing,
    /// The first byte of a number is the highest.
    pub(in crate::frame) is_big_endian: bool,
    pub(in crate::frame) transfer: Transfer,
    /// Where the first row begins.
    pub(in crate::frame) start: u64,
    /// Bytes from the beginning of a row to that of the next.
    pub(in crate::frame) stride: u64,
    orientation: Orientation,
    aspect: PixelAspect,
}

/// The values of a pixel, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::frame) enum Channels {
    Gray,
    Rgb,
    Rgba,
    Abgr,
}

impl Channels {
    pub(in crate::frame) fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Rgba | Self::Abgr => 4,
        }
    }

    pub(in crate::frame) fn has_alpha(self) -> bool {
        matches!(self, Self::Rgba | Self::Abgr)
    }
}

/// How values that are no whole bytes share numbers of 16 or 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::frame) enum Packing {
    /// One after the other from the lowest bit up, without a gap within a row.
    Tight,
    /// Filled words ("method A"): three of 10 bits in the upper bits of 32, or one of 12 in those of 16.
    Upper,
    /// The same in the lower bits ("method B").
    Lower,
}

/// What a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::frame) enum Transfer {
    /// It is taken for sRGB, as that of any other picture: video, or nothing is said.
    Display,
    Linear,
    /// The density of a film print.
    Log,
}

pub(super) fn examine(bytes: &dyn Bytes) -> Result<ImageInfo, FrameErrorKind> {
    Ok(Layout::of(bytes)?.info())
}

impl Layout {
    pub(in crate::frame) fn of(bytes: &dyn Bytes) -> Result<Self, FrameErrorKind> {
        let magic: [u8; 4] = bytes.array(0)?;
        let header = Header { bytes, is_big_endian: magic == *MAGIC[0] || magic == *CINEON };
        if magic == *MAGIC[0] || magic == *MAGIC[1] { header.dpx() } else { header.cineon() }
    }

    fn info(&self) -> ImageInfo {
        let linear = self.transfer != Transfer::Display;
        let stored = ImageInfo {
            width: self.width,
            height: self.height,
            deep: linear || self.bits > 8,
            linear,
            alpha: self.channels.has_alpha(),
            orientation: Orientation::UPRIGHT,
            aspect: self.aspect,
        };
        stored.turned(self.orientation)
    }

    /// Bytes of a row, without what may fill it up.
    pub(in crate::frame) fn row(&self) -> u64 {
        let values = u64::from(self.width) * self.channels.count() as u64;
        match (self.bits, self.packing) {
            (8, _) => values,
            (10, Packing::Upper | Packing::Lower) => values.div_ceil(3) * 4,
            (10 | 12, Packing::Tight) => (values * u64::from(self.bits)).div_ceil(32) * 4,
            _ => values * 2,
        }
    }

    /// The same with its stride, if all rows are there. `padding` bytes follow each row, as the header says; `is_short` where it
    /// also says that the file is to be longer.
    ///
    /// A row is filled up to a multiple of four bytes, but not by every writer, and not every writer that says how much
    /// follows a row means it: what fits into the file is taken, as FFmpeg does.
    fn within(self, length: u64, padding: u32, is_short: bool) -> Result<Self, FrameErrorKind> {
        let (row, rows) = (self.row(), u64::from(self.height));
        let padding = if padding == UNDEFINED { 0 } else { u64::from(padding) };
        let aligned = row.next_multiple_of(4);
        let strides = [aligned + padding, aligned, row];
        // After the last row nothing needs to follow.
        let end = |stride: u64| self.start.saturating_add(stride * rows.saturating_sub(1) + row);
        let strides = &strides[..if is_short { 2 } else { 3 }];
        let fitting = strides.iter().copied().find(|stride| end(*stride) <= length);
        let wanted = strides.iter().copied().map(end).min().unwrap_or(0);
        let stride = fitting.ok_or_else(|| FrameErrorKind::Torn(format!("{length} of {wanted} bytes are there")))?;
        Ok(Self { stride, ..self })
    }
}

/// A header, the numbers of which are at fixed places.
struct Header<'a> {
    bytes: &'a dyn Bytes,
    is_big_endian: bool,
}

impl Header<'_> {
    fn long(&self, at: u64) -> Result<u32, FrameErrorKind> {
        let raw = self.bytes.array(at)?;
        Ok(if self.is_big_endian { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
    }

    fn short(&self, at: u64) -> Result<u16, FrameErrorKind> {
        let raw = self.bytes.array(at)?;
        Ok(if self.is_big_endian { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) })
    }

    /// Whether the length that the file is to have, at `at`, is more than it has.
    fn is_short(&self, at: u64) -> Result<bool, FrameErrorKind> {
        let length = self.long(at)?;
        Ok(length != UNDEFINED && u64::from(length) > self.bytes.len())
    }

    fn dpx(&self) -> Result<Layout, FrameErrorKind> {
        let unsupported = |what: String| Err(FrameErrorKind::Unsupported(format!("a DPX with {what}")));
        // The first of up to eight elements is the picture, as for FFmpeg: what follows is a mask or another eye.
        let [descriptor, transfer, _, bits] = self.bytes.array(800)?;
        let (packing, encoding) = (self.short(804)?, self.short(806)?);
        let (offset, of_element) = (self.long(4)?, self.long(808)?);
        let channels = match descriptor {
            6 => Channels::Gray,
            50 => Channels::Rgb,
            51 => Channels::Rgba,
            52 => Channels::Abgr,
            1..=3 => return unsupported("its colours in elements of their own".into()),
            100..=103 => return unsupported("YCbCr values".into()),
            other => return unsupported(format!("values of kind {other}")),
        };
        if !matches!(bits, 8 | 10 | 12 | 16) {
            return unsupported(format!("{bits} bits a channel"));
        }
        if encoding == 1 {
            return unsupported("run-length encoding".into());
        }
        if self.long(780)? == 1 {
            return unsupported("signed values".into());
        }
        let layout = Layout {
            width: self.long(772)?,
            height: self.long(776)?,
            channels,
            bits,
            packing: match packing {
                0 => Packing::Tight,
                // What has no meaning for 8 and 16 bits is often any number.
                1 => Packing::Upper,
                2 => Packing::Lower,
                _ if matches!(bits, 8 | 16) => Packing::Tight,
                other => return unsupported(format!("packing {other}")),
            },
            is_big_endian: self.is_big_endian,
            transfer: self.transfer(transfer)?,
            start: u64::from(if matches!(of_element, 0 | UNDEFINED) { offset } else { of_element }),
            stride: 0,
            orientation: turned(u8::try_from(self.short(768)?).ok(), [1, 2, 4, 3, 5, 6, 8, 7]),
            aspect: self.aspect()?,
        };
        layout.info().checked()?;
        layout.within(self.bytes.len(), self.long(812)?, self.is_short(16)?)
    }

    /// What the values of a DPX mean. FFmpeg says of every DPX that it writes that it is linear, whatever its values are.
    fn transfer(&self, said: u8) -> Result<Transfer, FrameErrorKind> {
        let creator: [u8; 4] = self.bytes.array(160)?;
        Ok(match said {
            1 | 3 => Transfer::Log,
            2 if creator != *b"Lavc" => Transfer::Linear,
            _ => Transfer::Display,
        })
    }

    /// The shape of pixels, in the second part of the header.
    fn aspect(&self) -> Result<PixelAspect, FrameErrorKind> {
        let (width, height) = (self.long(1628)?, self.long(1632)?);
        let is_there = width != UNDEFINED && height != UNDEFINED;
        Ok(if is_there { PixelAspect::of_pair(width.into(), height.into()) } else { PixelAspect::SQUARE })
    }

    fn cineon(&self) -> Result<Layout, FrameErrorKind> {
        let unsupported = |what: String| Err(FrameErrorKind::Unsupported(format!("a Cineon file with {what}")));
        let [orientation, count]: [u8; 2] = self.bytes.array(192)?;
        let [_, _, bits] = self.bytes.array(196)?;
        let [interleave, packing, signed, negative]: [u8; 4] = self.bytes.array(680)?;
        let channels = match count {
            1 => Channels::Gray,
            3 => Channels::Rgb,
            other => return unsupported(format!("{other} channels")),
        };
        if interleave != 0 && channels != Channels::Gray {
            return unsupported("its colours in planes of their own".into());
        }
        if signed != 0 || negative != 0 {
            return unsupported("signed or negative values".into());
        }
        let layout = Layout {
            width: self.long(200)?,
            height: self.long(204)?,
            channels,
            bits,
            packing: match (bits, packing & 0x7f) {
                (8, _) => Packing::Tight,
                (10, 5) => Packing::Upper,
                (10, 6) => Packing::Lower,
                (bits, packing) => return unsupported(format!("{bits} bits a channel in packing {packing}")),
            },
            is_big_endian: self.is_big_endian,
            transfer: Transfer::Log,
            start: u64::from(self.long(4)?),
            stride: 0,
            orientation: turned(Some(orientation), [1, 4, 2, 3, 5, 6, 8, 7]),
            aspect: PixelAspect::SQUARE,
        };
        layout.info().checked()?;
        layout.within(self.bytes.len(), self.long(684)?, self.is_short(20)?)
    }
}

/// The orientation of EXIF for one of these headers, of which `known` has one for each number.
fn turned(said: Option<u8>, known: [u8; 8]) -> Orientation {
    said.and_then(|said| known.get(usize::from(said))).map_or(Orientation::UPRIGHT, |exif| Orientation::from(*exif))
}
