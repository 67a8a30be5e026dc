//! OpenEXR: the offset table has no holes, and its last block is within the file.
//!
//! Writers leave the table zero until they close the file, so a table without holes is the format's end mark. The
//! layout is that of "OpenEXR File Layout" (openexr.com).

use exr::meta::attribute::Text;
use exr::meta::header::Header as Part;

use crate::error::chain;
use crate::frame::complete::bytes::Bytes;
use crate::frame::note::Note;
use crate::frame::{FrameErrorKind, ImageInfo, Layer, Orientation, PixelAspect, limits};

/// Bits of the version field.
const TILED: u32 = 0x200;
const DEEP: u32 = 0x800;
const MULTI_PART: u32 = 0x1000;

pub(super) fn examine(bytes: &dyn Bytes, layer: Option<&Layer>) -> Result<ImageInfo, FrameErrorKind> {
    let version = u32::from_le_bytes(bytes.array(4)?);
    if version & DEEP != 0 {
        return Err(FrameErrorKind::Unsupported("deep EXR".into()));
    }
    let multi_part = version & MULTI_PART != 0;
    let mut cursor = Cursor { bytes, offset: 8 };
    let mut blocks = 0;
    // Whether each part is made of tiles. In a multi-part file only the part itself says so.
    let mut parts = Vec::new();
    loop {
        let header = cursor.header()?;
        let tiled = if multi_part { header.tiles.is_some() } else { version & TILED != 0 };
        blocks += header.blocks(tiled)?;
        parts.push(tiled);
        if !multi_part {
            break;
        }
        // Headers end with an empty one.
        if bytes.array(cursor.offset)? == [0] {
            cursor.offset += 1;
            break;
        }
    }
    let last = last_block(bytes, cursor.offset, blocks)?;
    let (tiled, start) = if multi_part {
        let part = u32::from_le_bytes(bytes.array(last)?);
        (usize::try_from(part).ok().and_then(|part| parts.get(part)), last.saturating_add(4))
    } else {
        (parts.first(), last)
    };
    let tiled = *tiled.ok_or_else(|| FrameErrorKind::Decode("a block of no part".into()))?;
    check_block(bytes, start, tiled)?;
    let reader = exr::block::read(bytes.reader(), false)?;
    let layer = ExrLayer::of(reader.headers(), layer)?;
    let shared = &reader.headers()[layer.header].shared_attributes;
    let size = shared.display_window.size;
    let pixels = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    Ok(ImageInfo {
        width: pixels(size.width()),
        height: pixels(size.height()),
        deep: true,
        linear: true,
        alpha: layer.alpha.is_some(),
        orientation: Orientation::UPRIGHT,
        aspect: PixelAspect::of(shared.pixel_aspect.into()),
    })
}

/// The channels of a file that are its picture.
///
/// A renderer that writes several layers puts the name of each before its channels: `ViewLayer.Combined.R` (Blender),
/// `rgba.R`. Parts of a file are layers too, with channels that have such names or plain ones.
#[derive(Debug, PartialEq)]
pub(in crate::frame) struct ExrLayer {
    /// Which of the parts of the file has it.
    pub(in crate::frame) header: usize,
    pub(in crate::frame) colors: ExrColors,
    pub(in crate::frame) alpha: Option<Text>,
}

#[derive(Debug, PartialEq)]
pub(in crate::frame) enum ExrColors {
    Rgb([Text; 3]),
    /// One channel for all three: luminance, a depth, a mask.
    Gray(Text),
}

/// What renderers call the finished picture, as the last word of a layer's name.
const BEAUTY: [&str; 8] = ["combined", "beauty", "rgba", "rgb", "composite", "color", "c", "main"];

/// How the channels of a colour picture end, and its alpha: in capitals nearly everywhere.
const LETTERS: [[&str; 4]; 2] = [["R", "G", "B", "A"], ["r", "g", "b", "a"]];

/// The letters of a direction, which somebody who names it wants to see as colours.
const DIRECTION: [&str; 4] = ["X", "Y", "Z", "A"];

/// How many layers are named where another one was asked for.
const NAMED: usize = 12;

