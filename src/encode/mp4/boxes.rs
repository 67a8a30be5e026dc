//! The boxes that mp4 and mov files are made of (ISO/IEC 14496-12, 4.2): where they are, never what they mean.
//!
//! Sizes come from the file and are believed only as far as the file reaches: a damaged one must not make reeld ask for
//! gigabytes of memory, or read for ever.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// The four letters of a box.
pub(in crate::encode) type BoxKind = [u8; 4];

/// A box of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::encode) struct BoxLocation {
    pub(in crate::encode) kind: BoxKind,
    /// Where it starts.
    pub(in crate::encode) start: u64,
    /// What is in it; the box ends where its contents do.
    pub(in crate::encode) contents: Range<u64>,
}

/// The boxes of a file, one after the other. What is in them is skipped, not read.
#[derive(Debug)]
pub(in crate::encode) struct Walk<'a, F> {
    file: &'a mut F,
    at: u64,
    end: u64,
}

impl<'a, F: Read + Seek> Walk<'a, F> {
    pub(in crate::encode) fn new(file: &'a mut F) -> io::Result<Self> {
        let end = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, at: 0, end })
    }

    /// The next box. An error where the file ends within one.
    pub(in crate::encode) fn next(&mut self) -> io::Result<Option<BoxLocation>> {
        let room = self.end.saturating_sub(self.at);
        if room == 0 {
            return Ok(None);
        }
        self.file.seek(SeekFrom::Start(self.at))?;
        let mut bytes = Vec::with_capacity(16);
        Read::by_ref(self.file).take(16).read_to_end(&mut bytes)?;
        let Some(head) = Head::of(&bytes, room) else {
            return Err(invalid("the file ends within a box"));
        };
        let start = self.at;
        self.at += head.length;
        Ok(Some(BoxLocation { kind: head.kind, start, contents: start + head.bytes..self.at }))
    }

    /// The box at `place` with its header, of at most `limit` bytes.
    pub(in crate::encode) fn read(&mut self, place: &BoxLocation, limit: u64) -> io::Result<Vec<u8>> {
        let length = place.contents.end - place.start;
        if length > limit {
            return Err(invalid(format!("a box of {length} bytes")));
        }
        self.file.seek(SeekFrom::Start(place.start))?;
        let mut bytes = Vec::new();
        Read::by_ref(self.file).take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}

/// The boxes in a box: kind and contents. It ends at the first that does not fit.
#[derive(Debug, Clone)]
pub(in crate::encode) struct Boxes<'a>(pub(in crate::encode) &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = (BoxKind, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let head = Head::of(self.0, self.0.len() as u64)?;
        let (whole, rest) = self.0.split_at_checked(usize::try_from(head.length).ok()?)?;
        self.0 = rest;
        Some((head.kind, whole.get(usize::try_from(head.bytes).ok()?..)?))
    }
}

/// What is no box, or not where it should be.
pub(in crate::encode) fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// The contents of the first box of `kind` in a box.
pub(in crate::encode) fn find(parent: &[u8], kind: BoxKind) -> Option<&[u8]> {
    Boxes(parent).find(|(found, _)| *found == kind).map(|(_, contents)| contents)
}

/// A big-endian number of four bytes at `at`.
pub(in crate::encode) fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A big-endian number of eight bytes at `at`.
pub(in crate::encode) fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

struct Head {
    kind: BoxKind,
    /// Of the header.
    bytes: u64,
    /// Of the box with its header.
    length: u64,
}

impl Head {
    /// The header at the start of `bytes`, if the whole box fits into `room` bytes.
    fn of(bytes: &[u8], room: u64) -> Option<Self> {
        let kind = *bytes.get(4..)?.first_chunk()?;
        let (header, length) = match number(bytes, 0)? {
            // To the end of what it is in.
            0 => (8, room),
            1 => (16, long(bytes, 8)?),
            length => (8, u64::from(length)),
        };
        (header <= length && length <= room).then_some(Self { kind, bytes: header, length })
    }
}

#[cfg(test)]
pub(in crate::encode) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// A box around `contents`.
    pub(crate) fn wrap(kind: BoxKind, contents: &[u8]) -> Vec<u8> {
        let length = u32::try_from(contents.len() + 8).unwrap();
        [&length.to_be_bytes(), kind.as_slice(), contents].concat()
    }

    fn walk(bytes: &[u8]) -> Vec<(BoxKind, Vec<u8>)> {
        let mut file = Cursor::new(bytes);
        let mut walk = Walk::new(&mut file).unwrap();
        let mut found = Vec::new();
        while let Ok(Some(place)) = walk.next() {
            let whole = walk.read(&place, u64::MAX).unwrap();
            let head = usize::try_from(place.contents.start - place.start).unwrap();
            found.push((place.kind, whole[head..].to_vec()));
        }
        found
    }

    #[test]
    fn every_way_to_write_a_size_is_read() {
        let long = [&1_u32.to_be_bytes(), b"long".as_slice(), &19_u64.to_be_bytes(), b"abc"].concat();
        let rest = [&0_u32.to_be_bytes(), b"rest".as_slice(), b"to the end"].concat();
        let bytes = [wrap(*b"some", b"12"), long, rest].concat();
        let wanted = [(*b"some", &b"12"[..]), (*b"long", b"abc"), (*b"rest", b"to the end")];
        assert_eq!(Boxes(&bytes).collect::<Vec<_>>(), wanted);
        assert_eq!(walk(&bytes), wanted.map(|(kind, contents)| (kind, contents.to_vec())));
    }

    #[test]
    fn a_file_that_ends_within_a_box_is_an_error() {
        let bytes = [wrap(*b"some", b"12"), wrap(*b"more", b"345")].concat();
        for cut in [11, 17, 20] {
            let mut file = Cursor::new(&bytes[..cut]);
            let mut walk = Walk::new(&mut file).unwrap();
            assert_eq!(walk.next().unwrap().unwrap().contents, 8..10);
            walk.next().unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn no_bytes_trouble_it(bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(20), any::<u8>()], 0..200)) {
            prop_assert_eq!(Boxes(&bytes).count(), walk(&bytes).len());
        }
    }
}
