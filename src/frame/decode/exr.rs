//! OpenEXR by the `exr` crate, which `image` uses too. Used directly because `image` reads only channels that are called R, G
//! and B.

use exr::block::chunk::TileCoordinates;
use exr::block::{BlockIndex, UncompressedBlock};
use exr::error::{Error, UnitResult};
use exr::image::read::image::{LayersReader, ReadLayers};
use exr::image::read::layers::{ChannelsReader, ReadChannels};
use exr::math::Vec2;
use exr::meta::MetaData;
use exr::meta::attribute::Text;
use exr::meta::header::Header;
use exr::prelude::{ReadSpecificChannel as _, read};

use crate::frame::complete::{Bytes, ExrColors, ExrLayer};
use crate::frame::decode::Pixels;
use crate::frame::note::Note;
use crate::frame::{FrameErrorKind, Layer};

pub(super) fn decode(
    bytes: &dyn Bytes,
    wanted: Option<&Layer>,
    notes: &mut Vec<Note>,
) -> Result<Pixels, FrameErrorKind> {
    let reader = exr::block::read(bytes.reader(), false)?;
    let layer = ExrLayer::of(reader.headers(), wanted)?;
    if wanted.is_none() {
        notes.extend(layer.choice(reader.headers()));
    }
    let part = layer.header;
    let header = &reader.headers()[part];
    let shown = header.shared_attributes.display_window;
    let picture = Picture {
        width: shown.size.width(),
        height: shown.size.height(),
        // The file may have less than the picture, which is black and transparent there, or more.
        offset: header.own_attributes.layer_position - shown.position,
        channels: if layer.alpha.is_some() { 4 } else { 3 },
    };
    let samples = read().no_deep_data().largest_resolution_level();
    // A layer without alpha asks for a name that no channel has, and the value that comes instead is not kept.
    let alpha = layer.alpha.unwrap_or_else(|| Text::new_or_panic("no alpha"));
    let count = picture.width * picture.height * picture.channels;
    let pixels = match layer.colors {
        ExrColors::Rgb([red, green, blue]) => {
            let channels = samples.specific_channels().required(red).required(green).required(blue);
            let channels = channels.optional(alpha, 1.0_f32).collect_pixels(
                move |_, _| vec![0_f32; count],
                move |pixels: &mut Vec<f32>, at, (r, g, b, a): (f32, f32, f32, f32)| {
                    picture.put(pixels, at, [r, g, b, a]);
                },
            );
            OnePart { part, channels }.all_attributes().from_chunks(reader)?.layer_data.pixels
        }
        ExrColors::Gray(gray) => {
            let channels = samples.specific_channels().required(gray).optional(alpha, 1.0_f32).collect_pixels(
                move |_, _| vec![0_f32; count],
                move |pixels: &mut Vec<f32>, at, (y, a): (f32, f32)| {
                    picture.put(pixels, at, [y, y, y, a]);
                },
            );
            OnePart { part, channels }.all_attributes().from_chunks(reader)?.layer_data.pixels
        }
    };
    Ok(if picture.channels == 4 { Pixels::RgbaF32(pixels) } else { Pixels::RgbF32(pixels) })
}

/// Reads one part of a file. The crate's own ways take the first part that has these channels, or all parts.
struct OnePart<C> {
    part: usize,
    channels: C,
}

impl<'s, C: ReadChannels<'s>> ReadLayers<'s> for OnePart<C> {
    type Layers = <C::Reader as ChannelsReader>::Channels;
    type Reader = OnePart<C::Reader>;

    fn create_layers_reader(&'s self, headers: &[Header]) -> exr::error::Result<Self::Reader> {
        let header = headers.get(self.part).ok_or_else(|| Error::Invalid("no such part".into()))?;
        Ok(OnePart { part: self.part, channels: self.channels.create_channels_reader(header)? })
    }
}

impl<R: ChannelsReader> LayersReader for OnePart<R> {
    type Layers = R::Channels;

    fn filter_block(&self, _: &MetaData, tile: TileCoordinates, block: BlockIndex) -> bool {
        block.layer == self.part && self.channels.filter_block(tile)
    }

    fn read_block(&mut self, headers: &[Header], block: UncompressedBlock) -> UnitResult {
        let header = headers.get(self.part).ok_or_else(|| Error::Invalid("no such part".into()))?;
        self.channels.read_block(header, block)
    }

    fn into_layers(self) -> Self::Layers {
        self.channels.into_channels()
    }
}

/// Where the pixels of a layer go.
#[derive(Clone, Copy)]
struct Picture {
    width: usize,
    height: usize,
    /// From the layer's first pixel to the picture's.
    offset: Vec2<i32>,
    channels: usize,
}

impl Picture {
    fn put(&self, pixels: &mut [f32], at: Vec2<usize>, values: [f32; 4]) {
        let along = |at: usize, offset: i32, size: usize| {
            let at = i64::try_from(at).ok()?.checked_add(i64::from(offset))?;
            usize::try_from(at).ok().filter(|at| *at < size)
        };
        let x = along(at.x(), self.offset.x(), self.width);
        let y = along(at.y(), self.offset.y(), self.height);
        if let (Some(x), Some(y)) = (x, y) {
            let start = (y * self.width + x) * self.channels;
            pixels[start..start + self.channels].copy_from_slice(&values[..self.channels]);
        }
    }
}