impl ExrLayer {
    /// The layer of this name: a part of the file, what stands before the letters of channels, or one whole channel. Without a
    /// name, the one that looks like the picture.
    pub(in crate::frame) fn of(parts: &[Part], layer: Option<&Layer>) -> Result<Self, FrameErrorKind> {
        let Some(layer) = layer else { return Self::chosen(parts) };
        let flat = || parts.iter().enumerate().filter(|(_, part)| !part.deep);
        let is_named =
            |part: &Part| part.own_attributes.layer_name.as_ref().is_some_and(|name| name.eq(layer.as_str()));
        if let Some((header, part)) = flat().find(|(_, part)| is_named(part)) {
            return Self::chosen(std::slice::from_ref(part)).map(|chosen| Self { header, ..chosen });
        }
        for (header, part) in flat() {
            let of = |letter: &str| named(part, &format!("{layer}.{letter}"));
            for [red, green, blue, alpha] in LETTERS.into_iter().chain([DIRECTION]) {
                if let (Some(red), Some(green), Some(blue)) = (of(red), of(green), of(blue)) {
                    return Ok(Self { header, colors: ExrColors::Rgb([red, green, blue]), alpha: of(alpha) });
                }
            }
            let within = format!("{layer}.");
            let mut channels = part.channels.list.iter().map(|channel| &channel.name);
            let mut of_layer = channels.clone().filter(|name| name.to_string().starts_with(&within));
            let one = match (of_layer.next(), of_layer.next()) {
                (Some(one), None) => Some(one),
                _ => channels.find(|name| **name == *layer.as_str()),
            };
            if let Some(one) = one.cloned().or(of("Y")) {
                return Ok(Self { header, colors: ExrColors::Gray(one), alpha: of("A") });
            }
        }
        let mut there = layers(parts);
        let more = if there.len() > NAMED { " and others" } else { "" };
        there.truncate(NAMED);
        Err(FrameErrorKind::NoLayer(format!("no layer {layer}; there are {}{more}", there.join(", "))))
    }

    /// What there is to say where it was chosen of several. Plain R, G and B are the picture beyond doubt.
    pub(in crate::frame) fn choice(&self, parts: &[Part]) -> Option<Note> {
        let there = layers(parts);
        let of = match &self.colors {
            ExrColors::Rgb([red, ..]) => red.to_string(),
            ExrColors::Gray(gray) => gray.to_string(),
        };
        let name = parts.get(self.header).map(|part| layer_of(part, &of))?;
        (there.len() > 1).then(|| {
            let count = there.len();
            let text = format!(
                "an EXR with {count} layers, of which {name} is taken for the picture; `layer` names another one"
            );
            if of.contains('.') { Note::Doubt(text) } else { Note::Choice(text) }
        })
    }

    /// Plain R, G and B come first, then a layer that is called like a finished picture, then the first that has colours. In a
    /// file without any, luminance is the picture in grey, or else the only channel that there is. Of several others nobody
    /// can say which one is meant: a normal or a depth would pass for a picture.
    fn chosen(parts: &[Part]) -> Result<Self, FrameErrorKind> {
        let flat = || parts.iter().enumerate().filter(|(_, part)| !part.deep);
        let mut best: Option<(usize, Self)> = None;
        for (header, part) in flat() {
            for (channel, letters) in
                part.channels.list.iter().flat_map(|channel| LETTERS.map(|known| (channel, known)))
            {
                let name = channel.name.to_string();
                let [red, green, blue, alpha] = letters;
                let Some(prefix) = prefix_of(&name, red) else { continue };
                let of = |letter: &str| named(part, &format!("{prefix}{letter}"));
                let (Some(green), Some(blue)) = (of(green), of(blue)) else { continue };
                let last = prefix.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
                let rank = match BEAUTY.iter().position(|known| last.eq_ignore_ascii_case(known)) {
                    _ if prefix.is_empty() => 0,
                    Some(_) => 1,
                    None => 2,
                };
                if best.as_ref().is_none_or(|(found, _)| rank < *found) {
                    let colors = ExrColors::Rgb([channel.name.clone(), green, blue]);
                    best = Some((rank, Self { header, colors, alpha: of(alpha) }));
                }
            }
        }
        if let Some((_, layer)) = best {
            return Ok(layer);
        }
        // Colours that are kept as differences from the luminance, at half the size, are not read.
        if flat().any(|(_, part)| named(part, "RY").or(named(part, "BY")).is_some()) {
            return Err(FrameErrorKind::Unsupported("an EXR of luminance and chroma (Y, RY, BY)".into()));
        }
        for (header, part) in flat() {
            for channel in &part.channels.list {
                let name = channel.name.to_string();
                let Some(prefix) = prefix_of(&name, "Y") else { continue };
                let of = |letter: &str| named(part, &format!("{prefix}{letter}"));
                // With X and Z beside it, it is a direction.
                if of("X").is_none() && of("Z").is_none() {
                    return Ok(Self { header, colors: ExrColors::Gray(channel.name.clone()), alpha: of("A") });
                }
            }
        }
        let all = || flat().flat_map(|(header, part)| part.channels.list.iter().map(move |c| (header, &c.name)));
        let is_alpha = |name: &Text| prefix_of(&name.to_string(), "A").is_some();
        let others: Vec<_> = all().filter(|(_, name)| !is_alpha(name)).collect();
        let lone = if others.is_empty() { all().collect() } else { others };
        match lone[..] {
            [(header, name)] => Ok(Self { header, colors: ExrColors::Gray(name.clone()), alpha: None }),
            [] => Err(FrameErrorKind::Unsupported("an EXR without a channel that can be shown".into())),
            [(_, one), .., (_, other)] => Err(FrameErrorKind::Unsupported(format!(
                "an EXR without colours, of {} channels from {one} to {other}",
                lone.len()
            ))),
        }
    }
}

