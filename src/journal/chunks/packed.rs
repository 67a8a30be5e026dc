//! A list of frames as bytes: 44 for each, in little-endian order.
//!
//! ```text
//! 0      8     16     24     32          40       44
//! number  dev    ino    size   mtime_ns    repeat
//! i64     u64    u64    u64    i64         u32
//! ```

use crate::encode::chunk::Shown;
use crate::frame::digest::{Contents, Digest};
use crate::model::Identity;
use crate::sequence::FrameNumber;

const FRAME: usize = 44;

/// What was read of the frames: 24 bytes for each, the time and the digest. The time is the smallest number there is where it
/// says nothing.
const CONTENTS: usize = 24;

/// Why bytes are not a list of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("{0} bytes are not a whole number of frames")]
    Length(usize),
    #[error("not the frames that the row says")]
    NotTheFrames,
    #[error("frame {0} is out of order")]
    Order(FrameNumber),
    #[error("frame {0} is shown for no time")]
    NotShown(FrameNumber),
    #[error("what was read is not of as many frames")]
    NotOfTheFrames,
}

pub(super) fn pack(frames: &[Shown]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frames.len() * FRAME);
    for Shown { number, identity: Identity { dev, ino, size, mtime_ns }, repeat } in frames {
        bytes.extend_from_slice(&number.to_le_bytes());
        for word in [dev, ino, size] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&mtime_ns.to_le_bytes());
        bytes.extend_from_slice(&repeat.to_le_bytes());
    }
    bytes
}

/// The frames, if there are `count` of them, at least one, that ascend from `first` on, each shown at least once.
pub(super) fn unpack(bytes: &[u8], first: FrameNumber, count: i64) -> Result<Vec<Shown>, Damage> {
    let (records, []) = bytes.as_chunks::<FRAME>() else { return Err(Damage::Length(bytes.len())) };
    let frames: Vec<Shown> = records.iter().map(frame).collect();
    if frames.first().map(|frame| frame.number) != Some(first) || usize::try_from(count) != Ok(frames.len()) {
        return Err(Damage::NotTheFrames);
    }
    if let Some(pair) = frames.windows(2).find(|pair| pair[0].number >= pair[1].number) {
        return Err(Damage::Order(pair[1].number));
    }
    match frames.iter().find(|frame| frame.repeat == 0) {
        Some(frame) => Err(Damage::NotShown(frame.number)),
        None => Ok(frames),
    }
}

pub(super) fn pack_contents(contents: &[Contents]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(contents.len() * CONTENTS);
    for Contents { changed_ns, digest } in contents {
        bytes.extend_from_slice(&changed_ns.unwrap_or(i64::MIN).to_le_bytes());
        bytes.extend_from_slice(&digest.to_bytes());
    }
    bytes
}

/// What was read of `count` frames.
pub(super) fn unpack_contents(bytes: &[u8], count: usize) -> Result<Vec<Contents>, Damage> {
    let (records, []) = bytes.as_chunks::<CONTENTS>() else { return Err(Damage::Length(bytes.len())) };
    if records.len() != count {
        return Err(Damage::NotOfTheFrames);
    }
    let contents = |record: &[u8; CONTENTS]| {
        let (mut time, mut digest) = ([0; 8], [0; 16]);
        time.copy_from_slice(&record[..8]);
        digest.copy_from_slice(&record[8..]);
        let changed_ns = Some(i64::from_le_bytes(time)).filter(|time| *time != i64::MIN);
        Contents { changed_ns, digest: Digest::from_bytes(digest) }
    };
    Ok(records.iter().map(contents).collect())
}

fn frame(record: &[u8; FRAME]) -> Shown {
    let word = |index: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&record[index * 8..][..8]);
        word
    };
    let mut repeat = [0; 4];
    repeat.copy_from_slice(&record[40..]);
    let unsigned = |index| u64::from_le_bytes(word(index));
    Shown {
        number: i64::from_le_bytes(word(0)),
        identity: Identity {
            dev: unsigned(1),
            ino: unsigned(2),
            size: unsigned(3),
            mtime_ns: i64::from_le_bytes(word(4)),
        },
        repeat: u32::from_le_bytes(repeat),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(number: i64, repeat: u32) -> Shown {
        let identity = Identity { dev: 0x0201, ino: 3, size: u64::MAX, mtime_ns: -1 };
        Shown { number, identity, repeat }
    }

    #[test]
    fn frames_have_fixed_places() {
        let bytes = pack(&[shown(-2, 0x0504)]);
        let mut expected = vec![0xFE];
        expected.extend([0xFF; 7]);
        expected.extend([1, 2, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([0xFF; 16]);
        expected.extend([4, 5, 0, 0]);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn what_is_not_the_list_of_the_row_is_damaged() {
        let bytes = pack(&[shown(7, 1), shown(9, 2)]);
        assert_eq!(unpack(&bytes, 7, 2).unwrap(), [shown(7, 1), shown(9, 2)]);
        assert_eq!(unpack(&bytes[..87], 7, 2), Err(Damage::Length(87)));
        assert_eq!(unpack(&bytes[..44], 7, 2), Err(Damage::NotTheFrames));
        assert_eq!(unpack(&bytes, 8, 2), Err(Damage::NotTheFrames));
        for count in [0, 1, 3, -1, i64::MAX] {
            assert_eq!(unpack(&bytes, 7, count), Err(Damage::NotTheFrames));
        }
        assert_eq!(unpack(&[], 0, 0), Err(Damage::NotTheFrames));
        assert_eq!(unpack(&pack(&[shown(7, 1), shown(7, 1)]), 7, 2), Err(Damage::Order(7)));
        assert_eq!(unpack(&pack(&[shown(7, 1), shown(8, 0)]), 7, 2), Err(Damage::NotShown(8)));
    }

    #[test]
    fn what_was_read_comes_back_for_as_many_frames() {
        let read = [Some(-7), None].map(|changed_ns| Contents { changed_ns, digest: Digest::of(b"frame") });
        let bytes = pack_contents(&read);
        assert_eq!(unpack_contents(&bytes, 2).unwrap(), read);
        assert_eq!(unpack_contents(&bytes, 1), Err(Damage::NotOfTheFrames));
        assert_eq!(unpack_contents(&bytes[1..], 2), Err(Damage::Length(47)));
    }

    proptest! {
        #[test]
        fn what_is_packed_is_what_is_unpacked(
            frames in prop::collection::btree_map(any::<i64>(), any::<([u64; 3], i64, u32)>(), 1..50),
        ) {
            let frames: Vec<Shown> = frames.into_iter().map(|(number, ([dev, ino, size], mtime_ns, repeat))| {
                Shown { number, identity: Identity { dev, ino, size, mtime_ns }, repeat: repeat.max(1) }
            }).collect();
            let bytes = pack(&frames);
            let count = i64::try_from(frames.len()).unwrap();
            prop_assert_eq!(unpack(&bytes, frames[0].number, count), Ok(frames));
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200), first: i64, count in 0_i64..5) {
            let _ = unpack(&bytes, first, count);
        }
    }
}
