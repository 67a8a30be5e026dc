//! Fuzzing: what a decoder may say. See [`crate::fuzzing`].

use super::wire::{Answer, LONGEST, Refusal, Request};
use crate::frame::FrameErrorKind;

/// A message, as JSON.
pub(crate) fn answers(bytes: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<Request>(bytes) {
        let written = serde_json::to_vec(&request).unwrap_or_else(|error| panic!("{request:?}: {error}"));
        assert!(serde_json::from_slice::<Request>(&written).is_ok(), "{request:?}");
    }
    match serde_json::from_slice(bytes) {
        Ok(Answer::Refused(refusal)) => {
            let kind = FrameErrorKind::from(refusal);
            let said = kind.to_string();
            // Whatever a text holds, there is room for its escapes.
            let refusal = Refusal::from(kind);
            let written = serde_json::to_vec(&refusal).unwrap_or_else(|error| panic!("{refusal:?}: {error}"));
            assert!(written.len() < LONGEST - 100, "{} bytes", written.len());
            let again: Refusal =
                serde_json::from_slice(&written).unwrap_or_else(|error| panic!("{refusal:?}: {error}"));
            assert!(said.starts_with(FrameErrorKind::from(again).to_string().as_str()), "{said}");
        }
        Ok(Answer::Whole(info) | Answer::Decoded { info, .. }) => drop(info.checked()),
        Err(_) => {}
    }
}
