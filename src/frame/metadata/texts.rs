//! All that generators wrote into a frame's file or beside it, whole, for the video to carry on.
//!
//! Owns which keys that are. A text is whole or left out, never cut, and stays as it was written: no JSON is read here.

use std::path::Path;

use super::{Collect, read_into, text_beside};
use crate::files::identity_of;
use crate::frame::complete::{self, FileBytes, Format, HEADER};
use crate::frame::{FrameError, FrameErrorKind};
use crate::model::Identity;

/// The most bytes of one text, and of all texts of a file. ComfyUI's page reads no more of any video.
const MOST: usize = 64 << 20;

/// Keys of ComfyUI, AUTOMATIC1111 and Forge (SwarmUI writes JSON under the same key), and InvokeAI, of which the last is that
/// of its version 2.
const KEYS: [&str; 7] =
    ["prompt", "workflow", "parameters", "invokeai_metadata", "invokeai_workflow", "invokeai_graph", "sd-metadata"];

/// Blender's stamps. What is typed in by hand (`Note`) is one of them.
const STAMPS: [&str; 14] = [
    "File",
    "Note",
    "Date",
    "Marker",
    "Time",
    "Frame",
    "FrameRange",
    "Camera",
    "Lens",
    "Scene",
    "Strip",
    "RenderTime",
    "Memory",
    "Hostname",
];

/// A stamp is longer than this in no file of Blender's.
const STAMP: usize = 64 << 10;

/// What a frame's file says of how it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// By the generator's own key, in the order of the file.
    pub texts: Vec<(&'static str, String)>,
    /// Blender's stamps, if there are at least two: one key alone may be anybody's.
    pub stamps: Vec<(&'static str, String)>,
    /// The settings that Deforum writes beside its frames.
    pub deforum: Option<String>,
    /// The keys of texts that are too long or damaged.
    pub left_out: Vec<&'static str>,
}

/// Reads them.
///
/// # Errors
///
/// When the file at `path` is no longer `expected`, or cannot be read.
pub fn read(path: &Path, expected: &Identity) -> Result<Texts, FrameError> {
    let look = || {
        let (file, identity) = complete::open(path)?;
        if identity != *expected {
            return Err(FrameErrorKind::Changed);
        }
        let bytes = FileBytes::new(&file, identity.size, HEADER)?;
        let mut all = All { left: MOST, texts: Texts::default() };
        read_into(&bytes, Format::of(&bytes, path)?, &mut all);
        // A generator may have written it anew meanwhile.
        if identity_of(&file.metadata()?) != *expected {
            return Err(FrameErrorKind::Changed);
        }
        let mut texts = all.texts;
        if texts.stamps.len() < 2 {
            texts.stamps.clear();
        }
        match text_beside(path, MOST as u64 + 1) {
            Some(settings) if settings.len() > MOST => texts.left_out.push("deforum"),
            settings => texts.deforum = settings.map(text),
        }
        Ok(texts)
    };
    look().map_err(|kind| kind.at(path))
}

/// Text is UTF-8, or else Latin-1, which is what the PNG specification has for its plainest chunk: some savers keep to it, and
/// some do not. Latin-1 that happens to be UTF-8 as well is next to impossible in words.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}

struct All {
    /// How many bytes of texts are still taken.
    left: usize,
    texts: Texts,
}

impl Collect for All {
    fn take(&mut self, key: &[u8], length: usize) -> usize {
        let known = |keys: &[&'static str]| keys.iter().find(|known| known.as_bytes() == key).copied();
        match (known(&KEYS), known(&STAMPS)) {
            (Some(_), _) if length <= self.left => length,
            (Some(key), _) => {
                self.texts.left_out.push(key);
                0
            }
            (None, Some(_)) if length <= STAMP => length,
            _ => 0,
        }
    }

    /// What is read is not kept for long; what is kept counts when it is put.
    fn spend(&mut self, length: usize) -> usize {
        length.min(self.left)
    }

    fn most(&self) -> usize {
        self.left
    }

    /// The first of a key counts.
    fn put(&mut self, key: &[u8], value: Vec<u8>, cut: bool) {
        let known = |keys: &[&'static str]| keys.iter().find(|known| known.as_bytes() == key).copied();
        let texts = &mut self.texts;
        if let Some(key) = known(&KEYS) {
            if cut || value.len() > self.left {
                texts.left_out.push(key);
            } else if texts.texts.iter().all(|(there, _)| *there != key) {
                self.left -= value.len();
                texts.texts.push((key, text(value)));
            }
        } else if let Some(key) = known(&STAMPS)
            && !cut
            && texts.stamps.iter().all(|(there, _)| *there != key)
        {
            texts.stamps.push((key, text(value)));
        }
    }
}