/// The name by which the layer of a channel is asked for: what stands before its last point, else its part, else itself.
fn layer_of(part: &Part, channel: &str) -> String {
    match (channel.rsplit_once('.'), &part.own_attributes.layer_name) {
        (Some((layer, _)), _) => layer.to_owned(),
        (None, Some(part)) => part.to_string(),
        (None, None) if matches!(channel, "R" | "G" | "B" | "A" | "r" | "g" | "b" | "a") => "R, G, B".to_owned(),
        (None, None) => channel.to_owned(),
    }
}

/// All layers of a file, in its order.
fn layers(parts: &[Part]) -> Vec<String> {
    let mut layers = Vec::new();
    for part in parts.iter().filter(|part| !part.deep) {
        for channel in &part.channels.list {
            let layer = layer_of(part, &channel.name.to_string());
            if !layers.contains(&layer) {
                layers.push(layer);
            }
        }
    }
    layers
}

/// The layer's name before `letter` in the name of a channel, with its point; nothing where the channel is called otherwise.
fn prefix_of<'n>(name: &'n str, letter: &str) -> Option<&'n str> {
    name.strip_suffix(letter).filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
}

fn named(part: &Part, name: &str) -> Option<Text> {
    part.channels.list.iter().find(|channel| channel.name.eq(name)).map(|channel| channel.name.clone())
}

impl From<exr::error::Error> for FrameErrorKind {
    fn from(error: exr::error::Error) -> Self {
        match error {
            exr::error::Error::Io(error) => error.into(),
            exr::error::Error::NotSupported(what) => Self::Unsupported(format!("EXR: {what}")),
            error => Self::Decode(chain(&error).to_string()),
        }
    }
}

/// The highest of the `blocks` offsets in the table at `table`; all of them must point past it.
fn last_block(bytes: &dyn Bytes, table: u64, blocks: u64) -> Result<u64, FrameErrorKind> {
    if blocks == 0 {
        return Err(FrameErrorKind::Decode("no blocks of pixels".into()));
    }
    limits::current().check_entries("blocks of pixels", blocks)?;
    let mut raw = vec![0; usize::try_from(blocks * 8).unwrap_or(0)];
    bytes.read_at(table, &mut raw)?;
    let mut last = 0;
    for entry in raw.as_chunks::<8>().0 {
        let offset = u64::from_le_bytes(*entry);
        if offset < table + blocks * 8 {
            return Err(FrameErrorKind::Torn("its offset table has holes".into()));
        }
        last = last.max(offset);
    }
    Ok(last)
}

/// The block whose coordinates begin at `start` ends within the file. A block of lines has its first line and its
/// length; a tile has two coordinates and two levels before the length.
fn check_block(bytes: &dyn Bytes, start: u64, tiled: bool) -> Result<(), FrameErrorKind> {
    let length = start.saturating_add(if tiled { 16 } else { 4 });
    let size = u64::from(u32::from_le_bytes(bytes.array(length)?));
    if length.saturating_add(4 + size) > bytes.len() {
        return Err(FrameErrorKind::Torn("its last block is cut".into()));
    }
    Ok(())
}

