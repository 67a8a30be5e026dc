//! Why an image is in no film, why a film waits, and what else there is to say of one.

use std::fmt;

use bstr::BString;

/// Why an image is in no film.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftAlone {
    /// No decoder reads its format.
    Unsupported {
        /// The name of the format.
        format: &'static str,
    },
    /// Its name begins as hidden files' and other programs' do.
    Hidden,
    /// Its name says that it is still written.
    Unfinished,
    /// It is the preview of a frame.
    PreviewOf(BString),
    /// It has the number of another image, which is the frame.
    SameNumberAs(BString),
    /// Several of its numbers change, but not together.
    NumbersDisagree,
    /// It does not fit the pattern that the user gave.
    DoesNotFitPattern,
}

/// Why a film is made only on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LooksLike {
    /// Its numbers are versions.
    Versions,
    /// Its numbers are the sizes of its images.
    Sizes,
}

/// What is worth knowing of a film.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// Its counter falls back now and then, so time orders it.
    CounterStartsAgain,
    /// Its clock goes back, so the count orders it.
    ClockGoesBack,
    /// Its counter ran over its last digit, as file times show.
    CounterCameRound,
    /// A single image bears the name of the film without a number.
    PerhapsItsFirst(BString),
}

impl LeftAlone {
    /// Whether one sentence does for both: they differ only in the image that they name.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::PreviewOf(_), Self::PreviewOf(_)) | (Self::SameNumberAs(_), Self::SameNumberAs(_)) => true,
            _ => self == other,
        }
    }

    /// The reason of `count` images that are alike, of which this is one's.
    #[must_use]
    pub fn of(&self, count: usize) -> String {
        if count == 1 {
            return self.to_string();
        }
        match self {
            Self::Unsupported { .. } => self.to_string(),
            Self::Hidden => "they are hidden, or belong to another program".to_owned(),
            Self::Unfinished => "their names say that they are unfinished".to_owned(),
            Self::PreviewOf(name) => format!("they are previews, such as that of {name}"),
            Self::SameNumberAs(name) => format!("each has the same number as another image, such as {name}"),
            Self::NumbersDisagree => {
                "the numbers in their names change, but not together; `pattern` can say which one counts".to_owned()
            }
            Self::DoesNotFitPattern => "they do not fit the pattern".to_owned(),
        }
    }
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported { format } => write!(f, "the format is not supported: {format}"),
            Self::Hidden => f.write_str("it is hidden, or belongs to another program"),
            Self::Unfinished => f.write_str("its name says that it is unfinished"),
            Self::PreviewOf(name) => write!(f, "it is the preview of {name}"),
            Self::SameNumberAs(name) => write!(f, "it has the same number as {name}"),
            Self::NumbersDisagree => {
                f.write_str("its numbers change, but not together; `pattern` can say which one counts")
            }
            Self::DoesNotFitPattern => f.write_str("it does not fit the pattern"),
        }
    }
}

impl fmt::Display for LooksLike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Versions => "the numbers look like versions",
            Self::Sizes => "the numbers look like sizes",
        })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CounterStartsAgain => f.write_str("its counter starts again, so it is ordered by time"),
            Self::ClockGoesBack => f.write_str("its clock goes back, so it is ordered by its count"),
            Self::CounterCameRound => {
                f.write_str("its counter came round, so what is newer follows its highest number")
            }
            Self::PerhapsItsFirst(name) => write!(f, "perhaps {name} is its first frame"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_agrees_with_the_number_of_images() {
        let preview = LeftAlone::PreviewOf("a1.exr".into());
        assert_eq!(preview.of(1), "it is the preview of a1.exr");
        assert_eq!(preview.of(30), "they are previews, such as that of a1.exr");
        let same = LeftAlone::SameNumberAs("a1.png".into());
        for why in [LeftAlone::Hidden, LeftAlone::Unfinished, LeftAlone::NumbersDisagree, same] {
            assert!(why.to_string().starts_with("it"), "{why}");
            assert!(!why.of(2).starts_with("it"), "{}", why.of(2));
        }
        assert_eq!(LeftAlone::DoesNotFitPattern.of(2), "they do not fit the pattern");
    }
}
