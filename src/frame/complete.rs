//! Is the file whole? Its identity, its first bytes, its header and its end mark, without decoding it.
//!
//! Owns the only way a frame's file is opened: without following a link and without waiting for a pipe; and that a look ends,
//! whatever the file says, after as many bytes and steps as [`crate::frame::limits`] allows. It never reads
//! pixels; [`crate::frame::decode`] does, and checks the same marks on the bytes it has in memory.

use std::fs::File;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::files::identity_of;
pub(in crate::frame) use crate::frame::complete::bytes::Bytes;
pub(in crate::frame) use crate::frame::complete::bytes::FileBytes;
pub(in crate::frame) use crate::frame::complete::dpx::{
    Channels as DpxChannels, Layout as DpxLayout, Packing as DpxPacking, Transfer,
};
pub(in crate::frame) use crate::frame::complete::exr::{ExrColors, ExrLayer};
pub(crate) use crate::frame::complete::format::Format;
pub(in crate::frame) use crate::frame::complete::tiff::{Alpha as TiffAlpha, Color as TiffColor, Layout as TiffLayout};
use crate::frame::limits::{self, Metered};
use crate::frame::{FrameError, FrameErrorKind, ImageInfo, Layer, child, metadata};
use crate::model::Identity;
use crate::sequence::origin::Origin;

mod bytes;
mod dpx;
mod exr;
mod format;
mod jpeg;
mod plain;
mod png;
mod tiff;
mod webp;

/// How many bytes are read at once: for a header, and for one with the names of what generators write after it. A text
/// itself is one more reading.
pub(in crate::frame) const HEADER: usize = 512;
const HEADER_AND_NAMES: usize = 4 << 10;

/// Whether the file at `path` is still `expected` and a whole image, and what its header says.
///
/// Of an EXR, `layer` is the picture, or the one that looks like it where there is none. Costs a handful of small reads. A file that passes can still be damaged inside, which only decoding tells.
pub fn inspect(path: &Path, expected: &Identity, layer: Option<&Layer>) -> Result<ImageInfo, FrameError> {
    look(path, expected, layer, HEADER, |_, _| ()).map(|(info, ())| info)
}

/// The same as [`inspect`], and what a generator wrote into the file, from the same reading. A file that embeds nothing
/// has the default origin.
pub fn inspect_with_origin(
    path: &Path,
    expected: &Identity,
    layer: Option<&Layer>,
) -> Result<(ImageInfo, Origin), FrameError> {
    look(path, expected, layer, HEADER_AND_NAMES, |bytes, format| {
        metadata::read(bytes, format).as_ref().map(Origin::of).unwrap_or_default()
    })
}

fn look<T>(
    path: &Path,
    expected: &Identity,
    layer: Option<&Layer>,
    head: usize,
    more: impl FnOnce(&FileBytes<'_>, Format) -> T,
) -> Result<(ImageInfo, T), FrameError> {
    let look = || {
        let (file, identity) = open(path)?;
        if identity != *expected {
            return Err(FrameErrorKind::Changed);
        }
        let bytes = FileBytes::new(&file, identity.size, head)?;
        let format = Format::of(&bytes, path)?;
        // What generators embed is read by reeld's own code, and bounded; so are the headers of the formats that are not foreign.
        let info = if format.is_foreign() && child::is_enabled() {
            child::look(&file, path, layer)?
        } else {
            examine(&bytes, path, layer)?.1
        };
        Ok((info, more(&bytes, format)))
    };
    look().map_err(|kind| kind.at(path))
}

/// Opens a frame's file, and says which file it is. Links, pipes and devices are refused without waiting for them.
pub(crate) fn open(path: &Path) -> Result<(File, Identity), FrameErrorKind> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::LOOP) => return Err(FrameErrorKind::NotAFile("a symbolic link")),
        Err(rustix::io::Errno::NXIO) => return Err(FrameErrorKind::NotAFile("a socket or a device")),
        Err(error) => return Err(std::io::Error::from(error).into()),
    };
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(FrameErrorKind::NotAFile("a folder"));
    }
    if !meta.is_file() {
        return Err(FrameErrorKind::NotAFile("a pipe or a device"));
    }
    if meta.len() == 0 {
        return Err(FrameErrorKind::Empty);
    }
    let most = limits::current().file_bytes;
    if meta.len() > most {
        return Err(FrameErrorKind::TooLarge(format!(
            "{} bytes; `file_bytes` under [limits] allows {most}",
            meta.len()
        )));
    }
    let identity = identity_of(&meta);
    Ok((file, identity))
}

/// The format by content, what the header says, and whether the end mark is there. Every reading counts against the limits,
/// so that no header can keep a look busy.
pub(crate) fn examine(
    bytes: &dyn Bytes,
    path: &Path,
    layer: Option<&Layer>,
) -> Result<(Format, ImageInfo), FrameErrorKind> {
    let metered = Metered::new(bytes, limits::current());
    metered.within_limits(examine_all(&metered, path, layer))
}

fn examine_all(bytes: &dyn Bytes, path: &Path, layer: Option<&Layer>) -> Result<(Format, ImageInfo), FrameErrorKind> {
    let format = Format::of(bytes, path)?;
    let info = match format {
        Format::Png => png::examine(bytes),
        Format::Jpeg => jpeg::examine(bytes),
        Format::WebP => webp::examine(bytes),
        Format::Tiff => tiff::examine(bytes),
        Format::Exr => exr::examine(bytes, layer),
        Format::Dpx => dpx::examine(bytes),
        Format::Plain(format) => plain::examine(bytes, format),
    }?;
    Ok((format, info.checked()?))
}

#[cfg(test)]
mod tests;