/// What the block count depends on.
#[derive(Default)]
struct Header {
    /// `chunkCount`, which parts of a multi-part file must have.
    chunks: Option<u64>,
    /// Lines of a block, by compression.
    lines: u64,
    /// Width and height of the data window.
    size: Option<(u64, u64)>,
    /// Width and height of a tile, and the level mode: one, mipmap, ripmap; rounding up.
    tiles: Option<(u64, u64, u8)>,
}

impl Header {
    fn blocks(&self, tiled: bool) -> Result<u64, FrameErrorKind> {
        if let Some(chunks) = self.chunks {
            return Ok(chunks);
        }
        let (width, height) = self.size.ok_or_else(|| FrameErrorKind::Decode("no data window".into()))?;
        match self.tiles {
            Some((across, down, mode)) if tiled => {
                if across == 0 || down == 0 {
                    return Err(FrameErrorKind::Decode("tiles without size".into()));
                }
                if mode & 0x0f != 0 {
                    return Err(FrameErrorKind::Unsupported("an EXR with mipmap levels".into()));
                }
                Ok(width.div_ceil(across) * height.div_ceil(down))
            }
            _ => Ok(height.div_ceil(self.lines.max(1))),
        }
    }
}

struct Cursor<'a> {
    bytes: &'a dyn Bytes,
    offset: u64,
}

impl Cursor<'_> {
    /// Reads one header: attributes of name, type, length and value, closed by an empty name.
    fn header(&mut self) -> Result<Header, FrameErrorKind> {
        let mut header = Header::default();
        loop {
            let name = self.text()?;
            if name.is_empty() {
                return Ok(header);
            }
            self.text()?;
            let length = u64::from(u32::from_le_bytes(self.bytes.array(self.offset)?));
            let value = self.offset + 4;
            self.offset = value + length;
            match name.as_slice() {
                b"chunkCount" => header.chunks = Some(u64::from(u32::from_le_bytes(self.bytes.array(value)?))),
                b"compression" => header.lines = lines_of(self.bytes.array(value)?)?,
                // The picture; the data window is what the file has of it.
                b"displayWindow" => _ = self.window(value)?,
                b"dataWindow" => header.size = Some(self.window(value)?),
                b"tiles" => {
                    let [w0, w1, w2, w3, h0, h1, h2, h3, mode]: [u8; 9] = self.bytes.array(value)?;
                    let side = |raw| u64::from(u32::from_le_bytes(raw));
                    header.tiles = Some((side([w0, w1, w2, w3]), side([h0, h1, h2, h3]), mode));
                }
                _ => {}
            }
        }
    }

    /// Reads a name, which ends with a zero and has at most 255 bytes.
    fn text(&mut self) -> Result<Vec<u8>, FrameErrorKind> {
        let mut text = Vec::new();
        loop {
            let [byte] = self.bytes.array(self.offset)?;
            self.offset += 1;
            if byte == 0 {
                return Ok(text);
            }
            if text.len() == 255 {
                return Err(FrameErrorKind::Decode("an attribute name without an end".into()));
            }
            text.push(byte);
        }
    }

    /// The size of a box given by its first and last pixel.
    fn window(&self, value: u64) -> Result<(u64, u64), FrameErrorKind> {
        let corner = |at| Ok::<_, FrameErrorKind>(i64::from(i32::from_le_bytes(self.bytes.array(value + at)?)));
        let (left, top, right, bottom) = (corner(0)?, corner(4)?, corner(8)?, corner(12)?);
        match (u64::try_from(right - left + 1), u64::try_from(bottom - top + 1)) {
            (Ok(width), Ok(height)) if width > 0 && height > 0 => {
                // The decoder makes room for all of it, however little of it the picture shows.
                limits::current().check_pixels("a data window of ", width, height)?;
                Ok((width, height))
            }
            _ => Err(FrameErrorKind::Decode("an empty data window".into())),
        }
    }
}

/// How many lines a block has: none, RLE, ZIPS: 1; ZIP, PXR24: 16; PIZ, B44, B44A, DWAA: 32; DWAB: 256.
fn lines_of([compression]: [u8; 1]) -> Result<u64, FrameErrorKind> {
    match compression {
        0..=2 => Ok(1),
        3 | 5 => Ok(16),
        4 | 6..=8 => Ok(32),
        9 => Ok(256),
        other => Err(FrameErrorKind::Unsupported(format!("an EXR with compression {other}"))),
    }
}
