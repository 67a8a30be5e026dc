//! The family and the shape of a name: the bytes that stand for them.
//!
//! Names of one family are equal but for their digits. Names of one shape, which holds one or more families, are equal but for
//! their digits, for dashes right before these, and for the extensions that previews concern: only names of one shape influence
//! each other, as `deciding.md` says.

use crate::sequence::group::cut::for_each_run;
use crate::sequence::group::folder::folder_family;
use crate::sequence::name::{NameRule, NameVerdict, split_folder, verdict};

/// Stands for digits, and for an extension that previews concern. No file name contains it.
const MARK: u8 = 0;

/// Extensions of frames that have previews, and of previews.
const WITH_PREVIEWS: [&str; 4] = ["exr", "hdr", "jpg", "jpeg"];

/// Finds the shape of a name. Reuses its buffer.
#[derive(Debug, Default)]
pub(crate) struct Shaper {
    shape: Vec<u8>,
    /// The folder that was met last, and its family: files come folder by folder.
    folder: Vec<u8>,
    folder_family: Vec<u8>,
}

impl Shaper {
    /// The shape of `name`; `None` where its name alone says that it is no frame, or does not fit the user's pattern.
    pub(crate) fn shape(&mut self, name: &[u8], rule: &NameRule) -> Option<&[u8]> {
        if verdict(name) != NameVerdict::MayBeFrame {
            return None;
        }
        let (folder, file) = split_folder(name);
        match rule {
            NameRule::Auto => {
                family(file, &mut self.shape);
                make_shape(&mut self.shape);
            }
            NameRule::Pattern(pattern) => {
                let marked = pattern.marks(file)?;
                self.shape.clear();
                for word in marked.film {
                    self.shape.extend_from_slice(word);
                    self.shape.push(MARK);
                }
            }
        }
        if !folder.is_empty() {
            if folder != self.folder {
                self.folder = folder.to_vec();
                self.folder_family = folder_family(folder);
            }
            self.shape.splice(0..0, self.folder_family.iter().copied());
        }
        Some(&self.shape)
    }
}

/// What the names of one family share: the text around the digits, the extension as spelt.
pub(super) fn family(name: &[u8], text: &mut Vec<u8>) {
    text.clear();
    let mut from = 0;
    for_each_run(name, |run| {
        text.extend_from_slice(&name[from..run.start]);
        text.push(MARK);
        from = run.end;
    });
    text.extend_from_slice(&name[from..]);
}

/// Makes the shape of a family: without the dashes right before digits, and with one mark for all extensions that concern
/// previews. All of the dashes go, because `render--0004` is of the film of `render-0004` where the last dash is a sign:
/// the films of two shapes never have the same pattern.
pub(super) fn make_shape(family: &mut Vec<u8>) {
    let mut kept = 0;
    for at in 0..family.len() {
        let byte = family[at];
        while byte == MARK && kept > 0 && family[kept - 1] == b'-' {
            kept -= 1;
        }
        family[kept] = byte;
        kept += 1;
    }
    family.truncate(kept);
    if let Some(dot) = family.iter().rposition(|byte| *byte == b'.')
        && has_previews(&family[dot + 1..])
    {
        family.truncate(dot + 1);
        family.push(MARK);
    }
}

fn has_previews(extension: &[u8]) -> bool {
    WITH_PREVIEWS.iter().any(|known| extension.eq_ignore_ascii_case(known.as_bytes()))
}

/// Numbers different keys in the order in which they are met.
#[derive(Debug)]
pub(super) struct Keys {
    slots: Vec<u32>,
    /// The hash and the end of each key.
    known: Vec<(u64, usize)>,
    bytes: Vec<u8>,
}

const FREE: u32 = u32::MAX;

impl Keys {
    pub(super) fn new() -> Self {
        Self { slots: vec![FREE; 64], known: Vec::new(), bytes: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// The key of this number.
    pub(super) fn get(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.known[id - 1].1 };
        &self.bytes[start..self.known[id].1]
    }

    /// The number of `key`, the next one if it is new.
    pub(super) fn id(&mut self, key: &[u8]) -> u32 {
        let hash = hash(key);
        let mut at = self.slot(hash);
        while self.slots[at] != FREE {
            let id = self.slots[at];
            if self.known[id as usize].0 == hash && self.get(id) == key {
                return id;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        // Fewer keys than names, whose places are 32 bits too.
        let id = u32::try_from(self.known.len()).unwrap_or(FREE - 1);
        self.slots[at] = id;
        self.bytes.extend_from_slice(key);
        self.known.push((hash, self.bytes.len()));
        if self.known.len() * 2 > self.slots.len() {
            self.grow();
        }
        id
    }

    fn grow(&mut self) {
        self.slots = vec![FREE; self.slots.len() * 4];
        for id in 0..self.known.len() {
            let mut at = self.slot(self.known[id].0);
            while self.slots[at] != FREE {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = u32::try_from(id).unwrap_or(FREE - 1);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a hash takes what bits it gets")]
    fn slot(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }
}

fn hash(key: &[u8]) -> u64 {
    let mut hash = 0x9E37_79B9_7F4A_7C15_u64 ^ key.len() as u64;
    for word in key.chunks(8) {
        let mut bytes = [0; 8];
        bytes[..word.len()].copy_from_slice(word);
        hash = (hash ^ u64::from_le_bytes(bytes)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        hash ^= hash >> 29;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(name: &str) -> Vec<u8> {
        Shaper::default().shape(name.as_bytes(), &NameRule::Auto).unwrap().to_vec()
    }

    #[test]
    fn names_that_can_influence_each_other_have_one_shape() {
        assert_eq!(shape("render-0001.png"), shape("render12.png"));
        assert_eq!(shape("r0001.exr"), shape("r7.JPG"));
        assert_eq!(shape("a_2025-03-01.png"), shape("a_20-1-1.png"));
        assert_eq!(shape("render--0001.png"), shape("render0001.png"));
        assert_ne!(shape("a1.png"), shape("a1.PNG"));
        assert_ne!(shape("a1.png"), shape("a1.jpg"));
        assert_ne!(shape("a-x1.png"), shape("ax1.png"));
        assert!(Shaper::default().shape(b".a1.png", &NameRule::Auto).is_none());
        assert!(Shaper::default().shape(b"a1.psd", &NameRule::Auto).is_none());
    }

    #[test]
    fn names_in_folders_that_follow_each_other_have_one_shape() {
        assert_eq!(shape("2025-03-01/a1.png"), shape("2025-12-31/a-02.png"));
        assert_eq!(shape("9MEDIA/a1.png"), shape("10MEDIA/a1.png"));
        assert_ne!(shape("9MEDIA/a1.png"), shape("9CANON/a1.png"));
        assert_ne!(shape("2025-03-01/left/1.png"), shape("2025-03-01/right/1.png"));
        assert_ne!(shape("1/1.png"), shape("1.png"));
    }

    #[test]
    fn keys_are_numbered_in_order() {
        let mut keys = Keys::new();
        let words: Vec<String> = (0..1000).map(|number| format!("key {number}")).collect();
        for (id, word) in (0..).zip(&words) {
            assert_eq!(keys.id(word.as_bytes()), id);
        }
        for (id, word) in (0..).zip(&words) {
            assert_eq!((keys.id(word.as_bytes()), keys.get(id)), (id, word.as_bytes()));
        }
        assert_eq!(keys.len(), 1000);
    }
}
