//! What the files of a batch turn out to be, before a pixel is decoded: the size of the video, the gaps, the odd ones out.
//!
//! Reads headers and end marks only. It decides what is encoded and what makes the batch less than perfect; it never
//! changes a file.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::encode::EncodeError;
use crate::encode::chunk::FrameFile;
use crate::encode::recipe::Source;
use crate::error::{Explain as _, chain};
use crate::frame::{FrameErrorKind, ImageInfo, Layer, PixelAspect, complete};
use crate::pipeline::error::JobError;
use crate::sequence::finish::MissingFrames;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::sizes::SizeChange;
use crate::sequence::{Anomaly, Batch, FrameNumber, TakenFor, Unreadable, order};
use crate::text::printable::Show as _;

/// The plan of a batch: what is fed to the encoder, and what was wrong.
#[derive(Debug)]
pub(crate) struct InspectedBatch {
    /// Size, depth and alpha of the video's source.
    pub(crate) source: Source,
    /// The shape of its pixels.
    pub(crate) aspect: PixelAspect,
    /// The frames in order, each with the number of pictures it stands for.
    pub(crate) frames: Vec<FrameFile>,
    /// Everything that makes the batch less than perfect.
    pub(crate) anomalies: Vec<Anomaly>,
}

/// Looks at every file of `batch`.
pub(crate) fn inspect_batch(
    batch: &Batch,
    missing: MissingFrames,
    max_hold: u32,
    size_change: SizeChange,
    layer: Option<&Layer>,
) -> Result<InspectedBatch, JobError> {
    let mut infos: Vec<(usize, ImageInfo)> = Vec::with_capacity(batch.frames.len());
    let mut anomalies = Vec::new();
    // A file that is there and cannot be read is one anomaly, not a missing number as well.
    let unreadable: Vec<FrameNumber> = batch.unreadable.iter().map(|file| file.number).collect();
    let missing_numbers = batch.missing.without(&unreadable);
    if !missing_numbers.is_empty() {
        anomalies.push(Anomaly::Missing { numbers: missing_numbers });
    }
    if !batch.rewritten.is_empty() {
        anomalies.push(Anomaly::Rewritten { numbers: batch.rewritten.clone() });
    }
    anomalies.extend(order::judge(&batch.pattern, &batch.frames));
    if let Some(TakenFor { surely_film: false, why }) = &batch.taken_for {
        anomalies.push(Anomaly::PerhapsStills { why: why.clone() });
    }
    let mut unreadable = batch.unreadable.clone();
    let mut first_error = None;
    for (index, frame) in batch.frames.iter().enumerate() {
        match complete::inspect(&batch.path_of(frame), &frame.identity, layer) {
            Ok(info) => infos.push((index, info)),
            Err(error) if matches!(error.kind, FrameErrorKind::Changed | FrameErrorKind::Vanished) => {
                // An unmounted disk is no reason to forget what was on it.
                return Err(if batch.dir.is_dir() {
                    JobError::FramesChanged(error)
                } else {
                    JobError::FolderGone { dir: batch.dir.to_path_buf() }
                });
            }
            Err(error) if error.kind.is_want() => return Err(EncodeError::BadFrame(error).into()),
            Err(error) => {
                unreadable.push(Unreadable { number: frame.number, reason: chain(&error.kind).to_string() });
                first_error.get_or_insert(error);
            }
        }
    }
    // One line, however many there are.
    if let Some(error) = &first_error {
        let count = unreadable.len() - batch.unreadable.len();
        tracing::warn!(path = %error.path.shown(), reason = %chain(&error.kind), hint = error.hint().unwrap_or_default(), count, "this frame cannot be read");
    }
    unreadable.sort_by_key(|file| file.number);
    anomalies.extend(Anomaly::unreadable(unreadable));
    let source = source_of(&infos).ok_or_else(|| match first_error {
        // Nothing is wrong with the files, as far as is known.
        Some(error) if error.retryable() => EncodeError::BadFrame(error).into(),
        _ => JobError::NoFrames { dir: batch.dir.to_path_buf() },
    })?;
    let is_odd = |(_, info): &&(usize, ImageInfo)| (info.width, info.height) != (source.width, source.height);
    if let Some((_, info)) = infos.iter().find(is_odd) {
        let mut numbers: Vec<FrameNumber> =
            infos.iter().filter(is_odd).map(|(at, _)| batch.frames[*at].number).collect();
        // In the order of time they do not ascend.
        numbers.sort_unstable();
        let numbers = NumberRanges::of(&numbers);
        anomalies.push(Anomaly::OtherSize { numbers, such_as: (info.width, info.height) });
    }
    refuse(batch, &anomalies, missing, size_change)?;
    let usable: BTreeSet<usize> = infos.iter().map(|(index, _)| *index).collect();
    let hold = (missing == MissingFrames::Hold && batch.pattern.has_gaps()).then_some(max_hold);
    let (frames, too_long) = plan(batch, &usable, hold);
    if !too_long.is_empty() {
        anomalies.push(Anomaly::NotHeld { numbers: NumberRanges::of_spans(too_long), most: max_hold });
    }
    Ok(InspectedBatch { source, aspect: aspect_of(batch, &infos, &source), frames, anomalies })
}

