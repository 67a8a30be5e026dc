//! JPEG files that are previews of EXR or HDR frames.
//!
//! Blender writes one of the same stem beside each EXR where its previews are switched on. Taken for a film, they would
//! be a second video of the same shot, in fewer bits.

use std::collections::HashMap;

use bstr::BString;

use crate::sequence::group::family::Found;
use crate::sequence::group::reason::LeftAlone;
use crate::sequence::name::split_extension;

/// What is a preview among the names of one shape.
#[derive(Debug)]
pub(super) struct Previews<'n> {
    /// The frames by their stems.
    frames: HashMap<&'n [u8], &'n [u8]>,
    /// Drafts that are previews, with the extension of their frames.
    pub drafts: HashMap<u32, Vec<u8>>,
    /// Single names that are previews, by their places.
    pub alone: HashMap<u32, Vec<u8>>,
    /// How many more previews without a frame leave them previews.
    pub room: usize,
    /// Whether there are films that more frames could make previews.
    pub open: bool,
}

/// One preview in this many may have no frame: its EXR may be torn, or come after it.
const TEN: usize = 10;

/// Finds the previews: nine in ten of a film have a frame of their stem.
pub(super) fn find<'n>(found: &Found, names: &[&'n [u8]]) -> Previews<'n> {
    let mut previews = Previews {
        frames: HashMap::new(),
        drafts: HashMap::new(),
        alone: HashMap::new(),
        room: usize::MAX,
        open: false,
    };
    let name = |place: u32| names[place as usize];
    let first = |places: &mut dyn Iterator<Item = u32>| places.next().map(name);
    let drafts = || found.drafts.iter().map(|draft| draft.members.iter().map(|(_, place)| *place));
    // All names of a draft have one extension, except that a sign joins two families of one.
    let kinds =
        drafts().filter_map(|mut places| first(&mut places)).chain(found.alone.iter().map(|place| name(*place)));
    let (mut have_frames, mut have_jpegs) = (false, false);
    for name in kinds.chain(found.left.iter().map(|(place, _)| name(*place))) {
        have_frames |= is_frame(name);
        have_jpegs |= is_jpeg(name);
    }
    if !have_frames || !have_jpegs {
        return previews;
    }
    let left = found.left.iter().map(|(place, _)| *place);
    let all = drafts().flatten().chain(found.alone.iter().copied()).chain(left).map(name);
    for frame in all.filter(|name| is_frame(name)) {
        let Some((stem, _)) = split_extension(frame) else { continue };
        // Of an EXR and an HDR, the first by its bytes.
        let known = previews.frames.entry(stem).or_insert(frame);
        *known = (*known).min(frame);
    }
    for (at, places) in (0_u32..).zip(drafts()) {
        let total = places.len();
        let extension = previews.extension(places.map(name), total);
        previews.drafts.extend(extension.map(|extension| (at, extension)));
    }
    for place in &found.alone {
        let extension = previews.extension(std::iter::once(name(*place)), 1);
        previews.alone.extend(extension.map(|extension| (*place, extension)));
    }
    previews
}

impl Previews<'_> {
    /// The extension of the frames of these names, if they are previews.
    fn extension<'n>(&mut self, names: impl Iterator<Item = &'n [u8]>, total: usize) -> Option<Vec<u8>> {
        let (mut twins, mut first) = (0, None::<&[u8]>);
        for name in names {
            if !is_jpeg(name) {
                return None;
            }
            if let Some(frame) = split_extension(name).and_then(|(stem, _)| self.frames.get(stem)) {
                twins += 1;
                let frame = *frame;
                first = Some(first.map_or(frame, |first| first.min(frame)));
            }
        }
        if total == 0 {
            return None;
        }
        if twins == 0 || twins * TEN < (TEN - 1) * total {
            self.open = true;
            return None;
        }
        self.room = self.room.min((twins * TEN - (TEN - 1) * total) / (TEN - 1));
        first.and_then(split_extension).map(|(_, extension)| extension.to_vec())
    }

    /// Why a preview is left alone.
    pub(super) fn why(&self, name: &[u8], extension: &[u8]) -> LeftAlone {
        let frame = split_extension(name).and_then(|(stem, _)| self.frames.get(stem));
        LeftAlone::PreviewOf(frame.map_or_else(|| frame_of(name, extension), |frame| BString::from(*frame)))
    }
}

/// The frame of which `name` is the preview.
pub(super) fn frame_of(name: &[u8], extension: &[u8]) -> BString {
    let stem = split_extension(name).map_or(name, |(stem, _)| stem);
    [stem, b".", extension].concat().into()
}

fn has(name: &[u8], known: [&str; 2]) -> bool {
    split_extension(name)
        .is_some_and(|(_, extension)| known.iter().any(|known| extension.eq_ignore_ascii_case(known.as_bytes())))
}

fn is_frame(name: &[u8]) -> bool {
    has(name, ["exr", "hdr"])
}

fn is_jpeg(name: &[u8]) -> bool {
    has(name, ["jpg", "jpeg"])
}
