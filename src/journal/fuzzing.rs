//! Fuzzing: the columns that hold JSON or packed lists. See [`crate::fuzzing`].

use super::chunks::fuzzing::frames;
use crate::fuzzing::json;
use crate::sequence::finish::FinishReason;
use crate::sequence::fuzzing::check_numbers;
use crate::sequence::gaps::NumberRanges;
use crate::sequence::{Anomaly, Pattern, Unreadable};

/// What a column holds.
pub(crate) fn columns(bytes: &[u8]) {
    if let Some(pattern) = json::<Pattern>(bytes) {
        check_numbers(&pattern, &[i64::MIN, -1, 0, i64::MAX]);
        assert_eq!(pattern.to_string(), pattern.clone().to_string());
    }
    if let Some(ranges) = json::<NumberRanges>(bytes) {
        assert_eq!(ranges.is_empty(), ranges.to_string().is_empty(), "{ranges:?}");
        let _ = ranges.count();
    }
    for anomaly in json::<Vec<Anomaly>>(bytes).unwrap_or_default() {
        assert!(!anomaly.to_string().is_empty());
    }
    json::<Vec<Unreadable>>(bytes);
    if let Some(reason) = json::<FinishReason>(bytes) {
        assert!(!reason.to_string().is_empty());
    }
    frames(bytes);
}

/// Columns to begin with.
#[cfg(test)]
pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    use crate::sequence::{KeyPart, Kind, Padding};
    let parts = vec![KeyPart::Stamp("YMD hms".into()), KeyPart::Text("_".into()), KeyPart::Number(Padding::Width(4))];
    let kind = Kind::Keyed { parts, time: true };
    let pattern = Pattern { prefix: "cam_".into(), suffix: ".jpg".into(), padding: Padding::None, kind };
    let missing = NumberRanges::of(&[3, 7, 8, 9]);
    let json = |written: serde_json::Result<Vec<u8>>| written.unwrap_or_default();
    vec![
        ("pattern.json", json(serde_json::to_vec(&pattern))),
        ("missing.json", json(serde_json::to_vec(&missing))),
        ("frames", super::chunks::fuzzing::seed()),
    ]
}
