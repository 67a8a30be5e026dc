//! The units of the configuration and of the command line: durations, rates, factors, colours, qualities, names.
//!
//! Owns every text form of a value, in both directions, so that both places accept the same. It never uses floating
//! point: a rate is a fraction from its first digit on.

use strsim::damerau_levenshtein;

use crate::error::Explain;

mod duration;
mod geometry;
mod names;
mod quality;
mod rate;

pub use duration::{parse_duration, parse_length, parse_pause, print_duration};
pub(in crate::config) use geometry::print_geometry;
pub use names::{Named, parse_generator};
pub use quality::{parse_colour, parse_exposure, parse_layer};
pub use rate::{Factor, Framerate};

/// A text that is not a value of its unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// It does not have the form of one.
    #[error("`{}` is not {what}", printable(text))]
    Malformed {
        /// The text.
        text: String,
        /// What it should be, with its article.
        what: &'static str,
        /// What one looks like.
        form: &'static str,
    },
    /// It has the form, but no sense.
    #[error("`{}` is out of range for {what}", printable(text))]
    OutOfRange {
        /// The text.
        text: String,
        /// What it should be, with its article.
        what: &'static str,
        /// What is allowed.
        range: &'static str,
    },
    /// It is not one of the names that there are.
    #[error("unknown {what} `{}`", printable(text))]
    Unknown {
        /// The text.
        text: String,
        /// What it should name, without an article.
        what: &'static str,
        /// The names there are.
        known: Vec<&'static str>,
    },
}

impl Explain for UnitError {
    /// What is allowed.
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Malformed { form, .. } => (*form).to_owned(),
            Self::OutOfRange { range, .. } => format!("allowed: {range}"),
            Self::Unknown { text, known, .. } => suggest(text, known),
        })
    }

    fn retryable(&self) -> bool {
        false
    }

    fn exit_code(&self) -> u8 {
        2
    }
}

impl UnitError {
    pub(super) fn malformed(text: &str, what: &'static str, form: &'static str) -> Self {
        Self::Malformed { text: text.to_owned(), what, form }
    }
}

/// "did you mean the nearest? allowed: all of them".
pub(super) fn suggest(text: &str, known: &[&str]) -> String {
    let allowed = format!("allowed: {}", known.join(", "));
    match nearest(text, known) {
        Some(name) => format!("did you mean `{name}`? {allowed}"),
        None => allowed,
    }
}

/// The known name that `text` was probably meant to be: at most one letter in three differs.
pub(super) fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    // The distance is quadratic in the length; no name there is comes near this one.
    if text.len() > 100 {
        return None;
    }
    let text = text.to_lowercase();
    let limit = (text.chars().count() / 3).max(1);
    known
        .iter()
        .map(|name| (damerau_levenshtein(&text, &name.to_lowercase()), *name))
        .filter(|(distance, name)| *distance <= limit && *distance < name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Text from a file as a message may show it: as names are shown, and shortened where it is very long.
pub(super) fn printable(text: &str) -> String {
    const LONGEST: usize = 80;
    let (start, cut) = match text.char_indices().nth(LONGEST) {
        Some((end, _)) => (&text[..end], "..."),
        None => (text, ""),
    };
    crate::text::printable::printable(start).into_owned() + cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("framerat", &["framerate", "framerate_factor"]), Some("framerate"));
        assert_eq!(nearest("H264", &["h264", "h265"]), Some("h264"));
        assert_eq!(nearest("banana", &["h264", "h265"]), None);
        assert_eq!(nearest("", &["av1"]), None);
    }

    #[test]
    fn messages_show_no_control_characters() {
        assert_eq!(printable("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(printable(&"x".repeat(500)).len(), 83);
    }
}
