//! From the frames of a batch, in their order, to the frames of its video.
//!
//! Owns what a repetition is to the encoder: the same file again, which is decoded again, and what is read of it that time must
//! be what was read before.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::encode::chunk::FrameFile;
use crate::frame::FrameErrorKind;
use crate::frame::digest::Contents;
use crate::model::FrameRate;
use crate::pipeline::error::JobError;
use crate::sequence::playback::Playback;
use crate::sequence::{FrameNumber, Unreadable};

/// How many frames of a video show these, without the pauses.
pub(super) fn count(frames: &[FrameFile], playback: &Playback) -> u64 {
    playback.arrange(frames.iter().map(|frame| u64::from(frame.repeat)).collect()).into_iter().sum()
}

/// The frames as a video at `rate` shows them.
///
/// A pause is an entry of its own and not more of the first frame's: so the stretches of the others stay what they were when
/// they were encoded ahead.
pub(super) fn arranged(frames: Vec<FrameFile>, playback: &Playback, rate: FrameRate) -> Vec<FrameFile> {
    let mut frames = playback.arrange(frames);
    let (first, last) = playback.pauses(rate);
    let pause = |frame: Option<&FrameFile>, repeat: u32| {
        frame.filter(|_| repeat > 0).map(|frame| FrameFile { repeat, ..frame.clone() })
    };
    let (first, last) = (pause(frames.first(), first), pause(frames.last(), last));
    frames.splice(0..0, first);
    frames.extend(last);
    frames
}

/// What was read of each frame, once for each, however often it is shown.
///
/// # Errors
///
/// When something else was read of one the next time: then the video shows two files under one number.
pub(super) fn read_once(
    contents: Vec<(FrameNumber, Contents)>,
    frames: &[FrameFile],
) -> Result<Vec<(FrameNumber, Contents)>, JobError> {
    let mut known: HashMap<FrameNumber, Contents> = HashMap::with_capacity(contents.len());
    let mut once = Vec::with_capacity(contents.len());
    for (number, contents) in contents {
        match known.entry(number) {
            Entry::Vacant(new) => {
                new.insert(contents);
                once.push((number, contents));
            }
            Entry::Occupied(before) if before.get().digest == contents.digest => {}
            Entry::Occupied(_) => {
                let path = frames.iter().find(|frame| frame.number == number).map(|frame| frame.path.clone());
                let error = FrameErrorKind::Changed.at(&path.unwrap_or_default());
                return Err(JobError::FramesChanged(error));
            }
        }
    }
    Ok(once)
}

/// The frames that could not be used, each once, by ascending number.
pub(super) fn bad_once(mut bad: Vec<Unreadable>) -> Vec<Unreadable> {
    bad.sort_by_key(|file| file.number);
    bad.dedup_by_key(|file| file.number);
    bad
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::frame::digest::Digest;
    use crate::model::Identity;

    fn frames(count: i64) -> Vec<FrameFile> {
        let identity = Identity { dev: 1, ino: 1, size: 1, mtime_ns: 1 };
        let frame = |number| FrameFile { path: PathBuf::from(format!("f{number}")), identity, number, repeat: 1 };
        (1..=count).map(frame).collect()
    }

    #[test]
    fn pauses_are_entries_of_their_own_at_the_ends_of_all_rounds() {
        let playback = Playback {
            reverse: true,
            times: NonZeroU32::new(2).unwrap(),
            hold_first: Duration::from_secs(2),
            hold_last: Duration::from_secs(1),
            ..Playback::default()
        };
        let shown = arranged(frames(2), &playback, FrameRate::default());
        let shown: Vec<(i64, u32)> = shown.iter().map(|frame| (frame.number, frame.repeat)).collect();
        assert_eq!(shown, [(2, 48), (2, 1), (1, 1), (2, 1), (1, 1), (1, 24)]);
        assert_eq!(arranged(frames(3), &Playback::default(), FrameRate::default()), frames(3));
        assert_eq!(arranged(Vec::new(), &playback, FrameRate::default()), []);
    }

    #[test]
    fn what_is_read_twice_must_be_the_same() {
        let contents = |number: i64, bytes: &[u8]| (number, Contents { changed_ns: None, digest: Digest::of(bytes) });
        let twice = vec![contents(2, b"b"), contents(1, b"a"), contents(2, b"b")];
        assert_eq!(read_once(twice, &frames(2)).unwrap(), [contents(2, b"b"), contents(1, b"a")]);
        let error = read_once(vec![contents(2, b"b"), contents(2, b"c")], &frames(2)).unwrap_err();
        assert!(matches!(error, JobError::FramesChanged(ref of) if of.path.ends_with("f2")), "{error:?}");
    }

    #[test]
    fn a_bad_frame_is_one_however_often_it_is_shown() {
        let bad = |number| Unreadable { number, reason: "r".into() };
        assert_eq!(bad_once(vec![bad(3), bad(1), bad(3)]), [bad(1), bad(3)]);
    }
}