/// The most frequent size wins, the earlier one of equals: an intruder is more often a thumbnail than a film. Depth and
/// alpha are those of the richest frame of that size, so that nothing is lost.
fn source_of(infos: &[(usize, ImageInfo)]) -> Option<Source> {
    let mut votes: BTreeMap<(u32, u32), (usize, usize)> = BTreeMap::new();
    for (index, info) in infos {
        votes.entry((info.width, info.height)).or_insert((0, *index)).0 += 1;
    }
    let (&(width, height), _) = votes.iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)))?;
    let alike = || infos.iter().filter(|(_, info)| (info.width, info.height) == (width, height));
    Some(Source {
        width,
        height,
        deep: alike().any(|(_, info)| info.deep),
        linear: alike().any(|(_, info)| info.linear),
        alpha: alike().any(|(_, info)| info.alpha),
    })
}

/// The shape of the pixels of the first frame that counts. A video has one shape, so that others are said: their pixels are all
/// there.
fn aspect_of(batch: &Batch, infos: &[(usize, ImageInfo)], source: &Source) -> PixelAspect {
    let mut alike = infos.iter().filter(|(_, info)| (info.width, info.height) == (source.width, source.height));
    let aspect = alike.next().map_or(PixelAspect::SQUARE, |(_, info)| info.aspect);
    if let Some((at, info)) = alike.find(|(_, info)| info.aspect != aspect) {
        let path = batch.path_of(&batch.frames[*at]);
        let other = info.aspect;
        tracing::warn!(path = %path.shown(), "its pixels are {other}, those of the first frame are {aspect}: the video has the latter");
    }
    aspect
}

/// The policies that turn an anomaly into a failure.
fn refuse(
    batch: &Batch,
    anomalies: &[Anomaly],
    missing: MissingFrames,
    size_change: SizeChange,
) -> Result<(), JobError> {
    let gaps = matches!(missing, MissingFrames::Error | MissingFrames::Wait);
    for anomaly in anomalies {
        match anomaly {
            Anomaly::Missing { .. } | Anomaly::Unreadable { .. } if gaps => {
                return Err(JobError::Incomplete { dir: batch.dir.to_path_buf(), what: anomaly.to_string() });
            }
            Anomaly::OtherSize { .. } if size_change == SizeChange::Error => {
                return Err(JobError::SizeChanges { dir: batch.dir.to_path_buf(), what: anomaly.to_string() });
            }
            _ => {}
        }
    }
    Ok(())
}

/// The frames in order. With `hold`, a frame also stands for the numbers after it that have none, if these are not more;
/// the gaps that are longer come beside them.
fn plan(
    batch: &Batch,
    usable: &BTreeSet<usize>,
    hold: Option<u32>,
) -> (Vec<FrameFile>, Vec<(FrameNumber, FrameNumber)>) {
    let mut frames: Vec<FrameFile> = Vec::with_capacity(usable.len());
    let mut too_long = Vec::new();
    for &index in usable {
        let frame = &batch.frames[index];
        if let (Some(most), Some(last)) = (hold, frames.last_mut()) {
            // In the order of time they need not ascend, and then nothing is missing between them.
            let gap = frame.number.saturating_sub(last.number).saturating_sub(1).max(0);
            match u32::try_from(gap) {
                Ok(gap) if gap <= most => last.repeat += gap,
                _ => too_long.push((last.number.saturating_add(1), frame.number.saturating_sub(1))),
            }
        }
        frames.push(FrameFile {
            path: batch.path_of(frame),
            identity: frame.identity,
            number: frame.number,
            repeat: 1,
        });
    }
    (frames, too_long)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Identity;
    use crate::sequence::finish::FinishReason;
    use crate::sequence::{Frame, Padding, Pattern};

    fn batch(numbers: &[FrameNumber]) -> Batch {
        let identity = Identity { dev: 1, ino: 1, size: 1, mtime_ns: 1 };
        Batch {
            dir: Arc::from(Path::new("/r")),
            pattern: Pattern::new("f_", ".png", Padding::Width(4)),
            frames: numbers.iter().map(|number| Frame { number: *number, name: None, identity }).collect(),
            unreadable: Vec::new(),
            previews: Vec::new(),
            rewritten: NumberRanges::default(),
            missing: NumberRanges::default(),
            reason: FinishReason::Now,
            taken_for: None,
            makers_rate: None,
            made_by: None,
        }
    }

    fn planned(numbers: &[FrameNumber], hold: Option<u32>) -> (Vec<u32>, Vec<(FrameNumber, FrameNumber)>) {
        let all = (0..numbers.len()).collect();
        let (frames, too_long) = plan(&batch(numbers), &all, hold);
        (frames.iter().map(|frame| frame.repeat).collect(), too_long)
    }

    #[test]
    fn a_number_that_is_no_frames_is_not_waited_for_in_pictures() {
        assert_eq!(planned(&[1, 2, 20_241_126], Some(250)), (vec![1, 1, 1], vec![(3, 20_241_125)]));
        assert_eq!(planned(&[1, 252, 504], Some(250)), (vec![251, 1, 1], vec![(253, 503)]));
        assert_eq!(planned(&[1, 5], None), (vec![1, 1], vec![]));
    }

    #[test]
    fn frames_in_the_order_of_time_have_nothing_missing_where_they_go_back() {
        assert_eq!(planned(&[8, 3, 4], Some(250)), (vec![1, 1, 1], vec![]));
    }

    proptest! {
        #[test]
        fn no_frame_is_held_for_longer_than_it_may(numbers in prop::collection::vec(any::<FrameNumber>(), 1..20), most in any::<u32>()) {
            let (repeats, too_long) = planned(&numbers, Some(most));
            prop_assert_eq!(repeats.len(), numbers.len());
            prop_assert!(repeats.iter().all(|repeat| u64::from(*repeat) <= u64::from(most) + 1));
            prop_assert!(too_long.iter().all(|(first, last)| first <= last));
        }
    }
}
