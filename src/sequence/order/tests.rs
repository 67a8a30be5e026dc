//! Single cases, and simulated writers by the thousand.

use proptest::prelude::*;

use super::*;
use crate::model::Identity;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::{FrameNumber, Kind, Padding};

mod writers;

const SECOND: i64 = 1_000_000_000;

fn pattern() -> Pattern {
    Pattern::new("shot.", ".png", Padding::Width(4))
}

fn frame(number: FrameNumber, mtime_ns: i64) -> Frame {
    Frame { number, name: None, identity: Identity { dev: 1, ino: 1, size: 1, mtime_ns } }
}

/// Frames whose times are in seconds.
fn frames(times: impl IntoIterator<Item = (FrameNumber, i64)>) -> Vec<Frame> {
    let mut frames: Vec<Frame> = times.into_iter().map(|(number, time)| frame(number, time * SECOND)).collect();
    frames.sort_by_key(|frame| frame.number);
    frames
}

/// Frames in the order in which they were written, a second each.
fn written(numbers: impl IntoIterator<Item = FrameNumber>) -> Vec<Frame> {
    frames(numbers.into_iter().zip(0..))
}

/// What is said of frames that were written in this order, where a later one of the same number is the one that stays.
fn said(numbers: impl IntoIterator<Item = FrameNumber>) -> Option<String> {
    let mut latest = std::collections::BTreeMap::new();
    for (number, time) in numbers.into_iter().zip(0..) {
        latest.insert(number, time);
    }
    judge(&pattern(), &frames(latest)).map(|anomaly| anomaly.to_string())
}

#[test]
fn a_second_run_over_the_first_is_seen() {
    assert_eq!(
        said((1..=100).chain(1..=40)).as_deref(),
        Some("frames 1-40 are newer than frames 41-100, which come after them")
    );
    assert!(said((0..12).chain(0..7)).is_some());
    // Three runs, each shorter than the one before.
    assert_eq!(
        said((1..=100).chain(1..=60).chain(1..=30)).as_deref(),
        Some("frames 1-30 are newer than frames 31-100, which come after them")
    );
    // And after the second run one frame of each was rendered again.
    assert!(said((1..=100).chain(1..=40).chain([20, 70])).is_some());
}

#[test]
fn what_is_no_second_run() {
    assert_eq!(said(1..=100), None);
    assert_eq!(said((1..=100).chain(1..=100)), None, "the second run was as long as the first");
    assert_eq!(said((1..=100).chain(8..=10)), None, "frames that were rendered again");
    assert_eq!(said((1..=100).chain(1..=4)), None);
    assert_eq!(said((1..=100).chain(30..=60)), None, "a chunk that failed and came last");
    assert_eq!(said((0..60).chain(48..100)), None, "a run that was resumed");
    assert_eq!(said((1..=100).rev()), None, "counted down");
    assert_eq!(said((1..=50).flat_map(|number| [number, 101 - number])), None, "from both ends");
    assert_eq!(said((1..=99).step_by(2).chain((2..=100).step_by(2))), None, "odd, then even");
    assert_eq!(said((1..=100).step_by(10).chain(1..=100)), None, "every tenth for a first look");
    assert_eq!(said([]), None);
    assert_eq!(said([1]), None);
}

#[test]
fn a_counter_that_wraps_is_seen() {
    let wrapped = said([9996, 9997, 9998, 9999, 1, 2, 3, 4]);
    assert_eq!(wrapped.as_deref(), Some("frames 1-4 are newer than frames 9996-9999, which come after them"));
    assert!(said((9_000..=9_999).chain(1..=500)).is_some());
    assert!(said((5_000..=9_999).chain(0..=4_999)).is_some(), "all the numbers there are");
    assert_eq!(said([1, 2, 3, 4, 9996, 9997, 9998, 9999]), None);
    // So few frames mean something only where the counter had come to its end.
    assert_eq!(said([9987, 9988, 9989, 9990, 1, 2, 3, 4]), None);
}

#[test]
fn a_clock_that_was_set_back_is_seen() {
    let stamps = Pattern { kind: Kind::TimeStamp, ..pattern() };
    let back = written([
        20_261_025_023_000,
        20_261_025_024_000,
        20_261_025_025_000,
        20_261_025_025_950,
        20_261_025_020_005,
        20_261_025_021_005,
        20_261_025_022_005,
        20_261_025_023_505,
        20_261_025_024_505,
    ]);
    assert_eq!(
        judge(&stamps, &back).map(|anomaly| anomaly.to_string()).as_deref(),
        Some("the clock went backwards: 20261025025950 was written before 20261025020005")
    );
    let forward = written((0..60).map(|minute| 20_261_025_020_000 + minute * 100));
    assert_eq!(judge(&stamps, &forward), None);
    // One was touched in the middle.
    let touched = (1..30).chain([0]).chain(30..60).map(|minute| 20_261_025_020_000 + minute * 100);
    assert_eq!(judge(&stamps, &written(touched)), None);
    // A copy in the order of a hash.
    let mixed = written((0..60).map(|minute| 20_261_025_020_000 + minute * 37 % 60 * 100));
    assert_eq!(judge(&stamps, &mixed), None);
}

#[test]
fn coarse_times_of_a_copy_mean_nothing() {
    // Twelve files, copied within two moments of a coarse clock.
    assert_eq!(judge(&pattern(), &frames((1..=12).map(|number| (number, i64::from(number <= 6))))), None);
}

#[test]
fn a_batch_in_order_of_time_keeps_its_names() {
    let batch = Batch {
        dir: std::sync::Arc::from(std::path::Path::new("/dcim")),
        pattern: pattern(),
        frames: written([9998, 9999, 1, 2]),
        missing: NumberRanges::missing_from([1, 2, 9998, 9999]),
        unreadable: Vec::new(),
        previews: Vec::new(),
        rewritten: NumberRanges::default(),
        reason: crate::sequence::finish::FinishReason::Now,
        taken_for: None,
        makers_rate: None,
        made_by: None,
    };
    let pattern = batch.pattern.clone();
    let ordered = batch.in_order_of_time();
    let names: Vec<String> = ordered.frames.iter().map(|frame| frame.file_name(&pattern).to_string()).collect();
    assert_eq!(names, ["shot.9998.png", "shot.9999.png", "shot.0001.png", "shot.0002.png"]);
    assert_eq!(ordered.frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(ordered.missing.is_empty());
    assert_eq!(judge(&pattern, &ordered.frames), None);
}

proptest! {
    #[test]
    fn any_times_are_judged(times in prop::collection::btree_map(-50i64..12_000, any::<i64>(), 0..60), stamps in any::<bool>()) {
        let frames: Vec<Frame> = times.into_iter().map(|(number, time)| frame(number, time)).collect();
        let kind = if stamps { Kind::TimeStamp } else { Kind::Count };
        if let Some(Anomaly::OutOfOrder { newer, older }) = judge(&Pattern { kind, ..pattern() }, &frames) {
            prop_assert!(newer.0 <= newer.1 && newer.1 < older.0 && older.0 <= older.1);
        }
    }
}
